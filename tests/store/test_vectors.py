"""Vectors: the library reads what we wrote, equal rows are equal bytes, and nothing is cut off in silence."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from numpy.typing import NDArray
from safetensors import safe_open
from safetensors.numpy import save_file

from embver.errors import EncodeError, IntegrityError
from embver.store.vectors import VectorsError, content_digest, read_tensors, stream_tensors

ROWS = np.random.default_rng(0).normal(size=(20, 6)).astype(np.float32)
IDS = [f"item-{i}" for i in range(20)]


def file_of(rows: NDArray, dtype: str = "float32", blocks: list | None = None, **metadata: str) -> bytes:
    chosen = [rows] if blocks is None else blocks
    return b"".join(stream_tensors({"vectors": (rows.shape, dtype, chosen)}, metadata=metadata))


def written(folder: Path, data: bytes) -> Path:
    path = folder / "x.safetensors"
    path.write_bytes(data)
    return path


def whole(dtype: str) -> NDArray:
    return np.arange(-60, 60).reshape(20, 6).astype(dtype)


# ---- the library's view


@pytest.mark.parametrize("dtype", ["float64", "float32", "float16", "int8", "uint8"])
def test_the_librarys_reader_sees_what_was_written(dtype: str, tmp_path: Path) -> None:
    rows = whole(dtype)
    path = written(tmp_path, file_of(rows, dtype, probe="p"))
    with safe_open(path, framework="numpy") as file:
        found = file.get_tensor("vectors")
        assert file.metadata() == {"probe": "p"}
    assert (found.dtype, found.tolist()) == (np.dtype(dtype), rows.tolist())


@pytest.mark.parametrize("dtype", ["float32", "float16", "int8"])
def test_our_reader_sees_what_the_librarys_writer_wrote(dtype: str, tmp_path: Path) -> None:
    save_file({"b": whole(dtype), "a": ROWS}, tmp_path / "x", metadata={"k": "ä"})
    found = read_tensors(tmp_path / "x")
    assert sorted(found) == ["a", "b"]
    assert np.array_equal(found["a"], ROWS)
    assert found["b"].dtype == dtype
    assert np.array_equal(found["b"], whole(dtype))


def test_several_tensors_lie_in_the_order_of_their_names(tmp_path: Path) -> None:
    tensors = {
        "text.query": (ROWS.shape, "float32", [ROWS]),
        "image.document": ((1, 2), "float16", [ROWS[:1, :2]]),
    }
    data = b"".join(stream_tensors(tensors))
    assert data == b"".join(stream_tensors(dict(reversed(tensors.items()))))
    assert list(json.loads(data[8 : 8 + int.from_bytes(data[:8], "little")])) == [
        "image.document",
        "text.query",
    ]
    assert np.array_equal(read_tensors(written(tmp_path, data))["text.query"], ROWS)


def test_the_rows_begin_at_a_multiple_of_eight_bytes() -> None:
    for name in ("v", "ve", "vec", "vect", "vecto", "vector", "vectors", "vectörs"):
        data = b"".join(stream_tensors({name: ((1, 1), "float32", [ROWS[:1, :1]])}))
        assert int.from_bytes(data[:8], "little") % 8 == 0


def test_no_rows_are_a_file_too(tmp_path: Path) -> None:
    found = read_tensors(written(tmp_path, file_of(ROWS[:0])))["vectors"]
    assert (found.shape, found.dtype) == ((0, 6), np.float32)


def test_rows_are_mapped_and_cannot_be_written_to(tmp_path: Path) -> None:
    found = read_tensors(written(tmp_path, file_of(ROWS)))["vectors"]
    assert not found.flags.owndata
    assert not found.flags.writeable


# ---- canonical bytes


@given(st.lists(st.integers(0, 20), max_size=4))
def test_how_rows_come_in_blocks_decides_nothing(cuts: list[int]) -> None:
    blocks = np.split(ROWS, sorted(cuts))
    assert file_of(ROWS, blocks=blocks) == file_of(ROWS)


def test_a_block_longer_than_our_own_is_the_same_file() -> None:
    rows = np.arange(20_000, dtype=np.float32).reshape(-1, 1)
    assert file_of(rows) == file_of(rows, blocks=np.array_split(rows, 7))
    parts = list(stream_tensors({"v": (rows.shape, "float32", [rows])}))
    assert max(map(len, parts)) <= 8192 * 4  # memory does not grow with the block


@pytest.mark.parametrize(
    "same",
    [
        np.asfortranarray(ROWS),
        ROWS.astype(">f4"),
        ROWS.astype(np.float64),
        np.repeat(ROWS, 2, axis=1)[:, ::2],
    ],
    ids=["F order", "big-endian", "float64", "strided"],
)
def test_how_rows_lie_in_memory_decides_nothing(same: NDArray) -> None:
    assert file_of(same) == file_of(ROWS)
    assert content_digest(IDS, same, dtype="float32") == content_digest(IDS, ROWS, dtype="float32")


@pytest.mark.parametrize("dtype", ["float32", "float16", "bfloat16"])
def test_minus_zero_is_zero_and_the_callers_rows_stay(dtype: str) -> None:
    minus, plus = np.array([[-0.0, 1.0]], np.float32), np.array([[0.0, 1.0]], np.float32)
    assert file_of(minus, dtype) == file_of(plus, dtype)
    assert content_digest(["a"], minus, dtype=dtype) == content_digest(["a"], plus, dtype=dtype)
    assert np.signbit(minus[0, 0])


def test_what_becomes_minus_zero_when_it_is_rounded_is_zero() -> None:
    tiny, zero = np.array([[-1e-30]], np.float32), np.array([[0.0]], np.float32)
    assert file_of(tiny, "float16") == file_of(zero, "float16")


# ---- what cannot be stored


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("dtype", ["float32", "float16", "bfloat16"])
def test_no_number_is_refused_with_its_row_in_the_file(bad: float, dtype: str) -> None:
    rows = ROWS.copy()
    rows[17, 3] = bad
    with pytest.raises(VectorsError, match="vectors: row 17 holds NaN or infinity"):
        file_of(rows, dtype, blocks=[rows[:5], rows[5:]])


@pytest.mark.parametrize("dtype", ["float16", "bfloat16"])
def test_a_number_too_large_for_the_dtype_is_refused(dtype: str) -> None:
    rows = ROWS.copy()
    rows[2, 0] = np.finfo(np.float32).max
    with pytest.raises(VectorsError, match=f"row 2 holds a number that {dtype} cannot"):
        file_of(rows, dtype)


@pytest.mark.parametrize("dtype", ["int8", "uint8"])
def test_floats_are_not_cut_to_whole_numbers(dtype: str) -> None:
    with pytest.raises(EncodeError, match=f"no scale to make whole numbers of: {dtype}") as caught:
        file_of(ROWS, dtype)
    assert caught.value.hint == "space: {dtype: float16}, or int8"
    assert caught.value.exit_code == 3


@pytest.mark.parametrize(("dtype", "bad"), [("int8", 128), ("int8", -129), ("uint8", -1), ("uint8", 256)])
def test_whole_numbers_out_of_range_are_refused(dtype: str, bad: int) -> None:
    with pytest.raises(VectorsError, match=f"row 1 holds a number that {dtype} cannot"):
        file_of(np.array([[1], [bad]]), dtype)


@pytest.mark.parametrize("blocks", [[ROWS[:19]], [ROWS, ROWS[:1]], []])
def test_another_number_of_rows_than_announced_is_refused(blocks: list) -> None:
    with pytest.raises(VectorsError, match="20 were announced"):
        file_of(ROWS, blocks=blocks)


@pytest.mark.parametrize("block", [ROWS[:, :5], ROWS[0], ROWS[None]])
def test_another_shape_than_announced_is_refused(block: NDArray) -> None:
    with pytest.raises(ValueError, match="not \\(rows, 6\\)"):
        file_of(ROWS, blocks=[block])


# ---- bfloat16: NumPy does not know it


def to_bfloat16(value: float) -> int:
    """Round by trying both neighbours: another way than the code's."""
    bits = int(np.float32(value).view(np.uint32))
    low, high = bits >> 16, (bits >> 16) + 1
    exact = np.array([low << 16, high << 16], np.uint32).view(np.float32).astype(np.float64)
    below, above = abs(value - exact[0]), abs(exact[1] - value)
    return low if below < above or (below == above and low % 2 == 0) else high


@given(arrays.arrays(np.float32, (3, 4), elements=st.floats(-(2.0**100), 2.0**100, width=32)))
def test_bfloat16_is_the_nearest_and_ties_go_to_even(rows: NDArray) -> None:
    data = file_of(rows, "bfloat16")
    kept = np.frombuffer(data[-24:], "<u2")
    expected = [0 if value == 0x8000 else value for value in map(to_bfloat16, rows.ravel().tolist())]
    assert kept.tolist() == expected


def test_bfloat16_is_what_the_library_calls_it_and_is_read_as_float32(tmp_path: Path) -> None:
    path = written(tmp_path, file_of(ROWS, "bfloat16"))
    with safe_open(path, framework="numpy") as file:
        assert file.get_slice("vectors").get_dtype() == "BF16"
    found = read_tensors(path)["vectors"]
    assert found.dtype == np.float32
    assert np.allclose(found, ROWS, rtol=2**-8)
    assert file_of(found, "bfloat16") == path.read_bytes()  # read back and written again: the same
    digests = {content_digest(IDS, rows, dtype="bfloat16") for rows in (found, ROWS)}
    assert len(digests) == 1


def test_bfloat16_is_torchs(tmp_path: Path) -> None:
    torch = pytest.importorskip("torch")
    kept = torch.from_numpy(ROWS).to(torch.bfloat16)
    found = read_tensors(written(tmp_path, file_of(ROWS, "bfloat16")))["vectors"]
    assert np.array_equal(found, kept.to(torch.float32).numpy())


# ---- files that are none


@pytest.mark.parametrize("cut", [0, 4, 8, 60, -1])
def test_a_torn_file_is_refused(cut: int, tmp_path: Path) -> None:
    path = written(tmp_path, file_of(ROWS)[:cut])
    with pytest.raises(IntegrityError, match=r"x\.safetensors cannot be read as safetensors"):
        read_tensors(path)


@pytest.mark.parametrize(
    "data", [b"version https://git-lfs.github.com/spec/v1\n", b"\x00" * 64, b"\x93NUMPY\x01\x00"]
)
def test_another_kind_of_file_is_refused(data: bytes, tmp_path: Path) -> None:
    with pytest.raises(IntegrityError, match="cannot be read as safetensors"):
        read_tensors(written(tmp_path, data))


def test_a_type_that_no_vectors_are_is_refused(tmp_path: Path) -> None:
    save_file({"mask": np.ones((2, 2), bool)}, tmp_path / "x")
    with pytest.raises(IntegrityError, match="mask is of type BOOL"):
        read_tensors(tmp_path / "x")


def test_a_missing_file_is_told(tmp_path: Path) -> None:
    with pytest.raises(IntegrityError, match="cannot be read"):
        read_tensors(tmp_path / "absent.safetensors")
