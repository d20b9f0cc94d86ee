from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest
from emoji_versions import aged_site, cards, embedding, emoji_site, hostile_embedding
from jsonschema import Draft202012Validator

from embver.problem import Problem
from embver.site.machine import SCHEMA_ID, versions_json
from embver.site.model import SiteData, Unreadable
from embver.site.more_pages import across_embeddings
from embver.store.resources import resource_folder
from embver.store.templates import render_template
from embver.version import Version

SCHEMA = json.loads((resource_folder("schemas") / "versions" / "v1.json").read_text(encoding="utf-8"))


def unreadable() -> Unreadable:
    """Return a release whose card is no card."""
    release = embedding(cards()[:1]).versions[0].release
    release = replace(
        release, version=Version.parse("0.9.0"), tag="emoji@v0.9.0", date="2025-01-02T03:04:05Z"
    )
    problem = Problem(
        path="embeddings/emoji/0.9.0/card.yaml", line=3, column=1, rule="yaml", message="a <b> is open"
    )
    return Unreadable(release=release, problems=(problem,))


def sites() -> list[SiteData]:
    site = emoji_site()
    return [
        site,
        aged_site(),
        emoji_site(hostile_embedding()),
        replace(site, url="https://example.org/docs/"),
        replace(site, embeddings=()),
        replace(site, embeddings=(embedding(cards()[:1]),)),
        replace(site, unreadable=(unreadable(),)),
    ]


@pytest.mark.parametrize(
    "site", sites(), ids=["emoji", "aged", "hostile", "published", "empty", "one", "unreadable"]
)
def test_the_file_is_what_its_schema_says(site: SiteData) -> None:
    plain = json.loads(versions_json(site))
    Draft202012Validator.check_schema(SCHEMA)
    assert [error.message for error in Draft202012Validator(SCHEMA).iter_errors(plain)] == []
    assert plain["$schema"] == SCHEMA["$id"] == SCHEMA_ID


@pytest.mark.parametrize(
    ("key", "value"),
    [("level", "huge"), ("commit", "HEAD"), ("artifacts", [{"path": "x"}]), ("status", None)],
)
def test_the_schema_refuses_what_is_something_else(key: str, value: Any) -> None:
    plain = json.loads(versions_json(emoji_site()))
    plain["embeddings"][0]["versions"][0][key] = value
    assert not Draft202012Validator(SCHEMA).is_valid(plain)


def test_every_key_of_the_file_is_described_in_the_schema() -> None:
    embedding_ = json.loads(versions_json(emoji_site()))["embeddings"][0]
    version = embedding_["versions"][0]
    for name, found in (
        ("embedding", embedding_),
        ("version", version),
        ("metric", version["metrics"][0]),
        ("artifact", version["artifacts"][0]),
        ("data", version["data"][0]),
        ("pair", embedding_["compatibility"][0]),
    ):
        assert (
            set(found) == set(SCHEMA["$defs"][name]["properties"]) == set(SCHEMA["$defs"][name]["required"])
        )


def test_a_release_whose_card_cannot_be_shown_is_told_apart() -> None:
    plain = json.loads(versions_json(replace(emoji_site(), unreadable=(unreadable(),))))
    assert [entry["version"] for entry in plain["unreadable"]] == ["0.9.0"]
    assert plain["unreadable"][0]["problems"] == [
        "embeddings/emoji/0.9.0/card.yaml:3:1: a <b> is open [yaml]"
    ]
    assert "0.9.0" not in {entry["version"] for entry in plain["embeddings"][0]["versions"]}
    assert set(plain["unreadable"][0]) == set(SCHEMA["$defs"]["unreadable"]["properties"])


def test_pairs_are_those_measured_and_each_release_with_the_one_before_it() -> None:
    plains = cards()
    plains[2]["compatibility"] = []
    pairs = json.loads(versions_json(replace(emoji_site(), embeddings=(embedding(plains),))))["embeddings"][
        0
    ]["compatibility"]
    told = {(pair["a"], pair["b"]): (pair["verdict"], pair["kind"]) for pair in pairs}
    assert told["emoji@1.0.0", "emoji@1.1.0"] == ("compatible", "measured")
    assert told["emoji@1.1.0", "emoji@1.1.1"] == ("unmeasured", "unmeasured")
    assert all(kind == "measured" or pair[1] == "emoji@1.1.1" for pair, (_, kind) in told.items())


def test_a_pair_that_the_space_decides_is_inferred() -> None:
    plains = cards()
    plains[3]["compatibility"] = []
    site = replace(emoji_site(), embeddings=(embedding(plains),))
    pairs = json.loads(versions_json(site))["embeddings"][0]["compatibility"]
    assert {"a": "emoji@1.1.1", "b": "emoji@2.0.0", "verdict": "incompatible", "kind": "inferred"} in pairs


@pytest.mark.parametrize(
    ("url", "page"),
    [
        (None, "emoji/1.0.0.html"),
        ("https://example.org", "https://example.org/changelog/emoji/1.0.0.html"),
        ("https://example.org/docs/", "https://example.org/docs/changelog/emoji/1.0.0.html"),
    ],
)
def test_a_page_is_named_in_full_where_the_site_says_where_it_is(url: str | None, page: str) -> None:
    plain = json.loads(versions_json(replace(emoji_site(), url=url)))
    assert plain["embeddings"][0]["versions"][0]["page"] == page


def test_each_version_is_a_line_so_that_a_new_one_adds_lines() -> None:
    old, new = (
        versions_json(replace(emoji_site(), embeddings=(embedding(cards()[:count]),))).splitlines()
        for count in (3, 4)
    )
    kept = {line.rstrip(",") for line in new}
    assert {line.rstrip(",") for line in old if '"tag"' in line} <= kept
    assert sum('"tag"' in line for line in new) == 4


def test_the_schema_is_published_at_its_own_address() -> None:
    site = replace(emoji_site(), versions_schema=json.dumps(SCHEMA))
    made = dict(across_embeddings(site, render_template, mark=""))
    path = SCHEMA_ID.removeprefix("https://embver.org/")
    assert json.loads(made[f"changelog/{path}"]()) == SCHEMA
