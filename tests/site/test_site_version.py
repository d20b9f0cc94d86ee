"""What a version's page says beside its card: signature, life cycle, citation, and what others measured of it."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from emoji_versions import cards, embedding, emoji_site, record
from hostile_versions import WORSE, least_card, made_of
from hypothesis import given, settings
from hypothesis import strategies as st

from embver.lifetag import Event
from embver.site.citation import citation
from embver.site.embedding_pages import embedding_drafts, version_draft
from embver.site.model import SiteData, SiteEmbedding, SiteVersion
from embver.site.signatures import signature_facts, signature_kind
from embver.store.templates import render_template

BLOCK = "Words\n\nLevel: patch\n-----BEGIN {kind}-----\n\nabc\n-----END {kind}-----\n"


def page_of(made: SiteEmbedding, position: int = -1) -> str:
    draft = version_draft(
        replace(emoji_site(), embeddings=(made,)), made, range(len(made.versions))[position]
    )
    return render_template(draft.template, {**draft.context(), "mark": "", "is_searched": True})


def with_plain(**changed: Any) -> SiteVersion:
    return made_of({**least_card("shop"), **changed})


# ---- signature


@pytest.mark.parametrize(
    ("kind", "words"),
    [
        ("SSH SIGNATURE", "an SSH"),
        ("PGP SIGNATURE", "an OpenPGP"),
        ("PGP MESSAGE", "an OpenPGP"),
        ("SIGNED MESSAGE", "an X.509"),
    ],
)
def test_a_signature_is_named_by_its_kind_and_not_called_good(kind: str, words: str) -> None:
    version = made_of(least_card("shop"), message=BLOCK.format(kind=kind))
    ((_, said),) = signature_facts(version.release)
    assert said.startswith(f"{words} signature is on the tag, not checked by this page: ")
    assert "embver verify shop&#64;1.0.0 --signatures" in said
    page = page_of(SiteEmbedding(name="shop", versions=(version,)))
    assert f"<dt>signature</dt><dd>{words} signature" in page
    assert "verified" not in page


@pytest.mark.parametrize(
    "message", ["", "Words", "We -----BEGIN SSH SIGNATURE----- here", "-----BEGIN CERTIFICATE-----\n"]
)
def test_words_about_signatures_are_none(message: str) -> None:
    assert signature_kind(made_of(least_card("shop"), message=message).release) is None


# ---- citation


def test_a_citation_has_what_is_known() -> None:
    version = with_plain(
        title="Shop search 100 %",
        authors=[{"name": "Ada Lovelace"}, {"name": "R&D team"}],
        links={"homepage": "https://shop.example/e"},
    )
    cited = citation(emoji_site(), version)
    assert (
        cited.plain
        == "Ada Lovelace and R&D team (2026). Shop search 100 %. Version 1.0.0. https://shop.example/e"
    )
    assert cited.bibtex.splitlines() == [
        "@misc{shop-1-0-0,",
        r"  author = {{Ada Lovelace} and {R\&D team}},",
        r"  title = {{Shop search 100 \%}},",
        "  note = {Version 1.0.0},",
        "  year = {2026},",
        "  month = nov,",
        "  url = {https://shop.example/e}",
        "}",
    ]


def test_what_a_card_does_not_say_is_left_out_of_its_citation() -> None:
    cited = citation(emoji_site(), with_plain())
    assert cited.plain == "shop. Version 1.0.0 (2026)."
    assert "author" not in cited.bibtex
    assert "url" not in cited.bibtex
    bad = with_plain(links={"homepage": "javascript:alert(1)"})
    assert "url" not in citation(emoji_site(), bad).bibtex
    published: SiteData = replace(emoji_site(), url="https://team.example/site")
    assert "url = {https://team.example/site}" in citation(published, bad).bibtex


@settings(max_examples=50, deadline=None)
@given(st.text(max_size=40) | st.just(WORSE))
def test_braces_of_a_citation_are_balanced(text: str) -> None:
    bibtex = citation(emoji_site(), with_plain(title=text or "x", authors=[{"name": text}])).bibtex
    depth = 0
    for sign in bibtex:
        depth += (sign == "{") - (sign == "}")
        assert depth >= 0
    assert depth == 0


# ---- after the release


def test_what_became_of_a_version_is_told_newest_first() -> None:
    def event(number: int, stage: str | None, *, is_cancel: bool = False, reason: str = "") -> Event:
        return Event(
            tag=f"shop#{stage}#{number}", name="shop", number=number, is_cancel=is_cancel, stage=stage,
            version=made_of(least_card("shop")).release.version, date=f"2026-11-{number:02}T08:00:00+00:00", reason=reason,
        )  # fmt: skip

    events = (
        event(1, "prod", reason="Promote to prod: shop@1.0.0"),
        event(2, "prod", is_cancel=True),
        event(3, "deprecated", reason="too old"),
        event(4, "deprecated", is_cancel=True),
        event(5, None, is_cancel=True, reason="wrong bytes"),
        event(6, None),
    )
    version = replace(made_of(least_card("shop")), events=events)
    page = page_of(SiteEmbedding(name="shop", versions=(version,)))
    told = [
        line for line in page.partition("### After the release")[2].splitlines() if line.startswith("<li>")
    ]
    assert [line.partition("</time> ")[2].partition(" <code>")[0] for line in told] == [
        "brought back",
        "withdrawn: wrong bytes",
        "no longer deprecated",
        "deprecated: too old",
        "left the stage <b>prod</b>",
        "took the stage <b>prod</b>",
    ]
    assert "### After the release" not in page_of(
        SiteEmbedding(name="shop", versions=(made_of(least_card("shop")),))
    )


# ---- compatibility


def test_what_the_spaces_tell_stands_where_nothing_was_measured() -> None:
    plains = cards()
    for plain in plains:
        plain["compatibility"] = []
    made = embedding(plains)
    assert "incompatible, without measuring; 64 and 96 dimensions" in page_of(made)
    assert (
        "Not measured against 1.0.0: <code>embver compat emoji&#64;1.0.0 emoji&#64;1.1.0</code>"
        in page_of(made, 1)
    )
    assert "The first release: there was nothing to compare it with." in page_of(made, 0)


def test_the_measurements_of_both_sides_are_on_a_page() -> None:
    made = emoji_site().embeddings[0]
    first = page_of(made, 0)
    assert "### Measured by later versions" in first
    assert "with [1.1.1](1.1.1.md), [1.1.0](1.1.0.md)" in first
    assert "](../compare.md?emoji@1.1.0...emoji@1.1.1)" in page_of(made, 2)


def test_of_many_measurements_the_verdicts_are_named() -> None:
    plains = cards()
    plains[3]["compatibility"] += [record(f"emoji@0.{n}.0", "incompatible", "major", []) for n in range(9)]
    page = page_of(embedding(plains))
    assert page.count("Against emoji&#64;") == 6
    assert page.count("<li>Against <b>emoji&#64;0.") == 4


# ---- the rest


def test_code_that_a_host_could_read_as_a_template_is_no_block_of_code() -> None:
    plain = least_card("shop")
    plain["artifacts"] = [
        {
            "path": "{{ 7 * 7 }}.safetensors",
            "role": "vectors",
            "modality": "text",
            "rows": 1,
            "sha256": "a" * 64,
            "size_bytes": 8,
        }
    ]
    page = page_of(SiteEmbedding(name="shop", versions=(made_of(plain),)))
    assert "```python" not in page
    assert "&#123;&#123; 7 &#42; 7 &#125;&#125;.safetensors" in page


def test_where_not_all_pages_are_searched_every_embedding_has_a_list() -> None:
    made = emoji_site().embeddings[0]
    data = emoji_site()
    paths = [draft.path for draft in embedding_drafts(data, made)]
    listed = {draft.path: draft for draft in embedding_drafts(data, made, is_listed=True)}
    assert set(listed) - set(paths) == {"changelog/emoji/versions-1.md"}
    texts = {
        path: render_template(draft.template, {**draft.context(), "mark": "", "is_searched": True})
        for path, draft in listed.items()
    }
    assert "[1.0.0 to 2.0.0](versions-1.md)" in texts["changelog/emoji/index.md"]
    assert "[Their changelog](changelog.md)" in texts["changelog/emoji/versions-1.md"]
    assert "AMD EPYC 9654" in texts["changelog/emoji/versions-1.md"]


def test_a_card_that_was_made_afterwards_says_so_and_whence_it_came() -> None:
    imported = [
        {"source": "mlflow", "version": "3.17.2", "uri": "mlflow:runs/8f0a", "digest": f"md5:{'a' * 32}"}
    ]
    version = with_plain(imported=imported, reconstructed=True)
    page = page_of(SiteEmbedding(name="shop", versions=(version,)))
    assert "Reconstructed: this card was made afterwards from what was left." in page
    assert ">reconstructed</span>" in page.partition("# shop")[2].partition("ev-advice")[0]
    assert "<dt>taken over from</dt><dd>mlflow 3.17.2 \u00b7 <code>mlflow&#58;runs/8f0a</code>" in page
    plain = page_of(SiteEmbedding(name="shop", versions=(with_plain(),)))
    assert "afterwards" not in plain
    assert "reconstructed" not in plain.lower()


def test_what_a_team_adds_of_its_own_and_what_was_left_out_are_told() -> None:
    plain = least_card("shop")
    plain["extra"] = {"ticket": "SHOP-12", "reviewed": ["Ada", "Grace"]}
    plain["space"]["served_dimensions"] = [8, 4]
    plain["encode"] = {"skipped": {"text": 2}, "copied": {"text": 1892}, "inputs": f"sha256:{'b' * 64}"}
    page = page_of(SiteEmbedding(name="shop", versions=(made_of(plain),)))
    assert "<dt>ticket</dt><dd>SHOP-12</dd>" in page
    assert "<dt>reviewed</dt><dd>Ada, Grace</dd>" in page
    assert "also 4" in page
    assert "<dt>skipped</dt><dd>2 of text</dd>" in page
    assert "<dt>copied</dt><dd>1,892 of text</dd>" in page
    assert "sha256&#58;bbbbbbbbbbbb\u2026" in page


def test_releases_are_in_order_wherever_their_tags_were_made() -> None:
    def at(date: str) -> tuple[float, Any]:
        version = made_of(least_card("shop"))
        return replace(version, release=replace(version.release, date=date)).moment

    assert at("2026-11-16T01:00:00+02:00") < at("2026-11-15T23:30:00+00:00") < at("2026-11-15T19:00:00-05:00")
    assert at("2026-11-15") == at("2026-11-15T00:00:00+00:00")
    assert at("yesterday")[0] == at("")[0] == 0.0
