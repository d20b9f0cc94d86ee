"""Take results of CLIP_benchmark into a card: a file, or a folder with those of one model."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from embver.actions.importing import ImportRequest
from embver.actions.result_identity import encoders_of, identity_warnings
from embver.actions.workspace import Workspace
from embver.intake import Intake

OPTIONS: Final[Mapping[str, str]] = {
    "datasets": "take these data sets only: datasets=flickr30k,mscoco_captions",
    "model": "which model's results, where a folder holds several: model=ViT-B-32, or 'ViT-B-32 (openai)'",
    "raw": "always: keep result files even where they name people or places; never: keep none",
}


def read(work: Workspace, request: ImportRequest) -> Intake:
    """Read the results; AbsentError or MalformedError where that cannot be done."""
    from embver.exchange.clip_intake import read_clip

    options = request.options
    encoders = encoders_of(work, request.into)
    names = frozenset(name.strip() for name in options.get("datasets", "").split(",") if name.strip())
    return read_clip(
        request.folder / request.reference,
        request.reference,
        model=options.get("model"),
        datasets=names or None,
        raw=options.get("raw", ""),
        warn=lambda model: identity_warnings(encoders, model),
    )
