"""The DuckDB file that holds the read model. It can be deleted at any time: whatever is doubtful is built again."""

from __future__ import annotations

import hashlib
import logging
import os
import threading
from collections.abc import Collection, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, TypeVar

import duckdb
import numpy as np

from ledger.store import Store, Stored, StoreError
from projections import events, flows
from projections.apply import COLUMNS, INSERTS, NAMES, NO_END, Changes, changes_of
from projections.table import FLOWING, FRESH, FRESH_COLUMNS

FILE = "read-model.duckdb"
# Raise it with every change of what a projection makes of an event. Files of other versions, or with other tables, are
# rebuilt.
VERSION = f"1 {hashlib.sha256(repr(COLUMNS).encode()).hexdigest()[:16]}"
REBUILD_BATCH = 20_000
# The file can't be written or read, the disk is full: the fault isn't the events'.
FAULTS = (duckdb.OperationalError, duckdb.InternalError, duckdb.FatalException, StoreError)

log = logging.getLogger(__name__)

_CONFIG: dict[str, str | bool | int | float | list[str]] = {
    # A checkpoint writes anew what isn't full yet: by default, at 16 MB, it takes longer than all the rest.
    "checkpoint_threshold": "128MB",
    "enable_external_access": "false",
    "lock_configuration": "true",
    "pandas_analyze_sample": "0",  # arrays of objects are texts: don't guess from some of them
}
# What makes a value of a type of what stands in arrays.
_READ = {
    "BIGINT": "{0}",
    "INTEGER": "{0}::INTEGER",
    "DATE": "DATE '0001-01-01' + ({0} - 1)::INTEGER",
    "TIMESTAMP": "{0}::TIMESTAMP",
    "VARCHAR": "{0}",
    "BOOLEAN": "{0}::BOOLEAN",
    "VARCHAR[]": "coalesce(string_split({0}, chr(10)), [])",
}


def _given(name: str, columns: Mapping[str, str]) -> str:
    """The rows that were given as arrays."""
    values = ", ".join(f"{_READ[kind].format(column)} AS {column}" for column, kind in columns.items())
    return f"SELECT {values} FROM {name}"


_FILL_FRESH = f"CREATE OR REPLACE TEMP TABLE {FRESH} AS {_given('given_facts', FRESH_COLUMNS)}"
_FILL_EVENTS = f"INSERT INTO {events.NAME} {_given('given_events', events.COLUMNS)}"

_META = """CREATE TABLE meta (version VARCHAR, first_event VARCHAR, position BIGINT, event_id VARCHAR);
    CREATE TABLE set_aside (position BIGINT, projection VARCHAR, error VARCHAR);"""


class ReadModelInUse(Exception):
    """Another process has the file open."""


class ReadModel:
    """The tables, up to a position of the log that is committed with their rows.

    One thread applies events; any thread may ask. Until the file is found good or rebuilt, the tables are those of an
    empty log at position 0.
    """

    def __init__(self, folder: Path) -> None:
        self.path = folder / FILE
        self.rebuilding: dict[str, Any] | None = None
        """Why the file is being rebuilt, the position that this has reached, and the head."""
        self._moved = threading.Condition()
        self._cursors: list[duckdb.DuckDBPyConnection] = []
        # The connection and each thread's cursor on it: replaced together, so that no thread keeps one of the other.
        self._open = (_empty(":memory:"), threading.local())
        self._position = 0
        self._ready = False
        self._cancelled = threading.Event()

    @property
    def position(self) -> int:
        """The last position applied."""
        return self._position

    def wait_for(self, position: int, timeout: float) -> bool:
        """Whether the position is applied within so many seconds."""
        with self._moved:
            return self._moved.wait_for(lambda: self._position >= position, timeout)

    def rows(self, sql: str, values: Mapping[str, Any]) -> list[tuple[Any, ...]]:
        """The rows of a query with named parameters."""
        return self._cursor().execute(sql, dict(values)).fetchall()

    def arrays(self, sql: str, values: Mapping[str, Any]) -> dict[str, Any]:
        """The columns of a query with named parameters, none of them with nulls, as arrays by their names."""
        return self._cursor().execute(sql, dict(values)).fetchnumpy()

    def set_aside(self) -> list[dict[str, Any]]:
        """The events that could not be applied, by which projection, and why."""
        rows = self.rows("SELECT position, projection, error FROM set_aside ORDER BY position, projection", {})
        return [dict(zip(("position", "projection", "error"), row, strict=True)) for row in rows]

    def prepare(self, store: Store) -> None:
        """Open the file if the log bears it out, else rebuild it. Raises StoreError, ReadModelInUse."""
        if self._ready:
            return
        if not self.path.exists():
            doubt: str | None = "there is no file"
        else:
            try:
                doubt = self._opened(store)
            except (StoreError, ReadModelInUse):
                raise
            except Exception as error:  # a damaged file can fail in any way
                doubt = f"the file can't be read: {error}"[:500]
        if doubt is not None:
            self.rebuild(store, doubt)

    def _opened(self, store: Store) -> str | None:
        """Open the file that is there, and use it if the log bears it out; else say why not."""
        try:
            connection = _connect(self.path)
        except duckdb.IOException as error:
            if "lock" in str(error):
                raise ReadModelInUse(f"{self.path} is open in another process: {error}") from error
            raise
        doubt: str | None = "unread"
        try:
            doubt = _doubt(connection, store)
        finally:
            if doubt is not None:
                connection.close()  # else the file that is built in its place would be given this one's tables
        if doubt is None:
            self._use(connection)
        return doubt

    def rebuild(self, store: Store, reason: str) -> None:
        """Build the file from the log beside the old one, and put it in its place."""
        log.info("the read model is rebuilt: %s", reason)
        building = self.path.with_name(FILE + ".building")
        _remove(building)
        self.rebuilding = {"reason": reason, "position": 0, "head": store.head()}
        connection = _empty(building)
        try:
            for batch, changes in ahead(_batches(store, 0, REBUILD_BATCH)):
                if self._cancelled.is_set():
                    break
                _apply(connection, store, batch, changes)
                self.rebuilding = {**self.rebuilding, "position": batch[-1].position}
            connection.execute("CHECKPOINT")
        finally:
            connection.close()  # else the next attempt would be given this one's tables
        if self._cancelled.is_set():
            _remove(building)
            return
        _remove(self.path)
        os.replace(building, self.path)
        self._use(_connect(self.path))

    def cancel(self) -> None:
        """Give up a rebuild that is going on or still to come: the file stays as it was."""
        self._cancelled.set()

    def apply(self, store: Store, batch: Sequence[Stored]) -> None:
        """Apply the events that follow the position, and move it with them. Called by one thread."""
        self._apply(store, batch, changes_of(store, batch))

    def follow(self, store: Store, size: int, stopping: threading.Event) -> None:
        """Apply all that the log holds, in batches of a size at most. Called by one thread."""
        for batch, changes in ahead(_batches(store, self.position, size)):
            if stopping.is_set():
                break
            self._apply(store, batch, changes)

    def _apply(self, store: Store, batch: Sequence[Stored], changes: Changes) -> None:
        _apply(self._cursor(), store, batch, changes)
        self._move(batch[-1].position)

    def close(self) -> None:
        with self._moved:
            for cursor in self._cursors:
                cursor.close()
            self._cursors.clear()
            self._open[0].close()

    def _use(self, connection: duckdb.DuckDBPyConnection) -> None:
        [(position,)] = connection.execute("SELECT position FROM meta").fetchall()
        # The tables of the empty log are left to whoever asks them just now: closing them would take away the answer.
        self._open = (connection, threading.local())
        self.rebuilding = None
        self._move(position)
        self._ready = True

    def _move(self, position: int) -> None:
        with self._moved:
            self._position = position
            self._moved.notify_all()

    def _cursor(self) -> duckdb.DuckDBPyConnection:
        """This thread's own connection to the tables."""
        connection, of_thread = self._open
        cursor: duckdb.DuckDBPyConnection | None = getattr(of_thread, "cursor", None)
        if cursor is None:
            cursor = of_thread.cursor = connection.cursor()
            with self._moved:
                self._cursors.append(cursor)
        return cursor


def _connect(path: Path | str) -> duckdb.DuckDBPyConnection:
    return duckdb.connect(str(path), config=_CONFIG)


def _empty(path: Path | str) -> duckdb.DuckDBPyConnection:
    connection = _connect(path)
    connection.execute(_META)
    connection.execute("INSERT INTO meta VALUES ($1, NULL, 0, NULL)", [VERSION])
    for name, columns in COLUMNS.items():
        connection.execute(f"CREATE TABLE {name} ({', '.join(f'{column} {kind}' for column, kind in columns.items())})")
    return connection


def _remove(path: Path) -> None:
    for one in (path, path.with_name(path.name + ".wal")):
        one.unlink(missing_ok=True)


def _doubt(connection: duckdb.DuckDBPyConnection, store: Store) -> str | None:
    """Why the file may not be what the log says; None if all is well."""
    [(version, first_event, position, event_id)] = connection.execute("SELECT * FROM meta").fetchall()
    if version != VERSION:
        return f"the file is of version {version}, not {VERSION}"
    if position > store.head():
        return f"the file is at {position}, ahead of the log"
    if position:
        [first], [last] = store.read(0, 1), store.read(position - 1, 1)
        if (first.event_id, last.event_id) != (first_event, event_id):
            return "the file is of another log"
    for name in ("set_aside", *COLUMNS):  # every block is read once, since DuckDB checks a block only then
        connection.execute(f"SELECT bit_xor(hash({name})) FROM {name}").fetchall()
    return None


# --- applying ---------------------------------------------------------------------------------------------------


def _batches(store: Store, after: int, size: int) -> Iterator[tuple[Sequence[Stored], Changes]]:
    """The events after a position, in batches, and what they change. One that isn't full is the last."""
    while batch := store.read(after, size):
        yield batch, changes_of(store, batch)
        if len(batch) < size:  # what came meanwhile is news
            return
        after = batch[-1].position


Item = TypeVar("Item")


def ahead(items: Iterator[Item]) -> Iterator[Item]:
    """The same items, each made while the one before is put to use: DuckDB works without Python's lock."""
    with ThreadPoolExecutor(1, "ahead") as worker:
        coming = worker.submit(next, items, None)
        while (item := coming.result()) is not None:
            coming = worker.submit(next, items, None)
            yield item


def _apply(connection: duckdb.DuckDBPyConnection, store: Store, batch: Sequence[Stored], changes: Changes) -> None:
    """Apply a batch at once. If that fails, halve it until what of one event can't be applied is set aside."""
    tables = {events.NAME, *(table.name for table in changes.tables)}
    try:
        _write(connection, batch, changes, tables)
    except FAULTS:
        raise
    except Exception:  # whatever the tables don't take
        if len(batch) == 1:
            taken = {name for name in COLUMNS if name in tables and _takes(connection, batch[0], changes, name)}
            _write(connection, batch, changes, taken)
            return
        for half in (batch[: len(batch) // 2], batch[len(batch) // 2 :]):
            _apply(connection, store, half, changes_of(store, half))


def _takes(connection: duckdb.DuckDBPyConnection, stored: Stored, changes: Changes, name: str) -> bool:
    """Whether one table takes its changes; if not, the event is set aside."""
    try:
        _write(connection, [stored], changes, {name}, keep=False)
    except FAULTS:
        raise
    except Exception as error:  # whatever the table doesn't take
        changes.set_aside.append((stored.position, name, f"{type(error).__name__}: {error}"[:500]))
        return False
    return True


def _write(
    connection: duckdb.DuckDBPyConnection,
    batch: Sequence[Stored],
    changes: Changes,
    tables: Collection[str],
    *,
    keep: bool = True,
) -> None:
    """Write changes to some tables, and the position, in one transaction; or try to and roll back."""
    connection.begin()
    try:
        names = _numbered(connection, changes.facts) if flows.TABLE.name in tables else {}
        given = [[*row, *(names.get(name) for name in row[-len(FLOWING) :])] for row in changes.facts]
        connection.register("given_facts", _arrays(FRESH_COLUMNS, given))
        connection.register("given_events", _arrays(events.COLUMNS, changes.events))
        connection.execute(_FILL_FRESH)
        for table in changes.tables:
            if table.name in tables:
                _end(connection, table.name, changes.ends)
                connection.execute(INSERTS[table.name])
        if events.NAME in tables:
            connection.execute(_FILL_EVENTS)
        if changes.set_aside:
            connection.executemany("INSERT INTO set_aside VALUES ($1, $2, $3)", changes.set_aside)
        connection.execute(
            "UPDATE meta SET first_event = coalesce(first_event, $1), position = $2, event_id = $3",
            [batch[0].event_id, batch[-1].position, batch[-1].event_id],
        )
    except BaseException:
        connection.rollback()
        raise
    if keep:
        connection.commit()
    else:
        connection.rollback()


def _numbered(connection: duckdb.DuckDBPyConnection, facts: Sequence[Sequence[Any]]) -> dict[str | None, int | None]:
    """The numbers of the names that facts have under FLOWING; names that are new get the next ones."""
    named = list({name: None for row in facts for name in row[-len(FLOWING) :] if name is not None})
    known = f"SELECT name, no FROM {NAMES} WHERE name IN (SELECT unnest($1::VARCHAR[]))"
    number: dict[str | None, int | None] = dict(connection.execute(known, [named]).fetchall())
    new = [name for name in named if name not in number]
    if new:
        [(last,)] = connection.execute(f"SELECT count(*) FROM {NAMES}").fetchall()
        numbers = [last + place for place in range(1, len(new) + 1)]
        connection.execute(f"INSERT INTO {NAMES} SELECT unnest($1::INTEGER[]), unnest($2::VARCHAR[])", [numbers, new])
        number |= zip(new, numbers, strict=True)
    return number


def _arrays(columns: Mapping[str, str], rows: Sequence[Sequence[Any]]) -> dict[str, Any]:
    """Rows as arrays that DuckDB can read: of numbers, days among them, and of texts, among them lists."""
    by_column = zip(*rows, strict=True) if rows else [()] * len(columns)
    return {
        name: np.array(values, dtype=np.int64 if kind in ("BIGINT", "DATE") else object)
        for (name, kind), values in zip(columns.items(), by_column, strict=True)
    }


def _end(connection: duckdb.DuckDBPyConnection, table: str, ends: Mapping[int, int]) -> None:
    """End the open rows of facts."""
    if ends:
        connection.execute(
            f"""UPDATE {table} SET pos_to = ending.at
            FROM (SELECT unnest($1::BIGINT[]) AS fact, unnest($2::BIGINT[]) AS at) AS ending
            WHERE fact_position = ending.fact AND pos_to = {NO_END}""",
            [list(ends), list(ends.values())],
        )
