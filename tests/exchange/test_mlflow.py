"""`embver import mlflow`: a run of a real server, of its database and of a file store, all logged by MLflow's client."""

from __future__ import annotations

import contextlib
import hashlib
import json
import shutil
import socket
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from exchange.mlflow_lab import Lab, free_port
from plain_versions import begin_plain, write_next
from sandbox import Said, Sandbox

pytestmark = pytest.mark.xdist_group("mlflow")
METRICS = ("--set", "benchmark=shop", "--set")


@pytest.fixture(scope="module")
def repo(tmp_path_factory: pytest.TempPathFactory) -> Sandbox:
    """Return a repository with a working version, for imports that write nothing."""
    made = begin_plain(tmp_path_factory.mktemp("shop") / "repository")
    write_next(made)
    return made


@pytest.fixture
def own(tmp_path: Path) -> Sandbox:
    """Return a repository with a working version for one test alone."""
    made = begin_plain(tmp_path / "repository")
    write_next(made)
    return made


def dry(repo: Sandbox, reference: str, *more: str) -> Any:
    return repo.embver("import", "mlflow", reference, "--dry-run", "--json", *more).json


def refused(repo: Sandbox, reference: str, *more: str, code: int = 2) -> Said:
    said = repo.embver("import", "mlflow", reference, *more, code=code)
    assert said.out == ""
    return said


def fields(report: Any) -> dict[str, Any]:
    return {entry["field"]: entry["value"] for entry in report["taken"]}


def left_out(report: Any) -> dict[str, str]:
    return {entry["what"]: entry["why"] for entry in report["left_out"]}


HYPERPARAMETERS = {
    "lr": 1e-05,
    "shop_id": "007",
    "epochs": 3,
    "amp": True,
    "opt/betas": "[0.9, 0.999]",
    "warm up": 0.1,
    "scheduler": "None",
}


def expected(lab: Lab, uri: str, model: str) -> dict[str, Any]:
    found = {f"training.hyperparameters.{key}": value for key, value in HYPERPARAMETERS.items()}
    digests = {
        entry["dataset"]["name"] + tag: entry["dataset"]["digest"]
        for entry in lab.made["server"]["run"]["inputs"]["dataset_inputs"]
        for tag in [" (validation)" if entry["tags"]["mlflow.data.context"] == "validation" else ""]
    }
    for name, digest in digests.items():
        value = {"name": name, "version": f"mlflow-digest:{digest}", "tracked_by": "mlflow"}
        found[f"training.data[{name}]"] = value
    found["training.data[pictures]"] |= {"uri": "data/train.npy", "role": "train"}
    found["training.data[pictures (validation)]"] |= {
        "uri": "https://example.org/val.npy",
        "role": "validation",
    }
    return found | {
        "training.run": {"tracker": "mlflow", "uri": uri},
        "training.code.commit": lab.commit,
        "training.code.uri": "https://example.org/shop/training.git",
        "extra.mlflow.models": [f"models:/{model}"],
        "extra.mlflow.registered_models": ["models:/shop-clip/1"],
    }


def test_a_run_of_a_server_is_taken_as_the_client_says_it(lab: Lab, repo: Sandbox) -> None:
    report = dry(repo, f"{lab.server}#{lab.run}")
    assert report["uri"] == f"mlflow:{lab.server}#{lab.run}"
    assert fields(report) == expected(lab, report["uri"], lab.made["server"]["model"])
    said = lab.made["server"]["run"]["data"]["params"]
    assert {name for name in said if f"training.hyperparameters.{name}" not in fields(report)} == {
        "output_dir",
        "hub_token",
    }
    assert left_out(report)["param output_dir"] == "it is a place on somebody's disk"
    assert left_out(report)["param hub_token"] == "it may be a secret"


def test_the_database_gives_the_same_and_is_not_touched(lab: Lab, repo: Sandbox) -> None:
    copy = repo.root / ".git/mlflow.db"
    shutil.copy(lab.database, copy)
    before = (hashlib.sha256(copy.read_bytes()).digest(), sorted(copy.parent.iterdir()))
    report = dry(repo, f"{copy}#{lab.run}")
    assert report["uri"] == f"mlflow:sqlite:///.git/mlflow.db#{lab.run}"
    assert fields(report) == expected(lab, report["uri"], lab.made["server"]["model"])
    assert (hashlib.sha256(copy.read_bytes()).digest(), sorted(copy.parent.iterdir())) == before
    assert fields(dry(repo, f"sqlite:///{copy}#{lab.run}")) == fields(report)


def test_a_file_store_gives_the_same_and_is_not_touched(lab: Lab, repo: Sandbox) -> None:
    before = {path: path.stat().st_mtime_ns for path in lab.files.rglob("*")}
    report = dry(repo, f"{lab.files}#{lab.file_run}")
    assert report["uri"] == f"mlflow:mlruns#{lab.file_run}"
    assert fields(report) == expected(lab, report["uri"], lab.made["files"]["model"])
    assert left_out(report)["the folder of mlruns"] == "it is a place on somebody's disk"
    assert {path: path.stat().st_mtime_ns for path in lab.files.rglob("*")} == before


def test_the_client_reads_the_same_run(lab: Lab) -> None:
    from dataclasses import asdict

    from embver.exchange.mlflow_rest import Server, read_run

    read = read_run(Server.at(lab.server, {}), lab.run, ["val/recall at 1", "absent"])
    mine, theirs = json.loads(json.dumps(asdict(read))), lab.made["by_client"]
    for point in (*mine["metrics"].values(), *theirs["metrics"].values()):
        point["step"] = None  # the client's summary of a run has no steps
    assert mine == theirs
    assert [point["value"] for point in mine["series"]["val/recall at 1"]] == [0.25, 0.5, 0.4375]


def test_nothing_private_gets_into_the_card(lab: Lab, own: Sandbox) -> None:
    said = own.embver("import", "mlflow", f"{lab.server.replace('//', '//ann:geheim@')}#{lab.run}")
    text = own.card.parent.parent.parent.joinpath("plain/next/card.yaml").read_text()
    for private in (
        "ann",
        "geheim",
        "/home",
        "hf_",
        "output_dir",
        str(lab.files.parent),
        socket.gethostname(),
    ):
        assert private not in text
        assert private not in said.out


def test_the_card_keeps_its_comments_and_says_where_it_has_it_from(lab: Lab, own: Sandbox) -> None:
    card = own.root / "embeddings/plain/next/card.yaml"
    card.write_text(f"# Ours.\n{card.read_text()}")
    picks = "metrics=val/recall at 1=hit@1:max,loss:last,broken:last"
    said = own.embver("import", "mlflow", f"{lab.server}#{lab.run}", *METRICS, picks, "--set", "tags=stage")
    assert "warning: last of broken is not finite: the card gets null\n" in said.err
    text = card.read_text()
    assert text.startswith("# Ours.\n")
    assert own.embver("validate").code == 0
    shown = own.embver("show", "plain@next", "--json").json["card"]
    uri = f"mlflow:{lab.server}#{lab.run}"
    assert shown["imported"] == [{"source": "mlflow", "uri": uri}]
    assert shown["training"]["run"] == {"tracker": "mlflow", "uri": uri}
    assert shown["extra"]["mlflow"]["tags"] == {"stage": "prod"}
    assert shown["benchmarks"] == [
        {
            "id": "shop",
            "metrics": [
                {"key": "hit@1", "value": 0.5},
                {"key": "loss", "value": 0.0001},
                {"key": "broken", "value": None},
            ],
            "source": {"format": "mlflow", "uri": uri},
            "notes": "hit@1 is the max of val/recall at 1 at step 1; loss is the last of loss at step 9999; "
            "broken is the last of broken.",
        }
    ]
    again = own.embver("import", "mlflow", f"{lab.server}#{lab.run}")
    assert again.err.startswith("nothing new in ")
    assert card.read_text() == text


@pytest.mark.parametrize(
    ("pick", "value", "where"),
    [("last", 0.4375, 2), ("max", 0.5, 1), ("min", 0.25, 0)],
)
def test_a_metric_says_which_value_it_is(
    lab: Lab, repo: Sandbox, pick: str, value: float, where: int
) -> None:
    report = dry(repo, f"{lab.files}#{lab.file_run}", *METRICS, f"metrics=val/recall at 1=hit@1:{pick}")
    record = fields(report)["benchmarks[shop]"]
    assert record["metrics"] == [{"key": "hit@1", "value": value}]
    assert record["notes"] == f"hit@1 is the {pick} of val/recall at 1 at step {where}."


def test_all_of_ten_thousand_steps_count(lab: Lab, repo: Sandbox) -> None:
    for reference in (f"{lab.server}#{lab.run}", f"{lab.database}#{lab.run}"):
        report = dry(repo, reference, *METRICS, "metrics=loss:min")
        assert fields(report)["benchmarks[shop]"]["notes"] == "loss is the min of loss at step 9999."


def test_a_percentage_is_never_taken_for_a_fraction(lab: Lab, repo: Sandbox) -> None:
    picks = (*METRICS, "metrics=percent/recall=recall@10:last")
    said = refused(repo, f"{lab.server}#{lab.run}", *picks)
    assert "percent/recall is 43.75, and recall@10 runs from 0 to 1" in said.err
    assert "next: if it is in percent: --set unit=percent" in said.err
    report = dry(repo, f"{lab.server}#{lab.run}", *picks, "--set", "unit=percent")
    metric = {"key": "recall@10", "value": 43.75, "unit": "percent"}
    assert fields(report)["benchmarks[shop]"]["metrics"] == [metric]


def test_what_is_left_out_is_told(lab: Lab, repo: Sandbox) -> None:
    told = left_out(dry(repo, f"{lab.server}#{lab.run}", "--set", "params=l*"))
    assert told["3 metrics (loss, percent/recall, val/recall at 1)"].endswith(
        "--set metrics=percent/recall=NAME:max"
    )
    assert told["2 metrics (broken, endless)"] == "NaN or infinite at the end of the run"
    assert told["1 system metric (system/gpu_utilization_percentage)"]
    assert told["2 tags (stage, team)"] == "not asked for: --set tags=stage"
    assert any(what.startswith("param shop_id, param epochs") for what in told)


@pytest.mark.parametrize(
    ("state", "why"),
    [("FAILED", "failed"), ("KILLED", "killed"), ("RUNNING", "still goes on"), ("DELETED", "deleted")],
)
def test_a_run_that_did_not_finish_is_refused_unless_asked_for(
    lab: Lab, repo: Sandbox, state: str, why: str
) -> None:
    for reference in (
        f"{lab.server}#{lab.made['bad'][state]}",
        f"{lab.files}#{lab.made['files_bad'][state]}",
    ):
        said = refused(repo, reference, code=1)
        assert why in said.err
        assert "next: if it is what you want: --allow-failed" in said.err
        report = dry(repo, reference, "--allow-failed")
        assert fields(report)["training.hyperparameters.lr"] == 0.5
        assert why in report["warnings"][0]


def test_what_is_not_there_is_named_with_what_is(lab: Lab, repo: Sandbox) -> None:
    absent = "0" * 32
    assert f"Run with id={absent} not found" in refused(repo, f"{lab.server}#{absent}").err
    for place, run in ((lab.database, lab.run), (lab.files, lab.file_run)):
        said = refused(repo, f"{place}#{absent}")
        assert f"has no run {absent}" in said.err
        assert run in said.err
    said = refused(
        repo,
        f"{lab.server.replace('//', '//ann:geheim@')}#{lab.run}",
        *METRICS,
        "metrics=val/recal at 1=hit@1:max",
    )
    assert "geheim" not in said.err
    assert "has no metric 'val/recal at 1'" in said.err
    assert "there are: val/recall at 1" in said.err
    assert "there is no MLflow database at nowhere.db" in refused(repo, f"nowhere.db#{lab.run}").err
    assert not (repo.root / "nowhere.db").exists()
    assert "MLFLOW_TRACKING_URI is not set" in refused(repo, lab.run).err
    assert "names no run of MLflow" in refused(repo, f"{lab.server}#a/b").err


def test_a_card_names_the_run_in_words_that_find_it_again(lab: Lab, repo: Sandbox, monkeypatch: Any) -> None:
    uri = dry(repo, f"{lab.server}#{lab.run}")["uri"]
    page = f"{lab.server}/#/experiments/1/runs/{lab.run}"
    for reference in (uri, page):
        assert dry(repo, reference)["uri"] == uri
    monkeypatch.setenv("MLFLOW_TRACKING_URI", lab.server)
    assert dry(repo, lab.run)["uri"] == uri


def test_a_server_that_is_down_is_told_at_once(repo: Sandbox) -> None:
    said = refused(repo, f"http://127.0.0.1:{free_port()}#abc", code=3)
    assert "cannot be asked: [Errno 111] Connection refused" in said.err
    assert "MLFLOW_HTTP_REQUEST_TIMEOUT" in said.err


class Odd(BaseHTTPRequestHandler):
    """Answers as no MLflow server does, by the first part of the path."""

    asked: list[tuple[str, str | None]] = []  # noqa: RUF012

    def do_GET(self) -> None:
        self.asked.append((self.path, self.headers.get("Authorization")))
        kind = self.path.split("/")[1]
        answers: dict[str, tuple[int, bytes]] = {
            "page": (200, b"<html>Welcome</html>"),
            "absent": (404, b"<html>Not here</html>"),
            "closed": (401, b"{}"),
            "moved": (302, b""),
            "huge": (200, b" " * (33 << 20)),
            "torn": (200, b'{"run": {"info": {}}}'),
            "busy": (503, b""),
        }
        if kind == "slow":
            self.server.never.wait(20)  # type: ignore[attr-defined]
            return
        if kind == "drip":  # never silent for long, and never done
            self.send_response(200)
            self.end_headers()
            with contextlib.suppress(OSError):
                while not self.server.never.wait(0.2):  # type: ignore[attr-defined]
                    self.wfile.write(b" ")
            return
        status, body = answers[kind]
        self.send_response(status)
        if kind == "moved":
            self.send_header("Location", "/page/")
        self.end_headers()
        with contextlib.suppress(OSError):  # who asked may have heard enough
            self.wfile.write(body)

    def log_message(self, *_said: Any) -> None:
        """Say nothing."""


@pytest.fixture(scope="module")
def odd() -> Iterator[str]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), Odd)
    server.never = threading.Event()  # type: ignore[attr-defined]
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.never.set()  # type: ignore[attr-defined]
    server.shutdown()
    server.server_close()
    thread.join()


@pytest.mark.parametrize(
    ("kind", "said"),
    [
        ("page", "the answer is no JSON, so this is no MLflow tracking server"),
        ("absent", "answers 404 Not Found, and not as MLflow does"),
        ("closed", "does not let you in (401)"),
        ("moved", "sends you to /page/"),
        ("torn", "that is no run of MLflow (KeyError: 'run_uuid')"),
        ("busy", "it answers 503 Service Unavailable"),
        ("slow", "no answer in 1 s"),
        ("drip", "no answer in 1 s"),
        ("huge", "the answer is larger than 32 MiB"),
    ],
)
def test_a_server_that_is_no_mlflow_is_told(
    odd: str, repo: Sandbox, monkeypatch: Any, kind: str, said: str
) -> None:
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_TIMEOUT", "1" if kind in ("slow", "drip") else "30")
    monkeypatch.setenv("MLFLOW_TRACKING_TOKEN", "token-of-ann")
    Odd.asked.clear()
    told = refused(repo, f"{odd}/{kind}#abc", code=3).err
    assert said in told
    assert "next: " in told
    assert "token-of-ann" not in told
    tries = 2 if kind in ("busy", "slow", "drip") else 1
    path = f"/{kind}/api/2.0/mlflow/runs/get?run_id=abc"
    assert Odd.asked == [(path, "Bearer token-of-ann")] * tries


def test_a_file_that_is_no_database_is_told(repo: Sandbox, tmp_path: Path, lab: Lab) -> None:
    path = tmp_path / "torn.db"
    path.write_bytes(b"hello, I am no database")
    assert "torn.db: that is no SQLite database" in refused(repo, f"{path}#abc", code=3).err
    data = bytearray(lab.database.read_bytes())
    data[100:] = b"\xff" * (len(data) - 100)
    path.write_bytes(data)
    assert "torn.db: the database cannot be read" in refused(repo, f"{path}#abc", code=3).err
    import sqlite3
    from contextlib import closing

    path.unlink()
    with closing(sqlite3.connect(path)) as other:
        other.execute("create table shop (id text)")
    assert "this database holds no runs of MLflow" in refused(repo, f"{path}#abc", code=3).err
    assert "this folder is no MLflow file store" in refused(repo, f"{tmp_path}#abc", code=3).err


def test_a_torn_file_store_is_told_with_its_place_and_links_are_not_followed(
    lab: Lab, repo: Sandbox, tmp_path: Path
) -> None:
    store = tmp_path / "mlruns"
    shutil.copytree(lab.files, store)
    run = next(store.glob(f"*/{lab.file_run}"))
    outside = tmp_path / "passwords"
    outside.write_text("geheim")
    (run / "params/link").symlink_to(outside)
    (tmp_path / "etc").mkdir()
    (tmp_path / "etc/word").write_text("geheim")
    (run / "params/deep").symlink_to(tmp_path / "etc")
    report = dry(repo, f"{store}#{lab.file_run}")
    assert "geheim" not in json.dumps(report)
    (run / "metrics/loss").write_text("0 0.5 0\n0 much 1\n")
    assert "loss:2: that is no value of a metric" in refused(repo, f"{store}#{lab.file_run}", code=3).err
    (run / "meta.yaml").write_text("status: [3\n")
    assert (
        f"{lab.file_run}/meta.yaml: that is no meta.yaml"
        in refused(repo, f"{store}#{lab.file_run}", code=3).err
    )


def test_another_database_needs_the_client_and_says_so(repo: Sandbox, monkeypatch: Any) -> None:
    monkeypatch.setitem(__import__("sys").modules, "mlflow", None)
    said = refused(repo, "postgresql://ann:geheim@db.example/mlflow?password=geheim#abc", code=3)
    assert "next: pip install 'embver[mlflow]'" in said.err
    assert "geheim" not in said.err
