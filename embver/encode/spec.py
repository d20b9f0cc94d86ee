"""What to encode and with what: plain, checked, and ignorant of where it was written."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final

from embver.encode.blob import Blob, decoded
from embver.encode.modules import ACTIVATIONS
from embver.encode.parameters import Step
from embver.encode.preprocessing import parse_steps
from embver.errors import EncodeError

MODALITIES: Final = ("text", "image", "audio")


@dataclass(frozen=True, slots=True, kw_only=True)
class Item:
    """One thing to encode: a text or the bytes of a file, and the role it plays (its prompt) if it has its own."""

    id: str
    text: str | None = None
    blob: Blob | None = None
    role: str | None = None

    def read_text(self) -> str:
        """Return the text, its own or that of its file; raise ValueError saying what is wrong with it."""
        if self.text is not None:
            return self.text
        if self.blob is None:
            raise ValueError("has no text")
        return decoded(self.blob.read())


@dataclass(frozen=True, slots=True, kw_only=True)
class EncoderSpec:
    """One modality's encoder, as a card's `encoders.<modality>` and `space` describe it.

    `projection` and `pooling` are None where the card does not state them: the model's own are taken.
    """

    modality: str
    model_path: Path
    dimensions: int
    normalized: bool
    preprocessing: tuple[Mapping[str, Any], ...]
    pooling: str | None = None
    projection: bool | None = None
    revision: str | None = None
    trust_remote_code: bool = False
    allow_pickle: bool = False
    prompts: Mapping[str, str] = field(default_factory=dict)
    dense: tuple[Mapping[str, str], ...] = ()  # layers after the pooling: {path, activation}
    truncate_dimensions: int | None = None  # of the model's vector, how many numbers are kept

    def __post_init__(self) -> None:
        """Check the values against each other; raise EncodeError with the card path of each problem."""
        if self.modality not in MODALITIES:
            raise EncodeError(
                f"encoders.{self.modality}: this modality cannot be encoded yet",
                hint=f"modalities: {', '.join(MODALITIES)}",
            )
        if self.dimensions < 1:
            raise EncodeError(f"space.dimensions: a whole number from 1 is expected, not {self.dimensions}")
        if self.prompts and self.modality != "text":
            raise EncodeError(f"{self.card_path}.prompts: only text takes prompts")
        if self.truncate_dimensions not in (None, self.dimensions):
            raise EncodeError(
                f"{self.card_path}.truncate_dimensions: {self.truncate_dimensions} are kept, but space.dimensions is "
                f"{self.dimensions}",
                hint=f"write `dimensions: {self.truncate_dimensions}` under space",
            )
        if self.dense and self.projection is False:
            raise EncodeError(f"{self.card_path}.projection: false, but `dense` lists learned layers")
        self.steps()

    @classmethod
    def from_plain(
        cls, modality: str, encoder: Mapping[str, Any], space: Mapping[str, Any], model_path: Path
    ) -> EncoderSpec:
        """Read a card's plain `encoders.<modality>` and `space`; raise EncodeError naming the card path."""
        path = f"encoders.{modality}"
        model = _typed(encoder.get("model") or {}, Mapping, f"{path}.model", "a mapping")
        prompts = _typed(
            encoder.get("prompts") or {}, Mapping, f"{path}.prompts", "a mapping of role to text"
        )
        for role, prompt in prompts.items():
            _typed(prompt, str, f"{path}.prompts.{role}", "a text")
        return cls(
            modality=modality,
            model_path=Path(model_path),
            dimensions=_typed(space.get("dimensions"), int, "space.dimensions", "a whole number"),
            normalized=_typed(space.get("normalized"), bool, "space.normalized", "true or false"),
            preprocessing=_frozen(encoder.get("preprocessing")),
            pooling=_typed(encoder.get("pooling"), str | None, f"{path}.pooling", "a word"),
            projection=_typed(encoder.get("projection"), bool | None, f"{path}.projection", "true or false"),
            revision=_typed(model.get("revision"), str | None, f"{path}.model.revision", "a text"),
            trust_remote_code=_typed(
                model.get("trust_remote_code", False),
                bool,
                f"{path}.model.trust_remote_code",
                "true or false",
            ),
            allow_pickle=_typed(
                model.get("allow_pickle", False), bool, f"{path}.model.allow_pickle", "true or false"
            ),
            prompts=MappingProxyType(dict(prompts)),
            dense=_dense(encoder.get("dense") or (), f"{path}.dense"),
            truncate_dimensions=_typed(
                encoder.get("truncate_dimensions"),
                int | None,
                f"{path}.truncate_dimensions",
                "a whole number",
            ),
        )

    @property
    def card_path(self) -> str:
        """Return the place of this encoder in a card, for messages."""
        return f"encoders.{self.modality}"

    def steps(self) -> tuple[Step, ...]:
        """Return the checked preprocessing steps, in order."""
        return parse_steps(self.modality, self.preprocessing, path=f"{self.card_path}.preprocessing")

    def prompt(self, role: str | None) -> str:
        """Return the prompt of a role ("" without prompts); raise EncodeError for a role the card does not have."""
        if role is None or not self.prompts:
            return ""
        if role not in self.prompts:
            raise EncodeError(
                f"{self.card_path}.prompts: no prompt for role {role!r}",
                hint=f"roles in the card: {', '.join(self.prompts)}",
            )
        return self.prompts[role]


def _dense(layers: Any, path: str) -> tuple[Mapping[str, str], ...]:
    """Return a card's layers after the pooling; raise EncodeError naming what is wrong with one."""
    made = []
    for number, layer in enumerate(_typed(layers, list | tuple, path, "a list of layers")):
        where = f"{path}[{number}]"
        entry = dict(_typed(layer, Mapping, where, "a mapping with path and activation"))
        place = _typed(entry.get("path"), str, f"{where}.path", "a folder of the model's")
        if not place or place.startswith("/") or ".." in place.split("/"):
            raise EncodeError(f"{where}.path: a folder within the model's is expected, not {place!r}")
        known = ", ".join(sorted(ACTIVATIONS.values()))
        if entry.get("activation") not in ACTIVATIONS.values() or set(entry) != {"path", "activation"}:
            raise EncodeError(
                f"{where}: path and activation are expected, not {entry!r}",
                hint=f"activation: one of {known}",
            )
        made.append(MappingProxyType(entry))
    return tuple(made)


def _frozen(steps: Any) -> Any:
    """Return a list of mappings that cannot change any more; anything else as it is, for `parse_steps` to refuse."""
    if not isinstance(steps, list | tuple):
        return steps
    return tuple(MappingProxyType(dict(step)) if isinstance(step, Mapping) else step for step in steps)


def _typed(value: Any, kind: Any, path: str, expected: str) -> Any:
    if not isinstance(value, kind) or (kind is int and isinstance(value, bool)):
        raise EncodeError(f"{path}: {expected} is expected, not {value!r}")
    return value
