"""What the demo types and prints: commands as a person types them, headings, tables, a progress bar."""

from __future__ import annotations

import os
import shlex
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

HERE = Path(__file__).resolve().parent
BUILD = HERE.parent.parent / "build"
REPOSITORY = BUILD / "demo"
REMOTE = BUILD / "demo-remote.git"
WIDTH = 88


def heading(text: str) -> None:
    """Print a heading."""
    print(f"\n{bold(text)}\n{'─' * min(WIDTH, max(len(text), 20))}", flush=True)


def bold(text: str) -> str:
    """Return a text in bold where that can be seen."""
    return f"\x1b[1m{text}\x1b[0m" if sys.stdout.isatty() and not os.environ.get("NO_COLOR") else text


def table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """Print rows in columns."""
    widths = [max(len(row[n]) for row in (head, *rows)) for n in range(len(head))]
    print()
    for number, row in enumerate((head, *rows)):
        print("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip())
        if number == 0:
            print("  ".join("─" * width for width in widths))


class bar:  # noqa: N801  (used like a function)
    """A progress bar on a terminal, and nothing elsewhere."""

    def __init__(self, what: str) -> None:
        from rich.console import Console
        from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

        self._console = Console()
        columns = (
            TextColumn(what),
            BarColumn(),
            TextColumn("{task.percentage:>3.0f} %"),
            TimeElapsedColumn(),
        )
        self._bar = Progress(*columns, console=self._console, transient=True, disable=not sys.stdout.isatty())

    def __enter__(self) -> Callable[[int, int], None]:
        self._bar.start()
        task = self._bar.add_task("", total=None)
        return lambda done, total: self._bar.update(task, completed=done, total=total)

    def __exit__(self, *_: object) -> None:
        self._bar.stop()


def program(command: str) -> str:
    """Return a command of this environment, else the system's."""
    own = Path(sys.executable).with_name(command)
    return str(own) if own.exists() else command


def run(command: str, *arguments: str, folder: str = ".") -> None:
    """Type a command in a folder: show it, let it print, stop at a failure."""
    said(command, *arguments, status=0, folder=folder)


def said(command: str, *arguments: str, status: int, folder: str = ".") -> str:
    """Type a command: show it and what it prints, stop at any other exit code; return all of it."""
    line = f"$ {f'cd {folder} && ' if folder != '.' else ''}{shlex.join([command, *arguments])}"
    print(line, flush=True)
    argv = [program(command), *arguments]
    told = None
    if status == 0:  # straight to the terminal, with its colours and progress bars
        done = subprocess.run(argv, cwd=REPOSITORY / folder, check=False)
    else:
        done = subprocess.run(argv, cwd=REPOSITORY / folder, check=False, capture_output=True, text=True)
        told = f"{done.stdout}{done.stderr}(exit code {done.returncode})\n"
        print(told, end="", flush=True)
    if done.returncode != status:
        raise SystemExit(done.returncode or f"the story expects exit code {status}")
    return f"{line}\n{told or ''}"


def capture(command: str, *arguments: str) -> str:
    """Run a command quietly and return what it prints."""
    return subprocess.run(
        [program(command), *arguments], cwd=REPOSITORY, check=True, stdout=subprocess.PIPE, text=True
    ).stdout


def git(*arguments: str, cwd: Path = REPOSITORY) -> None:
    """Run git quietly."""
    subprocess.run(["git", *arguments], cwd=cwd, check=True)
