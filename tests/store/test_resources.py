"""Schemas and templates: here and now. What a wheel holds is tested in test_packaging.py."""

from __future__ import annotations

import json
import shutil
import sys
from pathlib import Path

import pytest

import embver
from embver.errors import EmbverError
from embver.store.process import run
from embver.store.resources import resource_folder

PACKAGE = Path(embver.__file__).parent
ASK = "from embver.store.resources import resource_folder; print(resource_folder('schemas'))"


@pytest.mark.parametrize(("kind", "name"), [("schemas", "card/v1.json"), ("templates", "card.yaml.j2")])
def test_the_checkout_has_them(kind: str, name: str) -> None:
    assert (resource_folder(kind) / name).is_file()


def test_each_schema_names_itself() -> None:
    for path in resource_folder("schemas").rglob("*.json"):
        place = path.relative_to(resource_folder("schemas")).as_posix()
        if place.startswith("foreign/"):
            continue  # those of others name themselves; tests/store/test_foreign.py holds them
        assert json.loads(path.read_text(encoding="utf-8"))["$id"].endswith(f"/schemas/{place}")


def test_an_unpacked_wheels_own_copy_comes_first(tmp_path: Path) -> None:
    shutil.copytree(PACKAGE, tmp_path / "embver", ignore=shutil.ignore_patterns("__pycache__"))
    (tmp_path / "schemas").mkdir()
    where = {"PYTHONPATH": str(tmp_path)}
    assert run([sys.executable, "-c", ASK], cwd=tmp_path, env=where).text == f"{tmp_path / 'schemas'}\n"
    (tmp_path / "embver" / "_schemas").mkdir()
    assert (
        run([sys.executable, "-c", ASK], cwd=tmp_path, env=where).text
        == f"{tmp_path / 'embver' / '_schemas'}\n"
    )


def test_what_is_missing_says_how_to_repair_it() -> None:
    with pytest.raises(EmbverError) as caught:
        resource_folder("nothing")
    assert caught.value.hint == "pip install --force-reinstall embver"
