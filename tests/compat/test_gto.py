"""GTO reads our tags, and we read its: nothing is locked in."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

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
