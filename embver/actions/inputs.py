"""What an encode reads: the corpus manifest, the probe set's files, the model's folder."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from embver.actions.workspace import Workspace, is_pointer_file
from embver.card import Card
from embver.digest import sha256_of
from embver.errors import EncodeError, UsageError
from embver.probe import ProbeSet
from embver.store.files import hash_file

if TYPE_CHECKING:
    from embver.encode.spec import Item

_FILE_MODALITIES = ("image",)
_MOST_LISTED = 10


@dataclass(frozen=True, slots=True, kw_only=True)
class Corpus:
    """The items to encode, by modality in manifest order, and the digests that tell whether they changed."""

    items: Mapping[str, tuple[Item, ...]]
    manifest_digest: str  # of the manifest file, as the card records it
    items_digest: str  # of ids and raw input bytes: what the vectors depend on

    def id_files(self) -> Iterator[tuple[str, str | None, tuple[str, ...]]]:
        """Yield the id files (path, modality, ids): one for all modalities, or one each where rows differ."""
        ids = {modality: tuple(item.id for item in items) for modality, items in self.items.items()}
        if len(set(ids.values())) == 1:
            yield "ids.txt", None, next(iter(ids.values()))
            return
        for modality, names in ids.items():
            yield f"ids-{modality}.txt", modality, names


def read_corpus(work: Workspace, card: Card) -> Corpus:
    """Read the manifest that a card's `corpus.uri` names: JSON Lines with `id` and one key a modality.

    Raises UsageError or EncodeError with file and line for a manifest that cannot be used.
    """
    uri = (card.plain.get("corpus") or {}).get("uri")
    where = f"{work.folder(card.name, 'next')}/card.yaml"
    if not uri:
        raise UsageError(
            f"{where}: corpus.uri is missing: there is nothing to encode", hint="uri: data/corpus.jsonl"
        )
    manifest = work.repo.root / uri
    if not manifest.is_file():
        raise UsageError(f"{where}: corpus.uri: {uri} does not exist")
    if is_pointer_file(manifest):
        raise UsageError(f"{uri} is a Git LFS pointer, not the bytes", hint=f"git lfs pull --include {uri}")
    data = manifest.read_bytes()
    items = _items(data, manifest, uri, tuple(card.encoders))
    digest = hashlib.sha256(b"embver.corpus.v1\n")
    for modality in sorted(items):
        for item in items[modality]:
            content = (
                hash_file(item.blob.path)[0]
                if item.blob and item.blob.path
                else hashlib.sha256((item.text or "").encode()).hexdigest()
            )
            digest.update(json.dumps([modality, item.id, content]).encode())
    return Corpus(items=items, manifest_digest=sha256_of(data), items_digest=f"sha256:{digest.hexdigest()}")


def _items(data: bytes, manifest: Path, uri: str, modalities: tuple[str, ...]) -> dict[str, tuple[Item, ...]]:
    from embver.encode.blob import Blob
    from embver.encode.spec import Item

    found: dict[str, list[Item]] = {modality: [] for modality in modalities}
    problems: list[str] = []
    seen: dict[str, int] = {}
    hint = f"mend {uri}"
    # Not `splitlines`: U+2028 and others may stand in a JSON text, and do not end its line.
    for number, line in enumerate(data.split(b"\n"), start=1):
        if not line.strip():
            continue
        try:
            row = json.loads(line.decode())
            name = _id_of(row, seen)
        except json.JSONDecodeError as error:
            problems.append(f"{uri}:{number}:{error.colno}: not JSON: {error.msg}")
            continue
        except UnicodeDecodeError as error:
            problems.append(f"{uri}:{number}:{error.start + 1}: not UTF-8")
            continue
        except (ValueError, TypeError) as error:
            problems.append(f"{uri}:{number}:1: {error}")
            continue
        seen[name] = number
        for modality in modalities:
            value = row.get(modality)
            if value is None:
                continue
            if not isinstance(value, str):
                problems.append(f"{uri}:{number}:1: {modality} is not a text")
            elif modality in _FILE_MODALITIES:
                path = manifest.parent / value
                if not path.is_file():
                    problems.append(f"{uri}:{number}:1: {modality} {value} does not exist")
                elif is_pointer_file(path):
                    problems.append(
                        f"{uri}:{number}:1: {modality} {value} is a Git LFS pointer, not the bytes"
                    )
                    hint = "git lfs pull"
                found[modality].append(Item(id=name, blob=Blob.of(path)))
            else:
                found[modality].append(Item(id=name, text=value))
    if problems:
        more = f"\n(and {len(problems) - _MOST_LISTED} more)" if len(problems) > _MOST_LISTED else ""
        raise EncodeError("\n".join(problems[:_MOST_LISTED]) + more, hint=hint)
    kept = {modality: tuple(items) for modality, items in found.items() if items}
    if not kept:
        raise EncodeError(f"{uri} holds no item with any of: {', '.join(modalities)}")
    return kept


def _id_of(row: Any, seen: Mapping[str, int]) -> str:
    if not isinstance(row, dict):
        raise TypeError("a line is a JSON object with an `id`")
    name = row.get("id")
    if not isinstance(name, str) or not name or "\n" in name or "\r" in name:
        raise ValueError("`id` is missing, or is not one line of text")
    if name in seen:
        raise ValueError(f"the id {name!r} was used in line {seen[name]} already")
    return name


def probe_items(probe: ProbeSet, folder: Path, modality: str, role: str) -> tuple[Item, ...]:
    """Return the probe items of one modality and role, in row order, their files checked by digest.

    Raises EncodeError naming every file that is missing or changed.
    """
    from embver.encode.blob import Blob
    from embver.encode.spec import Item

    made, problems = [], []
    for item in probe.rows(modality, role):
        if item.path is None:
            made.append(Item(id=item.id, text=item.text))
            continue
        path = folder / item.path
        if not path.is_file():
            problems.append(f"{item.path} does not exist")
        elif is_pointer_file(path):
            problems.append(f"{item.path} is a Git LFS pointer, not the bytes")
        elif hash_file(path)[0] != item.sha256:
            problems.append(f"{item.path} is not the file that {probe.name}/items.jsonl names")
        made.append(Item(id=item.id, blob=Blob.of(path)))
    if problems:
        raise EncodeError(
            f"probe set {probe.name}: " + "; ".join(problems[:_MOST_LISTED]),
            hint=f"git lfs pull --include '{folder.name}/**', or restore the files",
        )
    return tuple(made)


def resolve_model(work: Workspace, modality: str, encoder: Mapping[str, Any]) -> Path:
    """Return the folder of an encoder's model; raise UsageError naming the field to mend."""
    model = encoder.get("model") or {}
    where = f"encoders.{modality}.model"
    if not model.get("path"):
        raise UsageError(
            f"{where}.path is missing: {model.get('id') or 'the model'} is not read from a hub yet",
            hint="download it into the repository, then `path: models/FOLDER`",
        )
    folder = work.repo.root / str(model["path"])
    if not folder.is_dir():
        raise UsageError(f"{where}.path: {model['path']} is no folder")
    pointers = [file.name for file in folder.glob("*.safetensors") if is_pointer_file(file)]
    if pointers:
        raise UsageError(
            f"{model['path']}/{pointers[0]} is a Git LFS pointer, not the weights",
            hint=f"git lfs pull --include '{model['path']}/**'",
        )
    return folder
