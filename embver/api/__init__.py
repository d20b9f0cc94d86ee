"""The Python interface: `import embver` gives its names, and loads them when they are first used."""

from embver.api.bridges import Bridges, load_bridges
from embver.api.card import Card
from embver.api.comparing import compare
from embver.api.reports import CardDiff, ReleaseEntry, Releases
from embver.api.repository import DeprecatedVersion, Repository, open  # noqa: A004
from embver.api.vectors import Probe, Vectors
from embver.api.version import Version

__all__ = [
    "Bridges",
    "Card",
    "CardDiff",
    "DeprecatedVersion",
    "Probe",
    "ReleaseEntry",
    "Releases",
    "Repository",
    "Vectors",
    "Version",
    "compare",
    "load_bridges",
    "open",
]
