"""DVC and GTO find our versions by their own commands, and `pull --data` lets DVC bring what it keeps."""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from sandbox import NAME, Sandbox

BIN = Path(sys.executable).parent
pytestmark = [
    pytest.mark.torch,
    pytest.mark.lfs,
    pytest.mark.skipif(not (BIN / "dvc").is_file(), reason=f"dvc is not installed beside {sys.executable}"),
]


def run(folder: Path, program: str, *arguments: str, code: int = 0) -> str:
    environment = {**os.environ, "DVC_NO_ANALYTICS": "1"}
    argv = [str(BIN / program), *arguments]
    done = subprocess.run(argv, cwd=folder, capture_output=True, text=True, env=environment, check=False)
    assert done.returncode == code, done.stdout + done.stderr
    return done.stdout + done.stderr


def settings(repo: Sandbox, text: str) -> None:
    with (repo.root / "embver.toml").open("a", encoding="utf-8") as file:
        file.write(text)
    repo.git("commit", "-qam", "Settings")


def test_dvc_gets_a_version_without_embver(encoded: Sandbox, tmp_path: Path) -> None:
    settings(encoded, "\n[dvc]\nartifacts = true\n")
    before = encoded.state()
    said = encoded.embver("release", NAME, "--dry-run")
    assert "for DVC, in the same commit: dvc.yaml, .dvc/config, .dvc/.gitignore" in said.out
    assert encoded.state() == before
    encoded.embver("release", NAME)
    held = encoded.git("show", "--format=", "--name-only", "HEAD").out.split()
    assert {"dvc.yaml", ".dvc/config", ".dvc/.gitignore"} < set(held)
    assert encoded.git("status", "--porcelain").out == ""
    assert f"path: embeddings/{NAME}/1.0.0" in (encoded.root / "dvc.yaml").read_text()
    run(tmp_path, "dvc", "artifacts", "get", str(encoded.root), NAME, "--rev", "v1.0.0", "-o", "got")
    sums = (tmp_path / "got/SHA256SUMS").read_text().splitlines()
    for line in sums:
        sha256, _, name = line.partition("  ")
        assert hashlib.sha256((tmp_path / "got" / name).read_bytes()).hexdigest() == sha256
    assert len(sums) >= 4
    assert "v1.0.0" in run(encoded.root, "gto", "show", NAME)
    assert encoded.embver("verify").code == 0
    encoded.embver("release", NAME, "--undo")
    shutil.rmtree(encoded.root / ".dvc/tmp")  # DVC's own
    assert encoded.state() == before


def test_a_dvc_yaml_of_somebodys_own(encoded: Sandbox) -> None:
    file = encoded.root / "dvc.yaml"
    text = "# ours\nstages:\n  a: {cmd: x}  # one\nartifacts:\n  clip: {path: models/clip, type: model}  # the encoder\n"
    file.write_text(text)
    said = encoded.embver("release", NAME, code=2)
    assert "dvc.yaml has changes that no commit holds, and the release writes into it" in said.text
    encoded.git("add", "dvc.yaml")
    encoded.git("commit", "-qm", "Pipeline")
    encoded.embver("release", NAME)
    after = file.read_text()
    assert after.startswith(text)
    assert f"embeddings/{NAME}/1.0.0" in after.removeprefix(text)
    encoded.embver("release", NAME, "--undo")
    assert file.read_text() == text
    settings(encoded, "\n[dvc]\nartifacts = false\n")
    encoded.embver("release", NAME)
    assert file.read_text() == text


@pytest.mark.parametrize(
    ("text", "told"),
    [
        (
            f"artifacts:\n  {NAME}: {{path: models/clip}}\n",
            f"dvc.yaml:2:3: the artifact {NAME} is models/clip",
        ),
        ("artifacts: [a]\n", "artifacts is no mapping"),
        ("a: &x 1\nb: *x\n", "dvc.yaml:1:4"),
    ],
)
def test_a_dvc_yaml_that_is_not_written_over(encoded: Sandbox, text: str, told: str) -> None:
    (encoded.root / "dvc.yaml").write_text(text)
    encoded.git("add", "dvc.yaml")
    encoded.git("commit", "-qm", "Pipeline")
    before = encoded.state()
    said = encoded.embver("release", NAME, code=2)
    assert told in said.text
    assert "[dvc] artifacts = false" in said.text
    assert encoded.state() == before


def test_pull_brings_the_data_by_dvc_and_checks_them(encoded: Sandbox, tmp_path: Path) -> None:
    root = encoded.root
    run(root, "dvc", "init", "-q")
    run(root, "dvc", "remote", "add", "-q", "-d", "store", str(tmp_path / "store"))
    (root / "raw").mkdir()
    (root / "raw/1.txt").write_text("one\r\n")
    (root / "raw/2.txt").write_text("two")
    run(root, "dvc", "add", "-q", "raw")
    encoded.git("add", "-A")
    encoded.git("commit", "-qm", "Raw data")
    encoded.git("tag", "-a", "raw-1", "-m", "raw-1")
    encoded.embver("import", "dvc", "raw@raw-1")
    encoded.embver("release", NAME)
    run(root, "dvc", "push", "-q")
    (root / "raw/3.txt").write_text("three")
    run(root, "dvc", "add", "-q", "raw")
    said = encoded.embver("pull", f"{NAME}@1.0.0", "--data", code=2)
    assert "raw in the work tree is another version" in said.text
    assert "--data --out DIR" in said.text
    said = encoded.embver("pull", f"{NAME}@1.0.0", "--data", "--out", str(tmp_path / "got"))
    assert f"raw: {tmp_path / 'got/raw'}" in said.out
    assert "as the card says" in said.out
    assert {file.name for file in (tmp_path / "got/raw").iterdir()} >= {"1.txt", "2.txt"}
    assert not (tmp_path / "got/raw/3.txt").exists()
    assert (tmp_path / "got/raw/1.txt").read_bytes() == b"one\r\n"
    encoded.git("checkout", "-q", "raw.dvc")
    for file in (root / "raw").iterdir():
        file.unlink()
    encoded.embver("pull", f"{NAME}@1.0.0", "--data")
    assert {file.name for file in (root / "raw").iterdir()} >= {"1.txt", "2.txt"}
    (objects,) = [
        file for file in (tmp_path / "store").rglob("*") if file.is_file() and file.read_bytes() == b"two"
    ]
    objects.unlink()
    for cached in (root / ".dvc/cache").rglob("*"):
        if cached.is_file() and cached.read_bytes() == b"two":
            cached.unlink()
    said = encoded.embver("pull", f"{NAME}@1.0.0", "--data", "--out", str(tmp_path / "again"), code=3)
    assert "raw: dvc get failed" in said.text
    assert "next: dvc get . ./raw --rev raw-1" in said.text


def test_without_dvc_the_exact_command_is_told(
    encoded: Sandbox, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    text = "outs:\n- md5: a304afb96060aad90176268345e10355\n  hash: md5\n  path: raw.bin\n"
    (encoded.root / "raw.bin.dvc").write_text(text)
    encoded.git("add", "-A")
    encoded.git("commit", "-qm", "Raw data")
    encoded.embver("import", "dvc", "raw.bin")
    encoded.embver("release", NAME)
    monkeypatch.setattr("sys.executable", str(tmp_path / "python"))
    monkeypatch.setenv("PATH", "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin")
    said = encoded.embver("pull", f"{NAME}@1.0.0", "--data", "--out", str(tmp_path / "got"), code=3)
    assert "raw.bin is kept by DVC, and dvc is not installed" in said.text
    commit = encoded.git("rev-parse", f"{NAME}@v1.0.0^{{commit}}").out.strip()
    assert f"dvc get . ./raw.bin --rev {commit} --out {tmp_path / 'got/raw.bin'}" in said.text


def test_pull_brings_the_data_by_git_lfs(encoded: Sandbox, tmp_path: Path) -> None:
    root = encoded.root
    (root / "raw").mkdir()
    (root / "raw/1.bin").write_text("one")
    (root / "raw/notes.txt").write_text("notes")
    (root / "raw/.gitattributes").write_text("*.bin filter=lfs diff=lfs merge=lfs -text\n")
    encoded.git("add", "-A")
    encoded.git("commit", "-qm", "Raw data")
    encoded.embver("import", "lfs", "raw")
    encoded.embver("release", NAME)
    (root / "raw/1.bin").unlink()
    encoded.git(
        "-c",
        "filter.lfs.smudge=",
        "-c",
        "filter.lfs.process=",
        "checkout",
        "-q",
        "--",
        "raw/1.bin",
        code=None,
    )
    encoded.embver("pull", f"{NAME}@1.0.0", "--data", "--out", str(tmp_path / "got"))
    assert (tmp_path / "got/raw/1.bin").read_text() == "one"
    assert (tmp_path / "got/raw/notes.txt").read_text() == "notes"
