"""Which files of a model folder hold its weights, as transformers picks them; and shapes from their headers. No torch."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, Final

from embver.encode.plain_files import read_json
from embver.errors import EncodeError

SAFE: Final = "model.safetensors"
PICKLED: Final = "pytorch_model.bin"
ADAPTER: Final = "adapter_config.json"

_LONGEST_HEADER_BYTES: Final = 100 << 20


def weight_files(folder: Path, *, allow_pickle: bool = False, card_path: str = "model") -> tuple[Path, ...]:
    """Return the files that hold the weights of a transformers folder, an index of shards among them.

    The order is that of transformers: safetensors whole, then in shards; pickled ones only where the card allows them.
    Raise EncodeError if there are none, or none that may be read.
    """
    if (folder / ADAPTER).is_file():
        raise EncodeError(
            f"{card_path}: {folder} holds an adapter ({ADAPTER}), not a whole model",
            hint="merge it into its base model, and save that with save_pretrained",
        )
    for name in (SAFE, PICKLED) if allow_pickle else (SAFE,):
        if (folder / name).is_file():
            return (folder / name,)
        index = folder / f"{name}.index.json"
        if index.is_file():
            return (index, *(folder / shard for shard in _shards(index)))
    pickled = any(folder.glob("*.bin")) or any(folder.glob("*.pt"))
    others = sorted(file.name for file in folder.glob("*.safetensors"))
    if others:
        raise EncodeError(
            f"{card_path}: {folder} has no {SAFE}, and {others[0]} is not what transformers reads",
            hint=f"save the model with save_pretrained, or rename the file to {SAFE}",
        )
    if pickled:
        raise EncodeError(
            f"{card_path}: {folder} has no weights in safetensors (pickled weights are not loaded)",
            hint="save them with save_pretrained; or `allow_pickle: true` under model, if you trust whoever made them",
        )
    raise EncodeError(
        f"{card_path}: {folder} has no weights in safetensors",
        hint="save them with save_pretrained: it writes model.safetensors",
    )


def _shards(index: Path) -> list[str]:
    """Return the shards that an index names, each once and in the order of their names."""
    listed = read_json(index).get("weight_map")
    if not isinstance(listed, Mapping) or not listed:
        raise EncodeError(f"{index} names no shards")
    names = sorted({str(name) for name in listed.values()})
    for name in names:
        if "/" in name or "\\" in name:
            raise EncodeError(f"{index} names {name!r}, which is outside of the folder")
        if not (index.parent / name).is_file():
            raise EncodeError(f"{index.parent} lacks {name}, which {index.name} names")
    return names


def shapes_of(files: Iterable[Path]) -> dict[str, list[int]]:
    """Return the shape of every tensor by its name; nothing of files that are not safetensors."""
    return {
        name: shape
        for file in files
        if file.suffix == ".safetensors"
        for name, shape in _header(file).items()
    }


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
