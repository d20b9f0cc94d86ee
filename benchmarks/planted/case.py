"""One case: what is planted between two versions, beside what, and which benchmark measures it."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

from benchmarks.planted.drafts import MODEL, Change, Draft, base_draft
from benchmarks.planted.models import Variant

SAMPLES = 4
TYPED, NAMES, SEARCH, UNSEEN, PICTURES = "typed", "names", "search", "unseen", "pictures"
METRICS = ("hit@10", "hit@1", "mrr@10")


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """One embedding: from one version to the next `planted` and `beside` change at once.

    `kind` is single, helped (something else mends at the same time), lesser (something else costs less), interaction or
    noise. `steps` are steps before it
    in which nothing happens that matters; a case of noise has these only. `sets` are the items of each version's benchmark.
    """

    key: str
    kind: str
    family: str
    benchmark: str
    metric: str
    base: str = "demo"
    planted: tuple[Change, ...] = ()
    beside: tuple[Change, ...] = ()
    steps: tuple[tuple[Change, ...], ...] = ()
    sets: tuple[str, ...] = ()

    @property
    def name(self) -> str:
        """Return the embedding's name."""
        digest = hashlib.sha256(self.key.encode()).hexdigest()[:6]
        words = "".join(sign if sign.isalnum() else "-" for sign in self.kind.lower())
        return f"{words}-{digest}"

    def draft(self) -> Draft:
        """Return the card that the case begins with, before its changes prepare it."""
        made = base_draft(self.name, BASES[self.base], is_long=self.base == "languages")
        if self.base in ("cased", "texts", "words"):
            steps = made.steps("text")
            steps[:] = [step for step in steps if step["step"] != "lowercase"]
        if self.base == "words":
            made.variants = {MODEL: Variant(weights="tower")}
            encoder = made.plain["encoders"]["text"]
            encoder |= {"pooling": "last"}
            del encoder["projection"]
            made.plain["space"]["dimensions"] = 128
        return made


# The versions that cases begin with, and their encoders: the demo's; that of six languages; one that keeps letters as
# they are typed; and single encoders: of pictures, of texts, the text tower as a plain model.
BASES = {
    "demo": ("image", "text"),
    "languages": ("image", "text"),
    "cased": ("image", "text"),
    "pictures": ("image",),
    "texts": ("text",),
    "words": ("text",),
}
