"""Words with a grammar of their own: licences, languages, dates. Ground floor."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final

from embver.dates import date_flaw
from embver.language import language_flaw
from embver.problem import Flaw
from embver.spdx import licence_flaw, nearest_licence

Where = tuple[str | int, ...]

_MAX_GUESSES: Final = 20  # each takes milliseconds


def entries(value: Any) -> Iterator[tuple[int, Mapping[str, Any]]]:
    """Yield the mappings of a list with their places; what else stands there was refused already."""
    for number, entry in enumerate(value or ()):
        if isinstance(entry, Mapping):
            yield number, entry


def check_words(plain: Mapping[str, Any]) -> Iterator[Flaw]:
    """Yield licences, languages and dates that are none."""
    told = 0
    for where, text in _licences(plain):
        reason = licence_flaw(text)
        if reason is not None:
            told += 1
            nearest = nearest_licence(text) if told <= _MAX_GUESSES else None
            said = text if len(text) <= 60 else text[:59] + "…"
            yield Flaw(
                where=where,
                rule="licence",
                message=f"{said!r} is no SPDX expression: {reason}",
                hint=f"did you mean {nearest!r}?"
                if nearest
                else "an identifier of https://spdx.org/licenses, or LicenseRef-NAME for one of your own",
            )
    for where, text in _languages(plain):
        found = language_flaw(text)
        if found is not None:
            yield Flaw(where=where, rule="language", message=f"{text!r} {found[0]}", hint=found[1])
    for where, text in _dates(plain):
        reason = date_flaw(text)
        if reason is not None:
            yield Flaw(
                where=where, rule="date", message=f"{text} {reason}", hint="as in 2026-11-02T09:14:07Z"
            )


def _licences(plain: Mapping[str, Any]) -> Iterator[tuple[Where, str]]:
    places: list[tuple[Where, Any]] = [((), plain), (("corpus",), plain.get("corpus"))]
    training = plain.get("training")
    if training:
        places += [(("training", "data", n), data) for n, data in entries(training.get("data"))]
    for modality, encoder in (plain.get("encoders") or {}).items():
        places += [
            (("encoders", modality, part), encoder.get(part))
            for part in ("model", "base")
            if encoder.get(part)
        ]
    for where, holder in places:
        text = holder.get("license") if holder else None
        if isinstance(text, str):
            yield (*where, "license"), text


def _languages(plain: Mapping[str, Any]) -> Iterator[tuple[Where, str]]:
    places: list[tuple[Where, Any]] = []
    for modality, encoder in (plain.get("encoders") or {}).items():
        places.append((("encoders", modality, "languages"), encoder.get("languages")))
    for number, benchmark in entries(plain.get("benchmarks")):
        named = (benchmark.get("dataset") or {}).get("languages")
        places.append((("benchmarks", number, "dataset", "languages"), named))
    for where, languages in places:
        for number, text in enumerate(languages or ()):
            if isinstance(text, str):
                yield (*where, number), text


def _dates(plain: Mapping[str, Any]) -> Iterator[tuple[Where, str]]:
    places: list[tuple[Where, Any]] = [
        (("encode", "started"), (plain.get("encode") or {}).get("started")),
        (("status", "since"), (plain.get("status") or {}).get("since")),
    ]
    for number, benchmark in entries(plain.get("benchmarks")):
        places.append((("benchmarks", number, "date"), benchmark.get("date")))
        if run := benchmark.get("run"):
            places.append((("benchmarks", number, "run", "date"), run.get("date")))
    for number, record in entries(plain.get("compatibility")):
        places.append((("compatibility", number, "date"), record.get("date")))
    for where, text in places:
        if isinstance(text, str):
            yield where, text
