"""What a store does because it is a PostgreSQL server: several writers, lost connections, replication."""

from __future__ import annotations

import json
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager, suppress
from typing import Any, Literal

import psycopg
import pytest
from psycopg.conninfo import conninfo_to_dict

from ledger.store import (
    Answer,
    Conflict,
    NotReplicated,
    OutcomeUnknown,
    Store,
    StoreError,
    StoreRefused,
    StoreUnavailable,
    WriteTransaction,
    open_store,
)
from ledger.store.postgres import PostgresStore
from tests.ledger.stored import entry, write
from tests.stores import postgres_server, postgres_standby

WRITER = """
import json, sys, uuid
from ledger.store import Entry, open_store
store = open_store(None, sys.argv[1])
for version in range(1, 61, 3):
    with store.write() as log:
        entries = []
        for n in range(3):
            state = json.dumps({"position": log.head + 1 + n})
            name = str(uuid.uuid4())
            entries.append(Entry("commitment/" + sys.argv[2], version + n, "t", state, name, name, ("all",)))
        log.append(entries)
store.close()
"""


def end_sessions(database_url: str) -> None:
    """As when the server restarts: every connection to the database but this one is gone."""
    with psycopg.connect(database_url, autocommit=True) as server:
        server.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
            " WHERE datname = current_database() AND pid <> pg_backend_pid()"
        )


class Wire:
    """A TCP relay to a PostgreSQL server that may cut the line when a COMMIT passes: before it reaches the server, or
    after the server did it, with the reply held back."""

    def __init__(self, database_url: str) -> None:
        place = conninfo_to_dict(database_url)
        self.server = f"{place['host']}/.s.PGSQL.5432"
        self.cut: Literal["never", "before", "after"] = "never"
        self.cuts = 0
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.url = f"postgresql://postgres@127.0.0.1:{self.listener.getsockname()[1]}/{place['dbname']}"
        threading.Thread(target=self.accept, daemon=True).start()

    def accept(self) -> None:
        with suppress(OSError):
            while True:
                client, _ = self.listener.accept()
                server = socket.socket(socket.AF_UNIX)
                server.connect(self.server)
                replies_end = threading.Event()
                threading.Thread(target=self.requests, args=(client, server, replies_end), daemon=True).start()
                threading.Thread(target=self.replies, args=(client, server, replies_end), daemon=True).start()

    def requests(self, client: socket.socket, server: socket.socket, replies_end: threading.Event) -> None:
        with suppress(OSError):
            while data := client.recv(65536):
                if b"COMMIT\0" in data and self.cut != "never":
                    self.cuts += 1
                    replies_end.set()
                    if self.cut == "before":
                        break
                server.sendall(data)
        self.hang_up(client, server)

    def replies(self, client: socket.socket, server: socket.socket, replies_end: threading.Event) -> None:
        with suppress(OSError):
            while (data := server.recv(65536)) and not replies_end.is_set():
                client.sendall(data)
        self.hang_up(client, server)

    def hang_up(self, *lines: socket.socket) -> None:
        for line in lines:
            with suppress(OSError):
                line.shutdown(socket.SHUT_RDWR)


@pytest.fixture
def wire(database_url: str) -> Iterator[Wire]:
    wire = Wire(database_url)
    yield wire
    wire.listener.close()


def test_four_processes_write_while_one_follows(postgres_store: Store, database_url: str) -> None:
    """Each process gets the positions that it foresaw inside its lock, a follower of the commits misses none, and all
    of them started at once on a database that one of them had to furnish."""
    writers = [subprocess.Popen([sys.executable, "-c", WRITER, database_url, str(n)]) for n in range(4)]
    seen: list[int] = []
    while any(writer.poll() is None for writer in writers) or len(seen) < postgres_store.head():
        after = seen[-1] if seen else 0
        for event in postgres_store.read(after, 10):
            assert json.loads(event.state) == {"position": event.position}
            seen.append(event.position)
    assert [writer.returncode for writer in writers] == [0, 0, 0, 0]
    assert seen == list(range(1, 241))
    assert [event.position for event in postgres_store.by_key("all")] == seen


def test_without_the_lock_a_follower_would_miss_events(database_url: str) -> None:
    """The control: numbers from a sequence become visible out of order, and a follower passes one by."""
    with psycopg.connect(database_url) as first, psycopg.connect(database_url) as second:
        with psycopg.connect(database_url, autocommit=True) as server:
            server.execute("CREATE TABLE unordered (position bigserial)")
        first.execute("INSERT INTO unordered DEFAULT VALUES")
        second.execute("INSERT INTO unordered DEFAULT VALUES")
        second.commit()
        with psycopg.connect(database_url, autocommit=True) as follower:
            ask = "SELECT position FROM unordered WHERE position > %s"
            assert follower.execute(ask, (0,)).fetchall() == [(2,)]
            first.commit()
            assert follower.execute(ask, (2,)).fetchall() == []


def test_a_writer_of_another_process_waits(postgres_store: Store, database_url: str) -> None:
    """Two stores on one database take turns; without the lock (the control) the second would take the first's
    positions and be told that they are taken."""
    other = open_store(None, database_url)
    assert isinstance(other, PostgresStore)

    def write_two() -> int:
        with other.write() as transaction:
            head = transaction.head
            transaction.append([entry(1, "commitment/y"), entry(2, "commitment/y")])
        return head

    def race() -> Future[int]:
        with postgres_store.write() as transaction:
            transaction.append([entry(transaction.version("commitment/x") + 1)])
            writing = threads.submit(write_two)
            time.sleep(0.2)
            assert not writing.done()
        return writing

    with ThreadPoolExecutor(1) as threads:
        assert race().result(timeout=5) == 1
        other._recorder.lock_table_statements = []
        with pytest.raises(Conflict):
            race().result(timeout=5)
    other.close()


def test_processes_may_start_together_on_an_empty_database(database_url: str) -> None:
    """Whoever is first makes the tables; nobody fails because another is making them."""
    with ThreadPoolExecutor(6) as threads:
        stores = list(threads.map(lambda _: open_store(None, database_url), range(6)))
    for version, store in enumerate(stores, 1):
        assert write(store, entry(version)) == [version]
        store.close()


@pytest.mark.parametrize(("cut", "stored"), [("after", 1), ("before", 0)])
def test_a_lost_reply_to_commit_is_an_unknown_outcome(wire: Wire, cut: Literal["before", "after"], stored: int) -> None:
    """Whether COMMIT got through and its reply was lost, or it was lost itself: the error is the same, because nobody
    here can tell. What is stored is whole, and the idempotency key finds it. The store goes on when the line does."""
    store = open_store(None, wire.url)
    wire.cut = cut
    with pytest.raises(OutcomeUnknown), store.write() as transaction:
        transaction.append([entry(1, keys=("key",))], [], [Answer("once", "digest", "{}", 1)])
    assert wire.cuts == 1
    wire.cut = "never"
    assert store.head() == stored
    assert len(store.by_key("key")) == stored
    assert (store.answer("once") is not None) == bool(stored)
    assert write(store, entry(2)) == [stored + 1]
    store.close()


def test_a_line_that_is_not_cut_is_no_unknown_outcome(wire: Wire) -> None:
    """The control: over the same relay the same write succeeds."""
    store = open_store(None, wire.url)
    assert write(store, entry(1)) == [1]
    assert wire.cuts == 0
    store.close()


def test_a_connection_lost_before_commit_stores_nothing(postgres_store: Store, database_url: str) -> None:
    """Then the outcome is known: unavailable, nothing stored. Sessions that end between requests aren't noticed."""

    def write_while_sessions_end(transaction: WriteTransaction) -> None:
        transaction.append([entry(1)])
        end_sessions(database_url)
        transaction.append([entry(2)])

    with pytest.raises(StoreUnavailable) as lost, postgres_store.write() as transaction:
        write_while_sessions_end(transaction)
    assert not isinstance(lost.value, OutcomeUnknown)
    assert postgres_store.head() == 0
    assert write(postgres_store, entry(1)) == [1]
    for version in (2, 3):
        end_sessions(database_url)
        assert postgres_store.head() == version - 1
        end_sessions(database_url)
        assert write(postgres_store, entry(version)) == [version]


@contextmanager
def missing_standby() -> Iterator[psycopg.Connection[Any]]:
    """The server wants each commit confirmed by a standby that isn't there. Gives a connection to act on it."""
    with psycopg.connect(postgres_server(), autocommit=True) as server:
        server.execute("ALTER SYSTEM SET synchronous_standby_names = 'nobody'")
        server.execute("SELECT pg_reload_conf()")
        try:
            yield server
        finally:
            server.execute("ALTER SYSTEM RESET synchronous_standby_names")
            server.execute("SELECT pg_reload_conf()")


@pytest.mark.parametrize("end", ["pg_cancel_backend", "pg_terminate_backend"])
def test_a_cancelled_wait_for_a_standby_is_an_unknown_outcome(postgres_store: Store, end: str) -> None:
    """PostgreSQL reports such a commit as done, with only a warning that it may be on one server alone."""
    waiting = "SELECT pid FROM pg_stat_activity WHERE wait_event = 'SyncRep'"
    with missing_standby() as server, ThreadPoolExecutor(1) as threads:
        for version in range(1, 1000):  # the server takes a moment to notice its new setting
            writing = threads.submit(write, postgres_store, entry(version))
            while not (found := server.execute(waiting).fetchall()) and not writing.done():
                time.sleep(0.01)
            if found:
                break
            assert writing.result() == [version]
        server.execute(f"SELECT {end}(%s)".encode(), found[0])
        with pytest.raises(NotReplicated if end == "pg_cancel_backend" else OutcomeUnknown):
            writing.result(timeout=5)
    assert postgres_store.head() == version
    while server_waits():
        time.sleep(0.01)
    assert write(postgres_store, entry(version + 1)) == [version + 1]  # the control: nothing to wait for, no error


def server_waits() -> bool:
    """Whether the server still wants its standby."""
    with psycopg.connect(postgres_server(), autocommit=True) as server:
        return server.execute("SHOW synchronous_standby_names").fetchall() != [("",)]


def test_a_standby_is_refused() -> None:
    """A hot standby answers questions, but may lag or lose what was acknowledged: no store opens on it."""
    with psycopg.connect(postgres_standby()) as standby:
        assert standby.execute("SELECT pg_is_in_recovery()").fetchall() == [(True,)]
    with pytest.raises(StoreUnavailable, match="standby"):
        open_store(None, postgres_standby())
    with pytest.raises(StoreUnavailable, match="standby"):
        open_store(None, postgres_standby() + "&target_session_attrs=any")


def test_sessions_do_not_depend_on_the_databases_defaults(database_url: str) -> None:
    """Commits wait for the disk though the database says they needn't, and more than that if it says so; and writers
    wait for each other instead of being told to retry."""
    for given, kept in (("off", "on"), ("on", "on"), ("remote_apply", "remote_apply")):
        with psycopg.connect(database_url, autocommit=True) as server:
            name = server.info.dbname
            server.execute(f"ALTER DATABASE {name} SET synchronous_commit = '{given}'".encode())
            server.execute(f"ALTER DATABASE {name} SET default_transaction_isolation = 'serializable'".encode())
        store = open_store(None, database_url)
        with store.write() as transaction:
            assert transaction._rows("SHOW synchronous_commit") == [(kept,)]
            assert transaction._rows("SHOW transaction_isolation") == [("read committed",)]
        store.close()


def test_a_transaction_with_a_failed_question_does_not_commit(postgres_store: Store) -> None:
    """PostgreSQL answers its COMMIT with ROLLBACK and no error: the store gives the error, even if it was swallowed."""

    def go_on_after(question: str) -> None:
        with postgres_store.write() as transaction:
            transaction.append([entry(1)])
            with suppress(StoreError):
                transaction._rows(question)

    with pytest.raises(StoreError, match="rolled"):
        go_on_after("SELECT nonsense")
    assert postgres_store.head() == 0
    go_on_after("SELECT 1")  # the control
    assert postgres_store.head() == 1


def test_threads_wait_for_each_other_longer_than_for_the_server(
    database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A server that is down is noticed soon; a colleague who has the store's one writing connection is waited for."""
    monkeypatch.setattr("ledger.store.postgres.CONNECT_SECONDS", 0.1)
    store = open_store(None, database_url)
    with ThreadPoolExecutor(1) as threads:
        with store.write() as transaction:
            writing = threads.submit(write, store, entry(2))
            time.sleep(0.3)
            transaction.append([entry(1)])
        assert writing.result(timeout=5) == [2]
    store.close()


def test_truncate_is_refused_also_where_triggers_are_off(postgres_store: Store, database_url: str) -> None:
    """TRUNCATE, and any change by a session that switched ordinary triggers off; another table is the control."""
    write(postgres_store, entry(1))
    with psycopg.connect(database_url, autocommit=True) as server:
        server.execute("CREATE TABLE theirs (position integer)")
        for _ in range(2):
            for change in ("TRUNCATE {}", "DELETE FROM {}", "UPDATE {} SET position = 2"):
                server.execute(change.format("theirs").encode())
                with pytest.raises(psycopg.errors.RaiseException, match="never"):
                    server.execute(change.format("events").encode())
            server.execute("SET session_replication_role = replica")
    assert postgres_store.head() == 1


def test_large_batches_go_through(wire: Wire) -> None:
    """Ten thousand events of some 500 bytes in one append, over TCP: the library's pipeline hangs on fewer."""
    store = open_store(None, wire.url)
    entries = [entry(n, state=json.dumps({"note": "x" * 458})) for n in range(1, 10_001)]
    assert write(store, *entries) == list(range(1, 10_001))
    assert len(store.read(0, 20_000)) == 10_000
    store.close()


def test_a_writer_that_stalls_loses_the_lock(
    postgres_store: Store, database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The server ends a session that keeps the lock and does nothing; others write, and it is told."""
    monkeypatch.setattr("ledger.store.postgres.IDLE_SECONDS", 0.2)
    stalling = open_store(None, database_url)

    def stall(transaction: WriteTransaction) -> None:
        transaction.append([entry(1)])
        assert write(postgres_store, entry(1)) == [1]
        transaction.append([entry(2)])

    with pytest.raises(StoreUnavailable), stalling.write() as transaction:
        stall(transaction)
    assert postgres_store.head() == 1
    stalling.close()


def test_tables_go_where_the_search_path_leads(database_url: str) -> None:
    """A schema of its own is used if the URL names it, and refused if it isn't there."""
    url = f"{database_url}&options=-csearch_path%3Dtheirs"
    with pytest.raises(StoreRefused, match="schema"):
        open_store(None, url)
    with psycopg.connect(database_url, autocommit=True) as server:
        server.execute("CREATE SCHEMA theirs")
        store = open_store(None, url)
        assert write(store, entry(1)) == [1]
        store.close()
        assert server.execute("SELECT count(*) FROM theirs.events").fetchall() == [(1,)]


def test_a_server_that_is_not_there_is_unavailable() -> None:
    """The error says what was tried."""
    with pytest.raises(StoreUnavailable, match=r"127\.0\.0\.1"):
        open_store(None, "postgresql://postgres@127.0.0.1:1/ledger")
