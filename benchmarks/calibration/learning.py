"""Train the base, and train it on: plainly, held near the old vectors, or against them as backward-compatible
training does (Shen et al. 2020).
"""

from __future__ import annotations

import copy
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import torch
from learn import Optimiser, augment, rows_in_turn
from model import (
    build_model,
    build_tokenizer,
    image_vectors,
    read_pictures,
    save_model,
    text_vectors,
    tokenize,
)
from recipes import Schedule, Shape
from torch import Tensor
from torch.nn.functional import cross_entropy
from transformers import CLIPModel

from benchmarks.calibration.encoder import Encoder, one_thread
from benchmarks.calibration.population import Population, Vectors
from data import TRAIN_V2, read_lines


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """One training on from the base, with the steps after which its vectors are kept.

    `pull` weighs 1 - cosine to the old vector of the same (augmented) picture or text; `cross` weighs the
    contrastive loss of new texts with old pictures and of old texts with new ones. `scratch` starts from a new
    seed instead of the base, `all_styles` adds the pictures that the base never saw.
    """

    name: str
    title: str
    steps: tuple[int, ...]
    learning_rate: float = 3e-4
    batch_size: int = 256
    seed: int = 0
    pull: float = 0.0
    cross: float = 0.0
    scratch: bool = False
    dimensions: int = 64
    all_styles: bool = False


class ConstantRate:
    """AdamW at a constant rate, clipped as the demo's optimiser clips: a run of 10 steps begins one of 1,000."""

    def __init__(self, parameters: list[torch.nn.Parameter], rate: float) -> None:
        """Take what is to be trained."""
        self.parameters = parameters
        self.adamw = torch.optim.AdamW(parameters, lr=rate, weight_decay=0.0, betas=(0.9, 0.98), fused=True)

    def step(self, loss: Tensor) -> None:
        """Move the parameters one step down the loss."""
        self.adamw.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(self.parameters, 1.0)
        self.adamw.step()


@dataclass(frozen=True, slots=True, kw_only=True)
class Lessons:
    """What is learned from: pixels by style with the emoji they show, and the names' tokens."""

    pixels: tuple[Tensor, ...]
    shown: tuple[Tensor, ...]
    ids: Tensor
    mask: Tensor

    def batches(self, size: int) -> Iterator[tuple[Tensor, Tensor, Tensor]]:
        """Yield augmented pictures with token ids and mask of their names for ever, one style a batch in turn."""
        turns = [rows_in_turn(len(shown), min(size, len(shown))) for shown in self.shown]
        while True:
            for turn, pixels, shown in zip(turns, self.pixels, self.shown, strict=True):
                rows = next(turn)
                mask = self.mask[shown[rows]]
                longest = int(mask.sum(1).max())
                yield augment(pixels[rows]), self.ids[shown[rows], :longest], mask[:, :longest]


def train_base(population: Population, out: Path, *, steps: int) -> None:
    """Train the base version on both styles, a third of the second one unseen, and save it."""
    shape = Shape()
    with one_thread():
        tokenizer = build_tokenizer(population.names, shape)
        model = build_model(shape, len(tokenizer), seed=0)
        ids, mask = tokenize(tokenizer, population.names)
        pictures = read_pictures(population.pictures())
        lessons = _lessons(population, pictures, ids, mask, unseen=False)
        schedule = Schedule(steps=steps)
        optimiser = Optimiser(list(model.parameters()), schedule)
        torch.manual_seed(0)
        model.train()
        batches = lessons.batches(schedule.batch_size)
        for _ in range(steps):
            optimiser.step(_contrast(model, *next(batches)))
            model.logit_scale.data.clamp_(0, 4.6)
    save_model(model, tokenizer, out)


def train_on(base: Encoder, run: Run) -> dict[int, Vectors]:
    """Run a training and return its vectors after each of the steps asked for."""
    with one_thread():
        ids, mask = tokenize(base.tokenizer, base.population.names)
        lessons = _lessons(base.population, base.pixels, ids, mask, unseen=run.all_styles)
        before = copy.deepcopy(base.model).eval()
        if run.scratch:
            model = build_model(Shape(dimensions=run.dimensions), len(base.tokenizer), seed=run.seed + 1)
            schedule = Schedule(steps=run.steps[-1], batch_size=run.batch_size)
            optimiser: Optimiser | ConstantRate = Optimiser(list(model.parameters()), schedule)
        else:
            model = copy.deepcopy(base.model)
            optimiser = ConstantRate(list(model.parameters()), run.learning_rate)
        torch.manual_seed(run.seed + 1)
        batches = lessons.batches(run.batch_size)
        kept: dict[int, Vectors] = {}
        for step in range(1, run.steps[-1] + 1):
            model.train()
            optimiser.step(_loss(model, before, run, *next(batches)))
            model.logit_scale.data.clamp_(0, 4.6)
            if step in run.steps:
                kept[step] = base.with_model(model).encode()
    return kept


def _loss(model: CLIPModel, before: CLIPModel, run: Run, pixels: Tensor, ids: Tensor, mask: Tensor) -> Tensor:
    """Return the contrastive loss, with what holds the new vectors to the old ones."""
    text, image = text_vectors(model, ids, mask), image_vectors(model, pixels)
    scale = model.logit_scale.exp()
    loss = _symmetric(scale * text @ image.T)
    if not (run.pull or run.cross):
        return loss
    with torch.no_grad():
        old_text, old_image = text_vectors(before, ids, mask), image_vectors(before, pixels)
        old_scale = before.logit_scale.exp()
    if run.pull:
        away = (1 - (text * old_text).sum(1)).mean() + (1 - (image * old_image).sum(1)).mean()
        loss = loss + run.pull * away
    if run.cross:
        crossed = _symmetric(old_scale * text @ old_image.T) + _symmetric(old_scale * old_text @ image.T)
        loss = loss + run.cross * crossed
    return loss


def _contrast(model: CLIPModel, pixels: Tensor, ids: Tensor, mask: Tensor) -> Tensor:
    scores = model.logit_scale.exp() * text_vectors(model, ids, mask) @ image_vectors(model, pixels).T
    return _symmetric(scores)


def _symmetric(scores: Tensor) -> Tensor:
    own = torch.arange(len(scores))
    return (cross_entropy(scores, own) + cross_entropy(scores.T, own)) / 2


def _lessons(population: Population, pixels: Tensor, ids: Tensor, mask: Tensor, *, unseen: bool) -> Lessons:
    """Return the first style whole, and of the second what the demo trains on, or all of it."""
    seen = {row["id"] for row in read_lines(population.folder / TRAIN_V2)}
    second = [number for number, code in enumerate(population.codes) if unseen or f"{code}-openmoji" in seen]
    shown: Sequence[Tensor] = (torch.arange(population.size), torch.tensor(second))
    return Lessons(
        pixels=(pixels[shown[0]], pixels[population.size + shown[1]]), shown=tuple(shown), ids=ids, mask=mask
    )
