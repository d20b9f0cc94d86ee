"""The page of a version whose card cannot be shown: what is wrong with it, and what its tag says. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from embver.problem import Problem
from embver.site import places
from embver.site.model import SiteData, Unreadable
from embver.site.signatures import signature_facts
from embver.site.text import code, escape, heading, lines_of, link, yaml_text
from embver.site.words import level_badge, verdict_badge

_MOST_PROBLEMS = 50
_MOST_NAMED = 8
_MOST_SIGNS = 30_000


def flaw_words(data: SiteData) -> tuple[str, ...]:
    """Return for a terminal how many cards cannot be read, and how many are shown though they are not valid; which."""
    lost = [entry.release.reference for entry in data.unreadable]
    flawed = [version for embedding in data.embeddings for version in embedding.versions if version.problems]
    spoilt = [version.release.reference for version in flawed if version.is_as_released]
    shown = [version.release.reference for version in flawed if not version.is_as_released]
    told = (
        (lost, "a card that cannot be read", "cards that cannot be read"),
        (shown, "a card that is not valid", "cards that are not valid"),
        (spoilt, "a card that was spoilt since its release", "cards that were spoilt since their release"),
    )
    return tuple(_counted(names, one, many) for names, one, many in told if names)


def _counted(names: Sequence[str], one: str, many: str) -> str:
    named = ", ".join(names[:_MOST_NAMED]) + (", \u2026" if len(names) > _MOST_NAMED else "")
    have = (
        f"version has {one}; its page shows why"
        if len(names) == 1
        else f"versions have {many}; their pages show why"
    )
    return f"{len(names)} {have}: {named}"


def problem_rows(problems: Sequence[Problem], *, most: int = _MOST_PROBLEMS) -> tuple[dict[str, str], ...]:
    """Return problems of a card: place, what is wrong, its rule, what to do."""
    return tuple(
        {
            "place": code(f"{each.path}:{each.line}:{each.column}"),
            "message": escape(each.message),
            "rule": escape(each.rule),
            "hint": escape(each.hint) if each.hint else "",
        }
        for each in problems[:most]
    )


def unreadable_context(data: SiteData, entry: Unreadable) -> dict[str, Any]:
    """Return what `site/unreadable.md.j2` shows."""
    release = entry.release
    commit = code(release.commit[:12], title=release.commit)
    if data.repository_url:
        commit = link(f"{data.repository_url.rstrip('/')}/commit/{release.commit}", release.commit[:12])
    facts = [("tag", code(release.tag)), ("commit", commit), ("released", escape(release.date))]
    if release.card_digest:
        facts.append(("card digest", code(release.card_digest)))
    facts += signature_facts(release)
    return {
        "front_title": yaml_text(heading(f"{release.name} {entry.number}")),
        "name": escape(release.name),
        "number": escape(entry.number),
        "level": level_badge(release.level) if release.level else "",
        "verdict": verdict_badge(release.verdict) if release.verdict else "",
        "date": escape(entry.date),
        "home": places.link(
            places.version_page(release.name, entry.number), places.embedding_page(release.name)
        ),
        "problems": problem_rows(entry.problems),
        "left_out": max(0, len(entry.problems) - _MOST_PROBLEMS),
        "facts": tuple(facts),
        "source": "" if entry.text is None else lines_of(entry.text[:_MOST_SIGNS]),
        "is_cut": entry.text is not None and len(entry.text) > _MOST_SIGNS,
        "show": code(f"git show {release.tag}:{entry.problems[0].path}"),
        "verify": code(f"embver verify {release.reference}"),
    }


def unreadable_rows(entries: Sequence[Unreadable]) -> tuple[dict[str, str], ...]:
    """Return the versions without a readable card for the page of their embedding, newest first."""
    return tuple(
        {
            "number": escape(entry.number),
            "file": places.version_file(entry.number),
            "date": escape(entry.date),
            "badge": level_badge(entry.release.level) if entry.release.level else "",
            "why": escape(entry.problems[0].message),
            "place": code(f"{entry.problems[0].path}:{entry.problems[0].line}:{entry.problems[0].column}"),
        }
        for entry in reversed(entries)
    )
