"""Take over what DVC knows: data sets and checkpoints by digest, the parameters of the stage that made them, metrics.

No client of DVC's is needed: `.dvc` files, `dvc.lock` and `dvc.yaml` are in Git, at any revision.
"""

from __future__ import annotations

import posixpath
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from embver.actions.dvc_fields import Entries, PlaceOfEntries
from embver.actions.dvc_reading import DvcReader, Reference, read_reference
from embver.actions.dvc_run import (
    measured,
    parameters,
    parameters_of_file,
    stale_parameters,
)
from embver.actions.importing import ImportRequest
from embver.actions.workspace import Workspace
from embver.errors import UsageError
from embver.exchange import dvc
from embver.exchange.dvc_pipeline import Artifact, Pipeline
from embver.exchange.tracked_metrics import Wanted, wanted_of
from embver.intake import AbsentError, Intake, LeftOut, Origin, Taken
from embver.privacy import without_credentials
from embver.store.repo import Repository

OPTIONS: Final[Mapping[str, str]] = {
    "field": "what of the card it is: data, corpus or model (default: what names the path already, else data)",
    "name": "the data set's name in the card (default: the path's last part)",
    "role": "what the data were used for: train, validation, test, distillation or other",
    "modality": "the encoders that the model is of, commas between, where none names its path yet",
    "data": "the stage's inputs that are data, commas between (default: those that DVC keeps)",
    "params": "parameters to take, commas between: all, none, NAME (with all below) or FILE:NAME",
    "metrics": "metrics for a benchmark's record: KEY=NAME:last, commas between",
    "benchmark": "the id of that record in the card",
    "unit": "what those metrics are in: fraction or percent",
    "repo": "the folder of another repository that holds the path, such as a data registry",
}
FIELDS: Final = ("data", "corpus", "model")
_PARAMETER_FILES: Final = (".yaml", ".yml", ".json", ".toml")


@dataclass(frozen=True, slots=True, kw_only=True)
class _Found:
    """What a reference turned out to be: outputs, the stage that wrote them, or a file of parameters."""

    outputs: tuple[dvc.Output, ...] = ()
    stage: dvc.Stage | None = None
    params_file: str | None = None
    is_run: bool = (
        False  # the stage was asked for by its name: of its outputs, those count that the card names
    )


def read(work: Workspace, request: ImportRequest) -> Intake:
    """Read what DVC knows of a path, a stage or an artifact at a revision.

    Raises AbsentError with what there is, MalformedError with file, line and column, UsageError for options that
    contradict one another.
    """
    options = request.options
    if options.get("field", "data") not in FIELDS:
        raise UsageError(f"field={options['field']}", hint=f"one of {', '.join(FIELDS)}")
    wanted = wanted_of({key: value for key, value in options.items() if key != "params"})
    repo = _repository(work, options.get("repo"))
    folder = request.folder if repo is work.repo else repo.root
    reference = read_reference(repo, request.reference, folder)
    card = work.card_text(work.source(request.into)).plain
    with repo.kept_open():
        reader = DvcReader(repo, reference.commit)
        found = _find(reader, reference)
        there = PlaceOfEntries(
            reference=reference,
            remotes=reader.remotes(),
            address=None if repo is work.repo else _address_of(repo),
        )
        return _intake(reader, reference, found, Entries(card=card, options=options, place=there), wanted)


def _repository(work: Workspace, folder: str | None) -> Repository:
    return work.repo if folder is None else Repository.discover(Path(work.repo.root, folder))


def _address_of(repo: Repository) -> str:
    """Return where others find a repository; without a remote it is somewhere on this machine, and nowhere for them."""
    names = repo.remotes()
    name = "origin" if "origin" in names else names[0] if names else None
    url = repo.config(f"remote.{name}.url") if name else None
    if not url or "://" not in url or url.startswith("file:"):
        raise UsageError(
            f"{repo.root.name} has no remote that others could clone: its data could not be found by the card",
            hint="git remote add origin URL there, or `dvc import` the data into this repository",
        )
    return str(without_credentials(url))


def _find(reader: DvcReader, reference: Reference) -> _Found:
    """Return what a reference names; AbsentError with the outputs that there are."""
    if reference.address is not None:
        return _addressed(reader, reference, *reference.address)
    path = reference.path
    outputs = reader.outputs(path)
    exact = tuple(out for out in outputs if path in (out.path, out.pointer))
    if exact:
        return _Found(outputs=exact, stage=_stage_of(reader, exact[0]))
    if outputs:
        raise AbsentError(
            f"{path} lies in {outputs[0].path}, which DVC keeps as a whole",
            hint=f"embver import dvc {_again(outputs[0].path, reference)}",
        )
    if path.endswith(_PARAMETER_FILES) and reader.data((path,)):
        return _Found(params_file=path)
    pointers = reader.all_pointers()
    known = dvc.outputs(reader.plain([*pointers, *(_pipeline_of(p) for p in pointers)]))
    renamed = tuple(out for out in known if out.path == path)
    if renamed:  # `dvc add --file`: the pointer is named otherwise
        return _Found(outputs=renamed, stage=_stage_of(reader, renamed[0]))
    new = f"{path.removesuffix(dvc.SUFFIX)}{dvc.SUFFIX}"
    if reference.revision is None and (reader.repo.root / new).is_file():
        raise AbsentError(
            f"{new} is in the work tree, and no commit holds it", hint=f"git add {new} && git commit"
        )
    above = f"{path}/" if path else ""
    below = sorted({out.path for out in known if out.path.startswith(above)})
    others = below or sorted({out.path for out in known})
    raise AbsentError(
        f"{path or 'the repository'} is no output of DVC at {reference.at}",
        known=tuple(others),
        hint=None if others else f"dvc add {path}, git commit, then try again",
    )


def _pipeline_of(lock: str) -> str:
    return posixpath.join(posixpath.dirname(lock), dvc.PIPELINE)


def _addressed(reader: DvcReader, reference: Reference, path: str, name: str) -> _Found:
    """Return the stage or the artifact that `PATH/dvc.yaml:NAME` names."""
    stages = reader.stages(posixpath.join(posixpath.dirname(path), dvc.LOCK))
    for stage in stages:
        if stage.name == name:
            return _Found(outputs=stage.outs, stage=stage, is_run=True)
    artifacts = reader.pipeline(path).artifacts
    for artifact in artifacts:
        if artifact.name == name:
            outputs = tuple(out for out in reader.outputs(artifact.path) if out.path == artifact.path)
            if outputs:
                return _Found(outputs=outputs, stage=_stage_of(reader, outputs[0]))
            raise AbsentError(
                f"the artifact {name} is {artifact.path}, which DVC does not keep", hint="embver import lfs"
            )
    known = (*(stage.name for stage in stages), *(artifact.name for artifact in artifacts))
    raise AbsentError(
        f"{path} has no stage and no artifact {name} that was run or is kept at {reference.at}",
        known=tuple(f"{path}:{each}" for each in known),
    )


def _stage_of(reader: DvcReader, out: dvc.Output) -> dvc.Stage | None:
    stages = reader.stages(out.pointer) if out.stage is not None else ()
    return next((stage for stage in stages if stage.name == out.stage), None)


def _again(path: str, reference: Reference) -> str:
    return f"{path}@{reference.revision}" if reference.revision else path


def _intake(
    reader: DvcReader, reference: Reference, found: _Found, entries: Entries, wanted: Wanted
) -> Intake:
    taken: list[Taken] = []
    left: list[LeftOut] = []
    stage, pipeline = found.stage, Pipeline()
    for out in found.outputs if not found.is_run else ():
        made, lost = entries.of(out)
        taken += made
        left += lost
    if stage is not None and (found.is_run or entries.is_model(found.outputs)):
        pipeline = reader.pipeline(stage.pipeline, stage=stage.name)
        made, lost = _of_stage(reader, stage, found, entries, pipeline)
        taken += made
        left += lost
        run = {"tracker": "dvc", "uri": entries.place.uri(f"{stage.pipeline}:{stage.name}")}
        taken.append(Taken(where=("training", "run"), value=run, origin=f"{stage.lock}:{stage.name}"))
        reader.warnings += stale_parameters(reader, stage)
    elif stage is not None:
        address = f"{stage.pipeline}:{stage.name}"
        left.append(LeftOut(what=address, why=f"how it was made; embver import dvc {address} takes that"))
    elif found.params_file is not None:
        params, lost_params = parameters_of_file(
            reader, found.params_file, entries.options.get("params", "all")
        )
        taken += params
        left += lost_params
    uri = entries.place.uri(_named(reference, found))
    record, unused, warnings = measured(reader, pipeline, stage, wanted, uri)
    words = _artifact_words([*pipeline.artifacts, *reader.pipeline(dvc.PIPELINE).artifacts], found)
    return Intake(
        origin=Origin(source="dvc", uri=uri),
        taken=(*taken, *record),
        left_out=(*left, *unused, *words),
        warnings=(*reader.warnings, *warnings, *_moved(reader, found, entries)),
    )


def _named(reference: Reference, found: _Found) -> str:
    if reference.address is not None:
        return f"{reference.address[0]}:{reference.address[1]}"
    return found.outputs[0].pointer if found.outputs and not found.outputs[0].stage else reference.path


def _of_stage(
    reader: DvcReader, stage: dvc.Stage, found: _Found, entries: Entries, pipeline: Pipeline
) -> tuple[list[Taken], list[LeftOut]]:
    """Return what a stage read and was told; of its outputs, the model if the card names it."""
    taken: list[Taken] = []
    left: list[LeftOut] = []
    if found.is_run:
        for out in stage.outs:
            if entries.is_model((out,)):
                made, lost = entries.of(out)
                taken += made
                left += lost
            elif out.path not in pipeline.metrics:
                left.append(LeftOut(what=out.path, why="the card names no such file; import it by its path"))
    made, lost = _inputs(reader, stage, entries)
    params, lost_params = parameters(stage, entries.options.get("params", "all"))
    return [*taken, *made, *params], [*left, *lost, *lost_params]


def _inputs(reader: DvcReader, stage: dvc.Stage, entries: Entries) -> tuple[list[Taken], list[LeftOut]]:
    """Return the data that a stage read: what DVC keeps of its inputs, or what somebody names."""
    asked = [name for name in entries.options.get("data", "").split(",") if name]
    paths = [dep.path for dep in stage.deps]
    unknown = [name for name in asked if name not in paths]
    if unknown:
        raise AbsentError(f"data={unknown[0]}: it is no input of {stage.name}", known=tuple(paths))
    taken: list[Taken] = []
    left: list[LeftOut] = []
    for dep in stage.deps:
        kept = [out for out in reader.outputs(dep.path) if out.path == dep.path]
        if asked and dep.path not in asked:
            left.append(LeftOut(what=dep.path, why="it is not among --set data=..."))
        elif kept or (asked and dep.digest is not None):
            tracker = "dvc" if kept else "git"
            if kept and dep.digest not in kept[0].digests:
                reader.warnings.append(
                    f"{dep.path}: {stage.name} read {dep.digest}, and {kept[0].pointer} pins {kept[0].digest} now"
                )
            made, lost = entries.data(dep, tracker=tracker, pointer=kept[0] if kept else None)
            taken += made
            left += lost
        else:
            why = f"DVC does not keep it (code, most likely); --set data={dep.path} takes it as data"
            left.append(LeftOut(what=dep.path, why=why))
    return taken, left


def _artifact_words(artifacts: Sequence[Artifact], found: _Found) -> Iterator[LeftOut]:
    """Yield what a `dvc.yaml` says about an output in words: a card has fields of its own for them."""
    paths = {out.path for out in found.outputs}
    for name, artifact in {artifact.name: artifact for artifact in artifacts}.items():
        said = [key for key in ("type", "desc", "labels", "meta") if artifact.plain.get(key)]
        if artifact.path in paths and said:
            yield LeftOut(
                what=f"artifact {name}: {', '.join(said)}",
                why="a card has fields of its own for words: description, intended_use",
            )


def _moved(reader: DvcReader, found: _Found, entries: Entries) -> Iterator[str]:
    """Yield a warning where what was read is not what lies in the work tree: `validate` looks there."""
    place = entries.place
    if place.address is not None or place.reference.tag is not None:
        return
    for out in found.outputs:
        file = reader.repo.root / out.pointer
        is_file = out.stage is None and file.is_file() and not file.is_symlink()
        if is_file and file.read_bytes() != reader.data((out.pointer,)).get(out.pointer):
            yield f"{out.pointer} in the work tree is another one: what {place.reference.at} holds was taken"
