"""Amounts and stakes as tables hold them, with the bounds that their qualifiers make."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from decimal import Decimal
from functools import lru_cache
from typing import Any

from ledger.money import Bounds, money_of, stake_of

# Wide enough for 18 + 12 digits times what any qualifier makes of them.
AMOUNT = "DECIMAL(38, 14)"
_MOST = Decimal(10) ** 24
BOUNDS = ("low", "stated", "high")
MONEY_COLUMNS = {"currency": "VARCHAR", **dict.fromkeys(BOUNDS, AMOUNT)}
STAKE_COLUMNS = {"share_basis": "VARCHAR", "share_low": AMOUNT, "share_stated": AMOUNT, "share_high": AMOUNT}

# An amount in units of 10 ^ -UNIT_PLACES, as nearly all are; nothing if a bound isn't whole, or too large.
UNIT_PLACES = 4
UNIT_COLUMNS = {"low_units": "BIGINT", "stated_units": "BIGINT", "high_units": "BIGINT"}
_MOST_UNITS = 9 * 10**18
_UNIT = format(Decimal(1).scaleb(-UNIT_PLACES), "f")
# The bounds that can't be told in units, and how the table tells them from one or the other.
_WIDE_COLUMNS = {f"wide_{bound}": AMOUNT for bound in BOUNDS}
WORKED_OUT = {bound: f"{AMOUNT} AS (coalesce(wide_{bound}, {bound}_units * {_UNIT}))" for bound in BOUNDS}

# The amount that a fact is of, and whether it is a ceiling; the price of a unit, or what of a distribution can be
# recalled; and the stake.
AMOUNT_COLUMNS = {
    "currency": "VARCHAR",
    **UNIT_COLUMNS,
    **_WIDE_COLUMNS,
    "up_to": "BOOLEAN",
    **{f"more_{name}": kind for name, kind in MONEY_COLUMNS.items()},
    **STAKE_COLUMNS,
}
# The fields of amounts that aren't called amount, and of what stands as `more` beside them.
_FIELDS = {"investment.sold": "proceeds", "valuation.recorded": "value"}
_MORE = {"distribution.paid": "recallable", "valuation.recorded": "price"}

Items = tuple[tuple[str, Any], ...]


def amounts_of(kind: str, data: Mapping[str, Any]) -> tuple[dict[str, Any], dict[str, Exception]]:
    """The values of AMOUNT_COLUMNS and BOUNDS that a fact has; and what of its amounts can't be read, and why, by the
    column of its low bound."""
    values: dict[str, Any] = {}
    faults: dict[str, Exception] = {}
    for name, low, columns in _amounts(kind):
        stored = data.get(name)
        if stored is not None:
            try:
                values |= columns(tuple(stored.items()))
            except Exception as error:  # whatever is wrong with it
                faults[low] = error
    return values, faults


@lru_cache(maxsize=64)
def _amounts(kind: str) -> tuple[tuple[str, str, Callable[[Items], Mapping[str, Any]]], ...]:
    """The fields of a type's amounts, the columns of their low bounds, and what gives their values."""
    more = ((_MORE[kind], "more_low", _more),) if kind in _MORE else ()
    return (_FIELDS.get(kind, "amount"), "low", _money), ("stake", "share_low", _stake), *more


# The same few figures come again and again while the log is read.
@lru_cache(maxsize=65_536)
def _money(items: Items) -> Mapping[str, Any]:
    stored = dict(items)
    currency, bounds = money_of(stored)
    units = _units(bounds)
    return {
        "currency": currency,
        **_bounds("", bounds),
        **units,
        **(_bounds("wide_", bounds) if units["low_units"] is None else {}),
        "up_to": stored.get("qualifier") == "up_to" and stored.get("amount") is not None,
    }


@lru_cache(maxsize=65_536)
def _more(items: Items) -> Mapping[str, Any]:
    currency, bounds = money_of(dict(items))
    return {"more_currency": currency, **_bounds("more_", bounds)}


@lru_cache(maxsize=65_536)
def _stake(items: Items) -> Mapping[str, Any]:
    basis, share = stake_of(dict(items))
    return {"share_basis": basis, **_bounds("share_", share)}


def _bounds(prefix: str, bounds: Bounds) -> dict[str, str | None]:
    return {
        f"{prefix}low": number(bounds.low),
        f"{prefix}stated": number(bounds.stated),
        f"{prefix}high": number(bounds.high),
    }


def _units(bounds: Bounds) -> dict[str, int | None]:
    """The bounds in units, where all can be told in them."""
    said = (bounds.low, bounds.stated, bounds.high)
    scaled = [None if bound is None else bound.scaleb(UNIT_PLACES) for bound in said]
    if any(one is not None and (one != int(one) or one > _MOST_UNITS) for one in scaled):
        scaled = [None, None, None]
    return {name: None if one is None else int(one) for name, one in zip(UNIT_COLUMNS, scaled, strict=True)}


def number(said: Decimal | None) -> str | None:
    """A number for a column of AMOUNT. Raises ValueError for one that it has no room for."""
    if said is None:
        return None
    if not abs(said) < _MOST:
        raise ValueError(f"{said} is too large")
    return format(said, "f")


@lru_cache(maxsize=65_536)
def number_of(text: str | None) -> str | None:
    """A number in an event's data for a column of AMOUNT. Raises ValueError, TypeError or ArithmeticError."""
    return None if text is None else number(Decimal(text))
