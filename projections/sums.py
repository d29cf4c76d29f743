"""Sums: the edges of a whole layer as columns of numbers, for figures that need no edge by itself.

What drafts.py says of every event by itself, this says of all of them at once, for whatever stands alone or with the
others of its record. The rest is tied (parts and wholes, linked events, guarantees, stock, mixtures, rates that are
missing, amounts of too many digits) and goes through drafts. docs/exposure.md has the rules in words.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal, localcontext
from math import gcd
from typing import Any, TypeAlias

import numpy as np

from ledger.money import ARITHMETIC
from projections.amounts import UNIT_PLACES
from projections.drafts import CREDIT, DEBT_SERVICE, NO_EDGE, Kind, Layer
from projections.figures import Exchange
from projections.network import Booleans, Integers
from projections.visibility import Rule, Tables

# Whole numbers of a common unit in 64 bits if they and all their sums fit, else decimals.
Amounts: TypeAlias = "np.ndarray[Any, Any]"

KINDS: tuple[Kind, ...] = ("funding", "purchase", "return")
FUNDING, PURCHASE, RETURN = range(len(KINDS))
_TYPES = (
    "investment.made",
    "commitment.made",
    "commitment.changed",
    "commitment.closed",
    "commitment.drawn",
    "contract.signed",
    "contract.changed",
    "contract.ended",
    "contract.paid",
    "distribution.paid",
    "guarantee.given",
    "guarantee.called",
)
(
    _INVESTED,
    _COMMITTED,
    _COMMITMENT_CHANGED,
    _CLOSED,
    _DRAWN,
    _SIGNED,
    _CONTRACT_CHANGED,
    _ENDED,
    _PAID,
    _DISTRIBUTED,
    *_GUARANTEES,
) = range(1, len(_TYPES) + 1)
# Flags of a row, each a power of two.
_FLAGS = {
    "up_to": "up_to",
    "fulfilled": "outcome = 'fulfilled'",
    "aside": f"subtype IN {NO_EDGE}",
    "secondary": "subtype = 'secondary'",
    "debt_service": f"subtype IN {DEBT_SERVICE}",
    "credit": f"form = '{CREDIT}'",
    "binding": "binding",
    "loose": "NOT binding",
    "formed": "form IS NOT NULL",
    "stock": "contains(form, 'stock')",
    "priced": "low IS NOT NULL",
    "unstated": "stated IS NULL",
    "tied": "part_of IS NOT NULL OR linked IS NOT NULL OR contains(form, 'stock') OR contains(form, ' ') "
    "OR instrument = 'warrant' OR (low IS NOT NULL AND low_units IS NULL) OR starts_with(type, 'guarantee.')",
}
# Edges of these rows are made by all of their record; of these by the row and the one that made the record.
WHOLE = (_COMMITTED, _SIGNED)
WITH_MAKER = (_DRAWN, _PAID)
SIGNED = (_SIGNED,)
_BIT = {name: 1 << place for place, name in enumerate(_FLAGS)}
_DAY_ZERO = date(1970, 1, 1)
# The most that all amounts together may come to in 64 bits: each may be in several sums.
_MOST = 2.0**58


def number_of(day: date) -> int:
    """The days since 1970, as columns have a day."""
    return (day - _DAY_ZERO).days


def day(number: int) -> date:
    """The day that a column has as the days since 1970."""
    return _DAY_ZERO + timedelta(days=number)


@dataclass(frozen=True)
class Rows:
    """The events that count, as columns: parties and records by their numbers in `names`, 0 for none."""

    position: Integers
    first_day: Integers  # days since 1970
    last_day: Integers
    seen_from: Integers  # the day from which the row counts
    type: Integers
    record: Integers
    payer: Integers
    payee: Integers
    currency: Integers  # its place in the list that was asked for, -1 if not in there, 0 of no currency
    low: Integers  # in units of 10 ^ -4
    stated: Integers
    high: Integers  # -1: without bound
    flags: Integers

    def __getitem__(self, chosen: Any) -> Rows:
        return Rows(**{name: column[chosen] for name, column in vars(self).items()})

    def has(self, flag: str) -> Booleans:
        found: Booleans = (self.flags & _BIT[flag]) != 0
        return found

    def of(self, *types: int) -> Booleans:
        """Which rows are of these types."""
        wanted = np.zeros(len(_TYPES) + 1, np.bool_)
        wanted[list(types)] = True
        found: Booleans = wanted[self.type]
        return found


def rows_of(model: Tables, rule: Rule, currencies: Sequence[str]) -> Rows:
    """The rows of the flows that count by a rule and make, change, end or use a deal, or are a flow by themselves."""
    flags = " + ".join(f"{_BIT[name]} * coalesce({sql}, false)::INTEGER" for name, sql in _FLAGS.items())
    columns = model.arrays(
        f"""SELECT fact_position AS position,
        first_day - DATE '1970-01-01' AS first_day, last_day - DATE '1970-01-01' AS last_day,
        seen_from - DATE '1970-01-01' AS seen_from,
        list_position($types, type)::TINYINT AS type, coalesce(record_no, 0) AS record,
        coalesce(payer_no, 0) AS payer, coalesce(payee_no, 0) AS payee,
        CASE WHEN currency IS NULL THEN 0 ELSE coalesce(list_position($currencies, currency), -1) END::TINYINT
        AS currency,
        coalesce(low_units, 0) AS low, coalesce(stated_units, low_units, 0) AS stated,
        CASE WHEN low IS NULL THEN 0 ELSE coalesce(high_units, -1) END AS high, ({flags})::INTEGER AS flags
        FROM flows WHERE {rule.sql} AND list_contains($types, type)""",
        {**rule.values, "types": list(_TYPES), "currencies": list(currencies)},
    )
    return Rows(**columns)


# --- amounts ----------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Money:
    """What each row comes to in one currency, bound by bound, counted in `unit`; a high without bound says nothing."""

    low: Amounts
    stated: Amounts
    high: Amounts
    unbounded: Booleans
    unit: Decimal

    def __getitem__(self, chosen: Any) -> Money:
        return Money(self.low[chosen], self.stated[chosen], self.high[chosen], self.unbounded[chosen], self.unit)

    def none(self, length: int) -> Money:
        """So many times nothing."""
        zeros = np.zeros(length, self.low.dtype)
        return Money(zeros, zeros.copy(), zeros.copy(), np.zeros(length, np.bool_), self.unit)

    def summed(self, by: Integers, length: int) -> Money:
        """The sums of the rows with the same number in `by`, which is below `length`."""
        found = self.none(length)
        np.add.at(found.low, by, self.low)
        np.add.at(found.stated, by, self.stated)
        np.add.at(found.high, by, self.high)
        found.unbounded[by[self.unbounded]] = True
        return found

    def larger(self, other: Money) -> Money:
        """The maximum, bound by bound."""
        return Money(
            np.maximum(self.low, other.low),
            np.maximum(self.stated, other.stated),
            np.maximum(self.high, other.high),
            self.unbounded | other.unbounded,
            self.unit,
        )

    def where(self, chosen: Booleans, other: Money) -> Money:
        """These where chosen, else the others."""
        return Money(
            np.where(chosen, self.low, other.low),
            np.where(chosen, self.stated, other.stated),
            np.where(chosen, self.high, other.high),
            np.where(chosen, self.unbounded, other.unbounded),
            self.unit,
        )

    def possible(self, certain: Booleans) -> Money:
        """Of what may not have happened yet the high alone."""
        low, stated = np.where(certain, self.low, 0), np.where(certain, self.stated, 0)
        return Money(low, stated, self.high, self.unbounded, self.unit)

    @classmethod
    def joined(cls, parts: Sequence[Money]) -> Money:
        return cls(
            np.concatenate([part.low for part in parts]),
            np.concatenate([part.stated for part in parts]),
            np.concatenate([part.high for part in parts]),
            np.concatenate([part.unbounded for part in parts]),
            parts[0].unit,
        )


def converted(rows: Rows, converting: Exchange, currencies: Sequence[str]) -> tuple[Money, Booleans]:
    """Every row at the newest rate of its last day, and which rows lack one."""
    unbounded = rows.high < 0
    unknown = unbounded & (rows.low == 0) & rows.has("unstated")  # there is nothing to convert
    day = np.minimum(rows.last_day, number_of(converting.as_of))
    multiplier = np.zeros(len(day), np.int64)  # its place in the list of rates
    rates: list[tuple[Decimal, bool]] = [(Decimal(1), True)]
    lacks = (rows.currency < 0) & ~unknown
    for number, currency in enumerate(currencies[1:], 2):
        mine = np.flatnonzero((rows.currency == number) & ~unknown)
        published = converting.rates[currency]
        days = np.array([number_of(one[0]) for one in published], np.int64)
        newest = np.searchsorted(days, day[mine], side="right")
        lacks[mine] = newest == 0
        multiplier[mine] = np.where(newest > 0, newest - 1 + len(rates), 0)
        rates += [(rate, multiplies) for _, _, rate, multiplies in published]
    high = np.where(unbounded, 0, rows.high)
    used = np.zeros(len(rates), np.bool_)
    used[multiplier] = True
    if all(rates[place][1] for place in np.flatnonzero(used).tolist()):
        money = _in_whole_units(rows, high, unbounded, multiplier, [rate for rate, _ in rates], used)
        if money is not None:
            return money, lacks
    return _in_decimals(rows, high, unbounded, multiplier, rates), lacks


def _in_whole_units(
    rows: Rows, high: Integers, unbounded: Booleans, multiplier: Integers, rates: Sequence[Decimal], used: Booleans
) -> Money | None:
    """Amounts times rates in the largest unit that divides them all; None if the sums may not fit 64 bits."""
    amounts = [rows.low, rows.stated, high]
    of_amounts = int(np.gcd.reduce([int(np.gcd.reduce(column)) for column in amounts])) or 1
    factors = [int(ARITHMETIC.scaleb(rate, _RATE_PLACES)) for rate in rates]
    of_rates = gcd(*(factors[place] for place in np.flatnonzero(used).tolist())) or 1
    whole = [factor // of_rates if wanted else 0 for factor, wanted in zip(factors, used.tolist(), strict=True)]
    if max(whole) >= 2**62:
        return None
    factor = np.array(whole, np.int64)[multiplier]
    columns = [column // of_amounts for column in amounts]
    if sum(float(np.dot(column.astype(np.float64), factor.astype(np.float64))) for column in columns) > _MOST:
        return None
    unit = Decimal(f"{of_amounts * of_rates}E-{UNIT_PLACES + _RATE_PLACES}")
    low, stated, high = (column * factor for column in columns)
    return Money(low, stated, high, unbounded, unit)


_RATE_PLACES = 14


def _in_decimals(
    rows: Rows, high: Integers, unbounded: Booleans, multiplier: Integers, rates: Sequence[tuple[Decimal, bool]]
) -> Money:
    """The same in decimals of 80 digits, for quotients and for sums of any size."""
    found = []
    with localcontext(ARITHMETIC):
        steps = [(rate, multiplies) for rate, multiplies in rates]
        for column in (rows.low, rows.stated, high):
            values = [
                amount * rate if multiplies else amount / rate
                for amount, (rate, multiplies) in zip(
                    (Decimal(units).scaleb(-UNIT_PLACES) for units in column.tolist()),
                    (steps[place] for place in multiplier.tolist()),
                    strict=True,
                )
            ]
            array = np.empty(len(values), np.object_)
            array[:] = values
            found.append(array)
    return Money(found[0], found[1], found[2], unbounded, Decimal(1))


# --- edges ------------------------------------------------------------------------------------------------------


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
        is_commitment = rows.type[made] == _COMMITTED

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
