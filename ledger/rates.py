"""Exchange rates, published for a day and used until the next one."""

from __future__ import annotations

from decimal import Decimal
from typing import Any, ClassVar, Self

from pydantic import model_validator
from pydantic_core import PydanticCustomError

from ledger.fields import Data
from ledger.money import Currency, DecimalText


class RatePublished(Data):
    """One unit of `base` is `rate` of `quote`."""

    type: ClassVar[str] = "rate.published"

    base: Currency
    quote: Currency
    rate: DecimalText

    @classmethod
    def stream(cls, data: dict[str, Any], event_id: str) -> str:
        return f"rate/{data['base']}/{data['quote']}"

    @model_validator(mode="after")
    def _a_rate(self) -> Self:
        if self.base == self.quote:
            raise PydanticCustomError("invalid", "a rate of a currency to itself; name two")
        if Decimal(self.rate) == 0:
            raise PydanticCustomError("invalid_amount", "a rate of zero; one base is some quote")
        return self
