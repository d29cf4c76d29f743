"""Events as submitted: a full example of every type is taken, stored as it came, and found by what it names."""

from __future__ import annotations

import json
from copy import deepcopy

import pytest

from ledger.event import (
    ABOUT_EVENTS,
    TYPES,
    Event,
    Origin,
    event_schema,
    keys_of,
    parse_event,
    references,
    state_text,
)
from ledger.refusals import Reason
from tests.facts import ident
from tests.ledger.examples import FULL, REVIEWER, SLUGS, fields, full, problem


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
