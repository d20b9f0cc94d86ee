"""The command line as such: options, mistakes in typing, pipes, colours, and what a card's text may not do."""

from __future__ import annotations

import io
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from embver import __version__
from embver.cli import main
from embver.cli.output import Output
from embver.cli.parser import COMMANDS
from sandbox import NAME, Sandbox, embver, script


def test_version_and_help() -> None:
    assert embver("--version").out == f"embver {__version__}\n"
    said = embver("--help")
    assert said.code == 0
    for command, summary in COMMANDS.items():
        assert command in said.out
        assert embver(command, "--help").code == 0
        assert summary[1:20] in embver(command, "--help").out
    assert "exit codes: 0 fine, 1 checked and wrong, 2 asked wrongly, 3 could not do it" in said.out


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        ((), "the following arguments are required: COMMAND"),
        (("frobnicate",), "invalid choice: 'frobnicate'"),
        (("list", "--jsn"), "unrecognized arguments: --jsn"),
        (("show",), "the following arguments are required: REF"),
        (("verify", "--quick", "--deep"), "not allowed with argument"),
        (("encode", NAME, "--batch", "many"), "invalid int value: 'many'"),
        (("init", "--ci", "jenkins"), "invalid choice: 'jenkins'"),
    ],
)
def test_a_mistake_in_typing(arguments: tuple[str, ...], says: str) -> None:
    said = embver(*arguments)
    assert (said.code, said.out) == (2, "")
    assert says in said.err


def test_a_bug_says_so_and_debug_shows_where(monkeypatch, tmp_path: Path) -> None:
    import embver.cli.doctor as module

    def broken(*_: object) -> int:
        raise ZeroDivisionError("of the test")

    monkeypatch.setattr(module, "run", broken)
    said = embver("-C", str(tmp_path), "doctor")
    assert said.code == 70
    assert "error: unexpected: ZeroDivisionError: of the test" in said.err
    assert re.search(
        r"This is a bug in embver\. Please report it with: embver \S+, Python \S+, \w+ \w+", said.err
    )
    with pytest.raises(ZeroDivisionError):
        main(["--debug", "doctor"])


def test_interrupted(monkeypatch) -> None:
    import embver.cli.doctor as module

    def interrupted(*_: object) -> int:
        raise KeyboardInterrupt

    monkeypatch.setattr(module, "run", interrupted)
    assert embver("doctor").code == 130


@pytest.mark.lfs
@pytest.mark.torch
def test_nobody_reads_any_more(story: Sandbox) -> None:
    for command in (("list",), ("show", NAME, "--json"), ("log",)):
        program = Path(sys.executable).with_name("embver")
        reader, writer = os.pipe()
        os.close(reader)
        done = subprocess.run(
            [program, *command], cwd=story.root, stdout=writer, stderr=subprocess.PIPE, check=False
        )
        os.close(writer)
        assert (done.returncode, done.stderr) == (141, b""), command


# ---- colours


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def printed(
    monkeypatch, text: str, *, style: str | None = None, stream: io.StringIO, **environment: str
) -> str:
    monkeypatch.setattr(sys, "stdout", stream)
    out = Output(is_json=False, environment=environment)
    out.print(out.style(text, style) if style else text)
    return stream.getvalue()


def test_colours_are_for_terminals(monkeypatch) -> None:
    assert printed(monkeypatch, "x", style="red", stream=Terminal()) == "\x1b[31mx\x1b[0m\n"
    assert printed(monkeypatch, "x", style="red", stream=io.StringIO()) == "x\n"
    assert printed(monkeypatch, "x", style="red", stream=Terminal(), NO_COLOR="1") == "x\n"
    assert printed(monkeypatch, "x", style="red", stream=Terminal(), TERM="dumb") == "x\n"
    assert (
        printed(monkeypatch, "x", style="red", stream=io.StringIO(), FORCE_COLOR="1") == "\x1b[31mx\x1b[0m\n"
    )


HOSTILE = "\x1b[2J\x1b]0;title\x07\x1b[8mhidden\r\x9b1A\u202egnp"


def test_text_moves_no_cursor(monkeypatch) -> None:
    for stream in (Terminal(), io.StringIO()):
        shown = printed(monkeypatch, HOSTILE, stream=stream)
        assert shown.isprintable() or shown[:-1].isprintable()
        assert "hidden" in shown
    assert printed(monkeypatch, "\x1b[31mred", stream=io.StringIO()) == "\\u001b[31mred\n"


@pytest.mark.lfs
@pytest.mark.torch
def test_hostile_words_in_a_card(encoded: Sandbox) -> None:
    text = encoded.card.read_text()
    card = text.replace("text: First version.", r'text: "\e[2J\e[31m\u202Ego \x9b1A"')
    assert card != text
    encoded.card.write_text(card)
    said = encoded.embver("validate", code=None)
    if said.code == 0:  # a card may be allowed to hold them; a terminal never gets them
        encoded.embver("release", NAME)
        for command in (("show", NAME), ("log",), ("list",)):
            shown = encoded.embver(*command)
            assert not any(sign in shown.text for sign in "\x1b\x9b\u202e")
    assert not any(sign in said.text for sign in "\x1b\x9b\u202e")


# ---- JSON


@pytest.mark.lfs
@pytest.mark.torch
@pytest.mark.parametrize(
    "command",
    [("list",), ("show", NAME), ("log",), ("diff", NAME), ("compat", "emoji@1.0.0", NAME), ("verify",), ("validate",), ("doctor",)],
    ids=lambda command: command[0],
)  # fmt: skip
def test_json_is_one_document_and_nothing_else(story: Sandbox, command: tuple[str, ...]) -> None:
    said = script(*command, "--json", cwd=story.root)
    assert said.code == 0
    assert said.err == ""
    assert said.json is not None
    assert "\x1b" not in script(*command, "--json", cwd=story.root, env={"FORCE_COLOR": "1"}).out


@pytest.mark.lfs
@pytest.mark.torch
def test_json_of_the_writing_commands(encoded: Sandbox) -> None:
    benched = encoded.embver("bench", NAME, "--json")
    assert benched.json["reference"] == "emoji@next"
    assert benched.json["benchmarks"][0]["id"] == "search"
    keys = {"name", "version", "tag", "level", "verdict", "previous", "card_digest", "override", "signed"}
    keys |= {"allowed_regressions", "applied"}
    assert set(encoded.embver("release", NAME, "--json", "--dry-run").json) == keys
    released = encoded.embver("release", NAME, "--json")
    assert set(released.json) == keys | {"commit", "pushed"}
    assert released.json["card_digest"].startswith("sha256:")
    assert encoded.embver("list", "nothing", "--json", code=2).out == ""
    assert encoded.embver("status", "--json").json == []


def test_completion() -> None:
    for shell in ("bash", "zsh", "tcsh"):
        assert "release" in embver("completion", shell).out
