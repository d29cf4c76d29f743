"""How much of a network runs in circles: worked numbers, and an independent linear program beside the solver."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import replace
from decimal import Decimal
from fractions import Fraction
from random import Random
from unittest.mock import Mock

import networkx as nx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ledger.money import ARITHMETIC, Bounds, exactly, plain
from projections import solver
from projections.circulation import circulation
from projections.network import Edge, network
from tests.projections.networks import ACYCLIC, GREEDY_TRAP, S2, WILD, edges, funds, pays

# Payer, payee, capacity and what a unit of flow counts.
Arc = tuple[str, str, float, float]

BEYOND_64_BITS = Decimal("999999999999999999.999999999999")


def ends(bounds: Bounds) -> tuple[str, ...]:
    return tuple("inf" if one is None else plain(one) for one in (bounds.low, bounds.stated, bounds.high))


def test_the_first_example_of_the_definition() -> None:
    """Its circulation doesn't move as a capacity rises from 3 to 4, so its circularity falls."""
    found = circulation(S2)
    assert ends(found.gross) == ("9", "13", "14")
    assert ends(found.circulation) == ("4", "12", "12")
    assert ends(found.funding) == ("2", "6", "6")
    assert ends(found.recycled) == ("2", "6", "6")
    ratio = found.circularity
    assert [round(one or 0, 4) for one in (ratio.at_low, ratio.at_stated, ratio.at_high)] == [
        Decimal("0.4444"),
        Decimal("0.9231"),
        Decimal("0.8571"),
    ]
    assert found.recycled_share.at_low == found.recycled_share.at_stated == found.recycled_share.at_high == 1


@pytest.mark.parametrize(
    ("given_edges", "circulating", "gross"),
    [
        ([pays("a", "b", "5"), pays("b", "a", "3")], "6", "8"),
        ([pays("a", "b", "10"), pays("b", "c", "7"), pays("c", "a", "4")], "12", "21"),
        (GREEDY_TRAP, "26", "28"),
        (ACYCLIC, "0", "23"),
        ([pays("a", "b", "0.1"), pays("b", "c", "0.2"), pays("c", "a", "0.3")], "0.3", "0.6"),
        ([], "0", "0"),
    ],
)
def test_worked_networks(given_edges: list[Edge], circulating: str, gross: str) -> None:
    found = circulation(network(given_edges))
    assert ends(found.circulation) == (circulating,) * 3
    assert ends(found.gross) == (gross,) * 3


def test_a_second_pair_beside_the_first_example() -> None:
    found = circulation(
        network(
            [
                *[funds("goog", "anth", "2"), funds("amzn", "anth", "4"), pays("anth", "goog", "3")],
                *[pays("anth", "amzn", "4"), funds("msft", "oai", "13"), pays("oai", "msft", "0.4")],
            ]
        )
    )
    assert (ends(found.circulation)[1], ends(found.gross)[1]) == ("12.8", "26.4")
    assert (ends(found.recycled)[1], ends(found.funding)[1]) == ("6.4", "19")
    assert plain(found.circularity.at_stated or Decimal(0))[:6] == "0.4848"


def test_ratios_that_are_not_defined_say_why() -> None:
    nothing = circulation(network([]))
    assert nothing.circularity.at_low is None
    assert set(nothing.circularity.reasons.values()) == {"nothing_flows"}
    assert set(nothing.recycled_share.reasons.values()) == {"no_funding"}
    open_ended = circulation(network([funds("a", "b", "1", "1", "inf"), pays("b", "a", "2")]))
    assert open_ended.circularity.reasons == {"at_high": "unbounded"}
    assert open_ended.recycled_share.reasons == {"at_high": "unbounded"}


def test_an_unbounded_flow_alone_leaves_the_circulation_bounded() -> None:
    """Above, the purchase of 2 is what comes back at most; the gross has no bound."""
    found = circulation(network([funds("a", "b", "1", "1", "inf"), pays("b", "a", "2")]))
    assert ends(found.circulation) == ("2", "2", "4")
    assert ends(found.recycled) == ("1", "1", "2")
    assert ends(found.gross) == ("3", "3", "inf")


def test_only_a_circle_of_unbounded_flows_is_without_bound() -> None:
    """And the funding that it recycles only if some of it is on such a circle."""
    of_purchases = [pays("a", "b", "1", "1", "inf"), pays("b", "a", "1", "1", "inf"), funds("a", "b", "3")]
    found = circulation(network(of_purchases))
    assert ends(found.circulation) == ("2", "2", "inf")
    assert ends(found.recycled) == ("1", "1", "3")
    found = circulation(network([funds("a", "b", "1", "1", "inf"), *of_purchases]))
    assert ends(found.recycled) == ("1", "1", "inf")


def test_figures_that_64_bits_do_not_hold() -> None:
    """The greatest amounts and the least, in one ring and beside it, to the last place."""
    least = Decimal("0.000000000001")
    large = exactly(BEYOND_64_BITS)
    less = exactly(Decimal("999999999999999999.999999999998"))
    ring = [
        Edge("a", "b", large, True),
        Edge("b", "c", large, False),
        Edge("c", "a", less, False),
        Edge("c", "b", exactly(least), False),
    ]
    found = circulation(network(ring))
    assert found.circulation.stated == Decimal("2999999999999999999.999999999996")
    assert found.recycled.stated == less.low


def test_quotients_count_to_28_places() -> None:
    """Amounts that were converted: more digits than any product has, whatever stands beside them."""
    third = ARITHMETIC.divide(Decimal(10**18), Decimal(3))
    ring = [Edge("a", "b", exactly(third), True), Edge("b", "a", exactly(Decimal(10**18)), False)]
    found = circulation(network([*ring, pays("a", "b", "0.0000000000000000000000000001")]))
    assert found.circulation.low == Decimal("666666666666666666.6666666666666666666666666668")
    two_thirds = exactly(ARITHMETIC.divide(Decimal(2), Decimal(3)))
    found = circulation(network([Edge("a", "b", two_thirds, True), pays("b", "a", "1")]))
    assert found.recycled.low == Decimal("0.6666666666666666666666666667")


@pytest.mark.parametrize("seed", range(3))
def test_a_dense_network_of_amounts_of_every_size(seed: int) -> None:
    """Digit by digit or at once: scaled until 64 bits hold no sum, the value is the same one times the scale."""
    random = Random(seed)
    nodes = [f"n{number:02}" for number in range(30)]
    pairs = [(one, other) for one in nodes for other in nodes if one != other and random.random() < 0.3]
    small = [Edge(*pair, exactly(Decimal(random.randrange(1, 10**6))), random.random() < 0.5) for pair in pairs]
    # An odd amount beside them keeps the common divisor at 1.
    odd = [Edge("x", "y", exactly(Decimal(1)), False), Edge("y", "x", exactly(Decimal(1)), False)]
    scale = 10**40 // 7
    large = [replace(edge, amount=exactly(Decimal(int(edge.amount.low) * scale))) for edge in small]
    of_small, of_large = circulation(network([*small, *odd])), circulation(network([*large, *odd]))
    assert int(of_large.circulation.low) == (int(of_small.circulation.low) - 2) * scale + 2
    assert int(of_large.recycled.low) == int(of_small.recycled.low) * scale


@pytest.mark.parametrize("prices", [0, 1, 2])
def test_where_few_prices_leave_something_a_flow_of_least_cost_finds_the_same(
    monkeypatch: pytest.MonkeyPatch, prices: int
) -> None:
    """Long circles take more prices than are tried: then another method solves all of it."""
    random = Random(1)
    nodes = [f"n{number:02}" for number in range(40)]
    ring = [
        pays(one, other, str(random.randrange(1, 99))) for one, other in zip(nodes, nodes[1:] + nodes[:1], strict=True)
    ]
    pairs = [random.sample(nodes, 2) for _ in range(60)]
    across = [funds(one, other, str(random.randrange(1, 99))) for one, other in pairs]
    found = circulation(network([*ring, *across]))
    asked = Mock(wraps=solver._at_least_cost)
    monkeypatch.setattr(solver, "_MOST_PRICES", prices)
    monkeypatch.setattr(solver, "_at_least_cost", asked)
    assert circulation(network([*ring, *across])) == found
    assert asked.called


# --- against an independent solver ------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def by_linear_program() -> Iterator[Callable[[list[Arc]], float]]:
    """HiGHS, in a process of its own: its library and the one inside OR-tools can't be loaded into the same."""
    solver = subprocess.Popen(
        [sys.executable, "-m", "tests.projections.linear_program"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    asked, answers = solver.stdin, solver.stdout
    assert asked
    assert answers

    def solve(arcs: list[Arc]) -> float:
        asked.write(json.dumps(arcs) + "\n")
        asked.flush()
        return float(answers.readline())

    yield solve
    asked.close()
    solver.wait(timeout=10)


def arcs_of(given_edges: list[Edge], at: str, *, funding_alone: bool) -> list[Arc]:
    def capacity(amount: Bounds) -> float:
        return float({"low": amount.low, "stated": amount.stated_or_low, "high": amount.high or Decimal(0)}[at])

    return [
        (edge.payer, edge.payee, capacity(edge.amount), float(edge.funding or not funding_alone))
        for edge in given_edges
        if edge.payer != edge.payee
    ]


@settings(max_examples=300, deadline=None)
@given(given_edges=edges())
def test_it_is_what_a_linear_program_finds(by_linear_program, given_edges: list[Edge]) -> None:
    found = circulation(network(given_edges))
    for at in ("low", "stated", "high"):
        for figure, funding_alone in ((found.circulation, False), (found.recycled, True)):
            expected = by_linear_program(arcs_of(given_edges, at, funding_alone=funding_alone))
            assert float(getattr(figure, at)) == pytest.approx(expected, abs=1e-6)


@settings(max_examples=150, deadline=None)
@given(given_edges=edges(amount=WILD, most=20))
def test_it_is_what_network_simplex_finds_to_the_last_place(given_edges: list[Edge]) -> None:
    """In Python's integers, on amounts that together take many more than 64 bits."""
    found = circulation(network(given_edges))
    for figure, funding_alone in ((found.circulation, False), (found.recycled, True)):
        graph = nx.MultiDiGraph()
        for payer, payee, counts, amount in (
            (edge.payer, edge.payee, edge.funding or not funding_alone, edge.amount.stated_or_low)
            for edge in given_edges
            if edge.payer != edge.payee
        ):
            graph.add_edge(payer, payee, capacity=int(Fraction(amount) * 10**12), weight=-int(counts))
        cost = nx.network_simplex(graph)[0] if graph else 0
        assert Fraction(figure.stated or 0) == Fraction(-cost, 10**12)


@settings(max_examples=150, deadline=None)
@given(given_edges=edges(unbounded=True, most=10))
def test_unbounded_capacities_are_what_very_large_ones_are(given_edges: list[Edge]) -> None:
    """Where the value grows with them there is no bound; where it doesn't, it is the same."""
    found = circulation(network(given_edges))

    def with_capacity(large: int) -> list[Edge]:
        return [
            replace(edge, amount=replace(edge.amount, high=Decimal(large))) if edge.amount.high is None else edge
            for edge in given_edges
        ]

    at_large, at_larger = (circulation(network(with_capacity(10**digits))) for digits in (9, 10))
    for figure, one, other in (
        (found.circulation, at_large.circulation, at_larger.circulation),
        (found.recycled, at_large.recycled, at_larger.recycled),
    ):
        assert (figure.high is None) == (one.high != other.high)
        if figure.high is not None:
            assert figure.high == one.high


# --- what is always true ----------------------------------------------------------------------------------------


@settings(max_examples=150, deadline=None)
@given(given_edges=edges(amount=WILD, unbounded=True), more=edges(amount=WILD, most=3))
def test_more_capacity_never_makes_less_circulation(given_edges: list[Edge], more: list[Edge]) -> None:
    before, after = circulation(network(given_edges)), circulation(network([*given_edges, *more]))
    for one, other in ((before.circulation, after.circulation), (before.recycled, after.recycled)):
        for at in ("low", "stated", "high"):
            less, most = getattr(one, at), getattr(other, at)
            assert most is None or (less is not None and less <= most)
    for figure in (before.circulation, before.recycled, before.gross, before.funding):
        assert figure.stated is not None
        assert figure.low <= figure.stated
        assert figure.high is None or figure.stated <= figure.high
    assert before.circulation.low <= before.gross.low


@settings(max_examples=100, deadline=None)
@given(given_edges=edges(amount=WILD))
def test_nothing_circulates_without_a_circle(given_edges: list[Edge]) -> None:
    downhill = [edge for edge in given_edges if edge.payer < edge.payee]
    found = circulation(network(downhill))
    assert ends(found.circulation) == ends(found.recycled) == ("0", "0", "0")


@settings(max_examples=100, deadline=None)
@given(
    circles=st.lists(
        st.tuples(st.permutations("abcde"), st.integers(2, 5), WILD, st.booleans()), min_size=1, max_size=6
    )
)
def test_where_everybody_pays_what_they_get_all_of_it_circulates(
    circles: list[tuple[list[str], int, Decimal, bool]],
) -> None:
    balanced = [
        Edge(payer, payee, exactly(amount), funding)
        for names, length, amount, funding in circles
        for payer, payee in zip(names[:length], [*names[1:length], names[0]], strict=True)
    ]
    found = circulation(network(balanced))
    assert found.circulation == found.gross
    assert found.recycled == found.funding


@settings(max_examples=150, deadline=None)
@given(there=WILD, back=WILD)
def test_a_pair_circulates_twice_the_smaller_leg(there: Decimal, back: Decimal) -> None:
    """And recycles as much funding as its round trip is."""
    found = circulation(network([Edge("a", "b", exactly(there), True), Edge("b", "a", exactly(back), False)]))
    assert Fraction(found.circulation.low) == 2 * Fraction(min(there, back))
    assert found.recycled.low == min(there, back)


@settings(max_examples=100, deadline=None)
@given(given_edges=edges(amount=WILD, unbounded=True), random=st.randoms(use_true_random=False))
def test_names_and_order_make_no_difference(given_edges: list[Edge], random: Random) -> None:
    new_names = dict(zip("abcdef", random.sample("uvwxyz", 6), strict=True))
    renamed = [replace(edge, payer=new_names[edge.payer], payee=new_names[edge.payee]) for edge in given_edges]
    random.shuffle(renamed)
    assert circulation(network(renamed)) == circulation(network(given_edges))


@settings(max_examples=60, deadline=None)
@given(given_edges=edges(), scale=st.sampled_from(["1000000000000", "0.000000001", "7", "0.3"]))
def test_another_unit_of_money_scales_every_figure(given_edges: list[Edge], scale: str) -> None:
    factor = Decimal(scale)

    def scaled(amount: Bounds) -> Bounds:
        stated = None if amount.stated is None else amount.stated * factor
        return Bounds(amount.low * factor, stated, None if amount.high is None else amount.high * factor)

    before = circulation(network(given_edges))
    after = circulation(network([replace(edge, amount=scaled(edge.amount)) for edge in given_edges]))
    assert after.circulation == scaled(before.circulation)
    assert after.recycled == scaled(before.recycled)
    assert after.circularity == before.circularity
