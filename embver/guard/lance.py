"""The stamp of a LanceDB table: in the metadata of the column that holds the vectors, a new version of the table."""

from __future__ import annotations

import itertools
import os
import shutil
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from embver.errors import EmbverError, MissingExtra, UsageError
from embver.guard.stamp import KEY, check_replaceable


@dataclass(frozen=True, slots=True, kw_only=True)
class LanceTable:
    """A LanceDB table and, where it has several columns of vectors, the name of one."""

    table: Any
    column: str | None = None

    @property
    def name(self) -> str:
        """Return the table's place, and the column if one was named."""
        place = str(getattr(self.table, "uri", None) or self.table.name)
        return f"{place}:{self.column}" if self.column else place

    def read_stamp(self, *, quick: bool = False) -> str | None:  # noqa: ARG002
        """Return the stamp's text, or None."""
        found = (self._field().metadata or {}).get(KEY.encode())
        return None if found is None else found.decode(errors="replace")

    def write_stamp(self, text: str, *, replace: bool = False) -> None:
        """Add the stamp to the column's metadata; LanceDB writes a new version of the table, of no new rows."""
        self._go_to_the_latest()
        if not replace:
            check_replaceable(self.read_stamp(), text, store=self.name)
        path = self._field().name
        try:
            self.table.update_field_metadata({"path": path, "metadata": {KEY: text}})
        except (OSError, RuntimeError, ValueError) as error:
            raise EmbverError(f"{self.name} cannot be stamped: {error}") from error

    def _go_to_the_latest(self) -> None:
        # A handle shows the version that it was opened at, and another one may have stamped the table since.
        try:
            self.table.checkout_latest()
        except (OSError, RuntimeError, ValueError) as error:
            raise EmbverError(f"{self.name} cannot be read: {error}") from error

    def dimensions(self) -> int | None:
        """Return the length of the column's vectors."""
        found: int = self._field().type.list_size
        return found

    def _field(self) -> Any:
        schema = self.table.schema
        vectors = [field for field in schema if getattr(field.type, "list_size", 0) > 0]
        names = ", ".join(field.name for field in vectors) or "none"
        if self.column is not None:
            vectors = [field for field in vectors if field.name == self.column]
        if len(vectors) != 1:
            wanted = f"no column {self.column!r} of vectors" if self.column else "not one column of vectors"
            raise UsageError(f"{self.name} has {wanted}: {names}", hint="--column NAME")
        return vectors[0]


def table_at(folder: Path, *, column: str | None) -> LanceTable:
    """Open the table in a folder DATABASE/TABLE.lance."""
    try:
        import lancedb
    except ImportError:
        raise MissingExtra("lance", needed_for="the stamp of a LanceDB table") from None
    if folder.suffix != ".lance":
        raise UsageError(f"{folder} is no table of LanceDB: DATABASE/TABLE.lance")
    try:
        table = lancedb.connect(folder.absolute().parent).open_table(folder.stem)
    except (OSError, RuntimeError, ValueError) as error:
        raise EmbverError(f"{folder} cannot be opened as a LanceDB table: {error}") from error
    return LanceTable(table=table, column=column)


def write_rows(
    folder: Path, *, ids: Sequence[str], blocks: Iterable[Any], dimensions: int, stamp: str | None
) -> None:
    """Write vectors as the LanceDB table DATABASE/TABLE.lance of `id` and `vector`, with a stamp; there whole or not."""
    try:
        import lancedb
        import pyarrow as pa
    except ImportError:
        raise MissingExtra("lance", needed_for="writing a LanceDB table") from None
    scratch = folder.parent / f".embver-{os.getpid()}"

    def batches() -> Iterator[Any]:
        start = 0
        for block in blocks:
            vectors = pa.FixedSizeListArray.from_arrays(pa.array(block.reshape(-1)), dimensions)
            named = pa.array(ids[start : start + len(block)], pa.string())
            start += len(block)
            yield pa.RecordBatch.from_arrays([named, vectors], names=["id", "vector"])

    try:
        found = batches()
        first = next(found, None)
        if first is None:
            raise UsageError(f"{folder.name}: there is no vector to write")
        reader = pa.RecordBatchReader.from_batches(first.schema, itertools.chain([first], found))
        table = lancedb.connect(scratch).create_table(folder.stem, data=reader)
        if stamp is not None:
            LanceTable(table=table, column="vector").write_stamp(stamp)
        if folder.exists():
            shutil.rmtree(folder)
        (scratch / folder.name).replace(folder)
    except (OSError, RuntimeError, ValueError) as error:
        raise EmbverError(f"{folder} cannot be written: {error}") from error
    finally:
        shutil.rmtree(scratch, ignore_errors=True)
