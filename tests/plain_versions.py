"""Versions made by hand, without a model: for what is about Git and not about vectors. No torch, milliseconds each."""

from __future__ import annotations

import hashlib
import sys
from pathlib import Path

from embver.card import space_id
from embver.pointer import Pointer
from embver.store.cards import read_card_text
from sandbox import Sandbox, git

CARD = """\
schema: 1
name: {name}
space: {{dimensions: 4, metric: cosine, normalized: true, kind: dense, dtype: float32}}
encoders:
  text:
    model: {{id: hand/made, revision: {weights}}}
    weights:
      - {{path: model.safetensors, sha256: {weights}, size_bytes: 1}}
    preprocessing:
      - {{step: unicode_normalize, form: NFC}}
training:
  data:
    - {{name: pages, version: "{data}"}}
changes:
  - {{area: training.data, text: "Data {data}."}}
fingerprint: "{fingerprint}"
artifacts:
  - {{path: text.safetensors, role: vectors, modality: text, rows: 3, sha256: {vectors}, size_bytes: {size}}}
  - {{path: ids.txt, role: ids, rows: 3, sha256: {ids}, size_bytes: 6}}
"""
IDS = b"a\nb\nc\n"


def vectors_bytes() -> bytes:
    """Return a safetensors file of three unit vectors."""
    import numpy as np

    from embver.store.vectors import stream_tensors

    rows = np.eye(3, 4, dtype="float32")
    return b"".join(stream_tensors({"vectors": (rows.shape, "float32", [rows])}))


def begin_plain(root: Path) -> Sandbox:
    """Make a repository with settings and no model, no probe set; nothing in it loads torch."""
    root.mkdir(parents=True)
    git(root, "init", "-q", "-b", "main")
    for key, value in (("user.name", "Search team"), ("user.email", "team@shop.example"), ("gc.auto", "0")):
        git(root, "config", key, value)
    repo = Sandbox(root=root)
    repo.embver("init")
    repo.git("add", "-A")
    repo.git("commit", "-q", "-m", "Start")
    return repo


def write_next(repo: Sandbox, name: str = "plain", *, data: str = "1", vectors: bytes | None = None) -> Path:
    """Write the working version as `embver encode` leaves it: pointer, ids, sums, card, all staged."""
    content = vectors_bytes() if vectors is None else vectors
    pointer = Pointer(sha256=hashlib.sha256(content).hexdigest(), size_bytes=len(content))
    stored = repo.object(pointer.sha256)
    if not stored.exists():
        stored.parent.mkdir(parents=True, exist_ok=True)
        stored.write_bytes(content)
    return write_pointers(repo, name, data=data, pointer=pointer)


def write_pointers(repo: Sandbox, name: str, *, data: str, pointer: Pointer) -> Path:
    """Write the working version around a pointer, whether or not its bytes are anywhere."""
    folder = repo.root / "embeddings" / name / "next"
    folder.mkdir(parents=True, exist_ok=True)
    ids = hashlib.sha256(IDS).hexdigest()
    fields: dict[str, object] = {"name": name, "data": data, "weights": "a" * 64, "vectors": pointer.sha256}
    fields |= {"size": pointer.size_bytes, "ids": ids, "fingerprint": "space:sha256:" + "0" * 64}
    plain = read_card_text(CARD.format(**fields), path="card.yaml").plain
    (folder / "card.yaml").write_text(CARD.format(**{**fields, "fingerprint": space_id(plain)}))
    (folder / "text.safetensors").write_bytes(pointer.format())
    (folder / "ids.txt").write_bytes(IDS)
    (folder / "SHA256SUMS").write_text(f"{pointer.sha256}  text.safetensors\n{ids}  ids.txt\n")
    repo.git("add", "-A", folder.relative_to(repo.root).as_posix())
    return folder


def share(repo: Sandbox) -> None:
    """Give a repository a bare remote, `origin`, and push its branch."""
    git(repo.root.parent, "init", "-q", "--bare", "-b", "main", str(repo.remote))
    repo.git("remote", "add", "origin", repo.remote.as_uri())
    repo.git("push", "-q", "-u", "origin", "main")


def clone(repo: Sandbox, name: str) -> Sandbox:
    """Return another person's clone, beside the first one, set up as `embver init` sets one up."""
    made = Sandbox(root=repo.root.parent / name)
    git(repo.root.parent, "clone", "-q", repo.remote.as_uri(), name)
    for key, value in (("user.name", name.title()), ("user.email", f"{name}@shop.example"), ("gc.auto", "0")):
        made.git("config", key, value)
    made.git("lfs", "install", "--local")
    return made


def run_command(said: str, *argv: str) -> None:
    """Run a command in this process, which ends with its code; what it prints goes to `said`.out and `said`.err."""
    from embver.cli import main

    with Path(f"{said}.out").open("w") as sys.stdout, Path(f"{said}.err").open("w") as sys.stderr:
        code = main(list(argv))
    sys.exit(code)
