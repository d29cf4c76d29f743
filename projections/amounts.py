"""Amounts and stakes as tables hold them, with the bounds that their qualifiers make."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from functools import lru_cache
from typing import Any

from ledger.money import Bounds, money_of, stake_of

# Wide enough for 18 + 12 digits times what any qualifier makes of them.
AMOUNT = "DECIMAL(38, 14)"
MONEY_COLUMNS = {"currency": "VARCHAR", "low": AMOUNT, "stated": AMOUNT, "high": AMOUNT}
STAKE_COLUMNS = {"share_basis": "VARCHAR", "share_low": AMOUNT, "share_stated": AMOUNT, "share_high": AMOUNT}

# The same amount in units of 10 ^ -UNIT_PLACES, for sums of very many; nothing if a bound isn't whole, or too large.
UNIT_PLACES = 4
UNIT_COLUMNS = {"low_units": "BIGINT", "stated_units": "BIGINT", "high_units": "BIGINT"}
_MOST_UNITS = 9 * 10**18

Values = tuple[str | None, str | None, str | None, str | None]
_NOTHING_SAID: Values = (None, None, None, None)
# What no table takes that needs the amount; the others take the event.
_UNREADABLE: Values = (None, "an amount that can't be read", None, None)


def money_values(stored: Any) -> Values:
    """Money of an event as texts for MONEY_COLUMNS; nothing for none."""
    return _values(_money_values, stored)


def stake_values(stored: Any) -> Values:
    """A stake of an event as texts for STAKE_COLUMNS; nothing for none."""
    return _values(_stake_values, stored)


def unit_values(stored: Any) -> tuple[str | None, ...]:
    """Money of an event as texts for UNIT_COLUMNS."""
    values = money_values(stored)
    return (None, None, None) if values is _UNREADABLE else _units(*values[1:])


@lru_cache(maxsize=65_536)
def _units(*bounds: str | None) -> tuple[str | None, ...]:
    scaled = [None if bound is None else Decimal(bound).scaleb(UNIT_PLACES) for bound in bounds]
    if any(one is not None and (one != int(one) or one > _MOST_UNITS) for one in scaled):
        return None, None, None
    return tuple(None if one is None else str(int(one)) for one in scaled)


def _values(of_items: Callable[[tuple[tuple[str, Any], ...]], Values], stored: Any) -> Values:
    if stored is None:
        return _NOTHING_SAID
    try:
        return of_items(tuple(stored.items()))
    except Exception:  # whatever is wrong with it
        return _UNREADABLE


# The same few figures come again and again while the log is read.
@lru_cache(maxsize=65_536)
def _money_values(items: tuple[tuple[str, Any], ...]) -> Values:
    currency, bounds = money_of(dict(items))
    return currency, *_bounds(bounds)


@lru_cache(maxsize=65_536)
def _stake_values(items: tuple[tuple[str, Any], ...]) -> Values:
    basis, share = stake_of(dict(items))
    return basis, *_bounds(share)


def _bounds(bounds: Bounds) -> tuple[str | None, str | None, str | None]:
    return _number(bounds.low), _number(bounds.stated), _number(bounds.high)


def _number(number: Decimal | None) -> str | None:
    return None if number is None else format(number, "f")


def is_up_to(stored: Any) -> bool | None:
    """Whether money of an event is a ceiling: [what was drawn or paid so far, the amount]. None for no money."""
    if not isinstance(stored, dict):
        return None
    return stored.get("qualifier") == "up_to" and stored.get("amount") is not None
