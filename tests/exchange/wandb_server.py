"""What a W&B server answers to its own client: only the server is ours. GraphQL by the name of the query."""

from __future__ import annotations

import io
import json
import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

METADATA = {
    "os": "Linux-6.1-x86_64",
    "python": "CPython 3.11.7",
    "host": "gpu-box-of-ann",
    "executable": "/home/ann/venv/bin/python",
    "email": "ann@shop.example",
    "cpu_count": 64,
    "gpu": "NVIDIA H100",
    "gpu_count": 8,
    "git": {"remote": "https://ann:geheim@example.org/shop/training.git", "commit": "f" * 40},
}
CONFIG = {"lr": 1e-05, "optimizer": {"name": "adam"}, "data_dir": "/home/ann/data", "_wandb": {"t": 1}}
SUMMARY = {"val/recall": {"max": 0.5}, "loss": 0.25, "broken": "NaN", "_step": 5, "_runtime": 3}
HISTORY = {"_step": [0, 1, 2, 3, 4, 5], "loss": [1.0, 0.5, 0.75, 0.125, 0.2, 0.25]}
RUNS = {"abc123": "finished", "crash1": "crashed"}


def run(name: str) -> dict[str, Any]:
    return {
        "id": "UnVu",
        "tags": ["paper"],
        "name": name,
        "displayName": "ann's run",
        "sweepName": None,
        "state": RUNS[name],
        "config": json.dumps({key: {"value": value} for key, value in CONFIG.items()}),
        "group": None,
        "jobType": None,
        "commit": "f" * 40,
        "readOnly": False,
        "createdAt": "2026-11-02T09:14:07Z",
        "heartbeatAt": "2026-11-02T09:14:07Z",
        "description": "",
        "notes": None,
        "systemMetrics": "{}",
        "summaryMetrics": json.dumps(SUMMARY),
        "historyLineCount": 5,
        "user": {"name": "Ann", "username": "ann"},
        "historyKeys": {"lastStep": 5, "keys": {}},
        "projectId": "1",
    }


def artifact(kind: str, name: str, digest: str) -> dict[str, Any]:
    project = {"id": "1", "internalId": "1", "name": "shop", "entity": {"name": "search"}}
    collection = {"__typename": "ArtifactSequence", "name": name, "project": project}
    alias = {"artifactCollection": collection, "__typename": "ArtifactAlias", "id": "1", "alias": "best"}
    return {
        "__typename": "Artifact",
        "id": f"QXJ0{name}",
        "artifactSequence": collection,
        "versionIndex": 3,
        "artifactType": {"name": kind},
        "description": None,
        "metadata": "{}",
        "ttlDurationSeconds": 0,
        "ttlIsInherited": True,
        "tags": [],
        "historyStep": None,
        "state": "COMMITTED",
        "size": 1,
        "digest": digest,
        "commitHash": "1",
        "fileCount": 1,
        "createdAt": "2026-11-02T09:14:07Z",
        "updatedAt": None,
        "aliases": [alias],
    }


ARTIFACTS = [artifact("dataset", "pictures", "a" * 32), artifact("model", "clip", "b" * 32)]
LAST = {"__typename": "PageInfo", "endCursor": None, "hasNextPage": False}


def history_file() -> bytes:
    """Return the run's history as the server exports it."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    file = io.BytesIO()
    pq.write_table(pa.table(HISTORY), file)
    return file.getvalue()


class Answers(BaseHTTPRequestHandler):
    """Answers one question at a time."""

    protocol_version = "HTTP/1.1"
    server: ThreadingHTTPServer

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        if self.path != "/graphql":  # how the client does: nobody's business
            self.answer("{}")
            return
        asked = json.loads(body)
        named = re.search(r"(?:query|mutation)\s+(\w+)", asked["query"])
        self.answer(json.dumps({"data": self.data(named[1] if named else "", asked.get("variables") or {})}))

    def do_GET(self) -> None:
        is_history = self.path.startswith("/history")
        self.send(history_file() if is_history else json.dumps(METADATA).encode(), "application/octet-stream")

    def do_HEAD(self) -> None:
        self.do_GET()

    def data(self, query: str, variables: dict[str, Any]) -> dict[str, Any]:
        name = variables.get("name") or variables.get("run")
        found = run(str(name)) if name in RUNS else None
        if query == "Viewer":
            viewer = {"id": "1", "entity": "search", "username": "ann", "email": "ann@shop.example"}
            return {"viewer": {**viewer, "flags": "{}", "teams": {"edges": []}}}
        if query == "RunFiles":
            address = f"http://127.0.0.1:{self.server.server_port}/metadata"
            file = {
                "id": "1",
                "name": "wandb-metadata.json",
                "url": address,
                "directUrl": address,
                "sizeBytes": 1,
            }
            file |= {
                "size": "1",
                "mimetype": "application/json",
                "md5": "",
                "updatedAt": "",
                "storagePath": "m",
            }
            files = {"edges": [{"node": file, "cursor": "1"}], "pageInfo": LAST}
            return {"project": {"internalId": "1", "run": {"fileCount": 1, "files": files}}}
        if query == "RunOutputArtifacts":
            edges = [{"node": node, "cursor": "1"} for node in ARTIFACTS]
            outputs = {"totalCount": len(edges), "pageInfo": LAST, "edges": edges}
            return {"project": {"run": {"artifacts": outputs}}}
        if query == "RunHistoryKeys":
            return {"project": {"run": {"historyKeys": {"lastStep": 5, "keys": {"loss": {}}}}}}
        if query == "RunParquetHistory":
            urls = [f"http://127.0.0.1:{self.server.server_port}/history.parquet"]
            return {"project": {"run": {"parquetHistory": {"parquetUrls": urls, "liveData": []}}}}
        return {"project": {"id": "1", "internalId": "1", "run": found}} if query == "Run" else {}

    def answer(self, text: str) -> None:
        self.send(text.encode(), "application/json")

    def send(self, body: bytes, kind: str) -> None:
        """Answer with bytes, or with the part of them that was asked for."""
        asked = re.fullmatch(r"bytes=(\d+)-(\d*)", self.headers.get("Range", ""))
        part = body
        if asked:
            start, end = int(asked[1]), int(asked[2] or len(body) - 1)
            part = body[start : end + 1]
        self.send_response(206 if asked else 200)
        if asked:
            self.send_header("Content-Range", f"bytes {start}-{start + len(part) - 1}/{len(body)}")
        self.send_header("Accept-Ranges", "bytes")
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(part)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(part)

    def log_message(self, *_said: Any) -> None:
        """Say nothing."""


@contextmanager
def wandb_server() -> Iterator[str]:
    """Run the server on the loopback for a while, and give its address."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), Answers)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
