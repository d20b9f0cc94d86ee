"""What the queries of a benchmark have in common: their attributes, and what shows in the text itself. Ground floor.

A set of queries is a number whose n-th bit stands for the n-th query.
"""

from __future__ import annotations

import posixpath
import re
import string
import unicodedata
from bisect import bisect_left
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from embver.probe import ProbeItem

_HAS_LETTER: Final = re.compile("[A-Za-z]").search
LEAST: Final = 5  # queries of which something must be true before it is looked at
_MOST_VALUES: Final = 200  # of one column: beyond that it is a name of each query, and nothing in common
_CUTS: Final = 9  # where a column of numbers is cut: between its tenths
_LEAST_NUMBERS: Final = 6  # different ones, before they are cut and not told one by one


@dataclass(frozen=True, slots=True, kw_only=True)
class Trait:
    """Something that is true of some queries. `clause` says it of several: `contain upper-case letters`.

    `column` is the field or the derived property; of one column that is a number, the traits lie within each other
    (`is_nested`).
    """

    column: str
    value: str
    clause: str
    members: int
    is_nested: bool = False


def members_of(flags: Iterable[bool]) -> int:
    """Return a set of queries from what is true of each in order."""
    return int("".join("1" if flag else "0" for flag in flags)[::-1] or "0", 2)


def traits_of(
    queries: Sequence[ProbeItem], documents: Mapping[str, Sequence[ProbeItem]] | None = None
) -> tuple[Trait, ...]:
    """Return what may be true of some queries and not of others, in a fixed order.

    `documents` are what is to be found, by pair: a query also has the attributes that all of its documents share.
    """
    found = [
        *_attributes([query.attributes for query in queries], "{key}", "have {key} {value}", "have no {key}"),
        *_attributes(
            [_shared((documents or {}).get(query.pair, ())) for query in queries],
            "document {key}",
            "look for something with {key} {value}",
            "look for something without {key}",
        ),
        *_valued("modality", [query.modality for query in queries], "are of the modality {value}"),
        *_valued("file type", [_suffix(query) for query in queries], "are {value} files"),
        *_valued("folder", [_folder(query) for query in queries], "lie in {value}"),
    ]
    texts = [query.text for query in queries]
    if any(text is not None for text in texts):
        found += _of_texts(["" if text is None else text for text in texts])
    return tuple(trait for trait in found if trait.members.bit_count() >= LEAST)


def _shared(items: Sequence[ProbeItem]) -> dict[str, str]:
    if not items:
        return {}
    return {
        key: value
        for key, value in items[0].attributes.items()
        if all(item.attributes.get(key) == value for item in items)
    }


def _suffix(item: ProbeItem) -> str | None:
    return posixpath.splitext(item.path)[1].lower() or None if item.path else None


def _folder(item: ProbeItem) -> str | None:
    return posixpath.dirname(item.path) or None if item.path else None


# ---- columns


def _attributes(rows: Sequence[Mapping[str, str]], name: str, has: str, lacks: str) -> list[Trait]:
    keys = list(dict.fromkeys(key for row in rows for key in row))
    found: list[Trait] = []
    for key in keys:
        values = [row.get(key) for row in rows]
        column = name.format(key=key)
        numbers = _numbers(values)
        if numbers is not None:
            found += _cut(column, numbers, f"{column} of")
        found += _valued(column, values, has.replace("{key}", key), lacks.replace("{key}", key))
    return found


def _valued(column: str, values: Sequence[str | None], has: str, lacks: str | None = None) -> list[Trait]:
    """Return a trait for each value that a column has; for those without one where `lacks` says how to tell it."""
    places: dict[str | None, int] = {}
    for place, value in enumerate(values):
        places[value] = places.get(value, 0) | 1 << place
    if len(places) > _MOST_VALUES:
        return []
    found = []
    for value, members in places.items():
        clause = lacks if value is None else has.replace("{value}", value)
        if clause is not None:
            found.append(Trait(column=column, value=value or "", clause=clause, members=members))
    return found


def _numbers(values: Sequence[str | None]) -> list[float] | None:
    """Return a column as numbers, where it is one and they are many enough to be more than names."""
    try:
        numbers = [float(value) for value in values if value is not None]
    except ValueError:
        return None
    is_whole = len(numbers) == len(values) and all(abs(number) < float("inf") for number in numbers)
    return numbers if is_whole and len(set(numbers)) >= _LEAST_NUMBERS else None


def _cut(column: str, numbers: Sequence[float], words: str, unit: str = "") -> list[Trait]:
    """Return traits of a column of numbers: at least, and at most, what lies between its tenths."""
    ordered, count = sorted(numbers), len(numbers)
    cuts = sorted({ordered[count * tenth // (_CUTS + 1)] for tenth in range(1, _CUTS + 1)} - {ordered[0]})
    found = []
    for cut in cuts:
        below = ordered[bisect_left(ordered, cut) - 1]
        above = members_of(number >= cut for number in numbers)
        everyone = (1 << count) - 1
        for word, value, members in (("at least", cut, above), ("at most", below, everyone & ~above)):
            told = f"{value:g}{f' {unit}' if unit else ''}"
            told = told[:-1] if unit and value == 1 else told
            clause = f"have {f'{words} ' if words else ''}{word} {told}"
            found.append(
                Trait(
                    column=column,
                    value=f"{word} {value:g}",
                    clause=clause,
                    members=members,
                    is_nested=True,
                )
            )
    return found


# ---- texts


def _of_texts(texts: Sequence[str]) -> list[Trait]:
    found = []
    for column, clause, holds in _PROPERTIES:
        flags = members_of(holds(text) for text in texts)
        found.append(Trait(column=column, value="yes", clause=clause, members=flags))
    for sign in string.punctuation:
        members = members_of(sign in text for text in texts)
        found.append(Trait(column=f"sign {sign}", value="yes", clause=f"contain {sign}", members=members))
    everyone = (1 << len(texts)) - 1
    found += [
        Trait(column=each.column, value="no", clause=_denied(each.clause), members=everyone & ~each.members)
        for each in found
        if each.clause.startswith("contain ")
    ]
    found += _valued("script", [script_of(text) for text in texts], "are written in {value} letters")
    found += _cut("words", [len(text.split()) for text in texts], "", "words")
    found += _cut("characters", [len(text) for text in texts], "", "characters")
    return found


def _denied(clause: str) -> str:
    return clause.replace("contain ", "contain no ", 1)


def script_of(text: str) -> str | None:
    """Return the script of a text's letters, such as Latin or Cyrillic; None where it has none, or several."""
    if text.isascii():
        return "Latin" if _HAS_LETTER(text) else None
    names = {
        unicodedata.name(sign, "").replace("-", " ").partition(" ")[0] for sign in text if sign.isalpha()
    }
    names -= {"", "MODIFIER", "FULLWIDTH", "HALFWIDTH", "FEMININE", "MASCULINE", "MICRO"}
    if len(names) != 1:
        return "several scripts'" if names else None
    name = names.pop()
    return name if name == "CJK" else name.capitalize()


def _has(kind: str) -> Callable[[str], bool]:
    return lambda text: any(unicodedata.category(sign)[0] == kind for sign in set(text))


def _has_accents(text: str) -> bool:
    return not text.isascii() and any(
        unicodedata.category(sign) == "Mn" for sign in unicodedata.normalize("NFD", text)
    )


def _is_titled(text: str) -> bool:
    words = [word for word in text.split() if word[:1].isalpha()]
    return bool(words) and all(word[0].isupper() for word in words)


_PROPERTIES: Final[tuple[tuple[str, str, Callable[[str], bool]], ...]] = (
    ("letter case", "contain upper-case letters", lambda text: any(sign.isupper() for sign in text)),
    ("letter case", "begin each word with an upper-case letter", _is_titled),
    ("letter case", "are written in upper case throughout", str.isupper),
    ("digits", "contain digits", lambda text: any(sign.isdigit() for sign in text)),
    ("punctuation", "contain punctuation", _has("P")),
    ("underscores", "contain underscores", lambda text: "_" in text),
    ("symbols", "contain symbols or emoji", _has("S")),
    ("beyond ASCII", "contain signs beyond ASCII", lambda text: not text.isascii()),
    ("accents", "contain accented letters", _has_accents),
    (
        "normalisation",
        "are not in Unicode's form NFC",
        lambda text: not unicodedata.is_normalized("NFC", text),
    ),
    (
        "normalisation",
        "contain signs that NFKC replaces",
        lambda text: (
            not text.isascii() and unicodedata.normalize("NFKC", text) != unicodedata.normalize("NFC", text)
        ),
    ),
    ("white space", "begin or end with white space", lambda text: text != text.strip()),
    (
        "white space",
        "contain line breaks, tabs or double spaces",
        lambda text: " ".join(text.strip().split()) != text.strip(),
    ),
)
