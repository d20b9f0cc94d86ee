"""`embver diff`: as text, and as Markdown in which a hostile card stays data."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from embver.actions.diffing import DiffReport
from embver.cli.changes import change_lines, change_text, grouped
from embver.cli.diff import markdown
from embver.cli.markdown import code, prose, table
from embver.cli.output import Output
from embver.diff import Change, Kind, compare
from embver.levels import Level
from embver.paths import parse_path
from embver.policy import explain
from embver.presumption import OwnRule
from sample_card import a_card, edited, sha

GFM = MarkdownIt("gfm-like", {"linkify": False, "html": True})
HOSTILE = [
    "a | b",
    "a \\| b",
    "`x` ``y``",
    "<script>alert(1)</script>",
    "<img src=x onerror=alert(1)>",
    "@everyone please",
    "see #12 and GH-7",
    "[click](javascript:alert(1))",
    "![](https://evil.example/x.png)",
    "https://evil.example www.evil.example",
    "**bold** _it_ ~~no~~ :boom: $x$",
    "line\n\n# heading\n| a | b |",
    "\u202eevil\u202c \x1b[31mred\x07",
    "&lt;b&gt; &#64;x",
    "</code></details>",
    "\\",
    "`",
]


def out() -> Output:
    return Output(is_json=False, environment={})


def report(after: dict[str, Any], before: dict[str, Any] | None = None, *own: OwnRule) -> DiffReport:
    changes = compare(before or a_card(), after)
    return DiffReport(
        old="products@2.0.0", new="products@next", changes=changes, reasons=explain(changes, own)
    )


def rows(text: str) -> list[list[str]]:
    """Return the text of every cell, as a GFM reader sees it."""
    made: list[list[str]] = []
    for token in GFM.parse(text):
        if token.type == "tr_open":
            made.append([])
        if token.type == "inline" and made:
            made[-1].append(
                "".join(child.content for child in token.children or () if child.type != "html_inline")
            )
    return made


def kinds(text: str) -> set[str]:
    inline = [child for token in GFM.parse(text) for child in token.children or ()]
    return {child.type if child.type != "html_inline" else child.content for child in inline}


@pytest.mark.parametrize("text", HOSTILE)
def test_hostile_words_stay_words(text: str) -> None:
    shown = f"{table(('a', 'b', 'c'), [(code(text), prose(text), 'end')])}\n"
    assert [len(row) for row in rows(shown)] == [3, 3]
    assert rows(shown)[1][2] == "end"
    assert kinds(shown) <= {"text", "text_special", "code_inline", "<code>", "</code>"}
    assert not any(sign in shown for sign in ("\u202e", "\x1b", "\x07"))


@given(st.text(max_size=40))
def test_no_text_at_all_leaves_its_cell(text: str) -> None:
    shown = f"{table(('a', 'b', 'c'), [(code(text), prose(text), 'end')])}\n"
    cells = rows(shown)
    assert [len(row) for row in cells] == [3, 3]
    assert cells[1][2] == "end"
    assert kinds(shown) <= {"text", "text_special", "code_inline", "<code>", "</code>"}


def test_a_host_finds_nobody_to_call() -> None:
    shown = prose("@team, see #12, GH-7, x@example.org, https://example.org, www.example.org and :boom:")
    for link in ("@t", "#12", "GH-7", "@e", "://", "www.e", ":b"):
        assert link not in shown
    assert rows(table(("a",), [(shown,)]))[1][0].replace("\u200b", "").startswith("@team, see #12")


def test_a_diff_in_markdown() -> None:
    text = markdown(report(edited("title", "New | <b>@me</b>", card=edited("space/dimensions", 256))))
    assert text.startswith("### `products@2.0.0` → `products@next`\n\nThe card alone calls for **MAJOR**")
    cells = rows(text)
    assert cells[0] == ["level", "field", "before", "after", "why"]
    assert cells[1][:4] == ["MAJOR", "space.dimensions", "512", "256"]
    assert cells[2] == ["none", "title", "Product search embeddings", "New | <b>@me</b>", ""]


def test_a_comment_has_room_for_the_longest_table() -> None:
    many = [{"name": f"d{n} {'x' * 200}", "rows": n, "uri": "y" * 500} for n in range(400)]
    text = markdown(report(edited("training/data", many)))
    assert len(text) < 65_536
    assert rows(text)[-1][1] == "… and 302 more"


def test_no_difference_in_markdown() -> None:
    assert markdown(report(a_card())) == "### `products@2.0.0` → `products@next`\n\nNo difference."


# ---- text


def lines(found: DiffReport, **more: Any) -> list[str]:
    return list(change_lines(grouped(found.changes, found.reasons), out(), **more))


def test_changes_stand_below_what_they_call_for() -> None:
    after = edited(
        "title",
        "Better",
        card=edited("encode/elapsed_s", 64.2, card=edited("encoders/text/languages/-", "fr")),
    )
    assert lines(report(after)) == [
        "MINOR  a language is added",
        "  + encoders.text.languages: fr",
        "no level: no vector moves by it",
        "  ~ title: Product search embeddings -> Better",
        "  ~ encode.elapsed_s: 118.4 s -> 64.2 s",
    ]


def test_an_own_rule_shows_in_every_form() -> None:
    own = OwnRule(path=parse_path("title"), level=Level.PATCH, why="shown in the shop", place="embver.toml:1")
    found = report(edited("title", "Better"), None, own)
    why = "shown in the shop (this repository's rule; embver presumes NONE)"
    assert lines(found)[0] == f"PATCH  {why}"
    assert found.to_plain()["changes"][0]["why"] == why
    assert rows(markdown(found))[1][4] == why


def test_many_changes_of_one_kind_are_counted() -> None:
    before = edited("training/data", [])
    after = edited("training/data", [{"name": f"d{n}", "rows": n} for n in range(9)])
    assert lines(report(after, before), limit=2)[-1] == "    and 7 more"
    assert len(lines(report(after, before))) == 10


@pytest.mark.parametrize(
    ("path", "before", "after", "expected"),
    [
        ("encode.elapsed_s", 128.4, 64.0, "128.4 s -> 64.0 s"),
        ("artifacts[a].sha256", sha("a"), sha("b"), "aaaaaaaaaaaa… -> bbbbbbbbbbbb…"),
        (
            "corpus.digest",
            f"sha256:{sha('a')}",
            f"sha256:{sha('a')[:-1]}b",
            f"sha256:{sha('a')} -> sha256:{sha('a')[:-1]}b",
        ),
        ("description", "x" * 100 + "old", "x" * 100 + "new", f"…{'x' * 12}old -> …{'x' * 12}new"),
        ("description", "a", "z" * 100, f"a -> {'z' * 71}…"),
        ("encoders.text.prompts.query", "", "q: ", '"" -> "q: "'),
        ("space.normalized", True, False, "true -> false"),
        ("training.hyperparameters.seed", 20261102, 7, "20261102 -> 7"),
        ("encoders.image.preprocessing[normalize].mean", [0.5, 0.5], [0.4, 0.5], "[0.5, 0.5] -> [0.4, 0.5]"),
    ],
)
def test_values_fit_on_a_line(path: str, before: Any, after: Any, expected: str) -> None:
    change = Change(where=parse_path(path), kind=Kind.CHANGED, before=before, after=after)
    assert change_text(change) == expected


def test_json_keeps_values_whole() -> None:
    (change,) = report(edited("artifacts/0/sha256", sha("b"))).to_plain()["changes"]
    assert (change["before"], change["after"]) == (sha("4"), sha("b"))
    assert set(change) == {"path", "kind", "before", "after", "level", "why", "presumption"}
