"""`embver guard`."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from embver.cli.output import Output
from embver.cli.parser import add_json
from embver.errors import UsageError

if TYPE_CHECKING:
    from embver.guard.decision import Query

ACTIONS = ("stamp", "check", "show")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    parser.add_argument(
        "action", choices=ACTIONS, help="write the stamp, hold a query against it, or print what it says"
    )
    parser.add_argument(
        "file", metavar="FILE", help="a FAISS index, a Parquet file, or a folder DATABASE/TABLE.lance"
    )
    parser.add_argument(
        "references",
        metavar="REF",
        nargs="*",
        help="stamp: the version that the vectors are of, or several for a store that is being filled anew; "
        "check: the version that encodes the queries. A fingerprint, space:sha256:..., needs no repository",
    )
    parser.add_argument(
        "--allow",
        metavar="VERDICT",
        default="equivalent",
        choices=("identical", "equivalent", "compatible"),
        help="the worst verdict that passes (default: equivalent)",
    )
    parser.add_argument(
        "--modalities",
        metavar="QUERY,DOCUMENT",
        help="judge by this stratum alone, such as text,image: the modality of the queries, and of the documents",
    )
    parser.add_argument("--column", metavar="NAME", help="the vectors of a table that has several")
    parser.add_argument(
        "--measure", action="store_true", help="measure versions whose verdict no card records"
    )
    parser.add_argument(
        "--quick", action="store_true", help="do not read a whole FAISS index to see that it is unchanged"
    )
    parser.add_argument(
        "--replace", action="store_true", help="stamp a store that holds another stamp, or a damaged one"
    )
    add_json(parser)


def run(arguments: argparse.Namespace, out: Output) -> int:
    """Stamp a store or check it; exit 1 where a query must not meet its vectors."""
    count = len(arguments.references)
    if arguments.action == "stamp" and count:
        return _stamp(arguments, out)
    if arguments.action == "check" and count == 1:
        return _check(arguments, out)
    if arguments.action == "show" and not count:
        return _show(arguments, out)
    forms = {"stamp": "stamp FILE REF [REF ...]", "check": "check FILE REF", "show": "show FILE"}
    raise UsageError(
        f"guard {arguments.action} was given {count} versions", hint=f"embver guard {forms[arguments.action]}"
    )


def _stamp(arguments: argparse.Namespace, out: Output) -> int:
    from embver import guard

    versions = [_query(arguments, reference) for reference in arguments.references]
    made = guard.stamp(_store(arguments), versions, column=arguments.column, replace=arguments.replace)
    if out.is_json:
        out.json({"store": arguments.file, **made.to_plain()})
        return 0
    out.print(f"{arguments.file}: stamped as vectors of {' and '.join(space.label for space in made.spaces)}")
    return 0


def _check(arguments: argparse.Namespace, out: Output) -> int:
    from embver import guard

    decision = guard.inspect(
        _store(arguments),
        _query(arguments, arguments.references[0]),
        allow=arguments.allow,
        modalities=_modalities(arguments.modalities),
        column=arguments.column,
        quick=arguments.quick,
        measure=arguments.measure,
    )
    if out.is_json:
        out.json(decision.to_plain())
        return 0 if decision.is_allowed else 1
    for pairing in decision.pairings:
        sign = out.style("✓", "green") if pairing.is_allowed else out.style("✗", "red")
        relation = "same space" if pairing.relation == "same" else out.verdict(pairing.relation)
        out.print(f"{sign} {decision.query.label} and {pairing.stamped.label}: {relation}")
    if decision.is_allowed:
        return 0
    refusal = decision.refusal()
    out.error(refusal.message, hint=refusal.hint)
    return 1


def _show(arguments: argparse.Namespace, out: Output) -> int:
    from embver import guard

    found = guard.read(_store(arguments), column=arguments.column, quick=arguments.quick)
    if out.is_json:
        out.json({"store": arguments.file, **found.to_plain()})
        return 0
    for space in found.spaces:
        dimensions = f", {space.dimensions[0]} dimensions" if space.dimensions else ""
        out.print(f"{space.reference or 'no release'}  {space.space_id}{dimensions}")
    return 0


def _store(arguments: argparse.Namespace) -> Path:
    folder = Path(arguments.directory)
    return Path(arguments.file) if folder == Path() else folder / arguments.file


def _query(arguments: argparse.Namespace, reference: str) -> Query:
    """Return what encodes: a fingerprint as it is, a version by its name."""
    from embver.api.repository import open_in
    from embver.cli.open import open_workspace

    if reference.startswith("space:"):
        return reference
    return open_in(open_workspace(arguments), reference)


def _modalities(text: str | None) -> tuple[str, str] | None:
    if text is None:
        return None
    query, comma, document = text.partition(",")
    if not comma or not query or not document or "," in document:
        raise UsageError(f"--modalities {text}: two of them, such as text,image")
    return query, document
