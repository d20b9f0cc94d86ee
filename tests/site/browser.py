"""A headless Chromium that tests drive and watch: what it asked for, what it complained of, what it tells a screen reader."""

from __future__ import annotations

import base64
import json
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

from selenium import webdriver
from selenium.webdriver.chrome.service import Service
from selenium.webdriver.common.keys import Keys
from selenium.webdriver.support.ui import WebDriverWait

AXE = Path(__file__).parent.parent / "data" / "axe" / "axe.min.js"
# What WCAG asks for at levels A and AA, and what axe's authors hold for good practice.
ALL_RULES = {
    "type": "tag",
    "values": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"],
}
# What may differ where the same page is narrower or has other colours; names, roles and the rest do not.
LOOKS = {
    "type": "rule",
    "values": ["color-contrast", "link-in-text-block", "scrollable-region-focusable", "target-size"],
}
_FLAGS = (
    "--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--disable-quic", "--no-first-run",
    "--disable-background-networking", "--disable-component-update", "--disable-sync", "--hide-scrollbars",
    "--force-color-profile=srgb", "--allow-file-access-from-files",
    # Whatever would leave this machine fails, and says so on the console.
    "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1",
)  # fmt: skip


def found(*names: str) -> str | None:
    """Return the first of these programs that is installed."""
    return next((path for name in names if (path := shutil.which(name))), None)


CHROMIUM = found("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
DRIVER = found("chromedriver", "chromium.chromedriver")


@dataclass(frozen=True, slots=True, kw_only=True)
class Node:
    """One node of the accessibility tree, and how deep it lies in it."""

    role: str
    name: str
    depth: int


def within(nodes: list[Node], role: str, words: str) -> list[Node]:
    """Return what lies within the first node of this role whose name has these words."""
    place = next(place for place, node in enumerate(nodes) if node.role == role and words in node.name)
    rest = nodes[place + 1 :]
    end = next((end for end, node in enumerate(rest) if node.depth <= nodes[place].depth), len(rest))
    return rest[:end]


@dataclass(frozen=True, slots=True, kw_only=True)
class Violation:
    """One thing that axe found, and the elements that it found it on."""

    rule: str
    impact: str
    help: str
    where: tuple[str, ...]

    @property
    def is_grave(self) -> bool:
        return self.impact in {"serious", "critical"}


class Browser:
    """One browser window. Each page is opened with the settings that it is looked at with."""

    def __init__(self, profile: Path) -> None:
        options = webdriver.ChromeOptions()
        options.binary_location = CHROMIUM or ""
        for flag in (*_FLAGS, f"--user-data-dir={profile}"):
            options.add_argument(flag)
        options.set_capability("goog:loggingPrefs", {"browser": "ALL", "performance": "ALL"})
        self.driver = webdriver.Chrome(options=options, service=Service(DRIVER or ""))
        # Material keeps the colours of the first visit; each page here is a first visit.
        forget = "try { localStorage.clear(); sessionStorage.clear() } catch {}"
        self.tell("Page.addScriptToEvaluateOnNewDocument", source=forget)

    def close(self) -> None:
        self.driver.quit()

    def open(
        self, url: str, *, width: int = 1440, dark: bool = False, scripts: bool = True, media: str = "screen"
    ) -> None:
        """Open a page anew; forget what was asked for and complained of before."""
        self.tell("Emulation.setScriptExecutionDisabled", value=not scripts)
        self.set(width=width, dark=dark, media=media)
        # Two addresses that differ behind the # are one page, which would not be loaded again.
        self.driver.get("about:blank")
        self.console(), self.asked()
        self.driver.get(url)

    def set(self, *, width: int, dark: bool = False, media: str = "screen") -> None:
        """Set the window's size, the reader's colours and the medium, also of the page that is open."""
        size = {"width": width, "height": 844 if width < 600 else 900}
        self.tell("Emulation.setDeviceMetricsOverride", **size, deviceScaleFactor=1, mobile=False)
        wish = {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}
        self.tell("Emulation.setEmulatedMedia", media=media, features=[wish])

    def tell(self, command: str, **settings: Any) -> dict[str, Any]:
        """Send a command of the DevTools protocol."""
        return self.driver.execute_cdp_cmd(command, settings)

    def read(self, script: str, *arguments: Any) -> Any:
        """Run a script in the page and return what it returns."""
        return self.driver.execute_script(script, *arguments)

    def wait(self, script: str, *arguments: Any, seconds: float = 30) -> Any:
        """Run a script until it returns something true; return that."""
        return WebDriverWait(self.driver, seconds, 0.05).until(lambda _: self.read(script, *arguments))

    def press(self, *keys: str) -> None:
        """Type into whatever has the focus."""
        webdriver.ActionChains(self.driver, duration=0).send_keys(*keys).perform()

    def tab(self) -> None:
        """Go on to the next thing that the keyboard reaches."""
        self.press(Keys.TAB)

    def console(self) -> list[str]:
        """Return what the console said since the last call."""
        return [entry["message"] for entry in self.driver.get_log("browser")]

    def asked(self) -> list[str]:
        """Return the address of every request since the last call, in order: of the page, its frames and its workers."""
        events = (json.loads(entry["message"])["message"] for entry in self.driver.get_log("performance"))
        return [
            event["params"]["request"]["url"]
            for event in events
            if event["method"] == "Network.requestWillBeSent"
        ]

    def tree(self) -> list[Node]:
        """Return what a screen reader is told, in reading order."""
        nodes = self.tell("Accessibility.getFullAXTree")["nodes"]
        by_id = {node["nodeId"]: node for node in nodes}
        told: list[Node] = []
        waiting = [node["nodeId"] for node in nodes if "parentId" not in node]
        while waiting:
            node = by_id[waiting.pop()]
            waiting += reversed([each for each in node.get("childIds", []) if each in by_id])
            if not node.get("ignored"):
                role, name = (node.get(each, {}).get("value", "") for each in ("role", "name"))
                told.append(Node(role=role, name=name, depth=self._depth(node, by_id)))
        return told

    @staticmethod
    def _depth(node: dict[str, Any], by_id: dict[str, Any]) -> int:
        depth = 0
        while node := by_id.get(node.get("parentId"), {}):
            depth += 1
        return depth

    def axe(self, rules: dict[str, Any] = ALL_RULES) -> list[Violation]:
        """Return what axe finds wrong with the page as it stands."""
        if not self.read("return typeof axe === 'object'"):
            self.read(AXE.read_text(encoding="utf-8"))
        found = self.driver.execute_async_script(
            "const [rules, done] = arguments;"
            "axe.run({runOnly: rules, resultTypes: ['violations']}).then(found => done(found.violations))",
            rules,
        )
        return [
            Violation(
                rule=each["id"],
                impact=each["impact"],
                help=each["help"],
                where=tuple(
                    f"{node['html'][:200]} {node['failureSummary'][:300]}" for node in each["nodes"][:5]
                ),
            )
            for each in found
        ]

    def picture(self, path: Path, *, tallest_px: int) -> None:
        """Write a PNG of the page, as much as this of its height, once what glides has arrived."""
        self.read(
            "const still = document.createElement('style');"
            "still.textContent = '*, *::before, *::after { transition: none !important; animation: none !important }';"
            "document.head.append(still)"
        )
        width, height = self.read(
            "return [document.documentElement.clientWidth, document.documentElement.scrollHeight]"
        )
        clip = {"x": 0, "y": 0, "width": width, "height": min(height, tallest_px), "scale": 1}
        made = self.tell("Page.captureScreenshot", format="png", captureBeyondViewport=True, clip=clip)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(base64.b64decode(made["data"]))


class _Quiet(SimpleHTTPRequestHandler):
    def log_request(self, *_: object) -> None:
        """Say nothing: the console is the tests'."""


@contextmanager
def served(folder: Path) -> Iterator[str]:
    """Serve a folder on the loopback; yield its address, with a slash at the end."""
    with ThreadingHTTPServer(("127.0.0.1", 0), partial(_Quiet, directory=str(folder))) as server:
        thread = Thread(target=server.serve_forever, daemon=True)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}/"
        finally:
            server.shutdown()
            thread.join()
