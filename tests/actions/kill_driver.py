"""Run commands that kill themselves: `python kill_driver.py`, orders on stdin as JSON, what became of them on stdout.
An order without a point is obeyed here, to load what the others need.

An order is {"argv": [...], "point": N}: SIGKILL just before the Nth thing that changes something on disk. What changes
something is told by Python's own audit events, so no step of a command has to be known here. A point of 0 kills never
and answers how many there are, and how long it took. With "after_s" the kill comes at that time, wherever the command
is. Each order runs in a fork, so that modules are imported once.
"""

from __future__ import annotations

import contextlib
import io
import json
import os
import signal
import sys
import threading
import time

FILES = {"os.rename", "os.remove", "os.link", "os.mkdir", "os.chmod", "os.rmdir", "shutil.copyfile"}
GIT_WRITES = {
    "hash-object",
    "unpack-objects",
    "update-index",
    "read-tree",
    "write-tree",
    "commit-tree",
    "mktag",
    "tag",
    "init",
    "update-ref",
    "add",
}


def changes(event: str, arguments: tuple) -> bool:
    if event in FILES:
        return True
    if event == "open":
        path, mode, _ = arguments
        return isinstance(path, str) and isinstance(mode, str) and mode[:1] in ("w", "a", "x")
    if event == "subprocess.Popen":
        return any(word in GIT_WRITES for word in map(str, arguments[1]))
    return False


def obey(argv: list[str], point: int, after_s: float | None) -> None:
    from embver.cli import main

    count = 0
    begun = time.perf_counter()
    if after_s is not None:
        timer = threading.Timer(after_s, os.kill, (os.getpid(), signal.SIGKILL))
        timer.daemon = True
        timer.start()

    def watch(event: str, arguments: tuple) -> None:
        nonlocal count
        if changes(event, arguments):
            count += 1
            if count == point:
                os.kill(os.getpid(), signal.SIGKILL)

    sys.addaudithook(watch)
    out, sys.stdout, sys.stderr = sys.stdout, io.StringIO(), io.StringIO()
    code = main(argv)
    took_s = time.perf_counter() - begun
    out.write(json.dumps({"code": code, "points": count, "said": sys.stderr.getvalue(), "took_s": took_s}))
    out.flush()
    os._exit(0)


def run(order: dict) -> dict:
    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:
        os.dup2(writer, 1)
        obey(order["argv"], order["point"], order.get("after_s"))
    os.close(writer)
    with os.fdopen(reader) as answer:
        text = answer.read()
    _, status = os.waitpid(child, 0)
    if os.WIFSIGNALED(status):
        return {"signal": os.WTERMSIG(status)}
    return json.loads(text)


def warm(argv: list[str]) -> dict:
    """Run a command in this very process: what it imports on the way is there for every fork."""
    from embver.cli import main

    with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
        return {"code": main(argv)}


for line in sys.stdin:
    order = json.loads(line)
    sys.stdout.write(json.dumps(run(order) if "point" in order else warm(order["argv"])) + "\n")
    sys.stdout.flush()
