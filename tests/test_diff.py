"""Cards compared by meaning."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from embver.diff import Change, Kind, compare
from embver.digest import canonical_json
from sample_card import a_card, edited
from test_digest import plain_values


def found(before: dict[str, Any], after: dict[str, Any]) -> list[tuple[str, str]]:
    return [(change.kind.value, change.path) for change in compare(before, after)]


def changed_to(path: str, *value: Any) -> list[tuple[str, str]]:
    return found(a_card(), edited(path, *value))


def leaves(value: Any, path: tuple[str, ...] = ()) -> Iterator[str]:
    children = (
        value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    )
    inner = [leaf for key, child in children for leaf in leaves(child, (*path, str(key)))]
    yield from inner or ["/".join(path)]


LEAVES = [leaf for leaf in leaves(a_card()) if leaf not in ("schema", "version")]


def test_a_card_does_not_differ_from_itself() -> None:
    assert compare(a_card(), a_card()) == ()


@given(st.dictionaries(st.text(max_size=5), plain_values, max_size=5))
def test_no_plain_data_differ_from_their_copy(plain: dict[str, Any]) -> None:
    assert compare(plain, copy.deepcopy(plain)) == ()


@pytest.mark.parametrize("path", LEAVES)
def test_every_changed_leaf_is_found(path: str) -> None:
    changes = compare(a_card(), edited(path, "something else"))
    assert changes
    top = path.split("/", maxsplit=1)[0]
    assert all(change.where[0] == top for change in changes)


@pytest.mark.parametrize(
    "path", [leaf for leaf in LEAVES if leaf not in ("override", "allowed_regressions", "notes")]
)
def test_every_removed_leaf_is_found(path: str) -> None:
    assert compare(a_card(), edited(path))


@pytest.mark.parametrize(
    "path", [leaf for leaf in LEAVES if leaf not in ("override", "allowed_regressions", "notes")]
)
def test_a_diff_backwards_is_the_diff_mirrored(path: str) -> None:
    mirror = {Kind.ADDED: Kind.REMOVED, Kind.REMOVED: Kind.ADDED, Kind.CHANGED: Kind.CHANGED}
    before, after = a_card(), edited(path)
    forth = {(change.path, change.kind, str(change.before)) for change in compare(before, after)}
    back = {(change.path, mirror[change.kind], str(change.after)) for change in compare(after, before)}
    assert forth == back


@given(plain_values, plain_values)
def test_values_that_differ_in_json_differ_in_the_diff(before: Any, after: Any) -> None:
    # As a hyperparameter: nothing there is a set or an entry with a name.
    cards = [{"training": {"hyperparameters": {"x": [value, "end"]}}} for value in (before, after)]
    assert bool(compare(*cards)) is (canonical_json(before) != canonical_json(after))


@pytest.mark.parametrize(
    ("path", "value", "expected"),
    [
        ("space/dimensions", 256, [("changed", "space.dimensions")]),
        ("encoders/text/languages/-", "fr", [("added", "encoders.text.languages.[fr]")]),
        ("encoders/image/model/tag", "v4", [("changed", "encoders.image.model.tag")]),
        (
            "encoders/image/weights/0/sha256",
            "b",
            [("changed", "encoders.image.weights[model.safetensors].sha256")],
        ),
        (
            "encoders/image/preprocessing/1/size",
            336,
            [("changed", "encoders.image.preprocessing[resize].size")],
        ),
        (
            "encoders/image/preprocessing/4/mean/2",
            0.46,
            [("changed", "encoders.image.preprocessing[normalize].mean")],
        ),
        ("training/data/-", {"name": "openmoji"}, [("added", "training.data[openmoji]")]),
        ("training/data/0/rows", 9, [("changed", "training.data[shop-images].rows")]),
        ("training/hyperparameters/betas/1", 0.9, [("changed", "training.hyperparameters.betas")]),
        ("encoders/audio", {"pooling": "mean"}, [("added", "encoders.audio")]),
        ("artifacts/2/probe/digest", "x", [("changed", "artifacts[probe.safetensors].probe.digest")]),
        (
            "benchmarks/0/metrics/1/value",
            0.5,
            [("changed", "benchmarks[shop-search-t2i].metrics[hit@1].value")],
        ),
        ("notes/-", "later", [("added", "notes[later]")]),
        ("license", None, [("removed", "license")]),
    ],
)
def test_changes_are_named_by_identity(path: str, value: Any, expected: list[tuple[str, str]]) -> None:
    assert changed_to(path, value) == [(kind, place.replace(".[", "[")) for kind, place in expected]


def test_numbers_of_schema_and_version_are_no_change() -> None:
    assert compare(a_card(), a_card(schema=2, version=None)) == ()


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("notes", None),
        ("override", {}),
        ("links", {}),
        ("encoders/text/architecture", {}),
        ("encoders/text/weights", []),
    ],
)
def test_absent_and_empty_say_the_same(path: str, value: Any) -> None:
    assert changed_to(path, value) == []


def test_an_empty_text_is_a_value() -> None:
    assert changed_to("encoders/text/prompts/query") == [("removed", "encoders.text.prompts.query")]
    assert changed_to("encoders/text/prompts/query", "q: ") == [("changed", "encoders.text.prompts.query")]


@pytest.mark.parametrize(("value", "differs"), [(1, True), (True, False), ("true", True), (1.0, True)])
def test_true_is_not_one(value: Any, differs: bool) -> None:
    assert bool(changed_to("space/normalized", value)) is differs
    assert bool(found({"x": [[True]]}, {"x": [[value]]})) is differs


def test_one_is_one_point_zero() -> None:
    assert changed_to("space/dimensions", 512.0) == []


# ---- sections, entries and what embver writes


def test_a_section_that_vanishes_is_told_field_by_field() -> None:
    assert changed_to("encoders/text/languages") == [
        ("removed", "encoders.text.languages[en]"),
        ("removed", "encoders.text.languages[de]"),
    ]
    assert ("removed", "training.hyperparameters.seed") in changed_to("training")
    assert ("removed", "training.data[shop-captions]") in changed_to("training")


def test_an_entry_and_what_embver_writes_come_and_go_as_a_whole() -> None:
    assert changed_to("encoders/image") == [("removed", "encoders.image")]
    assert changed_to("training/data/1") == [("removed", "training.data[shop-captions]")]
    assert changed_to("encoders/image/weights") == [("removed", "encoders.image.weights")]
    for section in ("encode", "artifacts", "benchmarks", "compatibility"):
        assert changed_to(section) == [("removed", section)]


# ---- lists


def test_entries_in_another_order_are_the_same() -> None:
    card = a_card()
    assert changed_to("training/data", card["training"]["data"][::-1]) == []
    assert changed_to("artifacts", card["artifacts"][::-1]) == []


def test_a_set_in_another_order_is_seen_once() -> None:
    assert changed_to("encoders/text/languages", ["de", "en"]) == [("changed", "encoders.text.languages")]


def test_two_entries_of_one_name_hide_nothing() -> None:
    twice = [{"name": "a", "rows": 1}, {"name": "a", "rows": 2}]
    before = edited("training/data", twice)
    assert found(before, edited("training/data/0/rows", 3, card=before)) == [("changed", "training.data")]


def test_steps_are_aligned_by_name() -> None:
    tokenize = a_card()["encoders"]["text"]["preprocessing"][1]
    steps = [
        {"step": "lowercase"},
        {"step": "unicode_normalize", "form": "NFC"},
        {**tokenize, "max_length": 64},
    ]
    assert changed_to("encoders/text/preprocessing", steps) == [
        ("added", "encoders.text.preprocessing[lowercase]"),
        ("changed", "encoders.text.preprocessing[unicode_normalize].form"),
        ("changed", "encoders.text.preprocessing[tokenize].max_length"),
    ]


def test_the_order_of_steps_matters() -> None:
    steps = a_card()["encoders"]["text"]["preprocessing"]
    kinds = [kind for kind, _ in changed_to("encoders/text/preprocessing", steps[::-1])]
    assert sorted(kinds) == ["added", "removed"]


REPLACE = {"step": "replace", "pattern": "_", "with": " "}
OTHER = {"step": "replace", "pattern": "-", "with": ""}


def steps_changed(before: list[dict[str, Any]], after: list[dict[str, Any]]) -> list[tuple[str, str]]:
    path = "encoders/text/preprocessing"
    changes = found(edited(path, before), edited(path, after))
    return [(kind, place.removeprefix("encoders.text.preprocessing")) for kind, place in changes]


def test_an_inserted_step_leaves_the_others_where_they_are() -> None:
    lower, tokenize = {"step": "lowercase"}, {"step": "tokenize", "tokenizer": "T", "max_length": 9}
    assert steps_changed([lower, tokenize], [lower, REPLACE, tokenize]) == [("added", "[replace]")]
    assert steps_changed([REPLACE, tokenize], [OTHER, REPLACE, tokenize]) == [("added", "[replace:1]")]
    assert steps_changed([REPLACE, OTHER], [OTHER]) == [("removed", "[replace:1]")]
    assert steps_changed([REPLACE, OTHER], [REPLACE, {**OTHER, "with": "x"}]) == [
        ("changed", "[replace:2].with")
    ]
    assert steps_changed([], [REPLACE]) == [("added", "[replace]")]


STEPS = st.lists(st.sampled_from([REPLACE, OTHER, {"step": "lowercase"}, {"step": "strip"}]), max_size=6)


@given(STEPS, STEPS)
def test_no_alignment_tells_more_than_it_must(
    before: list[dict[str, Any]], after: list[dict[str, Any]]
) -> None:
    changes = steps_changed(before, after)
    assert bool(changes) is (before != after)
    assert len(set(changes)) == len(changes)  # each has a place of its own
    assert len(changes) <= len(before) + len(after)
    grown = [*after[:1], {"step": "prefix", "text": "q"}, *after[1:]]
    assert steps_changed(after, grown) == [("added", "[prefix]")]


def test_stable_keys() -> None:
    change = Change(where=("training", "data", "[a]", "rows"), kind=Kind.CHANGED, before=1, after=2)
    assert change.to_plain() == {"path": "training.data[a].rows", "kind": "changed", "before": 1, "after": 2}
