"""`embver release --push --notify mlflow` and `embver notify`: a run and its registered models name the version."""

from __future__ import annotations

from pathlib import Path
from urllib.parse import quote

import pytest

from exchange.mlflow_lab import Lab, free_port
from plain_versions import begin_plain, share, write_next
from sandbox import Sandbox

pytestmark = [pytest.mark.lfs, pytest.mark.xdist_group("mlflow")]
HOME = "https://example.org/git/shop"


@pytest.fixture
def shop(tmp_path: Path) -> Sandbox:
    """Return a repository with a bare remote and a first version that is not released."""
    made = begin_plain(tmp_path / "ann")
    share(made)
    write_next(made)
    return made


def name_run(repo: Sandbox, uri: str, *, home: bool = False) -> None:
    card = repo.root / "embeddings/plain/next/card.yaml"
    text = card.read_text().replace("training:\n", f'training:\n  run: {{tracker: mlflow, uri: "{uri}"}}\n')
    card.write_text(text + (f"links: {{repository: {HOME}}}\n" if home else ""))
    repo.git("add", "-A")
    repo.git("commit", "-q", "-m", "Prepare")


def tags_of(lab: Lab, run: str) -> dict[str, str]:
    found = lab.ask(f"runs/get?run_id={run}")["run"]["data"]["tags"]
    return {tag["key"]: tag["value"] for tag in found}


def test_a_release_tags_the_run_and_the_models_made_from_it(lab: Lab, shop: Sandbox) -> None:
    run = lab.made["bad"]["OTHER"]
    name_run(shop, f"mlflow:{lab.server}#{run}", home=True)
    before = tags_of(lab, run)
    said = shop.embver("release", "plain", "--push", "--notify", "mlflow")
    message = shop.git("cat-file", "-p", "plain@v1.0.0").out
    digest = message.partition("Card-Digest: ")[2].partition("\n")[0]
    written = {"embver.version": "plain@1.0.0", "embver.card_digest": digest, "embver.repo": HOME}
    assert f"told mlflow: run {run}, models:/other/1\n" in said.out
    assert tags_of(lab, run) == before | written
    model = lab.ask("model-versions/get?name=other&version=1")["model_version"]
    assert {tag["key"]: tag["value"] for tag in model["tags"]} == written
    # Found again by what the release is called.
    asked = quote("tags.`embver.version` = 'plain@1.0.0'")
    found = lab.ask(f"model-versions/search?filter={asked}")["model_versions"]
    assert [version["name"] for version in found] == ["other"]


def test_it_can_be_told_later_and_again(lab: Lab, shop: Sandbox) -> None:
    name_run(shop, f"mlflow:{lab.server}#{lab.made['bad']['KILLED']}")
    shop.embver("release", "plain")
    said = shop.embver("notify", "plain", "--dry-run")
    assert said.out.startswith(f"would tell mlflow: mlflow:{lab.server}#")
    assert "embver.version" not in tags_of(lab, lab.made["bad"]["KILLED"])
    for _ in range(2):
        report = shop.embver("notify", "plain@1.0.0", "--json").json
    assert report["told"] == [f"run {lab.made['bad']['KILLED']}"]
    assert report["applied"] is True
    # A remote on somebody's disk is no address for others.
    assert set(report["tags"]) == {"embver.version", "embver.card_digest"}
    assert report["tags"].items() <= tags_of(lab, lab.made["bad"]["KILLED"]).items()


def test_a_tracker_that_is_down_undoes_nothing(shop: Sandbox) -> None:
    uri = f"mlflow:http://127.0.0.1:{free_port()}#abc"
    name_run(shop, uri)
    said = shop.embver("release", "plain", "--push", "--notify", "mlflow", "--json")
    assert said.json["pushed"] is True
    [told] = said.json["notified"]
    assert "cannot be asked" in told["error"]
    assert "warning: plain@1.0.0 is released, and the MLflow server at" in said.err
    assert "then embver notify plain@1.0.0\n" in said.err
    assert "plain@v1.0.0" in shop.git("ls-remote", "--tags", "origin").out
    assert shop.embver("notify", "plain", code=3).out == ""


def test_a_deleted_or_missing_run_is_told(lab: Lab, shop: Sandbox) -> None:
    name_run(shop, f"mlflow:{lab.server}#{lab.made['bad']['DELETED']}")
    shop.embver("release", "plain")
    said = shop.embver("notify", "plain", code=3)
    assert "must be in the 'active' state" in said.err


def test_what_cannot_be_told_is_refused_before_the_release(shop: Sandbox) -> None:
    before = shop.state()
    said = shop.embver("release", "plain", "--notify", "mlflow", code=2)
    assert "--notify goes with --push" in said.err
    said = shop.embver("release", "plain", "--push", "--notify", "mlflow", code=2)
    assert "plain@next names no run of a tracker" in said.err
    assert "is not released" in shop.embver("notify", "plain@next", code=2).err
    assert shop.state() == before


def test_a_run_in_a_file_is_told_by_the_client(lab: Lab) -> None:
    run = lab.made["files_bad"]["OTHER"]
    assert lab.made["told"] == [f"run {run}", "models:/other/1"]
    [tag] = lab.files.glob(f"*/{run}/tags/embver.version")
    assert tag.read_text() == "plain@1.0.0"
    # The client makes a database in the working folder where it is not held back.
    assert not (lab.files.parent / "training/mlflow.db").exists()


def test_a_file_that_is_gone_is_told(shop: Sandbox) -> None:
    name_run(shop, "mlflow:sqlite:///mlflow.db#abc")
    shop.embver("release", "plain")
    assert "there is no MLflow database at mlflow.db" in shop.embver("notify", "plain", code=2).err
    assert not (shop.root / "mlflow.db").exists()
