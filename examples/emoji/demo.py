"""The whole story in one go: five released versions of a real embedding, one that is refused, one that
should have been, and the trace that says why. One changelog.

A person's steps and nothing else: this script writes data, trains a model, edits a card, and types `embver`.
Everything lands in build/: the repository in build/demo, its remote in build/demo-remote.git, models that need
not be trained again in build/demo-models.
"""

from __future__ import annotations

import hashlib
import json
import shutil
import sys
import time
from pathlib import Path

import recipes
import tracking
from edits import CARD, write_card
from in_use import use_versions
from recipes import Recipe
from story import CHAPTERS, IN_A_HURRY, MODEL_TAGS, Chapter
from terminal import (
    BUILD,
    HERE,
    REMOTE,
    REPOSITORY,
    bar,
    capture,
    git,
    heading,
    run,
    said,
    table,
)
from traced import trace_drop

from data import build_data

MODELS = BUILD / "demo-models"
MODEL = Path("models/emoji-clip")
NAME = "emoji"


def main() -> int:
    """Tell the story; return the exit code."""
    began = time.perf_counter()
    digest = story_digest()
    if not tell_again(digest):
        tell(digest)
    heading("What stands there now")
    run("embver", "verify")
    run("embver", "site", "--build")
    summary()
    print(f"\n{time.perf_counter() - began:.0f} s. The changelog: {REPOSITORY / 'build/site/index.html'}")
    print("Open it in a browser:  make serve")
    return 0


def story_digest() -> str:
    """Digest what the story depends on: this folder, embver itself, the installed packages."""
    digest = hashlib.sha256()
    package = HERE.parent.parent
    folders = (HERE, package / "embver", package / "schemas", package / "templates")
    files = sorted(file for folder in folders for file in folder.rglob("*") if file.suffix in SOURCE_SUFFIXES)
    for file in [*files, package / "constraints.txt"]:
        digest.update(f"{file.relative_to(package)}\0".encode() + file.read_bytes())
    return digest.hexdigest()


SOURCE_SUFFIXES = {".py", ".json", ".yaml", ".toml", ".j2"}


def tell_again(digest: str) -> bool:
    """Say that nothing changed, if so: every version is released, from the same inputs."""
    state = REPOSITORY / ".git/demo-state"
    if not (state.is_file() and REMOTE.is_dir() and state.read_text() == digest):
        return False
    heading("Nothing changed")
    print("Trainings and encodes are skipped: the digests of their inputs are those of the last run.")
    print("The refusal, as it was:\n")
    print((REPOSITORY / ".git/demo-refusal").read_text())
    trace_drop(is_first=False)
    return True


def tell(digest: str) -> None:
    """Tell the story from an empty folder."""
    start_repository()
    for number, chapter in enumerate(CHAPTERS, start=1):
        write_chapter(number, chapter)
    use_versions()
    write_chapter(len(CHAPTERS) + 2, IN_A_HURRY)
    trace_drop(is_first=True)
    (REPOSITORY / ".git/demo-state").write_text(digest)


# ---- the steps


def start_repository() -> None:
    """Make the repository, its remote and its data."""
    for folder in (REPOSITORY, REMOTE):
        shutil.rmtree(folder, ignore_errors=True)
    heading("An empty folder becomes a repository")
    BUILD.mkdir(exist_ok=True)
    git("init", "-q", "--bare", "-b", "main", str(REMOTE), cwd=BUILD)
    git("init", "-q", "-b", "main", str(REPOSITORY), cwd=BUILD)
    for key, value in (("user.name", "Emoji search team"), ("user.email", "team@emoji.example")):
        git("config", key, value)
    git("remote", "add", "origin", str(REMOTE))
    began = time.perf_counter()
    counts = build_data(REPOSITORY)
    print(
        f"{counts.emoji:,} emoji, {counts.pictures:,} pictures in two art styles, {counts.probe_items:,} probe items "
        f"({time.perf_counter() - began:.0f} s)"
    )
    run("embver", "init", "--probe", "probes/emoji-1k", "--title", "Emoji embeddings")
    with (REPOSITORY / "embver.toml").open("a", encoding="utf-8") as file:
        file.write((HERE / "settings.toml").read_text(encoding="utf-8"))
    with (REPOSITORY / ".gitattributes").open("a", encoding="utf-8") as file:
        file.write(
            "models/**/*.safetensors filter=lfs diff=lfs merge=lfs -text\n*.png -text\n*.jsonl text eol=lf\n"
        )
    with (REPOSITORY / ".gitignore").open("a", encoding="utf-8") as file:
        file.write(f"/{tracking.DATABASE}\n")
    page = REPOSITORY / "site/credits.md"
    page.parent.mkdir(exist_ok=True)
    page.write_bytes((REPOSITORY / "data/ATTRIBUTION.md").read_bytes())
    git("add", "-A")
    git("commit", "-q", "-m", "Start: data, probe set, settings")
    git("push", "-q", "-u", "origin", "main")


def write_chapter(number: int, chapter: Chapter) -> None:
    """Train, write the card, encode, bench, release; or see the release refused."""
    heading(f"{number}. {chapter.title}" + (f": {chapter.version}" if not chapter.refused else ""))
    print(chapter.tells + "\n")
    logged = None
    if chapter.recipe is not None:
        logged = provide_model(chapter.recipe)
        tag_model(chapter.recipe, MODEL_TAGS[chapter.version])
    with (REPOSITORY / "embver.toml").open("a", encoding="utf-8") as file:
        file.write(chapter.settings)
    is_after_refusal = (REPOSITORY / CARD).is_file()
    if not is_after_refusal:
        run("embver", "new", NAME)
    write_card(chapter)
    if logged is not None:
        # What the card says of the training is what its run says; now it names the run, too.
        run("embver", "import", "mlflow", f"{tracking.DATABASE}#{logged}", "--replace")
    if is_after_refusal:
        # next/ still holds the refused vectors; a card of 96 dimensions beside vectors of 64 is not committed.
        run("embver", "encode", NAME)
    git("add", "-A")
    git("commit", "-q", "-m", f"Prepare {NAME} {chapter.version}")
    if not is_after_refusal:
        run("embver", "encode", NAME)
    run("embver", "bench", NAME)
    if chapter.refused:
        refuse()
        return
    excused = ("--allow-regression", "--reason", chapter.excuse) if chapter.excuse else ()
    if excused:
        said("embver", "release", NAME, "--push", status=1)
        print("\nThe team insists, and what it says is kept with the version:\n")
    run("embver", "release", NAME, "--push", *excused)
    released = json.loads(capture("embver", "list", NAME, "--json"))[-1]["version"]
    if released != chapter.version:
        raise SystemExit(f"the story expects {chapter.version}, embver computed {released}")


def provide_model(recipe: Recipe) -> str:
    """Put a recipe's model and the log of its training into the repository; return the run's id.

    Both were made now, or before from the same inputs.
    """
    start = REPOSITORY / MODEL if recipe.starts_from_model else None
    digest = recipes.inputs_digest(recipe, REPOSITORY, start=start)
    kept = MODELS / digest.removeprefix("sha256:")[:16]
    run_id, log = tracking.run_id(digest), MODELS / tracking.DATABASE
    if not ((kept / "model.safetensors").is_file() and tracking.is_logged(log, run_id)):
        from train import train

        with bar(f"training {recipe.name}") as progress:
            training = train(recipe, REPOSITORY, kept, start=start, progress=progress)
        if not tracking.is_logged(log, run_id):
            tracking.log_training(log, run_id, recipe, training.losses)
        print(f"trained {recipe.name}: {training.parameters:,} parameters in {training.elapsed_s:.0f} s")
    else:
        print(f"training {recipe.name} skipped: its inputs did not change ({digest[:19]}…)")
    shutil.copytree(kept, REPOSITORY / MODEL, dirs_exist_ok=True)
    shutil.copyfile(log, REPOSITORY / tracking.DATABASE)
    return run_id


def tag_model(recipe: Recipe, tag: str) -> None:
    """Commit the model under a tag of its own: the card names it, and embver holds the card to it."""
    git("add", "--", str(MODEL))
    git("commit", "-q", "-m", f"Train {tag}: {recipe.purpose}")
    git("tag", "-a", tag, "-m", recipe.purpose)
    git("push", "-q", "origin", tag)


def refuse() -> None:
    """Offer the retrained model as a MINOR, and show what embver says."""
    print()
    reason = "same data, same dimension, better on the new style"
    told = said("embver", "release", NAME, "--level", "minor", "--reason", reason, status=1)
    (REPOSITORY / ".git/demo-refusal").write_text(told)
    print("\nNothing was tagged. Without embver, this would have been live.")


def summary() -> None:
    """Print the table of versions."""
    listed = json.loads(capture("embver", "list", NAME, "--json"))
    rows = []
    for entry in listed:
        shown = json.loads(capture("embver", "show", f"{NAME}@{entry['version']}", "--json"))["card"]
        metrics = {
            f"{benchmark['id']} {metric['key']}": metric["value"]
            for benchmark in shown["benchmarks"]
            for metric in benchmark["metrics"]
        }
        safe = {None: "-", "incompatible": "no", "inconclusive": "no"}.get(entry["verdict"], "yes")
        if entry["level"] == "major":
            safe = "no: another space"
        rows.append(
            (
                entry["version"],
                entry["level"],
                entry["verdict"] or "-",
                f"{metrics['emoji-search hit@1']:.3f}",
                f"{metrics['emoji-search hit@10']:.3f}",
                f"{metrics['emoji-as-typed hit@10']:.3f}",
                f"{metrics['emoji-unseen-style hit@10']:.3f}",
                f"{metrics['emoji-languages hit@10']:.3f}",
                safe,
            )
        )
    head = (
        "version",
        "level",
        "verdict",
        "hit@1",
        "hit@10",
        "as typed",
        "new style",
        "6 languages",
        "compatible with previous",
    )
    table(head, rows)


if __name__ == "__main__":
    sys.exit(main())
