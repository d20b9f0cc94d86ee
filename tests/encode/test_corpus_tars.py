"""WebDataset's tar files: members of one key are one record, read in place."""

from __future__ import annotations

import hashlib
import json
import tarfile
from pathlib import Path

import pytest
from corpora import contents, opened, write, write_tar

from embver.errors import EncodeError

LONG = "a folder/" * 20 + "x"


def record(key: str, text: str, picture: bytes) -> list[tuple[str, bytes]]:
    fields = {"caption": text.upper(), "sku": f"sku-{key[-1]}"}
    return [
        (f"{key}.jpg", picture),
        (f"{key}.txt", text.encode()),
        (f"{key}.json", json.dumps(fields).encode()),
    ]


MEMBERS = [
    *record("a", "ein Löwe", b"picture a" * 100),
    *record("sub/b", "two", b""),
    ("c.text.txt", b"another column"),
    ("c.json", json.dumps({"text": "of its JSON"}).encode()),
    (f"{LONG}.PNG", b"a long name needs a header of its own"),
    (".hidden", b""),
    ("no-suffix", b""),
]


def refused(root: Path, uri: str, **options: object) -> str:
    with pytest.raises(EncodeError) as caught:
        opened(root, uri, **options)
    return f"{caught.value.message}\n-> {caught.value.hint}"


@pytest.mark.parametrize("form", [tarfile.USTAR_FORMAT, tarfile.GNU_FORMAT, tarfile.PAX_FORMAT])
def test_members_are_records(tmp_path: Path, form: int) -> None:
    members = [entry for entry in MEMBERS if form != tarfile.USTAR_FORMAT or len(entry[0]) < 100]
    write_tar(tmp_path / "t.tar", members, format=form)
    corpus = opened(tmp_path, "t.tar")
    assert [(item.id, item.read_text()) for item in corpus.items("text")] == [
        ("a", "ein Löwe"),
        ("sub/b", "two"),
        ("c", "of its JSON"),
    ]
    pictures = [("a", b"picture a" * 100), ("sub/b", b"")]
    if form != tarfile.USTAR_FORMAT:
        pictures.append((LONG, b"a long name needs a header of its own"))
    assert contents(corpus, "image") == pictures
    assert bytes(corpus.digests("text")[2]) == hashlib.sha256(b"of its JSON").digest()
    assert bytes(corpus.digests("image")[0]) == hashlib.sha256(pictures[0][1]).digest()
    assert corpus.manifest_digest == f"sha256:{hashlib.sha256((tmp_path / 't.tar').read_bytes()).hexdigest()}"


def test_columns_of_a_record(tmp_path: Path) -> None:
    write_tar(tmp_path / "t.tar", MEMBERS[:6])
    corpus = opened(tmp_path, "t.tar", columns={"id": "sku", "text": "caption"})
    assert contents(corpus, "text") == [("sku-a", "EIN LÖWE"), ("sku-b", "TWO")]
    assert list(corpus.ids("image")) == ["sku-a", "sku-b"]
    write_tar(tmp_path / "u.tar", [("a.jpg", b"1"), ("a.mask.jpg", b"2"), ("b.jpg", b"3"), ("b.png", b"4")])
    said = refused(tmp_path, "u.tar")
    assert said.startswith(
        "u.tar: 'b': jpg and png are both its image; corpus.columns: {image: jpg} takes one"
    )
    assert contents(opened(tmp_path, "u.tar", columns={"image": "jpg"}), "image") == [
        ("a", b"1"),
        ("b", b"3"),
    ]
    assert contents(opened(tmp_path, "u.tar", columns={"image": "mask.jpg"}), "image") == [("a", b"2")]


def test_shards_by_a_pattern(tmp_path: Path) -> None:
    for number in range(4):
        write_tar(tmp_path / f"shards/train-{number:03}.tar", record(f"k{number}", str(number), b"p"))
    corpus = opened(tmp_path, "shards/train-{000..003}.tar")
    assert list(corpus.ids("text")) == ["k0", "k1", "k2", "k3"]
    assert [item.read_text() for item in corpus.items("text", 1, 3)] == ["1", "2"]
    write_tar(tmp_path / "shards/train-002.tar", record("k0", "again", b"p"))
    said = refused(tmp_path, "shards/train-{000..003}.tar")
    assert "shards/train-002.tar: k0: the id 'k0' was used in shards/train-000.tar: k0 already" in said


def test_records_that_cannot_be_used(tmp_path: Path) -> None:
    write_tar(tmp_path / "t.tar", [("a.jpg", b"1"), ("b.jpg", b"2"), ("a.txt", b"3")])
    assert "t.tar: the members of 'a' do not stand together" in refused(tmp_path, "t.tar")
    write_tar(tmp_path / "t.tar", [("a.jpg", b"1"), ("a.jpg", b"2")])
    assert "t.tar: a.jpg is there twice" in refused(tmp_path, "t.tar")
    write_tar(tmp_path / "t.tar", [("two\nlines.jpg", b"1")], format=tarfile.PAX_FORMAT)
    assert "`key` holds a line break" in refused(tmp_path, "t.tar") or "`id`" in refused(tmp_path, "t.tar")
    write_tar(tmp_path / "t.tar", [("a.txt", b"\xff")])
    assert "t.tar: a: text not UTF-8 at byte 0: 0xff" in refused(tmp_path, "t.tar")
    write_tar(tmp_path / "t.tar", [("a.json", b"[]"), ("b.json", b"{"), ("c.json", b'{"text": 3}')])
    assert refused(tmp_path, "t.tar").splitlines()[:3] == [
        "t.tar: 'a': its .json is no object",
        (
            "t.tar: 'b': its .json cannot be read: Expecting property name enclosed in double quotes: "
            "line 1 column 2 (char 1)"
        ),
        "t.tar: 'c': text is not a text",
    ]
    write_tar(tmp_path / "t.tar", [("a.jpg", b"1"), ("b.json", b'{"sku": 7}')])
    assert refused(tmp_path, "t.tar", columns={"id": "sku"}).splitlines()[:2] == [
        "t.tar: 'a': has no .json",
        "t.tar: 'b': `sku` is not a text: 7",
    ]


def test_a_tar_that_is_damaged(tmp_path: Path) -> None:
    whole = write_tar(tmp_path / "t.tar", [(f"{n}.jpg", b"x" * 700) for n in range(20)]).read_bytes()
    header_and_data = 512 + 1024
    for size, reason in (
        (7 * header_and_data + 600, "unexpected end of data"),
        (7 * header_and_data, "ends without the mark of a tar's end: it was cut off"),
        (7 * header_and_data + 100, "t.tar"),
        (0, "cannot be read as a tar"),
    ):
        write(tmp_path / "t.tar", whole[:size])
        assert reason in refused(tmp_path, "t.tar")
    write(tmp_path / "t.tar", b"#" * 10240)
    assert "t.tar cannot be read as a tar" in refused(tmp_path, "t.tar")
    with tarfile.open(tmp_path / "t.tar", "w:gz") as tar:
        tar.add(tmp_path / "t.tar", "a.jpg")
    assert "-> a compressed tar cannot be read in place" in refused(tmp_path, "t.tar")
    with tarfile.open(tmp_path / "t.tar", "w") as tar:
        link = tarfile.TarInfo("a.jpg")
        link.type, link.linkname = tarfile.SYMTYPE, "/etc/passwd"
        tar.addfile(link)
    assert "the bytes of a.jpg do not stand in its place" in refused(tmp_path, "t.tar")


def test_a_tar_that_changes(tmp_path: Path) -> None:
    write_tar(tmp_path / "t.tar", MEMBERS)
    corpus = opened(tmp_path, "t.tar")
    item = corpus.items("image")[0]
    with (tmp_path / "t.tar").open("ab") as stream:
        stream.write(b"more")
    with pytest.raises(ValueError, match="changed while the corpus was read"):
        item.blob.read()
