"""Events as submitted: a full example of every type is taken, and any other form is refused by reason and place."""

from __future__ import annotations

import json
from collections.abc import Iterator
from copy import deepcopy
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ledger.event import (
    ABOUT_EVENTS,
    PROBLEMS_TOLD,
    TYPES,
    Event,
    Origin,
    event_schema,
    keys_of,
    parse_event,
    references,
    state_text,
)
from ledger.refusals import Problem, Reason, Refusal
from tests import facts
from tests.facts import Fact, ident, stake, usd

SOURCE = {
    "url": "https://example.com/a?b=c#d",
    "title": "Ａ title, “quoted” — 東京",
    "publisher": "The Paper",
    "published": "2023-09",
    "anchor": "2023-09-25/2023-09-26",
    "quote": "They said:\n\t“up to $4 billion”",
    "sha256": "0123456789abcdef" * 4,
}
MONEY = {**usd("3", low="2", high="4", high_open=True), "original": "between two and four"}
SPAN = {"start": "2023", "end": "2027-Q1"}
TERM = {**SPAN, "months": 48}

OLD_KEY = "ledger.example/deals+4104bc6c+AQOhB7/zzhC+HXDdGOdLwJln5NYwm6UNXx3chmQSVTG4"
WITNESS_KEY = "witness.example/w1+20324abe+BCmsuuFBvMrwsi4alNNNC8c2HlJtC/4SyJeUvJMilm3X"

# Every field of every type, each with a value that it takes.
# A reviewer is anybody's name, and no party.
REVIEWER = "An auditor"
FULL: dict[str, dict[str, Any]] = {
    "entity.registered": {
        "entity": "acme-2",
        "name": "Acmé",
        "kind": "company",
        "parent": "acme",
        "manager": "manager",
        "country": "JP",
        "city": "東京",
        "sector": "AI",
        "state": "active",
        "lei": "5493001KJTIIGC8Y1R12",
        "aliases": ["Acme", "ACME"],
        "names": {"ja": "アクメ", "zh-Hant": "艾克米"},
    },
    "entity.changed": {
        "entity": "acme-2",
        "name": "Acmé",
        "kind": "fund",
        "parent": None,
        "manager": None,
        "country": "JP",
        "city": "Ōsaka",
        "sector": "AI",
        "state": "merged",
        "lei": None,
        "aliases": [],
        "names": ["アクメ", {"text": "艾克米", "lang": "zh"}],
    },
    "commitment.made": {
        "commitment": "acme-beta-2023",
        "from": "acme",
        "to": "beta",
        "amount": MONEY,
        "purpose": "capex",
        "binding": False,
        "stage": "negotiation",
        "form": ["cash", "cloud_credit"],
        "horizon": SPAN,
        "conditions": ["approval", "a profit"],
        "part_of": "programme",
        "overlaps": [ident(1), "other"],
        "linked": "cloud-deal",
    },
    "commitment.changed": {
        "commitment": "acme-beta-2023",
        "amount": MONEY,
        "binding": True,
        "stage": "agreed",
        "horizon": {"end": "2030"},
        "held": False,
    },
    "commitment.closed": {"commitment": "acme-beta-2023", "outcome": "blocked", "by": "regulator"},
    "commitment.drawn": {"commitment": "acme-beta-2023", "amount": MONEY},
    "guarantee.given": {
        "guarantee": "acme-for-beta",
        "guarantor": "acme",
        "of": "beta",
        "to": "bank",
        "amount": MONEY,
        "term": TERM,
    },
    "guarantee.called": {"guarantee": "acme-for-beta", "amount": MONEY},
    "investment.made": {
        "investor": "acme",
        "issuer": "beta",
        "instrument": "convertible",
        "amount": MONEY,
        "form": "cash",
        "cash_to": "holders",
        "seller": "founder",
        "units": "1000.5",
        "stake": stake("0.49", qualifier="up_to", basis="profit_share"),
        "round": "Series B",
        "lead": True,
        "commitment": "acme-beta-2023",
        "inside_commitment": False,
        "collateral": "chips",
        "term": TERM,
        "part_of": ident(2),
        "linked": ["cloud-deal", ident(1)],
    },
    "investment.sold": {
        "holder": "acme",
        "issuer": "beta",
        "instrument": "warrant",
        "proceeds": {},
        "fraction": "0.5",
        "buyer": "founder",
    },
    "holding.observed": {
        "holder": "acme",
        "issuer": "beta",
        "instrument": "mixed",
        "units": "7",
        "stake": {"low": "0.1", "high": "0.2", "basis": "voting"},
    },
    "distribution.paid": {
        "payer": "beta",
        "holder": "acme",
        "amount": MONEY,
        "kind": "return_of_capital",
        "recallable": usd("1"),
        "commitment": "acme-beta-2023",
        "instrument": "fund_interest",
    },
    "contract.signed": {
        "contract": "cloud-deal",
        "customer": "beta",
        "provider": "acme",
        "amount": MONEY,
        "resource": "gpu",
        "binding": True,
        "term": {"months": 36},
        "exclusive": "both",
        "take_or_pay": True,
        "cancellable": False,
        "linked": [ident(1)],
    },
    "contract.changed": {"contract": "cloud-deal", "amount": MONEY, "term": TERM, "exclusive": "provider"},
    "contract.ended": {"contract": "cloud-deal", "reason": "it ran out"},
    "contract.billed": {"contract": "cloud-deal", "amount": MONEY, "period": SPAN},
    "contract.paid": {"contract": "cloud-deal", "amount": MONEY, "period": {"start": "2023-Q1"}},
    "valuation.recorded": {
        "subject": "beta",
        "value": MONEY,
        "basis": "post_money",
        "holder": "acme",
        "stake": stake("0.1"),
        "method": "by comparison",
        "level": 3,
        "price": usd("12.5"),
        "peak": True,
    },
    "rate.published": {"base": "EUR", "quote": "JPY", "rate": "158.123456789012"},
    "claim.published": {
        "claim": "tens-of-billions",
        "text": "It is a lot.",
        "kind": "forecast",
        "by": "acme",
        "about": ["beta", ident(1)],
        "denies": ident(2),
        "value": MONEY,
        "quantity": {"number": "350000", "unit": "chips"},
        "count": 12,
        "share_of": "0.4",
        "period": SPAN,
        "measures": "funding",
        "payers": ["acme"],
        "payees": ["beta"],
        "members": ["acme-beta-2023", ident(1)],
        "series": "capex a year",
        "part_of": "a-larger-claim",
    },
    "restriction.imposed": {
        "restriction": "no-guns",
        "on": ["acme", "acme-beta-2023"],
        "by": "regulator",
        "kind": "sanction",
        "text": "No guns.",
        "allows": ["US", "acme"],
        "forbids": ["weapons"],
    },
    "restriction.lifted": {"restriction": "no-guns", "reason": "peace"},
    "event.corrected": {
        "event": ident(3),
        "replacement": {
            "type": "investment.made",
            "effective": "2023-Q3",
            "known": "2023-11-05",
            "source": SOURCE,
            "status": "denied",
            "same_as": ident(4),
            "note": "what it should have said",
            "data": {"investor": "acme", "issuer": "beta", "instrument": "equity", "amount": {}},
        },
        "reason": "a slip",
    },
    "event.retracted": {"event": ident(3), "reason": "never happened"},
    "review.recorded": {
        "events": [ident(3), ident(4)],
        "verdict": "questioned",
        "comment": "Are you sure?",
        "by": REVIEWER,
    },
    "attachment.added": {
        "attachment": "agreement",
        "about": [ident(3), "acme", "acme-beta-2023"],
        "title": "The agreement",
        "media_type": "text/plain;charset=utf-8",
        "size": 12,
        "hash": f"sha256:{'0123456789abcdef' * 4}",
    },
    "attachment.erased": {"attachment": "agreement", "reason": "The parties asked for it."},
    "key.rotated": {
        "previous": "ledger.example/deals+4104bc6c+AQOhB7/zzhC+HXDdGOdLwJln5NYwm6UNXx3chmQSVTG4",
        "key": "ledger.example/deals+d55dac7e+AXm1Vi6P5lT5QHixEuipi6eQH4U65pW+1+DjkQutBJZk",
        "reason": "Whoever had the key has left.",
    },
}


def full(kind: str) -> Fact:
    envelope = {
        "id": ident(9),
        "known": "2023-11-05",
        "source": SOURCE,
        "status": "confirmed",
        "same_as": ident(8),
        "note": "one\ntwo",
    }
    return {"type": kind, "effective": "2023-Q3/2023-11-05", **deepcopy(envelope), "data": deepcopy(FULL[kind])}


def problems(submitted: Any) -> tuple[Problem, ...]:
    with pytest.raises(Refusal) as refused:
        parse_event(submitted)
    return refused.value.problems


def problem(submitted: Any) -> tuple[str, str]:
    """The reason and the pointer of the one thing that is wrong."""
    [one] = problems(submitted)
    assert one.detail
    assert one.mend
    return one.reason, one.pointer


def put(event: Fact, pointer: str, value: Any) -> Fact:
    """The event with another value at a JSON pointer."""
    *path, last = pointer.split("/")[1:]
    part: Any = event
    for step in path:
        part = part[int(step) if isinstance(part, list) else step]
    part[int(last) if isinstance(part, list) else last] = value
    return event


def fields(value: Any, pointer: str = "") -> Iterator[tuple[str, Any]]:
    """Every JSON pointer into a value, with what stands there."""
    inside = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for name, part in inside:
        yield f"{pointer}/{name}", part
        yield from fields(part, f"{pointer}/{name}")


def every(test: Any) -> list[tuple[str, str]]:
    """(type, pointer) of every place in the full examples whose pointer and value pass the test."""
    return [(kind, pointer) for kind in FULL for pointer, value in fields(full(kind)) if test(pointer, value)]


# --- what is taken ----------------------------------------------------------------------------------------------


def test_there_is_an_example_of_every_type_with_every_field() -> None:
    """So that whatever holds for the examples below holds for every field that an event can have."""
    assert list(FULL) == list(TYPES)
    choices = {"units", "stake", "all", "fraction"}
    for kind, model in TYPES.items():
        names = {field.alias or name for name, field in model.model_fields.items()}
        missing = names - set(FULL[kind])
        assert missing <= (choices if kind == "investment.sold" else set())


@pytest.mark.parametrize("kind", FULL)
def test_a_full_example_is_taken_as_it_is(kind: str) -> None:
    """Every field of every type; the event holds what was submitted, untouched."""
    submitted = full(kind)
    event = parse_event(submitted)
    assert event == Event(kind, full(kind))
    assert event.model is TYPES[kind]
    for measure in ("units", "stake", "all") if kind == "investment.sold" else ():
        other = deepcopy(submitted)
        del other["data"]["fraction"]
        other["data"][measure] = {"units": "3", "stake": {}, "all": True}[measure]
        parse_event(other)


@pytest.mark.parametrize("kind", FULL)
def test_the_stored_state_holds_the_fields_as_they_came(kind: str) -> None:
    """Nothing is re-written or lost, whatever the characters; defaults are resolved and the stamp is added."""
    state = json.loads(
        state_text(Event(kind, full(kind)), ident(9), "2023-Q3/2023-11-05", "2023-11-05", "now", Origin("tests"))
    )
    assert state == {**full(kind), "schema": 1, "recorded_at": "now", "recorded_by": "tests"}
    bare = {"type": kind, "effective": "2023", "data": FULL[kind], "note": None}
    state = json.loads(state_text(Event(kind, bare), ident(9), "2023", "2023-11-05", "now", Origin("tests")))
    assert state["status"] == "reported"
    assert not {"source", "same_as", "note"} & set(state)


@pytest.mark.parametrize("kind", ABOUT_EVENTS)
def test_events_about_events_need_no_effective_date(kind: str) -> None:
    """It is the day they are known; every other type has to give one."""
    submitted = full(kind)
    del submitted["effective"]
    parse_event(submitted)


@pytest.mark.parametrize("kind", [kind for kind in FULL if kind not in ABOUT_EVENTS])
def test_an_event_of_the_world_needs_an_effective_date(kind: str) -> None:
    submitted = full(kind)
    del submitted["effective"]
    assert problem(submitted) == (Reason.INVALID, "/effective")


# --- what is refused --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("kind", "pointer"), every(lambda pointer, value: isinstance(value, dict) and pointer != "/data/names")
)
def test_a_field_that_nobody_knows_is_refused(kind: str, pointer: str) -> None:
    """At every level of every type, by its name."""
    assert problem(put(full(kind), f"{pointer}/colour", "red")) == (Reason.INVALID, f"{pointer}/colour")
    assert problem({**full(kind), "colour": "red"}) == (Reason.INVALID, "/colour")


NO_NUMBERS: list[tuple[Any, Reason]] = [
    (4, Reason.INVALID),
    (4.5, Reason.INVALID),
    (True, Reason.INVALID),
    (12345678901234567890.12, Reason.INVALID),
    ("1_000", Reason.INVALID_AMOUNT),
    ("١", Reason.INVALID_AMOUNT),
    ("1e5", Reason.INVALID_AMOUNT),
    ("1,5", Reason.INVALID_AMOUNT),
    ("", Reason.INVALID_AMOUNT),
    ("NaN", Reason.INVALID_AMOUNT),
    ("0.0000000000001", Reason.INVALID_AMOUNT),
    ("-1", Reason.NEGATIVE_AMOUNT),
]


@pytest.mark.parametrize(
    ("kind", "pointer"),
    every(
        lambda pointer, value: (
            pointer.endswith(
                ("/amount", "/low", "/high", "/share", "/units", "/fraction", "/rate", "/number", "/share_of")
            )
            and isinstance(value, str)
        )
    ),
)
def test_a_number_is_a_plain_decimal_string(kind: str, pointer: str) -> None:
    """Everywhere: no JSON numbers, no other digits, no exponent, nothing below zero."""
    for wrong, reason in NO_NUMBERS:
        assert problem(put(full(kind), pointer, wrong)) == (reason, pointer)


@pytest.mark.parametrize(
    ("kind", "pointer"),
    [*every(lambda pointer, value: pointer.endswith("/currency")), ("rate.published", "/data/base")],
)
def test_a_currency_is_an_iso_code(kind: str, pointer: str) -> None:
    for code in ("usd", "XXQ", "EURO", "€", ""):
        assert problem(put(full(kind), pointer, code)) == (Reason.UNKNOWN_CURRENCY, pointer)


DATES = ("/effective", "/known", "/published", "/anchor", "/start", "/end")


@pytest.mark.parametrize(("kind", "pointer"), every(lambda pointer, value: pointer.endswith(DATES)))
def test_a_date_is_one_of_the_forms(kind: str, pointer: str) -> None:
    """Not a moment, not a number, not a day that the calendar lacks; and known is a plain day."""
    for wrong in ("2023-02-29", "2023-9-5", "2023-09-25T10:00:00Z", "25.9.2023", "", "٢٠٢٣"):
        assert problem(put(full(kind), pointer, wrong)) == (Reason.INVALID_DATE, pointer)
    for number in (2023, 1695600000):
        assert problem(put(full(kind), pointer, number)) == (Reason.INVALID, pointer)
    if pointer.endswith("/known"):
        assert problem(put(full(kind), pointer, "2023-09")) == (Reason.INVALID_DATE, pointer)
    else:
        parse_event(put(full(kind), pointer, "2026-Q4" if pointer.endswith("/end") else "2023"))


SLUGS = (
    *("/entity", "/commitment", "/contract", "/guarantee", "/claim", "/restriction", "/from", "/to", "/of", "/by"),
    *("/investor", "/issuer", "/holder", "/payer", "/customer", "/provider", "/subject", "/parent", "/manager"),
    *("/seller", "/buyer", "/guarantor"),
)


@pytest.mark.parametrize(
    ("kind", "pointer"),
    every(lambda pointer, value: pointer.endswith(SLUGS) and isinstance(value, str) and value != REVIEWER),
)
def test_an_id_of_a_party_or_record_is_a_slug(kind: str, pointer: str) -> None:
    """Lower-case ASCII letters, digits and hyphens; not the form of an event's id; a hundred at most."""
    for wrong in (
        "Acme",
        "acme inc",
        "acme_inc",
        "-acme",
        "",
        "açme",
        "аcme",
        "acme\n",
        "a/b",
        "a.b",
        ident(1),
        "a" * 101,
    ):
        assert problem(put(full(kind), pointer, wrong)) == (Reason.INVALID, pointer)
    for right in ("0", "a", "a-1-b", "a" * 100):
        parse_event(put(full(kind), pointer, right))


@pytest.mark.parametrize(
    ("kind", "pointer"), every(lambda pointer, value: pointer in ("/id", "/same_as", "/data/event", "/data/events/1"))
)
def test_an_id_of_an_event_is_a_uuid_in_lower_case(kind: str, pointer: str) -> None:
    for wrong in ("acme", "", ident(1).replace("-", ""), "{" + ident(1) + "}", "F" + ident(1)[1:], ident(1) + "\n", 1):
        assert problem(put(full(kind), pointer, wrong)) == (Reason.INVALID, pointer)


NAMES = (
    *(
        "/name",
        "/country",
        "/city",
        "/sector",
        "/aliases/0",
        "/names/ja",
        "/names/0",
        "/names/1/text",
        "/round",
        "/unit",
    ),
    *("/series", "/allows/0", "/forbids/0", "/title", "/publisher", "/url"),
)
TEXTS = ("/note", "/source/quote", "/text", "/reason", "/conditions/1", "/collateral", "/method", "/comment")
HIDDEN = ["\x00", "\x1b[31m", "\x7f", "\x85", "\u202e", "\u2066", "\u202a", "\u2069"]


@pytest.mark.parametrize(
    ("kind", "pointer"), every(lambda pointer, value: pointer.endswith(NAMES + TEXTS) and isinstance(value, str))
)
def test_text_has_no_hidden_characters(kind: str, pointer: str) -> None:
    """Neither control characters nor those that reorder what a reader sees, nor half a character; nor blanks alone."""
    for hidden in HIDDEN:
        assert problem(put(full(kind), pointer, f"Ac{hidden}me")) == (Reason.INVALID_TEXT, pointer)
    assert problem(put(full(kind), pointer, "  ")) == (Reason.INVALID_TEXT, pointer)
    assert problem(put(full(kind), pointer, "Ac\ud800me"))[1] == pointer
    parse_event(put(full(kind), pointer, "Ácme 株式会社 שלום 🏦"))


@pytest.mark.parametrize(
    ("kind", "pointer"), every(lambda pointer, value: pointer.endswith(NAMES) and isinstance(value, str))
)
def test_a_name_is_one_line_in_normal_form(kind: str, pointer: str) -> None:
    """So that one name is one text; prose may have lines and any form."""
    unseen = ("Ac\u200bme", "Ac\ufeffme", "Ac\u2028me", "Ac\u200fme")
    for wrong in ("Acme\u0301", "Ac\nme", "Ac\tme", " Acme", "Acme ", "A\u030angstro\u0308m", *unseen):
        assert problem(put(full(kind), pointer, wrong)) == (Reason.INVALID_TEXT, pointer)
    parse_event(put(full("entity.registered"), "/note", "Acme\u0301\n\tand more "))


@pytest.mark.parametrize("field", ["name", "kind"])
def test_a_party_keeps_a_name_and_a_kind(field: str) -> None:
    """A change can clear what may be absent, and these two may not."""
    [found] = problems({**full("entity.changed"), "data": {"entity": "acme", field: None}})
    assert found.pointer == "/data"
    parse_event({**full("entity.changed"), "data": {"entity": "acme", "parent": None}})


@pytest.mark.parametrize("hidden", [*HIDDEN, "\ud800", " ", "ü", ""])
def test_the_language_of_a_name_is_a_tag(hidden: str) -> None:
    """The keys of `names` are held to a form like everything else."""
    [found] = problems(put(full("entity.registered"), "/data/names", {f"j{hidden}" if hidden else "": "Acme"}))
    assert found.pointer.startswith("/data/names")


@pytest.mark.parametrize(
    ("submitted", "reason", "pointer"),
    [
        ([], Reason.INVALID, ""),
        ("event", Reason.INVALID, ""),
        (None, Reason.INVALID, ""),
        ({}, Reason.UNKNOWN_TYPE, "/type"),
        ({"type": None}, Reason.UNKNOWN_TYPE, "/type"),
        ({"type": 7}, Reason.UNKNOWN_TYPE, "/type"),
        ({"type": "investment.maid"}, Reason.UNKNOWN_TYPE, "/type"),
        ({"type": "InvestmentMade"}, Reason.UNKNOWN_TYPE, "/type"),
        ({"type": "x" * 100_000}, Reason.UNKNOWN_TYPE, "/type"),
        ({"type": "rate.published", "effective": "2023"}, Reason.INVALID, "/data"),
        ({"type": "rate.published", "effective": "2023", "data": []}, Reason.INVALID, "/data"),
        (put(full("rate.published"), "/status", "sure"), Reason.INVALID, "/status"),
        (put(full("rate.published"), "/source", "a paper"), Reason.INVALID, "/source"),
        (put(full("rate.published"), "/source/sha256", "abc"), Reason.INVALID, "/source/sha256"),
        (put(full("rate.published"), "/data/rate", "0.000"), Reason.INVALID_AMOUNT, "/data"),
        (put(full("rate.published"), "/data/base", "JPY"), Reason.INVALID, "/data"),
        (put(full("commitment.made"), "/data/binding", "yes"), Reason.INVALID, "/data/binding"),
        (put(full("commitment.made"), "/data/binding", 1), Reason.INVALID, "/data/binding"),
        (put(full("commitment.made"), "/data/amount", "3"), Reason.INVALID, "/data/amount"),
        (
            put(full("commitment.made"), "/data/horizon", {"start": "2024", "end": "2023"}),
            Reason.INVALID_DATE,
            "/data/horizon",
        ),
        (put(full("contract.signed"), "/data/term/months", 0), Reason.INVALID, "/data/term/months"),
        (put(full("contract.signed"), "/data/term/months", "36"), Reason.INVALID, "/data/term/months"),
        (put(full("investment.made"), "/data/issuer", "acme"), Reason.OWN_ISSUER, "/data"),
        (put(full("investment.made"), "/data/amount/low", "5"), Reason.INVALID_AMOUNT, "/data/amount"),
        (put(full("investment.made"), "/data/stake/share", "1.1"), Reason.INVALID_AMOUNT, "/data/stake/share"),
        (put(full("investment.sold"), "/data/units", "5"), Reason.INVALID, "/data"),
        (put(full("investment.sold"), "/data/fraction", None), Reason.INVALID, "/data"),
        (put(full("investment.sold"), "/data/fraction", "1.5"), Reason.INVALID_AMOUNT, "/data/fraction"),
        (put(full("investment.sold"), "/data/all", False), Reason.INVALID, "/data/all"),
        (put(full("valuation.recorded"), "/data/level", 4), Reason.INVALID, "/data/level"),
        (put(full("claim.published"), "/data/count", 2**53), Reason.INVALID, "/data/count"),
        (put(full("claim.published"), "/data/count", -1), Reason.INVALID, "/data/count"),
        (put(full("restriction.imposed"), "/data/on", []), Reason.INVALID, "/data/on"),
        (put(full("review.recorded"), "/data/events", []), Reason.INVALID, "/data/events"),
        (put(full("key.rotated"), "/data/key", "somebody"), Reason.INVALID, "/data/key"),
        (put(full("key.rotated"), "/data/key", OLD_KEY.replace("bc6c+", "bc6d+")), Reason.INVALID, "/data/key"),
        (put(full("key.rotated"), "/data/key", OLD_KEY + "\n"), Reason.INVALID, "/data/key"),
        (put(full("key.rotated"), "/data/previous", WITNESS_KEY), Reason.INVALID, "/data/previous"),
        (put(full("entity.registered"), "/data/lei", "123"), Reason.INVALID, "/data/lei"),
        (facts.entity_changed("acme"), Reason.INVALID, "/data"),
        (facts.change("pledge"), Reason.INVALID, "/data"),
        (facts.change_contract("deal"), Reason.INVALID, "/data"),
        (facts.observe("acme", "beta"), Reason.INVALID, "/data"),
    ],
    ids=lambda value: str(value)[:40],
)
def test_each_wrong_form_has_its_reason_and_place(submitted: Any, reason: Reason, pointer: str) -> None:
    assert problem(submitted) == (reason, pointer)


REQUIRED = [
    (kind, field.alias or name)
    for kind, model in TYPES.items()
    for name, field in model.model_fields.items()
    if field.is_required()
]


@pytest.mark.parametrize(("kind", "field"), REQUIRED)
def test_a_field_that_is_required_is_missed_by_name(kind: str, field: str) -> None:
    """A type's starred fields, absent or null."""
    submitted = full(kind)
    del submitted["data"][field]
    assert problem(submitted) == (Reason.INVALID, f"/data/{field}")
    assert problem(put(full(kind), f"/data/{field}", None)) == (Reason.INVALID, f"/data/{field}")


def test_the_required_fields_are_those_of_the_contract() -> None:
    """As starred in the list of types."""
    assert {kind: [field for one, field in REQUIRED if one == kind] for kind in TYPES} == {
        "entity.registered": ["entity", "name", "kind"],
        "entity.changed": ["entity"],
        "commitment.made": ["commitment", "from", "to", "amount", "purpose", "binding"],
        "commitment.changed": ["commitment"],
        "commitment.closed": ["commitment", "outcome"],
        "commitment.drawn": ["commitment", "amount"],
        "guarantee.given": ["guarantee", "guarantor", "of", "to", "amount"],
        "guarantee.called": ["guarantee", "amount"],
        "investment.made": ["investor", "issuer", "instrument", "amount"],
        "investment.sold": ["holder", "issuer", "instrument", "proceeds"],
        "holding.observed": ["holder", "issuer", "instrument"],
        "distribution.paid": ["payer", "holder", "amount", "kind"],
        "contract.signed": ["contract", "customer", "provider", "amount", "resource", "binding"],
        "contract.changed": ["contract"],
        "contract.ended": ["contract"],
        "contract.billed": ["contract", "amount"],
        "contract.paid": ["contract", "amount"],
        "valuation.recorded": ["subject", "value", "basis"],
        "rate.published": ["base", "quote", "rate"],
        "claim.published": ["claim", "text", "kind"],
        "restriction.imposed": ["restriction", "on", "kind", "text"],
        "restriction.lifted": ["restriction"],
        "event.corrected": ["event", "replacement", "reason"],
        "event.retracted": ["event", "reason"],
        "review.recorded": ["events", "verdict"],
        "attachment.added": ["attachment", "about", "media_type", "size", "hash"],
        "attachment.erased": ["attachment", "reason"],
        "key.rotated": ["previous", "key", "reason"],
    }


def test_every_wrong_field_is_named_at_once() -> None:
    """So that whoever sent it mends it in one go."""
    wrong = facts.invest("Acme", "beta", usd("1e5"), instrument="shares", round="B\x00", colour="red")
    wrong["effective"] = "soon"
    assert {(one.reason, one.pointer) for one in problems(wrong)} == {
        (Reason.INVALID, "/data/investor"),
        (Reason.INVALID_AMOUNT, "/data/amount/amount"),
        (Reason.INVALID, "/data/instrument"),
        (Reason.INVALID_TEXT, "/data/round"),
        (Reason.INVALID, "/data/colour"),
        (Reason.INVALID_DATE, "/effective"),
    }


def test_a_mistyped_type_gets_a_hint() -> None:
    [found] = problems({"type": "investment.maid"})
    assert "investment.made" in found.mend


def test_a_replacement_is_read_like_an_event() -> None:
    """Its problems point into it; it has no id, and corrections and retractions are no replacements."""
    inside = "/data/replacement"
    for pointer, value, expected in [
        ("/data/amount", usd("-5"), (Reason.NEGATIVE_AMOUNT, f"{inside}/data/amount/amount")),
        ("/data/investor", "beta", (Reason.OWN_ISSUER, f"{inside}/data")),
        ("/effective", "then", (Reason.INVALID_DATE, f"{inside}/effective")),
        ("/note", "\x07", (Reason.INVALID_TEXT, f"{inside}/note")),
        ("/id", ident(5), (Reason.INVALID, f"{inside}/id")),
        ("/colour", "red", (Reason.INVALID, f"{inside}/colour")),
        ("/type", "event.retracted", (Reason.NOT_CORRECTABLE, f"{inside}/type")),
        ("/type", "event.corrected", (Reason.NOT_CORRECTABLE, f"{inside}/type")),
    ]:
        assert problem(put(full("event.corrected"), inside + pointer, value)) == expected
    bare = full("event.corrected")
    del bare["data"]["replacement"]["effective"]
    assert problem(bare) == (Reason.INVALID, f"{inside}/effective")


@given(
    st.recursive(
        st.none() | st.booleans() | st.floats() | st.text(),
        lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    )
)
def test_whatever_is_sent_is_read_or_refused(anything: Any) -> None:
    """No JSON value, in the place of an event, of its data or of a field, makes the reader fail otherwise."""
    for submitted in (
        anything,
        {**full("rate.published"), "data": anything},
        put(full("investment.made"), "/data/amount", anything),
        put(full("entity.registered"), "/data/names", anything),
    ):
        found: tuple[Problem, ...] = ()
        try:
            parse_event(submitted)
        except Refusal as refusal:
            found = refusal.problems
        assert all(one.detail and one.mend for one in found)


# --- what an event names ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", FULL)
def test_every_id_that_an_event_names_is_found(kind: str) -> None:
    """What must exist, where it stands; its own record and the target of a correction are checked on their own."""
    own = {f"/data/{model.record[1]}" for model in [TYPES[kind]] if model.record is not None}
    own |= {"/data/event"} if kind.startswith("event.") else set()
    is_party = (
        *SLUGS,
        "/commitment",
        "/part_of",
        "/overlaps",
        "/linked",
        "/denies",
        "/events",
        "/members",
        "/about",
        "/payers",
        "/payees",
        "/on",
    )
    expected = {
        pointer
        for pointer, value in fields(full(kind))
        if pointer.startswith("/data") and isinstance(value, str) and not pointer.startswith("/data/replacement")
        and pointer.rstrip("0123456789").rstrip("/").endswith(is_party)
        and pointer not in own and value != REVIEWER
    }  # fmt: skip
    found = list(references(kind, FULL[kind]))
    assert {one.pointer for one in found} == expected
    for one in found:
        assert dict(fields(full(kind)))[one.pointer] == one.id


def test_an_event_is_found_by_the_records_it_touches_and_by_what_it_names() -> None:
    """The keys of the index: its holding, its commitment, and ref/… for ids of any kind."""
    assert keys_of("investment.made", FULL["investment.made"]) == [
        "holding/acme/beta/convertible",
        "commitment/acme-beta-2023",
        f"ref/{ident(2)}",
        "ref/cloud-deal",
        f"ref/{ident(1)}",
    ]
    assert keys_of("commitment.closed", FULL["commitment.closed"]) == ["commitment/acme-beta-2023"]
    assert keys_of("rate.published", FULL["rate.published"]) == []


def test_the_schema_tells_every_type_apart() -> None:
    """One JSON Schema of all events, as a union told apart by `type`, with `from` as it is sent."""
    schema = event_schema()
    assert set(schema["discriminator"]["mapping"]) == set(TYPES)
    assert "from" in schema["$defs"]["CommitmentMade"]["properties"]


def test_a_thousand_mistakes_are_told_by_the_first_few() -> None:
    """A body of nonsense is answered in proportion, whatever its size."""
    event = full("contract.ended")
    event["data"].update({f"field-{number}": "x" for number in range(20_000)})
    assert len(problems(event)) == PROBLEMS_TOLD


def test_all_is_sold_with_true_alone() -> None:
    """One, which is true to Python, is not the word."""
    for wrong in (1, False, "true"):
        sale = put(full("investment.sold"), "/data/all", wrong)
        for measure in ("units", "stake", "fraction"):
            sale["data"].pop(measure, None)
        assert problem(sale)[1] == "/data/all"


def test_no_word_makes_a_share_more_than_the_whole() -> None:
    """Tens of a twentieth may be half of it; tens of a half can't be."""
    parse_event(put(full("holding.observed"), "/data/stake", {"share": "0.05", "qualifier": "tens_of"}))
    found = problem(put(full("holding.observed"), "/data/stake", {"share": "0.5", "qualifier": "tens_of"}))
    assert found == (Reason.INVALID_AMOUNT, "/data/stake")
