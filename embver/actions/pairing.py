"""Check that the data sets and checkpoints that a card names are those of its repository: no other pair, silently."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import PurePosixPath
from typing import Any, Final

from embver.actions.contents import INDEX, WORK_TREE, Content, Key, Place
from embver.corpusfiles import expanded, is_listing
from embver.exchange import dvc
from embver.problem import Flaw
from embver.store.cards import read_card_text

_SCHEME = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*:")  # a URI, not a path
HERE: Final = ("git", "git-lfs", "dvc")  # trackers whose pointers lie in the repository
_ALGORITHMS: Final[Mapping[str, tuple[str, ...]]] = {
    "git": ("sha256", "git"),
    "git-lfs": ("sha256",),
    "dvc": dvc.ALGORITHMS,
}

Where = tuple[str | int, ...]
Found = Mapping[Key, Content]


@dataclass(frozen=True, slots=True, kw_only=True)
class Pin:
    """One thing that a card pins: a data set, a corpus or a file of weights."""

    where: Where
    what: str  # how messages call it
    path: str
    tracker: str | None
    digest: str | None
    place: Place
    tag: str | None = None  # the Git tag that decided the place
    folder: str | None = (
        None  # of a model: without any file there, the model is not this repository's to keep
    )
    modalities: tuple[str, ...] = ()  # of a corpus: which files of a folder it consists of
    field: str = "uri"  # what the card calls the path

    @property
    def is_git_id(self) -> bool:
        """Tell whether the digest is an id of Git's own, which folders have too."""
        return self.digest is not None and self.digest.startswith("git:")

    @property
    def is_listed(self) -> bool:
        """Tell whether the digest is that of a folder's or several files' listing."""
        return is_listing(self.digest)

    def paths(self) -> tuple[str, ...]:
        """Return the files that the path names: more than one where it is a pattern."""
        try:
            return expanded(self.path)
        except ValueError:
            return (self.path,)

    def keys(self) -> tuple[Key, ...]:
        """Return what has to be looked at; nothing outside of the repository is."""
        if not is_inside(self.path):
            return ()
        paths = [*self.paths()]
        if self.tracker == "dvc":
            paths = [*dvc.pointer_paths(self.path), *dvc.pipeline_paths(self.path)]
        if self.folder is not None:
            paths.append(f"{self.folder}/config.json")
        return tuple((self.place, path) for path in paths)


def pins(
    plain: Mapping[str, Any], *, place: Place, tags: frozenset[str], is_next: bool
) -> tuple[tuple[Pin, ...], tuple[Flaw, ...]]:
    """Return what a card pins and where each is to be found, and the tags that do not exist.

    `place` is where the card's own version lies. What `embver encode` filled in is not looked at while `next/` says
    by its fingerprint that it has to be encoded anew.
    """
    is_stale = is_next and _is_stale(plain)
    found: list[Pin] = []
    flaws: list[Flaw] = []
    for number, entry in enumerate((plain.get("training") or {}).get("data") or ()):
        found += _data(entry, ("training", "data", number), place, tags)
    if not is_stale:
        corpus = _data(plain.get("corpus") or {}, ("corpus",), place, tags)
        found += [replace(pin, modalities=tuple(plain["encoders"])) for pin in corpus]
    for modality, encoder in plain["encoders"].items():
        where: Where = ("encoders", modality)
        model = encoder["model"]
        folder, tag = model.get("path"), model.get("tag")
        if not folder or not is_inside(folder):
            continue
        is_tagged = tag is not None and tag in tags
        if tag is not None and not is_tagged:
            flaws.append(
                Flaw(
                    where=(*where, "model", "tag"),
                    rule="pairing-tag",
                    message=f"{folder} is named by the tag {tag}, and this repository has no such tag",
                    hint=f"git tag {tag} COMMIT, or git fetch --tags",
                )
            )
        if is_stale:
            continue
        at = f"refs/tags/{tag}" if is_tagged else place
        if model.get("tracked_by") in HERE and model.get("digest"):
            kept_as = {"uri": folder, "tracked_by": model["tracked_by"], "digest": model["digest"]}
            kept = _data(kept_as, (*where, "model"), at, tags)
            found += [replace(pin, what=f"the model {folder}", field="path", tag=tag) for pin in kept]
        for number, weight in enumerate(encoder.get("weights") or ()):
            found.append(
                Pin(
                    where=(*where, "weights", number, "sha256"),
                    what=f"the weights {folder}/{weight['path']}",
                    path=f"{folder.strip('/')}/{weight['path']}",
                    tracker=None,
                    digest=f"sha256:{weight['sha256']}",
                    place=at,
                    tag=tag if is_tagged else None,
                    folder=folder.strip("/"),
                )
            )
    return tuple(found), tuple(flaws)


def _data(entry: Mapping[str, Any], where: Where, place: Place, tags: frozenset[str]) -> Iterator[Pin]:
    uri, tracker = entry.get("uri"), entry.get("tracked_by")
    if not uri or is_elsewhere(uri, tracker) or (tracker is None and not is_inside(uri)):
        return
    name, version = entry.get("name"), entry.get("version")
    tag = next(
        (tag for tag in (version, f"{name}@{version}", f"{name}@v{version}") if version and tag in tags), None
    )
    is_id = str(entry.get("digest")).startswith("git:")  # Git's own, of what Git holds
    yield Pin(
        where=where,
        what=name or uri,
        path=uri.strip("/") if is_inside(uri) else uri,
        tracker=tracker,
        digest=entry.get("digest"),
        place=f"refs/tags/{tag}" if tag else INDEX if is_id and place is WORK_TREE else place,
        tag=tag,
    )


def check_pin(pin: Pin, found: Found, listings: Mapping[Where, str | None]) -> Iterator[Flaw]:
    """Check that a pinned thing is there and has the digest that the card recorded.

    `listings` are the digests of what is several files, for the pins of one card, where a commit holds them.
    """
    at = f" at the tag {pin.tag}" if pin.tag else ""
    if pin.tracker is not None and not is_inside(pin.path):
        yield _missing(pin, f"{pin.path} lies outside of this repository")
        return
    if pin.digest is not None and pin.tracker is not None:
        algorithm = pin.digest.partition(":")[0]
        known = _ALGORITHMS[pin.tracker]
        if algorithm not in known:
            yield Flaw(
                where=_at(pin, "digest"),
                rule="pairing-algorithm",
                message=f"{pin.what} is pinned by {algorithm}, {pin.tracker} pins by {' or '.join(known)}",
                hint=f"digest: {known[0]}:...",
            )
            return
    if pin.tracker == "dvc":
        yield from _check_dvc(pin, found, at)
        return
    absent = [path for path in pin.paths() if (pin.place, path) not in found]
    content = found.get((pin.place, pin.paths()[0]))
    if absent or content is None:
        is_ours = pin.tracker is not None or (
            pin.folder is not None and (pin.place, f"{pin.folder}/config.json") in found
        )
        if is_ours:
            hint = f"git add {absent[0]}" if pin.place == INDEX and absent else None
            yield _missing(pin, f"{absent[0]} does not exist{at}", hint=hint)
        return
    if pin.is_listed:
        yield from _compare(pin, listings.get(pin.where), at) if pin.where in listings else ()
        return
    if pin.tracker == "git-lfs" and content.pointer is None and pin.place is not None:
        yield _missing(pin, f"{pin.path} is no Git LFS pointer{at}", hint="tracked_by: git")
        return
    yield from _compare(pin, _digest(pin, content), at)


def _digest(pin: Pin, content: Content) -> str | None:
    if pin.is_git_id:
        return f"git:{content.id}" if content.id else None
    return None if content.is_tree or content.is_link else f"sha256:{content.bytes_meant.sha256}"


def _check_dvc(pin: Pin, found: Found, at: str) -> Iterator[Flaw]:
    files: dict[str, Mapping[str, Any]] = {}
    keys = pin.keys()
    for place, path in keys:
        content = found.get((place, path))
        text = read_card_text(content.data or b"", path=path) if content is not None else None
        if text is not None and text.is_read:
            files[path] = text.plain
    known = dvc.pinned(files, pin.path)
    if known:
        if pin.digest not in known:
            yield from _compare(pin, known[0], at)
        return
    above = dvc.covering(dvc.outputs(files), pin.path)
    if above:
        said = f"it lies in {above[0].path}, which DVC keeps as a whole{at}"
        if pin.digest is not None:
            yield _missing(pin, f"{pin.path} has no digest of its own: {said}", hint=f"uri: {above[0].path}")
        return
    pointers = [path for path in dvc.pointer_paths(pin.path) if path in files]
    wanted = f"{pin.path}{dvc.SUFFIX} or a {dvc.LOCK}" if not pin.path.endswith(dvc.SUFFIX) else pin.path
    said = f"{pointers[0]} does not pin it" if pointers else f"{wanted} does not exist"
    yield _missing(pin, f"{pin.path} is no output of DVC: {said}{at}", hint=f"dvc add {pin.path}")


def _compare(pin: Pin, own: str | None, at: str) -> Iterator[Flaw]:
    if pin.digest is None or pin.digest == own:
        return
    is_weight = pin.folder is not None
    said = f"has the digest {_short(own)}" if own else "is no file that has this digest"
    hint = "embver encode NAME, or bring back the model that was encoded" if is_weight else f"digest: {own}"
    yield Flaw(
        where=_at(pin, "digest"),
        rule="pairing-digest",
        message=f"{pin.what}: {pin.path} {said}{at}, the card says {_short(pin.digest)}: this is another pair",
        hint=hint if own else None,
    )


def _missing(pin: Pin, message: str, *, hint: str | None = None) -> Flaw:
    return Flaw(
        where=_at(pin, pin.field), rule="pairing-missing", message=f"{pin.what}: {message}", hint=hint
    )


def _at(pin: Pin, field: str) -> Where:
    return pin.where if pin.folder is not None else (*pin.where, field)


def _short(digest: str | None) -> str:
    algorithm, _, hexadecimal = (digest or "").partition(":")
    return f"{algorithm}:{hexadecimal[:12]}…"


def is_elsewhere(uri: str, tracker: str | None) -> bool:
    """Tell whether a card says of a thing that this repository does not keep it."""
    return _SCHEME.match(uri) is not None or (tracker is not None and tracker not in HERE)


def is_inside(path: str) -> bool:
    """Tell whether a path stays in the repository."""
    parts = PurePosixPath(path).parts
    return bool(parts) and not path.startswith("/") and ".." not in parts and ".git" not in parts


def _is_stale(plain: Mapping[str, Any]) -> bool:
    from embver.card import space_id  # only for a working version: start-up is the hook's cost

    return plain.get("fingerprint") != space_id(plain)
