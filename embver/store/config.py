"""Settings: `embver.toml`, or `[tool.embver]` in pyproject.toml, and never both."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from embver.errors import ConfigError
from embver.problem import dotted
from embver.store.schemas import check_shape
from embver.tagname import DEFAULT_FORMAT, TagFormat

FILE_NAME = "embver.toml"


@dataclass(frozen=True, slots=True, kw_only=True)
class BenchmarkSetting:
    """A benchmark that `embver bench` runs: labelled items, and which of them ask and answer."""

    id: str
    items: str
    query: str
    document: str
    metrics: tuple[str, ...]
    main: str
    title: str | None = None
    where: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """What a repository's owner decided; every field has a default that works."""

    is_file: bool = False
    embeddings: str = "embeddings"
    tags: TagFormat = field(default_factory=TagFormat)
    remote: str = "origin"
    probe: str | None = None
    rule: Mapping[str, Any] = field(default_factory=dict)
    benchmarks: tuple[BenchmarkSetting, ...] = ()
    site: Mapping[str, Any] = field(default_factory=dict)
    names: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)

    def probe_for(self, name: str) -> str | None:
        """Return the folder of an embedding's probe set."""
        chosen: str | None = (self.names.get(name) or {}).get("probe", self.probe)
        return chosen

    def benchmarks_for(self, name: str) -> tuple[BenchmarkSetting, ...]:
        """Return the benchmarks of an embedding: all, or those that its own settings name."""
        chosen = (self.names.get(name) or {}).get("benchmarks")
        return tuple(entry for entry in self.benchmarks if chosen is None or entry.id in chosen)


def load_settings(root: Path) -> Settings:
    """Read a repository's settings; raise ConfigError with every mistake in them."""
    own, project = root / FILE_NAME, root / "pyproject.toml"
    in_project = _read(project).get("tool", {}).get("embver") if project.is_file() else None
    if own.is_file() and in_project is not None:
        raise ConfigError(
            f"settings stand both in {FILE_NAME} and in pyproject.toml", hint="keep one: delete [tool.embver]"
        )
    if own.is_file():
        return _settings(_read(own), FILE_NAME)
    return _settings(in_project, "pyproject.toml [tool.embver]") if in_project is not None else Settings()


def _read(path: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path.name}: {error}") from error


def _settings(plain: Mapping[str, Any], source: str) -> Settings:
    flaws = check_shape(plain, kind="settings")
    if flaws:
        lines = [f"{source}: {dotted(flaw.where) or 'settings'}: {flaw.message}" for flaw in flaws]
        raise ConfigError("\n".join(lines), hint=flaws[0].hint)
    try:
        tags = TagFormat(pattern=plain.get("tag_format", DEFAULT_FORMAT))
    except ValueError as error:
        raise ConfigError(f"{source}: {error}") from error
    return Settings(
        is_file=True,
        embeddings=plain.get("embeddings", "embeddings").strip("/"),
        tags=tags,
        remote=plain.get("remote", "origin"),
        probe=plain.get("probe"),
        rule=plain.get("rule", {}),
        benchmarks=tuple(_benchmark(entry) for entry in plain.get("benchmark", ())),
        site=plain.get("site", {}),
        names=plain.get("names", {}),
    )


def _benchmark(plain: Mapping[str, Any]) -> BenchmarkSetting:
    metrics = tuple(plain.get("metrics", ("hit@1", "hit@10", "mrr@10")))
    return BenchmarkSetting(
        id=plain["id"],
        items=plain["items"],
        query=plain["query"],
        document=plain["document"],
        metrics=metrics,
        main=plain.get("main", metrics[0]),
        title=plain.get("title"),
        where=plain.get("where", {}),
    )
