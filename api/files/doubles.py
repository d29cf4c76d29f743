"""Likely doubles: the same parties, amount and date once more, in the file or in the ledger. Told, never refused.

An amount that nobody knows is the same as another that nobody knows. In a file, events without parties or amounts are
doubles where they are the same in everything.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from ledger.event import TYPES, references
from ledger.fields import is_uuid

# What an event is about in money, the first that it has.
_MONEY = ("amount", "proceeds", "value")
_FIGURES = ("amount", "low", "high")
_UNKNOWN = (None, None, None)
_NO_DEALS = ("claim.published",)
Signature = tuple[Any, ...]


@dataclass(frozen=True, slots=True)
class Double:
    """The number of an item, and what it looks like: an earlier item's number, or an event of the ledger.

    `alike` says what they have in common.
    """

    number: int
    alike: str
    earlier: int | None
    event: Mapping[str, Any] | None = None


def signature(event: Mapping[str, Any]) -> Signature | None:
    """What two records of one deal have in common; None for what isn't a deal, or says what else it is part of."""
    data = event["data"]
    if event.get("same_as") or data.get("part_of") or event["type"] in _NO_DEALS:
        return None
    money = next((data[name] for name in _MONEY if isinstance(data.get(name), dict)), None)
    who = parties(event)
    if event["type"] not in TYPES or not who or money is None:
        return None
    figures = tuple(None if money.get(name) is None else Decimal(money[name]).normalize() for name in _FIGURES)
    # Where nothing is known of an amount, its currency makes no difference.
    currency = None if figures == _UNKNOWN else money.get("currency")
    return event["type"], event.get("effective"), tuple(sorted(who)), currency, figures


def parties(event: Mapping[str, Any]) -> list[str]:
    """The entities, and the record where it has one, that an event is about."""
    named = [one.id for one in references(event["type"], event["data"]) if not is_uuid(one.id)]
    record = TYPES[event["type"]].record
    return [*named, *([str(event["data"][record[1]])] if record and not TYPES[event["type"]].makes else [])]


def in_file(events: Iterable[tuple[int, Mapping[str, Any]]]) -> Iterator[Double]:
    """Items that look like an earlier one."""
    first: dict[Signature, int] = {}
    equal: dict[str, int] = {}
    for number, event in events:
        signed = signature(event)
        whole = equal.setdefault(json.dumps(event, sort_keys=True), number)
        earlier = number if signed is None else first.setdefault(signed, number)
        if whole != number:
            yield Double(number, "the same in everything", whole)
        elif signed is not None and earlier != number:
            yield Double(number, _alike(signed), earlier)


def in_ledger(
    events: Iterable[tuple[int, Mapping[str, Any]]],
    recorded: Callable[[str, str], Iterable[Mapping[str, Any]]],
    most: int,
) -> Iterator[Double]:
    """Items that look like an event which stands, asked for by type and party, of at most so many such pairs."""
    wanted: dict[tuple[str, str], list[tuple[int, Signature]]] = {}
    for number, event in events:
        if (signed := signature(event)) is not None:
            wanted.setdefault((event["type"], signed[2][0]), []).append((number, signed))
    for (kind, party), some in list(wanted.items())[:most]:
        there = {signed: event for event in recorded(kind, party) if (signed := signature(event)) is not None}
        for number, signed in some:
            if signed in there:
                yield Double(number, _alike(signed), None, there[signed])


def _alike(signed: Signature) -> str:
    return f"the same parties, {'date and unknown amount' if signed[-1] == _UNKNOWN else 'amount and date'}"
