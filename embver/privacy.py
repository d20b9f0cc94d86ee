"""What must never get from a tracker into a card: people, machines, places and secrets. Ground floor.

A card is published. Trackers hold the user's name and e-mail, the host, paths of somebody's disk and whole
environments; none of it says anything of the vectors.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Mapping
from typing import Any, Final

_SECRET_NAME: Final = re.compile(
    r"(?i)(^|[^a-z])(api[_-]?key|access[_-]?key|secret|token|passwd|password|credential|private[_-]?key|auth)s?($|[^a-z])"
)
# Words in names that are about tokens of text, not about tokens that open doors.
_TEXT_TOKENS: Final = re.compile(
    r"(?i)(max|num|min|pad|eos|bos|cls|sep|mask|unk|special|image|text|per|n|total|additional|author\w*)[_. -]*(tokens?|auth)|tokens?[_. -]*(per|id|ids|type|count|length|len|limit|size)|tokenizer"
)
_PERSON_NAME: Final = re.compile(
    r"(?i)^(.*[._/ -])?(user|username|user[_-]?name|email|e-mail|host|hostname|host[_-]?name|login|home|env|environ|environment)$"
)
_SECRET_VALUE: Final = re.compile(
    r"(?:^|[^A-Za-z0-9])(?:hf_[A-Za-z0-9]{20,}|gh[pousr]_[A-Za-z0-9]{30,}|github_pat_\w{30,}|glpat-[\w-]{20,}|AKIA[0-9A-Z]{16}"
    r"|sk-[A-Za-z0-9_-]{20,}|xox[abprs]-[\w-]{10,}|wandb_v1_\w{20,}|eyJ[\w-]{10,}\.[\w-]{10,}\.[\w-]{5,}|-----BEGIN [A-Z ]*PRIVATE KEY-----)"
)
_SHORTEST_SECRET: Final = 12
_EMAIL: Final = re.compile(r"(?<![\w.+-])[\w.+-]+@[\w-]+(?:\.[\w-]+)+(?![\w@])")
# A reference, NAME@1.2.3, and a Git remote, git@host:path, are no addresses of people.
_NO_EMAIL: Final = re.compile(r"@v?\d|(?:^|//)git@|(?<=//)[^/@\s]+@")
_ABSOLUTE: Final = re.compile(
    r"(?:^|[\s=:,;\"'(\[])(?:file://)?(?:/(?:home|Users|root|mnt|tmp|var|opt|data|scratch|private|workspace|work|srv|media|net|nfs|lustre|gpfs|content|kaggle|dbfs)(?:/|$)|~/|[A-Za-z]:[\\/]|\\\\[\w.-]+\\)"
)
_CREDENTIALS: Final = re.compile(r"(?<=://)[^/@\s]+@")
_QUERY_SECRET: Final = re.compile(
    r"(?i)([?&](?:[\w.-]*(?:token|key|secret|signature|sig|password|credential)[\w.-]*)=)[^&#\s]+"
)


def private_part(name: str, value: Any) -> str | None:
    """Return why a value under a name may not be carried over, or None where it may."""
    if not isinstance(value, str):
        is_secret = _is_secret_name(name) and not isinstance(value, int | float | bool | type(None))
        return "it may be a secret" if is_secret else None
    # A card may take over a hundred thousand values: each pattern is asked only where what it needs is there.
    if _is_secret_name(name) or (len(value) >= _SHORTEST_SECRET and _SECRET_VALUE.search(value)):
        return "it may be a secret"
    if _is_person_name(name):
        return "it names a person or a machine"
    if "@" in value and _EMAIL.search(value) and not _NO_EMAIL.search(value):
        return "it holds an e-mail address"
    is_path = "/" in value or "\\" in value
    if is_path and (_ABSOLUTE.search(value) or (value.startswith("/") and value.count("/") > 1)):
        return "it is a place on somebody's disk"
    return None


def without_credentials(value: Any) -> Any:
    """Return plain data whose web addresses hold neither `user:password@` nor a signed query."""
    if isinstance(value, Mapping):
        return {key: without_credentials(entry) for key, entry in value.items()}
    if isinstance(value, list | tuple):
        return [without_credentials(entry) for entry in value]
    if not isinstance(value, str) or "://" not in value:
        return value
    return _QUERY_SECRET.sub(r"\1...", _CREDENTIALS.sub("", value))


@functools.lru_cache(maxsize=4096)
def _is_person_name(name: str) -> bool:
    return bool(_PERSON_NAME.match(name))


@functools.lru_cache(maxsize=4096)
def _is_secret_name(name: str) -> bool:
    return bool(_SECRET_NAME.search(name)) and not _TEXT_TOKENS.search(name)
