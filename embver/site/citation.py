"""How to cite a version: in BibTeX and in plain text. What is not known is left out, never invented. Pure."""

from __future__ import annotations

import re
from dataclasses import dataclass

from embver.site.model import SiteData, SiteVersion
from embver.site.text import clean, is_address, listed

_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_SIGNS = {
    "\\": r"\textbackslash{}", "{": r"\textbraceleft{}", "}": r"\textbraceright{}", "~": r"\textasciitilde{}",
    "^": r"\textasciicircum{}", **{sign: f"\\{sign}" for sign in "$&#%_"},
}  # fmt: skip
_SPECIAL = re.compile(r"[\\{}~^$&#%_]")


@dataclass(frozen=True, slots=True, kw_only=True)
class Citation:
    """A version as others cite it; not escaped for a page yet."""

    bibtex: str
    plain: str


def citation(data: SiteData, version: SiteVersion) -> Citation:
    """Return a version's citation: authors and title of its card, its number, the day of its tag, an address."""
    card = version.card
    authors = [clean(entry["name"]) for entry in card.plain.get("authors") or () if entry.get("name")]
    url = _address(data, version)
    year, month = version.date[:4], version.date[5:7]
    # In braces a name is kept as it stands: nobody knows whether "Search team" has a family name.
    fields = [("author", " and ".join(f"{{{_tex(name)}}}" for name in authors))] if authors else []
    fields += [("title", f"{{{_tex(card.title)}}}"), ("note", f"Version {_tex(version.number)}")]
    if re.fullmatch(r"[0-9]{4}", year):
        fields.append(("year", year))
    if month.isdigit() and 1 <= int(month) <= 12:
        fields.append(("month", _MONTHS[int(month) - 1]))
    if url:
        fields.append(("url", url))
    key = re.sub(r"[^0-9A-Za-z]+", "-", f"{version.release.name}-{version.number}")
    written = ",\n".join(f"  {name} = {text if name == 'month' else f'{{{text}}}'}" for name, text in fields)
    said = [f"{listed(authors)} ({year})." if authors else "", f"{clean(card.title).rstrip('.')}."]
    said += [f"Version {version.number}{'' if authors else f' ({year})'}.", url or ""]
    return Citation(bibtex=f"@misc{{{key},\n{written}\n}}", plain=" ".join(part for part in said if part))


def _address(data: SiteData, version: SiteVersion) -> str | None:
    links = version.card.plain.get("links") or {}
    known = [links.get("homepage"), links.get("repository"), data.repository_url, data.url]
    return next((clean(each) for each in known if each and is_address(each)), None)


def _tex(text: str) -> str:
    return _SPECIAL.sub(lambda sign: _SIGNS[sign[0]], clean(text))
