"""Claims: what somebody said in sum. They are reconciled with the ledger's events, never added to them."""

from __future__ import annotations

from typing import ClassVar, Literal, Self

from pydantic import model_validator
from pydantic_core import PydanticCustomError

from ledger.fields import AnyId, AnyIds, Count, Data, EntityId, EntityIds, Name, SlugText, Span, Text
from ledger.money import RANGE_WORDS, Bounded, DecimalText, Money, ShareText


class Quantity(Bounded):
    """A number of something that is not money, exact or bounded: about 470 companies."""

    number: DecimalText | None = None
    low: DecimalText | None = None
    high: DecimalText | None = None
    unit: Name

    @model_validator(mode="after")
    def _rules(self) -> Self:
        if self.number is None and self.low is None and self.high is None:
            raise PydanticCustomError("invalid_amount", "no number; give number, or low and high")
        return self.check(self.number, self.low, self.high)


class Share(Bounded):
    """A share of a whole that nobody gave exactly: over half."""

    share: ShareText | None = None
    low: ShareText | None = None
    high: ShareText | None = None

    @model_validator(mode="after")
    def _rules(self) -> Self:
        if self.share is not None and self.qualifier in RANGE_WORDS:
            raise PydanticCustomError("invalid_amount", "more than the whole; a share is between 0 and 1")
        return self.check(self.share, self.low, self.high)


class ClaimPublished(Data):
    """`value` is what is claimed; `share_of` the part of a whole that it says it is; `members` what it sums up."""

    type: ClassVar[str] = "claim.published"
    record: ClassVar[tuple[str, str] | None] = ("claim", "claim")
    makes: ClassVar[bool] = True

    claim: SlugText
    text: Text
    kind: Literal["aggregate", "target", "forecast", "opinion", "statement", "denial"]
    by: EntityId | None = None
    about: AnyIds | None = None
    denies: AnyId | None = None
    value: Money | None = None
    quantity: Quantity | None = None
    count: Count | None = None
    share_of: ShareText | Share | None = None
    period: Span | None = None
    measures: Literal["funding", "commitments", "valuation", "revenue", "loss"] | None = None
    payers: EntityIds | None = None
    payees: EntityIds | None = None
    members: AnyIds | None = None
    series: Name | None = None
    part_of: AnyId | None = None
