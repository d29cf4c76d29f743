"""Claims: what was said in sum, and what the log holds of it when it is added up again."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import date
from fractions import Fraction
from typing import Any

from tests.oracle.bounds import Bounds, of_number, of_stake, plus, text, times, written
from tests.oracle.commitments import amount_in_force, newest_of_each
from tests.oracle.dates import first_day, last_day
from tests.oracle.money import (
    Figure,
    Item,
    additive,
    currencies,
    grouped,
    maximum,
    missing_rates,
    money,
    own_currency,
    recorded,
    total,
)
from tests.oracle.parties import line
from tests.oracle.rows import Question, Row, by_position, rows_of_firsts

# The field of an event that holds its amount.
AMOUNT = {
    "investment.made": "amount",
    "investment.sold": "proceeds",
    "distribution.paid": "amount",
    "commitment.made": "amount",
    "commitment.changed": "amount",
    "commitment.drawn": "amount",
    "contract.signed": "amount",
    "contract.changed": "amount",
    "contract.billed": "amount",
    "contract.paid": "amount",
    "guarantee.given": "amount",
    "guarantee.called": "amount",
    "valuation.recorded": "value",
}
MAKES = {"commitment": "commitment.made", "contract": "contract.signed", "guarantee": "guarantee.given"}
TERMS = ("commitment.made", "commitment.changed", "contract.signed", "contract.changed", "guarantee.given")


@dataclass(frozen=True)
class Found:
    """A part of what is found: what it may be called, what it may be a part of, and the events behind it."""

    names: tuple[str, ...]
    wholes: tuple[str | None, ...]
    figure: Figure
    behind: tuple[Row, ...]


def claims(
    q: Question,
    by: str | None = None,
    about: str | None = None,
    kind: str | None = None,
) -> dict[str, Any]:
    rows = rows_of_firsts(q)
    every = newest_of_each([row for row in rows if row.type == "claim.published"], "claim")
    every.sort(key=lambda row: row.data["claim"])
    chosen = [
        row
        for row in every
        if (by is None or row.data.get("by") == by)
        and (about is None or about in (row.data.get("about") or []))
        and (kind is None or row.data["kind"] == kind)
    ]
    return {**q.header(), "claims": [_claim(q, rows, every, row) for row in chosen]}


def _claim(q: Question, rows: list[Row], every: list[Row], row: Row) -> dict[str, Any]:
    said = row.data
    value, whole, before = _value(q, rows, row), _named(every, said.get("part_of")), _before(every, row)
    found = _found(q, rows, every, row, [])
    found_sum = None if found is None else _sum(found)
    own = own_currency(q, [one for one in (value, found_sum) if one is not None])
    count, share_of = said.get("count"), _share_of(said)
    figures = [one for one in (value, found_sum) if one is not None]
    behind = [row]
    for other in (whole, before):
        if other is not None:
            behind.append(other)
            other_value = _value(q, rows, other)
            figures += [] if other_value is None else [other_value]
    for one in found or []:
        behind += one.behind

    def each(change: Callable[[Bounds], Bounds]) -> Any:
        if value is None:
            return None
        return money(Figure({code: change(one) for code, one in value.amounts.items()}, value.missing), own)

    def counted(number: Bounds) -> dict[str, str | None]:
        return {**written(number), "unit": said["quantity"]["unit"]}

    explained = None if value is None or found_sum is None else _ratio(found_sum, value)
    share = None if whole is None else _beside(q, rows, row, whole)
    grown = None if before is None else _beside(q, rows, row, before)
    return {
        "claim": said["claim"],
        "kind": said["kind"],
        "by": said.get("by"),
        "about": said.get("about") or [],
        "text": said["text"],
        "claimed": None if value is None else money(value, own),
        "quantity": None if "quantity" not in said else counted(_quantity(said)),
        "found": None if found_sum is None else money(found_sum, own),
        "explained": None if explained is None else written(divided(*explained)),
        "found_quantity": None
        if explained is None or "quantity" not in said
        else counted(divided(times(explained[0], _quantity(said)), explained[1])),
        "count": count,
        "mean": each(lambda one: divided(one, exactly(count))) if count else None,
        "share": None if share is None else written(share),
        "whole": None if share_of is None else each(lambda one: divided(one, share_of)),
        "growth": None if grown is None or grown.stated is None else text(grown.stated - 1),
        "denied_by": [other.data["claim"] for other in every if other.data.get("denies") in (said["claim"], row.id)],
        "events": by_position(behind),
        **missing_rates(figures),
    }


# --- what is claimed -------------------------------------------------------------------------------------------


def exactly(number: int) -> Bounds:
    return Bounds(Fraction(number), Fraction(number), Fraction(number))


def divided(a: Bounds, b: Bounds) -> Bounds:
    """The least by the most, up to the most by the least; by zero, or by what has no end, nothing is known."""
    return Bounds(
        a.low / b.high if b.high else Fraction(0),
        a.stated / b.stated if a.stated is not None and b.stated else None,
        a.high / b.low if a.high is not None and b.low else None,
    )


def _value(q: Question, rows: list[Row], row: Row) -> Figure | None:
    said = row.data.get("value")
    return None if said is None else recorded(q, rows, said, row.last)


def _quantity(said: dict[str, Any]) -> Bounds:
    return of_number(said["quantity"])


def _share_of(said: dict[str, Any]) -> Bounds | None:
    share = said.get("share_of")
    if share is None:
        return None
    return of_stake({"share": share} if isinstance(share, str) else share)


def _named(every: list[Row], name: str | None) -> Row | None:
    return next((row for row in every if name in (row.id, row.data["claim"])), None)


def _ratio(part: Figure, whole: Figure) -> tuple[Bounds, Bounds] | None:
    """What is divided and by what; None where currencies differ, or a rate is missing."""
    if part.missing or whole.missing or len(currencies([whole])) != 1:
        return None
    if not currencies([part]) <= currencies([whole]):
        return None
    amounts = list(part.amounts.values())
    above = amounts[0] if len(amounts) == 1 else Bounds(Fraction(0), Fraction(0), Fraction(0))
    if len(amounts) > 1:
        for one in amounts:
            above = plus(above, one)
    (below,) = whole.amounts.values()
    return above, below


def _beside(q: Question, rows: list[Row], row: Row, other: Row) -> Bounds | None:
    """One claim over another: of money if both claim some, else of numbers."""
    ours, theirs = _value(q, rows, row), _value(q, rows, other)
    if ours is not None and theirs is not None:
        ratio = _ratio(ours, theirs)
        return None if ratio is None else divided(*ratio)
    if "quantity" in row.data and "quantity" in other.data:
        return divided(_quantity(row.data), _quantity(other.data))
    return None


def _begin(row: Row) -> date:
    start = (row.data.get("period") or {}).get("start")
    return date.min if start is None else first_day(start)


def _end(row: Row) -> date | None:
    end = (row.data.get("period") or {}).get("end")
    return None if end is None else last_day(end)


def _before(every: list[Row], row: Row) -> Row | None:
    """The claim of the series that ends last before this one begins (if it doesn't say when: before it ends)."""
    series, end = row.data.get("series"), _end(row)
    if series is None or end is None:
        return None
    limit = end if _begin(row) == date.min else _begin(row)
    earlier = [
        (ended, *other.order, other)
        for other in every
        if other.data.get("series") == series and (ended := _end(other)) is not None and ended < limit
    ]
    return max(earlier, key=lambda one: one[:3])[3] if earlier else None


# --- what is found ---------------------------------------------------------------------------------------------


def _sum(found: list[Found]) -> Figure:
    """Each once; of what two lead to, the surer. A whole and its parts count as the larger of the two."""
    once: dict[str, Found] = {}
    for one in found:
        name = one.names[0]
        once[name] = replace(one, figure=maximum(once[name].figure, one.figure)) if name in once else one
    names = {name for one in once.values() for name in one.names}
    return grouped(
        [
            Item(set(one.names), next((whole for whole in one.wholes if whole in names), None), one.figure)
            for one in once.values()
        ]
    )


def _found(q: Question, rows: list[Row], every: list[Row], row: Row, met: list[Row]) -> list[Found] | None:
    """What a claim sums up: its members, else the flows between its payers and payees. None if it has neither."""
    members = row.data.get("members")
    if not members:
        return _between(q, rows, row)
    found = []
    met.append(row)
    for member in members:
        other = _named(every, member)
        if other is None:
            found += _member(q, rows, member, row.data.get("measures"))
        elif other not in met:
            found += _found(q, rows, every, other, met) or []
    return found


def _member(q: Question, rows: list[Row], member: str, measures: str | None) -> list[Found]:
    """An event as it says or as last agreed; a record as what is measured of it, else as last agreed."""
    for row in rows:
        if row.id == member:
            if row.data.get(AMOUNT.get(row.type, "")) is None:
                return []
            return _agreed(q, rows, *_record(row)) if row.type in TERMS else [_event(q, rows, row)]
    found = []
    for kind in MAKES:
        if (kind, measures) == ("commitment", "funding"):
            draws = [row for row in rows if row.type == "investment.made" and _record(row) == (kind, member)]
            found += [_event(q, rows, row) for row in draws if row.data.get("cash_to") != "holders"]
        elif (kind, measures) == ("contract", "revenue"):
            payments = [row for row in rows if row.type == "contract.paid" and _record(row) == (kind, member)]
            found += [_event(q, rows, row) for row in payments]
        else:
            found += _agreed(q, rows, kind, member)
    return found


def _record(row: Row) -> tuple[str, str]:
    """The record that an event is of, or draws on; nothing if there is none."""
    kind = row.type.partition(".")[0]
    if kind in MAKES:
        return kind, row.data[kind]
    if row.type == "investment.made" and row.data.get("inside_commitment") is not False:
        return "commitment", row.data.get("commitment") or ""
    return "", ""


def _event(q: Question, rows: list[Row], row: Row) -> Found:
    kind, slug = _record(row)
    return Found(
        (row.id,),
        (row.data.get("part_of"), f"{kind}/{slug}" if slug else None),
        additive(q, rows, row, row.data[AMOUNT[row.type]]),
        (row,),
    )


def _made(rows: list[Row], kind: str, slug: str) -> Row | None:
    made = [row for row in rows if row.type == MAKES[kind] and row.data[kind] == slug]
    return max(made, key=lambda row: row.position) if made else None


def _agreed(q: Question, rows: list[Row], kind: str, slug: str) -> list[Found]:
    """A commitment, contract or guarantee as it was last agreed."""
    made = _made(rows, kind, slug)
    if made is None:
        return []
    takes = ("investment.made", "commitment.drawn", "contract.paid")
    taken = total(
        additive(q, rows, row, row.data["amount"]) for row in rows if row.type in takes and _record(row) == (kind, slug)
    )
    amount = amount_in_force(q, rows, f"{kind}.changed", slug, made, taken)
    changes = [
        row
        for row in rows
        if row.type == f"{kind}.changed" and row.data[kind] == slug and row.data.get("amount") is not None
    ]
    return [Found((made.id, f"{kind}/{slug}", slug), (made.data.get("part_of"),), amount, (made, *changes))]


def _between(q: Question, rows: list[Row], claim: Row) -> list[Found] | None:
    """The flows of the kind that it measures, between whom it says, in its period."""
    measures, payers, payees = (claim.data.get(name) for name in ("measures", "payers", "payees"))
    if measures == "valuation":
        return _marks(q, rows, claim, payees) if payees else None
    if measures not in ("funding", "commitments", "revenue") or not (payers or payees):
        return None
    found: list[Found] = []
    for row in rows:
        sides = _sides(rows, row, measures)
        if sides is None or sides[0] == sides[1]:
            continue
        if not all(
            set(names) & set(line(rows, party, q.as_of))
            for names, party in zip((payers, payees), sides, strict=True)
            if names
        ):
            continue
        end = _end(claim) or date.max
        if row.last < _begin(claim) or row.first > end:
            continue
        some = _agreed(q, rows, *_record(row)) if measures == "commitments" else [_event(q, rows, row)]
        surely = _begin(claim) <= row.first and row.last <= end
        found += some if surely else [replace(one, figure=_perhaps(one.figure)) for one in some]
    return found


def _sides(rows: list[Row], row: Row, measures: str) -> tuple[str, str] | None:
    """Who pays whom, of an event of the kind that is measured."""
    if measures == "funding" and row.type == "investment.made" and row.data.get("cash_to") != "holders":
        return row.data["investor"], row.data["issuer"]
    if measures == "commitments" and row.type == "commitment.made":
        return row.data["from"], row.data["to"]
    if measures == "revenue" and row.type == "contract.paid":
        signed = _made(rows, "contract", row.data["contract"])
        return None if signed is None else (signed.data["customer"], signed.data["provider"])
    return None


def _perhaps(figure: Figure) -> Figure:
    return replace(
        figure, amounts={code: Bounds(Fraction(0), Fraction(0), one.high) for code, one in figure.amounts.items()}
    )


def _marks(q: Question, rows: list[Row], claim: Row, payees: list[str]) -> list[Found]:
    """The newest mark of each payee that was surely made in the period."""
    found = []
    for payee in payees:
        marks = [
            row
            for row in rows
            if row.type == "valuation.recorded"
            and row.data["subject"] == payee
            and row.data.get("holder") is None
            and row.data["basis"] not in ("target", "counterfactual")
            and _begin(claim) <= row.first
            and row.last <= (_end(claim) or date.max)
        ]
        if marks:
            found.append(_event(q, rows, max(marks, key=lambda row: row.order)))
    return found
