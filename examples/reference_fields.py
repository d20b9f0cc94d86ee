"""The reference pages of a card's fields and of the settings, from their JSON Schemas."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from reference_markdown import code, page, table

from embver.card import DERIVED, GROWING, TIMINGS

ROOT = Path(__file__).resolve().parent.parent

Schema = Mapping[str, Any]


def card_fields() -> str:
    """Return the page of every field of a card."""
    schema = read_schema("card")
    top = {name: part for name, part in schema["properties"].items() if not is_section(part)}
    blocks = ["## Top level", field_table(top, schema["required"], schema, ())]
    for name, part in schema["properties"].items():
        if not is_section(part):
            continue
        blocks += [f"## {name}", f"{part['description']} {written_by(name)}".strip()]
        blocks.append(encoders(schema) if name == "encoders" else section(name, part, schema))
    blocks += ["## Preprocessing steps", STEPS_LEAD, steps(schema)]
    lead = (
        "Every field of `card.yaml`, from its JSON Schema "
        f"(`{schema['$id']}`), which an editor with "
        "a YAML language server reads from the first line of a card. *Absent means not known*: leave out what you do "
        "not know. Your own fields go under `extra`. [The card](../card.md) says what the parts are for."
    )
    return page("Fields of the card", lead, *blocks)


STEPS_LEAD = (
    "The entries of `encoders.*.preprocessing`. The name in `step` decides which parameters there are; an unknown "
    "one is an error. Every parameter that moves a vector is written down."
)


def read_schema(kind: str) -> dict[str, Any]:
    """Return a schema, the newest."""
    found: dict[str, Any] = json.loads((ROOT / "schemas" / kind / "v1.json").read_text(encoding="utf-8"))
    return found


def is_section(part: Schema) -> bool:
    """Tell whether a field has fields of its own to list."""
    return "properties" in part or "properties" in part.get("items", {}) or "$ref" in part.get("items", {})


def written_by(name: str) -> str:
    """Say who fills a part in, and whether it may grow after the release."""
    who = {"benchmarks": "`embver bench` writes them.", "compatibility": "`embver release` writes them."}
    text = who.get(
        name, "`embver encode` writes it." if name in DERIVED and name not in ("encode", "artifacts") else ""
    )
    timings = ", ".join(code(part) for part in TIMINGS)
    if name == "encode":
        text = f"Of these, {timings} are not covered by `Card-Digest`."
    grows = (
        "May grow after the release."
        if name in GROWING and name not in ("benchmarks", "compatibility")
        else ""
    )
    return " ".join(part for part in (text, grows) if part)


def section(name: str, part: Schema, schema: Schema) -> str:
    """Return the table of a part's fields, those of parts within it too."""
    part = resolved(part, schema)
    inner, prefix = part, (name,)
    if "items" in part:
        inner, prefix = resolved(part["items"], schema), (f"{name}[]",)
    return field_table(inner["properties"], inner.get("required", ()), schema, prefix)


def encoders(schema: Schema) -> str:
    """Return the table of an encoder, which is the same for each modality."""
    modalities = ", ".join(code(name) for name in schema["properties"]["encoders"]["properties"])
    encoder = schema["$defs"]["encoder"]
    note = (
        f"Below `encoders.MODALITY`, where `MODALITY` is one of {modalities}. `text`, `image` and `audio` can be encoded today. "
        "`embver encode` fills in `architecture` and the digests."
    )
    return f"{note}\n\n{field_table(encoder['properties'], encoder['required'], schema, ())}"


def field_table(properties: Schema, required: Sequence[str], schema: Schema, prefix: tuple[str, ...]) -> str:
    """Return a table of fields."""
    rows = list(rows_of(properties, required, schema, prefix))
    return table(("field", "type", "meaning", "example"), rows)


def rows_of(
    properties: Schema, required: Sequence[str], schema: Schema, prefix: tuple[str, ...]
) -> Iterator[tuple[str, str, str, str]]:
    """Yield one row a field, then those of the fields within it."""
    for name, part in properties.items():
        full = resolved(part, schema)
        where = (*prefix, name)
        needed = " **(required)**" if name in required else ""
        yield (
            code(".".join(where)) + needed,
            type_of(full, schema),
            " ".join(str(full.get("description", "")).split()) + default_of(full),
            "<br>".join(code(example) for example in full.get("examples", ())[:2] if is_short(example)),
        )
        if name == "preprocessing":
            continue
        inner, place = full, where
        if "items" in full:
            inner, place = resolved(full["items"], schema), (*prefix, f"{name}[]")
        if "properties" in inner:
            yield from rows_of(inner["properties"], inner.get("required", ()), schema, place)


def default_of(part: Schema) -> str:
    """Return the default of a field, if it has one."""
    return f" Default: {code(part['default'])}." if "default" in part else ""


def is_short(example: Any) -> bool:
    """Tell whether an example fits into a table."""
    return len(json.dumps(example, ensure_ascii=False)) <= 60


def resolved(part: Schema, schema: Schema) -> Schema:
    """Return a part with what it refers to; what it says itself counts more."""
    if "$ref" not in part:
        return part
    target: Schema = schema
    for step in part["$ref"].removeprefix("#/").split("/"):
        target = target[step]
    return {**resolved(target, schema), **{key: value for key, value in part.items() if key != "$ref"}}


def type_of(part: Schema, schema: Schema) -> str:
    """Return the type of a field in words: a closed set as its values."""
    if "enum" in part:
        return ", ".join(code(value) for value in part["enum"])
    if "const" in part:
        return code(part["const"])
    words = {"string": "text", "integer": "whole number", "boolean": "true or false", "object": "mapping"}
    kind = part.get("type", "text")
    if isinstance(kind, list):
        return " or ".join(words.get(each, each) for each in kind)
    if kind == "array":
        item = resolved(part.get("items", {}), schema)
        inner = "text" if "enum" in item else words.get(str(item.get("type")), str(item.get("type", "")))
        return f"list of {inner}s" if isinstance(item.get("type"), str) else "list"
    return words.get(kind, kind)


def steps(schema: Schema) -> str:
    """Return the preprocessing steps of each modality with their parameters."""
    blocks = []
    for kind, who in (("text_step", "text"), ("image_step", "images"), ("audio_step", "audio")):
        blocks.append(f"### Steps on {who}\n\nIn the order in which they are usually needed.")
        rows = []
        for case in schema["$defs"][kind]["allOf"]:
            name, part = case["if"]["properties"]["step"]["const"], resolved(case["then"], schema)
            parameters = [
                f"{code(key)}{'' if key in part['required'] else ' (optional)'}: {brief(value, schema)}"
                for key, value in part["properties"].items()
                if key != "step"
            ]
            rows.append((code(name), str(part["description"]), "<br>".join(parameters) or "none"))
        blocks.append(table(("step", "what it does", "parameters"), rows))
    return "\n\n".join(blocks)


def brief(part: Schema, schema: Schema) -> str:
    """Return what a parameter is, with its values where they are a closed set."""
    full = resolved(part, schema)
    text = str(full["description"]).rstrip(".")
    text = text[0].lower() + text[1:] if not text[1].isupper() else text
    return f"{text} ({type_of(full, schema)})" if "enum" in full else text


def settings() -> str:
    """Return the page of every setting."""
    schema = read_schema("settings")
    lead = (
        "What `embver.toml` in the root of a repository may hold, from its JSON Schema "
        f"(`{schema['$id']}`). "
        "The same keys may stand in `pyproject.toml` under `[tool.embver]`, but not in both files. Every line is "
        "optional; an unknown key is an error."
    )
    rows = [
        row
        for name, part in schema["properties"].items()
        for row in rows_of({name: part}, (), schema, ())
        if name != "names" or row[0] == "`names`"
    ]
    names = schema["properties"]["names"]["additionalProperties"]
    rows += rows_of(names["properties"], (), schema, ("names", "NAME"))
    rule = (
        "`[rule]` holds thresholds that differ from the [decision rule](rule.md)'s own: their names and defaults are "
        "there. A threshold that does not exist is an error."
    )
    return page(
        "Settings",
        lead,
        table(("setting", "type", "meaning", "example"), rows),
        "## Thresholds",
        rule,
        EXAMPLE,
    )


EXAMPLE = """## An example

```toml
probe = "probes/shop-1k"

[[benchmark]]
id = "search-en"
title = "English queries, product photographs"
items = "probes/shop-1k"           # the same form as a probe set
query = "text"
document = "image"
metrics = ["hit@1", "hit@10", "mrr@10"]
main = "hit@10"
where = { query = { language = "en" } }

[rule]
labelled_loss = 0.005              # stricter than embver's own

[site]
title = "Embeddings of the shop"

[names.reviews]                    # this embedding has a probe set of its own
probe = "probes/reviews-1k"
```

`where` picks items by their `attributes`; a list means any of its values. The metrics are `hit`, `recall`,
`precision`, `mrr`, `map` and `ndcg`, each with its depth after `@`. `hit@k` is what CLIP papers call recall@k; `recall@k`
is what information retrieval calls by that name."""
