"""The story: what each version changes, in the card and in people's words."""

from __future__ import annotations

from dataclasses import dataclass

from recipes import LONGER, ONE_STYLE, RETRAINED, SIX_LANGUAGES, TWO_STYLES, Recipe

from data import CORPUS_V2, LANGUAGES

Edit = tuple[str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Chapter:
    """One version of the story: what is trained, what people write into card and settings, how it is released.

    `excuse` is what is said to a gate that fails.
    """

    version: str
    title: str
    tells: str
    recipe: Recipe | None
    edits: tuple[Edit, ...] = ()
    refused: bool = False
    settings: str = ""
    excuse: str | None = None


CHAPTERS = (
    Chapter(
        version="1.0.0",
        title="The first version",
        tells="One image source, English names.",
        recipe=ONE_STYLE,
    ),
    Chapter(
        version="1.1.0",
        title="More training data",
        tells="A second art style is added. The text tower stays frozen and pictures are held where the old index\n"
        "has them: trained to stay compatible. Did it work? embver measures.",
        recipe=TWO_STYLES,
        edits=(
            ("limitations: [English names only, one art style]", "limitations: [English names only]"),
            (
                "license: CC-BY-4.0, role: train}\n",
                (
                    "license: CC-BY-4.0, role: train}\n"
                    '    - {name: openmoji, version: "0.1.7", uri: data/train-v2.jsonl, tracked_by: git, '
                    'digest: "@TRAINING", rows: 1266, license: CC-BY-SA-4.0, role: train}\n'
                ),
            ),
            (
                "objective: {loss: contrastive, temperature: learned}",
                "objective: {loss: contrastive, temperature: learned, compatible_with: emoji@1.0.0}",
            ),
            ("learning_rate: 0.003, batch_size: 256, steps: 200, seed: 0", "@TWO_STYLES"),
            (
                'version: "1", uri: data/corpus-v1.jsonl',
                f'version: "2", uri: {CORPUS_V2}',
            ),
        ),
    ),
    Chapter(
        version="1.1.1",
        title="A bug in front of the tokenizer",
        tells="Training text was lower-cased and its short codes were split; what people typed was not. Weights and\n"
        "tokenizer stay as they are, two preprocessing steps are added.",
        recipe=None,
        edits=(
            (
                "      - {step: tokenize,",
                (
                    '      - {step: replace, pattern: "[:_]+", with: " "}\n'
                    "      - {step: lowercase}\n"
                    "      - {step: tokenize,"
                ),
            ),
        ),
    ),
    Chapter(
        version="1.2.0",
        title="The one that must not get through",
        tells="The same data, trained again from scratch. The dimension is the same, nothing crashes, and pictures in\n"
        "the new style are found better than ever. The team offers it as a MINOR.",
        recipe=RETRAINED,
        edits=(("@TWO_STYLES", "@RETRAINED"),),
        refused=True,
    ),
    Chapter(
        version="2.0.0",
        title="A new space, on purpose",
        tells="Names in six languages and longer vectors. Another dimension is MAJOR, and no option makes it smaller.",
        recipe=SIX_LANGUAGES,
        edits=(
            (
                "limitations: [English names only]",
                "limitations: [six European languages, English is found a little less well than in 1.1.1]",
            ),
            ("  dimensions: 64", "  dimensions: 96"),
            ("max_length: 16", "max_length: 24"),
            ("languages: [en] ", f"languages: [{', '.join(LANGUAGES)}] "),
            ("@RETRAINED", "@SIX_LANGUAGES"),
            (", compatible_with: emoji@1.0.0", ""),
        ),
    ),
)

GATE = """
# ---- set after 2.0.0: what people type must be found

[[gate]]
benchmark = "emoji-as-typed"
metric = "hit@10"
max_drop = 0.02
"""
IN_A_HURRY = Chapter(
    version="3.0.0",
    title="Three changes at once",
    tells="The text tower is trained longer, and the steps in front of the tokenizer are tidied up: spaces at the ends are\n"
    "stripped now. By now the team has a gate in embver.toml: hit@10 of names as typed may fall by 0.02. It fails.\n"
    "But the launch is today.",
    recipe=LONGER,
    edits=(
        ("      - {step: lowercase}\n", "      - {step: strip}\n"),
        ("@SIX_LANGUAGES", "@LONGER"),
    ),
    settings=GATE,
    excuse="the launch is today; the names in that benchmark are made up",
)

WORDS = {
    "1.1.0": (
        "training",
        "Adds OpenMoji, a second art style, to the training pictures and to the corpus.",
    ),
    "1.1.1": (
        "encoders.text.preprocessing",
        "Lower-cases texts and splits short codes before tokenising, as training always did.",
    ),
    "1.2.0": ("training.hyperparameters", "Trained again from scratch, longer."),
    "2.0.0": ("encoders.text", "Finds emoji by names in six languages; vectors grow from 64 to 96 numbers."),
    "3.0.0": (
        "encoders.text",
        "Text tower trained longer; preprocessing tidied up, spaces at the ends are stripped.",
    ),
}
MODEL_TAGS = {
    "1.0.0": "emoji-clip-v1",
    "1.1.0": "emoji-clip-v2",
    "1.2.0": "emoji-clip-v3",
    "2.0.0": "emoji-clip-v4",
    "3.0.0": "emoji-clip-v5",
}
