"""DVC's configuration, as far as it says where bytes are kept: the remotes of `.dvc/config`, and the default one.

`.dvc/config.local` is a person's own, with credentials, and never read.
"""

from __future__ import annotations

import configparser
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from embver.intake import MalformedError
from embver.privacy import without_credentials

CONFIG: Final = ".dvc/config"
_REMOTE = re.compile(r"""'?remote "(?P<name>.+)"'?""")


@dataclass(frozen=True, slots=True, kw_only=True)
class Remotes:
    """Remotes by name, each with its address as a card may hold it: None for a place on somebody's disk."""

    addresses: Mapping[str, str | None]
    default: str | None = None
    cache: str | None = None  # the folder of the cache, relative to .dvc

    def place(self, name: str | None) -> str | None:
        """Return where a remote's bytes lie, its address or else its name; None: of the default one, if there is one."""
        chosen = name or self.default
        return (self.addresses.get(chosen) or chosen) if chosen else None


def read_config(text: str | None) -> Remotes:
    """Read a configuration; raise MalformedError for one that is none."""
    parser = configparser.ConfigParser(strict=False, interpolation=None, allow_no_value=True)
    try:
        parser.read_string(text or "")
    except configparser.Error as error:
        line = getattr(error, "lineno", None) or 1
        raise MalformedError(f"{CONFIG}:{line}:1", "it is no configuration of DVC's") from error
    addresses = {}
    for section in parser.sections():
        named = _REMOTE.fullmatch(section.strip())
        if named:
            url = (parser.get(section, "url", fallback=None) or "").strip()
            has_scheme = "://" in url and not url.startswith(("file:", "remote:"))
            addresses[named["name"]] = str(without_credentials(url)) if has_scheme else None
    default = parser.get("core", "remote", fallback=None) if parser.has_section("core") else None
    cache = parser.get("cache", "dir", fallback=None) if parser.has_section("cache") else None
    return Remotes(addresses=addresses, default=default, cache=cache)
