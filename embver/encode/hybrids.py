"""Load encoders that no card describes: the weights of one version with the tokenizer, steps or pooling of another."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from embver.encode.audio import AudioSteps
from embver.encode.fit import check_fit
from embver.encode.images import ImageSteps
from embver.encode.model_loading import inner_folder, load_layers, load_model
from embver.encode.models import LoadedEncoder
from embver.encode.modules import read_chain
from embver.encode.runtime import load_torch, pick_device
from embver.encode.spec import EncoderSpec
from embver.encode.steps import ModalitySteps
from embver.encode.texts import TextSteps, load_tokenizer
from embver.errors import EncodeError

_KEPT_MODELS: Final = 2  # the old version's and the new one's


@dataclass(slots=True, kw_only=True, eq=False)
class HybridLoader:
    """Loads hybrids one after another; a model that several share is loaded once, and the last two are kept."""

    device: str = "auto"
    threads: int | None = None
    _models: dict[tuple[Path, bool, bool, bool, str], Any] = field(default_factory=dict)

    def load(
        self, spec: EncoderSpec, *, compute: str = "float32", tokenizer: Path | None = None
    ) -> LoadedEncoder:
        """Load one hybrid, its tokenizer from another model folder if one is given.

        Raise EncodeError if the parts do not fit one another.
        """
        torch, place = load_torch(), pick_device(self.device)
        chain = read_chain(spec.model_path)
        # The steps first: what no model can run need not be loaded.
        texts = _text_steps(spec, tokenizer or spec.model_path) if spec.modality == "text" else None
        key = (
            spec.model_path,
            spec.trust_remote_code,
            spec.allow_pickle,
            spec.pooling == "pooler",
            compute,
        )
        model = self._models.pop(key, None)
        if model is None:
            while len(self._models) >= _KEPT_MODELS:
                del self._models[next(iter(self._models))]
            model = load_model(spec, place, compute)
        self._models[key] = model
        steps = texts if texts is not None else _other_steps(spec, model.config)
        check_fit(spec, model, steps, chain)
        if isinstance(steps, TextSteps) and tokenizer is not None:
            _check_vocabulary(spec, steps, model)
        return LoadedEncoder(
            spec=spec,
            model=model,
            device=place,
            threads=1 if place != "cpu" else self.threads or int(torch.get_num_threads()),
            steps=steps,
            compute=compute,
            layers=load_layers(spec, place),
        )


def same_vocabulary(one: Path, other: Path, *, trust_remote_code: bool = False) -> bool:
    """Tell whether the tokenizers of two model folders have one id for every token, so that weights fit both."""
    first, second = (_vocabulary(folder, trust_remote_code) for folder in (one, other))
    return first == second


def _vocabulary(folder: Path, trust_remote_code: bool) -> dict[str, int]:
    inner = inner_folder(folder, read_chain(folder))
    return dict(load_tokenizer(inner, trust_remote_code=trust_remote_code).get_vocab())


def _text_steps(spec: EncoderSpec, folder: Path) -> TextSteps:
    inner = inner_folder(folder, read_chain(folder))
    return TextSteps.of(spec.steps(), inner, trust_remote_code=spec.trust_remote_code)


def _other_steps(spec: EncoderSpec, config: Any) -> ModalitySteps:
    if spec.modality == "audio":
        return AudioSteps.of(spec.steps(), config)
    return ImageSteps.of(spec.steps(), config)


def _check_vocabulary(spec: EncoderSpec, steps: TextSteps, model: Any) -> None:
    """Raise EncodeError where a tokenizer of another folder has ids that the model has no row for."""
    rows, largest = _token_rows(model), max(steps.tokenizer.get_vocab().values(), default=0)
    if rows is not None and largest >= rows:
        raise EncodeError(
            f"{spec.card_path}: the tokenizer has ids up to {largest}, the model has rows for {rows} tokens"
        )


def _token_rows(model: Any) -> int | None:
    for part in (getattr(model, "text_model", None), model):
        found = getattr(part, "get_input_embeddings", None)
        try:
            table = found() if found is not None else None
        except (AttributeError, NotImplementedError):
            table = None
        rows = getattr(table, "num_embeddings", None)
        if rows is not None:
            return int(rows)
    return None
