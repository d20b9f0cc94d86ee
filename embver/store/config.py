"""Settings: `embver.toml`, or `[tool.embver]` in pyproject.toml, and never both."""

from __future__ import annotations

import json
import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import Any

from embver.errors import ConfigError
from embver.problem import dotted
from embver.store.resources import resource_folder
from embver.tagname import DEFAULT_FORMAT, TagFormat

FILE_NAME = "embver.toml"
_TYPES: dict[str, type | tuple[type, ...]] = {
    "object": dict,
    "array": list,
    "string": str,
    "boolean": bool,
    "number": (int, float),
}
_NOTES = {"$schema", "$id", "$defs", "title", "description", "examples", "default"}


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
    tool = _read(project).get("tool") if project.is_file() else None
    in_project = tool.get("embver") if isinstance(tool, dict) else None
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
    schema = json.loads((resource_folder("schemas") / "settings" / "v1.json").read_text(encoding="utf-8"))
    if not _is_surely_valid(plain, schema, schema):
        _explain(plain, source)
    try:
        tags = TagFormat(pattern=plain.get("tag_format", DEFAULT_FORMAT))
    except ValueError as error:
        raise ConfigError(f"{source}: {error}") from error
    benchmarks = tuple(_benchmark(entry) for entry in plain.get("benchmark", ()))
    names = {name: dict(chosen) for name, chosen in plain.get("names", {}).items()}
    for name, chosen in names.items():
        for wanted in chosen.get("benchmarks", ()):
            if wanted not in {benchmark.id for benchmark in benchmarks}:
                raise ConfigError(
                    f"{source}: names.{name}.benchmarks: there is no benchmark {wanted!r}",
                    hint=f"known: {', '.join(benchmark.id for benchmark in benchmarks) or 'none'}",
                )
        if "probe" in chosen:
            chosen["probe"] = _folder(chosen["probe"], f"{source}: names.{name}.probe")
    return Settings(
        is_file=True,
        embeddings=_folder(plain.get("embeddings", "embeddings"), f"{source}: embeddings"),
        tags=tags,
        remote=plain.get("remote", "origin"),
        probe=_folder(plain["probe"], f"{source}: probe") if "probe" in plain else None,
        rule=plain.get("rule", {}),
        benchmarks=benchmarks,
        site=plain.get("site", {}),
        names=names,
    )


def _explain(plain: Mapping[str, Any], source: str) -> None:
    """Raise ConfigError with every place where settings differ from their schema."""
    from embver.store.schemas import check_shape

    flaws = check_shape(plain, kind="settings")
    if flaws:
        lines = [f"{source}: {dotted(flaw.where) or 'settings'}: {flaw.message}" for flaw in flaws]
        raise ConfigError("\n".join(lines), hint=flaws[0].hint)


def _is_surely_valid(plain: Any, schema: Mapping[str, Any], root: Mapping[str, Any]) -> bool:
    """Tell whether the schema certainly accepts plain data; False: ask the schema checker, which takes 40 ms to load.

    Every command reads the settings, and nearly always they are right. A keyword not known here is no yes.
    """
    if "$ref" in schema:
        defined = root["$defs"][schema["$ref"].removeprefix("#/$defs/")]
        return _is_surely_valid(plain, defined, root)
    keywords = dict(schema)
    kinds = keywords.pop("type", [])
    for kind in [kinds] if isinstance(kinds, str) else kinds:
        if isinstance(plain, _TYPES.get(kind, ())) and (kind == "boolean") == isinstance(plain, bool):
            break
    else:
        return not kinds and keywords.keys() <= {"enum"} | _NOTES and plain in keywords.get("enum", [plain])
    properties, other = keywords.pop("properties", {}), keywords.pop("additionalProperties", True)
    each, names = keywords.pop("items", {}), keywords.pop("propertyNames", {}).get("pattern", ".*")
    least = max(keywords.pop("minLength", 0), keywords.pop("minItems", 0))
    pattern, required = keywords.pop("pattern", ""), keywords.pop("required", ())
    is_set = keywords.pop("uniqueItems", False)
    if not keywords.keys() <= _NOTES:
        return False
    if isinstance(plain, str):
        return len(plain) >= least and (not pattern or re.fullmatch(pattern, plain) is not None)
    if isinstance(plain, list):
        is_double = is_set and any(value in plain[:index] for index, value in enumerate(plain))
        return len(plain) >= least and not is_double and all(_is_surely_valid(v, each, root) for v in plain)
    if isinstance(plain, dict):
        for key, value in plain.items():
            known = properties.get(key, other)
            is_right = known if isinstance(known, bool) else _is_surely_valid(value, known, root)
            if not is_right or re.fullmatch(names, key) is None:
                return False
        return plain.keys() >= set(required)
    return True


def _folder(text: str, place: str) -> str:
    """Return a folder as Git writes paths; raise ConfigError unless it lies below the repository's root."""
    folder = PurePosixPath(text.strip("/"))
    if not folder.parts or ".." in folder.parts or "\\" in text:
        raise ConfigError(
            f"{place} is {text!r}, where a folder below the repository's root is expected",
            hint="separated by /, without ..",
        )
    return str(folder)


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
