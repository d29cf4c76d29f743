"""Maximum circulation: how much of a network's gross comes back to where it started, and how much funding does."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal

import numpy as np
from ortools.graph.python.min_cost_flow import SimpleMinCostFlow

from ledger.money import ARITHMETIC, ZERO, Bounds
from projections.network import (
    POINTS,
    At,
    Booleans,
    Integers,
    Level,
    Network,
    Ratio,
    Units,
    ratio,
    strong_component,
    units_of,
)

# The solver counts in 64 bits and adds up what meets at a node: all capacities together stay below 2 ^ 61.
_SOLVER_BITS = 61
# Each leaves less to take away: after three next to nothing.
_TRIMS = 3


@dataclass(frozen=True, slots=True)
class Circulation:
    """Figures of a network. Amounts in its currency; the ratios are shares of 1, at three points, not bounds."""

    gross: Bounds  # Σ w
    circulation: Bounds  # max Σ f
    funding: Bounds  # Σ w of the funding
    recycled: Bounds  # max Σ f of the funding

    @property
    def circularity(self) -> Ratio:
        """circulation / gross"""
        return _shares(self.circulation, self.gross, "nothing_flows")

    @property
    def recycled_share(self) -> Ratio:
        """recycled / funding"""
        return _shares(self.recycled, self.funding, "no_funding")


def circulation(network: Network) -> Circulation:
    """The largest circulation of a network, and the largest part of its funding that a circulation can carry.

    max Σ f(e) with 0 ≤ f(e) ≤ w(e) and inflow = outflow at every node: the gross that conservative portfolio
    compression could remove without a change of anybody's net position (D'Errico & Roukny, arXiv 1705.07155; see also
    arXiv 2506.12546). Recycled funding is the same program with only the funding in the sum. Both are exact, and never
    fall as a capacity rises, so their bounds are the values at the bounds of the amounts; the ratios may fall. Only the
    values mean anything: they are unique, while the flows f(e) that reach them are not, and are never shown.

    A high is None only if it is truly without bound: of the gross and the funding if a part is, of the circulation if a
    circle of unbounded flows exists, of the recycled funding if some unbounded funding is on such a circle.
    """
    values: dict[At, tuple[Decimal | None, ...]] = {}
    for at in POINTS:
        if (same := network.distinct[at]) != at:
            values[at] = values[same]
            continue
        level = network.levels[at]
        every = np.ones(len(level.units), np.bool_)
        counts = (
            _sum(level, every),
            most(level, every),
            _sum(level, level.funding),
            most(level, level.funding),
        )
        values[at] = tuple(None if count is None else network.money(count) for count in counts)
    gross, circulating, funding, recycled = (
        Bounds(low or ZERO, stated, high)  # a low always is a number
        for low, stated, high in zip(*(values[at] for at in POINTS), strict=True)
    )
    return Circulation(gross, circulating, funding, recycled)


def _shares(part: Bounds, whole: Bounds, if_none: str) -> Ratio:
    return ratio(
        {
            "low": _share(part.low, whole.low, if_none),
            "stated": _share(part.stated_or_low, whole.stated_or_low, if_none),
            "high": _share(part.high, whole.high, if_none),
        }
    )


def _share(part: Decimal | None, whole: Decimal | None, if_none: str) -> Decimal | str:
    if whole is None or part is None:
        return "unbounded"
    return ARITHMETIC.divide(part, whole) if whole else if_none


def _sum(level: Level, chosen: Booleans) -> int | None:
    if (level.unbounded & chosen).any():
        return None
    return int(level.units[chosen].sum())


def most(level: Level, counted: Booleans) -> int | None:
    """The most that a circulation can carry over the `counted` arcs, in units; None if there is no end to it.

    A circulation is made of circles, and a circle runs inside a strongly connected component: nothing else is solved.
    An unbounded arc gets the sum of the finite capacities: circles with a finite arc carry no more together, circles
    that don't count can be left away, and counting ones of unbounded arcs alone are the case without end.
    """
    if (counted & _on_unbounded_circle(level)).any():
        return None
    inside = np.flatnonzero(level.circling)
    if not counted[inside].any():
        return 0
    units, unbounded = level.units[inside], level.unbounded[inside]
    if unbounded.any():
        units = units.astype(np.object_)
        units[unbounded] = int(units.sum())
    payer, payee, units, counted = _joined(level.payer[inside], level.payee[inside], units, counted[inside])
    return _most_carried(payer, payee, _within_reach(payer, payee, units), counted)


def _joined(
    payer: Integers, payee: Integers, units: Units, counted: Booleans
) -> tuple[Integers, Integers, Units, Booleans]:
    """Arcs of the same two nodes that count alike as one arc; the nodes by their place among those that there are."""
    _, ends = np.unique(np.concatenate([payer, payee]), return_inverse=True)
    payer, payee = ends[: len(payer)], ends[len(payer) :]
    way = (payer * (int(ends.max()) + 1) + payee) * 2 + counted
    order = np.argsort(way, kind="stable")
    first = np.flatnonzero(np.diff(way[order], prepend=-1))
    chosen = order[first]
    return payer[chosen], payee[chosen], np.add.reduceat(units[order], first), counted[chosen]


def _within_reach(payer: Integers, payee: Integers, units: Units) -> Units:
    """Smaller capacities for the same circulations: no more goes through a node than it can get, and can pass on.

    What the solver would have to take back again is most of what it does.
    """
    nodes = int(max(payer.max(), payee.max())) + 1
    for _ in range(_TRIMS):
        gets, passes_on = np.zeros(nodes, units.dtype), np.zeros(nodes, units.dtype)
        np.add.at(gets, payee, units)
        np.add.at(passes_on, payer, units)
        through = np.minimum(gets, passes_on)
        units = np.minimum(units, np.minimum(through[payer], through[payee]))
    return units


def _on_unbounded_circle(level: Level) -> Booleans:
    """Which arcs are on a circle of unbounded ones."""
    found: Booleans = np.zeros(len(level.payer), np.bool_)
    payer, payee = level.payer[level.unbounded], level.payee[level.unbounded]
    component = strong_component(level.nodes, payer, payee)
    found[level.unbounded] = component[payer] == component[payee]
    return found


def _most_carried(payer: Integers, payee: Integers, units: Units, counted: Booleans) -> int:
    """The most that a circulation can carry over the counted arcs, within capacities of any size.

    The solver's 64 bits hold most networks at once. Where they don't, the capacities come in from the left, some
    binary digits at a time. With f the best flow for the digits so far, 2ⁿ f is the best for them with n zeros behind.
    The next n digits give each arc a little more room, r(e), and what improves the flow is a best circulation in what
    2ⁿ f leaves: forward w(e) - 2ⁿ f(e), backward 2ⁿ f(e). By the node prices that prove 2ⁿ f the best, a circle gains
    only by an arc that was full and has got new room, so all such circles together carry no more than R = Σ r(e), and
    no arc needs more than R. That keeps each step within 64 bits, and the last one is exact.
    """
    unit = int(np.gcd.reduce(units))
    capacity = units_of((units // unit).tolist()) if units.dtype == np.object_ else units // unit
    left = int(capacity.max()).bit_length()
    digits = left - max(0, int(capacity.sum()).bit_length() - _SOLVER_BITS)
    if digits < left:
        capacity = capacity.astype(np.object_)
    known = flow = np.zeros(len(units), capacity.dtype)
    while left:
        digits = min(digits, left)
        left -= digits
        before, known, flow = known << digits, capacity >> left, flow << digits
        room = (known - before).sum()
        forward, backward = np.minimum(known - flow, room), np.minimum(flow, room)
        flow = flow + _improvement(payer, payee, forward.astype(np.int64), backward.astype(np.int64), counted)
        # Forward and backward arcs, each with no more than the number of arcs times 2 ^ digits.
        digits = _SOLVER_BITS - 1 - 2 * len(units).bit_length()
    return int(flow[counted].sum()) * unit


def _improvement(
    payer: Integers, payee: Integers, forward: Integers, backward: Integers, counted: Booleans
) -> Integers:
    """The circulation that adds most over the counted arcs, by the solver: a unit over one costs -1, and back +1."""
    solver = SimpleMinCostFlow()
    gain = counted.astype(np.int64)
    ahead = solver.add_arcs_with_capacity_and_unit_cost(payer, payee, forward, -gain)
    back = np.flatnonzero(backward)
    against = solver.add_arcs_with_capacity_and_unit_cost(payee[back], payer[back], backward[back], gain[back])
    status = solver.solve()
    if status != SimpleMinCostFlow.OPTIMAL:
        raise ArithmeticError(f"the solver gave up on a circulation: {status.name}")
    change: Integers = np.asarray(solver.flows(ahead), np.int64)
    change[back] -= solver.flows(against)
    return change
