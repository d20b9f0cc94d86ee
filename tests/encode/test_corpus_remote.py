"""Corpora behind URLs, through fsspec: in its memory, as files, and from a local HTTP server."""

from __future__ import annotations

import hashlib
import http.server
import json
import threading
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest
from corpora import LATER_NS, contents, opened, write, write_json_lines, write_tar

from embver.encode.digesting import KnownDigests
from embver.errors import EncodeError, UsageError

fsspec = pytest.importorskip("fsspec")

ROWS = [{"id": "a", "text": "red", "image": "pictures/a.png"}, {"id": "b", "text": "blue", "image": "b.png"}]


def put(path: str, data: bytes) -> None:
    fsspec.filesystem("memory").pipe_file(path, data)


@pytest.fixture(autouse=True)
def memory() -> Iterator[None]:
    fsspec.filesystem("memory").store.clear()
    fsspec.filesystem("memory").pseudo_dirs[:] = [""]
    yield
    fsspec.filesystem("memory").store.clear()


def refused(root: Path, uri: str, *modalities: str) -> str:
    with pytest.raises((EncodeError, UsageError)) as caught:
        opened(root, uri, *modalities)
    return f"{caught.value.message}\n-> {caught.value.hint}"


def test_a_manifest_and_its_files_in_memory(tmp_path: Path) -> None:
    data = "".join(json.dumps(row) + "\n" for row in ROWS).encode()
    put("/shop/corpus.jsonl", data)
    put("/shop/pictures/a.png", b"picture a")
    put("/shop/b.png", b"picture b")
    corpus = opened(tmp_path, "memory://shop/corpus.jsonl")
    assert contents(corpus, "text") == [("a", "red"), ("b", "blue")]
    assert contents(corpus, "image") == [("a", b"picture a"), ("b", b"picture b")]
    assert corpus.manifest_digest == f"sha256:{hashlib.sha256(data).hexdigest()}"
    item = corpus.items("image")[1]
    put("/shop/b.png", b"picture c")
    with pytest.raises(ValueError, match="changed while the corpus was read"):
        item.blob.read()


def test_a_local_manifest_names_urls(tmp_path: Path) -> None:
    put("/far/a.png", b"far away")
    outside = write(tmp_path / "outside/b.png", b"a file's own URL")
    rows = [{"id": "a", "image": "memory://far/a.png"}, {"id": "b", "image": f"file://{outside}"}]
    write_json_lines(tmp_path / "c.jsonl", rows)
    assert contents(opened(tmp_path, "c.jsonl"), "image") == [("a", b"far away"), ("b", b"a file's own URL")]
    write_json_lines(tmp_path / "c.jsonl", [{"id": "a", "image": "memory://far/b.png"}])
    assert "c.jsonl:1:1: image memory://far/b.png does not exist" in refused(tmp_path, "c.jsonl")
    write_json_lines(tmp_path / "c.jsonl", [{"id": "a", "image": "nosuch://far/b.png"}])
    assert "nosuch://far/b.png cannot be opened: Protocol not known: nosuch" in refused(tmp_path, "c.jsonl")


def test_what_a_manifest_from_elsewhere_must_not_name(tmp_path: Path) -> None:
    rows = [{"id": str(n), "image": name} for n, name in enumerate(["../x.png", "/x.png", f"file://{tmp_path}/x.png"])]  # fmt: skip
    put("/shop/corpus.jsonl", "".join(json.dumps(row) + "\n" for row in rows).encode())
    said = refused(tmp_path, "memory://shop/corpus.jsonl")
    assert "memory://shop/corpus.jsonl:1:1: image ../x.png leads out of the manifest's folder" in said
    assert "memory://shop/corpus.jsonl:2:1: image /x.png leads out of the manifest's folder" in said
    assert "is a file of this machine, named by memory://" in said


def test_folders_and_shards_behind_urls(tmp_path: Path) -> None:
    for name in ("b.png", "a.jpg", "sub/c.png", ".hidden"):
        put(f"/pictures/{name}", name.encode())
    corpus = opened(tmp_path, "memory://pictures")
    assert contents(corpus, "image") == [(name, name.encode()) for name in ("a.jpg", "b.png", "sub/c.png")]
    for number in range(2):
        members = [
            (f"{number}{n}.{suffix}", f"{number}{n}".encode()) for n in range(2) for suffix in ("png", "txt")
        ]
        put(f"/shards/{number}.tar", write_tar(tmp_path / "t.tar", members).read_bytes())
    whole = [(name, name.encode()) for name in ("00", "01", "10", "11")]
    for uri in ("memory://shards", "memory://shards/{0..1}.tar"):
        corpus = opened(tmp_path, uri)
        assert contents(corpus, "image") == whole
        assert [item.read_text() for item in corpus.items("text")] == ["00", "01", "10", "11"]
        assert corpus.manifest_digest.endswith(".dir")
    assert "memory://nowhere does not exist" in refused(tmp_path, "memory://nowhere")


@pytest.mark.parametrize("suffix", [".csv", ".parquet"])
def test_other_manifests_behind_urls(tmp_path: Path, suffix: str) -> None:
    file = tmp_path / f"c{suffix}"
    if suffix == ".csv":
        write(file, "id,text\na,red\nb,blue\n")
    else:
        pyarrow, parquet = pytest.importorskip("pyarrow"), pytest.importorskip("pyarrow.parquet")
        parquet.write_table(pyarrow.table({"id": ["a", "b"], "text": ["red", "blue"]}), file)
    for uri in (f"file://{file}", f"memory://c{suffix}"):
        put(f"/c{suffix}", file.read_bytes())
        corpus = opened(tmp_path / "elsewhere", uri)
        assert contents(corpus, "text") == [("a", "red"), ("b", "blue")]
        assert corpus.manifest_digest == f"sha256:{hashlib.sha256(file.read_bytes()).hexdigest()}"


class _Quiet(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *arguments: object) -> None:
        pass


@pytest.fixture
def server(tmp_path: Path) -> Iterator[str]:
    folder = tmp_path / "served"
    folder.mkdir()
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), partial(_Quiet, directory=folder)) as served:
        thread = threading.Thread(target=served.serve_forever, daemon=True)
        thread.start()
        yield f"http://127.0.0.1:{served.server_address[1]}"
        served.shutdown()
        thread.join()


def test_http(tmp_path: Path, server: str) -> None:
    """Python's own server knows no ranges: members of a tar are cut out of all of it, and are right."""
    pytest.importorskip("aiohttp")
    write_json_lines(tmp_path / "served/corpus.jsonl", ROWS)
    write(tmp_path / "served/pictures/a.png", b"picture a")
    write(tmp_path / "served/b.png", b"picture b")
    write_tar(tmp_path / "served/t.tar", [("a.png", b"picture a"), ("a.txt", b"red")])
    known = KnownDigests(now_ns=LATER_NS)
    corpus = opened(tmp_path, f"{server}/corpus.jsonl", known=known)
    assert contents(corpus, "image") == [("a", b"picture a"), ("b", b"picture b")]
    again = KnownDigests(known.to_bytes(), now_ns=LATER_NS)
    assert opened(tmp_path, f"{server}/corpus.jsonl", known=again).items_digest == corpus.items_digest
    assert again.taken == 1  # the manifest, which was fetched; the server marks its files, which were not
    tar = opened(tmp_path, f"{server}/t.tar")
    assert contents(tar, "image") == [("a", b"picture a")]
    assert [item.read_text() for item in tar.items("text")] == ["red"]
    (tmp_path / "served/b.png").unlink()
    assert "image b.png does not exist" in refused(tmp_path, f"{server}/corpus.jsonl")
    assert "does not exist" in refused(tmp_path, f"{server}/nowhere.jsonl")
