"""What a card may say of measurements on prefixes, on a common part of two probe sets, and of what is gone."""

from __future__ import annotations

from typing import Any

import pytest

from embver.sense_files import check_files
from embver.sense_records import check_records

ONE, TWO, COMMON = (f"sha256:{sign * 64}" for sign in "abc")


def card(**record: Any) -> dict[str, Any]:
    strata = record.pop("strata", [])
    return {
        "name": "products",
        "encoders": {"text": {}, "image": {}},
        "artifacts": [
            {
                "path": "probe.safetensors",
                "role": "probe",
                "sha256": "a" * 64,
                "size_bytes": 9,
                "probe": {"digest": ONE},
            }
        ],
        "compatibility": [{"against": "products@1.0.0", **record, "strata": strata}],
    }


def stratum(**more: Any) -> dict[str, Any]:
    return {"query": "text", "document": "image", "verdict": "compatible", "n": 300, **more}


def rules(plain: dict[str, Any]) -> set[str]:
    return {flaw.rule for flaw in check_records(plain)}


def test_each_prefix_is_a_stratum_of_its_own() -> None:
    assert rules(card(strata=[stratum(), stratum(dimensions=256), stratum(dimensions=128)])) == set()
    assert rules(card(strata=[stratum(dimensions=256), stratum(dimensions=256)])) == {"stratum-twice"}


def test_a_modality_that_is_gone_is_recorded_and_was_not_measured() -> None:
    gone = stratum(document="audio", n=0, verdict="incompatible")
    assert rules(card(strata=[gone])) == set()
    assert rules(card(strata=[{**gone, "n": 5}])) == {"modality-without-encoder"}


@pytest.mark.parametrize(
    ("record", "found"),
    [
        ({"probe": ONE}, set()),
        ({"probe": TWO}, {"probe-differs"}),
        ({"probe": COMMON, "sets": {"old": TWO, "new": ONE}}, set()),
        ({"probe": COMMON, "sets": {"old": ONE, "new": TWO}}, {"probe-differs"}),
    ],
)
def test_a_common_part_is_held_against_this_versions_own_set(record: dict[str, Any], found: set[str]) -> None:
    flaws = {flaw.rule for flaw in check_files(card(**record))}
    assert flaws & {"probe-differs"} == found
