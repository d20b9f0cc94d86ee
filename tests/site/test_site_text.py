from __future__ import annotations

import pytest
from emoji_versions import HOSTILE
from hypothesis import given
from hypothesis import strategies as st

from embver.site.text import code, escape, heading, link, listed, number, size, step, value


@given(st.text())
def test_escaped_text_is_one_line_without_syntax(text: str) -> None:
    shown = escape(text)
    assert not set("<>\"'`*_|\\{}[]\n\r\x02\x03\x1b") & set(shown)
    assert "\u202e" not in shown


def test_hostile_text_stays_literal() -> None:
    assert "<" not in escape(HOSTILE)
    assert "&#60;script&#62;" in escape(HOSTILE)


@pytest.mark.parametrize(
    "target",
    [
        "javascript:alert(1)",
        "data:text/html,x",
        "//evil.example",
        "file:///etc",
        'https://a/"><script>',
        "md5:abc.dir",
    ],
)
def test_only_plain_web_addresses_become_links(target: str) -> None:
    assert link(target) == code(target)


def test_a_web_address_is_a_link_that_shows_where_it_leads() -> None:
    assert ">example&#46;org" not in link("https://example.org/a/")
    assert link("https://example.org/a/").endswith(">example.org/a</a>")


@pytest.mark.parametrize(
    ("given_value", "shown"),
    [
        (0.9925, "0.993"),
        (3.1e-6, "3.1e-06"),
        (1234567, "1,234,567"),
        (None, "not known"),
        (0.0, "0.000"),
        (-0.03, "\u22120.030"),
    ],
)
def test_numbers(given_value: object, shown: str) -> None:
    assert number(given_value) == shown


def test_differences_carry_their_sign() -> None:
    assert [number(delta, signed=True) for delta in (0.6, -0.0001, -0.02)] == [
        "+0.600",
        "\u00b10.000",
        "\u22120.020",
    ]


def test_sizes() -> None:
    assert [size(n) for n in (12, 1_500, 2_300_000_000)] == ["12 bytes", "1.5 kB", "2.3 GB"]


def test_a_space_that_matters_is_shown() -> None:
    assert "\u2423" in step({"step": "replace", "with": " "})
    assert value(True) == "yes"
    assert listed(["a", "b", "c"]) == "a, b and c"


def test_a_heading_survives_being_unescaped_once() -> None:
    assert "<" not in heading("</title><script>")
    assert heading("Q&A") == "Q&amp;A"
