"""Numbers with the units that their fields give them."""

from __future__ import annotations

import pytest

from embver.units import with_unit


@pytest.mark.parametrize(
    ("path", "value", "expected"),
    [
        ("encode/elapsed_s", 128.4, "128.4 s"),
        ("encode/items_per_s/image", 10171.2, "10,171.2 images/s"),
        ("encode/hardware/memory_gib", 139.8, "139.8 GiB"),
        ("encode/energy_j", 41250.5, "41,250.5 J"),
        ("artifacts/[a]/size_bytes", 12, "12 bytes"),
        ("artifacts/[a]/size_bytes", 1233234944, "1.2 GB (1,233,234,944 bytes)"),
        ("artifacts/[a]/rows", 1204331, "1,204,331"),
        ("encoders/text/preprocessing/[tokenize]/max_length", 77, "77 tokens"),
        ("encoders/audio/preprocessing/[resample]/rate", 16000, "16,000 Hz"),
        ("corpus/items/image", 1204331, "1,204,331"),
        ("training/hyperparameters/seed", 20261102, None),
        ("training/hyperparameters/learning_rate", 1e-5, None),
        ("space/normalized", True, None),
        ("title", "3 s", None),
    ],
)
def test_numbers_have_their_units(path: str, value: object, expected: str | None) -> None:
    assert with_unit(path.split("/"), value) == expected
