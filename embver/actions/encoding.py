"""What an encode was asked, and everything that it depends on: read and digested before anything heavy is loaded."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from embver.actions.inputs import read_corpus
from embver.actions.models import describe_encoders, resolve_model
from embver.actions.workspace import Source, Workspace
from embver.card import Card, encoder_id, space_id
from embver.errors import UsageError
from embver.probe import ProbeSet
from embver.shards import SHARD_ROWS, ShardPlan

if TYPE_CHECKING:
    from embver.encode.corpus import Corpus

Progress = Callable[[str, int, int], None]  # what is encoded, items done, items in all

# Part of the plan's digest: a release of embver that writes other bytes for the same inputs raises it.
RECIPE: Final = 2
DTYPES: Final = ("float32", "float16", "bfloat16", "int8")
PROFILES: Final = ("strict", "fast")
COMPUTES: Final = ("float32", "bfloat16", "float16")
ON_ERROR: Final = ("stop", "skip")
MATERIALISE: Final = ("reflink", "copy", "link")


@dataclass(frozen=True, slots=True, kw_only=True)
class EncodeRequest:
    """What `embver encode` was asked; None leaves it to the card, the encoder or the device."""

    name: str
    force: bool = False  # encode although nothing changed
    full: bool = False  # copy no row from an earlier version
    reuse_across_environments: bool = False
    restart: bool = False  # forget the finished shards of a run that was given up
    device: str = "auto"
    profile: str = "strict"
    compute: str | None = None
    batch_rows: int | None = None
    shard_rows: int = SHARD_ROWS
    threads: int | None = None
    workers: int | None = None
    on_error: str = "stop"
    materialise: str | None = None

    def __post_init__(self) -> None:
        """Raise UsageError for what cannot be asked."""
        for option, value, known in (
            ("--profile", self.profile, PROFILES),
            ("--compute", self.compute, COMPUTES),
            ("--on-error", self.on_error, ON_ERROR),
            ("--materialise", self.materialise, MATERIALISE),
        ):
            if value is not None and value not in known:
                raise UsageError(f"{option} {value}: one of {', '.join(known)}")
        for option, number in (
            ("--shard-rows", self.shard_rows),
            ("--threads", self.threads),
            ("--workers", self.workers),
            ("--batch", self.batch_rows),
        ):
            if number is not None and number < 1:
                raise UsageError(f"{option} {number}: at least 1")

    @property
    def is_skipping(self) -> bool:
        """Tell whether an item that cannot be encoded is left out."""
        return self.on_error == "skip"


@dataclass(frozen=True, slots=True, kw_only=True)
class EncodePlan:
    """Everything that an encode depends on, read and digested; `plain` is the card with what its model's files say.

    `shards.digest` is the card's `encode.inputs`: with the same one, nothing is encoded again.
    """

    source: Source
    card: Card
    plain: dict[str, Any]
    corpus: Corpus
    probe: ProbeSet | None
    probe_folder: Path | None
    models: Mapping[str, Path]
    compute: str
    shards: ShardPlan

    @property
    def inputs(self) -> str:
        """Return the digest of everything that the encode depends on."""
        return self.shards.digest


def make_plan(work: Workspace, request: EncodeRequest) -> EncodePlan:
    """Read and digest everything that the encode depends on, before anything heavy is loaded.

    Raises CardError, UsageError or EncodeError with what to mend.
    """
    source = work.next_source(request.name)
    card = work.card(source)
    if card.space.dtype not in DTYPES:
        raise UsageError(
            f"space.dtype: {card.space.dtype} cannot be written", hint=f"dtype: {', '.join(DTYPES)}"
        )
    models = {m: resolve_model(work, m, encoder) for m, encoder in card.encoders.items()}
    encoders = describe_encoders(card.encoders, models)
    plain: dict[str, Any] = {**card.plain, "encoders": encoders}
    corpus = read_corpus(work, card, on_error=request.on_error)
    probe = work.probe_set(request.name)
    folder = work.settings.probe_for(request.name)
    compute = request.compute or _compute_of(card)
    settings = {
        "recipe": RECIPE,
        "space": space_id(plain),
        "encoders": {modality: encoder_id(plain, modality) for modality in encoders},
        "dtype": card.space.dtype,
        "corpus": corpus.items_digest,
        "probe": probe.digest if probe else None,
        "profile": request.profile,
        "compute": compute,
        # In the profile strict the rows of a batch decide about no bit.
        "batch": request.batch_rows if request.profile == "fast" else None,
    }
    return EncodePlan(
        source=source,
        card=card,
        plain=plain,
        corpus=corpus,
        probe=probe,
        probe_folder=work.path(folder) if folder else None,
        models=models,
        compute=compute,
        shards=ShardPlan(
            settings=settings,
            rows={modality: corpus.count(modality) for modality in corpus.modalities},
            shard_rows=request.shard_rows,
            has_probe=probe is not None,
        ),
    )


def _compute_of(card: Card) -> str:
    """Return the dtype that the working version was computed in last; float32 without one."""
    said = ((card.plain.get("encode") or {}).get("precision") or {}).get("compute")
    return said if said in COMPUTES else "float32"
