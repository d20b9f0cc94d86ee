"""The message of a release's tag: words first, Git trailers last (`history.parse_trailers` reads them). Ground floor."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any


def format_message(
    *,
    title: str,
    words: Sequence[str] = (),
    reasons: Sequence[str] = (),
    override: Mapping[str, Any] | None = None,
    allowed: Mapping[str, Any] | None = None,
    trailers: Mapping[str, str | None],
) -> str:
    """Return a message of paragraphs: title, what changed, why this level, what was decided, the trailers.

    `allowed` has the reason for which regressions were let through, by whom, and the `lines` that name them.
    Every text is laid on one line, so that none can pass for a trailer or a signature; empty trailers are left out.
    """
    paragraphs = [_flat(title)]
    if words:
        paragraphs.append(_listed(words))
    if reasons:
        paragraphs.append(f"Why this level:\n{_listed(reasons)}")
    if override:
        paragraphs.append(_decided(override))
    if allowed:
        by = f" by {_flat(allowed['by'])}" if allowed.get("by") else ""
        paragraphs.append(
            f"Regressions let through{by}: {_flat(allowed['reason'])}\n{_listed(allowed['lines'])}"
        )
    paragraphs.append("\n".join(f"{key}: {_flat(value)}" for key, value in trailers.items() if value))
    return "\n\n".join(paragraphs) + "\n"


def _decided(override: Mapping[str, Any]) -> str:
    """Return who released at which level, and why."""
    computed, chosen = override.get("computed"), override["chosen"]
    by = f" by {_flat(override['by'])}" if override.get("by") else ""
    what = f"Released as {chosen}{by}" + (f", computed {computed}" if computed not in (chosen, None) else "")
    said = f"{what}: {_flat(override.get('reason') or 'no reason given')}"
    return said + (f"\nEvidence: {_flat(override['evidence'])}" if override.get("evidence") else "")


def _listed(texts: Sequence[str]) -> str:
    return "\n".join(f"- {_flat(text)}" for text in texts)


def _flat(text: object) -> str:
    return " ".join(str(text).replace("\0", " ").split())
