"""Make cards for measurements: released cards of 138 to 205 lines, right or wrong, with the files beside them."""

from __future__ import annotations

import argparse
import copy
import hashlib
import random
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from embver.card import space_id
from embver.pointer import Pointer
from embver.store.card_style import flow_text, scalar_text

NAMES = 20
ROWS, DIMENSIONS = 100_000, 512


def sha(*words: object) -> str:
    """Return a digest that depends on the words alone."""
    return hashlib.sha256(" ".join(map(str, words)).encode()).hexdigest()


def a_card(number: int) -> dict[str, Any]:
    """Return the card of the version with this number: NAME-<number % 20> at 1.<number // 20>.0."""
    dice = random.Random(number)
    name, minor = f"shop-{number % NAMES}", number // NAMES
    size_bytes = ROWS * DIMENSIONS * 2 + 88
    model = {"id": "example/clip-b32-shop", "revision": sha(name, minor)[:40], "license": "MIT"}
    plain: dict[str, Any] = {
        "schema": 1,
        "name": name,
        "version": f"1.{minor}.0",
        "title": f"Product search {number}",
        "description": "Image and text vectors of the shop catalogue, for search and similar-item pages.",
        "license": "Apache-2.0",
        "authors": [{"name": "Search team", "contact": "search@example.org"}],
        "space": {"dimensions": DIMENSIONS, "metric": "cosine", "normalized": True, "kind": "dense", "dtype": "float16"},
        "encoders": {
            "image": {
                "model": model,
                "architecture": {"family": "CLIP", "class": "CLIPModel", "backbone": "ViT-B/32", "parameters": 87849216},
                "weights": [{"path": "model.safetensors", "sha256": sha(name, minor, "weights"), "size_bytes": 605157884}],
                "processor_sha256": sha(name, "processor"),
                "pooling": "cls",
                "projection": True,
                "preprocessing": [
                    {"step": "decode", "library": "pillow", "exif_rotate": True, "mode": "RGB"},
                    {"step": "resize", "size": 224, "edge": "shortest", "interpolation": "bicubic", "antialias": True},
                    {"step": "center_crop", "size": 224},
                    {"step": "rescale", "factor": 0.00392156862745098},
                    {"step": "normalize", "mean": [0.48145466, 0.4578275, 0.40821073], "std": [0.26862954, 0.26130258, 0.27577711]},
                ],
            },
            "text": {
                "model": model,
                "architecture": {"family": "CLIP", "class": "CLIPModel", "parameters": 63428096},
                "tokenizer_sha256": sha(name, "tokenizer"),
                "pooling": "eos",
                "prompts": {"query": "", "document": ""},
                "preprocessing": [
                    {"step": "unicode_normalize", "form": "NFKC"},
                    {"step": "tokenize", "tokenizer": "CLIPTokenizerFast", "max_length": 77, "truncation": "end"},
                ],
                "languages": ["en", "de"],
            },
        },
        "training": {
            "data": [
                {"name": f"shop-{what}", "version": f"v1.{minor}", "rows": ROWS, "license": "LicenseRef-internal", "role": "train"}
                for what in ("images", "captions")
            ],
            "objective": {"loss": "contrastive", "temperature": "learned"},
            "hyperparameters": {"optimizer": "adamw", "learning_rate": 1e-05, "batch_size": 4096, "epochs": 3, "seed": number},
        },
        "changes": [{"area": "training.data", "text": "Adds studio photographs."}],
        "fingerprint": "",
        "encode": {
            "profile": "strict",
            "seed": 7,
            "hardware": {"accelerator": "NVIDIA H200", "count": 1, "cpu": "AMD EPYC 9654"},
            "software": {"python": "3.12.3", "torch": "2.11.0", "pillow": "12.0.0"},
            "started": "2026-11-02T09:14:07Z",
            "elapsed_s": 118.4,
        },
        "artifacts": [
            {"path": f"{modality}.safetensors", "role": "vectors", "modality": modality, "rows": ROWS,
             "sha256": sha(number, modality), "size_bytes": size_bytes}
            for modality in ("image", "text")
        ]
        + [{"path": "ids.txt", "role": "ids", "rows": ROWS, "sha256": sha(number, "ids"), "size_bytes": ROWS * 11}],
        "benchmarks": [],
        "status": {"state": "active"},
    }  # fmt: skip
    plain["fingerprint"] = space_id(plain)
    for index in range(dice.randint(0, 5)):
        value = round(dice.uniform(0.3, 0.6), 4)
        plain["benchmarks"].append(
            {
                "id": f"search-{index}",
                "dataset": {"id": "shop-search", "revision": "v3", "split": "test"},
                "metrics": [
                    {"key": "hit@1", "value": value, "ci": {"low": round(value - 0.02, 4), "high": round(value + 0.02, 4)}},
                    {"key": "ndcg@10", "value": round(value + 0.1, 4)},
                ],
                "date": "2026-11-02",
            }
        )  # fmt: skip
    return plain


def with_mistakes(plain: Mapping[str, Any], number: int) -> dict[str, Any]:
    """Return a copy with four to seven mistakes."""
    dice, wrong = random.Random(-number), copy.deepcopy(dict(plain))
    text, image, space = wrong["encoders"]["text"], wrong["encoders"]["image"], wrong["space"]
    mistakes = [
        lambda: wrong.update(titel="Shop"),
        lambda: space.update(metric="cosin"),
        lambda: space.update(normalized="yes"),
        lambda: text.update(poling="eos"),
        lambda: image["preprocessing"][1].update(size=-224),
        lambda: image["preprocessing"][2].pop("size"),
        lambda: wrong["artifacts"][0].update(sha256="4b22"),
        lambda: wrong["artifacts"][1].update(role="vector"),
        lambda: wrong["encode"].update(started="2.11.2026"),
        lambda: wrong["status"].update(state="retired"),
    ]
    for mistake in dice.sample(mistakes, dice.randint(4, 7)):
        mistake()
    return wrong


def block_text(value: Any, indent: int = 0) -> list[str]:
    """Return a mapping as lines, one value a line as most people write them; lists of numbers stay on one."""
    lines, pad = [], " " * indent
    for key, item in value.items():
        if isinstance(item, Mapping) and item:
            lines += [f"{pad}{key}:", *block_text(item, indent + 2)]
        elif isinstance(item, list) and item and isinstance(item[0], Mapping):
            lines.append(f"{pad}{key}:")
            for entry in item:
                first, *rest = block_text(entry, indent + 4)
                lines += [f"{pad}  - {first.lstrip()}", *rest]
        else:
            lines.append(
                f"{pad}{key}: {flow_text(item) if isinstance(item, list | Mapping) else scalar_text(item)}"
            )
    return lines


def write_cards(folder: Path, count: int, *, wrong: bool = False, files: bool = False) -> list[Path]:
    """Write `count` cards as embeddings/NAME/VERSION/card.yaml, with pointers and checksums beside them if asked."""
    written = []
    for number in range(count):
        plain = a_card(number)
        ids = "".join(f"{number}-{row}\n" for row in range(3)).encode()
        if files:
            plain["artifacts"][2] |= {
                "rows": ROWS,
                "sha256": hashlib.sha256(ids).hexdigest(),
                "size_bytes": len(ids),
            }
        home = folder / "embeddings" / plain["name"] / plain["version"]
        home.mkdir(parents=True, exist_ok=True)
        if files:
            for entry in plain["artifacts"][:2]:
                pointer = Pointer(sha256=entry["sha256"], size_bytes=entry["size_bytes"])
                (home / entry["path"]).write_bytes(pointer.format())
            (home / "ids.txt").write_bytes(ids)
            sums = "".join(f"{entry['sha256']}  {entry['path']}\n" for entry in plain["artifacts"])
            (home / "SHA256SUMS").write_text(sums, encoding="utf-8")
        if wrong:
            plain = with_mistakes(plain, number)
        head = "# yaml-language-server: $schema=https://embver.org/schemas/card/v1.json"
        (home / "card.yaml").write_text("\n".join([head, *block_text(plain), ""]), encoding="utf-8")
        written.append(home / "card.yaml")
    return written


def main() -> int:
    """Write cards into a folder, and say how long they are."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--count", type=int, default=1000)
    parser.add_argument("--wrong", action="store_true")
    parser.add_argument("--files", action="store_true")
    asked = parser.parse_args()
    cards = write_cards(asked.folder, asked.count, wrong=asked.wrong, files=asked.files)
    lines = [card.read_text(encoding="utf-8").count("\n") for card in cards]
    size = sum(card.stat().st_size for card in cards) / len(cards)
    print(
        f"{len(cards)} cards, {min(lines)} to {max(lines)} lines, {sum(lines) / len(lines):.0f} on average, {size:.0f} bytes"
    )
    return 0


if __name__ == "__main__":
    sys.exit(main())
