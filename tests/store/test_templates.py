"""Templates: a team's own come first, and their mistakes are told by file and line."""

from __future__ import annotations

from pathlib import Path

import pytest

from embver.errors import UsageError
from embver.store.templates import render_template


def error_of(folder: Path, text: str, name: str = "page.md.j2", **context: object) -> str:
    (folder / name).write_text(text)
    with pytest.raises(UsageError) as caught:
        render_template(name, context, override=folder)
    return caught.value.message


def test_ours_are_found_without_a_folder_and_beside_one(tmp_path: Path) -> None:
    context = {"name": "products", "title": "Products", "dimensions": 64}
    assert "name: products" in render_template("card.yaml.j2", context)
    assert "name: products" in render_template("card.yaml.j2", context, override=tmp_path)
    assert "name: products" in render_template("card.yaml.j2", context, override=tmp_path / "absent")


def test_a_teams_own_comes_first(tmp_path: Path) -> None:
    (tmp_path / "card.yaml.j2").write_text("own {{ name }}\n")
    assert render_template("card.yaml.j2", {"name": "a"}, override=tmp_path) == "own a\n"


def test_a_teams_own_may_include_ours(tmp_path: Path) -> None:
    (tmp_path / "page.md.j2").write_text("{% include 'card.yaml.j2' %}")
    context = {"name": "products", "title": "Products", "dimensions": 64}
    assert "name: products" in render_template("page.md.j2", context, override=tmp_path)


def test_a_teams_own_in_the_place_of_ours_may_add_to_it(tmp_path: Path) -> None:
    (tmp_path / "card.yaml.j2").write_text(
        "{% include 'embver/card.yaml.j2' %}\n# ask {{ name }}@shop.example\n"
    )
    context = {"name": "products", "title": "Products", "dimensions": 64}
    ours = render_template("card.yaml.j2", context)
    assert (
        render_template("card.yaml.j2", context, override=tmp_path) == f"{ours}# ask products@shop.example\n"
    )


def test_nothing_is_escaped_and_the_last_line_break_stays(tmp_path: Path) -> None:
    (tmp_path / "page.md.j2").write_text("{% if yes %}\n<{{ text }}>\n{% endif %}\n")
    assert render_template("page.md.j2", {"yes": True, "text": "a & b"}, override=tmp_path) == "<a & b>\n"


def test_a_mistake_in_the_syntax_names_file_and_line(tmp_path: Path) -> None:
    said = error_of(tmp_path, "one\ntwo {% if %}\n")
    assert said.startswith(f"{tmp_path / 'page.md.j2'}:2:1: ")


def test_an_undefined_variable_names_file_line_and_variable(tmp_path: Path) -> None:
    said = error_of(tmp_path, "one\n\n{{ nmae }}\n", name="own.j2")
    assert said == f"{tmp_path / 'own.j2'}:3:1: 'nmae' is undefined"


def test_a_mistake_of_any_kind_in_a_teams_own_is_theirs(tmp_path: Path) -> None:
    said = error_of(tmp_path, "one\n{{ 1 // 0 }}\n")
    assert said.startswith(f"{tmp_path / 'page.md.j2'}:2:1: ")


def test_a_mistake_of_ours_is_a_bug() -> None:
    class Broken:
        def __str__(self) -> str:
            raise RuntimeError("ours")

    with pytest.raises(RuntimeError, match="ours"):
        render_template("card.yaml.j2", {"name": "a", "title": "A", "dimensions": Broken()})


def test_a_missing_template_is_named() -> None:
    with pytest.raises(UsageError, match=r"template no\.j2: no\.j2"):
        render_template("no.j2", {})
