"""The foreign files that a version keeps beside its card, byte by byte, behind the records made of them."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

Record = Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class KeptFiles:
    """What the version keeps of foreign files: path relative to its card -> bytes."""

    files: Mapping[str, bytes]

    def of(self, record: Record) -> bytes | None:
        """Return the raw file behind a record, None where it is not kept or is no longer what was imported."""
        source = record.get("source") or {}
        data = self.files.get(str(source.get("path")))
        return data if data is not None and hashlib.sha256(data).hexdigest() == source.get("sha256") else None
