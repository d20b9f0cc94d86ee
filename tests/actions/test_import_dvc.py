"""`embver import dvc` on a repository that the real DVC made: data, a pipeline, a remote, two tags."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from embver.actions.dvc_reading import outputs_at
from embver.store.repo import Repository
from sandbox import Said, embver, git

DVC = Path(sys.executable).with_name("dvc")
pytestmark = [
    pytest.mark.skipif(not DVC.is_file(), reason=f"dvc is not installed beside {sys.executable}"),
    pytest.mark.xdist_group("dvc"),
]

PARAMS = "train:\n  lr: 1e-3\n  optimizer: adamw\n  warm: {up: 100}\nseed: 7\nunused: 1\n"
SCRIPT = """\
import json, pathlib
pathlib.Path("models/clip").mkdir(parents=True, exist_ok=True)
pathlib.Path("models/clip/model.safetensors").write_text("weights")
json.dump({"val": {"hit@1": 0.5, "loss": float("nan")}}, open("metrics.json", "w"))
json.dump({"kept": 1}, open("kept.json", "w"))
"""
PIPELINE = """\
stages:
  train:
    cmd: python train.py
    deps: [train.py, data/images, data/pairs.jsonl]
    params: [train, seed]
    outs: [models/clip]
    metrics:
      - metrics.json: {cache: false}
      - kept.json
  split:
    foreach: [a, b]
    do:
      wdir: parts
      cmd: echo ${item} > ${item}.txt
      outs: ["${item}.txt"]
artifacts:
  clip: {path: models/clip, type: model, desc: The encoder}
"""


def dvc(folder: Path, *arguments: str) -> str:
    environment = {
        **os.environ,
        "DVC_NO_ANALYTICS": "1",
        "PATH": f"{DVC.parent}{os.pathsep}{os.environ['PATH']}",
    }
    done = subprocess.run(
        [str(DVC), *arguments], cwd=folder, capture_output=True, text=True, check=False, env=environment
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def commit(folder: Path, message: str, tag: str | None = None) -> None:
    git(folder, "add", "-A")
    git(folder, "commit", "-q", "-m", message)
    if tag:
        git(folder, "tag", "-a", tag, "-m", message)


@pytest.fixture(scope="session")
def made(tmp_path_factory: pytest.TempPathFactory, isolated: Path) -> Path:
    """Make the repository once: v1.0 with two pictures and a trained model, v1.1 with a third picture."""
    root = tmp_path_factory.mktemp("dvc") / "shop"
    (root / "data/images").mkdir(parents=True)
    (root / "parts").mkdir()
    git(root, "init", "-q", "-b", "main")
    for key, value in (("user.name", "Search team"), ("user.email", "team@shop.example")):
        git(root, "config", key, value)
    dvc(root, "init", "-q")
    dvc(root, "remote", "add", "-q", "-d", "store", str(root.parent / "store"))
    for name in ("1", "2"):
        (root / f"data/images/{name}.png").write_text(f"picture {name}")
    (root / "data/pairs.jsonl").write_text('{"id": 1}\n')
    for name, text in (("params.yaml", PARAMS), ("train.py", SCRIPT), ("dvc.yaml", PIPELINE)):
        (root / name).write_text(text)
    (root / "parts/.keep").touch()
    dvc(root, "add", "-q", "data/images", "data/pairs.jsonl")
    dvc(root, "repro", "-q")
    assert embver("-C", str(root), "init").code == 0
    assert embver("-C", str(root), "new", "shop").code == 0
    commit(root, "Train", "v1.0")
    (root / "data/images/3.png").write_text("picture 3")
    dvc(root, "add", "-q", "data/images")
    commit(root, "One picture more", "v1.1")
    return root


@pytest.fixture
def shop(made: Path, tmp_path: Path) -> Path:
    shutil.copytree(made, tmp_path / "shop", symlinks=True)
    return tmp_path / "shop"


def take(shop: Path, reference: str, *options: str, code: int = 0) -> Said:
    said = embver("-C", str(shop), "import", "dvc", reference, *options)
    assert said.code == code, said.text
    return said


def taken(shop: Path, reference: str, *options: str) -> dict[str, Any]:
    said = take(shop, reference, "--dry-run", "--json", *options)
    return {entry["field"]: entry["value"] for entry in said.json["taken"]}


def left_out(shop: Path, reference: str, *options: str) -> dict[str, str]:
    said = take(shop, reference, "--dry-run", "--json", *options)
    return {entry["what"]: entry["why"] for entry in said.json["left_out"]}


def card(shop: Path) -> dict[str, Any]:
    found: dict[str, Any] = embver("-C", str(shop), "show", "shop@next", "--json").json["card"]
    return found


def test_a_data_set_at_a_tag(shop: Path) -> None:
    said = take(shop, "data/images@v1.0", "--set", "role=train")
    assert "training.data[images].digest" in said.out
    (entry,) = card(shop)["training"]["data"]
    at_tag = git(shop, "show", "v1.0:data/images.dvc").out
    digest = entry.pop("digest")
    assert digest.removeprefix("md5:") in at_tag
    assert entry == {
        "name": "images", "version": "v1.0", "uri": "data/images", "tracked_by": "dvc",
        "size_bytes": 18, "files": 2, "remote": "store", "role": "train",
    }  # fmt: skip
    sha = git(shop, "rev-parse", "v1.0^{commit}").out.strip()
    assert card(shop)["imported"] == [{"source": "dvc", "uri": f"dvc:data/images.dvc@{sha}"}]
    assert embver("-C", str(shop), "validate").code == 0


def test_the_digest_is_the_one_that_dvc_itself_tells(shop: Path) -> None:
    script = (
        "import sys, dvc.api; fs = dvc.api.DVCFileSystem(sys.argv[1], rev='v1.0');"
        "print(fs.info('data/images')['dvc_info']['md5'], fs.info('models/clip')['dvc_info']['md5'])"
    )
    argv = [sys.executable, "-W", "ignore", "-c", script, str(shop)]
    told = subprocess.run(argv, capture_output=True, text=True, check=True).stdout.split()
    ours = outputs_at(Repository.discover(shop), "data/images", ["v1.0"])["v1.0"]
    model = outputs_at(Repository.discover(shop), "models/clip", ["v1.0"])["v1.0"]
    assert ours is not None
    assert model is not None
    assert [ours.digest, model.digest] == [f"md5:{md5}" for md5 in told]


def test_the_later_version_is_another_pair_until_it_is_imported(shop: Path) -> None:
    take(shop, "data/images@v1.0")
    said = take(shop, "data/images@v1.1")
    assert "kept training.data[images].version: yours is v1.0, data/images.dvc says v1.1" in said.text
    assert "--replace" in said.text
    take(shop, "data/images@v1.1", "--replace")
    (entry,) = card(shop)["training"]["data"]
    assert (entry["version"], entry["files"]) == ("v1.1", 3)
    text = (shop / "embeddings/shop/next/card.yaml").read_text()
    (shop / "embeddings/shop/next/card.yaml").write_text(text.replace("version: v1.1", "version: v1.0"))
    said = embver("-C", str(shop), "validate")
    assert "data/images has the digest" in said.text
    assert "at the tag v1.0" in said.text


def test_a_model_brings_the_run_that_made_it(shop: Path) -> None:
    found = taken(shop, "models/clip@v1.0")
    assert found["encoders.image.model.tracked_by"] == "dvc"
    assert found["encoders.image.model.digest"].endswith(".dir")
    assert found["training.hyperparameters.train.lr"] == 0.001
    assert found["training.hyperparameters.train.warm.up"] == 100
    assert found["training.hyperparameters.seed"] == 7
    assert "training.hyperparameters.unused" not in found
    assert {entry["name"] for name, entry in found.items() if "data[" in name} == {"images", "pairs"}
    sha = git(shop, "rev-parse", "v1.0^{commit}").out.strip()
    assert found["training.run"] == {"tracker": "dvc", "uri": f"dvc:dvc.yaml:train@{sha}"}
    assert found == taken(shop, "dvc.yaml:clip@v1.0")
    why = left_out(shop, "models/clip@v1.0")
    assert "DVC does not keep it (code" in why["train.py"]
    assert "its values are not in Git" in why["kept.json"]
    assert "--set metrics=val.hit@1=NAME:last" in why["metrics val.hit@1, val.loss"]
    assert "SHA-256" in why["encoders.*.weights"]


def test_the_run_of_a_stage(shop: Path) -> None:
    found = taken(shop, "dvc.yaml:train@v1.0")
    assert found["training.hyperparameters.seed"] == 7
    assert found["encoders.text.model.tracked_by"] == "dvc"
    options = ("--set", "params=train.lr", "--set", "data=data/pairs.jsonl")
    found = taken(shop, "dvc.yaml:train@v1.0", *options)
    assert [name for name in found if "hyperparameters" in name] == ["training.hyperparameters.train.lr"]
    assert [name for name in found if "data[" in name] == ["training.data[pairs]"]


def test_metrics_that_git_holds_go_into_a_record_that_somebody_names(shop: Path) -> None:
    options = ("--set", "benchmark=val", "--set", "metrics=val.hit@1=hit@1:last,val.loss=loss:last")
    take(shop, "dvc.yaml:train@v1.0", *options)
    (record,) = card(shop)["benchmarks"]
    assert record["metrics"] == [{"key": "hit@1", "value": 0.5}, {"key": "loss", "value": None}]
    assert record["source"]["format"] == "dvc"
    (shop / "metrics.json").write_text('{"val": {"hit@1": 0.9}}')
    commit(shop, "Typed by hand")
    said = take(shop, "dvc.yaml:train", "--dry-run", *options, code=2)
    assert "has no metric" in said.text
    assert "is not the one that train wrote" in left_out(shop, "dvc.yaml:train")["metrics.json"]


def test_parameters_that_changed_since_the_run(shop: Path) -> None:
    (shop / "params.yaml").write_text(PARAMS.replace("1e-3", "5e-4"))
    commit(shop, "Another rate")
    said = take(shop, "dvc.yaml:train", "--dry-run")
    assert "warning: params.yaml has another train.lr than train ran with" in said.text
    assert taken(shop, "dvc.yaml:train")["training.hyperparameters.train.lr"] == 0.001
    assert taken(shop, "params.yaml")["training.hyperparameters.train.lr"] == 0.0005


def test_a_stage_of_foreach_in_a_folder_of_its_own(shop: Path) -> None:
    found = taken(shop, "parts/a.txt@v1.0")
    assert found["training.data[a]"]["uri"] == "parts/a.txt"
    assert "dvc.yaml:split@a" in left_out(shop, "parts/a.txt@v1.0")
    assert "training.run" in taken(shop, "dvc.yaml:split@a")


def test_the_corpus(shop: Path) -> None:
    path = shop / "embeddings/shop/next/card.yaml"
    text, count = re.subn(r"(?m)^(corpus:.*\n  uri:).*", r"\1 data/pairs.jsonl", path.read_text())
    assert count == 1
    path.write_text(text)
    found = taken(shop, "data/pairs.jsonl@v1.0")
    assert found["corpus.tracked_by"] == "dvc"
    assert found["corpus.version"] == "v1.0"
    take(shop, "data/pairs.jsonl@v1.0")
    assert embver("-C", str(shop), "validate").code == 0


@pytest.mark.parametrize(
    ("uri", "digest", "told"),
    [
        ("parts/a.txt", "md5:60b725f10c9c85c70d97880dfe8191b3", None),  # a stage with a folder of its own
        (
            "parts/a.txt",
            "md5:60b725f10c9c85c70d97880dfe8191b4",
            "parts/a.txt has the digest md5:60b725f10c9c",
        ),
        ("models/clip", None, None),
        ("old.txt", "md5-dos2unix:60b725f10c9c85c70d97880dfe8191b3", None),  # of before DVC 3
        ("old.txt", "md5:60b725f10c9c85c70d97880dfe8191b3", None),
        ("elsewhere/old.txt", "md5:60b725f10c9c85c70d97880dfe8191b3", "is no output of DVC"),
        ("data/images/1.png", "md5:60b725f10c9c85c70d97880dfe8191b3", "which DVC keeps as a whole"),
        ("data/images/1.png", None, None),
        ("data/images", "sha256:" + "0" * 64, "dvc pins by md5 or md5-dos2unix"),
    ],
)
def test_validate_resolves_every_form(shop: Path, uri: str, digest: str | None, told: str | None) -> None:
    (shop / "old.txt.dvc").write_text("outs:\n- md5: 60b725f10c9c85c70d97880dfe8191b3\n  path: old.txt\n")
    path = shop / "embeddings/shop/next/card.yaml"
    more = f', digest: "{digest}"' if digest else ""
    path.write_text(
        path.read_text() + f"\ntraining:\n  data:\n    - {{name: x, uri: {uri}, tracked_by: dvc{more}}}\n"
    )
    git(shop, "add", "-A")  # the hook would not let a commit through
    for options in ((), ("--staged",)):
        said = embver("-C", str(shop), "validate", *options)
        assert said.code == (1 if told else 0), said.text
        assert told is None or told in said.text


def test_what_dvc_imported_says_from_where(shop: Path, tmp_path: Path) -> None:
    text = (
        "deps:\n- path: data/x\n  repo: {url: 'https://u:pw@git.example/registry', rev: v3, rev_lock: "
        "5f2d0c1b7a9e8d6c4b3a29181706f5e4d3c2b1a0}\n"
        "outs:\n- {md5: a304afb96060aad90176268345e10355, size: 3, hash: md5, path: ext}\n"
    )
    (shop / "ext.dvc").write_text(text)
    commit(shop, "Import")
    take(shop, "ext")
    uri = "dvc:https://git.example/registry@5f2d0c1b7a9e8d6c4b3a29181706f5e4d3c2b1a0:data/x"
    assert {"source": "dvc", "uri": uri, "version": "v3"} in card(shop)["imported"]
    assert "u:pw" not in (shop / "embeddings/shop/next/card.yaml").read_text()


def test_another_repository(shop: Path, made: Path, tmp_path: Path) -> None:
    registry = tmp_path / "registry"
    shutil.copytree(made, registry, symlinks=True)
    said = take(shop, "data/images@v1.0", "--set", f"repo={registry}", code=2)
    assert "has no remote that others could clone" in said.text
    git(registry, "remote", "add", "origin", "https://u:pw@git.example/registry.git")
    found = taken(shop, "data/images@v1.0", "--set", f"repo={registry}")["training.data[images]"]
    sha = git(registry, "rev-parse", "v1.0^{commit}").out.strip()
    assert found["uri"] == f"dvc:https://git.example/registry.git@{sha}:data/images"
    take(shop, "data/images@v1.0", "--set", f"repo={registry}")
    assert embver("-C", str(shop), "validate").code == 0


@pytest.mark.parametrize(
    ("reference", "options", "told"),
    [
        ("data/nothing", (), "data/nothing is no output of DVC at HEAD"),
        ("data/images@v9", (), "there is no revision v9\nnext: there are: v1.0, v1.1"),
        (
            "data/images/1.png",
            (),
            "lies in data/images, which DVC keeps as a whole\nnext: embver import dvc data/images",
        ),
        ("../x", (), "../x lies outside of this repository"),
        ("dvc.yaml:nothing", (), "there are: dvc.yaml:train"),
        ("data/images", ("field=weights",), "one of data, corpus, model"),
        ("data/images", ("params=x=y",), None),
        ("data/images", ("colour=red",), "dvc has no option colour\nnext: its options: field, name"),
        ("data/images", ("field=model",), "say whose model it is\nnext: --set modality=image,text"),
        (
            "dvc.yaml:train",
            ("params=train.nothing",),
            "there is no train.nothing\nnext: there are: params.yaml:seed",
        ),
        ("dvc.yaml:train", ("data=x",), "it is no input of train\nnext: there are: data/images"),
        ("dvc.yaml:train", ("metrics=val.hit@1=hit@1:last",), "say both"),
    ],
)
def test_asked_wrongly(shop: Path, reference: str, options: tuple[str, ...], told: str | None) -> None:
    before = (shop / "embeddings/shop/next/card.yaml").read_bytes()
    sets = [word for option in options for word in ("--set", option)]
    said = take(shop, reference, *sets, "--dry-run", code=2 if told else 0)
    assert told is None or told in said.text
    assert (shop / "embeddings/shop/next/card.yaml").read_bytes() == before


@pytest.mark.parametrize(
    ("text", "place"),
    [
        ("outs:\n- md5: [\n", "data/images.dvc:3:1"),
        ("\x00\x01", "data/images.dvc:1:1"),
        ("- a\n- b\n", "data/images.dvc:1:1"),
    ],
)
def test_a_pointer_that_is_damaged(shop: Path, text: str, place: str) -> None:
    (shop / "data/images.dvc").write_text(text)
    commit(shop, "Damage")
    said = take(shop, "data/images", code=3)
    assert place in said.text
    assert "git show" in said.text


def test_a_pointer_of_another_name_and_one_that_changed(shop: Path) -> None:
    git(shop, "mv", "data/images.dvc", "data/pictures.dvc")
    commit(shop, "Rename the pointer")
    assert taken(shop, "data/images")["training.data[images]"]["files"] == 3
    file = shop / "data/pairs.jsonl.dvc"
    file.write_text(file.read_text().replace("size: 10", "size: 11"))
    said = take(shop, "data/pairs.jsonl", "--dry-run")
    assert "warning: data/pairs.jsonl.dvc in the work tree is another one" in said.text


def test_a_pointer_that_no_commit_holds(shop: Path) -> None:
    (shop / "new.bin.dvc").write_text("outs:\n- md5: 60b725f10c9c85c70d97880dfe8191b3\n  path: new.bin\n")
    said = take(shop, "new.bin", code=2)
    assert "new.bin.dvc is in the work tree, and no commit holds it\nnext: git add new.bin.dvc" in said.text


def test_from_a_folder_below(shop: Path) -> None:
    said = embver("-C", str(shop / "data"), "import", "dvc", "images@v1.0", "--dry-run", "--json")
    assert said.json["taken"][0]["value"]["uri"] == "data/images"


def test_many_tags_take_one_git_process(shop: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for number in range(20):
        git(shop, "tag", f"t{number}", "v1.0" if number % 2 else "v1.1")
    repo, started = Repository.discover(shop), []
    real = subprocess.Popen

    class Counted(real):  # type: ignore[misc,valid-type]
        def __init__(self, argv: Any, *rest: Any, **named: Any) -> None:
            started.append(argv)
            super().__init__(argv, *rest, **named)

    monkeypatch.setattr(subprocess, "Popen", Counted)
    found = outputs_at(repo, "data/images", [f"t{number}" for number in range(20)])
    assert len(started) == 1
    assert [out.files for out in found.values() if out] == [3, 2] * 10


def test_no_client_is_needed(shop: Path) -> None:
    script = (
        "import sys; from embver.cli import main; code = main(['-C', sys.argv[1], 'import', 'dvc', 'dvc.yaml:train']);"
        "print(code, [name for name in sys.modules if name.partition('.')[0] in ('dvc', 'dvc_data', 'scmrepo')])"
    )
    argv = [sys.executable, "-c", script, str(shop)]
    done = subprocess.run(argv, capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "0 []"


def test_json_says_what_was_left_out_and_why(shop: Path) -> None:
    plain = json.loads(take(shop, "data/images@v1.0", "--json").out)
    assert plain["written"] is True
    assert plain["source"] == "dvc"
    assert plain["uri"].startswith("dvc:data/images.dvc@")
