"""Models and inputs that the tests of this folder share, made once a session."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from tiny_models import WORDS, Image, save_clip, save_tokenizer, torch, transformers

from embver.encode.blob import Blob
from embver.encode.spec import Item


@pytest.fixture(scope="session")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("clip")
    save_clip(folder)
    return folder


@pytest.fixture(scope="session")
def bert(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("bert")
    torch.manual_seed(1)
    config = transformers.BertConfig(
        vocab_size=80, hidden_size=48, num_hidden_layers=2, num_attention_heads=4, intermediate_size=96,
        max_position_embeddings=32,
    )  # fmt: skip
    transformers.BertModel(config, add_pooling_layer=False).save_pretrained(folder)
    save_tokenizer(folder)
    return folder


@pytest.fixture(scope="session")
def image_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("images")
    random = np.random.default_rng(5)
    for number in range(45):
        height, width = random.integers(20, 90, size=2)
        coarse = Image.fromarray(random.integers(0, 256, (7, 7, 3), dtype=np.uint8))
        coarse.resize((int(width), int(height)), Image.Resampling.BICUBIC).save(folder / f"{number:03}.png")
    return folder


@pytest.fixture(scope="session")
def images(image_folder: Path) -> list[Item]:
    return [Item(id=path.stem, blob=Blob.of(path)) for path in sorted(image_folder.glob("*.png"))]


@pytest.fixture(scope="session")
def texts() -> list[Item]:
    """Return 150 texts whose token counts reach each length from 3 to the limit, full buckets and holes alike."""
    random = np.random.default_rng(6)
    words = [" ".join(random.choice(WORDS, size=int(random.integers(1, 40)))) for _ in range(150)]
    return [Item(id=f"t{number}", text=text) for number, text in enumerate(words)]
