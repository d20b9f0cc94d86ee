"""Hold `next/` against the commit that its release would stand on: what no commit holds, no clone will ever have.

What a card names by a path has to be in that commit as it was encoded: by Git itself, as a Git LFS pointer, or by a
pointer of DVC's. What is kept elsewhere says so: a `uri` that is one, a `tracked_by` of another tracker, or a model's
`id` and `revision` in a hub.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, Final

from embver.actions.checked import Checked
from embver.actions.contents import WORK_TREE, Content, Contents, Key
from embver.actions.evidence import Evidence
from embver.actions.pairing import is_elsewhere, is_inside
from embver.actions.subjects import LoadedCard, Scope
from embver.actions.workspace import CARD, ITEMS, NEXT, Workspace
from embver.card import Card
from embver.corpusfiles import expanded
from embver.exchange import dvc
from embver.problem import Flaw, Problem
from embver.store.cards import read_card_text
from embver.store.known import blob_id

HEAD: Final = "HEAD"
_MODEL_FILES: Final = (".json", ".txt", ".model", ".safetensors")  # what of a model's folder is read
_MOST_LISTED: Final = 3

Where = tuple[str | int, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Named:
    """One thing that a card names by a path; `is_kept` says that, by the card, somebody else keeps it."""

    where: Where
    path: str
    is_kept: bool
    place: str = HEAD
    files: Callable[[], tuple[str, ...]] = (
        tuple  # of a folder, how the files that count end; none: all of them
    )
    otherwise: str = "`tracked_by: other`"  # how the card would say so


def problems_of_next(work: Workspace, card: Card) -> tuple[Problem, ...]:
    """Return what `embver validate` would say of a working version once it is released, and what a clone would lack.

    Shape and sense are not looked at: the card has been read, so both are right.
    """
    folder = work.folder(card.name, NEXT)
    data = work.path(folder, CARD).read_bytes()
    text = read_card_text(data, path=f"{folder}/{CARD}")
    scope = Scope(repo=work.repo, settings=work.settings)
    subject = scope.subject(text.path, WORK_TREE)
    loaded = LoadedCard(subject=subject, data=data, blob=blob_id(data), plain=text.plain, text=text)
    tags = frozenset(record.tag for record in work.tag_records)
    absent = tuple(_uncommitted(work, card, tags))
    # What is not committed is another pair as well: that follows, and is told once, with what mends it.
    told = {_entry(flaw.where) for flaw in absent}
    checked = Checked.open(work.repo.git_dir, repr(work.settings))
    evidence = Evidence(scope, work.releases, tags, checked, deep=False, origin=HEAD)
    found = [flaw for _, flaw in evidence.flaws([loaded]) if _entry(flaw.where) not in told]
    # Two encoders may name one model, and corpus and training one file.
    once = {flaw.message: flaw for flaw in reversed(absent)}
    return tuple(sorted(text.problem_from(flaw) for flaw in (*once.values(), *found)))


def _entry(where: Where) -> Where:
    """Return the entry of the card that a place lies in: `corpus`, `encoders.text`, `training.data[1]`."""
    return where[: {"corpus": 1, "training": 3}.get(str(where[0]), 2)]


def _uncommitted(work: Workspace, card: Card, tags: frozenset[str]) -> Iterator[Flaw]:
    """Yield what a card names by a path and HEAD does not hold as it is in the work tree."""
    named = tuple(_named(work, card, tags))
    keys: list[Key] = [(entry.place, entry.path) for entry in named if is_inside(entry.path)]
    pointers: list[Key] = [(place, pointer) for place, path in keys for pointer in dvc.pointer_paths(path)]
    pipelines: list[Key] = [(place, file) for place, path in keys for file in dvc.pipeline_paths(path)]
    held = Contents(work.repo).look(keys, whole=[*pointers, *pipelines])
    changed = _changed(work, [path for _, path in (*keys, *pointers)])
    for entry in named:
        said = _lack(entry, held, changed)
        if said is not None:
            message, hint = said
            yield Flaw(where=entry.where, rule="uncommitted", message=message, hint=hint)


def _named(work: Workspace, card: Card, tags: frozenset[str]) -> Iterator[_Named]:
    plain = card.plain
    corpus, data = plain.get("corpus") or {}, (plain.get("training") or {}).get("data") or ()
    places: list[tuple[Where, Mapping[str, Any]]] = [(("corpus",), corpus)]
    places += [(("training", "data", number), entry) for number, entry in enumerate(data)]
    for where, entry in places:
        uri, tracker = entry.get("uri"), entry.get("tracked_by")
        for path in _paths(str(uri or "")):
            yield _Named(where=(*where, "uri"), path=path.rstrip("/"), is_kept=is_elsewhere(path, tracker))
    for modality, encoder in card.encoders.items():
        model = encoder["model"]
        tag = model.get("tag")
        if model.get("path") and (
            tag is None or tag in tags
        ):  # that there is no such tag is told by the pairing
            yield _Named(
                where=("encoders", modality, "model", "path"),
                path=str(model["path"]).rstrip("/"),
                is_kept=bool(model.get("id") and model.get("revision"))
                or is_elsewhere("", model.get("tracked_by")),
                place=f"refs/tags/{tag}" if tag else HEAD,
                files=lambda: _MODEL_FILES,
                otherwise="`tracked_by: other`, or the `id` and `revision` of a hub",
            )
    folder = work.settings.probe_for(card.name)
    for number, artifact in enumerate(card.artifacts):
        if folder is None or artifact.role != "probe" or not artifact.probe_digest:
            continue
        where = ("artifacts", number, "probe", "digest")
        files = partial(_probe_files, work, card.name, artifact.probe_digest)
        yield _Named(where=where, path=folder, is_kept=False, files=files, otherwise="")


def _paths(uri: str) -> tuple[str, ...]:
    """Return the files that a pattern names; what is none of those stands for itself."""
    try:
        return expanded(uri) if uri and not is_elsewhere(uri, None) else (uri,) if uri else ()
    except ValueError:
        return (uri,)


def _probe_files(work: Workspace, name: str, digest: str) -> tuple[str, ...]:
    """Return the files of a probe set; it is read, so only where something of its folder was changed."""
    probe = work.probe_set(name, digest=digest)
    return (f"/{ITEMS}", *(f"/{item.path}" for item in (probe.items if probe else ()) if item.path))


def _changed(work: Workspace, paths: Sequence[str]) -> tuple[str, ...]:
    """Return what of some paths differs from HEAD, or is not known to Git."""
    there = [path for path in dict.fromkeys(paths) if work.path(path).exists()]
    # Taken out of the index and still there, a file is listed twice.
    return tuple(dict.fromkeys(work.repo.changed_paths(*there))) if there else ()


def _lack(entry: _Named, held: Mapping[Key, Content], changed: Sequence[str]) -> tuple[str, str] | None:
    """Return what a clone would lack of an entry and what to do about it, or None."""
    path = entry.path
    keep = f", or say in the card who keeps it: {entry.otherwise}" if entry.otherwise else ""
    if entry.is_kept and (not is_inside(path) or (entry.place, path) not in held):
        return None
    if not is_inside(path):
        return f"{path} lies outside of this repository: a clone would lack it", f"copy it in{keep}"
    if entry.place != HEAD:
        message = f"{path} is not in the commit of the tag {entry.place.removeprefix('refs/tags/')}"
        return None if (entry.place, path) in held else (message, "name the tag of the commit that holds it")
    if (entry.place, path) in held:
        inner = [name for name in changed if name == path or name.startswith(f"{path}/")]
        files = entry.files() if inner else ()
        differing = [name for name in inner if not files or name.endswith(files)]
    else:
        pointers = _pointers(held, entry.place, path)
        differing = [each for each in pointers or dvc.pointer_paths(path) if each in changed]
        if not pointers and not differing:
            message = f"{path} is not committed: a clone of this release would lack it"
            return message, f"git add {path} && git commit{keep}"
    if not differing:
        return None
    listed = ", ".join(differing[:_MOST_LISTED]) + (", …" if len(differing) > _MOST_LISTED else "")
    said = "is not committed as it was" if len(differing) == 1 else "are not committed as they were"
    return f"{listed} {said} encoded", f"git add {path} && git commit"


def _pointers(held: Mapping[Key, Content], place: str, path: str) -> tuple[str, ...]:
    """Return the pointers of DVC's that pin a path, or a folder that it lies in."""
    files: dict[str, Mapping[str, Any]] = {}
    for name in (*dvc.pointer_paths(path), *dvc.pipeline_paths(path)):
        content = held.get((place, name))
        if content is not None and content.data is not None:
            text = read_card_text(content.data, path=name)
            files.update({name: text.plain} if text.is_read else {})
    return tuple(dict.fromkeys(out.pointer for out in dvc.covering(dvc.outputs(files), path)))
