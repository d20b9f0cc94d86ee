"""sentence-transformers folders: written by that library, described, encoded, and compared with its own rows."""

from __future__ import annotations

import shutil

import numpy as np
import pytest
from tiny_families import edit, save_text_model, text_spec
from tiny_models import save_clip

from embver.encode.describe import describe_folder
from embver.encode.model_files import describe_model
from embver.encode.models import load_encoder
from embver.encode.runner import encode
from embver.encode.spec import EncoderSpec, Item
from embver.errors import EncodeError

pytestmark = [
    pytest.mark.torch,
    pytest.mark.filterwarnings("ignore::DeprecationWarning"),
    pytest.mark.filterwarnings("ignore::FutureWarning"),
]


@pytest.fixture(scope="module")
def sentence():
    return pytest.importorskip("sentence_transformers")


@pytest.fixture(scope="module")
def inner(tmp_path_factory):
    """Return transformers folders by family, made when they are asked for."""
    made = {}

    def folder(family):
        if family not in made:
            made[family] = tmp_path_factory.mktemp(family)
            save_text_model(made[family], family)
        return made[family]

    return folder


def saved(sentence, folder, first, *more, **settings):
    """Save a chain of modules as sentence-transformers does, and return it."""
    from sentence_transformers import models

    torch = pytest.importorskip("torch")
    torch.manual_seed(8)
    transformer = models.Transformer(str(first))
    model = sentence.SentenceTransformer(modules=[transformer, *more], device="cpu", **settings)
    model.save(str(folder), create_model_card=False)
    return sentence.SentenceTransformer(str(folder), device="cpu", local_files_only=True)


def spec_of(folder, modality="text", **changes):
    """Return the spec that `embver new --from-model` would write for a folder."""
    described = describe_folder(folder, path="models/it")
    space = {"metric": "cosine", "normalized": False} | dict(described.space) | changes.pop("space", {})
    encoder = {**described.encoders[modality], **changes}
    return EncoderSpec.from_plain(modality, encoder, space, folder)


POOLED = [
    ("bert", "mean"), ("bert", "cls"), ("roberta", "max"), ("mpnet", "mean"), ("distilbert", "mean_sqrt_len_tokens"),
    ("modernbert", "weightedmean"), ("qwen3", "lasttoken"), ("gemma2", "lasttoken"), ("qwen3", "weightedmean"),
    ("t5", "mean"),
]  # fmt: skip


@pytest.mark.parametrize(("family", "mode"), POOLED)
def test_rows_equal_the_librarys_own(sentence, inner, tmp_path, texts, family, mode):
    from sentence_transformers import models

    own = saved(sentence, tmp_path, inner(family), models.Pooling(32, pooling_mode=mode), models.Normalize())
    sample = texts[:24]
    spec = spec_of(tmp_path)
    assert spec.normalized
    expected = own.encode([item.text for item in sample], batch_size=5)
    assert np.abs(encode(spec, sample).vectors - expected).max() < 1e-6


def test_layers_after_the_pooling(sentence, inner, tmp_path, texts):
    from sentence_transformers import models

    nn = pytest.importorskip("torch").nn
    own = saved(
        sentence, tmp_path, inner("bert"), models.Pooling(32, pooling_mode="mean"),
        models.Dense(32, 24, activation_function=nn.Tanh()),
        models.Dense(24, 16, bias=False, activation_function=nn.Identity()),
    )  # fmt: skip
    spec = spec_of(tmp_path)
    assert [dict(layer) for layer in spec.dense] == [
        {"path": "2_Dense", "activation": "tanh"},
        {"path": "3_Dense", "activation": "identity"},
    ]
    assert (spec.dimensions, spec.normalized, spec.projection) == (16, False, True)
    expected = own.encode([item.text for item in texts[:24]])
    assert np.abs(encode(spec, texts[:24]).vectors - expected).max() < 1e-6
    files = describe_model(tmp_path, modality="text")
    assert [entry["path"] for entry in files.weights] == [
        "model.safetensors", "2_Dense/model.safetensors", "3_Dense/model.safetensors",
    ]  # fmt: skip
    assert {
        "modules.json",
        "1_Pooling/config.json",
        "2_Dense/config.json",
        "config.json",
        "tokenizer.json",
    } <= {entry["path"] for entry in files.files}


def test_a_shorter_vector_is_normalised_after_the_cut(sentence, inner, tmp_path, texts):
    from sentence_transformers import models

    own = saved(
        sentence, tmp_path, inner("bert"), models.Pooling(32, pooling_mode="mean"), models.Normalize()
    )
    spec = spec_of(tmp_path, truncate_dimensions=8, space={"dimensions": 8})
    expected = own.encode([item.text for item in texts[:24]], truncate_dim=8, normalize_embeddings=True)
    rows = encode(spec, texts[:24]).vectors
    assert rows.shape == (24, 8)
    assert np.abs(rows - expected).max() < 1e-6


def test_prompts_by_role(sentence, inner, tmp_path, texts):
    from sentence_transformers import models

    own = saved(
        sentence, tmp_path, inner("bert"), models.Pooling(32, pooling_mode="mean"), models.Normalize(),
        prompts={"query": "a red ", "passage": "the house ", "document": ""}, default_prompt_name="passage",
    )  # fmt: skip
    spec = spec_of(tmp_path)
    assert dict(spec.prompts) == {"query": "a red ", "document": "the house "}
    sample = texts[:16]
    words = [item.text for item in sample]
    assert np.abs(encode(spec, sample, role="query").vectors - own.encode_query(words)).max() < 1e-6
    assert np.abs(encode(spec, sample, role="document").vectors - own.encode(words)).max() < 1e-6


def test_lower_case_and_a_limit_of_its_own(sentence, inner, tmp_path):
    from sentence_transformers import models

    own = saved(
        sentence, tmp_path, inner("bert"), models.Pooling(32, pooling_mode="mean"), prompts={"query": "RED "}
    )
    edit(tmp_path / "sentence_bert_config.json", do_lower_case=True, max_seq_length=9)
    own = sentence.SentenceTransformer(str(tmp_path), device="cpu", local_files_only=True)
    spec = spec_of(tmp_path)
    assert spec.preprocessing[-1]["max_length"] == 9
    words = ["Red CAT", "DOG with tears of joy and the sun in the house with a tree"]
    items = [Item(id=word, text=word) for word in words]
    assert np.abs(encode(spec, items, role="document").vectors - own.encode(words)).max() < 1e-6
    assert np.abs(encode(spec, items, role="query").vectors - own.encode_query(words)).max() < 1e-6


def test_a_clip_folder_has_features_of_two_modalities(sentence, tmp_path, texts, image_folder):
    from tiny_models import Image, transformers

    from embver.encode.blob import Blob

    save_clip(tmp_path / "plain")
    image = transformers.CLIPImageProcessorPil.from_pretrained(tmp_path / "plain")
    tokenizer = transformers.AutoTokenizer.from_pretrained(tmp_path / "plain")
    transformers.CLIPProcessor(image_processor=image, tokenizer=tokenizer).save_pretrained(tmp_path / "plain")
    own = saved(sentence, tmp_path / "own", tmp_path / "plain")
    words = [item.text for item in texts[:12]]
    expected = own.encode(words)
    assert np.abs(encode(spec_of(tmp_path / "own"), texts[:12]).vectors - expected).max() < 2e-6
    files = sorted(image_folder.glob("*.png"))[:6]
    pictures = own.encode([Image.open(file) for file in files])
    items = [Item(id=file.name, blob=Blob.of(file)) for file in files]
    spec = spec_of(tmp_path / "own", modality="image")
    assert np.abs(encode(spec, items).vectors - pictures).max() < 2e-6


def test_an_image_encoder_of_modules(sentence, tmp_path, image_folder):
    from sentence_transformers import models
    from tiny_families import VISION, made
    from tiny_models import Image, transformers

    from embver.encode.blob import Blob

    plain = tmp_path / "plain"
    made(lambda: transformers.ViTModel(transformers.ViTConfig(**VISION), add_pooling_layer=False), plain)
    transformers.ViTImageProcessorPil(size={"height": 32, "width": 32}).save_pretrained(plain)
    own = saved(sentence, tmp_path / "own", plain, models.Pooling(32, pooling_mode="cls"), models.Normalize())
    files = sorted(image_folder.glob("*.png"))[:6]
    expected = own.encode([Image.open(file) for file in files])
    spec = spec_of(tmp_path / "own", modality="image")
    assert (spec.pooling, spec.normalized) == ("cls", True)
    items = [Item(id=file.name, blob=Blob.of(file)) for file in files]
    assert np.abs(encode(spec, items).vectors - expected).max() < 1e-6


def test_a_modality_that_the_modules_do_not_read(sentence, inner, tmp_path):
    from sentence_transformers import models
    from tiny_models import IMAGE_STEPS

    saved(sentence, tmp_path, inner("bert"), models.Pooling(32, pooling_mode="mean"))
    plain = {"pooling": "mean", "preprocessing": IMAGE_STEPS}
    spec = EncoderSpec.from_plain("image", plain, {"dimensions": 32, "normalized": True}, tmp_path)
    with pytest.raises(EncodeError, match=r"encoders\.image\.model: the model's modules read text only"):
        load_encoder(spec, device="cpu")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"pooling": "cls"}, "encoders.text.pooling: the model's Pooling module says mean, not cls"),
        ({"dense": []}, "encoders.text.dense: the model's modules are [{path: 2_Dense, activation: tanh}]"),
        ({"space": {"normalized": False}}, "space.normalized: the model's Normalize module"),
        ({"dense": [{"path": "2_Dense", "activation": "relu"}]}, "the model's modules are"),
    ],
)
def test_a_card_that_says_otherwise_is_refused(sentence, inner, tmp_path, change, message):
    from sentence_transformers import models

    saved(
        sentence, tmp_path, inner("bert"), models.Pooling(32, pooling_mode="mean"), models.Dense(32, 16),
        models.Normalize(),
    )  # fmt: skip
    projection = {"projection": None} if change.get("dense") == [] else {}
    with pytest.raises(EncodeError) as caught:
        load_encoder(spec_of(tmp_path, **change, **projection), device="cpu")
    assert message in caught.value.message


@pytest.mark.parametrize(
    ("entry", "message"),
    [
        ({"path": "../2_Dense", "activation": "tanh"}, r"dense\[0\]\.path: a folder within the model's"),
        ({"path": "2_Dense", "activation": "softmax"}, r"dense\[0\]: path and activation are expected"),
        ({"path": "2_Dense"}, r"dense\[0\]: path and activation are expected"),
    ],
)
def test_a_layer_that_no_model_can_have(bert, entry, message):
    with pytest.raises(EncodeError, match=message):
        text_spec(bert, dense=[entry])


@pytest.mark.parametrize(
    ("file", "values", "message"),
    [
        (
            "2_Dense/config.json",
            {"activation_function": "my.code.Snake"},
            "2_Dense has the activation my.code.Snake",
        ),
        ("2_Dense/config.json", {"use_residual": True}, "2_Dense adds or reads another row"),
        ("1_Pooling/config.json", {"include_prompt": False}, "leaves the prompt out when it pools"),
        ("1_Pooling/config.json", {"pooling_mode": ["cls", "mean"]}, r"pools by cls \+ mean"),
        ("config_sentence_transformers.json", {"similarity_fn_name": "manhattan"}, "compares by manhattan"),
        ("sentence_bert_config.json", {"transformer_task": "fill-mask"}, "is made for fill-mask"),
        ("sentence_bert_config.json", {"query_length": 8}, "says what no card expresses: query_length"),
        (
            "sentence_bert_config.json",
            {"processing_kwargs": {"text": {"padding": True}}},
            "processing_kwargs",
        ),
        ("sentence_bert_config.json", {"model_kwargs": {"num_hidden_layers": 1}}, "num_hidden_layers"),
    ],
)
def test_what_no_card_expresses_is_refused_by_name(sentence, inner, tmp_path, file, values, message):
    from sentence_transformers import models

    folder = tmp_path / "model"
    saved(sentence, folder, inner("bert"), models.Pooling(32, pooling_mode="mean"), models.Dense(32, 16))
    edit(folder / file, **values)
    with pytest.raises(EncodeError, match=message):
        describe_folder(folder, path="models/it")


def test_layers_whose_weights_are_pickled_need_leave(sentence, inner, tmp_path, texts):
    from sentence_transformers import models

    torch = pytest.importorskip("torch")
    from safetensors.torch import load_file

    own = saved(
        sentence, tmp_path, inner("bert"), models.Pooling(32, pooling_mode="mean"), models.Dense(32, 16)
    )
    spec = spec_of(tmp_path)
    file = tmp_path / "2_Dense/model.safetensors"
    torch.save(load_file(file), file.with_name("pytorch_model.bin"))
    file.unlink()
    with pytest.raises(
        EncodeError, match=r"2_Dense has no weights in safetensors \(pickled weights are not loaded\)"
    ):
        load_encoder(spec, device="cpu")
    allowed = spec_of(tmp_path, model={"path": "models/it", "allow_pickle": True})
    expected = own.encode([item.text for item in texts[:8]])
    assert np.abs(encode(allowed, texts[:8]).vectors - expected).max() < 1e-6
    weights = describe_model(tmp_path, modality="text", allow_pickle=True).weights
    assert weights[-1]["path"] == "2_Dense/pytorch_model.bin"


def test_a_transformer_in_a_folder_of_its_own(sentence, inner, tmp_path, texts):
    """As sentence-transformers wrote them until 2.x: `0_Transformer` below the folder of modules.json."""
    from sentence_transformers import models

    own = saved(sentence, tmp_path / "new", inner("bert"), models.Pooling(32, pooling_mode="mean"))
    old = tmp_path / "old"
    shutil.copytree(tmp_path / "new", old)
    (old / "0_Transformer").mkdir()
    for file in [*old.glob("*.json"), *old.glob("*.safetensors")]:
        if file.name not in ("modules.json", "config_sentence_transformers.json"):
            file.rename(old / "0_Transformer" / file.name)
    text = (old / "modules.json").read_text().replace('"path": ""', '"path": "0_Transformer"')
    (old / "modules.json").write_text(text)
    expected = own.encode([item.text for item in texts[:8]])
    assert np.abs(encode(spec_of(old), texts[:8]).vectors - expected).max() < 1e-6
    files = describe_model(old, modality="text")
    assert files.weights[0]["path"] == "0_Transformer/model.safetensors"
    assert "0_Transformer/config.json" in {entry["path"] for entry in files.files}
