"""Encodes under way in one repository: which others there are for an embedding, and in what their plans differ."""

from __future__ import annotations

import contextlib
import json
import shutil
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from embver.actions import ranks
from embver.actions.shards_work import PLAN, WorkFolder

_MOST_SHOWN: Final = 4
_LONGEST: Final = 30


@dataclass(frozen=True, slots=True, kw_only=True)
class OtherPlan:
    """An unfinished encode of the same embedding by another plan; `finished` is the number of its receipts."""

    path: Path
    plan: Mapping[str, Any]
    finished: int

    def forget(self) -> None:
        """Throw its finished shards away; their objects stay until `git lfs prune`."""
        shutil.rmtree(self.path, ignore_errors=True)


def others(folder: WorkFolder) -> Iterator[OtherPlan]:
    """Yield the other plans of an embedding that several processes were sharing."""
    for path in sorted(folder.root.glob("*/")):
        if path == folder.path or not ranks.noted(path):
            continue  # what one process has given up is nobody else's business
        with contextlib.suppress(OSError, ValueError, KeyError, TypeError):
            plain = json.loads((path / PLAN).read_bytes())
            if plain["name"] == folder.name:
                receipts = sum(_is_receipt(file) for file in path.glob("*.json"))
                yield OtherPlan(path=path, plan=plain["plan"], finished=receipts)


def _is_receipt(file: Path) -> bool:
    plain = json.loads(file.read_bytes())
    return isinstance(plain, dict) and "content_digest" in plain


def differing(before: Mapping[str, Any], after: Mapping[str, Any]) -> str:
    """Return in which fields two plans differ, with both values, as a sentence."""
    there, here = dict(_flat(before)), dict(_flat(after))
    fields = [key for key in dict.fromkeys([*here, *there]) if there.get(key) != here.get(key)]
    said = [
        f"{field} is {_shown(here.get(field))} here and {_shown(there.get(field))} there" for field in fields
    ]
    more = f", and {len(said) - _MOST_SHOWN} more" if len(said) > _MOST_SHOWN else ""
    return "; ".join(said[:_MOST_SHOWN]) + more


def _flat(plain: Mapping[str, Any], above: str = "") -> Iterator[tuple[str, Any]]:
    for key, value in plain.items():
        # Everything that decides about a shard stands below `settings`; the word says nothing to people.
        name = str(key) if above in ("", "settings") else f"{above}.{key}"
        if isinstance(value, Mapping):
            yield from _flat(value, name)
        else:
            yield name, value


def _shown(value: Any) -> str:
    text = "absent" if value is None else str(value)
    return text if len(text) <= _LONGEST else f"{text[: _LONGEST - 1]}…"
