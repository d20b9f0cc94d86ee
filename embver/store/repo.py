"""The one module that talks to Git. Bulk reads are one process; GitPython is loaded for what writes.

GitPython reads `packed-refs` anew for every tag (quadratic in their number) and costs more to import than the
whole of `embver list`; so reading goes through `git for-each-ref` and `git cat-file --batch` instead.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from tempfile import TemporaryDirectory
from typing import Any

from embver.errors import RepoError, UsageError
from embver.history import Release, ordered, parse_trailers
from embver.store.process import Finished, ProcessError, cleaned, inherited_index, run
from embver.tagname import TagFormat

# No message can forge the end of a record: none holds a zero byte, and its own line begins with a sign.
_FIELDS = (
    "%(refname:strip=2)%00%(objecttype)%00%(objectname)%00%(*objecttype)%00%(*objectname)%00"
    "%(creatordate:iso-strict)%00=%(contents)%00"
)
_END = "\x00\n"


@dataclass(frozen=True, slots=True, kw_only=True)
class TreeEntry:
    """A file in a commit: its mode, blob id and path from the repository's root."""

    mode: str
    blob: str
    path: str


class Repository:
    """A Git repository, by the folder at its top."""

    def __init__(
        self, root: Path, git_dir: Path, *, index: Path | None = None, object_format: str = "sha1"
    ) -> None:
        self.root = root
        self.git_dir = git_dir  # shared by all work trees
        self._zero = "0" * (64 if object_format == "sha256" else 40)  # the id of what is not there
        self._index = {"GIT_INDEX_FILE": str(index)} if index else {}
        # Paths are names here and never patterns: `a[1].txt` and `:x` are legal ones.
        self.environment = {**self._index, "GIT_LITERAL_PATHSPECS": "1"}

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

    def git(
        self,
        *arguments: str,
        stdin: bytes = b"",
        env: Mapping[str, str] | None = None,
        status_ok: Sequence[int] = (0,),
    ) -> str:
        """Run one git command at the top of the repository and return what it prints."""
        argv = ["git", *arguments]
        done = run(argv, cwd=self.root, stdin=stdin, env={**self.environment, **(env or {})}, check=False)
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
        for record in self.git("for-each-ref", "refs/tags", f"--format={_FIELDS}").split(_END)[:-1]:
            tag, kind, target, peeled_kind, peeled, date, message = record.split("\x00")
            parsed = tags.parse(tag)
            if parsed is None:
                continue
            if peeled_kind == "tag":  # a tag of a tag: older Gits take off one layer only
                peeled = self.resolve(f"refs/tags/{tag}") or ""
                peeled_kind = "commit" if peeled else ""
            if (peeled_kind or kind) != "commit":
                continue  # a tag of a file or a folder is no release
            trailers = parse_trailers(message[1:]) if kind == "tag" else {}
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
                    message=message[1:],
                )
            )
        return ordered(found)

    def read_many(self, names: Sequence[str]) -> tuple[bytes | None, ...]:
        """Return many blobs (`REVISION:PATH` or ids) by one process; None for each that is missing."""
        if not names:
            return ()
        asked = [name.encode(errors="surrogateescape") for name in names]
        wanted = b"".join(name + b"\0" for name in asked)
        argv = ["git", "cat-file", "--batch", "-z"]
        data = run(argv, cwd=self.root, stdin=wanted, env=self.environment).stdout
        blobs: list[bytes | None] = []
        position = 0
        for name in asked:
            # What is not there is answered with its name, and a name may hold spaces and line breaks.
            if data.startswith((name + b" missing\n", name + b" ambiguous\n"), position):
                blobs.append(None)
                position = data.index(b"\n", position + len(name)) + 1
                continue
            end = data.index(b"\n", position)
            _, kind, size = data[position:end].split(b" ")
            position = end + 1
            blobs.append(data[position : position + int(size)] if kind == b"blob" else None)
            position += int(size) + 1
        return tuple(blobs)

    def read(self, revision: str, path: str | PurePosixPath) -> bytes | None:
        """Return one file as it stands in a revision, or None."""
        return self.read_many([f"{revision}:{path}"])[0]

    def tree(self, revision: str, folder: str | PurePosixPath) -> tuple[TreeEntry, ...]:
        """Return every file below a folder in a revision."""
        asked = ("ls-tree", "-r", "-z", "--full-tree", revision, "--", f"{folder}/")
        return tuple(_tree_entries(self.git(*asked, status_ok=(0, 128))))

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


def _tree_entries(listed: str) -> Iterator[TreeEntry]:
    for entry in listed.split("\0"):
        if entry:
            left, path = entry.split("\t", 1)
            mode, kind, blob = left.split()
            if kind == "blob":
                yield TreeEntry(mode=mode, blob=blob, path=path)
