"""Cards whose every text is hostile, made from the schema; the least card there may be; names that collide."""

from __future__ import annotations

import copy
import re
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from emoji_versions import HOSTILE, emoji_site, sha

from embver.card import Card, card_digest
from embver.diff import compare
from embver.history import Release
from embver.lifecycle import Status
from embver.lifetag import Event
from embver.problem import Problem
from embver.site.model import SiteData, SiteEmbedding, SiteVersion, Unreadable
from embver.store.schemas import check_shape, schema_of, value_at
from embver.version import Version

WORSE = (
    HOSTILE
    + ' {{ config }} {% include "/etc/passwd" %} {{ site.url }} {% raw %} --8<-- "mkdocs.yml" -8<- ::: os !!! danger "x" ??? note === "Tab" '
    "/// details | x :fire: ++ctrl+alt+del++ ==m== ^^i^^ ~~d~~ {++a++} {--d--} {>>c<<} $x$ $$y$$ \\(z\\) \\[w\\] [^1] [^1]: note *[HTML]: abbr "
    "[ref]: https://evil.example - [x] task <!-- c --> <?php ?> <![CDATA[x]]> https://evil.example www.evil.example mailto:a@evil.example "
    "<style>*{display:none}</style> <svg onload=alert(1)> <base href=//evil.example> \u2067rtl\u2069 \u0627\u0644\u0639\u0631\u0628\u064a\u0629 "
    "\U0001f468\u200d\U0001f469\u200d\U0001f467 \x07\x9b31m \u00ad \ufffe --- *** 1. a 2) b # h > q | p | \\ \\\\ %s ${x} `rm -rf /`"
)
WORD = "w" * 10_000


def _example(schema: Mapping[str, Any], *, depth: int = 0) -> Any:
    """Return a value for a schema with hostile text wherever text is free; what is wrong with it is taken out later."""
    root = schema_of("card")
    while "$ref" in schema:
        schema = value_at(root, schema["$ref"].removeprefix("#/").split("/"))
    for key in ("anyOf", "oneOf"):
        if key in schema and "properties" not in schema:
            return _example(schema[key][0], depth=depth)
    if "const" in schema:
        return schema["const"]
    if "enum" in schema:
        return next(each for each in schema["enum"] if each is not None)
    kinds = schema.get("type", "object" if "properties" in schema else "string")
    kind = next(each for each in ([kinds] if isinstance(kinds, str) else kinds) if each != "null")
    if kind == "object" and depth < 9:
        made = {key: _example(below, depth=depth + 1) for key, below in schema.get("properties", {}).items()}
        if not schema.get("properties") or isinstance(schema.get("additionalProperties"), Mapping):
            below = schema.get("additionalProperties")
            made[WORSE] = _example(below, depth=depth + 1) if isinstance(below, Mapping) else WORSE
        return made
    if kind == "array":
        return [_example(schema.get("items") or {"type": "string"}, depth=depth + 1)]
    if kind == "boolean":
        return True
    if kind in ("integer", "number"):
        return max(schema.get("minimum", 1), 1)
    for shown in schema.get("examples", ()):
        if "pattern" in schema or "format" in schema:
            return shown
    return "a" * 64 if re.search(r"\{64\}", schema.get("pattern", "")) else WORSE


def hostile_card(name: str = "everywhere") -> dict[str, Any]:
    """Return a valid card that has every field of the schema, with hostile text in each that takes text."""
    plain = _example(schema_of("card"))
    plain.update(schema=1, name=name, version="1.0.0")
    for _ in range(200):
        flaws = check_shape(plain)
        if not flaws:
            return _with_texts(plain)
        for flaw in flaws:
            where = flaw.lacking or flaw.where
            if not _mend(plain, where):
                raise AssertionError(flaw)
    raise AssertionError(check_shape(plain))


def _mend(plain: dict[str, Any], where: tuple[str | int, ...]) -> bool:
    """Take out what has the wrong shape, or what holds it."""
    for end in range(len(where), 0, -1):
        try:
            parent = value_at(plain, where[: end - 1])
            del parent[where[end - 1]]
        except (LookupError, TypeError):
            continue
        return True
    return False


def _with_texts(plain: dict[str, Any]) -> dict[str, Any]:
    """Add what a schema alone does not lead to: steps, a very long word, and five hundred languages."""
    for encoder in plain["encoders"].values():
        encoder.pop("preprocessing", None)
    text = plain["encoders"]["text"]
    text["preprocessing"] = [
        {"step": "replace", "pattern": WORSE, "with": WORSE},
        {"step": "prefix", "text": WORSE},
    ]
    text["languages"] = [f"{a}{b}" for a in "abcdefghijklmnopqrstuvwxy" for b in "abcdefghijklmnopqrst"]
    plain["changes"] = [
        {"area": WORSE, "text": WORSE},
        {"area": "x", "text": WORD},
        {"area": "1. x", "text": "- [x] x"},
    ]
    plain["limitations"] = [WORSE, WORD]
    return plain


def least_card(name: str, version: str = "1.0.0") -> dict[str, Any]:
    """Return a card with what the schema asks of a release, and nothing else."""
    return {
        "schema": 1,
        "name": name,
        "version": version,
        "space": {
            "dimensions": 8,
            "metric": "cosine",
            "normalized": True,
            "kind": "dense",
            "dtype": "float32",
        },
        "encoders": {"text": {"model": {"id": "x/y"}, "preprocessing": [{"step": "lowercase"}]}},
        "fingerprint": f"space:sha256:{'0' * 64}",
        "artifacts": [],
    }


def made_of(
    plain: Mapping[str, Any], *, message: str = "", previous: SiteVersion | None = None
) -> SiteVersion:
    """Return a release of a card; of an earlier one too it says which it stands on."""
    name, number = plain["name"], plain["version"]
    return SiteVersion(
        release=Release(
            name=name, version=Version.parse(number), tag=f"{name}@v{number}", commit=sha(number)[:40], date="2026-11-20T08:00:00+00:00",
            is_annotated=True, level="minor" if previous else "first", card_digest=card_digest(plain), message=message,
            previous=previous.release.reference if previous else None,
        ),
        card=Card.from_plain(plain),
        previous=previous.release if previous else None,
    )  # fmt: skip


def odd_site() -> SiteData:
    """Return a site of everything that is odd: hostile cards, least cards, names that collide, versions of every form."""
    hostile = made_of(hostile_card())
    again = copy.deepcopy(hostile_card())
    again["version"] = "1.0.1"
    again["encoders"]["text"]["preprocessing"].pop()
    second = replace(
        made_of(
            again,
            previous=hostile,
            message=f"{WORSE}\n-----BEGIN SSH SIGNATURE-----\nx\n-----END SSH SIGNATURE-----\n",
        ),
        changes=compare(hostile.card.plain, again),
        stages=(WORSE,),
        status=Status(state="deprecated", reason=WORSE, successor=f"everywhere@{WORSE}", since=WORSE),
        events=(
            Event(
                tag=WORSE, name="everywhere", number=1, is_cancel=False, stage=WORSE, date=WORSE, reason=WORSE
            ),
        ),
    )
    numbers = ("1.0.0-RC.1", "1.0.0-rc.1", "1.0.0", "1.0.0+cu126", "1.0.0+CU126", f"1.0.1-{'a' * 230}")
    embeddings = [SiteEmbedding(name="everywhere", versions=(hostile, second))]
    names = ("a", "a/b", "a/b/c", "a/changelog", "a/trace", "benchmarks", "compare", "con", "data", "feed", "hardware", "index", "nul/aux",
             "schemas", "schemas/card", "search", "shop/versions-1", "versions")  # fmt: skip
    for name in names:
        versions = numbers if name == "a/b" else ("1.0.0",)
        embeddings.append(
            SiteEmbedding(name=name, versions=tuple(made_of(least_card(name, number)) for number in versions))
        )
    problem = Problem(path=WORSE, line=1, column=1, rule=WORSE, message=WORSE, hint=WORSE)
    lost = made_of(least_card("lost/compare")).release
    broken = made_of(least_card("a", "0.9.0+Old")).release
    unreadable = tuple(
        Unreadable(release=release, problems=(problem,), text=f"{WORSE}\n" * 3) for release in (broken, lost)
    )
    return replace(emoji_site(), embeddings=tuple(embeddings), unreadable=unreadable, title=WORSE)
