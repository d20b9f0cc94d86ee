"""The tags of the life cycle, in GTO's grammar: what is written is what is parsed. Ground floor.

`NAME#STAGE#N` gives a stage to the version on its commit, `NAME#STAGE!#N` takes it back; `NAME@vX.Y.Z!#N` withdraws a
version (GTO: deregisters), `NAME@vX.Y.Z#N` brings it back; `NAME#deprecated#N` reads as a stage in GTO. One counter N
for all of them orders an embedding's events; GTO leaves it out of some.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from embver.tagname import NAME_RULE, TagFormat
from embver.version import Version

# GTO's rule for a stage; not narrowed, since what GTO wrote is to be read.
_STAGE_RULE = r"[a-zA-Z0-9](?:[a-zA-Z0-9\-/_]*[a-zA-Z0-9])?"
# Compiled where such a tag is met (`re` keeps them): most repositories that are read have none.
_STAGE_TAG = rf"(?P<name>{NAME_RULE})#(?P<stage>{_STAGE_RULE})(?P<cancel>!?)(?:#(?P<number>[0-9]+))?"
_VERSION_TAG = r"(?P<release>.+?)(?P<cancel>!?)(?:#(?P<number>[0-9]+))?"
_RESERVED_STAGES = {"active", "deprecated", "yanked", "latest", "next"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """One tag of the life cycle. `stage` is None where a version is withdrawn or brought back."""

    tag: str
    name: str
    number: int | None
    is_cancel: bool
    stage: str | None = None
    version: Version | None = None  # of a stage: only once its commit was looked at
    commit: str = ""
    date: str = ""
    reason: str | None = None
    successor: str | None = None

    @property
    def reference(self) -> str:
        """Return NAME@VERSION."""
        return f"{self.name}@{self.version}"


def parse_event(tag: str, tags: TagFormat) -> Event | None:
    """Return what a tag's name says of the life cycle; None for a release, or for a tag that is not ours."""
    if "#" not in tag and "!" not in tag:
        return None
    match = re.fullmatch(_STAGE_TAG, tag)
    if match is not None:
        return Event(
            tag=tag,
            name=match["name"],
            stage=match["stage"],
            is_cancel=bool(match["cancel"]),
            number=_number(match),
        )
    match = re.fullmatch(_VERSION_TAG, tag)
    parsed = tags.parse(match["release"]) if match else None
    if match is None or parsed is None or not (match["cancel"] or match["number"]):
        return None
    return Event(
        tag=tag, name=parsed[0], version=parsed[1], is_cancel=bool(match["cancel"]), number=_number(match)
    )


def stage_tag(name: str, stage: str, number: int, *, cancel: bool = False) -> str:
    """Return the tag that gives a stage, or takes it back."""
    return f"{name}#{stage}{'!' if cancel else ''}#{number}"


def version_tag(release_tag: str, number: int, *, cancel: bool) -> str:
    """Return the tag that withdraws a version, or brings it back."""
    return f"{release_tag}{'!' if cancel else ''}#{number}"


def check_stage(stage: str, allowed: Sequence[str] = ()) -> str:
    """Return the name of a stage that may be given; raise ValueError saying what is allowed otherwise."""
    if stage in _RESERVED_STAGES:
        raise ValueError(f"{stage!r} is no stage: it means something else here")
    if not re.fullmatch(_STAGE_RULE, stage) or stage.endswith(".lock") or "//" in stage:
        raise ValueError(f"{stage!r} is not a legal stage: letters, digits, '-', '_' and '/', such as prod")
    if allowed and stage not in allowed:
        raise ValueError(f"{stage!r} is not among the stages of this repository: {', '.join(allowed)}")
    return stage


def message(subject: str, *, version: Version, reason: str | None = None, **trailers: str | None) -> str:
    """Return the message of a tag: a subject, then what a reader finds again as Git trailers."""
    wanted = {"Version": str(version), "Reason": reason}
    wanted |= {key.capitalize(): text for key, text in trailers.items()}
    lines = [f"{key}: {' '.join(text.split())}" for key, text in wanted.items() if text]
    return "\n".join([subject, "", *lines, ""])


def _number(match: re.Match[str]) -> int | None:
    return int(match["number"]) if match["number"] else None
