"""embver.open: what a version holds, where its bytes come from, and when it is refused."""

from __future__ import annotations

import inspect
import warnings
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import load_file

import embver
from embver.card import space_id
from embver.errors import EmbverError, IntegrityError, LfsError, PolicyError, UsageError
from sandbox import Sandbox

pytestmark = [pytest.mark.torch, pytest.mark.lfs]


def mapped_file(array: np.ndarray) -> Path | None:
    """Return the file that an array's memory is."""
    base: object = array
    while base is not None and not isinstance(base, np.memmap):
        base = getattr(base, "base", None)
    return Path(str(base.filename)) if isinstance(base, np.memmap) else None


def test_a_version_holds_what_the_commands_show(story: Sandbox) -> None:
    shown = story.embver("show", "emoji@1.1.0", "--json").json
    version = embver.open("emoji@1.1.0", path=story.root)
    assert (version.reference, version.name, version.version) == ("emoji@1.1.0", "emoji", "1.1.0")
    assert version.card.to_plain() == shown["card"]
    assert (version.level, version.verdict, version.is_released) == (shown["level"], shown["verdict"], True)
    assert version.release is not None
    assert (version.release.tag, version.release.commit) == (shown["tag"], shown["commit"])
    assert version.space_id == shown["card"]["fingerprint"] == version.card.space_id
    assert [benchmark.id for benchmark in version.benchmarks] == ["search"]
    assert version.status.state == "active"
    assert version.stages == ()


def test_vectors_are_the_objects_of_the_store_mapped_and_read_only(story: Sandbox) -> None:
    version = embver.open("emoji@1.1.0", path=story.root)
    assert list(version.vectors) == ["image", "text"]
    for modality, rows in version.vectors.items():
        artifact = story.artifacts("emoji@1.1.0")[f"{modality}.safetensors"]
        file = story.object(artifact["sha256"])
        assert rows.shape == (40, 32)
        assert mapped_file(rows) == file
        assert np.array_equal(rows, load_file(file)["vectors"])
        with pytest.raises(ValueError, match="read-only"):
            rows[0, 0] = 1.0
    with pytest.raises(KeyError, match="has no audio vectors: image, text"):
        version.vectors["audio"]


def test_rows_are_found_by_id(story: Sandbox) -> None:
    version = embver.open("emoji@1.1.0", path=story.root)
    assert len(version.ids) == 40
    assert version.ids[:2] == ("p000", "p001")
    assert version.ids_of("text") == version.ids
    rows = version.rows(["p007", "p000", "p007"])
    assert rows.tolist() == [7, 0, 7]
    assert version.vectors["image"][rows].shape == (3, 32)
    assert version.rows([]).tolist() == []
    with pytest.raises(UsageError, match=r"has no 'q1', 'q2', 'q3'; 4 of 5 ids are unknown"):
        version.rows(["p000", "q1", "q2", "q3", "q4"])


def test_the_probe_has_a_row_for_each_item(story: Sandbox) -> None:
    version = embver.open("emoji@1.1.0", path=story.root)
    assert (version.probe.name, version.probe.digest) == ("pairs", version.probe.probe_set.digest)
    assert set(version.probe) == {"image.document", "image.query", "text.document", "text.query"}
    for key, rows in version.probe.items():
        modality, _, role = key.partition(".")
        assert len(rows) == len(version.probe.probe_set.rows(modality, role)) == 300
    with pytest.raises(KeyError, match=r"has no audio\.query"):
        version.probe["audio.query"]


def test_a_version_without_a_probe_says_so(sandbox) -> None:
    repository = sandbox("start")
    with pytest.raises(EmbverError, match="emoji@next has no probe vectors") as caught:
        embver.open("emoji@next", path=repository.root).probe  # noqa: B018
    assert caught.value.hint == "embver encode emoji"


def test_bytes_that_are_elsewhere_are_fetched_when_asked_for(story: Sandbox) -> None:
    artifacts = story.artifacts("emoji@1.0.0")
    for name in ("image.safetensors", "probe.safetensors"):
        story.object(artifacts[name]["sha256"]).unlink()
    version = embver.open("emoji@1.0.0", path=story.root)
    assert "embver pull emoji@1.0.0" in version.vectors._repr_html_()
    with pytest.raises(LfsError, match=r"emoji@1\.0\.0 image\.safetensors are not on this machine") as caught:
        version.vectors["image"]
    assert caught.value.hint == "embver pull emoji@1.0.0"
    version.pull()
    assert version.vectors["image"].shape == (30, 32)
    assert len(version.ids) == 30


def test_an_object_that_was_cut_short_is_not_taken(story: Sandbox) -> None:
    file = story.object(story.artifacts("emoji@1.0.0")["text.safetensors"]["sha256"])
    file.chmod(0o644)
    file.write_bytes(file.read_bytes()[:-1])
    with pytest.raises(LfsError, match="are not on this machine"):
        embver.open("emoji@1.0.0", path=story.root).vectors["text"]


def test_the_working_version_is_read_from_the_work_tree(encoded: Sandbox) -> None:
    version = embver.open("emoji@next", path=encoded.root)
    assert (version.is_released, version.release, version.level, version.verdict) == (False, None, None, None)
    assert version.vectors["image"].shape == (30, 32)
    assert version.space_id == version.card.plain["fingerprint"]
    encoded.edit(("max_length: 32", "max_length: 16"))
    edited = embver.open("emoji@next", path=encoded.root)
    assert edited.space_id == space_id(edited.card.plain) != edited.card.plain["fingerprint"]
    assert edited.stamped_space.reference is None


@pytest.mark.parametrize(
    ("reference", "said"),
    [
        ("emoji@9.9.9", "emoji has no version 9.9.9"),
        ("emojis", "there is no embedding 'emojis'"),
        ("emoji@", "is not a reference"),
        ("emoji@next", "emoji has no working version"),
        ("emoji#prod", "emoji has no stage prod"),
    ],
)
def test_a_reference_that_names_nothing(story: Sandbox, reference: str, said: str) -> None:
    with pytest.raises(UsageError) as caught:
        embver.open(reference, path=story.root)
    assert said in caught.value.message
    assert caught.value.hint or "NAME@VERSION" in caught.value.message


def test_a_folder_without_a_repository(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="is no Git repository"):
        embver.open("emoji", path=tmp_path)
    with pytest.raises(UsageError, match="is no folder"):
        embver.Repository(tmp_path / "gone")


def test_a_card_that_was_edited_after_its_release_is_not_taken(story: Sandbox) -> None:
    story.edit(("cosine", "dot"), file=story.version("1.1.0") / "card.yaml")
    assert (
        embver.open("emoji@1.1.0", path=story.root).card.space.metric == "cosine"
    )  # the work tree does not count
    story.git("commit", "-qam", "Nobody will notice", "--no-verify")
    with pytest.raises(
        IntegrityError, match=r"the card of emoji@1\.1\.0 is not the one that was released"
    ) as caught:
        embver.open("emoji@1.1.0", path=story.root)
    assert caught.value.hint == "embver verify emoji@1.1.0"


def test_a_yanked_version_is_refused_with_reason_and_successor(story: Sandbox) -> None:
    story.embver("yank", "emoji@1.1.0", "--reason", "Its texts were cut", "--successor", "emoji@1.1.1")
    with pytest.raises(PolicyError, match=r"emoji@1\.1\.0 is yanked since .*: Its texts were cut") as caught:
        embver.open("emoji@1.1.0", path=story.root)
    assert caught.value.hint == "embver.open('emoji@1.1.1')"
    with pytest.warns(embver.DeprecatedVersion, match="Its texts were cut; its successor is emoji@1.1.1"):
        version = embver.open("emoji@1.1.0", path=story.root, allow_yanked=True)
    assert version.status.is_yanked
    assert version.vectors["image"].shape == (40, 32)


def test_a_deprecated_version_warns_where_it_was_opened(story: Sandbox) -> None:
    story.embver("deprecate", "emoji@1.0.0", "--reason", "English only", "--successor", "emoji@1.1.0")
    repository = embver.Repository(story.root)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        here = inspect.currentframe()
        assert here is not None
        lines = [here.f_lineno + 1, here.f_lineno + 2]
        embver.open("emoji@1.0.0", path=story.root)
        repository.open("emoji@1.0.0")
        repository.open("emoji@1.1.0")
    assert [(each.filename, each.lineno) for each in caught] == [(__file__, line) for line in lines]
    assert issubclass(caught[0].category, embver.DeprecatedVersion)
    assert "English only; its successor is emoji@1.1.0" in str(caught[0].message)


def test_the_latest_is_never_a_yanked_one_and_a_stage_is_a_reference(story: Sandbox) -> None:
    story.embver("promote", "emoji@1.0.0", "prod")
    story.embver("yank", "emoji@1.1.1", "--reason", "Wrong corpus")
    repository = embver.Repository(story.root)
    assert repository.latest("emoji").version == embver.open("emoji", path=story.root).version == "1.1.0"
    held = repository.open("emoji#prod")
    assert (held.version, held.stages) == ("1.0.0", ("prod",))


def test_versions_are_equal_by_name_and_place(story: Sandbox) -> None:
    first, again, other = (
        embver.open(ref, path=story.root) for ref in ("emoji@1.1.1", "emoji", "emoji@1.0.0")
    )
    assert first == again != other
    assert {first: 1}[again] == 1
    assert first != "emoji@1.1.1"
