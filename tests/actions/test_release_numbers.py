"""Numbers: pre-releases and what finishes them, builds of one version, 0.y.z; and who signs for them."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from plain_versions import begin_plain, write_next
from sandbox import NAME, Sandbox

REASON = ("--reason", "no probe set")


@pytest.fixture
def plain(tmp_path: Path) -> Sandbox:
    """Return a repository with a first version that is not released."""
    repo = begin_plain(tmp_path / "repository")
    write_next(repo)
    return repo


def versions(repo: Sandbox, name: str = "plain") -> list[str]:
    return [entry["version"] for entry in repo.embver("list", name, "--json").json]


def trailers(repo: Sandbox, tag: str) -> dict[str, str]:
    said = repo.git("tag", "-l", tag, "--format=%(contents:trailers)").out
    return dict(line.split(": ", 1) for line in said.splitlines() if line)


def refused(repo: Sandbox, *arguments: str, code: int = 2) -> str:
    before = repo.state()
    said = repo.embver("release", *arguments, code=code)
    assert repo.state() == before
    return said.err


# ---- pre-releases and 0.y.z


def test_candidates_and_the_version_that_they_announce(plain: Sandbox) -> None:
    plain.embver("release", "plain")
    for data, arguments in (("2", ("--pre", "rc")), ("3", ("--pre", "rc")), ("4", ())):
        write_next(plain, data=data)
        plain.embver("release", "plain", *REASON, *arguments)
    assert versions(plain) == ["1.0.0", "1.1.0-rc.1", "1.1.0-rc.2", "1.1.0"]
    assert trailers(plain, "plain@v1.1.0")["Previous"] == "plain@1.0.0"
    assert plain.embver("show", "plain", "--json").json["reference"] == "plain@1.1.0"
    assert plain.embver("verify").out.endswith("all agree\n")


def test_a_first_release_may_be_0_1_0_and_then_a_break_is_minor(plain: Sandbox) -> None:
    plain.embver("release", "plain", "--initial", "0.1.0")
    folder = write_next(plain, data="2")
    plain.embver("release", "plain", *REASON)  # something was added: MINOR, of 0.1 a PATCH
    folder = write_next(plain, data="3")
    card = (folder / "card.yaml").read_text()
    (folder / "card.yaml").write_text(card.replace("changes:", "license: CC-BY-NC-4.0\nchanges:"))
    plain.git("add", "-A")
    plain.embver("release", "plain", "--level", "major", *REASON)
    assert versions(plain) == ["0.1.0", "0.1.1", "0.2.0"]
    assert trailers(plain, "plain@v0.2.0")["Level"] == "major"
    write_next(plain, data="3")
    assert "only 1.0.0 follows 0.y.z this way" in refused(plain, "plain", "--initial", "3.0.0")
    plain.embver("release", "plain", "--initial", "1.0.0", *REASON)
    assert versions(plain)[-1] == "1.0.0"
    write_next(plain, data="5")
    said = refused(plain, "plain", "--initial", "2.0.0", *REASON)
    assert "plain is at 1.0.0 already, and it is for a first release" in said


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("--initial", "one"), "'one' is not a version"),
        (("--initial", "1.0.0+x"), "a version begins without build metadata"),
        (("--pre", "rc", "--build", "x"), "--pre and --build exclude each other"),
        (("--build", "x", "--level", "patch"), "--build and --level exclude each other"),
        (("--build", "x"), "plain has no release of which this could be another build"),
        (("--pre", "r c"), "--pre r c: "),
    ],
)
def test_numbers_that_cannot_be(plain: Sandbox, arguments: tuple[str, ...], says: str) -> None:
    assert says in refused(plain, "plain", *arguments)


# ---- builds: one version made on several machines


@pytest.mark.torch
@pytest.mark.lfs
def test_a_build_is_the_same_version_if_it_was_measured_equivalent(story: Sandbox) -> None:
    story.embver("new", NAME)
    story.embver("encode", NAME)
    before = story.artifacts("emoji@1.1.1")
    said = story.embver("release", NAME, "--build", "cu126.h200")
    assert "released emoji@1.1.1+cu126.h200 as tag emoji@v1.1.1+cu126.h200" in said.out
    found = trailers(story, "emoji@v1.1.1+cu126.h200")
    assert (found["Level"], found["Verdict"], found["Previous"]) == ("none", "identical", "emoji@1.1.1")
    assert story.artifacts("emoji@1.1.1+cu126.h200") == before
    # Both have one precedence: what came first stays the one that is meant.
    assert story.embver("show", "emoji@latest", "--json").json["reference"] == "emoji@1.1.1"
    assert "(from emoji@1.1.1)" in story.embver("new", NAME).out
    story.embver("encode", NAME)
    story.embver("release", NAME, "--build", "avx512")
    assert versions(story, NAME)[-2:] == ["1.1.1+avx512", "1.1.1+cu126.h200"]
    assert story.embver("verify").out.endswith("all agree\n")


@pytest.mark.torch
@pytest.mark.lfs
def test_a_build_that_moved_is_refused(retrained: Sandbox) -> None:
    said = refused(retrained, NAME, "--build", "cu126", code=1)
    assert (
        "--build cu126 would be another build of emoji@1.1.1, which takes equivalent vectors: measured inc"
        in said
    )
    assert "next: embver release emoji    (as MAJOR, 2.0.0)" in said


def test_a_build_that_was_not_measured_is_refused(plain: Sandbox) -> None:
    plain.embver("release", "plain")
    write_next(plain)
    said = refused(plain, "plain", "--build", "cu126", *REASON, code=1)
    assert "whether the two are equivalent was not measured: plain@1.0.0 has no probe vectors" in said


# ---- several embeddings, and several tags on one commit


def test_two_embeddings_and_two_tags_on_one_commit(plain: Sandbox) -> None:
    write_next(plain, "search/images")
    plain.embver("release", "search/images")
    plain.embver("release", "plain")
    assert versions(plain, "search/images") == ["1.0.0"]
    # By hand: one commit that holds a version of each, and both tags on it.
    plain.git("reset", "--soft", "HEAD~2")
    plain.git("commit", "-qm", "Both at once")
    for tag in ("plain@v1.0.0", "search/images@v1.0.0"):
        message = plain.git("tag", "-l", tag, "--format=%(contents)").out
        plain.git("tag", "-f", "-a", "-m", message, tag)
    assert plain.embver("verify").out.endswith("2 versions checked, 252 B hashed: all agree\n")
    for name in ("plain", "search/images"):
        shown = plain.embver("show", name, "--json").json
        assert (shown["reference"], shown["card"]["name"]) == (f"{name}@1.0.0", name)
    assert len(plain.embver("log", "--json").json) == 2


# ---- signatures


@pytest.fixture
def signer(plain: Sandbox, tmp_path: Path) -> Sandbox:
    """Return a repository that can sign with an ssh key and knows its owner."""
    if not shutil.which("ssh-keygen"):
        pytest.skip("ssh-keygen is not installed")
    key = tmp_path / "key"
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", "team", "-f", key], check=True)
    (tmp_path / "allowed").write_text(f"team@shop.example {key.with_suffix('.pub').read_text()}")
    for name, value in (("gpg.format", "ssh"), ("user.signingkey", f"{key}.pub"),
                        ("gpg.ssh.allowedSignersFile", str(tmp_path / "allowed"))):  # fmt: skip
        plain.git("config", name, value)
    return plain


def test_a_signed_release_is_verified(signer: Sandbox) -> None:
    said = signer.embver("release", "plain", "--sign")
    assert "  the tag will be signed\n" in said.out
    signer.git("tag", "-v", "plain@v1.0.0")
    assert signer.embver("verify", "--signatures").out.endswith("all agree\n")
    assert signer.embver("list", "--json").json[0]["level"] == "first"


@pytest.mark.parametrize(
    ("setting", "option", "is_tag", "is_commit"),
    [
        ("tag.gpgSign", (), True, False),
        ("commit.gpgSign", (), False, True),
        ("commit.gpgSign", ("--sign",), True, True),
        ("tag.gpgSign", ("--no-sign",), False, False),
    ],
)
def test_git_says_what_is_signed(
    signer: Sandbox, setting: str, option: tuple[str, ...], is_tag: bool, is_commit: bool
) -> None:
    signer.git("config", setting, "true")
    assert signer.embver("release", "plain", *option, "--json").json["signed"] is is_tag
    assert ("BEGIN SSH SIGNATURE" in signer.git("cat-file", "tag", "plain@v1.0.0").out) is is_tag
    assert ("BEGIN SSH SIGNATURE" in signer.git("cat-file", "commit", "HEAD").out) is is_commit


@pytest.mark.parametrize("setting", ["tag.gpgSign", "commit.gpgSign"])
def test_a_signer_that_fails_changes_nothing(signer: Sandbox, setting: str) -> None:
    signer.git("config", setting, "true")
    signer.git("config", "gpg.ssh.program", "/bin/false")
    said = refused(signer, "plain", code=3)
    assert "was not signed, nothing was changed: " in said
    assert "or release with --no-sign" in said
    assert "interrupted" not in signer.embver("doctor", code=None).out
    signer.embver("release", "plain", "--no-sign")


def test_signatures_are_told_apart(signer: Sandbox, tmp_path: Path) -> None:
    signer.embver("release", "plain", "--sign")
    write_next(signer, data="2")
    signer.embver("release", "plain", *REASON)
    write_next(signer, data="3")
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", tmp_path / "eve"], check=True)
    signer.git("config", "user.signingkey", str(tmp_path / "eve.pub"))
    signer.embver("release", "plain", *REASON, "--sign")
    forged = signer.git("cat-file", "tag", "plain@v1.0.0").out.replace("Data 1", "Data 9")
    made = subprocess.run(
        ["git", "mktag"], cwd=signer.root, input=forged, text=True, capture_output=True, check=True
    )
    signer.git("update-ref", "refs/tags/plain@v1.0.0", made.stdout.strip())
    found = signer.embver("verify", "--quick", "--signatures", "--json", code=1).json["signatures"]
    assert [(entry["reference"], entry["why"].partition(":")[0]) for entry in found] == [
        ("plain@1.0.0", "bad"),
        ("plain@1.1.0", "unsigned"),
        ("plain@1.2.0", "unknown"),
    ]
    assert signer.embver("verify", "--quick").code == 0


# ---- no byte of the vectors is read


def test_no_byte_of_the_vectors_is_read_however_large_they_are(plain: Sandbox) -> None:
    """A sparse object of 10 GB whose bytes are not what its name says: whoever reads one changes its access time."""
    (pointer,) = [a for a in plain.artifacts("plain@next").values() if a["role"] == "vectors"]
    dimensions = 900_000_000  # of three rows: no ids to read either
    size = 3 * dimensions * 4 + 80
    stored = plain.object(pointer["sha256"])
    stored.chmod(0o644)
    with stored.open("wb") as file:
        file.truncate(size)
    folder = plain.root / "embeddings/plain/next"
    edits = (
        ("dimensions: 4", f"dimensions: {dimensions}"),
        (f"size_bytes: {pointer['size_bytes']}", f"size_bytes: {size}"),
        (f"size {pointer['size_bytes']}", f"size {size}"),
    )
    for file in (folder / "card.yaml", folder / "text.safetensors"):
        text = file.read_text()
        for before, after in edits:
            text = text.replace(before, after)
        file.write_text(text)
    from embver.card import space_id
    from embver.store.cards import read_card_text

    card = folder / "card.yaml"
    plain_card = read_card_text(card.read_bytes(), path="card.yaml").plain
    plain.edit((plain_card["fingerprint"], space_id(plain_card)), file=card)
    os.utime(stored, (1, 2))
    control = plain.root.parent / "control"
    control.write_bytes(b"x")
    os.utime(control, (1, 2))
    control.read_bytes()
    if control.stat().st_atime == 1:
        pytest.skip("this file system keeps no access times")
    plain.embver("release", "plain")
    assert stored.stat().st_atime == 1
    plain.embver("verify", "--quick")
    assert stored.stat().st_atime == 1
