"""Bring what was built into the folder that people read: only files whose bytes differ, each whole at every moment."""

from __future__ import annotations

import contextlib
import filecmp
import os
import shutil
from collections.abc import Iterable
from pathlib import Path

# The time of a file that only holds a place: later than any source, so that MkDocs leaves it alone.
HELD_NS = 4_102_444_800 * 10**9


def hold_places(staging: Path, paths: Iterable[str]) -> None:
    """Put an empty file where a page or an asset would be built that is built already."""
    folders = set()
    for path in paths:
        file = staging / path
        if file.parent not in folders:
            file.parent.mkdir(parents=True, exist_ok=True)
            folders.add(file.parent)
        file.touch()
        os.utime(file, ns=(HELD_NS, HELD_NS))


def built_files(staging: Path) -> tuple[str, ...]:
    """Return what a build left, sorted, without the places that were only held."""
    files = (Path(folder) / name for folder, _, names in os.walk(staging) for name in names)
    built = (file for file in files if file.stat().st_mtime_ns != HELD_NS)
    return tuple(sorted(file.relative_to(staging).as_posix() for file in built))


def publish(staging: Path, paths: Iterable[str], output: Path) -> tuple[str, ...]:
    """Move files into a folder, unless the very same bytes lie there; return those that were moved."""
    moved = []
    for path in paths:
        source, target = staging / path, output / path
        if target.is_file() and filecmp.cmp(source, target, shallow=False):
            continue
        if target.is_dir() and not target.is_symlink():
            shutil.rmtree(target)
        for folder in reversed(target.parents):
            if folder.is_file() and folder.is_relative_to(output):
                folder.unlink()
        target.parent.mkdir(parents=True, exist_ok=True)
        source.replace(target)
        moved.append(path)
    return tuple(moved)


def remove_others(output: Path, kept: frozenset[str]) -> tuple[str, ...]:
    """Remove what is in a folder beside some files, but nothing hidden at its top (`.git`, `.nojekyll`), as MkDocs does."""
    removed = []
    for walked, folders, names in os.walk(output, topdown=False):
        here = Path(walked).relative_to(output)
        if here.parts[:1] and here.parts[0].startswith("."):
            continue
        is_top = not here.parts
        for name in names:
            path = (here / name).as_posix()
            if path not in kept and not (is_top and name.startswith(".")):
                (output / path).unlink()
                removed.append(path)
        for name in folders:
            if not (is_top and name.startswith(".")):
                with contextlib.suppress(OSError):
                    (output / here / name).rmdir()  # only if it is empty
    return tuple(sorted(removed))


def states(output: Path, paths: Iterable[str]) -> dict[str, tuple[int, int]]:
    """Return size in bytes and time in nanoseconds of files; those that are not there are left out."""
    found = {}
    for path in paths:
        with contextlib.suppress(OSError):
            state = (output / path).stat()
            found[path] = (state.st_size, state.st_mtime_ns)
    return found
