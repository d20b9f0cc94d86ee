"""The stamp of a Qdrant collection: in the collection's own metadata (Qdrant 1.16 and later)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from embver.errors import EmbverError, UsageError
from embver.guard.stamp import KEY, check_replaceable


@dataclass(frozen=True, slots=True, kw_only=True)
class QdrantCollection:
    """A collection of a Qdrant server or of the embedded mode; `vector` names one of several vectors a point."""

    client: Any
    collection: str
    vector: str | None = None

    @property
    def name(self) -> str:
        """Return the collection's name, and the vector's if one was named."""
        return f"{self.collection}:{self.vector}" if self.vector else self.collection

    def read_stamp(self, *, quick: bool = False) -> str | None:  # noqa: ARG002
        """Return the stamp's text, or None."""
        found = (getattr(self._config(), "metadata", None) or {}).get(self._key)
        return found if found is None or isinstance(found, str) else repr(found)

    def write_stamp(self, text: str, *, replace: bool = False) -> None:
        """Add the stamp to the collection's metadata; all other metadata stays.

        Raises EmbverError where client or server are too old to keep metadata.
        """
        if not replace:
            check_replaceable(self.read_stamp(), text, store=self.name)
        try:
            self.client.update_collection(self.collection, metadata={self._key: text})
        except TypeError:
            raise EmbverError(
                "this qdrant-client knows no metadata of collections",
                hint="pip install 'qdrant-client>=1.16'",
            ) from None
        except (
            Exception
        ) as error:  # an HTTP or gRPC error of the client's own, or a lock of the embedded mode
            raise EmbverError(f"{self.name} cannot be stamped: {error}") from error
        if self.read_stamp() != text:  # an older server takes the request and forgets the field
            raise EmbverError(f"{self.name}: the server keeps no metadata", hint="Qdrant 1.16 or later")

    def dimensions(self) -> int | None:
        """Return the size of the vectors; None for a collection of sparse ones only."""
        found = self._config().params.vectors
        if isinstance(found, Mapping):
            if self.vector is not None and self.vector not in found:
                known = ", ".join(sorted(found)) or "none"
                raise UsageError(
                    f"{self.collection} has no vector {self.vector!r}: {known}", hint="column=NAME"
                )
            sizes = {params.size for name, params in found.items() if self.vector in (None, name)}
            return sizes.pop() if len(sizes) == 1 else None
        return None if found is None else found.size

    @property
    def _key(self) -> str:
        return f"{KEY}:{self.vector}" if self.vector else KEY

    def _config(self) -> Any:
        try:
            is_there = self.client.collection_exists(self.collection)
            found = self.client.get_collection(self.collection).config if is_there else None
        except (
            Exception
        ) as error:  # whatever the client's transport raises: a server that is away, a key that is wrong
            raise EmbverError(f"{self.name} cannot be read: {error}") from error
        if found is None:
            raise UsageError(f"Qdrant has no collection {self.collection!r}")
        return found
