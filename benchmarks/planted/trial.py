"""Try embver on the cases: the commands as people type them, and what they say held against what was planted."""

from __future__ import annotations

import contextlib
import io
import json
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import asdict, dataclass
from multiprocessing import get_context
from pathlib import Path
from typing import Any

from benchmarks.planted.case import Case
from benchmarks.planted.cases import all_cases
from benchmarks.planted.drafts import Change, begun, drafted
from benchmarks.planted.judge import Judgement, judge
from benchmarks.planted.models import Kit
from benchmarks.planted.repository import versions, write_repository
from benchmarks.planted.scores import Bench
from embver.diff import compare

Progress = Callable[[str, int, int], None]


class AnswerError(Exception):
    """A command did not answer."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """What embver said of one case; the claims are None where they do not apply.

    `is_replaced` holds for a case whose plant does not work (`flaw`): it is not tried. Of the planted step, `is_found`:
    it is called a regression; `is_worst`: `--ablate` takes it without being told; `is_suspected`: a planted field is
    the first suspect; `is_named`: the ablation's culprit is planted, of two that interact both lead and the
    interaction is said. `beside` counts the blocks beside it that were set back, `accused` those that are surely said to
    cost something. `noise_steps` are steps in which nothing happens, `noise_right` those not called a change, and
    `noise_moved` those in which some query's score moved.
    """

    case: str
    kind: str
    family: str
    benchmark: str
    metric: str
    name: str
    total: float
    p_value: float
    flaw: str | None = None
    is_found: bool | None = None
    is_worst: bool | None = None
    is_suspected: bool | None = None
    is_named: bool | None = None
    culprit: str | None = None
    suspects: tuple[str, ...] = ()
    shares: tuple[tuple[str, float], ...] = ()
    beside: int = 0
    accused: int = 0
    noise_steps: int = 0
    noise_moved: int = 0
    noise_right: int = 0
    said: str = ""
    elapsed_s: float = 0.0

    @property
    def is_replaced(self) -> bool:
        """Tell whether the case was not tried."""
        return self.flaw is not None


def try_all(
    kit: Kit, cases: Sequence[Case], *, processes: int, pairs: int | None, progress: Progress
) -> list[Finding]:
    """Judge, write and try cases; each process has a repository of its own."""
    kit.prepare()
    variants = {
        variant for case in cases for version in versions(case) for variant in version.draft.variants.values()
    }
    for number, variant in enumerate(sorted(variants, key=lambda each: each.name), start=1):
        kit.model(variant)
        progress("models", number, len(variants))
    parts = [tuple(case.key for case in cases[n::processes]) for n in range(processes)]
    if processes == 1:
        return _part(kit, parts[0], pairs, 0)  # on as many threads as its caller has
    found: list[Finding] = []
    with ProcessPoolExecutor(processes, mp_context=get_context("spawn")) as pool:
        waiting = [
            pool.submit(_part_on_one_thread, kit, part, pairs, number) for number, part in enumerate(parts)
        ]
        for done in as_completed(waiting):
            found += done.result()
            progress("cases", len(found), len(cases))
    order = {case.key: n for n, case in enumerate(cases)}
    return sorted(found, key=lambda finding: order[finding.case])


def _part_on_one_thread(kit: Kit, keys: tuple[str, ...], pairs: int | None, number: int) -> list[Finding]:
    import torch

    torch.set_num_threads(1)
    return _part(kit, keys, pairs, number)


def _part(kit: Kit, keys: tuple[str, ...], pairs: int | None, number: int) -> list[Finding]:
    log = kit.folder / f"findings-{number}.jsonl"  # what is known so far, to look at while it runs
    log.unlink(missing_ok=True)
    bench = Bench(kit=kit, pairs=pairs)
    cases = [case for case in all_cases() if case.key in keys]  # what a case holds goes to no other process
    judged = [(case, judge(bench, case)) for case in cases]
    works = [case for case, judgement in judged if judgement.flaw is None]
    root = write_repository(kit.folder / f"repository-{number}", bench, works)
    found = []
    with log.open("w", encoding="utf-8") as out:
        for case, judgement in judged:
            found.append(_finding(bench, root, case, judgement))
            out.write(json.dumps(asdict(found[-1])) + "\n")
            out.flush()
    return found


def _finding(bench: Bench, root: Path, case: Case, judgement: Judgement) -> Finding:
    told: dict[str, Any] = {
        "case": case.key,
        "kind": case.kind,
        "family": case.family,
        "benchmark": case.benchmark,
        "metric": case.metric,
        "name": case.name,
        "total": round(judgement.total.value, 4),
        "p_value": round(judgement.total.p_value, 5),
        "flaw": judgement.flaw,
    }
    if judgement.flaw is not None:
        return Finding(**told)
    begun_at = time.perf_counter()
    try:
        told |= _tried(bench, root, case)
    except AnswerError as error:
        told |= {"is_found": False, "is_named": False, "noise_steps": 1, "said": str(error)}
    return Finding(**told, elapsed_s=round(time.perf_counter() - begun_at, 2))


def _tried(bench: Bench, root: Path, case: Case) -> dict[str, Any]:
    """Ask embver, and compare what it says with what was planted."""
    asked = (case.name, "--metric", case.metric, "--benchmark", case.benchmark)
    traced = ask(root, "trace", *asked, "--json")
    last = versions(case)[-1].number
    planted = [step for step in traced["steps"] if case.planted and _number(step["to"]) == last]
    others = [step for step in traced["steps"] if step not in planted]
    told: dict[str, Any] = {
        "noise_steps": len(others),
        "noise_moved": sum(bool(step["delta"]) or step["low"] != step["high"] for step in others),
        "noise_right": sum(not step["significant"] for step in others),
        "said": "; ".join(f"{_number(step['to'])}: {step['verdict']}" for step in traced["steps"]),
    }
    if not planted:
        return told
    (step,) = planted
    paths = planted_paths(bench, case)
    could = sorted(
        (field for field in step["fields"] if field["can_matter"]), key=lambda field: field["rank"]
    )
    first = could[:1] if case.kind != "interaction" else could[:2]
    told |= {
        "is_found": step["verdict"] == "regression",
        "is_suspected": bool(first) and all(_meets(_paths_of(field), paths) for field in first),
        "suspects": tuple(field["path"] for field in could),
        "is_named": False,
        "is_worst": False,
    }
    if not told["is_found"]:
        return told
    report = ask(root, "trace", *asked, "--ablate", "--json")
    told["is_worst"] = _number(report["to"]) == last
    return told | _ablated(case, report, paths)


def _ablated(case: Case, report: dict[str, Any], paths: frozenset[str]) -> dict[str, Any]:
    """Say whether an ablation names what was planted."""
    shares = sorted(report["shares"], key=lambda share: share["value"])
    mine = {share["block"]["id"] for share in shares if _meets(_block_paths(share["block"]), paths)}
    told: dict[str, Any] = {
        "culprit": report["culprit"],
        "shares": tuple((share["block"]["id"], round(share["value"], 4)) for share in shares),
        "said": report["cause"],
        "beside": len(shares) - len(mine),
        "accused": sum(
            share["sure"] and share["value"] < 0 and share["block"]["id"] not in mine for share in shares
        ),
    }
    if case.kind != "interaction":
        return told | {"is_named": report["culprit"] in mine and shares[0]["block"]["id"] in mine}
    leading = {share["block"]["id"] for share in shares[:2]}
    is_said = any(
        set(each["blocks"]) == mine and each["sure"] and each["value"] < 0 for each in report["interactions"]
    )
    return told | {"is_named": len(mine) == 2 and leading == mine and is_said and report["culprit"] in mine}


def planted_paths(bench: Bench, case: Case) -> frozenset[str]:
    """Return the fields of the card that the plant changes, derived ones included."""
    changes: tuple[Change, ...] = (*case.beside, *case.planted)
    old = begun(case.draft(), [change for step in (*case.steps, changes) for change in step])
    found: set[str] = set()
    for change in case.planted:
        compared = compare(bench.described(old), bench.described(drafted(old, (change,))))
        found |= {each.path for each in compared}
    return frozenset(found)


def _paths_of(field: dict[str, Any]) -> frozenset[str]:
    changed = field.get("changes") or ()
    return frozenset((field["path"], *(each["path"] if isinstance(each, dict) else each for each in changed)))


def _block_paths(block: dict[str, Any]) -> frozenset[str]:
    return frozenset(change["path"] for change in block["changes"])


def _meets(some: frozenset[str], others: frozenset[str]) -> bool:
    return bool(some & others)


def _number(reference: str) -> str:
    return reference.rpartition("@")[2]


def ask(root: Path, *arguments: str) -> dict[str, Any]:
    """Type a command in a repository, in process, and return its JSON; raise AnswerError with what it said else."""
    from embver.cli import main

    out, err = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        code = main(["-C", str(root), *arguments])
    if code not in (0, 1):
        raise AnswerError(f"embver {' '.join(arguments)} -> {code}: {' '.join(err.getvalue().split())}")
    found: dict[str, Any] = json.loads(out.getvalue())
    return found


def plain(findings: Sequence[Finding]) -> list[dict[str, Any]]:
    """Return findings as JSON."""
    return [asdict(finding) for finding in findings]
