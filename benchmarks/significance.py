"""How often the test behind `embver trace` calls noise a change, where two versions are truly alike.

    python -m benchmarks.significance [--trials 4000] > table.md

Each trial draws how hard the queries are, and two versions that stumble over them each in its own way, with the same
chance. Queries of one group (captions of one picture) share their fate. Counted is how often a change is called at 5 %:
by the bootstrap's interval alone, by the p-value of the randomisation test alone, and by the rule, which asks for both
and for six groups that moved. An honest test calls no more than one in twenty.
"""

from __future__ import annotations

import argparse
import platform
from collections.abc import Iterator
from typing import Any

import numpy as np

from embver.measure.significance import judge
from embver.series import PairedScores

CASES = ((12, 1), (30, 1), (120, 1), (1000, 1), (1000, 5))
NOISE, SKILL, LEVEL = 0.1, 0.6, 0.05
DRAWS = 1000


def trials(queries: int, together: int, metric: str, count: int) -> Iterator[PairedScores]:
    """Yield the scores of two versions that are alike, drawn anew each time."""
    dice = np.random.default_rng([queries, together, len(metric)])
    groups = queries // together
    names = tuple(f"p{n // together}" for n in range(queries))
    for _ in range(count):
        hard = dice.random(groups)
        sides = [
            np.repeat(hard + dice.normal(0, NOISE, groups), together) + dice.normal(0, NOISE, queries)
            for _ in range(2)
        ]
        before, after = (scores(side, metric, dice) for side in sides)
        yield PairedScores(before=before, after=after, clusters=names)


def scores(stumble: Any, metric: str, dice: np.random.Generator) -> list[float]:
    """Return hit@10 or mrr@10 of each query."""
    ranks = np.where(stumble < SKILL, dice.integers(1, 11, len(stumble)), 0)
    if metric == "hit@10":
        return (ranks > 0).astype(np.float64).tolist()
    return np.where(ranks > 0, (1 / np.maximum(ranks, 1)).round(6), 0.0).tolist()


def main() -> None:
    """Print the table as Markdown."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--trials", type=int, default=4000, help="a row, of 120 queries and fewer; a quarter beyond"
    )
    asked = parser.parse_args()
    print(f"Python {platform.python_version()}, numpy {np.__version__}, {DRAWS:,} draws an interval\n")
    print("| queries | a group | metric | interval alone | p-value alone | the rule | trials |")
    print("|---:|---:|---|---:|---:|---:|---:|")
    for queries, together in CASES:
        for metric in ("hit@10", "mrr@10"):
            count = asked.trials if queries <= 120 else asked.trials // 4
            found = judge(list(trials(queries, together, metric, count)), draws=DRAWS)
            interval = [each.low > 0 or each.high < 0 for each in found]
            p_value = [each.p_value <= LEVEL for each in found]
            rule = [
                all(both)
                for both in zip(interval, p_value, (each.is_testable for each in found), strict=True)
            ]
            shares = " | ".join(f"{sum(each) / count:.1%}" for each in (interval, p_value, rule))
            print(f"| {queries:,} | {together} | {metric} | {shares} | {count:,} |", flush=True)


if __name__ == "__main__":
    main()
