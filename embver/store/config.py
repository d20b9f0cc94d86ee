"""Settings: `embver.toml`, or `[tool.embver]` in pyproject.toml, and never both."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any

from embver.errors import ConfigError
from embver.store.known_settings import recall, remember
from embver.store.resources import resource_folder
from embver.tagname import DEFAULT_FORMAT, TagFormat

if TYPE_CHECKING:
    from embver.gates import Gate
    from embver.presumption import OwnRule

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
    storage: str = "git-lfs"  # what keeps the vectors of new versions: git-lfs or dvc
    stages: tuple[str, ...] = ()  # that `promote` may give; none: any
    probe: str | None = None
    rule: Mapping[str, Any] = field(default_factory=dict)
    benchmarks: tuple[BenchmarkSetting, ...] = ()
    site: Mapping[str, Any] = field(default_factory=dict)
    dvc: Mapping[str, Any] = field(default_factory=dict)
    names: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    policy: tuple[OwnRule, ...] = ()
    gates: tuple[Gate, ...] = ()

    def policy_for(self, name: str) -> tuple[OwnRule, ...]:
        """Return the repository's own rules for the levels of an embedding."""
        return tuple(rule for rule in self.policy if not rule.names or name in rule.names)

    def probe_for(self, name: str) -> str | None:
        """Return the folder of an embedding's probe set."""
        chosen: str | None = (self.names.get(name) or {}).get("probe", self.probe)
        return chosen

    def benchmarks_for(self, name: str) -> tuple[BenchmarkSetting, ...]:
        """Return the benchmarks of an embedding: all, or those that its own settings name."""
        chosen = (self.names.get(name) or {}).get("benchmarks")
        return tuple(entry for entry in self.benchmarks if chosen is None or entry.id in chosen)

    def gates_for(self, name: str) -> tuple[Gate, ...]:
        """Return the gates of an embedding: those for it alone, and those of a benchmark that it takes part in."""
        run, mine = {entry.id for entry in self.benchmarks}, {entry.id for entry in self.benchmarks_for(name)}
        return tuple(
            gate
            for gate in self.gates
            if gate.embedding == name
            or (gate.embedding is None and (gate.benchmark in mine or gate.benchmark not in run))
        )


def load_settings(root: Path, *, git_dir: Path | None = None) -> Settings:
    """Read a repository's settings; raise ConfigError with every mistake in them.

    What was found right before is remembered in `git_dir`: nearly every command reads the same settings again.
    """
    own, project = root / FILE_NAME, root / "pyproject.toml"
    tool = _read(project).get("tool") if project.is_file() else None
    in_project = tool.get("embver") if isinstance(tool, dict) else None
    if own.is_file() and in_project is not None:
        raise ConfigError(
            f"settings stand both in {FILE_NAME} and in pyproject.toml", hint="keep one: delete [tool.embver]"
        )
    if own.is_file() and git_dir is not None:
        return _known_settings(own, git_dir)
    if own.is_file():
        return _settings(_read(own), FILE_NAME, own)
    if in_project is None:
        return Settings()
    return _settings(in_project, "pyproject.toml [tool.embver]", project)


def read_settings(file: Path) -> Settings:
    """Read settings from a file of any name and place; raise ConfigError with every mistake in them."""
    if not file.is_file():
        raise ConfigError(f"{file} does not exist", hint="name a file such as embver.toml")
    return _settings(_read(file), file.name, file)


def _known_settings(own: Path, git_dir: Path) -> Settings:
    text = own.read_bytes()
    plain = recall(git_dir, text)
    if plain is not None:
        return _settings(plain, FILE_NAME, own, is_known=True)
    plain = _read(own)
    found = _settings(plain, FILE_NAME, own)
    remember(git_dir, text, plain)
    return found


def _read(path: Path) -> dict[str, Any]:
    import tomllib

    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path.name}: {error}") from error


def _settings(plain: Mapping[str, Any], source: str, file: Path, *, is_known: bool = False) -> Settings:
    if not is_known:
        _check(plain, source)
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
        storage=plain.get("storage", "git-lfs"),
        stages=tuple(plain.get("stages", ())),
        probe=_folder(plain["probe"], f"{source}: probe") if "probe" in plain else None,
        rule=plain.get("rule", {}),
        benchmarks=benchmarks,
        site=_site(plain.get("site", {}), source),
        dvc=plain.get("dvc", {}),
        names=names,
        policy=_policy(plain["policy"], file) if plain.get("policy") else (),
        gates=_gates(plain["gate"], benchmarks, names, file) if plain.get("gate") else (),
    )


def _policy(entries: Any, file: Path) -> tuple[OwnRule, ...]:
    from embver.store.own_rules import read_own_rules  # few repositories have rules of their own

    return read_own_rules(entries, file=file.name, text=file.read_text(encoding="utf-8"))


def _gates(
    entries: Any,
    benchmarks: tuple[BenchmarkSetting, ...],
    names: Mapping[str, Mapping[str, Any]],
    file: Path,
) -> tuple[Gate, ...]:
    from embver.store.gate_settings import read_gates  # few repositories have gates

    text = file.read_text(encoding="utf-8")
    return read_gates(entries, benchmarks=benchmarks, names=names, file=file.name, text=text)


def _check(plain: Mapping[str, Any], source: str) -> None:
    """Raise ConfigError with every place where settings differ from their schema."""
    import json

    from embver.store.sure import is_surely_valid

    schema = json.loads((resource_folder("schemas") / "settings" / "v1.json").read_text(encoding="utf-8"))
    if is_surely_valid(plain, schema, schema):
        return
    from embver.problem import dotted
    from embver.store.schemas import check_shape

    flaws = check_shape(plain, kind="settings")
    if flaws:
        lines = [f"{source}: {dotted(flaw.where) or 'settings'}: {flaw.message}" for flaw in flaws]
        raise ConfigError("\n".join(lines), hint=flaws[0].hint)


def _site(plain: Mapping[str, Any], source: str) -> dict[str, Any]:
    folders = {
        key: _folder(plain[key], f"{source}: site.{key}") for key in ("folder", "build") if key in plain
    }
    return {**plain, **folders}


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
    metrics = tuple(plain.get("metrics", ("hit@1", "hit@10", "recall@10", "ndcg@10", "map", "mrr")))
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
