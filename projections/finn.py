"""Finn's cycling index: which share of what passes through the entities comes back to where it passed before."""

from __future__ import annotations

import heapq
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import ROUND_HALF_EVEN, Decimal, localcontext
from math import isfinite
from typing import Generic, TypeAlias, TypeVar

import numpy as np

from ledger.money import ARITHMETIC
from projections.network import POINTS, At, Level, Network, Ratio, groups_of, ratio, sums_of

# Components of so many entities are worked out in decimals of 80 digits, larger ones in floats.
_MOST_IN_DECIMALS = 100
# In floats an entity is worked out alone while at most so many ways lead through it; the rest is inverted as a matrix.
_MOST_WAYS = 1_000
# A larger matrix takes more than some seconds, a worse one leaves fewer than 9 right places.
_MOST_ROWS = 4_000
_WORST_CONDITION = 1e6
_PLACES, _PLACES_OF_FLOATS = Decimal("1e-12"), Decimal("1e-9")

# Decimals or floats.
Number = TypeVar("Number", Decimal, float)


class _Undefined(Exception):
    """The reason why there is no index."""


def finn(network: Network) -> Ratio:
    """Σ T(i) r(i) / Σ T(i), at the low, stated and high amounts: no bounds, since the index may fall as amounts rise.

    T(i) = max(in, out) is what passes through i; the imbalance crosses the network's boundary. P(i,j) = F(i,j) / T(i)
    is the probability that a dollar at i goes to j next, and r(i) the one that a dollar which leaves i comes back: with
    N = (I - P)⁻¹, r(i) = (n(ii) - 1) / n(ii) (Finn, Journal of Theoretical Biology 56, 1976). Outside the strongly
    connected components nobody sees a dollar again. A component that nothing leaves or enters keeps every dollar: r = 1
    there, and I - P has no inverse.

    Each component is solved for itself, in sums and products of positive numbers alone, from exact integers: up to 100
    entities in 80 digits, so that all 12 places are right. Larger ones take floats, and the index has 9 places; their
    most closely connected part is inverted as a matrix. It is None with the reason `too_large` if that part has more
    than 4,000 entities, or `too_uneven` if its condition is above 1e6 or floats can't hold the probabilities; and
    `nothing_flows` or `unbounded` where that is so.
    """
    values: dict[At, Decimal | str] = {}
    for at in POINTS:
        if (same := network.distinct[at]) != at:
            values[at] = values[same]
            continue
        try:
            values[at] = _index(network.levels[at])
        except _Undefined as reason:
            values[at] = str(reason)
    return ratio(values)


def _index(level: Level) -> Decimal:
    if level.unbounded.any():
        raise _Undefined("unbounded")
    if not len(level.units):
        raise _Undefined("nothing_flows")
    in_and_out = (sums_of(side, level.units, level.nodes) for side in (level.payee, level.payer))
    through = np.maximum(*in_and_out).tolist()
    flows = _inside(level)
    returning, places = Decimal(0), _PLACES
    for group in _components(level):
        chain = {node: flows[node] for node in group}
        # What leaves for good. An exact number, so that a component which loses nothing is known for sure.
        lost = {node: through[node] - sum(chain[node].values()) for node in group}
        with localcontext(ARITHMETIC):
            if not any(lost.values()):
                returning += sum(through[node] for node in group)
            elif len(group) <= _MOST_IN_DECIMALS:
                returns = _returns(
                    {i: {j: Decimal(units) / through[i] for j, units in chain[i].items()} for i in group},
                    {i: Decimal(lost[i]) / through[i] for i in group},
                )
                returning += sum(through[node] * returns[node] for node in group)
            else:
                in_floats = _returns_in_floats(
                    {i: {j: units / through[i] for j, units in chain[i].items()} for i in group},
                    {i: lost[i] / through[i] for i in group},
                )
                returning += sum(through[node] * Decimal(in_floats[node]) for node in group)
                places = _PLACES_OF_FLOATS
    return ARITHMETIC.divide(returning, Decimal(sum(through))).quantize(places, ROUND_HALF_EVEN)


def _inside(level: Level) -> dict[int, dict[int, int]]:
    """What flows inside strongly connected components, from each node to each."""
    inside = level.component[level.payer] == level.component[level.payee]
    flows: dict[int, dict[int, int]] = defaultdict(dict)
    for payer, payee, units in zip(
        *(part[inside].tolist() for part in (level.payer, level.payee, level.units)), strict=True
    ):
        flows[payer][payee] = flows[payer].get(payee, 0) + units
    return flows


def _components(level: Level) -> list[list[int]]:
    """The strongly connected components of more than one node, each in order."""
    return sorted(groups_of(level.component))


# --- the probability of a return --------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Elimination(Generic[Number]):
    """A node that was taken out of a chain: the probabilities of the steps from it and to it."""

    node: int
    ahead: Mapping[int, Number]
    behind: Mapping[int, Number]
    moves: Number  # the probability of going anywhere but to itself


Visits: TypeAlias = dict[tuple[int, int], Number]


def _returns(ahead: dict[int, dict[int, Decimal]], lost: dict[int, Decimal]) -> dict[int, Decimal]:
    """For each node of a chain that loses something the probability of a return.

    `ahead` has the probabilities of the steps within the chain, `lost` those of leaving it; both are used up.
    """
    eliminated = _eliminate(ahead, lost, most_ways=None)
    visits: Visits[Decimal] = {}
    _bring_back(eliminated, visits, Decimal(1))
    return {step.node: 1 - 1 / visits[step.node, step.node] for step in eliminated}


def _returns_in_floats(ahead: dict[int, dict[int, float]], lost: dict[int, float]) -> dict[int, float]:
    """The same for large chains; what is left when every node has many ways through it is inverted as a matrix."""
    nodes = sorted(ahead)
    try:
        eliminated = _eliminate(ahead, lost, _MOST_WAYS)
        visits = _inverse(ahead)
        _bring_back(eliminated, visits, 1.0)
        returns = {node: 1 - 1 / visits[node, node] for node in nodes}
    except (ZeroDivisionError, OverflowError):
        raise _Undefined("too_uneven") from None
    if not all(map(isfinite, returns.values())):
        raise _Undefined("too_uneven")
    return returns


def _eliminate(
    ahead: dict[int, dict[int, Number]], lost: dict[int, Number], most_ways: int | None
) -> list[_Elimination[Number]]:
    """Takes nodes out of a chain, those with the fewest ways through them first; what has too many stays in `ahead`.

    With k out, a way i → k → j is a step i → j of probability P(i,k) P(k,j) / (1 - P(k,k)), and what was lost at k is
    lost at i. 1 - P(k,k) is the sum of all other steps from k, and of what it loses, so that nothing is ever
    subtracted (Grassmann, Taksar & Heyman, Operations Research 33, 1985). The expected visits among the others stay as
    they were.
    """
    behind: dict[int, set[int]] = {node: set() for node in ahead}
    for node, steps in ahead.items():
        for to in steps:
            behind[to].add(node)

    def ways(node: int) -> int:
        return len(ahead[node]) * len(behind[node])

    queue = [(ways(node), node) for node in sorted(ahead)]
    heapq.heapify(queue)
    eliminated: list[_Elimination[Number]] = []
    while queue:
        expected, node = heapq.heappop(queue)
        if node not in ahead:
            continue
        if ways(node) != expected:
            heapq.heappush(queue, (ways(node), node))
            continue
        if most_ways is not None and expected > most_ways:
            break
        onward: dict[int, Number] = ahead.pop(node)
        onward.pop(node, None)
        behind[node].discard(node)
        moves = sum(onward.values(), start=lost[node])
        back: dict[int, Number] = {i: ahead[i].pop(node) for i in sorted(behind.pop(node))}
        for j in onward:
            behind[j].discard(node)
        for i, way in back.items():
            lost[i] += way * lost[node] / moves
            steps = ahead[i]
            for j, chance in onward.items():
                step = way * chance / moves
                steps[j] = steps[j] + step if j in steps else step
                behind[j].add(i)
        for neighbour in sorted({*back, *onward}):
            heapq.heappush(queue, (ways(neighbour), neighbour))
        eliminated.append(_Elimination(node, onward, back, moves))
    return eliminated


def _bring_back(eliminated: Sequence[_Elimination[Number]], visits: Visits[Number], one: Number) -> None:
    """Adds to the expected visits N(i,j), from i to j, those of the nodes that were taken out, the last one first.

    With D = 1 - P(k,k), over the steps k → j and i → k that there were when k was taken out:

        N(j,k) = Σ N(j,i) P(i,k) / D      N(k,i) = Σ P(k,j) N(j,i) / D      N(k,k) = (1 + Σ P(k,j) N(j,k)) / D

    The N(j,i) that this needs belong to steps i → j that k left behind, and are there by then (Erisman & Tinney,
    Communications of the ACM 18, 1975).
    """
    for step in reversed(eliminated):
        at_all = one
        for j, onward in step.ahead.items():
            from_j = sum((visits[j, i] * way for i, way in step.behind.items()), start=one - one) / step.moves
            visits[j, step.node] = from_j
            at_all += onward * from_j
        for i in step.behind:
            visits[step.node, i] = (
                sum((way * visits[j, i] for j, way in step.ahead.items()), start=one - one) / step.moves
            )
        visits[step.node, step.node] = at_all / step.moves


def _inverse(ahead: Mapping[int, Mapping[int, float]]) -> Visits[float]:
    """(I - P)⁻¹ of what is left of a chain: on the diagonal, and against each step."""
    rows = sorted(ahead)
    if not rows:
        return {}
    if len(rows) > _MOST_ROWS:
        raise _Undefined("too_large")
    place = {node: number for number, node in enumerate(rows)}
    matrix = np.eye(len(rows))
    for node, steps in ahead.items():
        matrix[place[node], [place[to] for to in steps]] -= list(steps.values())
    try:
        inverse = np.linalg.inv(matrix)
    except np.linalg.LinAlgError:
        raise _Undefined("too_uneven") from None
    if not np.abs(matrix).sum(0).max() * np.abs(inverse).sum(0).max() <= _WORST_CONDITION:
        raise _Undefined("too_uneven")
    visits: Visits[float] = {}
    for node, steps in ahead.items():
        back = inverse[:, place[node]].tolist()
        visits.update({(to, node): back[place[to]] for to in (node, *steps)})
    return visits
