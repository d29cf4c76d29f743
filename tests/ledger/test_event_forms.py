"""The forms of an event's fields: any other form is refused by reason and place, and told in words."""

from __future__ import annotations

import re
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ledger.event import (
    PROBLEMS_TOLD,
    TYPES,
    parse_event,
)
from ledger.refusals import Problem, Reason, Refusal
from tests import facts
from tests.facts import ident, usd
from tests.ledger.examples import (
    FULL,
    OLD_KEY,
    REVIEWER,
    SLUGS,
    WITNESS_KEY,
    every,
    fields,
    full,
    problem,
    problems,
    put,
)


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


# --- what is said of it ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", FULL)
def test_each_field_says_in_words_what_it_wants(kind: str) -> None:
    """Whatever stands in its place: no page to look up, no pattern, and none of the words of a program."""
    for pointer, _ in fields(full(kind)):
        for wrong in (5, True, "", "No!", "x" * 5_000, [], [5], {"no": 1}, None):
            try:
                parse_event(put(full(kind), pointer, wrong))
            except Refusal as refusal:
                for one in refusal.problems:
                    assert not re.search(r"/docs|\^|Input|input|instance|None|\{\w+\}", f"{one.detail} {one.mend}"), one


@pytest.mark.parametrize(
    ("kind", "pointer", "wrong", "detail", "mend"),
    [
        (
            "investment.made",
            "/data/instrument",
            "equty",
            "none of the words that it takes",
            "did you mean equity? It is",
        ),
        (
            "investment.made",
            "/data/form",
            "gold",
            "none of the words",
            "write one of cash, cloud_credit, in_kind, stock, or",
        ),
        ("investment.made", "/data/amount/amount", 5, "not a string", "write in quotes a decimal, like 4000000000"),
        ("investment.made", "/data/amount", "5", "not an object", 'like {"currency": "USD", "amount": "4000000000"}'),
        ("investment.made", "/data/lead", "yes", "not true or false", "write without quotes true or false"),
        ("investment.made", "/data/linked", 5, "not a string", "an event's UUID, or a list of such"),
        (
            "investment.made",
            "/data/investor",
            None,
            "not a string",
            "an id of lower-case letters, digits and hyphens, like",
        ),
        ("investment.made", "/same_as", "1", "not a UUID in lower case", "like 7f8b9f64-9d3c-4a53-b5a7-2f0d1f0c9a11"),
        ("investment.made", "/data/isuer", "acme", "there is no such field", "did you mean issuer? Else leave it out"),
        ("rate.published", "/data/x", "acme", "there is no such field", "leave it out; there are base, quote, rate"),
        ("contract.signed", "/data/term/months", 0, "less than 1", "write a whole number from 1 to 12000"),
        (
            "valuation.recorded",
            "/data/level",
            "2",
            "not a whole number",
            "write without quotes a whole number from 1 to 3",
        ),
        (
            "entity.registered",
            "/data/lei",
            "123",
            "not of its form",
            "Legal Entity Identifier of 18 capital letters and",
        ),
        (
            "entity.registered",
            "/data/names",
            {"Japanese": "x"},
            "not of its form",
            "a language's tag (BCP 47), like ja",
        ),
        ("entity.registered", "/data/name", "x" * 201, "longer than 200 characters", "shorten it"),
        ("review.recorded", "/data/events", [], "fewer than 1", "write a list, and in it an event's id"),
        (
            "claim.published",
            "/data/period",
            {"start": "2024", "end": "2023"},
            "ends before it starts",
            "earlier date as start",
        ),
        (
            "claim.published",
            "/data/kind",
            None,
            "none of the words",
            "write one of aggregate, target, forecast, opinion,",
        ),
    ],
)
def test_a_wrong_value_is_told_with_the_form_and_an_example(
    kind: str, pointer: str, wrong: Any, detail: str, mend: str
) -> None:
    [one] = problems(put(full(kind), pointer, wrong))
    assert detail in one.detail
    assert mend in one.mend


def test_a_field_that_is_missing_says_its_form() -> None:
    bare = full("commitment.made")
    del bare["data"]["from"]
    [one] = problems(bare)
    assert one.mend == "add it: an id of lower-case letters, digits and hyphens, like aws-anthropic-2023"
