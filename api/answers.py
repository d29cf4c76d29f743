"""The shapes that answers share, for the documentation; a test holds the answers to them."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

DecimalString = Annotated[str, Field(pattern=r"^-?[0-9]+(\.[0-9]{1,12})?$", examples=["2.5"])]
DayString = Annotated[str, Field(json_schema_extra={"format": "date"}, examples=["2023-11-05"])]
Root = Annotated[
    str,
    Field(
        pattern=r"^[A-Za-z0-9+/]{43}=$",
        description="The root of the log's tree at the position, in base64 as the checkpoint of that size has it.",
    ),
]
Record = Annotated[str, Field(description="The id of a record or an entity.", examples=["anthropic"])]
EventIds = Annotated[list[str], Field(description="The events that it comes from, each by its first id.")]


class Answered(BaseModel):
    """The three times as resolved, and the root of the log there; every answer begins with them."""

    model_config = ConfigDict(extra="forbid")

    as_of: DayString
    known_at: DayString
    position: int
    root: Root


class Listed(Answered):
    """A page of a list."""

    more: Annotated[bool, Field(description="Whether there are more rows after these.")]
    next: Annotated[str | None, Field(description="The cursor for them.")]


class Part(BaseModel):
    model_config = ConfigDict(extra="forbid")


class Figure(Part):
    """An interval and the figure stated in it; null is unbounded, or not stated."""

    low: DecimalString
    stated: DecimalString | None
    high: DecimalString | None


class MoneyFigure(Figure):
    """An interval of money. A wholly unknown amount has no currency."""

    currency: str | None


class StakeFigure(Figure):
    """An interval of shares, 0 to 1."""

    basis: str


class Span(Part):
    """From `start` to `end`, as the event says them; either may be open."""

    start: str | None = None
    end: str | None = None


class Term(Span):
    """A span, or its length in months, or both."""

    months: int | None = None


# One figure; one per currency where they mix; null where there is none or a rate is missing.
Money = MoneyFigure | list[MoneyFigure] | None


class MissingRate(Part):
    """A rate that the ledger lacks: none of this pair on or before the day."""

    base: str
    quote: str
    on: DayString


class Rated(Part):
    """What may lack a rate: its figures are null then."""

    missing_rates: list[MissingRate] | None = None


class Total(Rated):
    """Sums of what the filter selects, in one currency."""

    currency: str | None


class ProblemEntry(Part):
    reason: str
    pointer: Annotated[str, Field(description="JSON pointer (RFC 6901) into the body.")]
    parameter: Annotated[str | None, Field(description="The query parameter or header.")] = None
    detail: str
    mend: Annotated[str, Field(description="What to do about it.")]


class Problem(ProblemEntry):
    """RFC 9457, application/problem+json."""

    type: Annotated[str, Field(examples=["/problems/unknown_entity"])]
    title: str
    status: int
    errors: list[ProblemEntry]


class Review(Part):
    """A verdict on an event. `outdated`: its fact was corrected or retracted since."""

    position: int
    review: str
    event: str
    verdict: Literal["approved", "questioned", "rejected"]
    reviewer: str
    comment: str | None
    recorded_by: str
    recorded_at: str
    outdated: bool


class EventBody(BaseModel):
    """An event as the log holds it: what was submitted, and what the server added to it."""

    model_config = ConfigDict(extra="allow")  # source, same_as, note and the like are there where there are any

    position: int
    record: Annotated[str, Field(description="What it is an event of, like commitment/x; else event/<id>.")]
    version: Annotated[int, Field(description="The record's version with it: it is the n-th of its events.")]
    id: str
    type: str
    effective: str
    known: DayString
    status: str
    data: dict[str, Any]
    recorded_at: str
    recorded_by: str
    corrected_by: list[str]
    retracted_by: list[str]
    reviews: list[Review]
    attachments: Annotated[list[str], Field(description="Ids of the documents about it.")]
    proof: Annotated[str, Field(description="Where the proof is that the log holds it.")]
