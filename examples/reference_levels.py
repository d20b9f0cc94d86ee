"""The reference pages of the level table and of the decision rule, from the code that decides."""

from __future__ import annotations

from dataclasses import fields
from itertools import groupby

from reference_markdown import code, page, table

from embver.measure.rule import Rule as DecisionRule
from embver.rules import TABLE, Rule, Strength


def level_table() -> str:
    """Return the page of the level table."""
    blocks = []
    groups = groupby(TABLE, key=lambda rule: (rule.level, rule.strength))
    for number, ((level, strength), rules) in enumerate(groups, start=1):
        title = f"## {number}. {level.word.upper() if level else 'none'}: {STRENGTHS[strength][0]}"
        rows = [(place(rule), rule.occasion, rule.why) for rule in rules]
        blocks += [title, STRENGTHS[strength][1], table(("field", "when", "why"), rows)]
    lead = (
        "What each change of a card calls for *before* anything is measured. The rows are tried from the top, and "
        "the first that fits decides; so a row further down speaks of what the rows above leave over. "
        "[Levels and verdicts](../levels.md) says how these presumptions meet a measurement. `*` stands for one name, "
        "`[*]` for one entry of a list, and a field that ends in `…` includes what lies below it."
    )
    blocks += ["## Rules of your own", OWN]
    return page("The level table", lead, *blocks)


OWN = (
    "`[[policy]]` in `embver.toml` puts [rules of a repository's own](../levels.md#rules-of-your-own) between the hard rows "
    "and the others. `embver explain PATH` shows what holds for a field, with them."
)


STRENGTHS: dict[Strength, tuple[str, str]] = {
    Strength.HARD: ("hard", "Breaks the contract with whoever uses the vectors. Nothing lowers it."),
    Strength.SOFT: (
        "soft",
        "Usually a new space. Measured compatible, it becomes MINOR, and asks for a written reason.",
    ),
    Strength.PRESUMED: (
        "presumed",
        "The kind of change it is, if the measurement agrees that nothing breaks.",
    ),
    Strength.NEUTRAL: (
        "neutral",
        "Claims to move no vector. Measured only *compatible*, and not *equivalent*, it is released as a PATCH with a flag.",
    ),
    Strength.WORDS: ("words", "No vector changes."),
}


def place(rule: Rule) -> str:
    """Return the field of a row as it is written in messages."""
    if rule.parts == ("*",):
        return "everything else"
    return f"`{rule.path.removesuffix(' …')}`" + ("" if rule.is_exact else " …")


# ---- the decision rule


def decision_rule() -> str:
    """Return the page of the decision rule: what each verdict asks for, and every threshold."""
    rule = DecisionRule()
    rows = [
        (code(field.name), plain(getattr(rule, field.name)), THRESHOLDS[field.name]) for field in fields(rule)
    ]
    lead = (
        f"Rule version {rule.rule_version}: what each verdict asks for, and the thresholds. The names are those of "
        "`[rule]` in [`embver.toml`](settings.md#thresholds), where a repository may set its own; every comparison "
        "records the version of the rule. [Levels and verdicts](../levels.md) explains the measures."
    )
    blocks = ["## Verdicts", BOUNDS, table(("verdict", "in every stratum"), verdicts(rule))]
    blocks += [
        "## Which conditions apply",
        void(),
        "## Thresholds",
        table(("name", "default", "meaning"), rows),
    ]
    return page("The decision rule", lead, *blocks)


BOUNDS = (
    "`LCB` and `UCB` are one-sided 95 % bounds from a bootstrap of queries, `CI` is a two-sided 95 % interval. A claim "
    "must hold in every stratum, so the verdict of a comparison is the worst one."
)


def verdicts(rule: DecisionRule) -> list[tuple[str, str]]:
    """Return what each verdict asks for, with the rule's own numbers."""
    loss, share = plain(rule.labelled_loss), plain(rule.compatible_share_bias)
    cells = ", ".join(f"LCB(M_{cell} − M_oo) ≥ −{loss}" for cell in ("no", "on", "mix"))
    route_a = (
        f"LCB R_no@k ≥ {plain(rule.compatible_recall)}; LCB R_mix@k ≥ {plain(rule.compatible_recall_mixed)}"
    )
    route_b = f"LCB M_oo ≥ {plain(rule.labelled_found)}; {cells}; UCB of negative flips ≤ {plain(rule.labelled_flips)}"
    neighbours = (
        f"LCB R_no@k ≥ {plain(rule.equivalent_recall)}; "
        f"CI of the share bias within ±{plain(rule.equivalent_share_bias)}"
    )
    return [
        ("identical", "every probe vector is the same, bit for bit"),
        (
            "equivalent",
            f"99th percentile of 1 − cosine ≤ {plain(rule.equivalent_distance_p99)} on both sides; {neighbours}",
        ),
        ("compatible, route A", f"{route_a}; CI of the share bias within ±{share}"),
        ("compatible, route B", f"{route_b}; CI of the share bias within ±{share}"),
        ("incompatible", "both routes fail: of each, at least one bound lies wholly on the wrong side"),
        (
            "inconclusive",
            f"anything else, and everything measured on fewer than {rule.minimum_queries:,} queries",
        ),
        (
            "bridgeable",
            (
                f"incompatible, and a map learned on other pairs has LCB ARR@k ≥ {plain(rule.bridged_arr)} and "
                f"LCB(M_bridge − M_oo) > {plain(rule.bridged_gain)}, on at least {rule.minimum_queries:,} queries. "
                "The level stays MAJOR. [Bridges](../bridges.md)"
            ),
        ),
    ]


def void() -> str:
    """Return how the conditions change where only one side moved."""
    rows = [
        ("both sides moved", "all of the above"),
        ("only queries moved", QUERIES_MOVED),
        ("only documents moved", DOCUMENTS_MOVED),
        ("dimensions differ", "incompatible, without statistics"),
        ("the metric, normalisation or kind of vector differs", "incompatible, whatever the vectors"),
        ("the new version has no such modality", "incompatible: what was served is gone"),
        ("all vectors of a new side are one point", "incompatible; of an old side: inconclusive"),
        ("too few items are in both probe sets to rank", "inconclusive"),
        ("a served prefix (Matryoshka)", "each is a stratum of its own, cut and made unit length again"),
        ("no labels", "route A alone: better results cannot excuse other results"),
    ]
    moved = "A side *did not move* if its vectors are equal, or moved no further than *equivalent* allows while the other side moved."
    return f"{moved}\n\n{table(('what happened', 'what is judged'), rows)}"


QUERIES_MOVED = (
    "R_no in route A, the cell `no` in route B. No mixed index and no share bias: a half-replaced index of documents "
    "that did not move is the old index."
)
DOCUMENTS_MOVED = (
    "R_on in the place of R_no, and in route B the cells `on` and `mix`: queries that did not move find in the old "
    "index what they always found."
)
THRESHOLDS = {
    "rule_version": "The version of the rule. Written into every comparison.",
    "k": "Neighbours that are compared, and the depth of labelled hits.",
    "documents_per_neighbour": "k is at most one document in so many: a small probe set is compared at a smaller k.",
    "splits": "Half-replaced indexes that are searched. Every second one is the complement of the one before.",
    "draws": "Resamples of the bootstrap.",
    "seed": "The seed of splits and bootstrap: the same vectors give the same verdict.",
    "minimum_queries": "Fewer queries than this in a stratum: inconclusive.",
    "equivalent_distance_p99": "Equivalent: the 99th percentile of 1 − cosine between an item's old and new vector.",
    "equivalent_recall": "Equivalent: recall of the old neighbours by new queries on the old index.",
    "equivalent_share_bias": "Equivalent: how far the share of new vectors in results may be from their share of the index.",
    "compatible_share_bias": "Compatible: the same, on both routes.",
    "compatible_recall": "Route A: recall of the old neighbours by new queries on the old index.",
    "compatible_recall_mixed": "Route A: the same on a half-replaced index.",
    "labelled_loss": "Route B: how much the labelled hit rate may fall in any cell.",
    "labelled_flips": "Route B: the share of labelled queries that were right and are wrong now.",
    "bridged_arr": "Bridgeable: the least share of a full re-encode's labelled hits that the bridge must find.",
    "bridged_gain": "Bridgeable: the labelled hit rate with the bridge must be surely greater by more than this than by "
    "keeping the old encoder.",
    "labelled_found": "Route B: the least that the old version must find of its labelled pairs. One that finds nothing has nothing to lose.",
}


def plain(value: float) -> str:
    """Return a number as a person writes it."""
    return (
        f"{value:,}"
        if isinstance(value, int)
        else f"{value:g}"
        if value >= 1e-3 or not value
        else f"{value:.0e}".replace("e-0", "e-")
    )
