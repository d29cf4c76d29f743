"""Figures of money: parts in their currencies, rates, sums with groups, and how they are written."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import date
from fractions import Fraction
from typing import Any

from tests.oracle.bounds import UNKNOWN, ZERO, Bounds, larger, minus, of_money, plus, scaled, written
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


def recorded(q: Question, rows: list[Row], money: dict[str, Any], day: date, bounds: Bounds | None = None) -> Figure:
    """Money of an event, or other bounds of it. A wholly unknown amount needs no rate, even if it has a currency."""
    bounds = bounds or of_money(money)
    unknown = q.currency is not None and UNKNOWN in (of_money(money), bounds)
    return figure(q, rows, None if unknown else money.get("currency"), bounds, day)


def additive(q: Question, rows: list[Row], row: Row, money: dict[str, Any]) -> Figure:
    """What the row adds at as_of: low and stated from the last day of its period, high from the first."""
    bounds = of_money(money)
    if row.last > q.as_of:
        bounds = Bounds(Fraction(0), Fraction(0), bounds.high)
    return recorded(q, rows, money, row.last, bounds)


def currencies(figures: Iterable[Figure]) -> set[str]:
    return {currency for one in figures for currency in one.amounts if currency is not None}


def folded(one: Figure, known: set[str]) -> Figure:
    """An amount without a currency belongs to the one currency that is known, if it is only one."""
    if None not in one.amounts or len(known) != 1:
        return one
    (currency,) = known
    parts = [one.amounts[key] for key in (None, currency) if key in one.amounts]
    return Figure({currency: parts[0] if len(parts) == 1 else plus(*parts)}, one.missing)


def combined(one: Figure, other: Figure, how: Callable[[Bounds, Bounds], Bounds]) -> Figure:
    missing = one.missing + other.missing
    if missing:
        return Figure(missing=missing)
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
    """What `other` leaves of `one`; what is of no currency may have been taken from any of them."""
    known = currencies([one, other])
    one, other = folded(one, known), folded(other, known)
    if None in other.amounts:
        anywhere = other.amounts[None]
        spread: dict[str | None, Bounds] = {None: anywhere}
        for currency in known:
            spread[currency] = plus(other.amounts.get(currency, ZERO), anywhere)
        other = Figure(spread, other.missing)
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


def own_currency(q: Question, figures: Iterable[Figure]) -> str | None:
    """The currency of a row: the one asked for, else that of its first figure that has just one."""
    if q.currency is not None:
        return q.currency
    for one in figures:
        if len(currencies([one])) == 1:
            return currencies([one]).pop()
    return None


def nothing(currency: str | None) -> Figure:
    """Zero in a currency; without one there is nothing that a total would have to show."""
    return Figure({} if currency is None else {currency: ZERO})


def currency_order(currency: str | None) -> tuple[bool, str]:
    return currency is None, currency or ""


def money(one: Figure, own: str | None) -> Any:
    """An object, a list of them where currencies mix, None where a rate is missing.

    Without any part it is zero in the row's own currency.
    """
    if one.missing:
        return None
    amounts = folded(one, currencies([one])).amounts or {own: ZERO}
    objects = [{"currency": key, **written(amounts[key])} for key in sorted(amounts, key=currency_order)]
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
    known = currencies(figures.values())
    if lacking and q.currency is not None:
        known = {q.currency}
    in_one = {name: folded(one, known) for name, one in figures.items()}
    return [
        {
            "currency": currency,
            **{
                name: None
                if one.missing
                else {"currency": currency, **written(plus(one.amounts.get(currency, ZERO), ZERO))}
                for name, one in in_one.items()
            },
            **lacking,
        }
        for currency in sorted({*known, *(key for one in in_one.values() for key in one.amounts)}, key=currency_order)
    ]
