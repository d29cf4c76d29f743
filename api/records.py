"""GET /v1/records/{kind}/{id}: one record's state and its history."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import Field

import projections.records
from api.answers import Answered, DayString, EventBody, Part
from api.question import ID, Form, OneQuestion, Times
from projections.behind import of_record


class FieldChange(Part):
    field: str
    before: Any
    after: Any


class RecordChange(Part):
    """What recording an event changed in the state: at its position, against the position before."""

    event: str
    position: int
    type: str
    effective: str
    known: DayString
    recorded_at: str
    recorded_by: str
    changes: list[FieldChange]


class RecordAnswer(Answered):
    kind: str
    id: str
    version: int
    state: dict[str, Any] | None
    history: Annotated[list[RecordChange], Field(description="By position; the newest 50.")]
    earlier: Annotated[int | None, Field(description="The position to ask at for what came before them.")]
    attachments: Annotated[list[str], Field(description="Ids of the documents about it.")]
    events: list[EventBody]


RECORD = OneQuestion(
    name="record",
    path="/v1/records/{kind}/{id}",
    about="One record, like: commitment x. A commitment, contract, guarantee, claim, restriction, attachment or "
    "entity; `version` is what If-Match takes; `history` says what each event changed.",
    shape=Times,
    answer=RecordAnswer,
    missing="There is no such record at these three times.",
    forms={
        "kind": Form(
            "|".join(projections.records.KINDS),
            f"no kind of record; The kinds are {', '.join(projections.records.KINDS)}.",
        ),
        "id": ID,
    },
    find=lambda model, at, asked, parts: projections.records.record(model, at, *parts),
    identities={"history": ("event",), "events": ("id",)},
    behind=lambda model, at, asked, one: of_record(model, at, one),
    every_status=True,
)
