"""What may change between two versions: what hurts, what mends, what only looks as if it mattered."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from benchmarks.planted.drafts import MODEL, Apply, Change, Draft

# ---- how a draft is changed


def lose(modality: str, name: str) -> Apply:
    """Return what takes a step out."""

    def apply(draft: Draft) -> None:
        steps = draft.steps(modality)
        steps[:] = [step for step in steps if step["step"] != name]

    return apply


def put(modality: str, step: Mapping[str, Any], *, before: str) -> Apply:
    """Return what puts a step before the first one of a name."""

    def apply(draft: Draft) -> None:
        steps = draft.steps(modality)
        steps.insert(next(n for n, each in enumerate(steps) if each["step"] == before), dict(step))

    return apply


def put_first(modality: str, step: Mapping[str, Any]) -> Apply:
    """Return what puts a step before all others."""
    return lambda draft: draft.steps(modality).insert(0, dict(step))


def set_step(modality: str, name: str, **values: Any) -> Apply:
    """Return what gives a step other parameters."""
    return lambda draft: draft.step(modality, name).update(values)


def set_at(*where: str, value: Any) -> Apply:
    """Return what puts a value at a place of the card; None takes it away."""

    def apply(draft: Draft) -> None:
        part = draft.plain
        for key in where[:-1]:
            part = part.setdefault(key, {})
        if value is None:
            part.pop(where[-1], None)
        else:
            part[where[-1]] = value

    return apply


def set_variant(folder: str = MODEL, **parts: str) -> Apply:
    """Return what puts other weights, another tokenizer or another processor file into a model's folder."""

    def apply(draft: Draft) -> None:
        draft.variants[folder] = replace(draft.variants[folder], **parts)

    return apply


def both(*each: Apply) -> Apply:
    """Return several changes of one cause as one."""

    def apply(draft: Draft) -> None:
        for one in each:
            one(draft)

    return apply


def set_compute(dtype: str) -> Apply:
    """Return what computes with another precision."""

    def apply(draft: Draft) -> None:
        draft.compute = dtype
        draft.plain["encode"]["precision"]["compute"] = dtype

    return apply


def _change(key: str, family: str, apply: Apply, before: Apply | None = None) -> tuple[str, Change]:
    return key, Change(key=key, family=family, apply=apply, before=before)


def max_length(before: int, after: int) -> tuple[str, Change]:
    """Return a cut of texts to fewer tokens, or to more."""
    cut = [set_step("text", "tokenize", max_length=length) for length in (before, after)]
    return _change(f"length {before} to {after}", "max length", cut[1], cut[0])


def _prompt(text: str) -> Apply:
    return set_at("encoders", "text", "prompts", value={"query": text, "document": text})


def _trained(weights: str, steps: int, seed: int, *, before: str | None = None) -> tuple[str, Change]:
    hyper = ("training", "hyperparameters")
    apply = both(
        set_variant(weights=weights),
        set_at(*hyper, "steps", value=steps),
        set_at(*hyper, "seed", value=seed),
    )
    key = f"weights {weights}" + (f" after {before}" if before else "")
    return _change(key, "weights", apply, set_variant(weights=before) if before else None)


def _tokenizer(name: str, *, before: str | None = None) -> tuple[str, Change]:
    key = f"tokenizer {name}" + (f" after {before}" if before else "")
    return _change(
        key, "tokenizer", set_variant(tokenizer=name), set_variant(tokenizer=before) if before else None
    )


# ---- what hurts

CULPRITS: Mapping[str, Change] = dict([
    _change("lower-casing lost", "lower-case step", lose("text", "lowercase")),
    _change("replace lost", "replace step", lose("text", "replace")),
    _change("replace without underscores", "replace step", set_step("text", "replace", pattern=":+")),
    _change("replace without colons", "replace step", set_step("text", "replace", pattern="_+")),
    _change("replace joins words", "replace step", set_step("text", "replace", **{"with": ""})),
    _change("replace drops short words", "replace step", put("text", {"step": "replace", "pattern": r"\b\w{1,4}\b", "with": ""}, before="tokenize")),
    _change("replace drops spaces", "replace step", put("text", {"step": "replace", "pattern": r"\s+", "with": ""}, before="tokenize")),
    max_length(16, 6), max_length(16, 5), max_length(16, 4), max_length(8, 4), max_length(24, 4),
    _change("prefix step", "prompt", put("text", {"step": "prefix", "text": "a small picture that shows "}, before="tokenize")),
    _change("prompts", "prompt", _prompt("a small picture that shows ")),
    _change("prompts of one word", "prompt", _prompt("query: ")),
    _tokenizer("split-at-spaces"), _tokenizer("rotated"), _tokenizer("thinned"), _tokenizer("short-words"), _tokenizer("without-end"), _tokenizer("without-accents"),
    _change("accents decomposed", "normalise step", set_step("text", "unicode_normalize", form="NFKD")),
    _change("nearest pixel", "resize", set_step("image", "resize", interpolation="nearest")),
    _change("resized over 6 pixels", "resize", put("image", {"step": "resize", "height": 6, "width": 6, "interpolation": "bicubic"}, before="resize")),
    _change("resized over 4 pixels", "resize", put("image", {"step": "resize", "height": 4, "width": 4, "interpolation": "bilinear"}, before="resize")),
    _change("cropped to 28", "crop", put("image", {"step": "center_crop", "size": 28}, before="resize")),
    _change("cropped to 24", "crop", put("image", {"step": "center_crop", "size": 24}, before="resize")),
    _change("cropped to 20", "crop", put("image", {"step": "center_crop", "size": 20}, before="resize")),
    _change("mean lost", "mean and deviation", set_step("image", "normalize", mean=[0.0, 0.0, 0.0])),
    _change("mean and deviation lost", "mean and deviation", set_step("image", "normalize", mean=[0.0, 0.0, 0.0], std=[1.0, 1.0, 1.0])),
    _change("channels' means swapped", "mean and deviation", set_step("image", "normalize", mean=[0.8, 0.5, 0.2])),
    _change("rescaled twice as far", "rescale", set_step("image", "rescale", factor=1 / 127.5)),
    _change("rescaled half as far", "rescale", set_step("image", "rescale", factor=1 / 510)),
    _change("shrunk and padded", "resize and pad", both(
        set_step("image", "resize", height=12, width=12),
        put("image", {"step": "pad", "height": 16, "width": 16, "where": "center", "background": "black"}, before="rescale"),
    )),
    _trained("short-40", 40, 11), _trained("short-80", 80, 12), _trained("short-120", 120, 13), _trained("hot", 60, 5),
    _change("weights int3", "weights", set_variant(weights="int3")),
    _change("weights int2", "weights", set_variant(weights="int2")),
    _change("weights pruned", "weights", set_variant(weights="pruned-70")),
    _trained("one-style", 200, 0),
    _change("normalisation lost", "normalisation", set_at("space", "normalized", value=False), set_at("space", "metric", value="dot")),
    *(_change(f"projection of {modality} lost", "projection", both(
        set_at("encoders", modality, "projection", value=False), set_at("space", "dimensions", value=128),
    )) for modality in ("text", "image")),
    *(_change(f"pooling last to {pooling}", "pooling", set_at("encoders", "text", "pooling", value=pooling))
      for pooling in ("cls", "mean", "max", "weighted_mean", "mean_sqrt_len")),
    _change("computed in bfloat16", "dtype", set_compute("bfloat16")),
    _change("computed in float16", "dtype", set_compute("float16")),
])  # fmt: skip

# ---- what mends something that was wrong before

HELPFUL: Mapping[str, Change] = dict([
    max_length(5, 16), max_length(6, 16),
    _change("replace made whole", "replace step", set_step("text", "replace", pattern="[:_]+"), set_step("text", "replace", pattern=":+")),
    _change("lower-casing added", "lower-case step", put("text", {"step": "lowercase"}, before="tokenize"), lose("text", "lowercase")),
    _change("prompts dropped", "prompt", set_at("encoders", "text", "prompts", value=None), _prompt("query: ")),
    _change("resize mended", "resize", set_step("image", "resize", interpolation="bicubic"), set_step("image", "resize", interpolation="nearest")),
    _change("mean mended", "mean and deviation", set_step("image", "normalize", mean=[0.5, 0.5, 0.5]), set_step("image", "normalize", mean=[0.4, 0.4, 0.4])),
    _trained("base", 400, 1, before="int3"),
    _change("crop dropped", "crop", lose("image", "center_crop"), put("image", {"step": "center_crop", "size": 28}, before="resize")),
    _tokenizer("plain", before="thinned"),
])  # fmt: skip

# ---- what looks as if it mattered

WORDS: Mapping[str, Change] = dict([
    _change("title", "words", set_at("title", value="Emoji search embeddings, spring edition")),
    _change("description", "words", set_at("description", value="Vectors of emoji, for the search box.")),
    _change("links", "words", set_at("links", value={"homepage": "https://emoji.example"})),
    _change("licence", "words", set_at("license", value="CC-BY-4.0")),
    _change("authors", "words", set_at("authors", value=[{"name": "Emoji search team"}, {"name": "Ada"}])),
    _change("limitations", "words", set_at("limitations", value=["names as Unicode gives them"])),
    _change("use", "words", set_at("intended_use", value=["search", "typing aids"])),
])  # fmt: skip
RECORDS: Mapping[str, Change] = dict([
    _change("hardware", "hardware", set_at("encode", "hardware", value={"cpu": "Another CPU", "cores": 16, "memory_ram_gib": 128})),
    _change("software", "software", set_at("encode", "software", value={"python": "3.12.3", "torch": "2.14.0", "pillow": "13.1.0", "os": "Linux"})),
    _change("batch", "batch", set_at("encode", "batch", "size", value={"image": 256, "text": 256})),
    _change("timing", "records", set_at("encode", "elapsed_s", value=81.5)),
    _change("vectors stored in float16", "stored dtype", set_at("space", "dtype", value="float16")),
    _change("corpus", "corpus", set_at("corpus", value={"name": "emoji-pictures", "version": "3", "uri": "data/corpus-v2.jsonl", "tracked_by": "git"})),
    _change("processor file", "processor file", set_variant(processor="noted")),
    _change("training data described", "training", set_at("training", "code", value={"uri": "https://emoji.example/train", "commit": "0123456789abcdef0123456789abcdef01234567"})),
])  # fmt: skip
NEUTRAL_TEXT: Mapping[str, Change] = dict([
    _change("strip added", "step without effect", put_first("text", {"step": "strip"})),
    _change("spaces collapsed", "step without effect", put_first("text", {"step": "collapse_whitespace"})),
    _change("NFKC", "step without effect", set_step("text", "unicode_normalize", form="NFKC")),
    max_length(15, 16),
    _change("padded to full length", "padding", set_step("text", "tokenize", padding="max_length")),
    _change("long dashes replaced", "replace step", put_first("text", {"step": "replace", "pattern": "[\u2013\u2014]", "with": "-"})),
])  # fmt: skip
NEUTRAL_IMAGE: Mapping[str, Change] = dict([
    _change("exif not read", "step without effect", set_step("image", "decode", exif_rotate=False)),
    _change("black background", "step without effect", set_step("image", "decode", background="black")),
    _change("torch resizes", "library", set_step("image", "resize", library="torch")),
    _change("factor rounded", "step without effect", set_step("image", "rescale", factor=0.0039216)),
])  # fmt: skip
# Of an encoder that a benchmark does not ask: as bad as can be, and without a trace in its numbers.
STRAY_TEXT: Mapping[str, Change] = {
    key: CULPRITS[key] for key in ("lower-casing lost", "length 16 to 4", "prefix step")
}
STRAY_IMAGE: Mapping[str, Change] = {
    key: CULPRITS[key] for key in ("nearest pixel", "cropped to 20", "mean lost")
}
