"""A version as a Hugging Face model card: front matter with `model-index` and an `embver:` block, then words. Pure.

Written as YAML that readers of 1.1 and of 1.2 take alike: whatever one of them could take for something else is quoted.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from typing import Any, Final

from embver.exchange.facts import PREFIX, data_sets, facts, present, text
from embver.intake import LeftOut
from embver.outgoing import Subject
from embver.spdx import known_licence

_SAFE: Final = re.compile(r"[A-Za-z][A-Za-z0-9./_-]*(?: [A-Za-z0-9./_-]+)*")
# What YAML 1.1 reads as something else than the word it is.
_READ_OTHERWISE: Final = {"y", "n", "yes", "no", "on", "off", "true", "false", "null", "nan", "inf"}
_MARKUP: Final = re.compile(r"[\\`*_{}\[\]<>|#&~^$]")
_HUB_DATA: Final = re.compile(
    r"(?:hf://datasets/|(?:https?://)?(?:www\.)?huggingface\.co/datasets/)([\w.-]+/[\w.-]+)"
)
_RELATIONS: Final = {"finetune", "adapter", "merge", "quantized"}


def front_matter(subject: Subject) -> tuple[dict[str, Any], list[LeftOut]]:
    """Return the front matter as plain data, and what it does not hold."""
    plain, left = subject.plain, []
    results, dropped = _results(subject)
    left += dropped
    languages = [tag for e in subject.card.encoders.values() for tag in e.get("languages") or ()]
    bases = [e["base"] for e in subject.card.encoders.values() if (e.get("base") or {}).get("id")]
    ids = list(dict.fromkeys(str(base["id"]) for base in bases))
    relations = {base.get("relation") for base in bases}
    relation = relations.pop() if len(ids) == 1 and len(relations) == 1 else None
    if relation is not None and relation not in _RELATIONS:
        left.append(LeftOut(what="encoders.*.base.relation", why=f"the Hub knows no relation {relation!r}"))
        relation = None
    data, unnamed = _data(subject)
    left += unnamed
    made = {
        "language": list(dict.fromkeys(languages)),
        **_licence(plain.get("license")),
        "base_model": ids[0] if len(ids) == 1 else ids,
        "base_model_relation": relation,
        "datasets": data,
        "pipeline_tag": "feature-extraction",
        "tags": ["embeddings", "embver", *subject.card.encoders],
        "model-index": [{"name": subject.name, "results": results}] if results else None,
        "embver": {
            "version": subject.version,
            **{name.removeprefix(PREFIX): value for name, value in facts(subject).items()},
        },
    }
    return present(made), left


def _licence(expression: Any) -> dict[str, Any]:
    """Return the Hub's name of a licence; one that is not of SPDX's list is `other`, with its name."""
    if not expression:
        return {}
    known = known_licence(str(expression))
    if known is not None:
        return {"license": known.lower()}
    return {"license": "other", "license_name": str(expression).removeprefix("LicenseRef-").lower()}


def _data(subject: Subject) -> tuple[list[str], list[LeftOut]]:
    named: list[str] = []
    left = []
    for role, entry in data_sets(subject):
        match = _HUB_DATA.match(str(entry.get("uri") or ""))
        if match and role != "corpus":
            named.append(match[1])
        elif role != "corpus":
            where = f"training.data[{entry.get('name')}]"
            left.append(
                LeftOut(
                    what=where, why="the Hub's `datasets` takes data sets of the Hub only; it is in the text"
                )
            )
    return list(dict.fromkeys(named)), left


def _results(subject: Subject) -> tuple[list[dict[str, Any]], list[LeftOut]]:
    """Return the entries of `model-index`; what lacks a field that the Hub requires is left out and named."""
    made: list[dict[str, Any]] = []
    left: list[LeftOut] = []
    for benchmark in subject.card.benchmarks:
        plain = benchmark.plain
        task, data = plain.get("task") or {}, plain.get("dataset") or {}
        kind, data_id = task.get("hf_task") or task.get("type"), data.get("id") or data.get("name")
        if not kind or not data_id:
            lacking = "task.type" if not kind else "dataset.id"
            left.append(
                LeftOut(
                    what=f"benchmarks[{benchmark.id}]", why=f"the Hub requires {lacking}, the card has none"
                )
            )
            continue
        metrics = [
            present(
                {
                    "type": metric.get("canonical") or metric["key"],
                    "value": metric["value"],
                    "name": metric["key"],
                }
            )
            for metric in plain.get("metrics") or ()
            if metric.get("value") is not None
        ]
        if any(metric.get("ci") for metric in plain.get("metrics") or ()):
            left.append(
                LeftOut(what=f"benchmarks[{benchmark.id}] intervals", why="model-index has no place for them")
            )
        made.append(
            {
                "task": present({"type": kind, "name": task.get("name")}),
                "dataset": present(
                    {
                        "type": data_id,
                        "name": data.get("name") or data_id,
                        "config": data.get("config"),
                        "split": data.get("split"),
                        "revision": data.get("revision") or data.get("sha256"),
                    }
                ),
                "metrics": metrics,
            }
        )
    return made, left


def to_yaml(plain: Mapping[str, Any], indent: str = "") -> str:
    """Return plain data as YAML in blocks; texts that could be read as something else are double-quoted."""
    lines = []
    for key, value in plain.items():
        name = _scalar(str(key))
        if isinstance(value, Mapping) and value:
            lines.append(f"{indent}{name}:\n{to_yaml(value, indent + '  ')}")
        elif isinstance(value, list) and value:
            lines.append(f"{indent}{name}:\n{_items(value, indent)}")
        else:
            lines.append(f"{indent}{name}: {_scalar(value)}\n")
    return "".join(lines)


def _items(values: Sequence[Any], indent: str) -> str:
    lines = []
    for value in values:
        if isinstance(value, Mapping) and value:
            inner = to_yaml(value, f"{indent}  ")
            lines.append(f"{indent}- {inner[len(indent) + 2 :]}")
        else:
            lines.append(f"{indent}- {_scalar(value)}\n")
    return "".join(lines)


def _scalar(value: Any) -> str:
    if isinstance(value, Mapping):
        return "{" + ", ".join(f"{_scalar(str(key))}: {_scalar(entry)}" for key, entry in value.items()) + "}"
    if isinstance(value, list):
        return f"[{', '.join(map(_scalar, value))}]"
    if not isinstance(value, str):
        return json.dumps(value, ensure_ascii=False, allow_nan=False)
    if _SAFE.fullmatch(value) and value.lower() not in _READ_OTHERWISE:
        return value
    # JSON's text is YAML's, but for the signs that YAML does not let stand as they are.
    quoted = json.dumps(value, ensure_ascii=False)
    return "".join(sign if sign.isprintable() else f"\\U{ord(sign):08x}" for sign in quoted)


def readme(subject: Subject, front: Mapping[str, Any]) -> str:
    """Return the whole README.md."""
    plain, release = subject.plain, subject.release
    title = plain.get("title") or subject.name
    parts = [f"---\n{to_yaml(front)}---\n", f"# {words(title)}{f' {subject.version}' if release else ''}"]
    if plain.get("description"):
        parts.append(words(plain["description"]))
    space = plain["space"]
    normal = "length 1" if space["normalized"] else "not normalised"
    parts.append(
        f"Vectors of {space['dimensions']} numbers ({', '.join(filter(None, (space.get('dtype'), normal)))}), compared by {space['metric']}."
        + (f" Release `{release.tag}`, commit `{release.commit}`." if release else "")
    )
    if plain.get("changes"):
        parts.append(
            "## What changed\n\n" + "\n".join(f"- {words(entry['text'])}" for entry in plain["changes"])
        )
    parts += [_encoders(subject), *_tables(subject)]
    for key, heading in (("intended_use", "Meant for"), ("limitations", "Limits")):
        if plain.get(key):
            parts.append(f"## {heading}\n\n" + "\n".join(f"- {words(entry)}" for entry in plain[key]))
    if release:
        parts.append(
            f"## Fetch and verify\n\n```sh\nembver pull {subject.reference} --out DIR\ncd DIR && sha256sum -c SHA256SUMS\n```"
        )
    return "\n\n".join(parts).replace("---\n\n\n#", "---\n\n#") + "\n"


def words(value: Any) -> str:
    """Return text of a card in one line that no reader of Markdown takes for markup."""
    line = " ".join("".join(sign if sign.isprintable() else " " for sign in str(value)).split())
    return _MARKUP.sub(lambda match: f"&#{ord(match[0])};", line)


def _encoders(subject: Subject) -> str:
    lines = ["## Encoders"]
    for modality, encoder in subject.card.encoders.items():
        model = encoder.get("model") or {}
        named = str(model.get("id") or model.get("path") or "")
        revision = f" at {words(model['revision'])}" if model.get("revision") else ""
        lines.append(
            f"### {words(modality)}\n\n{words(named)}{revision}"
            + (f", pooled by {encoder['pooling']}" if encoder.get("pooling") else "")
        )
        steps = encoder.get("preprocessing") or ()
        if steps:
            told = []
            for step in steps:
                rest = ", ".join(f"{key} {text(value)}" for key, value in step.items() if key != "step")
                told.append(f"1. {words(step.get('step'))}{f': {words(rest)}' if rest else ''}")
            lines.append("\n".join(told))
        if encoder.get("prompts"):
            lines.append(
                "\n".join(
                    f"- prompt of a {words(role)}: {words(json.dumps(said, ensure_ascii=False))}"
                    for role, said in encoder["prompts"].items()
                )
            )
    return "\n\n".join(lines)


def _tables(subject: Subject) -> list[str]:
    made = []
    sets = [
        [
            role,
            entry.get("name"),
            entry.get("version"),
            entry.get("rows"),
            entry.get("license"),
            entry.get("digest"),
        ]
        for role, entry in data_sets(subject)
    ]
    if sets:
        made.append("## Data\n\n" + _table(("role", "name", "version", "rows", "licence", "digest"), sets))
    numbers = []
    for benchmark in subject.card.benchmarks:
        for metric in benchmark.plain.get("metrics") or ():
            ci = metric.get("ci")
            bounds = f"{text(ci['low'])} to {text(ci['high'])}" if ci else None
            numbers.append([benchmark.id, metric["key"], metric.get("value"), bounds, metric.get("unit")])
    if numbers:
        made.append(
            "## Benchmarks\n\n" + _table(("benchmark", "metric", "value", "interval", "unit"), numbers)
        )
    return made


def _table(head: Sequence[str], rows: Sequence[Sequence[Any]]) -> str:
    lines = [f"| {' | '.join(head)} |", f"|{'---|' * len(head)}"]
    lines += [f"| {' | '.join('' if cell is None else words(cell) for cell in row)} |" for row in rows]
    return "\n".join(lines)
