"""`embver import lfs` on a repository that the real git-lfs made, without a byte of what it keeps."""

from __future__ import annotations

import hashlib
import shutil
from pathlib import Path
from typing import Any

import pytest

from sandbox import Said, embver, git

pytestmark = [pytest.mark.lfs, pytest.mark.xdist_group("lfs-import")]

FILES = {
    "data/all.tar": "tar bytes",
    "data/pics/1.png": "picture 1",
    "data/pics/2.png": "picture 2",
    "data/mixed/1.png": "picture 1",
    "data/mixed/notes.txt": "notes",
    "data/pairs.jsonl": '{"id": 1}\n',
    "models/clip/model.safetensors": "weights",
    "models/clip/config.json": "{}",
}


def sha(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


@pytest.fixture(scope="session")
def made(tmp_path_factory: pytest.TempPathFactory, isolated: Path) -> Path:
    root = tmp_path_factory.mktemp("lfs-import") / "shop"
    root.mkdir()
    git(root, "init", "-q", "-b", "main")
    git(root, "lfs", "install", "--local")
    for key, value in (("user.name", "Search team"), ("user.email", "team@shop.example")):
        git(root, "config", key, value)
    for name, text in FILES.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text)
    rules = "".join(
        f"{suffix} filter=lfs diff=lfs merge=lfs -text\n" for suffix in ("*.png", "*.tar", "*.safetensors")
    )
    (root / ".gitattributes").write_text(rules)
    (root / ".lfsconfig").write_text("[lfs]\n  url = https://user:pw@lfs.example/shop\n")
    assert embver("-C", str(root), "init").code == 0
    assert embver("-C", str(root), "new", "shop").code == 0
    git(root, "add", "-A")
    git(root, "commit", "-q", "-m", "Data")
    git(root, "tag", "-a", "v1", "-m", "v1")
    (root / "data/pics/3.png").write_text("picture 3")
    git(root, "add", "-A")
    git(root, "commit", "-q", "-m", "One more")
    shutil.rmtree(root / ".git/lfs/objects")
    return root


@pytest.fixture
def shop(made: Path, tmp_path: Path) -> Path:
    shutil.copytree(made, tmp_path / "shop", symlinks=True)
    return tmp_path / "shop"


def take(shop: Path, reference: str, *options: str, code: int = 0) -> Said:
    said = embver("-C", str(shop), "import", "lfs", reference, *options)
    assert said.code == code, said.text
    return said


def taken(shop: Path, reference: str, *options: str) -> dict[str, Any]:
    said = take(shop, reference, "--dry-run", "--json", *options)
    return {entry["field"]: entry["value"] for entry in said.json["taken"]}


def is_valid(shop: Path) -> bool:
    return embver("-C", str(shop), "validate").code == 0


def test_a_file_by_its_pointer(shop: Path) -> None:
    take(shop, "data/all.tar@v1")
    assert taken(shop, "data/all.tar@v1", "--set", "name=tars")["training.data[tars]"] == {
        "name": "tars", "version": "v1", "uri": "data/all.tar", "tracked_by": "git-lfs",
        "digest": f"sha256:{sha('tar bytes')}", "size_bytes": 9, "remote": "https://lfs.example/shop",
    }  # fmt: skip
    assert is_valid(shop)


def test_a_folder_is_the_listing_of_its_pointers(shop: Path) -> None:
    found = taken(shop, "data/pics@v1")["training.data[pics]"]
    listed = "".join(f"{sha(f'picture {n}')}  {n}.png\n" for n in (1, 2))
    assert found["digest"] == f"sha256:{sha(listed)}.dir"
    assert (found["files"], found["size_bytes"], found["tracked_by"]) == (2, 18, "git-lfs")
    take(shop, "data/pics@v1")
    assert is_valid(shop)
    card = shop / "embeddings/shop/next/card.yaml"
    card.write_text(card.read_text().replace(sha(listed), sha("another")))
    assert not is_valid(shop)


def test_what_git_itself_holds_is_told_apart(shop: Path) -> None:
    said = take(shop, "data/pairs.jsonl")
    assert "is no pointer of Git LFS at HEAD" in said.text
    said = take(shop, "data/mixed")
    assert "Git itself holds notes.txt: taken with the SHA-256 of their bytes" in said.text
    assert is_valid(shop)
    entries = {
        entry["name"]: entry
        for entry in embver("-C", str(shop), "show", "shop@next", "--json").json["card"]["training"]["data"]
    }
    assert (entries["pairs"]["tracked_by"], entries["mixed"]["tracked_by"]) == ("git", "git-lfs")
    assert "remote" not in entries["pairs"]


def test_a_checkpoint_with_its_weights(shop: Path) -> None:
    found = taken(shop, "models/clip@v1")
    weights = {"path": "model.safetensors", "sha256": sha("weights"), "size_bytes": 7}
    assert found["encoders.image.weights"] == [weights]
    assert found["encoders.text.model.tag"] == "v1"
    take(shop, "models/clip@v1")
    assert is_valid(shop)


def test_a_link_is_not_followed(shop: Path) -> None:
    (shop / "data/pics/link.png").symlink_to("/etc/hostname")
    git(shop, "add", "data/pics/link.png")
    git(shop, "commit", "-q", "-m", "A link")
    said = take(shop, "data/pics")
    assert "left out symbolic links link.png: not followed" in said.text
    assert is_valid(shop)


@pytest.mark.parametrize(
    ("reference", "told"),
    [
        ("data/none", "data/none does not exist at HEAD"),
        ("data/all.tar@v7", "there is no revision v7\nnext: there are: v1"),
        ("/etc/hostname", "lies outside of this repository"),
    ],
)
def test_asked_wrongly(shop: Path, reference: str, told: str) -> None:
    assert told in take(shop, reference, code=2).text
