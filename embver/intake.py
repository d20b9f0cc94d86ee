"""What is taken over from somewhere else into a card, and what is left out and why. Ground floor.

An importer of `exchange/` turns a foreign thing into an `Intake`: it takes what it found, and invents nothing.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from embver.privacy import private_part, without_credentials

Value = Any  # plain data, as a card holds it


@dataclass(frozen=True, slots=True, kw_only=True)
class Taken:
    """One value for one field of the card; `origin` says where in the source it stands, as its users call it.

    `where` leads through the card's data. An entry of a list is meant by what it is known by, as in
    ("training", "data", ("name", "shop-images")), and its value is the entry, merged into the one of that name.
    """

    where: tuple[str | tuple[str, str], ...]
    value: Value
    origin: str

    @property
    def path(self) -> str:
        """Return the field as people write it: `training.data[shop-images]`."""
        text = ""
        for part in self.where:
            text += f"[{part[1]}]" if isinstance(part, tuple) else (f".{part}" if text else part)
        return text


@dataclass(frozen=True, slots=True, kw_only=True)
class LeftOut:
    """Something of the source that is not taken over, and why."""

    what: str
    why: str

    def to_plain(self) -> dict[str, str]:
        """Return the stable keys of `--json`."""
        return {"what": self.what, "why": self.why}


@dataclass(frozen=True, slots=True, kw_only=True)
class RawFile:
    """A file kept, or made, byte by byte; `path` is relative, with forward slashes and without `..`."""

    path: str
    data: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Origin:
    """Where an intake comes from, as the card records it under `imported`.

    `source` is the importer's name; `uri` pins identity and not a page of a web interface (`mlflow:URI#RUN`), without
    credentials; `digest` is that of the bytes that were read, where they are files.
    """

    source: str
    uri: str
    digest: str | None = None
    version: str | None = None  # of the tool or format that wrote it

    def to_record(self) -> dict[str, Any]:
        """Return the entry of the card's `imported`."""
        plain = {"source": self.source, "uri": self.uri, "digest": self.digest, "version": self.version}
        return {key: value for key, value in plain.items() if value is not None}


@dataclass(frozen=True, slots=True, kw_only=True)
class Intake:
    """All that one import found. `failure` says that the source itself calls it failed, unfinished or deleted."""

    origin: Origin
    taken: tuple[Taken, ...] = ()
    left_out: tuple[LeftOut, ...] = ()
    files: tuple[RawFile, ...] = ()
    warnings: tuple[str, ...] = ()
    failure: str | None = None

    def guarded(self) -> Intake:
        """Return the intake without what must never be carried over: names of people and machines, places, secrets.

        Web addresses lose their credentials; any other value that holds something private is left out whole, and said.
        """
        kept: list[Taken] = []
        left: list[LeftOut] = []
        for entry in self.taken:
            why = next((each for each in map(_private_key, entry.where) if each), None)
            if why is not None:
                left.append(LeftOut(what=entry.origin, why=f"its name tells what is private: {why}"))
                continue
            value, whys = _guarded(without_credentials(entry.value), entry.where[-1])
            left += [LeftOut(what=f"{entry.origin}{inner}", why=why) for inner, why in whys]
            if value is not None:
                kept.append(replace(entry, value=value))
        origin = replace(self.origin, uri=_public(without_credentials(self.origin.uri), self.origin))
        return replace(self, origin=origin, taken=tuple(kept), left_out=(*self.left_out, *left))


def _private_key(part: str | tuple[str, str]) -> str | None:
    """Return why a place in the card may not be named as it is, or None."""
    return private_part("", part[1] if isinstance(part, tuple) else part)


def _public(uri: str, origin: Origin) -> str:
    """Return the address of a source; of one that tells a place of somebody's disk its last part alone."""
    if private_part("uri", uri.partition(":")[2]) is None and private_part("uri", uri) is None:
        return uri
    last = uri.replace("\\", "/").rstrip("/").rpartition("/")[2]
    named = last if private_part("uri", last) is None else (origin.digest or "unnamed")
    return f"{origin.source}:{named}"


def _guarded(value: Value, name: str | tuple[str, str]) -> tuple[Value | None, list[tuple[str, str]]]:
    """Return a value without its private parts (None if nothing is left), and what went and why."""
    if isinstance(value, Mapping | list | tuple):
        why = private_part(name if isinstance(name, str) else name[0], value)
        if why is not None:
            return None, [("", why)]
    if isinstance(value, Mapping):
        kept, whys = {}, []
        for key, entry in value.items():
            if _private_key(str(key)) is not None:
                whys.append((".(a name)", f"its name tells what is private: {_private_key(str(key))}"))
                continue
            # The signature of a benchmark's result is made to be shown (schema: verified.token).
            is_shown = (name, key) == ("verified", "token")
            inner, found = (entry, []) if is_shown else _guarded(entry, str(key))
            whys += [(f".{key}{place}", why) for place, why in found]
            if inner is not None or entry is None:
                kept[key] = inner
        return (kept or None) if whys else kept, whys
    if isinstance(value, list | tuple):
        entries, whys = [], []
        for number, entry in enumerate(value):
            inner, found = _guarded(entry, name)
            whys += [(f"[{number}]{place}", why) for place, why in found]
            if inner is not None or entry is None:
                entries.append(inner)
        return (entries or None) if whys else entries, whys
    why = private_part(name if isinstance(name, str) else name[0], value)
    return (None, [("", why)]) if why else (value, [])


@dataclass(frozen=True, slots=True, kw_only=True)
class Kept:
    """A field that the card has already, with another value than the source's."""

    path: str
    yours: Value
    theirs: Value
    origin: str

    def to_plain(self) -> dict[str, Any]:
        """Return the stable keys of `--json`."""
        return {"field": self.path, "yours": self.yours, "theirs": self.theirs, "from": self.origin}


class AbsentError(LookupError):
    """What was asked for is not in the source; `known` are like things that are."""

    def __init__(self, message: str, *, known: tuple[str, ...] = (), hint: str | None = None) -> None:
        super().__init__(message)
        self.known = known
        self.hint = hint


class MalformedError(ValueError):
    """A source is not what it should be: `place` is FILE, or FILE:LINE:COLUMN where there is one."""

    def __init__(self, place: str, message: str, *, hint: str | None = None) -> None:
        super().__init__(f"{place}: {message}")
        self.hint = hint
