"""Finn's cycling index: worked numbers, and the absorbing chain solved in exact fractions beside it."""

from __future__ import annotations

from dataclasses import replace
from decimal import ROUND_HALF_EVEN, Context, Decimal
from fractions import Fraction
from random import Random

import networkx as nx
import pytest
from hypothesis import given, settings

import projections.finn
from ledger.money import Bounds, exactly
from projections.finn import finn
from projections.network import Edge, network
from tests.projections.networks import ACYCLIC, GREEDY_TRAP, S2, WILD, edges, pays


def index(given_edges: list[Edge]) -> Decimal | None:
    return finn(network(given_edges)).at_stated


def test_the_first_example_of_the_definition() -> None:
    found = finn(S2)
    assert found.at_stated == Decimal("0.8")
    # Without Amazon's funding its 4 don't come back: T is 3, 7, 4, the returns are 2/7, 2/7 and 0.
    assert found.at_low == Decimal("0.204081632653")
    # With a purchase of 4 of Google: T is 4, 8, 4, the returns are 1/2, 3/4 and 2/3.
    assert found.at_high == Decimal("0.666666666667")


@pytest.mark.parametrize(
    ("given_edges", "expected"),
    [
        ([pays("a", "b", "5"), pays("b", "a", "3")], "0.6"),
        ([pays("a", "b", "10"), pays("b", "c", "7"), pays("c", "a", "4")], "0.4"),
        (GREEDY_TRAP, "0.809523809524"),
        (ACYCLIC, "0"),
    ],
)
def test_worked_networks(given_edges: list[Edge], expected: str) -> None:
    assert index(given_edges) == Decimal(expected)


def test_a_pure_ring_returns_every_dollar() -> None:
    """There I - P has no inverse. Beside other flows it is one component of several."""
    ring = [pays("a", "b", "5"), pays("b", "c", "5"), pays("c", "a", "5")]
    assert index(ring) == 1
    assert index([*ring, pays("x", "y", "15")]) == Decimal("0.333333333333")


def test_a_ring_that_loses_next_to_nothing() -> None:
    """A float would take the loss of 1e-30 for none, and a matrix for singular; it is a return of all but nothing."""
    large = "999999999999999999"
    leak = [pays("a", "b", large), pays("b", "a", large), pays("a", "c", "0.000000000001")]
    assert index(leak) == 1


def test_probabilities_that_floats_can_not_hold() -> None:
    """Along a chain back to the start with odds of 1e-30 at each step, the return is 0 and nothing breaks."""
    names = [f"n{number:02}" for number in range(15)]
    steps = [pays(one, other, "0.000000000001") for one, other in zip(names, [*names[1:], names[0]], strict=True)]
    aside = [edge for one in names for edge in (pays(one, f"{one}x", "1e18"), pays(f"{one}x", one, "1e18"))]
    assert index([*steps, *aside]) == 1


def test_an_index_that_is_not_defined_says_why() -> None:
    assert finn(network([])).reasons == dict.fromkeys(("at_low", "at_stated", "at_high"), "nothing_flows")
    open_ended = finn(network([pays("a", "b", "1", "1", "inf"), pays("b", "a", "1")]))
    assert open_ended.at_stated == 1
    assert open_ended.at_high is None
    assert open_ended.reasons == {"at_high": "unbounded"}


def test_too_large_and_too_uneven_components_say_so(monkeypatch: pytest.MonkeyPatch) -> None:
    random = Random(1)
    names = [f"n{number:02}" for number in range(60)]
    dense = [pays(one, other, str(random.randrange(1, 99))) for one in names for other in names if one != other]
    monkeypatch.setattr(projections.finn, "_MOST_IN_DECIMALS", 10)
    assert index(dense) is not None
    monkeypatch.setattr(projections.finn, "_MOST_ROWS", 10)
    assert finn(network(dense)).reasons["at_stated"] == "too_large"
    monkeypatch.setattr(projections.finn, "_MOST_ROWS", 100)
    nearly_closed = [replace(edge, amount=exactly(Decimal(1))) for edge in dense]
    assert finn(network([*nearly_closed, pays("n00", "x", "0.000001")])).reasons["at_stated"] == "too_uneven"


# --- against exact fractions ------------------------------------------------------------------------------------


def slowly(given_edges: list[Edge]) -> Fraction | None:
    """By the definition: for each entity a chain that starts there and is absorbed when it comes back, or leaves."""
    flows: dict[tuple[str, str], Fraction] = {}
    for edge in given_edges:
        if edge.payer != edge.payee and edge.amount.stated_or_low:
            key = edge.payer, edge.payee
            flows[key] = flows.get(key, Fraction(0)) + Fraction(edge.amount.stated_or_low)
    names = sorted({name for arc in flows for name in arc})
    through = {name: max(Fraction(0), *sums(name, flows)) for name in names}
    if not names:
        return None
    returning = sum(through[name] * return_to(name, flows, through) for name in names)
    return Fraction(returning) / sum(through.values())


def sums(name: str, flows: dict[tuple[str, str], Fraction]) -> tuple[Fraction, Fraction]:
    out = [amount for (payer, _), amount in flows.items() if payer == name]
    into = [amount for (_, payee), amount in flows.items() if payee == name]
    return sum(out, Fraction(0)), sum(into, Fraction(0))


def return_to(home: str, flows: dict[tuple[str, str], Fraction], through: dict[str, Fraction]) -> Fraction:
    """h(i) = P(i, home) + Σ P(i,j) h(j) over the others that can reach home, 0 elsewhere; h(home) is sought."""
    graph = nx.DiGraph(list(flows))
    others = sorted(nx.ancestors(graph, home))
    rows = [
        [Fraction(one == other) - flows.get((one, other), Fraction(0)) / through[one] for other in others]
        + [flows.get((one, home), Fraction(0)) / through[one]]
        for one in others
    ]
    for place in range(len(rows)):
        pivot = next(row for row in range(place, len(rows)) if rows[row][place])
        rows[place], rows[pivot] = rows[pivot], rows[place]
        rows[place] = [number / rows[place][place] for number in rows[place]]
        for row in range(len(rows)):
            if row != place and rows[row][place]:
                rows[row] = [a - rows[row][place] * b for a, b in zip(rows[row], rows[place], strict=True)]
    reach = {other: row[-1] for other, row in zip(others, rows, strict=True)}
    direct = Fraction(0)
    for (payer, payee), amount in flows.items():
        if payer == home:
            direct += amount / through[home] * reach.get(payee, Fraction(0))
    return direct


def twelve_places(number: Fraction | None) -> Decimal | None:
    if number is None:
        return None
    wide = Context(prec=100, rounding=ROUND_HALF_EVEN)
    return wide.divide(Decimal(number.numerator), Decimal(number.denominator)).quantize(Decimal("1e-12"))


@settings(max_examples=200, deadline=None)
@given(given_edges=edges())
def test_it_is_what_the_absorbing_chain_says(given_edges: list[Edge]) -> None:
    assert index(given_edges) == twelve_places(slowly(given_edges))


@settings(max_examples=150, deadline=None)
@given(given_edges=edges(amount=WILD))
def test_it_is_exact_for_amounts_of_every_size(given_edges: list[Edge]) -> None:
    assert index(given_edges) == twelve_places(slowly(given_edges))


@pytest.mark.parametrize("most_ways", [1, 30, 10**6])
@pytest.mark.parametrize("seed", range(3))
def test_large_components_in_floats_agree_to_nine_places(
    most_ways: int, seed: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whether all of it is inverted as a matrix, some, or nothing."""
    random = Random(seed)
    names = [f"n{number:02}" for number in range(25)]
    given_edges = [
        pays(one, other, str(random.randrange(1, 10**6)))
        for one in names
        for other in names
        if one != other and random.random() < 0.15
    ]
    exact = slowly(given_edges)
    assert exact is not None
    monkeypatch.setattr(projections.finn, "_MOST_IN_DECIMALS", 1)
    monkeypatch.setattr(projections.finn, "_MOST_WAYS", most_ways)
    assert index(given_edges) == Decimal(float(exact)).quantize(Decimal("1e-9"))


@settings(max_examples=80, deadline=None)
@given(given_edges=edges(amount=WILD))
def test_an_index_is_a_share(given_edges: list[Edge]) -> None:
    found = finn(network(given_edges))
    for value in (found.at_low, found.at_stated, found.at_high):
        assert value is None or 0 <= value <= 1


@settings(max_examples=80, deadline=None)
@given(given_edges=edges())
def test_names_order_and_the_unit_of_money_make_no_difference(given_edges: list[Edge]) -> None:
    def tripled(amount: Bounds) -> Bounds:
        return Bounds(
            amount.low * 3,
            None if amount.stated is None else amount.stated * 3,
            None if amount.high is None else amount.high * 3,
        )

    names = dict(zip("abcdef", "zyxwvu", strict=True))
    other = [Edge(names[one.payer], names[one.payee], tripled(one.amount), one.funding) for one in given_edges]
    assert finn(network(other[::-1])) == finn(network(given_edges))
