"""Which files a corpus consists of, and the digest of several of them. Ground floor.

A corpus is one manifest, or several files that a pattern names, or what of a folder counts: its tar files, else its
Parquet files, else images, sounds and texts by their suffix. Encoding and checking must agree about it.
"""

from __future__ import annotations

import hashlib
import posixpath
import re
from collections.abc import Iterable, Sequence
from itertools import product
from typing import Final

TAR: Final = ".tar"
PARQUET: Final = ".parquet"
SUFFIXES: Final = {
    **dict.fromkeys((".jpg", ".jpeg", ".png", ".webp", ".gif", ".bmp", ".tif", ".tiff", ".avif"), "image"),
    **dict.fromkeys((".wav", ".flac", ".ogg", ".mp3", ".opus", ".aif", ".aiff"), "audio"),
    **dict.fromkeys((".txt",), "text"),
}
LISTED: Final = ".dir"  # how the digest of several files ends, as DVC's of a folder does

_BRACES: Final = re.compile(r"\{([^{}]*)\}")
_RANGE: Final = re.compile(r"(\d+)\.\.(\d+)")
_MOST_FILES: Final = 100_000


def expanded(uri: str) -> tuple[str, ...]:
    """Return the files that a pattern names: `{000..003}` counts, `{a,b}` lists.

    Raises ValueError for braces that hold neither, and for too many files.
    """
    parts = _BRACES.split(uri)
    choices = [[part] if number % 2 == 0 else _choices(part) for number, part in enumerate(parts)]
    count = 1
    for choice in choices:
        count *= len(choice)
    if count > _MOST_FILES:
        raise ValueError(f"{uri} names {count} files, and {_MOST_FILES} are the most")
    return tuple("".join(chosen) for chosen in product(*choices))


def _choices(text: str) -> list[str]:
    counted = _RANGE.fullmatch(text)
    if counted is None:
        if "," not in text:
            raise ValueError(f"{{{text}}} is neither {{000..003}} nor {{a,b}}")
        return text.split(",")
    first, last = counted[1], counted[2]
    if int(last) - int(first) > _MOST_FILES:
        raise ValueError(f"{{{text}}} names more than {_MOST_FILES} files")
    return [f"{number:0{len(first)}}" for number in range(int(first), int(last) + 1)]


def modality_of(name: str) -> str | None:
    """Return what a file's suffix says it holds."""
    return SUFFIXES.get(posixpath.splitext(name)[1].lower())


def is_hidden(name: str) -> bool:
    """Tell whether a file is nobody's item: its name, or that of a folder above it, begins with a dot."""
    return name.startswith(".") or "/." in name


def containers(names: Iterable[str]) -> tuple[str, ...]:
    """Return the files of a folder that hold many items each, if there are any: tar files, else Parquet files."""
    of_tar, of_parquet = [], []
    for name in names:
        if name.endswith(TAR):
            of_tar.append(name)
        elif name.endswith(PARQUET):
            of_parquet.append(name)
    return tuple(of_tar or of_parquet)


def counted_files(names: Sequence[str], modalities: Iterable[str]) -> tuple[str, ...]:
    """Return what of a folder's files a corpus of some modalities consists of, in the order of their bytes."""
    visible = sorted((name for name in names if not is_hidden(name)), key=str.encode)
    wanted = frozenset(modalities)
    return containers(visible) or tuple(name for name in visible if modality_of(name) in wanted)


def all_files(names: Sequence[str]) -> tuple[str, ...]:
    """Return the files of a folder that counts as a whole: those that hold many items, else all that are not hidden."""
    visible = sorted((name for name in names if not is_hidden(name)), key=str.encode)
    return containers(visible) or tuple(visible)


def listing_digest(files: Iterable[tuple[str, str]]) -> str:
    """Return the digest of several files, given name and SHA-256: that of the lines `sha256sum` prints of them."""
    digest = hashlib.sha256()
    for name, sha256 in files:
        digest.update(f"{sha256}  {name}\n".encode(errors="surrogateescape"))
    return f"sha256:{digest.hexdigest()}{LISTED}"


def is_listing(digest: str | None) -> bool:
    """Tell whether a digest is that of several files, as `listing_digest` gives it."""
    return digest is not None and digest.startswith("sha256:") and digest.endswith(LISTED)
