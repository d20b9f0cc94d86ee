"""Measure one version against another on the probe vectors that both carry."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Any

from embver.actions.workspace import ITEMS, Source, Workspace
from embver.card import Card
from embver.errors import ConfigError, IntegrityError, UsageError
from embver.levels import Level, Verdict
from embver.policy import Measured
from embver.probe import ProbeSet, parse_items

if TYPE_CHECKING:
    from embver.measure.rule import Rule
    from embver.measure.sides import ProbeVectors


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """How two versions meet; `strata` are the records of compat.md, JSON-safe.

    `probe` names the items that both encoded: where the versions had different probe sets, their common part.
    `floor` is how far each version moves against itself, `rule` the thresholds that are not the rule's own.
    """

    old: str
    new: str
    verdict: Verdict
    strata: tuple[Mapping[str, Any], ...]
    reasons: tuple[str, ...]
    probe: Mapping[str, Any]
    rule_version: int
    notes: tuple[str, ...] = ()
    floor: Mapping[str, Any] = field(default_factory=dict)
    rule: Mapping[str, Any] = field(default_factory=dict)

    @property
    def level(self) -> Level:
        """Return the least level that the measurement alone allows."""
        return self.verdict.least_level

    @property
    def measured(self) -> Measured:
        """Return the comparison as the policy takes it."""
        return Measured(against=self.old, verdict=self.verdict, why=self.reasons)

    def to_record(self) -> dict[str, Any]:
        """Return the entry of a card's `compatibility`."""
        optional = {"notes": list(self.notes), "floor": dict(self.floor), "rule": dict(self.rule)}
        return {
            "against": self.old,
            "probe": self.probe["digest"],
            **{key: self.probe[key] for key in ("items", "sets") if key in self.probe},
            "rule_version": self.rule_version,
            "verdict": self.verdict.word,
            "level": self.level.word,
            **{key: value for key, value in optional.items() if value},
            "strata": [dict(stratum) for stratum in self.strata],
        }


def compare_versions(work: Workspace, old: Source, new: Source) -> Comparison | str:
    """Measure `new` against `old`; return why it cannot be measured, as a sentence, if it cannot.

    Raises IntegrityError if probe vectors are not on this machine or are no vectors, ConfigError for an unknown
    threshold.
    """
    pair = load_pair(work, old, new)
    return pair if isinstance(pair, str) else _measure(work, *pair)


def load_pair(work: Workspace, old: Source, new: Source) -> tuple[ProbeVectors, ProbeVectors] | str:
    """Return two versions' probe vectors with the items that they are of, or why they cannot be compared."""
    found = []
    for source in (old, new):
        card = work.card(source)
        if card.probe is None:
            return f"{source.reference} has no probe vectors"
        from embver.measure.sides import why_not_measured  # numpy, which nothing needs before

        why = why_not_measured(card.space)
        if why is not None:
            return f"{source.reference}: {why}"
        items = probe_of(work, source, card, (new, old))
        if items is None:
            return (
                f"the probe set of {source.reference} ({card.probe.probe_digest}) is not in this repository"
            )
        found.append(_load(work, source, card, items))
    if not found[0].items.common(found[1].items).items:
        return f"the probe sets of {old.reference} and {new.reference} have no item in common"
    return found[0], found[1]


def _load(work: Workspace, source: Source, card: Card, items: ProbeSet) -> ProbeVectors:
    from embver.measure.sides import ProbeVectors

    return ProbeVectors(
        reference=source.reference,
        space=card.space,
        modalities=frozenset(card.encoders),
        items=items,
        vectors=probe_vectors(work, source, card),
        floor=(card.plain.get("encode") or {}).get("floor") or {},
    )


def _measure(work: Workspace, old: ProbeVectors, new: ProbeVectors) -> Comparison:
    from embver.measure.record import record
    from embver.measure.rule import Rule
    from embver.measure.versions import measure_versions

    rule = load_rule(work)
    try:
        found = measure_versions(old, new, rule=rule)
    except ValueError as error:
        raise unusable(old, new, error) from error
    strata = tuple(record(stratum) for stratum in found.strata)
    reasons = tuple(
        f"{stratum.name}: {in_short(plain)}"
        for stratum, plain in zip(found.strata, strata, strict=True)
        if not stratum.verdict.verdict.is_safe
    )
    defaults = Rule().to_plain()
    return Comparison(
        old=old.reference,
        new=new.reference,
        verdict=found.verdict,
        strata=strata,
        reasons=reasons,
        probe=describe_probe(old, new),
        rule_version=rule.rule_version,
        notes=found.notes,
        floor={name: dict(side.floor) for name, side in (("old", old), ("new", new)) if side.floor},
        rule={key: value for key, value in rule.to_plain().items() if value != defaults[key]},
    )


def describe_probe(old: ProbeVectors, new: ProbeVectors) -> dict[str, Any]:
    """Return what was measured on: name, digest and number of the items in both; `sets` where those differ."""
    common = old.items.common(new.items)
    described: dict[str, Any] = {"name": new.items.name, "digest": common.digest, "items": len(common.items)}
    if old.items.digest != new.items.digest:
        described["sets"] = {"old": old.items.digest, "new": new.items.digest}
    return described


def unusable(old: ProbeVectors, new: ProbeVectors, error: ValueError) -> IntegrityError:
    """Return the error for probe vectors that are no vectors, or not the items': it names the row."""
    working = next((side.reference for side in (new, old) if side.reference.endswith("@next")), None)
    return IntegrityError(
        f"{old.reference} and {new.reference} cannot be compared: {error}",
        hint=f"embver encode {working.partition('@')[0]} --force"
        if working
        else f"embver verify {new.reference} --deep",
    )


def in_short(stratum: Mapping[str, Any]) -> str:
    """Return the one sentence that says why a stratum is not safe; its record holds every reason."""
    recall, labelled = stratum.get("recall_new_query_old_index"), stratum.get("labelled") or {}
    breaks = (Verdict.INCOMPATIBLE.word, Verdict.BRIDGEABLE.word)
    if recall is None or stratum["verdict"] not in breaks:
        needed = stratum.get("needed")
        settle = f"; about {needed:,} queries would settle it" if needed else ""
        return f"{stratum['reasons'][0]}{settle}"
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


def probe_of(
    work: Workspace, source: Source, card: Card, sources: tuple[Source, ...] = ()
) -> ProbeSet | None:
    """Return the probe set whose vectors a version carries: where the settings say, else anywhere in its commit."""
    digest = card.probe.probe_digest if card.probe else None
    try:
        found = work.probe_set(card.name, digest=digest, sources=sources or (source,))
    except UsageError:
        found = None  # the settings' own set cannot be read; the version's may still lie in its commit
    if found is not None or source.revision is None:
        return found
    listed = work.repo.git("ls-tree", "-r", "--name-only", "-z", source.revision).split("\0")
    for path in listed:
        if PurePosixPath(path).name != ITEMS:
            continue
        data = work.repo.read(source.revision, path)
        try:
            items = parse_items((data or b"").decode().split("\n"), name=PurePosixPath(path).parent.name)
        except (ValueError, UnicodeDecodeError):
            continue
        if items.digest == digest:
            return items
    return None


def probe_vectors(work: Workspace, source: Source, card: Card) -> Mapping[str, Any]:
    """Return a version's probe vectors by `MODALITY.ROLE`, rows in the probe set's order."""
    from embver.store.rows import read_rows

    if card.probe is None:
        raise IntegrityError(f"{source.reference} has no probe vectors", hint=f"embver encode {card.name}")
    return read_rows(work.artifact_path(source, card.probe))
