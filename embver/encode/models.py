"""Load encoders from local model folders and take their features: tokens, pixels or samples in, rows out."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from embver.encode.audio import AudioSteps
from embver.encode.fit import check_fit
from embver.encode.images import ImageSteps
from embver.encode.model_loading import inner_folder, load_layers, load_model
from embver.encode.modules import Chain, read_chain
from embver.encode.pooling import is_dual, rows_of
from embver.encode.runtime import load_torch, pick_device
from embver.encode.spec import EncoderSpec
from embver.encode.steps import ModalitySteps
from embver.encode.texts import TextSteps
from embver.errors import EncodeError

Rows = npt.NDArray[np.float32]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class LoadedEncoder:
    """An encoder in memory: its spec, its model on a device, its steps, and how many batches run side by side."""

    spec: EncoderSpec
    model: Any
    device: str
    threads: int
    steps: ModalitySteps
    compute: str = "float32"  # of the forward; from the pooling on it is float32 always
    layers: tuple[Any, ...] = ()  # the card's `dense`, float32

    @property
    def attention(self) -> str:
        """Return the attention implementation, read back from the model."""
        return str(getattr(self.model.config, "_attn_implementation", None) or "eager")

    @property
    def weights_dtype(self) -> str:
        """Return the dtype of the weights, read back from the model; both where a family keeps some of them wider."""
        found = {parameter.dtype for parameter in self.model.parameters() if parameter.is_floating_point()}
        return " and ".join(sorted(str(dtype).removeprefix("torch.") for dtype in found))

    @property
    def is_dual(self) -> bool:
        """Tell whether the model has features of its own for this modality, as CLIP and SigLIP do."""
        return is_dual(self.model, self.spec.modality)


def load_encoder(
    spec: EncoderSpec, *, device: str = "auto", threads: int | None = None, compute: str = "float32"
) -> LoadedEncoder:
    """Load one encoder; raise EncodeError if the folder, the weights or the steps do not fit the spec."""
    loaded = load_encoders({spec.modality: spec}, device=device, threads=threads, compute=compute)
    return loaded[spec.modality]


def load_encoders(
    specs: Mapping[str, EncoderSpec],
    *,
    device: str = "auto",
    threads: int | None = None,
    compute: str = "float32",
) -> dict[str, LoadedEncoder]:
    """Load several encoders, by name; those of one folder share one model in memory.

    `compute` is the dtype that the weights are cast to: float32, bfloat16 or float16.
    """
    torch = load_torch()
    place = pick_device(device)
    models: dict[tuple[Path, bool, bool, bool], Any] = {}
    loaded: dict[str, LoadedEncoder] = {}
    for name, spec in specs.items():
        key = (spec.model_path, spec.trust_remote_code, spec.allow_pickle, spec.pooling == "pooler")
        if key not in models:
            models[key] = load_model(spec, place, compute)
        chain = read_chain(spec.model_path)
        steps = _steps(spec, models[key].config, chain)
        check_fit(spec, models[key], steps, chain)
        loaded[name] = LoadedEncoder(
            spec=spec,
            model=models[key],
            device=place,
            threads=1 if place != "cpu" else threads or int(torch.get_num_threads()),
            steps=steps,
            compute=compute,
            layers=load_layers(spec, place),
        )
    return loaded


def _steps(spec: EncoderSpec, config: Any, chain: Chain | None) -> ModalitySteps:
    steps = spec.steps()
    if spec.modality == "text":
        folder = inner_folder(spec.model_path, chain)
        return TextSteps.of(steps, folder, trust_remote_code=spec.trust_remote_code)
    if spec.modality == "audio":
        return AudioSteps.of(steps, config)
    return ImageSteps.of(steps, config)


def features(encoder: LoadedEncoder, inputs: Mapping[str, Any]) -> Rows:
    """Return float32 rows (n, dimensions) of one batch of model inputs; call it in strict mode.

    Raise EncodeError if the model gives another dimension than the card says.
    """
    torch, spec = load_torch(), encoder.spec
    dtype = getattr(torch, encoder.compute)
    with torch.inference_mode():
        cast = {key: value.to(dtype) if value.is_floating_point() else value for key, value in inputs.items()}
        made = rows_of(encoder.model, spec, cast).float()
        for layer in encoder.layers:
            made = layer(made)
        width = int(made.shape[1])
        if spec.truncate_dimensions is not None and width >= spec.truncate_dimensions:
            made = made[:, : spec.truncate_dimensions]
        rows = made.cpu().numpy()
    if rows.shape[1] != spec.dimensions:
        raise _wrong_dimension(spec, width)
    return normalise(rows) if spec.normalized else np.ascontiguousarray(rows)


def normalise(rows: Rows) -> Rows:
    """Return rows of unit length, float32; the squares are summed in float64. A zero row becomes NaN."""
    wide = rows.astype(np.float64)
    with np.errstate(invalid="ignore", divide="ignore"):
        unit: Rows = (wide / np.sqrt((wide * wide).sum(axis=1, keepdims=True))).astype(np.float32)
    return unit


def _wrong_dimension(spec: EncoderSpec, width: int) -> EncodeError:
    hint = f"write `dimensions: {width}` in the card, or choose another model"
    if width > spec.dimensions:
        shorter = f"`truncate_dimensions: {spec.dimensions}` under {spec.card_path}"
        hint = f"write `dimensions: {width}` under space; or {shorter}, if the model was trained for it"
    return EncodeError(
        f"space.dimensions: the card says {spec.dimensions}, the {spec.modality} encoder gives {width}",
        hint=hint,
    )
