"""Which column of a hand-kept table says which field of a card, and what its cells say. Pure."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Any, Final

from embver.errors import UsageError
from embver.exchange.table import Row, Table
from embver.intake import LeftOut
from embver.spdx import known_licence, licence_flaw
from embver.version import Version

FIELDS: Final[Mapping[str, str]] = {
    "version": "the version's number (1.2.0, or v1.2.0)",
    "date": "the day of the version, YYYY-MM-DD",
    "tag": "the Git tag that holds its files",
    "title": "the card's title",
    "description": "the card's description",
    "changes": "what changed, in people's words; a line break or `;` begins another one",
    "license": "an SPDX expression",
    "dimensions": "how many numbers a vector has",
    "metric": "cosine, dot, euclidean or hamming",
    "model": "the model's id, of all encoders; model.MODALITY of one",
    "notes": "any remark",
    "score:KEY": "a benchmark's number, such as score:hit@10=Recall",
}
_METRICS: Final = ("cosine", "dot", "euclidean", "hamming")
_DATE: Final = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_COUNT: Final = re.compile(r"[1-9][0-9]{0,6}")
_NUMBER: Final = re.compile(r"[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?")


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """What one row tells of a version. `scores` are (key, value, unit)."""

    version: Version
    line: int
    date: str | None = None
    tag: str | None = None
    card: Mapping[str, Any] = field(default_factory=dict)
    models: Mapping[str, str] = field(default_factory=dict)  # by modality; "" for all
    scores: tuple[tuple[str, float, str], ...] = ()


def parse_map(text: str | None, columns: Sequence[str]) -> dict[str, str]:
    """Return field -> column of `FIELD=COLUMN,...`; what is not named stands under its own name, in any case.

    Raises UsageError for a field that there is not, or a column that the table has not.
    """
    found: dict[str, str] = {}
    for pair in (text or "").split(","):
        if not pair.strip():
            continue
        name, equals, column = pair.partition("=")
        name, column = name.strip(), column.strip()
        if not equals or not (name in FIELDS or name.startswith(("model.", "score:"))):
            raise UsageError(
                f"--map {pair.strip()}: there is no field {name}", hint=f"FIELD=COLUMN: {', '.join(FIELDS)}"
            )
        if column not in columns:
            raise UsageError(
                f"--map {pair.strip()}: the table has no column {column!r}",
                hint=f"it has: {', '.join(columns)}",
            )
        found[name] = column
    used = set(found.values())
    by_name = {column.lower(): column for column in columns if column and column not in used}
    for name in FIELDS:
        if name not in found and name in by_name:
            found[name] = by_name[name]
    if "version" not in found:
        raise UsageError("nothing says which column holds the version", hint="--map version=COLUMN")
    return found


def told_by(
    table: Table, named: Mapping[str, str], *, place: str
) -> tuple[tuple[Told, ...], tuple[LeftOut, ...]]:
    """Return what each row tells, and cells that do not say what their column should; two rows of one version are refused."""
    told: dict[str, Told] = {}
    left: list[LeftOut] = []
    for row in table.rows:
        at = f"{place}:{row.line}"
        text = row.cells.get(named["version"], "").strip().removeprefix("v")
        try:
            version = Version.parse(text)
        except ValueError:
            left.append(
                LeftOut(
                    what=f"{at}: {text or 'a row without a version'}", why="is no version MAJOR.MINOR.PATCH"
                )
            )
            continue
        if str(version) in told:
            raise UsageError(f"{at}: {version} is there already, at line {told[str(version)].line}")
        told[str(version)] = _told(row, version, named, at, left)
    used = set(named.values())
    unused = [column for column in table.columns if column and column not in used]
    left += [
        LeftOut(what=f"{place}: column {column!r}", why="--map names no field for it") for column in unused
    ]
    return tuple(told.values()), tuple(left)


def _told(row: Row, version: Version, named: Mapping[str, str], at: str, left: list[LeftOut]) -> Told:
    card: dict[str, Any] = {}
    models: dict[str, str] = {}
    scores: list[tuple[str, float, str]] = []
    day = tag = None
    for name, column in named.items():
        text = row.cells.get(column, "").strip()
        if not text or text in ("-", "\u2013", "\u2014", "?", "n/a", "N/A"):
            continue
        value, why = _value(name, text)
        if why is not None:
            left.append(LeftOut(what=f"{at}: {column} {text!r}", why=why))
        elif name == "date":
            day = str(value)
        elif name == "tag":
            tag = str(value)
        elif name == "model" or name.startswith("model."):
            models[name.removeprefix("model").removeprefix(".")] = str(value)
        elif name.startswith("score:"):
            scores.append((name.removeprefix("score:"), *value))
        elif name != "version":
            card[name] = value
    return Told(
        version=version, line=row.line, date=day, tag=tag, card=card, models=models, scores=tuple(scores)
    )


def _is_day(text: str) -> bool:
    try:
        return _DATE.fullmatch(text) is not None and bool(date.fromisoformat(text))
    except ValueError:  # as of 30 February
        return False


def _value(name: str, text: str) -> tuple[Any, str | None]:
    """Return (what a cell says, why it says nothing)."""
    if name == "date":
        return (text[:10], None) if _is_day(text[:10]) else (None, "is no date YYYY-MM-DD")
    if name == "dimensions":
        is_count = _COUNT.fullmatch(text) is not None
        return (int(text), None) if is_count else (None, "is no whole number above 0, or too large a one")
    if name == "metric":
        return (
            (text.lower(), None) if text.lower() in _METRICS else (None, f"is none of {', '.join(_METRICS)}")
        )
    if name == "license":
        expression = known_licence(text) or text
        flaw = licence_flaw(expression)
        return (expression, None) if flaw is None else (None, flaw)
    if name == "changes":
        words = [part.strip() for part in re.split(r"\n|;\s", text.replace("<br>", "\n")) if part.strip()]
        return [{"text": word} for word in words], None
    if name == "notes":
        return [text], None
    if name.startswith("score:"):
        unit = "percent" if text.endswith("%") else "fraction"
        number = (
            text.removesuffix("%")
            .strip()
            .replace(",", "." if text.count(",") == 1 and "." not in text else "")
        )
        if not _NUMBER.fullmatch(number):
            return None, "is no number"
        if not math.isfinite(float(number)):
            return None, "is too large for a number"
        if unit == "fraction" and abs(float(number)) > 1:
            unit = "as reported"
        return (float(number), unit), None
    return text, None
