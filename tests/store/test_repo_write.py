"""Git, written to: all or nothing, and nothing that a person has under way is touched."""

from __future__ import annotations

import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from embver.errors import RepoError
from embver.store.process import ProcessError
from embver.store.repo import Repository
from embver.tagname import TagFormat

Git = Callable[..., str]
MODE = "100644"
ODD_NAMES = ["with space", "ünï/日本", "-dash", "a[1]", "st*r", ":(top)x", 'quo"te', "tab\t", "new\nline"]


@pytest.fixture(params=["sha1", "sha256"])
def either(request: pytest.FixtureRequest, tmp_path: Path, git: Git) -> Repository:
    """Return a repository of either object format, with a file, a staged change and an unstaged one."""
    top = tmp_path / request.param
    top.mkdir()
    git(top, "init", "--quiet", f"--object-format={request.param}")
    for name in ("kept", "old/x", "old/y"):
        (top / name).parent.mkdir(exist_ok=True)
        (top / name).write_text(name)
    git(top, "add", ".")
    git(top, "commit", "--quiet", "-m", "First")
    (top / "staged").write_text("staged")
    git(top, "add", "staged")
    (top / "kept").write_text("edited")
    return Repository.discover(top)


def names_in(git: Git, repo: Repository, revision: str) -> list[str]:
    return git(repo.root, "ls-tree", "-r", "-z", "--name-only", revision).split("\0")[:-1]


# ---- commits


def test_a_commit_is_made_beside_everything_that_a_person_sees(either: Repository, git: Git) -> None:
    before = git(either.root, "status", "--porcelain"), either.head(), git(either.root, "for-each-ref")
    index = (either.git_dir / "index").read_bytes()
    blob = either.write_blob(b"new")
    commit = either.build_commit(
        parent=either.head(),
        message="Release é\n\nWhy\n",
        files={"new/x": (MODE, blob)},
        removed=["old/x", "absent"],
    )
    assert names_in(git, either, commit) == ["kept", "new/x", "old/y"]
    assert git(either.root, "log", "-1", "--format=%P|%B|%an|%ad", "--date=iso-strict", commit) == (
        f"{either.head()}|Release é\n\nWhy\n|Ada|2026-11-02T09:30:00+00:00"
    )
    assert (
        git(either.root, "status", "--porcelain"),
        either.head(),
        git(either.root, "for-each-ref"),
    ) == before
    assert (either.git_dir / "index").read_bytes() == index
    assert list(either.git_dir.glob("embver/*")) == []
    git(either.root, "fsck", "--strict")


def test_a_file_may_move_onto_a_removed_one(either: Repository, git: Git) -> None:
    blob = either.write_blob(b"new")
    commit = either.build_commit(
        parent=either.head(), message="m", files={"old/x": (MODE, blob)}, removed=["old/x"]
    )
    assert git(either.root, "cat-file", "blob", f"{commit}:old/x") == "new"


def test_the_first_commit_has_no_parent(tmp_path: Path, git: Git) -> None:
    git(tmp_path, "init", "--quiet")
    repo = Repository.discover(tmp_path)
    commit = repo.build_commit(
        parent=None, message="m", files={"a": (MODE, repo.write_blob(b"a"))}, removed=[]
    )
    repo.move_refs([("refs/heads/main", commit, "0" * 40)])
    assert (repo.head(), repo.read("HEAD", "a")) == (commit, b"a")


@pytest.mark.parametrize("name", ODD_NAMES)
def test_a_commit_holds_files_of_any_name(name: str, either: Repository) -> None:
    blob = either.write_blob(name.encode())
    commit = either.build_commit(
        parent=either.head(), message="m", files={f"f/{name}": (MODE, blob)}, removed=[]
    )
    assert either.read(commit, f"f/{name}") == name.encode()
    gone = either.build_commit(parent=commit, message="m", files={}, removed=[f"f/{name}"])
    assert either.tree(gone, "f") == ()


def test_two_commits_at_once_do_not_mix(either: Repository, git: Git) -> None:
    blob, made = either.write_blob(b"x"), {}

    def build(name: str) -> None:
        made[name] = either.build_commit(
            parent=either.head(), message=name, files={name: (MODE, blob)}, removed=[]
        )

    threads = [threading.Thread(target=build, args=(f"n{number}",)) for number in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert {name: names_in(git, either, commit) for name, commit in made.items()} == {
        f"n{number}": ["kept", f"n{number}", "old/x", "old/y"] for number in range(6)
    }


def test_bytes_are_stored_as_they_are(top: Path, repo: Repository, git: Git) -> None:
    git(top, "config", "core.autocrlf", "true")
    (top / ".gitattributes").write_text("* text\n")
    blob = repo.write_blob(b"a\r\nb\x00\xff")
    assert repo.read_many([blob]) == (b"a\r\nb\x00\xff",)


# ---- tags


@pytest.mark.parametrize(
    "message", ["One line", "Title\n\n  indented\n* é 日本 💥\n\nLevel: minor\n", "no end\n\n\n"]
)
def test_a_tag_is_what_git_tag_would_make(message: str, either: Repository, git: Git) -> None:
    commit = str(either.head())
    made = either.build_tag(tag="products@v1.0.0", commit=commit, message=message)
    assert git(either.root, "tag") == ""
    git(either.root, "tag", "-a", "products@v1.0.0", "-F", "-", commit, stdin=message)
    assert git(either.root, "cat-file", "tag", made) == git(either.root, "cat-file", "tag", "products@v1.0.0")
    assert git(either.root, "rev-parse", "refs/tags/products@v1.0.0") == made


def test_a_tag_of_nothing_is_refused(either: Repository) -> None:
    with pytest.raises(ProcessError, match="mktag"):
        either.build_tag(tag="t", commit="1" * len(str(either.head())), message="m")


# ---- references


def test_references_move_together(either: Repository, git: Git) -> None:
    head = str(either.head())
    commit = either.build_commit(parent=head, message="m", files={}, removed=["old/x"])
    tag = either.build_tag(tag="t", commit=commit, message="m")
    either.move_refs([("refs/heads/main", commit, head), ("refs/tags/t", tag, "0" * len(head))])
    assert (either.head(), git(either.root, "rev-parse", "refs/tags/t")) == (commit, tag)
    assert "embver release" in git(either.root, "reflog", "-1", "HEAD")


@pytest.mark.parametrize("is_packed", [False, True])
def test_one_stale_reference_moves_none(is_packed: bool, either: Repository, git: Git) -> None:
    head = str(either.head())
    git(either.root, "tag", "t")
    if is_packed:
        git(either.root, "pack-refs", "--all")
    before = git(either.root, "for-each-ref")
    commit = either.build_commit(parent=head, message="m", files={}, removed=["old/x"])
    zero = "0" * len(head)
    for moves in (
        [("refs/heads/main", commit, head), ("refs/tags/t", commit, zero)],  # the tag exists
        [("refs/tags/u", commit, zero), ("refs/heads/main", commit, commit)],  # somebody committed meanwhile
        [("refs/heads/main", commit, head), ("refs/tags/t/below", commit, zero)],  # a name that cannot be
    ):
        with pytest.raises(ProcessError, match="update-ref"):
            either.move_refs(moves)
        assert git(either.root, "for-each-ref") == before


# ---- the index


def test_the_index_follows_and_keeps_what_else_is_staged(either: Repository, git: Git) -> None:
    blob = either.write_blob(b"old/x")
    (either.root / "old").rename(either.root / "new")
    either.replace_in_index(
        files={"new/x": (MODE, blob), "new/y": (MODE, either.write_blob(b"old/y"))},
        removed=["old/x", "old/y"],
    )
    assert git(either.root, "status", "--porcelain", "--no-renames").splitlines() == [
        " M kept", "A  new/x", "A  new/y", "D  old/x", "D  old/y", "A  staged"]  # fmt: skip


def test_a_held_index_is_a_clear_error(repo: Repository, top: Path) -> None:
    (top / ".git" / "index.lock").touch()
    with pytest.raises(ProcessError, match=r"index\.lock': File exists"):
        repo.replace_in_index(files={}, removed=["a.txt"])
    with pytest.raises(RepoError, match=r"index\.lock': File exists"):
        repo.stage(["a.txt"])


@pytest.mark.parametrize("name", ODD_NAMES)
def test_staging_takes_one_file_and_no_pattern(name: str, top: Path, repo: Repository, git: Git) -> None:
    for other in (name, "a1", "star", "x"):
        (top / other).parent.mkdir(exist_ok=True)
        (top / other).write_text(other)
    (top / ".gitignore").write_text("*\n")
    repo.stage([name])
    assert git(top, "diff", "--cached", "--name-only", "-z").split("\0")[:-1] == [name]
    repo.stage([])


def test_staging_what_is_not_there_says_so(repo: Repository) -> None:
    with pytest.raises(
        RepoError, match="git failed: fatal: pathspec ':\\(literal\\)absent' did not match any files"
    ):
        repo.stage(["absent"])


@pytest.mark.parametrize("name", ["a b", "ü", "-x", "s*", ":y"])
def test_a_commit_of_some_files_leaves_the_rest_staged(name: str, either: Repository, git: Git) -> None:
    for other in (name, "su"):
        (either.root / other).write_text("x")
    commit = either.commit_paths([name], "Add one: 'é'\n\nWhy")
    assert (commit, git(either.root, "log", "-1", "--format=%s")) == (either.head(), "Add one: 'é'")
    assert git(either.root, "show", "-z", "--name-only", "--format=", commit).strip("\0") == name
    assert git(either.root, "status", "--porcelain").splitlines() == [" M kept", "A  staged", "?? su"]


def test_a_hook_that_refuses_is_heard(top: Path, repo: Repository) -> None:
    hook = top / ".git" / "hooks" / "pre-commit"
    hook.parent.mkdir(exist_ok=True)
    hook.write_text("#!/bin/sh\necho 'card.yaml:3:1: not valid' >&2; exit 1\n")
    hook.chmod(0o755)
    (top / "a.txt").write_text("b\n")
    head = repo.head()
    with pytest.raises(RepoError, match=r"card\.yaml:3:1: not valid"):
        repo.commit_paths(["a.txt"], "m")
    assert repo.head() == head


def test_nothing_to_commit_says_so(repo: Repository) -> None:
    with pytest.raises(RepoError, match="nothing to commit"):
        repo.commit_paths(["a.txt"], "m")


# ---- pushing


def test_a_push_takes_the_named_references_and_no_other(
    bare: Path, top: Path, repo: Repository, git: Git
) -> None:
    for name in ("products@v1.0.0", "other"):
        git(top, "tag", "-a", name, "-m", "m")
    repo.push("origin", "refs/heads/main", "refs/tags/products@v1.0.0")
    names = git(bare, "for-each-ref", "--format=%(refname)").splitlines()
    assert names == ["refs/heads/main", "refs/tags/products@v1.0.0"]


def test_a_push_arrives_whole_or_not_at_all(bare: Path, top: Path, repo: Repository, git: Git) -> None:
    repo.push("origin", "refs/heads/main")
    behind = git(bare, "rev-parse", "main")
    git(top, "commit", "--quiet", "--amend", "-m", "Another")
    git(top, "tag", "products@v1.0.0")
    with pytest.raises(RepoError, match=r"(?s)git failed: .*main -> main \(non-fast-forward\)"):
        repo.push("origin", "refs/heads/main", "refs/tags/products@v1.0.0")
    assert git(bare, "for-each-ref", "--format=%(objectname)") == behind


def test_releases_of_a_sha256_repository_are_read(either: Repository) -> None:
    head = str(either.head())
    tag = either.build_tag(tag="products@v1.0.0", commit=head, message="P\n\nLevel: minor\n")
    either.move_refs([("refs/tags/products@v1.0.0", tag, "0" * len(head))])
    (found,) = either.releases(TagFormat())
    assert (found.commit, found.level) == (head, "minor")
