"""Find the schemas and templates that ship with embver, in a wheel and in a checkout alike."""

from __future__ import annotations

from pathlib import Path

from embver.errors import EmbverError

_PACKAGE = Path(__file__).resolve().parent.parent


def resource_folder(kind: str) -> Path:
    """Return the folder of `schemas` or `templates`: the wheel's copy, else the checkout's."""
    packaged, checkout = _PACKAGE / f"_{kind}", _PACKAGE.parent / kind
    for folder in (packaged, checkout):
        if folder.is_dir():
            return folder
    raise EmbverError(
        f"embver's own {kind} are missing beside {_PACKAGE}", hint="pip install --force-reinstall embver"
    )
