"""What a person sees of an encode: the plan, lines where there is no terminal, a bar where there is one, the summary."""

from __future__ import annotations

import io
import re
import sys

import pytest

from embver.actions.encode import EncodeReport, PlanSummary
from embver.actions.warmup import Warm
from embver.cli.encode_progress import Pace, duration, encode_progress, plain_lines, rate_text
from embver.cli.encode_render import plain_report, print_report, say_plan, say_warm
from embver.cli.output import Output
from embver.encode.batches import BatchPlan
from sandbox import NAME, Sandbox

OUT = Output(is_json=False, environment={})
PLAN = PlanSummary(
    reference="products@next", rows={"image": 100_000, "text": 120_000}, dimensions=512, dtype="float16",
    profile="strict", compute="float32", device="auto", shards=16, shard_rows=16_384, done=3, size_bytes=225_280_000,
    copied={"image": 1892}, copied_from={"image": "products@1.0.0"}, notes=("two files were left out",),
)  # fmt: skip
REPORT = EncodeReport(
    reference="products@next", is_unchanged=False, inputs="sha256:00", artifacts=(), elapsed_s=12.34, floor={},
    rates={"image": 41.2, "audio": 7.0}, copied={"image": 1892, "text": 0}, skipped={"text": 2},
    figures={"seconds": {"read": 1.0, "decode": 4.0, "forward": 7.0, "write": 0.02}, "lanes": {"decode": 2},
             "items": {}, "elapsed_s": {}, "notes": {"rows_after_out_of_memory": 32}},
)  # fmt: skip


def test_the_plan_is_said_before_anything_is_loaded(capsys):
    say_plan(PLAN, OUT)
    said = capsys.readouterr()
    assert said.out == ""
    assert said.err.splitlines() == [
        "products@next: 220,000 items, 512 dimensions, float16: 225.3 MB in 16 files of at most 16,384 rows",
        "  image  100,000 rows, 1,892 of them copied from products@1.0.0",
        "  text   120,000 rows",
        "  3 of 16 files were finished by a run that was given up: they stay",
        "  profile strict, computed in float32, device auto",
        "  note: two files were left out",
    ]


def test_the_warm_up_says_how_long(capsys):
    probed = {256: 900.0, 512: 1000.0}
    say_warm(
        Warm(
            modality="text", plan=BatchPlan(tokens=512), expected_s=750, items_per_s=160, tokens_per_s=probed
        ),
        OUT,
    )
    say_warm(Warm(modality="image", plan=BatchPlan(), expected_s=2, items_per_s=50), OUT)
    say_warm(Warm(modality="image", plan=BatchPlan(), moved={"cosine_distance_p99": 1.7e-5}), OUT)
    assert capsys.readouterr().err.splitlines() == [
        "  text: about 12 min, at 160/s; 512 tokens a batch, the fastest of 256, 512",
        "  image: equivalent to float32, p99 of 1-cosine 1.7e-05 on a sample",
    ]


def test_the_summary_names_the_slowest_stage(capsys):
    print_report(REPORT, OUT, peak_bytes=512_000_000)
    assert capsys.readouterr().out.splitlines() == [
        "products@next: encoded in 12.3 s (41 images/s, 7 clips/s)",
        "  copied: 1,892 image rows",
        "  left out: 2 text rows",
        "  slowest stage: forward, 70% of the work (read 10%, decode 20%, write 0.2%); at most 512.0 MB of memory",
        "  memory did not hold the batches: they were cut to 32 rows",
    ]


def test_the_summary_as_json():
    plain = plain_report(REPORT, peak_bytes=None)
    assert plain["slowest"] == "forward"
    assert plain["stages"]["decode"] == {"seconds": 4.0, "share": 0.2}
    assert plain["skipped"] == {"text": 2}


def test_lines_where_there_is_no_terminal():
    now, lines = [0.0], []
    report = plain_lines(lines.append, lambda: now[0])
    report("text", 100, 1000)  # finished by an earlier run
    for second in range(1, 41):
        now[0] = float(second)
        report("text", 100 + 20 * second, 1000)
    now[0] = 50.0
    report("text", 1000, 1000)
    report("text", 1000, 1000)
    report("image", 0, 0)
    assert lines == [
        "  text: 400 of 1,000, 20/s, 30 s left",
        "  text: 700 of 1,000, 20/s, 15 s left",
        "  text: 1,000 of 1,000, 18/s",
        "  image: 0 of 0",
    ]


def test_a_bar_on_a_terminal(monkeypatch):
    class Terminal(io.StringIO):
        def isatty(self):
            return True

    terminal = Terminal()
    monkeypatch.setattr(sys, "stderr", terminal)
    monkeypatch.setenv("COLUMNS", "120")
    now = [0.0]
    with encode_progress(OUT, clock=lambda: now[0]) as report:
        report("image", 0, 300)
        now[0] = 2.0
        report("image", 300, 300)
    shown = re.sub(r"\x1b\[[0-9;?]*[a-zA-Z]", "", terminal.getvalue())
    assert "image" in shown
    assert "300/300" in shown
    assert "150/s" in shown


def test_nothing_if_it_shall_be_quiet(capsys):
    with encode_progress(OUT, is_quiet=True) as report:
        report("image", 1, 1)
    assert capsys.readouterr() == ("", "")


def test_words_for_times_and_rates():
    assert [duration(s) for s in (0.2, 40, 720, 12_600, 864_000)] == [
        "1 s",
        "40 s",
        "12 min",
        "3.5 h",
        "10.0 days",
    ]
    assert [rate_text(rate) for rate in (None, 0.53, 41.2, 16_226.4)] == ["", "0.5/s", "41/s", "16,226/s"]
    assert Pace(10, 5.0).rate(10, 9.0) is None
    assert Pace(10, 5.0).rate(30, 5.5) is None
    assert Pace(10, 5.0).rate(30, 9.0) == 5.0


@pytest.mark.torch
@pytest.mark.lfs
def test_the_command(encoded: Sandbox) -> None:
    said = encoded.embver("encode", NAME, "--force", "--profile", "fast", "--json")
    assert said.err == ""
    assert {"reference", "unchanged", "inputs", "artifacts", "elapsed_s", "items_per_s", "copied", "skipped", "stages",
            "slowest", "floor", "peak_memory_bytes", "notes"} == set(said.json)  # fmt: skip
    assert said.json["unchanged"] is False
    assert encoded.embver("encode", NAME, "--profile", "fast", "--json").json["unchanged"] is True
    assert "profile: fast" in encoded.card.read_text()
    assert "padding: longest" in encoded.card.read_text()
    quiet = encoded.embver("encode", NAME, "--force", "--quiet")
    assert "slowest stage: " in quiet.out
    assert "image: 30 of 30" not in quiet.err
    refused = encoded.embver("encode", NAME, "--profile", "fast", "--batch", "0", code=2)
    assert "--batch 0: at least 1" in refused.err


@pytest.mark.torch
@pytest.mark.lfs
def test_another_dtype_is_measured_first(encoded: Sandbox) -> None:
    said = encoded.embver("encode", NAME, "--compute", "float16")
    assert "  image: equivalent to float32, p99 of 1-cosine" in said.err
    assert "compute: float16" in encoded.card.read_text()
    assert (
        "float32: {cosine_distance_p99:" in encoded.card.read_text()
        or "float32:\n" in encoded.card.read_text()
    )
