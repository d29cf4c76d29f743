"""Edges: who pays whom how much, for one layer of the graph of exposures.

An edge goes between ultimate parents as of the day that is asked about; what flows inside a group is none. docs/
exposure.md says which event makes which edge, and why.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import date
from decimal import Decimal
from functools import cached_property
from typing import Literal

from ledger.money import NOTHING, ZERO, Bounds
from projections.figures import (
    Exchange,
    Figure,
    Item,
    MissingRate,
    Part,
    beyond_parts,
    in_force,
    larger_of,
    left_of,
    summed,
)
from projections.flows import FORM_COLUMNS
from projections.parties import Parties, parties
from projections.rates import exchange
from projections.visibility import Point, Tables, counting

Layer = Literal["announced", "contracted", "paid"]
Kind = Literal["funding", "purchase", "return", "guarantee", "equity_consideration"]
# What is left out of the graph unless it is asked for.
Extra = Literal["debt_service", "guarantees", "secondary", "equity_to_customers"]

_TYPES = (
    "commitment.made",
    "commitment.changed",
    "commitment.closed",
    "commitment.drawn",
    "investment.made",
    "contract.signed",
    "contract.changed",
    "contract.ended",
    "contract.paid",
    "distribution.paid",
    "guarantee.given",
    "guarantee.called",
)
_FLOW_COLUMNS = (
    *("chain", "fact_position", "first_day", "last_day", "type", "record", "payer", "payee", "subtype", "part_of"),
    *("currency", "low", "stated", "high", "up_to"),
    *FORM_COLUMNS,
)
_DEBT_SERVICE = ("interest", "principal")
_NO_EDGE = ("capex", "spend")
CREDIT, _STOCK, _CASH = "cloud_credit", "stock", "cash"


@dataclass(frozen=True, slots=True)
class Edge:
    """Money, or what stands for it, from a payer to a payee. `amount` is None where a rate is missing.

    Payer and payee are nodes of the graph: an entity, or one of the places that a party nobody named takes in it.
    """

    payer: str
    payee: str
    kind: Kind
    form: str | None
    amount: Bounds | None
    missing: frozenset[MissingRate]
    first_day: date
    last_day: date
    events: tuple[tuple[int, str], ...]
    """Position and id of the events that make it, in order."""


def entity_of(node: str) -> str:
    """The entity at a node. A party that nobody named has a node for each lot of events that are linked."""
    return node.partition(" ")[0]


@dataclass(frozen=True, slots=True)
class Graph:
    """The edges of a layer, by the position of their first event, and what gives an entity's ultimate parent."""

    edges: list[Edge]
    root: Callable[[str], str]

    def around(self, entity: str, hops: int) -> list[Edge]:
        """The edges that touch the entity's group, or anyone within one hop less than `hops` of it."""
        root = self.root(entity)
        near = {node for edge in self.edges for node in (edge.payer, edge.payee) if entity_of(node) == root}
        chosen: list[Edge] = []
        for _ in range(hops):
            before = len(chosen)
            chosen = [edge for edge in self.edges if edge.payer in near or edge.payee in near]
            if len(chosen) == before:
                break
            near = {node for edge in chosen for node in (edge.payer, edge.payee)}
        return chosen


def graph(model: Tables, at: Point, layer: Layer, include: frozenset[str] = frozenset()) -> Graph:
    """The graph of a layer at a point, in the point's currency. `include` names what else is let in (Extra)."""
    rule = counting(model, at)
    rows = model.rows(
        f"""SELECT {", ".join(_FLOW_COLUMNS)} FROM flows
        WHERE {rule.sql} AND list_contains($types::VARCHAR[], type) ORDER BY fact_position""",
        {**rule.values, "types": list(_TYPES)},
    )
    everything = parties(model, at, saying=("parent", "undisclosed"))
    books = _Books(at, exchange(model, at), layer, include, everything, [_Row(*row) for row in rows])
    drafts = [draft for draft in books.drafts() if draft.is_edge]
    return Graph(_placed(drafts, books), books.node)


@dataclass(frozen=True, slots=True)
class _Row:
    """One event that counts and names an amount, or ends something."""

    chain: str
    fact_position: int
    first_day: date
    last_day: date
    type: str
    record: str | None
    payer: str
    payee: str
    subtype: str | None
    part_of: str | None
    currency: str | None
    low: Decimal | None
    stated: Decimal | None
    high: Decimal | None
    up_to: bool
    form: str | None
    instrument: str | None
    seller: str | None
    binding: bool | None
    outcome: str | None
    linked: str | None

    @property
    def part(self) -> Part:
        bounds = NOTHING if self.low is None else Bounds(self.low, self.stated, self.high)
        return Part(self.currency, bounds, self.first_day, self.last_day)

    @property
    def order(self) -> tuple[date, int]:
        return self.last_day, self.fact_position


@dataclass(frozen=True, slots=True)
class _Draft:
    """An edge between the parties that its events name, with the names by which others link to it."""

    payer: str
    payee: str
    kind: Kind
    form: str | None
    figure: Figure
    made: _Row
    rows: Sequence[_Row]
    currency: str

    @property
    def amount(self) -> Bounds:
        return self.figure.amounts.get(self.currency, NOTHING)

    @property
    def is_edge(self) -> bool:
        """Whether anything can flow, and not inside one group."""
        return self.payer != self.payee and (bool(self.figure.missing) or self.amount.high != ZERO)

    @property
    def events(self) -> tuple[tuple[int, str], ...]:
        return tuple(sorted({(row.fact_position, row.chain) for row in self.rows}))


@dataclass(frozen=True, slots=True)
class _Record:
    """A commitment, contract or guarantee: what made it, its terms in order, its end, and what it was used for."""

    made: _Row
    terms: Sequence[_Row]
    end: _Row | None
    taken: Sequence[_Row]

    @property
    def rows(self) -> list[_Row]:
        return [*self.terms, *([self.end] if self.end else []), *self.taken]

    @property
    def binding(self) -> bool | None:
        return next((row.binding for row in reversed(self.terms) if row.binding is not None), None)

    @property
    def is_open(self) -> bool:
        """Whether the promise stands, or stood until it was kept."""
        return self.end is None or self.end.outcome == "fulfilled"

    def used(self, converting: Exchange) -> Figure:
        return summed(row.part.figure(converting) for row in self.taken)

    def agreed(self, converting: Exchange) -> Figure:
        """The amount by its latest terms, as the lists of commitments and contracts have it."""
        priced = next(row for row in reversed(self.terms) if row.low is not None)
        return in_force(
            priced.part,
            certain=self.made.last_day <= converting.as_of,
            up_to=priced.up_to,
            taken=self.used(converting),
            exchange=converting,
        )


@dataclass
class _Books:
    """Everything that counts at a point, and the edges that follow from it."""

    at: Point
    converting: Exchange
    layer: Layer
    include: frozenset[str]
    parties: Parties
    rows: Sequence[_Row]
    roots: dict[str, str] = field(default_factory=dict)

    def drafts(self) -> Iterator[_Draft]:
        if self.layer == "paid":
            yield from self._payments()
        else:
            yield from self._contracts()
        yield from self._capital()
        yield from self._returns()
        yield from self._guarantees()

    def node(self, entity: str) -> str:
        """The ultimate parent on the day that is asked about."""
        root = self.roots.get(entity)
        if root is None:
            root = self.roots[entity] = self.parties.root(entity, self.at.as_of)
        return root

    def draft(
        self, payer: str, payee: str, kind: Kind, figure: Figure, rows: Sequence[_Row], form: str | None = None
    ) -> _Draft:
        currency = self.at.currency or ""
        return _Draft(self.node(payer), self.node(payee), kind, form, figure, rows[0], rows, currency)

    @cached_property
    def records(self) -> dict[str, _Record]:
        """What was made, by its name with its kind. What nothing makes that counts isn't there."""
        of_record: dict[str, list[_Row]] = defaultdict(list)
        for row in self.rows:
            if row.record is not None:
                of_record[row.record].append(row)
        found = {}
        for name, rows in of_record.items():
            makers = [row for row in rows if row.type in _MAKES]
            if makers:
                made = makers[-1]
                changes = sorted((row for row in rows if row.type in _CHANGES), key=lambda row: row.order)
                ends = [row for row in rows if row.type in _ENDS]
                end = max(ends, key=lambda row: row.order, default=None)
                taken = [row for row in rows if row.type in _TAKES]
                found[name] = _Record(made, [made, *changes], end, taken)
        return found

    def _of_kind(self, kind: str) -> Iterator[tuple[str, _Record]]:
        return ((name, record) for name, record in self.records.items() if name.startswith(f"{kind}/"))

    # --- purchases ----------------------------------------------------------------------------------------------

    def _payments(self) -> Iterator[_Draft]:
        for _, record in self._of_kind("contract"):
            for row in record.taken:
                figure = row.part.figure(self.converting)
                yield self.draft(record.made.payer, record.made.payee, "purchase", figure, [row, record.made])

    def _contracts(self) -> Iterator[_Draft]:
        for _, record in self._of_kind("contract"):
            if record.made.binding or self.layer == "announced":
                figure = record.agreed(self.converting) if record.end is None else record.used(self.converting)
                yield self.draft(record.made.payer, record.made.payee, "purchase", figure, record.rows)

    # --- capital ------------------------------------------------------------------------------------------------

    def _capital(self) -> Iterator[_Draft]:
        """Commitments and investments; of a whole, what its named parts leave of it."""
        counted = self._counted_commitments()
        edges_of = {name for name, record in counted.items() if record.is_open and record.made.subtype not in _NO_EDGE}
        investments = [row for row in self.rows if row.type == "investment.made"]
        items = self._items(counted, edges_of, investments)
        left = dict(zip((key for key, _ in items), beyond_parts([item for _, item in items]), strict=True))
        for name, record in counted.items():
            made = record.made
            if name in edges_of:
                yield from self._funding(made, made.payee, left[name], record.rows, made.form)
            elif made.subtype not in _NO_EDGE:
                for row in record.taken:
                    if row.type == "commitment.drawn":
                        figure = row.part.figure(self.converting)
                        yield from self._funding(made, made.payee, figure, [row, made], made.form)
        for row in investments:
            drawn_on = counted.get(row.record or "")
            form = row.form or (drawn_on.made.form if drawn_on else None)
            if row.record not in edges_of or row.record is None:
                yield from self._funding(row, row.payee, left[row.chain], [row], form)
            elif drawn_on is not None and CREDIT not in _words(drawn_on.made.form):
                yield from self._credit(row, row.payee, row.part.figure(self.converting), [row], form)

    def _counted_commitments(self) -> dict[str, _Record]:
        """The commitments of this layer; what one promises oneself is none."""
        if self.layer == "paid":
            return {}
        return {
            name: record
            for name, record in self._of_kind("commitment")
            if record.made.payer != record.made.payee and (self.layer == "announced" or record.binding)
        }

    def _items(
        self, counted: dict[str, _Record], edges_of: set[str], investments: Sequence[_Row]
    ) -> list[tuple[str, Item]]:
        """What may be a whole or a part: commitments, and investments that aren't covered by a commitment's edge.

        What is covered answers to the name of its commitment. As a part it may still be taken from another investment.
        """
        covered: dict[str, list[_Row]] = defaultdict(list)
        for row in investments:
            if row.record in edges_of:
                covered[row.record or ""].append(row)
        items: list[tuple[int, str, Item]] = []
        of_commitments: set[str] = set()
        for name, record in counted.items():
            names = (name.partition("/")[2], *(row.chain for row in (record.made, *covered[name])))
            of_commitments |= set(names)
            used = record.used(self.converting)
            figure = larger_of(record.agreed(self.converting), used) if record.is_open else used
            items.append((record.made.fact_position, name, Item(names, record.made.part_of, figure)))
        for row in investments:
            is_covered = row.record in edges_of
            if not (is_covered and (row.part_of is None or row.part_of in of_commitments)):
                names = () if is_covered else (row.chain,)
                figure = row.part.figure(self.converting)
                items.append((row.fact_position, row.chain, Item(names, row.part_of, figure)))
        return [(name, item) for _, name, item in sorted(items, key=lambda item: item[0])]

    def _funding(
        self, made: _Row, payee: str, figure: Figure, rows: Sequence[_Row], form: str | None
    ) -> Iterator[_Draft]:
        """The edge of money that is given, and what comes back by itself if it is given as credit."""
        if made.subtype == "secondary":
            if "secondary" in self.include:
                yield self.draft(made.payer, made.seller or payee, "funding", figure, rows, form)
        elif given := self._equity(made, payee, form):
            if "equity_to_customers" in self.include:
                yield self.draft(*given, "equity_consideration", figure, rows, _STOCK)
        else:
            yield self.draft(made.payer, payee, "funding", figure, rows, form)
            yield from self._credit(made, payee, figure, rows, form)

    def _credit(
        self, made: _Row, payee: str, figure: Figure, rows: Sequence[_Row], form: str | None
    ) -> Iterator[_Draft]:
        """The purchase that cloud credit can only be used for. How much of a mixture is credit, nobody said."""
        forms = _words(form)
        if CREDIT in forms and made.subtype != "secondary":
            if len(forms) > 1:
                amounts = {name: Bounds(ZERO, None, bounds.high) for name, bounds in figure.amounts.items()}
                figure = replace(figure, amounts=amounts)
            yield self.draft(payee, made.payer, "purchase", figure, rows, CREDIT)

    def _equity(self, made: _Row, payee: str, form: str | None) -> tuple[str, str] | None:
        """Giver and customer, if this is equity that a provider gives to its customer; None if it isn't.

        Stock with which a provider pays for a part of its customer; a warrant, or stock, that a customer got of its
        provider with their contract.
        """
        forms = _words(form)
        if forms == {_STOCK} and (self.node(payee), self.node(made.payer)) in self.trades:
            return made.payer, payee
        if (made.instrument == "warrant" and _CASH not in forms) or forms == {_STOCK}:
            between = (self.node(made.payer), self.node(payee))
            named = {made.chain, *_words(made.linked)}
            if any(between == trade and named & names for trade, names in self.contract_links):
                return payee, made.payer
        return None

    @cached_property
    def contract_links(self) -> list[tuple[tuple[str, str], set[str]]]:
        """Of each contract, customer and provider, and the ids that name it or that it names."""
        return [
            (
                (self.node(record.made.payer), self.node(record.made.payee)),
                {record.made.chain, name.partition("/")[2], *_words(record.made.linked)},
            )
            for name, record in self._of_kind("contract")
        ]

    @cached_property
    def trades(self) -> set[tuple[str, str]]:
        """Who buys of whom."""
        return {between for between, _ in self.contract_links}

    # --- what comes back, and what is only promised -------------------------------------------------------------

    def _returns(self) -> Iterator[_Draft]:
        for row in self.rows:
            served = row.subtype in _DEBT_SERVICE
            if row.type == "distribution.paid" and (not served or "debt_service" in self.include):
                yield self.draft(row.payer, row.payee, "return", row.part.figure(self.converting), [row])

    def _guarantees(self) -> Iterator[_Draft]:
        """What was called flows; what may still be called is no more than a promise."""
        for _, record in self._of_kind("guarantee"):
            given = record.made
            for row in record.taken:
                figure = row.part.figure(self.converting)
                yield self.draft(given.payer, given.payee, "guarantee", figure, [row, given])
            if "guarantees" in self.include and self.layer != "paid":
                open_still = left_of(given.part.figure(self.converting), record.used(self.converting))
                yield self.draft(given.payer, given.payee, "guarantee", open_still, record.rows)


_KINDS = ("commitment", "contract", "guarantee")
_MAKES = frozenset({"commitment.made", "contract.signed", "guarantee.given"})
_CHANGES = frozenset({"commitment.changed", "contract.changed"})
_ENDS = frozenset({"commitment.closed", "contract.ended"})
_TAKES = frozenset({"investment.made", "commitment.drawn", "contract.paid", "guarantee.called"})


def _words(text: str | None) -> set[str]:
    return set(text.split()) if text else set()


# --- places in the graph ----------------------------------------------------------------------------------------


def _placed(drafts: Sequence[_Draft], books: _Books) -> list[Edge]:
    """The edges between nodes. A party that nobody named passes on only what linked events bring it."""
    unnamed = {
        node
        for node in {node for draft in drafts for node in (draft.payer, draft.payee)}
        if books.parties.attribute(node, "kind", books.at.as_of) == "undisclosed"
    }
    lots = _lots(books.rows) if unnamed else {}

    def place(node: str, draft: _Draft) -> str:
        return f"{node} {lots[draft.made.chain]}" if node in unnamed else node

    found = [
        Edge(
            place(draft.payer, draft),
            place(draft.payee, draft),
            draft.kind,
            draft.form,
            None if draft.figure.missing else draft.amount,
            draft.figure.missing,
            draft.made.first_day,
            draft.made.last_day,
            draft.events,
        )
        for draft in drafts
    ]
    return sorted(found, key=lambda edge: (edge.events[0], edge.payer, edge.payee, edge.kind))


def _lots(rows: Iterable[_Row]) -> dict[str, int]:
    """For each event its lot, by the first position in it: all events of one record, and all that links connect."""
    first: dict[str, str] = {}  # a forest: each name leads to one of its lot

    def lot(name: str) -> str:
        while first.setdefault(name, name) != name:
            first[name] = first[first[name]]
            name = first[name]
        return name

    position: dict[str, int] = {}
    for row in rows:
        position[row.chain] = row.fact_position
        linked = [name for link in _words(row.linked) for name in (link, *(f"{kind}/{link}" for kind in _KINDS))]
        for name in (*linked, row.record or row.chain):
            first[lot(name)] = lot(row.chain)
    earliest: dict[str, int] = {}
    for chain, where in position.items():
        earliest[lot(chain)] = min(where, earliest.get(lot(chain), where))
    return {chain: earliest[lot(chain)] for chain in position}
