"""The stamp of a Parquet file: in its schema's metadata, where every reader finds it."""

from __future__ import annotations

import contextlib
import os
import tempfile
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from embver.errors import EmbverError, MissingExtra, StampError, UsageError
from embver.guard.stamp import KEY, check_replaceable

_MAGIC = b"PAR1"


@dataclass(frozen=True, slots=True, kw_only=True)
class ParquetFile:
    """A Parquet file. Its metadata stands behind its rows and is part of what is checked: no row moves."""

    path: Path

    @property
    def name(self) -> str:
        """Return the path."""
        return str(self.path)

    def read_stamp(self, *, quick: bool = False) -> str | None:  # noqa: ARG002
        """Return the stamp's text, or None."""
        metadata = self._schema().metadata or {}
        found = metadata.get(KEY.encode())
        return None if found is None else found.decode(errors="replace")

    def write_stamp(self, text: str, *, replace: bool = False) -> None:
        """Write the file anew with the stamp, row group by row group, and put it in the old one's place.

        Compression is kept column by column; statistics and pages are made anew. Raises StampError where another
        stamp stands or the file was changed meanwhile.
        """
        pq = _parquet()
        if not replace:
            check_replaceable(self.read_stamp(), text, store=self.name)
        target = self.path.resolve()
        before = _identity(target)
        try:
            handle, name = tempfile.mkstemp(dir=target.parent, prefix=".embver-")
        except OSError as error:
            raise EmbverError(f"{self.path} cannot be written: {error.strerror}") from error
        os.close(handle)
        temporary = Path(name)
        try:
            with pq.ParquetFile(target) as source:
                schema = source.schema_arrow
                stamped = schema.with_metadata({**(schema.metadata or {}), KEY.encode(): text.encode()})
                with pq.ParquetWriter(temporary, stamped, **_as_before(source)) as writer:
                    for number in range(source.num_row_groups):
                        group = source.read_row_group(number)
                        writer.write_table(group.cast(stamped), row_group_size=max(1, group.num_rows))
            with temporary.open("rb") as written:
                os.fsync(written.fileno())
            if _identity(target) != before:
                raise StampError(f"{self.path} was changed while it was stamped", hint="try again")
            temporary.chmod(target.stat().st_mode & 0o777)
            temporary.replace(target)
        except BaseException:
            with contextlib.suppress(OSError):
                temporary.unlink()
            raise

    def dimensions(self) -> int | None:
        """Return the length of the one column of lists of a fixed size; None where there is none, or several."""
        sizes = {getattr(field.type, "list_size", None) for field in self._schema()} - {None}
        return sizes.pop() if len(sizes) == 1 else None

    def _schema(self) -> Any:
        pq = _parquet()
        try:
            return pq.read_schema(self.path)
        except (OSError, ValueError) as error:  # pyarrow's own errors are ValueErrors
            raise EmbverError(f"{self.path} cannot be read as Parquet: {error}") from error


def is_parquet_file(path: Path) -> bool:
    """Tell whether a file begins and ends as Parquet does."""
    try:
        with path.open("rb") as file:
            begins = file.read(4) == _MAGIC
            end = file.seek(0, os.SEEK_END)
            file.seek(max(0, end - 4))
            return begins and file.read() == _MAGIC
    except OSError as error:
        raise EmbverError(f"{path} cannot be read: {error.strerror}") from error


def _as_before(source: Any) -> dict[str, Any]:
    """Return the options that write a file as it was written: version, and compression by column."""
    metadata = source.metadata
    if not metadata.num_row_groups:
        return {}
    group = metadata.row_group(0)
    columns = [group.column(number) for number in range(group.num_columns)]
    return {
        "compression": {column.path_in_schema: _codec(column.compression) for column in columns},
        "write_page_index": any(column.has_column_index for column in columns),
    }


def _codec(word: str) -> str:
    return "none" if word == "UNCOMPRESSED" else word.lower()


def _identity(path: Path) -> tuple[int, int, int]:
    """Return what tells a file from the one that another process put in its place."""
    found = path.stat()
    return found.st_ino, found.st_size, found.st_mtime_ns


def _parquet() -> Any:
    try:
        import pyarrow.parquet as pq
    except ImportError:
        raise MissingExtra("parquet", needed_for="the stamp of a Parquet file") from None
    return pq


def write_rows(
    path: Path, *, ids: Sequence[str], blocks: Iterable[Any], dimensions: int, stamp: str | None
) -> None:
    """Write vectors as a Parquet file of `id` and `vector` (a list of a fixed size), a row group a block, with a stamp.

    Blocks are NumPy arrays (rows, dimensions) of one number format; one is held at a time. The file is there whole or not.
    """
    pq = _parquet()
    import pyarrow as pa

    scratch = path.with_name(f".embver-{os.getpid()}-{path.name}")
    writer, start = None, 0
    try:
        for block in blocks:
            values = pa.array(block.reshape(-1))
            vectors = pa.FixedSizeListArray.from_arrays(values, dimensions)
            table = pa.table(
                {"id": pa.array(ids[start : start + len(block)], pa.string()), "vector": vectors}
            )
            if writer is None:
                metadata = {KEY: stamp} if stamp else None
                writer = pq.ParquetWriter(scratch, table.schema.with_metadata(metadata))
            writer.write_table(table.replace_schema_metadata(writer.schema.metadata))
            start += len(block)
        if writer is None:
            raise UsageError(f"{path.name}: there is no vector to write")
        writer.close()
        writer = None
        with scratch.open("rb") as written:
            os.fsync(written.fileno())
        scratch.replace(path)
    except OSError as error:
        raise EmbverError(f"{path} cannot be written: {error}") from error
    finally:
        if writer is not None:
            writer.close()
        scratch.unlink(missing_ok=True)
