"""The limits and the peers: raw forwards of prepared tensors, sentence-transformers, and a plain transformers loop."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

Rows = npt.NDArray[np.float32]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Prepared:
    """One batch that is ready in memory: the model's inputs, and the places of its rows in the corpus."""

    inputs: dict[str, Any]
    places: Sequence[int]


def load_model(folder: Path, dtype: str = "float32") -> Any:
    """Return a folder's model as transformers loads it, for inference on the CPU."""
    import torch
    from transformers import AutoModel

    return AutoModel.from_pretrained(folder, dtype=getattr(torch, dtype)).eval()


def forward(model: Any, inputs: dict[str, Any]) -> Any:
    """Return pooled rows (n, dimensions): the features of a dual encoder, the masked mean of a plain one."""
    if "pixel_values" in inputs:
        return model.get_image_features(**inputs).pooler_output
    if hasattr(model, "get_text_features"):
        return model.get_text_features(**inputs).pooler_output
    hidden = model(**inputs).last_hidden_state.float()
    weights = inputs["attention_mask"].unsqueeze(-1).float()
    return (hidden * weights).sum(dim=1) / weights.sum(dim=1)


def raw(model: Any, batches: Sequence[Prepared], *, threads: int, count: int, dimensions: int) -> Rows:
    """Return the rows of prepared batches: the forward alone, one thread a batch, as many side by side as cores.

    With one thread there is no pool either: nothing is in the way of the model.
    """
    import torch

    rows = np.empty((count, dimensions), dtype=np.float32)

    def one(batch: Prepared) -> None:
        with torch.inference_mode():
            rows[batch.places] = forward(model, batch.inputs).float().numpy()

    if threads == 1:
        for batch in batches:
            one(batch)
        return rows
    with ThreadPoolExecutor(threads, initializer=torch.set_num_threads, initargs=(1,)) as pool:
        list(pool.map(one, batches))
    return rows


def bucketed(tokens: Sequence[Sequence[int]], *, budget: int) -> list[Prepared]:
    """Return texts sorted by length and cut at `budget` tokens a batch, each padded to its longest row."""
    import torch

    order = sorted(range(len(tokens)), key=lambda place: -len(tokens[place]))
    batches, start = [], 0
    while start < len(order):
        longest = len(tokens[order[start]])
        places = order[start : start + max(1, budget // longest)]
        ids = torch.zeros((len(places), longest), dtype=torch.long)
        mask = torch.zeros_like(ids)
        for row, place in enumerate(places):
            length = len(tokens[place])
            ids[row, :length] = torch.tensor(tokens[place])
            mask[row, :length] = 1
        batches.append(Prepared(inputs={"input_ids": ids, "attention_mask": mask}, places=places))
        start += len(places)
    return batches


def stacked(pixels: Any, *, rows: int) -> list[Prepared]:
    """Return prepared images (n, 3, height, width) cut into batches of `rows`."""
    return [
        Prepared(
            inputs={"pixel_values": pixels[start : start + rows]},
            places=range(start, min(start + rows, len(pixels))),
        )
        for start in range(0, len(pixels), rows)
    ]


def loop_texts(model: Any, tokenizer: Any, texts: Sequence[str], *, longest: int, rows: int = 32) -> Rows:
    """Return what the loop of most model pages gives: input order, every batch padded to its longest row."""
    import torch

    made = []
    for start in range(0, len(texts), rows):
        inputs = tokenizer(
            texts[start : start + rows],
            padding=True,
            truncation=True,
            max_length=longest,
            return_tensors="pt",
            return_token_type_ids=False,
        )
        with torch.inference_mode():
            made.append(forward(model, dict(inputs)).float().numpy())
    return np.concatenate(made)


def loop_images(model: Any, processor: Any, paths: Sequence[Path], *, rows: int = 32) -> Rows:
    """Return what the loop of most model pages gives for images: read, process, forward, one after another."""
    import torch
    from PIL import Image

    made = []
    for start in range(0, len(paths), rows):
        images = []
        for path in paths[start : start + rows]:
            with Image.open(path) as image:
                images.append(image.convert("RGB"))
        inputs = processor(images=images, return_tensors="pt")
        with torch.inference_mode():
            made.append(forward(model, {"pixel_values": inputs["pixel_values"]}).float().numpy())
    return np.concatenate(made)


def sentence_transformer(folder: Path, *, is_dual: bool, longest: int, dtype: str = "float32") -> Any:
    """Return a SentenceTransformer of a model folder: mean pooling for a plain encoder; rows of unit length."""
    import torch
    from sentence_transformers import SentenceTransformer
    from sentence_transformers.sentence_transformer.modules import Normalize, Pooling, Transformer

    transformer = Transformer(str(folder), model_kwargs={"dtype": getattr(torch, dtype)})
    transformer.max_seq_length = longest
    modules = [transformer]
    if not is_dual:
        modules.append(Pooling(transformer.get_embedding_dimension(), "mean"))
    return SentenceTransformer(modules=[*modules, Normalize()], device="cpu")


def encode_sentences(model: Any, inputs: Sequence[str], *, rows: int = 32) -> Rows:
    """Return what sentence-transformers' `encode` gives, with its own batch size unless said."""
    made: Rows = model.encode(list(inputs), batch_size=rows, show_progress_bar=False, convert_to_numpy=True)
    return made


def distance(rows: Rows, truth: Rows) -> tuple[float, float]:
    """Return the 99th percentile and the greatest of 1 - cosine of paired rows, in float64 throughout."""
    first, second = (_unit(one) for one in (rows, truth))
    found = ((first - second) ** 2).sum(axis=1) / 2
    return float(np.quantile(found, 0.99)), float(found.max())


def best_of(
    candidates: dict[int, Callable[[], Any]], *, keep: int, time: Callable[[Callable[[], Any]], float]
) -> list[int]:
    """Return the `keep` fastest candidates, each tried twice: what is timed in the rounds are the best two alone."""
    took = {key: min(time(run) for _ in range(2)) for key, run in candidates.items()}
    return sorted(sorted(took, key=lambda key: took[key])[:keep])


def _unit(rows: Rows) -> npt.NDArray[np.float64]:
    wide = np.asarray(rows, dtype=np.float64)
    made: npt.NDArray[np.float64] = wide / np.linalg.norm(wide, axis=1, keepdims=True)
    return made
