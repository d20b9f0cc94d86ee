"""A site that is served builds itself anew, and the page that is open in a browser loads itself anew."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from histories import commit_card, git, repository

from embver.errors import UsageError
from embver.site.build import SiteSettings
from embver.site.serving import WHERE, Served, open_server
from embver.site.watching import seen


@pytest.fixture
def served(tmp_path: Path) -> Served:
    (tmp_path / "sub").mkdir()
    (tmp_path / "index.html").write_text("<html><body>start</body></html>", encoding="utf-8")
    (tmp_path / "sub/index.html").write_text("no body", encoding="utf-8")
    (tmp_path / "404.html").write_text("<body>not here</body>", encoding="utf-8")
    (tmp_path / "data.json").write_text("{}", encoding="utf-8")
    return Served(tmp_path, "one")


@pytest.fixture
def address(served: Served) -> Iterator[str]:
    with open_server(served, 0) as server:
        threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_address[1]}"
        server.shutdown()


def got(url: str, **headers: str) -> tuple[int, str]:
    try:
        with urllib.request.urlopen(urllib.request.Request(url, headers=headers), timeout=60) as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as error:
        return error.code, error.read().decode()


def test_pages_get_the_script_and_files_do_not(served: Served, address: str) -> None:
    code, page = got(f"{address}/")
    assert (code, page.count(f'"{WHERE}?since=one"')) == (200, 1)
    assert page.startswith("<html><body>start<script>")
    assert page.endswith("</script>\n</body></html>")
    assert WHERE in got(f"{address}/sub/")[1]
    assert got(f"{address}/sub")[1] == got(f"{address}/sub/")[1]  # led to the folder's own address
    assert got(f"{address}/data.json") == (200, "{}")
    code, page = got(f"{address}/nowhere.html")
    assert (code, "not here" in page, WHERE in page) == (404, True, True)
    assert got(f"{address}/../../etc/passwd")[0] == 404
    assert (served.folder / "index.html").read_text() == "<html><body>start</body></html>"


def test_a_page_that_waits_is_told_of_the_next_build(served: Served, address: str) -> None:
    assert got(f"{address}{WHERE}?since=old") == (200, "one")
    answers: list[tuple[int, str]] = []
    waiting = threading.Thread(target=lambda: answers.append(got(f"{address}{WHERE}?since=one")))
    waiting.start()
    served.put(served.folder, "two")
    waiting.join(timeout=60)
    assert answers == [(200, "two")]
    assert served.after("two", wait_s=0.01) == "two"  # nothing new: the page asks again


def test_only_this_machine_is_answered(address: str) -> None:
    assert got(address, Host="evil.example")[0] == 403
    assert got(f"{address}{WHERE}?since=old", Host="evil.example:80")[0] == 403
    assert got(address, Host="localhost:1234")[0] == 200


def test_a_port_that_is_taken_is_told_with_a_free_one(served: Served, address: str) -> None:
    taken = int(address.rpartition(":")[2])
    with pytest.raises(UsageError, match=f"port {taken} is taken") as raised:
        open_server(served, taken)
    free = int(re.search(r"--port (\d+)$", str(raised.value.hint))[1])
    open_server(served, free).server_close()
    with pytest.raises(UsageError, match="99999 is no port"):
        open_server(served, 99999)


def test_what_a_site_is_made_from_is_watched(tmp_path: Path) -> None:
    root = repository(tmp_path / "shop", 2)

    def now() -> object:
        return seen(root, [root / ".git"], SiteSettings())

    before = now()
    (root / "site/changelog").mkdir(parents=True)
    (root / "site/changelog/page.md").write_text("written by embver")
    (root / "site/index.md").write_text("written by embver")
    (root / "build").mkdir()
    assert now() == before
    for change in (
        lambda: git(root, "tag", "a-tag"),
        lambda: git(root, "update-ref", "refs/heads/main", "main~1"),
        lambda: git(root, "pack-refs", "--all"),
        lambda: (root / "site/about.md").write_text("by hand"),
        lambda: (root / "mkdocs.yml").write_text("site_name: mine"),
        lambda: (root / "embver.toml").write_text(""),
        lambda: (
            (root / "templates/site").mkdir(parents=True) or (root / "templates/site/x.j2").write_text("x")
        ),
        (root / "templates/site/x.j2").unlink,
    ):
        change()
        assert now() != before
        before = now()


def until(is_so: Callable[[], bool], process: subprocess.Popen[str]) -> None:
    """Wait for something that comes about by itself; fail if the program ends before."""
    for _ in range(3000):
        if is_so():
            return
        assert process.poll() is None
        time.sleep(0.02)
    raise AssertionError("it did not come about")


@pytest.mark.xdist_group("site")
def test_a_card_that_grows_shows_in_the_page_and_a_broken_template_breaks_nothing(tmp_path: Path) -> None:
    pytest.importorskip("material")
    root, told = repository(tmp_path / "shop", 2), tmp_path / "told.txt"
    command = [sys.executable, "-m", "embver", "-C", str(root), "site", "--serve", "--port", "0"]
    with (
        told.open("w") as file,
        subprocess.Popen(command, stdout=file, stderr=file, env={**os.environ, "PYTHONUNBUFFERED": "1"}, text=True) as process,
    ):  # fmt: skip
        try:
            until(lambda: "serving http" in told.read_text(), process)
            address = re.search(r"http://[\d.:]+", told.read_text())[0]
            page = f"{address}/changelog/shop-0/1.0.0.html"
            stamp = re.search(r"since=(\w+)", got(page)[1])[1]
            path = "embeddings/shop-0/1.0.0/card.yaml"
            grown = git(root, "show", f"HEAD:{path}") + '\nnotes: ["Seen again in May."]\n'
            commit_card(root, path, grown)
            assert got(f"{address}{WHERE}?since={stamp}")[1] != stamp  # what an open page waits for
            assert "Seen again in May." in got(page)[1]

            template = root / "templates/site/version.md.j2"
            template.parent.mkdir(parents=True)
            template.write_text("{% if %}", encoding="utf-8")
            until(lambda: "version.md.j2:1:1" in told.read_text(), process)
            assert "Seen again in May." in got(page)[1]
            template.write_text("---\ntitle: x\n---\n# Our own {{ number }}\n", encoding="utf-8")
            until(lambda: "Our own 1.0.0" in got(page)[1], process)
        finally:
            process.send_signal(signal.SIGINT)
        assert process.wait(timeout=60) == 0
