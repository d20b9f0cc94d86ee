from __future__ import annotations

import pytest

from embver.intake import Intake, LeftOut, Origin, Taken

ORIGIN = Origin(source="mlflow", uri="mlflow:https://ada:pw@example.org#1")


def intake(*taken: Taken) -> Intake:
    return Intake(origin=ORIGIN, taken=taken)


def test_a_field_is_told_as_people_write_it() -> None:
    taken = Taken(where=("training", "data", ("name", "shop-images"), "digest"), value="x", origin="y")
    assert taken.path == "training.data[shop-images].digest"


def test_the_origin_loses_its_credentials() -> None:
    assert intake().guarded().origin.uri == "mlflow:https://example.org#1"


def test_what_is_private_is_left_out_and_said_and_the_rest_stays() -> None:
    value = {"lr": 0.1, "user": "ada", "paths": ["data/x", "/home/ada/x"], "deep": {"api_key": "k", "n": 1}}
    found = intake(Taken(where=("training", "hyperparameters"), value=value, origin="params")).guarded()
    assert found.taken[0].value == {"lr": 0.1, "paths": ["data/x"], "deep": {"n": 1}}
    assert found.left_out == (
        LeftOut(what="params.user", why="it names a person or a machine"),
        LeftOut(what="params.paths[1]", why="it is a place on somebody's disk"),
        LeftOut(what="params.deep.api_key", why="it may be a secret"),
    )


@pytest.mark.parametrize("value", ["/home/ada/x", ["/home/ada/x"], {"user": "ada"}])
def test_a_value_of_nothing_but_what_is_private_is_left_out_whole(value: object) -> None:
    found = intake(Taken(where=("training", "run"), value=value, origin="tags")).guarded()
    assert found.taken == ()
    assert len(found.left_out) == 1


@pytest.mark.parametrize("value", [{}, [], None, "", {"a": None}])
def test_empty_values_stay_what_they_are(value: object) -> None:
    taken = Taken(where=("notes",), value=value, origin="x")
    assert intake(taken).guarded().taken == ((taken,) if value is not None else ())


def test_names_that_tell_what_is_private_are_left_out() -> None:
    found = Intake(
        origin=Origin(source="x", uri="x:/home/ada/runs/one"),
        taken=(
            Taken(
                where=("training", "data", ("name", "/home/ada/set")), value={"version": "1"}, origin="data"
            ),
            Taken(
                where=("training", "hyperparameters"),
                value={"lr": 1, "ada@example.org": 2, "auth": {"way": "x"}},
                origin="params",
            ),
        ),
    ).guarded()
    assert [entry.value for entry in found.taken] == [{"lr": 1}]
    assert found.origin.uri == "x:one"
    assert "ada" not in repr(found.left_out)
