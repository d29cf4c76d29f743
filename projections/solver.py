"""The largest circulation within whole capacities of any size, worked out exactly by maximum flows of OR-tools."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
from ortools.graph.python.max_flow import SimpleMaxFlow
from ortools.graph.python.min_cost_flow import SimpleMinCostFlow

from projections.network import Booleans, Integers, Units, sums_of, units_of

Places: TypeAlias = "np.ndarray[Any, np.dtype[np.int32]]"  # nodes, as OR-tools numbers them
# OR-tools counts in 64 bits and adds up what meets at a node: all capacities together stay below 2 ^ 61.
_BITS = 61
# Each leaves less to take away: after three next to nothing.
_TRIMS = 3
# Ten settle networks whose circles are short. Where they are very long, another method is as slow as this one.
_MOST_PRICES = 50


@dataclass(frozen=True)
class Part:
    """Arcs that are solved by themselves, since no circle leaves them; for each question, which of them count."""

    payer: Places
    payee: Places
    units: Units
    counted: tuple[Booleans, ...]

    @property
    def work(self) -> int:
        """About how much there is to do."""
        return len(self.units) * len(self.counted)

    def most_carried(self) -> list[int]:
        """The most that a circulation can carry over the arcs that count, of each question."""
        there = np.zeros(int(max(self.payer.max(), self.payee.max())) + 1, np.bool_)
        there[self.payer] = there[self.payee] = True
        place = np.cumsum(there) - 1
        payer, payee = place[self.payer], place[self.payee]
        units = _within_reach(payer, payee, self.units)
        unit = int(np.gcd.reduce(units)) or 1
        capacity = units_of((units // unit).tolist()) if units.dtype == np.object_ else units // unit
        return [_most_carried(payer, payee, capacity, counted) * unit for counted in self.counted]


def _most_carried(payer: Integers, payee: Integers, capacity: Units, counted: Booleans) -> int:
    """The most that a circulation can carry over the counted arcs.

    64 bits hold most networks at once. Where they don't, the capacities come in from the left, some binary digits at a
    time. With f the best flow for the digits so far, 2ⁿ f is the best for them with n zeros behind. The next n digits
    give each arc a little more room, r(e), and what improves the flow is a best circulation in what 2ⁿ f leaves:
    forward w(e) - 2ⁿ f(e), backward 2ⁿ f(e). By the node prices that prove 2ⁿ f the best, a circle gains only by an arc
    that was full and has got new room, so all such circles together carry no more than R = Σ r(e), and no arc needs
    more than R. That keeps each step within 64 bits, and the last one is exact.
    """
    if not counted.any():
        return 0
    left = int(capacity.max()).bit_length()
    digits = left - max(0, int(capacity.sum()).bit_length() - _BITS)
    if digits < left:
        capacity = capacity.astype(np.object_)
    known = flow = np.zeros_like(capacity)
    while left:
        digits = min(digits, left)
        left -= digits
        before, known, flow = known << digits, capacity >> left, flow << digits
        room = (known - before).sum()
        forward, backward = np.minimum(known - flow, room), np.minimum(flow, room)
        flow = flow + _improvement(payer, payee, forward.astype(np.int64), backward.astype(np.int64), counted)
        # Forward and backward arcs, each with no more than the number of arcs times 2 ^ digits.
        digits = _BITS - 1 - 2 * len(capacity).bit_length()
    return int(flow[counted].sum())


def _within_reach(payer: Integers, payee: Integers, units: Units) -> Units:
    """Smaller capacities for the same circulations: no more goes through a node than it can get, and can pass on."""
    nodes = int(max(payer.max(), payee.max())) + 1
    for _ in range(_TRIMS):
        through = np.minimum(sums_of(payee, units, nodes), sums_of(payer, units, nodes))
        units = np.minimum(units, np.minimum(through[payer], through[payee]))
    return units


def _improvement(
    payer: Integers, payee: Integers, forward: Integers, backward: Integers, counted: Booleans
) -> Integers:
    """The circulation that adds most over the counted arcs, of up to `forward` along an arc and `backward` against it.

    At first every arc carries all that it can, so that some nodes pay more than they get and others less. To leave a
    unit out moves the payer's surplus on to the payee, and costs 1 if the arc counts. What is asked for is the cheapest
    way of all surpluses to where something is lacking. The primal-dual method (Ford & Fulkerson, Flows in Networks,
    1962, III.3) sends as many as can go at a price of 0, by a maximum flow, then at a price of 1, and so on. `slack` is
    what an arc costs beyond the difference of its ends' prices: where that is 0, units are left out or taken back.
    What no more can be sent from is made dearer: of the minimum cuts the one next to the surpluses, which most often is
    the smaller. Nothing is left out of an arc with a slack above 0, and nothing is carried by one with a slack below,
    whenever prices have risen: so nothing cheaper is ever overlooked.

    The price never is above the number of arcs on the longest of the shortest ways, which is small where all trade with
    all.
    """
    nodes = int(max(payer.max(), payee.max())) + 1
    source, sink = nodes, nodes + 1
    carried, least = forward.copy(), -backward
    payers, payees = payer.astype(np.int32), payee.astype(np.int32)
    surplus = sums_of(payer, carried, nodes) - sums_of(payee, carried, nodes)
    slack = counted.astype(np.int8)
    for _ in range(_MOST_PRICES):
        over, under = np.flatnonzero(surplus > 0), np.flatnonzero(surplus < 0)
        if not len(over):
            return carried
        at_price = slack == 0
        less = np.flatnonzero(at_price & (carried > least))
        more = np.flatnonzero(at_price & (carried < forward))
        solver = SimpleMaxFlow()
        leaves = solver.add_arcs_with_capacity(payers[less], payees[less], carried[less] - least[less])
        takes = solver.add_arcs_with_capacity(payees[more], payers[more], forward[more] - carried[more])
        sends = solver.add_arcs_with_capacity(np.full(len(over), source), over, surplus[over])
        gets = solver.add_arcs_with_capacity(under, np.full(len(under), sink), -surplus[under])
        status = solver.solve(source, sink)
        if status != SimpleMaxFlow.OPTIMAL:
            raise ArithmeticError(f"the solver gave up on a flow: {status.name}")
        carried[less] -= solver.flows(leaves)
        carried[more] += solver.flows(takes)
        surplus[over] -= solver.flows(sends)
        surplus[under] += solver.flows(gets)
        dearer = np.zeros(nodes + 2, np.bool_)
        dearer[solver.get_source_side_min_cut()] = True
        slack += dearer[payee]
        slack -= dearer[payer]
    return _at_least_cost(payer, payee, forward, backward, counted)


def _at_least_cost(
    payer: Integers, payee: Integers, forward: Integers, backward: Integers, counted: Booleans
) -> Integers:
    """The same by one flow of least cost: a unit over an arc that counts costs -1, and back +1."""
    gain = counted.astype(np.int64)
    solver = SimpleMinCostFlow()
    ahead = solver.add_arcs_with_capacity_and_unit_cost(payer, payee, forward, -gain)
    back = np.flatnonzero(backward)
    against = solver.add_arcs_with_capacity_and_unit_cost(payee[back], payer[back], backward[back], gain[back])
    status = solver.solve()
    if status != SimpleMinCostFlow.OPTIMAL:
        raise ArithmeticError(f"the solver gave up on a circulation: {status.name}")
    change: Integers = np.asarray(solver.flows(ahead), np.int64)
    change[back] -= solver.flows(against)
    return change
