"""GET /v1/entities and /v1/entities/{id}: who takes part."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Request
from pydantic import Field
from starlette.responses import Response

import projections.entities
from api import documented
from api.answers import Answered, Listed
from api.paging import Paged, listing
from api.problems import not_found
from api.question import Id, Times, answer
from ledger.entities import Kind
from projections.database import ReadModel
from projections.visibility import Point

router = APIRouter(prefix="/v1", tags=["entities"])


class EntitiesQuestion(Paged):
    kind: Kind | None = Field(default=None, description="Only of this kind.")
    parent: Id | None = Field(default=None, description="Only those whose parent this entity is on `as_of`.")
    q: Annotated[str, Field(min_length=1, max_length=200)] | None = Field(
        default=None, description="Only those with this text in their id or in one of their names."
    )


class EntitiesAnswer(Listed):
    entities: list[dict[str, Any]]


class EntityAnswer(Answered):
    entity: dict[str, Any]


@router.get("/entities", **documented.question(EntitiesQuestion, EntitiesAnswer, documented.LISTED))
async def get_entities(request: Request) -> Response:
    """Entities, by id."""
    return await listing(
        request,
        "entities",
        EntitiesQuestion,
        lambda model, at, asked, page: projections.entities.entities(
            model, at, kind=asked.kind, parent=asked.parent, q=asked.q, page=page
        ),
    )


@router.get("/entities/{entity}", **documented.question(Times, EntityAnswer, documented.ONE))
async def get_entity(request: Request, entity: str) -> Response:
    """One entity."""

    def found(model: ReadModel, at: Point, asked: Times) -> dict[str, Any]:
        row = projections.entities.entity(model, at, entity)
        if row is None:
            raise not_found("There is no such entity at these three times.")
        return {"entity": row}

    return await answer(request, Times, found)
