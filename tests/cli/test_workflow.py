"""The ten lines of the README, from an empty folder to the changelog, and what every command prints on the way."""

from __future__ import annotations

import json
import re
import shutil

import pytest

from sandbox import NAME, Sandbox, begin, script, write_first_card

pytestmark = [pytest.mark.torch, pytest.mark.lfs, pytest.mark.xdist_group("history")]


def keys(plain: dict) -> set[str]:
    return set(plain)


def test_the_workflow_from_an_empty_folder(tmp_path, models) -> None:
    repo = Sandbox(root=tmp_path / "shop")
    begin(repo.root, models / "first")  # git init, embver init
    again = repo.embver("init")
    assert "wrote" not in again.out
    assert "kept  embver.toml" in again.out
    assert repo.git("status", "--porcelain").out == ""

    said = repo.embver("new", NAME)
    assert said.out == "wrote embeddings/emoji/next/card.yaml (from the template)\n"
    assert said.err == "next: edit it, then: embver encode emoji\n"
    write_first_card_again(repo)

    said = repo.embver("status")
    assert said.out == (
        "emoji: first release, 1.0.0\n"
        "  still missing before a release\n"
        "    ✗ not encoded: it has no vectors yet    -> embver encode emoji\n"
        "    · benchmarks that were not run: search  -> embver bench emoji\n"
    )
    assert said.err == "next: embver encode emoji\n"

    said = repo.embver("encode", NAME)
    assert re.search(r"image\.safetensors +30 rows +4\.9 kB +sha256:[0-9a-f]{16}…", said.out)
    assert re.search(r"emoji@next: encoded in [\d.]+ s \([\d,]+ images/s, [\d,]+ texts/s\)", said.out)
    assert "image: 30 of 30" in said.err

    said = repo.embver("bench", NAME)
    assert re.search(r"^benchmark  metric +value  95 % interval  +queries$", said.out, re.MULTILINE)
    assert re.search(r"^search +hit@10 +0\.\d{3}  0\.\d{3} to 0\.\d{3} +300$", said.out, re.MULTILINE)

    said = repo.embver("status")
    assert said.out == "emoji: first release, 1.0.0\n"
    assert said.err == "next: embver release emoji\n"

    before = repo.state()
    said = repo.embver("release", NAME, "--dry-run")
    assert said.out == "emoji@1.0.0  first\n"
    assert said.err == "dry run: nothing was changed\n"
    assert repo.state() == before

    said = repo.embver("release", NAME)
    assert re.fullmatch(
        r"emoji@1\.0\.0  first\nreleased emoji@1\.0\.0 as tag emoji@v1\.0\.0 on \w{12}\n", said.out
    )
    assert said.err == "next: git push --follow-tags, then embver site --build\n"
    assert not repo.next.exists()
    assert repo.git("status", "--porcelain").out == ""
    assert repo.git("cat-file", "-t", "emoji@v1.0.0").out == "tag\n"

    said = repo.embver("list")
    assert said.out.splitlines()[1].split() == ["emoji", "1.0.0", "first", "-", "2026-11-02", "active"]
    assert repo.embver("verify").out.endswith(": all agree\n")
    assert repo.embver("site").out.startswith("1 version")
    assert (repo.root / "site").is_dir()


def write_first_card_again(repo: Sandbox) -> None:
    repo.next.joinpath("card.yaml").unlink()
    write_first_card(repo)


def test_a_release_in_a_repository_without_a_commit(tmp_path, models) -> None:
    repo = Sandbox(root=tmp_path / "shop")
    begin(repo.root, models / "first")
    write_first_card(repo)
    repo.embver("encode", NAME)
    repo.git("update-ref", "-d", "refs/heads/main")
    before = repo.state()
    said = repo.embver("release", NAME, code=1)  # a clone would lack all that the vectors were made of
    for path in ("models/clip", "data/corpus-v1.jsonl", "probes/pairs"):
        assert f"{path} is not committed: a clone of this release would lack it [uncommitted]" in said.err
    assert repo.state() == before
    repo.edit(('probe = "probes/pairs"', ""), file=repo.root / "embver.toml")
    repo.edit(
        ("path: models/clip}", "path: models/clip, tracked_by: other}"),
        ("tracked_by: git", "tracked_by: other"),
        ("corpus:\n", "corpus:\n  tracked_by: other\n"),
    )
    repo.embver("encode", NAME)
    repo.embver("release", NAME)
    assert repo.git("log", "--format=%s").out == "Release emoji@1.0.0\n"
    assert repo.embver("verify").code == 0
    # What was staged besides stays staged, and no part of the release.
    assert "embver.toml" not in repo.git("ls-tree", "-r", "--name-only", "HEAD").out
    assert "A  .gitattributes" in repo.git("status", "--porcelain").out


def test_list(story: Sandbox) -> None:
    rows = [line.split()[1:4] for line in story.embver("list").out.splitlines()[1:]]
    assert rows == [["1.0.0", "first", "-"], ["1.1.0", "minor", "identical"], ["1.1.1", "patch", "identical"]]
    listed = story.embver("list", "--json").json
    assert [keys(entry) for entry in listed] == [
        {"name", "version", "tag", "commit", "date", "level", "verdict", "status", "stages"}
    ] * 3
    assert [entry["version"] for entry in listed] == ["1.0.0", "1.1.0", "1.1.1"]
    assert [entry["verdict"] for entry in listed] == [None, "identical", "identical"]
    assert listed[0]["tag"] == "emoji@v1.0.0"
    assert listed[0]["date"].startswith("2026-11-02T09:14:07")
    assert story.embver("list", "emoji").out == story.embver("list").out


def test_show(story: Sandbox) -> None:
    said = story.embver("show", "emoji@1.1.0")
    assert said.out.startswith("emoji@1.1.0\n")
    for words in (
        "32 dimensions, cosine, unit length, float32",
        "image.safetensors, 40 rows",
        "search: hit@1",
    ):
        assert words in said.out
    shown = story.embver("show", "emoji", "--json").json
    assert keys(shown) == {
        "reference",
        "tag",
        "commit",
        "date",
        "level",
        "verdict",
        "status",
        "status_record",
        "stages",
        "card",
    }
    assert shown["reference"] == "emoji@1.1.1"
    assert story.embver("show", "emoji@latest").out == story.embver("show", "emoji@v1.1.1").out


def test_log(story: Sandbox) -> None:
    said = story.embver("log", NAME)
    assert [line.split()[0] for line in said.out.splitlines() if line.startswith("emoji@")] == [
        "emoji@1.1.1",
        "emoji@1.1.0",
        "emoji@1.0.0",
    ]
    assert "encoders.text.preprocessing[collapse_whitespace]: text preprocessing is corrected" in said.out
    logged = story.embver("log", "--json").json
    assert keys(logged[0]) == {
        "reference",
        "date",
        "level",
        "verdict",
        "status",
        "status_record",
        "stages",
        "words",
        "changes",
    }
    assert keys(logged[0]["changes"][0]) == {"path", "kind", "before", "after"}


def test_diff(story: Sandbox) -> None:
    said = story.embver("diff", "emoji@1.0.0", "emoji@1.1.0")
    assert said.out.startswith("emoji@1.0.0 -> emoji@1.1.0\n")
    assert "  ~ corpus.uri: data/corpus-v1.jsonl -> data/corpus-v2.jsonl\n" in said.out
    compared = story.embver("diff", "emoji", "--json").json
    assert keys(compared) == {"a", "b", "changes"}
    assert (compared["a"], compared["b"]) == ("emoji@1.1.0", "emoji@1.1.1")
    added = next(change for change in compared["changes"] if "collapse" in change["path"])
    assert added == {
        "path": "encoders.text.preprocessing[collapse_whitespace]",
        "kind": "added",
        "before": None,
        "after": {"step": "collapse_whitespace"},
        "level": "patch",
        "why": "text preprocessing is corrected",
        "presumption": "presumed",
    }


def test_compat_of_versions_that_meet_and_of_those_that_do_not(retrained: Sandbox) -> None:
    said = retrained.embver("compat", "emoji@1.0.0", "emoji@1.1.1")
    assert said.out.startswith("emoji@1.0.0 -> emoji@1.1.1: identical\n")
    said = retrained.embver("compat", "emoji@1.1.1", "emoji@next", "--json", code=1)
    found = said.json
    assert keys(found) == {"a", "b", "verdict", "level", "strata", "probe", "rule_version"} | {
        "reasons",
        "notes",
        "floor",
        "rule",
    }
    assert (found["verdict"], found["level"]) == ("incompatible", "major")
    assert len(found["strata"]) == 4
    assert keys(found["strata"][0]) == {"query", "document", "verdict", "measures"}
    assert found["probe"]["items"] == 600
    assert "incompatible" in retrained.embver("compat", "emoji", "emoji@next", code=1).out


def test_status(retrained: Sandbox) -> None:
    said = retrained.embver("status")
    assert said.out.startswith("emoji: 1.1.1 -> 2.0.0  MAJOR\n")
    assert "measured against emoji@1.1.1: incompatible" in said.out
    assert "measured against emoji@1.0.0: incompatible" in said.out
    assert said.err == "next: embver release emoji\n"
    found = retrained.embver("status", NAME, "--json").json
    assert keys(found) >= {"name", "current", "proposed", "level", "reasons"}
    assert (found["current"], found["proposed"], found["level"]) == ("1.1.1", "2.0.0", "major")
    assert keys(found["reasons"][0]) == {"path", "level", "why", "presumption"}
    assert retrained.embver("status", "--json").json == [found]


def test_validate_and_verify_as_json(story: Sandbox) -> None:
    assert story.embver("validate", "--json").json == {"problems": []}
    assert story.embver("validate").err == "3 cards checked\n"
    found = story.embver("verify", "--json").json
    assert found == {
        "ok": True,
        "checked": ["emoji@1.0.0", "emoji@1.1.0", "emoji@1.1.1"],
        "missing": [],
        "changed": [],
        "extra": [],
        "unverified": [],
        "moved": [],
        "signatures": [],
        "ignored": [],
    }


def test_doctor(story: Sandbox) -> None:
    said = story.embver("doctor")
    assert "✓ attributes: embeddings/**/*.safetensors go to LFS" in said.out
    assert "✓ tags: 3 releases of 1 embeddings" in said.out
    found = story.embver("doctor", "--json").json
    assert found["ok"] is True
    assert all(keys(check) == {"name", "state", "found", "repair"} for check in found["checks"])


def test_doctor_names_the_repair(story: Sandbox) -> None:
    (story.root / ".gitattributes").write_text("")
    story.git("tag", "emoji@v0.9.0")
    said = story.embver("doctor", code=1)
    assert "would be committed as bytes  ->  embver init" in said.out
    assert (
        "not annotated, so without a record: emoji@v0.9.0  ->  git fetch --force --tags; one that" in said.out
    )
    story.git("tag", "-d", "emoji@v0.9.0")
    story.git("tag", "emoji@v2")
    said = story.embver("doctor", code=1)
    assert "! tags: ignored, since they are no releases: emoji@v2: '2' is not a version" in said.out
    assert "✓ tags: 3 releases of 1 embeddings" in said.out


def test_other_readers_of_the_tags_see_the_same_versions(story: Sandbox) -> None:
    import subprocess
    import sys
    from pathlib import Path

    gto = Path(sys.executable).with_name("gto")
    assert gto.exists(), "gto is part of the dev group"
    told = subprocess.run([gto, "show", "--json"], cwd=story.root, capture_output=True, text=True, check=True)
    assert json.loads(told.stdout)["emoji"]["version"] == "v1.1.1"


def test_the_installed_command(story: Sandbox) -> None:
    said = script("list", "--json", cwd=story.root)
    assert said.code == 0
    assert [entry["version"] for entry in said.json] == ["1.0.0", "1.1.0", "1.1.1"]
    below = story.root / "embeddings/emoji/1.1.0"
    assert script("verify", "--quick", cwd=below).code == 0
    assert script("-C", str(below), "list", "--json", cwd=story.root.parent).out == said.out


def test_the_site_shows_every_version(story: Sandbox) -> None:
    pytest.importorskip("mkdocs")
    said = story.embver("site")
    assert said.out.startswith("3 versions, ")
    text = "".join(page.read_text() for page in (story.root / "site").rglob("*.md"))
    assert all(version in text for version in ("1.0.0", "1.1.0", "1.1.1"))
    assert story.embver("site").out.endswith(", 0 written\n")


def test_two_repositories_built_alike_give_the_same_versions(encoded: Sandbox, tmp_path) -> None:
    other = Sandbox(root=tmp_path / "elsewhere" / "twin")
    shutil.copytree(encoded.root, other.root, symlinks=True)
    shutil.rmtree(other.next)
    shutil.rmtree(other.root / ".git/lfs")
    write_first_card(other)
    other.embver("encode", NAME)
    other.embver("bench", NAME)
    for repo in (encoded, other):
        repo.embver("release", NAME)
    tags = [repo.embver("show", NAME, "--json").json["card"]["artifacts"] for repo in (encoded, other)]
    assert tags[0] == tags[1]
    trailers = [repo.git("tag", "-l", "--format=%(contents)").out for repo in (encoded, other)]
    assert trailers[0] == trailers[1]
    assert "Card-Digest: sha256:" in trailers[0]
