"""Read a card's encoders and space from a model folder's own files: transformers or sentence-transformers; no torch."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from embver.encode.model_files import read_json
from embver.encode.processor import steps_from_processor
from embver.errors import EncodeError

_POOLING: Final = {
    "cls": "cls",
    "max": "max",
    "mean": "mean",
    "lasttoken": "last",
    "weightedmean": "weighted_mean",
}
# Before sentence-transformers 5 a Pooling folder had one switch a mode.
_SWITCHES: Final = {
    "pooling_mode_cls_token": "cls",
    "pooling_mode_max_tokens": "max",
    "pooling_mode_mean_tokens": "mean",
    "pooling_mode_mean_sqrt_len_tokens": "mean_sqrt_len_tokens",
    "pooling_mode_weightedmean_tokens": "weightedmean",
    "pooling_mode_lasttoken": "lasttoken",
}
_METRICS: Final = {"cosine": "cosine", "dot": "dot", "euclidean": "euclidean"}
_DUAL: Final = {
    "clip": {"text": "eos", "image": "cls"},
    "siglip": {"text": "last", "image": "attention"},
    "siglip2": {"text": "last", "image": "attention"},
}
_LIMIT_FILES: Final = (
    "sentence_bert_config.json",
    "sentence_roberta_config.json",
    "sentence_xlnet_config.json",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Described:
    """What a card can say of a model folder: encoders by modality, and the fields of `space`; only what is known."""

    encoders: Mapping[str, Mapping[str, Any]]
    space: Mapping[str, Any]


def describe_folder(folder: Path, *, path: str) -> Described:
    """Describe a model folder, which a card names by `path`; raise EncodeError for what no card can express."""
    if (folder / "modules.json").is_file():
        return _sentence_transformers(folder, path)
    return _transformers(folder, path)


def _transformers(folder: Path, path: str) -> Described:
    config = read_json(folder / "config.json")
    steps = steps_from_processor(folder)
    if not steps:
        raise EncodeError(
            f"{folder.name} has neither tokenizer nor image processor", hint="save them with save_pretrained"
        )
    family = str(config.get("model_type"))
    pooling = _DUAL.get(family, {})
    is_dual = "text_config" in config and "vision_config" in config
    encoders = {}
    for modality, listed in steps.items():
        encoder: dict[str, Any] = {"model": {"path": path}}
        if modality in pooling:
            encoder["pooling"] = pooling[modality]
        if is_dual:
            encoder["projection"] = True
        encoders[modality] = {**encoder, "preprocessing": listed}
    dimensions = _dual_dimensions(config) if is_dual else config.get("hidden_size")
    return Described(encoders=encoders, space=_known(dimensions=dimensions))


def _dual_dimensions(config: Mapping[str, Any]) -> int | None:
    text = config.get("text_config") or {}
    for value in (config.get("projection_dim"), text.get("projection_size"), text.get("hidden_size")):
        if isinstance(value, int):
            return value
    return None


# ---- sentence-transformers


def _sentence_transformers(folder: Path, path: str) -> Described:
    modules = _modules(folder)
    kind, first = modules[0]
    inner = f"{path}/{first}" if first else path
    if kind == "CLIPModel":
        described = _transformers(folder / first, inner)
        encoders = {modality: dict(encoder) for modality, encoder in described.encoders.items()}
        dimensions = described.space.get("dimensions")
    elif kind == "Transformer":
        encoders, dimensions = _text_encoder(folder, first, inner)
    else:
        raise EncodeError(f"{folder.name} begins with the module {kind}, which no card expresses")
    is_normalized = False
    for name, place in modules[1:]:
        config = _optional(folder / place / "config.json")
        if name == "Pooling":
            encoders["text"]["pooling"] = _pooling(config, folder)
            dimensions = config.get("embedding_dimension", config.get("word_embedding_dimension"))
        elif name == "Dense":
            encoders["text"]["projection"] = True
            dimensions = config.get("out_features")
        elif name == "Normalize":
            is_normalized = True
        elif name != "Dropout":  # which does nothing but while training
            raise EncodeError(
                f"{folder.name} has the module {name}, which no card expresses",
                hint="write the card by hand, and say under `extra:` what the module does",
            )
    settings = _optional(folder / "config_sentence_transformers.json")
    prompts = _prompts(settings)
    if prompts and "text" in encoders:
        encoders["text"]["prompts"] = prompts
    metric = settings.get("similarity_fn_name") or "cosine"
    if metric not in _METRICS:
        raise EncodeError(f"{folder.name} compares by {metric}, which is no metric of a card")
    space = _known(dimensions=dimensions, metric=_METRICS[metric], normalized=is_normalized)
    return Described(encoders={m: _in_order(encoder) for m, encoder in encoders.items()}, space=space)


def _modules(folder: Path) -> list[tuple[str, str]]:
    """Return the modules in order, each with its class's name and its folder."""
    file = folder / "modules.json"
    try:
        listed = json.loads(file.read_text(encoding="utf-8"))
        found = [(str(entry["type"]).rpartition(".")[2], str(entry["path"])) for entry in listed]
    except (OSError, ValueError, TypeError, KeyError) as error:
        raise EncodeError(f"{file} is not a list of modules: {error}") from error
    if not found:
        raise EncodeError(f"{file} lists no module")
    for _, place in found:
        if Path(place).is_absolute() or ".." in Path(place).parts:
            raise EncodeError(f"{file} names {place!r}, which is outside of the folder")
    return found


def _text_encoder(folder: Path, first: str, path: str) -> tuple[dict[str, dict[str, Any]], Any]:
    place = folder / first
    limits = next((read_json(place / name) for name in _LIMIT_FILES if (place / name).is_file()), {})
    steps = steps_from_processor(place, max_length=limits.get("max_seq_length"))
    if "text" not in steps:
        raise EncodeError(f"{place} has no tokenizer", hint="save it with save_pretrained")
    if limits.get("do_lower_case"):
        steps["text"].insert(0, {"step": "lowercase"})
    encoder = {"model": {"path": path}, "preprocessing": steps["text"]}
    config = read_json(place / "config.json")
    return {"text": encoder}, (config.get("text_config") or config).get("hidden_size")


def _pooling(config: Mapping[str, Any], folder: Path) -> str:
    mode = config.get("pooling_mode")
    modes = [mode] if isinstance(mode, str) else list(mode or ())
    modes = modes or [name for key, name in _SWITCHES.items() if config.get(key)]
    if len(modes) != 1 or modes[0] not in _POOLING:
        raise EncodeError(f"{folder.name} pools by {' + '.join(modes) or 'nothing'}, which no card expresses")
    if config.get("include_prompt") is False:
        raise EncodeError(f"{folder.name} leaves the prompt out when it pools, which no card expresses")
    return _POOLING[modes[0]]


def _prompts(settings: Mapping[str, Any]) -> dict[str, str]:
    """Return the prompts of queries and documents; those of other tasks are not for retrieval."""
    prompts = {key: text for key, text in (settings.get("prompts") or {}).items() if isinstance(text, str)}
    default = prompts.get(str(settings.get("default_prompt_name")), "")
    document = next((prompts[key] for key in ("document", "passage", "corpus") if prompts.get(key)), default)
    query = prompts.get("query") or default
    return {"query": query, "document": document} if query or document else {}


def _in_order(encoder: Mapping[str, Any]) -> dict[str, Any]:
    keys = ("model", "pooling", "projection", "prompts", "preprocessing")
    return {key: encoder[key] for key in keys if key in encoder}


def _optional(file: Path) -> dict[str, Any]:
    return read_json(file) if file.is_file() else {}


def _known(**fields: Any) -> dict[str, Any]:
    return {key: value for key, value in fields.items() if value is not None}
