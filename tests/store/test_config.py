"""Settings: one place, every mistake named, defaults that work."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from embver.errors import ConfigError
from embver.store.config import Settings, load_settings
from embver.store.process import run
from embver.store.resources import resource_folder
from embver.store.schemas import reference_mismatches
from embver.store.sure import is_surely_valid

ROOT = Path(__file__).resolve().parents[2]

FULL = """\
embeddings = "vectors/"
tag_format = "{name}/v{version}"
remote = "upstream"
probe = "./probes/shop"
rule = {recall_new_query_old_index = 0.97}

[[benchmark]]
id = "t2i"
items = "benchmarks/t2i"
query = "text"
document = "image"
where = {query = {language = "en"}, document = {style = ["a", "b"]}}

[[benchmark]]
id = "i2t"
items = "benchmarks/i2t"
query = "image"
document = "text"
metrics = ["ndcg@10", "hit@1"]
title = "Image to text"

[names.products]
probe = "probes/products"
benchmarks = ["i2t"]
"""


def settings_of(folder: Path, text: str) -> Settings:
    (folder / "embver.toml").write_text(text, encoding="utf-8")
    return load_settings(folder)


def error_of(folder: Path, text: str) -> ConfigError:
    with pytest.raises(ConfigError) as caught:
        settings_of(folder, text)
    assert caught.value.exit_code == 2
    return caught.value


def test_no_file_means_defaults_and_says_so(tmp_path: Path) -> None:
    found = load_settings(tmp_path)
    assert (found.is_file, found.embeddings, found.remote, found.tags.pattern) == (
        False, "embeddings", "origin", "{name}@v{version}")  # fmt: skip
    assert (found.probe_for("any"), found.benchmarks_for("any")) == (None, ())


def test_an_empty_file_means_defaults_too(tmp_path: Path) -> None:
    assert settings_of(tmp_path, "") == Settings(is_file=True)


def test_everything_is_read(tmp_path: Path) -> None:
    found = settings_of(tmp_path, FULL)
    assert (found.embeddings, found.remote, found.tags.pattern, found.probe) == (
        "vectors", "upstream", "{name}/v{version}", "probes/shop")  # fmt: skip
    first, second = found.benchmarks
    assert (first.metrics, first.main) == (
        ("hit@1", "hit@10", "recall@10", "ndcg@10", "map", "mrr"),
        "hit@1",
    )
    assert (second.metrics, second.main, second.title) == (("ndcg@10", "hit@1"), "ndcg@10", "Image to text")
    assert first.where == {"query": {"language": "en"}, "document": {"style": ["a", "b"]}}


def test_a_name_overrides_what_holds_for_all(tmp_path: Path) -> None:
    found = settings_of(tmp_path, FULL)
    assert (found.probe_for("products"), found.probe_for("other")) == ("probes/products", "probes/shop")
    assert [benchmark.id for benchmark in found.benchmarks_for("products")] == ["i2t"]
    assert [benchmark.id for benchmark in found.benchmarks_for("other")] == ["t2i", "i2t"]


def test_settings_may_stand_in_pyproject(tmp_path: Path) -> None:
    (tmp_path / "pyproject.toml").write_text('[tool.embver]\nremote = "up"\n')
    assert load_settings(tmp_path).remote == "up"
    (tmp_path / "pyproject.toml").write_text("[tool.other]\n")
    assert load_settings(tmp_path).is_file is False


def test_two_places_are_refused(tmp_path: Path) -> None:
    (tmp_path / "pyproject.toml").write_text("[tool.embver]\n")
    error = error_of(tmp_path, "")
    assert "both in embver.toml and in pyproject.toml" in error.message
    assert error.hint == "keep one: delete [tool.embver]"


def test_mistakes_in_pyproject_name_it(tmp_path: Path) -> None:
    (tmp_path / "pyproject.toml").write_text("[tool.embver]\nremot = 1\n")
    with pytest.raises(ConfigError, match=r"pyproject.toml \[tool.embver\]: remot: 'remot' is no field"):
        load_settings(tmp_path)


def test_an_unknown_key_gets_a_suggestion(tmp_path: Path) -> None:
    error = error_of(tmp_path, 'remot = "origin"\n')
    assert error.message == "embver.toml: remot: 'remot' is no field of the settings"
    assert error.hint == "did you mean 'remote'?"


def test_all_mistakes_are_told_at_once(tmp_path: Path) -> None:
    error = error_of(tmp_path, 'remot = "origin"\nprobe = 1\n[[benchmark]]\nid = "x"\n')
    places = [line.split(": ")[1] for line in error.message.splitlines()]
    assert sorted(places) == ["benchmark[0]", "benchmark[0]", "benchmark[0]", "probe", "remot"]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("remote = \n", "embver.toml: Invalid value"),
        ('tag_format = "{name}{version}"\n', "cannot be read back"),
        ('tag_format = "v{version}"\n', "tag_format"),
        ('embeddings = "../elsewhere"\n', "embver.toml: embeddings is '../elsewhere'"),
        ('embeddings = "/"\n', "embver.toml: embeddings is '/'"),
        ('probe = "a/../../b"\n', "embver.toml: probe is"),
        ('[names.products]\nprobe = ".."\n', "names.products.probe is"),
        ('[names.products]\nbenchmarks = ["t2i"]\n', "there is no benchmark 't2i'"),
        ("[names.Products]\n", "names.Products"),
    ],
)
def test_a_mistake_is_told(text: str, said: str, tmp_path: Path) -> None:
    assert said in error_of(tmp_path, text).message


def test_bytes_that_are_no_text_are_told(tmp_path: Path) -> None:
    (tmp_path / "embver.toml").write_bytes(b'remote = "\xff"\n')
    with pytest.raises(ConfigError, match=r"embver\.toml: 'utf-8' codec"):
        load_settings(tmp_path)


# ---- the quick yes: right settings load no schema checker, and it never says yes where that says no

SCHEMA = json.loads((resource_folder("schemas") / "settings" / "v1.json").read_text(encoding="utf-8"))
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-2, 2) | st.floats(allow_nan=False)
    | st.sampled_from(["", "x", "en", "text", "hit@1", "hit@0", "{name}@v{version}", "next", "é"]),
    lambda inner: st.lists(inner, max_size=3)
    | st.dictionaries(
        st.sampled_from(["tag_format", "remote", "probe", "benchmark", "names", "site", "rule", "where", "id", "items",
                         "query", "document", "metrics", "main", "title", "url", "products", "Bad", "benchmarks"]),
        inner, max_size=5),
    max_leaves=12,
)  # fmt: skip


@given(VALUES)
def test_the_quick_yes_is_never_wrong(plain: object) -> None:
    if is_surely_valid(plain, SCHEMA, SCHEMA):
        assert list(reference_mismatches(plain, "settings")) == []


@given(st.sampled_from(["benchmark", "names", "site", "rule", "probe", "remote", "tag_format"]), VALUES)
def test_the_quick_yes_is_never_wrong_about_one_setting(key: str, value: object) -> None:
    for plain in ({key: value}, {key: [value]}, {key: {"products": value}}):
        if is_surely_valid(plain, SCHEMA, SCHEMA):
            assert list(reference_mismatches(plain, "settings")) == []


@pytest.mark.parametrize(("text", "is_loaded"), [(FULL, False), ("remot = 1", True)])
def test_right_settings_load_no_schema_checker(text: str, is_loaded: bool, tmp_path: Path) -> None:
    (tmp_path / "embver.toml").write_text(text)
    code = (
        "import contextlib, pathlib, sys\nfrom embver.store.config import load_settings\n"
        "with contextlib.suppress(Exception):\n    load_settings(pathlib.Path())\n"
        "print('embver.store.schemas' in sys.modules)"
    )
    said = run([sys.executable, "-c", code], cwd=tmp_path, env={"PYTHONPATH": str(ROOT)}).text
    assert said == f"{is_loaded}\n"
