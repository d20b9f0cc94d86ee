"""The steps of a card's `preprocessing`: their vocabulary, and the check that a list of them can run.

The list is executed from the card (`images`, `texts`), never beside it, so whatever is not understood here is an
error: a step that is skipped in silence is a vector that moved without anyone knowing.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Any, Final

from embver.encode.audio_vocabulary import AUDIO_STEPS, check_audio_steps
from embver.encode.image_vocabulary import IMAGE_STEPS, extent_problem, image_problems
from embver.encode.parameters import REQUIRED, Parameter, Step, count, one_of
from embver.errors import EncodeError


def _is_pattern(value: Any) -> bool:
    try:
        re.compile(value)
    except (re.error, TypeError):
        return False
    return True


_TEXT = Parameter(accepts=lambda value: isinstance(value, str), expected="a text")

# A parameter that can have one value only so far may be left out; every other that moves a vector is stated.
STEPS: Final[Mapping[str, Mapping[str, Mapping[str, Parameter]]]] = {
    "text": {
        "unicode_normalize": {"form": one_of("NFC", "NFD", "NFKC", "NFKD")},
        "lowercase": {},
        "strip": {},
        "collapse_whitespace": {},
        "replace": {
            "pattern": Parameter(accepts=_is_pattern, expected="a regular expression"),
            "with": _TEXT,
        },
        "prefix": {"text": _TEXT},
        "tokenize": {
            "tokenizer": _TEXT,
            "max_length": count(),
            "truncation": one_of("end", "start"),
            "padding": one_of("buckets", "max_length", default="buckets"),
        },
    },
    "image": IMAGE_STEPS,
    "audio": AUDIO_STEPS,
}
# Steps of equal rank may come in any order and again; the rank never falls. 0 opens, the last rank closes.
_RANKS: Final = {
    "decode": 0,
    "resize": 1,
    "center_crop": 1,
    "pad": 1,
    "rescale": 2,
    "normalize": 3,
    "tokenize": 9,
}


def parse_steps(modality: str, plain: Any, *, path: str) -> tuple[Step, ...]:
    """Check a card's list of steps; raise one EncodeError that names every problem with its card path."""
    vocabulary = STEPS.get(modality)
    if vocabulary is None:
        raise EncodeError(f"{path}: no preprocessing is known for modality {modality!r}", hint=_known(STEPS))
    if isinstance(plain, str | bytes) or not isinstance(plain, Sequence) or not plain:
        raise EncodeError(f"{path}: a list of steps is expected", hint=_known(vocabulary))
    problems: list[str] = []
    steps = [
        step
        for index, entry in enumerate(plain)
        if (step := _parse_step(vocabulary, entry, f"{path}[{index}]", problems)) is not None
    ]
    if not problems:
        _check_order(modality, steps, path, problems)
    if problems:
        raise EncodeError("\n".join(problems), hint=f"the steps for {modality}: {', '.join(vocabulary)}")
    return tuple(steps)


def _parse_step(
    vocabulary: Mapping[str, Mapping[str, Parameter]], entry: Any, path: str, problems: list[str]
) -> Step | None:
    if not isinstance(entry, Mapping) or not isinstance(entry.get("step"), str):
        problems.append(f"{path}: a mapping with `step: NAME` is expected")
        return None
    name = entry["step"]
    if name not in vocabulary:
        problems.append(f"{path}.step: unknown step {name!r}{_did_you_mean(name, vocabulary)}")
        return None
    known = vocabulary[name]
    for key in entry:
        if key != "step" and key not in known:
            problems.append(
                f"{path}.{key}: unknown parameter of {name}{_did_you_mean(str(key), known)}; {_known(known)}"
            )
    values: dict[str, Any] = {}
    for key, parameter in known.items():
        if key not in entry:
            if parameter.default is REQUIRED:
                problems.append(f"{path}.{key}: missing; {parameter.expected} is expected")
            values[key] = parameter.default
        elif parameter.accepts(entry[key]):
            values[key] = entry[key]
        else:
            problems.append(f"{path}.{key}: {parameter.expected} is expected, not {entry[key]!r}")
    if name == "replace":
        _check_replacement(values, path, problems)
    if {"size", "height", "width"} <= set(known) and (wrong := extent_problem(name, entry)) is not None:
        problems.append(f"{path}{wrong}")
    return Step(name=name, parameters=MappingProxyType(values), path=path)


def _check_replacement(values: Mapping[str, Any], path: str, problems: list[str]) -> None:
    pattern, template = values.get("pattern"), values.get("with")
    if isinstance(pattern, str) and isinstance(template, str):
        try:
            re.compile(pattern).sub(template, "")  # the template is read even where nothing matches
        except (re.error, IndexError) as error:
            problems.append(f"{path}.with: does not fit the pattern: {error}")


def _check_order(modality: str, steps: Sequence[Step], path: str, problems: list[str]) -> None:
    if modality == "audio":
        check_audio_steps(steps, path, problems)
        return
    names = [step.name for step in steps]
    needed = "tokenize" if modality == "text" else "decode"
    if names.count(needed) != 1:
        problems.append(f"{path}: exactly one {needed} step is expected, found {names.count(needed)}")
        return
    ranks = [_RANKS.get(name, 1) for name in names]
    for before, after, step in zip(ranks, ranks[1:], steps[1:], strict=False):
        if after < before:
            problems.append(
                f"{step.path}.step: {step.name} cannot come after {names[names.index(step.name) - 1]}"
            )
    if names.count("rescale") > 1:
        problems.append(f"{path}: rescale appears {names.count('rescale')} times, once is expected")
    if modality == "image" and not problems:
        problems.extend(image_problems(steps, path))


def _did_you_mean(word: str, known: Mapping[str, Any]) -> str:
    close = difflib.get_close_matches(word, known, n=1, cutoff=0.6)
    return f", did you mean {close[0]!r}?" if close else ""


def _known(words: Mapping[str, Any]) -> str:
    return f"known: {', '.join(words)}" if words else "it takes none"
