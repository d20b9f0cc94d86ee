"""What a draft really scores: its items encoded by embver's own encode step, once for equal encoders, and evaluated."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache, cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from benchmarks.planted.drafts import Draft
from benchmarks.planted.models import Kit
from data import MULTILINGUAL, PROBE
from embver.actions.models import describe_encoders
from embver.probe import ProbeItem, ProbeSet, parse_items
from embver.store.config import BenchmarkSetting

if TYPE_CHECKING:
    from embver.measure.retrieval import Evaluation

Rows = NDArray[np.float32]

METRICS = ("hit@1", "hit@10", "mrr@10")
ALL = "emoji-1k"
SAMPLE_PAIRS = 400
QUICK_PAIRS = 300

# benchmark -> what asks, what is found, and of which items
_BENCHES: Mapping[str, tuple[str, str, Mapping[str, Mapping[str, Any]]]] = {
    "typed": ("text", "image", {"query": {"form": ["title", "sentence", "shortcode"]}, "document": {"style": "twemoji"}}),
    "search": ("text", "image", {"query": {"form": "clean"}, "document": {"style": "twemoji"}}),
    "unseen": ("text", "image", {"query": {"form": "clean"}, "document": {"style": "openmoji-unseen"}}),
    "pictures": ("image", "image", {"query": {"style": "openmoji-unseen"}, "document": {"style": "twemoji"}}),
    "names": ("text", "text", {"query": {"form": ["title", "sentence", "shortcode"]}, "document": {"form": "clean"}}),
    "languages": ("text", "image", {}),
}  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class Items:
    """A benchmark's items, and the folder that they lie in within a repository and here."""

    probe: ProbeSet
    uri: str
    folder: Path  # of this machine: the files that items name are read from here
    text: str  # items.jsonl


@dataclass(kw_only=True)
class Bench:
    """Evaluates drafts; what was encoded once is kept in the kit's folder."""

    kit: Kit
    pairs: int | None = None  # fewer than all: the quick suite
    encoded: int = field(default=0)

    def setting(self, bench: str, items: Items) -> BenchmarkSetting:
        """Return a benchmark as `embver.toml` has it."""
        query, document, where = _BENCHES[bench]
        return BenchmarkSetting(
            id=bench,
            items=items.uri,
            query=query,
            document=document,
            metrics=METRICS,
            main="hit@10",
            where=where,
        )

    def items(self, bench: str, name: str = ALL) -> Items:
        """Return the items that a benchmark asks: all, or a sample of the pairs by its name."""
        return self._sets[MULTILINGUAL if bench == "languages" else name]

    def described(self, draft: Draft) -> dict[str, Any]:
        """Return a draft's card with what its models' files say, as `embver encode` writes it."""
        folders = {modality: self.folder(draft, modality) for modality in draft.plain["encoders"]}
        encoders = {}
        for modality, encoder in draft.plain["encoders"].items():
            told = _described(modality, folders[modality])
            encoders[modality] = {**encoder, **json.loads(told)}
        return {**draft.plain, "encoders": encoders}

    def folder(self, draft: Draft, modality: str) -> Path:
        """Return the model folder of a modality, on this machine."""
        return self.kit.model(draft.variants[draft.plain["encoders"][modality]["model"]["path"]])

    def evaluate(self, draft: Draft, bench: str, items: Items, *, draws: int = 2) -> Evaluation:
        """Return what a draft scores, query by query; `draws` are of the intervals, which the judge does not read."""
        from embver.measure.retrieval import evaluate
        from embver.measure.strata import Side, StratumItems

        setting = self.setting(bench, items)
        queries = _chosen(items.probe, setting, setting.query, "query")
        documents = _chosen(items.probe, setting, setting.document, "document")
        stratum = StratumItems(
            query_modality=setting.query,
            document_modality=setting.document,
            query_ids=tuple(item.id for item in queries),
            query_pairs=tuple(item.pair for item in queries),
            document_ids=tuple(item.id for item in documents),
            document_pairs=tuple(item.pair for item in documents),
        )
        whole = self.items(bench)
        side = Side(
            query=self._rows(draft, setting.query, "query", whole, queries),
            document=self._rows(draft, setting.document, "document", whole, documents),
        )
        return evaluate(stratum, side, metric=draft.plain["space"]["metric"], metrics=METRICS, draws=draws)

    def documents(self, draft: Draft, modality: str, bench: str) -> Rows:
        """Return the rows of every document of a modality: what a version's file of vectors holds."""
        role = "document" if self.items(bench).probe.rows(modality, "document") else "query"
        return self._vectors(draft, modality, role, self.items(bench))

    def _rows(self, draft: Draft, modality: str, role: str, whole: Items, wanted: list[ProbeItem]) -> Rows:
        """Return the rows of some items; the whole set is encoded, so that a sample costs nothing of its own."""
        vectors = self._vectors(draft, modality, role, whole)
        place = {item.id: n for n, item in enumerate(whole.probe.rows(modality, role))}
        return vectors[[place[item.id] for item in wanted]]

    def _vectors(self, draft: Draft, modality: str, role: str, items: Items) -> Rows:
        plain = self.described(draft)
        encoder, space = plain["encoders"][modality], plain["space"]
        has_prompts = bool(encoder.get("prompts"))
        key = {
            "encoder": {
                name: value for name, value in encoder.items() if name not in ("model", "processor_sha256")
            },
            "space": [space["dimensions"], space["normalized"]],
            "compute": draft.compute,
            "items": items.probe.digest,
            "role": role,
        }
        digest = hashlib.sha256(json.dumps(key, sort_keys=True).encode()).hexdigest()[:24]
        file = self.kit.folder / "vectors" / f"{modality}-{digest}.npy"
        if not file.is_file():
            made = self._encode(draft, modality, role if has_prompts else None, role, items, plain)
            file.parent.mkdir(parents=True, exist_ok=True)
            part = file.with_name(f".{file.name}.{id(made)}.part")
            with part.open("wb") as out:
                np.save(out, made)
            part.replace(file)
            self.encoded += len(made)
        found: Rows = np.load(file)
        return found

    def _encode(
        self,
        draft: Draft,
        modality: str,
        prompted: str | None,
        role: str,
        items: Items,
        plain: dict[str, Any],
    ) -> Rows:
        from embver.actions.inputs import probe_items
        from embver.encode.models import load_encoder
        from embver.encode.runner import encode
        from embver.encode.spec import EncoderSpec

        spec = EncoderSpec.from_plain(
            modality, plain["encoders"][modality], plain["space"], self.folder(draft, modality)
        )
        encoder = load_encoder(spec, device="cpu", threads=1, compute=draft.compute)
        rows: Rows = encode(
            encoder, probe_items(items.probe, items.folder, modality, role), role=prompted
        ).vectors
        return rows

    @cached_property
    def _sets(self) -> dict[str, Items]:
        from benchmarks.planted.case import SAMPLES

        probe = _read(self.kit.data / PROBE)
        pairs = sorted(
            {item["pair"] for item in probe}, key=lambda pair: hashlib.sha256(pair.encode()).digest()
        )
        kept = set(pairs[: self.pairs])
        whole = [item for item in probe if item["pair"] in kept]
        folder = (self.kit.data / PROBE).parent
        found = {ALL: _items(f"probes/{ALL}", folder, whole)}
        many = min(SAMPLE_PAIRS, len(kept) * 2 // 3)
        for number in range(1, SAMPLES + 1):
            order = sorted(kept, key=lambda pair, n=number: hashlib.sha256(f"{n} {pair}".encode()).digest())  # type: ignore[misc]
            drawn = set(order[:many])
            # The documents stay: who is asked varies, and not what is searched.
            part = [item for item in whole if item["pair"] in drawn or "query" not in item["roles"]]
            lain = [{**item, "path": f"../{ALL}/{item['path']}"} if "path" in item else item for item in part]
            found[f"sample-{number}"] = _items(
                f"probes/sample-{number}", folder.parent / f"sample-{number}", lain
            )
        if self.pairs is None:
            file = self.kit.data / MULTILINGUAL
            found[MULTILINGUAL] = _items("benchmarks/emoji-multilingual", file.parent, _read(file))
        return found

    @property
    def sets(self) -> Mapping[str, Items]:
        """Return every set of items that a repository of the suite holds."""
        return self._sets


@cache
def _described(modality: str, folder: Path) -> str:
    return json.dumps(describe_encoders({modality: {}}, {modality: folder})[modality])


def _read(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def _items(uri: str, folder: Path, plain: list[dict[str, Any]]) -> Items:
    text = "".join(f"{json.dumps(item, ensure_ascii=False)}\n" for item in plain)
    return Items(
        probe=parse_items(text.split("\n"), name=uri.rpartition("/")[2]), uri=uri, folder=folder, text=text
    )


def _chosen(items: ProbeSet, setting: BenchmarkSetting, modality: str, role: str) -> list[ProbeItem]:
    wanted = {
        key: {value} if isinstance(value, str) else set(value)
        for key, value in setting.where.get(role, {}).items()
    }
    return [
        item
        for item in items.rows(modality, role)
        if all(item.attributes.get(key) in values for key, values in wanted.items())
    ]
