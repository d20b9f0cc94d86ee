"""embver.measure on arrays: verdicts without a repository."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import embver
from embver.levels import Level, Verdict

ITEMS, SIZE = 300, 16
RANDOM = np.random.default_rng(3)
PAIRS = [f"p{row}" for row in range(ITEMS)]


def unit(rows: Any) -> Any:
    return (rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype(np.float32)


IMAGE = unit(RANDOM.standard_normal((ITEMS, SIZE)))
TEXT = unit(IMAGE + 0.15 * RANDOM.standard_normal((ITEMS, SIZE)))
OLD = {"image": IMAGE, "text": TEXT}
TURN = np.linalg.qr(RANDOM.standard_normal((SIZE, SIZE)))[0]
RULE = embver.measure.Rule(draws=200, splits=2)  # type: ignore[attr-defined]


def measured(new: dict[str, Any], **named: Any) -> embver.Measurement:
    return embver.measure(OLD, new, rule=RULE, **named)


@pytest.mark.parametrize(
    ("new", "verdict", "level"),
    [
        (dict(OLD), Verdict.IDENTICAL, Level.NONE),
        ({name: unit(rows + 1e-5) for name, rows in OLD.items()}, Verdict.EQUIVALENT, Level.PATCH),
        ({name: unit(rows @ TURN) for name, rows in OLD.items()}, Verdict.INCOMPATIBLE, Level.MAJOR),
        ({name: unit(rows[:, :8]) for name, rows in OLD.items()}, Verdict.INCOMPATIBLE, Level.MAJOR),
    ],
)
def test_verdicts(new: dict[str, Any], verdict: Verdict, level: Level) -> None:
    found = measured(new)
    assert (found.verdict, found.level) == (verdict, level)
    assert [(each["query"], each["document"]) for each in found.strata] == [
        ("image", "image"),
        ("image", "text"),
        ("text", "image"),
        ("text", "text"),
    ]
    assert found.reasons if not verdict.is_safe else not found.reasons


def test_pairs_give_labelled_cells() -> None:
    new = {"image": IMAGE, "text": unit(TEXT + 0.02 * RANDOM.standard_normal(TEXT.shape))}
    assert "labelled" not in measured(new).stratum("text", "image")
    for pairs in (PAIRS, {"image": PAIRS, "text": PAIRS}):
        found = measured(new, pairs=pairs).stratum("text", "image")
        assert found["labelled_queries"] == ITEMS
        assert found["labelled"]["old_old"] > 0.5


def test_items_may_be_queries_or_documents_alone() -> None:
    old = {"text.query": TEXT, "image.document": IMAGE}
    found = embver.measure(old, old, pairs=PAIRS, rule=RULE, names=("a", "b"))
    assert [(each["query"], each["document"]) for each in found.strata] == [("text", "image")]
    assert (found.old, found.new, found.verdict) == ("a", "b", Verdict.IDENTICAL)


def test_the_result_is_the_same_twice_and_plain() -> None:
    new = {name: unit(rows + 0.01 * RANDOM.standard_normal(rows.shape)) for name, rows in OLD.items()}
    first, second = measured(new, pairs=PAIRS), measured(new, pairs=PAIRS)
    assert first == second
    assert {"a", "b", "verdict", "level", "strata", "probe", "rule_version"} <= set(first.to_plain())
    assert first.to_plain()["rule"] == {"draws": 200, "splits": 2}
    assert repr(first) == f"<Measurement old -> new: {first.verdict.word}, 4 strata>"
    assert str(first).count("\n") == 4


def test_a_modality_that_is_gone_is_a_verdict() -> None:
    found = measured({"image": IMAGE})
    assert found.verdict is Verdict.INCOMPATIBLE
    assert any("encodes no text" in reason for reason in found.reasons)


def with_row(value: float) -> Any:
    rows = IMAGE.copy()
    rows[7] = value
    return rows


@pytest.mark.parametrize(
    ("new", "pairs", "said"),
    [
        ({}, None, "a version is a mapping"),
        ({"image": IMAGE[:, 0]}, None, "has the shape"),
        ({"image": IMAGE[:-1], "text": TEXT}, None, "299 rows for 300 items"),
        ({"image": IMAGE, "text": TEXT[:, :8]}, None, r"have \[8, 16\] dimensions"),
        ({"image.both": IMAGE}, None, "MODALITY.query or MODALITY.document"),
        ({"text": TEXT, "text.query": TEXT}, None, "stands for both roles already"),
        (OLD, PAIRS[:-1], "299 pairs for 300 rows"),
        ({"image": with_row(np.nan), "text": TEXT}, None, "row 7"),
    ],
)
def test_what_does_not_belong_together(new: Any, pairs: Any, said: str) -> None:
    with pytest.raises(ValueError, match=said):
        measured(new, pairs=pairs)


def test_the_package_stays_a_package() -> None:
    import embver.measure
    from embver.measure.rule import Rule

    assert embver.measure.Rule is Rule  # type: ignore[attr-defined]
    assert callable(embver.measure)
