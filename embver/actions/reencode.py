"""Encode a sample of a release again on this machine, by the card's own recipe, and say which tier holds."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from embver.actions.comparing import load_rule
from embver.actions.reencode_inputs import Sample, draw, find_model
from embver.actions.reencode_probe import ask_probe
from embver.actions.reencode_report import Modality, Reencoded
from embver.actions.workspace import Source, Workspace
from embver.card import Card, card_digest
from embver.tiers import Tier, worst

if TYPE_CHECKING:
    from embver.encode.models import LoadedEncoder
    from embver.encode.spec import Item
    from embver.measure.rule import Rule
    from embver.store.vectors import Stored

SAMPLE = 64
Progress = Callable[[str, int, int], None]


def _silent(what: str, done: int, total: int) -> None:
    """Show nothing."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ReencodeRequest:
    """How a release is encoded again: `sample` rows a modality (0: all of them), on which device."""

    sample: int = SAMPLE
    device: str = "auto"
    threads: int | None = None
    progress: Progress = _silent


def reencode(work: Workspace, source: Source, request: ReencodeRequest) -> Reencoded:
    """Encode a sample of one release again and compare it with the stored rows.

    Raises EncodeError for an item or a model that cannot be encoded, IntegrityError for artifacts that are no vectors.
    """
    card = work.card(source)
    with tempfile.TemporaryDirectory(prefix="embver-") as scratch:
        return _Run(work, source, card, request, Path(scratch)).report()


@dataclass(slots=True, kw_only=True)
class _Loaded:
    encoders: dict[str, LoadedEncoder] = field(default_factory=dict)
    missing: dict[str, str] = field(default_factory=dict)  # modality: why there is no model


class _Run:
    """One release, encoded again."""

    def __init__(
        self, work: Workspace, source: Source, card: Card, request: ReencodeRequest, scratch: Path
    ) -> None:
        from embver.encode.batches import BatchPlan

        self.work, self.source, self.card, self.request = work, source, card, request
        self.recorded: Mapping[str, Any] = card.plain.get("encode") or {}
        self.profile = str(self.recorded.get("profile") or "strict")
        self.compute = str((self.recorded.get("precision") or {}).get("compute") or "float32")
        self.batch = BatchPlan(profile=self.profile)
        self.rule: Rule = load_rule(work)
        self.loaded = self._load(scratch)

    def report(self) -> Reencoded:
        """Encode the samples, then the probe set if they leave something open."""
        from embver.encode.environment import describe_environment, differences, fingerprint

        modalities = tuple(self._modality(modality) for modality in self.card.encoders)
        open_ones = [each for each in modalities if each.tier in (None, Tier.NONE)]
        why = [each.why for each in modalities if each.why]
        probe, by_probe = None, None
        if open_ones and not self.loaded.missing:
            found = ask_probe(self.work, self.source, self.card, self._encode, self.rule)
            if isinstance(found, str):
                why.append(found)
            else:
                probe, by_probe = found
        here: dict[str, Any] = {}
        if self.loaded.encoders:
            here = describe_environment(self.loaded.encoders.values(), profile=self.profile)
        recorded = self.recorded.get("environment")
        known = any(self.recorded.get(part) for part in ("hardware", "software"))
        return Reencoded(
            reference=self.source.reference,
            tier=_overall([each.tier for each in modalities], by_probe),
            modalities=modalities,
            recorded=recorded,
            is_record_sound=recorded is None or recorded == fingerprint(self.recorded),
            here=here.get("environment"),
            profile=self.profile,
            differs=differences(self.recorded, here) if here and known else (),
            probe=probe,
            why=tuple(dict.fromkeys(why)),
        )

    def _load(self, scratch: Path) -> _Loaded:
        from embver.encode.models import load_encoders
        from embver.encode.spec import EncoderSpec

        loaded, specs = _Loaded(), {}
        for modality, encoder in self.card.encoders.items():
            folder = find_model(self.work, self.source, self.card, modality, scratch)
            if isinstance(folder, str):
                loaded.missing[modality] = folder
            else:
                space = dict(self.card.plain["space"])
                specs[modality] = EncoderSpec.from_plain(modality, encoder, space, folder)
        if specs:
            request = self.request
            loaded.encoders = load_encoders(
                specs, device=request.device, threads=request.threads, compute=self.compute
            )
        return loaded

    def _modality(self, modality: str) -> Modality:
        from embver.measure.repeat import measure_repeat

        if modality in self.loaded.missing:
            return Modality(modality=modality, measures=None, tier=None, why=self.loaded.missing[modality])
        seed = int(card_digest(self.card.plain).rpartition(":")[2], 16)
        sample = draw(self.work, self.source, self.card, modality, self.request.sample, seed)
        if isinstance(sample, str):
            return Modality(modality=modality, measures=None, tier=None, why=sample)
        why = sample.words()
        if not sample.items:
            return Modality(modality=modality, measures=None, tier=None, missing=sample.missing, why=why)
        again, identical = self._again(modality, sample)
        measures = measure_repeat(
            sample.stored, sample.places, again, identical, metric=self.card.space.metric, rule=self.rule
        )
        tier = measures.tier(self.rule)
        return Modality(modality=modality, measures=measures, tier=tier, missing=sample.missing, why=why)

    def _again(self, modality: str, sample: Sample) -> tuple[Any, Any]:
        """Return the rows as they would be stored today, as numbers, and which of them are stored just so."""
        import numpy as np

        from embver.store.rows import values_of

        made = self._encode(modality, sample.items, "document")
        kept = sample.stored.stored(sample.places)
        identical = (made.vectors == kept.vectors).all(axis=1)
        if made.scale is not None and kept.scale is not None:
            identical &= made.scale == kept.scale
        return values_of(made), np.asarray(identical)

    def _encode(self, modality: str, items: Sequence[Item], role: str | None, what: str = "") -> Stored:
        """Return the rows of some items as they would be stored today; a role without a prompt is none."""
        from embver.encode.runner import encode
        from embver.store.vectors import to_stored

        def progress(done: int, total: int) -> None:
            self.request.progress(f"{self.source.reference} {what or modality}", done, total)

        encoder = self.loaded.encoders[modality]
        wanted = role if role in encoder.spec.prompts else None
        rows = encode(encoder, items, role=wanted, batch=self.batch, progress=progress).vectors
        return to_stored(rows, self.card.space.dtype)


def _overall(tiers: Sequence[Tier | None], by_probe: Tier | None) -> Tier | None:
    """Return the tier that holds of a whole release: None where something could not be encoded again at all.

    The probe set speaks for what is not here, and says of what moved too far to be equivalent whether it is functional.
    """
    found = [tier for tier in tiers if tier is not None and tier is not Tier.NONE]
    if Tier.NONE in tiers:
        functional = by_probe is not None and by_probe.rank <= Tier.R2.rank
        return Tier.R2 if functional else Tier.NONE
    if None in tiers:
        return None if by_probe is None else worst((*found, by_probe))
    return worst(tuple(found))
