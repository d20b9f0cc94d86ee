"""The log of an offline run (`run-ID.wandb`): whether it is whole, and what W&B's own reader says is in it.

The client writes records into a log of LevelDB's form, after seven bytes of its own. `wandb leet inspect` (0.31) prints them
as JSON, and silently leaves out what follows damage; so the checksums are gone over first.
"""

from __future__ import annotations

import hashlib
import json
import struct
import zlib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from embver.exchange.tracked_metrics import Point
from embver.exchange.wandb import Artifact, Run, point
from embver.intake import MalformedError

HEADER: Final = b":W&B" + struct.pack("<HB", 0xBEE1, 0)
_BLOCK_BYTES: Final = 32768
_RECORD: Final = struct.Struct("<IHB")  # CRC-32, length, kind
_LAST_KIND: Final = 4


@dataclass(frozen=True, slots=True, kw_only=True)
class LogState:
    """What the checksums say; `is_torn`: the end of the log is missing, as in a run that was killed."""

    sha256: str
    is_torn: bool


def check_log(path: Path) -> LogState:
    """Go over a log's checksums; raise MalformedError where it is none, or where it was damaged, with the place."""
    digest, position, is_torn = hashlib.sha256(), 0, False
    with path.open("rb") as file:
        while block := file.read(_BLOCK_BYTES):
            digest.update(block)
            if position == 0 and not block.startswith(HEADER):
                raise MalformedError(path.name, _no_log(block), hint="give the folder of an offline run")
            if is_torn:
                raise MalformedError(
                    f"{path.name}:byte {position}", "a record ends in the middle: the log is damaged"
                )
            is_torn = _check_block(block, len(HEADER) if position == 0 else 0, path, position)
            position += len(block)
    if position == 0:
        raise MalformedError(path.name, "the file is empty", hint="give the folder of an offline run")
    return LogState(sha256=digest.hexdigest(), is_torn=is_torn)


def _no_log(block: bytes) -> str:
    is_other = block.startswith(HEADER[:4])
    return "a .wandb log of a form that is not known" if is_other else "that is no log of W&B"


def _check_block(block: bytes, at: int, path: Path, position: int) -> bool:
    """Tell whether a block ends in the middle of a record; raise MalformedError for a wrong checksum."""
    while len(block) - at >= _RECORD.size:
        checksum, length, kind = _RECORD.unpack_from(block, at)
        data = block[at + _RECORD.size : at + _RECORD.size + length]
        if not 1 <= kind <= _LAST_KIND:
            raise _damaged(path, position + at)
        if len(data) < length:
            if len(block) == _BLOCK_BYTES:  # a record never goes beyond its block
                raise _damaged(path, position + at)
            return True
        if zlib.crc32(data, zlib.crc32(bytes([kind]))) != checksum:
            raise _damaged(path, position + at)
        at += _RECORD.size + length
    return len(block) - at > 0 and len(block) < _BLOCK_BYTES


def _damaged(path: Path, at: int) -> MalformedError:
    return MalformedError(
        f"{path.name}:byte {at}",
        "the log is damaged here, and what follows cannot be told",
        hint="copy it anew from where it was written, or import the run from the server: ENTITY/PROJECT/ID",
    )


@dataclass(slots=True)
class Records:
    """What is gathered from the records of a log, one after the other."""

    logged: set[str] = field(default_factory=set)
    series: dict[str, list[Point]] = field(default_factory=dict)
    artifacts: list[Artifact] = field(default_factory=list)
    git: Mapping[str, Any] = field(default_factory=dict)
    machine: dict[str, Any] = field(default_factory=dict)
    client: str | None = None

    def take(self, record: Mapping[str, Any], keys: Iterable[str]) -> None:
        """Take what is needed of one record."""
        kind = record.get("type")
        body = record.get(kind) if isinstance(kind, str) else None
        if not isinstance(body, Mapping):
            return
        if kind == "history":
            self._take_history(body, keys)
        elif kind == "header":
            version = (body.get("version_info") or {}).get("producer")
            self.client = version.partition("+")[0] if isinstance(version, str) else None
        elif kind == "run":
            self.git = body.get("git") or self.git
        elif kind == "environment":
            self.machine |= machine_of(body)  # it comes in parts
        elif kind == "artifact":
            aliases = tuple(map(str, body.get("aliases") or ()))
            self.artifacts.append(
                Artifact(
                    kind=str(body.get("type", "")),
                    name=str(body.get("name", "")),
                    digest=str(body.get("digest", "")),
                    aliases=aliases,
                )
            )

    def _take_history(self, body: Mapping[str, Any], keys: Iterable[str]) -> None:
        item = body.get("item") or {}
        step = (body.get("step") or {}).get("num", item.get("_step"))
        self.logged |= {
            name for name in item.keys() - self.logged if name[:1] != "_" and point(item[name]) is not None
        }
        for key in keys:
            if key in item and (found := point(item[key], step)) is not None:
                self.series.setdefault(key, []).append(found)


def records_of(pieces: Iterable[bytes], *, place: str) -> Iterator[Mapping[str, Any]]:
    """Yield the records that `wandb leet inspect --json` prints, one a line; raise MalformedError."""
    rest, number = b"", 0
    for piece in (*pieces, b"\n") if isinstance(pieces, tuple | list) else _ended(pieces):
        lines = (rest + piece).split(b"\n")
        rest = lines.pop()
        for line in lines:
            number += 1
            if line.strip():
                yield _record(line, f"{place}: record {number}")


def _ended(pieces: Iterable[bytes]) -> Iterator[bytes]:
    yield from pieces
    yield b"\n"


def _record(line: bytes, place: str) -> Mapping[str, Any]:
    try:
        plain = json.loads(line)
    except (ValueError, RecursionError) as error:
        raise MalformedError(place, f"cannot be read: {error}") from error
    if not isinstance(plain, dict):
        raise MalformedError(place, "is no record")
    return plain


def run_of(summary: Any, records: Records, *, log: LogState, place: str) -> Run:
    """Put together what `wandb leet inspect --summary` says and the records; raise MalformedError."""
    try:
        parts = (summary.get("entity"), summary.get("project"), summary["run_id"])
        return Run(
            path="/".join(str(part) for part in parts if part),
            state="running" if log.is_torn else str(summary["state"]),
            config=dict(summary.get("config") or {}),
            summary=dict(summary.get("summary") or {}),
            logged=frozenset(records.logged),
            series=records.series,
            commit=records.git.get("commit"),
            repository=records.git.get("remote_url"),
            artifacts=tuple(records.artifacts),
            machine=records.machine,
            tags=tuple(map(str, summary.get("tags") or ())),
            client=records.client,
            digest=f"sha256:{log.sha256}",
        )
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        raise MalformedError(place, f"that is no run of W&B ({type(error).__name__}: {error})") from error


def machine_of(plain: Mapping[str, Any]) -> dict[str, Any]:
    """Return the training's conditions from an environment record: what it ran on, and not whose it was."""
    cpu, memory = plain.get("cpu"), plain.get("memory")
    total = memory.get("total") if isinstance(memory, Mapping) else None
    found = {
        "os": plain.get("os"),
        "python": plain.get("python"),
        "cpu": cpu.get("model") if isinstance(cpu, Mapping) else None,
        "cpu_count": plain.get("cpu_count"),
        "gpu": plain.get("gpu") or plain.get("gpu_type"),
        "gpu_count": plain.get("gpu_count"),
        "memory_bytes": int(total) if isinstance(total, str | int) and str(total).isdecimal() else None,
    }
    return {key: value for key, value in found.items() if isinstance(value, str | int) and value}
