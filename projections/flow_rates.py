"""Rates of exchange as columns: for each of very many amounts the place of the rate that converts it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from projections.flow_rows import Rows
from projections.network import Integers
from projections.visibility import Point, Tables, counting

# Rates are counted in units of 10 ^ -14, as the tables have them.
RATE_PLACES = 14
_MOST = 90_000  # above that, they don't fit 64 bits
NO_UNITS = -1


@dataclass(frozen=True)
class FlowRates:
    """The rates that count, by currencies, then by days and positions. The first is that of the target into itself."""

    currencies: tuple[str, ...]  # the target, then the others that have a rate
    currency: Integers  # of each rate, from 1 on as rows have it
    day: Integers
    units: Integers  # NO_UNITS where it can't be told in them, or where the target's amount is divided by it

    def places(self, rows: Rows, as_of: Integers | int) -> Integers:
        """For each row the place of the newest rate of its last day, or of an earlier one; -1 if it lacks one."""
        found = np.zeros(len(rows.currency), np.int64)
        foreign = np.flatnonzero((rows.currency < 0) | (rows.currency > 1))
        currency, days = rows.currency[foreign], np.minimum(rows.last_day, as_of)[foreign]
        newest = np.searchsorted(_ordered(self.currency, self.day), _ordered(currency, days), side="right") - 1
        found[foreign] = np.where(self.currency[newest] == currency, newest, -1)
        return found


def _ordered(currency: Integers, day: Integers) -> Integers:
    """Numbers that are in the order of currencies, then of days."""
    ordered: Integers = (currency.astype(np.int64) << 32) + day
    return ordered


def flow_rates(model: Tables, at: Point) -> FlowRates:
    """The rates that count at a point, into the point's currency."""
    rule = counting(model, at)
    found = model.arrays(
        f"""SELECT CASE WHEN quote = $currency THEN base ELSE quote END AS other,
        last_day - DATE '1970-01-01' AS day,
        CASE WHEN quote = $currency AND rate < {_MOST} THEN (rate * 1{"0" * RATE_PLACES})::BIGINT ELSE {NO_UNITS} END
        AS units
        FROM rates WHERE {rule.sql} AND (base = $currency OR quote = $currency) ORDER BY last_day, fact_position""",
        {**rule.values, "currency": at.currency},
    )
    of_rates = found["other"].tolist()
    currencies = (at.currency or "", *sorted(set(of_rates)))
    number = {currency: place for place, currency in enumerate(currencies, 1)}
    currency = np.array([number[one] for one in of_rates], np.int64)
    order = np.argsort(currency, kind="stable")
    return FlowRates(
        currencies,
        np.append(1, currency[order]),
        np.append(0, found["day"].astype(np.int64)[order]),
        np.append(10**RATE_PLACES, found["units"][order]),
    )
