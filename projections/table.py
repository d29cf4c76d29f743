"""What a projection makes of facts: a view of the wide table of segments, or a table of its own.

Most facts are in several projections at once. What these say of a fact stands side by side in one row of `segments`,
and each projection is a view of the rows that have its mark: an insert costs by the tables and columns that it fills.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

SEGMENTS = "segments"
SEGMENT_COLUMNS = {
    "chain": "VARCHAR",  # the fact's event id
    "fact_position": "BIGINT",
    "pos_from": "BIGINT",
    "pos_to": "BIGINT",
    "known_from": "DATE",
    "known_to": "DATE",
    "first_day": "DATE",
    "last_day": "DATE",
    "seen_from": "DATE",  # the day from which the row is visible
    "type": "VARCHAR",
    "status": "VARCHAR",
    "same_as": "VARCHAR",  # the chain that this is another source for
}
SAME_AS = "same_as"
Said = Mapping[str, Any]


@dataclass(slots=True)
class Fact:
    """A fact as it stands, for projections to read.

    `amounts` has the columns of its amounts (projections/amounts.py), in which those that it doesn't name are None;
    `faults` says what of them can't be read, by the column of the amount's low bound.
    """

    type: str
    stream: str
    effective: str
    data: Said
    amounts: dict[str, Any]
    faults: Mapping[str, Exception]

    def needs(self, *lows: str) -> None:
        """Raises if one of these amounts can't be read."""
        for low in lows:
            if low in self.faults:
                raise self.faults[low]


@dataclass(frozen=True, slots=True)
class View:
    """A projection that shows rows of `segments`.

    `adds` are the columns that it wants there beside those of segments and amounts: several projections may want the
    same one. `said` gives their values for a fact of one of the types, or None if the fact isn't for this projection;
    it raises whatever it likes if the fact can't be read. `columns` says in SQL how they are shown, after those of
    segments. The rows that are shown are those with a value in the column `mark`, which no other projection wants.
    """

    name: str
    types: frozenset[str]
    columns: Mapping[str, str]
    mark: str
    adds: Mapping[str, str]
    said: Callable[[Fact], Said | None]

    @property
    def sql(self) -> str:
        """The statement that makes the view."""
        shown = (name if name == value else f"{value} AS {name}" for name, value in self.columns.items())
        columns = ", ".join([*SEGMENT_COLUMNS, *shown])
        return f"CREATE VIEW {self.name} AS SELECT {columns} FROM {SEGMENTS} WHERE {self.mark} IS NOT NULL"


@dataclass(frozen=True, slots=True)
class Table:
    """A projection with a table of its own, for what few facts say: its columns, after those of segments, and the
    rows of a fact, which has one of the types. `rows` raises whatever it likes if the fact can't be read."""

    name: str
    types: frozenset[str]
    columns: Mapping[str, str]
    rows: Callable[[Fact], Iterable[Said]]
    all_columns: Mapping[str, str] = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "all_columns", {**SEGMENT_COLUMNS, **self.columns})


def same(*names: str) -> dict[str, str]:
    """Columns that are shown as they stand."""
    return {name: name for name in names}


def lines(texts: Iterable[str]) -> str | None:
    """Texts as a value for a column that is a list of them. They have no line breaks."""
    return "\n".join(texts) or None


def json_text(said: Any) -> str | None:
    """A part of an event's data as JSON; nothing for nothing."""
    return None if said is None else json.dumps(said, separators=(",", ":"))
