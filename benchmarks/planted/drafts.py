"""A version as it is drafted: its card and what its models' folders hold; and changes of it."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from benchmarks.planted.models import Variant

MODEL = "models/emoji-clip"
TOWER = "models/emoji-words"
TOKENIZER_CLASS = "PreTrainedTokenizerFast"


@dataclass(slots=True, kw_only=True)
class Draft:
    """A card as plain data, without what is read from the models' files, and those folders' variants."""

    plain: dict[str, Any]
    variants: dict[str, Variant]
    compute: str = "float32"

    def copy(self) -> Draft:
        """Return a draft that can be changed by itself."""
        return Draft(plain=copy.deepcopy(self.plain), variants=dict(self.variants), compute=self.compute)

    def steps(self, modality: str) -> list[dict[str, Any]]:
        """Return the preprocessing steps of a modality; empty if the card has none."""
        found: list[dict[str, Any]] = self.plain["encoders"].get(modality, {}).get("preprocessing", [])
        return found

    def step(self, modality: str, name: str) -> dict[str, Any]:
        """Return the first step of this name."""
        return next(step for step in self.steps(modality) if step["step"] == name)


Apply = Callable[[Draft], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """One change of a draft: what it is in words, the family of causes that it belongs to, how it is done.

    `before` prepares the older version: what is lost has to be there, what is mended has to be wrong.
    """

    key: str
    family: str
    apply: Apply = field(repr=False)
    before: Apply | None = field(default=None, repr=False)


def drafted(base: Draft, changes: Iterable[Change]) -> Draft:
    """Return a draft with some changes made."""
    made = base.copy()
    for change in changes:
        change.apply(made)
    return made


def begun(base: Draft, changes: Iterable[Change]) -> Draft:
    """Return the older version that a set of changes starts from."""
    made = base.copy()
    for change in changes:
        if change.before is not None:
            change.before(made)
    return made


# ---- the base


def base_draft(name: str, modalities: tuple[str, ...] = ("image", "text"), *, is_long: bool = False) -> Draft:
    """Return the card of a first version as the demo serves it; `is_long` for the model of six languages."""
    encoders = {modality: _encoder(modality, is_long=is_long) for modality in modalities}
    plain: dict[str, Any] = {
        "schema": 1,
        "name": name,
        "title": "Emoji search embeddings",
        "description": "Image and text vectors of emoji.",
        "license": "CC-BY-SA-4.0",
        "authors": [{"name": "Emoji search team"}],
        "intended_use": ["image-text retrieval of emoji"],
        "space": {
            "dimensions": 96 if is_long else 64,
            "metric": "cosine",
            "normalized": True,
            "kind": "dense",
            "dtype": "float32",
        },
        "encoders": encoders,
        "training": {
            "data": [{"name": "twemoji", "version": "2.0.0", "rows": 1892, "license": "CC-BY-4.0", "role": "train"}],
            "objective": {"loss": "contrastive", "temperature": "learned"},
            "hyperparameters": {"optimizer": "adamw", "learning_rate": 0.002, "batch_size": 256, "steps": 400, "seed": 1},
        },
        "changes": [{"area": "all", "text": "A version of the planted-cause suite."}],
        "encode": {
            "profile": "strict",
            "precision": {"weights": "float32", "compute": "float32", "pooling": "float32"},
            "hardware": {"cpu": "Example CPU", "cores": 2, "memory_ram_gib": 24},
            "software": {"python": "3.11.7", "torch": "2.13.0+cpu", "pillow": "13.0.0", "os": "Linux"},
            "batch": {"size": dict.fromkeys(modalities, 64), "padding": "buckets", "order": "length"},
            "floor": {"measured_by": "batch 1 against batch 64, 256 items", "cosine_distance_p99": 6.0e-14, "recall_at_10": 1.0},
            "started": "2026-11-02T09:14:07Z",
            "elapsed_s": 5.9,
        },
    }  # fmt: skip
    weights = "languages" if is_long else "base"
    return Draft(plain=plain, variants={MODEL: Variant(weights=weights)})


def _encoder(modality: str, *, is_long: bool) -> dict[str, Any]:
    steps: Mapping[str, list[dict[str, Any]]] = {
        "image": [
            {"step": "decode", "library": "pillow", "exif_rotate": True, "mode": "RGB"},
            {"step": "resize", "height": 16, "width": 16, "interpolation": "bicubic", "antialias": True},
            {"step": "rescale", "factor": 0.00392156862745098},
            {"step": "normalize", "mean": [0.5, 0.5, 0.5], "std": [0.5, 0.5, 0.5]},
        ],
        "text": [
            {"step": "unicode_normalize", "form": "NFC"},
            {"step": "replace", "pattern": "[:_]+", "with": " "},
            {"step": "lowercase"},
            {"step": "tokenize", "tokenizer": TOKENIZER_CLASS, "max_length": 24 if is_long else 16, "truncation": "end"},
        ],
    }  # fmt: skip
    return {
        "model": {"id": "emoji-clip", "path": MODEL},
        "pooling": {"image": "cls", "text": "eos"}[modality],
        "projection": True,
        "preprocessing": steps[modality],
    }
