"""Edit the card as a person does: by hand, a line here and there."""

from __future__ import annotations

from pathlib import Path

import recipes
from recipes import LONGER, ONE_STYLE, RETRAINED, SIX_LANGUAGES, TWO_STYLES
from story import MODEL_TAGS, WORDS, Chapter
from terminal import HERE, REPOSITORY
from tracking import hyperparameters

CARD = Path("embeddings/emoji/next/card.yaml")


def write_card(chapter: Chapter) -> None:
    """Edit the card as a person does: by hand."""
    card = REPOSITORY / CARD
    text = card.read_text(encoding="utf-8")
    if chapter.version == "1.0.0":
        text = (HERE / "card-1.0.0.yaml").read_text(encoding="utf-8")
        text = text.replace("@TRAINING", recipes.manifest_digest(ONE_STYLE, REPOSITORY))
    # After the refusal the card of next/ still says what was imported for the version that was refused.
    text = replace_section(text, "imported", "") if "\nimported:" in text else text
    for before, after in ((expand(old), expand(new)) for old, new in chapter.edits):
        if before not in text:
            raise SystemExit(f"{CARD}: the story expects {before!r}")
        text = text.replace(before, after)
    if chapter.version in MODEL_TAGS:
        head, _, tail = text.partition("tag: emoji-clip-v")
        text = f"{head}tag: emoji-clip-v{tail}".replace(
            f"tag: emoji-clip-v{tail[0]}", f"tag: {MODEL_TAGS[chapter.version]}"
        )
    if chapter.version in WORDS:
        area, words = WORDS[chapter.version]
        entry = f'changes:                           # in people\'s words; the level is computed\n  - {{area: {area}, text: "{words}"}}\n'
        text = replace_section(text, "changes", entry)
    card.write_text(text, encoding="utf-8")


def expand(text: str) -> str:
    """Put digests and schedules in the place of their names."""
    text = text.replace("@TRAINING", recipes.manifest_digest(TWO_STYLES, REPOSITORY))
    for name, recipe in (
        ("@TWO_STYLES", TWO_STYLES),
        ("@RETRAINED", RETRAINED),
        ("@SIX_LANGUAGES", SIX_LANGUAGES),
        ("@LONGER", LONGER),
    ):
        words = [f"{key}: {value}" for key, value in hyperparameters(recipe).items() if key != "optimizer"]
        text = text.replace(name, ", ".join(words))
    return text


def replace_section(text: str, key: str, section: str) -> str:
    """Replace a top-level field with its lines, or add it before what `embver encode` writes."""
    lines = text.splitlines(keepends=True)
    starts = [n for n, line in enumerate(lines) if line.startswith(f"{key}:")]
    if starts:
        end = starts[0] + 1
        while end < len(lines) and lines[end].startswith((" ", "\t")):
            end += 1
        return "".join([*lines[: starts[0]], section, *lines[end:]])
    mark = next(n for n, line in enumerate(lines) if line.startswith("# ---- written by"))
    while lines[mark - 1].isspace() and lines[mark - 2].isspace():
        del lines[mark - 1]
        mark -= 1
    return "".join([*lines[:mark], section, "\n", *lines[mark:]])
