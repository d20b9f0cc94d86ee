"""Encode shards: open a job, load its encoders, encode those of its shards that have no receipt yet."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from embver.actions.dvc_storage import check_storage
from embver.actions.encoding import EncodePlan, EncodeRequest, Progress, make_plan
from embver.actions.incremental import Found, Reuse, find_reuse
from embver.actions.placing import check_placing
from embver.actions.shards_cut import Cut
from embver.actions.shards_probe import encode_probe
from embver.actions.shards_work import WorkFolder
from embver.actions.shards_write import ShardWriter, check_space
from embver.actions.warmup import Warm, warm_up
from embver.actions.workspace import Workspace
from embver.shards import PROBE, Receipt, ShardKey

if TYPE_CHECKING:
    from embver.encode.batches import BatchPlan
    from embver.encode.models import LoadedEncoder


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class EncodeJob:
    """One encode of one working version: its plan, what it may copy, and the folder of its finished shards."""

    work: Workspace
    request: EncodeRequest
    plan: EncodePlan
    folder: WorkFolder
    found: Found
    progress: Progress
    note: Callable[[str], None]  # told what a person should know besides the answer
    warmed: Callable[[Warm], None] = lambda _: None  # told what the warm-up of a modality found

    @property
    def keys(self) -> tuple[ShardKey, ...]:
        """Return every piece of work, in order."""
        return self.plan.shards.keys


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Loaded:
    """What a process encodes with: encoders on their device, the batches, and the record of where that is.

    `reuse` is what may be copied here; `notes` say why other rows may not.
    """

    encoders: Mapping[str, LoadedEncoder]
    batch: BatchPlan
    record: Mapping[str, Any]
    reuse: Mapping[str, Reuse]
    notes: tuple[str, ...] = ()
    warm: Mapping[str, Warm] = field(default_factory=dict)  # of the modalities that had a warm-up

    def batch_of(self, modality: str) -> BatchPlan:
        """Return the batches that suit a modality here."""
        return self.warm[modality].plan if modality in self.warm else self.batch

    @property
    def environment(self) -> str:
        """Return the fingerprint of machine and software."""
        return str(self.record["environment"])


def open_job(
    work: Workspace,
    request: EncodeRequest,
    *,
    progress: Progress,
    note: Callable[[str], None] = lambda _: None,
    warmed: Callable[[Warm], None] = lambda _: None,
) -> EncodeJob:
    """Read and digest what there is to do; nothing heavy is loaded and nothing written.

    Raises CardError, UsageError, EncodeError or LfsError with what to mend.
    """
    plan = make_plan(work, request)
    check_storage(work, request.materialise)
    check_placing(work, plan.source.folder, request.materialise)
    _ = work.lfs.objects  # no git-lfs: say so now, not after an hour of encoding
    folder = WorkFolder(work, request.name, plan.shards)
    found = find_reuse(work, plan, request)
    return EncodeJob(
        work=work,
        request=request,
        plan=plan,
        folder=folder,
        found=found,
        progress=progress,
        note=note,
        warmed=warmed,
    )


def load(job: EncodeJob, *, device: str | None = None) -> Loaded:
    """Load the encoders and tell what may be copied on this machine; raise EncodeError or MissingExtra."""
    from embver.encode.batches import BatchPlan, batch_record
    from embver.encode.environment import describe_environment
    from embver.encode.models import load_encoders
    from embver.encode.profiles import run_plan
    from embver.encode.spec import EncoderSpec

    request, plan = job.request, job.plan
    space = dict(plan.card.plain["space"])
    specs = {
        modality: EncoderSpec.from_plain(modality, encoder, space, plan.models[modality])
        for modality, encoder in plan.plain["encoders"].items()
    }
    batch = BatchPlan(profile=request.profile)
    if request.batch_rows is not None:
        batch = replace(batch, rows=request.batch_rows)
    encoders = load_encoders(
        specs, device=device or request.device, threads=request.threads, compute=plan.compute
    )
    record = {
        "profile": request.profile,
        **describe_environment(encoders.values(), profile=request.profile),
        "batch": batch_record({modality: run_plan(each, batch) for modality, each in encoders.items()}),
    }
    reuse, notes = _allowed(job, record)
    return Loaded(encoders=encoders, batch=batch, record=record, reuse=reuse, notes=notes)


def _allowed(job: EncodeJob, record: Mapping[str, Any]) -> tuple[dict[str, Reuse], tuple[str, ...]]:
    """Return what may be copied where this record was made, and why other rows may not."""
    from embver.encode.environment import differences

    allowed, notes = {}, []
    for modality, reuse in job.found.reuse.items():
        changed = differences(reuse.encode, record)
        if changed and not job.request.reuse_across_environments:
            said = f"{reuse.reference} was encoded in another environment ({changed[0]}"
            said += f" and {len(changed) - 1} more)" if len(changed) > 1 else ")"
            notes.append(
                f"{said}: all {modality} rows are encoded anew; --reuse-across-environments copies them"
            )
        elif not reuse.is_sound():
            notes.append(
                f"the {modality} vectors of {reuse.reference} are damaged here: all are encoded anew"
            )
        else:
            allowed[modality] = reuse
    return allowed, tuple(notes)


def encode_shards(
    job: EncodeJob, keys: Sequence[ShardKey] | None = None, *, loaded: Loaded | None = None
) -> dict[ShardKey, Receipt]:
    """Encode those of the shards (all of them) that have no valid receipt; return the receipts of all that were asked.

    A shard is in the LFS store, whole and on disk, before its receipt is: killed at any moment, the next run goes on
    after the last receipt. In the profile strict a shard of another environment is encoded again, so that a version
    has one. Raises EncodeError naming what cannot be encoded.
    """
    wanted = job.keys if keys is None else tuple(keys)
    done = job.folder.finished(wanted, may_skip=job.request.is_skipping)
    todo = [key for key in wanted if key not in done]
    if not todo and not (job.request.profile == "strict" and job.folder.is_mixed()):
        return {key: done[key] for key in wanted}
    check_space(job.work, job.plan, todo)
    loaded = load(job) if loaded is None else loaded
    for said in loaded.notes:
        job.note(said)
    if job.request.profile == "strict":
        todo = [key for key in wanted if key not in done or done[key].environment != loaded.environment]
    # What fast gives depends on the batches: parts of one job, run apart, do not choose for themselves.
    loaded = _warmed(job, loaded, todo, may_tune=keys is None or job.request.profile == "strict")
    job.folder.begin()
    job.folder.drop(todo)
    job.folder.note_environment(loaded.record)
    with ShardWriter(job.work, job.plan, job.folder, loaded.environment) as writer:
        for modality, group in itertools.groupby(todo, key=lambda key: key.modality):
            if modality == PROBE:
                encode_probe(job, loaded, writer)
            else:
                _encode_modality(job, loaded, writer, modality, list(group))
    done |= writer.receipts
    return {key: done[key] for key in wanted}


def _warmed(job: EncodeJob, loaded: Loaded, todo: Sequence[ShardKey], *, may_tune: bool) -> Loaded:
    """Return the encoders with what a warm-up of those that have rows to encode found, recorded.

    Raises PolicyError for a dtype of the computation that is not equivalent to float32.
    """
    from embver.encode.batches import batch_record
    from embver.encode.profiles import run_plan

    fresh = dict.fromkeys(loaded.encoders, 0)
    for key in todo:
        if key.modality != PROBE:
            cut = Cut.of(loaded.reuse.get(key.modality), *job.plan.shards.extent(key))
            fresh[key.modality] += cut.stop - cut.start - cut.copied
    warm = {}
    for modality, rows in fresh.items():
        if rows:
            encoder = loaded.encoders[modality]
            warm[modality] = warm_up(
                encoder,
                job.plan.corpus.items(modality),
                batch=loaded.batch,
                role=document_role(encoder),
                metric=job.plan.card.space.metric,
                to_do=rows if may_tune else 0,
            )
            job.warmed(warm[modality])
    found = replace(loaded, warm=warm)
    plans = {name: run_plan(each, found.batch_of(name)) for name, each in found.encoders.items()}
    free = {name: plan.tokens for name, plan in plans.items() if not plan.tokens_move_bits}
    record = {**loaded.record, "batch": batch_record(plans)} | ({"tuned": free} if free else {})
    return replace(found, record=record)


def _encode_modality(
    job: EncodeJob, loaded: Loaded, writer: ShardWriter, modality: str, keys: Sequence[ShardKey]
) -> None:
    from contextlib import closing

    from embver.encode.runner import encode_sections

    corpus, shards, encoder = job.plan.corpus, job.plan.shards, loaded.encoders[modality]
    cuts = [Cut.of(loaded.reuse.get(modality), *shards.extent(key)) for key in keys]
    total = corpus.count(modality)
    finished = total - sum(cut.stop - cut.start - cut.copied for cut in cuts)

    def report(rows: int) -> None:
        nonlocal finished
        finished += rows
        job.progress(modality, finished, total)

    report(0)
    floor = _floor(job, loaded, modality) if any(key.index == 0 for key in keys) else None
    fresh = (cut for cut in cuts if cut.has_fresh)
    sections = encode_sections(
        encoder,
        (cut.fresh_items(corpus.items(modality, cut.start, cut.stop)) for cut in fresh),
        role=document_role(encoder),
        batch=loaded.batch_of(modality),
        workers=job.request.workers,
        meter=writer.meter,
        skip=job.request.is_skipping,
        progress=report,
    )
    with closing(sections):
        for key, cut in zip(keys, cuts, strict=True):
            section = next(sections) if cut.has_fresh else None
            ids = corpus.ids(modality, cut.start, cut.stop)
            digests = corpus.digests(modality)[cut.start : cut.stop]
            made = cut.put_together(section, ids, digests, job.plan.card.space.dtype)
            writer.write(key, made, floor=floor if key.index == 0 else None)
        for _ in sections:  # to its end: what is wrong with the last items is said there
            pass


def _floor(job: EncodeJob, loaded: Loaded, modality: str) -> Mapping[str, Any]:
    """Measure the noise floor of a modality; that of an earlier version holds where every row comes from it."""
    from embver.encode.floor import measure_floor, other_dtype

    reuse, items = loaded.reuse.get(modality), job.plan.corpus.items(modality)
    if reuse is not None and reuse.count == len(items) and reuse.encode.get("floor"):
        return dict(reuse.encode["floor"])
    encoder = loaded.encoders[modality]
    floor = measure_floor(
        encoder,
        items,
        role=document_role(encoder),
        batch=loaded.batch_of(modality),
        dtype=other_dtype(encoder),
    )
    warm = loaded.warm.get(modality)
    return {**floor, "float32": dict(warm.moved)} if warm is not None and warm.moved else floor


def document_role(encoder: LoadedEncoder) -> str | None:
    """Return the role that a corpus is encoded in, if the encoder has prompts for roles."""
    return "document" if "document" in encoder.spec.prompts else None
