"""Find the result files of a harness below a folder, and keep to that folder: no link leads out of it."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from embver.exchange.json_file import leaves
from embver.intake import AbsentError, LeftOut
from embver.privacy import private_part


@dataclass(frozen=True, slots=True, kw_only=True)
class FoundFile:
    """A file, and how it is called: relative to the folder that was asked for, with forward slashes."""

    path: Path
    place: str

    @property
    def folders(self) -> tuple[str, ...]:
        """Return the names of the folders that the file lies in, the nearest last; only those that were asked for."""
        return tuple(self.place.split("/")[:-1])


@dataclass(frozen=True, slots=True, kw_only=True)
class FoundFiles:
    """The files of a folder, in order of their names, and what of it was not looked at."""

    root: Path
    files: tuple[FoundFile, ...]
    left_out: tuple[LeftOut, ...] = ()


def find_files(root: Path, asked: str, suffixes: tuple[str, ...]) -> FoundFiles:
    """Return a file itself, or every file below a folder with one of the endings; AbsentError where nothing is there."""
    if not root.exists():
        raise AbsentError(f"{asked} does not exist", hint="name a result file, or a folder of them")
    if root.is_file():
        return FoundFiles(root=root, files=(FoundFile(path=root, place=root.name),))
    inside = root.resolve()
    files: list[FoundFile] = []
    left: list[LeftOut] = []
    for path in _entries(root):
        place = path.relative_to(root).as_posix()
        is_link = path.is_symlink()
        if is_link and not path.exists():
            left.append(LeftOut(what=place, why="it is a link to nothing"))
        elif is_link and (path.is_dir() or not path.resolve().is_relative_to(inside)):
            why = "it is a link to a folder" if path.is_dir() else "it is a link out of the folder"
            left.append(LeftOut(what=place, why=why))
        elif path.is_file() and path.suffix.lower() in suffixes:
            files.append(FoundFile(path=path, place=place))
    if not files:
        raise AbsentError(f"{asked} holds no {' or '.join(suffixes)} file")
    return FoundFiles(root=root, files=tuple(files), left_out=tuple(left))


def _entries(root: Path) -> Iterator[Path]:
    """Yield files, and links of any kind, below a folder; no link is followed."""
    for folder, names, files in os.walk(root):
        links = [name for name in names if Path(folder, name).is_symlink()]
        names[:] = sorted(
            name for name in names if name not in links and name not in (".git", ".dvc", "__pycache__")
        )
        for name in sorted([*files, *links]):
            yield Path(folder, name)


def private_file(plain: object) -> str | None:
    """Return why a file may not be kept byte by byte, naming what it holds: a person, a place, a secret; or None."""
    for name, value in leaves(plain):
        if name == "verifyToken":
            continue  # a signature that is made to be shown
        why = private_part(name, value)
        if why is not None:
            return f"its {name}: {why}"
    return None
