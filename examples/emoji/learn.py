"""The three ways this demo trains: both towers, pictures onto fixed texts, texts onto fixed pictures."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import torch
from model import image_vectors, text_vectors
from recipes import Schedule
from torch import Tensor
from torch.nn.functional import affine_grid, cross_entropy, grid_sample, normalize
from transformers import CLIPModel

ROWS_AT_ONCE = 256
Tick = Callable[[float], None]  # called after every step, with its loss


@dataclass(frozen=True, slots=True, kw_only=True)
class Pictures:
    """Pixels (n, 3, size, size) of one style, and which text each picture shows (n)."""

    pixels: Tensor
    names: Tensor


@dataclass(frozen=True, slots=True, kw_only=True)
class Texts:
    """Token ids and attention mask, (n, longest)."""

    ids: Tensor
    mask: Tensor

    def pick(self, rows: Tensor) -> tuple[Tensor, Tensor]:
        """Return the ids and mask of some rows, cut at the longest of them."""
        mask = self.mask[rows]
        longest = int(mask.sum(1).max())
        return self.ids[rows, :longest], mask[:, :longest]


def learn_both(
    model: CLIPModel, texts: Texts, styles: list[Pictures], schedule: Schedule, tick: Tick
) -> None:
    """Train both towers by contrast within a batch, one style a batch in turn."""
    optimiser = Optimiser(list(model.parameters()), schedule)
    batches = [rows_in_turn(len(style.names), schedule.batch_size) for style in styles]
    for step in range(schedule.steps):
        style, rows = styles[step % len(styles)], next(batches[step % len(styles)])
        text = text_vectors(model, *texts.pick(style.names[rows]))
        image = image_vectors(model, augment(style.pixels[rows]))
        scores = model.logit_scale.exp() * text @ image.T
        own = torch.arange(len(rows))
        loss = (cross_entropy(scores, own) + cross_entropy(scores.T, own)) / 2
        optimiser.step(loss)
        model.logit_scale.data.clamp_(0, 4.6)  # e^4.6 = 100, CLIP's own limit
        tick(loss.item())


def learn_pictures(
    model: CLIPModel,
    names: Tensor,
    styles: list[Pictures],
    schedule: Schedule,
    tick: Tick,
    *,
    anchor: float,
) -> None:
    """Train the picture tower alone, onto fixed text vectors `names`, held near where it was by weight `anchor`."""
    # The text tower does not move, so old and new queries are the same numbers. The anchor is a frozen
    # copy that sees the same augmented picture: compared with its view of the plain picture instead, the
    # tower would learn to ignore augmentation, which moves every vector for nothing.
    before = copy.deepcopy(model)
    scale = model.logit_scale.exp().detach()
    optimiser = Optimiser([*model.vision_model.parameters(), *model.visual_projection.parameters()], schedule)
    batches = [rows_in_turn(len(style.names), schedule.batch_size) for style in styles]
    for step in range(schedule.steps):
        style, rows = styles[step % len(styles)], next(batches[step % len(styles)])
        pixels = augment(style.pixels[rows])
        image = image_vectors(model, pixels)
        with torch.no_grad():
            old = image_vectors(before, pixels)
        away = (1 - (image * old).sum(1)).mean()
        loss = cross_entropy(scale * image @ names.T, style.names[rows]) + anchor * away
        optimiser.step(loss)
        tick(loss.item())


def learn_texts(
    model: CLIPModel,
    texts: Texts,
    pictures: Tensor,
    schedule: Schedule,
    tick: Tick,
    *,
    scale: float = 30.0,
) -> None:
    """Train the text tower alone, onto fixed picture vectors; text row i names picture i modulo their number."""
    optimiser = Optimiser([*model.text_model.parameters(), *model.text_projection.parameters()], schedule)
    batches = rows_by_length(texts.mask.sum(1), schedule.batch_size)
    for _ in range(schedule.steps):
        rows = next(batches)
        scores = scale * text_vectors(model, *texts.pick(rows)) @ pictures.T
        loss = cross_entropy(scores, rows % len(pictures))
        optimiser.step(loss)
        tick(loss.item())


@torch.no_grad()
def encode_texts(model: CLIPModel, texts: Texts) -> Tensor:
    """Return the unit vectors of all texts."""
    rows = torch.arange(len(texts.ids)).split(ROWS_AT_ONCE)
    return torch.cat([text_vectors(model, *texts.pick(part)) for part in rows])


@torch.no_grad()
def encode_pictures(model: CLIPModel, styles: list[Pictures]) -> Tensor:
    """Return one unit vector a name: the middle of its pictures in all styles."""
    middle = torch.zeros(1 + max(int(style.names.max()) for style in styles), model.config.projection_dim)
    for style in styles:
        vectors = [image_vectors(model, part) for part in style.pixels.split(ROWS_AT_ONCE)]
        middle.index_add_(0, style.names, torch.cat(vectors))
    return normalize(middle, dim=-1)


class Optimiser:
    """AdamW with a one-cycle schedule and clipped gradients."""

    def __init__(self, parameters: list[torch.nn.Parameter], schedule: Schedule) -> None:
        """Take what is to be trained; everything else stays as it is."""
        self.parameters = parameters
        self.adamw = torch.optim.AdamW(
            parameters,
            lr=schedule.learning_rate,
            weight_decay=schedule.weight_decay,
            betas=(0.9, 0.98),
            fused=True,
        )
        self.cycle = torch.optim.lr_scheduler.OneCycleLR(
            self.adamw, schedule.learning_rate, total_steps=schedule.steps, pct_start=schedule.warm_up
        )

    def step(self, loss: Tensor) -> None:
        """Move the parameters one step down the loss."""
        self.adamw.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(self.parameters, 1.0)
        self.adamw.step()
        self.cycle.step()


def rows_in_turn(rows: int, batch_size: int) -> Iterator[Tensor]:
    """Yield batches of row numbers for ever, each row once before any comes again."""
    queue = torch.empty(0, dtype=torch.long)
    while True:
        while len(queue) < batch_size:
            queue = torch.cat([queue, torch.randperm(rows)])
        yield queue[:batch_size]
        queue = queue[batch_size:]


def rows_by_length(lengths: Tensor, batch_size: int) -> Iterator[Tensor]:
    """Yield batches of rows of about equal length for ever: padding is time."""
    while True:
        blocks = torch.randperm(len(lengths)).split(8 * batch_size)
        batches = [
            b for block in blocks for b in block[lengths[block].argsort(stable=True)].split(batch_size)
        ]
        full = [b for b in batches if len(b) == batch_size]
        for n in torch.randperm(len(full)).tolist():
            yield full[n]


def augment(pixels: Tensor) -> Tensor:
    """Turn, scale, shift and tint pictures a little, on their white ground."""
    # Without this the model knows its own style by heart and hardly anything of another one.
    n = len(pixels)
    scale, angle = uniform((n,), 0.8, 1.2), uniform((n,), -0.2, 0.2)
    cos, sin = scale * angle.cos(), scale * angle.sin()
    shift = uniform((n, 2), -0.12, 0.12)
    rows = (torch.stack([cos, -sin, shift[:, 0]], 1), torch.stack([sin, cos, shift[:, 1]], 1))
    grid = affine_grid(torch.stack(rows, 1), list(pixels.shape), align_corners=False)
    ink = grid_sample(pixels - 1, grid, align_corners=False)  # white is 1, so ink on nothing is 0
    tint = torch.eye(3) + uniform((n, 3, 3), -0.2, 0.2)
    tinted = torch.einsum("nij,njhw->nihw", tint, ink) * uniform((n, 1, 1, 1), 0.8, 1.2)
    return (tinted + 1).clamp(-1.5, 1.5)


def uniform(shape: tuple[int, ...], low: float, high: float) -> Tensor:
    """Draw numbers between two bounds."""
    return torch.empty(shape).uniform_(low, high)
