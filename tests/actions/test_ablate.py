"""`embver trace --ablate`: planted causes on a real repository are named, and nothing is encoded twice."""

from __future__ import annotations

import json
import re
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from embver.ablation import AblationReport
from embver.actions.ablate import AblationRequest, ablate, open_experiment
from embver.actions.ablate_rows import Wanted, finished
from embver.actions.comparing import probe_vectors
from embver.actions.workspace import Workspace
from embver.errors import EncodeError, UsageError
from sandbox import NAME, Sandbox, use_model, write_lines

pytestmark = [pytest.mark.torch, pytest.mark.lfs]

LOWER, TOKENIZE = "      - {step: lowercase}\n", "      - {step: tokenize"
SPLIT = '      - {step: replace, pattern: "_", with: " "}\n'
WORDS = (
    "red",
    "green",
    "blue",
    "cat",
    "dog",
    "bird",
    "face",
    "tears",
    "joy",
    "smiling",
    "sun",
    "moon",
    "star",
    "tree",
)
BENCHMARK = """
[[benchmark]]
id = "typed"
items = "benchmarks/typed"
query = "text"
document = "text"
metrics = ["hit@1", "mrr@10"]
main = "hit@1"
"""


def names(count: int = 90) -> list[str]:
    """Return so many names of three words, all different."""
    return [
        f"{WORDS[n % 14]} {WORDS[(n // 14 + 3 * n) % 14]} {WORDS[(5 * n + 1 + n // 7) % 14]} {chr(97 + n % 26)}"
        for n in range(count)
    ]


def typed_items(root: Path) -> None:
    """Write a benchmark: names are found by what people type, a third each as it stands, in capitals, as short codes."""
    forms: dict[str, Callable[[str], str]] = {
        "plain": str,
        "capitals": str.upper,
        "code": lambda text: text.replace(" ", "_"),
    }
    rows: list[dict[str, Any]] = []
    for number, name in enumerate(names()):
        form = list(forms)[number % 3]
        rows.append({"id": f"d{number:02}", "modality": "text", "text": name, "pair": f"p{number:02}", "roles": ["document"]})  # fmt: skip
        rows.append({"id": f"q{number:02}", "modality": "text", "text": forms[form](name), "pair": f"p{number:02}",
                     "roles": ["query"], "attributes": {"form": form}})  # fmt: skip
    folder = root / "benchmarks/typed"
    folder.mkdir(parents=True)
    write_lines(folder / "items.jsonl", rows)


def release(repo: Sandbox, *options: str) -> None:
    repo.embver("encode", NAME)
    repo.embver("bench", NAME)
    repo.git("add", "-A")
    repo.git("commit", "-qm", "Prepare")
    repo.embver("release", NAME, *options)


@pytest.fixture(scope="module")
def begun(stages: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a repository with 1.0.0, which lower-cases, and is asked what people type."""
    root = tmp_path_factory.mktemp("ablate") / "repository"
    shutil.copytree(stages / "start/repository", root, symlinks=True)
    repo = Sandbox(root=root)
    repo.git("update-index", "-q", "--refresh", code=None)
    typed_items(root)
    settings = root / "embver.toml"
    text = settings.read_text(encoding="utf-8")
    # Only what is typed is asked, so that a test need not rank pictures.
    start = text.index("\n[[benchmark]]\nid")
    settings.write_text(text[:start] + BENCHMARK + text[text.index("\n[rule]") :], encoding="utf-8")
    repo.edit((TOKENIZE, f"{LOWER}{TOKENIZE}"))
    release(repo)
    return root


@pytest.fixture
def repo(begun: Path, tmp_path: Path) -> Sandbox:
    shutil.copytree(begun, tmp_path / "repository", symlinks=True)
    made = Sandbox(root=tmp_path / "repository")
    made.git("update-index", "-q", "--refresh", code=None)
    return made


def planted(repo: Sandbox) -> None:
    """Make next/: the lower-case step is lost, short codes are split, and two things change that cannot matter."""
    repo.embver("new", NAME)
    repo.edit(
        (LOWER, SPLIT),
        ("mean: [0.5, 0.5, 0.5]", "mean: [0.4, 0.5, 0.5]"),
        ("title: Emoji search embeddings", "title: Emoji"),
    )
    repo.embver("encode", NAME)
    repo.embver("bench", NAME)


def taken_apart(repo: Sandbox, **asked: Any) -> AblationReport:
    given = {"from_": "1.0.0", "to": "next", **asked}
    return ablate(Workspace.open(repo.root), AblationRequest(name=NAME, device="cpu", threads=1, **given))


def test_a_lost_step_is_named_beside_a_helpful_and_a_harmless_change(repo: Sandbox) -> None:
    planted(repo)
    found = taken_apart(repo)
    shares = {share.block.id: share for share in found.shares}
    # Without the step every name in capitals is lost (30 of 90), and split short codes are found (30 of 90).
    assert list(shares) == ["text.preprocessing[lowercase]", "text.preprocessing[replace]"]
    lost, won = shares.values()
    assert lost.value < -0.2
    assert won.value > 0.2
    assert lost.high < 0 < won.low
    assert lost.is_sure
    assert won.is_sure
    assert sum(share.value for share in found.shares) == pytest.approx(found.delta, abs=1e-5)
    assert (found.recorded_before, found.recorded_after) == (
        pytest.approx(found.before, abs=1e-6),
        pytest.approx(found.after, abs=1e-6),
    )
    assert found.rest == pytest.approx(0, abs=1e-5)
    assert {each.block.id: each.why for each in found.plan.not_run} == {
        "image.preprocessing[normalize]": "the benchmark has no images"
    }
    assert found.plan.method == "all-subsets"
    assert AblationReport.from_plain(json.loads(json.dumps(found.to_plain()))) == found


def test_what_people_see_and_that_nothing_is_encoded_twice(repo: Sandbox) -> None:
    planted(repo)
    asked = (
        "trace",
        NAME,
        "--metric",
        "hit@1",
        "--ablate",
        "--from",
        "1.0.0",
        "--to",
        "next",
        "--device",
        "cpu",
    )
    plan = repo.embver(*asked, "--dry-run")
    assert plan.out.startswith("hit@1 of typed, emoji@1.0.0 → emoji@next: what would be run\n")
    assert "4 subsets of 2 blocks: " in plan.err
    first = repo.embver(*asked)
    lines = first.out.splitlines()
    assert lines[0] == "hit@1 of typed, emoji@1.0.0 → emoji@next"
    assert "text.preprocessing[lowercase]  -0." in first.out
    assert "lowercase removed" in first.out
    assert "not run: image.preprocessing[normalize], the benchmark has no images" in lines
    plain = repo.embver(*asked, "--json")
    assert (plain.json["work"]["encodes"], plain.json["work"]["items"]) == (0, 0)
    # Four encoders, each of queries and of documents.
    assert plain.json["work"]["cached"] == 8
    assert plain.json["format"] == "embver.ablation"
    page = (Path(__file__).parents[2] / "site/json.md").read_text(encoding="utf-8")
    row = next(line for line in page.splitlines() if line.startswith("| `trace --ablate` |"))
    documented = re.sub(r"[ {}`]", "", re.sub(r": \[?\{[^{}]*\}\]?", "", row.split("`")[3])).split(",")
    assert set(documented) == set(plain.json)
    assert repo.embver(*asked, "--md").out.startswith("### hit@")
    refused = repo.embver(*asked, "--record", code=2)
    assert "emoji@next is not released" in refused.err


def test_two_steps_that_lose_queries_only_together_interact(repo: Sandbox) -> None:
    """Each of two steps splits short codes: without either one, the other still does; without both, they are lost."""
    repo.embver("new", NAME)
    repo.edit((LOWER, f'{LOWER}{SPLIT}      - {{step: replace, pattern: "[_:]", with: " "}}\n'))
    release(repo)
    repo.embver("new", NAME)
    repo.edit((SPLIT, ""), ('      - {step: replace, pattern: "[_:]", with: " "}\n', ""))
    repo.embver("encode", NAME)
    repo.embver("bench", NAME)
    latest = repo.embver("list", "--json").json[-1]["version"]
    found = taken_apart(repo, from_=latest)
    pair = found.interactions[0]
    assert pair.is_sure
    assert pair.value == pytest.approx(found.delta, abs=1e-5)
    assert [share.value for share in found.shares] == pytest.approx([found.delta / 2] * 2, abs=1e-5)
    assert [share.forward for share in found.shares] == [0, 0]
    assert " together lower " in found.cause
    assert found.cause.endswith(", and neither does alone.")


def test_a_sample_is_spread_over_the_attributes_and_says_its_error(repo: Sandbox) -> None:
    planted(repo)
    found = taken_apart(repo, sample=30)
    assert (found.plan.queries, found.plan.queries_in_all, found.plan.documents) == (30, 90, 90)
    assert found.sample is not None
    assert found.sample.startswith("30 of 90 queries, spread evenly over form, length: they say ")
    assert found.culprit in ("text.preprocessing[lowercase]", "text.preprocessing[replace]")
    assert found.rest is None
    with open_experiment(
        Workspace.open(repo.root), AblationRequest(name=NAME, from_="1.0.0", to="next", sample=30)
    ) as experiment:
        forms = [item.attributes["form"] for item in experiment.question.queries]
    assert {form: forms.count(form) for form in forms} == {"plain": 10, "capitals": 10, "code": 10}
    # The rows of the sample are not encoded again for all queries.
    more = taken_apart(repo)
    # 90 names; 10 in capitals and 10 as short codes, whatever encoder reads them as that; then 20 more of each.
    assert (found.plan.work.items, more.plan.work.items) == (110, 40)
    with pytest.raises(UsageError, match="--sample 7: at least 30"):
        taken_apart(repo, sample=7)


_KILLED = """
import os, signal, sys
from pathlib import Path
from embver.actions.ablate import AblationRequest, ablate
from embver.actions.ablate_rows import Wanted, finished
from embver.actions.comparing import probe_vectors
from embver.actions.workspace import Workspace

def progress(what, done, total):
    if what.split(", ")[1].startswith("3 "):
        os.kill(os.getpid(), signal.SIGKILL)

request = AblationRequest(name="emoji", from_="1.0.0", to="next", device="cpu", threads=1)
ablate(Workspace.open(Path(sys.argv[1])), request, progress=progress)
"""


def test_a_killed_run_goes_on_where_it_was(repo: Sandbox) -> None:
    planted(repo)
    done = subprocess.run([sys.executable, "-c", _KILLED, str(repo.root)], capture_output=True, check=False)
    assert done.returncode == -signal.SIGKILL, done.stderr.decode()
    rows = repo.root / ".git/embver/ablate/rows"
    kept = sorted(rows.rglob("*.safetensors"))
    assert len(kept) == 2
    kept[1].write_bytes(kept[1].read_bytes()[:-1])  # what a full disk leaves is not taken for rows
    assert [folder.name.startswith("models-") for folder in rows.parent.iterdir() if folder != rows] == [True]
    found = taken_apart(repo)
    assert 0 < found.plan.work.items < 150
    assert found.culprit == "text.preprocessing[lowercase]"
    assert list(rows.parent.iterdir()) == [rows]  # what the killed run left is gone
    again = taken_apart(repo)
    assert again.plan.work.items == 0
    assert again.shares == found.shares


def test_without_the_old_checkpoint_the_other_blocks_are_still_told_apart(
    repo: Sandbox, models: Path
) -> None:
    work = Workspace.open(repo.root)
    weights = work.card(work.source(f"{NAME}@1.0.0")).encoders["text"]["weights"][0]["sha256"]
    repo.embver("new", NAME)
    use_model(repo, models / "retrained")
    repo.edit((LOWER, ""))
    repo.embver("encode", NAME)
    repo.embver("bench", NAME)
    whole = taken_apart(repo)
    assert {share.block.id for share in whole.shares} == {"weights", "text.preprocessing[lowercase]"}
    assert whole.culprit == "text.preprocessing[lowercase]"
    repo.object(weights).unlink()
    found = taken_apart(repo)
    assert [share.block.id for share in found.shares] == ["text.preprocessing[lowercase]"]
    assert found.culprit == "text.preprocessing[lowercase]"
    (note,) = found.plan.notes
    told = "the weights are those of emoji@next in every subset, those of emoji@1.0.0 are not here: model.safetensors"
    assert note.startswith(told)
    assert f"sha256:{weights}" in note
    assert found.rest is not None
    assert found.rest + found.shares[0].value == pytest.approx(
        found.recorded_after - found.recorded_before, abs=1e-5
    )
    shutil.rmtree(repo.root / "models/clip")
    for file in (repo.root / ".git/lfs/objects").rglob("*"):
        if file.is_file():
            file.unlink()
    with pytest.raises(EncodeError, match="neither version's model is here"):
        taken_apart(repo)


def test_a_tokenizer_of_another_vocabulary_is_tied_to_its_weights(repo: Sandbox, models: Path) -> None:
    repo.embver("new", NAME)
    use_model(repo, models / "retrained")
    file = repo.root / "models/clip/tokenizer.json"
    plain = json.loads(file.read_text(encoding="utf-8"))
    vocabulary = plain["model"]["vocab"]
    vocabulary["red"], vocabulary["green"] = vocabulary["green"], vocabulary["red"]
    file.write_text(json.dumps(plain), encoding="utf-8")
    repo.edit((LOWER, ""))
    repo.embver("encode", NAME)
    repo.embver("bench", NAME)
    found = taken_apart(repo)
    blocks = {share.block.id: share.block for share in found.shares}
    assert set(blocks) == {"weights+text.tokenizer", "text.preprocessing[lowercase]"}
    assert "each vocabulary has its own weights" in str(blocks["weights+text.tokenizer"].tied)
    assert found.culprit == "text.preprocessing[lowercase]"


def test_vectors_of_the_probe_set_are_not_encoded_again(story: Sandbox) -> None:
    """1.1.1 collapses spaces: texts change in one step, and both ends are stored with their versions."""
    story.embver("new", NAME)
    story.edit(("      - {step: tokenize", "      - {step: lowercase}\n      - {step: tokenize"))
    story.embver("encode", NAME)
    story.embver("bench", NAME)
    found = taken_apart(story, from_="1.1.0")
    assert (found.plan.from_, found.plan.to) == ("emoji@1.1.0", "emoji@next")
    assert [block.id for block in found.plan.blocks] == [
        "text.preprocessing[collapse_whitespace]",
        "text.preprocessing[lowercase]",
    ]
    # The tokenizer gets the same texts in all subsets: those of both ends, whose rows are stored.
    assert (found.plan.work.subsets, found.plan.work.encodes, found.plan.work.items) == (4, 0, 0)
    assert found.plan.work.stored > 0
    assert found.culprit is None
    assert found.cause == "Nothing that was set back moves hit@10 by more than noise."


@pytest.mark.parametrize(
    ("asked", "message"),
    [
        ({"to": "1.0.0"}, "compared with itself"),
        ({"from_": None, "to": None}, "no step of hit@1 of typed is a significant regression"),
        ({"to": "9.9.9"}, "9.9.9"),
    ],
)
def test_what_cannot_be_asked(repo: Sandbox, asked: dict[str, Any], message: str) -> None:
    with pytest.raises(UsageError, match=message):
        taken_apart(repo, **asked)


def test_a_working_version_that_was_edited_since_is_encoded_first(repo: Sandbox) -> None:
    planted(repo)
    repo.edit((SPLIT, ""))
    with pytest.raises(UsageError, match="emoji@next: the card was changed after its vectors were encoded"):
        taken_apart(repo)


def test_six_fields_go_by_two_greedy_paths(repo: Sandbox) -> None:
    repo.embver("new", NAME)
    repo.edit(
        (LOWER, f"{SPLIT}      - {{step: strip}}\n"),
        ("form: NFC", "form: NFKC"),
        ("max_length: 32", "max_length: 24"),
        ("    languages: [en]", '    prompts: {query: "the ", document: "the "}\n    languages: [en]'),
    )
    repo.embver("encode", NAME)
    repo.embver("bench", NAME)
    found = taken_apart(repo)
    assert found.plan.method == "greedy-paths"
    assert {block.id for block in found.plan.blocks} == {
        "text.preprocessing[lowercase]",
        "text.preprocessing[replace]",
        "text.preprocessing[strip]",
        "text.preprocessing[unicode_normalize]",
        "text.max_length",
        "text.prompts",
    }
    assert sum(share.value for share in found.shares) == pytest.approx(found.delta, abs=1e-5)
    assert [share.block.id for share in found.shares[:2]] == [
        "text.preprocessing[lowercase]",
        "text.preprocessing[replace]",
    ]
    assert found.rest == pytest.approx(0, abs=1e-5)


def test_what_cannot_matter_is_not_run(repo: Sandbox) -> None:
    repo.embver("new", NAME)
    repo.edit(
        (LOWER, ""),
        ("normalized: true", "normalized: false"),
        (
            "    languages: [en]",
            '    prompts: {query: "", document: "", passage: "of "}\n    languages: [en]',
        ),
        ("hyperparameters: {seed: 0}", "hyperparameters: {seed: 1}"),
    )
    repo.embver("encode", NAME)
    repo.embver("bench", NAME)
    found = taken_apart(repo)
    assert {each.block.id: each.why for each in found.plan.not_run} == {
        "normalisation": "cosine does not see the length of a vector",
        "text.prompts": "the prompts of the roles that the benchmark asks are the same",
        "weights": "the weights that the benchmark uses are the same bytes",
    }
    assert [change.path for change in found.training] == ["training.hyperparameters.seed"]
    assert found.culprit == "text.preprocessing[lowercase]"


def test_a_release_keeps_its_record_and_still_verifies(repo: Sandbox) -> None:
    repo.embver("new", NAME)
    repo.edit((LOWER, ""))
    release(repo, "--level", "minor", "--reason", "Capitals mean something now")
    latest = repo.embver("list", "--json").json[-1]["version"]
    said = repo.embver("trace", NAME, "--ablate", "--record", "--device", "cpu")
    path = f"embeddings/{NAME}/{latest}/ablations/typed.hit@1.1.0.0.json"
    assert f"recorded in {path}" in said.err
    plain = json.loads((repo.root / path).read_text(encoding="utf-8"))
    raw = json.loads(json.dumps(plain["sources"]))
    assert set(raw) == {"before", "after"}
    assert all(len(digest) == 64 for digest in raw.values())
    found = AblationReport.from_plain(plain)
    assert (found.culprit, found.plan.from_) == ("text.preprocessing[lowercase]", "emoji@1.0.0")
    repo.git("commit", "-qm", "Keep what the ablation found")
    assert repo.embver("verify", f"{NAME}@{latest}", "--json").json["ok"] is True


def test_a_hybrid_of_the_new_version_gives_the_very_rows_that_it_stores(story: Sandbox) -> None:
    """Pictures are normalised otherwise and vectors stored as int8: what is encoded, normalised and rounded is stored."""
    story.embver("new", NAME)
    story.edit(("mean: [0.5, 0.5, 0.5]", "mean: [0.4, 0.5, 0.5]"), ("dtype: float32", "dtype: int8"))
    story.embver("encode", NAME, "--threads", "1")
    story.embver("bench", NAME)
    request = AblationRequest(name=NAME, from_="1.1.0", to="next", device="cpu", threads=1)
    with open_experiment(Workspace.open(story.root), request) as experiment:
        assert {block.id for block in experiment.blocks.run} == {
            "stored_dtype",
            "image.preprocessing[normalize]",
            "text.preprocessing[collapse_whitespace]",
        }
        reading = experiment.mixer.reading("image", "document", experiment.blocks.members((0, 1, 2)))
        wanted = Wanted(reading=reading, items=experiment.question.inputs("document"))
        experiment.maker.make([wanted])
        made = finished(experiment.maker.store.rows(wanted), reading.part)
        work = Workspace.open(story.root)
        source = work.source(f"{NAME}@next")
        stored = probe_vectors(work, source, work.card(source))["image.document"]
        assert (made == stored).all()
        report = experiment.report()
    assert report.rest == pytest.approx(0, abs=1e-5)
    # Of the pictures as they were before a rounded copy is asked, and of those of now one that is not rounded.
    assert report.plan.work.items <= 4 * 300
