"""What a card's text steps before the tokenizer do to a text. Ground floor: encoding and tracing must agree about it."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any, Final

from embver.blocks import step_name
from embver.diff import aligned_steps
from embver.traits import LEAST, Trait, members_of

# A pattern or a form that is none, a parameter that is missing: a card may have been written by hand, and never run.
_CANNOT_RUN: Final = (re.error, KeyError, TypeError, ValueError)

TextFunction = Callable[[str], str]


def text_function(name: str, parameters: Mapping[str, Any]) -> TextFunction | None:
    """Return the function that a text step stands for; None for a step that takes no text to a text."""
    if name == "unicode_normalize":
        return partial(unicodedata.normalize, parameters["form"])
    if name == "lowercase":
        return str.lower
    if name == "strip":
        return str.strip
    if name == "collapse_whitespace":
        return partial(re.compile(r"\s+").sub, " ")
    if name == "replace":
        return partial(re.compile(parameters["pattern"]).sub, parameters["with"])
    if name == "prefix":
        return partial(_with_prefix, parameters["text"])
    return None


def _with_prefix(prefix: str, text: str) -> str:
    return prefix + text


def step_traits(
    texts: Sequence[str | None], before: Mapping[str, Any], after: Mapping[str, Any]
) -> tuple[Trait, ...]:
    """Return which texts each changed text step touches, and which reach the tokenizer otherwise, of two encoders.

    A step is tried on the text as it was asked, by itself: `before` and `after` are plain encoders. None where a step is
    one that cannot run.
    """
    try:
        return _step_traits(texts, before, after)
    except _CANNOT_RUN:
        return ()


def _step_traits(
    texts: Sequence[str | None], before: Mapping[str, Any], after: Mapping[str, Any]
) -> tuple[Trait, ...]:
    old, new = (tuple(each.get("preprocessing") or ()) for each in (before, after))
    found = []
    for name, was, now in aligned_steps(old, new):
        if was == now or (was or now).get("step") == "tokenize":
            continue
        told = step_name(name)
        clause = (
            f"are changed by the new step {told}"
            if was is None
            else f"were changed by the step {told}, which is gone"
            if now is None
            else f"are changed otherwise by the step {told}"
        )
        members = _differ(texts, _chain([was] if was else []), _chain([now] if now else []))
        found.append(Trait(column="step", value=told, clause=clause, members=members))
    if len(found) > 1:
        members = _differ(texts, _chain(old), _chain(new))
        clause = "reach the tokenizer as another text than before"
        found.append(Trait(column="steps", value="all", clause=clause, members=members))
    return tuple(trait for trait in found if trait.members.bit_count() >= LEAST)


def changes_no_text(
    name: str, texts: Sequence[str], before: Mapping[str, Any], after: Mapping[str, Any]
) -> bool:
    """Tell whether a changed step of two plain encoders, `[lowercase]`, leaves each of some texts as it was.

    It is set back among the steps of after, and set forward among those of before. False where a step cannot run.
    """
    try:
        return _changes_no_text(name, texts, before, after)
    except _CANNOT_RUN:
        return False


def _changes_no_text(
    name: str, texts: Sequence[str], before: Mapping[str, Any], after: Mapping[str, Any]
) -> bool:
    pairs = aligned_steps(before.get("preprocessing") or (), after.get("preprocessing") or ())
    for others in (0, 1):  # as they were, and as they are
        was, now = (
            [step for each, *sides in pairs if (step := sides[mine if each == name else others])]
            for mine in (0, 1)
        )
        if _differ(texts, _chain(was), _chain(now)):
            return False
    return True


def _chain(steps: Sequence[Mapping[str, Any]]) -> TextFunction:
    made = [
        text_function(str(step.get("step")), {key: each for key, each in step.items() if key != "step"})
        for step in steps
    ]
    functions = [each for each in made if each is not None]

    def run(text: str) -> str:
        for function in functions:
            text = function(text)
        return text

    return run


def _differ(texts: Sequence[str | None], one: TextFunction, other: TextFunction) -> int:
    return members_of(text is not None and one(text) != other(text) for text in texts)
