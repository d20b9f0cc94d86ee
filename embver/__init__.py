"""Semantic versions of multimodal embeddings, kept in Git.

import embver
version = embver.open("products@2.1.0")
version.vectors["image"][version.rows(["sku-1", "sku-2"])]
"""

from typing import TYPE_CHECKING

__version__ = "0.1.0"

if TYPE_CHECKING:
    from embver import errors as errors
    from embver import guard as guard
    from embver.api import Bridges as Bridges
    from embver.api import Card as Card
    from embver.api import CardDiff as CardDiff
    from embver.api import DeprecatedVersion as DeprecatedVersion
    from embver.api import Repository as Repository
    from embver.api import Version as Version
    from embver.api import compare as compare
    from embver.api import load_bridges as load_bridges
    from embver.api import open as open  # noqa: A004
    from embver.measure.arrays import Measurement as Measurement
    from embver.measure.arrays import measure as measure

# Loaded when first asked for: `import embver` is part of every command's start. `embver.measure` is a package that
# can be called as the function of its name.
_PLACES = {
    "Bridges": "embver.api",
    "Card": "embver.api",
    "CardDiff": "embver.api",
    "DeprecatedVersion": "embver.api",
    "Measurement": "embver.measure.arrays",
    "Repository": "embver.api",
    "Version": "embver.api",
    "compare": "embver.api",
    "errors": "",
    "guard": "",
    "load_bridges": "embver.api",
    "measure": "",
    "open": "embver.api",
}


if not TYPE_CHECKING:  # a type checker would take every name for one that is there

    def __getattr__(name: str) -> object:
        if name not in _PLACES:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        from importlib import import_module

        place = _PLACES[name]
        return getattr(import_module(place), name) if place else import_module(f"{__name__}.{name}")

    def __dir__() -> list[str]:
        return sorted({*globals(), *_PLACES})
