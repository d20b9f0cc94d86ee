"""List the registry: every release with its status, from tags alone."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, NamedTuple

from embver.actions.workspace import Workspace
from embver.errors import UsageError
from embver.history import TagRecord, level_and_verdict
from embver.tagname import TagFormat

if TYPE_CHECKING:
    from embver.lifecycle import Lifecycle

ACTIVE = "active"


class Listed(NamedTuple):
    """One release in a list, by the stable keys of `embver list --json`; a plain tuple: a registry has thousands."""

    name: str
    version: str
    tag: str
    commit: str
    date: str
    level: str | None
    verdict: str | None
    status: str
    stages: tuple[str, ...]


class Listing(NamedTuple):
    """Releases by name and SemVer precedence, and what is to be said of tags that are none, or hold no record."""

    releases: tuple[Listed, ...]
    notes: tuple[str, ...]


def list_releases(work: Workspace, name: str | None = None) -> Listing:
    """Return every release, or those of one embedding; raise UsageError for a name that is not known."""
    tags = work.settings.tags
    asked = () if name is None else tags.patterns(work.check_name(name))
    records: list[TagRecord] = []
    made, others = _releases(work.repo.tag_chunks(*asked), tags, name, kept=records)
    if name is not None and not made:
        check_known(work, name)
    ignored = [(record.tag, why) for record in others if (why := _flaw(record, tags)) is not None]
    if any("#" in record.tag or "!" in record.tag for record in others):
        from embver.lifecycle import read_lifecycle

        life = read_lifecycle(records, tags)
        made, ignored = _marked(made, life), [*ignored, *life.ignored]
    notes = [f"the tag {tag} is ignored: {why}" for tag, why in sorted(ignored)]
    if not all(record.is_annotated for record in records):
        own = {entry.tag for entry in made}
        plain = [r.tag for r in records if not r.is_annotated and r.tag in own]
        notes += [f"the tag {tag} is not annotated: it holds no level, verdict or digest" for tag in plain]
    return Listing(tuple(made), tuple(notes))


def check_known(work: Workspace, name: str) -> None:
    """Raise UsageError for a name that no embedding has, released or begun."""
    if name not in work.names():
        known = ", ".join(work.names())
        raise UsageError(
            f"there is no embedding {name!r}", hint=f"known: {known}" if known else f"embver new {name}"
        )


def _releases(
    chunks: Iterable[Sequence[TagRecord]], tags: TagFormat, name: str | None, *, kept: list[TagRecord]
) -> tuple[list[Listed], list[TagRecord]]:
    """Return what is listed, in order, and the other tags; all of them are put into `kept`."""
    found, others = [], []
    for chunk in chunks:
        kept += chunk
        for record in chunk:
            tag, _, commit, date, _, message = record
            parsed = tags.parse(tag) if commit else None
            if parsed is None:
                others.append(record)
            elif name is None or name == parsed[0]:
                level, verdict = level_and_verdict(message)
                told = None if verdict == "none" else verdict
                order = parsed[1].order
                listed = Listed(parsed[0], order[-1], tag, commit, date, level, told, ACTIVE, ())
                found.append((parsed[0], order, listed))
    found.sort()
    return [entry[2] for entry in found], others


def _marked(made: Iterable[Listed], life: Lifecycle) -> list[Listed]:
    """Return releases with the status and the stages that other tags give them."""
    stages: dict[str, list[str]] = {}
    for (_, stage), reference in sorted(life.stages.items()):
        stages.setdefault(reference, []).append(stage)
    marked = []
    for entry in made:
        reference = f"{entry.name}@{entry.version}"
        state, held = life.status(reference).state, tuple(stages.get(reference, ()))
        marked.append(entry._replace(status=state, stages=held))
    return marked


def _flaw(record: TagRecord, tags: TagFormat) -> str | None:
    """Return why a tag that looks like a release is none."""
    if not record.commit and tags.parse(record.tag) is not None:
        return "it stands for a file or a folder, and a release is a commit"
    return tags.flaw(record.tag)
