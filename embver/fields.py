"""The fields of a card as its JSON Schema describes them, each at its place. Ground floor: a schema in, fields out."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from embver.paths import Parts, format_path, may_meet, parse_path

Schema = Mapping[str, Any]

_WORDS = {
    "string": "text",
    "integer": "whole number",
    "number": "number",
    "boolean": "true or false",
    "object": "mapping",
    "array": "list",
    "null": "null",
}


_LEAST_LIKENESS = 0.75
_STRUCTURE = {"properties", "items", "additionalProperties"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Field:
    """One field. A part `*` of its place stands for any name, `[*]` for any entry of a list."""

    where: Parts
    title: str
    description: str
    examples: tuple[Any, ...]
    type: str  # in words; a closed set as its values
    pointer: str  # where the schema describes it: a JSON pointer
    is_required: bool = False  # in what holds it
    is_open: bool = False  # what lies below it has names of its own

    @property
    def path(self) -> str:
        """Return the place as people write it."""
        return format_path(self.where)

    def is_at(self, parts: Parts) -> bool:
        """Tell whether the field stands at a place, which may be a pattern; an open one also takes what lies below."""
        if self.where[2:4] == ("preprocessing", "[*]") and parts[3:4] not in (("[*]",), ("*",)):
            return False  # any step, but none by name: those that there are have fields of their own
        is_near = len(parts) == len(self.where) or (self.is_open and len(parts) > len(self.where))
        return is_near and may_meet(self.where, parts)


def fields_of(schema: Schema) -> tuple[Field, ...]:
    """Return every field of a card, in the schema's order; a section comes before what lies in it."""
    return tuple(_below(schema, schema, (), "#"))


def find_field(fields: Sequence[Field], parts: Parts) -> Field | None:
    """Return the field at a place, the most particular one, or None."""
    found = [field for field in fields if field.is_at(parts)]
    return min(
        found, key=lambda field: (len(parts) - len(field.where), _vagueness(field, parts)), default=None
    )


def nearest_paths(fields: Sequence[Field], text: str, *, count: int = 3) -> tuple[str, ...]:
    """Return the paths that were probably meant: written alike, or ending in the same name."""
    from difflib import SequenceMatcher

    shown = dict.fromkeys(_shared(field.where) for field in fields)
    plain = {_bare(path): path for path in reversed(shown)}
    wanted = _bare(text)
    if wanted in plain:
        return (plain[wanted],)
    last = wanted.rpartition(".")[2]
    likeness = {
        path: SequenceMatcher(None, wanted, bare, autojunk=False).ratio() + 0.1 * (_last(path) == last)
        for bare, path in plain.items()
    }
    ranked = sorted(likeness, key=lambda path: -likeness[path])
    return tuple(path for path in ranked[:count] if likeness[path] >= _LEAST_LIKENESS or _last(path) == last)


def read_path(fields: Sequence[Field], text: str) -> Parts:
    """Return the parts of a path that names a field; raise ValueError saying so, with what was probably meant."""
    try:
        parts = parse_path(text)
    except ValueError:
        parts = ()
    if parts and find_field(fields, parts) is not None:
        return parts
    near = nearest_paths(fields, text)
    told = f"; did you mean {' or '.join(near)}?" if near else ""
    raise ValueError(f"{text!r} is no field of a card{told}")


def _shared(where: Parts) -> str:
    """Return a path that stands for every modality, where the field is one that every encoder has."""
    is_step = len(where) > 3 and where[2] == "preprocessing"
    if where[0] == "encoders" and len(where) > 1 and not is_step:
        return format_path((where[0], "*", *where[2:]))
    return format_path(where)


def _bare(path: str) -> str:
    """Return a path as it is compared with a misspelt one: without stars, brackets and case."""
    plain = path.lower().replace("[*]", "").replace(".*", "").replace("[", ".").replace("]", "")
    return ".".join(part for part in plain.split(".") if part)


def _last(path: str) -> str:
    return _bare(path).rpartition(".")[2]


def _vagueness(field: Field, parts: Parts) -> int:
    return sum("*" in have and "*" not in want for have, want in zip(field.where, parts, strict=False))


# ---- the schema, walked


def _below(part: Schema, root: Schema, where: Parts, pointer: str) -> Iterator[Field]:
    """Yield the fields within a part of the schema, already resolved."""
    required = part.get("required", ())
    for name, child in part.get("properties", {}).items():
        place = f"{pointer}/properties/{name}"
        if name == "step":
            continue  # a step's own name, which its place tells
        yield from _field(child, root, (*where, name), place, is_required=name in required)
    other = part.get("additionalProperties")
    if isinstance(other, Mapping) and not _resolved(other, root)[0].get("properties"):
        told = {key: part[key] for key in ("title", "description") if key in part}
        place = f"{pointer}/additionalProperties"
        yield from _field({**told, **other}, root, (*where, "*"), place, is_open=True)
    items = part.get("items")
    if isinstance(items, Mapping):
        yield from _entries(items, root, where, f"{pointer}/items")


def _field(
    part: Schema,
    root: Schema,
    where: Parts,
    pointer: str,
    *,
    is_required: bool = False,
    is_open: bool = False,
) -> Iterator[Field]:
    full, pointer = _resolved(part, root, pointer)
    if where[0] == "extra" and len(where) == 1:
        is_open = True
    yield Field(
        where=where,
        title=str(full.get("title", where[-1])),
        description=" ".join(str(full.get("description", "")).split()),
        examples=tuple(full.get("examples", ())),
        type=_type(full, root),
        pointer=pointer,
        is_required=is_required,
        is_open=is_open,
    )
    if not is_open:
        yield from _below(full, root, where, pointer)


def _entries(items: Schema, root: Schema, where: Parts, pointer: str) -> Iterator[Field]:
    """Yield the entries of a list as `[*]`, and of preprocessing also each step with its parameters."""
    if not _resolved(items, root)[0].get("title"):
        return  # numbers that belong together, such as a mean per channel
    yield from _field(items, root, (*where, "[*]"), pointer)
    if where[-1] != "preprocessing":
        return
    entry = _resolved(items, root)[0]
    for case in entry.get("allOf", ()):  # two modalities may have steps of one name
        name, place = case["if"]["properties"]["step"]["const"], case["then"]["$ref"]
        yield from _field(_resolved(case["then"], root)[0], root, (*where, f"[{name}]"), place)


def _resolved(part: Schema, root: Schema, pointer: str = "") -> tuple[Schema, str]:
    """Return a part with what it refers to; what it says itself counts more, but for fields, which are joined."""
    if "$ref" not in part:
        return part, pointer
    target: Schema = root
    for step in part["$ref"].removeprefix("#/").split("/"):
        target = target[step]
    whole = dict(_resolved(target, root)[0])
    own = {key: value for key, value in part.items() if key != "$ref"}
    if "properties" in own and "properties" in whole:
        joined = dict(whole["properties"])
        for name, child in own["properties"].items():
            joined[name] = {**joined.get(name, {}), **child}
        own["properties"] = joined
    return {**whole, **own}, part["$ref"] if whole.keys() & _STRUCTURE else pointer


def _type(part: Schema, root: Schema) -> str:
    if "enum" in part:
        return " or ".join(str(value) for value in part["enum"])
    if "const" in part:
        return str(part["const"])
    kind = part.get("type", "text" if "items" not in part else "array")
    if isinstance(kind, list):
        return " or ".join(_WORDS.get(each, str(each)) for each in kind)
    if kind == "array" and isinstance(part.get("items"), Mapping):
        item = _resolved(part["items"], root)[0].get("type")
        return f"list of {_WORDS.get(item, item)}s" if isinstance(item, str) else "list"
    return _WORDS.get(kind, str(kind))
