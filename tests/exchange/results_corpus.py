"""Result files of every shape that the census of published ones found: MTEB 0.x to 2.x, in more than 200 cases.

Made here and not copied: what differs is the generation, the kind of task, splits and subsets, versions (null, ranges,
a row's own), NaN and infinity, lists of experiments, dates and phases, and how the text is written.
"""

from __future__ import annotations

import itertools
import json
import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

MODEL, REVISION = "example__clip-shop", "3d74acf9a28c67741b2f4f2ea7635f0aaf6f0268"
SHA = "6984df6bd4380034e7766d9a992d8907df363efb"
NAN, INFINITY = float("nan"), float("inf")


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """One result file; `plain` is what its text says."""

    name: str
    plain: dict[str, Any]
    data: bytes


# What the tasks are called whose numbers a kind of result has: MTEB's own names, since MTEB itself reads the cases.
TASKS = {
    "retrieval 1.x": ("ArguAna", "ndcg_at_10"),
    "retrieval 2.x": ("SciFact", "ndcg_at_10"),
    "images 1.x": ("Flickr30kI2TRetrieval", "ndcg_at_10"),
    "classification": ("Banking77Classification", "accuracy"),
    "sts": ("STS12", "cosine_spearman"),
    "clustering": ("TwentyNewsgroupsClustering", "v_measure"),
    "pairs": ("SprintDuplicateQuestions", "max_ap"),
    "reranking": ("AskUbuntuDupQuestions", "map"),
    "summarization": ("SummEval", "cosine_spearman"),
}
CUTS = (1, 5, 10, 100)


def numbers(kind: str, score: float, flaw: float | None = None) -> dict[str, Any]:
    """Return the numbers of one row; `flaw` stands where published files have NaN and infinity."""
    if kind.startswith(("retrieval", "images")):
        hit = "hit_rate" if kind.endswith("2.x") else "cv_recall"
        names = ("ndcg", "map", "recall", "precision", "mrr", hit)
        row: dict[str, Any] = {f"{n}_at_{k}": round(score - k / 1000, 5) for n in names for k in CUTS}
        row["ndcg_at_10"] = score
        row |= (
            {f"nauc_{n}_at_1_{part}": flaw for n in ("ndcg", hit) for part in ("max", "std")}
            if flaw is not None
            else {}
        )
        return row | ({"accuracy": row["recall_at_1"]} if kind.endswith("2.x") else {})
    if kind == "classification":
        each = [{"accuracy": score + delta, "f1": score - 0.1} for delta in (-0.02, 0.0, 0.02)]
        return {"accuracy": score, "f1": score - 0.1, "ap": flaw, "scores_per_experiment": each}
    if kind == "clustering":
        return {
            "v_measure": score,
            "v_measure_std": 0.02,
            "v_measures": {"Level 0": [score - 0.01, score + 0.01]},
        }
    if kind == "pairs":
        return {
            "similarity_ap": score - 0.01,
            "cosine_ap": score - 0.02,
            "max_ap": score,
            "max_f1": score - 0.2,
        }
    if kind == "reranking":
        return {"map": score, "mrr": score + 0.05, "nAUC_map_max": flaw if flaw is not None else 0.1}
    return {"cosine_spearman": score, "cosine_pearson": -0.2, "spearman": score, "p": flaw}


def modern() -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield results of since 1.11."""
    versions = ("1.14.15", "2.16.2", None, "2.12.16-2.15.4", "1.12.0.dev1")
    shapes = ((("test", ("default",)),), (("test", ("en", "de", "fr")),),
              (("dev", ("default",)), ("test", ("default",))), (("validation", ("en-de",)), ("test", ("en-de", "de-en"))))  # fmt: skip
    flaws = (None, NAN, -INFINITY)
    for number, (kind, version, shape) in enumerate(itertools.product(TASKS, versions, shapes)):
        task, main = TASKS[kind]
        flaw = flaws[number % 3]
        scores: dict[str, list[dict[str, Any]]] = {}
        for split, subsets in shape:
            scores[split] = []
            for order, subset in enumerate(subsets):
                score = round(0.31 + number / 1000 + order / 50, 6)
                row = numbers(kind, score, flaw)
                if number % 17 == 3:
                    row["main_score"] = NAN
                    row[main] = NAN
                else:
                    row["main_score"] = score
                row |= {
                    "hf_subset": subset,
                    "languages": ["eng-Latn"] if subset == "default" else ["eng-Latn", "deu-Latn"],
                }
                if version and version.startswith("2.16"):
                    row["mteb_version"] = version if order == 0 else "2.15.4"
                scores[split].append(row)
        plain: dict[str, Any] = {"dataset_revision": SHA if number % 2 else "external", "task_name": task}
        plain |= {
            "mteb_version": version,
            "scores": scores,
            "evaluation_time": None if number % 7 == 0 else 7.991730690002441,
        }
        if number % 10 != 9:
            plain["kg_co2_emissions"] = None if number % 3 else 0.0021
        if number % 4 == 1:
            plain["date"] = 1782923623.04
        if number % 8 == 1:
            phases = [{"name": "Encoding", "start": 0.88, "end": 2.87, "split": "test", "subset": "default"}]
            plain["evaluation_phases"] = phases
        yield f"modern {kind} {version} {len(shape)} splits {number}", plain


def legacy() -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield results of before 1.11: splits beside `mteb_dataset_name`, some without version or revision."""
    heads: tuple[dict[str, Any], ...] = (
        {"dataset_revision": SHA, "mteb_version": "1.0.3"},
        {"dataset_revision": None, "mteb_version": "0.0.2"},
        {"mteb_version": "1.1.2.dev0"},
        {},
    )
    for number, (head, kind) in enumerate(
        itertools.product(heads, ("classification", "sts", "clustering", "subsets", "pairs"))
    ):
        score = round(0.4 + number / 100, 4)
        split: dict[str, Any]
        if kind == "sts":
            task = "STS12"
            both = {"pearson": score - 0.1, "spearman": score}
            split = {"cos_sim": both, "manhattan": both, "euclidean": both, "evaluation_time": 1.57}
        elif kind == "pairs":
            task = "SprintDuplicateQuestions"
            split = {
                "cos_sim": {"ap": score, "f1": NAN},
                "dot": {"ap": 0.3},
                "max": {"ap": score},
                "evaluation_time": 2,
            }
        elif kind == "clustering":
            task = "TwentyNewsgroupsClustering"
            split = {"v_measure": score, "v_measure_std": 0.01, "evaluation_time": 99.5}
        elif kind == "subsets":
            task = "MassiveIntentClassification"
            split = {
                name: {"accuracy": score - n / 50, "f1": 0.2, "main_score": score - n / 50}
                for n, name in enumerate(("en", "de", "zh-CN"))
            }
            split["evaluation_time"] = 12
        else:
            task = "Banking77Classification"
            split = {"accuracy": score, "accuracy_stderr": 0.01, "main_score": score, "evaluation_time": 3.25}
        plain = {**head, "mteb_dataset_name": task, "test": split}
        yield f"legacy {kind} {number}", plain if number % 2 else {"validation": split, **plain}


WAYS = (
    lambda plain: json.dumps(plain, indent=2).encode(),
    lambda plain: json.dumps(plain).encode() + b"\n",
    lambda plain: json.dumps(plain, indent=4, sort_keys=True, ensure_ascii=False).encode(),
    lambda plain: b"\xef\xbb\xbf" + json.dumps(plain, separators=(",", ":")).encode(),
    lambda plain: json.dumps(plain, indent=2).replace("\n", "\r\n").encode(),
)


def cases() -> list[Case]:
    """Return all cases; their text is written in five ways."""
    found = []
    for number, (name, plain) in enumerate(itertools.chain(modern(), legacy())):
        found.append(Case(name=name, plain=plain, data=WAYS[number % len(WAYS)](plain)))
    return found


def same(one: Any, other: Any) -> bool:
    """Tell whether two documents are equal, where NaN is equal to itself."""
    if isinstance(one, float) and isinstance(other, float):
        return one == other or (math.isnan(one) and math.isnan(other))
    if isinstance(one, dict) and isinstance(other, dict):
        return one.keys() == other.keys() and all(same(one[key], other[key]) for key in one)
    if isinstance(one, list) and isinstance(other, list):
        return len(one) == len(other) and all(map(same, one, other))
    return type(one) is type(other) and bool(one == other)
