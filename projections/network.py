"""A network of flows: who could pay whom how much, in whole units of one common size, and what hangs together in it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from decimal import Decimal
from functools import cached_property
from typing import Any, Literal, TypeAlias

import numpy as np
import rustworkx

from ledger.money import Bounds

Integers: TypeAlias = "np.ndarray[Any, np.dtype[np.int64]]"
Booleans: TypeAlias = "np.ndarray[Any, np.dtype[np.bool_]]"
# Whole numbers in 64 bits if their sum fits, else Python's integers: sums of 18 + 12 digits don't.
Units: TypeAlias = "np.ndarray[Any, Any]"
At = Literal["low", "stated", "high"]
# Every amount (14 places at most), and every product of one with a rate, is exact. A quotient has no end: it is
# rounded, far behind the 12 places that are shown, since all digits of the sums cost time.
MOST_PLACES = 28
# A large component is closely connected, or looked for one by one.
_MOST_STEPS = 50
_LARGE_ONES = 3
_FEW = 2_000
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
    """The arcs that carry anything at one of the three amounts: arrays of one length, nodes by their numbers.

    There is one arc of a kind from one node to another. `units` are the capacities; that of an arc in `unbounded` is
    zero, and says nothing. Circles run inside a `group`, whatever the amounts are within their bounds.
    """

    nodes: int
    payer: Integers
    payee: Integers
    funding: Booleans
    units: Units
    unbounded: Booleans
    group: Integers  # for each node the number of the strongly connected component of all three levels
    whole: bool  # with all arcs of all levels

    @cached_property
    def circling(self) -> Booleans:
        """Which arcs may be on a circle."""
        found: Booleans = self.group[self.payer] == self.group[self.payee]
        return found

    @cached_property
    def component(self) -> Integers:
        """For each node the number of its strongly connected component."""
        return self.group if self.whole else strong_component(self.nodes, self.payer, self.payee)


@dataclass(frozen=True)
class Network:
    """Who could pay whom how much. A unit of a capacity is `scale` times 10 ^ -places of the currency.

    The first nodes are the entities, by their number; those that come after them are on no circle and need no name.
    """

    entities: tuple[str, ...]  # in order; none if nobody asks for names
    places: int
    levels: Mapping[At, Level]
    nodes: int
    scale: int = 1

    def money(self, units: int) -> Decimal:
        """An amount counted in units as the exact decimal that it is."""
        return Decimal(f"{units * self.scale}E-{self.places}")

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
        if kind == "weak":
            graph = graph_of(self.nodes, level.payer, level.payee)
            found = [sorted(group) for group in rustworkx.weakly_connected_components(graph)]
        else:
            found = groups_of(level.component)
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
    places = finest(crossing)
    sums: dict[tuple[str, str, bool], list[int | None]] = {}
    for edge in crossing:
        so_far = sums.setdefault((edge.payer, edge.payee, edge.funding), [0, 0, 0])
        for number, units in enumerate(in_units(edge.amount, places)):
            count = so_far[number]
            so_far[number] = None if count is None or units is None else count + units
    parties = sorted({entity for payer, payee, _ in sums for entity in (payer, payee)})
    place = {entity: number for number, entity in enumerate(parties)}
    columns = list(zip(*sums.values(), strict=True)) or [(), (), ()]
    arcs = Arcs(
        len(parties),
        np.array([place[arc[0]] for arc in sums], np.int64),
        np.array([place[arc[1]] for arc in sums], np.int64),
        np.array([arc[2] for arc in sums], np.bool_),
        (units_of(columns[0]), units_of(columns[1]), units_of([high or 0 for high in columns[2]])),
        np.array([high is None for high in columns[2]], np.bool_),
        places,
        1,
    ).joined()
    return arcs.network(strong_component(arcs.nodes, arcs.payer, arcs.payee), tuple(parties))


@dataclass(frozen=True)
class Arcs:
    """Flows between nodes by their numbers, below `nodes`; amounts in units of `scale` times 10 ^ -places.

    `amounts`: low, stated and high. A high in `unbounded` is zero.
    """

    nodes: int
    payer: Integers
    payee: Integers
    funding: Booleans
    amounts: tuple[Units, Units, Units]
    unbounded: Booleans
    places: int
    scale: int

    def joined(self) -> Arcs:
        """All of a kind from one node to another as one; without those that carry nothing."""
        way = (self.payer * self.nodes + self.payee) * 2 + self.funding
        order, way = sorted_by(way, self.nodes**2 * 2)
        first = np.flatnonzero(np.diff(way, prepend=-1))
        unbounded = np.logical_or.reduceat(self.unbounded[order], first)
        low, stated, high = (np.add.reduceat(units[order], first) for units in self.amounts)
        high[unbounded] = 0
        carries = (high != 0) | unbounded
        chosen = order[first[carries]]
        return Arcs(
            self.nodes,
            self.payer[chosen],
            self.payee[chosen],
            self.funding[chosen],
            (low[carries], stated[carries], high[carries]),
            unbounded[carries],
            self.places,
            self.scale,
        )

    def network(self, group: Integers, entities: tuple[str, ...]) -> Network:
        levels: dict[At, Level] = {}
        for at, units in zip(POINTS, self.amounts, strict=True):
            unbounded = self.unbounded & (at == "high")
            kept = (units != 0) | unbounded
            whole = bool(kept.all())
            of = slice(None) if whole else kept  # the levels share their arrays where all carry something
            levels[at] = Level(
                self.nodes, self.payer[of], self.payee[of], self.funding[of], units[of], unbounded[of], group, whole
            )
        return Network(entities, self.places, levels, self.nodes, self.scale)


def network_of(arcs: Arcs, label: Callable[[int], str] | None) -> Network:
    """The network of these arcs; `label` says what the nodes on circles are called, and is asked for no other.

    Without it nobody has a name, for figures of the whole that need none.
    """
    arcs = arcs.joined()
    component = strong_component(arcs.nodes, arcs.payer, arcs.payee)
    if label is None:
        return arcs.network(component, ())
    on_circles = [(label(node), node) for group in groups_of(component) for node in group]
    on_circles.sort()
    place = np.full(arcs.nodes, -1)
    place[[node for _, node in on_circles]] = np.arange(len(on_circles))
    place[place < 0] = np.arange(len(on_circles), arcs.nodes)
    renumbered = replace(arcs, payer=place[arcs.payer], payee=place[arcs.payee])
    group = np.empty(arcs.nodes, np.int64)
    group[place] = component
    return renumbered.network(group, tuple(name for name, _ in on_circles))


def sorted_by(keys: Integers, above: int) -> tuple[Integers, Integers]:
    """The places of the keys, which are below `above`, in order of them, and the keys in order.

    Where a key and its place fit 64 bits they are sorted as one number: three times as fast.
    """
    bits = len(keys).bit_length()
    if above.bit_length() + bits > 63:
        order = np.argsort(keys)
        return order, keys[order]
    both = (keys << bits) | np.arange(len(keys))
    both.sort()
    return both & ((1 << bits) - 1), both >> bits


def sums_of(by: Integers, units: Units, length: int) -> Units:
    """The sums of the units with the same number in `by`, which is below `length`.

    64 bits are added up in two parts, by floats: ten times as fast, and exact for up to 2 ^ 27 numbers.
    """
    if units.dtype == np.object_:
        found = np.zeros(length, np.object_)
        np.add.at(found, by, units)
        return found
    upper = np.bincount(by, units >> 26, length).astype(np.int64)
    return (upper << 26) + np.bincount(by, units & (2**26 - 1), length).astype(np.int64)


def units_of(counts: Sequence[int]) -> Units:
    """Capacities as an array."""
    fits = sum(counts) < 2**62
    found = np.empty(len(counts), np.int64 if fits else np.object_)
    found[:] = counts
    return found


def graph_of(nodes: int, payer: Integers, payee: Integers) -> rustworkx.PyDiGraph[None, None]:
    graph: rustworkx.PyDiGraph[None, None] = rustworkx.PyDiGraph()
    graph.add_nodes_from([None] * nodes)
    graph.extend_from_edge_list(list(zip(payer.tolist(), payee.tolist(), strict=True)))
    return graph


def strong_component(nodes: int, payer: Integers, payee: Integers) -> Integers:
    """For each node the number of its strongly connected component. Only arcs within one can be part of a circle.

    Most networks have one or two large components, of those who can reach the busiest node and be reached from it.
    These are found in a few steps of arrays, and the rest, which is small by then, one by one.
    """
    number = np.arange(nodes)
    for _ in range(_LARGE_ONES):
        both_ways = np.minimum(np.bincount(payer, minlength=nodes), np.bincount(payee, minlength=nodes))
        inside = (both_ways[payer] > 0) & (both_ways[payee] > 0)
        payer, payee = payer[inside], payee[inside]
        if len(payer) < _FEW:
            break
        busiest = int(np.argmax(both_ways))
        large = _reached(nodes, busiest, payer, payee) & _reached(nodes, busiest, payee, payer)
        if np.count_nonzero(large) < 2:
            break
        number[large] = busiest
        rest = ~(large[payer] | large[payee])
        payer, payee = payer[rest], payee[rest]
    named, place = np.unique(np.concatenate([payer, payee]), return_inverse=True)
    graph = graph_of(len(named), place[: len(payer)], place[len(payer) :])
    for members in rustworkx.strongly_connected_components(graph):
        number[named[members]] = named[members[0]]
    return number


def _reached(nodes: int, start: int, payer: Integers, payee: Integers) -> Booleans:
    """Which nodes flows lead to from one of them; none, if that takes too many steps."""
    reached = np.zeros(nodes, np.bool_)
    reached[start] = True
    for _ in range(_MOST_STEPS):
        new = payee[reached[payer] & ~reached[payee]]
        if not len(new):
            return reached
        reached[new] = True
    return np.zeros(nodes, np.bool_)


def groups_of(number: Integers) -> list[list[int]]:
    """The nodes that share a number with another, by groups, each in order."""
    shared = np.flatnonzero(np.bincount(number)[number] > 1)
    shared = shared[np.argsort(number[shared], kind="stable")]
    starts = np.flatnonzero(np.diff(number[shared])) + 1
    return [group.tolist() for group in np.split(shared, starts) if len(group)]


def _same(one: Level, other: Level) -> bool:
    return (
        np.array_equal(one.units, other.units)
        and np.array_equal(one.unbounded, other.unbounded)
        and np.array_equal(one.payer, other.payer)
        and np.array_equal(one.payee, other.payee)
        and np.array_equal(one.funding, other.funding)
    )


def finest(edges: Iterable[Edge]) -> int:
    """The places that the amounts have, as far as they count."""
    used = (-_exponent(figure) for edge in edges for figure in _figures(edge.amount) if figure)
    return min(max(0, 0, *used), MOST_PLACES)


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


def in_units(amount: Bounds, places: int) -> tuple[int, int, int | None]:
    """The low, stated and high amount in units of 10 ^ -places."""
    low = count_of(amount.low, places)
    stated = low if amount.stated_or_low == amount.low else count_of(amount.stated_or_low, places)
    if amount.high is None:
        return low, stated, None
    return low, stated, stated if amount.high == amount.stated_or_low else count_of(amount.high, places)


def count_of(figure: Decimal, places: int) -> int:
    above, below = figure.as_integer_ratio()
    units, part = divmod(above * 10**places, below)
    return int(units + (2 * part >= below))  # a part is left only of what has more than MOST_PLACES
