"""Read one result file of MTEB or MIEB, of any generation: what it is about, and its rows of numbers.

Since 1.11 a file holds `task_name` and `scores: {split: [{hf_subset, languages, main_score, ...}]}`. Before, it held
`mteb_dataset_name` and the splits beside it, each a mapping of numbers, of subsets, or of similarities.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final

from embver.exchange.json_file import finite, parse_json
from embver.intake import MalformedError

FORMAT: Final = "mteb.TaskResult"
SINCE_1_11: Final = "1.11+"
BEFORE_1_11: Final = "before 1.11"

# What of a split of before 1.11 is a mapping of numbers, and no subset.
_SIMILARITIES: Final = frozenset({"cos_sim", "dot", "manhattan", "euclidean", "max", "similarity"})
_NO_SUBSETS: Final = _SIMILARITIES | {"v_measures"}
# What stands beside the splits in a file of before 1.11.
_NO_SPLITS: Final = frozenset(
    {"mteb_dataset_name", "mteb_version", "dataset_revision", "evaluation_time", "kg_co2_emissions", "date"}
)
_NO_SCORES: Final = frozenset({"hf_subset", "languages", "mteb_version", "evaluation_time"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """The results of one split and subset; `scores` as the file has them, similarities joined to their names.

    `numbers` are those of them that are numbers; None for NaN and infinity, which a card does not hold.
    """

    split: str
    subset: str
    scores: Mapping[str, Any]
    numbers: Mapping[str, float | None]
    languages: tuple[str, ...] = ()
    version: str | None = None
    duration_s: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class TaskFile:
    """One result file."""

    task: str
    rows: tuple[Row, ...]
    format_version: str
    revision: str | None = None
    version: str | None = None
    date_s: float | None = None  # seconds since 1970, UTC
    duration_s: float | None = None  # of all rows together
    kg_co2: float | None = None
    has_phases: bool = False


def numbers_of(scores: Mapping[str, Any]) -> dict[str, float | None]:
    """Return the scores that are numbers; most results have two hundred."""
    return {
        key: value if value.__class__ is float and -1e15 < value < 1e15 else finite(value)
        for key, value in scores.items()
        if value.__class__ is float or is_number(value)
    }


def is_number(value: Any) -> bool:
    """Tell whether a value is a number, NaN included; or null, which is what 2.x writes for NaN."""
    return value is None or (isinstance(value, int | float) and not isinstance(value, bool))


def parse_task(data: bytes, place: str) -> TaskFile:
    """Read a result file; MalformedError naming what is wrong with it, and where."""
    plain = parse_json(data, place)
    if not isinstance(plain, Mapping):
        raise MalformedError(place, f"is a {_kind(plain)}, and no result of MTEB")
    if "scores" in plain and "task_name" in plain:
        return _modern(plain, place)
    if "mteb_dataset_name" in plain:
        return _legacy(plain, place)
    if "metrics" in plain and "pretrained" in plain:
        raise MalformedError(
            place, "is a result of CLIP_benchmark", hint="embver import clip-benchmark FILE --into NAME@next"
        )
    lacks = "scores" if "task_name" in plain else "task_name"
    raise MalformedError(
        place, f"is JSON, and no result of MTEB: it has neither {lacks!r} nor 'mteb_dataset_name'"
    )


def _modern(plain: Mapping[str, Any], place: str) -> TaskFile:
    scores = _expect(plain["scores"], Mapping, place, "scores", "a mapping of splits")
    version = _text(plain.get("mteb_version"), place, "mteb_version")
    rows: list[Row] = []
    for split, entries in scores.items():
        _expect(entries, list, place, f"scores.{split}", "a list of results")
        for number, entry in enumerate(entries):
            where = f"scores.{split}[{number}]"
            _expect(entry, Mapping, place, where, "a mapping of numbers")
            languages = entry.get("languages") or []
            own = _flat(entry)
            _expect(languages, list, place, f"{where}.languages", "a list")
            rows.append(
                Row(
                    split=str(split),
                    subset=_text(entry.get("hf_subset"), place, f"{where}.hf_subset") or "default",
                    scores=own,
                    numbers=numbers_of(own),
                    languages=tuple(str(language) for language in languages),
                    version=_text(entry.get("mteb_version"), place, f"{where}.mteb_version") or version,
                )
            )
    _check_rows(rows, place)
    return TaskFile(
        task=_task(plain["task_name"], place, "task_name"),
        rows=tuple(rows),
        format_version=SINCE_1_11,
        revision=_text(plain.get("dataset_revision"), place, "dataset_revision"),
        version=version,
        date_s=_date(plain.get("date"), place),
        duration_s=_number(plain.get("evaluation_time"), place, "evaluation_time"),
        kg_co2=_number(plain.get("kg_co2_emissions"), place, "kg_co2_emissions"),
        has_phases=bool(plain.get("evaluation_phases")),
    )


def _legacy(plain: Mapping[str, Any], place: str) -> TaskFile:
    version = _text(plain.get("mteb_version"), place, "mteb_version")
    rows: list[Row] = []
    for split, scores in plain.items():
        if split in _NO_SPLITS or not isinstance(scores, Mapping):
            continue
        duration_s = _number(scores.get("evaluation_time"), place, f"{split}.evaluation_time")
        subsets = {
            name: part
            for name, part in scores.items()
            if isinstance(part, Mapping) and name not in _NO_SUBSETS
        }
        for subset, part in (subsets or {"default": scores}).items():
            own = _flat(part)
            rows.append(
                Row(
                    split=split,
                    subset=subset,
                    scores=own,
                    numbers=numbers_of(own),
                    version=version,
                    duration_s=duration_s if len(subsets) < 2 else None,
                )
            )
    _check_rows(rows, place)
    return TaskFile(
        task=_task(plain["mteb_dataset_name"], place, "mteb_dataset_name"),
        rows=tuple(rows),
        format_version=BEFORE_1_11,
        revision=_text(plain.get("dataset_revision"), place, "dataset_revision"),
        version=version,
        date_s=_date(plain.get("date"), place),
        kg_co2=_number(plain.get("kg_co2_emissions"), place, "kg_co2_emissions"),
    )


def _flat(scores: Mapping[str, Any]) -> dict[str, Any]:
    """Join the numbers of a similarity to its name, as MTEB itself reads old files: cos_sim.spearman."""
    flat: dict[str, Any] = {}
    for key, value in scores.items():
        if key in _SIMILARITIES and isinstance(value, Mapping):
            flat.update({f"{key}_{name}": number for name, number in value.items()})
        elif key not in _NO_SCORES:
            flat[key] = value
    return flat


def _check_rows(rows: list[Row], place: str) -> None:
    if not rows:
        raise MalformedError(place, "holds no scores")
    seen: set[tuple[str, str]] = set()
    for row in rows:
        if (row.split, row.subset) in seen:
            raise MalformedError(place, f"has two results for the split {row.split}, subset {row.subset}")
        seen.add((row.split, row.subset))
        wrong = next(
            (key for key, value in row.scores.items() if key == "main_score" and not is_number(value)), None
        )
        if wrong is not None:
            raise MalformedError(
                place, f"scores.{row.split}.{wrong} is a {_kind(row.scores[wrong])}, no number"
            )


def _expect(value: Any, kind: type | tuple[type, ...], place: str, name: str, wanted: str) -> Any:
    if not isinstance(value, kind):
        raise MalformedError(place, f"{name} is a {_kind(value)}, where {wanted} is expected")
    return value


def _text(value: Any, place: str, name: str) -> str | None:
    if value is None or isinstance(value, str):
        return value or None
    raise MalformedError(place, f"{name} is a {_kind(value)}, where a text is expected")


def _task(value: Any, place: str, name: str) -> str:
    text = _text(value, place, name)
    if text is None:
        raise MalformedError(place, f"{name} is empty")
    return text


def _number(value: Any, place: str, name: str) -> float | None:
    if not is_number(value):
        raise MalformedError(place, f"{name} is a {_kind(value)}, where a number is expected")
    number = finite(value)
    return number if number is None or number >= 0 else None


def _date(value: Any, place: str) -> float | None:
    """Return seconds since 1970: a number as MTEB writes it, or the text that others write."""
    if not isinstance(value, str):
        return _number(value, place, "date")
    try:
        found = datetime.fromisoformat(value)
    except ValueError as error:
        raise MalformedError(place, f"date is {value[:40]!r}, which is no date") from error
    return (found if found.tzinfo else found.replace(tzinfo=UTC)).timestamp()


def _kind(value: Any) -> str:
    names = {dict: "mapping", list: "list", str: "text", bool: "truth value", int: "number", float: "number"}
    return names.get(type(value), "null")


def settings_by_row(lines: Iterator[Any] | list[Any]) -> dict[tuple[str, str, str], Mapping[str, Any]]:
    """Return what `run_settings.jsonl` says of each (task, split, subset); the last line about one counts.

    A line names `splits` and `subsets` (2.2x), or one `split` and one `subset` (before).
    """
    found: dict[tuple[str, str, str], Mapping[str, Any]] = {}
    for line in lines:
        if not isinstance(line, Mapping):
            continue
        splits, subsets = line.get("splits", [line.get("split")]), line.get("subsets", [line.get("subset")])
        if not isinstance(splits, list) or not isinstance(subsets, list):
            continue
        for split in splits:
            for subset in subsets:
                found[(str(line.get("task")), str(split), str(subset))] = line
    return found
