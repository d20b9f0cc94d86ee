"""Check what embver stands on, and name the repair."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from embver.actions.disagreements import disagreements
from embver.actions.dvc_storage import find_program
from embver.actions.marking import is_unfinished
from embver.actions.release_apply import journal_path
from embver.actions.verify_tags import ignored_tags
from embver.actions.workspace import ITEMS, Workspace
from embver.errors import EmbverError
from embver.exchange.dvc_config import CONFIG, read_config
from embver.probe import parse_items
from embver.store.lfs import INSTALL_HINT, LfsStore
from embver.store.process import run

_EXTRAS = {
    "encode": ("torch", "transformers", "PIL"),
    "audio": ("soundfile", "soxr"),
    "site": ("mkdocs", "material"),
    "ray": ("ray",),
}
_OLDEST_GIT = (2, 38)


@dataclass(frozen=True, slots=True, kw_only=True)
class Check:
    """One thing that was looked at: `ok`, a `warning`, or `wrong`, and how to repair it."""

    name: str
    state: str
    found: str
    repair: str | None = None

    def to_plain(self) -> dict[str, Any]:
        """Return the stable keys of `embver doctor --json`."""
        return {"name": self.name, "state": self.state, "found": self.found, "repair": self.repair}


def doctor(folder: Path, *, environment: Mapping[str, str]) -> tuple[Check, ...]:
    """Look at git, git-lfs, attributes, tags, clone, probe set and extras; changes nothing."""
    checks = [_git(folder), _lfs(folder), *_extras(), _threads(environment)]
    try:
        work = Workspace.open(folder)
    except EmbverError as error:
        return (*checks, Check(name="repository", state="wrong", found=error.message, repair=error.hint))
    for look in (_settings, _attributes, _filters, _dvc, _clone, _tags, _lifecycle, _probe, _journal):
        checks += _guarded(look, work)
    return tuple(checks)


def _guarded(look: Callable[[Workspace], Iterator[Check]], work: Workspace) -> list[Check]:
    try:
        return list(look(work))
    except EmbverError as error:
        return [Check(name=look.__name__.strip("_"), state="wrong", found=error.message, repair=error.hint)]


def _git(folder: Path) -> Check:
    try:
        text = run(["git", "version"], cwd=folder).text.strip().removeprefix("git version ")
    except (FileNotFoundError, EmbverError):
        return Check(name="git", state="wrong", found="not installed", repair="install git 2.38 or newer")
    numbers = tuple(int(part) for part in text.split(".")[:2] if part.isdigit())
    if numbers < _OLDEST_GIT:
        return Check(
            name="git", state="warning", found=text, repair="embver is tested with git 2.38 and newer"
        )
    return Check(name="git", state="ok", found=text)


def _lfs(folder: Path) -> Check:
    version = LfsStore.version(folder)
    if version is None:
        return Check(name="git-lfs", state="wrong", found="not installed", repair=INSTALL_HINT)
    return Check(name="git-lfs", state="ok", found=version.split(" ")[0])


def _extras() -> Iterator[Check]:
    for extra, modules in _EXTRAS.items():
        missing = [module for module in modules if find_spec(module) is None]
        if missing:
            repair = f"pip install 'embver[{extra}]'"
            yield Check(
                name=f"extra {extra}", state="warning", found=f"without {', '.join(missing)}", repair=repair
            )
        else:
            yield Check(name=f"extra {extra}", state="ok", found="installed")


def _threads(environment: Mapping[str, str]) -> Check:
    policy = environment.get("OMP_WAIT_POLICY", "")
    if policy.lower() == "active":
        return Check(
            name="OMP_WAIT_POLICY",
            state="warning",
            found="active: waiting threads spin, which costs up to ten times on shared cores",
            repair="unset OMP_WAIT_POLICY (embver sets passive)",
        )
    return Check(
        name="OMP_WAIT_POLICY",
        state="ok",
        found=policy
        or "unset (embver sets passive; your own training does not: export OMP_WAIT_POLICY=passive)",
    )


def _settings(work: Workspace) -> Iterator[Check]:
    if work.settings.is_file:
        yield Check(name="settings", state="ok", found="embver.toml or pyproject.toml")
    else:
        yield Check(name="settings", state="warning", found="none: defaults hold", repair="embver init")


def _attributes(work: Workspace) -> Iterator[Check]:
    path = work.folder("name", "1.0.0") + "/image.safetensors"
    if work.repo.attribute(path, "filter") == "lfs":
        yield Check(
            name="attributes", state="ok", found=f"{work.settings.embeddings}/**/*.safetensors go to LFS"
        )
    else:
        yield Check(
            name="attributes",
            state="wrong",
            found=f"{work.settings.embeddings}/**/*.safetensors would be committed as bytes",
            repair="embver init",
        )


def _filters(work: Workspace) -> Iterator[Check]:
    if work.repo.config("filter.lfs.process"):
        yield Check(name="LFS filters", state="ok", found="installed")
    else:
        yield Check(
            name="LFS filters", state="wrong", found="not installed here", repair="git lfs install --local"
        )


def _dvc(work: Workspace) -> Iterator[Check]:
    if work.settings.storage != "dvc":
        return
    file = work.path(CONFIG)
    if not file.is_file():
        found = 'storage = "dvc", and this is no repository of DVC\'s'
        yield Check(name="dvc", state="wrong", found=found, repair="dvc init")
        return
    remote = read_config(file.read_text(encoding="utf-8", errors="replace")).default
    if find_program() is None:
        repair = "pip install 'embver[dvc]'"
        yield Check(name="dvc", state="wrong", found="not installed, and it keeps the vectors", repair=repair)
    elif remote is None:
        found = "no default remote: a release that is pushed would lack its vectors"
        yield Check(name="dvc", state="wrong", found=found, repair="dvc remote add --default NAME URL")
    else:
        yield Check(name="dvc", state="ok", found=f"keeps the vectors of new versions, remote {remote}")


def _clone(work: Workspace) -> Iterator[Check]:
    if work.repo.is_shallow():
        yield Check(
            name="clone",
            state="wrong",
            found="shallow: tags and versions may be missing",
            repair="git fetch --unshallow --tags",
        )
    else:
        yield Check(name="clone", state="ok", found="whole")


def _tags(work: Workspace) -> Iterator[Check]:
    plain = [release.tag for release in work.releases if not release.is_annotated]
    if plain:
        yield Check(
            name="tags",
            state="wrong",
            found=f"not annotated, so without a record: {', '.join(plain[:5])}",
            repair="git fetch --force --tags; one that was made by hand: delete it, then `embver release`",
        )
    ignored = list(ignored_tags(work))
    if ignored:
        listed = "; ".join(f"{finding.path}: {finding.why}" for finding in ignored[:5])
        more = f"; and {len(ignored) - 5} more" if len(ignored) > 5 else ""
        yield Check(
            name="tags",
            state="warning",
            found=f"ignored, since they are no releases: {listed}{more}",
            repair="git tag -d TAG",
        )
    if not plain:
        yield Check(
            name="tags", state="ok", found=f"{len(work.releases)} releases of {len(work.names())} embeddings"
        )


def _lifecycle(work: Workspace) -> Iterator[Check]:
    found = disagreements(work)
    for each in found[:5]:
        yield Check(
            name="life cycle", state="warning", found=f"{each.reference}: {each.why}", repair=each.hint
        )
    for tag, why in work.lifecycle.ignored[:5]:
        yield Check(name="life cycle", state="warning", found=f"the tag {tag} does not count: {why}")
    if not found and not work.lifecycle.ignored and work.lifecycle.events:
        held = ", ".join(f"{name}#{stage}" for name, stage in sorted(work.lifecycle.stages)) or "no stage"
        yield Check(name="life cycle", state="ok", found=f"{len(work.lifecycle.events)} tags, {held}")


def _probe(work: Workspace) -> Iterator[Check]:
    folders = {work.settings.probe_for(name) for name in work.names()} or {work.settings.probe}
    for folder in sorted(str(folder) for folder in folders if folder):
        file = work.path(folder, ITEMS)
        try:
            probe = parse_items(file.read_text(encoding="utf-8").split("\n"), name=file.parent.name)
        except (OSError, ValueError) as error:
            yield Check(
                name="probe set", state="wrong", found=f"{folder}: {error}", repair=f"mend {folder}/{ITEMS}"
            )
            continue
        found = f"{folder}: {len(probe.items)} items of {', '.join(probe.modalities)}"
        yield Check(name="probe set", state="ok", found=found)
    if not any(folders):
        yield Check(
            name="probe set",
            state="warning",
            found="none: nothing can be measured",
            repair="embver.toml: probe = FOLDER",
        )


def _journal(work: Workspace) -> Iterator[Check]:
    if journal_path(work).is_file() or is_unfinished(work):
        yield Check(
            name="release",
            state="warning",
            found="a release was interrupted",
            repair="any `embver release` or `embver new` finishes or forgets it",
        )
