"""Run MkDocs in a process of its own: everything, or what changed since the last build. The one module that knows MkDocs.

`main` is asked by a file and answers in another: what MkDocs prints is for people. It builds into a folder beside the site,
and only a build without a warning is published; so a broken page leaves the site as it was.
"""

from __future__ import annotations

import hashlib
import json
import logging
import shutil
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from embver.site.incremental import Ledger, Plan, Source, loose_anchors, plan, read_ledger
from embver.site.publish import built_files, hold_places, publish, remove_others, states
from embver.site.search_index import INDEX, merge_index, write_script

RECIPE = 1  # raised when this module builds otherwise than before
# What these write of a page follows from the page's own text.
_PLAIN_EXTENSIONS = frozenset({
    "abbr", "admonition", "attr_list", "codehilite", "def_list", "extra", "fenced_code", "footnotes", "md_in_html", "meta",
    "nl2br", "sane_lists", "smarty", "tables", "toc",
    *(f"pymdownx.{name}" for name in (
        "arithmatex", "betterem", "caret", "critic", "details", "emoji", "escapeall", "extra", "highlight", "inlinehilite",
        "keys", "magiclink", "mark", "progressbar", "saneheaders", "smartsymbols", "striphtml", "superfences", "tabbed",
        "tasklist", "tilde",
    )),
})  # fmt: skip
_DIRTY = "A 'dirty' build is being performed"


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """What to build, with absolute paths; `ledger` is where the last build is told of, None if nothing is kept."""

    config: str
    output: str
    ledger: str | None = None
    is_full: bool = False
    epoch: str | None = None  # the date of the site, which MkDocs itself takes from the environment


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What was built: `pages` were rendered anew, `changed` files have other bytes than before; or what was wrong."""

    is_full: bool = True
    why: str | None = None
    pages: int = 0
    changed: tuple[str, ...] = ()
    removed: tuple[str, ...] = ()
    problems: tuple[str, ...] = ()

    @classmethod
    def from_plain(cls, plain: Mapping[str, Any]) -> Answer:
        """Return what `main` wrote."""
        values: dict[str, Any] = dict(plain)
        for key in ("changed", "removed", "problems"):
            values[key] = tuple(values[key])
        return cls(**values)


class _Warnings(logging.Handler):
    """Keeps what MkDocs warns of; `--strict` would count its word about dirty builds as well."""

    def __init__(self) -> None:
        super().__init__(logging.WARNING)
        self.said: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        text = record.getMessage()
        if not text.startswith(_DIRTY):
            self.said.append(f"{record.levelname} -  {text}")


def main(asked: str, answered: str) -> None:
    """Do what a file asks for and write the answer to another, both JSON."""
    request = Request(**json.loads(Path(asked).read_text(encoding="utf-8")))
    answer = build(request)
    Path(answered).write_text(json.dumps(asdict(answer)), encoding="utf-8")


def build(request: Request) -> Answer:
    """Build a site; what MkDocs warns of is in `problems`, and then nothing was published."""
    from mkdocs.exceptions import MkDocsException

    warnings = _Warnings()
    logging.getLogger("mkdocs").addHandler(warnings)
    staging = _staging(Path(request.output))
    try:
        return _build(request, staging, warnings)
    except (
        MkDocsException,
        SystemExit,
    ) as error:  # what a person can mend; anything else is a bug, with its traceback
        said = warnings.said or [str(error)]
        return Answer(problems=tuple(said))
    finally:
        logging.getLogger("mkdocs").removeHandler(warnings)
        shutil.rmtree(staging, ignore_errors=True)


def _build(request: Request, staging: Path, warnings: _Warnings) -> Answer:
    from mkdocs.config import load_config

    output = Path(request.output)
    ledger_file = Path(request.ledger) if request.ledger is not None else None
    config = load_config(config_file=request.config, site_dir=str(staging))
    texts, sources = _sources(config)
    frame = _frame(config)
    asked = _asked(config, request)
    todo = asked or plan(
        read_ledger(ledger_file),
        frame=frame,
        output=output,
        sources=sources,
        texts=texts,
        navigation=tuple(_navigation(config.nav)),
    )
    ledger = read_ledger(ledger_file) if todo.why is None else None
    if ledger is not None and todo.is_current and request.epoch is not None and request.epoch == ledger.epoch:
        return Answer(is_full=False)
    if ledger is not None:
        _render(config, staging, ledger, todo)
        if not warnings.said and _is_whole(output, staging, texts, sources, todo):
            _merge(config, output, staging, todo)
        elif not warnings.said:
            ledger, todo = None, Plan(why="a link leads to a heading that is not there")
            config = load_config(config_file=request.config, site_dir=str(staging))
    if ledger is None:
        shutil.rmtree(staging, ignore_errors=True)
        _mkdocs(config, is_dirty=False)
    if warnings.said:
        return Answer(is_full=ledger is None, why=todo.why, problems=tuple(warnings.said))
    write_script(staging)
    made = built_files(staging)
    kept = _kept(ledger, todo, made)
    if ledger_file is not None:
        ledger_file.unlink(missing_ok=True)  # from here on the folder is neither the old site nor the new one
    changed = publish(staging, made, output)
    removed = remove_others(output, kept)
    if ledger_file is not None:
        files = states(output, kept)
        Ledger(frame=frame, epoch=request.epoch, output=str(output), sources=sources, files=files).write(
            ledger_file
        )
    pages = sum(path.endswith(".md") for path in (texts if ledger is None else todo.build))
    return Answer(is_full=ledger is None, why=todo.why, pages=pages, changed=changed, removed=removed)


def _staging(output: Path) -> Path:
    """Return where to build: beside the output, so on the same disk; what a killed build left there is removed."""
    staging = output.parent / f".{output.name}.embver-build"
    shutil.rmtree(staging, ignore_errors=True)
    return staging


def _kept(ledger: Ledger | None, todo: Plan, made: tuple[str, ...]) -> frozenset[str]:
    before = () if ledger is None else (path for path in ledger.files if path not in todo.gone)
    return frozenset((*before, *made))


def _render(config: Any, staging: Path, ledger: Ledger, todo: Plan) -> None:
    """Build some pages: for all others something lies there already that looks newer than its source."""
    targets = {ledger.sources[path].target for path in todo.build if path in ledger.sources}
    hold_places(staging, (path for path in ledger.files if path not in targets and path not in todo.gone))
    _mkdocs(config, is_dirty=True)


def _mkdocs(config: Any, *, is_dirty: bool) -> None:
    from mkdocs.commands.build import build as build_pages

    config.plugins.on_startup(command="build", dirty=is_dirty)
    try:
        build_pages(config, dirty=is_dirty)
    finally:
        config.plugins.on_shutdown()


def _is_whole(
    output: Path, staging: Path, texts: Mapping[str, bytes], sources: Mapping[str, Source], todo: Plan
) -> bool:
    """Tell whether every link to a heading, from or to a page that was built, still leads somewhere."""
    places = {
        path: (staging if path in todo.build else output) / sources[path].target
        for path in texts
        if path in sources
    }
    return not loose_anchors(texts, todo.build, places)


def _merge(config: Any, output: Path, staging: Path, todo: Plan) -> None:
    """Put the entries of all other pages back into the search index."""
    from mkdocs.structure.files import get_files

    if not (output / INDEX).is_file():
        return
    pages = list(get_files(config).documentation_pages())
    built = frozenset(_address(page) for page in pages if page.src_uri in todo.build)
    order = [_address(page) for page in pages]
    merged = merge_index(
        (output / INDEX).read_bytes(), (staging / INDEX).read_bytes(), order=order, built=built
    )
    (staging / INDEX).write_bytes(merged)


def _address(page: Any) -> str:
    url: str = page.url
    return "" if url in (".", "./") else url


def _sources(config: Any) -> tuple[dict[str, bytes], dict[str, Source]]:
    """Return the texts of all pages, and the digests of all files of the documentation folder."""
    from mkdocs.structure.files import get_files

    texts, sources = {}, {}
    for file in get_files(config):
        data = file.content_bytes
        sources[file.src_uri] = Source(digest=hashlib.sha256(data).hexdigest(), target=file.dest_uri)
        if file.is_documentation_page():
            texts[file.src_uri] = data
    return texts, sources


def _navigation(nav: Any) -> Iterator[tuple[str, bool]]:
    """Yield the pages of the navigation, each with whether it has a title there."""
    if isinstance(nav, str):
        yield nav, False
    elif isinstance(nav, Mapping):
        for below in nav.values():
            if isinstance(below, str):
                yield below, True
            else:
                yield from _navigation(below)
    elif isinstance(nav, list):
        for entry in nav:
            yield from _navigation(entry)


def _asked(config: Any, request: Request) -> Plan | None:
    """Return why everything has to be built whatever changed, or None where some pages may be enough."""
    if request.is_full:
        return Plan(why="asked for")
    others = sorted(set(config.plugins) - {"material/search"})
    if others or "material/search" not in config.plugins:
        return Plan(why=f"the plugin {others[0]}" if others else "no search by Material")
    if config.hooks:
        return Plan(why="mkdocs.yml has hooks")
    if config.nav is None:
        return Plan(why="mkdocs.yml has no navigation, so every page shows all others")
    unknown = sorted(set(config.markdown_extensions) - _PLAIN_EXTENSIONS)
    return Plan(why=f"the Markdown extension {unknown[0]}") if unknown else None


def _frame(config: Any) -> str:
    """Return a digest of what enters into every page."""
    import sys
    from importlib.metadata import version
    from importlib.util import find_spec

    digest = hashlib.sha256(f"{RECIPE} {sys.version}".encode())
    for name in ("mkdocs", "mkdocs-material", "Markdown", "pymdown-extensions", "Jinja2", "Pygments"):
        digest.update(f" {name} {version(name)}".encode())
    digest.update(repr(config.user_configs[0]).encode("utf-8", "surrogatepass"))
    specs = [find_spec(name) for name in ("mkdocs", "material")]
    packages = [Path(str(spec.origin)).parent for spec in specs if spec is not None]
    for folder in map(Path, config.theme.dirs):
        if any(folder.is_relative_to(package) for package in packages):
            continue
        for file in sorted(path for path in folder.rglob("*") if path.is_file()):
            data = file.read_bytes()
            digest.update(f"\0{file} {len(data)}\0".encode("utf-8", "surrogateescape") + data)
    return digest.hexdigest()
