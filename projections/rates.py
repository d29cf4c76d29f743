"""Exchange rates: the newest on or before a day, of a pair or its inverse."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from datetime import date
from decimal import Decimal

from projections.amounts import AMOUNT, number_of
from projections.figures import Exchange
from projections.table import Fact, Said, Table
from projections.visibility import Point, Tables, counting


def _rows(fact: Fact) -> Iterator[Said]:
    said = fact.data
    yield {"base": said["base"], "quote": said["quote"], "rate": number_of(said["rate"])}


TABLE = Table("rates", frozenset({"rate.published"}), {"base": "VARCHAR", "quote": "VARCHAR", "rate": AMOUNT}, _rows)


def exchange(model: Tables, at: Point) -> Exchange:
    """What turns amounts into the currency asked for, by the rates that count at the three times."""
    rates: dict[str, list[tuple[date, int, Decimal, bool]]] = defaultdict(list)
    if at.currency is not None:
        rule = counting(model, at)
        for base, quote, *rate in model.rows(
            f"""SELECT base, quote, last_day, fact_position, rate FROM rates
            WHERE {rule.sql} AND (base = $currency OR quote = $currency) ORDER BY last_day, fact_position""",
            {**rule.values, "currency": at.currency},
        ):
            into_target = quote == at.currency
            rates[base if into_target else quote].append((*rate, into_target))
    return Exchange(at.currency, at.as_of, rates)
