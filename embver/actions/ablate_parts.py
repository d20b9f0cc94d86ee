"""One modality's encoder of a subset: each block as in one of the two versions; and the digest of what it does."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from embver.actions.ablate_blocks import COMPUTE, METRIC, NORMALISATION, weights_differ
from embver.actions.ablate_ends import End, Question
from embver.blocks import STORED, WEIGHTS
from embver.diff import aligned_steps
from embver.digest import digest_plain
from embver.errors import EncodeError
from embver.probe import ProbeItem
from embver.text_steps import text_function

if TYPE_CHECKING:
    from embver.encode.spec import EncoderSpec

# A release of embver that gives other rows for the same hybrid raises it.
RECIPE: Final = 1


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Part:
    """One modality of a subset: a card's encoder that may stand on no card, and where its files are.

    `tokenizer` is a model folder, None where it is the weights' own. `dtype` is what rows are rounded to, None where
    they are asked as they come; `is_normalized` is done to rows that were encoded without.
    """

    modality: str
    encoder: Mapping[str, Any]
    dimensions: int
    folder: Path
    tokenizer: Path | None
    compute: str
    is_normalized: bool
    dtype: str | None

    def spec(self) -> EncoderSpec:
        """Return what to load; raise EncodeError for steps that cannot stand together."""
        from embver.encode.spec import EncoderSpec

        space = {"dimensions": self.dimensions, "normalized": self.is_normalized}
        return EncoderSpec.from_plain(self.modality, self.encoder, space, self.folder)

    def reading(self, role: str, items: Sequence[ProbeItem], machine: Mapping[str, str]) -> Reading:
        """Return under which name the rows of some items are kept, and what each of them is made of.

        Of texts that is what the tokenizer gets: encoders whose steps make the same of a text share its row.
        """
        steps = [dict(step) for step in self.encoder.get("preprocessing") or ()]
        prompt = (self.encoder.get("prompts") or {}).get(role) or ""
        whole = {"preprocessing": steps, "prompt": prompt, "machine": dict(machine)}
        name = self._digest(whole)
        texts = [item.text for item in items if item.text is not None]
        functions = [text_function(step["step"], step) for step in steps[:-1]]
        known = [function for function in functions if function is not None]
        if self.modality != "text" or len(texts) < len(items) or len(known) < len(functions):
            digests = tuple(bytes.fromhex(item.sha256) for item in items)
            return Reading(part=self, role=role, name=name, key=name, digests=digests)
        for function in known:
            texts = [function(text) for text in texts]
        read = (f"{prompt}{text}".encode(errors="surrogatepass") for text in texts)
        return Reading(
            part=self,
            role=role,
            name=name,
            key=self._digest({"preprocessing": steps[-1:], "machine": dict(machine)}),
            digests=tuple(hashlib.sha256(each).digest() for each in read),
        )

    def _digest(self, more: Mapping[str, Any]) -> str:
        encoder = self.encoder
        described = {
            "recipe": RECIPE,
            "modality": self.modality,
            "dimensions": self.dimensions,
            "weights": sorted(each["sha256"] for each in encoder.get("weights") or ()),
            "files": {each["path"]: each["sha256"] for each in encoder.get("files") or ()},
            "tokenizer": encoder.get("tokenizer_sha256"),
            "pooling": encoder.get("pooling"),
            "projection": encoder.get("projection"),
            "dense": [dict(layer) for layer in encoder.get("dense") or ()],
            "truncate_dimensions": encoder.get("truncate_dimensions"),
            "trust_remote_code": bool((encoder.get("model") or {}).get("trust_remote_code")),
            "compute": self.compute,
            **more,
        }
        return digest_plain(described).removeprefix("sha256:")


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Reading:
    """The rows of a role by an encoder: its own name, where they are kept, and the digest of what each is made of.

    `key` is shared by encoders that read otherwise and encode alike.
    """

    part: Part
    role: str
    name: str
    key: str
    digests: tuple[bytes, ...]

    @property
    def asked(self) -> str:
        """Return the digest of the rows as the question gets them: equal ones are the same numbers."""
        inputs = hashlib.sha256(b"".join(self.digests)).hexdigest()
        return f"{self.key}.{inputs}.{int(self.part.is_normalized)}.{self.part.dtype or 'float32'}"


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Mixer:
    """Puts subsets together from the two ends; what is no block of the game is as in the new version.

    `game` holds the members that are switched. Where a model is not here, the weights stay as in the other version.
    """

    old: End
    new: End
    question: Question
    game: frozenset[str]
    machine: Mapping[str, str]
    _readings: dict[tuple[str, str, frozenset[str]], Reading] = field(default_factory=dict)

    def reading(self, modality: str, role: str, chosen: frozenset[str]) -> Reading:
        """Return what the items of a role are read as, by the encoder of a subset."""
        own = frozenset(each for each in chosen if "." not in each or each.startswith(f"{modality}."))
        key = (modality, role, own)
        if key not in self._readings:
            items = self.question.chosen(role)
            self._readings[key] = self.part(modality, chosen).reading(role, items, self.machine)
        return self._readings[key]

    def part(self, modality: str, chosen: frozenset[str]) -> Part:
        """Return one modality with the chosen members as in the new version, the game's others as in the old one."""

        def pick(member: str) -> End:
            return self._end(member, chosen)

        weights, texts = pick(WEIGHTS), pick(f"{modality}.tokenizer")
        encoder = {
            key: value
            for key in ("model", "weights")
            if (value := weights.card.encoders[modality].get(key)) is not None
        }
        shaped = pick(f"{modality}.projection")
        taken = (
            (shaped, ("projection", "dense", "truncate_dimensions")),
            (pick(f"{modality}.pooling"), ("pooling",)),
            (pick(f"{modality}.prompts"), ("prompts",)),
            (texts, ("tokenizer_sha256",)),
        )
        for end, keys in taken:
            said = end.card.encoders[modality]
            encoder |= {key: said[key] for key in keys if said.get(key) is not None}
        encoder["preprocessing"] = self._steps(modality, chosen)
        encoder["files"] = _files(weights.card.encoders[modality], texts.card.encoders[modality])
        folder = weights.folders.get(modality)
        if folder is None:
            raise EncodeError(weights.missing[modality])
        is_foreign = _tokenizer(weights, modality) != _tokenizer(texts, modality)
        is_stored = self.old.is_probe and self.new.is_probe
        sized = weights if weights_differ(self.old, self.new, modality) else shaped
        return Part(
            modality=modality,
            encoder=encoder,
            dimensions=sized.card.space.dimensions,
            folder=folder,
            tokenizer=texts.folders.get(modality) if is_foreign else None,
            compute=pick(COMPUTE).compute if is_stored else "float32",
            is_normalized=pick(NORMALISATION).card.space.normalized,
            dtype=pick(STORED).dtype if is_stored else None,
        )

    def metric(self, chosen: frozenset[str]) -> str:
        """Return how a subset ranks: cosine, dot or euclidean."""
        return self._end(METRIC, chosen).card.space.metric

    def stored_end(self, modality: str, role: str, chosen: frozenset[str]) -> End | None:
        """Return the version whose own stored probe vectors a subset's rows are, if it is one."""
        asked = self.reading(modality, role, chosen).asked
        for end, members in ((self.new, self.game), (self.old, frozenset[str]())):
            # Where its model is not here, no subset is that version.
            is_whole = end.is_probe and not end.missing
            if is_whole and asked == self.reading(modality, role, members).asked:
                return end
        return None

    def _end(self, member: str, chosen: frozenset[str]) -> End:
        if member in self.game:
            return self.new if member in chosen else self.old
        needs_model = member == WEIGHTS or member.endswith(".tokenizer")
        return self.old if needs_model and self.new.missing else self.new

    def _steps(self, modality: str, chosen: frozenset[str]) -> list[Mapping[str, Any]]:
        lists = [end.card.encoders[modality].get("preprocessing") or [] for end in (self.old, self.new)]
        steps: list[Mapping[str, Any]] = []
        for name, before, after in aligned_steps(*lists):
            if before and after and name == "[tokenize]":
                steps.append(self._tokenize(modality, before, after, chosen))
                continue
            step = after if self._end(f"{modality}.preprocessing{name}", chosen) is self.new else before
            if step is not None:
                steps.append(step)
        return steps

    def _tokenize(
        self, modality: str, before: Mapping[str, Any], after: Mapping[str, Any], chosen: frozenset[str]
    ) -> dict[str, Any]:
        """Return a tokenize step whose parameters come each from its own end."""
        made = {}
        for key in dict.fromkeys((*after, *before)):
            said = after if self._end(f"{modality}.{key}", chosen) is self.new else before
            if key in said:
                made[key] = said[key]
        return made


def machine_of(device: str) -> dict[str, str]:
    """Return what of this machine moves bits, and so is part of a cached row's name: packages and device."""
    from importlib.metadata import PackageNotFoundError, version

    found = {"device": device}
    for name in ("torch", "transformers", "tokenizers", "pillow", "numpy"):
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            continue
    return found


def _tokenizer(end: End, modality: str) -> Any:
    return end.card.encoders[modality].get("tokenizer_sha256")


def _files(weights: Mapping[str, Any], texts: Mapping[str, Any]) -> list[Any]:
    """Return the files of a hybrid: the tokenizer's from one version, all others from the weights'."""
    from embver.encode.model_files import TOKENIZER_FILES

    def is_tokenizer(entry: Mapping[str, Any]) -> bool:
        return entry["path"].rpartition("/")[2] in TOKENIZER_FILES

    others = [entry for entry in weights.get("files") or () if not is_tokenizer(entry)]
    return [*others, *(entry for entry in texts.get("files") or () if is_tokenizer(entry))]
