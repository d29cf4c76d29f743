"""Elementary cycles: all up to a length, in one order, within a limit and an amount of work."""

from __future__ import annotations

from decimal import Decimal

import networkx as nx
from hypothesis import given, settings
from hypothesis import strategies as st

from ledger.money import Bounds, exactly
from projections.cycles import Cycle, cycles
from projections.network import Edge, network
from tests.projections.networks import ACYCLIC, GREEDY_TRAP, S2, edges, funds, pays


def test_a_cycles_amount_is_its_narrowest_flow_bound_by_bound() -> None:
    found = cycles(S2)
    assert found.cycles == (
        Cycle(("amzn", "anth"), Bounds(Decimal(0), Decimal(4), Decimal(4))),
        Cycle(("anth", "goog"), exactly(Decimal(2))),
    )
    assert found.stopped is None


def test_short_ones_come_first_and_each_begins_at_its_smallest_id() -> None:
    found = cycles(network(GREEDY_TRAP))
    assert [cycle.entities for cycle in found.cycles] == [("a", "b"), ("a", "b", "c")]
    assert [cycle.amount.low for cycle in found.cycles] == [6, 6]


def test_there_is_none_without_a_circle() -> None:
    assert cycles(network(ACYCLIC)).cycles == ()


def test_funding_and_other_flows_of_a_pair_are_one_flow() -> None:
    both = [funds("a", "b", "2"), pays("a", "b", "3"), pays("b", "a", "9", "9", "inf")]
    assert cycles(network(both)).cycles == (Cycle(("a", "b"), exactly(Decimal(5))),)


def test_a_cycle_of_unbounded_flows_is_without_bound() -> None:
    both = [funds("a", "b", "0", "0", "inf"), pays("a", "b", "3"), pays("b", "a", "9", "9", "inf")]
    assert cycles(network(both)).cycles == (Cycle(("a", "b"), Bounds(Decimal(3), Decimal(3), None)),)


def complete(size: int) -> list[Edge]:
    names = [f"n{number:02}" for number in range(size)]
    return [pays(one, other, "1") for one in names for other in names if one != other]


def test_it_stops_at_the_limit_and_says_so() -> None:
    """Of 6 entities that all pay each other 15 cycles are of two, 40 of three."""
    net = network(complete(6))
    assert len(cycles(net, max_length=3, limit=55).cycles) == 55
    assert cycles(net, max_length=3, limit=55).stopped is None
    cut = cycles(net, max_length=3, limit=54)
    assert (len(cut.cycles), cut.stopped) == (54, "limit")
    assert cut.cycles == cycles(net, max_length=3).cycles[:54]


def test_it_stops_when_the_work_is_too_much_and_says_so() -> None:
    """A dense network without short cycles: layers that pay the next one, and the last one the first."""
    layers = [[f"{layer}-{number:02}" for number in range(40)] for layer in range(7)]
    dense = [
        pays(one, other, "1")
        for here, there in zip(layers, [*layers[1:], layers[0]], strict=True)
        for one in here
        for other in there
    ]
    net = network(dense)
    cut = cycles(net, work=10_000)
    assert (cut.cycles, cut.stopped) == ((), "work")
    assert cycles(net, max_length=7, limit=10).stopped == "limit"


@settings(max_examples=200, deadline=None)
@given(given_edges=edges(entities="abcdefg", most=25), longest=st.integers(2, 6))
def test_they_are_what_another_library_finds(given_edges: list[Edge], longest: int) -> None:
    graph = nx.DiGraph(
        [(edge.payer, edge.payee) for edge in given_edges if edge.payer != edge.payee and edge.amount.high != 0]
    )
    expected = []
    for circle in nx.simple_cycles(graph, length_bound=longest):
        start = circle.index(min(circle))
        expected.append(tuple(circle[start:] + circle[:start]))
    found = cycles(network(given_edges), max_length=longest)
    assert [cycle.entities for cycle in found.cycles] == sorted(expected, key=lambda circle: (len(circle), circle))
    assert found.stopped is None


@settings(max_examples=60, deadline=None)
@given(given_edges=edges(unbounded=True), random=st.randoms(use_true_random=False))
def test_the_order_of_edges_makes_no_difference(given_edges: list[Edge], random) -> None:
    shuffled = random.sample(given_edges, len(given_edges))
    assert cycles(network(shuffled)) == cycles(network(given_edges))
