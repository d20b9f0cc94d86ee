"""Lost and won queries between releases of a real repository: what they share, and what can be said without the files."""

from __future__ import annotations

import hashlib
import json
import re
import shutil
from pathlib import Path
from typing import Any

import pytest

from sandbox import NAME, Sandbox

pytestmark = [pytest.mark.torch, pytest.mark.lfs]

ASK = ("trace", NAME, "--metric", "hit@10", "--queries")


@pytest.fixture(scope="module")
def lowered_once(stages: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a repository whose 2.0.0 lost the lower-casing that 1.0.0 had.

    It has a step that collapses spaces instead, of which there are none. A third of its probe texts are typed with capitals, which the tokenizer does not know; half of these are long. What
    each query scored is written as the raw files hold it: a tiny model with random weights finds next to nothing.
    """
    folder = tmp_path_factory.mktemp("lowered") / "repository"
    shutil.copytree(stages / "encoded/repository", folder, symlinks=True)
    encoded = Sandbox(root=folder)
    items = encoded.root / "probes/pairs/items.jsonl"
    lines = [json.loads(line) for line in items.read_text(encoding="utf-8").splitlines()]
    asked = [line for line in lines if line["modality"] == "text"]
    for number, line in enumerate(asked):
        line["attributes"] = {
            "form": "typed" if number % 3 == 0 else "clean",
            "language": "en" if number % 2 else "de",
        }
        line["text"] = line["text"].title() if number % 3 == 0 else line["text"]
    items.write_text("".join(f"{json.dumps(line)}\n" for line in lines), encoding="utf-8")
    encoded.edit(("      - {step: tokenize", "      - {step: lowercase}\n      - {step: tokenize"))
    encoded.git("add", "-A")
    encoded.git("commit", "-q", "-m", "Type some of the texts")
    release(encoded, {line["id"]: 1.0 for line in asked})
    encoded.embver("new", NAME)
    encoded.edit(("      - {step: lowercase}\n", "      - {step: collapse_whitespace}\n"))
    scores = {line["id"]: float(number % 3 != 0 or number % 30 == 0) for number, line in enumerate(asked)}
    release(encoded, scores, "--level", "major")
    return folder


@pytest.fixture
def lowered(lowered_once: Path, tmp_path: Path) -> Sandbox:
    """Return a copy of that repository."""
    shutil.copytree(lowered_once, tmp_path / "repository", symlinks=True)
    copied = Sandbox(root=tmp_path / "repository")
    copied.git("update-index", "-q", "--refresh", code=None)
    return copied


def release(repo: Sandbox, scores: dict[str, float], *options: str) -> None:
    """Encode and bench, put the scores in place of those measured, and release."""
    repo.embver("encode", NAME)
    repo.embver("bench", NAME)
    rewrite(repo.next, scores)
    repo.git("add", "-A")
    repo.git("commit", "-q", "-m", "Bench")
    repo.embver("release", NAME, *options)


def rewrite(folder: Path, scores: dict[str, float]) -> None:
    """Write a raw file with these scores, and a card that agrees with it."""
    raw = folder / "benchmarks/search.json"
    plain = json.loads(raw.read_text(encoding="utf-8"))
    values = [scores[query] for query in plain["queries"]]
    plain["per_query"]["hit@10"] = values
    data = json.dumps(plain).encode()
    raw.write_bytes(data)
    card = folder / "card.yaml"
    text = card.read_text(encoding="utf-8")
    record = text[text.index("benchmarks:") :]
    mended = re.sub(r"(key: hit@10, value: )[0-9.]+", rf"\g<1>{sum(values) / len(values):.6f}", record)
    mended = re.sub(r"(ci: \{level: 0.95, low: )[0-9.]+(, high: )[0-9.]+", r"\g<1>0.0\g<2>1.0", mended)
    mended = re.sub(r"(?m)^(\s+sha256: )[0-9a-f]{64}(\n\s+size_bytes: )\d+", rf"\g<1>{hashlib.sha256(data).hexdigest()}\g<2>{len(data)}", mended)  # fmt: skip
    card.write_text(text.replace(record, mended), encoding="utf-8")


def told(repo: Sandbox, *options: str) -> dict[str, Any]:
    found: dict[str, Any] = repo.embver(*ASK, "--json", *options).json
    return found


def test_the_lost_queries_are_grouped_and_the_lost_step_is_named(lowered: Sandbox) -> None:
    found = told(lowered)
    assert (found["from"], found["to"], found["why"]) == (
        f"{NAME}@1.0.0",
        f"{NAME}@2.0.0",
        "the worst significant regression",
    )
    assert (found["lost"]["count"], found["lost"]["able"], found["won"]["count"]) == (90, 300, 0)
    group = found["lost"]["groups"][0]
    assert (group["clause"], group["count"], group["of"], group["base_count"]) == (
        "have form typed",
        90,
        90,
        100,
    )
    assert "contain upper-case letters" in group["also"]
    assert "were changed by the step lowercase, which is gone" in group["also"]
    assert {each["explained_by"] for each in found["lost"]["groups"][1:]} <= {"have form typed"}
    assert found["lost"]["queries"][0]["shown"][0].isupper()
    said = lowered.embver(*ASK).out
    assert "of 90 lost queries 90 have form typed (of all that were found before: 33 %; p < 0.0001)" in said


def test_a_new_step_that_changes_no_text_of_the_benchmark_is_set_apart(lowered: Sandbox) -> None:
    (step,) = lowered.embver("trace", NAME, "--metric", "hit@10", "--json").json["steps"]
    guilty = [each for each in step["fields"] if each["can_matter"]]
    assert [(each["rank"], each["block"], each["summary"]) for each in guilty] == [
        (1, "text.preprocessing[lowercase]", "lowercase removed at 2")
    ]
    apart = {each["path"]: each["why"] for each in step["fields"] if not each["can_matter"]}
    path = "encoders.text.preprocessing[collapse_whitespace]"
    assert apart[path] == "it changes none of the benchmark's 300 texts"


def test_items_are_read_at_the_releases_own_commit(lowered: Sandbox) -> None:
    before = told(lowered)
    (lowered.root / "probes/pairs/items.jsonl").write_text("nothing\n", encoding="utf-8")
    lowered.git("commit", "-qam", "Spoil the items")
    assert told(lowered) == before


def test_two_named_versions_are_compared_in_the_order_given(lowered: Sandbox) -> None:
    found = told(lowered, "--from", "2.0.0", "--to", "1.0.0")
    assert (found["won"]["count"], found["lost"]["count"]) == (90, 0)
    assert found["won"]["groups"][0]["clause"] == "have form typed"
    assert "are changed by the new step lowercase" in found["won"]["groups"][0]["also"]


def test_without_a_raw_file_the_two_numbers_stay_and_its_digest_is_named(lowered: Sandbox) -> None:
    card = (lowered.version("2.0.0") / "card.yaml").read_text(encoding="utf-8")
    digest = re.findall(r"sha256: ([0-9a-f]{64})", card[card.index("benchmarks:") :])[-1]
    (lowered.version("2.0.0") / "benchmarks/search.json").write_text("{}", encoding="utf-8")
    lowered.git("commit", "-q", "--no-verify", "-am", "Lose the scores")
    said = lowered.embver(*ASK, "--from", "1.0.0", "--to", "2.0.0", code=3)
    assert digest[:12] in said.err
    assert "1.0.0 1.000" in said.out
    assert "which queries changed cannot be said" in said.out
    plain = lowered.embver(*ASK, "--from", "1.0.0", "--to", "2.0.0", "--json", code=3).json
    assert (plain["lost"], plain["won"], plain["before"]) == (None, None, 1.0)


def test_without_the_items_queries_are_told_by_their_ids(lowered: Sandbox) -> None:
    for version in ("1.0.0", "2.0.0"):
        lowered.edit(("uri: probes/pairs", "uri: probes/gone"), file=lowered.version(version) / "card.yaml")
    lowered.git("commit", "-qam", "Say another place")
    said = lowered.embver(*ASK)
    assert "told by their ids" in said.err
    assert "are not there" in said.err
    assert '"p003-t"' in said.out
    assert told(lowered)["lost"]["groups"] == []


def test_markdown_shows_texts_as_code(lowered: Sandbox) -> None:
    said = lowered.embver(*ASK, "--md").out
    assert said.startswith(f"**{NAME} hit@")
    assert "- of 90 lost queries 90 have form typed" in said
    assert "`" in said


def test_what_was_asked_wrongly_is_said_with_what_to_type(lowered: Sandbox) -> None:
    assert (
        "did you mean hit@10" in lowered.embver("trace", NAME, "--queries", "--metric", "hits@10", code=2).err
    )
    same = lowered.embver(*ASK, "--from", "1.0.0", "--to", "1.0.0", code=2)
    assert "there is nothing between it and itself" in same.err
    first = lowered.embver(*ASK, "--to", "1.0.0", code=2)
    assert "has no version before it" in first.err
