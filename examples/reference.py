"""Write the reference pages of the documentation from what they describe: parser, schemas, level table, decision rule.

The pages are committed. `python examples/reference.py` writes them anew, `--check` fails if one is stale. They are
rendered here and not by argparse, whose help differs from one Python to the next and with the terminal's width.
"""

from __future__ import annotations

import argparse
import json
import sys
import textwrap
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import fields
from itertools import groupby
from pathlib import Path
from typing import Any

from embver.card import DERIVED, GROWING, TIMINGS
from embver.cli.parser import build_full_parser
from embver.diff import Kind
from embver.measure.rule import Rule as DecisionRule
from embver.rules import TABLE, Rule, Strength

ROOT = Path(__file__).resolve().parent.parent
PAGES = ROOT / "site" / "reference"
COLUMNS = 80

Schema = Mapping[str, Any]


def pages() -> dict[str, str]:
    """Return every generated page by its file name."""
    return {
        "command-line.md": command_line(),
        "card.md": card_fields(),
        "settings.md": settings(),
        "levels.md": level_table(),
        "rule.md": decision_rule(),
    }


def page(title: str, lead: str, *blocks: str) -> str:
    """Return a page: title, lead, blocks."""
    note = "<!-- Written by examples/reference.py. Do not edit: run it again. -->"
    return "\n\n".join([f"# {title}", note, lead, *(block.strip("\n") for block in blocks)]) + "\n"


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Return a Markdown table."""
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join("| " + " | ".join(cell.replace("|", "\\|") for cell in line) + " |" for line in lines)


def code(value: Any) -> str:
    """Return a value as code, one that is no text as JSON."""
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    return f"`{text}`" if text.strip() == text and text else f'`"{text}"`'


# ---- the command line


def command_line() -> str:
    """Return the page of every command, its arguments and options."""
    parser, commands = build_full_parser()
    own = [action for action in parser._actions if not isinstance(action, argparse._SubParsersAction)]
    listed = [(f"[`embver {name}`](#{name})", first(child.description)) for name, child in commands.items()]
    blocks = ["## Options of every command", arguments(own, "They stand before the command.")]
    blocks += ["## Commands", table(("command", "what it does"), listed)]
    for name, child in commands.items():
        blocks += [f"### {name}", child.description or "", fence(usage(name, child))]
        blocks.append(arguments([action for action in child._actions if action.dest != "help"]))
    lead = (
        "A reference (`REF`, `A`, `B`) is `NAME@VERSION`, `NAME@latest`, `NAME@next` for the working version, "
        "`NAME#STAGE` for what [GTO](../recipes.md#read-and-write-tags-with-gto) promoted, or `NAME` for the latest "
        "release. The exit codes are on [their own page](../exit-codes.md), the documents that `--json` prints on "
        "[another](../json.md)."
    )
    return page("The command line", lead, *(block for block in blocks if block))


def first(text: str | None) -> str:
    """Return a description without its full stop."""
    return (text or "").rstrip(".")


def fence(text: str) -> str:
    """Return a block of text as it is typed."""
    return f"```text\n{text}\n```"


def usage(name: str, parser: argparse.ArgumentParser) -> str:
    """Return the usage of a command, wrapped at 80 columns."""
    exclusive = [group._group_actions for group in parser._mutually_exclusive_groups]
    words, seen = [], set()
    options = [action for action in parser._actions if action.option_strings and action.dest != "help"]
    for action in options:
        group = next((group for group in exclusive if action in group), [action])
        if action.dest not in seen:
            seen.update(each.dest for each in group)
            words.append("[" + " | ".join(option(each) for each in group) + "]")
    for action in parser._actions:
        if not action.option_strings:
            words.append({"?": "[{}]", "*": "[{} ...]"}.get(str(action.nargs), "{}").format(operand(action)))
    head = f"embver {name} "
    kept = [word.replace(" ", "\0") for word in words]  # an option stays with its value
    wrapped = textwrap.wrap(
        " ".join(kept), COLUMNS - len(head), break_long_words=False, break_on_hyphens=False
    )
    lines = [line.replace("\0", " ") for line in wrapped]
    return (
        "\n".join((head if n == 0 else " " * len(head)) + line for n, line in enumerate(lines))
        or head.rstrip()
    )


def option(action: argparse.Action) -> str:
    """Return an option as it is typed, with its value; the short form where there is one."""
    value = "" if action.nargs == 0 else f" {operand(action)}"
    return f"{action.option_strings[0]}{value}"


def operand(action: argparse.Action) -> str:
    """Return what stands for a value."""
    if action.choices is not None:
        return "{" + ",".join(str(choice) for choice in action.choices) + "}"
    return str(action.metavar or action.dest.upper())


def arguments(actions: Sequence[argparse.Action], note: str = "") -> str:
    """Return a table of arguments, those without a name first."""
    ordered = sorted(actions, key=lambda action: bool(action.option_strings))
    rows = []
    for action in ordered:
        value = "" if action.nargs == 0 else f" {operand(action)}"
        names = [f"{name}{value}" for name in action.option_strings] or [operand(action)]
        rows.append((", ".join(code(name) for name in names), said(action)))
    return "\n\n".join(part for part in (note, table(("argument", "meaning"), rows) if rows else "") if part)


def said(action: argparse.Action) -> str:
    """Return the help of an argument; two texts are argparse's own, which differ between Pythons."""
    own = {"help": "show the help and exit", "version": "show the version and exit"}
    text = own.get(action.dest) or (action.help or "") % {"default": action.default, "prog": "embver"}
    return " ".join(text.split())


# ---- the schemas


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
        "Every field of `card.yaml`, from its JSON Schema (`" + schema["$id"] + "`), which an editor with "
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
    note = f"`MODALITY` is one of {modalities}; `text` and `image` can be encoded today."
    return f"{note}\n\n{field_table(encoder['properties'], encoder['required'], schema, ('encoders', 'MODALITY'))}"


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
    return len(json.dumps(example, ensure_ascii=False)) <= 66


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
        names = schema["$defs"][kind]["properties"]["step"]["enum"]
        later = " They can be written down, and are not run yet." if kind == "audio_step" else ""
        blocks.append(f"### Steps on {who}\n\nIn the order in which they are usually needed.{later}")
        rows = []
        for name in names:
            part = schema["$defs"][f"step_{name}"]
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
        "What `embver.toml` in the root of a repository may hold, from its [JSON Schema]("
        + schema["$id"]
        + "). "
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


# ---- levels


def level_table() -> str:
    """Return the page of the level table."""
    blocks = []
    groups = groupby(TABLE, key=lambda rule: (rule.level, rule.strength))
    for number, ((level, strength), rules) in enumerate(groups, start=1):
        title = f"## {number}. {level.word.upper() if level else 'none'}: {STRENGTHS[strength][0]}"
        rows = [(place(rule), kinds(rule), rule.why) for rule in rules]
        blocks += [title, STRENGTHS[strength][1], table(("field", "when", "why"), rows)]
    lead = (
        "What each change of a card calls for *before* anything is measured. The rows are tried from the top, and "
        "the first that fits decides; so a row further down speaks of what the rows above leave over. "
        "[Levels and verdicts](../levels.md) says how these presumptions meet a measurement. `*` stands for one name, "
        "`[*]` for one entry of a list, and a field that ends in `…` includes what lies below it."
    )
    return page("The level table", lead, *blocks)


STRENGTHS: dict[Strength, tuple[str, str]] = {
    Strength.HARD: ("hard", "Breaks the contract with whoever uses the vectors. Nothing lowers it."),
    Strength.SOFT: (
        "soft",
        "Usually a new space. Measured compatible, it becomes MINOR, and asks for a written reason.",
    ),
    Strength.PRESUMED: (
        "presumed",
        "The kind of change it is, if the measurement agrees that nothing breaks.",
    ),
    Strength.NEUTRAL: (
        "neutral",
        "Claims to move no vector. Measured only *compatible*, and not *equivalent*, it is released as a PATCH with a flag.",
    ),
    Strength.WORDS: ("words", "No vector changes."),
}
CONDITIONS = {
    "_shrinks": "gets smaller",
    "_grows": "gets greater",
    "_is_silent": "as an empty text",
    "_is_other_kind": "differs; absent means dense",
}
LISTS = {"served_dimensions", "languages", "data", "artifacts", "preprocessing"}


def place(rule: Rule) -> str:
    """Return the field of a row as it is written in messages."""
    text = ""
    before = ""
    for part in rule.pattern.rstrip("/").split("/"):
        if part == "*" and before in LISTS:
            text += "[*]"
        else:
            text += part if part.startswith("[") else f"{'.' if text else ''}{part}"
        before = part
    if text == "*":
        return "everything else"
    return f"`{text}`" + ("" if rule.pattern.endswith("/") else " …")


def kinds(rule: Rule) -> str:
    """Return when a row speaks: kinds of change, or a condition."""
    words = [kind.value for kind in rule.kinds]
    text = "changes in any way" if set(rule.kinds) == set(Kind) else " or ".join(words)
    if rule.when is None:
        return text
    condition = CONDITIONS[rule.when.__name__]
    return condition if set(rule.kinds) == set(Kind) else f"{text}, {condition}"


# ---- the decision rule


def decision_rule() -> str:
    """Return the page of the decision rule: what each verdict asks for, and every threshold."""
    rule = DecisionRule()
    rows = [
        (code(field.name), plain(getattr(rule, field.name)), THRESHOLDS[field.name]) for field in fields(rule)
    ]
    lead = (
        f"Rule version {rule.rule_version}: what each verdict asks for, and the thresholds. The names are those of "
        "`[rule]` in [`embver.toml`](settings.md#thresholds), where a repository may set its own; every comparison "
        "records the version of the rule. [Levels and verdicts](../levels.md) explains the measures."
    )
    blocks = ["## Verdicts", BOUNDS, table(("verdict", "in every stratum"), verdicts(rule))]
    blocks += [
        "## Which conditions apply",
        void(),
        "## Thresholds",
        table(("name", "default", "meaning"), rows),
    ]
    return page("The decision rule", lead, *blocks)


BOUNDS = (
    "`LCB` and `UCB` are one-sided 95 % bounds from a bootstrap of queries, `CI` is a two-sided 95 % interval. A claim "
    "must hold in every stratum, so the verdict of a comparison is the worst one."
)


def verdicts(rule: DecisionRule) -> list[tuple[str, str]]:
    """Return what each verdict asks for, with the rule's own numbers."""
    loss, share = plain(rule.labelled_loss), plain(rule.compatible_share_bias)
    cells = ", ".join(f"LCB(M_{cell} − M_oo) ≥ −{loss}" for cell in ("no", "on", "mix"))
    route_a = (
        f"LCB R_no@k ≥ {plain(rule.compatible_recall)}; LCB R_mix@k ≥ {plain(rule.compatible_recall_mixed)}"
    )
    route_b = f"LCB M_oo ≥ {plain(rule.labelled_found)}; {cells}; UCB of negative flips ≤ {plain(rule.labelled_flips)}"
    neighbours = (
        f"LCB R_no@k ≥ {plain(rule.equivalent_recall)}; "
        f"CI of the share bias within ±{plain(rule.equivalent_share_bias)}"
    )
    return [
        ("identical", "every probe vector is the same, bit for bit"),
        (
            "equivalent",
            f"99th percentile of 1 − cosine ≤ {plain(rule.equivalent_distance_p99)} on both sides; {neighbours}",
        ),
        ("compatible, route A", f"{route_a}; CI of the share bias within ±{share}"),
        ("compatible, route B", f"{route_b}; CI of the share bias within ±{share}"),
        ("incompatible", "both routes fail: of each, at least one bound lies wholly on the wrong side"),
        (
            "inconclusive",
            f"anything else, and everything measured on fewer than {rule.minimum_queries:,} queries",
        ),
        ("bridgeable", "reserved for a learned map from one space to the other; not given yet"),
    ]


def void() -> str:
    """Return how the conditions change where only one side moved."""
    rows = [
        ("both sides moved", "all of the above"),
        ("only queries moved", QUERIES_MOVED),
        ("only documents moved", DOCUMENTS_MOVED),
        ("dimensions differ", "incompatible, without statistics"),
        ("no labels", "route A alone: better results cannot excuse other results"),
    ]
    moved = "A side *did not move* if its vectors are equal, or moved no further than *equivalent* allows while the other side moved."
    return f"{moved}\n\n{table(('what happened', 'what is judged'), rows)}"


QUERIES_MOVED = (
    "R_no in route A, the cell `no` in route B. No mixed index and no share bias: a half-replaced index of documents "
    "that did not move is the old index."
)
DOCUMENTS_MOVED = (
    "R_on in the place of R_no, and in route B the cells `on` and `mix`: queries that did not move find in the old "
    "index what they always found."
)
THRESHOLDS = {
    "rule_version": "The version of the rule. Written into every comparison.",
    "k": "Neighbours that are compared, and the depth of labelled hits.",
    "documents_per_neighbour": "k is at most one document in so many: a small probe set is compared at a smaller k.",
    "splits": "Half-replaced indexes that are searched. Every second one is the complement of the one before.",
    "draws": "Resamples of the bootstrap.",
    "seed": "The seed of splits and bootstrap: the same vectors give the same verdict.",
    "minimum_queries": "Fewer queries than this in a stratum: inconclusive.",
    "equivalent_distance_p99": "Equivalent: the 99th percentile of 1 − cosine between an item's old and new vector.",
    "equivalent_recall": "Equivalent: recall of the old neighbours by new queries on the old index.",
    "equivalent_share_bias": "Equivalent: how far the share of new vectors in results may be from their share of the index.",
    "compatible_share_bias": "Compatible: the same, on both routes.",
    "compatible_recall": "Route A: recall of the old neighbours by new queries on the old index.",
    "compatible_recall_mixed": "Route A: the same on a half-replaced index.",
    "labelled_loss": "Route B: how much the labelled hit rate may fall in any cell.",
    "labelled_flips": "Route B: the share of labelled queries that were right and are wrong now.",
    "labelled_found": "Route B: the least that the old version must find of its labelled pairs. One that finds nothing has nothing to lose.",
}


def plain(value: float) -> str:
    """Return a number as a person writes it."""
    return (
        f"{value:,}"
        if isinstance(value, int)
        else f"{value:g}"
        if value >= 1e-3
        else f"{value:.0e}".replace("e-0", "e-")
    )


# ---- write or check


def stale(folder: Path = PAGES) -> list[str]:
    """Return the names of pages that are not what they should be, and of pages that should not be there."""
    made = pages()
    old = [name for name, text in made.items() if read(folder / name) != text]
    return sorted(old + [file.name for file in folder.glob("*.md") if file.name not in made])


def read(file: Path) -> str | None:
    """Return a file's text, or None."""
    return file.read_text(encoding="utf-8") if file.is_file() else None


def main(argv: Sequence[str]) -> int:
    """Write the pages, or with --check tell whether they are current; return the exit code."""
    parser = argparse.ArgumentParser(description="Write the documentation's reference pages.")
    parser.add_argument("--check", action="store_true", help="write nothing; exit 1 if a page is stale")
    found = stale()
    if parser.parse_args(argv).check:
        for name in found:
            print(f"site/reference/{name} is stale: python examples/reference.py", file=sys.stderr)
        return 1 if found else 0
    PAGES.mkdir(parents=True, exist_ok=True)
    for name, text in pages().items():
        if name in found:
            (PAGES / name).write_text(text, encoding="utf-8")
            print(f"wrote site/reference/{name}")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
