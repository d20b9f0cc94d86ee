"""The card: what is known of one version of an embedding. Ground floor.

A `Card` is a typed view of plain data that the schema has already accepted; the data itself stays reachable
as `plain`, so that a field that no code needs by name is still compared, shown and digested.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Self

from embver.digest import digest_plain
from embver.metric import Metric
from embver.pointer import DVC_SUFFIX, DvcPointer, Pointer
from embver.version import Version

SCHEMA_VERSION = 1

# What may still grow once a version is released: a benchmark run later, a deprecation (DESIGN section 3).
GROWING = ("benchmarks", "compatibility", "status", "notes")
# How long one run took is written down but belongs to no version's identity: two runs that give the same bytes
# must give the same Card-Digest.
TIMINGS = ("started", "elapsed_s", "items_per_s", "energy_j", "copied", "stages_s", "tuned")
# What embver itself fills in; people write everything else.
DERIVED = ("fingerprint", "encode", "artifacts", "reconstructed", "imported", *GROWING[:2])


@dataclass(frozen=True, slots=True, kw_only=True)
class Space:
    """What an index is built for: a change here breaks it."""

    dimensions: int
    metric: str
    normalized: bool
    kind: str
    dtype: str
    served_dimensions: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Artifact:
    """A file of a version; `sha256` is also its Git LFS object id, `path` is relative to the card.

    With `md5` DVC keeps the bytes: in Git a pointer of DVC's, `git_path`, stands for the file.
    """

    path: str
    role: str
    sha256: str
    size_bytes: int
    modality: str | None = None
    rows: int | None = None
    content_digest: str | None = None
    probe_name: str | None = None
    probe_digest: str | None = None
    md5: str | None = None

    @property
    def git_path(self) -> str:
        """Return the file that Git holds of it: the file, its Git LFS pointer, or DVC's pointer beside it."""
        return f"{self.path}{DVC_SUFFIX}" if self.md5 else self.path

    @property
    def pointer(self) -> bytes:
        """Return the text of the pointer that stands for it in Git, if the bytes are not in Git itself."""
        if self.md5:
            name = self.path.rpartition("/")[2]
            return DvcPointer(md5=self.md5, size_bytes=self.size_bytes, path=name).format()
        return Pointer(sha256=self.sha256, size_bytes=self.size_bytes).format()

    @classmethod
    def from_plain(cls, plain: Mapping[str, Any]) -> Artifact:
        """Read one entry of `artifacts`."""
        probe = plain.get("probe") or {}
        return cls(
            path=plain["path"],
            role=plain["role"],
            sha256=plain["sha256"],
            size_bytes=plain["size_bytes"],
            modality=plain.get("modality"),
            rows=plain.get("rows"),
            content_digest=plain.get("content_digest"),
            probe_name=probe.get("name"),
            probe_digest=probe.get("digest"),
            md5=plain.get("md5"),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Benchmark:
    """One evaluation of a version; `comparable` decides which numbers may stand on one line."""

    id: str
    metrics: tuple[Metric, ...]
    plain: Mapping[str, Any]

    @classmethod
    def from_plain(cls, plain: Mapping[str, Any]) -> Benchmark:
        """Read one entry of `benchmarks`."""
        metrics = []
        for entry in plain.get("metrics", ()):
            interval = entry.get("ci") or {}
            metrics.append(
                Metric(
                    key=entry["key"],
                    value=entry["value"],
                    is_main=bool(entry.get("main", False)),
                    unit=entry.get("unit", "fraction"),
                    higher_is_better=entry.get("higher_is_better", True),
                    low=interval.get("low"),
                    high=interval.get("high"),
                )
            )
        return cls(id=plain["id"], metrics=tuple(metrics), plain=plain)

    @property
    def is_own(self) -> bool:
        """Tell whether `embver bench` measured it, on the vectors of this very version."""
        return (self.plain.get("source") or {}).get("format") == "embver.bench"

    @property
    def comparable(self) -> tuple[str, ...]:
        """Return what must be equal for two numbers to be compared: data set, its part and revision, split, harness."""
        dataset, harness = self.plain.get("dataset") or {}, self.plain.get("harness") or {}
        keys = [dataset.get(key) for key in ("id", "config", "revision", "split", "sha256")]
        return (self.id, *(str(key) for key in keys), str(harness.get("name")))

    def metric(self, key: str) -> Metric | None:
        """Return one metric by its key, or None."""
        return next((metric for metric in self.metrics if metric.key == key), None)


@dataclass(frozen=True, slots=True, kw_only=True)
class Compatibility:
    """How a version was measured against another one."""

    against: str
    verdict: str
    level: str
    plain: Mapping[str, Any]

    @classmethod
    def from_plain(cls, plain: Mapping[str, Any]) -> Compatibility:
        """Read one entry of `compatibility`."""
        return cls(against=plain["against"], verdict=plain["verdict"], level=plain["level"], plain=plain)

    @property
    def strata(self) -> tuple[Mapping[str, Any], ...]:
        """Return the records by stratum (query modality -> document modality)."""
        return tuple(self.plain.get("strata", ()))


@dataclass(frozen=True, slots=True, kw_only=True)
class Card:
    """One version's metadata, typed where code needs it."""

    name: str
    version: Version | None
    space: Space
    encoders: Mapping[str, Mapping[str, Any]]
    artifacts: tuple[Artifact, ...]
    benchmarks: tuple[Benchmark, ...]
    compatibility: tuple[Compatibility, ...]
    plain: Mapping[str, Any]

    @classmethod
    def from_plain(cls, plain: Mapping[str, Any]) -> Self:
        """Read a card from plain data that the schema has accepted."""
        space = plain["space"]
        version = plain.get("version")
        return cls(
            name=plain["name"],
            version=Version.parse(version) if version else None,
            space=Space(
                dimensions=space["dimensions"],
                metric=space["metric"],
                normalized=space["normalized"],
                kind=space.get("kind", "dense"),
                dtype=space.get("dtype", "float32"),
                served_dimensions=tuple(space.get("served_dimensions", ())),
            ),
            encoders=plain["encoders"],
            artifacts=tuple(Artifact.from_plain(entry) for entry in plain.get("artifacts") or ()),
            benchmarks=tuple(Benchmark.from_plain(entry) for entry in plain.get("benchmarks") or ()),
            compatibility=tuple(
                Compatibility.from_plain(entry) for entry in plain.get("compatibility") or ()
            ),
            plain=plain,
        )

    @property
    def title(self) -> str:
        """Return the title, or the name where there is none."""
        return str(self.plain.get("title") or self.name)

    @property
    def status(self) -> str:
        """Return active, deprecated or yanked."""
        return str((self.plain.get("status") or {}).get("state", "active"))

    @property
    def probe(self) -> Artifact | None:
        """Return the artifact that holds the probe vectors, if the version has one."""
        return next((artifact for artifact in self.artifacts if artifact.role == "probe"), None)

    @property
    def main_metric(self) -> tuple[Benchmark, Metric] | None:
        """Return the number to quote first: the first one marked `main`, else the first one; none that is null."""
        pairs = [
            (each, metric) for each in self.benchmarks for metric in each.metrics if metric.value is not None
        ]
        return next((pair for pair in pairs if pair[1].is_main), pairs[0] if pairs else None)

    def dtype_of(self, artifact: Artifact) -> str | None:
        """Return the number format that the card tells of a file of vectors; None where it tells none."""
        entries = self.plain.get("artifacts") or ()
        own = next((entry.get("dtype") for entry in entries if entry.get("path") == artifact.path), None)
        said = own or self.plain["space"].get("dtype")
        return str(said) if said else None

    def against(self, reference: str) -> Compatibility | None:
        """Return how this version was measured against NAME@VERSION, if it was."""
        return next((record for record in self.compatibility if record.against == reference), None)


def frozen_part(plain: Mapping[str, Any]) -> dict[str, Any]:
    """Return what of a card its release fixes: all but what may grow, and how long the encode took."""
    part = {key: value for key, value in plain.items() if key not in GROWING and value is not None}
    if isinstance(part.get("encode"), Mapping):
        part["encode"] = {key: value for key, value in part["encode"].items() if key not in TIMINGS}
    return part


def card_digest(plain: Mapping[str, Any]) -> str:
    """Return the digest of a card's frozen part, as its tag carries it (`Card-Digest`, RFC 8785 JSON)."""
    return digest_plain(frozen_part(plain))


def space_id(plain: Mapping[str, Any]) -> str:
    """Return the fingerprint `space:sha256:<hex>`: a digest of everything that decides where a vector lands."""
    return f"space:{digest_plain(described_space(plain))}"


def described_space(plain: Mapping[str, Any]) -> dict[str, Any]:
    """Return what the fingerprint is taken of, as plain data (recipe 1; site/fingerprint.md).

    The space but for how vectors are stored; of each encoder the digests of weights and tokenizer, pooling,
    projection, prompts and the preprocessing steps in order. Names, tags and licences do not count, nor does the
    processor's file: the card's steps are what runs. Where no weights are known, as for a model behind an API, its id
    and revision stand for them. A card that was reconstructed afterwards does not know all of it, so its own name and
    number count: no other version has its fingerprint.
    """
    space = plain["space"]
    encoders = {modality: _described_encoder(encoder) for modality, encoder in plain["encoders"].items()}
    keys = ("dimensions", "metric", "normalized")
    described = {key: space[key] for key in keys} | {"kind": space.get("kind", "dense")}
    found = {"recipe": 1, "space": described, "encoders": encoders}
    if plain.get("reconstructed"):  # what decided is not known: equal words promise no equal space
        found["version"] = f"{plain['name']}@{plain.get('version', 'next')}"
    return found


def encoder_id(plain: Mapping[str, Any], modality: str) -> str:
    """Return `encoder:sha256:<hex>`: a digest of everything that decides about one modality's rows.

    The space and that encoder as in the fingerprint, and every file that the model is made of: a row of a version whose
    id is equal, of an input with equal bytes, is the row that this version's encoder gives.
    """
    described, encoder = described_space(plain), plain["encoders"][modality]
    files = {entry["path"]: entry["sha256"] for entry in encoder.get("files") or ()}
    own = {**described, "encoders": {modality: described["encoders"][modality]}, "files": files}
    return f"encoder:{digest_plain(own)}"


def _described_encoder(encoder: Mapping[str, Any]) -> dict[str, Any]:
    described = {
        "weights": sorted(weight["sha256"] for weight in encoder.get("weights") or ()) or _model(encoder),
        "tokenizer": encoder.get("tokenizer_sha256"),
        "pooling": encoder.get("pooling"),
        "projection": encoder.get("projection"),
        "prompts": {role: text for role, text in (encoder.get("prompts") or {}).items() if text},
        "preprocessing": encoder.get("preprocessing") or [],
    }
    # Said where they are there: a card of before they could be said keeps its fingerprint.
    if encoder.get("dense"):
        described["dense"] = [layer.get("activation") for layer in encoder["dense"]]
    if encoder.get("truncate_dimensions") is not None:
        described["truncate_dimensions"] = encoder["truncate_dimensions"]
    return described


def _model(encoder: Mapping[str, Any]) -> dict[str, Any]:
    model = encoder.get("model") or {}
    return {"id": model.get("id"), "revision": model.get("revision")}
