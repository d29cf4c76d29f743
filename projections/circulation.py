"""Maximum circulation: how much of a network's gross comes back to where it started, and how much funding does."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal

import numpy as np

from ledger.money import ARITHMETIC, ZERO, Bounds
from projections.network import (
    POINTS,
    At,
    Booleans,
    Level,
    Network,
    Ratio,
    ratio,
    strong_component,
)
from projections.solver import most_carried


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
    return most_carried(level.payer[inside], level.payee[inside], units, counted[inside])


def _on_unbounded_circle(level: Level) -> Booleans:
    """Which arcs are on a circle of unbounded ones."""
    found: Booleans = np.zeros(len(level.payer), np.bool_)
    payer, payee = level.payer[level.unbounded], level.payee[level.unbounded]
    component = strong_component(level.nodes, payer, payee)
    found[level.unbounded] = component[payer] == component[payee]
    return found
