"""Names, tags and references: what is written is what is parsed."""

from __future__ import annotations

import re
from fnmatch import fnmatchcase

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from embver.tagname import DEFAULT_FORMAT, NAME_RULE, Reference, TagFormat, check_name
from embver.version import Version
from test_version import versions

FORMATS = ["{name}@v{version}", "{name}@{version}", "{name}-v{version}", "{name}/v{version}", "{name}-{version}",
           "emb/{name}/{version}", "v{version}/{name}", "{version}_{name}", "{name}@v{version}-emb"]  # fmt: skip

names = st.from_regex(NAME_RULE, fullmatch=True).filter(
    lambda name: "//" not in name and not {"next", "latest"} & set(name.split("/"))
)
# GTO's own grammar for an artifact's name, version tags and stage tags (its constants module).
_GTO_NAME = r"[a-z0-9]([a-z0-9-/_]*[a-z0-9])?"


@given(names)
def test_every_legal_name_is_legal_for_gto(name: str) -> None:
    assert check_name(name) == name
    assert re.fullmatch(_GTO_NAME, name)


@pytest.mark.parametrize(
    "name",
    [
        "",
        "Products",
        "a.b",
        "-a",
        "a-",
        "a//b",
        "a b",
        "a@b",
        "a#b",
        "next",
        "latest",
        "shop/next",
        "next/shop",
        "shop/latest",
        "shop/1.0.0",
        "a\n",
        "é",
        "../a",
    ],
)
def test_other_names_are_refused(name: str) -> None:
    with pytest.raises(ValueError, match="is not a legal name"):
        check_name(name)


@pytest.mark.parametrize("pattern", FORMATS)
@given(name=names, version=versions)
def test_tag_round_trip(pattern: str, name: str, version: Version) -> None:
    assume(not (pattern.endswith("-emb") and "-emb" in str(version)))
    tag_format = TagFormat(pattern=pattern)
    assert tag_format.parse(tag_format.format(name, version)) == (name, version)


@given(text=st.text(alphabet="abv@-/1.0#!_"))
def test_what_parses_is_written_back_the_same(text: str) -> None:
    parsed = TagFormat().parse(text)
    if parsed is not None:
        assert TagFormat().format(*parsed) == text


@pytest.mark.parametrize(
    "tag",
    ["v1.0.0", "products@1.0.0", "products@v1.0", "products@v01.0.0", "products#prod#1", "products@v1.0.0!",
     "Products@v1.0.0", "products@v1.0.0\n", "next@v1.0.0", "shop/next@v1.0.0", "a//b@v1.0.0", "refs/tags/products@v1.0.0x y"],
)  # fmt: skip
def test_tags_that_are_not_ours(tag: str) -> None:
    assert TagFormat().parse(tag) is None


@pytest.mark.parametrize(
    ("pattern", "why"),
    [
        ("v{version}", "needs {name} and {version}, each once"),
        ("{name}", "needs {name} and {version}, each once"),
        ("{name}@{version}@{version}", "needs {name} and {version}, each once"),
        ("{name}{version}", "cannot be read back"),
        ("{name}-1{version}", "cannot be read back"),
        ("{version}-{name}", "cannot be read back"),
        ("{name} v{version}", "makes no legal Git tag"),
        ("{name}:{version}", "makes no legal Git tag"),
        ("-{name}@v{version}", "makes no legal Git tag"),
        ("{name}//{version}", "makes no legal Git tag"),
        ("{name}@v{version}.lock", "makes no legal Git tag"),
    ],
)
def test_formats_that_could_not_be_written_or_read_are_refused(pattern: str, why: str) -> None:
    with pytest.raises(ValueError, match=re.escape(why)):
        TagFormat(pattern=pattern)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("products", Reference(name="products")),
        ("products@latest", Reference(name="products")),
        ("products@next", Reference(name="products", selector="next")),
        ("products@1.1.0", Reference(name="products", selector="1.1.0")),
        ("products@v1.1.0", Reference(name="products", selector="1.1.0")),
        ("shop/products@2.0.0-rc.1", Reference(name="shop/products", selector="2.0.0-rc.1")),
        ("products#prod", Reference(name="products", stage="prod")),
    ],
)
def test_references(text: str, expected: Reference) -> None:
    assert Reference.parse(text) == expected


@pytest.mark.parametrize(
    "text", ["", "@1.0.0", "products@", "products#", "Products", "products#prod@1.0.0", "a b"]
)
def test_other_references_are_refused_with_the_forms_that_exist(text: str) -> None:
    with pytest.raises(ValueError, match="NAME, NAME@VERSION, NAME@latest, NAME@next or NAME#STAGE"):
        Reference.parse(text)


@pytest.mark.parametrize("text", ["products@1", "products@newest", "products@vnext", "products@1.0"])
def test_a_reference_to_no_version_says_what_a_version_is(text: str) -> None:
    with pytest.raises(ValueError, match="is not a version"):
        Reference.parse(text)


@given(names, versions)
def test_reference_round_trip(name: str, version: Version) -> None:
    reference = Reference.parse(f"{name}@{version}")
    assert Reference.parse(str(reference)) == reference


@pytest.mark.parametrize(
    ("pattern", "tag", "why"),
    [
        (DEFAULT_FORMAT, "products@v1.0", "'1.0' is not a version"),
        (DEFAULT_FORMAT, "products@1.0.0", "a release's tag is named products@v1.0.0"),
        (DEFAULT_FORMAT, "Products@v1.0.0", "'Products' is not a legal name"),
        (DEFAULT_FORMAT, "a.b@v1.0.0", "'a.b' is not a legal name"),
        (DEFAULT_FORMAT, "shop/latest@v1.0.0", "'shop/latest' is not a legal name"),
        ("{name}/{version}", "shop/1.0", "'1.0' is not a version"),
        ("v{version}/{name}", "v1.0/shop", "'1.0' is not a version"),
    ],
)
def test_what_looks_like_a_release_is_told_apart(pattern: str, tag: str, why: str) -> None:
    tags = TagFormat(pattern=pattern)
    assert tags.parse(tag) is None
    assert str(tags.flaw(tag)).startswith(why)


@pytest.mark.parametrize(
    ("pattern", "tag"),
    [
        (DEFAULT_FORMAT, "products@v1.0.0"),
        (DEFAULT_FORMAT, "v1.0.0"),
        (DEFAULT_FORMAT, "products"),
        (DEFAULT_FORMAT, "products@venice"),
        (DEFAULT_FORMAT, "products#prod#1"),
        (DEFAULT_FORMAT, "products@v1.0!#1"),
        ("{name}/{version}", "docs/2026"),
        ("{name}/{version}", "shop/1.0.0"),
    ],
)
def test_releases_and_other_tags_have_no_flaw(pattern: str, tag: str) -> None:
    assert TagFormat(pattern=pattern).flaw(tag) is None


@pytest.mark.parametrize("pattern", FORMATS)
@given(name=names, version=versions)
def test_the_patterns_of_a_name_hold_its_tags(pattern: str, name: str, version: Version) -> None:
    tags = TagFormat(pattern=pattern)
    tag = tags.format(name, version)
    for wanted in (tag, f"{tag}!#1", f"{tag}#2", f"{name}#prod#1", f"{name}#prod!#2"):
        assert any(fnmatchcase(wanted, asked) for asked in tags.patterns(name)), wanted
    assert not any(fnmatchcase(tags.format(f"{name}z", version), asked) for asked in tags.patterns(name))
