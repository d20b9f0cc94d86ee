"""Which block of fields a change belongs to: what is set back together to see what it did. Ground floor.

A block is one preprocessing step (`text.preprocessing[lowercase]`), one part of how an encoder runs (`text.prompts`), or
what cannot be told apart without training (`weights`). The order in which blocks are suspected is kept here, too.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final

from embver.paths import Parts, format_path

WEIGHTS: Final = "weights"
STORED: Final = "stored_dtype"

_OF_SPACE: Final[Mapping[str, str]] = {
    "normalized": "normalisation",
    "metric": "metric",
    "dtype": STORED,
    "dimensions": WEIGHTS,
    "kind": WEIGHTS,
}
_OF_ENCODER: Final[Mapping[str, str]] = {
    "tokenizer_sha256": "tokenizer",
    "prompts": "prompts",
    "pooling": "pooling",
    "projection": "projection",
    "dense": "projection",
    "truncate_dimensions": "projection",
}
_OF_TOKENIZE: Final = ("max_length", "truncation", "padding", "tokenizer")
_OF_MODEL: Final = ("weights", "files", "model", "architecture", "base")
_TOKENIZER_FILES: Final = (
    "tokenizer",
    "vocab",
    "merges",
    "special_tokens",
    "added_tokens",
    "sentencepiece",
    "spiece",
)
_ORDINAL: Final = re.compile(r":[0-9]+(?=\]$)")

# What often moves a metric comes first: what reaches the model before the model, and the model before its surroundings.
_ORDER: Final = (
    "text.preprocessing",
    "preprocessing",
    "tokenizer",
    "max_length",
    "truncation",
    "prompts",
    "pooling",
    "normalisation",
    "metric",
    "projection",
    WEIGHTS,
    "compute",
    "padding",
    STORED,
)
_WHY: Final[Mapping[str, str]] = {
    "text.preprocessing": "another text reaches the tokenizer",
    "preprocessing": "another picture or sound reaches the model",
    "tokenizer": "the model reads other tokens",
    "max_length": "texts are cut elsewhere",
    "truncation": "texts are cut at another end",
    "prompts": "other words stand before each text",
    "pooling": "tokens become one vector in another way",
    "normalisation": "lengths of vectors count now, or no longer",
    "metric": "neighbours are ranked by another measure",
    "projection": "other layers, or another cut, after the pooling",
    WEIGHTS: "another model; its data, loss and seed cannot be told apart without training",
    "compute": "the model computes with another precision",
    "padding": "texts are padded to another length",
    STORED: "numbers are kept with fewer steps",
}


def block_of(where: Parts) -> str | None:
    """Return the block that a field belongs to; None for a field that no experiment can set back."""
    if where[0] == "training":
        return WEIGHTS
    if where[0] == "space" and len(where) > 1:
        return _OF_SPACE.get(where[1])
    if where[:3] == ("encode", "precision", "compute"):
        return "compute"
    if where[0] != "encoders" or len(where) < 3:
        return None
    modality, part = where[1], where[2]
    if part == "files" and len(where) > 3 and is_of_tokenizer(where[3].strip("[]")):
        return f"{modality}.tokenizer"
    if part in _OF_MODEL:
        return WEIGHTS
    if part == "preprocessing" and len(where) > 3:
        return _step_block(modality, where)
    own = _OF_ENCODER.get(part)
    return f"{modality}.{own}" if own else None


def is_of_tokenizer(path: str) -> bool:
    """Tell whether a model's file, by its path, belongs to its tokenizer."""
    name = path.rpartition("/")[2]
    return name.startswith(_TOKENIZER_FILES) or name.endswith((".model", ".spm"))


def _step_block(modality: str, where: Parts) -> str:
    if where[3] == "[tokenize]" and len(where) > 4 and where[4] in _OF_TOKENIZE:
        return f"{modality}.{where[4]}"
    return format_path((modality, "preprocessing", where[3]))


def kind_of(block: str | None) -> str | None:
    """Return what kind of thing a block is: its name without the modality, a step's without the step."""
    if block is None:
        return None
    if ".preprocessing" in block:
        return "text.preprocessing" if block.startswith("text.") else "preprocessing"
    return block.rpartition(".")[2]


def likelihood(block: str | None) -> int:
    """Return the place of a block among what is suspected, 0 for the first; what has no block comes last."""
    kind = kind_of(block)
    return _ORDER.index(kind) if kind in _ORDER else len(_ORDER)


def is_detail(where: Parts, before: object, after: object) -> bool:
    """Tell whether a change of an image step seldom moves a metric: how a file is read, by what, or a rounded number."""
    if len(where) < 4 or where[2] != "preprocessing" or where[1] != "image":
        return False
    if where[3] == "[decode]" or where[-1] == "library":
        return True
    numbers = [
        each for each in (before, after) if isinstance(each, (int, float)) and not isinstance(each, bool)
    ]
    return len(numbers) == 2 and abs(numbers[0] - numbers[1]) <= 1e-3 * abs(numbers[0])


def why_of(block: str | None) -> str:
    """Return what a change of a block does, as a clause."""
    return _WHY.get(kind_of(block) or "", "it surrounds the encode, and the vectors moved")


def step_name(part: str) -> str:
    """Return the name of a step from its part of a path: `[replace:2]` is `replace`."""
    return _ORDINAL.sub("", part)[1:-1]
