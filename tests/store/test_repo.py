"""Git: what is read, in how many processes, and from which repository."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from embver.errors import RepoError, UsageError
from embver.store.process import ProcessError
from embver.store.repo import Repository

Git = Callable[..., str]


def commit_file(git: Git, top: Path, path: str, text: str) -> str:
    file = top / path
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text)
    git(top, "--literal-pathspecs", "add", "-f", "--", path)
    git(top, "commit", "--quiet", "-m", f"Add {path!r}")
    return git(top, "rev-parse", "HEAD")


# ---- finding the repository


def test_a_repository_is_found_from_every_folder_in_it(top: Path) -> None:
    (top / "a" / "b").mkdir(parents=True)
    for folder in (top, top / "a", top / "a" / "b"):
        found = Repository.discover(folder)
        assert (found.root, found.git_dir) == (top, top / ".git")


def test_a_folder_with_odd_signs_is_found(tmp_path: Path, git: Git) -> None:
    folder = tmp_path / "ü \u2028 [x] 'q'"
    folder.mkdir()
    git(folder, "init", "--quiet")
    assert Repository.discover(folder).root == folder


def test_a_work_tree_knows_the_shared_folder(top: Path, tmp_path: Path, git: Git) -> None:
    git(top, "worktree", "add", "--quiet", str(tmp_path / "other"))
    found = Repository.discover(tmp_path / "other")
    assert (found.root, found.git_dir, found.branch()) == (
        tmp_path / "other",
        top / ".git",
        "refs/heads/other",
    )


def test_no_repository_says_what_to_type(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="is no Git repository") as caught:
        Repository.discover(tmp_path)
    assert caught.value.hint == "git init && embver init"
    with pytest.raises(UsageError, match="absent is no folder"):
        Repository.discover(tmp_path / "absent")


def test_a_bare_repository_says_that_it_is_one(tmp_path: Path, top: Path, git: Git) -> None:
    git(tmp_path, "clone", "--quiet", "--bare", str(top), "bare.git")
    with pytest.raises(UsageError, match="is a bare Git repository") as caught:
        Repository.discover(tmp_path / "bare.git")
    assert caught.value.hint == f"git clone {tmp_path / 'bare.git'}"
    with pytest.raises(UsageError, match=r"inside of a \.git folder"):
        Repository.discover(top / ".git" / "refs")


def test_a_missing_git_says_what_to_install(
    top: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path / "nothing"))
    with pytest.raises(RepoError, match="git is not installed") as caught:
        Repository.discover(top)
    assert "install git" in str(caught.value.hint)


def test_what_a_hook_says_of_another_repository_is_not_heard(
    top: Path, tmp_path: Path, git: Git, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = tmp_path / "other"
    other.mkdir()
    git(other, "init", "--quiet")
    before = sorted((other / ".git").iterdir())
    monkeypatch.setenv("GIT_DIR", str(other / ".git"))
    monkeypatch.setenv("GIT_WORK_TREE", str(other))
    monkeypatch.setenv("GIT_INDEX_FILE", str(other / ".git" / "index"))
    repo = Repository.discover(top)
    assert (repo.root, repo.read("HEAD", "a.txt")) == (top, b"a\n")
    (top / "b.txt").write_text("b\n")
    repo.stage(["b.txt"])  # by GitPython, which hands its environment on
    monkeypatch.undo()
    assert git(top, "diff", "--cached", "--name-only") == "b.txt"
    assert sorted((other / ".git").iterdir()) == before


@pytest.mark.parametrize("how", [["-a"], ["--", "a.txt"]])
def test_in_a_hook_the_index_is_that_of_the_commit_under_way(how: list[str], top: Path, git: Git) -> None:
    code = (
        "import pathlib; from embver.store.repo import Repository; r = Repository.discover(pathlib.Path());"
        "print(r.git('diff', '--cached', '--name-only').split(), r.read_many([':a.txt']))"
    )
    hook = top / ".git" / "hooks" / "pre-commit"
    hook.parent.mkdir(exist_ok=True)
    root = Path(__file__).resolve().parents[2]
    hook.write_text(f'#!/bin/sh\nPYTHONPATH="{root}" "{sys.executable}" -c "{code}" > "$PWD/.git/seen"\n')
    hook.chmod(0o755)
    (top / "a.txt").write_text("new\n")
    git(top, "commit", "--quiet", "-m", "Second", *how)
    assert (top / ".git" / "seen").read_text() == "['a.txt'] (b'new\\n',)\n"


# ---- files in revisions

ODD_NAMES = ["with space.txt", "ünï/日本.txt", "-dash.txt", "a[1].txt", "st*r.txt", ":(top)x.txt", "new\nline.txt",
             "tab\t.txt", 'quo"te.txt', "missing", "x missing", "trail "]  # fmt: skip


@pytest.mark.parametrize("path", ODD_NAMES)
def test_a_file_of_any_name_is_read(path: str, top: Path, repo: Repository, git: Git) -> None:
    commit_file(git, top, f"f/{path}", path)
    assert repo.read("HEAD", f"f/{path}") == path.encode()
    assert [entry.path for entry in repo.tree("HEAD", "f")] == [f"f/{path}"]


def test_a_name_that_is_no_utf8_is_read(top: Path, repo: Repository, git: Git) -> None:
    commit_file(git, top, os.fsdecode(b"f/\xff.txt"), "x")
    (entry,) = repo.tree("HEAD", "f")
    assert os.fsencode(entry.path) == b"f/\xff.txt"
    assert repo.read("HEAD", entry.path) == b"x"


def test_many_are_read_in_the_order_asked_for(top: Path, repo: Repository, git: Git) -> None:
    commit_file(git, top, "empty", "")
    (top / "binary").write_bytes(b"\n\0\nabc missing\n")
    commit_file(git, top, "f/b", "b")
    git(top, "add", "binary")
    git(top, "commit", "--quiet", "-m", "Add")
    blob = git(top, "rev-parse", "HEAD:f/b")
    names = ["HEAD:binary", "HEAD:no", "HEAD:f", "HEAD:no such\nfile missing", "HEAD:empty", "no-revision:x", blob,
             ":a.txt", "HEAD:binary", "f" * 40, ""]  # fmt: skip
    data = b"\n\0\nabc missing\n"
    assert repo.read_many(names) == (data, None, None, None, b"", None, b"b", b"a\n", data, None, None)
    assert repo.read_many([]) == ()


def test_a_tree_lists_the_files_below_a_folder_and_no_other(top: Path, repo: Repository, git: Git) -> None:
    for path in ("p/1.0.0/card.yaml", "p/1.0.0/deep/x", "p/1.0.0-rc.1/card.yaml", "q"):
        commit_file(git, top, path, path)
    (top / "p" / "1.0.0" / "run").write_text("")
    (top / "p" / "1.0.0" / "run").chmod(0o755)
    git(top, "add", ".")
    git(top, "commit", "--quiet", "-m", "Run")
    found = repo.tree("HEAD", "p/1.0.0")
    assert [(entry.mode, entry.path) for entry in found] == [
        ("100644", "p/1.0.0/card.yaml"), ("100644", "p/1.0.0/deep/x"), ("100755", "p/1.0.0/run")]  # fmt: skip
    assert found[0].blob == git(top, "rev-parse", "HEAD:p/1.0.0/card.yaml")
    assert repo.tree("HEAD", "absent") == repo.tree("no-such-revision", "p") == ()


def test_reading_works_from_a_subfolder_too(top: Path, git: Git) -> None:
    commit_file(git, top, "sub/x", "x")
    repo = Repository.discover(top / "sub")
    assert repo.read("HEAD", "sub/x") == b"x"
    assert [entry.path for entry in repo.tree("HEAD", "sub")] == ["sub/x"]


@pytest.mark.parametrize("revision", ["HEAD", "main", "refs/heads/main", "t", "t^{}"])
def test_a_revision_is_a_commit(revision: str, top: Path, repo: Repository, git: Git) -> None:
    git(top, "tag", "-a", "t", "-m", "T")
    assert repo.resolve(revision) == repo.head()


@pytest.mark.parametrize("revision", ["absent", "--all", "-x", "HEAD:a.txt", "", "a b", "HEAD^5"])
def test_what_is_no_revision_is_none(revision: str, repo: Repository) -> None:
    assert repo.resolve(revision) is None


def test_changed_paths_are_staged_unstaged_and_unknown(top: Path, repo: Repository, git: Git) -> None:
    for path in ("p/kept", "p/edited", "p/gone", "p/a b", "q/other"):
        commit_file(git, top, path, path)
    for path in ("p/edited", "p/new [x]", "p/ü", "q/other"):
        (top / path).write_text("changed")
    git(top, "add", "p/edited")
    (top / "p/gone").unlink()
    assert sorted(repo.changed_paths("p")) == ["p/edited", "p/gone", "p/new [x]", "p/ü"]
    assert repo.changed_paths("absent") == ()


def test_attributes_remotes_and_configuration(top: Path, repo: Repository, git: Git) -> None:
    (top / ".gitattributes").write_text("*.safetensors filter=lfs\n")
    assert repo.attribute("a b/x.safetensors", "filter") == "lfs"
    assert repo.attribute("x.txt", "filter") == "unspecified"
    git(top, "remote", "add", "origin", "file:///nowhere")
    assert (repo.remotes(), repo.config("remote.origin.url"), repo.config("no.key")) == (
        ("origin",), "file:///nowhere", None)  # fmt: skip


def test_a_shallow_clone_knows_that_it_is_one(top: Path, tmp_path: Path, repo: Repository, git: Git) -> None:
    commit_file(git, top, "b", "b")
    git(tmp_path, "clone", "--quiet", "--depth", "1", f"file://{top}", "shallow")
    assert (repo.is_shallow(), Repository.discover(tmp_path / "shallow").is_shallow()) == (False, True)


def test_a_failure_names_the_command_and_what_git_said(repo: Repository) -> None:
    with pytest.raises(
        ProcessError, match="`git cat-file -t absent` ended with 128: fatal: Not a valid object"
    ):
        repo.git("cat-file", "-t", "absent")
