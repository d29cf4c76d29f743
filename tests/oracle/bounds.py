"""Figures between bounds, as exact fractions; a high of None is unbounded, a stated of None was never named."""

from __future__ import annotations

from decimal import ROUND_HALF_EVEN, Context, Decimal
from fractions import Fraction
from typing import Any, NamedTuple


class Bounds(NamedTuple):
    low: Fraction
    stated: Fraction | None
    high: Fraction | None

    @property
    def counted(self) -> Fraction:
        """The stated figure in a sum or a difference: the low where none was named."""
        return self.low if self.stated is None else self.stated


ZERO = Bounds(Fraction(0), Fraction(0), Fraction(0))
UNKNOWN = Bounds(Fraction(0), None, None)


def of_money(money: dict[str, Any]) -> Bounds:
    return _of(money, money.get("amount"), None)


def of_stake(stake: dict[str, Any]) -> Bounds:
    return _of(stake, stake.get("share"), Fraction(1))


def of_number(quantity: dict[str, Any]) -> Bounds:
    return _of(quantity, quantity.get("number"), None)


def _of(figure: dict[str, Any], stated: str | None, cap: Fraction | None) -> Bounds:
    word = figure.get("qualifier")
    if word is not None and stated is not None:
        x = Fraction(stated)
        low, named, high = {
            "over": (x, x, cap),
            "at_least": (x, x, cap),
            "up_to": (Fraction(0), x, x),
            "nearly": (x * 9 / 10, x, x),
            "just_under": (x * 95 / 100, x, x),
            "about": (x * 95 / 100, x, x * 105 / 100),
            "tens_of": (x * 10, None, x * 100),
            "hundreds_of": (x * 100, None, x * 1000),
        }[word]
        if cap is not None and high is not None and high > cap:
            high = cap
        return Bounds(low, named, high)
    own_low, own_high = figure.get("low"), figure.get("high")
    if stated is not None and own_low is None and own_high is None:
        return Bounds(Fraction(stated), Fraction(stated), Fraction(stated))
    return Bounds(
        Fraction(own_low) if own_low is not None else Fraction(0),
        Fraction(stated) if stated is not None else None,
        Fraction(own_high) if own_high is not None else cap,
    )


def plus(a: Bounds, b: Bounds) -> Bounds:
    high = None if a.high is None or b.high is None else a.high + b.high
    return Bounds(a.low + b.low, a.counted + b.counted, high)


def larger(a: Bounds, b: Bounds) -> Bounds:
    high = None if a.high is None or b.high is None else max(a.high, b.high)
    return Bounds(max(a.low, b.low), max(a.counted, b.counted), high)


def minus(a: Bounds, b: Bounds) -> Bounds:
    """Never below zero, with the two as independent."""
    low = Fraction(0) if b.high is None else max(Fraction(0), a.low - b.high)
    high = None if a.high is None else max(Fraction(0), a.high - b.low)
    return Bounds(low, max(Fraction(0), a.counted - b.counted), high)


def times(a: Bounds, b: Bounds) -> Bounds:
    stated = None if a.stated is None or b.stated is None else a.stated * b.stated
    high: Fraction | None
    if a.high == 0 or b.high == 0:
        high = Fraction(0)
    elif a.high is None or b.high is None:
        high = None
    else:
        high = a.high * b.high
    return Bounds(a.low * b.low, stated, high)


def scaled(a: Bounds, factor: Fraction) -> Bounds:
    return Bounds(
        a.low * factor, None if a.stated is None else a.stated * factor, None if a.high is None else a.high * factor
    )


def text(number: Fraction | None) -> str | None:
    """A plain decimal: at most 12 places, half to even, no exponent, no trailing zeros."""
    if number is None:
        return None
    # round() of a fraction is half to even.
    in_steps = round(number * 10**12)
    exact = Decimal(in_steps).scaleb(-12, context=Context(prec=200, rounding=ROUND_HALF_EVEN))
    written = f"{exact:f}"
    if "." in written:
        written = written.rstrip("0").rstrip(".")
    return "0" if written == "-0" else written


def written(bounds: Bounds) -> dict[str, str | None]:
    return {"low": text(bounds.low), "stated": text(bounds.stated), "high": text(bounds.high)}
