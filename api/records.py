"""GET /v1/records/{kind}/{id}: one record's state and its history."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter, Request
from starlette.responses import Response

import projections.records
from api import documented
from api.answers import Answered
from api.problems import not_found
from api.question import Times, answer
from projections.database import ReadModel
from projections.visibility import Point

router = APIRouter(prefix="/v1", tags=["records"])


class RecordAnswer(Answered):
    kind: str
    id: str
    version: int
    state: dict[str, Any] | None
    events: list[dict[str, Any]]


@router.get("/records/{kind}/{record:path}", **documented.question(Times, RecordAnswer, documented.ONE))
async def get_record(request: Request, kind: str, record: str) -> Response:
    """One commitment, contract, guarantee, claim, restriction or entity; `version` is what If-Match takes."""

    def found(model: ReadModel, at: Point, asked: Times) -> dict[str, Any]:
        state = projections.records.record(model, at, kind, record)
        if state is None:
            raise not_found("There is no such record at these three times.")
        return state

    return await answer(request, Times, found)
