"""What `embver adopt` is asked."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from embver.actions.adopt_card import Known


@dataclass(frozen=True, slots=True, kw_only=True)
class AdoptRequest:
    """What to make releases of. `tags` is a pattern with `{version}`; `vectors` and `ids` are by modality.

    A place of vectors is a pattern of paths in the old commit, with `:NAME` behind it where a file holds several arrays.
    """

    name: str
    tags: str | None = None
    vectors: Mapping[str, str] = field(default_factory=dict)
    ids: Mapping[str, str] = field(default_factory=dict)
    table: Path | None = None
    table_name: str = ""
    mapping: str | None = None
    known: Known = field(default_factory=Known)
    is_dry_run: bool = False
