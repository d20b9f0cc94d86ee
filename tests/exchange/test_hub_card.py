"""Hugging Face cards, nasty ones too: never a crash, never a lie."""

from __future__ import annotations

from typing import Any

import pytest
from huggingface_hub import ModelCard
from hypothesis import given
from hypothesis import strategies as st

from embver.exchange.hub_card import licence_of, modalities_of, model_facts, split_front_matter
from embver.exchange.hub_config import config_facts, wanted
from embver.exchange.hub_results import results_of
from embver.intake import LeftOut, Taken

SOURCE = {"format": "hf.model-index", "sha256": "a" * 64, "size_bytes": 3}


def facts(front: dict[str, Any], *modalities: str) -> tuple[dict[str, Any], dict[str, str]]:
    found = model_facts(front, modalities or ("text",), place="README.md")
    return {entry.path: entry.value for entry in found.taken}, {
        left.what: left.why for left in found.left_out
    }


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("---\na: 1\n---\nbody\n", ("a: 1\n", "body\n")),
        ("\ufeff---\r\na: 1\r\n---\r\nbody", ("a: 1\n", "body")),
        ("---\na: 1\n...\nbody", ("a: 1\n", "body")),
        ("---   \n---\n", ("", "")),
        ("# no front matter\n---\na: 1\n---\n", None),
        ("---\na: 1\nnever closed", None),
        ("", None),
    ],
)
def test_front_matter_ends_where_yaml_ends(text: str, parts: tuple[str, str] | None) -> None:
    assert split_front_matter(text) == parts


@pytest.mark.parametrize(
    ("value", "expression"),
    [
        ("apache-2.0", "Apache-2.0"),
        ("MIT", "MIT"),
        ("cc-by-nc-sa-4.0", "CC-BY-NC-SA-4.0"),
        ("gemma", "LicenseRef-gemma"),
        ("bigscience-openrail-m", "LicenseRef-bigscience-openrail-m"),
        ("other", None),
        ("unknown", None),
        ("cc", None),
        (["mit"], None),
        (3, None),
        ("Our own licence!", None),
    ],
)
def test_a_licence_is_spdx_or_nothing(value: Any, expression: str | None) -> None:
    found, why = licence_of(value)
    assert found == expression
    assert (why is None) == (expression is not None)


def test_norwegian_stays_no_and_what_is_no_language_is_told() -> None:
    taken, left = facts({"language": ["no", "en", "multilingual", 3, "no"]})
    assert taken == {"encoders.text.languages": ["no", "en"]}
    assert set(left) == {"README.md: language 'multilingual'", "README.md: language 3"}


def test_a_licence_is_that_of_the_weights_of_each_encoder() -> None:
    taken, _ = facts({"license": "mit"}, "image", "text")
    assert taken == {"encoders.image.model.license": "MIT", "encoders.text.model.license": "MIT"}


@pytest.mark.parametrize("value", [["mit", "apache-2.0"], [], {"a": 1}, None, True, 3.5])
def test_a_licence_that_is_none_is_left_out(value: Any) -> None:
    taken, left = facts({"license": value})
    assert taken == {}
    assert list(left) == ["README.md: license"]


def test_a_merge_of_several_models_has_no_base() -> None:
    taken, left = facts({"base_model": ["a/b", "c/d"], "base_model_relation": "merge"})
    assert taken == {}
    assert left == {"README.md: base_model": "2 base models; the card holds one an encoder"}


def test_words_for_the_hub_are_told_as_left_out() -> None:
    _, left = facts({"tags": ["a"], "my-own": 4})
    assert left["README.md: tags"].startswith("words for the Hub")
    assert left["README.md: my-own"] == "no field of a model card that embver knows"


def test_a_task_tells_which_encoders_are_meant() -> None:
    assert modalities_of({"pipeline_tag": "zero-shot-image-classification"}) == ("image", "text")
    assert modalities_of({"pipeline_tag": ["a", "b"]}) == ()


_PLAIN = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=12),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)
_KEYS = st.sampled_from(
    ["license", "language", "base_model", "base_model_relation", "datasets", "tags", "pipeline_tag", "x"]
)


@given(front=st.dictionaries(_KEYS, _PLAIN), index=_PLAIN)
def test_whatever_people_type_is_read_or_told(front: dict[str, Any], index: Any) -> None:
    found = model_facts(front, ("text",), place="README.md")
    assert all(isinstance(entry, Taken) for entry in found.taken)
    assert all(isinstance(entry, LeftOut) for entry in found.left_out)
    modalities_of(front)
    results_of(index, place="README.md", source=SOURCE)


@given(
    files=st.dictionaries(
        st.sampled_from(
            [
                "modules.json",
                "config_sentence_transformers.json",
                "sentence_bert_config.json",
                "open_clip_config.json",
                "1_Pooling/config.json",
            ]
        ),
        _PLAIN,
    )
)
def test_whatever_lies_beside_it_is_read_or_told(files: dict[str, Any]) -> None:
    assert all(".." not in name for name in wanted(files.get("modules.json")))
    found = config_facts(files, has_tokenize=True)
    assert all(entry.origin and entry.value is not None for entry in found.taken)
    assert all(left.what and left.why for left in found.left_out)


# ---- results


def a_result(value: Any, *, metric: str = "ndcg_at_10", **dataset: Any) -> dict[str, Any]:
    named = {
        "type": "mteb/nfcorpus",
        "name": "NFCorpus",
        "config": "default",
        "split": "test",
        "revision": "ec0f",
    } | dataset
    return {"task": {"type": "Retrieval"}, "dataset": named, "metrics": [{"type": metric, "value": value}]}


def read(*results: Any) -> tuple[list[dict[str, Any]], list[str], tuple[str, ...]]:
    taken, left, warnings = results_of(
        [{"name": "m", "results": list(results)}], place="README.md", source=SOURCE
    )
    return [entry.value for entry in taken], [entry.why for entry in left], warnings


def test_a_result_becomes_a_record_with_what_is_known() -> None:
    (record,), left, warnings = read(a_result(0.3163))
    assert record == {
        "id": "retrieval-mteb-nfcorpus-test",
        "task": {"name": "NFCorpus", "type": "Retrieval"},
        "dataset": {
            "id": "mteb/nfcorpus",
            "name": "NFCorpus",
            "config": "default",
            "revision": "ec0f",
            "split": "test",
        },
        "metrics": [{"key": "ndcg_at_10", "value": 0.3163, "canonical": "ndcg@10", "unit": "fraction"}],
        "source": SOURCE,
    }
    assert (left, warnings) == ([], ())


def test_one_share_above_one_makes_all_of_the_card_percents_and_says_so() -> None:
    records, _, warnings = read(
        a_result(31.63), a_result(0.9, split="dev"), a_result(2.5, metric="loss", split="x")
    )
    assert [record["metrics"][0]["unit"] for record in records] == ["percent", "percent", "as reported"]
    assert records[2]["metrics"][0]["higher_is_better"] is False
    assert warnings == ("numbers of model-index are taken as percents: 1 of 2 shares are above 1",)


def test_numbers_of_one_task_are_one_record_and_a_second_value_is_told() -> None:
    records, left, _ = read(a_result(0.3), a_result(0.5, metric="map_at_10"), a_result(0.4))
    assert [metric["key"] for metric in records[0]["metrics"]] == ["ndcg_at_10", "map_at_10"]
    assert left == ["retrieval-mteb-nfcorpus-test has ndcg_at_10 already, as 0.3"]


def test_another_revision_of_the_data_is_never_the_same_series() -> None:
    records, left, _ = read(a_result(0.3), a_result(0.5, revision="other"))
    assert len(records) == 1
    assert left == ["another revision of the data set of retrieval-mteb-nfcorpus-test is taken already"]


@pytest.mark.parametrize("value", ["0.3", None, True, float("nan"), float("inf"), [0.3]])
def test_what_is_no_number_is_left_out(value: Any) -> None:
    records, left, _ = read(a_result(value))
    assert records == []
    assert left[-1] == "holds no number"


def test_every_result_that_the_hubs_own_reader_finds_is_found() -> None:
    results = [
        a_result(0.25, split=split, metric=metric)
        for split in ("test", "dev")
        for metric in ("map_at_10", "mrr_at_10")
    ]
    text = f"---\nmodel-index: {[{'name': 'm', 'results': results}]!r}\n---\n"
    theirs = ModelCard(text).data.eval_results
    records, _, _ = read(*results)
    ours = {
        (r["dataset"]["id"], r["dataset"]["split"], m["key"], m["value"])
        for r in records
        for m in r["metrics"]
    }
    assert ours == {(r.dataset_type, r.dataset_split, r.metric_type, r.metric_value) for r in theirs or ()}
    assert len(ours) == 4


# ---- configuration


def configured(files: dict[str, Any], *, has_tokenize: bool = True) -> tuple[dict[str, Any], dict[str, str]]:
    found = config_facts(files, has_tokenize=has_tokenize)
    return {entry.path: entry.value for entry in found.taken}, {
        left.what: left.why for left in found.left_out
    }


_MODULES = [
    {"type": "sentence_transformers.models.Transformer", "path": ""},
    {"type": "sentence_transformers.models.Pooling", "path": "1_Pooling"},
]


@pytest.mark.parametrize(
    "pooling",
    [
        {"word_embedding_dimension": 384, "pooling_mode_mean_tokens": True, "pooling_mode_cls_token": False},
        {"embedding_dimension": 384, "pooling_mode": "mean"},
    ],
)
def test_pooling_is_read_in_its_old_form_and_its_new_one(pooling: dict[str, Any]) -> None:
    taken, left = configured({"modules.json": _MODULES, "1_Pooling/config.json": pooling})
    assert taken == {"encoders.text.pooling": "mean", "space.dimensions": 384, "space.normalized": False}
    assert left == {}


def test_a_dense_layer_and_normalize_decide_what_comes_out() -> None:
    modules = [
        *_MODULES,
        {"type": "x.Dense", "path": "2_Dense"},
        {"type": "x.Normalize", "path": "3_Normalize"},
    ]
    files = {"modules.json": modules, "1_Pooling/config.json": {"embedding_dimension": 384, "pooling_mode": "cls"}, "2_Dense/config.json": {"out_features": 128}}  # fmt: skip
    taken, _ = configured(files)
    assert (taken["space.dimensions"], taken["space.normalized"]) == (128, True)
    assert wanted(modules)[-2:] == ("2_Dense/config.json", "3_Normalize/config.json")


def test_two_poolings_at_once_are_told_and_not_chosen_from() -> None:
    pooling = {"embedding_dimension": 8, "pooling_mode_mean_tokens": True, "pooling_mode_max_tokens": True}
    taken, left = configured({"modules.json": _MODULES, "1_Pooling/config.json": pooling})
    assert "encoders.text.pooling" not in taken
    assert left["1_Pooling/config.json: pooling"] == "several at once; the card holds one"


@pytest.mark.parametrize("path", ["../secret", "/etc"])
def test_a_module_outside_the_folder_is_not_asked_for(path: str) -> None:
    assert all(not name.startswith(path) for name in wanted([{"type": "x", "path": path}]))


def test_the_longest_text_needs_a_step_to_stand_in() -> None:
    files = {"sentence_bert_config.json": {"max_seq_length": 256, "do_lower_case": True}}
    taken, left = configured(files)
    assert taken == {"encoders.text.preprocessing[tokenize].max_length": 256}
    assert "sentence_bert_config.json: do_lower_case" in left
    taken, left = configured(files, has_tokenize=False)
    assert taken == {}
    assert left["sentence_bert_config.json: max_seq_length"].startswith("the card has no step `tokenize`")


def test_open_clip_tells_dimensions_and_length() -> None:
    files = {"open_clip_config.json": {"model_cfg": {"embed_dim": 512, "text_cfg": {"context_length": 77}}, "preprocess_cfg": {"mean": [0.5]}}}  # fmt: skip
    taken, left = configured(files)
    assert taken == {"space.dimensions": 512, "encoders.text.preprocessing[tokenize].max_length": 77}
    assert "embver new NAME --from-model DIR" in left["open_clip_config.json: preprocess_cfg"]
