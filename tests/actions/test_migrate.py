"""`embver migrate`: nothing to do today; with an upgrade, all cards of next/ or none, and only the lines that change."""

from __future__ import annotations

from pathlib import Path

import pytest

from embver.actions.migrate import migrate
from embver.actions.workspace import Workspace
from embver.errors import CardError
from sandbox import embver, git


@pytest.fixture
def repo(tmp_path: Path) -> Path:
    git(tmp_path, "init", "-q", "-b", "main")
    embver("-C", str(tmp_path), "init")
    for name in ("pictures", "texts"):
        assert embver("-C", str(tmp_path), "new", name).code == 0
    return tmp_path


def card(repo: Path, name: str = "texts") -> Path:
    return repo / f"embeddings/{name}/next/card.yaml"


def rename(text: str) -> str:
    """Turn a card of schema 1 into one of a schema 2 in which `title` is called `heading`."""
    return text.replace("schema: 1\n", "schema: 2\n").replace("\ntitle:", "\nheading:")


def test_there_is_nothing_to_do(repo: Path) -> None:
    before = card(repo).read_bytes()
    said = embver("-C", str(repo), "migrate")
    assert (said.code, said.out) == (0, "")
    assert "nothing to do: the newest schema is 1, of embeddings/pictures/next/card.yaml" in said.err
    assert card(repo).read_bytes() == before


def test_an_upgrade_changes_its_lines_and_no_others(repo: Path) -> None:
    before = card(repo).read_text().splitlines()
    work = Workspace.open(repo)
    (shown,) = migrate(work, ["texts"], dry_run=True, upgrades={1: rename}, newest=2)
    assert card(repo).read_text().splitlines() == before
    (done,) = migrate(work, ["texts"], upgrades={1: rename}, newest=2)
    assert shown == done
    assert (done.before, done.after) == (1, 2)
    after = card(repo).read_text().splitlines()
    changed = [(old, new) for old, new in zip(before, after, strict=True) if old != new]
    assert [old.split(":")[0] for old, _ in changed] == ["schema", "title"]
    assert [line[1:] for line in done.diff.splitlines() if line[:1] == "+"][1:] == [new for _, new in changed]
    assert card(repo, "pictures").read_text().splitlines()[3] == "schema: 1"


def test_upgrades_follow_one_another(repo: Path) -> None:
    upgrades = {1: rename, 2: lambda text: text.replace("schema: 2\n", "schema: 3\n")}
    made = migrate(Workspace.open(repo), upgrades=upgrades, newest=3)
    assert [migration.path for migration in made] == [
        "embeddings/pictures/next/card.yaml",
        "embeddings/texts/next/card.yaml",
    ]
    assert "\nschema: 3\n" in card(repo).read_text()


@pytest.mark.parametrize(
    ("line", "said"), [("schema: 2", "schema-newer"), ("schema: one", "card.yaml:4:1"), ("", "")]
)
def test_a_card_of_no_known_schema_stops_all(repo: Path, line: str, said: str) -> None:
    text = card(repo).read_text()
    card(repo).write_text(text.replace("schema: 1\n", f"{line}\n"))
    before = card(repo, "pictures").read_bytes()
    done = embver("-C", str(repo), "migrate")
    assert done.code == 1
    assert said in done.err
    assert "nothing was migrated" in done.err
    with pytest.raises(CardError):
        migrate(Workspace.open(repo), upgrades={}, newest=1)
    assert card(repo, "pictures").read_bytes() == before


def test_an_unknown_embedding(repo: Path) -> None:
    assert embver("-C", str(repo), "migrate", "music").code == 2
