"""Ask a release's probe set whether vectors that were encoded again may still meet the stored ones."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from embver.actions.comparing import probe_of, probe_vectors
from embver.actions.inputs import probe_items
from embver.actions.workspace import Source, Workspace
from embver.card import Card
from embver.errors import EmbverError
from embver.tiers import Tier

if TYPE_CHECKING:
    from embver.encode.spec import Item
    from embver.measure.rule import Rule
    from embver.store.vectors import Stored

# Modality, items, role and what to call it: rows as they would be stored today.
Encode = Callable[[str, Sequence["Item"], str | None, str], "Stored"]


def ask_probe(
    work: Workspace, source: Source, card: Card, encode: Encode, rule: Rule
) -> tuple[dict[str, Any], Tier] | str:
    """Encode the probe set again and judge it against the stored probe vectors, or say why that cannot be done."""
    from embver.measure.sides import ProbeVectors, why_not_measured
    from embver.measure.versions import measure_versions
    from embver.store.rows import values_of

    probe, folder = probe_of(work, source, card), work.settings.probe_for(card.name)
    if card.probe is None or probe is None or folder is None:
        return "there is no probe set to ask: the release has none, or it is not in this repository"
    why = why_not_measured(card.space)
    if why is not None:
        return why
    vectors = {}
    try:
        stored = probe_vectors(work, source, card)
        for name in stored:
            modality, _, role = name.partition(".")
            items = probe_items(probe, work.path(folder), modality, role)
            vectors[name] = values_of(encode(modality, items, role, f"probe {modality} {role}"))
    except EmbverError as error:
        return f"the probe set cannot be encoded again: {error.message}"
    sides = [
        ProbeVectors(
            reference=reference,
            space=card.space,
            modalities=frozenset(card.encoders),
            items=probe,
            vectors=rows,
        )
        for reference, rows in ((source.reference, stored), (f"{source.reference} here", vectors))
    ]
    verdict = measure_versions(*sides, rule=rule, bridges=False, diagnose=False).verdict
    return {"name": probe.name, "items": len(probe.items), "verdict": verdict.word}, Tier.of_verdict(verdict)
