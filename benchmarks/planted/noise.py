"""Cases without a cause: series in which nothing happens that matters."""

from __future__ import annotations

from collections.abc import Iterator

from benchmarks.planted import changes
from benchmarks.planted.beside import dice_of, nothing
from benchmarks.planted.case import METRICS, NAMES, PICTURES, SAMPLES, SEARCH, TYPED, UNSEEN, Case
from benchmarks.planted.drafts import Change

JITTERS = 6
STEPS = 5
PRECISIONS = ("bfloat16", "float32", "float16", "bfloat16", "float16")


def noise() -> Iterator[Case]:
    """Yield embeddings in whose steps nothing happens that matters, on samples of queries so that chance has its part."""
    for number in range(8):
        bench = (TYPED, SEARCH, UNSEEN, NAMES)[number % 4]
        dice = dice_of("noise", "words", str(number))
        steps = tuple(nothing(dice, "demo") for _ in range(STEPS))
        yield _noise(f"words and records {number + 1}", "words, records", bench, number, steps)
    for number in range(16):
        bench = (TYPED, SEARCH, UNSEEN, PICTURES)[number % 4]
        steps = tuple((_jitter(1 + (number + step) % JITTERS),) for step in range(STEPS))
        yield _noise(f"jitter {number + 1}", "weights within the noise", bench, number, steps)
    for number in range(4):
        bench = (SEARCH, UNSEEN, PICTURES, TYPED)[number]
        steps = tuple((_computed(dtype),) for dtype in PRECISIONS)
        yield _noise(f"precision {number + 1}", "another precision of computation", bench, number, steps)
    for number in range(4):
        bench = (TYPED, SEARCH, UNSEEN, NAMES)[number]
        dice = dice_of("noise", "resampled", str(number))
        steps = tuple(nothing(dice, "demo") for _ in range(STEPS))
        sets = tuple(f"sample-{(number + step) % SAMPLES + 1}" for step in range(STEPS + 1))
        yield _noise(f"resampled {number + 1}", "other queries", bench, number, steps, sets=sets)
    for number in range(4):
        bench = (SEARCH, UNSEEN, PICTURES, NAMES)[number]
        dice = dice_of("noise", "neutral", str(number))
        stray = changes.STRAY_TEXT if bench == PICTURES else changes.STRAY_IMAGE if bench == NAMES else {}
        texts = list(changes.NEUTRAL_TEXT.values())
        images = [each for each in changes.NEUTRAL_IMAGE.values() if each.family != "library"]
        found = (
            [*texts[:-3], *images, *stray.values()] if number % 2 else [*texts[3:5], *images, *stray.values()]
        )
        dice.shuffle(found)
        steps = tuple((each, *nothing(dice, "demo")) for each in found[:STEPS])
        yield _noise(f"without effect {number + 1}", "steps without effect", bench, number, steps)


def _noise(
    what: str,
    family: str,
    bench: str,
    number: int,
    steps: tuple[tuple[Change, ...], ...],
    *,
    sets: tuple[str, ...] | None = None,
) -> Case:
    sample = f"sample-{number % SAMPLES + 1}"
    return Case(
        key=f"noise: {what}, {bench}",
        kind="noise",
        family=family,
        benchmark=bench,
        metric=METRICS[number % 3],
        steps=steps,
        sets=sets or (sample,) * (len(steps) + 1),
    )


def _computed(dtype: str) -> Change:
    return Change(key=f"computed in {dtype}", family="dtype", apply=changes.set_compute(dtype))


def _jitter(seed: int) -> Change:
    return Change(key=f"jitter {seed}", family="weights", apply=changes.set_variant(weights=f"jitter-{seed}"))
