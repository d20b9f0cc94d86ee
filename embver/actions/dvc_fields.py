"""From what DVC or Git LFS keeps to fields of the card: a data set, the corpus, or a model's folder."""

from __future__ import annotations

import posixpath
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from embver.actions.dvc_reading import Reference
from embver.errors import UsageError
from embver.exchange import dvc
from embver.exchange.dvc_config import Remotes
from embver.intake import LeftOut, Taken

Found = tuple[list[Taken], list[LeftOut]]


@dataclass(frozen=True, slots=True, kw_only=True)
class PlaceOfEntries:
    """Where outputs were found: at which commit, of which repository (None: the card's own), and its remotes."""

    reference: Reference
    remotes: Remotes
    address: str | None = None
    tracker: str = "dvc"

    def uri(self, path: str) -> str:
        """Return what pins a path: `dvc:PATH@COMMIT`, or `dvc:REPOSITORY@COMMIT:PATH` in another repository."""
        commit = self.reference.commit
        body = f"{path}@{commit}" if self.address is None else f"{self.address}@{commit}:{path}"
        return f"{self.tracker}:{body}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Entries:
    """Makes fields of one card from outputs."""

    card: Mapping[str, Any]
    options: Mapping[str, str]
    place: PlaceOfEntries

    def of(self, out: dvc.Output) -> Found:
        """Return the fields for an output, by `field_of`."""
        field = self.field_of(out)
        if field == "model":
            return self._model(out)
        if field == "corpus":
            return self._corpus(out)
        return self.data(out, tracker=self.place.tracker, pointer=out)

    def field_of(self, out: dvc.Output) -> str:
        """Return what of the card an output is: what somebody says, what names its path already, else data."""
        if "field" in self.options:
            return self.options["field"]
        if self.is_model((out,)):
            return "model"
        return "corpus" if self._is_at(out, self.card.get("corpus")) else "data"

    def is_model(self, outputs: Sequence[dvc.Output]) -> bool:
        """Tell whether one of some outputs is, or holds, a model of the card's encoders, or is meant as one."""
        return self.options.get("field") == "model" or any(self.encoders_at(out) for out in outputs)

    def data(self, out: dvc.Output, *, tracker: str, pointer: dvc.Output | None) -> Found:
        """Return the entry of `training.data`; raise UsageError where its name belongs to another data set."""
        listed = (self.card.get("training") or {}).get("data") or ()
        known = next((entry for entry in listed if self._is_at(out, entry)), None)
        name = self.options.get("name") or str((known or {}).get("name") or _name_of(out.path))
        other = next((entry for entry in listed if entry.get("name") == name and entry is not known), None)
        if other is not None and other.get("uri") is not None:
            raise UsageError(
                f"training.data[{name}] is another data set: {other['uri']}", hint="--set name=ANOTHER"
            )
        where = ("training", "data", ("name", name))
        uri = out.path if self.place.address is None else self.place.uri(out.path)
        kept = known.get("uri") if known is not None else None
        remote = self.place.remotes.place(pointer.remote if pointer else None) if pointer else None
        entry = {
            "name": name,
            "version": self.place.reference.tag,
            "uri": kept or uri,
            "tracked_by": tracker,
            "digest": out.digest if tracker == self.place.tracker else None,
            "size_bytes": out.size_bytes,
            "files": out.files,
            "remote": remote,
            "role": self.options.get("role"),
        }
        value = {key: value for key, value in entry.items() if value is not None}
        taken = [Taken(where=where, value=value, origin=_origin(out)), *_upstream(pointer)]
        return taken, _lost(out, is_kept=tracker == self.place.tracker)

    def _corpus(self, out: dvc.Output) -> Found:
        value = {
            "version": self.place.reference.tag,
            "uri": (self.card.get("corpus") or {}).get("uri") or out.path,
            "tracked_by": self.place.tracker,
            "digest": out.digest,
        }
        value = {key: each for key, each in value.items() if each is not None}
        left = _lost(out)
        if out.size_bytes is not None:
            left.append(LeftOut(what=f"{out.path}: size", why="a card's corpus has no field for it"))
        return [Taken(where=("corpus",), value=value, origin=_origin(out)), *_upstream(out)], left

    def _model(self, out: dvc.Output) -> Found:
        modalities = self.modalities_of(out)
        known = tuple(self.card.get("encoders") or {})
        if not modalities or any(modality not in known for modality in modalities):
            raise UsageError(
                f"no encoder of the card has its model at {out.path}: say whose model it is",
                hint=f"--set modality={','.join(known) or 'image'}",
            )
        taken = []
        for modality in modalities:
            own = str(((self.card["encoders"][modality] or {}).get("model") or {}).get("path") or "").strip(
                "/"
            )
            value = {
                "path": own or out.path,
                "tag": self.place.reference.tag,
                "tracked_by": self.place.tracker,
                "digest": out.digest if own in ("", out.path) else None,
            }
            value = {key: each for key, each in value.items() if each is not None}
            taken.append(Taken(where=("encoders", modality, "model"), value=value, origin=_origin(out)))
        why = "`embver encode` writes the SHA-256 of the weights from their bytes; DVC knows their md5 only"
        lost = [LeftOut(what="encoders.*.weights", why=why)] if self.place.tracker == "dvc" else []
        return [*taken, *_upstream(out)], [*_lost(out), *lost]

    def modalities_of(self, out: dvc.Output) -> tuple[str, ...]:
        """Return the encoders that a model is of: those that name its path, else those that somebody names."""
        asked = tuple(name.strip() for name in self.options.get("modality", "").split(",") if name.strip())
        return self.encoders_at(out) or asked

    def path_of(self, modality: str) -> str:
        """Return the folder of an encoder's model, "" where the card names none."""
        encoder = (self.card.get("encoders") or {}).get(modality)
        model = (encoder.get("model") or {}) if isinstance(encoder, Mapping) else {}
        return str(model.get("path") or "").strip("/")

    def encoders_at(self, out: dvc.Output) -> tuple[str, ...]:
        """Return the encoders whose model's folder is an output, lies in it, or holds it."""
        paths = {modality: self.path_of(modality) for modality in self.card.get("encoders") or {}}
        return tuple(
            modality
            for modality, path in paths.items()
            if path and (f"{path}/".startswith(f"{out.path}/") or out.path.startswith(f"{path}/"))
        )

    def _is_at(self, out: dvc.Output, entry: Any) -> bool:
        uri = str((entry or {}).get("uri") or "").rstrip("/") if isinstance(entry, Mapping | None) else ""
        own = self.place.uri(out.path) if self.place.address is not None else out.path
        return uri in (own, f"{out.path}{dvc.SUFFIX}") or (uri == out.pointer and uri.endswith(dvc.SUFFIX))


def _origin(out: dvc.Output) -> str:
    return f"{out.pointer}:{out.stage}" if out.stage else out.pointer


def _name_of(path: str) -> str:
    return posixpath.basename(path).partition(".")[0] or posixpath.basename(path)


def _upstream(out: dvc.Output | None) -> list[Taken]:
    """Return where `dvc import` took an output from, as a record of its own."""
    source = out.upstream if out is not None else None
    if out is None or source is None:
        return []
    pinned = source.commit or source.revision
    uri = f"dvc:{source.url}@{pinned}:{source.path}" if pinned else source.url
    record = {"source": "dvc", "uri": uri, **({"version": source.revision} if source.revision else {})}
    return [Taken(where=("imported", ("uri", uri)), value=record, origin=out.pointer)]


def _lost(out: dvc.Output, *, is_kept: bool = True) -> list[LeftOut]:
    """Return what of an output's entry has no field in a card."""
    left = [LeftOut(what=f"{out.path}: {', '.join(out.unread)}", why="DVC's own")] if out.unread else []
    if out.digest is None:
        left.append(LeftOut(what=f"{out.path}: digest", why=f"{out.pointer} has no md5 of it"))
    elif not is_kept:
        why = f"{out.digest} is DVC's; Git keeps the file, and `embver validate` knows its SHA-256"
        left.append(LeftOut(what=f"{out.path}: digest", why=why))
    return left
