"""Coarse dates: the first and the last day that `2023-Q3`, `2023`, `2023-09` or `A/B` may mean."""

from __future__ import annotations

from datetime import date, timedelta


def first_day(text: str) -> date:
    return _ends(text.split("/")[0])[0]


def last_day(text: str) -> date:
    return _ends(text.split("/")[-1])[1]


def _ends(text: str) -> tuple[date, date]:
    if len(text) == 10:
        return date.fromisoformat(text), date.fromisoformat(text)
    year = int(text[:4])
    if len(text) == 4:
        return date(year, 1, 1), date(year, 12, 31)
    if text[5] == "Q":
        first_month = {"1": 1, "2": 4, "3": 7, "4": 10}[text[6]]
        last_month = first_month + 2
    else:
        first_month = last_month = int(text[5:7])
    after = date(year + 1, 1, 1) if last_month == 12 else date(year, last_month + 1, 1)
    return date(year, first_month, 1), after - timedelta(days=1)
