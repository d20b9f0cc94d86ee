"""The facts on a version's page: encoders, data, the encode run, files, provenance. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from embver.card import Artifact, card_digest
from embver.site.model import SiteData, SiteVersion
from embver.site.signatures import signature_facts
from embver.site.text import code, digest, escape, link, listed, number, size, value
from embver.site.version_changes import StepRow, step_rows

Pair = tuple[str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class EncoderView:
    """One modality's encoder: facts, then its preprocessing in order."""

    modality: str
    facts: tuple[Pair, ...]
    steps: tuple[StepRow, ...]
    is_changed: bool


def encoders(version: SiteVersion, earlier: SiteVersion | None) -> tuple[EncoderView, ...]:
    """Return each modality's encoder, its steps aligned with the previous version's."""
    views = []
    for modality, encoder in version.card.encoders.items():
        facts: list[Pair] = []
        for key in (
            "model",
            "base",
            "architecture",
            "pooling",
            "projection",
            "dense",
            "truncate_dimensions",
            "prompts",
            "languages",
        ):
            if encoder.get(key) not in (None, {}, []):
                facts.append((key, value(encoder[key])))
        for weight in encoder.get("weights") or ():
            facts.append(
                (
                    "weights",
                    f"{escape(weight.get('path', ''))} \u00b7 {size(weight['size_bytes']) if 'size_bytes' in weight else ''} \u00b7 {digest(weight['sha256'])}",
                )
            )
        for key in ("processor_sha256", "tokenizer_sha256"):
            if encoder.get(key):
                facts.append((key.removesuffix("_sha256"), digest(encoder[key])))
        before = None
        if earlier is not None and modality in earlier.card.encoders:
            before = earlier.card.encoders[modality].get("preprocessing") or []
        steps = step_rows(before, encoder.get("preprocessing") or [])
        views.append(
            EncoderView(
                modality=escape(modality),
                facts=tuple(facts),
                steps=steps,
                is_changed=any(row.state != "same" for row in steps),
            )
        )
    return tuple(views)


def data_sets(plain: Mapping[str, Any]) -> tuple[Mapping[str, str], ...]:
    """Return each data set: what the model was trained on, then what was encoded."""
    entries = [
        (entry.get("role") or "training", entry) for entry in (plain.get("training") or {}).get("data") or ()
    ]
    if plain.get("corpus"):
        entries.append(("encoded", plain["corpus"]))
    rows = []
    for role, entry in entries:
        items = entry.get("items") or {}
        count = (
            number(entry["rows"])
            if "rows" in entry
            else ", ".join(f"{number(n)} {escape(k)}" for k, n in items.items())
        )
        rows.append(
            {
                "role": escape(role),
                "name": escape(entry.get("name", "")),
                "version": escape(entry.get("version", "")),
                "uri": link(entry["uri"]) if entry.get("uri") else "",
                "tracked_by": escape(entry.get("tracked_by", "")),
                "rows": count,
                "license": escape(entry.get("license", "")),
                "digest": digest(entry["digest"]) if entry.get("digest") else "",
            }
        )
    return tuple(rows)


def training(plain: Mapping[str, Any]) -> tuple[Pair, ...]:
    """Return how it was trained."""
    recipe = plain.get("training") or {}
    facts = [(key, value(recipe[key])) for key in ("objective", "hyperparameters", "code") if recipe.get(key)]
    run = recipe.get("run") or {}
    if run:
        facts.append(("run", " \u00b7 ".join([escape(run.get("tracker", "")), link(run.get("uri", ""))])))
    return tuple(facts)


def encode_run(plain: Mapping[str, Any]) -> tuple[Pair, ...]:
    """Return on what the vectors were made, and how fast."""
    encode = plain.get("encode") or {}
    facts = []
    for key in ("hardware", "software", "precision", "batch", "flags", "profile", "seed", "floor"):
        if encode.get(key) not in (None, {}, []):
            facts.append(("run-to-run floor" if key == "floor" else key, value(encode[key])))
    speed = encode.get("items_per_s") or {}
    if speed:
        facts.append(("throughput", listed([f"{rate:,.0f} {escape(key)}s/s" for key, rate in speed.items()])))
    for key in ("skipped", "copied"):
        counted = encode.get(key) or {}
        if counted:
            facts.append(
                (key, listed([f"{number(count)} of {escape(name)}" for name, count in counted.items()]))
            )
    if encode.get("inputs"):
        facts.append(("inputs", digest(encode["inputs"])))
    if encode.get("started"):
        facts.append(("started", escape(encode["started"])))
    if encode.get("elapsed_s") is not None:
        facts.append(("took", f"{encode['elapsed_s']:,.1f} s"))
    if encode.get("energy_j") is not None:
        facts.append(("energy", f"{encode['energy_j'] / 1000:,.1f} kJ"))
    if encode.get("environment"):
        facts.append(("environment", digest(encode["environment"])))
    return tuple(facts)


def files(version: SiteVersion) -> tuple[Mapping[str, str], ...]:
    """Return the artifacts: path, what it holds, rows, size and checksum; `sum` is its line in SHA256SUMS."""
    return tuple(
        {
            "path": code(entry.path),
            "role": escape(f"{entry.role} \u00b7 {entry.modality}" if entry.modality else entry.role),
            "rows": number(entry.rows) if entry.rows is not None else "",
            "size": size(entry.size_bytes),
            "sha256": digest(entry.sha256),
            "sum": escape(f"{entry.sha256}  {entry.path}"),
        }
        for entry in version.card.artifacts
    )


def folder_name(version: SiteVersion) -> str:
    """Return the folder that the page's commands fetch into."""
    return f"{version.release.name.replace('/', '-')}-{version.number}"


def loading(version: SiteVersion) -> str | None:
    """Return Python that opens the version's vectors; names come from the card, so they are written as literals."""
    vectors = [entry for entry in version.card.artifacts if entry.role == "vectors"]
    if not vectors:
        return None
    folder = folder_name(version)
    dtype = version.card.space.dtype
    library = "torch" if dtype == "bfloat16" else "numpy"  # NumPy has no bfloat16
    files: dict[str, list[Artifact]] = {}
    for entry in vectors:
        files.setdefault(entry.modality or "vectors", []).append(entry)
    is_cut = any(len(parts) > 1 for parts in files.values())
    lines = ["from pathlib import Path", ""]
    if is_cut:
        lines.append(f"import {'torch' if library == 'torch' else 'numpy as np'}")
    lines += [f"from safetensors.{library} import load_file", "", f'folder = Path("{folder}")']
    if any(entry.role == "ids" for entry in version.card.artifacts):
        lines.append('ids = (folder / "ids.txt").read_text(encoding="utf-8").splitlines()')
    join = "torch.cat" if library == "torch" else "np.concatenate"
    for modality, parts in files.items():
        variable = "".join(c for c in modality if c.isascii() and c.isalpha()) or "vectors"
        counts = [entry.rows for entry in parts if entry.rows is not None]
        rows = f"{sum(counts):,}" if len(counts) == len(parts) else "rows"
        shape = f"  # {rows} x {version.card.space.dimensions}"
        if len(parts) == 1:
            lines.append(f"{variable} = {_read(f'folder / {parts[0].path!a}', dtype)}{shape}")
            continue
        count = len(parts)
        usual = [f"{modality}-{n:05}-of-{count:05}.safetensors" for n in range(count)]
        is_usual = [entry.path for entry in parts] == usual
        found = f'f"{modality}-{{n:05}}-of-{count:05}.safetensors" for n in range({count})'
        paths = (
            f"[folder / {found}]" if is_usual else f"[folder / name for name in {[e.path for e in parts]!a}]"
        )
        lines.append(f"{variable} = {join}([{_read('file', dtype)} for file in {paths}]){shape}")
    # In an indented block nothing is interpreted; only a line break could leave it, and a literal has none.
    return "\n".join(lines)


def _read(path: str, dtype: str) -> str:
    """Return the expression that gives a file's rows as numbers: whole numbers are multiplied with their scale."""
    if dtype == "int8":
        return f'(held := load_file({path}))["vectors"] * held["scale"][:, None]'
    return f'load_file({path})["vectors"]'


def provenance(data: SiteData, version: SiteVersion) -> tuple[Pair, ...]:
    """Return where the version comes from, and what proves it."""
    release, plain = version.release, version.card.plain
    commit = code(release.commit[:12], title=release.commit)
    if data.repository_url:
        commit = link(f"{data.repository_url.rstrip('/')}/commit/{release.commit}", release.commit[:12])
    facts = [("tag", code(release.tag)), ("commit", commit), ("released", escape(release.date))]
    facts += signature_facts(release)
    facts.append(("card digest", digest(release.card_digest or card_digest(plain))))
    if version.fingerprint:
        facts.append(("fingerprint", digest(version.fingerprint)))
    run = (plain.get("training") or {}).get("run") or {}
    if run.get("uri"):
        facts.append(("training run", " \u00b7 ".join([escape(run.get("tracker", "")), link(run["uri"])])))
    for entry in plain.get("imported") or ():
        said = [escape(" ".join(str(entry[key]) for key in ("source", "version") if entry.get(key)))]
        said += [link(entry["uri"]), digest(entry["digest"]) if entry.get("digest") else ""]
        facts.append(("taken over from", " \u00b7 ".join(part for part in said if part)))
    if plain.get("supplier"):
        facts.append(("supplier", escape(plain["supplier"])))
    if plain.get("license"):
        facts.append(("licence", escape(plain["license"])))
    if plain.get("authors"):
        facts.append(("authors", ", ".join(escape(author.get("name", "")) for author in plain["authors"])))
    for key, target in (plain.get("links") or {}).items():
        facts.append((escape(key), link(target)))
    facts += [(escape(key), value(entry)) for key, entry in (plain.get("extra") or {}).items()]
    return tuple(facts)
