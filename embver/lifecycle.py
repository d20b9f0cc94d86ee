"""What became of a release: its stages and its status, read from tags alone. Ground floor; the grammar is in `lifetag`."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from embver import history
from embver.history import TagRecord
from embver.lifetag import Event, parse_event
from embver.tagname import NAME_RULE, TagFormat
from embver.version import Version

ACTIVE, DEPRECATED, YANKED = "active", "deprecated", "yanked"

# It is printed in a command to type: whatever else stands there is nobody's version.
_SUCCESSOR = re.compile(rf"{NAME_RULE}@[0-9][0-9A-Za-z.+-]*")
_TRAILERS = ("Version", "Reason", "Successor")


@dataclass(frozen=True, slots=True, kw_only=True)
class Status:
    """What may be done with a version: `active`, `deprecated` (works, but move on) or `yanked` (do not use)."""

    state: str = ACTIVE
    reason: str | None = None
    successor: str | None = None  # NAME@VERSION
    since: str | None = None  # YYYY-MM-DD, the day of the tag
    tag: str | None = None

    @property
    def is_active(self) -> bool:
        """Tell whether nothing speaks against the version."""
        return self.state == ACTIVE

    @property
    def is_yanked(self) -> bool:
        """Tell whether the version was withdrawn."""
        return self.state == YANKED

    def advice(self, reference: str) -> str:
        """Return in words what is said of a version and what to use instead."""
        said = self.sentence(reference).rstrip(".")
        return f"{said}; use {self.successor}" if self.successor else said

    def sentence(self, reference: str) -> str:
        """Return in words what is said of a version, without a full stop."""
        since = f" since {self.since}" if self.since else ""
        reason = f": {self.reason}" if self.reason else ""
        return f"{reference} is {self.state}{since}{reason}"

    def to_record(self) -> dict[str, str | None]:
        """Return the stable keys of a status in JSON."""
        return {"state": self.state, "reason": self.reason, "successor": self.successor, "since": self.since}

    def to_plain(self) -> dict[str, str]:
        """Return what a card's `status` holds."""
        known = {"reason": self.reason, "successor": self.successor, "since": self.since}
        return {"state": self.state, **{key: value for key, value in known.items() if value is not None}}


NO_STATUS = Status()


@dataclass(frozen=True, slots=True, kw_only=True)
class Lifecycle:
    """Stages and status of every version, and the tags that look like them and do not count."""

    yanked: Mapping[str, Status] = field(default_factory=dict)  # by NAME@VERSION
    deprecated: Mapping[str, Status] = field(default_factory=dict)
    stages: Mapping[tuple[str, str], str] = field(
        default_factory=dict
    )  # (name, stage): the one that holds it
    # (name, stage): every version that GTO takes to be in it, the one that holds it last
    assigned: Mapping[tuple[str, str], tuple[str, ...]] = field(default_factory=dict)
    numbers: Mapping[str, int] = field(default_factory=dict)  # name: the highest N
    events: tuple[Event, ...] = ()
    ignored: tuple[tuple[str, str], ...] = ()  # (tag, why)

    def status(self, reference: str) -> Status:
        """Return the status of NAME@VERSION."""
        return self.yanked.get(reference) or self.deprecated.get(reference) or NO_STATUS

    def next_number(self, name: str) -> int:
        """Return the N of an embedding's next tag: one counter for all its events, as GTO counts."""
        return self.numbers.get(name, 0) + 1

    def stages_of(self, reference: str) -> tuple[str, ...]:
        """Return the stages that NAME@VERSION holds, sorted."""
        return tuple(sorted(stage for (_, stage), held in self.stages.items() if held == reference))

    def stages_in(self, name: str) -> dict[str, str]:
        """Return stage -> NAME@VERSION of one embedding."""
        return {stage: held for (of, stage), held in sorted(self.stages.items()) if of == name}


NOTHING = Lifecycle()


def read_lifecycle(records: Iterable[TagRecord], tags: TagFormat) -> Lifecycle:
    """Return the stages and status that tags tell; 10,000 releases without any cost one look at each name."""
    records = tuple(records)
    marked = [record for record in records if "#" in record.tag or "!" in record.tag]
    if not marked:
        return NOTHING
    found: list[Event] = []
    ignored: list[tuple[str, str]] = []
    numbers: dict[str, int] = {}
    at_commit = _versions_at({record.commit for record in marked}, records, tags)
    for record in marked:
        event = parse_event(record.tag, tags)
        if event is None:
            continue
        numbers[event.name] = max(numbers.get(event.name, 0), event.number or 0)
        made = _dated(event, record, at_commit.get((event.name, record.commit), []))
        if isinstance(made, Event):
            found.append(made)
        else:
            ignored.append((record.tag, made))
    return _settle(found, numbers, tuple(ignored))


def statuses(records: Iterable[TagRecord], tags: TagFormat) -> dict[str, Status]:
    """Return the status of every version that is not active, by NAME@VERSION."""
    found = read_lifecycle(records, tags)
    return {**found.deprecated, **found.yanked}


def stages(records: Iterable[TagRecord], tags: TagFormat) -> dict[tuple[str, str], str]:
    """Return which version holds each stage: (name, stage) -> NAME@VERSION."""
    return dict(read_lifecycle(records, tags).stages)


def _versions_at(
    commits: set[str], records: Iterable[TagRecord], tags: TagFormat
) -> dict[tuple[str, str], list[Version]]:
    """Return the versions whose tags lie on some commits, by (name, commit)."""
    found: dict[tuple[str, str], list[Version]] = {}
    for record in records:
        if record.commit in commits and (parsed := tags.parse(record.tag)) is not None:
            found.setdefault((parsed[0], record.commit), []).append(parsed[1])
    return found


def _dated(event: Event, record: TagRecord, here: list[Version]) -> Event | str:
    """Return an event with its version, date and words, or why its tag does not count."""
    if not record.is_annotated:
        return "it is not annotated (GTO ignores it as well)"
    said = history.parse_trailers(record.message, _TRAILERS)
    successor = said.get("Successor", "")
    version = event.version
    if version is None:
        if not here:
            return f"no release of {event.name} lies on its commit"
        version = _version_meant(here, said.get("Version"))
        if version is None:
            return f"it says {said['Version']}, and its commit is that of {', '.join(map(str, here))}"
    return Event(
        tag=event.tag,
        name=event.name,
        stage=event.stage,
        version=version,
        is_cancel=event.is_cancel,
        number=event.number,
        commit=record.commit,
        date=record.date,
        reason=said.get("Reason") or (record.message.strip().partition("\n")[0] or None),
        successor=successor if _SUCCESSOR.fullmatch(successor) else None,
    )


def _version_meant(here: list[Version], said: str | None) -> Version | None:
    """Return which of the versions on a commit a tag is about: what its message says, else the finished one."""
    if said is not None:
        return next((version for version in here if str(version) == said), None)
    finished = [version for version in here if not version.is_prerelease]
    return max(finished or here)


def _settle(
    events: Sequence[Event], numbers: Mapping[str, int], ignored: tuple[tuple[str, str], ...]
) -> Lifecycle:
    """Return what holds after all events."""
    by_subject: dict[tuple[str, str | None, str], list[Event]] = {}
    for event in events:
        by_subject.setdefault((event.name, event.stage, event.reference), []).append(event)
    yanked, deprecated = {}, {}
    held: dict[tuple[str, str], list[Event]] = {}
    for (name, stage, reference), mine in by_subject.items():
        last = _last(mine)
        if stage is None and last.is_cancel:
            yanked[reference] = _status(last, YANKED)
        elif stage == DEPRECATED and not last.is_cancel:
            deprecated[reference] = _status(last, DEPRECATED)
        elif stage is not None and stage != DEPRECATED and not last.is_cancel:
            held.setdefault((name, stage), []).append(last)
    assigned = {}
    for place, members in held.items():
        holder = _last(members)
        others = sorted((event for event in members if event is not holder), key=_precedence)
        assigned[place] = tuple(event.reference for event in (*others, holder))
    return Lifecycle(
        yanked=yanked,
        deprecated=deprecated,
        stages={place: references[-1] for place, references in assigned.items()},
        assigned=assigned,
        numbers=numbers,
        events=tuple(events),
        ignored=ignored,
    )


def _status(event: Event, state: str) -> Status:
    return Status(
        state=state, reason=event.reason, successor=event.successor, since=event.date[:10], tag=event.tag
    )


def _last(events: Sequence[Event]) -> Event:
    """Return the last word: the highest number; a tag of GTO's without one only if its date is later."""
    numbered = [event for event in events if event.number is not None]
    loose = [event for event in events if event.number is None]
    if not loose:
        return max(numbered, key=lambda event: (event.number or 0, _moment(event), event.is_cancel))
    newest = max(loose, key=lambda event: (_moment(event), event.is_cancel))
    if not numbered:
        return newest
    last = _last(numbered)
    return newest if _moment(newest) > _moment(last) else last


def _moment(event: Event) -> float:
    return datetime.fromisoformat(event.date).timestamp() if event.date else 0.0


def _precedence(event: Event) -> Any:
    return event.version
