"""A repository's gates: `[[gate]]` of its settings, checked against its benchmarks."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from embver.errors import ConfigError
from embver.gates import Gate
from embver.store.toml_places import line_of, place_of

if TYPE_CHECKING:
    from embver.store.config import BenchmarkSetting

_THRESHOLDS = ("min", "max", "max_drop", "max_drop_relative", "significant_drop")


def read_gates(
    entries: Sequence[Mapping[str, Any]],
    *,
    benchmarks: Sequence[BenchmarkSetting],
    names: Mapping[str, Mapping[str, Any]],
    file: str,
    text: str,
) -> tuple[Gate, ...]:
    """Return the gates in the settings' order; raise ConfigError with every mistake at its file:line:column.

    A benchmark that the settings do not run is left to be found in a card: people write records of other harnesses.
    """
    gates, mistakes, hints = [], [], []
    for number, entry in enumerate(entries):
        line = line_of(text, "gate", number)
        gates.append(Gate(**{**_told(entry), "place": f"{file}:{line}"}))
        for key, told, hint in _mistakes(entry, benchmarks, names):
            mistakes.append(f"{file}:{place_of(text, line, key)}: gate[{number}].{key}: {told}")
            hints.append(hint)
    if mistakes:
        raise ConfigError("\n".join(mistakes), hint=hints[0])
    return tuple(gates)


def nearest(word: str, known: Sequence[str], *, noun: str) -> str:
    """Return `did you mean ...?`, or what there is, for a word that is not known."""
    import difflib

    close = difflib.get_close_matches(word, known, n=1, cutoff=0.6)
    return f"did you mean {close[0]!r}?" if close else f"{noun}: {', '.join(known) or 'none'}"


def _told(entry: Mapping[str, Any]) -> dict[str, Any]:
    return {key: _one_line(value) if key == "name" else value for key, value in entry.items()}


def _one_line(text: str) -> str:
    return " ".join(text.split())


def _mistakes(
    entry: Mapping[str, Any], benchmarks: Sequence[BenchmarkSetting], names: Mapping[str, Mapping[str, Any]]
) -> Iterator[tuple[str, str, str]]:
    """Yield what is wrong with an entry as (key, what, what to write instead)."""
    if (
        all(key == "significant_drop" for key in _THRESHOLDS if key in entry)
        and not entry["significant_drop"]
    ):
        yield "significant_drop", "false asks for nothing", "significant_drop = true, or another threshold"
    least, most = entry.get("min"), entry.get("max")
    if least is not None and most is not None and least > most:
        yield "max", f"{most} is less than min, {least}: no number is both", "exchange min and max"
    setting = next((each for each in benchmarks if each.id == entry["benchmark"]), None)
    if setting is None:
        return
    if entry["metric"] not in setting.metrics:
        told = f"the benchmark {setting.id} does not compute {entry['metric']!r}"
        yield "metric", told, nearest(entry["metric"], setting.metrics, noun="it computes")
    chosen = (names.get(entry.get("embedding", "")) or {}).get("benchmarks")
    if chosen is not None and setting.id not in chosen:
        told = f"{entry['embedding']} takes no part in {setting.id}"
        yield "embedding", told, f"add it to names.{entry['embedding']}.benchmarks"
