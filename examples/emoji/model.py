"""A CLIP small enough to train in seconds: its shape, its tokenizer, its image processor, its folder."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from recipes import Shape
from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, processors, trainers
from torch import Tensor
from torch.nn.functional import normalize
from transformers import CLIPConfig, CLIPImageProcessorPil, CLIPModel, PreTrainedTokenizerFast
from transformers.utils import logging

IMAGE_SIZE_PX = 16
MARKS = PAD, UNKNOWN, BEGIN, END = ("[PAD]", "[UNK]", "[BOS]", "[EOS]")

logging.disable_progress_bar()  # one shard, one bar a call: the demo draws its own


def build_model(shape: Shape, vocabulary: int, seed: int) -> CLIPModel:
    """Make an untrained model: one layer a tower, the picture one single patch."""
    # One patch the size of the picture beat sixteen small ones at half the cost: at 16 pixels,
    # colour and outline at their place are all the signal there is.
    tower = {
        "hidden_size": shape.width,
        "intermediate_size": 2 * shape.width,
        "num_hidden_layers": 1,
        "num_attention_heads": shape.heads,
        "hidden_act": "gelu",
    }
    words = {"vocab_size": vocabulary, "max_position_embeddings": shape.max_length}
    marks = {
        f"{name}_token_id": MARKS.index(mark) for name, mark in (("pad", PAD), ("bos", BEGIN), ("eos", END))
    }
    picture = {"image_size": IMAGE_SIZE_PX, "patch_size": IMAGE_SIZE_PX}
    config = CLIPConfig(
        text_config=tower | words | marks, vision_config=tower | picture, projection_dim=shape.dimensions
    )
    torch.manual_seed(seed)
    return CLIPModel(config)


def build_tokenizer(texts: Iterable[str], shape: Shape) -> PreTrainedTokenizerFast:
    """Train a WordPiece tokenizer that takes text as it comes: whoever calls it must clean first."""
    tokenizer = as_it_comes(
        Tokenizer(models.WordPiece(build_vocabulary(list(texts), shape), unk_token=UNKNOWN))
    )
    tokenizer.post_processor = processors.TemplateProcessing(
        single=f"{BEGIN} $A {END}", special_tokens=[(BEGIN, MARKS.index(BEGIN)), (END, MARKS.index(END))]
    )
    return PreTrainedTokenizerFast(
        tokenizer_object=tokenizer,
        pad_token=PAD,
        unk_token=UNKNOWN,
        bos_token=BEGIN,
        eos_token=END,
        model_max_length=shape.max_length,
    )


def build_vocabulary(texts: list[str], shape: Shape) -> dict[str, int]:
    """Return the word pieces of some texts, the same ones each time."""
    # The trainer numbers the pieces inside words (`##a`) in the order of a hash table, anew in each process,
    # and breaks ties between merges by those numbers. Told as special tokens they have their places beforehand.
    inside = [f"##{letter}" for letter in sorted(set("".join(texts)) - {" "})]
    trainer = trainers.WordPieceTrainer(
        vocab_size=shape.vocabulary, special_tokens=[*MARKS, *inside], show_progress=False
    )
    tokenizer = as_it_comes(Tokenizer(models.WordPiece(unk_token=UNKNOWN)))
    tokenizer.train_from_iterator(texts, trainer)
    return tokenizer.get_vocab()


def as_it_comes(tokenizer: Tokenizer) -> Tokenizer:
    """Split text at spaces and punctuation, and change nothing else."""
    # No lower-casing. Training cleans its own text, so nothing shows until somebody serves the model
    # text that was not cleaned: the bug that version 1.1.1 of the demo fixes.
    tokenizer.normalizer = normalizers.BertNormalizer(lowercase=False, strip_accents=False)
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    return tokenizer


def save_model(model: CLIPModel, tokenizer: PreTrainedTokenizerFast, folder: Path) -> None:
    """Write an ordinary transformers folder: weights, configuration, tokenizer, image processor."""
    side = {"height": IMAGE_SIZE_PX, "width": IMAGE_SIZE_PX}
    processor = CLIPImageProcessorPil(
        do_resize=True,
        size=side,
        resample=Image.Resampling.BICUBIC,
        do_center_crop=False,
        crop_size=side,
        do_rescale=True,
        rescale_factor=1 / 255,
        do_normalize=True,
        image_mean=[0.5] * 3,
        image_std=[0.5] * 3,
        do_convert_rgb=True,
    )
    # How this script padded its own batches is no property of the tokenizer.
    tokenizer.backend_tokenizer.no_padding()
    tokenizer.backend_tokenizer.no_truncation()
    model.eval()
    for part in (model, tokenizer, processor):
        part.save_pretrained(folder)


def load_model(folder: Path) -> tuple[CLIPModel, PreTrainedTokenizerFast]:
    """Read a saved model and its tokenizer."""
    return CLIPModel.from_pretrained(folder), PreTrainedTokenizerFast.from_pretrained(folder)


def read_pictures(paths: Sequence[Path]) -> Tensor:
    """Read pictures as the served model gets them: (n, 3, size, size), about -1..1."""
    size = (IMAGE_SIZE_PX, IMAGE_SIZE_PX)
    pixels = np.empty((len(paths), *size, 3), np.uint8)
    for n, path in enumerate(paths):
        with Image.open(path) as picture:
            pixels[n] = np.asarray(picture.convert("RGB").resize(size, Image.Resampling.BICUBIC))
    return (torch.from_numpy(pixels).permute(0, 3, 1, 2).float() / 255 - 0.5) / 0.5


def tokenize(tokenizer: PreTrainedTokenizerFast, texts: Sequence[str]) -> tuple[Tensor, Tensor]:
    """Return token ids and attention mask, (n, longest)."""
    batch = tokenizer(list(texts), padding=True, truncation=True, return_tensors="pt")
    return batch["input_ids"], batch["attention_mask"]


def text_vectors(model: CLIPModel, ids: Tensor, mask: Tensor) -> Tensor:
    """Return unit vectors of tokenized texts."""
    return normalize(model.get_text_features(input_ids=ids, attention_mask=mask).pooler_output, dim=-1)


def image_vectors(model: CLIPModel, pixels: Tensor) -> Tensor:
    """Return unit vectors of pictures."""
    return normalize(model.get_image_features(pixel_values=pixels).pooler_output, dim=-1)
