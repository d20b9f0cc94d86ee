"""Tables of what was measured, as Markdown: ratios first, rates beside them."""

from __future__ import annotations

from collections.abc import Iterator

from benchmarks.encode.rounds import Measured, Timed


def format_measured(measured: Measured) -> str:
    """Return a case's tables and remarks."""
    return "\n".join(_lines(measured))


def _lines(measured: Measured) -> Iterator[str]:
    by_name = {one.name: one for one in measured.timed}
    limit, peer = by_name.get(measured.limit or ""), by_name.get(measured.peer or "")
    yield f"### {measured.case}: {measured.what}\n"
    if measured.timed:
        titles = [
            "variant",
            *(["of the limit", "of processor time"] if limit else []),
            *([f"over {peer.name}"] if peer else []),
            "items/s",
            "slowest round / fastest",
            "rounds",
        ]
        yield f"| {' | '.join(titles)} |"
        yield "|---" + "|---:" * (len(titles) - 1) + "|"
        for one in measured.timed:
            yield _row(one, limit, peer)
        yield ""
    if measured.bars:
        yield "| what | reached | bar | met |"
        yield "|---|---:|---:|---|"
        for bar in measured.bars:
            yield bar.format()
        yield ""
    for note in measured.notes:
        yield f"- {note}"


def _row(one: Timed, limit: Timed | None, peer: Timed | None) -> str:
    cells = [one.name]
    if limit is not None:
        cells += [f"{one.speed_over(limit):.3f}", f"{one.thrift_over(limit):.3f}"]
    if peer is not None:
        cells.append(f"{one.speed_over(peer):.2f}")
    cells += [f"{one.rate:,.1f}", f"{one.spread():.2f}", str(len(one.wall_s))]
    return f"| {' | '.join(cells)} |"
