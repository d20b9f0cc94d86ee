"""Text that several commands print alike."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Any

from embver.cli.output import Output

if TYPE_CHECKING:
    from embver.actions.comparing import Comparison
    from embver.policy import Reason

_UNITS = ("B", "kB", "MB", "GB", "TB")
_LONGEST = 60


def human_size(size_bytes: float) -> str:
    """Return a size as people read it, in powers of 1,000."""
    for unit in _UNITS:
        if size_bytes < 1000 or unit == _UNITS[-1]:
            break
        size_bytes /= 1000
    return f"{size_bytes:,.0f} {unit}" if unit == "B" else f"{size_bytes:,.1f} {unit}"


def short(value: Any) -> str:
    """Return a value on one line, cut where it is long."""
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, sort_keys=False)
    text = " ".join(text.split())
    return text if len(text) <= _LONGEST else f"{text[: _LONGEST - 1]}…"


def reason_lines(reasons: Iterable[Reason], out: Output) -> Iterator[str]:
    """Yield one line a cause, the weightiest first: fields that count for one reason stand on one line."""
    words = 0
    grouped: dict[tuple[str, str], list[str]] = {}
    for reason in reasons:
        if reason.level == 0:
            words += 1
            continue
        grouped.setdefault((reason.level.word, reason.why), []).append(reason.path)
    for (word, why), paths in grouped.items():
        more = f" (and {len(paths) - 1} more)" if len(paths) > 1 else ""
        yield f"  {out.level(word)}{' ' * (6 - len(word))}{paths[0]}{more}: {why}"
    if words:
        yield out.style(
            f"  {words} more {'field' if words == 1 else 'fields'} changed that move no vector", "dim"
        )


def describe_strata(found: Comparison, out: Output) -> None:
    """Print one row a stratum: verdict, what old and new find of each other, and the labelled cells."""
    head, rows = stratum_rows(found)
    told = [(f"    {stratum}", out.verdict(verdict), *rest) for stratum, verdict, *rest in rows]
    out.table((f"    {head[0]}", *head[1:]), told)


def stratum_rows(found: Comparison) -> tuple[tuple[str, ...], list[tuple[str, ...]]]:
    """Return head and rows of a comparison's strata as plain text; a measure that there is not is `-`."""
    rows: list[tuple[str, ...]] = []
    for stratum in found.strata:
        labelled = stratum.get("labelled") or {}
        flips = labelled.get("negative_flips")
        rows.append(
            (
                f"{stratum['query']} -> {stratum['document']}"
                + (f" at {stratum['dimensions']}" if "dimensions" in stratum else ""),
                str(stratum["verdict"]),
                _share(stratum.get("recall_new_query_old_index")),
                _share(stratum.get("recall_mixed_index")),
                f"{labelled['old_old']:.3f} -> {labelled['new_old']:.3f}" if "new_old" in labelled else "-",
                "-" if flips is None else f"{flips:.1%}",
                f"{stratum['n']:,}",
            )
        )
    head = (
        "stratum",
        "verdict",
        "new query, old index",
        "mixed index",
        "hit@k old -> new query",
        "lost",
        "queries",
    )
    return head, rows


def _share(entry: Mapping[str, float] | None) -> str:
    return "-" if entry is None else f"{entry['value']:.1%} (≥ {entry['low']:.1%})"
