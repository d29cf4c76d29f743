"""Writes what batches of events change into the tables, one batch or several in one transaction."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import date
from itertools import pairwise
from typing import Any

import duckdb
import numpy as np

from ledger.store import Reading, StoreError
from projections.apply import COLUMNS, NAMES, NO_END, changes_of
from projections.changes import Changes, Columns
from projections.flows import NUMBERED
from projections.table import SEGMENTS

# The file can't be written or read, the disk is full: the fault isn't the events'.
FAULTS = (duckdb.OperationalError, duckdb.InternalError, duckdb.FatalException, StoreError)
# So many rows go in as arrays: that costs less for each of them, and more for an insert.
MANY = 200
# What so many events changed is remembered.
RECENT = 5_000

# What makes a value of a type of what stands in arrays: numbers, and texts where there may be none.
_FROM_ARRAYS = {
    "DATE": "DATE '0001-01-01' + ({0} - 1)::INTEGER",
    "VARCHAR": "{0}",
    "VARCHAR[]": "coalesce(string_split({0}, chr(10)), [])",
}
_NUMBERS = ("BIGINT", "DATE")
_NUMBERED = tuple(place for place, name in enumerate(COLUMNS[SEGMENTS]) if name in NUMBERED.values())

# The same of values that go in one by one.
_ONE_BY_ONE: dict[str, Callable[[Iterable[Any]], list[Any]]] = {
    "DATE": lambda days: [date.fromordinal(day) for day in days],
    "VARCHAR[]": lambda lists: [lines.split("\n") if lines else [] for lines in lists],
}


class Writing:
    """The connection that writes: its appenders, the numbers of names, and the transaction that is open."""

    def __init__(self, connection: duckdb.DuckDBPyConnection) -> None:
        self._connection = connection
        self._appenders = {name: connection.appender(name) for name in COLUMNS}
        self._names: dict[str, int] = {}
        names = connection.execute(f"SELECT name, no FROM {NAMES}")
        while some := names.fetchmany(100_000):
            self._names.update(some)
        [(self.position,)] = connection.execute("SELECT position FROM meta").fetchall()
        """The last position that is committed."""
        self._begun = False
        self._batches: list[tuple[int, int]] = []  # those of the transaction: the position before each, and its last
        self._new: dict[str, int] = {}
        self._ends: dict[str, dict[int, list[int]]] = {}
        self.recent: deque[Changes] = deque()
        """The last changes, one after another, of RECENT events at most. Those after `position` aren't committed."""

    @property
    def uncommitted(self) -> int:
        """How many events were added and are not committed."""
        return self._batches[-1][1] - self._batches[0][0] if self._batches else 0

    def add(self, log: Reading, changes: Changes) -> None:
        """Apply a batch in the transaction that is open, or in a new one. If that fails, the transaction's batches are
        applied and committed one by one, halved until what of one event can't be applied is set aside."""
        self._batches.append((changes.before, changes.last))
        self.recent.append(changes)
        while self.recent and changes.last - self.recent[0].before > RECENT:
            self.recent.popleft()
        try:
            self._put(changes, changes.tables)
        except BaseException as error:
            self._apart(log, error)

    def commit(self, log: Reading) -> None:
        """Commit what was added, if anything was; if that fails, as above."""
        if self._batches:
            try:
                self._commit()
            except BaseException as error:
                self._apart(log, error)

    def rollback(self) -> None:
        """Give up what was added and isn't committed."""
        if self._batches:
            self.recent.clear()  # it may be taken in parts only
        for appender in self._appenders.values():
            appender.clear()
        self._batches, self._new, self._ends = [], {}, {}
        if self._begun:
            self._begun = False
            self._connection.rollback()

    def _apart(self, log: Reading, error: BaseException) -> None:
        """The transaction has failed: apply its batches one by one, or the only one in halves."""
        batches = self._batches
        self.rollback()
        if isinstance(error, FAULTS) or not isinstance(error, Exception):
            raise error
        if len(batches) == 1:
            [(before, last)] = batches
            if last - before == 1:
                self._set_aside(changes_of(log, log.read(before, 1)))
                return
            middle = (before + last) // 2
            batches = [(before, middle), (middle, last)]
        for before, last in batches:
            self.add(log, changes_of(log, log.read(before, last - before)))
            self.commit(log)

    def _set_aside(self, changes: Changes) -> None:
        """Apply what the tables take of an event's changes, and set it aside for the others."""
        refused = {}
        for name in changes.tables:
            try:
                self._put(changes, {name})
                self._end()
            except FAULTS:
                raise
            except Exception as error:  # whatever the table doesn't take
                refused[name] = f"{type(error).__name__}: {error}"[:500]
            finally:
                self.rollback()
        told = [*changes.set_aside, *((changes.last, name, reason) for name, reason in refused.items())]
        self._batches = [(changes.before, changes.last)]
        self._put(replace(changes, set_aside=told), changes.tables - refused.keys())
        self._commit()

    def _put(self, changes: Changes, tables: Collection[str]) -> None:
        """Add the changes of some tables to the transaction."""
        connection = self._connection
        if not self._begun:
            connection.begin()
            self._begun = True
        for name in tables:
            if name in changes.columns:
                columns = changes.columns[name]
                self._insert(name, self._numbered(columns, changes.names) if name == SEGMENTS else columns)
            for fact, position in changes.ends.get(name, {}).items():
                self._ends.setdefault(name, {}).setdefault(fact, []).append(position)
        if changes.set_aside:
            connection.executemany("INSERT INTO set_aside VALUES ($1, $2, $3)", changes.set_aside)
        connection.execute(
            "UPDATE meta SET first_event = coalesce(first_event, $1), position = $2, event_id = $3",
            [changes.first_id, changes.last, changes.last_id],
        )

    def _commit(self) -> None:
        self._end()
        self._connection.commit()
        self._begun = False
        self._names |= self._new
        self.position = self._batches[-1][1]
        self._batches, self._new, self._ends = [], {}, {}

    def _numbered(self, columns: Columns, names: Sequence[str]) -> Columns:
        """The columns of `segments` with the numbers that names have in the file. New ones are added to it."""
        new: dict[str, int] = {}
        numbers = []
        for name in names:
            number = self._names.get(name) or self._new.get(name)
            if number is None:
                number = new[name] = len(self._names) + len(self._new) + len(new) + 1
            numbers.append(number)
        if new:
            self._insert(NAMES, (tuple(new.values()), tuple(new)))
            self._new |= new
        return [
            [None if no is None else numbers[no] for no in values] if place in _NUMBERED else values
            for place, values in enumerate(columns)
        ]

    def _insert(self, table: str, values: Columns) -> None:
        """Add rows to a table, given as the values of each of its columns: days as numbers, lists as lines."""
        columns = COLUMNS[table]
        if len(values[0]) < MANY:
            appender = self._appenders[table]
            given = [_ONE_BY_ONE.get(kind, list)(its) for kind, its in zip(columns.values(), values, strict=True)]
            for row in zip(*given, strict=True):
                appender.append_row(*row)
            appender.flush()
        else:
            self._connection.register("given", _arrays(columns, values))
            shown = (_FROM_ARRAYS.get(kind, "{0}::" + kind).format(name) for name, kind in columns.items())
            self._connection.execute(f"INSERT INTO {table} SELECT {', '.join(shown)} FROM given")
            self._connection.unregister("given")

    def _end(self) -> None:
        """End the rows that were open when their facts came to stand differently, once or several times."""
        for table, ends in self._ends.items():
            spans = [
                (fact, since, position)
                for fact, positions in ends.items()
                for since, position in pairwise([0, *positions])
            ]
            self._connection.execute(
                f"""UPDATE {table} SET pos_to = ending.position
                FROM (SELECT unnest($1::BIGINT[]) AS fact, unnest($2::BIGINT[]) AS since,
                    unnest($3::BIGINT[]) AS position) AS ending
                WHERE fact_position = ending.fact AND pos_to = {NO_END}
                    AND pos_from >= ending.since AND pos_from < ending.position""",
                [list(values) for values in zip(*spans, strict=True)],
            )


def _arrays(columns: Mapping[str, str], values: Columns) -> dict[str, Any]:
    """Values as arrays that DuckDB can read: of numbers, days among them, and of texts, among them lists."""
    return {
        name: np.array(its, dtype=np.int64 if kind in _NUMBERS and None not in its else object)
        for (name, kind), its in zip(columns.items(), values, strict=True)
    }
