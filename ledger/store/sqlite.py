"""The log in one SQLite file: one process per folder, one writer, every commit on the disk before it is answered."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from threading import Lock
from typing import Any, ClassVar

from eventsourcing.persistence import (
    ConnectionPoolClosedError,
    InterfaceError,
    OperationalError,
    PersistenceError,
    StoredEvent,
)
from eventsourcing.sqlite import (
    SQLiteApplicationRecorder,
    SQLiteConnection,
    SQLiteConnectionPool,
    SQLiteCursor,
    SQLiteDatastore,
    SQLiteTransaction,
)

from ledger.log.tiles import Run
from ledger.store import tree
from ledger.store.errors import OutcomeUnknown, StoreRefused
from ledger.store.folder import HeldFolder
from ledger.store.recorder import (
    COLUMNS,
    FORMAT,
    Answer,
    Entry,
    Layout,
    Reading,
    Store,
    Stored,
    WriteTransaction,
    check_format,
    entry_of,
    translated,
)

LOG_FILE = "ledger.sqlite"
FULL = 2  # PRAGMA synchronous: each commit waits for the disk
BUSY_SECONDS = 30  # how long to wait for a lock, e.g. of somebody's sqlite3 shell
SETTLE_MILLISECONDS = 2_000  # how long the emptying of the WAL waits for readers, while writers wait for it
STATEMENTS = 256  # that a connection remembers
UNLIMITED = 1_000_000  # connections: a pool that runs out as a writer arrives would never let a writer in again

# `position` is declared, so VACUUM keeps it; it is always given, so SQLite never picks one; and rows are never deleted.
# The triggers name what they refuse; the last is for REPLACE, which in other people's shells goes round the one for
# DELETE.
TABLES = [
    """CREATE TABLE IF NOT EXISTS events (
        position INTEGER PRIMARY KEY CHECK (position > 0),
        stream TEXT NOT NULL,
        version INTEGER NOT NULL,
        type TEXT NOT NULL,
        state TEXT NOT NULL CHECK (typeof(state) = 'text'),
        id TEXT NOT NULL UNIQUE,
        chain TEXT,
        UNIQUE (stream, version))""",
    # A fact's own row is found by its id. (Ledgers of earlier versions have an index of all rows.)
    "CREATE INDEX IF NOT EXISTS events_amending ON events (chain) WHERE chain <> id",
    "DROP INDEX IF EXISTS events_chain",
    """CREATE TABLE IF NOT EXISTS event_keys (
        key TEXT NOT NULL,
        position INTEGER NOT NULL,
        PRIMARY KEY (key, position)) WITHOUT ROWID""",
    """CREATE TABLE IF NOT EXISTS answers (
        key TEXT PRIMARY KEY,
        body_sha256 TEXT NOT NULL,
        answer TEXT NOT NULL,
        position INTEGER NOT NULL) WITHOUT ROWID""",
    """CREATE VIEW IF NOT EXISTS stored_events AS
        SELECT position AS rowid, stream AS originator_id, version AS originator_version, type AS topic,
            CAST(state AS BLOB) AS state
        FROM events""",
    """CREATE TRIGGER IF NOT EXISTS events_no_update BEFORE UPDATE ON events
        BEGIN SELECT RAISE(ABORT, 'events are never changed'); END""",
    """CREATE TRIGGER IF NOT EXISTS events_no_delete BEFORE DELETE ON events
        BEGIN SELECT RAISE(ABORT, 'events are never deleted'); END""",
    """CREATE TRIGGER IF NOT EXISTS events_no_replace BEFORE INSERT ON events
        WHEN EXISTS (SELECT 1 FROM events WHERE position = NEW.position)
            OR EXISTS (SELECT 1 FROM events WHERE id = NEW.id)
            OR EXISTS (SELECT 1 FROM events WHERE stream = NEW.stream AND version = NEW.version)
        BEGIN SELECT RAISE(ABORT, 'the position, the event id or the version of the stream is taken'); END""",
    # What the writer finds records and first answers by. A key's row that is written again is the same row.
    *(
        f"""CREATE TRIGGER IF NOT EXISTS {table}_no_{change} BEFORE {change} ON {table}
        BEGIN SELECT RAISE(ABORT, '{table} are never changed or deleted'); END"""
        for table in ("event_keys", "answers")
        for change in ("update", "delete")
    ),
    """CREATE TRIGGER IF NOT EXISTS answers_no_replace BEFORE INSERT ON answers
        WHEN EXISTS (SELECT 1 FROM answers WHERE key = NEW.key)
        BEGIN SELECT RAISE(ABORT, 'the key has its first answer'); END""",
    # Rows are only appended and blanked: SQLite overwrites what it frees (secure_delete), but not what it leaves behind
    # when it moves a row to another page, which happens when rows are deleted or come in between.
    """CREATE TABLE IF NOT EXISTS attachments (
        number INTEGER PRIMARY KEY,
        id TEXT NOT NULL UNIQUE,
        salt BLOB,
        bytes BLOB,
        CHECK ((salt IS NULL) = (bytes IS NULL)))""",
    """CREATE TRIGGER IF NOT EXISTS attachments_only_erased BEFORE UPDATE ON attachments
        WHEN NEW.number <> OLD.number OR NEW.id <> OLD.id OR NEW.bytes IS NOT NULL
        BEGIN SELECT RAISE(ABORT, 'attachments are never changed, only erased'); END""",
    """CREATE TRIGGER IF NOT EXISTS attachments_no_delete BEFORE DELETE ON attachments
        BEGIN SELECT RAISE(ABORT, 'attachments are erased by recording it, and their ids stay'); END""",
]


TREE_TABLES = [
    """CREATE TABLE tree_runs (
        level INTEGER NOT NULL,
        first INTEGER NOT NULL,
        hashes BLOB NOT NULL CHECK (typeof(hashes) = 'blob' AND length(hashes) > 0 AND length(hashes) % 32 = 0),
        PRIMARY KEY (level, first)) WITHOUT ROWID""",
    """CREATE TABLE checkpoints (size INTEGER PRIMARY KEY CHECK (size >= 0), note TEXT NOT NULL)""",
    """CREATE TABLE cosignatures (
        size INTEGER NOT NULL REFERENCES checkpoints,
        line TEXT NOT NULL,
        PRIMARY KEY (size, line)) WITHOUT ROWID""",
    # Also keeps REPLACE from going round the trigger for DELETE.
    """CREATE TRIGGER tree_runs_in_order BEFORE INSERT ON tree_runs
        WHEN NEW.first <> coalesce((SELECT first + length(hashes) / 32 FROM tree_runs
            WHERE level = NEW.level ORDER BY first DESC LIMIT 1), 0)
        BEGIN SELECT RAISE(ABORT, 'hashes are only appended'); END""",
    """CREATE TRIGGER checkpoints_in_order BEFORE INSERT ON checkpoints
        WHEN NEW.size <= (SELECT max(size) FROM checkpoints)
        BEGIN SELECT RAISE(ABORT, 'checkpoints are only appended'); END""",
    *(
        f"""CREATE TRIGGER {table}_no_{change} BEFORE {change} ON {table}
        BEGIN SELECT RAISE(ABORT, '{table} are never changed or deleted'); END"""
        for table in ("tree_runs", "checkpoints", "cosignatures")
        for change in ("update", "delete")
    ),
]


class Transaction(SQLiteTransaction):
    """A writer takes the lock when it begins: one that reads first and writes later is told "database is locked"."""

    def __enter__(self) -> SQLiteCursor:
        cursor = self.connection.cursor()
        try:
            cursor.execute("BEGIN IMMEDIATE" if self.commit else "BEGIN")
        except sqlite3.OperationalError as error:
            raise OperationalError(error) from error
        return cursor


class Connection(SQLiteConnection):
    @contextmanager
    def transaction(self, *, commit: bool) -> Iterator[SQLiteCursor]:
        with Transaction(self, commit=commit) as cursor, cursor:
            yield cursor

    def commit(self) -> None:
        try:
            super().commit()
        except sqlite3.Error as error:
            # What reached the disk before the failure may still be found there after a restart.
            self.rollback()
            raise OutcomeUnknown(f"the commit failed: {error}") from error


class ConnectionPool(SQLiteConnectionPool):
    """Connections that wait for the disk at each commit. Readers can't write, nor checkpoint: only the writer does."""

    def __init__(self, path: Path, *, read_only: bool) -> None:
        super().__init__(
            db_name=str(path), lock_timeout=BUSY_SECONDS, max_overflow=UNLIMITED, pool_timeout=BUSY_SECONDS
        )
        self.read_only = read_only
        self._closing = False

    def _create_connection(self) -> SQLiteConnection:
        try:
            # As the library makes it, which however lets it remember one statement only: each would be prepared anew.
            made = sqlite3.connect(
                database=self.db_name,
                uri=True,
                check_same_thread=False,
                isolation_level=None,
                timeout=BUSY_SECONDS,
                cached_statements=STATEMENTS,
            )
        except sqlite3.Error as error:
            raise InterfaceError(error) from error
        made.row_factory = sqlite3.Row
        connection = Connection(made, max_age=None)
        ask = made.cursor().execute
        ask("PRAGMA journal_mode=WAL")
        ask("PRAGMA synchronous = FULL")
        ask("PRAGMA recursive_triggers = ON")  # so that REPLACE meets the trigger that refuses DELETE
        ask("PRAGMA secure_delete = ON")  # what is erased is overwritten
        mode, level = ask("PRAGMA journal_mode").fetchone()[0], ask("PRAGMA synchronous").fetchone()[0]
        if mode != "wal" or level < FULL:
            connection.close()
            raise StoreRefused(
                f"{self.db_name}: SQLite runs with journal_mode={mode}, synchronous={level}; a power cut could lose"
                f" acknowledged events. It must run with wal and {FULL} (FULL)."
            )
        if self.read_only:
            ask("PRAGMA query_only = ON")
        return connection

    def _get_connection(self, timeout: float = 0.0) -> SQLiteConnection:
        with self._put_condition:
            if self._closing:
                raise ConnectionPoolClosedError
            return super()._get_connection(timeout)

    def close(self) -> None:
        """Give out no more connections and close those that come back. The library would close them under the hands
        of threads that use them, which crashes the process."""
        with self._put_condition:
            self._closing = True
            self._put_condition.wait_for(lambda: not self._in_use, BUSY_SECONDS)
            self._in_use.clear()  # whoever still has one keeps it until the process ends
            super().close()


class Datastore(SQLiteDatastore):
    def __init__(self, path: Path, *, read_only: bool = False) -> None:
        super().__init__(str(path), originator_id_type="text")
        self.pool = ConnectionPool(path, read_only=read_only)


class Recorder(SQLiteApplicationRecorder):
    """The library's recorder over our tables: it reads the view, and what it inserts gets the next positions."""

    hashed: tree.Told = staticmethod(lambda done, of: None)
    layout: Layout

    def construct_create_table_statements(self) -> list[str]:
        return TABLES

    def _create_table(self, c: SQLiteCursor) -> None:
        [(found,)] = rows(c, "PRAGMA user_version")
        check_format(found)
        if not rows(c, "SELECT 1 FROM sqlite_schema WHERE name = 'events'"):
            c.execute(f"PRAGMA user_version = {FORMAT}")
        super()._create_table(c)
        [(always,)] = rows(c, "SELECT \"notnull\" FROM pragma_table_info('events') WHERE name = 'chain'")
        self.layout = Layout(brief=not always)
        if not rows(c, "SELECT 1 FROM sqlite_schema WHERE name = 'tree_runs'"):
            for statement in TREE_TABLES:
                c.execute(statement)
            tree.fill(partial(rows, c), partial(_read, c), partial(_store_runs, c), self.hashed)

    def _insert_events(self, c: SQLiteCursor, stored_events: Sequence[StoredEvent], **_: Any) -> Sequence[int]:
        return self.insert(c, [entry_of(event) for event in stored_events])

    def insert(self, cursor: SQLiteCursor, entries: Sequence[Entry]) -> list[int]:
        """Store events and their keys in the write transaction of `cursor`."""
        before = tree.heads(partial(rows, cursor))
        placed = list(enumerate(entries, before.position + 1))
        cursor.executemany(
            "INSERT INTO events (position, stream, version, type, state, id, chain) VALUES (?, ?, ?, ?, ?, ?, ?)",
            [(at, e.stream, e.version, e.type, e.state, e.event_id, self.layout.chain(e)) for at, e in placed],
        )
        _store_runs(cursor, tree.grown(partial(rows, cursor), before, entries))
        self.index(cursor, [(key, at) for at, entry in placed for key in self.layout.keys(entry.stream, entry.keys)])
        return [at for at, _ in placed]

    def index(self, cursor: SQLiteCursor, keys: Sequence[tuple[str, int]]) -> None:
        """Note that the events at these positions touch these records."""
        cursor.executemany("INSERT OR IGNORE INTO event_keys (key, position) VALUES (?, ?)", keys)


class SQLiteWriteTransaction(WriteTransaction):
    _database: ClassVar = sqlite3

    def __init__(self, recorder: Recorder, cursor: SQLiteCursor) -> None:
        self._recorder = recorder
        self.layout = recorder.layout
        self._cursor = cursor
        super().__init__()

    def _rows(self, sql: str, *values: object) -> list[tuple[Any, ...]]:
        with translated(sqlite3):
            return rows(self._cursor, sql, *values)

    def _execute(self, sql: str, *values: object) -> None:
        with translated(sqlite3):
            self._cursor.execute(sql, values)

    def _insert(
        self, entries: Sequence[Entry], more_keys: Sequence[tuple[str, int]], answers: Sequence[Answer]
    ) -> list[int]:
        positions = self._recorder.insert(self._cursor, entries)
        self._recorder.index(self._cursor, more_keys)
        self._cursor.executemany(
            "INSERT INTO answers (key, body_sha256, answer, position) VALUES (?, ?, ?, ?)",
            [(a.key, a.body_sha256, a.answer, a.position) for a in answers],
        )
        return positions


class SQLiteStore(Store):
    """The log in `folder`/ledger.sqlite; the folder is held until `close`."""

    _database: ClassVar = sqlite3

    def __init__(self, folder: Path, hashed: tree.Told = lambda done, of: None) -> None:
        self._folder = HeldFolder(folder)
        self._signing = Lock()
        self._unsettled = False
        try:
            self.place = path = folder.resolve() / LOG_FILE
            with translated(sqlite3):
                self._recorder = Recorder(Datastore(path))
                self._recorder.hashed = hashed
                self._recorder.create_table()
                self.layout = self._recorder.layout
                self._settle_erasures()
            # Readers have connections of their own: in the library's pool they would queue behind a waiting writer.
            self._readers = Datastore(path, read_only=True)
        except BaseException:
            self._folder.release()
            raise

    @contextmanager
    def write(self) -> Iterator[WriteTransaction]:
        with translated(sqlite3), self._recorder.datastore.transaction(commit=True) as cursor:
            transaction = SQLiteWriteTransaction(self._recorder, cursor)
            yield transaction
            self._unsettled |= transaction.erased
            if transaction.failure is not None:
                raise transaction.failure
        if self._unsettled:
            self._settle_erasures()

    def _settle_erasures(self) -> None:
        """Write what is committed into the database file and empty the WAL, where what was erased still stands.

        While somebody else reads an older state that can't be done: then it is after the next write, and when the
        folder is opened again, as after a crash.
        """
        try:
            with self._recorder.datastore.get_connection(commit=True) as connection, (cursor := connection.cursor()):
                cursor.execute(f"PRAGMA busy_timeout = {SETTLE_MILLISECONDS}")
                try:
                    [(busy, _, _)] = rows(cursor, "PRAGMA wal_checkpoint(TRUNCATE)")
                finally:
                    cursor.execute(f"PRAGMA busy_timeout = {BUSY_SECONDS * 1000}")
            self._unsettled = bool(busy)
        except (sqlite3.Error, PersistenceError):  # the erasure is committed, and nothing may look as if it weren't
            self._unsettled = True

    def _rows(self, sql: str, *values: object) -> list[tuple[Any, ...]]:
        with translated(sqlite3), self._readers.transaction(commit=False) as cursor:
            return rows(cursor, sql, *values)

    @contextmanager
    def signing(self) -> Iterator[bool]:
        has = self._signing.acquire(blocking=False)  # the folder is this process's alone
        try:
            yield has
        finally:
            if has:
                self._signing.release()

    def close(self) -> None:
        self._readers.close()
        self._recorder.datastore.close()
        self._folder.release()


class SQLiteReading(Reading):
    """The log in a file that another process holds."""

    _database: ClassVar = sqlite3

    def __init__(self, path: Path) -> None:
        with translated(sqlite3):
            self._connection = sqlite3.connect(f"{path.as_uri()}?mode=ro", uri=True, timeout=BUSY_SECONDS)

    def _rows(self, sql: str, *values: object) -> list[tuple[Any, ...]]:
        with translated(sqlite3):
            return self._connection.execute(sql, values).fetchall()

    def close(self) -> None:
        self._connection.close()


def rows(cursor: SQLiteCursor, sql: str, *values: object) -> list[tuple[Any, ...]]:
    asking = cursor.sqlite_cursor
    asking.row_factory = None  # tuples, instead of the library's rows with names
    return asking.execute(sql, values).fetchall()


def _store_runs(cursor: SQLiteCursor, runs: Sequence[Run]) -> None:
    cursor.executemany(
        "INSERT INTO tree_runs (level, first, hashes) VALUES (?, ?, ?)",
        [(run.level, run.first, run.hashes) for run in runs],
    )


def _read(cursor: SQLiteCursor, after: int, limit: int) -> list[Stored]:
    """As Reading.read, on a cursor."""
    sql = f"SELECT {COLUMNS} FROM events WHERE position > ? ORDER BY position LIMIT ?"
    return [Stored._make(row) for row in rows(cursor, sql, after, limit)]
