"""The scores of every query, read in bulk from real repositories: what is there, and what is said of what is not."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

import pytest

from embver.store.repo import Repository
from embver.store.scores import Scores, ScoresFile, read_scores
from traced_history import KEY, Made, found, make_history, raw_bytes, record_of

FOLDER = "embeddings/shop/1.0.0"
FIRST = Made(version="1.0.0", scores={KEY: found(100), "mrr@10": [0.5] * 200})


def reader(tmp_path: Path, *versions: Made) -> tuple[Repository, str]:
    repo = make_history(tmp_path / "repository", versions or (FIRST,))
    return Repository.discover(repo.root), repo.git("rev-parse", "HEAD").out.strip()


def file_of(commit: str | None, **source: Any) -> ScoresFile:
    record = record_of(FIRST)
    record["source"] |= source
    return ScoresFile(reference="shop@1.0.0", folder=FOLDER, commit=commit, record=record)


def rewrite(repo: Repository, data: bytes) -> ScoresFile:
    """Put other bytes in the work tree, and return a record that names them."""
    (repo.root / FOLDER / "benchmarks/search.json").write_bytes(data)
    return file_of(None, sha256=hashlib.sha256(data).hexdigest())


@pytest.mark.parametrize("metrics", [None, {KEY}, {KEY, "mrr@10"}, {KEY, "map"}])
def test_what_bench_wrote_comes_back(tmp_path: Path, metrics: set[str] | None) -> None:
    repo, commit = reader(tmp_path)
    (made,) = read_scores(repo, [file_of(commit)], metrics=metrics)
    wanted = {"mrr@10", KEY} & (metrics or {"mrr@10", KEY})
    assert made.lacking is None
    assert {key: list(values) for key, values in made.per_query.items()} == {
        key: list(FIRST.scores[key])
        for key in wanted  # type: ignore[index]
    }
    assert (made.queries[:2], made.pairs[:2], len(made.queries)) == (("q000", "q001"), ("p000", "p001"), 200)
    assert made.by_query(KEY)["q099"] == 1.0
    assert made.by_query(KEY)["q100"] == 0.0
    assert made.by_query("precision@3") == {}


def test_a_file_laid_out_in_another_way_is_read_too(tmp_path: Path) -> None:
    repo, commit = reader(tmp_path)
    plain = json.loads(raw_bytes(FIRST, "search"))
    turned = {key: plain[key] for key in ("pairs", "queries", "per_query")}
    for other_way in (json.dumps(plain, indent=2), json.dumps(turned, separators=(",", ":"))):
        one, other = read_scores(repo, [file_of(commit), rewrite(repo, other_way.encode())], metrics={KEY})
        assert (one.per_query, one.queries, one.pairs) == (other.per_query, other.queries, other.pairs)


def test_large_files_are_read_some_at_a_time(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    later = [
        FIRST.with_(version=f"1.{n}.0", previous=f"1.{n - 1}.0", scores={KEY: found(100 - n)})
        for n in range(1, 5)
    ]
    repo, commit = reader(tmp_path, FIRST, *later)
    files = [
        ScoresFile(
            reference=made.version,
            folder=f"embeddings/shop/{made.version}",
            commit=commit,
            record=record_of(made),
        )
        for made in (*later, FIRST)
    ]
    whole = read_scores(repo, files)
    monkeypatch.setattr("embver.store.scores._AT_ONCE_BYTES", 7_000)
    assert read_scores(repo, files) == whole
    assert [sum(made.per_query[KEY]) for made in whole] == [99, 98, 97, 96, 100]


def test_ids_that_look_like_the_file_itself_mislead_nobody(tmp_path: Path) -> None:
    repo, _ = reader(tmp_path)
    plain = json.loads(raw_bytes(FIRST, "search"))
    plain["queries"][0] = '"per_query":{"hit@10":[9,9]'
    plain["queries"][1] = '"queries":["x"]'
    data = json.dumps(plain, separators=(",", ":")).encode()
    (made,) = read_scores(repo, [rewrite(repo, data)], metrics={KEY})
    assert made.lacking is None
    assert (list(made.queries), list(made.per_query[KEY])) == (plain["queries"], found(100))


def test_many_versions_share_the_ids_they_have_in_common(tmp_path: Path) -> None:
    second = FIRST.with_(version="1.1.0", scores={KEY: found(90)}, previous="1.0.0")
    repo, commit = reader(tmp_path, FIRST, second)
    later = ScoresFile(
        reference="shop@1.1.0", folder="embeddings/shop/1.1.0", commit=commit, record=record_of(second)
    )
    one, other = read_scores(repo, [file_of(commit), later], metrics={KEY})
    assert one.queries is other.queries
    assert sum(one.per_query[KEY]) - sum(other.per_query[KEY]) == 10


def test_head_counts_and_else_the_versions_own_commit(tmp_path: Path) -> None:
    repo, commit = reader(tmp_path)
    path = repo.root / FOLDER / "benchmarks/search.json"
    later = raw_bytes(FIRST.with_(scores={KEY: found(120)}), "search")
    path.write_bytes(later)
    repo.git("add", "-A")
    repo.git("commit", "-q", "-m", "Bench again")
    (made,) = read_scores(repo, [file_of(commit, sha256=hashlib.sha256(later).hexdigest())])
    assert sum(made.per_query[KEY]) == 120
    path.unlink()
    repo.git("commit", "-q", "-a", "-m", "Clean up")
    (made,) = read_scores(repo, [file_of(commit)])
    assert sum(made.per_query[KEY]) == 100


def lacking(made: tuple[Scores, ...]) -> str:
    (one,) = made
    assert (one.queries, one.pairs, dict(one.per_query)) == ((), (), {})
    assert one.lacking is not None
    return one.lacking


def test_what_is_missing_is_named(tmp_path: Path) -> None:
    repo, commit = reader(tmp_path)
    digest = record_of(FIRST)["source"]["sha256"]
    assert lacking(read_scores(repo, [file_of(commit, path="benchmarks/other.json")])) == (
        f"its raw file benchmarks/other.json (sha256 {digest[:12]}…) is not there"
    )
    assert lacking(read_scores(repo, [file_of(commit, sha256="e" * 64)])) == (
        f"its raw file benchmarks/search.json has the digest {digest[:12]}…, and its card names {'e' * 12}…"
    )
    kept = "the scores of its queries were not kept"
    assert lacking(read_scores(repo, [file_of(commit, format="mteb.TaskResult")])) == kept
    for outside in ("../1.1.0/benchmarks/search.json", "/etc/hostname"):
        assert lacking(read_scores(repo, [file_of(commit, path=outside)])) == kept
        assert lacking(read_scores(repo, [file_of(None, path=outside)])) == kept
    assert read_scores(repo, []) == ()


@pytest.mark.parametrize("metrics", [None, {KEY}])
@pytest.mark.parametrize(
    ("broken", "says"),
    [
        ({"per_query": {KEY: [1.0] * 199}}, "it has not one hit@10 for each of its 200 queries"),
        ({"per_query": {KEY: [1.0] * 199 + [float("nan")]}}, "a score of hit@10 is not a number"),
        ({"per_query": {KEY: [1.0] * 199 + [float("inf")]}}, "a score of hit@10 is not a number"),
        ({"per_query": {KEY: [1.0] * 199 + [None]}}, "a score of hit@10 is not a number"),
        ({"per_query": {KEY: [1.0] * 199 + ["1.0"]}}, "a score of hit@10 is not a number"),
        ({"queries": [1, 2]}, "it names no queries"),
        ({"pairs": ["p"]}, "its queries and pairs are not equally many"),
    ],
)
def test_a_raw_file_that_is_none(
    tmp_path: Path, metrics: set[str] | None, broken: dict[str, Any], says: str
) -> None:
    repo, _ = reader(tmp_path)
    plain = {**json.loads(raw_bytes(FIRST, "search")), **broken}
    data = json.dumps(plain, separators=(",", ":")).encode()
    said = lacking(read_scores(repo, [rewrite(repo, data)], metrics=metrics))
    assert said == f"its raw file benchmarks/search.json cannot be read: {says}"


@pytest.mark.parametrize(
    "data", [b"", b"[]", b"{}", b"\xff\xfe", b'{"queries":["a"],"per_query":{"hit@10":[1']
)
def test_a_raw_file_that_is_no_json(tmp_path: Path, data: bytes) -> None:
    repo, _ = reader(tmp_path)
    for metrics in (None, {KEY}):
        assert lacking(read_scores(repo, [rewrite(repo, data)], metrics=metrics)).startswith(
            "its raw file benchmarks/search.json cannot be read: "
        )
