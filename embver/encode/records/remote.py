"""Files behind URLs, through fsspec (the `remote` extra)."""

from __future__ import annotations

import hashlib
import posixpath
import re
from collections.abc import Iterator, Sequence
from functools import partial
from typing import Any, Final

from embver.corpusfiles import is_hidden
from embver.encode.blob import Blob, Stamp
from embver.encode.records.names import Names
from embver.encode.records.record import Flawed
from embver.errors import EncodeError, MissingExtra

_URL: Final = re.compile(r"([A-Za-z][A-Za-z0-9+.-]*)(?:::|://)")
# What a server or a file system says of a file that changes with its bytes.
_MARKS: Final = ("ETag", "etag", "md5", "md5Hash", "Content-MD5", "sha", "LastModified", "Last-Modified", "last_modified", "mtime", "created")  # fmt: skip
_BLOCK_BYTES: Final = 4 << 20
_LOCAL: Final = ("file", "local")


def is_url(text: str) -> bool:
    """Tell whether a text is a URL, and not a path."""
    return _URL.match(text) is not None


def open_url(url: str) -> tuple[Any, str]:
    """Return fsspec's file system for a URL and the path in it.

    Raises MissingExtra without fsspec, EncodeError for a protocol that fsspec has nothing for.
    """
    try:
        import fsspec
    except ImportError as error:
        raise MissingExtra("remote", needed_for=f"reading {url}") from error
    try:
        system, path = fsspec.core.url_to_fs(url)
    except (ImportError, ValueError, OSError) as error:
        raise EncodeError(
            f"{url} cannot be opened: {error}", hint="pip install what fsspec asks for"
        ) from error
    return system, path


class RemoteShelf:
    """Files behind URLs: paths are whole URLs here."""

    def __init__(self, url: str) -> None:
        """Take the URL of the corpus, whose protocol decides what it may name in turn."""
        self._protocol = _protocol(url)

    def kind(self, path: str) -> str:
        """Return what lies at a URL."""
        system, inner = open_url(path)
        try:
            kind = str(system.info(inner)["type"])
        except FileNotFoundError:
            return ""
        except OSError as error:
            raise EncodeError(f"{path} cannot be read: {error}") from error
        return {"directory": "folder"}.get(kind, kind)

    def blob(self, path: str) -> Blob:
        """Return a file, not looked at yet."""
        return remote_blob(path)

    def beside(self, path: str, named: str) -> Blob:
        """Return the file that a manifest names by a URL, or relative to itself."""
        if is_url(named):
            if _protocol(named) in _LOCAL and self._protocol not in _LOCAL:
                raise ValueError(f"{named} is a file of this machine, named by {self._protocol}://")
            return remote_blob(named)
        if named.startswith("/") or posixpath.normpath(named).startswith(".."):
            raise ValueError(f"{named} leads out of the manifest's folder")
        return remote_blob(f"{path.rpartition('/')[0]}/{posixpath.normpath(named)}")

    def listing(self, folder: str) -> tuple[Names, Sequence[Flawed]]:
        """Return the files below a folder."""
        system, inner = open_url(folder.rstrip("/"))
        try:
            found = system.find(inner)
        except OSError as error:
            raise EncodeError(f"{folder} cannot be listed: {error}") from error
        prefix = inner.rstrip("/") + "/"
        names = (name[len(prefix) :] for name in found if name.startswith(prefix))
        visible = (name for name in names if not is_hidden(name))
        return Names(sorted(name.encode() for name in visible)), ()


def remote_blob(url: str) -> Blob:
    """Return a file behind a URL, not looked at yet; its digest, and no stamp, tells that it changed."""
    return Blob(name=url, fetch=partial(fetch, url), chunks=partial(_chunks, url), look=partial(_look, url))


def fetch(url: str, start: int | None = None, stop: int | None = None) -> bytes:
    """Return the bytes of a file, or of a range of it; raise ValueError where they cannot be had."""
    system, path = open_url(url)
    try:
        data: bytes = system.cat_file(path, start=start, end=stop)
    except FileNotFoundError:
        raise ValueError("does not exist") from None
    except Exception as error:  # each file system raises what its own library does
        raise ValueError(f"cannot be read: {str(error) or type(error).__name__}") from error
    if start is not None and stop is not None and len(data) > stop - start:
        return data[start:stop]  # a server that knows no ranges sends all of it
    return data


def _chunks(url: str) -> Iterator[bytes]:
    """Yield the bytes of a file, piece by piece; raise ValueError where they cannot be had."""
    system, path = open_url(url)
    try:
        with system.open(path, "rb") as file:
            while block := file.read(_BLOCK_BYTES):
                yield block
    except FileNotFoundError:
        raise ValueError("does not exist") from None
    except Exception as error:
        raise ValueError(f"cannot be read: {str(error) or type(error).__name__}") from error


def _look(url: str) -> Stamp | None:
    """Return the size and a digest of what marks a file's state, or None where nothing does."""
    system, path = open_url(url)
    try:
        info = system.info(path)
    except FileNotFoundError:
        raise ValueError("does not exist") from None
    except Exception as error:
        raise ValueError(f"cannot be read: {str(error) or type(error).__name__}") from error
    marks = [f"{key}={info[key]}" for key in _MARKS if info.get(key)]
    size_bytes = info.get("size")
    if not marks or not isinstance(size_bytes, int):
        return None
    digest = hashlib.sha256("\n".join(marks).encode()).digest()
    return (size_bytes, 0, int.from_bytes(digest[:7], "big"))


def _protocol(url: str) -> str:
    match = _URL.match(url)
    return match[1].lower() if match else ""
