"""How rows become batches: shapes, filling, padding, in either profile."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from embver.encode.batches import BatchPlan, batch_record, image_batches, text_batches
from embver.errors import EncodeError

LENGTHS = st.lists(st.integers(1, 64), max_size=120)
PLANS = st.builds(
    BatchPlan,
    rows=st.integers(16, 80),
    tokens=st.sampled_from([16, 200, 512, 4096]),
    profile=st.sampled_from(["strict", "fast"]),
    least=st.sampled_from([1, 16]),
    is_filled=st.booleans(),
)


@given(lengths=LENGTHS, plan=PLANS)
def test_every_row_is_in_one_batch_that_holds_it(lengths, plan):
    batches = list(text_batches(lengths, plan, limit=64, to_limit=False))
    kept = [position for batch in batches for position in batch.positions[: batch.kept]]
    assert sorted(kept) == list(range(len(lengths)))
    for batch in batches:
        assert all(lengths[position] <= batch.length for position in batch.positions)
        assert len(batch.positions) <= max(plan.rows_for(batch.length), plan.least_rows(batch.length))


@given(lengths=LENGTHS, plan=PLANS)
def test_in_strict_the_shape_is_the_rows_own(lengths, plan):
    strict = BatchPlan(
        rows=plan.rows, tokens=plan.tokens, least=plan.least, is_filled=plan.is_filled or plan.least == 16
    )
    for batch in text_batches(lengths, strict, limit=64, to_limit=False):
        count = len(batch.positions)
        assert count % strict.least_rows(batch.length) == 0
        assert count * batch.length >= 16
        assert not strict.is_filled or count == strict.rows_for(batch.length)
        # No batch mixes rows that need padding with rows that do not: another attention kernel would run.
        assert len({lengths[position] == batch.length for position in batch.positions}) == 1
        assert batch.length - min(lengths[position] for position in batch.positions) < strict.length_step


@given(lengths=LENGTHS, plan=PLANS)
def test_fast_fills_nothing_and_pads_to_the_longest(lengths, plan):
    fast = BatchPlan(rows=plan.rows, tokens=plan.tokens, profile="fast")
    for batch in text_batches(lengths, fast, limit=64, to_limit=False):
        assert batch.kept == len(batch.positions)
        assert batch.length == max(lengths[position] for position in batch.positions)
        assert batch.kept == 1 or batch.kept * batch.length <= plan.tokens


def test_what_a_plan_pads_to():
    assert BatchPlan().on("cuda").pads_to == "buckets"
    assert BatchPlan().on("cpu", least=1, is_filled=False).pads_to == "none"
    assert BatchPlan(profile="fast").on("cpu", least=16).pads_to == "longest"
    assert BatchPlan(padding="max_length").on("cpu", least=1).pads_to == "max_length"


def test_images_are_cut_by_tokens():
    plan = BatchPlan().on("cpu", least=1, is_filled=False)
    assert [batch.kept for batch in image_batches(25, plan, patches=50)] == [10, 10, 5]
    assert [len(b.positions) for b in image_batches(25, BatchPlan(rows=16).on("cuda"), patches=50)] == [
        16,
        16,
    ]


def test_a_device_has_its_own_budget():
    assert BatchPlan().on("cpu").tokens == 512
    assert BatchPlan().on("cuda").tokens == 16_384
    assert BatchPlan(tokens=77).on("cuda").tokens == 77


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"rows": 8}, "does not keep bits"), ({"rows": 0, "profile": "fast"}, "a batch of 0 rows"),
        ({"profile": "quick"}, "unknown profile 'quick'"), ({"padding": "some"}, "unknown padding 'some'"),
        ({"padding": "longest"}, "does not keep bits"), ({"tokens": 0}, "holds nothing"),
    ],
)  # fmt: skip
def test_plans_that_cannot_be(fields, message):
    with pytest.raises(EncodeError, match=message):
        BatchPlan(**fields)


def test_the_record_says_what_ran():
    plans = {
        "audio": BatchPlan().on("cpu", least=16),
        "image": BatchPlan(profile="fast").on("cpu", is_filled=False),
        "text": BatchPlan(tokens=256).on("cpu", least=1, is_filled=False),
    }
    assert batch_record(plans) == {
        "size": {"audio": 256, "image": 256, "text": 256},
        "tokens": {"audio": 512, "image": 512},  # those of the texts move no bit
        "padding": "buckets and longest and none",
        "order": "length",
    }
