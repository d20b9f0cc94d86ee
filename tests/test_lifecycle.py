"""Stages and status from tags alone: GTO's grammar, the last word, two versions on one commit, what does not count."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from embver.history import TagRecord
from embver.lifecycle import NOTHING, Lifecycle, Status, read_lifecycle, stages, statuses
from embver.lifetag import check_stage, message, parse_event, stage_tag, version_tag
from embver.tagname import TagFormat
from embver.version import Version

TAGS = TagFormat()
DAY = "2026-11-02T09:14:07+00:00"
LATER = "2026-11-03T09:14:07+00:00"


def record(tag: str, commit: str, text: str = "", *, date: str = DAY, is_annotated: bool = True) -> TagRecord:
    return TagRecord(
        tag=tag, id=f"id of {tag}", commit=commit, date=date, is_annotated=is_annotated, message=text
    )


RELEASES = [
    record("shop@v1.0.0", "c1"),
    record("shop@v1.1.0", "c2"),
    record("shop@v1.1.1-rc.1", "c3"),
    record("shop@v1.1.1", "c3"),  # a pre-release and its release on one commit
    record("shop/images@v1.0.0", "c4"),
    record("v7", "c5"),
]


def read(*records: TagRecord) -> Lifecycle:
    return read_lifecycle([*RELEASES, *records], TAGS)


# ---- the grammar


@pytest.mark.parametrize(
    ("tag", "name", "stage", "version", "is_cancel", "number"),
    [
        ("shop#prod#1", "shop", "prod", None, False, 1),
        ("shop#prod!#12", "shop", "prod", None, True, 12),
        ("shop#prod", "shop", "prod", None, False, None),
        ("shop#prod!", "shop", "prod", None, True, None),
        ("shop/images#EU-prod/a_b#3", "shop/images", "EU-prod/a_b", None, False, 3),
        ("shop@v1.1.0!", "shop", None, "1.1.0", True, None),
        ("shop@v1.1.0!#4", "shop", None, "1.1.0", True, 4),
        ("shop@v1.1.0#5", "shop", None, "1.1.0", False, 5),
        ("shop@v1.1.0-rc.1+cu126!#6", "shop", None, "1.1.0-rc.1+cu126", True, 6),
    ],
)
def test_each_form_of_gtos_grammar_is_read(tag, name, stage, version, is_cancel, number) -> None:
    event = parse_event(tag, TAGS)
    assert event is not None
    said = (event.name, event.stage, event.version and str(event.version), event.is_cancel, event.number)
    assert said == (name, stage, version, is_cancel, number)


@pytest.mark.parametrize(
    "tag",
    ["shop@v1.0.0", "shop", "v1.0.0", "shop#", "#prod", "shop#-prod", "shop#prod-", "shop#prod#", "shop#prod#x",
     "shop#prod#1#2", "shop#prod!!", "Shop#prod", "sh.op#prod", "shop@v1.0!", "shop@v1.0.0!!", "shop@latest!",
     "shop@v1.0.0#", "!", "#", "shop#prod #1", "shop#v1.0.0"],
)  # fmt: skip
def test_what_is_no_event_is_left_alone(tag: str) -> None:
    assert parse_event(tag, TAGS) is None


@given(st.sampled_from(["shop", "shop/images-v2"]), st.sampled_from(["prod", "EU/staging_2"]), st.integers(1, 9**9),
       st.booleans())  # fmt: skip
def test_what_is_written_is_what_is_read(name: str, stage: str, number: int, is_cancel: bool) -> None:
    event = parse_event(stage_tag(name, stage, number, cancel=is_cancel), TAGS)
    assert event is not None
    assert (event.name, event.stage, event.number, event.is_cancel) == (name, stage, number, is_cancel)


@pytest.mark.parametrize(
    "pattern", ["{name}@v{version}", "{name}/v{version}", "v{version}/{name}", "{name}#{version}"]
)
def test_a_version_is_withdrawn_in_every_tag_format(pattern: str) -> None:
    tags, version = TagFormat(pattern=pattern), Version.parse("1.1.0")
    release = tags.format("shop", version)
    for is_cancel in (True, False):
        event = parse_event(version_tag(release, 7, cancel=is_cancel), tags)
        assert event is not None
        assert (event.name, event.version, event.stage, event.number) == ("shop", version, None, 7)
        assert event.is_cancel is is_cancel
    assert parse_event(release, tags) is None


# ---- stages


def test_without_such_tags_nothing_is_said() -> None:
    assert read() is NOTHING
    assert read().status("shop@1.0.0") == Status()
    assert (statuses(RELEASES, TAGS), stages(RELEASES, TAGS)) == ({}, {})


def test_the_last_word_holds_a_stage() -> None:
    life = read(record("shop#prod#2", "c2"), record("shop#prod#1", "c1"), record("shop#test#3", "c1"))
    assert life.stages == {("shop", "prod"): "shop@1.1.0", ("shop", "test"): "shop@1.0.0"}
    assert life.assigned["shop", "prod"] == ("shop@1.0.0", "shop@1.1.0")
    assert life.stages_of("shop@1.1.0") == ("prod",)
    assert life.stages_in("shop") == {"prod": "shop@1.1.0", "test": "shop@1.0.0"}
    assert (life.next_number("shop"), life.next_number("other")) == (4, 1)


def test_going_back_is_another_word() -> None:
    life = read(record("shop#prod#1", "c1"), record("shop#prod#2", "c2"), record("shop#prod#10", "c1"))
    assert life.stages == {("shop", "prod"): "shop@1.0.0"}


def test_a_stage_taken_back_goes_to_the_version_before_as_in_gto() -> None:
    first, second = record("shop#prod#1", "c1"), record("shop#prod#2", "c2")
    assert read(first, second, record("shop#prod!#3", "c2")).stages == {("shop", "prod"): "shop@1.0.0"}
    assert read(first, record("shop#prod!#2", "c1")).stages == {}
    # Taken back from a version that did not hold it, nothing changes.
    assert read(first, second, record("shop#prod!#3", "c1")).stages == {("shop", "prod"): "shop@1.1.0"}


def test_the_counter_and_not_the_clock_orders_events() -> None:
    life = read(record("shop#prod#1", "c1", date=LATER), record("shop#prod#2", "c2", date=DAY))
    assert life.stages == {("shop", "prod"): "shop@1.1.0"}


def test_a_tag_without_a_counter_is_ordered_by_its_date() -> None:
    numbered = record("shop#prod#1", "c1", date="2026-11-02T12:00:00+02:00")  # 10:00 in UTC
    loose = record("shop#prod", "c2", date="2026-11-02T11:00:00+00:00")
    assert read(numbered, loose).stages == {("shop", "prod"): "shop@1.1.0"}
    assert read(numbered, loose._replace(date="2026-11-02T09:59:59+00:00")).stages == {
        ("shop", "prod"): "shop@1.0.0"
    }


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("By hand", "shop@1.1.1"),  # the finished one
        ("To prod\n\nVersion: 1.1.1-rc.1\n", "shop@1.1.1-rc.1"),
        ("To prod\n\nVersion: 1.1.1\n-----BEGIN SSH SIGNATURE-----\nabc\n", "shop@1.1.1"),
    ],
)
def test_two_versions_on_one_commit_are_told_apart_by_the_message(text: str, expected: str) -> None:
    assert read(record("shop#prod#1", "c3", text)).stages == {("shop", "prod"): expected}


@pytest.mark.parametrize(
    ("made", "why"),
    [
        (record("shop#prod#1", "c1", is_annotated=False), "it is not annotated (GTO ignores it as well)"),
        (record("shop#prod#1", "c5"), "no release of shop lies on its commit"),
        (record("shop#prod#1", "c4"), "no release of shop lies on its commit"),
        (record("shop#prod#1", ""), "no release of shop lies on its commit"),
        (record("shop#prod#1", "c1", "x\n\nVersion: 1.1.0\n"), "it says 1.1.0, and its commit is that of 1.0.0"),
        (record("shop@v1.0.0!#1", "c1", is_annotated=False), "it is not annotated (GTO ignores it as well)"),
    ],
)  # fmt: skip
def test_what_does_not_count_is_named_with_the_reason(made: TagRecord, why: str) -> None:
    life = read(made)
    assert life.ignored == ((made.tag, why),)
    assert (life.stages, life.yanked) == ({}, {})
    assert life.next_number("shop") == 2  # its number is used up all the same, as GTO counts


# ---- status


def test_yanked_and_brought_back() -> None:
    text = message(
        "Yank shop@1.1.0", version=Version.parse("1.1.0"), reason="It lost\n recall.", successor="shop@1.1.1"
    )
    yank = record("shop@v1.1.0!#1", "c2", text)
    expected = Status(
        state="yanked", reason="It lost recall.", successor="shop@1.1.1", since="2026-11-02", tag=yank.tag
    )
    assert read(yank).status("shop@1.1.0") == expected
    assert statuses([*RELEASES, yank], TAGS) == {"shop@1.1.0": expected}
    assert read(yank).status("shop@1.0.0").is_active
    assert read(yank, record("shop@v1.1.0#2", "c2")).status("shop@1.1.0").is_active
    again = record("shop@v1.1.0!#3", "c2", "Once more")
    assert read(yank, record("shop@v1.1.0#2", "c2"), again).status("shop@1.1.0").reason == "Once more"


@pytest.mark.parametrize(
    "successor", ["shop", "shop@latest", "shop@1.0.0; rm -rf ~", "$(x)@1.0.0", "shop@1.0.0 `x`", ""]
)
def test_what_is_no_version_is_no_successor(successor: str) -> None:
    life = read(record("shop@v1.1.0!#1", "c2", f"x\n\nReason: r\nSuccessor: {successor}\n"))
    assert (life.status("shop@1.1.0").reason, life.status("shop@1.1.0").successor) == ("r", None)


def test_deprecated_is_no_stage_here_and_each_version_has_its_own() -> None:
    life = read(
        record("shop#deprecated#1", "c1", "x\n\nReason: old\n"),
        record("shop#deprecated#2", "c2", "x\n\nReason: older\n"),
        record("shop#deprecated!#3", "c1"),
    )
    assert life.stages == {}
    assert life.status("shop@1.0.0").is_active
    assert (life.status("shop@1.1.0").state, life.status("shop@1.1.0").reason) == ("deprecated", "older")


def test_yanked_says_more_than_deprecated() -> None:
    deprecation = record("shop#deprecated#2", "c1", "x\n\nReason: old\n")
    yank = record("shop@v1.0.0!#1", "c1", "x\n\nReason: wrong\n")
    assert read(deprecation, yank).status("shop@1.0.0").reason == "wrong"
    assert read(deprecation, yank, record("shop@v1.0.0#3", "c1")).status("shop@1.0.0").reason == "old"


def test_a_status_in_words() -> None:
    status = Status(state="yanked", reason="It lost recall.", successor="shop@1.1.1", since="2026-11-02")
    assert status.sentence("shop@1.1.0") == "shop@1.1.0 is yanked since 2026-11-02: It lost recall."
    assert (
        status.advice("shop@1.1.0") == "shop@1.1.0 is yanked since 2026-11-02: It lost recall; use shop@1.1.1"
    )
    assert Status().to_plain() == {"state": "active"}
    assert status.to_plain() == {
        "state": "yanked", "reason": "It lost recall.", "successor": "shop@1.1.1", "since": "2026-11-02"
    }  # fmt: skip


# ---- names of stages


@pytest.mark.parametrize("stage", ["prod", "staging", "EU/prod", "a", "v2_test"])
def test_legal_stages(stage: str) -> None:
    assert check_stage(stage) == stage
    assert check_stage(stage, (stage, "other")) == stage


@pytest.mark.parametrize(
    ("stage", "allowed", "why"),
    [
        ("deprecated", (), "means something else"),
        ("yanked", (), "means something else"),
        ("latest", (), "means something else"),
        ("", (), "not a legal stage"),
        ("pro d", (), "not a legal stage"),
        ("-prod", (), "not a legal stage"),
        ("prod#1", (), "not a legal stage"),
        ("prod!", (), "not a legal stage"),
        ("a//b", (), "not a legal stage"),
        ("1.0.0", (), "not a legal stage"),
        ("production", ("staging", "prod"), "not among the stages of this repository: staging, prod"),
    ],
)
def test_what_is_no_stage(stage: str, allowed: tuple[str, ...], why: str) -> None:
    with pytest.raises(ValueError, match=why):
        check_stage(stage, allowed)
