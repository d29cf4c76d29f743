"""GET /v1/entities and /v1/entities/{id}: who takes part."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Any

from pydantic import Field

import projections.entities
from api.answers import Answered, EventIds, Listed, Part, Record
from api.paging import ListQuestion, Paged
from api.question import ID, Id, OneQuestion, Times
from ledger.entities import Kind
from projections.database import ReadModel
from projections.visibility import Point


class EntitiesQuestion(Paged):
    kind: Kind | None = Field(default=None, description="Only of this kind.")
    parent: Id | None = Field(default=None, description="Only those whose parent this entity is on `as_of`.")
    q: Annotated[str, Field(min_length=1, max_length=200)] | None = Field(
        default=None, description="Only those with this text in their id or in one of their names."
    )


class Entity(Part):
    """Who takes part, as its events say by the point asked for."""

    entity: Record
    name: str
    kind: str
    parent: Record | None
    manager: Record | None
    country: str | None
    city: str | None
    sector: str | None
    state: str
    lei: str | None
    aliases: list[str]
    names: dict[str, str] | list[str | dict[str, str]] | None
    events: EventIds


class EntitiesAnswer(Listed):
    entities: list[Entity]


class EntityAnswer(Answered):
    entity: Entity


ENTITIES = ListQuestion(
    name="entities",
    path="/v1/entities",
    about="Who takes part. By id.",
    shape=EntitiesQuestion,
    answer=EntitiesAnswer,
    list_name="entities",
    rows=lambda model, at, asked, page, parts: projections.entities.entities(
        model, at, kind=asked.kind, parent=asked.parent, q=asked.q, page=page
    ),
    identity=("entity",),
)


def _entity(model: ReadModel, at: Point, asked: Times, parts: Sequence[str]) -> dict[str, Any] | None:
    row = projections.entities.entity(model, at, *parts)
    return None if row is None else {"entity": row}


ENTITY = OneQuestion(
    name="entity",
    path="/v1/entities/{id}",
    about="One entity.",
    shape=Times,
    answer=EntityAnswer,
    missing="There is no such entity at these three times.",
    forms={"id": ID},
    find=_entity,
)
