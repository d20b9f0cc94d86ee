"""Settings that were found right before, as JSON in Git's own folder: to load the TOML parser and to hold them against
their schema takes a tenth of a short command.

The entry holds the very text that it was made of, and a stamp of embver's version and schema: of any other text or
schema it says nothing. A file that is damaged, cannot be read or cannot be written is no loss.
"""

from __future__ import annotations

import contextlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from embver.store.resources import resource_folder

NAME: Final = "known-settings"


def recall(git_dir: Path, text: bytes) -> dict[str, Any] | None:
    """Return the plain data of settings that are known to be right, or None."""
    with contextlib.suppress(OSError, ValueError):
        stamp, plain, known = (git_dir / "embver" / NAME).read_bytes().split(b"\n", 2)
        if stamp == _stamp() and known == text:
            found = json.loads(plain)
            return found if isinstance(found, dict) else None
    return None


def remember(git_dir: Path, text: bytes, plain: Mapping[str, Any]) -> None:
    """Keep what was found right; what JSON cannot hold as it is (dates, infinities) is not kept."""
    from embver.store.files import write_atomic

    with contextlib.suppress(OSError, ValueError, TypeError):
        body = json.dumps(plain, ensure_ascii=False, allow_nan=False, separators=(",", ":")).encode()
        write_atomic(git_dir / "embver" / NAME, b"\n".join((_stamp(), body, text)), is_cache=True)


def _stamp() -> bytes:
    from embver import __version__

    state = (resource_folder("schemas") / "settings" / "v1.json").stat()
    return f"embver {NAME} 1 {__version__} {state.st_size} {state.st_mtime_ns}".encode()
