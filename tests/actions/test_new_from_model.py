"""`embver new --from-model`: what a model folder's own files say stands in the new card; nothing heavy is loaded."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from embver.encode.describe import describe_folder
from embver.errors import EncodeError
from embver.store.cards import read_card_text
from sandbox import Said, embver, git

pytestmark = [pytest.mark.torch]

ROOT = Path(__file__).resolve().parents[2]


def write(path: Path, plain: object) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(plain), encoding="utf-8")


@pytest.fixture
def repo(tmp_path: Path) -> Path:
    root = tmp_path / "repository"
    root.mkdir()
    git(root, "init", "-q", "-b", "main")
    embver("-C", str(root), "init")
    return root


@pytest.fixture(scope="session")
def bert(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Save a tiny BERT with its tokenizer, as sentence-transformers keeps it in its own folder."""
    from encode.tiny_models import save_tokenizer, transformers

    folder = tmp_path_factory.mktemp("bert")
    config = transformers.BertConfig(
        vocab_size=80, hidden_size=48, num_hidden_layers=1, num_attention_heads=4, intermediate_size=96,
        max_position_embeddings=64,
    )  # fmt: skip
    transformers.BertModel(config, add_pooling_layer=False).save_pretrained(folder)
    save_tokenizer(folder)
    return folder


NEW = "sentence_transformers.base.modules.transformer.Transformer"
OLD = "sentence_transformers.models.Transformer"


def sentence_folder(
    root: Path, bert: Path, *more: tuple[str, str, dict], kind: str = NEW, **settings: object
) -> Path:
    """Write a folder as `SentenceTransformer.save` does; `more` are (class, folder, config)."""
    import shutil

    folder = root / "models/sentence"
    shutil.copytree(bert, folder)
    modules = [{"idx": 0, "name": "0", "path": "", "type": kind}]
    for number, (name, place, config) in enumerate(more, start=1):
        modules.append(
            {
                "idx": number,
                "name": str(number),
                "path": place,
                "type": f"sentence_transformers.models.{name}",
            }
        )
        write(folder / place / "config.json", config)
    write(folder / "modules.json", modules)
    write(folder / "config_sentence_transformers.json", settings)
    return folder


def new(repo: Path, *arguments: str, code: int = 0) -> Said:
    said = embver("-C", str(repo), "new", "texts", *arguments)
    assert said.code == code, said.text
    return said


def card(repo: Path) -> dict:
    text = read_card_text((repo / "embeddings/texts/next/card.yaml").read_bytes(), path="card.yaml")
    assert text.problems == ()
    assert text.text.startswith("# yaml-language-server: $schema=https://embver.org/schemas/card/v1.json\n")
    assert embver("-C", str(repo), "validate").text.strip() == "1 card checked"
    return text.plain


OLD_POOLING = {
    "word_embedding_dimension": 48,
    "pooling_mode_cls_token": False,
    "pooling_mode_mean_tokens": True,
}
NEW_POOLING = {"embedding_dimension": 48, "pooling_mode": "lasttoken", "include_prompt": True}


@pytest.mark.parametrize(
    ("kind", "config", "pooling"),
    [(OLD, OLD_POOLING, "mean"), (NEW, NEW_POOLING, "last")],
    ids=["old", "new"],
)
def test_a_sentence_transformers_folder(
    repo: Path, bert: Path, kind: str, config: dict, pooling: str
) -> None:
    folder = sentence_folder(
        repo,
        bert,
        ("Pooling", "1_Pooling", config),
        ("Normalize", "2_Normalize", {}),
        kind=kind,
        prompts={"query": "query: ", "passage": "passage: ", "clustering": "cluster: "},
        similarity_fn_name="dot",
    )
    write(folder / "sentence_bert_config.json", {"max_seq_length": 24, "do_lower_case": True})
    new(repo, "--from-model", "models/sentence")
    plain = card(repo)
    assert plain["space"] == {
        "dimensions": 48, "metric": "dot", "normalized": True, "kind": "dense", "dtype": "float32"
    }  # fmt: skip
    assert plain["encoders"] == {
        "text": {
            "model": {"path": "models/sentence"},
            "pooling": pooling,
            "prompts": {"query": "query: ", "document": "passage: "},
            "preprocessing": [
                {"step": "lowercase"},
                {
                    "step": "tokenize",
                    "tokenizer": "TokenizersBackend",
                    "max_length": 24,
                    "truncation": "end",
                },
            ],
        }
    }


def test_without_a_normalize_module_vectors_have_any_length(repo: Path, bert: Path) -> None:
    sentence_folder(repo, bert, ("Pooling", "1_Pooling", OLD_POOLING))
    new(repo, "--from-model", "models/sentence")
    assert card(repo)["space"]["normalized"] is False


def test_a_dense_module_is_a_projection(repo: Path, bert: Path) -> None:
    dense = {
        "in_features": 48,
        "out_features": 16,
        "bias": True,
        "activation_function": "torch.nn.modules.activation.Tanh",
    }
    sentence_folder(repo, bert, ("Pooling", "1_Pooling", OLD_POOLING), ("Dense", "2_Dense", dense))
    new(repo, "--from-model", "models/sentence")
    plain = card(repo)
    assert plain["space"]["dimensions"] == 16
    assert plain["encoders"]["text"]["projection"] is True
    assert plain["encoders"]["text"]["dense"] == [{"path": "2_Dense", "activation": "tanh"}]


def test_a_folder_that_does_not_say_how_it_pools(repo: Path, bert: Path) -> None:
    import shutil

    shutil.copytree(bert, repo / "models/bert")
    said = new(repo, "--from-model", "models/bert")
    assert "note: encoders.text.pooling: the model's files do not say how it pools" in said.err
    assert "pooling" not in card(repo)["encoders"]["text"]


@pytest.mark.parametrize(
    ("more", "said"),
    [
        ((("WordWeights", "1_WordWeights", {}),), "the module WordWeights, which no card expresses"),
        ((("Pooling", "1_Pooling", {"pooling_mode": ["cls", "mean"]}),), "pools by cls + mean"),
        (
            (("Pooling", "1_Pooling", {"pooling_mode": "median"}),),
            "pools by median",
        ),
        (
            (("Pooling", "1_Pooling", {"pooling_mode": "mean", "include_prompt": False}),),
            "leaves the prompt out",
        ),
        ((("Pooling", "../1_Pooling", OLD_POOLING),), "outside of the folder"),
    ],
)
def test_what_no_card_expresses_is_refused(repo: Path, bert: Path, more: tuple, said: str) -> None:
    sentence_folder(repo, bert, *more)
    assert said in new(repo, "--from-model", "models/sentence", code=3).text
    assert not (repo / "embeddings").exists()


def test_a_clip_folder(repo: Path, models: Path) -> None:
    import shutil

    shutil.copytree(models / "first", repo / "models/clip")
    new(repo, "--from-model", "models/clip/")
    plain = card(repo)
    assert plain["space"]["dimensions"] == 32
    text, image = plain["encoders"]["text"], plain["encoders"]["image"]
    assert (text["pooling"], image["pooling"]) == ("eos", "cls")
    assert text["projection"] is image["projection"] is True
    assert text["model"] == image["model"] == {"path": "models/clip"}
    assert [step["step"] for step in image["preprocessing"]] == [
        "decode",
        "resize",
        "center_crop",
        "rescale",
        "normalize",
    ]


def test_another_model_for_the_next_version(story) -> None:
    """After a release the card goes on as it was; what the new model decides is written into it."""
    story.embver("new", "emoji", "--from-model", "models/clip")
    text = story.card.read_text()
    assert text.startswith("# The card of one version.\n")
    plain = read_card_text(text, path="card.yaml").plain
    assert plain["title"] == "Emoji search embeddings"
    assert [step["step"] for step in plain["encoders"]["text"]["preprocessing"]] == ["tokenize"]
    assert plain["encoders"]["image"]["pooling"] == "cls"


@pytest.mark.parametrize(
    ("path", "said"),
    [
        ("models/none", "models/none is no folder; of a model in the hub, a version names the commit"),
        ("models/none@main", "is no folder; of a model in the hub, a version names the commit"),
        ("models/bert/none", "models/bert/none is no folder"),
        ("..", "lies outside of the repository"),
    ],
)
def test_a_path_that_is_no_model_of_the_repository(repo: Path, path: str, said: str) -> None:
    assert said in new(repo, "--from-model", path, code=2).text


def test_a_folder_without_modules_is_refused(tmp_path: Path) -> None:
    write(tmp_path / "modules.json", [])
    with pytest.raises(EncodeError, match="lists no module"):
        describe_folder(tmp_path, path="x")
    (tmp_path / "modules.json").write_text("{")
    with pytest.raises(EncodeError, match="is not a list of modules"):
        describe_folder(tmp_path, path="x")


def test_nothing_heavy_is_loaded(repo: Path, bert: Path) -> None:
    sentence_folder(repo, bert, ("Pooling", "1_Pooling", OLD_POOLING))
    code = (
        "import sys; from embver.cli import main\n"
        f"assert main(['-C', {str(repo)!r}, 'new', 'texts', '--from-model', 'models/sentence']) == 0\n"
        "assert not {'torch', 'transformers', 'tokenizers', 'PIL'} & set(sys.modules)"
    )
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    subprocess.run([sys.executable, "-c", code], check=True, env=environment)
