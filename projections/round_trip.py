"""Round trips of a pair: how much funding came back as purchases, by one of three rules of time."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from itertools import accumulate
from typing import Literal

from ledger.money import ARITHMETIC, ZERO, Bounds, total

TimeRule = Literal["untimed", "window", "strict"]
WINDOW_DAYS = 365

# An amount on a day; None: without bound.
_Dated = tuple[date, Decimal | None]


@dataclass(frozen=True, slots=True)
class Leg:
    """An amount that flowed one way between the two, on one of the days `first_day` to `last_day`."""

    amount: Bounds
    first_day: date
    last_day: date


def round_trip(
    funding: Sequence[Leg], purchases: Sequence[Leg], rule: TimeRule = "untimed", window_days: int = WINDOW_DAYS
) -> Bounds:
    """min(funding, purchases), of what the rule of time lets count: amounts that both are in one currency.

    `untimed`: everything. `window`: a flow counts if an opposite flow of the pair, of more than nothing, lies within
    the days given. `strict`: each purchase is matched only to funding of the same day or before that nothing was
    matched to yet; funding comes first on its day.

    Where coarse dates leave it open, the low takes the days against a match (strict: funding on its last day, purchases
    on their first; window: the two days farthest apart), the high those for it, the stated the last days, as all stated
    figures do. Each takes its own amounts, and every rule gives more for larger amounts and kinder days, so that
    low ≤ stated ≤ high.
    """
    if rule == "strict":
        return _strict(funding, purchases)
    if rule == "window":
        funding, purchases = (
            _within(funding, purchases, window_days),
            _within(purchases, funding, window_days),
        )
    return _smaller(total(leg.amount for leg in funding), total(leg.amount for leg in purchases))


def _smaller(one: Bounds, other: Bounds) -> Bounds:
    highs = [high for high in (one.high, other.high) if high is not None]
    return Bounds(min(one.low, other.low), min(one.stated_or_low, other.stated_or_low), min(highs) if highs else None)


# --- strict -----------------------------------------------------------------------------------------------------


def _strict(funding: Sequence[Leg], purchases: Sequence[Leg]) -> Bounds:
    low = _matched(
        ((leg.last_day, leg.amount.low) for leg in funding), ((leg.first_day, leg.amount.low) for leg in purchases)
    )
    stated = _matched(
        ((leg.last_day, leg.amount.stated_or_low) for leg in funding),
        ((leg.last_day, leg.amount.stated_or_low) for leg in purchases),
    )
    high = _matched(
        ((leg.first_day, leg.amount.high) for leg in funding), ((leg.last_day, leg.amount.high) for leg in purchases)
    )
    return Bounds(low or ZERO, stated, high)  # a low always is a number


def _matched(funding: Iterable[_Dated], purchases: Iterable[_Dated]) -> Decimal | None:
    """What strict matching gives on these days; None if unbounded funding meets a later unbounded purchase.

    Each purchase takes what it can of the funding left: which funding that is makes no difference to what is left for
    later ones, so taking all that can be taken gives the most.
    """
    flows = sorted(
        [(day, 0, amount) for day, amount in funding] + [(day, 1, amount) for day, amount in purchases],
        key=lambda flow: flow[:2],
    )
    matched = ZERO
    left: Decimal | None = ZERO
    for _, is_purchase, amount in flows:
        if not is_purchase:
            left = None if left is None or amount is None else ARITHMETIC.add(left, amount)
        elif left is None:
            if amount is None:
                return None
            matched = ARITHMETIC.add(matched, amount)
        else:
            taken = left if amount is None else min(left, amount)
            matched, left = ARITHMETIC.add(matched, taken), ARITHMETIC.subtract(left, taken)
    return matched


# --- window -----------------------------------------------------------------------------------------------------


def _within(legs: Sequence[Leg], opposite: Sequence[Leg], window_days: int) -> list[Leg]:
    """The legs with the part of each bound that counts: what has an opposite flow within the days, of that bound."""
    # As numbers, since a window may reach out of the calendar.
    surely = _Near((leg.first_day, leg.last_day) for leg in opposite if leg.amount.low)
    stated = _Near((leg.last_day, leg.last_day) for leg in opposite if leg.amount.stated_or_low)
    # Possibly within: its last day isn't too early, and its first not too late.
    possibly = _Near((leg.last_day, leg.first_day) for leg in opposite if leg.amount.high != 0)
    counted = []
    for leg in legs:
        first, last = leg.first_day.toordinal(), leg.last_day.toordinal()
        amount = Bounds(
            leg.amount.low if surely.has(last - window_days, first + window_days) else ZERO,
            leg.amount.stated_or_low if stated.has(last - window_days, last + window_days) else ZERO,
            leg.amount.high if possibly.has(first - window_days, last + window_days) else ZERO,
        )
        counted.append(Leg(amount, leg.first_day, leg.last_day))
    return counted


class _Near:
    """Pairs of days, to ask for one with its first not before, and its second not after, two given days."""

    def __init__(self, pairs: Iterable[tuple[date, date]]) -> None:
        ordered = sorted((first.toordinal(), second.toordinal()) for first, second in pairs)
        self._firsts = [first for first, _ in ordered]
        # The earliest second day of each pair and all that come after it.
        self._seconds = list(accumulate((second for _, second in reversed(ordered)), min))[::-1]

    def has(self, first_from: int, second_until: int) -> bool:
        place = bisect_left(self._firsts, first_from)
        return place < len(self._firsts) and self._seconds[place] <= second_until
