"""Cards as text: read as YAML 1.2 with every place known, changed without touching anything else."""

from __future__ import annotations

import datetime
import time
from pathlib import Path

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st
from ruamel.yaml import YAML

from embver.errors import CardError, EmbverError
from embver.problem import Flaw
from embver.store import cards
from embver.store.card_edit import Entry
from embver.store.card_style import scalar_text
from embver.store.cards import dump_plain, read_card_text, update_card
from embver.store.templates import render_template

VALID = Path(__file__).parent.parent / "data" / "cards" / "valid"
EXAMPLE = (VALID / "example.yaml").read_text(encoding="utf-8")
SMALL = (VALID / "small.yaml").read_text(encoding="utf-8")
TEMPLATE = render_template("card.yaml.j2", {"name": "products", "title": "Products", "dimensions": 64})

OPEN = """\
title: Vectors
artifacts:
  - {path: image.safetensors, rows: 7}  # the first
  - {path: text.safetensors, rows: 7}  # the second
benchmarks:
  - id: search
    # what was measured
    metrics:
      - {key: hit@1, value: 0.4, ci: {low: 0.3, high: 0.5}}
      - key: hit@10
        value: 0.5
    source:
      path: benchmarks/search.json
    # by hand
    date: 2026-11-02
tags: [a, b, c]
plain:
- one  # of two
- two
"""

SCALARS = (
    st.none()
    | st.booleans()
    | st.integers(-(2**53) + 1, 2**53 - 1)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(st.characters(exclude_categories=["Cs"]), max_size=30)
    | st.sampled_from(
        ["no", "On", "2026-11-02", "1e3", "1_0", "0o7", "12:30", "~", "", " a", "a: b", "#a", "=", "é"]
    )
)
NAMES = st.from_regex(r"[a-z][a-z0-9_]{0,8}", fullmatch=True) | st.sampled_from(
    ["no", "n", "1", "a b", "a: b"]
)
VALUES = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(NAMES, inner, max_size=4),
    max_leaves=12,
)


def plain_of(text: str) -> dict:
    card = read_card_text(text, path="card.yaml")
    assert card.problems == ()
    return card.plain


def only_problem(text: str | bytes):
    (problem,) = read_card_text(text, path="card.yaml").problems
    return problem


def paths_of(plain: dict, at: tuple = ()):
    for key, value in plain.items():
        yield (*at, key)
        if isinstance(value, dict):
            yield from paths_of(value, (*at, key))


def entries_of(plain: object, at: tuple = ()):
    """Yield the places of all entries of lists, and of all that is in them."""
    inner = plain.items() if isinstance(plain, dict) else enumerate(plain) if isinstance(plain, list) else ()
    for key, value in inner:
        if any(isinstance(part, int) for part in (*at, key)):
            yield (*at, key)
        yield from entries_of(value, (*at, key))


def value_at(plain: object, path: tuple) -> object:
    for part in path:
        plain = plain[part]
    return plain


def lines_of_field(text: str, path: tuple) -> tuple[int, int]:
    """Return the first line of a field and the one behind its last, from 0."""
    card = read_card_text(text, path="card.yaml")
    node, key = card.root, card.root
    for part in path:
        if isinstance(part, int):
            key = node = node.value[part]
        else:
            key, node = next((k, v) for k, v in node.value if k.value == part)
    last = node
    while last.id != "scalar" and not last.flow_style and last.value:
        last = last.value[-1][1] if last.id == "mapping" else last.value[-1]
    return key.start_mark.line, last.end_mark.line + 1


class TestReading:
    @pytest.mark.parametrize(
        ("text", "value"),
        [
            ("", None), ("~", None), ("null", None), ("Null", "Null"),
            ("true", True), ("false", False), ("True", "True"), ("yes", "yes"), ("no", "no"), ("on", "on"),
            ("1", 1), ("-7", -7), ("+7", 7), ("0o14", 12), ("0x1F", 31), ("0b1", "0b1"),
            ("1_000", "1_000"), ("12:30:45", "12:30:45"), ("2026-11-02", "2026-11-02"),
            ("1e3", 1000.0), ("1.5E-3", 0.0015), (".5", 0.5), ("5.", 5.0), ("-1.0e-05", -1e-05), ("1.2.3", "1.2.3"),
            ("e3", "e3"), (".", "."), ("-", [None]), ("9007199254740991", 2**53 - 1),
            ("'1'", "1"), ('"true"', "true"), ("=", "="),
        ],
    )  # fmt: skip
    def test_types_are_those_of_the_yaml_1_2_core_schema(self, text: str, value: object) -> None:
        found = plain_of(f"a: {text}\n" if text != "-" else "a:\n  -\n")["a"]
        assert (found, type(found)) == (value, type(value))

    @given(VALUES)
    def test_agrees_with_ruamel_on_what_embver_writes(self, value: object) -> None:
        text = dump_plain({"a": value})
        assert YAML(typ="safe", pure=True).load(text) == {"a": value}

    @given(SCALARS)
    def test_writes_scalars_that_every_yaml_version_reads_alike(self, value: object) -> None:
        found = yaml.safe_load(f"a: {{b: {scalar_text(value)}}}")["a"]["b"]
        assert (found, type(found)) == (value, type(value))

    def test_bytes_and_text_are_read_alike(self) -> None:
        assert read_card_text(EXAMPLE.encode(), path="x").plain == plain_of(EXAMPLE)

    @pytest.mark.parametrize("mark", ["\r\n", "\n"])
    def test_places_do_not_depend_on_line_ends_or_a_byte_order_mark(self, mark: str) -> None:
        card = read_card_text("\ufeff" + EXAMPLE.replace("\n", mark), path="x")
        plain = read_card_text(EXAMPLE, path="x")
        for path in paths_of(plain.plain):
            assert card.locate(path) == plain.locate(path)

    def test_the_pure_parser_reads_the_same(self, monkeypatch: pytest.MonkeyPatch) -> None:
        fast = {
            text: read_card_text(text, path="x")
            for text in (EXAMPLE, SMALL, TEMPLATE, "a: [", "a: 1\na: 2\n")
        }
        monkeypatch.setitem(__import__("sys").modules, "yaml.cyaml", None)
        cards._parser.cache_clear()
        try:
            for text, card in fast.items():
                slow = read_card_text(text, path="x")
                assert slow.plain == card.plain
                assert [problem.rule for problem in slow.problems] == [
                    problem.rule for problem in card.problems
                ]
                assert all(slow.locate(path) == card.locate(path) for path in paths_of(card.plain))
        finally:
            cards._parser.cache_clear()


class TestPlaces:
    def test_a_field_is_at_its_name_and_an_entry_at_its_beginning(self) -> None:
        card = read_card_text("a:\n  b:\n    - {c: 1}\n    - {c: 2}\n", path="x")
        assert card.locate(("a",)) == (1, 1)
        assert card.locate(("a", "b")) == (2, 3)
        assert card.locate(("a", "b", 1)) == (4, 7)
        assert card.locate(("a", "b", 1, "c")) == (4, 8)

    def test_a_missing_place_is_the_deepest_that_exists(self) -> None:
        card = read_card_text("# a comment\na:\n  b: [1]\n", path="x")
        assert card.locate(()) == (2, 1)
        assert card.locate(("z",)) == (2, 1)
        assert card.locate(("a", "b", 7, "c")) == (3, 3)

    def test_a_flaw_becomes_a_problem(self) -> None:
        card = read_card_text("a:\n  b: 1\n", path="next/card.yaml")
        problem = card.problem_from(Flaw(where=("a", "b"), rule="range", message="too small", hint="b: 2"))
        assert problem.format() == "next/card.yaml:2:3: too small [range] -> b: 2"


class TestHostileText:
    @pytest.mark.parametrize(
        ("text", "rule"),
        [
            ("[" * 500_000, "too-deep"),
            ("{a: " * 100_000, "too-deep"),
            ("- " * 300_000, "too-deep"),
            ("? " * 300_000, "too-deep"),
            ("a: " + "x" * (1 << 20), "too-large"),
            (b"\xff\xfea\x00:\x00", "encoding"),
            (b"\xfe\xff\x00a\x00:", "encoding"),
            (b"a: 1\nb: \xff\n", "encoding"),
            ("a: \x00", "unseen-character"),
            ("a: \ud800", "unseen-character"),
            ("a: b\ufeff", "unseen-character"),
        ],
    )
    def test_is_refused_in_time(self, text: str | bytes, rule: str) -> None:
        begun = time.process_time()
        assert only_problem(text).rule == rule
        assert time.process_time() - begun < 1

    def test_a_billion_laughs_are_not_told(self) -> None:
        lines = ["a0: &a0 [ha, ha]", *(f"a{n}: &a{n} [*a{n - 1}, *a{n - 1}]" for n in range(1, 60))]
        problems = read_card_text("\n".join(lines), path="x").problems
        assert {problem.rule for problem in problems} == {"anchor"}
        assert [problem.line for problem in problems] == list(range(1, 61))

    @given(st.text(max_size=200) | st.binary(max_size=200))
    def test_anything_is_read_or_refused(self, text: str | bytes) -> None:
        card = read_card_text(text, path="x")
        assert isinstance(card.plain, dict)
        assert card.is_read or card.problems

    @settings(max_examples=40)
    @given(st.data())
    def test_a_mutated_card_is_read_or_refused(self, data: st.DataObject) -> None:
        start = data.draw(st.integers(0, len(EXAMPLE)))
        end = data.draw(st.integers(start, min(len(EXAMPLE), start + 40)))
        junk = data.draw(st.text(st.sampled_from("{}[]:,-#&*!|>'\"%@` \t\n\rab1\ufeff"), max_size=8))
        card = read_card_text(EXAMPLE[:start] + junk + EXAMPLE[end:], path="x")
        for problem in card.problems:
            assert problem.line >= 1
            assert problem.column >= 1


def changed_lines(before: str, after: str) -> tuple[list[str], list[str]]:
    """Return the lines outside of the longest common beginning and end."""
    old, new = before.splitlines(keepends=True), after.splitlines(keepends=True)
    while old and new and old[0] == new[0]:
        old, new = old[1:], new[1:]
    while old and new and old[-1] == new[-1]:
        old, new = old[:-1], new[:-1]
    return old, new


class TestUpdating:
    @settings(max_examples=60, deadline=None)
    @given(st.sampled_from([EXAMPLE, SMALL, TEMPLATE, EXAMPLE.replace("\n", "\r\n")]), st.data())
    def test_only_the_lines_of_the_field_change(self, text: str, data: st.DataObject) -> None:
        path = data.draw(st.sampled_from(list(paths_of(plain_of(text)))))
        value = data.draw(VALUES.filter(lambda value: value is not None))
        after = update_card(text, [(path, value)])
        found = plain_of(after)
        for part in path:
            found = found[part]
        assert found == value
        first, last = lines_of_field(text, path)
        before, lines = text.splitlines(keepends=True), after.splitlines(keepends=True)
        assert lines[:first] == before[:first]
        tail = len(before) - last
        assert tail == 0 or lines[-tail:] == before[-tail:]
        if "\r\n" in text:
            assert all(line.endswith("\r\n") for line in lines)

    @settings(max_examples=40, deadline=None)
    @given(st.sampled_from([EXAMPLE, SMALL, TEMPLATE, EXAMPLE.replace("\n", "\r\n")]), st.data())
    def test_a_field_that_is_removed_takes_only_its_lines(self, text: str, data: st.DataObject) -> None:
        path = data.draw(st.sampled_from(list(paths_of(plain_of(text)))))
        after = update_card(text, [(path, None)])
        parent = plain_of(after)
        for part in path[:-1]:
            parent = parent[part]
        assert path[-1] not in parent
        first, last = lines_of_field(text, path)
        old, new = changed_lines(text, after)
        assert len(old) <= last - first + 1  # an only field takes its mapping's line along: {}
        assert len(new) <= 1

    @settings(max_examples=40, deadline=None)
    @given(st.sampled_from([EXAMPLE, SMALL, TEMPLATE]), st.data())
    def test_a_new_field_adds_lines_and_changes_none(self, text: str, data: st.DataObject) -> None:
        plain = plain_of(text)
        blocks = [(), ("space",), ("encoders",), ("encoders", "text")]
        path = (*data.draw(st.sampled_from(blocks)), data.draw(NAMES.map(lambda name: f"new {name}")))
        value = data.draw(VALUES.filter(lambda value: value is not None))
        after = update_card(text, [(path, value)])
        old, new = changed_lines(text, after)
        assert old == []
        assert new
        assert len(plain_of(after)) == len(plain) + (len(path) == 1)

    @settings(max_examples=80, deadline=None)
    @given(
        st.sampled_from([EXAMPLE, OPEN, EXAMPLE.replace("\n", "\r\n"), OPEN.replace("\n", "\r\n")]), st.data()
    )
    def test_only_the_lines_of_an_entry_change(self, text: str, data: st.DataObject) -> None:
        plain = plain_of(text)
        path = data.draw(st.sampled_from(list(entries_of(plain))))
        value = data.draw(VALUES.filter(lambda value: value is not None))
        after = update_card(text, [(path, value)])
        assert value_at(plain_of(after), path) == value
        first, last = lines_of_field(text, path)
        before, lines = text.splitlines(keepends=True), after.splitlines(keepends=True)
        assert lines[:first] == before[:first]
        tail = len(before) - last
        assert tail == 0 or lines[-tail:] == before[-tail:]
        if "\r\n" in text:
            assert all(line.endswith("\r\n") for line in lines)

    @settings(max_examples=80, deadline=None)
    @given(st.sampled_from([EXAMPLE, OPEN, OPEN.replace("\n", "\r\n")]), st.data())
    def test_an_entry_that_is_removed_takes_only_its_lines(self, text: str, data: st.DataObject) -> None:
        plain = plain_of(text)
        path = data.draw(st.sampled_from(list(entries_of(plain))))
        after = plain_of(updated := update_card(text, [(path, None)]))
        del value_at(plain, path[:-1])[path[-1]]
        assert after == plain
        first, last = lines_of_field(text, path)
        old, new = changed_lines(text, updated)
        assert len(old) <= last - first + 1
        assert len(new) <= 1

    def test_an_entry_is_named_by_what_it_is_known_by(self) -> None:
        text = update_card(
            OPEN,
            [
                (("artifacts", Entry("path", "text.safetensors"), "rows"), 8),
                (("benchmarks", Entry("id", "search"), "notes"), "Run again."),
                (("benchmarks", Entry("id", "other"), "metrics"), [{"key": "hit@1", "value": 0.5}]),
                (("artifacts", Entry("path", "not there")), None),
            ],
        )
        old, new = changed_lines(OPEN, text)
        assert "  - {path: text.safetensors, rows: 8}  # the second\n" in text
        assert "    # by hand\n    date: 2026-11-02\n    notes: Run again.\n" in text
        assert "  - {id: other, metrics: [{key: hit@1, value: 0.5}]}\n" in text
        assert len(new) == len(old) + 2

    def test_a_whole_entry_is_replaced_or_added_by_its_name(self) -> None:
        record = {"metrics": [{"key": "hit@1", "value": 0.5}]}
        text = update_card(OPEN, [(("benchmarks", Entry("id", name)), record) for name in ("search", "new")])
        found = plain_of(text)["benchmarks"]
        assert found == [{"id": "search", **record}, {"id": "new", **record}]

    def test_an_entry_of_a_list_that_is_not_there(self) -> None:
        assert update_card("a: 1\n", [(("b", Entry("id", "x"), "c"), 2)]) == "a: 1\nb:\n  - {id: x, c: 2}\n"
        with pytest.raises(EmbverError, match="b has 1 entries, and no 3"):
            update_card("b: [1]\n", [(("b", 3), 2)])
        with pytest.raises(EmbverError, match="b is no list, it has no 0"):
            update_card("b: {c: 1}\n", [(("b", 0), 2)])

    @pytest.mark.parametrize(
        ("text", "written"),
        [
            ("Two\nlines", "a: |-\n  Two\n  lines\nb: 1\n"),
            ("Two\n\n  # lines\n", "a: |\n  Two\n\n    # lines\nb: 1\n"),
            ("A space at \nan end", 'a: "A space at \\nan end"\nb: 1\n'),
            (" before\nit", 'a: " before\\nit"\nb: 1\n'),
            ("Lines\n\n", 'a: "Lines\\n\\n"\nb: 1\n'),
            ("a\ttab\nis not seen", 'a: "a\\ttab\\nis not seen"\nb: 1\n'),
        ],
    )
    @pytest.mark.parametrize(
        "before", ["a: 1\nb: 1\n", "a:\n  c: 1\nb: 1\n", "a: |\n  Other\n  text\nb: 1\n"]
    )
    def test_a_text_of_several_lines(self, before: str, text: str, written: str) -> None:
        assert update_card(before, [(("a",), text)]) == written
        assert plain_of(update_card("b: 1\n", [(("a",), text)]))["a"] == text
        assert YAML(typ="safe", pure=True).load(written)["a"] == text

    def test_a_text_of_several_lines_in_a_list(self) -> None:
        text = update_card("notes: []\n", [(("notes",), ["One line", "Two\nlines"])])
        assert text == "notes:\n  - One line\n  - |-\n    Two\n    lines\n"
        text = update_card("changes: []\n", [(("changes",), [{"area": "all", "text": "Two\nlines\n"}])])
        assert text == "changes:\n  - area: all\n    text: |\n      Two\n      lines\n"

    @settings(max_examples=40, deadline=None)
    @given(
        st.sampled_from([EXAMPLE, OPEN]),
        st.lists(st.text("ab #:-'\"\t|", max_size=5), min_size=2, max_size=4),
        st.data(),
    )
    def test_any_lines_are_kept(self, text: str, lines: list[str], data: st.DataObject) -> None:
        path = data.draw(
            st.sampled_from([("title",), ("description",), ("notes",), ("notes", 0), ("changes", 0, "text")])
        )
        value = "\n".join(lines)
        if path[0] in ("notes", "changes"):
            text = update_card(text, [(("notes",), ["a"]), (("changes",), [{"area": "all", "text": "b"}])])
        after = update_card(text, [(path, value)])
        assert value_at(plain_of(after), path) == value
        assert update_card(after, [(path, "x")]) == update_card(text, [(path, "x")])

    @pytest.mark.parametrize("text", [EXAMPLE, SMALL, TEMPLATE])
    def test_what_is_there_already_changes_nothing(self, text: str) -> None:
        assert (
            update_card(text, [((key,), value) for key, value in plain_of(text).items() if value is not None])
            == text
        )
        assert update_card(text, [(("no such field", "at all"), None)]) == text

    def test_the_order_is_the_schemas(self) -> None:
        text = update_card(
            SMALL, [(("fingerprint",), "f"), (("version",), "1.0.0"), (("space", "kind"), "dense")]
        )
        plain = plain_of(text)
        assert list(plain)[:3] == ["schema", "name", "version"]
        assert list(plain).index("fingerprint") == list(plain).index("artifacts") - 1
        assert list(plain["space"])[-1] == "kind"

    def test_what_encode_writes_goes_below_its_heading(self) -> None:
        text = update_card(TEMPLATE, [(("encode",), {"seed": 7}), (("benchmarks",), [{"id": "a"}])])
        assert "# ---- written by `embver encode` ----\nencode:\n  seed: 7\n" in text
        assert "# ---- may grow after the release ----\nbenchmarks:\n  - {id: a}\nstatus:" in text

    def test_comments_within_a_mapping_stay(self) -> None:
        encode = plain_of(EXAMPLE)["encode"] | {"profile": "fast", "elapsed_s": 7.5}
        old, new = changed_lines(EXAMPLE, update_card(EXAMPLE, [(("encode",), encode)]))
        assert new[0] == "  profile: fast                      # strict | fast\n"
        assert len(old) == len(new)
        assert [a for a, b in zip(old[1:-1], new[1:-1], strict=True) if a != b] == []

    def test_entries_that_stay_keep_their_lines(self) -> None:
        entries = plain_of(EXAMPLE)["artifacts"]
        changed = [entries[0], {**entries[1], "rows": 7}, *entries[2:]]
        old, new = changed_lines(EXAMPLE, update_card(EXAMPLE, [(("artifacts",), changed)]))
        assert (len(old), len(new)) == (1, 1)
        assert ", rows: 7, sha256: " in new[0]
        assert changed_lines(EXAMPLE, update_card(EXAMPLE, [(("artifacts",), entries[:2])]))[1] == []

    def test_the_cards_own_indentation_is_kept(self) -> None:
        text = "a:\n    b:\n    - 1\n    - 2\n"
        assert update_card(text, [(("a", "c"), [{"d": {"e": {"f": 1}}}])]) == (
            "a:\n    b:\n    - 1\n    - 2\n    c:\n    - d: {e: {f: 1}}\n"
        )

    def test_a_last_line_without_an_end_gets_one(self) -> None:
        assert update_card("a: 1", [(("b",), 2)]) == "a: 1\nb: 2\n"

    def test_mappings_on_the_way_are_made(self) -> None:
        assert plain_of(update_card("a:\n", [(("a", "b", "c"), 1)])) == {"a": {"b": {"c": 1}}}

    def test_json_stays_json(self) -> None:
        text = update_card('{"a": 1, "b": {}}', [(("b", "c"), True), (("a",), None)])
        assert text == '{"b": {c: true}}'

    def test_a_card_that_cannot_be_read_is_not_edited(self) -> None:
        with pytest.raises(CardError, match=r"card\.yaml:2:1: a is there already"):
            update_card("a: 1\na: 2\n", [(("b",), 3)])

    def test_a_place_that_cannot_be_edited_is_named(self) -> None:
        with pytest.raises(EmbverError, match="a is no mapping, it has no 'b'"):
            update_card("a: 1\n", [(("a", "b"), 3)])
        with pytest.raises(EmbverError, match="not written as `key: value`"):
            update_card("? a\n: [1]\n", [(("a",), {"b": {"c": {"d": 1}}})])

    @pytest.mark.parametrize("value", [float("nan"), 2**53, datetime.date(2026, 11, 2), "\ud800", b"x"])
    def test_a_value_that_no_card_can_hold_is_refused(self, value: object) -> None:
        with pytest.raises((EmbverError, TypeError, ValueError)):
            update_card(SMALL, [(("title",), value)])


class TestDumping:
    @settings(deadline=None)
    @given(st.dictionaries(NAMES, VALUES, min_size=1, max_size=6))
    def test_what_is_written_is_read_back(self, plain: dict) -> None:
        assert plain_of(dump_plain(plain)) == plain

    def test_a_whole_card_looks_like_the_example(self) -> None:
        text = dump_plain(plain_of(EXAMPLE))
        assert "\nspace:\n  dimensions: 512\n  served_dimensions: [512, 256]\n" in text
        assert "  hyperparameters: {optimizer: adamw, learning_rate: 1.0e-05, batch_size: 4096" in text
        assert "\nartifacts:\n  - {path: image.safetensors, role: vectors," in text
        assert list(plain_of(text)) == list(plain_of(EXAMPLE))
