"""What happened to a thing in a few words. Ground floor."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from typing import Any, Final

from embver.blocks import WEIGHTS, step_name
from embver.diff import Change, Kind
from embver.units import with_unit

LONGEST: Final = 40
_DIGEST: Final = re.compile(r"\b(?:sha256:)?([0-9a-f]{8})[0-9a-f]{24,}\b")
_MOST_TOLD: Final = 3
_NOT_TOLD: Final = ("sha256", "size_bytes", "digest", "tokenizer_sha256", "version", "rows", "parameters")
_NOT_MODEL: Final = ("uri", "role", "license", "tracked_by", "remote", "tag")


def told(
    where: tuple[str, ...], kind: Kind, changes: Sequence[Change], *, block: str | None, place: int | None
) -> str:
    """Return what happened to a thing that one change or several tell of."""
    if block == WEIGHTS:
        return _weights(changes)
    if block is not None and block.endswith(".tokenizer"):
        return _tokenizer(changes)
    if len(changes) > 1:
        return _several(where, changes)
    change = changes[0]
    name = _name(change.where)
    if kind is Kind.CHANGED:
        return (
            f"{name} {value_words(change.where, change.before)} -> {value_words(change.where, change.after)}"
        )
    at = "" if place is None else f" at {place}"
    value = change.after if kind is Kind.ADDED else change.before
    if isinstance(value, Mapping) and "step" in value:
        rest = {key: each for key, each in value.items() if key != "step"}
        detail = f" ({_pairs(change.where, rest)})" if rest else ""
        return f"{name}{detail} {kind.value}{at}"
    detail = "" if isinstance(value, Mapping | list) else f" {value_words(change.where, value)}"
    return f"{name}{detail} {kind.value}{at}"


def value_words(where: Sequence[str], value: Any) -> str:
    """Return a value of a card on one short line: with its unit, texts in quotes where needed, digests cut."""
    unit = with_unit(where, value)
    if unit is not None:
        return unit
    if isinstance(value, str) and value and re.fullmatch(r"[\w./:@+-]+", value):
        text = value
    else:
        text = json.dumps(value, ensure_ascii=False)
    text = _DIGEST.sub(r"\1…", text)
    return text if len(text) <= LONGEST else f"{text[: LONGEST - 1]}…"


def _tokenizer(changes: Sequence[Change]) -> str:
    """Return what is known of another tokenizer: its class if that changed, else which of its files did."""
    named = [_fact(each) for each in changes if each.where[-1] == "tokenizer"]
    files = [
        each.where[3].strip("[]") for each in changes if each.where[2:3] == ("files",) and len(each.where) > 3
    ]
    told = ", ".join(dict.fromkeys([*named, *files]))
    return f"another tokenizer ({told})" if told else "another tokenizer"


def _weights(changes: Sequence[Change]) -> str:
    """Return what is known of another model: its name if that changed, else what its training changed."""
    names = [each for each in changes if each.where[0] == "encoders" and each.where[-1] in ("id", "revision")]
    names += [each for each in changes if each.where[0] == "space"]
    trained = [each for each in changes if each.where[0] == "training" and each.where[-1] not in _NOT_MODEL]
    shown = [each for each in (*names, *trained) if each.where[-1] not in _NOT_TOLD]
    facts = list(dict.fromkeys(_fact(each) for each in shown))
    more = f" and {len(facts) - _MOST_TOLD} more" if len(facts) > _MOST_TOLD else ""
    head = "model files changed" if _only_files(changes) else "weights changed"
    return f"{head} ({', '.join(facts[:_MOST_TOLD])}{more})" if facts else head


def _only_files(changes: Sequence[Change]) -> bool:
    return all(each.where[2:3] == ("files",) for each in changes)


def _fact(change: Change) -> str:
    name = _name(change.where)
    if change.kind is not Kind.CHANGED:
        return f"{name} {change.kind.value}"
    return f"{name} {value_words(change.where, change.before)} -> {value_words(change.where, change.after)}"


def _several(where: tuple[str, ...], changes: Sequence[Change]) -> str:
    kinds = {change.kind for change in changes}
    is_moved = kinds == {Kind.ADDED, Kind.REMOVED} and len({_bare(change) for change in changes}) == 1
    if is_moved:
        return f"{_name(where)} moved to another place"
    facts = [_fact(change) for change in changes]
    more = f" and {len(facts) - _MOST_TOLD} more" if len(facts) > _MOST_TOLD else ""
    return f"{', '.join(facts[:_MOST_TOLD])}{more}"


def _bare(change: Change) -> str:
    return step_name(change.where[-1]) if change.where[-1].startswith("[") else change.where[-1]


def _pairs(where: Sequence[str], plain: Mapping[str, Any]) -> str:
    return ", ".join(f"{key} {value_words((*where, key), value)}" for key, value in plain.items())


def _name(where: tuple[str, ...]) -> str:
    """Return the shortest name that still says which field is meant."""
    last = where[-1]
    if where[2:3] == ("preprocessing",) and len(where) > 3:
        step = step_name(where[3])
        return step if len(where) == 4 else f"{step} {'.'.join(where[4:])}"
    if where[0] == "encoders" and len(where) > 2:
        return f"{where[1]} {' '.join(part.strip('[]') for part in where[2:])}"
    if last.startswith("["):
        return f"{where[-2]} {last[1:-1]}"
    return (
        f"{'.'.join(where[1:])}" if where[0] in ("encode", "training", "space") and len(where) > 1 else last
    )
