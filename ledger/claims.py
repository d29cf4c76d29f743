"""Claims: what somebody said in sum. They are reconciled with the ledger's events, never added to them."""

from __future__ import annotations

from typing import ClassVar, Literal

from ledger.fields import AnyId, AnyIds, Count, Data, EntityId, EntityIds, Name, Part, SlugText, Span, Text
from ledger.money import DecimalText, Money, ShareText


class Quantity(Part):
    """A number of something that is not money."""

    number: DecimalText
    unit: Name


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
    share_of: ShareText | None = None
    period: Span | None = None
    measures: Literal["funding", "commitments", "valuation", "revenue"] | None = None
    payers: EntityIds | None = None
    payees: EntityIds | None = None
    members: AnyIds | None = None
    series: Name | None = None
    part_of: AnyId | None = None
