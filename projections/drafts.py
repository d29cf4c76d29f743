"""Drafts of edges: which event makes which edge in which layer, between the groups of the parties that it names.

docs/exposure.md has the rules in words.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Literal, NamedTuple

from ledger.money import NOTHING, ZERO, Bounds
from projections.deals import Deal, Row, deals_of, words
from projections.figures import Exchange, Figure, Item, beyond_parts, larger_of, left_of, summed
from projections.flow_flags import CREDIT, DEBT_SERVICE, NO_EDGE
from projections.parties import Parties
from projections.visibility import Point
from projections.wholes import Share, shares

Layer = Literal["announced", "contracted", "paid"]
Kind = Literal["funding", "purchase", "return", "guarantee", "equity_consideration"]
# What is left out of the graph unless it is asked for.
Extra = Literal["debt_service", "guarantees", "secondary", "equity_to_customers"]

_STOCK, _CASH = "stock", "cash"


class Left(NamedTuple):
    """What parts leave of a whole, or what part of a whole it is: by itself, and as a share of the group."""

    figure: Figure
    share: Share | None


class Draft(NamedTuple):
    """An edge between the groups of the parties that its events name."""

    payer: str
    payee: str
    kind: Kind
    form: str | None
    figure: Figure
    share: Share | None
    made: Row
    rows: Sequence[Row]
    currency: str
    both_ways: bool
    """Credit and the purchase that it is, each all of the other: one amount on one day."""

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


@dataclass
class Books:
    """Everything that counts at a point, and the edges that follow from it. `include` is of Extra."""

    at: Point
    converting: Exchange
    layer: Layer
    include: frozenset[str]
    parties: Parties
    rows: Sequence[Row]
    roots: dict[str, str] = field(default_factory=dict)

    def drafts(self) -> Iterator[Draft]:
        if self.layer == "paid":
            yield from self._payments()
        else:
            yield from self._contracts()
        yield from self._capital()
        yield from self._returns()
        yield from self._guarantees()

    @property
    def currency(self) -> str:
        return self.at.currency or ""

    def node(self, entity: str) -> str:
        """The ultimate parent on the day that is asked about."""
        root = self.roots.get(entity)
        if root is None:
            root = self.roots[entity] = self.parties.root(entity, self.at.as_of)
        return root

    def draft(
        self,
        payer: str,
        payee: str,
        kind: Kind,
        figure: Figure | Left,
        rows: Sequence[Row],
        form: str | None = None,
        *,
        both_ways: bool = False,
    ) -> Draft:
        left = Left(figure, None) if isinstance(figure, Figure) else figure
        between = self.node(payer), self.node(payee)
        return Draft(*between, kind, form, left.figure, left.share, rows[0], rows, self.currency, both_ways)

    @cached_property
    def deals(self) -> dict[str, Deal]:
        return deals_of(self.rows)

    def _of_kind(self, kind: str) -> Iterator[tuple[str, Deal]]:
        return ((name, deal) for name, deal in self.deals.items() if name.startswith(f"{kind}/"))

    # --- purchases ----------------------------------------------------------------------------------------------

    def _payments(self) -> Iterator[Draft]:
        for _, deal in self._of_kind("contract"):
            for row in deal.taken:
                figure = row.part.figure(self.converting)
                yield self.draft(deal.made.payer, deal.made.payee, "purchase", figure, [row, deal.made])

    def _contracts(self) -> Iterator[Draft]:
        for _, deal in self._of_kind("contract"):
            if deal.made.binding or self.layer == "announced":
                used = deal.used(self.converting)
                figure = deal.agreed(self.converting, used) if deal.end is None else used
                yield self.draft(deal.made.payer, deal.made.payee, "purchase", figure, deal.rows)

    # --- capital ------------------------------------------------------------------------------------------------

    def _capital(self) -> Iterator[Draft]:
        """Commitments and investments; of a whole, what its named parts leave of it."""
        counted = self._counted_commitments()
        edges_of = {name for name, deal in counted.items() if deal.is_open and deal.made.subtype not in NO_EDGE}
        investments = [row for row in self.rows if row.type == "investment.made"]
        left = self._left(counted, edges_of, investments)
        for name, deal in counted.items():
            made = deal.made
            if name in edges_of:
                yield from self._promise(deal, left[name])
            elif made.subtype not in NO_EDGE:
                for row in deal.taken:
                    if row.type == "commitment.drawn":
                        figure = row.part.figure(self.converting)
                        yield from self._funding(made, made.payee, figure, [row, made], made.form)
        for row in investments:
            if row.record not in edges_of or row.record is None:
                form = row.form or self._promised_form(row)
                yield from self._funding(row, row.payee, left[row.chain], [row], form)

    def _promise(self, deal: Deal, left: Left) -> Iterator[Draft]:
        """The edge of a commitment that stands. What was drawn in another form comes back as that does, or doesn't."""
        made = deal.made
        otherwise = [
            (row, row.part.figure(self.converting))
            for row in deal.taken
            if row.form is not None and words(row.form) != words(made.form)
        ]
        back = Left(left_of(left.figure, summed(figure for _, figure in otherwise)), None) if otherwise else None
        yield from self._funding(made, made.payee, left, deal.rows, made.form, back)
        for row, figure in otherwise:
            yield from self._credit(row, row.payee, figure, [row], row.form)

    def _promised_form(self, draw: Row) -> str | None:
        """The form that the commitment has on which an investment draws, in whatever layer that counts."""
        drawn_on = self.deals.get(draw.record or "")
        return drawn_on.made.form if drawn_on else None

    def _counted_commitments(self) -> dict[str, Deal]:
        """The commitments of this layer; what one promises oneself is none."""
        if self.layer == "paid":
            return {}
        return {
            name: deal
            for name, deal in self._of_kind("commitment")
            if deal.made.payer != deal.made.payee and (self.layer == "announced" or deal.binding)
        }

    def _left(self, counted: dict[str, Deal], edges_of: set[str], investments: Sequence[Row]) -> dict[str, Left]:
        """What parts leave of each commitment, by its name, and of each investment without one's edge, by its chain.

        An investment that a commitment's edge covers answers to the name of the commitment. As a part it may still be
        taken from another investment.
        """
        covered: dict[str, list[Row]] = defaultdict(list)
        for row in investments:
            if row.record in edges_of:
                covered[row.record or ""].append(row)
        wholes = {row.part_of for row in self.rows}
        left: dict[str, Left] = {}
        items: list[tuple[int, str, Item]] = []  # only what is a whole or a part

        def add(row: Row, name: str, names: tuple[str, ...], figure: Figure) -> None:
            if row.part_of is None and wholes.isdisjoint(names):
                left[name] = Left(figure, None)
            else:
                items.append((row.fact_position, name, Item(names, row.part_of, figure)))

        of_commitments: set[str] = set()
        for name, deal in counted.items():
            names = (name.partition("/")[2], *(row.chain for row in (deal.made, *covered[name])))
            of_commitments |= set(names)
            used = deal.used(self.converting)
            figure = larger_of(deal.agreed(self.converting, used), used) if deal.is_open else used
            add(deal.made, name, names, figure)
        for row in investments:
            is_covered = row.record in edges_of
            if not (is_covered and (row.part_of is None or row.part_of in of_commitments)):
                names = () if is_covered else (row.chain,)
                add(row, row.chain, names, row.part.figure(self.converting))
        items.sort(key=lambda item: item[0])
        grouped = [item for _, _, item in items]
        beyond = map(Left, beyond_parts(grouped), shares(grouped, self.currency))
        return left | {name: kept for (_, name, _), kept in zip(items, beyond, strict=True)}

    def _funding(
        self,
        made: Row,
        payee: str,
        figure: Figure | Left,
        rows: Sequence[Row],
        form: str | None,
        back: Left | None = None,
    ) -> Iterator[Draft]:
        """The edge of money that is given, and what comes back by itself if it is given as credit: all, or `back`."""
        if made.subtype == "secondary":
            if "secondary" in self.include:
                yield self.draft(made.payer, made.seller or payee, "funding", figure, rows, form)
        elif given := self._equity(made, payee, form):
            if "equity_to_customers" in self.include:
                yield self.draft(*given, "equity_consideration", figure, rows, _STOCK)
        else:
            both_ways = words(form) == {CREDIT} and back is None
            yield self.draft(made.payer, payee, "funding", figure, rows, form, both_ways=both_ways)
            yield from self._credit(made, payee, back or figure, rows, form, both_ways=both_ways)

    def _credit(
        self,
        made: Row,
        payee: str,
        figure: Figure | Left,
        rows: Sequence[Row],
        form: str | None,
        *,
        both_ways: bool = False,
    ) -> Iterator[Draft]:
        """The purchase that cloud credit can only be used for. How much of a mixture is credit, nobody said."""
        forms = words(form)
        if CREDIT in forms and made.subtype != "secondary":
            if len(forms) > 1:
                figure = _up_to(figure)
            yield self.draft(payee, made.payer, "purchase", figure, rows, CREDIT, both_ways=both_ways)

    def _equity(self, made: Row, payee: str, form: str | None) -> tuple[str, str] | None:
        """Giver and customer, if this is equity that a provider gives to its customer; None if it isn't.

        Stock with which a provider pays for a part of its customer; a warrant, or stock, that a customer got of its
        provider with their contract.
        """
        forms = words(form)
        if forms == {_STOCK} and (self.node(payee), self.node(made.payer)) in self.trades:
            return made.payer, payee
        if (made.instrument == "warrant" and _CASH not in forms) or forms == {_STOCK}:
            contracts = self.trades.get((self.node(made.payer), self.node(payee)), [])
            named = {made.chain, *words(made.linked)}
            if made.record is not None and (promise := self.deals.get(made.record)):
                named |= {promise.made.chain, made.record.partition("/")[2], *words(promise.made.linked)}
            if any(named & ids for ids in contracts):
                return payee, made.payer
        return None

    @cached_property
    def trades(self) -> dict[tuple[str, str], list[set[str]]]:
        """By customer and provider, for each of their contracts the ids that name it or that it names."""
        found: dict[tuple[str, str], list[set[str]]] = defaultdict(list)
        for name, deal in self._of_kind("contract"):
            ids = {deal.made.chain, name.partition("/")[2], *words(deal.made.linked)}
            found[self.node(deal.made.payer), self.node(deal.made.payee)].append(ids)
        return dict(found)

    # --- what comes back, and what is only promised -------------------------------------------------------------

    def _returns(self) -> Iterator[Draft]:
        for row in self.rows:
            served = row.subtype in DEBT_SERVICE
            if row.type == "distribution.paid" and (not served or "debt_service" in self.include):
                yield self.draft(row.payer, row.payee, "return", row.part.figure(self.converting), [row])

    def _guarantees(self) -> Iterator[Draft]:
        """What was called flows; what may still be called is no more than a promise."""
        for _, deal in self._of_kind("guarantee"):
            given = deal.made
            for row in deal.taken:
                figure = row.part.figure(self.converting)
                yield self.draft(given.payer, given.payee, "guarantee", figure, [row, given])
            if "guarantees" in self.include and self.layer != "paid":
                open_still = left_of(given.part.figure(self.converting), deal.used(self.converting))
                yield self.draft(given.payer, given.payee, "guarantee", open_still, deal.rows)


def _up_to(given: Figure | Left) -> Figure | Left:
    """Nobody knows how much of it."""
    if isinstance(given, Left):
        share = None if given.share is None else given.share._replace(all_of_it=False)
        return Left(_any_of(given.figure), share)
    return _any_of(given)


def _any_of(figure: Figure) -> Figure:
    amounts = {name: Bounds(ZERO, None, bounds.high) for name, bounds in figure.amounts.items()}
    return replace(figure, amounts=amounts)
