"""GET /v1/holdings: who has what of whom, what it cost, paid back and is worth."""

from __future__ import annotations

from pydantic import Field

import projections.holdings
from api.answers import DayString, DecimalString, EventIds, Listed, Money, Rated, Record, StakeFigure, Total
from api.paging import ListQuestion, Paged
from api.question import Id
from projections.behind import of_holding


class HoldingsQuestion(Paged):
    holder: Id | None = Field(default=None, description="Only what this entity holds.")
    issuer: Id | None = Field(default=None, description="Only what is held of this entity.")


class Holding(Rated):
    """One position. Its cost is gross: sales do not lower it."""

    holder: Record
    issuer: Record
    instrument: str
    units: DecimalString | None
    stake: list[StakeFigure]
    cost: Money
    proceeds: Money
    distributions: Money
    value: Money
    value_basis: str | None
    valued_on: DayString | None
    value_event: str | None
    age_days: int | None
    multiple: DecimalString | None
    incomplete: bool
    events: EventIds


class HoldingTotal(Total):
    cost: Money
    proceeds: Money
    distributions: Money
    value: Money


class HoldingsAnswer(Listed):
    holdings: list[Holding]
    totals: list[HoldingTotal]


HOLDINGS = ListQuestion(
    name="holdings",
    path="/v1/holdings",
    about="Who has what of whom, its cost, what came back, its value. By holder, issuer and instrument.",
    shape=HoldingsQuestion,
    answer=HoldingsAnswer,
    list_name="holdings",
    rows=lambda model, at, asked, page, parts: projections.holdings.holdings(
        model, at, holder=asked.holder, issuer=asked.issuer, page=page
    ),
    identity=("holder", "issuer", "instrument"),
    behind=lambda model, at, asked, one: of_holding(model, at, one),
    key=(str, str, str),
)
