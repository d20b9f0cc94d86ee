"""A run of Weights & Biases, however it was read: its parts, and what a card takes over of them.

`wandb_log` reads what `wandb leet inspect` prints of an offline run, `wandb_api` asks a server. Both give a `Run`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from embver.exchange.tracked import Data, TrackedRun, counted, flattened, is_finite, listed, tracked_data
from embver.exchange.tracked_metrics import Point
from embver.intake import LeftOut

SOURCE: Final = "wandb"
PICKS: Final = ("last", "max", "min")
_SUMMARIES: Final = frozenset({"last", "max", "min", "mean", "best", "first", "none", "copy"})
_PART: Final = r"[^/:#?\s]+"
_PAGE: Final = re.compile(rf"https?://[^/]+/(?:wandb/)?({_PART})/({_PART})/runs/({_PART})")
_PATH: Final = re.compile(rf"({_PART})/({_PART})/(?:runs/)?({_PART})")
_STATES: Final = {
    "finished": None,
    "failed": "the run failed",
    "crashed": "the run crashed, or its machine stopped",
    "killed": "the run was killed",
    "preempted": "the run was stopped for another",
    "preempting": "the run is being stopped for another",
    "running": "the run still goes on, or was killed: its end is missing",
    "pending": "the run has not begun",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Artifact:
    """Something that the run logged; `digest` is the MD5 of its manifest, which lists the digests of its files."""

    kind: str
    name: str
    digest: str
    aliases: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """One run. `summary` is as its server or log has it; `series` holds the history of the metrics asked for."""

    path: str  # ENTITY/PROJECT/ID, without what is not known
    state: str
    config: Mapping[str, Any] = field(default_factory=dict)
    summary: Mapping[str, Any] = field(default_factory=dict)
    logged: frozenset[str] = frozenset()  # names in the history
    series: Mapping[str, Sequence[Point]] = field(default_factory=dict)
    commit: str | None = None
    repository: str | None = None
    artifacts: tuple[Artifact, ...] = ()
    machine: Mapping[str, Any] = field(default_factory=dict)
    tags: tuple[str, ...] = ()
    client: str | None = None  # the version that wrote it
    digest: str | None = None


def split_path(text: str) -> str | None:
    """Return ENTITY/PROJECT/ID of a reference to a run on a server, or None where it is something else."""
    text = text.removeprefix("wandb:")
    found = _PAGE.match(text) or _PATH.fullmatch(text)
    return "/".join(found.groups()) if found else None


def point(value: Any, step: float | None = None) -> Point | None:
    """Return one value of a series, or None for what is no number; NaN and infinity are texts."""
    if isinstance(value, str) and value in ("NaN", "Infinity", "-Infinity"):
        return Point(value=None, step=step)
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    return Point(value=float(value) if is_finite(value) else None, step=step)


def summaries(run: Run) -> dict[tuple[str, str], Point]:
    """Return what the summary says of each metric, by name and pick.

    A plain value is the last one. Where `define_metric` chose what is kept there are only those, under their names.
    """
    found: dict[tuple[str, str], Point] = {}
    for name, value in run.summary.items():
        if name.startswith("_"):
            continue
        if isinstance(value, Mapping) and value and set(value) <= _SUMMARIES:
            inner = {(name, key): value[key] for key in PICKS if key in value}
        elif isinstance(value, Mapping):
            inner = {(key, "last"): entry for key, entry in flattened(value, name)}
        else:
            inner = {(name, "last"): value}
        found |= {key: each for key, entry in inner.items() if (each := point(entry)) is not None}
    return found


def tracked(run: Run, uri: str, *, tags: Sequence[str] = ()) -> TrackedRun:
    """Return what a tracker's run is to a card; `tags` are those asked for."""
    kept = summaries(run)
    names = tuple(sorted({name for name, _ in kept} | set(run.logged)))
    models = [_model(each) for each in run.artifacts if each.kind == "model"]
    asides = {
        "models": models,
        "machine": dict(run.machine),
        "tags": [tag for tag in run.tags if tag in tags],
    }
    return TrackedRun(
        tracker=SOURCE,
        uri=uri,
        digest=run.digest,
        version=run.client,
        failure=_STATES.get(run.state, f"the run is {run.state}"),
        hyperparameters={key: value for key, value in run.config.items() if key != "_wandb"},
        parameters_are="config",
        metrics=names,
        not_finite=tuple(sorted({name for (name, _), each in kept.items() if each.value is None})),
        data=tracked_data(_data(each) for each in run.artifacts if each.kind == "dataset"),
        commit=run.commit,
        repository=run.repository,
        asides={key: value for key, value in asides.items() if value},
        left_out=tuple(_left_out(run, tags)),
        warnings=tuple(f"the run has no tag {tag}" for tag in tags if tag not in run.tags),
    )


def _data(artifact: Artifact) -> Data:
    return Data(name=artifact.name, version=f"wandb-manifest-md5:{artifact.digest}")


def _model(artifact: Artifact) -> dict[str, Any]:
    aliases = [alias for alias in artifact.aliases if alias != "latest"]
    plain = {"name": artifact.name, "digest": f"wandb-manifest-md5:{artifact.digest}", "aliases": aliases}
    return {key: value for key, value in plain.items() if value}


def _left_out(run: Run, tags: Sequence[str]) -> Iterator[LeftOut]:
    others = sorted(
        f"{each.kind} {each.name}" for each in run.artifacts if each.kind not in ("dataset", "model")
    )
    if others:
        yield LeftOut(
            what=f"{counted(len(others), 'artifact')} ({listed(others)})",
            why="neither a data set nor a model",
        )
    rest = sorted(tag for tag in run.tags if tag not in tags)
    if rest:
        yield LeftOut(
            what=f"{counted(len(rest), 'tag')} ({listed(rest)})", why=f"not asked for: --set tags={rest[0]}"
        )
