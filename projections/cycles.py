"""Elementary cycles: circles of flows through no entity twice, each with the amount of its narrowest flow."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Literal

import numpy as np

from ledger.money import Bounds
from projections.network import POINTS, Integers, Level, Network

# Steps along a flow that one question may cost: about two seconds.
WORK = 4_000_000

Stopped = Literal["limit", "work"]


@dataclass(frozen=True, slots=True)
class Cycle:
    """Each entity pays the next, the last pays the first; the first has the smallest id. `amount` is the bottleneck."""

    entities: tuple[str, ...]
    amount: Bounds


@dataclass(frozen=True, slots=True)
class Cycles:
    """The cycles found, and what ended the search before all were: as many as asked for, or too much work."""

    cycles: tuple[Cycle, ...]
    stopped: Stopped | None


class _TooMuch(Exception):
    """The work that a question may cost is used up."""


def cycles(network: Network, max_length: int = 5, limit: int = 1_000, work: int = WORK) -> Cycles:
    """The elementary cycles of at most `max_length` entities, the shortest first, then by the ids along them.

    Of these the first `limit`, or what was found before the search had cost `work`; `stopped` says which, and is None
    if these are all. The amount of a cycle is the smallest of its flows, bound by bound. Cycles share flows, so their
    amounts are never added up.
    """
    search = _Search(network.levels["high"], work)
    found: list[tuple[int, ...]] = []
    stopped: Stopped | None = None
    try:
        for length in range(2, max_length + 1):
            for circle in search.circles(length):
                if len(found) == limit:
                    stopped = "limit"
                    break
                found.append(circle)
            if stopped:
                break
    except _TooMuch:
        stopped = "work"
    amounts = _Amounts(network, found)
    return Cycles(
        tuple(Cycle(tuple(network.entities[node] for node in circle), amounts.narrowest(circle)) for circle in found),
        stopped,
    )


class _Search:
    """The arcs that can be part of a circle, and the work that is left."""

    def __init__(self, level: Level, work: int) -> None:
        self.work = work
        payer, payee = level.payer[level.circling], level.payee[level.circling]
        self.after = _Steps(payer, payee)
        self.before = _Steps(payee, payer)

    def circles(self, length: int) -> Iterator[tuple[int, ...]]:
        """All of exactly this length: from each entity in order, through later ones alone, where a way back is left."""
        for start in self.after.nodes:
            steps_back = self._steps_back(start, length - 1)
            if len(steps_back) >= length:
                yield from self._from([start], length, steps_back)

    def _steps_back(self, start: int, most: int) -> dict[int, int]:
        """For each entity after `start` from which it can be reached in `most` steps: the fewest."""
        steps = {start: 0}
        reached = [start]
        for distance in range(1, most + 1):
            nearer, reached = reached, []
            for node in nearer:
                self._spend(len(self.before[node]))
                for payer in self.before[node]:
                    if payer > start and payer not in steps:
                        steps[payer] = distance
                        reached.append(payer)
        return steps

    def _from(self, path: list[int], length: int, steps_back: dict[int, int]) -> Iterator[tuple[int, ...]]:
        self._spend(len(self.after[path[-1]]))
        left = length - len(path)
        for node in self.after[path[-1]]:
            if node == path[0]:
                if left == 0:
                    yield tuple(path)
            elif left and steps_back.get(node, length) <= left and node not in path:
                path.append(node)
                yield from self._from(path, length, steps_back)
                path.pop()

    def _spend(self, work: int) -> None:
        self.work -= work
        if self.work < 0:
            raise _TooMuch


class _Steps(dict[int, list[int]]):
    """By node the others that arcs lead to from it, each once, in order: made for those that are asked for."""

    def __init__(self, one: Integers, other: Integers) -> None:
        super().__init__()
        size = int(max(one.max(initial=0), other.max(initial=0))) + 1
        of_arcs, self._others = np.divmod(np.unique(one * size + other), size)
        self._starts = np.searchsorted(of_arcs, np.arange(size + 1))
        self.nodes = np.flatnonzero(np.diff(self._starts)).tolist()

    def __missing__(self, node: int) -> list[int]:
        self[node] = self._others[self._starts[node] : self._starts[node + 1]].tolist()
        return self[node]


class _Amounts:
    """What flows from one node to another along some ways, funding and other flows together; None: without bound."""

    def __init__(self, network: Network, circles: Sequence[tuple[int, ...]]) -> None:
        self._network = network
        ways = {way for circle in circles for way in _around(circle)}
        self._low, self._stated, self._high = (_sums(network.levels[at], ways) for at in POINTS)

    def narrowest(self, circle: Sequence[int]) -> Bounds:
        arcs = _around(circle)
        highs = [high for arc in arcs if (high := self._high[arc]) is not None]
        return Bounds(
            self._money(min(self._low.get(arc) or 0 for arc in arcs)),
            self._money(min(self._stated.get(arc) or 0 for arc in arcs)),
            self._money(min(highs)) if highs else None,
        )

    def _money(self, units: int) -> Decimal:
        return self._network.money(units)


def _around(circle: Sequence[int]) -> list[tuple[int, int]]:
    return list(zip(circle, [*circle[1:], circle[0]], strict=True))


def _sums(level: Level, ways: Collection[tuple[int, int]]) -> dict[tuple[int, int], int | None]:
    sums: dict[tuple[int, int], int | None] = {}
    wanted = np.array([payer * level.nodes + payee for payer, payee in ways], np.int64)
    chosen = np.isin(level.payer * level.nodes + level.payee, wanted)
    columns = (level.payer, level.payee, level.units, level.unbounded)
    for payer, payee, units, unbounded in zip(*(column[chosen].tolist() for column in columns), strict=True):
        so_far = sums.get((payer, payee), 0)
        sums[payer, payee] = None if unbounded or so_far is None else so_far + units
    return sums
