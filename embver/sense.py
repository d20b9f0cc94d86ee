"""What no schema can say: fields of a card that contradict one another. Ground floor."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import PurePosixPath
from typing import Any

from embver.problem import Flaw

_FRACTION = (0.0, 1.0)


def check_sense(plain: Mapping[str, Any], *, folder: str | None = None) -> tuple[Flaw, ...]:
    """Return every contradiction in a card whose shape is right; `folder` is the name of the folder it lies in."""
    return (
        *_identity(plain, folder),
        *_space(plain),
        *_encoders(plain),
        *_artifacts(plain),
        *_benchmarks(plain),
    )


def _identity(plain: Mapping[str, Any], folder: str | None) -> Iterator[Flaw]:
    version = plain.get("version")
    if folder is None:
        return
    if folder == "next" and version is not None:
        yield Flaw(
            where=("version",),
            rule="version-in-next",
            message="the working version has no number yet: `embver release` writes it",
            hint="remove this line",
        )
    if folder not in ("next", version):
        yield Flaw(
            where=("version",) if version is not None else (),
            rule="version-is-folder",
            message=f"the card says {version or 'no version'}, its folder says {folder}",
            hint=f"version: {folder}",
        )


def _space(plain: Mapping[str, Any]) -> Iterator[Flaw]:
    space = plain["space"]
    served = space.get("served_dimensions") or ()
    for number, dimension in enumerate(served):
        if dimension > space["dimensions"]:
            yield Flaw(
                where=("space", "served_dimensions", number),
                rule="served-dimension-too-large",
                message=f"{dimension} is more than the vectors' {space['dimensions']} dimensions",
            )
    if space["metric"] == "hamming" and space.get("kind", "dense") != "binary":
        yield Flaw(
            where=("space", "metric"),
            rule="metric-against-kind",
            message="hamming distance is for binary vectors",
            hint="kind: binary, or another metric",
        )


def _encoders(plain: Mapping[str, Any]) -> Iterator[Flaw]:
    for modality, encoder in plain["encoders"].items():
        for number, step in enumerate(encoder.get("preprocessing") or ()):
            if step.get("step") == "tokenize" and "max_length" not in step:
                yield Flaw(
                    where=("encoders", modality, "preprocessing", number),
                    rule="tokenizer-needs-max-length",
                    message="a tokenize step without max_length cuts texts nobody knows where",
                    hint="max_length: 77",
                )
    named = {
        artifact.get("modality") for artifact in plain.get("artifacts") or () if artifact["role"] == "vectors"
    }
    for modality in sorted(named - set(plain["encoders"]) - {None}):
        yield Flaw(
            where=("artifacts",),
            rule="modality-without-encoder",
            message=f"there are {modality} vectors, but no encoders.{modality}",
        )


def _artifacts(plain: Mapping[str, Any]) -> Iterator[Flaw]:
    seen = set()
    for number, artifact in enumerate(plain.get("artifacts") or ()):
        path = PurePosixPath(artifact["path"])
        where = ("artifacts", number, "path")
        if path.is_absolute() or ".." in path.parts or ".git" in path.parts or "\\" in artifact["path"]:
            yield Flaw(
                where=where,
                rule="artifact-path",
                message=f"{artifact['path']!r} does not stay in the version's folder",
                hint="a path relative to the card, such as image.safetensors",
            )
        if artifact["path"] in seen:
            yield Flaw(where=where, rule="artifact-twice", message=f"{artifact['path']} is listed twice")
        seen.add(artifact["path"])


def _benchmarks(plain: Mapping[str, Any]) -> Iterator[Flaw]:
    for number, benchmark in enumerate(plain.get("benchmarks") or ()):
        for index, metric in enumerate(benchmark.get("metrics") or ()):
            where: tuple[str | int, ...] = ("benchmarks", number, "metrics", index)
            value, interval = metric["value"], metric.get("ci")
            if value is None:
                continue
            if metric.get("unit", "fraction") == "fraction" and not _FRACTION[0] <= value <= _FRACTION[1]:
                yield Flaw(
                    where=(*where, "value"),
                    rule="metric-range",
                    message=f"{metric['key']} is {value}, which is no fraction",
                    hint="unit: percent, or a value between 0 and 1",
                )
            if interval and not interval["low"] <= value <= interval["high"]:
                yield Flaw(
                    where=(*where, "ci"),
                    rule="interval-holds-value",
                    message=f"{value} lies outside its interval {interval['low']} to {interval['high']}",
                )
