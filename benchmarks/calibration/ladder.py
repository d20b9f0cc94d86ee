"""The ladder: which changes are tried, of which kind, in full, quickly, or as a test does."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import pairwise

import torch
from PIL import Image, ImageOps

from benchmarks.calibration import geometry
from benchmarks.calibration.encoder import Serving, cleaned, cropped, recoded
from benchmarks.calibration.geometry import BOTH, Change
from benchmarks.calibration.learning import Run
from benchmarks.calibration.population import Probe

STEPS = (1, 3, 10, 30, 100, 300, 1000)
CHAIN_STEPS = tuple(range(10, 101, 10))
SUMS = (2, 5, 10)
"""The links of a chain that are taken together."""
CLIP_MEAN, CLIP_STD = (0.48145466, 0.4578275, 0.40821073), (0.26862954, 0.26130258, 0.27577711)


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """Two kept sets of vectors, an old and a new one, and what lies between them."""

    key: str
    kind: str
    title: str
    new: str
    old: str = "base"


@dataclass(frozen=True, slots=True, kw_only=True)
class Served:
    """The base's weights, served in another way."""

    kind: str
    title: str
    serving: Serving


@dataclass(frozen=True, slots=True, kw_only=True)
class Altered:
    """The base's vectors, changed by a known amount."""

    kind: str
    title: str
    change: Change
    towers: tuple[str, ...] = BOTH


@dataclass(frozen=True, slots=True, kw_only=True)
class Ladder:
    """Everything that one calibration tries; `chains` are runs whose every step is a version of its own."""

    name: str
    limit: int | None
    base_steps: int
    draws: int
    probes: tuple[Probe, ...]
    served: Mapping[str, Served]
    runs: tuple[Run, ...]
    altered: Mapping[str, Altered]
    chains: tuple[Run, ...] = ()

    @property
    def largest(self) -> int:
        """Return the emoji of the largest probe set; the others are held out."""
        return max(probe.emoji for probe in self.probes)

    def cases(self) -> list[Case]:
        """Return every pair of versions that is judged and tried."""
        found = [Case(key=key, kind=one.kind, title=one.title, new=key) for key, one in self.served.items()]
        for run in self.runs:
            kind = "from scratch" if run.scratch else "data added" if run.all_styles else "trained on"
            found += [
                Case(key=f"{run.name}-{step}", kind=kind, title=f"{run.title}, {step:,} step{'s' if step > 1 else ''}", new=f"{run.name}-{step}")
                for step in run.steps
            ]  # fmt: skip
        found += [Case(key=key, kind=one.kind, title=one.title, new=key) for key, one in self.altered.items()]
        for run in self.chains:
            names = ["base", *(f"{run.name}-{step}" for step in run.steps)]
            for number, (old, new) in enumerate(pairwise(names), start=1):
                title = f"{run.title}: link {number}"
                found.append(
                    Case(key=f"{run.name}-link-{number}", kind="chain, link", title=title, old=old, new=new)
                )
                if number in SUMS:
                    title = f"{run.title}: links 1 to {number}"
                    found.append(
                        Case(key=f"{run.name}-sum-{number}", kind="chain, sum", title=title, new=new)
                    )
        return found


def ladder(name: str) -> Ladder:
    """Return the ladder of this name: `full`, `quick` or `tiny`."""
    return {"full": full, "quick": quick, "tiny": tiny}[name]()


def full() -> Ladder:
    """Return the whole ladder."""
    return Ladder(
        name="full",
        limit=None,
        base_steps=300,
        draws=4,
        probes=(
            Probe(name="256", emoji=256),
            Probe(name="512", emoji=512),
            Probe(name="1024", emoji=1024),
            Probe(name="1024, clean names only", emoji=1024, draws=1, wordings=("clean",)),
        ),
        served=serving_rungs(),
        runs=(*trainings(STEPS), *retrainings(300)),
        altered=altered_rungs(),
        chains=(
            Run(name="chain-plain", title="chain, no compatibility loss", steps=CHAIN_STEPS, learning_rate=5e-5, seed=7),
            Run(name="chain-pull", title="chain, pull 5", steps=CHAIN_STEPS, learning_rate=5e-5, pull=5.0, seed=8),
        ),
    )  # fmt: skip


def quick() -> Ladder:
    """Return a short ladder: fewer steps, rungs, probes and draws."""
    served, altered = serving_rungs(), altered_rungs()
    some = ("batch-16", "compute-bf16", "resize-bilinear", "jpeg-75", "grey", "case-kept")
    few = (
        "stored-int8",
        "shift-image-0.05",
        "shift-image-0.4",
        "turn-image-0.4",
        "turn-both-0.8",
        "noise-0.1",
    )
    return Ladder(
        name="quick",
        limit=None,
        base_steps=150,
        draws=2,
        probes=(Probe(name="256", emoji=256), Probe(name="1024", emoji=1024)),
        served={key: served[key] for key in some},
        runs=(trainings((1, 10, 50))[0], trainings((1, 10, 50))[4], retrainings(80)[0]),
        altered={key: altered[key] for key in few},
    )  # fmt: skip


def tiny() -> Ladder:
    """Return three rungs whose verdicts are plain, for a test."""
    return Ladder(
        name="tiny",
        limit=400,
        base_steps=60,
        draws=1,
        probes=(Probe(name="256", emoji=256),),
        served={"batch-16": serving_rungs()["batch-16"]},
        runs=(Run(name="plain", title="no compatibility loss", steps=(2,), learning_rate=1e-7),),
        altered={"turn-both-0.8": altered_rungs()["turn-both-0.8"]},
    )


def trainings(steps: tuple[int, ...]) -> tuple[Run, ...]:
    """Return the trainings on from the base."""
    plain = "no compatibility loss"
    return (
        Run(name="plain", title=f"{plain}, rate 3e-4", steps=steps),
        Run(name="plain-seed", title=f"{plain}, rate 3e-4, other batches", steps=steps, seed=1),
        Run(name="plain-slow", title=f"{plain}, rate 3e-5", steps=steps, learning_rate=3e-5, seed=2),
        Run(name="plain-batch", title=f"{plain}, rate 3e-4, batches of 64", steps=steps, batch_size=64, seed=3),
        Run(name="pull-25", title="pulled to the old vectors, weight 25", steps=steps[1:], pull=25.0),
        Run(name="pull-5", title="pulled to the old vectors, weight 5", steps=steps[1:], pull=5.0, seed=1),
        Run(name="cross", title="contrast with the old vectors", steps=steps, cross=1.0),
        Run(name="cross-slow", title="contrast with the old vectors, rate 3e-5", steps=steps, cross=1.0, learning_rate=3e-5, seed=1),
        Run(name="added-pull-25", title="unseen pictures added, pull 25", steps=steps[-3:], pull=25.0, all_styles=True),
        Run(name="added", title="unseen pictures added, no compatibility loss", steps=steps[-3:], all_styles=True),
    )  # fmt: skip


def retrainings(steps: int) -> tuple[Run, ...]:
    """Return the trainings from a new seed."""
    last = (steps,)
    return (
        Run(name="seed", title="another seed", steps=last, scratch=True),
        Run(name="seed-cross", title="another seed, contrast with the old vectors", steps=last, scratch=True, cross=1.0),
        Run(name="seed-pull", title="another seed, pulled to the old vectors, weight 25", steps=last, scratch=True, pull=25.0),
        Run(name="longer", title="another seed, 96 dimensions", steps=last, scratch=True, dimensions=96),
    )  # fmt: skip


def serving_rungs() -> dict[str, Served]:
    """Return the base's weights served in other ways."""
    kernels = Image.Resampling
    floor, precision, pictures, texts = "noise floor", "precision", "pictures read", "texts read"
    rungs = {
        "batch-16": (floor, "batches of 16 instead of 256", Serving(batch_size=16)),
        "batch-1": (floor, "one row at a time", Serving(batch_size=1)),
        "compute-bf16": (precision, "computed in bfloat16", Serving(dtype=torch.bfloat16)),
        "compute-fp16": (precision, "computed in float16", Serving(dtype=torch.float16)),
        "weights-int8": (precision, "weights of 8 bits", Serving(weight_bits=8)),
        "weights-int6": (precision, "weights of 6 bits", Serving(weight_bits=6)),
        "weights-int4": (precision, "weights of 4 bits", Serving(weight_bits=4)),
        "resize-bilinear": (pictures, "resized bilinear, not bicubic", Serving(resample=kernels.BILINEAR)),
        "resize-lanczos": (pictures, "resized by Lanczos", Serving(resample=kernels.LANCZOS)),
        "resize-box": (pictures, "resized by box", Serving(resample=kernels.BOX)),
        "resize-nearest": (pictures, "resized to the nearest pixel", Serving(resample=kernels.NEAREST)),
        "crop-1": (pictures, "1 of 32 pixels cropped off each side", Serving(prepare=cropped(1))),
        "crop-2": (pictures, "2 of 32 pixels cropped off", Serving(prepare=cropped(2))),
        "crop-4": (pictures, "4 of 32 pixels cropped off", Serving(prepare=cropped(4))),
        "mean-std": (pictures, "CLIP's mean and deviation", Serving(mean=CLIP_MEAN, std=CLIP_STD)),
        "grey": (pictures, "colours lost", Serving(prepare=lambda image: ImageOps.grayscale(image).convert("RGB"))),
        "bgr": (pictures, "red and blue swapped", Serving(prepare=_swapped)),
        "jpeg-95": (pictures, "through JPEG, quality 95", Serving(prepare=recoded("JPEG", 95))),
        "jpeg-75": (pictures, "through JPEG, quality 75", Serving(prepare=recoded("JPEG", 75))),
        "jpeg-40": (pictures, "through JPEG, quality 40", Serving(prepare=recoded("JPEG", 40))),
        "webp-80": (pictures, "through WebP, quality 80", Serving(prepare=recoded("WEBP", 80))),
        "case-kept": (texts, "lower-casing lost", Serving(clean=lambda text: " ".join(text.replace("_", " ").replace(":", " ").split()))),
        "short-codes-kept": (texts, "short codes no longer split", Serving(clean=str.lower)),
        "prompt": (texts, "a prompt put before every text", Serving(clean=lambda text: f"picture of {cleaned(text)}")),
        "length-6": (texts, "cut after 6 tokens, not 16", Serving(max_length=6)),
        "length-4": (texts, "cut after 4 tokens", Serving(max_length=4)),
    }  # fmt: skip
    return {
        key: Served(kind=kind, title=title, serving=serving) for key, (kind, title, serving) in rungs.items()
    }


def altered_rungs() -> dict[str, Altered]:
    """Return the base's vectors changed by known amounts."""
    stored = "precision"
    rungs = {
        "stored-fp16": Altered(kind=stored, title="stored as float16", change=geometry.half),
        "stored-bf16": Altered(kind=stored, title="stored as bfloat16", change=geometry.brain),
        "stored-int8": Altered(kind=stored, title="stored as 8 bits", change=geometry.rounded_to_integers(8)),
        "stored-int4": Altered(kind=stored, title="stored as 4 bits", change=geometry.rounded_to_integers(4)),
        "prefix-48": Altered(
            kind="dimension", title="the first 48 of 64 numbers", change=geometry.prefix(48)
        ),
    }
    for length in (0.05, 0.1, 0.2, 0.4, 0.8):
        title = f"image tower shifted by {length}"
        rungs[f"shift-image-{length}"] = Altered(
            kind="mean shift", title=title, change=geometry.shifted(length), towers=("image",)
        )
    for towers, name in ((("image",), "image"), (BOTH, "both")):
        for angle in (0.1, 0.2, 0.4, 0.8):
            title = f"{name} tower{'s' if name == 'both' else ''} turned by {angle}"
            rungs[f"turn-{name}-{angle}"] = Altered(
                kind="rotation", title=title, change=geometry.rotated(angle), towers=towers
            )
    for length in (0.05, 0.1, 0.2, 0.3):
        rungs[f"noise-{length}"] = Altered(
            kind="noise", title=f"noise of length {length}", change=geometry.noised(length)
        )
    return rungs


def _swapped(image: Image.Image) -> Image.Image:
    red, green, blue = image.split()
    return Image.merge("RGB", (blue, green, red))
