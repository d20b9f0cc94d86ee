"""This repository's own workflows: they parse, ask for little, and type only what exists."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from ruamel.yaml import YAML

ROOT = Path(__file__).resolve().parent.parent
FILES = sorted((ROOT / ".github" / "workflows").glob("*.yml"))
PAGES = {"pages": "write", "id-token": "write"}


def workflow(name: str) -> dict[str, Any]:
    return YAML(typ="safe", pure=True).load(ROOT / ".github" / "workflows" / name)


def steps(plain: dict[str, Any], key: str) -> list[Any]:
    return [step[key] for job in plain["jobs"].values() for step in job["steps"] if key in step]


@pytest.mark.parametrize("name", [file.name for file in FILES])
def test_a_workflow_asks_for_no_more_than_it_needs(name: str) -> None:
    plain = workflow(name)
    assert plain["permissions"] == {"contents": "read"}
    for job in plain["jobs"].values():
        uses = [step.get("uses", "") for step in job["steps"]]
        may_deploy = any(action.startswith("actions/deploy-pages@") for action in uses)
        assert job.get("permissions") == (PAGES if may_deploy else None)
        # What may deploy runs nothing of ours, so nothing that was installed gets its token.
        assert not (may_deploy and any("run" in step for step in job["steps"]))
    assert plain["concurrency"]["cancel-in-progress"] is False
    assert all(re.fullmatch(r"actions/[\w-]+@v\d+", action) for action in steps(plain, "uses"))
    text = (ROOT / ".github" / "workflows" / name).read_text(encoding="utf-8")
    assert "secrets." not in text
    assert "pull_request_target" not in text


@pytest.mark.parametrize("name", [file.name for file in FILES])
def test_a_workflow_types_what_there_is(name: str) -> None:
    for command in steps(workflow(name), "run"):
        program, *arguments = command.split()
        if program != "make":
            assert os.access(ROOT / program, os.X_OK), command
            continue
        assert shutil.which("make")
        done = subprocess.run(
            ["make", "-n", *arguments], cwd=ROOT, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stderr


def test_the_hosts_own_schema_takes_the_workflows() -> None:
    checker = [sys.executable, "-m", "check_jsonschema", "--builtin-schema", "vendor.github-workflows"]
    done = subprocess.run([*checker, *map(str, FILES)], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def test_the_site_is_published_with_the_demo_in_it() -> None:
    plain = workflow("site.yml")
    assert plain["on"]["push"] == {"branches": ["main"]}
    (command,) = steps(plain, "run")
    said = subprocess.run(
        ["make", "-n", *command.split()[1:]], cwd=ROOT, capture_output=True, text=True, check=True
    ).stdout
    assert said.index("examples/emoji/demo.py") < said.index("examples/docs.py")
    (upload,) = [step for step in plain["jobs"]["build"]["steps"] if "pages" in step.get("uses", "")]
    assert upload["with"]["path"] == "build/site"
    assert '"build" / "site"' in (ROOT / "examples" / "docs.py").read_text(encoding="utf-8")
    checkout = plain["jobs"]["build"]["steps"][0]
    assert checkout["with"] == {"fetch-depth": 0}


def test_ci_runs_what_every_change_must_pass() -> None:
    assert ".ci/run" in steps(workflow("ci.yml"), "run")
    assert workflow("ci.yml")["on"] == ["push", "pull_request"]
