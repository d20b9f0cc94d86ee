"""Card text on a page: a card is data, none of its text may be interpreted. Pure.

Every string that reaches a template has gone through `escape`: what Markdown, HTML, Jinja, attribute lists or
an emoji extension could read as syntax becomes a numeric character reference, which all of them pass through and
every reader sees as the character. So the same string is safe in prose, at the start of a line, in a table and in an
attribute. Where what a reader sees differs from the card, it is by `clean` alone.
"""

from __future__ import annotations

import json
import re
import unicodedata
from collections.abc import Mapping, Sequence
from functools import lru_cache
from math import isfinite
from typing import Any

# Signs that some reader takes for syntax anywhere; then what begins a list, a rule, a block or a link: its last sign.
_SYNTAX = re.compile(
    r"[&<>\"'`*_{}\[\]()#+!|\\~^=$:%@]|^-(?=[- ]|$)|^[?/](?=[?/])|^[0-9]+\.(?= |$)|\b[Ww]{3}\.", re.ASCII
)
# Overrides of the reading direction and invisible marks can make a line read as something else; joiners are kept, they
# make letters and emoji what they are.
_HIDDEN = re.compile(
    "[\u00ad\u061c\u180e\u200b\u200e\u200f\u202a-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb\ufffe\uffff"
    "\U000e0000-\U000e007f]"
)
_DIGEST = re.compile(r"\b([0-9a-f]{12})[0-9a-f]{20,}\b")
_LINK = re.compile(r"https?://[A-Za-z0-9.\-]+(:\d+)?(/[^\s<>\"'`{}|\\^]*)?", re.ASCII)
_MINUS = re.compile(r"(?<![\w.\]-])-(?=\d)")
_LONGEST = 2000
_NONE = '<span class="ev-none">none</span>'


def clean(value: object) -> str:
    """Return a value as one line of visible characters, cut where no reader would go on."""
    text = _visible(" ".join(str(value).split()))
    return text if len(text) <= _LONGEST else f"{text[:_LONGEST]}\u2026"


def _visible(text: str) -> str:
    """Return a line with a sign in place of every mark that is not seen, or not what it seems."""
    if text.isprintable():  # hidden marks are not printable either, so most text is left alone here
        return text
    text = _HIDDEN.sub("\ufffd", text)
    return "".join("\ufffd" if unicodedata.category(char) in ("Cc", "Cs") else char for char in text)


def escape(value: object) -> str:
    """Return a value as text that no Markdown, HTML or template reader takes for syntax."""
    # Cards of one line say nearly the same, so most of their words have been here before.
    return _escaped_word(value) if type(value) is str and len(value) < 100 else _escaped(value)


def _escaped(value: object) -> str:
    return _SYNTAX.sub(_as_reference, clean(value))


@lru_cache(maxsize=20_000)
def _escaped_word(value: str) -> str:
    return _escaped(value)


def _as_reference(match: re.Match[str]) -> str:
    found = match[0]
    return f"{found[:-1]}&#{ord(found[-1])};"


def cut(value: object, longest: int) -> str:
    """Return a value escaped, and cut at a word where it is longer than a list has room for."""
    text = clean(value)
    if len(text) > longest:
        text = f"{(text[:longest].rpartition(' ')[0] or text[:longest]).rstrip(',;: ')}\u2026"
    return escape(text)


def lines_of(text: str) -> str:
    """Return a text of many lines as the content of a `pre` element, itself one line."""
    shown = (_SYNTAX.sub(_as_reference, _visible(line.replace("\t", "    "))) for line in text.splitlines())
    return "&#10;".join(shown)


def heading(value: object) -> str:
    """Return a value for titles and navigation, which MkDocs prints as HTML, one of them after unescaping it.

    So no escaping is right for both: angle brackets and quotes become signs that look alike. Never for Markdown.
    """
    text = clean(value).replace("&", "&amp;")
    return text.translate({ord("<"): "\u2039", ord(">"): "\u203a", ord('"'): "\u201d", ord("'"): "\u2019"})


def code(value: object, *, title: str | None = None) -> str:
    """Return a value as inline code; `title` is what shows on hover."""
    hover = f' title="{escape(title)}"' if title else ""
    return f"<code{hover}>{escape(value)}</code>"


def quoted(value: str) -> str:
    """Return a string with every space shown: in a replacement or a prompt a space is a value, too."""
    return code(json.dumps(value, ensure_ascii=False).replace(" ", "\u2423"))


def digest(value: object) -> str:
    """Return a digest as inline code, its first twelve digits, in full on hover."""
    text = clean(value)
    short = _DIGEST.sub(lambda match: f"{match[1]}\u2026", text)
    return code(short, title=text if short != text else None)


def is_address(target: object) -> bool:
    """Tell whether a text is a plain web address: only those are links."""
    return _LINK.fullmatch(clean(target)) is not None


def link(target: object, label: object | None = None) -> str:
    """Return a link if the target is a plain web address, else the target as code: nothing else may be clicked."""
    text = clean(target)
    if not is_address(text):
        return code(text)
    shown = escape(label if label is not None else text.split("://")[1].rstrip("/"))
    return f'<a href="{escape(text)}" rel="noopener">{shown}</a>'


def number(value: object, *, signed: bool = False, fixed: bool = False) -> str:
    """Return a measured number with three decimals, or where it is smaller and not `fixed`, three digits."""
    if not isinstance(value, int | float) or isinstance(value, bool):
        return escape("not known" if value is None else value)
    return _number(value, signed, fixed)


@lru_cache(
    maxsize=1 << 14, typed=True
)  # a number stands on the page of its version and beside that of the next
def _number(value: float, signed: bool, fixed: bool) -> str:
    if isinstance(value, int):
        return f"{value:+,}" if signed else f"{value:,}"
    text = f"{value:.3g}" if value and abs(value) < 0.001 and not (signed or fixed) else f"{value:.3f}"
    text = f"{value:,.0f}" if abs(value) >= 1000 else text
    if signed and float(text.replace(",", "")) >= 0:
        text = "\u00b10.000" if float(text.replace(",", "")) == 0 else f"+{text}"
    if text == "-0.000":
        return "0.000"
    return text.replace("-", "\u2212", 1) if value < 0 else text


def size(size_bytes: int) -> str:
    """Return a size as people say it: 1.2 GB, 48.5 kB."""
    amount = float(size_bytes)
    for unit in ("bytes", "kB", "MB", "GB", "TB"):
        if amount < 1000 or unit == "TB":
            return f"{amount:.0f} {unit}" if unit == "bytes" else f"{amount:.1f} {unit}"
        amount /= 1000
    raise AssertionError


def value(anything: Any) -> str:
    """Return a value of a card for a table cell: short, in one line, digests abbreviated."""
    if isinstance(anything, str):  # first of all, for most are
        return _text_value(anything)
    if isinstance(anything, bool):
        return "yes" if anything else "no"
    if isinstance(anything, int | float):
        is_long = isinstance(anything, int) and abs(anything) >= 10_000
        # A number's own text is JSON's, but for what JSON does not have.
        return (
            f"{anything:,}"
            if is_long
            else escape(repr(anything) if isfinite(anything) else json.dumps(anything))
        )
    if not anything:
        return _NONE
    if isinstance(anything, dict):
        return step(anything) if "step" in anything else parameters(anything)
    if isinstance(anything, Sequence):
        return ", ".join(map(value, anything))
    return escape(json.dumps(anything))


def _text_value(text: str) -> str:
    if not text:
        return _NONE
    if text != " ".join(text.split()):
        return quoted(text)
    return digest(text) if _DIGEST.search(text) else escape(text)


def parameters(mapping: Mapping[str, Any]) -> str:
    """Return `key value` pairs in the card's order."""
    return " \u00b7 ".join(
        f'<span class="ev-key">{escape(key)}</span> {value(entry)}' for key, entry in mapping.items()
    )


def step(mapping: Mapping[str, Any]) -> str:
    """Return a preprocessing step: its name, then its parameters."""
    rest = {key: entry for key, entry in mapping.items() if key != "step"}
    name = f"<b>{escape(mapping.get('step', 'step'))}</b>"
    return f"{name} {parameters(rest)}" if rest else name


def yaml_text(text: str) -> str:
    """Return a YAML scalar for a string; JSON's double-quoted form is YAML's, too."""
    return json.dumps(text, ensure_ascii=False)


def listed(words: Sequence[str]) -> str:
    """Return words as a sentence lists them: a, b and c."""
    return " and ".join([", ".join(words[:-1]), words[-1]]) if len(words) > 1 else "".join(words)


def between(low: float | None, high: float | None) -> str:
    """Return the interval of a difference, or nothing where none is known."""
    if low is None or high is None:
        return ""
    return f"{number(low, signed=True)} to {number(high, signed=True)}"


def sentence(text: str, *, is_start: bool = True) -> str:
    """Return words as a sentence, or as the end of one: a capital at its start and one full stop."""
    text = text.rstrip(". ")
    return f"{text[:1].upper() if is_start else text[:1]}{text[1:]}."


def told(text: str) -> str:
    """Return a sentence of the tool's own for a page: arrows and minus signs as people print them."""
    return escape(_MINUS.sub("\u2212", text.replace(" -> ", " \u2192 ")))
