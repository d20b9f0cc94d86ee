"""The fingerprint's recipe: test vectors, held by embver and by the two programs of the documentation, which know no embver."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
import textwrap
from pathlib import Path
from typing import Any

import pytest

from embver.card import described_space, space_id
from embver.digest import canonical_json
from sample_card import a_card

ROOT = Path(__file__).resolve().parent.parent
PAGE = ROOT / "site/fingerprint.md"
VECTORS = sorted((ROOT / "tests/data/fingerprints").glob("*.json"))
FENCE = re.compile(r"^    ```(js|python)\n(.*?)^    ```", re.MULTILINE | re.DOTALL)


def load(path: Path) -> dict[str, Any]:
    return json.loads(path.read_text(encoding="utf-8"))


every_vector = pytest.mark.parametrize("path", VECTORS, ids=lambda path: path.stem)


@pytest.fixture(scope="module")
def programs(tmp_path_factory: pytest.TempPathFactory) -> dict[str, list[str]]:
    """Return how to run each program of the page."""
    folder = tmp_path_factory.mktemp("programs")
    found = {}
    for language, code in FENCE.findall(PAGE.read_text(encoding="utf-8")):
        file = folder / {"js": "fingerprint.mjs", "python": "fingerprint.py"}[language]
        file.write_text(textwrap.dedent(code), encoding="utf-8")
        assert "embver" not in code
        interpreter = {"js": [shutil.which("node") or ""], "python": [sys.executable, "-I"]}[language]
        found[language] = [*interpreter, str(file)]
    assert set(found) == {"js", "python"}
    return found


def told_by(program: list[str], card: Any) -> str:
    if not program[0]:
        pytest.skip("node is not installed")
    done = subprocess.run(program, input=json.dumps(card).encode(), capture_output=True, check=False)
    assert done.returncode == 0, done.stderr.decode()
    return done.stdout.decode().strip()


def test_there_are_vectors_of_every_kind() -> None:
    assert [path.stem for path in VECTORS] == [
        "behind-an-api",
        "image-text",
        "layers",
        "least",
        "numbers",
        "signs",
    ]


@every_vector
def test_embver_gives_the_vectors(path: Path) -> None:
    vector = load(path)
    assert canonical_json(described_space(vector["card"])).decode() == vector["canonical"]
    assert space_id(vector["card"]) == vector["space_id"]


@every_vector
@pytest.mark.parametrize("language", ["js", "python"])
def test_the_programs_of_the_page_give_them_too(
    programs: dict[str, list[str]], language: str, path: Path
) -> None:
    vector = load(path)
    assert told_by(programs[language], vector["card"]) == vector["space_id"]


@pytest.mark.parametrize("language", ["js", "python"])
def test_the_programs_see_a_change(programs: dict[str, list[str]], language: str) -> None:
    card = a_card()
    assert told_by(programs[language], card) == space_id(card)
    card["encoders"]["text"]["preprocessing"].append({"step": "lowercase"})
    assert told_by(programs[language], card) == space_id(card) != space_id(a_card())
