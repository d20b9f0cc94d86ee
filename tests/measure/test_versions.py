"""Two versions' probe vectors, stratum by stratum: what is there on both sides, and what is not."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest

from embver.card import Space
from embver.levels import Verdict
from embver.measure import Rule
from embver.measure.record import record
from embver.measure.sides import ProbeVectors, why_not_measured
from embver.measure.versions import learn_bridges, measure_versions
from embver.probe import ProbeItem, ProbeSet

RULE = Rule(draws=50, splits=2, minimum_queries=50)
SPACE = Space(dimensions=16, metric="cosine", normalized=True, kind="dense", dtype="float32")
N = 120


def unit(rows):
    return (rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype(np.float32)


def probe(n=N, modalities=("image", "text"), first=0, roles=("query", "document")):
    return ProbeSet(
        name="tiny",
        items=tuple(
            ProbeItem(
                id=f"{modality}-{i:04}", modality=modality, pair=f"{i:04}", sha256="0" * 64, roles=roles
            )
            for modality in modalities
            for i in range(first, first + n)
        ),
    )


def version(
    name="old",
    *,
    n=N,
    modalities=("image", "text"),
    first=0,
    noise=0.0,
    space=SPACE,
    seed=1,
    total=400,
    **changes,
):
    """Return a version whose vectors of an item are the same whatever else its probe set holds."""
    rng = np.random.default_rng(seed)
    centre = unit(rng.normal(size=(total, space.dimensions)))
    vectors = {}
    for modality in modalities:
        own = unit(centre + 0.2 * rng.normal(size=centre.shape))
        moved = unit(own + noise * np.random.default_rng(seed + 9).normal(size=own.shape))
        for role in ("query", "document"):
            vectors[f"{modality}.{role}"] = moved[first : first + n]
    made = ProbeVectors(
        reference=f"tiny@{name}",
        space=space,
        modalities=frozenset(modalities),
        items=probe(n, modalities, first),
        vectors=vectors,
    )
    return replace(made, **changes)


def meet(old, new, rule=RULE, **options):
    found = measure_versions(old, new, rule=rule, **options)
    for stratum in found.strata:  # whatever came of it, a card can hold it: no NaN anywhere
        plain = record(stratum)
        assert json.loads(json.dumps(plain, allow_nan=False)) == plain
    return found


def words(found):
    return {stratum.name: stratum.verdict.verdict.word for stratum in found.strata}


def test_every_stratum_of_the_old_version_is_judged():
    found = meet(version(), version("new", noise=0.0002))
    assert set(words(found)) == {"image -> image", "image -> text", "text -> image", "text -> text"}
    assert found.verdict is Verdict.EQUIVALENT
    assert found.notes == ()


def test_a_modality_that_is_new_is_noted_and_breaks_nothing():
    found = meet(version(), version("new", modalities=("image", "text", "audio")))
    assert found.verdict is Verdict.IDENTICAL
    assert len(found.notes) == 5
    assert "audio -> audio is new in tiny@new: there is nothing to compare it with" in found.notes


def test_a_modality_that_is_gone_is_incompatible():
    found = meet(version(modalities=("image", "text", "audio")), version("new"))
    verdicts = words(found)
    assert verdicts["text -> image"] == "identical"
    assert {verdicts[name] for name in verdicts if "audio" in name} == {"incompatible"}
    gone = next(stratum for stratum in found.strata if stratum.name == "audio -> text")
    assert gone.verdict.reasons == ("tiny@new encodes no audio: what was served is gone",)
    assert record(gone)["n"] == 0
    assert found.verdict is Verdict.INCOMPATIBLE


def test_audio_forms_strata_of_its_own():
    found = meet(
        version(modalities=("audio", "text")), version("new", modalities=("audio", "text"), noise=0.0002)
    )
    assert words(found)["text -> audio"] == "equivalent"


def test_a_modality_encoded_but_not_probed_is_inconclusive():
    new = version("new")
    lacking = {name: rows for name, rows in new.vectors.items() if name != "image.document"}
    found = meet(version(), replace(new, vectors=lacking))
    assert words(found)["text -> image"] == "inconclusive"
    reasons = next(stratum.verdict.reasons for stratum in found.strata if stratum.name == "text -> image")
    assert reasons == ("tiny@new has no probe vectors of image documents",)


def test_different_probe_sets_meet_on_their_common_part():
    old, new = version(n=150), version("new", n=150, first=50, noise=0.0002)
    found = meet(old, new)
    assert {stratum.measures.queries for stratum in found.strata} == {100}
    assert found.verdict.is_safe
    # The same as if both had been encoded with the common part alone.
    small = meet(version(n=100, first=50), version("new", n=100, first=50, noise=0.0002))
    assert [record(each) for each in found.strata] == [record(each) for each in small.strata]


def test_an_item_with_another_input_or_pair_is_not_common():
    other = probe()
    changed = (replace(other.items[0], sha256="1" * 64), replace(other.items[1], pair="z"), *other.items[2:])
    assert len(probe().common(ProbeSet(name="x", items=changed)).items) == len(other.items) - 2
    assert probe().common(ProbeSet(name="x", items=other.items)).digest == probe().digest


@pytest.mark.parametrize(("common", "word"), [(20, "inconclusive"), (2, "inconclusive"), (0, "inconclusive")])
def test_too_small_a_common_part_is_inconclusive(common, word):
    found = meet(version(n=100), version("new", n=100, first=100 - common, noise=0.0002))
    assert set(words(found).values()) == {word}


def test_twenty_items_are_inconclusive_by_the_rule_itself():
    found = meet(version(n=20), version("new", n=20, noise=0.0002), rule=Rule(draws=50))
    assert found.verdict is Verdict.INCONCLUSIVE
    assert "20 queries are fewer than the 256 a verdict needs" in found.strata[0].verdict.reasons
    assert meet(version(n=20), version("new", n=20), rule=Rule(draws=50)).verdict is Verdict.IDENTICAL


def test_every_served_prefix_is_a_stratum_of_its_own():
    served = replace(SPACE, served_dimensions=(16, 8, 4))
    old, new = version(space=served), version("new", space=replace(served, served_dimensions=(16, 8)))
    spoiled = {name: rows.copy() for name, rows in new.vectors.items()}
    for rows in spoiled.values():
        rows[:, 8:] = np.random.default_rng(3).normal(size=rows[:, 8:].shape)
    found = meet(old, replace(new, vectors=spoiled))
    verdicts = words(found)
    assert len(verdicts) == 8
    assert verdicts["text -> image at 8"] == "identical"
    assert verdicts["text -> image"] == "incompatible"
    assert record(found.strata[1])["dimensions"] == 8
    assert found.verdict is Verdict.INCOMPATIBLE


def test_prefixes_are_made_unit_length_again():
    served = replace(SPACE, metric="dot", served_dimensions=(16, 8))
    old = version(space=served)
    scaled = {name: rows.copy() for name, rows in old.vectors.items()}
    for rows in scaled.values():
        rows[:, :8] *= np.float32(0.5)
    found = meet(old, version("new", space=served, vectors=scaled))
    assert words(found)["text -> image at 8"] == "equivalent"


@pytest.mark.parametrize(
    ("space", "reason"),
    [
        ({"metric": "dot"}, "the metric changes from cosine to dot: an index ranks by one of them"),
        (
            {"normalized": False},
            "vectors are no longer normalised: scores of old and new ones cannot be compared",
        ),
    ],
)
def test_another_structure_is_incompatible_though_no_vector_moved(space, reason):
    found = meet(version(), version("new", space=replace(SPACE, **space)))
    assert found.verdict is Verdict.INCOMPATIBLE
    assert found.strata[0].verdict.reasons == (reason,)


@pytest.mark.parametrize(
    ("space", "reason"),
    [
        ({"metric": "hamming"}, "the metric hamming is not measured yet, only cosine, dot, euclidean"),
        ({"kind": "sparse"}, "vectors of the kind sparse are not measured yet, only dense ones"),
    ],
)
def test_what_cannot_be_measured_is_said(space, reason):
    assert why_not_measured(replace(SPACE, **space)) == reason
    assert why_not_measured(SPACE) is None


def test_a_space_that_fell_into_one_point_tells_nothing_apart():
    new = version("new")
    flat = {name: np.repeat(rows[:1], len(rows), axis=0) for name, rows in new.vectors.items()}
    found = meet(version(), replace(new, vectors=flat))
    assert found.verdict is Verdict.INCOMPATIBLE
    assert (
        "all new queries and new documents are one and the same vector" in found.strata[0].verdict.reasons[0]
    )
    back = meet(replace(version(), vectors=flat), new)
    assert back.verdict is Verdict.INCONCLUSIVE
    assert "there are no neighbours to keep" in back.strata[0].verdict.reasons[0]


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (lambda rows: rows.__setitem__(3, np.nan), r"new queries: row 3 \('image-0003'\) is not finite"),
        (lambda rows: rows.__setitem__(slice(None), 0.0), "row 0 .* and 119 more is all zeros"),
    ],
)
def test_rows_that_are_no_vectors_are_named(spoil, message):
    new = version("new")
    vectors = {name: rows.copy() for name, rows in new.vectors.items()}
    spoil(vectors["image.query"])
    with pytest.raises(ValueError, match=message):
        measure_versions(version(), replace(new, vectors=vectors), rule=RULE)


def test_rows_that_are_not_the_items_are_refused():
    new = version("new")
    short = {name: rows[:-1] for name, rows in new.vectors.items()}
    with pytest.raises(ValueError, match=r"image.query: 119 rows for 120 items of the probe set"):
        measure_versions(version(), replace(new, vectors=short), rule=RULE)


def test_bridges_are_tried_where_a_stratum_is_incompatible():
    turn = np.linalg.qr(np.random.default_rng(5).normal(size=(16, 16)))[0]
    old = version(n=400)
    turned = {name: rows @ turn for name, rows in old.vectors.items()}
    new = version("new", n=400, vectors=turned)
    found = meet(old, new)
    assert set(found.bridges) == {"image", "text"}
    assert all(stratum.bridge is not None for stratum in found.strata if stratum.query != stratum.document)
    # An exact rotation back: what a re-encode finds, and no better than before.
    across = next(stratum for stratum in found.strata if stratum.name == "text -> image")
    assert across.bridge.arr.value == pytest.approx(1.0, abs=0.05)
    assert across.verdict.verdict is Verdict.INCOMPATIBLE
    assert meet(old, new, bridges=False).bridges == {}
    assert meet(old, version("new", n=400, noise=0.0002)).bridges == {}


def test_a_better_version_in_axes_of_its_own_is_bridgeable():
    """Texts are only asked, pictures only found: the one stratum of a search."""
    rng = np.random.default_rng(4)
    turn = np.linalg.qr(rng.normal(size=(16, 16)))[0]
    pictures = unit(rng.normal(size=(900, 16)))
    texts = {
        name: unit(pictures + far * rng.normal(size=pictures.shape))
        for name, far in (("old", 0.5), ("new", 0.1))
    }
    items = tuple(
        replace(item, roles=("query",) if item.modality == "text" else ("document",))
        for item in probe(900).items
    )
    sides = [
        ProbeVectors(
            reference=f"tiny@{name}",
            space=SPACE,
            modalities=frozenset({"image", "text"}),
            items=ProbeSet(name="tiny", items=items),
            vectors={"text.query": texts[name] @ axes, "image.document": pictures @ axes},
        )
        for name, axes in (("old", np.eye(16)), ("new", turn))
    ]
    found = meet(*sides)
    assert words(found) == {"text -> image": "bridgeable"}
    assert found.verdict is Verdict.BRIDGEABLE
    assert not found.verdict.is_safe
    plain = record(found.strata[0])
    assert plain["bridge"]["arr"]["low"] >= 0.85
    assert plain["bridge"]["gain"]["low"] > 0
    # A threshold of one's own decides.
    strict = meet(*sides, rule=replace(RULE, bridged_gain=0.9))
    assert strict.verdict is Verdict.INCOMPATIBLE


def test_why_bridges_are_missing_is_noted():
    found = meet(version(n=60), version("new", n=60, seed=2))
    assert found.verdict is Verdict.INCOMPATIBLE
    learned, missing = learn_bridges(version(n=60), version("new", n=60, seed=2), rule=RULE, method="ridge")
    assert learned == {}
    assert len(missing) == 2
    assert "are left to fit a bridge of 16 x 16 on" in missing[0]


def test_what_moved_is_measured_once_where_roles_share_their_vectors(monkeypatch):
    from embver.measure import versions

    calls = []
    original = versions.movement_of

    def counted(items, role, **options):
        calls.append((items.name, role))
        return original(items, role, **options)

    monkeypatch.setattr(versions, "movement_of", counted)
    meet(version(), version("new", noise=0.0002))
    assert len(calls) == 2
