"""Set up a repository: settings, LFS attributes, hook, site, an optional CI workflow."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from embver.errors import LfsError, RepoError, UsageError
from embver.store.config import FILE_NAME, load_settings
from embver.store.files import write_atomic
from embver.store.lfs import INSTALL_HINT, LfsStore
from embver.store.repo import Repository
from embver.store.templates import render_template

_CI = {"github": ".github/workflows/embeddings.yml", "gitlab": ".gitlab-ci.yml"}
_LFS = "filter=lfs diff=lfs merge=lfs -text"


@dataclass(frozen=True, slots=True, kw_only=True)
class InitRequest:
    """What `embver init` was asked; `python` is the interpreter that the hook falls back to."""

    python: str
    files: Mapping[str, str] = field(
        default_factory=dict
    )  # more to write where it is missing: the site's mkdocs.yml
    ignored: tuple[str, ...] = ()  # lines for .gitignore
    ci: str | None = None
    probe: str | None = None
    title: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class InitReport:
    """The files that were written, those that were left alone, and what a person should know."""

    written: tuple[str, ...]
    kept: tuple[str, ...]
    notes: tuple[str, ...]


def init(folder: Path, request: InitRequest) -> InitReport:
    """Set a Git repository up for embver; running it again adds only what is missing.

    Raises UsageError outside of a repository, LfsError without git-lfs; then nothing has been written.
    """
    repo = Repository.discover(folder)
    if LfsStore.version(repo.root) is None:
        raise LfsError("git-lfs is not installed", hint=INSTALL_HINT)
    if request.ci is not None and request.ci not in _CI:
        raise UsageError(f"--ci {request.ci}: one of {', '.join(_CI)}")
    settings = load_settings(repo.root)
    made = _Setup(repo)
    title = request.title or f"{repo.root.name} embeddings"
    if not settings.is_file:
        context = {"probe": request.probe, "title": title.replace("\\", "").replace('"', "'")}
        made.whole(FILE_NAME, render_template("init/embver.toml.j2", context))
        settings = load_settings(repo.root)
    else:
        made.kept.append(FILE_NAME)
    base = settings.embeddings
    made.lines(
        ".gitattributes",
        [f"{base}/**/*.safetensors {_LFS}", f"{base}/**/ids*.txt -text", f"{base}/**/SHA256SUMS -text"],
    )
    # A clone fetches no artifact by itself; `embver pull` brings those of one version.
    made.fetch_exclude(f"{base}/**")
    made.lines(".gitignore", list(request.ignored))
    for name, text in request.files.items():
        made.whole(name, text)
    made.whole(
        ".pre-commit-config.yaml", render_template("init/pre-commit-config.yaml.j2", {"embeddings": base})
    )
    if request.ci is not None:
        made.whole(_CI[request.ci], render_template(f"ci/{request.ci}.yml.j2", {}))
    made.lfs_filters()
    made.hook(render_template("init/pre-commit.sh.j2", {"python": request.python}))
    return InitReport(written=tuple(made.written), kept=tuple(made.kept), notes=tuple(made.notes))


class _Setup:
    """Writes what is missing and remembers what it did."""

    def __init__(self, repo: Repository) -> None:
        self.repo = repo
        self.written: list[str] = []
        self.kept: list[str] = []
        self.notes: list[str] = []

    def whole(self, name: str, text: str) -> None:
        """Write a file unless there is one."""
        path = self.repo.root / name
        if path.exists():
            self.kept.append(name)
            return
        write_atomic(path, text.encode())
        self.written.append(name)

    def lines(self, name: str, lines: list[str]) -> None:
        """Append the lines that a file lacks."""
        path = self.repo.root / name
        text = path.read_text(encoding="utf-8") if path.is_file() else ""
        have = {line.strip() for line in text.splitlines()}
        missing = [line for line in lines if line.strip() not in have]
        if not missing:
            self.kept.append(name)
            return
        if text and not text.endswith("\n"):
            text += "\n"
        write_atomic(path, (text + "".join(f"{line}\n" for line in missing)).encode())
        self.written.append(name)

    def fetch_exclude(self, pattern: str) -> None:
        """Let `git lfs fetch` leave a pattern out, beside what it leaves out already."""
        name, key = ".lfsconfig", "lfs.fetchexclude"
        path = self.repo.root / name
        have = self.repo.git("config", "--file", str(path), "--get", key, status_ok=(0, 1)).strip()
        patterns = [entry.strip() for entry in have.split(",") if entry.strip()]
        if pattern in patterns:
            self.kept.append(name)
            return
        if not path.exists():
            write_atomic(path, f"[lfs]\n\tfetchexclude = {pattern}\n".encode())
        else:
            self.repo.git("config", "--file", str(path), key, ",".join([*patterns, pattern]))
        self.written.append(name)

    def lfs_filters(self) -> None:
        """Let this repository use LFS; a push hook of another tool is left alone."""
        try:
            LfsStore(self.repo).install_local()
        except LfsError:
            if not self.repo.config("filter.lfs.process"):
                raise
            self.notes.append(
                "there is a pre-push hook already: `git lfs update --manual` says what to add to it"
            )

    def hook(self, text: str) -> None:
        """Write the plain Git hook, never over another one, nor into a folder that other repositories share."""
        folder = self.repo.git("rev-parse", "--git-path", "hooks").strip()
        path = (self.repo.root / folder / "pre-commit").resolve()
        if not path.is_relative_to(self.repo.root.resolve()) and not path.is_relative_to(
            self.repo.git_dir.resolve()
        ):
            self.notes.append(
                f"core.hooksPath is {path.parent}: add `embver validate --staged` to its pre-commit hook"
            )
            self.kept.append("hook pre-commit")
            return
        if path.exists() and path.read_bytes() == text.encode():
            self.kept.append("hook pre-commit")
            return
        if path.exists() and "embver" not in path.read_text(encoding="utf-8", errors="replace"):
            self.notes.append("there is a pre-commit hook already: add `embver validate --staged` to it")
            self.kept.append("hook pre-commit")
            return
        try:
            write_atomic(path, text.encode(), mode=0o755)
        except OSError as error:
            raise RepoError(f"the hook cannot be written: {error}") from error
        self.written.append("hook pre-commit")
