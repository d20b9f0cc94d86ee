"""Write the page of the rules from their table, with a wrong and a right example each from the tests' own cards.

`examples/reference.py` writes the page with the others; `python -m examples.rules_reference` writes it alone.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final

from embver.cardrules import RULES, CardRule

ROOT: Final = Path(__file__).resolve().parent.parent
PAGE: Final = ROOT / "site" / "reference" / "rules.md"
CARDS: Final = ROOT / "tests" / "data" / "cards"
EXPECT: Final = re.compile(r"# expect: (?P<problems>.+?)(?: in (?P<folder>[\w.-]+))?")
# The first card by name is the example, but for these.
_PREFERRED: Final = {"yaml-syntax": "open-bracket", "tag": "tag-python", "pattern": "name-capital"}
_BASES: Final = ("small", "released", "own-fields", "example")
_LINES: Final = 6
_WIDTH: Final = 110
_KINDS: Final = {
    "text": ("The text", "What YAML readers take differently, or what can be turned against them, is refused."),
    "shape": ("The shape", "What the [schema](card.md) says of each field by itself."),
    "sense": ("The sense", "Fields that contradict one another. What has the wrong shape is left out of these checks."),
    "truth": ("The truth", "The card against the files beside it, and against what it was made from in this repository."),
    "frozen": ("What is released", "A released card against the digest that its tag carries."),
}  # fmt: skip


def rules_page() -> str:
    """Return the page."""
    lead = (
        "`embver validate` lists every problem as `file:line:column: what is wrong [rule] -> hint`. The names in "
        "brackets are stable. Examples are files of embver's own tests, cut to the lines that matter."
    )
    note = "<!-- Written by examples/rules_reference.py. Do not edit: run it again. -->"
    blocks = ["# The rules", note, lead]
    examples = _examples()
    for kind, (title, words) in _KINDS.items():
        blocks += [f"## {title}", words]
        for rule in RULES.values():
            if rule.kind == kind:
                blocks += _entry(rule, examples.get(rule.name))
    return "\n\n".join(blocks) + "\n"


def expected(file: Path) -> tuple[list[tuple[str, int]], str | None]:
    """Return the problems (rule, line) that a card of the invalid folder names in its first line, and its folder."""
    first = file.read_bytes().splitlines()[0].removeprefix(b"\xef\xbb\xbf").decode()
    match = EXPECT.fullmatch(first)
    assert match is not None, f"{file.name} says nothing of what is expected"
    pairs = (entry.split(" at ") for entry in match["problems"].split(", "))
    return [(rule, int(line)) for rule, line in pairs], match["folder"]


def _entry(rule: CardRule, file: Path | None) -> Iterator[str]:
    yield f"### {rule.name}"
    yield f"**{rule.title}.** {rule.what} {rule.mend}"
    if file is not None:
        wrong, right, base = _difference(file)
        _, folder = expected(file)
        if folder:
            wrong = _lines(file)[1:4]
        lies = f", which lies in `{folder}/`" if folder else ""
        yield f"Wrong (`{file.relative_to(ROOT).as_posix()}`{lies}):"
        yield _fence(wrong)
        if right and not folder:
            yield f"Right (`{base.relative_to(ROOT).as_posix()}`):"
            yield _fence(right)


def _fence(lines: Sequence[str]) -> str:
    shown = [line if len(line) <= _WIDTH else f"{line[: _WIDTH - 2]} …" for line in lines[:_LINES]]
    return "\n".join(["```yaml", *shown, *(["…"] if len(lines) > _LINES else []), "```"])


def _examples() -> dict[str, Path]:
    """Return for each rule the first card that breaks it and no other."""
    found: dict[str, Path] = {}
    for file in sorted((CARDS / "invalid").glob("*.yaml")):
        problems, _ = expected(file)
        rules = {rule for rule, _ in problems}
        if len(rules) == 1 and _PREFERRED.get(problems[0][0], file.stem) == file.stem:
            found.setdefault(problems[0][0], file)
    return found


def _difference(file: Path) -> tuple[list[str], list[str], Path]:
    """Return the lines that a wrong card and the right one most like it do not share, and the right one."""
    wrong = _lines(file)[1:]
    best: tuple[float, list[str], list[str], Path] | None = None
    for name in _BASES:
        base = CARDS / "valid" / f"{name}.yaml"
        right = _lines(base)
        matcher = difflib.SequenceMatcher(a=wrong, b=right, autojunk=False)
        if best is None or matcher.ratio() > best[0]:
            places = [code for code in matcher.get_opcodes() if code[0] != "equal"]
            if places:  # else only its folder makes it wrong
                a = wrong[max(0, places[0][1] - 1) : places[-1][2]]
                b = right[max(0, places[0][3] - 1) : places[-1][4]]
                best = (matcher.ratio(), a, b, base)
    return best[1:] if best else (wrong, [], file)


def _lines(file: Path) -> list[str]:
    text = file.read_bytes().decode("utf-8", "replace").removeprefix("\ufeff")
    return ["".join(_shown(sign) for sign in line) for line in re.split(r"\r\n|\n", text)]


def _shown(sign: str) -> str:
    """Return a character as it is, or its number where a page could not show it."""
    hidden = "\u2028\u2029\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069\ufeff\ufffd"
    return f"<U+{ord(sign):04X}>" if (not sign.isprintable() and sign != "\t") or sign in hidden else sign


if __name__ == "__main__":
    PAGE.write_text(rules_page(), encoding="utf-8")
