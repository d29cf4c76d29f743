"""GET /v1/valuations/{subject}: every mark of a company, fund or holder's position, and what deals imply."""

from __future__ import annotations

from pydantic import Field

import projections.valuations
from api.answers import DayString, DecimalString, EventIds, Listed, Money, Rated, Record
from api.paging import ListQuestion, Paged
from api.question import ID
from projections.behind import of_mark


class Mark(Rated):
    """One mark. A mark with a holder is the value of that holder's position; `implied` is amount / stake."""

    effective: str
    known: DayString
    status: str
    basis: str
    holder: Record | None
    value: Money
    implied: Money
    step_up: DecimalString | None = Field(
        description="This / the mark before it of the same basis and holder, at the stated figures."
    )
    since_deal: DecimalString | None = Field(
        description="What the whole is worth by this mark / what the newest deal before it implied."
    )
    events: EventIds


class ValuationsAnswer(Listed):
    marks: list[Mark]


VALUATIONS = ListQuestion(
    name="valuations",
    path="/v1/valuations/{subject}",
    about="Every mark of a subject, by effective date; `since_deal` says what it is against the newest deal before it.",
    shape=Paged,
    answer=ValuationsAnswer,
    missing="No entity of this name is registered.",
    forms={"subject": ID},
    list_name="marks",
    rows=lambda model, at, asked, page, parts: projections.valuations.valuations(model, at, parts[0], page),
    identity=("events",),
    behind=lambda model, at, asked, one: of_mark(model, at, one),
    every_status=True,
    key=(str, int),
)
