"""GET /v1/valuations/{subject}: every mark of a company, fund or holder's position, and what deals imply."""

from __future__ import annotations

from fastapi import APIRouter, Request
from starlette.responses import Response

import projections.valuations
from api import documented
from api.answers import DayString, DecimalString, EventIds, Listed, Money, Rated, Record
from api.paging import Paged, listing
from api.problems import not_found
from projections.database import ReadModel
from projections.paging import Listing, Page
from projections.visibility import Point

router = APIRouter(prefix="/v1", tags=["valuations"])


class Mark(Rated):
    """One mark. A mark with a holder is the value of that holder's position; `implied` is amount / stake."""

    effective: str
    known: DayString
    status: str
    basis: str
    holder: Record | None
    value: Money
    implied: Money
    step_up: DecimalString | None
    events: EventIds


class ValuationsAnswer(Listed):
    marks: list[Mark]


@router.get(
    "/valuations/{subject}", **documented.question(Paged, ValuationsAnswer, (*documented.LISTED, *documented.ONE))
)
async def get_valuations(request: Request, subject: str) -> Response:
    """Marks of a subject, by effective date."""

    def marks(model: ReadModel, at: Point, asked: Paged, page: Page) -> Listing:
        found = projections.valuations.valuations(model, at, subject, page)
        if found is None:
            raise not_found("No entity of this name is registered.")
        return found

    return await listing(request, "marks", Paged, marks, key=(str, int))
