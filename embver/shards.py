"""Shards: what an encode is cut into, and what each finished one leaves behind. Ground floor.

A shard is a pure function of the plan and its key: whoever encodes it, in whatever order and however often, writes the
same bytes. So work can be given up, repeated and shared out, and is put together by its receipts.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final, Self

from embver.digest import digest_plain, is_sha256

SHARD_ROWS: Final = 16_384
PROBE: Final = "probe"  # the probe set's file is one more piece of work: it holds every modality

_SUFFIX: Final = ".safetensors"


@dataclass(frozen=True, slots=True, kw_only=True)
class ShardKey:
    """One piece of work: a modality and the number of its shard, from 0."""

    modality: str
    index: int = 0

    def __str__(self) -> str:
        return f"{self.modality}-{self.index:05}"


@dataclass(frozen=True, slots=True, kw_only=True)
class ShardPlan:
    """What is cut into which shards: items by modality, in the card's order, `shard_rows` items a shard.

    `settings` is everything that decides about a shard's bytes, by name; `digest` is of that and of the cuts. Two
    processes work on one job if, and only if, their digests are equal.
    """

    settings: Mapping[str, Any]
    rows: Mapping[str, int]
    shard_rows: int = SHARD_ROWS
    has_probe: bool = False

    def __post_init__(self) -> None:
        """Raise ValueError for shards without rows."""
        if self.shard_rows < 1:
            raise ValueError(f"a shard of {self.shard_rows} rows: at least 1")

    @property
    def digest(self) -> str:
        """Return the digest that names the job: `sha256:<64 hex>`."""
        return digest_plain(self.to_plain())

    def to_plain(self) -> dict[str, Any]:
        """Return the plan as plain data: what its digest is taken of."""
        cuts = {"rows": dict(self.rows), "shard_rows": self.shard_rows, "has_probe": self.has_probe}
        return {"settings": dict(self.settings), **cuts}

    def count(self, modality: str) -> int:
        """Return the number of a modality's shards; the probe set is one."""
        return 1 if modality == PROBE else -(-self.rows[modality] // self.shard_rows)

    @property
    def keys(self) -> tuple[ShardKey, ...]:
        """Return every piece of work, in order: the modalities' shards, then the probe set."""
        found = [
            ShardKey(modality=modality, index=n)
            for modality in self.rows
            for n in range(self.count(modality))
        ]
        return (*found, ShardKey(modality=PROBE)) if self.has_probe else tuple(found)

    def extent(self, key: ShardKey) -> tuple[int, int]:
        """Return the items of a shard, from and up to (exclusive), in the order of its modality."""
        start = key.index * self.shard_rows
        return start, min(start + self.shard_rows, self.rows[key.modality])

    def path(self, key: ShardKey) -> str:
        """Return the name of a shard's file: `image.safetensors`, or `image-00000-of-00004.safetensors`."""
        count = self.count(key.modality)
        part = f"-{key.index:05}-of-{count:05}" if count > 1 else ""
        return f"{key.modality}{part}{_SUFFIX}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Skipped:
    """An item that has no row, and why: its place among the items of its modality, from 0."""

    position: int
    id: str
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Receipt:
    """What a finished shard leaves behind: which bytes it is, where they were made, and how long that took.

    `environment` is the fingerprint of the machine and software that encoded it; `encoded` of its `rows` were
    computed, `copied` taken over from the previous version. The digest of a probe file's content is empty. `figures`
    is what the meter counted meanwhile (`encode.meter.Figures`), `floor` the noise floor that the first shard of a
    modality measures for all.
    """

    key: ShardKey
    plan: str
    sha256: str
    size_bytes: int
    rows: int
    content_digest: str
    environment: str
    copied: int = 0
    skipped: tuple[Skipped, ...] = ()
    figures: Mapping[str, Any] = field(default_factory=dict)
    floor: Mapping[str, Any] | None = None

    @property
    def encoded(self) -> int:
        """Return the rows that were computed."""
        return self.rows - self.copied

    def to_plain(self) -> dict[str, Any]:
        """Return the receipt as plain data."""
        return {
            "modality": self.key.modality,
            "index": self.key.index,
            "plan": self.plan,
            "sha256": self.sha256,
            "size_bytes": self.size_bytes,
            "rows": self.rows,
            "content_digest": self.content_digest,
            "environment": self.environment,
            "copied": self.copied,
            "skipped": [[each.position, each.id, each.reason] for each in self.skipped],
            "figures": dict(self.figures),
            "floor": dict(self.floor) if self.floor is not None else None,
        }

    @classmethod
    def from_plain(cls, plain: Any) -> Self:
        """Read a receipt; raise ValueError for anything else: a torn file is no receipt."""
        try:
            made = cls(
                key=ShardKey(modality=str(plain["modality"]), index=int(plain["index"])),
                plan=str(plain["plan"]),
                sha256=str(plain["sha256"]),
                size_bytes=int(plain["size_bytes"]),
                rows=int(plain["rows"]),
                content_digest=str(plain["content_digest"]),
                environment=str(plain["environment"]),
                copied=int(plain["copied"]),
                skipped=tuple(Skipped(position=n, id=name, reason=why) for n, name, why in plain["skipped"]),
                figures=dict(plain["figures"]),
                floor=plain["floor"],
            )
        except (KeyError, TypeError, ValueError) as error:
            raise ValueError(f"no receipt of a shard: {error!r}") from error
        if not is_sha256(made.sha256):
            raise ValueError(f"no receipt of a shard: {made.sha256!r} is no SHA-256")
        return made


def gaps(plan: ShardPlan, receipts: Mapping[ShardKey, Receipt]) -> Iterator[ShardKey]:
    """Yield the pieces of work that no receipt tells of."""
    return (key for key in plan.keys if key not in receipts)
