"""Figures of money: parts in their currencies, rates, sums with groups, and how they are written."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import date
from fractions import Fraction
from typing import Any

from tests.oracle.bounds import ZERO, Bounds, larger, minus, of_money, plus, scaled, written
from tests.oracle.rows import Question, Row

Rate = tuple[str, str, str]


@dataclass
class Figure:
    """Bounds per currency (None: of no currency that anybody knows); nothing at all if a rate is missing."""

    amounts: dict[str | None, Bounds] = field(default_factory=dict)
    missing: list[Rate] = field(default_factory=list)


def rate(q: Question, rows: list[Row], base: str, quote: str, on: date) -> Fraction | None:
    """What one base is worth on that day: the newest rate of the pair or its inverse."""
    if base == quote:
        return Fraction(1)
    usable = [
        row
        for row in rows
        if row.type == "rate.published"
        and {row.data["base"], row.data["quote"]} == {base, quote}
        and row.last <= min(on, q.as_of)
    ]
    if not usable:
        return None
    newest = max(usable, key=lambda row: row.order)
    number = Fraction(newest.data["rate"])
    return number if newest.data["base"] == base else 1 / number


def figure(q: Question, rows: list[Row], currency: str | None, bounds: Bounds, day: date) -> Figure:
    """One part: in its own currency, or in the one asked for at the rate of its day."""
    if q.currency is None:
        return Figure({currency: bounds})
    if currency is None:
        return Figure({q.currency: bounds})
    on = min(day, q.as_of)
    factor = rate(q, rows, currency, q.currency, on)
    if factor is None:
        return Figure(missing=[(currency, q.currency, str(on))])
    return Figure({q.currency: scaled(bounds, factor)})


def additive(q: Question, rows: list[Row], row: Row, money: dict[str, Any]) -> Figure:
    """What the row adds at as_of: low and stated from the last day of its period, high from the first."""
    bounds = of_money(money)
    if row.last > q.as_of:
        bounds = Bounds(Fraction(0), Fraction(0), bounds.high)
    return figure(q, rows, money.get("currency"), bounds, row.last)


def folded(figures: Iterable[Figure]) -> list[Figure]:
    """Amounts without a currency belong to the one currency that is there, if it is only one."""
    figures = list(figures)
    named = {currency for one in figures for currency in one.amounts if currency is not None}
    if len(named) != 1:
        return figures
    (currency,) = named
    result = []
    for one in figures:
        amounts: dict[str | None, Bounds] = {}
        for key, bounds in one.amounts.items():
            amounts[currency] = plus(amounts[currency], bounds) if currency in amounts else bounds
            assert key in (None, currency)
        result.append(Figure(amounts, one.missing))
    return result


def combined(one: Figure, other: Figure, how: Callable[[Bounds, Bounds], Bounds]) -> Figure:
    missing = one.missing + other.missing
    if missing:
        return Figure(missing=missing)
    one, other = folded([one, other])
    return Figure(
        {
            currency: how(one.amounts.get(currency, ZERO), other.amounts.get(currency, ZERO))
            for currency in {*one.amounts, *other.amounts}
        }
    )


def total(figures: Iterable[Figure]) -> Figure:
    """A sum, even of one part: its stated figure is never None."""
    result = Figure()
    for one in figures:
        result = combined(result, one, plus)
    return result


def difference(one: Figure, other: Figure) -> Figure:
    return combined(one, other, minus)


def maximum(one: Figure, other: Figure) -> Figure:
    return combined(one, other, larger)


@dataclass
class Item:
    """A figure in a total, with the names it may be called by and the whole that it is part of."""

    names: set[str]
    part_of: str | None
    figure: Figure


def grouped(items: list[Item]) -> Figure:
    """The total of a set in which a whole and its parts count as the larger of the two, bound by bound."""

    def parts(whole: Item) -> list[Item]:
        return [item for item in items if item.part_of in whole.names]

    def group(whole: Item) -> Figure:
        return maximum(whole.figure, total(group(part) for part in parts(whole))) if parts(whole) else whole.figure

    names = {name for item in items for name in item.names}
    return total(group(item) for item in items if item.part_of not in names)


def zeros_if_empty(q: Question, one: Figure, own: Iterable[str | None]) -> Figure:
    """Without any part: nothing, in the currency asked for or in the row's own, if it has one."""
    if one.amounts or one.missing:
        return one
    if q.currency is not None:
        return Figure({q.currency: ZERO})
    currencies = sorted({currency for currency in own if currency is not None})
    return Figure(dict.fromkeys(currencies, ZERO))


def currency_order(currency: str | None) -> tuple[bool, str]:
    return currency is None, currency or ""


def money(one: Figure) -> Any:
    """An object, a list of them where currencies mix, None where a rate or any amount is missing."""
    if one.missing or not one.amounts:
        return None
    (one,) = folded([one])
    objects = [
        {"currency": currency, **written(one.amounts[currency])}
        for currency in sorted(one.amounts, key=currency_order)
    ]
    return objects[0] if len(objects) == 1 else objects


def missing_rates(figures: Iterable[Figure]) -> dict[str, Any]:
    """The key that a row or a total has if it lacks rates."""
    lacking = sorted({one for each in figures for one in each.missing})
    if not lacking:
        return {}
    return {"missing_rates": [{"base": base, "quote": quote, "on": on} for base, quote, on in lacking]}


def totals(q: Question, figures: dict[str, Figure]) -> list[dict[str, Any]]:
    """One entry per currency, with every figure; of a figure that lacks a rate, None."""
    lacking = missing_rates(figures.values())
    names = list(figures)
    in_one = dict(zip(names, folded(figures.values()), strict=True))
    currencies = {currency for one in in_one.values() for currency in one.amounts}
    if lacking and q.currency is not None:
        currencies = {q.currency}
    return [
        {
            "currency": currency,
            **{
                name: None if one.missing else written(one.amounts.get(currency, ZERO))
                for name, one in in_one.items()
            },
            **lacking,
        }
        for currency in sorted(currencies, key=currency_order)
    ]
