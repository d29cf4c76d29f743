"""What a batch of events changes in the tables: row by row while it is made, column by column once it is."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from ledger.store import Stored
from projections import events
from projections.flows import NUMBERED
from projections.table import SEGMENTS

# Days are numbers, as in date.toordinal; a list is a text of lines.
Row = dict[str, Any]
# Of rows, the values of each column.
Columns = Sequence[Sequence[Any]]


@dataclass(frozen=True, slots=True)
class Changes:
    """What a batch changes. Another process may have made it."""

    before: int
    """The position before the batch."""
    last: int
    first_id: str
    last_id: str
    columns: Mapping[str, Columns]
    """New rows, by table: the values of each of its columns. The number of a name is its place in `names`."""
    ends: Mapping[str, Mapping[int, int]]
    """By table, facts before the batch whose open rows end, and the positions of that."""
    names: Sequence[str]
    """What flows name, in order of first appearance."""
    set_aside: Sequence[tuple[int, str, str]]
    """Positions of events that can't be read, by which projection, and why."""

    @property
    def tables(self) -> frozenset[str]:
        return frozenset(self.columns) | frozenset(self.ends)

    def rows(self, table: str, names: Collection[str]) -> Iterator[Row]:
        """New rows of a table whose columns have these names."""
        columns = self.columns.get(table, ())
        return (dict(zip(names, values, strict=True)) for values in zip(*columns, strict=True))


@dataclass(slots=True)
class TableChanges:
    """What a batch changes in one table, as it is made."""

    rows: list[Row] = field(default_factory=list)
    ends: dict[int, int] = field(default_factory=dict)
    _open: dict[int, list[Row]] = field(default_factory=dict)

    def begin(self, fact: Stored, rows: list[Row]) -> None:
        """The fact stands like this from now on."""
        self.rows += rows
        self._open[fact.position] = self._open.get(fact.position, []) + rows

    def end(self, fact: Stored, position: int, before: int) -> None:
        """As the fact stood, it stands no more: in rows of this batch, or in those of the file, at `before`."""
        for row in self._open.pop(fact.position, ()):
            row["pos_to"] = position
        if fact.position <= before:
            self.ends.setdefault(fact.position, position)


@dataclass(slots=True)
class Making:
    """What a batch changes in every table, as it is made."""

    before: int
    tables: dict[str, TableChanges] = field(default_factory=lambda: defaultdict(TableChanges))
    events: list[list[Any]] = field(default_factory=list)
    set_aside: list[tuple[int, str, str]] = field(default_factory=list)

    def made(self, batch: Sequence[Stored]) -> Changes:
        """All that the batch changes."""
        of_facts = self.tables[SEGMENTS]
        names = _numbered(of_facts.rows)
        rows: dict[str, Iterable[Collection[Any]]] = {events.NAME: self.events}
        rows |= {name: [row.values() for row in of_table.rows] for name, of_table in self.tables.items()}
        return Changes(
            self.before,
            batch[-1].position,
            batch[0].event_id,
            batch[-1].event_id,
            {name: list(zip(*its, strict=True)) for name, its in rows.items() if its},
            {name: of_table.ends for name, of_table in self.tables.items() if of_table.ends},
            names,
            self.set_aside,
        )


def _numbered(rows: Iterable[Row]) -> list[str]:
    """The names in rows that are flows, which are given the places of these."""
    places: dict[str, int] = {}
    for row in rows:
        if row["flags"] is not None:
            for name, no in NUMBERED.items():
                named = row[name]
                if named is not None:
                    row[no] = places.setdefault(named, len(places))
    return list(places)
