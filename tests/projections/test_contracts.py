"""Contracts: the terms in force, what was billed and paid, and what remains. Figures worked by hand."""

from __future__ import annotations

from typing import Any

from tests.facts import bill, change_contract, end_contract, eur, ident, pay, rate, sign, usd
from tests.projections.conftest import Books
from tests.projections.figures import figure, sure


def test_a_contract_row_has_the_contracts_fields_in_order(books: Books) -> None:
    signed, billed, paid = books.given(
        sign("cloud", "acme", "beta", usd("100"), term={"months": 60}, exclusive="customer"),
        bill("cloud", usd("30")),
        pay("cloud", usd("20")),
    )
    assert list(books.contract().items()) == [
        ("contract", "cloud"),
        ("customer", "acme"),
        ("provider", "beta"),
        ("resource", "cloud"),
        ("amount", sure("100")),
        ("billed", sure("30")),
        ("paid", sure("20")),
        ("remaining", sure("70")),
        ("term", {"months": 60}),
        ("exclusive", "customer"),
        ("ended", False),
        ("events", [signed, billed, paid]),
    ]


def test_what_remains_is_less_the_larger_of_billed_and_paid(books: Books) -> None:
    """Bound by bound, and never below zero."""
    books.given(
        sign("cloud", "acme", "beta", usd(low="3", high="4", high_open=True)),
        bill("cloud", usd("1", "about")),
        pay("cloud", usd("1")),
    )
    row = books.contract()
    assert row["amount"] == figure("3", None, "4")
    assert row["billed"] == figure("0.95", "1", "1.05")
    # Larger: 1, 1, 1.05. Left: 3 - 1.05, 3 - 1, 4 - 1.
    assert row["remaining"] == figure("1.95", "2", "3")
    books.given(pay("cloud", usd("9")))
    assert books.contract()["remaining"] == sure("0")


def test_up_to_an_amount_is_at_least_what_was_paid(books: Books) -> None:
    """Bills don't make it sure; more paid than the ceiling leaves the ceiling."""
    books.given(sign("cloud", "acme", "beta", usd("10", "up_to")), bill("cloud", usd("4")))
    assert books.contract()["amount"] == figure("0", "10", "10")
    books.given(pay("cloud", usd("3")))
    assert books.contract()["amount"] == figure("3", "10", "10")
    books.given(pay("cloud", usd("30")))
    assert books.contract()["amount"] == sure("10")


def test_changes_and_the_end_hold_from_their_last_day(books: Books) -> None:
    books.given(
        sign("cloud", "acme", "beta", usd("100"), term={"end": "2024"}),
        change_contract("cloud", on="2023-Q1", amount=usd("50"), exclusive="both"),
        end_contract("cloud", on="2023-Q2"),
    )
    before = books.contract(as_of="2023-03-30")
    assert (before["amount"], before["exclusive"]) == (sure("100"), None)
    changed = books.contract(as_of="2023-03-31")
    assert (changed["amount"], changed["exclusive"], changed["term"]) == (sure("50"), "both", {"end": "2024"})
    assert (changed["remaining"], changed["ended"]) == (sure("50"), False)
    ended = books.contract(as_of="2023-06-30")
    assert (ended["remaining"], ended["ended"]) == (sure("0"), True)


def test_a_possible_contract_is_listed_with_nothing_sure(books: Books) -> None:
    books.given(sign("cloud", "acme", "beta", usd("100"), on="2023"))
    assert books.contracts(as_of="2022-12-31").rows == []
    row = books.contract(as_of="2023-01-01")
    assert (row["amount"], row["remaining"]) == (figure("0", "0", "100"), figure("0", "0", "100"))


def test_totals_by_currency_and_in_one(books: Books) -> None:
    """Bills convert at the rates of their own days; without `currency` each keeps its own."""
    books.given(
        rate("EUR", "USD", "2", on="2022-12-31"),
        rate("EUR", "USD", "4", on="2023-06-30"),
        sign("one", "acme", "beta", usd("100")),
        sign("two", "acme", "beta", eur("10")),
        bill("two", eur("3"), on="2023-05-31"),
        bill("two", eur("1"), on="2023-06-30"),
    )
    assert books.contracts().totals == [
        {
            "currency": "EUR",
            "amount": sure("10", "EUR"),
            "billed": sure("4", "EUR"),
            "paid": sure("0", "EUR"),
            "remaining": sure("6", "EUR"),
        },
        {"currency": "USD", "amount": sure("100"), "billed": sure("0"), "paid": sure("0"), "remaining": sure("100")},
    ]
    # Two: 10 at 2 is 20; billed 3 at 2 and 1 at 4 is 10.
    assert books.contracts(currency="USD").totals == [
        {"currency": "USD", "amount": sure("120"), "billed": sure("10"), "paid": sure("0"), "remaining": sure("110")}
    ]


def test_filters_by_customer_and_provider(books: Books) -> None:
    books.given(sign("one", "acme", "beta"), sign("two", "beta", "acme"), sign("three", "acme", "gamma"))

    def names(**asked: Any) -> list[str]:
        return [row["contract"] for row in books.contracts(**asked).rows]

    assert names() == ["one", "three", "two"]
    assert names(customer="acme") == ["one", "three"]
    assert names(provider="acme") == ["two"]
    assert names(customer="acme", provider="gamma") == ["three"]


def test_two_sources_for_one_bill_count_once(books: Books) -> None:
    signed, first, _ = books.given(
        sign("cloud", "acme", "beta", usd("100")),
        bill("cloud", usd("5")),
        bill("cloud", usd("6"), same_as=ident(2)),
    )
    row = books.contract()
    assert (row["billed"], row["events"]) == (sure("5"), [signed, first])
