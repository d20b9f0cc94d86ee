"""Versions to be exported: one with all that a card may say, one with nothing but what it must, one written by an enemy."""

from __future__ import annotations

from typing import Any

from embver.card import Card, card_digest
from embver.history import Release
from embver.outgoing import Subject
from embver.version import Version
from sample_card import a_card

HOSTILE = '</script>{{ 7*7 }} "quoted" \\ \u202e \x1b[31m <img src=x onerror=alert(1)> \u00e9\u4e2d\U0001f600 http://[bad'


def a_release(name: str, number: str) -> Release:
    return Release(
        name=name,
        version=Version.parse(number),
        tag=f"{name}@v{number}",
        commit="5f2d0c1b7a9e8d6c4b3a29181706f5e4d3c2b1a0",
        date="2026-11-02T10:14:07+01:00",
        is_annotated=True,
        level="minor",
        verdict="compatible",
        previous=f"{name}@2.0.0",
        card_digest=None,
    )


def a_subject(plain: dict[str, Any], *, is_released: bool = True, **changed: Any) -> Subject:
    card = Card.from_plain(plain)
    number = str(plain.get("version", "2.1.0"))
    release = a_release(card.name, number) if is_released else None
    made: dict[str, Any] = {
        "card": card,
        "reference": f"{card.name}@{number}" if is_released else f"{card.name}@next",
        "release": release,
        "card_digest": card_digest(plain) if is_released else None,
        "card_bytes": b"schema: 1\n",
        "repository": "https://example.org/git/embeddings",
        "tool_version": "0.1.0",
    }
    return Subject(**(made | changed))


def full() -> Subject:
    plain = a_card(
        supplier="Example GmbH",
        links={
            "homepage": "https://example.org/products",
            "repository": "https://example.org/git/embeddings",
        },
    )
    plain["benchmarks"][0]["task"] = {"name": "ShopSearch", "type": "Any2AnyRetrieval", "category": "t2i"}
    plain["benchmarks"][0]["dataset"] = {"id": "shop-search", "revision": "v3", "split": "test"}
    previous = Card.from_plain(a_card(version="2.0.0", supplier="Example GmbH"))
    return a_subject(plain, previous=previous, page="https://example.org/changelog/products/2.1.0.html")


def least() -> Subject:
    """Return a version of which only what the card's schema asks for is known, and what made its vectors."""
    whole = a_card()
    kept = ("schema", "name", "version", "space", "encoders", "artifacts", "encode", "title")
    plain = {key: whole[key] for key in kept if key in whole}
    for encoder in plain["encoders"].values():
        for key in set(encoder) - {"model", "preprocessing"}:
            del encoder[key]
    return a_subject(plain, repository=None)


def hostile() -> Subject:
    plain = a_card(
        title=HOSTILE,
        description=HOSTILE * 3,
        supplier=HOSTILE,
        authors=[{"name": HOSTILE, "contact": "not an address"}],
        intended_use=[HOSTILE],
        limitations=[HOSTILE],
        links={"homepage": "https://example.org/"},
    )
    plain["training"]["hyperparameters"] = {HOSTILE: {"deep": HOSTILE, "n": 1e-05}}
    plain["training"]["data"][0]["name"] = HOSTILE
    return a_subject(plain)
