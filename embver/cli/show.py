"""`embver show`."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING, Any

from embver.cli.output import Output
from embver.cli.parser import add_json

if TYPE_CHECKING:
    from embver.actions.showing import Shown


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    parser.add_argument("reference", metavar="REF", help="such as products@1.1.0, or products for the latest")
    add_json(parser)


def run(arguments: argparse.Namespace, out: Output) -> int:
    """Show one version."""
    from embver.actions.showing import show
    from embver.cli.open import open_workspace
    from embver.cli.render import human_size

    shown = show(open_workspace(arguments), arguments.reference)
    if out.is_json:
        out.json(shown.to_plain())
        return 0
    card, release = shown.card, shown.release
    space = card.space
    lines: list[tuple[str, Any]] = [("title", card.title)]
    if release:
        lines += [("tag", f"{release.tag} on {release.commit[:12]}, {release.date[:10]}")]
        lines += [("level", out.level(release.level)), ("verdict", out.verdict(release.verdict))]
    unit = ", unit length" if space.normalized else ""
    dtype = (
        f", {space.dtype}" if card.plain["space"].get("dtype") else ""
    )  # what nobody wrote down is not told
    lines.append(("space", f"{space.dimensions} dimensions, {space.metric}{unit}{dtype}"))
    for modality, encoder in card.encoders.items():
        model = encoder.get("model") or {}
        steps = " > ".join(str(step["step"]) for step in encoder.get("preprocessing") or ())
        named = str(model.get("id") or model.get("path"))
        lines.append((modality, f"{named}: {steps}" if steps else named))
    for entry in card.plain.get("changes") or ():
        lines.append(("change", entry["text"]))
    for benchmark in card.benchmarks:
        values = ", ".join(metric.told for metric in benchmark.metrics)
        lines.append(("benchmark", f"{benchmark.id}: {values}"))
    for artifact in card.artifacts:
        rows = f", {artifact.rows:,} rows" if artifact.rows else ""
        size = human_size(artifact.size_bytes)
        lines.append(("artifact", f"{artifact.path}{rows}, {size}, sha256:{artifact.sha256[:16]}…"))
    if card.plain.get("reconstructed"):
        lines.append(("note", "reconstructed: what it does not say was not written down"))
    lines.append(("fingerprint", card.plain.get("fingerprint", "-")))
    lines += status_lines(shown, out)
    out.print(out.style(shown.reference, "bold"))
    for label, text in lines:
        out.print(f"  {out.style(f'{label:<12}', 'dim')}{text}")
    return 0


def status_lines(shown: Shown, out: Output) -> list[tuple[str, str]]:
    """Return the status, its reason and successor, and the stages, as (label, text)."""
    status, said = shown.status, shown.card.status
    text = out.status(status.state) + (f" since {status.since}" if status.since else "")
    if shown.release is not None and said != status.state:
        text += f" (its card says {said}: embver doctor)"
    lines = [("status", f"{text}: {status.reason}" if status.reason else text)]
    if status.successor:
        lines.append(("use", status.successor))
    if shown.stages:
        lines.append(("stages", ", ".join(shown.stages)))
    return lines
