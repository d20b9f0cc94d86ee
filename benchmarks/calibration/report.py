"""The findings as Markdown tables: how often the rule errs, beside single measures and beside other numbers."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from statistics import median
from typing import Any

from benchmarks.calibration.judging import VARIANTS
from embver.levels import Verdict
from embver.measure.bootstrap import share_upper_bound

Finding = dict[str, Any]
SAFE = ("identical", "equivalent", "compatible")
TRUTHS = ("breaks", "unclear", "holds")
ANSWERS = ("safe", "inconclusive", "refused")
SINGLE = {"R_nn": 0.95, "R_no": 0.95, "paired cosine": 0.995, "CKA": 0.95, "benchmark, all new": -0.01}
"""The single measures and what is usually asked of them (compat.md sections 4 and 5)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Decision:
    """One case on one draw of one probe set: what is true, what each variant of the rule says, what was measured."""

    case: str
    title: str
    kind: str
    probe: str
    truth: str
    verdicts: dict[str, str]
    single: dict[str, float]

    def answer(self, variant: str = "the rule") -> str:
        """Return `safe`, `inconclusive` or `refused`."""
        verdict = self.verdicts[variant]
        return "safe" if verdict in SAFE else "inconclusive" if verdict == "inconclusive" else "refused"


def decisions(findings: Sequence[Finding], *, truth: str = "held-out") -> list[Decision]:
    """Return every decision; `truth` is of the draw's held-out queries, or with `all` of every query."""
    return [
        Decision(
            case=finding["key"],
            title=finding["title"],
            kind=finding["kind"],
            probe=probe,
            truth=finding["all"]["truth"] if truth == "all" else drawn["truth"],
            verdicts=judged["verdicts"],
            single=judged["single"],
        )
        for finding in findings
        for drawn in finding["draws"]
        for probe, judged in drawn["probes"].items()
    ]


def report(findings: Sequence[Finding]) -> str:
    """Return all tables as one Markdown text."""
    made = decisions(findings)
    probes = list(dict.fromkeys(decision.probe for decision in made))
    largest = max((probe for probe in probes if probe.isdigit()), key=int)
    at_largest = [decision for decision in made if decision.probe == largest]
    every = [decision for decision in decisions(findings, truth="all") if decision.probe == largest]
    parts = [
        f"{len(findings)} changes, {len(findings[0]['draws'])} draws of each probe set.",
        "### How often the rule errs",
        errors(made, probes),
        "### What it says of what",
        confusion(made, probes),
        "### Every error",
        listed(made),
        f"### What the changes cost that it accepts and refuses, {largest} emoji",
        costs(findings, largest),
        f"### The same probe sets ({largest} emoji) by stratum",
        by_stratum(findings, largest),
        f"### Against single measures, {largest} emoji",
        singles(at_largest),
        f"### With other numbers, {largest} emoji",
        variants(at_largest),
        "### The same with the truth of every query, the probe's included",
        variants(every),
        f"### Every change, {largest} emoji",
        rungs(findings, largest),
    ]
    return "\n\n".join(parts) + "\n"


def errors(made: Sequence[Decision], probes: Sequence[str]) -> str:
    """Return the rates by probe set; the bounds count changes, since draws of one change are not independent."""
    head = (
        "probe set, emoji",
        "breaks",
        "false accepts",
        "at most",
        "holds",
        "false refusals",
        "at most",
        "inconclusive",
    )
    rows = []
    for probe in probes:
        some = [decision for decision in made if decision.probe == probe]
        counts = _counts(some)
        rows.append((probe, _of(counts, "breaks"), _share(counts["breaks", "safe"], _of(counts, "breaks")),
                     _bound(some, "breaks", "safe"),
                     _of(counts, "holds"), _share(counts["holds", "refused"], _of(counts, "holds")),
                     _bound(some, "holds", "refused"),
                     _share(sum(counts[truth, "inconclusive"] for truth in TRUTHS), len(some))))  # fmt: skip
    return table(head, rows)


def _bound(made: Sequence[Decision], truth: str, answer: str) -> str:
    """Return the exact one-sided 95 % bound of the share of changes with an error on any draw."""
    changes = {decision.case for decision in made if decision.truth == truth}
    wrong = {decision.case for decision in made if decision.truth == truth and decision.answer() == answer}
    if not changes:
        return ""
    return f"{100 * share_upper_bound(len(wrong), len(changes)):.1f} % of {len(changes)} changes"


def confusion(made: Sequence[Decision], probes: Sequence[str]) -> str:
    """Return how often each answer met each truth, by probe set."""
    head = ("probe set, emoji", *(f"{truth}: {answer}" for truth in TRUTHS for answer in ANSWERS))
    rows = []
    for probe in probes:
        counts = _counts([decision for decision in made if decision.probe == probe])
        rows.append((probe, *(counts[truth, answer] for truth in TRUTHS for answer in ANSWERS)))
    return table(head, rows)


def listed(made: Sequence[Decision]) -> str:
    """Return every change with a false accept or a false refusal, and on how many draws."""
    wrong = {"breaks": "safe", "holds": "refused"}
    found = Counter(
        (
            decision.probe,
            f"false {'accept' if decision.truth == 'breaks' else 'refusal'}",
            decision.kind,
            decision.title,
        )
        for decision in made
        if wrong.get(decision.truth) == decision.answer()
    )
    rows = [(*error, count) for error, count in found.items()]
    return table(("probe set, emoji", "error", "kind", "change", "draws"), rows) if rows else "None."


def costs(findings: Sequence[Finding], probe: str) -> str:
    """Return the true losses of what each verdict was given to: the worst stratum and state, over all queries."""
    found: dict[str, list[tuple[float, float, float]]] = {}
    for finding in findings:
        lost = list(finding["all"]["lost"].values())
        worst = max(lost, key=lambda loss: loss["low"])
        cost = (worst["loss"], max(loss["high"] for loss in lost), max(loss["flips"] for loss in lost))
        for drawn in finding["draws"]:
            found.setdefault(drawn["probes"][probe]["verdicts"]["the rule"], []).append(cost)
    head = ("verdict", "decisions", "loss, points: least", "median", "greatest", "greatest upper bound",
            "flips, %: median", "greatest")  # fmt: skip
    rows = []
    for verdict in sorted(found, key=lambda word: Verdict(word).rank):
        losses, highs, flips = (sorted(column) for column in zip(*found[verdict], strict=True))
        rows.append((verdict, len(losses), _points(losses[0]), _points(median(losses)), _points(losses[-1]),
                     _points(highs[-1]), _points(median(flips)), _points(flips[-1])))  # fmt: skip
    return table(head, rows)


def by_stratum(findings: Sequence[Finding], probe: str) -> str:
    """Return the errors of each stratum's own verdict against its own truth."""
    head = ("stratum", "breaks", "false accepts", "holds", "false refusals", "inconclusive")
    rows = []
    for name in findings[0]["draws"][0]["lost"]:
        counts: Counter[tuple[str, str]] = Counter()
        for drawn in (drawn for finding in findings for drawn in finding["draws"]):
            verdict = drawn["probes"][probe]["strata"][name]["verdict"]
            answer = "safe" if verdict in SAFE else "inconclusive" if verdict == "inconclusive" else "refused"
            counts[drawn["lost"][name]["truth"], answer] += 1
        rows.append((name, _of(counts, "breaks"), _share(counts["breaks", "safe"], _of(counts, "breaks")),
                     _of(counts, "holds"), _share(counts["holds", "refused"], _of(counts, "holds")),
                     _share(sum(counts[truth, "inconclusive"] for truth in TRUTHS), counts.total())))  # fmt: skip
    return table(head, rows)


def singles(made: Sequence[Decision]) -> str:
    """Return how single measures do, at the usual threshold and at the least one that accepts nothing that breaks."""
    head = ("accepted if", "breaks, accepted", "holds, not accepted")
    rows = [("the rule says safe", *_accepted(made, lambda decision: decision.answer() == "safe"))]
    for name, usual in SINGLE.items():
        broken = [decision.single[name] for decision in made if decision.truth == "breaks"]
        for threshold, how in ((usual, "usual"), (max(broken, default=0.0), "hindsight")):
            sign = ">=" if how == "usual" else ">"
            rows.append((f"{name} {sign} {threshold:.3f} ({how})",
                         *_accepted(made, _above(name, threshold, strictly=how == "hindsight"))))  # fmt: skip
    return table(head, rows)


def variants(made: Sequence[Decision]) -> str:
    """Return what the rule would do with one of its numbers changed."""
    head = (
        "rule",
        "breaks, accepted",
        "holds, refused",
        "holds, not accepted",
        "unclear, accepted",
        "inconclusive",
    )
    rows = []
    for name in VARIANTS:
        counts = _counts(made, name)
        accepted, missed = _accepted(made, lambda decision, name=name: decision.answer(name) == "safe")
        rows.append((name, accepted, _share(counts["holds", "refused"], _of(counts, "holds")), missed,
                     _share(counts["unclear", "safe"], _of(counts, "unclear")),
                     _share(sum(counts[truth, "inconclusive"] for truth in TRUTHS), len(made))))  # fmt: skip
    return table(head, rows)


def rungs(findings: Sequence[Finding], probe: str) -> str:
    """Return every change: its verdicts, the measures of its worst stratum, and what it costs a live index."""
    head = ("kind", "change", "verdict (draws)", "R_no", "R_mix", "bias", "flips",
            "loss no", "loss half", "loss on", "worst loss (low to high), points", "truth (draws)")  # fmt: skip
    rows = []
    for finding in findings:
        drawn = finding["draws"]
        verdicts = Counter(each["probes"][probe]["verdicts"]["the rule"] for each in drawn)
        strata = [stratum for each in drawn for stratum in each["probes"][probe]["strata"].values()]
        lost = list(finding["all"]["lost"].values())
        worst = max(lost, key=lambda loss: loss["low"])
        rows.append((finding["kind"], finding["title"], _counted(verdicts),
                     *(_worst(strata, name) for name in ("recall_new_old", "recall_mixed", "share_bias", "flips")),
                     *(_points(max(loss["states"].get(state, 1.0) for loss in lost)) for state in ("no", "mix 50 %", "on")),
                     f"{_points(worst['loss'])} ({_points(worst['low'])} to {_points(worst['high'])})",
                     _counted(Counter(each["truth"] for each in drawn))))  # fmt: skip
    return table(head, rows)


def table(head: Sequence[object], rows: Sequence[Sequence[object]]) -> str:
    """Return a Markdown table."""
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join("| " + " | ".join(str(cell) for cell in line) + " |" for line in lines)


def _counts(made: Sequence[Decision], variant: str = "the rule") -> Counter[tuple[str, str]]:
    return Counter((decision.truth, decision.answer(variant)) for decision in made)


def _of(counts: Counter[tuple[str, str]], truth: str) -> int:
    return sum(counts[truth, answer] for answer in ANSWERS)


def _share(part: int, whole: int) -> str:
    return f"{part} ({100 * part / whole:.1f} %)" if whole else "0"


def _accepted(made: Sequence[Decision], accepts: Callable[[Decision], bool]) -> Iterator[str]:
    """Yield how much of what breaks is accepted, and how much of what holds is not."""
    broken = [accepts(decision) for decision in made if decision.truth == "breaks"]
    sound = [accepts(decision) for decision in made if decision.truth == "holds"]
    yield _share(sum(broken), len(broken))
    yield _share(len(sound) - sum(sound), len(sound))


def _above(name: str, threshold: float, *, strictly: bool) -> Callable[[Decision], bool]:
    def accepts(decision: Decision) -> bool:
        return decision.single[name] > threshold or (not strictly and decision.single[name] == threshold)

    return accepts


def _counted(counts: Counter[str]) -> str:
    return ", ".join(f"{word} {count}" for word, count in counts.most_common())


def _worst(strata: Sequence[dict[str, Any]], name: str) -> str:
    """Return the worst value of a measure over strata and draws."""
    known = [stratum[name] for stratum in strata if stratum[name] is not None]
    if not known:
        return ""
    worst = min(known) if name.startswith("recall") else max(known, key=abs)
    return f"{worst:+.3f}" if name == "share_bias" else f"{worst:.3f}"


def _points(share: float) -> str:
    return f"{100 * share + 0.0:.1f}"
