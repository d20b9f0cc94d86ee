"""Tell what a model folder holds without torch: checksums, and the architecture from config and headers."""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from embver.errors import EncodeError

TOKENIZER_FILES: Final = (
    "tokenizer.json", "tokenizer_config.json", "special_tokens_map.json", "added_tokens.json", "vocab.json",
    "vocab.txt", "merges.txt", "spiece.model", "sentencepiece.bpe.model", "tokenizer.model",
)  # fmt: skip
PROCESSOR_FILES: Final = ("preprocessor_config.json", "processor_config.json")

_PREFIXES: Final = {
    "text": ("text_model.", "text_projection"),
    "image": ("vision_model.", "visual_projection"),
}
_VIT_SIZES: Final = {192: "Ti", 384: "S", 768: "B", 1024: "L", 1280: "H"}
_LONGEST_HEADER_BYTES: Final = 100 << 20


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelFiles:
    """What the files of a model folder say, in a card's own words; None where the folder does not tell."""

    weights: tuple[Mapping[str, Any], ...]
    tokenizer_sha256: str | None
    processor_sha256: str | None
    architecture: Mapping[str, Any]


def describe_model(path: Path, *, modality: str | None = None) -> ModelFiles:
    """Describe a local transformers folder; raise EncodeError if it is none or its weights are not safetensors.

    With a modality, the architecture is that of its part of a dual encoder: its backbone and its parameters.
    """
    config = read_json(path / "config.json")
    weights = sorted(path.glob("*.safetensors"))
    if not weights:
        raise EncodeError(
            f"{path} has no weights in safetensors",
            hint="save them with save_pretrained(..., safe_serialization=True)",
        )
    return ModelFiles(
        weights=tuple(
            {"path": file.name, "sha256": file_sha256(file), "size_bytes": file.stat().st_size}
            for file in weights
        ),
        tokenizer_sha256=_digest(path / name for name in TOKENIZER_FILES),
        processor_sha256=_digest(path / name for name in PROCESSOR_FILES),
        architecture=_architecture(config, weights, modality),
    )


def read_json(path: Path) -> dict[str, Any]:
    """Read a JSON object; raise EncodeError if the file is missing or holds something else."""
    try:
        plain = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise EncodeError(
            f"{path.parent} has no {path.name}", hint="is it a transformers model folder?"
        ) from None
    except (OSError, ValueError) as error:
        raise EncodeError(f"{path} is not readable JSON: {error}") from error
    if not isinstance(plain, dict):
        raise EncodeError(f"{path} is not a JSON object")
    return plain


def file_sha256(path: Path) -> str:
    """Return the SHA-256 of a file, in hex."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _digest(files: Iterable[Path]) -> str | None:
    """Return the SHA-256 over `sha256sum` lines of the files that exist, sorted by name; None if none does."""
    lines = sorted((file.name, file_sha256(file)) for file in files if file.is_file())
    listing = "".join(f"{digest}  {name}\n" for name, digest in lines)
    return hashlib.sha256(listing.encode()).hexdigest() if lines else None


def _architecture(config: Mapping[str, Any], weights: Iterable[Path], modality: str | None) -> dict[str, Any]:
    class_name = (config.get("architectures") or [None])[0]
    family = class_name.removesuffix("Model") if class_name else config.get("model_type")
    described: dict[str, Any] = {"family": family, "class": class_name}
    if modality is not None:
        described["backbone"] = _backbone(config, modality)
    described["parameters"] = _parameters(weights, modality)
    return {key: value for key, value in described.items() if value is not None}


def _backbone(config: Mapping[str, Any], modality: str) -> str | None:
    part = config.get("vision_config" if modality == "image" else "text_config", config)
    layers, width, patch = (part.get(key) for key in ("num_hidden_layers", "hidden_size", "patch_size"))
    if modality == "text":
        return f"transformer-{layers}" if layers else None
    if not (layers and width and isinstance(patch, int)):
        return None
    return f"ViT-{_VIT_SIZES.get(width, f'{layers}x{width}')}/{patch}"


def _parameters(weights: Iterable[Path], modality: str | None) -> int:
    shapes = {name: shape for file in weights for name, shape in _header(file).items()}
    prefixes = _PREFIXES.get(modality or "", ())
    own = {name: shape for name, shape in shapes.items() if name.startswith(prefixes)} if prefixes else {}
    return sum(
        math.prod(shape) for name, shape in (own or shapes).items() if not name.endswith("position_ids")
    )


def _header(path: Path) -> dict[str, list[int]]:
    """Return the shape of each tensor from a safetensors header, without reading the tensors."""
    with path.open("rb") as file:
        size_bytes = int.from_bytes(file.read(8), "little")
        if size_bytes > min(_LONGEST_HEADER_BYTES, path.stat().st_size):
            raise EncodeError(f"{path} is not a safetensors file")
        try:
            header: dict[str, Any] = json.loads(file.read(size_bytes))
            return {name: entry["shape"] for name, entry in header.items() if name != "__metadata__"}
        except (ValueError, KeyError, TypeError) as error:
            raise EncodeError(f"{path} is not a safetensors file") from error
