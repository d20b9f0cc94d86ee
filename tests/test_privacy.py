from __future__ import annotations

import pytest

from embver.privacy import private_part, without_credentials


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("api_key", "abc"),
        ("HF_TOKEN", "anything"),
        ("wandb.password", "x"),
        ("note", "hf_ABCDEFGHIJKLMNOPQRSTUVWX"),
        ("note", "ghp_ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"),
        ("aws", "AKIAIOSFODNN7EXAMPLE"),
        ("auth", {"user": "x"}),
        ("jwt", "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0NTY3ODkwIn0.dozjgNryP4J3jVmNHl0w5N"),
    ],
)
def test_secrets_are_private(name: str, value: object) -> None:
    assert private_part(name, value) == "it may be a secret"


@pytest.mark.parametrize("name", ["user", "mlflow.user", "hostname", "host", "trainer.email", "env"])
def test_names_of_people_and_machines_are_private(name: str) -> None:
    assert private_part(name, "ada") == "it names a person or a machine"


@pytest.mark.parametrize(
    "value", ["ada@example.org", "written by ada.lovelace+x@mail.example.co.uk, 1843", "<ada@example.org>"]
)
def test_addresses_of_people_are_private(value: str) -> None:
    assert private_part("note", value) == "it holds an e-mail address"


@pytest.mark.parametrize(
    "value",
    [
        "/home/ada/data",
        "file:///Users/ada/x",
        "--out=/mnt/disk1/run",
        "~/models/clip",
        "C:\\Users\\ada\\x",
        "C:/data/x",
        "\\\\server\\share\\x",
        "python train.py /data/images",
        "/etc/passwd",
    ],
)
def test_places_on_a_disk_are_private(value: str) -> None:
    assert private_part("path", value) == "it is a place on somebody's disk"


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("max_tokens", 77),
        ("tokenizer", "CLIPTokenizerFast"),
        ("num_tokens_per_batch", 4096),
        ("pad_token", "[PAD]"),
        ("image_token_id", 32000),
        ("learning_rate", 1e-5),
        ("author", "Ada Lovelace"),
        ("model", "openai/clip-vit-base-patch32"),
        ("uri", "https://example.org/home/data"),
        ("uri", "s3://bucket/data/x.tar"),
        ("uri", "data/images.dvc"),
        ("compatible_with", "products@2.0.0"),
        ("tag", "products@v2.0.0"),
        ("repo", "git@example.org:team/embeddings.git"),
        ("ratio", "3/4"),
        ("augment", "flip/crop"),
        ("user_tower", "mlp"),
        ("hosts_per_node", 4),
        ("monkey", "business"),
        ("keys", "a"),
        ("temperature", "learned"),
        ("scheme", "a/b/c"),
        ("empty", ""),
        ("nothing", None),
    ],
)
def test_what_says_something_of_the_vectors_is_not_private(name: str, value: object) -> None:
    assert private_part(name, value) is None


def test_addresses_lose_their_credentials_and_nothing_else() -> None:
    told = {
        "a": "https://ada:secret@example.org/x?X-Amz-Signature=abc&part=2",
        "b": ["http://token@example.org", "s3://bucket/key", "git@example.org:x"],
        "c": 4,
    }
    assert without_credentials(told) == {
        "a": "https://example.org/x?X-Amz-Signature=...&part=2",
        "b": ["http://example.org", "s3://bucket/key", "git@example.org:x"],
        "c": 4,
    }
