"""Run a card's text steps and the tokenizer: texts in, token ids out, one row independent of any other."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np

from embver.encode.batches import Batch, BatchPlan, text_batches
from embver.encode.long_texts import beginning, is_local
from embver.encode.meter import stage
from embver.encode.parameters import Step
from embver.encode.runtime import quiet_transformers
from embver.encode.spec import Item
from embver.encode.steps import Prompt, Row
from embver.encode.transfer import to_device
from embver.errors import EncodeError
from embver.text_steps import text_function

_WINDOW_ROWS: Final = 16_384
# A tokenizer takes 150 bytes and more for every character that it reads at once.
_CHARACTERS_AT_ONCE: Final = 1 << 20

# transformers 5 calls the class of a plain tokenizer.json TokenizersBackend; cards and older files say the other name.
_SAME_TOKENIZER = {"TokenizersBackend": "PreTrainedTokenizer"}


@dataclass(frozen=True, slots=True, kw_only=True)
class TextSteps:
    """A card's text steps, ready to run with the tokenizer of a model folder."""

    functions: tuple[Callable[[str], str], ...]
    tokenizer: Any
    max_length: int
    pads_to_max: bool
    is_cut_early: bool  # the beginning of a long text has the tokens that it has in the whole

    @classmethod
    def of(cls, steps: Sequence[Step], model_path: Path, *, trust_remote_code: bool = False) -> TextSteps:
        """Make checked steps runnable; raise EncodeError if the folder's tokenizer does not fit them."""
        tokenize = steps[-1]
        tokenizer = load_tokenizer(model_path, trust_remote_code=trust_remote_code)
        tokenizer.truncation_side = {"end": "right", "start": "left"}[tokenize["truncation"]]
        made = cls(
            functions=tuple(_function(step) for step in steps[:-1]),
            tokenizer=tokenizer,
            max_length=tokenize["max_length"],
            pads_to_max=tokenize["padding"] == "max_length",
            is_cut_early=tokenize["truncation"] == "end" and is_local(tokenizer),
        )
        made.check(tokenize, _tokenizer_names(tokenizer, model_path))
        return made

    def check(self, tokenize: Step, names: set[str]) -> None:
        """Raise EncodeError if the tokenizer, which goes by any of `names`, is not or not only what the step says."""
        if _plain_name(tokenize["tokenizer"]) not in names:
            raise EncodeError(
                f"{tokenize.path}.tokenizer: the card says {tokenize['tokenizer']}, the model folder has "
                f"{' or '.join(sorted(names))}"
            )
        added = int(self.tokenizer.num_special_tokens_to_add())
        if self.max_length <= added:
            raise EncodeError(
                f"{tokenize.path}.max_length: {self.max_length} leaves no room beside {added} special tokens"
            )
        if not self.wants_mask and not self.pads_to_max:
            raise EncodeError(
                f"{tokenize.path}.padding: max_length is expected: {tokenize['tokenizer']} gives no attention mask, so "
                "that the model sees every padding"
            )
        if "token_type_ids" in self.tokenizer.model_input_names and any(
            self.tokenizer("a")["token_type_ids"]
        ):
            raise EncodeError(
                f"{tokenize.path}.tokenizer: {tokenize['tokenizer']} gives token types, which no step expresses"
            )

    @property
    def items_a_task(self) -> int | None:
        """Return None: one tokenizer cannot be used by two threads ("Already borrowed"); it spreads a list itself."""
        return None

    def window_rows(self, plan: BatchPlan) -> int:
        """Return the rows of a window."""
        return max(_WINDOW_ROWS, plan.rows)

    def prepare(self, items: Sequence[Item], prompt: Prompt) -> list[Row]:
        """Return the token ids of each item's text, int32, or what is wrong with it."""
        rows: list[Row] = []
        texts: list[str] = []
        for item in items:
            try:
                text = item.text if item.text is not None else _read(item)
                texts.append(self.clean(text, prompt(item)))
                rows.append("")
            except ValueError as error:
                rows.append(str(error))
        tokens = iter(self.tokens(texts))
        made = [np.asarray(next(tokens), dtype=np.int32) if row == "" else row for row in rows]
        return ["has no tokens" if len(row) == 0 else row for row in made]

    def batches(self, rows: Sequence[Row], plan: BatchPlan) -> Iterator[Batch]:
        """Yield batches of rows of one padded length."""
        lengths = [len(row) for row in rows]
        return text_batches(lengths, plan, limit=self.max_length, to_limit=self.pads_to_max)

    def inputs(self, rows: Sequence[Row], batch: Batch, device: str) -> Mapping[str, Any]:
        """Return `input_ids` and, where the model wants it, `attention_mask`: int64 (rows, padded length).

        Padding comes last, whatever side the tokenizer prefers: there the mask hides it from an encoder, and causal
        attention from a decoder, so that positions count from the first token and no row depends on its bucket. Only a
        model without a mask gets it where its tokenizer puts it.
        """
        ids = np.full((len(batch.positions), batch.length), self.pad_id, dtype=np.int64)
        mask = np.zeros_like(ids)
        for index, position in enumerate(batch.positions):
            row = rows[position]
            place = slice(batch.length - len(row), None) if self.pads_left else slice(0, len(row))
            ids[index, place], mask[index, place] = row, 1
        inputs = {"input_ids": to_device(ids, device)}
        if self.wants_mask:
            inputs["attention_mask"] = to_device(mask, device)
        return inputs

    def clean(self, text: str, prompt: str = "") -> str:
        """Return the text as the tokenizer gets it: the steps in order, then the prompt as it stands in the card."""
        for function in self.functions:
            text = function(text)
        return prompt + text

    def tokens(self, texts: Sequence[str]) -> list[list[int]]:
        """Return the token ids of cleaned texts, special tokens included, cut to max_length where the card says."""
        if self.is_cut_early:
            texts = [beginning(text, self.tokenizer, self.max_length) for text in texts]
        rows: list[list[int]] = []
        for part in _parts(texts):
            encoded = self.tokenizer(
                part, padding=False, truncation=True, max_length=self.max_length, return_attention_mask=False
            )
            rows += encoded["input_ids"]
        return rows

    @property
    def pad_id(self) -> int:
        """Return the id that fills a row; any will do where the tokenizer has none, since it is masked."""
        return int(self.tokenizer.pad_token_id or 0)

    @property
    def pads_left(self) -> bool:
        """Tell whether rows are filled before their tokens, which only a model without a mask is given."""
        return bool(self.tokenizer.padding_side == "left") and not self.wants_mask

    @property
    def wants_mask(self) -> bool:
        """Tell whether the model gets an attention mask: SigLIP was trained to see its padding."""
        return "attention_mask" in self.tokenizer.model_input_names


def _read(item: Item) -> str:
    with stage("read"):
        return item.read_text()


def _parts(texts: Sequence[str]) -> Iterator[list[str]]:
    """Yield texts in lists of a bounded number of characters, one text at least."""
    part: list[str] = []
    size = 0
    for text in texts:
        if part and size + len(text) > _CHARACTERS_AT_ONCE:
            yield part
            part, size = [], 0
        part.append(text)
        size += len(text)
    if part:
        yield part


def _function(step: Step) -> Callable[[str], str]:
    function = text_function(step.name, step.parameters)
    if function is None:  # a name in STEPS without a function: our bug
        raise EncodeError(f"{step.path}.step: {step.name} cannot run")
    return function


def load_tokenizer(model_path: Path, *, trust_remote_code: bool) -> Any:
    """Load the tokenizer of a model folder; raise EncodeError where there is none that transformers can read."""
    with quiet_transformers() as transformers:
        try:
            tokenizer = transformers.AutoTokenizer.from_pretrained(
                str(model_path), local_files_only=True, trust_remote_code=trust_remote_code
            )
        except Exception as error:  # missing, malformed or foreign files: transformers has no class for this
            said = " ".join(str(error).split())
            raise EncodeError(f"the tokenizer of {model_path.name} cannot be loaded: {said}") from error
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
