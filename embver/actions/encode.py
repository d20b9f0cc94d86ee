"""Encode the working version: vectors, ids, probe vectors and checksums into `next/`."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from embver.actions.dvc_storage import IGNORE, in_storage
from embver.actions.encoding import EncodePlan, EncodeRequest, Progress
from embver.actions.inputs import recorded_digest
from embver.actions.merging import Merged, merge
from embver.actions.models import DERIVED_OF_ENCODER
from embver.actions.placing import is_there, place_files, stage_files
from embver.actions.shards import EncodeJob, encode_shards, open_job
from embver.actions.shards_work import encode_lock
from embver.actions.shards_write import size_of
from embver.actions.sums import SUMS, sums_of
from embver.actions.warmup import Warm
from embver.actions.workspace import CARD, Workspace, is_pointer_file, sweep
from embver.card import space_id
from embver.pointer import Pointer
from embver.store.card_edit import Entry
from embver.store.cards import update_card
from embver.store.files import write_atomic

Say = Callable[[str], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class PlanSummary:
    """What an encode is about to do, known before anything heavy is loaded.

    `copied` rows are taken over from earlier versions if this machine's environment is theirs; `done` of the `shards`
    files were finished by a run that was given up.
    """

    reference: str
    rows: Mapping[str, int]
    dimensions: int
    dtype: str
    profile: str
    compute: str
    device: str
    shards: int
    shard_rows: int
    done: int
    size_bytes: int
    copied: Mapping[str, int]
    copied_from: Mapping[str, str]
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class EncodeReport:
    """What was encoded, or that nothing had to be; `figures` are `encode.meter.Figures` as plain data."""

    reference: str
    is_unchanged: bool
    inputs: str
    artifacts: tuple[Mapping[str, Any], ...]
    rates: Mapping[str, float]
    elapsed_s: float
    floor: Mapping[str, Any]
    copied: Mapping[str, int] = field(default_factory=dict)
    skipped: Mapping[str, int] = field(default_factory=dict)
    figures: Mapping[str, Any] = field(default_factory=dict)
    notes: tuple[str, ...] = ()


def encode(
    work: Workspace,
    request: EncodeRequest,
    *,
    now: datetime,
    progress: Progress,
    on_plan: Callable[[PlanSummary], None] | None = None,
    on_warm: Callable[[Warm], None] = lambda _: None,
) -> EncodeReport:
    """Encode `next/` of an embedding; nothing in it changes until every vector is in the LFS store.

    Raises CardError, UsageError, EncodeError, LfsError, RepoError or MissingExtra with what to mend.
    """
    from embver.encode.energy import read_energy

    notes: list[str] = []
    job = open_job(work, request, progress=progress, note=notes.append, warmed=on_warm)
    with encode_lock(work, request.name, job.plan.shards):
        work.lfs.sweep(now_s=now.timestamp())
        if request.restart:
            job.folder.sweep(now_s=now.timestamp(), is_restart=True)
        done = settled(job)
        if done is not None:
            return replace(done, notes=tuple(notes))
        if on_plan is not None:
            on_plan(summary(job))
        begun, energy = time.perf_counter(), read_energy(accelerators=1)
        receipts = encode_shards(job)
        merged = merge(job, trusted=receipts)  # each was written, or read and hashed, just now
        elapsed_s = time.perf_counter() - begun
        used = 1 if (merged.record.get("hardware") or {}).get("accelerator") else 0
        energy_j = energy.joules_until(read_energy(accelerators=used))
        report = finish(job, merged, now=now, elapsed_s=elapsed_s, energy_j=energy_j)
        return replace(report, notes=tuple(notes))


def summary(job: EncodeJob) -> PlanSummary:
    """Return what a job is about to do."""
    plan, request = job.plan, job.request
    return PlanSummary(
        reference=plan.source.reference,
        rows=plan.shards.rows,
        dimensions=plan.card.space.dimensions,
        dtype=plan.card.space.dtype,
        profile=request.profile,
        compute=plan.compute,
        device=request.device,
        shards=len(job.keys),
        shard_rows=plan.shards.shard_rows,
        done=len(job.folder.finished_keys()),
        size_bytes=sum(size_of(plan, key) for key in job.keys),
        copied={modality: reuse.count for modality, reuse in job.found.reuse.items()},
        copied_from={modality: reuse.reference for modality, reuse in job.found.reuse.items()},
        notes=(*job.plan.corpus.left_out, *job.found.notes),
    )


def settled(job: EncodeJob) -> EncodeReport | None:
    """Return a report if nothing has to be encoded, and do the little that an unchanged version may still lack.

    That is what a killed run had left, the digest of a manifest written anew, and files in the work tree.
    """
    done = unchanged(job)
    if done is not None:
        _tidy(job)
        _record_corpus(job)
        _materialise(job)
    return done


def unchanged(job: EncodeJob) -> EncodeReport | None:
    """Return a report if what lies in `next/` is what this job would write; None if there is something to do."""
    plan, request = job.plan, job.request
    record = plan.card.plain.get("encode") or {}
    is_same = record.get("inputs") == plan.inputs and (request.is_skipping or not record.get("skipped"))
    if request.force or not is_same or not _is_whole(job.work, plan):
        return None
    return EncodeReport(
        reference=plan.source.reference,
        is_unchanged=True,
        inputs=plan.inputs,
        artifacts=tuple(plan.card.plain["artifacts"]),
        rates={},
        elapsed_s=0.0,
        floor=record.get("floor") or {},
    )


def finish(
    job: EncodeJob,
    merged: Merged,
    *,
    now: datetime,
    elapsed_s: float,
    energy_j: float | None = None,
    notes: tuple[str, ...] = (),
) -> EncodeReport:
    """Write a whole encode into `next/` and forget its work folder; the card comes last."""
    from embver.encode.meter import Figures

    plan = job.plan
    artifacts, files = in_storage(job.work, merged.artifacts, merged.files)
    merged = replace(merged, artifacts=artifacts, files=files)
    rates = Figures.from_plain(merged.figures).rates
    timings = {
        "started": now.strftime("%Y-%m-%dT%H:%M:%SZ"),
        "elapsed_s": round(elapsed_s, 1),
        "items_per_s": rates,
        "energy_j": energy_j,
        "copied": dict(merged.copied),
        "stages_s": {stage: round(value, 2) for stage, value in merged.figures["seconds"].items()},
    }
    record = {
        "inputs": plan.inputs,
        **merged.record,
        **{key: value for key, value in timings.items() if value},
    }
    _write(job, merged, record)
    before = {each.sha256: each.size_bytes for each in plan.card.artifacts}
    after = {entry["sha256"] for entry in merged.artifacts}
    job.work.lfs.release_pending(
        Pointer(sha256=sha256, size_bytes=size) for sha256, size in before.items() if sha256 not in after
    )
    job.folder.remove()
    job.folder.sweep(now_s=now.timestamp())
    return EncodeReport(
        reference=plan.source.reference,
        is_unchanged=False,
        inputs=plan.inputs,
        artifacts=merged.artifacts,
        rates=rates,
        elapsed_s=elapsed_s,
        floor=record.get("floor") or {},
        copied=merged.copied,
        skipped=merged.skipped,
        figures=merged.figures,
        notes=notes,
    )


def _tidy(job: EncodeJob) -> None:
    """Do what a run that was killed after its card was written had left: stage its files, forget its work folder."""
    if not job.folder.path.exists():
        return
    work, folder = job.work, job.plan.source.folder
    names = [CARD, SUMS, *(each.git_path for each in job.plan.card.artifacts)]
    names += [IGNORE] if any(each.md5 for each in job.plan.card.artifacts) else []
    indexed = work.repo.index_entries(folder)
    gone = [path for path in indexed if not (work.repo.root / path).exists()]
    work.repo.replace_in_index(files={}, removed=gone)
    work.repo.stage([f"{folder}/{name}" for name in names])
    job.folder.remove()


def _record_corpus(job: EncodeJob) -> None:
    """Write the manifest's digest into the card where the manifest was written anew and says the same."""
    folder, digest = job.plan.source.folder, recorded_digest(job.work, job.plan.card, job.plan.corpus)
    if digest != (job.plan.card.plain.get("corpus") or {}).get("digest"):
        card = job.work.path(folder, CARD)
        text = update_card(card.read_bytes().decode(), [(("corpus", "digest"), digest)])
        write_atomic(card, text.encode())
        job.work.repo.stage([f"{folder}/{CARD}"])


def _materialise(job: EncodeJob) -> None:
    """Put the files of a version that is encoded already into the work tree, where that is asked for."""
    folder, way = job.plan.source.folder, job.request.materialise
    large = {
        each.path: Pointer(sha256=each.sha256, size_bytes=each.size_bytes).format()
        for each in job.plan.card.artifacts
        if each.role in ("vectors", "probe") and is_pointer_file(job.work.path(folder, each.path))
    }
    if way is not None and large:
        place_files(job.work, folder, large, way=way, note=job.note)
        stage_files(job.work, folder, tuple(large), large, way=way, note=job.note)


def _is_whole(work: Workspace, plan: EncodePlan) -> bool:
    """Tell whether the artifacts that the card names lie there."""
    if not plan.card.artifacts:
        return False
    if not all(is_there(work, plan.source.folder, artifact) for artifact in plan.card.artifacts):
        return False
    sums = work.path(plan.source.folder, SUMS)
    return sums.is_file() and sums.read_bytes() == sums_of(plan.card.plain["artifacts"])


def _write(job: EncodeJob, merged: Merged, record: Mapping[str, Any]) -> None:
    """Put pointers, ids, sums and card into `next/`, the card last: it names what is already there."""
    work, plan = job.work, job.plan
    folder = plan.source.folder
    way = job.request.materialise
    place_files(work, folder, merged.files, way=way, note=job.note)
    write_atomic(work.path(folder, SUMS), sums_of(merged.artifacts))
    # What was measured on other vectors says nothing about these; what another harness said of the model stays.
    measured = [entry for entry in plan.card.benchmarks if entry.is_own]
    kept = len(plan.card.benchmarks) - len(measured)
    raw = [str((entry.plain.get("source") or {}).get("path")) for entry in measured]
    named = (*(each.git_path for each in plan.card.artifacts), IGNORE, *raw)
    stale = [path for path in named if path not in merged.files]
    for path in stale:
        work.path(folder, path).unlink(missing_ok=True)
    sweep(work.path(folder))
    updates: list[tuple[tuple[str | Entry, ...], Any]] = []
    for modality, encoder in plan.plain["encoders"].items():
        for key in DERIVED_OF_ENCODER:
            if encoder.get(key) != (plan.card.encoders[modality].get(key)):
                updates.append((("encoders", modality, key), encoder.get(key)))
    updates += [
        (("corpus", "digest"), recorded_digest(work, plan.card, plan.corpus)),
        (("corpus", "items"), dict(plan.shards.rows)),
        (("fingerprint",), space_id(plan.plain)),
        (("encode",), dict(record)),
        (("artifacts",), [dict(entry) for entry in merged.artifacts]),
        (("compatibility",), None),
    ]
    gone = [("benchmarks", Entry("id", entry.id)) for entry in measured] if kept else [("benchmarks",)]
    updates += [(place, None) for place in gone]
    if kept:
        job.note(f"benchmarks of other harnesses are kept ({kept}): import them anew for another model")
    card = work.path(folder, CARD)
    write_atomic(card, update_card(card.read_bytes().decode(), updates).encode())
    work.repo.replace_in_index(files={}, removed=[f"{folder}/{path}" for path in stale])
    stage_files(work, folder, (CARD, SUMS, *merged.files), merged.files, way=way, note=job.note)
