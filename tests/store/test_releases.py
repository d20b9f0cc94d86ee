"""Releases: read from tags of every kind, in SemVer order, by one process."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from embver.store.repo import Repository
from embver.tagname import TagFormat

Git = Callable[..., str]
TAGS = TagFormat()
MESSAGE = """\
Products 1.0.0

Level: minor
not a trailer

Card-Digest: sha256:abc
Level: major
Verdict: incompatible
Previous: products@v0.9.0
"""


def tag(git: Git, top: Path, name: str, message: str = MESSAGE, target: str = "HEAD") -> None:
    git(top, "tag", "-a", name, "-F", "-", "--cleanup=verbatim", target, stdin=message)


def test_releases_come_by_name_and_version_whatever_their_age(top: Path, repo: Repository, git: Git) -> None:
    for version in ("1.10.0", "1.9.0", "1.10.0-rc.2", "1.10.0-rc.10", "0.1.0"):
        tag(git, top, f"products@v{version}")
    tag(git, top, "alpha@v2.0.0")
    assert [str(release.reference) for release in repo.releases(TAGS)] == [
        "alpha@2.0.0", "products@0.1.0", "products@1.9.0", "products@1.10.0-rc.2", "products@1.10.0-rc.10",
        "products@1.10.0"]  # fmt: skip


def test_tags_of_another_form_are_not_ours(top: Path, repo: Repository, git: Git) -> None:
    for name in (
        "v1.0.0",
        "products@1.0.0",
        "products@v1.0",
        "products#prod#1",
        "Products@v1.0.0",
        "a@v01.0.0",
    ):
        git(top, "tag", name)
    blob, tree = git(top, "rev-parse", "HEAD:a.txt"), git(top, "rev-parse", "HEAD^{tree}")
    git(top, "tag", "file@v1.0.0", blob)
    tag(git, top, "folder@v1.0.0", target=tree)
    assert repo.releases(TAGS) == ()


@pytest.mark.parametrize("is_packed", [False, True])
def test_an_annotated_tag_says_what_its_message_says(
    is_packed: bool, top: Path, repo: Repository, git: Git
) -> None:
    tag(git, top, "products@v1.0.0")
    if is_packed:
        git(top, "pack-refs", "--all")
    (found,) = repo.releases(TAGS)
    assert (found.tag, found.commit, found.is_annotated) == ("products@v1.0.0", repo.head(), True)
    assert (found.level, found.verdict, found.card_digest, found.previous) == (
        "major", "incompatible", "sha256:abc", "products@v0.9.0")  # fmt: skip
    assert found.message == MESSAGE
    assert found.date == "2026-11-02T09:30:00+00:00"


def test_a_lightweight_tag_takes_nothing_from_the_commits_message(
    top: Path, repo: Repository, git: Git
) -> None:
    git(top, "commit", "--quiet", "--allow-empty", "-m", MESSAGE)
    git(top, "tag", "products@v1.0.0")
    (found,) = repo.releases(TAGS)
    assert (found.is_annotated, found.commit) == (False, repo.head())
    assert (found.level, found.verdict, found.card_digest) == (None, None, None)


def test_a_tag_of_a_tag_leads_to_the_commit(top: Path, repo: Repository, git: Git) -> None:
    tag(git, top, "inner")
    tag(git, top, "middle", target="inner")
    tag(git, top, "products@v1.0.0", target="middle")
    (found,) = repo.releases(TAGS)
    assert found.commit == repo.head()


@pytest.mark.parametrize(
    "message",
    [b"\xff\xfe no UTF-8\n", b"\x01\n\x01\n", b"%00%(contents)\n", "“quotes” 日本\n".encode(), b"x" * 70_000 + b"\n",
     b"Level: minor\r\n", b"\n\n"],
)  # fmt: skip
def test_odd_messages_break_no_list(message: bytes, top: Path, repo: Repository, git: Git) -> None:
    body = f"object {repo.head()}\ntype commit\ntag t\ntagger A <a@b> 1795000000 +0000\n\n".encode() + message
    made = git(top, "hash-object", "-t", "tag", "-w", "--stdin", stdin=body)
    git(top, "update-ref", "refs/tags/odd@v1.0.0", made)
    tag(git, top, "products@v1.0.0")
    odd, plain = repo.releases(TAGS)
    assert (odd.message.encode(errors="surrogateescape").strip(), plain.message) == (message.strip(), MESSAGE)


def test_a_signature_is_no_part_of_the_trailers(top: Path, repo: Repository, git: Git) -> None:
    signature = "-----BEGIN SSH SIGNATURE-----\nVerdict: identical\n-----END SSH SIGNATURE-----\n"
    tag(git, top, "products@v1.0.0", MESSAGE + signature)
    (found,) = repo.releases(TAGS)
    assert (found.level, found.verdict) == ("major", "incompatible")


def test_another_format_reads_other_tags(top: Path, repo: Repository, git: Git) -> None:
    tag(git, top, "embeddings/products/1.0.0")
    (found,) = repo.releases(TagFormat(pattern="embeddings/{name}/{version}"))
    assert found.reference == "products@1.0.0"


def test_no_tags_and_no_commits_are_no_releases(tmp_path: Path, git: Git) -> None:
    git(tmp_path, "init", "--quiet")
    repo = Repository.discover(tmp_path)
    assert (repo.releases(TAGS), repo.head(), repo.branch()) == ((), None, "refs/heads/main")


def many_tags(git: Git, top: Path, count: int) -> None:
    lines = ""
    for index in range(count):
        message = f"Products\n\nLevel: minor\nCard-Digest: sha256:{index:064x}\n"
        lines += f"tag products@v1.{index}.0\nfrom refs/heads/main^0\ntagger Ada <ada@example.org> 1795000000 +0000\n"
        lines += f"data {len(message)}\n{message}\n"
    git(top, "fast-import", "--quiet", stdin=lines)


def test_a_thousand_releases_are_one_process(
    top: Path, repo: Repository, git: Git, git_calls: Callable[[], list[str]]
) -> None:
    many_tags(git, top, 1000)
    before = len(git_calls())
    found = repo.releases(TAGS)
    assert len(git_calls()) - before == 1
    assert [str(release.version) for release in found] == [f"1.{index}.0" for index in range(1000)]
    assert found[999].card_digest == f"sha256:{999:064x}"
    repo.read_many([f"{release.commit}:a.txt" for release in found])
    assert len(git_calls()) - before == 2
