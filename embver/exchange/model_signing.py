"""The manifest that OpenSSF model signing v1.0 signs, made from checksums alone: no byte of a vector is read. Pure.

It covers the folder that `embver pull REF --out DIR` writes, so that `model_signing` verifies that folder against a
signature over it. The per-file digests are those of Git LFS.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import Final

from embver.exchange.facts import json_file
from embver.outgoing import Export, Subject

STATEMENT: Final = "https://in-toto.io/Statement/v1"
PREDICATE: Final = "https://model_signing/signature/v1.0"
SIGNATURE: Final = "model.sig"
# What the library leaves out of a folder by default, and the signature itself, which is to lie in it.
_IGNORED: Final = (SIGNATURE, ".git", ".gitattributes", ".github", ".gitignore")


def export(subject: Subject, files: Mapping[str, str], folder: str) -> Export:
    """Return the statement over (path in the folder -> SHA-256) as `model-signing.json`; `folder` is its name."""
    names = sorted(name for name in files if name.partition("/")[0] not in _IGNORED)
    root = hashlib.sha256(b"".join(bytes.fromhex(files[name]) for name in names)).hexdigest()
    statement = {
        "_type": STATEMENT,
        "subject": [{"name": folder, "digest": {"sha256": root}}],
        "predicateType": PREDICATE,
        "predicate": {
            "serialization": {
                "method": "files",
                "hash_type": "sha256",
                "allow_symlinks": False,
                "ignore_paths": list(_IGNORED),
            },
            "resources": [{"name": name, "algorithm": "sha256", "digest": files[name]} for name in names],
        },
    }
    notes = (
        f"embver pull {subject.reference} --out {folder}, then sign that folder with model_signing",
        "everything but the bytes is in the card, which is one of the files",
    )
    return Export(files=(json_file("model-signing.json", statement),), notes=notes)
