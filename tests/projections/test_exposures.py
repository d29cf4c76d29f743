"""Exposures: what holds for any flows at all, and lists that have to agree."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ledger.money import total
from projections.edges import Edge
from projections.exposures import Exposure, Terms, exposures
from tests.facts import Fact, change, close, commit, distribute, draw, entity, entity_changed, invest, pay, sign, usd
from tests.projections.conftest import Books
from tests.projections.graphs import graph

LAYERS = ("announced", "contracted", "paid")
PARTIES = ("a", "b", "c", "d")
WORDS = (None, "about", "up_to", "over", "nearly")

slow = settings(
    max_examples=25, deadline=None, derandomize=True, database=None, suppress_health_check=[HealthCheck.too_slow]
)


@st.composite
def flows(draw_one: st.DrawFn, parties: tuple[str, ...] = PARTIES) -> list[Fact]:
    """Commitments, contracts, investments and distributions among a few parties."""
    facts: list[Fact] = []
    for number in range(draw_one(st.integers(1, 8))):
        payer = draw_one(st.sampled_from(parties))
        payee = draw_one(st.sampled_from([party for party in parties if party != payer]))
        amount = usd(str(draw_one(st.integers(1, 30))), draw_one(st.sampled_from(WORDS)))
        kind = draw_one(st.sampled_from(["commit", "sign", "invest", "distribute"]))
        if kind == "commit":
            facts.append(commit(f"pledge-{number}", payer, payee, amount, binding=draw_one(st.booleans())))
            if draw_one(st.booleans()):
                facts.append(invest(payer, payee, usd("1"), commitment=f"pledge-{number}"))
        elif kind == "sign":
            facts.append(sign(f"deal-{number}", payer, payee, amount))
            if draw_one(st.booleans()):
                facts.append(pay(f"deal-{number}", usd("1")))
        elif kind == "invest":
            form = draw_one(st.sampled_from([{}, {"form": "cloud_credit"}]))
            facts.append(invest(payer, payee, amount, **form))
        else:
            facts.append(distribute(payer, payee, amount))
    return facts


def booked(*facts: Fact) -> tuple[Books, TemporaryDirectory[str]]:
    folder = TemporaryDirectory()
    books = Books(Path(folder.name))
    books.given(*facts)
    return books, folder


def edges(books: Books, layer: str, **times: Any) -> list[Edge]:
    return graph(books.model, books.at(**{"currency": "USD", **times}), layer)  # type: ignore[arg-type]


def answer(books: Books, **terms: Any) -> dict[str, Any]:
    return exposures(books.model, books.at(currency="USD"), Terms(**terms))


def sums(of: list[Edge]) -> tuple[Decimal, ...]:
    bounds = total(edge.amount for edge in of if edge.amount is not None)
    return bounds.low, bounds.stated_or_low, Decimal("Infinity") if bounds.high is None else bounds.high


@slow
@given(facts=flows(), parents=st.lists(st.tuples(st.sampled_from("bcd"), st.sampled_from("abc")), max_size=2))
def test_roll_up_neither_creates_nor_loses_money(facts: list[Fact], parents: list[tuple[str, str]]) -> None:
    """What flows between groups and inside of them is what flowed between their members."""
    tree = {child: parent for child, parent in parents if parent < child}
    joined = [entity_changed(child, parent=parent, on="2024-06-30") for child, parent in tree.items()]
    books, folder = booked(*(entity(party) for party in PARTIES), *facts, *joined)
    with folder:
        for layer in LAYERS:
            apart, together = edges(books, layer, as_of="2024-06-29"), edges(books, layer, as_of="2024-06-30")

            def root(party: str) -> str:
                while party in tree:
                    party = tree[party]
                return party

            inside = [edge for edge in apart if root(edge.payer) == root(edge.payee)]
            assert sums(apart) == sums([*together, *inside])
            crossing = [(root(edge.payer), root(edge.payee), *sums([edge])) for edge in apart if edge not in inside]
            assert sorted(crossing) == sorted((edge.payer, edge.payee, *sums([edge])) for edge in together)
        books.model.close()


@slow
@given(facts=flows(("a", "b")))
def test_the_figures_of_two_nodes_are_those_of_their_pairs(facts: list[Fact]) -> None:
    """The circulation is twice what flows both ways; with funding one way only, what is recycled is the round trip."""
    books, folder = booked(entity("a"), entity("b"), *facts)
    with folder:
        for layer in LAYERS:
            found = answer(books, layer=layer, entity="a")
            there = [edge for edge in edges(books, layer) if edge.payer == "a"]
            back = [edge for edge in edges(books, layer) if edge.payer == "b"]
            twice = [2 * min(both) for both in zip(sums(there), sums(back), strict=True)]
            circulation = found["network"]["circulation"]
            high = Decimal("Infinity") if circulation["high"] is None else Decimal(circulation["high"])
            assert [Decimal(circulation["low"]), Decimal(circulation["stated"]), high] == twice
            kinds = {(edge.payer, edge.kind) for edge in (*there, *back)}
            if kinds <= {("a", "funding"), ("b", "purchase")} and found["pairs"]:
                [pair] = found["pairs"]
                assert found["network"]["recycled"] == pair["round_trip"]
        books.model.close()


@slow
@given(facts=flows(), later=flows())
def test_later_events_never_change_what_was_answered_before(facts: list[Fact], later: list[Fact]) -> None:
    books, folder = booked(*(entity(party) for party in PARTIES), *facts)
    with folder:
        at = books.at(currency="USD")
        before = exposures(books.model, at, Terms())
        renamed = [{**one, "data": {**one["data"]}} for one in later]
        for one in renamed:
            for name in ("commitment", "contract"):
                if name in one["data"]:
                    one["data"][name] += "-later"
        books.given(*renamed, entity_changed("b", parent="a", on="2020"))
        assert exposures(books.model, at, Terms()) == before
        books.model.close()


# --- lists that should agree ------------------------------------------------------------------------------------

DEALS = [
    *(entity(party) for party in PARTIES),
    commit("open", "a", "b", usd("100", "about"), on="2022"),
    invest("a", "b", usd("30"), commitment="open", on="2022-Q3"),
    commit("upto", "a", "c", usd("50", "up_to"), on="2022-06-30"),
    invest("a", "c", usd("20"), commitment="upto", on="2023-06-30"),
    commit("gone", "b", "c", usd("70"), on="2021"),
    invest("b", "c", usd("10"), commitment="gone", on="2022-06-30"),
    close("gone", "cancelled", on="2023-Q1"),
    commit("letter", "d", "a", usd("9"), binding=False, on="2022"),
    change("letter", binding=True, on="2023-06-30"),
    commit("works", "a", "d", usd("500"), purpose="capex"),
    draw("works", usd("5")),
    commit("part", "a", "b", usd("40"), part_of="open", on="2022-06-30"),
    sign("deal", "b", "a", usd("60", "up_to"), on="2022-06"),
    pay("deal", usd("15"), on="2022-12-31"),
    sign("other", "c", "a", usd("33"), on="2023"),
]
DAYS = ("2021-06-30", "2022-01-01", "2022-06-30", "2022-12-31", "2023-03-31", "2023-06-30", "2024-06-30")


@pytest.mark.parametrize("day", DAYS)
@pytest.mark.parametrize("known", ["2022-12-31", "2025-12-31"])
def test_commitments_contracts_and_the_network_agree(books: Books, day: str, known: str) -> None:
    """For every payer and payee: what the lists say of deals that stand, of ended ones what was used."""
    books.given(*DEALS)
    times: dict[str, Any] = {"as_of": day, "known_at": known, "currency": "USD"}
    flowing = edges(books, "contracted", **times)
    for payer in PARTIES:
        for payee in PARTIES:
            between = [edge for edge in flowing if (edge.payer, edge.payee) == (payer, payee)]
            funding = sums([edge for edge in between if edge.kind == "funding"])
            listed = books.commitments(from_=payer, to=payee, **times)
            counted = [row for row in listed.rows if row["binding"] and row["purpose"] not in ("capex", "spend")]
            assert funding == added(
                [row["drawn"] if row["outcome"] == "cancelled" else row["committed"] for row in counted],
                whole="open",
                ids=[row["commitment"] for row in counted],
            )
            buying = sums([edge for edge in between if edge.kind == "purchase"])
            rows = books.contracts(customer=payer, provider=payee, **times).rows
            assert buying == added([row["amount"] for row in rows])


def added(figures: list[dict[str, Any]], *, whole: str = "", ids: list[str] | None = None) -> tuple[Decimal, ...]:
    """The sum; of a whole and its part the part and what it leaves of the whole."""
    bounds = [tuple(Decimal(one[name] or one["low"]) for name in ("low", "stated", "high")) for one in figures]
    named = dict(zip(ids or map(str, range(len(bounds))), bounds, strict=True))
    if whole in named and "part" in named:
        low, stated, high = named[whole]
        part = named["part"]
        left = low - part[2], stated - part[1], high - part[0]
        named[whole] = tuple(max(Decimal(0), one) for one in left)
    return tuple(sum((one[place] for one in named.values()), Decimal(0)) for place in range(3))


def test_the_lists_of_an_answer_agree_with_its_network(books: Books) -> None:
    """Pairs' legs add up to what is funded and bought, and cycles are in components."""
    books.given(*DEALS)
    found = exposures(books.model, books.at(currency="USD"), Terms(entity="a", hops=10))
    funded = sum((Decimal(pair["funding"]["stated"]) for pair in found["pairs"]), Decimal(0))
    assert funded == Decimal(found["network"]["funding"]["stated"])
    bought = sum((Decimal(pair["purchases"]["stated"]) for pair in found["pairs"]), Decimal(0))
    assert funded + bought == Decimal(found["network"]["gross"]["stated"])
    assert all(set(circle["entities"]) <= set(found["components"][0]) for circle in found["cycles"])
    assert len(found["cycles"]) > 1
    edges = graph(books.model, books.at(currency="USD"), "contracted")
    events = [chain for _, chain in sorted({event for edge in edges for event in edge.events})]
    assert found["network"] == {**Exposure(edges).shown(books.at(currency="USD")), "events": events}
