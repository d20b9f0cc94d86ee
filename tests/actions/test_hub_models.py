"""Models of a hub: read at one commit through the real client, from a hub on this machine and from its cache."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import pytest

from embver.store.cards import read_card_text
from hub_server import COMMIT, NAME, Hub, serving
from sandbox import Said, embver, git, script

pytestmark = [pytest.mark.torch, pytest.mark.lfs]

OTHER = "f" * 40


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a sentence-transformers folder as hubs hold them, with files beside it that nobody reads."""
    from encode.tiny_models import save_tokenizer, transformers

    folder = tmp_path_factory.mktemp("model")
    config = transformers.BertConfig(
        vocab_size=80, hidden_size=32, num_hidden_layers=1, num_attention_heads=4, intermediate_size=64,
        max_position_embeddings=32,
    )  # fmt: skip
    transformers.BertModel(config, add_pooling_layer=False).save_pretrained(folder)
    save_tokenizer(folder, max_length=30)
    kinds = (("Transformer", ""), ("Pooling", "1_Pooling"), ("Normalize", "2_Normalize"))
    modules = [
        {"idx": number, "name": str(number), "path": path, "type": f"sentence_transformers.models.{kind}"}
        for number, (kind, path) in enumerate(kinds)
    ]
    (folder / "modules.json").write_text(json.dumps(modules))
    (folder / "1_Pooling").mkdir()
    pooling = {"embedding_dimension": 32, "pooling_mode": "mean"}
    (folder / "1_Pooling/config.json").write_text(json.dumps(pooling))
    for name in ("pytorch_model.bin", "onnx/model.onnx", "onnx/config.json", "README.md", "run.py"):
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_text("not needed")
    return folder


@pytest.fixture
def repo(tmp_path: Path) -> Path:
    root = tmp_path / "repository"
    root.mkdir()
    git(root, "init", "-q", "-b", "main")
    embver("-C", str(root), "init")
    lines = [
        json.dumps({"id": str(number), "text": text}) for number, text in enumerate(("a cat", "the moon"))
    ]
    (root / "data").mkdir()
    (root / "data/corpus.jsonl").write_text("\n".join(lines) + "\n")
    return root


def run(repo: Path, hub: Hub, home: Path, *arguments: str, code: int = 0, is_offline: bool = False) -> Said:
    said = script(*arguments, cwd=repo, env=hub.environment(home, is_offline=is_offline))
    assert said.code == code, said.text
    return said


def card(repo: Path) -> dict:
    found = read_card_text((repo / "embeddings/texts/next/card.yaml").read_bytes(), path="card.yaml")
    assert found.problems == ()
    return found.plain


def test_a_model_is_described_and_encoded_at_its_commit(repo: Path, model: Path, tmp_path: Path) -> None:
    home = tmp_path / "hub"
    with serving(model) as hub:
        said = run(repo, hub, home, "new", "texts", "--from-model", NAME, code=2)
        assert f"main is {COMMIT} now" in said.err
        assert f"next: --from-model {NAME}@{COMMIT}" in said.err
        run(repo, hub, home, "new", "texts", "--from-model", f"{NAME}@{COMMIT}")
        assert "model.safetensors" not in hub.asked
        encoder = card(repo)["encoders"]["text"]
        assert encoder["model"] == {"id": NAME, "revision": COMMIT}
        assert (encoder["pooling"], card(repo)["space"]["normalized"]) == ("mean", True)
        run(repo, hub, home, "encode", "texts")
        assert hub.asked.count("model.safetensors") == 1
        assert not {"pytorch_model.bin", "onnx/model.onnx", "onnx/config.json", "README.md", "run.py"} & set(
            hub.asked
        )
    filled = card(repo)["encoders"]["text"]
    listed = {entry["path"]: entry for entry in (*filled["weights"], *filled["files"])}
    for name in (
        "model.safetensors",
        "config.json",
        "modules.json",
        "1_Pooling/config.json",
        "tokenizer.json",
    ):
        data = (model / name).read_bytes()
        assert listed[name]["sha256"] == hashlib.sha256(data).hexdigest()
        assert listed[name]["size_bytes"] == len(data)
    # The hub is gone; its cache holds what the card names.
    said = run(repo, hub, home, "encode", "texts", is_offline=True)
    assert "unchanged" in said.text or "nothing" in said.text
    assert "encoders" not in run(repo, hub, home, "status", "texts", is_offline=True, code=0).err


@pytest.fixture
def written(repo: Path) -> Path:
    """Write a card whose model is in the hub."""
    embver("-C", str(repo), "new", "texts")
    path = repo / "embeddings/texts/next/card.yaml"
    head = path.read_text().partition("\nencoders:")[0].replace("dimensions: 512", "dimensions: 32")
    steps = "[{step: tokenize, tokenizer: PreTrainedTokenizerFast, max_length: 30, truncation: end}]"
    body = f"""
encoders:
  text:
    model: {{id: {NAME}, revision: {COMMIT}}}
    pooling: mean
    preprocessing: {steps}
corpus:
  uri: data/corpus.jsonl
"""
    path.write_text(head + body)
    return path


@pytest.mark.parametrize(
    ("before", "after", "code", "message"),
    [
        (COMMIT, "main", 2, f"encoders.text.model.revision: 'main' is a name that can move, {COMMIT} now"),
        (COMMIT, OTHER, 3, f"encoders.text.model.revision: {NAME} has no commit {OTHER}"),
        (
            f"id: {NAME}",
            "id: example/nothing",
            3,
            "encoders.text.model.id: the hub has no model example/nothing",
        ),
        (f", revision: {COMMIT}", "", 2, "encoders.text.model.revision is missing"),
    ],
)
def test_what_the_hub_does_not_have(
    repo: Path, written: Path, model: Path, tmp_path: Path, before: str, after: str, code: int, message: str
) -> None:
    written.write_text(written.read_text().replace(before, after))
    with serving(model) as hub:
        assert message in run(repo, hub, tmp_path / "hub", "encode", "texts", code=code).err


def test_without_a_network_the_cache_must_be_whole(
    repo: Path, written: Path, model: Path, tmp_path: Path
) -> None:
    with serving(model) as hub:
        said = run(repo, hub, tmp_path / "hub", "encode", "texts", code=3, is_offline=True)
    assert "is not whole in the hub's cache" in said.err
    assert f"hf download {NAME} --revision {COMMIT}" in said.err


def test_a_model_without_weights_in_safetensors(
    repo: Path, written: Path, model: Path, tmp_path: Path
) -> None:
    import shutil

    folder = tmp_path / "model"
    shutil.copytree(model, folder)
    (folder / "model.safetensors").unlink()
    with serving(folder) as hub:
        said = run(repo, hub, tmp_path / "hub", "encode", "texts", code=3)
        assert "pytorch_model.bin" not in hub.asked
    assert "encoders.text.model:" in said.err
    assert "has no weights in safetensors" in said.err
