"""What the guard asks of a store, and which store an object or a path is."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol, runtime_checkable

from embver.errors import UsageError
from embver.guard.stamp import check_replaceable


@runtime_checkable
class Store(Protocol):
    """A store of vectors that keeps one text, its stamp."""

    @property
    def name(self) -> str:
        """Return how messages call the store."""

    def read_stamp(self, *, quick: bool = False) -> str | None:
        """Return the stamp's text, or None; `quick` leaves out what takes a pass over the content."""

    def write_stamp(self, text: str, *, replace: bool = False) -> None:
        """Keep a text as the stamp; raise StampError where a stamp of other spaces stands, unless `replace`."""

    def dimensions(self) -> int | None:
        """Return the dimensions of the vectors, or None where the store does not tell."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Callbacks:
    """Any store, by two functions: one returns the stamp's text or None, one keeps it."""

    read: Callable[[], str | bytes | None]
    write: Callable[[str], object]
    name: str = "the store"
    vector_dimensions: int | None = None

    def read_stamp(self, *, quick: bool = False) -> str | None:  # noqa: ARG002
        """Return the stamp's text, or None."""
        text = self.read()
        return text.decode(errors="replace") if isinstance(text, bytes) else text

    def write_stamp(self, text: str, *, replace: bool = False) -> None:
        """Hand the text to the function that keeps it."""
        if not replace:
            check_replaceable(self.read_stamp(), text, store=self.name)
        self.write(text)

    def dimensions(self) -> int | None:
        """Return what was said when the store was described."""
        return self.vector_dimensions


def store_of(described: Any, *, column: str | None = None) -> Store:
    """Return the store that a path or an object is; raise UsageError listing what is known otherwise.

    `column` names the vectors of a table or collection that has several.
    """
    if isinstance(described, Store):
        return described
    if isinstance(described, str | Path):
        return _store_at(Path(described), column)
    asked = described[0] if isinstance(described, tuple) and described else described
    if type(asked).__name__.startswith("Async"):
        raise UsageError(
            f"{type(asked).__name__} answers later, and the guard needs the answer now",
            hint="the client without Async, or guard.Callbacks(read=..., write=...)",
        )
    module = type(described).__module__.partition(".")[0]
    if module == "lancedb":
        from embver.guard.lance import LanceTable

        return LanceTable(table=described, column=column)
    if isinstance(described, tuple) and len(described) == 2 and isinstance(described[1], str):
        client, collection = described
        if type(client).__module__.partition(".")[0] == "qdrant_client":
            from embver.guard.qdrant import QdrantCollection

            return QdrantCollection(client=client, collection=collection, vector=column)
    raise UsageError(
        f"{type(described).__name__} is no store that the guard knows",
        hint="a path, a LanceDB table, (Qdrant client, collection), or guard.Callbacks(read=..., write=...)",
    )


def _store_at(path: Path, column: str | None) -> Store:
    """Return the store at a path, by its content and not by its name."""
    if path.is_dir():
        if (path / "_versions").is_dir():
            from embver.guard.lance import table_at

            return table_at(path, column=column)
        raise UsageError(
            f"{path} is a folder and no Lance table",
            hint="the table's own folder DATABASE/TABLE.lance, or the Parquet files themselves",
        )
    if not path.is_file():
        raise UsageError(f"{path} does not exist")
    from embver.guard.faiss_file import FaissFile, is_faiss_file
    from embver.guard.parquet import ParquetFile, is_parquet_file

    if column is not None:
        raise UsageError(f"{path}: a stamp is of the whole file: --column is for tables")
    if is_parquet_file(path):
        return ParquetFile(path=path)
    if is_faiss_file(path):
        return FaissFile(path=path)
    raise UsageError(
        f"{path} is neither a FAISS index, a Parquet file nor a Lance table",
        hint="any other store: guard.Callbacks(read=..., write=...) in Python",
    )
