"""Find again what a release was made from: its model by the digests of its files, its items by those of their bytes."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any

from embver.actions.inputs import read_corpus
from embver.actions.models import resolve_model
from embver.actions.workspace import Source, Workspace
from embver.card import Artifact, Card
from embver.errors import EmbverError, EncodeError
from embver.pointer import Pointer
from embver.store.folders import read_folders
from embver.store.objects import read_objects

if TYPE_CHECKING:
    from embver.encode.corpus import Corpus
    from embver.encode.spec import Item
    from embver.store.rows import Rows


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Sample:
    """Some rows of one modality: their places among the stored rows, and the items that they were made from.

    `missing` counts rows that were drawn and whose items are not here any more; `why` says how that was found.
    """

    modality: str
    stored: Rows
    places: Any  # int64 (n,)
    items: tuple[Item, ...]
    missing: int = 0
    why: str | None = None

    def words(self) -> str | None:
        """Return what is missing, as a sentence; None if nothing is."""
        if not self.missing:
            return None
        count = "none" if not self.items else f"{len(self.items)}"
        return (
            f"{count} of the {self.missing + len(self.items)} {self.modality}s that were drawn can be encoded again: "
            f"{self.why}"
        )


# ---- the model


def find_model(work: Workspace, source: Source, card: Card, modality: str, scratch: Path) -> Path | str:
    """Return a folder whose files are those that the card's encoder was made of, or why there is none.

    Looked for where the card says, then in the release's own commit (put together below `scratch`), then among the
    other model folders of the work tree.
    """
    encoder = card.encoders[modality]
    wanted = _digests(encoder)
    if not wanted:
        return f"the card names no weights of encoders.{modality}: nothing says which model it was"
    reasons = []
    try:
        folder = resolve_model(work, modality, encoder)
        if wanted == _found(folder, modality, encoder):
            return folder
        reasons.append(f"{_shown(work, folder)} holds other files than the card names")
    except EmbverError as error:
        reasons.append(error.message)
    path = str((encoder.get("model") or {}).get("path") or "")
    if path and source.revision is not None:
        copied = folder_of_commit(work, source.revision, path, scratch / source.revision[:12] / path)
        if isinstance(copied, str):
            reasons.append(copied)
        elif wanted == _found(copied, modality, encoder):
            return copied
    for folder in _model_folders(work):
        if wanted == _found(folder, modality, encoder):
            return folder
    return f"the model of encoders.{modality} is not here: {'; '.join(reasons)}"


def _digests(encoder: Mapping[str, Any]) -> frozenset[tuple[str, str]]:
    """Return what identifies an encoder's files: (what, SHA-256)."""
    entries = [*(encoder.get("weights") or ()), *(encoder.get("files") or ())]
    found = {(str(entry["path"]), str(entry["sha256"])) for entry in entries}
    return frozenset(found | {("tokenizer", str(encoder["tokenizer_sha256"]))} if encoder.get("tokenizer_sha256") else found)  # fmt: skip


def _found(folder: Path, modality: str, encoder: Mapping[str, Any]) -> frozenset[tuple[str, str]] | None:
    """Return the same of a folder, for the files that the card names; None where one of them is not there."""
    from embver.encode.model_files import describe_model
    from embver.store.files import hash_file

    sizes = {str(weight["path"]): weight.get("size_bytes") for weight in encoder.get("weights") or ()}
    names = [str(entry["path"]) for entry in (*(encoder.get("weights") or ()), *(encoder.get("files") or ()))]
    for name in names:
        file = folder / name
        # The size first: not one byte of another model's gigabytes is hashed.
        if not file.is_file() or sizes.get(name, file.stat().st_size) != file.stat().st_size:
            return None
    found = {(name, hash_file(folder / name)[0]) for name in dict.fromkeys(names)}
    if encoder.get("tokenizer_sha256"):
        try:
            found.add(("tokenizer", str(describe_model(folder, modality=modality).tokenizer_sha256)))
        except EncodeError:
            return None
    return frozenset(found)


def folder_of_commit(work: Workspace, revision: str, path: str, target: Path) -> Path | str:
    """Put a folder together as a commit holds it, its LFS objects by link; return why not, if it cannot be."""
    (files,) = read_folders(work.repo, [f"{revision}:{path}"])
    if not files:
        return f"the release's commit has no {path}"
    names = list(files)
    ids = [files[name].id for name in names]
    read = dict(zip(names, read_objects(work.repo, ids, whole=frozenset(ids)), strict=True))
    for name, found in read.items():
        data = found.data if found is not None else None
        if data is None:
            return f"{path}/{name} of the release's commit is not on this machine (git fetch)"
        file = target / name
        if file.exists():  # two modalities have one model
            continue
        file.parent.mkdir(parents=True, exist_ok=True)
        pointer = Pointer.parse(data)
        if pointer is None:
            file.write_bytes(data)
        elif work.lfs.holds(pointer):
            file.symlink_to(work.lfs.path_of(pointer.sha256))
        else:
            tag = revision[:12]
            return (
                f"{path}/{name} of the release's commit is not on this machine (git lfs fetch origin {tag})"
            )
    return target


def _model_folders(work: Workspace) -> Iterator[Path]:
    listed = map(PurePosixPath, work.repo.git("ls-files", "-z").split("\0"))
    folders = dict.fromkeys(path.parent for path in listed if path.name == "config.json")
    return (work.repo.root / folder for folder in folders)


def _shown(work: Workspace, folder: Path) -> str:
    return (
        folder.relative_to(work.repo.root).as_posix()
        if folder.is_relative_to(work.repo.root)
        else folder.name
    )


# ---- the items


def draw(work: Workspace, source: Source, card: Card, modality: str, count: int, seed: int) -> Sample | str:
    """Draw `count` rows of a modality (0: all) by a seed, and find the items that they were made from.

    Return why not, if the stored rows or the corpus cannot be read. Raises IntegrityError for artifacts that are no
    vectors.
    """
    import numpy as np

    from embver.store.rows import Rows

    artifacts = [each for each in card.artifacts if each.role == "vectors" and each.modality == modality]
    if not artifacts:
        return f"{source.reference} has no vectors of {modality}s"
    try:
        paths = [work.artifact_path(source, artifact) for artifact in artifacts]
    except EmbverError as error:
        return f"{error.message} ({error.hint})" if error.hint else error.message
    stored = Rows.open(paths)
    total = len(stored)
    size = min(count or total, total)
    places = np.sort(np.random.default_rng(seed).choice(total, size=size, replace=False))
    try:
        corpus = read_corpus(work, card)
    except EmbverError as error:
        return f"the corpus cannot be read: {error.message}"
    found, why = _places_in(work, source, card, corpus, modality, places, _inputs(paths))
    kept = [
        (place, position) for place, position in zip(places.tolist(), found, strict=True) if position >= 0
    ]
    items = [corpus.items(modality, position, position + 1)[0] for _, position in kept]
    return Sample(
        modality=modality,
        stored=stored,
        places=np.array([place for place, _ in kept], dtype=np.int64),
        items=tuple(items),
        missing=size - len(kept),
        why=why if len(kept) < size else None,
    )


def _inputs(paths: Sequence[Path]) -> Any:
    """Return uint8 (rows, 32), the digests of what each row was made from; None where a file does not say."""
    import numpy as np

    from embver.store.vectors import INPUTS, map_tensors

    parts = [map_tensors(path).get(INPUTS) for path in paths]
    kept = [part[0] for part in parts if part is not None]
    return np.concatenate(kept) if len(kept) == len(parts) else None


def _places_in(
    work: Workspace, source: Source, card: Card, corpus: Corpus, modality: str, places: Any, inputs: Any
) -> tuple[list[int], str]:
    """Return where in today's corpus the item of each row is, -1 for one that is not there, and why it may not be."""
    import numpy as np

    if inputs is not None:
        have = np.ascontiguousarray(corpus.digests(modality)).view("V32").ravel()
        want = np.ascontiguousarray(inputs[places]).view("V32").ravel()
        known: dict[bytes, int] = {}
        for position in np.flatnonzero(np.isin(have, want)).tolist():
            known.setdefault(have[position].tobytes(), position)
        return [known.get(each.tobytes(), -1) for each in want], "their bytes are in today's corpus no longer"
    if corpus.manifest_digest != (card.plain.get("corpus") or {}).get("digest"):
        why = "today's corpus is another one, and these files do not say what each row was made from"
        return [-1] * len(places), why
    ids = _row_ids(work, source, card, modality)
    by_id = {name: position for position, name in enumerate(corpus.ids(modality))}
    return [by_id.get(ids[place], -1) for place in places.tolist()], "their ids are in the corpus no longer"


def _row_ids(work: Workspace, source: Source, card: Card, modality: str) -> list[str]:
    files: list[Artifact] = [
        each for each in card.artifacts if each.role == "ids" and each.modality in (None, modality)
    ]
    data = work.read(source, files[0].path) if files else None
    return (data or b"").decode().removesuffix("\n").split("\n")
