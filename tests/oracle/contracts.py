"""Contracts: what was agreed, billed and paid, and what remains."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from tests.oracle.bounds import ZERO
from tests.oracle.commitments import amount_in_force, in_force
from tests.oracle.money import (
    Figure,
    additive,
    difference,
    maximum,
    missing_rates,
    money,
    total,
    totals,
    zeros_if_empty,
)
from tests.oracle.rows import Log, Question, Row, by_position, counting_rows, question


def contracts(
    log: Log,
    as_of: str,
    known_at: str,
    position: int,
    currency: str | None = None,
    include: Iterable[str] = (),
    customer: str | None = None,
    provider: str | None = None,
) -> dict[str, Any]:
    q = question(log, as_of, known_at, position, currency, include)
    rows = counting_rows(q)
    signed_rows = [
        row
        for row in rows
        if row.type == "contract.signed"
        and (customer is None or row.data["customer"] == customer)
        and (provider is None or row.data["provider"] == provider)
    ]
    signed_rows.sort(key=lambda row: row.data["contract"])
    answers = [_contract(q, rows, signed) for signed in signed_rows]
    return {
        **q.header(),
        "contracts": [answer for answer, _ in answers],
        "totals": totals(
            q,
            {
                name: total(figures[name] for _, figures in answers)
                for name in ("amount", "billed", "paid", "remaining")
            },
        ),
    }


def _contract(q: Question, rows: list[Row], signed: Row) -> tuple[dict[str, Any], dict[str, Figure]]:
    slug = signed.data["contract"]

    def of(kind: str) -> list[Row]:
        return [row for row in rows if row.type == kind and row.data["contract"] == slug]

    bills, payments, changes, ends = (
        of(kind) for kind in ("contract.billed", "contract.paid", "contract.changed", "contract.ended")
    )
    billed = total(additive(q, rows, row, row.data["amount"]) for row in bills)
    paid = total(additive(q, rows, row, row.data["amount"]) for row in payments)
    amount, own = amount_in_force(q, rows, "contract.changed", slug, signed, paid)
    remaining = difference(amount, maximum(billed, paid))
    if ends:
        remaining = Figure(dict.fromkeys(remaining.amounts, ZERO))
    own_currencies = {own, *billed.amounts, *paid.amounts}
    figures = {
        "amount": amount,
        "billed": zeros_if_empty(q, billed, own_currencies),
        "paid": zeros_if_empty(q, paid, own_currencies),
        "remaining": zeros_if_empty(q, remaining, own_currencies),
    }
    answer = {
        "contract": slug,
        "customer": signed.data["customer"],
        "provider": signed.data["provider"],
        "resource": signed.data["resource"],
        **{name: money(one) for name, one in figures.items()},
        "term": in_force(q, rows, "contract.changed", slug, signed, "term")[0],
        "exclusive": in_force(q, rows, "contract.changed", slug, signed, "exclusive")[0],
        "ended": bool(ends),
        "events": by_position([signed, *bills, *payments, *changes, *ends]),
        **missing_rates(figures.values()),
    }
    return answer, figures
