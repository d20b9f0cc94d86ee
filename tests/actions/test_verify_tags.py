"""`embver verify` of tags: moved, deleted, renamed, lightweight, ignored; against a remote, in CI, in clones that lack things."""

from __future__ import annotations

import subprocess
from pathlib import Path
from typing import Any

import pytest

from plain_versions import begin_plain, clone, share, write_next
from sandbox import Sandbox, embver, git

pytestmark = [pytest.mark.lfs]
REASON = ("--reason", "no probe set")


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Make a repository with 1.0.0, 1.1.0, 1.2.0 and a bare remote that has them, once."""
    folder = tmp_path_factory.mktemp("made")
    repo = begin_plain(folder / "repository")
    share(repo)
    for number in range(3):
        write_next(repo, data=str(number))
        repo.embver("release", "plain", *(REASON if number else ()), "--push")
    return folder


@pytest.fixture
def three(made: Path, tmp_path: Path) -> Sandbox:
    """Return a copy of it."""
    import shutil

    shutil.copytree(made, tmp_path / "made", symlinks=True)
    repo = Sandbox(root=tmp_path / "made/repository")
    repo.git("remote", "set-url", "origin", repo.remote.as_uri())
    repo.git("update-index", "-q", "--refresh", code=None)
    return repo


def found(repo: Sandbox, *arguments: str, code: int = 1) -> dict[str, Any]:
    plain = repo.embver("verify", *arguments, "--json", code=code).json
    assert plain.pop("ok") is (code == 0)
    return {
        kind: [(entry["reference"], entry["path"]) for entry in entries]
        for kind, entries in plain.items()
        if entries and kind != "checked"
    }


def message_of(repo: Sandbox, tag: str) -> str:
    return repo.git("tag", "-l", tag, "--format=%(contents)").out


# ---- moved, deleted, renamed


@pytest.mark.parametrize("quick", [(), ("--quick",)])
def test_all_is_well(three: Sandbox, quick: tuple[str, ...]) -> None:
    assert found(three, *quick, "--remote", code=0) == {}


def test_a_tag_moved_to_a_later_commit(three: Sandbox) -> None:
    message = message_of(three, "plain@v1.0.0")
    three.git("tag", "-f", "-a", "-m", message, "plain@v1.0.0", "HEAD")
    assert found(three) == {"moved": [("plain@1.0.0", "plain@v1.0.0")]}
    said = three.embver("verify", "--quick", code=1).out
    assert (
        "moved plain@1.0.0 plain@v1.0.0: the tag was moved: the commit before the one that it stands on"
        in said
    )


def test_a_tag_made_anew_is_seen_against_the_remote(three: Sandbox) -> None:
    message = message_of(three, "plain@v1.1.0")
    three.git("tag", "-f", "-a", "-m", message.replace("Data 1", "Data 7"), "plain@v1.1.0", "plain@v1.1.0^{}")
    assert found(three, code=0) == {}
    assert found(three, "--remote") == {"moved": [("plain@1.1.0", "plain@v1.1.0")]}
    assert found(three, "--remote", "origin", "plain@1.0.0", code=0) == {}
    assert "on origin" in three.embver("verify", "--remote", "--quick", code=1).out


def test_a_tag_that_was_deleted(three: Sandbox) -> None:
    three.git("tag", "-d", "plain@v1.1.0")
    assert found(three) == {"missing": [("plain@1.1.0", "plain@v1.1.0")] * 2}
    said = three.embver("verify", "--quick", code=1).out
    assert "the tag is gone: plain@1.2.0 names it as the release before it" in said
    assert "the tag is gone: HEAD holds embeddings/plain/1.1.0/card.yaml" in said
    assert found(three, "plain@1.2.0") == {"missing": [("plain@1.1.0", "plain@v1.1.0")]}
    said = three.embver("verify", "--quick", "--remote", code=1).out
    assert "the tag is on origin and not here (git fetch origin tag plain@v1.1.0)" in said


def test_the_latest_tag_deleted_is_seen_too(three: Sandbox) -> None:
    three.git("tag", "-d", "plain@v1.2.0")
    assert found(three, "--quick") == {"missing": [("plain@1.2.0", "plain@v1.2.0")]}


def test_a_tag_that_is_not_pushed_is_no_fault(three: Sandbox) -> None:
    git(three.remote, "tag", "-d", "plain@v1.2.0")
    assert found(three, "--remote", code=0) == {"unverified": [("plain@1.2.0", "plain@v1.2.0")]}


def test_a_tag_object_under_another_name(three: Sandbox) -> None:
    three.git("update-ref", "refs/tags/plain@v1.2.0", "refs/tags/plain@v1.1.0")
    assert ("plain@1.2.0", "plain@v1.2.0") in found(three, "--quick")["moved"]
    assert "it was made as plain@v1.1.0" in three.embver("verify", code=1).out


def test_a_remote_that_is_not_there(three: Sandbox) -> None:
    assert "there is no remote 'upstream'" in three.embver("verify", "--remote", "upstream", code=2).err
    three.git("remote", "set-url", "origin", "file:///nowhere/at/all.git")
    assert "origin cannot be asked: " in three.embver("verify", "--remote", code=3).err


# ---- tags that are none of ours


def test_tags_of_another_form_are_ignored_with_the_reason(three: Sandbox) -> None:
    for tag in ("v1.0", "plain@v1", "plain@v1.2", "Plain@v1.0.0"):
        three.git("tag", "-a", "-m", "m", tag)
    three.git("tag", "-a", "-m", "m", "plain@v9.0.0", "HEAD:embver.toml")
    assert [entry[0] for entry in found(three, "--quick", code=0)["ignored"]] == [
        "Plain@v1.0.0",
        "plain@v1",
        "plain@v1.2",
        "plain@v9.0.0",
    ]
    said = three.embver("verify", "--quick").out
    assert "ignored plain@v1.2: '1.2' is not a version" in said
    assert "ignored plain@v9.0.0: it is a tag of a file or folder, and no commit" in said


# ---- in CI


def test_the_tag_that_a_job_is_given(three: Sandbox) -> None:
    for tag in ("refs/tags/plain@v1.1.0", "plain@v1.1.0"):
        assert three.embver("verify", "--tag", tag, "--json").json["checked"] == ["plain@1.1.0"]
    for ref in ("refs/heads/main", "refs/pull/7/merge"):
        said = three.embver("verify", "--tag", ref)
        assert (said.out, said.err) == ("", f"note: {ref} is no tag: there is no release to verify\n")
    three.git("tag", "app-v7")
    assert "is no release of an embedding" in three.embver("verify", "--tag", "refs/tags/app-v7").err
    assert (
        "there is no tag 'plain@v7.0.0' here" in three.embver("verify", "--tag", "plain@v7.0.0", code=2).err
    )
    three.git("tag", "plain@v7")
    assert (
        "the tag is ignored: '7' is not a version" in three.embver("verify", "--tag", "plain@v7", code=1).out
    )
    assert "one or the other" in three.embver("verify", "--tag", "plain@v1.0.0", "plain", code=2).err


def test_a_tag_that_the_ci_made_lightweight(three: Sandbox) -> None:
    """What actions/checkout leaves of the tag that a job was started by (actions/checkout#290)."""
    three.git("update-ref", "refs/tags/plain@v1.1.0", "plain@v1.1.0^{}")
    said = three.embver("verify", "--tag", "refs/tags/plain@v1.1.0", code=1).out
    assert "the tag is not annotated (lightweight)" in said
    repair = "git fetch --force origin refs/tags/plain@v1.1.0:refs/tags/plain@v1.1.0"
    assert repair in said
    three.git(*repair.split()[1:])
    three.embver("verify", "--tag", "refs/tags/plain@v1.1.0")


def test_a_name_that_begins_with_a_dash(three: Sandbox) -> None:
    assert "-x" in three.embver("verify", "--tag=-x", code=2).err
    assert "is not a reference" in three.embver("verify", "--", "-x", code=2).err
    assert three.embver("release", "--", "-x", code=2).err.startswith("error: '-x' is not a legal name")
    three.git("update-ref", "refs/tags/-x@v1.0.0", "plain@v1.0.0")
    assert ("-x@v1.0.0", "-x@v1.0.0") in found(three, "--quick", code=0)["ignored"]


# ---- clones that lack something


def test_a_shallow_clone_says_what_it_cannot_see(three: Sandbox, tmp_path: Path) -> None:
    git(tmp_path, "clone", "-q", "--depth", "1", "--branch", "plain@v1.2.0", three.remote.as_uri(), "shallow")
    shallow = Sandbox(root=tmp_path / "shallow")
    said = shallow.embver("verify", "--quick")
    assert "note: this clone is shallow: " in said.err
    assert "unverified plain@1.1.0 plain@v1.1.0: the tag is gone: plain@1.2.0 names it" in said.out
    assert "1 version checked: what is here agrees, 3 could not be looked at\n" in said.out


@pytest.mark.parametrize("what", ["blob:none", "tree:0"])
def test_a_partial_clone_and_one_without_objects(three: Sandbox, tmp_path: Path, what: str) -> None:
    git(three.remote, "config", "uploadpack.allowFilter", "true")
    git(three.remote, "config", "uploadpack.allowAnySHA1InWant", "true")
    git(tmp_path, "clone", "-q", f"--filter={what}", three.remote.as_uri(), "partial")
    partial = Sandbox(root=tmp_path / "partial")
    partial.git("lfs", "install", "--local")
    assert found(partial, "--quick", code=0) == {}
    assert found(partial, code=0) == {
        "unverified": [(f"plain@1.{n}.0", "text.safetensors") for n in range(3)]
    }
    partial.embver("pull", "plain@1.1.0")
    assert found(partial, "plain@1.1.0", code=0) == {}


def test_a_bare_repository_and_one_without_commits(three: Sandbox, tmp_path: Path) -> None:
    assert "is a bare Git repository" in embver("-C", str(three.remote), "verify").err
    git(tmp_path, "init", "-q", "-b", "main", "empty")
    said = embver("-C", str(tmp_path / "empty"), "verify")
    assert (said.code, said.out) == (0, "0 versions checked: all agree\n")


def test_a_detached_head_and_another_branch(three: Sandbox) -> None:
    three.git("switch", "-q", "--detach", "plain@v1.1.0^{}")
    assert found(three, code=0) == {}
    three.git("switch", "-q", "--orphan", "other")
    assert found(three, "--quick", code=0) == {}


def test_somebody_elses_clone(three: Sandbox) -> None:
    ben = clone(three, "ben")
    assert found(ben, "--quick", "--remote", code=0) == {}


def test_any_number_of_versions_takes_the_same_processes(three: Sandbox, monkeypatch) -> None:
    """A version more must not be a process more: a registry has thousands."""
    counts = {}
    begin = subprocess.Popen.__init__

    def counting(self: Any, *arguments: Any, **named: Any) -> None:
        counts[key] = counts.get(key, 0) + 1
        begin(self, *arguments, **named)

    monkeypatch.setattr(subprocess.Popen, "__init__", counting)
    for key in ("plain@1.0.0", "all"):
        three.embver("verify", "--quick", *([key] if key != "all" else []))
    assert counts["all"] <= counts["plain@1.0.0"] + 2
