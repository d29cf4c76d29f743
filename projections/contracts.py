"""Contracts: what was agreed, billed and paid, and what remains."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from projections.amounts import MONEY_COLUMNS
from projections.figures import (
    Figure,
    larger_of,
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

_COLUMNS = {
    "contract": "agreement",
    "role": "contract_role",  # signed, changed, ended, billed, paid
    **same(*MONEY_COLUMNS, "up_to"),
    "customer": "payer",
    "provider": "payee",
    **same("resource", "term", "exclusive"),  # the term is JSON
}
_FIGURES = ("amount", "billed", "paid", "remaining")


def _said(fact: Fact) -> Said:
    said = fact.data
    fact.needs("low")
    return {
        "contract_role": fact.type.partition(".")[2],
        "agreement": said["contract"],
        "payer": said.get("customer"),
        "payee": said.get("provider"),
        "resource": said.get("resource"),
        "term": json_text(said.get("term")),
        "exclusive": said.get("exclusive"),
    }


TABLE = View(
    "contracts",
    frozenset({"contract.signed", "contract.changed", "contract.ended", "contract.billed", "contract.paid"}),
    _COLUMNS,
    mark="contract_role",
    adds=dict.fromkeys(("contract_role", "agreement", "payer", "payee", "resource", "term", "exclusive"), "VARCHAR"),
    said=_said,
)


@dataclass(frozen=True, slots=True)
class _Row(TermsRow):
    """One event of a contract that counts."""

    customer: str
    provider: str
    resource: str
    term: str | None
    exclusive: str | None


@dataclass(frozen=True, slots=True)
class _Contract:
    """A contract at a point in the three times: its figures for the totals, and the row shown."""

    id: str
    figures: dict[str, Figure]
    row: dict[str, Any]


def contracts(
    model: Tables, at: Point, *, customer: str | None = None, provider: str | None = None, page: Page
) -> Listing:
    """Contracts of a customer, with a provider, or all; by id."""
    found = list(_contracts(model, at, {"customer": customer, "provider": provider}))
    rows, after = cut(found, page, lambda one: (one.id,))
    totals = totals_shown({name: summed(one.figures[name] for one in found) for name in _FIGURES})
    return Listing([one.row for one in rows], totals, after is not None, after)


def contract(model: Tables, at: Point, contract_id: str) -> dict[str, Any] | None:
    """The row of one contract, as the list has it; None if it isn't listed at the three times."""
    return next((one.row for one in _contracts(model, at, {"contract": contract_id})), None)


def _contracts(model: Tables, at: Point, filters: dict[str, str | None]) -> Iterator[_Contract]:
    return map(_fold, terms(model, at, TABLE, _Row, "signed", filters))


def _fold(record: Terms[_Row]) -> _Contract:
    signed, ended = record.made, record.last("ended") is not None
    billed, paid = record.sum_of("billed"), record.sum_of("paid")
    amount, _ = record.agreed(paid)
    own = record.converting.target or own_currency(amount, billed, paid)
    remaining = Figure() if ended else left_of(amount, larger_of(billed, paid))
    figures = dict(zip(_FIGURES, (amount, billed, paid, remaining), strict=True))
    term = record.latest("term")
    row = {
        "contract": signed.id,
        "customer": signed.customer,
        "provider": signed.provider,
        "resource": signed.resource,
        **{name: shown(figure, own) for name, figure in figures.items()},
        "term": None if term is None else json.loads(term),
        "exclusive": record.latest("exclusive"),
        "ended": ended,
        "events": record.events,
    }
    return _Contract(signed.id, figures, with_missing(row, figures.values()))
