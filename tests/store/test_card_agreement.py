"""Two parsers and two checkers read cards; on no card there is do they disagree."""

from __future__ import annotations

import copy
import random
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from embver.problem import Problem
from embver.store import cards, schemas, sure
from embver.store.cards import CardText, read_card_text
from embver.store.process import run
from embver.store.schemas import check_card, check_shape, fast_validator, reference_validator, schema_of
from embver.store.sure import is_surely_valid

ROOT = Path(__file__).resolve().parents[2]
DATA = ROOT / "tests" / "data"
CORPUS = sorted((DATA / "cards").rglob("*.yaml")) + sorted((DATA / "released").rglob("*.yaml"))
GOOD = [
    read_card_text(file.read_bytes(), path="x") for file in sorted((DATA / "cards" / "valid").glob("*.yaml"))
]
JUNK = [
    None, True, False, 0, 1, -1, 1.0, 0.5, 1e308, 2**53 - 1, "", "no", "a\n", "é" * 300, "1.0.0\n", "sha256:0", [], {},
    [1, 1.0], [True, 1], [[]], {"a": {"b": {"c": 1}}}, {"step": "resize"}, {"": 1}, "a" * 5000 + "!", "next", "\U0001f600",
]  # fmt: skip


def without_the_fast_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(schemas, "fast_validator", lambda _kind: None)


def both(plain: object, kind: str = "card") -> tuple[set, set]:
    """Return the flaws as the fast and as the reference library find them; a quick yes is held against both."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(schemas, "_FIRST", iter(()))
        fast = set(check_shape(plain, kind))
        without_the_fast_one(patch)
        reference = set(check_shape(plain, kind))
    assert not (reference and is_surely_valid(plain, schema_of(kind), schema_of(kind)))
    return fast, reference


def places(plain: object, at: tuple = ()):
    yield at
    children = (
        plain.items() if isinstance(plain, dict) else enumerate(plain) if isinstance(plain, list) else ()
    )
    for key, value in children:
        yield from places(value, (*at, key))


def mutated(plain: dict, random_: random.Random) -> dict:
    """Return a copy with one to four places removed, replaced or added to."""
    changed = copy.deepcopy(plain)
    for _ in range(random_.randint(1, 4)):
        where = random_.choice([place for place in places(changed) if place] or [("schema",)])
        holder: object = changed
        for part in where[:-1]:
            holder = holder[part]  # type: ignore[index]
        what = random_.random()
        if what < 0.25 and isinstance(holder, dict):
            holder[str(where[-1]) + random_.choice("sx_")] = holder.pop(where[-1])
        elif what < 0.4:
            del holder[where[-1]]  # type: ignore[attr-defined]
        elif what < 0.5 and isinstance(holder, list):
            holder.append(copy.deepcopy(holder[0]))
        else:
            holder[where[-1]] = copy.deepcopy(random_.choice(JUNK))  # type: ignore[index]
    return changed


@pytest.mark.parametrize("kind", ["card", "settings"])
def test_the_quick_look_knows_every_keyword_of_the_schema(kind: str) -> None:
    schema = schema_of(kind)
    assert {word for part in parts(schema) for word in part} <= set(sure._CHECKS) | sure._NOTES
    patterns = [part["pattern"] for part in parts(schema) if "pattern" in part]
    assert all(pattern.startswith("^") and pattern.endswith("$") for pattern in patterns)


def parts(schema: object) -> Iterator[dict]:
    """Yield every schema within a schema."""
    if isinstance(schema, dict):
        yield schema
        for word, below in schema.items():
            if word in ("properties", "$defs"):
                for inner in below.values():
                    yield from parts(inner)
            elif word in ("allOf", "anyOf"):
                for inner in below:
                    yield from parts(inner)
            elif word in ("items", "additionalProperties", "propertyNames", "if", "then"):
                yield from parts(below)


def test_every_valid_card_gets_the_quick_yes_and_no_invalid_one() -> None:
    schema = schema_of("card")
    assert all(is_surely_valid(card.plain, schema, schema) for card in GOOD)
    for file in CORPUS:
        card = read_card_text(file.read_bytes(), path=file.name)
        is_right = reference_validator("card").is_valid(card.plain)
        assert is_right or not is_surely_valid(card.plain, schema, schema), file.name


def test_one_right_card_loads_no_schema_library(tmp_path: Path) -> None:
    card = DATA / "cards" / "valid" / "example.yaml"
    code = (
        "import sys\nfrom embver.cli import main\n"
        f"code = main(['validate', '--only', 'shape', {str(card)!r}])\n"
        "print(code, 'jsonschema_rs' in sys.modules, 'jsonschema' in sys.modules)"
    )
    said = run([sys.executable, "-c", code], cwd=tmp_path, env={"PYTHONPATH": str(ROOT)}).text
    assert said.split() == ["0", "False", "False"]


def test_the_fast_library_is_here() -> None:
    assert fast_validator("card") is not None


@pytest.mark.parametrize("file", CORPUS, ids=lambda file: file.stem)
def test_both_find_the_same_in_every_card_of_the_folders(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    card = read_card_text(file.read_bytes(), path=file.name)
    fast, reference = both(card.plain)
    assert fast == reference
    assert fast_validator("card").is_valid(card.plain) == reference_validator("card").is_valid(card.plain)
    told = check_card(card, folder="1.0.0")
    without_the_fast_one(monkeypatch)
    assert check_card(card, folder="1.0.0") == told


def test_both_find_the_same_in_three_thousand_mutated_cards() -> None:
    dice = random.Random(3)
    verdicts = {True: 0, False: 0}
    for number in range(3000):
        plain = mutated(GOOD[number % len(GOOD)].plain, dice)
        fast, reference = both(plain)
        assert fast == reference, plain
        valid = fast_validator("card").is_valid(plain)
        assert valid == reference_validator("card").is_valid(plain) == (not reference), plain
        verdicts[valid] += 1
    assert min(verdicts.values()) > 100


@settings(max_examples=200)
@given(
    st.recursive(
        st.sampled_from(JUNK) | st.text(max_size=8),
        lambda inner: (
            st.lists(inner, max_size=3)
            | st.dictionaries(
                st.sampled_from(["schema", "name", "space", "encoders", "text", "model", "id", "x"]), inner
            )
        ),
        max_leaves=12,
    )
)
def test_both_find_the_same_in_anything(plain: object) -> None:
    fast, reference = both(plain)
    assert fast == reference


@pytest.mark.parametrize(
    "text",
    [
        'tag_format = "{name}"',
        "remote = 1",
        "a = 2026-01-01",
        "b = nan",
        "c = 99999999999999999999",
        "[rule]\nx = inf",
    ],
)
def test_settings_of_any_type_are_described(text: str, monkeypatch: pytest.MonkeyPatch) -> None:
    plain = tomllib.loads(text)
    told = check_shape(plain, kind="settings")
    assert told
    without_the_fast_one(monkeypatch)
    assert {(flaw.where, flaw.rule) for flaw in told} == {
        (flaw.where, flaw.rule) for flaw in check_shape(plain, kind="settings")
    }


# ---- the parsers


def as_told(card: CardText) -> tuple[object, list[Problem]]:
    return card.plain, list(card.problems)


@pytest.mark.parametrize("file", CORPUS, ids=lambda file: file.stem)
def test_the_quick_walk_reads_what_the_careful_one_does(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    quick = read_card_text(file.read_bytes(), path=file.name)
    monkeypatch.setattr(cards, "quick_plain", _refuse)
    careful = read_card_text(file.read_bytes(), path=file.name)
    assert as_told(quick) == as_told(careful)
    assert [key for _, key in quick.integral] == [key for _, key in careful.integral]


def _refuse(*_: object) -> None:
    raise cards.Odd


@pytest.mark.parametrize("file", CORPUS, ids=lambda file: file.stem)
def test_the_pure_parser_finds_the_same_problems(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    card = read_card_text(file.read_bytes(), path=file.name)
    fast = check_card(card, folder=None)
    monkeypatch.setitem(__import__("sys").modules, "yaml.cyaml", None)
    cards._parser.cache_clear()
    try:
        pure = read_card_text(file.read_bytes(), path=file.name)
        assert pure.plain == card.plain
        told = check_card(pure, folder=None)
        # Where YAML itself is broken, the two name the place and the cause in their own ways.
        if not any(problem.rule == "yaml-syntax" for problem in fast):
            assert told == fast
        assert [problem.rule for problem in told] == [problem.rule for problem in fast]
    finally:
        cards._parser.cache_clear()
