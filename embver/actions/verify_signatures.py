"""Check that releases are signed, rightly, and by signers who are known here."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from embver.actions.verify_files import Finding
from embver.actions.workspace import Workspace
from embver.history import Release
from embver.store.signing import SIGNED, check_signature


def check_signatures(work: Workspace, releases: Sequence[Release]) -> Iterator[Finding]:
    """Report tags that are unsigned, badly signed, or signed by somebody unknown; one process a signed tag."""
    for release in releases:
        if SIGNED not in release.message:
            yield _finding(release, "unsigned: the tag has no signature")
            continue
        found = check_signature(work.repo, release.tag)
        if found.state != "good":
            yield _finding(release, f"{found.state}: {found.why}")


def _finding(release: Release, why: str) -> Finding:
    return Finding(kind="signatures", reference=release.reference, path=release.tag, why=why)
