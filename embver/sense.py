"""What no schema can say: fields of a card that contradict one another. Ground floor.

Every check takes data of which parts may be missing: what has the wrong shape was taken out before (`card_parts`).
The rules are described in `cardrules`, one row a rule.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import chain, islice
from typing import Any, Final

from embver.problem import Flaw
from embver.sense_files import check_files
from embver.sense_records import check_records
from embver.sense_words import check_words, entries

# Nobody reads more than this of one card, and a card may be written to have more.
_MAX_FLAWS: Final = 1000


def check_sense(plain: Mapping[str, Any], *, folder: str | None = None) -> tuple[Flaw, ...]:
    """Return every contradiction in a card whose shape is right; `folder` is the name of the folder it lies in."""
    is_draft = folder == "next"
    current = _without_stale(plain) if is_draft else plain
    found = chain(
        _identity(plain, folder),
        _space(plain.get("space") or {}),
        _encoders(current),
        check_files(plain, is_draft=is_draft, is_stale=current is not plain),
        check_records(plain),
        check_words(plain),
    )
    return tuple(islice(found, _MAX_FLAWS))


def misplaced(plain: Mapping[str, Any], path: str) -> Flaw | None:
    """Return what is wrong with a card whose path is another embedding's: embeddings/NAME/VERSION/card.yaml."""
    name, folders = str(plain["name"]), path.rpartition("/")[0].rpartition("/")[0]
    if folders in ("", ".") or f"/{folders}".endswith(f"/{name}"):
        return None
    return Flaw(
        where=("name",),
        rule="name-folder",
        message=f"name is {name}, and the card lies in {folders}/",
        hint="a version belongs to the embedding whose folder it is in",
    )


def _without_stale(plain: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return a working card without its artifacts where its fingerprint says that they are to be encoded anew.

    Who changes the dimension in `next/` contradicts the vectors that lie there, and `embver encode` has to read that
    card to make others. A release has no such vectors: `embver release` refuses them.
    """
    if "fingerprint" not in plain:
        return plain
    from embver.card import space_id  # it loads much that a released card's checks do not need

    try:
        is_stale = plain["fingerprint"] != space_id(plain)
    except (
        LookupError,
        TypeError,
        AttributeError,
        ValueError,
    ):  # parts of a card: other problems are told first
        is_stale = True
    return {key: value for key, value in plain.items() if key != "artifacts"} if is_stale else plain


def _identity(plain: Mapping[str, Any], folder: str | None) -> Iterator[Flaw]:
    version = plain.get("version")
    yield from _previous(plain.get("previous"), plain.get("name"), version)
    if folder is None:
        return
    if folder == "next" and version is not None:
        yield Flaw(
            where=("version",),
            rule="version-in-next",
            message="the working version has no number yet: `embver release` writes it",
            hint="remove this line",
        )
    if folder not in ("next", version):
        yield Flaw(
            where=("version",) if version is not None else (),
            rule="version-is-folder",
            message=f"the card says {version or 'no version'}, its folder says {folder}",
            hint=f"version: {folder}",
            lacking=() if version is None else None,
        )


def _previous(previous: Any, name: Any, version: Any) -> Iterator[Flaw]:
    if previous is None:
        return
    from embver.version import Version

    other, _, number = str(previous).partition("@")
    if name is not None and other != name:
        yield Flaw(
            where=("previous",),
            rule="previous",
            message=f"a version of {name} goes on from a version of {name}, and not from {previous}",
            hint=f"previous: {name}@{number}",
        )
    elif version is not None and not Version.parse(number) < Version.parse(str(version)):
        message, hint = (
            f"{previous} is not before {version}",
            "an earlier release, or without this line the latest",
        )
        yield Flaw(where=("previous",), rule="previous", message=message, hint=hint)


def _space(space: Mapping[str, Any]) -> Iterator[Flaw]:
    dimensions, served = space.get("dimensions"), space.get("served_dimensions") or ()
    for number, dimension in enumerate(served):
        if dimensions is not None and dimension is not None and dimension > dimensions:
            yield Flaw(
                where=("space", "served_dimensions", number),
                rule="served-dimension-too-large",
                message=f"{dimension} is more than the vectors' {dimensions} dimensions",
            )
    kind, metric = space.get("kind", "dense"), space.get("metric")
    if metric is not None and (metric == "hamming") != (kind == "binary"):
        yield Flaw(
            where=("space", "metric"),
            rule="metric-against-kind",
            message=f"{metric} is no distance of {kind} vectors"
            if kind == "binary"
            else "hamming distance is for binary vectors",
            hint="metric: hamming" if kind == "binary" else "kind: binary, or another metric",
        )
    dtype, is_normalized = space.get("dtype"), space.get("normalized") is True
    if is_normalized and (kind == "binary" or dtype == "uint8"):  # int8 has a scale for each row
        what = "binary vectors" if kind == "binary" else f"vectors of {dtype}"
        yield Flaw(
            where=("space", "normalized"),
            rule="normalized-against-dtype",
            message=f"{what} do not have length 1",
            hint="normalized: false",
        )
    if kind == "binary" and dtype not in (None, "uint8", "int8"):
        yield Flaw(
            where=("space", "dtype"),
            rule="dtype-against-kind",
            message=f"binary vectors are not stored as {dtype}",
            hint="dtype: uint8",
        )


def _encoders(plain: Mapping[str, Any]) -> Iterator[Flaw]:
    encoders = plain.get("encoders")
    if not isinstance(encoders, Mapping):
        return
    # A card that was reconstructed says what was left, and not what is needed to do it again.
    is_release = plain.get("version") is not None and plain.get("reconstructed") is not True
    artifacts = plain.get("artifacts") or ()
    for modality, encoder in encoders.items():
        where: tuple[str | int, ...] = ("encoders", modality)
        if is_release and "preprocessing" not in encoder:
            yield Flaw(
                where=where,
                rule="modality-without-preprocessing",
                message=f"a released card says what is done to {modality} before it is encoded",
                hint="preprocessing: [] if nothing is",
                lacking=where,
            )
        kept, dimensions = encoder.get("truncate_dimensions"), (plain.get("space") or {}).get("dimensions")
        if kept is not None and dimensions is not None and kept != dimensions:
            yield Flaw(
                where=(*where, "truncate_dimensions"),
                rule="truncate-against-dimensions",
                message=f"{kept} numbers are kept, but vectors have {dimensions}",
                hint=f"dimensions: {kept}",
            )
        for number, step in entries(encoder.get("preprocessing")):
            if step.get("step") == "tokenize" and "max_length" not in step:
                yield Flaw(
                    where=(*where, "preprocessing", number),
                    rule="tokenizer-needs-max-length",
                    message="a tokenize step without max_length cuts texts nobody knows where",
                    hint="max_length: 77",
                    lacking=(*where, "preprocessing", number),
                )
    if not all(isinstance(artifact, Mapping) for artifact in artifacts):
        return
    held = {artifact.get("modality") for artifact in artifacts if artifact.get("role") == "vectors"}
    for number, artifact in entries(artifacts):
        modality = artifact.get("modality")
        if artifact.get("role") == "vectors" and modality is not None and modality not in encoders:
            yield Flaw(
                where=("artifacts", number, "modality"),
                rule="modality-without-encoder",
                message=f"there are {modality} vectors, but no encoders.{modality}",
                hint=f"describe what made them under encoders.{modality}",
                lacking=("encoders",),
            )
    # Queries of a modality that no document has are in the probe only.
    if is_release and None not in held and not any(artifact.get("role") == "probe" for artifact in artifacts):
        for modality in encoders:
            if modality not in held and artifacts:
                yield Flaw(
                    where=("encoders", modality),
                    rule="modality-without-vectors",
                    message=f"there are neither {modality} vectors nor probe vectors among the artifacts",
                    hint="embver encode, or remove the encoder",
                    lacking=("artifacts",),
                )
