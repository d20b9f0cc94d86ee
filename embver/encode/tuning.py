"""Probe, in a short warm-up, how many tokens a batch wants here, and tell how long the run will take."""

from __future__ import annotations

import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from typing import Final

from embver.encode.batches import CPU_TOKENS, Batch, BatchPlan
from embver.encode.forward import Forward
from embver.encode.inputs import worker_count
from embver.encode.meter import Meter
from embver.encode.models import LoadedEncoder
from embver.encode.profiles import profile_mode, run_plan
from embver.encode.runtime import one_thread
from embver.encode.spec import Item
from embver.encode.steps import Row

SAMPLE: Final = 256
CPU_CHOICES: Final = (256, 512, 1024, 2048)
ACCELERATOR_CHOICES: Final = (4096, 16_384, 65_536)
# A warm-up that takes more of the run than this is left out.
MOST_OF_THE_RUN: Final = 0.05
_ROUNDS: Final = 3
_ENOUGH_S: Final = 4.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Tuned:
    """The plan that suits an encoder here; `items_per_s` is about what the whole run will reach with it.

    `tokens_per_s` says what each probed budget reached; empty where the plan was not up for choice, or the run is too
    short to gain anything.
    """

    plan: BatchPlan
    items_per_s: float
    tokens_per_s: dict[int, float]
    elapsed_s: float


def tune(
    encoder: LoadedEncoder,
    sample: Sequence[Item],
    *,
    items: int,
    role: str | None = None,
    batch: BatchPlan | None = None,
    workers: int | None = None,
) -> Tuned | None:
    """Return the plan with the best budget of tokens for a run of `items`; None if no item of the sample is sound.

    The clock decides, so nothing may depend on the choice but the speed: where it would move bits in the profile
    strict, or the caller's plan names a budget, that one is kept. Fast rows may move.
    """
    begun = time.perf_counter()
    plan = run_plan(encoder, batch)
    steps, spec = encoder.steps, encoder.spec
    read = time.perf_counter()
    prepared = steps.prepare(sample, lambda item: spec.prompt(item.role or role))
    reading_s = (time.perf_counter() - read) / worker_count(encoder, workers) / max(1, len(sample))
    rows = [row for row in prepared if not isinstance(row, str)]
    if not rows:
        return None
    batches = list(steps.batches(rows, replace(plan, tokens=1)))
    tokens_an_item = sum(each.kept * each.length for each in batches) / len(rows)
    with (
        profile_mode(plan.profile),
        ThreadPoolExecutor(encoder.threads, thread_name_prefix="embver-tune", initializer=one_thread) as pool,
    ):
        forward = Forward(encoder, plan, Meter())
        probe = _Probe(forward=forward, pool=pool, rows=rows, typical=_typical(batches))
        probe.tokens_per_s(plan)  # the first forward prepares kernels and memory
        rate, found = probe.tokens_per_s(plan), dict[int, float]()
        expected_s = items * tokens_an_item / rate
        choices = _choices(encoder, plan, batch)
        work = sum(max(tokens, CPU_TOKENS) for tokens in choices) * encoder.threads * _ROUNDS
        if choices and work / rate < MOST_OF_THE_RUN * expected_s:
            found = _race(probe, plan, choices)
            plan = replace(plan, tokens=max(found, key=lambda tokens: found[tokens]))
            rate = max(found.values())
    return Tuned(
        plan=plan,
        items_per_s=1 / (max if encoder.device != "cpu" else _both)(tokens_an_item / rate, reading_s),
        tokens_per_s=found,
        elapsed_s=time.perf_counter() - begun,
    )


def _both(forward_s: float, reading_s: float) -> float:
    """Return the seconds an item where the same cores read, decode and compute."""
    return forward_s + reading_s


def _choices(encoder: LoadedEncoder, plan: BatchPlan, asked: BatchPlan | None) -> tuple[int, ...]:
    if (asked is not None and asked.tokens is not None) or (plan.is_strict and plan.tokens_move_bits):
        return ()
    return CPU_CHOICES if encoder.device == "cpu" else ACCELERATOR_CHOICES


def _typical(batches: Sequence[Batch]) -> Batch:
    """Return the batch of the length that half of all tokens do not exceed."""
    ordered = sorted(batches, key=lambda batch: batch.length)
    half, seen = sum(batch.kept * batch.length for batch in ordered) / 2, 0
    for batch in ordered:
        seen += batch.kept * batch.length
        if seen >= half:
            return batch
    return ordered[-1]


def _race(probe: _Probe, plan: BatchPlan, choices: Sequence[int]) -> dict[int, float]:
    """Return the tokens a second of each budget, the best of a few rounds in turns."""
    found = dict.fromkeys(choices, 0.0)
    begun = time.perf_counter()
    for _ in range(_ROUNDS):
        for tokens in choices:
            found[tokens] = max(found[tokens], probe.tokens_per_s(replace(plan, tokens=tokens)))
        if time.perf_counter() - begun > _ENOUGH_S:
            break
    return found


@dataclass(frozen=True, slots=True, kw_only=True)
class _Probe:
    """Runs batches of rows of one length, side by side as in the run."""

    forward: Forward
    pool: ThreadPoolExecutor
    rows: Sequence[Row]
    typical: Batch

    def tokens_per_s(self, plan: BatchPlan) -> float:
        """Return what the forward does with the plan's batches: about 512 tokens a thread, one batch at least."""
        count = plan.rows_for(self.typical.length)
        batch = replace(self.typical, positions=(self.typical.positions[0],) * count, kept=count)
        tokens = count * batch.length
        batches = [batch] * (self.forward.encoder.threads * max(1, CPU_TOKENS // tokens))
        begun = time.perf_counter()
        list(self.pool.map(lambda each: self.forward(self.rows, each), batches))
        return len(batches) * tokens / (time.perf_counter() - begun)
