"""Signatures by real ssh and gpg keys: made as Git is set up, and told apart when they are checked."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from embver.errors import RepoError
from embver.store.repo import Repository
from embver.store.signing import check_signature

Git = Callable[..., str]
needs_ssh = pytest.mark.skipif(not shutil.which("ssh-keygen"), reason="ssh-keygen is not installed")
needs_gpg = pytest.mark.skipif(not shutil.which("gpg"), reason="gpg is not installed")


@pytest.fixture
def keys(tmp_path: Path) -> Path:
    """Return a folder with two ssh keys, `ada` and `eve`; `allowed` names the first one."""
    folder = tmp_path / "keys"
    folder.mkdir()
    for name in ("ada", "eve"):
        subprocess.run(
            ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", name, "-f", folder / name], check=True
        )
    (folder / "allowed").write_text(f"ada@shop.example {(folder / 'ada.pub').read_text()}")
    return folder


@pytest.fixture
def signing(top: Path, keys: Path, git: Git) -> Repository:
    """Return a repository that signs with the ssh key of Ada and knows her."""
    git(top, "config", "gpg.format", "ssh")
    git(top, "config", "user.signingkey", str(keys / "ada.pub"))
    git(top, "config", "gpg.ssh.allowedSignersFile", str(keys / "allowed"))
    return Repository.discover(top)


def make(repo: Repository, git: Git, tag: str, *, is_signed: bool = True) -> str:
    commit = str(repo.head())
    made = repo.build_tag(tag=tag, commit=commit, message="P 1.0.0\n\nLevel: minor\n", is_signed=is_signed)
    repo.move_refs([(f"refs/tags/{tag}", made, repo.zero)])
    return made


@needs_ssh
def test_a_tag_is_signed_by_ssh_and_no_reference_changes(signing: Repository, git: Git) -> None:
    before = git(signing.root, "for-each-ref")
    made = signing.build_tag(
        tag="p@v1.0.0", commit=str(signing.head()), message="P\n\nLevel: minor\n", is_signed=True
    )
    assert git(signing.root, "for-each-ref") == before
    assert "-----BEGIN SSH SIGNATURE-----" in git(signing.root, "cat-file", "tag", made)
    assert list(signing.git_dir.glob("embver/*")) == []
    signing.move_refs([("refs/tags/p@v1.0.0", made, signing.zero)])
    git(signing.root, "tag", "-v", "p@v1.0.0")  # fails unless Git itself finds it good
    assert signing.tag_records()[0].message.startswith("P\n\nLevel: minor\n-----BEGIN SSH")


@needs_ssh
def test_what_a_signature_is_worth(signing: Repository, keys: Path, git: Git) -> None:
    make(signing, git, "good")
    git(signing.root, "config", "user.signingkey", str(keys / "eve.pub"))
    make(signing, git, "strange")
    forged = git(signing.root, "cat-file", "tag", "good").replace("Level: minor", "Level: patch")
    made = git(signing.root, "mktag", stdin=f"{forged}\n").strip()
    git(signing.root, "update-ref", "refs/tags/forged", made)
    found = {tag: check_signature(signing, tag) for tag in ("good", "strange", "forged")}
    assert {tag: each.state for tag, each in found.items()} == {
        "good": "good",
        "strange": "unknown",
        "forged": "bad",
    }
    assert found["good"].signer == "ada@shop.example"
    assert "is not among gpg.ssh.allowedSignersFile" in found["strange"].why
    git(signing.root, "config", "--unset", "gpg.ssh.allowedSignersFile")
    assert "gpg.ssh.allowedSignersFile is not set" in check_signature(signing, "good").why


@needs_ssh
def test_a_signer_that_fails_says_so(signing: Repository, keys: Path, git: Git) -> None:
    (keys / "ada").unlink()
    for build in (
        lambda: signing.build_tag(tag="t", commit=str(signing.head()), message="m", is_signed=True),
        lambda: signing.build_commit(
            parent=signing.head(), message="m", files={}, removed=[], is_signed=True
        ),
    ):
        before = git(signing.root, "for-each-ref")
        with pytest.raises(
            RepoError, match=r"the (tag|commit) was not signed, nothing was changed: "
        ) as caught:
            build()
        assert "user.signingkey" in str(caught.value.hint)
        assert git(signing.root, "for-each-ref") == before
    assert list(signing.git_dir.glob("embver/*")) == []


@needs_gpg
def test_gpg_signs_and_its_keys_are_told_apart(
    top: Path, repo: Repository, git: Git, tmp_path_factory: pytest.TempPathFactory, monkeypatch
) -> None:
    home = Path(tmp_path_factory.mktemp("g"))  # a short path: gpg-agent's socket lies in it
    home.chmod(0o700)
    monkeypatch.setenv("GNUPGHOME", str(home))
    new = [
        "gpg",
        "--batch",
        "--passphrase",
        "",
        "--quick-gen-key",
        "Ada <ada@shop.example>",
        "ed25519",
        "sign",
    ]
    try:
        subprocess.run([*new, "never"], check=True, capture_output=True)
        git(top, "config", "user.signingkey", "ada@shop.example")
        make(repo, git, "good")
        assert check_signature(repo, "good").signer == "Ada <ada@shop.example>"
        assert check_signature(repo, "good").state == "good"
        forged = git(top, "cat-file", "tag", "good").replace("Level: minor", "Level: patch")
        git(top, "update-ref", "refs/tags/forged", git(top, "mktag", stdin=f"{forged}\n").strip())
        assert check_signature(repo, "forged").state == "bad"
        empty = Path(tmp_path_factory.mktemp("e"))
        empty.chmod(0o700)
        monkeypatch.setenv("GNUPGHOME", str(empty))
        found = check_signature(repo, "good")
        assert (found.state, "no public key" in found.why) == ("unknown", True)
    finally:
        for folder in {str(home), os.environ["GNUPGHOME"]}:
            subprocess.run(
                ["gpgconf", "--homedir", folder, "--kill", "all"], check=False, capture_output=True
            )
