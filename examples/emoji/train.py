"""Train one version of the demo's model and save it as an ordinary transformers folder."""

from __future__ import annotations

import argparse
import shutil
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from recipes import RECIPES, WEIGHTS, Recipe, sha256

from data import NAMES, STYLES, read_lines

if TYPE_CHECKING:
    from learn import Pictures, Texts
    from transformers import CLIPModel, PreTrainedTokenizerFast

Progress = Callable[[int, int], None]  # (steps done, steps in all)


@dataclass(frozen=True, slots=True, kw_only=True)
class Training:
    """What came of a training."""

    recipe: str
    parameters: int
    weights_sha256: str
    elapsed_s: float
    losses: tuple[float, ...]  # of every step


def train(
    recipe: Recipe,
    repository: Path,
    out: Path,
    *,
    start: Path | None = None,
    progress: Progress | None = None,
) -> Training:
    """Run a recipe on the data in `repository` and save the model in `out`; `start` is the model it continues.

    `out` may be `start`: its files are replaced when the training is complete.
    """
    if recipe.starts_from_model != (start is not None):
        raise ValueError(f"recipe {recipe.name} {'needs' if start is None else 'takes no'} starting model")
    # Only now: whoever just asks for recipes and digests does not wait for torch.
    from model import build_model, build_tokenizer, load_model, save_model

    began = time.perf_counter()
    losses: list[float] = []
    names = [row[language] for language in recipe.languages for row in read_lines(repository / NAMES)]
    with one_thread():
        if start:
            model, tokenizer = load_model(start)
        else:
            tokenizer = build_tokenizer(names, recipe.shape)
            model = build_model(recipe.shape, len(tokenizer), recipe.seed)
        styles = read_styles(recipe, repository)
        learn(
            recipe, model, tokenizer, names=names, styles=styles, tick=ticker(losses, progress, recipe.steps)
        )
    out.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=out.parent) as complete:
        save_model(model, tokenizer, Path(complete))
        if start:
            keep_beside_weights(start, Path(complete))
        # The weights come last: where they are, the rest is.
        for file in sorted(Path(complete).iterdir(), key=lambda file: file.name == WEIGHTS):
            file.replace(out / file.name)
    return Training(
        recipe=recipe.name,
        parameters=sum(p.numel() for p in model.parameters()),
        weights_sha256=sha256(out / WEIGHTS),
        elapsed_s=time.perf_counter() - began,
        losses=tuple(losses),
    )


def learn(
    recipe: Recipe,
    model: CLIPModel,
    tokenizer: PreTrainedTokenizerFast,
    *,
    names: list[str],
    styles: list[Pictures],
    tick: Callable[[float], None],
) -> None:
    """Run the parts of a recipe, in their order."""
    import torch
    from learn import Texts, encode_pictures, encode_texts, learn_both, learn_pictures, learn_texts
    from model import tokenize

    torch.manual_seed(recipe.seed)
    ids, mask = tokenize(tokenizer, names)
    texts = Texts(ids=ids, mask=mask)
    model.train()
    if recipe.both:
        learn_both(model, english(texts, recipe), styles, recipe.both, tick)
    if recipe.pictures:
        fixed = encode_texts(model, texts)
        learn_pictures(model, fixed, styles, recipe.pictures, tick, anchor=recipe.anchor)
    if recipe.texts:
        learn_texts(model, texts, encode_pictures(model, styles), recipe.texts, tick)


def english(texts: Texts, recipe: Recipe) -> Texts:
    """Return the first language's rows."""
    from learn import Texts

    rows = len(texts.ids) // len(recipe.languages)
    return Texts(ids=texts.ids[:rows], mask=texts.mask[:rows])


def read_styles(recipe: Recipe, repository: Path) -> list[Pictures]:
    """Read the pictures of a recipe, style after style, each with the row of its name."""
    import torch
    from learn import Pictures
    from model import read_pictures

    manifest = repository / recipe.manifest
    place = {row["id"]: n for n, row in enumerate(read_lines(repository / NAMES))}
    styles = []
    for style in STYLES:
        rows = [row for row in read_lines(manifest) if row["id"].endswith(f"-{style}")]
        if rows:
            shown = torch.tensor([place[row["id"].removesuffix(f"-{style}")] for row in rows])
            pixels = read_pictures([manifest.parent / row["image"] for row in rows])
            styles.append(Pictures(pixels=pixels, names=shown))
    return styles


def keep_beside_weights(start: Path, out: Path) -> None:
    """Take every file but the weights from the model that was continued."""
    # Saved anew, a tokenizer notes where it was loaded from: same tokenizer, other digest.
    for file in sorted(start.iterdir()):
        if file.name != WEIGHTS:
            shutil.copyfile(file, out / file.name)


@contextmanager
def one_thread() -> Iterator[None]:
    """Compute on one thread: sums then have one order, so that one machine gives the same bytes each time."""
    import torch

    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)


def ticker(losses: list[float], progress: Progress | None, steps: int) -> Callable[[float], None]:
    """Keep the loss of every step, and count steps over all parts of a recipe."""

    def tick(loss: float) -> None:
        losses.append(loss)
        if progress:
            progress(len(losses), steps)

    return tick


def show(done: int, steps: int) -> None:
    """Draw progress on one line of the terminal."""
    print(f"\r{done}/{steps} steps", end="\n" if done == steps else "", file=sys.stderr, flush=True)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description="Train one version of the demo's model.")
    parser.add_argument("recipe", choices=RECIPES)
    parser.add_argument("repository", type=Path, help="the folder that data.py wrote into")
    parser.add_argument("out", type=Path, help="where the model is saved")
    parser.add_argument("--start", type=Path, help="the model to continue")
    given = parser.parse_args()
    print(train(RECIPES[given.recipe], given.repository, given.out, start=given.start, progress=show))
