"""`embver explain`: the rule of a field, the whole table, the repository's own rules."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from embver.rules import TABLE
from sandbox import Said, embver, git

POLICY = """\
[[policy]]
path = "training.data"
level = "major"
why = "partners re-index when the data change"

[[policy]]
path = "encoders.*.pooling"
level = "patch"
why = "a label only"
change = "added"
names = ["products"]
"""


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    git(tmp_path, "init", "-q")
    (tmp_path / "embver.toml").write_text(POLICY, encoding="utf-8")
    return tmp_path


def said(folder: Path, *arguments: str) -> Said:
    return embver("-C", str(folder), "explain", *arguments)


def test_a_field_in_full(tmp_path: Path) -> None:
    told = said(tmp_path, "encoders.text.preprocessing[tokenize].max_length")
    assert (told.code, told.err) == (0, "")
    assert told.out.startswith("encoders.text.preprocessing[tokenize].max_length  Longest input\n")
    for words in (
        "schema   schemas/card/v1.json#/$defs/step_tokenize/properties/max_length",
        "type     whole number",
        "gets greater  MINOR  presumed     longer texts are read to the end",
        "gets smaller  MAJOR  soft         texts are cut earlier",
        "otherwise     MAJOR  soft         tokens change",
        "soft      measured compatible, it becomes MINOR and asks for a written reason",
    ):
        assert words in told.out


def test_a_section_lists_what_lies_below(tmp_path: Path) -> None:
    found = said(tmp_path, "encoders.text.languages", "--json").json
    assert [(row["field"], row["when"], row["level"]) for row in found["below"]] == [
        ("encoders.*.languages[*]", "removed", "major"),
        ("encoders.*.languages[*]", "added", "minor"),
    ]
    assert "below encoders.text.languages" in said(tmp_path, "encoders.text.languages").out


def test_the_keys_are_stable(tmp_path: Path) -> None:
    found = said(tmp_path, "space.dimensions", "--json").json
    assert set(found) == {
        "path", "title", "description", "type", "required", "examples", "schema", "rules", "presumptions", "below"
    }  # fmt: skip
    assert (found["path"], found["required"]) == ("space.dimensions", True)
    (rule,) = found["rules"]
    assert rule == {
        "field": "space.dimensions",
        "when": "changes in any way",
        "level": "major",
        "presumption": "hard",
        "why": "another dimension: an index of the old version cannot hold the new vectors",
        "may_be_lowered": False,
        "source": "embver",
        "replaced_by": None,
    }


def test_without_a_field_the_whole_table(tmp_path: Path) -> None:
    rows = said(tmp_path, "--json").json["rules"]
    assert len(rows) == len(TABLE)
    assert {row["source"] for row in rows} == {"embver"}
    assert len(said(tmp_path).out.splitlines()) == len(TABLE) + 1


@pytest.mark.parametrize(
    ("path", "hint"),
    [
        ("training.dat", "embver explain 'training.data'"),
        ("spaces.zzz", "embver explain"),
        ("a[", "embver explain"),
    ],
)
def test_an_unknown_field_is_asked_wrongly(tmp_path: Path, path: str, hint: str) -> None:
    told = said(tmp_path, path)
    assert (told.code, told.out) == (2, "")
    assert "is no field of a card" in told.err
    assert f"next: {hint}" in told.err


def test_own_rules_stand_before_what_they_replace(repository: Path) -> None:
    rules = said(repository, "training.data[openmoji]", "--json").json["rules"]
    assert [(rule["source"], rule["level"], rule["replaced_by"]) for rule in rules] == [
        ("embver.toml:1", "major", None),
        ("embver", "minor", "embver.toml:1"),
        ("embver", "minor", "embver.toml:1"),
    ]
    text = said(repository, "training.data[openmoji]").out
    assert "partners re-index when the data change (embver.toml:1)" in text
    assert "replaced by embver.toml:1" in text
    assert "own  this repository's rule: no measurement lowers it" in text


def test_a_rule_for_some_embeddings_replaces_nothing_for_the_others(repository: Path) -> None:
    rules = said(repository, "encoders.text.pooling", "--json").json["rules"]
    assert [(rule["when"], rule["replaced_by"]) for rule in rules] == [
        ("added, of products", None),
        ("changes in any way", None),
    ]


def test_own_rules_are_part_of_the_table_and_below_a_section(repository: Path) -> None:
    rows = said(repository, "--json").json["rules"]
    assert [row["source"] for row in rows if row["source"] != "embver"] == ["embver.toml:1", "embver.toml:6"]
    below = said(repository, "training", "--json").json["below"]
    assert below[0]["source"] == "embver.toml:1"


def test_settings_that_are_wrong_are_told(repository: Path) -> None:
    (repository / "embver.toml").write_text(
        POLICY.replace("training.data", "space.metric").replace("major", "minor")
    )
    told = said(repository, "space.metric")
    assert told.code == 2
    assert "embver.toml:3:9: policy[0]: space.metric is a hard MAJOR" in told.err
    assert json.loads(said(repository.parent, "space.metric", "--json").out)["path"] == "space.metric"
