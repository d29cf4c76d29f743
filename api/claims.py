"""GET /v1/claims: what was said in sum, beside what the ledger holds of it."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

import projections.claims
from api.answers import DecimalString, EventIds, Figure, Listed, Money, Rated, Record
from api.paging import ListQuestion, Paged
from api.question import Id
from projections.behind import of_claim


class ClaimsQuestion(Paged):
    by: Id | None = Field(default=None, description="Only what this entity said.")
    about: Id | None = Field(default=None, description="Only what was said about this entity or record.")
    kind: Literal["aggregate", "target", "forecast", "opinion", "statement", "denial"] | None = Field(
        default=None, description="Only claims of this kind."
    )


class Quantity(Figure):
    """An interval of a number of something that isn't money."""

    unit: str


class Claim(Rated):
    """One claim. Nothing is added to it, and it is added to nothing."""

    claim: Record
    kind: str
    by: Record | None
    about: list[str]
    text: str
    claimed: Money
    quantity: Quantity | None
    found: Money = Field(description="What its members, or the flows that it speaks of, come to in the ledger.")
    explained: Figure | None = Field(description="found / claimed.")
    found_quantity: Quantity | None = Field(
        description="How many of the quantity's unit `found` comes to: found × quantity / claimed."
    )
    count: int | None
    mean: Money = Field(description="claimed / count.")
    share: Figure | None = Field(description="claimed / what the claim claims that this one is part of.")
    whole: Money = Field(description="claimed / the share of a whole that it says it is.")
    growth: DecimalString | None = Field(description="Against the period before in the same series: 0.25 is a quarter.")
    denied_by: list[str] = Field(description="The claims that deny it.")
    events: EventIds


class ClaimsAnswer(Listed):
    claims: list[Claim]


CLAIMS = ListQuestion(
    name="claims",
    path="/v1/claims",
    about="What was said in sum, beside what the ledger holds of it. By id. Of a claim in a unit of its own, like GW, "
    "`found_quantity` is what is found in that unit.",
    shape=ClaimsQuestion,
    answer=ClaimsAnswer,
    list_name="claims",
    rows=lambda model, at, asked, page, parts: projections.claims.claims(
        model, at, by=asked.by, about=asked.about, kind=asked.kind, page=page
    ),
    identity=("claim",),
    behind=lambda model, at, asked, one: of_claim(model, at, one),
)
