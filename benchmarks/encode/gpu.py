"""Images on an accelerator: the raw forward, cached pixels, JPEG files, and whether the bytes are the same each time.

    python -m benchmarks.encode gpu [--shape vit-b32 vit-l14] [--compute bfloat16] [--json OUT]

Needs torch, transformers, numpy, safetensors and Pillow, and no more; simplejpeg is taken where it is installed. No
Git, no installation of embver: run it in a checkout. `--device cpu --tiny` shows on any machine that it runs.
"""

from __future__ import annotations

import argparse
import importlib.util
import json
import os
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final

from benchmarks.encode import machine, ours
from benchmarks.encode.accelerated import CachedRows, decode_limit, determinism, raw_rates
from benchmarks.encode.inputs import write_photographs
from benchmarks.encode.models import SHAPES, Shape, image_steps, save_model
from benchmarks.encode.rounds import Bar

_SHARD_ROWS: Final = 16_384
# Of the table: from cached pixels, and from JPEG files, of the raw forward or of the smaller of both limits.
_CACHED: Final = 0.95
_FROM_JPEG: Final = {"vit-l14": ("raw forward", 0.95), "vit-b32": ("the smaller limit", 0.9)}


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Setting:
    """One encoder on its device, and the files that it reads again and again."""

    shape: Shape
    encoder: Any
    paths: list[Path]
    workers: int
    chosen: argparse.Namespace


def main(argv: Sequence[str] | None = None) -> int:
    """Measure the shapes that are asked for; print tables, write JSON."""
    chosen = _parser().parse_args(argv)
    from embver.encode.runtime import load_torch, pick_device, quiet_transformers

    torch = load_torch()
    device = pick_device(chosen.device)
    found = machine.describe_machine() | {"device": _device(torch, device)}
    workers = chosen.workers or os.cpu_count() or 1
    print(
        f"{machine.format_machine(found)}\n{found['device']}; {workers} workers; {chosen.compute}\n",
        flush=True,
    )
    results = []
    with tempfile.TemporaryDirectory() as root, quiet_transformers():
        pictures = Path(root) / "pictures"
        pictures.mkdir()
        paths = write_photographs(pictures, 32 if chosen.tiny else chosen.files)
        for name in ["tiny"] if chosen.tiny else chosen.shape:
            shape = SHAPES[name]
            folder = save_model(Path(root) / name, shape)
            steps = image_steps(shape, *_pixels())
            encoder = ours.load(
                shape, folder, "image", steps, threads=1, compute=chosen.compute, device=device
            )
            setting = _Setting(shape=shape, encoder=encoder, paths=paths, workers=workers, chosen=chosen)
            results.append(_measure(setting))
    if chosen.json:
        document = {"machine": found, "workers": workers, "compute": chosen.compute, "shapes": results}
        chosen.json.write_text(json.dumps(document, indent=1) + "\n", encoding="utf-8")
    return 0 if all(one["determinism"][key] for one in results for key in one["determinism"]) else 1


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.encode gpu",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--device", default="auto", help="auto, cuda, cuda:N or cpu")
    parser.add_argument("--shape", nargs="+", choices=["vit-b32", "vit-l14"], default=["vit-b32", "vit-l14"])
    parser.add_argument("--compute", choices=["bfloat16", "float16", "float32"], default="bfloat16")
    parser.add_argument(
        "--rounds", type=int, default=5, help="medians of so many rounds (default: %(default)s)"
    )
    parser.add_argument("--seconds", type=float, default=4.0, help="about how long one timing takes")
    parser.add_argument("--files", type=int, default=2048, help="different JPEG files (default: %(default)s)")
    parser.add_argument("--workers", type=int, help="threads that decode (default: all cores)")
    parser.add_argument(
        "--rows", type=int, nargs="+", default=[64, 128, 256, 512, 1024], help="batches that are tried"
    )
    parser.add_argument(
        "--tiny", action="store_true", help="a tiny model: shows that it runs, measures nothing"
    )
    parser.add_argument("--json", type=Path, metavar="OUT")
    return parser


def _measure(setting: _Setting) -> dict[str, Any]:
    """Measure one shape: limits and pipelines in turns, then determinism; print and return all."""
    shape, chosen = setting.shape, setting.chosen
    tries = [4, 16] if chosen.tiny else chosen.rows
    raw = raw_rates(setting.encoder, tries, seconds=0.05 if chosen.tiny else chosen.seconds / 2)
    best = max(raw, key=lambda rows: raw[rows])
    count = max(64, int(raw[best] * (0.05 if chosen.tiny else chosen.seconds)))
    if not chosen.tiny:  # the files again and again: a few thousand are gone before the threads have begun
        files_per_s = min(raw[best], decode_limit(setting.encoder, setting.paths, setting.workers))
        times = max(1, round(files_per_s * chosen.seconds / len(setting.paths)))
        setting = replace(setting, paths=setting.paths * times)
    plain, tuned = ours.plan_of("strict"), _plan_for(setting.encoder, best)
    timings: dict[str, Callable[[], float]] = {
        "raw forward": lambda: raw_rates(setting.encoder, [best], seconds=0.05 if chosen.tiny else chosen.seconds)[best],
        "decode limit": lambda: decode_limit(setting.encoder, setting.paths, setting.workers),
        "cached pixels": lambda: _cached(setting, count, plain),
        f"cached pixels, {best} a batch": lambda: _cached(setting, count, tuned),
        "cached pixels, fast": lambda: _cached(setting, count, ours.plan_of("fast")),
        "JPEG files": lambda: _from_files(setting, plain),
    }  # fmt: skip
    rates: dict[str, list[float]] = {name: [] for name in timings}
    for _ in range(1 if chosen.tiny else chosen.rounds):
        for name, run in timings.items():
            rates[name].append(run())
    medians = {name: statistics.median(found) for name, found in rates.items()}
    shares = _shares(setting, plain)
    same = determinism(setting.encoder, setting.paths[:512], workers=setting.workers)
    bars = _bars(shape.name, medians)
    limit = min(("raw forward", "decode limit"), key=lambda name: medians[name])
    _print(shape, raw, medians, bars, shares, same, limit)
    return {
        "shape": shape.name,
        "raw_by_rows": raw,
        "rates": rates,
        "bars": [{"what": bar.what, "reached": bar.reached, "at_least": bar.at_least, "is_met": bar.is_met} for bar in bars],
        "stages": shares,
        "limit": limit,
        "determinism": same,
    }  # fmt: skip


def _bars(name: str, medians: dict[str, float]) -> list[Bar]:
    raw, limit = medians["raw forward"], min(medians["raw forward"], medians["decode limit"])
    what, wanted = _FROM_JPEG.get(name, ("the smaller limit", 0.9))
    over = raw if what == "raw forward" else limit
    return [
        Bar(what="cached pixels : raw forward", reached=medians["cached pixels"] / raw, at_least=_CACHED),
        Bar(what=f"JPEG files : {what}", reached=medians["JPEG files"] / over, at_least=wanted),
    ]


def _plan_for(encoder: Any, rows: int) -> Any:
    return ours.plan_of("strict", rows=max(16, rows), tokens=max(16, rows) * encoder.steps.tokens_a_row)


def _cached(setting: _Setting, count: int, plan: Any) -> float:
    """Return images a second of the whole pipeline but for reading and decoding: pixels lie in memory."""
    steps = CachedRows.of(setting.encoder.steps, setting.paths[:256])
    items = steps.items(count)
    return _rate(replace(setting.encoder, steps=steps), items, plan, workers=None)


def _from_files(setting: _Setting, plan: Any) -> float:
    """Return images a second from JPEG files: each is read and decoded once."""
    return _rate(setting.encoder, ours.image_items(setting.paths), plan, workers=setting.workers)


def _rate(encoder: Any, items: Sequence[Any], plan: Any, *, workers: int | None, meter: Any = None) -> float:
    from embver.encode.runner import encode_sections

    sections = [items[start : start + _SHARD_ROWS] for start in range(0, len(items), _SHARD_ROWS)]
    begun = time.perf_counter()
    done = sum(
        len(section.vectors)
        for section in encode_sections(encoder, sections, batch=plan, workers=workers, meter=meter)
    )
    return done / (time.perf_counter() - begun)


def _shares(setting: _Setting, plan: Any) -> dict[str, float]:
    """Return each stage's share of the work, from JPEG files, as the command's summary tells it."""
    from embver.encode.meter import Meter

    meter = Meter()
    _rate(setting.encoder, ours.image_items(setting.paths), plan, workers=setting.workers, meter=meter)
    return dict(meter.figures().shares)


def _pixels() -> tuple[dict[str, Any], dict[str, Any]]:
    library = "simplejpeg" if importlib.util.find_spec("simplejpeg") else "pillow"
    return {"library": library}, {"library": "torch"}


def _device(torch: Any, device: str) -> str:
    if not device.startswith("cuda"):
        return "no accelerator"
    return f"{torch.cuda.get_device_name(device)}, CUDA {torch.version.cuda}, cuDNN {torch.backends.cudnn.version()}"


def _print(
    shape: Shape,
    raw: dict[int, float],
    medians: dict[str, float],
    bars: Sequence[Bar],
    shares: dict[str, float],
    same: dict[str, bool],
    limit: str,
) -> None:
    print(f"### {shape.name}\n")
    print("raw forward by batch: " + ", ".join(f"{rows}: {rate:,.0f}/s" for rows, rate in raw.items()) + "\n")
    print("| what | images/s | of the raw forward |\n|---|---:|---:|")
    for name, rate in medians.items():
        print(f"| {name} | {rate:,.0f} | {rate / medians['raw forward']:.3f} |")
    print("\n| what | reached | bar | met |\n|---|---:|---:|---|")
    for bar in bars:
        print(bar.format())
    stages = ", ".join(f"{stage} {share:.0%}" for stage, share in shares.items())
    print(f"\n- the limit here: {limit}; shares of the stages' work from JPEG files: {stages}")
    for name, is_same in same.items():
        print(f"- {name}: {'the same bytes' if is_same else '**other bytes**'}")
    print(flush=True)


if __name__ == "__main__":
    sys.exit(main())
