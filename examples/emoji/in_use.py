"""The last chapter: versions in use. Stages, a deprecation, an index that knows what it holds, a bridge."""

from __future__ import annotations

import os
import shutil

from terminal import REPOSITORY, heading, run, said

INDEX = "../demo-pictures.faiss"  # as a person in the repository names it
BY_DVC = "../demo-by-dvc"
SERVED, NEWEST = "emoji@1.1.1", "emoji@2.0.0"


def use_versions() -> None:
    """Put versions to use, and see a query of the wrong version stopped."""
    heading("6. In use")
    print(
        "2.0.0 needs an index of its own. Until that is built, 1.1.1 serves, and nobody should use 1.0.0.\n"
    )
    run("embver", "promote", SERVED, "prod", "--push")
    run("embver", "promote", NEWEST, "staging", "--push")
    reason = "names as people type them are not found"
    run("embver", "deprecate", "emoji@1.0.0", "--reason", reason, "--successor", SERVED, "--push")
    print("\nThe pictures of 1.1.1 go into a FAISS index, which is stamped with their version:\n")
    write_index()
    run("embver", "guard", "stamp", INDEX, SERVED)
    print("\nA year later somebody points the encoder of 2.0.0 at it:\n")
    said("embver", "guard", "check", INDEX, NEWEST, status=1)
    print("\nCould a learned map spare the new index?\n")
    said("embver", "bridge", SERVED, NEWEST, status=1)  # it says: keep the old encoder
    print(
        "\nDoes this machine still give the bytes of 2.0.0? A sample is encoded again, from the card alone:\n"
    )
    run("embver", "verify", NEWEST, "--reencode", "--sample", "500")
    run("embver", "list")
    read_by_others()


def read_by_others() -> None:
    """Let other programs read the versions: they find them by tags and dvc.yaml, without any code of embver."""
    print("\nOther programs read the versions too, and need no embver for it:\n")
    run("gto", "show", "emoji")
    # DVC counts its users over the network unless it is told not to.
    os.environ["DVC_NO_ANALYTICS"] = "1"
    run("dvc", "artifacts", "get", ".", "emoji", "--rev", "v2.0.0", "--force", "-o", BY_DVC)
    checker = ("sha256sum",) if shutil.which("sha256sum") else ("shasum", "-a", "256")  # macOS
    run(*checker, "-c", "SHA256SUMS", folder=BY_DVC)
    run("embver", "export", NEWEST, "--format", "cyclonedx", "--out", BY_DVC, "--force")


def write_index() -> None:
    """Write the pictures' vectors of the served version into a FAISS index."""
    import faiss

    import embver

    vectors = embver.open(SERVED, path=REPOSITORY).vectors["image"]
    index = faiss.IndexFlatIP(vectors.shape[1])
    index.add(vectors)
    faiss.write_index(index, str(REPOSITORY / INDEX))
    print(f"{INDEX}: {index.ntotal:,} vectors of {vectors.shape[1]} numbers")
