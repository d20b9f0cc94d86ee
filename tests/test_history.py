"""Releases in order, whatever the order of their tags."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from embver.history import (
    Release,
    base,
    find,
    following,
    in_the_way,
    latest,
    line_start,
    of_name,
    ordered,
    parse_trailers,
)
from embver.levels import Level
from embver.tagname import Reference
from embver.version import Version
from test_version import versions

MESSAGE = """products 1.1.0

Adds studio photographs.

Level: this line is prose, not a trailer.

Card-Digest: sha256:00ff
Level: minor
Verdict: compatible
Previous: products@1.0.0
Signed-off-by: A <a@example.org>
"""


def release(version: str, name: str = "products", date: str = "2026-11-02") -> Release:
    return Release(
        name=name,
        version=Version.parse(version),
        tag=f"{name}@v{version}",
        commit="0" * 40,
        date=date,
        is_annotated=True,
    )


def releases(*texts: str) -> list[Release]:
    # Tagged on one day and in no order: neither date nor order of tags may matter.
    return [release(text) for text in sorted(texts, reverse=True)]


def versions_of(found: tuple[Release, ...]) -> list[str]:
    return [str(entry.version) for entry in found]


def test_by_name_then_by_precedence() -> None:
    mixed = [release("1.10.0"), release("1.9.0"), release("2.0.0-rc.1"), release("1.0.0", name="articles")]
    assert [entry.reference for entry in ordered(mixed)] == [
        "articles@1.0.0",
        "products@1.9.0",
        "products@1.10.0",
        "products@2.0.0-rc.1",
    ]
    assert versions_of(of_name(mixed, "products")) == ["1.9.0", "1.10.0", "2.0.0-rc.1"]


@given(st.lists(versions, max_size=6), st.randoms(use_true_random=False))
def test_order_does_not_depend_on_the_order_of_tags(found: list[Version], random: object) -> None:
    listed = [release(str(version)) for version in found]
    shuffled = list(listed)
    random.shuffle(shuffled)  # type: ignore[attr-defined]
    assert ordered(shuffled) == ordered(listed)
    assert latest(shuffled) == latest(listed)


@pytest.mark.parametrize(
    ("texts", "expected"),
    [
        (["1.0.0", "1.10.0", "1.9.0"], "1.10.0"),
        (["1.0.0", "1.1.0-rc.1"], "1.0.0"),
        (["1.0.0-rc.1", "1.0.0-rc.2"], "1.0.0-rc.2"),
    ],
)
def test_latest_is_the_highest_finished_release(texts: list[str], expected: str) -> None:
    found = latest(releases(*texts))
    assert found is not None
    assert str(found.version) == expected


def test_nothing_released() -> None:
    assert latest([]) is None
    assert line_start([], Version.parse("1.0.0")) is None
    assert find([], Reference.parse("products")) is None


@pytest.mark.parametrize(
    ("of", "expected"),
    [
        ("1.2.1", "1.0.0"),
        ("2.1.0", "2.0.0"),
        ("3.0.0", None),
        # Before 1.0.0 a break bumps MINOR, so 0.2 is a line of its own.
        ("0.2.1", "0.2.0"),
        ("0.1.1", "0.1.0"),
    ],
)
def test_line_start(of: str, expected: str | None) -> None:
    all_of_them = releases(
        "0.1.0", "0.1.1", "0.2.0", "0.2.1", "1.0.0-rc.1", "1.0.0", "1.2.1", "2.0.0", "2.1.0"
    )
    found = line_start(all_of_them, Version.parse(of))
    assert (str(found.version) if found else None) == expected


def test_find() -> None:
    all_of_them = [*releases("1.0.0", "1.1.0", "2.0.0-rc.1"), release("3.0.0", name="articles")]
    for text, expected in [
        ("products", "1.1.0"),
        ("products@1.0.0", "1.0.0"),
        ("products@v1.0.0", "1.0.0"),
        ("products@2.0.0-rc.1", "2.0.0-rc.1"),
        ("articles@latest", "3.0.0"),
    ]:
        found = find(all_of_them, Reference.parse(text))
        assert found is not None
        assert str(found.version) == expected
    for text in ("products@9.0.0", "products@next", "unknown", "products#prod"):
        assert find(all_of_them, Reference.parse(text)) is None


def test_trailers_are_read_from_the_last_paragraph() -> None:
    expected = {
        "Card-Digest": "sha256:00ff",
        "Level": "minor",
        "Verdict": "compatible",
        "Previous": "products@1.0.0",
    }
    assert parse_trailers(MESSAGE) == expected
    assert (
        parse_trailers(f"{MESSAGE}-----BEGIN PGP SIGNATURE-----\n\niQEz\n-----END PGP SIGNATURE-----\n")
        == expected
    )


@pytest.mark.parametrize("message", ["", "products 1.0.0", "Level minor", "products 1.0.0\n\nlevel: minor\n"])
def test_messages_without_our_trailers(message: str) -> None:
    assert parse_trailers(message) == {}


def test_the_last_trailer_of_a_name_counts() -> None:
    assert parse_trailers("t\n\nLevel: patch\nLevel: minor\n") == {"Level": "minor"}


@pytest.mark.parametrize(
    ("out", "begun_from", "expected"),
    [
        (["1.0.0", "2.0.0"], None, "2.0.0"),
        (["1.0.0", "2.0.0"], "1.0.0", "1.0.0"),
        (["1.0.0", "1.0.1", "2.0.0"], "1.0.0", "1.0.1"),  # somebody else's fix came first
        (["1.0.0", "1.1.0", "2.0.0"], "1.0.0", "1.0.0"),
        (["2.0.0", "3.0.0-rc.1"], "2.0.0", "2.0.0"),
        (["1.0.0", "1.0.1-rc.1", "2.0.0"], "1.0.1-rc.1", "1.0.0"),
        (["1.0.0", "1.1.0-rc.1", "2.0.0"], "1.1.0-rc.1", "1.0.0"),
        (["0.1.0-rc.1", "1.0.0"], "0.1.0-rc.1", "0.1.0-rc.1"),
    ],
)
def test_what_a_working_version_goes_on_from(out: list[str], begun_from: str | None, expected: str) -> None:
    found = base(releases(*out), Version.parse(begun_from) if begun_from else None)
    assert found is not None
    assert str(found.version) == expected


@pytest.mark.parametrize(
    ("out", "current", "wanted", "expected"),
    [
        (["1.0.0", "2.0.0"], "1.0.0", "1.0.1", None),
        (["1.0.0", "2.0.0"], "1.0.0", "1.1.0", None),
        (["1.0.0", "2.0.0"], "1.0.0", "2.0.0", "2.0.0"),
        (["1.0.0", "1.2.0", "2.0.0"], "1.0.0", "2.0.0", "1.2.0"),
        (["2.0.0", "3.0.0-rc.1"], "2.0.0", "3.0.0", None),
    ],
)
def test_what_stands_in_the_way_of_a_number(
    out: list[str], current: str, wanted: str, expected: str | None
) -> None:
    found = in_the_way(releases(*out), release(current), Version.parse(wanted))
    assert (str(found.version) if found else None) == expected


# ---- what yanked releases used up


@pytest.mark.parametrize(
    ("released", "yanked", "current", "level", "expected"),
    [
        ("1.0.0 1.1.0", "", "1.1.0", Level.PATCH, "1.1.1"),
        ("1.0.0 1.1.0", "1.1.0", "1.0.0", Level.PATCH, "1.1.1"),
        ("1.0.0 1.1.0", "1.1.0", "1.0.0", Level.MINOR, "1.2.0"),
        ("1.0.0 1.1.0", "1.1.0", "1.0.0", Level.MAJOR, "2.0.0"),
        ("1.0.0 1.1.0", "1.1.0", "1.0.0", Level.NONE, "1.0.0"),
        ("1.0.0 1.1.0 1.1.1", "1.1.0 1.1.1", "1.0.0", Level.PATCH, "1.1.2"),
        ("1.0.0 2.0.0", "2.0.0", "1.0.0", Level.PATCH, "1.0.1"),
        ("1.0.0 2.0.0", "2.0.0", "1.0.0", Level.MAJOR, "3.0.0"),
        ("1.0.0 2.0.0 2.1.0", "2.0.0 2.1.0", "1.0.0", Level.MAJOR, "3.0.0"),
        ("1.0.0 1.5.0 1.6.0", "1.5.0", "1.0.0", Level.PATCH, "1.0.1"),
        ("1.0.0 1.0.1 1.6.0", "1.0.1", "1.0.0", Level.PATCH, "1.0.2"),
        ("1.0.0 1.1.0 1.2.0", "1.2.0", "1.0.0", Level.PATCH, "1.0.1"),  # 1.1.0 stands: an old line goes on
        ("0.1.0 0.2.0", "0.2.0", "0.1.0", Level.MAJOR, "0.3.0"),
        ("1.0.0 1.1.0-rc.1", "1.1.0-rc.1", "1.0.0", Level.MINOR, "1.1.0"),
    ],
)
def test_a_number_is_given_once(
    released: str, yanked: str, current: str, level: Level, expected: str
) -> None:
    made = [release(text) for text in released.split()]
    standing = frozenset(r.reference for r in made if str(r.version) not in yanked.split())
    found = following(made, Version.parse(current), level, standing=standing)
    assert str(found) == expected
