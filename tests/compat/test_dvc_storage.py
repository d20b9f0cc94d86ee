"""Vectors that DVC keeps: encoded, released, pushed, verified, pulled by somebody else, with the real DVC."""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from sandbox import NAME, Sandbox, git

BIN = Path(sys.executable).parent
pytestmark = [
    pytest.mark.xdist_group("dvc-storage"),
    pytest.mark.torch,
    pytest.mark.lfs,
    pytest.mark.skipif(not (BIN / "dvc").is_file(), reason=f"dvc is not installed beside {sys.executable}"),
]


def dvc(folder: Path, *arguments: str, code: int = 0) -> str:
    environment = {**os.environ, "DVC_NO_ANALYTICS": "1"}
    argv = [str(BIN / "dvc"), *arguments]
    done = subprocess.run(argv, cwd=folder, capture_output=True, text=True, env=environment, check=False)
    assert done.returncode == code, done.stdout + done.stderr
    return done.stdout + done.stderr


@pytest.fixture(scope="session")
def made(stages: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Make once a repository whose first version was encoded into DVC's cache, and is not released."""
    folder = tmp_path_factory.mktemp("dvc-storage") / "made"
    shutil.copytree(stages / "start", folder, symlinks=True)
    repo = Sandbox(root=folder / "repository")
    git(folder, "init", "-q", "--bare", "-b", "main", str(repo.remote))
    settings = repo.root / "embver.toml"
    settings.write_text(f'storage = "dvc"\n{settings.read_text()}')
    assert "dvc init" in repo.embver("encode", NAME, code=2).text
    dvc(repo.root, "init", "-q")
    dvc(repo.root, "remote", "add", "-q", "-d", "store", "../store")
    repo.git("add", ".dvc", ".dvcignore", "embver.toml")
    repo.git("commit", "-qm", "Vectors are kept by DVC")
    repo.embver("encode", NAME)
    return folder


@pytest.fixture
def kept(made: Path, tmp_path: Path) -> Sandbox:
    shutil.copytree(made, tmp_path / "kept", symlinks=True)
    repo = Sandbox(root=tmp_path / "kept/repository")
    repo.git("remote", "add", "origin", repo.remote.as_uri())
    repo.git("update-index", "-q", "--refresh", code=None)
    return repo


def test_from_encode_to_a_clone_of_somebody_else(kept: Sandbox, tmp_path: Path) -> None:
    names = {file.name for file in kept.next.iterdir()}
    assert {"image.safetensors.dvc", "text.safetensors.dvc", "probe.safetensors.dvc", ".gitignore"} < names
    assert not any(name.endswith(".safetensors") for name in names)
    assert "nothing to encode" in kept.embver("encode", NAME).out
    assert kept.embver("validate").code == kept.embver("validate", "--staged", "--deep").code == 0
    kept.embver("bench", NAME)
    pointer = (kept.next / "image.safetensors.dvc").read_bytes()
    kept.embver("release", NAME, "--push")
    assert "embeddings" not in kept.git("lfs", "ls-files").out
    entry = kept.artifacts(f"{NAME}@1.0.0")["image.safetensors"]
    assert entry["storage"] == "dvc"
    bytes_kept = (kept.root / ".dvc/cache/files/md5" / entry["md5"][:2] / entry["md5"][2:]).read_bytes()
    assert hashlib.sha256(bytes_kept).hexdigest() == entry["sha256"]
    assert kept.embver("verify", "--deep").code == 0
    assert kept.embver("validate").code == 0

    there = tmp_path / "there"
    git(tmp_path, "clone", "-q", kept.remote.as_uri(), str(there))
    git(there, "lfs", "install", "--local")
    dvc(there, "remote", "modify", "--local", "store", "url", str(tmp_path / "kept/store"))
    other = Sandbox(root=there)
    assert "not on this machine" in other.embver("verify").text
    said = other.embver("pull", f"{NAME}@1.0.0", "--out", str(tmp_path / "plain"))
    assert "fetched" in said.out
    sums = (tmp_path / "plain/SHA256SUMS").read_text().splitlines()
    assert len(sums) == 4
    for line in sums:
        sha256, _, name = line.partition("  ")
        assert hashlib.sha256((tmp_path / "plain" / name).read_bytes()).hexdigest() == sha256
    assert not list((tmp_path / "plain").glob("*.dvc"))
    assert other.embver("verify", "--deep").code == 0
    other.embver("pull", f"{NAME}@1.0.0", "--materialise")
    assert (other.version("1.0.0") / "image.safetensors").read_bytes() == bytes_kept
    assert other.git("status", "--porcelain").out == ""

    # `dvc add` of the same bytes gives the very pointer that was written.
    (tmp_path / "again").mkdir()
    git(tmp_path / "again", "init", "-q")
    dvc(tmp_path / "again", "init", "-q")
    shutil.copy(tmp_path / "plain/image.safetensors", tmp_path / "again")
    dvc(tmp_path / "again", "add", "-q", "image.safetensors")
    assert (tmp_path / "again/image.safetensors.dvc").read_bytes() == pointer


def test_the_next_version_copies_rows_and_an_undo_leaves_all_as_it_was(kept: Sandbox) -> None:
    before = kept.state()
    kept.embver("release", NAME)
    kept.embver("release", NAME, "--undo")
    assert kept.state() == before
    kept.embver("release", NAME)
    shutil.rmtree(kept.root / ".git/lfs/objects")  # as `git lfs prune` may: DVC's cache has them still
    kept.embver("new", NAME)
    kept.edit(("uri: data/corpus-v1.jsonl", "uri: data/corpus-v2.jsonl"))
    said = kept.embver("encode", NAME)
    assert "copied" in said.text
    kept.embver("release", NAME)
    assert kept.embver("verify", "--deep").code == 0
    assert kept.embver("compat", f"{NAME}@1.0.0", f"{NAME}@1.1.0").code == 0


def test_what_was_tampered_with(kept: Sandbox) -> None:
    kept.embver("release", NAME)
    folder = kept.version("1.0.0")
    pointer = folder / "image.safetensors.dvc"
    text = pointer.read_text()
    pointer.write_text(text.replace("md5: ", "md5: 0").replace("\n  size", "\n  size", 1))
    assert "DVC's pointer in the work tree names other bytes" in kept.embver("verify", code=1).text
    assert "image.safetensors.dvc is not the pointer" in kept.embver("validate", code=1).text
    pointer.write_text(text)
    entry = kept.artifacts(f"{NAME}@1.0.0")["image.safetensors"]
    file = kept.root / ".dvc/cache/files/md5" / entry["md5"][:2] / entry["md5"][2:]
    file.chmod(0o644)
    with file.open("r+b") as stream:
        stream.seek(-1, 2)
        stream.write(b"\x7f")
    assert "in DVC's cache it has the checksum" in kept.embver("verify", code=1).text


def test_without_a_remote_a_push_says_what_is_missing(kept: Sandbox) -> None:
    dvc(kept.root, "remote", "remove", "-q", "store")
    kept.git("commit", "-qam", "No remote")
    said = kept.embver("release", NAME, "--push", code=3)
    assert "is released here, and is not pushed: dvc push failed" in said.text
    assert kept.git("ls-remote", "origin").out == ""


def test_doctor_looks_at_dvc_too(kept: Sandbox) -> None:
    def told() -> dict[str, str]:
        checks = kept.embver("doctor", "--json", code=None).json
        return next(check for check in checks["checks"] if check["name"] == "dvc")

    assert (told()["state"], told()["found"]) == ("ok", "keeps the vectors of new versions, remote store")
    (kept.root / ".dvc/config").write_text("")
    assert told()["repair"] == "dvc remote add --default NAME URL"
    (kept.root / ".dvc/config").unlink()
    assert told()["repair"] == "dvc init"


def test_materialise_is_dvcs(kept: Sandbox) -> None:
    said = kept.embver("encode", NAME, "--force", "--materialise", "copy", code=2)
    assert "dvc checkout puts them into the work tree" in said.text
    dvc(kept.root, "checkout", "-q", *(str(file) for file in kept.next.glob("*.dvc")))
    assert (kept.next / "image.safetensors").is_file()
    kept.embver("release", NAME)
    assert kept.embver("verify", "--deep").code == 0
