"""Which licence plainly allows less than another."""

from __future__ import annotations

from itertools import pairwise

import pytest

from embver.licences import is_tighter, is_wider
from embver.spdx import licence_flaw

LADDER = ["CC0-1.0", "Apache-2.0", "CC-BY-SA-4.0", "GPL-3.0-only", "AGPL-3.0-only", "CC-BY-NC-4.0"]


@pytest.mark.parametrize(("before", "after"), list(pairwise(LADDER[1:])))
def test_each_step_takes_something_away(before: str, after: str) -> None:
    assert is_tighter(before, after)
    assert not is_tighter(after, before)
    assert not is_wider(before, after)


@pytest.mark.parametrize("licence", LADDER[2:])
def test_a_permissive_licence_is_wider_than_any_other(licence: str) -> None:
    assert is_wider(licence, "MIT")
    assert not is_wider("MIT", licence)


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("MIT", "Apache-2.0"),  # both ask for a notice
        ("CC0-1.0", "MIT"),
        ("GPL-2.0-only", "GPL-3.0-only"),
        ("CC-BY-NC-4.0", "GPL-3.0-only"),  # commerce for sharing: neither is less
        ("Apache-2.0", "LicenseRef-internal"),
        ("LicenseRef-internal", "Apache-2.0"),
        ("Apache-2.0", "MIT OR LicenseRef-internal"),
        ("Apache-2.0", "(MIT OR GPL-3.0-only) AND CC-BY-NC-4.0"),
        (None, "GPL-3.0-only"),
        ("GPL-3.0-only", None),
    ],
)
def test_of_what_is_not_plain_nothing_is_said(before: str | None, after: str | None) -> None:
    assert not is_tighter(before, after)
    if after != "MIT":
        assert not is_wider(before, after)


def test_expressions() -> None:
    assert not is_tighter("MIT", "MIT OR GPL-3.0-only")  # the choice remains
    assert is_tighter("MIT", "MIT AND GPL-3.0-only")
    assert is_tighter("MIT OR Apache-2.0", "GPL-2.0-only WITH Classpath-exception-2.0")
    assert is_tighter("MIT", "lgpl-2.1-or-later") is (licence_flaw("lgpl-2.1-or-later") is None)
