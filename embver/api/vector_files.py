"""Write a version's vectors in the forms that stores take: npy, Parquet, LanceDB, FAISS; one file or table a modality."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from embver.errors import EmbverError, UsageError
from embver.store.files import write_atomic

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from embver.api.version import Version
    from embver.store.rows import Rows

FORMATS: Final = ("npy", "parquet", "lance", "faiss")
_BLOCK_ROWS: Final = 65_536


@dataclass(frozen=True, slots=True, kw_only=True)
class VectorFiles:
    """What was written: files, tables of LanceDB as their folders; `notes` say where numbers are not those stored."""

    paths: tuple[Path, ...]
    notes: tuple[str, ...]


def write_vectors(version: Version, folder: Path, *, format_: str, is_forced: bool = False) -> VectorFiles:
    """Write the vectors of every modality into a folder, with their ids, block by block.

    Parquet, LanceDB and FAISS carry the stamp that `embver guard` reads. bfloat16 and int8 (times its scale) are written
    as float32, which holds them exactly. Raises UsageError where something of that name is there, LfsError with the
    command that brings missing bytes.
    """
    if format_ not in FORMATS:
        raise UsageError(f"there is no format {format_} for vectors", hint=f"known: {', '.join(FORMATS)}")
    if not len(version.vectors):
        raise UsageError(f"{version.reference} has no vectors yet", hint=f"embver encode {version.name}")
    rows = {modality: _rows(version, modality) for modality in version.vectors}
    targets = {modality: folder / f"{modality}.{format_}" for modality in rows}
    is_named = any(artifact.role == "ids" for artifact in version.card.artifacts)
    # A version that was made before embver may have none: a row is then called by its number, and that is said.
    ids = {
        modality: version.ids_of(modality) if is_named else tuple(map(str, range(len(found))))
        for modality, found in rows.items()
    }
    named = {modality: folder / f"{modality}.ids.txt" for modality in rows if format_ in ("npy", "faiss")}
    _check_free([*targets.values(), *named.values()], is_forced=is_forced)
    for modality, found in rows.items():
        if len(ids[modality]) != len(found):
            raise EmbverError(
                f"{version.reference} has {len(found)} {modality} vectors and {len(ids[modality])} ids",
                hint=f"embver verify {version.reference}",
            )
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for modality, found in rows.items():
            if modality in named:
                lines = "".join(f"{id_}\n" for id_ in ids[modality])
                write_atomic(named[modality], lines.encode())
            _WRITERS[format_](version, targets[modality], ids[modality], found)
    except OSError as error:
        raise EmbverError(
            f"{error.filename or folder} cannot be written: {error.strerror or error}"
        ) from error
    notes = _notes(version, rows, format_)
    unnamed = () if is_named else (f"{version.reference} has no ids: they are the numbers of the rows",)
    return VectorFiles(paths=(*targets.values(), *named.values()), notes=(*unnamed, *notes))


def _rows(version: Version, modality: str) -> Rows:
    """Return a modality's rows, mapped, also where they are one file."""
    from embver.store.rows import Rows

    parts = [a for a in version.card.artifacts if a.role == "vectors" and a.modality == modality]
    return Rows.open([version.file(artifact) for artifact in sorted(parts, key=lambda part: part.path)])


def _check_free(paths: Sequence[Path], *, is_forced: bool) -> None:
    taken = next((path for path in paths if path.exists()), None)
    if taken is not None and not is_forced:
        raise UsageError(f"{taken} is there already", hint="--out another folder, or --force")


def _notes(version: Version, rows: dict[str, Rows], format_: str) -> tuple[str, ...]:
    stored = {found.stored_dtype for found in rows.values()}
    # int8 without a scale are numbers as they are, and stay int8.
    widened = {found.stored_dtype for found in rows.values() if found.dtype.name != found.stored_dtype}
    notes = [f"stored as {name}, written as float32, which holds it exactly" for name in sorted(widened)]
    if format_ == "faiss" and "float16" in stored:
        notes.append("stored as float16; FAISS keeps float32, which holds it exactly")
    if format_ == "faiss" and version.card.space.metric == "cosine" and not version.card.space.normalized:
        notes.append("rows were brought to length 1: FAISS knows inner products and no cosine")
    return tuple(notes)


def _npy(_version: Version, path: Path, _ids: Sequence[str], rows: Rows) -> None:
    import numpy as np

    scratch = path.with_name(f".embver-{os.getpid()}-{path.name}")
    try:
        kept = np.lib.format.open_memmap(scratch, mode="w+", dtype=rows.dtype, shape=rows.shape)
        start = 0
        for block in rows.blocks(_BLOCK_ROWS):
            kept[start : start + len(block)] = block
            start += len(block)
        kept.flush()
        scratch.replace(path)
    except OSError as error:
        raise EmbverError(f"{path} cannot be written: {error.strerror}") from error
    finally:
        scratch.unlink(missing_ok=True)


def _parquet(version: Version, path: Path, ids: Sequence[str], rows: Rows) -> None:
    from embver.guard.parquet import write_rows

    blocks = rows.blocks(_BLOCK_ROWS)
    write_rows(path, ids=ids, blocks=blocks, dimensions=rows.shape[1], stamp=_stamp(version))


def _lance(version: Version, path: Path, ids: Sequence[str], rows: Rows) -> None:
    from embver.guard.lance import write_rows

    blocks = rows.blocks(_BLOCK_ROWS)
    write_rows(path, ids=ids, blocks=blocks, dimensions=rows.shape[1], stamp=_stamp(version))


def _faiss(version: Version, path: Path, _ids: Sequence[str], rows: Rows) -> None:
    from embver.guard.faiss_index import write_rows

    space = version.card.space
    is_scaled = space.metric == "cosine" and not space.normalized
    blocks = _as_float32(rows, is_scaled=is_scaled)
    write_rows(path, blocks=blocks, dimensions=rows.shape[1], metric=space.metric, versions=version)


def _as_float32(rows: Rows, *, is_scaled: bool) -> Iterator[NDArray[Any]]:
    import numpy as np

    for block in rows.blocks(_BLOCK_ROWS):
        numbers = np.ascontiguousarray(block, dtype=np.float32)
        lengths = np.linalg.norm(numbers, axis=1, keepdims=True) if is_scaled else np.ones((1, 1))
        yield numbers / np.where(lengths > 0, lengths, 1).astype(np.float32)


def _stamp(version: Version) -> str:
    from embver.guard.decision import space_of
    from embver.guard.stamp import Stamp

    return Stamp(spaces=(space_of(version),)).to_text()


_WRITERS: Final[dict[str, Callable[[Version, Path, Sequence[str], Rows], None]]] = {
    "npy": _npy,
    "parquet": _parquet,
    "lance": _lance,
    "faiss": _faiss,
}
