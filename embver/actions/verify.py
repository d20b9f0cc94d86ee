"""Prove that nothing moved: tag, commit, card, pointers and bytes agree."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from embver.actions.disagreements import disagreements
from embver.actions.reencode_report import Reencoded
from embver.actions.verify_files import Finding, check_releases
from embver.actions.verify_tags import check_remote, check_tags, ignored_tags
from embver.actions.workspace import Workspace
from embver.errors import UsageError
from embver.history import Release

if TYPE_CHECKING:
    from embver.actions.reencode import ReencodeRequest

FAULTS = ("missing", "changed", "extra", "moved", "signatures")


@dataclass(frozen=True, slots=True, kw_only=True)
class VerifyRequest:
    """What `embver verify` was asked; no reference and no tag means every release.

    `quick` looks at Git alone, `deep` also reads the vectors; `remote` is asked for its tags; `signatures` must be
    there, good, and of known signers. `reencode` encodes a sample of the named versions again.
    """

    references: tuple[str, ...] = ()
    tag: str | None = None  # `refs/tags/...` or a tag's name, as a CI job is given it
    quick: bool = False
    deep: bool = False
    remote: str | None = None
    signatures: bool = False
    reencode: ReencodeRequest | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class VerifyReport:
    """What was looked at, and everything that does not agree."""

    references: tuple[str, ...]
    findings: tuple[Finding, ...]
    hashed_bytes: int
    notes: tuple[str, ...] = ()  # what could not be looked at, or was none of ours
    reencoded: tuple[Reencoded, ...] | None = None  # None: nobody asked

    @property
    def is_open(self) -> bool:
        """Tell whether a version was to be encoded again, and could not be."""
        return any(each.tier is None for each in self.reencoded or ())

    @property
    def ok(self) -> bool:
        """Tell whether nothing is wrong; bytes that are not here are unverified, tags of another form ignored."""
        return not any(finding.kind in FAULTS for finding in self.findings)

    def to_plain(self) -> dict[str, Any]:
        """Return the stable keys of `embver verify --json`."""
        kinds = ("missing", "changed", "extra", "unverified", "moved", "signatures", "ignored")
        listed = {kind: [f.to_plain() for f in self.findings if f.kind == kind] for kind in kinds}
        plain = {"ok": self.ok, "checked": list(self.references), **listed}
        if self.reencoded is not None:
            plain["reencoded"] = [each.to_plain() for each in self.reencoded]
        return plain


def verify(work: Workspace, request: VerifyRequest) -> VerifyReport:
    """Check releases against their tags, cards, pointers and the bytes that are on this machine.

    Any number of releases takes a handful of git processes. Raises UsageError for a reference that is not known,
    RepoError where a remote does not answer.
    """
    if request.reencode is not None and not request.references and request.tag is None:
        raise UsageError("--reencode: name a version", hint="embver verify NAME@VERSION --reencode")
    if request.tag is not None:
        return _verify_tag(work, request, request.tag)
    named = tuple(work.find(text) for text in request.references)
    findings = list(check_tags(work, named or work.releases, is_whole=not named))
    if not named:
        findings += ignored_tags(work)
    return _verify(work, named or work.releases, request, findings)


def _verify(
    work: Workspace, releases: tuple[Release, ...], request: VerifyRequest, findings: list[Finding]
) -> VerifyReport:
    found, hashed_bytes = check_releases(work, releases, quick=request.quick, deep=request.deep)
    findings = [*found, *findings]
    if request.remote is not None:
        is_whole = not request.references and request.tag is None
        findings += check_remote(work, request.remote, releases, is_whole=is_whole)
    if request.signatures:
        from embver.actions.verify_signatures import check_signatures

        findings += check_signatures(work, releases)
    notes = []
    if work.repo.is_shallow():
        notes.append(
            "this clone is shallow: what came before its oldest commit, and its tags, could not be looked at "
            "(git fetch --unshallow --tags)"
        )
    reencoded = _reencode(work, releases, request.reencode)
    findings += [finding for each in reencoded or () for finding in each.findings()]
    references = {release.reference for release in releases}
    notes += [f"{d.reference}: {d.why}" for d in disagreements(work) if d.reference in references]
    return VerifyReport(
        references=tuple(release.reference for release in releases),
        findings=tuple(findings),
        hashed_bytes=hashed_bytes,
        notes=tuple(notes),
        reencoded=reencoded,
    )


def _reencode(
    work: Workspace, releases: tuple[Release, ...], request: ReencodeRequest | None
) -> tuple[Reencoded, ...] | None:
    if request is None:
        return None
    from embver.actions.reencode import reencode

    return tuple(reencode(work, work.release_source(release), request) for release in releases)


def _verify_tag(work: Workspace, request: VerifyRequest, text: str) -> VerifyReport:
    """Check the one release that a tag stands for; a branch and a tag of another kind stand for none."""
    if request.references:
        raise UsageError(f"--tag {text} and {request.references[0]}: one or the other")
    tag = text.removeprefix("refs/tags/")
    if text.startswith("refs/") and tag == text:
        return _nothing(f"{text} is no tag: there is no release to verify")
    record = next((each for each in work.tag_records if each.tag == tag), None)
    if record is None:
        raise UsageError(
            f"there is no tag {tag!r} here", hint=f"git fetch origin refs/tags/{tag}:refs/tags/{tag}"
        )
    release = next((each for each in work.releases if each.tag == tag), None)
    if release is not None:
        return _verify(work, (release,), request, list(check_tags(work, (release,), is_whole=False)))
    why = work.settings.tags.flaw(tag)
    if why is None and (not record.commit and work.settings.tags.parse(tag)):
        why = "it is a tag of a file or folder, and no commit"
    if why is None:
        return _nothing(f"the tag {tag} is no release of an embedding: there is nothing to verify")
    # It looks like a release and is none: whoever pushed it believes that there is a version.
    finding = Finding(kind="changed", reference=tag, path=tag, why=f"the tag is ignored: {why}")
    return VerifyReport(references=(), findings=(finding,), hashed_bytes=0)


def _nothing(note: str) -> VerifyReport:
    return VerifyReport(references=(), findings=(), hashed_bytes=0, notes=(note,))
