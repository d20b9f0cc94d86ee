"""A folder of images, sounds and texts: files are items, their paths are ids, in the order of bytes."""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
from pathlib import Path

import pytest
from corpora import contents, opened, write, write_tar

from embver.encode.blob import decoded
from embver.encode.corpus import Corpus
from embver.errors import EncodeError

NAMES = ["Zoo/b.JPG", "a.jpg", "a/c.png", "a/ü.webp", "ab.jpeg", "a-.jpg"]


@pytest.fixture
def pictures(tmp_path: Path) -> Path:
    for name in NAMES:
        write(tmp_path / "pictures" / name, f"bytes of {name}")
    write(tmp_path / "pictures/.hidden.txt", "not part of it")
    write(tmp_path / "pictures/.git/x.png", "nor this")
    return tmp_path


def refused(root: Path, uri: str, *modalities: str, **options: object) -> str:
    with pytest.raises(EncodeError) as caught:
        opened(root, uri, *modalities, **options)
    return f"{caught.value.message}\n-> {caught.value.hint}"


@pytest.mark.parametrize("uri", ["pictures", "pictures/"])
def test_files_in_the_order_of_their_bytes(pictures: Path, uri: str) -> None:
    corpus = opened(pictures, uri)
    order = sorted(NAMES, key=str.encode)
    assert order[-1] == "ab.jpeg"
    assert list(corpus.ids("image")) == order
    assert contents(corpus, "image") == [(name, f"bytes of {name}".encode()) for name in order]
    assert corpus.modalities == ("image",)
    assert corpus.items("image")[0].blob.name == f"pictures/{order[0]}"


def test_the_digest_is_that_of_sha256sum(pictures: Path) -> None:
    corpus = opened(pictures, "pictures")
    command = "find . -type f -not -path '*/.*' -printf '%P\\0' | LC_ALL=C sort -z | xargs -0 sha256sum"
    listed = subprocess.run(["sh", "-c", command], cwd=pictures / "pictures", capture_output=True, check=True)
    assert len(listed.stdout.splitlines()) == len(NAMES)
    assert corpus.manifest_digest == f"sha256:{hashlib.sha256(listed.stdout).hexdigest()}.dir"
    before = (corpus.manifest_digest, corpus.items_digest)
    write(pictures / "pictures/a.jpg", b"other")
    changed = opened(pictures, "pictures")
    assert changed.manifest_digest != before[0]
    assert changed.items_digest != before[1]
    shutil.move(pictures / "pictures", pictures / "moved")
    assert opened(pictures, "moved").items_digest == changed.items_digest


def test_what_the_card_does_not_encode_is_told(pictures: Path) -> None:
    write(pictures / "pictures/a.txt", "caption")
    write(pictures / "pictures/b.txt", "caption")
    write(pictures / "pictures/a.wav", "sound")
    corpus = opened(pictures, "pictures", "image")
    assert corpus.left_out == (
        "1 audio file in pictures: the card has no encoders.audio",
        "2 text files in pictures: the card has no encoders.text",
    )
    corpus = opened(pictures, "pictures", "text", "image", "audio")
    assert corpus.left_out == ()
    assert next((f.path, list(f.ids)) for f in corpus.id_files()) == ("ids-text.txt", ["a.txt", "b.txt"])
    assert corpus.count("audio") == 1


def test_files_that_are_none_of_these(pictures: Path) -> None:
    write(pictures / "pictures/README.md", "read me")
    write(pictures / "pictures/LICENSE", "yours")
    assert (
        "pictures holds files that are neither image, audio nor text: no suffix (LICENSE), .md (README.md)\n"
        "-> take them out"
    ) in refused(pictures, "pictures")


def test_names_that_are_no_ids(pictures: Path) -> None:
    write(pictures / "pictures/two\nlines.png", "x")
    write(Path(os.fsdecode(os.fsencode(pictures / "pictures") + b"/\xff.png")), "x")
    (pictures / "pictures/circle").symlink_to(".")
    said = refused(pictures, "pictures")
    assert "pictures: `id` holds a line break or a control character: 'two\\nlines.png'" in said
    assert "pictures/\\xff.png: its name is not UTF-8" in said
    assert "pictures/circle is a symbolic link to a folder, which is not followed" in said


def test_files_that_are_no_bytes(pictures: Path) -> None:
    write(pictures / "outside.png", b"in the repository")
    (pictures / "pictures/z1.png").symlink_to("../outside.png")
    (pictures / "pictures/z2.png").symlink_to("/etc/hostname")
    (pictures / "pictures/z3.png").symlink_to("nowhere")
    os.mkfifo(pictures / "pictures/z4.png")
    assert refused(pictures, "pictures").splitlines() == [
        "pictures/z2.png: image is a symbolic link that leads out of the repository",
        "pictures/z3.png: image does not exist",
        "pictures/z4.png: image is no regular file",
        "-> mend pictures",
    ]
    corpus = opened(pictures, "pictures", is_strict=False)
    assert len(list(corpus.unreadable("image"))) == 3
    assert corpus.count("image") == len(NAMES) + 4


def test_text_files(tmp_path: Path) -> None:
    write(tmp_path / "t/a.txt", b"\xef\xbb\xbfwith a mark\r\n")
    write(tmp_path / "t/b.txt", "ä" * 3000)
    write(tmp_path / "t/c.txt", b"")
    corpus = opened(tmp_path, "t")
    assert [item.read_text() for item in corpus.items("text")] == ["with a mark\r\n", "ä" * 3000, ""]
    write(tmp_path / "t/d.txt", b"\xef\xbb\xbfabc\xe9")
    assert "t/d.txt: text not UTF-8 at byte 6: 0xe9" in refused(tmp_path, "t")
    with pytest.raises(ValueError, match="not UTF-8 at byte 6"):
        opened(tmp_path, "t", is_strict=False).items("text")[3].read_text()
    with pytest.raises(ValueError, match="not UTF-8 at byte 1: 0xff"):
        decoded(b"a\xff")


def test_a_folder_has_no_columns(pictures: Path) -> None:
    assert "pictures is a folder, which has no columns" in refused(
        pictures, "pictures", columns={"text": "caption"}
    )


def test_an_empty_folder(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    assert "empty holds no item with any of: text, image" in refused(tmp_path, "empty")


def test_a_file_that_changes_while_the_corpus_is_read(pictures: Path) -> None:
    corpus: Corpus = opened(pictures, "pictures")
    item = corpus.items("image")[0]
    (pictures / item.blob.name).unlink()
    with pytest.raises(ValueError, match="does not exist"):
        item.blob.read()
    write(pictures / item.blob.name, "bytes of another one")
    with pytest.raises(ValueError, match="changed while the corpus was read"):
        item.blob.read()


def test_a_folder_of_shards(tmp_path: Path) -> None:
    for number in range(2):
        write_tar(tmp_path / f"shards/{number}.tar", [(f"{number}{n}.jpg", b"x") for n in range(3)])
    write(tmp_path / "shards/0_stats.json", "{}")
    corpus = opened(tmp_path, "shards")
    assert list(corpus.ids("image")) == ["00", "01", "02", "10", "11", "12"]
    assert corpus.left_out == ("1 file beside the .tar files in shards",)
    lines = [
        f"{hashlib.sha256((tmp_path / f'shards/{n}.tar').read_bytes()).hexdigest()}  {n}.tar\n"
        for n in (0, 1)
    ]
    digest = hashlib.sha256("".join(lines).encode()).hexdigest()
    assert corpus.manifest_digest == f"sha256:{digest}.dir"
