"""`embver import neptune`: what neptune-exporter wrote (its columns, by pyarrow), and what the client logged offline."""

from __future__ import annotations

import datetime
import decimal
import hashlib
import json
from pathlib import Path
from typing import Any

import pytest

from plain_versions import begin_plain, write_next
from sandbox import Said, Sandbox

pa = pytest.importorskip("pyarrow")
pq = pytest.importorskip("pyarrow.parquet")

pytestmark = pytest.mark.xdist_group("neptune")
METRICS = ("--set", "benchmark=shop", "--set")
PROJECT = "search/shop"
SCHEMA = pa.schema(
    [
        ("project_id", pa.string()),
        ("run_id", pa.string()),
        ("attribute_path", pa.string()),
        ("attribute_type", pa.string()),
        ("step", pa.decimal128(18, 6)),
        ("timestamp", pa.timestamp("ms", tz="UTC")),
        ("int_value", pa.int64()),
        ("float_value", pa.float64()),
        ("string_value", pa.string()),
        ("bool_value", pa.bool_()),
        ("datetime_value", pa.timestamp("ms", tz="UTC")),
        ("string_set_value", pa.list_(pa.string())),
        ("file_value", pa.struct([("path", pa.string())])),
        ("histogram_value", pa.struct([("type", pa.string()), ("edges", pa.list_(pa.float64()))])),
    ]
)
NOON = datetime.datetime(2025, 11, 2, 12, tzinfo=datetime.UTC)


def row(
    path: str, kind: str, *, run: str = "SHOP-7", step: float | None = None, at: int = 0, **values: Any
) -> Any:
    plain = dict.fromkeys(SCHEMA.names) | {"project_id": PROJECT, "run_id": run}
    plain |= {"attribute_path": path, "attribute_type": kind, **values}
    if step is not None:
        plain |= {"step": decimal.Decimal(str(step)), "timestamp": NOON + datetime.timedelta(seconds=at)}
    return plain


SCALARS = [
    row("parameters/lr", "float", float_value=1e-05),
    row("parameters/epochs", "int", int_value=3),
    row("parameters/amp", "bool", bool_value=True),
    row("parameters/optimizer/name", "string", string_value="adam"),
    row("parameters/data dir", "string", string_value="/home/ann/data"),
    row("parameters/decay", "float", float_value=float("nan")),
    row("accuracy", "float", float_value=0.75),
    row("notes/why", "string", string_value="because"),
    row("sys/owner", "string", string_value="ann"),
    row("sys/hostname", "string", string_value="gpu-box"),
    row("sys/failed", "bool", bool_value=False),
    row("sys/state", "string", string_value="inactive"),
    row("sys/creation_time", "datetime", datetime_value=NOON),
    row("sys/tags", "string_set", string_set_value=["paper", "v2"]),
    row("source_code/git/commit_id", "string", string_value="f" * 40),
    row("model/checkpoint", "file", file_value={"path": "files/SHOP-7/model/checkpoint.pt"}),
    row(
        "weights/hist", "histogram_series", step=0, histogram_value={"type": "COUNTING", "edges": [0.0, 1.0]}
    ),
]
# Not in order, one step written twice, and a value that is no number.
RECALL = [
    row("val/recall", "float_series", step=3, float_value=0.4375),
    row("val/recall", "float_series", step=1, float_value=0.25),
    row("val/recall", "float_series", step=2, float_value=0.125, at=1),
    row("val/recall", "float_series", step=2, float_value=0.5, at=2),
    row("monitoring/gpu", "float_series", step=1, float_value=93.0),
    row("val/loss", "float_series", step=1, float_value=float("inf")),
]
OTHER = [row("parameters/lr", "float", run="SHOP-8", float_value=0.5), row("sys/failed", "bool", run="SHOP-8", bool_value=True)]  # fmt: skip


def write(path: Path, rows: list[Any]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    pq.write_table(pa.Table.from_pylist(rows, schema=SCHEMA), path, compression="snappy")


@pytest.fixture(scope="module")
def repo(tmp_path_factory: pytest.TempPathFactory) -> Sandbox:
    """Return a repository with a working version, for imports that write nothing."""
    made = begin_plain(tmp_path_factory.mktemp("shop") / "repository")
    write_next(made)
    return made


@pytest.fixture
def export(tmp_path: Path) -> Path:
    """Return an export of two runs: one of two parts, one of one part that failed."""
    folder = tmp_path / "export"
    write(folder / "shop-0123456789abcdef/SHOP-7-0123456789abcdef_part_0.parquet", SCALARS)
    write(folder / "shop-0123456789abcdef/SHOP-7-0123456789abcdef_part_1.parquet", RECALL)
    write(folder / "shop-0123456789abcdef/SHOP-8-fedcba9876543210_part_0.parquet", OTHER)
    return folder


def part(export: Path, run: str, number: int) -> Path:
    return next(export.rglob(f"{run}*_part_{number}.parquet"))


def dry(repo: Sandbox, reference: object, *more: str) -> Any:
    return repo.embver("import", "neptune", str(reference), "--dry-run", "--json", *more).json


def refused(repo: Sandbox, reference: object, *more: str, code: int = 2) -> Said:
    said = repo.embver("import", "neptune", str(reference), *more, code=code)
    assert said.out == ""
    return said


def fields(report: Any) -> dict[str, Any]:
    return {entry["field"]: entry["value"] for entry in report["taken"]}


def left_out(report: Any) -> dict[str, str]:
    return {entry["what"]: entry["why"] for entry in report["left_out"]}


def test_a_run_of_an_export_is_taken_over(repo: Sandbox, export: Path) -> None:
    picks = "metrics=val/recall=hit@1:max,val/recall=last@1:last,accuracy:last"
    report = dry(repo, f"{export}#SHOP-7", *METRICS, picks, "--set", "tags=paper")
    uri = "neptune:search/shop#SHOP-7"
    assert report["uri"] == uri
    assert fields(report) == {
        "training.run": {"tracker": "neptune", "uri": uri},
        "training.hyperparameters.lr": 1e-05,
        "training.hyperparameters.epochs": 3,
        "training.hyperparameters.amp": True,
        "training.hyperparameters.optimizer/name": "adam",
        "training.code.commit": "f" * 40,
        "extra.neptune.files": {"model/checkpoint": "files/SHOP-7/model/checkpoint.pt"},
        "extra.neptune.tags": ["paper"],
        "benchmarks[shop]": {
            "id": "shop",
            "metrics": [
                {"key": "hit@1", "value": 0.5},
                {"key": "last@1", "value": 0.4375},
                {"key": "accuracy", "value": 0.75},
            ],
            "source": {"format": "neptune", "uri": uri},
            "notes": "hit@1 is the max of val/recall at step 2; last@1 is the last of val/recall at step 3; "
            "accuracy is the last of accuracy.",
        },
    }
    assert left_out(report) == {
        "attribute decay": "it is not a finite number",
        "attribute data dir": "it is a place on somebody's disk",
        "1 metric (val/loss)": "NaN or infinite at the end of the run",
        "1 attribute (notes/why)": "not known to be parameters; to take one: --set params=notes/why",
        "6 attributes (monitoring/gpu, sys/creation_time, sys/failed, sys/hostname, sys/owner, sys/state)": (
            "Neptune's own notes of who ran what where, and how busy the machine was"
        ),
        "1 attribute (weights/hist)": "a card holds no histogram series",
        "1 tag (v2)": "not asked for: --set tags=v2",
    }


def test_any_attribute_is_a_parameter_where_somebody_says_so(repo: Sandbox, export: Path) -> None:
    found = fields(dry(repo, f"{export}#{PROJECT}/SHOP-7", "--set", "params=notes/*,parameters/lr"))
    assert {key: value for key, value in found.items() if "hyperparameters" in key} == {
        "training.hyperparameters.parameters/lr": 1e-05,
        "training.hyperparameters.notes/why": "because",
    }


def test_the_card_is_valid_and_tells_the_file_where_it_is_one(
    repo: Sandbox, export: Path, tmp_path: Path
) -> None:
    own = begin_plain(tmp_path / "repository")
    write_next(own)
    own.embver("import", "neptune", f"{export}#SHOP-8", "--allow-failed")
    digest = hashlib.sha256(part(export, "SHOP-8", 0).read_bytes()).hexdigest()
    shown = own.embver("show", "plain@next", "--json").json["card"]
    assert shown["imported"] == [
        {"source": "neptune", "uri": "neptune:search/shop#SHOP-8", "digest": f"sha256:{digest}"}
    ]
    assert own.embver("validate").code == 0


def test_a_run_that_failed_or_was_not_exported_to_its_end_is_refused(repo: Sandbox, export: Path) -> None:
    assert "the run failed" in refused(repo, f"{export}#SHOP-8", code=1).err
    part(export, "SHOP-7", 0).unlink()
    said = refused(repo, f"{export}#SHOP-7", code=1).err
    assert "the export is not complete: part 0 is missing" in said
    assert "next: if it is what you want: --allow-failed" in said


def test_a_bad_file_of_another_run_is_told_and_the_rest_is_taken(repo: Sandbox, export: Path) -> None:
    torn = part(export, "SHOP-8", 0)
    torn.write_bytes(torn.read_bytes()[:-20])
    report = dry(repo, f"{export}#SHOP-7")
    assert [warning.partition(":")[0] for warning in report["warnings"]] == [torn.name]
    assert fields(report)["training.hyperparameters.epochs"] == 3


def test_a_bad_file_of_this_run_stops_it_by_name(repo: Sandbox, export: Path) -> None:
    torn = part(export, "SHOP-7", 1)
    torn.write_bytes(b"PAR1 and so on")
    said = refused(repo, f"{export}#SHOP-7", code=3).err
    assert f"{torn.name}: the file is damaged, or no Parquet" in said


def test_damage_among_the_rows_is_told_too(repo: Sandbox, export: Path) -> None:
    torn = part(export, "SHOP-7", 0)
    data = bytearray(torn.read_bytes())
    data[4:400] = b"\xff" * 396
    torn.write_bytes(data)
    assert torn.name in refused(repo, f"{export}#SHOP-7", code=3).err


def test_a_parquet_file_of_something_else_is_told(repo: Sandbox, tmp_path: Path) -> None:
    path = tmp_path / "other/shop_part_0.parquet"
    path.parent.mkdir()
    pq.write_table(pa.table({"run_id": ["SHOP-7"], "project_id": [PROJECT]}), path)
    said = refused(repo, f"{path.parent}#SHOP-7", code=3).err
    assert "shop_part_0.parquet: that is no file of a Neptune export: it has no column attribute_path" in said


def test_what_is_not_there_is_named_with_what_is(repo: Sandbox, export: Path, tmp_path: Path) -> None:
    said = refused(repo, f"{export}#SHOP-9").err
    assert "the export has no run SHOP-9" in said
    assert "there are: search/shop/SHOP-7, search/shop/SHOP-8" in said
    assert "say which run of" in refused(repo, export).err
    assert "Neptune's service has ended" in refused(repo, "search/shop#SHOP-7").err
    (tmp_path / "empty").mkdir()
    assert "there is no file of a Neptune export" in refused(repo, f"{tmp_path / 'empty'}#SHOP-7").err


def test_a_link_out_of_the_export_is_not_followed(repo: Sandbox, export: Path, tmp_path: Path) -> None:
    outside = tmp_path / "outside.parquet"
    write(outside, [row("parameters/secret plan", "string", string_value="geheim")])
    (export / "SHOP-7-0123456789abcdef_part_2.parquet").symlink_to(outside)
    assert "geheim" not in json.dumps(dry(repo, f"{export}#SHOP-7"))


def operation(kind: str, path: str, **values: Any) -> str:
    return json.dumps(
        {"obj": {"type": kind, "path": path.split("/"), **values}, "version": 3, "at": NOON.isoformat()}
    )


OFFLINE = [
    operation("AssignFloat", "params/lr", value=1e-05),
    operation("AssignBool", "sys/failed", value=False),
    operation("AssignString", "sys/hostname", value="gpu-box"),
    operation("AddStrings", "sys/tags", values=["paper"]),
    operation("LogFloats", "val/recall", values=[{"value": 0.5, "step": 1, "ts": 1.0}, {"value": 0.25, "step": 0, "ts": 1.0}]),
    operation("UploadFile", "model/checkpoint", ext="pt", file_path="/home/ann/model.pt"),
]  # fmt: skip


@pytest.fixture
def offline(tmp_path: Path) -> Path:
    folder = tmp_path / ".neptune/offline/run__6f5628fa"
    folder.mkdir(parents=True)
    about = {"mode": "offline", "containerType": "run", "containerId": "6f5628fa", "projectId": PROJECT}
    (folder / "metadata.json").write_text(json.dumps({**about, "version": "1.14.0"}))
    (folder / "data-1.log").write_text("\n".join(OFFLINE[:3]))
    (folder / "data-10.log").write_text("\n".join(OFFLINE[3:]))
    return folder


def test_a_run_that_was_logged_offline_is_taken_over(repo: Sandbox, offline: Path) -> None:
    report = dry(repo, offline, *METRICS, "metrics=val/recall=hit@1:last")
    found = fields(report)
    assert found["training.run"]["uri"] == "neptune:search/shop#6f5628fa"
    assert found["training.hyperparameters.lr"] == 1e-05
    assert found["benchmarks[shop]"]["metrics"] == [{"key": "hit@1", "value": 0.5}]
    assert "/home" not in json.dumps(report)


def test_an_operation_that_was_cut_off_is_told_with_its_line(repo: Sandbox, offline: Path) -> None:
    log = offline / "data-10.log"
    log.write_text(log.read_text()[:-20])
    assert (
        "data-10.log:3: that is no operation of Neptune, or it was cut off"
        in refused(repo, offline, code=3).err
    )
