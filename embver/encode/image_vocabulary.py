"""The steps that a card may name for images, what each takes, and what they must be together."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Any, Final

from embver.encode.parameters import REQUIRED, Parameter, Step, count, is_number, one_of

BACKGROUNDS: Final = MappingProxyType({"white": (255, 255, 255), "black": (0, 0, 0)})
# Where Pillow takes an image for an attack: 683 MiB in its memory, four bytes a pixel.
MAX_PIXELS: Final = 178_956_970
# What torch's kernel for uint8 knows; measured, it differs from Pillow by one level in 0.5 % of the values.
TORCH_INTERPOLATIONS: Final = ("bicubic", "bilinear")

GEOMETRY: Final = ("resize", "center_crop", "pad")


def _is_channels(value: Any) -> bool:
    return isinstance(value, Sequence) and len(value) == 3 and all(is_number(number) for number in value)


def _is_colour(value: Any) -> bool:
    if isinstance(value, str):
        return value in BACKGROUNDS
    return _is_channels(value) and all(isinstance(part, int) and 0 <= part <= 255 for part in value)


def _colour(default: Any = REQUIRED) -> Parameter:
    return Parameter(accepts=_is_colour, expected="white, black or [red, green, blue]", default=default)


def _extent() -> dict[str, Parameter]:
    return {"size": count(None), "height": count(None), "width": count(None)}


IMAGE_STEPS: Final[Mapping[str, Mapping[str, Parameter]]] = {
    "decode": {
        "library": one_of("pillow", "simplejpeg", default="pillow"),
        "exif_rotate": one_of(True, False),
        "mode": one_of("RGB", default="RGB"),
        "background": _colour("white"),  # what the transformers processors lay transparent images on
        "scale": count(None),
        "max_pixels": count(MAX_PIXELS),
    },
    "resize": {
        **_extent(),
        "edge": one_of("shortest", "longest", default="shortest"),
        "interpolation": one_of("bicubic", "bilinear", "nearest", "lanczos", "box", "hamming"),
        "antialias": one_of(True, default=True),  # the filters of both libraries widen with the scale
        "library": one_of("pillow", "torch", default="pillow"),
    },
    "center_crop": _extent(),
    "pad": {
        **_extent(),
        "square": one_of(True, default=None),
        "where": one_of("end", "center"),
        "background": _colour(),
    },
    "rescale": {
        "factor": Parameter(accepts=is_number, expected="a number"),
        "offset": Parameter(accepts=is_number, expected="a number", default=0),
    },
    "normalize": {
        "mean": Parameter(accepts=_is_channels, expected="three numbers"),
        "std": Parameter(
            accepts=lambda value: _is_channels(value) and all(value), expected="three numbers other than 0"
        ),
    },
}


def extent_problem(name: str, entry: Mapping[str, Any]) -> str | None:
    """Return what is wrong with the size that a step of geometry gives, as `.parameter: words`."""
    given = {"size", "height", "width"} & set(entry)
    if name == "pad" and "square" in entry:
        return ".square: goes without size, height and width" if given else None
    if given not in ({"size"}, {"height", "width"}):
        also = " or square," if name == "pad" else ""
        return f".size: either size, or height and width together,{also} is expected"
    if "edge" in entry and "size" not in given:
        return ".edge: goes with size, not with height and width"
    return None


def image_problems(steps: Sequence[Step], path: str) -> list[str]:
    """Return what is wrong with checked steps together, each with its card path."""
    problems = [
        f"{step.path}.interpolation: torch knows {' and '.join(TORCH_INTERPOLATIONS)} only"
        for step in steps
        if step.name == "resize"
        and step["library"] == "torch"
        and step["interpolation"] not in TORCH_INTERPOLATIONS
    ]
    decode = steps[0]
    if decode["scale"] is not None:
        if decode["library"] != "simplejpeg":
            problems.append(f"{decode.path}.scale: goes with library: simplejpeg")
        if len(steps) < 2 or steps[1].name != "resize":
            problems.append(f"{decode.path}.scale: goes with a resize right after decode")
    bound: tuple[int, int] | None = None
    is_exact = False
    for step in steps:
        if step.name == "pad" and not step["square"]:
            extent = extent_of(step)
            if bound is None or extent is None or bound[0] > extent[0] or bound[1] > extent[1]:
                problems.append(
                    f"{step.path}: images may be larger than that; resize the longest edge before it"
                )
        if step.name in GEOMETRY:
            bound, is_exact = _bound_after(step, bound, is_exact)
    if not problems and not is_exact:
        problems.append(
            f"{path}: images keep different shapes; end with center_crop or pad, or resize to height and width"
        )
    return problems


def _bound_after(
    step: Step, bound: tuple[int, int] | None, is_exact: bool
) -> tuple[tuple[int, int] | None, bool]:
    """Return what no image exceeds after a step, (height, width) or None, and whether all have just that."""
    extent = extent_of(step)
    if extent is not None:
        return extent, True
    if step.name == "resize":
        return ((step["size"], step["size"]) if step["edge"] == "longest" else None), False
    edge = max(bound) if bound is not None else None  # a square of the longest edge
    return ((edge, edge) if edge is not None else None), is_exact


def final_extent(steps: Sequence[Step]) -> tuple[int, int] | None:
    """Return (height, width) that every image has after the steps, or None if it depends on the image."""
    bound: tuple[int, int] | None = None
    is_exact = False
    for step in steps:
        if step.name in GEOMETRY:
            bound, is_exact = _bound_after(step, bound, is_exact)
    return bound if is_exact else None


def extent_of(step: Step) -> tuple[int, int] | None:
    """Return the (height, width) that a step of geometry gives, None if it depends on the image."""
    if step["height"] is not None:
        return (step["height"], step["width"])
    if step["size"] is None or step.name == "resize":
        return None
    return (step["size"], step["size"])
