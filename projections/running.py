"""A layer on one day after another: the first is added up whole, and of each further day only what changed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date
from functools import cached_property

import numpy as np

from ledger.money import Bounds
from projections import network as networks
from projections import sums
from projections.chosen import LOT_BITS, Numbers, network_with, place_of
from projections.drafts import Layer
from projections.edges import Edge
from projections.flow_money import Money, Unit, lacking, unit_of
from projections.flow_rows import number_of
from projections.layers import Accounts, Reading, between_nodes, of_same_records, tied_edges, tied_of
from projections.network import Booleans, Integers, Network, sorted_by

# A way is one number: its payer, its payee, and whether it is of funding.
NODE_BITS = 31
_NODE = (1 << NODE_BITS) - 1


@dataclass(frozen=True)
class Sums:
    """The edges of a layer on a day, the plain ones added up by their ways."""

    running: Running
    way: Integers
    money: Money
    tied: Sequence[Edge]
    plain: int  # how many there are

    def __len__(self) -> int:
        return self.plain + len(self.tied)

    @property
    def _funding(self) -> Booleans:
        found: Booleans = (self.way & 1) == 1
        return found

    def total(self, *, funding: bool) -> Bounds:
        """What the plain ones come to; with `funding` only those that finance somebody."""
        return self.money[self._funding if funding else slice(None)].total()

    def network(self, arcs: Sequence[networks.Edge], *, named: bool) -> Network:
        """The network of the plain ones and of these arcs, which stand for the others; `named` with the names."""
        payer, payee = self.way >> (NODE_BITS + 1), (self.way >> 1) & _NODE
        return network_with(arcs, payer, payee, self._funding, self.money, self.running, named=named)


@dataclass(frozen=True)
class _Flows:
    """Plain edges as columns: ways, low, stated, high, how many are without bound, how many there are."""

    way: Integers
    columns: Sequence[Integers]

    @classmethod
    def added(cls, parts: Sequence[_Flows]) -> _Flows:
        """All of one way as one, in the order of the ways."""
        columns = [np.concatenate(column) for column in zip(*(part.columns for part in parts), strict=True)]
        order, way = sorted_by(np.concatenate([part.way for part in parts]), 1 << 63)
        first = np.flatnonzero(np.diff(way, prepend=-1))
        return cls(way[first], [np.add.reduceat(column[order], first) if len(way) else column for column in columns])

    def less(self) -> _Flows:
        """What takes these away."""
        return replace(self, columns=[-column for column in self.columns])

    def plus(self, more: _Flows) -> _Flows:
        """Both together, where each has all of a way as one."""
        place = np.searchsorted(self.way, more.way)
        there = np.zeros(len(place), np.bool_)
        inside = place < len(self.way)
        there[inside] = self.way[place[inside]] == more.way[inside]
        known, new = place[there], ~there
        columns = [column.copy() for column in self.columns]
        for column, its_more in zip(columns, more.columns, strict=True):
            column[known] += its_more[there]
        return _Flows(
            np.insert(self.way, place[new], more.way[new]),
            [np.insert(column, place[new], its[new]) for column, its in zip(columns, more.columns, strict=True)],
        )


class Running:
    """What flows along each way, from day to day.

    The rows of a record make the same edges on two days if the later one has no more of them, all have surely happened
    by the first, neither day alone ties them to other records, and no party of theirs has come to another group or been
    named.
    """

    def __init__(self, reading: Reading, layer: Layer, include: frozenset[str], unit: Unit) -> None:
        self._reading, self._layer, self._include, self._unit = reading, layer, include, unit
        self._named = len(reading.numbers.names)
        self._others: dict[int, int] = {}  # by place (see place_of) the numbers of lots, and of parties met later
        self._before: tuple[date, Numbers, Booleans] | None = None
        self._flows = _Flows(np.zeros(0, np.int64), [np.zeros(0, np.int64)] * 5)

    @classmethod
    def of(cls, reading: Reading, layer: Layer, include: frozenset[str]) -> Running | None:
        """The layer on the day of the reading and those before; None where each day has to be added up by itself: where
        facts repeat others, or amounts aren't whole numbers of one unit."""
        unit = None if reading.repeated.events else unit_of(reading.rows, reading.rates)
        return None if unit is None else cls(reading, layer, include, unit)

    def on(self, day: date) -> Sums:
        """The layer on a day that isn't before the last one that was asked for."""
        reading = replace(self._reading, at=replace(self._reading.at, as_of=day))
        numbers = self._grouped(reading)
        tied = self._tied(reading, numbers)
        now = (day, numbers, tied)
        if self._before is None:
            self._flows = _Flows.added([self._drawn(np.ones(len(tied), np.bool_), *now)])
        else:
            changed = self._changed(*self._before, *now)
            delta = [self._drawn(changed, *self._before).less(), self._drawn(changed, *now)]
            self._flows = self._flows.plus(_Flows.added(delta))
        self._before = now
        low, stated, high, unbounded, count = self._flows.columns
        money = Money(low, stated, high, unbounded > 0, self._unit.size)
        edges = tied_edges(Accounts(reading.model, reading.at), reading.rows.position[tied], self._layer, self._include)
        return Sums(self, self._flows.way, money, edges, int(count.sum()))

    def _grouped(self, reading: Reading) -> Numbers:
        """The parties with their groups on the day of the reading."""
        if self._before is not None and not reading.parentage.moved(self._before[0], reading.at.as_of):
            return self._before[1]
        numbers, known = reading.grouped, slice(self._named)
        return replace(numbers, root=numbers.root[known], unnamed=numbers.unnamed[known])

    def _changed(
        self, day: date, numbers: Numbers, tied: Booleans, later: date, later_numbers: Numbers, later_tied: Booleans
    ) -> Booleans:
        """The rows that may make other edges on a later day."""
        rows = self._reading.rows
        changed = np.maximum(rows.last_day, rows.seen_from) > number_of(day)
        changed &= rows.seen_from <= number_of(later)
        changed |= tied != later_tied
        moved = (numbers.root != later_numbers.root) | (numbers.unnamed != later_numbers.unnamed)
        if moved.any():
            moved |= moved[numbers.root] | moved[later_numbers.root]
            changed |= moved[rows.payer] | moved[rows.payee]
        changed |= of_same_records(rows, changed)
        return changed

    @cached_property
    def _may_be_tied(self) -> Booleans:
        """The rows that may be tied to other records on some day, for something that they say."""
        reading, rows = self._reading, self._reading.rows
        found = rows.has("tied") | sums.otherwise_ever(rows) | (reading.rates.places(rows, rows.seen_from) < 0)
        return found | rows.has("secondary") if "secondary" in self._include else found

    def _tied(self, reading: Reading, numbers: Numbers) -> Booleans:
        """The rows that are tied to other records on the day of the reading."""
        tied = np.zeros(len(reading.rows.position), np.bool_)
        if self._may_be_tied.any():
            seen = np.flatnonzero(reading.rows.seen_from <= number_of(reading.at.as_of))
            rows = reading.rows[seen]
            by_themselves = lacking(rows, reading.at.as_of, reading.rates) | sums.deals_of(rows).otherwise(rows)
            tied[seen] = tied_of(reading, rows, by_themselves, numbers, self._include)
        return tied

    def _drawn(self, chosen: Booleans, day: date, numbers: Numbers, tied: Booleans) -> _Flows:
        """The plain edges that the chosen rows make on a day."""
        places = np.flatnonzero(chosen & (self._reading.rows.seen_from <= number_of(day)))
        rows = self._reading.rows[places]
        money = self._unit.money(rows, day, self._reading.rates)
        plain = sums.drawn(rows, money, sums.deals_of(rows), ~tied[places], day, self._layer, self._include)
        plain, payer, payee = between_nodes(plain, rows, numbers)
        way = (self._nodes(payer) << (NODE_BITS + 1)) | (self._nodes(payee) << 1) | (plain.kind == sums.FUNDING)
        money = plain.money
        counts = (money.unbounded.astype(np.int64), np.ones(len(way), np.int64))
        return _Flows(way, (money.low, money.stated, money.high, *counts))

    def _nodes(self, places: Integers) -> Integers:
        """The numbers of nodes: those of the named parties, then of lots, in the order in which they are met."""
        others = (places < 0) | (places >= self._named)
        found, which = np.unique(places[others], return_inverse=True)
        numbers = [self._others.setdefault(place, self._named + len(self._others)) for place in found.tolist()]
        places = places.copy()
        places[others] = np.array(numbers, np.int64)[which]
        return places

    # --- the nodes of the graph, by their numbers ---------------------------------------------------------------

    @property
    def nodes(self) -> int:
        """A number above that of every node."""
        return self._named + len(self._others)

    def node(self, label: str) -> int:
        """The node that is called so."""
        return int(self._nodes(np.array([place_of(label, self._reading.numbers)]))[0])

    def label(self, node: int) -> str:
        """What the node is called."""
        names = self._reading.numbers.names
        place = node if node < self._named else list(self._others)[node - self._named]
        return names[place] if place >= 0 else f"{names[-place >> LOT_BITS]} {-place & ((1 << LOT_BITS) - 1)}"
