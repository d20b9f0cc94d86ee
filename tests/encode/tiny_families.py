"""Tiny seeded models of the families of encoders, saved as transformers and sentence-transformers save them."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

from tiny_models import save_tokenizer, torch, transformers

from embver.encode.spec import EncoderSpec

VOCABULARY, WIDTH, LENGTH = 80, 32, 32
SHAPE = {
    "vocab_size": VOCABULARY, "hidden_size": WIDTH, "num_hidden_layers": 2, "num_attention_heads": 4,
    "intermediate_size": 2 * WIDTH, "max_position_embeddings": LENGTH, "pad_token_id": 0, "bos_token_id": 2,
    "eos_token_id": 3,
}  # fmt: skip
DECODER = SHAPE | {"num_key_value_heads": 2, "head_dim": 8}
VISION = {"hidden_size": WIDTH, "num_hidden_layers": 2, "num_attention_heads": 4, "intermediate_size": 2 * WIDTH,
          "image_size": 32, "patch_size": 8}  # fmt: skip


def stirred(model: object) -> object:
    """Draw weights far from their tiny initial values, so that a slip shows in the first digits."""
    with torch.no_grad():
        for parameter in model.parameters():
            scale = parameter.shape[-1] ** -0.5 if parameter.dim() > 1 else 0.1
            parameter.add_(torch.randn_like(parameter) * scale)
    return model.eval()


def made(build: Callable[[], object], folder: Path, *, seed: int = 3) -> object:
    torch.manual_seed(seed)
    model = stirred(build())
    model.save_pretrained(folder)
    return model


TEXT_FAMILIES: dict[str, Callable[[], object]] = {
    "bert": lambda: transformers.BertModel(transformers.BertConfig(**SHAPE)),
    "roberta": lambda: transformers.RobertaModel(
        transformers.RobertaConfig(**SHAPE | {"max_position_embeddings": LENGTH + 1})
    ),
    "xlm-roberta": lambda: transformers.XLMRobertaModel(
        transformers.XLMRobertaConfig(**SHAPE | {"max_position_embeddings": LENGTH + 1})
    ),
    "mpnet": lambda: transformers.MPNetModel(
        transformers.MPNetConfig(**SHAPE | {"max_position_embeddings": LENGTH + 2, "pad_token_id": 1})
    ),
    "distilbert": lambda: transformers.DistilBertModel(
        transformers.DistilBertConfig(
            vocab_size=VOCABULARY, dim=WIDTH, n_layers=2, n_heads=4, hidden_dim=64, max_position_embeddings=LENGTH
        )
    ),
    "modernbert": lambda: transformers.ModernBertModel(
        transformers.ModernBertConfig(**SHAPE | {"cls_token_id": 2, "sep_token_id": 3, "global_attn_every_n_layers": 2})
    ),
    "qwen3": lambda: transformers.Qwen3Model(transformers.Qwen3Config(**DECODER)),
    "llama": lambda: transformers.LlamaModel(transformers.LlamaConfig(**DECODER)),
    "gemma2": lambda: transformers.Gemma2Model(transformers.Gemma2Config(**DECODER)),
    "gpt2": lambda: transformers.GPT2Model(
        transformers.GPT2Config(vocab_size=VOCABULARY, n_embd=WIDTH, n_layer=2, n_head=4, n_positions=LENGTH)
    ),
    "t5": lambda: transformers.T5EncoderModel(
        transformers.T5Config(vocab_size=VOCABULARY, d_model=WIDTH, d_kv=8, d_ff=64, num_layers=2, num_heads=4)
    ),
}  # fmt: skip
CAUSAL = ("qwen3", "llama", "gemma2", "gpt2")

VISION_FAMILIES: dict[str, tuple[str, Callable[[], object]]] = {
    "vit": ("cls", lambda: transformers.ViTModel(transformers.ViTConfig(**VISION))),
    "vit-mean": ("mean", lambda: transformers.ViTModel(transformers.ViTConfig(**VISION))),
    "vit-pooler": ("pooler", lambda: transformers.ViTModel(transformers.ViTConfig(**VISION))),
    "dinov2": ("cls", lambda: transformers.Dinov2Model(transformers.Dinov2Config(**VISION))),
    "convnext": (
        "pooler",
        lambda: transformers.ConvNextModel(
            transformers.ConvNextConfig(hidden_sizes=[8, 16, 24, 32], depths=[1, 1, 1, 1], image_size=32)
        ),
    ),
    "convnext-mean": (
        "mean",
        lambda: transformers.ConvNextModel(
            transformers.ConvNextConfig(hidden_sizes=[8, 16, 24, 32], depths=[1, 1, 1, 1], image_size=32)
        ),
    ),
    "resnet": (
        "pooler",
        lambda: transformers.ResNetModel(
            transformers.ResNetConfig(embedding_size=8, hidden_sizes=[8, 16, 24, 32], depths=[1, 1, 1, 1])
        ),
    ),
}

TOKENIZE = {
    "step": "tokenize",
    "tokenizer": "PreTrainedTokenizerFast",
    "max_length": LENGTH - 2,
    "truncation": "end",
}


def save_text_model(folder: Path, family: str, *, seed: int = 3) -> object:
    """Save a text encoder with its tokenizer, which pads on the left where the family is a decoder."""
    folder.mkdir(parents=True, exist_ok=True)
    model = made(TEXT_FAMILIES[family], folder, seed=seed)
    save_tokenizer(folder, max_length=LENGTH - 2)
    if family in CAUSAL:
        edit(folder / "tokenizer_config.json", padding_side="left")
    return model


def text_spec(
    folder: Path, *, dimensions: int = WIDTH, normalized: bool = True, **encoder: object
) -> EncoderSpec:
    plain = {"pooling": "mean", "preprocessing": [TOKENIZE]} | encoder
    return EncoderSpec.from_plain("text", plain, {"dimensions": dimensions, "normalized": normalized}, folder)


def write(path: Path, plain: object) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(plain), encoding="utf-8")


def edit(path: Path, **values: object) -> None:
    """Change keys of a JSON file; None takes one away."""
    plain = json.loads(path.read_text(encoding="utf-8")) | values
    write(path, {key: value for key, value in plain.items() if value is not None})
