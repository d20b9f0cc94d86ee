"""What a change really costs a live index, found with queries whose labels no probe set held.

The definition, written down before the first run:

- *The live index* holds every picture (3,784) or every name (1,892), the probe's among them. It is asked by new queries while
  it is old, and while 10, 25, 50, 75 and 90 % of its vectors are new (two seeded splits each), and by old
  queries when it is new: seven states in which old and new vectors meet.
- *The queries* are those of the emoji that are not in the probe set.
- *The loss* in a state is hit@10 of old queries on the old index less hit@10 in that state, over the same queries, with
  the 95 % bounds of a bootstrap that draws emoji.
- A change **breaks** if in any stratum and state it loses more than one point for sure: the lower bound of the loss is
  above 0.01. It **holds** if in all of them the upper bound is at most 0.01. Otherwise it is **unclear**: the held-out
  queries cannot tell.
- A *false accept* is a verdict of identical, equivalent or compatible on a change that breaks. A *false refusal* is a
  verdict of incompatible (or bridgeable) on a change that holds. Inconclusive verdicts are neither and are counted apart.
- Vectors of another dimension cannot be searched with the old ones: that breaks.

New queries on the wholly new index (`nn`) are reported, but are no state of the definition: what is lost there is quality,
which a benchmark finds, and not compatibility.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from benchmarks.calibration.population import DOCUMENT_KINDS, STRATA, Population, Rows, Vectors
from embver.measure.bootstrap import Estimate, estimates

K = 10
FRACTIONS = (0.10, 0.25, 0.50, 0.75, 0.90)
SPLITS = 2
ALLOWED_LOSS = 0.01
DRAWS = 1000
ROWS_AT_ONCE = 512
OUTSIDE = ("nn",)

Hits = NDArray[np.float64]


@dataclass(frozen=True, slots=True, kw_only=True)
class Loss:
    """What one stratum loses on held-out queries: where it is worst, and whether that breaks it.

    `loss`, `low` and `high` are of hit@10 in the worst state (0..1, bounds one-sided 95 %); `recall_loss` is of
    recall@10 in the same state, `flips` the greatest share of queries that were right and are wrong, `states` the loss in
    every state, `nn` among them.
    """

    state: str
    before: float
    loss: float
    low: float
    high: float
    recall_loss: float
    flips: float
    states: Mapping[str, float]
    truth: str

    @property
    def breaks(self) -> bool:
        """Tell whether more than the allowed loss is lost for sure."""
        return self.truth == "breaks"


@dataclass(frozen=True, slots=True, kw_only=True)
class Live:
    """Hits at 10 and recall at 10 of every query in every state of one stratum; `emoji` says what a query shows."""

    emoji: Rows
    hits: Mapping[str, Hits]
    recalls: Mapping[str, Hits]


def live_indexes(population: Population, old: Vectors, new: Vectors) -> dict[tuple[str, str], Live]:
    """Search every live index of every stratum with every query; none where the dimensions differ."""
    if old["image"].shape != new["image"].shape:
        return {}
    return {pair: _live(population, old, new, *pair) for pair in STRATA}


def losses(live: Mapping[tuple[str, str], Live], held_out: Rows) -> dict[tuple[str, str], Loss]:
    """Return what the held-out emoji's queries lose in each stratum; all of it where nothing could be searched."""
    if not live:
        gone = Loss(state="no", before=1.0, loss=1.0, low=1.0, high=1.0, recall_loss=1.0, flips=1.0,
                    states={}, truth="breaks")  # fmt: skip
        return dict.fromkeys(STRATA, gone)
    return {pair: _loss(found, np.isin(found.emoji, held_out)) for pair, found in live.items()}


def overall(found: Mapping[tuple[str, str], Loss]) -> str:
    """Return whether a change breaks: in any stratum, for sure."""
    states = {loss.truth for loss in found.values()}
    return next(state for state in ("breaks", "unclear", "holds") if state in states)


def _live(population: Population, old: Vectors, new: Vectors, query: str, document: str) -> Live:
    every = np.arange(population.size)
    found = population.rows(document, DOCUMENT_KINDS[document], every)
    queries, styles = len(old[query]), len(DOCUMENT_KINDS[document])
    # The documents of emoji e are e, e + n, ...; a query of the same modality does not find itself.
    relevant = np.arange(queries)[:, None] % population.size + population.size * np.arange(styles)
    own = np.full(queries, -1)
    if query == document:
        own[: len(found)] = np.arange(len(found))
    asked = np.flatnonzero((relevant != own[:, None]).any(axis=1))
    masks = _masks(len(found))
    ranks: dict[str, list[NDArray[np.int64]]] = {}
    for part in np.array_split(asked, max(1, len(asked) // ROWS_AT_ONCE)):
        cells = {
            name: _scores(first[query][part], second[document][found], own[part])
            for name, first, second in (
                ("oo", old, old),
                ("no", new, old),
                ("on", old, new),
                ("nn", new, new),
            )
        }
        for name, mask in masks.items():
            cells[name] = np.where(mask, cells["nn"], cells["no"])
        for name, scores in cells.items():
            ranks.setdefault(name, []).append(_ranks(scores, relevant[part], own[part]))
    joined = {name: np.concatenate(each) for name, each in ranks.items()}
    kinds: dict[str, list[NDArray[np.bool_]]] = {name.partition("#")[0]: [] for name in joined}
    for name, each in joined.items():
        kinds[name.partition("#")[0]].append((each > 0) & (each <= K))
    available = (np.concatenate(ranks["oo"]) > 0).sum(axis=1)
    return Live(
        emoji=asked % population.size,
        hits={kind: np.mean([hit.any(axis=1) for hit in each], axis=0) for kind, each in kinds.items()},
        recalls={
            kind: np.mean([hit.sum(axis=1) / available for hit in each], axis=0)
            for kind, each in kinds.items()
        },
    )


def _masks(documents: int) -> dict[str, NDArray[np.bool_]]:
    """Return which documents are new in each half-filled index, by state and split."""
    masks = {}
    for fraction in FRACTIONS:
        for split in range(SPLITS):
            order = np.random.default_rng([split, round(100 * fraction)]).permutation(documents)
            mask = np.zeros(documents, dtype=np.bool_)
            mask[order[: round(fraction * documents)]] = True
            masks[f"mix {100 * fraction:.0f} %#{split}"] = mask
    return masks


def _scores(query: NDArray[np.float32], document: NDArray[np.float32], own: Rows) -> NDArray[np.float32]:
    """Return cosines (q, n); rows are of unit length."""
    scores: NDArray[np.float32] = query @ document.T
    hidden = np.flatnonzero(own >= 0)
    scores[hidden, own[hidden]] = -2.0
    return scores


def _ranks(scores: NDArray[np.float32], relevant: Rows, own: Rows) -> NDArray[np.int64]:
    """Return the rank, from 1, of each relevant document (q, r); 0 for the query's own item."""
    theirs = np.take_along_axis(scores, relevant, axis=1)
    ranks = np.stack([1 + (scores > theirs[:, [n]]).sum(axis=1) for n in range(relevant.shape[1])], axis=1)
    return np.where(relevant == own[:, None], 0, ranks)


def _loss(live: Live, held_out: NDArray[np.bool_]) -> Loss:
    """Return the worst loss of one stratum over the held-out queries."""
    before = live.hits["oo"][held_out]
    columns = {state: before - hits[held_out] for state, hits in live.hits.items() if state != "oo"}
    found = estimates(columns, live.emoji[held_out], draws=DRAWS, seed=0)
    meeting = {state: loss for state, loss in found.items() if state not in OUTSIDE}
    worst = max(meeting, key=lambda state: (meeting[state].lcb, meeting[state].value))
    recalls = live.recalls
    flips = [float((before * (1 - live.hits[state][held_out])).mean()) for state in meeting]
    return Loss(
        state=worst,
        before=float(before.mean()),
        loss=meeting[worst].value,
        low=meeting[worst].lcb,
        high=max(loss.ucb for loss in meeting.values()),
        recall_loss=float((recalls["oo"] - recalls[worst])[held_out].mean()),
        flips=max(flips),
        states={state: round(loss.value, 5) for state, loss in found.items()},
        truth=_truth(list(meeting.values())),
    )


def _truth(found: list[Estimate]) -> str:
    if any(loss.lcb > ALLOWED_LOSS for loss in found):
        return "breaks"
    return "holds" if all(loss.ucb <= ALLOWED_LOSS for loss in found) else "unclear"
