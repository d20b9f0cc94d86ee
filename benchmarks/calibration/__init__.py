"""Calibrate the decision rule on a real encoder: a ladder of changes of known kind, each judged and then tried.

    python -m benchmarks.calibration [--quick] [--out FOLDER]

Every rung of the ladder is a changed copy of one base version of the demo's image-text encoder. embver judges it on a
probe set; then its vectors go into a live index with the old ones, and queries that no probe knew say what is lost.
What counts as a loss stands in `truth.py` and was written before the first run.
"""

import sys
from pathlib import Path

DEMO = Path(__file__).resolve().parents[2] / "examples" / "emoji"

# The demo's scripts import one another by their plain names, as scripts do.
if str(DEMO) not in sys.path:
    sys.path.insert(0, str(DEMO))
