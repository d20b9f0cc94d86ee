"""Whether a tag bears a signature, of which kind, and how to check it: a page proves nothing by saying so. Pure."""

from __future__ import annotations

import re

from embver.history import Release
from embver.site.text import code

_BLOCK = re.compile(
    r"^-----BEGIN (PGP SIGNATURE|PGP MESSAGE|SSH SIGNATURE|SIGNED MESSAGE)-----$", re.MULTILINE
)
_KINDS = {
    "PGP SIGNATURE": "an OpenPGP",
    "PGP MESSAGE": "an OpenPGP",
    "SSH SIGNATURE": "an SSH",
    "SIGNED MESSAGE": "an X.509",
}


def signature_kind(release: Release) -> str | None:
    """Return `an SSH`, `an OpenPGP` or `an X.509` for a signed tag, None for one without a signature."""
    found = _BLOCK.search(release.message)
    return _KINDS[found[1]] if found else None


def signature_facts(release: Release) -> list[tuple[str, str]]:
    """Return what a page says of the signature of a tag, and the command that checks it."""
    kind = signature_kind(release)
    if kind is None:
        return [("signature", '<span class="ev-none">none: the tag is not signed</span>')]
    check = code(f"embver verify {release.reference} --signatures")
    return [("signature", f"{kind} signature is on the tag, not checked by this page: {check}")]
