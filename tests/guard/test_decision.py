"""Who may meet whom: one line a rule of the policy."""

from __future__ import annotations

import pytest
from versions import Known, a_version, an_id

from embver.errors import UsageError
from embver.guard.decision import Decision, SpaceMismatch, decide
from embver.guard.stamp import Stamp, StampedSpace
from embver.levels import Verdict

V1, V2 = a_version("1.0.0", "a"), a_version("2.0.0", "b")


def decided(query: Known | str, *stamped: Known, allow: str = "equivalent", **options: object) -> Decision:
    stamp = Stamp(spaces=tuple(version.stamped_space for version in stamped))
    return decide(stamp, query, store="index.faiss", allow=allow, **options)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("verdict", "allow", "is_allowed"),
    [
        (Verdict.IDENTICAL, "identical", True),
        (Verdict.EQUIVALENT, "identical", False),
        (Verdict.IDENTICAL, "equivalent", True),
        (Verdict.EQUIVALENT, "equivalent", True),
        (Verdict.COMPATIBLE, "equivalent", False),
        (Verdict.COMPATIBLE, "compatible", True),
        (Verdict.INCONCLUSIVE, "compatible", False),
        (Verdict.BRIDGEABLE, "compatible", False),
        (Verdict.INCOMPATIBLE, "compatible", False),
    ],
)
def test_another_space_passes_by_a_recorded_verdict(verdict: Verdict, allow: str, is_allowed: bool) -> None:
    found = decided(a_version("1.1.0", "b", v1_0_0=verdict), V1, allow=allow)
    assert (found.is_allowed, found.verdict, found.pairings[0].relation) == (
        is_allowed,
        verdict,
        verdict.word,
    )


def test_the_same_space_passes_by_fingerprint_alone() -> None:
    for query in (V1, an_id("a"), a_version("1.0.1", "a")):
        found = decided(query, V1)
        assert (found.is_allowed, found.verdict, found.pairings[0].relation) == (
            True,
            Verdict.IDENTICAL,
            "same",
        )


def test_a_measurement_outweighs_an_equal_fingerprint() -> None:
    """A library that no card names may move vectors: what was measured decides."""
    assert not decided(a_version("1.0.1", "a", v1_0_0=Verdict.INCOMPATIBLE), V1).is_allowed
    assert decided(a_version("1.0.1", "a", v1_0_0=Verdict.COMPATIBLE), V1).is_allowed


@pytest.mark.parametrize("query", [V2, an_id("b")])
def test_what_nobody_measured_does_not_pass(query: Known | str) -> None:
    found = decided(query, V1, allow="compatible")
    assert (found.is_allowed, found.verdict, found.pairings[0].relation) == (False, None, "unmeasured")


def test_it_is_measured_on_demand() -> None:
    query = a_version("1.1.0", "b", measured={"products@1.0.0": Verdict.EQUIVALENT})
    assert not decided(query, V1).is_allowed
    assert decided(query, V1, measure=True).is_allowed


def test_unequal_dimensions_need_no_measurement() -> None:
    found = decided(a_version("2.0.0", "b", dimensions=8), V1, allow="compatible")
    assert (found.is_allowed, found.verdict) == (False, Verdict.INCOMPATIBLE)


def test_one_stratum_may_be_asked_alone() -> None:
    query = Known(
        stamped_space=V2.stamped_space,
        verdicts={
            "products@1.0.0": Verdict.INCOMPATIBLE,
            ("products@1.0.0", "image", "image"): Verdict.IDENTICAL,
        },
    )
    assert not decided(query, V1).is_allowed
    assert decided(query, V1, modalities=("image", "image")).is_allowed
    assert not decided(query, V1, modalities=("text", "image")).is_allowed


def test_of_a_mixed_store_every_space_must_pass() -> None:
    new = a_version("1.1.0", "b", v1_0_0=Verdict.COMPATIBLE)
    found = decided(new, V1, new, allow="compatible")
    assert [pairing.relation for pairing in found.pairings] == ["compatible", "same"]
    assert (found.is_allowed, found.verdict) == (True, Verdict.COMPATIBLE)
    strict = decided(new, V1, new)
    assert [pairing.is_allowed for pairing in strict.pairings] == [False, True]
    assert not strict.is_allowed


@pytest.mark.parametrize(
    ("query", "said", "hint"),
    [
        (
            a_version("1.1.0", "b", v1_0_0=Verdict.COMPATIBLE),
            "they are compatible, and only equivalent or better is allowed",
            "allow='compatible', or --allow compatible",
        ),
        (
            a_version("1.1.0", "b", v1_0_0=Verdict.INCOMPATIBLE),
            "they are incompatible",
            "encode the query by products@1.0.0, or the store anew by products@1.1.0",
        ),
        (
            a_version("1.1.0", "b"),
            "no card records whether they meet",
            "measure=True, or --measure; embver compat products@1.0.0 products@1.1.0 shows it in full",
        ),
    ],
)
def test_a_refusal_names_both_the_verdict_and_the_next_step(query: Known, said: str, hint: str) -> None:
    refusal = decided(query, V1).refusal()
    assert isinstance(refusal, SpaceMismatch)
    assert refusal.message == (
        "index.faiss holds vectors of products@1.0.0 (space:sha256:aaaaaaaaaaaa…); the query is encoded by "
        f"products@1.1.0 (space:sha256:bbbbbbbbbbbb…): {said}"
    )
    assert (refusal.hint, refusal.exit_code) == (hint, 1)
    assert refusal.decision.is_allowed is False


def test_a_mixed_refusal_tells_the_worst() -> None:
    query = a_version("3.0.0", "c", v1_0_0=Verdict.COMPATIBLE, v2_0_0=Verdict.INCOMPATIBLE)
    assert "holds vectors of products@2.0.0" in decided(query, V1, V2).refusal().message


def test_a_bare_fingerprint_is_refused_by_its_own_name() -> None:
    refusal = decided(an_id("b"), V1).refusal()
    assert (
        "the query is encoded by space:sha256:bbbbbbbbbbbb…: nothing says whether they meet"
        in refusal.message
    )


def test_a_decision_as_plain_data() -> None:
    new = a_version("1.1.0", "b", v1_0_0=Verdict.COMPATIBLE)
    assert decided(new, V1, new, allow="compatible").to_plain() == {
        "store": "index.faiss",
        "allowed": True,
        "allow": "compatible",
        "modalities": None,
        "query": {"space_id": an_id("b"), "reference": "products@1.1.0"},
        "verdict": "compatible",
        "mixed": True,
        "spaces": [
            {
                "space_id": an_id("a"),
                "reference": "products@1.0.0",
                "relation": "compatible",
                "allowed": True,
            },
            {"space_id": an_id("b"), "reference": "products@1.1.0", "relation": "same", "allowed": True},
        ],
    }


def test_a_decision_in_a_notebook_is_escaped() -> None:
    stamp = Stamp(spaces=(StampedSpace(space_id=an_id("a"), reference="<b>@1.0.0"),))
    shown = decide(stamp, V2, store="<index>")._repr_html_()
    assert "&lt;b&gt;@1.0.0 (space:sha256:aaaaaaaaaaaa…)</td><td>unmeasured" in shown
    assert "&lt;index&gt;" in shown


def test_what_is_no_query_is_told_what_one_is() -> None:
    with pytest.raises(
        UsageError, match=r"'products@1\.0\.0' is neither a version nor a fingerprint"
    ) as caught:
        decided("products@1.0.0", V1)
    assert caught.value.hint == "embver.open('products@1.0.0')"
    with pytest.raises(
        UsageError, match="allow is one of identical, equivalent, compatible, not 'bridgeable'"
    ):
        decided(V1, V1, allow="bridgeable")


def test_a_space_without_dimensions_says_nothing_of_them() -> None:
    stamp = Stamp(spaces=(StampedSpace(space_id=an_id("a"), reference="products@1.0.0"),))
    found = decide(stamp, a_version("2.0.0", "b"), store="x")
    assert found.pairings[0].relation == "unmeasured"
