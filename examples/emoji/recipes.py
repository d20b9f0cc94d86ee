"""What each version of the demo's model is trained on and how; no torch here, so that asking is instant."""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, dataclass
from importlib.metadata import version
from pathlib import Path

from data import LANGUAGES, NAMES, TRAIN_V1, TRAIN_V2, data_digest

WEIGHTS = "model.safetensors"
SOURCES = ("recipes.py", "model.py", "learn.py", "train.py")
PACKAGES = ("numpy", "pillow", "safetensors", "tokenizers", "torch", "transformers")


@dataclass(frozen=True, slots=True, kw_only=True)
class Shape:
    """The sizes that decide how large the model is and what its vectors look like."""

    width: int = 128
    heads: int = 4
    dimensions: int = 64
    vocabulary: int = 1500
    max_length: int = 16


@dataclass(frozen=True, slots=True, kw_only=True)
class Schedule:
    """How long and how fast to learn."""

    steps: int
    learning_rate: float = 3e-3
    batch_size: int = 256
    weight_decay: float = 0.05
    warm_up: float = 0.15


@dataclass(frozen=True, slots=True, kw_only=True)
class Recipe:
    """One training, in full: same recipe, data and packages on one machine give the same bytes.

    `both` trains both towers, `pictures` the picture tower onto fixed texts, `texts` the text tower onto fixed
    pictures; they run in that order. A recipe without `both` starts from an earlier model; one that trains `pictures`
    is held near it by weight `anchor`.
    """

    name: str
    purpose: str
    manifest: str
    seed: int
    shape: Shape = Shape()
    languages: tuple[str, ...] = ("en",)
    both: Schedule | None = None
    pictures: Schedule | None = None
    texts: Schedule | None = None
    anchor: float = 0.0

    @property
    def starts_from_model(self) -> bool:
        """Whether the training continues an earlier model."""
        return self.both is None

    @property
    def steps(self) -> int:
        """All steps of all its parts."""
        return sum(part.steps for part in (self.both, self.pictures, self.texts) if part)


ONE_STYLE = Recipe(
    name="one-style",
    purpose="English names, one image source",
    manifest=TRAIN_V1,
    seed=0,
    both=Schedule(steps=200),
)
TWO_STYLES = Recipe(
    name="two-styles",
    purpose="a second image source, trained to stay compatible: text tower frozen, pictures anchored",
    manifest=TRAIN_V2,
    seed=1,
    # No weight decay: it would pull the tower away from where the old index has its pictures, for nothing.
    pictures=Schedule(steps=400, learning_rate=2e-3, weight_decay=0.0),
    anchor=25.0,
)
RETRAINED = Recipe(
    name="retrained",
    purpose="the same data, from scratch, with another seed",
    manifest=TRAIN_V2,
    seed=1,
    both=Schedule(steps=360),
)
SIX_LANGUAGES = Recipe(
    name="six-languages",
    purpose="names in six languages, longer vectors",
    manifest=TRAIN_V2,
    seed=0,
    shape=Shape(width=160, dimensions=96, vocabulary=4000, max_length=24),
    languages=LANGUAGES,
    both=Schedule(steps=200),
    texts=Schedule(steps=500),
)
LONGER = Recipe(
    name="longer",
    purpose="the text tower of the six languages, trained longer",
    manifest=TRAIN_V2,
    seed=0,
    shape=SIX_LANGUAGES.shape,
    languages=LANGUAGES,
    texts=Schedule(steps=500),
)
RECIPES = {recipe.name: recipe for recipe in (ONE_STYLE, TWO_STYLES, RETRAINED, SIX_LANGUAGES, LONGER)}


def training_data_digest(recipe: Recipe, repository: Path) -> str:
    """Digest everything the recipe reads: manifest, its pictures, the names."""
    return data_digest(repository, recipe.manifest, NAMES)


def manifest_digest(recipe: Recipe, repository: Path) -> str:
    """Digest the manifest alone: what a card records of data that Git tracks, for embver to check."""
    return f"sha256:{sha256(repository / recipe.manifest)}"


def inputs_digest(recipe: Recipe, repository: Path, *, start: Path | None = None) -> str:
    """Digest all that decides the result: recipe, data, starting weights, packages, these sources."""
    here = Path(__file__).parent
    inputs = {
        "recipe": asdict(recipe),
        "data": training_data_digest(recipe, repository),
        "start": sha256(start / WEIGHTS) if start else None,
        "packages": {name: version(name) for name in PACKAGES},
        "sources": {name: sha256(here / name) for name in SOURCES},
    }
    return "sha256:" + hashlib.sha256(json.dumps(inputs, sort_keys=True).encode()).hexdigest()


def sha256(path: Path) -> str:
    """Digest a file, in hexadecimal."""
    return hashlib.sha256(path.read_bytes()).hexdigest()
