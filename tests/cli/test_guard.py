"""`embver guard`: stamping and checking files as people type it, with versions of a repository and without one."""

from __future__ import annotations

from pathlib import Path

import lancedb
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import embver as package
from sandbox import Sandbox, embver

pytestmark = [pytest.mark.torch, pytest.mark.lfs]
BARE = f"space:sha256:{'0' * 64}"


@pytest.fixture
def index(retrained: Sandbox) -> Path:
    """Return a FAISS index of the image vectors of 1.1.0, beside the repository; `next` is of another space."""
    import faiss

    rows = package.open("emoji@1.1.0", path=retrained.root).vectors["image"]
    made = faiss.IndexFlatIP(rows.shape[1])
    made.add(rows)
    path = retrained.root.parent / "images.faiss"
    faiss.write_index(made, str(path))
    return path


def test_a_persons_way(retrained: Sandbox, index: Path) -> None:
    name = str(index)
    said = retrained.embver("guard", "check", name, "emoji@1.1.0", code=1)
    assert (said.out, "has no stamp" in said.err) == ("", True)
    assert f"next: embver guard stamp {name} REF, if you do" in said.err
    versions = ("1.1.0", "1.1.1", "next")
    ids = {version: retrained.embver("fingerprint", f"emoji@{version}").out.strip() for version in versions}
    labels = {version: f"emoji@{version} ({found[:25]}…)" for version, found in ids.items()}
    labels["next"] = f"{ids['next'][:25]}…"  # a working version has no name that lasts
    said = retrained.embver("guard", "stamp", name, "emoji@1.1.0")
    assert said.out == f"{name}: stamped as vectors of {labels['1.1.0']}\n"
    assert retrained.embver("guard", "show", name).out == f"emoji@1.1.0  {ids['1.1.0']}, 32 dimensions\n"
    assert retrained.embver("guard", "check", name, "emoji@1.1.0").out == (
        f"✓ {labels['1.1.0']} and {labels['1.1.0']}: same space\n"
    )
    recorded = retrained.embver("show", "emoji@1.1.1", "--json").json["card"]["compatibility"][0]
    assert (recorded["against"], recorded["verdict"]) == ("emoji@1.1.0", "identical")
    assert retrained.embver("guard", "check", name, "emoji@1.1.1").out == (
        f"✓ {labels['1.1.1']} and {labels['1.1.0']}: identical\n"
    )
    said = retrained.embver("guard", "check", name, "emoji@next", code=1)
    assert said.out == f"✗ {labels['next']} and {labels['1.1.0']}: unmeasured\n"
    assert (
        f"{name} holds vectors of {labels['1.1.0']}; the query is encoded by {labels['next']}: " in said.err
    )
    said = retrained.embver(
        "guard", "check", name, "emoji@next", "--measure", "--allow", "compatible", code=1
    )
    assert said.out == f"✗ {labels['next']} and {labels['1.1.0']}: incompatible\n"
    assert "they are incompatible" in said.err


def test_documents_for_machines(retrained: Sandbox, index: Path) -> None:
    name = str(index)
    stamped = retrained.embver("guard", "stamp", name, "emoji@1.1.0", "emoji@next", "--json").json
    assert (stamped["store"], stamped["embver_stamp"], len(stamped["spaces"])) == (name, 1, 2)
    assert retrained.embver("guard", "show", name, "--json").json == stamped
    refused = retrained.embver("guard", "check", name, "emoji@1.1.1", "--json", code=1)
    assert refused.err == ""
    assert (refused.json["allowed"], refused.json["mixed"], refused.json["verdict"]) == (False, True, None)
    assert {(pair["reference"], pair["relation"]) for pair in refused.json["spaces"]} == {
        ("emoji@1.1.0", "identical"),
        (None, "unmeasured"),
    }
    retrained.embver("guard", "stamp", name, "emoji@1.1.0", code=1)
    retrained.embver("guard", "stamp", name, "emoji@1.1.0", "--replace")
    passed = retrained.embver("guard", "check", name, "emoji@1.1.1", "--json").json
    assert (passed["allowed"], passed["verdict"], passed["mixed"]) == (True, "identical", False)


def test_one_stratum_alone(retrained: Sandbox, index: Path) -> None:
    name = str(index)
    retrained.embver("guard", "stamp", name, "emoji@1.1.0")
    retrained.embver("guard", "check", name, "emoji@1.1.1", "--modalities", "text,image")
    said = retrained.embver("guard", "check", name, "emoji@1.1.1", "--modalities", "audio,image", code=1)
    assert "unmeasured" in said.out


def test_an_unmeasured_pair_is_measured_on_demand(retrained: Sandbox, tmp_path: Path) -> None:
    rows = package.open("emoji@1.0.0", path=retrained.root).vectors["image"]
    vectors = pa.FixedSizeListArray.from_arrays(pa.array(np.asarray(rows).ravel()), rows.shape[1])
    pq.write_table(pa.table({"vector": vectors}), tmp_path / "images.parquet")
    name = str(tmp_path / "images.parquet")
    retrained.embver("guard", "stamp", name, "emoji@1.0.0")
    said = retrained.embver("guard", "check", name, "emoji@next", code=1)
    assert "unmeasured" in said.out
    said = retrained.embver("guard", "check", name, "emoji@next", "--measure", code=1)
    assert "incompatible" in said.out


def test_a_fingerprint_needs_no_repository(tmp_path: Path) -> None:
    vectors = pa.FixedSizeListArray.from_arrays(pa.array(np.zeros(8, dtype=np.float32)), 4)
    lancedb.connect(tmp_path / "db").create_table("products", data=pa.table({"vector": vectors}))
    folder = ("-C", str(tmp_path))
    assert embver(*folder, "guard", "stamp", "db/products.lance", BARE).code == 0
    assert embver(*folder, "guard", "check", "db/products.lance", BARE, "--column", "vector").code == 0
    assert embver(*folder, "guard", "check", "db/products.lance", BARE[:-1]).code == 2  # a digit is gone
    said = embver(*folder, "guard", "check", "db/products.lance", f"space:sha256:{'1' * 64}")
    assert (said.code, "nothing says whether they meet" in said.err) == (1, True)


@pytest.mark.parametrize(
    ("typed", "hint"),
    [
        (("stamp", "x.faiss"), "embver guard stamp FILE REF [REF ...]"),
        (("check", "x.faiss"), "embver guard check FILE REF"),
        (("check", "x.faiss", BARE, BARE), "embver guard check FILE REF"),
        (("show", "x.faiss", BARE), "embver guard show FILE"),
        (("check", "x.faiss", BARE, "--modalities", "text"), "two of them, such as text,image"),
        (("check", "gone.faiss", BARE), "gone.faiss does not exist"),
        (("check", "x.faiss", "emoji@1.0.0"), "is no Git repository"),
        (("check", "x.faiss", "space:md5:1"), "is neither a version nor a fingerprint"),
    ],
)
def test_mistakes_in_typing(typed: tuple[str, ...], hint: str, tmp_path: Path) -> None:
    (tmp_path / "x.faiss").write_bytes(b"IxFI" + bytes(12) + (1 << 20).to_bytes(8, "little") * 2)
    package.guard.stamp(tmp_path / "x.faiss", BARE)
    said = embver("-C", str(tmp_path), "guard", *typed)
    assert (said.code, said.out) == (2, "")
    assert hint in said.err


def test_checking_loads_no_array_library(tmp_path: Path) -> None:
    import subprocess
    import sys

    (tmp_path / "x.faiss").write_bytes(b"IxFI" + bytes(12) + (1 << 20).to_bytes(8, "little") * 2)
    package.guard.stamp(tmp_path / "x.faiss", BARE)
    code = (
        "import sys; from embver.cli import main\n"
        f"code = main(['guard', 'check', 'x.faiss', {BARE!r}])\n"
        "heavy = {'numpy', 'faiss', 'pyarrow', 'lancedb', 'qdrant_client', 'git', 'torch'}\n"
        "print(code, *sorted(heavy & set(sys.modules)))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, check=True
    )
    assert done.stdout.splitlines()[-1] == "0"
