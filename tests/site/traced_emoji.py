"""What tracing finds out, as the site is given it: made by hand, with one of everything."""

from __future__ import annotations

from dataclasses import replace

from emoji_versions import HOSTILE, cards, embedding

from embver.ablation import AblationPlan, AblationReport, Block, Interaction, NotRun, Share, Work
from embver.diff import Change, Kind
from embver.groups import Group, Moved, Moves
from embver.series import Point, Series, Step, Verdict
from embver.site.model import SiteEmbedding
from embver.suspects import Suspect
from embver.traced import Traced, TracedStep, significant_steps

STEPS = ("encoders", "text", "preprocessing")


def point(version: str, value: float | None, *, half: float = 0.012, lacking: str | None = None) -> Point:
    if value is None:
        return Point(reference=f"emoji@{version}", lacking=lacking)
    return Point(reference=f"emoji@{version}", value=value, low=value - half, high=min(1.0, value + half))


def step(before: Point, after: Point, verdict: Verdict, *suspects: Suspect, p_value: float = 0.5) -> Step:
    assert before.value is not None
    assert after.value is not None
    delta = round(after.value - before.value, 6)
    return Step(
        from_=before.reference,
        to=after.reference,
        before=before.value,
        after=after.value,
        delta=delta,
        low=delta - 0.02,
        high=delta + 0.02,
        p_value=p_value,
        test="paired-permutation",
        verdict=verdict,
        suspects=suspects,
    )


def suspect(where: tuple[str, ...], before: object, after: object, rank: int, why: str) -> Suspect:
    kind = Kind.ADDED if before is None else Kind.REMOVED if after is None else Kind.CHANGED
    return Suspect(
        where=where, kind=kind, before=before, after=after, rank=rank, can_matter=rank > 0, why=why
    )


LOWERCASE = suspect(
    (*STEPS, "[lowercase]"), {"step": "lowercase"}, None, 1, "a preprocessing step of the queries was lost"
)
RESIZE = suspect(
    ("encoders", "image", "preprocessing", "[resize]", "size"), 16, 20, 2, "how pictures reach the model"
)
BATCH = suspect(
    ("encode", "batch", "size", "text"), 128, 256, 0, "vectors moved no more than the version's own noise"
)
WORDS = suspect(("description",), "Pictures.", "Pictures and names.", 0, "words only")


def block(name: str, *changed: Suspect, tied: str | None = None) -> Block:
    changes = tuple(
        Change(where=each.where, kind=each.kind, before=each.before, after=each.after) for each in changed
    )
    return Block(id=name, changes=changes, tied=tied)


def share(which: Block, value: float, fraction: float, *, half: float = 0.02, is_sure: bool = True) -> Share:
    return Share(
        block=which,
        value=value,
        low=value - half,
        high=value + half,
        forward=value,
        back=value,
        fraction=fraction,
        is_sure=is_sure,
    )


def ablation() -> AblationReport:
    lost, resized = (
        block("text.preprocessing[lowercase]", LOWERCASE),
        block("image.preprocessing[resize]", RESIZE),
    )
    plan = AblationPlan(
        name="emoji",
        benchmark="emoji-dirty",
        metric="hit@10",
        from_="emoji@2.0.0",
        to="emoji@2.1.0",
        blocks=(lost, resized),
        not_run=(NotRun(block=block("stored_dtype"), why="the benchmark does not read stored vectors"),),
        method="all-subsets",
        queries=1892,
        queries_in_all=1892,
        documents=1892,
        work=Work(subsets=4, encodes=4, items=7568),
    )
    return AblationReport(
        plan=plan,
        before=0.994,
        after=0.612,
        delta=-0.382,
        low=-0.402,
        high=-0.362,
        recorded_before=0.994,
        recorded_after=0.612,
        higher_is_better=True,
        shares=(share(lost, -0.395, 1.034), share(resized, 0.013, -0.034, half=0.006)),
        interactions=(
            Interaction(blocks=(lost.id, resized.id), value=-0.021, low=-0.034, high=-0.009, is_sure=True),
        ),
        rest=0.0,
        rest_words=(),
        training=(),
        cause="The loss of the step lowercase of text moved hit@10 by -0.395, 103 % of the change.",
        culprit=lost.id,
    )


WORDS_OF = {
    "1f600": "GRINNING FACE",
    "1f9a5": "Sloth",
    "1f1e6-1f1fa": "Flag: Australia",
    "1f43b": "bear",
    "1f98a": "fox face",
}


def group(clause: str, count: int, base: int, *examples: str, also: tuple[str, ...] = ()) -> Group:
    return Group(
        column="letters",
        value=clause,
        clause=clause,
        count=count,
        moved=723,
        base=base,
        able=1880,
        p_value=1e-9,
        examples=examples,
        also=also,
    )


def moves() -> Moves:
    upper = group(
        "contain upper-case letters",
        715,
        1146,
        "1f600",
        "1f9a5",
        "1f1e6-1f1fa",
        also=("begin in upper case",),
    )
    words = group("have at least five words", 96, 120)
    lost = Moved(
        way="lost",
        queries=tuple(f"lost-{n}" for n in range(723)),
        able=1880,
        groups=(upper, words),
        clauses_tried=40,
    )
    return Moves(
        queries=1892, lost=lost, won=Moved(way="won", queries=("1f43b", "1f98a"), able=12, clauses_tried=4)
    )


def traced_embedding() -> SiteEmbedding:
    """Return the emoji with a fifth version, 2.1.0, in which three fields changed at once."""
    plains = cards()
    fifth = {**plains[3], "version": "2.1.0"}
    made = embedding([*plains, fifth], later_date="2026-11-20")
    return replace(made, traces=(_dirty(), _search(), _new()))


def _dirty() -> Traced:
    points = (
        point("1.0.0", 0.395, half=0.022),
        point("1.1.0", 0.393, half=0.022),
        point("1.1.1", 0.993, half=0.004),
        point("2.0.0", 0.994, half=0.004),
        point("2.1.0", 0.612, half=0.022),
    )
    added = suspect((*STEPS, "[lowercase]"), None, {"step": "lowercase"}, 1, "a preprocessing step was added")
    steps = (
        step(points[0], points[1], "noise"),
        step(points[1], points[2], "improvement", added, WORDS, p_value=0.0002),
        step(points[2], points[3], "noise"),
        step(points[3], points[4], "regression", LOWERCASE, RESIZE, BATCH, WORDS, p_value=0.0002),
    )
    series = Series(
        name="emoji",
        benchmark="emoji-dirty",
        metric="hit@10",
        unit="fraction",
        higher_is_better=True,
        points=points,
        steps=steps,
    )
    return Traced(
        series=series,
        steps=(
            TracedStep(
                step=steps[1],
                lacking=("emoji@1.1.0: the scores of its queries were not kept",),
            ),
            TracedStep(step=steps[3], moves=moves(), words=WORDS_OF, ablation=ablation()),
        ),
    )


def _search() -> Traced:
    points = (
        point("1.0.0", 0.995, half=0.004),
        point("1.1.0", 0.992, half=0.004),
        point("1.1.1", 0.992, half=0.004),
        point("2.0.0", 0.996, half=0.004),
        point("2.1.0", 0.971, half=0.006),
    )
    steps = (
        step(points[0], points[1], "noise"),
        step(points[1], points[2], "noise"),
        Step(
            from_="emoji@1.1.1",
            to="emoji@2.0.0",
            before=0.992,
            after=0.996,
            not_comparable="its data set was another one",
        ),
        step(points[3], points[4], "regression", LOWERCASE, RESIZE, BATCH, p_value=0.012),
    )
    series = Series(
        name="emoji",
        benchmark="emoji-search",
        metric="hit@10",
        unit="fraction",
        higher_is_better=True,
        points=points,
        steps=steps,
    )
    return Traced(series=series, steps=(TracedStep(step=steps[3], moves=moves(), words=WORDS_OF),))


def _new() -> Traced:
    lacking = "it has no such benchmark"
    points = (
        *(point(version, None, lacking=lacking) for version in ("1.0.0", "1.1.0", "1.1.1", "2.0.0")),
        point("2.1.0", 0.62),
    )
    series = Series(
        name="emoji",
        benchmark="emoji-languages",
        metric="mrr@10",
        unit="fraction",
        higher_is_better=True,
        points=points,
        steps=(),
    )
    return Traced(series=series)


def many(count: int, benchmarks: int) -> SiteEmbedding:
    """Return an embedding with many versions, in which every seventh step of each benchmark moves its number."""
    plain = cards()[0]
    versions = [{**plain, "version": f"1.{n}.0"} for n in range(count)]
    made = embedding(versions, later_date="2026-11-20")
    traces = tuple(
        replace(
            line,
            steps=tuple(
                replace(each, moves=moves(), words=WORDS_OF, ablation=ablation()) if each.is_in_full else each
                for each in line.steps
            ),
        )
        for line in significant_steps(_long(count, f"bench-{n}") for n in range(benchmarks))
    )
    return replace(made, traces=traces)


def _long(count: int, benchmark: str) -> Series:
    points = [point("1.0.0", 0.5)]
    steps: list[Step] = []
    for n in range(1, count):
        value = round((points[-1].value or 0.0) + (0 if n % 7 else 0.1 if n % 14 else -0.1), 3)
        points.append(point(f"1.{n}.0", value))
        verdict: Verdict = "noise" if n % 7 else "improvement" if n % 14 else "regression"
        steps.append(step(points[-2], points[-1], verdict, LOWERCASE, RESIZE, BATCH, WORDS, p_value=0.001))
    return Series(
        name="emoji",
        benchmark=benchmark,
        metric="hit@10",
        unit="fraction",
        higher_is_better=True,
        points=tuple(points),
        steps=tuple(steps),
    )


def hostile_traced(made: SiteEmbedding) -> SiteEmbedding:
    """Return an embedding whose traces hold hostile text wherever they take text."""
    first, second = (version.release.reference for version in made.versions[:2])
    bad = suspect((*STEPS, f"[{HOSTILE}]"), {"step": HOSTILE}, {HOSTILE: HOSTILE}, 1, HOSTILE)
    harmless = suspect((HOSTILE,), HOSTILE, None, 0, HOSTILE)
    points = (
        Point(reference=first, value=0.9, low=0.88, high=0.92),
        Point(reference=second, value=0.5, low=0.48, high=0.52),
    )
    one = replace(
        step(points[0], points[1], "regression", bad, bad, harmless), test=HOSTILE, notes=(HOSTILE,)
    )
    evil_group = replace(group(HOSTILE, 9, 20, HOSTILE, also=(HOSTILE,)), value=HOSTILE, column=HOSTILE)
    lost = Moved(
        way="lost",
        queries=(HOSTILE,),
        able=100,
        groups=(evil_group,),
        touched=(replace(evil_group, clause=f"x {HOSTILE}"),),
    )
    evil_moves = Moves(queries=100, lost=lost, won=Moved(way="won", queries=("x", HOSTILE), able=3))
    told = ablation()
    evil = block(HOSTILE, bad, bad, tied=HOSTILE)
    told = replace(
        told,
        plan=replace(told.plan, not_run=(NotRun(block=evil, why=HOSTILE),)),
        shares=(share(evil, -0.4, 1.0), share(block("b", tied=HOSTILE), 0.0, 0.0, is_sure=False)),
        interactions=(Interaction(blocks=(HOSTILE, HOSTILE), value=0.1, low=0.05, high=0.2, is_sure=True),),
        rest=0.1,
        rest_words=(HOSTILE,),
        training=(Change(where=(HOSTILE,), kind=Kind.CHANGED, before=1, after=2),),
        cause=HOSTILE,
        sample=HOSTILE,
    )
    series = Series(
        name=made.name,
        benchmark=HOSTILE,
        metric=HOSTILE,
        unit=HOSTILE,
        higher_is_better=True,
        points=points,
        steps=(one,),
    )
    broken = replace(one, verdict="unknown", delta=None, not_comparable=HOSTILE)
    other = replace(series, steps=(broken,))
    told_steps = (
        TracedStep(step=one, moves=evil_moves, words={HOSTILE: HOSTILE, "x": HOSTILE}, ablation=told),
    )
    unknown = (TracedStep(step=one, lacking=(HOSTILE,)),)
    return replace(
        made,
        traces=(
            Traced(series=series, steps=told_steps),
            Traced(series=other),
            Traced(series=replace(series, higher_is_better=False), steps=unknown),
        ),
    )
