"""Cut rows into batches whose shape depends on nothing but the row: the ground of reproducible vectors."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

from embver.errors import EncodeError

# Measured (MKL, AVX-512, one thread, widths 96 to 4,304): a matrix product of 1 to 12 rows takes another path than
# one of 16 to 8,192, which all agree. The last layer sees one row an item, so 16 items it is.
LEAST_ROWS: Final = 16
# Padded lengths are multiples of this: +1 to +11 % of time against sorted batches padded to their longest row.
LENGTH_STEP: Final = 4
# On a CPU large batches lose half of their speed or more: activations fall out of the cache.
CPU_TOKENS: Final = 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class BatchPlan:
    """How rows become batches: `rows` a batch, at most `tokens` a batch, and how texts are padded.

    Without `tokens`, a CPU takes 1,024 and an accelerator any number. Patches of an image are tokens too.

    A strict plan fills the last batch by repeating a row, so that every forward of one row shape has one batch
    shape. Only the noise floor is measured with a plan that is not strict.
    """

    rows: int = 64
    tokens: int | None = None
    padding: str = "buckets"
    is_strict: bool = True

    def __post_init__(self) -> None:
        """Raise EncodeError for a plan that cannot keep the promise of strict."""
        if self.padding not in ("buckets", "max_length"):
            raise EncodeError(f"unknown padding {self.padding!r}", hint="use buckets or max_length")
        if self.rows < (LEAST_ROWS if self.is_strict else 1):
            raise EncodeError(
                f"a batch of {self.rows} rows does not keep bits", hint=f"use at least {LEAST_ROWS} rows"
            )

    def on(self, device: str) -> BatchPlan:
        """Return the plan with the token budget that suits a device."""
        return replace(self, tokens=CPU_TOKENS) if self.tokens is None and device == "cpu" else self

    def rows_for(self, length: int) -> int:
        """Return the rows of a batch whose rows have `length` tokens: a function of the length alone."""
        if self.tokens is None:
            return self.rows
        least = LEAST_ROWS if self.is_strict else 1
        return max(least, min(self.rows, self.tokens // length // least * least))


@dataclass(frozen=True, slots=True, kw_only=True)
class Batch:
    """Rows that go through the model together: `positions` in the window, of which the first `kept` count."""

    positions: tuple[int, ...]
    kept: int
    length: int


def padded_length(length: int, *, limit: int, to_limit: bool) -> int:
    """Return the length a row of tokens is padded to: its own, rounded up to a bucket, never above the limit."""
    return limit if to_limit else min(limit, -(-length // LENGTH_STEP) * LENGTH_STEP)


def text_batches(lengths: Sequence[int], plan: BatchPlan, *, limit: int, to_limit: bool) -> Iterator[Batch]:
    """Yield batches over rows of tokens, longest first.

    Rows that need no padding never share a batch with rows that do: transformers drops a mask without a hole and
    takes another attention kernel, so a neighbour would decide about the bits.
    """
    buckets: dict[tuple[int, bool], list[int]] = {}
    for position, length in enumerate(lengths):
        padded = padded_length(length, limit=limit, to_limit=to_limit or plan.padding == "max_length")
        buckets.setdefault((padded, padded == length), []).append(position)
    for (padded, _), positions in sorted(buckets.items(), reverse=True):
        yield from _cut(positions, plan.rows_for(padded), padded, plan)


def image_batches(count: int, plan: BatchPlan, *, patches: int) -> Iterator[Batch]:
    """Yield batches over `count` images of one shape, of `patches` tokens each."""
    yield from _cut(range(count), plan.rows_for(patches), patches, plan)


def _cut(positions: Sequence[int], rows: int, length: int, plan: BatchPlan) -> Iterator[Batch]:
    for start in range(0, len(positions), rows):
        part = tuple(positions[start : start + rows])
        filler = (part[-1],) * (rows - len(part)) if plan.is_strict else ()
        yield Batch(positions=part + filler, kept=len(part), length=length)


def batch_record(plans: Mapping[str, BatchPlan]) -> dict[str, Any]:
    """Return a card's `encode.batch` for the plans that ran, by modality."""
    padding = sorted({plan.padding for plan in plans.values()})
    return {
        "size": {modality: plan.rows for modality, plan in plans.items()},
        "padding": " and ".join(padding),
        "order": "length",
    }
