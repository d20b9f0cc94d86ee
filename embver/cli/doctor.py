"""`embver doctor`."""

from __future__ import annotations

import argparse
import os
from pathlib import Path

from embver.cli.output import Output
from embver.cli.parser import add_json


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    add_json(parser)


def run(arguments: argparse.Namespace, out: Output) -> int:
    """Check what embver stands on; exit 1 if something is wrong."""
    from embver.actions.doctor import doctor

    checks = doctor(Path(arguments.directory).absolute(), environment=os.environ)
    is_wrong = any(check.state == "wrong" for check in checks)
    if out.is_json:
        out.json({"ok": not is_wrong, "checks": [check.to_plain() for check in checks]})
        return 1 if is_wrong else 0
    signs = {"ok": ("✓", "green"), "warning": ("!", "yellow"), "wrong": ("✗", "red")}
    for check in checks:
        sign, colour = signs[check.state]
        repair = f"  ->  {check.repair}" if check.repair and check.state != "ok" else ""
        out.print(f"{out.style(sign, colour)} {check.name}: {check.found}{repair}")
    return 1 if is_wrong else 0
