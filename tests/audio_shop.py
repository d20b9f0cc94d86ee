"""A small repository of sounds and their words, and a CLAP that was taught to find the ones by the others."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

from sandbox import Sandbox, git, write_lines

NAME = "sounds"
SOUNDS = 40
_KINDS = (
    ("wav", "WAV", "PCM_16", 16_000, 1),
    ("flac", "FLAC", "PCM_16", 44_100, 2),
    ("ogg", "OGG", "VORBIS", 22_050, 1),
)


def begin(root: Path) -> Sandbox:
    """Make a repository with sounds, a corpus, a probe set and a taught model, and set it up."""
    root.mkdir(parents=True)
    git(root, "init", "-q", "-b", "main")
    for key, value in (("user.name", "Sound team"), ("user.email", "team@sound.example"), ("gc.auto", "0")):
        git(root, "config", key, value)
    write_data(root)
    teach(root / "models/clap", root)
    repo = Sandbox(root=root)
    repo.embver("init", "--probe", "probes/pairs", "--title", "Sounds")
    with (root / "embver.toml").open("a", encoding="utf-8") as file:
        file.write(
            '\n[[benchmark]]\nid = "search"\nitems = "probes/pairs"\nquery = "text"\ndocument = "audio"\n'
            'metrics = ["hit@1", "hit@10"]\nmain = "hit@1"\n\n[rule]\ndraws = 200\nsplits = 2\n'
        )
    with (root / ".gitattributes").open("a", encoding="utf-8") as file:
        file.write("models/**/*.safetensors filter=lfs diff=lfs merge=lfs -text\nprobes/**/sounds/* -text\n")
    repo.git("add", "-A")
    repo.git("commit", "-q", "-m", "Start: sounds, probe set, settings")
    return repo


def text_of(number: int) -> str:
    from encode.tiny_models import WORDS

    return f"{WORDS[number % 21]} {chr(97 + number % 26)}"


def write_data(root: Path) -> None:
    """Play the sounds, of several formats, rates, channels and lengths, and write corpus and probe set."""
    from encode.tiny_audio import tone, wav

    folder = root / "probes/pairs"
    (folder / "sounds").mkdir(parents=True)
    (root / "data").mkdir()
    items, rows = [], []
    for number in range(SOUNDS):
        suffix, form, subtype, rate, channels = _KINDS[number % len(_KINDS)]
        sound = tone(
            0.6 + 0.05 * (number % 9), rate=rate, pitch=180 * 1.07**number, channels=channels, seed=number
        )
        place = f"sounds/{number:03}.{suffix}"
        data = wav(sound, rate, subtype=subtype, format=form)
        (folder / place).write_bytes(data)
        pair, text = f"p{number:03}", text_of(number)
        items.append({"id": f"{pair}-a", "modality": "audio", "path": place, "pair": pair, "sha256": hashlib.sha256(data).hexdigest()})  # fmt: skip
        items.append({"id": f"{pair}-t", "modality": "text", "text": text, "pair": pair})
        rows.append({"id": pair, "audio": f"../probes/pairs/{place}", "text": text})
    write_lines(folder / "items.jsonl", items)
    write_lines(root / "data/corpus.jsonl", rows)


def teach(folder: Path, root: Path) -> None:
    """Save a tiny CLAP whose texts were taught to lie where their sounds do; the sounds' side stays as seeded."""
    from embver.encode.blob import Blob
    from embver.encode.processor import steps_from_processor
    from embver.encode.runner import encode
    from embver.encode.spec import Item
    from encode.tiny_audio import audio_spec, save_clap, torch, transformers

    save_clap(folder)
    lines = (root / "probes/pairs/items.jsonl").read_text().splitlines()
    items: list[dict[str, Any]] = [json.loads(line) for line in lines]
    sounds = [Item(id=item["id"], blob=Blob.of(root / "probes/pairs" / item["path"])) for item in items[::2]]
    spec = audio_spec(folder, steps_from_processor(folder)["audio"], projection=True)
    heard = torch.from_numpy(encode(spec, sounds).vectors)
    model = transformers.ClapModel.from_pretrained(folder).eval()
    tokenizer = transformers.AutoTokenizer.from_pretrained(folder)
    read = tokenizer([item["text"] for item in items[1::2]], padding=True, return_tensors="pt")
    taught = [*model.text_model.parameters(), *model.text_projection.parameters()]
    optimizer = torch.optim.Adam(taught, lr=0.003)
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    for _ in range(200):
        texts = model.get_text_features(
            **{key: read[key] for key in ("input_ids", "attention_mask")}
        ).pooler_output
        loss = torch.nn.functional.cross_entropy(200 * texts @ heard.T, torch.arange(len(heard)))
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    torch.set_num_threads(threads)
    model.save_pretrained(folder)
