"""Holdings: what a holder has of an issuer in one instrument, what it cost, gave back and is worth."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import date
from fractions import Fraction
from typing import Any

from tests.oracle.bounds import UNKNOWN, ZERO, Bounds, of_money, of_stake, text, times, written
from tests.oracle.money import (
    Figure,
    Item,
    additive,
    currencies,
    folded,
    grouped,
    missing_rates,
    money,
    nothing,
    own_currency,
    recorded,
    total,
    totals,
)
from tests.oracle.rows import Question, Row, by_position, counting_rows, visible_rows

Key = tuple[str, str, str]


def holdings(
    q: Question,
    holder: str | None = None,
    issuer: str | None = None,
) -> dict[str, Any]:
    rows = counting_rows(q)
    of_key: dict[Key, list[Row]] = {}
    for row in rows:
        key = holding_of(q, row)
        if key is None or (holder is not None and key[0] != holder) or (issuer is not None and key[1] != issuer):
            continue
        of_key.setdefault(key, []).append(row)
    keys = sorted(of_key)
    answers = [_holding(q, rows, key, of_key[key]) for key in keys]
    # A whole and its parts may be held by different holders: the total groups purchases, not holdings.
    bought = [row for key in keys for row in of_key[key] if row.type == "investment.made"]
    return {
        **q.header(),
        "holdings": [answer for answer, _ in answers],
        "totals": totals(
            q,
            {
                "cost": _cost(q, rows, bought),
                **{
                    name: total(figures[name] for _, figures in answers if name in figures)
                    for name in ("proceeds", "distributions", "value")
                },
            },
        ),
    }


def holding_of(q: Question, row: Row) -> Key | None:
    data = row.data
    if row.type == "investment.made":
        key = data["investor"], data["issuer"], data["instrument"]
    elif row.type in ("investment.sold", "holding.observed"):
        key = data["holder"], data["issuer"], data["instrument"]
    elif row.type == "distribution.paid":
        key = data["holder"], data["payer"], _instrument(q, data)
    else:
        return None
    return None if key[2] == "grant" else key


def _instrument(q: Question, distribution: dict[str, Any]) -> str:
    if distribution.get("instrument") is not None:
        return distribution["instrument"]
    if distribution["kind"] in ("interest", "principal"):
        return "debt"
    for row in visible_rows(q):
        if (
            row.type == "commitment.made"
            and row.data["commitment"] == distribution.get("commitment")
            and row.data["purpose"] == "fund"
        ):
            return "fund_interest"
    return "equity"


def _cost(q: Question, rows: list[Row], bought: list[Row]) -> Figure:
    return grouped(
        [Item({row.id}, row.data.get("part_of"), additive(q, rows, row, row.data["amount"])) for row in bought]
    )


@dataclass
class Replay:
    """A holding as one reading of dates and bounds leaves it."""

    units: Fraction | None = None  # None: nobody ever said a number
    stakes: dict[str, Fraction] = field(default_factory=dict)
    acquired: bool = False
    sold_out: bool = False
    incomplete: bool = False


def _day(row: Row, bound: str) -> date:
    """The day from which a row works on one bound of units and stakes."""
    if row.type == "investment.made":
        return row.first if bound == "high" else row.last
    if row.type == "investment.sold":
        return row.first if bound == "low" else row.last
    return row.last


def _share(bounds: Bounds, bound: str) -> Fraction:
    if bound == "low":
        return bounds.low
    if bound == "stated":
        return bounds.counted
    assert bounds.high is not None
    return bounds.high


def replayed(q: Question, rows: list[Row], bound: str) -> Replay:
    held = Replay()
    moves = [row for row in rows if row.type != "distribution.paid" and _day(row, bound) <= q.as_of]
    for row in sorted(moves, key=lambda row: (_day(row, bound), row.position)):
        data = row.data
        units = None if data.get("units") is None else Fraction(data["units"])
        basis = None if data.get("stake") is None else data["stake"].get("basis", "economic")
        if row.type == "investment.made":
            held.acquired, held.sold_out = True, False
            if units is not None:
                held.units = (held.units or Fraction(0)) + units
            if basis is not None:
                share = _share(of_stake(data["stake"]), bound)
                held.stakes[basis] = held.stakes.get(basis, Fraction(0)) + share
        elif row.type == "holding.observed":
            held.acquired = True
            if units is not None:
                held.units = units
            if basis is not None:
                held.stakes[basis] = _share(of_stake(data["stake"]), bound)
            if units or (basis is not None and held.stakes[basis]):
                held.sold_out = False
        else:
            if not held.acquired:
                held.incomplete = True
            _sell(held, data, units, basis, bound)
    return held


def _sell(held: Replay, data: dict[str, Any], units: Fraction | None, basis: str | None, bound: str) -> None:
    if data.get("all") or data.get("fraction") is not None:
        kept = Fraction(0) if data.get("all") else 1 - Fraction(data["fraction"])
        held.units = None if held.units is None else held.units * kept
        held.stakes = {name: share * kept for name, share in held.stakes.items()}
        if kept == 0:
            held.sold_out = True
    elif units is not None:
        if held.units is not None:
            if units > held.units:
                held.incomplete = True
            held.units = max(Fraction(0), held.units - units)
            if held.units == 0:
                held.stakes = {name: Fraction(0) for name in held.stakes}
                held.sold_out = True
    elif basis is not None and basis in held.stakes:
        # The least that may be left is after the most that may have gone.
        other_end = {"low": "high", "stated": "stated", "high": "low"}[bound]
        gone = _share(of_stake(data["stake"]), other_end)
        if gone > held.stakes[basis]:
            held.incomplete = True
        held.stakes[basis] = max(Fraction(0), held.stakes[basis] - gone)
        if basis == "economic" and held.stakes[basis] == 0:
            held.sold_out = True


def _holding(q: Question, all_rows: list[Row], key: Key, rows: list[Row]) -> tuple[dict[str, Any], dict[str, Figure]]:
    low, stated, high = (replayed(q, rows, bound) for bound in ("low", "stated", "high"))
    stakes = {}
    for basis in sorted({*low.stakes, *stated.stakes, *high.stakes}):
        three = [one.stakes.get(basis, Fraction(0)) for one in (low, stated, high)]
        stakes[basis] = Bounds(min(three), three[1], max(three))
    units = stated.units
    if units is None and any(row.data.get("units") is not None and row.type == "investment.made" for row in rows):
        units = Fraction(0)  # only possibly bought

    cost = _cost(q, all_rows, [row for row in rows if row.type == "investment.made"])
    proceeds = total(additive(q, all_rows, row, row.data["proceeds"]) for row in rows if row.type == "investment.sold")
    distributions = total(
        additive(q, all_rows, row, row.data["amount"]) for row in rows if row.type == "distribution.paid"
    )
    own = own_currency(q, [cost, proceeds, distributions])

    mark: Row | None = None
    if stated.sold_out:
        value: Figure | None = nothing(own)
    else:
        mark, value = _value(q, key, units, stakes.get("economic"))

    figures = {"cost": cost, "proceeds": proceeds, "distributions": distributions}
    if value is not None:
        figures["value"] = value
    answer = {
        "holder": key[0],
        "issuer": key[1],
        "instrument": key[2],
        "units": text(units),
        "stake": [{"basis": basis, **written(bounds)} for basis, bounds in stakes.items()],
        "value": None,
        **{name: money(one, own) for name, one in figures.items()},
        "value_basis": None if mark is None else mark.data["basis"],
        "valued_on": None if mark is None else str(mark.last),
        "age_days": None if mark is None else (q.as_of - mark.last).days,
        "value_event": None if mark is None else mark.id,
        "multiple": _multiple(figures),
        "incomplete": stated.incomplete,
        "events": by_position(rows),
        **missing_rates(figures.values()),
    }
    return answer, figures


def _value(q: Question, key: Key, units: Fraction | None, stake: Bounds | None) -> tuple[Row | None, Figure | None]:
    """The mark that values the holding, and what it makes of it. Rumours never value, even where they count."""
    holder, issuer, _ = key
    rows = counting_rows(replace(q, include=frozenset()))
    rates = counting_rows(q)
    marks = [
        row
        for row in rows
        if row.type == "valuation.recorded"
        and row.data["subject"] == issuer
        and row.data["basis"] not in ("target", "counterfactual")
    ]
    marks.sort(key=lambda row: row.order)
    # A mark that says nothing is not usable.
    own = [row for row in marks if row.data.get("holder") == holder and of_money(row.data["value"]) != UNKNOWN]
    if own:
        return own[-1], recorded(q, rates, own[-1].data["value"], own[-1].last)
    priced = [row for row in marks if of_money(row.data.get("price") or {}) != UNKNOWN]
    if priced and units is not None:
        price = priced[-1].data["price"]
        worth = times(of_money(price), Bounds(units, units, units))
        return priced[-1], recorded(q, rates, price, priced[-1].last, worth)
    whole = [
        row
        for row in marks
        if row.data["basis"] in ("post_money", "market_cap", "fair_value")
        and row.data.get("holder") is None
        and of_money(row.data["value"]) != UNKNOWN
    ]
    if whole and stake is not None:
        value = whole[-1].data["value"]
        return whole[-1], recorded(q, rates, value, whole[-1].last, times(of_money(value), stake))
    return None, None


def _multiple(figures: dict[str, Figure]) -> str | None:
    """What came back and what is left, per unit of cost, at the stated amounts."""
    known = currencies(figures.values())
    if "value" not in figures or any(one.missing for one in figures.values()) or len(known) != 1:
        return None
    (currency,) = known
    stated = {name: folded(one, known).amounts.get(currency, ZERO).stated for name, one in figures.items()}
    value, cost = stated["value"], stated["cost"]
    proceeds, distributions = stated["proceeds"], stated["distributions"]
    if value is None or not cost or proceeds is None or distributions is None:
        return None
    return text((value + proceeds + distributions) / cost)
