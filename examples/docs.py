"""Build embver's own site: its documentation, its schemas at their addresses, and the demo's changelog as an example.

What is made from elsewhere goes to folders of site/ that Git ignores: site/schemas/ and site/changelog/. The latter is
what `embver site` writes in any repository, here from the tags of build/demo. Without the demo the example is left
out, and the documentation is built all the same. The configuration for both is written to .docs.yml; it
stands on mkdocs.yml, and Git ignores it.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml

if TYPE_CHECKING:
    from embver.site.model import SiteData

ROOT = Path(__file__).resolve().parent.parent
DEMO = ROOT / "build" / "demo"
ADDRESS = "https://embver.org/"  # `site_url` of mkdocs.yml, and where the schemas are
EXAMPLE = "changelog"  # the folder of generated pages, as in any repository
SECTION = "A live example"  # the part of the navigation that they go below


def main(argv: Sequence[str]) -> int:
    """Write what the site is made of and have MkDocs build it; return the exit code."""
    parser = argparse.ArgumentParser(description="Build embver's own site into build/site.")
    parser.add_argument("--demo", type=Path, default=DEMO, help="the demo's repository (default build/demo)")
    demo = parser.parse_args(argv).demo
    data = demo_data(demo) if (demo / ".git").exists() else None
    if data is None:
        print(
            f"left out: the demo's changelog as a live example; to add it: make demo docs (looked in {demo})"
        )
    config = prepare(ROOT, data)
    return build(config, ROOT / "build" / "site")


def demo_data(demo: Path) -> SiteData:
    """Return what the demo's site shows, from its tags."""
    from embver.actions.workspace import Workspace
    from embver.cli.site_data import site_data

    return site_data(Workspace.open(demo))


def prepare(root: Path, data: SiteData | None) -> Path:
    """Write schemas, the example's pages and the configuration below `root`; return the latter's path."""
    schemas(root / "site")
    shutil.rmtree(root / "site" / EXAMPLE, ignore_errors=True)
    added = looks(root) if data is None else example(root, data)
    config = root / ".docs.yml"
    config.write_text(configuration(root, added), encoding="utf-8")
    return config


def schemas(site: Path) -> None:
    """Copy each schema of ours to where its `$id` says that it is published; others have publishers of their own."""
    shutil.rmtree(site / "schemas", ignore_errors=True)
    for schema in sorted((ROOT / "schemas").rglob("*.json")):
        address = str(json.loads(schema.read_text(encoding="utf-8")).get("$id", ""))
        if not address.startswith(ADDRESS):
            continue
        target = site / address.removeprefix(ADDRESS)
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(schema, target)


def looks(root: Path) -> list[Any]:
    """Write the changelog's styles and its script alone: the documentation wears them, too."""
    from embver.store.templates import render_template

    folder = root / "site" / EXAMPLE
    folder.mkdir(parents=True)
    for name in ("embver.css", "search.js"):
        (folder / name).write_text(render_template(f"site/{name}.j2", {}), encoding="utf-8")
    return []


def example(root: Path, data: SiteData) -> list[Any]:
    """Write the example's pages as `embver site` does, below a start page by hand; return their navigation."""
    from embver.site.build import SiteSettings, write_site
    from embver.site.places import embedding_page, version_page
    from embver.store.templates import render_template

    write_site(root, data, render_template, settings=SiteSettings(docs="site"))
    written = yaml.safe_load((root / "site" / EXAMPLE / ".mkdocs.yml").read_text(encoding="utf-8"))
    added = [
        entry for entry in written["nav"] if all(path.startswith(f"{EXAMPLE}/") for path in paths(entry))
    ]
    # A repository with a thousand versions leaves them out of its navigation; the demo's few may stand there.
    for embedding in data.embeddings:
        pages = [version_page(embedding.name, version.number) for version in reversed(embedding.versions)]
        home = embedding_page(embedding.name)
        entry = next(each for each in added if isinstance(each, dict) and home in paths(each))
        (below,) = entry.values()
        below.append({"Versions": pages})
    return added


def configuration(root: Path, added: list[Any]) -> str:
    """Return the configuration of MkDocs: mkdocs.yml, the looks of the changelog, and where there is an example, its pages."""
    own = yaml.safe_load((root / "mkdocs.yml").read_text(encoding="utf-8"))
    config: dict[str, Any] = {"INHERIT": "mkdocs.yml"}
    config["extra_css"] = [f"{EXAMPLE}/embver.css", *own["extra_css"]]
    if added:
        config["nav"] = [
            {SECTION: [{"What it shows": entry[SECTION]}, *added]} if SECTION in entry else entry
            for entry in own["nav"]
        ]
        config["theme"] = {"custom_dir": f"site/{EXAMPLE}/.theme"}  # it loads search.js, early
    else:
        config["extra_javascript"] = [f"{EXAMPLE}/search.js", *own["extra_javascript"]]
    return "# Written by examples/docs.py.\n" + yaml.safe_dump(config, sort_keys=False, allow_unicode=True)


def paths(entry: Any) -> Iterator[str]:
    """Yield every page of an entry of the navigation."""
    if isinstance(entry, str):
        yield entry
    for below in entry.values() if isinstance(entry, dict) else entry if isinstance(entry, list) else ():
        yield from paths(below)


def build(config: Path, output: Path) -> int:
    """Have MkDocs build the site, where every warning is an error; return the exit code."""
    argv = [sys.executable, "-m", "mkdocs", "build", "--strict", "-f", str(config), "--site-dir", str(output)]
    # Material prints an advertisement about MkDocs 2 into every build; this is its own switch for it.
    done = subprocess.run(argv, env={**os.environ, "NO_MKDOCS_2_WARNING": "1"}, check=False)
    if done.returncode == 0:
        print(f"built {output / 'index.html'}")
    return 3 if done.returncode else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
