"""Rows: the events that exposures are made of, as columns of numbers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta
from typing import Any

import numpy as np

from projections.deals import TYPES
from projections.flow_flags import BIT
from projections.network import Booleans, Integers
from projections.visibility import Rule, Tables

_DAY_ZERO = date(1970, 1, 1)


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
    type: Integers  # its place in deals.TYPES, from 1
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

    def without_amounts(self) -> Rows:
        """The same for what needs no amount any more: a third less to keep."""
        nothing = np.zeros(0, np.int64)
        return replace(self, low=nothing, stated=nothing, high=nothing)

    def has(self, flag: str) -> Booleans:
        found: Booleans = (self.flags & BIT[flag]) != 0
        return found

    def of(self, *types: str) -> Booleans:
        """Which rows are of these types."""
        wanted = np.zeros(len(TYPES) + 1, np.bool_)
        wanted[[TYPES.index(one) + 1 for one in types]] = True
        found: Booleans = wanted[self.type]
        return found


def rows_of(model: Tables, rule: Rule, currencies: Sequence[str]) -> Rows:
    """The rows of the flows that count by a rule and make, change, end or use a deal, or are a flow by themselves."""
    columns = model.arrays(
        f"""SELECT fact_position AS position,
        (first_day - DATE '1970-01-01')::INTEGER AS first_day, (last_day - DATE '1970-01-01')::INTEGER AS last_day,
        (seen_from - DATE '1970-01-01')::INTEGER AS seen_from,
        list_position($types, type)::TINYINT AS type, coalesce(record_no, 0) AS record,
        coalesce(payer_no, 0) AS payer, coalesce(payee_no, 0) AS payee,
        CASE WHEN currency IS NULL THEN 0 ELSE coalesce(list_position($currencies, currency), -1) END::TINYINT
        AS currency,
        coalesce(low_units, 0) AS low, coalesce(stated_units, low_units, 0) AS stated,
        CASE WHEN low IS NULL THEN 0 ELSE coalesce(high_units, -1) END AS high, flags
        FROM flows WHERE {rule.sql} AND list_contains($types, type)""",
        {**rule.values, "types": list(TYPES), "currencies": list(currencies)},
    )
    return Rows(**columns)
