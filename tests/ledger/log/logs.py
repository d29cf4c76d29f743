"""Logs to sign, verify and harm: stores with events in them, and files of a log in memory."""

from __future__ import annotations

import json
import sqlite3
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg

from ledger.log.entry import entry_bytes
from ledger.log.files import CHECKPOINT, NotThere, StoreFiles, paths
from ledger.log.merkle import leaf_hash
from ledger.log.note import SigningKey
from ledger.log.signer import Signer
from ledger.store import Entry, Store
from ledger.store.postgres import PostgresStore
from ledger.store.sqlite import SQLiteStore
from tests.ledger.log.trees import Memory

KEY = SigningKey("ledger.example/deals", bytes(range(32)))
TABLES = ("events", "event_keys", "answers", "tree_runs", "checkpoints", "cosignatures")


def entry(n: int, amount: str = "1.5") -> Entry:
    """The n-th event from 1, three to a stream. Always the same, but for the amount."""
    event_id = str(uuid.UUID(int=n))
    stamp = f"2026-11-22T10:{n // 60_000:02}:{n // 1000 % 60:02}.{n % 1000:03}000Z"
    state = json.dumps({"id": event_id, "recorded_at": stamp, "note": "naïve 東京", "data": {"amount": amount}})
    stream = f"commitment/c{(n - 1) // 3}"
    return Entry(stream, (n - 1) % 3 + 1, "commitment.changed", state, event_id, event_id, (stream,))


def append(store: Store, count: int, batch: int = 100, amount: str = "1.5") -> None:
    """The next events, so many to a commit."""
    first = store.head() - len(store.by_key("log/key")) + 1
    for at in range(first, first + count, batch):
        with store.write() as transaction:
            transaction.append([entry(n, amount) for n in range(at, min(at + batch, first + count))])


def expected(count: int) -> Memory:
    """The tree of so many of our events."""
    tree = Memory()
    tree.append([leaf_hash(entry_bytes(e.stream, e.version, e.type, e.state)) for e in map(entry, range(1, count + 1))])
    return tree


class MemoryFiles:
    """Files by their paths, to be changed at will."""

    def __init__(self, contents: dict[str, bytes]) -> None:
        self.contents = contents

    def read(self, path: str) -> bytes:
        if path not in self.contents:
            raise NotThere(path)
        return self.contents[path]


def files_of(store: Store, signer: Signer) -> MemoryFiles:
    """Every file of the log as it is signed now."""
    published = signer.published()
    assert published is not None
    files = StoreFiles(store, signer.published)
    return MemoryFiles({path: files.read(path) for path in (CHECKPOINT, *paths(published[1]))})


@contextmanager
def beside(store: Store, place: Path | str) -> Iterator[sqlite3.Connection | psycopg.Connection]:
    """A shell on the store's database whose user has switched off every trigger that refuses changes."""
    if isinstance(store, SQLiteStore):
        connection = sqlite3.connect(place)
        triggers = connection.execute("SELECT name, sql FROM sqlite_schema WHERE type = 'trigger'").fetchall()
        for name, _ in triggers:
            connection.execute(f"DROP TRIGGER {name}")
        yield connection
        for _, sql in triggers:
            connection.execute(sql)
        connection.commit()
        connection.close()
    else:
        assert isinstance(store, PostgresStore)
        with psycopg.connect(str(place)) as server:
            for table in TABLES:
                server.execute(f"ALTER TABLE {table} DISABLE TRIGGER USER".encode())
            yield server
            for table in TABLES:
                server.execute(f"ALTER TABLE {table} ENABLE ALWAYS TRIGGER {table}_no_change".encode())
