"""`embver release --push`: it is published, or it was not released; and never anything but what is named."""

from __future__ import annotations

from pathlib import Path

import pytest

from plain_versions import begin_plain, clone, share, write_next
from sandbox import Said, Sandbox, git

pytestmark = [pytest.mark.lfs]
REASON = ("--reason", "no probe set")


@pytest.fixture
def ann(tmp_path: Path) -> Sandbox:
    """Return a repository with a bare remote and a first version that is not released."""
    made = begin_plain(tmp_path / "ann")
    share(made)
    write_next(made)
    return made


def remote_tags(repo: Sandbox) -> list[str]:
    listed = repo.git("ls-remote", "--refs", "--tags", "origin").out
    return [line.rpartition("refs/tags/")[2] for line in listed.splitlines()]


def refused(repo: Sandbox, *arguments: str, code: int = 3) -> Said:
    before = repo.state()
    said = repo.embver("release", "plain", *arguments, code=code)
    assert said.out == "" or "released" not in said.out
    assert repo.state() == before
    return said


def test_commit_tag_and_objects_arrive_and_no_other_tag(ann: Sandbox) -> None:
    ann.git("tag", "mine-alone")
    ann.git("tag", "-a", "mine-too", "-m", "mine")
    said = ann.embver("release", "plain", "--push")
    assert said.out.endswith(", pushed to origin\n")
    assert remote_tags(ann) == ["plain@v1.0.0"]
    assert git(ann.remote, "rev-parse", "main").out == ann.git("rev-parse", "HEAD").out
    sha256 = ann.artifacts("plain")["text.safetensors"]["sha256"]
    assert (ann.remote / "lfs/objects" / sha256[:2] / sha256[2:4] / sha256).is_file()
    ben = clone(ann, "ben")
    ben.embver("pull", "plain")
    assert ben.embver("verify").out.endswith("all agree\n")


def test_releases_that_were_not_pushed_go_with_the_next(ann: Sandbox) -> None:
    ann.embver("release", "plain")
    write_next(ann, data="2")
    ann.embver("release", "plain", *REASON, "--push")
    assert remote_tags(ann) == ["plain@v1.0.0", "plain@v1.1.0"]


def test_without_a_next_what_is_not_published_is_pushed(ann: Sandbox) -> None:
    ann.embver("release", "plain")
    assert ann.embver("release", "plain", "--push", "--dry-run").out == "would push plain@1.0.0 to origin\n"
    assert remote_tags(ann) == []
    assert ann.embver("release", "plain", "--push").out == "pushed plain@1.0.0 to origin\n"
    assert remote_tags(ann) == ["plain@v1.0.0"]
    assert "no working version" in ann.embver("release", "plain", "--push", code=2).err


def test_a_remote_that_does_not_answer_is_noticed_before_anything_is_changed(ann: Sandbox) -> None:
    ann.git("remote", "set-url", "origin", "file:///nowhere/at/all.git")
    said = refused(ann, "--push")
    assert "error: nothing was released: origin cannot be asked: " in said.err
    assert "or release without --push" in said.err


def test_a_push_that_breaks_off_leaves_a_release_that_can_be_pushed_again(ann: Sandbox) -> None:
    ann.git("config", "remote.origin.receivepack", "/bin/false")
    said = ann.embver("release", "plain", "--push", code=3)
    assert "error: plain@1.0.0 is released here, and is not pushed: " in said.err
    assert "next: embver release plain --push, or git push --atomic origin main plain@v1.0.0\n" in said.err
    assert ann.embver("verify", "--quick").code == 0
    ann.git("config", "--unset", "remote.origin.receivepack")
    assert ann.embver("release", "plain", "--push").out == "pushed plain@1.0.0 to origin\n"


def test_a_remote_that_refuses_takes_the_release_back(ann: Sandbox) -> None:
    hook = ann.remote / "hooks/pre-receive"
    hook.parent.mkdir(exist_ok=True)
    hook.write_text("#!/bin/sh\necho main is protected >&2\nexit 1\n")
    hook.chmod(0o755)
    said = refused(ann, "--push")
    assert "plain@1.0.0 was not released: origin refused it (" in said.err
    assert "(main, plain@v1.0.0: pre-receive hook declined; remote: main is protected)" in said.err
    assert "next: see what it said, then embver release plain --push\n" in said.err
    assert "It was taken back, embeddings/plain/next/ is as before" in said.err
    ann.git("lfs", "prune", "--force", code=None)
    hook.unlink()
    ann.embver("release", "plain", "--push")
    assert ann.embver("verify").out.endswith("all agree\n")


def test_a_first_commit_is_taken_back_too(ann: Sandbox) -> None:
    ann.git("update-ref", "-d", "refs/heads/main")
    git(ann.remote, "update-ref", "-d", "refs/heads/main")
    hook = ann.root / ".git/hooks/pre-push"
    hook.parent.mkdir(exist_ok=True)
    hook.write_text("#!/bin/sh\necho not today >&2\nexit 1\n")
    hook.chmod(0o755)
    said = refused(ann, "--push")
    assert "not today" in said.err
    assert "was taken back" in said.err


@pytest.mark.parametrize("has_commit", [True, False])
def test_what_is_staged_besides_stays(ann: Sandbox, has_commit: bool) -> None:
    if has_commit:
        ann.git("commit", "-qm", "Begin the first version")
        (ann.root / "embeddings/plain/next/ids.txt").touch()
    (ann.root / "other.txt").write_text("mine")
    ann.git("add", "other.txt")
    hook = ann.remote / "hooks/update"
    hook.parent.mkdir(exist_ok=True)
    hook.write_text("#!/bin/sh\nexit 1\n")
    hook.chmod(0o755)
    refused(ann, "--push")
    assert "A  other.txt\n" in ann.git("status", "--porcelain").out


def test_somebody_was_faster(ann: Sandbox) -> None:
    ben = clone(ann, "ben")
    write_next(ben, data="ben")
    ben.embver("release", "plain", "--push")
    said = refused(ann, "--push")
    assert "nothing was released: origin has plain@v1.0.0, which is not here" in said.err
    assert "next: git pull --rebase --autostash, then embver release plain --push\n" in said.err
    ann.git("pull", "-q", "--rebase", "--autostash")
    said = ann.embver("release", "plain", *REASON, "--push")
    assert "plain@1.0.0 -> plain@1.1.0" in said.out
    assert remote_tags(ann) == ["plain@v1.0.0", "plain@v1.1.0"]


def test_other_work_on_the_branch_was_faster(ann: Sandbox) -> None:
    ben = clone(ann, "ben")
    ben.git("commit", "-q", "--allow-empty", "-m", "Something else")
    ben.git("push", "-q", "origin", "main")
    assert "nothing was released: origin has moved on" in refused(ann, "--push").err
    ann.git("pull", "-q", "--rebase", "--autostash")
    ann.embver("release", "plain", "--push")


def test_the_same_tag_is_another_one_there(ann: Sandbox) -> None:
    ann.embver("release", "plain", "--push")
    ann.git("tag", "-f", "-a", "plain@v1.0.0", "-m", "mine")
    write_next(ann, data="2")
    said = refused(ann, *REASON, "--push")
    assert "the tag plain@v1.0.0 here is not the one on origin" in said.err
    assert "next: embver verify --remote origin" in said.err


def test_killed_between_release_and_push(ann: Sandbox, monkeypatch) -> None:
    from embver.store.repo import Repository

    def killed(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(Repository, "push", killed)
    ann.embver("release", "plain", "--push", code=130)
    monkeypatch.undo()
    assert ann.embver("list", "--json").json[0]["version"] == "1.0.0"
    hook = ann.remote / "hooks/pre-receive"
    hook.parent.mkdir(exist_ok=True)
    hook.write_text("#!/bin/sh\nexit 1\n")
    hook.chmod(0o755)
    said = ann.embver("release", "plain", "--push", code=3)
    assert "plain@1.0.0 was not released: origin refused it" in said.err
    assert (ann.root / "embeddings/plain/next/card.yaml").is_file()
    hook.unlink()
    ann.embver("release", "plain", "--push")
    assert remote_tags(ann) == ["plain@v1.0.0"]


# ---- taking back by hand


def test_a_release_is_taken_back(ann: Sandbox) -> None:
    before = ann.state()
    ann.embver("release", "plain")
    assert (
        ann.embver("release", "plain", "--undo").out
        == "plain@1.0.0 is taken back, embeddings/plain/next/ is as before\n"
    )
    assert ann.state() == before
    assert (
        "there is no release of plain to take back: none was made here" in refused(ann, "--undo", code=2).err
    )
    ann.embver("release", "plain", "--push")
    said = refused(ann, "--undo", code=2).err
    assert "plain@1.0.0 is on origin: a version that others have is never taken back" in said


def test_what_was_built_on_is_not_taken_back(ann: Sandbox) -> None:
    ann.embver("release", "plain")
    write_next(ann, data="2")
    assert "embeddings/plain/next exists" in refused(ann, "--undo").err
    ann.git("commit", "-qm", "Begin the next one")
    ann.git("rm", "-rqf", "embeddings/plain/next")
    said = ann.embver("release", "plain", "--undo", code=3)
    assert "update-ref" in said.err
    assert "interrupted" not in ann.embver("doctor", code=None).out
    assert ann.embver("verify", "--quick").code == 0


def test_what_holds_a_stage_is_not_taken_back(ann: Sandbox) -> None:
    ann.embver("release", "plain")
    ann.git("tag", "-a", "-m", "Version: 1.0.0", "plain#prod#1")
    assert "plain@1.0.0 has another tag, plain#prod#1: it is in use" in refused(ann, "--undo").err


@pytest.mark.parametrize("point", ["rename", "replace_in_index"])
def test_killed_while_it_is_taken_back(ann: Sandbox, monkeypatch, point: str) -> None:
    from embver.store.repo import Repository

    before = ann.state()
    ann.embver("release", "plain")

    def killed(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(Path if point == "rename" else Repository, point, killed)
    ann.embver("release", "plain", "--undo", code=130)
    monkeypatch.undo()
    ann.embver("release", "plain", "--dry-run")  # puts it right
    assert ann.state() == before
    ann.embver("release", "plain", "--push")
    assert ann.embver("verify").out.endswith("all agree\n")


def test_a_journal_of_another_version(ann: Sandbox) -> None:
    journal = ann.root / ".git/embver/release.json"
    journal.parent.mkdir(exist_ok=True)
    journal.write_text('{"old": "x"}')
    said = refused(ann)
    assert f"error: {journal} is no journal of this version of embver" in said.err
    assert f"then remove {journal}" in said.err
