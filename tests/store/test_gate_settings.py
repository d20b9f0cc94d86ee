"""`[[gate]]` in the settings: read whole, refused with file, line and column."""

from __future__ import annotations

from pathlib import Path

import pytest

from embver.errors import ConfigError
from embver.gates import Gate
from embver.store.config import load_settings, read_settings

HEAD = """\
[[benchmark]]
id = "t2i"
items = "b/t2i"
query = "text"
document = "image"
metrics = ["hit@1", "hit@10"]

[[benchmark]]
id = "i2t"
items = "b/i2t"
query = "image"
document = "text"

[names.reviews]
benchmarks = ["i2t"]

[[gate]]
"""


def error_of(folder: Path, text: str, name: str = "embver.toml") -> ConfigError:
    (folder / name).write_text(text, encoding="utf-8")
    with pytest.raises(ConfigError) as caught:
        load_settings(folder)
    assert caught.value.exit_code == 2
    return caught.value


def test_gates_are_read_with_their_places(tmp_path: Path) -> None:
    more = 'name = "the shop\\n must find"\nbenchmark = "t2i"\nmetric = "hit@10"\nmin = 0.4\nsignificant_drop = true\n'
    other = '\n[[gate]]\nbenchmark = "own-harness"\nmetric = "f1"\nmax_drop_relative = 0.02\nembedding = "products"\nmissing = "pass"\n'
    (tmp_path / "embver.toml").write_text(HEAD + more + other)
    settings = load_settings(tmp_path)
    first = Gate(
        benchmark="t2i", metric="hit@10", min=0.4, significant_drop=True, name="the shop must find",
        place="embver.toml:17",
    )  # fmt: skip
    second = Gate(
        benchmark="own-harness", metric="f1", max_drop_relative=0.02, embedding="products", missing="pass",
        place="embver.toml:24",
    )  # fmt: skip
    assert settings.gates == (first, second)
    assert settings.gates_for("products") == (first, second)
    assert settings.gates_for("reviews") == ()  # it takes no part in t2i
    # Remembered settings give the same gates, and a file of any name is read like the settings themselves.
    assert (
        load_settings(tmp_path, git_dir=tmp_path).gates
        == load_settings(tmp_path, git_dir=tmp_path).gates
        == settings.gates
    )
    (tmp_path / "gates.toml").write_text(HEAD + more)
    assert read_settings(tmp_path / "gates.toml").gates[0].place == "gates.toml:17"


@pytest.mark.parametrize("threshold", ["min = 0", "max = 0.0", "max_drop = 0", "max_drop_relative = 0"])
def test_zero_is_a_threshold(tmp_path: Path, threshold: str) -> None:
    (tmp_path / "embver.toml").write_text(f'{HEAD}benchmark = "t2i"\nmetric = "hit@1"\n{threshold}\n')
    key = threshold.partition(" ")[0]
    assert getattr(load_settings(tmp_path).gates[0], key) == 0


def test_no_gates_are_no_gates(tmp_path: Path) -> None:
    assert load_settings(tmp_path).gates_for("products") == ()
    with pytest.raises(ConfigError, match="does not exist"):
        read_settings(tmp_path / "gates.toml")


@pytest.mark.parametrize(
    ("entry", "message", "hint"),
    [
        ('benchmark = "t2i"\nmetric = "hit@11"\nmin = 1', "embver.toml:19:10: gate[0].metric: the benchmark t2i does not compute 'hit@11'", "did you mean 'hit@1'?"),
        ('benchmark = "t2i"\nmetric = "zzz"\nmin = 1', "embver.toml:19:10: gate[0].metric: the benchmark t2i does not compute 'zzz'", "it computes: hit@1, hit@10"),
        ('benchmark = "t2i"\nmetric = "hit@1"\nmin = 0.5\nmax = 0.4', "embver.toml:21:7: gate[0].max: 0.4 is less than min, 0.5: no number is both", "exchange min and max"),
        ('benchmark = "t2i"\nmetric = "hit@1"\nsignificant_drop = false', "embver.toml:20:20: gate[0].significant_drop: false asks for nothing", "significant_drop = true, or another threshold"),
        ('benchmark = "t2i"\nmetric = "hit@1"\nmin = 1\nembedding = "reviews"', "embver.toml:21:13: gate[0].embedding: reviews takes no part in t2i", "add it to names.reviews.benchmarks"),
        ('benchmark = "t2i"\nmetric = "hit@1"\nmx_drop = 0.1\nmin = 1', "embver.toml: gate[0].mx_drop: 'mx_drop' is no field of gate[0]", "did you mean 'max_drop'?"),
    ],
)  # fmt: skip
def test_a_mistake_is_told_with_its_place(tmp_path: Path, entry: str, message: str, hint: str) -> None:
    error = error_of(tmp_path, HEAD + entry + "\n")
    assert (error.message, error.hint) == (message, hint)


@pytest.mark.parametrize(
    ("entry", "message"),
    [
        ('benchmark = "t2i"\nmetric = "hit@1"', "gate[0] needs either min or max or max_drop or"),
        ('metric = "hit@1"\nmin = 1', "gate[0] needs 'benchmark'"),
        ('benchmark = "t2i"\nmetric = "hit@1"\nmax_drop = -0.1', "gate[0].max_drop"),
        ('benchmark = "t2i"\nmetric = "hit@1"\nmin = nan', "gate[0].min"),
        ('benchmark = "t2i"\nmetric = "hit@1"\nmin = 1\nmissing = "maybe"', "gate[0].missing"),
    ],
)
def test_a_shape_that_is_wrong(tmp_path: Path, entry: str, message: str) -> None:
    assert message in error_of(tmp_path, HEAD + entry + "\n").message


def test_all_mistakes_are_told_at_once(tmp_path: Path) -> None:
    entry = 'benchmark = "t2i"\nmetric = "hit@11"\nmin = 1\n\n[[gate]]\nbenchmark = "i2t"\nmetric = "hits@1"\nmin = 1\n'
    error = error_of(tmp_path, HEAD + entry)
    assert [line.partition(" ")[0] for line in error.message.splitlines()] == [
        "embver.toml:19:10:",
        "embver.toml:24:10:",
    ]


def test_in_pyproject_they_have_their_place_too(tmp_path: Path) -> None:
    text = '[tool.embver]\n\n[[tool.embver.benchmark]]\nid = "t2i"\nitems = "b"\nquery = "text"\ndocument = "image"\n'
    text += '\n[[tool.embver.gate]]\nbenchmark = "t2i"\nmetric = "f1"\nmin = 1\n'
    assert error_of(tmp_path, text, "pyproject.toml").message.startswith(
        "pyproject.toml:11:10: gate[0].metric: "
    )
