"""Cut rows into batches whose shape depends on nothing but the row: the ground of reproducible vectors."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

from embver.errors import EncodeError

# Measured (MKL, AVX-512, one thread, widths 96 to 4,304): a matrix product of 1 to 12 rows takes another path than
# one of 16 to 8,192, which all agree. The last layer sees one row an item, so 16 items it is.
LEAST_ROWS: Final = 16
# Where batches have to be filled, padded lengths are multiples of this, for there to be few row shapes: +1 to +11 % of
# time against sorted batches padded to their longest row. Where they have not, texts of one length share a batch and
# nothing is padded at all.
LENGTH_STEP: Final = 4
# On a CPU large batches lose half of their speed or more: activations fall out of the cache. An accelerator wants
# them: 64 rows of ViT-L/14 are 16,448 tokens.
CPU_TOKENS: Final = 512
ACCELERATOR_TOKENS: Final = 16_384
PROFILES: Final = ("strict", "fast")
PADDINGS: Final = ("buckets", "longest", "max_length")


@dataclass(frozen=True, slots=True, kw_only=True)
class BatchPlan:
    """How rows become batches: at most `rows` and at most about `tokens` a batch, and how texts are padded.

    Without `tokens`, the device decides: 512 on a CPU, 16,384 on an accelerator. Patches of an image are tokens
    too. Without `padding`, strict takes buckets and fast the longest row of the batch.

    Strict: a row's padded length depends on the row alone, and no forward sees fewer rows than `least`, nor fewer
    tokens than 16; with `is_filled`, as on an accelerator, every forward of one row shape has one batch shape. The last
    batch is filled by repeating a row. Fast fills nothing.
    """

    rows: int = 256
    tokens: int | None = None
    padding: str | None = None
    profile: str = "strict"
    least: int = LEAST_ROWS
    is_filled: bool = True

    def __post_init__(self) -> None:
        """Raise EncodeError for a plan that cannot keep the promise of strict."""
        if self.profile not in PROFILES:
            raise EncodeError(f"unknown profile {self.profile!r}", hint=f"use {' or '.join(PROFILES)}")
        if self.padding is not None and self.padding not in PADDINGS:
            raise EncodeError(f"unknown padding {self.padding!r}", hint=f"use {', '.join(PADDINGS)}")
        if self.is_strict and self.padding == "longest":
            raise EncodeError("padding to the longest row of a batch does not keep bits", hint="use buckets")
        if self.rows < (LEAST_ROWS if self.is_strict else 1):
            least = f"at least {LEAST_ROWS} rows, or the profile fast" if self.rows > 0 else "at least 1 row"
            raise EncodeError(f"a batch of {self.rows} rows does not keep bits", hint=f"use {least}")
        if self.tokens is not None and self.tokens < 1:
            raise EncodeError(f"a batch of {self.tokens} tokens holds nothing", hint="use at least 1 token")

    @property
    def is_strict(self) -> bool:
        """Tell whether a row may depend on nothing but itself."""
        return self.profile == "strict"

    @property
    def pads_to(self) -> str:
        """Return the padding rule that runs; none where texts of one length share a batch."""
        if self.padding == "max_length" or not self.is_strict:
            return self.padding or "longest"
        return "none" if self.length_step == 1 else "buckets"

    @property
    def length_step(self) -> int:
        """Return what padded lengths are multiples of."""
        return 1 if self.is_strict and self.least == 1 else LENGTH_STEP

    @property
    def tokens_move_bits(self) -> bool:
        """Tell whether the budget decides about bits: a card records it then as a batch, and else as a timing."""
        return not self.is_strict or self.is_filled

    def on(self, device: str, *, least: int = LEAST_ROWS, is_filled: bool = True) -> BatchPlan:
        """Return the plan as it runs on a device, for an encoder whose bits are kept from `least` rows on."""
        tokens = CPU_TOKENS if device == "cpu" else ACCELERATOR_TOKENS
        return replace(self, tokens=self.tokens or tokens, least=least, is_filled=is_filled)

    def least_rows(self, length: int) -> int:
        """Return the step in which rows of `length` tokens are batched: no matrix product sees fewer than 16 rows."""
        return max(self.least, -(-LEAST_ROWS // length)) if self.is_strict else 1

    def rows_for(self, length: int) -> int:
        """Return the rows of a batch whose rows have `length` tokens: a function of the length alone."""
        least = self.least_rows(length)
        wanted = self.rows if self.tokens is None else min(self.rows, self.tokens // length)
        return max(least, wanted // least * least)


@dataclass(frozen=True, slots=True, kw_only=True)
class Batch:
    """Rows that go through the model together: `positions` in the window, of which the first `kept` count."""

    positions: tuple[int, ...]
    kept: int
    length: int


def padded_length(length: int, *, limit: int, to_limit: bool, step: int = LENGTH_STEP) -> int:
    """Return the length a row of tokens is padded to: its own, rounded up to a bucket, never above the limit."""
    return limit if to_limit else min(limit, -(-length // step) * step)


def text_batches(lengths: Sequence[int], plan: BatchPlan, *, limit: int, to_limit: bool) -> Iterator[Batch]:
    """Yield batches over rows of tokens, longest first.

    Rows that need no padding never share a batch with rows that do, unless the batch is padded to its longest row:
    transformers drops a mask without a hole and takes another attention kernel, so a neighbour would decide about
    the bits.
    """
    to_limit = to_limit or plan.pads_to == "max_length"
    if plan.pads_to == "longest" and not to_limit:
        yield from _longest_first(lengths, plan)
        return
    buckets: dict[tuple[int, bool], list[int]] = {}
    for position, length in enumerate(lengths):
        padded = padded_length(length, limit=limit, to_limit=to_limit, step=plan.length_step)
        buckets.setdefault((padded, padded == length), []).append(position)
    for (padded, _), positions in sorted(buckets.items(), reverse=True):
        yield from _cut(positions, plan.rows_for(padded), padded, plan)


def image_batches(count: int, plan: BatchPlan, *, patches: int) -> Iterator[Batch]:
    """Yield batches over `count` images of one shape, of `patches` tokens each."""
    yield from _cut(range(count), plan.rows_for(patches), patches, plan)


def _longest_first(lengths: Sequence[int], plan: BatchPlan) -> Iterator[Batch]:
    """Yield batches in which each row is padded to the first, which is the longest."""
    order = sorted(range(len(lengths)), key=lambda position: -lengths[position])
    start = 0
    while start < len(order):
        length = max(1, lengths[order[start]])
        part = tuple(order[start : start + plan.rows_for(length)])
        yield Batch(positions=part, kept=len(part), length=length)
        start += len(part)


def _cut(positions: Sequence[int], rows: int, length: int, plan: BatchPlan) -> Iterator[Batch]:
    for start in range(0, len(positions), rows):
        part = tuple(positions[start : start + rows])
        step = rows if plan.is_filled else plan.least_rows(length)
        missing = -len(part) % step if plan.is_strict else 0
        yield Batch(positions=part + (part[-1],) * missing, kept=len(part), length=length)


def batch_record(plans: Mapping[str, BatchPlan]) -> dict[str, Any]:
    """Return a card's `encode.batch` for the plans that ran, by modality."""
    record: dict[str, Any] = {
        "size": {modality: plan.rows for modality, plan in plans.items()},
        "tokens": {
            modality: plan.tokens
            for modality, plan in plans.items()
            if plan.tokens is not None and plan.tokens_move_bits
        },
        "padding": " and ".join(sorted({plan.pads_to for plan in plans.values()})),
        "order": "length",
    }
    return {key: value for key, value in record.items() if value}
