"""The site shows a registry of which some cards cannot be read: their own pages say why, and nothing else is lost."""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path

import pytest

from sandbox import Sandbox, git

CARD = """\
schema: 1
name: shop
version: {version}
space: {{dimensions: 64, metric: cosine, normalized: true, kind: dense, dtype: float32}}
encoders: {{text: {{model: {{path: models/{version}}}, preprocessing: [{{step: unicode_normalize, form: NFC}}]}}}}
fingerprint: "space:sha256:{zeros}"
artifacts: []
changes: [{{area: other, text: "{version} came"}}]
"""


def card(version: str) -> str:
    """Return the least card that a release may have, and the words of its change."""
    return CARD.format(version=version, zeros="0" * 64)


WHO = "Ada <ada@example.org> 1795000000 +0000"
# What stands at the tag of each version; None: no card at all.
CARDS = {
    "1.0.0": card("1.0.0"),
    "1.1.0": "schema: 1\nname: shop\n  version: 1.1.0\n",
    "1.2.0": card("1.2.0").replace("metric: cosine", "metric: <b>cosin</b>"),
    "1.3.0": None,
    "1.4.0": card("1.4.0").replace("schema: 1", "schema: 9"),
    "1.5.0": card("1.5.0"),
}


def registry(folder: Path, name: str, cards: dict[str, str | None]) -> Sandbox:
    """Make a repository with a commit and a tag a release; HEAD holds what the last commit of each card left."""
    folder.mkdir()
    git(folder, "init", "--quiet", "-b", "main", ".")
    stream, previous = "", None
    for number, (version, card) in enumerate(cards.items(), 1):
        stream += f"commit refs/heads/main\nmark :{number}\ncommitter {WHO}\ndata 1\nx\n"
        if card is not None:
            stream += (
                f"M 100644 inline embeddings/{name}/{version}/card.yaml\ndata {len(card.encode())}\n{card}\n"
            )
        said = f"{version}\n\nLevel: {'minor' if previous else 'first'}\nVerdict: compatible\n"
        said += f"Previous: {previous}\n" if previous else ""
        previous = f"{name}@{version}"
        stream += f"tag {name}@v{version}\nfrom :{number}\ntagger {WHO}\ndata {len(said)}\n{said}\n"
    subprocess.run(["git", "fast-import", "--quiet"], cwd=folder, input=stream.encode(), check=True)
    git(folder, "reset", "--quiet", "--hard")
    return Sandbox(root=folder)


@pytest.fixture(scope="module")
def repo(tmp_path_factory: pytest.TempPathFactory) -> Sandbox:
    return registry(tmp_path_factory.mktemp("spoilt") / "shop", "shop", CARDS)


@pytest.fixture(scope="module")
def pages(repo: Sandbox) -> Path:
    said = repo.embver("site")
    assert said.err.startswith(
        "4 versions have cards that cannot be read; their pages show why: shop@1.1.0, shop@1.2.0"
    )
    return repo.root / "site" / "changelog" / "shop"


@pytest.mark.parametrize(
    ("version", "place", "words"),
    [
        ("1.1.0", "card.yaml&#58;3&#58;10", "mapping values are not allowed"),
        ("1.2.0", "card.yaml&#58;4&#58;", "cosin"),
        ("1.3.0", "card.yaml&#58;1&#58;1", "it is not in the commit of shop&#64;v1.3.0"),
        ("1.4.0", "card.yaml&#58;1&#58;", "schema 9"),
    ],
)
def test_a_card_that_cannot_be_read_has_a_page_that_says_why(
    pages: Path, version: str, place: str, words: str
) -> None:
    text = (pages / f"{version}.md").read_text(encoding="utf-8")
    assert place in text
    assert words in text
    assert "MINOR" in text
    assert "compatible" in text
    assert "<code>shop&#64;v" in text
    assert "<b>cosin" not in text
    assert ("There is none" in text) == (version == "1.3.0")


def test_the_others_are_as_they_would_be(pages: Path) -> None:
    first, last = ((pages / f"{version}.md").read_text(encoding="utf-8") for version in ("1.0.0", "1.5.0"))
    assert "1.0.0 came" in first
    assert "1.5.0 came" in last
    assert "**" not in last.partition("## What changed")[2].partition("##")[0]
    index = (pages / "index.md").read_text(encoding="utf-8")
    assert "The cards of these versions cannot be read, their pages say why: [1.4.0](1.4.0.md)" in index
    start = (pages.parent.parent / "index.md").read_text(encoding="utf-8")
    assert "the card cannot be read: 1.1.0, 1.2.0, 1.3.0, 1.4.0" in start
    assert "1 embedding, 6 versions" in start
    listed = json.loads((pages.parent / "versions.json").read_text(encoding="utf-8"))["embeddings"][0][
        "versions"
    ]
    assert [entry["version"] for entry in listed] == ["1.0.0", "1.5.0"]


def test_what_differs_from_a_card_that_cannot_be_read_is_not_made_up(tmp_path: Path) -> None:
    bare = card("1.1.0").partition("changes:")[0]
    cards: dict[str, str | None] = {"1.0.0": "schema: 1\n", "1.1.0": bare}
    repo = registry(tmp_path / "shop", "shop", cards)
    repo.embver("site")
    text = (repo.root / "site/changelog/shop/1.1.0.md").read_text(encoding="utf-8")
    assert "the card of [1.0.0](1.0.0.md) cannot be read: what differs is not known." in text


def test_an_embedding_without_a_readable_card_still_has_its_pages(tmp_path: Path) -> None:
    repo = registry(tmp_path / "shop", "shop", {"1.0.0": "[]\n", "1.1.0": None})
    said = repo.embver("site")
    assert "2 versions have cards that cannot be read" in said.err
    folder = repo.root / "site/changelog/shop"
    assert "No card of this embedding can be read" in (folder / "index.md").read_text(encoding="utf-8")
    assert (folder / "1.1.0.md").is_file()
    assert "[shop](changelog/shop/index.md): no card of its 2 versions" in (
        repo.root / "site/index.md"
    ).read_text(encoding="utf-8")


def test_a_card_that_was_spoilt_after_its_release_counts_as_it_was_released(tmp_path: Path) -> None:
    repo = registry(tmp_path / "shop", "shop", {"1.0.0": card("1.0.0")})
    file = repo.root / "embeddings/shop/1.0.0/card.yaml"
    file.write_text("no card\n", encoding="utf-8")
    repo.git("-c", "user.name=a", "-c", "user.email=a@b", "commit", "-q", "--no-verify", "-am", "Spoil it")
    said = repo.embver("site")
    assert said.err.startswith(
        "1 version has a card that was spoilt since its release; its page shows why: shop@1.0.0"
    )
    text = (repo.root / "site/changelog/shop/1.0.0.md").read_text(encoding="utf-8")
    assert "1.0.0 came" in text
    assert (
        "The card was changed since the release and is not valid now; it is shown as it was released." in text
    )


def test_a_card_that_lacks_a_field_is_shown_as_far_as_it_goes(tmp_path: Path) -> None:
    text = card("1.0.0").replace("artifacts: []\n", "titel: Shop\n")
    repo = registry(tmp_path / "shop", "shop", {"1.0.0": text})
    said = repo.embver("site")
    assert said.err.startswith("1 version has a card that is not valid; its page shows why: shop@1.0.0")
    page = (repo.root / "site/changelog/shop/1.0.0.md").read_text(encoding="utf-8")
    assert "The card is not valid today, and is shown as far as it goes." in page
    assert "card.yaml&#58;1&#58;1</code> the card has a version, so it needs &#39;artifacts&#39;" in page
    assert "card.yaml&#58;7&#58;1</code> &#39;titel&#39; is no field of the card" in page
    assert "1.0.0 came" in page


def test_a_signed_tag_is_told_by_the_kind_of_its_signature(tmp_path: Path) -> None:
    if not shutil.which("ssh-keygen"):
        pytest.skip("ssh-keygen is not installed")
    repo = registry(tmp_path / "shop", "shop", {"1.0.0": card("1.0.0")})
    key = tmp_path / "key"
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", key], check=True)
    signing = (
        "-c",
        "gpg.format=ssh",
        "-c",
        f"user.signingkey={key}.pub",
        "-c",
        "user.name=a",
        "-c",
        "user.email=a@b.example",
    )
    repo.git(*signing, "tag", "-f", "-s", "-m", "1.0.0", "shop@v1.0.0", "shop@v1.0.0^{}")
    repo.embver("site")
    text = (repo.root / "site/changelog/shop/1.0.0.md").read_text(encoding="utf-8")
    assert "an SSH signature is on the tag, not checked by this page" in text
    assert "<code>embver verify shop&#64;1.0.0 --signatures</code>" in text


def test_the_commands_that_are_asked_for_such_a_card_refuse_as_before(repo: Sandbox) -> None:
    assert repo.embver("log", code=None).code != 0
    assert repo.embver("diff", "shop@1.0.0", "shop@1.2.0", code=None).code == 1
