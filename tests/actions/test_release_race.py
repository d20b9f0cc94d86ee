"""Two people release at once: one wins, the other is told, loses nothing, and succeeds at the second try."""

from __future__ import annotations

import multiprocessing
from pathlib import Path

import pytest

from plain_versions import begin_plain, clone, run_command, share, write_next
from sandbox import Said, Sandbox

pytestmark = [pytest.mark.lfs]

ROUNDS = 20
COMMAND = (
    "embver.cli.release",
    "embver.cli.release_text",
    "embver.actions.release_push",
    "embver.actions.committed",
    "embver.store.lfs",
    "embver.store.card_edit",
)
RELEASE = ("release", "plain", "--reason", "no probe set", "--push")


@pytest.fixture
def ann(tmp_path: Path) -> Sandbox:
    """Return a clone with one release, and a bare remote that has it."""
    first = begin_plain(tmp_path / "first")
    share(first)
    made = clone(first, "ann")
    write_next(made)
    made.embver("release", "plain", "--push")
    return made


@pytest.fixture(scope="module")
def processes() -> multiprocessing.context.ForkServerContext:
    """Return what starts processes whose imports are done: one of 40 releases takes a third of the time."""
    made = multiprocessing.get_context("forkserver")
    made.set_forkserver_preload(["plain_versions", "yaml", "jsonschema_rs", *COMMAND])
    return made


def at_once(
    processes: multiprocessing.context.ForkServerContext, *commands: tuple[Sandbox, tuple[str, ...]]
) -> list[Said]:
    """Run commands in processes of their own, all started before any is waited for."""
    started = []
    for number, (repo, argv) in enumerate(commands):
        said = repo.root.parent / f"said-{number}"
        started.append(
            (said, processes.Process(target=run_command, args=(str(said), "-C", str(repo.root), *argv)))
        )
    for _, process in started:
        process.start()
    for _, process in started:
        process.join(timeout=120)
    return [
        Said(
            code=process.exitcode if process.exitcode is not None else -1,
            out=said.with_suffix(".out").read_text(),
            err=said.with_suffix(".err").read_text(),
        )
        for said, process in started
    ]


def test_two_clones_release_at_once(ann: Sandbox, processes) -> None:
    ben = clone(ann, "ben")
    for number in range(ROUNDS):
        for repo in (ann, ben):
            write_next(repo, data=f"{number}-{repo.root.name}")
        before = {repo.root.name: repo.state() for repo in (ann, ben)}
        said = at_once(processes, (ann, RELEASE), (ben, RELEASE))
        assert sorted(each.code for each in said) == [0, 3], [each.text for each in said]
        winner, loser = (ann, ben) if said[0].code == 0 else (ben, ann)
        told = said[1] if winner is ann else said[0]
        assert "released" not in told.out
        assert "was not released" in told.err or "nothing was released" in told.err
        assert "next: git pull --rebase --autostash, then embver release plain --push" in told.err
        assert loser.state() == before[loser.root.name]
        assert not (loser.root / ".git/embver/release.json").exists()
        loser.git("pull", "-q", "--rebase", "--autostash")
        loser.embver(*RELEASE)
        winner.git("pull", "-q", "--ff-only")
    versions = [entry["version"] for entry in ann.embver("list", "--json").json]
    assert versions == [f"1.{number}.0" for number in range(2 * ROUNDS + 1)]
    assert ann.refs() == ben.refs()
    assert ann.embver("verify", "--quick", "--remote", "--json").json["ok"] is True
    assert len(ann.git("ls-remote", "--refs", "--tags", "origin").out.splitlines()) == 2 * ROUNDS + 1


def test_two_releases_at_once_in_one_repository(ann: Sandbox, processes) -> None:
    for number in range(5):
        write_next(ann, data=f"{number}")
        said = at_once(processes, (ann, RELEASE[:-1]), (ann, RELEASE[:-1]))
        assert sorted(each.code for each in said)[0] == 0, [each.text for each in said]
        (told,) = [each for each in said if each.code != 0]
        assert told.code in (2, 3)
        assert "bug" not in told.err, told.err
        words = ("another embver is releasing", "meanwhile", "no working version", "was released")
        assert any(each in told.err for each in words), told.err
        assert ann.git("status", "--porcelain").out == ""
        assert ann.embver("list", "--json").json[-1]["version"] == f"1.{number + 1}.0"
    assert ann.embver("verify", "--json").json["ok"] is True
