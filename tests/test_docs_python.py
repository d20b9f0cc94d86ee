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


def test_the_example_of_the_readme_refuses_as_it_says(
    retrained: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    import faiss

    import embver
    from embver import guard

    retrained.embver("release", "emoji")
    assert retrained.embver("list", "--json").json[-1]["version"] == "2.0.0"
    monkeypatch.chdir(retrained.root)
    vectors = embver.open("emoji@1.0.0").vectors["image"]
    index = faiss.IndexFlatIP(vectors.shape[1])
    index.add(vectors)
    faiss.write_index(index, "images.faiss")
    [block] = FENCE.findall((SITE.parent / "README.md").read_text(encoding="utf-8"))
    with pytest.raises(guard.SpaceMismatch, match=r"emoji@2\.0\.0"):
        exec(compile(block.replace("products@", "emoji@"), "README.md", "exec"), {})


def test_the_first_examples_fit_into_ten_lines() -> None:
    text = (SITE / "python.md").read_text(encoding="utf-8")
    assert all(block[1].count("\n") <= 12 for block in FENCE.finditer(text))
