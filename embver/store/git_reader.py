"""Read a Git repository: many tags, many blobs, each by one process.

GitPython reads `packed-refs` anew for every tag (quadratic in their number) and costs more to import than the
whole of `embver list`; so reading goes through `git for-each-ref` and `git cat-file --batch` instead.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from embver.history import Release, ordered, parse_trailers
from embver.store.process import ProcessError, run
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


class GitReader:
    """What a Git repository tells, by the folder at its top."""

    def __init__(
        self, root: Path, git_dir: Path, *, index: Path | None = None, object_format: str = "sha1"
    ) -> None:
        self.root = root
        self.git_dir = git_dir  # shared by all work trees
        self._zero = "0" * (64 if object_format == "sha256" else 40)  # the id of what is not there
        self._index = {"GIT_INDEX_FILE": str(index)} if index else {}
        # Paths are names here and never patterns: `a[1].txt` and `:x` are legal ones.
        self.environment = {**self._index, "GIT_LITERAL_PATHSPECS": "1"}

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


def _tree_entries(listed: str) -> Iterator[TreeEntry]:
    for entry in listed.split("\0"):
        if entry:
            left, path = entry.split("\t", 1)
            mode, kind, blob = left.split()
            if kind == "blob":
                yield TreeEntry(mode=mode, blob=blob, path=path)
