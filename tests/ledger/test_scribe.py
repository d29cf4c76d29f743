"""The writer in a process of its own: it reads what it is given, and may be killed at any time. What all writers do is
in test_writer.py, which asks both kinds."""

from __future__ import annotations

import json
import os
import signal
import time
from collections.abc import Iterator
from concurrent.futures import Future
from contextlib import suppress

import pytest

from ledger.event import Origin
from ledger.reading import Unread
from ledger.refusals import Reason, Refusal
from ledger.requests import Outcome
from ledger.scribe import Fault, Scribe
from ledger.store import Store
from ledger.writer import Accepted, Unavailable, Writer
from tests.facts import entities, entity, invest
from tests.ledgers import WAIT_SECONDS, Ledger, request, taken

PARTIES = entities("acme", "beta", "gamma")


@pytest.fixture
def apart(store: Store) -> Iterator[Ledger]:
    ledger = Ledger(store, Scribe)
    yield ledger
    ledger.close()


def killed(ledger: Ledger) -> None:
    assert isinstance(ledger.writer, Scribe)
    os.kill(ledger.writer.process_id, signal.SIGKILL)


def read_by(writer: Writer | Scribe, body: bytes, most: int = 2) -> Outcome:
    done: Future[list[Outcome]] = Future()
    try:
        writer.take(Unread(body, most, Origin("tests"), None, None), done)
    except Refusal as refusal:
        return refusal
    [outcome] = done.result(WAIT_SECONDS)
    return outcome


@pytest.mark.parametrize(
    "body",
    [
        json.dumps(entity("delta")),
        json.dumps([entity("delta"), entity("epsilon")]),
        "[]",
        json.dumps([entity("delta")] * 3),
        " {",
        '{"0": 1, "0": 2}',
        "[" * 40,
        '"text"',
        json.dumps({"type": "entity.registered", "effective": "never", "data": {}}),
        json.dumps([entity("delta"), {"type": "nothing"}]),
        json.dumps(invest("acme", "nobody")),
        "[" + json.dumps(entity("delta", note="\0")) + "]",
    ],
    ids=str,
)
def test_what_is_read_there_is_told_as_if_it_were_read_here(sqlite_store: Store, ledger: Ledger, body: str) -> None:
    """Given a body; when either kind of writer reads it; then both say the same, also of what is no event."""
    there = Scribe(sqlite_store, lambda head: None)
    try:
        first, second = read_by(there, body.encode()), read_by(ledger.writer, body.encode())
    finally:
        there.close()
    if isinstance(first, Refusal) and not isinstance(second, Accepted):
        assert isinstance(second, Refusal)
        assert first.problems == second.problems
        assert first.problems[0].reason in Reason
    else:
        assert isinstance(first, Accepted)
        assert isinstance(second, Refusal)  # for by now the entities are there
        assert second.problems[0].pointer.startswith("/0")


def test_a_killed_process_is_followed_by_another(apart: Ledger) -> None:
    """Given a process that is killed between two calls; then the next call is served, and nothing is lost."""
    apart.given(*PARTIES)
    for n in range(2):
        killed(apart)
        while True:
            try:
                outcome = taken(apart.ask(invest("acme", "beta"), key=f"key-{n}"))
                break
            except Unavailable:  # it was asked before it was known to be gone
                pass
        assert outcome.position == 4 + n == apart.writer.head
    assert apart.store.head() == 5


def test_whoever_waits_for_a_killed_process_may_ask_again(apart: Ledger) -> None:
    """Given calls with keys under way; when the process is killed sooner or later; then each is answered or told
    Unavailable, and asked again each is there exactly once."""
    apart.given(*PARTIES)
    lost = 0
    for turn in range(6):
        calls = {key: request(*[invest("acme", "beta")] * 20, key=key) for key in (f"{turn}-{n}" for n in range(20))}
        waiting = {key: apart.writer.submit([call]) for key, call in calls.items()}
        time.sleep(turn * 0.01)
        killed(apart)
        told: dict[str, Accepted] = {}
        for key, future in waiting.items():
            with suppress(Unavailable):
                told[key] = taken(future.result(WAIT_SECONDS)[0])
        lost += len(calls) - len(told)
        with suppress(Unavailable):  # it is asked, perhaps, before it is known to be gone
            apart.ask(entity("acme"))
        again = {key: taken(apart.submit(call)[0]) for key, call in calls.items()}
        assert {key: again[key].position for key in told} == {key: one.position for key, one in told.items()}
        assert all(again[key].repeated for key in told)
        assert apart.store.head() == 3 + 400 * (turn + 1) == apart.writer.head
    assert lost
    assert apart.committed == sorted(apart.committed)


def test_the_head_is_known_also_if_its_commit_told_nobody(apart: Ledger, store: Store) -> None:
    """Given events that came past the process; when it ends; then the head is the log's."""
    apart.given(*PARTIES)
    other = Ledger(store)
    other.given(entity("delta"))
    other.close()
    killed(apart)
    deadline = time.monotonic() + WAIT_SECONDS
    while apart.writer.head < 4 and time.monotonic() < deadline:
        time.sleep(0.01)
    assert apart.writer.head == 4


def test_signals_for_all_processes_of_a_service_do_not_end_it(apart: Ledger) -> None:
    """Given Ctrl-C, or a service manager that ends everything; then what was handed in is still written."""
    apart.given(*PARTIES)
    assert isinstance(apart.writer, Scribe)
    for one in (signal.SIGINT, signal.SIGTERM):
        os.kill(apart.writer.process_id, one)
    futures = [apart.writer.submit([request(invest("acme", "beta"))]) for _ in range(5)]
    apart.writer.close()
    assert [taken(future.result(0)[0]).position for future in futures] == [4, 5, 6, 7, 8]
    with pytest.raises(Unavailable, match="shutting down"):
        apart.writer.submit([request(entity("delta"))])
    apart.writer = Writer(apart.store, apart.committed.append)


def test_a_fault_there_is_told_with_its_trace(apart: Ledger) -> None:
    """Given what no door would hand in; then that call fails, its traceback is told, and the others are served."""
    apart.given(*PARTIES)
    broken = request(invest("acme", "beta"))
    object.__setattr__(broken, "origin", Origin(frozenset()))  # type: ignore[arg-type]
    with pytest.raises(Fault, match=r"(?s)Traceback.*frozenset"):
        apart.submit(broken)
    apart.given(invest("acme", "beta"))
    assert apart.store.head() == 4


def test_nothing_is_written_while_it_is_forbidden(sqlite_store: Store) -> None:
    """Given a reason that comes and goes in this process; then the other knows it with each call."""
    why: list[str] = []
    writer = Scribe(sqlite_store, lambda head: None, forbidden=lambda: why[0] if why else None)
    try:
        taken(writer.submit([request(*PARTIES)]).result(WAIT_SECONDS)[0])
        why.append("the log isn't the one that was signed")
        [refused] = writer.submit([request(entity("delta"))]).result(WAIT_SECONDS)
        assert isinstance(refused, Refusal)
        assert (refused.problems[0].reason, refused.problems[0].detail) == (Reason.READ_ONLY, why[0])
        why.clear()
        assert taken(writer.submit([request(entity("delta"))]).result(WAIT_SECONDS)[0]).position == 4
    finally:
        writer.close()
