"""What goes wrong as the writer writes: callers go away, the store is away, a commit is in doubt, a fault is ours."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import CancelledError
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import pytest

from ledger import checks
from ledger import group as group_module
from ledger.refusals import Reason, Refusal
from ledger.store import Conflict, OutcomeUnknown, Store, StoreUnavailable, WriteTransaction
from ledger.writer import Accepted, Unavailable, Writer
from tests.facts import entity, ident, invest
from tests.ledger.cases import PARTIES
from tests.ledger.slow import slow, slow_ledger
from tests.ledgers import WAIT_SECONDS, Ledger, request, taken

__all__ = ["slow", "slow_ledger"]


def test_who_goes_away_while_waiting_stops_nobody(slow_ledger: Ledger, slow: Any) -> None:
    """A request that is given up before its turn isn't written; the writer goes on with the others."""
    with slow.held():
        slow.waits.clear()
        first = slow_ledger.writer.submit([request(entity("delta"))])
        slow.waits.wait(WAIT_SECONDS)
        gone = slow_ledger.writer.submit([request(entity("epsilon"))])
        assert gone.cancel()
        assert not first.cancel()
    assert taken(first.result(WAIT_SECONDS)[0]).position == 4
    with pytest.raises(CancelledError):
        gone.result(WAIT_SECONDS)
    assert taken(slow_ledger.ask(entity("zeta"))).position == 5


def test_a_closed_writer_finishes_and_takes_no_more(sqlite_store: Store) -> None:
    """What was handed in before is answered."""
    writer = Writer(sqlite_store, lambda position: None)
    futures = [writer.submit([request(one)]) for one in PARTIES]
    writer.close()
    assert [taken(future.result(0)[0]).position for future in futures] == [1, 2, 3]
    with pytest.raises(Unavailable, match="shutting down"):
        writer.submit([request(entity("delta"))])


def test_a_store_that_is_away_is_unavailable(slow_ledger: Ledger, slow: Any) -> None:
    """Nothing was written, nothing that was checked meanwhile is remembered, and the next request goes through."""
    slow.failures = [("instead of", StoreUnavailable("the disk is full"))]
    with pytest.raises(Unavailable, match="the disk is full"):
        slow_ledger.ask(entity("delta"), key="once")
    assert slow_ledger.store.head() == 3
    assert slow_ledger.refused(invest("acme", "delta")).reason == Reason.UNKNOWN_ENTITY
    assert taken(slow_ledger.ask(entity("delta"), key="once")).position == 4


@pytest.mark.parametrize(
    "failures",
    [
        [("after", OutcomeUnknown("no reply"))],
        [("instead of", OutcomeUnknown("no reply"))],
        [("instead of", Conflict("taken"))],
    ],
    ids=["kept", "not kept", "conflict"],
)
def test_a_commit_in_doubt_is_settled(slow_ledger: Ledger, slow: Any, failures: list[tuple[str, Exception]]) -> None:
    """Kept or not, or in the way of somebody who went past the lock: each event is stored once, and answered so."""
    slow.failures = failures
    outcome = taken(slow_ledger.ask(entity("delta"), invest("acme", "delta"), key="once"))
    assert [one["position"] for one in outcome.events] == [4, 5]
    assert slow_ledger.store.head() == 5
    assert [stored.event_id for stored in slow_ledger.store.read(3, 9)] == [one["id"] for one in outcome.events]
    assert slow_ledger.ask(entity("delta"), invest("acme", "delta"), key="once") == replace(outcome, repeated=True)
    assert taken(slow_ledger.ask(invest("beta", "delta"))).position == 6
    assert slow_ledger.committed[-1] == slow_ledger.writer.head == 6


@pytest.mark.parametrize("when", ["after", "instead of"])
def test_a_commit_that_stays_in_doubt_is_unavailable(slow_ledger: Ledger, slow: Any, when: str) -> None:
    """Sent again with its key it is stored once, whichever it was."""
    slow.failures = [(when, OutcomeUnknown("no reply")), ("instead of", StoreUnavailable("still away"))]
    with pytest.raises(Unavailable, match="still away"):
        slow_ledger.ask(entity("delta"), key="once")
    again = taken(slow_ledger.ask(entity("delta"), key="once"))
    assert (again.position, again.repeated) == (4, when == "after")
    assert slow_ledger.store.head() == 4


def test_another_servers_copy_of_an_event_is_not_taken_for_ours(
    slow_ledger: Ledger, slow: Any, sqlite_store: Store
) -> None:
    """A commit that wasn't kept, of an event with an id that somebody stored meanwhile elsewhere: the id was used."""

    class Meanwhile(OutcomeUnknown):
        pass

    other = Writer(sqlite_store, lambda position: None)
    lost = [("instead of", Meanwhile("no reply"))]
    original = slow.write

    @contextmanager
    def write() -> Iterator[WriteTransaction]:
        try:
            with original() as transaction:
                yield transaction
        except Meanwhile:
            other.submit([request(invest("beta", "gamma"), invest("acme", "beta", id=ident(1)))]).result(WAIT_SECONDS)
            raise

    slow.write, slow.failures = write, lost
    outcome = slow_ledger.ask(invest("acme", "beta", id=ident(1)))
    assert isinstance(outcome, Refusal)
    assert outcome.problems[0].reason == Reason.EVENT_EXISTS
    assert slow_ledger.store.head() == 5
    other.close()


def test_a_fault_of_ours_takes_only_its_own_call_down(
    slow_ledger: Ledger, slow: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The others in the same commit are written; of the call that failed nothing is, nor the answer to a key of it."""
    real = checks.check

    def check(head: Any, event: Any, event_id: str, day: Any) -> Any:
        if event.body.get("note") == "a bug":
            raise ZeroDivisionError
        return real(head, event, event_id, day)

    monkeypatch.setattr(group_module, "check", check)
    submit = slow_ledger.writer.submit
    with slow.held():
        good = submit([request(entity("delta"))])
        bad = submit([request(entity("epsilon"), key="once"), request(entity("zeta", note="a bug"))])
        after = submit([request(invest("acme", "delta")), request(invest("acme", "epsilon"))])
    assert taken(good.result(WAIT_SECONDS)[0]).position == 4
    with pytest.raises(ZeroDivisionError):
        bad.result(WAIT_SECONDS)
    assert [type(one) for one in after.result(WAIT_SECONDS)] == [Accepted, Refusal]
    assert slow_ledger.store.head() == 5
    assert slow_ledger.store.answer("once") is None
    assert taken(slow_ledger.ask(entity("epsilon"), key="once")).repeated is False
