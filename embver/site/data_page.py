"""The page of all data sets: what trained, was encoded or judged which versions. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from embver.site.machine import card_data
from embver.site.model import SiteData, SiteEmbedding, SiteVersion
from embver.site.places import FOLDER
from embver.site.runs import Users, by_name, within
from embver.site.text import digest, escape, link, listed, number

PLACE = f"{FOLDER}/data.md"
SHOWN, MOST_BYTES = 150, 60_000  # rows, and their Markdown: MkDocs makes 1.4 times as much HTML of it
_ROLES = {
    "train": "training", "corpus": "encoded", "benchmark": "benchmark", "probe": "probe set", "test": "test",
    "validation": "validation", "distillation": "distillation", "other": "other",
}  # fmt: skip
_LEARNED = ("train", "distillation")
_ALSO = 3


@dataclass(slots=True, kw_only=True)
class DataSet:
    """One data set: what it is by its digest, and where it has none, by name and version."""

    entry: Mapping[str, Any]  # as the newest version that used it has it
    labels: dict[tuple[str, str], None] = field(
        default_factory=dict
    )  # (name, version), the first that was given first
    roles: dict[str, Users] = field(default_factory=dict)

    @property
    def names(self) -> tuple[str, ...]:
        """Return what it is called."""
        return tuple(dict.fromkeys(name for name, _ in self.labels))


def data_context(data: SiteData) -> dict[str, Any]:
    """Return what `site/data.md.j2` shows."""
    embeddings = by_name(data.embeddings)
    found = data_sets_of(data)
    newest = sorted(found, key=lambda each: _last_use(each, embeddings), reverse=True)[:SHOWN]
    alike = Counter(name for each in found for name in each.names)
    rows = within((_row(each, alike, embeddings) for each in newest), MOST_BYTES)
    shown = sorted(zip(newest, rows, strict=False), key=lambda pair: pair[0].names[0])
    return {
        "rows": tuple(row for _, row in shown),
        "total": len(found),
        "several": sum(count > 1 for count in alike.values()),
        "leaks": tuple(_leak(each) for each, _ in shown if _is_leak(each)),
    }


def _row(each: DataSet, alike: Mapping[str, int], embeddings: Mapping[str, SiteEmbedding]) -> tuple[str, ...]:
    return (
        _named(each, alike),
        _digest(each),
        _used_by(each, embeddings),
        _rows(each.entry),
        escape(each.entry.get("license") or ""),
        link(each.entry["uri"]) if each.entry.get("uri") else "",
    )


def data_sets_of(data: SiteData) -> list[DataSet]:
    """Return every data set that a card names, in the order in which they came into use."""
    found: dict[tuple[str, ...], DataSet] = {}
    for embedding in data.embeddings:
        for place, version in enumerate(embedding.versions):
            for role, entry in _used(version):
                known = found.setdefault(_identity(entry), DataSet(entry=entry))
                # What a benchmark or a probe set says of its data is less than what a card says of its training data.
                known.entry = {**known.entry, **{key: value for key, value in entry.items() if value}}
                known.labels.setdefault(
                    (str(entry.get("name") or "unnamed"), str(entry.get("version") or ""))
                )
                known.roles.setdefault(role, Users()).add(embedding.name, place)
    return list(found.values())


def _used(version: SiteVersion) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """Yield (role, entry) of every data set of a version, entries in the form of `training.data`."""
    yield from card_data(version.card.plain)
    for benchmark in version.card.benchmarks:
        plain = benchmark.plain.get("dataset") or {}
        if plain:
            yield (
                "benchmark",
                {
                    "name": plain.get("id") or benchmark.id,
                    "version": " ".join(str(plain[key]) for key in ("revision", "split") if plain.get(key)),
                    "digest": f"sha256:{plain['sha256']}" if plain.get("sha256") else None,
                    "uri": plain.get("uri"),
                    "license": plain.get("license"),
                },
            )
    probe = version.card.probe
    if probe is not None and (probe.probe_name or probe.probe_digest):
        yield "probe", {"name": probe.probe_name, "digest": probe.probe_digest}


def _identity(entry: Mapping[str, Any]) -> tuple[str, ...]:
    if entry.get("digest"):
        return ("digest", str(entry["digest"]))
    return ("name", str(entry.get("name")), str(entry.get("version")))


def _last_use(each: DataSet, embeddings: Mapping[str, SiteEmbedding]) -> tuple[str, str]:
    return max(users.newest(embeddings) for users in each.roles.values())


def _named(each: DataSet, alike: Mapping[str, int]) -> str:
    (name, version), *others = each.labels
    small = [escape(version)] if version else []
    if others:
        also = listed([f"{other} {its}".strip() if other != name else its for other, its in others[:_ALSO]])
        small.append(f"also {escape(also)}" + (" and more" if len(others) > _ALSO else ""))
    if alike[name] > 1:
        small.append(f"one of {alike[name]} under this name")
    told = " \u00b7 ".join(small)
    return f"<b>{escape(name)}</b>" + (f" <small>{told}</small>" if told else "")


def _used_by(each: DataSet, embeddings: Mapping[str, SiteEmbedding]) -> str:
    """Return the roles with the versions in which it had them; roles of the same versions together."""
    told: dict[str, list[str]] = {}
    for role, users in each.roles.items():
        told.setdefault(users.told(PLACE, embeddings), []).append(_ROLES.get(role, role))
    return "<br>".join(f"{escape(listed(roles))}: {versions}" for versions, roles in told.items())


def _digest(each: DataSet) -> str:
    if each.entry.get("digest"):
        return digest(each.entry["digest"])
    return '<span class="ev-none">not recorded</span>'


def _rows(entry: Mapping[str, Any]) -> str:
    items = entry.get("items")
    if isinstance(items, Mapping):
        return ", ".join(f"{number(count)} {escape(kind)}" for kind, count in items.items())
    return number(entry["rows"]) if entry.get("rows") is not None else ""


def _is_leak(each: DataSet) -> bool:
    """Tell whether the very same bytes trained a model and judged one."""
    has_digest = bool(each.entry.get("digest"))
    return has_digest and "benchmark" in each.roles and any(role in each.roles for role in _LEARNED)


def _leak(each: DataSet) -> str:
    return (
        f"{escape(each.names[0])} ({digest(each.entry['digest'])}) is both trained on and measured on: "
        "those benchmark numbers tell what was learned by heart, too"
    )
