"""Sums: the edges of a whole layer as columns of numbers, for figures that need no edge by itself.

What drafts.py says of every event by itself, this says of all of them at once, for whatever stands alone or with the
others of its record. The rest is tied (parts and wholes, linked events, guarantees, stock, mixtures, rates that are
missing, amounts of too many digits) and goes through drafts. docs/exposure.md has the rules in words.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from decimal import localcontext
from typing import Any

import numpy as np

from ledger.money import ARITHMETIC
from projections.drafts import Kind, Layer
from projections.flow_money import Money
from projections.flow_rows import Rows, number_of
from projections.network import Booleans, Integers

KINDS: tuple[Kind, ...] = ("funding", "purchase", "return")
FUNDING, PURCHASE, RETURN = range(len(KINDS))
_INVESTED = "investment.made"
_COMMITTED = "commitment.made"
_COMMITMENT_CHANGED = "commitment.changed"
_CLOSED = "commitment.closed"
_DRAWN = "commitment.drawn"
_SIGNED = "contract.signed"
_CONTRACT_CHANGED = "contract.changed"
_ENDED = "contract.ended"
_PAID = "contract.paid"
_DISTRIBUTED = "distribution.paid"
# Edges of these rows are made by all of their record; of these by the row and the one that made the record.
WHOLE = (_COMMITTED, _SIGNED)
WITH_MAKER = (_DRAWN, _PAID)
SIGNED = (_SIGNED,)


@dataclass(frozen=True)
class Plain:
    """Edges that are tied to no other, as columns: the numbers of the parties, and the row that each is drawn from.

    An edge of a commitment or contract is made by all rows of its record, one of a draw or payment by that and the row
    that made the record, any other by its row alone.
    """

    row: Integers
    payer: Integers
    payee: Integers
    kind: Integers
    credit: Booleans  # of nothing but credit
    says: Integers  # the row whose amount it has, -1 if it is a sum or a maximum
    money: Money

    def __getitem__(self, chosen: Any) -> Plain:
        return Plain(
            self.row[chosen],
            self.payer[chosen],
            self.payee[chosen],
            self.kind[chosen],
            self.credit[chosen],
            self.says[chosen],
            self.money[chosen],
        )

    @classmethod
    def joined(cls, parts: Sequence[Plain]) -> Plain:
        return cls(
            np.concatenate([part.row for part in parts]),
            np.concatenate([part.payer for part in parts]),
            np.concatenate([part.payee for part in parts]),
            np.concatenate([part.kind for part in parts]),
            np.concatenate([part.credit for part in parts]),
            np.concatenate([part.says for part in parts]),
            Money.joined([part.money for part in parts]),
        )


@dataclass(frozen=True)
class Deals:
    """The commitments and contracts, by the numbers of their records: the row that made each, -1 for none; its end."""

    made: Integers
    end: Integers

    def otherwise(self, rows: Rows) -> Booleans:
        """What draws on a commitment in credit and isn't, or the other way round."""
        made = self.made[rows.record]
        draws = rows.of(_INVESTED, _DRAWN) & rows.has("formed") & (made >= 0)
        found: Booleans = draws & (rows.has("credit") != rows.has("credit")[made])
        return found

    def rows(self, rows: Rows, records: Integers) -> Integers:
        """The rows that make the edges of these records."""
        wanted = np.zeros(len(self.made), np.bool_)
        wanted[records] = True
        of_them = wanted[rows.record] & (rows.record > 0)
        makers, ends = rows.of(_COMMITTED, _SIGNED), rows.of(_CLOSED, _ENDED)
        place = np.arange(len(rows.record))
        of_them &= ~makers | (self.made[rows.record] == place)
        of_them &= ~ends | (self.end[rows.record] == place)
        return np.flatnonzero(of_them)


def deals_of(rows: Rows) -> Deals:
    size = int(rows.record.max(initial=0)) + 1
    made, end = np.full(size, -1, np.int64), np.full(size, -1, np.int64)
    makers = np.flatnonzero(rows.of(_COMMITTED, _SIGNED))
    makers = makers[np.argsort(rows.position[makers], kind="stable")]
    made[rows.record[makers]] = makers
    ends = _in_order(rows, rows.of(_CLOSED, _ENDED))
    end[rows.record[ends]] = ends
    return Deals(made, end)


def otherwise_ever(rows: Rows) -> Booleans:
    """What may be drawn otherwise than was promised, on some day: see Deals.otherwise."""
    made, credit = rows.of(_COMMITTED, _SIGNED), rows.has("credit")
    of_record = np.zeros((2, int(rows.record.max(initial=0)) + 1), np.bool_)
    of_record[0, rows.record[made & ~credit]] = of_record[1, rows.record[made & credit]] = True
    other = np.where(credit, of_record[0, rows.record], of_record[1, rows.record])
    found: Booleans = other & rows.of(_INVESTED, _DRAWN) & rows.has("formed")
    return found


def _in_order(rows: Rows, chosen: Booleans) -> Integers:
    """The chosen rows by their last days, then by their positions."""
    places = np.flatnonzero(chosen)
    return places[np.lexsort((rows.position[places], rows.last_day[places]))]


class _Drawing:
    """Draws the edges of a layer from the rows that are free to be drawn."""

    def __init__(self, rows: Rows, money: Money, deals: Deals, free: Booleans, as_of: date) -> None:
        self.rows, self.money, self.deals, self.free = rows, money, deals, free
        self.certain: Booleans = rows.last_day <= number_of(as_of)
        self.counted = money.possible(self.certain)
        self.found: list[Plain] = []

    def edges(self, layer: Layer, include: frozenset[str]) -> Plain:
        if layer == "paid":
            self._payments()
            nothing = np.zeros(len(self.deals.made), np.bool_)
            self._investments(nothing)
        elif len(self.rows.position):
            self._promises(announced=layer == "announced")
        returned = self.free & self.rows.of(_DISTRIBUTED)
        if "debt_service" not in include:
            returned &= ~self.rows.has("debt_service")
        self._add(np.flatnonzero(returned), RETURN)
        return Plain.joined(self.found)

    def _add(
        self,
        places: Integers,
        kind: int,
        money: Money | None = None,
        parties: Integers | None = None,
        *,
        back: bool = False,
    ) -> None:
        """Edges of these rows, between the parties of `parties` if given; `back`: from payee to payer, in credit."""
        named = places if parties is None else parties
        payer, payee = self.rows.payer[named], self.rows.payee[named]
        if back:
            payer, payee = payee, payer
        kinds = np.full(len(places), kind)
        credit = np.full(len(places), back, np.bool_)
        says = places if money is None else np.full(len(places), -1)
        amounts = self.counted[places] if money is None else money
        self.found.append(Plain(places, payer, payee, kinds, credit, says, amounts))

    def _given(
        self, places: Integers, credit: Booleans, money: Money | None = None, parties: Integers | None = None
    ) -> None:
        """Funding, and the purchase that credit can only be used for."""
        self._add(places, FUNDING, money, parties)
        self.found[-1].credit[:] = credit
        named = None if parties is None else parties[credit]
        self._add(places[credit], PURCHASE, None if money is None else money[credit], named, back=True)

    def _payments(self) -> None:
        made = self.deals.made[self.rows.record]
        paid = np.flatnonzero(self.free & self.rows.of(_PAID) & (made >= 0))
        self._add(paid, PURCHASE, parties=made[paid])

    def _promises(self, *, announced: bool) -> None:
        """Commitments with what draws on them, and contracts."""
        rows, deals = self.rows, self.deals
        size = len(deals.made)
        taken = np.flatnonzero(self.free & rows.of(_INVESTED, _DRAWN, _PAID) & (rows.record > 0))
        records = np.flatnonzero((deals.made >= 0) & self.free[deals.made])
        used = self.counted[taken].summed(rows.record[taken], size)
        terms, binding = self._terms()
        made, end, term = deals.made[records], deals.end[records], terms[records]
        agreed = self._agreed(made, term, used[records])
        is_commitment = rows.of(_COMMITTED)[made]

        counts = is_commitment & (rows.payer[made] != rows.payee[made]) & (announced | binding[records])
        is_open = (end < 0) | rows.has("fulfilled")[end]
        covers = counts & is_open & ~rows.has("aside")[made]
        figure = agreed.larger(used[records])
        self._given(made[covers], rows.has("credit")[made[covers]], figure[covers])
        drawn = np.flatnonzero(self.free & rows.of(_DRAWN) & ~rows.has("aside")[deals.made[rows.record]])
        counted, covered = np.zeros(size, np.bool_), np.zeros(size, np.bool_)
        counted[records[counts]] = True
        covered[records[covers]] = True
        drawn = drawn[(counted & ~covered)[rows.record[drawn]]]
        by = deals.made[rows.record[drawn]]
        self._given(drawn, rows.has("credit")[by], parties=by)

        signed = ~is_commitment & (announced | rows.has("binding")[made])
        figure = agreed.where(end < 0, used[records])
        self._add(made[signed], PURCHASE, figure[signed])
        self.found[-1].says[:] = np.where(end < 0, term, -1)[signed]
        self._investments(covered)

    def _terms(self) -> tuple[Integers, Booleans]:
        """By record the row that has its latest amount, and whether it binds."""
        rows, made = self.rows, self.deals.made
        terms, binding = made.copy(), rows.has("binding")[made] & (made >= 0)
        changes = _in_order(rows, self.free & rows.of(_COMMITMENT_CHANGED, _CONTRACT_CHANGED))
        priced = changes[rows.has("priced")[changes]]
        terms[rows.record[priced]] = priced
        said = changes[(rows.has("binding") | rows.has("loose"))[changes]]
        binding[rows.record[said]] = rows.has("binding")[said]
        return terms, binding

    def _agreed(self, made: Integers, term: Integers, used: Money) -> Money:
        """What each is for by its latest terms; of an amount `up_to` something what was taken is sure."""
        agreed = self.money[term].possible(self.certain[made])
        sure = self.certain[made] & self.rows.has("up_to")[term]
        low = np.where(sure, np.minimum(agreed.stated, used.low), agreed.low)
        return Money(low, agreed.stated, agreed.high, agreed.unbounded, agreed.unit)

    def _investments(self, covered: Booleans) -> None:
        """Those that no commitment's edge covers, in their own form or in that of what they draw on."""
        rows = self.rows
        places = np.flatnonzero(self.free & rows.of(_INVESTED) & ~rows.has("secondary"))
        record = rows.record[places]
        made = self.deals.made[record]
        promised = rows.has("credit")[made] & (made >= 0)
        credit = rows.has("credit")[places] | (~rows.has("formed")[places] & promised)
        alone = ~covered[record]
        self._given(places[alone], credit[alone])


def drawn(
    rows: Rows, money: Money, deals: Deals, free: Booleans, as_of: date, layer: Layer, include: frozenset[str]
) -> Plain:
    """The edges of a layer that the rows make which are `free`. Inside groups, and of nothing, some of them."""
    with localcontext(ARITHMETIC):
        return _Drawing(rows, money, deals, free, as_of).edges(layer, include)
