"""Texts far longer than a model reads: the same tokens as the tokenizer's own truncation, from their beginning alone."""

from __future__ import annotations

import random
from functools import lru_cache

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tiny_families import edit
from tiny_models import WORDS, save_tokenizer, transformers

from embver.encode.long_texts import beginning, is_local
from embver.encode.preprocessing import parse_steps
from embver.encode.texts import TextSteps
from embver.errors import EncodeError

pytestmark = pytest.mark.torch

LENGTH = 16
TRAINING = [
    "the quick brown fox jumps over 13 lazy dogs, don't they?",
    "été à la plage — naïve coöperation",
    " ".join(WORDS),
]


def trained(kind):
    """Return a tokenizer of one of the kinds that models come with, trained on a few lines."""
    from tokenizers import Tokenizer, decoders, models, normalizers, pre_tokenizers, processors, trainers

    special = ["[PAD]", "[UNK]", "[BOS]", "[EOS]"]
    if kind == "byte-bpe":
        tokenizer = Tokenizer(models.BPE())
        tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
        tokenizer.decoder = decoders.ByteLevel()
        alphabet = pre_tokenizers.ByteLevel.alphabet()
        trainer = trainers.BpeTrainer(vocab_size=400, special_tokens=special, initial_alphabet=alphabet)
    elif kind == "unigram":
        tokenizer = Tokenizer(models.Unigram())
        tokenizer.normalizer = normalizers.NFKC()
        tokenizer.pre_tokenizer = pre_tokenizers.Metaspace()
        trainer = trainers.UnigramTrainer(vocab_size=120, special_tokens=special, unk_token="[UNK]")
    else:  # as Llama and Gemma: the whole text is one word
        tokenizer = Tokenizer(models.BPE(unk_token="[UNK]"))
        tokenizer.normalizer = normalizers.Sequence([normalizers.Prepend("▁"), normalizers.Replace(" ", "▁")])
        trainer = trainers.BpeTrainer(vocab_size=300, special_tokens=special)
    tokenizer.train_from_iterator(TRAINING * 3, trainer)
    tokenizer.post_processor = processors.TemplateProcessing(
        single="[BOS] $A [EOS]", special_tokens=[("[BOS]", 2), ("[EOS]", 3)]
    )
    return transformers.PreTrainedTokenizerFast(
        tokenizer_object=tokenizer, pad_token="[PAD]", unk_token="[UNK]", bos_token="[BOS]", eos_token="[EOS]",
        model_max_length=LENGTH,
    )  # fmt: skip


@pytest.fixture(scope="module", params=["wordpiece", "byte-bpe", "unigram", "one-word"])
def folder(request, tmp_path_factory):
    made = tmp_path_factory.mktemp(request.param)
    if request.param == "wordpiece":
        save_tokenizer(made, max_length=LENGTH)
    else:
        trained(request.param).save_pretrained(made)
    return made


def steps_of(folder, **changes):
    step = {
        "step": "tokenize",
        "tokenizer": "PreTrainedTokenizerFast",
        "max_length": LENGTH,
        "truncation": "end",
    }
    return TextSteps.of(parse_steps("text", [step | changes], path="encoders.text.preprocessing"), folder)


@lru_cache
def ready(folder):
    return steps_of(folder)


@lru_cache
def tokenizer_of(folder, side):
    tokenizer = transformers.AutoTokenizer.from_pretrained(folder)
    tokenizer.truncation_side = side
    return tokenizer


def own(folder, text, side="right"):
    tokenizer = tokenizer_of(folder, side)
    return tokenizer([text], truncation=True, max_length=LENGTH)["input_ids"]


def test_far_too_many_words(folder):
    chosen = random.Random(1)
    count = 100_000 if "wordpiece" in folder.name else 15_000
    text = " ".join(chosen.choice([*WORDS, "été", "don't", "13", "—"]) for _ in range(count))
    steps = steps_of(folder)
    assert steps.tokens([text]) == own(folder, text)
    begun = beginning(text, steps.tokenizer, LENGTH)
    assert len(begun) < 10_000 or "one-word" in folder.name
    assert steps.is_cut_early is ("one-word" not in folder.name)


@settings(max_examples=25)
@given(
    parts=st.lists(
        st.sampled_from(["cat", "a", " ", "\n\n", "\u3000", "don't", "ﬁ", "e\u0301", "\u0301", "x" * 700, "[EOS]", "\x07",
                         "...", "—", "日本語", "13,000.5", "\t", "🙂", "▁", "smiling sun "]),
        min_size=1, max_size=12,
    ),
    times=st.integers(min_value=300, max_value=1500),
)  # fmt: skip
def test_the_tokens_are_those_of_the_whole_text(folder, parts, times):
    text = ("".join(parts) * times)[:20_000]
    assert ready(folder).tokens([text]) == own(folder, text)


def test_a_text_that_is_cut_at_its_start_is_read_whole(folder):
    text = "cat dog " * 3000 + "moon"
    steps = steps_of(folder, truncation="start")
    assert not steps.is_cut_early
    assert steps.tokens([text]) == own(folder, text, side="left")


def test_many_long_texts_are_read_in_parts(folder):
    count = 60_000 if "one-word" in folder.name else 1_000
    texts = ["sun moon " * count, "cat", "star tree " * count, "", "dog"]
    assert steps_of(folder).tokens(texts) == [own(folder, text)[0] for text in texts]


def test_a_tokenizer_that_does_not_split_is_not_local(folder):
    assert is_local(steps_of(folder).tokenizer) is ("one-word" not in folder.name)


def test_a_tokenizer_without_a_mask_needs_full_rows(tmp_path):
    save_tokenizer(tmp_path, max_length=LENGTH)
    edit(tmp_path / "tokenizer_config.json", model_input_names=["input_ids"], padding_side="left")
    with pytest.raises(EncodeError, match=r"preprocessing\[0\]\.padding: max_length is expected"):
        steps_of(tmp_path)
    assert steps_of(tmp_path, padding="max_length").pads_left


def test_token_types_are_refused(tmp_path):
    save_tokenizer(tmp_path, max_length=LENGTH)
    edit(
        tmp_path / "tokenizer_config.json",
        model_input_names=["input_ids", "token_type_ids", "attention_mask"],
    )
    steps_of(tmp_path)
    import json

    plain = json.loads((tmp_path / "tokenizer.json").read_text())
    plain["post_processor"]["single"][0]["SpecialToken"]["type_id"] = 2
    (tmp_path / "tokenizer.json").write_text(json.dumps(plain))
    with pytest.raises(EncodeError, match=r"tokenizer: PreTrainedTokenizerFast gives token types"):
        steps_of(tmp_path)


def test_special_tokens_need_room(tmp_path):
    save_tokenizer(tmp_path, max_length=LENGTH)
    with pytest.raises(EncodeError, match=r"max_length: 2 leaves no room beside 2 special tokens"):
        steps_of(tmp_path, max_length=2)
