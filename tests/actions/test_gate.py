"""`embver gate`, and what gates do to `status` and `release`: real releases, real scores of their queries."""

from __future__ import annotations

import hashlib
import json
import re
from html import unescape

import pytest

from benched import hits, write_benchmark
from embver.store.card_edit import Entry
from embver.store.cards import read_card_text, update_card
from sandbox import NAME, Sandbox

pytestmark = [pytest.mark.torch, pytest.mark.lfs]

GATE = '\n[[gate]]\nbenchmark = "search"\nmetric = "hit@10"\n'


def ask(repo: Sandbox, text: str) -> None:
    with (repo.root / "embver.toml").open("a", encoding="utf-8") as file:
        file.write(text)
    repo.git("commit", "-q", "-a", "-m", "Gates")


def test_releases_are_held_against_the_version_before(story: Sandbox) -> None:
    ask(story, f"{GATE}max_drop = 0.01\nsignificant_drop = true\n")
    said = story.embver("gate", f"{NAME}@1.1.0")
    lines = said.out.splitlines()
    assert lines[0] == f"{NAME}@1.1.0, against {NAME}@1.0.0: passes 1 gate"
    assert lines[1].split() == ["gate", "before", "now", "change", "95", "%", "interval"]
    assert lines[2].startswith("✓  search hit@10")
    first = story.embver("gate", f"{NAME}@1.0.0", "--json").json
    assert (first["against"], first["passed"]) == (None, True)
    assert {check["why"] for check in first["gates"][0]["checks"]} == {
        "there is no version before it to fall behind"
    }
    # 1.1.1 was not benched: no next/ is there, so it is the latest that is asked.
    said = story.embver("gate", code=1)
    assert said.out.startswith(f"{NAME}@1.1.1, against {NAME}@1.1.0: held back by its gate\n")
    assert "· search hit@10: max_drop 0.01: it has no such benchmark" in said.out
    assert (
        story.embver("gate", "--missing", "pass")
        .out.splitlines()[0]
        .endswith("passes 1 gate, 1 could not be judged")
    )
    document = story.embver("gate", "--json", code=1).json
    assert [each["reference"] for each in document] == [f"{NAME}@1.1.1"]
    assert set(document[0]) == {"reference", "against", "passed", "reason", "gates"}
    said = story.embver("gate", f"{NAME}@1.1.0", "--against", f"{NAME}@1.1.1", code=1)
    assert "max_drop 0.01: no version before it has this number" in said.out


def test_what_is_asked_wrongly(story: Sandbox) -> None:
    assert "note: no gate was asked" in story.embver("gate").err
    assert "no gate speaks of emoji" in story.embver("gate", NAME, code=2).err
    ask(story, GATE.replace('"search"', '"serach"') + "min = 0.1\n")
    said = story.embver("gate", NAME, code=2)
    assert re.fullmatch(
        r"error: embver\.toml:\d+: there is no benchmark 'serach'\nnext: did you mean 'search'\?\n", said.err
    )
    story.edit(
        ('benchmark = "serach"', 'embedding = "emojis"\nbenchmark = "search"'),
        file=story.root / "embver.toml",
    )
    for arguments in (("gate",), ("gate", NAME)):
        assert (
            "there is no embedding 'emojis'\nnext: did you mean 'emoji'?"
            in story.embver(*arguments, code=2).err
        )
    typed = ("gate", f"{NAME}@1.1.0", "--metric", "hit@1", "--min", "0")
    story.edit(('embedding = "emojis"\n', ""), file=story.root / "embver.toml")
    assert "passes 1 gate" in story.embver(*typed).out
    assert "has no metric 'hit@2'" in story.embver(*typed[:3], "hit@2", *typed[4:], code=2).err
    assert "needs the metric" in story.embver("gate", NAME, "--max-drop", "0", code=2).err
    for option, value, why in (
        ("--min", "nan", "is no number"),
        ("--max", "inf", "is no number"),
        ("--max-drop", "inf", "is no number"),
        ("--max-drop", "-0.1", "is less than 0"),
        ("--max-drop-relative", "a lot", "is no number"),
    ):
        assert f"argument {option}: {value!r} {why}" in story.embver(*typed[:4], option, value, code=2).err
    assert "which version" in story.embver("gate", "--metric", "hit@10", code=2).err
    assert "gates: search hit@10" in story.embver("gate", NAME, "--metric", "hit@1", code=2).err


def test_a_drop_is_found_in_next_and_passed_over_are_versions_without_the_number(retrained: Sandbox) -> None:
    ask(retrained, f'{GATE}name = "search | must not\\n get worse"\nsignificant_drop = true\nmin = 0.001\n')
    said = retrained.embver("gate", code=1)
    assert "it has no such benchmark" in said.out
    assert said.err == f"next: embver bench {NAME}\n"
    # What 1.1.0 had found by chance, nobody finds any more.
    retrained.embver("bench", NAME)
    lose_all(retrained)
    said = retrained.embver("gate", f"{NAME}@next", code=1)
    assert "significant_drop: a significant regression by the paired test" in said.out
    assert "min 0.001: it is 0" in said.out
    assert f"without this number: {NAME}@1.1.1" in said.out
    assert "(1.1.0)" in said.out
    lines = retrained.embver("gate", "--md", code=1).out.splitlines()
    assert lines[0] == f"### ⛔ `{NAME}@next`: held back by its gate"
    assert lines[2] == f"Held against `{NAME}@1.1.1`."
    assert "search &#124; must not get worse" in lines[6]
    assert "❌ significant&#95;drop: a significant regression by the paired test" in lines[6]
    missing = retrained.embver("status", NAME, "--json").json["missing"]
    assert [entry["blocks"] for entry in missing if entry["kind"] == "gate"] == [True]
    # Numbers of other vectors say nothing.
    retrained.edit(("max_length: 32", "max_length: 31"))
    assert "the numbers are of other vectors" in retrained.embver("gate", code=1).out


def lose_all(repo: Sandbox) -> None:
    """Let every query of next/ find nothing: the same queries and pairs, other scores."""
    file = repo.next / "benchmarks/search.json"
    raw = json.loads(file.read_bytes())
    raw["per_query"]["hit@10"] = [0.0] * len(raw["queries"])
    file.write_text(json.dumps(raw, separators=(",", ":")), encoding="utf-8")
    text = repo.card.read_text(encoding="utf-8")
    record = dict(read_card_text(text.encode(), path="card.yaml").plain["benchmarks"][0])
    record["metrics"] = [
        {"key": "hit@10", "value": 0.0, "main": True, "ci": {"level": 0.95, "low": 0.0, "high": 0.01}}
    ]
    data = file.read_bytes()
    record["source"] |= {"sha256": hashlib.sha256(data).hexdigest(), "size_bytes": len(data)}
    repo.card.write_text(
        update_card(text, [(("benchmarks", Entry("id", "search")), record)]), encoding="utf-8"
    )


def test_a_release_is_refused_and_a_person_may_let_it_through(encoded: Sandbox) -> None:
    ask(
        encoded,
        f'{GATE}min = 0.9\nmax_drop = 0.01\n\n[[gate]]\nbenchmark = "search"\nmetric = "hit@1"\nmin = 0\n',
    )
    before = encoded.state()
    said = encoded.embver("release", NAME, code=1)
    assert f"✗ refused: {NAME} does not pass its gates" in said.err
    assert "· search hit@10: min 0.9: it is 0." in said.err
    assert "max_drop" not in said.err  # a first version has nothing to fall behind
    assert said.err.endswith(
        f"next: embver release {NAME} --allow-regression --reason TEXT, if it is worth it\n"
    )
    assert "needs a written reason" in encoded.embver("release", NAME, "--allow-regression", code=2).err
    assert encoded.state() == before
    status = encoded.embver("status", NAME).out
    assert "✗ gate search hit@10: min 0.9: it is 0." in status
    reason = "The first one: a start\n\nLevel: major"
    said = encoded.embver("release", NAME, "--allow-regression", "--reason", reason, "--json").json
    record = said["allowed_regressions"]
    assert (record["by"], record["reason"]) == ("Search team", reason)
    (gate,) = record["gates"]
    assert (gate["metric"], [failed["rule"] for failed in gate["failed"]]) == ("hit@10", ["min"])
    card = encoded.embver("show", NAME, "--json").json["card"]
    assert card["allowed_regressions"] == record
    message = encoded.git("tag", "-l", "--format=%(contents)", f"{NAME}@v1.0.0").out
    assert (
        "\nRegressions let through by Search team: The first one: a start Level: major\n- search hit@10: min: "
        in message
    )
    assert "\nLevel: first\n" in message
    encoded.embver("validate")
    encoded.embver("verify")
    # It is told and not held against it again; a threshold that nobody let through still counts.
    said = encoded.embver("gate", NAME)
    assert said.out.splitlines()[0] == f"{NAME}@1.0.0: passes 2 gates, 1 let through by a person"
    assert "let through when it was released: The first one: a start" in said.out
    encoded.embver("site")
    page = unescape(next(encoded.root.glob("site/**/1.0.0.md")).read_text(encoding="utf-8"))
    assert "Released although its gates held it back (Search team): The first one: a start" in page
    encoded.embver("new", NAME)
    assert "allowed_regressions" not in encoded.card.read_text(encoding="utf-8")


def test_a_clone_that_lacks_the_version_before_cannot_tell(story: Sandbox) -> None:
    ask(story, f"{GATE}max_drop = 0\n")
    story.git("tag", "-d", f"{NAME}@v1.0.0")
    said = story.embver("gate", f"{NAME}@1.1.0", code=3)
    assert f"{NAME}@1.0.0, which {NAME}@1.1.0 stands on, is not in this clone" in said.err
    assert said.err.endswith("next: git fetch --tags\n")


def test_two_cards_of_other_data_are_not_compared(story: Sandbox) -> None:
    ask(story, f"{GATE}max_drop = 1\n")
    write_benchmark(story.version("1.1.1"), hits(100, 300), dataset="1" * 64)
    story.git("add", "-A")
    story.git("commit", "-q", "--no-verify", "-m", "Bench 1.1.1 later")
    said = story.embver("gate", f"{NAME}@1.1.1", code=1)
    assert f"not comparable with {NAME}@1.1.0: " in said.out
    assert "data set" in said.out
    assert story.embver("gate", f"{NAME}@1.1.1", "--missing", "pass").code == 0
