"""`embver import hf` on a real repository: what is taken, what is kept, what is refused, and that comments stay."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from sandbox import Sandbox

pytestmark = [pytest.mark.lfs, pytest.mark.xdist_group("imports")]

README = """\
---
license: mit
language: [no, en]
datasets: [acme/pairs]
base_model: openai/clip-vit-base-patch32
model-index:
- name: mini
  results:
  - task: {type: Retrieval}
    dataset: {type: acme/shop, name: Shop, split: test}
    metrics:
    - {type: ndcg_at_10, value: 0.31}
---
# mini
"""


@pytest.fixture
def begun(story: Sandbox) -> Sandbox:
    story.embver("new", "emoji")
    return story


def write(folder: Path, text: str | bytes, name: str = "README.md") -> Path:
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(text.encode() if isinstance(text, str) else text)
    return path


def test_a_card_is_taken_and_a_second_time_there_is_nothing_new(begun: Sandbox, tmp_path: Path) -> None:
    before = begun.card.read_text(encoding="utf-8")
    write(tmp_path / "hub", README)
    said = begun.embver("import", "hf", str(tmp_path / "hub"))
    after = begun.card.read_text(encoding="utf-8")
    assert "training.data[acme/pairs].uri" in said.out
    assert "acme/pairs" in after
    comments = [line.partition("#")[2] for line in before.splitlines() if "#" in line]
    assert [text for text in comments if text not in after] == []
    assert begun.embver("validate").code == 0
    again = begun.embver("import", "hf", str(tmp_path / "hub"))
    assert "nothing new in hf:README.md" in again.err
    assert begun.card.read_text(encoding="utf-8") == after


def test_what_the_card_says_already_is_kept_and_told(begun: Sandbox, tmp_path: Path) -> None:
    write(tmp_path / "hub", README)
    begun.embver("import", "hf", str(tmp_path / "hub"))
    write(tmp_path / "hub", README.replace("license: mit", "license: apache-2.0"))
    said = begun.embver("import", "hf", str(tmp_path / "hub"), "--json").json
    field = "encoders.text.model.license"
    kept = {entry["field"]: (entry["yours"], entry["theirs"]) for entry in said["kept"]}
    assert kept[field] == ("MIT", "Apache-2.0")
    replaced = begun.embver("import", "hf", str(tmp_path / "hub"), "--replace", "--json").json
    assert field in [entry["field"] for entry in replaced["replaced"]]
    assert "license: Apache-2.0" in begun.card.read_text(encoding="utf-8")


def test_a_dry_run_writes_nothing(begun: Sandbox, tmp_path: Path) -> None:
    state = begun.state()
    write(tmp_path / "hub", README)
    said = begun.embver("import", "hf", str(tmp_path / "hub"), "--dry-run")
    assert "nothing was written (--dry-run)" in said.err
    assert begun.state() == state


def test_another_model_s_licence_is_not_taken_for_this_one_s(begun: Sandbox, tmp_path: Path) -> None:
    folder = tmp_path / "models--acme--mini" / "snapshots" / ("3d74acf9" * 5)
    write(folder, README)
    said = begun.embver("import", "hf", str(folder), "--json").json
    assert said["uri"] == f"hf:acme/mini@{'3d74acf9' * 5}"
    assert not any(entry["field"].startswith("encoders.") for entry in said["taken"])
    assert any("the source is about acme/mini" in left["why"] for left in said["left_out"])


def test_without_leaves_a_field_alone(begun: Sandbox, tmp_path: Path) -> None:
    write(tmp_path / "hub", README)
    said = begun.embver("import", "hf", str(tmp_path / "hub"), "--without", "benchmarks", "--json").json
    assert not any(entry["field"].startswith("benchmarks") for entry in said["taken"])
    assert any(left["why"] == "you asked for it" for left in said["left_out"])


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("\ufeff" + README.replace("\n", "\r\n"), None),
        (README.replace("license: mit", "license: mit\nlicense: apache-2.0"), "README.md:3:1"),
        (README.replace("license: mit", "license: {a: b}"), "README.md: license"),
        ("# no front matter\n", None),
    ],
)
def test_nasty_cards_are_read_and_what_is_wrong_is_told(
    begun: Sandbox, tmp_path: Path, text: str, told: str | None
) -> None:
    write(tmp_path / "hub", text)
    said = begun.embver("import", "hf", str(tmp_path / "hub"), "--json").json
    fields = [entry["field"] for entry in said["taken"]]
    assert ("encoders.text.model.license" in fields) == (told is None and "license" in text)
    if told is not None:
        assert any(left["what"].startswith(told) for left in said["left_out"])
    assert begun.embver("validate").code == 0


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("---\nlicense: [mit\nlanguage: en\n---\n", "README.md:"),
        (b"---\nlicense: \xff\xfe\n---\n", "README.md:2: is not UTF-8"),
    ],
)
def test_what_cannot_be_read_is_refused_with_its_place(
    begun: Sandbox, tmp_path: Path, text: str | bytes, told: str
) -> None:
    state = begun.state()
    write(tmp_path / "hub", text)
    said = begun.embver("import", "hf", str(tmp_path / "hub"), code=3)
    assert told in said.err
    assert begun.state() == state


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (("hf", "nowhere"), "nowhere holds no README.md"),
        (("hf", ".", "--set", "modalities=audio"), "the card has no encoder of audio"),
        (("hf", ".", "--set", "colour=red"), "hf has no option colour"),
        (("word", "."), "there is no source word"),
        (("hf", ".", "--into", "emoji@1.0.0"), "emoji@1.0.0 is released"),
        (("hf", ".", "--into", "other@next"), "other has no working version"),
    ],
)
def test_what_is_asked_wrongly_is_refused(begun: Sandbox, arguments: tuple[str, ...], told: str) -> None:
    write(begun.root, README)
    said = begun.embver("import", *arguments, code=2)
    assert told in said.err


def test_a_value_that_would_make_the_card_invalid_is_refused_whole(begun: Sandbox, tmp_path: Path) -> None:
    begun.edit(("  dimensions: 32\n", "  dimensions: 32\n  served_dimensions: [32, 16]\n"))
    state = begun.state()
    folder = tmp_path / "hub"
    write(folder, json.dumps([{"type": "x.Pooling", "path": "1"}]), "modules.json")
    write(folder, json.dumps({"embedding_dimension": 7, "pooling_mode": "cls"}), "1/config.json")
    said = begun.embver("import", "hf", str(folder), "--replace", code=1)
    assert "nothing was imported: the card would not be valid" in said.err
    assert "--without FIELD" in said.err
    assert begun.state() == state


def test_a_link_out_of_the_folder_is_not_followed(begun: Sandbox, tmp_path: Path) -> None:
    secret = write(tmp_path, json.dumps({"prompts": {"query": "secret"}}), "secret.json")
    folder = tmp_path / "hub"
    write(folder, README)
    (folder / "config_sentence_transformers.json").symlink_to(secret)
    said = begun.embver("import", "hf", str(folder), "--json")
    assert "secret" not in json.dumps(said.json["taken"])
    assert any(left["why"] == "is a link out of the folder" for left in said.json["left_out"])


def test_a_result_without_a_number_takes_no_other_with_it(begun: Sandbox, tmp_path: Path) -> None:
    text = README.replace("value: 0.31}", "value: 0.31}\n    - {type: map_at_10, value: .nan}")
    write(tmp_path / "hub", text)
    said = begun.embver("import", "hf", str(tmp_path / "hub"))
    assert "ndcg_at_10 0.31" in said.out
    assert "left out README.md:13:32: .nan is no number" in said.err


def test_of_imports_at_once_none_is_lost(begun: Sandbox, tmp_path: Path) -> None:
    for number in range(4):
        write(tmp_path / f"hub{number}", README.replace("acme/shop", f"acme/shop{number}"))
    running = [
        subprocess.Popen(
            [
                sys.executable,
                "-m",
                "embver",
                "import",
                "hf",
                str(tmp_path / f"hub{number}"),
                "--into",
                "emoji",
            ],
            cwd=begun.root,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        for number in range(4)
    ]
    assert [each.wait(timeout=60) for each in running] == [0] * 4
    text = begun.card.read_text(encoding="utf-8")
    assert all(f"retrieval-acme-shop{number}-test" in text for number in range(4))
    assert begun.embver("validate").code == 0
