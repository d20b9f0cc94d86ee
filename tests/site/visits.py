"""What a browser sees on each kind of page, looked at once: opening a page is the dear part."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from browser import ALL_RULES, LOOKS, Browser, Violation

# One page of each kind, and a hostile card's. Each has to be there: a kind that is no longer made is to be taken out here.
KINDS = {
    "start": "index.html",
    "embedding": "changelog/emoji/index.html",
    "version": "changelog/emoji/1.1.1.html",
    "changelog": "changelog/emoji/changelog.html",
    "trace": "changelog/traced/trace.html",
    "long embedding": "changelog/many/index.html",
    "older versions": "changelog/many/versions-1.html",
    "unreadable version": "changelog/emoji/0.9.0.html",
    "hostile embedding": "changelog/hostile/index.html",
    "hostile version": "changelog/hostile/1.1.0.html",
    "hostile trace": "changelog/hostile/trace.html",
    "compare": "changelog/compare.html",
    "benchmarks": "changelog/benchmarks.html",
    "data": "changelog/data.html",
    "hardware": "changelog/hardware.html",
}
# What a card says and how long a list is change no name and no colour: axe need not look at those.
AXED = tuple(kind for kind in KINDS if not kind.startswith(("hostile", "long")))
# Between them they have everything that is coloured, that scrolls, and every script.
DARK = ("start", "embedding", "version", "trace", "compare")
WIDTHS = (390, 768, 1440)
_TALLEST_PX = 4000
_OVERFLOW = """
const widest = document.documentElement.clientWidth;
return [document.documentElement.scrollWidth - widest, [...document.querySelectorAll(".md-content *")].filter(
  each => each.getBoundingClientRect().right > widest + 1 && !each.closest(".ev-scroll, pre, svg, .ev-pictures"))
  .slice(0, 5).map(each => each.outerHTML.slice(0, 160))]
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Visit:
    """What one look at a page showed; `overflow_px` and `too_wide` tell what does not fit a phone."""

    scheme: str
    console: tuple[str, ...]
    asked: tuple[str, ...]
    violations: tuple[Violation, ...]
    overflow_px: int
    too_wide: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Visits:
    """One look at every kind of page, from a folder and light; a second at some, from a server, dark, as wide as a phone.

    What depends on the width (tables that scroll) and what depends on the colours (contrast) hardly meet, so two of the
    four combinations find what four would; and only what depends on either is asked for the second time.
    """

    browser: Browser
    site: Path
    address: str
    _seen: dict[tuple[str, bool], Visit] = field(default_factory=dict)

    def page(self, kind: str) -> Path:
        return self.site / KINDS[kind]

    def light(self, kind: str) -> Visit:
        return self._visit(kind, self.page(kind).as_uri(), is_dark=False)

    def dark(self, kind: str) -> Visit:
        return self._visit(kind, self.address + KINDS[kind], is_dark=True)

    def _visit(self, kind: str, url: str, *, is_dark: bool) -> Visit:
        if (kind, is_dark) not in self._seen:
            browser = self.browser
            browser.open(url, width=390 if is_dark else 1440, dark=is_dark)
            violations = browser.axe(LOOKS if is_dark else ALL_RULES) if kind in AXED else []
            browser.set(width=390, dark=is_dark)
            overflow_px, too_wide = browser.read(_OVERFLOW)
            self._seen[kind, is_dark] = Visit(
                scheme=browser.read("return document.body.dataset.mdColorScheme"),
                violations=tuple(violations),
                overflow_px=overflow_px,
                too_wide=tuple(too_wide),
                console=tuple(browser.console()),
                asked=tuple(browser.asked()),
            )
        return self._seen[kind, is_dark]

    def take(self, kind: str, folder: Path, *, is_dark: bool) -> list[Path]:
        """Take a picture of a page at each width; long pages are cut."""
        taken = []
        self.browser.open(self.page(kind).as_uri(), dark=is_dark)
        for width in WIDTHS:
            self.browser.set(width=width, dark=is_dark)
            path = folder / f"{kind.replace(' ', '-')}-{width}-{'dark' if is_dark else 'light'}.png"
            self.browser.picture(path, tallest_px=_TALLEST_PX)
            taken.append(path)
        return taken
