"""GET /v1/commitments: who promised what to whom, and what is left of it."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

import projections.commitments
from api.answers import EventIds, Listed, Money, Rated, Record, Span, Total
from api.paging import ListQuestion, Paged
from api.question import Id
from projections.behind import of_commitment


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
    horizon: Span | None
    horizon_gone: bool
    events: EventIds


class CommitmentTotal(Total):
    committed: Money
    drawn: Money
    unfunded: Money


class CommitmentsAnswer(Listed):
    commitments: list[Commitment]
    totals: list[CommitmentTotal]


COMMITMENTS = ListQuestion(
    name="commitments",
    path="/v1/commitments",
    about="Who promised what to whom; what is left. By id.",
    shape=CommitmentsQuestion,
    answer=CommitmentsAnswer,
    list_name="commitments",
    rows=lambda model, at, asked, page, parts: projections.commitments.commitments(
        model, at, from_=asked.from_, to=asked.to, page=page
    ),
    identity=("commitment",),
    behind=lambda model, at, asked, one: of_commitment(model, at, one),
)
