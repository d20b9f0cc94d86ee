"""The command line: one file a command, text or JSON, one exit code a kind of outcome."""

from __future__ import annotations

import contextlib
import gc
import os
import signal
import sys
from collections.abc import Sequence

from embver.cli.lean import load_dataclasses
from embver.cli.output import Output
from embver.cli.parser import build_parser, load_command
from embver.errors import CardError, EmbverError, PolicyError

_READ_ONLY = {"validate", "list", "show", "log", "trace", "gate"}
_LONG = {"--ablate"}  # of a command that reads else: it runs for minutes, and torch is loaded

EXIT_UNEXPECTED = 70
EXIT_BISECT_SKIP = 125  # to `git bisect run` a 2 is a bad commit, and so a slip of the pen would find one
EXIT_INTERRUPTED = 130
EXIT_BROKEN_PIPE = 141
EXIT_TERMINATED = 143


def run() -> None:
    """Run the command line as the program `embver`, and exit with its code."""
    load_dataclasses()
    if _command_in(sys.argv[1:]) not in _READ_ONLY or not _LONG.isdisjoint(sys.argv):
        run_as_module()
    # The hook's command, at every commit: taking Python apart again is a seventh of checking one card, and looking
    # for cycles among what imports leave behind a twentieth; of listing 10,000 releases a fifth. These commands leave
    # nothing open but their output.
    gc.disable()
    code = _run()
    for stream in (sys.stdout, sys.stderr):
        with contextlib.suppress(OSError, ValueError):
            stream.flush()
    os._exit(code)


def run_as_module() -> None:
    """Run the command line within a Python that goes on to end by itself, as in `python -m embver`."""
    sys.exit(_run())


def _run() -> int:
    # Ended from outside (`timeout`, a CI runner), a command cleans up as it does after Ctrl-C.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(EXIT_TERMINATED))
    return main(sys.argv[1:])


def main(argv: Sequence[str]) -> int:
    """Run one command and return its exit code (DESIGN section 4)."""
    parser = build_parser(_command_in(argv))
    try:
        arguments = parser.parse_args(list(argv))
    except SystemExit as error:  # argparse exits by itself: 0 for --help, 2 for a mistake
        if error.code and "--bisect" in argv:
            return EXIT_BISECT_SKIP
        return int(error.code or 0)
    out = Output(is_json=getattr(arguments, "json", False), environment=os.environ)
    try:
        code = load_command(arguments.command).run(arguments, out)
        sys.stdout.flush()
        return code
    except EmbverError as error:
        _explain(error, out)
        return error.exit_code
    except KeyboardInterrupt:
        out.error("interrupted", hint=None)
        return EXIT_INTERRUPTED
    except BrokenPipeError:
        # `embver list | head`: nobody reads any more. Python would complain once more when it closes stdout.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return EXIT_BROKEN_PIPE
    except Exception as error:
        if arguments.debug:
            raise
        _report_bug(error, out)
        return EXIT_UNEXPECTED


def _command_in(argv: Sequence[str]) -> str | None:
    """Return the command's word without parsing, so that only its module is loaded; None if all are asked for."""
    rest = iter(argv)
    for word in rest:
        if word in ("-h", "--help"):
            return None
        if word == "-C":
            next(rest, None)
        elif not word.startswith("-"):
            return word
    return None


def _explain(error: EmbverError, out: Output) -> None:
    if isinstance(error, CardError):
        for problem in error.problems:
            out.say(problem.format())
    if isinstance(error, PolicyError) and error.reasons:
        out.refuse(error.message, reasons=error.reasons, hint=error.hint)
        return
    out.error(error.message, hint=error.hint)


def _report_bug(error: Exception, out: Output) -> None:
    import platform

    from embver import __version__

    out.error(
        f"unexpected: {type(error).__name__}: {error}", hint="the same command with --debug shows where"
    )
    system = (
        f"embver {__version__}, Python {platform.python_version()}, {platform.system()} {platform.machine()}"
    )
    out.say(f"This is a bug in embver. Please report it with: {system}")
