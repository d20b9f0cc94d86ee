"""The one module that talks to Git. Bulk reads are one process; GitPython is loaded for what writes.

GitPython reads `packed-refs` anew for every tag (quadratic in their number) and costs more to import than the
whole of `embver list`; so reading goes through `git for-each-ref` and `git cat-file --batch` instead.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

from embver.errors import RepoError, UsageError
from embver.history import Release, ordered, parse_trailers
from embver.store.process import ProcessError, run
from embver.tagname import TagFormat

ZERO = "0" * 40
_FIELDS = "%(refname:strip=2)%00%(objecttype)%00%(objectname)%00%(*objectname)%00%(creatordate:iso-strict)%00%(contents)%00%01"


@dataclass(frozen=True, slots=True, kw_only=True)
class TreeEntry:
    """A file in a commit: its mode, blob id and path from the repository's root."""

    mode: str
    blob: str
    path: str


class Repository:
    """A Git repository, by the folder at its top."""

    def __init__(self, root: Path, git_dir: Path) -> None:
        self.root = root
        self.git_dir = git_dir  # shared by all work trees

    @classmethod
    def discover(cls, folder: Path) -> Repository:
        """Find the repository that a folder lies in; raise UsageError with the next command otherwise."""
        if not folder.is_dir():
            raise UsageError(f"{folder} is no folder")
        try:
            done = run(["git", "rev-parse", "--show-toplevel", "--git-common-dir"], cwd=folder, check=False)
        except FileNotFoundError:
            raise RepoError(
                "git is not installed", hint="install git 2.38 or newer, then try again"
            ) from None
        lines = done.text.splitlines()
        if done.status != 0 or len(lines) != 2:
            said = done.stderr.decode(errors="replace").strip()
            if "dubious ownership" in said:
                raise RepoError(said)
            raise UsageError(f"{folder} is no Git repository", hint="git init && embver init")
        return cls(Path(lines[0]), (folder / lines[1]).resolve())

    def git(
        self,
        *arguments: str,
        stdin: bytes = b"",
        env: Mapping[str, str] | None = None,
        status_ok: Sequence[int] = (0,),
    ) -> str:
        """Run one git command at the top of the repository and return what it prints."""
        argv = ["git", *arguments]
        done = run(argv, cwd=self.root, stdin=stdin, env=env, check=False)
        if done.status not in status_ok:
            raise ProcessError(argv, status=done.status, stdout=done.stdout, stderr=done.stderr)
        return done.text

    # ---- reading

    def head(self) -> str | None:
        """Return the commit that HEAD stands on, or None in a repository without commits."""
        done = self.git("rev-parse", "--verify", "--quiet", "HEAD^{commit}", status_ok=(0, 1))
        return done.strip() or None

    def branch(self) -> str | None:
        """Return the full name of the current branch (`refs/heads/main`), or None on a detached HEAD."""
        return self.git("symbolic-ref", "--quiet", "HEAD", status_ok=(0, 1)).strip() or None

    def is_shallow(self) -> bool:
        """Tell whether history was cut off when the repository was cloned."""
        return self.git("rev-parse", "--is-shallow-repository").strip() == "true"

    def resolve(self, revision: str) -> str | None:
        """Return the commit of a tag, branch or id, or None."""
        arguments = ("rev-parse", "--verify", "--quiet", "--end-of-options", f"{revision}^{{commit}}")
        return self.git(*arguments, status_ok=(0, 1, 128)).strip() or None

    def config(self, key: str) -> str | None:
        """Return one value of Git's configuration, or None."""
        return self.git("config", "--get", key, status_ok=(0, 1)).strip() or None

    def remotes(self) -> tuple[str, ...]:
        """Return the names of the remotes."""
        return tuple(self.git("remote").split())

    def identity(self) -> str | None:
        """Return who would commit, or None if Git does not know."""
        done = run(["git", "var", "GIT_COMMITTER_IDENT"], cwd=self.root, check=False)
        return done.text.strip() if done.status == 0 else None

    def releases(self, tags: TagFormat) -> tuple[Release, ...]:
        """Return every release, by name and SemVer precedence; tags of another form are not ours."""
        found = []
        for record in self.git("for-each-ref", "refs/tags", f"--format={_FIELDS}").split("\x00\x01\n"):
            if not record.strip():
                continue
            tag, kind, target, peeled, date, message, *_ = [*record.split("\x00"), ""]
            parsed = tags.parse(tag)
            if parsed is None:
                continue
            trailers = parse_trailers(message) if kind == "tag" else {}
            found.append(
                Release(
                    name=parsed[0],
                    version=parsed[1],
                    tag=tag,
                    commit=peeled or target,
                    date=date,
                    is_annotated=kind == "tag",
                    level=trailers.get("Level"),
                    verdict=trailers.get("Verdict"),
                    card_digest=trailers.get("Card-Digest"),
                    previous=trailers.get("Previous"),
                    message=message,
                )
            )
        return ordered(found)

    def read_many(self, names: Sequence[str]) -> tuple[bytes | None, ...]:
        """Return many blobs (`REVISION:PATH` or ids) by one process; None for each that is missing."""
        if not names:
            return ()
        wanted = "".join(f"{name}\n" for name in names).encode()
        data = run(["git", "cat-file", "--batch"], cwd=self.root, stdin=wanted).stdout
        blobs: list[bytes | None] = []
        position = 0
        for _ in names:
            end = data.index(b"\n", position)
            header = data[position:end].split(b" ")
            position = end + 1
            if header[-1] in (b"missing", b"ambiguous") or len(header) < 3:
                blobs.append(None)
                continue
            size = int(header[2])
            blobs.append(data[position : position + size] if header[1] == b"blob" else None)
            position += size + 1
        return tuple(blobs)

    def read(self, revision: str, path: str | PurePosixPath) -> bytes | None:
        """Return one file as it stands in a revision, or None."""
        return self.read_many([f"{revision}:{path}"])[0]

    def tree(self, revision: str, folder: str | PurePosixPath) -> tuple[TreeEntry, ...]:
        """Return every file below a folder in a revision."""
        listed = self.git(
            "ls-tree", "-r", "-z", "--full-tree", revision, "--", f"{folder}/", status_ok=(0, 128)
        )
        return tuple(_tree_entries(listed))

    def changed_paths(self, *folders: str) -> tuple[str, ...]:
        """Return what below the folders differs from HEAD, staged or not, and what Git does not know yet."""
        listed = self.git(
            "status", "--porcelain", "-z", "--no-renames", "--untracked-files=all", "--", *folders
        )
        return tuple(entry[3:] for entry in listed.split("\0") if entry)

    def attribute(self, path: str, name: str) -> str:
        """Return a Git attribute of a path, such as its `filter`."""
        return self.git("check-attr", "-z", name, "--", path).split("\0")[2]

    # ---- writing

    def write_blob(self, data: bytes) -> str:
        """Store bytes as they are and return the blob's id; no reference changes."""
        return self.git("hash-object", "-w", "--stdin", stdin=data).strip()

    def stage(self, paths: Sequence[str]) -> None:
        """Add files to the index, through GitPython."""
        if paths:
            self._call(lambda repo: repo.git.add("--force", "--", *paths))

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
        scratch = self.git_dir / "embver" / "index"
        scratch.parent.mkdir(parents=True, exist_ok=True)
        scratch.unlink(missing_ok=True)
        env = {"GIT_INDEX_FILE": str(scratch)}
        try:
            if parent is not None:
                self.git("read-tree", parent, env=env)
            self.git("update-index", "-z", "--index-info", stdin=_index_info(files, removed), env=env)
            tree = self.git("write-tree", env=env).strip()
        finally:
            scratch.unlink(missing_ok=True)
        parents = ["-p", parent] if parent else []
        return self.git("commit-tree", tree, *parents, "-F", "-", stdin=message.encode()).strip()

    def build_tag(self, *, tag: str, commit: str, message: str) -> str:
        """Make an annotated tag object and return its id; no reference changes yet."""
        tagger = self.git("var", "GIT_COMMITTER_IDENT").strip()
        body = f"object {commit}\ntype commit\ntag {tag}\ntagger {tagger}\n\n{message}"
        return self.git("mktag", stdin=body.encode()).strip()

    def move_refs(self, moves: Sequence[tuple[str, str, str]]) -> None:
        """Move several references (name, new, old) in one transaction: all or none."""
        lines = "".join(f"update {name}\0{new}\0{old}\0" for name, new, old in moves)
        self.git("update-ref", "-z", "-m", "embver release", "--stdin", stdin=lines.encode())

    def replace_in_index(self, *, files: Mapping[str, tuple[str, str]], removed: Sequence[str]) -> None:
        """Let the index hold `files` and no longer hold `removed`, then learn the files' times."""
        self.git("update-index", "-z", "--index-info", stdin=_index_info(files, removed))
        self.git("update-index", "-q", "--refresh", status_ok=(0, 1))

    def commit_paths(self, paths: Sequence[str], message: str) -> str:
        """Commit some files through GitPython and return the commit's id; other staged changes stay staged."""
        self.stage(paths)
        self._call(lambda repo: repo.git.commit("--quiet", "-m", message, "--", *paths))
        return str(self.head())

    def push(self, remote: str, *refs: str) -> None:
        """Push references by name (never `--tags`: that asks for every tag there is)."""
        self._call(lambda repo: repo.git.push("--quiet", "--atomic", remote, *refs))

    def _call(self, work: Any) -> None:
        import git

        with git.Repo(self.root) as repo:
            try:
                work(repo)
            except git.GitCommandError as error:
                said = (error.stderr or error.stdout or "").strip().removeprefix("stderr: ").strip("'\n ")
                raise RepoError(f"git failed: {said}") from error


def _tree_entries(listed: str) -> Iterator[TreeEntry]:
    for entry in listed.split("\0"):
        if entry:
            left, path = entry.split("\t", 1)
            mode, kind, blob = left.split()
            if kind == "blob":
                yield TreeEntry(mode=mode, blob=blob, path=path)


def _index_info(files: Mapping[str, tuple[str, str]], removed: Sequence[str]) -> bytes:
    lines = [f"0 {ZERO}\t{path}\0" for path in removed if path not in files]
    lines += [f"{mode} {blob}\t{path}\0" for path, (mode, blob) in files.items()]
    return "".join(lines).encode()
