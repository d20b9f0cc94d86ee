"""The planted-cause suite: steps of known cause, made with the demo's encoder, that `embver trace` has to read rightly.

    python -m benchmarks.planted [--quick] [--out FOLDER]

Every case is an embedding in a real repository, with two releases or more. What was planted between them, and what was
changed beside it to mislead, is known; embver is told neither. Which plants count is decided in `judge.py`, from the
effects that the changed fields really have on the whole benchmark, by a test of its own: never by what embver said.
"""

import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
DEMO = ROOT / "examples" / "emoji"

# The demo's scripts import one another by their plain names, as scripts do.
if str(DEMO) not in sys.path:
    sys.path.insert(0, str(DEMO))
