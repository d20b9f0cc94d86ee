"""Plan the release of the working version: everything that can fail is looked at here, before the first change.

`actions/release_apply.py` carries a plan out, `actions/release_push.py` publishes it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from embver.actions.dvc_artifacts import artifact_files
from embver.actions.release_checks import (
    check_encoded,
    check_free,
    check_repository,
    check_truth,
    release_files,
    uncommitted,
)
from embver.actions.release_gates import allowed_lines, check_gates
from embver.actions.release_level import ReleaseRequest, choose_level, choose_version
from embver.actions.status import StatusReport, status
from embver.actions.workspace import CARD, NEXT, Workspace
from embver.card import card_digest
from embver.errors import PolicyError, RepoError
from embver.rules import Strength
from embver.store.cards import read_card_text, update_card
from embver.store.repo import Standing
from embver.store.schemas import check_card
from embver.tagmessage import format_message
from embver.version import Version


@dataclass(frozen=True, slots=True, kw_only=True)
class ReleasePlan:
    """What a release would do, ready to be applied."""

    name: str
    version: Version
    tag: str
    level: str
    verdict: str
    previous: str | None
    report: StatusReport
    card: str  # the card's new text
    written: str  # the card's text in next/, from which the new one was made
    digest: str
    message: str
    files: tuple[str, ...]  # in next/, relative to it
    override: dict[str, Any] | None
    allowed_regressions: dict[str, Any] | None  # gates that were not met, and why it is released all the same
    standing: Standing  # what HEAD was when the plan was made
    is_signed: bool  # the tag
    is_commit_signed: bool
    uncommitted: tuple[str, ...]  # paths that the version stands on and no commit holds
    extra: Mapping[str, bytes]  # what else the commit holds, by path: DVC's names of the versions

    @property
    def reference(self) -> str:
        """Return NAME@VERSION."""
        return f"{self.name}@{self.version}"

    def to_plain(self) -> dict[str, Any]:
        """Return the stable keys of `embver release --json`."""
        return {
            "name": self.name,
            "version": str(self.version),
            "tag": self.tag,
            "level": self.level,
            "verdict": self.verdict,
            "previous": self.previous,
            "card_digest": self.digest,
            "override": self.override,
            "allowed_regressions": self.allowed_regressions,
            "signed": self.is_signed,
        }


def plan_release(work: Workspace, request: ReleaseRequest) -> ReleasePlan:
    """Decide number, card and message of a release; changes nothing.

    Raises PolicyError with the reasons where the number would promise more than was measured, CardError for a
    card that is not valid, UsageError where there is nothing to release or something is in the way.
    """
    standing = check_repository(work)
    report = status(work, request.name)
    check_encoded(work, report)
    _check_worth(report, request)
    level, override = choose_level(report, request, by=_who(work))
    allowed = check_gates(work, request, by=_who(work))
    version = choose_version(work, report, level, request)
    tag = work.settings.tags.format(request.name, version)
    check_free(work, report, version, tag)
    check_truth(work, report)
    written = work.path(work.folder(request.name, NEXT), CARD).read_bytes().decode()
    text = _card(written, report, version, override, allowed)
    parsed = read_card_text(text, path=f"{work.folder(request.name, version)}/{CARD}")
    problems = check_card(parsed, folder=str(version))
    if problems:
        raise RepoError(
            "the card to be released would not be valid:\n" + "\n".join(p.format() for p in problems)
        )
    digest = card_digest(parsed.plain)
    word, verdict = _words(report, level.word)
    previous = report.current.reference if report.current else None
    signing = work.repo.settings(r"^(commit\.gpgsign|tag\.(gpgsign|forcesignannotated))$")
    wants_signed = _is_true(signing.get("tag.gpgsign")) or _is_true(signing.get("tag.forcesignannotated"))
    is_signed = wants_signed if request.is_signed is None else request.is_signed
    return ReleasePlan(
        name=request.name,
        version=version,
        tag=tag,
        level=word,
        verdict=verdict,
        previous=previous,
        report=report,
        card=text,
        written=written,
        digest=digest,
        message=format_message(
            title=f"{request.name} {version}",
            words=[str(entry["text"]) for entry in parsed.plain.get("changes") or ()],
            reasons=_reasons(report),
            override=override,
            allowed=allowed and {**allowed, "lines": allowed_lines(allowed)},
            trailers={"Card-Digest": digest, "Level": word, "Verdict": verdict, "Previous": previous},
        ),
        files=release_files(work, report),
        override=override,
        allowed_regressions=allowed,
        standing=standing,
        is_signed=is_signed,
        is_commit_signed=_is_true(signing.get("commit.gpgsign")) and request.is_signed is not False,
        uncommitted=uncommitted(work),
        extra=artifact_files(work, parsed.plain),
    )


def _reasons(report: StatusReport) -> list[str]:
    """Return why the level is what it is, a line a reason, as the tag says it."""
    return [
        f"{reason.level.word}: {reason.path}: {reason.why}"
        for reason in report.reasons
        if reason.level or reason.strength is Strength.OWN
    ]


def _words(report: StatusReport, level: str) -> tuple[str, str]:
    """Return level and verdict as the tag says them."""
    judged = report.judgement
    if judged is None:
        return "first", "none"
    return level, judged.verdict.word if judged.verdict else "unmeasured"


def _who(work: Workspace) -> str | None:
    """Return the name, and never the address, of who releases."""
    return (work.repo.committer or "").partition(" <")[0] or None


def _is_true(value: str | None) -> bool:
    return (value or "").lower() in ("true", "yes", "on", "1")


def _check_worth(report: StatusReport, request: ReleaseRequest) -> None:
    # Asked for by its level, even a change of words alone is released: it is the person's to say. A build is the same
    # version made elsewhere, and 1.0.0 after 0.y.z the same vectors with a promise.
    if report.is_worth_a_release or (request.level and report.has_new_words):
        return
    if request.build is not None or request.initial is not None:
        return
    raise PolicyError(
        f"{request.name}: nothing changed since {report.current.reference if report.current else ''} "
        "that a user of its vectors could notice",
        hint=f"embver diff {request.name}"
        + (f", or embver release {request.name} --level patch" if report.has_new_words else ""),
    )


def _card(
    text: str,
    report: StatusReport,
    version: Version,
    override: dict[str, Any] | None,
    allowed: dict[str, Any] | None,
) -> str:
    updates: list[tuple[tuple[str, ...], Any]] = [(("version",), str(version))]
    if override is not None:
        updates.append((("override",), override))
    if allowed is not None:
        updates.append((("allowed_regressions",), allowed))
    if report.comparisons:
        updates.append((("compatibility",), [found.to_record() for found in report.comparisons]))
    return update_card(text, updates)
