"""Hold cards against what their repository holds: files beside them, data, weights, probe set, the line's dimension."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property, partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from embver import history
from embver.actions.checked import Checked
from embver.actions.contents import INDEX, WORK_TREE, Content, Contents, Key, Place
from embver.actions.pairing import Pin, Where, check_pin, pins
from embver.actions.subjects import LoadedCard, Scope
from embver.actions.truth import (
    SUMS,
    Look,
    check_artifacts,
    check_benchmark_files,
    check_line,
    check_previous,
    check_probe,
    check_sums,
    is_inside,
    named_files,
)
from embver.history import Release
from embver.pointer import Pointer
from embver.problem import Flaw, Problem
from embver.store.cards import read_card_text
from embver.version import Version

if TYPE_CHECKING:  # start-up is the hook's cost, and most cards need none of these
    from embver.store.lfs import LfsStore

ITEMS = "items.jsonl"


@dataclass(frozen=True, slots=True, kw_only=True)
class _Case:
    """One card and all that it has to be held against; `origin` is where its version was made."""

    card: LoadedCard
    folder: str
    release: Release | None
    origin: Place
    known: str | None  # what it is listed by once its origin was found right; None: it cannot be
    pins: tuple[Pin, ...]
    flaws: tuple[Flaw, ...]
    probe: str | None
    start: Release | None

    @property
    def is_next(self) -> bool:
        return self.card.subject.version == "next"

    @property
    def place(self) -> Place:
        return self.card.subject.place


class Evidence:
    """Reads what cards speak of, in bulk, and tells what does not agree."""

    def __init__(
        self,
        scope: Scope,
        releases: Sequence[Release],
        tags: frozenset[str],
        checked: Checked,
        *,
        deep: bool,
        origin: str | None = None,
    ) -> None:
        """Take what is the same for all cards; `origin` is the commit that `next/` is about to be released on."""
        self._scope, self._deep, self._tags, self._checked = scope, deep, tags, checked
        self._origin = origin
        self._releases = releases
        self._by_name: dict[str, list[Release]] = {}  # looked into once a card, and there may be thousands
        for release in releases:
            self._by_name.setdefault(release.name, []).append(release)
        self._by_folder = {f"{scope.embeddings}/{r.name}/{r.version}": r for r in releases}
        self._contents = Contents(scope.repo, deep=deep)
        self._dimensions: dict[str, int] = {}  # of the first release of a line, by reference

    def check(self, cards: Sequence[LoadedCard]) -> Iterator[Problem]:
        """Yield everything in which some cards, each of the right shape, differ from their repository."""
        return (card.problem_from(flaw) for card, flaw in self.flaws(cards))

    def flaws(self, cards: Sequence[LoadedCard]) -> Iterator[tuple[LoadedCard, Flaw]]:
        """Yield the same, as flaws in the data of each card."""
        cases = [self._case(card) for card in cards if card.subject.folder is not None]
        keys: list[Key] = []
        whole: list[Key] = []
        for case in cases:
            files = [(case.place, f"{case.folder}/{path}") for path in named_files(case.card.plain)]
            keys += files
            whole += self._ids(case) if self._deep else []
            if case.card.plain.get("artifacts"):
                whole.append((case.place, f"{case.folder}/{SUMS}"))
            for pin in case.pins:
                (whole if pin.tracker == "dvc" else keys).extend(pin.keys())
            if case.probe is not None:
                whole.append((case.origin, f"{case.probe}/{ITEMS}"))
            if case.start is not None and case.start.reference not in self._dimensions:
                whole.append(self._card_of(case.start))
        found = self._contents.look(keys, whole=whole)
        for pin in (pin for case in cases for pin in case.pins if pin.is_git_id and pin.place == INDEX):
            key = (pin.place, pin.path)
            folder = None if key in found else self._contents.staged_folder(pin.path)
            if folder is not None:
                found[key] = folder
        routed = self._routed(cases)
        for case in cases:
            for flaw in self._flaws(case, found, routed):
                yield case.card, flaw

    def _case(self, card: LoadedCard) -> _Case:
        subject, plain = card.subject, card.plain
        assert subject.folder is not None
        is_next = subject.version == "next"
        release = subject.release or self._by_folder.get(subject.folder)
        # A release is held against the commit that it was made in: data and models have moved on since. Without its
        # tag nothing says which commit that was.
        origin = (self._origin or subject.place) if is_next else release.commit if release else INDEX
        known = None if release is None else f"origin {release.commit} {card.blob}"
        is_known = known is not None and self._checked.holds(known)
        is_paired = (is_next or release is not None) and not is_known
        pinned, flaws = pins(plain, place=origin, tags=self._tags, is_next=is_next) if is_paired else ((), ())
        is_current = not is_next or _is_fresh(plain)
        if is_next:
            flaws = (*flaws, *check_previous(plain, self._releases))
        return _Case(
            card=card,
            folder=subject.folder,
            release=release,
            origin=origin,
            known=None if is_known else known,
            pins=pinned,
            flaws=flaws if flaws and not self._is_shallow else (),
            probe=self._scope.settings.probe_for(plain["name"]) if is_paired and is_current else None,
            start=None if is_next or is_known else self._line_start(plain),
        )

    def _flaws(self, case: _Case, found: Mapping[Key, Content], routed: frozenset[str]) -> Iterator[Flaw]:
        plain, place = case.card.plain, case.place

        def look(path: str) -> Content | None:
            return found.get((place, f"{case.folder}/{path}"))

        hint = self._restore(case)
        own = frozenset(
            path.removeprefix(f"{case.folder}/") for path in routed if path.startswith(f"{case.folder}/")
        )
        yield from check_artifacts(plain, look, routed=own, is_in_git=place is not WORK_TREE, hint=hint)
        yield from check_sums(plain, look(SUMS))
        yield from check_benchmark_files(plain, look, hint=hint)
        of_origin = tuple(self._of_origin(case, found))
        yield from of_origin
        if case.known is not None and not of_origin:
            self._checked.add(case.known)
        if self._deep:
            from embver.actions.deep import check_content

            yield from check_content(plain, partial(self._locate, case, look))

    def _of_origin(self, case: _Case, found: Mapping[Key, Content]) -> Iterator[Flaw]:
        """Yield what differs in the commit that a version was made in, or where `next/` lies."""
        yield from case.flaws
        listings = self._listings(case)
        for pin in case.pins:
            yield from check_pin(pin, found, listings)
        if case.probe is not None:
            items = found.get((case.origin, f"{case.probe}/{ITEMS}"))
            if items is not None or case.is_next:  # a release of before the settings named this probe set
                yield from check_probe(case.card.plain, case.probe, items)
        if case.start is not None:
            dimensions = self._dimensions_of(case.start, found)
            if dimensions is not None:
                yield from check_line(case.card.plain, case.start.reference, dimensions)

    def _listings(self, case: _Case) -> dict[Where, str | None]:
        """Return the digests of corpora that are several files, in commits: `status` knows those of the work tree."""
        pins = [pin for pin in case.pins if pin.is_listed and pin.place and is_inside(pin.path)]
        if not pins:
            return {}
        from embver.actions.listings import committed_digest

        return {
            pin.where: committed_digest(self._scope.repo, pin.place or "", pin.path, pin.modalities)
            for pin in pins
        }

    # ---- what is the same for many cards

    @cached_property
    def _is_shallow(self) -> bool:
        return self._scope.repo.is_shallow()

    @cached_property
    def _lfs(self) -> LfsStore:
        from embver.store.lfs import LfsStore

        return LfsStore(self._scope.repo)

    def _line_start(self, plain: Mapping[str, Any]) -> Release | None:
        text = plain.get("version")
        if text is None:
            return None
        version = Version.parse(text)
        mine = self._by_name.get(plain["name"], ())
        return history.line_start((release for release in mine if release.version < version), version)

    def _card_of(self, release: Release) -> Key:
        return (release.commit, f"{self._scope.embeddings}/{release.name}/{release.version}/card.yaml")

    def _dimensions_of(self, release: Release, found: Mapping[Key, Content]) -> int | None:
        if release.reference not in self._dimensions:
            content = found.get(self._card_of(release))
            plain = read_card_text(content.data or b"", path="card.yaml").plain if content else {}
            dimensions = (plain.get("space") or {}).get("dimensions")
            if not isinstance(dimensions, int):
                return None
            self._dimensions[release.reference] = dimensions
        return self._dimensions[release.reference]

    def _ids(self, case: _Case) -> list[Key]:
        """Return the id files that are to be read whole: they are small, and Git itself holds them."""
        if case.place is WORK_TREE:
            return []
        artifacts = case.card.plain.get("artifacts") or ()
        paths = [artifact["path"] for artifact in artifacts if artifact["role"] == "ids"]
        return [(case.place, f"{case.folder}/{path}") for path in paths if is_inside(path)]

    def _routed(self, cases: Sequence[_Case]) -> frozenset[str]:
        """Return the staged files that the staged .gitattributes hand to Git LFS."""
        paths = [
            f"{case.folder}/{path}"
            for case in cases
            if case.place == INDEX
            for path in named_files(case.card.plain)
        ]
        if not paths:
            return frozenset()
        asked = "".join(f"{path}\0" for path in paths).encode(errors="surrogateescape")
        said = self._scope.repo.git("check-attr", "--cached", "-z", "--stdin", "filter", stdin=asked).split(
            "\0"
        )
        return frozenset(path for path, value in zip(said[::3], said[2::3], strict=False) if value == "lfs")

    def _restore(self, case: _Case) -> str:
        if case.is_next:
            return f"embver encode {case.card.plain['name']}, and git add {case.folder}"
        source = case.release.tag if case.release else "HEAD"
        return f"git restore --staged --worktree --source={source} -- {case.folder}"

    def _locate(self, case: _Case, look: Look, artifact: Mapping[str, Any]) -> Path | bytes | None:
        """Return where an artifact's bytes are, or the bytes."""
        if artifact.get("md5"):
            meant = Pointer(sha256=artifact["sha256"], size_bytes=artifact["size_bytes"])
            return self._lfs.path_of(meant.sha256) if self._lfs.holds(meant) else None
        content = look(artifact["path"])
        if content is None or content.is_link:
            return None
        if content.pointer is not None:
            return self._lfs.path_of(content.pointer.sha256) if self._lfs.holds(content.pointer) else None
        if case.place is WORK_TREE:
            return self._scope.repo.root / case.folder / str(artifact["path"])
        return content.data


def _is_fresh(plain: Mapping[str, Any]) -> bool:
    """Tell whether a card was filled in by an encode of what it now says."""
    from embver.card import space_id

    return plain.get("fingerprint") == space_id(plain)
