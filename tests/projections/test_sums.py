"""Edges as columns: what doesn't fit a column goes through drafts, and both say the same (graphs.graph compares)."""

from __future__ import annotations

from decimal import Decimal

import pytest

from projections import layers
from projections.chosen import Whole
from projections.exposures import Terms, exposures
from tests.facts import commit, distribute, entities, entity, eur, ident, invest, pay, rate, sign, usd
from tests.projections.conftest import Books
from tests.projections.graphs import found


def whole(books: Books, layer: str = "contracted", currency: str = "USD") -> Whole:
    return layers.whole(books.model, books.at(currency=currency), layer)  # type: ignore[arg-type]


def test_what_stands_alone_or_with_its_record_is_in_columns(books: Books) -> None:
    books.given(
        *entities("acme", "beta"),
        invest("acme", "beta", usd("5")),
        sign("deal", "beta", "acme", usd("100", "up_to")),
        pay("deal", usd("20")),
        commit("pledge", "acme", "beta", usd("30")),
        invest("acme", "beta", usd("7"), commitment="pledge", form="cash"),
    )
    assert (len(whole(books)), whole(books).tied) == (3, [])
    assert found(books) == [
        ("acme", "beta", "funding", "5"),
        ("beta", "acme", "purchase", "20..100..100"),
        ("acme", "beta", "funding", "30"),
    ]


@pytest.mark.parametrize(
    "fact",
    [
        invest("acme", "beta", usd("0.12345")),
        invest("acme", "beta", usd("900000000000001")),
        invest("acme", "beta", usd("5"), form=["cash", "cloud_credit"]),
        invest("acme", "beta", eur("5")),
        distribute("acme", "beta", usd("5"), linked=[ident(1)]),
    ],
    ids=["too fine", "too large", "a mixture", "no rate", "linked"],
)
def test_what_no_column_holds_is_tied(books: Books, fact: dict[str, object]) -> None:
    books.given(*entities("acme", "beta"), invest("beta", "acme", usd("5"), on="2020"), fact)
    assert len(whole(books).plain.row) == 1
    assert ("beta", "acme", "funding", "5") in found(books)


def test_a_part_takes_its_whole_and_all_of_their_records_along(books: Books) -> None:
    books.given(
        *entities("acme", "beta", "gamma"),
        commit("pledge", "acme", "beta", usd("100")),
        invest("acme", "beta", usd("30"), commitment="pledge"),
        invest("acme", "gamma", usd("8"), part_of="pledge"),
        invest("gamma", "beta", usd("1")),
    )
    assert len(whole(books).plain.row) == 1
    assert found(books) == [
        ("acme", "beta", "funding", "92"),
        ("acme", "gamma", "funding", "8"),
        ("gamma", "beta", "funding", "1"),
    ]


def test_products_with_rates_are_exact(books: Books) -> None:
    books.given(
        *entities("acme", "beta"),
        rate("EUR", "USD", "1.08337", on="2020-01-01"),
        invest("acme", "beta", eur("1234567.8901")),
        invest("beta", "acme", usd("0.0001")),
    )
    assert found(books)[0] == ("acme", "beta", "funding", "1337493.815097637")
    assert whole(books).plain.money.low.dtype == int


@pytest.mark.parametrize("amount", ["3", "700000000000000"])
def test_quotients_and_sums_of_any_size_are_decimals(books: Books, amount: str) -> None:
    books.given(
        *entities("acme", "beta"),
        rate("EUR", "USD", "3.000000000007", on="2020-01-01"),
        invest("acme", "beta", usd(amount)),
        invest("beta", "acme", eur(amount)),
    )
    in_euros = whole(books, currency="EUR")
    assert in_euros.plain.money.low.dtype == object
    assert found(books, currency="EUR")[1][3] == amount
    figures = exposures(books.model, books.at(currency="EUR"), Terms())["network"]
    quotient = Decimal(amount) / Decimal("3.000000000007")
    assert Decimal(figures["circulation"]["stated"]) == (2 * quotient).quantize(Decimal("1e-12"))


def test_no_party_has_the_name_of_a_record(books: Books) -> None:
    """Parties and records are numbered in one table; an entity may be called like a contract."""
    books.given(*entities("deal", "beta"), sign("deal", "beta", "deal", usd("4")), entity("contract"))
    assert found(books) == [("beta", "deal", "purchase", "4")]


def test_numbers_stay_when_more_is_recorded_and_when_all_is_read_again(books: Books) -> None:
    books.given(*entities("acme", "beta"), invest("acme", "beta", usd("5")))
    before = dict(books.model.rows("SELECT name, no FROM names", {}))
    books.given(*entities("gamma"), invest("gamma", "acme", usd("5")), invest("gamma", "beta", usd("5")))
    after = dict(books.model.rows("SELECT name, no FROM names", {}))
    assert (before, after) == ({"acme": 1, "beta": 2}, {"acme": 1, "beta": 2, "gamma": 3})
