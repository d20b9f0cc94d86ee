"""A repository of embeddings, in Python: what the commands do, as values."""

from __future__ import annotations

import os
import warnings
from pathlib import Path
from typing import TYPE_CHECKING, Any

from embver.api.bridges import Bridges
from embver.api.card import Card
from embver.api.reports import CardDiff, ReleaseEntry, Releases, measurement
from embver.api.version import Version
from embver.errors import IntegrityError, PolicyError, UsageError
from embver.notebook import table

if TYPE_CHECKING:
    from embver.actions.workspace import Source, Workspace
    from embver.lifecycle import Status
    from embver.measure.arrays import Measurement
    from embver.measure.bridge import Method

    Place = str | os.PathLike[str]


class DeprecatedVersion(UserWarning):
    """A version was opened that works, but that its makers want users to move on from."""


class Repository:
    """The repository around a folder; raise UsageError or ConfigError with what to type where there is none."""

    def __init__(self, path: Place = ".") -> None:
        from embver.actions.workspace import Workspace

        self._place = Path(path).absolute()
        self._work = Workspace.open(self._place)

    @property
    def root(self) -> Path:
        """Return the folder at the top of the repository."""
        return self._work.repo.root

    def embeddings(self) -> tuple[str, ...]:
        """Return the names of the embeddings: those released, and those with a working version."""
        return self._work.names()

    def releases(self, name: str | None = None) -> Releases:
        """Return every release, or those of one embedding, in SemVer order: `embver list`."""
        from embver.actions.listing import list_releases

        listed = list_releases(self._work, name).releases
        return Releases([ReleaseEntry(**entry._asdict()) for entry in listed])

    def open(self, reference: str, *, allow_yanked: bool = False) -> Version:
        """Open a version by NAME@VERSION, NAME@latest, NAME@next, NAME#STAGE or NAME.

        Raises PolicyError with reason and successor for a yanked version, unless it is allowed; warns with
        DeprecatedVersion for a deprecated one. Raises UsageError for a reference that names nothing, and
        IntegrityError where the card is not the one that was released.
        """
        return _checked(open_in(self._work, reference), allow_yanked=allow_yanked)

    def latest(self, name: str) -> Version:
        """Open the latest release of an embedding that is not yanked; a pre-release only where there is no other."""
        return _checked(open_in(self._work, f"{name}@latest"), allow_yanked=False)

    def compare(self, old: str | Version, new: str | Version) -> CardDiff:
        """Compare two versions' cards field by field, with the level of each change: `embver diff`."""
        from embver.actions.diffing import diff

        found = diff(self._work, _reference(old), _reference(new))
        return CardDiff(old=found.old, new=found.new, changes=found.changes, reasons=found.reasons)

    def measure(self, old: str | Version, new: str | Version) -> Measurement:
        """Measure one version against another by stratum and give the verdict: `embver compat`.

        Raises EmbverError saying why where that cannot be done.
        """
        return measurement(self._work, _reference(old), _reference(new))

    def bridge(
        self,
        old: str | Version,
        new: str | Version,
        *,
        method: Method | None = None,
        out: Place | None = None,
    ) -> Bridges:
        """Learn maps from the new version's queries to the old version's index: `embver bridge OLD NEW`.

        `method` asks for one kind of map, `out` keeps them in a file that `embver.load_bridges` reads. Raises
        EmbverError saying why where none can be learned.
        """
        from embver.actions.bridge import BridgeRequest, bridge

        request = BridgeRequest(
            old=_reference(old),
            new=_reference(new),
            method=method,
            out=Path(out) if out is not None else None,
        )
        report = bridge(self._work, request)
        return Bridges(report.bridges, report)

    def __repr__(self) -> str:
        return f"<Repository {self.root}: {', '.join(self.embeddings()) or 'no embeddings'}>"

    def _repr_html_(self) -> str:
        rows: list[tuple[str, Any, Any]] = []
        for name in self.embeddings():
            release = self._work.latest(name)
            rows.append((name, release.version if release else "next", release.date[:10] if release else ""))
        return table(str(self.root), ("embedding", "latest", "date"), rows)


def open(  # noqa: A001  (embver.open reads as what it does)
    reference: str, path: Place = ".", *, allow_yanked: bool = False
) -> Version:
    """Open a version of the repository around a folder: `embver.open("products@2.1.0")`.

    The arguments and errors are those of `Repository.open`.
    """
    return _checked(open_in(Repository(path)._work, reference), allow_yanked=allow_yanked)


def open_in(work: Workspace, reference: str) -> Version:
    """Open a version whatever its status; raise IntegrityError where its card is not the one that was released."""
    source = work.source(reference)
    card = Card.from_plain(_plain(work, source))
    name = source.reference.partition("@")[0]
    return Version(work, source, card, _status(work, name, source.reference))


def _plain(work: Workspace, source: Source) -> Any:
    from embver.actions.current import current_cards
    from embver.card import card_digest

    if source.release is None:
        return work.card(source).plain
    plain = next(iter(current_cards(work, [source.release]))).plain
    written = source.release.card_digest
    if written is not None and card_digest(plain) != written:
        raise IntegrityError(
            f"the card of {source.reference} is not the one that was released",
            hint=f"embver verify {source.reference}",
        )
    return plain


def _status(work: Workspace, name: str, reference: str) -> Status:
    return work.lifecycle_of(name).status(reference)


def _checked(version: Version, *, allow_yanked: bool) -> Version:
    """Refuse a yanked version, and warn of one that is deprecated or was allowed, at the caller's caller's line."""
    status = version.status
    if status.is_active:
        return version
    told = status.sentence(version.reference)
    if status.is_yanked and not allow_yanked:
        instead = (
            f"embver.open({status.successor!r})" if status.successor else "allow_yanked=True if it must be"
        )
        raise PolicyError(told, hint=instead)
    instead = f"; its successor is {status.successor}" if status.successor else ""
    warnings.warn(f"{told}{instead}", DeprecatedVersion, stacklevel=3)
    return version


def _reference(version: str | Version) -> str:
    if isinstance(version, str | Version):
        return version if isinstance(version, str) else version.reference
    raise UsageError(f"{version!r} is neither a reference nor a version", hint="NAME@VERSION")
