"""Write a card's text steps from a model folder's own tokenizer files; without torch."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from embver.encode.families import FULL_ROWS, part_of, token_limit
from embver.encode.plain_files import read_json
from embver.errors import EncodeError

_MANY_TOKENS: Final = 100_000  # tokenizers without a limit of their own say 1e30
# The length that SigLIP's rows are always filled to, where its config does not say: the default of transformers.
_FULL_LENGTH: Final = 64
_SIDES: Final = {"right": "end", "left": "start"}


def text_steps(model_path: Path, max_length: int | None = None) -> list[dict[str, Any]]:
    """Return the step that does what the folder's tokenizer does; `max_length` is a limit that stands elsewhere.

    Raise EncodeError naming what no step expresses.
    """
    file = model_path / "tokenizer_config.json"
    tokenizer = read_json(file) if file.is_file() else {}
    config = read_json(model_path / "config.json") if (model_path / "config.json").is_file() else {}
    is_full = is_full_row(config)
    # transformers 5 leaves out of a config what is the default of its family.
    standard = _FULL_LENGTH if is_full and "max_position_embeddings" not in part_of(config, "text") else None
    limits = [max_length, tokenizer.get("model_max_length"), token_limit(config), standard]
    lengths = [int(limit) for limit in limits if isinstance(limit, int | float) and 0 < limit < _MANY_TOKENS]
    if not lengths:
        raise EncodeError(
            f"{model_path.name} does not say how many tokens it reads", hint="write max_length yourself"
        )
    side = tokenizer.get("truncation_side", "right")
    if side not in _SIDES:
        raise EncodeError(f"{file} cuts texts at {side!r}, which no step expresses")
    step: dict[str, Any] = {
        "step": "tokenize",
        "tokenizer": tokenizer.get("tokenizer_class") or "PreTrainedTokenizerFast",
        "max_length": min(lengths),
        "truncation": _SIDES[side],
    }
    if is_full:
        step["padding"] = "max_length"  # trained on full rows without a mask; its processor always pads
    return [step]


def is_full_row(config: Mapping[str, Any]) -> bool:
    """Tell whether a model was trained on rows that are always full, as SigLIP was."""
    return config.get("model_type") in FULL_ROWS
