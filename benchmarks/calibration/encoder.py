"""The base version's encoder, and the same encoder served in other ways: preprocessing, precision, batches."""

from __future__ import annotations

import copy
import io
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch
from model import IMAGE_SIZE_PX, image_vectors, load_model, read_pictures, text_vectors, tokenize
from PIL import Image
from torch import Tensor
from transformers import CLIPModel, PreTrainedTokenizerFast

from benchmarks.calibration.population import Population, Vectors

Clean = Callable[[str], str]
Picture = Callable[[Image.Image], Image.Image]


def cleaned(text: str) -> str:
    """Clean a text as training did: short codes split, lower case."""
    return " ".join(text.replace("_", " ").replace(":", " ").split()).lower()


@dataclass(frozen=True, slots=True, kw_only=True)
class Serving:
    """How vectors are made from a model; the defaults are the base version's."""

    clean: Clean = cleaned
    prepare: Picture | None = None
    resample: Image.Resampling = Image.Resampling.BICUBIC
    mean: tuple[float, float, float] = (0.5, 0.5, 0.5)
    std: tuple[float, float, float] = (0.5, 0.5, 0.5)
    batch_size: int = 256
    dtype: torch.dtype = torch.float32
    weight_bits: int | None = None
    max_length: int = 16


@dataclass(frozen=True, slots=True, kw_only=True)
class Encoder:
    """A model with its tokenizer, and the base's pictures as it reads them (2n, 3, 16, 16)."""

    model: CLIPModel
    tokenizer: PreTrainedTokenizerFast
    pixels: Tensor
    population: Population

    def with_model(self, model: CLIPModel) -> Encoder:
        """Return the same encoder with another model of the same inputs."""
        return replace(self, model=model)

    def encode(self, serving: Serving | None = None) -> Vectors:
        """Return the vectors of all pictures and texts, float32."""
        serving = serving or Serving()
        model = self.model.eval()
        if serving.weight_bits is not None:
            model = quantised(model, serving.weight_bits)
        if serving.dtype is not torch.float32:
            model = copy.deepcopy(model).to(serving.dtype)
        texts = [serving.clean(text) for text in (*self.population.names, *self.population.typed)]
        with torch.no_grad(), one_thread():
            images = [
                image_vectors(model, part)
                for part in self._pixels(serving).to(serving.dtype).split(serving.batch_size)
            ]
            words = [
                text_vectors(model, *(part[:, : serving.max_length] for part in self._tokens(texts[at : at + serving.batch_size])))
                for at in range(0, len(texts), serving.batch_size)
            ]  # fmt: skip
        return {"image": _rows(images), "text": _rows(words)}

    def _tokens(self, texts: list[str]) -> tuple[Tensor, Tensor]:
        ids, mask = tokenize(self.tokenizer, texts)
        return ids, mask

    def _pixels(self, serving: Serving) -> Tensor:
        same = serving.prepare is None and serving.resample is Image.Resampling.BICUBIC
        pixels = self.pixels if same else read_differently(self.population.pictures(), serving)
        if (serving.mean, serving.std) == (Serving().mean, Serving().std):
            return pixels
        colours = (1, 3, 1, 1)
        raw = pixels * 0.5 + 0.5
        return (raw - torch.tensor(serving.mean).view(colours)) / torch.tensor(serving.std).view(colours)


def load_encoder(folder: Path, population: Population) -> Encoder:
    """Read a trained model and the population's pictures."""
    model, tokenizer = load_model(folder)
    return Encoder(
        model=model, tokenizer=tokenizer, pixels=read_pictures(population.pictures()), population=population
    )


def read_differently(paths: Sequence[Path], serving: Serving) -> Tensor:
    """Read pictures as `model.read_pictures` does, but for what `serving` does otherwise."""
    side = (IMAGE_SIZE_PX, IMAGE_SIZE_PX)
    pixels = np.empty((len(paths), *side, 3), np.uint8)
    for number, path in enumerate(paths):
        with Image.open(path) as picture:
            image = picture.convert("RGB")
        if serving.prepare is not None:
            image = serving.prepare(image)
        pixels[number] = np.asarray(image.resize(side, serving.resample))
    return (torch.from_numpy(pixels).permute(0, 3, 1, 2).float() / 255 - 0.5) / 0.5


def recoded(form: str, quality: int) -> Picture:
    """Return what writes a picture in a lossy format and reads it again."""

    def recode(image: Image.Image) -> Image.Image:
        held = io.BytesIO()
        image.save(held, form, quality=quality)
        return Image.open(held).convert("RGB")

    return recode


def cropped(margin_px: int) -> Picture:
    """Return what cuts so many of the 32 pixels off every side."""
    return lambda image: image.crop((margin_px, margin_px, image.width - margin_px, image.height - margin_px))


def quantised(model: CLIPModel, bits: int) -> CLIPModel:
    """Return the model with every weight matrix rounded to signed integers of so many bits, one scale a row."""
    model = copy.deepcopy(model)
    with torch.no_grad():
        for weight in model.parameters():
            if weight.dim() > 1:
                flat = weight.flatten(1)
                step = flat.abs().amax(dim=1, keepdim=True).clamp_min(1e-12) / (2 ** (bits - 1) - 1)
                weight.copy_(((flat / step).round() * step).view_as(weight))
    return model


@contextmanager
def one_thread() -> Iterator[None]:
    """Compute on one thread, so that sums have one order."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)


def _rows(parts: list[Tensor]) -> np.ndarray:
    """Return unit rows as float32, whatever they were computed in."""
    rows = torch.cat(parts).float().numpy()
    return (rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype(np.float32)
