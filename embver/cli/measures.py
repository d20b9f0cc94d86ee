"""What bridges recover and how noisy versions are, as tables below a comparison."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Any

from embver.cli.output import Output

if TYPE_CHECKING:
    from embver.actions.comparing import Comparison

_MEASURES = "measure"
_WAYS = ("kept", "misaligned", "bridged", "full")


def describe_bridges(strata: Iterable[Mapping[str, Any]], out: Output) -> None:
    """Print one row a stratum: what each way to go on finds of the labelled pairs, and what the bridge recovers.

    The records are those of `measure.record.bridge_record` with `query` and `document`.
    """
    rows = []
    for found in strata:
        rates = (_rate(found.get(way)) for way in _WAYS)
        row = (f"    {found['query']} -> {found['document']}", found["method"], *rates)
        rows.append(
            (*row, _share(found.get("arr")), _share(found.get("neighbours")), f"{found['queries']:,}")
        )
    head = (
        "    hit@k by bridge",
        "method",
        "keep the old encoder",
        "no bridge",
        "bridged",
        "re-encode all",
        "recovered (ARR)",
        "new neighbours",
        "queries",
    )
    out.table(head, rows)


def describe_measures(found: Comparison, out: Output) -> None:
    """Print every measure of a comparison, one a row and one stratum a column."""
    lines = [dict(_flat(stratum)) for stratum in found.strata]
    names = list(dict.fromkeys(name for line in lines for name in line))
    head = [f"    {_MEASURES}", *(_name(stratum) for stratum in found.strata)]
    rows = [[f"    {name}", *(line.get(name, "-") for line in lines)] for name in names]
    out.table(head, rows)


def _name(stratum: Mapping[str, Any]) -> str:
    prefix = f" at {stratum['dimensions']}" if "dimensions" in stratum else ""
    return f"{stratum['query']} -> {stratum['document']}{prefix}"


def _flat(stratum: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Yield each measure of a record by its key, in the words of the record; a bridge has a table of its own."""
    for key, value in stratum.items():
        if key in ("query", "document", "dimensions", "reasons", "bridge", "verdict"):
            continue
        if not isinstance(value, Mapping):
            yield key, _number(value)
        elif "value" in value:
            yield key, _bounded(value)
        else:
            for name, each in value.items():
                inner = each if isinstance(each, Mapping) else {"value": each}
                if "value" in inner:
                    yield f"{key}.{name}", _bounded(inner)
                else:
                    yield from ((f"{key}.{name}.{last}", _number(number)) for last, number in inner.items())


def _bounded(value: Mapping[str, Any]) -> str:
    low, high = (_number(value[side]) if side in value else "" for side in ("low", "high"))
    bounds = f"{low} to {high}" if low and high else f"≥ {low}" if low else f"≤ {high}" if high else ""
    return _number(value["value"]) + (f" ({bounds})" if bounds else "")


def _number(value: Any) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        return f"{value:.1e}" if 0 < abs(value) < 1e-4 else f"{value:.4f}"
    return f"{value:,}" if isinstance(value, int) else str(value)


def bridge_rows(found: Comparison) -> list[dict[str, Any]]:
    """Return the records of the bridges that a comparison tried."""
    return [
        {"query": stratum["query"], "document": stratum["document"], **stratum["bridge"]}
        for stratum in found.strata
        if "bridge" in stratum
    ]


def floor_lines(floor: Mapping[str, Mapping[str, Any]], references: Mapping[str, str]) -> list[str]:
    """Return one line a version: how far it moves against itself, which every number is to be read against."""
    lines = []
    for side, reference in references.items():
        known = floor.get(side)
        if not known:
            continue
        parts = []
        if "recall_at_10" in known:
            parts.append(f"{known['recall_at_10']:.1%} of the neighbours")
        if "cosine_distance_p99" in known:
            parts.append(f"1 - cosine <= {known['cosine_distance_p99']:.1e} (99 %)")
        if parts:
            lines.append(f"    floor: {reference} against itself, in other batches: {', '.join(parts)}")
    return lines


def _rate(entry: Mapping[str, float] | None) -> str:
    return "-" if entry is None else f"{entry['value']:.3f}"


def _share(entry: Mapping[str, float] | None) -> str:
    return "-" if entry is None else f"{entry['value']:.1%} (≥ {entry['low']:.1%})"
