"""GET /v1/records/{kind}/{id}: one record's state and its history."""

from __future__ import annotations

from typing import Any

import projections.records
from api.answers import Answered
from api.question import OneQuestion, Times
from projections.behind import of_record


class RecordAnswer(Answered):
    kind: str
    id: str
    version: int
    state: dict[str, Any] | None
    events: list[dict[str, Any]]


RECORD = OneQuestion(
    name="record",
    path="/v1/records/{kind}/{id}",
    about="One record, like: commitment x. A commitment, contract, guarantee, claim, restriction or entity; "
    "`version` is what If-Match takes.",
    shape=Times,
    answer=RecordAnswer,
    missing="There is no such record at these three times.",
    find=lambda model, at, asked, parts: projections.records.record(model, at, *parts),
    identities={"events": ("id",)},
    behind=lambda model, at, asked, one: of_record(model, at, one),
    every_status=True,
)
