"""A layer of the graph of exposures: its edges as of a day, from what the ledger holds, read once for many days."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date
from typing import Any

import numpy as np

from projections import flow_rows, sums
from projections.chosen import ALL_KINDS, LOT_BITS, Numbers, Whole, place_of
from projections.deals import KINDS, rows_of, words
from projections.doubles import Doubles, doubles
from projections.drafts import Books, Layer
from projections.edges import Edge, edges_of
from projections.figures import Exchange
from projections.flow_money import converted
from projections.flow_rows import Rows, number_of
from projections.network import Booleans, Integers
from projections.parties import Parties, parties
from projections.rates import exchange
from projections.sums import Deals, Plain
from projections.visibility import Point, Rule, Tables, counting


@dataclass(frozen=True)
class Reading:
    """What the ledger holds at a point: all that a layer is made of, as of its day or any before."""

    model: Tables
    at: Point
    repeated: Doubles
    rates: Exchange
    currencies: Sequence[str]
    rows: Rows
    numbers: Numbers  # of nobody's group yet

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
        return replace(self, at=at, rates=replace(self.rates, as_of=day), rows=self.rows[seen])

    def layer(self, layer: Layer, include: frozenset[str] = frozenset()) -> Whole:
        """A layer, in the point's currency. `include` names what else is let in (drafts.Extra)."""
        model, at, rows = self.model, self.at, self.rows
        known = parties(model, at, saying=("parent", "undisclosed"))
        money, lacks = converted(rows, self.rates, self.currencies)
        numbers = _numbers(self.numbers, known, at.as_of)
        deals = sums.deals_of(rows)
        tied_rows = _tied(self, lacks | deals.otherwise(rows), numbers, include)
        plain = sums.drawn(rows, money, deals, ~tied_rows, at.as_of, layer, include)
        books = Books(at, self.rates, layer, include, known, _rows(model, at, rows.position[tied_rows]))
        return _placed(model, books, rows, deals, plain, edges_of(books), numbers)


def read(model: Tables, at: Point) -> Reading:
    """What a layer at this point, or as of an earlier day, is made of."""
    rates = exchange(model, at)
    currencies = [at.currency or "", *sorted(rates.rates)]
    rows = flow_rows.rows_of(model, counting(model, at), currencies)
    found = model.arrays("SELECT no, name FROM names WHERE NOT contains(name, '/')", {})
    of = dict(zip(found["name"].tolist(), found["no"].tolist(), strict=True))
    names = [""] * (max(of.values(), default=0) + 1)
    for name, number in of.items():
        names[number] = name
    numbers = Numbers(names, of, np.arange(0), np.zeros(0, np.bool_))
    return Reading(model, at, doubles(model, at), rates, currencies, rows, numbers)


def whole(model: Tables, at: Point, layer: Layer, include: frozenset[str] = frozenset()) -> Whole:
    """A layer at a point: see Reading.layer."""
    return read(model, at).layer(layer, include)


def _rows(model: Tables, at: Point, positions: Integers) -> list[Any]:
    if not len(positions):
        return []
    chosen = Rule("fact_position IN (SELECT unnest($positions::BIGINT[]))", {"positions": positions.tolist()})
    return rows_of(model, at, chosen)


def _numbers(of_names: Numbers, known: Parties, as_of: date) -> Numbers:
    names = list(of_names.names)
    numbers = replace(of_names, names=names, of=dict(of_names.of))
    roots = [(numbers.number(entity), numbers.number(known.root(entity, as_of))) for entity in known.said]
    root = np.arange(len(names))
    unnamed = np.zeros(len(names), np.bool_)
    for entity, (number, above) in zip(known.said, roots, strict=True):
        root[number] = above
        unnamed[number] = known.attribute(entity, "kind", as_of) == "undisclosed"
    return replace(numbers, root=root, unnamed=unnamed)


def _tied(reading: Reading, tied: Booleans, numbers: Numbers, include: frozenset[str]) -> Booleans:
    """The rows that bear on edges of other records, or that columns can't hold, with the others of their records."""
    rows = reading.rows
    tied = rows.has("tied") | tied
    if "secondary" in include:
        tied |= rows.has("secondary")
    if not (tied.any() or reading.repeated.records):
        return tied
    tied |= np.isin(rows.position, _named(reading.model, counting(reading.model, reading.at), reading.repeated))
    tied |= _records(rows, tied)
    if (tied & rows.has("stock")).any():
        # Whether stock pays a provider's customer depends on all contracts between the two.
        given = numbers.root[rows.payee[tied]], numbers.root[rows.payer[tied]]
        signed = rows.of(*sums.SIGNED)
        size = len(numbers.names)
        trades = numbers.root[rows.payer] * size + numbers.root[rows.payee]
        tied |= signed & np.isin(trades, given[0] * size + given[1])
        tied |= _records(rows, tied)
    return tied


def _records(rows: Rows, tied: Booleans) -> Booleans:
    """All rows of the records that some of these are of."""
    of_record = np.zeros(int(rows.record.max(initial=0)) + 1, np.bool_)
    of_record[rows.record[tied]] = True
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
    model: Tables, books: Books, rows: Rows, deals: Deals, plain: Plain, tied: Sequence[Edge], numbers: Numbers
) -> Whole:
    """The edges between nodes: none inside a group, none of nothing."""
    payer, payee = numbers.root[plain.payer], numbers.root[plain.payee]
    flows = (payer != payee) & ((plain.money.high != 0) | plain.money.unbounded).astype(np.bool_)
    plain, payer, payee = plain[flows], payer[flows], payee[flows]
    lot = _lots(rows)[plain.row]
    sides = []
    for side, name in ((payer, "payer"), (payee, "payee")):
        of_tied = [place_of(getattr(edge, name), numbers) for edge in tied]
        plain_side = np.where(numbers.unnamed[side], -((side << LOT_BITS) + lot), side)
        sides.append(np.concatenate([plain_side, np.array(of_tied, np.int64)]))
    both = np.concatenate(sides)
    is_lot = both < 0
    lots, place = np.unique(-both[is_lot], return_inverse=True)
    both[is_lot] = len(numbers.names) + place
    kinds = np.array([ALL_KINDS.index(edge.kind) for edge in tied], np.int64)
    return Whole(
        model,
        books,
        rows,
        deals,
        plain,
        tied,
        numbers,
        lots,
        both[: len(plain.row) + len(tied)],
        both[len(plain.row) + len(tied) :],
        np.concatenate([plain.kind, kinds]),
        rows.last_day <= number_of(books.at.as_of),
    )


def _lots(rows: Rows) -> Integers:
    """For each row the first position in its record, or its own."""
    first = np.full(int(rows.record.max(initial=0)) + 1, np.iinfo(np.int64).max)
    np.minimum.at(first, rows.record, rows.position)
    found: Integers = np.where(rows.record > 0, first[rows.record], rows.position)
    return found
