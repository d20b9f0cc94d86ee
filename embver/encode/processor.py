"""Write a card's preprocessing steps from a model folder's own processor and tokenizer files; without torch."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from embver.encode.model_files import read_json
from embver.encode.processor_audio import audio_steps, extractor_config, is_of_sound
from embver.encode.processor_images import image_steps
from embver.encode.processor_text import text_steps


def steps_from_processor(
    model_path: Path, *, max_length: int | None = None
) -> dict[str, list[dict[str, Any]]]:
    """Return the steps by modality that do what the folder's processor does; absent modalities have no processor.

    `max_length` is a limit of tokens that stands elsewhere, beside the tokenizer's own and the model's.
    Raise EncodeError naming what the card's steps cannot express: leaving it out would move every vector.
    """
    steps: dict[str, list[dict[str, Any]]] = {}
    if (model_path / "tokenizer_config.json").is_file() or (model_path / "tokenizer.json").is_file():
        steps["text"] = text_steps(model_path, max_length)
    sound = extractor_config(model_path)
    if sound is not None:
        steps["audio"] = [dict(step) for step in audio_steps(sound, model_type=_model_type(model_path)).steps]
    image = _image_config(model_path)
    if image is not None and not is_of_sound(image):
        steps["image"] = image_steps(image, model_type=_model_type(model_path))
    return steps


def _image_config(model_path: Path) -> dict[str, Any] | None:
    # In the order of transformers 5: an image processor within the processor's file comes before one of its own.
    nested = model_path / "processor_config.json"
    found = read_json(nested).get("image_processor") if nested.is_file() else None
    if isinstance(found, Mapping):
        return dict(found)
    plain = model_path / "preprocessor_config.json"
    return read_json(plain) if plain.is_file() else None


def _model_type(model_path: Path) -> str | None:
    file = model_path / "config.json"
    found = read_json(file).get("model_type") if file.is_file() else None
    return str(found) if found else None
