"""What ships: the wheel's exact content, from the tree and from the sdist, and finding its schemas and templates.

After adding a file to the package, a schema or a template: `python tests/test_packaging.py --update`, and read
the difference before committing it.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tarfile
import tempfile
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
EXPECTED = ROOT / "tests" / "data" / "wheel-files.txt"
SHIPPED = ("embver", "schemas", "templates", "pyproject.toml", "README.md", "LICENSE", "CHANGELOG.md")


def copy_tree(folder: Path) -> Path:
    """Copy what the build reads, so that nothing is written into the tree and nothing else can be picked up."""
    folder.mkdir()
    for name in SHIPPED:
        if (ROOT / name).is_dir():
            shutil.copytree(ROOT / name, folder / name, ignore=shutil.ignore_patterns("__pycache__", "*.pyc"))
        else:
            shutil.copy(ROOT / name, folder / name)
    return folder


def build(source: Path, target: str, out: Path) -> Path:
    """Build `wheel` or `sdist` without the network; return the one file that came out."""
    argv = [sys.executable, "-m", "hatchling", "build", "--target", target, "--directory", str(out)]
    done = subprocess.run(argv, cwd=source, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    (built,) = out.iterdir()
    return built


def wheel_files(wheel: Path) -> list[str]:
    """Return the sorted file list of a wheel, without its version."""
    version = wheel.name.split("-")[1]
    with zipfile.ZipFile(wheel) as archive:
        return sorted(
            name.replace(f"embver-{version}.dist-info", "embver.dist-info") for name in archive.namelist()
        )


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("wheel")
    return build(copy_tree(folder / "tree"), "wheel", folder / "out")


@pytest.fixture(scope="module")
def unpacked(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("unpacked")
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(folder)
    return folder


def test_the_wheel_holds_exactly_what_is_expected(wheel: Path) -> None:
    found, expected = wheel_files(wheel), EXPECTED.read_text(encoding="utf-8").split()
    assert sorted(set(found) - set(expected)) == [], "new: python tests/test_packaging.py --update"
    assert sorted(set(expected) - set(found)) == [], "gone: python tests/test_packaging.py --update"


def test_the_wheel_from_the_sdist_is_the_wheel_from_the_tree(wheel: Path, tmp_path: Path) -> None:
    sdist = build(copy_tree(tmp_path / "tree"), "sdist", tmp_path / "sdist")
    with tarfile.open(sdist) as archive:
        archive.extractall(tmp_path / "unpacked", filter="data")
    (source,) = (tmp_path / "unpacked").iterdir()
    assert wheel_files(build(source, "wheel", tmp_path / "out")) == wheel_files(wheel)


def test_every_schema_and_template_ships(wheel: Path) -> None:
    found = set(wheel_files(wheel))
    for kind in ("schemas", "templates"):
        here = {
            path.relative_to(ROOT / kind).as_posix() for path in (ROOT / kind).rglob("*") if path.is_file()
        }
        assert here
        assert {f"embver/_{kind}/{name}" for name in here} <= found


def test_the_wheel_says_what_it_is(unpacked: Path) -> None:
    (info,) = unpacked.glob("*.dist-info")
    metadata = (info / "METADATA").read_text(encoding="utf-8")
    assert "License-Expression: Apache-2.0" in metadata
    assert [f"Provides-Extra: {extra}" in metadata for extra in ("encode", "site", "ray", "all")] == [
        True
    ] * 4
    required = [
        line for line in metadata.splitlines() if line.startswith("Requires-Dist") and "extra ==" not in line
    ]
    assert not [line for line in required if "torch" in line or "transformers" in line or "mkdocs" in line]
    assert "embver = embver.cli:run" in (info / "entry_points.txt").read_text(encoding="utf-8")
    assert "Apache License" in (info / "licenses" / "LICENSE").read_text(encoding="utf-8")
    assert (unpacked / "embver" / "py.typed").is_file()


def found_from(folder: Path, kind: str, cwd: Path) -> Path:
    """Return where an embver that is imported from `folder` finds its schemas or templates."""
    code = (
        "import sys; from embver.store.resources import resource_folder; print(resource_folder(sys.argv[1]))"
    )
    environment = {**os.environ, "PYTHONPATH": str(folder)}
    argv = [sys.executable, "-c", code, kind]
    done = subprocess.run(argv, cwd=cwd, env=environment, capture_output=True, text=True, check=True)
    return Path(done.stdout.strip())


@pytest.mark.parametrize("kind", ["schemas", "templates"])
def test_resources_are_found_in_a_wheel_and_in_a_checkout(unpacked: Path, kind: str, tmp_path: Path) -> None:
    assert found_from(unpacked, kind, tmp_path) == unpacked.resolve() / "embver" / f"_{kind}"
    assert found_from(ROOT, kind, tmp_path) == ROOT / kind


def test_missing_resources_say_how_to_repair_them(unpacked: Path, tmp_path: Path) -> None:
    shutil.copytree(unpacked / "embver", tmp_path / "embver", ignore=shutil.ignore_patterns("_schemas"))
    code = (
        "from embver.errors import EmbverError\n"
        "from embver.store.resources import resource_folder\n"
        "try:\n    resource_folder('schemas')\n"
        "except EmbverError as error:\n    print(error.hint)"
    )
    argv = [sys.executable, "-c", code]
    environment = {**os.environ, "PYTHONPATH": str(tmp_path)}
    done = subprocess.run(argv, cwd=tmp_path, env=environment, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "pip install --force-reinstall embver"


def update() -> None:
    """Write the wheel's file list anew."""
    with tempfile.TemporaryDirectory() as folder:
        names = wheel_files(build(copy_tree(Path(folder) / "tree"), "wheel", Path(folder) / "out"))
    EXPECTED.write_text("\n".join(names) + "\n", encoding="utf-8")


if __name__ == "__main__":
    if sys.argv[1:] != ["--update"]:
        sys.exit("usage: python tests/test_packaging.py --update")
    update()
