"""Records with terms: commitments and contracts are both made, changed, and taken from until they end."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from itertools import groupby
from typing import Any, Generic, TypeVar

from ledger.money import Bounds
from projections.amounts import MONEY_COLUMNS
from projections.doubles import doubles, under_the_first
from projections.figures import Exchange, Figure, Part, in_force, summed
from projections.rates import exchange
from projections.table import View
from projections.visibility import Point, Tables, counting

# What each event of a record has beside the columns of its own noun: what it is to the record, and its amount.
TERMS_COLUMNS = {"role": "VARCHAR", **MONEY_COLUMNS, "up_to": "BOOLEAN"}


@dataclass(frozen=True, slots=True)
class TermsRow:
    """One event of a record, which counts."""

    chain: str
    fact_position: int
    first_day: date
    last_day: date
    id: str
    role: str
    currency: str | None
    low: Decimal | None
    stated: Decimal | None
    high: Decimal | None
    up_to: bool | None

    @property
    def part(self) -> Part | None:
        if self.low is None:
            return None
        return Part(self.currency, Bounds(self.low, self.stated, self.high), self.first_day, self.last_day)


RowT = TypeVar("RowT", bound=TermsRow)


@dataclass(frozen=True, slots=True)
class Terms(Generic[RowT]):
    """A record at a point in the three times: what made it, and all its events in the order in which they set it."""

    made: RowT
    rows: Sequence[RowT]
    at: Point
    converting: Exchange

    @property
    def _said(self) -> list[RowT]:
        return [self.made, *(row for row in self.rows if row.role == "changed")]

    def latest(self, field: str) -> Any:
        """What holds of a field: as changed last, else as made."""
        return next((value for row in reversed(self._said) if (value := getattr(row, field)) is not None), None)

    def last(self, role: str) -> RowT | None:
        return next((row for row in reversed(self.rows) if row.role == role), None)

    def sum_of(self, role: str) -> Figure:
        """What the events of a role come to."""
        parts = (row.part for row in self.rows if row.role == role)
        return summed(part.figure(self.converting) for part in parts if part is not None)

    def agreed(self, taken: Figure) -> tuple[Figure, bool]:
        """The amount by the latest terms, of which so much was taken; and whether they say "up to"."""
        priced, part = next((row, part) for row in reversed(self._said) if (part := row.part))
        amount = in_force(
            part,
            certain=self.made.last_day <= self.at.as_of,
            up_to=bool(priced.up_to),
            taken=taken,
            exchange=self.converting,
        )
        return amount, bool(priced.up_to)

    @property
    def events(self) -> list[str]:
        """The ids of the events, as they were recorded."""
        return [row.chain for row in sorted(self.rows, key=lambda row: row.fact_position)]


def terms(
    model: Tables,
    at: Point,
    table: View,
    row: type[RowT],
    made: str,
    filters: Mapping[str, str | None],
) -> Iterator[Terms[RowT]]:
    """The records of a table that an event of role `made` brought into being, by id; `filters` are on its columns.

    The table's first column is the record's id. The events of a record that is another one's double are of that one.
    """
    rule = counting(model, at)
    chosen = {column: value for column, value in filters.items() if value is not None}
    record, *own = (column for column in table.columns if column not in TERMS_COLUMNS)
    # Where several made the record, each after the one before was retracted, the last one recorded has it.
    repeated = doubles(model, at)
    named = [column for column in (record, "part_of") if column in table.columns]
    source, of_doubles = under_the_first(table.name, named, {**repeated.slugs(record), **repeated.events})
    there = f"SELECT {record} FROM {source} WHERE {rule.sql} AND role = $made GROUP BY {record}"
    if chosen:
        there += " HAVING " + " AND ".join(f"arg_max({column}, fact_position) = ${column}" for column in chosen)
    columns = ("chain", "fact_position", "first_day", "last_day", record, *TERMS_COLUMNS, *own)
    found = model.rows(
        f"""SELECT {", ".join(columns)} FROM {source}
        WHERE {rule.sql} AND {record} IN ({there}) ORDER BY {record}, last_day, fact_position""",
        {**rule.values, **chosen, **of_doubles, "made": made},
    )
    converting = exchange(model, at)
    for _, its_rows in groupby((row(*values) for values in found), key=lambda one: one.id):
        rows = list(its_rows)
        first = max((one for one in rows if one.role == made), key=lambda one: one.fact_position)
        yield Terms(first, [one for one in rows if one.role != made or one is first], at, converting)
