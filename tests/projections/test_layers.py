"""Layers: which event makes which edge in each of them. One test for each sentence of the rules."""

from __future__ import annotations

import pytest

from tests.facts import (
    bill,
    change,
    change_contract,
    close,
    commit,
    distribute,
    draw,
    end_contract,
    invest,
    pay,
    sign,
    usd,
)
from tests.projections.conftest import Books
from tests.projections.graphs import LAYERS, amount, edges, found


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
