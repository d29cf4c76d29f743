"""Edges: which event makes which, in each layer. One test for each sentence of the rules."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from ledger.money import Bounds
from projections.edges import Edge, entity_of, graph
from projections.exposures import Terms, exposures
from tests.facts import (
    bill,
    call_guarantee,
    change,
    change_contract,
    close,
    commit,
    correct,
    distribute,
    draw,
    end_contract,
    entities,
    entity,
    entity_changed,
    eur,
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

LAYERS = ("announced", "contracted", "paid")
Found = tuple[str, str, str, str]


def edges(books: Books, layer: str = "contracted", *include: str, **times: Any) -> list[Edge]:
    at = books.at(**{"currency": "USD", **times})
    return graph(books.model, at, layer, frozenset(include)).edges  # type: ignore[arg-type]


def found(books: Books, layer: str = "contracted", *include: str, **times: Any) -> list[Found]:
    """Payer, payee, kind and the amount as `5`, or `low..stated..high`."""
    return [
        (entity_of(edge.payer), entity_of(edge.payee), edge.kind, amount(edge))
        for edge in edges(books, layer, *include, **times)
    ]


def amount(edge: Edge) -> str:
    if edge.amount is None:
        return "missing"
    bounds = [text(bound) for bound in (edge.amount.low, edge.amount.stated, edge.amount.high)]
    return bounds[0] if len(set(bounds)) == 1 else "..".join(bounds)


def text(bound: Decimal | None) -> str:
    return "?" if bound is None else f"{bound.normalize():f}"


# --- layers -----------------------------------------------------------------------------------------------------


def test_investments_and_payments_are_paid(books: Books) -> None:
    """Nothing else is: not what was promised, signed, billed, or drawn for one's own spending."""
    books.given(
        invest("acme", "beta", usd("5")),
        sign("deal", "beta", "acme", usd("100")),
        bill("deal", usd("30")),
        pay("deal", usd("20")),
        commit("pledge", "acme", "beta", usd("100")),
        draw("pledge", usd("7")),
    )
    assert found(books, "paid") == [("acme", "beta", "funding", "5"), ("beta", "acme", "purchase", "20")]


def test_what_is_binding_is_contracted_and_the_rest_announced(books: Books) -> None:
    books.given(
        commit("pledge", "acme", "beta", usd("100")),
        commit("letter", "acme", "beta", usd("40"), binding=False),
        sign("deal", "beta", "acme", usd("60")),
        sign("option", "beta", "acme", usd("30"), binding=False),
        invest("acme", "beta", usd("5")),
    )
    binding = [
        ("acme", "beta", "funding", "100"),
        ("beta", "acme", "purchase", "60"),
        ("acme", "beta", "funding", "5"),
    ]
    loose = [("acme", "beta", "funding", "40"), ("beta", "acme", "purchase", "30")]
    assert found(books, "contracted") == binding
    assert sorted(found(books, "announced")) == sorted(binding + loose)
    assert found(books, "paid") == binding[2:]


@pytest.mark.parametrize("outcome", [None, "fulfilled"])
def test_an_open_or_fulfilled_commitment_is_one_edge(books: Books, outcome: str | None) -> None:
    """max(committed, drawn), and its draws make none."""
    made, drawn = books.given(
        commit("pledge", "acme", "beta", usd("100")), invest("acme", "beta", usd("30"), commitment="pledge")
    )
    more = books.given(close("pledge", outcome, on="2023-12-31")) if outcome else []
    [edge] = edges(books)
    assert (amount(edge), [chain for _, chain in edge.events]) == ("100", [made, drawn, *more])
    assert found(books, "paid") == [("acme", "beta", "funding", "30")]


def test_drawn_above_what_was_committed_is_the_larger(books: Books) -> None:
    books.given(
        commit("pledge", "acme", "beta", usd("10"), binding=False),
        invest("acme", "beta", usd("30"), commitment="pledge"),
    )
    assert found(books, "announced") == [("acme", "beta", "funding", "30")]


@pytest.mark.parametrize("outcome", ["cancelled", "expired", "blocked", "withdrawn"])
def test_of_a_commitment_that_came_to_nothing_only_the_draws_are_left(books: Books, outcome: str) -> None:
    """A letter of intent that lapsed leaves the announced layer on the day it lapsed; what was paid stays."""
    books.given(
        commit("letter", "acme", "beta", usd("100"), binding=False),
        invest("acme", "beta", usd("30"), commitment="letter"),
        close("letter", outcome, on="2023-12-31"),
    )
    assert found(books, "announced", as_of="2023-12-30") == [("acme", "beta", "funding", "100")]
    assert found(books, "announced") == [("acme", "beta", "funding", "30")]
    assert found(books, "announced", known_at="2023-12-30") == [("acme", "beta", "funding", "100")]


def test_a_superseded_announcement_leaves_when_that_is_known(books: Books) -> None:
    """Withdrawn in June, found out in September."""
    books.given(
        commit("letter", "acme", "beta", usd("100"), binding=False, on="2023-01-31"),
        close("letter", "withdrawn", on="2023-06-30", known="2023-09-30"),
    )
    assert found(books, "announced", known_at="2023-09-29") == [("acme", "beta", "funding", "100")]
    assert found(books, "announced", known_at="2023-09-30") == []


def test_a_letter_that_becomes_binding_is_contracted_from_then_on(books: Books) -> None:
    books.given(
        commit("letter", "acme", "beta", usd("100"), binding=False),
        change("letter", on="2023-06-30", binding=True, amount=usd("80")),
    )
    assert found(books, as_of="2023-06-29") == []
    assert found(books) == [("acme", "beta", "funding", "80")]


def test_an_investment_that_draws_on_no_counted_commitment_counts_itself(books: Books) -> None:
    """On one that isn't binding, on one that is denied, or outside of it."""
    books.given(
        commit("letter", "acme", "beta", usd("100"), binding=False),
        invest("acme", "beta", usd("30"), commitment="letter"),
        commit("pledge", "acme", "gamma", usd("50")),
        invest("acme", "gamma", usd("7"), commitment="pledge", inside_commitment=False),
        commit("no", "acme", "delta", usd("9"), status="denied"),
        invest("acme", "delta", usd("2"), commitment="no"),
    )
    assert found(books) == [
        ("acme", "beta", "funding", "30"),
        ("acme", "gamma", "funding", "50"),
        ("acme", "gamma", "funding", "7"),
        ("acme", "delta", "funding", "2"),
    ]


def test_an_ended_contract_is_what_was_paid(books: Books) -> None:
    books.given(
        sign("deal", "beta", "acme", usd("100")),
        pay("deal", usd("20"), on="2023-03-31"),
        change_contract("deal", amount=usd("120"), on="2023-04-30"),
        end_contract("deal", on="2023-06-30"),
    )
    assert found(books, as_of="2023-04-29") == [("beta", "acme", "purchase", "100")]
    assert found(books, as_of="2023-06-29") == [("beta", "acme", "purchase", "120")]
    assert found(books) == [("beta", "acme", "purchase", "20")]


@pytest.mark.parametrize("purpose", ["capex", "spend"])
def test_capex_and_spend_make_no_edge(books: Books, purpose: str) -> None:
    books.given(commit("works", "acme", "japan", usd("100"), purpose=purpose), draw("works", usd("5")))
    assert [found(books, layer) for layer in LAYERS] == [[], [], []]


@pytest.mark.parametrize("purpose", ["fund", "investment", "grant", "loan"])
def test_other_commitments_are_funding(books: Books, purpose: str) -> None:
    books.given(commit("pledge", "acme", "beta", usd("100"), purpose=purpose))
    assert found(books) == [("acme", "beta", "funding", "100")]


def test_what_one_promises_oneself_is_no_edge_and_what_it_pays_is(books: Books) -> None:
    books.given(
        commit("own", "acme", "acme", usd("100")),
        invest("acme", "beta", usd("5"), commitment="own"),
        draw("own", usd("1")),
    )
    assert found(books) == [("acme", "beta", "funding", "5")]


def test_distributions_are_returns_in_every_layer_and_debt_service_on_request(books: Books) -> None:
    books.given(
        distribute("beta", "acme", usd("5"), "dividend"),
        distribute("beta", "acme", usd("4"), "return_of_capital"),
        distribute("beta", "acme", usd("3"), "revenue_share"),
        distribute("beta", "acme", usd("2"), "interest"),
        distribute("beta", "acme", usd("1"), "principal"),
    )
    for layer in LAYERS:
        amounts = [one[3] for one in found(books, layer)]
        assert amounts == ["5", "4", "3"]
        assert [one[3] for one in found(books, layer, "debt_service")] == ["5", "4", "3", "2", "1"]
    assert found(books)[0] == ("beta", "acme", "return", "5")


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


# --- wholes, parts and sources ----------------------------------------------------------------------------------


def test_a_whole_keeps_what_its_named_parts_leave_of_it(books: Books) -> None:
    """Parts keep their own edges, the whole is never below zero, and others of its size are no matter."""
    books.given(
        commit("round", "investors", "lab", usd("10", "about")),
        commit("part", "acme", "lab", usd("3"), part_of="round"),
        invest("beta", "lab", usd("4"), part_of="round"),
        invest("gamma", "lab", usd("2")),
        invest("delta", "lab", usd("1"), part_of=ident(4)),
        invest("omega", "lab", usd("5"), part_of=ident(4)),
    )
    assert found(books) == [
        ("investors", "lab", "funding", "2.5..3..3.5"),
        ("acme", "lab", "funding", "3"),
        ("beta", "lab", "funding", "4"),
        ("delta", "lab", "funding", "1"),
        ("omega", "lab", "funding", "5"),
    ]


def pair(books: Books, layer: str = "contracted", **terms: Any) -> dict[str, Any]:
    """The figures of the funding acme gave lab, and of the network, as `5` or `low..stated..high`."""
    times = {name: terms.pop(name) for name in ("as_of",) if name in terms}
    answer = exposures(books.model, books.at(**{"currency": "USD", **times}), Terms(layer=layer, **terms))  # type: ignore[arg-type]
    [row] = answer["pairs"]
    figures = {name: row[name] for name in ("funding", "round_trip", "of_funding")}
    figures |= {f"network.{name}": answer["network"][name] for name in ("funding", "circulation", "recycled", "gross")}
    shown = {name: [figure[end] or "?" for end in ("low", "stated", "high")] for name, figure in figures.items()}
    return {name: ends[0] if len(set(ends)) == 1 else "..".join(ends) for name, ends in shown.items()}


def test_a_part_that_flows_its_wholes_way_comes_to_the_larger_with_it(books: Books) -> None:
    """Up to 4 of a round of 10 leaves it 10, as the list of commitments says: not 6 to 14."""
    books.given(
        commit("round", "acme", "lab", usd("10"), on="2024-01-31"),
        commit("part", "acme", "lab", usd("4", "up_to"), part_of="round", on="2024-01-31"),
        sign("deal", "lab", "acme", usd("20"), on="2024-01-31"),
    )
    assert pair(books) == {
        "funding": "10",
        "round_trip": "10",
        "of_funding": "1",
        "network.funding": "10",
        "network.circulation": "20",
        "network.recycled": "10",
        "network.gross": "30",
    }
    listed = books.commitments(currency="USD").totals or []
    assert [listed[0]["committed"][end] for end in ("low", "stated", "high")] == ["10", "10", "10"]
    # The part keeps its edge, and the whole's is what it may leave: where the days count, each is by itself.
    four, six, ten = Decimal(4), Decimal(6), Decimal(10)
    alone = [edge.alone for edge in edges(books) if edge.kind == "funding"]
    assert alone == [Bounds(six, six, ten), Bounds(Decimal(0), four, four)]
    for rule in ("window", "strict"):
        timed = pair(books, time_rule=rule)
        assert (timed["funding"], timed["round_trip"]) == ("10", "6..10..10")


@pytest.mark.parametrize(
    ("whole", "part", "funding"),
    [
        (usd("10"), usd("3", "over"), "10..10..?"),
        (usd("10"), usd("4"), "10"),
        (usd("10"), usd("12"), "12"),
        (usd("5"), usd("8", "up_to"), "5..8..8"),
        (usd("10", "about"), usd("4", "about"), "9.5..10..10.5"),
        (usd("10", "over"), usd("4", "up_to"), "10..10..?"),
        ({}, usd("4"), "4..4..?"),
        (usd("10"), {}, "10..10..?"),
    ],
)
def test_whole_and_part_of_one_way_at_every_bound(
    books: Books, whole: dict[str, str], part: dict[str, str], funding: str
) -> None:
    books.given(
        commit("round", "acme", "lab", whole),
        commit("part", "acme", "lab", part, part_of="round"),
        sign("deal", "lab", "acme", usd("20")),
    )
    figures = pair(books)
    assert (figures["funding"], figures["network.funding"]) == (funding, funding)


def test_a_part_of_a_coarse_date_leaves_its_whole_what_it_is(books: Books) -> None:
    books.given(
        commit("round", "acme", "lab", usd("10"), on="2022-06-30"),
        commit("part", "acme", "lab", usd("4"), part_of="round", on="2023"),
        sign("deal", "lab", "acme", usd("20"), on="2022-06-30"),
    )
    figures = pair(books, as_of="2023-06-01")
    assert (figures["funding"], figures["network.funding"], figures["round_trip"]) == ("10", "10", "10")


def test_investments_of_one_way_come_to_the_larger_too(books: Books) -> None:
    books.given(
        sign("deal", "lab", "acme", usd("20")),
        pay("deal", usd("20")),
        invest("acme", "lab", usd("10"), id=ident(60)),
        invest("acme", "lab", usd("4", "up_to"), part_of=ident(60)),
    )
    figures = pair(books, "paid")
    assert (figures["funding"], figures["network.funding"], figures["network.gross"]) == ("10", "10", "30")


def test_parts_of_parts_of_one_way(books: Books) -> None:
    """What went elsewhere is taken from the whole once, and the rest is the larger of what flows this way."""
    books.given(
        commit("round", "acme", "lab", usd("10")),
        commit("part", "acme", "lab", usd("4", "up_to"), part_of="round"),
        commit("other", "beta", "lab", usd("1"), part_of="part"),
        sign("deal", "lab", "acme", usd("20")),
    )
    figures = pair(books)
    assert (figures["funding"], figures["network.funding"]) == ("9", "10")


def test_what_parts_to_others_leave_is_bounded_as_if_it_did_not_depend_on_them(books: Books) -> None:
    books.given(
        commit("round", "acme", "lab", usd("10")),
        commit("part", "acme", "beta", usd("8", "up_to"), part_of="round"),
    )
    assert found(books) == [("acme", "lab", "funding", "2..2..10"), ("acme", "beta", "funding", "0..8..8")]


def test_credit_and_money_flow_no_common_way(books: Books) -> None:
    """Nor does what is paid for existing shares: with one left out, the other would be nothing to add to."""
    books.given(
        invest("acme", "lab", usd("10"), form="cash", id=ident(60)),
        invest("acme", "lab", usd("4", "up_to"), form="cloud_credit", part_of=ident(60)),
        invest("beta", "lab", usd("10"), id=ident(61)),
        invest("beta", "lab", usd("3", "up_to"), part_of=ident(61), cash_to="holders"),
    )
    assert found(books, "paid") == [
        ("acme", "lab", "funding", "6..6..10"),
        ("acme", "lab", "funding", "0..4..4"),
        ("lab", "acme", "purchase", "0..4..4"),
        ("beta", "lab", "funding", "7..7..10"),
    ]


def test_a_part_that_is_in_no_layer_leaves_the_whole_as_it_is(books: Books) -> None:
    books.given(
        commit("round", "investors", "lab", usd("10")),
        commit("part", "acme", "lab", usd("3"), part_of="round", binding=False),
    )
    assert found(books) == [("investors", "lab", "funding", "10")]
    assert [one[3] for one in found(books, "announced")] == ["7", "3"]


def test_a_part_that_is_left_out_is_still_taken_from_the_whole(books: Books) -> None:
    """Of a round of 10, holders were paid 3."""
    books.given(
        invest("investors", "lab", usd("10")),
        invest("acme", "lab", usd("3"), part_of=ident(1), cash_to="holders"),
    )
    assert found(books, "paid") == [("investors", "lab", "funding", "7")]


def test_a_draw_is_not_taken_from_the_commitment_that_covers_it(books: Books) -> None:
    """Though it says it is a part of it; what says it is a part of the draw is taken from the commitment."""
    books.given(
        commit("pledge", "acme", "lab", usd("10")),
        invest("acme", "lab", usd("4"), commitment="pledge", part_of="pledge", id=ident(50)),
        invest("beta", "lab", usd("1"), part_of=ident(50)),
    )
    assert found(books) == [("acme", "lab", "funding", "9"), ("beta", "lab", "funding", "1")]


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
