"""Write cases into one real repository: a commit and an annotated tag for every version, models in Git LFS."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import subprocess
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.planted.case import Case
from benchmarks.planted.drafts import Draft, begun, drafted
from benchmarks.planted.models import WEIGHTS
from benchmarks.planted.scores import ALL, Bench, Items, Rows
from embver import __version__
from embver.actions import bench as benching
from embver.card import Card, card_digest, space_id
from embver.measure.bootstrap import DRAWS
from embver.pointer import Pointer
from embver.store.files import hash_file
from embver.store.vectors import content_digest, stream_tensors
from embver.tagmessage import format_message

WHO = "Ada <ada@example.org>"
BEGAN = 1_795_000_000  # seconds since 1970: commits have fixed times
ATTRIBUTES = "models/**/*.safetensors filter=lfs diff=lfs merge=lfs -text\n*.png -text\n*.jsonl text eol=lf\n"


@dataclass(frozen=True, slots=True, kw_only=True)
class Version:
    """One version of a case: its number, its draft and the set of items that it is benchmarked on."""

    number: str
    draft: Draft
    items: str


def versions(case: Case) -> tuple[Version, ...]:
    """Return the versions of a case in order; the last step of a case with a plant is the planted one."""
    steps = (*case.steps, *([(*case.beside, *case.planted)] if case.planted else []))
    draft = begun(case.draft(), [change for step in steps for change in step])
    sets = case.sets or (ALL,) * (len(steps) + 1)
    made = [Version(number="1.0.0", draft=draft, items=sets[0])]
    for number, step in enumerate(steps, start=1):
        draft = drafted(draft, step)
        made.append(Version(number=f"1.{number}.0", draft=draft, items=sets[number]))
    return tuple(made)


def write_repository(root: Path, bench: Bench, cases: Iterable[Case]) -> Path:
    """Make the repository of some cases anew; return its root. What earlier runs of embver kept in it is lost."""
    shutil.rmtree(root, ignore_errors=True)
    root.mkdir(parents=True)
    _git(root, "init", "--quiet", "-b", "main", ".")
    for key, value in (("user.name", "Ada"), ("user.email", "ada@example.org"), ("gc.auto", "0")):
        _git(root, "config", key, value)
    _git(root, "lfs", "install", "--local")
    with subprocess.Popen(["git", "fast-import", "--quiet"], cwd=root, stdin=subprocess.PIPE) as importer:
        assert importer.stdin is not None
        for part in _stream(root, bench, tuple(cases)):
            importer.stdin.write(part)
    if importer.returncode:
        raise SystemExit("git fast-import failed")
    _git(root, "reset", "--quiet", "--hard")
    return root


def _stream(root: Path, bench: Bench, cases: tuple[Case, ...]) -> Iterator[bytes]:
    yield _commit("Start: items, settings", 0)
    yield _file(".gitattributes", ATTRIBUTES.encode())
    yield _file("embver.toml", _settings(bench, cases).encode())
    needed = {set_ for case in cases for set_ in (case.sets or (ALL,))}
    for name, items in bench.sets.items():
        is_needed = name in needed or name == ALL or any(case.benchmark == "languages" for case in cases)
        if is_needed:
            yield from _item_files(items)
    models: dict[str, Path] = {}
    count = 1
    for case in cases:
        previous: str | None = None
        for version in versions(case):
            reference = f"{case.name}@{version.number}"
            yield _commit(f"Release {reference}", count)
            yield from _model_files(root, bench, version.draft, models)
            card, files = _released(bench, case, version)
            for path, data in files.items():
                yield _file(f"embeddings/{case.name}/{version.number}/{path}", data)
            yield _tag(case, version, card, previous, count)
            previous = reference
            count += 1


def _settings(bench: Bench, cases: tuple[Case, ...]) -> str:
    lines = []
    for name in sorted({case.benchmark for case in cases}):
        setting = bench.setting(name, bench.items(name))
        lines.append(
            f"[[benchmark]]\nid = {json.dumps(name)}\nitems = {json.dumps(setting.items)}\n"
            f"query = {json.dumps(setting.query)}\ndocument = {json.dumps(setting.document)}\n"
            f"metrics = {json.dumps(list(setting.metrics))}\nmain = {json.dumps(setting.main)}\n"
        )
        if setting.where:
            sides = ", ".join(
                f"{side} = {{ {', '.join(f'{key} = {json.dumps(value)}' for key, value in wanted.items())} }}"
                for side, wanted in setting.where.items()
            )
            lines.append(f"where = {{ {sides} }}\n")
        lines.append("\n")
    return "".join(lines)


def _item_files(items: Items) -> Iterator[bytes]:
    yield _file(f"{items.uri}/items.jsonl", items.text.encode())
    for item in items.probe.items:
        if item.path is not None and not item.path.startswith("../"):
            yield _file(f"{items.uri}/{item.path}", (items.folder / item.path).read_bytes())


def _model_files(root: Path, bench: Bench, draft: Draft, held: dict[str, Path]) -> Iterator[bytes]:
    """Yield the files of the models' folders that are not as they were; weights as pointers, their bytes in the store."""
    for folder, variant in draft.variants.items():
        source = bench.kit.model(variant)
        if held.get(folder) == source:
            continue
        held[folder] = source
        yield f"D {folder}\n".encode()
        for file in sorted(source.iterdir()):
            data = _stored(root, file) if file.name == WEIGHTS else file.read_bytes()
            yield _file(f"{folder}/{file.name}", data)


def _stored(root: Path, file: Path) -> bytes:
    """Put a file into the repository's LFS store, by a link; return the pointer to it."""
    sha256, size = hash_file(file)
    kept = root / ".git/lfs/objects" / sha256[:2] / sha256[2:4] / sha256
    if not kept.is_file():
        kept.parent.mkdir(parents=True, exist_ok=True)
        os.link(file, kept)
    return Pointer(sha256=sha256, size_bytes=size).format()


def _released(bench: Bench, case: Case, version: Version) -> tuple[dict[str, Any], Mapping[str, bytes]]:
    """Return a version's card as plain data, and its files: the card and the scores of its queries."""
    plain = bench.described(version.draft)
    plain = {"schema": 1, "name": case.name, "version": version.number, **plain}
    plain["fingerprint"] = space_id(plain)
    plain["artifacts"] = [
        _artifact(modality, bench.documents(version.draft, modality, case.benchmark), plain["space"]["dtype"])
        for modality in plain["encoders"]
    ]
    items = bench.items(case.benchmark, version.items)
    setting = bench.setting(case.benchmark, items)
    evaluation = bench.evaluate(version.draft, case.benchmark, items, draws=DRAWS)
    card = Card.from_plain(plain)
    record = benching._record(card, setting, items.probe, evaluation)
    raw = benching._raw(setting, items.probe, evaluation)
    path = f"benchmarks/{setting.id}.json"
    source = {"format": "embver.bench", "format_version": "1", "path": path, "sha256": hashlib.sha256(raw).hexdigest(), "size_bytes": len(raw)}  # fmt: skip
    record |= {"harness": {"name": "embver", "version": __version__}, "date": "2026-11-02", "source": source}
    plain["benchmarks"] = [record]
    plain["status"] = {"state": "active"}
    return plain, {"card.yaml": (json.dumps(plain, ensure_ascii=False, indent=1) + "\n").encode(), path: raw}


def _artifact(modality: str, rows: Rows, dtype: str) -> dict[str, Any]:
    """Return a file of vectors as a card names it; its bytes lie on no machine, as those of most versions."""
    shape = (len(rows), rows.shape[1])
    data = b"".join(stream_tensors({"vectors": (shape, dtype, [rows])}))
    return {
        "path": f"{modality}.safetensors",
        "role": "vectors",
        "modality": modality,
        "rows": len(rows),
        "sha256": hashlib.sha256(data).hexdigest(),
        "size_bytes": len(data),
        "content_digest": content_digest([f"{n:06}" for n in range(len(rows))], rows, dtype=dtype),
    }


def _tag(case: Case, version: Version, card: Mapping[str, Any], previous: str | None, count: int) -> bytes:
    trailers = {
        "Card-Digest": card_digest(card),
        "Level": "minor" if previous else None,
        "Previous": previous,
    }
    message = format_message(title=f"{case.name} {version.number}", trailers=trailers).encode()
    head = f"tag {case.name}@v{version.number}\nfrom :{count + 1}\ntagger {WHO} {BEGAN + 60 * count} +0000\n"
    return head.encode() + _data(message)


def _commit(message: str, count: int) -> bytes:
    head = f"commit refs/heads/main\nmark :{count + 1}\ncommitter {WHO} {BEGAN + 60 * count} +0000\n"
    return head.encode() + _data(message.encode())


def _file(path: str, data: bytes) -> bytes:
    return f"M 100644 inline {path}\n".encode() + _data(data)


def _data(data: bytes) -> bytes:
    return f"data {len(data)}\n".encode() + data + b"\n"


def _git(root: Path, *arguments: str) -> None:
    subprocess.run(["git", *arguments], cwd=root, check=True, capture_output=True)
