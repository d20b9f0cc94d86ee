"""A card in full, as plain data, and ways to change one field of a copy of it."""

from __future__ import annotations

import copy
from typing import Any


def sha(letter: str) -> str:
    """Return something that looks like a SHA-256."""
    return letter * 64


_CARD: dict[str, Any] = {
    "schema": 1,
    "name": "products",
    "version": "2.1.0",
    "title": "Product search embeddings",
    "description": "Image and text vectors of the shop catalogue.",
    "license": "Apache-2.0",
    "authors": [{"name": "Search team", "contact": "search@example.org"}],
    "intended_use": ["image-text retrieval in the shop"],
    "limitations": ["captions are English and German only"],
    "space": {
        "dimensions": 512,
        "served_dimensions": [512, 256],
        "metric": "cosine",
        "normalized": True,
        "kind": "dense",
        "dtype": "float32",
    },
    "encoders": {
        "image": {
            "model": {"id": "example/clip", "revision": "3f1c", "tag": "clip-v3", "license": "MIT"},
            "base": {"id": "openai/clip", "revision": "3d74", "relation": "finetune"},
            "architecture": {"family": "CLIP", "class": "CLIPModel", "backbone": "ViT-B/32", "parameters": 9},
            "weights": [{"path": "model.safetensors", "sha256": sha("0"), "size_bytes": 605157884}],
            "files": [{"path": "config.json", "sha256": sha("4"), "size_bytes": 1472}],
            "pooling": "cls",
            "projection": True,
            "preprocessing": [
                {"step": "decode", "library": "pillow", "exif_rotate": True, "mode": "RGB"},
                {
                    "step": "resize",
                    "size": 224,
                    "edge": "shortest",
                    "interpolation": "bicubic",
                    "antialias": True,
                },
                {"step": "center_crop", "size": 224},
                {"step": "rescale", "factor": 0.00392156862745098},
                {"step": "normalize", "mean": [0.48, 0.46, 0.41], "std": [0.27, 0.26, 0.28]},
            ],
            "processor_sha256": sha("7"),
        },
        "text": {
            "model": {"id": "example/clip", "revision": "3f1c"},
            "pooling": "eos",
            "projection": True,
            "prompts": {"query": "", "document": "a picture of "},
            "preprocessing": [
                {"step": "unicode_normalize", "form": "NFKC"},
                {"step": "tokenize", "tokenizer": "CLIPTokenizerFast", "max_length": 77, "truncation": "end"},
            ],
            "tokenizer_sha256": sha("9"),
            "languages": ["en", "de"],
        },
    },
    "training": {
        "data": [
            {
                "name": "shop-images",
                "version": "v1.2",
                "uri": "data/images.dvc",
                "tracked_by": "dvc",
                "digest": "md5:a304",
                "rows": 1204331,
                "role": "train",
            },
            {"name": "shop-captions", "version": "v1.2", "uri": "data/captions.parquet", "rows": 2408662},
        ],
        "objective": {"loss": "contrastive", "temperature": "learned"},
        "hyperparameters": {"optimizer": "adamw", "learning_rate": 1.0e-5, "betas": [0.9, 0.98], "seed": 7},
        "run": {"tracker": "mlflow", "uri": "mlflow:sqlite:///mlflow.db#8f0a"},
        "code": {"commit": "5f2d", "dirty": False},
    },
    "corpus": {
        "name": "catalogue",
        "version": "2026-11-01",
        "uri": "data/catalogue.jsonl",
        "columns": {"text": "caption"},
        "digest": "sha256:c1d2",
    },
    "changes": [{"area": "training.data", "text": "Adds 40,000 studio photographs."}],
    "override": None,
    "allowed_regressions": None,
    "fingerprint": "space:sha256:1b9c",
    "encode": {
        "profile": "strict",
        "precision": {"weights": "float32", "compute": "float32", "pooling": "float32"},
        "batch": {"size": {"image": 256, "text": 1024}, "padding": "buckets", "order": "length"},
        "flags": {"deterministic_algorithms": True, "tf32": False},
        "seed": 7,
        "hardware": {"accelerator": "NVIDIA H200", "count": 1, "driver": "580.159", "cpu": "AMD EPYC 9654"},
        "software": {"python": "3.12.3", "torch": "2.11.0", "pillow": "12.0.0"},
        "started": "2026-11-02T09:14:07Z",
        "elapsed_s": 118.4,
        "items_per_s": {"image": 10171.2, "text": 88120.0},
        "energy_j": 41250.5,
        "shard_rows": 16384,
        "skipped": {"image": 2},
        "copied": {"image": 1892},
        "stages_s": {"forward": 104.1},
        "tuned": {"text": 512},
        "environment": f"env:sha256:{'5' * 64}",
        "floor": {"measured_by": "batch 1 against batch 256", "recall_at_10": 0.9994},
    },
    "artifacts": [
        {
            "path": "image.safetensors",
            "role": "vectors",
            "modality": "image",
            "rows": 1204331,
            "sha256": sha("4"),
            "size_bytes": 2466469976,
            "content_digest": "sha256:90ce",
        },
        {"path": "ids.txt", "role": "ids", "rows": 1204331, "sha256": sha("5"), "size_bytes": 13247641},
        {
            "path": "probe.safetensors",
            "role": "probe",
            "sha256": sha("e"),
            "size_bytes": 4194816,
            "probe": {"name": "shop-1k", "digest": "sha256:0d1e", "items": 1024},
        },
    ],
    "benchmarks": [
        {
            "id": "shop-search-t2i",
            "dataset": {"id": "shop-search", "revision": "v3", "split": "test", "sha256": sha("6")},
            "metrics": [
                {"key": "ndcg@10", "value": 0.5634},
                {"key": "hit@1", "value": 0.4312, "main": True, "ci": {"low": 0.4176, "high": 0.4451}},
            ],
            "harness": {"name": "embver", "version": "0.1.0"},
            "date": "2026-11-02",
        }
    ],
    "compatibility": [
        {
            "against": "products@2.0.0",
            "verdict": "compatible",
            "level": "minor",
            "strata": [{"query": "text", "document": "image", "n": 1024, "verdict": "compatible"}],
        }
    ],
    "imported": [{"source": "mlflow", "uri": "mlflow:sqlite:///mlflow.db#8f0a4c1e", "version": "3.17.2"}],
    "status": {"state": "active"},
    "notes": [],
}

_ABSENT = object()


def a_card(**changed: Any) -> dict[str, Any]:
    """Return a fresh copy of the sample card; `changed` replaces top-level fields."""
    return copy.deepcopy(_CARD) | changed


def edited(path: str, value: Any = _ABSENT, *, card: dict[str, Any] | None = None) -> dict[str, Any]:
    """Return a copy with the field at `a/b/0/c` set to a value, or removed if none is given.

    A list's last index may be `-`: the value is appended, as in JSON Pointer.
    """
    copied = copy.deepcopy(card) if card is not None else a_card()
    *parents, last = path.split("/")
    place: Any = copied
    for part in parents:
        place = place[int(part)] if isinstance(place, list) else place[part]
    if isinstance(place, list):
        if last == "-":
            place.append(value)
        elif value is _ABSENT:
            del place[int(last)]
        else:
            place[int(last)] = value
    elif value is _ABSENT:
        del place[last]
    else:
        place[last] = value
    return copied
