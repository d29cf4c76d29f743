"""What the store keeps beside each entry is made again from the entries: ids, facts, keys."""

from __future__ import annotations

from pathlib import Path

import pytest

from ledger.columns import Misplaced, check_columns, check_keys
from ledger.log.remade import Fault, Kind, remade
from ledger.store.sqlite import LOG_FILE, SQLiteStore
from tests.facts import commit, correct, entities, ident, invest, retract
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
        ("UPDATE event_keys SET key = 'entity/other' WHERE key = 'entity/beta'", "position 2 isn't found under"),
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
