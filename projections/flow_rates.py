"""Rates of exchange as columns: for each of very many amounts the place of the rate that converts it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from functools import cached_property

import numpy as np

from projections.flow_rows import Rows, number_of
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

    @cached_property
    def _newest(self) -> tuple[int, Integers]:
        """The day before any rate; and by currency and day, from that one on, the place of the newest rate, -1 for
        none."""
        published = self.day[1:]
        before = int(published.min()) - 1 if len(published) else 0
        days = np.arange(before, int(published.max(initial=before)) + 1)
        newest = np.full((len(self.currencies) + 2, len(days)), -1)
        newest[:2] = 0
        for currency in range(2, len(newest) - 1):
            places = np.flatnonzero(self.currency == currency)
            found = np.searchsorted(self.day[places], days, side="right")
            newest[currency] = np.append(-1, places)[found]
        return before, newest

    def places(self, rows: Rows, as_of: date) -> Integers:
        """For each row the place of the newest rate of its last day; -1 if it lacks one."""
        before, newest = self._newest
        days = np.minimum(rows.last_day, number_of(as_of)) - before
        found: Integers = newest[rows.currency, np.clip(days, 0, newest.shape[1] - 1)]
        return found


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
