"""Shards as Ray tasks on a real local cluster: one worker is killed, and the bytes are those of one process."""

from __future__ import annotations

import json
import os
import shutil
import signal
import time
from collections.abc import Iterator
from pathlib import Path
from threading import Thread

import pytest

from embver.encode import ray_engine
from embver.encode.ray_engine import RayCluster, run_tasks
from embver.errors import EncodeError
from embver.store.files import hash_file
from sandbox import NAME, Sandbox

ray = pytest.importorskip("ray")

pytestmark = [pytest.mark.torch, pytest.mark.lfs, pytest.mark.xdist_group("ray")]

SHARDS = ("--shard-rows", "8", "--threads", "1")  # 4 of images, 4 of texts, and the probe set


@pytest.fixture(scope="module")
def cluster() -> Iterator[int]:
    """Start a cluster of two workers for all tests here; nothing is told to anybody."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("RAY_USAGE_STATS_ENABLED", "0")
        patch.setenv("RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO", "0")
        patch.setenv("OMP_NUM_THREADS", "1")
        ray.init(
            address="local", num_cpus=2, include_dashboard=False, log_to_driver=False, logging_level="ERROR"
        )
        yield 2
        ray.shutdown()


@pytest.fixture(scope="module")
def expected(stages: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, tuple[str, int]]:
    """Return the files of `next/`, but for the card, as one process makes them."""
    root = tmp_path_factory.mktemp("whole") / "repository"
    shutil.copytree(stages / "start/repository", root, symlinks=True)
    repo = Sandbox(root=root)
    repo.embver("encode", NAME, *SHARDS)
    return files(repo)


def files(repo: Sandbox) -> dict[str, tuple[str, int]]:
    return {file.name: hash_file(file) for file in repo.next.iterdir() if file.name != "card.yaml"}


def workers() -> list[int]:
    """Return the processes that run one of our tasks at this moment: Ray gives them the task's name."""
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            if folder.joinpath("cmdline").read_bytes().startswith(b"ray::encode_task"):
                found.append(int(folder.name))
        except OSError:
            continue
    return found


class Killer(Thread):
    """Kills the first worker that has begun, once one shard is done."""

    def __init__(self, repo: Sandbox) -> None:
        super().__init__(daemon=True)
        self.repo, self.killed = repo, 0

    def run(self) -> None:
        until = time.monotonic() + 120
        while not self.killed and time.monotonic() < until:
            begun = workers()
            if begun and list(self.repo.root.glob(".git/embver/encode/*/*-0000?.json")):
                os.kill(begun[0], signal.SIGKILL)
                self.killed = begun[0]
            time.sleep(0.002)


@pytest.mark.parametrize("address", ["nonsense", "127.0.0.1:1"])
def test_a_cluster_that_is_not_there(address: str) -> None:
    assert not ray.is_initialized()
    with pytest.raises(EncodeError, match=f"no Ray cluster at {address}: ") as caught:
        list(run_tasks(len, ["a"], cluster=RayCluster(address=address)))
    assert caught.value.hint == "ray start --head, or leave --address out for a local one"


def test_a_killed_worker_changes_no_byte(cluster, sandbox, expected) -> None:
    repo: Sandbox = sandbox("start")
    killer = Killer(repo)
    killer.start()
    said = repo.embver("encode", NAME, *SHARDS, "--engine", "ray")
    killer.join(timeout=5)
    assert killer.killed
    assert "emoji@next: encoded in " in said.out
    assert "image: 30 of 30" in said.err
    assert files(repo) == expected
    assert not [path for path in (repo.root / ".git/embver/encode").glob("*/") if path.is_dir()]
    assert "nothing to encode" in repo.embver("encode", NAME, *SHARDS, "--engine", "ray").out


def test_what_cannot_be_encoded_is_said_as_by_one_process(cluster, sandbox) -> None:
    repo: Sandbox = sandbox("start")
    # Under a name of its own: the probe set stays whole, whose task could be the first to fail.
    corpus = repo.root / "data/corpus-v1.jsonl"
    rows = [json.loads(line) for line in corpus.read_text().splitlines()]
    picture = corpus.parent / next(row["image"] for row in rows if row["id"] == "p003")
    (corpus.parent / "broken.png").write_bytes(picture.read_bytes()[:40])
    rows = [{**row, "image": "broken.png"} if row["id"] == "p003" else row for row in rows]
    corpus.write_text("".join(f"{json.dumps(row)}\n" for row in rows))
    said = repo.embver("encode", NAME, *SHARDS, "--engine", "ray", code=3)
    assert "p003: not a readable image" in said.err
    assert not (repo.next / "image-00000-of-00004.safetensors").exists()


def test_tasks_come_back_with_their_results(cluster) -> None:
    def double(number: int) -> int:
        if number == 7:
            raise EncodeError("seven is enough")
        return 2 * number

    found = dict(run_tasks(double, [1, 2, 3], cluster=RayCluster(cpus=1)))
    assert found == {1: 2, 2: 4, 3: 6}
    with pytest.raises(EncodeError, match="seven is enough"):
        list(run_tasks(double, [7], cluster=RayCluster(cpus=1)))


def test_a_task_that_always_dies_is_given_up(cluster, monkeypatch) -> None:
    def die(number: int) -> int:
        os.kill(os.getpid(), signal.SIGKILL)
        return number

    monkeypatch.setattr(ray_engine, "RETRIES", 1)
    with pytest.raises(EncodeError, match="a Ray task was lost 2 times") as caught:
        list(run_tasks(die, [0], cluster=RayCluster(cpus=1)))
    assert caught.value.hint == "the same command goes on after what is done"


def test_a_worker_without_our_code(cluster, monkeypatch, tmp_path) -> None:
    (tmp_path / "only_here.py").write_text("def work(number):\n    return number\n")
    monkeypatch.syspath_prepend(tmp_path)
    import only_here

    with pytest.raises(EncodeError, match="a Ray worker cannot import what it is to run") as caught:
        list(run_tasks(only_here.work, [0], cluster=RayCluster(cpus=1)))
    assert caught.value.hint == "install the same embver, with its extras, on every machine of the cluster"
