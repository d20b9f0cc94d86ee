"""Contradictions that no schema can see."""

from __future__ import annotations

from typing import Any

import pytest

from embver.problem import Problem, dotted
from embver.sense import check_sense
from sample_card import a_card, edited


def found(plain: dict[str, Any], folder: str | None = None) -> list[tuple[str, str]]:
    return [(flaw.rule, dotted(flaw.where)) for flaw in check_sense(plain, folder=folder)]


def test_a_sound_card_has_no_flaw() -> None:
    assert found(a_card()) == []
    assert found(a_card(), folder="2.1.0") == []
    assert found(edited("version"), folder="next") == []


@pytest.mark.parametrize(
    ("plain", "folder", "rule", "where"),
    [
        (a_card(), "next", "version-in-next", "version"),
        (a_card(), "2.0.0", "version-is-folder", "version"),
        (edited("version"), "2.1.0", "version-is-folder", ""),
        (
            edited("space/served_dimensions/0", 1024),
            None,
            "served-dimension-too-large",
            "space.served_dimensions[0]",
        ),
        (edited("space/metric", "hamming"), None, "metric-against-kind", "space.metric"),
        (
            edited("encoders/text/preprocessing/1/max_length"),
            None,
            "tokenizer-needs-max-length",
            "encoders.text.preprocessing[1]",
        ),
        (edited("artifacts/0/modality", "audio"), None, "modality-without-encoder", "artifacts[0].modality"),
        (edited("artifacts/0/path", "/etc/passwd"), None, "artifact-path", "artifacts[0].path"),
        (
            edited("artifacts/0/path", "../1.0.0/image.safetensors"),
            None,
            "artifact-path",
            "artifacts[0].path",
        ),
        (edited("artifacts/0/path", "a/../../b"), None, "artifact-path", "artifacts[0].path"),
        (edited("artifacts/0/path", ".git/config"), None, "artifact-path", "artifacts[0].path"),
        (edited("artifacts/0/path", "a\\b"), None, "artifact-path", "artifacts[0].path"),
        (edited("artifacts/1/path", "image.safetensors"), None, "artifact-twice", "artifacts[1].path"),
        (
            edited("benchmarks/0/metrics/0/value", 56.3),
            None,
            "metric-range",
            "benchmarks[0].metrics[0].value",
        ),
        (
            edited("benchmarks/0/metrics/1/value", 0.5),
            None,
            "interval-holds-value",
            "benchmarks[0].metrics[1].ci",
        ),
    ],
)
def test_each_contradiction(plain: dict[str, Any], folder: str | None, rule: str, where: str) -> None:
    assert found(plain, folder) == [(rule, where)]


@pytest.mark.parametrize(
    "plain",
    [
        edited("benchmarks/0/metrics/0", {"key": "latency", "value": 12.5, "unit": "ms"}),
        edited("benchmarks/0/metrics/0", {"key": "ndcg@10", "value": None}),
        edited("artifacts/0/modality"),
        edited("artifacts"),
        edited("benchmarks", None),
        edited("space", {"dimensions": 8, "metric": "hamming", "normalized": False, "kind": "binary"}),
    ],
)
def test_what_is_allowed(plain: dict[str, Any]) -> None:
    assert found(plain) == []


def test_all_flaws_at_once() -> None:
    plain = edited("artifacts/0/path", "/etc/passwd", card=edited("space/metric", "hamming"))
    assert [rule for rule, _ in found(plain, "next")] == [
        "version-in-next",
        "metric-against-kind",
        "artifact-path",
    ]


def test_problems_sort_by_place_and_say_what_to_do() -> None:
    late = Problem(path="b.yaml", line=1, column=1, rule="r", message="m")
    early = Problem(
        path="a.yaml", line=9, column=3, rule="metric-range", message="too much", hint="unit: percent"
    )
    assert sorted([late, early]) == [early, late]
    assert early.format() == "a.yaml:9:3: too much [metric-range] -> unit: percent"
    assert list(early.to_plain()) == ["path", "line", "column", "rule", "message", "hint"]
