"""A coarse date means every day from its first to its last; what is no date is refused with the forms."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ledger.times import Period, parse_day, parse_period, today


def days(first: str, last: str) -> Period:
    return Period(date.fromisoformat(first), date.fromisoformat(last))


@pytest.mark.parametrize(
    ("text", "first", "last"),
    [
        ("2023-09-25", "2023-09-25", "2023-09-25"),
        ("2024-02-29", "2024-02-29", "2024-02-29"),
        ("0001-01-01", "0001-01-01", "0001-01-01"),
        ("9999-12-31", "9999-12-31", "9999-12-31"),
        ("2023-09", "2023-09-01", "2023-09-30"),
        ("2023-12", "2023-12-01", "2023-12-31"),
        ("2023-02", "2023-02-01", "2023-02-28"),
        ("2024-02", "2024-02-01", "2024-02-29"),
        ("1900-02", "1900-02-01", "1900-02-28"),
        ("2023-Q1", "2023-01-01", "2023-03-31"),
        ("2023-Q2", "2023-04-01", "2023-06-30"),
        ("2023-Q3", "2023-07-01", "2023-09-30"),
        ("2023-Q4", "2023-10-01", "2023-12-31"),
        ("2023", "2023-01-01", "2023-12-31"),
        ("2023-09-25/2023-09-25", "2023-09-25", "2023-09-25"),
        ("2023-09-25/2023-11-05", "2023-09-25", "2023-11-05"),
        ("2023-02/2023-Q3", "2023-02-01", "2023-09-30"),
        ("2021/2022-06", "2021-01-01", "2022-06-30"),
        ("2023-Q3/2023", "2023-07-01", "2023-12-31"),
        ("2023/2023-Q1", "2023-01-01", "2023-03-31"),
    ],
)
def test_a_coarse_date_means_its_first_to_its_last_day(text: str, first: str, last: str) -> None:
    """Each form, alone and as the ends of an interval: from the first day of the start to the last of the end."""
    assert parse_period(text) == days(first, last)


NO_DATES = """
    23-09-25|2023-9-25|2023-09-31|2023-02-29|1900-02-29|2023-13|2023-00|2023-00-10|2023-01-00|2023-Q0|2023-Q5|2023-q3|2023Q3
    |20230925|2023-W39|2023-09-25T10:00:00Z|+2023|-2023|0000|0000-01-01|02023|202|today
    |٢٠٢٣|２０２３-09-25|2023-٠٩|/|2023/|/2023|2023/2024/2025|2024/2023|2023-Q3/2023-Q2|2023-09-25/2023-09-24|2023-10/x|2023‑09‑25
"""


@pytest.mark.parametrize(
    "text", ["", " 2023", "2023\n", "2023-09-25 ", *(text.strip("\n ") for text in NO_DATES.split("|"))]
)
def test_anything_else_is_no_date(text: str) -> None:
    """Neither other notations nor days that the calendar lacks, nor intervals that end before they start."""
    with pytest.raises(ValueError, match=r"is not a date|is no day of the calendar|ends before it starts"):
        parse_period(text)


def test_an_interval_that_ends_where_it_starts_is_one() -> None:
    """The control of those refused: whole periods may overlap as long as the last day isn't before the first."""
    assert parse_period("2023-Q3/2023-07") == days("2023-07-01", "2023-07-31")


@pytest.mark.parametrize("text", ["2023", "2023-09", "2023-Q3", "2023-09-25/2023-09-26", "2023-09-31", "2023-9-5", ""])
def test_a_plain_day_has_one_form(text: str) -> None:
    """`known` and its like take no coarse date."""
    assert parse_day("2023-09-25") == date(2023, 9, 25)
    with pytest.raises(ValueError, match=r"is not a day|is no day of the calendar"):
        parse_day(text)


@given(st.dates(), st.dates())
def test_every_day_and_every_interval_of_days_reads_back(one: date, other: date) -> None:
    """A day is itself, inside its month, quarter and year; two days make an interval if in order."""
    assert parse_day(one.isoformat()) == one
    assert parse_period(one.isoformat()) == Period(one, one)
    year = f"{one.year:04}"
    for coarse in (f"{year}-{one.month:02}", f"{year}-Q{(one.month + 2) // 3}", year):
        period = parse_period(coarse)
        assert period.first <= one <= period.last
        for outside in (period.first.toordinal() - 1, period.last.toordinal() + 1):
            if 0 < outside <= date.max.toordinal():
                day = date.fromordinal(outside)
                assert f"{day.year:04}-{day.month:02}"[: len(coarse)] != coarse or "Q" in coarse
    first, last = sorted((one, other))
    assert parse_period(f"{first}/{last}") == Period(first, last)
    if first != last:
        with pytest.raises(ValueError, match="ends before it starts"):
            parse_period(f"{last}/{first}")


def test_today_is_the_day_in_utc() -> None:
    now = datetime.now(UTC)
    assert today() in (now.date(), (now + timedelta(seconds=5)).date())
