"""The folder of an encode under way: receipts of finished shards, and the lock that keeps two apart."""

from __future__ import annotations

import contextlib
import hashlib
import json
import shutil
import time
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from types import ModuleType
from typing import IO, Any, Final

from embver.actions.workspace import Workspace
from embver.errors import RepoError
from embver.pointer import Pointer
from embver.shards import Receipt, ShardKey, ShardPlan
from embver.store.files import hash_file, write_atomic

fcntl: ModuleType | None
try:
    import fcntl
except ImportError:  # Windows: two encodes at the same moment are then left to luck
    fcntl = None

PLAN: Final = "plan.json"
_LOCK_WAIT_S: Final = 2.0  # a process of the same job holds it alone for a moment, while it begins
KEPT_DAYS: Final = 3  # how long the work of a plan that nobody goes on with is kept


class WorkFolder:
    """`.git/embver/encode/<plan>/`: what a killed encode has finished, and its next run goes on from."""

    def __init__(self, work: Workspace, name: str, plan: ShardPlan) -> None:
        self._lfs, self.name, self.plan = work.lfs, name, plan
        self.root = work.repo.git_dir / "embver" / "encode"
        self.digest = plan.digest
        self.path = self.root / self.digest.removeprefix("sha256:")[:16]

    def begin(self) -> None:
        """Write down whose work this is."""
        plain = {"name": self.name, "digest": self.digest, "plan": self.plan.to_plain()}
        if not (self.path / PLAN).is_file():
            write_atomic(self.path / PLAN, _json(plain))

    # ---- receipts

    def leave(self, receipt: Receipt) -> None:
        """Leave the receipt of a finished shard: its object is in the LFS store, whole and on disk.

        A receipt of the same shard with other bytes, of a process that did the same work, is kept beside it.
        """
        other = self.receipt(receipt.key)
        is_first = other is None or other.sha256 == receipt.sha256
        more = "" if is_first else f".{receipt.sha256[:12]}"
        write_atomic(self.path / f"{receipt.key}{more}.json", _json(receipt.to_plain()))

    def drop(self, keys: Iterable[ShardKey]) -> None:
        """Forget the receipts of shards that are to be encoded again."""
        for key in keys:
            for file in (self.path / f"{key}.json", *self.path.glob(f"{key}.*.json")):
                file.unlink(missing_ok=True)

    def receipt(self, key: ShardKey) -> Receipt | None:
        """Return what was left for a shard of this plan; None for nothing, or for a torn or foreign file."""
        return self._receipt(self.path / f"{key}.json", key)

    def others(self, key: ShardKey) -> tuple[Receipt, ...]:
        """Return the receipts of the same shard with other bytes."""
        found = (self._receipt(file, key) for file in sorted(self.path.glob(f"{key}.*.json")))
        return tuple(receipt for receipt in found if receipt is not None)

    def _receipt(self, file: Path, key: ShardKey) -> Receipt | None:
        with contextlib.suppress(OSError, ValueError):
            found = Receipt.from_plain(json.loads(file.read_bytes()))
            return found if found.key == key and found.plan == self.digest else None
        return None

    def is_kept(self, receipt: Receipt) -> bool:
        """Tell whether the bytes that a receipt speaks of are here: they are read and hashed."""
        pointer = Pointer(sha256=receipt.sha256, size_bytes=receipt.size_bytes)
        if not self._lfs.holds(pointer):
            return False
        return hash_file(self._lfs.path_of(receipt.sha256)) == (receipt.sha256, receipt.size_bytes)

    def finished(self, keys: Iterable[ShardKey], *, may_skip: bool) -> dict[ShardKey, Receipt]:
        """Return the receipts of those shards that need no more work; with items left out only if that may be."""
        found = {}
        for key in keys:
            receipt = self.receipt(key)
            if receipt is not None and (may_skip or not receipt.skipped) and self.is_kept(receipt):
                found[key] = receipt
        return found

    def finished_keys(self) -> tuple[ShardKey, ...]:
        """Return the shards that left a receipt, without looking at their bytes."""
        return tuple(key for key in self.plan.keys if self.receipt(key) is not None)

    # ---- environments

    def is_mixed(self) -> bool:
        """Tell whether finished shards were made in different environments: in the profile strict some go again."""
        receipts = (self.receipt(key) for key in self.plan.keys)
        return len({receipt.environment for receipt in receipts if receipt is not None}) > 1

    def note_environment(self, record: Mapping[str, Any]) -> None:
        """Keep the record of a machine that takes part, under the fingerprint that receipts carry."""
        write_atomic(self._environment(str(record["environment"])), _json(dict(record)))

    def environment(self, fingerprint: str) -> dict[str, Any]:
        """Return the record of a machine that took part; empty if it is lost."""
        with contextlib.suppress(OSError, ValueError):
            found = json.loads(self._environment(fingerprint).read_bytes())
            return found if isinstance(found, dict) else {}
        return {}

    def _environment(self, fingerprint: str) -> Path:
        return self.path / f"environment-{fingerprint.rpartition(':')[2][:16]}.json"

    # ---- the end

    def remove(self) -> None:
        """Forget this plan's work: it is in the card now, or it is wanted anew."""
        shutil.rmtree(self.path, ignore_errors=True)

    def sweep(self, *, now_s: float, is_restart: bool = False) -> None:
        """Forget the work of other plans that is a few days old; with `is_restart` all that this embedding has.

        What kept their objects from `git lfs prune` goes as well: no commit will ever name them.
        """
        for folder in self.root.glob("*/"):
            plain = _read(folder / PLAN)
            is_mine = plain.get("name") == self.name
            if (is_restart and is_mine) or (folder != self.path and _age_days(folder, now_s) > KEPT_DAYS):
                receipts = (_read(file) for file in folder.glob("*-*.json"))
                self._lfs.release_pending(
                    Pointer(sha256=str(each["sha256"]), size_bytes=0) for each in receipts if "sha256" in each
                )
                shutil.rmtree(folder, ignore_errors=True)


@contextlib.contextmanager
def encode_lock(work: Workspace, name: str, plan: ShardPlan, *, is_shared: bool = False) -> Iterator[None]:
    """Hold one embedding's encode lock; raise RepoError if another process holds it.

    Processes that share one job (`is_shared`) hold it together if their plans are equal. The lock is the kernel's: a
    killed process holds nothing.
    """
    folder = work.repo.git_dir / "embver" / "encode"
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{hashlib.sha256(name.encode()).hexdigest()[:16]}.lock"
    with path.open("a+b") as file:
        if fcntl is not None:
            _hold(file, fcntl, name, plan.digest if is_shared else None)
        yield


def _hold(file: IO[bytes], locks: ModuleType, name: str, shared: str | None) -> None:
    deadline = time.monotonic() + (_LOCK_WAIT_S if shared is not None else 0.0)
    while not _taken(file, locks, shared):
        if time.monotonic() >= deadline:
            raise RepoError(
                f"another embver is encoding {name} in this repository", hint="wait for it, then try again"
            )
        time.sleep(_LOCK_WAIT_S / 40)
    file.seek(0)
    if shared is not None and file.read() != shared.encode():
        raise RepoError(
            f"another embver is encoding {name} from another plan: card, corpus, model or options differ",
            hint="give every process the same options and the same files, or wait for the other job",
        )


def _taken(file: IO[bytes], locks: ModuleType, shared: str | None) -> bool:
    """Take the lock alone, or with those of the same plan, whose first process writes down which it is."""
    with contextlib.suppress(OSError):
        locks.flock(file, locks.LOCK_EX | locks.LOCK_NB)
        file.truncate(0)
        if shared is not None:
            file.write(shared.encode())
            file.flush()
            locks.flock(
                file, locks.LOCK_SH
            )  # not in one step: whoever comes between is seen by what is read next
        return True
    if shared is not None:
        with contextlib.suppress(OSError):
            locks.flock(file, locks.LOCK_SH | locks.LOCK_NB)
            return True
    return False


def _age_days(folder: Path, now_s: float) -> float:
    try:
        return (now_s - max(file.stat().st_mtime for file in (folder, *folder.iterdir()))) / 86_400
    except OSError:
        return 0.0


def _json(plain: Any) -> bytes:
    return json.dumps(plain, ensure_ascii=False).encode()


def _read(path: Path) -> dict[str, Any]:
    with contextlib.suppress(OSError, ValueError):
        found = json.loads(path.read_bytes())
        return found if isinstance(found, dict) else {}
    return {}
