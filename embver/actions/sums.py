"""SHA256SUMS: a version's checksums as `sha256sum -c` reads them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Final

SUMS: Final = "SHA256SUMS"


def sums_of(artifacts: Iterable[Mapping[str, Any]]) -> bytes:
    """Return SHA256SUMS as `sha256sum -c` reads it."""
    return "".join(f"{entry['sha256']}  {entry['path']}\n" for entry in artifacts).encode()
