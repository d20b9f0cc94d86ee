"""Write a card's image steps from an image processor's file: what it does, in its order, or an error by name."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from embver.encode.image_families import Family, family_of
from embver.encode.image_vocabulary import TORCH_INTERPOLATIONS
from embver.errors import EncodeError

_INTERPOLATIONS: Final = {
    0: "nearest", 1: "lanczos", 2: "bilinear", 3: "bicubic", 4: "box", 5: "hamming",
}  # fmt: skip
# What a processor file says about itself, or about tensors rather than pixels: none of it moves a vector.
_SILENT: Final = frozenset({
    "image_processor_type", "feature_extractor_type", "processor_class", "_valid_processor_keys", "auto_map",
    "do_convert_rgb", "data_format", "input_data_format", "return_tensors", "default_to_square", "device",
    "disable_grouping", "image_seq_length", "backend", "model_input_names",
})  # fmt: skip
_READ: Final = frozenset({
    "do_resize", "size", "resample", "do_center_crop", "crop_size", "do_rescale", "rescale_factor", "do_normalize",
    "image_mean", "image_std",
})  # fmt: skip


def image_steps(config: Mapping[str, Any], *, model_type: str | None = None) -> list[dict[str, Any]]:
    """Return the steps that do what a processor's file says; raise EncodeError naming what no step expresses.

    Where its class is the one for torch (`...Fast`), it resizes with torch; all others with Pillow.
    """
    family, is_fast = family_of(config, model_type)
    known = _SILENT | _READ | family.own | family.silent
    unknown = sorted(key for key, value in config.items() if key not in known and value not in (None, False))
    if unknown:
        raise EncodeError(f"the image processor does what no step expresses: {', '.join(unknown)}")
    said = {key: value for key, value in config.items() if value is not None}
    merged = {**family.defaults, **said}
    if merged.get("do_resize") and config.get("size", 0) is None:
        raise EncodeError("the image processor's size is not written in its file")
    decode: dict[str, Any] = {"step": "decode", "library": "pillow", "exif_rotate": False, "mode": "RGB"}
    if config.get("do_convert_rgb", True):
        decode["background"] = "white"
    steps = [decode]
    if merged.get("do_pad"):  # of the families with this key: to a square, before the resize
        colour = [int(value * 255) for value in _channels(merged, "image_mean")]
        steps.append({"step": "pad", "square": True, "where": "center", "background": colour})
    if merged.get("do_resize"):
        steps += _resize(merged, family, is_fast)
    if merged.get("do_center_crop"):
        steps.append({"step": "center_crop"} | _extent(_sized(merged, "crop_size", True), "crop_size"))
        _check_crop(steps, is_fast)
    return steps + _levels(merged)


def _levels(merged: Mapping[str, Any]) -> list[dict[str, Any]]:
    steps: list[dict[str, Any]] = []
    if merged.get("do_rescale"):
        steps.append({"step": "rescale", "factor": float(merged["rescale_factor"])})
        if merged.get("rescale_offset"):
            steps[-1]["offset"] = -1.0
    if merged.get("do_normalize"):
        mean, std = (_channels(merged, key) for key in ("image_mean", "image_std"))
        steps.append({"step": "normalize", "mean": mean, "std": std})
    if merged.get("include_top"):  # EfficientNet's second division, whether it normalises or not
        steps.append({"step": "normalize", "mean": [0.0, 0.0, 0.0], "std": _channels(merged, "image_std")})
    return steps


def _resize(merged: Mapping[str, Any], family: Family, is_fast: bool) -> list[dict[str, Any]]:
    size = _sized(merged, "size", bool(merged.get("default_to_square", True)))
    resample = merged.get("resample")
    if resample not in _INTERPOLATIONS:
        raise EncodeError(f"the image processor's resample {resample!r} is not one that a step expresses")
    how: dict[str, Any] = {"interpolation": _INTERPOLATIONS[resample], "antialias": True}
    if is_fast:
        if how["interpolation"] not in TORCH_INTERPOLATIONS:
            raise EncodeError(
                f"the image processor's resample {how['interpolation']} is not one that torch's resize step does",
                hint="name the processor's class without Fast to resize with Pillow",
            )
        how["library"] = "torch"
    edge = size.get("shortest_edge") if set(size) == {"shortest_edge"} else None
    if family.resize == "convnext":
        if edge is None:
            raise EncodeError(f"the image processor's size {size} is not one that its class takes")
        if edge < 384:
            return [_shortest(int(edge / merged["crop_pct"]), how), {"step": "center_crop", "size": edge}]
        return [{"step": "resize", "height": edge, "width": edge, **how}]
    if family.resize == "poolformer":
        if edge is None and set(size) == {"height", "width"} and size["height"] == size["width"]:
            edge = size["height"]
        if edge is not None:
            return [_shortest(int(edge / merged["crop_pct"]), how)]
        size = {name: int(value / merged["crop_pct"]) for name, value in size.items()}
    elif family.resize == "levit" and edge is not None:
        return [_shortest(int(256 / 224 * edge), how)]
    if edge is not None:
        return [_shortest(edge, how)]
    return [{"step": "resize", **_extent(size, "size"), **how}]


def _shortest(size: int, how: Mapping[str, Any]) -> dict[str, Any]:
    return {"step": "resize", "size": size, "edge": "shortest", **how}


def _check_crop(steps: list[dict[str, Any]], is_fast: bool) -> None:
    """Refuse a crop larger than the image where the class is torch's: it lays the odd pixel to the other side."""
    crop = steps[-1]
    sides = (crop.get("height", crop.get("size", 0)), crop.get("width", crop.get("size", 0)))
    resized = steps[-2] if steps[-2]["step"] == "resize" else {}
    least = (resized.get("height", resized.get("size", 0)), resized.get("width", resized.get("size", 0)))
    if is_fast and (sides[0] > least[0] or sides[1] > least[1]):
        raise EncodeError(
            "the image processor's crop_size may be larger than the image, which torch's class fills otherwise",
            hint="name the processor's class without Fast",
        )


def _sized(config: Mapping[str, Any], key: str, is_square: bool) -> dict[str, int]:
    size = config.get(key)
    if isinstance(size, int):  # the form of before 2022: one number
        return {"height": size, "width": size} if is_square else {"shortest_edge": size}
    if isinstance(size, list) and len(size) == 2:
        return {"height": size[0], "width": size[1]}
    if not isinstance(size, Mapping):
        raise EncodeError(f"the image processor's {key} is not written in its file")
    return {name: int(value) for name, value in size.items() if value is not None}


def _extent(size: Mapping[str, int], key: str) -> dict[str, int]:
    if set(size) != {"height", "width"}:
        raise EncodeError(f"the image processor's {key} {dict(size)} is not one that a step expresses")
    height, width = size["height"], size["width"]
    return {"size": height} if key == "crop_size" and height == width else {"height": height, "width": width}


def _channels(config: Mapping[str, Any], key: str) -> list[float]:
    values = config.get(key)
    if not isinstance(values, list) or len(values) != 3:
        raise EncodeError(f"the image processor's {key} is not three numbers")
    return [float(value) for value in values]
