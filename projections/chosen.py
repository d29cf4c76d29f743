"""Edges chosen of a layer: columns for what is added up, edges for what is shown."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from decimal import Decimal
from functools import cached_property
from itertools import repeat
from math import gcd
from typing import Any, Protocol

import numpy as np

from ledger.money import ARITHMETIC, Bounds
from projections import network as networks
from projections import sums
from projections.edges import Edge
from projections.flow_flags import CREDIT
from projections.flow_money import Money
from projections.flow_rows import Rows, day
from projections.network import Booleans, Integers, Network
from projections.sums import Deals, Plain
from projections.visibility import Tables

# A place of a party that nobody named: the party's number, shifted by so many bits, and the lot.
LOT_BITS = 36
_LOT = (1 << LOT_BITS) - 1
_FUNDING, _PURCHASE = sums.FUNDING, sums.PURCHASE
ALL_KINDS = (*sums.KINDS, "guarantee", "equity_consideration")


@dataclass(frozen=True)
class Numbers:
    """The numbers of parties: their names, the numbers of their ultimate parents, and which of these nobody named."""

    names: list[str]
    of: dict[str, int]
    root: Integers
    unnamed: Booleans

    def number(self, name: str) -> int:
        """The number of a party; a new one for who takes no part in a plain edge."""
        if name not in self.of:
            self.of[name] = len(self.names)
            self.names.append(name)
        return self.of[name]


@dataclass(frozen=True)
class Whole:
    """All edges of a layer at a point, the plain ones first, then those that are tied to others.

    A node is the number of a party, or from `len(numbers.names)` on a place of a party that nobody named.
    """

    model: Tables
    root: Callable[[str], str]  # the ultimate parent of an entity
    rows: Rows
    deals: Deals
    plain: Plain
    tied: Sequence[Edge]
    numbers: Numbers
    lots: Integers  # of each place its party and lot
    payer: Integers
    payee: Integers
    kind: Integers  # its place in ALL_KINDS
    certain: Booleans  # of each row, whether it has happened

    def __len__(self) -> int:
        return len(self.payer)

    @property
    def nodes(self) -> int:
        """A number above that of every node."""
        return len(self.numbers.names) + len(self.lots)

    def label(self, node: int) -> str:
        """What the node is called (see edges.Edge)."""
        named = len(self.numbers.names)
        if node < named:
            return self.numbers.names[node]
        place = int(self.lots[node - named])
        return f"{self.numbers.names[place >> LOT_BITS]} {place & _LOT}"

    def all(self) -> Chosen:
        return Chosen(self, np.ones(len(self), np.bool_))

    def around(self, entity: str, hops: int) -> Chosen:
        """The edges that touch the entity's group, or anyone within one hop less than `hops` of it."""
        chosen = np.zeros(len(self), np.bool_)
        near = self.homes == self.numbers.of.get(self.root(entity), -1)
        for _ in range(hops):
            before = np.count_nonzero(chosen)
            chosen = near[self.payer] | near[self.payee]
            if np.count_nonzero(chosen) == before:
                break
            near = np.zeros(self.nodes, np.bool_)
            near[self.payer[chosen]] = near[self.payee[chosen]] = True
        return Chosen(self, chosen)

    @cached_property
    def homes(self) -> Integers:
        """The party of each node."""
        return np.concatenate([np.arange(len(self.numbers.names)), self.lots >> LOT_BITS])

    def pools(self, customers: Iterable[str]) -> list[Edge]:
        """What these nodes are given, and what they buy; without the events that make it."""
        theirs = np.zeros(self.nodes, np.bool_)
        theirs[[self.node(label) for label in customers]] = True
        given = (self.kind == _FUNDING) & theirs[self.payee]
        return Chosen(self, given | ((self.kind == _PURCHASE) & theirs[self.payer])).edges(with_events=False)

    def node(self, label: str) -> int:
        """The node that is called so."""
        place = place_of(label, self.numbers)
        return place if place >= 0 else len(self.numbers.names) + int(np.searchsorted(self.lots, -place))

    def ids(self, positions: Iterable[int]) -> dict[int, str]:
        """The ids of the events at these positions."""
        found = self.model.rows(
            "SELECT DISTINCT fact_position, chain FROM flows WHERE fact_position IN (SELECT unnest($p::BIGINT[]))",
            {"p": sorted(positions)},
        )
        return dict(found)


@dataclass(frozen=True)
class Chosen:
    """Some edges of a layer."""

    whole: Whole
    chosen: Booleans

    def __len__(self) -> int:
        return int(np.count_nonzero(self.chosen))

    @cached_property
    def plain(self) -> Plain:
        return self.whole.plain if self.chosen.all() else self.whole.plain[self._places]

    @cached_property
    def _places(self) -> Integers:
        return np.flatnonzero(self.chosen[: len(self.whole.plain.row)])

    @cached_property
    def tied(self) -> list[Edge]:
        """Those that are tied to others."""
        untied = len(self.whole.plain.row)
        return [self.whole.tied[place] for place in np.flatnonzero(self.chosen[untied:]).tolist()]

    # --- added up -----------------------------------------------------------------------------------------------

    def total(self, *, funding: bool) -> Bounds:
        """What the plain ones come to; with `funding` only those that finance somebody."""
        counted = self.plain.kind == _FUNDING if funding else slice(None)
        return self.plain.money[counted].total()

    def network(self, arcs: Sequence[networks.Edge], *, named: bool) -> Network:
        """The network of the plain ones and of these arcs, which stand for the others; `named` with the names."""
        whole, of = self.whole, self._places
        sides = whole.payer[of], whole.payee[of], self.plain.kind == _FUNDING
        return network_with(arcs, *sides, self.plain.money, whole, named=named)

    # --- shown --------------------------------------------------------------------------------------------------

    def edges(self, *, with_events: bool = True) -> list[Edge]:
        """All of them by the position of their first event; without events in any order."""
        whole, plain, rows = self.whole, self.plain, self.whole.rows
        labels = _Labels(whole)
        events: Sequence[tuple[tuple[int, str], ...]] = self._events() if with_events else [()] * len(plain.row)
        unstated = (plain.says >= 0) & rows.has("unstated")[plain.says] & whole.certain[plain.row]
        amounts = map(
            _bounds,
            plain.money.low.tolist(),
            plain.money.stated.tolist(),
            plain.money.high.tolist(),
            unstated.tolist(),
            plain.money.unbounded.tolist(),
            repeat(plain.money.unit),
        )
        found = [
            Edge(
                labels[payer],
                labels[payee],
                sums.KINDS[kind],
                CREDIT if credit else None,
                amount,
                frozenset(),
                day(first),
                day(last),
                its_events,
                both_ways=credit,
            )
            for payer, payee, kind, credit, amount, first, last, its_events in zip(
                whole.payer[self._places].tolist(),
                whole.payee[self._places].tolist(),
                plain.kind.tolist(),
                plain.credit.tolist(),
                amounts,
                rows.first_day[plain.row].tolist(),
                rows.last_day[plain.row].tolist(),
                events,
                strict=True,
            )
        ]
        if not with_events:
            return found + self.tied
        return sorted(found + self.tied, key=lambda edge: (edge.events[0], edge.payer, edge.payee, edge.kind))

    def _events(self) -> list[tuple[tuple[int, str], ...]]:
        """Position and id of the events that make each of the plain ones."""
        rows, deals, drawn_from = self.whole.rows, self.whole.deals, self.plain.row
        record = rows.record[drawn_from]
        by_record = rows.of(*sums.WHOLE)[drawn_from]
        maker = np.where(rows.of(*sums.WITH_MAKER)[drawn_from], deals.made[record], -1)
        of_records: dict[int, list[int]] = defaultdict(list)
        of_deals = deals.rows(rows, record[by_record])
        for its_record, position in zip(rows.record[of_deals].tolist(), rows.position[of_deals].tolist(), strict=True):
            of_records[its_record].append(position)
        positions = [
            of_records[its_record] if whole else [position, made] if made else [position]
            for its_record, whole, position, made in zip(
                record.tolist(),
                by_record.tolist(),
                rows.position[drawn_from].tolist(),
                np.where(maker < 0, 0, rows.position[maker]).tolist(),
                strict=True,
            )
        ]
        ids = self.whole.ids({position for of_edge in positions for position in of_edge})
        return [tuple((position, ids[position]) for position in sorted(set(of_edge))) for of_edge in positions]

    def first_events(self, limit: int) -> tuple[list[str], bool]:
        """The ids of the first events that make them, and whether there are more."""
        rows, deals, drawn_from = self.whole.rows, self.whole.deals, self.plain.row
        makes = np.zeros(len(rows.position), np.bool_)
        makes[drawn_from] = True
        with_maker = drawn_from[rows.of(*sums.WITH_MAKER)[drawn_from]]
        makes[deals.made[rows.record[with_maker]]] = True
        makes[deals.rows(rows, rows.record[drawn_from[rows.of(*sums.WHOLE)[drawn_from]]])] = True
        positions = rows.position[makes]
        tied = {event for edge in self.tied for event in edge.events}
        first = np.sort(positions)[:limit].tolist()
        events = sorted({*tied, *self.whole.ids(first).items()})
        return [chain for _, chain in events[:limit]], len(positions) + len(tied) > limit

    def pairs(self, *, with_one_leg: bool) -> list[tuple[int, int]]:
        """Everyone who funds or sells, with everyone who is funded or buys, by what they are called."""
        funding, purchases = self._legs()
        joined = np.union1d if with_one_leg else np.intersect1d
        found = joined(funding[self.chosen & (self.whole.kind == _FUNDING)], purchases[self._purchases])
        labels = _Labels(self.whole)
        pairs = [divmod(pair, self.whole.nodes) for pair in found.tolist()]
        return sorted(pairs, key=lambda pair: (labels[pair[0]], labels[pair[1]]))

    def of_pairs(self, pairs: Iterable[tuple[int, int]]) -> Chosen:
        """The funding and the purchases of pairs of funder and customer."""
        wanted = np.array([funder * self.whole.nodes + customer for funder, customer in pairs], np.int64)
        funding, purchases = self._legs()
        given = (self.whole.kind == _FUNDING) & np.isin(funding, wanted)
        return Chosen(self.whole, self.chosen & (given | (self._purchases & np.isin(purchases, wanted))))

    @property
    def _purchases(self) -> Booleans:
        found: Booleans = self.chosen & (self.whole.kind == _PURCHASE)
        return found

    def _legs(self) -> tuple[Integers, Integers]:
        """Funder and customer of each edge as one number: if it is funding, and if it is a purchase."""
        payer, payee = self.whole.payer, self.whole.payee
        return payer * self.whole.nodes + payee, payee * self.whole.nodes + payer

    def between(self, funder: str, customer: str) -> Chosen:
        """The edges between two ultimate parents, whichever of their places they have in the graph."""
        whole = self.whole
        one, other = (whole.numbers.of.get(party, -1) for party in (funder, customer))
        payer, payee = whole.homes[whole.payer], whole.homes[whole.payee]
        either = ((payer == one) & (payee == other)) | ((payer == other) & (payee == one))
        return Chosen(whole, self.chosen & either)

    def along(self, ways: Iterable[tuple[str, str]]) -> Chosen:
        """The edges from one node to another."""
        node, nodes = self.whole.node, self.whole.nodes
        wanted = np.array([node(payer) * nodes + node(payee) for payer, payee in ways], np.int64)
        return Chosen(self.whole, self.chosen & np.isin(self.whole.payer * nodes + self.whole.payee, wanted))

    def unbounded(self, limit: int) -> tuple[list[Edge], bool]:
        """The edges without an upper bound, the first by their nodes and kinds, and whether there are more."""
        tied = np.array([edge.amount is not None and edge.amount.high is None for edge in self.whole.tied], np.bool_)
        open_ended = self.chosen & np.concatenate([self.whole.plain.money.unbounded, tied])
        places = np.flatnonzero(open_ended)
        labels = _Labels(self.whole)
        ways = [
            (labels[payer], labels[payee], ALL_KINDS[kind])
            for payer, payee, kind in zip(
                self.whole.payer[places].tolist(),
                self.whole.payee[places].tolist(),
                self.whole.kind[places].tolist(),
                strict=True,
            )
        ]
        last = sorted(ways)[:limit][-1:]
        shown = np.zeros(len(open_ended), np.bool_)
        shown[[place for place, way in zip(places.tolist(), ways, strict=True) if [way] <= last]] = True
        edges = Chosen(self.whole, shown).edges()
        edges.sort(key=lambda edge: (edge.payer, edge.payee, edge.kind, edge.events))
        return edges[:limit], len(ways) > limit


class Nodes(Protocol):
    """The nodes of a graph by their numbers, and what they are called."""

    @property
    def nodes(self) -> int: ...

    def node(self, label: str) -> int: ...

    def label(self, node: int) -> str: ...


def network_with(
    arcs: Sequence[networks.Edge],
    payer: Integers,
    payee: Integers,
    funding: Booleans,
    money: Money,
    graph: Nodes,
    *,
    named: bool,
) -> Network:
    """The network of flows between nodes and of these arcs; `named` with the names."""
    columns = [money.low, money.stated, money.high]
    if money.low.dtype == np.object_:
        scale, places = 1, networks.MOST_PLACES
        columns = [np.array([networks.count_of(one, places) for one in column], np.object_) for column in columns]
    else:
        _, digits, exponent = money.unit.as_tuple()
        scale, places = int("".join(map(str, digits))), -int(exponent)
    unbounded = np.concatenate([money.unbounded, [arc.amount.high is None for arc in arcs]])
    if arcs:
        finer = max(places, networks.finest(arcs))
        counts = [networks.in_units(arc.amount, finer) for arc in arcs]
        scale *= 10 ** (finer - places)
        places = finer
        of_arcs = [[one[bound] or 0 for one in counts] for bound in range(3)]
        shared = gcd(scale, *(count for column in of_arcs for count in column))
        columns = [
            networks.units_of([*(column * (scale // shared)).tolist(), *(count // shared for count in more)])
            for column, more in zip((column.astype(np.object_) for column in columns), of_arcs, strict=True)
        ]
        scale = shared
    ends = [[graph.node(arc.payer) for arc in arcs], [graph.node(arc.payee) for arc in arcs]]
    return networks.network_of(
        networks.Arcs(
            graph.nodes,
            np.concatenate([payer, np.array(ends[0], np.int64)]),
            np.concatenate([payee, np.array(ends[1], np.int64)]),
            np.concatenate([funding, np.array([arc.funding for arc in arcs], np.bool_)]),
            (columns[0], columns[1], columns[2]),
            unbounded.astype(np.bool_),
            places,
            scale,
        ),
        graph.label if named else None,
    )


def place_of(label: str, numbers: Numbers) -> int:
    """The number of the party; of a lot of its events, both in one, below zero."""
    entity, _, lot = label.partition(" ")
    number = numbers.number(entity)
    return -((number << LOT_BITS) + int(lot)) if lot else number


class _Labels(dict[int, str]):
    """What nodes are called, each worked out once."""

    def __init__(self, whole: Whole) -> None:
        super().__init__()
        self._whole = whole

    def __missing__(self, node: int) -> str:
        label = self[node] = self._whole.label(node)
        return label


def _bounds(low: Any, stated: Any, high: Any, unstated: bool, without_end: bool, unit: Decimal) -> Bounds:
    return Bounds(
        ARITHMETIC.multiply(Decimal(low), unit),
        None if unstated else ARITHMETIC.multiply(Decimal(stated), unit),
        None if without_end else ARITHMETIC.multiply(Decimal(high), unit),
    )
