"""Corrections, retractions, and what depends on whom. Each case: facts that are taken, then one that is or isn't."""

from __future__ import annotations

import json

from ledger.refusals import Reason
from ledger.times import today
from tests.facts import (
    Fact,
    change,
    claim,
    commit,
    correct,
    distribute,
    draw,
    entity,
    entity_changed,
    fact,
    guarantee,
    ident,
    invest,
    mark,
    rate,
    restrict,
    retract,
    review,
    sign,
    usd,
)
from tests.ledger.cases import (
    FIRST,
    PART,
    PARTIES,
    PLEDGE,
    SECOND,
    WHOLE,
    bought,
    cases,
    check,
    drawing,
    part_of,
    under,
)
from tests.ledgers import Ledger, taken

DELTA = entity("delta", id=ident(1))


@cases(
    ("nobody names it", [DELTA], retract(ident(1)), None),
    ("an investor", [DELTA, invest("delta", "beta")], retract(ident(1)), Reason.DEPENDED_ON),
    (
        "a retracted investment",
        [DELTA, invest("delta", "beta", id=ident(2)), retract(ident(2))],
        retract(ident(1)),
        None,
    ),
    (
        "a corrected investment",
        [DELTA, invest("delta", "beta", id=ident(2)), correct(ident(2), invest("acme", "beta"))],
        retract(ident(1)),
        None,
    ),
    (
        "corrected towards it",
        [DELTA, invest("acme", "beta", id=ident(2)), correct(ident(2), invest("delta", "beta"))],
        retract(ident(1)),
        Reason.DEPENDED_ON,
    ),
    ("a denied investment", [DELTA, invest("delta", "beta", status="denied")], retract(ident(1)), Reason.DEPENDED_ON),
    ("a parent", [DELTA, under("acme", "delta")], retract(ident(1)), Reason.DEPENDED_ON),
    ("its own change", [DELTA, entity_changed("delta", city="Ōsaka")], retract(ident(1)), Reason.DEPENDED_ON),
    ("its own sort of name", [DELTA, entity("delta-2")], retract(ident(1)), None),
    ("a word in a note", [DELTA, invest("acme", "beta", note='"delta"')], retract(ident(1)), None),
    ("a guarantor", [DELTA, guarantee("g", "delta", "acme", "beta", usd("1"))], retract(ident(1)), Reason.DEPENDED_ON),
    ("the subject of a claim", [DELTA, claim("c", about=["delta"])], retract(ident(1)), Reason.DEPENDED_ON),
    ("a payer of a claim", [DELTA, claim("c", payers=["acme", "delta"])], retract(ident(1)), Reason.DEPENDED_ON),
    ("under a restriction", [DELTA, restrict("r", "delta")], retract(ident(1)), Reason.DEPENDED_ON),
    ("what a restriction forbids", [DELTA, restrict("r", "acme", forbids=["delta"])], retract(ident(1)), None),
    (
        "registered again meanwhile",
        [DELTA, retract(ident(1), id=ident(2)), entity("delta")],
        retract(ident(2)),
        Reason.RECORD_EXISTS,
    ),
    ("a commitment with draws", [PLEDGE, drawing("1")], retract(ident(1)), Reason.DEPENDED_ON),
    ("with a change", [PLEDGE, change("pledge", held=True)], retract(ident(1)), Reason.DEPENDED_ON),
    (
        "with a distribution",
        [PLEDGE, distribute("beta", "acme", usd("1"), commitment="pledge")],
        retract(ident(1)),
        Reason.DEPENDED_ON,
    ),
    ("with a part", [WHOLE, PART], retract(ident(1)), Reason.DEPENDED_ON),
    (
        "with a part by its event",
        [WHOLE, commit("part", "acme", "beta", part_of=ident(1))],
        retract(ident(1)),
        Reason.DEPENDED_ON,
    ),
    ("with a part no longer", [WHOLE, PART, correct(ident(2), part_of("part", None))], retract(ident(1)), None),
    (
        "with what overlaps",
        [WHOLE, commit("other", "acme", "beta", overlaps="whole")],
        retract(ident(1)),
        Reason.DEPENDED_ON,
    ),
    (
        "linked",
        [bought(id=ident(1)), sign("deal", "acme", "beta", linked=[ident(1)])],
        retract(ident(1)),
        Reason.DEPENDED_ON,
    ),
    (
        "a member of a claim",
        [bought(id=ident(1)), claim("c", members=[ident(1)])],
        retract(ident(1)),
        Reason.DEPENDED_ON,
    ),
    ("denied by a claim", [bought(id=ident(1)), claim("c", denies=ident(1))], retract(ident(1)), Reason.DEPENDED_ON),
    ("a second source of it", [FIRST, SECOND], retract(ident(1)), None),
    ("a review of it", [FIRST, review(ident(1))], retract(ident(1)), None),
    (
        "linked, and corrected",
        [
            bought(id=ident(1)),
            sign("deal", "acme", "beta", linked=[ident(1)]),
            correct(ident(1), bought("5"), id=ident(2)),
        ],
        retract(ident(2)),
        None,
    ),
    (
        "linked, and nothing left of it",
        [
            bought(id=ident(1)),
            sign("deal", "acme", "beta", linked=[ident(1)]),
            correct(ident(1), bought("5"), id=ident(2)),
            retract(ident(1)),
        ],
        retract(ident(2)),
        Reason.DEPENDED_ON,
    ),
    (
        "restored without its party",
        [DELTA, invest("delta", "beta", id=ident(2)), retract(ident(2), id=ident(3)), retract(ident(1))],
        retract(ident(3)),
        Reason.UNKNOWN_ENTITY,
    ),
    (
        "restored without its commitment",
        [PLEDGE, drawing("1", id=ident(2)), retract(ident(2), id=ident(3)), retract(ident(1))],
        retract(ident(3)),
        Reason.UNKNOWN_RECORD,
    ),
    (
        "restored without its link",
        [
            bought(id=ident(1)),
            sign("deal", "acme", "beta", linked=[ident(1)], id=ident(2)),
            retract(ident(2), id=ident(3)),
            retract(ident(1)),
        ],
        retract(ident(3)),
        Reason.UNKNOWN_EVENT,
    ),
    (
        "restored by a correction's retraction",
        [
            DELTA,
            invest("delta", "beta", id=ident(2)),
            correct(ident(2), invest("acme", "beta"), id=ident(3)),
            retract(ident(1)),
        ],
        retract(ident(3)),
        Reason.UNKNOWN_ENTITY,
    ),
    (
        "restored without its first source",
        [FIRST, SECOND, retract(ident(2), id=ident(3)), retract(ident(1))],
        retract(ident(3)),
        None,
    ),
    (
        "restored with all it names",
        [DELTA, invest("delta", "beta", id=ident(2)), retract(ident(2), id=ident(3))],
        retract(ident(3)),
        None,
    ),
)
def test_what_others_depend_on_stays(ledger: Ledger, given: list[Fact], then: Fact, reason: Reason | None) -> None:
    """Nothing is retracted that something live names, and nothing comes back that names what is gone."""
    check(ledger, given, then, reason)


def test_a_record_that_was_retracted_can_be_made_anew(ledger: Ledger) -> None:
    """Its id is free again; the event's isn't."""
    ledger.given(*PARTIES, PLEDGE, retract(ident(1)))
    assert ledger.refused(drawing("1")).reason == Reason.UNKNOWN_RECORD
    assert ledger.refused(PLEDGE).reason == Reason.EVENT_EXISTS
    ledger.given(commit("pledge", "beta", "gamma", usd("7")), draw("pledge", usd("7")))
    assert ledger.refused(draw("pledge", usd("1"))).reason == Reason.OVERDRAWN


def test_known_defaults_to_today_and_for_reference_data_to_its_own_day(ledger: Ledger) -> None:
    """Registrations and rates are known from the last day of their effective date, never after today."""
    this_year = f"{today().year}/{today().year + 1}"
    given = [entity("delta", on="2015-Q2"), rate("EUR", "USD", "1.1", on="2023"), entity("later", on=this_year)]
    ledger.given(*PARTIES, *given, bought(on="2023"))
    states = [json.loads(stored.state) for stored in ledger.store.read(3, 10)]
    now = today().isoformat()
    assert [state["known"] for state in states] == ["2015-06-30", "2023-12-31", now, now]
    ledger.given(retract(states[-1]["id"], known=now), review(states[0]["id"], known="2024-01-01"))
    assert [json.loads(stored.state)["effective"] for stored in ledger.store.read(7, 10)] == [now, "2024-01-01"]


@cases(
    (
        "the day of its target",
        [bought(id=ident(1), known="2023-02-01")],
        correct(ident(1), bought(), known="2023-02-01"),
        None,
    ),
    (
        "the day before",
        [bought(id=ident(1), known="2023-02-01")],
        correct(ident(1), bought(), known="2023-01-31"),
        Reason.KNOWN_BEFORE_TARGET,
    ),
    (
        "before the correction it corrects",
        [bought(id=ident(1), known="2023-02-01"), correct(ident(1), bought(), known="2023-03-01", id=ident(2))],
        correct(ident(2), bought(), known="2023-02-15"),
        Reason.KNOWN_BEFORE_TARGET,
    ),
    (
        "a replacement known before it",
        [bought(id=ident(1), known="2023-02-01")],
        correct(ident(1), bought(known="2022-01-01"), known="2023-02-01"),
        None,
    ),
    (
        "a retraction may be known earlier",
        [bought(id=ident(1), known="2023-02-01")],
        retract(ident(1), known="2023-01-01"),
        None,
    ),
)
def test_a_correction_is_not_known_before_its_target(
    ledger: Ledger, given: list[Fact], then: Fact, reason: Reason | None
) -> None:
    check(ledger, given, then, reason)


def test_what_looks_odd_is_taken_with_a_warning(ledger: Ledger) -> None:
    """A name like another's (also in other letters), and a draw that reaches somebody else."""
    ledger.given(*PARTIES, commit("pledge", "acme", "beta"), entity("tokyo", "place"), commit("local", "acme", "tokyo"))
    for wrong, right in [
        (fact("entity.registered", "2015", {"entity": "acme-2", "name": "Асmе", "kind": "company"}), entity("delta")),
        (invest("acme", "gamma", commitment="pledge", amount=usd("1")), drawing("1")),
        (
            invest("acme", "gamma", commitment="pledge", amount=usd("1")),
            invest("acme", "gamma", usd("1"), commitment="local"),
        ),
    ]:
        assert len(taken(ledger.submit_dry(wrong)).warnings) == 1
        assert taken(ledger.submit_dry(right)).warnings == []


def test_rules_of_claims_marks_and_restrictions_are_about_what_they_name(ledger: Ledger) -> None:
    """They touch no commitment, contract or holding."""
    ledger.given(*PARTIES, mark("beta", usd("1")), claim("c", value=usd("1"), members=["acme"]), restrict("r", "acme"))
    assert ledger.refused(mark("bta", usd("1"))).reason == Reason.UNKNOWN_ENTITY
    assert ledger.refused(restrict("r", "beta")).reason == Reason.RECORD_EXISTS
