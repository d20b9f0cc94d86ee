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


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("clientSecret", "abc"),
        ("hfToken", "abc"),
        ("session_token", "abc"),
        ("authorization", "abc"),
        ("note", "ASIAIOSFODNN7EXAMPLE"),
        ("note", "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"),
        ("note", "AIza" + "A1" * 17 + "b"),
        ("note", "npm_" + "a1" * 18),
        ("command", "python train.py --wandb-api-key 0123abcd"),
        ("command", "HF_TOKEN=abcdefgh python train.py"),
        ("header", "Authorization: Bearer abcdefghijklmnop"),
        ("storage", "AccountName=x;AccountKey=abcd=="),
        ("auth", {"method": {"value": "x"}}),
    ],
)
def test_secrets_in_other_spellings_are_private(name: str, value: object) -> None:
    assert private_part(name, value) == "it may be a secret"


@pytest.mark.parametrize(
    "value", ["ada@163.com", "products@2.0.0 by ada@example.org", "git@x.org:a, ada@x.org"]
)
def test_an_address_beside_a_reference_is_private(value: str) -> None:
    assert private_part("note", value) == "it holds an e-mail address"


@pytest.mark.parametrize(
    "value",
    [
        "python -m train --data=/cluster/x/y",
        "train --root /gpu1/ada/x",
        "~ada/x",
        "file:///x",
        "scp://gpu01/x",
    ],
)
def test_places_of_any_machine_are_private(value: str) -> None:
    assert private_part("command", value) == "it is a place on somebody's disk"


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("auth_loss", "0.1"),
        ("token_dropout", "0.1"),
        ("tokens", "1e9"),
        ("masked_token_rate", "0.15"),
        ("next_token_loss", "0.5"),
        ("prompt_tokens", [1, 2]),
        ("metric", "ndcg@10.mean"),
        ("pipeline", "sk-learn-pipeline-with-long-name-x"),
        ("words", "a secret ballot of tokens"),
        ("augment", "w/o aug"),
        ("ratio", "1/8/8"),
        ("run", "runs/train/exp3"),
        ("pattern", r"\w+\s"),
        ("model", "models:/shop-clip/1"),
        ("uri", "hf://datasets/acme/pairs"),
    ],
)
def test_ordinary_hyperparameters_are_not_private(name: str, value: object) -> None:
    assert private_part(name, value) is None
