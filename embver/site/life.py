"""What became of a version after its release, as tags tell it: stages, deprecation, withdrawal. Pure."""

from __future__ import annotations

from embver.lifecycle import DEPRECATED
from embver.lifetag import Event
from embver.site.model import SiteVersion
from embver.site.text import code, escape

# Most versions have a handful; a page tells the newest of more.
_MOST = 30


def life_events(version: SiteVersion) -> tuple[tuple[str, str, str], ...]:
    """Return (day, what happened, tag), the newest first."""
    return tuple(
        (escape(event.date[:10]), _words(event), code(event.tag))
        for event in reversed(version.events[-_MOST:])
    )


def _words(event: Event) -> str:
    reason = f": {escape(event.reason)}" if event.reason and not _is_headline(event) else ""
    if event.stage is None:
        return f"withdrawn{reason}" if event.is_cancel else f"brought back{reason}"
    if event.stage == DEPRECATED:
        return f"no longer deprecated{reason}" if event.is_cancel else f"deprecated{reason}"
    stage = f"<b>{escape(event.stage)}</b>"
    return f"left the stage {stage}{reason}" if event.is_cancel else f"took the stage {stage}{reason}"


def _is_headline(event: Event) -> bool:
    """Tell whether what stands as a reason is only the first line of the tag's message: "Promote to prod: shop@1.0.0"."""
    return (event.reason or "").endswith(f" {event.reference}")
