"""A repository's own rules: what they change of a level, and what they cannot."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from embver.diff import Kind, compare
from embver.levels import Level, Verdict
from embver.paths import parse_path
from embver.policy import Judgement, Measured, as_released, explain, judge
from embver.presumption import OwnRule, Strength
from embver.rules import TABLE
from sample_card import a_card, edited

SAFE = [verdict for verdict in Verdict if verdict.is_safe]


def own(path: str, level: Level, why: str = "we say so", **more: Any) -> OwnRule:
    return OwnRule(path=parse_path(path), level=level, why=why, place="embver.toml:3", **more)


def judged(after: dict[str, Any], *rules: OwnRule, verdict: Verdict | None = None) -> Judgement:
    measured = (Measured(against="products@2.0.0", verdict=verdict),) if verdict else ()
    return judge(compare(a_card(), after), measured, rules)


DATA = edited("training/data/-", {"name": "openmoji"})
SEED = edited("training/hyperparameters/seed", 8)


def test_a_rule_raises_and_says_whose_it_is() -> None:
    judgement = judged(
        DATA, own("training.data", Level.MAJOR, "partners re-index"), verdict=Verdict.EQUIVALENT
    )
    assert judgement.level is Level.MAJOR
    (reason,) = judgement.reasons
    assert reason.why == "partners re-index (this repository's rule; embver presumes MINOR)"
    assert reason.to_plain()["presumption"] == "own"


@pytest.mark.parametrize("verdict", SAFE)
def test_no_measurement_lowers_a_rule(verdict: Verdict) -> None:
    after = edited("encode/seed", 8)
    assert judged(after, own("encode", Level.MINOR), verdict=verdict).level is Level.MINOR
    assert judged(after, verdict=verdict).level <= Level.PATCH


@pytest.mark.parametrize("verdict", [Verdict.INCOMPATIBLE, Verdict.BRIDGEABLE, Verdict.INCONCLUSIVE])
def test_a_measurement_that_fails_outweighs_a_rule(verdict: Verdict) -> None:
    assert judged(DATA, own("training.data", Level.PATCH), verdict=verdict).level is Level.MAJOR


def test_a_rule_lowers_with_its_written_reason() -> None:
    rule = own("training.hyperparameters.seed", Level.PATCH, "the seed is that of a shuffle")
    for verdict in SAFE:
        judgement = judged(SEED, rule, verdict=verdict)
        assert (judgement.level, judgement.needs_reason) == (Level.PATCH, None)
    assert judgement.reasons[0].why == (
        "the seed is that of a shuffle (this repository's rule; embver presumes MAJOR)"
    )
    assert judged(SEED, rule).needs_reason == "nothing was measured: the versions share no probe set"


def test_a_soft_major_beside_a_raised_field_does_not_lower_it() -> None:
    after = edited("training/data/-", {"name": "openmoji"}, card=SEED)
    judgement = judged(after, own("training.data", Level.MAJOR), verdict=Verdict.EQUIVALENT)
    assert judgement.level is Level.MAJOR
    assert [reason.path for reason in judgement.reasons] == [
        "training.data[openmoji]",
        "training.hyperparameters.seed",
    ]


def test_a_hard_major_stands_whatever_a_rule_says() -> None:
    for level in Level:
        (reason,) = explain(compare(a_card(), edited("space/dimensions", 256)), (own("space", level),))
        assert (reason.level, reason.strength) == (Level.MAJOR, Strength.HARD)


def test_what_is_not_encoded_yet_is_no_change_for_a_rule_either() -> None:
    after = a_card()
    for section in ("encode", "artifacts", "fingerprint"):
        del after[section]
    rules = tuple(own(section, Level.MAJOR) for section in ("encode", "artifacts", "fingerprint"))
    assert judged(after, *rules).level is Level.NONE


def test_the_first_rule_that_fits_decides_by_kind_of_change() -> None:
    rules = (own("training.data", Level.PATCH, kinds=(Kind.ADDED,)), own("training.data[*]", Level.MAJOR))
    assert judged(DATA, *rules).level is Level.PATCH
    assert judged(edited("training/data/0/rows", 9), *rules).level is Level.MAJOR


def test_rules_reach_what_the_table_calls_words() -> None:
    after = edited("extra", {"example.org": {"codebook": 2}})
    assert judged(after).level is Level.NONE
    assert judged(after, own("extra.example.org.codebook", Level.NONE)).level is Level.NONE
    assert judged(after, own("extra", Level.MAJOR)).level is Level.MAJOR


def test_which_rows_a_rule_would_lower() -> None:
    hard = {row.path: row for row in TABLE if row.strength is Strength.HARD}
    removed = hard["encoders.*.languages[*]"]
    assert own("encoders.text", Level.MINOR).may_lower(removed)
    assert own("encoders.*.languages[de]", Level.NONE).may_lower(removed)
    assert not own("encoders.*.languages", Level.PATCH, kinds=(Kind.ADDED,)).may_lower(removed)
    assert not own("encoders.*.languages", Level.MAJOR).may_lower(removed)
    assert not own("encoders.*.pooling", Level.NONE).may_lower(removed)


EDITS = [DATA, SEED, edited("title", "x"), edited("encode/seed", 1), edited("space/dimensions", 8)]


@given(
    st.sampled_from(EDITS),
    st.sampled_from(["training", "training.data", "space", "encode", "title", "encoders"]),
    st.sampled_from(list(Level)),
    st.sampled_from([None, *Verdict]),
)
def test_no_rule_lowers_what_is_hard_or_was_measured_to_break(
    after: dict[str, Any], path: str, level: Level, verdict: Verdict | None
) -> None:
    judgement, without = judged(after, own(path, level), verdict=verdict), judged(after, verdict=verdict)
    if without.floor is Level.MAJOR or verdict is Verdict.INCONCLUSIVE:
        assert (judgement.level, judgement.floor) == (Level.MAJOR, without.floor)
    assert judgement.floor == without.floor


def test_a_release_is_read_with_the_reasons_that_counted_then() -> None:
    reasons = explain(compare(a_card(), edited("encode/seed", 1, card=DATA)))
    message = (
        "products 3.0.0\n\nWhy this level:\n- major: training.data[openmoji]: partners: all of them (this "
        "repository's rule; embver presumes MINOR)\n- major: measured against x@1.0.0: y\n\nLevel: major\n"
    )
    first, second = as_released(reasons, message)
    assert (first.path, first.level) == ("training.data[openmoji]", Level.MAJOR)
    assert first.why == "partners: all of them (this repository's rule; embver presumes MINOR)"
    assert (second.path, second.level) == ("encode.seed", Level.PATCH)
    assert as_released(reasons, "") == reasons
    lowered = message.replace("- major: training", "- none: training")
    assert [reason.level for reason in as_released(reasons, lowered)] == [Level.PATCH, Level.NONE]
    words = "products 3.0.0\n\n- major: encode.seed: what a person wrote\n\nLevel: major\n"
    assert as_released(reasons, words) == reasons
