"""A run of an experiment tracker, and what of it a card takes over: the same for every tracker.

MLflow, Weights & Biases and Neptune each have a module that reads a run into a `TrackedRun`; `intake` takes it from there.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from typing import Any, Final

from embver.exchange.tracked_metrics import Wanted, benchmark_record, is_measure
from embver.intake import Intake, LeftOut, Origin, Taken

_NAMED: Final = 12  # names of one kind that are written out before the rest is counted
_COMMIT: Final = re.compile(r"[0-9a-f]{40}|[0-9a-f]{64}")
_LARGEST: Final = 2**53  # whole numbers beyond it are not exact everywhere (RFC 8785, section 3.2.2.3)
_ROLES: Final = ("train", "validation", "test", "distillation")
# MLflow's databases have no infinity: they keep the largest float in its place.
_CLAMPED: Final = 1.7976931348623157e308


@dataclass(frozen=True, slots=True, kw_only=True)
class Data:
    """A data set that a run says it used; `version` and `digest` as its tracker knows it."""

    name: str
    version: str | None = None
    digest: str | None = None
    uri: str | None = None
    rows: int | None = None
    role: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class TrackedRun:
    """What a tracker knows of one run; `hyperparameters` are plain data, `metrics` the names of its series.

    `failure` says that the run failed, was killed, was deleted or goes on. `asides` are facts for people that go under
    the tracker's name in the card's `extra`.
    """

    tracker: str
    uri: str
    digest: str | None = None
    version: str | None = None
    failure: str | None = None
    hyperparameters: Mapping[str, Any] = field(default_factory=dict)
    parameters_are: str = "param"  # what the tracker's users call a hyperparameter
    metrics: tuple[str, ...] = ()
    not_finite: tuple[str, ...] = ()  # metrics whose value is no number or without end
    data: tuple[Data, ...] = ()
    commit: str | None = None
    repository: str | None = None
    asides: Mapping[str, Any] = field(default_factory=dict)
    left_out: tuple[LeftOut, ...] = ()
    warnings: tuple[str, ...] = ()


def intake(run: TrackedRun, wanted: Wanted) -> Intake:
    """Return what a card takes over from a run, and what it does not and why."""
    taken = [
        Taken(where=("training", "run"), value={"tracker": run.tracker, "uri": run.uri}, origin="the run")
    ]
    left: list[LeftOut] = []
    for key, value in flattened(run.hyperparameters):
        origin = f"{run.parameters_are} {key}"
        if wanted.parameters and not any(fnmatchcase(key, pattern) for pattern in wanted.parameters):
            left.append(LeftOut(what=origin, why="none of --set params=... fits it"))
            continue
        found, why = plain_value(value)
        if why:
            left.append(LeftOut(what=origin, why=why))
        else:
            taken.append(Taken(where=("training", "hyperparameters", key), value=found, origin=origin))
    taken += _data(run)
    taken += _code(run, left)
    if wanted.benchmark is not None:
        taken.append(benchmark_record(run.tracker, run.uri, wanted))
    taken += [
        Taken(where=("extra", run.tracker, key), value=value, origin=f"the run's {key.replace('_', ' ')}")
        for key, value in run.asides.items()
    ]
    return Intake(
        origin=Origin(source=run.tracker, uri=run.uri, digest=run.digest, version=run.version),
        taken=tuple(taken),
        left_out=(*_grouped(left), *_metrics_left(run, wanted), *run.left_out),
        warnings=(*run.warnings, *wanted.warnings),
        failure=run.failure,
    )


def mixture(training: Mapping[str, Any], run: TrackedRun, *, is_replaced: bool) -> str | None:
    """Say what of another run a card's `training` would still hold; None where it names no other run.

    A card that names one run and holds the parameters of two would lie.
    """
    before = (training.get("run") or {}).get("uri")
    if not before or before == run.uri:
        return None
    if not is_replaced:
        return f"the card is of another run, {before}: what both say is kept as it was; --replace takes this one's"
    said = dict(flattened(run.hyperparameters))
    stays = [
        f"training.hyperparameters.{key}" for key in training.get("hyperparameters") or {} if key not in said
    ]
    stays += ["training.code"] if training.get("code") and run.commit is None else []
    if not stays:
        return None
    return f"the card was of another run, {before}: this one says nothing of {listed(stays)}, which stay as they were"


def plain_value(value: Any) -> tuple[Any, str | None]:
    """Return a value as a card's hyperparameter holds it, and why it cannot where it cannot.

    A card holds plain values and lists of them; what is nested gets names with dots (`flattened`).
    """
    if isinstance(value, list | tuple):
        if any(isinstance(entry, Mapping | list | tuple) for entry in value):
            return None, "a list of lists or mappings has no place in a card"
        reasons = [why for _, why in map(plain_value, value) if why]
        return (None, reasons[0]) if reasons else (list(value), None)
    if isinstance(value, Mapping):
        return None, "it is empty"
    if value is None:
        return None, "it has no value"
    if isinstance(value, float) and not is_finite(value):
        return None, "it is not a finite number"
    if isinstance(value, int) and not isinstance(value, bool) and abs(value) > _LARGEST:
        return str(value), None
    return value, None


def flattened(plain: Mapping[str, Any], above: str = "") -> Iterator[tuple[str, Any]]:
    """Yield the values of nested mappings under names with dots."""
    for key, value in plain.items():
        name = f"{above}.{key}" if above else str(key)
        if isinstance(value, Mapping) and value:
            yield from flattened(value, name)
        else:
            yield name, value


def is_finite(value: float) -> bool:
    """Tell a number from NaN and the infinities, also those that a database keeps as the largest float."""
    return math.isfinite(value) and abs(value) < _CLAMPED


def tracked_data(found: Iterable[Data]) -> tuple[Data, ...]:
    """Return data sets each under a name of its own, training's first: two of one name are told apart by role."""
    by_name: dict[str, Data] = {}
    order = {role: number for number, role in enumerate(_ROLES)}
    for entry in sorted(
        found, key=lambda one: (order.get(one.role or "", len(order)), one.name, one.version or "")
    ):
        name, number = entry.name, 2
        while name in by_name and not _is_one(by_name[name], entry):
            suffix = entry.role if entry.role and number == 2 else str(number)
            name, number = f"{entry.name} ({suffix})", number + 1
        known = by_name.get(name)
        if known is None:
            by_name[name] = Data(
                name=name,
                version=entry.version,
                digest=entry.digest,
                uri=entry.uri,
                rows=entry.rows,
                role=entry.role,
            )
    return tuple(by_name.values())


def _is_one(one: Data, other: Data) -> bool:
    return (one.version, one.digest, one.uri) == (other.version, other.digest, other.uri)


def _data(run: TrackedRun) -> Iterator[Taken]:
    for entry in run.data:
        plain = {
            "name": entry.name,
            "version": entry.version,
            "uri": entry.uri,
            "tracked_by": run.tracker,
            "digest": entry.digest,
            "rows": entry.rows,
            "role": entry.role,
        }
        value = {key: value for key, value in plain.items() if value is not None}
        yield Taken(
            where=("training", "data", ("name", entry.name)), value=value, origin=f"data set {entry.name}"
        )


def _code(run: TrackedRun, left: list[LeftOut]) -> Iterator[Taken]:
    if run.commit is not None and not _COMMIT.fullmatch(run.commit):
        left.append(LeftOut(what=f"the commit {run.commit}", why="it is not a Git commit in full"))
    elif run.commit is not None:
        yield Taken(where=("training", "code", "commit"), value=run.commit, origin="the run's Git commit")
        if run.repository:
            yield Taken(
                where=("training", "code", "uri"), value=run.repository, origin="the run's repository"
            )


def _metrics_left(run: TrackedRun, wanted: Wanted) -> Iterator[LeftOut]:
    rest = [name for name in run.metrics if name not in {each.key for each in wanted.metrics}]
    finite = [name for name in rest if name not in run.not_finite]
    if finite:
        likely = next((name for name in finite if is_measure(name)), None)
        example = f"{likely}=NAME:max" if likely else f"{finite[0]}=NAME:last"
        yield LeftOut(
            what=f"{counted(len(finite), 'metric')} ({listed(finite)})",
            why="a run's metrics are no benchmark by themselves; to take one: "
            f"--set benchmark=ID --set metrics={example}",
        )
    not_finite = [name for name in rest if name in run.not_finite]
    if not_finite:
        yield LeftOut(
            what=f"{counted(len(not_finite), 'metric')} ({listed(not_finite)})",
            why="NaN or infinite at the end of the run",
        )


def _grouped(left: list[LeftOut]) -> Iterator[LeftOut]:
    """Yield one line for all that is left out for one reason."""
    by_reason: dict[str, list[str]] = {}
    for entry in left:
        by_reason.setdefault(entry.why, []).append(entry.what)
    for why, names in by_reason.items():
        yield LeftOut(what=listed(names), why=why)


def counted(number: int, noun: str) -> str:
    """Return a number with its noun."""
    return f"{number:,} {noun}{'' if number == 1 else 's'}"


def listed(names: Iterable[str]) -> str:
    """Return names in a row, the first dozen written out."""
    every = list(names)
    rest = len(every) - _NAMED
    return ", ".join(every[:_NAMED]) + (f" and {rest:,} more" if rest > 0 else "")


def from_text(text: str) -> str | int | float | bool:
    """Return the number or boolean that a text surely is; a text whose writing would be lost stays one.

    `1e-5` is a number; `007`, `1.0.0`, `1_000`, `nan` and `None` are texts.
    """
    if text in ("True", "true", "False", "false"):
        return text[0] in "Tt"
    if re.fullmatch(r"-?(?:0|[1-9][0-9]*)", text):
        whole = int(text)
        return whole if abs(whole) <= _LARGEST and text != "-0" else text
    if not re.fullmatch(r"-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?", text):
        return text
    number = float(text)
    from decimal import Decimal

    is_exact = math.isfinite(number) and Decimal(repr(number)) == Decimal(text)
    return number if is_exact else text
