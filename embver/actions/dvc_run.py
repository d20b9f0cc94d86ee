"""What a DVC stage's last run was told, read and measured, from `dvc.lock` and what Git holds beside it."""

from __future__ import annotations

import hashlib
import posixpath
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from embver.actions.dvc_reading import DvcReader
from embver.errors import UsageError
from embver.exchange import dvc
from embver.exchange.dvc_params import Leaf, chosen, leaves, named
from embver.exchange.dvc_pipeline import Pipeline
from embver.exchange.json_file import MAX_BYTES, parse_json
from embver.exchange.tracked_metrics import Point, Wanted, benchmark_record
from embver.intake import AbsentError, LeftOut, MalformedError, Taken

_SHOWN: Final = 6
_YAML: Final = (".yaml", ".yml")


def parameters(stage: dvc.Stage, wanted: str) -> tuple[tuple[Taken, ...], tuple[LeftOut, ...]]:
    """Return a stage's parameters as hyperparameters, as `dvc.lock` holds them: what it really ran with."""
    return _parameters([leaf for file, plain in stage.params.items() for leaf in leaves(file, plain)], wanted)


def parameters_of_file(
    reader: DvcReader, path: str, wanted: str
) -> tuple[tuple[Taken, ...], tuple[LeftOut, ...]]:
    """Return the parameters of a file that Git holds."""
    return _parameters(tuple(leaves(path, read_values(reader, path) or {})), wanted)


def _parameters(found: Sequence[Leaf], wanted: str) -> tuple[tuple[Taken, ...], tuple[LeftOut, ...]]:
    if wanted == "none":
        return (), _named_only(found, "--set params=none")
    try:
        kept = chosen(found, wanted)
    except ValueError as error:
        known = tuple(f"{leaf.file}:{leaf.name}" for leaf in found)
        raise AbsentError(f"params={wanted}: {error}", known=known) from error
    taken, left = (
        [],
        list(_named_only([leaf for leaf in found if leaf not in kept], f"--set params={wanted}")),
    )
    for name, leaf in named(kept).items():
        where = f"{leaf.file}:{leaf.name}"
        if leaf.why is not None:
            left.append(LeftOut(what=where, why=leaf.why))
        else:
            taken.append(Taken(where=("training", "hyperparameters", name), value=leaf.value, origin=where))
    return tuple(taken), tuple(left)


def _named_only(found: Sequence[Leaf], why: str) -> tuple[LeftOut, ...]:
    return (LeftOut(what=_several([leaf.name for leaf in found], "parameters"), why=why),) if found else ()


def stale_parameters(reader: DvcReader, stage: dvc.Stage) -> Iterator[str]:
    """Yield a warning for each file whose parameters are others than those that the stage ran with."""
    for path, plain in stage.params.items():
        try:
            now = read_values(reader, path)
        except MalformedError as error:
            yield f"{error}; the values are those of {stage.lock}"
            continue
        then = {leaf.name: leaf.value for leaf in leaves(path, plain)}
        here = {leaf.name: leaf.value for leaf in leaves(path, now or {})}
        other = sorted(name for name, value in then.items() if name in here and here[name] != value)
        if now is not None and other:
            yield (
                f"{path} has another {', '.join(other[:_SHOWN])} than {stage.name} ran with: "
                f"the values of {stage.lock} were taken (dvc repro {stage.name} would run it anew)"
            )


def measured(
    reader: DvcReader, pipeline: Pipeline, stage: dvc.Stage | None, wanted: Wanted, uri: str
) -> tuple[tuple[Taken, ...], tuple[LeftOut, ...], tuple[str, ...]]:
    """Return the metrics that somebody asked for as a benchmark's record, and name the others.

    Only values that Git holds are there to be taken, and only where they are those that the run wrote.
    """
    points: dict[str, list[Point]] = {}
    left: list[LeftOut] = []
    for path in pipeline.metrics:
        why = _unusable(reader, path, stage)
        if why is not None:
            left.append(LeftOut(what=path, why=why))
            continue
        try:
            plain = read_values(reader, path)
        except MalformedError as error:
            left.append(LeftOut(what=path, why=str(error)))
            continue
        for leaf in leaves(path, plain or {}):
            number = leaf.value if type(leaf.value) in (int, float) else None
            if number is not None or leaf.why:
                points.setdefault(leaf.name, []).append(Point(value=number))
    asked = {each.key for each in wanted.metrics}
    rest = [name for name in points if name not in asked]
    if rest:
        option = f"--set benchmark=ID --set metrics={rest[0]}=NAME:last"
        left.append(
            LeftOut(what=_several(rest, "metrics"), why=f"they are of no benchmark; {option} takes one")
        )
    if pipeline.plots:
        left.append(LeftOut(what=_several(pipeline.plots, "plots"), why="a card holds no curves"))
    if not wanted.metrics:
        return (), tuple(left), ()
    twice = sorted(key for key in asked if len(points.get(key, ())) > 1)
    if twice:
        raise UsageError(f"{twice[0]} is in several metrics files", hint="rename one of the two")
    found = wanted.found(points, known=tuple(points), uri=uri)
    return (benchmark_record("dvc", uri, found),), tuple(left), found.warnings


def _unusable(reader: DvcReader, path: str, stage: dvc.Stage | None) -> str | None:
    """Return why the values of a metrics file are not to be had, or not to be trusted."""
    data = reader.data((path,)).get(path)
    if data is None:
        return "its values are not in Git: DVC keeps the file (`cache: false` in dvc.yaml keeps it in Git)"
    out = next((out for out in stage.outs if out.path == path), None) if stage else None
    if out is not None and out.digest is not None and not _is_same(data, out.digest):
        return f"the file in Git is not the one that {stage.name if stage else ''} wrote: {out.pointer} pins another"
    return None


def _is_same(data: bytes, digest: str) -> bool:
    algorithm, _, wanted = digest.partition(":")
    body = data.replace(b"\r\n", b"\n") if algorithm == dvc.OLD_MD5 and b"\0" not in data else data
    return hashlib.md5(body, usedforsecurity=False).hexdigest() == wanted


def read_values(reader: DvcReader, path: str) -> Mapping[str, Any] | None:
    """Return a file of parameters or metrics (YAML, JSON, TOML) as Git holds it; None where it does not.

    Raises MalformedError for one that is not what its name says, and for Python, which nobody runs here.
    """
    if path.endswith(_YAML):
        return reader.plain((path,)).get(path)
    data = reader.data((path,)).get(path)
    if data is None:
        return None
    if len(data) > MAX_BYTES:
        raise MalformedError(path, f"it has {len(data):,} bytes, and {MAX_BYTES:,} are the most that is read")
    kind = posixpath.splitext(path)[1]
    if kind == ".json":
        found = parse_json(data, path)
    elif kind == ".toml":
        found = _toml(data, path)
    else:
        raise MalformedError(path, f"{kind or 'a file without suffix'} is not read: YAML, JSON and TOML are")
    if not isinstance(found, Mapping):
        raise MalformedError(path, "it holds no names with values")
    return found


def _toml(data: bytes, path: str) -> Mapping[str, Any]:
    import tomllib

    try:
        return tomllib.loads(data.decode())
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise MalformedError(path, f"it is no TOML: {error}") from error


def _several(names: Sequence[str], what: str) -> str:
    more = f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else ""
    return f"{what} {', '.join(names[:_SHOWN])}{more}"
