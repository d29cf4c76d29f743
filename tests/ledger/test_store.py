"""What every event store does, whichever database holds the log."""

from __future__ import annotations

import json
import sqlite3
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import psycopg
import pytest
from eventsourcing.persistence import StoredEvent

from ledger.store import (
    Answer,
    Conflict,
    Store,
    Stored,
    StoreRefused,
    StoreUnavailable,
    open_reading,
    open_store,
)
from ledger.store.postgres import PostgresStore
from ledger.store.sqlite import SQLiteStore
from tests.ledger.stored import answer, entry, everything, shell, write

__all__ = ["shell"]


def test_another_process_reads_what_is_committed(store: Store) -> None:
    """By the place that the store tells, whoever holds its folder; also what is committed afterwards."""
    first = entry(1)
    write(store, first)
    assert store.place is not None
    with open_reading(store.place) as reading:
        assert reading.read(0, 10) == store.read(0, 10)
        write(store, entry(2, type="event.corrected", chain=first.chain), entry(3))
        assert [event.version for event in reading.read(1, 10)] == [2, 3]
        assert reading.by_chain(first.chain) == store.by_chain(first.chain) == store.read(0, 2)


def test_positions_count_from_one_without_gaps(store: Store) -> None:
    """The first event has position 1, and each one the next, over streams and transactions."""
    assert store.head() == 0
    assert write(store, entry(1)) == [1]
    assert write(store, entry(2), entry(1, "commitment/y"), entry(3)) == [2, 3, 4]
    assert write(store) == []
    assert write(store, entry(4)) == [5]
    assert store.head() == 5


def test_what_is_read_is_what_was_written(store: Store) -> None:
    """Every field comes back as it went in, the state to the letter, whatever characters it has."""
    awkward = json.dumps(
        {"note": 'tab\t line\n back\\slash "quote" \\N \\. \\.\n% ? é 東京 🏦', "data": {}}, ensure_ascii=False
    )
    states = [awkward, '{"b": 1,  "a":2.50}', "{}"]
    entries = [entry(n, state=state) for n, state in enumerate(states, 1)]
    write(store, *entries)
    assert store.read(0, 10) == [
        Stored(position, e.stream, e.version, e.type, e.state, e.event_id, e.chain)
        for position, e in enumerate(entries, 1)
    ]


def test_batches_cover_the_log_once(store: Store) -> None:
    """Reading on after the last position seen gives every event once, in order, whatever the batch size."""
    write(store, *(entry(n) for n in range(1, 24)))
    for limit in (1, 2, 7, 23, 100):
        seen, after = [], 0
        while batch := store.read(after, limit):
            assert len(batch) <= limit
            seen += [event.position for event in batch]
            after = batch[-1].position
        assert seen == list(range(1, 24))
    assert store.read(23, 5) == []


def test_states_by_position(store: Store) -> None:
    """As many as are there, also more than the database takes values in one question."""
    entries = [entry(n) for n in range(1, 1_201)]
    write(store, *entries)
    assert store.states([]) == {}
    assert store.states([3, 1, 5_000]) == {3: entries[2].state, 1: entries[0].state}
    assert store.states(range(1, 1_201)) == {n: one.state for n, one in enumerate(entries, 1)}


def test_questions_to_the_log(store: Store) -> None:
    """By id, by record, by chain, by version, by text and by idempotency key: outside and inside a transaction."""
    fact = entry(1, keys=("commitment/x", "key"))
    correction = entry(1, "commitment/y", chain=fact.event_id, keys=("commitment/y", "commitment/x", "commitment/x"))
    with store.write() as transaction:
        transaction.append([fact, entry(2), correction], [], [answer("once", 3)])
    with store.write() as transaction:
        for log in (store, transaction):
            assert [event.position for event in log.by_key("commitment/x")] == [1, 2, 3]
            assert [event.position for event in log.by_key("key")] == [1]
            assert [event.position for event in log.by_chain(fact.event_id)] == [1, 3]
            assert log.by_key("nothing") == log.by_chain("nothing") == []
            found = log.by_id(correction.event_id)
            assert found is not None
            assert (found.position, found.chain) == (3, fact.event_id)
            assert log.by_id("nothing") is None
            assert (log.version("commitment/x"), log.version("commitment/y"), log.version("nothing")) == (2, 1, 0)
            assert log.answer("once") == answer("once", 3)
            assert log.answer("twice") is None


def test_events_stored_before_can_be_put_under_more_records(store: Store) -> None:
    """More index rows for earlier events, also one that is there already, find them by the other record too."""
    write(store, entry(1), entry(2))
    with store.write() as transaction:
        assert transaction.append([], [("commitment/y", 2), ("commitment/y", 1), ("commitment/x", 1)]) == []
    assert [event.position for event in store.by_key("commitment/y")] == [1, 2]
    assert [event.position for event in store.by_key("commitment/x")] == [1, 2]


def test_a_transaction_knows_the_head_and_the_last_time_stamp(store: Store) -> None:
    """Both are those of the last event, the transaction's own included."""
    with store.write() as transaction:
        assert (transaction.head, transaction.last_recorded_at) == (0, None)
        transaction.append([entry(1), entry(2)])
        assert (transaction.head, transaction.last_recorded_at) == (2, "2026-11-22T10:00:00.000002Z")
        assert transaction.version("commitment/x") == 2
        assert transaction.append([entry(3)]) == [3]
    with store.write() as transaction:
        assert (transaction.head, transaction.last_recorded_at) == (3, "2026-11-22T10:00:00.000003Z")


class Failure(Exception):
    """Something goes wrong in the middle of a transaction."""


def fails_after_append(store: Store) -> None:
    with store.write() as transaction:
        transaction.append([entry(2, keys=("key",))], [("key", 1)], [answer("twice")])
        raise Failure


def fails_in_the_last_event(store: Store) -> None:
    with store.write() as transaction:
        transaction.append(
            [entry(2, keys=("key",)), entry(1, "commitment/y"), entry(1)], [("key", 1)], [answer("twice")]
        )


def fails_in_the_answer(store: Store) -> None:
    with store.write() as transaction:
        transaction.append([entry(2, keys=("key",))], [("key", 1)], [answer("twice"), answer("once")])


def fails_in_the_second_append(store: Store) -> None:
    with store.write() as transaction:
        transaction.append([entry(2, keys=("key",))], [("key", 1)], [answer("twice")])
        transaction.append([entry(2)])


def fails_but_goes_on(store: Store) -> None:
    with store.write() as transaction:
        transaction.append([entry(2, keys=("key",))])
        for _ in range(2):
            with pytest.raises(Conflict):
                transaction.append([entry(1)])
        with pytest.raises(Conflict):
            transaction.append([entry(3)])


@pytest.mark.parametrize(
    "fail",
    [fails_after_append, fails_in_the_last_event, fails_in_the_answer, fails_in_the_second_append, fails_but_goes_on],
)
def test_a_transaction_that_fails_leaves_nothing(store: Store, fail: Callable[[Store], None]) -> None:
    """Neither events nor index rows nor answers, even if the failure was swallowed; and no gap in the positions."""
    with store.write() as transaction:
        transaction.append([entry(1)], [], [answer("once")])
    before = everything(store)
    with pytest.raises((Failure, Conflict)):
        fail(store)
    assert everything(store) == before
    assert write(store, entry(2)) == [2]


def test_a_transaction_that_does_not_fail_leaves_all(store: Store) -> None:
    """The control of the test above: the same append without a failure is there whole."""
    write(store, entry(1))
    with store.write() as transaction:
        transaction.append([entry(2, keys=("key",))], [("key", 1)], [answer("twice")])
    assert store.head() == 2
    assert [event.position for event in store.by_key("key")] == [1, 2]
    assert store.answer("twice") == answer("twice")


def test_what_is_taken_conflicts(store: Store) -> None:
    """A version of a stream, an event id and an idempotency key serve once; their neighbours are free."""
    first = entry(1)
    with store.write() as transaction:
        transaction.append([first], [], [answer("once")])
    with pytest.raises(Conflict):
        write(store, entry(1))
    with pytest.raises(Conflict):
        write(store, entry(1, "commitment/y", event_id=first.event_id))
    with pytest.raises(Conflict):
        write(store, entry(2), entry(2))
    with pytest.raises(Conflict), store.write() as transaction:
        transaction.append([entry(2)], [], [answer("once")])
    with store.write() as transaction:
        assert transaction.append([entry(2), entry(1, "commitment/y")], [], [answer("twice")]) == [2, 3]


def test_a_second_writer_waits_and_readers_do_not(store: Store) -> None:
    """While one transaction is open, twenty readers are answered from what is committed, and a second writer waits to
    see what the first one wrote."""
    write(store, entry(1))
    waiting, entered = threading.Event(), threading.Event()
    heads: list[int] = []

    def second() -> None:
        waiting.set()
        with store.write() as transaction:
            entered.set()
            heads.append(transaction.head)
            transaction.append([entry(3)])

    with ThreadPoolExecutor(21) as threads:
        with store.write() as transaction:
            transaction.append([entry(2)])
            writer = threads.submit(second)
            assert waiting.wait(5)
            answers = [threads.submit(lambda: (store.head(), len(store.by_key("commitment/x")))) for _ in range(20)]
            assert [question.result(timeout=5) for question in answers] == [(1, 1)] * 20
            assert not entered.wait(0.1)
        writer.result(timeout=5)
    assert heads == [2]
    assert store.head() == 3


def test_four_threads_write_while_one_follows(store: Store) -> None:
    """Positions have no gaps, a transaction's events stand together, and a follower misses none."""
    written: dict[str, list[int]] = {}
    done = threading.Event()

    def writer(name: int) -> None:
        for version in range(1, 61, 3):
            entries = [entry(version + n, f"commitment/{name}") for n in range(3)]
            positions = write(store, *entries)
            written.update({e.event_id: [p] for e, p in zip(entries, positions, strict=True)})
            assert positions == list(range(positions[0], positions[0] + 3))

    def follow() -> list[tuple[int, str]]:
        seen: list[tuple[int, str]] = []
        while not done.is_set() or len(seen) < store.head():
            seen += [(event.position, event.event_id) for event in store.read(len(seen), 10)]
        return seen

    with ThreadPoolExecutor(5) as threads:
        following = threads.submit(follow)
        for writing in [threads.submit(writer, name) for name in range(4)]:
            writing.result(timeout=30)
        done.set()
        seen = following.result(timeout=30)
    assert [position for position, _ in seen] == list(range(1, 241))
    assert {event_id: [position] for position, event_id in seen} == written


def test_the_library_appends_to_the_same_log(store: Store) -> None:
    """Events that come through the library's own API get the next positions, and its reads see ours."""
    assert isinstance(store, SQLiteStore | PostgresStore)
    recorder = store._recorder
    ours = entry(1)
    write(store, ours)
    theirs = [StoredEvent("commitment/x", 2, "theirs", b"{}"), StoredEvent("commitment/y", 1, "theirs", b"{}")]
    assert recorder.insert_events(theirs) == [2, 3]
    assert write(store, entry(3)) == [4]
    assert [event.position for event in store.read(0, 10)] == [1, 2, 3, 4]
    assert [event.position for event in store.by_key("commitment/x")] == [1, 2, 4]
    assert [event.id for event in recorder.select_notifications(1, 10)] == [1, 2, 3, 4]
    assert recorder.select_events("commitment/x")[0].state == ours.state.encode()
    with store.write() as transaction:
        assert transaction.append([entry(4)]) == [5]


@pytest.mark.parametrize("table", ["event_keys", "answers"])
def test_the_database_refuses_changes_of_what_the_writer_looks_up(
    store: Store, shell: Callable[[str], list[tuple[Any, ...]]], table: str
) -> None:
    """Else the writer would take what it has as new. The control: adding goes on, the same key again too."""
    with store.write() as transaction:
        transaction.append([entry(1)], [("more", 1)], [Answer("key", "digest", "{}", 1)])
    with store.write() as transaction:
        transaction.append([entry(2)], [("more", 1)], [Answer("another", "digest", "{}", 2)])
    for change in (f"DELETE FROM {table}", f"UPDATE {table} SET position = 7", f"UPDATE {table} SET key = 'x'"):
        with pytest.raises((sqlite3.IntegrityError, psycopg.errors.RaiseException), match="never changed or deleted"):
            shell(change)
    assert [one.position for one in store.by_key("more")] == [1]
    assert {store.answer("key"), store.answer("another")} == {
        Answer("key", "digest", "{}", 1),
        Answer("another", "digest", "{}", 2),
    }


@pytest.mark.parametrize(
    "change",
    [
        "UPDATE events SET state = '{}'",
        "UPDATE events SET position = 7 WHERE position = 1",
        "DELETE FROM events WHERE position = 2",
        "DELETE FROM events",
    ],
)
def test_the_database_refuses_changes_of_events(
    store: Store, shell: Callable[[str], list[tuple[Any, ...]]], change: str
) -> None:
    """Plain SQL can't change or delete an event or its position; it can write to the database otherwise."""
    write(store, entry(1), entry(2))
    before = everything(store)
    with pytest.raises((sqlite3.IntegrityError, psycopg.errors.RaiseException), match="never"):
        shell(change)
    assert everything(store) == before
    shell("CREATE TABLE theirs (position integer)")
    shell("INSERT INTO theirs VALUES (1)")
    shell(change.replace("events", "theirs").replace("state = '{}'", "position = 2"))


def test_states_are_readable_json(store: Store, shell: Callable[[str], list[tuple[Any, ...]]]) -> None:
    """Plain SQL reaches into the JSON text of an event."""
    write(store, entry(1))
    amount = (
        "json_extract(state, '$.data.amount')" if isinstance(store, SQLiteStore) else "state::jsonb#>>'{data,amount}'"
    )
    assert shell(f"SELECT position, type, {amount} FROM events") == [(1, "commitment.made", "1.5")]


def test_a_closed_store_says_so(store: Store) -> None:
    """Questions and writes after `close` fail as unavailable."""
    write(store, entry(1))
    store.close()
    with pytest.raises(StoreUnavailable):
        store.head()
    with pytest.raises(StoreUnavailable):
        write(store, entry(2))


def test_a_store_opened_again_goes_on(tmp_path: Path, database_url: str) -> None:
    """The log is as it was left, and the next event gets the next position."""
    for place in ((tmp_path / "ledger", None), (None, database_url)):
        first = open_store(*place)
        write(first, entry(1), entry(2))
        before = everything(first)
        first.close()
        second = open_store(*place)
        assert everything(second) == before
        assert write(second, entry(3)) == [3]
        second.close()


@pytest.mark.parametrize("value", ["y", "yes", "TRUE", "1", "on", " t ", "anything"])
def test_the_librarys_unordered_inserts_are_refused(
    tmp_path: Path, database_url: str, monkeypatch: pytest.MonkeyPatch, value: str
) -> None:
    """No store opens with POSTGRES_ENABLE_DB_FUNCTIONS set, and the message names it; set to "no" it opens."""
    monkeypatch.setenv("POSTGRES_ENABLE_DB_FUNCTIONS", value)
    for place in ((tmp_path, None), (None, database_url)):
        with pytest.raises(StoreRefused, match="POSTGRES_ENABLE_DB_FUNCTIONS"):
            open_store(*place)
    monkeypatch.setenv("POSTGRES_ENABLE_DB_FUNCTIONS", "no")
    open_store(None, database_url).close()


def test_a_store_needs_a_place() -> None:
    """Neither a folder nor a URL, or a URL of another database, is refused with what is wanted."""
    with pytest.raises(StoreRefused, match="folder"):
        open_store(None, None)
    with pytest.raises(StoreRefused, match="postgresql://"):
        open_store(None, "mysql://localhost/ledger")


def test_what_is_beside_the_text_is_said_once(store: Store, shell: Callable[[str], list[tuple[Any, ...]]]) -> None:
    """A fact's row doesn't name its own chain, and event_keys not the stream that a row is in, but that it doesn't
    touch the record of that name."""
    fact = entry(1, keys=("commitment/x", "key"))
    write(store, fact, entry(2, chain=fact.event_id), entry(3, keys=()), entry(1, "commitment/y", keys=("key",)))
    chains = [(1, None), (2, fact.event_id), (3, None), (4, None)]
    assert shell("SELECT position, chain FROM events ORDER BY position") == chains
    kept = [("", 3), ("", 4), ("key", 1), ("key", 4)]
    assert shell("SELECT key, position FROM event_keys ORDER BY key, position") == kept
    assert store.indexed_count() == len(kept)
    found = store.by_keys(["commitment/x", "commitment/y", "key"])
    assert {key: [event.position for event in events] for key, events in found.items()} == {
        "commitment/x": [1, 2],
        "key": [1, 4],
    }
