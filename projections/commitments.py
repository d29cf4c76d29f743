"""Commitments: what was promised, what was drawn and what is still open."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from itertools import groupby
from typing import Any

from ledger.money import Bounds
from ledger.times import parse_period
from projections.figures import (
    MONEY_COLUMNS,
    Exchange,
    Figure,
    Item,
    Part,
    grouped,
    in_force,
    is_up_to,
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
    "commitment": "VARCHAR",
    "role": "VARCHAR",  # made, changed, closed, drawn, recallable
    "payer": "VARCHAR",
    "payee": "VARCHAR",
    "purpose": "VARCHAR",
    "binding": "BOOLEAN",
    "stage": "VARCHAR",
    "held": "BOOLEAN",
    "outcome": "VARCHAR",
    "horizon": "VARCHAR",  # JSON
    "part_of": "VARCHAR",
    **MONEY_COLUMNS,
    "up_to": "BOOLEAN",
}


def _rows(fact: Fact) -> Iterator[tuple[Any, ...]]:
    data, role = fact.data, _role(fact)
    if role is None:
        return
    money = data.get("recallable" if role == "recallable" else "amount")
    horizon = data.get("horizon")
    yield (
        data["commitment"],
        role,
        data.get("from"),
        data.get("to"),
        data.get("purpose"),
        data.get("binding"),
        data.get("stage"),
        data.get("held"),
        data.get("outcome"),
        None if horizon is None else json.dumps(horizon, ensure_ascii=False),
        data.get("part_of") if role == "made" else None,
        *money_values(money),
        None if money is None else is_up_to(money),
    )


def _role(fact: Fact) -> str | None:
    kind, _, verb = fact.type.partition(".")
    if kind == "commitment":
        return verb
    if fact.data.get("commitment") is None:
        return None
    if kind == "investment":
        return "drawn" if fact.data.get("inside_commitment") is not False else None
    return "recallable" if fact.data.get("recallable") is not None else None


TABLE = Table(
    "commitments",
    _COLUMNS,
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
    _rows,
)


@dataclass(frozen=True, slots=True)
class _Row:
    """One event of a commitment that counts."""

    chain: str
    fact_position: int
    first_day: date
    last_day: date
    commitment: str
    role: str
    payer: str
    payee: str
    purpose: str
    binding: bool | None
    stage: str | None
    held: bool | None
    outcome: str | None
    horizon: str | None
    part_of: str | None
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
    """What binding commitments of capital come to, their ids, and whom they are to."""

    committed: Figure
    unfunded: Figure
    ids: frozenset[str]
    payees: frozenset[str]


def capital(model: Tables, at: Point, *, from_: str, to: str | None = None) -> Capital:
    """A payer's binding commitments that become holdings: to funds, investments and loans, not to itself."""
    chosen = [
        one
        for one in _commitments(model, at, {"payer": from_, "payee": to})
        if one.row["binding"] and one.row["purpose"] in ("fund", "investment", "loan") and not one.internal
    ]
    return Capital(
        _total(chosen, "committed"),
        _total(chosen, "unfunded"),
        frozenset(one.id for one in chosen),
        frozenset(one.row["to"] for one in chosen),
    )


def _total(found: Sequence[_Commitment], name: str) -> Figure:
    return grouped([Item((one.id, one.chain), one.part_of, one.figures[name]) for one in found])


def commitment(model: Tables, at: Point, commitment_id: str) -> dict[str, Any] | None:
    """The row of one commitment, as the list has it; None if it isn't listed at the three times."""
    return next((one.row for one in _commitments(model, at, {"commitment": commitment_id})), None)


def _commitments(model: Tables, at: Point, filters: dict[str, str | None]) -> Iterator[_Commitment]:
    rule = counting(model, at)
    chosen = {column: value for column, value in filters.items() if value is not None}
    # Where several made the record, each after the one before was retracted, the last one recorded has it.
    made = f"SELECT commitment FROM commitments WHERE {rule.sql} AND role = 'made' GROUP BY commitment"
    if chosen:
        made += " HAVING " + " AND ".join(f"arg_max({column}, fact_position) = ${column}" for column in chosen)
    rows = model.rows(
        f"""SELECT chain, fact_position, first_day, last_day, {", ".join(_COLUMNS)} FROM commitments
        WHERE {rule.sql} AND commitment IN ({made}) ORDER BY commitment, last_day, fact_position""",
        {**rule.values, **chosen},
    )
    converting = exchange(model, at)
    for commitment_id, its_rows in groupby((_Row(*row) for row in rows), key=lambda row: row.commitment):
        yield _fold(commitment_id, list(its_rows), at, converting)


def _fold(commitment_id: str, rows: Sequence[_Row], at: Point, converting: Exchange) -> _Commitment:
    """The commitment that its rows, in the order in which they set its state, make."""
    made = max((row for row in rows if row.role == "made"), key=lambda row: row.fact_position)
    rows = [row for row in rows if row.role != "made" or row is made]
    terms = [made, *(row for row in rows if row.role == "changed")]
    closed = next((row for row in reversed(rows) if row.role == "closed"), None)

    def latest(field: str) -> Any:
        return next((value for row in reversed(terms) if (value := getattr(row, field)) is not None), None)

    drawn = summed(part.figure(converting) for row in rows if row.role == "drawn" and (part := row.part))
    back_parts = [part for row in rows if row.role == "recallable" and (part := row.part)]
    priced, amount = next((one, part) for one in reversed(terms) if (part := one.part))
    committed = in_force(
        amount,
        certain=made.last_day <= at.as_of,
        up_to=bool(priced.up_to),
        taken=drawn,
        exchange=converting,
    )
    own = converting.target or own_currency(committed, drawn)
    if closed is None:
        unfunded = left_of(summed([committed, *(part.figure(converting) for part in back_parts)]), drawn)
    else:
        unfunded = Figure()
    figures = {"committed": committed, "drawn": drawn, "unfunded": unfunded}
    horizon = None if (text := latest("horizon")) is None else json.loads(text)
    ends = None if horizon is None or horizon.get("end") is None else parse_period(horizon["end"]).last
    shown_row = {
        "commitment": commitment_id,
        "from": made.payer,
        "to": made.payee,
        "purpose": made.purpose,
        "binding": latest("binding"),
        "stage": latest("stage"),
        "held": bool(latest("held")),
        **{name: shown(figure, own) for name, figure in figures.items()},
        # What is open under "up to X" depends on what is drawn, and is bounded as if it didn't.
        **({"unfunded_bounds": "independent"} if priced.up_to and closed is None else {}),
        "outcome": closed.outcome if closed else None,
        "horizon": horizon,
        "horizon_gone": ends is not None and ends < at.as_of,
        "events": [row.chain for row in sorted(rows, key=lambda row: row.fact_position)],
    }
    return _Commitment(
        commitment_id,
        made.chain,
        made.part_of,
        made.payer == made.payee,
        figures,
        with_missing(shown_row, figures.values()),
    )
