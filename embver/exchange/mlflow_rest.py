"""A run of an MLflow tracking server, by its REST interface and with the standard library alone.

The interface is documented and stable (`/api/2.0/mlflow`); it gives all that the client does, some seconds sooner.
"""

from __future__ import annotations

import json
import time
from base64 import b64encode
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from http.client import HTTPException, HTTPResponse
from typing import Any, Final
from urllib.error import HTTPError, URLError
from urllib.parse import unquote, urlencode, urlsplit, urlunsplit
from urllib.request import HTTPRedirectHandler, OpenerDirector, Request, build_opener

from embver.errors import EmbverError
from embver.exchange.mlflow import Run
from embver.exchange.mlflow_plain import points_of, run_of
from embver.exchange.tracked_metrics import Point
from embver.intake import AbsentError, MalformedError

_API: Final = "/api/2.0/mlflow"
_TRIES: Final = 2
_PAUSE_S: Final = 0.5
_PAGE: Final = 25_000  # values of a metric at a time: the most that MLflow gives
_PAGES: Final = 40
_LARGEST_BYTES: Final = 32 << 20
_PIECE_BYTES: Final = 1 << 18


class _NoRedirects(HTTPRedirectHandler):
    """Follow none: urllib would hand the credentials to wherever the answer points."""

    def redirect_request(self, *_given: Any) -> None:
        """Return nothing: the redirect becomes an error."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Server:
    """A tracking server. `base` is its address without credentials; `timeout_s` holds for one try."""

    base: str
    authorization: str | None = None
    timeout_s: float = 5.0

    @classmethod
    def at(cls, address: str, environment: Mapping[str, str]) -> Server:
        """Return the server at an address; the name and password or the token come from it or from MLflow's settings."""
        parts = urlsplit(address)
        user, password = unquote(parts.username or ""), unquote(parts.password or "")
        host = parts.netloc.rpartition("@")[2]
        user = user or environment.get("MLFLOW_TRACKING_USERNAME", "")
        password = password or environment.get("MLFLOW_TRACKING_PASSWORD", "")
        token = environment.get("MLFLOW_TRACKING_TOKEN")
        authorization = f"Bearer {token}" if token else None
        if user:
            authorization = f"Basic {b64encode(f'{user}:{password}'.encode()).decode()}"
        said = environment.get("MLFLOW_HTTP_REQUEST_TIMEOUT", "")
        return cls(
            base=urlunsplit((parts.scheme, host, parts.path.rstrip("/"), "", "")),
            authorization=authorization,
            timeout_s=float(said) if said.isdecimal() and int(said) else 5.0,
        )

    def get(self, path: str, query: Mapping[str, str | int]) -> Any:
        """Return what the server answers; AbsentError for what it does not have, EmbverError where it is not well."""
        return self._ask(Request(f"{self.base}{_API}/{path}?{urlencode(query)}"))  # noqa: S310 (http or https: `is_web`)

    def post(self, path: str, body: Mapping[str, Any]) -> Any:
        """Send something; the same errors."""
        sent = json.dumps(body).encode()
        return self._ask(Request(f"{self.base}{_API}/{path}", data=sent, method="POST"))  # noqa: S310

    def _ask(self, request: Request) -> Any:
        request.add_header("Accept", "application/json")
        request.add_header("Content-Type", "application/json")
        if self.authorization:
            request.add_unredirected_header("Authorization", self.authorization)
        opener = build_opener(_NoRedirects)
        said = ""
        for number in range(_TRIES):
            if number:
                time.sleep(_PAUSE_S)
            try:
                return self._answer(opener, request)
            except HTTPError as error:
                if error.code not in (429, 502, 503, 504):
                    raise self._refusal(error) from error
                said = f"it answers {error.code} {error.reason}"
            except (URLError, HTTPException, OSError) as error:
                reason = getattr(error, "reason", None) or error
                is_slow = isinstance(reason, TimeoutError)
                said = f"no answer in {self.timeout_s:g} s" if is_slow else str(reason)
        hint = f"look at {self.base} in a browser; a slow server: MLFLOW_HTTP_REQUEST_TIMEOUT=60"
        raise EmbverError(f"the MLflow server at {self.base} cannot be asked: {said}", hint=hint)

    def _answer(self, opener: OpenerDirector, request: Request) -> Any:
        ends = time.monotonic() + self.timeout_s
        with opener.open(request, timeout=self.timeout_s) as response:
            body = self._body(response, ends)
        return self._plain(body)

    def _body(self, response: HTTPResponse, ends: float) -> bytes:
        pieces, size_bytes = [], 0
        while piece := response.read1(_PIECE_BYTES):
            size_bytes += len(piece)
            if size_bytes > _LARGEST_BYTES:
                raise MalformedError(
                    self.base,
                    f"the answer is larger than {_LARGEST_BYTES >> 20} MiB",
                    hint="is it an MLflow tracking server?",
                )
            if time.monotonic() > ends:  # a byte now and then keeps a connection alive for ever
                raise TimeoutError
            pieces.append(piece)
        return b"".join(pieces)

    def _plain(self, body: bytes) -> Any:
        try:
            return json.loads(body)
        except (ValueError, RecursionError) as error:
            raise MalformedError(
                self.base,
                "the answer is no JSON, so this is no MLflow tracking server",
                hint="give the address that MLFLOW_TRACKING_URI would have",
            ) from error

    def _refusal(self, error: HTTPError) -> Exception:
        body = error.read(1 << 16)
        try:
            plain = json.loads(body)
        except ValueError:
            plain = {}
        said = plain.get("message") if isinstance(plain, dict) else None
        code = plain.get("error_code") if isinstance(plain, dict) else None
        if code == "RESOURCE_DOES_NOT_EXIST":
            return AbsentError(f"{self.base}: {said}")
        if error.code in (401, 403):
            return EmbverError(
                f"the MLflow server at {self.base} does not let you in ({error.code})",
                hint="set MLFLOW_TRACKING_TOKEN, or MLFLOW_TRACKING_USERNAME and MLFLOW_TRACKING_PASSWORD",
            )
        if 300 <= error.code < 400:
            to = error.headers.get("Location", "elsewhere")
            return EmbverError(f"{self.base} sends you to {to}", hint="give the address it sends you to")
        if code is None:
            return MalformedError(
                self.base,
                f"answers {error.code} {error.reason}, and not as MLflow does",
                hint="give the address that MLFLOW_TRACKING_URI would have",
            )
        return EmbverError(f"the MLflow server at {self.base} says {error.code} {code}: {said}")


def is_web(uri: str) -> bool:
    """Tell whether a tracking URI is a server's address."""
    return uri.startswith(("http://", "https://"))


def read_run(server: Server, run: str, keys: Sequence[str]) -> Run:
    """Return a run with all values of some metrics; raise AbsentError, MalformedError or EmbverError."""
    plain = server.get("runs/get", {"run_id": run})
    found = plain.get("run") if isinstance(plain, dict) else None
    if found is None:
        raise MalformedError(server.base, "the answer holds no run", hint="is it an MLflow tracking server?")
    place = f"{server.base}#{run}"
    known = run_of(found, place=place).metrics
    series = {key: _history(server, run, key) for key in keys if key in known}
    return run_of(found, place=place, registered=registered_of(server, run), series=series)


def registered_of(server: Server, run: str) -> tuple[str, ...]:
    """Return the versions of registered models that come from a run, NAME/VERSION; none where there is no registry."""
    try:
        plain = server.get("model-versions/search", {"filter": f"run_id='{run}'", "max_results": 100})
        return tuple(f"{entry['name']}/{entry['version']}" for entry in plain.get("model_versions") or ())
    except (AbsentError, EmbverError, MalformedError, AttributeError, KeyError, TypeError):
        return ()


def set_tags(server: Server, run: str, tags: Mapping[str, str]) -> tuple[str, ...]:
    """Tag a run and the registered models made from it; return what was tagged. Raises AbsentError or EmbverError."""
    for key, value in tags.items():
        server.post("runs/set-tag", {"run_id": run, "key": key, "value": value})
    versions = registered_of(server, run)
    for version in versions:
        name, _, number = version.rpartition("/")
        for key, value in tags.items():
            server.post(
                "model-versions/set-tag", {"name": name, "version": number, "key": key, "value": value}
            )
    return (f"run {run}", *(f"models:/{version}" for version in versions))


def _history(server: Server, run: str, key: str) -> list[Point]:
    points: list[Point] = []
    token = ""
    place = f"{server.base}#{run}, metric {key}"
    for _ in range(_PAGES):
        query: dict[str, str | int] = {"run_id": run, "metric_key": key, "max_results": _PAGE}
        if token:
            query["page_token"] = token
        plain = server.get("metrics/get-history", query)
        points += points_of(plain.get("metrics") or [], place=place)
        token = plain.get("next_page_token") or ""
        if not token:
            return points
    raise EmbverError(f"{place}: more than {_PAGES * _PAGE:,} values; take the last one: {key}:last")
