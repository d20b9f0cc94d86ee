"""Why a changed field cannot have moved a benchmark, if it cannot. Ground floor."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Final

from embver.blocks import STORED, WEIGHTS, block_of, is_of_tokenizer, kind_of
from embver.diff import Change, Kind
from embver.presumption import OwnRule, Strength
from embver.rules import rule_for
from embver.text_steps import changes_no_text

# How far the floor's sample may lose neighbours before another batch or machine is a suspect beside real changes.
_LEAST_RECALL: Final = 0.999
_AROUND: Final = ("hardware", "software", "batch", "flags", "profile", "seed", "precision")
# Software that prepares what the model sees, by modality; None: any. The rest computes, and moves no more than a machine.
_PREPARES: Final[Mapping[str, str | None]] = {
    "embver": None,
    "transformers": None,
    "sentence-transformers": None,
    "tokenizers": "text",
    "pillow": "image",
    "libjpeg_turbo": "image",
    "simplejpeg": "image",
    "torchvision": "image",
    "opencv-python": "image",
    "soundfile": "audio",
    "soxr": "audio",
    "torchaudio": "audio",
}
_COARSE: Final = ("int8", "uint8")
_FOLLOWS: Final[Mapping[str, str]] = {
    "fingerprint": "it follows from the encoders",
    "artifacts": "the files follow from what made them",
    "processor_sha256": "the card's steps are what runs, not this file",
    "corpus": "the benchmark asks and finds items of its own, not the corpus",
    "license": "a licence moves no vector",
    "languages": "which languages are meant moves no vector",
}
_NAMES: Final = ("tag", "path", "tracked_by", "allow_pickle", "uri")


@dataclass(frozen=True, kw_only=True)
class Facts:
    """What is known of a step beside its changes: the benchmark's modalities, and both plain cards.

    An empty modality stands for one that is not known: then every encoder may be one that the benchmark uses. `texts`
    gives the benchmark's own, where they are there; they are read only when a text step changed.
    """

    query: str
    document: str
    before: Mapping[str, Any]
    after: Mapping[str, Any]
    own: tuple[OwnRule, ...] = ()
    texts: Callable[[], Sequence[str]] | None = None

    @cached_property
    def known_texts(self) -> Sequence[str]:
        """Return the texts that the benchmark asks with and finds; none where they are not there."""
        return self.texts() if self.texts is not None else ()

    @property
    def modalities(self) -> tuple[str, ...]:
        """Return the modalities that the benchmark asks with and finds, or may."""
        if self.query and self.document:
            return tuple(dict.fromkeys((self.query, self.document)))
        return tuple({**(self.before.get("encoders") or {}), **(self.after.get("encoders") or {})})

    def uses(self, modality: str) -> bool:
        """Tell whether the benchmark uses a modality, as far as is known."""
        return not (self.query and self.document) or modality in self.modalities

    @cached_property
    def has_same_weights(self) -> bool:
        """Tell whether every encoder that the benchmark uses has the same files, known on both sides."""
        return bool(self.modalities) and all(map(self._is_same, self.modalities))

    def _is_same(self, modality: str) -> bool:
        old, new = (_files(card, modality, "weights") for card in (self.before, self.after))
        beside = [_files(card, modality, "files") for card in (self.before, self.after)]
        # Files beside the weights that one card does not tell of are not known to be others.
        return bool(old) and old == new and (not all(beside) or beside[0] == beside[1])

    @cached_property
    def floor(self) -> tuple[float, float] | None:
        """Return the worse of both cards' noise floors: p99 of the cosine distance, and recall of neighbours."""
        found = [(card.get("encode") or {}).get("floor") or {} for card in (self.before, self.after)]
        if any("cosine_distance_p99" not in each for each in found):
            return None
        recall = min((each["recall_at_10"] for each in found if "recall_at_10" in each), default=0.0)
        return max(float(each["cosine_distance_p99"]) for each in found), float(recall)

    @cached_property
    def moved(self) -> float | None:
        """Return how far the probe set's vectors of both sides moved (p99 of the cosine distance), if it was measured."""
        stratum = self._stratum()
        parts = [stratum.get(key) or {} for key in ("queries_moved", "documents_moved")]
        far = [
            0.0 if part.get("identical") else (part.get("cosine") or {}).get("distance_p99") for part in parts
        ]
        known = [float(each) for each in far if each is not None]
        return max(known) if len(known) == len(parts) else None

    def floor_clears(self, changes: Sequence[Change]) -> str | None:
        """Return why a machine or a batch is set apart beside real changes: the floor says how far such things go."""
        is_around = all(change.where[0] == "encode" and not block_of(change.where) for change in changes)
        if self.floor is None or self.floor[1] < _LEAST_RECALL or not is_around:
            return None
        if any(prepares(change) for change in changes):
            return None
        return (
            f"another batch moves these vectors by {self.floor[0]:.2g} (99 % of them by less) and changes "
            f"{1 - self.floor[1]:.1%} of the neighbours: the noise floor"
        )

    def _stratum(self) -> Mapping[str, Any]:
        previous = f"{self.before.get('name')}@{self.before.get('version')}"
        records = [each for each in self.after.get("compatibility") or () if each.get("against") == previous]
        strata: list[Mapping[str, Any]] = [part for each in records for part in each.get("strata") or ()]
        wanted = (self.query, self.document)
        return next((each for each in strata if (each.get("query"), each.get("document")) == wanted), {})


def why_not(change: Change, facts: Facts) -> str | None:
    """Return why a changed field cannot have moved the benchmark, as a clause; None if it can."""
    where = change.where
    rule = rule_for(change, facts.own)
    if rule.strength is Strength.OWN and where[0] not in ("encoders", "space", "training", "encode"):
        return None if rule.level else rule.why
    if where[0] == "encoders":
        return _of_encoder(change, facts)
    if where[0] == "space":
        return _of_space(change, facts)
    if where[0] == "training":
        return _of_training(change, facts)
    if where[0] == "encode":
        return _of_encode(change, facts)
    return next((_FOLLOWS[part] for part in (where[0], where[-1]) if part in _FOLLOWS), rule.why)


def _of_encoder(change: Change, facts: Facts) -> str | None:
    where, modality = change.where, change.where[1]
    if not facts.uses(modality):
        return f"the benchmark neither asks with {modality} nor finds it"
    for part in (*where[2:3], where[-1]):
        if part in _FOLLOWS:
            return _FOLLOWS[part]
    if where[2:3] == ("model",) and where[-1] in _NAMES:
        return rule_for(change).why
    if where[2:3] == ("prompts",) and len(where) > 3:
        return _of_prompt(where[1], where[3], facts)
    if where[1] == "text" and kind_of(block_of(where)) == "text.preprocessing":
        return _of_text_step(where[3], facts)
    if block_of(where) != WEIGHTS:
        return None
    if facts.has_same_weights and where[-1] != "trust_remote_code":
        return "the model's files are the same, byte for byte"
    is_described = where[2] in ("architecture", "base") and change.kind is not Kind.CHANGED
    return rule_for(change).why if is_described else None


def _of_text_step(name: str, facts: Facts) -> str | None:
    cards = (facts.before, facts.after)
    old, new = ((card.get("encoders") or {}).get("text") or {} for card in cards)
    texts = facts.known_texts
    if not texts or not changes_no_text(name, texts, old, new):
        return None
    return f"it changes none of the benchmark's {len(texts):,} texts"


def _of_prompt(modality: str, role: str, facts: Facts) -> str | None:
    sides = (("query", facts.query), ("document", facts.document))
    used = [side for side, asked in sides if asked in ("", modality)]
    if role in used:
        return None
    return f"the benchmark encodes {modality} as {' and '.join(used)} only, not as {role}"


def _of_space(change: Change, facts: Facts) -> str | None:
    if change.where[1] == "served_dimensions":
        return "the benchmark ranks by all dimensions"
    if block_of(change.where) == STORED and not {change.before, change.after} & set(_COARSE):
        return "how numbers are stored rounds them, and changes next to no rank"
    metrics = {(card.get("space") or {}).get("metric") for card in (facts.before, facts.after)}
    if change.where[1] == "normalized" and metrics == {"cosine"}:
        return "cosine does not see the length of a vector"
    if change.where[1] == "kind" and change.kind is not Kind.CHANGED:
        return rule_for(change).why
    return None


def _of_training(change: Change, facts: Facts) -> str | None:
    if facts.has_same_weights:
        return "the model's files are the same, byte for byte: no training moved them"
    if change.where[1:2] in (("run",), ("code",)) or change.where[-1] in (
        "uri",
        "tracked_by",
        "remote",
        "license",
    ):
        return rule_for(change).why
    return None


def _of_encode(change: Change, facts: Facts) -> str | None:
    where = change.where
    if len(where) < 2 or where[1] not in _AROUND:
        return rule_for(change).why
    if facts.moved is not None and facts.floor is not None and facts.moved <= facts.floor[0]:
        far = f"by {facts.moved:.2g} at most, no more than the noise floor ({facts.floor[0]:.2g})"
        return (
            "no vector of the probe set moved" if not facts.moved else f"the probe set's vectors moved {far}"
        )
    if where[1] in ("software", "flags") and len(where) > 2 and change.kind is not Kind.CHANGED:
        return "one of the two cards does not tell it"
    if where[1] != "software":
        return None
    name = where[2] if len(where) > 2 else ""
    wanted = _PREPARES.get(name)
    if name in _PREPARES and wanted is not None and not facts.uses(wanted):
        return f"the benchmark neither asks with {wanted} nor finds it"
    return None


def prepares(change: Change) -> bool:
    """Tell whether software changed that prepares what the model sees, and does not only compute."""
    return change.where[:2] == ("encode", "software") and (
        len(change.where) < 3 or change.where[2] in _PREPARES
    )


def _files(card: Mapping[str, Any], modality: str, part: str) -> frozenset[tuple[str, str]]:
    """Return path and digest of a model's weights, or of the files beside them but for its tokenizer's."""
    encoder = (card.get("encoders") or {}).get(modality) or {}
    return frozenset(
        (entry["path"], entry["sha256"])
        for entry in encoder.get(part) or ()
        if not is_of_tokenizer(entry["path"])
    )
