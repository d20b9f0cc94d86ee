"""What a `dvc.yaml` declares beside its stages' commands: metrics, plots and artifacts. Plain data in and out."""

from __future__ import annotations

import json
import posixpath
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

Plain = Mapping[str, Any]
_PLAIN: Final = re.compile(r"[A-Za-z][A-Za-z0-9_./-]*(?: [A-Za-z0-9_./-]+)*")
_WORDS: Final = frozenset({"null", "true", "false", "yes", "no", "on", "off", "y", "n"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Artifact:
    """An entry of `artifacts`: a name for a path, which `dvc artifacts get` and GTO find by tags."""

    name: str
    path: str  # from the repository's root
    plain: Plain


@dataclass(frozen=True, slots=True, kw_only=True)
class Pipeline:
    """One `dvc.yaml`; paths are from the repository's root, and `metrics` are those of a stage or of all."""

    metrics: tuple[str, ...] = ()
    plots: tuple[str, ...] = ()
    artifacts: tuple[Artifact, ...] = ()


def read_pipeline(plain: Plain, path: str, *, stage: str | None = None) -> Pipeline:
    """Return what a `dvc.yaml` at a path declares; of a stage, its own metrics and plots, else those of all stages."""
    folder = posixpath.dirname(path)
    stages = [entry for name, entry in _items(plain.get("stages")) if stage is None or name == _base(stage)]
    bodies = [_body(entry) for entry in stages]

    def named(key: str) -> tuple[str, ...]:
        own = [
            posixpath.join(str(body.get("wdir") or ""), name)
            for body in bodies
            for name in _names(body.get(key))
        ]
        return tuple(
            dict.fromkeys(
                posixpath.normpath(posixpath.join(folder, name))
                for name in (*own, *_names(plain.get(key)))
                if "${" not in name
            )
        )

    return Pipeline(
        metrics=named("metrics"),
        plots=named("plots"),
        artifacts=tuple(
            Artifact(name=name, path=posixpath.normpath(posixpath.join(folder, entry["path"])), plain=entry)
            for name, entry in _items(plain.get("artifacts"))
            if isinstance(entry.get("path"), str)
        ),
    )


def artifact_lines(name: str, entry: Mapping[str, str]) -> str:
    """Return the text of a new `artifacts` section with one entry, as people write it in a dvc.yaml."""
    lines = [
        "artifacts:",
        f"  {_scalar(name)}:",
        *(f"    {key}: {_scalar(text)}" for key, text in entry.items()),
    ]
    return "\n".join(lines) + "\n"


def _scalar(text: str) -> str:
    """Return a text as YAML: plain where no reader could take it for anything else, else quoted as in JSON."""
    is_plain = _PLAIN.fullmatch(text) is not None and text.lower() not in _WORDS
    return text if is_plain else json.dumps(text, ensure_ascii=False)


def _base(stage: str) -> str:
    return stage.partition("@")[0]


def _body(stage: Plain) -> Plain:
    done = stage.get("do")
    return done if isinstance(done, Mapping) else stage


def _items(entries: Any) -> Iterator[tuple[str, Plain]]:
    for name, entry in entries.items() if isinstance(entries, Mapping) else ():
        if isinstance(entry, Mapping):
            yield str(name), entry


def _names(listed: Any) -> Iterator[str]:
    """Yield the paths of a list whose entries are paths, or mappings from a path to what is said of it."""
    for entry in listed if isinstance(listed, list) else (listed or ()):
        if isinstance(entry, str):
            yield entry
        elif isinstance(entry, Mapping):
            yield from (str(name) for name in entry)
