"""The part of a version's page that says what changed: people's words, fields, preprocessing steps. Pure.

Every string in a view is finished: templates place it and escape nothing.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher
from typing import Any

from embver.diff import Change, Kind
from embver.levels import Level, Verdict
from embver.site.model import SiteVersion
from embver.site.text import code, escape, number, parameters, step, value
from embver.site.words import level_badge

# Told elsewhere on the page, or not a property of the version.
_ELSEWHERE = (
    "benchmarks",
    "compatibility",
    "changes",
    "status",
    "notes",
    "override",
    "allowed_regressions",
    "fingerprint",
)
# What changes with anything else, so that it explains nothing.
_FOLLOWING = ("artifacts", "size_bytes")
_FEW = 6


@dataclass(frozen=True, slots=True, kw_only=True)
class FieldRow:
    """One field that differs from the previous version."""

    path: str
    before: str
    after: str
    kind: str
    badge: str
    why: str
    level: int
    is_quiet: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class StepRow:
    """A preprocessing step as it is now, and what became of it: same, added, removed, changed."""

    text: str
    state: str
    note: str = ""


def people_words(version: SiteVersion) -> tuple[tuple[str, str], ...]:
    """Return the card's `changes` as (area, text)."""
    entries = version.card.plain.get("changes") or ()
    return tuple((escape(entry.get("area", "")), escape(entry.get("text", ""))) for entry in entries)


def field_rows(version: SiteVersion) -> tuple[FieldRow, ...]:
    """Return the fields that differ, the weightiest first, each with the level that it calls for and why."""
    reasons = {reason.path: reason for reason in version.reasons}
    ceiling = _ceiling(version)
    rows = []
    for change, path in _gathered(version.changes):
        reason = reasons.get(path)
        level = reason.level if reason else Level.NONE
        why = escape(reason.why) if reason else ""
        if level > ceiling:
            # A presumption that the measurement did not bear out and so did not count.
            why += f"; presumed {level.word.upper()}, measured {escape(version.verdict)}"
            level = ceiling
        rows.append(
            FieldRow(
                path=breakable(change.path),
                before=side(change.before, change),
                after=side(change.after, change),
                kind=change.kind.value,
                badge=level_badge(level.word) if level else "",
                why=why,
                level=int(level),
                is_quiet=not level or change.where[0] in _FOLLOWING or change.where[-1] in _FOLLOWING,
            )
        )
    return tuple(sorted(rows, key=lambda row: -row.level))


def _ceiling(version: SiteVersion) -> Level:
    """Return the level above which no field called in the end: the release's own, if it was measured safe."""
    is_safe = version.verdict is not None and Verdict(version.verdict).is_safe
    is_chosen = bool(version.card.plain.get("override"))
    if is_chosen or not is_safe or version.level not in ("patch", "minor"):
        return Level.MAJOR
    return Level.parse(version.level)


def _gathered(changes: Sequence[Change]) -> list[tuple[Change, str]]:
    """Return changes with the path of their reason; words added to or taken from one list become one change."""
    made: list[tuple[Change, str]] = []
    for change in changes:
        if change.where[0] in _ELSEWHERE:
            continue
        is_word = change.where[-1].startswith("[") and not isinstance(change.after or change.before, Mapping)
        last = made[-1][0] if made else None
        if is_word and last and last.where == change.where[:-1] and last.kind is change.kind:
            before, after = [*(last.before or ()), change.before], [*(last.after or ()), change.after]
            made[-1] = (_list_change(last.where, change.kind, before, after), made[-1][1])
        elif is_word:
            made.append(
                (_list_change(change.where[:-1], change.kind, [change.before], [change.after]), change.path)
            )
        else:
            made.append((change, change.path))
    return made


def _list_change(where: tuple[str, ...], kind: Kind, before: list[Any], after: list[Any]) -> Change:
    return Change(
        where=where,
        kind=kind,
        before=before if kind is Kind.REMOVED else None,
        after=after if kind is Kind.ADDED else None,
    )


def measured_reasons(version: SiteVersion) -> tuple[tuple[str, str, str], ...]:
    """Return the reasons that speak of no field: what a measurement said, as (place, badge, why)."""
    fields = {change.path for change in version.changes}
    return tuple(
        (escape(reason.path), level_badge(reason.level.word), escape(reason.why))
        for reason in version.reasons
        if reason.path not in fields
    )


def override_words(version: SiteVersion) -> str | None:
    """Return in words that a person chose another level, or None."""
    override = version.card.plain.get("override")
    if not override:
        return None
    by = f" ({escape(override['by'])})" if override.get("by") else ""
    return (
        f"The rules call for {level_badge(str(override.get('computed', 'none')))}; released as "
        f"{level_badge(str(override.get('chosen', 'none')))}{by}: {escape(override.get('reason', ''))}"
    )


def allowed_words(version: SiteVersion) -> str | None:
    """Return in words which gates held a release back, and why a person let it through; None where none did."""
    record = version.card.plain.get("allowed_regressions")
    if not record:
        return None
    by = f" ({escape(record['by'])})" if record.get("by") else ""
    held = "".join(f"<br>{_held(entry)}" for entry in record.get("gates", ()))
    return f"Released although its gates held it back{by}: {escape(record.get('reason', ''))}{held}"


def _held(entry: Mapping[str, Any]) -> str:
    """Return a gate that was not met: its name, what its number was and became, and why."""
    name = (
        escape(entry["name"])
        if entry.get("name")
        else f"{escape(entry['benchmark'])} {escape(entry['metric'])}"
    )
    moved = (
        f" {number(entry['before'])} → {number(entry['after'])}"
        if {"before", "after"} <= entry.keys()
        else ""
    )
    return f"{name}{moved}: {'; '.join(escape(failed['why']) for failed in entry['failed'])}"


def step_rows(
    before: Sequence[Mapping[str, Any]] | None, after: Sequence[Mapping[str, Any]]
) -> tuple[StepRow, ...]:
    """Return the steps in order, aligned with the previous version's by name; `before` None: nothing to compare."""
    if before is None:
        return tuple(StepRow(text=step(entry), state="same") for entry in after)
    rows: list[StepRow] = []
    old, new = [str(e.get("step")) for e in before], [str(e.get("step")) for e in after]
    for tag, i1, i2, j1, j2 in SequenceMatcher(a=old, b=new, autojunk=False).get_opcodes():
        if tag == "equal":
            for was, now in zip(before[i1:i2], after[j1:j2], strict=True):
                changed = {key: was.get(key) for key in {**was, **now} if was.get(key) != now.get(key)}
                note = f"was {parameters(changed)}" if changed else ""
                rows.append(StepRow(text=step(now), state="changed" if changed else "same", note=note))
            continue
        rows += [StepRow(text=step(entry), state="removed") for entry in before[i1:i2]]
        rows += [StepRow(text=step(entry), state="added") for entry in after[j1:j2]]
    return tuple(rows)


def side(anything: Any, change: Change) -> str:
    """Return one side of a change for a table cell."""
    if anything is None:
        sign = "not there" if change.kind is not Kind.CHANGED else "none"
        return f'<span class="ev-none">{sign}</span>'
    if isinstance(anything, Mapping) and "step" not in anything and len(anything) > _FEW:
        head = dict(list(anything.items())[:_FEW])
        return f"{parameters(head)} \u00b7 \u2026"
    return value(anything)


def breakable(path: str) -> str:
    """Return a path as code that a narrow column may break at its dots."""
    return code(path).replace(".", ".<wbr>").replace("&#91;", "<wbr>&#91;")
