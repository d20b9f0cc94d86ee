"""The settings of stages and of the site's folders: read as written, and refused with their place."""

from __future__ import annotations

from pathlib import Path

import pytest

from embver.errors import ConfigError
from embver.store.config import load_settings


def write(folder: Path, text: str) -> None:
    (folder / "embver.toml").write_text(text, encoding="utf-8")


def test_stages_and_folders_are_read(tmp_path: Path) -> None:
    write(
        tmp_path,
        'stages = ["staging", "EU/prod"]\n[site]\nfolder = "docs/"\nbuild = "public"\nrepository = "https://x.example"\n',
    )
    found = load_settings(tmp_path)
    assert found.stages == ("staging", "EU/prod")
    assert dict(found.site) == {"folder": "docs", "build": "public", "repository": "https://x.example"}
    write(tmp_path, "")
    assert load_settings(tmp_path).stages == ()


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ('stages = ["yanked"]', "stages[0]"),
        ('stages = ["pro d"]', "stages[0]"),
        ('stages = ["prod", "prod"]', "stages"),
        ('stages = "prod"', "stages"),
        ('[site]\nfolder = "../elsewhere"', "embver.toml: site.folder is '../elsewhere'"),
        ('[site]\nbuild = "/"', "embver.toml: site.build is '/'"),
    ],
)
def test_mistakes_are_told_with_their_place(tmp_path: Path, text: str, told: str) -> None:
    write(tmp_path, text)
    with pytest.raises(ConfigError) as raised:
        load_settings(tmp_path)
    assert told in raised.value.message
