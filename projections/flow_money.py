"""Money of many rows: low, stated and high as columns of whole numbers, in one currency."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal, localcontext
from math import gcd
from typing import Any, TypeAlias

import numpy as np

from ledger.money import ARITHMETIC
from projections.amounts import UNIT_PLACES
from projections.figures import Exchange
from projections.flow_rows import Rows, number_of
from projections.network import Booleans, Integers, sums_of

# Whole numbers of a common unit in 64 bits if they and all their sums fit, else decimals.
Amounts: TypeAlias = "np.ndarray[Any, Any]"
# The most that all amounts together may come to in 64 bits: each may be in several sums.
_MOST = 2.0**58
_RATE_PLACES = 14


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

    def summed(self, by: Integers, length: int) -> Money:
        """The sums of the rows with the same number in `by`, which is below `length`."""
        unbounded = np.zeros(length, np.bool_)
        unbounded[by[self.unbounded]] = True
        low, stated, high = (sums_of(by, units, length) for units in (self.low, self.stated, self.high))
        return Money(low, stated, high, unbounded, self.unit)

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
