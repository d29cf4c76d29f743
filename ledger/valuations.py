"""Valuations: what something was thought to be worth, by whom and on which basis."""

from __future__ import annotations

from typing import Annotated, Any, ClassVar, Literal

from pydantic import Field

from ledger.fields import Data, EntityId, Text
from ledger.money import Money, Stake

MarkBasis = Literal[
    "pre_money",
    "post_money",
    "market_cap",
    "fair_value",
    "aum",
    "secondary",
    "target",
    "counterfactual",
    "unspecified",
]


class ValuationRecorded(Data):
    """A mark. With a `holder` the value is that of the holder's position, else of the whole subject."""

    type: ClassVar[str] = "valuation.recorded"

    subject: EntityId
    value: Money
    basis: MarkBasis
    holder: EntityId | None = None
    stake: Stake | None = None
    method: Text | None = None
    level: Annotated[int, Field(ge=1, le=3, description="a whole number from 1 to 3")] | None = None
    price: Money | None = None
    peak: bool | None = None

    @classmethod
    def stream(cls, data: dict[str, Any], event_id: str) -> str:
        return f"valuation/{data['subject']}"
