"""Which change of a card calls for which level: one readable table (compat.md section 6). Ground floor.

The table presumes; `policy.judge` says how its presumptions meet a measurement. A repository may have rules of its own
(`[[policy]]` in its settings): the first of them that fits takes the place of the table's row, unless that is a hard one.
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import lru_cache
from typing import Any

from embver.diff import Change, Kind
from embver.levels import Level
from embver.licences import is_tighter, is_wider
from embver.paths import Parts
from embver.presumption import Condition, OwnRule, Rule, Strength

__all__ = ["TABLE", "UNKNOWN", "OwnRule", "Rule", "Strength", "rule_for"]


def _rows(
    level: Level, strength: Strength, *rows: tuple[Any, ...], is_last_resort: bool = False
) -> tuple[Rule, ...]:
    made = []
    for pattern, why, *rest in rows:
        kinds = tuple(item for item in rest if isinstance(item, Kind)) or tuple(Kind)
        when = next((item for item in rest if isinstance(item, Condition)), None)
        made.append(
            Rule(
                pattern=pattern,
                level=level,
                strength=strength,
                why=why,
                kinds=kinds,
                when=when,
                is_unknown=why == UNKNOWN,
                is_last_resort=is_last_resort,
            )
        )
    return tuple(made)


def _shrinks(before: Any, after: Any) -> bool:
    return isinstance(before, int | float) and isinstance(after, int | float) and after < before


def _grows(before: Any, after: Any) -> bool:
    return isinstance(before, int | float) and isinstance(after, int | float) and after > before


SHRINKS = Condition(words="gets smaller", holds=_shrinks)
GROWS = Condition(words="gets greater", holds=_grows)
IS_SILENT = Condition(words="as an empty text", holds=lambda _, after: bool(after == ""))
IS_OTHER_KIND = Condition(
    words="differs; absent means dense", holds=lambda before, after: (before or "dense") != (after or "dense")
)
IS_TIGHTER = Condition(words="allows less than before", holds=is_tighter)
IS_WIDER = Condition(words="allows more than before", holds=is_wider)

_LICENSE = "another licence: those who use the old version may not be allowed to use this one"
_TIGHTER = "a tighter licence: those who use the old version may not be allowed to use this one"
UNKNOWN = "not encoded yet"  # what `embver encode` will fill in
_FIX = "text preprocessing is corrected"
_SAID = (Kind.CHANGED, Kind.REMOVED)  # but not: said for the first time
_NOT_CHANGED = (Kind.ADDED, Kind.REMOVED)

TABLE: tuple[Rule, ...] = (
    *_rows(
        Level.MAJOR,
        Strength.HARD,
        ("space/dimensions/", "another dimension: an index of the old version cannot hold the new vectors"),
        ("space/metric/", "another metric: old scores mean nothing now"),
        ("space/normalized/", "another normalisation: scores and neighbours change"),
        ("space/kind/", "another kind of vector: the index schema breaks", IS_OTHER_KIND),
        ("space/served_dimensions/[*]/", "a served dimension is withdrawn", Kind.REMOVED),
        ("encoders/*/", "a modality is withdrawn", Kind.REMOVED),
        ("encoders/*/languages/[*]/", "a language is withdrawn", Kind.REMOVED),
        ("encoders/*/prompts/*/", "a role is withdrawn", Kind.REMOVED),
        ("corpus/id_scheme/", "other ids: nobody finds their items by the old ones", *_SAID),
        ("license/", _TIGHTER, IS_TIGHTER),
        ("encoders/*/model/license/", _TIGHTER, IS_TIGHTER),
    ),
    *_rows(
        Level.NONE,
        Strength.WORDS,
        ("space/kind/", "the kind of vector is said: dense is what it was"),
        ("space/served_dimensions/", "the same dimensions in another order"),
        ("encoders/*/languages/", "the same languages in another order"),
        ("encoders/*/model/tag/", "another name for the model"),
        ("encoders/*/model/path/", "where the model is kept"),
        ("encoders/*/model/tracked_by/", "how the model is kept"),
        ("encoders/*/model/digest/", "how its tracker knows the model; what it moves shows in the weights"),
        ("encoders/*/model/allow_pickle/", "how the weights are kept"),
        ("encoders/*/files/", UNKNOWN, Kind.REMOVED),
        ("encoders/*/files", "another file beside the weights; what it moves shows in the vectors"),
        ("encoders/*/model/license/", "the model's licence is said", Kind.ADDED),
        ("encoders/*/architecture", "the backbone is described, or no longer", *_NOT_CHANGED),
        ("encoders/*/base", "what the model was made from is said", Kind.ADDED),
        ("training/data/[*]/uri/", "where the data are kept"),
        ("training/data/[*]/tracked_by/", "how the data are kept"),
        ("training/data/[*]/remote/", "where the data are kept"),
        ("training/data/[*]/size_bytes/", "how large the data are; what differs shows in their digest"),
        ("training/data/[*]/files/", "how many files the data are; what differs shows in their digest"),
        ("training/data/[*]/license/", "the data's licence is said", Kind.ADDED),
        ("training/run", "where the training was logged"),
        ("corpus/uri/", "where the encoded data are kept"),
        ("corpus/id_scheme/", "what the ids are is said", Kind.ADDED),
        ("corpus/tracked_by/", "how the encoded data are kept"),
        ("corpus/license/", "the encoded data's licence is said", Kind.ADDED),
        ("license/", "the licence is said", Kind.ADDED),
        # `embver new` drops what `embver encode` will fill in: until then it is not known, which is no change.
        ("encoders/*/weights/", UNKNOWN, Kind.REMOVED),
        ("encoders/*/tokenizer_sha256/", UNKNOWN, Kind.REMOVED),
        ("encoders/*/processor_sha256/", UNKNOWN, Kind.REMOVED),
        ("artifacts/", UNKNOWN, Kind.REMOVED),
        ("encode/", UNKNOWN, Kind.REMOVED),
        ("fingerprint/", UNKNOWN, Kind.REMOVED),
    ),
    *_rows(
        Level.MINOR,
        Strength.PRESUMED,
        ("space/served_dimensions/[*]/", "one dimension more is served", Kind.ADDED),
        ("encoders/*/", "a modality is added", Kind.ADDED),
        ("encoders/*/languages/[*]/", "a language is added", Kind.ADDED),
        ("encoders/*/prompts/*/", "a role is added", Kind.ADDED, IS_SILENT),
        ("encoders/*/preprocessing/[tokenize]/max_length/", "longer texts are read to the end", GROWS),
        ("encoders/*/preprocessing/[truncate]/seconds/", "longer clips are heard to the end", GROWS),
        ("license/", "a wider licence: more may be done with it", IS_WIDER),
        ("encoders/*/model/license/", "a wider licence of the model: more may be done with it", IS_WIDER),
    ),
    *_rows(
        Level.PATCH,
        Strength.PRESUMED,
        ("encoders/text/preprocessing/[lowercase]", _FIX),
        ("encoders/text/preprocessing/[replace]", _FIX),
        ("encoders/text/preprocessing/[strip]", _FIX),
        ("encoders/text/preprocessing/[collapse_whitespace]", _FIX),
        ("encoders/text/preprocessing/[unicode_normalize]", _FIX),
        ("encoders/*/preprocessing/[decode]", "decoding is corrected"),
        ("encoders/*/preprocessing/[*]/library/", "another library does the step"),
        ("encoders/*/preprocessing/[resize]/interpolation/", "the resize kernel is corrected"),
        ("encoders/*/preprocessing/[resize]/antialias/", "the resize kernel is corrected"),
        ("encoders/*/preprocessing/[resample]/method/", "the resampler is corrected"),
    ),
    *_rows(
        Level.MAJOR,
        Strength.SOFT,
        ("encoders/*/preprocessing/[tokenize]/max_length/", "texts are cut earlier", SHRINKS),
        ("encoders/*/preprocessing/[truncate]/seconds/", "clips are cut earlier", SHRINKS),
        ("encoders/*/preprocessing/[tokenize]", "tokens change, so the text's whole representation may"),
        ("encoders/*/preprocessing", "what the model sees changes"),
        ("encoders/*/tokenizer_sha256/", "another tokenizer or vocabulary"),
        ("encoders/*/model/id/", "another model"),
        ("encoders/*/model/license/", _LICENSE, *_SAID),
        ("encoders/*/base/id/", "another base model"),
        ("encoders/*/architecture", "another backbone"),
        ("encoders/*/pooling/", "another pooling"),
        ("encoders/*/projection/", "another projection"),
        ("encoders/*/dense", "other layers after the pooling"),
        ("encoders/*/truncate_dimensions/", "another cut of the model's vectors"),
        ("encoders/*/prompts", "another prompt"),
        ("training/hyperparameters/seed/", "a new seed: an encoder trained anew has arbitrary axes"),
        ("license/", _LICENSE, *_SAID),
    ),
    *_rows(
        Level.MINOR,
        Strength.PRESUMED,
        ("encoders/*/weights", "weights were trained on"),
        ("encoders/*/model/trust_remote_code/", "the model's own code is run, or no longer"),
        ("encoders/*/model", "another revision of the model"),
        ("encoders/*/base", "another revision of the base model"),
        ("training/data/[*]/", "training data are added", Kind.ADDED),
        ("training/data", "training data changed"),
        ("training/objective", "another training objective"),
        ("training/hyperparameters", "another training recipe"),
        ("corpus/columns", "other columns of the data are encoded"),
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
        ("artifacts/[*]/content_digest/", "vectors differ"),
        ("artifacts/[*]/probe", "another probe set"),
        ("artifacts", "bytes differ"),
    ),
    *_rows(
        Level.NONE,
        Strength.WORDS,
        ("encode/inputs/", "follows from what was encoded"),
        ("encode/started/", "when it was encoded"),
        ("encode/elapsed_s/", "how long the encode took"),
        ("encode/stages_s", "how long its stages took"),
        ("encode/tuned", "tokens a batch where they move no bit"),
        ("encode/copied", "how many rows were taken over"),
        ("encode/shard_rows/", "how the vectors are cut into files"),
        ("encode/skipped", "follows from what was encoded"),
        ("encode/items_per_s", "how fast the encode went"),
        ("encode/energy_j/", "how much energy the encode took"),
        ("encode/environment/", "follows from precision, flags, hardware and software"),
        ("encode/floor", "how far vectors move when nothing changes"),
        ("encode/", "how the vectors were made is said", Kind.ADDED),
        ("fingerprint/", "follows from the encoders"),
        ("name/", "the embedding's name"),
        ("title/", "words"),
        ("description/", "words"),
        ("authors", "words"),
        ("supplier/", "words"),
        ("links", "words"),
        ("intended_use", "words"),
        ("limitations", "words"),
        ("changes", "the words about the change itself"),
        ("override", "a record of the release"),
        ("allowed_regressions", "a record of the release"),
        ("benchmarks", "a record of what was measured; it may grow after the release"),
        ("compatibility", "a record of what was measured; it may grow after the release"),
        ("status", "what became of the version; it may change after the release"),
        ("notes", "words; they may grow after the release"),
        ("reconstructed", "whether the card was made afterwards"),
        ("imported", "a record of where values were taken over from"),
        ("extra", "fields of your own; give them a rule in your settings if they move vectors"),
    ),
    # What no row above knows is taken for what it most plausibly is, never for words.
    *_rows(
        Level.MAJOR,
        Strength.SOFT,
        ("encoders", "the encoder changes"),
        ("space", "the space changes"),
        is_last_resort=True,
    ),
    *_rows(Level.MINOR, Strength.PRESUMED, ("training", "the training changes"), is_last_resort=True),
    *_rows(
        Level.NONE,
        Strength.WORDS,
        ("encode", "a record of how the encode went"),
        ("*", "words: no vector changes"),
        is_last_resort=True,
    ),
)


@lru_cache(maxsize=4096)
def _rows_about(where: Parts) -> tuple[Rule, ...]:
    """Return the rows that speak of a place; a long history asks for the same places again and again."""
    return tuple(rule for rule in TABLE if rule.speaks_of(where))


def rule_for(change: Change, own: Iterable[OwnRule] = ()) -> Rule:
    """Return the row that speaks of a change: of the repository's own rules the first, else of the table.

    The table's last row speaks of everything. A hard row stands whatever a repository says, and what is not filled in
    yet is no change for it either.
    """
    row = next(rule for rule in _rows_about(change.where) if rule.fits(change))
    if row.strength is Strength.HARD or row.is_unknown:
        return row
    mine = next((rule for rule in own if rule.fits(change)), None)
    return mine.in_place_of(row) if mine else row
