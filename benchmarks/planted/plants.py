"""Cases with a cause: single, beside something that mends, two that interact. No case depends on a result."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from benchmarks.planted import changes
from benchmarks.planted.beside import decoys, dice_of, nothing
from benchmarks.planted.case import METRICS, NAMES, PICTURES, SEARCH, TYPED, UNSEEN, Case
from benchmarks.planted.changes import CULPRITS, HELPFUL
from benchmarks.planted.drafts import Apply, Change, Draft

# ---- single culprits

_TEXT, _IMAGE = ((TYPED, "demo"), (NAMES, "cased")), ((SEARCH, "demo"), (UNSEEN, "demo"), (PICTURES, "demo"))

# A culprit, and where it is tried: a benchmark and the version that it begins with. Typed names are equal to clean ones
# once they are cleaned: on `cased` they are not, and texts are not found by being the same.
_SINGLES: Sequence[tuple[str, Sequence[tuple[str, str]]]] = (
    ("lower-casing lost", ((TYPED, "demo"), (NAMES, "demo"))),
    *((key, _TEXT) for key in (
        "replace lost", "replace without underscores", "replace without colons", "replace joins words",
        "replace drops short words", "replace drops spaces", "length 16 to 6", "length 16 to 5", "length 16 to 4",
        "length 8 to 4", "tokenizer split-at-spaces", "tokenizer rotated", "tokenizer thinned", "tokenizer short-words",
        "tokenizer without-end",
    )),
    *((key, ((TYPED, "demo"), (SEARCH, "demo"), (UNSEEN, "demo"))) for key in ("prefix step", "prompts", "prompts of one word")),
    *((key, _IMAGE) for key in (
        "nearest pixel", "resized over 6 pixels", "resized over 4 pixels", "cropped to 28", "cropped to 24", "cropped to 20",
        "mean lost", "mean and deviation lost", "channels' means swapped", "rescaled twice as far",
        "rescaled half as far", "shrunk and padded",
    )),
    *((key, ((TYPED, "demo"), (UNSEEN, "demo"))) for key in (
        "weights short-40", "weights short-80", "weights short-120", "weights hot", "weights int3", "weights int2",
        "weights pruned",
    )),
    ("weights one-style", ((UNSEEN, "demo"),)),
    ("normalisation lost", ((SEARCH, "demo"), (UNSEEN, "demo"))),
    ("projection of image lost", ((PICTURES, "pictures"),)),
    ("projection of text lost", ((NAMES, "texts"),)),
    *((f"pooling last to {pooling}", ((NAMES, "words"),)) for pooling in ("cls", "mean", "max", "weighted_mean", "mean_sqrt_len")),
    *((key, (("languages", "languages"),)) for key in ("accents decomposed", "length 24 to 4", "tokenizer without-accents", "prefix step")),
    ("computed in bfloat16", ((SEARCH, "demo"), (UNSEEN, "demo"))),
    ("computed in float16", ((SEARCH, "demo"),)),
)  # fmt: skip


def singles() -> Iterator[Case]:
    """Yield every culprit by itself among decoys, on each benchmark that asks for it."""
    for key, tried in _SINGLES:
        for place, (bench, base) in enumerate(tried):
            dice = dice_of("single", key, bench)
            # Of names that nearly all are found, the tenth place tells little.
            metric = dice.choice(METRICS if bench in (TYPED, NAMES, "languages") else METRICS[1:])
            yield Case(
                key=f"single: {key}, {bench}",
                kind="single",
                family=CULPRITS[key].family,
                benchmark=bench,
                metric=metric,
                base=base,
                planted=(CULPRITS[key],),
                beside=decoys(dice, bench, base, CULPRITS[key], many=place % 2 == 1),
                steps=(nothing(dice, base),),
            )


# ---- culprits beside something that mends

_HELPED: Sequence[tuple[str, str, str]] = (
    *(("lower-casing lost", mends, TYPED) for mends in (
        "length 6 to 16", "replace made whole", "mean mended", "weights base after int3", "resize mended", "crop dropped",
    )),
    *(("length 16 to 4", mends, TYPED) for mends in ("resize mended", "mean mended", "weights base after int3", "crop dropped")),
    *(("replace lost", mends, TYPED) for mends in ("resize mended", "mean mended", "weights base after int3")),
    ("prompts of one word", "resize mended", SEARCH), ("prompts of one word", "mean mended", UNSEEN),
    ("cropped to 20", "resize mended", SEARCH), ("cropped to 24", "weights base after int3", SEARCH),
    ("channels' means swapped", "resize mended", UNSEEN), ("channels' means swapped", "length 6 to 16", SEARCH),
    ("rescaled half as far", "crop dropped", SEARCH), ("weights short-40", "resize mended", TYPED),
    ("weights short-120", "mean mended", TYPED), ("tokenizer rotated", "mean mended", TYPED),
    ("tokenizer thinned", "crop dropped", TYPED), ("tokenizer short-words", "resize mended", TYPED),
)  # fmt: skip


def helped() -> Iterator[Case]:
    """Yield culprits in steps that mend something else at the same time."""
    for key, mends, bench in _HELPED:
        dice = dice_of("helped", key, mends)
        culprit, helper = CULPRITS[key], HELPFUL[mends]
        yield Case(
            key=f"helped: {key}, {mends}, {bench}",
            kind="helped",
            family=culprit.family,
            benchmark=bench,
            metric=dice.choice(METRICS[1:]),
            planted=(culprit,),
            beside=(*decoys(dice, bench, "demo", culprit, helper, many=False), helper),
            steps=(nothing(dice, "demo"),),
        )


# ---- culprits beside something that costs less

_LESSER: Sequence[tuple[str, str, str]] = (
    ("lower-casing lost", "replace without underscores", TYPED), ("lower-casing lost", "cropped to 28", TYPED),
    ("lower-casing lost", "rescaled twice as far", TYPED), ("length 16 to 5", "nearest pixel", TYPED),
    ("replace lost", "cropped to 28", TYPED), ("replace drops short words", "length 16 to 6", TYPED),
    ("tokenizer thinned", "replace without underscores", TYPED), ("weights short-120", "cropped to 28", TYPED),
    ("cropped to 24", "tokenizer split-at-spaces", TYPED), ("channels' means swapped", "nearest pixel", SEARCH),
    ("prompts of one word", "cropped to 28", SEARCH), ("mean lost", "cropped to 28", SEARCH),
    ("rescaled half as far", "cropped to 28", SEARCH), ("resized over 4 pixels", "mean lost", UNSEEN),
)  # fmt: skip


def lesser() -> Iterator[Case]:
    """Yield culprits in steps in which something else costs, too, but less."""
    for key, costs, bench in _LESSER:
        dice = dice_of("lesser", key, costs)
        culprit, other = CULPRITS[key], CULPRITS[costs]
        yield Case(
            key=f"lesser: {key}, {costs}, {bench}",
            kind="lesser",
            family=culprit.family,
            benchmark=bench,
            metric=dice.choice(METRICS[1:]),
            planted=(culprit,),
            beside=(*decoys(dice, bench, "demo", culprit, other, many=False), other),
            steps=(nothing(dice, "demo"),),
        )


# ---- two that do together what neither does alone


def interactions() -> Iterator[Case]:
    """Yield pairs: each is harmless, or nearly, without the other."""
    for what, bench, pair in _pairs():
        dice = dice_of("interaction", what, bench)
        yield Case(
            key=f"interaction: {what}, {bench}",
            kind="interaction",
            family=f"{pair[0].family} with {pair[1].family}",
            benchmark=bench,
            metric=dice.choice(METRICS[1:]),
            planted=pair,
            beside=decoys(dice, bench, "demo", *pair, many=False),
            steps=(nothing(dice, "demo"),),
        )


def _pairs() -> Iterator[tuple[str, str, tuple[Change, Change]]]:
    # Two that do the same, so that one may go; and what fills a text with what cuts it.
    for bench in (TYPED, NAMES):
        for what, tokenizer, step in (
            ("lower-casing", "lower", "lowercase"),
            ("replacing", "splitting", "replace"),
        ):
            lost = Change(key=f"{step} lost", family=f"{step} step", apply=changes.lose("text", step))
            plain = changes.set_variant(tokenizer="plain")
            was = changes.set_variant(tokenizer=tokenizer)
            other = Change(key=f"tokenizer {tokenizer} lost", family="tokenizer", apply=plain, before=was)
            yield f"{what} by step and tokenizer", bench, (lost, other)
        again = changes.put(
            "text", {"step": "replace", "pattern": "[^a-z0-9]+", "with": " "}, before="tokenize"
        )
        first = Change(
            key="first replace lost", family="replace step", apply=_lose_pattern("[:_]+"), before=again
        )
        second = Change(
            key="second replace lost", family="second replace step", apply=_lose_pattern("[^a-z0-9]+")
        )
        yield "replacing by two steps", bench, (first, second)
    for count, length in ((6, 10), (6, 9), (6, 8), (5, 8), (5, 7), (4, 7)):
        words = "the " * count
        prefix = changes.put("text", {"step": "prefix", "text": words}, before="tokenize")
        filled = Change(key="prefix added", family="prompt", apply=prefix)
        yield (
            f"prefix of {count} words and {length} tokens",
            NAMES,
            (filled, changes.max_length(16, length)[1]),
        )
        roles = {"query": words, "document": words}
        said = Change(
            key="prompts", family="prompt", apply=changes.set_at("encoders", "text", "prompts", value=roles)
        )
        yield (
            f"prompts of {count} words and {length} tokens",
            NAMES,
            (said, changes.max_length(16, length)[1]),
        )


def _lose_pattern(pattern: str) -> Apply:
    def apply(draft: Draft) -> None:
        steps = draft.steps("text")
        steps[:] = [step for step in steps if step.get("pattern") != pattern]

    return apply
