"""Open the workspace of a command, and put right what a killed one left."""

from __future__ import annotations

import argparse
from datetime import UTC, datetime
from pathlib import Path

from embver.actions.workspace import Workspace


def open_workspace(arguments: argparse.Namespace) -> Workspace:
    """Open the repository that `-C` names."""
    return Workspace.open(Path(arguments.directory).absolute())


def open_for_writing(arguments: argparse.Namespace) -> Workspace:
    """Open the repository, and finish or forget a release that was interrupted."""
    from embver.actions.release import recover

    work = open_workspace(arguments)
    recover(work)
    return work


def now() -> datetime:
    """Return the time, in UTC: the one clock of the program."""
    return datetime.now(UTC)
