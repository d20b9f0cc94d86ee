"""Digests that name their algorithm, and the canonical forms they are taken of. Ground floor."""

from __future__ import annotations

import re
from typing import Any

_SHA256 = re.compile(r"[0-9a-f]{64}")


def is_sha256(text: str) -> bool:
    """Tell whether a text is 64 lower-case hexadecimal digits."""
    return _SHA256.fullmatch(text) is not None


def sha256_of(data: bytes) -> str:
    """Return the digest of bytes as `sha256:<64 hex>`."""
    import hashlib  # loads OpenSSL, and to read a card takes no digest

    return f"sha256:{hashlib.sha256(data).hexdigest()}"


def canonical_json(plain: Any) -> bytes:
    """Return plain data as canonical JSON (RFC 8785): one value, one byte string.

    Raises ValueError for what JSON cannot hold (NaN, infinity, integers beyond 2**53).
    """
    import rfc8785

    try:
        return rfc8785.dumps(plain)
    except rfc8785.CanonicalizationError as error:
        raise ValueError(f"not canonical JSON: {error}") from error


def digest_plain(plain: Any) -> str:
    """Return the digest of plain data's canonical JSON as `sha256:<64 hex>`."""
    return sha256_of(canonical_json(plain))


def digest_files(files: dict[str, str]) -> str:
    """Return one digest for several files, given their SHA-256 by POSIX path; the order does not matter."""
    import hashlib

    lines = "".join(f"{digest}  {path}\n" for path, digest in sorted(files.items()))
    return hashlib.sha256(lines.encode()).hexdigest()
