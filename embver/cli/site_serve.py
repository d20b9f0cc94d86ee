"""`embver site --serve`: build, serve, and build again whenever something changes that the site is made from."""

from __future__ import annotations

import argparse
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING

from embver.cli.output import Output

if TYPE_CHECKING:
    from embver.actions.workspace import Workspace
    from embver.cli.site import Done
    from embver.site.watching import Seen

LOOK_S = 0.25  # between two looks at what the site is made from
SETTLED_S = 0.1  # without a further change, before it is built: editors and Git write several files


def serve(arguments: argparse.Namespace, out: Output) -> int:
    """Serve until Ctrl-C; a build that fails is told, and the site goes on being served as it was."""
    from embver.cli.open import open_workspace
    from embver.cli.site import make
    from embver.errors import EmbverError
    from embver.site.serving import HOST, Served, open_server

    served = Served(Path(), "")
    work = open_workspace(arguments)
    with open_server(
        served, arguments.port
    ) as server:  # a port that is taken is told before anything is built
        before = _seen(work)
        done = make(work, out, with_build=True, is_full=arguments.full)
        done.tell(out)
        _put(served, done, work)
        threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.1}, daemon=True).start()
        out.say(f"serving http://{HOST}:{server.server_address[1]}/ (Ctrl-C ends it)")
        try:
            while True:
                before = _wait(work, before)
                begun = time.monotonic()
                try:
                    work = open_workspace(arguments)
                    done = make(work, out, with_build=True)
                except EmbverError as error:
                    out.error(error.message, hint=error.hint)
                    continue
                _put(served, done, work)
                out.say(f"{done.words}; {done.built_words}; {time.monotonic() - begun:.1f} s")
        except KeyboardInterrupt:  # the way to end it, and so no error
            out.say("")
        finally:
            server.shutdown()
    return 0


def _wait(work: Workspace, before: Seen) -> Seen:
    """Return what lies where once it is different and has come to rest."""
    now = before
    while now == before:
        time.sleep(LOOK_S)
        now = _seen(work)
    while True:
        time.sleep(SETTLED_S)
        later = _seen(work)
        if later == now:
            return now
        now = later


def _seen(work: Workspace) -> Seen:
    from embver.cli.site_data import site_settings
    from embver.site.watching import seen

    own = (
        Path(work.repo.git("rev-parse", "--absolute-git-dir").strip())
        if (work.repo.root / ".git").is_file()
        else work.repo.git_dir
    )
    return seen(work.repo.root, {work.repo.git_dir, own}, site_settings(work.settings.site))


def _put(served: object, done: Done, work: Workspace) -> None:
    import hashlib

    from embver.site.incremental import NAME
    from embver.site.serving import Served

    assert isinstance(served, Served)
    assert done.built is not None
    ledger = work.repo.git_dir / "embver" / NAME
    stamp = hashlib.sha256(ledger.read_bytes()).hexdigest()[:16] if ledger.is_file() else ""
    served.put(done.built.start.parent, stamp)
