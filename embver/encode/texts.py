"""Run a card's text steps and the tokenizer: texts in, token ids out, one row independent of any other."""

from __future__ import annotations

import json
import re
import unicodedata
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, Final

import numpy as np

from embver.encode.batches import Batch, BatchPlan, text_batches
from embver.encode.preprocessing import Step
from embver.encode.runtime import load_torch, quiet_transformers
from embver.encode.spec import Item
from embver.encode.steps import Prompt, Row
from embver.errors import EncodeError

_WINDOW_ROWS: Final = 4096

# transformers 5 calls the class of a plain tokenizer.json TokenizersBackend; cards and older files say the other name.
_SAME_TOKENIZER = {"TokenizersBackend": "PreTrainedTokenizer"}


@dataclass(frozen=True, slots=True, kw_only=True)
class TextSteps:
    """A card's text steps, ready to run with the tokenizer of a model folder."""

    functions: tuple[Callable[[str], str], ...]
    tokenizer: Any
    max_length: int
    pads_to_max: bool

    @classmethod
    def of(cls, steps: Sequence[Step], model_path: Path) -> TextSteps:
        """Make checked steps runnable; raise EncodeError if the folder's tokenizer is not the card's."""
        tokenize = steps[-1]
        tokenizer = _load_tokenizer(model_path)
        tokenizer.truncation_side = {"end": "right", "start": "left"}[tokenize["truncation"]]
        names = _tokenizer_names(tokenizer, model_path)
        if _plain_name(tokenize["tokenizer"]) not in names:
            raise EncodeError(
                f"{tokenize.path}.tokenizer: the card says {tokenize['tokenizer']}, the model folder has "
                f"{' or '.join(sorted(names))}"
            )
        return cls(
            functions=tuple(_function(step) for step in steps[:-1]),
            tokenizer=tokenizer,
            max_length=tokenize["max_length"],
            pads_to_max=tokenize["padding"] == "max_length",
        )

    @property
    def items_a_task(self) -> int | None:
        """Return None: one tokenizer cannot be used by two threads ("Already borrowed"); it spreads a list itself."""
        return None

    def window_rows(self, plan: BatchPlan) -> int:
        """Return the rows of a window."""
        return max(_WINDOW_ROWS, plan.rows)

    def prepare(self, items: Sequence[Item], prompt: Prompt) -> list[Row]:
        """Return the token ids of each item's text, or what is wrong with it."""
        texts = [None if item.text is None else self.clean(item.text, prompt(item)) for item in items]
        tokens = iter(self.tokens([text for text in texts if text is not None]))
        rows: list[Row] = ["has no text" if text is None else next(tokens) for text in texts]
        return ["has no tokens" if row == [] else row for row in rows]

    def batches(self, rows: Sequence[Row], plan: BatchPlan) -> Iterator[Batch]:
        """Yield batches of rows of one padded length."""
        lengths = [len(row) for row in rows]
        return text_batches(lengths, plan, limit=self.max_length, to_limit=self.pads_to_max)

    def inputs(self, rows: Sequence[Row], batch: Batch, device: str) -> Mapping[str, Any]:
        """Return `input_ids` and, where the model wants it, `attention_mask`: int64 (rows, padded length)."""
        torch = load_torch()
        ids = np.full((len(batch.positions), batch.length), self.pad_id, dtype=np.int64)
        mask = np.zeros_like(ids)
        for index, position in enumerate(batch.positions):
            row = rows[position]
            place = slice(batch.length - len(row), None) if self.pads_left else slice(0, len(row))
            ids[index, place], mask[index, place] = row, 1
        inputs = {"input_ids": torch.from_numpy(ids).to(device)}
        if self.wants_mask:
            inputs["attention_mask"] = torch.from_numpy(mask).to(device)
        return inputs

    def clean(self, text: str, prompt: str = "") -> str:
        """Return the text as the tokenizer gets it: the steps in order, then the prompt as it stands in the card."""
        for function in self.functions:
            text = function(text)
        return prompt + text

    def tokens(self, texts: Sequence[str]) -> list[list[int]]:
        """Return the token ids of cleaned texts, special tokens included, cut to max_length where the card says."""
        if not texts:
            return []
        encoded = self.tokenizer(
            list(texts),
            padding=False,
            truncation=True,
            max_length=self.max_length,
            return_attention_mask=False,
        )
        rows: list[list[int]] = encoded["input_ids"]
        return rows

    @property
    def pad_id(self) -> int:
        """Return the id that fills a row; any will do where the tokenizer has none, since it is masked."""
        return int(self.tokenizer.pad_token_id or 0)

    @property
    def pads_left(self) -> bool:
        """Tell whether rows are filled before their tokens, as decoders used for embedding want it."""
        return bool(self.tokenizer.padding_side == "left")

    @property
    def wants_mask(self) -> bool:
        """Tell whether the model gets an attention mask: SigLIP was trained to see its padding."""
        return "attention_mask" in self.tokenizer.model_input_names


def _function(step: Step) -> Callable[[str], str]:
    if step.name == "unicode_normalize":
        return partial(unicodedata.normalize, step["form"])
    if step.name == "lowercase":
        return str.lower
    if step.name == "strip":
        return str.strip
    if step.name == "collapse_whitespace":
        return partial(re.compile(r"\s+").sub, " ")
    if step.name == "replace":
        return partial(re.compile(step["pattern"]).sub, step["with"])
    if step.name == "prefix":
        return partial(_with_prefix, step["text"])
    raise EncodeError(
        f"{step.path}.step: {step.name} cannot run"
    )  # a name in STEPS without a function: our bug


def _with_prefix(prefix: str, text: str) -> str:
    return prefix + text


def _load_tokenizer(model_path: Path) -> Any:
    with quiet_transformers() as transformers:
        try:
            tokenizer = transformers.AutoTokenizer.from_pretrained(str(model_path), local_files_only=True)
        except Exception as error:  # missing, malformed or foreign files: transformers has no class for this
            raise EncodeError(f"the tokenizer of {model_path.name} cannot be loaded: {error}") from error
    return tokenizer


def _tokenizer_names(tokenizer: Any, model_path: Path) -> set[str]:
    names = {type(tokenizer).__name__}
    config = model_path / "tokenizer_config.json"
    if config.is_file():
        names.add(str(json.loads(config.read_text(encoding="utf-8")).get("tokenizer_class") or ""))
    return {_plain_name(name) for name in names} - {""}


def _plain_name(name: str) -> str:
    # The fast and the slow class of one tokenizer are one since transformers 5.
    plain = name.removesuffix("Fast")
    return _SAME_TOKENIZER.get(plain, plain)
