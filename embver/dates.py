"""Dates and times of RFC 3339 that exist in the calendar. Ground floor."""

from __future__ import annotations

import re
from typing import Final

_DATE = re.compile(
    r"([0-9]{4})-([0-9]{2})-([0-9]{2})"
    r"(?:[Tt]([0-9]{2}):([0-9]{2}):([0-9]{2})(?:\.[0-9]+)?(?:[Zz]|([+-])([0-9]{2}):([0-9]{2})))?"
)
_DAYS: Final = (31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31)


def date_flaw(text: str) -> str | None:
    """Return why a text is no date or time of RFC 3339, or None."""
    match = _DATE.fullmatch(text)
    if match is None:
        return "is no date or time with its zone, as RFC 3339 has it"
    year, month, day = int(match[1]), int(match[2]), int(match[3])
    if not 1 <= month <= 12:
        return "has no such month"
    leap = month == 2 and year % 4 == 0 and (year % 100 != 0 or year % 400 == 0)
    if not 1 <= day <= _DAYS[month - 1] + leap:
        return "is a day that its month does not have"
    if match[4] is None:
        return None
    hour, minute, second = int(match[4]), int(match[5]), int(match[6])
    zone_hour, zone_minute = int(match[8] or 0), int(match[9] or 0)
    if hour > 23 or minute > 59 or second > 60 or zone_hour > 23 or zone_minute > 59:
        return "is a time that no clock shows"
    if second == 60:
        # A leap second is the last one of a day in UTC (RFC 3339 section 5.7).
        east = (zone_hour * 60 + zone_minute) * (-1 if match[7] == "-" else 1)
        if (hour * 60 + minute - east) % 1440 != 1439:
            return "is a leap second at an hour that has none"
    return None
