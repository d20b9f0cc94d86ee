"""The hooks in real commits: by Git alone as `embver init` sets them up, and by the real pre-commit framework."""

from __future__ import annotations

import os
import pwd
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from sandbox import NAME, Said, Sandbox, git

pytestmark = [pytest.mark.torch, pytest.mark.lfs]

ROOT = Path(__file__).resolve().parent.parent
BIN = Path(sys.executable).parent
ON_PATH = {"PATH": f"{BIN}{os.pathsep}{os.environ['PATH']}"}


def commit(repo: Sandbox, *arguments: str, code: int | None = 1) -> Said:
    return repo.git("commit", "-q", "-m", "by hand", *arguments, code=code, env=ON_PATH)


# ---- the four kinds: what a person does, and the rule that stops it


def malformed(repo: Sandbox) -> None:
    repo.edit(("  metric: cosine", "  metrik: cosine"))


def senseless(repo: Sandbox) -> None:
    repo.edit(("  normalized: true", "  normalized: true\n  served_dimensions: [64]"))


def untrue(repo: Sandbox) -> None:
    pointer = repo.next / "image.safetensors"
    pointer.write_text(pointer.read_text().replace("\nsize ", "\nsize 1"))


def thawed(repo: Sandbox) -> None:
    repo.edit(("Emoji search embeddings", "Other embeddings"), file=repo.version("1.0.0") / "card.yaml")


def removed(repo: Sandbox) -> None:
    shutil.rmtree(repo.version("1.0.0"))


def renamed(repo: Sandbox) -> None:
    repo.version("1.0.0").rename(repo.version("1.0.1"))


KINDS: dict[str, tuple[Callable[[Sandbox], None], str, str]] = {
    "shape": (malformed, "unknown-field", "did you mean 'metric'?"),
    "sense": (senseless, "served-dimension-too-large", f"embeddings/{NAME}/next/card.yaml:"),
    "truth": (untrue, "artifact-bytes", "image.safetensors has 1"),
    "frozen": (thawed, "frozen", "emoji@1.0.0 is released"),
    "frozen, removed": (removed, "frozen-removed", "git restore --staged --worktree --source=HEAD"),
    "frozen, renamed": (renamed, "frozen-removed", "version-is-folder"),
}
four_kinds = pytest.mark.parametrize("kind", KINDS)


@pytest.fixture
def working(retrained: Sandbox) -> Sandbox:
    """Return three releases and an encoded `next/`, all committed."""
    assert retrained.git("status", "--porcelain").out == ""
    return retrained


@four_kinds
def test_git_refuses_each_kind(working: Sandbox, kind: str) -> None:
    act, rule, said = KINDS[kind]
    act(working)
    working.git("add", "-A")
    before = working.refs()
    refused = commit(working)
    assert f"[{rule}]" in refused.text
    assert said in refused.text
    assert working.refs() == before
    assert "Traceback" not in refused.text


def test_git_refuses_them_all_at_once(working: Sandbox) -> None:
    for act in (untrue, thawed):
        act(working)
    shutil.rmtree(working.version("1.1.0"))
    working.git("add", "-A")
    said = commit(working).text
    assert all(f"[{rule}]" in said for rule in ("artifact-bytes", "frozen", "frozen-removed"))


@four_kinds
def test_commit_all_and_commit_by_path_see_what_they_commit(working: Sandbox, kind: str) -> None:
    """`git commit -a` and `git commit -- PATH` make the commit from an index of their own."""
    act, rule, _ = KINDS[kind]
    act(working)
    assert working.git("diff", "--cached", "--name-only").out == ""
    assert f"[{rule}]" in commit(working, "--", "embeddings").text
    assert f"[{rule}]" in commit(working, "-a").text


def test_a_commit_by_path_is_not_stopped_by_what_it_leaves_out(working: Sandbox) -> None:
    thawed(working)
    working.git("add", "-A")  # staged, and not part of this commit
    (working.root / "notes.txt").write_text("x")
    working.git("add", "notes.txt")
    commit(working, "--", "notes.txt", code=0)
    assert "[frozen]" in commit(working).text


def test_what_is_partly_staged(working: Sandbox) -> None:
    card = working.version("1.0.0") / "card.yaml"
    good = card.read_text()
    card.write_text(good.replace("status: {state: active}", "status: {state: deprecated, reason: old}"))
    working.git("add", "-A")
    thawed(working)  # after that, and not staged
    commit(working, code=0)
    assert "[frozen]" in working.embver("validate", code=1).text


def test_in_a_work_tree_beside_it(working: Sandbox, tmp_path: Path) -> None:
    working.git("worktree", "add", "-q", "-b", "side", str(tmp_path / "side"))
    side = Sandbox(root=tmp_path / "side")
    for act in (untrue, thawed):
        act(side)
    said = commit(side, "-a").text
    assert "[artifact-bytes]" in said
    assert "[frozen]" in said
    assert working.embver("validate", "--staged").text == ""


def test_in_a_submodule(working: Sandbox, tmp_path: Path) -> None:
    outer = Sandbox(root=tmp_path / "outer")
    outer.root.mkdir()
    outer.git("init", "-q", "-b", "main")
    allowed = {
        "GIT_CONFIG_COUNT": "1",
        "GIT_CONFIG_KEY_0": "protocol.file.allow",
        "GIT_CONFIG_VALUE_0": "always",
    }
    outer.git("submodule", "--quiet", "add", str(working.root), "shop", env=allowed)
    inner = Sandbox(root=outer.root / "shop")
    for key, value in (("user.name", "A"), ("user.email", "a@shop.example")):
        inner.git("config", key, value)
        outer.git("config", key, value)
    inner.embver("init")
    thawed(inner)
    assert "[frozen]" in commit(inner, "-a").text
    inner.git("checkout", "-q", "--", ".")
    # A commit of the outer repository hands its own variables to whatever its hooks start.
    hook = outer.root / ".git/hooks/pre-commit"
    hook.parent.mkdir(exist_ok=True)
    hook.write_text("#!/bin/sh\nexec embver -C shop validate --staged\n")
    hook.chmod(0o755)
    removed(inner)
    inner.git("add", "-A")
    assert f"embeddings/{NAME}/1.0.0/card.yaml:1:1:" in commit(outer, "-a").text


def test_while_a_merge_is_under_way(working: Sandbox) -> None:
    notes = working.root / "notes.txt"
    working.git("checkout", "-q", "-b", "theirs")
    notes.write_text("theirs")
    thawed(working)
    working.git("add", "-A")
    working.git("commit", "-q", "--no-verify", "-m", "past the hook")
    working.git("checkout", "-q", "main")
    notes.write_text("ours")
    working.git("add", "-A")
    commit(working, code=0)
    working.git("merge", "-q", "theirs", code=1)
    notes.write_text("both")
    working.git("add", "notes.txt")
    assert "[frozen]" in working.git("commit", "-q", "--no-edit", code=1, env=ON_PATH).text
    working.git("checkout", "HEAD", "--", "embeddings")
    working.git("commit", "-q", "--no-edit", env=ON_PATH)


def test_a_card_that_is_not_merged(working: Sandbox) -> None:
    for branch, title in (("theirs", "Theirs"), ("ours", "Ours")):
        working.git("checkout", "-q", "-b", branch, "main")
        working.edit(("title: Emoji search embeddings", f"title: {title}"))
        working.git("commit", "-q", "-a", "-m", title, env=ON_PATH)
    working.git("merge", "-q", "theirs", code=1)
    said = working.embver("validate", "--staged", code=1)
    assert f"embeddings/{NAME}/next/card.yaml:1:1: this card is not merged yet [card-missing]" in said.out
    assert "<<<<<<<" not in said.out
    assert working.embver("validate", code=1).out  # the work tree holds the marks of the conflict


def test_variables_of_another_repository(working: Sandbox, tmp_path: Path) -> None:
    thawed(working)
    working.git("add", "-A")
    other = tmp_path / "other"
    other.mkdir()
    git(other, "init", "-q")
    foreign = {
        "GIT_DIR": str(other / ".git"), "GIT_WORK_TREE": str(other), "GIT_INDEX_FILE": str(other / ".git/index"),
        "GIT_OBJECT_DIRECTORY": str(other / ".git/objects"), "GIT_PREFIX": "x/", "GIT_CEILING_DIRECTORIES": str(tmp_path),
        "GIT_NAMESPACE": "x", "GIT_LITERAL_PATHSPECS": "1", "GIT_GLOB_PATHSPECS": "0",
    }  # fmt: skip
    done = subprocess.run(
        [str(BIN / "embver"), "validate", "--staged"], cwd=working.root, env={**os.environ, **foreign},
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 1, done.stderr
    assert "[frozen]" in done.stdout


def test_the_first_commit_of_all(tmp_path: Path, story: Sandbox) -> None:
    """A repository without HEAD: everything staged is new."""
    fresh = Sandbox(root=tmp_path / "fresh")
    fresh.root.mkdir()
    fresh.git("init", "-q", "-b", "main")
    for key, value in (("user.name", "A"), ("user.email", "a@shop.example")):
        fresh.git("config", key, value)
    fresh.embver("init")
    fresh.embver("new", NAME)
    malformed(fresh)
    fresh.git("add", "-A")
    assert "[unknown-field]" in commit(fresh).text
    fresh.edit(("metrik", "metric"))
    fresh.git("add", "-A")
    commit(fresh, code=0)


# ---- the framework


def framework(repo: Sandbox, *arguments: str, code: int | None, env: dict[str, str] | None = None) -> Said:
    argv = [str(BIN / "pre-commit"), *arguments]
    environment = {
        **os.environ,
        **ON_PATH,
        "PRE_COMMIT_HOME": str(repo.root.parent / "pre-commit"),
        **(env or {}),
    }
    done = subprocess.run(argv, cwd=repo.root, env=environment, capture_output=True, check=False)
    said = Said(code=done.returncode, out=done.stdout.decode(), err=done.stderr.decode())
    assert code is None or said.code == code, said.text
    return said


def hooks() -> str:
    """Return the published hooks as a `repo: local` that runs the embver of this environment."""
    published = (ROOT / ".pre-commit-hooks.yaml").read_text(encoding="utf-8")
    lines = [line for line in published.splitlines() if not line.lstrip().startswith("#")]
    lines = [line for line in lines if "minimum_pre_commit_version" not in line]
    body = "\n".join(f"      {line}" for line in lines).replace("language: python", "language: system")
    return f"repos:\n  - repo: local\n    hooks:\n{body}\n"


@pytest.fixture
def framed(working: Sandbox) -> Sandbox:
    """Return the repository with the framework's hooks in the place of the plain one."""
    (working.root / ".pre-commit-config.yaml").write_text(hooks())
    working.git("commit", "-q", "-a", "-m", "hooks", env=ON_PATH)
    for hook in (working.root / ".git/hooks").iterdir():
        hook.unlink()
    for kind in ("pre-commit", "pre-merge-commit", "pre-push"):
        framework(working, "install", "--hook-type", kind, code=0)
    return working


@four_kinds
def test_the_framework_refuses_each_kind(framed: Sandbox, kind: str) -> None:
    act, rule, said = KINDS[kind]
    act(framed)
    framed.git("add", "-A")
    refused = framed.git(
        "commit", "-q", "-m", "x", code=1, env={**ON_PATH, "PRE_COMMIT_HOME": str(framed.root.parent / "p")}
    )
    assert f"[{rule}]" in refused.text
    assert said in refused.text


def test_the_framework_lets_a_sound_commit_through(framed: Sandbox) -> None:
    framed.edit(("Emoji search embeddings", "Emoji search"))
    thawed(framed)
    framed.git(
        "add", f"embeddings/{NAME}/next"
    )  # the other change is not staged: the framework puts it aside
    said = framed.git("commit", "-m", "x", env={**ON_PATH, "PRE_COMMIT_HOME": str(framed.root.parent / "p")})
    assert "embver validate" in said.text
    assert "Other embeddings" in (framed.version("1.0.0") / "card.yaml").read_text()


def test_the_framework_on_all_files(framed: Sandbox) -> None:
    """In CI nothing is staged: then every card is looked at."""
    assert "Passed" in framework(framed, "run", "--all-files", "embver-validate", code=0).out
    untrue(framed)
    framed.git("commit", "-q", "-a", "--no-verify", "-m", "past the hook")
    assert "[artifact-bytes]" in framework(framed, "run", "--all-files", code=1).out


def test_the_framework_stops_a_push_of_tags_that_do_not_agree(framed: Sandbox) -> None:
    environment = {**ON_PATH, "PRE_COMMIT_HOME": str(framed.root.parent / "p")}
    framed.git("push", "-q", "origin", "main", env=environment)
    framed.git(
        "tag", "-f", "-a", "-m", "forged\n\nCard-Digest: sha256:0", "emoji@v1.1.0", "emoji@v1.1.0^{commit}"
    )
    said = framed.git("push", "-q", "origin", "main", "-f", "emoji@v1.1.0", code=1, env=environment)
    assert "its frozen part does not have the Card-Digest of its tag" in said.text


@pytest.mark.registry
def test_the_framework_installs_embver_by_itself(working: Sandbox, tmp_path: Path) -> None:
    """`pre-commit try-repo`: a checkout of embver, built and installed by pre-commit into its own environment."""
    checkout = tmp_path / "embver"
    checkout.mkdir()
    for name in ("embver", "schemas", "templates"):
        shutil.copytree(ROOT / name, checkout / name, ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("pyproject.toml", "README.md", "LICENSE", "CHANGELOG.md", ".pre-commit-hooks.yaml"):
        shutil.copy(ROOT / name, checkout / name)
    git(checkout, "init", "-q", "-b", "main")
    git(checkout, "add", "-A")
    git(checkout, "-c", "user.name=A", "-c", "user.email=a@b.example", "commit", "-q", "-m", "embver")
    # The run's own home hides the person's pip configuration; what this machine needs to reach a registry is theirs.
    told = (entry.partition("=") for entry in Path("/proc/self/environ").read_text().split("\0") if entry)
    environment = {
        key: value for key, _, value in told if key.lower().endswith("_proxy") or key.startswith("PIP_")
    }
    own = Path(pwd.getpwuid(os.getuid()).pw_dir) / ".config/pip/pip.conf"
    environment |= {"PIP_CONFIG_FILE": str(own)} if own.is_file() else {}
    for act, code, said in ((None, 0, "Passed"), (untrue, 1, "[artifact-bytes]")):
        if act is not None:
            act(working)
        working.git("add", "-A")
        done = framework(
            working, "try-repo", str(checkout), "embver-validate", "--all-files", code=code, env=environment
        )
        assert said in done.out
    thawed(working)
    working.git("add", "-A")
    done = framework(
        working,
        "try-repo",
        str(checkout),
        "embver-verify-tags",
        "--hook-stage",
        "pre-push",
        "--all-files",
        code=1,
        env=environment,
    )
    assert "its frozen part differs in the work tree" in done.out
