"""A real MLflow server with a database behind it, and runs in it and in a file store: made once a session."""

from __future__ import annotations

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from sandbox import git

ROOT = Path(__file__).resolve().parents[2]
REMOTE = "https://ann:geheim@example.org/shop/training.git"


@dataclass(frozen=True, slots=True, kw_only=True)
class Lab:
    """Where the runs are, and what MLflow's client says of them."""

    server: str
    database: Path
    files: Path
    commit: str
    made: dict[str, Any]

    @property
    def run(self) -> str:
        return str(self.made["server"]["id"])

    @property
    def file_run(self) -> str:
        return str(self.made["files"]["id"])

    def ask(self, path: str) -> Any:
        """Ask the server as any program does."""
        with urllib.request.urlopen(f"{self.server}/api/2.0/mlflow/{path}", timeout=20) as answer:
            return json.load(answer)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def settings(home: Path) -> dict[str, str]:
    """Return an environment without anybody's MLflow, that calls nobody."""
    kept = {key: value for key, value in os.environ.items() if not key.startswith("MLFLOW_")}
    mine = {"HOME": str(home), "DO_NOT_TRACK": "true", "MLFLOW_DISABLE_TELEMETRY": "true"}
    return {**kept, **mine, "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false", "PYTHONPATH": str(ROOT)}


@pytest.fixture(scope="session")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    """Start the server, let the client log into it and into files, and stop it at the end."""
    pytest.importorskip("mlflow")
    folder = tmp_path_factory.mktemp("mlflow")
    code = folder / "training"
    code.mkdir()
    shutil.copy(Path(__file__).with_name("mlflow_maker.py"), code / "train.py")
    git(code, "init", "-q", "-b", "main")
    git(code, "remote", "add", "origin", REMOTE)
    git(code, "add", "-A")
    git(code, "-c", "user.name=Ann", "-c", "user.email=ann@shop.example", "commit", "-q", "-m", "Train")
    address = f"http://127.0.0.1:{(port := free_port())}"
    database = folder / "mlflow.db"
    program = Path(sys.executable).with_name("mlflow")
    command = [str(program), "server", "--host", "127.0.0.1", "--port", str(port), "--workers", "1"]
    command += [
        "--backend-store-uri",
        f"sqlite:///{database}",
        "--artifacts-destination",
        str(folder / "artifacts"),
    ]
    with (folder / "server.log").open("w") as said:
        server = subprocess.Popen(
            command, cwd=folder, env=settings(folder), stdout=said, stderr=said, start_new_session=True
        )
        try:
            wait(address, server, folder / "server.log")
            done = subprocess.run(
                [sys.executable, "-W", "ignore", "train.py", address, str(folder / "mlruns")],
                cwd=code,
                env=settings(folder),
                capture_output=True,
                text=True,
                check=False,
                timeout=300,
            )
            assert done.returncode == 0, done.stderr[-3000:]
            made = json.loads(done.stdout.splitlines()[-1])
            commit = git(code, "rev-parse", "HEAD").out.strip()
            yield Lab(server=address, database=database, files=folder / "mlruns", commit=commit, made=made)
        finally:
            os.killpg(server.pid, signal.SIGTERM)
            server.wait(timeout=120)


def wait(address: str, server: subprocess.Popen[bytes], log: Path) -> None:
    for _ in range(600):
        try:
            with urllib.request.urlopen(f"{address}/health", timeout=2):
                return
        except (urllib.error.URLError, OSError):
            assert server.poll() is None, log.read_text()
            time.sleep(0.2)
    raise AssertionError(log.read_text())
