"""The append path: order and stamps, all or nothing, one answer per idempotency key."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from ledger import group as group_module
from ledger.refusals import Reason, Refusal
from ledger.store import Store
from ledger.writer import Accepted, NotTried, Request, Writer
from tests.facts import change, commit, correct, draw, entity, ident, invest, retract, sell, usd
from tests.ledger.cases import PARTIES
from tests.ledger.slow import Slow, slow, slow_ledger
from tests.ledger.written import stamps, states, strictly_rise
from tests.ledgers import WAIT_SECONDS, Ledger, request, taken

__all__ = ["slow", "slow_ledger"]


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


# --- ids, versions ------------------------------------------------------------------------------------------------


def test_a_request_knows_its_ids_from_the_start() -> None:
    """An event without an id gets one that stays the same through every retry."""
    one = request(entity("acme"), entity("beta", id=ident(7)))
    assert one.ids[1] == ident(7)
    assert one.ids == one.ids
    assert request(entity("acme")).ids != request(entity("acme")).ids


def test_an_old_version_is_told_before_what_the_rules_say(ledger: Ledger) -> None:
    """Who decided on an older version reads the record again first; the rule's refusal may follow from that."""
    ledger.given(entity("acme"), entity("beta"), commit("pledge", "acme", "beta", usd("1")))
    assert ledger.refused(invest("acme", "beta", usd("2"), commitment="pledge"), if_match=7).reason == (
        Reason.VERSION_MISMATCH
    )
    [made] = [one.event_id for one in ledger.store.by_key("commitment/pledge")]
    assert ledger.refused(retract(made), if_match=0).reason == Reason.VERSION_MISMATCH
    taken(ledger.ask(retract(made), if_match=1))
