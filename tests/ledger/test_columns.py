"""What the store keeps beside each entry is made again from the entries: ids, facts, keys."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from ledger.columns import Misplaced, check_columns, check_keys, id_of, named_in
from ledger.log.remade import Fault, Kind, remade
from ledger.store import Entry, Store
from ledger.store.sqlite import LOG_FILE, SQLiteStore
from tests.facts import commit, correct, entities, ident, invest, rate, retract
from tests.ledger.log.logs import beside
from tests.ledgers import Ledger

FACT, CORRECTION, AGAIN, UNDONE, OTHER, GONE = map(ident, range(1, 7))
"""At positions 5 to 10, after three entities and a commitment."""
EVENTS = 10


@pytest.fixture
def amended(any_ledger: Ledger) -> Ledger:
    """A fact that corrections move to other records, one of which is retracted; and a fact that is gone."""
    any_ledger.given(*entities("acme", "beta", "gamma"), commit("pledge", "acme", "beta"))
    any_ledger.given(invest("acme", "beta", id=FACT))
    any_ledger.given(correct(FACT, invest("acme", "gamma"), id=CORRECTION))
    any_ledger.given(correct(CORRECTION, invest("gamma", "beta"), id=AGAIN))
    any_ledger.given(retract(AGAIN, id=UNDONE))
    any_ledger.given(invest("beta", "gamma", id=OTHER), retract(OTHER, id=GONE))
    assert any_ledger.store.head() == EVENTS
    return any_ledger


@pytest.fixture
def place(any_ledger: Ledger, request: pytest.FixtureRequest) -> Path | str:
    """Where somebody else opens the store's database."""
    if isinstance(any_ledger.store, SQLiteStore):
        return Path(request.getfixturevalue("tmp_path")) / "ledger" / LOG_FILE
    return str(request.getfixturevalue("database_url"))


def test_what_the_writer_wrote_follows(amended: Ledger) -> None:
    """The control of all below; from any place on."""
    check_columns(amended.store)
    check_keys(amended.store)
    for size in range(EVENTS + 1):
        assert remade(amended.store, size, EVENTS).size == EVENTS


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (f"chain = id WHERE id = '{CORRECTION}'", f"position 6 is about the fact {FACT}"),
        (f"chain = id WHERE id = '{AGAIN}'", f"position 7 is about the fact {FACT}"),
        (f"chain = '{OTHER}' WHERE id = '{UNDONE}'", f"position 8 is about the fact {FACT}"),
        (f"chain = '{FACT}' WHERE id = '{OTHER}'", f"position 9 is about the fact {OTHER}"),
        (f"chain = '{FACT}' WHERE id = '{GONE}'", f"position 10 is about the fact {OTHER}"),
        (f"id = '{ident(99)}' WHERE id = '{CORRECTION}'", "position 6 has another id inside"),
        (f"id = '{ident(99)}', chain = '{ident(99)}' WHERE id = '{OTHER}'", "position 9 has another id inside"),
    ],
)
def test_columns_that_were_changed(amended: Ledger, place: Path | str, change: str, says: str) -> None:
    """Whoever verifies finds it, and nothing is signed over it."""
    with beside(amended.store, place) as shell:
        assert shell.execute(f"UPDATE events SET {change}").rowcount == 1
    with pytest.raises(Misplaced, match=says):
        check_columns(amended.store)
    with pytest.raises(Fault, match=says) as caught:
        remade(amended.store, 4, EVENTS)
    assert caught.value.kind == Kind.EVENT


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ("DELETE FROM event_keys", "position 1 isn't found under entit"),
        ("DELETE FROM event_keys WHERE position = 5 AND key LIKE '%gamma%'", "position 5 isn't found under .*gamma"),
        ("DELETE FROM event_keys WHERE position = 8", "position 8 isn't found under"),
        ("UPDATE event_keys SET key = 'entity/other' WHERE position = 2", "position 2 isn't found under entities"),
        ("INSERT INTO event_keys VALUES ('entity/other', 2)", "rows, and from the events follow"),
        ("INSERT INTO event_keys VALUES ('entity/other', 99)", "rows, and from the events follow"),
    ],
)
def test_keys_that_were_changed(amended: Ledger, place: Path | str, change: str, says: str) -> None:
    """Each event's are those of all that its fact ever said, before it or after."""
    with beside(amended.store, place) as shell:
        assert shell.execute(change).rowcount > 0
    check_columns(amended.store)
    with pytest.raises(Misplaced, match=says):
        check_keys(amended.store)


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ("DELETE FROM event_keys WHERE key = ''", "position 11 isn't found under"),
        ("INSERT INTO event_keys VALUES ('', 1)", "rows, and from the events follow"),
    ],
)
def test_events_that_are_not_found_by_their_stream(amended: Ledger, place: Path | str, change: str, says: str) -> None:
    """As a rate of exchange isn't: a row says so, and isn't there for any other event."""
    amended.given(rate("EUR", "USD", "1.1"))
    check_keys(amended.store)
    with beside(amended.store, place) as shell:
        assert shell.execute(change).rowcount == 1
    with pytest.raises(Misplaced, match=says):
        check_keys(amended.store)


# --- events that no writer writes -------------------------------------------------------------------------------

A, B, C = map(ident, range(21, 24))
NOT_BEFORE = "amends isn't in the log before it"


def put(store: Store, *entries: Entry) -> None:
    """Into the log, beside the writer."""
    with store.write() as transaction:
        transaction.append(entries)


def told(type_: str, id_: str, data: Any, fact: str, *keys: str, **more: Any) -> Entry:
    """An event in a stream of its own; found under that if no keys are given."""
    stream = f"event/{id_}"
    return Entry(stream, 1, type_, json.dumps({"id": id_, "data": data, **more}), id_, fact, keys or (stream,))


def undoing(id_: str, named: Any, fact: str) -> Entry:
    return told("event.retracted", id_, {"event": named, "reason": "It was wrong."}, fact)


@pytest.mark.parametrize(
    "entries",
    [
        [undoing(A, ident(99), ident(99))],
        [undoing(A, A, A)],
        [undoing(A, B, B), undoing(B, FACT, FACT)],
        [undoing(A, B, B), undoing(B, A, B)],
        [undoing(A, None, A)],
        [undoing(A, [], A)],
        [told("event.retracted", A, {}, A)],
        [told("event.corrected", A, [], A)],
    ],
)
def test_what_is_amended_is_in_the_log_before(amended: Ledger, entries: list[Entry]) -> None:
    """Neither nothing, nor the amending event itself, nor one that comes later; one that comes before is."""
    put(amended.store, undoing(C, CORRECTION, FACT))
    check_columns(amended.store)
    put(amended.store, *entries)
    with pytest.raises(Misplaced, match=NOT_BEFORE):
        check_columns(amended.store)
    with pytest.raises(Fault, match=NOT_BEFORE):
        remade(amended.store, EVENTS + 1, EVENTS + 1 + len(entries))


def test_each_amendment_on_the_way_to_the_fact_comes_after_what_it_names(amended: Ledger) -> None:
    """Also where only the last of them is looked at, the others having been signed already."""
    put(amended.store, undoing(A, B, B), told("investment.made", B, {}, B), undoing(C, A, B))
    with pytest.raises(Fault, match=NOT_BEFORE):
        remade(amended.store, EVENTS + 2, EVENTS + 3)


def test_a_fact_that_was_signed_under_another_id(amended: Ledger, place: Path | str) -> None:
    """Two events that are signed already have changed ids, so what comes after them amends another fact."""
    remade(amended.store, EVENTS - 1, EVENTS)
    with beside(amended.store, place) as shell:
        for was, is_ in ((FACT, "x"), (OTHER, FACT), ("x", OTHER)):
            shell.execute(f"UPDATE events SET id = '{is_}' WHERE id = '{was}'")
    with pytest.raises(Fault, match=NOT_BEFORE):
        remade(amended.store, EVENTS - 1, EVENTS)


@pytest.mark.parametrize("state", ["nonsense", "[]", "7", "null", "{}", "[" * 100_000])
def test_what_is_no_state_of_an_event(amended: Ledger, place: Path | str, state: str) -> None:
    """It has no id inside, whatever its type."""
    for id_, position in ((OTHER, 9), (UNDONE, 8)):
        with beside(amended.store, place) as shell:
            shell.execute(f"UPDATE events SET state = '{state}' WHERE id = '{id_}'")
        with pytest.raises(Misplaced, match=f"position {position} has another id inside"):
            check_columns(amended.store)


@pytest.mark.parametrize("wrong", [None, 7, [], {}, True])
def test_what_an_event_says_of_ids_is_text(wrong: Any) -> None:
    """Its own, which its place in its stream stands for if it says nothing; and that of the event that it amends."""
    entry = undoing(A, FACT, FACT)
    assert (id_of(entry, {"id": B}), id_of(entry, {})) == (B, f"event/{A}@1")
    assert named_in({"data": {"event": B}}) == B
    assert id_of(entry, {"id": wrong}) is None
    for said in ({}, {"data": wrong}, {"data": {"event": wrong}}):
        assert named_in(said) is None


@pytest.mark.parametrize(
    "entry",
    [
        told("investment.made", A, {}, A),
        told("investment.made", A, {"investor": "acme"}, A, type="investment.made"),
        told("investment.made", A, [], A, type="investment.made"),
        told("investment.made", A, {}, A, type="nonsense.made"),
        told("investment.made", A, {}, A, type=[]),
        told("event.corrected", A, {"event": FACT}, FACT),
        told("event.corrected", A, {"event": FACT, "replacement": None}, FACT),
        told("event.corrected", A, {"event": FACT, "replacement": {"type": "investment.made"}}, FACT),
    ],
)
def test_what_lacks_what_its_type_has(amended: Ledger, entry: Entry) -> None:
    """Nobody can tell under what it should be found. What is of no type of the ledger is found under its stream."""
    put(amended.store, Entry("note/a", 1, "note.made", "{}", "note/a@1", "note/a@1", ("note/a",)))
    check_columns(amended.store)
    check_keys(amended.store)
    put(amended.store, entry)
    check_columns(amended.store)
    with pytest.raises(Misplaced, match=f"position {EVENTS + 2} lacks what"):
        check_keys(amended.store)


def test_the_first_that_is_lacking_is_told(amended: Ledger, place: Path | str) -> None:
    """By its position, then by the key."""
    keys = sorted(
        key for key, at in amended.store.indexed({"holding/gamma/beta/equity", "holding/acme/gamma/equity"}, 5, 5)
    )
    assert len(keys) == 2
    with beside(amended.store, place) as shell:
        shell.execute("DELETE FROM event_keys WHERE position >= 5")
    with pytest.raises(Misplaced, match=f"position 5 isn't found under {keys[0]} "):
        check_keys(amended.store)
