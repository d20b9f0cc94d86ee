"""Read the small files of a model folder, and take checksums of the large ones."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

from embver.errors import EncodeError


def read_json(path: Path) -> dict[str, Any]:
    """Read a JSON object; raise EncodeError if the file is missing or holds something else."""
    try:
        plain = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise EncodeError(
            f"{path.parent} has no {path.name}", hint="is it a transformers model folder?"
        ) from None
    except (OSError, ValueError) as error:
        raise EncodeError(f"{path} is not readable JSON: {error}") from error
    if not isinstance(plain, dict):
        raise EncodeError(f"{path} is not a JSON object")
    return plain


def file_sha256(path: Path) -> str:
    """Return the SHA-256 of a file, in hex."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
