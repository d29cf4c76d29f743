"""Exposures: the edges of the graph, and what of them can be said without solving anything.

Every question goes through all rows again. A node is an entity, or for a party that nobody named the pair of it and
the lot of linked events that it takes part in.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from datetime import date
from fractions import Fraction
from typing import Any

from tests.oracle.bounds import ZERO, Bounds, text, written
from tests.oracle.bounds import plus as plus_bounds
from tests.oracle.commitments import amount_in_force, in_force, newest_of_each
from tests.oracle.money import Figure, additive, combined, difference, maximum, total
from tests.oracle.parties import attribute, line
from tests.oracle.rows import Question, Row, by_position, counting_rows

Node = tuple[str, str]


@dataclass
class Edge:
    """An amount from one node to another, the event whose day it has, and all events that it comes from."""

    payer: Node
    payee: Node
    kind: str
    figure: Figure
    made: Row
    events: list[Row]

    @property
    def bounds(self) -> Bounds:
        """The amount in the one currency, none where a rate is missing."""
        return in_one_currency(self.figure)


@dataclass
class Rest(Figure):
    """What parts leave of a whole, as it may be; and what has to join parts of its own way for the two to be equal."""

    joining: Figure = field(default_factory=Figure)


def exposures(
    q: Question,
    layer: str = "contracted",
    time_rule: str = "untimed",
    window_days: str = "365",
    entity: str | None = None,
) -> dict[str, Any]:
    """A part of the answer: the pairs but for what is the vendor's own, gross and funding, what is unbounded."""
    q = replace(q, currency=q.currency or "USD")
    rows = counting_rows(q)
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
                if not edge.figure.missing and joined(edge.figure).high is None
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
        row["of_funding"] = share(sum_of(given), sum_of(back))
        row["of_purchases"] = share(sum_of(back), sum_of(given))
    return row, bool(given) + bool(back)


def share(leg: Bounds, other: Bounds) -> dict[str, Any] | None:
    """min(1, other / leg), from its least to its most, over the values at which the leg is something."""
    if leg.high == 0:
        return None
    low = Fraction(0) if leg.high is None else min(Fraction(1), other.low / leg.high)
    if leg.low == 0 or other.high is None:
        high = Fraction(1) if other.high != 0 else Fraction(0)
    else:
        high = min(Fraction(1), other.high / leg.low)
    stated = None if leg.counted == 0 else min(Fraction(1), other.counted / leg.counted)
    return {"low": text(low), "stated": text(stated), "high": text(high)}


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
    if at == "stated":
        return abs((one.made.last - other.made.last).days) <= days
    if at == "low":
        apart = [(one.made.last - other.made.first).days, (other.made.last - one.made.first).days]
        return max(apart) <= days
    apart = [(one.made.first - other.made.last).days, (other.made.first - one.made.last).days]
    return max(0, *apart) <= days


def strictly(given: list[Edge], back: list[Edge], at: str) -> Fraction | None:
    """Day by day, funding first: every purchase takes what it can of what is left."""

    def day(edge: Edge, first: bool) -> date:
        return edge.made.first if first else edge.made.last

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
    """The sum; what is left of wholes joins the parts."""
    result = ZERO
    for edge in every:
        result = plus_bounds(result, joined(edge.figure))
    return result


def joined(figure: Figure) -> Bounds:
    return in_one_currency(figure.joining if isinstance(figure, Rest) else figure)


def in_one_currency(figure: Figure) -> Bounds:
    """All figures are in the one currency that was asked for."""
    result = ZERO
    for bounds in figure.amounts.values():
        result = plus_bounds(result, bounds)
    return result


def summed(q: Question, every: list[Edge]) -> dict[str, Any] | None:
    if any(one.figure.missing for one in every):
        return None
    return {"currency": q.currency, **written(sum_of(every))}


# --- edges ------------------------------------------------------------------------------------------------------


def root(q: Question, rows: list[Row], entity: str) -> str:
    """The ultimate parent at as_of; of a circle the first by name."""
    above = line(rows, entity, q.as_of)
    parent = attribute(rows, above[-1], "parent", q.as_of)
    return above[-1] if parent is None else min(above[above.index(parent) :])


def edges(q: Question, rows: list[Row], layer: str, include: set[str]) -> list[Edge]:
    """The edges of a layer that cross from one group to another and can carry anything."""
    found = [*purchases(q, rows, layer), *capital(q, rows, layer, include), *others(q, rows, layer, include)]
    placed = []
    for payer, payee, kind, figure, events in found:
        ends = [root(q, rows, one) for one in (payer, payee)]
        nodes = [(one, lot(rows, events[0]) if unnamed(q, rows, one) else "") for one in ends]
        edge = Edge(nodes[0], nodes[1], kind, figure, events[0], events)
        if ends[0] != ends[1] and (figure.missing or edge.bounds.high != 0 or joined(figure).high != 0):
            placed.append(edge)
    return placed


Draft = tuple[str, str, str, Figure, list[Row]]


def purchases(q: Question, rows: list[Row], layer: str) -> Iterable[Draft]:
    for signed in newest(rows, "contract.signed", "contract"):
        slug = signed.data["contract"]
        payments = of_record(rows, "contract.paid", "contract", slug)
        between = signed.data["customer"], signed.data["provider"]
        if layer == "paid":
            for row in payments:
                yield *between, "purchase", additive(q, rows, row, row.data["amount"]), [row, signed]
            continue
        if layer == "contracted" and not signed.data["binding"]:
            continue
        paid = total(additive(q, rows, row, row.data["amount"]) for row in payments)
        ended = of_record(rows, "contract.ended", "contract", slug)
        changes = [
            row for row in of_record(rows, "contract.changed", "contract", slug) if row.data.get("amount") is not None
        ]
        figure = paid if ended else amount_in_force(q, rows, "contract.changed", slug, signed, paid)
        last_end = sorted(ended, key=lambda row: row.order)[-1:]
        yield *between, "purchase", figure, [signed, *changes, *last_end, *payments]


def capital(q: Question, rows: list[Row], layer: str, include: set[str]) -> Iterable[Draft]:
    """Commitments of the layer and investments; what is covered by a commitment that stands makes no funding."""
    counted = [made for made in newest(rows, "commitment.made", "commitment") if in_layer(q, rows, made, layer)]
    standing = [made for made in counted if stands(rows, made) and made.data["purpose"] not in ("capex", "spend")]
    investments = [row for row in rows if row.type == "investment.made"]

    def covering(row: Row) -> Row | None:
        return next((made for made in standing if row in draws(rows, made.data["commitment"])), None)

    def names(row: Row) -> set[str]:
        if row.type == "investment.made":
            return set() if covering(row) else {row.id}
        covered = {one.id for one in investments if covering(one) == row}
        return {row.id, row.data["commitment"]} | covered

    def figure(row: Row) -> Figure:
        if row.type == "investment.made":
            return additive(q, rows, row, row.data["amount"])
        used = drawn(q, rows, row)
        if not stands(rows, row):
            return used
        slug = row.data["commitment"]
        return maximum(amount_in_force(q, rows, "commitment.changed", slug, row, used), used)

    candidates = sorted([*counted, *investments], key=lambda row: row.position)

    def whole_of(row: Row) -> Row | None:
        named = row.data.get("part_of")
        whole = next((one for one in candidates if named in names(one)), None)
        # A draw is no part of a commitment: the one that covers it speaks for it.
        return None if whole is None or (covering(row) and whole.type == "commitment.made") else whole

    def parts(whole: Row) -> list[Row]:
        return [row for row in candidates if whole_of(row) == whole]

    def group(row: Row) -> Figure:
        return maximum(figure(row), total(group(one) for one in parts(row))) if parts(row) else figure(row)

    def form_of(row: Row) -> Any:
        promised = None
        if row.type == "investment.made":
            promised = next((made for made in counted if row in draws(rows, made.data["commitment"])), None)
        return row.data.get("form") or (promised.data.get("form") if promised else None)

    def way(row: Row) -> Any:
        """Which edges it would make if everything were asked for; None if it makes none, or none of a certain place."""
        if covering(row) or (row.type == "commitment.made" and row not in standing):
            return None
        payee = row.data["issuer"] if row.type == "investment.made" else row.data["to"]
        extras = {"secondary", "equity_to_customers"}
        made = [*given(q, rows, row, payee, Figure(), [row], form_of(row), extras)]
        ends = [(root(q, rows, payer), root(q, rows, payee), kind) for payer, payee, kind, _, _ in made]
        if any(unnamed(q, rows, party) for payer, payee, _ in ends for party in (payer, payee)):
            return None
        return *ends, row.data.get("cash_to") == "holders", len(ends) > 1 and len(forms(form_of(row))) > 1

    spreads: dict[str, dict[Any, Figure]] = {}

    def spread(row: Row) -> dict[Any, Figure]:
        """How much of a group goes each way."""
        if row.id in spreads:
            return spreads[row.id]
        found = spreads[row.id] = {}
        for part in parts(row):
            for its_way, amount in spread(part).items():
                found[its_way] = total([found.get(its_way, Figure()), amount])
        own = way(row)
        found[own] = total([found.get(own, Figure()), joining(row)]) if own in found else joining(row)
        return found

    def elsewhere(part: Row, own: Any) -> Figure:
        """What of the part's group goes another way: no less and no more than either reckoning of it allows."""
        ways = spread(part)
        if own is None or own not in ways:
            return group(part)
        others = total(amount for its_way, amount in ways.items() if its_way != own)
        return combined(others, difference(group(part), ways[own]), narrower)

    def joining(row: Row) -> Figure:
        """Together with the parts of its own way: the larger of these, and of what other parts leave of the whole."""
        if not parts(row):
            return figure(row)
        own = way(row)
        alongside = [spread(part)[own] for part in parts(row) if own is not None and own in spread(part)]
        rest = difference(figure(row), total(elsewhere(part, own) for part in parts(row)))
        return combined(rest, total(alongside), short_of)

    def left(row: Row) -> Figure:
        if not parts(row):
            return figure(row)
        alone = difference(figure(row), total(group(one) for one in parts(row)))
        return Rest(alone.amounts, alone.missing, joining(row))

    for made in counted:
        slug = made.data["commitment"]
        if made in standing:
            closes = of_record(rows, "commitment.closed", "commitment", slug)
            changes = [
                row
                for row in of_record(rows, "commitment.changed", "commitment", slug)
                if row.data.get("amount") is not None or row.data.get("binding") is not None
            ]
            last_close = sorted(closes, key=lambda row: row.order)[-1:]
            events = [made, *changes, *last_close, *draws(rows, slug)]
            yield from given(q, rows, made, made.data["to"], left(made), events, made.data.get("form"), include)
        elif made.data["purpose"] not in ("capex", "spend"):
            for row in draws(rows, slug):
                if row.type == "commitment.drawn":
                    amount = additive(q, rows, row, row.data["amount"])
                    ways = given(q, rows, made, made.data["to"], amount, [row, made], made.data.get("form"), include)
                    yield from ways
    for row in investments:
        promised = next((made for made in counted if row in draws(rows, made.data["commitment"])), None)
        form = form_of(row)
        if covering(row) is None:
            yield from given(q, rows, row, row.data["issuer"], left(row), [row], form, include)
        elif promised and "cloud_credit" not in forms(promised.data.get("form")):
            yield from credit(row, row.data["issuer"], figure(row), [row], form)


def short_of(whole: Bounds, there: Bounds) -> Bounds:
    """What is missing from `there` to `whole`: at their lows, at what is stated, at their highs."""
    nothing = Fraction(0)
    low, stated = max(nothing, whole.low - there.low), max(nothing, whole.counted - there.counted)
    if whole.high is None:
        return Bounds(low, stated, None)
    return Bounds(low, stated, nothing if there.high is None else max(nothing, whole.high - there.high))


def narrower(one: Bounds, other: Bounds) -> Bounds:
    return Bounds(max(one.low, other.low), one.counted, least(one.high, other.high))


def given(
    q: Question,
    rows: list[Row],
    made: Row,
    payee: str,
    figure: Figure,
    events: list[Row],
    form: Any,
    include: set[str],
) -> Iterable[Draft]:
    """Funding, and the purchase that credit is as well; existing shares and equity for customers if asked for."""
    payer = giver(made)
    to_sellers = made.data.get("cash_to") == "holders"
    ends = root(q, rows, payer), root(q, rows, payee)
    gift = None
    if forms(form) == {"stock"} and (ends[1], ends[0]) in trades(q, rows):
        gift = payer, payee
    is_warrant = made.data.get("instrument") == "warrant" and "cash" not in forms(form)
    if gift is None and (is_warrant or forms(form) == {"stock"}):
        with_it = [
            signed
            for signed in newest(rows, "contract.signed", "contract")
            if ends == (root(q, rows, signed.data["customer"]), root(q, rows, signed.data["provider"]))
            and {made.id, *listed(made.data.get("linked"))}
            & {signed.id, signed.data["contract"], *listed(signed.data.get("linked"))}
        ]
        gift = (payee, payer) if with_it else None
    if to_sellers:
        if "secondary" in include:
            yield payer, made.data.get("seller") or payee, "funding", figure, events
    elif gift:
        if "equity_to_customers" in include:
            yield *gift, "equity_consideration", figure, events
    else:
        yield payer, payee, "funding", figure, events
        yield from credit(made, payee, figure, events, form)


def credit(made: Row, payee: str, figure: Figure, events: list[Row], form: Any) -> Iterable[Draft]:
    if "cloud_credit" not in forms(form) or made.data.get("cash_to") == "holders":
        return
    if forms(form) != {"cloud_credit"}:
        figure = (
            Rest(**vars(any_of(figure)), joining=any_of(figure.joining)) if isinstance(figure, Rest) else any_of(figure)
        )
    yield payee, giver(made), "purchase", figure, events


def any_of(figure: Figure) -> Figure:
    amounts = {currency: Bounds(Fraction(0), None, one.high) for currency, one in figure.amounts.items()}
    return Figure(amounts, figure.missing)


def others(q: Question, rows: list[Row], layer: str, include: set[str]) -> Iterable[Draft]:
    """What is paid out, and guarantees."""
    for row in rows:
        is_service = row.type == "distribution.paid" and row.data["kind"] in ("interest", "principal")
        if row.type == "distribution.paid" and (not is_service or "debt_service" in include):
            figure = additive(q, rows, row, row.data["amount"])
            yield row.data["payer"], row.data["holder"], "return", figure, [row]
    for stood in newest(rows, "guarantee.given", "guarantee"):
        calls = of_record(rows, "guarantee.called", "guarantee", stood.data["guarantee"])
        between = stood.data["guarantor"], stood.data["to"]
        called = [additive(q, rows, row, row.data["amount"]) for row in calls]
        for row, figure in zip(calls, called, strict=True):
            yield *between, "guarantee", figure, [row, stood]
        if "guarantees" in include and layer != "paid":
            promised = additive(q, rows, stood, stood.data["amount"])
            yield *between, "guarantee", difference(promised, total(called)), [stood, *calls]


# --- records ----------------------------------------------------------------------------------------------------


def newest(rows: list[Row], kind: str, record: str) -> list[Row]:
    return newest_of_each([row for row in rows if row.type == kind], record)


def of_record(rows: list[Row], kind: str, record: str, slug: str) -> list[Row]:
    return [row for row in rows if row.type == kind and row.data[record] == slug]


def draws(rows: list[Row], slug: str) -> list[Row]:
    return [
        row
        for row in rows
        if row.type in ("commitment.drawn", "investment.made")
        and row.data.get("commitment") == slug
        and row.data.get("inside_commitment") is not False
    ]


def drawn(q: Question, rows: list[Row], made: Row) -> Figure:
    return total(additive(q, rows, row, row.data["amount"]) for row in draws(rows, made.data["commitment"]))


def in_layer(q: Question, rows: list[Row], made: Row, layer: str) -> bool:
    if layer == "paid" or made.data["from"] == made.data["to"]:
        return False
    binding, _ = in_force(q, rows, "commitment.changed", made.data["commitment"], made, "binding")
    return layer == "announced" or bool(binding)


def stands(rows: list[Row], made: Row) -> bool:
    closes = of_record(rows, "commitment.closed", "commitment", made.data["commitment"])
    return not closes or max(closes, key=lambda row: row.order).data["outcome"] == "fulfilled"


def giver(made: Row) -> str:
    return str(made.data["investor"] if made.type == "investment.made" else made.data["from"])


def listed(said: Any) -> list[str]:
    return said if isinstance(said, list) else [said] if said else []


def forms(form: Any) -> set[str]:
    return set(listed(form))


def trades(q: Question, rows: list[Row]) -> set[tuple[str, str]]:
    return {
        (root(q, rows, signed.data["customer"]), root(q, rows, signed.data["provider"]))
        for signed in newest(rows, "contract.signed", "contract")
    }


# --- parties that nobody named ----------------------------------------------------------------------------------


def unnamed(q: Question, rows: list[Row], entity: str) -> bool:
    return attribute(rows, entity, "kind", q.as_of) == "undisclosed"


def names_of(row: Row) -> set[str]:
    """The event, its record, and what it links to, by all that a link may mean."""
    if row.type.partition(".")[0] not in ("commitment", "contract", "guarantee", "investment", "distribution"):
        return set()
    if row.type in ("investment.sold", "contract.billed"):
        return set()
    names = {row.id}
    for record in ("commitment", "contract", "guarantee"):
        own = row.data.get(record)
        if own is not None and row.type != "distribution.paid" and row.data.get("inside_commitment") is not False:
            names.add(f"{record}/{own}")
        names |= {f"{record}/{link}" for link in listed(row.data.get("linked"))}
    return names | set(listed(row.data.get("linked")))


def lot(rows: list[Row], event: Row) -> str:
    """The first event that the event hangs together with."""
    names = names_of(event)
    while True:
        wider = names.union(*(names_of(row) for row in rows if names_of(row) & names))
        if wider == names:
            break
        names = wider
    members = [row for row in rows if row.id in names]
    return min(members, key=lambda row: row.position).id
