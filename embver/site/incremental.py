"""Which pages have to be built anew: by digests of all that enters, never by the times of files.

A build of some pages is right only if everything that every page shows is what it was: settings, navigation, theme,
templates, versions of the programs. `frame` stands for these. What a page shows of others is the navigation (hence the
pages there that have no title in it, or settings of their own) and whether the targets of its links exist.
"""

from __future__ import annotations

import contextlib
import json
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote, unquote

from embver.site.publish import states
from embver.store.files import write_atomic

FORMAT = 1
NAME = "site-build"
# Front matter that nothing but the page itself shows.
_OWN_KEYS = frozenset({"title", "hide", "search", "embver_script", "description"})
_KEY = re.compile(rb"^([\w-]+)[ \t]*:", re.MULTILINE)
# A link to a heading of another page, in Markdown or in HTML.
_ANCHORED = re.compile(rb"""(?:\]\(|href=")<?([^)\s"#<>]+\.md)#([^)\s"<>]+)""")
# The beginning of a link, up to the name of its file: in Markdown, in angle brackets, in HTML.
_BEFORE = re.compile(rb"""(?:\]\(<?|="|\]:[ ]*)([^\s"'<>()]*/)?$""")


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """A file of the documentation folder: the digest of its bytes, and where it is built to."""

    digest: str
    target: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Ledger:
    """What a build was made from, and what it left in which folder."""

    frame: str
    epoch: str | None  # the date of the site
    output: str
    sources: Mapping[str, Source]
    files: Mapping[str, tuple[int, int]]  # size in bytes and time in nanoseconds of everything that was built

    def write(self, file: Path) -> None:
        """Keep it: the last step of a build."""
        plain = {"format": FORMAT, **asdict(self)}
        write_atomic(file, json.dumps(plain, separators=(",", ":")).encode(), is_cache=True)


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What to build: the sources of the pages and assets to build, or everything and why."""

    why: str | None = None  # everything is built
    build: frozenset[str] = frozenset()
    gone: frozenset[str] = frozenset()  # targets of sources that are no longer there
    is_current: bool = False  # no source changed


def read_ledger(file: Path | None) -> Ledger | None:
    """Return what the last build left, or None where nobody knows."""
    if file is None:
        return None
    with contextlib.suppress(OSError, ValueError, KeyError, TypeError, AttributeError):
        plain: dict[str, Any] = json.loads(file.read_bytes())
        if plain["format"] == FORMAT:
            return Ledger(
                frame=plain["frame"],
                epoch=plain["epoch"],
                output=plain["output"],
                sources={path: Source(**each) for path, each in plain["sources"].items()},
                files={path: (int(size), int(time)) for path, (size, time) in plain["files"].items()},
            )
    return None


def plan(
    ledger: Ledger | None,
    *,
    frame: str,
    output: Path,
    sources: Mapping[str, Source],
    texts: Mapping[str, bytes],
    navigation: Sequence[tuple[str, bool]],
) -> Plan:
    """Return what has to be built; `navigation` are its pages, each with whether it has a title there."""
    if ledger is None:
        return Plan(why="nothing is known of an earlier build")
    if ledger.output != str(output):
        return Plan(why="the last build went to another folder")
    if ledger.frame != frame:
        return Plan(why="settings, navigation, theme, templates or programs changed")
    if states(output, ledger.files) != ledger.files:
        return Plan(why="files of the last build were changed or removed")
    changed = {path for path, each in sources.items() if ledger.sources.get(path) != each}
    gone = set(ledger.sources) - set(sources)
    speaking = {
        path for path, is_titled in navigation if not is_titled or _is_shown_elsewhere(texts.get(path, b""))
    }
    told = sorted(speaking & (changed | gone))
    if told:
        return Plan(why=f"the navigation shows what {told[0]} says of itself")
    appeared = (set(sources) - set(ledger.sources)) | gone
    build = changed | (speaking & set(sources)) | _linking(texts, appeared)
    targets = frozenset(ledger.sources[path].target for path in gone)
    return Plan(build=frozenset(build), gone=targets, is_current=not changed and not gone)


def loose_anchors(
    texts: Mapping[str, bytes], changed: Iterable[str], page_of: Mapping[str, Path]
) -> tuple[tuple[str, str], ...]:
    """Return (page, target#heading) of links from or to changed pages whose heading is not in what was built.

    It may find too many, never too few: MkDocs itself then decides, in a build of everything.
    """
    moved, loose = set(changed), []
    ids: dict[str, str] = {}
    for path, text in texts.items():
        if b".md#" not in text:
            continue
        for match in _ANCHORED.finditer(text):
            target = _joined(path, match[1].decode(errors="replace"))
            if target not in page_of or not (path in moved or target in moved):
                continue
            if target not in ids:
                with contextlib.suppress(OSError):
                    ids[target] = page_of[target].read_text(encoding="utf-8", errors="replace")
            heading = match[2].decode(errors="replace")
            if not re.search(rf'(?:id|name)="{re.escape(heading)}"', ids.get(target, "")):
                loose.append((path, f"{target}#{heading}"))
    return tuple(loose)


def _joined(page: str, link: str) -> str:
    parts = page.split("/")[:-1]
    for part in link.split("/"):
        if part == ".." and parts:
            parts.pop()
        elif part not in (".", ""):
            parts.append(part)
    return "/".join(parts)


def _linking(texts: Mapping[str, bytes], paths: Iterable[str]) -> set[str]:
    """Return the pages whose text may link to a file that appeared or went away.

    What stands between the signs that begin and end a link is taken for one; where the file's name stands otherwise, the
    page counts as linking.
    """
    wanted = set(paths)
    names = {name for path in wanted for name in (path.rpartition("/")[2], quote(path.rpartition("/")[2]))}
    if not names:
        return set()
    found = re.compile(b"|".join(re.escape(name.encode()) for name in sorted(names)))
    linking = set()
    for path, text in texts.items():
        for match in found.finditer(text):
            before = _BEFORE.search(text, max(0, match.start() - 500), match.start())
            folder = None if before is None else (before[1] or b"").decode(errors="replace")
            is_plain = folder is not None and not folder.startswith("/")
            link = f"{folder}{match[0].decode()}"
            if not is_plain or _joined(path, unquote(link)) in wanted:
                linking.add(path)
                break
    return linking


def _is_shown_elsewhere(text: bytes) -> bool:
    """Tell whether a page's front matter sets something that the navigation of other pages may show."""
    if not text.startswith(b"---"):
        return False
    front = text[3:].partition(b"\n---")[0]
    return any(key.decode() not in _OWN_KEYS for key in _KEY.findall(front))
