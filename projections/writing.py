"""Writes what batches of events change into the tables, each batch in one transaction."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import date
from typing import Any

import duckdb
import numpy as np

from ledger.store import Store, Stored, StoreError
from projections import events, flows
from projections.apply import COLUMNS, NAMES, NO_END, Changes, Row, changes_of
from projections.table import SEGMENTS

# The file can't be written or read, the disk is full: the fault isn't the events'.
FAULTS = (duckdb.OperationalError, duckdb.InternalError, duckdb.FatalException, StoreError)
# So many rows go in as arrays: that costs less for each of them, and more for an insert.
MANY = 200

# What makes a value of a type of what stands in arrays: numbers, and texts where there may be none.
_FROM_ARRAYS = {
    "DATE": "DATE '0001-01-01' + ({0} - 1)::INTEGER",
    "VARCHAR": "{0}",
    "VARCHAR[]": "coalesce(string_split({0}, chr(10)), [])",
}
_NUMBERS = ("BIGINT", "DATE")


class Writing:
    """The connection that writes: its appenders, and the numbers of names."""

    def __init__(self, connection: duckdb.DuckDBPyConnection) -> None:
        self._connection = connection
        self._appenders = {name: connection.appender(name) for name in COLUMNS}
        self._names: dict[str, int] = {}
        names = connection.execute(f"SELECT name, no FROM {NAMES}")
        while some := names.fetchmany(100_000):
            self._names.update(some)

    def apply(self, store: Store, batch: Sequence[Stored], changes: Changes) -> None:
        """Apply a batch at once. If that fails, halve it until what of one event can't be applied is set aside."""
        tables = {events.NAME, *changes.tables}
        try:
            self._write(batch, changes, tables)
        except FAULTS:
            raise
        except Exception:  # whatever the tables don't take
            if len(batch) == 1:
                taken = [name for name in tables if self._takes(batch[0], changes, name)]
                self._write(batch, changes, taken)
                return
            for half in (batch[: len(batch) // 2], batch[len(batch) // 2 :]):
                self.apply(store, half, changes_of(store, half))

    def _takes(self, stored: Stored, changes: Changes, name: str) -> bool:
        """Whether one table takes its changes; if not, the event is set aside."""
        try:
            self._write([stored], changes, {name}, keep=False)
        except FAULTS:
            raise
        except Exception as error:  # whatever the table doesn't take
            changes.set_aside.append((stored.position, name, f"{type(error).__name__}: {error}"[:500]))
            return False
        return True

    def _write(self, batch: Sequence[Stored], changes: Changes, tables: Collection[str], *, keep: bool = True) -> None:
        """Write changes to some tables, and the position, in one transaction; or try to and roll back."""
        connection = self._connection
        connection.begin()
        try:
            new: dict[str, int] = {}
            for name, of_table in changes.tables.items():
                if name in tables:
                    if of_table.ends:
                        self._end(name, of_table.ends)
                    if name == SEGMENTS:
                        new = self._number(of_table.rows)
                    self._insert(name, [row.values() for row in of_table.rows])
            if events.NAME in tables:
                self._insert(events.NAME, changes.events)
            self._insert(NAMES, [(number, name) for name, number in new.items()])
            if changes.set_aside:
                connection.executemany("INSERT INTO set_aside VALUES ($1, $2, $3)", changes.set_aside)
            connection.execute(
                "UPDATE meta SET first_event = coalesce(first_event, $1), position = $2, event_id = $3",
                [batch[0].event_id, batch[-1].position, batch[-1].event_id],
            )
            if keep:
                connection.commit()
                self._names |= new
            else:
                connection.rollback()
        except BaseException:
            for appender in self._appenders.values():
                appender.clear()
            connection.rollback()
            raise

    def _number(self, rows: Iterable[Row]) -> dict[str, int]:
        """Give rows that are flows the numbers of the names in them. The numbers that are new."""
        new: dict[str, int] = {}
        for row in rows:
            if row["flags"] is not None:
                for name, no in flows.NUMBERED.items():
                    named = row[name]
                    if named is not None:
                        number = self._names.get(named)
                        row[no] = new.setdefault(named, len(self._names) + len(new) + 1) if number is None else number
        return new

    def _insert(self, table: str, rows: Sequence[Collection[Any]]) -> None:
        """Add rows of values for a table's columns: days as numbers, lists as lines."""
        columns = COLUMNS[table]
        if not rows:
            return
        if len(rows) < MANY:
            days = [place for place, kind in enumerate(columns.values()) if kind == "DATE"]
            lists = [place for place, kind in enumerate(columns.values()) if kind == "VARCHAR[]"]
            appender = self._appenders[table]
            for row in rows:
                values = list(row)
                for place in days:
                    values[place] = date.fromordinal(values[place])
                for place in lists:
                    values[place] = values[place].split("\n") if values[place] else []
                appender.append_row(*values)
            appender.flush()
        else:
            self._connection.register("given", _arrays(columns, rows))
            shown = (_FROM_ARRAYS.get(kind, "{0}::" + kind).format(name) for name, kind in columns.items())
            self._connection.execute(f"INSERT INTO {table} SELECT {', '.join(shown)} FROM given")
            self._connection.unregister("given")

    def _end(self, table: str, ends: Mapping[int, int]) -> None:
        """End the open rows of facts."""
        self._connection.execute(
            f"""UPDATE {table} SET pos_to = ending.at
            FROM (SELECT unnest($1::BIGINT[]) AS fact, unnest($2::BIGINT[]) AS at) AS ending
            WHERE fact_position = ending.fact AND pos_to = {NO_END}""",
            [list(ends), list(ends.values())],
        )


def _arrays(columns: Mapping[str, str], rows: Sequence[Collection[Any]]) -> dict[str, Any]:
    """Rows as arrays that DuckDB can read: of numbers, days among them, and of texts, among them lists."""
    return {
        name: np.array(values, dtype=np.int64 if kind in _NUMBERS and None not in values else object)
        for (name, kind), values in zip(columns.items(), zip(*rows, strict=True), strict=True)
    }
