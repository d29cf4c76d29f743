"""The append path: order and stamps, all or nothing, one answer per idempotency key, and what a lost commit leaves."""

from __future__ import annotations

import json
import subprocess
import sys
import threading
from collections.abc import Iterator, Sequence
from concurrent.futures import CancelledError, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from ledger import checks
from ledger import group as group_module
from ledger.refusals import Reason, Refusal
from ledger.store import Conflict, OutcomeUnknown, Store, StoreUnavailable, WriteTransaction, open_store
from ledger.times import today
from ledger.writer import Accepted, NotTried, Request, Unavailable, Writer
from tests.facts import change, commit, correct, draw, entities, entity, ident, invest, retract, sell, usd
from tests.ledger.test_store_postgres import Wire
from tests.ledgers import WAIT_SECONDS, Ledger, request, taken

PARTIES = entities("acme", "beta", "gamma")


def states(store: Store) -> list[dict[str, Any]]:
    return [json.loads(stored.state) for stored in store.read(0, 100_000)]


def stamps(store: Store) -> list[str]:
    return [state["recorded_at"] for state in states(store)]


def strictly_rise(values: Sequence[Any]) -> bool:
    return all(one < after for one, after in pairwise(values))


# --- order and stamps -------------------------------------------------------------------------------------------


def test_each_event_gets_the_next_position_and_a_later_stamp(any_ledger: Ledger) -> None:
    """Dense from 1, in the order handed in; recorded_at in UTC to the microsecond, never twice the same."""
    outcome = taken(any_ledger.ask(*PARTIES))
    assert [(one["position"], one["type"]) for one in outcome.events] == [(n, "entity.registered") for n in (1, 2, 3)]
    assert (outcome.position, outcome.repeated) == (3, False)
    any_ledger.given(*(invest("acme", "beta") for _ in range(200)))
    found = stamps(any_ledger.store)
    assert len(found) == 203 == any_ledger.store.head() == any_ledger.writer.head
    assert strictly_rise(found)
    for stamp in found:
        assert datetime.fromisoformat(stamp).strftime("%Y-%m-%dT%H:%M:%S.%fZ") == stamp
        assert abs(datetime.fromisoformat(stamp) - datetime.now(UTC)) < timedelta(minutes=5)
    assert {state["recorded_by"] for state in states(any_ledger.store)} == {"tests"}


def test_a_clock_that_goes_back_does_not_turn_the_order(sqlite_store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    """The stamp goes on from the last one, a microsecond at a time, also in a process that starts later."""

    class Clock(datetime):
        hour_now = 12

        @classmethod
        def now(cls, tz: Any = None) -> Any:
            return datetime(2026, 11, 22, cls.hour_now, tzinfo=tz)

    monkeypatch.setattr(group_module, "datetime", Clock)
    for hour, expected in (
        (12, ["12:00:00.000000Z", "12:00:00.000001Z"]),
        (9, ["12:00:00.000002Z", "12:00:00.000003Z"]),
    ):
        Clock.hour_now = hour
        ledger = Ledger(sqlite_store)
        before = sqlite_store.head()
        ledger.given(entity(f"acme-{hour}"), entity(f"beta-{hour}"))
        assert [stamp.partition("T")[2] for stamp in stamps(sqlite_store)[before:]] == expected
        ledger.close()


def test_requests_that_wait_share_a_commit(sqlite_store: Store) -> None:
    """Whatever is handed in while a commit runs goes into the next one; each is answered on its own, and the wrong one
    among them hurts nobody else."""
    slow: Any = Slow(sqlite_store)
    writer = Writer(slow, lambda position: None)
    writer.submit([request(*PARTIES)]).result(WAIT_SECONDS)
    commits = slow.commits
    with slow.held():
        first = writer.submit([request(invest("acme", "beta"))])
        slow.waits.wait(WAIT_SECONDS)
        rest = [writer.submit([request(invest("acme", "nobody" if n == 30 else "beta"))]) for n in range(60)]
    answers = [future.result(WAIT_SECONDS)[0] for future in (first, *rest)]
    assert slow.commits - commits == 2
    assert [n for n, answer in enumerate(answers) if isinstance(answer, Refusal)] == [31]
    positions = [answer.position for answer in answers if isinstance(answer, Accepted)]
    assert positions == list(range(4, 64))
    writer.close()


class Slow:
    """A store whose write transactions can be held back, and fail when told to."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self.commits = 0
        self.waits = threading.Event()
        self._free = threading.Event()
        self._free.set()
        self.failures: list[tuple[str, Exception]] = []
        """What to do at the next transactions: raise "instead of" committing, or "after" it."""

    def __getattr__(self, name: str) -> Any:
        return getattr(self._store, name)

    @contextmanager
    def held(self) -> Iterator[None]:
        self.waits.clear()
        self._free.clear()
        yield
        self._free.set()

    @contextmanager
    def write(self) -> Iterator[WriteTransaction]:
        self.waits.set()
        assert self._free.wait(WAIT_SECONDS)
        when, failure = self.failures.pop(0) if self.failures else ("never", None)
        with self._store.write() as transaction:
            yield transaction
            if failure is not None and when == "instead of":
                raise failure
        self.commits += 1
        if failure is not None:
            raise failure


@pytest.fixture
def slow(sqlite_store: Store) -> Any:
    return Slow(sqlite_store)


@pytest.fixture
def slow_ledger(slow: Any) -> Iterator[Ledger]:
    ledger = Ledger(slow)
    ledger.given(*PARTIES)
    yield ledger
    ledger.close()


def test_many_threads_write_at_once(any_ledger: Ledger) -> None:
    """Every request is answered with its own positions, which the log has, and a commitment is never overdrawn."""
    any_ledger.given(*PARTIES, commit("pledge", "acme", "beta", usd("100")))

    def draw_some(_: int) -> list[Accepted | Refusal | NotTried]:
        return [any_ledger.ask(draw("pledge", usd("7")), invest("acme", "beta")) for _ in range(5)]

    with ThreadPoolExecutor(8) as threads:
        outcomes = [one for part in threads.map(draw_some, range(8)) for one in part]
    accepted = [one for one in outcomes if isinstance(one, Accepted)]
    assert len(accepted) == 14
    ids = {stored.event_id: stored.position for stored in any_ledger.store.read(0, 1000)}
    assert sorted(ids.values()) == list(range(1, 4 + 1 + 28))
    assert all(ids[event["id"]] == event["position"] for one in accepted for event in one.events)
    assert any_ledger.committed[-1] == 32
    assert strictly_rise(stamps(any_ledger.store))


# --- idempotency ------------------------------------------------------------------------------------------------


def test_the_same_key_and_body_get_the_first_answer(any_ledger: Ledger) -> None:
    """However often, whatever happened since, and from a server that started later; nothing is written again."""
    any_ledger.given(*PARTIES)
    body = [invest("acme", "beta"), invest("beta", "gamma")]
    first = taken(any_ledger.ask(*body, key="once"))
    any_ledger.given(retract(first.events[0]["id"]))
    head = any_ledger.store.head()
    again = any_ledger.ask(*body, key="once")
    assert again == replace(first, repeated=True)
    any_ledger.close()
    later = Ledger(any_ledger.store)
    assert later.ask(*body, key="once") == replace(first, repeated=True)
    assert later.refused(body[0], key="once").reason == Reason.KEY_REUSED
    assert later.store.head() == head
    assert taken(later.ask(*body, key="twice")).position == head + 2
    assert taken(later.ask(*body)).position == head + 4
    later.close()


def test_a_key_serves_once_within_one_call(ledger: Ledger) -> None:
    """Before anything of the call is committed."""
    ledger.given(*PARTIES)
    mine, other = (request(invest("acme", issuer), key="once") for issuer in ("beta", "gamma"))
    first, again, refused = ledger.submit(mine, request(invest("acme", "beta"), key="once"), other)
    assert again == replace(taken(first), repeated=True)
    assert isinstance(refused, Refusal)
    assert ledger.store.head() == 4


def test_a_refused_request_does_not_use_up_its_key(ledger: Ledger) -> None:
    """Once what was missing is there, the same request with the same key is taken; so is another."""
    ledger.given(*PARTIES)
    assert ledger.refused(invest("acme", "delta"), key="once").reason == Reason.UNKNOWN_ENTITY
    ledger.given(entity("delta"))
    assert taken(ledger.ask(invest("acme", "delta"), key="once")).repeated is False
    assert ledger.refused(invest("acme", "nobody"), key="twice").reason == Reason.UNKNOWN_ENTITY
    assert taken(ledger.ask(invest("acme", "beta"), key="twice")).repeated is False


def test_the_answer_comes_before_the_version(ledger: Ledger) -> None:
    """A repetition with If-Match gets its answer, though the record has moved on through itself."""
    ledger.given(*PARTIES)
    first = taken(ledger.ask(commit("pledge", "acme", "beta"), key="once", if_match=0))
    assert ledger.ask(commit("pledge", "acme", "beta"), key="once", if_match=0) == replace(first, repeated=True)
    assert ledger.refused(change("pledge", held=True), if_match=0).reason == Reason.VERSION_MISMATCH


# --- calls of several requests ----------------------------------------------------------------------------------


def test_each_request_of_a_call_stands_alone(ledger: Ledger) -> None:
    """Those that are refused are left out, those that build on them too, the others are taken."""
    ledger.given(*PARTIES)
    batches = [
        [entity("delta"), entity("acme")],
        [invest("acme", "delta")],
        [entity("delta")],
        [invest("acme", "delta")],
    ]
    outcomes = ledger.submit(*(request(*batch) for batch in batches))
    assert [type(one) for one in outcomes] == [Refusal, Refusal, Accepted, Accepted]
    assert ledger.store.head() == 5


@pytest.mark.parametrize("unknown", [["nobody"], []], ids=["refused", "taken: the control"])
def test_a_correction_that_is_refused_with_its_array_has_moved_nothing(ledger: Ledger, unknown: list[str]) -> None:
    """Neither for the requests of the same commit, nor for those after it."""
    ledger.given(*PARTIES)
    bought, _ = ledger.given(invest("acme", "beta", units="100"), invest("acme", "gamma", units="50"))
    moved = correct(bought, invest("acme", "gamma", units="100"))
    sale = sell("acme", "gamma", units="120")
    first, together = ledger.submit(request(moved, *(invest("acme", one) for one in unknown)), request(sale))
    after = ledger.ask(sell("acme", "gamma", units="30"))
    assert isinstance(first, Refusal if unknown else Accepted)
    assert isinstance(together, Refusal if unknown else Accepted)
    assert isinstance(after, Accepted)


def test_with_stop_nothing_is_tried_after_the_first_refusal(ledger: Ledger) -> None:
    """What was taken before it stays."""
    ledger.given(*PARTIES)
    batches = [[entity("delta")], [entity("acme")], [entity("epsilon")], [entity("acme")]]
    outcomes = ledger.submit(*(request(*batch) for batch in batches), stop=True)
    assert [type(one) for one in outcomes] == [Accepted, Refusal, NotTried, NotTried]
    assert ledger.store.head() == 4
    assert [type(one) for one in ledger.submit(*(request(entity(n)) for n in ("e", "f")), stop=True)] == [Accepted] * 2


def test_a_dry_run_writes_nothing_and_leaves_no_trace(any_ledger: Ledger) -> None:
    """Each of its requests is checked as if those before it were written; the next real one is checked without them."""
    any_ledger.given(*PARTIES, invest("acme", "beta", units="10", on="2023"))
    before = (any_ledger.store.head(), stamps(any_ledger.store))
    dry = [entity("delta"), invest("acme", "delta"), sell("acme", "beta", units="10"), sell("acme", "beta", units="1")]
    for _ in range(2):
        outcomes = any_ledger.submit(*(request(one, key=f"key-{n}") for n, one in enumerate(dry)), dry_run=True)
        assert [type(one) for one in outcomes] == [Accepted, Accepted, Accepted, Refusal]
        assert [one.position for one in outcomes[:3] if isinstance(one, Accepted)] == [5, 6, 7]
        assert (any_ledger.store.head(), stamps(any_ledger.store)) == before
    assert any_ledger.refused(invest("acme", "delta")).reason == Reason.UNKNOWN_ENTITY
    assert taken(any_ledger.ask(sell("acme", "beta", units="10"), key="key-0")).position == 5
    assert any_ledger.refused(sell("acme", "beta", units="1")).reason == Reason.OVERSOLD


def test_a_dry_run_among_others_does_not_disturb_them(slow_ledger: Ledger, slow: Any) -> None:
    """Even when all of them wait for the same commit."""
    with slow.held():
        futures = [slow_ledger.writer.submit([request(entity(f"a{n}"))], dry_run=n == 1) for n in range(3)]
        futures.append(slow_ledger.writer.submit([request(invest("a0", "a1"))]))
        futures.append(slow_ledger.writer.submit([request(invest("a0", "a2"))]))
    kinds = [type(future.result(WAIT_SECONDS)[0]) for future in futures]
    assert kinds == [Accepted, Accepted, Accepted, Refusal, Accepted]
    assert slow_ledger.store.head() == 6


# --- what goes wrong --------------------------------------------------------------------------------------------


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


# --- several writers, lost replies: PostgreSQL ------------------------------------------------------------------


class OneCut(Wire):
    """Cuts one line, then lets everything through."""

    def hang_up(self, *lines: Any) -> None:
        self.cut = "never"
        super().hang_up(*lines)


@pytest.mark.parametrize("cut", ["after", "before"])
def test_a_lost_reply_to_commit_is_answered_once(database_url: str, cut: Any) -> None:
    """Whether the server did it or not: the writer finds out, answers once, and the event is there once."""
    wire = OneCut(database_url)
    store = open_store(None, wire.url)
    ledger = Ledger(store)
    ledger.given(*PARTIES)
    wire.cut = cut
    outcome = taken(ledger.ask(invest("acme", "beta"), invest("acme", "gamma"), key="once"))
    assert wire.cuts == 1
    assert (outcome.position, outcome.repeated) == (5, False)
    assert [stored.event_id for stored in store.read(3, 9)] == [one["id"] for one in outcome.events]
    assert ledger.ask(invest("acme", "beta"), invest("acme", "gamma"), key="once") == replace(outcome, repeated=True)
    ledger.close()
    store.close()
    wire.listener.close()


def test_replies_that_stay_lost_are_unavailable(database_url: str) -> None:
    """The control of the test above: while every reply is lost nobody is told that the event is stored."""
    wire = Wire(database_url)
    store = open_store(None, wire.url)
    ledger = Ledger(store)
    ledger.given(*PARTIES)
    wire.cut = "after"
    with pytest.raises(Unavailable):
        ledger.ask(invest("acme", "beta"), key="once")
    wire.cut = "never"
    again = taken(ledger.ask(invest("acme", "beta"), key="once"))
    assert (again.position, again.repeated, store.head()) == (4, True, 4)
    ledger.close()
    store.close()
    wire.listener.close()


PROCESS = """
import json, sys
from ledger.head import Head
from ledger.store import open_store
from ledger.writer import Accepted, Writer
from tests.facts import invest, sell, usd
from tests.ledgers import request

url, investor, mode = sys.argv[1:]
if mode == "blind":
    begin = Head.begin
    def blind(self, store):
        begin(self, store)
        Head.begin = lambda self, store: (self._forget_pending(), setattr(self, "_store", store))
    Head.begin = blind
store = open_store(None, url)
writer = Writer(store, lambda position: None)
told = []
print("ready", flush=True)
sys.stdin.readline()
for _ in range(25):
    batch = [invest(investor, "beta", usd("3"), commitment="pledge")]
    if mode != "blind":  # of one record: its version alone would show that others wrote
        batch += [sell("gamma", "beta", units="3"), invest("gamma", "acme")]
    futures = [writer.submit([request(one)]) for one in batch]
    for [outcome] in (future.result(60) for future in futures):
        told += outcome.events if isinstance(outcome, Accepted) else []
writer.close()
store.close()
print(json.dumps(told))
"""
INVESTORS = ("one", "two", "three")


def contend(database_url: str, mode: str) -> tuple[Store, list[dict[str, Any]]]:
    """Three processes, each an investor of its own, draw 3 at a time on a commitment of 100, and all sell 3 at a time
    of gamma's 100 units. Gives the store that they wrote to and what they were told."""
    store = open_store(None, database_url)
    ledger = Ledger(store)
    ledger.given(*PARTIES, *entities(*INVESTORS), commit("pledge", "acme", "beta", usd("100")))
    ledger.given(invest("gamma", "beta", units="100", on="2022"))
    ledger.close()
    root = Path(__file__).parents[2]
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "cwd": root, "text": True}
    processes: list[subprocess.Popen[str]] = [
        subprocess.Popen([sys.executable, "-c", PROCESS, database_url, name, mode], **pipes)  # type: ignore[call-overload]
        for name in INVESTORS
    ]
    for process in processes:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
    for process in processes:
        assert process.stdin is not None
        process.stdin.write("go\n")
        process.stdin.flush()
    told = []
    for process in processes:
        out, _ = process.communicate(timeout=120)
        assert process.returncode == 0
        told += json.loads(out)
    return store, told


def drawn_and_sold(store: Store) -> tuple[int, int]:
    found = states(store)
    draws = [state for state in found if state["data"].get("commitment") and state["type"] == "investment.made"]
    return 3 * len(draws), 3 * sum(state["type"] == "investment.sold" for state in found)


def test_writers_in_several_processes_keep_the_rules_and_the_order(database_url: str) -> None:
    """Positions have no gap, stamps rise with them, each answer is true, and together they neither overdraw a
    commitment nor oversell a holding."""
    store, told = contend(database_url, "as it is")
    events = store.read(0, 10_000)
    assert [stored.position for stored in events] == list(range(1, len(events) + 1))
    assert strictly_rise(stamps(store))
    at = {stored.event_id: stored.position for stored in events}
    assert {one["id"]: one["position"] for one in told} == {name: place for name, place in at.items() if place > 8}
    assert len(told) == len(events) - 8 == 33 + 33 + 75
    assert drawn_and_sold(store) == (99, 99)
    versions = [stored.version for stored in events if stored.stream == "holding/gamma/beta/equity"]
    assert versions == list(range(1, 35))
    store.close()


def test_writers_that_do_not_look_would_overdraw(database_url: str) -> None:
    """The control: with heads that don't see what others wrote, the rule doesn't hold."""
    store, _ = contend(database_url, "blind")
    assert drawn_and_sold(store)[0] > 100
    store.close()


def test_a_request_knows_its_ids_from_the_start() -> None:
    """An event without an id gets one that stays the same through every retry."""
    one = request(entity("acme"), entity("beta", id=ident(7)))
    assert one.ids[1] == ident(7)
    assert one.ids == one.ids
    assert isinstance(one, Request)
    assert request(entity("acme")).ids != request(entity("acme")).ids
    assert today() == datetime.now(UTC).date()


def test_an_old_version_is_told_before_what_the_rules_say(ledger: Ledger) -> None:
    """Who decided on an older version reads the record again first; the rule's refusal may follow from that."""
    ledger.given(entity("acme"), entity("beta"), commit("pledge", "acme", "beta", usd("1")))
    assert ledger.refused(invest("acme", "beta", usd("2"), commitment="pledge"), if_match=7).reason == (
        Reason.VERSION_MISMATCH
    )
    [made] = [one.event_id for one in ledger.store.by_key("commitment/pledge")]
    assert ledger.refused(retract(made), if_match=0).reason == Reason.VERSION_MISMATCH
    taken(ledger.ask(retract(made), if_match=1))


def test_a_key_lasts_while_what_it_recorded_stands(any_ledger: Ledger) -> None:
    """Decided in the order of the requests: in one call, what is retracted is recorded again, and once."""
    any_ledger.given(*PARTIES)

    def line(issuer: str = "beta") -> Request:
        return replace(request(invest("acme", issuer), key="k"), while_it_stands=True)

    first, repeated = (taken(outcome) for outcome in any_ledger.submit(line(), line()))
    assert (first.repeated, repeated.repeated) == (False, True)
    [made] = first.events
    undo = request(retract(made["id"]), key="undo")
    outcomes = any_ledger.submit(undo, request(invest("acme", "beta"), key="k"), line(), line())
    retracted, for_ever, again, at_last = (taken(outcome) for outcome in outcomes)
    assert (for_ever.repeated, for_ever.events) == (True, [made])
    assert (again.repeated, again.events[0]["position"]) == (False, retracted.position + 1)
    assert (at_last.repeated, at_last.events) == (True, again.events)
    [refused] = any_ledger.submit(line("gamma"))
    assert isinstance(refused, Refusal)
    assert refused.problems[0].reason == Reason.KEY_REUSED
