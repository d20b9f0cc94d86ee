"""`git bisect run embver gate --bisect`: real Git over real commits, and what must never look like a bad one."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from benched import hits, write_benchmark
from sandbox import CARD, NAME, Sandbox, git

SETTINGS = """\
[[benchmark]]
id = "search"
items = "probes/pairs"
query = "text"
document = "image"
metrics = ["hit@10"]
"""
GATE = '\n[[gate]]\nbenchmark = "search"\nmetric = "hit@10"\n'
PLANTED = 8  # the commit after which less is found, of 12
ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def history(template: Path, tmp_path: Path) -> Sandbox:
    """Return twelve commits of one working version, each benched: good up to the eighth, which loses a tenth."""
    return Sandbox(root=Path(shutil.copytree(template, tmp_path / "repository")))


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    repo = Sandbox(root=tmp_path_factory.mktemp("bisect") / "repository")
    repo.next.mkdir(parents=True)
    git(repo.root, "init", "-q", "-b", "main")
    for key, value in (("user.name", "Search team"), ("user.email", "team@shop.example"), ("gc.auto", "0")):
        repo.git("config", key, value)
    repo.card.write_text(CARD, encoding="utf-8")
    (repo.root / "embver.toml").write_text(SETTINGS + GATE + "significant_drop = true\n", encoding="utf-8")
    for number in range(1, 13):
        # Even where nothing is lost, another query is found each time.
        scores = hits(120 + number % 2) if number < PLANTED else hits(95 + number % 2)
        write_benchmark(repo.next, scores)
        commit(repo, f"commit {number}")
    return repo.root


def commit(repo: Sandbox, words: str) -> None:
    repo.git("add", "-A")
    repo.git("commit", "-q", "--allow-empty", "-m", words)


def amend_all(repo: Sandbox, at: dict[int, str]) -> None:
    """Make the commits anew; what `at` names by number is done to the card before its commit, `-` removes settings."""
    commits = repo.git("rev-list", "--reverse", "HEAD").out.split()
    repo.git("checkout", "-q", "--detach", commits[0])
    for number, made in enumerate(commits[1:], start=2):
        repo.git("checkout", "-q", made, "--", ".")
        if number in at:
            spoil(repo, at[number])
        commit(repo, f"commit {number}")
    repo.git("branch", "-q", "-f", "main", "HEAD")
    repo.git("checkout", "-q", "main")


def spoil(repo: Sandbox, how: str) -> None:
    if how == "card":
        repo.edit(("metric: cosine", "metric: cosinus"))
    elif how == "no card":
        repo.git("rm", "-q", "-r", "--cached", "embeddings")
        repo.git("clean", "-q", "-f", "-d")
    elif how == "settings":
        (repo.root / "embver.toml").write_text("[[gate]]\n", encoding="utf-8")
    elif how == "data set":
        write_benchmark(repo.next, hits(20), dataset="1" * 64)
    else:
        text = repo.card.read_text(encoding="utf-8")
        repo.card.write_text(text[: text.index("benchmarks:")], encoding="utf-8")


def bisect(repo: Sandbox, *options: str, start: tuple[str, ...] = ()) -> str:
    """Run a whole bisection with the program itself, and return what Git said at its end."""
    first = repo.git("rev-list", "--max-parents=0", "HEAD").out.strip()
    repo.git("bisect", "start", *start, "main", first)
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    done = subprocess.run(
        ["git", "bisect", "run", sys.executable, "-m", "embver", "gate", "--bisect", *options],
        cwd=repo.root, capture_output=True, text=True, env=environment, check=False,
    )  # fmt: skip
    return done.stdout + done.stderr


def found(repo: Sandbox, said: str) -> str:
    """Return the subject of the commit that a bisection ended with."""
    match = re.search(r"^([0-9a-f]{40}) is the first bad commit$", said, re.MULTILINE)
    assert match, said
    return repo.git("log", "-1", "--format=%s", match[1]).out.strip()


def judge(repo: Sandbox, *options: str, at: str = "HEAD") -> tuple[int, str]:
    repo.git("checkout", "-q", at)
    said = repo.embver("gate", "--bisect", *options, code=None)
    repo.git("checkout", "-q", "main")
    return said.code, said.text


def test_a_bisection_ends_at_the_commit_that_lost(history: Sandbox) -> None:
    said = bisect(history)
    assert found(history, said) == f"commit {PLANTED}"
    assert f"{NAME}@next in " in said
    assert "significant_drop: a significant regression by the paired test" in said


def test_commits_that_cannot_be_judged_are_passed_over(history: Sandbox) -> None:
    amend_all(history, {3: "card", 4: "no card", 5: "data set", 6: "settings", 10: "benchmark"})
    assert found(history, bisect(history)) == f"commit {PLANTED}"


def test_settings_may_be_younger_than_the_commits_and_no_work_tree_is_needed(
    history: Sandbox, tmp_path: Path
) -> None:
    amend_all(history, dict.fromkeys(range(2, 13), "settings"))
    gates = tmp_path / "gates.toml"
    gates.write_text(SETTINGS + GATE + "max_drop = 0.05\n", encoding="utf-8")
    assert (
        found(history, bisect(history, "--settings", str(gates), start=("--no-checkout",)))
        == f"commit {PLANTED}"
    )


@pytest.mark.parametrize(
    ("how", "why"),
    [
        ("card", "its card is not valid: embeddings/emoji/next/card.yaml:9:3: space.metric"),
        ("no card", "this commit has no embedding"),
        ("benchmark", "this commit has no numbers of emoji"),
        ("settings", "gate[0]"),
    ],
)
def test_why_a_commit_cannot_be_judged(history: Sandbox, how: str, why: str) -> None:
    spoil(history, how)
    commit(history, "spoilt")
    code, said = judge(history)
    assert code == 125
    assert why in said


def test_a_threshold_that_is_typed(history: Sandbox) -> None:
    options = (NAME, "--benchmark", "search", "--metric", "hit@10", "--min", "0.55")
    assert judge(history, *options, at="main~5")[0] == 0
    code, said = judge(history, *options)
    assert code == 1
    assert "bad\n  ✗ search hit@10: min 0.55: it is 0.475" in said
    assert judge(history, "--metric", "hit@11", at="main~5")[0] == 125


def test_a_drop_needs_something_to_drop_from(history: Sandbox) -> None:
    code, said = judge(history)
    assert (code, "a drop needs a version to drop from" in said) == (125, True)
    assert judge(history, "--against", "main~11")[0] == 1
    assert judge(history, "--against", "main~1")[0] == 0
    assert judge(history, "--against", "main")[0] == 0
    code, said = judge(history, "--against", "emoji@9.9.9")
    assert (code, "there is no release emoji@9.9.9" in said) == (125, True)


@pytest.mark.parametrize(
    "options",
    [
        ("--mertic", "hit@10"),
        ("--min", "much"),
        ("--min", "0.5"),
        ("--settings", "absent.toml"),
        ("nobody",),
        ("--against", "-x"),
        ("--against", "emoji@x"),
        ("--md", "--json"),
    ],
)
def test_a_slip_of_the_pen_never_makes_a_bad_commit(history: Sandbox, options: tuple[str, ...]) -> None:
    assert judge(history, *options)[0] == 125


def test_a_released_version_is_judged_where_next_has_no_numbers(history: Sandbox) -> None:
    text = (ROOT / "tests/data/cards/valid/released.yaml").read_text(encoding="utf-8")
    known = re.findall(r"^(name|version): (\S+)", text, re.MULTILINE)
    for version, scores in (("1.9.0", hits(90)), ("1.10.0", hits(130))):
        folder = history.version(version)
        folder.mkdir()
        (folder / "card.yaml").write_text(text, encoding="utf-8")
        for key, was in known:
            now = NAME if key == "name" else version
            history.edit((f"\n{key}: {was}\n", f"\n{key}: {now}\n"), file=folder / "card.yaml")
        write_benchmark(folder, scores)
    spoil(history, "benchmark")
    commit(history, "released")
    code, said = judge(history, "--metric", "hit@10", "--min", "0.5", "--benchmark", "search")
    assert (code, said.startswith(f"{NAME}@1.10.0 in ")) == (0, True)
