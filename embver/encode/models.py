"""Load an encoder from a local transformers folder and take its features: tokens or pixels in, rows out."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from embver.encode.images import ImageSteps
from embver.encode.runtime import load_torch, pick_device, quiet_transformers
from embver.encode.spec import EncoderSpec
from embver.encode.steps import ModalitySteps
from embver.encode.texts import TextSteps
from embver.errors import EncodeError

Rows = npt.NDArray[np.float32]

# Where a dual encoder pools is the model's own affair; a card that says otherwise would record what did not run.
DUAL_POOLING: Final[Mapping[str, Mapping[str, str]]] = {
    "clip": {"text": "eos", "image": "cls"},
    "siglip": {"text": "last", "image": "attention"},
    "siglip2": {"text": "last", "image": "attention"},
}
PLAIN_POOLING: Final = ("cls", "mean", "last")
_PARTS: Final = MappingProxyType(
    {"text": ("text_model", "text_projection"), "image": ("vision_model", "visual_projection")}
)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class LoadedEncoder:
    """An encoder in memory: its spec, its model on a device, its steps, and how many batches run side by side."""

    spec: EncoderSpec
    model: Any
    device: str
    threads: int
    steps: ModalitySteps

    @property
    def attention(self) -> str:
        """Return the attention implementation, read back from the model."""
        return str(getattr(self.model.config, "_attn_implementation", None) or "eager")

    @property
    def weights_dtype(self) -> str:
        """Return the dtype of the weights, read back from the model: float32."""
        return str(next(self.model.parameters()).dtype).removeprefix("torch.")

    @property
    def is_dual(self) -> bool:
        """Tell whether the model has features of its own for this modality, as CLIP and SigLIP do."""
        return hasattr(self.model, f"get_{self.spec.modality}_features")


def load_encoder(spec: EncoderSpec, *, device: str = "auto", threads: int | None = None) -> LoadedEncoder:
    """Load one encoder; raise EncodeError if the folder, the weights or the steps do not fit the spec."""
    return load_encoders({spec.modality: spec}, device=device, threads=threads)[spec.modality]


def load_encoders(
    specs: Mapping[str, EncoderSpec], *, device: str = "auto", threads: int | None = None
) -> dict[str, LoadedEncoder]:
    """Load several encoders, by name; those of one folder share one model in memory."""
    torch = load_torch()
    place = pick_device(device)
    models: dict[tuple[Path, bool], Any] = {}
    loaded: dict[str, LoadedEncoder] = {}
    for name, spec in specs.items():
        key = (spec.model_path, spec.trust_remote_code)
        if key not in models:
            models[key] = _load_model(spec, place)
        encoder = LoadedEncoder(
            spec=spec,
            model=models[key],
            device=place,
            threads=1 if place != "cpu" else threads or int(torch.get_num_threads()),
            steps=_steps(spec, models[key].config),
        )
        _check_fit(encoder)
        loaded[name] = encoder
    return loaded


def _steps(spec: EncoderSpec, config: Any) -> ModalitySteps:
    steps = spec.steps()
    return TextSteps.of(steps, spec.model_path) if spec.modality == "text" else ImageSteps.of(steps, config)


def features(encoder: LoadedEncoder, inputs: Mapping[str, Any]) -> Rows:
    """Return float32 rows (n, dimensions) of one batch of model inputs; call it in strict mode.

    Raise EncodeError if the model gives another dimension than the card says.
    """
    with load_torch().inference_mode():
        rows = _features(encoder, inputs).float().cpu().numpy()
    if rows.shape[1] != encoder.spec.dimensions:
        raise EncodeError(
            f"space.dimensions: the card says {encoder.spec.dimensions}, the {encoder.spec.modality} encoder gives "
            f"{rows.shape[1]}",
            hint=f"write `dimensions: {rows.shape[1]}` in the card, or choose another model",
        )
    return normalise(rows) if encoder.spec.normalized else np.ascontiguousarray(rows)


def normalise(rows: Rows) -> Rows:
    """Return rows of unit length, float32; the squares are summed in float64. A zero row becomes NaN."""
    wide = rows.astype(np.float64)
    with np.errstate(invalid="ignore", divide="ignore"):
        unit: Rows = (wide / np.sqrt((wide * wide).sum(axis=1, keepdims=True))).astype(np.float32)
    return unit


def _load_model(spec: EncoderSpec, device: str) -> Any:
    torch = load_torch()
    _check_folder(spec)
    with quiet_transformers() as transformers:
        try:
            model, info = transformers.AutoModel.from_pretrained(
                str(spec.model_path),
                dtype=torch.float32,
                use_safetensors=True,
                local_files_only=True,
                trust_remote_code=spec.trust_remote_code,
                output_loading_info=True,
            )
        except Exception as error:  # transformers raises anything of a folder that does not fit
            raise EncodeError(f"the model {spec.model_path.name} cannot be loaded: {error}") from error
    # What is missing is drawn at random. Only a plain encoder's pooler may be, since it is never asked.
    missing = sorted(key for key in info["missing_keys"] if not key.startswith("pooler."))
    if missing:
        raise EncodeError(
            f"the model {spec.model_path.name} lacks {len(missing)} weights, the first {missing[0]}: they would be "
            "random numbers"
        )
    return model.eval().to(device)


def _check_folder(spec: EncoderSpec) -> None:
    folder = spec.model_path
    if not (folder / "config.json").is_file():
        raise EncodeError(
            f"{spec.card_path}.model: {folder} is not a transformers model folder (no config.json)",
            hint="save the model with save_pretrained, and point the card at that folder",
        )
    if not any(folder.glob("*.safetensors")):
        pickled = " (pickled weights are not loaded)" if any(folder.glob("*.bin")) else ""
        raise EncodeError(
            f"{spec.card_path}.model: {folder} has no weights in safetensors{pickled}",
            hint="save them with save_pretrained(..., safe_serialization=True)",
        )


def _check_fit(encoder: LoadedEncoder) -> None:
    spec, config = encoder.spec, encoder.model.config
    problems: list[str] = []
    family = str(config.model_type)
    if encoder.is_dual:
        own = DUAL_POOLING.get(family, {}).get(spec.modality)
        if spec.pooling not in (None, own):
            problems.append(
                f"{spec.card_path}.pooling: {family} pools {own or 'in its own way'}, not {spec.pooling}"
            )
        if spec.projection is False and not hasattr(encoder.model, _PARTS[spec.modality][1]):
            problems.append(f"{spec.card_path}.projection: {family} gives no rows without its projection")
    else:
        if spec.pooling not in PLAIN_POOLING:
            problems.append(
                f"{spec.card_path}.pooling: one of {', '.join(PLAIN_POOLING)} is expected for {family}, "
                f"not {spec.pooling}"
            )
        if spec.projection:
            problems.append(f"{spec.card_path}.projection: {family} has no projection")
    problems.extend(_extent_problems(encoder))
    if problems:
        raise EncodeError("\n".join(problems))


def _extent_problems(encoder: LoadedEncoder) -> list[str]:
    config, path = encoder.model.config, f"{encoder.spec.card_path}.preprocessing"
    steps = encoder.steps
    if isinstance(steps, TextSteps):
        limit = getattr(getattr(config, "text_config", config), "max_position_embeddings", None)
        if isinstance(limit, int) and steps.max_length > limit:
            place = f"{path}[{len(encoder.spec.preprocessing) - 1}].max_length"
            return [f"{place}: the model reads at most {limit} tokens, not {steps.max_length}"]
    if isinstance(steps, ImageSteps):
        size = getattr(getattr(config, "vision_config", config), "image_size", None)
        extent = (steps.height, steps.width)
        if isinstance(size, int) and encoder.is_dual and extent != (size, size):
            return [
                f"{path}: the model reads images of {size} x {size}, the steps give {extent[0]} x {extent[1]}"
            ]
    return []


def _features(encoder: LoadedEncoder, inputs: Mapping[str, Any]) -> Any:
    torch, model, modality = load_torch(), encoder.model, encoder.spec.modality
    if encoder.is_dual and encoder.spec.projection is not False:
        output = getattr(model, f"get_{modality}_features")(**inputs)
        # A tensor until transformers 5, an output whose pooler_output holds the projected rows since.
        return output if isinstance(output, torch.Tensor) else output.pooler_output
    if encoder.is_dual:
        return getattr(model, _PARTS[modality][0])(**inputs).pooler_output
    hidden = model(**inputs).last_hidden_state.float()
    mask = inputs.get("attention_mask")
    return _pool(hidden, mask, encoder.spec.pooling)


def _pool(hidden: Any, mask: Any, pooling: str | None) -> Any:
    """Pool hidden states (n, length, width) to (n, width) in float32; fp16 pooling is known to ruin scores."""
    torch = load_torch()
    if mask is None:
        mask = torch.ones(hidden.shape[:2], dtype=torch.long, device=hidden.device)
    places = torch.arange(hidden.shape[1], device=hidden.device)
    rows = torch.arange(hidden.shape[0], device=hidden.device)
    if pooling == "cls":
        return hidden[rows, mask.argmax(dim=1)]  # the first attended place, whichever side is padded
    if pooling == "last":
        return hidden[rows, (mask * places).argmax(dim=1)]
    weights = mask.unsqueeze(-1).to(hidden.dtype)
    return (hidden * weights).sum(dim=1) / weights.sum(dim=1)
