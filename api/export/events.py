"""Events as rows of a table: the columns that a file of events comes in with, typed for files that have types."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import lru_cache
from typing import Any, get_type_hints

from pydantic import BaseModel

from api.export.columns import Cell, Column, Kind, choices_of
from api.files.rows import REPLACEMENT, fields_of, in_order, row_of
from api.files.rows import Column as Said
from ledger.event import TYPES, Envelope
from ledger.money import DecimalText, ShareText

Event = Mapping[str, Any]
Events = Callable[[], Iterator[Event]]

# What every event has, whatever else: a table without rows has these.
_ALWAYS = ("type", "effective", "known", "status", "id")
_STAMPED = {"position": Kind.INTEGER, "recorded_at": Kind.MOMENT, "known": Kind.DAY}
_DECIMALS = {DecimalText: Kind.NUMBER, ShareText: Kind.SHARE}


def submitted(event: Event) -> dict[str, Any]:
    """An event as one submits it: without what the server added."""
    return {name: event[name] for name in ("id", *Envelope.model_fields) if event.get(name) is not None}


def columns_of(events: Iterable[Event]) -> list[Column]:
    """The columns that some of the events fill, in their order."""
    used: set[str] = set(_ALWAYS)
    for event in events:
        used.update(row_of(event))
    return [Column(name, _kind(name)) for name in in_order(used)]


def cells_of(event: Event, columns: Sequence[Column]) -> list[Cell]:
    row = row_of(event)
    return [_typed(column.kind, row.get(column.name)) for column in columns]


def _typed(kind: Kind, cell: str | None) -> Cell:
    if cell is None:
        return None
    if kind is Kind.FLAG and cell in ("true", "false"):
        return cell == "true"
    if kind is Kind.INTEGER and cell.removeprefix("-").isdigit():
        return int(cell)
    return cell


def _kind(column: str) -> Kind:
    return _kinds().get(column.removeprefix(f"{REPLACEMENT}."), Kind.TEXT)


@lru_cache(maxsize=1)
def _kinds() -> dict[str, Kind]:
    """The kinds of columns that aren't text, whatever the type of event."""
    found: dict[str, set[Kind]] = {}
    for name, model in TYPES.items():
        decimals = dict(_decimals(model))
        for field in fields_of(name).values():
            for path, one in ((field.name, field), *((f"{field.name}.{part.name}", part) for part in field.parts)):
                found.setdefault(path, set()).add(decimals.get(path) or _of_forms(one))
    return {path: kinds.pop() for path, kinds in found.items() if len(kinds) == 1} | _STAMPED


def _of_forms(field: Said) -> Kind:
    if field.forms == {"whole"}:
        return Kind.INTEGER
    return Kind.FLAG if field.forms == {"flag"} else Kind.TEXT


def _decimals(model: type[BaseModel], prefix: str = "") -> Iterator[tuple[str, Kind]]:
    """The paths of the decimals in events of a model."""
    for name, hint in get_type_hints(model, include_extras=True).items():
        if name not in model.model_fields:
            continue
        for one in choices_of(hint, _DECIMALS):
            if one in _DECIMALS:
                yield prefix + (model.model_fields[name].alias or name), _DECIMALS[one]
            elif isinstance(one, type) and issubclass(one, BaseModel) and not prefix:
                yield from _decimals(one, f"{name}.")
