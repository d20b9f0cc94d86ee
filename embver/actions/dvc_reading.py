"""Read what DVC pins at any revision, from Git alone: one `git cat-file` answers for any number of files and revisions."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from embver.exchange import dvc
from embver.exchange.dvc_config import CONFIG, Remotes, read_config
from embver.exchange.dvc_pipeline import Pipeline, read_pipeline
from embver.intake import AbsentError, MalformedError
from embver.store.cards import read_card_text
from embver.store.repo import Repository

# How DVC itself names a stage or an artifact: PATH/dvc.yaml:NAME.
_ADDRESS: Final = re.compile(r"(?P<folder>(?:.*/)?)dvc\.(?:yaml|lock):(?P<name>.+)")


@dataclass(frozen=True, slots=True, kw_only=True)
class Reference:
    """What somebody asks for: a path, or a name in a `dvc.yaml`, at a commit; `tag` is set if that was named by one."""

    path: str
    commit: str
    revision: str | None  # as it was asked; None: HEAD
    tag: str | None = None
    address: tuple[str, str] | None = None  # the dvc.yaml, and a stage's or artifact's name in it

    @property
    def at(self) -> str:
        """Return how messages name the revision."""
        return self.revision or f"HEAD ({self.commit[:12]})"


@dataclass(slots=True)
class DvcReader:
    """What DVC's files say at one revision; files are read once."""

    repo: Repository
    revision: str
    known: dict[str, bytes | None] = field(default_factory=dict)
    warnings: list[str] = field(default_factory=list)

    def data(self, paths: Iterable[str]) -> dict[str, bytes]:
        """Return those of some files that the revision holds."""
        wanted = tuple(dict.fromkeys(paths))
        fresh = [path for path in wanted if path not in self.known]
        found = self.repo.read_many([f"{self.revision}:{path}" for path in fresh])
        self.known.update(zip(fresh, found, strict=True))
        return {path: data for path in wanted if (data := self.known[path]) is not None}

    def plain(self, paths: Iterable[str]) -> dict[str, Mapping[str, Any]]:
        """Return YAML files as data; MalformedError with file, line and column for one that is none."""
        return {path: self._parsed(path, data) for path, data in self.data(paths).items()}

    def outputs(self, path: str) -> tuple[dvc.Output, ...]:
        """Return what DVC pins at a path, or the folder around it that it keeps as a whole."""
        files = self.plain((*dvc.pointer_paths(path), *dvc.pipeline_paths(path)))
        return dvc.covering(dvc.outputs(files), path)

    def stages(self, lock: str) -> tuple[dvc.Stage, ...]:
        """Return the stages of a `dvc.lock`."""
        pipeline = posixpath.join(posixpath.dirname(lock), dvc.PIPELINE)
        return dvc.stages(self.plain((lock, pipeline)), lock)

    def pipeline(self, path: str, *, stage: str | None = None) -> Pipeline:
        """Return what a `dvc.yaml` declares; nothing where there is none."""
        return read_pipeline(self.plain((path,)).get(path) or {}, path, stage=stage)

    def remotes(self) -> Remotes:
        """Return the remotes that the repository's own configuration names."""
        data = self.data((CONFIG,)).get(CONFIG)
        return read_config(data.decode(errors="replace") if data is not None else None)

    def all_pointers(self) -> tuple[str, ...]:
        """Return every `.dvc` file and `dvc.lock` of the revision; one more process."""
        asked = ("ls-tree", "-r", "-z", "--name-only", "--full-tree", self.revision)
        names = self.repo.git(*asked, status_ok=(0, 128)).split("\0")
        return tuple(
            name for name in names if name.endswith(dvc.SUFFIX) or posixpath.basename(name) == dvc.LOCK
        )

    def _parsed(self, path: str, data: bytes) -> Mapping[str, Any]:
        text = read_card_text(data, path=path)
        if text.is_read:
            for problem in text.problems:
                said = f"{path}:{problem.line}:{problem.column}: {problem.message}: that entry was not read"
                self.warnings += [] if said in self.warnings else [said]
            return text.plain
        if not data.strip():
            return {}
        problem = text.problems[0]
        raise MalformedError(
            f"{path}:{problem.line}:{problem.column}",
            f"{problem.message.replace('a card', 'a file of DVC')} (at {self.revision[:12]})",
            hint=f"git show {self.revision[:12]}:{path}",
        )


def read_reference(repo: Repository, text: str, folder: Path) -> Reference:
    """Read PATH[@REVISION] or PATH/dvc.yaml:NAME[@REVISION]; a relative path starts from `folder`.

    Raises AbsentError for a revision that does not exist, and for a path outside of the repository.
    """
    body, at, revision = text.rpartition("@")
    commit = repo.resolve(revision) if at and revision and body else None
    if commit is None and at and not _ADDRESS.fullmatch(text) and not (folder / text).exists():
        tags = tuple(record.tag for record in repo.tag_records())
        raise AbsentError(
            f"there is no revision {revision or '(none was named)'}",
            known=tags,
            hint=None if tags else "git fetch --tags, or name a commit",
        )
    path, revision_said = (body, revision) if commit is not None else (text, None)
    commit = commit or repo.head()
    if commit is None:
        raise AbsentError("this repository has no commit yet", hint="git commit, then try again")
    tag = revision_said if revision_said and repo.resolve(f"refs/tags/{revision_said}") == commit else None
    address = _ADDRESS.fullmatch(path)
    inside = _inside(repo, address["folder"] or "." if address else path, folder)
    return Reference(
        path=inside,
        commit=commit,
        revision=revision_said,
        tag=tag,
        address=(posixpath.join(inside, dvc.PIPELINE), address["name"]) if address else None,
    )


def outputs_at(repo: Repository, path: str, revisions: Sequence[str]) -> dict[str, dvc.Output | None]:
    """Return what DVC pinned at a path in each of many revisions, through one Git process."""
    found: dict[str, dvc.Output | None] = {}
    with repo.kept_open():
        for revision in revisions:
            exact = [
                out for out in DvcReader(repo, revision).outputs(path) if path in (out.path, out.pointer)
            ]
            found[revision] = exact[0] if exact else None
    return found


def _inside(repo: Repository, path: str, folder: Path) -> str:
    """Return a path from the repository's root, as Git writes it; links in it are not followed."""
    whole = posixpath.normpath(posixpath.join(folder.resolve().as_posix(), path))
    root = repo.root.resolve().as_posix()
    if whole == root:
        return ""
    if not whole.startswith(f"{root}/"):
        raise AbsentError(
            f"{path} lies outside of this repository", hint="a clone of another one: --set repo=FOLDER"
        )
    return whole.removeprefix(f"{root}/")
