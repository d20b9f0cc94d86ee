"""Language tags: well-formed by RFC 5646 (BCP 47), with a language that exists. Ground floor."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Final

# RFC 5646 section 2.1. Languages of four letters are reserved and of five to eight never were registered: `english`.
_TAG: Final = (
    r"(?P<language>[a-z]{2,3})(?:-(?P<extended>[a-z]{3}(?:-[a-z]{3}){0,2}))?"
    r"(?:-(?P<script>[a-z]{4}))?(?:-(?P<region>[a-z]{2}|[0-9]{3}))?"
    r"(?P<variants>(?:-(?:[a-z0-9]{5,8}|[0-9][a-z0-9]{3}))*)"
    r"(?P<extensions>(?:-[0-9a-wy-z](?:-[a-z0-9]{2,8})+)*)"
    r"(?:-x(?:-[a-z0-9]{1,8})+)?"
)
_PRIVATE: Final = r"x(?:-[a-z0-9]{1,8})+"
_OLD_TAGS: Final = (
    "en-gb-oed i-ami i-bnn i-default i-enochian i-hak i-klingon i-lux i-mingo i-navajo i-pwn i-tao i-tay i-tsu "
    "sgn-be-fr sgn-be-nl sgn-ch-de art-lojban cel-gaulish no-bok no-nyn zh-guoyu zh-hakka zh-min zh-min-nan "
    "zh-xiang"
)
_OLD: Final = frozenset(_OLD_TAGS.split())
# The languages of two letters in the IANA registry, the deprecated ones too.
_TWO_LETTER_TAGS: Final = (
    "aa ab ae af ak am an ar as av ay az ba be bg bh bi bm bn bo br bs ca ce ch co cr cs cu cv cy da de dv dz ee el "
    "en eo es et eu fa ff fi fj fo fr fy ga gd gl gn gu gv ha he hi ho hr ht hu hy hz ia id ie ig ii ik in io is it "
    "iu iw ja ji jv jw ka kg ki kj kk kl km kn ko kr ks ku kv kw ky la lb lg li ln lo lt lu lv mg mh mi mk ml mn mo "
    "mr ms mt my na nb nd ne ng nl nn no nr nv ny oc oj om or os pa pi pl ps pt qu rm rn ro ru rw sa sc sd se sg sh "
    "si sk sl sm sn so sq sr ss st su sv sw ta te tg th ti tk tl tn to tr ts tt tw ty ug uk ur uz ve vi vo wa wo xh "
    "yi yo za zh zu"
)
_TWO_LETTERS: Final = frozenset(_TWO_LETTER_TAGS.split())
# Country codes and names that are written for languages.
_MEANT: Final = {
    "jp": "ja", "cn": "zh", "kr": "ko", "gr": "el", "dk": "da", "cz": "cs", "ua": "uk", "us": "en-US", "gb": "en-GB",
    "english": "en", "german": "de", "deutsch": "de", "french": "fr", "spanish": "es",
    "italian": "it", "chinese": "zh", "japanese": "ja", "korean": "ko", "russian": "ru", "arabic": "ar",
    "hindi": "hi", "dutch": "nl", "polish": "pl", "turkish": "tr", "czech": "cs", "greek": "el", "swedish": "sv",
    "multi": "mul",
}  # fmt: skip


@lru_cache(maxsize=512)
def language_flaw(text: str) -> tuple[str, str | None] | None:
    """Return what is wrong with a language tag and what was probably meant, or None."""
    tag = text.lower()
    if tag in _TWO_LETTERS or tag in _OLD or re.fullmatch(_PRIVATE, tag):
        return None
    match = re.fullmatch(_TAG, tag)  # compiled only where a language is more than two letters
    if match is None:
        return ("is no BCP 47 language tag", _hint(tag))
    language = match["language"]
    if len(language) == 2 and language not in _TWO_LETTERS:
        return (f"names no language: {language!r} is none", _hint(language))
    variants = match["variants"].split("-")[1:]
    if len(set(variants)) < len(variants):
        return ("names a variant twice", None)
    singletons = re.findall(r"-([0-9a-wy-z])(?=-)", match["extensions"])
    if len(set(singletons)) < len(singletons):
        return ("has an extension twice", None)
    return None


def _hint(tag: str) -> str | None:
    meant = _MEANT.get(tag) or (tag.replace("_", "-") if "_" in tag else None)
    return f"did you mean {meant!r}?" if meant else None
