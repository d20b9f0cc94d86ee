"""The fields of a card, from its schema."""

from __future__ import annotations

import pytest

from embver.fields import Field, fields_of, find_field, nearest_paths, read_path
from embver.store.schemas import schema_of

FIELDS = fields_of(schema_of("card"))


def found(text: str) -> Field:
    field = find_field(FIELDS, read_path(FIELDS, text))
    assert field is not None
    return field


def test_every_field_has_what_a_reader_needs() -> None:
    assert len({field.where for field in FIELDS}) == len(FIELDS)
    for field in FIELDS:
        assert field.title, field.path
        assert field.description, field.path
        assert field.type, field.path


def test_the_pointer_leads_to_the_field() -> None:
    for field in FIELDS:
        place = schema_of("card")
        for step in field.pointer.removeprefix("#/").split("/"):
            place = place[step]
        assert isinstance(place, dict), field.path


@pytest.mark.parametrize(
    ("text", "title", "type_"),
    [
        ("space.dimensions", "Dimensions", "whole number"),
        (
            "encoders.text.pooling",
            "Pooling",
            "cls or eos or last or mean or weighted_mean or mean_sqrt_len or max or attention or pooler",
        ),
        ("encoders.*.preprocessing[tokenize].max_length", "Longest input", "whole number"),
        ("encoders.text.preprocessing[replace:2].with", "Replacement", "text"),
        ("encoders.text.languages", "Languages", "list of texts"),
        ("encoders.text.languages[de]", "Language", "text"),
        ("training.data[openmoji].rows", "Rows", "whole number"),
        ("artifacts[image.safetensors].sha256", "SHA-256", "text"),
        ("extra.example.org", "Extra", "mapping"),
    ],
)
def test_fields_are_found_by_their_place(text: str, title: str, type_: str) -> None:
    assert (found(text).title, found(text).type) == (title, type_)


def test_an_open_mapping_takes_any_name_below_it() -> None:
    assert found("training.hyperparameters.lora.rank").path == "training.hyperparameters.*"
    assert found("training.objective.loss").path == "training.objective.loss"
    assert found("encode.hardware.gpu").is_open


@pytest.mark.parametrize(
    ("text", "meant"),
    [
        ("space.metrics", "space.metric"),
        ("dimensions", "space.dimensions"),
        ("training.data.rows", "training.data[*].rows"),
        ("encoders.pooling", "encoders.*.pooling"),
        ("encoders.text.preprocesing[tokenize]", "encoders.text.preprocessing[tokenize]"),
        ("max_length", "encoders.text.preprocessing[tokenize].max_length"),
        ("licence", "license"),
    ],
)
def test_a_misspelt_place_gets_a_suggestion(text: str, meant: str) -> None:
    assert nearest_paths(FIELDS, text)[0] == meant
    with pytest.raises(ValueError, match="is no field of a card; did you mean"):
        read_path(FIELDS, text)


def test_steps_are_those_of_their_modality() -> None:
    assert found("encoders.text.preprocessing[*]").title == found("encoders.*.preprocessing[*]").title
    for text in ("encoders.text.preprocessing[resize]", "encoders.image.preprocessing[lowercase]"):
        with pytest.raises(ValueError, match="is no field of a card"):
            read_path(FIELDS, text)


@pytest.mark.parametrize("text", ["zzzzzz", "..", "", "a[b"])
def test_what_is_near_nothing_gets_none(text: str) -> None:
    with pytest.raises(ValueError, match=r"is no field of a card$"):
        read_path(FIELDS, text)
