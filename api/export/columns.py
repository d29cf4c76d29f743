"""Rows of an answer as rows of a flat table: the columns follow from the model that documents the answer."""

from __future__ import annotations

import json
import re
import types
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from typing import Annotated, Any, Literal, Union, get_args, get_origin, get_type_hints

from pydantic import BaseModel

from api.answers import DayString, DecimalString, MissingRate, MoneyFigure, Rated, StakeFigure
from ledger.money import Basis


class Kind(StrEnum):
    """What the cells of a column are. All but whole numbers and flags are texts as in JSON until they are written."""

    TEXT = "text"
    NUMBER = "number"  # a decimal
    SHARE = "share"  # a decimal between 0 and 1
    INTEGER = "integer"
    DAY = "day"
    MOMENT = "moment"  # UTC, to the microsecond
    FLAG = "flag"


Cell = str | int | bool | None

_FORMS = {
    Kind.NUMBER: re.compile(r"-?[0-9]+(\.[0-9]{1,12})?"),
    Kind.SHARE: re.compile(r"-?[0-9]+(\.[0-9]{1,12})?"),
    Kind.DAY: re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}"),
    Kind.MOMENT: re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9:]{8}(\.[0-9]{1,6})?Z"),
}


def fits(kind: Kind, cell: Cell) -> bool:
    """Whether a cell is what its column is of. Fields of events may say `null`, or be an object where others aren't."""
    if kind is Kind.INTEGER:
        return isinstance(cell, int)
    if kind is Kind.FLAG:
        return isinstance(cell, bool)
    return isinstance(cell, str) and (kind is Kind.TEXT or _FORMS[kind].fullmatch(cell) is not None)


@dataclass(frozen=True, slots=True)
class Column:
    name: str
    kind: Kind = Kind.TEXT


@dataclass(frozen=True, slots=True)
class Field:
    """The columns that one field of an answer becomes, and a value of it as their cells."""

    columns: tuple[Column, ...]
    cells: Callable[[Any], Sequence[Cell]]


@dataclass(frozen=True, slots=True)
class Flat:
    """A model's fields as columns."""

    fields: Mapping[str, Field]

    @property
    def columns(self) -> list[Column]:
        return [column for field in self.fields.values() for column in field.columns]

    def cells(self, row: Mapping[str, Any]) -> list[Cell]:
        """The row's cells, in the order of the columns."""
        return [cell for name, field in self.fields.items() for cell in field.cells(row.get(name))]


def flat(model: type[BaseModel]) -> Flat:
    """The columns for rows of a model: a figure becomes a column for each bound, a list a text."""
    hints = get_type_hints(model, include_extras=True)
    names = {name: field.alias or name for name, field in model.model_fields.items()}
    names = dict(sorted(names.items(), key=lambda one: one[0] in Rated.model_fields))  # what is missing comes last
    return Flat({alias: _field(alias, hints[name]) for name, alias in names.items()})


_KINDS: dict[Any, Kind] = {
    DecimalString: Kind.NUMBER,
    DayString: Kind.DAY,
    date: Kind.DAY,
    int: Kind.INTEGER,
    bool: Kind.FLAG,
    str: Kind.TEXT,
}


def _field(name: str, hint: Any) -> Field:
    """The columns of a field by its type; what has no form of its own is JSON."""
    choices = [one for one in choices_of(hint, _KINDS) if one is not type(None)]
    if list[MoneyFigure] in choices:
        return _money(name)
    if choices == [list[StakeFigure]]:
        return _stakes(name)
    if choices == [list[MissingRate]]:
        return Field((Column(name),), lambda rates: [_rates(rates)])
    if len(choices) == 1 and choices[0] in _KINDS:
        return Field((Column(name, _KINDS[choices[0]]),), lambda value: [value])
    if len(choices) == 1 and isinstance(choices[0], type) and issubclass(choices[0], BaseModel):
        return _part(name, flat(choices[0]))
    if all(bare(one) is str or get_origin(one) is Literal for one in choices):
        return Field((Column(name),), lambda value: [value])
    if len(choices) == 1 and get_origin(bare(choices[0])) is list and bare(get_args(bare(choices[0]))[0]) is str:
        return Field((Column(name),), lambda items: [joined(items)])
    return Field((Column(name),), lambda value: [None if value is None else _json(value)])


def choices_of(hint: Any, known: Collection[Any]) -> list[Any]:
    """The types of a union, whatever is annotated round it; those of `known` with their annotations."""
    if hint in known:
        return [hint]
    inside = bare(hint)
    if get_origin(inside) in (Union, types.UnionType):
        return [inner for one in get_args(inside) for inner in choices_of(one, known)]
    return [inside]


def bare(hint: Any) -> Any:
    """A type without what is annotated round it."""
    return get_args(hint)[0] if get_origin(hint) is Annotated else hint


def _part(name: str, inner: Flat) -> Field:
    columns = tuple(Column(f"{name}_{column.name}", column.kind) for column in inner.columns)
    return Field(columns, lambda value: inner.cells(value or {}))


# --- figures ---------------------------------------------------------------------------------------------------

_BOUNDS = ("low", "stated", "high")
_BASES: tuple[str, ...] = get_args(Basis)


def _money(name: str) -> Field:
    """Bounds and currency; amounts in several currencies fit no column of numbers, so they are a text of their own."""
    columns = (*(Column(f"{name}_{bound}", Kind.NUMBER) for bound in _BOUNDS), Column(f"{name}_currency"))

    def cells(value: dict[str, Any] | list[dict[str, Any]] | None) -> list[Cell]:
        if isinstance(value, list):
            return [None, None, None, None, "; ".join(map(mixed, value))]
        one = value or {}
        return [*(one.get(bound) for bound in _BOUNDS), one.get("currency"), None]

    return Field((*columns, Column(f"{name}_mixed")), cells)


def mixed(figure: Mapping[str, Any]) -> str:
    """One of several amounts as text, with nothing left out: `EUR 10`, `USD 15..25 (20)`; ? is null."""
    currency, low, stated, high = (figure[part] or "?" for part in ("currency", *_BOUNDS))
    return f"{currency} {low}" if low == stated == high else f"{currency} {low}..{high} ({stated})"


def _stakes(name: str) -> Field:
    """Bounds for each basis."""
    columns = tuple(Column(f"{name}_{basis}_{bound}", Kind.SHARE) for basis in _BASES for bound in _BOUNDS)

    def cells(stakes: list[dict[str, Any]] | None) -> list[Cell]:
        by_basis = {stake["basis"]: stake for stake in stakes or []}
        return [by_basis.get(basis, {}).get(bound) for basis in _BASES for bound in _BOUNDS]

    return Field(columns, cells)


def _rates(rates: list[dict[str, str]] | None) -> str | None:
    return "; ".join(f"{rate['base']}/{rate['quote']} {rate['on']}" for rate in rates) if rates else None


# --- lists -----------------------------------------------------------------------------------------------------


def joined(items: Sequence[str] | None) -> str | None:
    """A list of texts as one: `a; b`. One that would be read otherwise is JSON, as is the empty one: it isn't null."""
    if items is None:
        return None
    if not items or items[0].startswith("[") or any(";" in item for item in items):
        return _json(items)
    return "; ".join(items)


def _json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def times_columns(columns: Sequence[Column]) -> list[Column]:
    """The three times of the question, for the end of each row; beside an event's own position, `up_to_position`."""
    taken = {column.name for column in columns}
    times = (("as_of", Kind.DAY), ("known_at", Kind.DAY), ("position", Kind.INTEGER))
    return [Column(f"up_to_{name}" if name in taken else name, kind) for name, kind in times]
