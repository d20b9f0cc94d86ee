"""Images from JPEG files: ViT-B/32, where the forward is nearly all, and the demo's model, where decoding is."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from benchmarks.encode import ours, peers
from benchmarks.encode.inputs import write_photographs
from benchmarks.encode.models import SHAPES, Shape, image_steps, save_model
from benchmarks.encode.options import Options
from benchmarks.encode.rounds import Bar, Measured, Timed, Variant, run_in_turns, time_once

ST: Final = "sentence-transformers"
PROCESSOR: Final = "raw forward of the processor's tensors"
# The card's steps by what their pixels promise: those of the processor, within 1e-6, and a declared approximation.
PIXELS: Final[Mapping[str, tuple[Mapping[str, Any], Mapping[str, Any]]]] = {
    "pillow": ({}, {}),
    "simplejpeg + torch": ({"library": "simplejpeg"}, {"library": "torch"}),
    "scaled decoding": ({"library": "simplejpeg", "scale": 2}, {"library": "torch"}),
}
_MOST_APART: Final = 1e-6


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Bench:
    """A shape's model on disk, the photographs, and the tensors that its processor makes of them."""

    shape: Shape
    folder: Path
    paths: list[Path]
    model: Any
    processor: Any
    tensors: Any
    options: Options

    @classmethod
    def of(cls, name: str, usual: int, options: Options) -> _Bench:
        import torch
        from PIL import Image
        from transformers import AutoImageProcessor

        shape = SHAPES["tiny" if options.is_tiny else name]
        folder = save_model(options.folder / shape.name, shape)
        pictures = options.folder / "pictures"
        pictures.mkdir()
        paths = write_photographs(pictures, options.items_or(usual))
        processor = AutoImageProcessor.from_pretrained(folder, use_fast=False)
        tensors = []
        for path in paths:
            with Image.open(path) as image:
                tensors.append(processor(images=image.convert("RGB"), return_tensors="pt")["pixel_values"])
        return cls(
            shape=shape,
            folder=folder,
            paths=paths,
            model=peers.load_model(folder),
            processor=processor,
            tensors=torch.cat(tensors),
            options=options,
        )

    def raw_variants(self, sizes: Sequence[int]) -> list[Variant]:
        """Return the raw forward at the two best of the batch sizes."""
        runs = {rows: self._raw(rows) for rows in sizes}
        best = peers.best_of(runs, keep=2, time=lambda run: time_once(run)[0])
        return [Variant(name=f"{PROCESSOR}, {rows} a batch", run=runs[rows]) for rows in best]

    def _raw(self, rows: int) -> Callable[[], Any]:
        batches = peers.stacked(self.tensors, rows=rows)

        def run() -> Any:
            return peers.raw(
                self.model,
                batches,
                threads=self.options.threads,
                count=len(self.paths),
                dimensions=self.shape.dimensions,
            )

        return run

    def peer(self) -> Callable[[], Any]:
        model = peers.sentence_transformer(self.folder, is_dual=True, longest=self.shape.longest)
        names = [str(path) for path in self.paths]
        return lambda: peers.encode_sentences(model, names)

    def loop(self) -> Callable[[], Any]:
        return lambda: peers.loop_images(self.model, self.processor, self.paths)

    def encoder(self, pixels: str) -> Any:
        steps = image_steps(self.shape, *PIXELS[pixels])
        return ours.load(self.shape, self.folder, "image", steps, threads=self.options.threads)

    def ours(self, pixels: str, profile: str = "strict") -> Callable[[], Any]:
        items = ours.image_items(self.paths)
        # One core means one thread that decodes; the forward's waits for it.
        workers = None if self.options.threads > 1 else 1
        return ours.encoding(self.encoder(pixels), items, profile, workers=workers)

    def decoding(self, pixels: str) -> Callable[[], Any]:
        """Return a function that prepares every picture one after another, without any model."""
        steps, items = self.encoder(pixels).steps, ours.image_items(self.paths)
        return lambda: steps.prepare(items, str)  # no prompt is asked of images

    def what(self) -> str:
        size = sum(path.stat().st_size for path in self.paths) / len(self.paths) / 1000
        return (
            f"{len(self.paths)} JPEG files of 500x400, {size:.0f} kB in the mean, {self.shape.name}, "
            f"{self.options.threads} thread(s)"
        )


def vit_b32(options: Options) -> Measured:
    """Measure ViT-B/32 from JPEG files."""
    bench = _Bench.of("vit-b32", 64, options)
    raw = bench.raw_variants((8, 16, 32))
    others = [
        Variant(name=ST, run=bench.peer()),
        Variant(name="transformers loop", run=bench.loop(), at_most=3),
        Variant(name="embver strict, pillow", run=bench.ours("pillow")),
        Variant(name="embver strict, simplejpeg + torch", run=bench.ours("simplejpeg + torch")),
        Variant(name="embver fast, simplejpeg + torch", run=bench.ours("simplejpeg + torch", "fast")),
    ]
    notes, _ = _agreement(others, raw[0])
    timed = run_in_turns([*raw, *others], items=len(bench.paths), rounds=options.rounds)
    limit = _fastest(timed, raw)
    bars = [
        Bar(what=f"{key} : raw forward", reached=timed[key].speed_over(limit), at_least=0.97)
        for key in ("embver strict, pillow", "embver strict, simplejpeg + torch")
    ]
    return Measured(
        case="images-b32", what=bench.what(), timed=list(timed.values()), limit=limit.name, peer=ST, bars=bars,
        notes=notes,
    )  # fmt: skip


def small(options: Options) -> Measured:
    """Measure the demo's small model, where decoding and resizing are nearly all of the time."""
    bench = _Bench.of("demo", 300, options)
    raw = bench.raw_variants((64, 256))
    names = {pixels: f"embver strict, {pixels}" for pixels in PIXELS}
    others = [
        Variant(name=ST, run=bench.peer(), at_most=5),
        Variant(name="transformers loop", run=bench.loop(), at_most=3),
        *(Variant(name=name, run=bench.ours(pixels)) for pixels, name in names.items()),
    ]
    alone = [Variant(name=f"steps alone, {pixels}", run=bench.decoding(pixels)) for pixels in PIXELS]
    notes, apart = _agreement(others, raw[0])
    timed = run_in_turns([*raw, *others, *alone], items=len(bench.paths), rounds=options.rounds)
    exact, scaled = names["simplejpeg + torch"], names["scaled decoding"]
    bars = [
        Bar(what=f"{exact} : {ST}", reached=timed[exact].speed_over(timed[ST]), at_least=2.5),
        Bar(what=f"{exact}: greatest 1-cos to the processor's", reached=apart[exact], at_most=_MOST_APART),
        Bar(what=f"{scaled} : {ST}", reached=timed[scaled].speed_over(timed[ST]), at_least=4.0),
        Bar(what=f"{exact} : its steps alone on one core",
            reached=timed[exact].speed_over(timed["steps alone, simplejpeg + torch"]),
            at_least=0.9 * options.threads),
    ]  # fmt: skip
    limit = _fastest(timed, raw)
    return Measured(
        case="images-small", what=bench.what(), timed=list(timed.values()), limit=limit.name, peer=ST, bars=bars,
        notes=notes,
    )  # fmt: skip


def _fastest(timed: Mapping[str, Timed], variants: Sequence[Variant]) -> Timed:
    return max((timed[variant.name] for variant in variants), key=lambda one: one.rate)


def _agreement(variants: Sequence[Variant], truth: Variant) -> tuple[list[str], dict[str, float]]:
    """Run every variant once; say how far its rows are from those of the processor's own tensors."""
    rows = truth.run()
    notes, apart = [], {}
    for variant in variants:
        p99, apart[variant.name] = peers.distance(variant.run(), rows)
        notes.append(
            f"1-cos of {variant.name} to {truth.name}: p99 {p99:.1e}, greatest {apart[variant.name]:.1e}"
        )
    return notes, apart
