"""A version's arrays, mapped from the files that hold them when they are asked for."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from embver.errors import IntegrityError, LfsError, UsageError
from embver.notebook import table
from embver.pointer import Pointer

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from embver.actions.workspace import Source, Workspace
    from embver.card import Artifact, Card
    from embver.probe import ProbeSet
    from embver.store.rows import Rows

    Array = NDArray[Any]


class Files:
    """Where the artifacts of one version lie on this machine."""

    def __init__(self, work: Workspace, source: Source) -> None:
        self.work = work
        self.source = source

    def path(self, artifact: Artifact) -> Path:
        """Return a file with an artifact's bytes; raise LfsError with `embver pull REF` where there is none.

        Bytes in the LFS store are taken without reading them; `embver verify REF` does.
        """
        if self.work.lfs.holds(Pointer(sha256=artifact.sha256, size_bytes=artifact.size_bytes)):
            return self.work.lfs.path_of(artifact.sha256)
        return self.work.artifact_path(self.source, artifact)

    def holds(self, artifact: Artifact) -> bool:
        """Tell whether an artifact's bytes are on this machine."""
        try:
            self.path(artifact)
        except LfsError:
            return False
        return True

    def text(self, artifact: Artifact) -> str:
        """Return a text artifact: from Git where Git itself holds it, else from its file."""
        data = self.work.read(self.source, artifact.path)
        if data is None or Pointer.parse(data) is not None:
            data = self.path(artifact).read_bytes()
        return data.decode()


class Vectors(Mapping[str, "Array | Rows"]):
    """The vectors of a version by modality, each (rows, dimensions), mapped and read-only.

    One file of float32 or float16 is a NumPy array; several files are `embver.store.rows.Rows`, which NumPy takes as an
    array and which gives rows, slices and `blocks()` without copying the whole. bfloat16 and int8 (times its scale)
    come as float32, a copy of what is taken.
    """

    def __init__(self, files: Files, card: Card) -> None:
        self._files = files
        self._dimensions = card.space.dimensions
        self._artifacts: dict[str, list[Artifact]] = {}
        self._arrays: dict[str, Array | Rows] = {}
        for artifact in card.artifacts:
            if artifact.role == "vectors" and artifact.modality is not None:
                self._artifacts.setdefault(artifact.modality, []).append(artifact)

    def __getitem__(self, modality: str) -> Array | Rows:
        """Return the vectors of a modality (rows, dimensions).

        Raises KeyError for a modality that the version lacks, LfsError with `embver pull REF` where the bytes are
        elsewhere, IntegrityError for a file that is no safetensors.
        """
        if modality not in self._arrays:
            self._arrays[modality] = self._load(modality)
        return self._arrays[modality]

    def __iter__(self) -> Iterator[str]:
        return iter(self._artifacts)

    def __len__(self) -> int:
        return len(self._artifacts)

    def __repr__(self) -> str:
        shapes = (f"{modality} {rows} × {self._dimensions}" for modality, rows, _ in self.listed())
        return f"<Vectors of {self._files.source.reference}: {', '.join(shapes) or 'none'}>"

    def _repr_html_(self) -> str:
        rows = [(modality, rows, self._dimensions, where) for modality, rows, where in self.listed()]
        return table(
            f"vectors of {self._files.source.reference}", ("modality", "rows", "dimensions", ""), rows
        )

    def listed(self) -> Iterator[tuple[str, int, str]]:
        """Yield modality, rows, and whether the bytes are on this machine or what brings them."""
        for modality, parts in self._artifacts.items():
            is_here = all(map(self._files.holds, parts))
            where = "on this machine" if is_here else f"embver pull {self._files.source.reference}"
            yield modality, sum(part.rows or 0 for part in parts), where

    def _load(self, modality: str) -> Array | Rows:
        from embver.store.rows import Rows

        if modality not in self._artifacts:
            known = ", ".join(self._artifacts) or "no vectors at all"
            raise KeyError(f"{self._files.source.reference} has no {modality} vectors: {known}")
        artifacts = sorted(self._artifacts[modality], key=lambda part: part.path)
        try:
            rows = Rows.open([self._files.path(artifact) for artifact in artifacts])
        except IntegrityError as error:
            raise IntegrityError(f"{self._files.source.reference}: {error.message}") from error
        if len(artifacts) > 1:
            return rows
        whole: Array = rows[:]
        whole.flags.writeable = False
        return whole


class Probe(Mapping[str, "Array"]):
    """A version's probe vectors by `MODALITY.ROLE`, mapped and read-only; row i is `probe_set.rows(MODALITY, ROLE)[i]`."""

    def __init__(self, files: Files, card: Card, artifact: Artifact) -> None:
        self._files = files
        self._name = card.name
        self._artifact = artifact
        self._arrays: Mapping[str, Array] | None = None

    @property
    def name(self) -> str | None:
        """Return the probe set's name."""
        return self._artifact.probe_name

    @property
    def digest(self) -> str | None:
        """Return the probe set's digest: versions of one digest can be measured row by row."""
        return self._artifact.probe_digest

    @property
    def probe_set(self) -> ProbeSet:
        """Return the probe set: ids, labels and texts; raise UsageError where the repository lacks it."""
        work, source = self._files.work, self._files.source
        found = work.probe_set(self._name, digest=self.digest, sources=(source,))
        if found is None:
            raise UsageError(f"the probe set of {source.reference} ({self.digest}) is not in this repository")
        return found

    def __getitem__(self, key: str) -> Array:
        """Return the vectors of one modality and role, such as `text.query` (items, dimensions)."""
        found = self._tensors()
        if key not in found:
            raise KeyError(f"the probe of {self._files.source.reference} has no {key}: {', '.join(found)}")
        return found[key]

    def __iter__(self) -> Iterator[str]:
        return iter(self._tensors())

    def __len__(self) -> int:
        return len(self._tensors())

    def __repr__(self) -> str:
        return f"<Probe {self.name} of {self._files.source.reference}>"

    def _tensors(self) -> Mapping[str, Array]:
        from embver.store.rows import read_rows

        if self._arrays is None:
            self._arrays = read_rows(self._files.path(self._artifact))
        return self._arrays
