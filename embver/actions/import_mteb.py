"""Take benchmark results of MTEB and MIEB into a card: a result file, or the folder of one model."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from embver.actions.importing import ImportRequest
from embver.actions.result_identity import encoders_of, identity_warnings
from embver.actions.workspace import Workspace
from embver.intake import Intake

OPTIONS: Final[Mapping[str, str]] = {
    "tasks": "take these tasks only: tasks=Flickr30kI2TRetrieval,STS12",
    "split": "take these splits only: split=test",
    "subsets": "one record a subset and no mean over them: subsets=all, or subsets=en,de",
    "metrics": "headline (main score, ndcg@10, hit@ and recall@), main, all, or keys: metrics=map_at_10,mrr_at_10",
    "model": "which model's results, where a folder holds several: model=ORG/NAME@REVISION",
    "experiment": "take this variant of the run, from experiments/",
    "raw": "always: keep result files even where they name people or places; never: keep none",
}


def read(work: Workspace, request: ImportRequest) -> Intake:
    """Read the results; AbsentError or MalformedError where that cannot be done."""
    from embver.exchange.mteb_folder import read_results
    from embver.exchange.mteb_intake import intake_of
    from embver.exchange.mteb_records import Choice

    options = request.options
    results = read_results(
        request.folder / request.reference,
        request.reference,
        model=options.get("model"),
        experiment=options.get("experiment"),
    )
    choice = Choice(
        tasks=_names(options.get("tasks")),
        splits=_names(options.get("split")),
        subsets=_names(options.get("subsets")),
        metrics=_names(options.get("metrics")) or frozenset({"headline"}),
    )
    encoders = encoders_of(work, request.into)
    warnings = identity_warnings(encoders, results.model.name, results.model.revision)
    return intake_of(results, choice, raw=options.get("raw", ""), warnings=warnings)


def _names(text: str | None) -> frozenset[str] | None:
    names = frozenset(name.strip() for name in (text or "").split(",") if name.strip())
    return names or None
