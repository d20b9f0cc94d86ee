"""The versions of an embedding as a list, a page at a time, however many there are. Pure.

The newest stand on the embedding's own page. Where there are more, list pages hold them all, in fixed parts counted from
the oldest in the order of release: a new version changes the last part, and none before it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from embver.card import card_digest
from embver.site import places
from embver.site.model import SiteEmbedding, SiteVersion
from embver.site.text import cut, escape, number
from embver.site.version_changes import field_rows, people_words
from embver.site.words import LEVELS, level_badge, state_badges, status_words, verdict_badge

NEWEST = 24  # on the embedding's own page
PART = 40  # on a list page
_LONG_WORDS = 160
_LONG_FIELDS = 90
_FIELDS = 8
_DIGITS = 12


@dataclass(frozen=True, slots=True, kw_only=True)
class VersionRow:
    """One version in a timeline."""

    number: str
    file: str
    date: str
    level: str
    badge: str
    verdict: str
    status: str  # badges of status and stages
    told: str  # why it should be left, as inline Markdown
    state: str
    summary: str
    more: tuple[str, ...]
    metric: str
    space: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ListedVersion:
    """One version on a list page: the line of the timeline, and the words by which people search for it."""

    row: VersionRow
    anchor: str
    summary: str
    facts: tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """One of the pages that list all versions, counted from 1; `versions` is newest first."""

    place: int
    versions: tuple[SiteVersion, ...]

    @property
    def words(self) -> str:
        """Return the versions between which it lies, escaped."""
        first, last = self.versions[-1].number, self.versions[0].number
        return escape(first) if first == last else f"{escape(first)} to {escape(last)}"


def newest(embedding: SiteEmbedding) -> tuple[SiteVersion, ...]:
    """Return the versions that the embedding's own page shows, the highest number first.

    They are those released last, whatever their number (a fix of an old line is news, too), the current one, and those
    that hold a stage.
    """
    if len(embedding.versions) <= NEWEST:
        return tuple(reversed(embedding.versions))
    latest = sorted(embedding.versions, key=lambda version: version.moment)[-NEWEST:]
    tags = {version.release.tag for version in (*latest, embedding.current, *embedding.stages.values())}
    return tuple(version for version in reversed(embedding.versions) if version.release.tag in tags)


def parts(embedding: SiteEmbedding, *, is_listed: bool = False) -> tuple[Part, ...]:
    """Return all versions in parts of a fixed size, the oldest part first.

    None where the embedding's page shows all, unless it `is_listed` whatever its size.
    """
    if len(embedding.versions) <= NEWEST and not is_listed:
        return ()
    in_order = sorted(embedding.versions, key=lambda version: version.moment)
    return tuple(
        Part(place=at // PART + 1, versions=tuple(reversed(in_order[at : at + PART])))
        for at in range(0, len(in_order), PART)
    )


def row_of(version: SiteVersion) -> VersionRow:
    """Return a version's line in a timeline: people's first sentence, else what the tool saw."""
    words = [text for _, text in people_words(version)]
    if not words:
        changed = sum(1 for row in field_rows(version) if row.level)
        several = "field" if changed == 1 else "fields"
        words = [
            f"{changed} {several} changed" if changed else escape(LEVELS.get(version.level, ("", ""))[1])
        ]
    quoted = version.card.main_metric
    space = version.card.space
    return VersionRow(
        number=escape(version.number),
        file=places.version_file(version.number),
        date=escape(version.date),
        level=version.level,
        badge=level_badge(version.level),
        verdict="" if version.is_first else verdict_badge(version.verdict),
        status=state_badges(version),
        told=status_words(version),
        state=version.status.state,
        summary=words[0],
        more=tuple(words[1:]),
        metric=f"{escape(quoted[1].key)} <b>{number(quoted[1].value)}</b>" if quoted else "",
        space=f"{space.dimensions}-d {escape(space.metric)}",
    )


def listed(version: SiteVersion) -> ListedVersion:
    """Return a version for a list page, with what people type to find it: words, machine, fields, first digits."""
    row = row_of(version)
    entries = version.card.plain.get("changes") or ()
    words = "; ".join(str(entry.get("text", "")).rstrip(".") for entry in entries)
    encode = version.card.plain.get("encode") or {}
    hardware = encode.get("hardware") or {}
    machine = hardware.get("accelerator") or hardware.get("cpu")
    changed = [change.path for change in version.changes if change.where[0] not in ("artifacts", "encode")]
    digests = [version.release.card_digest or card_digest(version.card.plain), version.fingerprint or ""]
    digests += [artifact.sha256 for artifact in version.card.artifacts]
    facts = []
    if machine:
        facts.append(("on", cut(machine, 60)))
    if row.metric:
        facts.append(("main metric", row.metric))
    if changed:
        named = ", ".join(changed[:_FIELDS]) + (
            f" and {len(changed) - _FIELDS} more" if len(changed) > _FIELDS else ""
        )
        facts.append(("changed", cut(named, _LONG_FIELDS)))
    facts.append(("digests", _first_digits(digests)))
    return ListedVersion(
        row=row,
        anchor=f"v{places.version_file(version.number).removesuffix('.md')}",
        summary=cut(words, _LONG_WORDS) if words else row.summary,
        facts=tuple(facts),
    )


def _first_digits(digests: Sequence[str]) -> str:
    """Return the first digits of digests, each once: of the card, the fingerprint, the files."""
    shown = dict.fromkeys(text.rpartition(":")[2][:_DIGITS] for text in digests if text)
    # One element for all: the search index keeps every tag.
    return f"<code>{' '.join(map(escape, shown))}</code>" if shown else ""
