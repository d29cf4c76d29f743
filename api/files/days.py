"""Dates as people write them, as the ledger's coarse dates. What may be two days is refused, or needs an order."""

from __future__ import annotations

import re
from datetime import date, timedelta

from api.files.figures import Unreadable
from ledger.refusals import Reason
from ledger.times import FORMS, parse_period

ORDERS = ("day-first", "month-first")
_MONTHS = {name: number for number, name in enumerate(
    ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"), 1)}  # fmt: skip
_TIME = re.compile(r"[ t][0-9]{1,2}:[0-9]{2}(:[0-9]{2}(\.[0-9]+)?)?( ?[ap]m)?z?$")
_NUMBERS = re.compile(r"([0-9]{1,4})[/.\- ]([0-9]{1,2})[/.\- ]([0-9]{2,4})\.?")
_NAMED = re.compile(
    r"(?:([0-9]{1,2})(?:st|nd|rd|th)?[ .\-/]*)?([a-z]{3,9})\.?[ ,.\-/]*"
    r"(?:([0-9]{1,2})(?:st|nd|rd|th)?[ ,]+)?([0-9]{4}|[0-9]{2})"
)
_QUARTER = re.compile(r"(?:q([1-4])|([1-4])q)[ \-/']*([0-9]{4}|[0-9]{2})|([0-9]{4})[ \-/]*q([1-4])")
_HALF = re.compile(r"(?:h([12])|([12])h)[ \-/']*([0-9]{4}|[0-9]{2})|([0-9]{4})[ \-/]*h([12])")
_SERIAL = re.compile(r"[0-9]{5}(\.[0-9]+)?")
_EPOCH = date(1899, 12, 30)


def read_date(text: str, order: str | None) -> str:
    """A coarse date; `order` says whether 3/4/2023 is in April or in March. Raises Unreadable."""
    given = text.strip()
    plain = _TIME.sub("", re.sub(r"\s+", " ", given.casefold().translate(dict.fromkeys(map(ord, "‐‑‒–—"), "-"))))
    for shown in (given, plain.upper()):
        try:
            parse_period(shown)
        except ValueError as error:
            if "calendar" in str(error) or "ends before" in str(error):
                raise Unreadable(str(error), "look at the source again", Reason.INVALID_DATE) from None
        else:
            return shown
    found = _quarter(plain) or _named(plain, given) or _numbers(plain, given, order)
    if found is not None:
        return found
    if _SERIAL.fullmatch(plain):
        day = _EPOCH + timedelta(days=int(plain[:5]))
        mend = f"format the column as dates; it is {day} in a workbook that counts from 1900"
        raise Unreadable(f"{given!r} is a spreadsheet's number of a day", mend, Reason.INVALID_DATE)
    raise Unreadable(f"{given!r} is not a date", f"write {FORMS}", Reason.INVALID_DATE)


def order_of(text: str) -> str | None:
    """Which order a date of numbers can only have; None if it can have both, or isn't one."""
    match = _NUMBERS.fullmatch(text.strip())
    if match is None or len(match[1]) > 2:
        return None
    first, second = int(match[1]), int(match[2])
    if first > 12 >= second:
        return "day-first"
    return "month-first" if second > 12 >= first else None


def is_of_numbers(text: str) -> bool:
    """Whether the order of day and month matters here."""
    match = _NUMBERS.fullmatch(text.strip())
    return match is not None and len(match[1]) <= 2


def _quarter(plain: str) -> str | None:
    if match := _QUARTER.fullmatch(plain):
        return f"{_year(match[3] or match[4])}-Q{match[1] or match[2] or match[5]}"
    if match := _HALF.fullmatch(plain):
        year, half = _year(match[3] or match[4]), match[1] or match[2] or match[5]
        return f"{year}-Q1/{year}-Q2" if half == "1" else f"{year}-Q3/{year}-Q4"
    return None


def _named(plain: str, given: str) -> str | None:
    match = _NAMED.fullmatch(plain)
    if match is None or match[2][:3] not in _MONTHS or (match[1] and match[3]):
        return None
    year, month = _year(match[4]), _MONTHS[match[2][:3]]
    day = match[1] or match[3]
    return f"{year}-{month:02d}" if day is None else _day(year, month, int(day), given)


def _numbers(plain: str, given: str, order: str | None) -> str | None:
    match = _NUMBERS.fullmatch(plain)
    if match is None:
        return None
    one, two, three = (int(part) for part in match.groups())
    if len(match[1]) == 4:
        return _day(one, two, three, given)
    if len(match[1]) > 2 or len(match[3]) == 3:
        return None
    year = _year(match[3])
    days = {_order: pair for _order, pair in (("day-first", (two, one)), ("month-first", (one, two))) if pair[0] <= 12}
    if order is None and len(days) == 2 and one != two:
        either = " or ".join(f"{year}-{month:02d}-{day:02d}" for month, day in days.values())
        mend = 'write it as one of these, or say dates = "day-first" or "month-first" in the map'
        raise Unreadable(f"{given!r} may be {either}", mend, Reason.INVALID_DATE)
    pair = days.get(order or next(iter(days), ""))
    if pair is None:
        detail = f"{given!r} is no day of the calendar{f', read {order}' if order else ''}"
        raise Unreadable(detail, "write it as 2023-09-25", Reason.INVALID_DATE)
    return _day(year, *pair, given)


def _day(year: int, month: int, day: int, given: str) -> str:
    try:
        return date(year, month, day).isoformat()
    except ValueError:
        raise Unreadable(
            f"{given!r} is no day of the calendar", "look at the source again", Reason.INVALID_DATE
        ) from None


def _year(text: str) -> int:
    """Two digits are of 1970 to 2069, as in POSIX."""
    number = int(text)
    return number if len(text) == 4 else number + (1900 if number >= 70 else 2000)
