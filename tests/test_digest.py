"""Digests and canonical JSON."""

from __future__ import annotations

import hashlib
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from embver.digest import canonical_json, digest_files, digest_plain, is_sha256, sha256_of

_texts = st.text(st.characters(codec="utf-8"), max_size=8)
_scalars = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-(2**53) + 1, 2**53 - 1),
    st.floats(allow_nan=False, allow_infinity=False),
    _texts,
)
plain_values = st.recursive(
    _scalars,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(_texts, inner, max_size=4),
    max_leaves=12,
)


def _reversed_keys(value: object) -> object:
    if isinstance(value, dict):
        return {key: _reversed_keys(value[key]) for key in reversed(value)}
    if isinstance(value, list):
        return [_reversed_keys(entry) for entry in value]
    return value


@given(plain_values)
def test_order_of_keys_does_not_matter(value: object) -> None:
    assert digest_plain(_reversed_keys(value)) == digest_plain(value)


@given(plain_values)
def test_canonical_json_says_the_same(value: object) -> None:
    # JSON has one kind of number: 2.0 is written as 2.
    assert json.loads(canonical_json(value), parse_int=float) == value


@given(st.lists(st.integers(), min_size=2, max_size=5, unique=True))
def test_order_of_a_list_matters(values: list[int]) -> None:
    small = [value % (2**53 - 1) for value in values]
    if small != small[::-1]:
        assert digest_plain(small) != digest_plain(small[::-1])


def test_rfc8785_examples() -> None:
    # RFC 8785, sections 3.2.3 and 3.2.2.3: keys by UTF-16 code units, numbers as ECMAScript writes them.
    assert canonical_json(
        {"\u20ac": 1, "\r": 2, "\ufb33": 3, "1": 4, "\U0001f600": 5, "\x80": 6, "\xf6": 7}
    ) == ('{"\\r":2,"1":4,"\x80":6,"\xf6":7,"\u20ac":1,"\U0001f600":5,"\ufb33":3}'.encode())
    assert canonical_json([333333333.33333329, 1e30, 4.50, 2e-3, 1e-27, -0.0, 1.0]) == (
        b"[333333333.3333333,1e+30,4.5,0.002,1e-27,0,1]"
    )


@pytest.mark.parametrize("value", [float("nan"), float("inf"), 2**53, {1: 2}, object(), "\ud800"])
def test_what_json_cannot_hold_is_refused(value: object) -> None:
    with pytest.raises(ValueError, match="not canonical JSON"):
        canonical_json({"field": value})


def test_a_digest_names_its_algorithm() -> None:
    assert sha256_of(b"abc") == f"sha256:{hashlib.sha256(b'abc').hexdigest()}"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a" * 64, True),
        ("A" * 64, False),
        ("a" * 63, False),
        ("g" * 64, False),
        ("a" * 64 + "\n", False),
        ("", False),
    ],
)
def test_is_sha256(text: str, expected: bool) -> None:
    assert is_sha256(text) is expected


@given(
    st.dictionaries(
        st.from_regex(r"[a-z/]{1,6}", fullmatch=True), st.sampled_from(["a" * 64, "b" * 64]), min_size=1
    )
)
def test_several_files_have_one_digest_whatever_their_order(files: dict[str, str]) -> None:
    digest = digest_files(files)
    assert is_sha256(digest)
    assert digest_files(dict(reversed(files.items()))) == digest
    path = next(iter(files))
    assert digest_files({**files, path: "c" * 64}) != digest
    assert digest_files({**files, f"{path}x": "a" * 64}) != digest
