"""Check a card against the files beside it: pointers, checksums, shards, the probe set, its line's dimension.

Plain data and what was found at each path go in, flaws come out; reading is done before, in bulk (`contents`).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import PurePosixPath
from typing import Any, Final

from embver.actions.contents import Content
from embver.history import Release
from embver.pointer import DVC_SUFFIX
from embver.problem import Flaw
from embver.sense_files import path_flaw

SUMS: Final = "SHA256SUMS"
_SHARD = re.compile(r"(?P<stem>.+)-(?P<number>\d{5})-of-(?P<count>\d{5})(?P<suffix>\.[^.]+)")
_IN_LFS = ("vectors", "probe")  # large by nature: Git itself never holds them

Look = Callable[[str], Content | None]  # what lies at a path relative to the card


def is_inside(path: str) -> bool:
    """Tell whether a path stays in its folder; where it does not, `check_sense` says so."""
    return path_flaw(path) is None


def named_files(plain: Mapping[str, Any]) -> tuple[str, ...]:
    """Return the paths, relative to the card, of the files that the card speaks of."""
    paths = [_in_git(artifact) for artifact in plain.get("artifacts") or ()]
    paths += [
        source["path"]
        for benchmark in plain.get("benchmarks") or ()
        if (source := benchmark.get("source") or {}).get("path") and source.get("sha256")
    ]
    return tuple(path for path in dict.fromkeys(paths) if is_inside(path))


def check_artifacts(
    plain: Mapping[str, Any], look: Look, *, routed: frozenset[str], is_in_git: bool, hint: str
) -> Iterator[Flaw]:
    """Check each artifact against the file of its path.

    `routed` are the paths that .gitattributes hands to Git LFS; `is_in_git` says that what was looked at is what Git
    holds, where large files are pointers, and not the work tree, where they may be the bytes.
    """
    for number, artifact in enumerate(plain.get("artifacts") or ()):
        where: tuple[str | int, ...] = ("artifacts", number)
        path = _in_git(artifact)
        if not is_inside(path):
            continue
        found = look(path)
        if found is None:
            yield Flaw(
                where=(*where, "path"), rule="artifact-missing", message=f"{path} does not exist", hint=hint
            )
        elif found.is_link or found.is_tree:
            yield Flaw(
                where=(*where, "path"),
                rule="artifact-link",
                message=f"{path} is {'a folder' if found.is_tree else 'reached through a symbolic link'}, "
                "and not a file of this version",
                hint="put the file itself in its place",
            )
        elif artifact.get("md5"):
            yield from _kept_by_dvc(artifact, where, found)
        else:
            yield from _one_artifact(artifact, where, found, is_in_git and _is_for_lfs(artifact, routed))
    yield from _shards(plain)


def _in_git(artifact: Mapping[str, Any]) -> str:
    """Return the file that Git holds of an artifact: DVC's pointer where DVC keeps the bytes."""
    return f"{artifact['path']}{DVC_SUFFIX}" if artifact.get("md5") else str(artifact["path"])


def _kept_by_dvc(artifact: Mapping[str, Any], where: tuple[str | int, ...], found: Content) -> Iterator[Flaw]:
    from embver.card import Artifact  # most versions are kept by Git LFS: start-up is the hook's cost

    if found.data != Artifact.from_plain(artifact).pointer:
        yield Flaw(
            where=(*where, "md5"),
            rule="artifact-checksum",
            message=f"{_in_git(artifact)} is not the pointer to the {artifact['size_bytes']:,} bytes with the MD5 "
            f"{artifact['md5'][:12]}… that the card names",
            hint="stage card and file together, or `embver encode NAME` once more",
        )


def _is_for_lfs(artifact: Mapping[str, Any], routed: frozenset[str]) -> bool:
    return artifact["role"] in _IN_LFS or artifact["path"] in routed


def _one_artifact(
    artifact: Mapping[str, Any], where: tuple[str | int, ...], found: Content, is_for_lfs: bool
) -> Iterator[Flaw]:
    path, meant = artifact["path"], found.bytes_meant
    if is_for_lfs and found.pointer is None:
        yield Flaw(
            where=(*where, "path"),
            rule="artifact-not-in-lfs",
            message=f"{path} belongs into Git LFS, and its {found.size_bytes:,} bytes are committed to Git itself",
            hint=f"git rm --cached {path}, look at `git check-attr filter {path}`, then git add {path}",
        )
    what = "its pointer" if found.pointer else "the file"
    if meant.sha256 != artifact["sha256"]:
        yield Flaw(
            where=(*where, "sha256"),
            rule="artifact-checksum",
            message=f"{what} {path} has the checksum {meant.sha256[:12]}…, the card says {artifact['sha256'][:12]}…",
            hint="stage card and file together, or `embver encode NAME` once more",
        )
    if meant.size_bytes != artifact["size_bytes"]:
        yield Flaw(
            where=(*where, "size_bytes"),
            rule="artifact-bytes",
            message=f"{what} {path} has {meant.size_bytes} bytes, the card says {artifact['size_bytes']}",
            hint=f"size_bytes: {meant.size_bytes}" if meant.sha256 == artifact["sha256"] else None,
        )


def _shards(plain: Mapping[str, Any]) -> Iterator[Flaw]:
    groups: dict[tuple[str, str], dict[int, set[int]]] = {}
    for artifact in plain.get("artifacts") or ():
        match = _SHARD.fullmatch(artifact["path"])
        if match:
            group = groups.setdefault((match["stem"], match["suffix"]), {})
            group.setdefault(int(match["count"]), set()).add(int(match["number"]))
    for (stem, suffix), counts in groups.items():
        if len(counts) > 1:
            said = " and ".join(str(count) for count in sorted(counts))
            yield Flaw(
                where=("artifacts",), rule="shards", message=f"{stem}: shards of {said} are listed together"
            )
            continue
        count, numbers = next(iter(counts.items()))
        absent = sorted(set(range(count)) - numbers)
        if absent:
            names = ", ".join(f"{stem}-{n:05}-of-{count:05}{suffix}" for n in absent[:3])
            yield Flaw(
                where=("artifacts",),
                rule="shards",
                message=f"{stem}: {len(absent)} of {count} shards are not listed: {names}"
                + (" …" if len(absent) > 3 else ""),
                hint="list every shard, or encode once more",
            )


def check_sums(plain: Mapping[str, Any], found: Content | None) -> Iterator[Flaw]:
    """Check that SHA256SUMS gives the card's checksums and no others."""
    artifacts = plain.get("artifacts") or ()
    if not artifacts:
        return
    if found is None or found.data is None:
        yield Flaw(
            where=("artifacts",),
            rule="sums-missing",
            message=f"{SUMS} does not exist beside the card",
            hint="embver encode NAME writes it",
        )
        return
    listed = {}
    for line in found.data.decode(errors="replace").splitlines():
        digest, _, path = line.partition("  ")
        listed[path] = digest
    for number, artifact in enumerate(artifacts):
        given = listed.pop(artifact["path"], None)
        if given != artifact["sha256"]:
            said = f"{given[:12]}…" if given else "nothing"
            yield Flaw(
                where=("artifacts", number, "sha256"),
                rule="sums-differ",
                message=f"{SUMS} says {said} of {artifact['path']}, the card {artifact['sha256'][:12]}…",
                hint="embver encode NAME writes both",
            )
    for path in listed:
        yield Flaw(
            where=("artifacts",), rule="sums-differ", message=f"{SUMS} lists {path!r}, which no artifact is"
        )


def check_benchmark_files(plain: Mapping[str, Any], look: Look, *, hint: str) -> Iterator[Flaw]:
    """Check the raw results that benchmark records point to."""
    for number, benchmark in enumerate(plain.get("benchmarks") or ()):
        source = benchmark.get("source") or {}
        path, sha256 = source.get("path"), source.get("sha256")
        if not path or not sha256:
            continue
        where = ("benchmarks", number, "source", "path")
        if not is_inside(path):
            message = f"{path!r} does not stay in the version's folder"
            yield Flaw(where=where, rule="benchmark-file", message=message)
            continue
        found = look(path)
        if found is None:
            yield Flaw(where=where, rule="benchmark-file", message=f"{path} does not exist", hint=hint)
        elif found.bytes_meant.sha256 != sha256:
            yield Flaw(
                where=(*where[:-1], "sha256"),
                rule="benchmark-file",
                message=f"{path} has the checksum {found.bytes_meant.sha256[:12]}…, the card says {sha256[:12]}…",
                hint="embver bench NAME writes both",
            )


def check_probe(plain: Mapping[str, Any], folder: str, items: Content | None) -> Iterator[Flaw]:
    """Check that the probe vectors are of the probe set that stands in `folder` at the same place."""
    for number, artifact in enumerate(plain.get("artifacts") or ()):
        digest = (artifact.get("probe") or {}).get("digest")
        if artifact["role"] != "probe" or not digest:
            continue
        where = ("artifacts", number, "probe", "digest")
        if items is None or items.data is None:
            message = f"the probe set {folder} does not exist"
            hint = f"git add {folder}, or correct `probe` in embver.toml"
            yield Flaw(where=where, rule="probe-digest", message=message, hint=hint)
            continue
        try:
            from embver.probe import parse_items

            own = parse_items(items.data.decode().split("\n"), name=PurePosixPath(folder).name).digest
        except (ValueError, UnicodeDecodeError) as error:
            yield Flaw(where=where, rule="probe-digest", message=f"{folder}/items.jsonl: {error}")
            continue
        if own != digest:
            yield Flaw(
                where=where,
                rule="probe-digest",
                message=f"the probe set {folder} has the digest {own[:19]}…, the card says {digest[:19]}…",
                hint="embver encode NAME encodes the probe set as it is now",
            )


def check_previous(plain: Mapping[str, Any], releases: Iterable[Release]) -> Iterator[Flaw]:
    """Check that the release that a working version was begun from is one."""
    previous = plain.get("previous")
    if previous is not None and all(release.reference != previous for release in releases):
        yield Flaw(
            where=("previous",),
            rule="previous-unknown",
            message=f"{previous} is no release of this repository",
            hint=f"embver list {plain['name']}, or git fetch --tags",
        )


def check_line(plain: Mapping[str, Any], start: str, dimensions: int) -> Iterator[Flaw]:
    """Check that a MINOR or PATCH has the dimension of `start`, the first release of its line."""
    own = plain["space"]["dimensions"]
    if own != dimensions:
        yield Flaw(
            where=("space", "dimensions"),
            rule="line-dimension",
            message=f"{own} dimensions in the line of {start}, whose vectors have {dimensions}",
            hint="another dimension is another MAJOR version",
        )
