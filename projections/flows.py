"""Flows: every amount that an event names, from whom to whom, and what ends it, for questions that look across the
nouns.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any

from ledger.money import Bounds
from projections.amounts import MONEY_COLUMNS, UNIT_COLUMNS
from projections.doubles import Doubles, under_the_first
from projections.figures import Exchange, Figure, Part, in_force, summed
from projections.flow_flags import flags_of
from projections.table import Fact, Said, View, same
from projections.visibility import Point, Rule, Tables, counting

_COLUMNS = same(
    "record",  # what it makes, changes or is taken from, with its kind: commitment/x
    "payer",
    "payee",
    "subtype",  # a commitment's purpose, a mark's basis, what a distribution is, `secondary` if an investment's cash
    # goes to holders
    "part_of",
    *MONEY_COLUMNS,  # nothing of what only ends or binds
    "up_to",
)
# What says how the amount counts in the graph of exposures (projections/edges.py).
FORM_COLUMNS = {
    "form": "VARCHAR",  # words with spaces between
    "instrument": "VARCHAR",
    "seller": "VARCHAR",
    "binding": "BOOLEAN",
    "outcome": "VARCHAR",  # of a commitment that was closed
    "linked": "VARCHAR",  # ids with spaces between
}
# Names, each with the column of its number in the table `names`, by which questions join very many.
NUMBERED = {"payer": "payer_no", "payee": "payee_no", "record": "record_no"}
# By event type: who pays, who is paid (of a mark: who holds, and what is valued).
_SAYS = {
    "investment.made": ("investor", "issuer"),
    "investment.sold": ("buyer", "holder"),
    "distribution.paid": ("payer", "holder"),
    "commitment.made": ("from", "to"),
    "commitment.changed": ("", ""),
    "commitment.closed": ("", ""),
    "commitment.drawn": ("", ""),
    "contract.signed": ("customer", "provider"),
    "contract.changed": ("", ""),
    "contract.ended": ("", ""),
    "contract.billed": ("", ""),
    "contract.paid": ("", ""),
    "guarantee.given": ("guarantor", "to"),
    "guarantee.called": ("", ""),
    "valuation.recorded": ("holder", "subject"),
}
ENDS = frozenset({"commitment.closed", "contract.ended"})
MAKES = frozenset({"commitment.made", "contract.signed", "guarantee.given"})
CHANGES = frozenset({"commitment.changed", "contract.changed"})
_OF_STREAM = frozenset(kind for kind in _SAYS if kind.startswith(("commitment.", "contract.", "guarantee.")))
_TAKES = frozenset({"investment.made", "commitment.drawn", "contract.paid"})


def _record(kind: str, stream: str, said: Said) -> str | None:
    if kind in _OF_STREAM:
        return stream
    drawn_on = said.get("commitment")
    inside = kind == "investment.made" and drawn_on is not None and said.get("inside_commitment") is not False
    return f"commitment/{drawn_on}" if inside else None


def _words(said: Any) -> Any:
    """A text or a list of them as words with spaces between."""
    return " ".join(said) if isinstance(said, list) else said


def _said(fact: Fact) -> Said | None:
    said, kind = fact.data, fact.type
    fact.needs("low")
    binding = said.get("binding")
    if "low" not in fact.amounts and binding is None and kind not in ENDS:
        return None
    if kind == "investment.made":
        subtype = "secondary" if said.get("cash_to") == "holders" else None
    elif kind == "distribution.paid":
        subtype = said["kind"]
    else:
        subtype = said.get("purpose") or said.get("basis")
    payer, payee = _SAYS[kind]
    says = {
        "record": _record(kind, fact.stream, said),
        "payer": said.get(payer),
        "payee": said.get(payee),
        "subtype": subtype,
        "part_of": said.get("part_of"),
        "form": _words(said.get("form")),
        "instrument": said.get("instrument"),
        "seller": said.get("seller"),
        "binding": binding,
        "outcome": said.get("outcome"),
        "linked": _words(said.get("linked")),
    }
    return {"flags": flags_of(kind, says, fact.amounts), **says}


TABLE = View(
    "flows",
    frozenset(_SAYS),
    {
        **_COLUMNS,
        "up_to": "coalesce(up_to, false)",
        **same(*FORM_COLUMNS, *UNIT_COLUMNS, *NUMBERED.values(), "flags"),
    },
    mark="flags",
    adds={
        "flags": "INTEGER",
        **dict.fromkeys(("record", "payer", "payee", "subtype", "part_of"), "VARCHAR"),
        **FORM_COLUMNS,
        **dict.fromkeys(NUMBERED.values(), "INTEGER"),
    },
    said=_said,
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


def flows(model: Tables, at: Point, chosen: Rule, repeated: Doubles) -> list[Flow]:
    """The flows that count and are `chosen`, with all others of the same records, by position.

    What is of a double, or a part of one, is of the first.
    """
    rule = counting(model, at)
    firsts = {**repeated.records, **repeated.slugs("commitment"), **repeated.events}
    source, of_doubles = under_the_first(TABLE.name, ("record", "part_of"), firsts)
    rows = model.rows(
        f"""WITH counted AS MATERIALIZED (SELECT * FROM {source} WHERE {rule.sql} AND low IS NOT NULL),
        chosen AS MATERIALIZED (SELECT chain, record FROM counted WHERE {chosen.sql})
        SELECT chain, fact_position, first_day, last_day, type, {", ".join(_COLUMNS)} FROM counted
        WHERE chain IN (SELECT chain FROM chosen)
        OR record IN (SELECT record FROM chosen WHERE record IS NOT NULL) ORDER BY fact_position""",
        {**rule.values, **chosen.values, **of_doubles},
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
