"""Write the pages into a repository, and have MkDocs build them."""

from __future__ import annotations

import contextlib
import json
import subprocess
import sys
import tempfile
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass
from functools import partial
from importlib.util import find_spec
from pathlib import Path
from types import ModuleType

from embver.errors import ConfigError, EmbverError, MissingExtra, RepoError
from embver.site.config import INHERITED, THEME, inherited_config
from embver.site.incremental import NAME
from embver.site.mkdocs_run import Answer, Request
from embver.site.model import SiteData
from embver.site.pages import MARK, Render, recipes
from embver.site.places import FOLDER
from embver.site.recipe import Recipe
from embver.site.stamps import Stamps, stamp
from embver.site.text import heading, yaml_text
from embver.site.written import WrittenPages, digest_of
from embver.store.files import write_if_changed
from embver.store.parts import in_parts
from embver.store.process import clean_environment

fcntl: ModuleType | None
try:
    import fcntl
except ImportError:  # Windows: two builds at the same moment are on their own there
    fcntl = None

# What the last run wrote, so that this one removes only that: the folder may hold files of the user's.
_LEDGER = f"{FOLDER}/.written"
_PART = 200  # files that are worth a process of their own: it takes a few dozen milliseconds to begin one


@dataclass(frozen=True, slots=True, kw_only=True)
class SiteSettings:
    """Where the site lies in a repository."""

    config: str = "mkdocs.yml"
    docs: str = "site"
    output: str = "build/site"
    url: str | None = None  # where it will be published

    @property
    def ignored(self) -> tuple[str, ...]:
        """Return lines for a repository's .gitignore: all of it comes from tags and cards at any time."""
        built = "/build/" if self.output.startswith("build/") else f"/{self.output}/"
        return (built, f"/{self.docs}/{FOLDER}/", f"/{self.docs}/index.md")


@dataclass(frozen=True, slots=True, kw_only=True)
class Built:
    """The start page of a built site, and what was built."""

    start: Path
    answer: Answer


@dataclass(frozen=True, slots=True, kw_only=True)
class WrittenSite:
    """What a run changed; paths are relative to the repository, sorted."""

    written: tuple[str, ...]
    unchanged: tuple[str, ...]
    removed: tuple[str, ...]
    config_path: Path
    files: int  # of the site, without mkdocs.yml, which is the user's


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
    root: Path,
    data: SiteData,
    render: Render,
    *,
    settings: SiteSettings | None = None,
    pages: WrittenPages | None = None,
) -> WrittenSite:
    """Write pages and configuration under a repository's root; files whose bytes are the same are left alone.

    Pages are made one at a time, and with `pages`, what the last run wrote, only those that may have changed.
    """
    settings = settings or SiteSettings()
    docs, config = root / settings.docs, root / settings.config
    if config.exists():
        _check_config(config, settings)
    start = "index.md" if _is_ours(docs / "index.md") else f"{FOLDER}/index.md"
    made = list(recipes(data, render, start=start, stamps=None if pages is None else Stamps(data)))
    made.append(Recipe(path=f"{THEME}/main.html", make=lambda: render("site/main.html.j2", {})))
    paths = {recipe.path for recipe in made} | {INHERITED}
    own = _own_pages(docs, paths)
    inherited = inherited_config(data, start, own, docs=settings.docs, url=settings.url)
    made.append(Recipe(path=INHERITED, make=lambda: inherited))
    before = _ledger(docs)
    changes = _write(docs, made, pages)
    removed = _remove(docs, sorted(before - paths))
    listed = "".join(f"{path}\n" for path in sorted(paths))
    write_if_changed(docs / _LEDGER, listed.encode(), is_cache=True)
    if pages is not None:
        pages.save()
    written = sorted(f"{settings.docs}/{path}" for path, is_new in changes.items() if is_new)
    if not config.exists():
        write_if_changed(config, mkdocs_config(data.title, render, settings=settings).encode())
        written.append(settings.config)
    return WrittenSite(
        written=tuple(written),
        unchanged=tuple(sorted(f"{settings.docs}/{path}" for path, is_new in changes.items() if not is_new)),
        removed=tuple(f"{settings.docs}/{path}" for path in removed),
        config_path=config,
        files=len(changes),
    )


def _write(docs: Path, made: Iterable[Recipe], pages: WrittenPages | None) -> dict[str, bool]:
    """Make and write files, each as soon as it is made; tell of each whether its bytes are new."""
    changes: dict[str, bool] = {}
    needs: dict[str, str] = {}
    todo = []
    for recipe in made:
        if pages is not None and recipe.needs:
            needs[recipe.path] = stamp(*recipe.needs)
            if pages.holds(recipe.path, needs[recipe.path], docs / recipe.path):
                changes[recipe.path] = False
                continue
        todo.append(recipe)
    for part in in_parts(todo, partial(_write_part, docs), least=_PART):
        for path, is_new, digest in part:
            changes[path] = is_new
            if pages is not None and path in needs:
                pages.add(path, needs[path], digest)
    return changes


def _write_part(docs: Path, part: Sequence[Recipe]) -> list[tuple[str, bool, str]]:
    """Make and write some files; return path, whether the bytes are new, and their digest."""
    done = []
    for recipe in part:
        data = recipe.make().encode()
        # A page is made anew from tags and cards at any time: the disk is not waited for.
        is_new = write_if_changed(docs / recipe.path, data, is_cache=True)
        done.append((recipe.path, is_new, digest_of(data)))
    return done


def build_site(
    root: Path,
    *,
    settings: SiteSettings | None = None,
    cache: Path | None = None,
    is_full: bool = False,
    epoch: str | None = None,
    run: Callable[..., subprocess.CompletedProcess[str]] = subprocess.run,
) -> Built:
    """Build the written pages with MkDocs, strictly; raise MissingExtra without MkDocs.

    With `cache`, a folder, only what changed since the last build is built where that gives the same bytes, unless
    `is_full`. `epoch`, in seconds since 1970, is the date of the site; without it, it is today's. A build that fails
    leaves the site as it was.
    """
    settings = settings or SiteSettings()
    if find_spec("mkdocs") is None or find_spec("material") is None:
        raise MissingExtra("site", needed_for="building the site")
    request = Request(
        config=str((root / settings.config).absolute()),
        output=str((root / settings.output).absolute()),
        ledger=None if cache is None else str((cache / NAME).absolute()),
        is_full=is_full,
        epoch=epoch,
    )
    with tempfile.TemporaryDirectory(prefix="embver-") as folder, _alone(cache):
        asked, answered = Path(folder) / "asked.json", Path(folder) / "answer.json"
        asked.write_text(json.dumps(asdict(request)), encoding="utf-8")
        code = f"from embver.site.mkdocs_run import main; main({str(asked)!r}, {str(answered)!r})"
        # Material prints an advertisement about MkDocs 2 into every build; this is its own switch for it.
        dated = {} if epoch is None else {"SOURCE_DATE_EPOCH": epoch}
        around = clean_environment({"NO_MKDOCS_2_WARNING": "1", **dated})
        done = run(
            [sys.executable, "-P", "-c", code],
            cwd=root,
            env=around,
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode:
            said = "\n".join((done.stderr or done.stdout).strip().splitlines()[-12:])
            raise _not_built(said, settings)
        answer = Answer.from_plain(json.loads(answered.read_text(encoding="utf-8")))
    if answer.problems:
        raise _not_built("\n".join(answer.problems[-12:]), settings)
    return Built(start=root / settings.output / "index.html", answer=answer)


def _not_built(said: str, settings: SiteSettings) -> EmbverError:
    return EmbverError(
        f"MkDocs could not build the site:\n{said}", hint=f"see {settings.config}, then: embver site --build"
    )


@contextlib.contextmanager
def _alone(cache: Path | None) -> Iterator[None]:
    """Hold the lock of the repository's builds; raise RepoError if another process holds it."""
    if cache is None:
        yield
        return
    cache.mkdir(parents=True, exist_ok=True)
    with (cache / f"{NAME}.lock").open("wb") as file:
        if fcntl is not None:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError:
                raise RepoError(
                    "another embver is building this site", hint="wait for it, then: embver site --build"
                ) from None
        yield


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


def _is_ours(page: Path) -> bool:
    """Tell whether the start page may be written: there is none, or it bears the mark."""
    try:
        return MARK in page.read_text(encoding="utf-8")
    except FileNotFoundError:
        return True
    except (OSError, UnicodeDecodeError):
        return False


def _own_pages(docs: Path, files: Collection[str]) -> list[str]:
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
