"""`embver init` in repositories that are not empty: it adds what is missing and overwrites nothing."""

from __future__ import annotations

import stat
from pathlib import Path

import pytest

from sandbox import Sandbox, git

pytestmark = pytest.mark.lfs


@pytest.fixture
def empty(tmp_path: Path) -> Sandbox:
    git(tmp_path, "init", "-q", "-b", "main", "shop")
    return Sandbox(root=tmp_path / "shop")


def test_what_is_written(empty: Sandbox) -> None:
    said = empty.embver("init", "--ci", "github", "--title", "Shop vectors")
    names = [line.removeprefix("wrote ") for line in said.out.splitlines()]
    assert names == [
        "embver.toml",
        ".gitattributes",
        ".lfsconfig",
        ".gitignore",
        "mkdocs.yml",
        ".pre-commit-config.yaml",
        ".github/workflows/embeddings.yml",
        "hook pre-commit",
    ]
    assert said.err == "next: embver new NAME\n"
    assert 'title = "Shop vectors"' in (empty.root / "embver.toml").read_text()
    assert (empty.root / ".git/hooks/pre-commit").stat().st_mode & stat.S_IXUSR
    assert empty.git("config", "--local", "filter.lfs.required").out == "true\n"
    doctor = empty.embver("doctor", code=None).out
    assert "✓ attributes" in doctor
    assert "! probe set: none: nothing can be measured" in doctor
    before = empty.tree()
    again = empty.embver("init", "--ci", "github").out
    assert [line.removeprefix("kept  ") for line in again.splitlines()] == names
    assert empty.tree() == before


def test_what_is_there_stays(empty: Sandbox) -> None:
    (empty.root / "mkdocs.yml").write_text("site_name: ours\n")
    (empty.root / ".gitattributes").write_text("*.bin binary")
    (empty.root / ".gitignore").write_text("data/\n")
    (empty.root / ".lfsconfig").write_text(
        '[lfs]\n\turl = https://lfs.shop.example\n[remote "x"]\n\tlfsurl = y\n'
    )
    hook = empty.root / ".git/hooks/pre-commit"
    hook.parent.mkdir(exist_ok=True)
    hook.write_text("#!/bin/sh\nmake lint\n")
    said = empty.embver("init")
    assert "note: there is a pre-commit hook already: add `embver validate --staged` to it" in said.err
    assert hook.read_text() == "#!/bin/sh\nmake lint\n"
    assert (empty.root / "mkdocs.yml").read_text() == "site_name: ours\n"
    assert (
        (empty.root / ".gitattributes")
        .read_text()
        .startswith("*.bin binary\nembeddings/**/*.safetensors filter=lfs")
    )
    assert (empty.root / ".gitignore").read_text().startswith("data/\n")
    for key, value in (
        ("lfs.fetchexclude", "embeddings/**"),
        ("lfs.url", "https://lfs.shop.example"),
        ("remote.x.lfsurl", "y"),
    ):
        assert empty.git("config", "--file", ".lfsconfig", key).out == f"{value}\n"


def test_what_is_left_out_already_stays_left_out(empty: Sandbox) -> None:
    (empty.root / ".lfsconfig").write_text("[lfs]\n\tfetchexclude = raw/**\n")
    empty.embver("init")
    empty.embver("init")
    assert empty.git("config", "--file", ".lfsconfig", "lfs.fetchexclude").out == "raw/**,embeddings/**\n"


def test_a_push_hook_of_another_tool(empty: Sandbox) -> None:
    hook = empty.root / ".git/hooks/pre-push"
    hook.parent.mkdir(exist_ok=True)
    hook.write_text("#!/bin/sh\nmake test\n")
    said = empty.embver("init")
    assert "note: there is a pre-push hook already: `git lfs update --manual`" in said.err
    assert hook.read_text() == "#!/bin/sh\nmake test\n"
    assert "✓ LFS filters" in empty.embver("doctor", code=None).out


def test_hooks_that_other_repositories_share(empty: Sandbox, tmp_path: Path) -> None:
    shared = tmp_path / "hooks"
    shared.mkdir()
    empty.git("config", "core.hooksPath", str(shared))
    said = empty.embver("init")
    assert (
        f"note: core.hooksPath is {shared}: add `embver validate --staged` to its pre-commit hook" in said.err
    )
    assert not (shared / "pre-commit").exists()


def test_from_a_folder_below(empty: Sandbox) -> None:
    (empty.root / "src").mkdir()
    Sandbox(root=empty.root / "src").embver("init")
    assert (empty.root / "embver.toml").is_file()
    assert list((empty.root / "src").iterdir()) == []


def test_a_bare_repository(tmp_path: Path) -> None:
    git(tmp_path, "init", "-q", "--bare", "bare.git")
    from sandbox import embver

    said = embver("-C", str(tmp_path / "bare.git"), "init")
    assert said.code == 2
    assert "error: " in said.err
    assert "next: git " in said.err
