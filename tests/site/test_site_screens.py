"""Pictures of each kind of page at each width, light and dark, for people to look at: `make screens`, into build/screens."""

from __future__ import annotations

from pathlib import Path

import pytest
from PIL import Image
from visits import KINDS, WIDTHS, Visits

FOLDER = Path(__file__).parent.parent.parent / "build" / "screens"

pytestmark = [pytest.mark.browser, pytest.mark.screens]


@pytest.mark.parametrize("is_dark", [False, True], ids=["light", "dark"])
@pytest.mark.parametrize("kind", KINDS)
def test_a_picture_of_each_kind_of_page(visits: Visits, kind: str, is_dark: bool) -> None:
    for path, width in zip(visits.take(kind, FOLDER, is_dark=is_dark), WIDTHS, strict=True):
        with Image.open(path) as picture:
            assert picture.width == width
            shades = picture.convert("L").histogram()
        # Mostly paper, with ink on it: a page that was not drawn has one shade.
        assert sum(1 for count in shades if count) > 50
        assert (sum(shades[:64]) > sum(shades[192:])) is is_dark
