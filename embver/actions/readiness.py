"""What a working version would be as a release, and what is still missing before it can be one.

A half-written card is a state of work, not a failure: it is told with its lines, and nothing here raises for it.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from embver.actions.release_checks import (
    check_encoded,
    check_free,
    check_repository,
    check_truth,
    uncommitted,
)
from embver.actions.release_gates import next_gates
from embver.actions.release_level import ReleaseRequest, choose_level, choose_version
from embver.actions.status import StatusReport, status
from embver.actions.workspace import CARD, NEXT, Workspace
from embver.errors import CardError, ConfigError, EmbverError
from embver.levels import Verdict
from embver.problem import Problem

# What `what` may be in front of: stable words of `embver status --json`.
KINDS = (
    "card",
    "vectors",
    "repository",
    "number",
    "commit",
    "reason",
    "measurement",
    "benchmark",
    "gate",
    "words",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Missing:
    """One thing that a release still lacks; `blocks` says that `embver release` would refuse without it."""

    kind: str
    what: str
    hint: str
    blocks: bool = True

    def to_plain(self) -> dict[str, Any]:
        """Return the stable keys of an entry of `missing` in `embver status --json`."""
        return {"what": self.what, "hint": self.hint, "kind": self.kind, "blocks": self.blocks}


@dataclass(frozen=True, slots=True, kw_only=True)
class Readiness:
    """One working version: what a release of it would be, if its card can be read, and what it lacks."""

    name: str
    report: StatusReport | None  # None: the card cannot be read, or what it is compared with cannot
    problems: tuple[Problem, ...]
    missing: tuple[Missing, ...]

    @property
    def is_valid(self) -> bool:
        """Tell whether the card is one; anything else that is missing is work in progress."""
        return all(entry.kind != "card" for entry in self.missing)

    @property
    def is_ready(self) -> bool:
        """Tell whether `embver release` would go through as things stand."""
        if self.report is None or not self.report.is_worth_a_release:
            return False
        return not any(entry.blocks for entry in self.missing)

    def to_plain(self) -> dict[str, Any]:
        """Return the stable keys of `embver status --json`."""
        unknown = dict.fromkeys(
            ("current", "proposed", "level", "verdict", "unmeasured", "stale", "presumed")
        )
        empty: dict[str, Any] = {
            "measured": False,
            "reasons": [],
            "flags": [],
            "comparisons": [],
            "changes": [],
        }
        known = self.report.to_plain() if self.report else {"name": self.name, **unknown, **empty}
        return {
            **known,
            "ready": self.is_ready,
            "problems": [problem.to_plain() for problem in self.problems],
            "missing": [entry.to_plain() for entry in self.missing],
        }


def begun(work: Workspace) -> tuple[str, ...]:
    """Return every embedding that has a `next/`, with a card in it or not yet."""
    root = work.repo.root / work.settings.embeddings
    folders = (folder for folder in root.glob(f"**/{NEXT}") if folder.is_dir() and any(folder.iterdir()))
    return tuple(sorted(folder.parent.relative_to(root).as_posix() for folder in folders))


def readiness(work: Workspace, name: str) -> Readiness:
    """Return what a release of `next/` would be and what is missing; changes nothing.

    Raises UsageError for a name without a working version, ConfigError for settings that are not valid.
    """
    card = work.path(work.folder(name, NEXT), CARD)
    if name in begun(work) and not card.is_file():
        what = f"{work.folder(name, NEXT)}/{CARD} does not exist"
        missing = Missing(kind="card", what=what, hint=f"embver new {name}")
        return Readiness(name=name, report=None, problems=(), missing=(missing,))
    work.next_source(name)
    try:
        report = status(work, name)
    except ConfigError:
        raise
    except CardError as error:
        return Readiness(
            name=name, report=None, problems=error.problems, missing=(_not_valid(work, name, error),)
        )
    except EmbverError as error:
        missing = Missing(kind="repository", what=error.message, hint=error.hint or f"embver doctor {name}")
        return Readiness(name=name, report=None, problems=(), missing=(missing,))
    problems: list[Problem] = []
    found = tuple(_all_missing(work, report, problems))
    return Readiness(name=name, report=report, problems=tuple(problems), missing=found)


def _not_valid(work: Workspace, name: str, error: CardError) -> Missing:
    path = f"{work.folder(name, NEXT)}/{CARD}"
    lines = len(error.problems)
    if error.problems and error.problems[0].path != path:  # a release's card, which nobody can mend in place
        return Missing(kind="repository", what=error.message, hint=error.hint or "embver verify")
    what = (
        f"the card is not valid: {lines} {'problem' if lines == 1 else 'problems'}"
        if lines
        else error.message
    )
    return Missing(kind="card", what=what, hint=f"mend the lines above, then embver validate {path}")


def _all_missing(work: Workspace, report: StatusReport, problems: list[Problem]) -> Iterator[Missing]:
    """Yield what is missing in the order in which a person supplies it; problems with a line are collected."""
    name = report.name
    if not report.is_worth_a_release and report.stale is None:
        return
    if report.stale is not None:
        yield Missing(kind="vectors", what=_stale(report), hint=f"embver encode {name}")
    else:
        yield from _refused("vectors", lambda: check_encoded(work, report))
        try:
            check_truth(work, report)
        except CardError as error:
            problems += error.problems
            count = len(error.problems)
            told = (
                "one thing that the card names is"
                if count == 1
                else f"{count} things that the card names are"
            )
            what = f"{told} not in the commit as it says"
            yield Missing(kind="commit", what=what, hint="mend the lines above: git add, git commit")
    yield from _measurement(work, report)
    yield from _level(work, report)
    yield from _refused("repository", lambda: check_repository(work))
    done = {entry.id for entry in report.card.benchmarks}
    due = [setting.id for setting in work.settings.benchmarks_for(name) if setting.id not in done]
    if report.stale is None:
        yield from _gates(work, name)
    if due:
        what = f"benchmarks that were not run: {', '.join(due)}"
        yield Missing(kind="benchmark", what=what, hint=f"embver bench {name}", blocks=False)
    if not report.card.plain.get("changes"):
        place = f"{work.folder(name, NEXT)}/{CARD}"
        what = "no words about what changed"
        yield Missing(kind="words", what=what, hint=f"say it under changes: in {place}", blocks=False)
    paths = uncommitted(work)
    if paths:
        listed = " ".join(paths)
        yield Missing(
            kind="commit", what=f"not committed: {', '.join(paths)}", hint=f"git add {listed}", blocks=False
        )


def _gates(work: Workspace, name: str) -> Iterator[Missing]:
    """Yield the gates that hold a working version back."""
    report = next_gates(work, name)
    for outcome in report.refusing if report else ():
        what = "; ".join(check.sentence for check in outcome.refusals)
        hint = f"embver bench {name}" if outcome.new is None else f"embver gate {name}@{NEXT}"
        yield Missing(kind="gate", what=f"gate {outcome.gate.title}: {what}", hint=hint)


def _stale(report: StatusReport) -> str:
    # "it has no vectors yet", or a sentence that says what was changed
    return f"{'stale' if report.card.artifacts else 'not encoded'}: {report.stale}"


def _measurement(work: Workspace, report: StatusReport) -> Iterator[Missing]:
    """Yield what a measurement lacks; a release is possible without it, with a written reason."""
    name, judged = report.name, report.judgement
    if report.current is not None and report.unmeasured and report.stale is None:
        what = f"not measured: {report.unmeasured}"
        typed = re.search(r" \((embver [^()]*)\)$", report.unmeasured)
        if typed:  # the bytes are elsewhere
            yield Missing(kind="measurement", what=what.removesuffix(typed[0]), hint=typed[1], blocks=False)
        elif work.settings.probe_for(name) is None:
            hint = f"`probe = FOLDER` in embver.toml, then embver encode {name}"
            yield Missing(kind="measurement", what=what, hint=hint, blocks=False)
        else:
            hint = f"embver release {name} --reason TEXT, if it cannot be measured"
            yield Missing(kind="measurement", what=what, hint=hint, blocks=False)
    if judged and judged.verdict is Verdict.INCONCLUSIVE:
        what = "the measurement could not decide: the probe set has too few items"
        hint = f"more items in the probe set, or embver release {name} --level L --reason TEXT"
        yield Missing(kind="measurement", what=what, hint=hint, blocks=False)


def _level(work: Workspace, report: StatusReport) -> Iterator[Missing]:
    """Yield what the level asks for, and what is in the way of its number."""
    request = ReleaseRequest(name=report.name)
    try:
        level, _ = choose_level(report, request, by=None)
    except EmbverError as error:
        yield _as_missing("reason", error, report.name)
        if report.judgement is None:
            return
        level = report.judgement.level
    if report.stale is not None:
        return  # encoding changes what lies in next/, and perhaps the level

    def check() -> None:
        version = choose_version(work, report, level, request)
        check_free(work, report, version, work.settings.tags.format(report.name, version))

    yield from _refused("number", check)


def _refused(kind: str, check: Callable[[], object]) -> Iterator[Missing]:
    """Yield what a check of `embver release` would refuse."""
    try:
        check()
    except EmbverError as error:
        yield _as_missing(kind, error, "")


def _as_missing(kind: str, error: EmbverError, name: str) -> Missing:
    what = error.message.removeprefix(f"{name}: ") if name else re.sub(rf"^\S+@{NEXT}: ", "", error.message)
    return Missing(kind=kind, what=what, hint=error.hint or "embver doctor")
