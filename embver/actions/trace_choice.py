"""Which number to trace, and between which versions: what was typed, or what there is instead."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Mapping, Sequence
from typing import NoReturn

from embver.actions.workspace import NEXT, Workspace
from embver.card import Benchmark, Card
from embver.errors import UsageError
from embver.tagname import Reference
from embver.tracing import TracedVersion

Line = tuple[str, str]  # (benchmark, metric)


def check_reference(work: Workspace, name: str, text: str) -> str:
    """Return NAME@VERSION for what was typed: `1.1.0`, `latest`, `next`, `#prod`, or a whole reference.

    Raises UsageError for one that names nothing, or another embedding.
    """
    whole = (
        f"{name}{text}" if text.startswith("#") else text if "@" in text or "#" in text else f"{name}@{text}"
    )
    try:
        parsed = Reference.parse(whole)
    except ValueError as error:
        raise UsageError(str(error), hint=f"such as {name}@1.0.0") from error
    if parsed.name != name:
        raise UsageError(f"{whole} is no version of {name}", hint=f"embver trace {parsed.name}")
    return f"{name}@{NEXT}" if parsed.selector == NEXT else work.find(whole).reference


def lines_of(versions: Iterable[TracedVersion]) -> tuple[Line, ...]:
    """Return the main metrics of every benchmark, else its first, in the order of the newest card that has it."""
    found: dict[str, tuple[str, ...]] = {}
    for version in reversed(tuple(versions)):
        for benchmark in version.card.benchmarks:
            keys = [metric.key for metric in benchmark.metrics if metric.is_main]
            keys = keys or [metric.key for metric in benchmark.metrics[:1]]
            found.setdefault(benchmark.id, tuple(dict.fromkeys(keys)))
    return tuple((benchmark, key) for benchmark, keys in found.items() for key in keys)


def choose_line(
    name: str, versions: Sequence[TracedVersion], metric: str | None, benchmark: str | None
) -> tuple[Line, tuple[str, ...]]:
    """Return the benchmark and the metric that are meant, and the other benchmarks that hold the metric.

    Without a benchmark it is the one with the embedding's main metric. Raises UsageError with what there is.
    """
    known: dict[str, dict[str, None]] = {}
    for version in reversed(versions):
        for entry in version.card.benchmarks:
            known.setdefault(entry.id, {}).update(dict.fromkeys(each.key for each in entry.metrics))
    if not known:
        raise UsageError(
            f"no version of {name} has a benchmark", hint=f"embver bench {name}, before its release"
        )
    if benchmark is not None and benchmark not in known:
        _refuse(f"no version of {name} has the benchmark {benchmark!r}", benchmark, known)
    quoted = next((card.main_metric for card in _cards(versions) if card.main_metric is not None), None)
    main = (quoted[0].id, quoted[1].key) if quoted else (next(iter(known)), "")
    if metric is None and benchmark is None:
        return main, ()
    if metric is None:
        own = dict(reversed(lines_of(versions)))
        return (str(benchmark), own[str(benchmark)]), ()
    having = [each for each, keys in known.items() if metric in keys]
    if benchmark is not None and metric not in known[benchmark]:
        other = f"; {', '.join(having)} {'has' if len(having) == 1 else 'have'} it" if having else ""
        _refuse(f"the benchmark {benchmark} of {name} has no {metric!r}{other}", metric, known[benchmark])
    if not having:
        keys = {key: None for mine in known.values() for key in mine}
        _refuse(f"no version of {name} has the metric {metric!r}", metric, keys)
    chosen = benchmark or (having[0] if len(having) == 1 else main[0])
    if chosen not in having:
        raise UsageError(
            f"several benchmarks of {name} have {metric}: {', '.join(having)}",
            hint=f"--benchmark {having[0]}",
        )
    return (chosen, metric), tuple(each for each in having if each != chosen) if benchmark is None else ()


def _cards(versions: Sequence[TracedVersion]) -> Iterable[Card]:
    """Return cards, the newest first; those of withdrawn versions last."""
    newest = list(reversed(versions))
    return (version.card for version in sorted(newest, key=lambda version: version.is_yanked))


def _refuse(message: str, typed: str, known: Mapping[str, object]) -> NoReturn:
    close = difflib.get_close_matches(typed, known, n=1, cutoff=0.5)
    listed = f"known: {', '.join(known)}"
    raise UsageError(message, hint=f"did you mean {close[0]}? {listed}" if close else listed)


def modalities_of(work: Workspace, name: str, benchmark: Benchmark, card: Card) -> tuple[str, str]:
    """Return the modalities that a benchmark asks with and finds: by the settings, else by its task's category (`t2i`).

    An empty word stands for one that nothing tells.
    """
    for setting in work.settings.benchmarks_for(name):
        if setting.id == benchmark.id:
            return setting.query, setting.document
    asked, _, found = str((benchmark.plain.get("task") or {}).get("category") or "").partition("2")
    return _modality(asked, card), _modality(found, card)


def _modality(letter: str, card: Card) -> str:
    fitting = [modality for modality in card.encoders if letter and modality.startswith(letter)]
    return fitting[0] if len(fitting) == 1 else ""


def within(
    versions: Sequence[TracedVersion], first: str | None, last: str | None
) -> tuple[tuple[TracedVersion, ...], tuple[str, ...]]:
    """Return the versions from one to another by ancestry, and what there is to say about it.

    With a first one alone it is that version and what stands on it; with a last one alone, that and what it stands on.
    """
    above = {version.reference: _ancestors(version.reference, versions) for version in versions}
    notes: tuple[str, ...] = ()
    if first is None and last is None:
        return tuple(versions), notes
    if last is None:
        kept = {reference for reference, line in above.items() if first in line}
    elif first is None:
        kept = set(above[last])
    else:
        if first in above[last] or last not in above[first]:
            older, newer = first, last
        else:
            older, newer = last, first
            notes = (f"{first} stands on {last}: shown from the older to the newer",)
        shared = next((each for each in above[newer] if each in above[older]), None)
        kept = {
            each
            for end in (older, newer)
            for each in above[end][: above[end].index(shared) + 1 if shared else len(above[end])]
        }
        if shared is None:
            notes = (f"{newer} does not stand on {older}, and they have no version in common",)
        elif shared != older:
            notes = (f"{newer} does not stand on {older}: both go on from {shared}",)
    return tuple(version for version in versions if version.reference in kept), notes


def _ancestors(reference: str, versions: Sequence[TracedVersion]) -> list[str]:
    """Return a version and all that it stands on, the nearest first."""
    previous = {version.reference: version.previous for version in versions}
    line: list[str] = []
    at: str | None = reference
    while at is not None and at in previous and at not in line:
        line.append(at)
        at = previous[at]
    return line
