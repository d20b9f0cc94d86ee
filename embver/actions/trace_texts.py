"""Read the texts of a benchmark, where a question about a step asks for them: once for all versions that share them."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Sequence

from embver.actions.workspace import Workspace
from embver.card import Benchmark
from embver.probe import ProbeItem
from embver.store.items import read_items

TextsOf = Callable[[Benchmark, str, tuple[str, str]], Sequence[str]]


def texts_reader(work: Workspace, name: str) -> TextsOf:
    """Return a function from a benchmark, the version that it is of, and its two modalities, to its texts."""
    commits = {release.reference: release.commit for release in work.releases_of(name)}
    known: dict[str, tuple[str, ...]] = {}

    def texts(benchmark: Benchmark, reference: str, modalities: tuple[str, str]) -> Sequence[str]:
        where = (benchmark.plain.get("protocol") or {}).get("where") or {}
        key = json.dumps([benchmark.plain.get("dataset"), where, modalities], sort_keys=True, default=str)
        if key not in known:
            revisions = [commits[reference]] if reference in commits else []
            found = read_items(work.repo, benchmark.plain, revisions).items
            sides = zip(("query", "document"), modalities, strict=True)
            chosen = (
                [chosen_items(benchmark, found.items, role, side) for role, side in sides] if found else []
            )
            known[key] = tuple(
                dict.fromkeys(item.text for side in chosen for item in side if item.text is not None)
            )
        return known[key]

    return texts


def chosen_items(
    benchmark: Benchmark, items: Iterable[ProbeItem], role: str, modality: str
) -> list[ProbeItem]:
    """Return the items that a benchmark asks with, or finds; of every modality where it is not known (empty)."""
    where = (benchmark.plain.get("protocol") or {}).get("where") or {}
    wanted = {
        key: {value} if isinstance(value, str) else set(value)
        for key, value in (where.get(role) or {}).items()
    }
    return [
        item
        for item in items
        if role in item.roles
        and modality in ("", item.modality)
        and all(item.attributes.get(key) in values for key, values in wanted.items())
    ]
