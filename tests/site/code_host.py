"""A page of Markdown as a code host shows it: GitHub-flavoured, and only tags of an allow-list are kept.

What the list lacks (svg, class and style attributes, scripts) goes; the text within stays, but not that of scripts.
"""

from __future__ import annotations

import html
import re
from html.parser import HTMLParser

from markdown_it import MarkdownIt

# As the published lists of the large hosts have it.
KEPT = frozenset(
    re.findall(
        r"\w+",
        "h1 h2 h3 h4 h5 h6 br b i strong em a pre code img tt div ins del sup sub p picture ol ul table thead tbody tfoot "
        "blockquote dl dt dd kbd q samp var hr s strike summary details caption figure figcaption abbr small source span "
        "time wbr tr td th li",
    )
)
ATTRIBUTES = frozenset(
    re.findall(r"\w+", "href src id title alt align colspan rowspan width height open scope")
)
FRONT_MATTER = re.compile(r"\A---\n.*?\n---\n", re.DOTALL)


def rendered(page: str) -> str:
    """Return the HTML of a page's Markdown, before anything is taken out; front matter is shown apart."""
    return MarkdownIt("gfm-like", {"linkify": False}).render(FRONT_MATTER.sub("", page))


class Shown(HTMLParser):
    """What a reader sees: `text` outside of code, `code` within, `links`, and every tag that was there."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.text: list[str] = []
        self.code: list[str] = []
        self.links: list[str] = []
        self.headings: set[str] = set()
        self.tags: set[str] = set()
        self.dropped: set[str] = set()
        self._open: list[str] = []
        self.feed(rendered(page))

    @property
    def words(self) -> str:
        """Return all text outside of code in one line."""
        return " ".join("".join(self.text).split())

    @property
    def everything(self) -> str:
        """Return all text, code too, in one line."""
        return " ".join("".join(self._all).split())

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        kept = {name: value or "" for name, value in attrs if name in ATTRIBUTES}
        self.dropped |= {name for name, _ in attrs} - set(kept)
        if tag in ("code", "pre", "script", "style"):
            self._open.append(tag)
        if tag == "a":
            self.links.append(html.unescape(kept.get("href", "")))

    def handle_endtag(self, tag: str) -> None:
        if self._open and self._open[-1] == tag:
            self._open.pop()

    def handle_data(self, data: str) -> None:
        if self._open and self._open[-1] in ("script", "style"):
            return
        (self.code if self._open else self.text).append(data)
        self._all.append(data)

    _all: list[str]

    def reset(self) -> None:
        """Start anew; HTMLParser calls it first."""
        super().reset()
        self._all = []
