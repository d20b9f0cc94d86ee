"""What stands beside a cause: changes that mislead, chosen by dice whose throws depend on the case alone."""

from __future__ import annotations

import hashlib
import random

from benchmarks.planted import changes
from benchmarks.planted.case import BASES, NAMES, PICTURES
from benchmarks.planted.drafts import Change


def nothing(dice: random.Random, base: str) -> tuple[Change, ...]:
    """Choose changes of words and records."""
    records = [
        each for each in changes.RECORDS.values() if "image" in BASES[base] or each.family != "processor file"
    ]
    return (dice.choice(list(changes.WORDS.values())), dice.choice(records))


def decoys(dice: random.Random, bench: str, base: str, *causes: Change, many: bool) -> tuple[Change, ...]:
    """Choose what is changed beside a cause: words, a record, fields that could matter, another modality's encoder."""
    text, image = list(changes.NEUTRAL_TEXT.values()), list(changes.NEUTRAL_IMAGE.values())
    could: list[Change] = [
        *(text if "text" in BASES[base] else ()),
        *(image if "image" in BASES[base] else ()),
    ]
    if bench == NAMES and base in ("demo", "cased"):
        could += [*changes.STRAY_IMAGE.values()] * 2
    if bench == PICTURES and base in ("demo", "cased"):
        could += [*changes.STRAY_TEXT.values()] * 2
    taken = {cause.family for cause in causes}
    lengths = {"max length", "truncation"}
    could = [
        each
        for each in could
        if each.family not in taken and not (each.family in lengths and taken & lengths)
    ]
    could = [each for each in could if not (each.key == "NFKC" and "normalise step" in taken)]
    could = [each for each in could if not (each.key == "factor rounded" and "rescale" in taken)]
    # torch has no kernel for every interpolation: a card that asked for it would not run.
    could = [
        each for each in could if not (each.family == "library" and (taken | {bench}) & {"resize", NAMES})
    ]
    could = [each for each in could if not (base == "languages" and each.family == "max length")]
    chosen: dict[str, Change] = {}
    for each in dice.sample(could, 3 if many else 1):
        chosen.setdefault(each.key, each)
    return (*nothing(dice, base), *chosen.values())


def dice_of(*words: str) -> random.Random:
    return random.Random(hashlib.sha256("\0".join(words).encode()).hexdigest())
