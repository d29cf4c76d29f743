"""Commitments: what was promised, what was drawn and what is still open."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from ledger.times import parse_period
from projections.amounts import MONEY_COLUMNS
from projections.doubles import doubles
from projections.figures import (
    Figure,
    Item,
    grouped,
    left_of,
    own_currency,
    shown,
    summed,
    totals_shown,
    with_missing,
)
from projections.paging import Listing, Page, cut
from projections.table import Fact, Said, View, json_text, same
from projections.terms import Terms, TermsRow, terms
from projections.visibility import Point, Tables

_TERMS = ("binding", "stage", "held", "outcome", "horizon")
_MADE = "CASE WHEN type = 'commitment.made' THEN {0} END"
_COLUMNS = {
    "commitment": "agreement",
    "role": "commitment_role",  # made, changed, closed, drawn, recallable
    **{name: f"CASE WHEN type = 'distribution.paid' THEN more_{name} ELSE {name} END" for name in MONEY_COLUMNS},
    "up_to": "up_to AND type <> 'distribution.paid'",
    **{name: _MADE.format(name) for name in ("payer", "payee")},
    "purpose": _MADE.format("subtype"),
    **same(*_TERMS),  # the horizon is JSON
    "part_of": _MADE.format("part_of"),
}


def _said(fact: Fact) -> Said | None:
    said, kind = fact.data, fact.type
    commitment = said.get("commitment")
    if commitment is None:
        return None
    if kind == "investment.made":
        fact.needs("low")
        return None if said.get("inside_commitment") is False else {"commitment_role": "drawn", "agreement": commitment}
    if kind == "distribution.paid":  # one that can be called again
        fact.needs("more_low")
        return {"commitment_role": "recallable", "agreement": commitment} if "more_low" in fact.amounts else None
    fact.needs("low")
    role = kind.partition(".")[2]
    terms = {
        "commitment_role": role,
        "agreement": commitment,
        **{name: said.get(name) for name in _TERMS},
        "horizon": json_text(said.get("horizon")),
    }
    if role == "made":
        terms |= {"payer": said.get("from"), "payee": said.get("to"), "subtype": said.get("purpose")}
        terms["part_of"] = said.get("part_of")
    return terms


TABLE = View(
    "commitments",
    frozenset(
        {
            "commitment.made",
            "commitment.changed",
            "commitment.closed",
            "commitment.drawn",
            "investment.made",
            "distribution.paid",
        }
    ),
    _COLUMNS,
    mark="commitment_role",
    adds={
        **dict.fromkeys(("commitment_role", "agreement", "payer", "payee", "subtype", "part_of"), "VARCHAR"),
        **dict.fromkeys(("stage", "outcome", "horizon"), "VARCHAR"),
        **dict.fromkeys(("binding", "held"), "BOOLEAN"),
    },
    said=_said,
)


@dataclass(frozen=True, slots=True)
class _Row(TermsRow):
    """One event of a commitment that counts."""

    payer: str
    payee: str
    purpose: str
    binding: bool | None
    stage: str | None
    held: bool | None
    outcome: str | None
    horizon: str | None
    part_of: str | None


@dataclass(frozen=True, slots=True)
class _Commitment:
    """A commitment at a point in the three times: the row shown and what totals need of it."""

    id: str
    chain: str
    part_of: str | None
    internal: bool
    figures: dict[str, Figure]
    row: dict[str, Any]


def commitments(model: Tables, at: Point, *, from_: str | None = None, to: str | None = None, page: Page) -> Listing:
    """Commitments of a payer, to a payee, or all; by id. Internal ones are listed and stay out of the totals."""
    found = list(_commitments(model, at, {"payer": from_, "payee": to}))
    rows, after = cut(found, page, lambda one: (one.id,))
    external = [one for one in found if not one.internal]
    totals = totals_shown({name: _total(external, name) for name in ("committed", "drawn", "unfunded")})
    return Listing([one.row for one in rows], totals, after is not None, after)


@dataclass(frozen=True, slots=True)
class Capital:
    """What binding commitments of capital come to, their ids and those of their doubles, whom they are to, and the
    events behind that.
    """

    committed: Figure
    unfunded: Figure
    ids: frozenset[str]
    payees: frozenset[str]
    events: frozenset[str]


def capital(model: Tables, at: Point, *, from_: str, to: str | None = None) -> Capital:
    """A payer's binding commitments that become holdings: to funds, investments and loans, not to itself."""
    chosen = [
        one
        for one in _commitments(model, at, {"payer": from_, "payee": to})
        if one.row["binding"] and one.row["purpose"] in ("fund", "investment", "loan") and not one.internal
    ]
    ids = {one.id for one in chosen}
    ids |= {double for double, first in doubles(model, at).slugs("commitment").items() if first in ids}
    return Capital(
        _total(chosen, "committed"),
        _total(chosen, "unfunded"),
        frozenset(ids),
        frozenset(one.row["to"] for one in chosen),
        frozenset(event for one in chosen for event in one.row["events"]),
    )


def _total(found: Sequence[_Commitment], name: str) -> Figure:
    return grouped([Item((one.id, one.chain), one.part_of, one.figures[name]) for one in found])


def commitment(model: Tables, at: Point, commitment_id: str) -> dict[str, Any] | None:
    """The row of one commitment, as the list has it; None if it isn't listed at the three times."""
    return next((one.row for one in _commitments(model, at, {"commitment": commitment_id})), None)


def _commitments(model: Tables, at: Point, filters: dict[str, str | None]) -> Iterator[_Commitment]:
    for one in terms(model, at, TABLE, _Row, "made", filters):
        yield _fold(one, at)


def _fold(record: Terms[_Row], at: Point) -> _Commitment:
    made, closed = record.made, record.last("closed")
    drawn = record.sum_of("drawn")
    committed, up_to = record.agreed(drawn)
    own = record.converting.target or own_currency(committed, drawn)
    unfunded = Figure() if closed else left_of(summed([committed, record.sum_of("recallable")]), drawn)
    figures = {"committed": committed, "drawn": drawn, "unfunded": unfunded}
    horizon = None if (text := record.latest("horizon")) is None else json.loads(text)
    ends = None if horizon is None or horizon.get("end") is None else parse_period(horizon["end"]).last
    row = {
        "commitment": made.id,
        "from": made.payer,
        "to": made.payee,
        "purpose": made.purpose,
        "binding": record.latest("binding"),
        "stage": record.latest("stage"),
        "held": bool(record.latest("held")),
        **{name: shown(figure, own) for name, figure in figures.items()},
        # What is open under "up to X" depends on what is drawn, and is bounded as if it didn't.
        **({"unfunded_bounds": "independent"} if up_to and closed is None else {}),
        "outcome": closed.outcome if closed else None,
        "horizon": horizon,
        "horizon_gone": ends is not None and ends < at.as_of,
        "events": record.events,
    }
    internal = made.payer == made.payee
    return _Commitment(made.id, made.chain, made.part_of, internal, figures, with_missing(row, figures.values()))
