"""Commands killed at every step: either nothing happened, or the next command finishes it; and no byte is lost."""

from __future__ import annotations

import json
import shutil
import signal
import subprocess
import sys
from pathlib import Path
from random import Random

import pytest

import embver.actions.encode as encode_module
from sandbox import NAME, Sandbox

pytestmark = [pytest.mark.torch, pytest.mark.lfs]

DRIVER = Path(__file__).with_name("kill_driver.py")


class Killer:
    """A driver process, in which a command has run once."""

    def __init__(self, repo: Sandbox, *argv: str) -> None:
        command = [sys.executable, str(DRIVER)]
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self._send({"argv": ["-C", str(repo.root), *argv]})

    def __enter__(self) -> Killer:
        return self

    def __exit__(self, *_: object) -> None:
        self.process.communicate(timeout=60)

    def order(self, repo: Sandbox, *argv: str, point: int = 0, after_s: float | None = None) -> dict:
        return self._send({"argv": ["-C", str(repo.root), *argv], "point": point, "after_s": after_s})

    def _send(self, order: dict) -> dict:
        self.process.stdin.write(json.dumps(order) + "\n")
        self.process.stdin.flush()
        return json.loads(self.process.stdout.readline())


def copies(repo: Sandbox, folder: Path):
    """Yield fresh copies of a repository, each in the place of the last: paths and times stay alike."""
    place = Sandbox(root=folder / "copy")
    while True:
        shutil.rmtree(place.root, ignore_errors=True)
        shutil.copytree(repo.root, place.root, symlinks=True)
        place.git("update-index", "-q", "--refresh", code=None)
        yield place


def test_release_killed_at_every_step(encoded: Sandbox, tmp_path: Path) -> None:
    fresh = copies(encoded, tmp_path)
    finished = forgotten = 0
    with Killer(next(fresh), "release", NAME) as killer:
        whole = next(fresh)
        count = killer.order(whole, "release", NAME, point=0)
        assert count["code"] == 0, count
        expected = whole.state()
        # First come blobs that nothing names yet, one like the other; then each step is one of its own.
        last = count["points"]
        for point in (*range(1, last - 15, 4), *range(last - 15, last + 1)):
            repo = next(fresh)
            before = repo.state()
            assert killer.order(repo, "release", NAME, point=point) == {"signal": signal.SIGKILL}
            if (
                "refs/tags/emoji@v1.0.0" in repo.refs()
            ):  # the point of no return: the next command finishes it
                finished += 1
                assert "emoji@v1.0.0" in repo.embver("list", "--json").out
                repo.embver("encode", NAME, code=2)  # there is no next/ any more, and this puts it right
            else:
                forgotten += 1
                assert without_scratch(repo.state()) == before, f"point {point}"
                if forgotten % 4:
                    continue
                killer.order(repo, "release", NAME, point=0)
            assert repo.state() == expected, f"point {point}"
    assert repo.embver("verify").code == 0
    assert "interrupted" not in repo.embver("doctor", code=None).out
    assert finished >= 4
    assert forgotten >= 6


def without_scratch(state: dict) -> dict:
    """Leave out the hidden files that a killed write left: the next command sweeps them."""
    tree = {path: digest for path, digest in state["tree"].items() if "/.embver-" not in path}
    lines = [line for line in state["status"].splitlines(keepends=True) if "/.embver-" not in line]
    return {**state, "tree": tree, "status": "".join(lines)}


def test_a_release_is_not_seen_before_its_tag(encoded: Sandbox, tmp_path: Path) -> None:
    fresh = copies(encoded, tmp_path)
    with Killer(next(fresh), "release", NAME, "--dry-run") as killer:
        repo = next(fresh)
        killer.order(repo, "release", NAME, point=6)
    assert repo.embver("list").err.startswith("no releases yet")
    assert repo.next.is_dir()


KILLS = 50
SHARDED = ("encode", NAME, "--threads", "1", "--full", "--shard-rows", "5")


def test_encode_killed_at_random_moments(encoded: Sandbox, tmp_path: Path) -> None:
    """The version is encoded anew in 16 shards, and killed again and again: before a write, or just at some time.

    Until the last step the old version is there whole, then the new one; finished shards are never lost; and at the
    end the bytes are those of a run that nobody disturbed.
    """
    encoded.edit(
        ('probe = "probes/pairs"', ""), file=encoded.root / "embver.toml"
    )  # what takes most of the time
    encoded.embver("encode", NAME)
    more_corpus_uri(encoded)
    fresh, random = copies(encoded, tmp_path), Random(4)
    killed = resumed = 0
    with Killer(next(fresh), *SHARDED) as killer:
        whole = next(fresh)
        undisturbed = killer.order(whole, *SHARDED)
        assert undisturbed["code"] == 0, undisturbed
        expected, old, new = checksums(whole), artifacts_of_card(encoded), artifacts_of_card(whole)
        assert len(new) == 17
        while killed < KILLS:
            repo, finished = next(fresh), 0
            for turn in range(9):
                if turn % 3 == 2:
                    said = killer.order(repo, *SHARDED, after_s=random.random() * undisturbed["took_s"])
                else:
                    said = killer.order(repo, *SHARDED, point=random.randrange(1, undisturbed["points"] // 2))
                if "signal" not in said:
                    break
                killed += 1
                assert said == {"signal": signal.SIGKILL}
                assert artifacts_of_card(repo) in (old, new)
                receipts = len(list((repo.root / ".git/embver/encode").glob("*/*-*.json")))
                assert receipts >= finished or artifacts_of_card(repo) == new
                resumed += receipts > finished > 0
                finished = receipts
            said = killer.order(repo, *SHARDED)
            assert said["code"] == 0, said
            assert checksums(repo) == expected
            assert list((repo.root / ".git/embver/encode").glob("*/*")) == []
            assert repo.git("diff", "--name-only", "--", "embeddings").out == ""
        assert resumed >= 5
        assert killer.order(repo, "release", NAME)["code"] == 0
        assert repo.embver("verify", "--deep").code == 0


def more_corpus_uri(repo: Sandbox) -> None:
    repo.edit(("uri: data/corpus-v1.jsonl\n  digest", "uri: data/corpus-v2.jsonl\n  digest"))


def artifacts_of_card(repo: Sandbox) -> dict:
    return repo.artifacts("emoji@next")


def checksums(repo: Sandbox) -> dict[str, str]:
    """Return what lies in next/, but for the card, which holds times."""
    prefix = "embeddings/emoji/next/"
    tree = {path: digest for path, digest in repo.tree().items() if path.startswith(prefix)}
    return {path: digest for path, digest in tree.items() if not path.endswith("card.yaml")}


class Killed(BaseException):
    """What no handler of embver's catches and goes on from."""


def test_an_encode_that_was_given_up_is_seen(encoded: Sandbox, monkeypatch) -> None:
    """Killed half-way with new inputs, then the old inputs again: what the card names is not what lies there."""
    encoded.edit(('probe = "probes/pairs"', ""), file=encoded.root / "embver.toml")
    encoded.embver("encode", NAME)
    before = checksums(encoded)
    more_corpus_uri(encoded)
    repo = encoded
    write, written = encode_module.write_atomic, []

    def write_one(path: Path, data: bytes) -> None:
        if written:
            raise Killed
        written.append(path)
        write(path, data)

    monkeypatch.setattr(encode_module, "write_atomic", write_one)
    with pytest.raises(Killed):
        repo.embver("encode", NAME)
    monkeypatch.undo()
    assert checksums(repo) != before
    repo.edit(("uri: data/corpus-v2.jsonl\n  digest", "uri: data/corpus-v1.jsonl\n  digest"))
    assert "is not what the card says" in repo.embver("release", NAME, code=2).err
    assert "nothing to encode" not in repo.embver("encode", NAME).out
    assert checksums(repo) == before
    repo.embver("release", NAME)
    assert repo.embver("verify").code == 0


def test_new_killed_at_every_step(story: Sandbox, tmp_path: Path) -> None:
    fresh = copies(story, tmp_path)
    with Killer(next(fresh), "new", NAME) as killer:
        count = killer.order(next(fresh), "new", NAME, point=0)
        for point in range(1, count["points"] + 1):
            repo = next(fresh)
            assert killer.order(repo, "new", NAME, point=point) == {"signal": signal.SIGKILL}
            repo.embver("new", NAME)
            repo.embver("validate")


def test_two_releases_at_one_moment(encoded: Sandbox) -> None:
    import fcntl

    (encoded.root / ".git/embver").mkdir(exist_ok=True)
    before = encoded.state()
    with (encoded.root / ".git/embver/lock").open("w") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        said = encoded.embver("release", NAME, code=3)
    assert (
        said.err
        == "error: another embver is releasing in this repository\nnext: wait for it, then try again\n"
    )
    assert encoded.state() == before
    encoded.embver("release", NAME)


def test_git_refuses_the_move_of_the_references(encoded: Sandbox) -> None:
    hook = encoded.root / ".git/hooks/reference-transaction"
    hook.write_text('#!/bin/sh\n[ "$1" != prepared ] || ! grep -q refs/tags/\n')
    hook.chmod(0o755)
    before = encoded.state()
    said = encoded.embver("release", NAME, code=3)
    assert "update-ref" in said.err
    assert encoded.state() == before
    assert "interrupted" not in encoded.embver("doctor", code=None).out
    hook.unlink()
    encoded.embver("release", NAME)
    assert encoded.embver("verify").code == 0


def test_ctrl_c_and_sigterm(story: Sandbox, tmp_path: Path) -> None:
    """A pull that is ended from outside leaves nothing beside its place."""
    for number, code in ((signal.SIGINT, 130), (signal.SIGTERM, 143)):
        argv = [
            sys.executable,
            "-c",
            ENDED,
            "-C",
            str(story.root),
            "pull",
            "emoji@1.0.0",
            "--out",
            str(tmp_path / "out"),
        ]
        done = subprocess.run(
            [*argv[:3], str(int(number)), *argv[3:]], capture_output=True, text=True, check=False
        )
        assert done.returncode == code, done.stderr
        assert [path.name for path in tmp_path.iterdir() if "out" in path.name] == []


# Ends itself with a signal in the middle of copying.
ENDED = """
import os, shutil, signal, sys
number = int(sys.argv.pop(1))
signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell's background jobs ignore it
copy = shutil.copyfile
def copyfile(*arguments, **named):
    copy(*arguments, **named)
    os.kill(os.getpid(), number)
shutil.copyfile = copyfile
from embver.cli import run
run()
"""
