"""The house's rules (CONTRIBUTING, "The floors"), held by parsing every import of the package.

A rule that is only written down is kept until the first hurry; dulwich's tests/test_source.py showed the way.
"""

from __future__ import annotations

import ast
import os
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
PACKAGE = ROOT / "embver"
FILES = sorted(PACKAGE.rglob("*.py"))

# What each part of the house may import of the house: "" is the ground floor, the modules at the root.
BELOW = {
    "": {""},
    "measure": {"", "measure"},
    "store": {"", "store"},
    "encode": {"", "encode"},
    "exchange": {"", "exchange"},
    "guard": {"", "guard"},
    "actions": {"", "measure", "store", "encode", "exchange", "actions"},
    "api": {"", "measure", "store", "guard", "actions", "api"},
    "site": {"", "store", "site"},
    "cli": {"", "measure", "store", "encode", "exchange", "guard", "actions", "api", "site", "cli"},
}

# Two modules of the ground floor are doors: `python -m embver` to the command line, `import embver` to the Python
# interface. Neither loads what is behind it before somebody goes through (test_import_loads_nothing_heavy).
DOORS = {"__main__.py": {"", "cli"}, "__init__.py": {"", "api", "guard", "measure"}}

# Every package from outside, and the modules that may import it: one owner for one outside thing.
OWNERS = {
    "faiss": ("guard/faiss_index.py",),
    "lancedb": ("guard/lance.py",),
    "pyarrow": (
        "guard/parquet.py",
        "guard/lance.py",
        "encode/records/parquet.py",
        "exchange/neptune_parquet.py",
        "exchange/parquet_vectors.py",
    ),
    "mlflow": ("exchange/mlflow_client.py",),
    "wandb": ("exchange/wandb_api.py",),
    "fsspec": ("encode/records/remote.py",),
    "semver": ("version.py",),
    "rfc8785": ("digest.py",),
    "numpy": ("measure/*", "encode/*", "store/vectors.py", "store/rows.py", "actions/*", "api/*"),
    "git": ("store/repo.py",),
    "yaml": ("store/cards.py",),
    "jsonschema": ("store/schemas.py", "store/foreign.py"),
    "jsonschema_rs": ("store/schemas.py",),
    "referencing": ("store/schemas.py", "store/foreign.py"),
    "jinja2": ("store/templates.py",),
    "safetensors": ("store/vectors.py", "encode/*"),
    "torch": ("encode/*",),
    "transformers": ("encode/*",),
    "tokenizers": ("encode/*",),
    "huggingface_hub": ("encode/hub.py",),
    "PIL": ("encode/*",),
    "simplejpeg": ("encode/*",),
    "soundfile": ("encode/audio_reading.py",),
    "soxr": ("encode/audio_reading.py",),
    "ray": ("encode/ray_engine.py",),
    "rich": ("cli/*",),
    "mkdocs": ("site/mkdocs_run.py",),
    "shtab": ("cli/*",),
}

# Start-up is the hook's cost: all others are imported inside the functions that need them.
AT_MODULE_LEVEL = {
    "semver": ("version.py",),
    "numpy": ("measure/*", "encode/*", "store/vectors.py", "store/rows.py"),
}

# What start-up must not load. (yaml and the schema's checker are what `validate` is about.)
HEAVY = ("torch", "transformers", "mkdocs", "git", "numpy", "jinja2", "rich", "mlflow", "wandb")

# Read by the native runtimes once, when torch loads; they can be set in no other way.
SET_FOR_TORCH = ("OMP_WAIT_POLICY", "CUBLAS_WORKSPACE_CONFIG")

MAX_FILE_LINES = 300
MAX_FUNCTION_LINES = 60


@dataclass(frozen=True, slots=True, kw_only=True)
class Import:
    """One imported module, and whether merely importing its importer loads it."""

    module: str
    line: int
    is_at_module_level: bool

    @property
    def package(self) -> str:
        """Return the outermost package."""
        return self.module.partition(".")[0]


def _walk(node: ast.AST, *, is_deferred: bool) -> Iterator[Import]:
    """Yield the imports below a node, those inside functions and `if TYPE_CHECKING` too."""
    names: list[str] = []
    if isinstance(node, ast.Import):
        names = [alias.name for alias in node.names]
    elif isinstance(node, ast.ImportFrom):
        assert node.level == 0, f"line {node.lineno}: imports are absolute"
        names = [f"{node.module}.{alias.name}" for alias in node.names]
    for name in names:
        yield Import(module=name, line=node.lineno, is_at_module_level=not is_deferred)  # type: ignore[attr-defined]
    is_function = isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda)
    is_types = isinstance(node, ast.If) and ast.unparse(node.test).endswith("TYPE_CHECKING")
    for child in ast.iter_child_nodes(node):
        yield from _walk(child, is_deferred=is_deferred or is_function or is_types)


def tree_of(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"), filename=str(path))


def imports_of(path: Path) -> list[Import]:
    return list(_walk(tree_of(path), is_deferred=False))


def place(path: Path) -> str:
    return path.relative_to(PACKAGE).as_posix()


def part(path: Path) -> str:
    """Return the part of the house a file is in; "" for the ground floor."""
    return place(path).rpartition("/")[0].partition("/")[0]


def part_imported(module: str) -> str:
    """Return the part of the house an `embver...` module is in."""
    names = module.split(".")[1:]
    return names[0] if names and (PACKAGE / names[0]).is_dir() else ""


def is_owned(path: Path, owners: tuple[str, ...]) -> bool:
    return any(fnmatchcase(place(path), owner) for owner in owners)


every_file = pytest.mark.parametrize("path", FILES, ids=place)


def test_the_parts_of_the_house_are_those_that_have_rules() -> None:
    folders = {path.name for path in PACKAGE.iterdir() if path.is_dir() and (path / "__init__.py").is_file()}
    assert folders == set(BELOW) - {""}


@every_file
def test_imports_go_down_never_up_or_sideways(path: Path) -> None:
    if place(path) in DOORS:
        assert {part_imported(found.module) for found in imports_of(path)} <= DOORS[place(path)]
        return
    for found in imports_of(path):
        if found.package == "embver":
            assert part_imported(found.module) in BELOW[part(path)], (
                f"{place(path)}:{found.line}: {part(path) or 'the ground floor'} must not import {found.module}"
            )


@every_file
def test_each_outside_package_has_one_owner(path: Path) -> None:
    for found in imports_of(path):
        if found.package in sys.stdlib_module_names or found.package == "embver":
            continue
        assert is_owned(path, OWNERS.get(found.package, ())), (
            f"{place(path)}:{found.line}: {found.module} is imported in {OWNERS.get(found.package, 'no module')} only"
        )


@every_file
def test_outside_packages_are_imported_where_they_are_used(path: Path) -> None:
    for found in imports_of(path):
        is_outside = found.package not in sys.stdlib_module_names and found.package != "embver"
        if is_outside and found.is_at_module_level:
            assert is_owned(path, AT_MODULE_LEVEL.get(found.package, ())), (
                f"{place(path)}:{found.line}: import {found.package} inside the function that needs it"
            )


@pytest.mark.parametrize("table", [OWNERS, AT_MODULE_LEVEL])
def test_the_tables_name_modules_that_exist(table: dict[str, tuple[str, ...]]) -> None:
    owners = {owner for owners in table.values() for owner in owners}
    assert [owner for owner in sorted(owners) if not any(is_owned(path, (owner,)) for path in FILES)] == []


# ---- what only some parts may do


def calls(path: Path) -> Iterator[tuple[str, ast.Call]]:
    for node in ast.walk(tree_of(path)):
        if isinstance(node, ast.Call):
            yield ast.unparse(node.func), node


@every_file
def test_only_the_command_line_prints_and_exits(path: Path) -> None:
    if part(path) == "cli":
        return
    found = [f"{place(path)}:{node.lineno}: {name}" for name, node in calls(path)
             if name in ("print", "sys.exit", "exit", "quit", "os._exit", "SystemExit", "sys.stdout.write")]  # fmt: skip
    assert found == []


@every_file
def test_the_environment_is_read_in_two_places(path: Path) -> None:
    if part(path) == "cli" or place(path) == "store/process.py":
        return
    reads = {"os.environ", "os.getenv", "os.putenv", "os.environb"}
    lines = path.read_text(encoding="utf-8").splitlines()
    found = []
    for node in ast.walk(tree_of(path)):
        is_read = isinstance(node, ast.Attribute) and ast.unparse(node) in reads
        is_import = (
            isinstance(node, ast.ImportFrom)
            and node.module == "os"
            and any(f"os.{alias.name}" in reads for alias in node.names)
        )
        if not (is_read or is_import):
            continue
        is_needed = part(path) == "encode" and any(
            f'os.environ.setdefault("{name}", ' in lines[node.lineno - 1] for name in SET_FOR_TORCH
        )
        if not is_needed:
            found.append(f"{place(path)}:{node.lineno}")
    assert found == []


@every_file
def test_the_clock_and_chance_enter_as_arguments(path: Path) -> None:
    for found in imports_of(path):
        assert found.package not in ("random", "secrets", "uuid"), (
            f"{place(path)}:{found.line}: {found.module}"
        )
    if part(path) in ("cli", "actions"):
        return  # a request's default is the present moment
    clocks = ("datetime.now", "datetime.utcnow", "datetime.today", "date.today", "time.time", "time.time_ns",
              "time.localtime", "time.gmtime", "time.strftime")  # fmt: skip
    found_calls = [
        f"{place(path)}:{node.lineno}: {name}"
        for name, node in calls(path)
        if any(name == clock or name.endswith(f".{clock}") for clock in clocks)
        or (name.endswith("default_rng") and not node.args and not node.keywords)
    ]
    assert found_calls == []


@every_file
def test_git_lfs_is_run_in_one_place(path: Path) -> None:
    if place(path) == "store/lfs.py":
        return
    found = []
    for node in ast.walk(tree_of(path)):
        words = (
            node.elts
            if isinstance(node, ast.List | ast.Tuple)
            else node.args
            if isinstance(node, ast.Call)
            else []
        )
        said = [word.value for word in words if isinstance(word, ast.Constant)]
        if said[:1] == ["git-lfs"] or said[:1] == ["lfs"] or said[:2] == ["git", "lfs"]:
            found.append(f"{place(path)}:{node.lineno}")
    assert found == []


# ---- size


@every_file
def test_files_and_functions_fit_a_readers_head(path: Path) -> None:
    lines = len(path.read_text(encoding="utf-8").splitlines())
    assert lines <= MAX_FILE_LINES, f"{place(path)} has {lines} lines; split it by what it is about"
    for node in ast.walk(tree_of(path)):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            length = (node.end_lineno or node.lineno) - node.lineno + 1
            assert length <= MAX_FUNCTION_LINES, (
                f"{place(path)}:{node.lineno}: {node.name} has {length} lines"
            )


# ---- what start-up loads, in a process of its own

_LOADED = """
import runpy, sys
code = 0
try:
    {run}
except SystemExit as stop:
    code = stop.code or 0
print("LOADED", code, *sorted(set(sys.modules) & set({heavy!r})))
"""

CARD = """\
schema: 1
name: tiny
space: {dimensions: 8, metric: cosine, normalized: true, kind: dense, dtype: float32}
encoders:
  text:
    model: {path: models/tiny}
    preprocessing:
      - {step: tokenize, tokenizer: CLIPTokenizerFast, max_length: 16, truncation: end}
"""


def loaded_by(run: str, folder: Path) -> tuple[int, list[str], str]:
    """Run Python in a new process; return its exit code, what of HEAVY it loaded, and what it said."""
    done = subprocess.run(
        [sys.executable, "-c", _LOADED.format(run=run, heavy=HEAVY)],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=True,
        timeout=120,
    )
    said, _, last = done.stdout.rpartition("LOADED ")
    code, *loaded = last.split()
    return int(code), loaded, said + done.stderr


def run_embver(*arguments: str) -> str:
    return f"sys.argv = {['embver', *arguments]!r}; runpy.run_module('embver', run_name='__main__')"


@pytest.mark.parametrize(
    "run",
    ["import embver", "import embver; dir(embver)", "import embver; embver.open, embver.Card, embver.guard"],
)
def test_import_loads_nothing_heavy(run: str, tmp_path: Path) -> None:
    assert loaded_by(run, tmp_path) == (0, [], "")


def test_import_loads_nothing_of_the_house_either(tmp_path: Path) -> None:
    run = "import embver; print(*sorted(name for name in sys.modules if name.startswith('embver')))"
    assert loaded_by(run, tmp_path) == (0, [], "embver\n")


def test_help_loads_nothing_heavy(tmp_path: Path) -> None:
    code, loaded, said = loaded_by(run_embver("--help"), tmp_path)
    assert (code, loaded) == (0, [])
    assert "usage: embver" in said


@pytest.mark.parametrize(("text", "code"), [(CARD, 0), (CARD.replace("normalized", "normalised"), 1)])
def test_validate_loads_nothing_heavy(text: str, code: int, tmp_path: Path) -> None:
    (tmp_path / "card.yaml").write_text(text, encoding="utf-8")
    found, loaded, said = loaded_by(run_embver("validate", "card.yaml"), tmp_path)
    assert (found, loaded) == (code, []), said
    assert ("card.yaml:3:" in said) is bool(code)
