"""Which change of a card calls for which level: one readable table (compat.md section 6). Ground floor.

The table presumes; `policy.judge` says how its presumptions meet a measurement.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum
from fnmatch import fnmatchcase
from typing import Any

from embver.diff import Change, Kind
from embver.levels import Level


class Strength(Enum):
    """How far a presumption yields to a measurement."""

    HARD = "hard"  # MAJOR without measuring; nothing lowers it
    SOFT = "soft"  # MAJOR until measured compatible, then MINOR with a written reason
    PRESUMED = "presumed"  # the kind of change; raised by a measurement that fails
    NEUTRAL = "neutral"  # claims to move nothing: held to *equivalent*
    WORDS = "words"  # no vector changes


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """One row: the first whose pattern, kind of change and condition fit decides.

    A part of the pattern stands for one part of a path. A pattern that ends in `/` speaks of that very field;
    any other also of what lies below it.
    """

    pattern: str
    level: Level
    strength: Strength
    why: str
    kinds: tuple[Kind, ...] = tuple(Kind)
    when: Callable[[Any, Any], bool] | None = None

    def fits(self, change: Change) -> bool:
        """Tell whether the row speaks of a change."""
        is_exact = self.pattern.endswith("/")
        parts = self.pattern.rstrip("/").split("/")
        if change.kind not in self.kinds or len(change.where) < len(parts):
            return False
        if is_exact and len(change.where) != len(parts):
            return False
        if not all(_matches(have, want) for have, want in zip(change.where, parts, strict=False)):
            return False
        return self.when is None or self.when(change.before, change.after)


def _matches(have: str, want: str) -> bool:
    # `[lowercase]` in a pattern is the identity of a list's entry, not a set of letters.
    return have == want if want.startswith("[") else fnmatchcase(have, want)


def _rows(level: Level, strength: Strength, *rows: tuple[Any, ...]) -> tuple[Rule, ...]:
    made = []
    for pattern, why, *rest in rows:
        kinds = tuple(item for item in rest if isinstance(item, Kind)) or tuple(Kind)
        when = next((item for item in rest if not isinstance(item, Kind)), None)
        made.append(Rule(pattern=pattern, level=level, strength=strength, why=why, kinds=kinds, when=when))
    return tuple(made)


def _shrinks(before: Any, after: Any) -> bool:
    return isinstance(before, int) and isinstance(after, int) and after < before


def _grows(before: Any, after: Any) -> bool:
    return isinstance(before, int) and isinstance(after, int) and after > before


def _is_silent(_: Any, after: Any) -> bool:
    return bool(after == "")


def _is_other_kind(before: Any, after: Any) -> bool:
    return (before or "dense") != (after or "dense")


_LICENSE = "another licence: those who use the old version may not be allowed to use this one"
_UNKNOWN = "not encoded yet"
_FIX = "text preprocessing is corrected"
_SAID = (Kind.CHANGED, Kind.REMOVED)  # but not: said for the first time

TABLE: tuple[Rule, ...] = (
    *_rows(
        Level.MAJOR,
        Strength.HARD,
        ("space/dimensions/", "another dimension: an index of the old version cannot hold the new vectors"),
        ("space/metric/", "another metric: old scores mean nothing now"),
        ("space/normalized/", "another normalisation: scores and neighbours change"),
        ("space/kind/", "another kind of vector: the index schema breaks", _is_other_kind),
        ("space/served_dimensions/*/", "a served dimension is withdrawn", Kind.REMOVED),
        ("encoders/*/", "a modality is withdrawn", Kind.REMOVED),
        ("encoders/*/languages/*/", "a language is withdrawn", Kind.REMOVED),
        ("encoders/*/prompts/*/", "a role is withdrawn", Kind.REMOVED),
    ),
    *_rows(
        Level.NONE,
        Strength.WORDS,
        ("space/kind/", "the kind of vector is said: dense is what it was"),
        ("space/served_dimensions/", "the same dimensions in another order"),
        ("encoders/*/languages/", "the same languages in another order"),
        ("encoders/*/model/tag/", "another name for the model"),
        ("encoders/*/model/path/", "where the model is kept"),
        ("encoders/*/architecture", "the backbone is described, or no longer", Kind.ADDED, Kind.REMOVED),
        ("training/data/*/uri/", "where the data are kept"),
        ("training/data/*/tracked_by/", "how the data are kept"),
        ("training/run", "where the training was logged"),
        ("corpus/uri/", "where the encoded data are kept"),
        ("corpus/tracked_by/", "how the encoded data are kept"),
        # `embver new` drops what `embver encode` will fill in: until then it is not known, which is no change.
        ("encoders/*/weights/", _UNKNOWN, Kind.REMOVED),
        ("encoders/*/tokenizer_sha256/", _UNKNOWN, Kind.REMOVED),
        ("encoders/*/processor_sha256/", _UNKNOWN, Kind.REMOVED),
        ("artifacts/", _UNKNOWN, Kind.REMOVED),
    ),
    *_rows(
        Level.MINOR,
        Strength.PRESUMED,
        ("space/served_dimensions/*/", "one dimension more is served", Kind.ADDED),
        ("encoders/*/", "a modality is added", Kind.ADDED),
        ("encoders/*/languages/*/", "a language is added", Kind.ADDED),
        ("encoders/*/prompts/*/", "a role is added", Kind.ADDED, _is_silent),
        ("encoders/*/preprocessing/[tokenize]/max_length/", "longer texts are read to the end", _grows),
    ),
    *_rows(
        Level.PATCH,
        Strength.PRESUMED,
        ("encoders/text/preprocessing/[lowercase]", _FIX),
        ("encoders/text/preprocessing/[replace]", _FIX),
        ("encoders/text/preprocessing/[strip]", _FIX),
        ("encoders/text/preprocessing/[collapse_whitespace]", _FIX),
        ("encoders/text/preprocessing/[unicode_normalize]", _FIX),
        ("encoders/image/preprocessing/[decode]", "image decoding is corrected"),
        ("encoders/*/preprocessing/*/library/", "another library does the step"),
        ("encoders/*/preprocessing/[resize]/interpolation/", "the resize kernel is corrected"),
        ("encoders/*/preprocessing/[resize]/antialias/", "the resize kernel is corrected"),
    ),
    *_rows(
        Level.MAJOR,
        Strength.SOFT,
        ("encoders/*/preprocessing/[tokenize]/max_length/", "texts are cut earlier", _shrinks),
        ("encoders/*/preprocessing/[tokenize]", "tokens change, so the text's whole representation may"),
        ("encoders/*/preprocessing", "what the model sees changes"),
        ("encoders/*/tokenizer_sha256/", "another tokenizer or vocabulary"),
        ("encoders/*/model/id/", "another model"),
        ("encoders/*/model/license/", _LICENSE, *_SAID),
        ("encoders/*/base/id/", "another base model"),
        ("encoders/*/architecture", "another backbone"),
        ("encoders/*/pooling/", "another pooling"),
        ("encoders/*/projection/", "another projection"),
        ("encoders/*/prompts", "another prompt"),
        ("training/hyperparameters/seed/", "a new seed: an encoder trained anew has arbitrary axes"),
        ("license/", _LICENSE, *_SAID),
    ),
    *_rows(
        Level.MINOR,
        Strength.PRESUMED,
        ("encoders/*/weights", "weights were trained on"),
        ("encoders/*/model", "another revision of the model"),
        ("encoders/*/base", "another revision of the base model"),
        ("training/data/*/", "training data are added", Kind.ADDED),
        ("training/data", "training data changed"),
        ("training/objective", "another training objective"),
        ("training/hyperparameters", "another training recipe"),
        ("corpus", "the encoded data changed"),
    ),
    *_rows(
        Level.PATCH,
        Strength.NEUTRAL,
        ("space/dtype/", "vectors are stored with another precision"),
        ("encoders/*/processor_sha256/", "another processor file; the card's steps are what runs"),
        ("training/code", "another revision of the training code"),
        ("encode/profile/", "another encode profile"),
        ("encode/precision", "another precision of the computation"),
        ("encode/batch", "another batch shape"),
        ("encode/flags", "other numeric flags"),
        ("encode/hardware", "other hardware"),
        ("encode/software", "other software"),
        ("encode/seed/", "another seed of the encode step"),
        ("artifacts/*/content_digest/", "vectors differ"),
        ("artifacts", "bytes differ"),
    ),
    # What no row above knows is taken for what it most plausibly is, never for words.
    *_rows(Level.MAJOR, Strength.SOFT, ("encoders", "the encoder changes"), ("space", "the space changes")),
    *_rows(Level.MINOR, Strength.PRESUMED, ("training", "the training changes")),
    *_rows(
        Level.NONE,
        Strength.WORDS,
        ("encode", "a record of how the encode went"),
        ("fingerprint/", "follows from the encoders"),
        ("*", "words: no vector changes"),
    ),
)


def rule_for(change: Change) -> Rule:
    """Return the row of the table that speaks of a change; the last row speaks of everything."""
    return next(rule for rule in TABLE if rule.fits(change))
