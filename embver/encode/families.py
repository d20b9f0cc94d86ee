"""What is known of families of models by their `model_type`: where they pool, how long a text they read. No torch."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, Final

# Where a dual encoder pools is the model's own affair; a card that says otherwise would record what did not run.
DUAL_POOLING: Final[Mapping[str, Mapping[str, str]]] = MappingProxyType({
    "chinese_clip": {"text": "cls", "image": "cls"},
    "clap": {"text": "pooler", "audio": "mean"},
    "clip": {"text": "eos", "image": "cls"},
    "metaclip_2": {"text": "eos", "image": "cls"},
    "siglip": {"text": "last", "image": "attention"},
    "siglip2": {"text": "last", "image": "attention"},
})  # fmt: skip
# What a plain encoder's hidden states are pooled by; `pooler` is the model's own pooled output.
PLAIN_POOLING: Final = ("cls", "mean", "last", "max", "weighted_mean", "mean_sqrt_len", "pooler")

# How the makers of plain encoders that are no text encoders pool, where their families have one way.
_OWN_POOLING: Final[Mapping[str, str]] = MappingProxyType(
    dict.fromkeys(("beit", "data2vec-vision", "deit", "dinov2", "dinov2_with_registers", "dinov3_vit", "ijepa",
                   "vit", "vit_msn"), "cls")
    | dict.fromkeys(("bit", "clip_text_model", "clip_vision_model", "convnext", "convnextv2", "dinov3_convnext",
                     "efficientnet", "levit", "mobilenet_v2", "regnet", "resnet", "siglip_text_model",
                     "siglip_vision_model", "swin", "swinv2"), "pooler")
    | {"audio-spectrogram-transformer": "pooler", "clap_audio_model": "pooler"}
)  # fmt: skip
_PARTS: Final[Mapping[str, str]] = MappingProxyType(
    {"text": "text_config", "image": "vision_config", "audio": "audio_config"}
)
# Their forward draws random numbers, in evaluation too.
RANDOM: Final = ("vit_mae", "vit_hybrid_mae")
# Trained on rows that are always full, whose padding is seen: no mask, and no shorter row.
FULL_ROWS: Final = ("siglip", "siglip2", "siglip_text_model", "siglip2_text_model")
# Positions of tokens count on from the padding's id: that many fewer tokens fit.
_POSITIONS_FROM_PADDING: Final = frozenset({
    "camembert", "data2vec-text", "esm", "ibert", "layoutlmv3", "longformer", "luke", "mpnet", "roberta",
    "roberta-prelayernorm", "xlm-roberta", "xlm-roberta-xl", "xmod", "clap_text_model",
})  # fmt: skip


def part_of(config: Mapping[str, Any], modality: str) -> Mapping[str, Any]:
    """Return the part of a config that speaks of one modality; the whole of a plain encoder's."""
    part = config.get(_PARTS.get(modality, ""))
    return part if isinstance(part, Mapping) else config


def own_pooling(config: Mapping[str, Any], modality: str) -> str | None:
    """Return how a family pools one modality, or None where the card must say."""
    family = str(config.get("model_type"))
    if family in DUAL_POOLING:
        return DUAL_POOLING[family].get(modality)
    return _OWN_POOLING.get(family)


def token_limit(config: Mapping[str, Any]) -> int | None:
    """Return the most tokens that a text encoder has positions for, special ones included; None without a limit."""
    part = part_of(config, "text")
    limit = part.get("max_position_embeddings")
    if not isinstance(limit, int) or limit < 1:  # XLNet says -1: any number
        return None
    family = str(part.get("model_type") or config.get("model_type"))
    if family in _POSITIONS_FROM_PADDING:
        padding = part.get("pad_token_id")
        return limit - 1 - (padding if isinstance(padding, int) else 1)
    return limit


def width_of(config: Mapping[str, Any]) -> int | None:
    """Return the length of a plain encoder's hidden states, where its config tells."""
    for key in ("hidden_size", "d_model", "dim", "n_embd"):
        if isinstance(config.get(key), int):
            return int(config[key])
    widths = config.get("hidden_sizes")
    if isinstance(widths, list) and widths and isinstance(widths[-1], int):
        return int(widths[-1])
    return None
