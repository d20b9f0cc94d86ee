"""Learn a map from one version's queries into another's space, say what it recovers, and keep it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from embver.actions.comparing import describe_probe, load_pair, load_rule, unusable
from embver.actions.sums import SUMS, sums_of
from embver.actions.workspace import CARD, Source, Workspace
from embver.digest import digest_plain
from embver.errors import EmbverError, IntegrityError, UsageError
from embver.levels import Verdict
from embver.store.cards import update_card
from embver.store.files import write_atomic

if TYPE_CHECKING:
    from embver.measure.bridge import Bridge, Method
    from embver.measure.bridging import Learned
    from embver.measure.rule import Rule
    from embver.measure.sides import ProbeVectors
    from embver.measure.versions import Meeting

FORMAT = "embver.bridge.v1"
FOLDER = "bridges"
ROLE = "bridge"


@dataclass(frozen=True, slots=True, kw_only=True)
class BridgeRequest:
    """What `embver bridge` was asked: `old` is the version whose index stays."""

    old: str
    new: str
    method: Method | None = None
    out: Path | None = None
    save: bool = False


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class BridgeReport:
    """What the bridges recover: `verdict` with them, `without` them, each stratum's record, and why some are none."""

    old: str
    new: str
    verdict: Verdict
    without: Verdict
    learned: Mapping[str, Learned]
    strata: tuple[Mapping[str, Any], ...]
    reasons: tuple[str, ...]
    missing: tuple[str, ...]
    probe: Mapping[str, Any]
    arr_needed: float
    file: str | None = None

    @property
    def bridges(self) -> dict[str, Bridge]:
        """Return the maps by the modality of the queries."""
        return {modality: found.bridge for modality, found in self.learned.items()}

    def to_plain(self) -> dict[str, Any]:
        """Return the stable keys of `embver bridge --json`."""
        return {
            "a": self.old,
            "b": self.new,
            "verdict": self.verdict.word,
            "without_bridge": self.without.word,
            "bridges": [
                {
                    "modality": modality,
                    "method": found.bridge.method,
                    "dimensions": list(found.bridge.dimensions),
                    "fitted": len(found.fitted_ids),
                    "held_out": len(found.held_out_ids),
                    "tried": dict(found.tried),
                }
                for modality, found in self.learned.items()
            ],
            "strata": [dict(stratum) for stratum in self.strata],
            "reasons": list(self.reasons),
            "missing": list(self.missing),
            "probe": dict(self.probe),
            "file": self.file,
        }


def bridge(work: Workspace, request: BridgeRequest) -> BridgeReport:
    """Learn the bridges from `new`'s queries to `old`'s index, judge them, and keep them where that was asked.

    Raises EmbverError saying why where that cannot be done; nothing is written then.
    """
    first, second = work.source(request.old), work.source(request.new)
    _check_place(request, first, second)
    pair = load_pair(work, first, second)
    if isinstance(pair, str):
        raise EmbverError(
            f"no bridge can be learned: {pair}", hint="versions whose probe sets have items in common"
        )
    rule = load_rule(work)
    report, data = _learn(work, pair, request, rule)
    if not report.learned:
        if request.out is not None or request.save:
            raise EmbverError(f"no bridge can be learned: {report.missing[0]}", hint="a larger probe set")
        return report
    if request.out is not None:
        write_atomic(request.out, data)
        return _with_file(report, str(request.out))
    if request.save:
        return _with_file(report, _save(work, first, second, data))
    return report


def load_bridges(path: Path) -> tuple[dict[str, Bridge], dict[str, str]]:
    """Return the maps of a bridge file by the modality of their queries, and what the file says of itself.

    Raises IntegrityError if it is no such file.
    """
    import numpy as np

    from embver.measure.bridge import METHODS, Bridge
    from embver.store.vectors import read_metadata, read_tensors

    said, tensors = read_metadata(path), read_tensors(path)
    if said.get("format") != FORMAT:
        raise IntegrityError(f"{path.name} is no bridge of embver", hint="embver bridge A B --out FILE")
    found: dict[str, Bridge] = {}
    for modality in sorted(name.partition(".")[0] for name in tensors if name.endswith(".target_mean")):
        arrays = {
            part: np.array(tensors[f"{modality}.{part}"], dtype=np.float64)
            for part in ("source_mean", "target_mean", "matrix")
            if f"{modality}.{part}" in tensors
        }
        method = next((known for known in METHODS if known == said.get(f"{modality}.method")), None)
        if method is None or "source_mean" not in arrays:
            raise IntegrityError(f"{path.name}: the bridge of {modality} queries is not whole")
        found[modality] = Bridge(
            method=method,
            source_mean=arrays["source_mean"][0],
            target_mean=arrays["target_mean"][0],
            matrix=arrays.get("matrix"),
            normalise=said.get(f"{modality}.normalise") == "true",
        )
    return found, said


def _learn(
    work: Workspace, pair: tuple[ProbeVectors, ProbeVectors], request: BridgeRequest, rule: Rule
) -> tuple[BridgeReport, bytes]:
    from embver.measure.record import bridge_record
    from embver.measure.versions import learn_bridges, measure_versions, with_bridges

    old, new = pair
    try:
        plain = measure_versions(old, new, rule=rule, bridges=False, diagnose=False)
        learned, missing = learn_bridges(old, new, rule=rule, method=request.method)
    except ValueError as error:
        raise unusable(old, new, error) from error
    meeting = with_bridges(plain, learned, rule)
    strata = tuple(
        {"query": each.query_modality, "document": each.document_modality, **bridge_record(each)}
        for found in learned.values()
        for each in found.strata
    )
    probe = describe_probe(old, new)
    report = BridgeReport(
        old=old.reference,
        new=new.reference,
        verdict=meeting.verdict,
        without=plain.verdict,
        learned=learned,
        strata=strata,
        reasons=_reasons(plain, learned, rule),
        missing=missing,
        probe=probe,
        arr_needed=rule.bridged_arr,
    )
    return report, _file(work, report, rule) if learned else b""


def _reasons(plain: Meeting, learned: Mapping[str, Learned], rule: Rule) -> tuple[str, ...]:
    """Return what the bridges are worth, stratum by stratum, as sentences; and that none is needed where none is."""
    from embver.measure.routes import bridge_words

    if plain.verdict.is_safe:
        return (f"no bridge is needed: the versions are {plain.verdict.word}",)
    words = []
    for found in learned.values():
        for each in found.strata:
            name = f"{each.query_modality} -> {each.document_modality}"
            said = bridge_words(each, rule)
            words += [
                f"{name}: {word}" for word in said[1:] or said
            ]  # the table has the numbers of the first
    return tuple(words)


def _file(work: Workspace, report: BridgeReport, rule: Rule) -> bytes:
    """Return the bytes of a bridge file: the maps in float32, and from where to where, fitted on what."""
    from embver.store.vectors import stream_tensors

    cards = {side: work.card(work.source(side)).plain for side in (report.old, report.new)}
    said = {
        "format": FORMAT,
        "to": report.old,
        "to_space": str(cards[report.old].get("fingerprint", "")),
        "from_space": str(cards[report.new].get("fingerprint", "")),
        "probe": str(report.probe["digest"]),
        "rule_version": str(rule.rule_version),
    }
    if not report.new.endswith("@next"):
        said["from"] = (
            report.new
        )  # a working version has no name yet that lasts: its folder and its space say it
    tensors = {}
    for modality, found in report.learned.items():
        made = found.bridge
        said[f"{modality}.method"] = made.method
        said[f"{modality}.normalise"] = "true" if made.normalise else "false"
        said[f"{modality}.fitted"] = digest_plain(sorted(found.fitted_ids))
        said[f"{modality}.held_out"] = digest_plain(sorted(found.held_out_ids))
        arrays = {"source_mean": made.source_mean[None], "target_mean": made.target_mean[None]}
        if made.matrix is not None:
            arrays["matrix"] = made.matrix
        for part, rows in arrays.items():
            tensors[f"{modality}.{part}"] = ((rows.shape[0], rows.shape[1]), "float32", [rows])
    return b"".join(stream_tensors(tensors, metadata=said))


def _check_place(request: BridgeRequest, old: Source, new: Source) -> None:
    """Raise UsageError before anything is learned if the result could not be kept where it is wanted."""
    if request.out is not None and request.out.exists():
        raise UsageError(f"{request.out} exists already", hint="another file, or remove it")
    if request.out is not None and not request.out.parent.is_dir():
        raise UsageError(f"{request.out.parent} is no folder", hint=f"mkdir -p {request.out.parent}")
    if not request.save:
        return
    name = new.reference.partition("@")[0]
    if new.revision is not None:
        raise UsageError(
            f"{new.reference} is released, and a released folder is frozen",
            hint=f"embver bridge {old.reference} {new.reference} --out FILE",
        )
    if old.release is None or old.release.name != name:
        raise UsageError(
            f"a bridge in {name}@next leads to a release of {name}, not to {old.reference}",
            hint=f"embver bridge {old.reference} {new.reference} --out FILE",
        )


def _save(work: Workspace, old: Source, new: Source, data: bytes) -> str:
    """Put the bridge into `next/` as an artifact: bytes in the LFS store, pointer, sums, and the card last."""
    assert old.release is not None
    path = f"{FOLDER}/{old.release.version}.safetensors"
    card = work.card(new)
    pointer = work.lfs.put([data])
    entry = {"path": path, "role": ROLE, "sha256": pointer.sha256, "size_bytes": pointer.size_bytes}
    artifacts = [dict(known) for known in card.plain["artifacts"] if known["path"] != path] + [entry]
    file = work.path(new.folder, path)
    file.parent.mkdir(parents=True, exist_ok=True)
    write_atomic(file, pointer.format())
    write_atomic(work.path(new.folder, SUMS), sums_of(artifacts))
    text = work.path(new.folder, CARD)
    write_atomic(text, update_card(text.read_bytes().decode(), [(("artifacts",), artifacts)]).encode())
    work.repo.stage([f"{new.folder}/{each}" for each in (path, SUMS, CARD)])
    return f"{new.folder}/{path}"


def _with_file(report: BridgeReport, file: str) -> BridgeReport:
    return replace(report, file=file)
