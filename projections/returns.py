"""The internal rate of return of dated amounts: every one there is, or why there is none.

Sums of growth over days are worked out in decimals of a fixed width, so that an answer is the same digits on every
machine, and every rate is found between bounds that prove it, not by a search that may miss one
(docs/decisions/0008-every-rate.md).
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import ROUND_HALF_EVEN, Context, Decimal, localcontext
from itertools import pairwise
from typing import NamedTuple

from ledger.money import ONE, PLACES, ZERO

YEAR_DAYS = 365
# Rates are looked for from -99.9999999999 % to a million million fold, in a year or in all where it is shorter.
_FARTHEST = Decimal(10) ** 12
_WIDTH = Context(prec=50, rounding=ROUND_HALF_EVEN)
_END = _WIDTH.ln(_FARTHEST)
# Rates of 1e12 with 12 places need logarithms of 24 and more.
_EXACT = Decimal("1e-30")
# Narrower than this, an interval holds one rate, a pair of them around a turn of the sum, or none.
_NARROW = Decimal("1e-6")
_TOUCHES = Decimal("1e-25")
_HAIR = Decimal("1e-22")
# Terms summed up before a search is given up: seconds, not minutes.
_MOST_WORK = 3_000_000


class _TooMuchWork(Exception):
    """The amounts turn so often that the search would take too long."""


@dataclass(frozen=True, slots=True)
class Returns:
    """Every rate, rising, and the reason where there is not exactly one annual rate.

    `annualised` is false where all lies within less than a year: the rates are then those of the whole period.
    """

    rates: tuple[Decimal, ...] = ()
    annualised: bool | None = None
    reason: str | None = None

    @property
    def only(self) -> Decimal | None:
        return self.rates[0] if len(self.rates) == 1 else None


class _Sums(NamedTuple):
    """What comes in and what goes out, both discounted, and the same weighted by days."""

    inflow: Decimal
    outflow: Decimal
    inflow_days: Decimal
    outflow_days: Decimal

    @property
    def net(self) -> Decimal:
        return self.inflow - self.outflow

    @property
    def net_days(self) -> Decimal:
        return self.inflow_days - self.outflow_days


def returns(flows: Iterable[tuple[date, Decimal]]) -> Returns:
    """The rates r at which Σ amount / (1 + r)^(days / 365) is zero; amounts received are above zero, paid below."""
    with localcontext(_WIDTH):
        return _returns(flows)


def _returns(flows: Iterable[tuple[date, Decimal]]) -> Returns:
    by_day: dict[date, Decimal] = defaultdict(lambda: ZERO)
    for day, amount in flows:
        if amount:
            by_day[day] += amount
    if not by_day:
        return Returns(reason="no_flows")
    if len(by_day) == 1:
        return Returns(reason="one_date")
    net = [(day, amount) for day, amount in sorted(by_day.items()) if amount]
    turns = sum((one > 0) != (other > 0) for (_, one), (_, other) in pairwise(net))
    if not turns:
        return Returns(reason="no_sign_change")

    span = (net[-1][0] - net[0][0]).days
    unit = YEAR_DAYS if span >= YEAR_DAYS else span
    from_first = [((day - net[0][0]).days, amount) for day, amount in net]
    from_last = [((net[-1][0] - day).days, amount) for day, amount in reversed(net)]
    try:
        gains = _zeros(from_first, unit, certain=turns == 1)
        losses = _zeros(from_last, unit, certain=turns == 1)
    except _TooMuchWork:
        return Returns(reason="too_many_sign_changes")
    logarithms = [*gains, *(-one for one in losses)]
    rates = tuple(sorted({_rate(one) for one in logarithms}))
    annualised = span >= YEAR_DAYS
    if len(rates) == 1:
        return Returns(rates, annualised, None if annualised else "not_annualised")
    if rates:
        return Returns(rates, annualised, "several_rates")
    return Returns(reason="out_of_range" if turns % 2 else "no_rate")


def _rate(logarithm: Decimal) -> Decimal:
    # A rate that lies just between two answers is a hair off it here: rounded first where that hair is gone.
    return (logarithm.exp() - ONE).quantize(_HAIR).quantize(PLACES) + ZERO


def _zeros(terms: Sequence[tuple[int, Decimal]], unit: int, *, certain: bool) -> list[Decimal]:
    """The z from 0 to _END at which Σ amount · e^(-z · days / unit) is zero. `certain`: there is at most one.

    What comes in and what goes out both shrink as z grows, and so do their day-weighted sums. So the values at the
    ends of an interval bound the sum and its slope in between: either it can't be zero there, or it only rises or only
    falls and its signs at the ends decide, or the interval is halved.
    """
    work = 0

    def sums(z: Decimal) -> _Sums:
        nonlocal work
        work += len(terms)
        if work > _MOST_WORK and not certain:
            raise _TooMuchWork
        return _sums(terms, (-z / unit).exp())

    whole = (ZERO, sums(ZERO)), (_END, sums(_END))
    if certain:
        return _between(*whole, sums, lambda one: one.net)
    found: list[Decimal] = []
    doubtful: list[tuple[_Point, _Point]] = []
    waiting = [whole]
    while waiting:
        left, right = waiting.pop()
        (low, above), (high, below) = left, right
        if _stays_away(left, right, unit):
            continue
        if below.inflow_days > above.outflow_days or below.outflow_days > above.inflow_days:
            found += _between(left, right, sums, lambda one: one.net)
        elif high - low > _NARROW:
            middle = (low + high) / 2
            halfway = middle, sums(middle)
            waiting += [(halfway, right), (left, halfway)]
        elif doubtful and doubtful[-1][1][0] == low:
            doubtful[-1] = doubtful[-1][0], right
        else:
            doubtful.append((left, right))
    for left, right in doubtful:
        found += _around_a_turn(left, right, sums)
    return found


_Point = tuple[Decimal, _Sums]


def _stays_away(left: _Point, right: _Point, unit: int) -> bool:
    """Whether the sum can't be zero between two points, since it has one sign at both and its slope has bounds."""
    (low, above), (high, below) = left, right
    at_low, at_high = above.net, below.net
    if not at_low or not at_high or (at_low > 0) != (at_high > 0):
        return False
    falls, rises = (below.outflow_days - above.inflow_days) / unit, (above.outflow_days - below.inflow_days) / unit
    if at_low < 0:
        falls, rises = -rises, -falls
    if falls >= 0 or rises <= 0:
        return True
    # It falls from the left as steeply as it may, then rises to the right: how low does it come?
    at_low, at_high, width = abs(at_low), abs(at_high), high - low
    lowest = (at_high * falls - at_low * rises - falls * rises * width) / (falls - rises)
    return lowest > 0


def _around_a_turn(left: _Point, right: _Point, sums: Callable[[Decimal], _Sums]) -> list[Decimal]:
    """The zeros in a narrow interval in which the sum may turn: two, one where it only touches zero, or none."""
    turns = _between(left, right, sums, lambda one: one.net_days)
    if not turns:
        return _between(left, right, sums, lambda one: one.net)
    turn = turns[0], sums(turns[0])
    if abs(turn[1].net) <= _TOUCHES * (turn[1].inflow + turn[1].outflow):
        return [turn[0]]
    return [*_between(left, turn, sums, lambda one: one.net), *_between(turn, right, sums, lambda one: one.net)]


def _between(
    left: _Point, right: _Point, sums: Callable[[Decimal], _Sums], value: Callable[[_Sums], Decimal]
) -> list[Decimal]:
    """The zero of a value that only rises or only falls between two points; none if it has one sign at both."""
    (low, at_low), (high, at_high) = (left[0], value(left[1])), (right[0], value(right[1]))
    if not at_low or not at_high:
        return [high if at_low else low]
    if (at_low > 0) == (at_high > 0):
        return []
    # The secant through both ends, with the value of an end that stays halved (Illinois); a plain halving every third
    # time, since a secant crawls where growth is steep.
    step = 0
    while high - low > _EXACT:
        step += 1
        middle = (low + high) / 2
        if step % 3:
            secant = high - at_high * (high - low) / (at_high - at_low)
            nudge = min(_EXACT / 4, (high - low) / 4)
            middle = min(max(secant, low + nudge), high - nudge)
        at_middle = value(sums(middle))
        if not at_middle:
            return [middle]
        if (at_middle > 0) == (at_low > 0):
            low, at_low, at_high = middle, at_middle, at_high / 2
        else:
            high, at_high, at_low = middle, at_middle, at_low / 2
    return [(low + high) / 2]


def _sums(terms: Sequence[tuple[int, Decimal]], a_day: Decimal) -> _Sums:
    """The sums of amounts, each times `a_day` to the power of its days, by their sign."""
    powers: dict[int, Decimal] = {}
    totals = [ZERO, ZERO, ZERO, ZERO]
    discount, before = ONE, 0
    for days, amount in terms:
        gap = days - before
        if gap not in powers:
            powers[gap] = a_day**gap
        discount, before = discount * powers[gap], days
        worth = abs(amount) * discount
        place = 0 if amount > 0 else 1
        totals[place] += worth
        totals[place + 2] += worth * days
    return _Sums(*totals)
