"""Money of many rows: low, stated and high as columns of whole numbers, in one currency."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal, localcontext
from math import gcd
from typing import Any, TypeAlias

import numpy as np

from ledger.money import ARITHMETIC, Bounds
from projections.amounts import UNIT_PLACES
from projections.figures import Exchange
from projections.flow_rates import NO_UNITS, RATE_PLACES, FlowRates
from projections.flow_rows import Rows, number_of
from projections.network import Booleans, Integers, sums_of

# Whole numbers of a common unit in 64 bits if they and all their sums fit, else decimals.
Amounts: TypeAlias = "np.ndarray[Any, Any]"
# The most that all amounts together may come to in 64 bits: each may be in several sums.
_MOST = 2.0**58
_SOME = 1_000
Floats: TypeAlias = "np.ndarray[Any, np.dtype[np.float64]]"


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

    def total(self) -> Bounds:
        """The sum of all rows."""
        with localcontext(ARITHMETIC):
            low, stated, high = (
                # A sum of 64 bits is a number of numpy's.
                (Decimal(int(column.sum())) if column.dtype != np.object_ else column.sum() + Decimal(0)) * self.unit
                for column in (self.low, self.stated, self.high)
            )
        return Bounds(low, stated, None if self.unbounded.any() else high)

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


def converted(rows: Rows, as_of: date, rates: FlowRates, exchange: Callable[[], Exchange]) -> tuple[Money, Booleans]:
    """Every row at the newest rate of its last day, and which rows lack one. `exchange` has the rates as decimals."""
    unbounded = rows.high < 0
    lacks = lacking(rows, as_of, rates)
    place = np.maximum(rates.places(rows, number_of(as_of)), 0)
    high = np.where(unbounded, 0, rows.high)
    money = _in_whole_units(rows, high, unbounded, place, rates.units)
    if money is None:
        published = [one for currency in rates.currencies[1:] for one in exchange().rates[currency]]
        steps = [(Decimal(1), True), *((rate, multiplies) for _, _, rate, multiplies in published)]
        money = _in_decimals(rows, high, unbounded, place, steps)
    return money, lacks


def lacking(rows: Rows, as_of: date, rates: FlowRates) -> Booleans:
    """Which rows lack a rate."""
    unknown = (rows.high < 0) & (rows.low == 0) & rows.has("unstated")  # there is nothing to convert
    found: Booleans = (rates.places(rows, number_of(as_of)) < 0) & ~unknown
    return found


def _in_whole_units(rows: Rows, high: Integers, unbounded: Booleans, place: Integers, rates: Integers) -> Money | None:
    """Amounts times rates in the largest unit that divides them all; None if the sums may not fit 64 bits."""
    used = np.zeros(len(rates), np.bool_)
    used[place] = True
    if (rates[used] == NO_UNITS).any():
        return None
    of_rates = int(np.gcd.reduce(rates[used])) or 1
    factor = np.where(used, rates // of_rates, 0)[place]
    amounts = [rows.low, rows.stated, high]
    of_amounts = gcd(*(_divisor(column) for column in amounts)) or 1
    columns = [column // of_amounts for column in amounts]
    as_floats = factor.astype(np.float64)
    if sum(_product(column, as_floats) for column in columns) > _MOST:
        return None
    low, stated, high = (column * factor for column in columns)
    return Money(low, stated, high, unbounded, Unit(of_amounts, of_rates).size)


@dataclass(frozen=True)
class Unit:
    """What the amounts of many rows, and the rates of their currencies, are whole multiples of."""

    of_amounts: int
    of_rates: int

    @property
    def size(self) -> Decimal:
        return Decimal(f"{self.of_amounts * self.of_rates}E-{UNIT_PLACES + RATE_PLACES}")

    def money(self, rows: Rows, as_of: date, rates: FlowRates) -> Money:
        """Every row at the newest rate of its last day. What a row without a rate comes to says nothing."""
        unbounded = rows.high < 0
        factor = (rates.units // self.of_rates)[np.maximum(rates.places(rows, number_of(as_of)), 0)]
        columns = (rows.low, rows.stated, np.where(unbounded, 0, rows.high))
        low, stated, high = (column // self.of_amounts * factor for column in columns)
        return Money(low, stated, high, unbounded, self.size)


def unit_of(rows: Rows, rates: FlowRates) -> Unit | None:
    """The unit of rows on any day; None if there is none, or the sums on some day may not fit 64 bits."""
    currencies = np.unique(np.append(rows.currency, 1))
    used = np.isin(rates.currency, currencies)
    if (rates.units[used] == NO_UNITS).any():
        return None
    of_rates = int(np.gcd.reduce(rates.units[used])) or 1
    of_amounts = gcd(*(_divisor(column) for column in (rows.low, rows.stated, np.maximum(rows.high, 0)))) or 1
    dearest = np.zeros(max(int(currencies.max()), 1) + 2)  # what isn't in the list of currencies has the last
    np.maximum.at(dearest, rates.currency[used], rates.units[used] / of_rates)
    dearest[0] = dearest[1]
    most = sum(_product(column, dearest[rows.currency]) for column in (rows.low, rows.stated, rows.high)) / of_amounts
    return None if most > _MOST else Unit(of_amounts, of_rates)


def _product(amounts: Integers, factors: Floats) -> float:
    """About the sum of all amounts, each times its factor. Not by np.dot: after it OpenBLAS's threads wait for more,
    and use up a processor, for longer than all of this takes."""
    return float((amounts * factors).sum())


def _divisor(amounts: Integers) -> int:
    """The greatest that divides all of them: most often that of some of them already does, which is faster seen."""
    found = int(np.gcd.reduce(amounts[:_SOME]))
    return found if found and not (amounts % found).any() else int(np.gcd.reduce(amounts))


def _in_decimals(
    rows: Rows, high: Integers, unbounded: Booleans, place: Integers, steps: Sequence[tuple[Decimal, bool]]
) -> Money:
    """The same in decimals of 80 digits, for quotients and for sums of any size."""
    found = []
    with localcontext(ARITHMETIC):
        for column in (rows.low, rows.stated, high):
            values = [
                amount * rate if multiplies else amount / rate
                for amount, (rate, multiplies) in zip(
                    (Decimal(units).scaleb(-UNIT_PLACES) for units in column.tolist()),
                    (steps[one] for one in place.tolist()),
                    strict=True,
                )
            ]
            array = np.empty(len(values), np.object_)
            array[:] = values
            found.append(array)
    return Money(found[0], found[1], found[2], unbounded, Decimal(1))
