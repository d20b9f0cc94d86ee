"""Sign tags and check their signatures, by gpg or ssh as Git itself is set up to do it."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from embver.errors import RepoError
from embver.store.git_reader import GitReader
from embver.store.process import run

SIGNED = "\n-----BEGIN "  # what stands before a signature, in a tag and in its message

_SSH_GOOD = re.compile(r'^Good "git" signature for (\S+) with (\S+ key \S+)', re.MULTILINE)
_SSH_KEY = re.compile(r'^Good "git" signature with (\S+ key \S+)', re.MULTILINE)
_GPG = re.compile(r"^\[GNUPG:\] (\w+) ?(.*)$", re.MULTILINE)
_GPG_BAD = {
    "BADSIG": "it does not fit the tag",
    "REVKEYSIG": "its key was revoked",
    "EXPKEYSIG": "its key has expired",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Signature:
    """What a tag's signature is worth: `good`, `bad`, or of an `unknown` signer (the key is not known here)."""

    state: str
    signer: str | None
    why: str


def build_signed_tag(repo: GitReader, *, tag: str, commit: str, message: str) -> str:
    """Make a signed tag object and return its id; no reference changes. Raises RepoError with what the signer said.

    Only `git tag -s` knows every way of signing (gpg.format, gpg.program, keys from a command), and it always makes the
    reference too: so it works in a repository of its own that shares the objects, where nobody looks.
    """
    listed = repo.git("config", "--list", "-z", "--includes").split("\0")
    pairs = [entry.partition("\n") for entry in listed if entry]
    wanted = [(key, value) for key, _, value in pairs if key.startswith(("gpg.", "user.", "committer."))]
    env = {"GIT_CONFIG_COUNT": str(len(wanted))}
    for number, (key, value) in enumerate(wanted):
        env |= {f"GIT_CONFIG_KEY_{number}": key, f"GIT_CONFIG_VALUE_{number}": value}
    own = repo.git_dir / "embver"
    own.mkdir(parents=True, exist_ok=True)
    with TemporaryDirectory(dir=own, prefix="sign-") as scratch:
        made = Path(scratch) / "git"
        options = ["--quiet", "--bare", "--template=", f"--object-format={repo.object_format}"]
        run(["git", "init", *options, str(made)], cwd=repo.root)
        env |= {"GIT_DIR": str(made), "GIT_OBJECT_DIRECTORY": str(repo.git_dir / "objects")}
        argv = ["git", "tag", "-s", "--cleanup=verbatim", "-F", "-", "--end-of-options", tag, commit]
        stdin = f"{message.rstrip()}\n".encode()
        done = run(argv, cwd=repo.root, stdin=stdin, env={**repo.environment, **env}, check=False)
        # Git 2.39 makes an unsigned tag, and says that all is well, where ssh-keygen finds no private key.
        if done.status != 0 or SIGNED not in repo.git("cat-file", "tag", f"refs/tags/{tag}", env=env):
            raise not_signed("tag", done.stderr)
        return repo.git("rev-parse", f"refs/tags/{tag}", env=env).strip()


def not_signed(what: str, stderr: bytes) -> RepoError:
    """Return the error that says why a signing program did not sign."""
    said = stderr.decode(errors="replace").strip() or "it said nothing"
    lines = [
        line.removeprefix("error: ").removeprefix("fatal: ") for line in said.splitlines() if line.strip()
    ]
    return RepoError(
        f"the {what} was not signed, nothing was changed: {'; '.join(lines[:3])}",
        hint="git config user.signingkey, git config gpg.format, or release with --no-sign",
    )


def check_signature(repo: GitReader, tag: str) -> Signature:
    """Return what the signature of a signed tag is worth, by `git verify-tag`."""
    argv = ["git", "verify-tag", "--raw", f"refs/tags/{tag}"]
    done = run(argv, cwd=repo.root, env=repo.environment, check=False)
    said = (done.stderr + b"\n" + done.stdout).decode(errors="replace")
    gpg: dict[str, str] = dict(_GPG.findall(said))
    if gpg:
        return _from_gpg(gpg, is_trusted=done.status == 0)
    good, keyed = _SSH_GOOD.search(said), _SSH_KEY.search(said)
    if done.status == 0 and good:
        return Signature(state="good", signer=good[1], why=f"signed by {good[1]}, {good[2]}")
    if keyed:
        why = f"its signer is unknown: {keyed[1]} is not among gpg.ssh.allowedSignersFile"
        return Signature(state="unknown", signer=keyed[1], why=why)
    if "allowedSignersFile needs to be configured" in said:
        why = "its signer is unknown: gpg.ssh.allowedSignersFile is not set, or does not exist"
        return Signature(state="unknown", signer=None, why=why)
    first = next((line for line in said.splitlines() if line.strip()), "git verify-tag said nothing")
    if "cannot run" in said or "ENOENT" in said:
        return Signature(state="unknown", signer=None, why=f"its signature could not be checked: {first}")
    return Signature(state="bad", signer=None, why="its signature does not fit the tag")


def _from_gpg(said: dict[str, str], *, is_trusted: bool) -> Signature:
    for word, why in _GPG_BAD.items():
        if word in said:
            return Signature(state="bad", signer=_name(said[word]), why=f"its signature is bad: {why}")
    if "GOODSIG" not in said:
        key = (said.get("NO_PUBKEY") or said.get("ERRSIG") or "?").split(" ")[0]
        return Signature(state="unknown", signer=None, why=f"its signer is unknown: no public key {key} here")
    name = _name(said["GOODSIG"])
    if not is_trusted:
        why = f"its signer is unknown: the key of {name} is trusted less than gpg.minTrustLevel asks"
        return Signature(state="unknown", signer=name, why=why)
    return Signature(state="good", signer=name, why=f"signed by {name}")


def _name(text: str) -> str:
    """Return the name behind the key's number."""
    return text.partition(" ")[2] or text
