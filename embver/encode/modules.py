"""Read a sentence-transformers folder: the chain of its modules, in a card's words; no torch.

Whatever a module does that no card expresses is an error by name. The chain is checked against the card and then run
from it: `pooling`, `dense`, `space.normalized`.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from embver.encode.plain_files import read_json
from embver.errors import EncodeError

MODULES: Final = "modules.json"
SETTINGS: Final = "config_sentence_transformers.json"
LIMIT_FILES: Final = (
    "sentence_bert_config.json", "sentence_roberta_config.json", "sentence_distilbert_config.json",
    "sentence_camembert_config.json", "sentence_albert_config.json", "sentence_xlm-roberta_config.json",
    "sentence_xlnet_config.json",
)  # fmt: skip
ACTIVATIONS: Final[Mapping[str, str]] = {
    "torch.nn.modules.linear.Identity": "identity",
    "torch.nn.modules.activation.GELU": "gelu",
    "torch.nn.modules.activation.ReLU": "relu",
    "torch.nn.modules.activation.SiLU": "silu",
    "torch.nn.modules.activation.Sigmoid": "sigmoid",
    "torch.nn.modules.activation.Tanh": "tanh",
}

_POOLING: Final = {
    "cls": "cls",
    "max": "max",
    "mean": "mean",
    "mean_sqrt_len_tokens": "mean_sqrt_len",
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
# Options of the first module that are read elsewhere, or move no vector in float32.
_SILENT: Final = frozenset({
    "max_seq_length", "do_lower_case", "transformer_task", "modality_config", "module_output_name", "unpad_inputs",
})  # fmt: skip
_SILENT_ARGUMENTS: Final = frozenset({"attn_implementation", "dtype", "torch_dtype", "add_pooling_layer"})
_FEATURES: Final = {modality: f"get_{modality}_features" for modality in ("text", "image", "audio")}


@dataclass(frozen=True, slots=True, kw_only=True)
class Dense:
    """A learned layer after the pooling: the module's folder, and what follows the product."""

    path: str
    activation: str
    out_features: int

    def to_plain(self) -> dict[str, str]:
        """Return an entry of a card's `encoders.<modality>.dense`."""
        return {"path": self.path, "activation": self.activation}


@dataclass(frozen=True, slots=True, kw_only=True)
class Chain:
    """What a sentence-transformers folder says beyond its transformers folder, which is `inner` ("" for itself)."""

    inner: str
    modalities: tuple[str, ...]
    is_dual: bool
    pooling: str | None
    dense: tuple[Dense, ...]
    is_normalized: bool
    prompts: Mapping[str, str]
    metric: str
    max_length: int | None
    is_lowercased: bool
    files: tuple[str, ...]  # those that were read, relative to the folder


def read_chain(folder: Path) -> Chain | None:
    """Return the chain of a sentence-transformers folder, None if it is none; raise EncodeError by module and key."""
    if not (folder / MODULES).is_file():
        return None
    modules = _modules(folder)
    kind, inner = modules[0]
    if kind not in ("Transformer", "CLIPModel"):
        raise EncodeError(f"{folder.name} begins with the module {kind}, which no card expresses")
    limits = next((name for name in LIMIT_FILES if (folder / inner / name).is_file()), None)
    options = read_json(folder / inner / limits) if limits else {}
    modalities: tuple[str, ...] = ("text", "image")
    features = "features"
    if kind == "Transformer":
        modalities, features = _features(folder, options)
    is_dual = features == "features"
    found = _Found(folder=folder, pooling="pooler" if features == "pooler_output" else None)
    for name, place in modules[1:]:
        found.add(name, place)
    settings = _optional(folder / SETTINGS)
    metric = settings.get("similarity_fn_name") or "cosine"
    if metric not in _METRICS:
        raise EncodeError(f"{folder.name} compares by {metric}, which is no metric of a card")
    if not is_dual and found.pooling is None:
        raise EncodeError(f"{folder.name} has no Pooling module: it gives a vector a token")
    read = [MODULES, *((SETTINGS,) if settings else ()), *((_join(inner, limits),) if limits else ())]
    return Chain(
        inner=inner,
        modalities=modalities,
        is_dual=is_dual,
        pooling=found.pooling,
        dense=tuple(found.dense),
        is_normalized=found.is_normalized,
        prompts=_prompts(settings),
        metric=_METRICS[metric],
        max_length=_limit(options),
        is_lowercased=bool(options.get("do_lower_case")),
        files=(*read, *found.files),
    )


class _Found:
    """What the modules after the first say, taken in one by one."""

    def __init__(self, *, folder: Path, pooling: str | None) -> None:
        self.folder, self.pooling = folder, pooling
        self.dense: list[Dense] = []
        self.is_normalized = False
        self.files: list[str] = []

    def add(self, name: str, place: str) -> None:
        """Take in one module; raise EncodeError if no card expresses it, or not at this place."""
        config = _optional(self.folder / place / "config.json")
        if name == "Dropout":  # which does nothing but while training
            return
        if name in ("Pooling", "Dense") and self.is_normalized:
            raise EncodeError(
                f"{self.folder.name} has the module {name} after Normalize, which no card expresses"
            )
        if name == "Pooling" and self.pooling is None:
            self.pooling = _pooling(config, self.folder)
        elif name == "Dense":
            self.dense.append(_dense(config, self.folder, place))
        elif name == "Normalize" and not set(config) - {"module_input_name", "module_output_name"}:
            self.is_normalized = True
        else:
            raise EncodeError(
                f"{self.folder.name} has the module {name}, which no card expresses",
                hint="write the card by hand, and say under `extra:` what the module does",
            )
        if config:
            self.files.append(_join(place, "config.json"))


def _modules(folder: Path) -> list[tuple[str, str]]:
    """Return the modules in order, each with its class's name and its folder."""
    file = folder / MODULES
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


def _features(folder: Path, options: Mapping[str, Any]) -> tuple[tuple[str, ...], str]:
    """Return the modalities of the first module, and what it takes of the model: an output's name, or "features"."""
    task = options.get("transformer_task", "feature-extraction")
    if task != "feature-extraction":
        raise EncodeError(f"{folder.name} is made for {task}, which gives no vectors that a card expresses")
    for key in ("model_args", "model_kwargs", "config_args", "config_kwargs"):
        unknown = sorted(set(options.get(key) or {}) - _SILENT_ARGUMENTS)
        if unknown:
            raise EncodeError(
                f"{folder.name} loads its model with {', '.join(unknown)}, which no card expresses"
            )
    for key in ("tokenizer_args", "processor_kwargs"):
        unknown = sorted(set(options.get(key) or {}) - {"model_max_length"})
        if unknown:
            raise EncodeError(
                f"{folder.name} loads its tokenizer with {', '.join(unknown)}, which no card expresses"
            )
    known = {*_SILENT, "model_args", "model_kwargs", "config_args", "config_kwargs", "tokenizer_args",
             "processor_kwargs", "backend"}  # fmt: skip
    unknown = sorted(key for key, value in options.items() if key not in known and value)
    if unknown:
        raise EncodeError(f"{folder.name} says what no card expresses: {', '.join(unknown)}")
    listed = options.get("modality_config") or {"text": {"method": "forward"}}
    entries = {m: listed[m] for m in _FEATURES if isinstance(listed.get(m), Mapping)}
    taken = {_taken(m, entry, folder) for m, entry in entries.items()}
    if len(taken) != 1:
        raise EncodeError(f"{folder.name} reads {', '.join(listed)} in ways that no card expresses")
    return tuple(entries), taken.pop()


def _taken(modality: str, entry: Mapping[str, Any], folder: Path) -> str:
    method, output = str(entry.get("method")), entry.get("method_output_name") or "last_hidden_state"
    if method == _FEATURES[modality]:
        return "features"
    if method != "forward" or output not in ("last_hidden_state", "pooler_output"):
        raise EncodeError(f"{folder.name} takes {output} of {method}, which no card expresses")
    return str(output)


def _pooling(config: Mapping[str, Any], folder: Path) -> str:
    mode = config.get("pooling_mode")
    modes = [mode] if isinstance(mode, str) else list(mode or ())
    modes = modes or [name for key, name in _SWITCHES.items() if config.get(key)]
    if len(modes) != 1 or modes[0] not in _POOLING:
        raise EncodeError(f"{folder.name} pools by {' + '.join(modes) or 'nothing'}, which no card expresses")
    if config.get("include_prompt") is False:
        raise EncodeError(f"{folder.name} leaves the prompt out when it pools, which no card expresses")
    return _POOLING[modes[0]]


def _dense(config: Mapping[str, Any], folder: Path, place: str) -> Dense:
    name = str(config.get("activation_function", "torch.nn.modules.activation.Tanh"))
    own = {config.get(key, "sentence_embedding") for key in ("module_input_name", "module_output_name")}
    if name not in ACTIVATIONS:
        raise EncodeError(f"{folder.name}/{place} has the activation {name}, which no card expresses")
    if config.get("use_residual") or own - {"sentence_embedding", None}:
        raise EncodeError(f"{folder.name}/{place} adds or reads another row, which no card expresses")
    size = config.get("out_features")
    if not isinstance(size, int):
        raise EncodeError(f"{folder.name}/{place}/config.json does not say out_features")
    return Dense(path=place, activation=ACTIVATIONS[name], out_features=size)


def _prompts(settings: Mapping[str, Any]) -> dict[str, str]:
    """Return the prompts of queries and documents; those of other tasks are not for retrieval."""
    prompts = {key: text for key, text in (settings.get("prompts") or {}).items() if isinstance(text, str)}
    default = prompts.get(str(settings.get("default_prompt_name")), "")
    document = next((prompts[key] for key in ("document", "passage", "corpus") if prompts.get(key)), default)
    query = prompts.get("query") or default
    return {"query": query, "document": document} if query or document else {}


def _limit(options: Mapping[str, Any]) -> int | None:
    arguments = [options.get(key) or {} for key in ("tokenizer_args", "processor_kwargs")]
    limits = [options.get("max_seq_length"), *(each.get("model_max_length") for each in arguments)]
    return min((limit for limit in limits if isinstance(limit, int)), default=None)


def _join(place: str, name: str) -> str:
    return f"{place}/{name}" if place else name


def _optional(file: Path) -> dict[str, Any]:
    return read_json(file) if file.is_file() else {}
