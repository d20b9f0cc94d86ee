"""The page that compares two versions: its rules are those of the tool, and it does what a reader asks of it."""

from __future__ import annotations

import copy
import json
import random
import re
from collections.abc import Iterator
from dataclasses import replace
from itertools import product
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from emoji_versions import HOSTILE, base_card, cards, embedding, emoji_site, hostile_embedding, with_artifacts

from embver.card import Card
from embver.comparability import basis_of, differences
from embver.diff import compare
from embver.site.compare_page import compare_link, list_of_versions
from embver.site.matrix import cell
from embver.site.more_pages import across_embeddings, of_version
from embver.site.page_scripts import data_script, version_script
from embver.site.text import number, size
from embver.store.templates import render_template

if TYPE_CHECKING:
    from browser import Browser

_READ = re.compile(r'embverData\((".*?[^\\]"), (".*")\);\n')


def read_script(text: str) -> tuple[str, Any]:
    """Return key and data of a script as a browser reads them; JSON's strings are JavaScript's."""
    found = _READ.fullmatch(text)
    assert found is not None
    return json.loads(found[1]), json.loads(json.loads(found[2]))


# ---- the scripts


def test_a_script_of_data_holds_them_whole_and_nothing_that_could_end_it() -> None:
    plain = {"text": f"</script>{HOSTILE}\u2028\u2029\ud800", "__proto__": {"x": 1}, "é": [True, None, 0.1]}
    text = data_script("a<b", plain)
    assert text.isascii()
    assert "<" not in text
    assert text.count("\n") == 1
    assert read_script(text) == ("a<b", plain)


@pytest.mark.parametrize("number", [2**53 - 1, -(2**53) + 1, 0.5, 1e300])
def test_numbers_that_a_browser_holds_are_numbers(number: float) -> None:
    assert read_script(data_script("k", {"n": [number]}))[1] == {"n": [number]}


@pytest.mark.parametrize(
    ("number", "shown"),
    [(2**53, "9007199254740992"), (-(2**64), "-18446744073709551616"), (float("inf"), "inf")],
)
def test_numbers_that_a_browser_would_round_are_texts(number: float, shown: str) -> None:
    assert read_script(data_script("k", {"n": (number, 1)}))[1] == {"n": [shown, 1]}


def test_the_data_of_a_version_never_change_when_another_is_released() -> None:
    old, new = embedding(cards()[:3]), embedding(cards())
    before = [of_version(old, version) for version in old.versions]
    after = [of_version(new, version) for version in new.versions]
    assert [(place, make()) for place, make in before] == [(place, make()) for place, make in after[:3]]
    key, plain = read_script(after[1][1]())
    assert (after[1][0], key) == ("changelog/emoji/data/1.1.0.js", "emoji@1.1.0")
    assert plain["card"] == cards()[1]


def test_a_change_of_stage_or_status_is_in_the_list_and_not_in_the_data() -> None:
    emoji = emoji_site().embeddings[0]
    version = emoji.versions[0]
    promoted = replace(version, stages=("prod",))
    assert of_version(emoji, promoted)[1]() == of_version(emoji, version)[1]()
    site = replace(emoji_site(), embeddings=(replace(emoji, versions=(promoted,)),))
    listed = list_of_versions(site)["embeddings"][0]
    assert listed["versions"] == [["1.0.0", "1.0.0", "2026-08-03", "first", None, "active", ["prod"], -1]]


def test_the_page_alone_names_the_commands_and_links_to_every_embedding() -> None:
    made = dict(across_embeddings(emoji_site(hostile_embedding()), render_template, mark="<!-- -->"))
    text = made["changelog/compare.md"]()
    for words in (
        "embver diff emoji@1.1.1 emoji@2.0.0",
        "embver compat emoji@1.1.1 emoji@2.0.0",
        "](hostile/index.md)",
    ):
        assert words in text.replace("&#64;", "@")
    assert "<script" not in text


def test_a_link_from_a_page_leads_to_the_pair() -> None:
    one, two, *_ = emoji_site().embeddings[0].versions
    assert compare_link("changelog/emoji/1.1.0.md", one, two) == "../compare.md?emoji@1.0.0...emoji@1.1.0"


def test_versions_that_differ_in_case_alone_have_scripts_of_their_own() -> None:
    assert version_script("emoji", "1.0.0-RC").lower() != version_script("emoji", "1.0.0-rc").lower()


# ---- the rules in the page are those of the tool


@pytest.fixture
def page(built: Path, browser: Browser) -> Browser:
    """Return the browser with the page open; it stays open from one test to the next."""
    address = (built / "build" / "site" / "changelog" / "compare.html").as_uri()
    if browser.driver.current_url != address:
        browser.open(address)
        browser.wait("return document.querySelector('.ev-sides') !== null")
    return browser


def places(value: Any, where: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Yield the place of every value within a card."""
    entries = (
        value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    )
    for key, entry in entries:
        yield (*where, key)
        yield from places(entry, (*where, key))


def mutated(plain: dict[str, Any], dice: random.Random) -> dict[str, Any]:
    """Return a card with a few values removed, changed, doubled or put elsewhere."""
    card = copy.deepcopy(plain)
    for _ in range(dice.randint(1, 4)):
        *way, last = dice.choice([where for where in places(card) if len(where) > 1])
        holder = card
        for part in way:
            holder = holder[part]
        kind = dice.choice(("remove", "change", "empty", "shuffle", "insert"))
        if last in ("name", "path", "id", "against", "key", "step"):
            holder[last] = "other"  # what an entry is known by is there and a text, by the schema
        elif kind == "remove":
            del holder[last]
        elif kind == "empty" and way[-1] != "preprocessing":
            holder[last] = dice.choice((None, {}, [], "", False, 0))
        elif isinstance(holder[last], list) and kind in ("shuffle", "insert"):
            extra = [{"step": "lowercase"}] if last == "preprocessing" else ["x"]
            holder[last] = dice.sample(holder[last], len(holder[last])) + (extra if kind == "insert" else [])
        elif way[-1] != "preprocessing":
            holder[last] = dice.choice((1, 1.5, "other", True, ["a", "b"]))
    return card


def test_the_page_finds_the_differences_that_embver_diff_finds(page: Browser) -> None:
    dice = random.Random(6)
    plains = [*cards(), hostile_embedding().versions[1].card.plain]
    made = [mutated(plain, dice) for plain in plains for _ in range(12)]
    plains = json.loads(json.dumps([*plains, *made]))
    pairs = [*product(range(5), range(5)), *((place // 12, 5 + place) for place in range(len(made)))]
    # As texts: the driver would put the keys of a mapping into another order.
    script = """const cards = JSON.parse(arguments[0]);
        return JSON.stringify(arguments[1].map(([a, b]) => embver.diff.compareCards(cards[a], cards[b]).map(
            each => [embver.diff.formatPath(each.where), each.kind, each.before, each.after])))"""
    for (a, b), found in zip(pairs, json.loads(page.read(script, json.dumps(plains), pairs)), strict=True):
        wanted = [
            [each.path, each.kind.value, each.before, each.after] for each in compare(plains[a], plains[b])
        ]
        assert found == json.loads(json.dumps(wanted))


def test_the_page_knows_of_a_pair_what_the_matrix_knows(page: Browser) -> None:
    plains = cards()
    plains[2]["compatibility"] = plains[2]["compatibility"][:1]
    same = with_artifacts({**base_card(), "version": "0.9.0"})
    other_metric = with_artifacts(
        {**base_card(), "version": "0.8.0", "space": {**base_card()["space"], "metric": "dot"}}
    )
    versions = embedding([other_metric, same, *plains]).versions
    data = [
        {"reference": version.release.reference, "card": json.loads(json.dumps(version.card.plain))}
        for version in versions
    ]
    script = "return arguments[0].map(([a, b]) => { const k = embver.diff.knownOf(a, b); return [k.verdict, k.kind]; })"
    places_ = [(i, j) for i in range(len(versions)) for j in range(i, len(versions))]
    found = page.read(script, [[data[i], data[j]] for i, j in places_])
    wanted = [cell(versions[i], versions[j]) for i, j in places_]
    assert found == [[each.verdict, each.kind] for each in wanted]
    assert {each.kind for each in wanted} == {"self", "measured", "inferred", "unmeasured"}


def test_the_page_writes_numbers_as_the_other_pages_do(page: Browser) -> None:
    dice = random.Random(7)
    numbers = [
        0,
        0.0,
        1,
        -1,
        0.0005,
        -0.0004,
        3.1e-6,
        0.0625,
        0.1875,
        -0.0625,
        1000.5,
        1001.5,
        999.9996,
        12345678,
        0.9995,
        -2.5,
    ]
    numbers += [dice.uniform(-2, 2) for _ in range(60)] + [dice.randrange(4096) / 1024 for _ in range(60)]
    sizes = [
        0,
        999,
        1000,
        1250,
        1350,
        999_950,
        10**9,
        5 * 10**14,
        *(dice.randrange(10**9) for _ in range(30)),
    ]
    told = page.read(
        "const [n, s] = arguments; return [n.map(v => embver.number(v)), n.map(v => embver.number(v, true)), s.map(embver.size)]",
        [float(each) for each in numbers],
        sizes,
    )
    assert told[0] == [number(float(each)) for each in numbers]
    assert told[1] == [number(float(each), signed=True) for each in numbers]
    assert told[2] == [size(each) for each in sizes]


@pytest.mark.parametrize(
    ("part", "change"),
    [
        ("dataset", {"revision": "v2"}),
        ("dataset", {"sha256": None}),
        ("protocol", {"queries": 12}),
        ("protocol", {"where": {"b": 1, "a": [2]}}),
        ("protocol", {"similarity": "dot"}),
        ("harness", {"name": "mteb"}),
        ("task", {"category": "i2t"}),
    ],
)
def test_the_page_compares_the_numbers_that_embver_compares(
    page: Browser, part: str, change: dict[str, Any]
) -> None:
    old = base_card()["benchmarks"][0]
    new = copy.deepcopy(old)
    new[part].update(change)
    records = [Card.from_plain({**base_card(), "benchmarks": [each]}).benchmarks[0] for each in (old, new)]
    wanted = "; ".join(differences(*(basis_of(each, each.metrics[0]) for each in records)))
    found = page.read(
        "const [a, b] = arguments; return embver.diff.notComparable(a, b, a.metrics[0], b.metrics[0]) || ''",
        old,
        new,
    )
    # Only how JSON is spaced may differ.
    assert found.replace(" ", "") == wanted.replace("->", "\u2192").replace(" ", "")
    assert bool(found) == (change != {"similarity": "dot"})


@pytest.mark.browser
def test_a_card_with_only_what_the_schema_asks_for_is_compared(page: Browser) -> None:
    bare = {
        "schema": 1,
        "name": "bare",
        "space": {"dimensions": 2, "metric": "dot", "normalized": False},
        "encoders": {"x": {}},
    }
    full = hostile_embedding().versions[1].card.plain
    script = """const [plains, listed] = [JSON.parse(arguments[0]), {number: "1.0.0", file: "1.0.0", day: "", level: "constructor",
        verdict: "toString", state: "active", stages: [], previous: -1, home: "bare"}];
        return plains.flatMap((one, i) => plains.flatMap((other, j) => [true, false].map(all => {
          const [a, b] = [[one, i], [other, j]].map(([card, n]) => ({card, reference: `e${n}@1.0.0`, name: `e${n}`, short: "x", commit: "0", listed}));
          const view = embver.compareView({a, b, older: a, newer: b, way: null, all});
          return view.nodes.map(node => node.innerText).join(" ") + view.summary;
        })))"""
    told = page.read(script, json.dumps([bare, full]))
    assert len(told) == 8
    assert all("undefined" not in text and "[object" not in text for text in told)
    assert "No benchmark was recorded for either version." in told[0]


# ---- what a reader does


def opened(browser: Browser, built: Path, after: str) -> str:
    """Open the page with an address; return its whole text once two versions, or a complaint, are drawn."""
    browser.open((built / "build" / "site" / "changelog" / "compare.html").as_uri() + after)
    browser.wait("return document.querySelector('.ev-summary')?.textContent")
    return text_of(browser)


def text_of(browser: Browser) -> str:
    return browser.read("return document.querySelector('.ev-compare').innerText")


@pytest.mark.browser
@pytest.mark.parametrize("mark", ["#", "?"])
def test_a_deep_link_shows_its_pair(built: Path, browser: Browser, mark: str) -> None:
    text = opened(browser, built, f"{mark}emoji@1.0.0...emoji@2.0.0")
    assert "emoji@1.0.0 and emoji@2.0.0: incompatible without measuring" in text
    assert "64 and 96 dimensions, so old and new vectors must not meet in one index" in text
    assert "3 releases: 1 MAJOR, 1 MINOR, 1 PATCH" in text
    assert "Adds a second art style: 1,266 OpenMoji pictures. Trained to stay compatible" in text
    assert "openmoji" in text
    # The address to share, whichever way somebody came.
    assert browser.read("return location.href").endswith("compare.html#emoji@1.0.0...emoji@2.0.0")
    assert browser.console() == []


@pytest.mark.browser
def test_a_measured_pair_shows_its_strata_and_its_steps_side_by_side(built: Path, browser: Browser) -> None:
    text = opened(browser, built, "#emoji@1.1.0...emoji@1.1.1")
    for words in (
        "emoji@1.1.1 was measured against emoji@1.1.0",
        "text \u2192 image",
        "\u2265 0.",
        "Preprocessing of text, in order",
    ):
        assert words in text
    rows = browser.read(
        "return [...document.querySelectorAll('.ev-aligned tbody tr')].map(row => [row.className, row.innerText.replace(/\\s+/g, ' ')])"
    )
    assert [kind for kind, _ in rows] == ["ev-same", "ev-added", "ev-added", "ev-same"]
    assert "lowercase" in rows[2][1]
    assert "emoji-dirty hit@10" in text
    assert "clearly better" in text


@pytest.mark.browser
def test_going_back_and_forward_changes_the_pair(built: Path, browser: Browser) -> None:
    opened(browser, built, "#emoji@1.0.0...emoji@1.1.0")
    choose = "const s = document.getElementById(arguments[0]); s.value = arguments[1]; s.dispatchEvent(new Event('change'))"
    browser.read(choose, "ev-to", "2.0.0")
    browser.wait("return document.querySelector('.ev-summary').textContent.includes('emoji@2.0.0')")
    assert browser.read("return location.hash") == "#emoji@1.0.0...emoji@2.0.0"
    browser.driver.back()
    browser.wait("return document.querySelector('.ev-summary').textContent.includes('emoji@1.1.0')")
    assert browser.read("return document.getElementById('ev-to').value") == "1.1.0"
    browser.driver.forward()
    browser.wait("return document.querySelector('.ev-summary').textContent.includes('emoji@2.0.0')")
    browser.read("document.querySelector('.ev-swap').click()")
    browser.wait(
        "return document.querySelector('.ev-summary').textContent.startsWith('emoji@2.0.0 and emoji@1.0.0')"
    )


@pytest.mark.browser
def test_the_switch_shows_what_is_the_same_too(built: Path, browser: Browser) -> None:
    few = opened(browser, built, "#emoji@1.0.0...emoji@1.1.0")
    assert "encoders.image.pooling" not in few
    before = browser.read("return document.querySelector('.ev-summary').textContent")
    browser.read("document.getElementById('ev-only').click()")
    browser.wait("return document.querySelector('.ev-result').innerText.includes('encoders.image.pooling')")
    assert "same bytes" in text_of(browser)
    assert browser.read("return document.querySelector('.ev-summary').textContent") == before


@pytest.mark.browser
def test_what_the_site_lacks_is_said(built: Path, browser: Browser) -> None:
    assert "This site has no emoji@9.9.9" in opened(browser, built, "#emoji@1.0.0...emoji@9.9.9")
    assert "9.9.9" not in opened(browser, built, "#emoji@9.9.9")  # no pair at all: the usual one


@pytest.mark.browser
def test_two_embeddings_are_compared_by_their_spaces(built: Path, browser: Browser) -> None:
    text = opened(browser, built, "#emoji@2.0.0...hostile@1.0.0")
    assert "No release leads from the one to the other" in text
    assert "96 and 64 dimensions" in text


@pytest.mark.browser
def test_hostile_cards_are_shown_as_text(built: Path, browser: Browser) -> None:
    text = opened(browser, built, "#hostile@1.0.0...hostile@1.1.0")
    assert "<script>alert(1)</script>" in text
    assert "{{ 7 * 7 }}" in text
    assert "\u202e" not in text
    made = browser.read(
        "return [...document.querySelectorAll('.ev-compare *')].flatMap(e => e.getAttributeNames().filter("
        "n => n.startsWith('on') || ['href', 'src'].includes(n) && /^\\s*(javascript|data):/i.test(e.getAttribute(n))))"
        ".concat([...document.querySelectorAll('.ev-compare :is(script, img, iframe)')].map(e => e.outerHTML))"
    )
    assert made == []
    assert browser.console() == []


@pytest.mark.browser
@pytest.mark.parametrize(("width", "is_dark"), [(390, True), (1440, False)])
def test_a_reader_without_sight_or_mouse_can_compare(
    built: Path, browser: Browser, width: int, is_dark: bool
) -> None:
    opened(browser, built, "#emoji@1.1.0...emoji@1.1.1")
    browser.set(width=width, dark=is_dark)
    assert [each for each in browser.axe() if each.is_grave] == []
    assert (
        browser.read("return document.documentElement.scrollWidth - document.documentElement.clientWidth")
        <= 0
    )
    nodes = [(node.role, node.name) for node in browser.tree()]
    for wanted in (
        ("combobox", "From: embedding"),
        ("combobox", "From: version"),
        ("combobox", "To: version"),
        ("checkbox", "only differences"),
    ):
        assert wanted in nodes
    assert any(role == "status" for role, _ in nodes)
    browser.read("document.getElementById('ev-from').focus()")
    browser.tab()
    assert browser.read("return document.activeElement.classList.contains('ev-swap')")
    browser.press(" ")
    browser.wait("return document.querySelector('.ev-summary').textContent.startsWith('emoji@1.1.1 and')")


@pytest.mark.browser
def test_without_scripts_the_page_says_what_to_type(built: Path, browser: Browser) -> None:
    browser.open((built / "build" / "site" / "changelog" / "compare.html").as_uri(), scripts=False)
    try:
        assert (
            "embver diff emoji@1.1.1 emoji@2.0.0"
            in browser.tell("Runtime.evaluate", expression="document.body.innerText", returnByValue=True)[
                "result"
            ]["value"]
        )
    finally:
        browser.tell("Emulation.setScriptExecutionDisabled", value=False)
