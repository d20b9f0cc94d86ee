"""`embver site`."""

from __future__ import annotations

import argparse
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from embver.cli.output import Output

if TYPE_CHECKING:
    from embver.actions.workspace import Workspace
    from embver.site.build import SiteSettings
    from embver.site.model import SiteData

DEFAULT_PORT = 8000


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    parser.add_argument("--build", action="store_true", help="also build the pages with MkDocs")
    parser.add_argument("--serve", action="store_true", help="build, then serve the site on this machine")
    parser.add_argument(
        "--port", type=int, default=DEFAULT_PORT, help=f"the port to serve on (default {DEFAULT_PORT})"
    )


def run(arguments: argparse.Namespace, out: Output) -> int:
    """Write the changelog pages; build and serve them if asked."""
    from functools import partial

    from embver.cli.open import open_workspace
    from embver.site.build import build_site, write_site
    from embver.store.templates import render_template

    work = open_workspace(arguments)
    data = _data(work)
    override = work.repo.root / "templates"
    settings = site_settings(work.settings.site)
    render = partial(render_template, override=override)
    written = write_site(work.repo.root, data, render, settings=settings)
    versions = sum(len(embedding.versions) for embedding in data.embeddings)
    changed = len(written.written) + len(written.removed)
    out.print(
        f"{versions} versions, {len(written.written) + len(written.unchanged)} pages, {changed} changed"
    )
    if not (arguments.build or arguments.serve):
        out.hint("embver site --build")
        return 0
    start = build_site(work.repo.root, settings=settings)
    out.print(f"built {start}")
    if arguments.serve:
        _serve(start.parent, arguments.port, out)
    return 0


def site_settings(plain: Mapping[str, Any]) -> SiteSettings:
    """Return where the site lies, as the repository's settings have it."""
    from embver.site.build import SiteSettings

    named = {"folder": "docs", "build": "output", "url": "url"}
    return SiteSettings(**{field: str(plain[key]) for key, field in named.items() if key in plain})


def _data(work: Workspace) -> SiteData:
    """Return what the site shows, from tags and cards."""
    from embver import __version__
    from embver.actions.reading import log
    from embver.actions.site_traces import site_traces
    from embver.errors import UsageError
    from embver.site.model import SiteData, SiteEmbedding, SiteVersion
    from embver.store.resources import resource_folder

    entries = log(work)
    if not entries:
        raise UsageError("there is no release to show yet", hint="embver release NAME")
    releases = {entry.release.reference: entry.release for entry in entries}
    names = sorted({entry.release.name for entry in entries})
    embeddings = []
    for name in names:
        versions = [
            SiteVersion(
                release=entry.release,
                card=entry.card,
                changes=entry.changes,
                reasons=entry.reasons,
                previous=releases.get(entry.release.previous or ""),
                status=entry.status,
                stages=entry.stages,
            )
            for entry in reversed(entries)
            if entry.release.name == name
        ]
        traces = site_traces(work, name)
        embeddings.append(SiteEmbedding(name=name, versions=tuple(versions), traces=traces))
    return SiteData(
        title=str(work.settings.site.get("title", f"{work.repo.root.name} embeddings")),
        embeddings=tuple(embeddings),
        generated_from=work.repo.head() or "",
        schema_text=(resource_folder("schemas") / "card" / "v1.json").read_text(encoding="utf-8"),
        tool_version=__version__,
        repository_url=work.settings.site.get("repository"),
    )


def _serve(folder: object, port: int, out: Output) -> None:
    from functools import partial
    from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer

    handler = partial(SimpleHTTPRequestHandler, directory=str(folder))
    with ThreadingHTTPServer(("127.0.0.1", port), handler) as server:
        out.say(f"serving http://127.0.0.1:{port}/ (Ctrl-C ends it)")
        server.serve_forever()
