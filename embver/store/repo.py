"""The one module that writes to Git, and that loads GitPython; what only reads is in `store/git_reader.py`."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from embver.errors import RepoError, UsageError
from embver.store.git_reader import GitReader
from embver.store.process import Finished, ProcessError, cleaned, inherited_index, run

if TYPE_CHECKING:  # every command discovers a repository, and few write to it: start-up is the hook's cost
    from embver.store.new_objects import NewObjects

# How git says that one reference was refused: ` ! [rejected]  main -> main (fetch first)`.
_REFUSED = re.compile(r"^ ! \[(remote )?rejected\] +(\S+) -> \S+ \((.*)\)$", re.MULTILINE)
_MOVED_ON = (
    *("fetch first", "non-fast-forward", "already exists", "stale info", "failed to update ref"),
    *("cannot lock ref", "incorrect old value"),  # two pushes at the very same moment
)
# git-lfs's filter starts a process of its own and seven more to read a pointer that stays a pointer.
_NO_FILTER = tuple(
    word
    for option in ("process=", "clean=", "smudge=", "required=false")
    for word in ("-c", f"filter.lfs.{option}")
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """Where HEAD stands: its branch (None: detached), its commit (None: no commit yet), and whether history is cut."""

    branch: str | None
    commit: str | None
    is_shallow: bool


class PushRefusedError(RepoError):
    """A remote, or a hook on the way to it, took none of the references; `is_late` if others pushed first."""

    def __init__(self, message: str, *, reasons: Sequence[str], is_late: bool) -> None:
        super().__init__(message)
        self.reasons, self.is_late = tuple(reasons), is_late


class Repository(GitReader):
    """A Git repository, by the folder at its top."""

    own_dir: Path  # this work tree's part of the git directory

    @classmethod
    def discover(cls, folder: Path) -> Repository:
        """Find the repository that a folder lies in; raise UsageError with the next command otherwise."""
        if not folder.is_dir():
            raise UsageError(f"{folder} is no folder")
        asked = ["--is-bare-repository", "--show-object-format", "--path-format=absolute"]
        asked += [
            "--git-common-dir",
            "--git-dir",
            "--show-toplevel",
        ]  # the last fails where there is no work tree
        try:
            done = run(["git", "rev-parse", *asked], cwd=folder, check=False)
        except FileNotFoundError:
            raise RepoError(
                "git is not installed", hint="install git 2.38 or newer, then try again"
            ) from None
        lines = done.text.removesuffix("\n").split("\n")
        if done.status != 0 or len(lines) != 5:
            raise _no_repository(folder, done, lines)
        _, object_format, common, own, root = lines
        # A hook's index counts if it is this repository's: `git commit -a` makes the commit from another file than
        # .git/index, and that is what `validate --staged` has to look at.
        index = inherited_index()
        is_ours = index is not None and index.resolve().parent == Path(own).resolve()
        made = cls(Path(root), Path(common), index=index if is_ours else None, object_format=object_format)
        made.own_dir = Path(own)
        return made

    @property
    def zero(self) -> str:
        """Return the id that stands for no object: what a reference has before it exists."""
        return self._zero

    def standing(self) -> Standing:
        """Return where HEAD stands, by one process where there is a commit."""
        asked = ("rev-parse", "--is-shallow-repository", "HEAD", "--symbolic-full-name", "HEAD")
        lines = self.git(*asked, status_ok=(0, 128)).splitlines()
        if len(lines) == 3:
            branch = None if lines[2] == "HEAD" else lines[2]
            return Standing(branch=branch, commit=lines[1], is_shallow=lines[0] == "true")
        return Standing(branch=self.branch(), commit=None, is_shallow=False)

    @cached_property
    def committer(self) -> str | None:
        """Return who would commit and when (`NAME <ADDRESS> SECONDS ZONE`), or None if Git does not know."""
        return self.identity()

    def settings(self, pattern: str) -> dict[str, str]:
        """Return what Git's configuration says under the keys that match a pattern, in lower case; the last counts."""
        said = self.git("config", "-z", "--get-regexp", pattern, status_ok=(0, 1))
        pairs = (entry.partition("\n") for entry in said.split("\0") if entry)
        # A key without a value, as in `[tag] gpgSign`, is a yes.
        return {key.lower(): value if mark else "true" for key, mark, value in pairs}

    def write_blob(self, data: bytes) -> str:
        """Store bytes as they are and return the blob's id; no reference changes."""
        return self.git("hash-object", "-w", "--stdin", stdin=data).strip()

    def stage(self, paths: Sequence[str]) -> None:
        """Add files to the index, through GitPython."""
        if paths:
            self._call(lambda repo: repo.git.add("--force", "--", *_literal(paths)))

    def build_commit(
        self,
        *,
        parent: str | None,
        message: str,
        files: Mapping[str, tuple[str, str]],
        removed: Sequence[str],
        objects: NewObjects | None = None,
        is_signed: bool = False,
        date: str | None = None,
    ) -> str:
        """Make a commit on top of `parent`: nothing that a person sees changes.

        `files` is path -> (mode, blob id); blobs not stored yet come in `objects`. A removed path may be a folder. `date`
        (ISO 8601) is that of a commit that tells of the past.
        Returns the commit's id; only `move_refs` makes it visible. Raises RepoError where it cannot be signed.
        """
        from embver.store.new_objects import NewObjects

        new = objects if objects is not None else NewObjects(self)
        tree = new.tree(parent, files=files, removed=removed)
        new.store()
        parents = ["-p", parent] if parent else []
        signed = ["-S"] if is_signed else []
        asked = ("commit-tree", tree, *parents, *signed, "-F", "-")
        dated = {"GIT_AUTHOR_DATE": date, "GIT_COMMITTER_DATE": date} if date else None
        try:
            return self.git(*asked, stdin=message.encode(), env=dated).strip()
        except ProcessError as error:
            if is_signed:
                from embver.store.signing import not_signed

                raise not_signed("commit", error.stderr) from error
            raise

    def build_tag(
        self, *, tag: str, commit: str, message: str, is_signed: bool = False, date: str | None = None
    ) -> str:
        """Make an annotated tag object and return its id; no reference changes yet. `date` is that of the past, if any.

        Raises RepoError with what the signing program said if it does not sign.
        """
        if is_signed:
            from embver.store.signing import build_signed_tag

            return build_signed_tag(self, tag=tag, commit=commit, message=message)
        dated = {"GIT_COMMITTER_DATE": date} if date else None
        known = None if date else self.committer
        tagger = known or self.git("var", "GIT_COMMITTER_IDENT", env=dated).strip()
        body = f"object {commit}\ntype commit\ntag {tag}\ntagger {tagger}\n\n{message.rstrip()}\n"
        return self.git("mktag", stdin=body.encode()).strip()

    def move_refs(self, moves: Sequence[tuple[str, str, str]]) -> None:
        """Move several references (name, new, old) in one transaction: all or none; `zero` as new deletes."""
        lines = "".join(f"update {name}\0{new}\0{old}\0" for name, new, old in moves)
        self.git("update-ref", "-z", "-m", "embver release", "--stdin", stdin=lines.encode())

    def replace_in_index(self, *, files: Mapping[str, tuple[str, str]], removed: Sequence[str]) -> None:
        """Let the index hold `files` and no longer hold `removed`, then learn the files' times."""
        self.git("update-index", "-z", "--index-info", stdin=self._index_info(files, removed))
        # Named one by one: refreshing the whole index would read whatever else was touched, however large.
        paths = "\0".join(path for path in files if (self.root / path).exists())
        if paths:
            asked = ("add", "--refresh", "--pathspec-from-file=-", "--pathspec-file-nul")
            self.git(*_NO_FILTER, *asked, stdin=paths.encode(errors="surrogateescape"), status_ok=(0, 1))

    def index_entries(self, folder: str) -> dict[str, tuple[str, str]]:
        """Return what the index holds below a folder: path -> (mode, blob id)."""
        found = {}
        for entry in self.git("ls-files", "-s", "-z", "--", folder).split("\0"):
            if entry:
                left, path = entry.split("\t", 1)
                mode, blob, _ = left.split(" ")
                found[path] = (mode, blob)
        return found

    def commit_paths(self, paths: Sequence[str], message: str) -> str:
        """Commit some files through GitPython and return the commit's id; other staged changes stay staged."""
        self.stage(paths)
        self._call(lambda repo: repo.git.commit("--quiet", "-m", message, "--", *_literal(paths)))
        return str(self.head())

    def push(self, remote: str, *refs: str) -> None:
        """Push references by name, all or none (never `--tags`: that asks for every tag there is).

        Raises PushRefusedError where the remote or a hook said no, RepoError where it is not known what arrived.
        """
        argv = ["git", "push", "--quiet", "--atomic", remote, *refs]
        done = run(argv, cwd=self.root, env=self.environment, check=False)
        if done.status == 0:
            return
        said = done.stderr.decode(errors="replace").strip()
        names: dict[str, list[str]] = {}
        for _, name, why in _REFUSED.findall(said):
            if why != "atomic push failed":
                names.setdefault(why, []).append(name)
        if not _REFUSED.search(said) and done.status != 1:
            raise RepoError(f"git failed: {said}")
        refused = [f"{', '.join(each)}: {why}" for why, each in names.items()]
        refused += [line.rstrip() for line in said.splitlines() if line.startswith("remote: ")][:3]
        is_late = any(word in why for why in names for word in _MOVED_ON)
        raise PushRefusedError(
            f"git failed: {said}", reasons=refused or said.splitlines()[:3], is_late=is_late
        )

    def remote_refs(self, remote: str, *patterns: str) -> dict[str, str]:
        """Ask a remote for its references (full name -> id; of a tag the object that it is); one `git ls-remote`.

        Raises RepoError where it does not answer.
        """
        argv = ["git", "ls-remote", "--quiet", "--refs", remote, *patterns]
        done = run(argv, cwd=self.root, env=self.environment, check=False)
        if done.status != 0:
            said = done.stderr.decode(errors="replace").strip()
            raise RepoError(f"{remote} cannot be asked: {said}", hint="git remote -v")
        return {name: found for found, _, name in (line.partition("\t") for line in done.text.splitlines())}

    def is_ancestor(self, older: str, newer: str) -> bool:
        """Tell whether a commit is part of another one's history; False where this clone does not have it."""
        asked = ("merge-base", "--is-ancestor", older, newer)
        return run(["git", *asked], cwd=self.root, env=self.environment, check=False).status == 0

    def _call(self, work: Any) -> None:
        import git

        # GitPython hands this process's environment on as it is, with all that a hook was given.
        with cleaned(self._index), git.Repo(self.root) as repo:
            try:
                work(repo)
            except git.GitCommandError as error:
                said = (error.stderr or error.stdout).strip()
                said = said.removeprefix("stderr: ").removeprefix("stdout: ").strip("'\n ")
                raise RepoError(f"git failed: {said}") from error

    def _index_info(self, files: Mapping[str, tuple[str, str]], removed: Iterable[str]) -> bytes:
        lines = [f"0 {self._zero}\t{path}\0" for path in removed if path not in files]
        lines += [f"{mode} {blob}\t{path}\0" for path, (mode, blob) in files.items()]
        return "".join(lines).encode(errors="surrogateescape")


def _no_repository(folder: Path, done: Finished, lines: Sequence[str]) -> RepoError | UsageError:
    """Return the error that tells what a folder is instead."""
    said = done.stderr.decode(errors="replace").strip()
    if "dubious ownership" in said:
        return RepoError(said)
    if lines[0] == "true":
        return UsageError(
            f"{folder} is a bare Git repository: it has no files to work on", hint=f"git clone {folder}"
        )
    if lines[0] == "false":
        return UsageError(f"{folder} lies inside of a .git folder", hint="cd to the files of the repository")
    return UsageError(f"{folder} is no Git repository", hint="git init && embver init")


def _literal(paths: Sequence[str]) -> list[str]:
    return [f":(literal){path}" for path in paths]  # not by the environment: hooks would inherit that
