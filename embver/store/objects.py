"""Git's objects in bulk: one `git cat-file` for any number of them, each read as a stream and never held whole."""

from __future__ import annotations

import hashlib
import subprocess
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import IO, Final

from embver.errors import RepoError
from embver.store.process import clean_environment, run
from embver.store.repo import Repository

KEPT_BYTES: Final = 4096  # of an object's data, unless it is asked for whole
_BLOCK_BYTES: Final = 1 << 20


@dataclass(frozen=True, slots=True, kw_only=True)
class GitObject:
    """A file as Git holds it, or a folder (`is_tree`): its id, its digest, and its data if it is small."""

    id: str
    size_bytes: int
    sha256: str
    data: bytes | None = None
    is_tree: bool = False


def read_objects(
    repo: Repository,
    names: Sequence[str],
    *,
    whole: frozenset[str] = frozenset(),
    known: dict[str, GitObject] | None = None,
) -> tuple[GitObject | None, ...]:
    """Return what each name (`REVISION:PATH`, `:PATH` for the index, or an id) stands for, None for what is missing.

    Data of more than KEPT_BYTES is hashed and let go, unless the name is among `whole`. An object that many names
    share is read once; `known` keeps what was read from one call to the next.
    """
    if not names:
        return ()
    cache = {} if known is None else known
    ids = _resolve(repo, names)
    needed = {found for name, found in zip(names, ids, strict=True) if name in whole and found is not None}
    fresh = [
        found for found in dict.fromkeys(ids) if found is not None and (found not in cache or found in needed)
    ]
    here = dict(zip(fresh, _read_all(repo, fresh, needed), strict=True))
    cache.update(
        (found, read if len(read.data or b"") <= KEPT_BYTES else replace(read, data=None))
        for found, read in here.items()
    )
    return tuple(None if found is None else here.get(found) or cache[found] for found in ids)


def _resolve(repo: Repository, names: Sequence[str]) -> list[str | None]:
    """Return the id that each name stands for."""
    asked = [name.encode(errors="surrogateescape") for name in names]
    argv = ["git", "cat-file", "--batch-check=%(objectname)", "-z", "--buffer"]
    said = run(
        argv, cwd=repo.root, stdin=b"".join(name + b"\0" for name in asked), env=repo.environment
    ).stdout
    ids: list[str | None] = []
    position = 0
    for name in asked:
        # What is not there is answered with its name, which may hold spaces and line breaks.
        if said.startswith((name + b" missing\n", name + b" ambiguous\n"), position):
            ids.append(None)
            position = said.index(b"\n", position + len(name)) + 1
            continue
        end = said.index(b"\n", position)
        ids.append(said[position:end].decode())
        position = end + 1
    return ids


def _read_all(repo: Repository, ids: Sequence[str], needed: Collection[str]) -> Iterator[GitObject]:
    if not ids:
        return
    import tempfile

    # The questions come from a file: written to a pipe they would block once git waits for its answers to be read.
    with tempfile.TemporaryFile() as questions:
        questions.write("".join(f"{name}\n" for name in ids).encode())
        questions.seek(0)
        with subprocess.Popen(
            ["git", "cat-file", "--batch", "--buffer"],
            cwd=repo.root,
            stdin=questions,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env=clean_environment(repo.environment),
        ) as process:
            assert process.stdout is not None
            for name in ids:
                yield _read_one(process.stdout, is_whole=name in needed)


def _read_one(stream: IO[bytes], *, is_whole: bool) -> GitObject:
    header = stream.readline()
    fields = header.split()
    if len(fields) != 3:
        raise RepoError(f"git cat-file answered {header[:200]!r}", hint="git fsck")
    size_bytes, is_small = int(fields[2]), int(fields[2]) <= KEPT_BYTES or is_whole
    digest, kept, left = hashlib.sha256(), [], size_bytes
    while left:
        block = stream.read(min(left, _BLOCK_BYTES))
        if not block:
            raise RepoError(f"git cat-file ended within {fields[0].decode()}", hint="git fsck")
        digest.update(block)
        left -= len(block)
        if is_small:
            kept.append(block)
    stream.read(1)
    return GitObject(
        id=fields[0].decode(),
        size_bytes=size_bytes,
        sha256=digest.hexdigest(),
        data=b"".join(kept) if is_small else None,
        is_tree=fields[1] != b"blob",
    )
