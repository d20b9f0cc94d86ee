"""What the last run wrote, and from what: a page made from the same is not made again, only looked at.

The list is a cache: it may be lost, damaged or of another folder at any time. A page counts as written only if the file
in the documentation folder has the very bytes that were written for its needs.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import platform
from collections.abc import Iterable
from pathlib import Path

from embver import __version__
from embver.store.files import write_atomic

FORMAT = 1
NAME = "site-pages"


class WrittenPages:
    """The pages of one documentation folder, by path: the stamp of what each was made from, and its digest."""

    def __init__(self, file: Path | None, maker: str) -> None:
        """Read the list, which counts only if the same code and templates made it; without a file nothing is kept."""
        self._file, self._maker = file, maker
        self._before = _read(file, maker)
        self._now: dict[str, tuple[str, str]] = {}

    def holds(self, path: str, needs: str, file: Path) -> bool:
        """Tell whether a file is what was made from these needs."""
        known = self._before.get(path)
        if known is None or known[0] != needs:
            return False
        try:
            is_whole = digest_of(file.read_bytes()) == known[1]
        except OSError:
            return False
        if is_whole:
            self._now[path] = known
        return is_whole

    def add(self, path: str, needs: str, digest: str) -> None:
        """Remember what was made."""
        self._now[path] = (needs, digest)

    def save(self) -> None:
        """Keep the list for the next run; one that cannot be written is only a slower run."""
        if self._file is None or self._now == self._before:
            return
        kept = {"format": FORMAT, "maker": self._maker, "pages": self._now}
        with contextlib.suppress(OSError):
            write_atomic(self._file, json.dumps(kept, separators=(",", ":")).encode(), is_cache=True)


def maker(templates: Iterable[Path]) -> str:
    """Return a digest of the code and the templates that make pages; a folder that is not there has none."""
    digest = hashlib.sha256(f"{__version__} {platform.python_version()}".encode())
    package = Path(__file__).resolve().parent.parent
    for file in sorted(package.rglob("*.py")):  # who works on embver changes it without a new version
        state = file.stat()
        digest.update(f"\0{file.relative_to(package)} {state.st_size} {state.st_mtime_ns}".encode())
    for folder in templates:
        for file in sorted((folder / "site").rglob("*.j2")):
            digest.update(f"\0{file.relative_to(folder)}\0".encode() + file.read_bytes())
    return digest.hexdigest()


def _read(file: Path | None, maker: str) -> dict[str, tuple[str, str]]:
    if file is None:
        return {}
    try:
        kept = json.loads(file.read_bytes())
        if kept["format"] != FORMAT or kept["maker"] != maker:
            return {}
        return {str(path): (str(needs), str(digest)) for path, (needs, digest) in kept["pages"].items()}
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return {}


def digest_of(data: bytes) -> str:
    """Return what tells a page's bytes from all others."""
    return hashlib.sha256(data).hexdigest()
