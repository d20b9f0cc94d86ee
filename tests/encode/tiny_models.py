"""Tiny seeded models of each family, built from a config object once a session; no network, no downloads."""

from __future__ import annotations

import os
from pathlib import Path

os.environ.setdefault("OMP_WAIT_POLICY", "passive")

import pytest

torch = pytest.importorskip("torch")
transformers = pytest.importorskip("transformers")
Image = pytest.importorskip("PIL.Image")

from embver.encode.spec import EncoderSpec  # noqa: E402

WORDS = [
    "red", "green", "blue", "cat", "dog", "bird", "face", "with", "tears", "of", "joy", "smiling", "sun", "moon", "star",
    "tree", "house", "a", "the", "on", "in",
]  # fmt: skip
MEAN, STD = [0.48145466, 0.4578275, 0.40821073], [0.26862954, 0.26130258, 0.27577711]


def save_tokenizer(folder: Path, max_length: int = 32) -> None:
    from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, processors

    special = ["[PAD]", "[UNK]", "[BOS]", "[EOS]"]
    pieces = [*special, *WORDS, *(chr(97 + i) for i in range(26)), *("##" + chr(97 + i) for i in range(26))]
    tokenizer = Tokenizer(
        models.WordPiece({piece: i for i, piece in enumerate(dict.fromkeys(pieces))}, unk_token="[UNK]")
    )
    tokenizer.normalizer = normalizers.BertNormalizer(lowercase=False)
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    tokenizer.post_processor = processors.TemplateProcessing(
        single="[BOS] $A [EOS]", special_tokens=[("[BOS]", 2), ("[EOS]", 3)]
    )
    transformers.PreTrainedTokenizerFast(
        tokenizer_object=tokenizer, pad_token="[PAD]", unk_token="[UNK]", bos_token="[BOS]", eos_token="[EOS]",
        model_max_length=max_length,
    ).save_pretrained(folder)  # fmt: skip


def save_clip(folder: Path, *, seed: int = 0, width: int = 96, dimensions: int = 64, image: int = 32) -> None:
    """Save a CLIP of the demo's shape with seeded weights that are far from their tiny initial values."""
    torch.manual_seed(seed)
    text = {
        "vocab_size": 80, "hidden_size": width, "intermediate_size": 2 * width, "num_hidden_layers": 1,
        "num_attention_heads": 3, "max_position_embeddings": 32, "bos_token_id": 2, "eos_token_id": 3, "pad_token_id": 0,
    }  # fmt: skip
    vision = {
        "hidden_size": width, "intermediate_size": 2 * width, "num_hidden_layers": 2, "num_attention_heads": 3,
        "image_size": image, "patch_size": 8,
    }  # fmt: skip
    config = transformers.CLIPConfig(text_config=text, vision_config=vision, projection_dim=dimensions)
    model = transformers.CLIPModel(config)
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            if parameter.dim() > 1:
                parameter.copy_(
                    torch.randn_like(parameter)
                    * (0.2 if "embedding" in name else parameter.shape[-1] ** -0.5)
                )
    model.save_pretrained(folder)
    save_tokenizer(folder)
    transformers.CLIPImageProcessor(
        size={"shortest_edge": image}, crop_size={"height": image, "width": image}
    ).save_pretrained(folder)


IMAGE_STEPS = [
    {"step": "decode", "library": "pillow", "exif_rotate": True, "mode": "RGB", "background": "white"},
    {"step": "resize", "size": 32, "edge": "shortest", "interpolation": "bicubic", "antialias": True},
    {"step": "center_crop", "size": 32},
    {"step": "rescale", "factor": 1 / 255},
    {"step": "normalize", "mean": MEAN, "std": STD},
]
TEXT_STEPS = [
    {"step": "unicode_normalize", "form": "NFKC"},
    {"step": "lowercase"},
    {"step": "tokenize", "tokenizer": "PreTrainedTokenizerFast", "max_length": 32, "truncation": "end"},
]


def clip_spec(modality: str, folder: Path, **encoder: object) -> EncoderSpec:
    steps = TEXT_STEPS if modality == "text" else IMAGE_STEPS
    plain = {"projection": True, "preprocessing": steps} | encoder
    return EncoderSpec.from_plain(modality, plain, {"dimensions": 64, "normalized": True}, folder)
