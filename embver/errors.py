"""Everything that can go wrong and is expected to: a message, the next command to type, an exit code. Ground floor.

A finding (exit 1: checked and wrong) and a failure (exit 3: could not check) never share a class or a code.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from embver.problem import Problem


class EmbverError(Exception):
    """An expected failure: `message` says what is wrong and where, `hint` what to type next."""

    exit_code = 3

    def __init__(self, message: str, *, hint: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint


class CardError(EmbverError):
    """One or more cards are malformed or contradict themselves; every problem is listed."""

    exit_code = 1

    def __init__(self, message: str, *, problems: tuple[Problem, ...] = (), hint: str | None = None) -> None:
        super().__init__(message, hint=hint)
        self.problems = problems


class PolicyError(EmbverError):
    """A release claims less than it breaks, or claims nothing; `reasons` say why."""

    exit_code = 1

    def __init__(self, message: str, *, reasons: tuple[str, ...] = (), hint: str | None = None) -> None:
        super().__init__(message, hint=hint)
        self.reasons = reasons


class IntegrityError(EmbverError):
    """Bytes, pointers, card and tag do not agree."""

    exit_code = 1


class StampError(EmbverError):
    """A vector store has no stamp, a damaged one, or was changed since it was stamped."""

    exit_code = 1


class UsageError(EmbverError):
    """The command was asked wrongly: an unknown name, version, option value or folder."""

    exit_code = 2


class RepoError(EmbverError):
    """Git could not do what was needed."""


class LfsError(EmbverError):
    """git-lfs is missing, or could not do what was needed."""


class EncodeError(EmbverError):
    """The encode step could not run: a model, an input or a step is not usable."""


class ConfigError(EmbverError):
    """The settings file is malformed."""

    exit_code = 2


class MissingExtra(EmbverError):  # noqa: N818  (reads as what it says)
    """An optional part is not installed."""

    def __init__(self, extra: str, *, needed_for: str) -> None:
        super().__init__(
            f"{needed_for} needs parts that are not installed",
            hint=f"pip install 'embver[{extra}]'",
        )
        self.extra = extra
