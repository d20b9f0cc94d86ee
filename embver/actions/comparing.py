"""Measure one version against another on the probe vectors that both carry."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from embver.actions.workspace import Source, Workspace
from embver.card import Card
from embver.errors import ConfigError, IntegrityError
from embver.levels import Level, Verdict
from embver.policy import Measured
from embver.probe import ProbeSet

if TYPE_CHECKING:
    from embver.measure.rule import Rule
    from embver.measure.strata import Side, StratumItems


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """How two versions meet; `strata` are the records of compat.md, JSON-safe."""

    old: str
    new: str
    verdict: Verdict
    strata: tuple[Mapping[str, Any], ...]
    reasons: tuple[str, ...]
    probe: Mapping[str, Any]
    rule_version: int

    @property
    def level(self) -> Level:
        """Return the least level that the measurement alone allows."""
        if self.verdict is Verdict.IDENTICAL:
            return Level.NONE
        if self.verdict is Verdict.EQUIVALENT:
            return Level.PATCH
        return Level.MINOR if self.verdict is Verdict.COMPATIBLE else Level.MAJOR

    @property
    def measured(self) -> Measured:
        """Return the comparison as the policy takes it."""
        return Measured(against=self.old, verdict=self.verdict, why=self.reasons)

    def to_record(self) -> dict[str, Any]:
        """Return the entry of a card's `compatibility`."""
        return {
            "against": self.old,
            "probe": self.probe["digest"],
            "rule_version": self.rule_version,
            "verdict": self.verdict.word,
            "level": self.level.word,
            "strata": [dict(stratum) for stratum in self.strata],
        }


def compare_versions(work: Workspace, old: Source, new: Source) -> Comparison | str:
    """Measure `new` against `old`; return why it cannot be measured, as a sentence, if it cannot.

    Raises IntegrityError if probe vectors are not on this machine, ConfigError for an unknown threshold.
    """
    before, after = work.card(old), work.card(new)
    if before.probe is None or after.probe is None:
        missing = old.reference if before.probe is None else new.reference
        return f"{missing} has no probe vectors"
    if before.probe.probe_digest != after.probe.probe_digest:
        return f"{old.reference} and {new.reference} were encoded with different probe sets"
    probe = work.probe_set(after.name, digest=after.probe.probe_digest, sources=(new, old))
    if probe is None:
        return f"the probe set of {new.reference} ({after.probe.probe_digest}) is not in this repository"
    return _measure(work, probe, (old, before), (new, after))


def _measure(
    work: Workspace, probe: ProbeSet, old: tuple[Source, Card], new: tuple[Source, Card]
) -> Comparison | str:
    from embver.measure.compatibility import measure_stratum
    from embver.measure.record import entry
    from embver.measure.verdict import judge_all, judge_stratum

    rule = load_rule(work)
    vectors = [probe_vectors(work, source, card) for source, card in (old, new)]
    strata, verdicts, reasons = [], [], []
    for query, document in probe.strata():
        items = stratum_items(probe, query, document)
        sides = [side_of(found, query, document) for found in vectors]
        if any(side is None for side in sides):
            return f"the probe vectors of {query} or {document} are missing in one version"
        measures = measure_stratum(
            items, old=_known(sides[0]), new=_known(sides[1]), metric=new[1].space.metric, rule=rule
        )
        verdict = judge_stratum(measures, rule)
        strata.append(entry(measures, verdict))
        verdicts.append(verdict)
        if not verdict.verdict.is_safe:
            reasons.append(f"{query} -> {document}: {_in_short(strata[-1])}")
    return Comparison(
        old=old[0].reference,
        new=new[0].reference,
        verdict=judge_all(verdicts),
        strata=tuple(strata),
        reasons=tuple(reasons),
        probe={"name": probe.name, "digest": probe.digest, "items": len(probe.items)},
        rule_version=rule.rule_version,
    )


def _in_short(stratum: Mapping[str, Any]) -> str:
    """Return the one sentence that says why a stratum is not safe; its record holds every reason."""
    recall, labelled = stratum.get("recall_new_query_old_index"), stratum.get("labelled") or {}
    if recall is None or stratum["verdict"] != Verdict.INCOMPATIBLE.word:
        return str(stratum["reasons"][0])
    found = f"new queries on the old index find {recall['value']:.1%} of their neighbours again"
    if "new_old" not in labelled:
        return found
    hits = f"{labelled['old_old']:.1%} to {labelled['new_old']:.1%}"
    return f"{found}; hit@{stratum['k']} of labelled pairs goes from {hits}"


def load_rule(work: Workspace) -> Rule:
    """Return the decision rule with the repository's thresholds; raise ConfigError for an unknown one."""
    from embver.measure.rule import Rule

    try:
        return Rule(**work.settings.rule)
    except TypeError as error:
        raise ConfigError(f"embver.toml: [rule]: {error}") from error
    except ValueError as error:
        raise ConfigError(f"embver.toml: {error}") from error


def probe_vectors(work: Workspace, source: Source, card: Card) -> Mapping[str, Any]:
    """Return a version's probe vectors by `MODALITY.ROLE`, rows in the probe set's order."""
    from embver.store.vectors import read_tensors

    if card.probe is None:
        raise IntegrityError(f"{source.reference} has no probe vectors", hint=f"embver encode {card.name}")
    return read_tensors(work.artifact_path(source, card.probe))


def stratum_items(probe: ProbeSet, query: str, document: str) -> StratumItems:
    """Return the ids and labels of a stratum, documents and queries in id order."""
    from embver.measure.strata import StratumItems

    queries, documents = probe.rows(query, "query"), probe.rows(document, "document")
    return StratumItems(
        query_modality=query,
        document_modality=document,
        query_ids=tuple(item.id for item in queries),
        query_pairs=tuple(item.pair for item in queries),
        document_ids=tuple(item.id for item in documents),
        document_pairs=tuple(item.pair for item in documents),
    )


def side_of(vectors: Mapping[str, Any], query: str, document: str) -> Side | None:
    """Return one version's rows of a stratum in id order, or None where it has no such vectors."""
    from embver.measure.strata import Side

    asked, found = vectors.get(f"{query}.query"), vectors.get(f"{document}.document")
    if asked is None or found is None:
        return None
    return Side(query=asked, document=found)


def _known(side: Side | None) -> Side:
    assert side is not None
    return side
