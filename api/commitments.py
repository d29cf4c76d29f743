"""GET /v1/commitments: who promised what to whom, and what is left of it."""

from __future__ import annotations

from typing import Any, Literal

from fastapi import APIRouter, Request
from pydantic import Field
from starlette.responses import Response

import projections.commitments
from api import documented
from api.answers import EventIds, Listed, Money, Rated, Record, Total
from api.paging import Paged, listing
from api.question import Id

router = APIRouter(prefix="/v1", tags=["commitments"])


class CommitmentsQuestion(Paged):
    from_: Id | None = Field(default=None, alias="from", description="Only what this entity committed.")
    to: Id | None = Field(default=None, description="Only what was committed to this entity.")


class Commitment(Rated):
    """One commitment; what is still open is never below zero, and zero once it is closed."""

    commitment: Record
    from_: Record = Field(alias="from")
    to: Record
    purpose: str
    binding: bool | None
    stage: str | None
    held: bool
    committed: Money
    drawn: Money
    unfunded: Money
    unfunded_bounds: Literal["independent"] | None = Field(
        default=None,
        description="Said where the amount is `up_to`: bounded as if committed and drawn were independent.",
    )
    outcome: str | None
    horizon: dict[str, Any] | None
    horizon_gone: bool
    events: EventIds


class CommitmentTotal(Total):
    committed: Money
    drawn: Money
    unfunded: Money


class CommitmentsAnswer(Listed):
    commitments: list[Commitment]
    totals: list[CommitmentTotal]


@router.get("/commitments", **documented.question(CommitmentsQuestion, CommitmentsAnswer, documented.LISTED))
async def get_commitments(request: Request) -> Response:
    """Commitments, by id."""
    return await listing(
        request,
        "commitments",
        CommitmentsQuestion,
        lambda model, at, asked, page: projections.commitments.commitments(
            model, at, from_=asked.from_, to=asked.to, page=page
        ),
    )
