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
    r"(?i)(^|[^a-z])(api[_-]?key|access[_-]?key|secret|token|passwd|password|passphrase|pwd|credential|private[_-]?key"
    r"|auth|authorization|bearer|cookie)s?($|[^a-z])"
)
# Words in names that are about tokens of text, not about tokens that open doors.
_TEXT_TOKENS: Final = re.compile(
    r"(?i)(^|[^a-z])(max|num|min|pad|eos|bos|cls|sep|mask|masked|unk|special|image|text|next|prompt|seen|learnable|drop|per|n|total"
    r"|additional|author\w*)[_. -]*(tokens?|auth)($|[^a-z])"
    r"|(^|[^a-z])tokens?[_. -]*(per|ids?|types?|count|length|len|limit|size|seen|drop|dropout|merging|embeddings?|pooling|rate)($|[^a-z])"
    r"|tokenizer"
)
_DOOR: Final = re.compile(r"(?i)key|secret|pass|pwd|credential|authorization|bearer|cookie")
_NUMBER: Final = re.compile(r"(?i)[+-]?[\d.,]+(?:e[+-]?\d+)?|true|false|none|null|nan|inf")
_PERSON_NAME: Final = re.compile(
    r"(?i)^(.*[._/ -])?(user|username|user[_-]?(?:name|id)|created[_-]?by|owner|email|e-mail|host|hostname|host[_-]?name|nodename|fqdn"
    r"|ip[_-]?address|cwd|login|home|env|environ|environment)$"
)
_SECRET_VALUE: Final = re.compile(
    r"(?:^|[^A-Za-z0-9])(?:hf_[A-Za-z0-9]{20,}|gh[pousr]_[A-Za-z0-9]{30,}|github_pat_\w{30,}|glpat-[\w-]{20,}|A(?:KI|SI)A[0-9A-Z]{16}"
    r"|sk-(?:(?:proj|ant|svcacct|admin|or)-[\w-]{16,}|(?=\w*\d)\w{20,})|xox[abprs]-[\w-]{10,}|xapp-\d[\w-]{10,}|wandb_v1_\w{20,}"
    r"|AIza[\w-]{35}|ya29\.[\w-]{20,}|npm_[A-Za-z0-9]{36}|pypi-[\w-]{16,}|dapi[0-9a-f]{32}|SG\.[\w-]{16,}\.[\w-]{16,}"
    r"|eyJ[\w-]{10,}\.[\w-]{10,}\.[\w-]{5,}|-----BEGIN [A-Z ]*PRIVATE KEY-----)"
)
# In a command line or a connection string: --api-key X, HF_TOKEN=X, AccountKey=X, Bearer X.
_DOORS: Final = (
    r"(?:password|passwd|passphrase|secret|(?:api|access|account|private)[_-]?key"
    r"|(?:api|access|auth|hf|hub|session|github|wandb)[_-]?token)"
)
_TOLD_SECRET: Final = re.compile(
    rf"(?i){_DOORS}[\"']?\s*[=:]\s*[\"']?[^\s\"']{{3,}}|--[\w-]*{_DOORS}\s+[^\s\"']{{3,}}|(?:^|\s)(?:bearer|basic)\s+[\w+/=.-]{{12,}}"
)
# 40 characters of base64 that no word and no hexadecimal digest is made of: a secret access key of AWS.
_ACCESS_KEY: Final = re.compile(r"(?=.*[a-z])(?=.*[A-Z])(?=.*\d)(?=.*[/+])[A-Za-z0-9/+]{40}")
_SHORTEST_SECRET: Final = 12
_DELIMITER: Final = re.compile(r"[=: ]")
_EMAIL: Final = re.compile(r"(?<![\w.+-])[\w.+-]+@(?:[\w-]+\.)+[A-Za-z]{2,}(?![\w@])")
# A reference, NAME@1.2.3, a metric, recall@10.mean, and a Git remote, git@host:path, are no addresses of people.
_NO_EMAIL: Final = re.compile(
    r"@v?\d+(?!\w*\.(?:com|net|org|cn|ru|de|edu)\b)[\w.+-]*|(?:^|//|\s)git@|(?<=//)[^/@\s]+@"
)
_ABSOLUTE: Final = re.compile(
    r"(?:^|[\s=:,;\"'(\[])(?:file:/|(?:scp|sftp|smb|nfs)://"
    r"|/(?:home|Users|root|mnt|tmp|var|opt|data|scratch|private|workspace|work|srv|media|net|nfs|lustre|gpfs|content|kaggle|dbfs)(?:/|$)"
    r"|(?<!:)/[A-Za-z_.][\w.-]*/[\w.-]|~(?:[A-Za-z_][\w-]*)?/|[A-Za-z]:[\\/]|\\\\[\w.-]+\\)"
)
_CREDENTIALS: Final = re.compile(r"(?<=://)[^/@\s]+@")
_QUERY_SECRET: Final = re.compile(
    r"(?i)([?&#;](?:[\w.-]*(?:token|key|secret|signature|sig|password|credential|auth)[\w.-]*)=)[^&#;\s]+"
)
_HUMP: Final = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")


def private_part(name: str, value: Any) -> str | None:
    """Return why a value under a name may not be carried over, or None where it may."""
    if not isinstance(value, str):
        return "it may be a secret" if _is_secret_name(name) and _holds_text(value) else None
    # A card may take over a hundred thousand values: each pattern is asked only where what it needs is there.
    if _is_secret_name(name) and (_DOOR.search(name) or not _NUMBER.fullmatch(value)):
        return "it may be a secret"
    if len(value) >= _SHORTEST_SECRET and (
        _SECRET_VALUE.search(value)
        or (_DELIMITER.search(value) and _TOLD_SECRET.search(value))
        or _ACCESS_KEY.fullmatch(value)
    ):
        return "it may be a secret"
    if _is_person_name(name):
        return "it names a person or a machine"
    if "@" in value and _EMAIL.search(_NO_EMAIL.sub(" ", value)):
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


def _holds_text(value: Any) -> bool:
    if isinstance(value, Mapping):
        return any(_holds_text(entry) for entry in value.values())
    if isinstance(value, list | tuple):
        return any(_holds_text(entry) for entry in value)
    return isinstance(value, str)


@functools.lru_cache(maxsize=4096)
def _is_person_name(name: str) -> bool:
    return bool(_PERSON_NAME.match(_HUMP.sub("_", name)))


@functools.lru_cache(maxsize=4096)
def _is_secret_name(name: str) -> bool:
    parts = _HUMP.sub("_", name)  # clientSecret
    return bool(_SECRET_NAME.search(parts)) and not _TEXT_TOKENS.search(parts)
