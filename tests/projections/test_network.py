"""Networks: what becomes of edges, and which entities flows connect."""

from __future__ import annotations

from decimal import Decimal

import networkx as nx
import pytest
from hypothesis import given, settings

from ledger.money import Bounds, exactly
from projections.circulation import circulation
from projections.network import Edge, network
from tests.projections.networks import ACYCLIC, S2, edges, funds, pays


def test_edges_of_the_same_two_add_up() -> None:
    """Funding and other flows apart; without a stated figure the low stands in."""
    found = circulation(
        network(
            [
                funds("a", "b", "1", "2", "3"),
                Edge("a", "b", Bounds(Decimal("0.5"), None, None), funding=True),
                pays("a", "b", "10"),
            ]
        )
    )
    assert found.funding == Bounds(Decimal("1.5"), Decimal("2.5"), None)
    assert found.gross == Bounds(Decimal("11.5"), Decimal("12.5"), None)


def test_flows_inside_a_group_and_flows_of_nothing_are_dropped() -> None:
    net = network([pays("a", "a", "5"), pays("a", "b", "0"), pays("b", "c", "1")])
    assert net.entities == ("b", "c")
    assert circulation(net).gross == exactly(Decimal(1))


def test_what_flows_connect() -> None:
    net = network([*ACYCLIC, pays("x", "y", "1"), pays("y", "x", "0", "0", "2")])
    assert net.components("weak") == (("a", "b", "c"), ("x", "y"))
    assert net.components("strong") == (("x", "y"),)
    assert S2.components("strong") == (("amzn", "anth", "goog"),)
    assert network([]).components("weak") == ()


@settings(max_examples=100, deadline=None)
@given(given_edges=edges(unbounded=True))
def test_components_are_what_another_library_finds(given_edges: list[Edge]) -> None:
    graph = nx.DiGraph(
        [(one.payer, one.payee) for one in given_edges if one.payer != one.payee and one.amount.high != 0]
    )
    net = network(given_edges)
    for found, expected in (
        (net.components("weak"), nx.weakly_connected_components(graph)),
        (net.components("strong"), nx.strongly_connected_components(graph)),
    ):
        assert set(found) == {tuple(sorted(group)) for group in expected if len(group) > 1}


@settings(max_examples=100, deadline=None)
@given(given_edges=edges(unbounded=True))
def test_the_gross_is_the_sum_of_what_is_not_inside_a_group(given_edges: list[Edge]) -> None:
    crossing = [edge.amount for edge in given_edges if edge.payer != edge.payee]
    found = circulation(network(given_edges)).gross
    assert found.low == sum(amount.low for amount in crossing)
    assert found.stated == sum(amount.stated_or_low for amount in crossing)
    highs = [amount.high for amount in crossing]
    assert found.high == (None if None in highs else sum(high for high in highs if high is not None))


@pytest.mark.parametrize("length", [2, 10, 400])
def test_a_long_ring_is_one_component(length: int) -> None:
    """However long it is: beyond some steps it is looked for in another way."""
    names = [f"n{place:03d}" for place in range(length)]
    ring = [
        Edge(one, other, exactly(Decimal(1)), funding=False)
        for one, other in zip(names, names[1:] + names[:1], strict=True)
    ]
    tail = Edge(names[0], "out", exactly(Decimal(1)), funding=False)
    assert network([*ring, tail]).components("strong") == (tuple(names),)
