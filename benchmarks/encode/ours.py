"""embver's side: items, batch plans by profile, and encode() as the command runs it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from benchmarks.encode.models import Shape, spec_of


def text_items(texts: Sequence[str]) -> list[Any]:
    """Return items of texts."""
    from embver.encode.spec import Item

    return [Item(id=f"{place:07}", text=text) for place, text in enumerate(texts)]


def image_items(paths: Sequence[Path]) -> list[Any]:
    """Return items of files."""
    from embver.encode.blob import Blob
    from embver.encode.spec import Item

    return [Item(id=path.stem, blob=Blob.of(path)) for path in paths]


def plan_of(profile: str, **fields_of_plan: Any) -> Any:
    """Return the batch plan of a profile."""
    from embver.encode.batches import BatchPlan

    return BatchPlan(profile=profile, **fields_of_plan)


def load(
    shape: Shape,
    folder: Path,
    modality: str,
    steps: list[dict[str, Any]],
    *,
    threads: int,
    compute: str = "float32",
    device: str = "cpu",
) -> Any:
    """Return a loaded encoder as `embver encode` loads it."""
    from embver.encode.models import load_encoders

    spec = spec_of(shape, folder, modality, steps)
    return load_encoders({modality: spec}, device=device, threads=threads, compute=compute)[modality]


def encoding(
    encoder: Any, items: Sequence[Any], profile: str, *, workers: int | None = None, **fields_of_plan: Any
) -> Callable[[], Any]:
    """Return a function that encodes the items and returns their rows.

    The budget of tokens is probed beforehand, as the command does in its warm-up of a long run; the raw forward that
    it is held against is tried at several budgets too.
    """
    from embver.encode.runner import encode
    from embver.encode.tuning import SAMPLE, tune

    tuned = tune(encoder, items[:SAMPLE], items=10**7, batch=plan_of(profile, **fields_of_plan))
    assert tuned is not None  # every item is sound

    def run() -> Any:
        return encode(encoder, items, batch=tuned.plan, workers=workers).vectors

    return run
