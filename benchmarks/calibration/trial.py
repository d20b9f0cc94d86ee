"""The jobs: make a rung's vectors, try a case. Each runs in a process of its own, on one thread."""

from __future__ import annotations

import json
import os
import shutil
import tempfile
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ProcessPoolExecutor, as_completed
from contextlib import contextmanager
from dataclasses import asdict
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.calibration.judging import judge
from benchmarks.calibration.ladder import Case, Ladder, ladder
from benchmarks.calibration.population import draw, read_population
from benchmarks.calibration.store import Store, write_json
from benchmarks.calibration.truth import Loss, live_indexes, losses, overall

Progress = Callable[[str, int, int], None]
SERVED = "served"
THREADS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")


def prepare(store: Store) -> None:
    """Build the data and train the base, unless they are there."""
    from benchmarks.calibration.learning import train_base

    plan = ladder(store.ladder)
    population = read_population(store.data, limit=plan.limit)
    if not store.is_prepared:
        with tempfile.TemporaryDirectory(dir=store.folder) as complete:
            train_base(population, Path(complete), steps=plan.base_steps)
            store.base.parent.mkdir(parents=True, exist_ok=True)
            shutil.copytree(complete, store.base.with_suffix(".part"), dirs_exist_ok=True)
        store.base.with_suffix(".part").rename(store.base)


def make_vectors(folder: Path, name: str, job: str) -> str:
    """Make and keep the vectors of one training, or of everything that only serves or alters the base."""
    from benchmarks.calibration.encoder import load_encoder
    from benchmarks.calibration.geometry import changed
    from benchmarks.calibration.learning import train_on

    plan, store = ladder(name), Store(folder=folder, ladder=name)
    encoder = load_encoder(store.base, read_population(store.data, limit=plan.limit))
    if job != SERVED:
        run = next(run for run in (*plan.runs, *plan.chains) if run.name == job)
        for step, vectors in train_on(encoder, run).items():
            store.keep(f"{run.name}-{step}", vectors)
        return job
    base = encoder.encode()
    store.keep("base", base)
    for key, served in plan.served.items():
        if not store.has(key):
            store.keep(key, encoder.encode(served.serving))
    for key, altered in plan.altered.items():
        store.keep(key, changed(base, altered.change, altered.towers))
    return job


def try_case(folder: Path, name: str, case: Case, out: Path) -> str:
    """Judge one case on every probe set of every draw, try it on the live index, and keep what was found."""
    plan, store = ladder(name), Store(folder=folder, ladder=name)
    population = read_population(store.data, limit=plan.limit)
    old, new = store.read(case.old), store.read(case.new)
    live = live_indexes(population, old, new)
    draws = []
    for seed in range(plan.draws):
        emoji, held_out = draw(population, seed, plan.largest)
        lost = losses(live, held_out)
        draws.append(
            {
                "truth": overall(lost),
                "lost": _plain(lost),
                "probes": {
                    probe.name: asdict(judge(population, probe, emoji, old, new))
                    for probe in plan.probes
                    if seed < probe.draws
                },
            }
        )
    all_lost = losses(live, np.arange(population.size))
    plain = {"key": case.key, "kind": case.kind, "title": case.title, "draws": draws}
    write_json(out, plain | {"all": {"truth": overall(all_lost), "lost": _plain(all_lost)}})
    return case.key


def _plain(lost: Mapping[tuple[str, str], Loss]) -> dict[str, dict[str, Any]]:
    return {f"{query} -> {document}": asdict(loss) for (query, document), loss in lost.items()}


def calibrate(store: Store, *, processes: int, progress: Progress) -> list[dict[str, Any]]:
    """Make what is not kept yet and return the findings of every case, in the ladder's order."""
    plan = ladder(store.ladder)
    outs = {case: store.findings(case.key) for case in plan.cases()}
    with _workers(processes) as pool:
        if not store.is_prepared:
            pool.submit(prepare, store).result()
        jobs = [job for job in _jobs(plan) if not _is_made(store, plan, job)]
        making = [pool.submit(make_vectors, store.folder, plan.name, job) for job in jobs]
        for number, done in enumerate(as_completed(making), start=1):
            progress(f"vectors: {done.result()}", number, len(making))
        missing = [case for case, out in outs.items() if not out.is_file()]
        trying = [pool.submit(try_case, store.folder, plan.name, case, outs[case]) for case in missing]
        for number, done in enumerate(as_completed(trying), start=1):
            progress(f"tried: {done.result()}", number, len(trying))
    return [json.loads(out.read_text(encoding="utf-8")) for out in outs.values()]


@contextmanager
def _workers(processes: int) -> Iterator[ProcessPoolExecutor]:
    """Lend processes of one thread each; a failed job takes those that wait with it."""
    # Read by the numerical libraries when they load, so they must stand before a process starts.
    before = {variable: os.environ.get(variable) for variable in THREADS}
    os.environ.update(dict.fromkeys(THREADS, "1"))
    pool = ProcessPoolExecutor(processes, mp_context=get_context("spawn"))
    try:
        yield pool
    finally:
        pool.shutdown(cancel_futures=True)
        for variable, value in before.items():
            if value is None:
                del os.environ[variable]
            else:
                os.environ[variable] = value


def _jobs(plan: Ladder) -> Iterator[str]:
    """Yield the jobs, the longest first."""
    runs = sorted((*plan.runs, *plan.chains), key=lambda run: -run.steps[-1] * run.batch_size)
    yield from (run.name for run in runs)
    yield SERVED


def _is_made(store: Store, plan: Ladder, job: str) -> bool:
    if job == SERVED:
        return all(store.has(key) for key in ("base", *plan.served, *plan.altered))
    run = next(run for run in (*plan.runs, *plan.chains) if run.name == job)
    return all(store.has(f"{run.name}-{step}") for step in run.steps)
