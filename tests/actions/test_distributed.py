"""Several processes share one encode: whoever does what, in whatever order, the bytes are those of one process."""

from __future__ import annotations

import json
import os
import shutil
from pathlib import Path

import pytest

from embver.actions.launch import _reasons, progress_line, told_in
from embver.actions.plans import differing
from embver.actions.ranks import Rank
from embver.errors import UsageError
from embver.store.files import hash_file
from sandbox import NAME, Sandbox, script

pytestmark = [pytest.mark.torch, pytest.mark.lfs]

SHARDS = ("--shard-rows", "16", "--threads", "1")  # 2 of images, 2 of texts, and the probe set


@pytest.fixture(scope="module")
def expected(stages: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, tuple[str, int]]:
    """Return the files of `next/`, but for the card, as one process makes them."""
    root = tmp_path_factory.mktemp("whole") / "repository"
    shutil.copytree(stages / "start/repository", root, symlinks=True)
    repo = Sandbox(root=root)
    repo.embver("encode", NAME, *SHARDS)
    return files(repo)


@pytest.fixture
def fresh(sandbox, expected: dict[str, tuple[str, int]]) -> Sandbox:
    """Return a repository whose working version is not encoded yet."""
    return sandbox("start")


def files(repo: Sandbox) -> dict[str, tuple[str, int]]:
    return {file.name: hash_file(file) for file in repo.next.iterdir() if file.name != "card.yaml"}


def as_rank(repo: Sandbox, monkeypatch: pytest.MonkeyPatch, rank: int, world: int, *more: str, code: int = 0):
    with monkeypatch.context() as patch:
        patch.setenv("RANK", str(rank))
        patch.setenv("WORLD_SIZE", str(world))
        return repo.embver("encode", NAME, *SHARDS, *more, code=code)


def jobs(repo: Sandbox) -> list[Path]:
    return [path for path in (repo.root / ".git/embver/encode").glob("*/") if path.is_dir()]


# ---- ranks of a launcher


def test_ranks_one_after_another(fresh: Sandbox, monkeypatch: pytest.MonkeyPatch, expected) -> None:
    """A Slurm array whose tasks run when there is room: the last to end merges, a late one finds all done."""
    said = as_rank(fresh, monkeypatch, 1, 3)
    assert said.out == (
        "emoji@next: rank 1 of 3: 2 of its 2 shards encoded now\n"
        "  still to come: image-00000 (rank 0), text-00000 (rank 2), text-00001 (rank 0); "
        "the rank that ends last merges\n"
    )
    as_rank(fresh, monkeypatch, 0, 3)
    before = fresh.card.read_text()
    assert "artifacts:" not in before
    said = as_rank(fresh, monkeypatch, 2, 3)
    assert said.out.startswith("emoji@next: rank 2 of 3: 1 of its 1 shard encoded now\n")
    assert "emoji@next: encoded in " in said.out
    assert files(fresh) == expected
    assert jobs(fresh) == []
    assert "nothing to encode" in as_rank(fresh, monkeypatch, 1, 3).out
    fresh.git("add", "-A")
    assert fresh.embver("validate", "--deep").code == 0


def test_ranks_put_the_files_themselves_into_the_work_tree(fresh: Sandbox, monkeypatch, expected) -> None:
    """The one that merges does so; a late one does it where nothing is left to encode."""
    as_rank(fresh, monkeypatch, 0, 2)
    as_rank(fresh, monkeypatch, 1, 2)
    assert files(fresh) == expected  # pointers
    as_rank(fresh, monkeypatch, 0, 2, "--materialise", "copy")
    sizes = {path.name: path.stat().st_size for path in fresh.next.glob("*.safetensors")}
    assert all(size > 1000 for size in sizes.values()), sizes
    lines = fresh.git("status", "--porcelain", "--untracked-files=no").out.splitlines()
    assert [line for line in lines if line[1] != " "] == []


def test_a_rank_is_told_before_it_encodes_that_files_cannot_be_placed(fresh: Sandbox, monkeypatch) -> None:
    (fresh.root / ".gitattributes").write_text("")
    said = as_rank(fresh, monkeypatch, 0, 2, "--materialise", "copy", code=2)
    assert "--materialise copy: .gitattributes does not hand" in said.err
    assert jobs(fresh) == []


def test_a_rank_again_does_nothing_twice(fresh: Sandbox, monkeypatch: pytest.MonkeyPatch, expected) -> None:
    as_rank(fresh, monkeypatch, 0, 2)
    said = as_rank(fresh, monkeypatch, 0, 2, "--json").json
    assert said == {
        "reference": "emoji@next",
        "rank": 0,
        "world": 2,
        "shards": 3,
        "encoded": 0,
        "waiting": [{"shard": "image-00001", "rank": 1}, {"shard": "text-00001", "rank": 1}],
    }
    # Another number of ranks goes on after what is done.
    for rank in range(4):
        as_rank(fresh, monkeypatch, rank, 4)
    assert files(fresh) == expected


def test_merging_by_hand_names_what_is_missing(
    fresh: Sandbox, monkeypatch: pytest.MonkeyPatch, expected
) -> None:
    as_rank(fresh, monkeypatch, 0, 2)
    said = fresh.embver("encode", NAME, *SHARDS, "--merge", code=3)
    assert "2 of 5 shards are not encoded: image-00001 (rank 1), text-00001 (rank 1)" in said.err
    assert "next: run those ranks again" in said.err
    as_rank(fresh, monkeypatch, 1, 2)
    assert files(fresh) == expected
    assert "nothing to encode" in fresh.embver("encode", NAME, *SHARDS, "--merge").out


def test_one_process_ends_what_ranks_began(fresh: Sandbox, monkeypatch: pytest.MonkeyPatch, expected) -> None:
    as_rank(fresh, monkeypatch, 1, 2)
    fresh.embver("encode", NAME, *SHARDS)
    assert files(fresh) == expected


def test_a_rank_that_reads_other_inputs_is_stopped(fresh: Sandbox, monkeypatch: pytest.MonkeyPatch) -> None:
    as_rank(fresh, monkeypatch, 0, 2)
    fresh.edit(("uri: data/corpus-v1.jsonl\n", "uri: data/corpus-v2.jsonl\n"))
    said = as_rank(fresh, monkeypatch, 1, 2, code=3)
    assert "another plan for emoji is under way, with 3 shards done: " in said.err
    assert "rows.image is 40 here and 30 there" in said.err
    assert "give every process the same options, card, corpus and model" in said.err
    as_rank(fresh, monkeypatch, 1, 2, "--restart")
    (mine,) = jobs(fresh)
    assert json.loads((mine / "plan.json").read_text())["plan"]["rows"] == {"image": 40, "text": 40}


@pytest.mark.parametrize(
    ("environment", "said"),
    [
        ({"RANK": "0"}, "RANK and WORLD_SIZE go together"),
        ({"RANK": "2", "WORLD_SIZE": "2"}, "RANK=2 of WORLD_SIZE=2: ranks are 0 to WORLD_SIZE - 1"),
        ({"RANK": "one", "WORLD_SIZE": "2"}, "RANK=one is no number"),
    ],
)
def test_ranks_that_are_none(environment: dict[str, str], said: str) -> None:
    with pytest.raises(UsageError, match=said):
        Rank.of_environment(environment)


def test_the_share_of_a_rank() -> None:
    ranks = [Rank(index=index, world=3, local=index, local_world=2) for index in range(3)]
    shares = [rank.share("abcdefgh") for rank in ranks]
    assert shares == [("a", "d", "g"), ("b", "e", "h"), ("c", "f")]
    assert [rank.owner(4) for rank in ranks] == [1, 1, 1]
    assert ranks[0].threads(16) == 8
    assert Rank.of_environment({}) is None
    assert Rank.of_environment({"RANK": "0", "WORLD_SIZE": "1"}) == Rank(index=0, world=1)


def test_differences_of_plans_are_named() -> None:
    before = {"settings": {"corpus": "a", "encoders": {"text": "x"}}, "rows": {"text": 3}}
    after = {
        "settings": {"corpus": "a", "encoders": {"text": "y"}, "compute": "float32"},
        "rows": {"text": 4},
    }
    assert differing(before, after) == (
        "encoders.text is y here and x there; compute is float32 here and absent there; "
        "rows.text is 4 here and 3 there"
    )


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--merge", "--devices", "2"], "--devices and --merge exclude each other"),
        (["--address", "auto"], "--address needs --engine ray"),
        (["--devices", "many"], "--devices many: unknown"),
        (["--devices", "cpu:0"], "--devices cpu:0: unknown"),
    ],
)
def test_options_that_exclude_each_other(encoded: Sandbox, arguments: list[str], said: str) -> None:
    assert said in encoded.embver("encode", NAME, *arguments, code=None).err


def test_ranks_and_devices_exclude_each_other(encoded: Sandbox, monkeypatch: pytest.MonkeyPatch) -> None:
    said = as_rank(encoded, monkeypatch, 0, 2, "--devices", "cpu:2", code=2)
    assert "--devices starts processes itself, and RANK and WORLD_SIZE say" in said.err
    assert "--force: a rank that comes late" in as_rank(encoded, monkeypatch, 0, 2, "--force", code=2).err


def test_two_receipts_of_one_shard(fresh: Sandbox, monkeypatch: pytest.MonkeyPatch) -> None:
    """A machine that was thought dead comes back and has made other bytes: nobody may choose between them."""
    as_rank(fresh, monkeypatch, 0, 2)
    (job,) = jobs(fresh)
    plain = json.loads((job / "image-00000.json").read_text())
    other = plain | {"sha256": "ab" * 32, "environment": f"env:sha256:{'cd' * 32}"}
    (job / f"image-00000.{'ab' * 6}.json").write_text(json.dumps(other))
    said = as_rank(fresh, monkeypatch, 1, 2, code=1)
    assert "image-00000" in said.err
    assert plain["environment"][:20] in said.err
    assert "env:sha256:cdcdcdcd" in said.err
    assert not (fresh.next / "SHA256SUMS").exists()


def test_shards_of_two_environments(fresh: Sandbox, monkeypatch: pytest.MonkeyPatch) -> None:
    as_rank(fresh, monkeypatch, 0, 2)
    (job,) = jobs(fresh)
    (record,) = job.glob("environment-*.json")
    other = json.loads(record.read_text())
    other["software"]["torch"], other["environment"] = "2.11.0+cu130", f"env:sha256:{'cd' * 32}"
    (job / f"environment-{'cd' * 8}.json").write_text(json.dumps(other))
    receipt = json.loads((job / "image-00000.json").read_text())
    (job / "image-00000.json").write_text(json.dumps(receipt | {"environment": other["environment"]}))
    said = as_rank(fresh, monkeypatch, 1, 2, code=3)
    assert "2 environments, and a strict version has one: software.torch" in said.err
    # The rank on the odd machine runs again, on one like the others.
    as_rank(fresh, monkeypatch, 0, 2)
    assert fresh.embver("validate").code == 0


# ---- torchrun


def test_two_processes_of_torchrun(fresh: Sandbox, expected) -> None:
    """The launcher itself, as a person types it: both write into one repository, and one of them merges."""
    import subprocess
    import sys

    command = [
        sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node=2", "-m", "embver",
        "-C", str(fresh.root), "encode", NAME, *SHARDS,
    ]  # fmt: skip
    done = subprocess.run(
        command, env={**os.environ, "OMP_NUM_THREADS": "1"}, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.count("emoji@next: encoded in ") == 1
    assert files(fresh) == expected
    assert jobs(fresh) == []


def test_devices_of_one_machine(fresh: Sandbox, expected) -> None:
    said = script("encode", NAME, *SHARDS, "--devices", "cpu:2", cwd=fresh.root)
    assert said.code == 0, said.text
    assert "emoji@next: encoded in " in said.out
    assert "image: 30 of 30" in said.err
    assert "text: 30 of 30" in said.err
    assert "#embver" not in said.text
    assert files(fresh) == expected


def test_what_fails_in_a_process_is_said_once(fresh: Sandbox) -> None:
    picture = fresh.root / "probes/pairs/images/003.png"
    picture.write_bytes(picture.read_bytes()[:40])
    said = script("encode", NAME, *SHARDS, "--devices", "cpu:1", cwd=fresh.root)
    assert said.code == 3
    assert "error: a process of 1 failed:\n" in said.err
    assert said.err.count("p003: not a readable image") == 1
    assert "the same command goes on after what is done: embver encode emoji" in said.err
    assert "Traceback" not in said.err


def test_progress_is_read_where_processes_write_into_one_line() -> None:
    one, two = (progress_line(Rank(index=index, world=2), "text", 5, 8) for index in (0, 1))
    expected = [(0, "text", 5, 8), (1, "text", 5, 8)]
    assert told_in(f"{one}\n") == (expected[:1], "")
    assert told_in(f"{one}{two}\n") == (expected, "")
    assert told_in(f"Loading weights: 10%{one} and {two}error: no room\n") == (
        expected,
        "Loading weights: 10% and error: no room",
    )
    assert told_in("error: no room\n") == ([], "error: no room")
    assert told_in(f"{one[:24]}\n") == ([], one[:24].removeprefix("#embver-progress "))


def test_reasons_of_processes() -> None:
    lines = [
        "W1123 noise",
        "error: no room",
        "  on the disk",
        "next: free some",
        "error: no room",
        "  on the disk",
        "E",
    ]
    assert _reasons(lines) == "no room\n  on the disk"
    assert _reasons(["W noise", "Killed"]) == "W noise\nKilled"
    assert progress_line(Rank(index=1, world=2), "text", 3, 4) == '#embver-progress [1, "text", 3, 4]'


def test_accelerators_that_are_not_here() -> None:
    from embver.encode.devices import count_accelerators, device_of, list_devices
    from embver.errors import EncodeError

    assert list_devices("cpu:3") == ("cpu", "cpu", "cpu")
    assert device_of(None, "auto") == "auto"
    assert device_of(1, "cpu") == "cpu"
    if count_accelerators() == 0:
        assert device_of(1, "auto") == "auto"
        for wanted in ("all", "2", "cuda:0,cuda:1"):
            with pytest.raises(EncodeError, match=f"--devices {wanted}: "):
                list_devices(wanted)
