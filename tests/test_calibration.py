"""The calibration's script: three rungs whose verdicts are plain, what it keeps, and how it counts errors."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

ROOT = Path(__file__).resolve().parent.parent


@pytest.fixture(autouse=True)
def found_from_here(monkeypatch: pytest.MonkeyPatch) -> None:
    """Find the script as `python -m` in the repository's folder does."""
    pytest.importorskip("torch")
    pytest.importorskip("emosvg")  # the demo's own packages: without them there is no encoder to calibrate on
    monkeypatch.syspath_prepend(ROOT)


@pytest.mark.torch
def test_three_rungs_get_their_plain_verdicts_and_are_kept(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    from benchmarks.calibration.__main__ import main

    assert main(["--ladder", "tiny", "--out", str(tmp_path)]) == 0
    tables = capsys.readouterr().out
    assert (
        "| 256 | 1 | 0 (0.0 %) | 95.0 % of 1 changes | 2 | 0 (0.0 %) | 77.6 % of 2 changes | 0 (0.0 %) |"
        in tables
    )

    found = {rung["key"]: rung for rung in json.loads((tmp_path / "tiny.json").read_text())["findings"]}
    said = {key: rung["draws"][0]["probes"]["256"]["verdicts"]["the rule"] for key, rung in found.items()}
    assert said["turn-both-0.8"] == "incompatible"
    assert said["batch-16"] in ("identical", "equivalent")
    assert said["plain-2"] in ("identical", "equivalent")
    turned = found["turn-both-0.8"]["draws"][0]
    assert turned["truth"] == "breaks"
    # Turned together, both towers find among themselves what they found before: no measure of one version sees it.
    assert turned["probes"]["256"]["single"]["R_nn"] > 0.99
    assert turned["lost"]["text -> image"]["states"]["nn"] == pytest.approx(0.0, abs=0.01)

    assert main(["--ladder", "tiny", "--out", str(tmp_path)]) == 0
    again = capsys.readouterr()
    assert again.out == tables
    assert "vectors:" not in again.err
    assert "tried:" not in again.err


def made_up(folder: Path, *, noise: float) -> tuple[Any, dict[str, Any]]:
    """Return 300 items with vectors of 32 dimensions in every style and wording, and their population."""
    from benchmarks.calibration.geometry import BOTH, unit
    from benchmarks.calibration.population import Population

    names = tuple(f"name {number}" for number in range(300))
    rng = np.random.default_rng(0)
    middle = rng.standard_normal((300, 32))
    rows = {
        modality: unit(np.concatenate([middle + noise * rng.standard_normal((300, 32)) for _ in range(2)]))
        for modality in BOTH
    }
    return Population(codes=names, names=names, typed=names, folder=folder), rows


def test_the_truth_is_what_queries_lose_in_the_worst_state(tmp_path: Path) -> None:
    from benchmarks.calibration.geometry import changed, rotated
    from benchmarks.calibration.truth import live_indexes, losses, overall

    population, rows = made_up(tmp_path, noise=0.4)
    held_out = np.arange(100)
    same = losses(live_indexes(population, rows, dict(rows)), held_out)
    assert overall(same) == "holds"
    assert {loss.loss for loss in same.values()} == {0.0}
    assert {loss.before for loss in same.values()} == {1.0}
    turned = losses(live_indexes(population, rows, changed(rows, rotated(1.2))), held_out)
    assert overall(turned) == "breaks"
    worst = turned["text", "image"]
    assert worst.state not in ("oo", "nn")
    assert worst.low <= worst.loss <= worst.high
    assert worst.states["nn"] == 0.0
    shorter = {modality: each[:, :16] for modality, each in rows.items()}
    assert overall(losses(live_indexes(population, rows, shorter), held_out)) == "breaks"


def test_the_truth_and_the_measures_count_the_same_hits(tmp_path: Path) -> None:
    from benchmarks.calibration.geometry import changed, rotated
    from benchmarks.calibration.population import STRATA, Probe, side, stratum
    from benchmarks.calibration.truth import live_indexes
    from embver.measure import Rule, measure_stratum

    population, old = made_up(tmp_path, noise=1.0)
    new = changed(old, rotated(0.5))
    live = live_indexes(population, old, new)
    probe = Probe(name="all", emoji=300)
    for query, document in STRATA:
        items, asked, found = stratum(population, probe, np.arange(300), query, document)
        sides = {"old": side(old, items, asked, found), "new": side(new, items, asked, found)}
        labelled = measure_stratum(items, **sides, metric="cosine", rule=Rule()).labelled
        assert labelled is not None
        hits = live[query, document].hits
        for cell, state in (("old_old", "oo"), ("new_old", "no"), ("old_new", "on"), ("new_new", "nn")):
            assert labelled.hits[cell].value == pytest.approx(hits[state].mean(), abs=1e-9), (document, cell)
        assert labelled.hits["new_old"].value < labelled.hits["old_old"].value - 0.02


def test_bfloat16_rounds_as_torch_does() -> None:
    import torch

    from benchmarks.calibration.geometry import brain

    rows = np.random.default_rng(0).standard_normal((50, 7)).astype(np.float32)
    assert np.array_equal(brain(rows), torch.from_numpy(rows).bfloat16().float().numpy())


def test_a_rotation_keeps_what_lies_within_and_moves_each_row_by_its_angle() -> None:
    from benchmarks.calibration.geometry import rotated, unit

    rows = unit(np.random.default_rng(0).standard_normal((20, 8)).astype(np.float32))
    turned = rotated(0.3)(rows)
    assert np.allclose(turned @ turned.T, rows @ rows.T, atol=1e-5)
    assert np.allclose((turned * rows).sum(axis=1), np.cos(0.3), atol=1e-5)


def a_finding(truth: str, verdict: str) -> dict[str, Any]:
    from benchmarks.calibration.judging import VARIANTS

    lost = {"loss": 0.0, "low": 0.0, "high": 0.0, "flips": 0.0, "states": {}, "truth": truth}
    numbers = {"recall_new_old": 1.0, "recall_mixed": 1.0, "share_bias": 0.0, "flips": 0.0}
    judged = {
        "verdicts": dict.fromkeys(VARIANTS, verdict),
        "strata": {"text -> image": numbers | {"verdict": verdict}},
        "single": {"R_nn": 1.0, "R_no": 1.0, "paired cosine": 1.0, "CKA": 1.0, "benchmark, all new": 0.0},
    }
    found = {"truth": truth, "lost": {"text -> image": lost}}
    return {
        "key": f"{truth}-{verdict}",
        "kind": "made up",
        "title": f"{truth}, said {verdict}",
        "draws": [found | {"probes": {"256": judged}}],
        "all": found,
    }


def test_errors_are_counted_by_what_is_true() -> None:
    from benchmarks.calibration.report import report

    findings = [
        a_finding("breaks", "compatible"),
        a_finding("breaks", "inconclusive"),
        a_finding("breaks", "incompatible"),
        a_finding("breaks", "bridgeable"),
        a_finding("holds", "incompatible"),
        a_finding("holds", "equivalent"),
        a_finding("unclear", "compatible"),
        a_finding("unclear", "incompatible"),
    ]
    tables = report(findings)
    counted = (
        "| 256 | 4 | 1 (25.0 %) | 75.1 % of 4 changes | 2 | 1 (50.0 %) | 97.5 % of 2 changes | 1 (12.5 %) |"
    )
    assert counted in tables
    assert "| 256 | 1 | 1 | 2 | 1 | 0 | 1 | 1 | 0 | 1 |" in tables
    assert "| 256 | false accept | made up | breaks, said compatible | 1 |" in tables
    assert "| 256 | false refusal | made up | holds, said incompatible | 1 |" in tables
    # R_nn says 1.0 of everything here, so at its usual threshold it accepts all that breaks.
    assert "| R_nn >= 0.950 (usual) | 4 (100.0 %) | 0 (0.0 %) |" in tables
