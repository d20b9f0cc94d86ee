"""`embver pull`: one version's bytes, into the store, a folder or the work tree; and clones that have none."""

from __future__ import annotations

import subprocess

import pytest

from sandbox import NAME, Sandbox, git

pytestmark = [pytest.mark.torch, pytest.mark.lfs]


@pytest.fixture
def clone(story: Sandbox, tmp_path) -> Sandbox:
    """Return a fresh clone of the remote, as a colleague makes one."""
    git(tmp_path, "clone", "-q", story.remote.as_uri(), "clone")
    made = Sandbox(root=tmp_path / "clone")
    made.git("config", "user.name", "Colleague")
    made.git("config", "user.email", "colleague@shop.example")
    return made


def objects(repo: Sandbox) -> set[str]:
    return {path.name for path in (repo.root / ".git/lfs/objects").rglob("*") if path.is_file()}


def test_a_clone_brings_no_vectors_and_pull_those_of_one_version(story: Sandbox, clone: Sandbox) -> None:
    assert objects(clone) == set()
    wanted = {
        entry["sha256"]
        for path, entry in story.artifacts("emoji@1.0.0").items()
        if path.endswith("safetensors")
    }
    others = {e["sha256"] for e in story.artifacts("emoji@1.1.0").values()} - wanted
    assert others
    assert clone.embver("verify").out.count("unverified") == 9
    said = clone.embver("pull", "emoji@1.0.0")
    assert said.out.startswith("emoji@1.0.0: 4 files, ")
    assert "fetched)" in said.out
    assert objects(clone) == wanted
    assert clone.git("status", "--porcelain").out == ""
    assert clone.embver("verify", "emoji@1.0.0").out.endswith("all agree\n")
    assert "all bytes were here" in clone.embver("pull", "emoji@1.0.0").out


def test_plain_files_that_need_no_embver(clone: Sandbox, tmp_path) -> None:
    said = clone.embver("pull", "emoji@1.0.0", "--out", str(tmp_path / "out"))
    assert f"next: cd {tmp_path}/out && sha256sum -c SHA256SUMS" in said.err
    done = subprocess.run(
        ["sha256sum", "-c", "SHA256SUMS"], cwd=tmp_path / "out", capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout
    assert done.stdout.count(": OK") == 4
    assert {path.name for path in (tmp_path / "out").iterdir()} == {
        "card.yaml", "SHA256SUMS", "ids.txt", "benchmarks", "image.safetensors", "text.safetensors", "probe.safetensors",
    }  # fmt: skip
    assert clone.git("status", "--porcelain").out == ""


def test_out_is_relative_to_the_folder_of_the_command(story: Sandbox) -> None:
    story.embver("pull", "emoji@1.0.0", "--out", "v1")
    assert (story.root / "v1/card.yaml").is_file()


def test_the_repository_passes_gits_own_checks(story: Sandbox) -> None:
    assert "Git LFS fsck OK" in story.git("lfs", "fsck").out
    assert "error" not in story.git("fsck", "--strict").text


def test_materialise_and_go_on_working(clone: Sandbox) -> None:
    clone.git("lfs", "install", "--local")
    clone.embver("pull", "emoji@1.1.1", "--materialise")
    assert (clone.version("1.1.1") / "image.safetensors").stat().st_size > 1000
    assert (clone.version("1.0.0") / "image.safetensors").stat().st_size < 200
    assert clone.git("status", "--porcelain").out == ""
    assert clone.embver("verify", "emoji@1.1.1").code == 0


def test_a_folder_with_something_in_it_is_left_alone(story: Sandbox, tmp_path) -> None:
    out = tmp_path / "out"
    out.mkdir()
    (out / "mine.txt").write_text("mine")
    said = story.embver("pull", "emoji@1.0.0", "--out", str(out), code=2)
    assert said.err == f"error: {out} exists and is not empty\nnext: another --out folder\n"
    assert [path.name for path in out.iterdir()] == ["mine.txt"]


def test_a_pull_that_fails_leaves_nothing(story: Sandbox, tmp_path) -> None:
    broken = story.object(story.artifacts("emoji@1.0.0")["text.safetensors"]["sha256"])
    broken.chmod(0o644)
    broken.write_bytes(broken.read_bytes()[:-1] + b"?")
    said = story.embver("pull", "emoji@1.0.0", "--out", str(tmp_path / "out"), code=1)
    assert "the bytes of text.safetensors are not those that its card names" in said.err
    assert "next: embver verify emoji@1.0.0" in said.err
    assert [path for path in tmp_path.iterdir() if "out" in path.name] == []


def test_what_a_killed_pull_left_is_swept_by_the_next(story: Sandbox, tmp_path) -> None:
    left = tmp_path / ".out.embver-abc12345"
    left.mkdir()
    (left / "image.safetensors").write_text("half")
    story.embver("pull", "emoji@1.0.0", "--out", str(tmp_path / "out"))
    assert not left.exists()
    assert (tmp_path / "out/card.yaml").is_file()


def test_an_object_that_the_remote_lost(clone: Sandbox, story: Sandbox) -> None:
    sha256 = story.artifacts("emoji@1.0.0")["image.safetensors"]["sha256"]
    for path in story.remote.rglob(sha256):
        path.unlink()
    said = clone.embver("pull", "emoji@1.0.0", code=3)
    assert "does not have the object" in said.err
    assert "next: " in said.err


def test_no_remote(story: Sandbox) -> None:
    story.object(story.artifacts("emoji@1.0.0")["image.safetensors"]["sha256"]).unlink()
    story.git("remote", "remove", "origin")
    said = story.embver("pull", "emoji@1.0.0", code=2)
    assert "1 objects of emoji@1.0.0 are not here, and there is no remote 'origin'" in said.err


def test_next_is_nothing_to_pull(encoded: Sandbox) -> None:
    assert "emoji@next is the working version" in encoded.embver("pull", "emoji@next", code=2).err


def test_status_in_a_clone_says_what_to_pull(clone: Sandbox) -> None:
    clone.embver("new", NAME)
    said = clone.embver("status")
    assert "not encoded: it has no vectors yet" in said.out
    said = clone.embver("compat", "emoji@1.0.0", "emoji@1.1.0", code=3)
    assert "are not on this machine" in said.err
    assert "next: embver pull emoji@1." in said.err


def test_a_shallow_clone(story: Sandbox, tmp_path) -> None:
    git(tmp_path, "clone", "-q", "--depth", "1", story.remote.as_uri(), "shallow")
    shallow = Sandbox(root=tmp_path / "shallow")
    for reference in ("emoji@1.0.0", "emoji@9.9.9"):
        said = shallow.embver("show", reference, code=2)
        assert "this clone is shallow and may lack its tags" in said.err
        assert "next: git fetch --unshallow --tags" in said.err
    assert "shallow: tags and versions may be missing" in shallow.embver("doctor", code=1).out
