"""Take over data sets and checkpoints that Git LFS keeps, by their pointers at any revision: no byte is fetched."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Final

from embver.actions.dvc_fields import Entries, PlaceOfEntries
from embver.actions.dvc_reading import Reference, read_reference
from embver.actions.importing import ImportRequest
from embver.actions.lfs_tree import read_tree
from embver.actions.workspace import Workspace
from embver.errors import UsageError
from embver.exchange.dvc import Output
from embver.exchange.dvc_config import Remotes
from embver.exchange.lfs_pointers import Tree
from embver.intake import AbsentError, Intake, LeftOut, Origin, Taken
from embver.privacy import without_credentials
from embver.store.repo import Repository

OPTIONS: Final[Mapping[str, str]] = {
    "field": "what of the card it is: data, corpus or model (default: what names the path already, else data)",
    "name": "the data set's name in the card (default: the path's last part)",
    "role": "what the data were used for: train, validation, test, distillation or other",
    "modality": "the encoders that the model is of, commas between, where none names its path yet",
}
FIELDS: Final = ("data", "corpus", "model")
_WEIGHTS: Final = (".safetensors",)
_SHOWN: Final = 6


def read(work: Workspace, request: ImportRequest) -> Intake:
    """Read the pointers of a file or folder at a revision; AbsentError with what there is beside it."""
    if request.options.get("field", "data") not in FIELDS:
        raise UsageError(f"field={request.options['field']}", hint=f"one of {', '.join(FIELDS)}")
    repo = work.repo
    reference = read_reference(repo, request.reference, request.folder)
    tree = _tree(repo, reference)
    is_folder, counted = tree.is_folder, tree.counted
    tracker = "git-lfs" if tree.has_pointers else "git"
    place = PlaceOfEntries(reference=reference, remotes=_remotes(repo, reference), tracker=tracker)
    entries = Entries(
        card=work.card_text(work.source(request.into)).plain, options=request.options, place=place
    )
    out = Output(
        path=reference.path,
        pointer=reference.path,
        digest=tree.digest if is_folder else f"sha256:{counted[0].sha256}",
        size_bytes=tree.size_bytes,
        files=len(counted) if is_folder else None,
    )
    if entries.field_of(out) == "corpus" and is_folder:
        raise UsageError(
            f"{out.path} is the corpus, and `embver encode` writes the digest of a corpus that is a folder",
            hint=f"embver encode {request.into.partition('@')[0]}",
        )
    taken, left = entries.of(out)
    if tracker == "git":
        taken = [_without_remote(entry) for entry in taken]
    taken += _weights(entries, out, tree)
    return Intake(
        origin=Origin(source="lfs", uri=place.uri(reference.path), digest=out.digest),
        taken=tuple(taken),
        left_out=(*left, *_left(tree)),
        warnings=_warnings(reference, tree),
    )


def _tree(repo: Repository, reference: Reference) -> Tree:
    tree = read_tree(repo, reference.commit, reference.path)
    if tree is None:
        message = f"{reference.path} does not exist at {reference.at}"
        raise AbsentError(message, known=_beside(repo, reference))
    if not tree.counted:
        raise AbsentError(f"{reference.path} holds no file at {reference.at} that is not hidden")
    return tree


def _beside(repo: Repository, reference: Reference) -> tuple[str, ...]:
    folder = Path(reference.path).parent.as_posix()
    at = "" if folder == "." else f"{folder}/"
    asked = ("ls-tree", "-z", "--name-only", "--full-tree", f"{reference.commit}:{at}")
    names = repo.git(*asked, status_ok=(0, 128)).split("\0")
    return tuple(f"{at}{name}" for name in names if name)


def _remotes(repo: Repository, reference: Reference) -> Remotes:
    """Return where the objects lie: what `.lfsconfig` says at that commit, else Git's own settings, else the remote."""
    asked = ("config", "--blob", f"{reference.commit}:.lfsconfig", "--get", "lfs.url")
    url = repo.git(*asked, status_ok=(0, 1, 128)).strip()
    names = repo.remotes()
    name = "origin" if "origin" in names else names[0] if names else None
    if not url and name is not None:
        url = (
            repo.config("lfs.url")
            or repo.config(f"remote.{name}.lfsurl")
            or repo.config(f"remote.{name}.url")
            or ""
        )
    is_address = "://" in url and not url.startswith("file:")
    place = name or "lfs"
    address = str(without_credentials(url)) if is_address else None
    return Remotes(addresses={place: address}, default=place if address or name else None)


def _weights(entries: Entries, out: Output, tree: Tree) -> list[Taken]:
    """Return the weights of a model by their pointers: what `embver encode` would find in the bytes."""
    found = tree.weights(_WEIGHTS)
    if entries.field_of(out) != "model" or not found:
        return []
    value = [
        {"path": file.path, "sha256": file.sha256, "size_bytes": file.size_bytes}
        for file in sorted(found, key=lambda file: file.path)
    ]
    return [
        Taken(where=("encoders", modality, "weights"), value=value, origin=out.pointer)
        for modality in entries.modalities_of(out)
        if entries.path_of(modality) in ("", out.path)
    ]


def _without_remote(taken: Taken) -> Taken:
    value = {key: each for key, each in taken.value.items() if key != "remote"}
    return Taken(where=taken.where, value=value, origin=taken.origin)


def _left(tree: Tree) -> list[LeftOut]:
    left = []
    if tree.links:
        more = ", …" if len(tree.links) > _SHOWN else ""
        what = f"symbolic links {', '.join(tree.links[:_SHOWN])}{more}"
        left.append(LeftOut(what=what, why="not followed: the digest is of the links themselves"))
    counted = {file.path for file in tree.counted}
    others = [file.path for file in tree.files if file.path not in counted]
    if others:
        more = f" and {len(others) - _SHOWN} more" if len(others) > _SHOWN else ""
        why = "hidden, or beside files that hold many items each: they do not count"
        left.append(LeftOut(what=f"{', '.join(others[:_SHOWN])}{more}", why=why))
    return left


def _warnings(reference: Reference, tree: Tree) -> tuple[str, ...]:
    plain = [file.path for file in tree.counted if not file.is_pointer and file.path not in tree.links]
    if not plain:
        return ()
    if not tree.is_folder:
        return (
            f"{reference.path} is no pointer of Git LFS at {reference.at}: Git holds the file itself (tracked_by: git)",
        )
    if not tree.has_pointers:
        return (
            f"nothing in {reference.path} is a pointer of Git LFS: Git holds the files themselves (tracked_by: git)",
        )
    more = f" and {len(plain) - _SHOWN} more" if len(plain) > _SHOWN else ""
    return (f"Git itself holds {', '.join(plain[:_SHOWN])}{more}: taken with the SHA-256 of their bytes",)
