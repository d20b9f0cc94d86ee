"""The steps of a card's `preprocessing`: their vocabulary, and the check that a list of them can run.

The list is executed from the card (`images`, `texts`), never beside it, so whatever is not understood here is an
error: a step that is skipped in silence is a vector that moved without anyone knowing.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, Final

from embver.errors import EncodeError

REQUIRED: Final = object()
BACKGROUNDS: Final = MappingProxyType({"white": (255, 255, 255), "black": (0, 0, 0)})


@dataclass(frozen=True, slots=True, kw_only=True)
class Parameter:
    """One parameter of a step: what it takes, in words too, and its value when it is not given."""

    accepts: Callable[[Any], bool]
    expected: str
    default: Any = REQUIRED


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One checked step: its name, all its parameters with defaults filled in, and its place in the card."""

    name: str
    parameters: Mapping[str, Any]
    path: str

    def __getitem__(self, key: str) -> Any:
        """Return the value of a parameter."""
        return self.parameters[key]


def _one_of(*values: Any, default: Any = REQUIRED) -> Parameter:
    words = " or ".join(str(value).lower() if isinstance(value, bool) else str(value) for value in values)
    known = {(type(value), value) for value in values}

    def accepts(value: Any) -> bool:
        return isinstance(value, str | bool) and (type(value), value) in known

    return Parameter(accepts=accepts, expected=words, default=default)


def _is_count(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value >= 1


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and abs(value) < float("inf")


def _is_channels(value: Any) -> bool:
    return isinstance(value, Sequence) and len(value) == 3 and all(_is_number(number) for number in value)


def _is_pattern(value: Any) -> bool:
    try:
        re.compile(value)
    except (re.error, TypeError):
        return False
    return True


def _is_colour(value: Any) -> bool:
    if isinstance(value, str):
        return value in BACKGROUNDS
    return _is_channels(value) and all(isinstance(part, int) and 0 <= part <= 255 for part in value)


_TEXT = Parameter(accepts=lambda value: isinstance(value, str), expected="a text")
_COUNT = Parameter(accepts=_is_count, expected="a whole number from 1")
_COUNT_OR_NONE = Parameter(accepts=_is_count, expected="a whole number from 1", default=None)
_STD = Parameter(
    accepts=lambda value: _is_channels(value) and all(value), expected="three numbers other than 0"
)

# A parameter that can have one value only so far may be left out; every other that moves a vector is stated.
STEPS: Final[Mapping[str, Mapping[str, Mapping[str, Parameter]]]] = {
    "text": {
        "unicode_normalize": {"form": _one_of("NFC", "NFD", "NFKC", "NFKD")},
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
            "max_length": _COUNT,
            "truncation": _one_of("end", "start"),
            "padding": _one_of("buckets", "max_length", default="buckets"),
        },
    },
    "image": {
        "decode": {
            "library": _one_of("pillow", default="pillow"),
            "exif_rotate": _one_of(True, False),
            "mode": _one_of("RGB", default="RGB"),
            "background": Parameter(
                # white is what the transformers processors lay transparent images on
                accepts=_is_colour,
                expected="white, black or [red, green, blue]",
                default="white",
            ),
        },
        "resize": {
            "size": _COUNT_OR_NONE,
            "edge": _one_of("shortest", default="shortest"),
            "height": _COUNT_OR_NONE,
            "width": _COUNT_OR_NONE,
            "interpolation": _one_of("bicubic", "bilinear", "nearest", "lanczos"),
            "antialias": _one_of(True, default=True),  # Pillow's filters always widen with the scale
        },
        "center_crop": {"size": _COUNT_OR_NONE, "height": _COUNT_OR_NONE, "width": _COUNT_OR_NONE},
        "rescale": {"factor": Parameter(accepts=_is_number, expected="a number")},
        "normalize": {"mean": Parameter(accepts=_is_channels, expected="three numbers"), "std": _STD},
    },
}
# Steps of equal rank may come in any order and again; the rank never falls. 0 opens, the last rank closes.
_RANKS: Final = {"decode": 0, "resize": 1, "center_crop": 1, "rescale": 2, "normalize": 3, "tokenize": 9}


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
    if {"size", "height", "width"} <= set(known):
        _check_extent(entry, path, problems)
    return Step(name=name, parameters=MappingProxyType(values), path=path)


def _check_replacement(values: Mapping[str, Any], path: str, problems: list[str]) -> None:
    pattern, template = values.get("pattern"), values.get("with")
    if isinstance(pattern, str) and isinstance(template, str):
        try:
            re.compile(pattern).sub(template, "")  # the template is read even where nothing matches
        except (re.error, IndexError) as error:
            problems.append(f"{path}.with: does not fit the pattern: {error}")


def _check_extent(entry: Mapping[str, Any], path: str, problems: list[str]) -> None:
    given = {"size", "height", "width"} & set(entry)
    if given not in ({"size"}, {"height", "width"}):
        problems.append(f"{path}.size: either size, or height and width together, is expected")
    elif "edge" in entry and "size" not in given:
        problems.append(f"{path}.edge: goes with size, not with height and width")


def _check_order(modality: str, steps: Sequence[Step], path: str, problems: list[str]) -> None:
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
    for once in ("rescale", "normalize"):
        if names.count(once) > 1:
            problems.append(f"{path}: {once} appears {names.count(once)} times, once is expected")
    if modality == "image" and not problems and final_extent(steps) is None:
        problems.append(
            f"{path}: images keep different shapes; end with center_crop, or resize to height and width"
        )


def final_extent(steps: Sequence[Step]) -> tuple[int, int] | None:
    """Return (height, width) that every image has after the steps, or None if it depends on the image."""
    extent: tuple[int, int] | None = None
    for step in steps:
        if step.name in ("resize", "center_crop"):
            extent = extent_of(step)
    return extent


def extent_of(step: Step) -> tuple[int, int] | None:
    """Return the (height, width) that a resize or center_crop step gives, None for a shortest-edge resize."""
    if step["height"] is not None:
        return (step["height"], step["width"])
    return (step["size"], step["size"]) if step.name == "center_crop" else None


def _did_you_mean(word: str, known: Mapping[str, Any]) -> str:
    close = difflib.get_close_matches(word, known, n=1, cutoff=0.6)
    return f", did you mean {close[0]!r}?" if close else ""


def _known(words: Mapping[str, Any]) -> str:
    return f"known: {', '.join(words)}" if words else "it takes none"
