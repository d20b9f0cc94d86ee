"""Keep `artifacts` of dvc.yaml up to date, so that DVC and GTO find an embedding's versions without embver.

`dvc artifacts get REPOSITORY NAME` looks for the tag of a version, reads dvc.yaml at that tag, and brings what the
artifact's path holds there, Git LFS objects included.
"""

from __future__ import annotations

import posixpath
from collections.abc import Mapping
from typing import Any, Final

from embver.actions.workspace import Workspace
from embver.errors import CardError, EmbverError, UsageError
from embver.exchange.dvc import PIPELINE
from embver.exchange.dvc_config import CONFIG
from embver.exchange.dvc_pipeline import artifact_lines
from embver.store.cards import read_card_text, update_card
from embver.tagname import DEFAULT_FORMAT

IGNORED: Final = ".dvc/.gitignore"
TYPE: Final = "embedding"
_OFF: Final = "or say in embver.toml that a release leaves it alone: [dvc] artifacts = false"


def artifact_files(work: Workspace, plain: Mapping[str, Any]) -> dict[str, bytes]:
    """Return the files that a release's commit holds beside the version: dvc.yaml, and what makes DVC read it.

    `plain` is the released card. Nothing where the settings say no, or say nothing and there is no dvc.yaml. Raises
    UsageError where dvc.yaml cannot be edited, has changes that no commit holds, or gives the name to something else.
    """
    wanted = work.settings.dvc.get("artifacts")
    head = work.repo.head()
    names = (PIPELINE, CONFIG, IGNORED)
    held = work.repo.read_many([f"{head}:{name}" for name in names]) if head else (None,) * len(names)
    committed = dict(zip(names, held, strict=True))
    before = committed[PIPELINE]
    if wanted is False or (wanted is None and before is None and not work.path(PIPELINE).is_file()):
        return {}
    if work.settings.tags.pattern != DEFAULT_FORMAT:
        if wanted is None:
            return {}
        raise UsageError(
            f"dvc finds versions by tags of the form {DEFAULT_FORMAT}, and tag_format is another one",
            hint="embver.toml: [dvc] artifacts = false",
        )
    text = _edited(work, plain, (before or b"").decode("utf-8", "replace"))
    made = {PIPELINE: text.encode()}
    if committed[CONFIG] is None:
        made |= {CONFIG: b""}
        made |= {IGNORED: b"/config.local\n/tmp\n/cache\n"} if committed[IGNORED] is None else {}
    changed = {path: data for path, data in made.items() if data != committed[path]}
    _check_committed(work, tuple(changed))
    return changed


def _edited(work: Workspace, plain: Mapping[str, Any], text: str) -> str:
    """Return dvc.yaml with the version as the artifact of its embedding's name; what people wrote beside it stays."""
    name, folder = str(plain["name"]), work.folder(str(plain["name"]), plain["version"])
    entry = {"path": folder, "type": TYPE, **({"desc": str(plain["title"])} if plain.get("title") else {})}
    found = read_card_text(text, path=PIPELINE)
    is_empty = not _words_of(text)
    artifacts = found.plain.get("artifacts") or {}
    if not is_empty and (not found.is_read or found.problems or not isinstance(artifacts, Mapping)):
        place = found.problems[0].format() if found.problems else f"{PIPELINE}: artifacts is no mapping"
        raise UsageError(f"the release would be written into {PIPELINE}: {place}", hint=f"mend it, {_OFF}")
    known = artifacts.get(name)
    path = posixpath.normpath(str(known.get("path"))) if isinstance(known, Mapping) else None
    if known is not None and (path is None or posixpath.dirname(path) != posixpath.dirname(folder)):
        line, column = found.locate(("artifacts", name))
        raise UsageError(
            f"{PIPELINE}:{line}:{column}: the artifact {name} is {path}, and not this embedding",
            hint=f"give one of the two another name, {_OFF}",
        )
    if is_empty or "artifacts" not in found.plain:
        return f"{text.rstrip()}\n\n".lstrip() + artifact_lines(name, entry)
    places: list[tuple[tuple[str, ...], Any]] = [(("artifacts", name), entry)]
    if known is not None:
        places = [(("artifacts", name, "path"), folder)]
    try:
        return update_card(text, places)
    except (CardError, EmbverError) as error:
        raise UsageError(f"{PIPELINE}: {error}", hint=f"write `path: {folder}` there, {_OFF}") from error


def _words_of(text: str) -> str:
    """Return a file's text without its comments."""
    return "".join(line for line in text.splitlines() if not line.lstrip().startswith("#")).strip()


def _check_committed(work: Workspace, paths: tuple[str, ...]) -> None:
    """Raise UsageError where a file that the release writes has edits that no commit holds: they are not ours."""
    edited = [path for path in work.repo.changed_paths(*paths) if path in paths] if paths else []
    if edited:
        raise UsageError(
            f"{edited[0]} has changes that no commit holds, and the release writes into it",
            hint=f"git add {edited[0]} && git commit, {_OFF}",
        )
