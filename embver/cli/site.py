"""`embver site`."""

from __future__ import annotations

import argparse
import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from embver.cli.output import Output
from embver.cli.parser import add_json
from embver.cycles import without_cycle_search

if TYPE_CHECKING:
    from embver.actions.workspace import Workspace
    from embver.site.build import Built, WrittenSite

DEFAULT_PORT = 8000


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    parser.add_argument(
        "--build", action="store_true", help="also build the pages with MkDocs: those that changed"
    )
    parser.add_argument("--full", action="store_true", help="build every page, whatever changed")
    parser.add_argument(
        "--serve",
        action="store_true",
        help="build, serve the site on this machine, and build again what changes",
    )
    parser.add_argument(
        "--port", type=int, default=DEFAULT_PORT, help=f"the port to serve on (default {DEFAULT_PORT})"
    )
    add_json(parser)


def run(arguments: argparse.Namespace, out: Output) -> int:
    """Write the changelog pages; build and serve them if asked."""
    from embver.cli.open import open_workspace
    from embver.errors import UsageError

    if arguments.serve:
        if arguments.json:
            raise UsageError(
                "--serve goes on until you end it: it has no document", hint="embver site --build --json"
            )
        from embver.cli.site_serve import serve

        return serve(arguments, out)
    work = open_workspace(arguments)
    done = make(work, out, with_build=arguments.build or arguments.full, is_full=arguments.full)
    if arguments.json:
        out.json(done.to_plain())
        return 0
    done.tell(out)
    if done.built is None:
        out.hint("embver site --build")
    return 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Done:
    """What was written, and what was built if it was asked for."""

    versions: int
    written: WrittenSite
    built: Built | None

    @property
    def words(self) -> str:
        """Return in a line what was written."""
        removed = f", {len(self.written.removed):,} removed" if self.written.removed else ""
        return f"{_counted(self.versions, 'version')}, {self.written.files:,} files, {len(self.written.written):,} written{removed}"

    @property
    def built_words(self) -> str:
        """Return in a line what was built, and why everything where it was."""
        assert self.built is not None
        answer = self.built.answer
        if not answer.is_full and not answer.pages:
            return "nothing to build: the site is up to date"
        how = f"everything: {answer.why}" if answer.is_full else "what changed"
        return f"built {_counted(answer.pages, 'page')} ({how})"

    def tell(self, out: Output) -> None:
        """Print it."""
        out.print(self.words)
        if self.built is not None:
            out.print(self.built_words)
            out.print(str(self.built.start))

    def to_plain(self) -> dict[str, Any]:
        """Return the stable keys of `embver site --json`."""
        answer = self.built.answer if self.built is not None else None
        return {
            "versions": self.versions,
            "pages": self.written.files,
            "written": list(self.written.written),
            "unchanged": len(self.written.unchanged),
            "removed": list(self.written.removed),
            "built": None if answer is None else "full" if answer.is_full else "incremental",
            "rendered": None if answer is None else answer.pages,
            "why": None if answer is None else answer.why,
            "start": None if self.built is None else str(self.built.start),
        }


def make(work: Workspace, out: Output, *, with_build: bool, is_full: bool = False) -> Done:
    """Write the pages of a repository's site, and build them if asked."""
    from embver.errors import EmbverError

    try:
        with without_cycle_search():
            return _make(work, out, with_build=with_build, is_full=is_full)
    except OSError as error:  # a folder that may not be written, a full disk, a file where a folder should be
        if error.filename is None:
            raise
        place = Path(os.fsdecode(error.filename))
        place = place.parent if place.name.startswith(".embver-") else place
        raise EmbverError(
            f"the site could not be written: {place}: {error.strerror}",
            hint="make room for it there, then: embver site",
        ) from error


def _make(work: Workspace, out: Output, *, with_build: bool, is_full: bool) -> Done:
    from functools import partial

    from embver.cli.site_data import site_data, site_settings
    from embver.site.build import build_site, write_site
    from embver.site.unreadable import flaw_words
    from embver.site.written import NAME, WrittenPages, maker
    from embver.store.resources import resource_folder
    from embver.store.templates import render_template

    data = site_data(work)
    if work.repo.is_shallow():
        out.say("note: this clone is shallow: it may lack tags (git fetch --unshallow --tags)")
    for words in flaw_words(data):
        out.say(words)
    root, cache = work.repo.root, work.repo.git_dir / "embver"
    override = root / "templates"
    settings = site_settings(work.settings.site)
    code = maker((resource_folder("templates"), override))
    pages = WrittenPages(cache / NAME, code)
    render = partial(render_template, override=override, state=code)
    written = write_site(root, data, render, settings=settings, pages=pages)
    built = None
    if with_build:
        epoch = os.environ.get("SOURCE_DATE_EPOCH") or _head_time(work)
        built = build_site(root, settings=settings, cache=cache, is_full=is_full, epoch=epoch)
    versions = sum(len(embedding.versions) for embedding in data.embeddings) + len(data.unreadable)
    return Done(versions=versions, written=written, built=built)


def _head_time(work: Workspace) -> str:
    """Return when HEAD was committed, in seconds since 1970: the date of the site, so that any clone builds the same."""
    return work.repo.git("log", "-1", "--format=%ct").strip()


def _counted(count: int, noun: str) -> str:
    return f"{count:,} {noun}{'' if count == 1 else 's'}"
