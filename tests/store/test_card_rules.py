"""The table of rules, the folder of wrong cards that shows each, and the page made of both."""

from __future__ import annotations

import ast
import re
import sys
from pathlib import Path

import pytest

from embver.cardrules import RULES
from embver.store.cards import read_card_text
from embver.store.schemas import check_card

ROOT = Path(__file__).resolve().parent.parent.parent
sys.path.insert(0, str(ROOT))

from examples.rules_reference import PAGE, expected, rules_page  # noqa: E402

INVALID = sorted((ROOT / "tests" / "data" / "cards" / "invalid").glob("*.yaml"))
# Too long for a file here, or only seen beside other cards.
NOT_IN_A_FILE = {"too-large", "too-many-values", "name-folder", "line-dimension", "schema"}


def names_in_code() -> set[str]:
    """Return every text of the package's code that stands where a rule's name does."""
    found = set()
    for file in (ROOT / "embver").rglob("*.py"):
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            if isinstance(node, ast.keyword) and node.arg == "rule" and isinstance(node.value, ast.Constant):
                found.add(node.value.value)
            if not isinstance(node, ast.Call):
                continue
            if ast.unparse(node.func) in ("Refused", "Odd", "self.refuse"):
                texts = [word.value for word in node.args if isinstance(word, ast.Constant)]
                found.add(next((text for text in texts if isinstance(text, str)), None))
    return {name for name in found if isinstance(name, str)}


def test_every_rule_in_the_code_is_in_the_table() -> None:
    assert names_in_code() - set(RULES) == set()


def test_rules_have_stable_names_and_whole_sentences() -> None:
    for name, rule in RULES.items():
        assert re.fullmatch(r"[a-z]+(-[a-z]+)*", name)
        assert rule.what.endswith(".")
        assert rule.mend
        assert not rule.title.endswith(".")


def test_every_rule_that_one_card_can_break_is_broken_by_one() -> None:
    broken = {rule for file in INVALID for rule, _ in expected(file)[0]}
    needed = {rule.name for rule in RULES.values() if rule.kind in ("text", "shape", "sense")} - NOT_IN_A_FILE
    assert needed - broken == set()
    assert broken - set(RULES) == set()


def test_there_are_enough_wrong_cards() -> None:
    assert len(INVALID) >= 130


def test_ten_mistakes_are_ten_problems_at_their_ten_lines() -> None:
    file = next(file for file in INVALID if file.stem == "ten-mistakes")
    problems = check_card(read_card_text(file.read_bytes(), path=file.name), folder=None)
    assert len(problems) == 10
    assert len({problem.line for problem in problems}) == 10
    assert sorted((problem.rule, problem.line) for problem in problems) == sorted(expected(file)[0])
    assert len({problem.rule for problem in problems}) == 10


def test_the_page_is_current() -> None:
    assert PAGE.read_text(encoding="utf-8") == rules_page(), "python examples/reference.py"


@pytest.mark.parametrize("name", RULES)
def test_the_page_has_a_heading_for_each_rule(name: str) -> None:
    assert f"\n### {name}\n" in PAGE.read_text(encoding="utf-8")
