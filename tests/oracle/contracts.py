"""Contracts: what was agreed, billed and paid, and what remains."""

from __future__ import annotations

from typing import Any

from tests.oracle.commitments import amount_in_force, in_force, newest_of_each
from tests.oracle.money import (
    Figure,
    additive,
    difference,
    maximum,
    missing_rates,
    money,
    nothing,
    own_currency,
    total,
    totals,
)
from tests.oracle.rows import Question, Row, by_position, rows_of_firsts


def contracts(
    q: Question,
    customer: str | None = None,
    provider: str | None = None,
) -> dict[str, Any]:
    rows = rows_of_firsts(q)
    signed_rows = [
        row
        for row in newest_of_each([row for row in rows if row.type == "contract.signed"], "contract")
        if (customer is None or row.data["customer"] == customer)
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
    amount = amount_in_force(q, rows, "contract.changed", slug, signed, paid)
    own = own_currency(q, [amount, billed, paid])
    remaining = nothing(own) if ends else difference(amount, maximum(billed, paid))
    figures = {"amount": amount, "billed": billed, "paid": paid, "remaining": remaining}
    answer = {
        "contract": slug,
        "customer": signed.data["customer"],
        "provider": signed.data["provider"],
        "resource": signed.data["resource"],
        **{name: money(one, own) for name, one in figures.items()},
        "term": in_force(q, rows, "contract.changed", slug, signed, "term")[0],
        "exclusive": in_force(q, rows, "contract.changed", slug, signed, "exclusive")[0],
        "ended": bool(ends),
        "events": by_position([signed, *bills, *payments, *changes, *ends]),
        **missing_rates(figures.values()),
    }
    return answer, figures
