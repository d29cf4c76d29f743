"""GET /v1/ownership: who holds how much of whom in the end, and what that is worth without counting twice."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

import projections.ownership
from api.answers import Answered, DayString, DecimalString, EventIds, Figure, MoneyFigure, Part, Rated, Record
from api.exposures import Undefined
from api.question import Id, OneQuestion, PlainNumber, Tabled
from ledger.money import Currency


class OwnershipQuestion(Tabled):
    currency: Currency | None = Field(
        default="USD", description="Work all values out in this currency (ISO 4217), each mark at the rate of its day."
    )
    basis: Literal["economic", "voting", "profit_share"] = Field(
        default="economic", description="Which shares: they are different matrices, and never mixed."
    )
    entity: Id | None = Field(default=None, description="Only what this entity holds, and who holds it.")
    limit: Annotated[PlainNumber, Field(ge=1, le=10_000)] = Field(
        default=1000, description="Most rows in each list of the answer; `more` says which there are more of."
    )


class OwnedStake(Part):
    """A share of an issuer: held directly, and in the end through all others."""

    holder: Record
    issuer: Record
    direct: Figure | None
    integrated: Figure | None
    undefined: Undefined
    events: EventIds


class OwnedValue(Rated):
    """What an entity is worth: its last mark, that without its holdings, and what of it all reaches outside owners."""

    entity: Record
    mark: MoneyFigure | None
    own_assets: MoneyFigure | None
    look_through: MoneyFigure | None
    valued_on: DayString | None
    undefined: Undefined
    events: EventIds


class OwnershipError(Part):
    """An issuer that can't be held as it is recorded: nothing is worked out for those who hang together with it."""

    issuer: Record
    reason: Literal["more_than_whole", "closed_circle", "too_large"]
    sum: Annotated[Figure, Field(description="What is held of it in sum.")]


class OwnershipMore(Part):
    """Whether there is more of a list than `limit`."""

    stakes: bool
    values: bool


class OwnershipAnswer(Answered):
    basis: Literal["economic", "voting", "profit_share"]
    currency: str
    entity: Record | None
    stakes: list[OwnedStake]
    values: list[OwnedValue]
    double_count_factor: DecimalString | None
    undefined: Undefined
    errors: list[OwnershipError]
    limit: int
    more: OwnershipMore


OWNERSHIP = OneQuestion(
    name="ownership",
    path="/v1/ownership",
    about="Who holds how much of whom in the end. Directly and through others, and what it is worth counted once.",
    shape=OwnershipQuestion,
    answer=OwnershipAnswer,
    list_name="stakes",
    find=lambda model, at, asked, parts: projections.ownership.ownership(
        model, at, basis=asked.basis, entity=asked.entity, limit=asked.limit
    ),
    identities={"stakes": ("holder", "issuer"), "values": ("entity",)},
)
