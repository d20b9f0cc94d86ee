"""The planted-cause suite: six of its cases on a small model, and what its judge lets through."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parent.parent


@pytest.fixture(autouse=True)
def found_from_here(monkeypatch: pytest.MonkeyPatch) -> None:
    """Find the script as `python -m` in the repository's folder does."""
    pytest.importorskip("torch")
    pytest.importorskip(
        "emosvg"
    )  # the demo's own packages: without them there is no encoder to plant causes in
    monkeypatch.syspath_prepend(ROOT)


@pytest.mark.torch
@pytest.mark.lfs
def test_six_cases_are_read_rightly(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    from benchmarks.planted.__main__ import main

    assert main(["--quick", "--processes", "1", "--out", str(tmp_path)]) == 0
    tables = capsys.readouterr().out
    found: list[dict[str, Any]] = json.loads((tmp_path / "findings.json").read_text())
    assert "| **culprit named first by `--ablate`: all** | 4 | 4 | 100.0% | 95%: yes |" in tables
    assert [finding["flaw"] for finding in found] == [None] * 6
    assert all(finding["noise_right"] == finding["noise_steps"] for finding in found)
    named = {finding["case"]: finding["culprit"] for finding in found if finding["kind"] != "noise"}
    assert named["single: lower-casing lost, typed"] == "text.preprocessing[lowercase]"


def test_the_suite_is_as_large_as_it_says() -> None:
    from benchmarks.planted.cases import all_cases

    cases = all_cases()
    assert len({case.name for case in cases}) == len(cases) >= 100
    assert {case.kind for case in cases} == {"single", "helped", "lesser", "interaction", "noise"}
    assert [case.key for case in cases] == [case.key for case in all_cases()]
    for case in cases:
        taken = {change.family for change in case.planted}
        assert not taken & {change.family for change in case.beside}, case.key


def test_signs_by_chance_tell_a_loss_from_none() -> None:
    import numpy as np

    from benchmarks.planted.judge import effect_of

    clusters = np.arange(200)
    fallen = np.where(clusters < 20, -1.0, 0.0)
    assert effect_of(fallen, clusters).is_loss
    assert not effect_of(np.where(clusters < 10, -1.0, np.where(clusters < 20, 1.0, 0.0)), clusters).is_loss
    assert effect_of(np.zeros(200), clusters).p_value == 1.0
    # Twenty queries of one cluster are one piece of evidence.
    assert not effect_of(fallen, np.minimum(clusters, 181) - np.minimum(clusters, 19)).is_loss
