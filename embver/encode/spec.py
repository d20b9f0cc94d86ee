"""What to encode and with what: plain, checked, and ignorant of where it was written."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final

from embver.encode.blob import Blob
from embver.encode.preprocessing import Step, parse_steps
from embver.errors import EncodeError

MODALITIES: Final = ("text", "image")


@dataclass(frozen=True, slots=True, kw_only=True)
class Item:
    """One thing to encode: a text or the bytes of a file, and the role it plays (its prompt) if it has its own."""

    id: str
    text: str | None = None
    blob: Blob | None = None
    role: str | None = None


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
    prompts: Mapping[str, str] = field(default_factory=dict)

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
            prompts=MappingProxyType(dict(prompts)),
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


def _frozen(steps: Any) -> Any:
    """Return a list of mappings that cannot change any more; anything else as it is, for `parse_steps` to refuse."""
    if not isinstance(steps, list | tuple):
        return steps
    return tuple(MappingProxyType(dict(step)) if isinstance(step, Mapping) else step for step in steps)


def _typed(value: Any, kind: Any, path: str, expected: str) -> Any:
    if not isinstance(value, kind) or (kind is int and isinstance(value, bool)):
        raise EncodeError(f"{path}: {expected} is expected, not {value!r}")
    return value
