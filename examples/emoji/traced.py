"""The last chapter: a number fell. Since which version, for which queries, and which of the changes did it?"""

from __future__ import annotations

from terminal import git, heading, run

NAME = "emoji"
DROP = (NAME, "--metric", "hit@10", "--benchmark", "emoji-as-typed")
BROKEN, SOUND = f"{NAME}@3.0.0", f"{NAME}@2.0.0"


def trace_drop(*, is_first: bool) -> None:
    """Trace the drop of the last release to its cause; the first time, keep what was found with the version."""
    heading("8. What people type is not found any more")
    print("A month later. Every version beside the one that it stands on:\n")
    run("embver", "trace", *DROP)
    print("\nWhich queries were lost, and what do they have in common?\n")
    run("embver", "trace", *DROP, "--queries")
    print("\nThree fields changed together. Which one was it? Each is set back, in every combination,")
    print("and the benchmark is encoded and searched again; the old weights come out of Git LFS:\n")
    run("embver", "trace", *DROP, "--ablate", *(("--record",) if is_first else ()))
    if is_first:
        git("commit", "-q", "-m", f"Record what made hit@10 fall in {BROKEN}")
        print("\nNobody should use it, and its page says why:\n")
        reason = "names with capital letters are not found: the lower-casing step was lost"
        run("embver", "deprecate", BROKEN, "--reason", reason, "--successor", SOUND, "--push")
