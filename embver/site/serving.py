"""Serve a built site on this machine, and have open pages load themselves anew once it was built again.

The script that does so is put into what is served, never into the files.
"""

from __future__ import annotations

import errno
import io
import threading
from functools import partial
from http import HTTPStatus
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import BinaryIO
from urllib.parse import parse_qs, urlsplit

from embver.errors import UsageError

HOST = "127.0.0.1"
WHERE = "/.embver/stamp"
WAIT_S = 20.0  # how long a page's question is left open
_PORTS_TRIED = 50
_SCRIPT = """\
<script>
(() => {
  const ask = () => fetch("%(where)s?since=%(stamp)s")
    .then(answer => answer.text())
    .then(stamp => stamp === "%(stamp)s" ? ask() : location.reload())
    .catch(() => setTimeout(ask, 1000));
  ask();
})();
</script>
"""


class Served:
    """The folder that is served, and a stamp that changes with what is in it."""

    def __init__(self, folder: Path, stamp: str) -> None:
        self.folder, self._stamp = folder, stamp
        self._changed = threading.Condition()

    @property
    def stamp(self) -> str:
        """Return the stamp of what is served now."""
        return self._stamp

    def put(self, folder: Path, stamp: str) -> None:
        """Tell open pages that there is something new; they are asked for anew only if the stamp differs."""
        with self._changed:
            self.folder, self._stamp = folder, stamp
            self._changed.notify_all()

    def after(self, stamp: str, *, wait_s: float = WAIT_S) -> str:
        """Return the stamp once it is another than this one, or after a while the same."""
        with self._changed:
            self._changed.wait_for(lambda: self._stamp != stamp, timeout=wait_s)
            return self._stamp


class _Handler(SimpleHTTPRequestHandler):
    def __init__(self, *given: object, served: Served) -> None:
        self._served = served
        super().__init__(*given, directory=str(served.folder))  # type: ignore[arg-type]

    def do_GET(self) -> None:
        """Answer what a browser asks for."""
        if not self._is_for_this_machine():
            self.send_error(HTTPStatus.FORBIDDEN, "this server answers its own machine only")
            return
        address = urlsplit(self.path)
        if address.path != WHERE:
            super().do_GET()
            return
        since = parse_qs(address.query).get("since", [""])[0]
        self._answer(HTTPStatus.OK, "text/plain; charset=utf-8", self._served.after(since).encode())

    def do_HEAD(self) -> None:
        """Answer with headers alone."""
        if self._is_for_this_machine():
            super().do_HEAD()
        else:
            self.send_error(HTTPStatus.FORBIDDEN)

    def send_head(self) -> BinaryIO | io.BytesIO | None:
        """Open a file; a page gets the script that waits for the next build."""
        file = Path(self.translate_path(self.path))
        if file.is_dir() and not urlsplit(self.path).path.endswith("/"):
            return super().send_head()  # it leads to the folder's own address
        file = file / "index.html" if file.is_dir() else file
        if file.suffix != ".html" and file.is_file():
            return super().send_head()
        status = HTTPStatus.OK if file.is_file() else HTTPStatus.NOT_FOUND
        page = file if file.is_file() else self._served.folder / "404.html"
        try:
            data = page.read_bytes()
        except OSError:
            self.send_error(HTTPStatus.NOT_FOUND)
            return None
        script = (_SCRIPT % {"where": WHERE, "stamp": self._served.stamp}).encode()
        start, end, rest = data.rpartition(b"</body>")
        self._head(status, "text/html; charset=utf-8", len(data) + len(script))
        return io.BytesIO(start + script + end + rest)

    def end_headers(self) -> None:
        """Keep nothing: the next build may have written another."""
        self.send_header("Cache-Control", "no-store")
        super().end_headers()

    def log_message(self, format: str, *given: object) -> None:  # noqa: A002  (the name is that of the base)
        """Say nothing of what was asked for."""

    def _is_for_this_machine(self) -> bool:
        """Tell whether the address was typed here, and not by a page of another host whose name leads here."""
        host = urlsplit(f"//{self.headers.get('Host', HOST)}").hostname
        return host in (HOST, "localhost")

    def _answer(self, status: HTTPStatus, kind: str, data: bytes) -> None:
        self._head(status, kind, len(data))
        self.wfile.write(data)

    def _head(self, status: HTTPStatus, kind: str, size_bytes: int) -> None:
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(size_bytes))
        self.end_headers()


class _Server(ThreadingHTTPServer):
    daemon_threads = True  # a question that is still open does not keep the program from ending

    def handle_error(self, request: object, client_address: object) -> None:
        """Say nothing: a page that was closed while it waited is no error."""


def open_server(served: Served, port: int) -> ThreadingHTTPServer:
    """Return a server on a port of this machine; raise UsageError where it is taken, with the next free one."""
    if not 0 <= port < 65536:
        raise UsageError(f"{port} is no port: 0 to 65535", hint="embver site --serve --port 8000")
    try:
        return _Server((HOST, port), partial(_Handler, served=served))
    except OSError as error:
        if error.errno not in (errno.EADDRINUSE, errno.EACCES):
            raise
        why = "is taken" if error.errno == errno.EADDRINUSE else "may not be opened by you"
        free = _free_port(max(port, 1023) + 1)
        raise UsageError(f"port {port} {why}", hint=f"embver site --serve --port {free}") from None


def _free_port(first: int) -> int:
    """Return the next port that nobody listens on, or 0 for any."""
    import socket

    for port in range(first, min(first + _PORTS_TRIED, 65536)):
        with socket.socket() as tried:
            try:
                tried.bind((HOST, port))
            except OSError:
                continue
            return port
    return 0
