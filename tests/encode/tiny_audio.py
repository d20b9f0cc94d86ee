"""Tiny seeded audio models of each family and clips to hear, made from config objects; no network, no downloads."""

from __future__ import annotations

import io
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from embver.encode.spec import EncoderSpec
from encode.tiny_models import save_tokenizer, torch, transformers

soundfile = pytest.importorskip("soundfile")
pytest.importorskip("soxr")

RATE = 16_000


def tone(seconds: float, *, rate: int = RATE, pitch: float = 440.0, channels: int = 1, seed: int = 0) -> Any:
    """Return a gliding tone with a little noise, float32 (n,) or (n, channels), within -1..1."""
    random = np.random.default_rng(seed)
    at = np.arange(round(seconds * rate)) / rate
    sound = 0.4 * np.sin(2 * np.pi * pitch * at * (1 + 0.1 * at)) + 0.05 * random.standard_normal(len(at))
    sound = np.clip(sound, -1, 1).astype(np.float32)
    return sound if channels == 1 else np.stack([sound / (n + 1) for n in range(channels)], axis=1)


def wav(sound: Any, rate: int = RATE, *, subtype: str = "FLOAT", format: str = "WAV") -> bytes:  # noqa: A002
    """Return the bytes of a sound file; FLOAT keeps every sample's bits."""
    file = io.BytesIO()
    soundfile.write(file, sound, rate, format=format, subtype=subtype)
    return file.getvalue()


def spread(model: Any) -> None:
    """Give a model seeded weights that are far from their tiny initial values."""
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            if parameter.dim() > 1 and "original0" not in name:
                parameter.copy_(torch.randn_like(parameter) * parameter[0].numel() ** -0.5)


def save_clap(
    folder: Path, *, is_fused: bool = False, seed: int = 0, extractor: Mapping[str, Any] | None = None
) -> None:
    torch.manual_seed(seed)
    text = {
        "vocab_size": 80, "hidden_size": 32, "num_hidden_layers": 1, "num_attention_heads": 2, "intermediate_size": 64,
        "max_position_embeddings": 40, "pad_token_id": 0, "bos_token_id": 2, "eos_token_id": 3,
    }  # fmt: skip
    audio = {
        "spec_size": 64, "num_mel_bins": 16, "patch_size": 4, "patch_stride": [4, 4], "depths": [1, 1],
        "num_attention_heads": [2, 4], "patch_embeds_hidden_size": 16, "hidden_size": 32, "window_size": 4,
        "enable_fusion": is_fused, "fusion_type": "aff_2d" if is_fused else None, "num_hidden_layers": 2,
    }  # fmt: skip
    config = transformers.ClapConfig(text_config=text, audio_config=audio, projection_dim=24)
    model = transformers.ClapModel(config)
    spread(model)
    model.save_pretrained(folder)
    save_tokenizer(folder)
    transformers.ClapFeatureExtractor(**(clap_extractor(is_fused) | dict(extractor or {}))).save_pretrained(
        folder
    )


def clap_extractor(is_fused: bool) -> dict[str, Any]:
    return {
        "feature_size": 16, "sampling_rate": RATE, "hop_length": 160, "max_length_s": 2, "fft_window_size": 512,
        "frequency_min": 50, "frequency_max": 7000, "truncation": "fusion" if is_fused else "rand_trunc",
    }  # fmt: skip


def save_speech(folder: Path, kind: str = "Wav2Vec2", *, norm: str = "group", seed: int = 0) -> None:
    """Save a Wav2Vec2, Hubert or WavLM; those with layer norm were trained with a mask."""
    torch.manual_seed(seed)
    config = getattr(transformers, f"{kind}Config")(
        hidden_size=24, num_hidden_layers=2, num_attention_heads=2, intermediate_size=48, conv_dim=(16, 16, 16),
        conv_kernel=(10, 8, 4), conv_stride=(5, 8, 8), num_feat_extract_layers=3, feat_extract_norm=norm,
        num_conv_pos_embeddings=8, num_conv_pos_embedding_groups=2, do_stable_layer_norm=norm == "layer",
    )  # fmt: skip
    model = getattr(transformers, f"{kind}Model")(config)
    spread(model)
    model.save_pretrained(folder)
    extractor = transformers.Wav2Vec2FeatureExtractor(return_attention_mask=norm == "layer")
    extractor.save_pretrained(folder)


def save_ast(folder: Path, *, seed: int = 0) -> None:
    torch.manual_seed(seed)
    config = transformers.ASTConfig(
        hidden_size=24, num_hidden_layers=1, num_attention_heads=2, intermediate_size=48, patch_size=16,
        frequency_stride=10, time_stride=10, max_length=100, num_mel_bins=32,
    )  # fmt: skip
    model = transformers.ASTModel(config)
    spread(model)
    model.save_pretrained(folder)
    transformers.ASTFeatureExtractor(max_length=100, num_mel_bins=32).save_pretrained(folder)


def audio_spec(folder: Path, steps: Any, *, dimensions: int = 24, **encoder: Any) -> EncoderSpec:
    plain = {"preprocessing": list(steps)} | encoder
    return EncoderSpec.from_plain("audio", plain, {"dimensions": dimensions, "normalized": True}, folder)
