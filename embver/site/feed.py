"""The Atom feed of releases, and of versions that were deprecated or withdrawn (RFC 4287). Pure."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from heapq import nlargest
from xml.sax.saxutils import escape as escape_xml
from xml.sax.saxutils import quoteattr

from embver.site.machine import address
from embver.site.model import SiteData, SiteVersion, Unreadable
from embver.site.places import FOLDER, version_page
from embver.site.text import clean
from embver.site.words import LEVELS, VERDICTS, advice

PLACE = f"{FOLDER}/feed.xml"
NEWEST = 50
_DAY = re.compile(r"\d{4}-\d{2}-\d{2}")
_MOMENT = re.compile(r"\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}(?:\.\d+)?(?:Z|[+-]\d{2}:\d{2})")
_NEVER = "1970-01-01T00:00:00Z"


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """Something that happened to a version; `updated` is a moment of RFC 3339."""

    id: str
    updated: str
    title: str
    summary: str
    page: str
    category: str


def feed_xml(data: SiteData) -> str:
    """Return the newest entries of all embeddings as Atom, newest first.

    The ids are UUIDs of the commit and tag that an entry is about: they outlive a site that moves, which an address would
    not. Links are in full where the settings say where the site is published, else relative to the feed.
    """
    newest = nlargest(NEWEST, _drafts(data), key=lambda draft: (_instant(draft[0]), draft[1]))
    entries = [make() for _, _, make in newest]
    start = f"{data.url.rstrip('/')}/" if data.url else "../index.html"
    lines = [
        '<?xml version="1.0" encoding="utf-8"?>',
        '<feed xmlns="http://www.w3.org/2005/Atom">',
        f"<id>{_feed_id(data)}</id>",
        f"<title>{_text(data.title)}</title>",
        f"<updated>{entries[0].updated if entries else _NEVER}</updated>",
        f"<author><name>{_text(data.title)}</name></author>",
        f'<generator uri="https://embver.org" version={quoteattr(data.tool_version)}>embver</generator>',
        f'<link rel="alternate" type="text/html" href={quoteattr(start)}/>',
    ]
    if data.url:
        lines.append(f'<link rel="self" type="application/atom+xml" href="{_address(data, PLACE)}"/>')
    for entry in entries:
        lines += [
            "<entry>",
            f"<id>{entry.id}</id>",
            f"<updated>{entry.updated}</updated>",
            f"<title>{_text(entry.title)}</title>",
            f'<link rel="alternate" type="text/html" href={quoteattr(_visible(entry.page))}/>',
            f"<category term={quoteattr(_visible(entry.category))}/>",
            f'<summary type="text">{_text(entry.summary)}</summary>',
            "</entry>",
        ]
    return "\n".join([*lines, "</feed>", ""])


def _address(data: SiteData, path: str) -> str:
    return escape_xml(f"{(data.url or '').rstrip('/')}/{path}", {'"': "&quot;"})


def _drafts(data: SiteData) -> Iterator[tuple[str, str, Callable[[], Entry]]]:
    """Yield (moment, tag, what makes the entry): of thousands of releases only the newest are written out."""
    for embedding in data.embeddings:
        for version in embedding.versions:
            page = partial(address, data, version_page(embedding.name, version.number))
            moment, tag = version.release.date, version.release.tag
            yield moment, tag, partial(_release, version, page)
            since = _since(version)
            if since is not None:
                yield since, f"{tag} {version.status.state}", partial(_change, version, since, page)
    for entry in data.unreadable:
        page = partial(address, data, version_page(entry.release.name, entry.number))
        yield entry.release.date, entry.release.tag, partial(_without_card, entry, page)


def _since(version: SiteVersion) -> str | None:
    """Return the moment in which a version was deprecated or withdrawn: that of the tag, else its day."""
    status = version.status
    moment = next((event.date for event in version.events if event.tag == status.tag), "")
    if status.is_active or not _DAY.fullmatch(status.since or ""):
        return None
    return moment if _MOMENT.fullmatch(moment) else f"{status.since}T00:00:00Z"


def _release(version: SiteVersion, page: Callable[[], str]) -> Entry:
    release = version.release
    meaning = LEVELS.get(version.level, ("", ""))[1]
    title = f"{release.name} {version.number}: {meaning or version.level}"
    if not version.is_first:
        title += f" ({version.verdict or 'not measured'})"
    said = [str(entry.get("text") or "") for entry in version.card.plain.get("changes") or ()]
    if not version.is_first:
        said.append(_verdict(version))
    said.append(advice(version))
    return Entry(
        id=_urn(release.commit, release.tag),
        updated=release.date if _MOMENT.fullmatch(release.date) else _NEVER,
        title=title,
        summary=" ".join(_sentence(words) for words in said if words.strip()),
        page=page(),
        category=version.level,
    )


def _without_card(entry: Unreadable, page: Callable[[], str]) -> Entry:
    release = entry.release
    return Entry(
        id=_urn(release.commit, release.tag),
        updated=release.date if _MOMENT.fullmatch(release.date) else _NEVER,
        title=f"{release.name} {entry.number}: its card cannot be shown",
        summary=" ".join(_sentence(problem.format()) for problem in entry.problems[:3])
        or "No card was found.",
        page=page(),
        category=release.level or "none",
    )


def _verdict(version: SiteVersion) -> str:
    meaning = VERDICTS.get(version.verdict or "unmeasured", ("", ""))[1]
    against = f" against {version.previous.version}" if version.previous else ""
    return f"Verdict{against}: {version.verdict or 'unmeasured'}, {meaning}"


def _change(version: SiteVersion, since: str, page: Callable[[], str]) -> Entry:
    """Return the entry of a version that was deprecated or withdrawn; it links to the version's own page."""
    release, status = version.release, version.status
    words = "withdrawn (yanked)" if status.is_yanked else status.state
    said = [status.reason or "", f"Use {status.successor} instead" if status.successor else ""]
    return Entry(
        id=_urn(release.commit, status.tag or f"{release.tag} {status.state}"),
        updated=since,
        title=f"{release.name} {version.number} is {words}",
        summary=" ".join(_sentence(each) for each in said if each) or f"It is {words}.",
        page=page(),
        category=status.state,
    )


def _feed_id(data: SiteData) -> str:
    """Return the feed's own id: that of the first release of all, which stays the first."""
    releases = [version.release for embedding in data.embeddings for version in embedding.versions]
    releases += [entry.release for entry in data.unreadable]
    first = min(releases, key=lambda release: (_instant(release.date), release.tag), default=None)
    return _urn(first.commit, f"feed {first.tag}") if first else _urn("", f"feed {data.title}")


def _urn(commit: str, what: str) -> str:
    """Return a UUID made from a digest (RFC 9562, version 8: the 128 bits are ours but for version and variant)."""
    digits = hashlib.sha256(f"{commit} {what}".encode()).hexdigest()
    variant = "89ab"[int(digits[16], 16) % 4]
    return f"urn:uuid:{digits[:8]}-{digits[8:12]}-8{digits[13:16]}-{variant}{digits[17:20]}-{digits[20:32]}"


def _instant(moment: str) -> float:
    """Return a moment as seconds, so that those of different zones are in order; what is no moment is the earliest."""
    from datetime import datetime

    return datetime.fromisoformat(moment).timestamp() if _MOMENT.fullmatch(moment) else 0.0


def _text(words: str) -> str:
    return escape_xml(_visible(words))


def _visible(words: str) -> str:
    """Return words without what XML cannot hold: XML 1.0 has no control characters and no U+FFFE and U+FFFF."""
    return clean(words).replace("\ufffe", "\ufffd").replace("\uffff", "\ufffd")


def _sentence(words: str) -> str:
    words = clean(words).strip()
    return words if words.endswith((".", "!", "?")) else f"{words}."
