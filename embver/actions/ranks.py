"""One process of several: which shards are its own, and the note that it leaves of having taken part."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Self, TypeVar

from embver.errors import UsageError
from embver.store.files import write_atomic

T = TypeVar("T")


@dataclass(frozen=True, slots=True, kw_only=True)
class Rank:
    """A process's place among `world` of them; `local` is its place on its machine, if the launcher says so."""

    index: int
    world: int
    local: int | None = None
    local_world: int | None = None

    @classmethod
    def of_environment(cls, environment: Mapping[str, str]) -> Self | None:
        """Read RANK, WORLD_SIZE, LOCAL_RANK and LOCAL_WORLD_SIZE, as torchrun sets them; None without the first two.

        Raises UsageError for values that name no process.
        """
        said = {key: environment.get(key) for key in ("RANK", "WORLD_SIZE", "LOCAL_RANK", "LOCAL_WORLD_SIZE")}
        if said["RANK"] is None and said["WORLD_SIZE"] is None:
            return None
        if said["RANK"] is None or said["WORLD_SIZE"] is None:
            raise UsageError(
                "RANK and WORLD_SIZE go together, and one of them is not set",
                hint="set both, or unset both: unset RANK WORLD_SIZE",
            )
        numbers = {key: None if value is None else _number(key, value) for key, value in said.items()}
        index, world = numbers["RANK"], numbers["WORLD_SIZE"]
        assert index is not None
        assert world is not None
        if not 0 <= index < world:
            raise UsageError(
                f"RANK={index} of WORLD_SIZE={world}: ranks are 0 to WORLD_SIZE - 1",
                hint="an array that begins at 1 needs RANK=$((SLURM_ARRAY_TASK_ID - 1))",
            )
        return cls(
            index=index, world=world, local=numbers["LOCAL_RANK"], local_world=numbers["LOCAL_WORLD_SIZE"]
        )

    def __str__(self) -> str:
        """Return it as people count: rank 0 of 4."""
        return f"rank {self.index} of {self.world}"

    def share(self, keys: Sequence[T]) -> tuple[T, ...]:
        """Return this rank's part of the work: each `world`-th piece, from its own index on."""
        return tuple(keys[self.index :: self.world])

    def owner(self, place: int) -> int:
        """Return the rank that has the piece of work at a place."""
        return place % self.world

    def threads(self, cores: int) -> int:
        """Return how many threads a process may have where `cores` are shared with the others of its machine."""
        return max(1, cores // (self.local_world or 1))


def note(folder: Path, rank: Rank) -> None:
    """Leave a note that a rank has begun: what is missing later can be named after it."""
    plain = {"rank": rank.index, "world": rank.world}
    write_atomic(folder / f"rank-{rank.index}-of-{rank.world}.json", json.dumps(plain).encode())


def noted(folder: Path) -> tuple[Rank, ...]:
    """Return the ranks that have begun, the latest last; notes that cannot be read are none."""
    found = []
    for file in folder.glob("rank-*-of-*.json"):
        with contextlib.suppress(OSError, ValueError, KeyError, TypeError):
            plain = json.loads(file.read_bytes())
            rank = Rank(index=int(plain["rank"]), world=int(plain["world"]))
            found.append((file.stat().st_mtime_ns, rank))
    return tuple(rank for _, rank in sorted(found, key=lambda each: each[0]))


def _number(key: str, value: str) -> int:
    try:
        return int(value)
    except ValueError:
        raise UsageError(f"{key}={value} is no number", hint=f"unset {key}, or start with torchrun") from None
