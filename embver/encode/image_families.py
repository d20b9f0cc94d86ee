"""The image processors whose work a card's steps express: their classes, and what each does that its file leaves out.

A processor's file often says less than it does: what it leaves out is its class's default. So a class that is not
known here is refused by name, never guessed. `tests/encode/test_processor.py` holds this table against the classes.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any, Final

from embver.errors import EncodeError

_CLIP: Final = {
    "image_mean": [0.48145466, 0.4578275, 0.40821073],
    "image_std": [0.26862954, 0.26130258, 0.27577711],
}
_HALF: Final = {"image_mean": [0.5, 0.5, 0.5], "image_std": [0.5, 0.5, 0.5]}
_IMAGENET: Final = {"image_mean": [0.485, 0.456, 0.406], "image_std": [0.229, 0.224, 0.225]}
_ALWAYS: Final = {"do_resize": True, "do_rescale": True, "do_normalize": True, "rescale_factor": 1 / 255}
_BILINEAR: Final = {"resample": 2}
_BICUBIC: Final = {"resample": 3}
_SHORTEST: Final = {"default_to_square": False}


def _square(edge: int) -> dict[str, int]:
    return {"height": edge, "width": edge}


def _cropped(size: Mapping[str, int], crop: int) -> dict[str, Any]:
    return {"size": dict(size), "do_center_crop": True, "crop_size": _square(crop)}


@dataclass(frozen=True, slots=True, kw_only=True)
class Family:
    """One class of image processors: its defaults, keys of its own, and how it differs from the plain order.

    `resize` names what it makes of `size`: plain, or enlarged by `crop_pct` (convnext, poolformer) or by 256/224
    (levit). Keys in `silent` move no vector; those in `own` are read.
    """

    defaults: Mapping[str, Any]
    resize: str = "plain"
    own: frozenset[str] = frozenset()
    silent: frozenset[str] = field(default_factory=frozenset)


def _family(*defaults: Mapping[str, Any], **rest: Any) -> Family:
    merged: dict[str, Any] = dict(_ALWAYS)
    for part in defaults:
        merged |= part
    return Family(defaults=MappingProxyType(merged), **rest)


_LABELS: Final = frozenset({"do_reduce_labels"})  # of segmentation maps
_CLIP_LIKE: Final = (_CLIP, _BICUBIC, _SHORTEST, _cropped({"shortest_edge": 224}, 224))

FAMILIES: Final[Mapping[str, Family]] = MappingProxyType({
    "BeitImageProcessor": _family(
        _HALF, _BICUBIC, _cropped(_square(224), 224), {"do_center_crop": False}, silent=_LABELS
    ),
    "BitImageProcessor": _family(*_CLIP_LIKE),
    "BlipImageProcessor": _family(_CLIP, _BICUBIC, {"size": _square(384)}),
    "CLIPImageProcessor": _family(*_CLIP_LIKE),
    "ChineseCLIPImageProcessor": _family(*_CLIP_LIKE),
    "ConvNextImageProcessor": _family(
        _HALF, _BICUBIC, _SHORTEST, {"size": {"shortest_edge": 384}, "crop_pct": 224 / 256},
        resize="convnext", own=frozenset({"crop_pct"}),
    ),
    "DeiTImageProcessor": _family(_HALF, _BICUBIC, _cropped(_square(256), 224)),
    "EfficientNetImageProcessor": _family(
        _HALF, _BICUBIC, _cropped(_square(346), 289),
        {"do_center_crop": False, "rescale_offset": False, "include_top": True},
        own=frozenset({"rescale_offset", "include_top"}),
    ),
    "LevitImageProcessor": _family(
        _IMAGENET, _BICUBIC, _SHORTEST, _cropped({"shortest_edge": 224}, 224), resize="levit"
    ),
    "LlavaImageProcessor": _family(*_CLIP_LIKE, {"do_pad": False}, own=frozenset({"do_pad"})),
    "MobileNetV1ImageProcessor": _family(
        _HALF, _BILINEAR, _SHORTEST, _cropped({"shortest_edge": 256}, 224)
    ),
    "MobileNetV2ImageProcessor": _family(
        _HALF, _BILINEAR, _SHORTEST, _cropped({"shortest_edge": 256}, 224), silent=_LABELS
    ),
    "OwlViTImageProcessor": _family(
        _CLIP, _BICUBIC, _cropped(_square(768), 768), {"do_center_crop": False}
    ),
    "PoolFormerImageProcessor": _family(
        _IMAGENET, _BICUBIC, _SHORTEST, _cropped({"shortest_edge": 224}, 224), {"crop_pct": 0.9},
        resize="poolformer", own=frozenset({"crop_pct"}),
    ),
    "PvtImageProcessor": _family(_IMAGENET, _BICUBIC, {"size": _square(224)}),
    "SegformerImageProcessor": _family(_IMAGENET, _BILINEAR, {"size": _square(512)}, silent=_LABELS),
    "SiglipImageProcessor": _family(_HALF, _BICUBIC, _SHORTEST, {"size": _square(224)}),
    "ViTImageProcessor": _family(_HALF, _BILINEAR, {"size": _square(224)}),
})  # fmt: skip

# Files of before 2022 do not name a class; the model's type then decides, as it does in transformers.
_BY_MODEL_TYPE: Final = MappingProxyType({
    "aimv2": "CLIP", "align": "EfficientNet", "altclip": "CLIP", "beit": "Beit", "bit": "Bit", "blip": "Blip",
    "blip-2": "Blip", "chinese_clip": "ChineseCLIP", "clip": "CLIP", "clip_vision_model": "CLIP", "clipseg": "ViT",
    "convnext": "ConvNext", "convnextv2": "ConvNext", "cvt": "ConvNext", "data2vec-vision": "Beit", "deit": "DeiT",
    "dinov2": "Bit", "dinov2_with_registers": "Bit", "efficientnet": "EfficientNet", "focalnet": "Bit",
    "groupvit": "CLIP", "hiera": "Bit", "ijepa": "ViT", "levit": "Levit", "metaclip_2": "CLIP", "mlcd": "CLIP",
    "mobilenet_v1": "MobileNetV1", "mobilenet_v2": "MobileNetV2", "owlvit": "OwlViT", "poolformer": "PoolFormer",
    "pvt": "Pvt", "pvt_v2": "Pvt", "regnet": "ConvNext", "resnet": "ConvNext", "siglip": "Siglip",
    "siglip_vision_model": "Siglip", "swin": "ViT", "swinv2": "ViT", "vit": "ViT", "vit_mae": "ViT", "vit_msn": "ViT",
    "xclip": "CLIP",
})  # fmt: skip
_NO_STEPS: Final = MappingProxyType(
    {
        "Siglip2ImageProcessor": "it cuts each image into patches of its own shape (naflex)",
        "DINOv3ViTImageProcessor": "it resizes floating-point pixels, after rescale",
        "MobileViTImageProcessor": "it swaps red and blue",
        "TimmWrapperImageProcessor": "timm makes its own transforms",
        "PerceiverImageProcessor": "it crops to a share of each image's own size",
    }
)


def family_of(config: Mapping[str, Any], model_type: str | None) -> tuple[Family, bool]:
    """Return a processor file's family, and whether its class resizes with torch; raise EncodeError for others."""
    named = str(config.get("image_processor_type") or config.get("feature_extractor_type") or "")
    if not named:
        named = f"{_BY_MODEL_TYPE.get(model_type or '', '')}ImageProcessor"
        if named not in FAMILIES:
            raise EncodeError(
                f"the image processor's file does not name its class, and the model's type {model_type!r} does not tell",
                hint="write image_processor_type into it, or the steps into the card",
            )
    is_fast = named.endswith("Fast")
    name = named.removesuffix("Fast").removesuffix("Pil").replace("FeatureExtractor", "ImageProcessor")
    if name not in FAMILIES:
        because = f": {_NO_STEPS[name]}" if name in _NO_STEPS else ""
        raise EncodeError(
            f"the image processor {named} does what no step expresses{because}",
            hint=f"processors with steps: {', '.join(sorted(FAMILIES))}",
        )
    return FAMILIES[name], is_fast
