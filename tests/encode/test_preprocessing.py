"""The card's steps: what is understood, what is refused and in which words."""

from __future__ import annotations

import pytest
from tiny_models import IMAGE_STEPS, TEXT_STEPS

from embver.encode.preprocessing import STEPS, parse_steps
from embver.encode.spec import EncoderSpec
from embver.errors import EncodeError
from embver.store.schemas import schema_of

DECODE, RESIZE, CROP, RESCALE, NORMALIZE = IMAGE_STEPS
TOKENIZE = TEXT_STEPS[-1]
PAD = {"step": "pad", "size": 40, "where": "center", "background": "black"}
SQUARE = {"step": "pad", "square": True, "where": "center", "background": "black"}


def problems(modality, steps):
    with pytest.raises(EncodeError) as caught:
        parse_steps(modality, steps, path=f"encoders.{modality}.preprocessing")
    return caught.value.message


def test_steps_keep_order_and_get_defaults():
    steps = parse_steps("text", [{"step": "strip"}, {"step": "lowercase"}, TOKENIZE], path="p")
    assert [step.name for step in steps] == ["strip", "lowercase", "tokenize"]
    assert steps[2]["padding"] == "buckets"
    assert steps[2].path == "p[2]"


@pytest.mark.parametrize(
    ("modality", "steps", "message"),
    [
        ("text", [{"step": "lower_case"}, TOKENIZE], "preprocessing[0].step: unknown step 'lower_case', did you mean 'lowercase'?"),
        ("text", [TOKENIZE | {"max_len": 3}], "preprocessing[0].max_len: unknown parameter of tokenize, did you mean 'max_length'?"),
        ("text", [{"step": "lowercase"}], "preprocessing: exactly one tokenize step is expected, found 0"),
        ("text", [TOKENIZE, TOKENIZE], "exactly one tokenize step is expected, found 2"),
        ("text", [TOKENIZE, {"step": "strip"}], "preprocessing[1].step: strip cannot come after tokenize"),
        ("text", [TOKENIZE | {"max_length": True}], "[0].max_length: a whole number from 1 is expected, not True"),
        ("text", [TOKENIZE | {"truncation": "middle"}], "[0].truncation: end or start is expected, not 'middle'"),
        ("text", [{"step": "replace", "pattern": "(", "with": ""}, TOKENIZE], "[0].pattern: a regular expression is expected"),
        ("text", [{"step": "replace", "pattern": "a"}, TOKENIZE], "[0].with: missing; a text is expected"),
        ("text", [{"step": "replace", "pattern": "a", "with": r"\2"}, TOKENIZE], "[0].with: does not fit the pattern: invalid group reference 2"),
        ("text", [{"step": "unicode_normalize", "form": "nfc"}, TOKENIZE], "[0].form: NFC or NFD"),
        ("text", "lowercase", "preprocessing: a list of steps is expected"),
        ("text", [], "preprocessing: a list of steps is expected"),
        ("text", ["lowercase", TOKENIZE], "preprocessing[0]: a mapping with `step: NAME` is expected"),
        ("image", [RESIZE, CROP], "exactly one decode step is expected, found 0"),
        ("image", [CROP, DECODE], "[1].step: decode cannot come after center_crop"),
        ("image", [DECODE, RESIZE], "images keep different shapes"),
        ("image", [DECODE, CROP, RESIZE], "images keep different shapes"),
        ("image", [DECODE, RESIZE, CROP, NORMALIZE, RESCALE], "[4].step: rescale cannot come after normalize"),
        ("image", [DECODE, CROP, RESCALE, RESCALE], "rescale appears 2 times"),
        ("image", [DECODE, RESIZE | {"size": "224"}, CROP], "[1].size: a whole number from 1 is expected, not '224'"),
        ("image", [DECODE, RESIZE | {"height": 3}, CROP], "[1].size: either size, or height and width together"),
        ("image", [DECODE, {"step": "center_crop"}], "[1].size: either size, or height and width together"),
        ("image", [DECODE, RESIZE | {"antialias": False}, CROP], "[1].antialias: true is expected, not False"),
        ("image", [DECODE | {"exif_rotate": 1}, CROP], "[0].exif_rotate: true or false is expected, not 1"),
        ("image", [DECODE | {"mode": "L"}, CROP], "[0].mode: RGB is expected, not 'L'"),
        ("image", [DECODE | {"background": "pink"}, CROP], "[0].background: white, black or [red, green, blue]"),
        ("image", [DECODE, CROP, NORMALIZE | {"std": [1, 0, 1]}], "[2].std: three numbers other than 0"),
        ("image", [DECODE, CROP, NORMALIZE | {"mean": [1, 2]}], "[2].mean: three numbers"),
        ("image", [DECODE | {"library": "opencv"}, CROP], "[0].library: pillow or simplejpeg is expected, not 'opencv'"),
        ("image", [DECODE | {"scale": 2}, RESIZE, CROP], "[0].scale: goes with library: simplejpeg"),
        ("image", [DECODE | {"library": "simplejpeg", "scale": 2}, CROP], "[0].scale: goes with a resize right after decode"),
        ("image", [DECODE | {"max_pixels": 0}, CROP], "[0].max_pixels: a whole number from 1"),
        ("image", [DECODE, RESIZE | {"library": "torch", "interpolation": "lanczos"}, CROP], "[1].interpolation: torch knows bicubic and bilinear only"),
        ("image", [DECODE, RESIZE | {"edge": "longest"}], "images keep different shapes"),
        ("image", [DECODE, RESIZE, PAD], "[2]: images may be larger than that; resize the longest edge before it"),
        ("image", [DECODE, RESIZE | {"edge": "longest"}, PAD | {"size": 31}], "[2]: images may be larger than that"),
        ("image", [DECODE, RESIZE | {"edge": "longest"}, SQUARE], "images keep different shapes"),
        ("image", [DECODE, CROP, PAD | {"square": True}], "[2].square: goes without size, height and width"),
        ("image", [DECODE, CROP, {"step": "pad", "where": "end", "background": "black"}], "[2].size: either size, or height and width together, or square, is expected"),
        ("image", [DECODE, CROP, {"step": "pad", "size": 40}], "[2].where: missing; end or center is expected"),
        ("image", [DECODE, CROP, RESCALE | {"offset": "-1"}], "[2].offset: a number is expected"),
        ("video", [DECODE], "no preprocessing is known for modality 'video'"),
    ],
)  # fmt: skip
def test_what_is_not_understood_is_refused(modality, steps, message):
    assert message in problems(modality, steps)


@pytest.mark.parametrize(
    "steps",
    [
        [DECODE, RESIZE | {"edge": "longest"}, PAD | {"size": 32}],
        [DECODE, RESIZE | {"edge": "longest"}, SQUARE, PAD],
        [DECODE, SQUARE, RESIZE, CROP],
        [DECODE, {"step": "resize", "height": 3, "width": 5, "interpolation": "box"}, SQUARE],
        [DECODE, RESIZE, CROP, RESCALE | {"offset": -1}, NORMALIZE, NORMALIZE],
        [
            DECODE | {"library": "simplejpeg", "scale": 2, "max_pixels": 10**9},
            RESIZE | {"library": "torch"},
            CROP,
        ],
    ],
)
def test_steps_that_leave_one_shape_are_taken(steps):
    assert len(parse_steps("image", steps, path="p")) == len(steps)


@pytest.mark.parametrize(("modality", "name"), [(m, name) for m, known in STEPS.items() for name in known])
def test_the_schema_and_the_vocabulary_agree(modality, name):
    """Whatever runs may be written, by a name that is spelled alike; a card may describe more than runs here."""
    definitions = schema_of("card")["$defs"]
    assert name in definitions[f"{modality}_step"]["properties"]["step"]["enum"]
    (pointer,) = [
        branch["then"]["$ref"]
        for branch in definitions[f"{modality}_step"]["allOf"]
        if branch["if"]["properties"]["step"]["const"] == name
    ]
    properties = definitions[pointer.removeprefix("#/$defs/")]["properties"]
    assert set(STEPS[modality][name]) == set(properties) - {"step"}
    for key, parameter in STEPS[modality][name].items():
        said = properties[key]
        words = [word for word in parameter.expected.split(" or ") if word.isidentifier()]
        if "enum" in said and words:
            assert set(words) <= set(said["enum"]), key
        for example in said["examples"]:
            if parameter.accepts(example):
                break
        else:
            pytest.fail(f"{name}.{key}: no example of the schema is accepted")


def test_all_problems_are_named_at_once():
    found = problems("text", [{"step": "lower_case"}, TOKENIZE | {"max_length": 0, "padding": "none"}])
    assert len(found.splitlines()) == 3


def spec(modality="text", encoder=None, space=None):
    plain = {"preprocessing": TEXT_STEPS if modality == "text" else IMAGE_STEPS} | (encoder or {})
    return EncoderSpec.from_plain(
        modality, plain, {"dimensions": 64, "normalized": True} | (space or {}), "."
    )


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"space": {"dimensions": "64"}}, "space.dimensions: a whole number is expected, not '64'"),
        ({"space": {"dimensions": 0}}, "space.dimensions: a whole number from 1"),
        ({"space": {"normalized": 1}}, "space.normalized: true or false is expected"),
        ({"encoder": {"projection": "yes"}}, "encoders.text.projection: true or false"),
        ({"encoder": {"prompts": {"query": 3}}}, "encoders.text.prompts.query: a text is expected"),
        ({"encoder": {"prompts": ["q"]}}, "encoders.text.prompts: a mapping of role to text"),
        ({"encoder": {"model": {"revision": 12}}}, "encoders.text.model.revision: a text is expected"),
        ({"encoder": {"model": "a/b"}}, "encoders.text.model: a mapping is expected"),
        ({"encoder": {"preprocessing": None}}, "encoders.text.preprocessing: a list of steps is expected"),
        ({"modality": "image", "encoder": {"prompts": {"query": "a"}}}, "encoders.image.prompts: only text"),
        ({"modality": "video"}, "encoders.video: this modality cannot be encoded yet"),
    ],
)
def test_spec_names_the_card_path(arguments, message):
    with pytest.raises(EncodeError) as caught:
        spec(**arguments)
    assert message in caught.value.message


def test_prompts_by_role():
    asked = spec(encoder={"prompts": {"query": "query: ", "document": ""}})
    assert (asked.prompt("query"), asked.prompt("document"), asked.prompt(None)) == ("query: ", "", "")
    assert spec().prompt("query") == ""
    with pytest.raises(EncodeError, match="no prompt for role 'passage'"):
        asked.prompt("passage")
