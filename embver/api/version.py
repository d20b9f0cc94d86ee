"""One version, opened: its card, ids, vectors and what was measured of it."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from embver.api.card import Card
from embver.api.vectors import Files, Probe, Vectors
from embver.card import Artifact, Benchmark
from embver.errors import EmbverError, IntegrityError, UsageError
from embver.guard.decision import Modalities
from embver.guard.stamp import StampedSpace
from embver.levels import Verdict
from embver.notebook import table

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from embver.actions.workspace import Source, Workspace
    from embver.api.vector_files import VectorFiles
    from embver.history import Release
    from embver.lifecycle import Status
    from embver.measure.arrays import Measurement


class Version:
    """A released version, or the working one; nothing but the card is read until it is asked for."""

    def __init__(self, work: Workspace, source: Source, card: Card, status: Status) -> None:
        self._work = work
        self._source = source
        self._files = Files(work, source)
        self.card = card
        self.status = status

    # ---- what it is

    @property
    def reference(self) -> str:
        """Return NAME@VERSION, or NAME@next."""
        return self._source.reference

    @property
    def name(self) -> str:
        """Return the embedding's name."""
        return self.card.name

    @property
    def version(self) -> str:
        """Return the version number, or `next`."""
        return self.reference.rpartition("@")[2]

    @property
    def is_released(self) -> bool:
        """Tell whether the version has its tag."""
        return self._source.release is not None

    @property
    def release(self) -> Release | None:
        """Return tag, commit and date of the release, and what its tag says; None for the working version."""
        return self._source.release

    @property
    def level(self) -> str | None:
        """Return the level that the tag says: `patch`, `minor`, `major`, `none`, or `first`."""
        return self.release.level if self.release else None

    @property
    def verdict(self) -> str | None:
        """Return the verdict that the tag says of this version and the one before; None where there is none."""
        found = self.release.verdict if self.release else None
        return None if found == "none" else found

    @property
    def stages(self) -> tuple[str, ...]:
        """Return the stages that the version holds, such as `prod`."""
        return self._work.lifecycle_of(self.name).stages_of(self.reference)

    @property
    def space_id(self) -> str:
        """Return the fingerprint of the space that the vectors are in.

        A release wrote it down with its vectors; of the working version it is what the card says now.
        """
        written = self.card.plain.get("fingerprint") if self.is_released else None
        return str(written) if written else self.card.space_id

    @property
    def benchmarks(self) -> tuple[Benchmark, ...]:
        """Return the evaluations, each with its metrics and intervals."""
        return self.card.benchmarks

    # ---- its arrays

    @cached_property
    def vectors(self) -> Vectors:
        """Return the vectors by modality, each (rows, dimensions), mapped and read-only."""
        return Vectors(self._files, self.card)

    @cached_property
    def probe(self) -> Probe:
        """Return the probe vectors by `MODALITY.ROLE`; raise EmbverError where the version has none."""
        artifact = self.card.probe
        if artifact is None:
            raise EmbverError(f"{self.reference} has no probe vectors", hint=f"embver encode {self.name}")
        return Probe(self._files, self.card, artifact)

    @cached_property
    def ids(self) -> tuple[str, ...]:
        """Return the ids in row order; raise UsageError where each modality has its own (`ids_of`)."""
        modalities = [a.modality for a in self.card.artifacts if a.role == "ids" and a.modality is not None]
        if modalities:
            raise UsageError(
                f"{self.reference} has other rows for each modality: {', '.join(modalities)}",
                hint=f"ids_of({modalities[0]!r})",
            )
        return self._ids(None)

    def file(self, artifact: Artifact) -> Path:
        """Return a file on this machine with an artifact's bytes; raise LfsError with `embver pull REF` without one."""
        return self._files.path(artifact)

    def write_vectors(self, folder: Path | str, *, to: str = "parquet", force: bool = False) -> VectorFiles:
        """Write the vectors of every modality, with their ids, as `npy`, `parquet`, `lance` or `faiss` into a folder.

        The last three carry the stamp that `embver.guard` reads. Raises UsageError where a file of that name is there,
        unless `force`; LfsError with the command that brings missing bytes.
        """
        from embver.api.vector_files import write_vectors

        return write_vectors(self, Path(folder), format_=to, is_forced=force)

    def ids_of(self, modality: str) -> tuple[str, ...]:
        """Return the ids of one modality's rows, in row order."""
        has_own = any(a.role == "ids" and a.modality == modality for a in self.card.artifacts)
        return self._ids(modality) if has_own else self.ids

    def rows(self, ids: Sequence[str], *, modality: str | None = None) -> NDArray[np.int64]:
        """Return the row numbers (n,) of some ids, in their order: `vectors["image"][rows(["a", "b"])]`.

        Raises UsageError naming ids that the version does not hold.
        """
        import numpy as np

        wanted = [ids] if isinstance(ids, str) else list(ids)
        places = self._places(modality)
        unknown = [name for name in wanted if name not in places]
        if unknown:
            named = ", ".join(map(repr, unknown[:3]))
            raise UsageError(
                f"{self.reference} has no {named}; {len(unknown)} of {len(wanted)} ids are unknown"
            )
        return np.array([places[name] for name in wanted], dtype=np.int64)

    def pull(self) -> Path:
        """Fetch the bytes of this version, and of no other, into the LFS store; return the version's folder there.

        What `embver pull REF` does. The folder is the one of the work tree, where pointers stay pointers.
        """
        from embver.actions.pull import pull

        pull(self._work, self.reference)
        return self._work.path(self._source.folder)

    # ---- how it meets others

    def measure(self, new: Version) -> Measurement:
        """Measure a newer version against this one: what `embver compat` does, by stratum and with the verdict.

        Raises EmbverError saying why where the two cannot be measured.
        """
        from embver.api.reports import measurement

        if not isinstance(new, Version) or new._work.repo.root != self._work.repo.root:
            raise UsageError("both versions must be of one repository, or both be arrays")
        return measurement(self._work, self.reference, new.reference)

    def verdict_with(
        self, reference: str, *, modalities: Modalities | None = None, measure: bool = False
    ) -> Verdict | None:
        """Return the verdict between this version and another one, as the card of either records it.

        None: nobody measured the two, or the reference is not known here. `modalities` (of the query, of the
        documents) takes that stratum's verdict; `measure` measures what no card records.
        """
        try:
            other = self._open(reference)
        except UsageError:
            return None
        record = self.card.against(other.reference) or other.card.against(self.reference)
        if record is not None:
            overall, strata = record.verdict, record.strata
        elif measure:
            found = other.measure(self)
            overall, strata = found.verdict.word, found.strata
        else:
            return None
        if modalities is None:
            return Verdict(overall)
        asked = [each for each in strata if (each["query"], each["document"]) == modalities]
        return Verdict(asked[0]["verdict"]) if asked else None

    @property
    def stamped_space(self) -> StampedSpace:
        """Return the space as a store's stamp holds it; a working version has no name that lasts."""
        space = self.card.space
        return StampedSpace(
            space_id=self.space_id,
            reference=self.reference if self.is_released else None,
            dimensions=tuple(dict.fromkeys((space.dimensions, *space.served_dimensions))),
            metric=space.metric,
        )

    # ---- how it shows itself

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Version):
            return NotImplemented
        return self.reference == other.reference and self._work.repo.root == other._work.repo.root

    def __hash__(self) -> int:
        return hash((self.reference, self._work.repo.root))

    def __repr__(self) -> str:
        said = [word for word in (self.level, self.verdict) if word]
        state = "" if self.status.is_active else f", {self.status.state}"
        return f"<Version {self.reference}{': ' if said else ''}{', '.join(said)}{state}>"

    def _repr_html_(self) -> str:
        release = self.release
        rows: list[tuple[str, object]] = [
            ("tag", f"{release.tag}, {release.date[:10]}" if release else "not released"),
            ("level", self.level),
            ("verdict", self.verdict),
            ("status", self.status.sentence(self.reference) if not self.status.is_active else "active"),
            ("stages", ", ".join(self.stages)),
            ("fingerprint", self.space_id),
            *((modality, f"{rows} rows, {where}") for modality, rows, where in self.vectors.listed()),
        ]
        for benchmark in self.benchmarks:
            values = ", ".join(metric.told for metric in benchmark.metrics)
            rows.append((benchmark.id, values))
        return table(f"{self.reference}: {self.card.title}", (), [row for row in rows if row[1]])

    # ---- inside

    def _open(self, reference: str) -> Version:
        from embver.api.repository import open_in

        return open_in(self._work, reference)

    @cached_property
    def _rows_by_id(self) -> dict[str | None, dict[str, int]]:
        return {}

    def _places(self, modality: str | None) -> dict[str, int]:
        if modality not in self._rows_by_id:
            names = self.ids if modality is None else self.ids_of(modality)
            self._rows_by_id[modality] = {name: row for row, name in enumerate(names)}
        return self._rows_by_id[modality]

    def _ids(self, modality: str | None) -> tuple[str, ...]:
        found = [a for a in self.card.artifacts if a.role == "ids" and a.modality == modality]
        if not found:
            raise EmbverError(f"{self.reference} has no ids", hint=f"embver encode {self.name}")
        names = tuple(self._files.text(found[0]).split("\n")[:-1])
        if found[0].rows is not None and len(names) != found[0].rows:
            raise IntegrityError(
                f"{self.reference}: {found[0].path} holds {len(names)} ids, its card says {found[0].rows}",
                hint=f"embver verify {self.reference}",
            )
        return names
