"""What a short command loads, and that it can still load the rest."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
START = "from embver.cli.lean import load_dataclasses\nload_dataclasses()\n"


def said(code: str, folder: Path) -> list[str]:
    argv = [sys.executable, "-c", code]
    done = subprocess.run(
        argv, cwd=folder, capture_output=True, text=True, check=True, env={"PYTHONPATH": str(ROOT)}
    )
    return done.stdout.split()


@pytest.mark.skipif(sys.version_info >= (3, 13), reason="dataclasses itself asks inspect there")
def test_dataclasses_come_without_inspect_and_work(tmp_path: Path) -> None:
    code = START + (
        "import dataclasses, sys\n"
        "@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)\nclass A:\n    'Words.'\n    x: int = 1\n"
        "print(A(x=2), 'inspect' in sys.modules)"
    )
    assert said(code, tmp_path) == ["A(x=2)", "False"]


def test_inspect_is_the_real_one_for_whoever_asks(tmp_path: Path) -> None:
    code = START + (
        "import dataclasses\n"
        "@dataclasses.dataclass\nclass A:\n    x: int = 1\n"  # without a docstring: its signature becomes one
        "print(A.__doc__.replace(' ', ''))\n"
        "import inspect\nprint(inspect.isclass(A), inspect.__file__.endswith('inspect.py'))"
    )
    assert said(code, tmp_path) == ["A(x:int=1)", "True", "True"]


def test_where_dataclasses_is_loaded_nothing_changes(tmp_path: Path) -> None:
    code = "import dataclasses, inspect, sys\n" + START + "print(sys.modules['inspect'] is inspect)"
    assert said(code, tmp_path) == ["True"]


@pytest.mark.parametrize("columns", ["40", "200"])
def test_help_is_laid_out_as_argparse_does(columns: str, monkeypatch: pytest.MonkeyPatch) -> None:
    import argparse

    from embver.cli import parser

    monkeypatch.setenv("COLUMNS", columns)
    full, children = parser.build_full_parser()
    ours = [full.format_help(), *(child.format_help() for child in children.values())]
    monkeypatch.setattr(parser, "_Layout", argparse.HelpFormatter)
    monkeypatch.setattr(parser, "_RawLayout", argparse.RawDescriptionHelpFormatter)
    full, children = parser.build_full_parser()
    assert ours == [full.format_help(), *(child.format_help() for child in children.values())]
