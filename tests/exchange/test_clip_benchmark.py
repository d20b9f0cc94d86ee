"""CLIP_benchmark's result files, in and out: both directions of a search apart, and nothing lost on the way."""

from __future__ import annotations

import itertools
import json
from pathlib import Path
from typing import Any

import pytest

from embver.card import Benchmark
from embver.comparability import not_comparable
from embver.exchange.clip_benchmark import file_name, parse_clip, plain_of, records_of
from embver.intake import MalformedError
from exchange.results_corpus import NAN, same
from exchange.results_repo import benchmarks, waiting
from sandbox import Sandbox

RETRIEVAL = {f"{side}_retrieval_recall@{k}": value for side, at in (("image", (0.5878, 0.8338)), ("text", (0.787, 0.949))) for k, value in zip((1, 5), at, strict=True)}  # fmt: skip
FLICKR: dict[str, Any] = {
    "dataset": "flickr30k",
    "model": "ViT-B-32",
    "pretrained": "openai",
    "task": "zeroshot_retrieval",
    "metrics": RETRIEVAL,
    "language": "en",
}
METRICS: dict[str, dict[str, Any]] = {
    "zeroshot_retrieval": RETRIEVAL,
    "zeroshot_classification": {"acc1": 0.6333, "acc5": 0.8881, "mean_per_class_recall": 0.6334},
    "few classes": {"acc1": 0.6333, "acc5": NAN, "mean_per_class_recall": 0.6334},
    "multilabel": {"mean_average_precision": 0.7627},
    "linear_probe": {
        "acc1": 0.9,
        "acc5": 0.99,
        "mean_per_class_recall": 0.9,
        "lr": 0.1,
        "epochs": 10,
        "seed": 0,
        "fewshot_k": 16,
    },
    "image_caption_selection": {"acc": 0.61},
    "somebody's own": {"score": -3.5, "acc1": 0.5},
}
WAYS = (
    json.dumps,
    lambda plain: json.dumps(plain, indent=4) + "\n",
    lambda plain: json.dumps(plain, sort_keys=True),
)


def shapes() -> list[dict[str, Any]]:
    """Return results of every task, with and without language and pretrained tag, on data sets with a `/` in the name."""
    found = []
    for (task, metrics), language, pretrained, dataset in itertools.product(METRICS.items(), ("en", "jp", None), ("laion2b_s34b", "", None), ("cifar10", "wds/vtab/cifar100", "mscoco_captions", "x y")):  # fmt: skip
        plain = {
            **FLICKR,
            "dataset": dataset,
            "task": "zeroshot_classification" if task in ("few classes", "multilabel") else task,
            "metrics": metrics,
            "language": language,
            "pretrained": pretrained,
        }
        found.append({key: value for key, value in plain.items() if value is not None})
    return found


@pytest.fixture
def repo(tmp_path: Path) -> Sandbox:
    return waiting(tmp_path / "repo")


def write(folder: Path, *named: tuple[str, Any]) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    for name, plain in named:
        data = plain if isinstance(plain, bytes) else json.dumps(plain).encode()
        (folder / name).write_bytes(data)
    return folder


def records(plain: Any) -> list[dict[str, Any]]:
    return records_of(
        parse_clip(json.dumps(plain).encode(), "x.json"), path=None, sha256="0" * 64, size_bytes=1
    )[0]


def test_both_directions_are_hits_and_two_records() -> None:
    by_text, by_image = records(FLICKR)
    assert by_text["id"] == "clip_benchmark/flickr30k/t2i"
    assert by_text["task"] == {"name": "zeroshot_retrieval", "category": "t2i"}
    assert by_text["metrics"][1] == {"key": "image_retrieval_recall@5", "canonical": "hit@5", "value": 0.8338}
    assert by_image["id"] == "clip_benchmark/flickr30k/i2t"
    assert by_image["metrics"][1] == {"key": "text_retrieval_recall@5", "canonical": "hit@5", "value": 0.949}
    assert by_text["dataset"] == {
        "id": "flickr30k",
        "languages": ["en"],
    }  # neither split nor revision: not known
    one, other = (
        Benchmark.from_plain(by_text),
        Benchmark.from_plain({**by_image, "metrics": by_text["metrics"]}),
    )
    assert not_comparable(one, other, "image_retrieval_recall@5") == "modalities: t2i -> i2t"


def test_how_a_probe_was_trained_is_no_metric() -> None:
    (record,) = records({**FLICKR, "task": "linear_probe", "metrics": METRICS["linear_probe"]})
    assert [metric["key"] for metric in record["metrics"]] == ["acc1", "acc5", "mean_per_class_recall"]
    assert record["harness"]["kwargs"] == {"model": "ViT-B-32", "pretrained": "openai", "lr": 0.1, "epochs": 10, "seed": 0, "fewshot_k": 16}  # fmt: skip
    assert record["id"] == "clip_benchmark/flickr30k/linear_probe/16-shot"


def test_every_shape_comes_back_from_its_records_alone() -> None:
    assert len(shapes()) >= 200
    for plain in shapes():
        wanted = {key: value for key, value in plain.items() if value != ""}
        wanted["metrics"] = {key: None if value is NAN else value for key, value in plain["metrics"].items()}
        assert same(plain_of(records(plain)), wanted)


def test_what_is_kept_comes_out_byte_by_byte(tmp_path: Path, repo: Sandbox) -> None:
    chosen = [plain for plain in shapes() if plain.get("pretrained") == "laion2b_s34b"]
    named = {f"{number:02} {file_name(plain)}": WAYS[number % 3]({**plain, "dataset": f"{plain['dataset']}-{number}"}).encode() for number, plain in enumerate(chosen)}  # fmt: skip
    write(tmp_path / "in", *named.items())
    repo.embver("import", "clip-benchmark", str(tmp_path / "in"))
    repo.embver("validate")
    repo.embver("export", "emoji@next", "--format", "clip-benchmark", "--out", str(tmp_path / "out"))
    assert {path.name: path.read_bytes() for path in (tmp_path / "out").iterdir()} == named


def test_what_a_person_sees(tmp_path: Path, repo: Sandbox) -> None:
    write(
        tmp_path / "in", ("flickr.json", FLICKR), ("broken.json", b"{"), ("mteb.json", {"mteb_version": "1"})
    )
    said = repo.embver("import", "clip-benchmark", str(tmp_path / "in"))
    assert (
        "clip_benchmark/flickr30k/t2i]  image_retrieval_recall@1 0.5878 and 1 more  flickr.json: t2i"
        in said.out
    )
    assert "left out broken.json:1:2: ends in the middle, it is cut off" in said.err
    assert "left out mteb.json: is a result of MTEB" in said.err
    assert "the results are about ViT-B-32, the card's encoders are example/clip-shop (text)" in said.err
    assert 'uri: "clip-benchmark:ViT-B-32@openai"' in repo.card.read_text(encoding="utf-8")


def test_results_of_two_checkpoints_never_come_into_one_card(tmp_path: Path, repo: Sandbox) -> None:
    write(tmp_path / "in", ("a.json", FLICKR), ("b.json", {**FLICKR, "pretrained": "laion2b"}))
    said = repo.embver("import", "clip-benchmark", str(tmp_path / "in"), code=2)
    assert "--set model=NAME: ViT-B-32 (openai), ViT-B-32 (laion2b)" in said.err
    repo.embver("import", "clip-benchmark", str(tmp_path / "in"), "--set", "model=ViT-B-32", code=2)
    repo.embver("import", "clip-benchmark", str(tmp_path / "in"), "--set", "model=ViT-B-32 (laion2b)")
    assert {record["harness"]["kwargs"]["pretrained"] for record in benchmarks(repo).values()} == {"laion2b"}


def test_a_checkpoint_on_somebodys_disk_is_left_out(tmp_path: Path, repo: Sandbox) -> None:
    write(tmp_path / "in", ("a.json", {**FLICKR, "pretrained": "/fsx/ada/checkpoints/epoch_32.pt"}))
    said = repo.embver("import", "clip-benchmark", str(tmp_path / "in"))
    assert "left out the bytes of a.json: its pretrained: it is a place on somebody's disk" in said.err
    text = repo.card.read_text(encoding="utf-8")
    assert "fsx" not in text
    assert "path: benchmarks/raw" not in text
    assert not (repo.next / "benchmarks").exists()


def test_data_sets_are_chosen_by_name(tmp_path: Path, repo: Sandbox) -> None:
    write(tmp_path / "in", ("a.json", FLICKR), ("b.json", {**FLICKR, "dataset": "mscoco_captions"}))
    repo.embver("import", "clip-benchmark", str(tmp_path / "in"), "--set", "datasets=mscoco_captions")
    assert list(benchmarks(repo)) == [
        "clip_benchmark/mscoco_captions/t2i",
        "clip_benchmark/mscoco_captions/i2t",
    ]
    said = repo.embver("import", "clip-benchmark", str(tmp_path / "in"), "--set", "datasets=x", code=2)
    assert "there are: flickr30k, mscoco_captions" in said.err


def test_nothing_to_write_is_told_with_what_to_type(repo: Sandbox) -> None:
    said = repo.embver("export", "emoji@next", "--format", "clip-benchmark", code=2)
    assert "embver import clip-benchmark RESULTS --into NAME@next" in said.err


@pytest.mark.parametrize(
    ("plain", "said"),
    [
        ([], "x.json: is no mapping, so it is no result of CLIP_benchmark"),
        ({"dataset": "d"}, "x.json: is JSON, and no result of CLIP_benchmark: it has no 'task'"),
        ({**FLICKR, "metrics": []}, "x.json: its 'metrics' is no mapping with a number in it"),
        ({**FLICKR, "metrics": {"acc1": "0.9"}}, "x.json: its 'metrics' hold no number"),
        ({**FLICKR, "model": 7}, "x.json: its 'model' is no text"),
    ],
)
def test_what_is_no_result_is_told(plain: Any, said: str) -> None:
    with pytest.raises(MalformedError) as caught:
        parse_clip(json.dumps(plain).encode(), "x.json")
    assert str(caught.value) == said


def test_percents_are_not_taken_for_fractions(tmp_path: Path, repo: Sandbox) -> None:
    write(tmp_path / "in", ("a.json", {**FLICKR, "metrics": {"acc1": 63.3}}))
    said = repo.embver("import", "clip-benchmark", str(tmp_path / "in"), code=3)
    assert (
        "a.json: acc1 is 63.3, which is no fraction: these numbers are fractions, is it percent?" in said.err
    )
