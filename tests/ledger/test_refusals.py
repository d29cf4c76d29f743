"""Every reason for which the ledger says no: what provokes it, where it points, what it says, how it is mended, and
that nothing was written.

Each case: given these facts (taken), this batch is refused for this reason at this place, and its nearest neighbour
that isn't wrong is taken. The refused event comes last, behind one that would be taken alone, so that each case also
shows that a batch is taken whole or not at all.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any

import pytest

from ledger.refusals import Problem, Reason, Refusal, refuse
from ledger.store import Store
from ledger.times import today
from ledger.writer import Outcome, Writer
from tests.facts import (
    Fact,
    attachment,
    bill,
    change,
    claim,
    close,
    commit,
    correct,
    draw,
    entities,
    entity,
    entity_changed,
    erase,
    fact,
    ident,
    invest,
    mark,
    rate,
    retract,
    review,
    sell,
    sign,
    usd,
)
from tests.ledgers import WAIT_SECONDS, Ledger, request, taken

# Given by a door that reads bytes, before there is an event: tested with the doors.
AT_THE_DOOR = {Reason.MALFORMED}

PARTIES = entities("acme", "beta", "gamma")
TOMORROW = (today() + timedelta(days=1)).isoformat()
BOUGHT = invest("acme", "beta", id=ident(1), on="2023-01-01", known="2023-02-01", units="10")
ROTATED = fact(
    "key.rotated",
    "2026-01-01",
    {
        "previous": "ledger.example/deals+4104bc6c+AQOhB7/zzhC+HXDdGOdLwJln5NYwm6UNXx3chmQSVTG4",
        "key": "ledger.example/deals+d55dac7e+AXm1Vi6P5lT5QHixEuipi6eQH4U65pW+1+DjkQutBJZk",
        "reason": "It was lost.",
    },
)
BOUNDLESS = "one text that is long enough, " * 130


@dataclass(frozen=True)
class Case:
    reason: Reason
    pointer: str
    says: str
    """A pattern that the message has."""
    mends: str
    """A pattern that the advice has."""
    wrong: Fact
    right: Fact
    """What is taken: its nearest neighbour that isn't wrong."""
    given: tuple[Fact, ...] = ()


CASES = [
    # --- the shape
    Case(
        Reason.INVALID,
        "/data/instrument",
        "none of the words",
        "equity",
        invest("acme", "beta", instrument="share"),
        invest("acme", "beta"),
    ),
    Case(
        Reason.INVALID,
        "/data/colour",
        "no such field",
        "leave it out",
        invest("acme", "beta", colour="red"),
        invest("acme", "beta"),
    ),
    Case(
        Reason.UNKNOWN_TYPE,
        "/type",
        "no such",
        "investment.made",
        fact("investment.maid", "2023", {}),
        invest("acme", "beta"),
    ),
    Case(
        Reason.INVALID_DATE,
        "/effective",
        "2023-02-29",
        "a day, month, quarter",
        invest("acme", "beta", on="2023-02-29"),
        invest("acme", "beta", on="2023-02-28"),
    ),
    Case(
        Reason.INVALID_AMOUNT,
        "/data/amount/amount",
        "decimal",
        "digits",
        invest("acme", "beta", usd("1e9")),
        invest("acme", "beta", usd("1000000000")),
    ),
    Case(
        Reason.NEGATIVE_AMOUNT,
        "/data/amount/amount",
        "below zero",
        "event type",
        invest("acme", "beta", usd("-1")),
        invest("acme", "beta", usd("0")),
    ),
    Case(
        Reason.UNKNOWN_CURRENCY,
        "/data/quote",
        "ISO 4217",
        "capital letters",
        rate("EUR", "ECU", "1"),
        rate("EUR", "USD", "1"),
    ),
    Case(
        Reason.INVALID_TEXT,
        "/data/name",
        "U\\+202E",
        "leave it out",
        fact("entity.registered", "2015", {"entity": "delta", "name": "De\u202elta", "kind": "fund"}),
        entity("delta"),
    ),
    Case(
        Reason.TOO_LARGE,
        "",
        "65535",
        "shorten|split",
        commit("pledge", "acme", "beta", conditions=[BOUNDLESS] * 20),
        commit("pledge", "acme", "beta", conditions=[BOUNDLESS] * 15),
    ),
    # --- times
    Case(
        Reason.KNOWN_IN_FUTURE,
        "/known",
        TOMORROW,
        "effective",
        invest("acme", "beta", known=TOMORROW),
        invest("acme", "beta", known=today().isoformat(), on="2099"),
    ),
    Case(
        Reason.KNOWN_IN_FUTURE,
        "/data/replacement/known",
        TOMORROW,
        "effective",
        correct(ident(1), {**BOUGHT, "known": TOMORROW}),
        correct(ident(1), BOUGHT),
        (BOUGHT,),
    ),
    Case(
        Reason.KNOWN_BEFORE_TARGET,
        "/known",
        "2023-02-01",
        "that day or a later",
        correct(ident(1), BOUGHT, known="2023-01-31"),
        correct(ident(1), BOUGHT, known="2023-02-01"),
        (BOUGHT,),
    ),
    # --- what must exist
    Case(
        Reason.UNKNOWN_ENTITY,
        "/data/issuer",
        "bta",
        "did you mean beta.*entity.registered",
        invest("acme", "bta"),
        invest("acme", "beta"),
    ),
    Case(
        Reason.UNKNOWN_ENTITY,
        "/data/entity",
        "bta",
        "did you mean beta",
        entity_changed("bta", city="Ōsaka"),
        entity_changed("beta", city="Ōsaka"),
    ),
    Case(
        Reason.UNKNOWN_ENTITY,
        "/data/parent",
        "zzz",
        "^register it first",
        entity("delta", parent="zzz"),
        entity("delta", parent="acme"),
    ),
    Case(
        Reason.UNKNOWN_RECORD,
        "/data/commitment",
        "no commitment plegde",
        "commitment.made",
        draw("plegde", usd("1")),
        draw("pledge", usd("1")),
        (commit("pledge", "acme", "beta"),),
    ),
    Case(
        Reason.UNKNOWN_RECORD,
        "/data/part_of",
        "programme",
        "commitment.*event",
        commit("pledge", "acme", "beta", part_of="programme"),
        commit("pledge", "acme", "beta", part_of="acme"),
    ),
    Case(
        Reason.UNKNOWN_RECORD,
        "/data/members/1",
        "nobody",
        "record it first",
        claim("total", members=["acme", "nobody"]),
        claim("total", members=["acme", "beta"]),
    ),
    Case(
        Reason.UNKNOWN_EVENT,
        "/data/linked",
        ident(77),
        "GET /v1/events",
        invest("acme", "beta", linked=ident(77)),
        invest("acme", "beta", linked=ident(1)),
        (BOUGHT,),
    ),
    Case(
        Reason.UNKNOWN_EVENT,
        "/same_as",
        ident(77),
        "GET /v1/events",
        invest("acme", "beta", same_as=ident(77)),
        invest("acme", "beta", same_as=ident(1)),
        (BOUGHT,),
    ),
    Case(
        Reason.UNKNOWN_EVENT,
        "/same_as",
        "no fact",
        ident(1),
        invest("acme", "beta", same_as=ident(2)),
        invest("acme", "beta", same_as=ident(1)),
        (BOUGHT, correct(ident(1), BOUGHT, id=ident(2))),
    ),
    Case(
        Reason.UNKNOWN_EVENT,
        "/data/linked",
        "retracted",
        "live",
        invest("acme", "beta", linked=ident(2)),
        invest("acme", "beta", linked=ident(1)),
        (BOUGHT, {**BOUGHT, "id": ident(2)}, retract(ident(2))),
    ),
    Case(
        Reason.UNKNOWN_EVENT,
        "/data/event",
        ident(77),
        "GET /v1/events",
        retract(ident(77)),
        retract(ident(1)),
        (BOUGHT,),
    ),
    Case(
        Reason.UNKNOWN_EVENT,
        "/data/event",
        ident(77),
        "GET /v1/events",
        correct(ident(77), BOUGHT),
        correct(ident(1), BOUGHT),
        (BOUGHT,),
    ),
    Case(
        Reason.UNKNOWN_EVENT,
        "/data/events/1",
        ident(77),
        "GET /v1/events",
        review(ident(1), ident(77)),
        review(ident(1)),
        (BOUGHT,),
    ),
    Case(
        Reason.RECORD_EXISTS,
        "/data/commitment",
        "commitment pledge exists",
        "commitment.changed",
        commit("pledge", "beta", "acme"),
        commit("pledge-2", "beta", "acme"),
        (commit("pledge", "acme", "beta"),),
    ),
    Case(
        Reason.RECORD_EXISTS, "/data/entity", "entity acme exists", "entity.changed", entity("acme"), entity("acme-2")
    ),
    Case(
        Reason.EVENT_EXISTS,
        "/id",
        ident(1),
        "make a new one",
        invest("beta", "acme", id=ident(1)),
        invest("beta", "acme", id=ident(2)),
        (BOUGHT, retract(ident(1))),
    ),
    # --- the rules of the records
    Case(
        Reason.OWN_ISSUER, "/data", "its own issuer", "from = to", invest("acme", "acme"), commit("own", "acme", "acme")
    ),
    Case(
        Reason.OVERDRAWN,
        "/data/amount",
        "100.01 USD of a binding 100",
        "commitment.changed",
        draw("pledge", usd("100.01")),
        draw("pledge", usd("100")),
        (commit("pledge", "acme", "beta"),),
    ),
    Case(
        Reason.DRAWN_AFTER_CLOSE,
        "/effective",
        "2023-07-01.*2023-06-30",
        "before the close",
        draw("pledge", usd("1"), on="2023-07-01"),
        draw("pledge", usd("1"), on="2023-06-30"),
        (commit("pledge", "acme", "beta"), close("pledge")),
    ),
    Case(
        Reason.BELOW_DRAWN,
        "/data/amount",
        "60 USD is drawn, more than 59",
        "raise the amount",
        change("pledge", amount=usd("59")),
        change("pledge", amount=usd("60")),
        (commit("pledge", "acme", "beta"), draw("pledge", usd("60"))),
    ),
    Case(
        Reason.OVERSOLD,
        "/data/units",
        "2023-06-30 more units",
        "purchase first",
        sell("acme", "beta", units="10.5"),
        sell("acme", "beta", units="10"),
        (BOUGHT,),
    ),
    Case(
        Reason.OVERBILLED,
        "/data/amount",
        "101 USD of 100",
        "contract.changed",
        bill("deal", usd("41")),
        bill("deal", usd("40")),
        (sign("deal", "acme", "beta", take_or_pay=False), bill("deal", usd("60"))),
    ),
    Case(
        Reason.PARENT_CIRCLE,
        "/data/parent",
        "acme → beta → acme",
        "parent null",
        entity_changed("acme", parent="beta"),
        entity_changed("acme", parent="gamma"),
        (entity_changed("beta", parent="acme"),),
    ),
    Case(
        Reason.REFERENCE_CIRCLE,
        "/data/replacement/same_as",
        "back to where it started",
        "isn't this one",
        correct(ident(1), {**BOUGHT, "same_as": ident(2)}),
        correct(ident(1), BOUGHT),
        (BOUGHT, {**BOUGHT, "id": ident(2), "same_as": ident(1)}),
    ),
    Case(
        Reason.REFERENCE_CIRCLE,
        "/data/replacement/data/part_of",
        "back to where it started",
        "isn't this one",
        correct(ident(1), commit("whole", "acme", "beta", part_of="part")),
        correct(ident(1), commit("whole", "acme", "beta")),
        (commit("whole", "acme", "beta", id=ident(1)), commit("part", "acme", "beta", part_of="whole")),
    ),
    # --- corrections and retractions
    Case(
        Reason.NOT_LIVE,
        "/data/event",
        "retracted already",
        "retract its retraction",
        retract(ident(1)),
        retract(ident(3)),
        (BOUGHT, retract(ident(1)), {**BOUGHT, "id": ident(3)}),
    ),
    Case(
        Reason.NOT_LIVE,
        "/data/event",
        "retracted already",
        "retract its retraction",
        correct(ident(1), BOUGHT),
        correct(ident(3), BOUGHT),
        (BOUGHT, retract(ident(1)), {**BOUGHT, "id": ident(3)}),
    ),
    Case(
        Reason.ALREADY_ERASED,
        "/data/attachment",
        "was erased",
        "under another id",
        attachment("terms", "acme"),
        attachment("other-terms", "acme"),
        (attachment("terms", "acme"), erase("terms")),
    ),
    Case(
        Reason.LEDGER_ONLY,
        "/type",
        "by the ledger itself",
        "leave it out",
        ROTATED,
        BOUGHT,
    ),
    Case(
        Reason.NOT_CORRECTABLE,
        "/data/event",
        "is a retraction",
        "retracting it",
        correct(ident(2), BOUGHT),
        retract(ident(2)),
        (BOUGHT, retract(ident(1), id=ident(2))),
    ),
    Case(
        Reason.DIFFERENT_RECORD,
        "/data/replacement/type",
        "investment.made",
        "retract the fact",
        correct(ident(1), sell("acme", "beta", all=True)),
        correct(ident(1), BOUGHT),
        (BOUGHT,),
    ),
    Case(
        Reason.DIFFERENT_RECORD,
        "/data/replacement/data",
        "commitment/pledge",
        "retract the fact",
        correct(ident(1), commit("promise", "acme", "beta")),
        correct(ident(1), commit("pledge", "acme", "gamma")),
        (commit("pledge", "acme", "beta", id=ident(1)),),
    ),
    Case(
        Reason.DEPENDED_ON,
        "/data/event",
        "1 other events speak of commitment pledge",
        "retract those first",
        retract(ident(1)),
        retract(ident(2)),
        (commit("pledge", "acme", "beta", id=ident(1)), draw("pledge", usd("1"), id=ident(2))),
    ),
    Case(
        Reason.DEPENDED_ON,
        "/data/event",
        f"{ident(2)} name delta",
        "correct or retract those",
        retract(ident(1)),
        retract(ident(2)),
        (entity("delta", id=ident(1)), mark("delta", usd("1"), id=ident(2))),
    ),
]


SHAPE = {
    Reason.INVALID,
    Reason.UNKNOWN_TYPE,
    Reason.INVALID_DATE,
    Reason.INVALID_AMOUNT,
    Reason.NEGATIVE_AMOUNT,
    Reason.UNKNOWN_CURRENCY,
    Reason.INVALID_TEXT,
    Reason.OWN_ISSUER,
}


@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case.reason}{case.pointer}")
def test_a_refusal_says_what_where_and_how_to_mend_it(ledger: Ledger, case: Case) -> None:
    """Alone, and at the end of a batch of which then nothing is taken; without what is wrong it is all taken."""
    ledger.given(*PARTIES, *case.given)
    for batch in ([case.wrong], [invest("gamma", "beta"), case.wrong]):
        problem = ledger.refused(*batch)
        # What is of no form is told before it is known which event of a batch it is.
        place = case.pointer if case.reason in SHAPE else f"/{len(batch) - 1}{case.pointer}"
        assert (problem.reason, problem.pointer) == (case.reason, place)
        assert re.search(case.says, problem.detail)
        assert re.search(case.mends, problem.mend)
    ledger.given(invest("gamma", "beta"), case.right)


def test_another_version_of_the_record_is_refused(ledger: Ledger) -> None:
    """If-Match is compared with the version of the record that the first event belongs to, 0 for a new one."""
    ledger.given(*PARTIES)
    new = commit("pledge", "acme", "beta")
    for version in (1, 2):
        problem = ledger.refused(new, if_match=version)
        assert (problem.reason, problem.pointer) == (Reason.VERSION_MISMATCH, "/0")
        assert f"commitment/pledge is at version 0, not {version}" in problem.detail
        assert "read the record again" in problem.mend
    assert not isinstance(ledger.ask(new, if_match=0), Refusal)
    change_it = draw("pledge", usd("1"))
    assert ledger.refused(change_it, if_match=0).reason == Reason.VERSION_MISMATCH
    assert not isinstance(ledger.ask(change_it, draw("pledge", usd("2")), if_match=1), Refusal)
    assert not isinstance(ledger.ask(change_it, if_match=3), Refusal)


def test_an_idempotency_key_with_another_body_is_refused(ledger: Ledger) -> None:
    """The first body gets the first answer, and any other is told so."""
    ledger.given(*PARTIES)
    first = ledger.ask(invest("acme", "beta"), key="once")
    problem = ledger.refused(invest("acme", "gamma"), key="once")
    assert (problem.reason, problem.pointer) == (Reason.KEY_REUSED, "")
    assert "another body" in problem.detail
    assert "new key" in problem.mend
    again = ledger.ask(invest("acme", "beta"), key="once")
    assert replace(again, repeated=False) == first  # type: ignore[type-var]


def test_a_log_that_is_not_what_was_signed_takes_nothing(sqlite_store: Store) -> None:
    """Neither for real nor on trial; what was recorded before is answered again under its key. As soon as nothing is
    wrong any more, the control, it goes on."""
    wrong: list[str] = []
    writer = Writer(sqlite_store, lambda head: None, forbidden=lambda: wrong[0] if wrong else None)
    try:

        def submitted(name: str, *, dry_run: bool = False) -> Outcome:
            [outcome] = writer.submit([request(entity(name), key=name)], dry_run=dry_run).result(WAIT_SECONDS)
            return outcome

        first = taken(submitted("ant"))
        wrong.append("an older state was restored")
        for dry_run in (False, True):
            refusal = submitted("bee", dry_run=dry_run)
            assert isinstance(refusal, Refusal)
            assert [(one.reason, one.detail) for one in refusal.problems] == [(Reason.READ_ONLY, wrong[0])]
        assert sqlite_store.head() == 1
        again = taken(submitted("ant"))
        assert (again.events, again.repeated) == (first.events, True)
        wrong.clear()
        assert taken(submitted("bee")).position == 2
    finally:
        writer.close()


OTHERWISE_TESTED = {
    Reason.VERSION_MISMATCH: test_another_version_of_the_record_is_refused,
    Reason.READ_ONLY: test_a_log_that_is_not_what_was_signed_takes_nothing,
    Reason.KEY_REUSED: test_an_idempotency_key_with_another_body_is_refused,
}


def test_every_reason_is_provoked() -> None:
    """No member of the list is without a case, and no case is listed twice as something else."""
    assert {case.reason for case in CASES} | set(OTHERWISE_TESTED) | AT_THE_DOOR == set(Reason)
    assert not {case.reason for case in CASES} & (set(OTHERWISE_TESTED) | AT_THE_DOOR)


def test_every_event_of_a_batch_that_is_wrong_points_to_itself(ledger: Ledger) -> None:
    """The pointer starts with the place in the batch; with several unknown ids all are named at once."""
    ledger.given(*PARTIES)
    found = ledger.problems(invest("acme", "beta"), invest("acm", "bta", same_as=ident(5)))
    assert {(one.reason, one.pointer) for one in found} == {
        (Reason.UNKNOWN_ENTITY, "/1/data/investor"),
        (Reason.UNKNOWN_ENTITY, "/1/data/issuer"),
        (Reason.UNKNOWN_EVENT, "/1/same_as"),
    }


def test_a_batch_may_build_on_itself(ledger: Ledger) -> None:
    """What comes later in a batch may name what comes earlier; in the other order it is refused."""
    batch = [*PARTIES, commit("pledge", "acme", "beta"), draw("pledge", usd("100"))]
    assert ledger.refused(*batch[:-2], *batch[:-3:-1]).reason == Reason.UNKNOWN_RECORD
    assert ledger.refused(*batch, draw("pledge", usd("1"))).reason == Reason.OVERDRAWN
    assert ledger.store.head() == 0
    outcome: Any = ledger.ask(*batch)
    assert outcome.position == ledger.store.head() == len(batch)


def test_a_problem_seen_from_further_out_points_deeper() -> None:
    problem = Problem(Reason.OVERDRAWN, "/data/amount", "too much", "less")
    assert Refusal(problem).under("/3").problems == (replace(problem, pointer="/3/data/amount"),)
    assert str(refuse(Reason.TOO_LARGE, "", "it is long", "cut it")) == "too_large at /: it is long"
