"""One batch through the model, in a thread of its own; what memory cannot hold is cut or refused."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import nullcontext
from dataclasses import replace
from typing import Final

import numpy as np

from embver.encode.batches import LEAST_ROWS, Batch, BatchPlan
from embver.encode.meter import Meter
from embver.encode.models import LoadedEncoder, Rows, features
from embver.encode.runtime import load_torch
from embver.encode.steady import steady, steady_linears
from embver.encode.steps import Row
from embver.errors import EncodeError

# While one thread waits for rows to come back from an accelerator, the others prepare and queue the next batches;
# all of them use its one default stream, so that the order of the work on it does not matter to a row.
_IN_FLIGHT: Final = 3


class Forward:
    """Runs batches of one encoder; callable from several threads at once."""

    def __init__(self, encoder: LoadedEncoder, plan: BatchPlan, meter: Meter) -> None:
        self.encoder, self.plan, self.meter = encoder, plan, meter
        self._is_steady = plan.is_strict and encoder.device == "cpu"
        self._most_rows: int | None = None  # what memory held after a batch was cut
        if self._is_steady:
            steady_linears(encoder)

    @property
    def threads(self) -> int:
        """Return how many batches are in flight: one a thread on a CPU, a few on an accelerator."""
        return self.encoder.threads if self.encoder.device == "cpu" else _IN_FLIGHT

    def __call__(self, rows: Sequence[Row], batch: Batch) -> Rows:
        """Return the rows (kept, dimensions) of one batch."""
        with self.meter.stage("forward"):
            return self._run(rows, batch)[: batch.kept]

    def _run(self, rows: Sequence[Row], batch: Batch) -> Rows:
        most = self._most_rows
        if most is None or len(batch.positions) <= most:
            made = self._try(rows, batch)
            if made is not None:
                return made
            most = max(1, len(batch.positions) // 2)
            self._most_rows = most if self._most_rows is None else min(most, self._most_rows)
            self.meter.note("rows_after_out_of_memory", self._most_rows)
        parts = [batch.positions[start : start + most] for start in range(0, len(batch.positions), most)]
        return np.concatenate(
            [self._run(rows, replace(batch, positions=part, kept=len(part))) for part in parts]
        )

    def _try(self, rows: Sequence[Row], batch: Batch) -> Rows | None:
        """Return the batch's rows, or None if memory does not hold it and the profile allows to cut it."""
        torch, encoder, path = load_torch(), self.encoder, self.encoder.spec.card_path
        try:
            with steady() if self._is_steady else nullcontext():
                return features(encoder, encoder.steps.inputs(rows, batch, encoder.device))
        except torch.OutOfMemoryError:
            pass  # and not here: the error holds on to the tensors that must go before the next try
        except (RuntimeError, ValueError) as error:
            raise EncodeError(f"{path}: the model fails on a batch: {error}") from error
        count = len(batch.positions)
        if encoder.device != "cpu":
            torch.cuda.empty_cache()
        if count > 1 and not self.plan.is_strict:
            return None
        half = max(LEAST_ROWS, count // 2)
        if count <= (LEAST_ROWS if self.plan.is_strict else 1):
            raise EncodeError(
                f"{path}: no memory for {count} rows of {batch.length} tokens, the fewest there can be",
                hint="free memory on the device, or use another: --device",
            )
        raise EncodeError(
            f"{path}: no memory for {count} rows of {batch.length} tokens at once",
            hint=f"embver encode NAME --batch {half} (with --profile fast the batch is cut by itself)",
        )
