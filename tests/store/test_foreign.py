"""The copies of others' schemas are the ones that their notice names, and check what they should."""

from __future__ import annotations

import hashlib
import re

from embver.store.foreign import foreign_problems
from embver.store.resources import resource_folder

FOLDER = resource_folder("schemas") / "foreign"
_LINE = re.compile(r"^([0-9a-f]{64})  (\S+\.json)$", re.MULTILINE)


def test_each_file_is_the_one_that_the_notice_names() -> None:
    told = {
        name: digest for digest, name in _LINE.findall((FOLDER / "NOTICE.md").read_text(encoding="utf-8"))
    }
    found = {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in FOLDER.glob("*.json")}
    assert found == told
    assert len(found) == 15


def test_schemas_that_name_one_another_are_found_without_a_network() -> None:
    bom = {"bomFormat": "CycloneDX", "specVersion": "1.7", "components": [{"type": "file", "name": "x"}]}
    assert foreign_problems("cyclonedx-1.7", bom) == ()
    licensed = [{"license": {"id": "No-Such-Licence"}}]
    bom["components"] = [{"type": "file", "name": "x", "licenses": licensed}]
    assert len(foreign_problems("cyclonedx-1.7", bom)) == 1
