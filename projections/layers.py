"""A layer of the graph of exposures: its edges as of a day, from what the ledger holds, read once for many days."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date
from functools import cached_property

import numpy as np

from projections import flow_rows, sums
from projections.chosen import ALL_KINDS, LOT_BITS, Numbers, Whole, place_of
from projections.deals import KINDS, rows_of, words
from projections.doubles import Doubles, doubles
from projections.drafts import Books, Layer
from projections.edges import Edge, edges_of
from projections.figures import Exchange
from projections.flow_money import converted
from projections.flow_rates import FlowRates, flow_rates
from projections.flow_rows import Rows, number_of
from projections.groups import Parentage, parentage
from projections.network import Booleans, Integers
from projections.parties import Parties, parties
from projections.rates import exchange
from projections.sums import Deals, Plain
from projections.visibility import Point, Rule, Tables, counting


@dataclass(frozen=True)
class Accounts:
    """What is looked up at a point for events and parties one by one: read when it is first needed."""

    model: Tables
    at: Point

    @cached_property
    def parties(self) -> Parties:
        """What is said of parents, and of whom nobody named."""
        return parties(self.model, self.at, of_groups=True)

    @cached_property
    def exchange(self) -> Exchange:
        return exchange(self.model, self.at)

    def root(self, entity: str) -> str:
        """The ultimate parent."""
        return self.parties.root(entity, self.at.as_of)


@dataclass(frozen=True)
class Reading:
    """What the ledger holds at a point: all that a layer is made of, as of its day or any before."""

    model: Tables
    at: Point
    repeated: Doubles
    rates: FlowRates
    rows: Rows
    numbers: Numbers  # of nobody's group yet
    parentage: Parentage

    def on(self, day: date) -> Reading:
        """The same as of an earlier day.

        What repeats another fact may count by itself before the other does: then it is read anew.
        """
        if day == self.at.as_of:
            return self
        at = replace(self.at, as_of=day)
        if self.repeated.events:
            return read(self.model, at)
        seen = self.rows.seen_from <= number_of(day)
        return replace(self, at=at, rows=self.rows[seen])

    def layer(self, layer: Layer, include: frozenset[str] = frozenset()) -> Whole:
        """A layer, in the point's currency. `include` names what else is let in (drafts.Extra)."""
        at, rows = self.at, self.rows
        accounts = Accounts(self.model, at)
        money, lacks = converted(rows, at.as_of, self.rates, lambda: accounts.exchange)
        numbers = self.grouped
        deals = sums.deals_of(rows)
        tied_rows = tied_of(self, rows, lacks | deals.otherwise(rows), numbers, include)
        plain = sums.drawn(rows, money, deals, ~tied_rows, at.as_of, layer, include)
        tied = tied_edges(accounts, rows.position[tied_rows], layer, include)
        return _placed(accounts, rows.without_amounts(), deals, plain, tied, numbers)

    @property
    def grouped(self) -> Numbers:
        """The parties with their groups as of the day."""
        groups, number = self.parentage.on(self.at.as_of), self.numbers.of
        root, unnamed = np.arange(len(self.numbers.names)), np.zeros(len(self.numbers.names), np.bool_)
        roots = [(number[entity], number[above]) for entity, above in groups.roots()]
        root[[entity for entity, _ in roots]] = [above for _, above in roots]
        unnamed[[number[entity] for entity in groups.unnamed]] = True
        return replace(self.numbers, root=root, unnamed=unnamed)


def read(model: Tables, at: Point) -> Reading:
    """What a layer at this point, or as of an earlier day, is made of."""
    rates = flow_rates(model, at)
    rows = flow_rows.rows_of(model, counting(model, at), rates.currencies)
    found = model.arrays("SELECT no, name FROM names WHERE NOT contains(name, '/')", {})
    of = dict(zip(found["name"].tolist(), found["no"].tolist(), strict=True))
    names = [""] * (max(of.values(), default=0) + 1)
    for name, number in of.items():
        names[number] = name
    numbers = Numbers(names, of, np.arange(0), np.zeros(0, np.bool_))
    of_groups = parentage(model, at)
    for name in of_groups.names():
        numbers.number(name)
    return Reading(model, at, doubles(model, at), rates, rows, numbers, of_groups)


def whole(model: Tables, at: Point, layer: Layer, include: frozenset[str] = frozenset()) -> Whole:
    """A layer at a point: see Reading.layer."""
    return read(model, at).layer(layer, include)


def tied_edges(accounts: Accounts, positions: Integers, layer: Layer, include: frozenset[str]) -> list[Edge]:
    """The edges of what is tied to others."""
    if not len(positions):
        return []
    chosen = Rule("fact_position IN (SELECT unnest($positions::BIGINT[]))", {"positions": positions.tolist()})
    rows = rows_of(accounts.model, accounts.at, chosen)
    return edges_of(Books(accounts.at, accounts.exchange, layer, include, accounts.parties, rows))


def tied_of(reading: Reading, rows: Rows, tied: Booleans, numbers: Numbers, include: frozenset[str]) -> Booleans:
    """The rows that bear on edges of other records, or that columns can't hold, with the others of their records."""
    tied = rows.has("tied") | tied
    if "secondary" in include:
        tied |= rows.has("secondary")
    if not (tied.any() or reading.repeated.records):
        return tied
    tied |= np.isin(rows.position, _named(reading.model, counting(reading.model, reading.at), reading.repeated))
    tied |= of_same_records(rows, tied)
    if (tied & rows.has("stock")).any():
        # Whether stock pays a provider's customer depends on all contracts between the two.
        given = numbers.root[rows.payee[tied]], numbers.root[rows.payer[tied]]
        signed = rows.of(*sums.SIGNED)
        size = len(numbers.names)
        trades = numbers.root[rows.payer] * size + numbers.root[rows.payee]
        tied |= signed & np.isin(trades, given[0] * size + given[1])
        tied |= of_same_records(rows, tied)
    return tied


def of_same_records(rows: Rows, chosen: Booleans) -> Booleans:
    """All rows of the records that some of these are of."""
    of_record = np.zeros(int(rows.record.max(initial=0)) + 1, np.bool_)
    of_record[rows.record[chosen]] = True
    of_record[0] = False
    found: Booleans = of_record[rows.record]
    return found


def _named(model: Tables, rule: Rule, repeated: Doubles) -> Integers:
    """The positions of what others call their whole, or link; and of all that has a double record, or is of one."""
    names = set()
    for part_of, linked in model.rows(
        f"SELECT part_of, linked FROM flows WHERE {rule.sql} AND (part_of IS NOT NULL OR linked IS NOT NULL)",
        rule.values,
    ):
        names |= words(part_of) | words(linked)
    events = names | {repeated.events[name] for name in names & repeated.events.keys()}
    records = {f"{kind}/{name}" for kind in KINDS for name in names}
    records |= {*repeated.records, *repeated.records.values()}
    found = model.arrays(
        f"""SELECT fact_position FROM flows WHERE {rule.sql} AND
        (chain IN (SELECT unnest($events::VARCHAR[])) OR record IN (SELECT unnest($records::VARCHAR[])))""",
        {**rule.values, "events": sorted(events), "records": sorted(records)},
    )
    positions: Integers = found["fact_position"]
    return positions


def _placed(
    accounts: Accounts, rows: Rows, deals: Deals, plain: Plain, tied: Sequence[Edge], numbers: Numbers
) -> Whole:
    """The edges between nodes: none inside a group, none of nothing."""
    plain, *plain_sides = between_nodes(plain, rows, numbers)
    sides = []
    for side, name in zip(plain_sides, ("payer", "payee"), strict=True):
        of_tied = [place_of(getattr(edge, name), numbers) for edge in tied]
        sides.append(np.concatenate([side, np.array(of_tied, np.int64)]))
    both = np.concatenate(sides)
    is_lot = both < 0
    lots, place = np.unique(-both[is_lot], return_inverse=True)
    both[is_lot] = len(numbers.names) + place
    kinds = np.array([ALL_KINDS.index(edge.kind) for edge in tied], np.int64)
    return Whole(
        accounts.model,
        accounts.root,
        rows,
        deals,
        plain,
        tied,
        numbers,
        lots,
        both[: len(plain.row) + len(tied)],
        both[len(plain.row) + len(tied) :],
        np.concatenate([plain.kind, kinds]),
        rows.last_day <= number_of(accounts.at.as_of),
    )


def between_nodes(plain: Plain, rows: Rows, numbers: Numbers) -> tuple[Plain, Integers, Integers]:
    """Those that flow, from one group to another, with payers and payees: see place_of."""
    payer, payee = numbers.root[plain.payer], numbers.root[plain.payee]
    flows = (payer != payee) & ((plain.money.high != 0) | plain.money.unbounded).astype(np.bool_)
    plain, payer, payee = plain[flows], payer[flows], payee[flows]
    for side in (payer, payee):
        nobody = np.flatnonzero(numbers.unnamed[side])
        side[nobody] = -((side[nobody] << LOT_BITS) + _lots(rows, plain.row[nobody]))
    return plain, payer, payee


def _lots(rows: Rows, chosen: Integers) -> Integers:
    """For each of the chosen rows the first position in its record, or its own."""
    first = np.full(int(rows.record.max(initial=0)) + 1, np.iinfo(np.int64).max)
    np.minimum.at(first, rows.record, rows.position)
    record = rows.record[chosen]
    found: Integers = np.where(record > 0, first[record], rows.position[chosen])
    return found
