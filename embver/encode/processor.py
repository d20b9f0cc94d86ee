"""Write a card's preprocessing steps from a model folder's own processor and tokenizer files; without torch."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from embver.encode.model_files import read_json
from embver.errors import EncodeError

_INTERPOLATIONS: Final = {0: "nearest", 1: "lanczos", 2: "bilinear", 3: "bicubic"}
_FAMILY_IMAGE_DEFAULTS: Final = ("do_resize", "do_center_crop", "do_rescale", "do_normalize")
# What a processor file says about itself, or about tensors rather than pixels: none of it moves a vector.
_SILENT: Final = frozenset({
    "image_processor_type", "feature_extractor_type", "processor_class", "_valid_processor_keys", "auto_map",
    "do_convert_rgb", "data_format", "input_data_format", "return_tensors", "default_to_square", "device",
    "disable_grouping", "image_seq_length", "size", "crop_size", "resample", "rescale_factor", "image_mean",
    "image_std", "backend", *_FAMILY_IMAGE_DEFAULTS,
})  # fmt: skip
_MANY_TOKENS: Final = 100_000  # tokenizers without a limit of their own say 1e30


def steps_from_processor(
    model_path: Path, *, max_length: int | None = None
) -> dict[str, list[dict[str, Any]]]:
    """Return the steps by modality that do what the folder's processor does; absent modalities have no processor.

    `max_length` is a limit of tokens that stands elsewhere, beside the tokenizer's own and the model's.
    Raise EncodeError naming what the card's steps cannot express: leaving it out would move every vector.
    """
    steps: dict[str, list[dict[str, Any]]] = {}
    if (model_path / "tokenizer_config.json").is_file() or (model_path / "tokenizer.json").is_file():
        steps["text"] = _text_steps(model_path, max_length)
    image = _image_config(model_path)
    if image is not None:
        steps["image"] = _image_steps(image)
    return steps


def _text_steps(model_path: Path, max_length: int | None) -> list[dict[str, Any]]:
    file = model_path / "tokenizer_config.json"
    tokenizer = read_json(file) if file.is_file() else {}
    config = read_json(model_path / "config.json") if (model_path / "config.json").is_file() else {}
    part = config.get("text_config") or config
    limits = [max_length, tokenizer.get("model_max_length"), part.get("max_position_embeddings")]
    lengths = [int(limit) for limit in limits if isinstance(limit, int | float) and 0 < limit < _MANY_TOKENS]
    if not lengths:
        raise EncodeError(
            f"{model_path.name} does not say how many tokens it reads", hint="write max_length yourself"
        )
    step: dict[str, Any] = {
        "step": "tokenize",
        "tokenizer": tokenizer.get("tokenizer_class") or "PreTrainedTokenizerFast",
        "max_length": min(lengths),
        "truncation": "end",
    }
    if str(config.get("model_type", "")).startswith("siglip"):
        step["padding"] = "max_length"  # trained on full rows without a mask; its processor always pads
    return [step]


def _image_config(model_path: Path) -> dict[str, Any] | None:
    plain = model_path / "preprocessor_config.json"
    if plain.is_file():
        return read_json(plain)
    nested = model_path / "processor_config.json"
    found = read_json(nested).get("image_processor") if nested.is_file() else None
    return dict(found) if isinstance(found, Mapping) else None


def _image_steps(config: Mapping[str, Any]) -> list[dict[str, Any]]:
    unknown = sorted(
        key for key, value in config.items() if key not in _SILENT and value not in (None, False)
    )
    if unknown:
        raise EncodeError(f"the image processor does what no step expresses: {', '.join(unknown)}")
    steps: list[dict[str, Any]] = [
        {"step": "decode", "library": "pillow", "exif_rotate": False, "mode": "RGB"}
    ]
    if config.get("do_convert_rgb", True):
        steps[0]["background"] = "white"
    if config.get("do_resize"):
        steps.append(_resize(config))
    if config.get("do_center_crop"):
        steps.append({"step": "center_crop"} | _extent(_sized(config, "crop_size"), "crop_size"))
    if config.get("do_rescale"):
        steps.append({"step": "rescale", "factor": float(config.get("rescale_factor") or 1 / 255)})
    if config.get("do_normalize"):
        mean, std = (_channels(config, key) for key in ("image_mean", "image_std"))
        steps.append({"step": "normalize", "mean": mean, "std": std})
    return steps


def _resize(config: Mapping[str, Any]) -> dict[str, Any]:
    size = _sized(config, "size")
    resample = config.get("resample")
    if resample not in _INTERPOLATIONS:
        raise EncodeError(f"the image processor's resample {resample!r} is not one that a step expresses")
    step: dict[str, Any] = {"step": "resize"}
    if set(size) == {"shortest_edge"}:
        step |= {"size": int(size["shortest_edge"]), "edge": "shortest"}
    else:
        step |= _extent(size, "size")
    return step | {"interpolation": _INTERPOLATIONS[resample], "antialias": True}


def _sized(config: Mapping[str, Any], key: str) -> dict[str, int]:
    size = config.get(key)
    if isinstance(size, int):  # the form of before 2022: one number, the shortest edge of a resize
        return {"shortest_edge": size} if key == "size" else {"height": size, "width": size}
    if not isinstance(size, Mapping):
        raise EncodeError(f"the image processor's {key} is not written in its file")
    return {name: value for name, value in size.items() if value is not None}


def _extent(size: Mapping[str, int], key: str) -> dict[str, int]:
    if set(size) != {"height", "width"}:
        raise EncodeError(f"the image processor's {key} {dict(size)} is not one that a step expresses")
    height, width = int(size["height"]), int(size["width"])
    return {"size": height} if key == "crop_size" and height == width else {"height": height, "width": width}


def _channels(config: Mapping[str, Any], key: str) -> list[float]:
    values = config.get(key)
    if not isinstance(values, list) or len(values) != 3:
        raise EncodeError(f"the image processor's {key} is not three numbers")
    return [float(value) for value in values]
