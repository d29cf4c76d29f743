"""A column map: how the columns that an analyst keeps become the fields of events. Written in TOML, read strictly."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from difflib import get_close_matches
from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError, model_validator

from api.files.figures import UNITS, Style
from api.files.rows import Column, columns_of, fields_of
from ledger.entities import Kind
from ledger.event import TYPES
from ledger.money import Currency

Order = Literal["day-first", "month-first"]
Unit = Literal["ones", "thousands", "millions", "billions", "trillions"]
Decimals = Literal[".", ","]


class BadMap(Exception):
    """What is wrong with a map, where in it, and how to mend it."""

    def __init__(self, where: str, detail: str, mend: str) -> None:
        super().__init__(f"{where}: {detail}")
        self.where, self.detail, self.mend = where, detail, mend


class _Strict(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)


def _type(text: str) -> str:
    if text not in TYPES:
        near = get_close_matches(text, TYPES, 1)
        raise ValueError(f"no such event type; did you mean {near[0]}?" if near else "no such event type")
    return text


class Target(_Strict):
    """The field or fields that a column fills, and what its figures mean where they don't say it themselves."""

    to: str | list[str]
    currency: Currency | None = None
    unit: Unit | None = None
    decimal: Decimals | None = None
    percent: bool = False
    dates: Order | None = None

    @property
    def fields(self) -> list[str]:
        """None at all for a column that is left out."""
        return [name for name in ([self.to] if isinstance(self.to, str) else self.to) if name]


class ColumnMap(_Strict):
    """The whole map. `columns` is by the file's own headers; "" leaves one out."""

    type: Annotated[str, AfterValidator(_type)] | None = None
    dates: Order | None = None
    currency: Currency | None = None
    unit: Unit = "ones"
    decimal: Decimals = "."
    columns: dict[str, str | list[str] | Target]
    constants: dict[str, str] = Field(default_factory=dict)
    values: dict[str, dict[str, str]] = Field(default_factory=dict)
    entities: dict[str, str] = Field(default_factory=dict)
    register_as: dict[str, Kind] = Field(default_factory=dict, alias="register")

    @model_validator(mode="after")
    def _whole(self) -> Self:
        if self.type is None and not any("type" in target.fields for target in self.targets.values()):
            raise ValueError('no type; say type = "investment.made", or map a column to type')
        return self

    @property
    def targets(self) -> dict[str, Target]:
        """Each column of the file, and what it fills."""
        return {name: to if isinstance(to, Target) else Target(to=to) for name, to in self.columns.items()}

    def style(self, target: Target) -> Style:
        """What the figures of a column mean."""
        unit = UNITS[target.unit or self.unit]
        return Style(target.currency or self.currency, unit, target.decimal or self.decimal, target.percent)

    def title(self, field: str) -> str:
        """The column of the file that fills a field, `amount.currency`; the field's own name if none does."""
        while field:
            for name, target in self.targets.items():
                if field in target.fields:
                    return name
            field = field.rpartition(".")[0]
        return ""


def read_map(path: Path) -> ColumnMap:
    """A map from its file. Raises BadMap, OSError."""
    try:
        said = tomllib.loads(path.read_text(encoding="utf-8-sig"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise BadMap(str(path), f"not TOML: {error}", "mend it there; texts stand in quotation marks") from None
    try:
        found = ColumnMap.model_validate(said)
    except ValidationError as error:
        # Of a union's branches the one that came furthest is meant.
        found_wrong = error.errors(include_url=False, include_input=False, include_context=False)
        one = max(found_wrong, key=lambda wrong: len(wrong["loc"]))
        where = ".".join(str(step) for step in one["loc"] if step not in ("str", "list[str]", "Target"))
        detail, _, mend = one["msg"].removeprefix("Value error, ").partition("; ")
        raise BadMap(f"{path}: {where or 'map'}", detail, mend or "docs/files.md shows what a map may say") from None
    _check_fields(found, path)
    return found


def _check_fields(found: ColumnMap, path: Path) -> None:
    """Every field named is one of the type's, if there is one type."""
    if found.type is None:
        return
    known = {*fields_of(found.type), *columns_of(found.type)}
    named: list[tuple[str, Any]] = [
        (f"columns.{name}", field) for name, to in found.targets.items() for field in to.fields
    ]
    named += [(place, field) for place in ("constants", "values", "register") for field in _named(found, place)]
    for where, field in named:
        if field not in known:
            near = get_close_matches(field, known, 2)
            mend = f"did you mean {' or '.join(near)}?" if near else f"`dealledger template {found.type}` shows them"
            raise BadMap(f"{path}: {where}", f"{found.type} has no field {field}", mend)


def _named(found: ColumnMap, place: str) -> Mapping[str, Any]:
    tables: dict[str, Mapping[str, Any]] = {
        "constants": found.constants,
        "values": found.values,
        "register": found.register_as,
    }
    return tables[place]


def field_of(kind: str, name: str) -> Column | None:
    """The field, or the part of one, that a name like `amount` or `source.url` names."""
    outer, _, inner = name.partition(".")
    column = fields_of(kind).get(outer)
    if column is None or not inner:
        return column
    return next((part for part in column.parts if part.name == inner), None)
