from __future__ import annotations

import copy
import re
from dataclasses import replace
from typing import Any

import pytest
from emoji_versions import cards, embedding, emoji_site, hostile_embedding, sha, with_artifacts
from test_site_benchmarks import long_embedding, page_of, site_of

from embver.card import Card
from embver.site.data_page import SHOWN, data_sets_of
from embver.site.model import SiteData, SiteEmbedding
from embver.site.runs import within


def rows_of(site: SiteData) -> dict[str, list[str]]:
    """Return the cells of each data set's row by its name."""
    lines = [line for line in page_of(site, "data").splitlines() if line.startswith("| <b>")]
    return {
        line.split("<b>")[1].split("</b>")[0]: [cell.strip() for cell in line.strip("|").split("|")]
        for line in lines
    }


def test_each_data_set_stands_with_the_versions_that_used_it() -> None:
    rows = rows_of(emoji_site())
    assert list(rows) == sorted(rows)
    assert rows["openmoji"][2] == (
        "training: emoji [1.1.0](emoji/1.1.0.md) to [2.0.0](emoji/2.0.0.md) (3\u00a0versions)"
    )
    assert rows["openmoji"][3:5] == ["1,266", "CC-BY-SA-4.0"]
    assert 'href="https&#58;//pypi.org/project/emosvg/0.1.7/"' in rows["openmoji"][5]
    assert rows["emoji"][2].startswith("encoded: emoji")
    assert rows["emoji"][3] == "1,892 image, 1,892 text"
    assert rows["emoji-1k"][2].startswith("probe set: emoji")
    assert sha("tw")[:12] in rows["twemoji"][1]


def changed(**entry: Any) -> SiteData:
    """Return the emoji site, the data set twemoji changed from 1.1.1 on."""
    plains = cards()
    for plain in plains[2:]:
        plain["training"]["data"][0].update(entry)
    return site_of(embedding(plains))


def test_two_data_sets_of_one_name_are_told_apart_by_their_digests() -> None:
    text = page_of(changed(digest=f"sha256:{sha('new')}", version="2.1.0"), "data")
    rows = [line for line in text.splitlines() if "<b>twemoji</b>" in line]
    assert len(rows) == 2
    assert all("one of 2 under this name" in row for row in rows)
    assert "2.1.0 \u00b7 one of 2" in rows[0]  # the one that is in use comes first
    assert "2.0.0 \u00b7 one of 2" in rows[1]
    assert "[1.1.0](emoji/1.1.0.md), [1.0.0](emoji/1.0.0.md)" in rows[1]
    assert "1 name below stands for more than one" in text


def test_one_data_set_of_two_names_is_one_row() -> None:
    rows = rows_of(changed(name="twitter-emoji", version="2.0"))
    assert "twitter-emoji" not in rows
    assert "also twitter-emoji 2.0" in rows["twemoji"][0]
    assert "(4\u00a0versions)" in rows["twemoji"][2]


def test_without_a_digest_name_and_version_tell() -> None:
    plains = cards()
    for plain, version in zip(plains, ("a", "a", "b", "b"), strict=True):
        del plain["training"]["data"][0]["digest"]
        plain["training"]["data"][0]["version"] = version
    found = [each for each in data_sets_of(site_of(embedding(plains))) if each.names == ("twemoji",)]
    assert [list(each.labels) for each in found] == [[("twemoji", "a")], [("twemoji", "b")]]
    assert "not recorded" in page_of(site_of(embedding(plains)), "data")


def test_roles_of_different_versions_are_told_apart() -> None:
    plains = cards()
    plains[0]["corpus"]["digest"] = plains[0]["training"]["data"][0]["digest"]
    used = rows_of(site_of(embedding(plains)))["twemoji"][2]
    assert used.split("<br>")[1] == "encoded: emoji [1.0.0](emoji/1.0.0.md)"


def test_a_benchmark_on_what_was_trained_on_is_a_warning() -> None:
    plains = cards()
    for plain in plains:
        plain["benchmarks"][0]["dataset"]["sha256"] = sha("tw")
    assert "is both trained on and measured on" in page_of(site_of(embedding(plains)), "data")
    assert "is both trained on" not in page_of(emoji_site(), "data")


def test_data_sets_of_several_embeddings_stand_together() -> None:
    other = copy.deepcopy(cards()[:2])
    for plain in other:
        plain["name"] = "shop"
    emoji, shop = embedding(cards()), embedding([with_artifacts(plain) for plain in other])
    used = rows_of(site_of(emoji, shop))["twemoji"][2]
    assert "; shop [1.1.0](shop/1.1.0.md), [1.0.0](shop/1.0.0.md)" in used


def test_many_data_sets_are_cut_and_the_page_says_so() -> None:
    plains = cards()[:1]
    plains[0]["training"]["data"] = [{"name": f"set-{n:03}", "rows": n, "role": "train"} for n in range(400)]
    text = page_of(site_of(embedding(plains)), "data")
    assert text.count("| <b>") == SHOWN == 150
    assert "The 150 data sets that were used last, of 405" in text


def test_at_many_versions_a_row_stays_short() -> None:
    text = page_of(site_of(long_embedding(300)), "data")
    assert "[1.0.0](emoji/1.0.0.md) to [1.299.0](emoji/1.299.0.md) (300\u00a0versions)" in text
    assert len(text) < 6000


def test_no_data_is_said() -> None:
    plain = cards()[0]
    for key in ("training", "corpus", "artifacts"):
        plain.pop(key)
    plain["benchmarks"] = []
    text = page_of(site_of(embedding([plain])), "data")
    assert "No card names any data yet" in text
    assert "| data set |" not in text


@pytest.mark.parametrize("name", ["data", "hardware", "benchmarks"])
def test_card_text_is_text_in_every_cell(name: str) -> None:
    text = page_of(emoji_site(hostile_embedding()), name)
    for sign in ("<script", "<img", "](javascript", "{{", "\x02", "\u202e"):
        assert sign not in text
    table = [line for line in text.splitlines() if line.startswith("|")]
    heads = {line.count("|") for line in table}
    # A bar in a name would make a cell of its own; hardware has a table for each machine.
    assert len(heads) <= (1 if name != "hardware" else 4)


@pytest.mark.parametrize("name", ["data", "hardware", "benchmarks", "compare"])
def test_the_pages_stay_small_however_much_there_is(wide_site: SiteData, name: str) -> None:
    text = page_of(wide_site, name)
    assert len(text.encode()) < 75_000
    if name == "hardware":
        assert re.search(r"\d+ older states of its software", text)
        assert re.search(r"\d+ older changes", text)


@pytest.fixture(scope="module")
def wide_site() -> SiteData:
    """Return a site of thirty embeddings, 40 versions each."""
    emoji = long_embedding(40)
    return site_of(*(renamed(emoji, f"shop-{n}") for n in range(30)))


def test_a_table_ends_where_its_page_would_grow_too_large() -> None:
    rows = [("a" * 97,)] * 10
    assert [len(within(rows, most)) for most in (0, 100, 350, 10_000)] == [1, 1, 3, 10]
    assert within([], 5) == ()


def renamed(emoji: SiteEmbedding, name: str) -> SiteEmbedding:
    """Return an embedding under another name, every version with data and a machine of its own."""
    versions = []
    for place, version in enumerate(emoji.versions):
        plain: Any = copy.deepcopy(dict(version.card.plain))
        plain["training"]["data"][0].update(digest=f"sha256:{sha(str(place // 2))}", name="w" * 90)
        plain["encode"]["software"]["torch"] = f"2.{place}.0"
        plain["encode"]["hardware"]["cpu"] = f"CPU {place % 3}"
        versions.append(replace(version, card=Card.from_plain(plain)))
    return replace(emoji, name=name, versions=tuple(versions))


def test_of_many_embeddings_the_first_are_named_and_the_rest_counted() -> None:
    used = rows_of(site_of(*(replace(long_embedding(2), name=f"shop-{n:02}") for n in range(30))))["twemoji"][
        2
    ]
    assert used.startswith("training: shop-00 [1.1.0](shop-00/1.1.0.md), [1.0.0](shop-00/1.0.0.md); shop-01")
    assert used.endswith("; 12 versions of 6 more")
