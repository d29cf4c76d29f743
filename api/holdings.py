"""GET /v1/holdings: who has what of whom, what it cost, paid back and is worth."""

from __future__ import annotations

from fastapi import APIRouter, Request
from pydantic import Field
from starlette.responses import Response

import projections.holdings
from api import documented
from api.answers import DayString, DecimalString, EventIds, Listed, Money, Rated, Record, StakeFigure, Total
from api.paging import Paged, listing
from api.question import Id

router = APIRouter(prefix="/v1", tags=["holdings"])


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


@router.get("/holdings", **documented.question(HoldingsQuestion, HoldingsAnswer, documented.LISTED))
async def get_holdings(request: Request) -> Response:
    """Holdings, by holder, issuer and instrument."""
    return await listing(
        request,
        "holdings",
        HoldingsQuestion,
        lambda model, at, asked, page: projections.holdings.holdings(
            model, at, holder=asked.holder, issuer=asked.issuer, page=page
        ),
        key=(str, str, str),
    )
