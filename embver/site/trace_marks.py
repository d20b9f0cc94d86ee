"""The marks of steps that are more than noise, in the drawing of a metric over versions. Pure."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from embver.series import Series, Step
from embver.site.text import escape, number

WIDTH, LEFT = 640.0, 50.0  # of the drawing
# Words beside a mark need this room, in drawing units; where steps stand closer, the greatest keep theirs.
_WORDS_WIDTH = 104.0
_MOST_TITLES = 12  # beyond, the table says it
_MOST_DRAWN = 60  # steps that have a mark: the greatest

Place = Callable[[float], float]


def version_of(reference: str) -> str:
    """Return the version of NAME@VERSION."""
    return reference.rpartition("@")[2]


def marks(series: Series, where: Mapping[str, int], x: Place, y: Place) -> list[str]:
    """Return a triangle for each step that is more than noise: up where the number rose, with words where there is room."""
    moved = [step for step in series.steps if step.is_significant and step.to in where]
    if len(moved) > _MOST_DRAWN:
        moved = sorted(moved, key=lambda step: -abs(step.delta or 0.0))[:_MOST_DRAWN]
    worded = _worded(moved, where, x)
    has_titles = len(moved) <= _MOST_TITLES
    shapes: dict[str, list[str]] = {}
    parts = []
    for step in moved:
        if step.after is None or step.delta is None:
            continue
        at, height = x(where[step.to]), y(step.after)
        is_up, tone = step.delta > 0, "better" if step.verdict == "improvement" else "worse"
        shape = f"M{at:.1f} {height - 7:.1f}l7 12h-14z" if is_up else f"M{at:.1f} {height + 7:.1f}l7 -12h-14z"
        if has_titles:
            says = f"{version_of(step.to)}: {number(step.delta, signed=True)}, {step.verdict}"
            title = f" <title>{escape(says)}</title>"
            parts.append(f'<path class="ev-mark ev-{tone}" d="{shape}">{title}</path>')
        else:
            shapes.setdefault(tone, []).append(shape)
        if step.to in worded:
            beside = height - 13 if is_up else height + 22
            start, anchor = _word_place(at)
            parts.append(
                f' <text class="ev-word ev-{tone}" x="{start:.1f}" y="{beside:.1f}" text-anchor="{anchor}">'
                f"{number(step.delta, signed=True)} {tone}</text>"
            )
    many = [f'<path class="ev-mark ev-{tone}" d="{"".join(drawn_)}"/>' for tone, drawn_ in shapes.items()]
    return [*many, *parts]


def _word_place(at: float) -> tuple[float, str]:
    """Return where words to a mark begin or end: within the drawing, also in a narrow screen's larger letters."""
    if at > WIDTH - 0.7 * _WORDS_WIDTH:
        return min(at + 14, WIDTH - 4), "end"
    if at < LEFT + 0.4 * _WORDS_WIDTH:
        return at - 14, "start"
    return at, "middle"


def _worded(moved: Sequence[Step], where: Mapping[str, int], x: Place) -> set[str]:
    """Return the steps whose words fit, the greatest first."""
    placed: list[float] = []
    worded = set()
    for step in sorted(moved, key=lambda each: -abs(each.delta or 0.0)):
        at = x(where[step.to])
        if all(abs(at - other) >= _WORDS_WIDTH for other in placed):
            placed.append(at)
            worded.add(step.to)
    return worded
