"""The schemas, the messages made of them, and the folder of cards that are right or wrong in one known way."""

from __future__ import annotations

import json
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
from jsonschema import Draft202012Validator

from embver.card import Card
from embver.sense import check_sense
from embver.store.cards import read_card_text
from embver.store.resources import resource_folder
from embver.store.schemas import check_card, check_shape
from embver.store.templates import render_template

CARDS = Path(__file__).parent.parent / "data" / "cards"
EXPECT = re.compile(r"# expect: (?P<problems>.+?)(?: in (?P<folder>[\w.-]+))?")
KINDS = ("card", "settings")


def expected(data: bytes) -> tuple[list[tuple[str, int]], str | None]:
    match = EXPECT.fullmatch(data.splitlines()[0].removeprefix(b"\xef\xbb\xbf").decode())
    assert match is not None
    pairs = (entry.split(" at ") for entry in match["problems"].split(", "))
    return [(rule, int(line)) for rule, line in pairs], match["folder"]


def schema_of(kind: str) -> dict:
    return json.loads((resource_folder("schemas") / kind / "v1.json").read_text(encoding="utf-8"))


def subschemas(node: object, at: str = ""):
    if isinstance(node, dict):
        yield at, node
        for key, value in node.items():
            if key not in ("examples", "default", "enum", "const"):
                yield from subschemas(value, f"{at}/{key}")
    elif isinstance(node, list):
        for number, value in enumerate(node):
            yield from subschemas(value, f"{at}/{number}")


@pytest.mark.parametrize("file", sorted((CARDS / "invalid").glob("*.yaml")), ids=lambda file: file.stem)
def test_an_invalid_card_has_exactly_the_problems_it_names(file: Path) -> None:
    data = file.read_bytes()
    wanted, folder = expected(data)
    problems = check_card(read_card_text(data, path=file.name), folder=folder)
    assert sorted((problem.line, problem.rule) for problem in problems) == sorted(
        (line, rule) for rule, line in wanted
    ), "\n".join(problem.format() for problem in problems)
    assert list(problems) == sorted(problems, key=lambda p: (p.line, p.column))
    assert all(problem.column >= 1 and problem.path == file.name for problem in problems)


@pytest.mark.parametrize("file", sorted((CARDS / "valid").glob("*.yaml")), ids=lambda file: file.stem)
def test_a_valid_card_has_no_problem(file: Path) -> None:
    card = read_card_text(file.read_bytes(), path=file.name)
    assert [problem.format() for problem in check_card(card, folder=None)] == []
    assert Card.from_plain(card.plain).plain == card.plain


@pytest.mark.parametrize("kind", KINDS)
class TestSchema:
    def test_is_draft_2020_12_under_its_address(self, kind: str) -> None:
        schema = schema_of(kind)
        Draft202012Validator.check_schema(schema)
        assert schema["$id"] == f"https://embver.org/schemas/{kind}/v1.json"

    def test_describes_every_field_with_an_example_that_fits(self, kind: str) -> None:
        schema = schema_of(kind)
        for at, node in subschemas(schema):
            for name, field in node.get("properties", {}).items():
                if (
                    at.endswith(("/if", "_encoder"))
                    or set(node) == {"$ref", "properties"}
                    or "/encoders/" in at
                ):
                    continue
                target = schema["$defs"][field["$ref"].split("/")[-1]] | field if "$ref" in field else field
                assert target.get("title"), f"{at}: {name} has no title"
                assert target.get("description"), f"{at}: {name} has no description"
                assert target.get("examples"), f"{at}: {name} has no example"
                checker = Draft202012Validator({**field, "$defs": schema["$defs"]})
                for example in target["examples"]:
                    assert checker.is_valid(example), f"{at}: {name}: {example} does not fit"

    def test_is_strict(self, kind: str) -> None:
        for at, node in subschemas(schema_of(kind)):
            if node.get("type") == "object" and "properties" in node and "_step" not in at:
                assert "additionalProperties" in node, at
                assert node["additionalProperties"] is not True, at

    def test_anchors_every_pattern(self, kind: str) -> None:
        for at, node in subschemas(schema_of(kind)):
            pattern = node.get("pattern")
            if isinstance(pattern, str):
                assert pattern.startswith("^"), at
                assert pattern.endswith("$"), at


def flaw_of(plain: dict, **changed: object):
    (flaw,) = check_shape(plain | changed)
    return flaw


@pytest.fixture
def plain() -> dict:
    return read_card_text((CARDS / "valid" / "small.yaml").read_bytes(), path="card.yaml").plain


class TestMessages:
    def test_an_unknown_field_comes_with_the_likely_one(self, plain: dict) -> None:
        flaw = flaw_of(plain, space={**plain["space"], "dimensons": 4})
        assert flaw.where == ("space", "dimensons")
        assert (flaw.message, flaw.hint) == ("'dimensons' is no field of space", "did you mean 'dimensions'?")

    def test_own_fields_are_shown_their_place(self, plain: dict) -> None:
        assert flaw_of(plain, cost_centre=1).hint == "your own fields go under `extra:`"

    def test_a_value_out_of_range_is_named_in_full(self, plain: dict) -> None:
        flaw = flaw_of(plain, space={**plain["space"], "dimensions": -3})
        assert (flaw.rule, flaw.message) == ("range", "space.dimensions is -3, less than 1")

    def test_a_wrong_word_comes_with_the_likely_one(self, plain: dict) -> None:
        flaw = flaw_of(plain, space={**plain["space"], "metric": "cosin"})
        assert flaw.message == "space.metric is cosin, not one of cosine, dot, euclidean, hamming"
        assert flaw.hint == "did you mean 'cosine'?"

    def test_a_number_for_a_text_is_told_about_quotes(self, plain: dict) -> None:
        flaw = flaw_of(plain, supplier=1.0)
        assert flaw.message == "supplier is 1.0, where a text is expected"
        assert flaw.hint == 'in quotes it is a text: "1.0"'

    def test_a_yes_is_told_about_true(self, plain: dict) -> None:
        assert flaw_of(plain, space={**plain["space"], "normalized": "yes"}).hint == "write true"

    def test_a_missing_field_comes_with_an_example(self, plain: dict) -> None:
        del plain["space"]["metric"]
        (flaw,) = check_shape(plain)
        assert (flaw.where, flaw.message, flaw.hint) == (
            ("space",),
            "space needs 'metric'",
            'metric: "cosine"',
        )

    def test_of_several_ways_the_choice_is_named(self, plain: dict) -> None:
        flaw = flaw_of(plain, encoders={"text": {"model": {}}})
        assert flaw.message == "encoders.text.model needs either id or path"

    def test_a_step_is_judged_by_its_own_name_only(self, plain: dict) -> None:
        steps = [{"step": "resize", "size": 0, "interpolation": "bicubik"}]
        flaws = check_shape(plain | {"encoders": {"image": {"model": {"id": "a"}, "preprocessing": steps}}})
        assert [flaw.where[-1] for flaw in flaws] == ["interpolation", "size"]

    def test_a_line_break_at_the_end_is_part_of_a_value(self, plain: dict) -> None:
        assert flaw_of(plain, name="shop\n").rule == "pattern"


class TestCheckCard:
    def test_reports_text_and_shape_in_one_go(self) -> None:
        text = "schema: 1\nname: shop\nname: store\ntitel: x\nspace: {dimensions: .nan, metric: dot, normalized: no}\n"
        card = read_card_text(text, path="card.yaml")
        found = [(problem.line, problem.rule) for problem in check_card(card, folder=None)]
        assert found == [
            (1, "missing-field"),
            (3, "duplicate-key"),
            (4, "unknown-field"),
            (5, "number-not-finite"),
            (5, "wrong-type"),
        ]

    def test_looks_for_sense_only_where_the_shape_is_right(self, plain: dict) -> None:
        assert check_sense(plain, folder="9.9.9")
        text = read_card_text((CARDS / "valid" / "small.yaml").read_bytes(), path="card.yaml")
        assert [problem.rule for problem in check_card(text, folder="9.9.9")] == ["version-is-folder"]


class TestSettings:
    def test_the_settings_that_init_writes_have_the_right_shape(self) -> None:
        context = {"probe": "probes/shop-1k", "title": "Shop"}
        text = render_template("init/embver.toml.j2", context)
        assert check_shape(tomllib.loads(text), kind="settings") == ()

    def test_every_setting_is_accepted(self) -> None:
        text = """
            tag_format = "{name}/v{version}"
            embeddings = "vectors"
            probe = "probes/a"
            remote = "upstream"
            [rule]
            compatible_recall = 0.95
            [[benchmark]]
            id = "search"
            items = "benchmarks/search"
            query = "text"
            document = "image"
            metrics = ["hit@1", "mrr@10", "map"]
            main = "hit@1"
            where = {query = {language = ["en", "de"]}, document = {style = "twemoji"}}
            [site]
            title = "Shop"
            url = "https://example.org"
            folder = "site"
            build = "build/site"
            [names."shop/text"]
            probe = "probes/b"
            benchmarks = ["search"]
        """
        assert check_shape(tomllib.loads(text), kind="settings") == ()

    @pytest.mark.parametrize(
        ("text", "rule", "where"),
        [
            ('emeddings = "x"', "unknown-field", ("emeddings",)),
            ('tag_format = "{name}"', "pattern", ("tag_format",)),
            ('tag_format = "{name}{name}{version}"', "pattern", ("tag_format",)),
            ("remote = 1", "wrong-type", ("remote",)),
            ('[rule]\nrecall = "high"', "wrong-type", ("rule", "recall")),
            ('[names.Shop]\nprobe = "x"', "pattern", ("names", "Shop")),
            ('[[benchmark]]\nid = "a"\nitems = "b"\nquery = "text"', "missing-field", ("benchmark", 0)),
        ],
    )
    def test_a_mistake_is_found_where_it_is(self, text: str, rule: str, where: tuple) -> None:
        (flaw,) = check_shape(tomllib.loads(text), kind="settings")
        assert (flaw.rule, flaw.where) == (rule, where)


def test_reading_a_card_loads_no_heavy_part() -> None:
    code = (
        "import sys; import embver.store.schemas; from embver.store.cards import read_card_text as r;"
        "r('a: 1', path='x'); print([m for m in ('jsonschema', 'jinja2', 'git', 'torch', 'ruamel') if m in sys.modules])"
    )
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert run.stdout.strip() == "[]"
