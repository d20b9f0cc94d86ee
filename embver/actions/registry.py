"""The registry that a repository's tags make: embeddings, releases, stages, and what a reference names."""

from __future__ import annotations

from collections.abc import Callable
from functools import cached_property
from typing import TYPE_CHECKING

from embver import history
from embver.errors import UsageError
from embver.history import Release, TagRecord
from embver.store.config import Settings
from embver.store.repo import Repository
from embver.tagname import Reference, check_name

if TYPE_CHECKING:
    from embver.card import Card
    from embver.levels import Level
    from embver.lifecycle import Lifecycle
    from embver.version import Version

NEXT = "next"
CARD = "card.yaml"


class Registry:
    """What the tags of one repository tell; `note` is told what a person should know besides the answer."""

    def __init__(
        self, repo: Repository, settings: Settings, *, note: Callable[[str], None] | None = None
    ) -> None:
        self.repo = repo
        self.settings = settings
        self._note = note
        self._told_of: set[str] = set()
        self._mine: dict[str, tuple[TagRecord, ...]] = {}

    @cached_property
    def tag_records(self) -> tuple[TagRecord, ...]:
        """Return every tag, release or not, as Git has it."""
        return self.repo.tag_records()

    @cached_property
    def lifecycle(self) -> Lifecycle:
        """Return the stages and the status of every version, as tags tell them."""
        from embver.lifecycle import read_lifecycle

        return read_lifecycle(self.tag_records, self.settings.tags)

    @cached_property
    def releases(self) -> tuple[Release, ...]:
        """Return every release, in order."""
        return history.releases(self.tag_records, self.settings.tags)

    def releases_of(self, name: str) -> tuple[Release, ...]:
        """Return one embedding's releases in SemVer order."""
        if "releases" in vars(self):
            return history.of_name(self.releases, name)
        return history.of_name(history.releases(self.records_of(name), self.settings.tags), name)

    def lifecycle_of(self, name: str) -> Lifecycle:
        """Return the stages and the status of one embedding's versions."""
        from embver.lifecycle import read_lifecycle

        return read_lifecycle(self.records_of(name), self.settings.tags)

    def records_of(self, name: str) -> tuple[TagRecord, ...]:
        """Return the tags of one embedding, and perhaps others; Git is asked for its tags alone."""
        if "tag_records" in vars(self):
            return self.tag_records
        if name not in self._mine:
            self._mine[name] = self.repo.tag_records(*self.settings.tags.patterns(name))
        return self._mine[name]

    def folder(self, name: str, version: object) -> str:
        """Return where a version lies, from the repository's root."""
        return f"{self.settings.embeddings}/{name}/{version}"

    # ---- names and references

    def names(self) -> tuple[str, ...]:
        """Return every embedding: those released, and those with a `next/`."""
        root = self.repo.root / self.settings.embeddings
        begun = {card.parent.parent.relative_to(root).as_posix() for card in root.glob(f"**/{NEXT}/{CARD}")}
        return tuple(sorted({release.name for release in self.releases} | begun))

    def check_name(self, name: str) -> str:
        """Return a legal name; raise UsageError otherwise."""
        try:
            return check_name(name)
        except ValueError as error:
            raise UsageError(str(error)) from error

    def usable(self, name: str) -> tuple[Release, ...]:
        """Return one embedding's releases in SemVer order, without those that were yanked."""
        yanked = self.lifecycle_of(name).yanked
        return tuple(release for release in self.releases_of(name) if release.reference not in yanked)

    def standing(self, name: str) -> tuple[Release, ...]:
        """Return the releases that a next version has to agree with: none that was yanked, unless all were."""
        return self.usable(name) or self.releases_of(name)

    def following(self, current: Release, level: Level) -> Version:
        """Return the number that follows a release for a level; what yanked releases used up is passed over."""
        standing = frozenset(release.reference for release in self.standing(current.name))
        return history.following(self.releases_of(current.name), current.version, level, standing=standing)

    def latest(self, name: str) -> Release | None:
        """Return the latest release of an embedding that is not yanked, or None."""
        return history.latest(self.usable(name))

    def base(self, card: Card) -> Release | None:
        """Return the release that a working version goes on from: the latest, or that of the line its card names.

        Raises UsageError if the card's `previous` is no release.
        """
        mine = self.standing(card.name)
        begun_from = card.plain.get("previous")
        if begun_from is None:
            return self._told(card.name, history.base(mine))
        origin = self.find(str(begun_from))
        return (
            history.base(mine, origin.version) or origin
        )  # begun from a yanked one, with nothing of its line left

    def newest(self, name: str) -> Release | None:
        """Return the release that the next version goes on from: 1.2.0-rc.1 once it is out, not 1.1.0."""
        return self._told(name, history.newest(self.standing(name)))

    def find(self, text: str) -> Release:
        """Return the release that a reference names; raise UsageError listing what there is."""
        try:
            reference = Reference.parse(text)
        except ValueError as error:
            raise UsageError(str(error)) from error
        if reference.stage is None and reference.selector == "latest":
            release = self._told(reference.name, self.latest(reference.name))
        else:
            release = history.find(self.releases_of(reference.name), self._unstaged(reference))
        if release is None:
            raise _unknown(self, reference)
        return release

    def _unstaged(self, reference: Reference) -> Reference:
        """Return a reference by version for one by stage, `NAME#STAGE`; another one as it is."""
        if reference.stage is None:
            return reference
        held = self.lifecycle_of(reference.name).stages.get((reference.name, reference.stage))
        return Reference.parse(held) if held else reference

    def _told(self, name: str, found: Release | None) -> Release | None:
        """Return a release that stands for the latest, once said which newer ones were passed over: yanked."""
        if found is None or self._note is None or name in self._told_of:
            return found
        self._told_of.add(name)
        yanked = self.lifecycle_of(name).yanked
        for release in self.releases_of(name):
            if found.version < release.version and release.reference in yanked:
                said = yanked[release.reference].sentence(release.reference).rstrip(".")
                self._note(f"{said}; taken instead: {found.reference}")
        return found


def _unknown(registry: Registry, reference: Reference) -> UsageError:
    from embver.actions.unknown import unknown

    return unknown(registry, reference)
