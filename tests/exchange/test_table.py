from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from embver.errors import UsageError
from embver.exchange.table import read_table
from embver.exchange.table_fields import Told, parse_map, told_by
from embver.intake import LeftOut, MalformedError

CHANGELOG = b"""\
# Changelog
All notable changes.
## [Unreleased]
- not yet
## [1.1.0] - 2024-05-01
### Added
- a source of images
* [links](https://example.org) stay text
## v1.0.1 (2024-04-02)
## 1.0.0
- first
"""


def told(text: bytes, name: str = "t.csv", mapping: str | None = None) -> tuple[list[Told], list[LeftOut]]:
    table = read_table(text, name)
    rows, left = told_by(table, parse_map(mapping, table.columns), place=name)
    return list(rows), list(left)


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("t.csv", b"Version,Date\n1.0.0,2024-01-02\n"),
        ("t.csv", b"\xef\xbb\xbfVersion;Date\r\n1.0.0;2024-01-02\r\n"),
        ("t.tsv", b"Version\tDate\nv1.0.0\t2024-01-02\n\n"),
        ("t.md", b"words\n\n| Version | Date |\n|---|:--:|\n| 1.0.0 | 2024-01-02 |\n\nmore words\n"),
        ("t.md", b"Version | Date\n--- | ---\n1.0.0 | 2024-01-02\n"),
    ],
)
def test_a_table_in_any_of_its_forms(name: str, text: bytes) -> None:
    (row,), left = told(text, name)
    assert (str(row.version), row.date, left) == ("1.0.0", "2024-01-02", [])


def test_a_changelog_is_a_table_of_its_headings() -> None:
    rows, left = told(CHANGELOG, "CHANGELOG.md")
    assert [(str(row.version), row.date, row.line) for row in rows] == [
        ("1.1.0", "2024-05-01", 5),
        ("1.0.1", "2024-04-02", 9),
        ("1.0.0", None, 10),
    ]
    assert rows[0].card["changes"] == [
        {"text": "a source of images"},
        {"text": "[links](https://example.org) stay text"},
    ]
    assert "changes" not in rows[1].card
    assert left == []


def test_what_a_cell_does_not_say_is_told_with_its_line() -> None:
    text = b"version,dims,lic,when,R\n1.0.0,64,mit,01.02.2024,51 %\n1.1.0,many,my licence!,2024-02-03,n/a\nlater,1,,,\n"
    rows, left = told(text, mapping="dimensions=dims,license=lic,date=when,score:recall@10=R")
    assert rows[0].card == {"dimensions": 64, "license": "MIT"}
    assert rows[0].scores == (("recall@10", 51.0, "percent"),)
    assert rows[1].scores == ()
    assert [entry.what for entry in left] == [
        "t.csv:2: when '01.02.2024'",
        "t.csv:3: dims 'many'",
        "t.csv:3: lic 'my licence!'",
        "t.csv:4: later",
    ]


@pytest.mark.parametrize(
    ("text", "score"),
    [
        ("0.51", (0.51, "fraction")),
        ("51%", (51.0, "percent")),
        ("0,51", (0.51, "fraction")),
        ("51.2", (51.2, "as reported")),
    ],
)
def test_a_fraction_is_never_taken_for_a_percent(text: str, score: tuple[float, str]) -> None:
    rows, _ = told(f'version,R\n1.0.0,"{text}"\n'.encode(), mapping="score:hit@1=R")
    assert rows[0].scores == (("hit@1", *score),)


def test_a_column_that_no_field_takes_is_told() -> None:
    _, left = told(b"version,Owner\n1.0.0,ada\n")
    assert left == [LeftOut(what="t.csv: column 'Owner'", why="--map names no field for it")]


@pytest.mark.parametrize(
    ("mapping", "message"),
    [
        ("size=dims", "there is no field size"),
        ("dimensions=Breite", "the table has no column 'Breite'"),
        ("dimensions", "there is no field dimensions"),
    ],
)
def test_a_map_that_names_what_is_not_there_is_refused(mapping: str, message: str) -> None:
    with pytest.raises(UsageError, match=message):
        parse_map(mapping, ("version", "dims"))


def test_a_table_without_versions_is_refused_with_what_to_type() -> None:
    with pytest.raises(UsageError, match="which column holds the version") as raised:
        parse_map(None, ("release", "date"))
    assert raised.value.hint == "--map version=COLUMN"


def test_one_version_in_two_rows_is_refused() -> None:
    with pytest.raises(UsageError, match=r"t\.csv:3: 1\.0\.0 is there already, at line 2"):
        told(b"version\n1.0.0\nv1.0.0\n")


@pytest.mark.parametrize(
    ("name", "text", "message"),
    [
        ("t.csv", b"", "t.csv: is empty"),
        ("t.csv", b"version\n\xff\n", "t.csv:2: is not UTF-8"),
        ("t.csv", b"version,date\n1,2,3\n", "t.csv:2: has 3 cells below 2 columns"),
        ("t.csv", b"a,a\n", "has two columns 'a'"),
        ("t.csv", b"version\n\x00\n", "is no text"),
        ("t.csv", b'version\n"1.0.0\n', "is no table"),
        ("t.md", b"# words\n\nand more\n", "holds neither a table nor headings"),
    ],
)
def test_what_is_no_table_is_refused_with_its_place(name: str, text: bytes, message: str) -> None:
    with pytest.raises(MalformedError, match=message.replace(".", r"\.")):
        read_table(text, name)


@given(st.binary(max_size=200), st.sampled_from(["t.csv", "t.tsv", "t.md"]))
def test_any_bytes_are_a_table_or_are_refused(data: bytes, name: str) -> None:
    try:
        table = read_table(data, name)
        rows, _ = told_by(table, parse_map(None, table.columns), place=name)
    except (MalformedError, UsageError):
        return  # refused, and not ended by anything else
    assert all(row.line in {each.line for each in table.rows} for row in rows)


@pytest.mark.parametrize(
    ("field", "cell", "why"),
    [
        ("date", "2023-02-30", "is no date YYYY-MM-DD"),
        ("dimensions", "\u00b2", "is no whole number above 0, or too large a one"),
        ("dimensions", "9" * 5000, "is no whole number above 0, or too large a one"),
        ("score:x", "1e400", "is too large for a number"),
    ],
)
def test_a_value_that_no_card_can_hold_is_told(field: str, cell: str, why: str) -> None:
    rows, left = told(f"version,x\n1.0.0,{cell}\n".encode(), mapping=f"{field}=x")
    assert [entry.why for entry in left] == [why]
    assert (rows[0].date, rows[0].card, rows[0].scores) == (None, {}, ())
