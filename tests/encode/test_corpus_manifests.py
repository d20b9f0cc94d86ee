"""Manifests: JSON Lines, CSV and Parquet give the same items, and a flawed one is told with file and line."""

from __future__ import annotations

import csv
import hashlib
import json
from pathlib import Path

import numpy as np
import pytest
from corpora import contents, opened, write, write_json_lines

from embver.encode.corpus import Corpus
from embver.errors import EncodeError, UsageError

ROWS = [
    {"id": "a", "text": "ein Löwe, gelb", "image": "pictures/a.png"},
    {"id": "b", "text": 'two\nlines and a "quote"', "image": None},
    {"id": "ü/3", "text": None, "image": "./pictures/../pictures/b.png"},
    {"id": "d", "text": "cat\u2028dog\u0085sun", "image": "pictures/a.png"},
]
POINTER = f"version https://git-lfs.github.com/spec/v1\noid sha256:{'0' * 64}\nsize 12345\n"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    write(tmp_path / "data/pictures/a.png", b"first picture")
    write(tmp_path / "data/pictures/b.png", b"second picture" * 200)
    return tmp_path


def write_csv(file: Path, rows: list[dict[str, str | None]], delimiter: str = ",") -> Path:
    file.parent.mkdir(parents=True, exist_ok=True)
    with file.open("w", encoding="utf-8", newline="") as stream:
        writer = csv.DictWriter(stream, list(rows[0]), delimiter=delimiter)
        writer.writeheader()
        writer.writerows(rows)
    return file


def write_parquet(file: Path, columns: dict[str, object], **options: object) -> Path:
    pyarrow = pytest.importorskip("pyarrow")
    parquet = pytest.importorskip("pyarrow.parquet")
    file.parent.mkdir(parents=True, exist_ok=True)
    parquet.write_table(pyarrow.table(columns), file, **options)
    return file


def corpus_of(folder: Path, suffix: str) -> Corpus:
    file = folder / f"data/corpus{suffix}"
    if suffix == ".jsonl":
        write_json_lines(file, ROWS)
    elif suffix == ".parquet":
        write_parquet(file, {key: [row[key] for row in ROWS] for key in ROWS[0]}, row_group_size=2)
    else:
        write_csv(file, ROWS, "," if suffix == ".csv" else "\t")
    return opened(folder, f"data/corpus{suffix}")


def message(folder: Path, uri: str, *modalities: str, **options: object) -> str:
    with pytest.raises((EncodeError, UsageError)) as caught:
        opened(folder, uri, *modalities, **options)
    return f"{caught.value.message}\n-> {caught.value.hint}"


@pytest.mark.parametrize("suffix", [".jsonl", ".csv", ".tsv", ".parquet"])
def test_each_format_gives_the_same_items(folder: Path, suffix: str) -> None:
    corpus = corpus_of(folder, suffix)
    texts = [(row["id"], row["text"]) for row in ROWS if row["text"]]
    first, second = b"first picture", b"second picture" * 200
    assert corpus.modalities == ("text", "image")
    assert (corpus.count("text"), corpus.count("image"), corpus.count("audio")) == (3, 3, 0)
    assert contents(corpus, "text") == texts
    assert contents(corpus, "image") == [("a", first), ("ü/3", second), ("d", first)]
    wanted = [hashlib.sha256(text.encode()).digest() for _, text in texts]
    assert [bytes(row) for row in corpus.digests("text")] == wanted
    assert bytes(corpus.digests("image")[1]) == hashlib.sha256(second).digest()
    assert corpus.digests("text").dtype == np.uint8
    files = {file.path: (file.modality, list(file.ids)) for file in corpus.id_files()}
    assert files == {"ids-text.txt": ("text", ["a", "b", "d"]), "ids-image.txt": ("image", ["a", "ü/3", "d"])}
    digest = hashlib.sha256((folder / f"data/corpus{suffix}").read_bytes()).hexdigest()
    assert corpus.manifest_digest == f"sha256:{digest}"
    # The same items, whatever holds them.
    assert corpus.items_digest == corpus_of(folder, ".jsonl").items_digest


def test_items_of_the_same_records_share_their_ids(folder: Path) -> None:
    write_json_lines(folder / "c.jsonl", [{"id": str(n), "text": "t", "image": "data/pictures/a.png"} for n in range(3)])  # fmt: skip
    assert [(f.path, f.modality) for f in opened(folder, "c.jsonl").id_files()] == [("ids.txt", None)]


@pytest.mark.parametrize("suffix", [".jsonl", ".csv", ".parquet"])
def test_any_part_may_be_read_at_any_time(tmp_path: Path, suffix: str) -> None:
    rows = [{"id": f"r{n}", "text": f"text {n}\n{'x' * (n % 700)}" if n % 3 else None} for n in range(2000)]
    file = tmp_path / f"corpus{suffix}"
    if suffix == ".jsonl":
        file.write_text("\n\n".join(json.dumps(row) for row in rows))  # empty lines, and none at the end
    elif suffix == ".csv":
        write_csv(file, rows)
    else:
        write_parquet(file, {key: [row[key] for row in rows] for key in rows[0]}, row_group_size=700)
    corpus = opened(tmp_path, file.name, "text")
    texts = [(row["id"], row["text"]) for row in rows if row["text"]]
    assert contents(corpus, "text") == texts
    random = np.random.default_rng(4)
    for start, stop in np.sort(random.integers(0, len(texts) + 1, (40, 2)), axis=1):
        part = corpus.items("text", int(start), int(stop))
        assert len(part) == stop - start
        assert [(item.id, item.text) for item in part] == texts[start:stop]
        assert list(corpus.ids("text", int(start), int(stop))) == [name for name, _ in texts[start:stop]]
    part = corpus.items("text", 100, 900)
    assert [(item.id, item.text) for item in (part[-1], part[0], part[5:7][1])] == [texts[899], texts[100], texts[106]]  # fmt: skip
    assert [item.id for item in part[::-200]] == [texts[n][0] for n in range(899, 99, -200)]
    with pytest.raises(IndexError):
        part[800]


def test_rows_that_lie_far_apart(tmp_path: Path) -> None:
    rows = [{"id": f"r{n}", "text": "t"} | ({"image": "a.png"} if n % 700 == 1 else {}) for n in range(3000)]
    write(tmp_path / "a.png", b"a")
    write_json_lines(tmp_path / "c.jsonl", rows)
    assert [name for name, _ in contents(opened(tmp_path, "c.jsonl"), "image")] == ["r1", "r701", "r1401", "r2101", "r2801"]  # fmt: skip


@pytest.mark.parametrize("suffix", [".jsonl", ".csv", ".parquet"])
def test_columns_of_other_names(tmp_path: Path, suffix: str) -> None:
    rows = [{"sku": "1", "caption": "red", "text": "no"}, {"sku": "2", "caption": "blue", "text": "no"}]
    file = tmp_path / f"c{suffix}"
    if suffix == ".jsonl":
        write_json_lines(file, rows)
    elif suffix == ".csv":
        write_csv(file, rows)
    else:
        write_parquet(file, {key: [row[key] for row in rows] for key in rows[0]})
    columns = {"id": "sku", "text": "caption"}
    assert contents(opened(tmp_path, file.name, columns=columns), "text") == [("1", "red"), ("2", "blue")]
    said = message(tmp_path, file.name, columns={"id": "sku", "text": "title"})
    assert "title" in said


def test_an_empty_text_is_one_but_in_csv(tmp_path: Path) -> None:
    rows = [{"id": "a", "text": ""}, {"id": "b", "text": "b"}]
    write_json_lines(tmp_path / "c.jsonl", rows)
    write_csv(tmp_path / "c.csv", rows)
    write_parquet(tmp_path / "c.parquet", {"id": ["a", "b"], "text": ["", "b"]})
    assert opened(tmp_path, "c.jsonl").count("text") == 2
    assert opened(tmp_path, "c.parquet").count("text") == 2
    assert opened(tmp_path, "c.csv").count("text") == 1


def test_a_byte_order_mark_is_no_part_of_a_manifest(tmp_path: Path) -> None:
    write(tmp_path / "c.jsonl", '\ufeff{"id": "a", "text": "t"}\n{"id": "b", "text": "\ufeffu"}\n')
    write(tmp_path / "c.csv", "\ufeffid,text\r\na,t\r\nb,\ufeffu\r\n")
    for name in ("c.jsonl", "c.csv"):
        assert contents(opened(tmp_path, name), "text") == [("a", "t"), ("b", "\ufeffu")]


def test_several_manifests_are_one_corpus(tmp_path: Path) -> None:
    for number in range(3):
        rows = [
            {"id": f"{number}-{n}", "text": f"{number} {n}"} for n in range(number * 2)
        ]  # the first is empty
        write_json_lines(tmp_path / f"part-{number:02}.jsonl", rows)
    corpus = opened(tmp_path, "part-{00..02}.jsonl")
    assert list(corpus.ids("text")) == ["1-0", "1-1", "2-0", "2-1", "2-2", "2-3"]
    assert [item.text for item in corpus.items("text", 1, 4)] == ["1 1", "2 0", "2 1"]
    listed = "".join(
        f"{hashlib.sha256((tmp_path / name).read_bytes()).hexdigest()}  {name}\n"
        for name in ("part-00.jsonl", "part-01.jsonl", "part-02.jsonl")
    )
    assert corpus.manifest_digest == f"sha256:{hashlib.sha256(listed.encode()).hexdigest()}.dir"
    assert "part-03.jsonl does not exist" in message(tmp_path, "part-{00..03}.jsonl")
    assert next(iter(opened(tmp_path, "part-{02,01}.jsonl").ids("text"))) == "2-0"
    assert "neither {000..003} nor {a,b}" in message(tmp_path, "part-{x}.jsonl")
    write_json_lines(tmp_path / "part-00.jsonl", [{"id": "2-1", "text": "t"}])
    assert "part-02.jsonl:2:1: the id '2-1' was used in part-00.jsonl:1:1 already" in message(tmp_path, "part-{00..02}.jsonl")  # fmt: skip


# ---- what is wrong is told, with file and line


def test_flawed_json_lines(folder: Path) -> None:
    lines = [
        b'{"id": "a", "text": "t"}',
        b"",
        b'{"id": "b", "text": }',
        b"[]",
        b'{"text": "t"}',
        b'{"id": "", "text": "t"}',
        b'{"id": 7, "text": "t"}',
        b'{"id": "two\\nlines", "text": "t"}',
        b'{"id": "bell\\u0007", "text": "t"}',
        b'{"id": "half \\ud800", "text": "t"}',
        b'{"id": "c", "text": ["t"]}',
    ]
    write(folder / "c.jsonl", b"\n".join(lines))
    said = message(folder, "c.jsonl")
    assert said.splitlines() == [
        "c.jsonl:3:21: not JSON: Expecting value",
        "c.jsonl:4:1: a line is a JSON object with an `id`",
        "c.jsonl:5:1: `id` is missing",
        "c.jsonl:6:1: `id` is missing",
        "c.jsonl:7:1: `id` is not a text: 7",
        "c.jsonl:8:1: `id` holds a line break or a control character: 'two\\nlines'",
        "c.jsonl:9:1: `id` holds a line break or a control character: 'bell\\x07'",
        "c.jsonl:10:1: `id` is not Unicode: 'half \\ud800'",
        "c.jsonl:11:1: text is not a text",
        "-> mend c.jsonl",
    ]
    lines = [
        b'{"id": "a", "text": "half \\ud800"}',
        b'{"id": "b", "text": "\xff"}',
        b'{"id": "a", "text": "t"}',
        b"[" * 100_000,
        b'{"id": "c", "image": "nowhere.png"}',
        b'{"id": "d", "image": "/etc/passwd"}',
        b'{"id": "e", "image": "../elsewhere.png"}',
        b'{"id": "f", "image": "data"}',
        b'{"id": "g", "image": ""}',
        b'{"id": "h", "image": "a\\u0000b"}',
        b'{"id": "i", "image": "data/../../x.png"}',
        b'{"id": "j", "image": 3}',
    ]
    write(folder / "c.jsonl", b"\n".join(lines))
    assert message(folder, "c.jsonl").splitlines() == [
        "c.jsonl:1:1: text is not Unicode: it holds half of a surrogate pair",
        "c.jsonl:2:22: not UTF-8",
        "c.jsonl:3:1: the id 'a' was used in line 1 already",
        "c.jsonl:4:1: not JSON that anybody reads: nested too deeply",
        "c.jsonl:5:1: image nowhere.png does not exist",
        "c.jsonl:6:1: image /etc/passwd is an absolute path: no other machine has it",
        "c.jsonl:7:1: image ../elsewhere.png leads out of the repository",
        "c.jsonl:8:1: image data is a folder",
        "c.jsonl:9:1: image names no file",
        "c.jsonl:10:1: image 'a\\x00b' is no path",
        "(and 2 more)",
        "-> mend c.jsonl",
    ]


def test_flawed_csv(folder: Path) -> None:
    write(folder / "c.csv", 'id,text\na,"one\ntwo"\nb\nc,d,e\n,t\na,t\n')
    assert message(folder, "c.csv").splitlines() == [
        "c.csv:4:1: 1 fields, the header names 2",
        "c.csv:5:1: 3 fields, the header names 2",
        "c.csv:6:1: `id` is missing",
        "c.csv:7:1: the id 'a' was used in line 2 already",
        "-> mend c.csv",
    ]
    write(folder / "c.csv", "id,text\na,t\na,u\nb\n")
    assert "c.csv:3:1: the id 'a' was used in line 2 already\nc.csv:4:1: 1 fields" in message(folder, "c.csv")
    write(folder / "c.csv", "name,text\na,t\n")
    assert "c.csv:1:1: there is no column 'id'; the columns are name, text\n-> corpus.columns" in message(folder, "c.csv")  # fmt: skip
    write(folder / "c.csv", "id,text,text\na,t,u\n")
    assert "the column 'text' is there twice" in message(folder, "c.csv")
    write(folder / "c.csv", 'id,text\na,"t"u\n')
    assert "c.csv:2:1: not CSV: " in message(folder, "c.csv")
    write(folder / "c.csv", b"id,text\na,\xff\nb,t\n")
    assert "c.csv:2:3: not UTF-8" in message(folder, "c.csv")
    write(folder / "c.csv", "")
    assert "the columns are none" in message(folder, "c.csv")


def test_a_long_text_in_csv(tmp_path: Path) -> None:
    write_csv(tmp_path / "c.csv", [{"id": "a", "text": "word " * 100_000}])
    assert len(opened(tmp_path, "c.csv").items("text")[0].text) == 500_000


def test_flawed_parquet(folder: Path) -> None:
    write_parquet(folder / "c.parquet", {"id": [1, 2], "text": ["a", "b"]})
    assert "the column id holds int64, and not texts" in message(folder, "c.parquet")
    write_parquet(folder / "c.parquet", {"id": ["a", "b"], "text": [1.5, 2]})
    assert "the column text holds double, and not texts" in message(folder, "c.parquet")
    write_parquet(folder / "c.parquet", {"id": ["a", None, "a"], "text": ["x", "y", "z"]})
    assert message(folder, "c.parquet").splitlines()[:2] == [
        "c.parquet:2:1: `id` is missing",
        "c.parquet:3:1: the id 'a' was used in row 1 already",
    ]
    write_parquet(folder / "c.parquet", {"name": ["a"]})
    assert "there is no column 'id'; the columns are name" in message(folder, "c.parquet")
    write(folder / "c.parquet", b"PAR1 and then nothing")
    assert "c.parquet cannot be read as Parquet" in message(folder, "c.parquet")
    whole = write_parquet(folder / "d.parquet", {"id": ["a"], "text": ["t"]}).read_bytes()
    write(folder / "c.parquet", whole[: len(whole) // 2])
    assert "c.parquet cannot be read as Parquet" in message(folder, "c.parquet")


def test_bytes_in_parquet(folder: Path) -> None:
    """As the datasets library keeps images: the bytes themselves, or a path where they are elsewhere."""
    pyarrow = pytest.importorskip("pyarrow")
    kept = pyarrow.array(
        [{"bytes": b"one", "path": None}, None, {"bytes": None, "path": "data/pictures/a.png"}],
        pyarrow.struct([("bytes", pyarrow.binary()), ("path", pyarrow.string())]),
    )
    names = pyarrow.array(["a", "b", "c"]).dictionary_encode()
    write_parquet(folder / "c.parquet", {"id": names, "image": kept})
    assert contents(opened(folder, "c.parquet"), "image") == [("a", b"one"), ("c", b"first picture")]
    write_parquet(folder / "c.parquet", {"id": ["a"], "image": [b"one"]})
    corpus = opened(folder, "c.parquet")
    assert contents(corpus, "image") == [("a", b"one")]
    assert bytes(corpus.digests("image")[0]) == hashlib.sha256(b"one").digest()


def test_what_is_no_corpus(folder: Path) -> None:
    assert "nowhere.jsonl does not exist" in message(folder, "nowhere.jsonl")
    write(folder / "c.jsonl", "\n\n")
    assert "c.jsonl holds no item with any of: text, image" in message(folder, "c.jsonl")
    write(folder / "c.jsonl", '{"id": "a", "audio": "x.wav"}\n')
    assert "c.jsonl holds no item with any of: text, image" in message(folder, "c.jsonl")
    write(folder / "c.xlsx", "x")
    assert "c.xlsx is no corpus that can be read\n-> a folder, or one of: .jsonl" in message(folder, "c.xlsx")
    write(folder / "c.jsonl.gz", "x")
    assert "-> unpack it" in message(folder, "c.jsonl.gz")
    for name in ("c.jsonl", "c.csv", "c.parquet", "c.tar"):
        write(folder / name, POINTER)
        said = message(folder, name)
        assert f"{name} is a Git LFS pointer, not the bytes\n-> git lfs pull --include {name}" in said


def test_items_without_bytes(folder: Path) -> None:
    write(folder / "data/pointer.png", POINTER)
    (folder / "data/link.png").symlink_to("/etc/hostname")
    (folder / "data/inside.png").symlink_to("pictures/a.png")
    names = ["pictures/a.png", "nowhere.png", "pointer.png", "link.png", "inside.png", "pictures/a.png/b.png"]
    write_json_lines(folder / "data/c.jsonl", [{"id": name, "image": name} for name in names])
    said = message(folder, "data/c.jsonl")
    assert said.splitlines() == [
        "data/c.jsonl:2:1: image nowhere.png does not exist",
        "data/c.jsonl:3:1: image pointer.png is a Git LFS pointer, not the bytes",
        "data/c.jsonl:4:1: image link.png is a symbolic link that leads out of the repository",
        "data/c.jsonl:6:1: image pictures/a.png/b.png does not exist",
        "-> git lfs pull",
    ]
    corpus = opened(folder, "data/c.jsonl", is_strict=False)
    assert list(corpus.ids("image")) == names
    assert [found.position for found in corpus.unreadable("image")] == [1, 2, 3, 5]
    assert [bool(row.any()) for row in corpus.digests("image")] == [True, False, False, False, True, False]
    items = corpus.items("image")
    assert items[4].blob.read() == b"first picture"
    write(folder / "data/nowhere.png", b"it comes too late: its digest is not in the plan")
    for position, reason in ((1, "does not exist"), (2, "is a Git LFS pointer"), (3, "is a symbolic link")):
        with pytest.raises(ValueError, match=reason):
            items[position].blob.read()


def test_a_malformed_manifest_stops_whoever_skips_items(folder: Path) -> None:
    write_json_lines(folder / "c.jsonl", [{"id": "a", "image": "nowhere.png"}, {"id": "a", "text": "t"}])
    assert "the id 'a' was used in line 1 already" in message(folder, "c.jsonl", is_strict=False)


# ---- what changes while it is read


@pytest.mark.parametrize("suffix", [".jsonl", ".csv", ".parquet"])
def test_a_manifest_that_changes_is_refused(folder: Path, suffix: str) -> None:
    corpus = corpus_of(folder, suffix)
    file = folder / f"data/corpus{suffix}"
    with file.open("r+b") as stream:
        stream.write(b"#")
    with pytest.raises(EncodeError, match="changed while the corpus was read"):
        list(corpus.items("text"))


def test_a_manifest_that_is_replaced_goes_on_being_read(folder: Path) -> None:
    """Whoever writes atomically disturbs nobody: what was opened is what was digested."""
    corpus = corpus_of(folder, ".jsonl")
    write_json_lines(folder / "other", [{"id": "z", "text": "other"}]).replace(folder / "data/corpus.jsonl")
    assert list(corpus.ids("text")) == ["a", "b", "d"]


def test_a_picture_that_changes_is_refused(folder: Path) -> None:
    corpus = corpus_of(folder, ".jsonl")
    item = corpus.items("image")[0]
    assert item.blob.read() == b"first picture"
    write(folder / "data/pictures/a.png", b"other picture")
    with pytest.raises(ValueError, match="changed while the corpus was read"):
        item.blob.read()
