"""Real stores, written and read by their real clients: the stamp stays, the vectors are untouched, mistakes are told."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import faiss
import lancedb
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from qdrant_client import AsyncQdrantClient, QdrantClient, models
from versions import a_version, an_id

from embver import guard
from embver.errors import EmbverError, MissingExtra, StampError, UsageError
from embver.levels import Verdict

ROWS = np.random.default_rng(5).standard_normal((40, 4)).astype(np.float32)
V1 = a_version("1.0.0", "a")
NEW = a_version("1.1.0", "b", v1_0_0=Verdict.COMPATIBLE)
WIDE = a_version("2.0.0", "c", dimensions=8)


def faiss_index(folder: Path) -> Path:
    index = faiss.IndexFlatIP(4)
    index.add(ROWS)
    faiss.write_index(index, str(folder / "index.faiss"))
    return folder / "index.faiss"


def as_table(name: str = "vector") -> pa.Table:
    vectors = pa.FixedSizeListArray.from_arrays(pa.array(ROWS.ravel()), 4)
    return pa.table({"id": [f"p{row}" for row in range(len(ROWS))], name: vectors})


def parquet(folder: Path) -> Path:
    table = as_table().replace_schema_metadata({"owner": "search"})
    pq.write_table(table, folder / "rows.parquet", row_group_size=16, compression="zstd")
    return folder / "rows.parquet"


def lance_folder(folder: Path) -> Path:
    lancedb.connect(folder / "db").create_table("products", data=as_table())
    return folder / "db/products.lance"


def lance_table(folder: Path) -> Any:
    return lancedb.connect(lance_folder(folder).parent).open_table("products")


def qdrant(folder: Path) -> Any:
    client = QdrantClient(path=str(folder / "qdrant"))
    size = models.VectorParams(size=4, distance=models.Distance.COSINE)
    client.create_collection("products", vectors_config=size, metadata={"owner": "search"})
    points = [models.PointStruct(id=row, vector=ROWS[row].tolist()) for row in range(len(ROWS))]
    client.upsert("products", points)
    return client, "products"


def callbacks(folder: Path) -> Any:
    file = folder / "stamp.txt"
    return guard.Callbacks(
        read=lambda: file.read_bytes() if file.exists() else None,
        write=file.write_text,
        name="our own store",
        vector_dimensions=4,
    )


MAKERS: dict[str, Callable[[Path], Any]] = {
    made.__name__: made for made in (faiss_index, parquet, lance_folder, lance_table, qdrant, callbacks)
}


@pytest.fixture(params=list(MAKERS))
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Any]:
    made = MAKERS[request.param](tmp_path)
    yield made
    if isinstance(made, tuple):
        made[0].close()


def test_a_store_without_a_stamp_is_refused_with_the_command_that_makes_one(store: Any) -> None:
    with pytest.raises(StampError, match="has no stamp: nobody knows by which version") as caught:
        guard.check(store, V1)
    assert str(caught.value.hint).startswith("embver guard stamp ")


def test_a_stamped_store_lets_its_own_version_pass_and_refuses_another(store: Any) -> None:
    made = guard.stamp(store, V1)
    assert guard.read(store).spaces == made.spaces == (V1.stamped_space,)
    assert guard.check(store, V1).is_allowed
    assert guard.check(store, an_id("a")).is_allowed
    assert guard.check(store, NEW, allow="compatible").verdict is Verdict.COMPATIBLE
    for query in (NEW, WIDE, an_id("d")):
        with pytest.raises(guard.SpaceMismatch, match=r"holds vectors of products@1\.0\.0"):
            guard.check(store, query)


def test_a_stamp_is_replaced_on_purpose_only(store: Any) -> None:
    guard.stamp(store, V1)
    guard.stamp(store, V1)  # the same again says nothing new
    with pytest.raises(StampError, match="is stamped already, as vectors of"):
        guard.stamp(store, NEW)
    assert guard.read(store).spaces == (V1.stamped_space,)
    guard.stamp(store, NEW, replace=True)
    assert guard.read(store).spaces == (NEW.stamped_space,)


def test_a_store_that_is_filled_anew_names_both_versions(store: Any) -> None:
    guard.stamp(store, [V1, NEW])
    decision = guard.check(store, NEW, allow="compatible")
    assert {(pair.stamped.reference, pair.relation) for pair in decision.pairings} == {
        ("products@1.0.0", "compatible"),
        ("products@1.1.0", "same"),
    }
    with pytest.raises(guard.SpaceMismatch, match="they are compatible, and only equivalent or better"):
        guard.check(store, NEW)


def test_a_version_of_another_dimension_is_not_what_a_store_holds(store: Any) -> None:
    with pytest.raises(UsageError, match=r"holds vectors of 4 dimensions, products@2\.0\.0 \(.*\) has 8"):
        guard.stamp(store, WIDE)
    with pytest.raises(StampError, match="no stamp"):
        guard.read(store)


def test_a_stamp_of_the_future_is_not_guessed_at(store: Any) -> None:
    found = guard.store_of(store)
    found.write_stamp('{"embver_stamp": 2, "spaces": "elsewhere"}', replace=True)
    with pytest.raises(StampError, match="has format 2"):
        guard.check(store, V1)
    with pytest.raises(StampError, match="has format 2"):
        guard.stamp(store, V1)
    guard.stamp(store, V1, replace=True)
    assert guard.check(store, V1).is_allowed


# ---- FAISS


@pytest.mark.parametrize(
    "kind", ["Flat", "HNSW8", "IVF4,Flat", "IDMap,Flat", "PCA2,Flat", "SQ8", "PQ2x4,RFlat"]
)
@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_faiss_reads_a_stamped_index_as_if_nothing_were_there(kind: str, tmp_path: Path) -> None:
    index = faiss.index_factory(4, kind)
    index.train(ROWS)
    index.add_with_ids(ROWS, np.arange(40)) if kind.startswith("IDMap") else index.add(ROWS)
    path = tmp_path / "index.faiss"
    faiss.write_index(index, str(path))
    content = path.read_bytes()
    guard.stamp(path, V1)
    assert path.read_bytes()[: len(content)] == content
    for flags in (0, faiss.IO_FLAG_MMAP, faiss.IO_FLAG_MMAP_IFC):
        found = faiss.read_index(str(path), flags)
        assert np.array_equal(found.search(ROWS[:5], 3)[1], index.search(ROWS[:5], 3)[1])


def test_a_binary_index_is_one_too(tmp_path: Path) -> None:
    index = faiss.IndexBinaryFlat(32)
    index.add(np.arange(40, dtype=np.uint8).reshape(10, 4))
    path = tmp_path / "bits.faiss"
    faiss.write_index_binary(index, str(path))
    guard.stamp(path, a_version("1.0.0", "a", dimensions=32))
    assert faiss.read_index_binary(str(path)).ntotal == 10


def test_the_stamp_goes_where_the_index_goes(tmp_path: Path) -> None:
    path = faiss_index(tmp_path)
    guard.stamp(path, V1)
    shutil.copyfile(path, tmp_path / "copy")
    assert guard.check(tmp_path / "copy", V1).is_allowed


def test_an_index_changed_in_place_is_reported(tmp_path: Path) -> None:
    path = faiss_index(tmp_path)
    guard.stamp(path, V1)
    data = bytearray(path.read_bytes())
    data[100] ^= 1
    path.write_bytes(data)
    with pytest.raises(StampError, match=r"index\.faiss was changed since it was stamped") as caught:
        guard.check(path, V1)
    assert caught.value.hint == f"embver guard stamp {path} REF --replace"
    assert guard.check(path, V1, quick=True).is_allowed  # that is what quick leaves out
    with pytest.raises(StampError, match="was changed"):
        guard.stamp(path, V1)


@pytest.mark.parametrize("cut", [slice(None, 200), slice(None, -1)])
def test_an_index_of_another_size_is_reported_even_quickly(tmp_path: Path, cut: slice) -> None:
    path = faiss_index(tmp_path)
    size = path.stat().st_size
    guard.stamp(path, V1)
    data = path.read_bytes()
    path.write_bytes(data[:size][cut] + data[size:])
    with pytest.raises(StampError, match="was changed since it was stamped"):
        guard.read(path, quick=True)


def test_an_index_written_anew_has_no_stamp(tmp_path: Path) -> None:
    path = faiss_index(tmp_path)
    guard.stamp(path, V1)
    index = faiss.read_index(str(path))
    index.add(ROWS)
    faiss.write_index(index, str(path))
    with pytest.raises(StampError, match="has no stamp"):
        guard.check(path, V1)


@pytest.mark.parametrize("length", [0, 1 << 40, 60])
def test_a_damaged_trailer_is_told_and_not_cut_off(tmp_path: Path, length: int) -> None:
    path = faiss_index(tmp_path)
    whole = path.read_bytes() + b"{not json" + length.to_bytes(8, "little") + b"embvstmp"
    path.write_bytes(whole)
    with pytest.raises(StampError, match="its stamp is damaged"):
        guard.read(path)
    with pytest.raises(StampError, match="its stamp is damaged"):
        guard.stamp(path, V1)
    guard.stamp(path, V1, replace=True)
    assert path.read_bytes().startswith(whole)
    assert guard.check(path, V1).is_allowed


def test_two_who_stamp_at_once_are_told_apart(tmp_path: Path) -> None:
    import fcntl

    path = faiss_index(tmp_path)
    before = path.read_bytes()
    with path.open("rb") as other:
        fcntl.flock(other, fcntl.LOCK_EX)
        with pytest.raises(EmbverError, match="is being stamped by another process") as caught:
            guard.stamp(path, V1)
    assert caught.value.exit_code == 3
    assert path.read_bytes() == before


def test_many_processes_leave_one_whole_stamp(tmp_path: Path) -> None:
    path = faiss_index(tmp_path)
    code = (
        "import sys; from embver import guard; from embver.errors import EmbverError\n"
        "try: guard.stamp(sys.argv[1], 'space:sha256:' + sys.argv[2] * 64)\n"
        "except EmbverError as error: print(error.message)"
    )
    running = [
        subprocess.Popen([sys.executable, "-c", code, str(path), digit], stdout=subprocess.PIPE, text=True)
        for digit in "abcd"
    ]
    said = [process.communicate()[0] for process in running]
    assert [process.returncode for process in running] == [0] * 4
    assert said.count("") == 1, said
    assert all("is stamped already" in line or "is being stamped" in line for line in said if line)
    assert guard.read(path).spaces[0].space_id == an_id("abcd"[said.index("")])


def test_reading_and_writing_an_index_with_its_stamp(tmp_path: Path) -> None:
    index = faiss.IndexFlatIP(4)
    index.add(ROWS)
    path = tmp_path / "index.faiss"
    guard.write_index(index, path, V1)
    assert guard.read_index(path, V1).ntotal == 40
    with pytest.raises(guard.SpaceMismatch):
        guard.read_index(path, NEW)
    with pytest.raises(UsageError, match="4 dimensions"):
        guard.write_index(index, path, WIDE)
    assert guard.check(path, V1).is_allowed  # the old file stands as it was
    assert [file.name for file in tmp_path.iterdir()] == ["index.faiss"]


# ---- Parquet


def test_a_stamped_parquet_file_holds_what_it_held(tmp_path: Path) -> None:
    path = parquet(tmp_path)
    path.chmod(0o640)
    before, groups = pq.read_table(path), pq.ParquetFile(path).metadata.num_row_groups
    guard.stamp(path, V1)
    after, metadata = pq.read_table(path), pq.ParquetFile(path).metadata
    assert after.equals(before)
    assert after.schema.metadata[b"owner"] == b"search"
    assert after.schema.metadata[b"embver"].decode() == guard.Stamp(spaces=(V1.stamped_space,)).to_text()
    assert (metadata.num_row_groups, metadata.row_group(0).column(0).compression) == (groups, "ZSTD")
    assert path.stat().st_mode & 0o777 == 0o640
    assert [file.name for file in tmp_path.iterdir()] == ["rows.parquet"]


@pytest.mark.parametrize(
    "table",
    [
        pa.table({"id": pa.array([], pa.string())}),
        pa.table({"id": ["a"], "words": pa.array([["x", "y"]]), "of": pa.array([{"a": 1}])}),
    ],
)
def test_a_parquet_file_of_any_shape_is_stamped(table: pa.Table, tmp_path: Path) -> None:
    path = tmp_path / "rows.parquet"
    pq.write_table(table, path)
    guard.stamp(path, V1)
    assert pq.read_table(path).equals(table)
    assert guard.check(path, V1).is_allowed


def test_a_parquet_file_changed_meanwhile_is_left_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = parquet(tmp_path)
    other = tmp_path / "new"
    pq.write_table(as_table("other"), other)
    write = pq.ParquetWriter.write_table

    def write_and_be_overtaken(self: Any, *arguments: Any, **named: Any) -> Any:
        if other.exists():
            other.replace(path)
        return write(self, *arguments, **named)

    monkeypatch.setattr(pq.ParquetWriter, "write_table", write_and_be_overtaken)
    with pytest.raises(StampError, match="was changed while it was stamped"):
        guard.stamp(path, V1)
    assert pq.read_schema(path).names == ["id", "other"]
    assert [file.name for file in tmp_path.iterdir()] == ["rows.parquet"]


def test_a_parquet_file_whose_end_is_broken(tmp_path: Path) -> None:
    path = tmp_path / "rows.parquet"
    path.write_bytes(b"PAR1" + b"\xff" * 40 + b"PAR1")
    with pytest.raises(EmbverError, match="cannot be read as Parquet"):
        guard.read(path)


# ---- LanceDB


def test_rows_that_come_later_keep_a_lance_tables_stamp(tmp_path: Path) -> None:
    table = lance_table(tmp_path)
    guard.stamp(table, V1)
    table.add([{"id": "new", "vector": [1.0, 0.0, 0.0, 0.0]}])
    assert guard.check(tmp_path / "db/products.lance", V1).is_allowed
    assert lancedb.connect(tmp_path / "db").open_table("products").count_rows() == 41


def test_a_table_of_several_vectors_asks_which(tmp_path: Path) -> None:
    both = as_table("image").append_column("text", as_table()["vector"])
    table = lancedb.connect(tmp_path / "db").create_table("products", data=both)
    with pytest.raises(UsageError, match="not one column of vectors: image, text") as caught:
        guard.stamp(table, V1)
    assert caught.value.hint == "--column NAME"
    with pytest.raises(UsageError, match="no column 'id' of vectors: image, text"):
        guard.stamp(table, V1, column="id")
    guard.stamp(table, V1, column="image")
    guard.stamp(table, NEW, column="text")
    assert guard.read(table, column="image").spaces == (V1.stamped_space,)
    assert guard.read(tmp_path / "db/products.lance", column="text").spaces == (NEW.stamped_space,)


def test_a_lance_handle_that_is_behind_sees_the_others_stamp(tmp_path: Path) -> None:
    folder = lance_folder(tmp_path)
    first, second = (lancedb.connect(folder.parent).open_table("products") for _ in range(2))
    assert (first.version, second.version) == (1, 1)
    guard.stamp(first, V1)
    with pytest.raises(StampError, match="is stamped already"):
        guard.stamp(second, NEW)
    assert guard.read(folder).spaces == (V1.stamped_space,)


# ---- Qdrant


def test_a_collections_other_metadata_stay_and_the_stamp_outlives_the_client(tmp_path: Path) -> None:
    client, name = qdrant(tmp_path)
    guard.stamp((client, name), V1)
    client.close()
    again = QdrantClient(path=str(tmp_path / "qdrant"))
    assert guard.check((again, name), V1).is_allowed
    assert again.get_collection(name).config.metadata["owner"] == "search"
    assert again.count(name).count == 40
    with pytest.raises(UsageError, match="Qdrant has no collection 'others'"):
        guard.check((again, "others"), V1)
    again.close()


def test_named_vectors_have_stamps_of_their_own() -> None:
    client = QdrantClient(":memory:")
    sizes = {
        "image": models.VectorParams(size=4, distance=models.Distance.COSINE),
        "text": models.VectorParams(size=8, distance=models.Distance.COSINE),
    }
    client.create_collection("products", vectors_config=sizes)
    guard.stamp((client, "products"), V1, column="image")
    guard.stamp((client, "products"), WIDE, column="text")
    assert guard.check((client, "products"), V1, column="image").is_allowed
    with pytest.raises(UsageError, match="products:text holds vectors of 8 dimensions"):
        guard.stamp((client, "products"), V1, column="text")
    with pytest.raises(UsageError, match="has no vector 'audio': image, text"):
        guard.stamp((client, "products"), V1, column="audio")


def test_a_server_that_is_away_is_a_failure_and_no_finding() -> None:
    client = QdrantClient(url="http://127.0.0.1:9", timeout=1, check_compatibility=False)
    with pytest.raises(EmbverError, match="products cannot be read: ") as caught:
        guard.check((client, "products"), V1)
    assert caught.value.exit_code == 3
    client.close()


def test_clients_that_answer_later_are_told_apart(tmp_path: Path) -> None:
    for asked in ((AsyncQdrantClient(":memory:"), "products"), AsyncQdrantClient(":memory:")):
        with pytest.raises(UsageError, match="AsyncQdrantClient answers later"):
            guard.check(asked, V1)


# ---- what is not installed


@pytest.mark.parametrize(
    ("module", "maker", "extra"),
    [("pyarrow.parquet", parquet, "parquet"), ("lancedb", lance_folder, "lance")],
)
def test_a_client_that_is_not_installed_is_named(
    module: str, maker: Callable[[Path], Path], extra: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = maker(tmp_path)
    monkeypatch.setitem(sys.modules, module, None)  # what Python keeps for a module that cannot be imported
    monkeypatch.delattr(pa, "parquet")
    with pytest.raises(MissingExtra) as caught:
        guard.check(path, V1)
    assert caught.value.hint == f"pip install 'embver[{extra}]'"


def test_a_faiss_file_needs_faiss_only_to_be_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = faiss_index(tmp_path)
    monkeypatch.setitem(sys.modules, "faiss", None)
    guard.stamp(path, V1)
    assert guard.check(path, V1).is_allowed
    with pytest.raises(MissingExtra) as caught:
        guard.read_index(path, V1)
    assert caught.value.hint == "pip install 'embver[faiss]'"


# ---- what is no store


def test_what_is_no_store_is_told_what_one_is(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("I am no index")
    (tmp_path / "empty").write_bytes(b"")
    (tmp_path / "folder").mkdir()
    for name in ("notes.txt", "empty"):
        with pytest.raises(UsageError, match="neither a FAISS index, a Parquet file nor a Lance table"):
            guard.check(tmp_path / name, V1)
    with pytest.raises(UsageError, match="is a folder and no Lance table"):
        guard.check(tmp_path / "folder", V1)
    with pytest.raises(UsageError, match="does not exist"):
        guard.check(tmp_path / "gone", V1)
    with pytest.raises(UsageError, match="dict is no store that the guard knows"):
        guard.check({}, V1)
    with pytest.raises(UsageError, match="--column is for tables"):
        guard.check(faiss_index(tmp_path), V1, column="image")


def as_nobody(folder: Path, work: Callable[[], Any]) -> Any:
    """Do something as a user who may not write (root may everything), in a folder that everybody may enter."""
    if os.geteuid() != 0:
        return work()
    for parent in (folder, *folder.parents):
        if parent.stat().st_uid == 0 and not parent.stat().st_mode & 0o001:
            parent.chmod(parent.stat().st_mode | 0o011)
    os.seteuid(65534)
    try:
        return work()
    finally:
        os.seteuid(0)


@pytest.mark.parametrize("maker", [faiss_index, parquet])
def test_a_file_that_may_only_be_read_is_checked_and_not_stamped(
    maker: Callable[[Path], Path], tmp_path: Path
) -> None:
    path = maker(tmp_path)
    guard.stamp(path, V1)
    before = path.read_bytes()
    path.chmod(0o444)
    tmp_path.chmod(0o555)
    try:
        assert as_nobody(tmp_path, lambda: guard.check(path, V1)).is_allowed
        with pytest.raises(EmbverError, match="cannot be written: Permission denied") as caught:
            as_nobody(tmp_path, lambda: guard.stamp(path, NEW, replace=True))
    finally:
        tmp_path.chmod(0o755)
    assert caught.value.exit_code == 3
    assert path.read_bytes() == before


# ---- query functions


def test_a_guarded_function_runs_only_against_its_own_space(tmp_path: Path) -> None:
    path = faiss_index(tmp_path)
    asked = []

    @guard.guarded(path, V1)
    def search(vector: Any, *, k: int) -> int:
        """Search."""
        asked.append(k)
        return k

    with pytest.raises(StampError, match="no stamp"):
        search(ROWS[0], k=3)
    guard.stamp(path, V1)
    assert (search(ROWS[0], k=3), search.__doc__, asked) == (3, "Search.", [3])
    guard.stamp(path, NEW, replace=True)
    assert search(ROWS[0], k=5) == 5  # checked once: an index is loaded once

    @guard.guarded(path, V1, each_call=True)
    def careful() -> None:
        asked.append(0)

    with pytest.raises(guard.SpaceMismatch):
        careful()
    assert asked == [3, 5]
