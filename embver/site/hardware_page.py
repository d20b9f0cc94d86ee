"""The page of all machines: which versions were encoded where, how fast, and what changed when. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from math import isfinite
from typing import Any

from embver.site.benchmarks_page import earlier_versions
from embver.site.model import SiteData, SiteEmbedding, SiteVersion
from embver.site.places import FOLDER, link, version_page
from embver.site.runs import Users, by_name, within
from embver.site.text import code, escape, listed, number, value

PLACE = f"{FOLDER}/hardware.md"
MACHINES, SETUPS, STEPS = 24, 100, 100
MOST_BYTES = 30_000  # of Markdown, for the states of machines and for what changed
# What makes a machine; the driver is of the software on it.
_MACHINE = ("accelerator", "count", "memory_gib", "cpu", "cores", "memory_ram_gib")
_SMALL = {"memory_gib": "{} GiB a device", "cores": "{} cores", "memory_ram_gib": "{} GiB of memory"}
# Heading, and where its value stands in `encode`.
_SETUP = (
    ("driver", "hardware", "driver"),
    ("CUDA", "software", "cuda"),
    ("torch", "software", "torch"),
    ("Python", "software", "python"),
)


@dataclass(slots=True, kw_only=True)
class Setup:
    """One state of a machine's software: the versions that were encoded with it, and their rates in items per second."""

    cells: tuple[str, ...]
    users: Users = field(default_factory=Users)
    rates: dict[str, list[float]] = field(default_factory=dict)


@dataclass(slots=True, kw_only=True)
class Machine:
    """One kind of machine."""

    title: str
    facts: str
    users: Users = field(default_factory=Users)
    setups: dict[tuple[str, ...], Setup] = field(default_factory=dict)


def hardware_context(data: SiteData) -> dict[str, Any]:
    """Return what `site/hardware.md.j2` shows."""
    embeddings = by_name(data.embeddings)
    found = machines_of(data)
    newest = sorted(found, key=lambda each: each.users.newest(embeddings), reverse=True)
    shown = []
    left, left_bytes = SETUPS, MOST_BYTES
    for machine in newest[:MACHINES]:
        setups = sorted(machine.setups.values(), key=lambda each: each.users.newest(embeddings), reverse=True)
        table = _table(setups[: max(left, 1)], embeddings, max(left_bytes, 0))
        left -= len(table["rows"])
        left_bytes -= sum(len(cell.encode()) for row in table["rows"] for cell in row)
        shown.append({
            "title": escape(machine.title),
            "facts": machine.facts,
            "left_out": len(setups) - len(table["rows"]),
            **table,
        })  # fmt: skip
    steps = _steps(data)
    told_steps = within(steps[:STEPS], MOST_BYTES)
    unknown = Users()
    for embedding in data.embeddings:
        for place, version in enumerate(embedding.versions):
            if not _encode(version).get("hardware"):
                unknown.add(embedding.name, place)
    return {
        "machines": tuple(shown),
        "total": len(found),
        "unknown": unknown.told(PLACE, embeddings),
        "steps": told_steps,
        "steps_left_out": len(steps) - len(told_steps),
        "encode": code(f"embver encode {data.embeddings[0].name if data.embeddings else 'NAME'}"),
    }


def machines_of(data: SiteData) -> list[Machine]:
    """Return every machine that a card names, in the order in which they came into use."""
    found: dict[tuple[str, ...], Machine] = {}
    for embedding in data.embeddings:
        for place, version in enumerate(embedding.versions):
            encode = _encode(version)
            hardware = encode.get("hardware") or {}
            if not hardware:
                continue
            key = tuple(str(hardware.get(part) or "") for part in _MACHINE)
            machine = found.setdefault(key, Machine(title=_title(hardware), facts=_facts(hardware)))
            machine.users.add(embedding.name, place)
            cells = (*(_told(encode, *where) for _, *where in _SETUP), _precision(encode), _profile(encode))
            setup = machine.setups.setdefault(cells, Setup(cells=cells))
            setup.users.add(embedding.name, place)
            for kind, rate in (encode.get("items_per_s") or {}).items():
                if isinstance(rate, int | float) and isfinite(rate):
                    setup.rates.setdefault(str(kind), []).append(float(rate))
    return list(found.values())


def _table(
    setups: Sequence[Setup], embeddings: Mapping[str, SiteEmbedding], most_bytes: int
) -> dict[str, Any]:
    """Return headings and rows of a machine's software; what no version recorded is no column."""
    headings = (*(heading for heading, _, _ in _SETUP), "precision", "profile", "throughput")
    rows = [(*map(escape, setup.cells), _rates(setup.rates)) for setup in setups]
    kept = [place for place in range(len(headings)) if any(row[place] for row in rows)]
    return {
        "headings": tuple(headings[place] for place in kept),
        "rows": within(
            (
                (setup.users.told(PLACE, embeddings), *(row[place] for place in kept))
                for setup, row in zip(setups, rows, strict=True)
            ),
            most_bytes,
        ),
    }


def _encode(version: SiteVersion) -> Mapping[str, Any]:
    return version.card.plain.get("encode") or {}


def _title(hardware: Mapping[str, Any]) -> str:
    name = str(hardware.get("accelerator") or hardware.get("cpu") or "a machine without a name")
    count = hardware.get("count")
    is_several = isinstance(count, int) and count > 1 and bool(hardware.get("accelerator"))
    return f"{count} \u00d7 {name}" if is_several else name


def _facts(hardware: Mapping[str, Any]) -> str:
    """Return what else makes the machine, as finished words."""
    told = [escape(hardware["cpu"])] if hardware.get("accelerator") and hardware.get("cpu") else []
    told += [escape(form.format(hardware[key])) for key, form in _SMALL.items() if hardware.get(key)]
    return " \u00b7 ".join(told)


def _told(encode: Mapping[str, Any], part: str, key: str) -> str:
    held = (encode.get(part) or {}).get(key)
    return "" if held is None else str(held)


def _precision(encode: Mapping[str, Any]) -> str:
    """Return the precision of the weights and of the computation, once where they are the same."""
    held = encode.get("precision") or {}
    kinds = dict.fromkeys(str(held[key]) for key in ("weights", "compute") if held.get(key))
    return " / ".join(kinds)


def _profile(encode: Mapping[str, Any]) -> str:
    return str(encode.get("profile") or "")


def _rates(rates: Mapping[str, list[float]]) -> str:
    """Return the rates by modality, from the slowest encode to the fastest."""
    told = []
    for kind, held in rates.items():
        low, high = number(round(min(held))), number(round(max(held)))
        told.append(f"{escape(kind)} {low if low == high else f'{low} to {high}'}/s")
    return listed(told)


def _steps(data: SiteData) -> list[tuple[str, str, str]]:
    """Return (released, version, what changed) of every version that ran on something else than the one before it."""
    found = []
    for embedding in data.embeddings:
        before = earlier_versions(embedding)
        for version in embedding.versions:
            earlier = before.get(version.release.tag)
            changed = _changed(_environment(earlier), _environment(version)) if earlier else []
            if changed:
                target = link(PLACE, version_page(embedding.name, version.number))
                name = f"[{escape(embedding.name)} {escape(version.number)}]({target})"
                found.append((version.release.date, escape(version.date), name, "<br>".join(changed)))
    found.sort(key=lambda each: each[0], reverse=True)
    return [each[1:] for each in found]


def _environment(version: SiteVersion) -> dict[str, Any]:
    encode = _encode(version)
    return {
        **{str(key): held for key, held in (encode.get("hardware") or {}).items()},
        **{str(key): held for key, held in (encode.get("software") or {}).items()},
        "precision": encode.get("precision"),
        "profile": encode.get("profile"),
    }


def _changed(before: Mapping[str, Any], after: Mapping[str, Any]) -> list[str]:
    if not any(before.values()) or not any(after.values()):
        return []  # nothing was recorded for one of the two: no change is known
    return [
        f'<span class="ev-key">{escape(key)}</span> {value(before.get(key))} \u2192 {value(after.get(key))}'
        for key in {**before, **after}
        if before.get(key) != after.get(key)
    ]
