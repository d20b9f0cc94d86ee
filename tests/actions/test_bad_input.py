"""What a person can get wrong: each gets one clear message, the next command, its exit code, and nothing changes."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from sandbox import NAME, Sandbox, embver, git, use_model

pytestmark = [pytest.mark.torch, pytest.mark.lfs]


def refused(repo: Sandbox, *arguments: str, code: int) -> str:
    """Type a command that must be refused: with a message, without a change, and not as a bug."""
    before = repo.state()
    said = repo.embver(*arguments, code=code)
    assert repo.state() == before
    assert said.out == ""
    assert "This is a bug" not in said.err
    return said.err


# ---- the repository


@pytest.mark.parametrize(
    "command", [("init",), ("list",), ("new", NAME), ("status",), ("verify",), ("release", NAME)]
)
def test_no_git_repository(tmp_path: Path, command: tuple[str, ...]) -> None:
    said = embver("-C", str(tmp_path), *command)
    assert said.code == 2
    assert said.err == f"error: {tmp_path} is no Git repository\nnext: git init && embver init\n"
    assert list(tmp_path.iterdir()) == []


def test_no_such_folder(tmp_path: Path) -> None:
    said = embver("-C", str(tmp_path / "nowhere"), "list")
    assert (said.code, said.err) == (2, f"error: {tmp_path}/nowhere is no folder\n")


@pytest.fixture
def bare_path(tmp_path: Path, monkeypatch) -> Path:
    """Let the PATH hold git and nothing else."""
    folder = tmp_path / "bin"
    folder.mkdir()
    (folder / "git").symlink_to(shutil.which("git"))
    monkeypatch.setenv("PATH", str(folder))
    return folder


def test_git_lfs_is_missing(encoded: Sandbox, bare_path: Path, tmp_path: Path) -> None:
    git(tmp_path, "init", "-q", "empty")
    said = embver("-C", str(tmp_path / "empty"), "init")
    assert said.code == 3
    assert said.err.startswith(
        "error: git-lfs is not installed\nnext: install git-lfs (Debian, Ubuntu: apt-get"
    )
    assert [path.name for path in (tmp_path / "empty").iterdir()] == [".git"]
    for command in (("encode", NAME, "--force"), ("release", NAME)):
        before = encoded.tree()
        said = encoded.embver(*command, code=3)
        assert "git-lfs is not installed" in said.err
        assert "encoded" not in said.err  # said before the work, not after it
        assert encoded.tree() == before
    assert "✗ git-lfs: not installed  ->  install git-lfs" in encoded.embver("doctor", code=1).out


def test_reading_needs_no_git_lfs(story: Sandbox, bare_path: Path) -> None:
    for command in (("list",), ("show", NAME), ("log",), ("diff", NAME), ("validate",)):
        said = story.embver(*command)
        assert said.code == 0
        assert "git-lfs" not in said.text


BLOCKED = """
import sys
class Without:
    def __init__(self, finder):
        self.finder = finder
    def find_spec(self, name, path=None, target=None):
        is_blocked = name.partition(".")[0] in {blocked!r}
        return None if is_blocked else self.finder.find_spec(name, path, target)
    def __getattr__(self, name):
        return getattr(self.finder, name)
sys.meta_path[:] = map(Without, sys.meta_path)
from embver.cli import main
sys.exit(main(sys.argv[1:]))
"""


def without(repo: Sandbox, *blocked: str, command: tuple[str, ...]) -> subprocess.CompletedProcess[str]:
    argv = [sys.executable, "-c", BLOCKED.format(blocked=blocked), "-C", str(repo.root), *command]
    return subprocess.run(argv, capture_output=True, text=True, check=False)


def test_a_missing_extra(encoded: Sandbox) -> None:
    before = encoded.state()
    done = without(encoded, "torch", "transformers", "PIL", command=("encode", NAME, "--force"))
    assert done.returncode == 3, done.stderr
    assert "next: pip install 'embver[encode]'" in done.stderr
    assert encoded.state() == before
    # What is encoded already is seen without it, and can be released.
    done = without(encoded, "torch", "transformers", "PIL", command=("encode", NAME))
    assert (done.returncode, done.stdout[:28]) == (0, "emoji@next: nothing to encod"), done.stderr
    done = without(encoded, "torch", "transformers", "PIL", command=("release", NAME))
    assert done.returncode == 0, done.stderr
    done = without(encoded, "mkdocs", "material", command=("site", "--build"))
    assert done.returncode == 3, done.stderr
    assert "next: pip install 'embver[site]'" in done.stderr


def test_a_shallow_clone_is_not_released_from(story: Sandbox, tmp_path: Path) -> None:
    git(tmp_path, "clone", "-q", "--depth", "1", story.remote.as_uri(), "shallow")
    shallow = Sandbox(root=tmp_path / "shallow")
    shutil.copytree(story.root / ".git/lfs", shallow.root / ".git/lfs")
    shallow.git("lfs", "install", "--local")
    shallow.git("lfs", "checkout")
    shallow.git("config", "user.name", "x")
    shallow.git("config", "user.email", "x@y.example")
    shallow.embver("new", NAME)
    shallow.embver("encode", NAME)
    said = refused(shallow, "release", NAME, code=3)
    assert "this clone is shallow" in said
    assert "next: git fetch --unshallow --tags" in said


def test_a_detached_head(encoded: Sandbox) -> None:
    encoded.git("switch", "-q", "--detach")
    said = refused(encoded, "release", NAME, code=2)
    assert said == "error: HEAD is detached: a release needs a branch to stand on\nnext: git switch BRANCH\n"


def test_git_does_not_know_who(encoded: Sandbox) -> None:
    for key in ("user.name", "user.email"):
        encoded.git("config", "--unset", key)
    encoded.git("config", "user.useConfigOnly", "true")
    said = refused(encoded, "release", NAME, code=3)
    assert said.startswith(
        "error: Git does not know who releases\nnext: git config user.name NAME && git config"
    )


def test_nowhere_to_push(encoded: Sandbox) -> None:
    said = refused(encoded, "release", NAME, "--push", code=2)
    assert "there is no remote 'origin' to push to" in said
    assert "next: git remote add origin URL, or without --push" in said


def test_a_remote_that_is_not_there(retrained: Sandbox) -> None:
    """More of pushing: test_release_push.py."""
    retrained.git("remote", "set-url", "origin", "file:///nowhere/at/all.git")
    said = refused(retrained, "release", NAME, "--push", code=3)
    assert "error: nothing was released: origin cannot be asked: " in said
    assert "next: git remote -v, or release without --push" in said


# ---- names, versions, stages, levels


@pytest.mark.parametrize(
    ("command", "says"),
    [
        (("show", "emojis"), "there is no embedding 'emojis'\nnext: known: emoji"),
        (("show", "emoji@1.9.9"), "emoji has no version 1.9.9\nnext: versions: 1.0.0, 1.1.0, 1.1.1"),
        (("show", "emoji@1.9"), "'1.9' is not a version: MAJOR.MINOR.PATCH"),
        (("show", "emoji#prod"), "emoji has no stage prod\nnext: versions: 1.0.0, 1.1.0, 1.1.1"),
        (("show", "Emoji!"), "'Emoji!' is not a reference"),
        (("show", "emoji@next"), "emoji has no working version: embeddings/emoji/next/card.yaml does not exist\nnext: embver new emoji"),
        (("list", "emojis"), "there is no embedding 'emojis'"),
        (("log", "emojis"), "there is no embedding 'emojis'"),
        (("status", "emojis"), "emojis has no working version"),
        (("status",), "no embedding has a working version\nnext: embver new emoji"),
        (("encode", NAME), "next: embver new emoji"),
        (("bench", NAME), "next: embver new emoji"),
        (("release", NAME), "next: embver new emoji"),
        (("release", NAME, "--level", "huge"), "--level huge: one of patch, minor, major"),
        (("release", NAME, "--level", "none"), "--level none: one of patch, minor, major"),
        (("new", "Products"), "'Products' is not a legal name"),
        (("new", "shop.v2"), "no dots"),
        (("new", "next"), "'next' is not a legal name"),
        (("pull", "emoji@3.0.0"), "emoji has no version 3.0.0"),
        (("compat", "emoji@1.0.0", "emoji@7.0.0"), "emoji has no version 7.0.0"),
        (("verify", "emoji@7.0.0"), "emoji has no version 7.0.0"),
        (("diff", "emoji@1.0.0", "nothing"), "there is no embedding 'nothing'"),
    ],
)  # fmt: skip
def test_a_name_that_is_not_known(story: Sandbox, command: tuple[str, ...], says: str) -> None:
    said = refused(story, *command, code=2)
    assert says in said
    assert len(said.splitlines()) <= 3


def test_next_is_there_already(encoded: Sandbox) -> None:
    said = refused(encoded, "new", NAME, code=2)
    assert said == "error: embeddings/emoji/next/card.yaml exists already\nnext: embver status emoji\n"


def test_the_tag_or_the_folder_is_there_already(encoded: Sandbox) -> None:
    encoded.version("1.0.0").mkdir()
    assert "embeddings/emoji/1.0.0 exists already" in refused(encoded, "release", NAME, code=2)
    encoded.version("1.0.0").rmdir()
    encoded.git("tag", "emoji@v1.0.0-rc.1", "HEAD")  # by hand, of a commit that holds no such version
    said = refused(encoded, "release", NAME, "--pre", "rc", code=1)
    assert "emoji@1.0.0-rc.1 has no card" in said


# ---- next/


def test_a_stray_file(encoded: Sandbox) -> None:
    (encoded.next / "notes.md").write_text("mine")
    said = refused(encoded, "release", NAME, code=2)
    assert "embeddings/emoji/next holds what the card does not name: notes.md" in said


def test_no_vectors_yet(story: Sandbox) -> None:
    story.embver("new", NAME)
    for command in ("release", "bench"):
        said = refused(story, command, NAME, code=2)
        assert "emoji@next" in said
        assert "no vectors yet" in said
        assert "next: embver encode emoji" in said


def test_a_card_with_typos_is_told_whole(encoded: Sandbox) -> None:
    encoded.edit(("  metric: cosine", "  metric: cosin"), ("  kind: dense", "  knid: dense"))
    for command in (("status", NAME), ("encode", NAME), ("release", NAME), ("bench", NAME)):
        before = encoded.state()
        said = encoded.embver(*command, code=1)
        assert encoded.state() == before
        # To `status` a card that is not valid is a state, which it tells on stdout; the others fail over it.
        is_state = command[0] == "status"
        lines = [line.strip() for line in (said.out if is_state else said.err).splitlines()]
        places = [line for line in lines if line.startswith("embeddings/emoji/next/card.yaml:")]
        assert {line.split(":")[1] for line in places} == {"9", "11"}
        told = "✗ the card is not valid: 2 problems" if is_state else "is not valid"
        assert told in (said.out if is_state else said.err)
        assert ("error: embeddings/emoji/next/card.yaml is not valid" in said.err) is not is_state


STALE = "next: embver encode emoji"


def test_the_card_was_edited_after_the_encode(encoded: Sandbox) -> None:
    encoded.edit(("interpolation: bicubic", "interpolation: bilinear"))
    said = refused(encoded, "release", NAME, code=2)
    assert "the card was changed after its vectors were encoded" in said
    assert STALE in said
    assert "stale: the card was changed" in encoded.embver("status").out


def test_dtype_was_edited_after_the_encode(encoded: Sandbox) -> None:
    encoded.edit(("dtype: float32", "dtype: float16"))
    said = refused(encoded, "release", NAME, code=2)
    assert "space.dtype is float16 now, its vectors were encoded as float32" in said
    assert STALE in said
    encoded.embver("encode", NAME)
    encoded.embver("release", NAME)


def test_the_corpus_was_changed_after_the_encode(encoded: Sandbox) -> None:
    encoded.edit(("uri: data/corpus-v1.jsonl\n  digest", "uri: data/corpus-v2.jsonl\n  digest"))
    said = refused(encoded, "release", NAME, code=2)
    assert "corpus.uri: data/corpus-v2.jsonl is not the corpus that was encoded" in said
    assert STALE in said


def test_the_model_was_changed_after_the_encode(encoded: Sandbox, models: Path) -> None:
    use_model(encoded, models / "retrained")
    said = refused(encoded, "release", NAME, code=2)
    assert "the model in models/clip was changed after its vectors were encoded" in said
    assert STALE in said


def test_the_probe_set_was_changed_after_the_encode(encoded: Sandbox) -> None:
    file = encoded.root / "probes/pairs/items.jsonl"
    file.write_text("".join(file.read_text().splitlines(keepends=True)[:-1]))
    said = refused(encoded, "release", NAME, code=2)
    assert "the probe set probes/pairs was changed after its vectors were encoded" in said
    assert STALE in said


def test_what_was_encoded_elsewhere_is_released_without_its_inputs(encoded: Sandbox) -> None:
    shutil.rmtree(encoded.root / "models")
    shutil.rmtree(encoded.root / "data")
    assert "released emoji@1.0.0" in encoded.embver("release", NAME).out
    assert encoded.embver("verify", code=0).out.endswith("all agree\n")


@pytest.mark.parametrize("name", ["image.safetensors", "ids.txt", "SHA256SUMS"])
@pytest.mark.parametrize("how", ["gone", "changed"])
def test_a_file_of_next_is_not_what_the_card_says(encoded: Sandbox, name: str, how: str) -> None:
    if how == "gone":
        (encoded.next / name).unlink()
    else:
        (encoded.next / name).write_bytes((encoded.next / name).read_bytes().replace(b"0", b"1"))
    said = refused(encoded, "release", NAME, code=2)
    assert name in said
    assert "next: embver encode emoji --force" in said
    encoded.embver("encode", NAME)  # sees it, too
    encoded.embver("release", NAME)


# ---- inputs


def encode_refused(repo: Sandbox, *arguments: str, code: int) -> str:
    return refused(repo, "encode", NAME, *arguments, code=code)


def test_a_corpus_with_mistakes_is_told_whole(encoded: Sandbox) -> None:
    file = encoded.root / "data/corpus-v1.jsonl"
    rows = file.read_text().splitlines()
    rows[3] = rows[2]
    rows[5] = "{"
    rows[7] = json.dumps({"id": "x", "image": "nowhere.png"})
    rows[8] = json.dumps({"image": "nowhere.png"})
    rows[9] = json.dumps({"id": "y", "text": 7})
    rows[10] = "[]"
    file.write_bytes("\n".join(rows).encode() + b'\n{"id": "\xff"}\n')
    said = encode_refused(encoded, code=3)
    for number, what in (
        (4, "the id 'p002' was used in line 3 already"),
        (6, "not JSON: Expecting property name"),
        (8, "image nowhere.png does not exist"),
        (9, "`id` is missing"),
        (10, "text is not a text"),
        (11, "a line is a JSON object"),
        (31, "not UTF-8"),
    ):
        assert re.search(rf"data/corpus-v1\.jsonl:{number}:\d+: {re.escape(what)}", said)
    assert said.endswith("next: mend data/corpus-v1.jsonl\n")


def test_a_line_separator_in_a_text_ends_no_line(encoded: Sandbox) -> None:
    file = encoded.root / "data/corpus-v1.jsonl"
    row = {"id": "p999", "text": "cat\u2028dog\u0085sun"}
    file.write_text(file.read_text() + json.dumps(row, ensure_ascii=False) + "\n")
    assert "31 rows" in encoded.embver("encode", NAME).out
    encoded.git("commit", "-q", "-a", "-m", "One row more")
    encoded.embver("release", NAME)
    encoded.embver("verify", "--deep")


def test_pictures_that_are_pointers(encoded: Sandbox) -> None:
    pointer = (encoded.next / "image.safetensors").read_bytes()
    (encoded.root / "probes/pairs/images/004.png").write_bytes(pointer)
    said = encode_refused(encoded, code=3)
    assert "data/corpus-v1.jsonl:5:1: image ../probes/pairs/images/004.png is a Git LFS pointer" in said
    assert "next: git lfs pull" in said


def test_a_corpus_that_is_not_there(encoded: Sandbox) -> None:
    (encoded.root / "data/corpus-v1.jsonl").unlink()
    said = encode_refused(encoded, code=2)
    assert "embeddings/emoji/next/card.yaml: corpus.uri: data/corpus-v1.jsonl does not exist" in said


def test_a_model_that_is_not_there(encoded: Sandbox) -> None:
    weights = encoded.root / "models/clip/model.safetensors"
    weights.write_bytes((encoded.next / "image.safetensors").read_bytes())
    said = encode_refused(encoded, code=2)
    assert "models/clip/model.safetensors is a Git LFS pointer, not the weights" in said
    assert "next: git lfs pull --include 'models/clip/**'" in said
    weights.unlink()
    assert "has no weights in safetensors" in encode_refused(encoded, code=3)
    shutil.rmtree(encoded.root / "models/clip")
    assert "model.path: models/clip is no folder" in encode_refused(encoded, code=2)


def test_a_probe_file_that_changed(encoded: Sandbox) -> None:
    file = encoded.root / "probes/pairs/images/250.png"
    file.write_bytes(file.read_bytes() + b" ")
    before = encoded.tree()
    said = encoded.embver("encode", NAME, "--force", code=3)
    assert "images/250.png is not the file that pairs/items.jsonl names" in said.err
    assert encoded.tree() == before


def test_a_vector_that_is_no_number(encoded: Sandbox) -> None:
    import torch
    from safetensors.torch import load_file, save_file

    file = encoded.root / "models/clip/model.safetensors"
    tensors = load_file(file)
    tensors["visual_projection.weight"] = torch.full_like(tensors["visual_projection.weight"], float("nan"))
    save_file(tensors, file, metadata={"format": "pt"})
    before = encoded.tree()
    said = encoded.embver("encode", NAME, code=3)
    assert "not finite" in said.err
    assert "p000" in said.err
    assert encoded.tree() == before


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("--batch", "1"), "a batch of 1 rows does not keep bits"),
        (("--batch", "0"), "--batch 0: at least 1"),
        (("--device", "toaster"), "toaster"),
        (("--device", "cuda:7"), "cuda"),
        (("--threads", "0"), "threads"),
    ],
)
def test_options_that_cannot_be(encoded: Sandbox, arguments: tuple[str, ...], says: str) -> None:
    before = encoded.state()
    said = encoded.embver("encode", NAME, "--force", *arguments, code=None)
    assert said.code in (2, 3), said.text
    assert says in said.err
    assert encoded.state() == before


def test_a_dtype_that_encode_does_not_write(encoded: Sandbox) -> None:
    encoded.edit(("dtype: float32", "dtype: uint8"), ("normalized: true", "normalized: false"))
    said = encode_refused(encoded, code=2)
    assert "space.dtype: uint8 cannot be written" in said
    assert "next: dtype: float32, float16, bfloat16, int8" in said


# ---- settings


def test_settings_with_mistakes(story: Sandbox) -> None:
    story.edit(('remote = "origin"', 'remmote = "origin"'), file=story.root / "embver.toml")
    said = refused(story, "list", code=2)
    assert "embver.toml" in said
    assert "remmote" in said
    story.edit(('remmote = "origin"', "remote = "), file=story.root / "embver.toml")
    assert "embver.toml: Invalid value (at line 4, column 10)" in refused(story, "list", code=2)


def test_settings_in_two_places(story: Sandbox) -> None:
    (story.root / "pyproject.toml").write_text("[tool.embver]\n")
    said = refused(story, "list", code=2)
    assert "settings stand both in embver.toml and in pyproject.toml" in said
    (story.root / "embver.toml").unlink()
    story.embver("list")


def test_a_rule_that_is_unknown(retrained: Sandbox) -> None:
    retrained.edit(("[rule]", "[rule]\nsplit = 3"), file=retrained.root / "embver.toml")
    said = refused(retrained, "status", code=2)
    assert "split" in said


def test_a_benchmark_that_cannot_run(encoded: Sandbox) -> None:
    settings = encoded.root / "embver.toml"
    good = settings.read_text()
    encoded.edit(('items = "probes/pairs"', 'items = "probes/nowhere"'), file=settings)
    assert "benchmark search: probes/nowhere does not exist" in refused(encoded, "bench", NAME, code=2)
    settings.write_text(good.replace('query = "text"', 'query = "audio"'))
    assert "no audio item is a query" in refused(encoded, "bench", NAME, code=2)
    settings.write_text(good.replace('"hit@1"', '"hits@1"'))
    assert "hits@1" in refused(encoded, "bench", NAME, code=2)
    settings.write_text(good.partition("[[benchmark]]")[0])
    assert "there is no benchmark to run" in refused(encoded, "bench", NAME, code=2)
