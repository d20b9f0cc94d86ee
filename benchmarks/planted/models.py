"""The models of the suite: the demo's, and what goes wrong with weights, tokenizers and their files."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import recipes
from recipes import ONE_STYLE, SIX_LANGUAGES, TWO_STYLES, Recipe, Schedule

from benchmarks.planted import DEMO, ROOT
from data import TRAIN_V2, build_data

TRAINED = ROOT / "build/demo-models"
WEIGHTS, TOKENIZER, PROCESSOR = "model.safetensors", "tokenizer.json", "preprocessor_config.json"


@dataclass(frozen=True, slots=True, kw_only=True)
class Variant:
    """What a model's folder holds, part by part; the parts go by the names of the tables below."""

    weights: str = "base"
    tokenizer: str = "plain"
    processor: str = "plain"

    @property
    def name(self) -> str:
        """Return a name for a folder."""
        return f"{self.weights}+{self.tokenizer}+{self.processor}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Kit:
    """A folder with the demo's data and every model of the suite, made when it is first asked for."""

    folder: Path
    is_quick: bool = False

    @property
    def data(self) -> Path:
        """Return where pictures, names and items lie."""
        return self.folder / "data"

    def prepare(self) -> None:
        """Build the demo's data unless they are there."""
        if not (self.data / "done").is_file():
            build_data(self.data)
            (self.data / "done").write_text("")

    def model(self, variant: Variant) -> Path:
        """Return the folder of a variant, composed from the folders of its parts."""
        made = self._made / variant.name
        if not made.is_dir():
            source = self._weights(variant.weights)
            with _whole(made) as folder:
                shutil.copytree(source, folder, dirs_exist_ok=True)
                _edit_json(folder / TOKENIZER, TOKENIZERS[variant.tokenizer])
                _edit_json(folder / PROCESSOR, PROCESSORS[variant.processor])
        return made

    @property
    def _made(self) -> Path:
        return self.folder / f"models-{_sources()}{'-quick' if self.is_quick else ''}"

    def _weights(self, name: str) -> Path:
        """Return a folder with the weights of this name and the files beside them."""
        if name in TRAININGS:
            return self._trained(name)
        made = self._made / "weights" / name
        if not made.is_dir():
            how = SPOILED.get(name) or jittered(int(name.removeprefix("jitter-")))
            with _whole(made) as folder:
                shutil.copytree(self._trained("base"), folder, dirs_exist_ok=True)
                how(folder)
        return made

    def _trained(self, name: str) -> Path:
        recipe = LEAST if self.is_quick and name == "base" else TRAININGS[name]
        start = self._trained("one-style") if recipe.starts_from_model else None
        digest = recipes.inputs_digest(recipe, self.data, start=start).removeprefix("sha256:")[:16]
        trained = self.folder / "trained" if self.is_quick else TRAINED
        kept = trained / digest
        if not (kept / WEIGHTS).is_file():
            from train import train

            trained.mkdir(parents=True, exist_ok=True)
            train(recipe, self.data, kept, start=start)
        return kept


@cache
def _sources() -> str:
    """Digest what models are made by, once: an editor may be open."""
    here = Path(__file__)
    sources = [here, *(DEMO / name for name in recipes.SOURCES)]
    return hashlib.sha256(b"".join(file.read_bytes() for file in sources)).hexdigest()[:12]


def _short(steps: int, seed: int) -> Recipe:
    purpose = "a training that was stopped too early"
    return Recipe(
        name=f"short-{steps}", purpose=purpose, manifest=TRAIN_V2, seed=seed, both=Schedule(steps=steps)
    )


LEAST = Recipe(
    name="least",
    purpose="the quick suite's base",
    manifest=TRAIN_V2,
    seed=0,
    both=Schedule(steps=60),
)
TRAININGS: Mapping[str, Recipe] = {
    "base": TWO_STYLES,
    "one-style": ONE_STYLE,
    "languages": SIX_LANGUAGES,
    "short-40": _short(40, 11),
    "short-80": _short(80, 12),
    "short-120": _short(120, 13),
    "hot": Recipe(
        name="hot",
        purpose="trained on at ten times the rate, held by nothing",
        manifest=TRAIN_V2,
        seed=5,
        pictures=Schedule(steps=60, learning_rate=2e-2),
    ),
}  # fmt: skip


# ---- weights that were spoiled afterwards

Spoil = Callable[[Path], None]


def jittered(seed: int) -> Spoil:
    """Return what moves every weight by a hundredth of its tensor's spread: some queries change, for no reason."""

    def change(name: str, tensor: Any) -> Any:
        import torch

        own = int(hashlib.sha256(name.encode()).hexdigest()[:4], 16)
        made = torch.Generator().manual_seed(seed * 1000 + own)
        return tensor + 1e-2 * tensor.std() * torch.randn(tensor.shape, generator=made)

    return _each_matrix(change)


def _rounded(bits: int) -> Spoil:
    def change(name: str, tensor: Any) -> Any:  # noqa: ARG001
        flat = tensor.flatten(1)
        step = flat.abs().amax(dim=1, keepdim=True).clamp_min(1e-12) / (2 ** (bits - 1) - 1)
        return ((flat / step).round() * step).view_as(tensor)

    return _each_matrix(change)


def _pruned(share: float) -> Spoil:
    def change(name: str, tensor: Any) -> Any:  # noqa: ARG001
        return tensor * (tensor.abs() >= tensor.abs().flatten().quantile(share))

    return _each_matrix(change)


def _each_matrix(change: Callable[[str, Any], Any]) -> Spoil:
    def spoil(folder: Path) -> None:
        from safetensors.torch import load_file, save_file

        held = load_file(str(folder / WEIGHTS))
        made = {
            key: change(key, value).contiguous() if value.dim() > 1 else value for key, value in held.items()
        }
        save_file(made, str(folder / WEIGHTS), metadata={"format": "pt"})

    return spoil


def _text_tower(folder: Path) -> None:
    """Keep the text tower alone, as a plain encoder whose hidden states the card pools."""
    from embver.encode.runtime import quiet_transformers

    with quiet_transformers() as transformers:
        model = transformers.CLIPModel.from_pretrained(folder)
        tower = transformers.CLIPTextModel(model.config.text_config)
    held = {key.removeprefix("text_model."): value for key, value in model.text_model.state_dict().items()}
    # Some releases of transformers put the tower one level deeper.
    tower.load_state_dict({key: held[key.removeprefix("text_model.")] for key in tower.state_dict()})
    for name in (WEIGHTS, PROCESSOR):
        (folder / name).unlink()
    tower.eval().save_pretrained(folder)


SPOILED: Mapping[str, Spoil] = {
    "int2": _rounded(2),
    "int3": _rounded(3),
    "pruned-70": _pruned(0.7),
    "tower": _text_tower,
}


# ---- tokenizers and other files

Edit = Callable[[dict[str, Any]], None]


def _split_at_spaces(plain: dict[str, Any]) -> None:
    plain["pre_tokenizer"] = {"type": "WhitespaceSplit"}


def _lower(plain: dict[str, Any]) -> None:
    plain["normalizer"]["lowercase"] = True


def _splitting(plain: dict[str, Any]) -> None:
    """Read colons and underscores as spaces, as the card's own step does."""
    split = {"type": "Replace", "pattern": {"Regex": "[:_]+"}, "content": " "}
    plain["normalizer"] = {"type": "Sequence", "normalizers": [split, plain["normalizer"]]}


def _without_accents(plain: dict[str, Any]) -> None:
    plain["normalizer"]["strip_accents"] = True


def _rotated(plain: dict[str, Any]) -> None:
    """Number the pieces one further: a vocabulary that was sorted again."""
    vocabulary = plain["model"]["vocab"]
    fixed = {entry["content"] for entry in plain["added_tokens"]}
    pieces = sorted((piece for piece in vocabulary if piece not in fixed), key=vocabulary.get)
    places = [vocabulary[piece] for piece in pieces]
    vocabulary.update(zip(pieces, places[1:] + places[:1], strict=True))


def _thinned(plain: dict[str, Any]) -> None:
    """Drop every third piece of more than one letter."""
    vocabulary = plain["model"]["vocab"]
    fixed = {entry["content"] for entry in plain["added_tokens"]}
    long = [piece for piece in vocabulary if piece not in fixed and len(piece.removeprefix("##")) > 1]
    for piece in sorted(long)[::3]:
        del vocabulary[piece]


def _short_words(plain: dict[str, Any]) -> None:
    plain["model"]["max_input_chars_per_word"] = 6


def _without_end(plain: dict[str, Any]) -> None:
    plain["post_processor"]["single"] = plain["post_processor"]["single"][:-1]


def _same(plain: dict[str, Any]) -> None:
    """Change nothing."""


def _noted(plain: dict[str, Any]) -> None:
    plain["image_mean"] = [0.48, 0.46, 0.41]


TOKENIZERS: Mapping[str, Edit] = {
    "plain": _same,
    "split-at-spaces": _split_at_spaces,
    "lower": _lower,
    "splitting": _splitting,
    "without-accents": _without_accents,
    "rotated": _rotated,
    "thinned": _thinned,
    "short-words": _short_words,
    "without-end": _without_end,
}
PROCESSORS: Mapping[str, Edit] = {"plain": _same, "noted": _noted}


def _edit_json(file: Path, edit: Edit) -> None:
    if edit is _same or not file.is_file():
        return
    plain = json.loads(file.read_text(encoding="utf-8"))
    edit(plain)
    file.write_text(json.dumps(plain, ensure_ascii=False, indent=2), encoding="utf-8")


@contextmanager
def _whole(made: Path) -> Iterator[Path]:
    """Yield a folder to fill, which takes its name when it is whole; another process may have been faster."""
    made.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=made.parent) as scratch:
        folder = Path(scratch) / "folder"
        folder.mkdir()
        yield folder
        try:
            os.rename(folder, made)  # noqa: PTH104
        except OSError:
            if not made.is_dir():
                raise
