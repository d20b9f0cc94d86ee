"""One small repository with a history, made by the commands themselves: real git, git-lfs and torch, no network."""

from __future__ import annotations

import contextlib
import hashlib
import io
import json
import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

NAME = "emoji"
PAIRS = 300


@dataclass(frozen=True, slots=True, kw_only=True)
class Said:
    """What a command printed, and its exit code."""

    code: int
    out: str
    err: str

    @property
    def text(self) -> str:
        return self.out + self.err

    @property
    def json(self) -> Any:
        return json.loads(self.out)


@dataclass(frozen=True, slots=True, kw_only=True)
class Sandbox:
    """A repository, and a person's steps in it."""

    root: Path

    @property
    def next(self) -> Path:
        return self.root / "embeddings" / NAME / "next"

    @property
    def card(self) -> Path:
        return self.next / "card.yaml"

    @property
    def remote(self) -> Path:
        return self.root.parent / "remote.git"

    def version(self, version: str) -> Path:
        return self.root / "embeddings" / NAME / version

    def embver(self, *arguments: str, code: int | None = 0) -> Said:
        """Type a command, in process; `code` is what it must end with (None: look yourself)."""
        said = embver("-C", str(self.root), *arguments)
        assert code is None or said.code == code, f"embver {' '.join(arguments)} -> {said.code}\n{said.text}"
        return said

    def git(self, *arguments: str, code: int | None = 0, env: dict[str, str] | None = None) -> Said:
        return git(self.root, *arguments, code=code, env=env)

    def edit(self, *pairs: tuple[str, str], file: Path | None = None) -> None:
        """Replace texts in the card of `next/`, or in another file, as a person does in an editor."""
        path = file or self.card
        text = path.read_text(encoding="utf-8")
        for before, after in pairs:
            assert before in text, f"{path.name} does not hold {before!r}"
            text = text.replace(before, after)
        path.write_text(text, encoding="utf-8")

    def refs(self) -> str:
        return self.git("for-each-ref").out + self.git("rev-parse", "HEAD", code=None).out

    def tree(self) -> dict[str, str]:
        """Return every file outside of .git with its checksum."""
        files = [path for path in self.root.rglob("*") if ".git" not in path.relative_to(self.root).parts]
        return {
            str(path.relative_to(self.root)): hashlib.sha256(path.read_bytes()).hexdigest()
            for path in files
            if path.is_file()
        }

    def state(self) -> dict[str, Any]:
        """Return all that a person would notice: references, index, work tree, status."""
        return {
            "refs": self.refs(),
            "index": self.git("ls-files", "-s").out,
            "status": self.git("status", "--porcelain").out,
            "tree": self.tree(),
        }

    def object(self, sha256: str) -> Path:
        """Return the path of an object in the LFS store."""
        return self.root / ".git/lfs/objects" / sha256[:2] / sha256[2:4] / sha256

    def artifacts(self, reference: str) -> dict[str, dict[str, Any]]:
        card = self.embver("show", reference, "--json").json["card"]
        return {entry["path"]: entry for entry in card["artifacts"]}


def embver(*arguments: str) -> Said:
    """Run the command line in process; torch is imported once."""
    from embver.cli import main

    out, err = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        code = main(list(arguments))
    return Said(code=code, out=out.getvalue(), err=err.getvalue())


def git(folder: Path, *arguments: str, code: int | None = 0, env: dict[str, str] | None = None) -> Said:
    done = subprocess.run(
        ["git", *arguments], cwd=folder, capture_output=True, check=False, env={**os.environ, **(env or {})}
    )
    said = Said(code=done.returncode, out=done.stdout.decode(errors="replace"), err=done.stderr.decode())
    assert code is None or said.code == code, f"git {' '.join(arguments)} -> {said.code}\n{said.text}"
    return said


def make_stages(folder: Path) -> None:
    """Live through the history once, and keep a copy of every stage."""
    models = folder / "models"
    make_models(models)
    start = folder / "start" / "repository"
    begin(start, models / "first")
    repo = Sandbox(root=start)
    write_first_card(repo)
    repo = _stage(folder, "start", "encoded")
    repo.embver("encode", NAME)
    repo.embver("bench", NAME)
    repo = _stage(folder, "encoded", "first")
    git(repo.root.parent, "init", "-q", "--bare", "-b", "main", str(repo.remote))
    repo.git("remote", "add", "origin", repo.remote.as_uri())
    repo.embver("release", NAME, "--push")
    repo = _stage(folder, "first", "story")
    repo.git("remote", "set-url", "origin", repo.remote.as_uri())
    repo.embver("new", NAME)
    more_corpus(repo)
    repo.embver("encode", NAME)
    repo.embver("bench", NAME)
    repo.embver("release", NAME, "--push")
    repo.embver("new", NAME)
    collapse_spaces(repo)
    repo.embver("encode", NAME)
    repo.embver("release", NAME, "--push")
    repo = _stage(folder, "story", "retrained")
    repo.embver("new", NAME)
    use_model(repo, models / "retrained")
    repo.embver("encode", NAME)
    repo.git("add", "-A")
    repo.git("commit", "-q", "-m", "Train anew")


def _stage(folder: Path, before: str, after: str) -> Sandbox:
    shutil.copytree(folder / before, folder / after, symlinks=True)
    made = Sandbox(root=folder / after / "repository")
    made.git("update-index", "-q", "--refresh", code=None)
    return made


def more_corpus(repo: Sandbox) -> None:
    repo.edit(("uri: data/corpus-v1.jsonl", "uri: data/corpus-v2.jsonl"))


def collapse_spaces(repo: Sandbox) -> None:
    repo.edit(("      - {step: tokenize", "      - {step: collapse_whitespace}\n      - {step: tokenize"))


def use_model(repo: Sandbox, model: Path) -> None:
    shutil.rmtree(repo.root / "models/clip")
    # With times of their own: models saved in one second are of one size, and Git would see no change.
    shutil.copytree(model, repo.root / "models/clip", copy_function=shutil.copy)


def make_models(folder: Path) -> None:
    from encode.tiny_models import save_clip

    for name, seed, dimensions in (("first", 0, 32), ("retrained", 1, 32), ("wide", 0, 48)):
        save_clip(folder / name, seed=seed, width=48, dimensions=dimensions)


def begin(root: Path, model: Path) -> None:
    """Make a repository with pictures, a corpus, a probe set and a model, and set it up."""
    root.mkdir(parents=True)
    git(root, "init", "-q", "-b", "main")
    for key, value in (("user.name", "Search team"), ("user.email", "team@shop.example"), ("gc.auto", "0")):
        git(root, "config", key, value)
    write_data(root)
    shutil.copytree(model, root / "models/clip")
    repo = Sandbox(root=root)
    repo.embver("init", "--probe", "probes/pairs", "--title", "Test embeddings")
    with (root / "embver.toml").open("a", encoding="utf-8") as file:
        file.write(
            '\n[[benchmark]]\nid = "search"\nitems = "probes/pairs"\nquery = "text"\ndocument = "image"\n'
            'metrics = ["hit@1", "hit@10"]\nmain = "hit@10"\n\n[rule]\ndraws = 200\nsplits = 2\n'
        )
    with (root / ".gitattributes").open("a", encoding="utf-8") as file:
        file.write("models/**/*.safetensors filter=lfs diff=lfs merge=lfs -text\n*.png -text\n")
    repo.git("add", "-A")
    repo.git("commit", "-q", "-m", "Start: data, probe set, settings")


def write_data(root: Path) -> None:
    """Draw the pictures and write corpus and probe set."""
    import numpy as np
    from PIL import Image

    from encode.tiny_models import WORDS

    random = np.random.default_rng(11)
    folder = root / "probes/pairs"
    (folder / "images").mkdir(parents=True)
    (root / "data").mkdir()
    items, rows = [], []
    for number in range(PAIRS):
        picture = folder / f"images/{number:03}.png"
        coarse = Image.fromarray(random.integers(0, 256, (4, 4, 3), dtype=np.uint8))
        coarse.resize((24, 24), Image.Resampling.BICUBIC).save(picture)
        text = f"{' '.join(random.choice(WORDS, size=4))} {chr(97 + number % 26)} {chr(97 + number // 26)}"
        sha256 = hashlib.sha256(picture.read_bytes()).hexdigest()
        pair = f"p{number:03}"
        items.append({"id": f"{pair}-i", "modality": "image", "path": f"images/{number:03}.png", "pair": pair, "sha256": sha256})  # fmt: skip
        items.append({"id": f"{pair}-t", "modality": "text", "text": text, "pair": pair})
        rows.append({"id": pair, "image": f"../probes/pairs/images/{number:03}.png", "text": text})
    write_lines(folder / "items.jsonl", items)
    write_lines(root / "data/corpus-v1.jsonl", rows[:30])
    write_lines(root / "data/corpus-v2.jsonl", rows[:40])


def write_lines(path: Path, rows: list[dict[str, Any]]) -> None:
    path.write_text("".join(f"{json.dumps(row)}\n" for row in rows), encoding="utf-8")


CARD = """\
# The card of one version.
schema: 1
name: emoji
title: Emoji search embeddings
license: CC-BY-SA-4.0  # of the vectors

space:
  dimensions: 32
  metric: cosine
  normalized: true
  kind: dense
  dtype: float32

encoders:
  image:
    model: {id: tiny-clip, path: models/clip}
    projection: true
    preprocessing:                 # in order
      - {step: decode, library: pillow, exif_rotate: true, mode: RGB}
      - {step: resize, height: 32, width: 32, interpolation: bicubic, antialias: true}
      - {step: rescale, factor: 0.00392156862745098}
      - {step: normalize, mean: [0.5, 0.5, 0.5], std: [0.5, 0.5, 0.5]}
  text:
    model: {id: tiny-clip, path: models/clip}
    projection: true
    preprocessing:
      - {step: unicode_normalize, form: NFC}
      - {step: tokenize, tokenizer: PreTrainedTokenizerFast, max_length: 32, truncation: end}
    languages: [en]

training:
  data:
    - {name: drawings, version: "1", uri: data/corpus-v1.jsonl, tracked_by: git, role: train}
  hyperparameters: {seed: 0}

corpus:
  uri: data/corpus-v1.jsonl

changes:
  - {area: all, text: First version.}

# ---- written by `embver encode` ----

# ---- may grow after the release ----
status: {state: active}
"""


def write_first_card(repo: Sandbox) -> None:
    repo.embver("new", NAME)
    repo.card.write_text(CARD, encoding="utf-8")


def script(*arguments: str, cwd: Path, env: dict[str, str] | None = None) -> Said:
    """Run the installed command as a person's shell does."""
    program = Path(sys.executable).with_name("embver")
    done = subprocess.run(
        [str(program), *arguments],
        cwd=cwd,
        capture_output=True,
        check=False,
        env={**os.environ, **(env or {})},
    )
    return Said(code=done.returncode, out=done.stdout.decode(), err=done.stderr.decode())
