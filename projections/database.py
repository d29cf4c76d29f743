"""The DuckDB file that holds the read model. It can be deleted at any time: whatever is doubtful is built again."""

from __future__ import annotations

import hashlib
import logging
import os
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import duckdb

from ledger.store import Store, StoreError
from projections.apply import COLUMNS, VIEWS, WORKED_OUT
from projections.changes import Changes
from projections.making import far, made
from projections.portfolios import Portfolios
from projections.visibility import ByHolder
from projections.writing import Writing

FILE = "read-model.duckdb"
# Raise it with every change of what a projection makes of an event. Files of other versions, or with other tables, are
# rebuilt.
VERSION = f"2 {hashlib.sha256(repr((COLUMNS, WORKED_OUT, [view.sql for view in VIEWS])).encode()).hexdigest()[:16]}"
# Rows of a batch are dictionaries: with more of them they are in no cache any more when they are written.
REBUILD_BATCH = 2_500
# Events in a transaction of a rebuild, or while the log is far ahead: what a checkpoint has written it rarely writes
# anew. DuckDB has the rows in memory until then.
LARGE = 100_000
log = logging.getLogger(__name__)

_CONFIG: dict[str, str | bool | int | float | list[str]] = {
    # A checkpoint writes anew what isn't full yet: by default, at 16 MB, it takes longer than all the rest.
    "checkpoint_threshold": "128MB",
    "enable_external_access": "false",
    "lock_configuration": "true",
    "pandas_analyze_sample": "0",  # arrays of objects are texts: don't guess from some of them
}
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
        self.portfolios = Portfolios(folder)
        self._log: Store | None = None
        self.rebuilding: dict[str, Any] | None = None
        """Why the file is being rebuilt, the position that this has reached, and the head."""
        self._moved = threading.Condition()
        self._waiting: list[tuple[int, Callable[[], object]]] = []
        self._cursors: list[duckdb.DuckDBPyConnection] = []
        # The connection and each thread's cursor on it: replaced together, so that no thread keeps one of the other.
        self._open = (_empty(":memory:"), threading.local())
        self._writing: Writing | None = None
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

    def by_holder(self, position: int) -> ByHolder | None:
        """The rows up to a position by holder; None while too many of them are lacking."""
        return self.portfolios if self.portfolios.reach(self, position) else None

    def states(self, positions: Sequence[int]) -> dict[int, str]:
        """The states of events by their positions, from the log that it is prepared from. Raises StoreError."""
        return {} if self._log is None else self._log.states(positions)

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
        self._log = store
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
        head = store.head()
        self.rebuilding = {"reason": reason, "position": 0, "head": head}
        connection = _empty(building)
        try:
            writing = Writing(connection)
            with closing(made(store, 0, head, REBUILD_BATCH)) as batches:
                for changes in batches:
                    if self._cancelled.is_set():
                        break
                    writing.add(store, changes)
                    if writing.uncommitted >= LARGE:
                        writing.commit(store)
                    self.rebuilding = {**self.rebuilding, "position": changes.last}
            if not self._cancelled.is_set():
                writing.commit(store)
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

    def follow(self, store: Store, size: int, stopping: threading.Event) -> None:
        """Apply all that the log holds, in batches of a size at most. Called by one thread."""
        if self._writing is None:
            cursor = self._open[0].cursor()
            self._cursors.append(cursor)
            self._writing = Writing(cursor)
        writing, head = self._writing, store.head()
        least = LARGE if far(self.position, head) else 1
        try:
            with closing(made(store, self.position, head, size)) as batches:
                for changes in batches:
                    if stopping.is_set():
                        break
                    writing.add(store, changes)
                    if writing.uncommitted >= least:
                        writing.commit(store)
                        self._move(writing.position)
            writing.commit(store)
        finally:
            writing.rollback()
            self._move(writing.position)

    def changes_after(self, position: int) -> list[Changes] | None:
        """What was changed after a position and up to the last one, if that was little and a short while ago."""
        last, writing = self._position, self._writing
        kept = [one for one in writing.recent.copy() if one.last <= last] if writing is not None else []
        return [one for one in kept if one.last > position] if kept and kept[0].before <= position else None

    @contextmanager
    def when(self, position: int, told: Callable[[], object]) -> Iterator[None]:
        """Call `told` once the position is applied, in the thread that applies it; at once if it is already. Who
        leaves the context is told no more."""
        waiting = (position, told)
        with self._moved:
            reached = self._position >= position
            if not reached:
                self._waiting.append(waiting)
        if reached:
            told()
        try:
            yield
        finally:
            with self._moved:
                if waiting in self._waiting:
                    self._waiting.remove(waiting)

    def close(self) -> None:
        with self._moved:
            for cursor in self._cursors:
                cursor.close()
            self._cursors.clear()
            self._open[0].close()
        self.portfolios.close()

    def _use(self, connection: duckdb.DuckDBPyConnection) -> None:
        [(position,)] = connection.execute("SELECT position FROM meta").fetchall()
        # The tables of the empty log are left to whoever asks them just now: closing them would take away the answer.
        self._open = (connection, threading.local())
        self._writing = None
        self.rebuilding = None
        self._move(position)
        self._ready = True

    def _move(self, position: int) -> None:
        with self._moved:
            self._position = position
            self._moved.notify_all()
            reached = [told for wanted, told in self._waiting if wanted <= position]
            self._waiting = [waiting for waiting in self._waiting if waiting[0] > position]
        for told in reached:
            told()

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
        all_columns = {**columns, **WORKED_OUT.get(name, {})}
        made = ", ".join(f"{column} {kind}" for column, kind in all_columns.items())
        connection.execute(f"CREATE TABLE {name} ({made})")
    for view in VIEWS:
        connection.execute(view.sql)
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
    connection.execute("SELECT * FROM set_aside").fetchall()
    for name, columns in COLUMNS.items():  # every block is read once, since DuckDB checks a block only then
        connection.execute(f"SELECT bit_xor(hash({', '.join(columns)})) FROM {name}").fetchall()
    for view in VIEWS:
        connection.execute(f"SELECT * FROM {view.name} LIMIT 0")
    return None
