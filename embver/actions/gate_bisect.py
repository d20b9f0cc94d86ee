"""Judge one commit for `git bisect run`: good, bad, or a commit of which nothing can be said.

Git takes 0 for good, 125 for a commit to be passed over, every other code below 128 for bad: whatever goes wrong here
must not look like a regression.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from embver.actions.gate import Side, judge_side, select
from embver.actions.workspace import CARD, NEXT
from embver.card import Card
from embver.errors import EmbverError, UsageError
from embver.gates import Gate, Outcome
from embver.store.cards import read_card_text
from embver.store.config import FILE_NAME, Settings, load_settings
from embver.store.repo import Repository
from embver.store.schemas import check_card
from embver.version import Version

GOOD, BAD, SKIP = 0, 1, 125  # what `git bisect run` takes them for
_MARK: Final = re.compile(r"# ([^:\s]+): \[([0-9a-f]{40,64})\]")  # a line of Git's BISECT_LOG


@dataclass(frozen=True, slots=True, kw_only=True)
class CommitVerdict:
    """What became of a commit: the code for Git, and why in a line for each gate."""

    commit: str
    reference: str | None
    code: int
    outcomes: tuple[Outcome, ...] = ()
    why: str | None = None

    def to_plain(self) -> dict[str, Any]:
        """Return the stable keys of `embver gate --bisect --json`."""
        return {
            "commit": self.commit,
            "reference": self.reference,
            "code": self.code,
            "why": self.why,
            "gates": [outcome.to_plain() for outcome in self.outcomes],
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class BisectRequest:
    """What `embver gate --bisect` was asked.

    `gates` and `settings` take the place of those of each commit, which may be older than they are; `benchmark` and
    `metric` choose among the gates of settings. `against` is the
    version or commit that relative thresholds look at; without it, it is the one that the bisection began from as good.
    """

    name: str | None = None
    gates: tuple[Gate, ...] = ()
    benchmark: str | None = None
    metric: str | None = None
    settings: Settings | None = None
    against: str | None = None


def judge_commit(repo: Repository, request: BisectRequest) -> CommitVerdict:
    """Judge the commit that Git has checked out, by its own commit alone: the work tree is not looked at."""
    commit = repo.resolve("BISECT_HEAD") or repo.resolve("HEAD")
    if commit is None:
        raise UsageError("there is no commit yet to judge", hint="git log")
    try:
        return _judged(repo, request, commit)
    except EmbverError as error:
        return CommitVerdict(commit=commit, reference=None, code=SKIP, why=error.message)


def _judged(repo: Repository, request: BisectRequest, commit: str) -> CommitVerdict:
    settings = request.settings or settings_at(repo, commit)
    name = request.name or _only_name(repo, settings, commit)
    if not request.gates and not settings.gates_for(name):
        raise UsageError(f"its settings have no gate for {name}: --settings FILE, or thresholds of your own")
    chosen = {"benchmark": request.benchmark, "metric": request.metric}
    gates = request.gates or select(settings.gates_for(name), name, **chosen)
    mine = _side(repo, settings, name, commit, gates)
    good = request.against or good_commit(repo)
    base = _baseline(repo, settings, name, good, gates) if good is not None else None
    before = (base,) if base is not None and base.reference != mine.reference else ()
    report = judge_side(repo, gates, mine, lambda: iter(before), honours_allowed=False)
    outcomes = tuple(report.outcomes)
    states = {outcome.state for outcome in outcomes}
    # Numbers of other data are no better or worse, whatever a threshold says.
    others = [
        o.step.not_comparable for o in outcomes if o.step and o.step.delta is None and o.step.not_comparable
    ]
    blind = [o for o in outcomes if good is None and o.gate.needs_previous]
    if base is not None and others:
        why = f"not comparable with {base.reference}: {others[0]}"
        return CommitVerdict(commit=commit, reference=mine.reference, code=SKIP, outcomes=outcomes, why=why)
    if blind and "fail" not in states:
        why = "a drop needs a version to drop from: git bisect start BAD GOOD, or --against REF"
        return CommitVerdict(commit=commit, reference=mine.reference, code=SKIP, outcomes=outcomes, why=why)
    code = BAD if "fail" in states else SKIP if "unjudged" in states else GOOD
    return CommitVerdict(commit=commit, reference=mine.reference, code=code, outcomes=outcomes)


def settings_at(repo: Repository, commit: str) -> Settings:
    """Return the settings as a commit has them; raise ConfigError with every mistake in them."""
    import tempfile

    with tempfile.TemporaryDirectory() as folder:
        files = (FILE_NAME, "pyproject.toml")
        for name, data in zip(files, repo.read_many([f"{commit}:{name}" for name in files]), strict=True):
            if data is not None:
                (Path(folder) / name).write_bytes(data)
        return load_settings(Path(folder))


def good_commit(repo: Repository) -> str | None:
    """Return the first commit that the bisection under way calls good, or None; `git bisect terms` may say `old`."""
    log, terms = repo.own_dir / "BISECT_LOG", repo.own_dir / "BISECT_TERMS"
    if not log.is_file():
        return None
    said = terms.read_text(encoding="utf-8").split() if terms.is_file() else []
    term = said[1] if len(said) > 1 else "good"
    found = (_MARK.match(line) for line in log.read_text(encoding="utf-8", errors="replace").splitlines())
    return next((match[2] for match in found if match and match[1] == term), None)


def _baseline(repo: Repository, settings: Settings, name: str, good: str, gates: Sequence[Gate]) -> Side:
    """Return the version that relative thresholds look at: NAME@VERSION by its tag, or that of a commit."""
    _, at, version = good.partition("@")
    if at and not version.startswith("{"):
        selected = version.removeprefix("v") if version[1:2].isdigit() else version
        tag = settings.tags.format(name, _version(selected))
        commit = repo.resolve(f"refs/tags/{tag}")
        if commit is None:
            raise UsageError(f"there is no release {good}", hint="embver list")
        return _read(repo, settings, name, commit, selected)
    commit = repo.resolve(good)
    if commit is None:
        raise UsageError(f"there is no commit {good!r}", hint="--against NAME@VERSION, or a commit")
    return _side(repo, settings, name, commit, gates)


def _version(text: str) -> Version:
    try:
        return Version.parse(text)
    except ValueError as error:
        raise UsageError(f"--against: {error}", hint="--against NAME@VERSION, or a commit") from error


def _only_name(repo: Repository, settings: Settings, commit: str) -> str:
    names = sorted({name for name, _ in _cards(repo, settings, commit)})
    if len(names) != 1:
        raise UsageError(
            f"this commit has the embeddings {', '.join(names)}" if names else "this commit has no embedding",
            hint="embver gate --bisect NAME",
        )
    return names[0]


def _cards(repo: Repository, settings: Settings, commit: str) -> Iterator[tuple[str, str]]:
    """Yield every (name, version) that a commit has a card of; the version may be `next`."""
    for entry in repo.tree(commit, settings.embeddings):
        folder, _, file = entry.path.removeprefix(f"{settings.embeddings}/").rpartition("/")
        name, _, version = folder.rpartition("/")
        if file == CARD and name:
            yield name, version


def _side(repo: Repository, settings: Settings, name: str, commit: str, gates: Sequence[Gate]) -> Side:
    """Return what a commit has of an embedding: `next/` where it has numbers already, else its newest version."""
    there = {version for each, version in _cards(repo, settings, commit) if each == name}
    if NEXT in there:
        side = _read(repo, settings, name, commit, NEXT)
        if any(side.holds(gate) for gate in gates):
            return side
    numbered = []
    for version in there - {NEXT}:
        try:
            numbered.append(Version.parse(version))
        except ValueError:
            continue  # a folder of another kind
    if not numbered:
        raise UsageError(f"this commit has no numbers of {name}")
    return _read(repo, settings, name, commit, str(max(numbered, key=lambda version: version.order)))


def _read(repo: Repository, settings: Settings, name: str, commit: str, version: str) -> Side:
    """Return one version as a commit has it; raise UsageError where its card is not valid."""
    folder = f"{settings.embeddings}/{name}/{version}"
    data = repo.read(commit, f"{folder}/{CARD}")
    if data is None:
        raise UsageError(f"{commit[:12]} has no {folder}/{CARD}")
    text = read_card_text(data, path=f"{folder}/{CARD}")
    problems = check_card(text, folder=version)
    if problems:
        raise UsageError(f"its card is not valid: {problems[0].format()}")
    return Side(
        reference=f"{name}@{version} in {commit[:12]}",
        card=Card.from_plain(text.plain),
        folder=folder,
        commit=commit,
        is_pinned=True,
    )
