"""What an ablation costs beside the encodes that it cannot do without.

    python -m benchmarks.ablation [--items 2000] [--rounds 3] > table.md

A text encoder of MiniLM's shape (6 layers of 384, random weights), a benchmark of texts that find texts, and a version in
which three fields change: the lower-case step is lost, short codes are split, texts are cut earlier. An ablation of three
fields has eight subsets, and each is another encoder of every item. Ours is all of an ablation, from opening the repository to
the report; theirs encodes the items of each subset once, with encoders that are loaded already, and does nothing else. Ours
encodes fewer rows, since encoders that make the same of a text share its row. Both run in one process, in turns, from an
empty cache each time; the ratio is the median of the rounds' ratios.
"""

from __future__ import annotations

import argparse
import contextlib
import io
import json
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from benchmarks.encode.inputs import make_texts
from benchmarks.encode.machine import describe_machine, format_machine, load_average, pin
from benchmarks.encode.models import SHAPES, save_model

BAR = 1.1
NAME = "shop"
SETTINGS = """
[[benchmark]]
id = "typed"
items = "benchmarks/typed"
query = "text"
document = "text"
metrics = ["hit@1", "hit@10"]
main = "hit@10"
"""
CARD = """\
schema: 1
name: shop
space: {dimensions: 384, metric: cosine, normalized: true, kind: dense, dtype: float32}
encoders:
  text:
    model: {id: minilm-random, path: models/text}
    pooling: mean
    preprocessing:
      - {step: lowercase}
      - {step: tokenize, tokenizer: PreTrainedTokenizerFast, max_length: 77, truncation: end}
corpus: {uri: data/corpus.jsonl}
changes: [{area: all, text: First version.}]
"""
EDITS = (
    ("      - {step: lowercase}\n", '      - {step: replace, pattern: "_", with: " "}\n'),
    ("max_length: 77", "max_length: 48"),
)


def main(argv: Sequence[str] | None = None) -> int:
    """Measure, and print a table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--items", type=int, default=2000, help="queries and documents together")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--threads", type=int, default=2)
    chosen = parser.parse_args(argv)
    pin(chosen.threads)
    with tempfile.TemporaryDirectory(prefix="embver-ablation-") as folder:
        root = Path(folder) / "repository"
        make_repository(root, chosen.items)
        rounds = [measure(root, chosen.threads) for _ in range(chosen.rounds)]
    ratio = statistics.median(each.ours_s / each.theirs_s for each in rounds)
    ours, encoding, theirs = (
        statistics.median(getattr(each, name) for each in rounds)
        for name in ("ours_s", "encoding_s", "theirs_s")
    )
    first = rounds[0]
    print(
        "| fields | subsets | items | rows encoded | ablation, s | of it encoding, s | all subsets alone, s | ratio | bar | "
        "reached | rounds |"
    )
    print("|---:|---:|---:|---:|---:|---:|---:|---:|---:|---|---:|")
    print(
        f"| 3 | 8 | {chosen.items:,} | {first.rows:,} in {first.encodes} encodes | {ours:.2f} | {encoding:.2f} | "
        f"{theirs:.2f} | {ratio:.3f} | {BAR} | {'yes' if ratio <= BAR else '**no**'} | {chosen.rounds} |"
    )
    print()
    print(f"{format_machine(describe_machine())}; load {load_average():.2f} at the end.")
    return 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Round:
    """Seconds of an ablation from nothing, of its own encodes, and of each subset's encodes alone; what it encoded."""

    ours_s: float
    encoding_s: float
    theirs_s: float
    encodes: int
    rows: int


def measure(root: Path, threads: int) -> Round:
    """Take the step apart from an empty cache, then encode every subset by itself."""
    from embver.actions.ablate import AblationRequest, open_experiment
    from embver.actions.workspace import Workspace

    shutil.rmtree(root / ".git/embver/ablate", ignore_errors=True)
    request = AblationRequest(name=NAME, from_="1.0.0", to="next", device="cpu", threads=threads)
    begun = time.perf_counter()
    with open_experiment(Workspace.open(root), request) as experiment:
        report = experiment.report()
        encoding_s = experiment.maker.encode_s
    ours_s = time.perf_counter() - begun
    assert [len(report.shares), report.plan.work.subsets] == [3, 8], report.to_plain()
    return Round(
        ours_s=ours_s,
        encoding_s=encoding_s,
        theirs_s=_encodes_alone(root, threads),
        encodes=report.plan.work.encodes,
        rows=report.plan.work.items,
    )


def _encodes_alone(root: Path, threads: int) -> float:
    """Return the seconds of encoding queries and documents of all eight subsets, models loaded before."""
    from embver.actions.ablate import AblationRequest, open_experiment
    from embver.actions.workspace import Workspace
    from embver.encode.runner import encode
    from embver.measure.shares import subsets_of

    request = AblationRequest(name=NAME, from_="1.0.0", to="next", device="cpu", threads=threads)
    with open_experiment(Workspace.open(root), request) as experiment:
        question = experiment.question
        items = [question.inputs(role) for role in ("query", "document")]
        encoders = [
            experiment.maker.load(experiment.mixer.part("text", experiment.blocks.members(chosen)))
            for chosen in subsets_of(len(experiment.blocks.run))
        ]
        begun = time.perf_counter()
        for encoder in encoders:
            for each in items:
                encode(encoder, each)
        return time.perf_counter() - begun


def make_repository(root: Path, items: int) -> None:
    """Make a repository with a released version and a next/ in which three fields changed, both benched."""
    from embver.cli import main as embver

    def run(*arguments: str) -> None:
        code = embver(["-C", str(root), *arguments])
        assert code == 0, f"embver {' '.join(arguments)} -> {code}"

    def git(*arguments: str) -> None:
        subprocess.run(["git", *arguments], cwd=root, check=True, capture_output=True)

    root.mkdir()
    git("init", "-q", "-b", "main")
    for key, value in (("user.name", "Ada"), ("user.email", "ada@example.org"), ("gc.auto", "0")):
        git("config", key, value)
    save_model(root / "models/text", SHAPES["minilm"])
    _write_texts(root, items // 2)
    with _quiet():
        run("init", "--title", "Shop")
        with (root / "embver.toml").open("a", encoding="utf-8") as file:
            file.write(SETTINGS)
        git("add", "-A")
        git("commit", "-qm", "Start")
        run("new", NAME)
        card = root / f"embeddings/{NAME}/next/card.yaml"
        card.write_text(CARD, encoding="utf-8")
        for command in ("encode", "bench", "release"):
            run(command, NAME)
        run("new", NAME)
        text = card.read_text(encoding="utf-8")
        for before, after in EDITS:
            assert before in text, before
            text = text.replace(before, after)
        card.write_text(text, encoding="utf-8")
        for command in ("encode", "bench"):
            run(command, NAME)


def _write_texts(root: Path, pairs: int) -> None:
    """Write pairs of a text and what people type for it: a third as it stands, in capitals, as a short code."""
    typed = (str, str.upper, lambda text: text.replace(" ", "_"))
    rows = []
    for number, text in enumerate(make_texts(pairs, longest=77)):
        pair = f"p{number:05}"
        rows.append(
            {"id": f"d{pair}", "modality": "text", "text": f"{text}.", "pair": pair, "roles": ["document"]}
        )
        query = typed[number % 3](text)
        rows.append({"id": f"q{pair}", "modality": "text", "text": query, "pair": pair, "roles": ["query"]})
    for path, lines in (
        ("benchmarks/typed/items.jsonl", rows),
        ("data/corpus.jsonl", [{"id": row["id"], "text": row["text"]} for row in rows[:20]]),
    ):
        file = root / path
        file.parent.mkdir(parents=True)
        file.write_text("".join(f"{json.dumps(line)}\n" for line in lines), encoding="utf-8")


def _quiet() -> contextlib.AbstractContextManager[object]:
    """Return a context in which commands print nothing: the table alone goes to stdout."""
    stack = contextlib.ExitStack()
    stack.enter_context(contextlib.redirect_stdout(io.StringIO()))
    stack.enter_context(contextlib.redirect_stderr(io.StringIO()))
    return stack


if __name__ == "__main__":
    sys.exit(main())
