"""GTO reads our tags, and we read its: nothing is locked in."""

from __future__ import annotations

import contextlib
import io
import itertools
import json
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from embver.cli import main
from embver.store.repo import Repository
from embver.tagname import TagFormat

GTO = Path(sys.executable).with_name("gto")
pytestmark = pytest.mark.skipif(not GTO.is_file(), reason=f"gto is not installed beside {sys.executable}")

RELEASES = [("products", "0.9.0"), ("products", "1.0.0"), ("products", "1.10.0"), ("products", "1.9.1"),
            ("shop/images-v2", "2.0.0"), ("products", "2.0.0-rc.1")]  # fmt: skip
MESSAGE = (
    "Products\n\n- queries are lower-cased\n\nCard-Digest: sha256:abc\nLevel: minor\nVerdict: compatible\n"
)


def gto(folder: Path, *arguments: str) -> str:
    done = subprocess.run([str(GTO), *arguments], cwd=folder, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


def as_json(folder: Path, *arguments: str) -> Any:
    return json.loads(gto(folder, *arguments, "--json"))


@pytest.fixture
def released(repo: Repository) -> Path:
    """Return a repository with releases as `embver release` tags them."""
    for name, version in RELEASES:
        tag = f"{name}@v{version}"
        head = str(repo.head())
        commit = repo.build_commit(parent=head, message=f"Release {tag}", files={}, removed=[])
        made = repo.build_tag(tag=tag, commit=commit, message=MESSAGE)
        repo.move_refs([("refs/heads/main", commit, head), (f"refs/tags/{tag}", made, "0" * 40)])
    return repo.root


def test_gto_lists_our_embeddings(released: Path) -> None:
    shown = as_json(released, "show")
    assert {name: entry["version"] for name, entry in shown.items()} == {
        "products": "v2.0.0-rc.1",
        "shop/images-v2": "v2.0.0",
    }


def test_gto_shows_every_version_in_the_same_order(released: Path) -> None:
    versions = [entry["version"] for entry in as_json(released, "show", "products")]
    ours = [
        release
        for release in Repository.discover(released).releases(TagFormat())
        if release.name == "products"
    ]
    assert versions == [f"v{release.version}" for release in reversed(ours)]


def test_gtos_history_holds_every_release_once(released: Path) -> None:
    entries = as_json(released, "history")
    found = sorted(
        (entry["artifact"], entry["version"]) for entry in entries if entry["event"] == "registration"
    )
    assert found == sorted((name, f"v{version}") for name, version in RELEASES)


def test_gto_gives_the_commit_of_a_version(released: Path, repo: Repository) -> None:
    first = next(release for release in repo.releases(TagFormat()) if release.reference == "products@1.9.1")
    (entry,) = [entry for entry in as_json(released, "show", "products") if entry["version"] == "v1.9.1"]
    assert entry["commit_hexsha"] == first.commit


def test_we_read_what_gto_registers(released: Path, repo: Repository) -> None:
    repo.git("commit", "--quiet", "--allow-empty", "-m", "Later")
    gto(released, "register", "products", "--version", "v3.1.0", "--message", "By hand")
    found = repo.releases(TagFormat())[-2]
    assert (found.reference, found.is_annotated, found.level) == ("products@3.1.0", True, None)
    assert found.message == "By hand\n"


def test_gto_takes_the_next_number_after_ours(released: Path, repo: Repository) -> None:
    repo.git("commit", "--quiet", "--allow-empty", "-m", "Later")
    gto(released, "register", "shop/images-v2", "--bump-minor")
    assert repo.releases(TagFormat())[-1].reference == "shop/images-v2@2.1.0"


def test_a_stage_of_gtos_is_no_release_of_ours(released: Path, repo: Repository) -> None:
    before = repo.releases(TagFormat())
    gto(released, "assign", "products", "--version", "v1.10.0", "--stage", "prod")
    assert repo.releases(TagFormat()) == before
    assert repo.git("tag", "--list", "products#*").split() == ["products#prod#1"]


# ---- stages and status: what is written here reads alike there, and the reverse


@pytest.fixture
def typed(released: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., str]:
    """Return a function that types a command of GTO's, or one of ours a minute after the last.

    GTO orders events by the second, and dates its own by the clock: ours lie an hour before it, or `later`.
    """
    start, minutes = int(time.time()), itertools.count(1)
    hours = {"embver": -3600, "later": 3600}

    def type_(program: str, *arguments: str) -> str:
        if program == "gto":
            return gto(released, *arguments)
        monkeypatch.setenv("GIT_COMMITTER_DATE", f"@{start + hours[program] + 60 * next(minutes)} +0000")
        out = io.StringIO()
        with contextlib.redirect_stdout(out):
            assert main(["-C", str(released), *arguments]) == 0
        return out.getvalue()

    return type_


def stages_in_gto(folder: Path, *options: str) -> dict[str, str]:
    shown = as_json(folder, "show", *options)["products"]["stage"]
    return {stage: version for stage, version in shown.items() if version}


def stages_here(typed: Callable[..., str]) -> dict[str, str]:
    listed = json.loads(typed("embver", "list", "products", "--json"))
    return {stage: f"v{entry['version']}" for entry in listed for stage in entry["stages"]}


def test_both_agree_on_stages_after_every_step(released: Path, typed: Callable[..., str]) -> None:
    steps = [
        ("promote", "products@1.10.0", "staging"),
        ("promote", "products@1.9.1", "prod"),
        ("promote", "products@1.10.0", "prod"),
        ("promote", "products@1.9.1", "prod"),  # back: the newer one is taken out of the stage as well
        ("promote", "products@0.9.0", "prod"),
        ("promote", "products@2.0.0-rc.1", "prod"),
        ("demote", "products", "prod"),
        ("promote", "products@1.0.0", "prod"),
        ("demote", "products", "staging"),
    ]
    seen = []
    for step in steps:
        typed("embver", *step)
        seen.append(stages_here(typed))
        assert stages_in_gto(released) == seen[-1], step
        assert stages_in_gto(released, "--sort", "semver") == seen[-1], step
    assert seen[3] == {"staging": "v1.10.0", "prod": "v1.9.1"}
    assert seen[6] == {"staging": "v1.10.0"}
    assert seen[8] == {"prod": "v1.0.0"}


def test_gto_counts_on_after_us_and_we_after_gto(
    released: Path, typed: Callable[..., str], repo: Repository
) -> None:
    typed("embver", "promote", "products@1.9.1", "prod")
    typed("gto", "assign", "products", "--version", "v1.10.0", "--stage", "prod")
    assert stages_here(typed) == stages_in_gto(released) == {"prod": "v1.10.0"}
    typed("embver", "promote", "shop/images-v2@2.0.0", "prod")
    typed("gto", "deprecate", "products", "v1.10.0", "prod")
    assert stages_here(typed) == stages_in_gto(released) == {"prod": "v1.9.1"}
    typed("later", "promote", "products@1.10.0", "prod")
    assert stages_here(typed) == stages_in_gto(released) == {"prod": "v1.10.0"}
    marks = [tag for tag in repo.git("tag").split() if "#" in tag]
    assert marks == ["products#prod!#3", "products#prod#1", "products#prod#2", "products#prod#4",
                     "shop/images-v2#prod#1"]  # fmt: skip


def test_a_yanked_version_is_deregistered_in_gto(released: Path, typed: Callable[..., str]) -> None:
    typed("embver", "yank", "products@1.10.0", "--reason", "It lost recall")
    assert "v1.10.0" not in [entry["version"] for entry in as_json(released, "show", "products")]
    (event,) = [
        entry for entry in as_json(released, "history", "products") if entry["event"] == "deregistration"
    ]
    assert (event["version"], event["ref"]) == ("v1.10.0", "products@v1.10.0!#1")
    assert gto(released, "check-ref", "products@v1.10.0!#1").strip().endswith("was deregistered")


def test_undone_it_is_registered_again_in_gto(released: Path, typed: Callable[..., str]) -> None:
    typed("embver", "yank", "products@1.10.0", "--reason", "It lost recall")
    typed("embver", "yank", "products@1.10.0", "--undo")
    assert "v1.10.0" in [entry["version"] for entry in as_json(released, "show", "products")]
    assert as_json(released, "show")["products"]["version"] == "v2.0.0-rc.1"
    # GTO 1.10 reads that everywhere but in one table, which the documentation of `yank` says.
    done = subprocess.run(
        [str(GTO), "show", "products"], cwd=released, capture_output=True, text=True, check=False
    )
    assert "Multiple registrations are not supported" in done.stdout + done.stderr


def test_we_read_what_gto_withdraws(released: Path, typed: Callable[..., str]) -> None:
    typed("gto", "deprecate", "products", "v1.10.0")
    listed = {
        entry["version"]: entry["status"]
        for entry in json.loads(typed("embver", "list", "products", "--json"))
    }
    assert listed == {
        "0.9.0": "active",
        "1.0.0": "active",
        "1.9.1": "active",
        "1.10.0": "yanked",
        "2.0.0-rc.1": "active",
    }
    typed("later", "yank", "products@1.10.0", "--undo")
    assert "yanked" not in typed("embver", "list", "products")


def test_a_deprecated_version_reads_as_a_stage_in_gto(released: Path, typed: Callable[..., str]) -> None:
    typed("embver", "deprecate", "products@1.9.1", "--reason", "Slow", "--successor", "products@1.10.0")
    assert stages_in_gto(released) == {"deprecated": "v1.9.1"}
    assert stages_here(typed) == {}
    typed("embver", "deprecate", "products@1.9.1", "--undo")
    assert stages_in_gto(released) == {}


def test_two_versions_on_one_commit_keep_their_stages_apart(
    released: Path, typed: Callable[..., str], repo: Repository
) -> None:
    """GTO cannot tell them apart and refuses to make such a tag (gto#300, #377): our messages say which is meant."""
    repo.git("tag", "--annotate", "-m", "By hand", "products@v1.10.1", "products@v1.10.0^{commit}")
    typed("embver", "promote", "products@1.10.0", "prod")
    typed("embver", "promote", "products@1.10.1", "staging")
    assert stages_here(typed) == {"prod": "v1.10.0", "staging": "v1.10.1"}
