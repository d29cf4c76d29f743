"""What the nouns' figures share: amounts by currency, sums, differences, groups by `part_of`, how they are shown."""

from __future__ import annotations

from bisect import bisect_right
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date
from decimal import Decimal
from typing import Any, NamedTuple

from ledger.money import ARITHMETIC, NOTHING, UNKNOWN, ZERO, Bounds, larger, plain, remainder, total


@dataclass(frozen=True, slots=True, order=True)
class MissingRate:
    """A rate that a figure would need: none of the pair is there on or before the day."""

    base: str
    quote: str
    on: date


@dataclass(frozen=True, slots=True)
class Figure:
    """Money in no, one or several currencies (None: wholly unknown, of no currency); nothing if a rate is missing."""

    amounts: Mapping[str | None, Bounds] = field(default_factory=dict)
    missing: frozenset[MissingRate] = frozenset()

    @property
    def currencies(self) -> set[str]:
        return {currency for currency in self.amounts if currency is not None}


EMPTY = Figure()


@dataclass(frozen=True, slots=True)
class Exchange:
    """What turns amounts into one currency; without a `target` they stay in their own.

    `rates`: by the other currency, (day, position, rate, whether one of the other is `rate` of the target), in order.
    """

    target: str | None
    as_of: date
    rates: Mapping[str, Sequence[tuple[date, int, Decimal, bool]]]

    def figure(self, currency: str | None, bounds: Bounds, day: date) -> Figure:
        """The amount at the newest rate on or before `day`; an amount of no currency needs none."""
        if self.target is None or currency in (None, self.target):
            return Figure({currency or self.target: bounds})
        day = min(day, self.as_of)
        published = self.rates.get(currency or "", ())
        newest = bisect_right(published, day, key=lambda one: one[0])
        if not newest:
            return Figure(missing=frozenset({MissingRate(currency or "", self.target, day)}))
        _, _, rate, multiplies = published[newest - 1]
        step = ARITHMETIC.multiply if multiplies else ARITHMETIC.divide
        stated = None if bounds.stated is None else step(bounds.stated, rate)
        high = None if bounds.high is None else step(bounds.high, rate)
        return Figure({self.target: Bounds(step(bounds.low, rate), stated, high)})


@dataclass(frozen=True, slots=True)
class Part:
    """An amount that adds up: what was recorded, and the days that its date may mean."""

    currency: str | None
    bounds: Bounds
    first_day: date
    last_day: date

    def by(self, as_of: date) -> Bounds:
        """What counts by a day: low and stated from the last day on, high from the first."""
        return self.bounds if self.last_day <= as_of else Bounds(ZERO, ZERO, self.bounds.high)

    def figure(self, exchange: Exchange) -> Figure:
        """What counts by now, at the rate of the last day."""
        bounds = self.by(exchange.as_of)
        # Of an amount that nobody said anything about, there is nothing to convert.
        unknown = exchange.target is not None and self.bounds == UNKNOWN
        return exchange.figure(None if unknown else self.currency, bounds, self.last_day)


def in_force(terms: Part, *, certain: bool, up_to: bool, taken: Figure, exchange: Exchange) -> Figure:
    """The amount of a commitment or contract by its latest terms; not `certain` while its making is only possible.

    Of an amount `up_to` something, what was taken is sure: as much as is shown to be, at the rates of its own days.
    """
    bounds = terms.bounds if certain else Bounds(ZERO, ZERO, terms.bounds.high)
    unknown = exchange.target is not None and terms.bounds == UNKNOWN
    agreed = exchange.figure(None if unknown else terms.currency, bounds, terms.last_day)
    if not (certain and up_to):
        return agreed
    amounts = {
        currency: replace(one, low=min(one.stated_or_low, taken.amounts.get(currency, NOTHING).low))
        for currency, one in agreed.amounts.items()
    }
    return Figure(amounts, agreed.missing | taken.missing)


def summed(parts: Iterable[Figure]) -> Figure:
    """The sum, currency by currency. What is of no currency joins the others only when it is shown."""
    parts = list(parts)
    if not parts:
        return EMPTY
    if len(parts) == 1 and None not in [bounds.stated for bounds in parts[0].amounts.values()]:
        return parts[0]
    by_currency: dict[str | None, list[Bounds]] = {}
    missing: set[MissingRate] = set()
    for part in parts:
        if part.missing:
            missing |= part.missing
        for currency, bounds in part.amounts.items():
            by_currency.setdefault(currency, []).append(bounds)
    return Figure({currency: total(bounds) for currency, bounds in by_currency.items()}, frozenset(missing))


def larger_of(one: Figure, other: Figure) -> Figure:
    """The maximum, currency by currency and bound by bound."""
    return Figure(
        {
            currency: larger(one.amounts.get(currency, NOTHING), other.amounts.get(currency, NOTHING))
            for currency in {**one.amounts, **other.amounts}
        },
        one.missing | other.missing,
    )


def left_of(whole: Figure, taken: Figure) -> Figure:
    """What `taken` leaves of `whole`, currency by currency; an unknown amount may have been taken from any of them."""
    known = whole.currencies | taken.currencies
    whole, taken = _folded(whole, known), _folded(taken, known)
    amounts = {}
    for currency in {**whole.amounts, **taken.amounts}:
        from_here = [taken.amounts[one] for one in {currency, None} if one in taken.amounts]
        amounts[currency] = remainder(whole.amounts.get(currency, NOTHING), total(from_here))
    return Figure(amounts, whole.missing | taken.missing)


def _folded(figure: Figure, known: set[str]) -> Figure:
    """The figure with what is of no currency in the only currency that there is, if there is only one."""
    if None not in figure.amounts or len(known) != 1:
        return figure
    [currency] = known
    parts = [figure.amounts[None], *([figure.amounts[currency]] if currency in figure.amounts else [])]
    return Figure({currency: parts[0] if len(parts) == 1 else total(parts)}, figure.missing)


# --- groups -----------------------------------------------------------------------------------------------------


class Item(NamedTuple):
    """A figure in a total: the ids by which others may call it their whole, and the whole it calls its own."""

    names: tuple[str, ...]
    part_of: str | None
    figure: Figure


def grouped(items: Sequence[Item]) -> Figure:
    """The sum of figures, where a whole and its parts count as the larger of the whole and the sum of its parts."""
    if len(items) == 1 or all(item.part_of is None for item in items):
        return summed(item.figure for item in items)
    groups, _ = _groups(items)
    return summed(groups)


def beyond_parts(items: Sequence[Item]) -> list[Figure]:
    """For each item what its parts leave of it: at the stated amounts these add up to what `grouped` says."""
    _, left = _groups(items)
    return left


def _groups(items: Sequence[Item]) -> tuple[list[Figure], list[Figure]]:
    """The figures of what is part of nothing, and for each item what its parts leave of it."""
    whole_of, parts_first = wholes(items)
    figures = [item.figure for item in items]
    left = list(figures)
    parts: dict[int, list[Figure]] = {}
    for place in parts_first:
        if place in parts:
            of_parts = summed(parts[place])
            left[place] = left_of(figures[place], of_parts)
            figures[place] = larger_of(figures[place], of_parts)
        above = whole_of[place]
        if above is not None:
            parts.setdefault(above, []).append(figures[place])
    return [figure for figure, above in zip(figures, whole_of, strict=True) if above is None], left


def wholes(items: Sequence[Item]) -> tuple[list[int | None], list[int]]:
    """For each item the place of its whole, if that is there; and all places, parts before their whole.

    Corrections can close a circle: it is opened at its first place.
    """
    index = {name: place for place, item in enumerate(items) for name in item.names}
    whole_of = [index.get(item.part_of) if item.part_of is not None else None for item in items]
    walked = [False] * len(whole_of)
    for start in range(len(whole_of)):
        path: list[int] = []
        place: int | None = start
        while place is not None and not walked[place]:
            walked[place] = True
            path.append(place)
            place = whole_of[place]
        if place in path:
            whole_of[min(path[path.index(place) :])] = None
    waits_for = Counter(above for above in whole_of if above is not None)
    order = [place for place in range(len(whole_of)) if not waits_for[place]]
    for place in order:
        above = whole_of[place]
        if above is not None:
            waits_for[above] -= 1
            if not waits_for[above]:
                order.append(above)
    return whole_of, order


# --- as shown ---------------------------------------------------------------------------------------------------


def number(value: Decimal | None) -> str | None:
    return None if value is None else plain(value)


def bounds_shown(bounds: Bounds) -> dict[str, str | None]:
    low, stated, high = _texts(bounds)
    return {"low": low, "stated": stated, "high": high}


def money_shown(currency: str | None, bounds: Bounds) -> dict[str, Any]:
    low, stated, high = _texts(bounds)
    return {"currency": currency, "low": low, "stated": stated, "high": high}


def _texts(bounds: Bounds) -> tuple[str, str | None, str | None]:
    low = plain(bounds.low)
    if bounds.low is bounds.stated is bounds.high:
        return low, low, low
    return low, number(bounds.stated), number(bounds.high)


def shown(figure: Figure, own_currency: str | None) -> Any:
    """One object of money; a list of them where currencies mix; null if a rate is missing.

    A figure without parts is zero in the row's own currency.
    """
    if figure.missing:
        return None
    if not figure.amounts:
        return {"currency": own_currency, "low": "0", "stated": "0", "high": "0"}
    if len(figure.amounts) == 1:
        [(currency, bounds)] = figure.amounts.items()
        return money_shown(currency, bounds)
    amounts = _folded(figure, figure.currencies).amounts
    shown_by_currency = [money_shown(currency, amounts[currency]) for currency in _in_order(amounts)]
    return shown_by_currency[0] if len(shown_by_currency) == 1 else shown_by_currency


def _in_order(currencies: Iterable[str | None]) -> list[str | None]:
    return sorted(currencies, key=lambda currency: (currency is None, currency or ""))


def with_missing(row: dict[str, Any], figures: Iterable[Figure]) -> dict[str, Any]:
    """The row, and the rates that its figures lack if there are any."""
    lacking = [figure.missing for figure in figures if figure.missing]
    if lacking:
        missing = sorted(set().union(*lacking))
        row["missing_rates"] = [{"base": one.base, "quote": one.quote, "on": one.on.isoformat()} for one in missing]
    return row


def totals_shown(sums: Mapping[str, Figure]) -> list[dict[str, Any]]:
    """Named sums, one object per currency that any of them is in."""
    known: set[str] = set().union(*(figure.currencies for figure in sums.values()))
    missing: frozenset[MissingRate] = frozenset().union(*(figure.missing for figure in sums.values()))
    known |= {one.quote for one in missing}
    folded = {name: _folded(figure, known) for name, figure in sums.items()}
    found = []
    for currency in _in_order({currency for figure in folded.values() for currency in figure.amounts} | known):
        row: dict[str, Any] = {"currency": currency}
        for name, figure in folded.items():
            amount = figure.amounts.get(currency, NOTHING)
            row[name] = None if figure.missing else money_shown(currency, total([amount]))
        found.append(with_missing(row, sums.values()))
    return found


def own_currency(*figures: Figure) -> str | None:
    """The currency of a row: that of the first figure that has just one."""
    for figure in figures:
        named = [currency for currency in figure.amounts if currency is not None]
        if len(named) == 1:
            return named[0]
    return None
