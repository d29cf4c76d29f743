"""Events as a store takes them, and its database as somebody sees it who opens it with a tool of their own."""

from __future__ import annotations

import json
import sqlite3
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import psycopg
import pytest

from ledger.store import Answer, Entry, Store, open_store
from ledger.store.sqlite import SQLiteStore


def entry(version: int, stream: str = "commitment/x", **changes: Any) -> Entry:
    """An event in its stream, with an id of its own, touching the record that the stream is of."""
    event_id = str(uuid.uuid4())
    state = json.dumps({"id": event_id, "recorded_at": f"2026-11-22T10:00:00.{version:06}Z", "data": {"amount": "1.5"}})
    values: dict[str, Any] = {"type": "commitment.made", "state": state, "event_id": event_id, "chain": event_id}
    return Entry(stream=stream, version=version, **(values | {"keys": (stream,)} | changes))


def answer(key: str, position: int = 1) -> Answer:
    return Answer(key, "e3b0c442", '{"position": 1}', position)


def write(store: Store, *entries: Entry) -> list[int]:
    with store.write() as transaction:
        return transaction.append(entries)


def everything(store: Store) -> tuple[object, ...]:
    """All that the log holds, to compare before and after."""
    stored = store.read(0, 1000)
    keys = [event.position for key in ("commitment/x", "commitment/y", "key") for event in store.by_key(key)]
    return store.head(), stored, keys, store.answer("once"), store.answer("twice")


@contextmanager
def at_the_shell(store: Store, request: pytest.FixtureRequest) -> Iterator[Callable[[str], list[tuple[Any, ...]]]]:
    """Plain SQL by somebody who opens the store's database with a tool of their own."""
    if isinstance(store, SQLiteStore):
        connection = sqlite3.connect(request.getfixturevalue("tmp_path") / "ledger" / "ledger.sqlite")
        yield lambda sql: connection.execute(sql).fetchall()
        connection.close()
    else:
        with psycopg.connect(request.getfixturevalue("database_url"), autocommit=True) as server:

            def ask(sql: str) -> list[tuple[Any, ...]]:
                cursor = server.execute(sql.encode())
                return cursor.fetchall() if cursor.description else []

            yield ask


@pytest.fixture
def shell(store: Store, request: pytest.FixtureRequest) -> Iterator[Callable[[str], list[tuple[Any, ...]]]]:
    """The same, while the store is open."""
    with at_the_shell(store, request) as ask:
        yield ask


def reopened(store: Store, request: pytest.FixtureRequest) -> Store:
    """The store's database, opened again."""
    if isinstance(store, SQLiteStore):
        return open_store(request.getfixturevalue("tmp_path") / "ledger", None)
    return open_store(None, request.getfixturevalue("database_url"))
