from __future__ import annotations

from typing import Any

from emoji_versions import cards, embedding, emoji_site
from test_site_benchmarks import long_embedding, page_of, site_of

from embver.site.hardware_page import machines_of
from embver.site.model import SiteData

H200 = {
    "accelerator": "NVIDIA H200",
    "count": 4,
    "memory_gib": 139.8,
    "driver": "580.159",
    "cpu": "AMD EPYC 9654",
    "cores": 16,
}


def site_with(*encodes: dict[str, Any]) -> SiteData:
    """Return the emoji site with other hardware, software and rates in its versions, the oldest first."""
    plains = cards()[: len(encodes)]
    for plain, encode in zip(plains, encodes, strict=True):
        plain["encode"] = {**plain["encode"], **encode}
    return site_of(embedding(plains))


def test_versions_stand_under_the_machine_that_encoded_them() -> None:
    fast = {
        "hardware": H200,
        "software": {"torch": "2.11.0", "cuda": "13.0"},
        "items_per_s": {"image": 10171.2},
    }
    text = page_of(site_with({}, {}, fast, fast), "hardware")
    first, second = text.split("<h2")[1:]
    assert ">4 \u00d7 NVIDIA H200</h2>" in first
    assert "AMD EPYC 9654 \u00b7 139.8 GiB a device \u00b7 16 cores" in first.replace("&#46;", ".")
    assert "| versions | driver | CUDA | torch | precision | profile | throughput |" in first
    assert (
        "| emoji [2.0.0](emoji/2.0.0.md), [1.1.1](emoji/1.1.1.md) | 580.159 | 13.0 | 2.11.0 | float32 | strict | image 10,171/s |"
    ) in first
    assert ">AMD EPYC 9654</h2>" in second
    # What nobody recorded is no column.
    assert "| versions | torch | Python | precision | profile | throughput |" in second


def test_software_makes_rows_and_rates_have_their_range() -> None:
    slow, fast = {"items_per_s": {"image": 1000.4}}, {"items_per_s": {"image": 2000, "text": 50.0}}
    new = {"software": {"torch": "2.13.1", "python": "3.12.3"}}
    machines = machines_of(site_with(slow, fast, {**new, **slow}))
    assert [(setup.cells[2], setup.users.count) for setup in machines[0].setups.values()] == [
        ("2.13.0+cpu", 2),
        ("2.13.1", 1),
    ]
    text = page_of(site_with(slow, fast, {**new, **slow}), "hardware")
    assert "image 1,000 to 2,000/s and text 50/s" in text


def test_what_changed_is_told_with_its_release() -> None:
    text = page_of(emoji_site(), "hardware")
    changed = text.split("## What changed when")[1]
    rows = [line for line in changed.splitlines() if line.startswith("| 20")]
    assert rows == [
        '| 2026-11-16 | [emoji 2.0.0](emoji/2.0.0.md) | <span class="ev-key">torch</span> 2.13.0&#43;cpu \u2192 2.13.1&#43;cpu |'
    ]


def test_no_change_is_said() -> None:
    assert "Every version was encoded on the same machine" in page_of(site_with({}, {}), "hardware")


def test_a_version_that_does_not_say_is_named() -> None:
    plains = cards()[:2]
    del plains[0]["encode"]
    text = page_of(site_of(embedding(plains)), "hardware")
    assert (
        "The cards of these versions do not say where they were encoded: emoji [1.0.0](emoji/1.0.0.md)."
        in text
    )
    assert "\u2192" not in text.split("What changed when")[1]  # from nothing known to something is no change


def test_where_no_version_says_the_page_names_the_command() -> None:
    plain = cards()[0]
    del plain["encode"]
    assert "<code>embver encode emoji</code> writes machine, software" in page_of(
        site_of(embedding([plain])), "hardware"
    )


def test_many_versions_of_one_machine_are_one_row() -> None:
    text = page_of(site_of(long_embedding(300)), "hardware")
    assert "(300\u00a0versions)" in text
    assert len(text) < 3000


def test_versions_that_alternate_are_counted_where_they_are_too_many() -> None:
    site = long_embedding(100)
    for place, version in enumerate(site.versions):
        plain: Any = version.card.plain
        plain["encode"]["hardware"] = {"cpu": f"CPU {place % 2}"}
    text = page_of(site_of(site), "hardware")
    assert text.count("and 42 older versions") == 2


def test_rates_that_are_no_numbers_are_left_out() -> None:
    text = page_of(
        site_with({"items_per_s": {"image": float("inf"), "text": "fast", "audio": 3}}), "hardware"
    )
    assert "audio 3/s" in text
    assert "inf" not in text
