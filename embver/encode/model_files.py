"""Tell what a model folder holds without torch: checksums of every file that is used, and the architecture."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from embver.encode.families import part_of
from embver.encode.modules import read_chain
from embver.encode.plain_files import file_sha256, read_json
from embver.encode.weights import PICKLED, SAFE, shapes_of, weight_files
from embver.errors import EncodeError

__all__ = [
    "PROCESSOR_FILES",
    "TOKENIZER_FILES",
    "ModelFiles",
    "dense_weights",
    "describe_model",
    "file_sha256",
    "read_json",
]

TOKENIZER_FILES: Final = (
    "tokenizer.json", "tokenizer_config.json", "special_tokens_map.json", "added_tokens.json", "vocab.json",
    "vocab.txt", "merges.txt", "spiece.model", "sentencepiece.bpe.model", "tokenizer.model",
)  # fmt: skip
PROCESSOR_FILES: Final = ("preprocessor_config.json", "processor_config.json")

_PREFIXES: Final = {
    "text": ("text_model.", "text_projection"),
    "image": ("vision_model.", "visual_projection"),
    "audio": ("audio_model.", "audio_projection"),
}
_VIT_SIZES: Final = {192: "Ti", 384: "S", 768: "B", 1024: "L", 1280: "H"}


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelFiles:
    """What the files of a model folder say, in a card's own words; None where the folder does not tell.

    `weights` and `files` name every file that an encode reads of the folder, the latter those without weights.
    """

    weights: tuple[Mapping[str, Any], ...]
    files: tuple[Mapping[str, Any], ...]
    tokenizer_sha256: str | None
    processor_sha256: str | None
    architecture: Mapping[str, Any]


def describe_model(
    path: Path,
    *,
    modality: str | None = None,
    allow_pickle: bool = False,
    trust_remote_code: bool = False,
    digest: Callable[[Path], str] = file_sha256,
) -> ModelFiles:
    """Describe a local model folder; raise EncodeError if it is none or its weights may not be read.

    With a modality, the architecture is that of its part of a dual encoder: its backbone and its parameters.
    """
    chain = read_chain(path)
    inner = path / chain.inner if chain else path
    config = read_json(inner / "config.json")
    where = f"encoders.{modality}.model" if modality else "model"
    found = list(weight_files(inner, allow_pickle=allow_pickle, card_path=where))
    architecture = _architecture(config, found, modality)
    for layer in chain.dense if chain else ():
        found.append(dense_weights(path / layer.path, allow_pickle=allow_pickle))
    weights = [file for file in found if file.suffix != ".json"]
    others = [inner / "config.json", *(file for file in found if file.suffix == ".json")]
    others += [path / name for name in (chain.files if chain else ())]
    if modality in (None, "text"):
        others += [inner / name for name in TOKENIZER_FILES if (inner / name).is_file()]
    if trust_remote_code:
        others += sorted(inner.glob("*.py"))

    def entry(file: Path) -> Mapping[str, Any]:
        name = file.relative_to(path).as_posix()
        return {"path": name, "sha256": digest(file), "size_bytes": file.stat().st_size}

    return ModelFiles(
        weights=tuple(map(entry, weights)),
        files=tuple(map(entry, sorted(set(others)))),
        tokenizer_sha256=_digest((inner / name for name in TOKENIZER_FILES), digest),
        processor_sha256=_digest((inner / name for name in PROCESSOR_FILES), digest),
        architecture=architecture,
    )


def dense_weights(folder: Path, *, allow_pickle: bool) -> Path:
    """Return the file of a Dense module's weights; raise EncodeError if there is none that may be read."""
    for name in (SAFE, PICKLED) if allow_pickle else (SAFE,):
        if (folder / name).is_file():
            return folder / name
    pickled = " (pickled weights are not loaded)" if (folder / PICKLED).is_file() else ""
    raise EncodeError(
        f"{folder} has no weights in safetensors{pickled}",
        hint="save the model anew with sentence-transformers; or `allow_pickle: true` under model",
    )


def _digest(files: Iterable[Path], digest: Callable[[Path], str]) -> str | None:
    """Return the SHA-256 over `sha256sum` lines of the files that exist, sorted by name; None if none does."""
    lines = sorted((file.name, digest(file)) for file in files if file.is_file())
    listing = "".join(f"{found}  {name}\n" for name, found in lines)
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
    part = part_of(config, modality)
    layers, width, patch = (part.get(key) for key in ("num_hidden_layers", "hidden_size", "patch_size"))
    if modality == "text":
        return f"transformer-{layers}" if layers else None
    if not (layers and width and isinstance(patch, int)):
        return None
    return f"ViT-{_VIT_SIZES.get(width, f'{layers}x{width}')}/{patch}"


def _parameters(weights: Iterable[Path], modality: str | None) -> int | None:
    shapes = shapes_of(weights)
    if not shapes:  # pickled weights have no header
        return None
    prefixes = _PREFIXES.get(modality or "", ())
    own = {name: shape for name, shape in shapes.items() if name.startswith(prefixes)} if prefixes else {}
    return sum(
        math.prod(shape) for name, shape in (own or shapes).items() if not name.endswith("position_ids")
    )
