"""What an experiment says of a change: which block of fields has which share of it, and what is left. Ground floor.

A block is what is set back, or forward, together: one preprocessing step, the prompts, the weights. The value of a set
of blocks is the metric with these as in the new version and all others as in the old one; a block's share is its
Shapley value (Shapley 1953, "A value for n-person games"), so that the shares add up to the change. Two blocks
interact by the Shapley interaction index (Grabisch and Roubens 1999).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal, Self

from embver.blocks import block_of
from embver.diff import Change, Kind
from embver.paths import parse_path
from embver.suspect_words import told

FORMAT = "embver.ablation"
FORMAT_VERSION = 1

Method = Literal["all-subsets", "greedy-paths"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Block:
    """Fields that are set back together; `tied` says why, where they are more than one thing."""

    id: str
    changes: tuple[Change, ...]
    tied: str | None = None

    @property
    def summary(self) -> str:
        """Return what happened in a few words: `lowercase removed`, `max_length 24 -> 16`."""
        parts: dict[str | None, list[Change]] = {}
        for change in self.changes:
            parts.setdefault(block_of(change.where), []).append(change)
        return "; ".join(
            told(listed[0].where, listed[0].kind, listed, block=part, place=None)
            for part, listed in parts.items()
        )

    def to_plain(self) -> dict[str, Any]:
        """Return the block with its stable keys."""
        return {"id": self.id, "tied": self.tied, "changes": [change.to_plain() for change in self.changes]}

    @classmethod
    def from_plain(cls, plain: Mapping[str, Any]) -> Self:
        """Read what `to_plain` gave."""
        return cls(
            id=plain["id"], tied=plain.get("tied"), changes=tuple(map(_change, plain.get("changes") or ()))
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class NotRun:
    """A block that was not set back, and why: it cannot matter here, or what it needs is not there."""

    block: Block
    why: str

    def to_plain(self) -> dict[str, Any]:
        """Return the block with its stable keys and the reason."""
        return {**self.block.to_plain(), "why": self.why}


@dataclass(frozen=True, slots=True, kw_only=True)
class Share:
    """What one block has of the change, with its 95 % interval, in the metric's unit.

    `forward` is what the block alone changes on the old version, `back` what the new version regains without it; they
    differ from the share where blocks interact. `fraction` is the share over the change of all blocks, None where that
    is 0. `is_sure` tells whether the interval lies on one side of 0 and enough queries moved.
    """

    block: Block
    value: float
    low: float
    high: float
    forward: float
    back: float
    fraction: float | None
    is_sure: bool

    def to_plain(self) -> dict[str, Any]:
        """Return the share with its stable keys."""
        return {
            "block": self.block.to_plain(),
            "value": self.value,
            "low": self.low,
            "high": self.high,
            "forward": self.forward,
            "back": self.back,
            "fraction": self.fraction,
            "sure": self.is_sure,
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class Interaction:
    """What two blocks do together beyond what each does without the other, with its 95 % interval."""

    blocks: tuple[str, str]
    value: float
    low: float
    high: float
    is_sure: bool

    def to_plain(self) -> dict[str, Any]:
        """Return the interaction with its stable keys."""
        return {
            "blocks": list(self.blocks),
            "value": self.value,
            "low": self.low,
            "high": self.high,
            "sure": self.is_sure,
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class Work:
    """What an experiment encodes: encodes by modality, role and hybrid, and items in all; what was there already.

    `estimate_s` is what a short warm-up expected, None where nothing was to be encoded or it was not asked.
    """

    subsets: int
    encodes: int
    items: int
    cached: int = 0
    stored: int = 0
    estimate_s: float | None = None
    elapsed_s: float | None = None

    def to_plain(self) -> dict[str, Any]:
        """Return the numbers with their stable keys."""
        return {name: getattr(self, name) for name in self.__slots__}


@dataclass(frozen=True, slots=True, kw_only=True)
class AblationPlan:
    """What would be run: the blocks, how their subsets are gone through, and the work that it takes."""

    name: str
    benchmark: str
    metric: str
    from_: str
    to: str
    blocks: tuple[Block, ...]
    not_run: tuple[NotRun, ...]
    method: Method
    queries: int  # that are asked
    queries_in_all: int
    documents: int
    work: Work
    notes: tuple[str, ...] = ()

    def to_plain(self) -> dict[str, Any]:
        """Return the stable keys of `embver trace --ablate --dry-run --json`."""
        return {
            "name": self.name,
            "benchmark": self.benchmark,
            "metric": self.metric,
            "from": self.from_,
            "to": self.to,
            "blocks": [each.to_plain() for each in self.blocks],
            "not_run": [each.to_plain() for each in self.not_run],
            "method": self.method,
            "queries": self.queries,
            "queries_in_all": self.queries_in_all,
            "documents": self.documents,
            "work": self.work.to_plain(),
            "notes": list(self.notes),
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class AblationReport:
    """The shares of a change, the greatest first; `before` and `after` are the ends as measured here.

    `recorded_before` and `recorded_after` are the numbers of the two cards. `rest` is what of the recorded change the
    shares do not explain; `rest_words` says what lies in it. `training` is what changed under `training`: data, loss
    and seed are in the block `weights`, and cannot be told apart without training.
    """

    plan: AblationPlan
    before: float
    after: float
    delta: float
    low: float
    high: float
    recorded_before: float | None
    recorded_after: float | None
    higher_is_better: bool
    shares: tuple[Share, ...]
    interactions: tuple[Interaction, ...]
    rest: float | None
    rest_words: tuple[str, ...]
    training: tuple[Change, ...]
    cause: str  # one sentence
    culprit: str | None  # the block that moved the metric where it went, None where nothing sure did
    sample: str | None = None  # what was asked of the queries, and its error; None: all of them

    def to_plain(self) -> dict[str, Any]:
        """Return the stable keys of `embver trace --ablate --json`."""
        return {
            "format": FORMAT,
            "format_version": FORMAT_VERSION,
            **self.plan.to_plain(),
            "before": self.before,
            "after": self.after,
            "delta": self.delta,
            "low": self.low,
            "high": self.high,
            "recorded_before": self.recorded_before,
            "recorded_after": self.recorded_after,
            "higher_is_better": self.higher_is_better,
            "shares": [each.to_plain() for each in self.shares],
            "interactions": [each.to_plain() for each in self.interactions],
            "rest": self.rest,
            "rest_words": list(self.rest_words),
            "training": [change.to_plain() for change in self.training],
            "cause": self.cause,
            "culprit": self.culprit,
            "sample": self.sample,
        }

    @classmethod
    def from_plain(cls, plain: Mapping[str, Any]) -> Self:
        """Read what `to_plain` gave; raise ValueError, KeyError or TypeError for anything else."""
        if (plain["format"], plain["format_version"]) != (FORMAT, FORMAT_VERSION):
            raise ValueError(f"{plain['format']} {plain['format_version']} is not {FORMAT} {FORMAT_VERSION}")
        same = ("before", "after", "delta", "low", "high", "recorded_before", "recorded_after", "rest",
                "higher_is_better", "cause", "culprit", "sample")  # fmt: skip
        return cls(
            plan=_plan(plain),
            shares=tuple(map(_share, plain["shares"])),
            interactions=tuple(map(_interaction, plain["interactions"])),
            rest_words=tuple(plain["rest_words"]),
            training=tuple(map(_change, plain["training"])),
            **{key: plain[key] for key in same},
        )


def _plan(plain: Mapping[str, Any]) -> AblationPlan:
    same = ("name", "benchmark", "metric", "to", "method", "queries", "queries_in_all", "documents")
    return AblationPlan(
        from_=plain["from"],
        blocks=tuple(map(Block.from_plain, plain["blocks"])),
        not_run=tuple(NotRun(block=Block.from_plain(entry), why=entry["why"]) for entry in plain["not_run"]),
        work=Work(**plain["work"]),
        notes=tuple(plain["notes"]),
        **{key: plain[key] for key in same},
    )


def _share(plain: Mapping[str, Any]) -> Share:
    same = ("value", "low", "high", "forward", "back", "fraction")
    return Share(
        block=Block.from_plain(plain["block"]),
        is_sure=plain["sure"],
        **{key: plain[key] for key in same},
    )


def _interaction(plain: Mapping[str, Any]) -> Interaction:
    first, second = plain["blocks"]
    return Interaction(
        blocks=(first, second),
        value=plain["value"],
        low=plain["low"],
        high=plain["high"],
        is_sure=plain["sure"],
    )


def _change(plain: Mapping[str, Any]) -> Change:
    try:
        where = parse_path(plain["path"])
    except ValueError:  # a name with a sign that a path does not hold
        where = (plain["path"],)
    return Change(
        where=where,
        kind=Kind(plain["kind"]),
        before=plain.get("before"),
        after=plain.get("after"),
    )
