"""Shares of a change: they add up, they see what was planted, and they keep their head where nothing was."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from embver.measure.shares import (
    interaction_columns,
    shapley_columns,
    share_out,
    share_out_greedily,
    subsets_of,
)

QUERIES = 400
CLUSTERS = np.arange(QUERIES)

Game = Callable[[frozenset[int]], np.ndarray]


def values(game: Game, count: int) -> dict[frozenset[int], np.ndarray]:
    return {chosen: game(chosen) for chosen in subsets_of(count)}


def gloves(chosen: frozenset[int]) -> np.ndarray:
    """The glove game of textbooks: 0 has a left glove, 1 and 2 a right one each; a pair is worth 1."""
    return np.full(QUERIES, float(0 in chosen and len(chosen) > 1))


def additive(chosen: frozenset[int]) -> np.ndarray:
    """Block 0 loses three in four of the queries, block 1 wins one in ten, block 2 does nothing."""
    column = np.zeros(QUERIES)
    if 0 in chosen:
        column[: QUERIES * 3 // 4] -= 1.0
    if 1 in chosen:
        column[::10] += 1.0
    return column


def both_needed(chosen: frozenset[int]) -> np.ndarray:
    """Blocks 0 and 1 lose half of the queries together; neither loses one alone."""
    column = np.zeros(QUERIES)
    column[: QUERIES // 2] -= float({0, 1} <= chosen)
    return column


def test_the_glove_game_has_its_known_values() -> None:
    shares = [column[0] for column in shapley_columns(values(gloves, 3), 3)]
    assert shares == pytest.approx([2 / 3, 1 / 6, 1 / 6])


def test_shares_add_up_to_the_change_query_by_query() -> None:
    random = np.random.default_rng(1)
    tried = {chosen: random.normal(size=QUERIES) for chosen in subsets_of(5)}
    total = sum(shapley_columns(tried, 5))
    assert total == pytest.approx(tried[frozenset(range(5))] - tried[frozenset()])


def test_an_additive_change_is_told_apart_without_interactions() -> None:
    found = share_out(values(additive, 3), 3, CLUSTERS)
    assert [share.estimate.value for share in found.shares] == pytest.approx([-0.75, 0.1, 0.0])
    assert [share.is_sure for share in found.shares] == [True, True, False]
    assert found.shares[0].estimate.low < -0.75 < found.shares[0].estimate.high < 0
    assert not any(pair.is_sure for pair in found.pairs.values())
    assert found.total.estimate.value == pytest.approx(-0.65)


def test_what_two_do_together_is_an_interaction_and_halves_their_shares() -> None:
    found = share_out(values(both_needed, 3), 3, CLUSTERS)
    assert [share.estimate.value for share in found.shares] == pytest.approx([-0.25, -0.25, 0.0])
    assert {pair for pair, each in found.pairs.items() if each.is_sure} == {(0, 1)}
    assert found.pairs[0, 1].estimate.value == pytest.approx(-0.5)


def test_the_interaction_of_two_players_is_the_second_difference() -> None:
    # With two players the index has one term: v(12) - v(1) - v(2) + v().
    assert interaction_columns(values(both_needed, 2), 2)[0, 1][0] == pytest.approx(-1.0)


def test_fewer_than_six_clusters_that_moved_are_no_evidence() -> None:
    def few(chosen: frozenset[int]) -> np.ndarray:
        column = np.zeros(QUERIES)
        column[:5] -= float(0 in chosen)
        return column

    assert not share_out(values(few, 1), 1, CLUSTERS).shares[0].is_sure
    clusters = np.arange(QUERIES) // 10  # the captions of one picture are one witness
    column = {frozenset[int](): np.zeros(QUERIES), frozenset({0}): -(np.arange(QUERIES) < 50).astype(float)}
    assert not share_out(column, 1, clusters).shares[0].is_sure
    assert share_out(column, 1, CLUSTERS).shares[0].is_sure


@pytest.mark.parametrize("game", [additive, both_needed, gloves])
def test_greedy_paths_add_up_and_agree_where_blocks_do_not_interact(game: Game) -> None:
    tried: list[frozenset[int]] = []

    def value(chosen: frozenset[int]) -> np.ndarray:
        tried.append(chosen)
        return game(chosen)

    found = share_out_greedily(value, 7, CLUSTERS)
    total = game(frozenset(range(7))) - game(frozenset())
    assert sum(share.estimate.value for share in found.shares) == pytest.approx(total.mean())
    assert len(tried) == len(set(tried)) <= 7 * 8
    if game is additive:
        assert [share.estimate.value for share in found.shares[:3]] == pytest.approx([-0.75, 0.1, 0.0])
    if game is both_needed:
        assert found.pairs[0, 1].is_sure


def test_nothing_to_switch_is_no_change() -> None:
    found = share_out({frozenset(): np.zeros(QUERIES)}, 0, CLUSTERS)
    assert (found.shares, found.pairs, found.total.estimate.value) == ((), {}, 0.0)
