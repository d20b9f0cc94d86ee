"""Licences, languages and dates: what has a grammar of its own."""

from __future__ import annotations

import datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from embver.dates import date_flaw
from embver.language import language_flaw
from embver.spdx import licence_flaw, nearest_licence
from embver.spdx_ids import EXCEPTIONS, LICENSES


@pytest.mark.parametrize(
    "text",
    [
        "MIT", "apache-2.0", "Apache-2.0", "GPL-2.0-or-later", "GPL-2.0+", "LicenseRef-internal", "LicenseRef-a.b-1",
        "DocumentRef-spdx-tool-1.2:LicenseRef-MIT-Style-2", "MIT OR Apache-2.0", "MIT or Apache-2.0",
        "(MIT)", "((MIT OR ISC) AND (BSD-3-Clause))", "GPL-2.0-only WITH Classpath-exception-2.0",
        "LGPL-2.1-only OR MIT AND BSD-3-Clause", "MIT AND (LicenseRef-a OR Apache-2.0 WITH LLVM-exception)",
        "Apache-2.0 WITH AdditionRef-own", "  MIT  ",
    ],
)  # fmt: skip
def test_a_licence(text: str) -> None:
    assert licence_flaw(text) is None


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("Apache2", "'Apache2' is not in the SPDX licence list"),
        ("MIT OR", "a licence is missing at its end"),
        ("OR MIT", "a licence is missing before 'OR'"),
        ("MIT Apache-2.0", "'Apache-2.0' is not expected there"),
        ("(MIT", "a bracket is not closed"),
        ("MIT)", "')' is not expected there"),
        ("()", "a licence is missing before ')'"),
        ("GPL-2.0-only WITH MIT", "'MIT' is no SPDX exception"),
        ("GPL-2.0-only WITH", "an exception is missing"),
        ("NOASSERTION", "NOASSERTION is no licence: leave the field out"),
        ("LicenseRef-", "'LicenseRef-' is not in the SPDX licence list"),
        ("", "a licence is missing at its end"),
        ("(" * 300, "it has more than 200 parts"),
        ("(" * 199, "a licence is missing at its end"),
    ],
)
def test_no_licence(text: str, reason: str) -> None:
    assert licence_flaw(text) == reason


@given(st.text(st.sampled_from("MIT()ORANDWH-+. 2"), max_size=30) | st.text(max_size=30))
def test_any_text_is_judged_as_packaging_does(text: str) -> None:
    from packaging.licenses import InvalidLicenseExpression, canonicalize_license_expression

    try:
        canonicalize_license_expression(text)  # type: ignore[arg-type]
    except InvalidLicenseExpression:
        return  # it knows no DocumentRef-, AdditionRef- and lower-case operators everywhere
    assert licence_flaw(text) is None


def test_the_list_holds_what_packaging_knows() -> None:
    from packaging.licenses import _spdx

    own = set(LICENSES.lower().split())
    assert own >= {entry["id"].lower() for entry in _spdx.LICENSES.values()}, "embver/spdx_ids.py is behind"
    assert set(EXCEPTIONS.lower().split()) >= {entry["id"].lower() for entry in _spdx.EXCEPTIONS.values()}


def test_the_likely_licence_is_named() -> None:
    assert nearest_licence("Apache 2.0") == "Apache-2.0"
    assert nearest_licence("CC-BY-4") == "CC-BY-4.0"
    assert nearest_licence("zzzzzz") is None


@pytest.mark.parametrize(
    "text",
    [
        # RFC 5646, appendix A, and what harnesses write
        "de", "fr", "ja", "i-enochian", "zh-Hant", "zh-Hans", "sr-Cyrl", "zh-cmn-Hans-CN", "cmn-Hans-CN", "zh-yue-HK",
        "zh-Hans-CN", "sr-Latn-RS", "sl-rozaj", "sl-rozaj-biske", "sl-nedis", "de-CH-1901", "sl-IT-nedis",
        "hy-Latn-IT-arevela", "de-DE", "en-US", "es-419", "de-CH-x-phonebk", "az-Arab-x-AZE-derbend", "x-whatever",
        "qaa-Qaaa-QM-x-southern", "de-Qaaa", "sr-Latn-QM", "en-US-u-islamcal", "zh-CN-a-myext-x-private",
        "en-a-myext-b-another", "eng-Latn", "mul", "EN", "iw",
    ],
)  # fmt: skip
def test_a_language(text: str) -> None:
    assert language_flaw(text) is None


@pytest.mark.parametrize(
    "text", ["de-419-DE", "a-DE", "ar-a-aaa-b-bbb-a-ccc", "english", "jp", "en_US", "", "e", "en-", "-en", "en--US",
             "de-1996-1996", "en-x", "en-u", "zh-Hant-Hant", "é", "en-US-x-", "eng-Latin1toolong"],
)  # fmt: skip
def test_no_language(text: str) -> None:
    assert language_flaw(text) is not None


def test_the_likely_language_is_named() -> None:
    assert language_flaw("jp") == ("names no language: 'jp' is none", "did you mean 'ja'?")
    assert language_flaw("english") == ("is no BCP 47 language tag", "did you mean 'en'?")


@given(st.dates(), st.times())
def test_every_date_that_exists(date: datetime.date, clock: datetime.time) -> None:
    assert date_flaw(date.isoformat()) is None
    assert date_flaw(f"{date.isoformat()}T{clock.isoformat(timespec='seconds')}Z") is None


@given(st.integers(0, 9999), st.integers(0, 13), st.integers(0, 32))
def test_dates_are_those_of_the_calendar(year: int, month: int, day: int) -> None:
    try:
        datetime.date(year, month, day)
        exists = True
    except ValueError:
        exists = year == 0 and 1 <= month <= 12 and 1 <= day <= 28  # RFC 3339 begins with the year 0
    if year or exists:
        assert (date_flaw(f"{year:04}-{month:02}-{day:02}") is None) == exists


@pytest.mark.parametrize(
    ("text", "is_right"),
    [
        ("2026-11-02T09:14:07Z", True), ("2026-11-02t09:14:07z", True), ("2026-11-02T09:14:07.5+01:00", True),
        ("1990-12-31T23:59:60Z", True), ("1990-12-31T15:59:60-08:00", True), ("1937-01-01T12:00:27.87+00:20", True),
        ("2026-11-02 09:14:07Z", False), ("2026-11-02T09:14:07", False), ("2026-11-02T24:00:00Z", False),
        ("2026-11-02T09:14:60Z", False), ("2026-11-02T09:14:07+24:00", False), ("2026-11-02T09:14Z", False),
        ("02.11.2026", False), ("2026-02-29", False), ("2024-02-29", True), ("1900-02-29", False), ("", False),
    ],
)  # fmt: skip
def test_dates_and_times(text: str, is_right: bool) -> None:
    assert (date_flaw(text) is None) == is_right
