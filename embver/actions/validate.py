"""Check cards: their shape, their sense, the files beside them, and that what was released is still that."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Final

from embver import history
from embver.actions.contents import INDEX
from embver.actions.subjects import (
    LoadedCard,
    Scope,
    Subject,
    all_cards,
    cards_at,
    cards_in,
    chunks,
    read_cards,
    released_cards,
    staged_cards,
)
from embver.cycles import without_cycle_search
from embver.errors import UsageError
from embver.problem import Problem
from embver.store.cards import CardText, read_card_text
from embver.store.config import load_settings
from embver.store.known import KnownCards, blob_id
from embver.store.repo import Repository
from embver.store.schemas import check_card

# Start-up is the hook's cost: what one kind of check needs is imported where it is asked for.
if TYPE_CHECKING:
    from embver.actions.checked import Checked
    from embver.actions.evidence import Evidence
    from embver.actions.frozen import Frozen

KINDS: Final = ("shape", "sense", "truth", "frozen")


@dataclass(frozen=True, slots=True, kw_only=True)
class ValidateReport:
    """How many cards were checked, and everything that is wrong with them, sorted."""

    checked: int
    problems: tuple[Problem, ...]


def validate(
    folder: Path,
    paths: Sequence[Path] = (),
    *,
    staged: bool = False,
    or_all: bool = False,
    revision: str | None = None,
    all_history: bool = False,
    only: Sequence[str] = (),
    deep: bool = False,
) -> ValidateReport:
    """Check the given cards, or all of the repository.

    `staged` reads what would be committed (`or_all`: where nothing is staged, the whole index), `revision` a commit,
    `all_history` each release in its own commit. `only` names some of KINDS; a card that cannot be read is always
    told. `deep` reads the vectors that are on this machine. Raises UsageError for a path that is no card.
    """
    kinds = frozenset(only or KINDS)
    is_in_git = staged or revision is not None or all_history
    needs_git = is_in_git or not paths or bool(kinds & {"truth", "frozen"})
    scope = _scope(folder, is_needed=is_in_git or not paths) if needs_git else None
    checks = _Checks(scope, kinds, deep=deep, staged=staged)
    if scope is None:
        subjects = cards_at(folder, paths, None)
    elif all_history:
        subjects = released_cards(scope, checks.releases)
    elif revision is not None:
        subjects = cards_in(scope, revision)
    elif staged:
        subjects = staged_cards(scope, _from_root(scope, folder, paths), or_all=or_all)
    else:
        subjects = cards_at(folder, paths, scope) if paths else all_cards(scope)
    problems: list[Problem] = []
    checked = 0
    with without_cycle_search():
        for chunk in chunks(subjects):
            checked += len(chunk)
            problems += checks.check_new(chunk) if all_history else checks.check(chunk)
    is_whole = "frozen" in kinds and not paths and revision is None and not all_history
    if scope is not None and checks.frozen is not None and is_whole:
        problems += checks.frozen.removed(scope.repo, staged=staged)
    checks.save()
    return ValidateReport(checked=checked, problems=tuple(sorted(map(_printable, problems), key=_order)))


def _printable(problem: Problem) -> Problem:
    """Return a problem that can be printed: Git keeps paths as bytes, and some of them are no UTF-8."""
    said = (problem.path, problem.message, problem.hint or "")
    if not any("\udc80" <= sign <= "\udcff" for text in said for sign in text):
        return problem
    path, message, hint = (text.encode("utf-8", "backslashreplace").decode() for text in said)
    return replace(problem, path=path, message=message, hint=hint or None)


def _order(problem: Problem) -> tuple[str, int, int, str, str]:
    return (problem.path, problem.line, problem.column, problem.rule, problem.message)


def _scope(folder: Path, *, is_needed: bool) -> Scope | None:
    try:
        repo = Repository.discover(folder)
    except UsageError:
        if is_needed:
            raise
        return None
    return Scope(repo=repo, settings=load_settings(repo.root, git_dir=repo.git_dir))


def _from_root(scope: Scope, folder: Path, paths: Sequence[Path]) -> list[Path]:
    root = scope.repo.root.resolve()
    made = []
    for path in paths:
        try:
            made.append((folder / path).resolve().relative_to(root))
        except ValueError:
            raise UsageError(f"{path} lies outside of {root}") from None
    return made


class _Checks:
    """The checks of one run: what is the same for all of its cards is read once."""

    def __init__(self, scope: Scope | None, kinds: frozenset[str], *, deep: bool, staged: bool) -> None:
        self._scope, self._kinds, self._staged, self._deep = scope, kinds, staged, deep
        self._known = KnownCards.open(scope.repo.git_dir) if scope else None
        needs_releases = scope is not None and bool(kinds & {"truth", "frozen"})
        records = scope.repo.tag_records() if scope and needs_releases else ()
        self.releases = history.releases(records, scope.settings.tags) if scope else ()
        self.frozen: Frozen | None = None
        self._checked: Checked | None = None
        self._evidence: Evidence | None = None
        if scope is not None and needs_releases:
            from embver.actions.checked import Checked
            from embver.actions.frozen import Frozen

            self.frozen = Frozen.of(self.releases, scope.embeddings)
            own = {release.tag for release in self.releases}
            others = [f"{record.tag} {record.id}" for record in records if record.tag not in own]
            self._checked = Checked.open(scope.repo.git_dir, repr(scope.settings), *others)
            if "truth" in kinds:
                from embver.actions.evidence import Evidence

                tags = frozenset(record.tag for record in records)
                self._evidence = Evidence(scope, self.releases, tags, self._checked, deep=deep)

    def check(self, subjects: Sequence[Subject]) -> Iterator[Problem]:
        """Yield everything that is wrong with some cards."""
        sound: list[LoadedCard] = []
        for subject, data in zip(subjects, read_cards(self._scope, subjects), strict=True):
            if data is None:
                yield _unread(subject)
                continue
            blob = blob_id(data)
            plain = self._known.get(blob, subject.version) if self._known is not None else None
            text = None
            if plain is None:
                text = read_card_text(data, path=subject.shown)
                plain = text.plain
                shape = check_card(text, folder=None, with_sense=False)
                found = self._shape_and_sense(subject, text, shape)
                yield from found
                if not found and self._known is not None and "sense" in self._kinds:
                    self._known.add(blob, subject.version, plain)
                is_sound = not shape
            else:
                is_sound = True
            card = LoadedCard(subject=subject, data=data, blob=blob, plain=plain, text=text)
            if is_sound:
                sound.append(card)
                if "sense" in self._kinds:
                    yield from _misplaced(card)
            if "frozen" in self._kinds and (text is None or text.is_read):
                yield from self._frozen(card)
        if self._evidence is not None:
            yield from self._evidence.check(sound)

    def check_new(self, subjects: Sequence[Subject]) -> Iterator[Problem]:
        """Yield everything that is wrong with some releases in their own commits, but for those looked at before."""
        assert self._scope is not None
        fresh = {self._entry(subject): subject for subject in subjects}
        if self._checked is not None:
            fresh = {entry: subject for entry, subject in fresh.items() if not self._checked.holds(entry)}
        found = tuple(self.check(tuple(fresh.values())))
        yield from found
        wrong = {problem.path for problem in found}
        for entry, subject in fresh.items():
            if self._checked is not None and subject.shown not in wrong:
                self._checked.add(entry)

    def _entry(self, subject: Subject) -> str:
        """Return what names a release with all that it holds, and the checks that it went through."""
        release = subject.release
        assert release is not None
        kinds = "+".join(sorted(self._kinds)) + ("+deep" if self._deep else "")
        return f"release {kinds} {release.commit} {release.card_digest} {subject.path}"

    def save(self) -> None:
        """Remember what was found right, for the next run."""
        for known in (self._known, self._checked):
            if known is not None:
                known.save()

    def _frozen(self, card: LoadedCard) -> Iterator[Problem]:
        folder = card.subject.folder
        if folder is None or self.frozen is None or self._checked is None:
            return
        expected = self.frozen.digest_of(folder)
        if expected is None:
            return
        entry = f"frozen {card.blob} {expected}"
        if self._checked.holds(entry):
            return
        flaws = self.frozen.check(folder, card.plain, staged=self._staged)
        yield from map(card.problem_from, flaws)
        if not flaws:
            self._checked.add(entry)

    def _shape_and_sense(
        self, subject: Subject, text: CardText, shape: tuple[Problem, ...]
    ) -> tuple[Problem, ...]:
        if "sense" not in self._kinds:
            return shape
        if shape:
            return check_card(text, folder=subject.version)
        from embver.sense import check_sense

        return tuple(map(text.problem_from, check_sense(text.plain, folder=subject.version)))


def _unread(subject: Subject) -> Problem:
    """Return the problem of a card that its place does not hold, though it lists it."""
    hint: str | None
    if subject.place == INDEX:
        message, hint = "this card is not merged yet", f"mend it, then git add {subject.path}"
    else:
        message, hint = (
            "the card is not there",
            f"embver verify {subject.release.reference}" if subject.release else None,
        )
    return Problem(path=subject.shown, line=1, column=1, rule="card-missing", message=message, hint=hint)


def _misplaced(card: LoadedCard) -> Iterator[Problem]:
    """Yield what is wrong with a card whose folder is another embedding's: embeddings/NAME/VERSION/card.yaml."""
    from embver.sense import misplaced

    flaw = misplaced(card.plain, card.subject.path) if card.subject.version is not None else None
    if flaw is not None:
        yield card.problem_from(flaw)
