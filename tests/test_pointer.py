"""Git LFS pointers, by the specification's letter."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from embver.pointer import Pointer

OID = "4d7a214614ab2935c943f9e0ff69d22eadbb8f32b1258daaa5e2ca24d17e2393"
TEXT = (
    f"version https://git-lfs.github.com/spec/v1\noid sha256:{OID}\nsize 12345\n".encode()
)  # docs/spec.md's example

pointers = st.builds(
    Pointer, sha256=st.from_regex(r"[0-9a-f]{64}", fullmatch=True), size_bytes=st.integers(0, 2**63 - 1)
)


def test_the_specifications_example() -> None:
    pointer = Pointer(sha256=OID, size_bytes=12345)
    assert Pointer.parse(TEXT) == pointer
    assert pointer.format() == TEXT


@given(pointers)
def test_round_trip(pointer: Pointer) -> None:
    assert Pointer.parse(pointer.format()) == pointer


@given(st.binary(max_size=200))
def test_other_bytes_are_no_pointer(data: bytes) -> None:
    assert Pointer.parse(data) is None


@given(pointers, st.data())
def test_a_pointer_with_one_byte_changed_is_another_pointer_or_none(
    pointer: Pointer, data: st.DataObject
) -> None:
    text = bytearray(pointer.format())
    place = data.draw(st.integers(0, len(text) - 1))
    text[place] ^= data.draw(st.integers(1, 255))
    changed = Pointer.parse(bytes(text))
    assert changed is None or (changed != pointer and changed.format() == bytes(text))


@pytest.mark.parametrize(
    "data",
    [
        b"",
        TEXT[:-1],
        TEXT + b"\n",
        b"\n" + TEXT,
        b"\xef\xbb\xbf" + TEXT,
        TEXT.replace(b"\n", b"\r\n"),
        TEXT.replace(b"sha256", b"sha1"),
        TEXT.replace(OID.encode(), OID.upper().encode()),
        TEXT.replace(b"12345", b"012345"),
        TEXT.replace(b"12345", b"-1"),
        TEXT.replace(b"spec/v1", b"spec/v2"),
        TEXT.replace(b"git-lfs.github", b"git-lfsXgithub"),
        b"\n".join([*TEXT.splitlines()[:1], *reversed(TEXT.splitlines()[1:]), b""]),
    ],
)
def test_near_misses_are_refused(data: bytes) -> None:
    assert Pointer.parse(data) is None


def test_extension_lines_are_passed_over() -> None:
    extended = TEXT.replace(b"oid", b"ext-0-foo sha256:" + b"a" * 64 + b"\noid")
    assert Pointer.parse(extended) == Pointer.parse(TEXT)


def test_a_pointer_is_shorter_than_1024_bytes() -> None:
    room = 1024 - len(TEXT) - len("ext-0-\n")
    for extra, is_pointer in ((room - 1, True), (room, False)):
        padded = TEXT.replace(b"oid", b"ext-0-" + b"x" * extra + b"\noid")
        assert (Pointer.parse(padded) is not None) is is_pointer
