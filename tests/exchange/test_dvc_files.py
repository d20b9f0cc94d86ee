"""DVC's files as plain data: every form that a version of DVC wrote, and forms that none did."""

from __future__ import annotations

import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from embver.exchange import dvc
from embver.exchange.dvc_config import read_config
from embver.exchange.dvc_params import chosen, leaves, named
from embver.exchange.dvc_pipeline import artifact_lines, read_pipeline
from embver.intake import MalformedError
from embver.store.cards import read_card_text

A, B = "a304afb96060aad90176268345e10355", "37b51d194a7513e45b56f6524f2d51f2"


def out(path: str, **more: Any) -> dict[str, Any]:
    return {"md5": A, "size": 5, "hash": "md5", "path": path, **more}


def only(files: dict[str, Any], path: str) -> dvc.Output:
    (found,) = [each for each in dvc.outputs(files) if each.path == path]
    return found


def test_a_folder_of_dvc_3() -> None:
    found = only({"data/images.dvc": {"outs": [out("images", md5=f"{A}.dir", nfiles=2)]}}, "data/images")
    assert (found.digest, found.size_bytes, found.files, found.is_folder) == (f"md5:{A}.dir", 5, 2, True)
    assert found.digests == (f"md5:{A}.dir",)


def test_before_dvc_3_the_digest_says_that_line_ends_were_normalised() -> None:
    found = only({"a.dvc": {"outs": [{"md5": A, "path": "a"}], "md5": B}}, "a")
    assert found.digests == (f"md5-dos2unix:{A}", f"md5:{A}")


def test_a_pointer_with_a_folder_of_its_own() -> None:
    found = only({"pointers/x.dvc": {"wdir": "../data", "outs": [out("images")]}}, "data/images")
    assert found.pointer == "pointers/x.dvc"
    assert dvc.pinned({"pointers/x.dvc": {"wdir": "..", "outs": [out("y")]}}, "pointers/x.dvc") == (
        f"md5:{A}",
    )


@pytest.mark.parametrize(
    ("pipeline", "stage", "path"),
    [
        ({}, "train", "sub/model"),
        ({"stages": {"train": {"wdir": "w"}}}, "train", "sub/w/model"),
        ({"stages": {"train": {"wdir": "../w"}}}, "train", "w/model"),
        ({"stages": {"train": {"foreach": ["a"], "do": {"wdir": "${item}"}}}}, "train@a", "sub/a/model"),
        ({"stages": {"train": {"matrix": {"k": [1]}, "wdir": "w"}}}, "train@1", "sub/w/model"),
        ({"stages": ["no mapping"]}, "train", "sub/model"),
    ],
)
def test_a_lock_does_not_know_where_its_stage_runs(pipeline: Any, stage: str, path: str) -> None:
    lock = {"schema": "2.0", "stages": {stage: {"cmd": "x", "outs": [out("model")]}}}
    found = only({"sub/dvc.lock": lock, "sub/dvc.yaml": pipeline}, path)
    assert (found.stage, found.pointer) == (stage, "sub/dvc.lock")


def test_a_lock_of_dvc_1_has_its_stages_at_the_top() -> None:
    lock = {"train": {"cmd": "x", "deps": [{"path": "data", "md5": B}], "outs": [{"path": "m", "md5": A}]}}
    (stage,) = dvc.stages({"dvc.lock": lock}, "dvc.lock")
    assert (stage.name, stage.deps[0].digest, stage.outs[0].path) == ("train", f"md5-dos2unix:{B}", "m")


def test_a_remote_with_versions_lists_files_and_leaves_the_digest_out() -> None:
    files = [{"relpath": "1.png", "md5": A, "size": 2, "cloud": {"s3": {"version_id": "x"}}}]
    files.append({"relpath": "0.png", "md5": B, "size": 3})
    found = only({"d.dvc": {"outs": [{"path": "d", "hash": "md5", "files": files}]}}, "d")
    assert found.digest == dvc.listing_digest([("1.png", A), ("0.png", B)])
    assert found.files == 2
    del files[0]["md5"]
    assert only({"d.dvc": {"outs": [{"path": "d", "files": files}]}}, "d").digest is None


def test_what_was_imported_says_from_where() -> None:
    repo = {"url": "https://git.example/registry", "rev": "v1", "rev_lock": "5f2d"}
    plain = {"frozen": True, "deps": [{"path": "data/x", "repo": repo}], "outs": [out("x")]}
    upstream = only({"x.dvc": plain}, "x").upstream
    assert upstream == dvc.Upstream(
        url="https://git.example/registry", path="data/x", revision="v1", commit="5f2d"
    )
    plain["deps"] = [{"path": "s3://bucket/x", "etag": "9"}]
    assert only({"x.dvc": plain}, "x").upstream == dvc.Upstream(url="s3://bucket/x", path="")


def test_an_output_in_a_cloud_has_no_digest_that_a_card_knows() -> None:
    found = only(
        {"x.dvc": {"outs": [{"path": "s3://bucket/x", "etag": "9", "hash": "etag"}]}}, "s3://bucket/x"
    )
    assert (found.digest, found.unread) == (None, ("etag",))


def test_pointers_are_looked_for_wherever_they_may_lie() -> None:
    assert dvc.pointer_paths("a/b/c") == (
        "a/b/c.dvc", "a/b.dvc", "a.dvc", "a/b/dvc.lock", "a/dvc.lock", "dvc.lock",
    )  # fmt: skip
    assert dvc.pointer_paths("a/b.dvc") == ("a/b.dvc",)
    assert dvc.pipeline_paths("a/b") == ("a/dvc.yaml", "dvc.yaml")


def test_a_folder_is_kept_as_a_whole() -> None:
    found = dvc.outputs({"data/images.dvc": {"outs": [out("images")]}})
    assert [each.path for each in dvc.covering(found, "data/images/1.png")] == ["data/images"]
    assert dvc.covering(found, "data/images-2") == ()


PLAIN = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=12,
)
KEYS = (
    "outs",
    "deps",
    "stages",
    "wdir",
    "path",
    "md5",
    "files",
    "repo",
    "params",
    "artifacts",
    "metrics",
    "url",
)
SHAPED = st.recursive(
    PLAIN,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(KEYS), inner, max_size=5),
    max_leaves=16,
)


@given(st.dictionaries(st.sampled_from(KEYS), SHAPED, max_size=5))
def test_no_shape_of_data_is_stumbled_over(plain: dict[str, Any]) -> None:
    files = {"a.dvc": plain, "dvc.lock": plain, "dvc.yaml": plain}
    for found in dvc.outputs(files):
        assert found.digest is None or found.digest.startswith(("md5:", "md5-dos2unix:"))
    read_pipeline(plain, "dvc.yaml")
    assert all(leaf.value is None or leaf.why is None for leaf in leaves("p.yaml", plain))


# ---- configuration


def test_remotes_by_name_without_credentials_and_places_on_a_disk() -> None:
    text = """\
[core]
    remote = store
    autostage = true
['remote "store"']
    url = s3://shop/dvc
    endpointurl = http://127.0.0.1:9000
['remote "web"']
    url = https://user:secret@dvc.example/shop?token=abc
['remote "disk"']
    url = ../../store
"""
    found = read_config(text)
    assert (found.place(None), found.place("disk"), found.place("other")) == (
        "s3://shop/dvc",
        "disk",
        "other",
    )
    assert "secret" not in str(found.addresses)
    assert "abc" not in str(found.addresses)
    assert read_config(None).place(None) is None


def test_a_configuration_that_is_none() -> None:
    with pytest.raises(MalformedError, match=r"\.dvc/config:1:1: it is no configuration"):
        read_config("remote = store\n")


# ---- parameters


def test_parameters_by_flat_names() -> None:
    plain = {"train": {"lr": 1e-3, "betas": [0.9, 0.99], "warm": {"up": 100}, "mix": [{"w": 1}], "no": {}}}
    plain["train"]["worst"] = math.nan
    found = {leaf.name: (leaf.value, leaf.why) for leaf in leaves("params.yaml", plain)}
    assert found == {
        "train.lr": (0.001, None),
        "train.betas": ([0.9, 0.99], None),
        "train.warm.up": (100, None),
        "train.mix[0].w": (1, None),
        "train.no": (None, "it is empty"),
        "train.worst": (None, "it is not a finite number"),
    }


def test_some_parameters_are_chosen_and_two_files_are_told_apart() -> None:
    found = [*leaves("a.yaml", {"seed": 1, "train": {"lr": 2}}), *leaves("b.yaml", {"seed": 3})]
    assert list(named(found)) == ["a.yaml:seed", "train.lr", "b.yaml:seed"]
    assert [leaf.value for leaf in chosen(found, "train,b.yaml:seed")] == [2, 3]
    with pytest.raises(ValueError, match=r"there is no trai"):
        chosen(found, "trai")


# ---- artifacts


@pytest.mark.parametrize("text", ["Emoji: all", "no", "1.0", "Größe", 'a "b"', "x # y", "- x", "plain words"])
def test_any_text_is_written_so_that_it_is_read_back(text: str) -> None:
    lines = artifact_lines("shop/x_2", {"path": "embeddings/x", "desc": text})
    read = read_card_text(lines, path="dvc.yaml")
    assert read.problems == ()
    assert read.plain == {"artifacts": {"shop/x_2": {"path": "embeddings/x", "desc": text}}}
