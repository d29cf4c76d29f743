"""Elementary cycles: circles of flows through no entity twice, each with the amount of its narrowest flow."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Literal

from ledger.money import Bounds
from projections.network import Level, Network, strong_component

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
    search = _Search(network.levels["high"], network.nodes, work)
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
    amounts = _Amounts(network)
    return Cycles(
        tuple(Cycle(tuple(network.entities[node] for node in circle), amounts.narrowest(circle)) for circle in found),
        stopped,
    )


class _Search:
    """The arcs that can be part of a circle, and the work that is left."""

    def __init__(self, level: Level, nodes: int, work: int) -> None:
        self.work = work
        self.after: dict[int, list[int]] = {}
        self.before: dict[int, list[int]] = {}
        component = strong_component(nodes, level.payer, level.payee)
        inside = component[level.payer] == component[level.payee]
        arcs = sorted(set(zip(level.payer[inside].tolist(), level.payee[inside].tolist(), strict=True)))
        for payer, payee in arcs:
            self.after.setdefault(payer, []).append(payee)
            self.before.setdefault(payee, []).append(payer)

    def circles(self, length: int) -> Iterator[tuple[int, ...]]:
        """All of exactly this length: from each entity in order, through later ones alone, where a way back is left."""
        for start in sorted(self.after):
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


class _Amounts:
    """What flows from one entity to another, funding and other flows together, in units; None: without bound."""

    def __init__(self, network: Network) -> None:
        self._network = network
        self._low, self._stated, self._high = (_sums(network.levels[at]) for at in ("low", "stated", "high"))

    def narrowest(self, circle: Sequence[int]) -> Bounds:
        arcs = list(zip(circle, [*circle[1:], circle[0]], strict=True))
        highs = [high for arc in arcs if (high := self._high[arc]) is not None]
        return Bounds(
            self._money(min(self._low.get(arc) or 0 for arc in arcs)),
            self._money(min(self._stated.get(arc) or 0 for arc in arcs)),
            self._money(min(highs)) if highs else None,
        )

    def _money(self, units: int) -> Decimal:
        return self._network.money(units)


def _sums(level: Level) -> dict[tuple[int, int], int | None]:
    sums: dict[tuple[int, int], int | None] = {}
    arcs = zip(level.payer.tolist(), level.payee.tolist(), level.units.tolist(), level.unbounded.tolist(), strict=True)
    for payer, payee, units, unbounded in arcs:
        so_far = sums.get((payer, payee), 0)
        sums[payer, payee] = None if unbounded or so_far is None else so_far + units
    return sums
