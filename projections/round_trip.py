"""Round trips of a pair: how much funding came back as purchases, by one of three rules of time."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from itertools import accumulate
from typing import Literal

from ledger.money import ARITHMETIC, ONE, ZERO, Bounds
from projections.network import At

TimeRule = Literal["untimed", "window", "strict"]
WINDOW_DAYS = 365


@dataclass(frozen=True, slots=True)
class Leg:
    """An amount that flowed one way between the two, on one of the days `first_day` to `last_day`."""

    amount: Bounds
    first_day: date
    last_day: date


def round_trip(
    funding: Sequence[Leg],
    purchases: Sequence[Leg],
    rule: TimeRule = "untimed",
    window_days: int = WINDOW_DAYS,
    *,
    credit: Sequence[Leg] = (),
) -> Bounds:
    """min(funding, purchases), of what the rule of time lets count: amounts that both are in one currency.

    `untimed`: everything. `window`: a flow counts if an opposite flow of the pair, of more than nothing, lies within
    the days given. `strict`: each purchase is matched only to funding of the same day or before that nothing was
    matched to yet; funding comes first on its day.

    Where coarse dates leave it open, the low takes the days against a match (strict: funding on its last day, purchases
    on their first; window: the two days farthest apart), the high those for it, the stated the last days, as all stated
    figures do. Each takes its own amounts, and every rule gives more for larger amounts and kinder days, so that
    low ≤ stated ≤ high.

    `credit` is funding and at once an equal purchase, whatever its amount and its day turn out to be. It is matched
    with itself, and the rest by the rule. That takes nothing from strict matching: whatever else its two halves would
    be matched to, funding no later than its day and a purchase no earlier, can be matched to each other instead. By
    `window` credit is an opposite flow for the rest as well.
    """

    def trip(at: At, *, kind: bool) -> Decimal | None:
        flows = _flows(funding, at), _flows(purchases, at), _flows(credit, at)
        return _trip(*flows, rule, window_days, kind=kind)

    low = trip("low", kind=False) or ZERO  # a low always is a number
    return Bounds(low, trip("stated", kind=True), trip("high", kind=True))


def shares(
    funding: Sequence[Leg],
    purchases: Sequence[Leg],
    rule: TimeRule = "untimed",
    window_days: int = WINDOW_DAYS,
    *,
    credit: Sequence[Leg] = (),
) -> tuple[Bounds | None, Bounds | None]:
    """The round trip as a share of the funding, and of the purchases: 0 to 1, over the values where the leg isn't 0.

    None for a leg that can only be 0; the stated of one that is stated as 0 is None.

    The round trip M and the leg are of the same amounts, so a share isn't the quotient of their bounds. It rises with
    the other leg, which is at its bounds. With the own leg's parts x between l and h, on the days for a match:

        largest   M(h) / (Σ l + M(h) - M(l)): what of the parts can be matched is added to the lows, and no more
        smallest  of all ways A + c that M is bounded by, A parts of the own leg, B its others, c parts of the other
                  leg: the least of (Σ A at low + c) / (Σ A at low + Σ B at high)

    The ways are: strict, for each day the funding until then and the purchases after it; untimed, either leg whole;
    window, either leg's counting flows. Some amounts and days come as near to both as one likes, with one exception: if
    there are several own parts that may be nothing, the smallest by window may be less than what can be.

    Credit c is in both, (c + M) / (c + own leg), which rises with c: the largest is where it is at its high, the
    smallest where it is at its low.
    """
    return (
        _share(_Side(funding, purchases, credit, rule, window_days, of_funding=True)),
        _share(_Side(purchases, funding, credit, rule, window_days, of_funding=False)),
    )


# --- flows ------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Flow:
    """An amount above zero (None: without bound) and the days it may be of: numbers, as windows leave the calendar."""

    amount: Decimal | None
    first: int
    last: int


def _flows(legs: Iterable[Leg], at: At) -> list[_Flow]:
    """The flows that there are at one of the three amounts."""
    found = []
    for leg in legs:
        amount = leg.amount.low if at == "low" else leg.amount.stated_or_low if at == "stated" else leg.amount.high
        if amount != 0:
            last = leg.last_day.toordinal()
            found.append(_Flow(amount, last if at == "stated" else leg.first_day.toordinal(), last))
    return found


def _sum(flows: Iterable[_Flow]) -> Decimal | None:
    return _running(flow.amount for flow in flows)[-1]


def _running(amounts: Iterable[Decimal | None]) -> list[Decimal | None]:
    """The sum so far, from nothing at all to all of them."""
    sums: list[Decimal | None] = [ZERO]
    for amount in amounts:
        sums.append(_plus(sums[-1], amount))
    return sums


def _plus(one: Decimal | None, other: Decimal | None) -> Decimal | None:
    return None if one is None or other is None else ARITHMETIC.add(one, other)


def _smaller(one: Decimal | None, other: Decimal | None) -> Decimal | None:
    if one is None or other is None:
        return other if one is None else one
    return min(one, other)


# --- the rules --------------------------------------------------------------------------------------------------


def _trip(
    funding: list[_Flow], purchases: list[_Flow], credit: list[_Flow], rule: TimeRule, window_days: int, *, kind: bool
) -> Decimal | None:
    """The round trip of these amounts, on the days for a match (`kind`) or against it; None: without bound."""
    if rule == "strict":
        return _plus(_sum(credit), _matched(_in_order(funding, purchases, kind=kind)))
    if rule == "window":
        funding, purchases = (
            _counted(funding, [*purchases, *credit], window_days, kind=kind),
            _counted(purchases, [*funding, *credit], window_days, kind=kind),
        )
    return _plus(_sum(credit), _smaller(_sum(funding), _sum(purchases)))


def _in_order(funding: Iterable[_Flow], purchases: Iterable[_Flow], *, kind: bool) -> list[tuple[_Flow, bool]]:
    """All flows in order of their days, funding first on its day, with whether they are purchases."""
    dated = [((flow.first if kind else flow.last), False, flow) for flow in funding]
    dated += [((flow.last if kind else flow.first), True, flow) for flow in purchases]
    return [(flow, is_purchase) for _, is_purchase, flow in sorted(dated, key=lambda one: one[:2])]


def _matched(flows: Iterable[tuple[_Flow, bool]]) -> Decimal | None:
    """What strict matching gives; None if unbounded funding meets a later unbounded purchase.

    Each purchase takes what it can of the funding left. Whose that is makes no difference to what is left for later
    ones, so that taking all that can be taken gives the most.
    """
    matched = ZERO
    left: Decimal | None = ZERO
    for flow, is_purchase in flows:
        if not is_purchase:
            left = None if left is None or flow.amount is None else ARITHMETIC.add(left, flow.amount)
            continue
        taken = _smaller(left, flow.amount)
        if taken is None:
            return None
        matched = ARITHMETIC.add(matched, taken)
        left = None if left is None else ARITHMETIC.subtract(left, taken)
    return matched


def _counted(flows: Iterable[_Flow], opposite: Iterable[_Flow], window_days: int, *, kind: bool) -> list[_Flow]:
    near = _near(opposite, window_days, kind=kind)
    return [flow for flow in flows if near(flow)]


def _near(opposite: Iterable[_Flow], window_days: int, *, kind: bool) -> Callable[[_Flow], bool]:
    """Asks of a flow whether some opposite one is within the days, on some of their days (`kind`) or on all."""
    pairs = sorted((flow.last, flow.first) if kind else (flow.first, flow.last) for flow in opposite)
    # One of the two days of an opposite flow mustn't be too early, the other mustn't be too late: the least of those
    # that come with it or a later one.
    not_before = [one for one, _ in pairs]
    least_after = list(accumulate((other for _, other in reversed(pairs)), min))[::-1]

    def near(flow: _Flow) -> bool:
        early, late = (flow.first, flow.last) if kind else (flow.last, flow.first)
        place = bisect_left(not_before, early - window_days)
        return place < len(pairs) and least_after[place] <= late + window_days

    return near


# --- shares -----------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Side:
    """A pair as seen from one of its legs: what flows its way, what the other way, and by which rule they match."""

    own: Sequence[Leg]
    opposite: Sequence[Leg]
    credit: Sequence[Leg]
    rule: TimeRule
    window_days: int
    of_funding: bool

    def trip(self, mine: list[_Flow], theirs: list[_Flow], both: list[_Flow], rule: TimeRule) -> Decimal | None:
        """The round trip of these amounts, on the days for a match; None: without bound."""
        funding, purchases = (mine, theirs) if self.of_funding else (theirs, mine)
        return _trip(funding, purchases, both, rule, self.window_days, kind=True)


def _share(side: _Side) -> Bounds | None:
    if not _flows([*side.own, *side.credit], "high"):
        return None
    mine, theirs, both = _flows(side.own, "stated"), _flows(side.opposite, "stated"), _flows(side.credit, "stated")
    trip = side.trip(mine, theirs, both, side.rule)
    whole = _sum([*mine, *both])
    return Bounds(
        _smallest(side),
        ARITHMETIC.divide(trip, whole) if trip is not None and whole else None,
        _largest(side),
    )


def _largest(side: _Side) -> Decimal:
    theirs, both = _flows(side.opposite, "high"), _flows(side.credit, "high")
    counting, rule = side.own, side.rule
    if rule == "window":
        near = _near([*theirs, *both], side.window_days, kind=True)
        counting = [leg for leg in side.own if any(map(near, _flows([leg], "high")))]
        theirs, rule = _counted(theirs, [*_flows(side.own, "high"), *both], side.window_days, kind=True), "untimed"
    most, least = (side.trip(_flows(counting, at), theirs, both, rule) for at in ("high", "low"))
    if most is None:
        return ONE
    sure = _sum([*_flows(side.own, "low"), *both])
    if not most or sure is None or least is None:
        return ZERO
    return ARITHMETIC.divide(most, ARITHMETIC.add(sure, ARITHMETIC.subtract(most, least)))


def _smallest(side: _Side) -> Decimal:
    found = ONE
    both = _sum(_flows(side.credit, "low")) or ZERO
    for a, b, c in _ways(side):
        if b is None:
            return ZERO
        sure = ARITHMETIC.add(both, a)
        if whole := ARITHMETIC.add(sure, b):
            found = min(found, ARITHMETIC.divide(ARITHMETIC.add(sure, c), whole))
    return found


# Parts of the own leg at their lows, its others at their highs (None: without bound), and parts of the other leg.
_Way = tuple[Decimal, Decimal | None, Decimal]


def _ways(side: _Side) -> Iterator[_Way]:
    if side.rule == "strict":
        yield from _ways_of_strict(side)
        return
    theirs, both = _flows(side.opposite, "low"), _flows(side.credit, "low")
    if side.rule == "window":
        near = _near([*theirs, *both], side.window_days, kind=False)
        counting: list[Leg] = []
        others: list[Leg] = []
        for leg in side.own:
            (counting if any(map(near, _flows([leg], "high"))) else others).append(leg)
        there = _flows(side.own, "high")
        # Of several that may be nothing, each may be; a single one isn't, or there would be no share but credit's.
        mine = there if len(there) == 1 else _flows(side.own, "low")
        theirs = _counted(theirs, [*mine, *both], side.window_days, kind=False)
        yield _sum(_flows(counting, "low")) or ZERO, _sum(_flows(others, "high")), ZERO
    yield ZERO, _sum(_flows(side.own, "high")), _sum(theirs) or ZERO


def _ways_of_strict(side: _Side) -> Iterator[_Way]:
    """Funding until some day, and purchases after it; own flows first, or a way would bound too little."""
    steps: list[tuple[int, bool, Bounds]] = []
    for leg in side.own:
        steps.append((leg.last_day.toordinal() if side.of_funding else -leg.first_day.toordinal(), False, leg.amount))
    for leg in side.opposite:
        steps.append((leg.first_day.toordinal() if side.of_funding else -leg.last_day.toordinal(), True, leg.amount))
    steps.sort(key=lambda step: step[:2])
    back = steps[::-1]
    lows_before = _running(ZERO if theirs else amount.low for _, theirs, amount in steps)
    highs_after = _running(ZERO if theirs else amount.high for _, theirs, amount in back)[::-1]
    theirs_after = _running(amount.low if theirs else ZERO for _, theirs, amount in back)[::-1]
    for a, b, c in zip(lows_before, highs_after, theirs_after, strict=True):
        yield a or ZERO, b, c or ZERO
