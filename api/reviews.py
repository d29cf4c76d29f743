"""GET /v1/reviews, what has been looked at and what is left; GET /v1/reviewers, how far each reviewer is."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

import projections.reviews
from api.answers import DayString, DecimalString, Listed, Part, Review
from api.paging import ListQuestion, Paged
from api.question import Id, PlainNumber

State = Literal["unreviewed", "approved", "questioned", "rejected"]


class ReviewsQuestion(Paged):
    state: State | None = Field(default=None, description="Only facts in this state.")
    reviewer: Annotated[str, Field(min_length=1, max_length=200)] | None = Field(
        default=None, description="The state by this reviewer's verdicts alone."
    )
    since_position: Annotated[PlainNumber, Field(ge=0)] | None = Field(
        default=None, description="Only facts that were recorded, corrected or retracted after this position."
    )
    entity: Id | None = Field(default=None, description="Only facts that name this entity.")


class ReviewedRow(Part):
    """A fact with what amends it, and what reviewers say of it."""

    event: str
    state: State
    type: str
    record: str
    effective: str
    known: DayString
    status: str
    recorded_at: str
    recorded_by: str
    amended_by: Annotated[list[str], Field(description="Its corrections and retractions.")]
    last_position: Annotated[int, Field(description="The last of these events in the log.")]
    reviews: list[Review]


class ReviewsAnswer(Listed):
    reviews: list[ReviewedRow]


class ReviewerRow(Part):
    """Facts by one reviewer's newest verdict on each; `outdated`: looked at, and changed since."""

    reviewer: str
    approved: int
    questioned: int
    rejected: int
    outdated: int
    unreviewed: int
    facts: Annotated[int, Field(description="All facts there are.")]
    share: Annotated[DecimalString, Field(description="The part of them with a verdict that isn't outdated.")]
    last_position: Annotated[int | None, Field(description="The last event of those with such a verdict.")]
    last_review: Annotated[int, Field(description="The position of the reviewer's last review.")]


class ReviewersAnswer(Listed):
    reviewers: list[ReviewerRow]


REVIEWS = ListQuestion(
    name="reviews",
    path="/v1/reviews",
    about="The review queue: each fact, as it stands with its corrections, and what reviewers say of it. In the order "
    "of the log; `as_of` changes nothing here.",
    shape=ReviewsQuestion,
    answer=ReviewsAnswer,
    list_name="reviews",
    rows=lambda model, at, asked, page, parts: projections.reviews.reviews(
        model,
        at,
        state=asked.state,
        reviewer=asked.reviewer,
        since_position=asked.since_position or 0,
        entity=asked.entity,
        page=page,
    ),
    identity=("event",),
    key=int,
)

REVIEWERS = ListQuestion(
    name="reviewers",
    path="/v1/reviewers",
    about="How far each reviewer is: facts by verdict, those that changed since, those left. By name; `as_of` changes "
    "nothing here.",
    shape=Paged,
    answer=ReviewersAnswer,
    list_name="reviewers",
    rows=lambda model, at, asked, page, parts: projections.reviews.reviewers(model, at, page=page),
    identity=("reviewer",),
)
