"""Versions: SemVer 2.0 as written on semver.org, and the next one for a level."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from embver.levels import Level
from embver.version import Version

# The orders that semver.org gives in section 11, one after the other.
ASCENDING = [
    "0.0.1",
    "0.1.0",
    "1.0.0-alpha",
    "1.0.0-alpha.1",
    "1.0.0-alpha.beta",
    "1.0.0-beta",
    "1.0.0-beta.2",
    "1.0.0-beta.11",
    "1.0.0-rc.1",
    "1.0.0",
    "1.9.0",
    "1.10.0",
    "2.0.0",
    "2.1.0",
    "2.1.1",
]
NOT_VERSIONS = [
    "",
    "1",
    "1.0",
    "v1.0.0",
    "01.0.0",
    "1.0.0-01",
    "1.0.0-",
    "1.0.0 ",
    "1.0.0\n",
    "1.0.١",
    "-1.0.0",
    "1.0.0.0",
]

_identifiers = st.one_of(st.integers(0, 20).map(str), st.from_regex(r"[a-z-][a-z0-9-]{0,3}", fullmatch=True))
_dotted = st.lists(_identifiers, min_size=1, max_size=3).map(".".join)


@st.composite
def version_texts(draw: st.DrawFn) -> str:
    numbers = [draw(st.integers(0, 12)) for _ in range(3)]
    text = ".".join(map(str, numbers))
    if draw(st.booleans()):
        text += f"-{draw(_dotted)}"
    if draw(st.booleans()):
        text += f"+{draw(_dotted)}"
    return text


versions = version_texts().map(Version.parse)


def test_semver_org_order() -> None:
    parsed = [Version.parse(text) for text in ASCENDING]
    assert sorted(set(parsed)) == parsed
    for smaller, larger in itertools.pairwise(parsed):
        assert smaller < larger
        assert not larger < smaller


@given(version_texts())
def test_what_is_read_is_what_is_written(text: str) -> None:
    assert str(Version.parse(text)) == text


@pytest.mark.parametrize("text", NOT_VERSIONS)
def test_other_texts_are_refused_with_an_example(text: str) -> None:
    with pytest.raises(ValueError, match=r"is not a version: MAJOR\.MINOR\.PATCH, as in 1\.4\.0"):
        Version.parse(text)


@given(versions, versions, versions)
def test_order_is_total(a: Version, b: Version, c: Version) -> None:
    assert (a < b) + (b < a) + (a == b) == 1
    assert (a <= b) == (a < b or a == b)
    if a < b < c:
        assert a < c


@given(versions, versions)
def test_equal_versions_have_equal_hashes_and_texts(a: Version, b: Version) -> None:
    if a == b:
        assert hash(a) == hash(b)
        assert str(a) == str(b)


@given(versions)
def test_build_metadata_has_no_precedence_over_a_number(version: Version) -> None:
    core = str(version).split("+", maxsplit=1)[0]
    built = Version.parse(f"{core}+zzz")
    following = Version.parse(core.split("-", maxsplit=1)[0]).bump(Level.PATCH)
    assert Version.parse(core) < built < following


def test_a_version_is_compared_with_versions_only() -> None:
    assert Version.parse("1.0.0") != "1.0.0"
    with pytest.raises(TypeError):
        assert Version.parse("1.0.0") < "2.0.0"  # type: ignore[operator]


@pytest.mark.parametrize(
    ("old", "level", "new"),
    [
        ("1.4.2", Level.MAJOR, "2.0.0"),
        ("1.4.2", Level.MINOR, "1.5.0"),
        ("1.4.2", Level.PATCH, "1.4.3"),
        ("1.4.2", Level.NONE, "1.4.2"),
        ("0.4.2", Level.MAJOR, "0.5.0"),
        ("0.4.2", Level.MINOR, "0.4.3"),
        ("0.4.2", Level.PATCH, "0.4.3"),
        ("1.4.2+cu126", Level.PATCH, "1.4.3"),
        ("1.3.0-rc.1", Level.MINOR, "1.3.0"),
        ("1.3.0-rc.1", Level.PATCH, "1.3.0"),
        ("1.3.0-rc.1", Level.NONE, "1.3.0"),
        ("1.3.0-rc.1", Level.MAJOR, "2.0.0"),
        ("1.3.1-rc.1", Level.MINOR, "1.4.0"),
        ("2.0.0-rc.1", Level.MAJOR, "2.0.0"),
    ],
)
def test_bump(old: str, level: Level, new: str) -> None:
    assert str(Version.parse(old).bump(level)) == new


@pytest.mark.parametrize(
    ("old", "level", "new"),
    [
        ("1.2.0", Level.MINOR, "1.3.0-rc.1"),
        ("1.3.0-rc.1", Level.MINOR, "1.3.0-rc.2"),
        ("1.3.0-rc.9", Level.MINOR, "1.3.0-rc.10"),
        ("1.3.0-rc.1", Level.MAJOR, "2.0.0-rc.1"),
        ("1.3.0-beta.4", Level.MINOR, "1.3.0-rc.1"),
        ("1.2.0", Level.NONE, "1.2.0"),
    ],
)
def test_bump_to_a_prerelease(old: str, level: Level, new: str) -> None:
    assert str(Version.parse(old).bump(level, pre="rc")) == new


def test_bump_never_goes_back() -> None:
    with pytest.raises(ValueError, match=r"1\.3\.0-alpha\.1 would sort below 1\.3\.0-rc\.1"):
        Version.parse("1.3.0-rc.1").bump(Level.MINOR, pre="alpha")


def test_bump_refuses_a_word_that_is_no_prerelease() -> None:
    with pytest.raises(ValueError, match="is not a version"):
        Version.parse("1.2.0").bump(Level.MINOR, pre="release candidate")


@given(versions, st.sampled_from([Level.PATCH, Level.MINOR, Level.MAJOR]))
def test_bump_rises_and_announces_its_level(version: Version, level: Level) -> None:
    following = version.bump(level)
    assert version < following
    assert not following.is_prerelease
    if not version.is_prerelease:
        announced = following.level_from(version)
        # Before 1.0.0 the number has one step less to say it with.
        expected = {Level.MINOR: Level.PATCH}.get(level, level) if version.major == 0 else level
        assert announced == expected


@given(versions, st.sampled_from([Level.PATCH, Level.MINOR, Level.MAJOR]))
def test_a_version_keeps_its_line_unless_it_breaks(version: Version, level: Level) -> None:
    if version.is_prerelease:
        return
    assert (version.bump(level).line == version.line) == (level < Level.MAJOR)


@pytest.mark.parametrize(
    ("old", "new", "level"),
    [
        ("1.0.0", "2.0.0", Level.MAJOR),
        ("1.0.0", "1.1.0", Level.MINOR),
        ("1.0.0", "1.0.1", Level.PATCH),
        ("1.0.0", "1.0.0+cu126", Level.NONE),
        ("0.1.0", "0.2.0", Level.MAJOR),
        ("0.9.0", "1.0.0", Level.MAJOR),
    ],
)
def test_level_that_a_step_announces(old: str, new: str, level: Level) -> None:
    assert Version.parse(new).level_from(Version.parse(old)) is level
