"""What a store does because it is a SQLite file: durability, one owner, one writer."""

from __future__ import annotations

import os
import socket
import sqlite3
import subprocess
import sys
import threading
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import pytest
from eventsourcing.sqlite import SQLiteConnection

from ledger.store import FolderHeld, OutcomeUnknown, Store, StoreError, StoreRefused, StoreUnavailable, open_store
from ledger.store.sqlite import SQLiteStore
from tests.ledger.stored import entry, write


@pytest.fixture
def file(sqlite_store: Store, tmp_path: Path) -> Path:
    """The file of `sqlite_store`, which holds two events."""
    write(sqlite_store, entry(1), entry(2))
    return tmp_path / "ledger" / "ledger.sqlite"


def test_every_connection_waits_for_the_disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Writers' and readers' connections, also when several are open, run with WAL, FULL and recursive triggers, though
    SQLite may have been built to start with less."""

    class Hasty(sqlite3.Connection):
        def __init__(self, **options: Any) -> None:
            super().__init__(**options)
            self.execute("PRAGMA synchronous = OFF")

    real = sqlite3.connect
    monkeypatch.setattr(sqlite3, "connect", lambda **options: real(**options, factory=Hasty))
    store = open_store(tmp_path, None)
    assert isinstance(store, SQLiteStore)
    pragmas = ("journal_mode", "synchronous", "recursive_triggers")
    for datastore in (store._recorder.datastore, store._readers):
        with datastore.get_connection(commit=False) as first, datastore.get_connection(commit=False) as second:
            assert first is not second
            for connection in (first, second):
                values = [connection._sqlite_conn.execute(f"PRAGMA {name}").fetchone()[0] for name in pragmas]
                assert values == ["wal", 2, 1]
    store.close()


def test_closing_waits_for_those_who_read(sqlite_store: Store) -> None:
    """A question that is being answered when the store closes is answered, and the next one refused. The library would
    close the connection in mid-question, which now and then crashes the process."""
    assert isinstance(sqlite_store, SQLiteStore)
    asked, closed = threading.Event(), threading.Event()
    answers: list[bool] = []

    def ask() -> None:
        with sqlite_store._readers.transaction(commit=False) as cursor:
            asked.set()
            answers.append(closed.wait(0.3))
            cursor.execute("SELECT 1")

    asking = threading.Thread(target=ask)
    asking.start()
    assert asked.wait(5)
    sqlite_store.close()
    closed.set()
    asking.join()
    assert answers == [False]
    with pytest.raises(StoreUnavailable, match="closed"):
        sqlite_store.head()


def test_readers_can_not_write(sqlite_store: Store) -> None:
    """A connection that is for questions refuses changes, so there is one writer."""
    assert isinstance(sqlite_store, SQLiteStore)
    with (
        sqlite_store._readers.get_connection(commit=False) as reader,
        pytest.raises(sqlite3.OperationalError, match="readonly"),
    ):
        reader._sqlite_conn.execute("INSERT INTO event_keys VALUES ('key', 1)")


@pytest.mark.parametrize(
    ("ignored", "says"), [("synchronous", "synchronous=1"), ("journal_mode=WAL", "journal_mode=delete"), (None, "")]
)
def test_less_durability_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, ignored: str | None, says: str
) -> None:
    """A SQLite that doesn't do as it is told is noticed, and the store doesn't open; one that does is the control."""

    class Deaf(sqlite3.Connection):
        def execute(self, sql: str, *values: Any) -> sqlite3.Cursor:
            return super().execute("PRAGMA synchronous = NORMAL" if ignored == "synchronous" and " = " in sql else sql)

        def cursor(self, *values: Any) -> Any:
            return DeafCursor(self)

    class DeafCursor(sqlite3.Cursor):
        def execute(self, sql: str, *values: Any) -> Any:
            return super().execute("SELECT 1" if ignored is not None and ignored in sql else sql, *values)

    real = sqlite3.connect
    monkeypatch.setattr(sqlite3, "connect", lambda **options: real(**options, factory=Deaf))
    if ignored is None:
        open_store(tmp_path, None).close()
        return
    with pytest.raises(StoreRefused, match=says):
        open_store(tmp_path, None)
    monkeypatch.undo()
    open_store(tmp_path, None).close()


def test_replace_is_refused_in_anybodys_shell(sqlite_store: Store, file: Path) -> None:
    """REPLACE deletes without a DELETE trigger unless recursive_triggers is on; a trigger of its own refuses it."""
    before = sqlite_store.read(0, 10)
    columns = "(position, stream, version, type, state, id, chain)"
    with sqlite3.connect(file) as shell:
        assert shell.execute("PRAGMA recursive_triggers").fetchone() == (0,)
        for taken in (
            "(1, 's', 1, 't', '{}', 'i', 'i')",
            "(3, 'commitment/x', 1, 't', '{}', 'i', 'i')",
            f"(3, 's', 1, 't', '{{}}', '{before[0].event_id}', 'i')",
        ):
            for verb in ("REPLACE", "INSERT OR REPLACE"):
                with pytest.raises(sqlite3.IntegrityError, match="taken"):
                    shell.execute(f"{verb} INTO events {columns} VALUES {taken}")
        with pytest.raises(sqlite3.IntegrityError, match="never"):
            shell.execute("UPDATE OR REPLACE events SET position = 1 WHERE position = 2")
        assert sqlite_store.read(0, 10) == before
        # The control: without that trigger the same statement silently deletes an event.
        shell.execute("DROP TRIGGER events_no_replace")
        shell.execute(f"REPLACE INTO events {columns} VALUES (3, 'commitment/x', 1, 't', '{{}}', 'i', 'i')")
        assert [row[0] for row in shell.execute("SELECT position FROM events ORDER BY 1")] == [2, 3]
        shell.rollback()
    assert sqlite_store.read(0, 10) == before


def test_vacuum_keeps_positions(sqlite_store: Store, file: Path) -> None:
    """Positions are a column of ours, not SQLite's hidden row numbers."""
    before = sqlite_store.read(0, 10)
    with sqlite3.connect(file) as shell:
        shell.execute("VACUUM")
    assert sqlite_store.read(0, 10) == before
    assert write(sqlite_store, entry(3)) == [3]


def test_a_writer_waits_for_a_shell(sqlite_store: Store, file: Path) -> None:
    """A store's transaction takes the lock as it begins, and waits for whoever has it and writes."""
    shell = sqlite3.connect(file, isolation_level=None, check_same_thread=False)
    shell.execute("BEGIN IMMEDIATE")
    shell.execute("INSERT INTO event_keys VALUES ('key', 1)")
    threading.Timer(0.3, shell.commit).start()
    assert write(sqlite_store, entry(3)) == [3]
    assert len(sqlite_store.by_key("key")) == 1
    # The control: a transaction that reads first and writes later can't wait, it is told at once.
    shell.execute("BEGIN")
    shell.execute("SELECT max(position) FROM events").fetchone()
    write(sqlite_store, entry(4))
    with pytest.raises(sqlite3.OperationalError, match="database is locked"):
        shell.execute("INSERT INTO event_keys VALUES ('key', 2)")
    shell.close()


@pytest.mark.parametrize("fails", [True, False])
def test_a_failed_commit_is_an_unknown_outcome(
    sqlite_store: Store, monkeypatch: pytest.MonkeyPatch, fails: bool
) -> None:
    """If the disk fails while committing, the log on it may hold the events or not; here they are rolled back. The
    store goes on. With a disk that doesn't fail, the control, they are stored."""

    def commit(connection: SQLiteConnection) -> None:
        if fails:
            raise sqlite3.OperationalError("disk I/O error")
        connection._sqlite_conn.commit()

    with monkeypatch.context() as patch:
        patch.setattr(SQLiteConnection, "commit", commit)
        with pytest.raises(OutcomeUnknown) if fails else nullcontext():
            write(sqlite_store, entry(1))
    assert sqlite_store.head() == (0 if fails else 1)
    assert write(sqlite_store, entry(2)) == [sqlite_store.head()]


def test_a_full_disk_leaves_nothing_half_written(sqlite_store: Store, file: Path) -> None:
    """An append that finds no room fails as unavailable and can't go on; with room again, the store does."""
    assert isinstance(sqlite_store, SQLiteStore)
    before = sqlite_store.read(0, 10)
    with sqlite_store._recorder.datastore.get_connection(commit=True) as connection:
        connection._sqlite_conn.execute("PRAGMA max_page_count = 20")
    large = [entry(n, state="x" * 10_000) for n in range(3, 30)]

    def write_on_and_on() -> None:
        with sqlite_store.write() as transaction:
            for entries in (large, [entry(3)]):
                with pytest.raises(StoreUnavailable, match="full"):
                    transaction.append(entries)

    with pytest.raises(StoreUnavailable, match="full"):
        write_on_and_on()
    assert sqlite_store.read(0, 100) == before
    with sqlite_store._recorder.datastore.get_connection(commit=True) as connection:
        connection._sqlite_conn.execute("PRAGMA max_page_count = 100000")
    assert write(sqlite_store, *large) == list(range(3, 30))


def test_a_second_store_is_told_who_holds_the_folder(tmp_path: Path) -> None:
    """Process, host and time; the folder is free when the first one closes, more than once if it likes."""
    first = open_store(tmp_path, None)
    says = rf"{tmp_path} is held by process {os.getpid()} on {socket.gethostname()} since 20\d\d-\d\d-\d\dT"
    for _ in range(2):
        with pytest.raises(FolderHeld, match=says):
            open_store(tmp_path, None)
    write(first, entry(1))
    first.close()
    first.close()
    second = open_store(tmp_path, None)
    assert second.head() == 1
    second.close()


def test_a_dead_process_holds_nothing(tmp_path: Path) -> None:
    """Another process's folder is refused with that process's number while it lives, and free once it is killed."""
    hold = """
import pathlib, sys
from ledger.store import open_store
store = open_store(pathlib.Path(sys.argv[1]), None)
print("held", flush=True)
input()
"""
    holder = subprocess.Popen(
        [sys.executable, "-c", hold, str(tmp_path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert holder.stdout is not None
    assert holder.stdout.readline() == "held\n"
    with pytest.raises(FolderHeld, match=f"process {holder.pid} on"):
        open_store(tmp_path, None)
    holder.kill()
    holder.communicate()
    open_store(tmp_path, None).close()


def test_a_folder_is_held_wherever_the_log_is(tmp_path: Path, database_url: str) -> None:
    """A server that keeps its log in PostgreSQL owns its folder too."""
    first = open_store(tmp_path, database_url)
    with pytest.raises(FolderHeld):
        open_store(tmp_path, database_url)
    first.close()
    open_store(tmp_path, database_url).close()


def test_a_store_that_does_not_open_lets_go_of_its_folder(tmp_path: Path) -> None:
    """After a file that is no database is taken away, the folder opens."""
    (tmp_path / "ledger.sqlite").write_bytes(b"not a database" * 100)
    with pytest.raises(StoreError, match="not a database"):
        open_store(tmp_path, None)
    (tmp_path / "ledger.sqlite").unlink()
    open_store(tmp_path, None).close()
