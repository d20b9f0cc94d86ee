from __future__ import annotations

import re
from dataclasses import replace
from xml.etree import ElementTree

import pytest
from emoji_versions import HOSTILE, aged_site, cards, embedding, emoji_site, hostile_embedding
from test_site_machine import unreadable

from embver.lifetag import Event
from embver.site.feed import NEWEST, feed_xml
from embver.site.model import SiteData
from embver.version import Version

ATOM = "{http://www.w3.org/2005/Atom}"
_MOMENT = re.compile(r"\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}(\.\d+)?(Z|[+-]\d{2}:\d{2})")
_UUID = re.compile(r"urn:uuid:[0-9a-f]{8}-[0-9a-f]{4}-8[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}")


def parsed(site: SiteData) -> ElementTree.Element:
    return ElementTree.fromstring(feed_xml(site))


def texts(site: SiteData, name: str) -> list[str]:
    return [entry.findtext(f"{ATOM}{name}") or "" for entry in parsed(site).findall(f"{ATOM}entry")]


def long_site(count: int) -> SiteData:
    """Return the emoji with the first version released again and again, an hour apart."""
    emoji = embedding(cards()[:1])
    first = emoji.versions[0]
    versions = tuple(
        replace(
            first,
            release=replace(
                first.release,
                version=Version.parse(f"1.{number}.0"),
                tag=f"emoji@v1.{number}.0",
                date=f"2026-08-{1 + number // 24:02}T{number % 24:02}:00:00+00:00",
            ),
        )
        for number in range(count)
    )
    return replace(emoji_site(), embeddings=(replace(emoji, versions=versions),))


@pytest.mark.parametrize(
    "site",
    [
        emoji_site(),
        aged_site(),
        emoji_site(hostile_embedding()),
        replace(emoji_site(title=HOSTILE), url='https://example.org/a"b&c/'),
        replace(emoji_site(), embeddings=()),
    ],
    ids=["emoji", "aged", "hostile", "published", "empty"],
)
def test_a_feed_has_what_rfc_4287_requires(site: SiteData) -> None:
    root = parsed(site)
    assert root.tag == f"{ATOM}feed"
    for holder in (root, *root.findall(f"{ATOM}entry")):
        for name in ("id", "title", "updated"):
            assert len(holder.findall(f"{ATOM}{name}")) == 1
        assert _UUID.fullmatch(holder.findtext(f"{ATOM}id") or "")
        assert _MOMENT.fullmatch(holder.findtext(f"{ATOM}updated") or "")
        links = holder.findall(f"{ATOM}link[@rel='alternate']")
        assert len(links) == 1
        assert links[0].get("href")
    # An author of the feed is the author of every entry without one (4.1.1).
    assert root.find(f"{ATOM}author/{ATOM}name") is not None
    ids = [entry.findtext(f"{ATOM}id") for entry in root.findall(f"{ATOM}entry")]
    assert len(set(ids)) == len(ids)


def test_releases_come_newest_first_and_the_feed_is_as_new_as_the_newest() -> None:
    root, site = parsed(emoji_site()), emoji_site()
    updated = texts(site, "updated")
    assert updated == sorted(updated, reverse=True)
    assert root.findtext(f"{ATOM}updated") == updated[0]
    assert texts(site, "title") == [
        "emoji 2.0.0: a break: re-encode and re-index (incompatible)",
        "emoji 1.1.1: a fix: keep your index (compatible)",
        "emoji 1.1.0: an addition: keep your index (compatible)",
        "emoji 1.0.0: the first release",
    ]


def test_an_entry_says_what_people_wrote_what_was_measured_and_what_to_do() -> None:
    summary = texts(emoji_site(), "summary")[1]
    assert summary.startswith("Served text is lower-cased and :short_codes: are split")
    assert "Verdict against 1.1.0: compatible, old and new vectors work together in one index." in summary
    assert summary.endswith(
        "Keep your index. New queries find what is in it, and new documents may join the old ones."
    )


def test_a_version_that_was_never_measured_says_so() -> None:
    plains = cards()
    plains[1]["compatibility"] = []
    emoji = embedding(plains)
    versions = tuple(replace(each, release=replace(each.release, verdict=None)) for each in emoji.versions)
    site = replace(emoji_site(), embeddings=(replace(emoji, versions=versions),))
    assert "emoji 1.1.0: an addition: keep your index (not measured)" in texts(site, "title")


def test_a_version_that_is_deprecated_or_withdrawn_is_an_entry_of_its_own() -> None:
    titles, summaries = texts(aged_site(), "title"), texts(aged_site(), "summary")
    assert titles[0] == "emoji 2.0.0 is withdrawn (yanked)"
    assert summaries[0] == "Wrong checkpoint. Use other@3.0.0 instead."
    assert "emoji 1.0.0 is deprecated" in titles
    assert len(titles) == 7


def test_a_change_of_status_has_the_moment_of_its_tag() -> None:
    site = aged_site()
    version = site.embeddings[0].versions[0]
    status = replace(version.status, tag="emoji@deprecated#1.0.0", since="2026-11-20")
    event = Event(
        tag="emoji@deprecated#1.0.0",
        name="emoji",
        stage="deprecated",
        version=version.release.version,
        is_cancel=False,
        number=1,
        commit=version.release.commit,
        date="2026-11-20T13:14:15+02:00",
        reason=None,
        successor=None,
    )
    versions = (replace(version, status=status, events=(event,)), *site.embeddings[0].versions[1:])
    site = replace(site, embeddings=(replace(site.embeddings[0], versions=versions),))
    assert "2026-11-20T13:14:15+02:00" in texts(site, "updated")
    assert "2026-11-20T00:00:00Z" in texts(aged_site(), "updated")


def test_what_xml_cannot_hold_is_replaced() -> None:
    site = replace(emoji_site(), title="a\x00b\ufffec\uffffd\ud800e\x0bf")
    assert parsed(site).findtext(f"{ATOM}title") == "a\ufffdb\ufffdc\ufffdd\ufffde f"


def test_ids_outlive_a_site_that_moves_and_a_version_that_is_deprecated() -> None:
    ids = {*texts(emoji_site(), "id")}
    assert ids == {*texts(replace(emoji_site(), url="https://example.org/"), "id")}
    assert ids < {*texts(aged_site(), "id")}
    assert parsed(emoji_site()).findtext(f"{ATOM}id") == parsed(aged_site()).findtext(f"{ATOM}id")


def test_links_are_in_full_where_the_site_says_where_it_is() -> None:
    def targets(site: SiteData) -> list[str | None]:
        return [link.get("href") for link in parsed(site).iter(f"{ATOM}link")]

    assert targets(emoji_site())[:2] == ["../index.html", "emoji/2.0.0.html"]
    assert targets(replace(emoji_site(), url="https://example.org/docs"))[:3] == [
        "https://example.org/docs/",
        "https://example.org/docs/changelog/feed.xml",
        "https://example.org/docs/changelog/emoji/2.0.0.html",
    ]


def test_the_newest_fifty_are_in_it() -> None:
    titles = texts(long_site(60), "title")
    assert len(titles) == NEWEST == 50
    assert titles[0].startswith("emoji 1.59.0")
    assert titles[-1].startswith("emoji 1.10.0")


def test_moments_of_different_zones_are_in_order() -> None:
    site = long_site(2)
    versions = site.embeddings[0].versions
    late = replace(versions[0], release=replace(versions[0].release, date="2026-08-01T02:00:00-01:00"))
    site = replace(site, embeddings=(replace(site.embeddings[0], versions=(late, versions[1])),))
    assert texts(site, "title")[0].startswith("emoji 1.0.0")


def test_a_release_whose_card_cannot_be_shown_is_in_the_feed() -> None:
    site = replace(emoji_site(), unreadable=(unreadable(),))
    assert texts(site, "title")[-1] == "emoji 0.9.0: its card cannot be shown"
    assert texts(site, "summary")[-1] == "embeddings/emoji/0.9.0/card.yaml:3:1: a <b> is open [yaml]."


def test_card_text_is_text_and_nothing_else() -> None:
    text = feed_xml(emoji_site(hostile_embedding()))
    assert "<script" not in text
    assert "\x1b" not in text
    assert "\u202e" not in text
    assert any(
        "<script>alert(1)</script>" in summary
        for summary in texts(emoji_site(hostile_embedding()), "summary")
    )
