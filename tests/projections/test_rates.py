"""Rates: the newest on or before a day, of the pair or its inverse, as known and recorded then."""

from __future__ import annotations

import pytest

from tests.facts import correct, eur, ident, invest, money, rate, retract, usd
from tests.projections.conftest import Books
from tests.projections.figures import figure, sure


def cost(books: Books, **asked: str | int) -> object:
    return books.holding(currency="USD", **asked)["cost"]


def test_the_newest_rate_on_or_before_the_flows_last_day(books: Books) -> None:
    books.given(
        rate("EUR", "USD", "1.1", on="2023-01-31"),
        rate("EUR", "USD", "1.3", on="2023-07-01"),
        rate("EUR", "USD", "1.2", on="2023-Q2"),
        invest("acme", "beta", eur("10"), on="2023-06"),
    )
    assert cost(books) == sure("12")
    # Not yet over: the possible amount at the rate of the day that is asked about.
    assert cost(books, as_of="2023-06-29") == figure("0", "0", "11")


def test_the_inverse_serves_and_the_newer_of_both_wins(books: Books) -> None:
    """3 dollars are 3 / 0.8 euros."""
    books.given(
        rate("EUR", "USD", "1.1", on="2023-01-31"),
        rate("USD", "EUR", "0.8", on="2023-02-28"),
        invest("acme", "beta", eur("3"), on="2023-02-28"),
    )
    assert cost(books) == sure("3.75")
    books.given(rate("EUR", "USD", "2", on="2023-02-28"))
    assert cost(books) == sure("6")


def test_no_triangles(books: Books) -> None:
    books.given(rate("EUR", "JPY", "150"), rate("USD", "JPY", "100"), invest("acme", "beta", eur("3"), on="2023-12-31"))
    row = books.holding(currency="USD")
    assert (row["cost"], row["multiple"]) == (None, None)
    assert row["missing_rates"] == [{"base": "EUR", "quote": "USD", "on": "2023-12-31"}]


def test_rates_follow_the_three_times_too(books: Books) -> None:
    books.given(
        invest("acme", "beta", eur("10"), on="2023-01-31"),
        rate("EUR", "USD", "1.1", on="2023-01-31", known="2023-01-31"),
        correct(ident(2), rate("EUR", "USD", "1.2", on="2023-01-31"), known="2023-03-01"),
        retract(ident(2), known="2023-05-01"),
        retract(ident(3), known="2023-06-01"),
    )
    assert cost(books, known_at="2023-02-28") == sure("11")
    assert cost(books, known_at="2023-03-01") == sure("12")
    assert cost(books, known_at="2023-05-01") == sure("12")
    assert cost(books, known_at="2023-06-01") is None
    assert cost(books, position=2) == sure("11")


@pytest.mark.parametrize("unknown", [{}, money("EUR")])
def test_of_an_amount_that_nobody_knows_there_is_nothing_to_convert(books: Books, unknown: dict[str, str]) -> None:
    books.given(invest("acme", "beta", unknown), invest("acme", "beta", usd("5")))
    row = books.holding(currency="USD")
    assert row["cost"] == figure("5", "5", None)
    assert "missing_rates" not in row


def test_a_quotient_keeps_twelve_places_half_to_even(books: Books) -> None:
    """1 / 3, and 0.0000000000025 and 0.0000000000035, which lie in the middle."""
    books.given(
        rate("USD", "EUR", "3", on="2023-01-31"),
        invest("acme", "beta", eur("1")),
        invest("acme", "gamma", money("CHF", "0.000000000001")),
        rate("CHF", "USD", "2.5", on="2023-01-31"),
        invest("acme", "delta", money("JPY", "0.000000000001")),
        rate("JPY", "USD", "3.5", on="2023-01-31"),
    )
    rows = {row["issuer"]: row["cost"]["stated"] for row in books.holdings(currency="USD").rows}
    assert rows == {"beta": "0.333333333333", "gamma": "0.000000000002", "delta": "0.000000000004"}


def test_no_digit_of_a_large_figure_is_lost(books: Books) -> None:
    """The amount is 10^18 less 10^-12: 101 and 1,001 times that."""
    amount = "999999999999999999.999999999999"
    books.given(invest("acme", "beta", usd(amount)), invest("acme", "beta", usd(amount, "hundreds_of")))
    low, high = "100999999999999999999.999999999899", "1000999999999999999999.999999998999"
    assert books.holding()["cost"] == figure(low, low, high)
