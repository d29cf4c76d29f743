"""Valuations: every mark in order, what deals imply, and steps up. Figures worked by hand."""

from __future__ import annotations

import pytest

from projections import valuations
from projections.paging import Page
from tests.facts import correct, entity, eur, ident, invest, mark, rate, sell, stake, usd
from tests.projections.conftest import Books
from tests.projections.figures import figure, sure


@pytest.fixture(autouse=True)
def _yahoo(books: Books) -> None:
    books.given(entity("yahoo", on="1995"))


def test_a_mark_has_the_contracts_fields_in_order(books: Books) -> None:
    [marked] = books.given(
        mark("yahoo", usd("157"), "post_money", on="2024-10", known="2024-12-01", status="confirmed")
    )
    [row] = books.marks("yahoo")
    assert list(row.items()) == [
        ("effective", "2024-10"),
        ("known", "2024-12-01"),
        ("status", "confirmed"),
        ("basis", "post_money"),
        ("holder", None),
        ("value", sure("157")),
        ("implied", None),
        ("step_up", None),
        ("since_deal", None),
        ("events", [marked]),
    ]


def test_deals_with_a_stake_and_an_amount_imply_a_mark(books: Books) -> None:
    """Yahoo 1996: 102M for 35 % is 291.4M. A sale likewise; without either there is none."""
    books.given(
        invest("softbank", "yahoo", usd("102000000"), on="1996", stake=stake("0.35")),
        sell("softbank", "yahoo", usd("50"), on="1997", stake=stake("0.1")),
        invest("softbank", "yahoo", usd("5")),
        invest("softbank", "yahoo", {}, stake=stake("0.1")),
        sell("softbank", "yahoo", usd("5"), all=True),
    )
    first, second = books.marks("yahoo")
    assert (first["basis"], first["holder"], first["value"]) == ("implied", None, sure("102000000"))
    assert first["implied"] == sure("291428571.428571428571")
    assert (second["effective"], second["value"], second["implied"]) == ("1997", sure("50"), sure("500"))


def test_implied_bounds_cross(books: Books) -> None:
    """Low by high, high by low; open where the divisor is zero; a recorded mark with a stake implies one, too."""
    books.given(
        invest(
            "softbank", "yahoo", usd("100", "about"), on="1996", stake={"share": "0.25", "low": "0.2", "high": "0.5"}
        ),
        invest("softbank", "yahoo", usd("100"), on="1997", stake={"high": "0.5"}),
        mark("yahoo", usd("150"), "counterfactual", on="1998", holder="softbank", stake=stake("0.05")),
    )
    one, two, three = (row["implied"] for row in books.marks("yahoo"))
    assert one == figure("190", "400", "525")
    assert two == figure("200", None, None)
    assert three == sure("3000")


def test_steps_up_are_against_the_mark_before_of_the_same_basis_and_holder(books: Books) -> None:
    """By (last day, position), of what counts; what doesn't count is compared and not compared with."""
    books.given(
        mark("yahoo", usd("100"), "post_money", on="2020-01-31"),
        mark("yahoo", usd("150"), "market_cap", on="2020-06-30"),
        mark("yahoo", usd("10"), "post_money", on="2020-06-30", holder="acme"),
        mark("yahoo", usd("400"), "post_money", on="2021-01-31", status="rumoured"),
        mark("yahoo", usd("50"), "post_money", on="2022-01-31"),
        mark("yahoo", eur("60"), "post_money", on="2023-01-31"),
        mark("yahoo", usd("60"), "market_cap", on="2023"),
    )
    steps = [row["step_up"] for row in books.marks("yahoo")]
    assert steps == [None, None, None, "4", "0.5", None, "0.4"]
    steps = [row["step_up"] for row in books.marks("yahoo", rumours=True)]
    assert steps == [None, None, None, "4", "0.125", None, "0.4"]


def test_implied_marks_step_up_by_what_they_imply(books: Books) -> None:
    """100 for a tenth, then 100 for a twentieth: twice as dear."""
    books.given(
        invest("acme", "yahoo", usd("100"), on="2020-01-31", stake=stake("0.1")),
        invest("gamma", "yahoo", usd("100"), on="2021-01-31", stake=stake("0.05")),
    )
    assert [row["step_up"] for row in books.marks("yahoo")] == [None, "2"]


def test_marks_of_every_status_are_shown_from_their_last_day(books: Books) -> None:
    books.given(
        mark("yahoo", usd("1"), on="2023", known="2023-06-30", status="denied"),
        mark("yahoo", usd("2"), on="2023-Q4", known="2023-06-30", status="rumoured"),
        mark("yahoo", usd("3"), on="2023-12", known="2023-06-30", same_as=ident(2)),
    )
    assert books.marks("yahoo", as_of="2023-12-30") == []
    assert [row["status"] for row in books.marks("yahoo")] == ["denied", "rumoured", "reported"]


def test_a_corrected_mark_is_known_when_its_replacement_was(books: Books) -> None:
    fact, _ = books.given(
        mark("yahoo", usd("1"), on="2023-01-31"),
        correct(ident(2), {**mark("yahoo", usd("2"), on="2023-Q1"), "known": "2024-03-01"}, known="2024-01-01"),
    )
    [row] = books.marks("yahoo")
    assert (row["effective"], row["known"], row["value"], row["events"]) == ("2023-Q1", "2024-03-01", sure("2"), [fact])


def test_marks_convert_at_the_rate_of_their_day(books: Books) -> None:
    books.given(
        rate("EUR", "USD", "2", on="2021-01-31"),
        mark("yahoo", eur("5"), on="2020-01-31"),
        mark("yahoo", eur("5"), on="2022-01-31", stake=stake("0.5")),
        mark("yahoo", usd("30"), on="2023-01-31"),
    )
    early, late, dollars = books.marks("yahoo", currency="USD")
    assert (early["value"], early["missing_rates"]) == (None, [{"base": "EUR", "quote": "USD", "on": "2020-01-31"}])
    assert (late["value"], late["implied"], late["step_up"]) == (sure("10"), sure("20"), None)
    assert dollars["step_up"] == "3"


def test_pages_of_marks_go_on_within_one_day(books: Books) -> None:
    """(day, position): no mark is skipped or shown twice."""
    books.given(*(mark("yahoo", usd(str(number)), on="2023-01-31") for number in range(1, 6)))
    found, after = [], None
    while True:
        page = valuations.valuations(books.model, books.at(), "yahoo", Page(limit=2, after=after))
        assert page is not None
        found += [row["value"]["stated"] for row in page.rows]
        after = page.after
        if not page.more:
            break
    assert found == ["1", "2", "3", "4", "5"]


def test_of_whom_was_never_heard_there_is_nothing(books: Books) -> None:
    assert valuations.valuations(books.model, books.at(), "nobody", Page()) is None
