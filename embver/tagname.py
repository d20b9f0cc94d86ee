"""The one grammar of names, tags and references: what is written is what is parsed. Ground floor."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache

from embver.version import Version

# GTO's and DVC's name rule (gto constants), narrowed to lower case: no dots, so that their tools read our tags.
NAME_RULE = r"[a-z0-9](?:[a-z0-9\-/_]*[a-z0-9])?"
_NAME = re.compile(NAME_RULE)
_RESERVED = {"next", "latest"}

DEFAULT_FORMAT = "{name}@v{version}"
# git-check-ref-format, as far as a format's fixed parts can break it.
_NO_REF = re.compile(r"^[-/]|[/.]$|\.lock$|[\s~^:?*\[\\\x00-\x1f\x7f]|\.\.|//|/\.|@\{")


def check_name(name: str) -> str:
    """Return a legal embedding name; raise ValueError saying what is allowed otherwise."""
    reserved = next((part for part in name.split("/") if part in _RESERVED), None)
    if reserved is not None:
        # The folder of `shop/next` would be that of the working version of `shop`.
        raise ValueError(f"{name!r} is not a legal name: {reserved!r} names a version, and no part of a name")
    if not _NAME.fullmatch(name) or "//" in name:
        raise ValueError(
            f"{name!r} is not a legal name: lower-case letters, digits, '-', '_' and '/', "
            "beginning and ending with a letter or digit (no dots: GTO and DVC read these tags)"
        )
    return name


@dataclass(frozen=True, slots=True, kw_only=True)
class TagFormat:
    """How a release's tag is named; one setting that both writes and parses."""

    pattern: str = DEFAULT_FORMAT

    def __post_init__(self) -> None:
        if self.pattern.count("{name}") != 1 or self.pattern.count("{version}") != 1:
            raise ValueError(f"tag_format {self.pattern!r} needs {{name}} and {{version}}, each once")
        if _NO_REF.search(self.format("name", Version.parse("1.0.0"))):
            raise ValueError(f"tag_format {self.pattern!r} makes no legal Git tag")
        if self._is_ambiguous():
            raise ValueError(
                f"tag_format {self.pattern!r} cannot be read back: put a sign such as '@v' or '/' "
                "between {name} and {version}"
            )

    def _is_ambiguous(self) -> bool:
        # Names have no dots and versions neither '_', '/' nor '@', which is what tells them apart.
        if self.pattern.index("{name}") < self.pattern.index("{version}"):
            between = self.pattern.partition("{name}")[2].partition("{version}")[0]
            return not between or between[-1].isdigit()
        between = self.pattern.partition("{version}")[2].partition("{name}")[0]
        return re.fullmatch(r"[0-9A-Za-z.+-]*", between) is not None

    def format(self, name: str, version: Version) -> str:
        """Return the tag of a version, such as `products@v1.1.0`."""
        return self.pattern.replace("{name}", name).replace("{version}", str(version))

    def parse(self, tag: str) -> tuple[str, Version] | None:
        """Return the name and version that a tag stands for, or None for a tag that is not ours."""
        match = _tag_form(self.pattern).fullmatch(tag)
        if match is None:
            return None
        name, version = match["name"], _version_or_none(match["version"])
        return (name, version) if version is not None and _is_name(name) else None

    def flaw(self, tag: str) -> str | None:
        """Return why a tag that looks like a release is none; None for a release, and for a tag of another kind."""
        if self.parse(tag) is not None or "#" in tag or "!" in tag:  # with these it is one of the life cycle
            return None
        match = _like_form(self.pattern).fullmatch(tag)
        if match is None:
            return None
        name, version = match["name"], match["version"]
        try:
            check_name(name)
            Version.parse(version)
        except ValueError as error:
            return str(error)
        return f"a release's tag is named {self.format(name, Version.parse(version))}"

    def patterns(self, name: str) -> tuple[str, ...]:
        """Return patterns of `git for-each-ref` below refs/tags/ that hold every tag of one embedding, and few more.

        Its releases, what withdraws them (`NAME@v1.0.0!#2`), and its stages (`NAME#STAGE#1`).
        """
        released = self.pattern.replace("{name}", name).replace("{version}", "*")
        withdrawn = () if self.pattern.endswith("{version}") else (f"{released}!*", f"{released}#*")
        return (released, *withdrawn, f"{name}#*", f"{name}#*/**")


@lru_cache(maxsize=16)
def _tag_form(pattern: str) -> re.Pattern[str]:
    rest = re.escape(pattern).replace(r"\{name\}", f"(?P<name>{NAME_RULE})")
    return re.compile(rest.replace(r"\{version\}", r"(?P<version>[0-9][0-9A-Za-z.+-]*)"))


@lru_cache(maxsize=16)
def _like_form(pattern: str) -> re.Pattern[str]:
    """Return what a person types who means a release's tag: another version, another case, the `v` left out."""
    rest = (
        re.escape(pattern)
        .replace(r"v\{version\}", r"v?\{version\}")
        .replace(r"\{name\}", r"(?P<name>[^@]+?)")
    )
    # Without an `@` many a tag has a number at its end: `docs/2026`.
    version = r"[0-9].*" if "@" in pattern else r"[0-9]+\.[0-9].*"
    return re.compile(rest.replace(r"\{version\}", f"(?P<version>{version})"))


@lru_cache(maxsize=4096)
def _is_name(name: str) -> bool:
    try:
        check_name(name)
    except ValueError:
        return False
    return True


@lru_cache(maxsize=4096)
def _version_or_none(text: str) -> Version | None:
    try:
        return Version.parse(text)
    except ValueError:
        return None


@dataclass(frozen=True, slots=True, kw_only=True)
class Reference:
    """What a person types for a version: NAME, NAME@VERSION, NAME@latest, NAME@next, NAME#STAGE."""

    name: str
    selector: str = "latest"
    stage: str | None = None

    @classmethod
    def parse(cls, text: str) -> Reference:
        """Read a reference; raise ValueError with the forms that exist."""
        stage = None
        name, at, selector = text.partition("@")
        if not at:
            name, hash_sign, stage_word = text.partition("#")
            stage = stage_word if hash_sign else None
        elif selector.startswith("v") and selector[1:2].isdigit():
            selector = selector[1:]  # people paste tags: products@v1.1.0
        if (at and not selector) or stage == "" or not _NAME.fullmatch(name):
            raise ValueError(
                f"{text!r} is not a reference: NAME, NAME@VERSION, NAME@latest, NAME@next or NAME#STAGE"
            )
        if selector not in ("", "latest", "next"):
            Version.parse(selector)
        return cls(name=name, selector=selector or "latest", stage=stage)

    def __str__(self) -> str:
        return f"{self.name}#{self.stage}" if self.stage else f"{self.name}@{self.selector}"
