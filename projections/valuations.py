"""Valuations: every mark of a subject, what deals imply, and which mark values a holding."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any, NamedTuple

from ledger.money import ARITHMETIC, Bounds, quotient
from projections import entities
from projections.amounts import MONEY_COLUMNS, STAKE_COLUMNS
from projections.figures import (
    Exchange,
    Figure,
    Part,
    number,
    shown,
    with_missing,
)
from projections.paging import Listing, Page, cut
from projections.rates import exchange
from projections.table import Fact, Said, View, same
from projections.visibility import Point, Rule, Tables, believed, counting, counts, duplicates, visible

IMPLIED = "implied"
_RECORDED = "valuation.recorded"
_PRICE_COLUMNS = {f"price_{name}": f"more_{name}" for name in MONEY_COLUMNS}
_COLUMNS = {
    "subject": "issuer",
    "holder": f"CASE WHEN type = '{_RECORDED}' THEN holder END",  # whose position the value is of
    "basis": "mark",
    **same("effective", "known", *MONEY_COLUMNS, *STAKE_COLUMNS),
    **_PRICE_COLUMNS,
}


def _said(fact: Fact) -> Said | None:
    """A recorded mark; or the one that a deal implies which says both a stake and an amount."""
    said, amounts = fact.data, fact.amounts
    fact.needs("share_low", "low")
    if fact.type == _RECORDED:
        fact.needs("more_low")
        return {"mark": said["basis"], "issuer": said["subject"], "holder": said.get("holder")}
    if "low" not in amounts or "share_low" not in amounts:
        return None
    if amounts["stated"] is None and amounts["high"] is None and not Decimal(amounts["low"]):
        return None
    return {"mark": IMPLIED, "issuer": said["issuer"]}


TABLE = View(
    "valuations",
    frozenset({_RECORDED, "investment.made", "investment.sold"}),
    _COLUMNS,
    mark="mark",
    adds=dict.fromkeys(("mark", "issuer", "holder"), "VARCHAR"),
    said=_said,
)


@dataclass(frozen=True, slots=True)
class _Mark:
    """One mark of a subject."""

    chain: str
    fact_position: int
    last_day: date
    status: str
    holder: str | None
    basis: str
    effective: str
    known: date
    currency: str | None
    low: Decimal
    stated: Decimal | None
    high: Decimal | None
    share_basis: str | None
    share_low: Decimal | None
    share_stated: Decimal | None
    share_high: Decimal | None

    @property
    def key(self) -> tuple[str, int]:
        return self.last_day.isoformat(), self.fact_position

    @property
    def value(self) -> Bounds:
        return Bounds(self.low, self.stated, self.high)

    @property
    def implied(self) -> Bounds | None:
        if self.share_low is None:
            return None
        return quotient(self.value, Bounds(self.share_low, self.share_stated, self.share_high))


def valuations(model: Tables, at: Point, subject: str, page: Page) -> Listing | None:
    """The marks of a subject by (last day, position), whatever their status; None if there was never such an entity.

    Who is registered from a later day on may well have been valued before.
    """
    if not entities.ever_registered(model, at, subject):
        return None
    rule = visible(at)
    columns = ", ".join(["holder", "basis", "effective", "known", *MONEY_COLUMNS, *STAKE_COLUMNS])
    rows = model.rows(
        f"""SELECT chain, fact_position, last_day, status, {columns} FROM valuations
        WHERE {rule.sql} AND last_day <= $as_of AND subject = $subject ORDER BY last_day, fact_position""",
        {**rule.values, "subject": subject},
    )
    repeated = duplicates(model, at)
    converting = exchange(model, at)
    previous: dict[tuple[str, str | None], Figure] = {}
    deal: Figure | None = None  # what the newest deal so far implies
    found: list[tuple[_Mark, dict[str, Any]]] = []
    for mark in (_Mark(*row) for row in rows):
        value = _figure(mark, mark.value, converting)
        implied = None if mark.implied is None else _figure(mark, mark.implied, converting)
        compared = implied if mark.basis == IMPLIED and implied is not None else value
        of_its_kind = mark.basis, mark.holder
        before = previous.get(of_its_kind)
        whole = implied if implied is not None or mark.holder is not None else value
        since_deal = None if deal is None or whole is None else _step_up(deal, whole)
        if counts(mark.status, at) and mark.chain not in repeated:
            previous[of_its_kind] = compared
            deal = compared if mark.basis == IMPLIED else deal
        row = {
            "effective": mark.effective,
            "known": mark.known.isoformat(),
            "status": mark.status,
            "basis": mark.basis,
            "holder": mark.holder,
            "value": shown(value, None),
            "implied": None if implied is None else shown(implied, None),
            "step_up": None if before is None else number(_step_up(before, compared)),
            "since_deal": number(since_deal),
            "events": [mark.chain],
        }
        found.append((mark, with_missing(row, [value] if implied is None else [value, implied])))
    marks, after = cut(found, page, lambda one: one[0].key)
    return Listing([row for _, row in marks], None, after is not None, after)


def _figure(mark: _Mark, bounds: Bounds, converting: Exchange) -> Figure:
    return Part(mark.currency, bounds, mark.last_day, mark.last_day).figure(converting)


def _step_up(before: Figure, after: Figure) -> Decimal | None:
    if set(before.amounts) != set(after.amounts) or before.missing or after.missing:
        return None
    [(was, now)] = [(before.amounts[currency].stated, after.amounts[currency].stated) for currency in after.amounts]
    return None if was is None or now is None or was == 0 else ARITHMETIC.divide(now, was)


# --- what values a holding -------------------------------------------------------------------------------------


class Usable(NamedTuple):
    """A mark that may value a holding: of the holder's position, of one unit, or of the whole."""

    chain: str
    last_day: date
    basis: str
    currency: str | None
    bounds: Bounds


@dataclass(frozen=True, slots=True)
class Marks:
    """The newest usable marks: by subject and holder, and by subject for a unit's price and for the whole."""

    of_holder: dict[tuple[str, str], Usable]
    of_unit: dict[str, Usable]
    of_whole: dict[str, Usable]


# What values nothing that is held, and what values the whole of an issuer.
NOT_REAL = ("target", "counterfactual", IMPLIED)
OF_WHOLE = ("post_money", "market_cap", "fair_value")
_REAL = f"basis NOT IN {NOT_REAL}"
# A mark that says nothing is of no use.
_SAYS = "NOT (low = 0 AND stated IS NULL AND high IS NULL)"
_PRICES = "price_low IS NOT NULL AND NOT (price_low = 0 AND price_stated IS NULL AND price_high IS NULL)"
_OF_PRICE = ", ".join(f"{price} AS {name}" for name, price in zip(MONEY_COLUMNS, _PRICE_COLUMNS, strict=True))
# The marks that may value a holding, by what they are the value of. `owner` is the holder whose position that is.
USES = {
    "position": f"""SELECT *, 'position' AS use, holder AS owner FROM valuations
        WHERE holder IS NOT NULL AND {_REAL} AND {_SAYS}""",
    "unit": f"""SELECT * REPLACE ({_OF_PRICE}), 'unit' AS use, '' AS owner FROM valuations
        WHERE {_REAL} AND {_PRICES}""",
    "whole": f"""SELECT *, 'whole' AS use, '' AS owner FROM valuations
        WHERE holder IS NULL AND basis IN {OF_WHOLE} AND {_SAYS}""",
}


def newest_marks(model: Tables, at: Point, subjects: Rule) -> Marks:
    """The marks that value holdings of the subjects (a condition on `subject`). Rumours never do, nor targets."""
    rule = counting(model, believed(at))

    def newest(use: str) -> dict[tuple[str, str], Usable]:
        rows = model.rows(
            f"""SELECT subject, owner, chain, last_day, basis, {", ".join(MONEY_COLUMNS)} FROM ({USES[use]})
            WHERE {rule.sql} AND last_day <= $as_of AND {subjects.sql}
            QUALIFY row_number() OVER (PARTITION BY subject, owner ORDER BY last_day DESC, fact_position DESC) = 1""",
            {**rule.values, **subjects.values},
        )
        return {(subject, owner): _usable(mark) for subject, owner, *mark in rows}

    of_subject = [{subject: mark for (subject, _), mark in newest(use).items()} for use in ("unit", "whole")]
    return Marks(newest("position"), *of_subject)


def _usable(mark: Sequence[Any]) -> Usable:
    chain, last_day, basis, currency, low, stated, high = mark
    return Usable(chain, last_day, basis, currency, Bounds(low, stated, high))
