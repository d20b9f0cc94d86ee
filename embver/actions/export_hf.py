"""Write a version as a Hugging Face model card: README.md, and each benchmark under .eval_results/."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Final

from embver.actions.workspace import Source, Workspace
from embver.errors import EmbverError
from embver.exchange.hub_export import front_matter, readme
from embver.intake import LeftOut, RawFile
from embver.outgoing import Export, Subject
from embver.store.cards import read_card_text

if TYPE_CHECKING:
    from embver.actions.exporting import ExportRequest

OPTIONS: Final[Mapping[str, str]] = {}
_LEFT_OUT: Final = (
    ("compatibility by stratum", "a model card has no field for it; the verdict is under `embver:`"),
    ("encode.hardware and software", "a model card has no field for it"),
)


def export(_work: Workspace, _source: Source, subject: Subject, _request: ExportRequest) -> Export:
    """Make README.md and `.eval_results/*.yaml`; what was written is read again and compared before it is given out."""
    from embver.actions.export_eval_results import eval_results

    front, left = front_matter(subject)
    text = readme(subject, front)
    end = text.index("\n---\n", 4)
    again = read_card_text(text[4 : end + 1], path="README.md")
    if again.problems or again.plain != front:
        raise EmbverError(f"{subject.reference} holds text that YAML readers would read differently")
    results = eval_results(subject)
    return Export(
        files=(RawFile(path="README.md", data=text.encode()), *results.files),
        left_out=(*left, *results.left_out, *(LeftOut(what=what, why=why) for what, why in _LEFT_OUT)),
        notes=results.notes,
    )
