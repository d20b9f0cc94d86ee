"""The workflows that `embver init --ci` writes: read as YAML, and their commands run in order, in a clone without LFS."""

from __future__ import annotations

import io
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from ruamel.yaml import YAML

from embver.store.templates import render_template
from sandbox import Sandbox, git

pytestmark = pytest.mark.lfs

# Where Git LFS would fetch bytes from: nobody answers there, so what tries to fails.
NOWHERE = "http://127.0.0.1:9/"
TAG = "emoji@v1.1.1"
# What a runner does and a test does not.
SETUP = ("pip install 'embver[site]'", "apt-get update && apt-get install -y git-lfs")
ASK = 'gh workflow run embeddings.yml --ref "$BRANCH"'


def workflow(host: str, output: str = "build/site") -> dict[str, Any]:
    text = render_template(f"ci/{host}.yml.j2", {"output": output})
    return YAML(typ="safe", pure=True).load(io.StringIO(text))


@pytest.fixture
def clone(story: Sandbox, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Sandbox:
    """Return a clone as a runner has it: LFS is set up, told to leave pointers, and its server does not answer."""
    (tmp_path / "gitconfig").write_text(
        f"[user]\n\tname = A\n\temail = a@shop.example\n[lfs]\n\turl = {NOWHERE}\n"
        '[filter "lfs"]\n\tprocess = git-lfs filter-process\n\tclean = git-lfs clean -- %f\n'
        "\tsmudge = git-lfs smudge -- %f\n\trequired = true\n"
    )
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", str(tmp_path / "gitconfig"))
    monkeypatch.setenv("GIT_LFS_SKIP_SMUDGE", "1")
    monkeypatch.setenv("PATH", f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}")
    git(tmp_path, "clone", "-q", story.remote.as_uri(), "clone")
    return Sandbox(root=tmp_path / "clone")


def type_in(clone: Sandbox, commands: list[str], **environment: str) -> None:
    """Run commands as a runner's shell does: the first that fails ends the job."""
    for command in commands:
        if command in SETUP:
            continue
        done = subprocess.run(
            ["bash", "-e", "-o", "pipefail", "-c", command],
            cwd=clone.root, env={**os.environ, **environment}, capture_output=True, text=True, check=False,
        )  # fmt: skip
        assert done.returncode == 0, f"{command}\n{done.stdout}{done.stderr}"


def no_bytes(clone: Sandbox) -> bool:
    """Tell whether no LFS object was fetched, and whether every artifact in the work tree is its pointer."""
    vectors = list(clone.root.glob("embeddings/*/*/*.safetensors"))
    assert vectors
    pointers = all(path.read_bytes().startswith(b"version https://git-lfs") for path in vectors)
    return pointers and not [path for path in clone.root.glob(".git/lfs/objects/**/*") if path.is_file()]


# ---- GitHub


def steps(job: dict[str, Any], **facts: str) -> list[str]:
    """Return the commands of a job whose conditions hold; each is of the form `github.KEY OPERATOR 'VALUE'`."""
    commands = []
    for step in job["steps"]:
        assert set(step) <= {"if", "run", "uses", "with", "id", "env"}
        if "if" in step:
            key, operator, value = re.fullmatch(r"github\.(\w+) (==|!=) '(\w+)'", step["if"]).groups()
            if (facts[key] == value) is not (operator == "=="):
                continue
        if "run" in step:
            commands.append(step["run"])
    return commands


def test_a_tag_is_checked_and_the_site_built_from_pointers_alone_on_github(clone: Sandbox) -> None:
    jobs = workflow("github")["jobs"]
    # checkout leaves such a tag: a commit under the tag's name, without its message.
    clone.git("update-ref", f"refs/tags/{TAG}", clone.git("rev-parse", f"{TAG}^{{commit}}").out.strip())
    clone.git("checkout", "-q", "--detach", TAG)
    ran = steps(jobs["verify"], ref_type="tag", event_name="push")
    assert ran[0].startswith("git fetch ")
    type_in(clone, ran, GITHUB_REF=f"refs/tags/{TAG}")
    assert "1.1.1" in (clone.root / "build/site/index.html").read_text(encoding="utf-8")
    assert (clone.root / "build/site/changelog/emoji/1.0.0.html").is_file()
    assert no_bytes(clone)
    # A tag that was moved is found by the same commands.
    clone.git("tag", "-f", "-a", "-m", "emoji 1.1.1", TAG, "emoji@v1.1.0^{commit}")
    checks = [command for command in ran if command.startswith("embver verify")]
    with pytest.raises(AssertionError, match=r"embver verify --quick"):
        type_in(clone, checks, GITHUB_REF=f"refs/tags/{TAG}")


def test_a_tag_publishes_from_the_default_branch_on_github() -> None:
    whole = workflow("github")
    jobs = whole["jobs"]
    assert jobs["ask"]["if"] == "github.ref_type == 'tag'"
    assert jobs["ask"]["needs"] == jobs["publish"]["needs"] == "verify"
    assert steps(jobs["ask"]) == [ASK]
    assert jobs["ask"]["steps"][0]["env"]["BRANCH"] == "${{ github.event.repository.default_branch }}"
    by_hand = steps(jobs["verify"], ref_type="branch", event_name="workflow_dispatch")
    assert by_hand[-1] == "embver site --build"
    (pages,) = [step for step in jobs["verify"]["steps"] if "upload-pages-artifact" in step.get("uses", "")]
    assert pages["if"] == "github.event_name == 'workflow_dispatch'"
    assert pages["with"] == {"path": "build/site"}
    assert jobs["publish"]["if"].startswith(pages["if"])
    assert jobs["publish"]["environment"]["name"] == "github-pages"


def test_the_workflow_asks_for_no_more_than_it_needs_and_cuts_nothing_off() -> None:
    whole = workflow("github")
    assert whole["permissions"] == {"contents": "read"}
    assert {name: job.get("permissions") for name, job in whole["jobs"].items()} == {
        "verify": None,
        "ask": {"actions": "write"},
        "publish": {"pages": "write", "id-token": "write"},
    }
    assert whole["concurrency"]["cancel-in-progress"] is False
    assert "'publish' || github.run_id" in whole["concurrency"]["group"]
    used = [step["uses"] for job in whole["jobs"].values() for step in job["steps"] if "uses" in step]
    assert all(re.fullmatch(r"actions/[\w-]+@v\d+", action) for action in used)
    checkout = whole["jobs"]["verify"]["steps"][0]["with"]
    assert checkout == {"fetch-depth": 0, "lfs": False}
    assert whole["env"] == {"GIT_LFS_SKIP_SMUDGE": "1"}
    assert "secrets." not in render_template("ci/github.yml.j2", {"output": "build/site"})


# ---- GitLab


def test_a_tag_is_checked_and_published_from_pointers_alone_on_gitlab(clone: Sandbox) -> None:
    whole = workflow("gitlab")
    assert whole["variables"] == {"GIT_DEPTH": "0", "GIT_LFS_SKIP_SMUDGE": "1"}
    facts = {"CI_COMMIT_TAG": TAG, "CI_DEFAULT_BRANCH": "main"}
    clone.git("checkout", "-q", "--detach", TAG)
    checks = whole["embeddings"]["script"]
    assert checks.pop() == "embver site --build"  # the next job builds it as well
    type_in(clone, checks, **facts)
    pages = whole["pages"]
    assert pages["rules"] == [{"if": "$CI_COMMIT_TAG"}]
    assert pages["interruptible"] is False
    assert pages["resource_group"] == "pages"
    type_in(clone, pages["script"], **facts)
    assert pages["artifacts"] == {"paths": ["public"]}
    assert "1.1.1" in (clone.root / "public/index.html").read_text(encoding="utf-8")
    assert clone.git("rev-parse", "HEAD").out == clone.git("rev-parse", "origin/main").out
    assert no_bytes(clone)


# ---- both


@pytest.mark.parametrize(
    ("host", "file"), [("github", ".github/workflows/embeddings.yml"), ("gitlab", ".gitlab-ci.yml")]
)
def test_the_workflow_takes_the_folder_that_the_settings_name(host: str, file: str, tmp_path: Path) -> None:
    git(tmp_path, "init", "-q", "-b", "main", "shop")
    shop = Sandbox(root=tmp_path / "shop")
    (shop.root / "embver.toml").write_text('[site]\nbuild = "out/pages"\n')
    shop.embver("init", "--ci", host)
    written = (shop.root / file).read_text(encoding="utf-8")
    assert written == render_template(f"ci/{host}.yml.j2", {"output": "out/pages"})
    assert "build/site" not in written


def test_mkdocs_yml_and_gitignore_take_the_folders_that_the_settings_name(tmp_path: Path) -> None:
    git(tmp_path, "init", "-q", "-b", "main", "shop")
    shop = Sandbox(root=tmp_path / "shop")
    (shop.root / "embver.toml").write_text(
        '[site]\ntitle = "Shop vectors"\nfolder = "docs/pages"\nbuild = "out/pages"\n'
    )
    shop.embver("init")
    config = YAML(typ="safe", pure=True).load(shop.root / "mkdocs.yml")
    assert config["site_name"] == "Shop vectors"
    assert config["INHERIT"] == "docs/pages/changelog/.mkdocs.yml"
    assert (config["docs_dir"], config["site_dir"]) == ("docs/pages", "out/pages")
    assert (shop.root / ".gitignore").read_text().splitlines() == [
        "/out/pages/", "/docs/pages/changelog/", "/docs/pages/index.md"
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("host", "schema"),
    [
        ("github", ["--builtin-schema", "vendor.github-workflows"]),
        ("gitlab", ["--builtin-schema", "vendor.gitlab-ci", "--data-transform", "gitlab-ci"]),
    ],
)
def test_the_hosts_own_schema_takes_the_workflow(host: str, schema: list[str], tmp_path: Path) -> None:
    checker = [sys.executable, "-m", "check_jsonschema", *schema]
    good = render_template(f"ci/{host}.yml.j2", {"output": "build/site"})
    for text, is_valid in (
        (good, True),
        (good.replace("concurrency:", "concurency:").replace("script:", "skript:"), False),
    ):
        (tmp_path / "workflow.yml").write_text(text)
        done = subprocess.run(
            [*checker, str(tmp_path / "workflow.yml")], capture_output=True, text=True, check=False
        )
        assert (done.returncode == 0) is is_valid, done.stdout + done.stderr
