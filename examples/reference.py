"""Write the reference pages of the documentation from what they describe: parser, schemas, level table, decision rule.

The pages are committed. `python examples/reference.py` writes them anew, `--check` fails if one is stale. They are
rendered here and not by argparse, whose help differs from one Python to the next and with the terminal's width.
"""

from __future__ import annotations

import argparse
import sys
import textwrap
from collections.abc import Sequence
from pathlib import Path

from reference_fields import card_fields, settings
from reference_levels import decision_rule, level_table
from reference_markdown import code, page, table
from rules_reference import rules_page

from embver.cli.parser import build_full_parser

ROOT = Path(__file__).resolve().parent.parent
PAGES = ROOT / "site" / "reference"
COLUMNS = 80


def pages() -> dict[str, str]:
    """Return every generated page by its file name."""
    return {
        "command-line.md": command_line(),
        "card.md": card_fields(),
        "settings.md": settings(),
        "levels.md": level_table(),
        "rule.md": decision_rule(),
        "rules.md": rules_page(),
    }


# ---- the command line


def command_line() -> str:
    """Return the page of every command, its arguments and options."""
    parser, commands = build_full_parser()
    own = [action for action in parser._actions if not isinstance(action, argparse._SubParsersAction)]
    listed = [(f"[`embver {name}`](#{name})", first(child.description)) for name, child in commands.items()]
    blocks = ["## Options of every command", arguments(own, "They stand before the command.")]
    blocks += ["## Commands", table(("command", "what it does"), listed)]
    for name, child in commands.items():
        blocks += [f"### {name}", child.description or "", fence(usage(name, child))]
        blocks.append(arguments([action for action in child._actions if action.dest != "help"]))
    lead = (
        "A reference (`REF`, `A`, `B`) is `NAME@VERSION`, `NAME@latest`, `NAME@next` for the working version, "
        "`NAME#STAGE` for what [GTO](../recipes.md#read-and-write-tags-with-gto) promoted, or `NAME` for the latest "
        "release. The exit codes are on [their own page](../exit-codes.md), the documents that `--json` prints on "
        "[another](../json.md)."
    )
    return page("The command line", lead, *(block for block in blocks if block))


def first(text: str | None) -> str:
    """Return a description without its full stop."""
    return (text or "").rstrip(".")


def fence(text: str) -> str:
    """Return a block of text as it is typed."""
    return f"```text\n{text}\n```"


def usage(name: str, parser: argparse.ArgumentParser) -> str:
    """Return the usage of a command, wrapped at 80 columns."""
    exclusive = [group._group_actions for group in parser._mutually_exclusive_groups]
    words, seen = [], set()
    options = [action for action in parser._actions if action.option_strings and action.dest != "help"]
    for action in options:
        group = next((group for group in exclusive if action in group), [action])
        if action.dest not in seen:
            seen.update(each.dest for each in group)
            words.append("[" + " | ".join(option(each) for each in group) + "]")
    for action in parser._actions:
        if not action.option_strings:
            words.append({"?": "[{}]", "*": "[{} ...]"}.get(str(action.nargs), "{}").format(operand(action)))
    head = f"embver {name} "
    kept = [word.replace(" ", "\0") for word in words]  # an option stays with its value
    wrapped = textwrap.wrap(
        " ".join(kept), COLUMNS - len(head), break_long_words=False, break_on_hyphens=False
    )
    lines = [line.replace("\0", " ") for line in wrapped]
    return (
        "\n".join((head if n == 0 else " " * len(head)) + line for n, line in enumerate(lines))
        or head.rstrip()
    )


def option(action: argparse.Action) -> str:
    """Return an option as it is typed, with its value; the short form where there is one."""
    value = "" if action.nargs == 0 else f" {operand(action)}"
    return f"{action.option_strings[0]}{value}"


def operand(action: argparse.Action) -> str:
    """Return what stands for a value."""
    if action.choices is not None:
        return "{" + ",".join(str(choice) for choice in action.choices) + "}"
    return str(action.metavar or action.dest.upper())


def arguments(actions: Sequence[argparse.Action], note: str = "") -> str:
    """Return a table of arguments, those without a name first."""
    ordered = sorted(actions, key=lambda action: bool(action.option_strings))
    rows = []
    for action in ordered:
        value = "" if action.nargs == 0 else f" {operand(action)}"
        names = [f"{name}{value}" for name in action.option_strings] or [operand(action)]
        rows.append((", ".join(code(name) for name in names), said(action)))
    return "\n\n".join(part for part in (note, table(("argument", "meaning"), rows) if rows else "") if part)


def said(action: argparse.Action) -> str:
    """Return the help of an argument; two texts are argparse's own, which differ between Pythons."""
    own = {"help": "show the help and exit", "version": "show the version and exit"}
    text = own.get(action.dest) or (action.help or "") % {"default": action.default, "prog": "embver"}
    return " ".join(text.split())


# ---- write or check


def stale(folder: Path = PAGES) -> list[str]:
    """Return the names of pages that are not what they should be, and of pages that should not be there."""
    made = pages()
    old = [name for name, text in made.items() if read(folder / name) != text]
    return sorted(old + [file.name for file in folder.glob("*.md") if file.name not in made])


def read(file: Path) -> str | None:
    """Return a file's text, or None."""
    return file.read_text(encoding="utf-8") if file.is_file() else None


def main(argv: Sequence[str]) -> int:
    """Write the pages, or with --check tell whether they are current; return the exit code."""
    parser = argparse.ArgumentParser(description="Write the documentation's reference pages.")
    parser.add_argument("--check", action="store_true", help="write nothing; exit 1 if a page is stale")
    found = stale()
    if parser.parse_args(argv).check:
        for name in found:
            print(f"site/reference/{name} is stale: python examples/reference.py", file=sys.stderr)
        return 1 if found else 0
    PAGES.mkdir(parents=True, exist_ok=True)
    for name, text in pages().items():
        if name in found:
            (PAGES / name).write_text(text, encoding="utf-8")
            print(f"wrote site/reference/{name}")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
