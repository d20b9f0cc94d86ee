"""Lists: from tags alone, by few processes; what looks like a release and is none is told, with the reason."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from embver.actions.listing import list_releases
from embver.actions.workspace import Workspace
from sandbox import Said, embver, git

MESSAGE = "{tag}\n\n- something\n\nCard-Digest: sha256:{number:064x}\nLevel: minor\nVerdict: compatible\n"
KEYS = ("name", "version", "tag", "commit", "date", "level", "verdict", "status", "stages")


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """Return a repository with a commit, and settings of its own."""
    folder = tmp_path / "registry"
    folder.mkdir()
    git(folder, "init", "--quiet", "-b", "main", ".")
    git(folder, "config", "user.name", "Ada")
    git(folder, "config", "user.email", "ada@example.org")
    (folder / "embver.toml").write_text('remote = "origin"\n')
    git(folder, "add", ".")
    git(folder, "commit", "--quiet", "-m", "Begin")
    return folder


def tag(folder: Path, name: str, message: str = "") -> None:
    git(folder, "tag", "-a", name, "-m", message or MESSAGE.format(tag=name, number=1))


def say(folder: Path, *arguments: str, code: int = 0) -> Said:
    said = embver("-C", str(folder), *arguments)
    assert said.code == code, said.text
    return said


@pytest.fixture
def git_calls(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Callable[[], list[str]]:
    """Return a function that lists every git command started since; git writes them down itself."""
    trace = tmp_path / "trace"
    monkeypatch.setenv("GIT_TRACE", str(trace))

    def calls() -> list[str]:
        lines = trace.read_text().splitlines() if trace.is_file() else []
        return [line.partition("built-in: git ")[2] for line in lines if "built-in: git " in line]

    return calls


def many(folder: Path, names: int, versions: int) -> None:
    lines = ""
    for name in range(names):
        for version in range(versions):
            said = MESSAGE.format(tag=name, number=name * versions + version)
            lines += f"tag family-{name:02d}@v1.{version}.0\nfrom refs/heads/main^0\n"
            lines += f"tagger Ada <ada@example.org> 1795000000 +0000\ndata {len(said)}\n{said}\n"
    subprocess.run(["git", "fast-import", "--quiet"], cwd=folder, input=lines.encode(), check=True)
    git(folder, "pack-refs", "--all")


def test_a_list_of_thousands_is_two_processes_and_in_semver_order(
    home: Path, git_calls: Callable[[], list[str]]
) -> None:
    many(home, 30, 100)
    before = len(git_calls())
    said = say(home, "list")
    assert len(git_calls()) - before == 2  # where the repository is; every tag
    rows = [line.split() for line in said.out.splitlines()]
    assert rows[0] == ["name", "version", "level", "verdict", "date", "status"]
    assert [row[:2] for row in rows[1:]] == [
        [f"family-{name:02d}", f"1.{version}.0"] for name in range(30) for version in range(100)
    ]
    assert {tuple(row[2:]) for row in rows[1:]} == {("minor", "compatible", "2026-11-18", "active")}
    assert said.err == ""


def test_one_name_asks_for_its_own_tags_only(home: Path, git_calls: Callable[[], list[str]]) -> None:
    many(home, 30, 100)
    before = len(git_calls())
    listed = say(home, "list", "family-07", "--json").json
    asked = git_calls()[before:]
    assert [call.split()[0] for call in asked] == ["rev-parse", "for-each-ref"]
    assert "refs/tags/family-07@v" in asked[1]
    assert [entry["version"] for entry in listed] == [f"1.{version}.0" for version in range(100)]
    # A name that begins like another one is another one.
    tag(home, "family-070@v1.0.0")
    tag(home, "family-07/b@v1.0.0")
    assert len(say(home, "list", "family-07", "--json").json) == 100


def test_json_is_one_document_with_an_entry_a_line(home: Path) -> None:
    tag(home, "shop@v1.0.0", "No trailers at all")
    tag(home, "shop@v1.1.0", 'A "quoted" one\n\nLevel: minor\nVerdict: none\n')
    said = say(home, "list", "--json")
    head = git(home, "rev-parse", "HEAD").out.strip()
    assert [tuple(entry) for entry in said.json] == [KEYS, KEYS]
    assert said.json[0] == dict(zip(KEYS, ("shop", "1.0.0", "shop@v1.0.0", head, "2026-11-02T09:14:07+00:00", None, None,
                                           "active", []), strict=True))  # fmt: skip
    assert (said.json[1]["level"], said.json[1]["verdict"]) == ("minor", None)
    lines = said.out.splitlines()
    assert (lines[0], lines[-1], len(lines)) == ("[", "]", 4)
    assert json.loads(lines[1].rstrip(","))["version"] == "1.0.0"


def test_no_release_is_an_empty_array(home: Path) -> None:
    assert say(home, "list", "--json").out == "[]\n"
    said = say(home, "list")
    assert (said.out, said.err.splitlines()[0]) == ("", "no releases yet")


def test_status_and_stages_come_from_tags(home: Path) -> None:
    for version in ("1.0.0", "1.1.0", "1.2.0"):
        git(home, "commit", "--quiet", "--allow-empty", "-m", version)
        tag(home, f"shop@v{version}")
    tag(home, "shop@v1.2.0!#1", "Yanked\n\nVersion: 1.2.0\nReason: wrong weights\n")
    git(home, "tag", "-a", "shop#prod#2", "-m", "Prod\n\nVersion: 1.1.0\n", "shop@v1.1.0^{}")
    listed = say(home, "list", "--json").json
    assert [(entry["status"], entry["stages"]) for entry in listed] == [
        ("active", []), ("active", ["prod"]), ("yanked", [])]  # fmt: skip
    rows = [line.split() for line in say(home, "list", "shop").out.splitlines()]
    assert rows[0][-2:] == ["status", "stages"]
    assert [row[5:] for row in rows[1:]] == [["active"], ["active", "prod"], ["yanked"]]


@pytest.mark.parametrize(
    ("name", "why"),
    [
        ("shop@v1.0", "'1.0' is not a version"),
        ("shop@v01.0.0", "'01.0.0' is not a version"),
        ("shop@1.0.0", "a release's tag is named shop@v1.0.0"),
        ("Shop@v1.0.0", "'Shop' is not a legal name"),
        ("shop/next@v1.0.0", "'shop/next' is not a legal name"),
    ],
)
def test_a_tag_that_is_no_release_is_told_with_the_reason(name: str, why: str, home: Path) -> None:
    tag(home, name)
    tag(home, "shop@v2.0.0")
    said = say(home, "list", "--json")
    assert [entry["tag"] for entry in said.json] == ["shop@v2.0.0"]
    assert f"note: the tag {name} is ignored: {why}" in said.err


def test_tags_of_folders_and_lightweight_ones_are_told(home: Path) -> None:
    git(home, "tag", "shop@v1.0.0", "HEAD^{tree}")
    git(home, "tag", "shop@v1.1.0")
    said = say(home, "list", "shop")
    assert "note: the tag shop@v1.0.0 is ignored: it stands for a file or a folder" in said.err
    assert "note: the tag shop@v1.1.0 is not annotated: it holds no level, verdict or digest" in said.err
    assert [line.split()[:4] for line in said.out.splitlines()[1:]] == [["shop", "1.1.0", "-", "-"]]


def test_other_tags_are_nobodys_business(home: Path) -> None:
    for name in ("v1.0.0", "docs/2026", "nightly", "products"):
        tag(home, name)
    assert say(home, "list").err.splitlines()[0] == "no releases yet"


def test_a_tag_that_is_no_utf8_breaks_nothing(home: Path) -> None:
    subprocess.run(["git", "update-ref", b"refs/tags/sho\xffp@v1.0.0", "HEAD"], cwd=home, check=True)
    said = say(home, "list")
    assert "the tag sho\\udcffp@v1.0.0 is ignored" in said.err


def test_many_such_tags_are_counted(home: Path) -> None:
    for number in range(8):
        git(home, "tag", f"shop@v{number}")
    notes = say(home, "list").err.splitlines()[:6]
    assert len([line for line in notes if "is ignored" in line]) == 5
    assert notes[5] == "note: and 3 more tags like these"


def test_an_unknown_name_says_what_there_is(home: Path) -> None:
    tag(home, "shop@v1.0.0")
    said = say(home, "list", "shoes", code=2)
    assert said.err == "error: there is no embedding 'shoes'\nnext: known: shop\n"
    assert "is not a legal name" in say(home, "list", "Shoes!", code=2).err


def test_colours_keep_the_columns(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    tag(home, "shop@v1.0.0")
    tag(home, "shop@v1.10.0", "Broken\n\nLevel: major\nVerdict: incompatible\n")
    plain = say(home, "list").out
    monkeypatch.setenv("FORCE_COLOR", "1")
    coloured = say(home, "list").out
    assert "\x1b[31mmajor\x1b[0m" in coloured
    stripped = coloured
    for code in ("0", "1", "2", "31", "32", "33"):
        stripped = stripped.replace(f"\x1b[{code}m", "")
    assert stripped == plain


def test_listing_loads_neither_yaml_nor_a_schema_checker(home: Path) -> None:
    tag(home, "shop@v1.0.0")
    code = (
        "import sys\nfrom embver.cli import main\ncode = main(['list'])\n"
        "print(code, sorted({'yaml', 'jsonschema_rs', 'jsonschema', 'semver', 'hashlib', 'tempfile', 'shutil'}"
        " & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=home, capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "0 []"


def test_a_workspace_reads_one_names_tags_once(home: Path, git_calls: Callable[[], list[str]]) -> None:
    many(home, 3, 4)
    work = Workspace.open(home)
    before = len(git_calls())
    assert [str(release.version) for release in work.releases_of("family-01")] == [
        "1.0.0",
        "1.1.0",
        "1.2.0",
        "1.3.0",
    ]
    assert str(work.find("family-01").version) == "1.3.0"
    assert work.lifecycle_of("family-01").events == ()
    assert len(git_calls()) - before == 1
    assert len(list_releases(work).releases) == 12
