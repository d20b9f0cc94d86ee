"""Digests of items: taken once, remembered by stamp, never trusted where a stamp says too little."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path

import numpy as np
import pytest
from corpora import LATER_NS, SOONER_NS, contents, opened, write, write_json_lines

from embver.encode.blob import Blob
from embver.encode.digesting import KnownDigests


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for number in range(200):
        write(tmp_path / f"p/{number:03}.png", f"picture {number} ".encode() * (number * 20))
    return tmp_path


def test_what_is_known_is_not_read_again(folder: Path) -> None:
    known = KnownDigests(now_ns=LATER_NS)
    first = opened(folder, "p", known=known)
    assert known.taken == 200
    for file in (folder / "p").iterdir():
        file.chmod(0)  # whoever opens one now fails, unless it is root
    again = KnownDigests(known.to_bytes(), now_ns=LATER_NS)
    second = opened(folder, "p", known=again)
    assert again.taken == 0
    assert (second.items_digest, second.manifest_digest) == (first.items_digest, first.manifest_digest)
    assert again.to_bytes() == known.to_bytes()


def test_what_was_touched_is_read_again(folder: Path) -> None:
    known = KnownDigests(now_ns=LATER_NS)
    before = opened(folder, "p", known=known)
    file = folder / "p/007.png"
    status = file.stat()
    data = bytearray(file.read_bytes())
    data[0] ^= 1
    file.write_bytes(data)  # of the same size
    os.utime(file, ns=(status.st_atime_ns, status.st_mtime_ns + 1))
    again = KnownDigests(known.to_bytes(), now_ns=LATER_NS)
    after = opened(folder, "p", known=again)
    assert again.taken == 1
    is_equal = (before.digests("image") == after.digests("image")).all(axis=1)
    assert list(np.flatnonzero(~is_equal)) == [7]


def test_files_of_the_last_moment_are_not_trusted(folder: Path) -> None:
    """A file may be written twice within one tick of the clock that its stamp is from."""
    known = KnownDigests(now_ns=SOONER_NS)
    corpus = opened(folder, "p", known=known)
    item = corpus.items("image")[9]
    status = item.blob.path.stat()
    item.blob.path.write_bytes(item.blob.path.read_bytes()[::-1])
    os.utime(item.blob.path, ns=(status.st_atime_ns, status.st_mtime_ns))
    with pytest.raises(ValueError, match="changed while the corpus was read"):
        item.blob.read()
    again = KnownDigests(known.to_bytes(), now_ns=SOONER_NS)
    assert opened(folder, "p", known=again).items_digest != corpus.items_digest
    assert again.taken == 200


@pytest.mark.parametrize("damage", ["short", "flipped", "other", "empty"])
def test_a_damaged_cache_is_no_cache(folder: Path, damage: str) -> None:
    known = KnownDigests(now_ns=LATER_NS)
    corpus = opened(folder, "p", known=known)
    data = known.to_bytes()
    flipped = bytearray(data)
    flipped[-1] ^= 1
    damaged = {"short": data[:-5], "flipped": bytes(flipped), "other": b"# text\n" * 20, "empty": b""}[damage]
    again = KnownDigests(damaged, now_ns=LATER_NS)
    assert opened(folder, "p", known=again).items_digest == corpus.items_digest
    assert again.taken == 200


def test_what_is_asked_for_alone_forgets_nothing(folder: Path) -> None:
    known = KnownDigests(now_ns=LATER_NS)
    opened(folder, "p", known=known)
    file = write(folder / "manifest.jsonl", "{}\n" * 500)
    part = KnownDigests(known.to_bytes(), now_ns=LATER_NS)
    status = file.stat()
    blob = Blob(name="m", path=file, stamp=(status.st_size, status.st_mtime_ns, status.st_ino))
    part.look(blob)
    whole = KnownDigests(part.to_bytes(is_whole=False), now_ns=LATER_NS)
    opened(folder, "p", known=whole)
    assert whole.look(blob).digest == hashlib.sha256(file.read_bytes()).digest()
    assert whole.taken == 0
    only = KnownDigests(part.to_bytes(), now_ns=LATER_NS)
    opened(folder, "p", known=only)
    assert only.taken == 200


def test_texts_and_text_files_keep_their_order(tmp_path: Path) -> None:
    """Digests of files are taken by several threads: no row may come out in the place of another."""
    rows = []
    for number in range(500):
        write(tmp_path / f"f/{number}.png", os.urandom(7) * (number % 50) + str(number).encode())
        rows.append(
            {"id": str(number), "image": f"f/{number}.png"} | ({"text": str(number)} if number % 2 else {})
        )
    write_json_lines(tmp_path / "c.jsonl", rows)
    corpus = opened(tmp_path, "c.jsonl")
    for modality in ("text", "image"):
        data = [
            value if isinstance(value, bytes) else value.encode() for _, value in contents(corpus, modality)
        ]
        assert [hashlib.sha256(each).digest() for each in data] == [
            bytes(row) for row in corpus.digests(modality)
        ]


def test_a_part_of_a_file(tmp_path: Path) -> None:
    file = write(tmp_path / "f", b"0123456789")
    status = file.stat()
    stamp = (status.st_size, status.st_mtime_ns, status.st_ino)
    part = Blob(name="f", path=file, offset=3, size_bytes=4, stamp=stamp)
    assert part.read() == b"3456"
    assert part.digest() == hashlib.sha256(b"3456").digest()
    with part.open() as stream:
        assert stream.read() == b"3456"
    with Blob(name="f", path=file, stamp=stamp).open() as stream:
        stream.seek(8)
        assert stream.read() == b"89"
    with pytest.raises(ValueError, match="ends before its last byte"):
        Blob(name="f", path=file, offset=8, size_bytes=4).read()
    file.write_bytes(b"other")
    for read in (part.read, part.digest, Blob(name="f", path=file, stamp=stamp).digest):
        with pytest.raises(ValueError, match="changed while the corpus was read"):
            read()
    with pytest.raises(ValueError, match="changed"), Blob(path=file, stamp=stamp).open():
        pass
    with pytest.raises(ValueError, match="has no file"):
        Blob().read()
    with pytest.raises(ValueError, match="does not exist"), Blob.of(tmp_path / "g").open():
        pass
