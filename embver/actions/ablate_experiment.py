"""An experiment on one step: its subsets put together, encoded where no row is known, and scored."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from embver.ablation import AblationPlan, AblationReport
from embver.ablation import Work as Amount
from embver.actions.ablate_blocks import Blocks, tie
from embver.actions.ablate_ends import Question
from embver.actions.ablate_parts import Mixer
from embver.actions.ablate_report import report_of
from embver.actions.ablate_rows import RowMaker, Wanted, finished
from embver.actions.comparing import probe_vectors
from embver.actions.workspace import Source, Workspace
from embver.blocks import WEIGHTS
from embver.errors import EmbverError, EncodeError

if TYPE_CHECKING:
    from embver.encode.spec import Item
    from embver.measure.retrieval import Evaluation

Members = frozenset[str]


@dataclass(slots=True, kw_only=True, eq=False)
class Experiment:
    """A step that is being taken apart."""

    work: Workspace
    question: Question
    blocks: Blocks
    mixer: Mixer
    maker: RowMaker
    _evaluations: dict[tuple[str, str, str], Evaluation] = field(default_factory=dict)
    _stored: dict[tuple[str, str], Any] = field(default_factory=dict)
    _inputs: dict[str, Sequence[Item]] = field(default_factory=dict)
    _estimate_s: float | None = None

    def tie_blocks(self) -> None:
        """Tie together what cannot run apart."""
        self.blocks = tie(self.blocks, self._known_ties(), self._why_not)

    @property
    def is_greedy(self) -> bool:
        """Tell whether the blocks are too many for all subsets."""
        from embver.measure.shares import MOST_IN_ALL_SUBSETS

        return len(self.blocks.run) > MOST_IN_ALL_SUBSETS

    def plan(self, *, warm_up: bool = False) -> AblationPlan:
        """Return what is to be run; with a warm-up, whose rows are kept, about how long it will take."""
        subsets = self._subsets()
        seen: dict[str, bool] = {}  # by name: whether something of it is missing
        missing: dict[
            tuple[str, bytes], str
        ] = {}  # rows that are not there, each with a hybrid that makes it
        todo: dict[str, Wanted] = {}
        stored = set()
        for chosen in subsets:
            for wanted in self._wanted(chosen):
                if isinstance(wanted, str):
                    stored.add(wanted)
                elif wanted.name not in seen:
                    fresh = {
                        (wanted.key, digest) for digest in self.maker.store.missing(wanted)
                    } - missing.keys()
                    missing.update(dict.fromkeys(fresh, wanted.name))
                    seen[wanted.name] = bool(fresh)
                    if fresh:
                        todo[wanted.name] = wanted
        if warm_up:
            self._estimate_s = self._estimated(todo, list(missing.values()))
        return AblationPlan(
            name=self.mixer.new.card.name,
            benchmark=self.question.benchmark,
            metric=self.question.metric,
            from_=self.mixer.old.reference,
            to=self.mixer.new.reference,
            blocks=self.blocks.run,
            not_run=self.blocks.not_run,
            method="greedy-paths" if self.is_greedy else "all-subsets",
            queries=len(self.question.queries),
            queries_in_all=self.question.queries_in_all,
            documents=len(self.question.documents),
            work=Amount(
                subsets=len(subsets),
                encodes=len(todo),
                items=len(missing),
                cached=len(seen) - len(todo),
                stored=len(stored),
                estimate_s=self._estimate_s,
            ),
            notes=self._notes(),
        )

    def report(self) -> AblationReport:
        """Encode what is missing, score every subset and share the change out; what was encoded before is not again."""
        from embver.measure.shares import share_out, share_out_greedily, subsets_of

        begun = time.perf_counter()
        plan = self.plan()
        count = len(self.blocks.run)
        everything = self.blocks.members(range(count))
        if self.is_greedy:
            shared = share_out_greedily(self._scores, count, self._evaluation(everything).clusters)
        else:
            subsets = subsets_of(count)
            self.maker.make(
                wanted
                for chosen in subsets
                for wanted in self._wanted(self.blocks.members(chosen))
                if not isinstance(wanted, str)
            )
            scores = {chosen: self._scores(chosen) for chosen in subsets}
            shared = share_out(scores, count, self._evaluation(everything).clusters)
        amount = replace(
            plan.work,
            encodes=len(self.maker.encoded),
            items=self.maker.encoded_items,
            elapsed_s=round(time.perf_counter() - begun, 3),
        )
        return report_of(replace(plan, work=amount), self, shared)

    def mean(self, chosen: frozenset[int]) -> float:
        """Return the metric of a subset of the blocks."""
        return float(self._scores(chosen).mean())

    # ---- hybrids

    def _subsets(self) -> tuple[Members, ...]:
        """Return the subsets that are tried; of the greedy paths as if they went by the blocks' order."""
        from embver.measure.shares import subsets_of

        count = len(self.blocks.run)
        if not self.is_greedy:
            return tuple(map(self.blocks.members, subsets_of(count)))
        everything = frozenset(range(count))
        tried = dict.fromkeys(
            part
            for base in range(count)
            for other in range(base, count)
            for part in (frozenset(range(base)) | {other}, everything - frozenset(range(base)) - {other})
        )
        return tuple(map(self.blocks.members, (frozenset[int](), everything, *tried)))

    def _wanted(self, chosen: Members) -> Iterator[Wanted | str]:
        """Yield what a subset needs: rows to be had, or the name of the version that stores them."""
        for modality, role in self.question.sides:
            end = self.mixer.stored_end(modality, role, chosen)
            if end is not None and self._stored_rows(end.source, modality, role) is not None:
                yield f"{end.reference} {modality}.{role}"
            else:
                yield self._rows_of(modality, role, chosen)

    def _rows_of(self, modality: str, role: str, chosen: Members) -> Wanted:
        found = self.mixer.reading(modality, role, chosen)
        if role not in self._inputs:
            self._inputs[role] = self.question.inputs(role)
        return Wanted(reading=found, items=self._inputs[role])

    def _why_not(self, chosen: Members) -> str | None:
        """Return why a subset's encoders cannot run, or None; one that has rows already ran."""
        for modality, role in self.question.sides:
            try:
                found = self.mixer.reading(modality, role, chosen)
                found.part.spec()
                if not (self.maker.store.folder / found.key).is_dir():
                    self.maker.load(found.part)
            except EncodeError as error:
                return error.message
        return None

    def _known_ties(self) -> list[tuple[str, str, str]]:
        from embver.encode.hybrids import same_vocabulary

        ties, game = [], self.mixer.game
        cut = [f"{m}.projection" for m in self.question.modalities if f"{m}.projection" in game]
        if self.mixer.old.card.space.dimensions != self.mixer.new.card.space.dimensions:
            why = "the vectors have another dimension, and both sides need the same"
            ties += [(cut[0], each, why) for each in cut[1:]]
            if cut and WEIGHTS in game:
                ties.append((cut[0], WEIGHTS, why))
        folders = self.mixer.old.folders.get("text"), self.mixer.new.folders.get("text")
        are_both = {WEIGHTS, "text.tokenizer"} <= game
        if are_both and folders[0] and folders[1] and not same_vocabulary(folders[0], folders[1]):
            why = "each vocabulary has its own weights: a token's number is a row of the model's table"
            ties.append((WEIGHTS, "text.tokenizer", why))
        return ties

    # ---- scores

    def _scores(self, chosen: frozenset[int]) -> Any:
        import numpy as np

        found = self._evaluation(self.blocks.members(chosen))
        # The digits that `embver bench` keeps.
        return np.round(found.per_query[self.question.metric], 6)

    def _evaluation(self, chosen: Members) -> Evaluation:
        from embver.measure.retrieval import evaluate
        from embver.measure.strata import Side

        query, document = (
            self.mixer.reading(modality, role, chosen).asked for modality, role in self.question.sides
        )
        metric = self.mixer.metric(chosen)
        key = (query, document, metric)
        if key not in self._evaluations:
            sides = [self._finished(chosen, modality, role) for modality, role in self.question.sides]
            try:
                self._evaluations[key] = evaluate(
                    self.question.stratum(),
                    Side(query=sides[0], document=sides[1]),
                    metric=metric,
                    metrics=(self.question.metric,),
                    draws=1,
                )
            except ValueError as error:
                raise EncodeError(f"benchmark {self.question.benchmark}: {error}") from error
        return self._evaluations[key]

    def _finished(self, chosen: Members, modality: str, role: str) -> Any:
        end = self.mixer.stored_end(modality, role, chosen)
        if end is not None and (rows := self._stored_rows(end.source, modality, role)) is not None:
            return rows
        wanted = self._rows_of(modality, role, chosen)
        self.maker.make([wanted])
        return finished(self.maker.store.rows(wanted), wanted.reading.part)

    def _stored_rows(self, source: Source, modality: str, role: str) -> Any:
        """Return a version's stored probe vectors of the items that are asked; None where they are not here."""
        key = (source.reference, f"{modality}.{role}")
        if key not in self._stored:
            try:
                found = probe_vectors(self.work, source, self.work.card(source))[key[1]]
            except (EmbverError, KeyError):
                found = None
            if found is not None:
                place = {item.id: n for n, item in enumerate(self.question.items.rows(modality, role))}
                found = found[[place[item.id] for item in self.question.chosen(role)]]
            self._stored[key] = found
        return self._stored[key]

    # ---- the plan's words

    def _estimated(self, todo: Mapping[str, Wanted], missing: Sequence[str]) -> float | None:
        """Return the seconds that the encodes will take, by the speed of some rows of each modality and model."""
        rates: dict[tuple[str, str, str], float | None] = {}
        kinds = {name: (wanted.reading.part.modality, *wanted.model) for name, wanted in todo.items()}
        for name, wanted in todo.items():
            if rates.get(kinds[name]) is None:
                rates[kinds[name]] = self.maker.rate(wanted)
        spent = [1 / rate for name in missing if (rate := rates[kinds[name]])]
        return round(sum(spent), 1) if todo else None

    def _notes(self) -> tuple[str, ...]:
        notes = [f"{block.id}: {block.tied}" for block in self.blocks.run if block.tied]
        for end, other in ((self.mixer.old, self.mixer.new), (self.mixer.new, self.mixer.old)):
            notes += [
                f"the weights are those of {other.reference} in every subset, those of {end.reference} are not here: {why}"
                for why in end.missing.values()
            ]
        return tuple(dict.fromkeys(notes))
