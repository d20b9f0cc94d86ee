"""The encode benchmarks run: every case from end to end with tiny models, so that none rots between two releases."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
pytest.importorskip("torch")
pytest.importorskip("sentence_transformers", reason="the peer of the benchmarks; pip install --group bench")
# The checkout's root, of which only the tests' own folder is on the path otherwise.
sys.path.insert(0, str(ROOT))

from benchmarks.encode import machine  # noqa: E402
from benchmarks.encode.__main__ import main, run_case  # noqa: E402
from benchmarks.encode.cases import CASES, PROGRAMS  # noqa: E402
from benchmarks.encode.inputs import make_texts, write_photographs  # noqa: E402
from benchmarks.encode.options import Options  # noqa: E402
from benchmarks.encode.rounds import Bar, Measured, Timed, Variant, run_in_turns  # noqa: E402
from benchmarks.encode.tables import format_measured  # noqa: E402

pytestmark = [
    pytest.mark.torch,
    pytest.mark.filterwarnings("ignore"),  # sentence-transformers and what it brings warn of themselves
]


@pytest.mark.parametrize("name", CASES)
def test_a_case_runs_and_compares_what_gives_the_same_rows(name: str, tmp_path: Path) -> None:
    measured = run_case(name, Options(folder=tmp_path, rounds=1, items=12, is_tiny=True))
    assert measured.bars
    assert all(timed.wall_s and timed.items == 12 for timed in measured.timed)
    table = format_measured(measured)
    assert all(f"| {timed.name} |" in table for timed in measured.timed)
    exact = [note for note in measured.notes if note.startswith("1-cos of embver") and "scaled" not in note]
    assert all(float(note.rpartition(" ")[2]) < (1e-3 if "bf16" in note else 2e-6) for note in exact)
    plain = json.loads(json.dumps(measured.to_plain()))
    assert Measured.from_plain(plain).to_plain() == plain


def test_the_command_runs_cases_in_processes_of_their_own(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "out.json"
    asked = ["resume", "--tiny", "--items", "40", "--rounds", "2", "--threads", "1", "--json", str(out)]
    assert main(asked) == 0
    assert "### resume: 40 rows in 1 finished shards" in capfd.readouterr().out
    (case,) = json.loads(out.read_text())["cases"]
    assert (case["case"], case["threads"], len(case["timed"][0]["wall_s"])) == ("resume", 1, 2)


@pytest.mark.parametrize("name", PROGRAMS)
def test_a_program_gets_its_own_words(name: str, capfd: pytest.CaptureFixture[str]) -> None:
    assert main([name, "--help"]) == 0
    assert "usage" in capfd.readouterr().out


def test_the_accelerator_benchmark_needs_neither_git_nor_yaml(tmp_path: Path) -> None:
    out = tmp_path / "gpu.json"
    # Whatever of the house lies above `encode/` would bring Git, schemas and YAML to a machine that lacks them.
    code = (
        "import sys; from benchmarks.encode.gpu import main\n"
        f"status = main(['--device', 'cpu', '--tiny', '--json', {str(out)!r}])\n"
        "house = {name.split('.')[1] for name in sys.modules if name.startswith('embver.')}\n"
        "assert not house & {'store', 'actions', 'cli', 'api', 'site'}, house\n"
        "assert not {'git', 'jsonschema', 'semver', 'rfc8785', 'sentence_transformers'} & set(sys.modules)\n"
        "sys.exit(status)\n"
    )
    environment = os.environ | {"OMP_NUM_THREADS": "1", "OMP_WAIT_POLICY": "passive"}
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", code], cwd=ROOT, env=environment, capture_output=True, text=True,
        check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    (shape,) = json.loads(out.read_text())["shapes"]
    assert shape["limit"] in ("raw forward", "decode limit")
    assert all(shape["determinism"].values())
    assert set(shape["rates"]) >= {"raw forward", "decode limit", "cached pixels", "JPEG files"}


# ---- the figures


def test_a_ratio_is_the_median_of_the_rounds_own_ratios() -> None:
    slow = Timed(name="slow", items=10, wall_s=[2.0, 4.0, 30.0], cpu_s=[2.0, 2.0, 2.0])
    quick = Timed(name="quick", items=10, wall_s=[1.0, 1.0, 10.0], cpu_s=[1.0, 1.0])
    assert quick.speed_over(slow) == 3.0
    assert quick.thrift_over(slow) == 2.0  # the rounds that both ran
    assert slow.rate == 2.5


def test_every_variant_runs_once_a_round_in_turning_order() -> None:
    ran: list[str] = []
    variants = [
        Variant(name="a", run=lambda: ran.append("a")),
        Variant(name="b", run=lambda: ran.append("b")),
        Variant(name="c", run=lambda: ran.append("c"), at_most=1),
    ]
    timed = run_in_turns(variants, items=1, rounds=3)
    assert "".join(ran) == "abc" + "ba" + "ab"
    assert [len(timed[name].wall_s) for name in "abc"] == [3, 3, 1]


def test_a_bar_holds_from_both_sides() -> None:
    assert Bar(what="speed", reached=1.2, at_least=1.15).is_met
    assert not Bar(what="time", reached=1.2, at_most=1.12).is_met
    assert Bar(what="time", reached=1.2, at_most=1.12).format() == "| time | 1.2 | <= 1.12 | **no** |"


def test_a_busy_machine_is_told() -> None:
    assert machine.load_warning(0.1, 1.0, threads=1, cores=2) is None
    assert "busy" in (machine.load_warning(3.0, 1.0, threads=1, cores=2) or "")


def test_the_texts_are_as_long_as_real_ones() -> None:
    lengths = sorted(len(text) for text in make_texts(3000, longest=128))
    words = sorted(len(text.split()) for text in make_texts(3000, longest=128))
    assert lengths == sorted(len(text) for text in make_texts(3000, longest=128))  # seeded
    assert (
        10 < sum(words) / len(words) < 14
    )  # 16 tokens with the two special ones and the words of two tokens
    assert 35 < words[int(0.99 * len(words))] < 60


def test_the_pictures_are_as_large_as_photographs(tmp_path: Path) -> None:
    sizes = [path.stat().st_size for path in write_photographs(tmp_path, 6)]
    assert 45_000 < sum(sizes) / len(sizes) < 65_000
    assert len(set(sizes)) == 6
