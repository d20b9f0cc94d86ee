"""Bridges: maps from a new version's queries into an old version's space."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from embver.levels import Verdict
from embver.notebook import table

if TYPE_CHECKING:
    from embver.actions.bridge import BridgeReport
    from embver.measure.bridge import Bridge


class Bridges(Mapping[str, "Bridge"]):
    """The bridge of each query modality: `bridges["text"].apply(rows)` maps rows (n, a) into the old space (n, b).

    What is mapped is asked of the old version's index as that version's own queries are.
    """

    def __init__(self, bridges: Mapping[str, Bridge], report: BridgeReport | None = None) -> None:
        self._bridges = dict(bridges)
        self.report = report

    @property
    def verdict(self) -> Verdict | None:
        """Return the verdict with these bridges, as they were judged on pairs that they were not fitted on."""
        return None if self.report is None else self.report.verdict

    @property
    def reasons(self) -> tuple[str, ...]:
        """Return what the bridges are worth, stratum by stratum, and which modality has none and why."""
        return () if self.report is None else (*self.report.reasons, *self.report.missing)

    def to_plain(self) -> dict[str, Any] | None:
        """Return the stable keys of `embver bridge --json`; None for bridges that were read from a file."""
        return None if self.report is None else self.report.to_plain()

    def __getitem__(self, modality: str) -> Bridge:
        """Return the bridge for queries of a modality; raise KeyError naming those that there are."""
        if modality not in self._bridges:
            raise KeyError(f"there is no bridge for {modality} queries: {', '.join(self._bridges) or 'none'}")
        return self._bridges[modality]

    def __iter__(self) -> Iterator[str]:
        return iter(self._bridges)

    def __len__(self) -> int:
        return len(self._bridges)

    def __repr__(self) -> str:
        made = (f"{name} {one.method} {one.dimensions}" for name, one in self._bridges.items())
        return f"<Bridges{self._between()}: {', '.join(made) or 'none'}>"

    def _repr_html_(self) -> str:
        rows: list[tuple[str, str, str]] = [
            (name, one.method, f"{one.dimensions[0]} → {one.dimensions[1]}") for name, one in self.items()
        ]
        rows += [("", reason, "") for reason in self.reasons]
        return table(f"bridges{self._between()}", ("queries", "method", "dimensions"), rows)

    def _between(self) -> str:
        return (
            ""
            if self.report is None
            else f" {self.report.new} -> {self.report.old}: {self.report.verdict.word}"
        )


def load_bridges(path: str | os.PathLike[str]) -> Bridges:
    """Read the file that `embver bridge A B --out FILE` wrote; raise IntegrityError if it is none."""
    from embver.actions import bridge

    return Bridges(bridge.load_bridges(Path(path))[0])
