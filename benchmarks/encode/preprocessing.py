"""Image preprocessing against its ceiling, decode and resize alone: `python -m benchmarks.encode.preprocessing`.

The ceiling is a loop over bytes in memory that calls the same two libraries with the same settings and throws the result
away. Beside it runs what an encode does: read the file, decode, resize, crop, and put the pixels into rows. Everything
is in turns in one process, on one core; then with a thread a core, which must be as many times as fast.
"""

from __future__ import annotations

import argparse
import io
import json
import os
import sys
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, Final

from benchmarks.encode import machine
from benchmarks.encode.inputs import write_photographs
from benchmarks.encode.rounds import Bar, Measured, Timed, Variant, run_in_turns
from benchmarks.encode.tables import format_measured

# The card's steps: (decode, resize).
KINDS: Final[Mapping[str, tuple[Mapping[str, Any], Mapping[str, Any]]]] = {
    "pillow": ({}, {"interpolation": "bicubic"}),
    "simplejpeg + torch": ({"library": "simplejpeg"}, {"library": "torch", "interpolation": "bicubic"}),
    "scaled decoding": (
        {"library": "simplejpeg", "scale": 2},
        {"library": "torch", "interpolation": "bicubic"},
    ),
}
EDGES: Final = (224, 16)
_MEAN, _STD = [0.48145466, 0.4578275, 0.40821073], [0.26862954, 0.26130258, 0.27577711]
_TASK: Final = 16


def main(argv: Sequence[str] | None = None) -> int:
    """Run all and print the tables."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.encode.preprocessing", description=__doc__)
    parser.add_argument(
        "--rounds", type=int, default=9, help="medians of so many rounds (default: %(default)s)"
    )
    parser.add_argument("--items", type=int, default=64, help="how many JPEG files (default: %(default)s)")
    parser.add_argument("--threads", type=int, help="threads of the second table (default: one a core)")
    parser.add_argument("--json", type=Path, metavar="OUT", help="write every timing there too")
    chosen = parser.parse_args(argv)
    os.environ.setdefault("OMP_WAIT_POLICY", "passive")
    import torch

    torch.set_num_threads(1)
    found, begun = machine.describe_machine(), machine.load_average()
    print(f"{machine.format_machine(found)}; load {begun:.2f}\n")
    results = []
    with tempfile.TemporaryDirectory() as folder:
        paths = write_photographs(Path(folder), chosen.items)
        for edge in EDGES:
            results.append(one_core(paths, edge, chosen.rounds))
            print(format_measured(results[-1]), "\n", flush=True)
        threads = chosen.threads or os.cpu_count() or 1
        results.append(many_cores(paths, threads, chosen.rounds))
        print(format_measured(results[-1]), "\n", flush=True)
        results.append(floats(paths, chosen.rounds))
        print(format_measured(results[-1]))
    print(f"\nload {begun:.2f} at the start, {machine.load_average():.2f} at the end")
    if chosen.json:
        document = {"machine": found, "cases": [result.to_plain() for result in results]}
        chosen.json.write_text(json.dumps(document, indent=1) + "\n", encoding="utf-8")
    return 0


def one_core(paths: Sequence[Path], edge: int, rounds: int) -> Measured:
    """Hold the card's steps against the ceiling of their libraries, and both against the transformers processor."""
    data = [path.read_bytes() for path in paths]
    work: dict[str, list[Callable[[], Any]]] = {}
    for kind in KINDS:
        work[f"ceiling, {kind}"] = [ceiling(kind, part, edge) for part in cut(data)]
        work[f"steps, {kind}"] = [prepared(kind, part, edge) for part in cut(paths)]
    work["transformers processor"] = [processor(part, edge) for part in cut(data)]
    timed = _alternating(work, items=len(paths), rounds=rounds)
    bars = [
        Bar(
            what=f"steps : ceiling, {kind}, processor time",
            reached=timed[f"steps, {kind}"].thrift_over(timed[f"ceiling, {kind}"]),
            at_least=0.9,
        )
        for kind in KINDS
    ]
    size = sum(map(len, data)) / len(data) / 1000
    return Measured(
        case=f"preprocessing to {edge}",
        what=f"{len(paths)} JPEG files of 500x400, {size:.0f} kB in the mean, 1 thread",
        timed=list(timed.values()),
        limit="ceiling, simplejpeg + torch",
        peer="transformers processor",
        bars=bars,
    )


def cut(whole: Sequence[Any]) -> list[Sequence[Any]]:
    """Return parts of as many images as the runner gives to one thread at once."""
    return [whole[start : start + _TASK] for start in range(0, len(whole), _TASK)]


def _alternating(
    work: Mapping[str, Sequence[Callable[[], Any]]], *, items: int, rounds: int
) -> dict[str, Timed]:
    """Time each variant part by part, in turns: within 20 ms, a busy machine is equally busy for all of them."""
    timed = {name: Timed(name=name, items=items) for name in work}
    for number in range(rounds + 1):  # the first one warms up
        wall_s, cpu_s = dict.fromkeys(work, 0.0), dict.fromkeys(work, 0.0)
        for place in range(len(next(iter(work.values())))):
            names = list(work)
            turn = (number + place) % len(names)
            for name in names[turn:] + names[:turn]:
                began = time.perf_counter(), time.thread_time()
                work[name][place]()
                wall_s[name] += time.perf_counter() - began[0]
                cpu_s[name] += time.thread_time() - began[1]
        for name, one in timed.items():
            if number:
                one.wall_s.append(wall_s[name])
                one.cpu_s.append(cpu_s[name])
    return timed


def many_cores(paths: Sequence[Path], threads: int, rounds: int) -> Measured:
    """Run the steps in one thread and in many, as the runner does; and a ceiling in many, for what the machine gives."""
    data, edge = [path.read_bytes() for path in paths], EDGES[0]
    kind = "simplejpeg + torch"
    work = {
        "steps": [prepared(kind, part, edge) for part in cut(paths)],
        "ceiling": [ceiling(kind, part, edge) for part in cut(data)],
    }
    variants = [
        Variant(name=f"{name}, {count} thread(s)", run=_in_threads(runs, count))
        for name, runs in work.items()
        for count in sorted({1, threads})
    ]
    timed = run_in_turns(variants, items=len(paths), rounds=rounds)

    def gain(name: str) -> float:
        return timed[f"{name}, {threads} thread(s)"].speed_over(timed[f"{name}, 1 thread(s)"]) / threads

    return Measured(
        case="preprocessing over cores",
        what=f"to {edge} pixels, {kind}, {threads} thread(s)",
        timed=list(timed.values()),
        bars=[
            Bar(
                what=f"steps: {threads} threads over {threads} times one", reached=gain("steps"), at_least=0.9
            )
        ],
        notes=[f"the ceiling's own gain on this machine, now: {gain('ceiling'):.2f}"],
    )


def floats(paths: Sequence[Path], rounds: int) -> Measured:
    """Time what makes floats of the rows: arithmetic, and the table that holds the same values."""
    import dataclasses

    import numpy as np
    import torch

    steps = card_steps("simplejpeg + torch", EDGES[0])
    rows = torch.from_numpy(np.stack(steps.prepare(items_of(paths[:_TASK]), str)))
    table = dataclasses.replace(steps.levels, arithmetic=None, _at={})
    assert torch.equal(steps.levels.floats(rows), table.floats(rows))
    variants = [
        Variant(name="arithmetic", run=lambda: steps.levels.floats(rows)),
        Variant(name="table", run=lambda: table.floats(rows)),
        Variant(
            name="rounding twice (other bits)", run=lambda: rows.permute(0, 3, 1, 2).float().mul_(1 / 255)
        ),
    ]
    timed = run_in_turns(variants, items=len(rows), rounds=rounds)
    return Measured(
        case="uint8 to floats",
        what=f"{len(rows)} rows of {EDGES[0]} x {EDGES[0]}, 1 thread",
        timed=list(timed.values()),
    )


def card_steps(kind: str, edge: int) -> Any:
    """Return a card's steps, ready to run."""
    from embver.encode.images import ImageSteps
    from embver.encode.preprocessing import parse_steps

    decode, resize = KINDS[kind]
    plain = [
        {"step": "decode", "exif_rotate": False, **decode},
        {"step": "resize", "size": edge, **resize},
        {"step": "center_crop", "size": edge},
        {"step": "rescale", "factor": 1 / 255},
        {"step": "normalize", "mean": _MEAN, "std": _STD},
    ]
    return ImageSteps.of(parse_steps("image", plain, path="preprocessing"))


def items_of(paths: Sequence[Path]) -> list[Any]:
    """Return one item a file."""
    from embver.encode.blob import Blob
    from embver.encode.spec import Item

    return [Item(id=path.name, blob=Blob.of(path)) for path in paths]


def prepared(kind: str, paths: Sequence[Path], edge: int) -> Callable[[], Any]:
    """Return a function that prepares all files as the runner has them prepared, a few at a time."""
    steps, items = card_steps(kind, edge), items_of(paths)

    def run() -> None:
        for start in range(0, len(items), _TASK):
            rows = steps.prepare(items[start : start + _TASK], str)
            assert not any(isinstance(row, str) for row in rows)

    return run


def ceiling(kind: str, data: Sequence[bytes], edge: int) -> Callable[[], Any]:
    """Return a function that decodes and resizes all of the bytes with a kind's libraries, and does nothing else."""
    if kind == "pillow":
        return lambda: [_by_pillow(each, edge) for each in data]
    least = 2 * edge if kind == "scaled decoding" else 0
    return lambda: [_by_simplejpeg(each, edge, least) for each in data]


def _by_pillow(data: bytes, edge: int) -> None:
    from PIL import Image

    image = Image.open(io.BytesIO(data)).convert("RGB")
    height, width = _extent(image.size[1], image.size[0], edge)
    image.resize((width, height), resample=Image.Resampling.BICUBIC)


def _by_simplejpeg(data: bytes, edge: int, least: int) -> None:
    import simplejpeg
    import torch

    pixels = simplejpeg.decode_jpeg(data, "RGB", min_height=least, min_width=least)
    batch = torch.from_numpy(pixels).unsqueeze(0).permute(0, 3, 1, 2)
    extent = _extent(pixels.shape[0], pixels.shape[1], edge)
    torch.nn.functional.interpolate(batch, size=extent, mode="bicubic", antialias=True)


def _extent(height: int, width: int, edge: int) -> tuple[int, int]:
    return (edge, int(edge * width / height)) if height < width else (int(edge * height / width), edge)


def processor(data: Sequence[bytes], edge: int) -> Callable[[], Any]:
    """Return a function that gives the images to the transformers processor for CLIP, 32 at once."""
    from PIL import Image
    from transformers.models.clip.image_processing_pil_clip import CLIPImageProcessorPil

    own = CLIPImageProcessorPil(size={"shortest_edge": edge}, crop_size={"height": edge, "width": edge})

    def run() -> None:
        for start in range(0, len(data), 32):
            images = [Image.open(io.BytesIO(each)) for each in data[start : start + 32]]
            own(images, return_tensors="pt")

    return run


def _in_threads(runs: Sequence[Callable[[], Any]], threads: int) -> Callable[[], Any]:
    def run() -> None:
        with ThreadPoolExecutor(threads) as pool:
            for done in [pool.submit(each) for each in runs]:
                done.result()

    return run


if __name__ == "__main__":
    sys.exit(main())
