"""Corpora of every kind in a repository: encoded, held against their commit, released and verified."""

from __future__ import annotations

import hashlib
import io
import json
import os
import re
import shutil
import tarfile
from pathlib import Path

import pytest

from embver.actions.listings import committed_digest
from embver.store.repo import Repository
from sandbox import NAME, Sandbox

pytestmark = [pytest.mark.torch, pytest.mark.lfs]

OLD_NS = 1_700_000_000_000_000_000  # files of long ago: their stamps are trusted


def names_corpus(repo: Sandbox, uri: str, *, more: str = "") -> None:
    """Let the card name another corpus, as a person does: what `encode` wrote about the old one goes."""
    text = repo.card.read_text()
    lines = re.sub(r"\ncorpus:.*?\n(?=\S)", f"\ncorpus:\n  uri: {uri}\n{more}", text, flags=re.DOTALL)
    assert lines != text
    repo.card.write_text(lines)


def corpus_of(repo: Sandbox) -> dict[str, object]:
    return repo.embver("show", f"{NAME}@next", "--json").json["card"]["corpus"]


def pictures(repo: Sandbox, folder: str = "data/pictures", count: int = 12) -> list[Path]:
    """Copy some of the probe set's pictures into a folder of their own."""
    target = repo.root / folder
    target.mkdir(parents=True)
    found = sorted((repo.root / "probes/pairs/images").iterdir())[:count]
    for file in found:
        shutil.copy(file, target / file.name)
        os.utime(target / file.name, ns=(OLD_NS, OLD_NS))
    return [target / file.name for file in found]


def write_shard(file: Path, pictures: list[Path], captions: bool = True) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    with tarfile.open(file, "w") as tar:
        for picture in pictures:
            tar.add(picture, picture.name)
            if captions:
                data = json.dumps({"caption": f"picture {picture.stem}"}).encode()
                info = tarfile.TarInfo(f"{picture.stem}.json")
                info.size = len(data)
                tar.addfile(info, io.BytesIO(data))


def commit(repo: Sandbox) -> None:
    repo.git("add", "data")
    repo.git("commit", "-q", "-m", "What is encoded", "--", "data")


def refused(repo: Sandbox, *arguments: str) -> str:
    said = repo.embver(*arguments, code=None)
    assert said.code in (1, 2, 3), said.text
    return said.text


@pytest.mark.parametrize("is_in_lfs", [False, True], ids=["git", "lfs"])
def test_a_folder_from_encode_to_verify(encoded: Sandbox, is_in_lfs: bool) -> None:
    files = pictures(encoded)
    if is_in_lfs:
        (encoded.root / "data/.gitattributes").write_text("*.png filter=lfs diff=lfs merge=lfs -text\n")
    names_corpus(encoded, "data/pictures", more="  tracked_by: git\n")
    encoded.embver("encode", NAME)
    assert (encoded.next / "ids.txt").read_text().splitlines() == [file.name for file in files]
    listed = "".join(f"{hashlib.sha256(file.read_bytes()).hexdigest()}  {file.name}\n" for file in files)
    digest = f"sha256:{hashlib.sha256(listed.encode()).hexdigest()}.dir"
    assert corpus_of(encoded)["digest"] == digest
    assert corpus_of(encoded)["items"] == {"image": 12}
    assert "data/pictures is not committed: a clone of this release would lack it" in refused(
        encoded, "release", NAME
    )
    commit(encoded)
    encoded.embver("release", NAME)
    assert encoded.git("status", "--porcelain").out == ""
    repo = Repository.discover(encoded.root)
    assert committed_digest(repo, "HEAD", "data/pictures", ("text", "image")) == digest
    assert encoded.embver("verify", "--deep").code == 0
    assert encoded.embver("validate").code == 0


def test_a_folder_that_changes(encoded: Sandbox) -> None:
    files = pictures(encoded)
    names_corpus(encoded, "data/pictures")
    encoded.embver("encode", NAME)
    commit(encoded)
    shutil.copy(files[3], files[5])
    stale = "corpus.uri: data/pictures is not the corpus that was encoded"
    assert stale in refused(encoded, "release", NAME)
    encoded.git("checkout", "-q", "--", "data")
    (encoded.root / "data/pictures/more.png").write_bytes(files[0].read_bytes())
    assert stale in refused(encoded, "release", NAME)
    (encoded.root / "data/pictures/more.png").unlink()
    encoded.git("mv", "data/pictures/000.png", "data/pictures/zzz.png")
    assert stale in refused(encoded, "release", NAME)
    encoded.git("mv", "data/pictures/zzz.png", "data/pictures/000.png")
    encoded.embver("release", NAME)


def test_a_release_whose_commit_holds_other_files(encoded: Sandbox) -> None:
    """The card says one folder, its commit another: nobody could encode it again."""
    pictures(encoded)
    names_corpus(encoded, "data/pictures", more="  tracked_by: git\n")
    encoded.embver("encode", NAME)
    commit(encoded)
    encoded.embver("release", NAME)
    card = encoded.version("1.0.0") / "card.yaml"
    digest = re.search(r"sha256:[0-9a-f]{64}\.dir", card.read_text())[0]
    card.write_text(card.read_text().replace(digest, f"sha256:{'0' * 64}.dir"))
    said = refused(encoded, "validate", "embeddings/emoji/1.0.0/card.yaml")
    assert "data/pictures has the digest sha256:" in said
    assert "this is another pair [pairing-digest]" in said


def test_shards_by_a_pattern(encoded: Sandbox) -> None:
    files = pictures(encoded, "scratch")
    for number in range(3):
        write_shard(encoded.root / f"data/shards/s-{number:03}.tar", files[number * 4 : number * 4 + 4])
    shutil.rmtree(encoded.root / "scratch")
    names_corpus(encoded, '"data/shards/s-{000..002}.tar"', more="  columns: {text: caption}\n")
    encoded.embver("encode", NAME)
    assert (encoded.next / "ids.txt").read_text().splitlines() == [file.stem for file in files]
    assert corpus_of(encoded)["items"] == {"image": 12, "text": 12}
    encoded.git("add", "data/shards/s-000.tar", "data/shards/s-001.tar")
    encoded.git("commit", "-q", "-m", "Most of it", "--", "data")
    said = refused(encoded, "release", NAME)
    assert "data/shards/s-002.tar is not committed: a clone of this release would lack it" in said
    commit(encoded)
    encoded.embver("release", NAME)
    assert encoded.embver("verify", "--deep").code == 0
    assert encoded.embver("validate").code == 0
    encoded.embver("new", NAME)
    with (encoded.root / "data/shards/s-001.tar").open("r+b") as stream:
        stream.seek(600)
        stream.write(b"#")
    assert "encode" in encoded.embver("status", NAME).text


def test_a_table_with_names_of_its_own(encoded: Sandbox) -> None:
    files = pictures(encoded)
    rows = [f"{file.stem},pictures/{file.name},a picture called {file.stem}" for file in files]
    (encoded.root / "data/shop.csv").write_text("sku,photo,caption\n" + "\n".join(rows) + "\n")
    names_corpus(encoded, "data/shop.csv", more="  columns: {id: sku, image: photo, text: caption}\n")
    encoded.embver("encode", NAME)
    assert (encoded.next / "ids.txt").read_text().splitlines() == [file.stem for file in files]
    encoded.edit(("text: caption", "text: title"))
    said = refused(encoded, "encode", NAME)
    assert "data/shop.csv:1:1: there is no column 'title'; the columns are sku, photo, caption" in said


@pytest.mark.parametrize(("form", "algorithm"), [("  hash: md5\n", "md5"), ("", "md5-dos2unix")])
def test_what_dvc_keeps_has_its_digest(encoded: Sandbox, form: str, algorithm: str) -> None:
    pictures(encoded, "data/raw")
    (encoded.root / ".gitignore").write_text("/data/raw\n/build\n")
    digest = "a304afb96060aad90176268345e10355.dir"
    (encoded.root / "data/raw.dvc").write_text(f"outs:\n- md5: {digest}\n{form}  path: raw\n")
    names_corpus(encoded, "data/raw", more="  tracked_by: dvc\n")
    encoded.embver("encode", NAME)
    assert corpus_of(encoded)["digest"] == f"{algorithm}:{digest}"
    encoded.git("add", "-A", "data", ".gitignore")
    encoded.git("commit", "-q", "-m", "Track it with DVC", "--", "data", ".gitignore")
    encoded.embver("release", NAME)
    assert encoded.embver("validate").code == 0


def test_what_was_digested_is_not_read_again(encoded: Sandbox) -> None:
    files = pictures(encoded)
    names_corpus(encoded, "data/pictures")
    encoded.embver("encode", NAME)
    data, status = files[2].read_bytes(), files[2].stat()
    files[2].write_bytes(data[::-1])
    os.utime(files[2], ns=(OLD_NS, status.st_mtime_ns))
    assert (
        "nothing to encode" in encoded.embver("encode", NAME).out
    )  # its stamp is the same, so nobody looked
    os.utime(files[2], ns=(OLD_NS, OLD_NS + 1))
    assert f"{files[2].name}: not a readable image" in refused(encoded, "encode", NAME)
    files[2].write_bytes(data)
    cache = next((encoded.root / ".git/embver").glob("corpus-digests-*"))
    cache.write_bytes(b"damaged")
    assert "nothing to encode" in encoded.embver("encode", NAME).out
