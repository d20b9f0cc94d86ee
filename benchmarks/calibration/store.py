"""What is kept between runs: the base, every rung's vectors, every case's findings; all named by what decided them."""

from __future__ import annotations

import hashlib
import json
import os
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.calibration import DEMO
from benchmarks.calibration.population import Vectors

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]
SOURCES = ("encoder.py", "geometry.py", "ladder.py", "learning.py", "population.py")
DEMO_SOURCES = ("data.py", "learn.py", "model.py", "recipes.py")
PACKAGES = ("numpy", "pillow", "tokenizers", "torch", "transformers")


@dataclass(frozen=True, slots=True, kw_only=True)
class Store:
    """A folder for data, vectors and findings."""

    folder: Path
    ladder: str

    @property
    def data(self) -> Path:
        """Return where pictures and names lie."""
        return self.folder / "data"

    @property
    def _vectors(self) -> Path:
        sources = [HERE / name for name in SOURCES] + [DEMO / name for name in DEMO_SOURCES]
        return self.folder / f"{self.ladder}-{digest(sources)}"

    @property
    def base(self) -> Path:
        """Return the base model's folder."""
        return self._vectors / "base-model"

    @property
    def is_prepared(self) -> bool:
        """Tell whether the base is trained."""
        return (self.base / "model.safetensors").is_file()

    def has(self, name: str) -> bool:
        """Tell whether a rung's vectors are kept."""
        return self._path(name).is_file()

    def keep(self, name: str, vectors: Vectors) -> None:
        """Keep a rung's vectors."""
        path = self._path(name)
        path.parent.mkdir(parents=True, exist_ok=True)
        part = path.with_suffix(f".{os.getpid()}.part.npz")
        np.savez(part, image=vectors["image"], text=vectors["text"])
        part.replace(path)

    def read(self, name: str) -> Vectors:
        """Return a rung's vectors."""
        with np.load(self._path(name)) as held:
            return {modality: held[modality] for modality in ("image", "text")}

    def findings(self, case: str) -> Path:
        """Return where a case's findings are kept: they hold for these vectors, measures and definitions."""
        sources = [HERE / name for name in ("judging.py", "truth.py", "trial.py")]
        measures = sorted((ROOT / "embver/measure").glob("*.py"))
        return self._vectors / f"findings-{digest([*sources, *measures])}" / f"{case}.json"

    def _path(self, name: str) -> Path:
        return self._vectors / f"{name}.npz"


def digest(files: list[Path]) -> str:
    """Digest sources and packages, as a short name."""
    held = hashlib.sha256(json.dumps({name: version(name) for name in PACKAGES}).encode())
    for file in sorted(files):
        held.update(file.name.encode() + b"\0" + file.read_bytes())
    return held.hexdigest()[:12]


def write_json(path: Path, plain: Any) -> None:
    """Write JSON whole or not at all."""
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(f"{path.name}.{os.getpid()}.part")
    part.write_text(json.dumps(plain, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    part.replace(path)
