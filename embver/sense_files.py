"""What a card says of its files: their paths, sizes, rows and probe sets. Ground floor."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import lru_cache
from typing import Any, Final

from embver.problem import Flaw
from embver.sense_words import entries

Where = tuple[str | int, ...]

ITEM_BYTES: Final = {"float64": 8, "float32": 4, "float16": 2, "bfloat16": 2, "int8": 1, "uint8": 1}
# Eight bytes of length, then JSON that names one tensor; metadata may make it longer, but no megabyte.
_HEADER_BYTES: Final = (56, 1 << 20)
_OWN_FILES: Final = ("card.yaml", "sha256sums")
_INPUT_BYTES: Final = 32  # of each row: the digest of the bytes that it was made from
_SCALE_BYTES: Final = 4  # of each row of whole numbers: what they are multiplied with


def check_files(
    plain: Mapping[str, Any], *, is_draft: bool = False, is_stale: bool = False
) -> Iterator[Flaw]:
    """Yield contradictions among artifacts, and paths that lead out of the version's folder.

    The vectors of a working card may be of another dtype than it asks for now, or (`is_stale`) of another space.
    """
    yield from _paths(plain)
    if not is_stale:
        yield from _sizes(plain, is_draft=is_draft)
    yield from _rows(plain)
    yield from _probes(plain)


def row_bytes(dimensions: int, dtype: str) -> tuple[int, ...]:
    """Return what one row of dense vectors may take in a file: alone, with the digest of its input, with its scale."""
    width = dimensions * ITEM_BYTES[dtype]
    scales = (0, _SCALE_BYTES) if dtype == "int8" else (0,)
    return tuple(width + digest + scale for digest in (0, _INPUT_BYTES) for scale in scales)


@lru_cache(maxsize=1024)  # the files of all versions are called alike
def path_flaw(path: str) -> str | None:
    """Return why a path may not stand in a card, or None: it has to stay in the folder of the version."""
    parts = path.split("/")
    if path.startswith("/"):
        return "is absolute"
    if "\\" in path or ":" in path:
        return "is no path on every system"
    if ".." in parts:
        return "climbs out of the version's folder"
    if any(_is_git_folder(part.lower().rstrip(". ")) for part in parts):
        return "names Git's own folder"
    if "" in parts or "." in parts:
        return "is not written in its shortest form"
    if any(part != part.strip() or part.endswith(".") for part in parts):
        return "has a part that begins or ends with a space or ends with a dot"
    if path.lower() in _OWN_FILES:
        return "is embver's own file"
    return None


def _is_git_folder(name: str) -> bool:
    # Windows has a short name for it, and drops dots and spaces at the end of a name.
    return name == ".git" or (name.startswith("git~") and name[4:].isdigit())


def _paths(plain: Mapping[str, Any]) -> Iterator[Flaw]:
    places: list[tuple[Where, Any]] = [
        (("artifacts", n, "path"), artifact.get("path")) for n, artifact in entries(plain.get("artifacts"))
    ]
    for number, benchmark in entries(plain.get("benchmarks")):
        places.append((("benchmarks", number, "source", "path"), (benchmark.get("source") or {}).get("path")))
    for modality, encoder in (plain.get("encoders") or {}).items():
        for number, weight in entries(encoder.get("weights")):
            places.append((("encoders", modality, "weights", number, "path"), weight.get("path")))
    seen: dict[str, int] = {}
    for where, path in places:
        if not isinstance(path, str):
            continue
        reason = path_flaw(path)
        if reason is not None:
            yield Flaw(
                where=where,
                rule="artifact-path",
                message=f"{path if len(path) <= 60 else path[:59] + '…'!r} {reason}",
                hint="a path relative to the card, such as image.safetensors",
            )
        if where[0] == "artifacts":
            # Two names that differ in case only are one file on many systems.
            if path.casefold() in seen:
                yield Flaw(
                    where=where, rule="artifact-twice", message=f"{path} is listed twice", hint="remove one"
                )
            seen[path.casefold()] = 1


def _sizes(plain: Mapping[str, Any], *, is_draft: bool) -> Iterator[Flaw]:
    space = plain.get("space") or {}
    dimensions, kind, stored = space.get("dimensions"), space.get("kind", "dense"), space.get("dtype")
    for number, artifact in entries(plain.get("artifacts")):
        if artifact.get("role") != "vectors":
            continue
        dtype = artifact.get("dtype")
        if dtype is not None and stored is not None and dtype != stored and not is_draft:
            yield Flaw(
                where=("artifacts", number, "dtype"),
                rule="dtype-differs",
                message=f"this file holds {dtype}, space.dtype is {stored}",
                hint=f"dtype: {stored}",
            )
            continue
        rows, size_bytes = artifact.get("rows"), artifact.get("size_bytes")
        item_bytes = ITEM_BYTES.get(dtype or stored or "")
        if None in (rows, size_bytes, dimensions, item_bytes) or kind not in ("dense", "binary"):
            continue
        assert isinstance(rows, int)
        assert isinstance(size_bytes, int)
        assert isinstance(dimensions, int)
        assert isinstance(item_bytes, int)
        dtypes = tuple(ITEM_BYTES) if is_draft else (dtype or stored,)
        widths = {dimensions, -(-dimensions // 8)}
        if kind == "dense":
            widths = {width for each in dtypes for width in row_bytes(dimensions, str(each))}
        if not str(artifact.get("path")).endswith((".safetensors", ".npy")):
            continue
        least, most = _HEADER_BYTES
        if not any(least <= size_bytes - rows * width <= most for width in widths):
            width = dimensions * item_bytes if kind == "dense" else max(widths)
            yield Flaw(
                where=("artifacts", number, "size_bytes"),
                rule="artifact-size",
                message=f"{rows} rows of {dimensions} {dtype or stored} are {rows * width} bytes and a header, "
                f"not {size_bytes}",
                hint="one of rows, size_bytes, space.dimensions and space.dtype is wrong",
            )


def _rows(plain: Mapping[str, Any]) -> Iterator[Flaw]:
    """Yield ids and corpus counts that differ from the rows of the vectors."""
    artifacts = plain.get("artifacts") or ()
    if not all(isinstance(artifact, Mapping) for artifact in artifacts):
        return
    rows: dict[str, int] = {}
    for artifact in artifacts:
        if artifact.get("role") == "vectors":
            modality, count = artifact.get("modality"), artifact.get("rows")
            if modality is None or count is None:
                return
            rows[modality] = rows.get(modality, 0) + count
    for number, artifact in entries(artifacts):
        count = artifact.get("rows")
        if artifact.get("role") != "ids" or count is None:
            continue
        named = artifact.get("modality")
        for modality, held in rows.items():
            if named in (None, modality) and held != count:
                yield Flaw(
                    where=("artifacts", number, "rows"),
                    rule="rows-differ",
                    message=f"{count} ids for {held} rows of {modality} vectors",
                    hint="embver encode writes both",
                )
    items = (plain.get("corpus") or {}).get("items") or {}
    skipped = (plain.get("encode") or {}).get("skipped") or {}
    for modality, count in items.items():
        left_out = skipped.get(modality, 0)
        if modality in rows and rows[modality] + left_out != count:
            but = f", and {left_out} were left out" if left_out else ""
            yield Flaw(
                where=("corpus", "items", modality),
                rule="rows-differ",
                message=f"the corpus has {count} {modality} items, its vectors have {rows[modality]} rows{but}",
                hint=f"{modality}: {rows[modality] + left_out}",
            )


def _probes(plain: Mapping[str, Any]) -> Iterator[Flaw]:
    digests: list[str] = []
    for number, artifact in entries(plain.get("artifacts")):
        digest = (artifact.get("probe") or {}).get("digest")
        if artifact.get("role") == "probe" and digest is None:
            yield Flaw(
                where=("artifacts", number),
                rule="probe-without-digest",
                message="probe vectors are of no use without the digest of their probe set",
                hint='probe: {name: NAME, digest: "sha256:..."}',
                lacking=("artifacts", number),
            )
        elif artifact.get("role") == "probe":
            digests.append(str(digest))
    for number, record in entries(plain.get("compatibility")):
        probe = (record.get("sets") or {}).get("new", record.get("probe"))
        if isinstance(probe, str) and digests and probe not in digests:
            yield Flaw(
                where=("compatibility", number, "probe"),
                rule="probe-differs",
                message="this was measured on another probe set than the one that the card's artifacts name",
                hint=f"embver compat {record.get('against', 'A')} NAME@next",
            )
