"""The edges of the graph of exposures. Every question goes through all rows again.

A node is an entity, or for a party that nobody named the pair of it and the lot of linked events that it takes part in.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

from tests.oracle.bounds import Bounds
from tests.oracle.commitments import amount_in_force, in_force, newest_of_each
from tests.oracle.money import Figure, additive, difference, maximum, total
from tests.oracle.parties import attribute, line
from tests.oracle.rows import Question, Row
from tests.oracle.wholes import Item, Rest, in_one_currency

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
        if ends[0] != ends[1] and (figure.missing or edge.bounds.high != 0):
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
        promised = promise_of(rows, row)
        return row.data.get("form") or (promised.data.get("form") if promised else None)

    def item(row: Row) -> Item:
        """The row with its parts and whole, made once."""
        if row.id not in items:
            items[row.id] = made_item = Item(figure(row))
            made_item.parts = [item(part) for part in parts(row)]
            whole = whole_of(row)
            made_item.whole = item(whole) if whole else None
        return items[row.id]

    items: dict[str, Item] = {}

    def left(row: Row) -> Figure:
        if not parts(row) and whole_of(row) is None:
            return figure(row)
        alone = difference(figure(row), total(group(one) for one in parts(row)))
        return Rest(alone.amounts, alone.missing, item(row))

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
            form = forms(made.data.get("form"))
            otherwise = [row for row in draws(rows, slug) if row.data.get("form") and forms(row.data["form"]) != form]
            back = difference(left(made), total(figure(row) for row in otherwise)) if otherwise else None
            yield from given(q, rows, made, made.data["to"], left(made), events, made.data.get("form"), include, back)
            for row in otherwise:
                yield from credit(row, row.data["issuer"], figure(row), [row], row.data["form"])
        elif made.data["purpose"] not in ("capex", "spend"):
            for row in draws(rows, slug):
                if row.type == "commitment.drawn":
                    amount = additive(q, rows, row, row.data["amount"])
                    ways = given(q, rows, made, made.data["to"], amount, [row, made], made.data.get("form"), include)
                    yield from ways
    for row in investments:
        if covering(row) is None:
            yield from given(q, rows, row, row.data["issuer"], left(row), [row], form_of(row), include)


def given(
    q: Question,
    rows: list[Row],
    made: Row,
    payee: str,
    figure: Figure,
    events: list[Row],
    form: Any,
    include: set[str],
    back: Figure | None = None,
) -> Iterable[Draft]:
    """Funding, and the purchase that credit is as well; existing shares and equity for customers if asked for."""
    payer = giver(made)
    to_sellers = made.data.get("cash_to") == "holders"
    ends = root(q, rows, payer), root(q, rows, payee)
    gift = None
    if forms(form) == {"stock"} and (ends[1], ends[0]) in trades(q, rows):
        gift = payer, payee
    promised = promise_of(rows, made)
    linking = {made.id, *listed(made.data.get("linked"))}
    if promised is not None:
        linking |= {promised.id, promised.data["commitment"], *listed(promised.data.get("linked"))}
    is_warrant = made.data.get("instrument") == "warrant" and "cash" not in forms(form)
    if gift is None and (is_warrant or forms(form) == {"stock"}):
        with_it = [
            signed
            for signed in newest(rows, "contract.signed", "contract")
            if ends == (root(q, rows, signed.data["customer"]), root(q, rows, signed.data["provider"]))
            and linking & {signed.id, signed.data["contract"], *listed(signed.data.get("linked"))}
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
        yield from credit(made, payee, back or figure, events, form)


def credit(made: Row, payee: str, figure: Figure, events: list[Row], form: Any) -> Iterable[Draft]:
    if "cloud_credit" not in forms(form) or made.data.get("cash_to") == "holders":
        return
    if forms(form) != {"cloud_credit"}:
        figure = any_of(figure)
    yield payee, giver(made), "purchase", figure, events


def any_of(figure: Figure) -> Figure:
    amounts = {currency: Bounds(Fraction(0), None, one.high) for currency, one in figure.amounts.items()}
    return (
        Rest(amounts, figure.missing, figure.item, False)
        if isinstance(figure, Rest)
        else Figure(amounts, figure.missing)
    )


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


def promise_of(rows: list[Row], row: Row) -> Row | None:
    """The commitment that an investment draws on, or that a commitment is."""
    promises = newest(rows, "commitment.made", "commitment")
    return next((made for made in promises if row == made or row in draws(rows, made.data["commitment"])), None)


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
