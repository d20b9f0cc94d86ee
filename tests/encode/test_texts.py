"""The card's text steps, and the tokenizer's own ids."""

from __future__ import annotations

import pytest
from tiny_models import TEXT_STEPS, clip_spec, transformers

from embver.encode.models import load_encoder
from embver.encode.preprocessing import parse_steps
from embver.encode.texts import TextSteps
from embver.errors import EncodeError

pytestmark = pytest.mark.torch


def text_steps(folder, *steps):
    return TextSteps.of(
        parse_steps("text", [*steps, TEXT_STEPS[-1]], path="encoders.text.preprocessing"), folder
    )


@pytest.mark.parametrize(
    ("steps", "text", "cleaned"),
    [
        ([{"step": "lowercase"}], "ÄPFEL", "äpfel"),
        ([{"step": "strip"}], " a b\n", "a b"),
        ([{"step": "collapse_whitespace"}], "a \t\n b", "a b"),
        ([{"step": "unicode_normalize", "form": "NFKC"}], "ﬁne①", "fine1"),
        ([{"step": "unicode_normalize", "form": "NFD"}], "é", "e\u0301"),
        (
            [{"step": "replace", "pattern": "[:_]+", "with": " "}, {"step": "strip"}],
            ":red_heart:",
            "red heart",
        ),
        ([{"step": "replace", "pattern": r"(\w)-(\w)", "with": r"\1\2"}], "e-mail", "email"),
        ([{"step": "prefix", "text": "query: "}, {"step": "lowercase"}], "Cat", "query: cat"),
        ([{"step": "lowercase"}, {"step": "prefix", "text": "Query: "}], "Cat", "Query: cat"),
    ],
)
def test_steps_run_in_order(clip, steps, text, cleaned):
    assert text_steps(clip, *steps).clean(text) == cleaned


def test_a_prompt_stays_as_the_card_has_it(clip):
    assert text_steps(clip, {"step": "lowercase"}).clean("Cat", "A photo of ") == "A photo of cat"


def test_ids_equal_the_tokenizers(clip, texts):
    tokenizer = transformers.AutoTokenizer.from_pretrained(clip)
    own = tokenizer([item.text for item in texts], truncation=True, max_length=32)["input_ids"]
    assert text_steps(clip).tokens([item.text for item in texts]) == own
    assert max(map(len, own)) == 32


@pytest.mark.parametrize("name", ["PreTrainedTokenizerFast", "PreTrainedTokenizer", "TokenizersBackend"])
def test_names_of_one_tokenizer(clip, name):
    spec = clip_spec("text", clip, preprocessing=[TEXT_STEPS[-1] | {"tokenizer": name}])
    loaded = load_encoder(spec).steps
    assert loaded is not None
    assert loaded.tokens(["a cat"]) == text_steps(clip).tokens(["a cat"])


def test_another_tokenizer_is_refused(clip):
    spec = clip_spec("text", clip, preprocessing=[TEXT_STEPS[-1] | {"tokenizer": "BertTokenizerFast"}])
    with pytest.raises(EncodeError, match=r"preprocessing\[0\].tokenizer: the card says BertTokenizerFast"):
        load_encoder(spec)
