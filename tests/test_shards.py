"""Shards: cut by the plan alone, named in order, and put together by receipts that cannot be mistaken."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from embver.shards import PROBE, Receipt, ShardKey, ShardPlan, Skipped, gaps


def plan(**changes: object) -> ShardPlan:
    fields = {
        "settings": {"space": "x"},
        "rows": {"image": 10, "text": 3},
        "shard_rows": 4,
        "has_probe": True,
    }
    return ShardPlan(**{**fields, **changes})  # type: ignore[arg-type]


def receipt(**changes: object) -> Receipt:
    fields = {
        "key": ShardKey(modality="image", index=2), "plan": plan().digest, "sha256": "a" * 64, "size_bytes": 9,
        "rows": 2, "content_digest": f"sha256:{'b' * 64}", "environment": "env:sha256:1", "copied": 1,
        "skipped": (Skipped(position=8, id="ä\"", reason="no such file"),), "figures": {"seconds": {"read": 1.5}},
        "floor": {"cosine_distance_p99": 1e-9},
    }  # fmt: skip
    return Receipt(**{**fields, **changes})  # type: ignore[arg-type]


def test_what_there_is_to_do_and_how_the_files_are_called() -> None:
    cut = plan()
    assert [(str(key), cut.path(key)) for key in cut.keys] == [
        ("image-00000", "image-00000-of-00003.safetensors"),
        ("image-00001", "image-00001-of-00003.safetensors"),
        ("image-00002", "image-00002-of-00003.safetensors"),
        ("text-00000", "text.safetensors"),
        ("probe-00000", "probe.safetensors"),
    ]
    assert cut.keys[-1] == ShardKey(modality=PROBE)
    assert [cut.extent(key) for key in cut.keys[:4]] == [(0, 4), (4, 8), (8, 10), (0, 3)]
    assert plan(has_probe=False).keys == cut.keys[:-1]


@given(st.integers(1, 500), st.integers(1, 60))
def test_shards_hold_every_item_once_and_in_order(rows: int, shard_rows: int) -> None:
    cut = plan(rows={"image": rows}, shard_rows=shard_rows, has_probe=False)
    items = [item for key in cut.keys for item in range(*cut.extent(key))]
    assert items == list(range(rows))
    paths = [cut.path(key) for key in cut.keys]
    assert paths == sorted(set(paths))


@pytest.mark.parametrize(
    "changes",
    [{"settings": {"space": "y"}}, {"rows": {"image": 10}}, {"shard_rows": 5}, {"has_probe": False}],
)
def test_another_plan_has_another_digest(changes: dict) -> None:
    assert plan(**changes).digest != plan().digest
    assert plan().digest == plan().digest


def test_a_shard_holds_something() -> None:
    with pytest.raises(ValueError, match="a shard of 0 rows"):
        plan(shard_rows=0)


def test_a_receipt_is_read_as_it_was_written() -> None:
    before = receipt()
    assert Receipt.from_plain(json.loads(json.dumps(before.to_plain()))) == before
    assert before.encoded == 1


@pytest.mark.parametrize("lost", ["sha256", "index", "figures", "skipped"])
def test_what_is_no_receipt_is_none(lost: str) -> None:
    plain = receipt().to_plain()
    for bad in (
        {key: value for key, value in plain.items() if key != lost},
        [plain],
        None,
        {**plain, "sha256": "a"},
    ):
        with pytest.raises(ValueError, match="no receipt of a shard"):
            Receipt.from_plain(bad)


def test_gaps() -> None:
    done = receipt()
    assert list(map(str, gaps(plan(), {done.key: done}))) == [
        "image-00000",
        "image-00001",
        "text-00000",
        "probe-00000",
    ]
