"""The digest of a matrix: the same whatever the container and the order of its rows."""

from __future__ import annotations

import hashlib
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from safetensors.numpy import save_file

from embver.store.vectors import VectorsError, content_digest, read_tensors

ROWS = np.random.default_rng(0).normal(size=(20, 6)).astype(np.float32)
IDS = [f"item-{i}" for i in range(20)]


@given(st.permutations(range(20)))
def test_the_order_of_rows_decides_nothing(order: list[int]) -> None:
    mixed = content_digest([IDS[row] for row in order], ROWS[order], dtype="float32")
    assert mixed == content_digest(IDS, ROWS, dtype="float32")


def test_the_container_decides_nothing(tmp_path: Path) -> None:
    save_file({"rows": ROWS}, tmp_path / "other", metadata={"writer": "another"})
    np.save(tmp_path / "rows.npy", np.asfortranarray(ROWS))
    wanted = content_digest(IDS, ROWS, dtype="float32")
    assert content_digest(IDS, read_tensors(tmp_path / "other")["rows"], dtype="float32") == wanted
    assert content_digest(IDS, np.load(tmp_path / "rows.npy", mmap_mode="r"), dtype="float32") == wanted


@pytest.mark.parametrize(
    ("dtype", "word", "numbers"),
    [
        ("float32", b"<f4", ["0000803f00000000", "0000003f00000040"]),
        ("float16", b"<f2", ["003c0000", "00380040"]),
        ("bfloat16", b"<bf2", ["803f0000", "003f0040"]),
        ("float64", b"<f8", ["000000000000f03f0000000000000000", "000000000000e03f0000000000000040"]),
    ],
)
def test_the_digest_is_the_documented_one(dtype: str, word: bytes, numbers: list[str]) -> None:
    rows = np.array([[0.5, 2.0], [1.0, -0.0]], np.float32)
    text = b"embver.matrix.v1\n" + word + b"\n2,2\n"
    text += b"\x01\0\0\0b" + bytes.fromhex(numbers[0]) + b"\x02\0\0\0\xc3\xa4" + bytes.fromhex(numbers[1])
    assert content_digest(["ä", "b"], rows, dtype=dtype) == f"sha256:{hashlib.sha256(text).hexdigest()}"


def test_what_differs_has_another_digest() -> None:
    other = ROWS.copy()
    other[3, 3] = np.nextafter(other[3, 3], np.float32(9))
    swapped = [*IDS[1::-1], *IDS[2:]]
    digests = [
        content_digest(IDS, ROWS, dtype="float32"),
        content_digest(IDS, other, dtype="float32"),
        content_digest(swapped, ROWS, dtype="float32"),
        content_digest(IDS, ROWS, dtype="float16"),
        content_digest(IDS * 2, ROWS.reshape(40, 3), dtype="float32"),
    ]
    assert len(set(digests)) == len(digests)


def test_ids_cannot_run_into_rows() -> None:
    one = content_digest(["a", "ab"], np.zeros((2, 1), np.float32), dtype="float32")
    assert one != content_digest(["aa", "b"], np.zeros((2, 1), np.float32), dtype="float32")


def test_the_digest_names_the_row_and_id_that_holds_no_number() -> None:
    rows = ROWS.copy()
    rows[4, 0] = np.nan
    with pytest.raises(VectorsError, match=r"row 4 \(item-4\) holds NaN"):
        content_digest(IDS, rows, dtype="float32")


def test_another_number_of_ids_than_rows_is_refused() -> None:
    with pytest.raises(VectorsError, match="19 ids for 20 rows"):
        content_digest(IDS[:19], ROWS, dtype="float32")
