"""The two ends of an experiment: the versions with their models, and the benchmark that both were asked."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any

from embver.actions.current import current_cards
from embver.actions.reencode_inputs import find_model, folder_of_commit
from embver.actions.workspace import ITEMS, Source, Workspace
from embver.card import Benchmark, Card
from embver.comparability import not_comparable
from embver.errors import EmbverError, UsageError
from embver.probe import ProbeItem, ProbeSet, parse_items

if TYPE_CHECKING:
    from embver.encode.spec import Item
    from embver.measure.strata import StratumItems


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class End:
    """One version: its card, the folder of each encoder's model, or why it is not here.

    `compute` and `dtype` are what its stored probe vectors were computed and are kept in; the benchmark is asked of
    those where `is_probe`, else in float32.
    """

    source: Source
    card: Card
    folders: Mapping[str, Path]
    missing: Mapping[str, str]
    is_probe: bool
    compute: str
    dtype: str

    @property
    def reference(self) -> str:
        """Return NAME@VERSION."""
        return self.source.reference


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Question:
    """What both versions were asked: the items by role, and the score; `queries` are those that are asked here."""

    benchmark: str
    metric: str
    higher_is_better: bool
    items: ProbeSet
    folder: Path
    queries: tuple[ProbeItem, ...]
    documents: tuple[ProbeItem, ...]
    queries_in_all: int
    recorded: tuple[float, float]  # the cards' numbers, before and after

    @property
    def sides(self) -> tuple[tuple[str, str], ...]:
        """Return (modality, role) of the queries and of the documents."""
        return ((self.queries[0].modality, "query"), (self.documents[0].modality, "document"))

    @property
    def modalities(self) -> tuple[str, ...]:
        """Return the modalities that take part."""
        return tuple(dict.fromkeys(modality for modality, _ in self.sides))

    def chosen(self, role: str) -> tuple[ProbeItem, ...]:
        """Return the items of a role, in id order."""
        return self.queries if role == "query" else self.documents

    def inputs(self, role: str) -> tuple[Item, ...]:
        """Return what to encode of a role; raise EncodeError for a file that is missing or changed."""
        from embver.actions.inputs import probe_items

        part = ProbeSet(name=self.items.name, items=self.chosen(role))
        modality = {role: modality for modality, role in self.sides}[role]
        return probe_items(part, self.folder, modality, role)

    def stratum(self) -> StratumItems:
        """Return who is asked and who may be found."""
        from embver.measure.strata import StratumItems

        return StratumItems(
            query_modality=self.sides[0][0],
            document_modality=self.sides[1][0],
            query_ids=tuple(item.id for item in self.queries),
            query_pairs=tuple(item.pair for item in self.queries),
            document_ids=tuple(item.id for item in self.documents),
            document_pairs=tuple(item.pair for item in self.documents),
        )


def card_of(work: Workspace, source: Source) -> Card:
    """Return a version's card with what grew after its release."""
    return work.card(source) if source.release is None else next(current_cards(work, [source.release]))


def open_end(work: Workspace, source: Source, card: Card, question: Question, scratch: Path) -> End:
    """Return a version with the models of the modalities that take part, put together below `scratch` if need be."""
    folders: dict[str, Path] = {}
    missing: dict[str, str] = {}
    for modality in question.modalities:
        found = find_model(work, source, card, modality, scratch)
        if isinstance(found, str):
            why = found.removeprefix(f"the model of encoders.{modality} is not here: ")
            missing[modality] = f"{_weights_words(card.encoders[modality])}{why}"
        else:
            folders[modality] = found
    precision = (card.plain.get("encode") or {}).get("precision") or {}
    return End(
        source=source,
        card=card,
        folders=folders,
        missing=missing,
        is_probe=card.probe is not None and card.probe.probe_digest == question.items.digest,
        compute=str(precision.get("compute") or "float32"),
        dtype=card.space.dtype,
    )


def _weights_words(encoder: Mapping[str, Any]) -> str:
    weights = [f"{each['path']} sha256:{each['sha256']}" for each in encoder.get("weights") or ()]
    return f"{', '.join(weights)}: " if weights else ""


def read_question(
    work: Workspace,
    sources: tuple[Source, Source],
    cards: tuple[Card, Card],
    *,
    benchmark: str | None,
    metric: str,
    scratch: Path,
) -> Question:
    """Return what both versions were asked, its items read where they lie; raise UsageError where they were not."""
    old, new = _both(sources, cards, benchmark, metric)
    record = new.plain
    _check_comparable(sources, old, new, metric)
    numbers = old.metric(metric), new.metric(metric)
    assert numbers[0] is not None
    assert numbers[1] is not None
    if numbers[0].value is None or numbers[1].value is None:
        silent = sources[0 if numbers[0].value is None else 1].reference
        raise UsageError(
            f"{silent} gives no number for {metric} of {new.id}", hint=f"embver trace {sources[1].reference}"
        )
    items, folder = _items(work, sources, new, scratch)
    category = str((record.get("task") or {}).get("category") or "")
    where = (record.get("protocol") or {}).get("where") or {}
    queries = _chosen(items, category[:1], "query", where.get("query") or {})
    documents = _chosen(items, category[-1:], "document", where.get("document") or {})
    if not queries or not documents:
        raise UsageError(
            f"benchmark {new.id}: {items.name} holds no {category or 'such'} queries or documents"
        )
    for source, card in zip(sources, cards, strict=True):
        for modality in dict.fromkeys((queries[0].modality, documents[0].modality)):
            if modality not in card.encoders:
                raise UsageError(f"{source.reference} has no encoder of {modality}s")
    return Question(
        benchmark=new.id,
        metric=metric,
        higher_is_better=numbers[1].higher_is_better,
        items=items,
        folder=folder,
        queries=queries,
        documents=documents,
        queries_in_all=len(queries),
        recorded=(numbers[0].value, numbers[1].value),
    )


def _both(
    sources: tuple[Source, Source], cards: tuple[Card, Card], benchmark: str | None, metric: str
) -> tuple[Benchmark, Benchmark]:
    """Return the benchmark's record of both versions; of several with the metric, the one it is the main metric of."""
    old, new = ({entry.id: entry for entry in card.benchmarks} for card in cards)
    named = [benchmark] if benchmark else [name for name in new if name in old]
    having = [
        name
        for name in named
        if name in old and name in new and old[name].metric(metric) and new[name].metric(metric)
    ]
    if not having:
        asked = f"benchmark {benchmark} with {metric}" if benchmark else f"a benchmark with {metric}"
        raise UsageError(
            f"{sources[0].reference} and {sources[1].reference} do not both have {asked}",
            hint=f"embver trace {cards[1].name} --metric {metric}",
        )
    main = [name for name in having if (found := new[name].metric(metric)) is not None and found.is_main]
    chosen = (main or having)[0]
    return old[chosen], new[chosen]


def _check_comparable(sources: tuple[Source, Source], old: Benchmark, new: Benchmark, metric: str) -> None:
    """Raise UsageError for numbers that are not comparable, or that another harness made."""
    why = not_comparable(old, new, metric)
    if why is not None:
        raise UsageError(
            f"{metric} of benchmark {new.id} is not comparable between {sources[0].reference} and "
            f"{sources[1].reference}: {why}"
        )
    if (new.plain.get("harness") or {}).get("name") != "embver":
        raise UsageError(
            f"benchmark {new.id} was not run by `embver bench`: what it encodes is not known here",
            hint="embver.toml: a [[benchmark]] of your own on the same items, then embver bench",
        )


def _chosen(items: ProbeSet, letter: str, role: str, where: Mapping[str, Any]) -> tuple[ProbeItem, ...]:
    modality = next((each for each in items.modalities if each[:1] == letter), "")
    wanted = {key: {value} if isinstance(value, str) else set(value) for key, value in where.items()}
    return tuple(
        item
        for item in items.rows(modality, role)
        if all(item.attributes.get(key) in values for key, values in wanted.items())
    )


def _items(
    work: Workspace, sources: tuple[Source, Source], benchmark: Benchmark, scratch: Path
) -> tuple[ProbeSet, Path]:
    """Return a benchmark's items and their folder: of the work tree, or put together as a version's commit has it."""
    dataset = benchmark.plain.get("dataset") or {}
    uri, digest = str(dataset.get("uri") or ""), f"sha256:{dataset.get('sha256')}"
    if not uri:
        raise UsageError(f"benchmark {benchmark.id}: its record does not say where its items are")
    reasons = []
    for source in (None, sources[1], sources[0]):
        if source is None:
            folder, where = work.path(uri), "the work tree"
        elif source.revision is None:
            continue
        else:
            place = PurePosixPath(uri)
            within = str(place.parent) if place.suffix else uri
            made = folder_of_commit(work, source.revision, within, scratch / source.revision[:12] / within)
            where = source.reference
            if isinstance(made, str):
                reasons.append(made)
                continue
            folder = made / place.name if place.suffix else made
        found = _read_items(folder, reasons, where)
        if found is not None and found[0].digest == digest:
            return found
        if found is not None:
            reasons.append(f"{uri} of {where} holds other items ({found[0].digest})")
    raise UsageError(
        f"the items of benchmark {benchmark.id} ({digest}) are not here: {'; '.join(reasons)}",
        hint=f"git fetch, or git lfs pull --include '{uri}/**'",
    )


def _read_items(folder: Path, reasons: list[str], where: str) -> tuple[ProbeSet, Path] | None:
    file = folder / ITEMS if folder.is_dir() else folder
    try:
        lines = file.read_text(encoding="utf-8").split("\n")
        return parse_items(lines, name=file.parent.name), file.parent
    except (OSError, ValueError, EmbverError) as error:
        said = "does not exist" if isinstance(error, FileNotFoundError) else str(error)
        reasons.append(f"{file.name} of {where}: {said}")
        return None
