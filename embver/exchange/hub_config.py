"""Configuration files beside a model card: those of sentence-transformers and open_clip, as plain data."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from embver.exchange.hub_card import Found
from embver.intake import LeftOut, Taken

MODULES: Final = "modules.json"
SENTENCE: Final = "config_sentence_transformers.json"
LENGTH: Final = "sentence_bert_config.json"
OPEN_CLIP: Final = "open_clip_config.json"
_SIMILARITIES: Final = {"cosine": "cosine", "dot": "dot", "dot_product": "dot", "euclidean": "euclidean"}
# Old files say it by one switch each, new ones by a word.
_POOLING: Final = {
    "pooling_mode_cls_token": "cls",
    "pooling_mode_mean_tokens": "mean",
    "pooling_mode_max_tokens": "max",
    "pooling_mode_mean_sqrt_len_tokens": "mean_sqrt_len",
    "pooling_mode_weightedmean_tokens": "weighted_mean",
    "pooling_mode_lasttoken": "last",
}
_POOLING_WORDS: Final = {"cls": "cls", "mean": "mean", "max": "max", "mean_sqrt_len_tokens": "mean_sqrt_len",
                         "weightedmean": "weighted_mean", "lasttoken": "last"}  # fmt: skip


def wanted(modules: Any) -> tuple[str, ...]:
    """Return the configuration files that a folder's `modules.json` leads to, beside those with fixed names."""
    paths = [
        f"{module['path']}/config.json"
        for module in (modules if isinstance(modules, list) else [])
        if isinstance(module, Mapping) and isinstance(module.get("path"), str) and module["path"]
    ]
    return (
        SENTENCE,
        LENGTH,
        OPEN_CLIP,
        *(path for path in paths if ".." not in path and not path.startswith("/")),
    )


def config_facts(files: Mapping[str, Any], *, has_tokenize: bool) -> Found:
    """Return what configuration files say: pooling, prompts, dimensions, metric, normalisation, the longest text.

    `files` are plain data by path; `has_tokenize` tells whether the card has a step `tokenize` for texts, without which
    the longest text has no place.
    """
    taken: list[Taken] = []
    left: list[LeftOut] = []
    _modules(files, taken, left)
    _sentence(files.get(SENTENCE), taken, left)
    _length(files.get(LENGTH), taken, left, has_tokenize=has_tokenize)
    _open_clip(files.get(OPEN_CLIP), taken, left, has_tokenize=has_tokenize)
    return Found(taken=tuple(taken), left_out=tuple(left))


def _modules(files: Mapping[str, Any], taken: list[Taken], left: list[LeftOut]) -> None:
    modules = files.get(MODULES)
    if modules is None:
        return
    if not isinstance(modules, list):
        left.append(LeftOut(what=MODULES, why="is no list of modules"))
        return
    dimensions: tuple[int, str] | None = None
    kinds = []
    for module in modules:
        kind = str(module.get("type", "")).rpartition(".")[2] if isinstance(module, Mapping) else ""
        kinds.append(kind)
        path = f"{module.get('path')}/config.json" if isinstance(module, Mapping) else ""
        config = files.get(path)
        if kind == "Pooling" and isinstance(config, Mapping):
            size = config.get("embedding_dimension", config.get("word_embedding_dimension"))
            dimensions = (size, path) if _is_count(size) else dimensions
            _pooling(config, path, taken, left)
        elif kind == "Dense" and isinstance(config, Mapping) and _is_count(config.get("out_features")):
            dimensions = (config["out_features"], path)
        elif kind not in ("Transformer", "Pooling", "Dense", "Normalize", "CLIPModel"):
            left.append(
                LeftOut(what=f"{MODULES}: {kind or module!r}", why="a module that the card has no field for")
            )
    if dimensions is not None:
        taken.append(Taken(where=("space", "dimensions"), value=dimensions[0], origin=dimensions[1]))
    if kinds:
        origin = f"{MODULES}: {'Normalize' if 'Normalize' in kinds else 'no Normalize'}"
        taken.append(Taken(where=("space", "normalized"), value="Normalize" in kinds, origin=origin))


def _pooling(config: Mapping[str, Any], path: str, taken: list[Taken], left: list[LeftOut]) -> None:
    word = config.get("pooling_mode")
    modes = [name for key, name in _POOLING.items() if config.get(key) is True]
    if isinstance(word, str):
        modes = [_POOLING_WORDS[word]] if word in _POOLING_WORDS else []
    if len(modes) != 1:
        why = "several at once; the card holds one" if modes else f"none that the card knows: {word!r}"
        left.append(LeftOut(what=f"{path}: pooling", why=why))
        return
    taken.append(Taken(where=("encoders", "text", "pooling"), value=modes[0], origin=path))
    if config.get("include_prompt") is False:
        left.append(
            LeftOut(
                what=f"{path}: include_prompt",
                why="prompts are pooled with the text here; embver cannot leave them out",
            )
        )


def _sentence(config: Any, taken: list[Taken], left: list[LeftOut]) -> None:
    if not isinstance(config, Mapping):
        return
    prompts = config.get("prompts")
    if isinstance(prompts, Mapping):
        kept = {str(role): text for role, text in prompts.items() if isinstance(text, str)}
        dropped = [str(role) for role, text in prompts.items() if not isinstance(text, str)]
        left += [LeftOut(what=f"{SENTENCE}: prompts.{role}", why="is no text") for role in dropped]
        if kept:
            taken.append(
                Taken(where=("encoders", "text", "prompts"), value=kept, origin=f"{SENTENCE}: prompts")
            )
    if config.get("default_prompt_name") is not None:
        why = "embver puts a prompt by the role of a text, and has no default for both"
        left.append(LeftOut(what=f"{SENTENCE}: default_prompt_name", why=why))
    similarity = config.get("similarity_fn_name")
    if isinstance(similarity, str) and similarity in _SIMILARITIES:
        origin = f"{SENTENCE}: similarity_fn_name"
        taken.append(Taken(where=("space", "metric"), value=_SIMILARITIES[similarity], origin=origin))
    elif similarity is not None:
        left.append(
            LeftOut(what=f"{SENTENCE}: similarity_fn_name", why=f"is no metric of the card: {similarity!r}")
        )


def _length(config: Any, taken: list[Taken], left: list[LeftOut], *, has_tokenize: bool) -> None:
    if not isinstance(config, Mapping):
        return
    longest = config.get("max_seq_length")
    if _is_count(longest):
        _tokenize(longest, f"{LENGTH}: max_seq_length", taken, left, has_tokenize=has_tokenize)
    if config.get("do_lower_case") is True:
        why = "a step of preprocessing, and where it stands among the others is not said: `embver new NAME --from-model DIR` reads it"
        left.append(LeftOut(what=f"{LENGTH}: do_lower_case", why=why))


def _tokenize(
    longest: Any, origin: str, taken: list[Taken], left: list[LeftOut], *, has_tokenize: bool
) -> None:
    if has_tokenize:
        where = ("encoders", "text", "preprocessing", ("step", "tokenize"), "max_length")
        taken.append(Taken(where=where, value=longest, origin=origin))
    else:
        left.append(
            LeftOut(what=origin, why="the card has no step `tokenize` of texts that it could stand in")
        )


def _open_clip(config: Any, taken: list[Taken], left: list[LeftOut], *, has_tokenize: bool) -> None:
    if not isinstance(config, Mapping):
        return
    model = config.get("model_cfg")
    if not isinstance(model, Mapping):
        left.append(LeftOut(what=OPEN_CLIP, why="holds no model_cfg"))
        return
    if _is_count(model.get("embed_dim")):
        origin = f"{OPEN_CLIP}: model_cfg.embed_dim"
        taken.append(Taken(where=("space", "dimensions"), value=model["embed_dim"], origin=origin))
    texts = model.get("text_cfg")
    longest = texts.get("context_length") if isinstance(texts, Mapping) else None
    if _is_count(longest):
        origin = f"{OPEN_CLIP}: model_cfg.text_cfg.context_length"
        _tokenize(longest, origin, taken, left, has_tokenize=has_tokenize)
    if isinstance(config.get("preprocess_cfg"), Mapping):
        why = "steps of preprocessing: `embver new NAME --from-model DIR` reads them in their order"
        left.append(LeftOut(what=f"{OPEN_CLIP}: preprocess_cfg", why=why))


def _is_count(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value > 0
