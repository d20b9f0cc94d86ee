"""The hook under pre-commit, beside check-jsonschema's; and all history at many tags, cold and warm.

    python -m benchmarks.hooks [--rounds 5] [--tags 10000] > table.md

Both hooks are `language: system` in one repository with one staged card, so that the framework's own time is in both.
History is one commit with a card a version and a packed annotated tag each, with the card's own digest.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
from pathlib import Path

from benchmarks.cards import Command, compare, forget, git, repository, run
from embver.card import card_digest
from embver.store.cards import read_card_text
from embver.store.resources import resource_folder

HOOK_BAR, HISTORY_BAR = 0.6, 0.10
BIN = Path(sys.executable).parent
CONFIG = """\
repos:
  - repo: local
    hooks:
      - {{id: {name}, name: {name}, entry: {entry}, language: system, files: card\\.yaml$}}
"""


def staged(folder: Path) -> Path:
    """Make a repository with 20 committed cards, of which one is changed and staged."""
    home = repository(folder, 20)
    card = home / "embeddings/shop-0/1.0.0/card.yaml"
    card.write_text(card.read_text(encoding="utf-8") + "notes: [looked at]\n", encoding="utf-8")
    git(home, "add", "-A")
    return home


def hook(home: Path, name: str, entry: str) -> Command:
    """Return `pre-commit run` with one hook."""
    config = home.parent / f"{name}.yaml"
    config.write_text(CONFIG.format(name=name, entry=entry), encoding="utf-8")
    argv = [str(BIN / "pre-commit"), "run", "--config", str(config)]
    return Command(argv=argv, folder=home, environment={"PRE_COMMIT_HOME": str(home.parent / "pre-commit")})


def tagged(folder: Path, count: int) -> Path:
    """Make a repository of so many releases, each with its tag."""
    home = repository(folder, count)
    who = "Ada <ada@example.org> 1795000000 +0000"
    head = subprocess.run(["git", "rev-parse", "HEAD"], cwd=home, check=True, capture_output=True, text=True)
    stream = []
    for card in sorted((home / "embeddings").glob("*/*/card.yaml")):
        plain = read_card_text(card.read_bytes(), path=card.name).plain
        reference = f"{plain['name']}@v{plain['version']}"
        said = f"{reference}\n\nCard-Digest: {card_digest(plain)}\nLevel: minor\nVerdict: compatible\n"
        stream.append(
            f"tag {reference}\nfrom {head.stdout.strip()}\ntagger {who}\ndata {len(said)}\n{said}\n"
        )
    git_input = "".join(stream).encode()
    subprocess.run(["git", "fast-import", "--quiet"], cwd=home, input=git_input, check=True)
    git(home, "pack-refs", "--all")
    return home


def main() -> int:
    """Print the table."""
    parser = argparse.ArgumentParser(description="Measure the hook and the check of all history.")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--tags", type=int, default=10_000)
    asked = parser.parse_args()
    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        os.environ.update({"HOME": scratch, "GIT_CONFIG_NOSYSTEM": "1"})
        print("| what | ours, s | theirs, s | ratio | of processor time | bar | reached | pairs |")
        print("|---|---:|---:|---:|---:|---:|---|---:|")
        home = staged(folder)
        schema = resource_folder("schemas") / "card" / "v1.json"
        ours = hook(home, "embver-validate", f"{BIN / 'embver'} validate --staged")
        theirs = hook(home, "check-jsonschema", f"{BIN / 'check-jsonschema'} --schemafile {schema}")
        compare(
            "`pre-commit run`, one staged card : with check-jsonschema",
            ours,
            theirs,
            rounds=asked.rounds,
            bar=HOOK_BAR,
        )
        # What both have in common. A busy machine, or a slow disk under the framework's own database, adds to both alike
        # and moves their ratio towards 1: so it is measured beside them.
        bare = hook(home, "nothing", '"true"')
        compare(
            "`pre-commit run`, a hook that does nothing : with check-jsonschema",
            bare,
            theirs,
            rounds=asked.rounds,
        )
        compare(
            "`pre-commit run`, one staged card : a hook that does nothing", ours, bare, rounds=asked.rounds
        )
        home = tagged(folder, asked.tags)
        history = Command(argv=[str(BIN / "embver"), "validate", "--all-history"], folder=home)
        run(history)  # every pair is a second run, then a first one
        compare(
            f"all history of {asked.tags:,} tags, second run : first run",
            history,
            history,
            rounds=asked.rounds,
            bar=HISTORY_BAR,
            between=forget(home),
        )
    return 0


if __name__ == "__main__":
    sys.exit(main())
