"""`embver import wandb`: runs that W&B's client logged offline, and runs of a server that its client asks."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import socket
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from exchange.mlflow_lab import free_port
from exchange.wandb_server import wandb_server
from plain_versions import begin_plain, write_next
from sandbox import Said, Sandbox, git, script

pytestmark = pytest.mark.xdist_group("wandb")
METRICS = ("--set", "benchmark=shop", "--set")


@pytest.fixture(scope="module")
def repo(tmp_path_factory: pytest.TempPathFactory) -> Sandbox:
    """Return a repository with a working version, for imports that write nothing."""
    made = begin_plain(tmp_path_factory.mktemp("shop") / "repository")
    write_next(made)
    return made


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """Return an environment without anybody's W&B, that calls nobody."""
    kept = {key: value for key, value in os.environ.items() if not key.startswith("WANDB_")}
    mine = {
        "HOME": str(tmp_path_factory.mktemp("home")),
        "WANDB_ERROR_REPORTING": "false",
        "WANDB_SILENT": "true",
    }
    return {**kept, **mine}


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory, home: dict[str, str]) -> Path:
    """Return the folder into which the client logged: a whole run, and one whose process died."""
    pytest.importorskip("wandb")
    folder = tmp_path_factory.mktemp("runs")
    code = folder / "training"
    code.mkdir()
    shutil.copy(Path(__file__).with_name("wandb_maker.py"), code / "train.py")
    git(code, "init", "-q", "-b", "main")
    git(code, "remote", "add", "origin", "https://ann:geheim@example.org/shop/training.git")
    git(code, "add", "-A")
    git(code, "-c", "user.name=Ann", "-c", "user.email=ann@shop.example", "commit", "-q", "-m", "Train")
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "train.py", str(folder)],
        cwd=code,
        env={**home, "WANDB_MODE": "offline"},
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
    )
    assert done.returncode == 1, done.stderr
    return folder / "wandb"


def folder_of(runs: Path, name: str) -> Path:
    return next(runs.glob(f"offline-run-*-{name}"))


def log_of(runs: Path, name: str) -> Path:
    return next(folder_of(runs, name).glob("*.wandb"))


def dry(repo: Sandbox, reference: object, *more: str) -> Any:
    return repo.embver("import", "wandb", str(reference), "--dry-run", "--json", *more).json


def refused(repo: Sandbox, reference: object, *more: str, code: int = 2) -> Said:
    said = repo.embver("import", "wandb", str(reference), *more, code=code)
    assert said.out == ""
    return said


def fields(report: Any) -> dict[str, Any]:
    return {entry["field"]: entry["value"] for entry in report["taken"]}


def left_out(report: Any) -> dict[str, str]:
    return {entry["what"]: entry["why"] for entry in report["left_out"]}


def test_an_offline_run_is_taken_over_whole(runs: Path, repo: Sandbox) -> None:
    folder = folder_of(runs, "whole1")
    before = {path: path.stat().st_mtime_ns for path in folder.rglob("*")}
    picks = "metrics=val/recall=hit@1:max,val/recall=last@1:last,loss:min,text.hit 10=hit@10:last,broken:last"
    report = dry(repo, folder, *METRICS, picks, "--set", "tags=paper", "--set", "unit=percent")
    commit = git(runs.parent / "training", "rev-parse", "HEAD").out.strip()
    found = fields(report)
    machine = found.pop("extra.wandb.machine")
    data, models = found.pop("training.data[pictures]"), found.pop("extra.wandb.models")
    assert found == {
        "training.run": {"tracker": "wandb", "uri": "wandb:search/shop/whole1"},
        "training.hyperparameters.lr": 1e-05,
        "training.hyperparameters.seed": 7,
        "training.hyperparameters.optimizer.name": "adam",
        "training.hyperparameters.optimizer.betas": [0.9, 0.999],
        "training.hyperparameters.optimizer.decay.end": 0,
        "training.code.commit": commit,
        "training.code.uri": "https://example.org/shop/training.git",
        "extra.wandb.tags": ["paper"],
        "benchmarks[shop]": {
            "id": "shop",
            "metrics": [
                {"key": "hit@1", "value": 0.5, "unit": "percent"},
                {"key": "last@1", "value": 0.375, "unit": "percent"},
                {"key": "loss", "value": 0.2, "unit": "percent"},
                {"key": "hit@10", "value": 37.5, "unit": "percent"},
                {"key": "broken", "value": None, "unit": "percent"},
            ],
            "source": {"format": "wandb", "uri": "wandb:search/shop/whole1"},
            "notes": "hit@1 is the max of val/recall at step 1; last@1 is the last of val/recall at step 4; "
            "loss is the min of loss at step 4; hit@10 is the last of text.hit 10 at step 4; "
            "broken is the last of broken.",
        },
    }
    assert set(data) == {"name", "tracked_by", "version"}
    assert data["version"].startswith("wandb-manifest-md5:")
    assert [(model["name"], model["aliases"]) for model in models] == [("clip", ["best"])]
    assert (
        {"os", "python", "cpu_count"} <= set(machine) <= {"os", "python", "cpu", "cpu_count", "memory_bytes"}
    )
    assert {path: path.stat().st_mtime_ns for path in folder.rglob("*")} == before
    assert left_out(report) == {
        "config warm_up": "it has no value",
        "config data_dir": "it is a place on somebody's disk",
        "config wandb_api_key": "it may be a secret",
        "1 metric (accuracy)": "a run's metrics are no benchmark by themselves; "
        "to take one: --set benchmark=ID --set metrics=accuracy=NAME:max",
        "1 metric (endless)": "NaN or infinite at the end of the run",
        "1 artifact (notes diary)": "neither a data set nor a model",
    }


def test_the_card_says_which_bytes_were_read_and_by_whom_they_were_written(
    runs: Path, tmp_path: Path
) -> None:
    repo = begin_plain(tmp_path / "repository")
    write_next(repo)
    log = log_of(runs, "whole1")
    repo.embver("import", "wandb", str(log))
    shown = repo.embver("show", "plain@next", "--json").json["card"]
    digest = hashlib.sha256(log.read_bytes()).hexdigest()
    [source] = shown["imported"]
    assert source.pop("version").count(".") == 2
    assert source == {"source": "wandb", "uri": "wandb:search/shop/whole1", "digest": f"sha256:{digest}"}
    assert repo.embver("validate").code == 0
    text = (repo.root / "embeddings/plain/next/card.yaml").read_text()
    for private in ("ann", "geheim", "/home", "api_key", str(runs), socket.gethostname(), sys.executable):
        assert private not in text


def test_a_run_whose_process_died_is_taken_only_if_asked_for(runs: Path, repo: Sandbox) -> None:
    report = dry(repo, folder_of(runs, "dead1"), "--allow-failed")
    assert fields(report)["training.hyperparameters.lr"] == 0.5
    assert report["warnings"][0] == "the run still goes on, or was killed: its end is missing"


def test_a_damaged_log_is_refused_with_the_place(runs: Path, repo: Sandbox, tmp_path: Path) -> None:
    data = bytearray(log_of(runs, "dead1").read_bytes())
    torn = tmp_path / "run-torn.wandb"
    torn.write_bytes(data[:90_000])
    assert "its end is missing" in refused(repo, torn, code=1).err
    data[50_000:50_004] = b"\0\1\2\3"
    torn.write_bytes(data)
    said = refused(repo, torn, "--allow-failed", code=3).err
    assert "run-torn.wandb:byte " in said
    assert "the log is damaged here, and what follows cannot be told" in said
    place = int(said.partition(":byte ")[2].partition(":")[0])
    assert 50_000 - 2_000 < place <= 50_000


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (b"", "the file is empty"),
        (b"hello", "that is no log of W&B"),
        (b":W&B\xe1\xbe\x07", "a .wandb log of a form that is not known"),
        (b":W&B\xe1\xbe\x00" + b"\xff" * 40_000, "byte 7: the log is damaged here"),
    ],
    ids=["empty", "words", "newer", "damaged"],  # their bytes would be part of every program's environment
)
def test_a_file_that_is_no_log_is_told(repo: Sandbox, tmp_path: Path, data: bytes, said: str) -> None:
    path = tmp_path / "run-x.wandb"
    path.write_bytes(data)
    assert said in refused(repo, path, code=3).err


def test_what_is_not_there_is_named_with_what_is(runs: Path, repo: Sandbox, tmp_path: Path) -> None:
    assert "holds several runs: name one" in refused(repo, runs).err
    assert folder_of(runs, "whole1").name in refused(repo, runs).err
    assert "holds no .wandb file" in refused(repo, tmp_path).err
    assert "there is no ./nowhere" in refused(repo, "./nowhere").err
    assert "is neither a run's folder" in refused(repo, "shop").err


@pytest.fixture(scope="module")
def asked(repo: Sandbox, home: dict[str, str]) -> dict[str, Any]:
    """Return what the command says of runs of a server, asked by W&B's client in one process."""
    pytest.importorskip("wandb")
    runs = {
        "nameless": ["search/shop/abc123"],
        "whole": [
            "https://wandb.ai/search/shop/runs/abc123",
            *METRICS,
            "metrics=val/recall=hit@1:max,loss:last,loss=least:min",
        ],
        "other": ["search/shop/abc123", *METRICS, "metrics=val/recall:min"],
        "absent": ["search/shop/nothing"],
        "crashed": ["wandb:search/shop/crash1"],
    }
    program = (
        "import io, json, os, sys, contextlib\nfrom embver.cli import main\nsaid = {}\n"
        "key = os.environ.pop('WANDB_API_KEY')\n"
        "for name, words in json.loads(sys.argv[2]).items():\n"
        "    out, err = io.StringIO(), io.StringIO()\n"
        "    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):\n"
        "        code = main(['-C', sys.argv[1], 'import', 'wandb', *words, '--dry-run', '--json'])\n"
        "    said[name] = [code, out.getvalue(), err.getvalue()]\n"
        "    os.environ['WANDB_API_KEY'] = key\n"
        "sys.stdout.write(json.dumps(said))\n"
    )
    with wandb_server() as address:
        done = subprocess.run(
            [sys.executable, "-W", "ignore", "-c", program, str(repo.root), json.dumps(runs)],
            env={**home, "WANDB_BASE_URL": address, "WANDB_API_KEY": "k" * 40},
            capture_output=True,
            text=True,
            check=False,
            timeout=120,
        )
    assert done.returncode == 0, done.stderr
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return found


def test_a_run_of_a_server_is_taken_over(asked: dict[str, Any]) -> None:
    code, out, err = asked["whole"]
    assert code == 0, err
    report = json.loads(out)
    assert report["uri"] == "wandb:search/shop/abc123"
    assert fields(report) == {
        "training.run": {"tracker": "wandb", "uri": "wandb:search/shop/abc123"},
        "training.hyperparameters.lr": 1e-05,
        "training.hyperparameters.optimizer.name": "adam",
        "training.data[pictures]": {
            "name": "pictures",
            "version": f"wandb-manifest-md5:{'a' * 32}",
            "tracked_by": "wandb",
        },
        "training.code.commit": "f" * 40,
        "training.code.uri": "https://example.org/shop/training.git",
        "extra.wandb.models": [
            {"name": "clip", "digest": f"wandb-manifest-md5:{'b' * 32}", "aliases": ["best"]}
        ],
        "extra.wandb.machine": {
            "os": "Linux-6.1-x86_64",
            "python": "CPython 3.11.7",
            "cpu_count": 64,
            "gpu": "NVIDIA H100",
            "gpu_count": 8,
        },
        "benchmarks[shop]": {
            "id": "shop",
            "metrics": [
                {"key": "hit@1", "value": 0.5},
                {"key": "loss", "value": 0.25},
                {"key": "least", "value": 0.125},
            ],
            "source": {"format": "wandb", "uri": "wandb:search/shop/abc123"},
            "notes": "hit@1 is the max of val/recall; loss is the last of loss at step 5; "
            "least is the min of loss at step 3.",
        },
    }
    assert left_out(report)["config data_dir"] == "it is a place on somebody's disk"
    assert "ann" not in out


def test_a_server_that_does_not_have_it_says_so(asked: dict[str, Any]) -> None:
    assert asked["other"][0] == 2
    assert "the min of val/recall is not to be had: the tracker keeps only a summary" in asked["other"][2]
    assert asked["absent"][:2] == [2, ""]
    assert "error: there is no run search/shop/nothing" in asked["absent"][2]
    assert asked["crashed"][0] == 1
    assert "the run crashed" in asked["crashed"][2]


def test_who_does_not_say_who_they_are_is_asked(asked: dict[str, Any]) -> None:
    assert asked["nameless"][:2] == [3, ""]
    assert "next: wandb login, or set WANDB_API_KEY" in asked["nameless"][2]


def test_a_server_that_is_down_is_told(repo: Sandbox, home: dict[str, str]) -> None:
    pytest.importorskip("wandb")
    away = {**home, "WANDB_BASE_URL": f"http://127.0.0.1:{free_port()}", "WANDB_API_KEY": "k" * 40}
    said = script("-C", str(repo.root), "import", "wandb", "a/b/c", cwd=repo.root, env=away)
    assert (said.code, said.out) == (3, "")
    assert "error: the W&B server cannot be asked: " in said.err
    assert "next: WANDB_BASE_URL names" in said.err


def test_without_the_client_it_is_said_what_to_install(repo: Sandbox, monkeypatch: Any) -> None:
    monkeypatch.setitem(sys.modules, "wandb", None)
    assert "next: pip install 'embver[wandb]'" in refused(repo, "a/b/c", code=3).err
