"""The blocks of a change: which fields are set back together, and which need not, or cannot, be."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

from embver.ablation import Block, NotRun
from embver.actions.ablate_ends import End, Question
from embver.actions.diffing import comparable
from embver.blocks import WEIGHTS, block_of
from embver.diff import Change, compare

NORMALISATION: Final = "normalisation"
METRIC: Final = "metric"
COMPUTE: Final = "compute"
ENVIRONMENT: Final = "environment"  # what cannot be set back: hardware, software, batch

_JOIN: Final = "+"

Fits = Callable[[frozenset[str]], str | None]
"""Of the members that are new, all others old: None, or why such an encoder cannot run."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Blocks:
    """The blocks of a step: those to switch, those that are not run with the reason, and what changed in training."""

    run: tuple[Block, ...]
    not_run: tuple[NotRun, ...]
    training: tuple[Change, ...]

    def members(self, chosen: Iterable[int]) -> frozenset[str]:
        """Return the members of some blocks by their places in `run`."""
        return frozenset(member for place in chosen for member in members_of(self.run[place]))


def members_of(block: Block) -> tuple[str, ...]:
    """Return what a block is tied of; itself, where it is one thing."""
    return tuple(block.id.split(_JOIN))


def find_blocks(old: End, new: End, question: Question) -> Blocks:
    """Sort the changes of a step into blocks; those that cannot matter to the question are set apart."""
    changes = compare(comparable(old.card), comparable(new.card))
    by_block: dict[str, list[Change]] = {}
    for change in changes:
        name = _refined(block_of(change.where), change, old, new)
        if name is not None:
            by_block.setdefault(name, []).append(change)
    run, not_run = [], []
    for name, listed in by_block.items():
        block = Block(id=name, changes=tuple(listed))
        why = _why_not(name, old, new, question)
        if why is None:
            run.append(block)
        else:
            not_run.append(NotRun(block=block, why=why))
    surroundings = tuple(change for change in changes if _is_surrounding(change))
    if surroundings:
        why = "every subset runs on this machine: what they moved is in the rest"
        not_run.append(NotRun(block=Block(id=ENVIRONMENT, changes=surroundings), why=why))
    training = tuple(change for change in changes if change.where[0] == "training")
    return Blocks(run=tuple(run), not_run=tuple(not_run), training=training)


def _refined(name: str | None, change: Change, old: End, new: End) -> str | None:
    """Return the block of a change where the place alone does not tell."""
    if name != WEIGHTS or change.where[0] != "encoders":
        return name
    modality = change.where[1]
    if change.where[2] == "files" and not _differ(old, new, modality, _other_files):
        return f"{modality}.tokenizer"
    is_model = change.where[2] in ("model", "architecture", "base")
    if is_model and not weights_differ(old, new, modality):
        return None  # words about the same bytes
    return name


def _is_surrounding(change: Change) -> bool:
    return change.where[:2] in {
        ("encode", each) for each in ("hardware", "software", "flags", "profile", "batch")
    }


def _why_not(name: str, old: End, new: End, question: Question) -> str | None:
    """Return why a block is not set back, or None."""
    modality, _, part = name.partition(".")
    if part and modality not in question.modalities:
        return f"the benchmark has no {modality}s"
    ends = (old, new)
    match name:
        case "weights":
            if not any(weights_differ(old, new, each) for each in question.modalities):
                return "the weights that the benchmark uses are the same bytes"
            for end in ends:
                if end.missing:
                    return f"the checkpoint of {end.reference} is not here, and what it moved is in the rest"
        case "normalisation" if old.card.space.metric == new.card.space.metric == "cosine":
            return "cosine does not see the length of a vector"
        case "compute" | "stored_dtype" if not (old.is_probe and new.is_probe):
            return "the benchmark is encoded in float32, whatever the card stores"
        case "compute" if old.compute == new.compute:
            return "the forward is computed as before"
    if part == "tokenizer" and any(modality in end.missing for end in ends):
        away = next(end.reference for end in ends if modality in end.missing)
        return f"the model of {away} is not here, and what its tokenizer moved is in the rest"
    if part == "prompts" and not _prompts_differ(modality, old, new, question):
        return "the prompts of the roles that the benchmark asks are the same"
    return None


def _prompts_differ(modality: str, old: End, new: End, question: Question) -> bool:
    roles = [role for each, role in question.sides if each == modality]
    said = [end.card.encoders[modality].get("prompts") or {} for end in (old, new)]
    return any((said[0].get(role) or "") != (said[1].get(role) or "") for role in roles)


def weights_differ(old: End, new: End, modality: str) -> bool:
    """Tell whether the model of a modality is another one: its weights, or a file that says how they are used."""
    return (
        _differ(old, new, modality, _weights)
        or _differ(old, new, modality, _other_files)
        or (
            old.card.encoders[modality].get("truncate_dimensions")
            == new.card.encoders[modality].get("truncate_dimensions")
            and old.card.space.dimensions != new.card.space.dimensions
        )
    )


def _differ(old: End, new: End, modality: str, files: Callable[[Mapping[str, Any]], frozenset[Any]]) -> bool:
    first, second = (files(end.card.encoders.get(modality) or {}) for end in (old, new))
    return bool(first and second and first != second)


def _weights(encoder: Mapping[str, Any]) -> frozenset[Any]:
    return frozenset(each["sha256"] for each in encoder.get("weights") or ())


def _other_files(encoder: Mapping[str, Any]) -> frozenset[Any]:
    from embver.encode.model_files import TOKENIZER_FILES

    return frozenset(
        (each["path"], each["sha256"])
        for each in encoder.get("files") or ()
        if each["path"].rpartition("/")[2] not in TOKENIZER_FILES
    )


# ---- what cannot stand alone


def tie(blocks: Blocks, ties: Sequence[tuple[str, str, str]], fits: Fits) -> Blocks:
    """Tie blocks together that cannot be switched one by one, so that every hybrid can run.

    `ties` are pairs known beforehand, with the reason. `fits` is asked for each block alone, forward and back; one that
    does not run is tied to the weights, or to another that does not run alone, and to all of those at last.
    """
    run = list(blocks.run)
    for one, other, why in ties:
        run = _joined(run, (one, other), why)
    while True:
        asked = {place: _why_loose(run, [place], fits) for place in range(len(run))}
        loose = {place: reason for place, reason in asked.items() if reason is not None}
        if not loose or len(run) == 1:
            return replace(blocks, run=tuple(run))
        place = next(iter(loose))
        partners = [n for n, block in enumerate(run) if WEIGHTS in members_of(block) and n != place]
        partners += [n for n in loose if n != place and n not in partners]
        partner = next((n for n in partners if _why_loose(run, [place, n], fits) is None), None)
        together = [place, partner] if partner is not None else [place, *partners]
        if len(together) == 1:
            together = list(range(len(run)))
        names = [member for n in together for member in members_of(run[n])]
        run = _joined(run, names, f"they cannot be switched one by one: {loose[place]}")


def _why_loose(run: Sequence[Block], places: Sequence[int], fits: Fits) -> str | None:
    own = frozenset(member for place in places for member in members_of(run[place]))
    everything = frozenset(member for block in run for member in members_of(block))
    return fits(own) or fits(everything - own)


def _joined(run: Sequence[Block], names: Sequence[str], why: str) -> list[Block]:
    """Return blocks with those that hold one of the names made one, the weights' name first."""
    parts = [block for block in run if set(members_of(block)) & set(names)]
    if len(parts) < 2:
        return list(run)
    members = sorted(
        (member for block in parts for member in members_of(block)), key=lambda each: each != WEIGHTS
    )
    reasons = dict.fromkeys([*(block.tied for block in parts if block.tied), why])
    one = Block(
        id=_JOIN.join(members),
        changes=tuple(change for block in parts for change in block.changes),
        tied="; ".join(reasons),
    )
    place = run.index(parts[0])
    rest = [block for block in run if block not in parts]
    return [*rest[:place], one, *rest[place:]]
