"""Edges: kinds and forms, bounds and days, currencies, groups, sources. One test for each sentence of the rules."""

from __future__ import annotations

from typing import Any

import pytest

from projections.edges import entity_of
from tests.facts import (
    call_guarantee,
    commit,
    correct,
    entities,
    entity,
    entity_changed,
    eur,
    fact,
    guarantee,
    ident,
    invest,
    pay,
    rate,
    retract,
    sign,
    usd,
)
from tests.projections.conftest import Books
from tests.projections.graphs import LAYERS, amount, edges, found, pair

# --- kinds and forms --------------------------------------------------------------------------------------------


def test_cloud_credit_is_funding_and_an_equal_purchase(books: Books) -> None:
    [event] = books.given(invest("acme", "beta", usd("5", "about"), form="cloud_credit", on="2023-03"))
    for layer in LAYERS:
        funding, purchase = sorted(edges(books, layer), key=lambda edge: edge.kind)
        assert (funding.payer, funding.payee, funding.kind) == ("acme", "beta", "funding")
        assert (purchase.payer, purchase.payee, purchase.kind) == ("beta", "acme", "purchase")
        assert amount(funding) == amount(purchase) == "4.75..5..5.25"
        assert (purchase.first_day, purchase.last_day) == (funding.first_day, funding.last_day)
        assert [chain for _, chain in purchase.events] == [event]


def test_of_a_mixture_nobody_said_how_much_is_credit(books: Books) -> None:
    books.given(invest("acme", "beta", usd("5"), form=["cash", "cloud_credit"]))
    assert found(books, "paid") == [("acme", "beta", "funding", "5"), ("beta", "acme", "purchase", "0..?..5")]


def test_a_commitment_in_credit_comes_back_once(books: Books) -> None:
    """Its draws add no purchase of their own; those of a commitment that says nothing of its form do."""
    books.given(
        commit("credit", "acme", "beta", usd("100"), form="cloud_credit"),
        invest("acme", "beta", usd("30"), commitment="credit", form="cloud_credit"),
        commit("pledge", "acme", "gamma", usd("50")),
        invest("acme", "gamma", usd("7"), commitment="pledge", form="cloud_credit"),
    )
    assert found(books) == [
        ("acme", "beta", "funding", "100"),
        ("beta", "acme", "purchase", "100"),
        ("acme", "gamma", "funding", "50"),
        ("gamma", "acme", "purchase", "7"),
    ]
    assert [one[3] for one in found(books, "paid")] == ["30", "30", "7", "7"]


@pytest.mark.parametrize("binding", [True, False])
def test_a_draw_that_says_nothing_of_its_form_has_that_of_its_commitment(books: Books, binding: bool) -> None:
    """In every layer, whichever of them the commitment is in; what says otherwise is what it says, in every layer."""
    books.given(
        commit("credit", "acme", "beta", usd("100"), form="cloud_credit", binding=binding),
        invest("acme", "beta", usd("30"), commitment="credit"),
        invest("acme", "beta", usd("5"), commitment="credit", form="cash"),
        invest("acme", "beta", usd("4"), commitment="credit", inside_commitment=False),
    )
    paid = [
        *[("acme", "beta", "funding", "30"), ("beta", "acme", "purchase", "30")],
        *[("acme", "beta", "funding", "5"), ("acme", "beta", "funding", "4")],
    ]
    promised = [("acme", "beta", "funding", "100"), ("beta", "acme", "purchase", "95"), paid[-1]]
    assert found(books, "paid") == paid
    assert found(books, "announced") == promised
    assert found(books) == (promised if binding else paid)


def test_a_draw_on_a_mixture_is_a_mixture(books: Books) -> None:
    books.given(
        commit("both", "acme", "beta", usd("100"), form=["cash", "cloud_credit"]),
        invest("acme", "beta", usd("30"), commitment="both"),
    )
    assert [one[3] for one in found(books)] == ["100", "0..?..100"]
    assert [one[3] for one in found(books, "paid")] == ["30", "0..?..30"]


def test_what_was_drawn_on_a_mixture_in_one_form_is_in_that_form(books: Books) -> None:
    """Of a promise of up to 4 in cash and credit 1.25 came in cash and 1 in credit: from 1 to 2.75 come back."""
    books.given(
        commit("both", "acme", "beta", usd("4"), form=["cash", "cloud_credit"]),
        invest("acme", "beta", usd("1.25"), commitment="both", form="cash"),
        invest("acme", "beta", usd("1"), commitment="both", form="cloud_credit"),
    )
    assert found(books) == [
        ("acme", "beta", "funding", "4"),
        ("beta", "acme", "purchase", "0..?..1.75"),
        ("beta", "acme", "purchase", "1"),
    ]
    assert pair(books)["round_trip"] == "1..1..2.75"
    assert [one[3] for one in found(books, "paid")] == ["1.25", "1", "1"]


@pytest.mark.parametrize("linked_by", ["commitment", "contract", "contract's id"])
def test_stock_promised_with_a_contract_is_left_out_in_every_layer(books: Books, linked_by: str) -> None:
    """What was drawn on the promise says neither form nor link: the promise does."""
    links = {"linked": "deal"} if linked_by == "commitment" else {}
    back = {"contract": {"linked": "shares"}, "contract's id": {"linked": ident(901)}}.get(linked_by, {})
    books.given(
        sign("deal", "lab", "chips", usd("60"), **back),
        commit("shares", "lab", "chips", usd("5"), form="stock", id=ident(901), **links),
        invest("lab", "chips", usd("3"), commitment="shares"),
    )
    assert found(books, "paid") == []
    assert found(books) == [("lab", "chips", "purchase", "60")]
    assert found(books, "paid", "equity_to_customers") == [("chips", "lab", "equity_consideration", "3")]
    assert ("chips", "lab", "equity_consideration", "5") in found(books, "contracted", "equity_to_customers")


def test_a_guarantee_is_no_flow_until_it_is_called(books: Books) -> None:
    books.given(
        guarantee("bond", "acme", "beta", "bank", usd("100"), on="2023-01-31"),
        call_guarantee("bond", usd("30"), on="2023-06-30"),
    )
    before = {"as_of": "2023-06-29"}
    assert found(books, "contracted", **before) == []
    assert found(books, "contracted", "guarantees", **before) == [("acme", "bank", "guarantee", "100")]
    assert found(books, "paid", "guarantees", **before) == []
    assert found(books, "paid") == found(books) == [("acme", "bank", "guarantee", "30")]
    assert found(books, "contracted", "guarantees") == [
        ("acme", "bank", "guarantee", "30"),
        ("acme", "bank", "guarantee", "70"),
    ]


def test_cash_for_existing_shares_never_reaches_the_company(books: Books) -> None:
    """On request it flows to the seller, or to the company for holders that nobody named."""
    books.given(
        invest("acme", "beta", usd("5"), cash_to="holders", seller="founder"),
        invest("acme", "beta", usd("4"), cash_to="holders"),
    )
    assert found(books, "paid") == []
    assert found(books, "paid", "secondary") == [
        ("acme", "founder", "funding", "5"),
        ("acme", "beta", "funding", "4"),
    ]


def test_stock_that_a_provider_gives_its_customer_is_left_out(books: Books) -> None:
    books.given(
        invest("chips", "lab", usd("5"), form="stock", on="2023-03-31"),
        sign("deal", "lab", "chips", usd("60"), on="2023-06-30"),
    )
    assert found(books, "paid", as_of="2023-03-31") == [("chips", "lab", "funding", "5")]
    assert found(books, "paid") == []
    assert found(books, "paid", "equity_to_customers") == [("chips", "lab", "equity_consideration", "5")]


@pytest.mark.parametrize("linked_by", ["investment", "contract"])
def test_a_warrant_that_comes_with_a_contract_is_left_out(books: Books, linked_by: str) -> None:
    """The customer pays with its orders; the value goes from the provider to it."""
    warrant = {"instrument": "warrant", "id": ident(900)}
    links = {"linked": "deal"} if linked_by == "investment" else {}
    back: dict[str, Any] = {"linked": [ident(900)]} if linked_by == "contract" else {}
    books.given(
        sign("deal", "lab", "chips", usd("60"), **back),
        invest("lab", "chips", usd("5"), **warrant, **links),
        invest("lab", "chips", usd("3"), instrument="warrant"),
    )
    assert found(books) == [("lab", "chips", "purchase", "60"), ("lab", "chips", "funding", "3")]
    assert ("chips", "lab", "equity_consideration", "5") in found(books, "contracted", "equity_to_customers")


# --- bounds and days --------------------------------------------------------------------------------------------


def test_up_to_is_between_what_was_paid_and_that(books: Books) -> None:
    books.given(
        commit("pledge", "acme", "beta", usd("4", "up_to")),
        invest("acme", "beta", usd("1"), commitment="pledge", on="2023-06-30"),
        sign("deal", "beta", "acme", usd("2", "up_to")),
        pay("deal", usd("0.5"), on="2023-06-30"),
    )
    assert [one[3] for one in found(books, as_of="2023-06-29")] == ["0..4..4", "0..2..2"]
    assert [one[3] for one in found(books)] == ["1..4..4", "0.5..2..2"]


@pytest.mark.parametrize(
    ("qualifier", "bounds"),
    [
        ("over", "10..10..?"),
        ("at_least", "10..10..?"),
        ("nearly", "9..10..10"),
        ("just_under", "9.5..10..10"),
        ("about", "9.5..10..10.5"),
        ("tens_of", "100..?..1000"),
        ("hundreds_of", "1000..?..10000"),
    ],
)
def test_words_are_bounds(books: Books, qualifier: str, bounds: str) -> None:
    books.given(invest("acme", "beta", usd("10", qualifier)))
    assert found(books, "paid") == [("acme", "beta", "funding", bounds)]


def test_an_unknown_amount_is_from_zero_without_end(books: Books) -> None:
    books.given(invest("acme", "beta", {}))
    assert found(books, "paid") == [("acme", "beta", "funding", "0..?..?")]


def test_what_only_may_have_happened_is_high_alone(books: Books) -> None:
    books.given(invest("acme", "beta", usd("5"), on="2023"), commit("pledge", "acme", "beta", usd("9"), on="2023-Q2"))
    assert found(books, as_of="2022-12-31") == []
    assert found(books, as_of="2023-05-01") == [
        ("acme", "beta", "funding", "0..0..5"),
        ("acme", "beta", "funding", "0..0..9"),
    ]
    assert [one[3] for one in found(books)] == ["5", "9"]


def test_an_edge_has_the_days_of_its_payment_or_of_its_signing(books: Books) -> None:
    books.given(sign("deal", "beta", "acme", usd("60"), on="2022-Q1"), pay("deal", usd("5"), on="2023-03-31"))
    [signed], [paid] = edges(books), edges(books, "paid")
    assert (str(signed.first_day), str(signed.last_day)) == ("2022-01-01", "2022-03-31")
    assert str(paid.first_day) == str(paid.last_day) == "2023-03-31"


# --- currencies -------------------------------------------------------------------------------------------------


def test_each_flow_is_converted_at_its_last_day_as_known(books: Books) -> None:
    books.given(
        rate("EUR", "USD", "1.1", on="2023-01-31"),
        rate("EUR", "USD", "1.5", on="2023-06-30", known="2024-01-31"),
        invest("acme", "beta", eur("10"), on="2023-03"),
        invest("acme", "beta", eur("10"), on="2023-07"),
    )
    assert [one[3] for one in found(books, "paid", known_at="2023-12-31")] == ["11", "11"]
    assert [one[3] for one in found(books, "paid")] == ["11", "15"]


def test_a_missing_rate_is_named_with_its_day(books: Books) -> None:
    """A wholly unknown amount needs none, whatever its currency."""
    books.given(invest("acme", "beta", eur("10"), on="2023-03"), invest("acme", "beta", {"currency": "EUR"}))
    lacking, unknown = edges(books, "paid")
    [rate_lacking] = lacking.missing
    assert lacking.amount is None
    assert (rate_lacking.base, rate_lacking.quote, str(rate_lacking.on)) == ("EUR", "USD", "2023-03-31")
    assert amount(unknown) == "0..?..?"


# --- groups -----------------------------------------------------------------------------------------------------


def test_everyone_is_rolled_up_to_the_ultimate_parent_of_the_day_asked_for(books: Books) -> None:
    """Older flows too; a manager is no parent."""
    books.given(
        entity("amazon"),
        entity("aws", parent="amazon"),
        entity("fund", manager="amazon"),
        entity("lab"),
        entity_changed("lab", on="2024-01-31", parent="aws"),
        sign("deal", "lab", "aws", usd("4")),
        invest("fund", "lab", usd("1")),
    )
    assert found(books, as_of="2024-01-30") == [
        ("lab", "amazon", "purchase", "4"),
        ("fund", "lab", "funding", "1"),
    ]
    assert found(books) == [("fund", "amazon", "funding", "1")]


# --- sources and statuses ---------------------------------------------------------------------------------------


def test_only_the_first_of_several_sources_counts(books: Books) -> None:
    books.given(invest("acme", "beta", usd("5"), id=ident(70)), invest("acme", "beta", usd("6"), same_as=ident(70)))
    assert found(books, "paid") == [("acme", "beta", "funding", "5")]


def test_denied_counts_nowhere_and_rumoured_on_request(books: Books) -> None:
    books.given(
        invest("acme", "beta", usd("5"), status="denied"),
        invest("acme", "beta", usd("6"), status="rumoured"),
        invest("acme", "beta", usd("7")),
    )
    assert [one[3] for one in found(books, "paid")] == ["7"]
    assert [one[3] for one in found(books, "paid", rumours=True)] == ["6", "7"]


def test_corrections_and_retractions_show_when_they_are_known(books: Books) -> None:
    first, second = books.given(invest("acme", "beta", usd("5")), invest("acme", "beta", usd("7")))
    books.given(
        correct(first, invest("acme", "beta", usd("6")), known="2024-01-31"), retract(second, known="2024-02-29")
    )
    assert [one[3] for one in found(books, "paid", known_at="2024-01-30")] == ["5", "7"]
    assert [one[3] for one in found(books, "paid", known_at="2024-01-31")] == ["6", "7"]
    assert [one[3] for one in found(books, "paid")] == ["6"]
    assert [one[3] for one in found(books, "paid", position=2)] == ["5", "7"]


# --- parties that nobody named ----------------------------------------------------------------------------------


def test_a_party_that_is_named_later_passes_on_what_it_has(books: Books) -> None:
    """From the day on of which its kind is told. Before it, it has a place for each event."""
    books.given(
        *entities("acme"),
        entity("somebody", "undisclosed"),
        invest("acme", "somebody", usd("5"), on="2023-01-01"),
        sign("deal", "somebody", "acme", usd("5"), on="2023-01-01"),
        fact("entity.changed", "2023-06-01", {"entity": "somebody", "kind": "company"}),
    )

    def nodes(as_of: str) -> int:
        return len({node for edge in edges(books, as_of=as_of) for node in (edge.payer, edge.payee)})

    assert (nodes("2023-05-31"), nodes("2023-06-01")) == (3, 2)


def test_an_unnamed_party_passes_on_only_what_linked_events_bring_it(books: Books) -> None:
    """It has a node of its own for each lot of linked events."""
    books.given(
        *entities("lab", "cloud"),
        entity("somebody", "undisclosed"),
        invest("somebody", "lab", usd("5"), id=ident(80)),
        sign("deal", "lab", "somebody", usd("3")),
        sign("linked-deal", "lab", "somebody", usd("2"), linked=[ident(80)]),
    )
    funding, deal, linked = edges(books)
    assert funding.payer == linked.payee != deal.payee
    assert {entity_of(node) for node in (funding.payer, linked.payee, deal.payee)} == {"somebody"}
