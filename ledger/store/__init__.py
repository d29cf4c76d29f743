"""The event log: one append path and a few reads, on SQLite or PostgreSQL. Only this package knows eventsourcing."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from ledger.store.errors import (
    Conflict,
    FolderHeld,
    NoLeaf,
    NotReplicated,
    OutcomeUnknown,
    StoreError,
    StoreRefused,
    StoreUnavailable,
    TreeDamaged,
)
from ledger.store.recorder import Answer, Entry, Place, Reading, Store, Stored, WriteTransaction
from ledger.store.tree import Heads, Told, leaf_of

__all__ = [
    "Answer",
    "Conflict",
    "Entry",
    "FolderHeld",
    "Heads",
    "NoLeaf",
    "NotReplicated",
    "OutcomeUnknown",
    "Place",
    "Reading",
    "Store",
    "StoreError",
    "StoreRefused",
    "StoreUnavailable",
    "Stored",
    "TreeDamaged",
    "WriteTransaction",
    "leaf_of",
    "open_reading",
    "open_store",
]


def open_store(folder: Path | None, database_url: str | None, hashed: Told = lambda done, of: None) -> Store:
    """Open the log at `database_url` (postgresql://…) if given, else in `folder`/ledger.sqlite.

    A folder that is given is held by this process until the store is closed, whichever database has the log.
    `hashed` is told how far it is while a log from before the tree gets one, which is done once.
    Raises FolderHeld, StoreRefused for a setting the log isn't safe with, StoreUnavailable.
    """
    if os.environ.get("POSTGRES_ENABLE_DB_FUNCTIONS", "").strip().lower() not in {
        "",
        "n",
        "no",
        "f",
        "false",
        "off",
        "0",
    }:
        raise StoreRefused(
            "POSTGRES_ENABLE_DB_FUNCTIONS is set: events would be inserted without the lock that orders them, and"
            " readers would miss some. Unset it."
        )
    if database_url is not None:
        if not database_url.startswith(("postgresql://", "postgres://")):
            raise StoreRefused("the database URL must begin with postgresql://")
        from ledger.store.postgres import PostgresStore  # here, so that a SQLite ledger needs no PostgreSQL client

        return PostgresStore(database_url, folder, hashed)
    if folder is None:
        raise StoreRefused("neither a ledger folder nor a database URL is given")
    from ledger.store.sqlite import SQLiteStore

    return SQLiteStore(folder, hashed)


@contextmanager
def open_reading(place: Place) -> Iterator[Reading]:
    """The log of a store that another process has open at this place. Raises StoreError."""
    reading: SQLiteReading | PostgresReading
    if isinstance(place, Path):
        from ledger.store.sqlite import SQLiteReading

        reading = SQLiteReading(place)
    else:
        from ledger.store.postgres import PostgresReading

        reading = PostgresReading(place)
    with closing(reading):
        yield reading
