"""Guarantees: who stands in for whose obligation, to whom, and when it was called."""

from __future__ import annotations

from typing import ClassVar

from ledger.fields import Data, EntityId, SlugText, Term
from ledger.money import Money

RECORD = ("guarantee", "guarantee")


class GuaranteeGiven(Data):
    """`guarantor` stands in, up to an amount, for what `of` owes to `to`."""

    type: ClassVar[str] = "guarantee.given"
    record: ClassVar[tuple[str, str] | None] = RECORD
    makes: ClassVar[bool] = True

    guarantee: SlugText
    guarantor: EntityId
    of: EntityId
    to: EntityId
    amount: Money
    term: Term | None = None


class GuaranteeCalled(Data):
    """The guarantor had to pay."""

    type: ClassVar[str] = "guarantee.called"
    record: ClassVar[tuple[str, str] | None] = RECORD

    guarantee: SlugText
    amount: Money
