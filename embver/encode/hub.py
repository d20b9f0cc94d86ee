"""Fetch a model from the hub at one commit, through huggingface_hub and into its ordinary cache."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

from embver.encode.modules import read_chain
from embver.encode.plain_files import read_json
from embver.encode.weights import PICKLED, SAFE, weight_files
from embver.errors import EncodeError, MissingExtra, UsageError

COMMIT: Final = re.compile(r"[0-9a-f]{40}")

_SMALL: Final = ("*.json", "*.txt", "*.model")  # configs, modules, tokenizers, indexes of shards
_CODE: Final = ("*.py",)
_ELSEWHERE: Final = ("onnx/*", "openvino/*", "*/onnx/*", "*/openvino/*", "coreml/*", "*.msgpack", "runs/*")


def fetch_model(
    name: str,
    commit: str,
    *,
    card_path: str,
    wants_weights: bool = True,
    allow_pickle: bool = False,
    trust_remote_code: bool = False,
    may_fetch: bool = True,
) -> Path:
    """Return the folder of a hub's model at a commit, fetched where it is not in the cache yet.

    Only what an encode reads is fetched. With `may_fetch` false, or offline, the cache alone is asked. Where the hub is,
    and whether it may be asked, is the library's affair (HF_ENDPOINT, HF_HUB_OFFLINE, HF_HOME, HF_TOKEN).
    Raise EncodeError if there is no such model, commit or file; UsageError, naming the commit, for a branch or a tag.
    """
    if not COMMIT.fullmatch(commit):
        raise _moving(name, commit, card_path=card_path, may_fetch=may_fetch)
    small = (*_SMALL, *(_CODE if trust_remote_code else ()))

    def snapshot(patterns: Sequence[str]) -> Path:
        return _snapshot(name, commit, patterns, card_path=card_path, may_fetch=may_fetch)

    folder = snapshot(small)
    if wants_weights:
        chain = read_chain(folder)
        inner = f"{chain.inner}/" if chain and chain.inner else ""
        places = [inner, *(f"{layer.path}/" for layer in (chain.dense if chain else ()))]
        snapshot([f"{place}{file}" for place in places for file in (SAFE, *_shards(folder / place, SAFE))])
        if allow_pickle and not _has_safe(folder / inner):
            files = (PICKLED, *_shards(folder / inner, PICKLED))
            snapshot([f"{place}{file}" for place in places for file in files])
        weight_files(folder / inner, allow_pickle=allow_pickle, card_path=card_path)
    return folder


def _shards(folder: Path, name: str) -> tuple[str, ...]:
    index = folder / f"{name}.index.json"
    listed = read_json(index).get("weight_map") if index.is_file() else None
    return tuple(sorted({str(shard) for shard in listed.values()})) if isinstance(listed, dict) else ()


def _has_safe(folder: Path) -> bool:
    try:
        return bool(weight_files(folder))
    except EncodeError:
        return False


def _snapshot(name: str, commit: str, patterns: Sequence[str], *, card_path: str, may_fetch: bool) -> Path:
    with _quiet_hub() as hub:
        try:
            found = hub.snapshot_download(
                name,
                revision=commit,
                allow_patterns=list(patterns),
                ignore_patterns=list(_ELSEWHERE),
                local_files_only=not may_fetch,
            )
        except (
            Exception
        ) as error:  # HTTP, names, cache and disk: the library has a class for each, and httpx more
            raise _failed(name, commit, error, card_path=card_path) from error
    return Path(found)


def _failed(name: str, commit: str, error: Exception, *, card_path: str) -> EncodeError:
    kind = type(error).__name__
    where = f"{card_path}: {name} at {commit}"
    if kind in ("RepositoryNotFoundError", "HFValidationError"):
        return EncodeError(
            f"{card_path}.id: the hub has no model {name}, or not for you", hint="hf auth login"
        )
    if kind == "GatedRepoError":
        return EncodeError(f"{where}: the hub asks for its terms to be accepted first", hint="hf auth login")
    if kind == "RevisionNotFoundError":
        return EncodeError(f"{card_path}.revision: {name} has no commit {commit}")
    if kind in ("LocalEntryNotFoundError", "IncompleteSnapshotError", "OfflineModeIsEnabled"):
        return EncodeError(
            f"{where} is not whole in the hub's cache, and the hub cannot be reached",
            hint=f"where there is a network: hf download {name} --revision {commit}",
        )
    said = " ".join(str(error).split()) or kind
    return EncodeError(f"{where} cannot be fetched: {said}")


def commit_of(name: str, revision: str) -> str | None:
    """Return the commit that a branch or a tag of a hub's model points to now; None if the hub does not tell."""
    with _quiet_hub() as hub:
        try:
            return str(hub.HfApi().model_info(name, revision=revision).sha)
        except (
            Exception
        ):  # offline, no such model, no such branch: whoever asks says what is wrong all the same
            return None


def _moving(name: str, revision: str, *, card_path: str, may_fetch: bool) -> UsageError:
    """Return the error for a branch, a tag or a short commit, which says where it points to now if the hub tells."""
    now = commit_of(name, revision) if may_fetch else None
    told = f", {now} now" if now else ""
    hint = f"revision: {now}" if now else "revision: the full commit, 40 hexadecimal digits"
    return UsageError(
        f"{card_path}.revision: {revision!r} is a name that can move{told}; a version names a commit",
        hint=hint,
    )


@contextmanager
def _quiet_hub() -> Iterator[Any]:
    """Yield huggingface_hub with its log held back: what matters is checked and raised."""
    try:
        import huggingface_hub
    except ImportError as error:
        raise MissingExtra("encode", needed_for="models of a hub") from error
    import huggingface_hub.utils.logging

    logging: Any = huggingface_hub.utils.logging  # its functions have no types
    verbosity = logging.get_verbosity()
    logging.set_verbosity_error()
    try:
        yield huggingface_hub
    finally:
        logging.set_verbosity(verbosity)
