"""DVC's pointers, as plain data: what an output is pinned by. DVC itself is not needed to read them.

A `.dvc` file lists `outs`; a `dvc.lock` has `stages.NAME.{deps,params,outs}` (DVC 1 wrote the stages at the top). A
folder's md5 ends with `.dir`. Before DVC 3 an entry had no `hash`: line ends of text files were normalised first.
"""

from __future__ import annotations

import hashlib
import json
import posixpath
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

SUFFIX: Final = ".dvc"
LOCK: Final = "dvc.lock"
PIPELINE: Final = "dvc.yaml"
MD5: Final = "md5"
OLD_MD5: Final = "md5-dos2unix"
ALGORITHMS: Final = (MD5, OLD_MD5)

_HEX = re.compile(r"[0-9a-f]{32}(?:\.dir)?")
_KNOWN: Final = frozenset(
    {
        "path",
        "md5",
        "hash",
        "size",
        "nfiles",
        "isexec",
        "cache",
        "remote",
        "files",
        "cloud",
        "persist",
        "push",
    }
    | {"desc", "type", "labels", "meta", "metric", "plot", "live"}
)
Plain = Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Upstream:
    """The repository that `dvc import` took an output from: `commit` is what it was locked to."""

    url: str
    path: str
    revision: str | None = None
    commit: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Output:
    """One file or folder that DVC pins; `path` and `pointer` are from the repository's root.

    `digest` is None where DVC wrote none, as of what lies in a cloud; `unread` are keys of the entry that say more.
    """

    path: str
    pointer: str
    digest: str | None
    size_bytes: int | None = None
    files: int | None = None
    stage: str | None = None
    remote: str | None = None
    upstream: Upstream | None = None
    unread: tuple[str, ...] = ()

    @property
    def is_folder(self) -> bool:
        """Tell whether it is a folder."""
        return self.files is not None or (self.digest or "").endswith(".dir")

    @property
    def digests(self) -> tuple[str, ...]:
        """Return the digest, and after one of before DVC 3 the form without its algorithm's full name."""
        if self.digest is None:
            return ()
        plain = self.digest.replace(f"{OLD_MD5}:", f"{MD5}:")
        return tuple(dict.fromkeys((self.digest, plain)))


@dataclass(frozen=True, slots=True, kw_only=True)
class Stage:
    """One stage as a `dvc.lock` holds it: what its last run read, was told and wrote."""

    name: str
    lock: str
    deps: tuple[Output, ...]
    outs: tuple[Output, ...]
    params: Mapping[str, Plain]  # the file that holds them -> name (dotted, or nested) -> value

    @property
    def pipeline(self) -> str:
        """Return the `dvc.yaml` that defines it."""
        return f"{self.lock.removesuffix(LOCK)}{PIPELINE}"


def pointer_paths(uri: str) -> tuple[str, ...]:
    """Return where DVC may keep the pointer of an output, or of `uri` if that is a pointer itself."""
    if uri.endswith(SUFFIX):
        return (uri,)
    above = folders_above(uri)
    locks = (posixpath.join(folder, LOCK) for folder in above)
    return (f"{uri}{SUFFIX}", *(f"{folder}{SUFFIX}" for folder in above if folder), *locks)


def pipeline_paths(uri: str) -> tuple[str, ...]:
    """Return the `dvc.yaml` that may say in which folder the stage of an output runs: no lock does."""
    return () if uri.endswith(SUFFIX) else tuple(posixpath.join(f, PIPELINE) for f in folders_above(uri))


def folders_above(path: str) -> tuple[str, ...]:
    """Return the folders that a path lies in, the innermost first; the repository's root is "" and comes last."""
    parts = path.split("/")[:-1]
    return (*("/".join(parts[:count]) for count in range(len(parts), 0, -1)), "")


def outputs(files: Mapping[str, Plain]) -> tuple[Output, ...]:
    """Return every output of `.dvc` files and `dvc.lock`s, given by path; their `dvc.yaml`s may be among them."""
    found: list[Output] = []
    for path, plain in files.items():
        if path.endswith(SUFFIX):
            found += _of_file(plain, path)
        elif posixpath.basename(path) == LOCK:
            found += (out for stage in stages(files, path) for out in stage.outs)
    return tuple(found)


def stages(files: Mapping[str, Plain], lock: str) -> tuple[Stage, ...]:
    """Return the stages of a `dvc.lock`; paths in it are relative to the stage's `wdir`, which `dvc.yaml` knows."""
    plain = files.get(lock) or {}
    listed = plain.get("stages")
    if listed is None and "schema" not in plain:  # DVC 1
        listed = {
            name: entry for name, entry in plain.items() if isinstance(entry, Mapping) and "cmd" in entry
        }
    folder = posixpath.dirname(lock)
    said = files.get(posixpath.join(folder, PIPELINE)) or {}
    made = []
    for name, entry in listed.items() if isinstance(listed, Mapping) else ():
        if not isinstance(entry, Mapping):
            continue
        base = _joined(folder, _wdir(said, str(name)))
        params = entry.get("params")
        made.append(
            Stage(
                name=str(name),
                lock=lock,
                deps=tuple(_output(dep, lock, base, stage=str(name)) for dep in _entries(entry.get("deps"))),
                outs=tuple(_output(out, lock, base, stage=str(name)) for out in _entries(entry.get("outs"))),
                params={
                    _joined(base, str(file)): values
                    for file, values in (params.items() if isinstance(params, Mapping) else ())
                    if isinstance(values, Mapping)
                },
            )
        )
    return tuple(made)


def pinned(files: Mapping[str, Plain], uri: str) -> tuple[str, ...]:
    """Return the digests that some pointers give for an output, or for the one output of a `.dvc` file."""
    return tuple(digest for out in outputs(files) if uri in (out.path, out.pointer) for digest in out.digests)


def covering(found: Iterable[Output], uri: str) -> tuple[Output, ...]:
    """Return the outputs that are, or hold, what a path names: DVC keeps a folder as a whole."""
    return tuple(out for out in found if uri in (out.path, out.pointer) or uri.startswith(f"{out.path}/"))


def listing_digest(files: Iterable[tuple[str, str]]) -> str:
    """Return DVC's digest of a folder, `md5:HEX.dir`, given path and md5 of each file: that of its sorted JSON list."""
    entries = [{"md5": md5, "relpath": path} for path, md5 in sorted(files)]
    digest = hashlib.md5(json.dumps(entries, sort_keys=True).encode(), usedforsecurity=False)
    return f"{MD5}:{digest.hexdigest()}.dir"


def _of_file(plain: Plain, pointer: str) -> Iterator[Output]:
    base = _joined(posixpath.dirname(pointer), plain.get("wdir"))
    upstream = _upstream(plain)
    yield from (_output(out, pointer, base, upstream=upstream) for out in _entries(plain.get("outs")))


def _upstream(plain: Plain) -> Upstream | None:
    """Return where `dvc import` or `dvc import-url` took the outputs of a `.dvc` file from."""
    for dep in _entries(plain.get("deps")):
        repo = dep.get("repo")
        if isinstance(repo, Mapping) and isinstance(repo.get("url"), str):
            return Upstream(
                url=repo["url"],
                path=str(dep["path"]),
                revision=_text(repo.get("rev")),
                commit=_text(repo.get("rev_lock")),
            )
        if "://" in str(dep["path"]):
            return Upstream(url=str(dep["path"]), path="")
    return None


def _output(
    entry: Plain, pointer: str, base: str, *, stage: str | None = None, upstream: Upstream | None = None
) -> Output:
    size, count, remote = entry.get("size"), entry.get("nfiles"), entry.get("remote")
    listed = [
        file for file in _entries(entry.get("files"), key="relpath") if isinstance(file.get("md5"), str)
    ]
    return Output(
        path=_joined(base, str(entry["path"])),
        pointer=pointer,
        digest=_digest(entry, listed),
        size_bytes=size if type(size) is int and size >= 0 else None,
        files=count if type(count) is int and count >= 0 else len(listed) or None,
        stage=stage,
        remote=_text(remote),
        upstream=upstream,
        unread=tuple(sorted({str(key) for key in entry} - _KNOWN)),
    )


def _digest(entry: Plain, listed: list[Plain]) -> str | None:
    said, algorithm = entry.get("md5"), entry.get("hash", OLD_MD5)
    if isinstance(said, str) and _HEX.fullmatch(said) and algorithm in ALGORITHMS:
        return f"{algorithm}:{said}"
    # A remote with versions of its own lists the files and leaves the folder's digest out.
    is_whole = bool(listed) and len(listed) == len(entry["files"])
    return listing_digest((str(file["relpath"]), str(file["md5"])) for file in listed) if is_whole else None


def _wdir(pipeline: Plain, stage: str) -> str | None:
    """Return the folder that a stage runs in; one of `foreach` and `matrix` is `NAME@ITEM` in a lock."""
    listed = pipeline.get("stages")
    listed = listed if isinstance(listed, Mapping) else {}
    name, _, item = stage.partition("@")
    entry = listed.get(stage, listed.get(name))
    entry = entry if isinstance(entry, Mapping) else {}
    done = entry.get("do")
    said = (done if isinstance(done, Mapping) else entry).get("wdir")
    return said.replace("${item}", item).replace("${key}", item) if isinstance(said, str) else None


def _joined(folder: str, path: Any) -> str:
    """Return a path from the root; an address, an absolute path and one that leaves the repository stay as they are."""
    text = str(path) if isinstance(path, str) else ""
    if "://" in text or text.startswith("/"):
        return text
    found = posixpath.normpath(posixpath.join(folder, text)) if folder or text else ""
    return "" if found == "." else found


def _text(value: Any) -> str | None:
    return value if isinstance(value, str) and value else None


def _entries(listed: Any, *, key: str = "path") -> list[Plain]:
    found = listed if isinstance(listed, list) else []
    return [entry for entry in found if isinstance(entry, Mapping) and isinstance(entry.get(key), str)]
