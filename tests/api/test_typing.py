"""Type checkers see what `import embver` gives, although it is loaded late."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import embver

USED = """\
import numpy as np
from numpy.typing import NDArray

import embver
from embver import guard

version: embver.Version = embver.open("products@2.1.0", path=".", allow_yanked=False)
rows: NDArray[np.int64] = version.rows(["a"])
image = version.vectors["image"][rows]
repository = embver.Repository()
reveal_type(repository.latest("products"))
reveal_type(repository.releases()[0].reference)
reveal_type(repository.compare(version, "products@next").level)
reveal_type(repository.measure("a", "b"))
reveal_type(repository.bridge("a", "b", method="ridge")["text"].apply(image))
reveal_type(embver.measure({"text": image}, {"text": image}, pairs=["a"]).verdict)
reveal_type(embver.compare(embver.Card.load("card.yaml"), version).changes)
reveal_type(guard.check("index.faiss", version, allow="compatible").is_allowed)


@guard.guarded("index.faiss", version)
def search(vector: NDArray[np.float32], *, k: int = 10) -> list[int]:
    return [k]


reveal_type(search(image, k=3))
"""
REVEALED = [
    "embver.api.version.Version",
    "str",
    "embver.levels.Level",
    "embver.measure.arrays.Measurement",
    "numpy.ndarray",
    "embver.levels.Verdict",
    "tuple[embver.diff.Change, ...]",
    "bool",
    "list[int]",
]
WRONG = """\
import embver

embver.open(1)
embver.measure(["no mapping"])
embver.Repository().bridge("a", "b", method="magic")
embver.nothing
"""


def test_a_strict_type_checker_knows_every_name(tmp_path: Path) -> None:
    (tmp_path / "used.py").write_text(USED, encoding="utf-8")
    (tmp_path / "wrong.py").write_text(WRONG, encoding="utf-8")
    argv = [sys.executable, "-m", "mypy", "--strict", "--config-file", os.devnull, "used.py", "wrong.py"]
    environment = {**os.environ, "MYPY_FORCE_COLOR": ""}
    done = subprocess.run(argv, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False)
    found = re.findall(r'Revealed type is "(?:builtins\.)?(.*)"', done.stdout)
    assert len(found) == len(REVEALED), done.stdout
    assert [text[: len(begin)] for text, begin in zip(found, REVEALED, strict=True)] == REVEALED
    errors = re.findall(r"^(\w+)\.py:(\d+): error", done.stdout, re.MULTILINE)
    assert errors == [("wrong", line) for line in ("3", "4", "4", "5", "6")], done.stdout


def test_every_name_that_is_promised_is_there() -> None:
    promised = ("Card", "Repository", "Version", "compare", "guard", "load_bridges", "measure", "open")
    assert set(promised) <= set(dir(embver))
    assert all(callable(getattr(embver, name)) or name == "guard" for name in promised)
    assert not hasattr(embver, "nothing")
