"""Exposures: what of them can be said without solving anything."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import replace
from datetime import date
from fractions import Fraction
from typing import Any

from tests.oracle.bounds import ZERO, Bounds, text, written
from tests.oracle.bounds import plus as plus_bounds
from tests.oracle.exposure_edges import Edge, Node, edges, root
from tests.oracle.rows import Question, by_position, rows_of_firsts
from tests.oracle.wholes import Item, Rest, together


def exposures(
    q: Question,
    layer: str = "contracted",
    time_rule: str = "untimed",
    window_days: str = "365",
    entity: str | None = None,
) -> dict[str, Any]:
    """A part of the answer: the pairs but for what is the vendor's own, gross and funding, what is unbounded."""
    q = replace(q, currency=q.currency or "USD")
    rows = rows_of_firsts(q)
    every = edges(q, rows, layer, set(q.include))
    if entity is not None:
        group = root(q, rows, entity)
        every = [edge for edge in every if group in (edge.payer[0], edge.payee[0])]
    shown = [pair(q, every, *between, time_rule, int(window_days)) for between in sorted(pairs(every))]
    return {
        **q.header(),
        "layer": layer,
        "time_rule": time_rule,
        "currency": q.currency,
        "pairs": [row for row, legs in shown if legs == 2 or entity is not None],
        "network": {
            "flows": len(every),
            "gross": summed(q, every),
            "funding": summed(q, [edge for edge in every if edge.kind == "funding"]),
            "events": by_position(event for edge in every for event in edge.events),
        },
        "unbounded": sorted(
            (
                {
                    "payer": edge.payer[0],
                    "payee": edge.payee[0],
                    "kind": edge.kind,
                    "events": by_position(edge.events),
                }
                for edge in every
                if not edge.figure.missing and edge.bounds.high is None
            ),
            key=str,
        ),
    }


# --- pairs ------------------------------------------------------------------------------------------------------


def pairs(every: list[Edge]) -> set[tuple[Node, Node]]:
    """Who funds or sells, with who is funded or buys."""
    found = {(edge.payer, edge.payee) for edge in every if edge.kind == "funding"}
    return found | {(edge.payee, edge.payer) for edge in every if edge.kind == "purchase"}


def pair(
    q: Question, every: list[Edge], funder: Node, customer: Node, rule: str, days: int
) -> tuple[dict[str, Any], int]:
    """Its row, and how many of its legs there are."""
    given = [one for one in every if (one.payer, one.payee, one.kind) == (funder, customer, "funding")]
    back = [one for one in every if (one.payer, one.payee, one.kind) == (customer, funder, "purchase")]
    missing = any(one.figure.missing for one in given + back)
    trip = None if missing else Bounds(*(round_trip(given, back, rule, days, at) for at in ("low", "stated", "high")))
    if trip is not None:  # no more than either leg, however much the days leave open
        trip = trip._replace(high=least(trip.high, least(sum_of(given).high, sum_of(back).high)))
    row = {
        "funder": funder[0],
        "customer": customer[0],
        "funding": summed(q, given),
        "purchases": summed(q, back),
        "round_trip": None if trip is None else {"currency": q.currency, **written(trip)},
        "events": by_position(event for one in given + back for event in one.events),
    }
    if rule == "untimed" and not missing:
        both = sum_of(credit_in(given, back))
        alone = [[one for one in leg if one not in credit_in(leg, given + back)] for leg in (given, back)]
        row["of_funding"] = share(sum_of(alone[0]), sum_of(alone[1]), both)
        row["of_purchases"] = share(sum_of(alone[1]), sum_of(alone[0]), both)
    return row, bool(given) + bool(back)


def is_same(one: Edge, other: Edge) -> bool:
    """Whether they are two sides of one thing: credit, and the purchase that it is."""
    return one is not other and one.figure is other.figure


def credit_in(leg: list[Edge], others: list[Edge]) -> list[Edge]:
    """What of a leg is in the other as well. Groups of which only a part is are taken as if nothing was."""
    twins = [one for one in leg if any(is_same(one, other) for other in others)]
    torn = {
        one.figure.item.top()
        for one in leg + others
        if isinstance(one.figure, Rest) and not any(is_same(one, other) for other in leg + others)
    }
    return [one for one in twins if not (isinstance(one.figure, Rest) and one.figure.item.top() in torn)]


def share(leg: Bounds, other: Bounds, both: Bounds) -> dict[str, Any] | None:
    """(both + min(leg, other)) / (both + leg), from its least to its most, over the values at which it is defined.

    It falls as `leg` rises, and rises with the two others; where nothing but `both` is anything, all comes back.
    """

    def at(mine: Fraction | None, theirs: Fraction | None, shared: Fraction | None) -> Fraction | None:
        if shared is None:
            return Fraction(1)
        if mine is None:
            return Fraction(1) if theirs is None else Fraction(0)
        if mine + shared == 0:
            return None
        return (shared + (mine if theirs is None else min(mine, theirs))) / (mine + shared)

    if leg.high == 0 == both.high:
        return None
    low = at(leg.high, other.low, both.low)
    high = at(leg.low, other.high, both.high)
    if low is None:  # nothing of its own, and any amount of what is in both
        low = Fraction(1)
    if high is None:  # as little of its own as one likes
        high = Fraction(0) if other.high == 0 else Fraction(1)
    return {"low": text(low), "stated": text(at(leg.counted, other.counted, both.counted)), "high": text(high)}


def of(edge: Edge, at: str) -> Fraction | None:
    return {"low": edge.bounds.low, "stated": edge.bounds.counted, "high": edge.bounds.high}[at]


def plus(amounts: Iterable[Fraction | None]) -> Fraction | None:
    result: Fraction | None = Fraction(0)
    for amount in amounts:
        result = None if result is None or amount is None else result + amount
    return result


def least(one: Fraction | None, other: Fraction | None) -> Fraction | None:
    amounts = [amount for amount in (one, other) if amount is not None]
    return min(amounts) if amounts else None


def round_trip(given: list[Edge], back: list[Edge], rule: str, days: int, at: str) -> Any:
    if rule == "strict":
        return strictly(given, back, at)
    if rule == "window":
        given, back = (
            [one for one in given if any(near(one, other, days, at) for other in back)],
            [one for one in back if any(near(one, other, days, at) for other in given)],
        )
    else:
        return {"low": least_low, "stated": least_counted, "high": least_high}[at](sum_of(given), sum_of(back))
    return least(plus(of(one, at) for one in given), plus(of(one, at) for one in back))


def least_low(one: Bounds, other: Bounds) -> Fraction | None:
    return least(one.low, other.low)


def least_counted(one: Bounds, other: Bounds) -> Fraction | None:
    return least(one.counted, other.counted)


def least_high(one: Bounds, other: Bounds) -> Fraction | None:
    return least(one.high, other.high)


def near(one: Edge, other: Edge, days: int, at: str) -> bool:
    """Whether another flow, of more than nothing, is within the days: at worst, by the last days, at best."""
    if of(other, at) == 0:
        return False
    if is_same(one, other):
        return True
    if at == "stated":
        return abs((one.made.last - other.made.last).days) <= days
    if at == "low":
        apart = [(one.made.last - other.made.first).days, (other.made.last - one.made.first).days]
        return max(apart) <= days
    apart = [(one.made.first - other.made.last).days, (other.made.first - one.made.last).days]
    return max(0, *apart) <= days


def strictly(given: list[Edge], back: list[Edge], at: str) -> Fraction | None:
    """Day by day, funding first: every purchase takes what it can of what is left. Credit has one day for both."""

    def day(edge: Edge, first: bool) -> date:
        is_credit = any(is_same(edge, other) for other in given + back)
        return edge.made.first if first or is_credit else edge.made.last

    flows = [(day(one, at == "high"), 0, of(one, at)) for one in given]
    flows += [(day(one, at == "low"), 1, of(one, at)) for one in back]
    left: Fraction | None = Fraction(0)
    matched: Fraction | None = Fraction(0)
    for _, is_purchase, amount in sorted(flows, key=lambda flow: flow[:2]):
        if not is_purchase:
            left = plus([left, amount])
        else:
            taken = least(left, amount)
            matched = plus([matched, taken])
            left = None if left is None or taken is None else left - taken
    return matched


def sum_of(every: list[Edge]) -> Bounds:
    """The sum. What flows of one group is added up together, as funding and as what comes back by itself."""
    result = ZERO
    groups: dict[tuple[Item, bool], list[Rest]] = defaultdict(list)
    for edge in every:
        if isinstance(edge.figure, Rest):
            groups[edge.figure.item.top(), edge.kind == "purchase"].append(edge.figure)
        else:
            result = plus_bounds(result, edge.bounds)
    for rests in groups.values():
        result = plus_bounds(result, together(rests))
    return result


def summed(q: Question, every: list[Edge]) -> dict[str, Any] | None:
    if any(one.figure.missing for one in every):
        return None
    return {"currency": q.currency, **written(sum_of(every))}
