"""Run a card's audio steps: a file in, a spectrogram or samples out; a row depends on its clip alone.

Spectrograms have one shape and are batched as images are. Samples of any length meet only samples of the same
padded length, and every forward of one length has one batch shape: without a mask, padding would be heard.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from embver.encode.audio_features import (
    Filters,
    fixed_frames,
    fused,
    log_mel,
    mel_filters,
    padded,
    standardized,
    window_of,
)
from embver.encode.audio_model import AudioInput
from embver.encode.audio_reading import read_clip, resampled
from embver.encode.batches import Batch, BatchPlan
from embver.encode.blob import Blob
from embver.encode.meter import stage
from embver.encode.parameters import Step
from embver.encode.spec import Item
from embver.encode.steps import Prompt, Row
from embver.encode.transfer import to_device

Features = npt.NDArray[np.float32]

_ITEMS_A_TASK: Final = 4
_WINDOW_BYTES: Final = 64 << 20
_LEAST_WINDOW_ROWS: Final = 16
_TYPICAL_SECONDS: Final = 30  # of clips that no step cuts, to bound a window
_LOCAL_CROPS: Final = 4  # the squeezed whole and three crops


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class AudioSteps:
    """A card's audio steps, ready to run, and the form in which the model wants what they give."""

    steps: Mapping[str, Step]
    model: AudioInput
    filters: Filters | None
    window: npt.NDArray[np.float64] | None

    @classmethod
    def of(cls, steps: Sequence[Step], config: Any) -> AudioSteps:
        """Make checked steps runnable for the model of a config."""
        named = {step.name: step for step in steps}
        mel = named.get("log_mel")
        return cls(
            steps=named,
            model=AudioInput.of(config, named),
            filters=mel_filters(mel, named["resample"]["rate"]) if mel else None,
            window=window_of(mel) if mel else None,
        )

    @property
    def items_a_task(self) -> int | None:
        """Return how many clips one thread prepares at once: a spectrogram of ten seconds takes about 20 ms."""
        return _ITEMS_A_TASK

    def window_rows(self, plan: BatchPlan) -> int:
        """Return the rows of a window, of about 64 MiB; whole batches where rows are small."""
        rows = max(_LEAST_WINDOW_ROWS, _WINDOW_BYTES // self._row_bytes())
        return rows // plan.rows * plan.rows or rows

    def prepare(self, items: Sequence[Item], prompt: Prompt) -> list[Row]:  # noqa: ARG002  (texts need it)
        """Return float32 features of each item's clip, or what is wrong with it."""
        return [self._row(item) for item in items]

    def features(self, blob: Blob) -> Features:
        """Return what the model sees of one clip; raise ValueError saying what is wrong with it.

        A spectrogram is (frames, mel bins), one for fusion (1 or 4, frames, mel bins), samples are (n,).
        """
        with stage("decode"):
            samples, rate = read_clip(
                blob, truncate=self.steps.get("truncate"), max_seconds=self.steps["decode"]["max_seconds"]
            )
        wanted = self.steps["resample"]
        for name in self.steps:  # their order is the card's
            if name == "mono":
                is_left = self.steps["mono"]["channels"] == "left"
                samples = samples[:, 0] if is_left else samples.mean(axis=1, dtype=np.float32)
            elif name == "resample":
                samples = resampled(samples, rate=rate, wanted=wanted["rate"], method=wanted["method"])
        if not len(samples):
            raise ValueError(f"is shorter than one sample at {wanted['rate']} Hz")
        return self.of_samples(samples)

    def of_samples(self, samples: npt.NDArray[np.float32]) -> Features:
        """Return what the model sees of samples (n,) of one channel at the card's rate; raise ValueError if too few."""
        return self._spectrogram(samples) if "log_mel" in self.steps else self._samples(samples)

    def batches(self, rows: Sequence[Row], plan: BatchPlan) -> Iterator[Batch]:
        """Yield batches of rows of one shape, longest first."""
        kinds: dict[tuple[int, int, bool], list[int]] = {}
        for position, row in enumerate(rows):
            kinds.setdefault(self.model.kind(np.shape(row)), []).append(position)
        for (tokens, _, _), positions in sorted(kinds.items(), reverse=True):
            size = self.model.batch_rows(tokens, plan)
            for start in range(0, len(positions), size):
                part = tuple(positions[start : start + size])
                # Filled on a CPU too: a convolution may take another path for another count of rows.
                missing = size - len(part) if plan.is_strict else 0
                yield Batch(positions=part + (part[-1],) * missing, kept=len(part), length=tokens)

    def inputs(self, rows: Sequence[Row], batch: Batch, device: str) -> Mapping[str, Any]:
        """Return the model's input tensors: float32 features, and what tells it of padding or of long clips."""
        chosen = [np.asarray(rows[position], dtype=np.float32) for position in batch.positions]
        made: dict[str, npt.NDArray[Any]]
        if "log_mel" not in self.steps:
            _, length, _ = self.model.kind(chosen[0].shape)  # which all rows of a batch share
            values = np.zeros((len(chosen), length), dtype=np.float32)
            mask = np.zeros((len(chosen), length), dtype=np.int64)
            for index, row in enumerate(chosen):
                values[index, : len(row)], mask[index, : len(row)] = row, 1
            made = {"input_values": values} | ({"attention_mask": mask} if self.model.wants_mask else {})
        elif "fusion" in self.steps:
            is_longer = np.array([[len(row) == _LOCAL_CROPS] for row in chosen])
            whole = [
                row if len(row) == _LOCAL_CROPS else np.repeat(row, _LOCAL_CROPS, axis=0) for row in chosen
            ]
            made = {self.model.name: np.stack(whole), "is_longer": is_longer}
        else:
            made = {self.model.name: self.model.laid_out(np.stack(chosen))}
        return {name: to_device(array, device) for name, array in made.items()}

    def _row(self, item: Item) -> Row:
        if item.blob is None:
            return "has no sound file"
        try:
            return self.features(item.blob)
        except ValueError as error:
            return str(error)

    def _samples(self, samples: npt.NDArray[np.float32]) -> Features:
        if "standardize" in self.steps:
            samples = standardized(samples, self.steps["standardize"]["epsilon"])
        if "pad" in self.steps and self.steps["pad"]["seconds"] is not None:
            count, mode = self._pad_samples(), self.steps["pad"]["mode"]
            # With a mask, the row keeps its own length until it is laid into its batch.
            samples = samples[:count] if self.model.wants_mask else padded(samples, count, mode)
        if len(samples) < self.model.least_samples:
            raise ValueError(
                f"has {len(samples)} samples at {self.steps['resample']['rate']} Hz, the model reads at least "
                f"{self.model.least_samples}"
            )
        return np.ascontiguousarray(samples)

    def _spectrogram(self, samples: npt.NDArray[np.float32]) -> Features:
        assert self.filters is not None
        assert self.window is not None
        is_longer = False
        if "pad" in self.steps:
            count = self._pad_samples()
            is_longer = "fusion" in self.steps and len(samples) > count
            samples = samples if is_longer else padded(samples, count, self.steps["pad"]["mode"])
        mel = log_mel(samples, self.steps["log_mel"], filters=self.filters, window=self.window)
        if "fusion" in self.steps:
            frames = self.steps["fusion"]["frames"]
            mel = fused(mel, self.steps["fusion"]) if len(mel) > frames else mel[None]
        if "frames" in self.steps:
            mel = fixed_frames(mel, self.steps["frames"]["count"])
        if "dynamic_range" in self.steps:
            mel = np.maximum(mel, mel.max() - self.steps["dynamic_range"]["below_max"])
        if "normalize" in self.steps:
            mel = (mel - self.steps["normalize"]["mean"]) / self.steps["normalize"]["std"]
        return np.ascontiguousarray(mel, dtype=np.float32)

    def _pad_samples(self) -> int:
        samples: int = round(self.steps["pad"]["seconds"] * self.steps["resample"]["rate"])
        return samples

    def _row_bytes(self) -> int:
        mel = self.steps.get("log_mel")
        if mel is not None:
            crops = _LOCAL_CROPS if "fusion" in self.steps else 1
            return 4 * crops * self.model.frames * int(mel["mel_bins"])
        longest = self.steps["truncate"]["seconds"] if "truncate" in self.steps else _TYPICAL_SECONDS
        return 4 * int(max(1, longest * self.steps["resample"]["rate"]))
