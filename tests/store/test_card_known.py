"""The list of cards that are known to be right."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from embver.store import known
from embver.store.cards import read_card_text
from embver.store.known import KnownCards, blob_id

DATA = (Path(__file__).resolve().parent.parent / "data" / "cards" / "valid" / "example.yaml").read_bytes()
PLAIN = read_card_text(DATA, path="x").plain


def saved(folder: Path, *cards: tuple[str, str | None]) -> KnownCards:
    found = KnownCards.open(folder)
    for blob, version in cards:
        found.add(blob, version, PLAIN)
    found.save()
    return KnownCards.open(folder)


def test_a_card_is_named_as_git_names_it(tmp_path: Path) -> None:
    (tmp_path / "card.yaml").write_bytes(DATA)
    said = subprocess.run(
        ["git", "hash-object", "card.yaml"], cwd=tmp_path, capture_output=True, text=True, check=True
    )
    assert blob_id(DATA) == said.stdout.strip()


def test_a_card_is_known_in_its_folder_alone(tmp_path: Path) -> None:
    found = saved(tmp_path, ("a1", "2.1.0"))
    assert found.get("a1", "2.1.0") == PLAIN
    assert found.holds("a1", "2.1.0")
    for blob, folder in (("a1", "next"), ("a1", None), ("a2", "2.1.0")):
        assert found.get(blob, folder) is None
        assert not found.holds(blob, folder)


@pytest.mark.parametrize("folder", [None, "-", "next", "1.0.0-rc.1+a", "a b {", "a\nb", "", "é", "\udcff"])
def test_any_folder_has_its_own_key(folder: str | None, tmp_path: Path) -> None:
    found = saved(tmp_path, ("a1", folder))
    assert found.get("a1", folder) == PLAIN
    assert [other for other in (None, "-", "a", "next", "") if found.holds("a1", other)] == (
        [folder] if folder in (None, "-", "next", "") else []
    )


def test_two_runs_add_to_one_list(tmp_path: Path) -> None:
    one, two = KnownCards.open(tmp_path), KnownCards.open(tmp_path)
    saved(tmp_path, ("a0", None))
    one, two = KnownCards.open(tmp_path), KnownCards.open(tmp_path)
    one.add("a1", None, PLAIN)
    two.add("a2", None, PLAIN)
    one.save()
    two.save()
    found = KnownCards.open(tmp_path)
    assert all(found.get(blob, None) == PLAIN for blob in ("a0", "a1", "a2"))


def test_other_rules_begin_a_new_list(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    saved(tmp_path, ("a1", None))
    monkeypatch.setattr(known, "rules_stamp", lambda: "other")
    assert KnownCards.open(tmp_path).get("a1", None) is None
    found = saved(tmp_path, ("a2", None))
    assert (found.holds("a1", None), found.holds("a2", None)) == (False, True)


def test_the_stamp_follows_schema_version_and_code(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    before = known.rules_stamp()
    assert before == known.rules_stamp()
    monkeypatch.setattr("embver.__version__", "99.0.0")
    assert known.rules_stamp() != before


@pytest.mark.parametrize("cut", [1, 5, 41, 60, 200, len(DATA)])
def test_a_torn_list_is_only_forgotten(cut: int, tmp_path: Path) -> None:
    saved(tmp_path, ("a1", None))
    saved(tmp_path, ("a2", None))
    file = tmp_path / "embver" / known.NAME
    file.write_bytes(file.read_bytes()[:-cut])
    found = KnownCards.open(tmp_path)
    assert found.get("a1", None) == PLAIN or cut > len(DATA) // 2
    assert found.get("a2", None) in (None, PLAIN)
    found = saved(tmp_path, ("a3", None))
    assert found.get("a3", None) == PLAIN


@pytest.mark.parametrize("data", [b"", b"\xff\x00", b"embver known-valid 1 x\na1 - {}\n", b"a1 - {}"])
def test_a_foreign_file_is_no_list(data: bytes, tmp_path: Path) -> None:
    (tmp_path / "embver").mkdir()
    (tmp_path / "embver" / known.NAME).write_bytes(data)
    assert KnownCards.open(tmp_path).get("a1", None) is None
    assert saved(tmp_path, ("a2", None)).get("a2", None) == PLAIN


def test_a_place_that_cannot_be_written_is_no_failure(tmp_path: Path) -> None:
    (tmp_path / "embver").write_text("a file", encoding="utf-8")
    assert saved(tmp_path, ("a1", None)).get("a1", None) is None


def test_a_list_that_grew_too_long_keeps_what_is_used(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    saved(tmp_path, ("a1", None), ("a2", None))
    size = (tmp_path / "embver" / known.NAME).stat().st_size
    monkeypatch.setattr(known, "MAX_BYTES", size + 10)
    monkeypatch.setattr(KnownCards, "_keep_bytes", size * 2, raising=False)
    found = KnownCards.open(tmp_path)
    assert found.get("a2", None) == PLAIN
    found.add("a3", None, PLAIN)
    found.save()
    again = KnownCards.open(tmp_path)
    assert (again.holds("a1", None), again.holds("a3", None)) == (False, True)
    assert (tmp_path / "embver" / known.NAME).stat().st_size <= size + 10
