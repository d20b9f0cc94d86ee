"""The documentation: generated pages are current, links lead somewhere, commands exist, and it builds without a warning."""

from __future__ import annotations

import argparse
import ast
import importlib
import json
import re
import shlex
import shutil
from pathlib import Path
from types import ModuleType

import pytest

from embver.actions.listing import Listed
from embver.cli.parser import COMMANDS, build_full_parser

ROOT = Path(__file__).resolve().parent.parent
SITE = ROOT / "site"
# What `make docs` writes from elsewhere, and Git ignores.
GENERATED = (SITE / "changelog", SITE / "schemas")
PAGES = [
    ROOT / "README.md",
    *sorted(page for page in SITE.rglob("*.md") if not any(page.is_relative_to(f) for f in GENERATED)),
]
FENCE = re.compile(r"^([ ]*)```(\w*)[^\n]*\n(.*?)^\1```", re.MULTILINE | re.DOTALL)
LINK = re.compile(r"!?\[[^\]]*\]\(([^)\s]+)\)")
SHELLS = ("sh", "console", "bash")


def name_of(page: Path) -> str:
    return page.relative_to(ROOT).as_posix()


@pytest.fixture
def reference(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """Import examples/reference.py as it runs: with its folder first on the path."""
    monkeypatch.syspath_prepend(ROOT / "examples")
    return importlib.import_module("reference")


# ---- generated pages


def test_the_generated_pages_are_current(reference: ModuleType) -> None:
    assert reference.stale() == [], "python examples/reference.py"


def test_the_check_fails_where_a_page_is_stale(reference: ModuleType, tmp_path: Path) -> None:
    for name, text in reference.pages().items():
        (tmp_path / name).write_text(text, encoding="utf-8")
    assert reference.stale(tmp_path) == []
    (tmp_path / "rule.md").write_text("# Another rule\n", encoding="utf-8")
    (tmp_path / "gone.md").write_text("# A page of a command that is gone\n", encoding="utf-8")
    assert reference.stale(tmp_path) == ["gone.md", "rule.md"]


@pytest.mark.parametrize("columns", ["40", "200"])
def test_the_generated_pages_do_not_depend_on_the_terminal(
    reference: ModuleType, columns: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", columns)
    assert reference.stale() == []


def test_usage_lines_fit_into_80_columns() -> None:
    page = (SITE / "reference" / "command-line.md").read_text(encoding="utf-8")
    usages = [found[2] for found in FENCE.findall(page)]
    assert len(usages) == len(COMMANDS)
    assert max(len(line) for usage in usages for line in usage.splitlines()) <= 80


# ---- the parser


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_and_argument_has_help(command: str) -> None:
    child = build_full_parser()[1][command]
    assert child.description
    assert child.description[0].isupper()
    missing = [
        action.dest for action in child._actions if not action.help or action.help == argparse.SUPPRESS
    ]
    assert missing == []


def typed_in(page: Path) -> list[str]:
    """Return every embver command of a page's shell blocks, without prompt and comment."""
    found = []
    for _, language, body in FENCE.findall(page.read_text(encoding="utf-8")):
        if language not in SHELLS:
            continue
        for line in body.splitlines():
            for part in re.split(r"&&|;;|\|(?= jq)| > ", line.strip().removeprefix("$ ")):
                words = part.strip()
                if words.startswith(("embver ", "../../.venv/bin/embver ")):
                    found.append("embver " + words.partition(" ")[2])
    return found


def refuse(message: str) -> None:
    raise ValueError(message)


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_commands_in_the_documentation_can_be_typed(page: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    parser, children = build_full_parser()
    for each in (parser, *children.values()):
        monkeypatch.setattr(each, "error", refuse)
    for line in typed_in(page):
        words = shlex.split(line, comments=True)
        try:
            parser.parse_args(words[1:])
        except (ValueError, SystemExit) as error:
            pytest.fail(f"{name_of(page)}: {line}: {error}")


def test_the_readme_types_the_whole_workflow() -> None:
    commands = [shlex.split(line, comments=True)[1] for line in typed_in(ROOT / "README.md")]
    assert commands == [
        "init", "new", "encode", "bench", "status", "release", "promote", "trace", "site",
    ]  # fmt: skip


def test_make_targets_in_the_documentation_exist() -> None:
    targets = set(re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE))
    for page in PAGES:
        blocks = FENCE.findall(page.read_text(encoding="utf-8"))
        typed = {
            word for _, _, body in blocks for word in re.findall(r"^\s*make ([a-z]+)", body, re.MULTILINE)
        }
        assert typed <= targets, name_of(page)


# ---- JSON


PLAIN = {
    "show": ("showing.py", "Shown"),
    "log": ("reading.py", "LogEntry"),
    "diff": ("diffing.py", "DiffReport"),
    "explain PATH": ("explain.py", "Explained"),
    "status NAME": ("status.py", "StatusReport"),
    "compat": ("compat.py", None),
    "release": ("release.py", "ReleasePlan"),
    "fingerprint": ("fingerprint.py", "Fingerprint"),
    "promote": ("promote.py", "StageReport"),
    "demote": ("promote.py", "StageReport"),
    "deprecate": ("deprecate.py", "StatusChange"),
    "yank": ("deprecate.py", "StatusChange"),
    "notify": ("notify.py", "NotifyReport"),
    "import": ("importing.py", "ImportReport"),
}
ADDED_BY_CLI = {
    "release": {"applied"},
    "notify": {"applied"},
    "status NAME": {"ready", "problems", "missing"},  # actions/readiness.py
    **{verb: {"applied", "pushed"} for verb in ("promote", "demote", "deprecate", "yank")},
}


def documented_keys(command: str) -> set[str]:
    """Return the outermost keys of a command's document, as site/json.md has them."""
    page = (SITE / "json.md").read_text(encoding="utf-8")
    row = next(line for line in page.splitlines() if line.startswith(f"| `{command}` |"))
    text = row.split("`")[3].strip("[]").removeprefix("{").removesuffix("}")
    while "{" in text or "[" in text:
        text = re.sub(r": \[?\{[^{}]*\}\]?", "", text)
    return {key.strip() for key in text.split(",")}


def returned_keys(file: str, owner: str | None) -> set[str]:
    """Return the keys of the dict that a `to_plain` returns."""
    tree = ast.parse((ROOT / "embver" / "actions" / file).read_text(encoding="utf-8"))
    classes = [node for node in tree.body if isinstance(node, ast.ClassDef) and node.name == owner]
    body = classes[0].body if classes else tree.body
    method = next(node for node in body if isinstance(node, ast.FunctionDef) and node.name == "to_plain")
    returned = next(
        node.value
        for node in ast.walk(method)
        if isinstance(node, ast.Return) and isinstance(node.value, ast.Dict)
    )
    return {str(ast.literal_eval(key)) for key in returned.keys if key is not None}


@pytest.mark.parametrize("command", PLAIN)
def test_the_json_keys_in_the_documentation_are_those_of_the_code(command: str) -> None:
    assert documented_keys(command) == returned_keys(*PLAIN[command]) | ADDED_BY_CLI.get(command, set())


def test_the_json_keys_of_the_list_are_the_fields_of_its_rows() -> None:
    assert documented_keys("list") == set(Listed._fields)


def test_every_command_with_json_is_documented() -> None:
    page = (SITE / "json.md").read_text(encoding="utf-8")
    children = build_full_parser()[1]
    reading = {name for name, child in children.items() if any(a.dest == "json" for a in child._actions)}
    assert {
        name for name in COMMANDS if re.search(rf"^\| `{name}(?: NAME)?` \|", page, re.MULTILINE)
    } == reading


# ---- links


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_relative_links_and_pictures_exist(page: Path) -> None:
    text = FENCE.sub("", page.read_text(encoding="utf-8"))
    missing = []
    for link in LINK.findall(text):
        target, _, anchor = link.partition("#")
        if re.match(r"[a-z]+:", link):
            continue
        file = (page.parent / target).resolve() if target else page
        if not file.exists() or (anchor and file.suffix == ".md" and anchor not in anchors(file)):
            missing.append(link)
    assert missing == []


def anchors(page: Path) -> set[str]:
    """Return the anchors of a page's headings, as Python-Markdown's toc makes them."""
    headings = re.findall(r"^#+ (.+)$", FENCE.sub("", page.read_text(encoding="utf-8")), re.MULTILINE)
    plain = [re.sub(r"[^\w\s-]", "", heading).strip().lower() for heading in headings]
    return {re.sub(r"[-\s]+", "-", heading) for heading in plain}


def test_pictures_are_small_enough_for_a_readme() -> None:
    pictures = sorted((SITE / "assets").glob("*.png"))
    assert [picture.name for picture in pictures] == [
        "refusal.png", "start.png", "trace-page.png", "trace.png", "version.png",
    ]  # fmt: skip
    assert [picture.name for picture in pictures if picture.stat().st_size > 300_000] == []


def test_no_page_names_this_machine() -> None:
    for page in [*PAGES, ROOT / "mkdocs.yml"]:
        assert not re.search(r"/(?:work|root|home)/", page.read_text(encoding="utf-8")), name_of(page)


# ---- the site


def prepared(root: Path, *, has_example: bool) -> tuple[ModuleType, Path]:
    """Copy the documentation, let examples/docs.py add what it adds, and return it with the configuration."""
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(ROOT / "examples")
        patch.syspath_prepend(ROOT / "tests" / "site")
        docs = importlib.import_module("docs")
        data = importlib.import_module("emoji_versions").emoji_site() if has_example else None
    shutil.copytree(
        SITE, root / "site", ignore=lambda folder, _: [f.name for f in GENERATED if f.parent == Path(folder)]
    )
    shutil.copy(ROOT / "mkdocs.yml", root)
    return docs, docs.prepare(root, data)


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Build the project's own site with an example; in --strict every warning is an error."""
    pytest.importorskip("material")
    root = tmp_path_factory.mktemp("docs")
    docs, config = prepared(root, has_example=True)
    assert docs.build(config, root / "build" / "site") == 0
    return root / "build" / "site"


def test_the_documentation_builds_without_a_warning(built: Path) -> None:
    pages = {page.relative_to(SITE).with_suffix(".html").as_posix() for page in PAGES if SITE in page.parents}
    assert pages <= {page.relative_to(built).as_posix() for page in built.rglob("*.html")}


def test_the_documentation_asks_nothing_of_the_network(built: Path) -> None:
    for page in built.rglob("*.html"):
        text = page.read_text(encoding="utf-8")
        loaded = re.findall(r"<(?:script|img|iframe)[^>]+src=\"?(https?://[^\s\">]+)", text)
        loaded += re.findall(
            r"<link[^>]+rel=\"?(?:stylesheet|preconnect)\"?[^>]+href=\"?(https?://[^\s\">]+)", text
        )
        assert loaded == [], page.name


def test_schemas_are_published_where_their_ids_say(built: Path) -> None:
    address = re.search(r"^site_url: (.+)$", (ROOT / "mkdocs.yml").read_text(encoding="utf-8"), re.MULTILINE)[
        1
    ]
    published = 0
    for schema in (ROOT / "schemas").rglob("*.json"):
        identifier = json.loads(schema.read_text(encoding="utf-8")).get("$id", "")
        if identifier.startswith(address):
            assert (built / identifier.removeprefix(address)).read_bytes() == schema.read_bytes()
            published += 1
    assert published >= 2  # of cards and of settings


def test_the_example_has_a_part_of_the_navigation_of_its_own(built: Path) -> None:
    for page in ("workflow.html", "changelog/emoji/1.1.1.html"):
        text = (built / page).read_text(encoding="utf-8")
        up = "../" * page.count("/")
        tabs = re.search(r'<nav class="md-tabs".*?</nav>', text, re.DOTALL)[0]
        assert [" ".join(name.split()) for name in re.findall(r">([^<>]*\w[^<>]*)<", tabs)][
            -1
        ] == "A live example"
        assert f'href="{up}example.html"' in text or 'href="example.html"' in text
    version = (built / "changelog/emoji/1.1.1.html").read_text(encoding="utf-8")
    assert '<link rel="stylesheet" href="../embver.css">' in version
    for neighbour in ("2.0.0.html", "index.html", "trace.html", "../compare.html"):
        assert f'href="{neighbour}"' in version
    assert "1.1.1" in (built / "changelog/index.html").read_text(encoding="utf-8")


def test_without_the_demo_the_documentation_is_built_all_the_same(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    pytest.importorskip("material")
    docs, config = prepared(tmp_path, has_example=True)
    assert (tmp_path / "site/changelog/emoji/1.1.1.md").is_file()
    assert docs.prepare(tmp_path, None) == config  # the demo was removed since
    assert not list((tmp_path / "site/changelog").rglob("*.md"))
    assert docs.build(config, tmp_path / "out") == 0
    assert (tmp_path / "out/example.html").is_file()
    assert (tmp_path / "out/schemas/card/v1.json").is_file()
    assert not list((tmp_path / "out/changelog").rglob("*.html"))
    assert "changelog/embver.css" in (tmp_path / "out/example.html").read_text(encoding="utf-8")


def test_a_broken_link_ends_the_build(tmp_path: Path) -> None:
    """A site of one page: what --strict finds must reach the exit code."""
    docs, config = prepared(tmp_path, has_example=False)
    shutil.rmtree(tmp_path / "site")
    (tmp_path / "site").mkdir()
    (tmp_path / "site/index.md").write_text("[gone](gone.md)\n")
    config.write_text("site_name: x\ndocs_dir: site\n")
    assert docs.build(config, tmp_path / "out") == 3
