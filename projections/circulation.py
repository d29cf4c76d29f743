"""Maximum circulation: how much of a network's gross comes back to where it started, and how much funding does."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from decimal import Decimal

import numpy as np

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
)
from projections.solver import Part
from projections.solving import solved

# Arcs of a component that are worth a solve of their own.
_LARGE = 1_000


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
    levels = {at: network.levels[at] for at in POINTS if network.distinct[at] == at}
    for (at, level), (circulating, recycled) in zip(levels.items(), most(list(levels.values())), strict=True):
        counts = (_sum(level, None), circulating, _sum(level, level.funding), recycled)
        values[at] = tuple(None if count is None else network.money(count) for count in counts)
    values = {at: values[network.distinct[at]] for at in POINTS}
    return Circulation(
        *(
            Bounds(low or ZERO, stated, high)  # a low always is a number
            for low, stated, high in zip(*(values[at] for at in POINTS), strict=True)
        )
    )


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


def _sum(level: Level, chosen: Booleans | None) -> int | None:
    """The sum of the chosen ones, or of all; None if there is no end to it."""
    every = slice(None) if chosen is None else chosen
    return None if level.unbounded[every].any() else int(level.units[every].sum())


def most(levels: Sequence[Level]) -> list[list[int | None]]:
    """The most that a circulation can carry over all arcs of a level, and over its funding, in units; None if there is
    no end to it.

    A circulation is made of circles, and a circle runs inside a strongly connected component: nothing else is solved.
    """
    asked = [_Asked(level) for level in levels]
    parts = [part for one in asked for part in one.parts]
    found = iter(solved(parts))
    return [one.answers([next(found) for _ in one.parts]) for one in asked]


class _Asked:
    """What is to be solved of a level, in parts: large components each by itself, and all small ones."""

    def __init__(self, level: Level) -> None:
        inside = np.flatnonzero(level.circling)
        endless = _on_unbounded_circle(level)[inside]
        counted = (np.ones(len(inside), np.bool_), level.funding[inside])
        self.endless = [bool((endless & one).any()) for one in counted]
        finite = [one for one, without_end in zip(counted, self.endless, strict=True) if not without_end]
        payer, payee = level.payer[inside], level.payee[inside]
        units = _bounded(level.units[inside], level.unbounded[inside])
        self.parts = [
            Part(
                payer[chosen].astype(np.int32),
                payee[chosen].astype(np.int32),
                units[chosen],
                tuple(one[chosen] for one in finite),
            )
            for chosen in (_parted(level.group[payer]) if finite and len(inside) else ())
        ]

    def answers(self, found: Sequence[Sequence[int]]) -> list[int | None]:
        """Of each question what its parts carry together."""
        questions = len(self.endless) - sum(self.endless)
        sums = iter([sum(of_part[place] for of_part in found) for place in range(questions)])
        return [None if without_end else next(sums) for without_end in self.endless]


def _parted(group: Integers) -> Iterator[Booleans]:
    """Which arcs are in each large group, and which in all others."""
    large = np.bincount(group) >= _LARGE
    for one in np.flatnonzero(large).tolist():
        yield group == one
    others = ~large[group]
    if others.any():
        yield others


def _bounded(units: Units, unbounded: Booleans) -> Units:
    """The capacities, with that of an unbounded arc the sum of the finite ones: circles with a finite arc carry no more
    together, circles that don't count can be left away, and counting ones of unbounded arcs alone are the case without
    end."""
    if not unbounded.any():
        return units
    found = units.astype(np.object_)
    found[unbounded] = int(units.sum())
    return found


def _on_unbounded_circle(level: Level) -> Booleans:
    """Which arcs are on a circle of unbounded ones."""
    found: Booleans = np.zeros(len(level.payer), np.bool_)
    payer, payee = level.payer[level.unbounded], level.payee[level.unbounded]
    component = strong_component(level.nodes, payer, payee)
    found[level.unbounded] = component[payer] == component[payee]
    return found
