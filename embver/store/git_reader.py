"""Read a Git repository: many tags, many blobs, each by one process.

GitPython reads `packed-refs` anew for every tag (quadratic in their number) and costs more to import than the
whole of `embver list`; so reading goes through `git for-each-ref` and `git cat-file --batch` instead.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import chain, repeat
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING

from embver import history
from embver.history import Release, TagRecord
from embver.store.process import ProcessError, run, stream
from embver.tagname import TagFormat

if TYPE_CHECKING:
    from embver.store.cat_file import CatFile

# No message can forge a field or a record: Git cuts each at its first zero byte, and there are always seven.
_FIELDS = (
    "%(refname)%00%(objecttype)%00%(objectname)%00%(type)%00%(object)%00"  # as the tag itself says: nothing to look up
    "%(creatordate:iso-strict)%00%(contents)%00"
)


_PREFIX = len(
    "\nrefs/tags/"
)  # Git ends every record with a line break, so that all but the first begin with it


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
        self.object_format = object_format
        self._zero = "0" * (64 if object_format == "sha256" else 40)  # the id of what is not there
        self._index = {"GIT_INDEX_FILE": str(index)} if index else {}
        # Paths are names here and never patterns: `a[1].txt` and `:x` are legal ones.
        self.environment = {**self._index, "GIT_LITERAL_PATHSPECS": "1"}
        self._cat_file: CatFile | None = None

    @contextmanager
    def kept_open(self) -> Iterator[None]:
        """Let one git process answer every `read_many` within."""
        if self._cat_file is not None:
            yield
            return
        from embver.store.cat_file import CatFile

        with CatFile(self.root, self.environment) as opened:
            self._cat_file = opened
            try:
                yield
            finally:
                self._cat_file = None

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
        file = self.git_dir / "shallow"  # Git's own test: it is there, and not empty
        return file.is_file() and file.stat().st_size > 0

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

    def tag_records(self, *patterns: str) -> tuple[TagRecord, ...]:
        """Return every tag, whatever it stands for, in Git's order (by name), by one git process.

        `patterns` are those of `git for-each-ref` below refs/tags/ (`products@v*`); none means all tags.
        """
        return tuple(chain.from_iterable(self.tag_chunks(*patterns)))

    def tag_chunks(self, *patterns: str) -> Iterator[Sequence[TagRecord]]:
        """Yield what `tag_records` returns, some at a time, while Git still writes: both have much to do."""
        asked = [f"refs/tags/{pattern}" for pattern in patterns] or ["refs/tags"]
        argv = ["git", "for-each-ref", *asked, f"--format={_FIELDS}"]
        fields: list[str] = []
        rest = b"\n"
        for piece in stream(argv, cwd=self.root, env=self.environment):
            whole, zero, rest = (rest + piece).rpartition(b"\0")
            if zero:
                fields += whole.decode(errors="surrogateescape").split("\0")
            count = len(fields) // 7 * 7
            yield self._tag_records(*(fields[at:count:7] for at in range(7)))
            del fields[:count]

    def _tag_records(
        self,
        refs: list[str],
        kinds: list[str],
        ids: list[str],
        kinds_named: list[str],
        ids_named: list[str],
        dates: list[str],
        messages: list[str],
    ) -> Sequence[TagRecord]:
        """Return records from Git's answers by column; where all tags are alike, as releases are, none is looked at."""
        tags = [ref[_PREFIX:] for ref in refs]
        if set(kinds) == {"tag"} and set(kinds_named) == {"commit"}:
            return list(map(TagRecord, tags, ids, ids_named, dates, repeat(True), messages))
        records = []
        for tag, kind, own, kind_named, named, date, message in zip(
            tags, kinds, ids, kinds_named, ids_named, dates, messages, strict=True
        ):
            if kind == "tag":
                # A tag of a tag is asked for by itself.
                nested = (self.resolve(f"refs/tags/{tag}") or "") if kind_named == "tag" else ""
                commit = named if kind_named == "commit" else nested
                records.append(TagRecord(tag, own, commit, date, True, message))
            else:  # a lightweight tag has no message: what Git gives is its commit's
                records.append(TagRecord(tag, own, own if kind == "commit" else "", date, False, ""))
        return records

    def releases(self, tags: TagFormat) -> tuple[Release, ...]:
        """Return every release, by name and SemVer precedence; tags of another form are not ours."""
        return history.releases(self.tag_records(), tags)

    def read_many(self, names: Sequence[str]) -> tuple[bytes | None, ...]:
        """Return many blobs (`REVISION:PATH` or ids) by one process; None for each that is missing."""
        if not names:
            return ()
        asked = [name.encode(errors="surrogateescape") for name in names]
        if self._cat_file is not None and not any(b"\n" in name for name in asked):
            return self._cat_file.read(asked)
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
        """Return every file below a folder in a revision; of "" every file that there is."""
        below = ("--", f"{folder}/") if str(folder) else ()
        asked = ("ls-tree", "-r", "-z", "--full-tree", revision, *below)
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
