"""GET /v1/restrictions: who is bound to what, and what looks like a breach of it."""

from __future__ import annotations

from pydantic import Field

import projections.restrictions
from api.answers import EventIds, Listed, Part, Record
from api.paging import ListQuestion, Paged
from api.question import Id
from projections.behind import of_restriction


class RestrictionsQuestion(Paged):
    on: Id | None = Field(default=None, description="Only restrictions that name this entity or record.")


class Breach(Part):
    """An event that went to somebody who isn't allowed."""

    event: str
    why: str


class Restriction(Part):
    """One restriction. A breach is flagged, never refused."""

    restriction: Record
    kind: str
    on: list[str]
    by: Record | None
    text: str
    allows: list[str] | None = Field(description="Ids, countries or sectors; null if this isn't what it limits.")
    forbids: list[str] | None
    lifted: str | None = Field(description="When it was lifted, as the event says it.")
    breaches: list[Breach]
    events: EventIds


class RestrictionsAnswer(Listed):
    restrictions: list[Restriction]


RESTRICTIONS = ListQuestion(
    name="restrictions",
    path="/v1/restrictions",
    about="Who is bound to what; breaches. By id, lifted ones too.",
    shape=RestrictionsQuestion,
    answer=RestrictionsAnswer,
    list_name="restrictions",
    rows=lambda model, at, asked, page, parts: projections.restrictions.restrictions(model, at, on=asked.on, page=page),
    identity=("restriction",),
    behind=lambda model, at, asked, one: of_restriction(model, at, one),
)
