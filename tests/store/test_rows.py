"""Rows in several files: what NumPy sees, what is copied, and whole numbers with a scale."""

from __future__ import annotations

import hashlib
import itertools
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from numpy.typing import NDArray
from safetensors import safe_open

from embver.errors import IntegrityError
from embver.store.rows import Rows, read_rows, stored_in
from embver.store.vectors import (
    DTYPES,
    INPUTS,
    VectorsError,
    content_digest,
    map_tensors,
    stream_tensors,
    to_stored,
)

ROWS = np.random.default_rng(0).normal(size=(50, 6)).astype(np.float32)
CUTS = (0, 20, 40, 50)


def digests(rows: NDArray) -> NDArray:
    made = b"".join(hashlib.sha256(row.tobytes()).digest() for row in rows)
    return np.frombuffer(made, np.uint8).reshape(-1, 32)


def shards(folder: Path, dtype: str, rows: NDArray = ROWS, cuts: tuple[int, ...] = CUTS) -> list[Path]:
    paths = []
    for number, (start, stop) in enumerate(itertools.pairwise(cuts)):
        part = rows[start:stop]
        tensors = to_stored(part, dtype).tensors()
        tensors[INPUTS] = ((len(part), 32), "uint8", [digests(part)])
        path = folder / f"{dtype}-{number}.safetensors"
        path.write_bytes(b"".join(stream_tensors(tensors)))
        paths.append(path)
    return paths


TOLERANCE = {"float32": 0.0, "float16": 2e-3, "bfloat16": 2e-2, "int8": 2e-2}


@pytest.mark.parametrize("dtype", DTYPES)
def test_several_files_are_one_sequence(dtype: str, tmp_path: Path) -> None:
    rows = Rows.open(shards(tmp_path, dtype))
    whole = np.asarray(rows)
    assert (len(rows), rows.shape, whole.shape) == (50, (50, 6), (50, 6))
    assert rows.dtype == whole.dtype == (np.float16 if dtype == "float16" else np.float32)
    assert np.allclose(whole, ROWS, atol=TOLERANCE[dtype])
    for key in (3, -1, 20, slice(None), slice(15, 45), slice(21, 30), slice(None, None, 7), slice(30, 10)):
        assert np.array_equal(rows[key], whole[key]), key
    for picked in ([49, 0, 20, 20], np.array([-1, 5]), whole[:, 0] > 0, []):
        assert np.array_equal(rows[picked], whole[np.asarray(picked, dtype=None if len(picked) else int)])
    assert np.array_equal(rows[3, :2], whole[3, :2])
    assert np.array_equal(rows[10:30, 0], whole[10:30, 0])
    assert np.array_equal(np.concatenate(list(rows.blocks(7))), whole)
    assert np.array_equal(np.array(list(rows)), whole)
    assert np.array_equal(whole[:2] @ rows.__array__().T, whole[:2] @ whole.T)
    for bad in (50, -51, [0, 50]):
        with pytest.raises(IndexError):
            rows[bad]


def test_a_slice_of_one_file_is_a_view_of_it(tmp_path: Path) -> None:
    rows = Rows.open(shards(tmp_path, "float32"))
    view = rows[21:39]
    assert view.base is not None
    assert not view.flags.writeable
    assert np.shares_memory(view, rows.parts[1].vectors)


@pytest.mark.parametrize("dtype", DTYPES)
def test_rows_are_taken_over_bit_for_bit(dtype: str, tmp_path: Path) -> None:
    rows = Rows.open(shards(tmp_path, dtype))
    places = np.array([45, 0, 21, 20, 39, 40])
    taken = rows.stored(places)
    again = b"".join(stream_tensors(taken.tensors()))
    assert again == b"".join(stream_tensors(to_stored(ROWS[places], dtype).tensors()))


def test_files_that_do_not_belong_together(tmp_path: Path) -> None:
    with pytest.raises(IntegrityError, match="different dimensions or number formats"):
        Rows.open([shards(tmp_path, "float32")[0], shards(tmp_path, "float16")[1]])
    (tmp_path / "x.safetensors").write_bytes(
        b"".join(stream_tensors({"other": ((50, 6), "float32", [ROWS])}))
    )
    with pytest.raises(IntegrityError, match=r"x\.safetensors holds other, and no tensor 'vectors'"):
        Rows.open([tmp_path / "x.safetensors"])


# ---- whole numbers with a scale

NUMBERS = arrays.arrays(np.float32, (4, 5), elements=st.floats(-(2.0**60), 2.0**60, width=32))


@given(NUMBERS)
def test_int8_is_within_half_a_step_of_its_row(rows: NDArray) -> None:
    stored = to_stored(rows, "int8")
    assert stored.scale is not None
    scale = stored.scale.astype(np.float64)[:, None]
    step = np.where(scale > 0, scale, 2.0**-149)
    assert (np.abs(stored.vectors * scale - rows) <= 0.5000001 * step + 127 * 2.0**-149).all()
    largest = np.abs(rows).max(axis=1)
    normal = largest > 2.0**-120
    assert (np.abs(stored.vectors).max(axis=1)[normal] == 127).all()


def test_the_library_reads_int8_with_its_scale(tmp_path: Path) -> None:
    (path, *_) = shards(tmp_path, "int8", cuts=(0, 50))
    with safe_open(path, framework="numpy") as file:
        assert sorted(file.keys()) == ["inputs", "scale", "vectors"]
        by_hand = file.get_tensor("vectors") * file.get_tensor("scale")[:, None]
        assert np.array_equal(file.get_tensor("inputs"), digests(ROWS))
    assert np.array_equal(by_hand, np.asarray(Rows.open([path])))
    assert path.stat().st_size < 50 * (6 + 4 + 32) + 400


def test_a_row_of_zeros_stays_one() -> None:
    stored = to_stored(np.zeros((1, 3), np.float32), "int8")
    assert (stored.vectors.tolist(), stored.scale.tolist()) == ([[0, 0, 0]], [0.0])


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_no_number_that_cannot_be_kept(dtype: str, bad: float) -> None:
    rows = ROWS.copy()
    rows[7, 2] = bad
    with pytest.raises(VectorsError, match="row 7 holds NaN or infinity"):
        to_stored(rows, dtype)


def test_the_content_digest_counts_the_scale(tmp_path: Path) -> None:
    stored, ids = to_stored(ROWS, "int8"), [f"{number}" for number in range(50)]
    first = content_digest(ids, stored.vectors, dtype="int8", scale=stored.scale)
    assert first != content_digest(ids, stored.vectors, dtype="int8", scale=2 * stored.scale)
    assert first != content_digest(ids, stored.vectors, dtype="int8")
    turned = content_digest(ids[::-1], stored.vectors[::-1], dtype="int8", scale=stored.scale[::-1])
    assert turned == first


def test_a_probe_file_has_a_scale_for_each_name(tmp_path: Path) -> None:
    tensors = {}
    for name in ("text.query", "image.document"):
        tensors |= to_stored(ROWS, "int8", name=name).tensors(name)
    path = tmp_path / "probe.safetensors"
    path.write_bytes(b"".join(stream_tensors(tensors)))
    assert sorted(map_tensors(path)) == [
        "image.document",
        "image.document.scale",
        "text.query",
        "text.query.scale",
    ]
    found = read_rows(path)
    assert sorted(found) == ["image.document", "text.query"]
    assert np.allclose(found["text.query"], ROWS, atol=2e-2)
    assert {each.dtype for each in stored_in(path, is_probe=True).values()} == {"int8"}


def test_the_same_rows_are_the_same_bytes_however_they_come(tmp_path: Path) -> None:
    for dtype in DTYPES:
        one = to_stored(ROWS, dtype)
        blocks = [one.vectors[start : start + 9] for start in range(0, 50, 9)]
        tensors = one.tensors()
        tensors["vectors"] = (one.vectors.shape, dtype, blocks)
        assert b"".join(stream_tensors(tensors)) == b"".join(stream_tensors(one.tensors()))
