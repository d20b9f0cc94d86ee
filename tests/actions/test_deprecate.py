"""Deprecated and yanked: a tag and the card's status in one step, what it means to readers, and how it is undone."""

from __future__ import annotations

import signal
from pathlib import Path

import pytest
from test_kills import Killer, copies, without_scratch

from sandbox import NAME, Sandbox, collapse_spaces, git

pytestmark = [pytest.mark.torch, pytest.mark.lfs]

REASON = "Its tokenizer cut texts after 32 tokens."
YANK = ("yank", "emoji@1.1.0", "--reason", REASON, "--successor", "emoji@1.1.1")


def card_of(repo: Sandbox, version: str) -> str:
    return f"embeddings/{NAME}/{version}/card.yaml"


def test_a_version_is_withdrawn_by_tag_and_card_at_once(story: Sandbox) -> None:
    text = story.version("1.1.0").joinpath("card.yaml").read_text(encoding="utf-8")
    parent = story.git("rev-parse", "HEAD").out.strip()
    said = story.embver(*YANK)
    commit = story.git("rev-parse", "HEAD").out.strip()
    assert said.out == (
        f"emoji@1.1.0 is yanked since 2026-11-02: {REASON}\n  use emoji@1.1.1\n"
        f"  card status, in commit {commit[:12]}\n  tag emoji@v1.1.0!#1\n"
    )
    assert said.err == "next: git push --atomic origin HEAD 'emoji@v1.1.0!#1'\n"
    # The tag lies on the version's commit, the card's new line on the branch, and nothing is left to commit.
    assert (
        story.git("rev-parse", "emoji@v1.1.0!#1^{commit}").out
        == story.git("rev-parse", "emoji@v1.1.0^{commit}").out
    )
    assert story.git("tag", "--list", "--format=%(contents)", "emoji@v1.1.0!#1").out == (
        f"Yank emoji@1.1.0\n\nVersion: 1.1.0\nReason: {REASON}\nStatus: yanked\nSuccessor: emoji@1.1.1\n\n"
    )
    assert story.git("diff", "--name-only", parent, commit).out == f"{card_of(story, '1.1.0')}\n"
    assert story.git("status", "--porcelain").out == ""
    now = story.version("1.1.0").joinpath("card.yaml").read_text(encoding="utf-8")
    before = text.splitlines()
    changed = [line for line in now.splitlines() if line not in before]
    assert changed == [
        f'status: {{state: yanked, reason: {REASON}, successor: emoji@1.1.1, since: "2026-11-02"}}'
    ]
    # What was released is as it was.
    assert story.embver("verify").out.endswith(" hashed: all agree\n")
    assert story.embver("validate").code == 0

    story.embver("yank", "emoji@1.1.0", "--undo")
    undone = story.version("1.1.0").joinpath("card.yaml").read_text(encoding="utf-8")
    assert undone == f"{text}status: {{state: active}}\n"
    assert story.embver("list", "--json").json[1]["status"] == "active"
    assert story.git("tag", "--list", "emoji@v1.1.0*").out.split() == [
        "emoji@v1.1.0",
        "emoji@v1.1.0!#1",
        "emoji@v1.1.0#2",
    ]


def test_what_else_was_being_worked_on_is_untouched(story: Sandbox) -> None:
    (story.root / "staged.txt").write_text("staged\n", encoding="utf-8")
    story.git("add", "staged.txt")
    (story.root / "embver.toml").write_text(
        "# changed\n" + (story.root / "embver.toml").read_text(), encoding="utf-8"
    )
    before = story.git("status", "--porcelain").out
    story.embver(*YANK)
    assert story.git("status", "--porcelain").out == before
    assert story.git("show", "--name-only", "--format=", "HEAD").out == f"{card_of(story, '1.1.0')}\n"


def test_readers_are_told_and_pull_refuses(story: Sandbox, tmp_path: Path) -> None:
    story.embver(*YANK)
    listed = story.embver("list", "--json").json
    assert [entry["status"] for entry in listed] == ["active", "yanked", "active"]
    shown = story.embver("show", "emoji@1.1.0")
    assert f"  status      yanked since 2026-11-02: {REASON}\n  use         emoji@1.1.1\n" in shown.out
    plain = story.embver("show", "emoji@1.1.0", "--json").json
    assert plain["status"] == "yanked"
    assert plain["status_record"] == {
        "state": "yanked", "reason": REASON, "successor": "emoji@1.1.1", "since": "2026-11-02"
    }  # fmt: skip
    assert (
        "  yanked since 2026-11-02: Its tokenizer cut texts after 32 tokens; use emoji@1.1.1\n"
        in story.embver("log").out
    )
    said = story.embver("pull", "emoji@1.1.0", "--out", str(tmp_path / "out"), code=1)
    assert said.err == (
        f"error: refused: emoji@1.1.0 is yanked since 2026-11-02: {REASON}\n"
        "next: embver pull emoji@1.1.1, or --yanked to have it all the same\n"
    )
    assert not (tmp_path / "out").exists()
    said = story.embver("pull", "emoji@1.1.0", "--out", str(tmp_path / "out"), "--yanked")
    assert said.err.startswith("note: emoji@1.1.0 is yanked since 2026-11-02")
    assert (tmp_path / "out/image.safetensors").is_file()


def test_a_deprecated_version_is_fetched_with_a_warning(story: Sandbox) -> None:
    said = story.embver("deprecate", "emoji@1.0.0", "--reason", "One style only", "--successor", "emoji")
    assert "  tag emoji#deprecated#1\n" in said.out
    assert story.embver("list", "--json").json[0]["status"] == "deprecated"
    said = story.embver("pull", "emoji@1.0.0")
    assert said.err == "note: emoji@1.0.0 is deprecated since 2026-11-02: One style only; use emoji@1.1.1\n"
    assert story.embver("demote", "emoji", "deprecated", code=2).err.startswith(
        "error: no version of emoji holds"
    )
    story.embver("deprecate", "emoji@1.0.0", "--undo")
    assert story.embver("pull", "emoji@1.0.0").err == ""


def test_the_latest_is_never_a_yanked_one(story: Sandbox) -> None:
    story.embver("yank", "emoji@1.1.1", "--reason", "Wrong checkpoint.")
    note = "note: emoji@1.1.1 is yanked since 2026-11-02: Wrong checkpoint; taken instead: emoji@1.1.0\n"
    for reference in ("emoji", "emoji@latest"):
        said = story.embver("show", reference)
        assert (said.out.splitlines()[0], said.err) == ("emoji@1.1.0", note)
    said = story.embver("show", "emoji@1.1.1")
    assert (said.out.splitlines()[0], said.err) == ("emoji@1.1.1", "")
    assert story.embver("show", "emoji", "--json").json["reference"] == "emoji@1.1.0"

    # The next version goes on from what stands; the number of the yanked one is used up.
    said = story.embver("new", NAME)
    assert "(from emoji@1.1.0)" in said.out
    assert note in said.err
    status = story.embver("status", NAME, "--json", code=None).json
    assert status["current"] == "1.1.0"

    for version in ("1.1.0", "1.0.0"):
        story.embver("yank", f"emoji@{version}", "--reason", "All wrong.")
    assert (
        story.embver("show", "emoji", code=2).err
        == "error: every release of emoji is yanked\nnext: embver list emoji\n"
    )


def test_a_release_after_a_yanked_one_is_measured_against_what_stands(story: Sandbox) -> None:
    story.embver("yank", "emoji@1.1.1", "--reason", "Wrong checkpoint.")
    story.embver("new", NAME)
    collapse_spaces(story)
    story.embver("encode", NAME)
    said = story.embver("release", NAME, "--push")
    assert "emoji@1.1.0 -> emoji@1.1.2  patch" in said.out
    card = story.embver("show", "emoji", "--json").json["card"]
    assert card["version"] == "1.1.2"
    assert {record["against"] for record in card["compatibility"]} == {"emoji@1.0.0", "emoji@1.1.0"}
    assert story.embver("verify").code == 0


def test_one_status_gives_way_to_the_other(story: Sandbox) -> None:
    story.embver("deprecate", "emoji@1.0.0", "--reason", "Old")
    story.embver("yank", "emoji@1.0.0", "--reason", "Wrong")
    assert story.embver("deprecate", "emoji@1.0.0", "--reason", "Old", code=2).err == (
        "error: emoji@1.0.0 is yanked since 2026-11-02: Wrong, which says more\nnext: embver yank emoji@1.0.0 --undo\n"
    )
    said = story.embver("yank", "emoji@1.0.0", "--undo", "--reason", "It was fine")
    assert said.out.startswith("emoji@1.0.0 is deprecated since 2026-11-02: Old\n")
    assert "state: deprecated, reason: Old" in story.version("1.0.0").joinpath("card.yaml").read_text()
    assert "Reason: It was fine" in story.git("tag", "--list", "--format=%(contents)", "emoji@v1.0.0#3").out


def test_asked_twice_it_writes_once_and_another_reason_is_written(story: Sandbox) -> None:
    story.embver(*YANK)
    before = story.state()
    assert story.embver(*YANK).out.startswith("already so: emoji@1.1.0 is yanked")
    assert story.state() == before
    said = story.embver("yank", "emoji@1.1.0", "--reason", "Two reasons:\n  one, two")
    assert "  tag emoji@v1.1.0!#2\n" in said.out
    assert (
        story.embver("show", "emoji@1.1.0", "--json").json["status_record"]["reason"]
        == "Two reasons: one, two"
    )


def test_stages_that_lead_to_it_are_named(story: Sandbox) -> None:
    story.embver("promote", "emoji@1.1.0", "prod")
    said = story.embver(*YANK)
    assert said.err.startswith("note: emoji#prod is still emoji@1.1.0: embver promote emoji@1.1.1 prod\n")
    assert story.embver("pull", "emoji#prod", code=1).err.startswith("error: refused: emoji@1.1.0 is yanked")


def test_a_branch_without_the_card_gets_the_tag_alone(story: Sandbox) -> None:
    story.git("switch", "-q", "--detach", "emoji@v1.0.0")
    story.git("switch", "-q", "-c", "old")
    head = story.git("rev-parse", "HEAD").out
    said = story.embver(*YANK)
    assert said.err.startswith(
        "note: this branch does not hold the card of emoji@1.1.0: only the tag says so\n"
    )
    assert "card status" not in said.out
    assert story.git("rev-parse", "HEAD").out == head
    assert story.embver("pull", "emoji@1.1.0", code=1).err.startswith("error: refused")
    # Where the card is, the two disagree, and the same command again mends it.
    story.git("switch", "-q", "main")
    found = [
        check
        for check in story.embver("doctor", "--json", code=None).json["checks"]
        if check["name"] == "life cycle"
    ]
    assert found == [
        {
            "name": "life cycle",
            "state": "warning",
            "found": "emoji@1.1.0: its card says active, its tags yanked",
            "repair": f"embver yank emoji@1.1.0 --reason '{REASON}' --successor emoji@1.1.1",
        }
    ]
    assert "note: emoji@1.1.0: its card says active, its tags yanked\n" in story.embver("verify").err
    story.embver(*YANK)
    assert "! life cycle" not in story.embver("doctor", code=None).out


def test_a_card_edited_by_hand_has_words_and_no_force(story: Sandbox) -> None:
    card = story.version("1.0.0") / "card.yaml"
    story.edit(("status: {state: active}", "status: {state: yanked, reason: By hand}"), file=card)
    assert (
        "has changes that are not committed"
        in story.embver("yank", "emoji@1.0.0", "--reason", "x", code=2).err
    )
    story.git("commit", "-qam", "By hand")
    assert story.embver("list", "--json").json[0]["status"] == "active"
    assert (
        "  status      active (its card says yanked: embver doctor)\n"
        in story.embver("show", "emoji@1.0.0").out
    )
    story.embver("pull", "emoji@1.0.0")
    assert "emoji@1.0.0: its card says yanked, its tags active" in story.embver("doctor", code=None).out
    story.embver("yank", "emoji@1.0.0", "--undo")
    assert "! life cycle" not in story.embver("doctor", code=None).out


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (("yank", "emoji@1.1.0"), "a reason is needed: whoever meets the version will read it\nnext: embver yank emoji@1.1.0 --reason TEXT"),
        (("yank", "emoji@1.1.0", "--reason", " "), "a reason is needed"),
        (("yank", "emoji@1.1.0", "--reason", "a\x1b[31m"), "a reason is needed"),
        (("deprecate", "emoji@next", "--reason", "x"), "emoji@next is the working version"),
        (("yank", "emoji@1.1.0", "--undo"), "emoji@1.1.0 is not yanked: there is nothing to undo\nnext: embver show emoji@1.1.0"),
        (("deprecate", "emoji@1.1.0", "--undo"), "emoji@1.1.0 is not deprecated"),
        (("yank", "emoji@1.1.0", "--reason", "x", "--successor", "emoji@1.1.0"), "a version cannot follow itself"),
        (("yank", "emoji@1.1.0", "--reason", "x", "--successor", "emoji@9.0.0"), "emoji has no version 9.0.0"),
        (("yank", "emoji@1.1.0", "--reason", "x", "--successor", "emoji@next"), "emoji@next is the working version"),
    ],
)  # fmt: skip
def test_what_makes_no_sense(story: Sandbox, arguments: tuple[str, ...], told: str) -> None:
    before = story.state()
    said = story.embver(*arguments, code=2)
    assert told in said.err
    assert story.state() == before


def test_no_branch_no_commit(story: Sandbox) -> None:
    story.git("switch", "-q", "--detach")
    said = story.embver(*YANK, code=2)
    assert said.err == "error: HEAD is detached: the card's status needs a branch\nnext: git switch BRANCH\n"
    assert "!" not in story.git("tag").out


def test_a_successor_that_was_yanked_itself_is_none(story: Sandbox) -> None:
    story.embver("yank", "emoji@1.1.1", "--reason", "x")
    assert "emoji@1.1.1 is yanked itself" in story.embver(*YANK, code=2).err


# ---- with others


def test_a_push_brings_tag_and_card_and_a_refused_one_changes_nothing(story: Sandbox) -> None:
    colleague = Sandbox(root=story.root.parent / "colleague")
    git(story.root.parent, "clone", "-q", story.remote.as_uri(), str(colleague.root))
    for key, value in (("user.name", "Colleague"), ("user.email", "colleague@shop.example")):
        colleague.git("config", key, value)
    said = story.embver(*YANK, "--push")
    assert said.out.endswith("  tag emoji@v1.1.0!#1\npushed to origin\n")
    assert git(story.remote, "rev-parse", "main").out == story.git("rev-parse", "HEAD").out

    before = colleague.state()
    said = colleague.embver("deprecate", "emoji@1.0.0", "--reason", "Old", "--push", code=2)
    assert "origin has tags of emoji that are not here" in said.err
    colleague.git("fetch", "-q", "--tags", "origin", "refs/tags/*:refs/tags/*")
    before = colleague.state()
    said = colleague.embver("deprecate", "emoji@1.0.0", "--reason", "Old", "--push", code=3)
    assert said.err.startswith("error: nothing was changed, here or there: origin did not take it: ")
    assert said.err.endswith("next: git pull --no-rebase origin --tags, then the same command again\n")
    assert colleague.state() == before
    colleague.git("pull", "-q", "--no-rebase", "origin", "main", "--tags")
    colleague.embver("deprecate", "emoji@1.0.0", "--reason", "Old", "--push")
    story.git("pull", "-q", "--no-rebase", "origin", "main", "--tags")
    assert [entry["status"] for entry in story.embver("list", "--json").json] == [
        "deprecated",
        "yanked",
        "active",
    ]
    assert "! life cycle" not in story.embver("doctor", code=None).out


# ---- killed


def test_killed_at_every_step_it_happened_or_it_did_not(story: Sandbox, tmp_path: Path) -> None:
    fresh = copies(story, tmp_path)
    finished = forgotten = 0
    with Killer(next(fresh), *YANK) as killer:
        whole = next(fresh)
        count = killer.order(whole, *YANK, point=0)
        assert count["code"] == 0, count
        expected = whole.state()
        # First come objects that nothing names yet; then each step is one of its own.
        last = count["points"]
        for point in (*range(1, last - 10, 4), *range(last - 10, last + 1)):
            repo = next(fresh)
            before = repo.state()
            assert killer.order(repo, *YANK, point=point) == {"signal": signal.SIGKILL}
            if "refs/tags/emoji@v1.1.0!#1" in repo.refs():
                finished += 1
                # The next command that writes puts index and work tree right.
                repo.embver("promote", "emoji@1.0.0", "prod", "--dry-run")
            else:
                forgotten += 1
                assert without_scratch(repo.state()) == before, f"point {point}"
                continue
            assert repo.state() == expected, f"point {point}"
    assert finished >= 3
    assert forgotten >= 4


def test_another_tag_format_and_a_name_with_a_slash(tmp_path: Path) -> None:
    """Tags alone, as GTO would not read them, and pushed: no card is needed to withdraw a version."""
    root, remote = tmp_path / "repository", tmp_path / "remote.git"
    git(tmp_path, "init", "-q", "--bare", "-b", "main", str(remote))
    git(tmp_path, "init", "-q", "-b", "main", str(root))
    repo = Sandbox(root=root)
    for key, value in (("user.name", "Ada"), ("user.email", "ada@shop.example")):
        repo.git("config", key, value)
    (root / "embver.toml").write_text('tag_format = "v{version}/{name}"\n', encoding="utf-8")
    repo.git("add", "-A")
    repo.git("commit", "-q", "-m", "Start")
    repo.git("tag", "-a", "-m", "First", "v1.0.0/shop/images")
    repo.git("remote", "add", "origin", remote.as_uri())
    repo.git("push", "-q", "origin", "main", "--tags")
    repo.embver("promote", "shop/images@1.0.0", "prod", "--push")
    said = repo.embver("yank", "shop/images", "--reason", "Wrong", "--push")
    assert "  tag v1.0.0/shop/images!#2\n" in said.out
    assert (
        "note: shop/images#prod is still shop/images@1.0.0: embver promote shop/images@VERSION prod\n"
        in said.err
    )
    listed = repo.embver("list", "shop/images", "--json").json
    assert [(entry["status"], entry["stages"]) for entry in listed] == [("yanked", ["prod"])]
    other = Sandbox(root=tmp_path / "other")
    git(tmp_path, "clone", "-q", remote.as_uri(), str(other.root))
    assert other.embver("list", "--json").json[0]["status"] == "yanked"
    for key, value in (("user.name", "Bob"), ("user.email", "bob@shop.example")):
        other.git("config", key, value)
    other.embver("yank", "shop/images@1.0.0", "--undo", "--push")
    said = repo.embver("promote", "shop/images@1.0.0", "staging", "--push", code=1)
    assert said.err.startswith("error: refused: shop/images@1.0.0 is yanked")
    repo.git("fetch", "-q", "--tags", "origin")
    repo.embver("promote", "shop/images@1.0.0", "staging", "--push")
