"""Write shards beside the computation: one thread hashes and writes what the others have made, then leaves a receipt."""

from __future__ import annotations

import errno
import shutil
from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, Final, Self

from embver.actions import figures
from embver.actions.encoding import EncodePlan
from embver.actions.shards_work import WorkFolder
from embver.actions.workspace import Workspace
from embver.card import Artifact
from embver.errors import EncodeError
from embver.pointer import Pointer
from embver.shards import PROBE, Receipt, ShardKey, Skipped
from embver.units import size

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    from embver.store.vectors import Stored

    Tensors = Mapping[str, tuple[tuple[int, ...], str, Iterable[npt.NDArray[Any]]]]

_WAITING: Final = 2  # shards in memory, besides the one that is made
_FULL: Final = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Made:
    """The rows of one shard as they are kept, the digest (rows, 32) of each one's input, and its id."""

    stored: Stored
    inputs: npt.NDArray[np.uint8]
    ids: Sequence[str]
    copied: int = 0
    skipped: tuple[Skipped, ...] = ()


class ShardWriter:
    """Puts shards into the LFS store in a thread of its own, in the order in which they come."""

    def __init__(self, work: Workspace, plan: EncodePlan, folder: WorkFolder, environment: str) -> None:
        from embver.encode.meter import Meter

        self._work, self._plan, self._folder, self._environment = work, plan, folder, environment
        self.meter = Meter()
        self.meter.set_lanes("write", 1)
        self._told = self.meter.figures().to_plain()
        self.receipts: dict[ShardKey, Receipt] = {}
        self._pool = ThreadPoolExecutor(1, thread_name_prefix="embver-write")
        self._waiting: list[Future[None]] = []
        self._is_broken = False  # once a file could not be written, none that waits is

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Wait for what is under way, so that what was computed is not lost; raise what went wrong in the thread."""
        self._pool.shutdown(wait=True)
        if kind is None:
            for each in self._waiting:
                each.result()

    def write(self, key: ShardKey, made: Made, *, floor: Mapping[str, Any] | None = None) -> None:
        """Write a shard; waits while two others do. Raises EncodeError if one of them could not be written."""
        self._submit(self._write, key, made, floor)

    def write_probe(self, tensors: Tensors, *, digest: str, items: int) -> None:
        """Write the file of the probe set."""
        self._submit(self._write_probe, tensors, digest, items)

    def take_probe(self, known: Artifact, *, items: int) -> None:
        """Take over the probe file of an earlier version, which is in the LFS store."""
        pointer = Pointer(sha256=known.sha256, size_bytes=known.size_bytes)
        self._work.lfs.keep([pointer])
        self._leave(ShardKey(modality=PROBE), pointer, rows=items, copied=items, content="")

    def _submit(self, work: Any, *arguments: Any) -> None:
        while self._waiting and (len(self._waiting) >= _WAITING or self._waiting[0].done()):
            self._waiting.pop(0).result()
        self._waiting.append(self._pool.submit(self._unless_broken, work, *arguments))

    def _unless_broken(self, work: Any, *arguments: Any) -> None:
        if self._is_broken:
            return
        try:
            work(*arguments)
        except BaseException:
            self._is_broken = True
            raise

    def _write(self, key: ShardKey, made: Made, floor: Mapping[str, Any] | None) -> None:
        from embver.store.vectors import INPUTS, content_digest, stream_tensors

        stored = made.stored
        with self.meter.stage("write"):
            tensors = {**stored.tensors(), INPUTS: (made.inputs.shape, "uint8", [made.inputs])}
            pointer = self._put(self._plan.shards.path(key), stream_tensors(tensors))
            content = content_digest(made.ids, stored.vectors, dtype=stored.dtype, scale=stored.scale)
        self._leave(
            key,
            pointer,
            rows=len(made.ids),
            copied=made.copied,
            content=content,
            skipped=made.skipped,
            floor=floor,
        )

    def _write_probe(self, tensors: Tensors, digest: str, items: int) -> None:
        from embver.store.vectors import stream_tensors

        key = ShardKey(modality=PROBE)
        metadata = {"probe": digest, "items": str(items)}
        with self.meter.stage("write"):
            pointer = self._put(self._plan.shards.path(key), stream_tensors(tensors, metadata=metadata))
        self._leave(key, pointer, rows=items, content="")

    def _put(self, path: str, chunks: Iterator[bytes]) -> Pointer:
        try:
            return self._work.lfs.put(chunks)
        except ValueError as error:
            raise EncodeError(
                f"{path}: {error}", hint="look at the model's weights: a version cannot hold such a vector"
            ) from error
        except OSError as error:
            raise self._no_space(path, error) from error

    def _leave(
        self,
        key: ShardKey,
        pointer: Pointer,
        *,
        rows: int,
        content: str,
        copied: int = 0,
        skipped: tuple[Skipped, ...] = (),
        floor: Mapping[str, Any] | None = None,
    ) -> None:
        now = self.meter.figures().to_plain()
        receipt = Receipt(
            key=key,
            plan=self._folder.digest,
            sha256=pointer.sha256,
            size_bytes=pointer.size_bytes,
            rows=rows,
            content_digest=content,
            environment=self._environment,
            copied=copied,
            skipped=skipped,
            floor=floor,
            figures=figures.between(self._told, now),
        )
        self._told = now
        try:
            self._folder.leave(receipt)
        except OSError as error:
            raise self._no_space(f"the receipt of {key}", error) from error
        self.receipts[key] = receipt

    def _no_space(self, what: str, error: OSError) -> EncodeError:
        if error.errno not in _FULL:
            return EncodeError(f"{what} cannot be written: {error.strerror}")
        done = len(self._folder.finished_keys())
        return EncodeError(
            f"{what} cannot be written: {error.strerror}; {done} of {len(self._plan.shards.keys)} files are done",
            hint=f"free some space, then the same command goes on after them: embver encode {self._folder.name}",
        )


def check_space(work: Workspace, plan: EncodePlan, keys: Iterable[ShardKey]) -> None:
    """Raise EncodeError if the disk of the LFS store has no room for the shards that are still to be written."""
    needed = sum(size_of(plan, key) for key in keys)
    place = _existing(work.lfs.objects)
    free = shutil.disk_usage(place).free
    if free < needed:
        raise EncodeError(
            f"the vectors take {size(needed)} more, and the disk of {work.lfs.objects} has {size(free)} free",
            hint="free some space, or let Git LFS keep its objects elsewhere: git config lfs.storage FOLDER",
        )


def size_of(plan: EncodePlan, key: ShardKey) -> int:
    """Return about how many bytes a file of the plan takes."""
    from embver.store.vectors import file_bytes

    if key.modality == PROBE:
        rows = len(plan.probe.items) if plan.probe is not None else 0
    else:
        start, stop = plan.shards.extent(key)
        rows = stop - start
    return file_bytes(rows, plan.card.space.dimensions, plan.card.space.dtype)


def _existing(path: Path) -> Path:
    return path if path.exists() or path == path.parent else _existing(path.parent)
