"""What a site is made from, as cheap stamps: places, sizes and times of files, without reading them."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterable, Iterator
from pathlib import Path

from embver.site.build import SiteSettings
from embver.site.places import FOLDER

Seen = frozenset[tuple[str, int, int]]


def seen(root: Path, git_dirs: Iterable[Path], settings: SiteSettings) -> Seen:
    """Return what lies where now: Git's references, settings, templates, pages written by hand."""
    files: list[Path] = [root / name for name in ("embver.toml", "pyproject.toml", settings.config)]
    for git_dir in git_dirs:
        files += [git_dir / "HEAD", git_dir / "packed-refs"]
        files += _below(git_dir / "refs")
        files += _below(git_dir / "reftable")
    files += _below(root / "templates")
    written = {root / settings.docs / FOLDER, root / settings.docs / "index.md"}
    files += [file for file in _below(root / settings.docs, but=written) if file not in written]
    return frozenset(_stamped(files))


def _below(folder: Path, *, but: Iterable[Path] = ()) -> Iterator[Path]:
    left_out = {str(path) for path in but}
    for walked, folders, names in os.walk(folder):
        folders[:] = [name for name in folders if os.path.join(walked, name) not in left_out]  # noqa: PTH118
        yield from (Path(walked) / name for name in names)


def _stamped(files: Iterable[Path]) -> Iterator[tuple[str, int, int]]:
    for file in files:
        with contextlib.suppress(OSError):
            state = file.stat()
            yield str(file), state.st_size, state.st_mtime_ns
