"""Find the past of an embedding: old tags, rows of a table, and the vectors that old commits hold."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from fnmatch import fnmatchcase
from pathlib import Path

from embver.actions.adopt_card import Past
from embver.actions.adopt_request import AdoptRequest
from embver.actions.adopt_vectors import Matrix, read_matrix
from embver.actions.workspace import Workspace
from embver.errors import EmbverError, LfsError, MissingExtra, UsageError
from embver.exchange.table_fields import Told
from embver.history import TagRecord
from embver.intake import LeftOut
from embver.pointer import Pointer
from embver.version import Version


def tagged_versions(work: Workspace, pattern: str | None) -> dict[str, tuple[str, str, str]]:
    """Return version -> (tag, commit, date) of the tags of a pattern such as `v{version}`."""
    if pattern is None:
        return {}
    if "{version}" not in pattern:
        raise UsageError(
            f"--tags {pattern} does not say where the version stands", hint="--tags 'v{version}'"
        )
    found: dict[str, tuple[str, str, str]] = {}
    for record, text in _of_the_form(work, pattern):
        version = _version(text)
        if version is not None and record.commit:
            found[str(version)] = (record.tag, record.commit, record.date)
    if not found:
        raise UsageError(f"no tag is of the form {pattern}", hint="git tag")
    return found


def passed_over(work: Workspace, pattern: str | None) -> tuple[LeftOut, ...]:
    """Return the tags of a pattern that are no version, or that mark no commit."""
    return tuple(
        LeftOut(
            what=f"tag {record.tag}",
            why="it marks no commit" if _version(text) else f"{text!r} is no version, such as 1.2.0",
        )
        for record, text in (_of_the_form(work, pattern) if pattern else ())
        if _version(text) is None or not record.commit
    )


def _of_the_form(work: Workspace, pattern: str) -> Iterator[tuple[TagRecord, str]]:
    """Yield each tag of a pattern with what stands in it for the version."""
    before, _, after = pattern.partition("{version}")
    for record in work.repo.tag_records():
        if record.tag.startswith(before) and record.tag.endswith(after):
            text = record.tag[len(before) : len(record.tag) - len(after)]
            if text[:1].isdigit():  # v{version} is no form of `validated`
                yield record, text


def _version(text: str) -> Version | None:
    try:
        return Version.parse(text)
    except ValueError:
        return None


def past_of(
    work: Workspace,
    request: AdoptRequest,
    number: str,
    tagged: Mapping[str, tuple[str, str, str]],
    told: Mapping[str, Told],
    scratch: Path,
) -> Past:
    row = told.get(number)
    tag, commit, date = tagged.get(number, (None, None, None))
    if row is not None and row.tag is not None and tag is None:
        record = next((r for r in work.repo.tag_records() if r.tag == row.tag and r.commit), None)
        if record is None:
            raise UsageError(f"{request.table_name}:{row.line}: there is no tag {row.tag}", hint="git tag")
        tag, commit, date = record.tag, record.commit, record.date
    if row is not None and row.date is not None:
        date = date if date is not None and date.startswith(row.date) else f"{row.date}T12:00:00+00:00"
    if date is None:
        where = f"{request.table_name}:{row.line}" if row else number
        raise UsageError(
            f"{where}: {number} has neither a tag nor a date YYYY-MM-DD",
            hint="--tags 'v{version}', or a column `date`",
        )
    matrices = {}
    if commit is not None:
        for modality, place in request.vectors.items():
            matrix = _matrix(work, modality, place, request.ids.get(modality), commit, str(tag), scratch)
            if matrix is not None:
                matrices[modality] = matrix
    return Past(
        number=number,
        date=date,
        tag=tag,
        commit=commit,
        told=row,
        table=request.table_name if row else None,
        matrices=matrices,
    )


def _matrix(
    work: Workspace, modality: str, place: str, ids: str | None, commit: str, tag: str, scratch: Path
) -> Matrix | None:
    """Return one modality's vectors at an old commit; None where that commit has no such file."""
    pattern, _, key = place.partition(":")
    paths = [entry.path for entry in work.repo.tree(commit, "") if fnmatchcase(entry.path, pattern)]
    if not paths:
        return None
    files = [(path, _file(work, commit, path, tag, scratch)) for path in sorted(paths)]
    try:
        matrix = read_matrix(files, key=key or None)
    except MissingExtra:
        raise
    except EmbverError as error:
        raise type(error)(f"{tag}: {error}", hint=error.hint) from error
    if ids is None:
        return matrix
    try:
        text = _file(work, commit, ids, tag, scratch).read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as error:
        raise UsageError(f"{tag}: {ids} is not UTF-8, from byte {error.start} on") from error
    lines = tuple(line.rstrip("\r") for line in text.split("\n"))
    lines = lines[:-1] if lines and not lines[-1] else lines
    if len(lines) != len(matrix.rows) or len(set(lines)) != len(lines):
        raise UsageError(
            f"{tag}: {ids} has {len(lines)} ids ({len(set(lines))} different), {modality} has {len(matrix.rows)} rows"
        )
    return Matrix(rows=matrix.rows, dtype=matrix.dtype, ids=lines)


def _file(work: Workspace, commit: str, path: str, tag: str, scratch: Path) -> Path:
    """Return a file on disk with the bytes of a path at a commit: from the LFS store where Git has a pointer."""
    data = work.repo.read(commit, path)
    if data is None:
        raise UsageError(f"{tag} has no {path}", hint=f"git ls-tree -r --name-only {tag}")
    pointer = Pointer.parse(data)
    if pointer is not None:
        if not work.lfs.holds(pointer):
            raise LfsError(
                f"{tag}: the bytes of {path} are not on this machine", hint=f"git lfs fetch origin {tag}"
            )
        return work.lfs.path_of(pointer.sha256)
    target = scratch / commit / path
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_bytes(data)
    return target
