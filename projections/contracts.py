"""Contracts: what was agreed, billed and paid, and what remains."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from itertools import groupby
from typing import Any

from ledger.money import Bounds
from projections.figures import (
    MONEY_COLUMNS,
    Exchange,
    Figure,
    Part,
    in_force,
    is_up_to,
    larger_of,
    left_of,
    money_values,
    own_currency,
    shown,
    summed,
    totals_shown,
    with_missing,
)
from projections.paging import Listing, Page, cut
from projections.rates import exchange
from projections.visibility import Fact, Point, Table, Tables, counting

_COLUMNS = {
    "contract": "VARCHAR",
    "role": "VARCHAR",  # signed, changed, ended, billed, paid
    "customer": "VARCHAR",
    "provider": "VARCHAR",
    "resource": "VARCHAR",
    "term": "VARCHAR",  # JSON
    "exclusive": "VARCHAR",
    **MONEY_COLUMNS,
    "up_to": "BOOLEAN",
}
_FIGURES = ("amount", "billed", "paid", "remaining")


def _rows(fact: Fact) -> Iterator[tuple[Any, ...]]:
    data = fact.data
    money, term = data.get("amount"), data.get("term")
    yield (
        data["contract"],
        fact.type.partition(".")[2],
        data.get("customer"),
        data.get("provider"),
        data.get("resource"),
        None if term is None else json.dumps(term, ensure_ascii=False),
        data.get("exclusive"),
        *money_values(money),
        None if money is None else is_up_to(money),
    )


TABLE = Table(
    "contracts",
    _COLUMNS,
    frozenset({"contract.signed", "contract.changed", "contract.ended", "contract.billed", "contract.paid"}),
    _rows,
)


@dataclass(frozen=True, slots=True)
class _Row:
    """One event of a contract that counts."""

    chain: str
    fact_position: int
    first_day: date
    last_day: date
    contract: str
    role: str
    customer: str
    provider: str
    resource: str
    term: str | None
    exclusive: str | None
    currency: str | None
    low: Decimal | None
    stated: Decimal | None
    high: Decimal | None
    up_to: bool | None

    @property
    def part(self) -> Part | None:
        if self.low is None:
            return None
        return Part(self.currency, Bounds(self.low, self.stated, self.high), self.first_day, self.last_day)


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
    rule = counting(model, at)
    chosen = {column: value for column, value in filters.items() if value is not None}
    # Where several made the record, each after the one before was retracted, the last one recorded has it.
    signed = f"SELECT contract FROM contracts WHERE {rule.sql} AND role = 'signed' GROUP BY contract"
    if chosen:
        signed += " HAVING " + " AND ".join(f"arg_max({column}, fact_position) = ${column}" for column in chosen)
    rows = model.rows(
        f"""SELECT chain, fact_position, first_day, last_day, {", ".join(_COLUMNS)} FROM contracts
        WHERE {rule.sql} AND contract IN ({signed}) ORDER BY contract, last_day, fact_position""",
        {**rule.values, **chosen},
    )
    converting = exchange(model, at)
    for contract_id, its_rows in groupby((_Row(*row) for row in rows), key=lambda row: row.contract):
        yield _fold(contract_id, list(its_rows), at, converting)


def _fold(contract_id: str, rows: Sequence[_Row], at: Point, converting: Exchange) -> _Contract:
    """The contract that its rows, in the order in which they set its state, make."""
    signed = max((row for row in rows if row.role == "signed"), key=lambda row: row.fact_position)
    rows = [row for row in rows if row.role != "signed" or row is signed]
    terms = [signed, *(row for row in rows if row.role == "changed")]
    ended = any(row.role == "ended" for row in rows)

    def latest(field: str) -> Any:
        return next((value for row in reversed(terms) if (value := getattr(row, field)) is not None), None)

    billed = summed(part.figure(converting) for row in rows if row.role == "billed" and (part := row.part))
    paid = summed(part.figure(converting) for row in rows if row.role == "paid" and (part := row.part))
    priced, agreed = next((one, part) for one in reversed(terms) if (part := one.part))
    amount = in_force(
        agreed,
        certain=signed.last_day <= at.as_of,
        up_to=bool(priced.up_to),
        taken=paid,
        exchange=converting,
    )
    own = converting.target or own_currency(amount, billed, paid)
    remaining = Figure() if ended else left_of(amount, larger_of(billed, paid))
    figures = dict(zip(_FIGURES, (amount, billed, paid, remaining), strict=True))
    term = latest("term")
    row = {
        "contract": contract_id,
        "customer": signed.customer,
        "provider": signed.provider,
        "resource": signed.resource,
        **{name: shown(figure, own) for name, figure in figures.items()},
        "term": None if term is None else json.loads(term),
        "exclusive": latest("exclusive"),
        "ended": ended,
        "events": [one.chain for one in sorted(rows, key=lambda one: one.fact_position)],
    }
    return _Contract(contract_id, figures, with_missing(row, figures.values()))
