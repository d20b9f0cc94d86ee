"""A hub on this machine: the few endpoints that the real huggingface_hub client asks for a model at a commit."""

from __future__ import annotations

import hashlib
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import unquote, urlsplit

COMMIT = "3f1c0c6e5d0b4e6f8a9b7c6d5e4f3a2b1c0d9e8f"
NAME = "example/tiny"


@dataclass
class Hub:
    """One model in one commit, the branch `main`; `asked` are the files whose bytes were sent."""

    folder: Path
    url: str = ""
    asked: list[str] = field(default_factory=list)

    def files(self) -> dict[str, bytes]:
        return {
            path.relative_to(self.folder).as_posix(): path.read_bytes()
            for path in sorted(self.folder.rglob("*"))
            if path.is_file()
        }

    def environment(self, home: Path, *, is_offline: bool = False) -> dict[str, str]:
        return {
            "HF_ENDPOINT": self.url, "HF_HOME": str(home), "HF_HUB_OFFLINE": "1" if is_offline else "0",
            "HF_HUB_DISABLE_XET": "1", "HF_HUB_DISABLE_TELEMETRY": "1", "NO_PROXY": "127.0.0.1",
            "OMP_WAIT_POLICY": "passive",
        }  # fmt: skip


@contextmanager
def serving(folder: Path) -> Iterator[Hub]:
    """Serve a folder as the model `example/tiny`."""
    hub = Hub(folder=folder)

    class Handler(BaseHTTPRequestHandler):
        def log_message(self, *args: object) -> None:
            """Say nothing."""

        def do_HEAD(self) -> None:
            self.answer(with_body=False)

        def do_GET(self) -> None:
            self.answer(with_body=True)

        def answer(self, *, with_body: bool) -> None:
            path = unquote(urlsplit(self.path).path)
            if path.startswith(f"/api/models/{NAME}/tree/{COMMIT}"):
                entries = [
                    {"type": "file", "path": name, "size": len(data), "oid": blob_id(data)}
                    for name, data in hub.files().items()
                ]
                self.send(json.dumps(entries).encode(), "application/json", with_body)
            elif path in (f"/api/models/{NAME}/revision/main", f"/api/models/{NAME}/revision/{COMMIT}"):
                body = {
                    "id": NAME,
                    "sha": COMMIT,
                    "siblings": [],
                    "private": False,
                    "downloads": 0,
                    "tags": [],
                }
                self.send(json.dumps(body).encode(), "application/json", with_body)
            elif path.startswith(f"/{NAME}/resolve/{COMMIT}/"):
                name = path.removeprefix(f"/{NAME}/resolve/{COMMIT}/")
                if with_body:
                    hub.asked.append(name)
                self.send(hub.files()[name], "application/octet-stream", with_body)
            else:
                code = "RevisionNotFound" if NAME in path else "RepoNotFound"
                self.send_response(404)
                self.send_header("X-Error-Code", code)
                self.send_header("X-Error-Message", "not here")
                self.send_header("Content-Length", "0")
                self.end_headers()

        def send(self, body: bytes, kind: str, with_body: bool) -> None:
            self.send_response(200)
            self.send_header("Content-Type", kind)
            self.send_header("Content-Length", str(len(body)))
            self.send_header("X-Repo-Commit", COMMIT)
            self.send_header("ETag", f'"{blob_id(body)}"')
            self.end_headers()
            if with_body:
                self.wfile.write(body)

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    hub.url = f"http://127.0.0.1:{server.server_address[1]}"
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield hub
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def blob_id(data: bytes) -> str:
    return hashlib.sha1(b"blob %d\0" % len(data) + data).hexdigest()
