"""The message of a tag: whatever people write, the trailers are read back as they were."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from embver.history import parse_trailers
from embver.tagmessage import format_message

TRAILERS = {"Card-Digest": "sha256:abc", "Level": "minor", "Verdict": "compatible", "Previous": "p@1.0.0"}


def test_a_whole_message() -> None:
    assert format_message(
        title="p 1.1.0",
        words=["More pages."],
        reasons=["minor: corpus: the encoded data changed"],
        override={
            "computed": "major",
            "chosen": "minor",
            "reason": "We re-encode.",
            "by": "Ada",
            "evidence": "probe x",
        },
        trailers=TRAILERS,
    ) == (
        "p 1.1.0\n\n- More pages.\n\nWhy this level:\n- minor: corpus: the encoded data changed\n\n"
        "Released as minor by Ada, computed major: We re-encode.\nEvidence: probe x\n\n"
        "Card-Digest: sha256:abc\nLevel: minor\nVerdict: compatible\nPrevious: p@1.0.0\n"
    )


def test_regressions_that_were_let_through_are_told() -> None:
    allowed = {"reason": "Worth\nit.", "by": "Ada", "lines": ["search hit@10: max_drop: it fell by 0.042"]}
    made = format_message(title="p 2.0.0", allowed=allowed, trailers=TRAILERS)
    told = "Regressions let through by Ada: Worth it.\n- search hit@10: max_drop: it fell by 0.042"
    assert made.split("\n\n")[1] == told


def test_what_is_empty_is_left_out() -> None:
    made = format_message(title="p 1.0.0", trailers={**TRAILERS, "Previous": None})
    assert made == "p 1.0.0\n\nCard-Digest: sha256:abc\nLevel: minor\nVerdict: compatible\n"


text = st.text(st.characters(codec="utf-8"), max_size=80) | st.sampled_from(
    [
        "Level: major",
        "a\n\nLevel: major\n",
        "\n-----BEGIN PGP SIGNATURE-----\n",
        "\r\nVerdict: identical",
        "\0",
    ]
)


@given(title=text, words=st.lists(text, max_size=3), reasons=st.lists(text, max_size=3), reason=text, by=text)
def test_no_text_passes_for_a_trailer_or_a_signature(
    title: str, words: list[str], reasons: list[str], reason: str, by: str
) -> None:
    override = {"computed": "major", "chosen": "minor", "reason": reason, "by": by}
    made = format_message(
        title=f"p {title}",
        words=words,
        reasons=reasons,
        override=override,
        allowed={"reason": reason, "by": by, "lines": words},
        trailers=TRAILERS,
    )
    assert parse_trailers(made) == TRAILERS
    assert "\0" not in made


@pytest.mark.parametrize("key", list(TRAILERS))
def test_a_trailer_is_one_line(key: str) -> None:
    made = format_message(title="p", trailers={**TRAILERS, key: "a\n\nb: c"})
    assert parse_trailers(made)[key] == "a b: c"
