"""Read result files with MTEB's own classes, and `.eval_results` with huggingface_hub's: a program of its own.

`python tests/exchange/results_oracle.py tasks > embver/exchange/mteb_tasks.json` writes the table of MTEB's tasks anew.
`python results_oracle.py FOLDER` prints what they find, as JSON: {"mteb": {file: {"split/subset": main score}},
"tasks": {file: task}, "written": {file: whether MTEB writes the same again}, "hub": {file: entries}, "table": the table}.
"""

from __future__ import annotations

import dataclasses
import json
import math
import sys
import tempfile
from pathlib import Path
from typing import Any


def main(folder: Path) -> None:
    import yaml
    from huggingface_hub import parse_eval_result_entries
    from mteb.results import TaskResult

    found: dict[str, Any] = {"mteb": {}, "tasks": {}, "written": {}, "hub": {}, "table": table()}
    for path in sorted(folder.rglob("*.json")):
        if path.name == "model_meta.json":
            continue
        result = TaskResult.from_disk(path)
        name = path.relative_to(folder).as_posix()
        found["tasks"][name] = result.task_name
        found["mteb"][name] = {
            f"{split}/{row['hf_subset']}": number(row["main_score"])
            for split, rows in result.scores.items()
            for row in rows
        }
        with tempfile.TemporaryDirectory() as scratch:
            again = Path(scratch) / "again.json"
            result.to_disk(again)
            found["written"][name] = json.loads(again.read_bytes())["scores"].keys() == result.scores.keys()
    for path in sorted(folder.rglob("*.yaml")):
        entries = parse_eval_result_entries(yaml.safe_load(path.read_text(encoding="utf-8")))
        found["hub"][path.relative_to(folder).as_posix()] = [dataclasses.asdict(entry) for entry in entries]
    sys.stdout.write(json.dumps(found))


def table() -> str:
    """Return what MTEB says of its tasks, as embver ships it: type, category, main score, data set and its revision."""
    import mteb
    from mteb.get_tasks import _TASKS_REGISTRY

    about = f"what mteb {mteb.__version__} (Apache-2.0) says of its tasks: type, category, main score, data set, revision"
    lines = [f'"": {json.dumps([about])}']
    for name, task in sorted(_TASKS_REGISTRY.items()):
        known = task.metadata
        place, revision = known.dataset["path"], str(known.dataset.get("revision") or "")
        is_aggregate = revision == "1" or "aggregate" in place
        data = ["", ""] if is_aggregate else [place, revision[:12]]
        lines.append(
            f"{json.dumps(name)}: {json.dumps([known.type, known.category or '', known.main_score, *data])}"
        )
    return "{\n" + ",\n".join(lines) + "\n}\n"


def number(value: float | None) -> float | None:
    return None if value is None or not math.isfinite(value) else value


if __name__ == "__main__":
    if sys.argv[1] == "tasks":
        sys.stdout.write(table())
    else:
        main(Path(sys.argv[1]))
