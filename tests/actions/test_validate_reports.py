"""What `embver validate` prints: every problem, sorted, in each format; and what it is asked wrongly."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from embver.cardrules import RULES
from embver.cli.report_github import annotation
from embver.cli.report_sarif import sarif
from embver.problem import Problem
from sandbox import Said, embver, git

CARDS = Path(__file__).resolve().parents[1] / "data/cards"

CARD = """\
schema: 1
name: tiny
titel: Tiny
space: {dimensions: 8, metric: cosin, normalized: true, kind: dense, dtype: float32}
encoders:
  text:
    model: {path: models/tiny}
    preprocessing:
      - {step: tokenize, tokenizer: CLIPTokenizerFast, max_length: 16, truncation: end}
"""


@pytest.fixture
def repo(tmp_path: Path) -> Path:
    git(tmp_path, "init", "-q", "-b", "main")
    for name in ("b", "a"):
        folder = tmp_path / f"embeddings/{name}/next"
        folder.mkdir(parents=True)
        (folder / "card.yaml").write_text(CARD.replace("name: tiny", f"name: {name}"))
    return tmp_path


def validate(repo: Path, *arguments: str, code: int = 1) -> Said:
    said = embver("-C", str(repo), "validate", *arguments)
    assert said.code == code, said.text
    return said


def test_text(repo: Path) -> None:
    lines = validate(repo).out.splitlines()
    a, b = "embeddings/a/next/card.yaml", "embeddings/b/next/card.yaml"
    assert [line.split(": ")[0] for line in lines] == [f"{a}:3:1", f"{a}:4:24", f"{b}:3:1", f"{b}:4:24"]
    assert lines[0] == f"{a}:3:1: 'titel' is no field of the card [unknown-field] -> did you mean 'title'?"


def test_json(repo: Path) -> None:
    expected = validate(repo, "--json").json
    assert expected == validate(repo, "--format", "json").json
    assert list(expected) == ["problems"]
    assert expected["problems"][1] == {
        "path": "embeddings/a/next/card.yaml",
        "line": 4,
        "column": 24,
        "rule": "not-allowed-value",
        "message": "space.metric is cosin, not one of cosine, dot, euclidean, hamming",
        "hint": "did you mean 'cosine'?",
    }


def test_github(repo: Path) -> None:
    lines = validate(repo, "--format", "github").out.splitlines()
    assert lines[0] == (
        "::error file=embeddings/a/next/card.yaml,line=3,col=1,title=embver unknown-field"
        "::'titel' is no field of the card -> did you mean 'title'?"
    )
    assert len(lines) == 4


def problem(**changed: object) -> Problem:
    plain = {"path": "a.yaml", "line": 1, "column": 2, "rule": "some-rule", "message": "wrong", "hint": None}
    return Problem(**{**plain, **changed})


def test_a_github_annotation_cannot_be_forged() -> None:
    line = annotation(problem(path="a,line=9::x%\n.yaml", message="50 %\n::error file=b::c\r", hint="y"))
    assert "\n" not in line
    assert "\r" not in line
    assert (
        line
        == "::error file=a%2Cline=9%3A%3Ax%25%0A.yaml,line=1,col=2,title=embver some-rule::50 %25%0A::error file=b::c%0D -> y"
    )


def test_sarif(repo: Path) -> None:
    log = validate(repo, "--format", "sarif").json
    check_sarif(log)
    (run,) = log["runs"]
    assert [rule["id"] for rule in run["tool"]["driver"]["rules"]] == ["not-allowed-value", "unknown-field"]
    assert run["tool"]["driver"]["rules"][1]["shortDescription"] == {"text": "An unknown field"}
    first = run["results"][0]
    assert first["ruleId"] == "unknown-field"
    assert first["message"] == {"text": "'titel' is no field of the card -> did you mean 'title'?"}
    assert first["locations"][0]["physicalLocation"] == {
        "artifactLocation": {"uri": "embeddings/a/next/card.yaml"},
        "region": {"startLine": 3, "startColumn": 1},
    }


def test_sarif_names_the_place_of_each_rule_on_its_page() -> None:
    page = (Path(__file__).parents[2] / "site/reference/rules.md").read_text(encoding="utf-8")
    log = sarif([problem(rule=name) for name in RULES])
    links = {rule["id"]: rule["helpUri"] for rule in log["runs"][0]["tool"]["driver"]["rules"]}
    assert links == {name: f"https://embver.org/reference/rules/#{name}" for name in RULES}
    # Python-Markdown makes the anchor of a heading from its words: these are one word of letters and dashes each.
    assert all(f"\n### {name}\n" in page for name in RULES)


def test_sarif_of_nothing_and_of_odd_paths() -> None:
    check_sarif(sarif([]))
    log = sarif([problem(path="a b/ö#1.yaml"), problem(rule="other")])
    check_sarif(log)
    results = log["runs"][0]["results"]
    assert (
        results[0]["locations"][0]["physicalLocation"]["artifactLocation"]["uri"] == "a%20b/%C3%B6%231.yaml"
    )


def check_sarif(log: dict) -> None:
    """Hold a log to what SARIF 2.1.0 requires of the objects that are in it (sections 3.13 to 3.49)."""
    assert set(log) == {"$schema", "version", "runs"}
    assert log["version"] == "2.1.0"
    for run in log["runs"]:
        driver = run["tool"]["driver"]
        assert driver["name"]
        rules = [rule["id"] for rule in driver["rules"]]
        assert len(set(rules)) == len(rules)
        for rule in driver["rules"]:
            assert rule["shortDescription"]["text"]
            assert rule["defaultConfiguration"]["level"] in ("none", "note", "warning", "error")
        for result in run["results"]:
            assert result["message"]["text"]
            assert rules[result["ruleIndex"]] == result["ruleId"]
            assert result["level"] in ("none", "note", "warning", "error")
            for location in result["locations"]:
                region = location["physicalLocation"]["region"]
                assert region["startLine"] >= 1
                assert region["startColumn"] >= 1
    json.dumps(log, allow_nan=False)


def test_nothing_wrong_in_each_format(tmp_path: Path) -> None:
    card = str(CARDS / "valid/small.yaml")
    for form, expected in (("text", ""), ("github", ""), ("json", '{\n  "problems": []\n}\n')):
        assert validate(tmp_path, card, "--format", form, code=0).out == expected
    assert validate(tmp_path, card, "--format", "sarif", code=0).json["runs"][0]["results"] == []


def test_only_some_kinds(repo: Path) -> None:
    card = repo / "embeddings/a/next/card.yaml"
    text = card.read_text().replace("titel: Tiny\n", "").replace("cosin,", "hamming,")
    card.write_text(text)
    path = str(card)
    assert "[metric-against-kind]" in validate(repo, path).out
    assert "[metric-against-kind]" in validate(repo, path, "--only", "sense").out
    for kind in ("shape", "truth", "frozen"):
        validate(repo, path, "--only", kind, code=0)
    assert "[metric-against-kind]" in validate(repo, path, "--only", "truth", "--only", "sense").out
    card.write_text(text.replace("hamming", "hammin"))
    for kind in ("shape", "sense", "truth", "frozen"):  # nothing can be said of a card that has no shape
        assert "[not-allowed-value]" in validate(repo, path, "--only", kind).out


def test_ten_mistakes_are_told_at_their_ten_lines(tmp_path: Path) -> None:
    found = validate(tmp_path, str(CARDS / "invalid/ten-mistakes.yaml"), "--json").json["problems"]
    assert len(found) >= 10
    assert len({entry["line"] for entry in found}) >= 10


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("none.yaml",), "none.yaml does not exist"),
        (("--rev", "nowhere"), "nowhere is no commit of this repository"),
        (("--rev", "HEAD", "embeddings"), "--rev and --all-history take no PATH"),
        (("--all-history", "embeddings"), "--rev and --all-history take no PATH"),
        (("--staged", "--rev", "HEAD"), "not allowed with argument"),
        (("--format", "xml"), "invalid choice: 'xml'"),
        (("--only", "beauty"), "invalid choice: 'beauty'"),
        (("--staged", "/etc/passwd"), "lies outside of"),
    ],
)
def test_what_is_asked_wrongly(repo: Path, arguments: tuple[str, ...], said: str) -> None:
    assert said in validate(repo, *arguments, code=2).err


def test_outside_of_a_repository_single_cards_are_checked(tmp_path: Path) -> None:
    card = tmp_path / "card.yaml"
    card.write_text(CARD)
    assert "card.yaml:3:1:" in validate(tmp_path, "card.yaml").out
    assert "is no Git repository" in validate(tmp_path, code=2).err
    assert "is no Git repository" in validate(tmp_path, "--staged", "card.yaml", code=2).err


def test_a_folder_beside_the_repository(repo: Path, tmp_path_factory: pytest.TempPathFactory) -> None:
    other = tmp_path_factory.mktemp("other")
    (other / "card.yaml").write_text(CARD)
    assert f"{other}/card.yaml:3:1:" in validate(repo, str(other)).out
    assert "there is no card.yaml below" in validate(repo, str(tmp_path_factory.mktemp("empty")), code=2).err
