"""A card is data: whatever its text says, readers see the text, and nothing of it is interpreted."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from html.parser import HTMLParser

import markdown
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from embver.site.config import _SETTINGS
from embver.site.text import clean, code, cut, escape, heading, lines_of, link, quoted, value
from embver.store.cards import read_card_text

# What the pages are written for, as MkDocs gets it.
EXTENSIONS: dict[str, dict[str, object]] = read_card_text(_SETTINGS, path="mkdocs.yml").plain[
    "markdown_extensions"
]

# What some reader of Markdown takes for syntax; pieces of them are put together at random.
PIECES = (
    "<script>alert(1)</script>", "<img src=x onerror=alert(2)>", "</td></tr></table></div>", "<!-- x", "-->", "<?php", "<![CDATA[",
    "[a](javascript:alert(3))", "![x](https://evil.example/x.png)", "[a]: https://evil.example", "[^1]", "[^1]: note", "*[HTML]: x",
    "{{ 7 * 7 }}", "{% include 'x' %}", "{# x #}", '{: onclick="alert(4)" }', "{++x++}", "{~~a~>b~~}", "{--x--}", "{>>x<<}", "{==x==}",
    '--8<-- "/etc/passwd"', "-8<-", "::: module", "!!! note", "??? note", "???+ note", "=== \"Tab\"", "/// tab | x", ":smile:", "==x==",
    "++ctrl+c++", "$x$", "\\(x\\)", "$$x$$", "- [x] a", "- a", "* a", "+ a", "1. a", "1) a", "2024.", "# h", "h\n===", "---", "***", "___",
    "> q", "```py", "~~~", "    code", "| a | b |", "|---|---|", "a  \nb", "<https://evil.example>", "https://evil.example", "www.evil.example",
    "mailto:a@b.c", "a@example.org", "&lt;b&gt;", "&#x3c;", "\\*", "\x02klzzwxh:0000\x03", "\x1b[31m", "\u202egnp.exe", "\u2066x\u2069",
    "\ufeff", "\u00ad", "\U000e0041", "\ud800", "\ufffe", "\u2028", "\x85", "\u200d", "\u0644\u063a\u0629", "e\u0301", "\U0001f600", "_a_", "**b**", "`c`", "^s^", "~t~", "'", '"',
    "=1+1", "@user", "#123", "TERM", "(c)", "x" * 60, "%s", "${x}", "<%= x %>",
)  # fmt: skip
hostile = st.lists(st.sampled_from(PIECES) | st.text(max_size=6), max_size=5).map(" ".join) | st.lists(
    st.sampled_from(PIECES), max_size=4
).map("".join)


class Text(HTMLParser):
    """Collects the text that a reader sees, and every element and attribute."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.text = ""
        self.tags: list[tuple[str, dict[str, str | None]]] = []

    def handle_data(self, data: str) -> None:
        self.text += data

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))


@pytest.fixture(scope="module")
def render() -> Callable[[str], Text]:
    made = markdown.Markdown(extensions=list(EXTENSIONS), extension_configs=EXTENSIONS)

    def shown(text: str) -> Text:
        parser = Text()
        parser.feed(made.reset().convert(text))
        parser.close()
        return parser

    return shown


# Where the templates put a card's text: the Markdown, the elements that this makes, what stands before and after.
PLACES = {
    "paragraph": ("{}", ["p"], "", ""),
    "sentence": ("It says {} there.", ["p"], "It says ", " there."),
    "after a paragraph": ("before\n{}", ["p"], "before\n", ""),
    "item": ("- {}", ["ul", "li"], "", ""),
    "heading": ("# {}", ["h1", "a"], "", "#"),
    "strong": ("**{}**", ["p", "strong"], "", ""),
    "link": ("[{}](x.md)", ["p", "a"], "", ""),
    "block": ('<div class="a" markdown="span">\n\n{}\n\n</div>', ["div"], "", ""),
    "table": ("<table><tr><td>{}</td></tr></table>", ["table", "tr", "td"], "", ""),
    "pipe table": ("| a |\n|---|\n| {} |", ["table", "thead", "tr", "th", "tbody", "tr", "td"], "a", ""),
    "code": ("<p><code>{}</code></p>", ["p", "code"], "", ""),
}  # fmt: skip


@pytest.mark.parametrize("place", PLACES)
@settings(max_examples=30, deadline=None)
@given(text=hostile)
@example(text="- [x] a")
@example(text="1. a")
@example(text="===")
@example(text="a::b :: c ://x")
def test_what_a_card_says_is_what_a_reader_sees(render: Callable[[str], Text], place: str, text: str) -> None:
    if not clean(text):
        return  # nothing to see, and nothing to put anywhere
    around, elements, before, after = PLACES[place]
    page = render(around.replace("{}", escape(text)))
    assert [tag for tag, _ in page.tags] == elements
    seen = " ".join(page.text.split()) if place == "pipe table" else page.text.strip("\n")
    assert seen == (f"{before} {clean(text)}" if place == "pipe table" else f"{before}{clean(text)}{after}")


@settings(max_examples=50, deadline=None)
@given(text=hostile)
def test_an_attribute_ends_where_ours_ends(render: Callable[[str], Text], text: str) -> None:
    page = render(f'<span title="{escape(text)}">x</span>')
    assert [(tag, dict(attributes)) for tag, attributes in page.tags if tag != "p"] == [
        ("span", {"title": clean(text)})
    ]
    assert page.text.strip() == "x"


@settings(max_examples=40, deadline=None)
@given(text=hostile)
def test_every_form_of_a_value_is_inert(render: Callable[[str], Text], text: str) -> None:
    for shown in (
        code(text),
        quoted(text),
        link(text),
        value(text),
        value({text: [text, {"step": text}]}),
        cut(text, 30),
    ):
        page = render(f"a {shown} b")
        assert {tag for tag, _ in page.tags} <= {"p", "code", "span", "b", "a"}
        assert not any(name.startswith("on") for _, attributes in page.tags for name in attributes)
        for _, attributes in page.tags:
            assert (attributes.get("href") or "https://").startswith(("https://", "http://"))


@settings(max_examples=40, deadline=None)
@given(text=st.lists(st.sampled_from(PIECES) | st.just("\n"), max_size=8).map("".join))
def test_a_file_is_shown_line_by_line(render: Callable[[str], Text], text: str) -> None:
    page = render(f"<pre><code>{lines_of(text)}</code></pre>")
    assert [tag for tag, _ in page.tags] == ["pre", "code"]
    seen = re.sub("\ufffd", "", page.text)
    for line in text.splitlines():
        kept = "".join(char for char in line.replace("\t", "    ") if char.isprintable())
        assert kept in seen


@settings(max_examples=50, deadline=None)
@given(text=hostile)
def test_a_title_is_one_line_without_markup(text: str) -> None:
    assert not set("<>\"'\n\r") & set(heading(text))
    read = read_card_text(f"title: {json.dumps(heading(text), ensure_ascii=False)}", path="page.md")
    assert read.plain == {"title": heading(text)}


def test_a_word_of_ten_thousand_letters_is_cut() -> None:
    assert len(escape("w" * 10_000)) < 2100
