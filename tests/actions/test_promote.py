"""Stages: given, moved, taken back and pushed, by tags alone; and refused where that would do harm."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

from sandbox import NAME, Sandbox, git

pytestmark = [pytest.mark.torch, pytest.mark.lfs]


def life_tags(repo: Sandbox) -> list[str]:
    return [tag for tag in repo.git("tag", "--list", f"{NAME}*").out.split() if "#" in tag]


def clone(repo: Sandbox) -> Sandbox:
    """Return a clone of the story's remote, as a colleague has it."""
    other = repo.root.parent / "colleague"
    git(repo.root.parent, "clone", "-q", repo.remote.as_uri(), str(other))
    for key, value in (("user.name", "Colleague"), ("user.email", "colleague@shop.example")):
        git(other, "config", key, value)
    return Sandbox(root=other)


def test_a_stage_is_given_moved_and_taken_back(story: Sandbox) -> None:
    before = story.state()
    said = story.embver("promote", "emoji@1.1.0", "prod", "--reason", "Passed the review")
    assert said.out == "emoji#prod is emoji@1.1.0\n  tag emoji#prod#1\n"
    assert said.err == "next: git push origin 'emoji#prod#1'\n"
    message = story.git(
        "tag", "--list", "--format=%(objecttype) %(*objectname)%0a%(contents)", "emoji#prod#1"
    ).out
    commit = story.git("rev-parse", "emoji@v1.1.0^{commit}").out.strip()
    assert message == (
        f"tag {commit}\nPromote to prod: emoji@1.1.0\n\nVersion: 1.1.0\nReason: Passed the review\n\n"
    )
    assert story.embver("show", "emoji#prod").out.startswith("emoji@1.1.0\n")

    assert story.embver("promote", "emoji", "prod").out.startswith(
        "emoji#prod is emoji@1.1.1 (before: emoji@1.1.0)\n"
    )
    back = story.embver("promote", "emoji@1.1.0", "prod")
    assert (
        back.out
        == "emoji#prod is emoji@1.1.0 (before: emoji@1.1.1)\n  tag emoji#prod!#3\n  tag emoji#prod#4\n"
    )
    assert (
        story.embver("promote", "emoji#prod", "staging").out
        == "emoji#staging is emoji@1.1.0\n  tag emoji#staging#5\n"
    )
    rows = [line.split() for line in story.embver("list").out.splitlines()]
    assert [row[5:] for row in rows] == [
        ["status", "stages"],
        ["active"],
        ["active", "prod,", "staging"],
        ["active"],
    ]

    # `demote` leaves nobody in the stage, whoever held it before.
    said = story.embver("demote", NAME, "prod")
    assert said.out == "emoji#prod is empty (before: emoji@1.1.0)\n  tag emoji#prod!#6\n"
    assert (
        story.embver("show", "emoji#prod", code=2).err
        == "error: emoji has no stage prod\nnext: stages: staging\n"
    )
    after = story.state()
    assert {key: after[key] for key in ("tree", "index", "status")} == {
        key: before[key] for key in ("tree", "index", "status")
    }


def test_demoting_empties_a_stage_that_several_versions_went_through(story: Sandbox) -> None:
    for version in ("1.0.0", "1.1.0", "1.1.1"):
        story.embver("promote", f"emoji@{version}", "prod")
    said = story.embver("demote", NAME, "prod")
    assert said.out.count("  tag emoji#prod!#") == 3
    story.embver("show", "emoji#prod", code=2)
    story.embver("promote", "emoji@1.0.0", "prod")
    assert story.embver("show", "emoji#prod", "--json").json["reference"] == "emoji@1.0.0"


def test_what_is_so_already_writes_nothing(story: Sandbox) -> None:
    story.embver("promote", "emoji@1.1.0", "prod")
    before = story.state()
    assert story.embver("promote", "emoji@1.1.0", "prod").out == "emoji#prod is emoji@1.1.0 already\n"
    assert story.embver("promote", "emoji@1.1.0", "prod", "--push").err == (
        "nothing was pushed\nnext: git push origin 'emoji#prod#1'\n"
    )
    assert story.state() == before


def test_a_dry_run_tells_the_tags_and_writes_none(story: Sandbox) -> None:
    before = story.state()
    said = story.embver("promote", "emoji@1.1.0", "prod", "--dry-run")
    assert said.out == "emoji#prod would be emoji@1.1.0\n  tag emoji#prod#1\n"
    assert said.err == "dry run: nothing was changed\n"
    assert story.state() == before


def test_json_has_its_keys(story: Sandbox) -> None:
    made = story.embver("promote", "emoji@1.1.0", "prod", "--json").json
    assert made == {
        "name": "emoji", "stage": "prod", "reference": "emoji@1.1.0", "before": None, "tags": ["emoji#prod#1"],
        "applied": True, "pushed": False,
    }  # fmt: skip
    taken = story.embver("demote", "emoji", "prod", "--json", "--dry-run").json
    assert (taken["reference"], taken["before"], taken["applied"]) == (None, "emoji@1.1.0", False)
    listed = story.embver("list", "--json").json
    assert [entry["stages"] for entry in listed] == [[], ["prod"], []]
    assert story.embver("show", "emoji@1.1.0", "--json").json["stages"] == ["prod"]
    assert [entry["stages"] for entry in story.embver("log", "--json").json] == [[], ["prod"], []]


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (("promote", "emoji@next", "prod"),
         "emoji@next is the working version: only a release has a life cycle\nnext: embver release emoji"),
        (("promote", "emoji@9.9.9", "prod"), "emoji has no version 9.9.9\nnext: versions: 1.0.0, 1.1.0, 1.1.1"),
        (("promote", "nothing", "prod"), "there is no embedding 'nothing'\nnext: known: emoji"),
        (("promote", "emoji@1.1.0", "deprecated"),
         "'deprecated' is no stage: it means something else here\nnext: embver deprecate emoji@1.1.0 --reason TEXT"),
        (("promote", "emoji@1.1.0", "yanked"), "next: embver yank emoji@1.1.0 --reason TEXT"),
        (("promote", "emoji@1.1.0", "pro d"), "'pro d' is not a legal stage"),
        (("promote", "emoji@1.1.0", "a..b"), "'a..b' is not a legal stage"),
        (("demote", "emoji", "prod"), "no version of emoji holds the stage prod\nnext: stages: none"),
        (("demote", "Emoji", "prod"), "'Emoji' is not a legal name"),
        (("promote", "emoji@1.1.0", "prod", "--push", "--reason"), "expected one argument"),
    ],
)  # fmt: skip
def test_what_cannot_be_promoted(story: Sandbox, arguments: tuple[str, ...], told: str) -> None:
    before = story.state()
    said = story.embver(*arguments, code=2)
    assert told in said.err
    assert said.out == ""
    assert story.state() == before


def test_settings_may_list_the_stages(story: Sandbox) -> None:
    settings = story.root / "embver.toml"
    settings.write_text(
        'stages = ["staging", "prod"]\n' + settings.read_text(encoding="utf-8"), encoding="utf-8"
    )
    story.embver("promote", "emoji@1.1.0", "staging")
    said = story.embver("promote", "emoji@1.1.0", "production", code=2)
    assert said.err == (
        "error: 'production' is not among the stages of this repository: staging, prod\n"
        "next: embver.toml: stages = [...]\n"
    )
    settings.write_text('stages = ["deprecated"]\n', encoding="utf-8")
    assert "stages" in story.embver("list", code=2).err


def test_a_yanked_version_is_refused_and_a_deprecated_one_is_not(story: Sandbox) -> None:
    story.embver("yank", "emoji@1.1.0", "--reason", "It lost recall.", "--successor", "emoji@1.1.1")
    said = story.embver("promote", "emoji@1.1.0", "prod", code=1)
    assert said.err == (
        "error: refused: emoji@1.1.0 is yanked since 2026-11-02: It lost recall.\nnext: embver promote emoji@1.1.1 prod\n"
    )
    story.embver("deprecate", "emoji@1.0.0", "--reason", "One style only", "--successor", "emoji@1.1.1")
    said = story.embver("promote", "emoji@1.0.0", "prod")
    assert said.err.startswith(
        "note: emoji@1.0.0 is deprecated since 2026-11-02: One style only; use emoji@1.1.1\n"
    )
    assert said.out.startswith("emoji#prod is emoji@1.0.0\n")


# ---- with others


def test_a_push_names_its_tags_and_no_other(story: Sandbox) -> None:
    story.git("tag", "-a", "-m", "mine alone", "private")
    story.embver("promote", "emoji@1.0.0", "staging")
    said = story.embver("promote", "emoji@1.1.0", "prod", "--push")
    assert said.out == "emoji#prod is emoji@1.1.0\n  tag emoji#prod#2\npushed to origin\n"
    assert life_tags(Sandbox(root=story.remote)) == ["emoji#prod#2"]
    assert "private" not in git(story.remote, "tag").out.split()
    assert clone(story).embver("show", "emoji#prod", "--json").json["reference"] == "emoji@1.1.0"


def test_of_two_who_promote_at_once_one_is_told(story: Sandbox) -> None:
    colleague = clone(story)
    story.embver("promote", "emoji@1.1.0", "prod", "--push")
    before = colleague.state()
    said = colleague.embver("promote", "emoji@1.1.1", "prod", "--push", code=2)
    assert said.err == (
        "error: origin has tags of emoji that are not here: emoji#prod#1\nnext: git fetch --tags origin\n"
    )
    assert colleague.state() == before
    colleague.git("fetch", "-q", "--tags", "origin")
    assert "tag emoji#prod#2" in colleague.embver("promote", "emoji@1.1.1", "prod", "--push").out
    story.git("fetch", "-q", "--tags", "origin")
    assert story.embver("show", "emoji#prod", "--json").json["reference"] == "emoji@1.1.1"


def test_who_loses_the_race_at_the_remote_has_changed_nothing(story: Sandbox) -> None:
    """The colleague's tag comes in between the look at the remote and the push: the remote itself refuses."""
    hook = story.root / ".git/hooks/pre-push"
    colleague = clone(story)
    colleague.embver("promote", "emoji@1.0.0", "prod")
    hook.write_text(f"#!/bin/sh\ngit -C {colleague.root} push -q origin 'emoji#prod#1'\n", encoding="utf-8")
    hook.chmod(0o755)
    before = story.state()
    said = story.embver("promote", "emoji@1.1.0", "prod", "--push", code=3)
    assert said.err.startswith("error: nothing was changed, here or there: origin did not take it: ")
    assert said.err.endswith("next: git fetch origin --tags, then the same command again\n")
    assert story.state() == before
    hook.unlink()
    story.git("fetch", "-q", "origin", "--tags")
    assert "tag emoji#prod#2\n" in story.embver("promote", "emoji@1.1.0", "prod", "--push").out


def test_a_release_that_was_never_pushed_has_no_stage_elsewhere(story: Sandbox) -> None:
    git(story.remote, "tag", "-d", "emoji@v1.1.1")
    said = story.embver("promote", "emoji@1.1.1", "prod", "--push", code=2)
    assert said.err == (
        "error: emoji@1.1.1 is not on origin yet\nnext: git push --atomic origin main emoji@v1.1.1\n"
    )
    assert life_tags(story) == []


def test_a_remote_that_does_not_answer(story: Sandbox) -> None:
    story.git("remote", "set-url", "origin", "/nowhere/at/all.git")
    said = story.embver("promote", "emoji@1.1.0", "prod", "--push", code=3)
    assert said.err.startswith("error: nothing was changed: origin cannot be asked: ")
    assert said.err.endswith("next: git remote -v, or without --push\n")
    assert life_tags(story) == []


def test_a_push_needs_a_remote(story: Sandbox) -> None:
    story.git("remote", "remove", "origin")
    said = story.embver("promote", "emoji@1.1.0", "prod", "--push", code=2)
    assert said.err.startswith(
        "error: there is no remote 'origin' to push to\nnext: git remote add origin URL"
    )
    assert life_tags(story) == []


def test_two_at_once_in_one_repository(story: Sandbox) -> None:
    fcntl = pytest.importorskip("fcntl")
    folder = story.root / ".git/embver"
    folder.mkdir(exist_ok=True)
    with (folder / "lock").open("wb") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        said = story.embver("promote", "emoji@1.1.0", "prod", code=3)
        assert "another embver" in said.err
    assert life_tags(story) == []


def test_a_shallow_clone_may_not_know_the_last_word(story: Sandbox) -> None:
    shallow = story.root.parent / "shallow"
    git(story.root.parent, "clone", "-q", "--depth", "1", story.remote.as_uri(), str(shallow))
    said = Sandbox(root=shallow).embver("promote", "emoji@1.1.1", "prod", code=3)
    assert said.err.endswith("next: git fetch --unshallow --tags\n")


def test_tags_are_signed_where_git_is_set_up_to(story: Sandbox, tmp_path: Path) -> None:
    if shutil.which("ssh-keygen") is None:
        pytest.skip("needs ssh-keygen")
    key = tmp_path / "key"
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(key)], check=True)
    (tmp_path / "signers").write_text(
        f"team@shop.example {key.with_suffix('.pub').read_text()}", encoding="utf-8"
    )
    for name, value in (("gpg.format", "ssh"), ("user.signingkey", str(key)), ("tag.gpgSign", "true"),
                        ("gpg.ssh.allowedSignersFile", str(tmp_path / "signers"))):  # fmt: skip
        story.git("config", name, value)
    story.embver("promote", "emoji@1.1.0", "prod", "--reason", "Passed the review")
    story.git("verify-tag", "emoji#prod#1")
    assert story.embver("show", "emoji#prod", "--json").json["reference"] == "emoji@1.1.0"
    # A key that is not there: nothing is written.
    story.git("config", "user.signingkey", str(tmp_path / "missing"))
    story.embver("promote", "emoji@1.1.1", "prod", code=3)
    assert life_tags(story) == ["emoji#prod#1"]
