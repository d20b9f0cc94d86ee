"""Open the workspace of a command, and put right what a killed one left."""

from __future__ import annotations

import argparse
import os
from pathlib import Path
from typing import TYPE_CHECKING

from embver.actions.workspace import Workspace

if TYPE_CHECKING:
    from datetime import datetime


def open_workspace(arguments: argparse.Namespace) -> Workspace:
    """Open the repository that `-C` names."""
    return Workspace.open(Path(arguments.directory).absolute(), note=_note)


def open_for_writing(arguments: argparse.Namespace) -> Workspace:
    """Open the repository, and finish or forget a release that was interrupted."""
    from embver.actions import marking
    from embver.actions.release_apply import recover

    work = open_workspace(arguments)
    recover(work)
    marking.recover(work)
    return work


def _note(text: str) -> None:
    from embver.cli.output import Output

    Output(is_json=False, environment=os.environ).say(f"note: {text}")


def now() -> datetime:
    """Return the time, in UTC: the one clock of the program."""
    from datetime import UTC, datetime

    return datetime.now(UTC)
