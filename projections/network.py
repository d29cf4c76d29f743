"""A network of flows: who could pay whom how much, in whole units of one common size, and what hangs together in it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from functools import cached_property
from typing import Any, Literal, TypeAlias

import numpy as np
import rustworkx

from ledger.money import Bounds

Integers: TypeAlias = "np.ndarray[Any, np.dtype[np.int64]]"
Booleans: TypeAlias = "np.ndarray[Any, np.dtype[np.bool_]]"
At = Literal["low", "stated", "high"]
# Every amount (14 places at most), and every product of one with a rate, is exact. A quotient has no end: it is
# rounded, far behind the 12 places that are shown, since all digits of the sums cost time.
MOST_PLACES = 28
POINTS: tuple[At, ...] = ("low", "stated", "high")


@dataclass(frozen=True, slots=True)
class Edge:
    """An amount that flows from payer to payee; `funding` if it finances the payee."""

    payer: str
    payee: str
    amount: Bounds
    funding: bool


@dataclass(frozen=True)
class Level:
    """The arcs that carry anything at one of the three amounts: arrays of one length, nodes as places in `entities`.

    `units` are the capacities, Python integers, since sums of 18 + 12 digits don't fit 64 bits; that of an arc in
    `unbounded` says nothing.
    """

    payer: Integers
    payee: Integers
    funding: Booleans
    units: tuple[int, ...]
    unbounded: Booleans

    @property
    def is_bounded(self) -> bool:
        return not self.unbounded.any()


@dataclass(frozen=True)
class Network:
    """Edges with the same payer, payee and `funding` added up. A unit of a capacity is 10 ^ -places of the currency."""

    entities: tuple[str, ...]  # in order
    places: int
    levels: Mapping[At, Level]

    def money(self, units: int) -> Decimal:
        """An amount counted in units as the exact decimal that it is."""
        return Decimal(f"{units}E-{self.places}")

    @cached_property
    def distinct(self) -> dict[At, At]:
        """For each of the three amounts the first that has the same capacities: what is exact is solved once."""
        first: dict[At, At] = {}
        for at in POINTS:
            level = self.levels[at]
            first[at] = next((other for other in first if _same(self.levels[other], level)), at)
        return first

    def components(self, kind: Literal["weak", "strong"]) -> tuple[tuple[str, ...], ...]:
        """Groups of entities that flows connect: at all (weak), or each to each other in both directions (strong).

        At the highest amounts, groups of two or more, each in order, the largest first, then by their first ids.
        """
        level = self.levels["high"]
        graph = graph_of(len(self.entities), level.payer, level.payee)
        if kind == "weak":
            found = [sorted(group) for group in rustworkx.weakly_connected_components(graph)]
        else:
            found = [sorted(group) for group in rustworkx.strongly_connected_components(graph)]
        found.sort(key=lambda group: (-len(group), group))
        return tuple(tuple(self.entities[node] for node in group) for group in found if len(group) > 1)


@dataclass(frozen=True, slots=True)
class Ratio:
    """A ratio at the low, stated and high amounts; these are no bounds of it. Where it is undefined, the reason why."""

    at_low: Decimal | None
    at_stated: Decimal | None
    at_high: Decimal | None
    reasons: Mapping[str, str] = field(default_factory=dict)


def ratio(values: Mapping[At, Decimal | str]) -> Ratio:
    """A ratio of its three values, or of the reasons for having none."""
    reasons = {f"at_{at}": value for at, value in values.items() if isinstance(value, str)}
    low, stated, high = (None if isinstance(values[at], str) else Decimal(values[at]) for at in POINTS)
    return Ratio(low, stated, high, reasons)


def network(edges: Iterable[Edge]) -> Network:
    """The network of these edges, in whatever order they come.

    Edges from a node to itself are inside one group and dropped; so are those that can carry nothing. Where no figure
    is stated, the low stands in, as in every sum. Amounts of up to 28 places stay exact, longer ones are rounded there.
    """
    crossing = [edge for edge in edges if edge.payer != edge.payee and edge.amount.high != 0]
    finest = max([0, *(-_exponent(figure) for edge in crossing for figure in _figures(edge.amount) if figure)])
    places = min(finest, MOST_PLACES)
    sums: dict[tuple[str, str, bool], list[int | None]] = {}
    for edge in crossing:
        so_far = sums.setdefault((edge.payer, edge.payee, edge.funding), [0, 0, 0])
        for number, units in enumerate(_units(edge.amount, places)):
            count = so_far[number]
            so_far[number] = None if count is None or units is None else count + units
    entities = tuple(sorted({entity for payer, payee, _ in sums for entity in (payer, payee)}))
    place = {entity: number for number, entity in enumerate(entities)}
    payer = np.array([place[arc[0]] for arc in sums], np.int64)
    payee = np.array([place[arc[1]] for arc in sums], np.int64)
    funding = np.array([arc[2] for arc in sums], np.bool_)
    order = np.lexsort((funding, payee, payer))
    payer, payee, funding = payer[order], payee[order], funding[order]
    arcs = list(sums.values())
    levels: dict[At, Level] = {}
    for number, at in enumerate(POINTS):
        carried = [arcs[arc][number] for arc in order.tolist()]
        kept = np.array([count != 0 for count in carried], np.bool_)
        unbounded = np.array([count is None for count in carried], np.bool_)
        finite = tuple(count or 0 for count in carried if count != 0)
        levels[at] = Level(payer[kept], payee[kept], funding[kept], finite, unbounded[kept])
    return Network(entities, places, levels)


def graph_of(nodes: int, payer: Integers, payee: Integers) -> rustworkx.PyDiGraph[None, None]:
    graph: rustworkx.PyDiGraph[None, None] = rustworkx.PyDiGraph()
    graph.add_nodes_from([None] * nodes)
    graph.extend_from_edge_list(list(zip(payer.tolist(), payee.tolist(), strict=True)))
    return graph


def strong_component(nodes: int, payer: Integers, payee: Integers) -> Integers:
    """For each node the number of its strongly connected component. Only arcs within one can be part of a circle."""
    number = np.zeros(nodes, np.int64)
    for index, members in enumerate(rustworkx.strongly_connected_components(graph_of(nodes, payer, payee))):
        number[members] = index
    return number


def _same(one: Level, other: Level) -> bool:
    return (
        one.units == other.units
        and np.array_equal(one.unbounded, other.unbounded)
        and np.array_equal(one.payer, other.payer)
        and np.array_equal(one.payee, other.payee)
        and np.array_equal(one.funding, other.funding)
    )


def _figures(amount: Bounds) -> tuple[Decimal | None, ...]:
    """Each figure of an amount once: most amounts are exact, and reading a decimal's digits is the slowest part."""
    low, stated, high = amount.low, amount.stated_or_low, amount.high
    if low == stated:
        return (low,) if low == high else (low, high)
    return (low, stated) if stated == high else (low, stated, high)


def _exponent(figure: Decimal) -> int:
    exponent = figure.as_tuple().exponent
    if not isinstance(exponent, int):
        raise ValueError(f"{figure} is not an amount")
    return exponent


def _units(amount: Bounds, places: int) -> tuple[int, int, int | None]:
    """The low, stated and high amount in units of 10 ^ -places."""
    low = _count(amount.low, places)
    stated = low if amount.stated_or_low == amount.low else _count(amount.stated_or_low, places)
    if amount.high is None:
        return low, stated, None
    return low, stated, stated if amount.high == amount.stated_or_low else _count(amount.high, places)


def _count(figure: Decimal, places: int) -> int:
    above, below = figure.as_integer_ratio()
    units, part = divmod(above * 10**places, below)
    return int(units + (2 * part >= below))  # a part is left only of what has more than MOST_PLACES
