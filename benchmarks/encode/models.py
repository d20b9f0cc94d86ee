"""Encoders of the shapes that are measured, with seeded random weights: speed does not depend on training."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from benchmarks.encode.inputs import SYLLABLES, whole_words

MEAN: Final = (0.48145466, 0.4578275, 0.40821073)
STD: Final = (0.26862954, 0.26130258, 0.27577711)


@dataclass(frozen=True, slots=True, kw_only=True)
class Tower:
    """A transformer's widths; `extent` and `patch` in pixels, for images."""

    width: int
    layers: int
    heads: int
    inner: int
    extent: int = 0
    patch: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Shape:
    """One encoder: a text tower alone (BERT, mean pooling), or the two towers of a CLIP, of which one may be tiny."""

    name: str
    text: Tower
    vision: Tower | None = None
    dimensions: int
    vocabulary: int = 8192
    longest: int = 77
    extra: Mapping[str, Any] = field(default_factory=dict)

    @property
    def is_dual(self) -> bool:
        """Tell whether this is a CLIP."""
        return self.vision is not None


_TINY_TEXT = Tower(width=32, layers=1, heads=2, inner=64)
_TINY_VISION = Tower(width=32, layers=1, heads=2, inner=64, extent=32, patch=16)
_CLIP_TEXT = Tower(width=512, layers=12, heads=8, inner=2048)
_VIT_B32 = Tower(width=768, layers=12, heads=12, inner=3072, extent=224, patch=32)
_VIT_L14 = Tower(width=1024, layers=24, heads=16, inner=4096, extent=224, patch=14)
_DEMO_VISION = Tower(width=128, layers=1, heads=4, inner=256, extent=16, patch=16)

# The tower that a case does not use is tiny: half a gigabyte of weights is neither drawn nor read.
SHAPES: Final = {
    shape.name: shape
    for shape in (
        Shape(
            name="minilm",
            text=Tower(width=384, layers=6, heads=12, inner=1536),
            dimensions=384,
            vocabulary=30_522,
            longest=128,
        ),
        Shape(name="clip-text", text=_CLIP_TEXT, vision=_TINY_VISION, dimensions=512, vocabulary=49_408),
        Shape(name="vit-b32", text=_TINY_TEXT, vision=_VIT_B32, dimensions=512),
        Shape(name="vit-l14", text=_TINY_TEXT, vision=_VIT_L14, dimensions=768),
        Shape(name="demo", text=_TINY_TEXT, vision=_DEMO_VISION, dimensions=64),
        Shape(name="tiny-text", text=_TINY_TEXT, dimensions=32, longest=64),
        Shape(name="tiny", text=_TINY_TEXT, vision=_TINY_VISION, dimensions=32),
    )
}


def save_model(folder: Path, shape: Shape, *, seed: int = 0) -> Path:
    """Save a model with its tokenizer and processor into a new folder; return the folder."""
    from embver.encode.runtime import load_torch, load_transformers

    torch, transformers = load_torch(), load_transformers()
    torch.manual_seed(seed)
    folder.mkdir(parents=True)
    model = _clip(transformers, shape) if shape.is_dual else _bert(transformers, shape)
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            if parameter.dim() > 1:  # a trained model's rows differ; those of its first, small weights do not
                scale = 0.2 if "embedding" in name else parameter[0].numel() ** -0.5
                parameter.normal_(0.0, scale)
    model.save_pretrained(folder)
    tokenizer = _tokenizer(transformers, shape)
    if shape.vision is None:
        tokenizer.save_pretrained(folder)
    else:
        side = shape.vision.extent
        images = transformers.CLIPImageProcessor(
            size={"shortest_edge": side},
            crop_size={"height": side, "width": side},
            image_mean=list(MEAN),
            image_std=list(STD),
        )
        transformers.CLIPProcessor(images, tokenizer).save_pretrained(folder)
        images.save_pretrained(folder)
    return folder


def text_steps(shape: Shape) -> list[dict[str, Any]]:
    """Return a card's text steps for a shape."""
    return [
        {
            "step": "tokenize",
            "tokenizer": "PreTrainedTokenizerFast",
            "max_length": shape.longest,
            "truncation": "end",
        }
    ]


def image_steps(
    shape: Shape, decode: Mapping[str, Any] | None = None, resize: Mapping[str, Any] | None = None
) -> list[dict[str, Any]]:
    """Return a card's image steps for a shape; `decode` and `resize` say what is other than Pillow's."""
    assert shape.vision is not None
    side = shape.vision.extent
    return [
        {"step": "decode", "library": "pillow", "exif_rotate": False, "mode": "RGB", **(decode or {})},
        {
            "step": "resize",
            "size": side,
            "edge": "shortest",
            "interpolation": "bicubic",
            "antialias": True,
            **(resize or {}),
        },
        {"step": "center_crop", "size": side},
        {"step": "rescale", "factor": 1 / 255},
        {"step": "normalize", "mean": list(MEAN), "std": list(STD)},
    ]


def spec_of(shape: Shape, folder: Path, modality: str, steps: list[dict[str, Any]]) -> Any:
    """Return the EncoderSpec that a card with these steps gives."""
    from embver.encode.spec import EncoderSpec

    encoder: dict[str, Any] = {"preprocessing": steps}
    encoder |= {"projection": True} if shape.is_dual else {"pooling": "mean"}
    return EncoderSpec.from_plain(
        modality, encoder, {"dimensions": shape.dimensions, "normalized": True}, folder
    )


def _bert(transformers: Any, shape: Shape) -> Any:
    tower = shape.text
    config = transformers.BertConfig(
        vocab_size=shape.vocabulary,
        hidden_size=tower.width,
        num_hidden_layers=tower.layers,
        num_attention_heads=tower.heads,
        intermediate_size=tower.inner,
        max_position_embeddings=512,
    )
    return transformers.BertModel(config, add_pooling_layer=False)


def _clip(transformers: Any, shape: Shape) -> Any:
    text, vision = shape.text, shape.vision
    assert vision is not None
    config = transformers.CLIPConfig(
        text_config={
            "vocab_size": shape.vocabulary,
            "hidden_size": text.width,
            "intermediate_size": text.inner,
            "num_hidden_layers": text.layers,
            "num_attention_heads": text.heads,
            "max_position_embeddings": shape.longest,
            "bos_token_id": 2,
            "eos_token_id": 3,
            "pad_token_id": 0,
        },
        vision_config={
            "hidden_size": vision.width,
            "intermediate_size": vision.inner,
            "num_hidden_layers": vision.layers,
            "num_attention_heads": vision.heads,
            "image_size": vision.extent,
            "patch_size": vision.patch,
        },
        projection_dim=shape.dimensions,
    )
    return transformers.CLIPModel(config)


def _tokenizer(transformers: Any, shape: Shape) -> Any:
    from tokenizers import Tokenizer, models, pre_tokenizers, processors

    words = {"pad_token": "[PAD]", "unk_token": "[UNK]", "bos_token": "[BOS]", "eos_token": "[EOS]"}
    pieces = [*words.values(), *(f"##{part}" for part in SYLLABLES), *whole_words()]
    assert len(pieces) <= shape.vocabulary
    places = {piece: place for place, piece in enumerate(pieces)}
    tokenizer = Tokenizer(models.WordPiece(places, unk_token=words["unk_token"]))
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    tokenizer.post_processor = processors.TemplateProcessing(
        single="[BOS] $A [EOS]", special_tokens=[("[BOS]", 2), ("[EOS]", 3)]
    )
    return transformers.PreTrainedTokenizerFast(
        tokenizer_object=tokenizer, model_max_length=shape.longest, **words
    )
