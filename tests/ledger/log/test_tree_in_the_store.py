"""Every event gets its leaf and the tree its nodes in the transaction of the event, on either database."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Any

import psycopg
import pytest
from eventsourcing.persistence import StoredEvent

from ledger.log.entry import ENTRY_BYTES, entry_bytes
from ledger.log.merkle import leaf_hash, root
from ledger.log.tiles import nodes, tiles
from ledger.store import Entry, Heads, NoLeaf, Store, StoreError, TreeDamaged, leaf_of, open_store
from ledger.store.postgres import PostgresStore
from ledger.store.sqlite import SQLiteStore
from tests.ledger.log.logs import append, beside, entry, expected


@pytest.fixture
def place(store: Store, request: pytest.FixtureRequest) -> Path | str:
    """Where somebody else opens the store's database."""
    if isinstance(store, SQLiteStore):
        return Path(request.getfixturevalue("tmp_path")) / "ledger" / "ledger.sqlite"
    return str(request.getfixturevalue("database_url"))


def check(store: Store, count: int) -> None:
    """The store's tree is the one of its events, tile by tile."""
    assert store.heads() == Heads(count, count)
    tree = expected(count)
    for tile in tiles(count):
        first = tile.index * 256
        assert store.hashes(tile.level, first, tile.width) == tree.read(tile.level, first, tile.width)
    assert root(count, nodes(count, store.hashes)) == root(count, nodes(count, tree.read))


@pytest.mark.parametrize("batch", [1, 100, 256, 600])
def test_the_tree_of_the_log(store: Store, batch: int) -> None:
    """However many events come at a time, at each step and with tiles filled, at a border and past it."""
    for count in (0, 1, 2, 255, 256, 257, 511, 512, 600):
        append(store, count - store.head(), batch)
        check(store, count)


def test_the_tree_of_a_long_log(sqlite_store: Store) -> None:
    """Where the tiles of two levels fill up."""
    for count in (65_535, 65_536, 65_537):
        append(sqlite_store, count - sqlite_store.head(), 5000)
        check(sqlite_store, count)


def test_several_appends_in_one_transaction(store: Store) -> None:
    """The second sees the leaves of the first."""
    with store.write() as transaction:
        for first in range(1, 601, 200):
            transaction.append([entry(n) for n in range(first, first + 200)])
            assert transaction.heads() == Heads(first + 199, first + 199)
    check(store, 600)


def test_events_of_the_librarys_own_have_leaves(store: Store) -> None:
    """Whoever goes through the recorder gets them, with the bytes as they are stored."""
    assert isinstance(store, SQLiteStore | PostgresStore)
    append(store, 3)
    store._recorder.insert_events([StoredEvent("theirs", 1, "theirs", b'{"x":  1}')])
    assert store.heads() == Heads(4, 4)
    assert store.hashes(0, 3, 1) == leaf_hash(entry_bytes("theirs", 1, "theirs", '{"x":  1}'))


def test_what_fails_leaves_no_leaf(store: Store) -> None:
    """Neither leaves nor nodes of a transaction that didn't commit. The control: one that does leaves all."""
    append(store, 200)

    class Failure(Exception):
        pass

    def fail() -> None:
        with store.write() as transaction:
            transaction.append([entry(n) for n in range(201, 301)])
            raise Failure

    with pytest.raises(Failure):
        fail()
    check(store, 200)
    append(store, 100)
    check(store, 300)


def sized(size: int) -> Entry:
    """An event whose entry has exactly so many bytes."""
    bare = len(entry_bytes("s", 1, "t", ""))
    return Entry("s", 1, "t", "x" * (size - bare), "id", "id", ())


def test_an_event_that_no_bundle_can_hold_is_refused(store: Store) -> None:
    """One byte too many, and nothing is written; 65,535 go."""
    with pytest.raises(NoLeaf, match="65536 bytes"), store.write() as transaction:
        transaction.append([entry(1), sized(ENTRY_BYTES + 1)])
    assert store.heads() == Heads(0, 0)
    with store.write() as transaction:
        transaction.append([sized(ENTRY_BYTES)])
    assert store.heads() == Heads(1, 1)


CHANGES = [
    "UPDATE tree_runs SET hashes = hashes",
    "UPDATE tree_runs SET first = 700 WHERE level = 1",
    "DELETE FROM tree_runs WHERE level = 1",
    "DELETE FROM tree_runs",
    "UPDATE checkpoints SET note = ''",
    "DELETE FROM checkpoints",
    "UPDATE cosignatures SET line = ''",
    "DELETE FROM cosignatures",
]


@pytest.mark.parametrize("change", CHANGES)
def test_the_database_refuses_changes_of_the_tree(store: Store, place: Path | str, change: str) -> None:
    """Plain SQL can't change or delete what the log stands on, unless it switches off the triggers, the control."""
    append(store, 300)
    with store.write() as transaction:
        transaction.add_checkpoint(300, "note")
        transaction.add_cosignature(300, "line")
    connect: Callable[[Any], Any] = sqlite3.connect if isinstance(store, SQLiteStore) else psycopg.connect
    shell = connect(place)
    with pytest.raises((sqlite3.IntegrityError, psycopg.errors.RaiseException), match="never changed or deleted"):
        shell.execute(change)
    shell.rollback()
    shell.close()
    check(store, 300)
    with beside(store, place) as shell:
        if change == "DELETE FROM checkpoints":
            shell.execute("DELETE FROM cosignatures")  # which name them
        assert shell.execute(change).rowcount > 0


def test_a_witness_signature_without_its_checkpoint(store: Store) -> None:
    """PostgreSQL refuses it, in SQLite it is found. Given the checkpoint too, the control, there is none such."""
    append(store, 300)
    with store.write() as transaction:
        transaction.add_checkpoint(200, "note")
        transaction.add_cosignature(200, "line")
    assert store.stray_cosignature() is None
    with suppress(StoreError), store.write() as transaction:
        transaction.add_cosignature(300, "line")
    assert store.stray_cosignature() == (300 if isinstance(store, SQLiteStore) else None)


def test_hashes_are_only_appended(sqlite_store: Store, tmp_path: Path) -> None:
    """REPLACE, which goes round the trigger for DELETE, and hashes out of order are refused in anybody's shell."""
    append(sqlite_store, 300)
    with sqlite_store.write() as transaction:
        transaction.add_checkpoint(300, "note")
    shell = sqlite3.connect(tmp_path / "ledger" / "ledger.sqlite")
    for level, first in ((0, 0), (0, 299), (0, 301), (1, 0), (1, 2), (2, 1)):
        for verb in ("INSERT", "REPLACE", "INSERT OR IGNORE"):
            with pytest.raises(sqlite3.IntegrityError, match="only appended"):
                shell.execute(f"{verb} INTO tree_runs VALUES (?, ?, zeroblob(32))", (level, first))
    for size in (299, 300):
        with pytest.raises(sqlite3.IntegrityError, match="only appended"):
            shell.execute("REPLACE INTO checkpoints VALUES (?, 'another')", (size,))
    shell.execute("INSERT INTO tree_runs VALUES (0, 300, zeroblob(32))")  # in order: the control
    shell.rollback()
    shell.close()
    check(sqlite_store, 300)


def test_a_log_whose_tree_differs_takes_nothing_more(store: Store, place: Path | str) -> None:
    """An event written beside the store has no leaf: the next append is refused, until the event is gone again."""
    append(store, 3)
    with beside(store, place) as shell:
        shell.execute(
            "INSERT INTO events SELECT 4, stream, 4, type, state, 'new', chain FROM events WHERE position = 3"
        )
    with pytest.raises(TreeDamaged, match="4 events and the tree 3 leaves"):
        append(store, 1)
    with beside(store, place) as shell:
        shell.execute("DELETE FROM events WHERE position = 4")
    append(store, 1)
    check(store, 4)


@pytest.mark.parametrize(("level", "first", "count"), [(0, 0, 4), (0, 3, 1), (1, 0, 1), (0, 256, 1)])
def test_hashes_that_are_not_there(store: Store, level: int, first: int, count: int) -> None:
    """Are never made up or cut short."""
    append(store, 3)
    assert len(store.hashes(0, 0, 3)) == 96
    assert store.hashes(0, 0, 0) == b""
    with pytest.raises(TreeDamaged):
        store.hashes(level, first, count)


@pytest.mark.parametrize("first", [100, 200])
def test_hashes_with_a_gap_between_them(store: Store, place: Path | str, first: int) -> None:
    """Those before it are there; what comes after it is never taken for what is gone."""
    append(store, 256, batch=100)
    assert len(store.hashes(0, 0, 256)) == 256 * 32
    with beside(store, place) as shell:
        assert shell.execute(f"DELETE FROM tree_runs WHERE level = 0 AND first = {first}").rowcount == 1
    assert store.hashes(0, first - 50, 50) == expected(256).read(0, first - 50, 50)
    for at, count in ((0, first + 1), (first, 1), (first, 50), (first + 10, 1)):
        with pytest.raises(TreeDamaged, match="lacks hashes"):
            store.hashes(0, at, count)


def test_an_event_that_has_no_bytes_has_no_leaf(store: Store) -> None:
    """A text that isn't Unicode; and a version that not every reader keeps, of which nothing is written."""
    for text in ("half of a pair: \ud800", "the other: \udc00"):
        with pytest.raises(NoLeaf, match="surrogate pair"):
            leaf_of(Entry("s", 1, "t", text, "id", "id", ()))
    with pytest.raises(NoLeaf, match="version"), store.write() as transaction:
        transaction.append([entry(1), Entry("s", 2**53, "t", "{}", "id", "id", ())])
    assert store.heads() == Heads(0, 0)
    with store.write() as transaction:
        transaction.append([Entry("s", 2**53 - 1, "t", "{}", "id", "id", ())])
    assert store.heads() == Heads(1, 1)


# --- logs from before the tree ----------------------------------------------------------------------------------


def without_tree(place: Path | str) -> None:
    """As a ledger was made before there was a tree."""
    shell = sqlite3.connect(place) if isinstance(place, Path) else psycopg.connect(place)
    for table in ("cosignatures", "checkpoints", "tree_runs"):
        shell.execute(f"DROP TABLE {table}")
    if isinstance(place, str):
        shell.execute("DROP FUNCTION refuse_change_of_tree")
    shell.commit()
    shell.close()


@pytest.mark.parametrize("count", [0, 1, 256, 600])
def test_a_log_from_before_the_tree_gets_one(tmp_path: Path, database_url: str, count: int) -> None:
    """When it is opened, once, telling how far it is; and goes on from there."""
    where: list[tuple[tuple[Path | None, str | None], Path | str]] = [
        ((tmp_path, None), tmp_path / "ledger.sqlite"),
        ((None, database_url), database_url),
    ]
    for arguments, place in where:
        store = open_store(*arguments)
        append(store, count)
        store.close()
        without_tree(place)
        told: list[int] = []
        store = open_store(*arguments, partial(lambda told, *far: told.extend(far), told))
        assert told == ([count, count] if count else [])
        check(store, count)
        append(store, 300)
        check(store, count + 300)
        store.close()
        store = open_store(*arguments, lambda done, of: pytest.fail("it has a tree already"))
        store.close()


def test_a_log_that_lacks_an_event_gets_no_tree(tmp_path: Path) -> None:
    """A tree of what is left would make the loss look right. With the event back, the control, it does."""
    store = open_store(tmp_path, None)
    append(store, 10)
    with beside(store, tmp_path / "ledger.sqlite") as shell:
        shell.execute("CREATE TABLE kept AS SELECT * FROM events WHERE position = 4")
        shell.execute("DELETE FROM events WHERE position = 4")
    store.close()
    without_tree(tmp_path / "ledger.sqlite")
    with pytest.raises(TreeDamaged, match="lacks an event"):
        open_store(tmp_path, None)
    with sqlite3.connect(tmp_path / "ledger.sqlite") as shell:
        shell.execute("INSERT INTO events SELECT * FROM kept")
    store = open_store(tmp_path, None)
    check(store, 10)
    store.close()
