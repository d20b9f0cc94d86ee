"""`[[policy]]` in the settings: read whole, refused with file, line and column."""

from __future__ import annotations

from pathlib import Path

import pytest

from embver.diff import Kind
from embver.errors import ConfigError
from embver.levels import Level
from embver.store.config import load_settings

HEAD = '# rules\n\n[[policy]]\npath = "{path}"\nlevel = "{level}"\nwhy = "so it is"\n'


def rule(path: str, level: str, more: str = "") -> str:
    return HEAD.format(path=path, level=level) + more


def error_of(folder: Path, text: str, name: str = "embver.toml") -> ConfigError:
    (folder / name).write_text(text, encoding="utf-8")
    with pytest.raises(ConfigError) as caught:
        load_settings(folder)
    assert caught.value.exit_code == 2
    return caught.value


def test_a_rule_is_read_with_its_place(tmp_path: Path) -> None:
    more = 'change = "added"\nnames = ["products"]\n'
    (tmp_path / "embver.toml").write_text(
        rule("training.data", "major") + "\n" + rule("title", "patch", more)
    )
    settings = load_settings(tmp_path)
    first, second = settings.policy
    assert (first.path, first.level, first.why, first.place) == (
        ("training", "data"), Level.MAJOR, "so it is", "embver.toml:3")  # fmt: skip
    assert (second.kinds, second.names, second.place) == ((Kind.ADDED,), ("products",), "embver.toml:10")
    assert settings.policy_for("products") == (first, second)
    assert settings.policy_for("reviews") == (first,)


def test_no_rules_are_no_rules(tmp_path: Path) -> None:
    assert load_settings(tmp_path).policy == ()


@pytest.mark.parametrize(
    "path",
    ["space", "space.dimensions", "space.metric", "encoders", "encoders.*", "encoders.text", "encoders.text.prompts",
     "encoders.text.languages", "space.served_dimensions[256]", "space.kind", "corpus.id_scheme"],
)  # fmt: skip
def test_a_hard_major_cannot_be_lowered(tmp_path: Path, path: str) -> None:
    error = error_of(tmp_path, rule(path, "minor"))
    assert error.message.startswith("embver.toml:5:9: policy[0]: ")
    assert "is a hard MAJOR" in error.message
    assert error.message.endswith("no rule lowers it")


def test_the_kind_of_change_may_leave_the_hard_one_out(tmp_path: Path) -> None:
    error = error_of(tmp_path, rule("encoders.*.languages[*]", "patch"))
    assert error.hint == '`change = "added"`, or a path that does not reach it'
    (tmp_path / "embver.toml").write_text(rule("encoders.*.languages[*]", "patch", 'change = "added"\n'))
    assert load_settings(tmp_path).policy[0].kinds == (Kind.ADDED,)


@pytest.mark.parametrize(
    "path", ["license", "encoders.*.model", "training", "title", "extra.example.org.codebook"]
)
def test_what_is_not_always_hard_may_be_lowered(tmp_path: Path, path: str) -> None:
    (tmp_path / "embver.toml").write_text(rule(path, "none"))
    assert load_settings(tmp_path).policy[0].level is Level.NONE


def test_an_unknown_field_gets_a_suggestion(tmp_path: Path) -> None:
    error = error_of(tmp_path, rule("training.data.rows", "major"))
    assert error.message == "embver.toml:4:8: policy[0].path: 'training.data.rows' is no field of a card"
    assert error.hint == "did you mean training.data[*].rows?"


def test_all_mistakes_are_told_at_once(tmp_path: Path) -> None:
    error = error_of(tmp_path, rule("spaace", "major") + rule("space", "none") + rule("title", "major"))
    assert [line.partition(": ")[0] for line in error.message.splitlines()] == [
        "embver.toml:4:8",
        "embver.toml:11:9",
    ]


@pytest.mark.parametrize("line", ['level = "patch"', 'why = "so it is"', 'path = "title"'])
def test_no_part_may_be_missing(tmp_path: Path, line: str) -> None:
    assert "policy[0]" in error_of(tmp_path, rule("title", "patch").replace(line, "")).message


@pytest.mark.parametrize(
    ("before", "after"),
    [("so it is", "  "), ('"patch"', '"small"'), ("why =", "because ="), ('"title"', "3"), ('"title"', '""')],
)
def test_what_is_written_wrongly_is_refused(tmp_path: Path, before: str, after: str) -> None:
    assert "policy[0]" in error_of(tmp_path, rule("title", "patch").replace(before, after)).message


def test_places_in_other_forms(tmp_path: Path) -> None:
    inline = 'remote = "up"\npolicy = [{path = "space", level = "none", why = "x"}]\n'
    assert error_of(tmp_path, inline).message.startswith("embver.toml:2:1: policy[0]: ")
    (tmp_path / "embver.toml").unlink()
    text = '[project]\nname = "x"\n\n[[ tool.embver.policy ]]\nlevel = "none"\npath = "space"\nwhy = "x"\n'
    error = error_of(tmp_path, text, name="pyproject.toml")
    assert error.message.startswith("pyproject.toml:5:9: policy[0]: ")
