"""Check that a model does what its card says: pooling, projection, layers, lengths and sizes."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from embver.encode.audio import AudioSteps
from embver.encode.audio_fit import audio_problems
from embver.encode.families import DUAL_POOLING, FULL_ROWS, PLAIN_POOLING, token_limit
from embver.encode.images import ImageSteps
from embver.encode.modules import Chain
from embver.encode.pooling import PARTS, is_dual
from embver.encode.spec import EncoderSpec
from embver.encode.steps import ModalitySteps
from embver.encode.texts import TextSteps
from embver.errors import EncodeError


def check_fit(spec: EncoderSpec, model: Any, steps: ModalitySteps, chain: Chain | None) -> None:
    """Raise one EncodeError with the card path of everything that the model does not do as the card says."""
    problems = [
        *(_dual_problems(spec, model) if is_dual(model, spec.modality) else _plain_problems(spec, model)),
        *(_chain_problems(spec, chain) if chain else ()),
        *_extent_problems(spec, model, steps),
    ]
    if problems:
        raise EncodeError("\n".join(problems))


def _dual_problems(spec: EncoderSpec, model: Any) -> Iterator[str]:
    family = str(model.config.model_type)
    own = DUAL_POOLING.get(family, {}).get(spec.modality)
    if spec.pooling not in (None, own):
        yield f"{spec.card_path}.pooling: {family} pools {own or 'in its own way'}, not {spec.pooling}"
    if spec.projection is False and not hasattr(model, PARTS[spec.modality][1]):
        yield f"{spec.card_path}.projection: {family} gives no rows without its projection"


def _plain_problems(spec: EncoderSpec, model: Any) -> Iterator[str]:
    family = str(model.config.model_type)
    if spec.pooling not in PLAIN_POOLING:
        yield (
            f"{spec.card_path}.pooling: one of {', '.join(PLAIN_POOLING)} is expected for {family}, "
            f"not {spec.pooling}"
        )
    if spec.projection and not spec.dense:
        yield f"{spec.card_path}.projection: {family} has no projection"


def _chain_problems(spec: EncoderSpec, chain: Chain) -> Iterator[str]:
    """Yield where the card and the folder's own modules differ: one of them is wrong, and silence would hide which."""
    path = spec.card_path
    if spec.modality not in chain.modalities:
        yield f"{path}.model: the model's modules read {' and '.join(chain.modalities)} only"
    if not chain.is_dual and spec.pooling != chain.pooling:
        yield f"{path}.pooling: the model's Pooling module says {chain.pooling}, not {spec.pooling}"
    own = [layer.to_plain() for layer in chain.dense]
    if [dict(layer) for layer in spec.dense] != own:
        listed = ", ".join(f"{{path: {layer['path']}, activation: {layer['activation']}}}" for layer in own)
        yield f"{path}.dense: the model's modules are [{listed}]"
    if chain.is_normalized and not spec.normalized:
        yield "space.normalized: the model's Normalize module makes every vector of length 1"


def _extent_problems(spec: EncoderSpec, model: Any, steps: ModalitySteps) -> Iterator[str]:
    config: Mapping[str, Any] = model.config.to_dict() if model.config is not None else {}
    path, number = f"{spec.card_path}.preprocessing", len(spec.preprocessing) - 1
    if isinstance(steps, TextSteps):
        limit = token_limit(config)
        if limit is not None and steps.max_length > limit:
            yield f"{path}[{number}].max_length: the model reads at most {limit} tokens, not {steps.max_length}"
        if config.get("model_type") in FULL_ROWS and not steps.pads_to_max:
            yield (
                f"{path}[{number}].padding: max_length is expected: {config['model_type']} was trained on rows "
                "that are always full"
            )
    if isinstance(steps, AudioSteps):
        yield from audio_problems(spec, config, steps)
    if isinstance(steps, ImageSteps) and is_dual(model, spec.modality):
        vision = config.get("vision_config")
        size = (vision if isinstance(vision, Mapping) else config).get("image_size")
        extent = (steps.height, steps.width)
        if isinstance(size, int) and extent != (size, size):
            yield f"{path}: the model reads images of {size} x {size}, the steps give {extent[0]} x {extent[1]}"
