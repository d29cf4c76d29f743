"""Flows: every amount that an event names, from whom to whom, and what ends it, for questions that look across the
nouns.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any

from ledger.money import Bounds
from projections.figures import MONEY_COLUMNS, Exchange, Figure, Part, in_force, is_up_to, money_values, summed
from projections.visibility import Fact, Point, Rule, Table, Tables, counting

_COLUMNS = {
    "record": "VARCHAR",  # what it makes, changes or is taken from, with its kind: commitment/x
    "payer": "VARCHAR",
    "payee": "VARCHAR",
    "subtype": "VARCHAR",  # a commitment's purpose, a mark's basis, what a distribution is, `secondary` if an
    # investment's cash goes to holders
    "part_of": "VARCHAR",
    **MONEY_COLUMNS,  # nothing of what only ends or binds
    "up_to": "BOOLEAN",
}
# The same amount in units of 10 ^ -4, for sums of very many; nothing if a bound isn't whole, or too large.
UNIT_PLACES = 4
_MOST_UNITS = 9 * 10**18
_UNIT_COLUMNS = {"low_units": "BIGINT", "stated_units": "BIGINT", "high_units": "BIGINT"}
# What says how the amount counts in the graph of exposures (projections/edges.py).
FORM_COLUMNS = {
    "form": "VARCHAR",  # words with spaces between
    "instrument": "VARCHAR",
    "seller": "VARCHAR",
    "binding": "BOOLEAN",
    "outcome": "VARCHAR",  # of a commitment that was closed
    "linked": "VARCHAR",  # ids with spaces between
}
# By event type: who pays, who is paid (of a mark: who holds, and what is valued), and the amount.
_SAYS = {
    "investment.made": ("investor", "issuer", "amount"),
    "investment.sold": ("buyer", "holder", "proceeds"),
    "distribution.paid": ("payer", "holder", "amount"),
    "commitment.made": ("from", "to", "amount"),
    "commitment.changed": ("", "", "amount"),
    "commitment.closed": ("", "", ""),
    "commitment.drawn": ("", "", "amount"),
    "contract.signed": ("customer", "provider", "amount"),
    "contract.changed": ("", "", "amount"),
    "contract.ended": ("", "", ""),
    "contract.billed": ("", "", "amount"),
    "contract.paid": ("", "", "amount"),
    "guarantee.given": ("guarantor", "to", "amount"),
    "guarantee.called": ("", "", "amount"),
    "valuation.recorded": ("holder", "subject", "value"),
}
ENDS = frozenset({"commitment.closed", "contract.ended"})
MAKES = frozenset({"commitment.made", "contract.signed", "guarantee.given"})
CHANGES = frozenset({"commitment.changed", "contract.changed"})
_TAKES = frozenset({"investment.made", "commitment.drawn", "contract.paid"})


def _rows(fact: Fact) -> Iterator[tuple[Any, ...]]:
    data = fact.data
    payer, payee, amount = _SAYS[fact.type]
    money = data.get(amount)
    if money is None and fact.type not in ENDS and data.get("binding") is None:
        return
    yield (
        _record(fact),
        data.get(payer),
        data.get(payee),
        _subtype(fact),
        data.get("part_of"),
        *money_values(money),
        money is not None and is_up_to(money),
        _words(data.get("form")),
        data.get("instrument"),
        data.get("seller"),
        data.get("binding"),
        data.get("outcome"),
        _words(data.get("linked")),
        *_units(money),
    )


def _units(money: dict[str, Any] | None) -> tuple[int | None, ...]:
    bounds = [] if money is None else money_values(money)[1:]
    scaled = [None if bound is None else Decimal(bound).scaleb(UNIT_PLACES) for bound in bounds]
    if not scaled or any(one is not None and (one != int(one) or one > _MOST_UNITS) for one in scaled):
        return None, None, None
    return tuple(None if one is None else int(one) for one in scaled)


def _words(said: str | list[str] | None) -> str | None:
    return " ".join(said) if isinstance(said, list) else said


def _record(fact: Fact) -> str | None:
    if fact.type.startswith(("commitment.", "contract.", "guarantee.")):
        return fact.stream
    drawn_on = fact.data.get("commitment")
    inside = fact.type == "investment.made" and fact.data.get("inside_commitment") is not False
    return f"commitment/{drawn_on}" if drawn_on is not None and inside else None


def _subtype(fact: Fact) -> str | None:
    if fact.type == "investment.made":
        return "secondary" if fact.data.get("cash_to") == "holders" else None
    subtype: str | None = fact.data.get("purpose") or fact.data.get("basis")
    return fact.data["kind"] if fact.type == "distribution.paid" else subtype


TABLE = Table(
    "flows",
    {**_COLUMNS, **FORM_COLUMNS, **_UNIT_COLUMNS},
    frozenset(_SAYS),
    _rows,
    numbers={"payer_no": "payer", "payee_no": "payee", "record_no": "record"},
)


@dataclass(frozen=True, slots=True)
class Flow:
    """One event that counts and names an amount."""

    chain: str
    fact_position: int
    first_day: date
    last_day: date
    type: str
    record: str | None
    payer: str | None
    payee: str | None
    subtype: str | None
    part_of: str | None
    currency: str | None
    low: Decimal
    stated: Decimal | None
    high: Decimal | None
    up_to: bool

    @property
    def part(self) -> Part:
        return Part(self.currency, Bounds(self.low, self.stated, self.high), self.first_day, self.last_day)


def flows(model: Tables, at: Point, chosen: Rule) -> list[Flow]:
    """The flows that count and are `chosen`, with all others of the same records, by position."""
    rule = counting(model, at)
    rows = model.rows(
        f"""WITH counted AS MATERIALIZED (SELECT * FROM flows WHERE {rule.sql} AND low IS NOT NULL),
        chosen AS MATERIALIZED (SELECT chain, record FROM counted WHERE {chosen.sql})
        SELECT chain, fact_position, first_day, last_day, type, {", ".join(_COLUMNS)} FROM counted
        WHERE chain IN (SELECT chain FROM chosen)
        OR record IN (SELECT record FROM chosen WHERE record IS NOT NULL) ORDER BY fact_position""",
        {**rule.values, **chosen.values},
    )
    return [Flow(*row) for row in rows]


def agreed(of_record: Sequence[Flow], at: Point, converting: Exchange) -> Figure:
    """What a commitment, contract or guarantee is for by its latest terms, as the lists of these have it."""
    made = max((flow for flow in of_record if flow.type in MAKES), key=lambda flow: flow.fact_position)
    changes = (flow for flow in of_record if flow.type in CHANGES)
    latest = max(changes, key=lambda flow: (flow.last_day, flow.fact_position), default=made)
    return in_force(
        latest.part,
        certain=made.last_day <= at.as_of,
        up_to=latest.up_to,
        taken=summed(flow.part.figure(converting) for flow in of_record if flow.type in _TAKES),
        exchange=converting,
    )
