"""Write the pages into a repository, and have MkDocs build them."""

from __future__ import annotations

import contextlib
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

from embver.errors import ConfigError, EmbverError, MissingExtra
from embver.site.config import INHERITED, THEME, inherited_config
from embver.site.model import SiteData
from embver.site.pages import FOLDER, MARK, Render, make_pages
from embver.site.text import heading, yaml_text
from embver.store.files import write_if_changed
from embver.store.process import clean_environment

# What the last run wrote, so that this one removes only that: the folder may hold files of the user's.
_LEDGER = f"{FOLDER}/.written"
# For a repository's .gitignore: everything here comes from tags and cards at any time.
IGNORED = ("/build/", f"/site/{FOLDER}/", "/site/index.md")


@dataclass(frozen=True, slots=True, kw_only=True)
class SiteSettings:
    """Where the site lies in a repository."""

    config: str = "mkdocs.yml"
    docs: str = "site"
    output: str = "build/site"
    url: str | None = None  # where it will be published


@dataclass(frozen=True, slots=True, kw_only=True)
class WrittenSite:
    """What a run changed; paths are relative to the repository, sorted."""

    written: tuple[str, ...]
    unchanged: tuple[str, ...]
    removed: tuple[str, ...]
    config_path: Path


def mkdocs_config(title: str, render: Render, *, settings: SiteSettings | None = None) -> str:
    """Return a first `mkdocs.yml`, which is the user's from then on."""
    settings = settings or SiteSettings()
    context = {
        "title": yaml_text(heading(title)),
        "inherited": yaml_text(f"{settings.docs}/{INHERITED}"),
        "docs": yaml_text(settings.docs),
        "output": yaml_text(settings.output),
    }
    return render("site/mkdocs.yml.j2", context)


def write_site(
    root: Path, data: SiteData, render: Render, *, settings: SiteSettings | None = None
) -> WrittenSite:
    """Write pages and configuration under a repository's root; files whose bytes are the same are left alone."""
    settings = settings or SiteSettings()
    docs, config = root / settings.docs, root / settings.config
    if config.exists():
        _check_config(config, settings)
    start = "index.md" if _is_ours(docs / "index.md") else f"{FOLDER}/index.md"
    files = {page.path: page.text for page in make_pages(data, render, start=start)}
    files[INHERITED] = inherited_config(
        data, start, _own_pages(docs, files), docs=settings.docs, url=settings.url
    )
    files[f"{THEME}/main.html"] = render("site/main.html.j2", {})
    before = _ledger(docs)
    written: list[str] = []
    unchanged: list[str] = []
    for path, text in sorted(files.items()):
        is_new = write_if_changed(docs / path, text.encode())
        (written if is_new else unchanged).append(f"{settings.docs}/{path}")
    removed = _remove(docs, sorted(before - set(files)))
    write_if_changed(docs / _LEDGER, "".join(f"{path}\n" for path in sorted(files)).encode())
    if not config.exists():
        write_if_changed(config, mkdocs_config(data.title, render, settings=settings).encode())
        written.append(settings.config)
    return WrittenSite(
        written=tuple(written),
        unchanged=tuple(unchanged),
        removed=tuple(f"{settings.docs}/{path}" for path in removed),
        config_path=config,
    )


def build_site(
    root: Path,
    *,
    settings: SiteSettings | None = None,
    run: Callable[..., subprocess.CompletedProcess[str]] = subprocess.run,
) -> Path:
    """Build the written pages with MkDocs and return the start page; raise MissingExtra without MkDocs."""
    settings = settings or SiteSettings()
    if find_spec("mkdocs") is None or find_spec("material") is None:
        raise MissingExtra("site", needed_for="building the site")
    command = [sys.executable, "-m", "mkdocs", "build", "--strict", "-f", settings.config]
    command += ["--site-dir", settings.output]
    # Material prints an advertisement about MkDocs 2 into every build; this is its own switch for it.
    environment = clean_environment({"NO_MKDOCS_2_WARNING": "1"})
    done = run(command, cwd=root, env=environment, capture_output=True, text=True, check=False)
    if done.returncode:
        said = "\n".join((done.stderr or done.stdout).strip().splitlines()[-12:])
        raise EmbverError(
            f"MkDocs could not build the site:\n{said}",
            hint=f"see {settings.config}, then: embver site --build",
        )
    output = root / settings.output
    _search_from_a_folder(output)
    return output / "index.html"


def _check_config(config: Path, settings: SiteSettings) -> None:
    """Raise ConfigError if mkdocs.yml, which is the user's, builds another folder than the settings name."""
    inherited = f"{settings.docs}/{INHERITED}"
    lines = config.read_text(encoding="utf-8", errors="replace").splitlines()
    named = [line.partition(":")[2].strip().strip("\"'") for line in lines if line.startswith("INHERIT:")]
    if named and named[-1].removeprefix("./") != inherited:
        number = next(index for index, line in enumerate(lines, 1) if line.startswith("INHERIT:"))
        raise ConfigError(
            f"{config.name}:{number}: it builds on {named[-1]}, and the pages are written to {settings.docs}/",
            hint=f"{config.name}: INHERIT: {inherited} and docs_dir: {settings.docs}, or site.folder in the settings",
        )


def _search_from_a_folder(output: Path) -> None:
    """Write the search index as a script as well: a page opened from a folder may load no JSON.

    Material looks for this very file there. Its own offline plugin would write it too, but adds a script from
    another host to every page.
    """
    index = output / "search" / "search_index.json"
    if index.is_file():
        script = b"var __index = " + index.read_bytes()
        write_if_changed(index.with_suffix(".js"), script)


def _is_ours(page: Path) -> bool:
    """Tell whether the start page may be written: there is none, or it bears the mark."""
    try:
        return MARK in page.read_text(encoding="utf-8")
    except FileNotFoundError:
        return True
    except (OSError, UnicodeDecodeError):
        return False


def _own_pages(docs: Path, files: dict[str, str]) -> list[str]:
    """Return the hand-written pages, relative to the documentation folder."""
    found = []
    for page in docs.rglob("*.md"):
        path = page.relative_to(docs).as_posix()
        is_hidden = any(part.startswith(".") for part in path.split("/"))
        if not is_hidden and path not in files and not path.startswith(f"{FOLDER}/"):
            found.append(path)
    return found


def _ledger(docs: Path) -> set[str]:
    with contextlib.suppress(OSError, UnicodeDecodeError):
        return set((docs / _LEDGER).read_text(encoding="utf-8").splitlines())
    return set()


def _remove(docs: Path, paths: list[str]) -> list[str]:
    """Remove files of an earlier run and the folders that they leave empty."""
    removed = []
    for path in paths:
        target = docs / path
        is_inside = target.resolve().is_relative_to(docs.resolve())
        if not is_inside or (path == "index.md" and not _is_ours(target)):
            continue
        with contextlib.suppress(FileNotFoundError):
            target.unlink()
            removed.append(path)
        for folder in target.parents:
            if folder == docs:
                break
            with contextlib.suppress(OSError):
                folder.rmdir()
    return removed
