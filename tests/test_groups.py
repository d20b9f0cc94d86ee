"""What lost queries have in common: exact tails, groups told once, and noise called noise."""

from __future__ import annotations

import math
import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from embver.exact import over_representation
from embver.groups import moves, share_words
from embver.traits import Trait, members_of


def trait(name: str, flags: list[bool], *, is_nested: bool = False) -> Trait:
    return Trait(column=name, value="yes", clause=name, members=members_of(flags), is_nested=is_nested)


def ids(count: int) -> list[str]:
    return [f"q{number:03}" for number in range(count)]


def test_the_tail_is_that_of_fishers_tea() -> None:
    # Fisher 1935: 8 cups, 4 with milk first; all four named by chance 1 in 70, three of them 16 + 1 in 70.
    assert over_representation(4, 4, 4, 8) == pytest.approx(1 / 70)
    assert over_representation(3, 4, 4, 8) == pytest.approx(17 / 70)


@given(st.integers(1, 40), st.data())
def test_the_tail_is_the_sum_of_all_that_is_as_extreme(able: int, data: st.DataObject) -> None:
    moved, base = data.draw(st.integers(0, able)), data.draw(st.integers(0, able))
    count = data.draw(st.integers(0, min(moved, base)))
    exact = sum(
        math.comb(base, n) * math.comb(able - base, moved - n) for n in range(count, min(moved, base) + 1)
    ) / math.comb(able, moved)
    assert over_representation(count, moved, base, able) == pytest.approx(exact, abs=1e-12)


def test_lost_and_won_are_those_that_could_move() -> None:
    found = moves(ids(6), [1, 1, 1, 0, 0, 0], [1, 0, 0, 1, 0, 0])
    assert found.lost.queries == ("q001", "q002")
    assert found.won.queries == ("q003",)
    assert (found.lost.able, found.won.able) == (3, 3)
    assert found.is_binary


def test_graded_scores_fall_the_most_moved_first_and_less_than_six_digits_is_no_fall() -> None:
    found = moves(ids(4), [1.0, 0.5, 0.25, 0.0], [0.5, 0.0, 0.2499999, 0.0])
    assert found.lost.queries == ("q000", "q001")
    assert not found.is_binary
    assert moves(ids(2), [3.0, 1.0], [5.0, 1.0], higher_is_better=False).lost.queries == ("q000",)


def test_scores_of_other_queries_are_refused() -> None:
    with pytest.raises(ValueError, match="not those of 3"):
        moves(ids(3), [1, 1, 1], [1, 1])


def test_what_the_lost_have_in_common_comes_first_and_what_only_follows_is_explained() -> None:
    count = 200
    upper = [n % 2 == 0 for n in range(count)]
    titled = [n % 4 == 0 for n in range(count)]  # upper, too, and lost no more often than other upper ones
    short = [n % 3 == 0 for n in range(count)]
    after = [0 if upper[n] and n < 160 else 1 for n in range(count)]
    found = moves(
        ids(count),
        [1] * count,
        after,
        [trait("titled", titled), trait("upper", upper), trait("short", short)],
    ).lost
    assert [group.clause for group in found.main] == ["upper"]
    assert [(group.clause, group.explained_by) for group in found.groups] == [
        ("upper", None),
        ("titled", "upper"),
    ]
    assert found.main[0].sentence == "80 of 80 upper"
    assert (found.main[0].base, found.main[0].able) == (100, 200)
    assert found.main[0].examples == ("q000", "q080", "q158")


def test_a_group_within_a_group_that_is_lost_more_often_is_told_as_well() -> None:
    count = 300
    upper = [n % 2 == 0 for n in range(count)]
    long = [n % 6 == 0 for n in range(count)]
    lost = [long[n] or (upper[n] and n % 4 == 0) for n in range(count)]
    found = moves(
        ids(count),
        [1] * count,
        [int(not each) for each in lost],
        [trait("upper", upper), trait("long", long)],
    )
    assert {group.clause for group in found.lost.main} == {"upper", "long"}


def test_things_true_of_the_same_queries_are_told_once() -> None:
    count = 60
    flags = [n < 20 for n in range(count)]
    found = moves(
        ids(count),
        [1] * count,
        [int(not each) for each in flags],
        [trait("form x", flags), trait("upper", flags)],
    )
    assert [(group.clause, group.also) for group in found.lost.groups] == [("form x", ("upper",))]
    assert found.lost.clauses_tried == 1


def test_of_thresholds_of_one_column_only_the_surest_is_main() -> None:
    count = 100
    traits = [trait("words", [n >= cut for n in range(count)], is_nested=True) for cut in (50, 60, 70)]
    found = moves(ids(count), [1] * count, [int(n < 60) for n in range(count)], traits)
    assert [group.base for group in found.lost.main] == [40]
    assert len(found.lost.groups) == 3


def test_what_all_or_too_few_share_is_not_looked_at() -> None:
    flags = [True] * 50
    few = [n < 4 for n in range(50)]
    found = moves(ids(50), [1] * 50, [0] * 4 + [1] * 46, [trait("all", flags), trait("few", few)])
    assert found.lost.groups == ()
    assert found.lost.clauses_tried == 0


def test_a_step_that_touches_every_query_is_told_though_it_tells_them_apart_by_nothing() -> None:
    touched = Trait(column="step", value="lowercase", clause="changed", members=members_of([True] * 50))
    found = moves(ids(50), [1] * 50, [0] * 40 + [1] * 10, [touched]).lost
    assert found.groups == ()
    assert [(group.count, group.base) for group in found.touched] == [(40, 50)]


def test_queries_lost_at_random_have_nothing_in_common_in_nineteen_runs_of_twenty() -> None:
    chance = random.Random(5)
    count, runs = 200, 100
    named = 0
    for _ in range(runs):
        traits = [trait(f"t{n}", [chance.random() < 0.3 for _ in range(count)]) for n in range(20)]
        after = [int(chance.random() > 0.2) for _ in range(count)]
        named += bool(moves(ids(count), [1] * count, after, traits).lost.groups)
    assert named <= 5


def test_where_all_that_could_move_did_they_are_compared_with_every_query() -> None:
    flags = [n < 30 for n in range(100)]
    found = moves(ids(100), [int(not each) for each in flags], [1] * 100, [trait("typed", flags)]).won
    assert (found.able, found.against) == (30, "all")
    assert [(group.clause, group.base, group.able) for group in found.main] == [("typed", 30, 100)]


def test_shares_near_none_and_all_keep_a_digit() -> None:
    assert [share_words(*each) for each in ((0, 9), (1, 1000), (61, 100), (999, 1000), (9, 9))] == [
        "0 %",
        "0.1 %",
        "61 %",
        "99.9 %",
        "100 %",
    ]
