"""Every reason for which the ledger says no: what provokes it, where it points, what it says, how it is mended, and
that nothing was written.

Each case: given these facts (taken), this batch is refused for this reason at this place, and its nearest neighbour
that isn't wrong is taken. The refused event comes last, behind one that would be taken alone, so that each case also
shows that a batch is taken whole or not at all.
"""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Any

import pytest

from ledger.refusals import Problem, Reason, Refusal, refuse
from ledger.store import Store
from ledger.writer import Outcome, Writer
from tests.facts import (
    commit,
    draw,
    entity,
    ident,
    invest,
    usd,
)
from tests.ledger.cases import PARTIES
from tests.ledger.refused import CASES, Case
from tests.ledgers import WAIT_SECONDS, Ledger, request, taken

# Given by a door that reads bytes, before there is an event: tested with the doors.
AT_THE_DOOR = {Reason.MALFORMED}


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
