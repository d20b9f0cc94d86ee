"""Rows of hybrids: encoded once, kept below Git's own folder by what decides about them, and found again after a kill."""

from __future__ import annotations

import contextlib
import hashlib
import os
import shutil
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from embver.actions.ablate_parts import Part, Reading
from embver.errors import EncodeError, IntegrityError
from embver.store.files import hash_file, write_atomic

if TYPE_CHECKING:
    from embver.encode.hybrids import HybridLoader
    from embver.encode.models import LoadedEncoder
    from embver.encode.spec import Item

Progress = Callable[[str, int, int], None]  # what is encoded, items done, items in all

FOLDER: Final = "embver/ablate"  # in Git's own folder
_SUFFIX: Final = ".safetensors"
_SCRATCH: Final = "models-"
_CHUNK_ITEMS: Final = 4096  # lost at most when the run is killed
_FIRST_ITEMS: Final = 32  # of a warm-up: the first forward prepares kernels and memory
_WARM_UP_ITEMS: Final = 512
_WARM_UP_S: Final = 2.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """Rows that are asked for, and what to encode for each."""

    reading: Reading
    items: Sequence[Item]

    @property
    def name(self) -> str:
        """Return what tells an encoder and a role from all others."""
        return f"{self.reading.name}.{self.reading.role}"

    @property
    def key(self) -> str:
        """Return where the rows are kept."""
        return self.reading.key

    @property
    def digests(self) -> tuple[bytes, ...]:
        """Return what each row is made of."""
        return self.reading.digests

    @property
    def model(self) -> tuple[str, str]:
        """Return what has to be in memory for it: encodes of one model come one after another."""
        return str(self.reading.part.folder), self.reading.part.compute


@dataclass(slots=True, kw_only=True, eq=False)
class RowStore:
    """Encoded rows by the name of their hybrid and the digest of their input: files that are written once."""

    folder: Path
    _read: dict[Path, dict[bytes, Any]] = field(
        default_factory=dict
    )  # files never change once they are written

    def missing(self, wanted: Wanted) -> dict[bytes, int]:
        """Return which inputs have no row yet, each once: digest -> its first place among the wanted."""
        have = self.read(wanted.key)
        return {
            digest: place for place, digest in reversed(list(enumerate(wanted.digests))) if digest not in have
        }

    def rows(self, wanted: Wanted) -> Any:
        """Return float32 (n, dimensions) of all wanted, which must have been encoded."""
        import numpy as np

        have = self.read(wanted.key)
        return np.stack([have[digest] for digest in wanted.digests])

    def read(self, key: str) -> dict[bytes, Any]:
        """Return every row of a hybrid by the digest of its input; a damaged file is removed, and as if never made."""
        found: dict[bytes, Any] = {}
        for file in sorted((self.folder / key).glob(f"*{_SUFFIX}")):
            if file not in self._read:
                rows = _rows_in(file)
                if rows is None:
                    file.unlink(missing_ok=True)
                    continue
                self._read[file] = rows
            found.update(self._read[file])
        return found

    def add(self, key: str, digests: Sequence[bytes], vectors: Any) -> None:
        """Keep rows (n, dimensions) of inputs; the file is named by its own digest."""
        import numpy as np

        from embver.store.vectors import INPUTS, VECTORS, stream_tensors, to_stored

        inputs = np.frombuffer(b"".join(digests), dtype=np.uint8).reshape(-1, 32)
        stored = to_stored(vectors, "float32")
        tensors = {**stored.tensors(VECTORS), INPUTS: (inputs.shape, "uint8", [inputs])}
        data = b"".join(stream_tensors(tensors))
        file = self.folder / key / f"{hashlib.sha256(data).hexdigest()}{_SUFFIX}"
        write_atomic(file, data, is_cache=True)


def _rows_in(file: Path) -> dict[bytes, Any] | None:
    """Return the rows of a file by the digest of their input, mapped; None if its bytes are not those of its name."""
    from embver.store.vectors import INPUTS, VECTORS, map_tensors

    with contextlib.suppress(IntegrityError, KeyError, OSError, ValueError):
        if hash_file(file)[0] == file.stem:
            tensors = map_tensors(file)
            inputs, vectors = tensors[INPUTS][0], tensors[VECTORS][0]
            return dict(zip((each.tobytes() for each in inputs), vectors, strict=True))
    return None


@dataclass(slots=True, kw_only=True, eq=False)
class RowMaker:
    """Encodes what is missing, model by model, and counts what it did."""

    store: RowStore
    loader: HybridLoader
    progress: Progress
    encoded_items: int = 0
    encoded: set[str] = field(default_factory=set)  # names of what something was encoded of
    encode_s: float = 0.0
    _loaded: tuple[str, LoadedEncoder] | None = None

    def make(self, wanted: Iterable[Wanted]) -> None:
        """Encode every row that is missing; raises EncodeError for an item or a hybrid that cannot be encoded."""
        todo: list[tuple[Wanted, list[int]]] = []
        taken: set[tuple[str, bytes]] = set()  # queries and documents, or two hybrids, may share a row
        for each in sorted(wanted, key=lambda found: found.model):
            missing = {
                digest: place
                for digest, place in self.store.missing(each).items()
                if (each.key, digest) not in taken
            }
            taken.update((each.key, digest) for digest in missing)
            if missing:
                todo.append((each, sorted(missing.values())))
        for number, (each, places) in enumerate(todo, start=1):
            what = f"{each.reading.part.modality} {each.reading.role}, {number} of {len(todo)}"
            for start in range(0, len(places), _CHUNK_ITEMS):
                part = places[start : start + _CHUNK_ITEMS]
                self._encode(each, part, what, done_before=start, total=len(places))

    def rate(self, wanted: Wanted) -> float | None:
        """Return about how many items a second this machine encodes, by some that are needed anyway; None if none are."""
        places = sorted(self.store.missing(wanted).values())
        if len(places) <= _FIRST_ITEMS:
            return None
        begun = time.perf_counter()
        self._encode(wanted, places[:_FIRST_ITEMS], "")
        affordable = int(_FIRST_ITEMS * _WARM_UP_S / (time.perf_counter() - begun))
        rest = places[_FIRST_ITEMS : _FIRST_ITEMS + max(1, min(_WARM_UP_ITEMS, affordable))]
        spent_s = self.encode_s
        self._encode(wanted, rest, "")
        return len(rest) / (self.encode_s - spent_s)

    def load(self, part: Part) -> LoadedEncoder:
        """Load a hybrid; raise EncodeError if it cannot run."""
        return self.loader.load(part.spec(), compute=part.compute, tokenizer=part.tokenizer)

    def _encode(
        self, wanted: Wanted, places: Sequence[int], what: str, *, done_before: int = 0, total: int = 0
    ) -> None:
        from embver.encode.runner import encode

        if self._loaded is None or self._loaded[0] != wanted.name:
            loaded = self.load(wanted.reading.part)
            # As they come: whether they are normalised afterwards is a block of its own, and costs no encode.
            self._loaded = wanted.name, replace(loaded, spec=replace(loaded.spec, normalized=False))
        encoder = self._loaded[1]

        def report(done: int, _: int) -> None:
            if what:
                self.progress(what, done_before + done, total)

        begun = time.perf_counter()
        made = encode(
            encoder,
            [wanted.items[place] for place in places],
            role=wanted.reading.role if encoder.spec.prompts else None,
            progress=report,
        )
        self.encode_s += time.perf_counter() - begun
        self.store.add(wanted.key, [wanted.digests[place] for place in places], made.vectors)
        self.encoded_items += len(places)
        self.encoded.add(wanted.name)


def finished(rows: Any, part: Part) -> Any:
    """Return rows as the question gets them: of length 1 and rounded, where the hybrid says so.

    Raises EncodeError for a number that the dtype cannot hold.
    """
    from embver.encode.models import normalise
    from embver.store.rows import values_of
    from embver.store.vectors import to_stored

    made = normalise(rows) if part.is_normalized else rows
    return made if part.dtype in (None, "float32") else values_of(to_stored(made, str(part.dtype)))


def open_store(git_dir: Path) -> RowStore:
    """Return the store of a repository; raise EncodeError if its folder cannot be written."""
    folder = git_dir / FOLDER / "rows"
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise EncodeError(f"{folder} cannot be written: {error.strerror}") from error
    return RowStore(folder=folder)


@contextlib.contextmanager
def scratch_folder(git_dir: Path) -> Iterator[Path]:
    """Yield a folder for models of old commits; it goes afterwards, and those of killed runs go now."""
    import tempfile

    for left in (git_dir / FOLDER).glob(f"{_SCRATCH}*"):
        process = left.name.removeprefix(_SCRATCH).partition("-")[0]
        if process.isdecimal() and not _is_running(int(process)):
            shutil.rmtree(left, ignore_errors=True)
    with tempfile.TemporaryDirectory(prefix=f"{_SCRATCH}{os.getpid()}-", dir=git_dir / FOLDER) as folder:
        yield Path(folder)


def _is_running(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except OSError:  # somebody else's
        return True
    return True
