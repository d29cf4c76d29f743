"""Logs that another version of the ledger began: of earlier ones they go on, of later ones they are left alone."""

from __future__ import annotations

from pathlib import Path

import pytest

from ledger.store import Store, StoreRefused
from ledger.store.recorder import FORMAT
from ledger.store.sqlite import SQLiteStore
from tests.ledger.log.logs import beside
from tests.ledger.stored import at_the_shell, entry, everything, reopened, write


def indexes(store: Store, request: pytest.FixtureRequest) -> set[str]:
    with at_the_shell(store, request) as ask:
        table = "sqlite_schema" if isinstance(store, SQLiteStore) else "(SELECT indexname AS name FROM pg_indexes)"
        return {name for (name,) in ask(f"SELECT name FROM {table} AS found")}


def test_a_log_of_an_earlier_version_finds_chains_as_before(store: Store, request: pytest.FixtureRequest) -> None:
    """It had an index of all rows by chain: opening it puts the one of what amends in its place, once."""
    fact, other = entry(1), entry(2)
    correction = entry(1, "commitment/y", chain=fact.event_id)
    write(store, fact, other, correction)
    store.close()
    with at_the_shell(store, request) as ask:
        ask("DROP INDEX events_amending")
        ask("CREATE INDEX events_chain ON events (chain)")
    for _ in range(2):
        opened = reopened(store, request)
        try:
            assert [event.position for event in opened.by_chain(fact.event_id)] == [1, 3]
            assert [event.position for event in opened.by_chain(other.event_id)] == [2]
            assert opened.by_chain(correction.event_id) == []
        finally:
            opened.close()
        names = indexes(store, request)
        assert "events_amending" in names
        assert "events_chain" not in names


def test_a_log_of_an_earlier_version_goes_on(store: Store, request: pytest.FixtureRequest) -> None:
    """Every row named its chain in it, and event_keys the stream. Opened, it answers the same and goes on like that."""
    fact, other = entry(1, keys=("commitment/x", "key")), entry(1, "commitment/y", keys=())
    write(store, fact, other, entry(2, chain=fact.event_id))
    before = everything(store)
    store.close()
    place: Path | str = request.getfixturevalue("database_url")
    if isinstance(store, SQLiteStore):
        place = request.getfixturevalue("tmp_path") / "ledger" / "ledger.sqlite"
    with beside(store, place) as shell:
        shell.execute("UPDATE events SET chain = id WHERE chain IS NULL")
        shell.execute("INSERT INTO event_keys SELECT stream, position FROM events WHERE stream = 'commitment/x'")
        shell.execute("DELETE FROM event_keys WHERE key = ''")
    with at_the_shell(store, request) as ask:
        if isinstance(store, SQLiteStore):
            ask("PRAGMA writable_schema = ON")
            schema = "replace(sql, 'chain TEXT', 'chain TEXT NOT NULL')"
            ask(f"UPDATE sqlite_schema SET sql = {schema} WHERE name = 'events' RETURNING sql")
            ask("COMMIT")
        else:
            ask("ALTER TABLE events ALTER chain SET NOT NULL")
    opened = reopened(store, request)
    assert everything(opened) == before
    later = entry(3), entry(2, "commitment/y", chain=other.event_id, keys=())
    assert write(opened, *later) == [4, 5]
    assert [event.position for event in opened.by_key("commitment/x")] == [1, 3, 4]
    assert opened.by_key("commitment/y") == []
    assert [event.position for event in opened.by_chain(other.event_id)] == [2, 5]
    assert [event.chain == event.event_id for event in opened.read(0, 10)] == [True, True, False, True, False]
    opened.close()
    with at_the_shell(store, request) as ask:
        assert ask("SELECT count(*) FROM events WHERE chain IS NULL") == [(0,)]
        kept = [("commitment/x", 1), ("commitment/x", 3), ("commitment/x", 4), ("key", 1)]
        assert ask("SELECT key, position FROM event_keys ORDER BY key, position") == kept


def say(format: str | int, store: Store, request: pytest.FixtureRequest) -> None:
    """What a log says of itself, as another version would have it say: a number in SQLite, a comment in PostgreSQL."""
    with at_the_shell(store, request) as ask:
        sqlite = isinstance(store, SQLiteStore)
        ask(f"PRAGMA user_version = {format}" if sqlite else f"COMMENT ON TABLE events IS '{format}'")


def said(store: Store, request: pytest.FixtureRequest) -> str | int:
    with at_the_shell(store, request) as ask:
        sqlite = isinstance(store, SQLiteStore)
        [(found,)] = ask("PRAGMA user_version" if sqlite else "SELECT obj_description('events'::regclass, 'pg_class')")
        return found


def as_said(number: int, store: Store) -> str | int:
    return number if isinstance(store, SQLiteStore) else f"deal-ledger, format {number}"


def test_a_log_of_a_later_version_is_left_alone(store: Store, request: pytest.FixtureRequest) -> None:
    """Given a log that says a format that isn't known yet; then it is refused, and nothing in it is mended. With the
    format that new logs say, the control, it is opened, and mended."""
    write(store, entry(1))
    store.close()
    assert said(store, request) == as_said(FORMAT, store)
    with at_the_shell(store, request) as ask:
        ask("DROP INDEX events_amending")
    say(as_said(FORMAT + 1, store), store, request)
    with pytest.raises(StoreRefused, match=rf"is of format {FORMAT + 1}, .* none above {FORMAT}: a later version"):
        reopened(store, request)
    assert "events_amending" not in indexes(store, request)
    say(as_said(FORMAT, store), store, request)
    reopened(store, request).close()
    assert "events_amending" in indexes(store, request)


def test_a_log_that_says_no_format_goes_on_like_that(store: Store, request: pytest.FixtureRequest) -> None:
    """Given one from before any was said, or one whose comment is somebody's own; then it is opened, and says the same
    afterwards."""
    store.close()
    nothing = 0 if isinstance(store, SQLiteStore) else "ours, format 9"
    say(nothing, store, request)
    opened = reopened(store, request)
    assert write(opened, entry(1)) == [1]
    opened.close()
    assert said(store, request) == nothing
