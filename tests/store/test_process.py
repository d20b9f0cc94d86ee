"""Other programs: what of the environment reaches them, and that nothing they say is lost."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

from embver.errors import EmbverError
from embver.store.process import ProcessError, clean_environment, cleaned, inherited_index, run, stream

SHOW = [sys.executable, "-c", "import os; print(*sorted(n for n in os.environ if n.startswith('GIT_')))"]


@pytest.mark.parametrize(
    "name",
    ["GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE", "GIT_OBJECT_DIRECTORY", "GIT_COMMON_DIR", "GIT_NAMESPACE",
     "GIT_ALTERNATE_OBJECT_DIRECTORIES", "GIT_PREFIX", "GIT_LITERAL_PATHSPECS", "GIT_CONFIG_PARAMETERS",
     "GIT_LFS_SKIP_SMUDGE", "GIT_QUARANTINE_PATH"],
)  # fmt: skip
def test_what_names_another_repository_is_not_handed_on(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(name, "/elsewhere")
    assert name not in run(SHOW, cwd=tmp_path).text.split()


@pytest.mark.parametrize(
    "name",
    ["GIT_SSH_COMMAND", "GIT_SSL_CAINFO", "GIT_ASKPASS", "GIT_AUTHOR_DATE", "GIT_COMMITTER_NAME", "GIT_TRACE",
     "GIT_CONFIG_GLOBAL", "GIT_CONFIG_COUNT", "GIT_CONFIG_KEY_0", "GIT_CONFIG_VALUE_0", "GIT_CEILING_DIRECTORIES"],
)  # fmt: skip
def test_how_to_reach_hosts_and_who_commits_is_handed_on(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(name, "1")
    assert name in run(SHOW, cwd=tmp_path).text.split()


def test_what_is_asked_for_wins_over_what_is_taken_away(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GIT_INDEX_FILE", "/elsewhere")
    assert clean_environment({"GIT_INDEX_FILE": "mine"})["GIT_INDEX_FILE"] == "mine"


def test_programs_speak_english(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LC_ALL", "de_DE.UTF-8")
    assert run(["sh", "-c", "echo $LC_ALL"], cwd=tmp_path).text == "C.UTF-8\n"


def test_a_library_that_starts_git_itself_sees_the_clean_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GIT_DIR", "/elsewhere")
    before = dict(os.environ)
    with cleaned({"EXTRA": "1"}):
        assert dict(os.environ) == clean_environment({"EXTRA": "1", "GIT_AUTHOR_NAME": "Ada"})
        assert "GIT_DIR" not in os.environ
        assert os.environ["PATH"] == before["PATH"]
    assert dict(os.environ) == before


def test_the_environment_comes_back_after_a_failure(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail() -> None:
        with cleaned():
            raise KeyError

    monkeypatch.setenv("GIT_DIR", "/elsewhere")
    with pytest.raises(KeyError):
        fail()
    assert os.environ["GIT_DIR"] == "/elsewhere"


def test_the_index_of_a_hook_is_known(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert inherited_index() is None
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("GIT_INDEX_FILE", ".git/index.lock")
    assert inherited_index() == tmp_path / ".git" / "index.lock"


def test_a_failure_says_what_was_asked_and_all_that_was_said(tmp_path: Path) -> None:
    argv = ["sh", "-c", "echo out; echo why >&2; exit 7", "a b"]
    with pytest.raises(ProcessError) as caught:
        run(argv, cwd=tmp_path)
    error = caught.value
    assert (error.argv, error.status, error.stdout, error.stderr) == (tuple(argv), 7, b"out\n", b"why\n")
    assert isinstance(error, EmbverError)
    assert str(error) == "`sh -c 'echo out; echo why >&2; exit 7' 'a b'` ended with 7: why"


def test_a_failure_that_only_wrote_to_stdout_shows_that(tmp_path: Path) -> None:
    with pytest.raises(ProcessError, match="ended with 1: nothing to commit"):
        run(["sh", "-c", "echo nothing to commit; exit 1"], cwd=tmp_path)


def test_an_accepted_failure_is_returned(tmp_path: Path) -> None:
    done = run(["sh", "-c", "cat; echo no >&2; exit 3"], cwd=tmp_path, stdin=b"in", check=False)
    assert (done.status, done.stdout, done.stderr) == (3, b"in", b"no\n")


def test_output_may_be_thrown_away_and_errors_still_arrive(tmp_path: Path) -> None:
    argv = ["sh", "-c", "echo much; echo why >&2; exit 1"]
    done = run(argv, cwd=tmp_path, check=False, keep_output=False)
    assert (done.stdout, done.stderr) == (b"", b"why\n")


def test_odd_bytes_in_output_survive_as_text(tmp_path: Path) -> None:
    text = run(["printf", r"a\377b"], cwd=tmp_path).text
    assert text.encode(errors="surrogateescape") == b"a\xffb"


def test_a_missing_program_is_told_apart_from_a_failing_one(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        run(["embver-no-such-program"], cwd=tmp_path, check=False)


def test_a_stream_is_all_that_a_program_prints(tmp_path: Path) -> None:
    code = "import sys\nfor number in range(300_000): sys.stdout.write(f'{number:07}\\n')"
    pieces = list(stream([sys.executable, "-c", code], cwd=tmp_path))
    assert len(pieces) > 1
    assert b"".join(pieces) == b"".join(b"%07d\n" % number for number in range(300_000))


def test_a_stream_that_fails_says_why(tmp_path: Path) -> None:
    with pytest.raises(ProcessError, match="not a git repository") as error:
        list(stream(["git", "rev-parse", "HEAD"], cwd=tmp_path))
    assert error.value.status == 128


def test_a_stream_whose_words_on_stderr_fill_a_pipe_does_not_hang(tmp_path: Path) -> None:
    code = "import sys\nsys.stderr.write('x' * 1_000_000)\nprint('done')"
    assert b"".join(stream([sys.executable, "-c", code], cwd=tmp_path)).strip() == b"done"


def test_a_stream_may_be_left_early(tmp_path: Path) -> None:
    pieces = stream([sys.executable, "-c", "print('x' * 5_000_000)"], cwd=tmp_path)
    assert next(pieces).startswith(b"xxx")
    pieces.close()  # type: ignore[attr-defined]


def test_a_stream_of_a_program_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        stream(["no-such-program-anywhere"], cwd=tmp_path)
