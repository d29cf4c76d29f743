"""Figures and dates as people write them: exact, or refused with what to write instead."""

from __future__ import annotations

from contextlib import suppress
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from api.files.days import order_of, read_date
from api.files.figures import UNITS, Style, Unreadable, read_money, read_number, read_share
from ledger.money import Money, Stake
from ledger.times import parse_period

USD = Style("USD")
MILLIONS = Style("USD", UNITS["millions"])


@pytest.mark.parametrize(
    ("text", "style", "said"),
    [
        ("4500000000", USD, {"amount": "4500000000"}),
        ("1,250.5", USD, {"amount": "1250.5"}),
        ("1,250.5", MILLIONS, {"amount": "1250500000"}),
        ("1.250,5", Style("EUR", decimal=","), {"currency": "EUR", "amount": "1250.5"}),
        ("1 250 000", USD, {"amount": "1250000", "original": "1 250 000"}),
        ("$4.5bn", Style(), {"amount": "4500000000"}),
        ("US$ 4.5 billion", Style(), {"amount": "4500000000"}),
        ("EUR 3m", USD, {"currency": "EUR", "amount": "3000000"}),
        ("3m EUR", USD, {"currency": "EUR", "amount": "3000000"}),
        ("€3m", USD, {"currency": "EUR", "amount": "3000000"}),
        ("$3m", Style("CAD"), {"currency": "CAD", "amount": "3000000"}),
        ("¥50bn", Style("JPY"), {"currency": "JPY", "amount": "50000000000"}),
        ("up to 4B", USD, {"amount": "4000000000", "qualifier": "up_to"}),
        ("~20M", USD, {"amount": "20000000", "qualifier": "about"}),
        ("approx. $20 million", USD, {"amount": "20000000", "qualifier": "about"}),
        ("$4bn+", USD, {"amount": "4000000000", "qualifier": "at_least"}),
        (">10", MILLIONS, {"amount": "10000000", "qualifier": "over"}),
        ("less than $5m", USD, {"high": "5000000", "high_open": True}),
        ("10-12M", USD, {"low": "10000000", "high": "12000000"}),
        ("$10M to $12M", USD, {"low": "10000000", "high": "12000000"}),
        ("900k – 1.2m", USD, {"low": "900000", "high": "1200000"}),
        ("between 10 and 12", MILLIONS, {"low": "10000000", "high": "12000000"}),
        ("tens of millions", USD, {"amount": "1000000", "qualifier": "tens_of"}),
        ("hundreds of millions of dollars", USD, None),
        ("0.000000000001", USD, {"amount": "0.000000000001"}),
        ("n/a", Style(), {"currency": None}),
        ("undisclosed", Style(), {"currency": None}),
    ],
)
def test_money_is_read_exactly(text: str, style: Style, said: dict[str, Any] | None):
    """The words are kept where there are any, and what comes out is money to the ledger."""
    if said is None:
        with pytest.raises(Unreadable):
            read_money(text, style)
        return
    found = read_money(text, style)
    Money.model_validate(found)
    wanted = {"currency": "USD", **said}
    if wanted["currency"] is None:
        wanted = {}
    if any(letter not in "0123456789.," for letter in text):
        wanted["original"] = text
    assert found == wanted


@pytest.mark.parametrize(
    ("text", "style", "told"),
    [
        ("4.5E+09", USD, "exponent"),
        ("4.5e9", USD, "exponent"),
        ("-5", USD, "below zero"),
        ("(5,000)", USD, "below zero"),
        ("-$5m", USD, "below zero"),
        ("12,5", USD, "before the fraction"),
        ("1.250.000", USD, "before the fraction"),
        ("$5m EUR", USD, "not a figure"),
        ("5 XQX", USD, "XQX is no currency"),
        ("5", Style(), "names no currency"),
        ("¥5m", USD, "Japan and of China"),
        ("12-10M", USD, "ends below"),
        ("10-12-14", USD, "not a figure"),
        ("5 apples", USD, "not a figure"),
        ("about", USD, "not a figure"),
        ("5m10", USD, "not a figure"),
        ("5%", USD, "a share"),
        ("$3m - €4m", USD, "two currencies"),
    ],
)
def test_money_that_may_be_two_things_is_refused(text: str, style: Style, told: str):
    with pytest.raises(Unreadable) as wrong:
        read_money(text, style)
    assert told in wrong.value.detail
    assert wrong.value.mend


@given(st.decimals(min_value=0, max_value=10**9, places=6), st.sampled_from([*UNITS]))
def test_no_digit_is_lost(number: Decimal, unit: str):
    """A figure times its unit is exact, however it is grouped."""
    said = read_money(f"{number:,f}", Style("USD", UNITS[unit]))
    assert Decimal(said["amount"]) == number * UNITS[unit]


@given(st.text(max_size=12))
def test_anything_else_is_refused_or_is_money(text: str):
    """No text makes it stumble, and nothing comes out that isn't money."""
    for read, model in ((read_money, Money), (read_share, Stake)):
        try:
            said = read(text, USD)
        except Unreadable:
            continue
        model.model_construct(**said)
    with suppress(Unreadable):
        parse_period(read_date(text, None))


@pytest.mark.parametrize(
    ("text", "percent", "said"),
    [
        ("12.5 %", False, {"share": "0.125"}),
        ("12.5", True, {"share": "0.125"}),
        ("0.125", False, {"share": "0.125"}),
        ("~49%", False, {"share": "0.49", "qualifier": "about", "original": "~49%"}),
        ("10-12%", False, {"low": "0.1", "high": "0.12", "original": "10-12%"}),
        ("over 5 percent", False, {"share": "0.05", "qualifier": "over", "original": "over 5 percent"}),
        ("100%", False, {"share": "1"}),
    ],
)
def test_shares_are_read_exactly(text: str, percent: bool, said: dict[str, Any]):
    found = read_share(text, Style(percent=percent))
    Stake.model_validate(found)
    assert found == said


@pytest.mark.parametrize(
    ("text", "percent", "told"),
    [("120%", False, "whole"), ("120", True, "whole"), ("12", False, "no %"), ("$5", True, "money")],
)
def test_a_share_above_the_whole_is_refused(text: str, percent: bool, told: str):
    with pytest.raises(Unreadable, match=told):
        read_share(text, Style(percent=percent))


def test_a_count_is_one_exact_number():
    assert read_number("1,250,000", USD) == "1250000"
    assert read_number("1.5m", USD) == "1500000"
    for text in ("~5", "5-6", "$5"):
        with pytest.raises(Unreadable, match="one exact number"):
            read_number(text, USD)


@pytest.mark.parametrize(
    ("text", "order", "said"),
    [
        ("2023-09-25", None, "2023-09-25"),
        ("2023-09-25 00:00:00", None, "2023-09-25"),
        ("2023-09-25T10:00:00Z", None, "2023-09-25"),
        ("2023/9/25", None, "2023-09-25"),
        ("2023-09", None, "2023-09"),
        ("2023", None, "2023"),
        ("2023-01/2023-06", None, "2023-01/2023-06"),
        ("25/9/2023", None, "2023-09-25"),
        ("9/25/23", None, "2023-09-25"),
        ("25.09.2023", None, "2023-09-25"),
        ("3/4/2023", "day-first", "2023-04-03"),
        ("3/4/2023", "month-first", "2023-03-04"),
        ("4/4/2023", None, "2023-04-04"),
        ("25 Sep 2023", None, "2023-09-25"),
        ("25-Sep-23", None, "2023-09-25"),
        ("Sept. 25, 2023", None, "2023-09-25"),
        ("September 25th, 2023", None, "2023-09-25"),
        ("September 2023", None, "2023-09"),
        ("Sep-23", None, "2023-09"),
        ("Q3 2023", None, "2023-Q3"),
        ("3Q23", None, "2023-Q3"),
        ("2023 Q3", None, "2023-Q3"),
        ("2023-Q3", None, "2023-Q3"),
        ("H1 2023", None, "2023-Q1/2023-Q2"),
    ],
)
def test_dates_are_read(text: str, order: str | None, said: str):
    assert read_date(text, order) == said
    parse_period(said)


@pytest.mark.parametrize(
    ("text", "order", "told"),
    [
        ("3/4/2023", None, "2023-04-03 or 2023-03-04"),
        ("2023-02-30", None, "no day of the calendar"),
        ("31/2/2023", "day-first", "no day of the calendar"),
        ("9/25/2023", "day-first", "read day-first"),
        ("25/9/2023", "month-first", "read month-first"),
        ("45194", None, "number of a day"),
        ("mid-2023", None, "not a date"),
        ("soon", None, "not a date"),
        ("13/13/2023", None, "no day of the calendar"),
    ],
)
def test_a_date_that_may_be_two_days_is_refused(text: str, order: str | None, told: str):
    with pytest.raises(Unreadable) as wrong:
        read_date(text, order)
    assert told in wrong.value.detail


def test_the_order_of_a_date_shows_where_only_one_will_do():
    assert [order_of(text) for text in ("25/9/2023", "9/25/2023", "3/4/2023", "2023-09-25", "soon")] == [
        "day-first",
        "month-first",
        None,
        None,
        None,
    ]
