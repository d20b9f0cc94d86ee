"""The words and signs of levels and verdicts: never by colour alone. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable

from embver.site.model import SiteVersion
from embver.site.places import version_file
from embver.site.text import code, escape

# Word: sign, what it asks of a reader.
LEVELS = {
    "first": ("\u25cf", "the first release"),
    "none": ("\u00b7", "words only: no vector changed"),
    "patch": ("\u25bd", "a fix: keep your index"),
    "minor": ("\u25c7", "an addition: keep your index"),
    "major": ("\u25b2", "a break: re-encode and re-index"),
}
VERDICTS = {
    "identical": ("=", "the vectors are the same, bit by bit"),
    "equivalent": ("\u2248", "the vectors differ by no more than rounding"),
    "compatible": ("\u2713", "old and new vectors work together in one index"),
    "inconclusive": ("?", "too few probe items to tell; treat it as a break"),
    "bridgeable": ("\u21c4", "not compatible, but a learned map recovers most of it"),
    "incompatible": ("\u2715", "old and new vectors must not meet in one index"),
    "unmeasured": ("\u2013", "nobody measured it"),
}
_ADVICE = {
    "identical": "Nothing to do. The vectors are the same.",
    "equivalent": "Nothing to do. Vectors differ by no more than rounding.",
    "compatible": "Keep your index. New queries find what is in it, and new documents may join the old ones.",
    "inconclusive": "Re-encode, or measure on more probe items: what was measured does not settle it.",
    "bridgeable": "Build a new index. Until it is ready, a bridge can translate new queries into the old space.",
    "incompatible": "Build a new index. Encode every document again, and switch queries and index together.",
}


def level_badge(level: str) -> str:
    """Return a level as a badge."""
    sign, meaning = LEVELS.get(level, ("\u00b7", ""))
    return (
        f'<span class="ev-badge ev-level ev-{escape(level)}" title="{escape(meaning)}">'
        f'<span aria-hidden="true">{sign}</span> {escape(level.upper())}</span>'
    )


def verdict_badge(verdict: str | None) -> str:
    """Return a verdict as a badge; None is shown as unmeasured."""
    word = verdict or "unmeasured"
    sign, meaning = VERDICTS.get(word, ("\u00b7", ""))
    return (
        f'<span class="ev-badge ev-verdict ev-{escape(word)}" title="{escape(meaning)}">'
        f'<span aria-hidden="true">{sign}</span> {escape(word)}</span>'
    )


def status_badge(state: str) -> str:
    """Return a badge for what is no longer active, else nothing."""
    if state == "active":
        return ""
    return f'<span class="ev-badge ev-status ev-{escape(state)}"><span aria-hidden="true">!</span> {escape(state)}</span>'


def state_badges(version: SiteVersion) -> str:
    """Return badges for what a version is besides its level: out of use, in a stage, known only from what was left."""
    past = '<span class="ev-badge ev-status ev-reconstructed" title="its card was made afterwards">reconstructed</span>'
    return " ".join(
        badge
        for badge in (
            status_badge(version.status.state),
            stage_badges(version.stages),
            past if version.card.plain.get("reconstructed") else "",
        )
        if badge
    )


def stage_badges(stages: Iterable[str]) -> str:
    """Return a badge for each stage that a version holds."""
    return " ".join(
        f'<span class="ev-badge ev-stage" title="the stage {escape(stage)}">'
        f'<span aria-hidden="true">\u25c9</span> {escape(stage)}</span>'
        for stage in stages
    )


def status_words(version: SiteVersion) -> str:
    """Return what is said of a version that should be left or must not be used, as inline Markdown; else nothing.

    A successor of the same embedding is a link: the pages of its versions lie in one folder.
    """
    status = version.status
    if status.is_active:
        return ""
    since = f" since {escape(status.since)}" if status.since else ""
    reason = f": {escape(status.reason)}" if status.reason else ""
    words = f"**{escape(status.state.capitalize())}**{since}{reason}"
    if not status.successor:
        return words if words.endswith(".") else f"{words}."
    name, _, number = status.successor.partition("@")
    is_neighbour = name == version.release.name and re.fullmatch(r"[0-9A-Za-z.+-]+", number)
    target = f"[{escape(number)}]({version_file(number)})" if is_neighbour else code(status.successor)
    return f"{words.removesuffix('.')}. Use {target} instead."


def advice(version: SiteVersion) -> str:
    """Return what someone who runs the previous version has to do."""
    if version.status.is_yanked:
        return "Do not move to it: it was withdrawn."
    if version.is_first:
        return "The first release: there is no older index to keep."
    if version.verdict in _ADVICE:
        return _ADVICE[version.verdict]
    if version.level == "major":
        return _ADVICE["incompatible"]
    return "Not measured: treat it as a break until it is."
