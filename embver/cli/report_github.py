"""Problems as GitHub's workflow commands: annotations beside the lines of a pull request."""

from __future__ import annotations

from embver.problem import Problem


def annotation(problem: Problem) -> str:
    """Return one `::error` line (docs.github.com, "Workflow commands for GitHub Actions")."""
    message = f"{problem.message} -> {problem.hint}" if problem.hint else problem.message
    place = f"file={_property(problem.path)},line={problem.line},col={problem.column}"
    return f"::error {place},title={_property(f'embver {problem.rule}')}::{_data(message)}"


def _data(text: str) -> str:
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(text: str) -> str:
    return _data(text).replace(":", "%3A").replace(",", "%2C")
