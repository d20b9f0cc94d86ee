"""What the site shows, from tags and cards; what is costly is worked out only for pages that are made anew."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from embver.actions.site_log import SiteLog
    from embver.actions.workspace import Workspace
    from embver.card import Card
    from embver.diff import Change
    from embver.history import Release
    from embver.policy import Reason
    from embver.site.build import SiteSettings
    from embver.site.later import Later
    from embver.site.model import SiteData, SiteVersion


def site_settings(plain: Mapping[str, Any]) -> SiteSettings:
    """Return where the site lies, as the repository's settings have it."""
    from embver.site.build import SiteSettings

    named = {"folder": "docs", "build": "output", "url": "url"}
    return SiteSettings(**{field: str(plain[key]) for key, field in named.items() if key in plain})


def site_data(work: Workspace) -> SiteData:
    """Return what the site shows; raise UsageError where nothing was released yet."""
    from embver import __version__
    from embver.actions.site_log import site_log
    from embver.actions.site_traces import site_traces
    from embver.actions.traces_stamp import TracesStamps
    from embver.errors import UsageError
    from embver.site.later import Later
    from embver.site.model import SiteData, SiteEmbedding, Unreadable
    from embver.store.resources import resource_folder

    if not work.releases:
        if work.repo.is_shallow():
            raise UsageError(
                "there is no release to show: this clone is shallow and lacks its tags",
                hint="git fetch --unshallow --tags",
            )
        raise UsageError("there is no release to show yet", hint=_first_step(work))
    read = site_log(work)
    versions: dict[str, list[SiteVersion]] = {}
    for version in _versions(work, read):
        versions.setdefault(version.release.name, []).append(version)
    stamps = TracesStamps(work, read.cards)
    embeddings = tuple(
        SiteEmbedding(
            name=name,
            versions=tuple(versions[name]),
            traces=Later(partial(site_traces, work, name, cards=read.cards)),
            traces_stamp=stamps.of(name),
        )
        for name in sorted(versions)
    )
    schemas = resource_folder("schemas")
    return SiteData(
        title=str(work.settings.site.get("title", f"{work.repo.root.name} embeddings")),
        embeddings=embeddings,
        generated_from=work.repo.head() or "",
        schema_text=(schemas / "card" / "v1.json").read_text(encoding="utf-8"),
        versions_schema=(schemas / "versions" / "v1.json").read_text(encoding="utf-8"),
        tool_version=__version__,
        repository_url=work.settings.site.get("repository"),
        unreadable=tuple(
            Unreadable(release=each.release, problems=each.problems, text=each.text)
            for each in read.flawed
            if each.card is None
        ),
        url=work.settings.site.get("url"),
    )


def _first_step(work: Workspace) -> str:
    """Return what brings a repository its first release: the working version's, where there is one."""
    folder = work.repo.root / work.settings.embeddings
    cards = sorted(folder.glob("**/next/card.yaml"))
    if not cards:
        return "embver new NAME, then embver release NAME"
    name = cards[0].parents[1].relative_to(folder).as_posix()
    return f"embver release {name}"


def _versions(work: Workspace, read: SiteLog) -> list[SiteVersion]:
    """Return every release whose card is known, in order."""
    from embver.site.later import Later
    from embver.site.model import SiteVersion

    releases = {release.reference: release for release in work.releases}
    life, cards = work.lifecycle, read.cards
    flawed = {each.release.reference: each for each in read.flawed}
    made = []
    for reference, release in releases.items():
        card = cards.get(reference)
        if card is None:
            continue
        previous = releases.get(release.previous or "")
        before = cards.get(previous.reference) if previous is not None else None
        changes: Later[Change] = Later(partial(_changes, before, card))
        made.append(
            SiteVersion(
                release=release,
                card=card,
                changes=changes,
                reasons=Later(partial(_reasons, release, changes)),
                previous=previous,
                status=life.status(reference),
                stages=life.stages_of(reference),
                events=read.events.get(reference, ()),
                problems=flawed[reference].problems if reference in flawed else (),
                is_as_released=reference in flawed and flawed[reference].is_as_released,
            )
        )
    return made


def _changes(before: Card | None, card: Card) -> Sequence[Change]:
    from embver.actions.diffing import comparable
    from embver.diff import compare

    return () if before is None else compare(comparable(before), comparable(card))


def _reasons(release: Release, changes: Later[Change]) -> Sequence[Reason]:
    from embver.policy import as_released, explain

    return as_released(explain(changes.found()), release.message)
