"""A Hugging Face model card's front matter, as plain data, to what a card of embver takes of it.

The front matter is what people typed: a list where a name should be, a number where a text should be, is left out with
the reason, and nothing is guessed. A licence named there is that of the weights, not of the vectors.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from embver.intake import LeftOut, Taken
from embver.language import language_flaw
from embver.spdx import known_licence

# Names of the Hub that are no SPDX identifiers in small letters.
_LICENCES: Final = {
    "cc": None,
    "other": None,
    "unknown": None,
    "gpl": None,
    "lgpl": None,
    "bsd": None,
    "apache": None,
}
_RELATIONS: Final = {"finetune": "finetune", "adapter": "adapter", "merge": "merge", "quantized": "quantized"}
_TASKS: Final[Mapping[str, tuple[str, ...]]] = {
    "sentence-similarity": ("text",),
    "feature-extraction": ("text",),
    "text-classification": ("text",),
    "fill-mask": ("text",),
    "zero-shot-image-classification": ("image", "text"),
    "image-feature-extraction": ("image",),
    "audio-classification": ("audio",),
    "visual-document-retrieval": ("image", "text"),
}
_WORDS: Final = ("tags", "library_name", "pipeline_tag", "widget", "inference", "thumbnail", "metrics", "model_name", "co2_eq_emissions",
                 "new_version", "extra_gated_prompt", "extra_gated_fields", "license_name", "license_link", "embver")  # fmt: skip
_NAME: Final = re.compile(r"[\w.-]+(?:/[\w.-]+)?")


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """What a source says of encoders: values by field of each modality's encoder, data, and what was left out."""

    taken: tuple[Taken, ...] = ()
    left_out: tuple[LeftOut, ...] = ()


def split_front_matter(text: str) -> tuple[str, str] | None:
    """Return (front matter, the rest) of a README, None where it has none; ends of line may be of any kind."""
    body = text.removeprefix("\ufeff")
    lines = body.splitlines(keepends=True)
    if not lines or lines[0].rstrip() != "---":
        return None
    for number, line in enumerate(lines[1:], 1):
        if line.rstrip() in ("---", "..."):
            front = "".join(one.rstrip("\r\n") + "\n" for one in lines[1:number])
            return front, "".join(lines[number + 1 :])
    return None


def modalities_of(front: Mapping[str, Any]) -> tuple[str, ...]:
    """Return the modalities that the card's task speaks of; none where it says none that is known."""
    task = front.get("pipeline_tag")
    return _TASKS.get(task, ()) if isinstance(task, str) else ()


def model_facts(front: Mapping[str, Any], modalities: Sequence[str], *, place: str) -> Found:
    """Return licence, base model, languages and data of a front matter, for the encoders of some modalities."""
    taken: list[Taken] = []
    left: list[LeftOut] = []
    for key, value in front.items():
        if key in _READERS:
            for entry in _READERS[key](value, front, modalities, f"{place}: {key}"):
                if isinstance(entry, Taken):
                    taken.append(entry)
                else:
                    left.append(entry)
        elif key == "model-index":
            continue
        elif key in _WORDS:
            left.append(
                LeftOut(what=f"{place}: {key}", why="words for the Hub; the card has no field for them")
            )
        elif key not in ("base_model_relation",):
            left.append(LeftOut(what=f"{place}: {key}", why="no field of a model card that embver knows"))
    return Found(taken=tuple(taken), left_out=tuple(left))


def licence_of(value: Any) -> tuple[str | None, str | None]:
    """Return (SPDX expression, why there is none) of what the Hub calls a licence."""
    if not isinstance(value, str):
        return None, f"is no name of a licence but {value!r}"
    known = known_licence(value) if value.lower() not in _LICENCES else None
    if known is not None:
        return known, None
    if value.lower() in _LICENCES or not _NAME.fullmatch(value):
        return None, f"{value!r} names no certain licence: write an SPDX expression yourself"
    return f"LicenseRef-{value.replace('/', '-').replace('_', '-')}", None


Entries = Iterator[Taken | LeftOut]


def _licence(value: Any, _front: Mapping[str, Any], modalities: Sequence[str], origin: str) -> Entries:
    values = value if isinstance(value, list) else [value]
    if len(values) != 1:
        yield LeftOut(what=origin, why=f"{len(values)} licences, and nothing says whether one may choose")
        return
    expression, why = licence_of(values[0])
    if expression is None:
        yield LeftOut(what=origin, why=str(why))
        return
    for modality in modalities:
        yield Taken(where=("encoders", modality, "model", "license"), value=expression, origin=origin)


def _base(value: Any, front: Mapping[str, Any], modalities: Sequence[str], origin: str) -> Entries:
    values = value if isinstance(value, list) else [value]
    if len(values) != 1:
        yield LeftOut(what=origin, why=f"{len(values)} base models; the card holds one an encoder")
        return
    if not isinstance(values[0], str) or not _NAME.fullmatch(values[0]):
        yield LeftOut(what=origin, why=f"is no model's id but {values[0]!r}")
        return
    base = {"id": values[0]}
    relation = front.get("base_model_relation")
    if isinstance(relation, str) and relation in _RELATIONS:
        base["relation"] = _RELATIONS[relation]
    elif relation is not None:
        yield LeftOut(what=f"{origin}_relation", why=f"is none of {', '.join(_RELATIONS)} but {relation!r}")
    for modality in modalities:
        yield Taken(where=("encoders", modality, "base"), value=base, origin=origin)


def _languages(value: Any, _front: Mapping[str, Any], modalities: Sequence[str], origin: str) -> Entries:
    values = value if isinstance(value, list) else [value]
    kept = []
    for entry in values:
        flaw = language_flaw(entry) if isinstance(entry, str) else (f"{entry!r} is no language tag", None)
        if flaw is None:
            kept.append(entry)
        else:
            yield LeftOut(what=f"{origin} {entry!r}", why=flaw[0])
    kept = list(dict.fromkeys(kept))
    if not kept:
        return
    if "text" in modalities:
        yield Taken(where=("encoders", "text", "languages"), value=kept, origin=origin)
    else:
        yield LeftOut(what=origin, why="languages are of texts, and the card has no encoder of texts")


def _data(value: Any, _front: Mapping[str, Any], _modalities: Sequence[str], origin: str) -> Entries:
    for entry in value if isinstance(value, list) else [value]:
        if not isinstance(entry, str) or not _NAME.fullmatch(entry):
            yield LeftOut(what=origin, why=f"is no data set's id but {entry!r}")
            continue
        named = {"uri": f"hf://datasets/{entry}", "tracked_by": "huggingface"}
        yield Taken(where=("training", "data", ("name", entry)), value=named, origin=origin)


_READERS: Final = {"license": _licence, "base_model": _base, "language": _languages, "datasets": _data}
