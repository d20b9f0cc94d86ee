"""A past without embver becomes releases: every form of vectors, no history rewritten, nothing invented."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import embver
from sandbox import Sandbox, git

pytestmark = [pytest.mark.lfs, pytest.mark.xdist_group("adopt")]

PLACES = ("--tags", "emb-{version}", "--vectors", "text=vectors/text.npy", "--ids", "text=vectors/ids.txt")
SAID = ("--model", "text=acme/mini", "--metric", "cosine")


def rows(seed: int, *, dtype: str = "float32") -> Any:
    found = np.random.default_rng(seed).normal(size=(6, 4))
    return (found / np.linalg.norm(found, axis=1, keepdims=True)).astype(dtype)


@pytest.fixture(scope="module")
def past(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a repository with three old tags of vector files, set up for embver and without a release."""
    root = tmp_path_factory.mktemp("past") / "repository"
    root.mkdir()
    git(root, "init", "-q", "-b", "main")
    git(root, "config", "user.name", "Old hand")
    git(root, "config", "user.email", "old@example.org")
    (root / "vectors").mkdir()
    for number in range(3):
        np.save(root / "vectors" / "text.npy", rows(number))
        (root / "vectors" / "ids.txt").write_text("".join(f"p{n}\n" for n in range(6)), encoding="utf-8")
        date = f"2024-0{number + 1}-05T10:00:00+00:00"
        git(root, "add", "-A")
        git(
            root,
            "commit",
            "-qm",
            f"vectors {number}",
            env={"GIT_COMMITTER_DATE": date, "GIT_AUTHOR_DATE": date},
        )
        git(root, "tag", f"emb-1.{number}.0")
    found = Sandbox(root=root)
    found.embver("init")
    git(root, "add", "-A")
    git(root, "commit", "-qm", "Set up embver")
    return root


@pytest.fixture
def repo(past: Path, tmp_path: Path) -> Sandbox:
    shutil.copytree(past, tmp_path / "repository", symlinks=True)
    return Sandbox(root=tmp_path / "repository")


def test_old_tags_become_releases_and_history_stays(repo: Sandbox) -> None:
    before = repo.git("for-each-ref", "--format=%(refname) %(objectname)", "refs/tags").out
    old = repo.git("rev-parse", "HEAD").out.strip()
    said = repo.embver("adopt", "products", *PLACES, *SAID)
    assert "3 versions adopted, each marked as reconstructed and unmeasured" in said.err
    listed = repo.embver("list", "--json").json
    assert [(r["version"], r["level"], r["verdict"], r["date"][:10]) for r in listed] == [
        ("1.0.0", "first", None, "2024-01-05"),
        ("1.1.0", "minor", "unmeasured", "2024-02-05"),
        ("1.2.0", "minor", "unmeasured", "2024-03-05"),
    ]
    after = repo.git("for-each-ref", "--format=%(refname) %(objectname)", "refs/tags").out
    assert set(before.splitlines()) < set(after.splitlines())
    assert repo.git("merge-base", "--is-ancestor", old, "HEAD").code == 0
    assert repo.git("status", "--porcelain").out == ""
    assert repo.embver("validate").code == 0
    assert repo.embver("verify").code == 0
    assert repo.embver("verify", "--deep", "products@1.2.0").code == 0


def test_the_vectors_are_those_of_then_with_their_ids(repo: Sandbox) -> None:
    repo.embver("adopt", "products", *PLACES, *SAID)
    for number in range(3):
        version = embver.open(f"products@1.{number}.0", repo.root)
        assert np.array_equal(np.asarray(version.vectors["text"]), rows(number))
        assert version.ids == tuple(f"p{n}" for n in range(6))


def test_a_card_says_where_it_comes_from_and_that_it_is_reconstructed(repo: Sandbox) -> None:
    commit = repo.git("rev-parse", "emb-1.1.0^{commit}").out.strip()
    repo.embver("adopt", "products", *PLACES, *SAID)
    card = repo.embver("show", "products@1.1.0", "--json").json["card"]
    assert card["reconstructed"] is True
    assert card["imported"] == [{"source": "adopt", "uri": f"git:{commit}#emb-1.1.0"}]
    assert "preprocessing" not in card["encoders"]["text"]
    assert card["space"] == {
        "dimensions": 4,
        "metric": "cosine",
        "normalized": True,
        "kind": "dense",
        "dtype": "float32",
    }


def test_reconstructed_versions_of_one_model_are_never_the_same_space(repo: Sandbox) -> None:
    repo.embver("adopt", "products", *PLACES, *SAID)
    prints = {repo.embver("fingerprint", f"products@1.{n}.0").out for n in range(3)}
    assert len(prints) == 3


def test_a_second_time_there_is_nothing_to_adopt_and_what_was_cut_off_is_finished(repo: Sandbox) -> None:
    repo.embver("adopt", "products", *PLACES, *SAID)
    state = repo.state()
    said = repo.embver("adopt", "products", *PLACES, *SAID)
    assert "already released: 1.0.0, 1.1.0, 1.2.0" in said.err
    assert repo.state() == state
    # As a kill after the references moved leaves it: neither work tree nor index know the versions yet.
    shutil.rmtree(repo.root / "embeddings")
    repo.git("rm", "-r", "-q", "--cached", "embeddings")
    repo.embver("adopt", "products", *PLACES, *SAID)
    assert repo.git("status", "--porcelain").out == ""
    # And one a moment later: the files are written, the index does not know them yet.
    repo.git("rm", "-r", "-q", "--cached", "embeddings")
    repo.embver("adopt", "products", *PLACES, *SAID)
    assert repo.git("status", "--porcelain").out == ""


def test_a_dry_run_writes_nothing(repo: Sandbox) -> None:
    state = repo.state()
    said = repo.embver("adopt", "products", *PLACES, *SAID, "--dry-run")
    assert "1.2.0    2024-03-05  emb-1.2.0  text 6 x 4 float32" in said.out
    assert repo.state() == state


def test_what_nobody_says_is_named_for_each_version_and_nothing_is_written(repo: Sandbox) -> None:
    state = repo.state()
    said = repo.embver("adopt", "products", *PLACES, code=2)
    assert "1.0.0: space.metric: --metric cosine, or a column `metric`" in said.err
    assert "1.2.0: encoders.text.model: --model text=ID, or a column `model`" in said.err
    assert repo.state() == state


def test_a_table_becomes_versions_without_vectors(repo: Sandbox) -> None:
    table = "| Version | Date | R@10 | Model | Dim |\n|---|---|---|---|---|\n| v0.1.0 | 2023-01-05 | 41.2 % | acme/a | 64 |\n"
    (repo.root / "old.md").write_text(table, encoding="utf-8")
    mapping = "dimensions=Dim,score:recall@10=R@10,model.text=Model"
    repo.embver("import", "table", "old.md", "--into", "legacy", "--map", mapping, "--set", "metric=cosine", "--set", "normalized=yes")  # fmt: skip
    card = repo.embver("show", "legacy@0.1.0", "--json").json["card"]
    assert card["benchmarks"][0]["metrics"] == [{"key": "recall@10", "value": 41.2, "unit": "percent"}]
    assert card["imported"] == [{"source": "table", "uri": "old.md#line=3"}]
    assert repo.embver("verify").code == 0
    assert repo.embver("validate").code == 0


def test_a_changelog_adds_its_words_to_the_tags(repo: Sandbox) -> None:
    (repo.root / "CHANGELOG.md").write_text("## 1.1.0\n- new captions\n", encoding="utf-8")
    repo.embver("adopt", "products", *PLACES, *SAID, "--table", "CHANGELOG.md")
    assert repo.embver("show", "products@1.1.0", "--json").json["card"]["changes"] == [
        {"text": "new captions"}
    ]
    assert "- new captions" in repo.git("cat-file", "-p", "products@v1.1.0").out


def save(path: Path, kind: str) -> str | None:
    """Write vectors in a form; return the name of the array where the file holds several."""
    if kind == "npz":
        np.savez(path, other=rows(8), emb=rows(7), ids=np.array([f"p{n}" for n in range(6)]))
        return "emb"
    if kind == "safetensors":
        from safetensors.numpy import save_file

        save_file({"vectors": rows(7)}, path)
    elif kind == "parquet":
        import pyarrow as pa
        import pyarrow.parquet as pq

        table = pa.table(
            {
                "id": [f"p{n}" for n in range(6)],
                "vector": [row.tolist() for row in rows(7)],
                "n": list(range(6)),
            }
        )
        pq.write_table(
            table.cast(
                pa.schema([("id", pa.string()), ("vector", pa.list_(pa.float32())), ("n", pa.int64())])
            ),
            path,
        )
    else:
        import torch

        torch.save({"weight": torch.from_numpy(rows(7)), "step": 3}, path)
    return None


@pytest.mark.parametrize("kind", ["npz", "safetensors", "parquet", "pt"])
def test_every_form_of_vectors_is_read(repo: Sandbox, kind: str) -> None:
    name = save(repo.root / f"x.{kind}", kind)
    repo.git("add", "-A", "--force")
    repo.git("commit", "-qm", "another form")
    repo.git("tag", "old-2.0.0")
    place = f"text=x.{kind}" + (f":{name}" if name else "")
    repo.embver("adopt", "other", "--tags", "old-{version}", "--vectors", place, *SAID)
    version = embver.open("other@2.0.0", repo.root)
    assert np.array_equal(np.asarray(version.vectors["text"]), rows(7))
    if kind in ("npz", "parquet"):
        assert version.ids == tuple(f"p{n}" for n in range(6))


class Evil:
    def __reduce__(self) -> Any:
        return (print, ("ran",))


def write_bad(path: Path, kind: str) -> None:
    if kind == "pickle.pt":
        import torch

        torch.save({"weight": Evil()}, path)
    elif kind == "object.npy":
        np.save(path, np.array([[Evil()]], dtype=object), allow_pickle=True)
    elif kind == "nan.npy":
        found = rows(1)
        found[4, 2] = np.nan
        np.save(path, found)
    elif kind == "flat.npy":
        np.save(path, np.zeros(4, dtype="f4"))
    elif kind == "two.npz":
        np.savez(path, a=rows(1), b=rows(2))
    else:
        path.write_bytes(b"neither this nor that")


@pytest.mark.parametrize(
    ("kind", "message"),
    [
        ("pickle.pt", "is no file of tensors alone"),
        ("object.npy", "is not what its name says"),
        ("nan.npy", "row 4 holds NaN or infinity"),
        ("flat.npy", "holds an array of shape (4,): vectors are the rows of a matrix"),
        ("two.npz", "'a', 'b': which are the vectors?"),
        ("cut.npy", "is not what its name says"),
        ("cut.parquet", "cannot be read as Parquet"),
        ("cut.npz", "is not what its name says"),
        ("cut.pt", "is no file of tensors alone"),
        ("cut.bin", "no vectors can be read from a file of that name"),
    ],
)
def test_a_file_that_is_not_what_its_name_says_is_refused_and_nothing_of_it_is_run(
    repo: Sandbox, capsys: pytest.CaptureFixture[str], kind: str, message: str
) -> None:
    write_bad(repo.root / kind, kind)
    repo.git("add", "-A", "--force")
    repo.git("commit", "-qm", "bad")
    repo.git("tag", "old-2.0.0")
    refs = repo.refs()
    said = repo.embver(
        "adopt", "other", "--tags", "old-{version}", "--vectors", f"text={kind}", *SAID, code=None
    )
    assert said.code in (2, 3)
    assert message in said.err
    assert "ran" not in said.out
    assert repo.refs() == refs


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--tags", "v1"), "does not say where the version stands"),
        (("--tags", "no-{version}"), "no tag is of the form no-{version}"),
        ((), "there is no version to adopt"),
        ((*PLACES[:2], "--vectors", "text"), "--vectors text is not MODALITY=PATH"),
        ((*PLACES[:2], "--vectors", "text=nowhere.npy", *SAID), "no version has a file nowhere.npy"),
        ((*PLACES[:4], "--ids", "text=nowhere.txt", *SAID), "emb-1.0.0 has no nowhere.txt"),
        (("--table", "nowhere.csv"), "nowhere.csv cannot be read"),
    ],
)
def test_what_is_asked_wrongly_is_refused(repo: Sandbox, arguments: tuple[str, ...], message: str) -> None:
    assert message in repo.embver("adopt", "products", *arguments, code=2).err


def test_a_past_is_not_put_below_releases_that_there_are(story: Sandbox) -> None:
    story.git("tag", "old-0.9.0")
    said = story.embver("adopt", "emoji", "--tags", "old-{version}", *SAID, "--normalized", "yes", code=2)
    assert "emoji has releases already" in said.err


def test_json_tells_the_plan(repo: Sandbox) -> None:
    said = repo.embver("adopt", "products", *PLACES, *SAID, "--dry-run", "--json").json
    assert set(said) == {"name", "adopted", "known", "left_out", "written"}
    assert said["adopted"][0]["vectors"] == {"text": {"rows": 6, "dimensions": 4, "dtype": "float32"}}
    assert said["written"] is False
    assert json.dumps(said)


def test_tags_that_are_no_version_are_told(repo: Sandbox) -> None:
    repo.git("tag", "emb-1.3")
    repo.git("tag", "emb-2024-backup")
    repo.git("tag", "emb-9.0.0", "HEAD^{tree}")
    repo.git("tag", "emb-notes")
    said = repo.embver("adopt", "products", *PLACES, *SAID, "--dry-run")
    assert "left out tag emb-1.3: '1.3' is no version, such as 1.2.0" in said.err
    assert "left out tag emb-2024-backup" in said.err
    assert "left out tag emb-9.0.0: it marks no commit" in said.err
    assert "emb-notes" not in said.err


def test_pre_releases_one_after_the_other_are_patches(repo: Sandbox) -> None:
    for number in ("2.0.0-rc.1", "2.0.0-rc.2", "2.0.0"):
        repo.git("tag", f"emb-{number}")
    repo.embver("adopt", "products", *PLACES, *SAID)
    listed = repo.embver("list", "--json").json
    assert [entry["level"] for entry in listed] == ["first", "minor", "minor", "major", "patch", "patch"]
    assert repo.embver("validate").code == 0


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"\xff\n" * 6, "old-2.0.0: vectors/ids.txt is not UTF-8, from byte 0 on"),
        (b"a\n" * 6, "old-2.0.0: vectors/ids.txt has 6 ids (1 different), text has 6 rows"),
    ],
)
def test_ids_that_are_none_are_refused_with_their_tag(repo: Sandbox, data: bytes, message: str) -> None:
    (repo.root / "vectors" / "ids.txt").write_bytes(data)
    repo.git("commit", "-qam", "ids")
    repo.git("tag", "old-2.0.0")
    said = repo.embver("adopt", "other", "--tags", "old-{version}", *PLACES[2:], *SAID, code=2)
    assert message in said.err


def test_a_bad_file_is_named_with_its_tag_and_nobody_is_told_to_run_it(repo: Sandbox) -> None:
    (repo.root / "vectors" / "text.npy").write_text("no array", encoding="utf-8")
    repo.git("commit", "-qam", "bad")
    repo.git("tag", "old-2.0.0")
    said = repo.embver("adopt", "other", "--tags", "old-{version}", *PLACES[2:], *SAID, code=3)
    assert "old-2.0.0: vectors/text.npy is not what its name says" in said.err
    assert "pickle" not in said.err


def test_a_version_of_a_table_goes_out_without_a_number_format(repo: Sandbox) -> None:
    (repo.root / "old.csv").write_text("version,date,dimensions\n1.0.0,2023-01-02,8\n", encoding="utf-8")
    repo.embver("adopt", "kept", "--table", "old.csv", "--normalized", "yes", *SAID)
    assert "8 dimensions, cosine, unit length\n" in repo.embver("show", "kept@1.0.0").out
    for kind in ("cyclonedx", "hf"):
        repo.embver("export", "kept@1.0.0", "--format", kind, "--out", f"out/{kind}")
    assert "Vectors of 8 numbers (length 1)" in (repo.root / "out/hf/README.md").read_text(encoding="utf-8")


@pytest.mark.parametrize("kind", ["npy", "parquet"])
def test_vectors_without_ids_go_out_by_their_row_numbers(repo: Sandbox, kind: str) -> None:
    repo.embver("adopt", "products", *PLACES[:4], *SAID)
    said = repo.embver("export", "products@1.1.0", "--format", kind, "--out", "out")
    assert "note: products@1.1.0 has no ids: they are the numbers of the rows" in said.err
    if kind == "npy":
        assert np.array_equal(np.load(repo.root / "out" / "text.npy"), rows(1))
        assert (repo.root / "out" / "text.ids.txt").read_text(encoding="utf-8") == "0\n1\n2\n3\n4\n5\n"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("table", "old.csv", "--into", "x", "--set", "metric=hammin"), "there is no metric hammin"),
        (("table", "old.csv", "--into", "x", "--replace"), "there is no --replace"),
        (("hf", "old.csv", "--map", "a=b"), "hf has no columns: --map is for tables"),
    ],
)
def test_options_that_would_do_nothing_are_refused(
    repo: Sandbox, arguments: tuple[str, ...], message: str
) -> None:
    assert message in repo.embver("import", *arguments, code=2).err


def test_modalities_of_two_number_formats_agree_with_their_card(repo: Sandbox) -> None:
    np.save(repo.root / "vectors" / "image.npy", rows(9, dtype="float16"))
    repo.git("add", "-A")
    repo.git("commit", "-qm", "image")
    repo.git("tag", "two-1.0.0")
    repo.embver(
        "adopt", "two", "--tags", "two-{version}", *PLACES[2:], "--vectors", "image=vectors/image.npy",
        "--model", "acme/mini", "--metric", "cosine",
    )  # fmt: skip
    card = repo.embver("show", "two@1.0.0", "--json").json["card"]
    kinds = {entry["path"]: entry.get("dtype") for entry in card["artifacts"] if entry["role"] == "vectors"}
    assert kinds == {"text.safetensors": "float32", "image.safetensors": "float16"}
    assert "dtype" not in card["space"]
    assert repo.embver("verify", "--deep", "two@1.0.0").code == 0
