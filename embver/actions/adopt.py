"""Turn a past without embver into releases: old tags, vector files and a hand-kept table; no history is rewritten.

Each version becomes a folder with a card in a commit of its own on the current branch, in the order of versions and
with the dates of then, under an annotated tag of embver's form. Old commits and old tags stay as they are.
"""

from __future__ import annotations

import hashlib
import tempfile
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from embver.actions.adopt_apply import Draft, apply, follow
from embver.actions.adopt_card import Past, card_of, ids_bytes, lacking
from embver.actions.adopt_past import passed_over, past_of, tagged_versions
from embver.actions.adopt_request import AdoptRequest
from embver.actions.workspace import Workspace
from embver.card import Card
from embver.errors import CardError, UsageError
from embver.exchange.table import read_table
from embver.exchange.table_fields import Told, parse_map, told_by
from embver.intake import LeftOut, MalformedError
from embver.levels import Level
from embver.pointer import Pointer
from embver.store.cards import dump_plain, read_card_text
from embver.store.schemas import check_card
from embver.version import Version


@dataclass(frozen=True, slots=True, kw_only=True)
class Adopted:
    """One version as it is, or would be, adopted."""

    version: str
    date: str
    tag: str | None
    line: int | None
    vectors: Mapping[str, tuple[int, int, str]]  # modality -> rows, dimensions, dtype

    def to_plain(self) -> dict[str, Any]:
        """Return the stable keys of `embver adopt --json`."""
        vectors = {
            modality: {"rows": rows, "dimensions": dimensions, "dtype": dtype}
            for modality, (rows, dimensions, dtype) in self.vectors.items()
        }
        return {
            "version": self.version,
            "date": self.date,
            "tag": self.tag,
            "line": self.line,
            "vectors": vectors,
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class AdoptReport:
    """What was adopted, what was there already, and what the table says that no card holds."""

    name: str
    adopted: tuple[Adopted, ...]
    known: tuple[str, ...]
    left_out: tuple[LeftOut, ...]
    is_written: bool

    def to_plain(self) -> dict[str, Any]:
        """Return the stable keys of `embver adopt --json`."""
        return {
            "name": self.name,
            "adopted": [entry.to_plain() for entry in self.adopted],
            "known": list(self.known),
            "left_out": [entry.to_plain() for entry in self.left_out],
            "written": self.is_written,
        }


def adopt(work: Workspace, request: AdoptRequest) -> AdoptReport:
    """Plan, then apply: every card is made and checked before the first reference moves, and they move together.

    Raises UsageError naming for each version what nobody says, CardError where a card would not be valid, LfsError
    where bytes of the past are not on this machine.
    """
    work.check_name(request.name)
    told, left = _told(request)
    tagged = tagged_versions(work, request.tags)
    versions = sorted({Version.parse(number) for number in (*tagged, *told)}, key=lambda v: v.order)
    if not versions:
        raise UsageError("there is no version to adopt", hint="--tags 'v{version}', or --table FILE")
    released = {str(release.version) for release in work.releases_of(request.name)}
    _check_order(request.name, released, versions)
    known = tuple(str(version) for version in versions if str(version) in released)
    with tempfile.TemporaryDirectory(prefix="embver-adopt-") as scratch:
        pasts = [
            past_of(work, request, str(version), tagged, told, Path(scratch))
            for version in versions
            if str(version) not in released
        ]
        for modality, place in request.vectors.items():
            if pasts and not any(modality in past.matrices for past in pasts):
                raise UsageError(f"no version has a file {place}", hint="git ls-tree -r --name-only TAG")
        missing = [f"  {past.number}: {why}" for past in pasts for why in lacking(past, request.known)]
        if missing:
            raise UsageError(
                "a card needs what nobody says:\n" + "\n".join(missing),
                hint="say it as above; nothing is invented",
            )
        drafts = _drafts(work, request, pasts, [str(version) for version in versions])
        if not request.is_dry_run:
            apply(work, request.name, drafts)
            follow(work, request.name)
    return AdoptReport(
        name=request.name,
        adopted=tuple(_adopted(past) for past in pasts),
        known=known,
        left_out=(*passed_over(work, request.tags), *left),
        is_written=bool(pasts) and not request.is_dry_run,
    )


def _told(request: AdoptRequest) -> tuple[dict[str, Told], tuple[LeftOut, ...]]:
    if request.table is None:
        return {}, ()
    try:
        table = read_table(request.table.read_bytes(), request.table_name)
    except MalformedError as error:
        raise UsageError(str(error), hint=error.hint) from error
    except OSError as error:
        raise UsageError(f"{request.table_name} cannot be read: {error.strerror}") from error
    rows, left = told_by(table, parse_map(request.mapping, table.columns), place=request.table_name)
    return {str(row.version): row for row in rows}, left


def _check_order(name: str, released: set[str], versions: Sequence[Version]) -> None:
    """Raise UsageError if the embedding has releases that the past does not end with: numbers are given once, in order."""
    later = [version for version in versions if str(version) not in released]
    foreign = sorted(released - {str(version) for version in versions})
    if later and foreign:
        raise UsageError(
            f"{name} has releases already, such as {foreign[0]}: only an embedding without releases can be given a past",
            hint="adopt under another name",
        )


def _drafts(
    work: Workspace, request: AdoptRequest, pasts: Sequence[Past], order: Sequence[str]
) -> list[Draft]:
    drafts = []
    for past in pasts:
        at = order.index(past.number)
        before = order[at - 1] if at else None
        level = _level(Version.parse(past.number), Version.parse(before)) if before else None
        files, artifacts = _store(work, past, is_dry_run=request.is_dry_run)
        plain = card_of(
            request.name,
            past,
            request.known,
            previous=f"{request.name}@{before}" if before else None,
            level=level,
            artifacts=artifacts,
        )
        path = f"{work.folder(request.name, past.number)}/card.yaml"
        text = dump_plain(plain)
        problems = check_card(read_card_text(text, path=path), folder=past.number)
        if problems:
            raise CardError(
                f"the card of {past.number} would not be valid",
                problems=problems,
                hint="mend what they come from",
            )
        drafts.append(Draft(past=past, card=Card.from_plain(plain), text=text, files=files, level=level))
    return drafts


def _level(version: Version, before: Version) -> str:
    """Return what a number announces; from one pre-release to the next that is nothing, and a release is at least a patch."""
    level = version.level_from(before)
    return Level.PATCH.word if level is Level.NONE else level.word


def _store(work: Workspace, past: Past, *, is_dry_run: bool) -> tuple[dict[str, bytes], list[dict[str, Any]]]:
    """Return (small files of the version's folder, artifacts); vectors go into the LFS store in canonical form."""
    from embver.store.vectors import content_digest, stream_tensors, to_stored

    files: dict[str, bytes] = {}
    artifacts: list[dict[str, Any]] = []
    is_mixed = len({matrix.dtype for matrix in past.matrices.values()}) > 1
    own_ids = len({matrix.ids for matrix in past.matrices.values()}) > 1
    for modality, matrix in past.matrices.items():
        stored = to_stored(matrix.rows, matrix.dtype, name=modality)
        chunks = stream_tensors(stored.tensors())
        pointer = _pointer(chunks) if is_dry_run else work.lfs.put(chunks)
        path = f"{modality}.safetensors"
        files[path] = pointer.format()
        entry = {
            "path": path,
            "role": "vectors",
            "modality": modality,
            "rows": len(matrix.rows),
            **({"dtype": matrix.dtype} if is_mixed else {}),  # else the space tells it for all
            "sha256": pointer.sha256,
            "size_bytes": pointer.size_bytes,
        }
        if matrix.ids is not None:
            entry["content_digest"] = content_digest(
                matrix.ids, stored.vectors, dtype=stored.dtype, scale=stored.scale
            )
        artifacts.append(entry)
    for modality, matrix in past.matrices.items():
        path = f"{modality}.ids.txt" if own_ids else "ids.txt"
        if matrix.ids is None or path in files:
            continue
        files[path], sha256 = ids_bytes(matrix.ids)
        entry = {
            "path": path,
            "role": "ids",
            "rows": len(matrix.ids),
            "sha256": sha256,
            "size_bytes": len(files[path]),
        }
        artifacts.append({**entry, "modality": modality} if own_ids else entry)
    return files, artifacts


def _pointer(chunks: Iterable[bytes]) -> Pointer:
    """Return what the store would call some bytes, without keeping them."""
    digest, size_bytes = hashlib.sha256(), 0
    for chunk in chunks:
        digest.update(chunk)
        size_bytes += len(chunk)
    return Pointer(sha256=digest.hexdigest(), size_bytes=size_bytes)


def _adopted(past: Past) -> Adopted:
    return Adopted(
        version=past.number,
        date=past.date,
        tag=past.tag,
        line=past.told.line if past.told else None,
        vectors={
            modality: (len(matrix.rows), int(matrix.rows.shape[1]), matrix.dtype)
            for modality, matrix in past.matrices.items()
        },
    )
