"""Read a card's encoders and space from a model folder's own files: transformers or sentence-transformers; no torch."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from embver.encode.families import DUAL_POOLING, own_pooling, part_of, width_of
from embver.encode.modules import Chain, read_chain
from embver.encode.plain_files import read_json
from embver.encode.processor import steps_from_processor
from embver.encode.processor_audio import audio_steps, extractor_config
from embver.errors import EncodeError

_ORDER: Final[tuple[str, ...]] = ("model", "pooling", "projection", "dense", "prompts", "preprocessing")
_SIGLIP_WIDTH: Final = 768  # transformers 5 leaves out of a part's config what is the default of its family
_PROCESSORS: Final[Mapping[str, str]] = {
    "text": "tokenizer",
    "image": "image processor",
    "audio": "feature extractor",
}
# Their features are of length 1 already.
_UNIT: Final = ("clap",)


@dataclass(frozen=True, slots=True, kw_only=True)
class Described:
    """What a card can say of a model folder: encoders by modality, and the fields of `space`; only what is known.

    `notes` say where the steps cannot do quite what the folder's own processor does.
    """

    encoders: Mapping[str, Mapping[str, Any]]
    space: Mapping[str, Any]
    notes: tuple[str, ...] = ()


def describe_folder(folder: Path, *, path: str) -> Described:
    """Describe a model folder, which a card names by `path`; raise EncodeError for what no card can express."""
    return describe_model_files(folder, model={"path": path})


def describe_model_files(folder: Path, *, model: Mapping[str, Any]) -> Described:
    """Describe a model folder, which a card names by `model`; raise EncodeError for what no card can express."""
    chain = read_chain(folder)
    inner = folder / chain.inner if chain else folder
    config = read_json(inner / "config.json")
    steps = steps_from_processor(inner, max_length=chain.max_length if chain else None)
    if not steps:
        raise EncodeError(
            f"{inner.name} has neither tokenizer nor image processor nor feature extractor",
            hint="save them with save_pretrained",
        )
    is_dual = _is_dual(config)
    if chain:
        missing = [modality for modality in chain.modalities if modality not in steps]
        if missing:
            raise EncodeError(
                f"{inner} has no {_PROCESSORS[missing[0]]}", hint="save it with save_pretrained"
            )
        steps = {modality: steps[modality] for modality in chain.modalities}
    encoders: dict[str, Mapping[str, Any]] = {}
    for modality, listed in steps.items():
        encoder: dict[str, Any] = {"model": dict(model), "preprocessing": listed}
        pooling = own_pooling(config, modality) if chain is None or chain.is_dual else chain.pooling
        if pooling:
            encoder["pooling"] = pooling
        if is_dual:
            encoder["projection"] = True
        if chain:
            _add_modules(encoder, chain, modality)
        encoders[modality] = {key: encoder[key] for key in _ORDER if key in encoder}
    space = _space(config, chain, is_dual=is_dual)
    return Described(encoders=encoders, space=space, notes=_notes(inner, encoders))


def _is_dual(config: Mapping[str, Any]) -> bool:
    """Tell whether a model has features of its own; raise EncodeError for a model of several parts that has none."""
    parts = [key for key in ("text_config", "vision_config", "audio_config") if key in config]
    family = str(config.get("model_type"))
    if len(parts) > 1 and family not in DUAL_POOLING:
        raise EncodeError(
            f"{family} has {' and '.join(parts)}, and how its vectors are made is not known",
            hint=f"known: {', '.join(DUAL_POOLING)}; or write encoders by hand",
        )
    return family in DUAL_POOLING


def _add_modules(encoder: dict[str, Any], chain: Chain, modality: str) -> None:
    """Write what sentence-transformers' modules do into an encoder."""
    if chain.dense:
        encoder["projection"] = True
        encoder["dense"] = [layer.to_plain() for layer in chain.dense]
    if modality != "text":
        return
    prompts = dict(chain.prompts)
    if chain.is_lowercased:
        # The steps come before the prompt, which sentence-transformers lower-cases as well.
        encoder["preprocessing"] = [{"step": "lowercase"}, *encoder["preprocessing"]]
        prompts = {role: prompt.lower() for role, prompt in prompts.items()}
    if prompts:
        encoder["prompts"] = prompts


def _space(config: Mapping[str, Any], chain: Chain | None, *, is_dual: bool) -> dict[str, Any]:
    dimensions = _dual_dimensions(config) if is_dual else width_of(part_of(config, "text"))
    if chain and chain.dense:
        dimensions = chain.dense[-1].out_features
    space: dict[str, Any] = {"dimensions": dimensions}
    if chain:
        space |= {"metric": chain.metric, "normalized": chain.is_normalized}
    if config.get("model_type") in _UNIT:
        space["normalized"] = True
    return {key: value for key, value in space.items() if value is not None}


def _dual_dimensions(config: Mapping[str, Any]) -> int | None:
    text = config.get("text_config") or {}
    is_siglip = str(config.get("model_type")).startswith("siglip")
    default = _SIGLIP_WIDTH if is_siglip else None
    for value in (
        config.get("projection_dim"),
        text.get("projection_size"),
        text.get("hidden_size"),
        default,
    ):
        if isinstance(value, int):
            return value
    return None


def _notes(inner: Path, encoders: Mapping[str, Mapping[str, Any]]) -> tuple[str, ...]:
    notes = [
        f"encoders.{modality}.pooling: the model's files do not say how it pools; write it, mean or cls for most"
        for modality, encoder in encoders.items()
        if "pooling" not in encoder
    ]
    sound = extractor_config(inner) if "audio" in encoders else None
    return (*notes, *(audio_steps(sound).differences if sound is not None else ()))
