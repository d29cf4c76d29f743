"""Coarse dates: a day, month, quarter, year or an interval of these, as the first and last day it may mean."""

from __future__ import annotations

import re
from calendar import monthrange
from dataclasses import dataclass
from datetime import UTC, date, datetime
from functools import lru_cache

FORMS = "2023-09-25, 2023-09, 2023-Q3, 2023 or START/END of these"

_DAY = re.compile(r"([0-9]{4})-([0-9]{2})-([0-9]{2})")
_MONTH = re.compile(r"([0-9]{4})-([0-9]{2})")
_QUARTER = re.compile(r"([0-9]{4})-Q([1-4])")
_YEAR = re.compile(r"([0-9]{4})")


@dataclass(frozen=True, slots=True)
class Period:
    """The days that a coarse date may mean, both ends included."""

    first: date
    last: date


def today() -> date:
    """The day of recording: UTC, whatever the machine's zone."""
    return datetime.now(UTC).date()


@lru_cache(maxsize=65_536)
def parse_day(text: str) -> date:
    """A plain day, `2023-09-25`. Raises ValueError for every other form."""
    match = _DAY.fullmatch(text)
    if not match:
        raise ValueError(f"{text!r} is not a day; write it as 2023-09-25")
    return _calendar(match, text)


@lru_cache(maxsize=65_536)
def parse_period(text: str) -> Period:
    """The first and the last day of a coarse date. Raises ValueError and names the forms."""
    start, slash, end = text.partition("/")
    if not slash:
        return _simple(text)
    period = Period(_simple(start).first, _simple(end).last)
    if period.first > period.last:
        raise ValueError(f"{text!r} ends before it starts; write the earlier date first")
    return period


def _simple(text: str) -> Period:
    if match := _DAY.fullmatch(text):
        day = _calendar(match, text)
        return Period(day, day)
    if match := _MONTH.fullmatch(text):
        year, month = (int(part) for part in match.groups())
        return _months(year, month, month, text)
    if match := _QUARTER.fullmatch(text):
        year, quarter = (int(part) for part in match.groups())
        return _months(year, 3 * quarter - 2, 3 * quarter, text)
    if match := _YEAR.fullmatch(text):
        return _months(int(text), 1, 12, text)
    raise ValueError(f"{text!r} is not a date; write {FORMS}")


def _months(year: int, first: int, last: int, text: str) -> Period:
    start = _day(year, first, 1, text)
    if not 1 <= last <= 12:
        raise ValueError(f"{text!r} is not a date; write {FORMS}")
    return Period(start, date(year, last, monthrange(year, last)[1]))


def _calendar(match: re.Match[str], text: str) -> date:
    year, month, day = (int(part) for part in match.groups())
    return _day(year, month, day, text)


def _day(year: int, month: int, day: int, text: str) -> date:
    try:
        return date(year, month, day)
    except ValueError:
        raise ValueError(f"{text!r} is no day of the calendar") from None
