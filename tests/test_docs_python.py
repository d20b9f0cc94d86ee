"""The Python of the documentation runs: every block of a page, in order, in one repository, and none of it warns."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from sandbox import Sandbox

SITE = Path(__file__).resolve().parent.parent / "site"
FENCE = re.compile(r"^```python\n(.*?)^```", re.MULTILINE | re.DOTALL)

pytestmark = [pytest.mark.torch, pytest.mark.lfs]


@pytest.mark.parametrize("page", ["python.md", "guard.md"])
def test_the_examples_run(page: str, story: Sandbox, monkeypatch: pytest.MonkeyPatch) -> None:
    text = (SITE / page).read_text(encoding="utf-8")
    monkeypatch.chdir(story.root)
    names: dict[str, object] = {}
    blocks = list(FENCE.finditer(text))
    assert len(blocks) >= 4
    for block in blocks:
        line = text.count("\n", 0, block.start(1))
        exec(compile("\n" * line + block[1], str(SITE / page), "exec"), names)  # errors name the page's line
    assert story.git("status", "--porcelain").out == ""


def test_the_first_examples_fit_into_ten_lines() -> None:
    text = (SITE / "python.md").read_text(encoding="utf-8")
    assert all(block[1].count("\n") <= 12 for block in FENCE.finditer(text))
