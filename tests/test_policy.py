"""Levels: the table of presumptions, row by row, and how a measurement meets them."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from embver.diff import Change, Kind, compare
from embver.fields import Field, fields_of, find_field
from embver.levels import Level, Verdict
from embver.policy import Judgement, Measured, explain, judge
from embver.rules import TABLE, Strength, rule_for
from embver.store.schemas import schema_of
from sample_card import a_card, edited, sha

HARD = (Level.MAJOR, Strength.HARD)
SOFT = (Level.MAJOR, Strength.SOFT)
MINOR = (Level.MINOR, Strength.PRESUMED)
FIX = (Level.PATCH, Strength.PRESUMED)
NEUTRAL = (Level.PATCH, Strength.NEUTRAL)
WORDS = (Level.NONE, Strength.WORDS)

CLIPS = [
    {"step": "decode"},
    {"step": "truncate", "seconds": 10, "keep": "start"},
    {"step": "mono"},
    {"step": "resample", "rate": 48000, "method": "soxr_hq"},
]
LOWERCASE = [{"step": "lowercase"}, *a_card()["encoders"]["text"]["preprocessing"]]
SHARDS = [
    {
        "path": f"image-0000{n}-of-00002.safetensors",
        "role": "vectors",
        "modality": "image",
        "sha256": sha("a"),
    }
    for n in (0, 1)
]


def reasons(
    after: dict[str, Any], before: dict[str, Any] | None = None
) -> set[tuple[Level, Strength | None]]:
    found = explain(compare(before or a_card(), after))
    assert found, "the edit changes nothing"
    return {(reason.level, reason.strength) for reason in found}


# ---- the table: one group for each row of compat.md section 6, in its order


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("space/dimensions", 256),
        ("space/metric", "dot"),
        ("space/normalized", False),
        ("space/kind", "binary"),
    ],
)
def test_an_index_schema_that_breaks_is_hard_major(path: str, value: Any) -> None:
    assert reasons(edited(path, value)) == {HARD}


def test_kind_is_dense_unless_said() -> None:
    assert reasons(edited("space/kind")) == {WORDS}
    assert reasons(a_card(), before=edited("space/kind")) == {WORDS}
    assert reasons(edited("space/kind", "sparse"), before=edited("space/kind")) == {HARD}


@pytest.mark.parametrize(
    "path",
    [
        "encoders/image",
        "encoders/text/languages/1",
        "encoders/text/languages",
        "encoders/text/prompts/query",
        "encoders/text/prompts/document",
        "encoders/text/prompts",
        "space/served_dimensions/1",
        "space/served_dimensions",
    ],
)
def test_a_contract_withdrawn_is_hard_major(path: str) -> None:
    assert reasons(edited(path)) == {HARD}


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("encoders/image/architecture/backbone", "ViT-L/14"),
        ("encoders/image/architecture/parameters", 427616513),
        ("encoders/image/model/id", "example/siglip"),
        ("encoders/image/base/id", "google/siglip"),
        ("encoders/image/pooling", "mean"),
        ("encoders/image/projection", False),
        ("encoders/text/dense", [{"path": "2_Dense", "activation": "tanh"}]),
        ("encoders/text/truncate_dimensions", 512),
        ("encoders/text/tokenizer_sha256", sha("8")),
        ("encoders/text/preprocessing/1/tokenizer", "T5TokenizerFast"),
        ("encoders/text/preprocessing/1/max_length", 64),
        ("encoders/text/preprocessing/1/truncation", "start"),
        ("encoders/text/prompts/query", "query: "),
        ("encoders/text/prompts/document", "a photo of "),
        ("encoders/text/prompts/document", ""),
        ("training/hyperparameters/seed", 8),
        ("encoders/image/preprocessing/1/size", 336),
        ("encoders/image/preprocessing/2/size", 200),
        ("encoders/image/preprocessing/4/mean/0", 0.5),
        ("encoders/image/preprocessing/4/std", [0.5, 0.5, 0.5]),
        ("encoders/image/preprocessing/-", {"step": "normalize", "mean": [0], "std": [1]}),
        ("encoders/image/whitening", {"sha256": sha("c")}),
        ("license", "LicenseRef-internal"),
        ("encoders/image/model/license", "LicenseRef-internal"),
    ],
)
def test_a_new_space_unless_measured_is_soft_major(path: str, value: Any) -> None:
    assert reasons(edited(path, value)) == {SOFT}


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("training/data/-", {"name": "openmoji", "rows": 1892}),
        ("training/data/0/rows", 9),
        ("training/data/0/digest", "md5:b"),
        ("training/objective/loss", "siglip"),
        ("training/hyperparameters/learning_rate", 3e-5),
        ("training/hyperparameters/lora", {"rank": 8, "alpha": 16}),
        ("training/steps", 1000),
        ("encoders/image/weights/0/sha256", sha("1")),
        ("encoders/image/weights/0", {"path": "merged.safetensors", "sha256": sha("1")}),
        ("encoders/image/model/revision", "4a2b"),
        ("corpus/digest", "sha256:d2"),
        ("corpus/columns/text", "title"),
        ("corpus/columns/id", "sku"),
    ],
)
def test_training_is_presumed_minor(path: str, value: Any) -> None:
    assert reasons(edited(path, value)) == {MINOR}


@pytest.mark.parametrize(
    ("step", "field", "value", "expected"),
    [
        (0, "library", "libsndfile", FIX),
        (1, "seconds", 12.5, MINOR),
        (1, "seconds", 7.5, SOFT),
        (1, "keep", "center", SOFT),
        (2, "channels", "left", SOFT),
        (3, "method", "soxr_vhq", FIX),
        (3, "rate", 44100, SOFT),
    ],
)
def test_steps_on_sound_have_levels_of_their_own(step: int, field: str, value: Any, expected: Any) -> None:
    before = edited("encoders/audio", {"pooling": "mean", "preprocessing": CLIPS})
    steps = [{**each, field: value} if number == step else each for number, each in enumerate(CLIPS)]
    after = edited("encoders/audio", {"pooling": "mean", "preprocessing": steps})
    assert reasons(after, before) == {expected}


def test_training_data_removed_are_presumed_minor() -> None:
    assert reasons(edited("training/data/1")) == {MINOR}


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("encoders/audio", {"pooling": "mean", "preprocessing": [{"step": "decode"}]}),
        ("encoders/text/languages/-", "fr"),
        ("encoders/text/prompts/title", ""),
        ("space/served_dimensions/-", 128),
        ("encoders/text/preprocessing/1/max_length", 256),
        ("encoders/image/weights/0", {"path": "int8.safetensors", "sha256": sha("1")}),
    ],
)
def test_what_is_added_is_minor(path: str, value: Any) -> None:
    assert reasons(edited(path, value)) == {MINOR}


def test_a_first_list_of_languages_or_dimensions_is_minor() -> None:
    assert reasons(a_card(), before=edited("encoders/text/languages")) == {MINOR}
    assert reasons(a_card(), before=edited("space/served_dimensions")) == {MINOR}


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("encoders/text/preprocessing", LOWERCASE),
        ("encoders/text/preprocessing/0/form", "NFC"),
        ("encoders/text/preprocessing/-", {"step": "strip"}),
        ("encoders/text/preprocessing/-", {"step": "collapse_whitespace"}),
        ("encoders/text/preprocessing/-", {"step": "replace", "pattern": ":", "with": " "}),
        ("encoders/image/preprocessing/0/library", "libjpeg-turbo"),
        ("encoders/image/preprocessing/0/exif_rotate", False),
        ("encoders/image/preprocessing/1/library", "opencv"),
        ("encoders/image/preprocessing/1/interpolation", "bilinear"),
        ("encoders/image/preprocessing/1/antialias", False),
    ],
)
def test_a_fix_is_presumed_patch(path: str, value: Any) -> None:
    assert reasons(edited(path, value)) == {FIX}


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("encode/batch/size/image", 64),
        ("encode/batch/padding", "fixed"),
        ("encode/hardware/driver", "581.1"),
        ("encode/hardware/accelerator", "NVIDIA H100"),
        ("encode/software/torch", "2.12.0"),
        ("encode/precision/compute", "bfloat16"),
        ("encode/flags/tf32", True),
        ("encode/profile", "fast"),
        ("encode/seed", 8),
        ("space/dtype", "float16"),
        ("encoders/image/processor_sha256", sha("8")),
        ("training/code/commit", "6a3e"),
    ],
)
def test_what_should_move_nothing_is_a_neutral_patch(path: str, value: Any) -> None:
    assert reasons(edited(path, value)) == {NEUTRAL}


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("artifacts/0/sha256", sha("b")),
        ("artifacts/0/content_digest", "sha256:b"),
        ("artifacts", [*SHARDS, *a_card()["artifacts"][1:]]),
        ("artifacts/1/sha256", sha("b")),
    ],
)
def test_format_shards_and_row_order_are_a_neutral_patch(path: str, value: Any) -> None:
    assert reasons(edited(path, value)) == {NEUTRAL}


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("title", "Better title"),
        ("description", "Better words."),
        ("authors/0/contact", "other@example.org"),
        ("limitations/-", "no Japanese"),
        ("notes/-", "later"),
        ("imported/0/uri", "mlflow:other"),
        ("reconstructed", True),
        ("changes/-", {"area": "space", "text": "x"}),
        ("links", {"homepage": "https://example.org"}),
        ("encoders/image/model/tag", "v4"),
        ("encoders/image/model/path", "models/moved"),
        ("encoders/image/model/allow_pickle", True),
        ("encoders/image/files/0/sha256", sha("8")),
        ("encoders/text/architecture", {"family": "CLIP"}),
        ("encoders/text/languages", ["de", "en"]),
        ("space/served_dimensions", [256, 512]),
        ("training/run/uri", "mlflow:other"),
        ("training/data/0/uri", "s3://elsewhere"),
        ("training/data/0/remote", "s3://elsewhere"),
        ("training/data/0/size_bytes", 7),
        ("training/data/0/files", 7),
        ("encoders/image/model/digest", "md5:a304"),
        ("corpus/uri", "s3://elsewhere"),
        ("benchmarks/0/metrics/0/value", 0.1),
        ("benchmarks", []),
        ("compatibility", []),
        ("status", {"state": "deprecated"}),
        ("override", {"computed": "major", "chosen": "minor"}),
        ("allowed_regressions", {"reason": "Worth it.", "gates": []}),
        ("fingerprint", "space:sha256:00"),
        ("encode/started", "2027-01-01T00:00:00Z"),
        ("encode/elapsed_s", 1.0),
        ("encode/items_per_s/image", 1.0),
        ("encode/energy_j", 1.0),
        ("encode/stages_s/forward", 1.0),
        ("encode/tuned/text", 256),
        ("encode/copied/image", 1),
        ("encode/shard_rows", 100),
        ("encode/skipped/image", 1),
        ("encode/environment", f"env:sha256:{'6' * 64}"),
        ("encode/floor/recall_at_10", 0.5),
        ("version", "2.1.0"),
    ],
)
def test_words_change_no_vector(path: str, value: Any) -> None:
    changes = compare(a_card(), edited(path, value))
    assert {reason.strength for reason in explain(changes)} <= {Strength.WORDS}
    assert judge(changes, ()).level is Level.NONE


def test_a_licence_said_for_the_first_time_withdraws_nothing() -> None:
    assert reasons(a_card(), before=edited("license")) == {WORDS}


def test_a_card_that_is_not_encoded_yet_withdraws_nothing() -> None:
    after = a_card()
    for section in ("encode", "artifacts", "benchmarks", "compatibility", "fingerprint", "version"):
        del after[section]
    for encoder in after["encoders"].values():
        for filled_in in ("weights", "files", "tokenizer_sha256", "processor_sha256"):
            encoder.pop(filled_in, None)
    assert reasons(after) == {WORDS}


def test_a_training_that_is_described_for_the_first_time_is_read_field_by_field() -> None:
    assert max(reasons(a_card(), before=edited("training"))) == SOFT  # its seed was not known before


@pytest.mark.parametrize("path", ["license", "encoders/image/model/license"])
def test_a_licence_is_tightened_loosened_or_just_another(path: str) -> None:
    before = edited(path, "MPL-2.0")
    assert reasons(edited(path, "GPL-3.0-only"), before=before) == {HARD}
    assert reasons(edited(path, "MIT"), before=before) == {MINOR}
    assert reasons(edited(path, "LicenseRef-internal"), before=before) == {SOFT}
    assert reasons(edited(path, "EPL-2.0"), before=before) == {SOFT}
    assert reasons(edited(path), before=before) == {SOFT}


def test_another_id_scheme_is_hard_major() -> None:
    before = edited("corpus/id_scheme", "shop SKU")
    assert reasons(edited("corpus/id_scheme", "EAN"), before=before) == {HARD}
    assert reasons(a_card(), before=before) == {HARD}
    assert reasons(before) == {WORDS}


def test_a_base_model_that_is_said_for_the_first_time_is_words() -> None:
    assert reasons(a_card(), before=edited("encoders/image/base")) == {WORDS}


# ---- the table as a whole

FIELDS = fields_of(schema_of("card"))
NOT_COMPARED = {"schema", "version", "previous"}  # what the number is about, not what it is


def leaves_and_entries() -> list[Field]:
    """Return every field that a change can be about: sections are told field by field, encoders are entries."""
    inner = {field.where[:length] for field in FIELDS for length in range(1, len(field.where))}
    entries = {field.where for field in FIELDS if field.where[-1].startswith("[")}
    whole = {("encode",), ("artifacts",), ("encoders", "text"), ("encoders", "text", "weights")}
    return [field for field in FIELDS if field.where not in inner or field.where in entries | whole]


@pytest.mark.parametrize("field", leaves_and_entries(), ids=lambda field: field.path)
def test_every_field_of_the_schema_has_a_row_that_was_written_for_it(field: Field) -> None:
    if field.where[0] in NOT_COMPARED:
        assert compare(a_card(), a_card(**{field.where[0]: "other"})) == ()
        return
    where = tuple(part.replace("*", "x") for part in field.where)
    for kind in Kind:
        is_word = where[-1] == "[x]" and field.type != "mapping"
        if kind is Kind.CHANGED and (where == ("encode",) or is_word):
            continue  # told field by field; a word of a set is there or not
        rule = rule_for(Change(where=where, kind=kind, before=1, after=2))
        is_encoder = where[0] == "encoders" and len(where) == 2 and kind is Kind.CHANGED
        assert rule.is_last_resort is is_encoder, f"{field.path} {kind.value}: {rule.pattern}"


def test_no_row_speaks_of_a_field_that_there_is_not() -> None:
    for rule in TABLE:
        if not rule.is_last_resort:
            assert find_field(FIELDS, rule.parts) is not None, rule.pattern


@given(
    st.lists(
        st.sampled_from(["space", "encoders", "text", "training", "data", "[a]", "x", "encode"]), min_size=1
    ),
    st.sampled_from(list(Kind)),
)
def test_every_change_has_a_row(where: list[str], kind: Kind) -> None:
    rule = rule_for(Change(where=tuple(where), kind=kind, before=1, after=2))
    assert rule.why
    assert (rule.level is Level.NONE) == (rule.strength is Strength.WORDS)


LICENCES = (("MIT", "GPL-3.0-only"), ("GPL-3.0-only", "MIT"))


@pytest.mark.parametrize("rule", TABLE, ids=lambda rule: rule.pattern)
def test_no_row_is_hidden_by_the_rows_before_it(rule: Any) -> None:
    where = tuple(part.replace("*", "x") for part in rule.pattern.rstrip("/").split("/"))
    tries = [
        Change(where=(*where, *below), kind=kind, before=before, after=after)
        for kind in rule.kinds
        for below in ((), ("y",), ("y", "z"))
        for before, after in (
            (1, 2),
            (2, 1),
            ("", "a"),
            ("a", ""),
            (None, "dense"),
            ("sparse", "dense"),
            *LICENCES,
        )
    ]
    assert any(rule_for(change) is rule for change in tries)


def test_reasons_come_weightiest_first_and_have_stable_keys() -> None:
    after = edited("space/dimensions", 256, card=edited("title", "x", card=edited("encode/seed", 1)))
    found = explain(compare(a_card(), after))
    assert [reason.path for reason in found] == ["space.dimensions", "encode.seed", "title"]
    assert found[0].to_plain() == {
        "path": "space.dimensions",
        "level": "major",
        "why": "another dimension: an index of the old version cannot hold the new vectors",
        "presumption": "hard",
    }


# ---- what a measurement does (DESIGN section 8)

HARD_EDIT = ("space/dimensions", 256)
SOFT_EDIT = ("training/hyperparameters/seed", 8)
MINOR_EDIT = ("training/data/-", {"name": "openmoji"})
FIX_EDIT = ("encoders/text/preprocessing", LOWERCASE)
NEUTRAL_EDIT = ("encode/hardware/driver", "581.1")
WORDS_EDIT = ("title", "Better title")
EDITS = [HARD_EDIT, SOFT_EDIT, MINOR_EDIT, FIX_EDIT, NEUTRAL_EDIT, WORDS_EDIT]
SAFE = [verdict for verdict in Verdict if verdict.is_safe]
BROKEN = [Verdict.BRIDGEABLE, Verdict.INCOMPATIBLE]


def judged(*edits: tuple[str, Any], verdicts: tuple[Verdict, ...] = ()) -> Judgement:
    after = a_card()
    for path, value in edits:
        after = edited(path, value, card=after)
    measured = tuple(
        Measured(against=f"products@2.{n}.0", verdict=verdict, why=(f"recall {n}",))
        for n, verdict in enumerate(verdicts)
    )
    return judge(compare(a_card(), after), measured)


@pytest.mark.parametrize("verdicts", [(), *((verdict,) for verdict in Verdict)])
def test_a_hard_presumption_is_never_lowered(verdicts: tuple[Verdict, ...]) -> None:
    judgement = judged(HARD_EDIT, verdicts=verdicts)
    assert (judgement.level, judgement.floor, judgement.needs_reason) == (Level.MAJOR, Level.MAJOR, None)
    assert judgement.is_measured is bool(verdicts)


@pytest.mark.parametrize("verdict", SAFE)
def test_a_soft_presumption_measured_compatible_is_minor_with_a_written_reason(verdict: Verdict) -> None:
    judgement = judged(SOFT_EDIT, verdicts=(verdict,))
    assert (judgement.level, judgement.floor) == (Level.MINOR, Level.NONE)
    assert judgement.needs_reason is not None
    assert "training.hyperparameters.seed usually breaks" in judgement.needs_reason
    assert judgement.reasons[0].level is Level.MINOR
    assert judgement.reasons[0].why.endswith(f"measured {verdict.word}")


def test_a_soft_presumption_is_major_until_measured() -> None:
    judgement = judged(SOFT_EDIT)
    assert (judgement.level, judgement.floor, judgement.needs_reason) == (Level.MAJOR, Level.NONE, None)
    assert judgement.flags == ("unmeasured",)


@pytest.mark.parametrize("verdict", BROKEN)
@pytest.mark.parametrize("edit", EDITS)
def test_what_is_measured_to_break_is_major_whatever_the_card_says(
    edit: tuple[str, Any], verdict: Verdict
) -> None:
    judgement = judged(edit, verdicts=(Verdict.IDENTICAL, verdict))
    assert (judgement.level, judgement.floor, judgement.verdict) == (Level.MAJOR, Level.MAJOR, verdict)


def test_the_measurement_that_breaks_is_the_first_reason() -> None:
    judgement = judged(MINOR_EDIT, verdicts=(Verdict.COMPATIBLE, Verdict.INCOMPATIBLE))
    first = judgement.reasons[0]
    assert (first.path, first.level, first.why) == (
        "measured against products@2.1.0",
        Level.MAJOR,
        "recall 1",
    )
    assert [reason.path for reason in judgement.reasons[1:]] == ["training.data[openmoji]"]


@pytest.mark.parametrize("edit", [SOFT_EDIT, MINOR_EDIT, FIX_EDIT, NEUTRAL_EDIT])
def test_what_could_not_be_decided_is_major_and_may_be_overridden(edit: tuple[str, Any]) -> None:
    judgement = judged(edit, verdicts=(Verdict.INCONCLUSIVE,))
    assert (judgement.level, judgement.floor) == (Level.MAJOR, Level.NONE)
    assert judgement.flags == ("inconclusive",)


def test_one_version_that_breaks_outweighs_one_that_is_undecided() -> None:
    judgement = judged(MINOR_EDIT, verdicts=(Verdict.INCONCLUSIVE, Verdict.INCOMPATIBLE))
    assert (judgement.floor, judgement.flags) == (Level.MAJOR, ())


@pytest.mark.parametrize(
    ("edit", "level"), [(MINOR_EDIT, Level.MINOR), (FIX_EDIT, Level.PATCH), (NEUTRAL_EDIT, Level.PATCH)]
)
def test_without_a_measurement_minor_and_patch_need_a_reason(edit: tuple[str, Any], level: Level) -> None:
    judgement = judged(edit)
    assert (judgement.level, judgement.is_measured, judgement.verdict) == (level, False, None)
    assert judgement.needs_reason == "nothing was measured: the versions share no probe set"
    assert judgement.flags == ("unmeasured",)


@pytest.mark.parametrize("verdict", SAFE)
def test_an_addition_that_breaks_nothing_is_minor(verdict: Verdict) -> None:
    judgement = judged(MINOR_EDIT, verdicts=(verdict,))
    assert (judgement.level, judgement.needs_reason, judgement.flags) == (Level.MINOR, None, ())


@pytest.mark.parametrize("verdict", SAFE)
def test_a_fix_may_move_vectors_and_still_be_a_patch(verdict: Verdict) -> None:
    judgement = judged(FIX_EDIT, ("artifacts/0/content_digest", "sha256:b"), verdicts=(verdict,))
    assert (judgement.level, judgement.needs_reason, judgement.flags) == (Level.PATCH, None, ())


def test_what_should_move_nothing_is_held_to_equivalent() -> None:
    moved = ("artifacts/0/content_digest", "sha256:b")
    fine = judged(NEUTRAL_EDIT, moved, verdicts=(Verdict.EQUIVALENT,))
    assert (fine.level, fine.flags) == (Level.PATCH, ())
    flagged = judged(NEUTRAL_EDIT, moved, verdicts=(Verdict.COMPATIBLE,))
    assert (flagged.level, flagged.needs_reason) == (Level.PATCH, None)
    assert flagged.flags == ("vectors moved more than this version's own noise",)


def test_other_bytes_of_the_same_content_are_none() -> None:
    repacked = ("artifacts/0/sha256", sha("b"))
    assert judged(repacked, NEUTRAL_EDIT, verdicts=(Verdict.IDENTICAL,)).level is Level.NONE
    assert judged(repacked, verdicts=(Verdict.EQUIVALENT,)).level is Level.PATCH
    assert (
        judged(("artifacts/0/content_digest", "sha256:b"), verdicts=(Verdict.IDENTICAL,)).level is Level.PATCH
    )
    assert judged(("artifacts/1/rows", 9), verdicts=(Verdict.IDENTICAL,)).level is Level.PATCH
    assert judged(repacked, FIX_EDIT, verdicts=(Verdict.IDENTICAL,)).level is Level.PATCH


@pytest.mark.parametrize("verdicts", [(), *((verdict,) for verdict in SAFE)])
def test_words_alone_are_none(verdicts: tuple[Verdict, ...]) -> None:
    judgement = judged(WORDS_EDIT, verdicts=verdicts)
    assert (judgement.level, judgement.needs_reason) == (Level.NONE, None)


def test_nothing_changed() -> None:
    assert judge((), ()).level is Level.NONE
    assert judge((), (Measured(against="products@2.0.0", verdict=Verdict.IDENTICAL),)).level is Level.NONE


@given(
    st.lists(st.sampled_from(EDITS), unique_by=lambda edit: edit[0]),
    st.lists(st.sampled_from(list(Verdict)), max_size=3),
)
def test_of_several_changes_the_weightiest_counts(
    edits: list[tuple[str, Any]], verdicts: list[Verdict]
) -> None:
    together = judged(*edits, verdicts=tuple(verdicts))
    alone = [judged(edit, verdicts=tuple(verdicts)) for edit in edits]
    assert together.level == max((judgement.level for judgement in alone), default=together.level)
    assert together.floor <= together.level


@given(st.sampled_from(EDITS), st.lists(st.sampled_from(list(Verdict)), min_size=1, max_size=3))
def test_one_more_comparison_never_lowers_the_level(edit: tuple[str, Any], verdicts: list[Verdict]) -> None:
    assert judged(edit, verdicts=tuple(verdicts)).level >= judged(edit, verdicts=tuple(verdicts[:1])).level
