"""Tell a tracker which released version came of a run: tags on the run and on the registered models made from it.

A version is released without it: whatever the tracker answers, nothing is taken back.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from embver.actions.import_mlflow import needs_client, open_store
from embver.actions.workspace import Source, Workspace
from embver.card import card_digest
from embver.errors import EmbverError, UsageError
from embver.exchange import mlflow_client, mlflow_rest
from embver.exchange.mlflow import RUN_ID, SOURCE, split_reference
from embver.intake import AbsentError, MalformedError
from embver.privacy import without_credentials
from embver.store.process import clean_environment

TRACKERS: Final = (SOURCE,)


@dataclass(frozen=True, slots=True, kw_only=True)
class NotifyReport:
    """What a tracker is told of a version; `told` are the run and the model versions that carry the tags now."""

    reference: str
    tracker: str
    uri: str
    tags: Mapping[str, str]
    told: tuple[str, ...]

    def to_plain(self) -> dict[str, Any]:
        """Return the stable keys of `embver notify --json`."""
        return {
            "reference": self.reference,
            "tracker": self.tracker,
            "uri": self.uri,
            "tags": dict(self.tags),
            "told": list(self.told),
        }


def check_run(work: Workspace, source: Source) -> str:
    """Return the URI of the run that a card names; raise UsageError where nobody could be told."""
    run = (work.card(source).plain.get("training") or {}).get("run") or {}
    tracker, uri = run.get("tracker"), run.get("uri")
    name = source.reference.partition("@")[0]
    if not uri:
        raise UsageError(
            f"{source.reference} names no run of a tracker: there is nobody to tell",
            hint=f"embver import mlflow TRACKING-URI#RUN-ID --into {name}@next, before the release",
        )
    if tracker not in TRACKERS:
        raise UsageError(f"{source.reference} was logged to {tracker}: only mlflow can be told")
    if not RUN_ID.fullmatch(split_reference(str(uri))[1]):
        raise UsageError(
            f"{uri} does not name a run of MLflow", hint="training.run.uri: mlflow:TRACKING-URI#RUN-ID"
        )
    return str(uri)


def notify(work: Workspace, reference: str, *, is_dry_run: bool = False) -> NotifyReport:
    """Write the tags; raise UsageError for a version that is not released, EmbverError where the tracker is not well."""
    source = work.source(reference)
    if source.release is None:
        raise UsageError(
            f"{source.reference} is not released: a tracker is told of what does not change any more",
            hint=f"embver release {source.reference.partition('@')[0]} --push --notify mlflow",
        )
    uri = check_run(work, source)
    tags = _tags(work, source)
    told = () if is_dry_run else _tell(work, uri, tags)
    return NotifyReport(reference=source.reference, tracker=SOURCE, uri=uri, tags=tags, told=told)


def _tags(work: Workspace, source: Source) -> dict[str, str]:
    plain = work.card(source).plain
    release = source.release
    assert release is not None
    tags = {
        "embver.version": release.reference,
        "embver.card_digest": release.card_digest or card_digest(plain),
    }
    repository = _repository(work, plain)
    return {**tags, "embver.repo": repository} if repository else tags


def _repository(work: Workspace, plain: Mapping[str, Any]) -> str | None:
    """Return where others find the repository: as settings or card say, or its remote, if that is not somebody's disk."""
    said = work.settings.site.get("repository") or (plain.get("links") or {}).get("repository")
    if said:
        return str(said)
    if work.settings.remote not in work.repo.remotes():
        return None
    url = work.repo.git("remote", "get-url", work.settings.remote).strip()
    is_away = ("://" in url and not url.startswith("file://")) or ("@" in url and ":" in url)
    return str(without_credentials(url)) if is_away else None


def _tell(work: Workspace, uri: str, tags: Mapping[str, str]) -> tuple[str, ...]:
    environment = clean_environment()
    place, run = split_reference(uri)
    store = open_store(place, work.repo.root, work.repo.root, environment)
    try:
        if store.path is None and not needs_client(store, environment):
            return mlflow_rest.set_tags(mlflow_rest.Server.at(store.address, environment), run, tags)
        address = store.address
        if store.path is not None:
            address = (
                f"sqlite:///{store.path.absolute()}" if store.path.is_file() else str(store.path.absolute())
            )
        return mlflow_client.set_tags(address, run, tags)
    except AbsentError as error:
        raise UsageError(str(error), hint=error.hint or "was the run deleted?") from error
    except MalformedError as error:
        raise EmbverError(str(error), hint=error.hint) from error
