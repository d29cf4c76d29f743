"""The DuckDB file that holds the read model. It can be deleted at any time: whatever is doubtful is built again."""

from __future__ import annotations

import hashlib
import logging
import os
import threading
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import duckdb

from ledger.store import Store, Stored, StoreError
from projections.apply import COLUMNS, NAMES, NUMBERS, Changes, changes_of
from projections.visibility import NO_END

FILE = "read-model.duckdb"
# Raise it with every change of what a projection makes of an event. Files of other versions, or with other tables, are
# rebuilt.
VERSION = f"1 {hashlib.sha256(repr(COLUMNS).encode()).hexdigest()[:16]}"
REBUILD_BATCH = 5_000
# The file can't be written or read, the disk is full: the fault isn't the events'.
FAULTS = (duckdb.OperationalError, duckdb.InternalError, duckdb.FatalException, StoreError)

log = logging.getLogger(__name__)

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
            position = 0
            while not self._cancelled.is_set() and (batch := store.read(position, REBUILD_BATCH)):
                _apply(connection, store, batch)
                position = batch[-1].position
                self.rebuilding = {**self.rebuilding, "position": position}
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
        _apply(self._cursor(), store, batch)
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
    return duckdb.connect(str(path), config={"enable_external_access": "false", "lock_configuration": "true"})


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


def _apply(connection: duckdb.DuckDBPyConnection, store: Store, batch: Sequence[Stored]) -> None:
    """Apply a batch at once; if that fails on some event, one by one, and set aside what can't be applied."""
    try:
        _write(connection, batch, changes_of(store, batch))
    except FAULTS:
        raise
    except Exception:  # whatever the tables don't take
        for stored in batch:
            changes = changes_of(store, [stored])
            taken = [name for name in changes.tables if _takes(connection, stored, changes, name)]
            _write(connection, [stored], changes.only(taken))


def _takes(connection: duckdb.DuckDBPyConnection, stored: Stored, changes: Changes, name: str) -> bool:
    """Whether one table takes its changes; if not, the event is set aside."""
    try:
        _write(connection, [stored], changes.only([name]), keep=False)
    except FAULTS:
        raise
    except Exception as error:  # whatever the table doesn't take
        changes.set_aside.append((stored.position, name, f"{type(error).__name__}: {error}"[:500]))
        return False
    return True


def _write(
    connection: duckdb.DuckDBPyConnection, batch: Sequence[Stored], changes: Changes, *, keep: bool = True
) -> None:
    """Write changes and the position in one transaction, or try to and roll back."""
    connection.begin()
    try:
        for name, ends in changes.ends.items():
            connection.execute(
                f"""UPDATE {name} SET pos_to = ending.at
                FROM (SELECT unnest($1::BIGINT[]) AS fact, unnest($2::BIGINT[]) AS at) AS ending
                WHERE fact_position = ending.fact AND pos_to = {NO_END}""",
                [list(ends), list(ends.values())],
            )
        for name, rows in changes.rows.items():
            if rows:
                _insert(connection, name, rows)
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


def _insert(connection: duckdb.DuckDBPyConnection, table: str, rows: list[list[Any]]) -> None:
    if table in NUMBERS:
        rows = _numbered(connection, table, rows)
    values = ", ".join(f"unnest(${place}::{kind}[])" for place, kind in enumerate(COLUMNS[table].values(), 1))
    connection.execute(f"INSERT INTO {table} SELECT {values}", [list(column) for column in zip(*rows, strict=True)])


def _numbered(connection: duckdb.DuckDBPyConnection, table: str, rows: list[list[Any]]) -> list[list[Any]]:
    """The rows with the numbers of what they name; names that are new get the next ones."""
    columns = list(COLUMNS[table])
    places = [columns.index(of) for of in NUMBERS[table].values()]
    named = list({row[place]: None for row in rows for place in places if row[place] is not None})
    known = f"SELECT name, no FROM {NAMES} WHERE name IN (SELECT unnest($1::VARCHAR[]))"
    number: dict[str | None, int | None] = {None: None, **dict(connection.execute(known, [named]).fetchall())}
    new = [name for name in named if name not in number]
    if new:
        [(last,)] = connection.execute(f"SELECT count(*) FROM {NAMES}").fetchall()
        number |= {name: last + place for place, name in enumerate(new, 1)}
        values = [[number[name] for name in new], new]
        connection.execute(f"INSERT INTO {NAMES} SELECT unnest($1::INTEGER[]), unnest($2::VARCHAR[])", values)
    return [[*row, *(number[row[place]] for place in places)] for row in rows]
