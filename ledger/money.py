"""Figures with bounds: what `up to 4 billion` means, the money and stakes of events, and how intervals add up.

Every figure is an interval `low..high` with the figure that was stated in between, in exact decimals.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from decimal import ROUND_HALF_EVEN, Context, Decimal
from functools import lru_cache, reduce
from typing import Annotated, Any, Literal, Self

from babel.numbers import is_currency
from pydantic import AfterValidator, BaseModel, ConfigDict, Field, model_validator
from pydantic_core import PydanticCustomError

ZERO = Decimal(0)
ONE = Decimal(1)
# Wide enough that no sum of figures of 18 + 12 digits is ever rounded; only quotients are.
ARITHMETIC = Context(prec=80, rounding=ROUND_HALF_EVEN)
MOST_PLACES = 12
PLACES = Decimal(1).scaleb(-MOST_PLACES)
# What quotients of extremes can come to, written out.
SHOWING = Context(prec=400, rounding=ROUND_HALF_EVEN)

Qualifier = Literal["over", "at_least", "up_to", "nearly", "just_under", "about", "tens_of", "hundreds_of"]

# What each word means: the factors of the amount that are its low and its high (None: unbounded), and whether the
# high itself is out. docs/events.md has the table. "Up to" is [what was paid so far, X]; on its own nothing was paid.
QUALIFIERS: dict[str, tuple[Decimal, Decimal | None, bool]] = {
    "over": (ONE, None, False),
    "at_least": (ONE, None, False),
    "up_to": (ZERO, ONE, False),
    "nearly": (Decimal("0.9"), ONE, True),
    "just_under": (Decimal("0.95"), ONE, True),
    "about": (Decimal("0.95"), Decimal("1.05"), False),
    "tens_of": (Decimal(10), Decimal(100), True),
    "hundreds_of": (Decimal(100), Decimal(1000), True),
}
# Here the amount is a unit, not a figure that anybody stated.
RANGE_WORDS = frozenset({"tens_of", "hundreds_of"})


@dataclass(frozen=True, slots=True)
class Bounds:
    """A figure that is not below `low` nor above `high` (None: unbounded); `stated` is the one named, if one was."""

    low: Decimal
    stated: Decimal | None
    high: Decimal | None

    @property
    def stated_or_low(self) -> Decimal:
        """In a sum or a difference the stated figure of a part that has none is its low."""
        return self.low if self.stated is None else self.stated


NOTHING = Bounds(ZERO, ZERO, ZERO)
UNKNOWN = Bounds(ZERO, None, None)


def exactly(amount: Decimal) -> Bounds:
    return Bounds(amount, amount, amount)


def total(parts: Iterable[Bounds]) -> Bounds:
    """The sum, bound by bound; unbounded above as soon as one part is. Nothing at all sums to zero."""
    parts = list(parts)
    if len(parts) == 1 and parts[0].stated is not None:
        return parts[0]
    if all(part.low is part.stated is part.high for part in parts):  # most figures are exact: one sum instead of three
        return exactly(reduce(ARITHMETIC.add, [part.low for part in parts], ZERO))
    low = stated = ZERO
    high: Decimal | None = ZERO
    for part in parts:
        low = ARITHMETIC.add(low, part.low)
        stated = ARITHMETIC.add(stated, part.stated_or_low)
        high = None if high is None or part.high is None else ARITHMETIC.add(high, part.high)
    return Bounds(low, stated, high)


def larger(one: Bounds, other: Bounds) -> Bounds:
    """The maximum, bound by bound."""
    high = None if one.high is None or other.high is None else max(one.high, other.high)
    return Bounds(max(one.low, other.low), max(one.stated_or_low, other.stated_or_low), high)


def remainder(whole: Bounds, taken: Bounds) -> Bounds:
    """What is left of `whole`, never below zero, with both taken as independent."""
    low = ZERO if taken.high is None else max(ZERO, ARITHMETIC.subtract(whole.low, taken.high))
    stated = max(ZERO, ARITHMETIC.subtract(whole.stated_or_low, taken.stated_or_low))
    high = None if whole.high is None else max(ZERO, ARITHMETIC.subtract(whole.high, taken.low))
    return Bounds(low, stated, high)


def product(one: Bounds, other: Bounds) -> Bounds:
    """A product of figures that are not negative; without a stated figure on either side it states none."""
    stated = None if one.stated is None or other.stated is None else ARITHMETIC.multiply(one.stated, other.stated)
    if ZERO in (one.high, other.high):
        high: Decimal | None = ZERO
    else:
        high = None if one.high is None or other.high is None else ARITHMETIC.multiply(one.high, other.high)
    return Bounds(ARITHMETIC.multiply(one.low, other.low), stated, high)


def quotient(value: Bounds, share: Bounds) -> Bounds:
    """value / share: from low by high to high by low; a bound whose divisor is zero is open (low: zero)."""
    low = ZERO if not share.high else ARITHMETIC.divide(value.low, share.high)
    stated = None
    if value.stated is not None and share.stated:
        stated = ARITHMETIC.divide(value.stated, share.stated)
    high = None if value.high is None or not share.low else ARITHMETIC.divide(value.high, share.low)
    return Bounds(low, stated, high)


def plain(number: Decimal) -> str:
    """A decimal as answers write it: at most 12 places, half to even, no exponent, no trailing zeros."""
    text = format(number, "f")
    if "." in text:
        text = text.rstrip("0")
        if len(text) - text.index(".") > MOST_PLACES + 1:
            text = format(number.quantize(PLACES, context=SHOWING), "f").rstrip("0")
        text = text.rstrip(".")
    return "0" if text == "-0" else text


# --- as submitted ----------------------------------------------------------------------------------------------

_PLAIN = re.compile(r"[0-9]{1,18}(?:\.[0-9]{1,12})?")  # nearly all are such
_DECIMAL = re.compile(r"(-?)([0-9]+)(?:\.([0-9]+))?")


def _decimal_text(text: str) -> str:
    if _PLAIN.fullmatch(text):
        return text
    match = _DECIMAL.fullmatch(text)
    if not match:
        raise PydanticCustomError(
            "invalid_amount", "not a plain decimal; write digits and at most one point, like 4000000000 or 0.49"
        )
    sign, whole, fraction = match.groups()
    if len(whole.lstrip("0")) > 18 or len(fraction or "") > 12:
        raise PydanticCustomError("invalid_amount", "too long; at most 18 digits before and 12 after the point")
    if sign:
        raise PydanticCustomError(
            "negative_amount", "below zero; amounts are never negative, the event type says who pays"
        )
    return text


def _share_text(text: str) -> str:
    if Decimal(_decimal_text(text)) > 1:
        raise PydanticCustomError("invalid_amount", "above 1; a share is between 0 and 1, so 49 % is 0.49")
    return text


@lru_cache(maxsize=1_024)
def _currency_code(code: str) -> str:
    if not (code.isascii() and code.isupper() and is_currency(code)):
        raise PydanticCustomError("unknown_currency", "not an ISO 4217 code; write three capital letters like USD")
    return code


# ASCII digits only: "1_000", "١" and "1e5" are all decimals to Python, and to nobody who reads them.
DecimalText = Annotated[
    str,
    AfterValidator(_decimal_text),
    Field(max_length=32, description="a decimal", examples=["4000000000", "2.5"]),
]
ShareText = Annotated[
    str,
    AfterValidator(_share_text),
    Field(max_length=32, description="a share from 0 to 1", examples=["0.49"]),
]
Currency = Annotated[
    str,
    AfterValidator(_currency_code),
    Field(min_length=3, max_length=3, description="a currency's code of ISO 4217", examples=["USD"]),
]


class Bounded(BaseModel):
    """The rules that money, stakes and quantities share: one figure with a word, or own bounds, or nothing at all."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    qualifier: Qualifier | None = None
    high_open: bool | None = None
    original: Annotated[str, Field(max_length=500)] | None = None

    def check(self, stated: str | None, low: str | None, high: str | None) -> Self:
        if self.qualifier and (low is not None or high is not None):
            raise PydanticCustomError("invalid_amount", "a qualifier and own bounds; give one of them")
        if self.qualifier and stated is None:
            raise PydanticCustomError(
                "invalid_amount", "a qualifier without the figure that it qualifies; give the figure too"
            )
        if self.high_open and high is None:
            raise PydanticCustomError("invalid_amount", "high_open without a high; give the high too")
        if low is None and high is None:
            return self
        ends = [Decimal(end) for end in (low, stated, high) if end is not None]
        if ends != sorted(ends):
            raise PydanticCustomError("invalid_amount", "bounds the wrong way round; low ≤ the figure ≤ high")
        if self.high_open and len(ends) > 1 and ends[0] == ends[-1]:
            raise PydanticCustomError(
                "invalid_amount", "nothing is from low to below high; raise the high, or close it"
            )
        return self


def bounds_of(figure: Bounded, stated: str | None, low: str | None, high: str | None, cap: Decimal | None) -> Bounds:
    named = None if stated is None else Decimal(stated)
    if figure.qualifier and named is not None:
        from_low, from_high, _ = QUALIFIERS[figure.qualifier]
        top = cap if from_high is None else ARITHMETIC.multiply(named, from_high)
        if cap is not None and top is not None:
            top = min(top, cap)
        return Bounds(ARITHMETIC.multiply(named, from_low), None if figure.qualifier in RANGE_WORDS else named, top)
    if low is None and high is None and named is not None:
        return exactly(named)
    return Bounds(Decimal(low) if low is not None else ZERO, named, Decimal(high) if high is not None else cap)


class Money(Bounded):
    """An amount in one currency, exact or bounded. `{}` is wholly unknown: from zero, without end."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"currency": "USD", "amount": "4000000000"}]})

    currency: Currency | None = None
    amount: DecimalText | None = None
    low: DecimalText | None = None
    high: DecimalText | None = None

    @model_validator(mode="after")
    def _rules(self) -> Self:
        if self.currency is None and self.model_fields_set - {"original"}:
            raise PydanticCustomError("invalid_amount", "no currency; name one, or write {} for wholly unknown")
        return self.check(self.amount, self.low, self.high)

    @property
    def bounds(self) -> Bounds:
        return bounds_of(self, self.amount, self.low, self.high, None)


Basis = Literal["economic", "voting", "profit_share"]


class Stake(Bounded):
    """A share of an issuer, 0 to 1, exact or bounded, on one basis. Nothing but a basis is an unknown stake."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"share": "0.49"}]})

    basis: Basis = "economic"
    share: ShareText | None = None
    low: ShareText | None = None
    high: ShareText | None = None

    @model_validator(mode="after")
    def _rules(self) -> Self:
        if self.share is not None and self.bounds.low > ONE:  # tens of a half
            raise PydanticCustomError("invalid_amount", "more than the whole; a share is between 0 and 1")
        return self.check(self.share, self.low, self.high)

    @property
    def bounds(self) -> Bounds:
        return bounds_of(self, self.share, self.low, self.high, ONE)


@lru_cache(maxsize=65_536)
def _money_bounds(items: tuple[tuple[str, Any], ...]) -> tuple[str | None, Bounds]:
    money = Money.model_construct(**dict(items))
    return money.currency, money.bounds


def money_of(stored: dict[str, Any]) -> tuple[str | None, Bounds]:
    """Currency and bounds of money as the log holds it (checked when it was taken, so not again)."""
    return _money_bounds(tuple(stored.items()))


def stake_of(stored: dict[str, Any]) -> tuple[str, Bounds]:
    """Basis and bounds of a stake as the log holds it."""
    stake = Stake.model_construct(**stored)
    return stake.basis, stake.bounds
