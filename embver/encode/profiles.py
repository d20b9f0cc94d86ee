"""The two profiles: strict pins what moves bits, fast lets it go and says so."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from embver.encode.batches import LEAST_ROWS, BatchPlan
from embver.encode.models import LoadedEncoder
from embver.encode.runtime import Flags, load_torch, read_flags, strict_mode
from embver.encode.steady import is_steady


@contextmanager
def profile_mode(profile: str) -> Iterator[Flags]:
    """Pin, or let go, for a block what moves bits; yield the flags read back from torch; restore all after it."""
    if profile == "strict":
        with strict_mode() as flags:
            yield flags
        return
    torch = load_torch()
    cuda, cudnn = torch.backends.cuda.matmul, torch.backends.cudnn
    tf32, threads = (cuda.allow_tf32, cudnn.allow_tf32), torch.get_num_threads()
    cuda.allow_tf32 = cudnn.allow_tf32 = True
    try:
        yield read_flags()
    finally:
        cuda.allow_tf32, cudnn.allow_tf32 = tf32
        torch.set_num_threads(threads)  # new threads inherit what `one_thread` said last


def run_plan(encoder: LoadedEncoder, batch: BatchPlan | None = None) -> BatchPlan:
    """Return the plan as it runs for an encoder on its device: what a card records."""
    plan = batch or BatchPlan()
    if encoder.device != "cpu":
        return plan.on(encoder.device)
    keeps_bits = plan.is_strict and is_steady(encoder)
    return plan.on(
        "cpu",
        least=1 if keeps_bits else LEAST_ROWS,
        is_filled=plan.is_strict and not keeps_bits and encoder.compute != "float32",
    )
