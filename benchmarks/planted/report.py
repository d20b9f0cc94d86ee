"""The suite's tables, as Markdown."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import groupby

from benchmarks.planted.trial import Finding

KINDS = {
    "single": "single culprit",
    "helped": "beside something that mends",
    "lesser": "beside something that costs less",
    "interaction": "two that interact",
}
BAR = 0.95


def report(findings: Sequence[Finding]) -> str:
    """Return all tables."""
    tried = [finding for finding in findings if not finding.is_replaced]
    planted = [finding for finding in tried if finding.kind != "noise"]
    lines = [
        *_summary(tried, planted),
        "",
        *_families(planted),
        "",
        *_noise(tried),
        "",
        *_errors(tried),
        *_replaced(findings),
    ]
    return "\n".join(lines).rstrip() + "\n"


def _summary(tried: Sequence[Finding], planted: Sequence[Finding]) -> Iterator[str]:
    yield "| what | right | of | share | bar |"
    yield "|---|---|---|---|---|"
    yield _row("planted step called a regression", planted, lambda f: f.is_found)
    yield _row("`--ablate` takes the planted step by itself", planted, lambda f: f.is_worst)
    yield _row("planted field is the first suspect, without an experiment", planted, lambda f: f.is_suspected)
    for kind, words in KINDS.items():
        yield _row(
            f"culprit named first by `--ablate`: {words}",
            [f for f in planted if f.kind == kind],
            lambda f: f.is_named,
        )
    yield _row("**culprit named first by `--ablate`: all**", planted, lambda f: f.is_named, bar=BAR)
    innocent = [f for f in planted if f.kind != "lesser"]
    beside = sum(f.beside for f in innocent)
    cleared = beside - sum(f.accused for f in innocent)
    yield _counted("blocks beside the cause that `--ablate` does not accuse", cleared, beside)
    right, of = sum(f.noise_right for f in tried), sum(f.noise_steps for f in tried)
    yield _counted("**steps of pure noise not called a change**", right, of, bar=BAR)
    cases = [f for f in tried if f.kind == "noise"]
    yield _row(
        "series of pure noise with no step called a change", cases, lambda f: f.noise_right == f.noise_steps
    )


def _families(planted: Sequence[Finding]) -> Iterator[str]:
    yield "| planted | cases | called a regression | first suspect | named by `--ablate` |"
    yield "|---|---|---|---|---|"
    for (kind, family), group in _grouped(planted, lambda f: (f.kind, f.family)):
        counts = (sum(bool(claim(f)) for f in group) for claim in (_found, _suspected, _named))
        words = family if kind == "single" else f"{family} ({KINDS[kind]})"
        yield f"| {words} | {len(group)} | {' | '.join(map(str, counts))} |"


def _noise(tried: Sequence[Finding]) -> Iterator[str]:
    yield "| nothing happens | series | steps | of these some query's score moved | not called a change |"
    yield "|---|---|---|---|---|"
    noise = [f for f in tried if f.kind == "noise"]
    before = [f for f in tried if f.kind != "noise"]
    rows = [(family, group) for (family,), group in _grouped(noise, lambda f: (f.family,))]
    for words, group in (*rows, ("steps before a planted one", before)):
        steps, moved = sum(f.noise_steps for f in group), sum(f.noise_moved for f in group)
        yield f"| {words} | {len(group)} | {steps} | {moved} | {sum(f.noise_right for f in group)} |"


def _errors(tried: Sequence[Finding]) -> Iterator[str]:
    wrong = [f for f in tried if f.is_found is False or f.is_named is False or f.noise_right < f.noise_steps]
    if wrong:
        yield "| wrong | metric | fell by | said |"
        yield "|---|---|---|---|"
        for f in wrong:
            yield f"| {f.case} | {f.metric} | {-f.total:.3f} | {f.said} |"
        yield ""


def _replaced(findings: Sequence[Finding]) -> Iterator[str]:
    out = [finding for finding in findings if finding.is_replaced]
    yield f"{len(out)} of {len(findings)} cases do not count, since their plant has no such effect on the whole benchmark:"
    yield ""
    for flaw, group in _grouped(out, lambda f: (str(f.flaw),)):
        yield f"- {flaw[0]}: {len(group)} ({'; '.join(f.case for f in group)})"


def _found(finding: Finding) -> bool:
    return bool(finding.is_found)


def _suspected(finding: Finding) -> bool:
    return bool(finding.is_suspected)


def _named(finding: Finding) -> bool:
    return bool(finding.is_named)


def _row(
    words: str, group: Sequence[Finding], claim: Callable[[Finding], bool | None], *, bar: float | None = None
) -> str:
    return _counted(words, sum(bool(claim(f)) for f in group), len(group), bar=bar)


def _counted(words: str, right: int, of: int, *, bar: float | None = None) -> str:
    share = f"{right / of:.1%}" if of else "-"
    held = "" if bar is None else f"{bar:.0%}: {'yes' if of and right / of >= bar else '**no**'}"
    return f"| {words} | {right} | {of} | {share} | {held} |"


def _grouped(
    findings: Iterable[Finding], key: Callable[[Finding], tuple[str, ...]]
) -> list[tuple[tuple[str, ...], list[Finding]]]:
    return [(name, list(group)) for name, group in groupby(sorted(findings, key=key), key=key)]
