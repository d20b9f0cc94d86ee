"""`embver encode` and `embver bench` on the working version: what is done again, and what is not."""

from __future__ import annotations

import json

import pytest

from sandbox import NAME, Sandbox, more_corpus, use_model

pytestmark = [pytest.mark.torch, pytest.mark.lfs]


def test_nothing_to_encode(encoded: Sandbox) -> None:
    before = encoded.state()
    said = encoded.embver("encode", NAME)
    assert said.out.startswith("emoji@next: nothing to encode, no input changed (sha256:")
    assert encoded.state() == before


def test_words_are_no_input(encoded: Sandbox) -> None:
    encoded.edit(
        ("title: Emoji search embeddings", "title: Emoji  # found by name"),
        ("text: First version.", "text: The first one."),
        ("id: tiny-clip", "id: other-clip"),
    )
    assert "nothing to encode" in encoded.embver("encode", NAME).out
    encoded.embver("release", NAME)


def test_comments_and_order_stay(encoded: Sandbox) -> None:
    text = encoded.card.read_text()
    assert "license: CC-BY-SA-4.0  # of the vectors\n" in text
    assert "    preprocessing:                 # in order\n" in text
    assert text.index("# ---- written by") < text.index("\nencode:") < text.index("# ---- may grow")


def test_by_force_the_same_bytes(encoded: Sandbox) -> None:
    before = encoded.artifacts("emoji@next")
    encoded.embver("encode", NAME, "--force")
    assert encoded.artifacts("emoji@next") == before


def test_another_batch_size_gives_the_same_bytes(encoded: Sandbox) -> None:
    before = encoded.artifacts("emoji@next")
    encoded.embver("encode", NAME, "--force", "--batch", "32")
    after = encoded.artifacts("emoji@next")
    assert after["ids.txt"] == before["ids.txt"]
    assert {path: entry["size_bytes"] for path, entry in after.items()} == {
        path: entry["size_bytes"] for path, entry in before.items()
    }


def test_what_was_measured_on_other_vectors_goes(encoded: Sandbox) -> None:
    assert (encoded.next / "benchmarks/search.json").is_file()
    encoded.edit(("uri: data/corpus-v1.jsonl\n  digest", "uri: data/corpus-v2.jsonl\n  digest"))
    encoded.embver("encode", NAME)
    assert "benchmarks" not in encoded.embver("show", "emoji@next", "--json").json["card"]
    assert not (encoded.next / "benchmarks/search.json").exists()
    encoded.embver("release", NAME)  # and nothing stray is in its way
    assert encoded.embver("verify").code == 0
    assert encoded.git("status", "--porcelain").out == ""


def test_modalities_with_rows_of_their_own(encoded: Sandbox) -> None:
    file = encoded.root / "data/corpus-v1.jsonl"
    file.write_text(file.read_text() + json.dumps({"id": "only-text", "text": "sun moon"}) + "\n")
    said = encoded.embver("encode", NAME)
    assert "ids-text.txt" in said.out
    assert not (encoded.next / "ids.txt").exists()
    encoded.git("commit", "-q", "-m", "More to find", "--", "data/corpus-v1.jsonl")
    unrelated = encoded.root / "notes.txt"
    unrelated.write_text("not part of it\n")
    encoded.embver("release", NAME)
    assert encoded.embver("verify", "--deep").code == 0
    assert encoded.git("status", "--porcelain").out == "?? notes.txt\n"


def test_names_with_a_slash_and_two_embeddings(encoded: Sandbox) -> None:
    encoded.embver("new", "shop/texts")
    card = encoded.root / "embeddings/shop/texts/next/card.yaml"
    card.write_text(
        encoded.card.read_text().partition("# ---- written")[0].replace("name: emoji", "name: shop/texts")
    )
    encoded.embver("encode", "shop/texts")
    names = [entry["name"] for entry in encoded.embver("status", "--json").json]
    assert names == ["emoji", "shop/texts"]
    encoded.embver("release", "shop/texts")
    encoded.embver("release", NAME)
    assert [entry["tag"] for entry in encoded.embver("list", "--json").json] == [
        "emoji@v1.0.0",
        "shop/texts@v1.0.0",
    ]
    assert encoded.embver("verify").code == 0
    assert len(encoded.embver("list", "shop/texts", "--json").json) == 1


def test_bench_is_the_same_each_time(encoded: Sandbox) -> None:
    raw = (encoded.next / "benchmarks/search.json").read_bytes()
    encoded.embver("bench", NAME)
    assert (encoded.next / "benchmarks/search.json").read_bytes() == raw
    records = encoded.embver("show", "emoji@next", "--json").json["card"]["benchmarks"]
    assert [record["id"] for record in records] == ["search"]
    assert [metric["key"] for metric in records[0]["metrics"]] == ["hit@1", "hit@10"]


def test_new_keeps_what_people_wrote(story: Sandbox) -> None:
    said = story.embver("new", NAME)
    assert said.out == "wrote embeddings/emoji/next/card.yaml (from emoji@1.1.1)\n"
    text = story.card.read_text()
    assert "license: CC-BY-SA-4.0  # of the vectors" in text
    for gone in (
        "version: 1",
        "fingerprint",
        "artifacts",
        "weights",
        "tokenizer_sha256",
        "benchmarks",
        "compatibility",
        "changes",
    ):
        assert gone not in text.replace('version: "1"', ""), gone
    assert story.embver("diff", NAME).out.startswith("emoji@1.1.1 -> emoji@next\n")


def test_an_upgrade_of_the_corpus_is_told_by_status(sandbox) -> None:
    repo: Sandbox = sandbox("first")
    repo.embver("new", NAME)
    more_corpus(repo)
    told = repo.embver("status")
    assert "not encoded: it has no vectors yet" in told.out
    assert told.err == "next: embver encode emoji\n"
    repo.embver("encode", NAME)
    assert repo.embver("status").out.startswith("emoji: 1.0.0 -> 1.1.0  MINOR\n")


def test_another_dimension_over_vectors_that_are_there(encoded: Sandbox, models) -> None:
    """The card that asks for other vectors contradicts those that lie there, and is no mistake."""
    encoded.edit(("dimensions: 32", "dimensions: 48"))
    use_model(encoded, models / "wide")
    encoded.git("add", "-A")
    encoded.git("commit", "-qm", "Wider")  # the hook lets it through
    encoded.embver("encode", NAME)
    encoded.embver("release", NAME)
    assert encoded.embver("verify", "--deep").code == 0


FOREIGN = """\
benchmarks:
  - id: sts  # of the model
    metrics: [{key: cosine_spearman, value: null, main: true}]
    harness: {name: mteb}
"""


def test_what_another_harness_said_of_the_model_stays(encoded: Sandbox) -> None:
    encoded.edit(
        ("benchmarks:\n", FOREIGN),
        ("uri: data/corpus-v1.jsonl\n  digest", "uri: data/corpus-v2.jsonl\n  digest"),
    )
    assert "sts: cosine_spearman -" in encoded.embver("show", "emoji@next").out
    said = encoded.embver("encode", NAME)
    assert "benchmarks of other harnesses are kept (1)" in said.err
    text = encoded.card.read_text(encoding="utf-8")
    assert "  - id: sts  # of the model\n" in text
    assert "id: search" not in text
    assert not (encoded.next / "benchmarks/search.json").exists()
    encoded.edit(("id: sts  #", "id: search  #"))
    said = encoded.embver("bench", NAME, code=2)
    assert "benchmark search of emoji@next is a result of mteb, and would be written over" in said.err
