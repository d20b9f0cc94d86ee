"""The one module that writes to Git, and that loads GitPython; what only reads is in `store/git_reader.py`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from embver.errors import RepoError, UsageError
from embver.store.git_reader import GitReader
from embver.store.process import Finished, cleaned, inherited_index, run


class Repository(GitReader):
    """A Git repository, by the folder at its top."""

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
        return cls(Path(root), Path(common), index=index if is_ours else None, object_format=object_format)

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
    ) -> str:
        """Make a commit on top of `parent` in a scratch index: nothing that a person sees changes.

        `files` is path -> (mode, blob id). Returns the commit's id; only `move_refs` makes it visible.
        """
        own = self.git_dir / "embver"
        own.mkdir(parents=True, exist_ok=True)
        with TemporaryDirectory(dir=own, prefix="index-") as scratch:
            env = {"GIT_INDEX_FILE": str(Path(scratch) / "index")}
            if parent is not None:
                self.git("read-tree", parent, env=env)
            self.git("update-index", "-z", "--index-info", stdin=self._index_info(files, removed), env=env)
            tree = self.git("write-tree", env=env).strip()
        parents = ["-p", parent] if parent else []
        return self.git("commit-tree", tree, *parents, "-F", "-", stdin=message.encode()).strip()

    def build_tag(self, *, tag: str, commit: str, message: str) -> str:
        """Make an annotated tag object and return its id; no reference changes yet."""
        tagger = self.git("var", "GIT_COMMITTER_IDENT").strip()
        body = f"object {commit}\ntype commit\ntag {tag}\ntagger {tagger}\n\n{message.rstrip()}\n"
        return self.git("mktag", stdin=body.encode()).strip()

    def move_refs(self, moves: Sequence[tuple[str, str, str]]) -> None:
        """Move several references (name, new, old) in one transaction: all or none."""
        lines = "".join(f"update {name}\0{new}\0{old}\0" for name, new, old in moves)
        self.git("update-ref", "-z", "-m", "embver release", "--stdin", stdin=lines.encode())

    def replace_in_index(self, *, files: Mapping[str, tuple[str, str]], removed: Sequence[str]) -> None:
        """Let the index hold `files` and no longer hold `removed`, then learn the files' times."""
        self.git("update-index", "-z", "--index-info", stdin=self._index_info(files, removed))
        self.git("update-index", "-q", "--refresh", status_ok=(0, 1))

    def commit_paths(self, paths: Sequence[str], message: str) -> str:
        """Commit some files through GitPython and return the commit's id; other staged changes stay staged."""
        self.stage(paths)
        self._call(lambda repo: repo.git.commit("--quiet", "-m", message, "--", *_literal(paths)))
        return str(self.head())

    def push(self, remote: str, *refs: str) -> None:
        """Push references by name (never `--tags`: that asks for every tag there is)."""
        self._call(lambda repo: repo.git.push("--quiet", "--atomic", remote, *refs))

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

    def _index_info(self, files: Mapping[str, tuple[str, str]], removed: Sequence[str]) -> bytes:
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
