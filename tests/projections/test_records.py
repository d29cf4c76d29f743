"""Records: the same state as in the lists, what the kinds without a list say, and the version and history of each."""

from __future__ import annotations

from typing import Any

import pytest

from tests.facts import (
    call_guarantee,
    claim,
    commit,
    correct,
    draw,
    entity,
    eur,
    guarantee,
    ident,
    lift,
    rate,
    restrict,
    retract,
    sign,
    usd,
)
from tests.projections.conftest import Books
from tests.projections.figures import figure, sure


def state(books: Books, kind: str, record_id: str, **times: Any) -> Any:
    found = books.record(kind, record_id, **times)
    assert found is not None
    return found["state"]


def test_a_record_has_the_contracts_fields_in_order(books: Books) -> None:
    books.given(commit("pledge", "acme", "beta"), draw("pledge", usd("1"), known="2024-01-01"), entity("acme"))
    found = books.record("commitment", "pledge")
    assert found is not None
    assert list(found) == ["kind", "id", "version", "state", "history", "earlier", "attachments", "events"]
    assert (found["kind"], found["id"], found["version"]) == ("commitment", "pledge", 2)
    assert found["events"] == books.trail(record="commitment/pledge", order="position").rows


@pytest.mark.parametrize("times", [{}, {"as_of": "2022-06-30"}, {"known_at": "2023-01-01"}, {"currency": "EUR"}])
def test_a_records_state_is_its_row_in_the_list(books: Books, times: dict[str, Any]) -> None:
    books.given(
        rate("EUR", "USD", "2", on="2020-01-31"),
        commit("pledge", "acme", "beta", usd("100", "up_to")),
        draw("pledge", usd("30")),
        sign("cloud", "acme", "beta", usd("100")),
        entity("acme"),
    )
    for kind, record_id, rows in (
        ("commitment", "pledge", books.commitments(**times).rows),
        ("contract", "cloud", books.contracts(**times).rows),
        ("entity", "acme", books.entities(**{name: what for name, what in times.items() if name != "currency"})),
    ):
        assert [state(books, kind, record_id, **times)] == rows


def test_the_version_counts_what_is_recorded_whenever_it_became_known(books: Books) -> None:
    """It is what If-Match compares with, so known_at has no say in it."""
    books.given(
        commit("pledge", "acme", "beta", known="2023-01-01"),
        draw("pledge", usd("1"), known="2024-01-01"),
        retract(ident(2), known="2024-02-01"),
    )
    found = books.record("commitment", "pledge", known_at="2023-01-01")
    assert found is not None
    assert (found["version"], [event["id"] for event in found["events"]]) == (3, [ident(1)])
    assert (books.record("commitment", "pledge", position=1) or {})["version"] == 1


def test_a_record_that_is_not_there_yet_has_a_history_and_no_state(books: Books) -> None:
    """Announced for later, or retracted; of one that nobody knew of there is nothing at all."""
    books.given(commit("pledge", "acme", "beta", on="2024-06-30", known="2023-01-01"))
    assert state(books, "commitment", "pledge", as_of="2024-06-29") is None
    assert books.record("commitment", "pledge", known_at="2022-12-31") is None
    assert books.record("commitment", "other") is None
    assert books.record("contract", "pledge") is None
    assert books.record("nothing", "pledge") is None
    books.given(retract(ident(1), known="2023-02-01"))
    assert state(books, "commitment", "pledge") is None


def test_what_does_not_count_has_no_state_and_shows_its_status_in_its_history(books: Books) -> None:
    books.given(commit("pledge", "acme", "beta", status="denied"))
    found = books.record("commitment", "pledge")
    assert found is not None
    assert (found["state"], found["events"][0]["status"]) == (None, "denied")


def test_a_guarantee_says_how_much_of_it_was_called(books: Books) -> None:
    """The sum of the calls, by their own dates; zero in its own currency before."""
    given, first, second = books.given(
        guarantee("surety", "acme", "beta", "gamma", usd("100"), on="2022-01-31", known="2022-01-31"),
        call_guarantee("surety", usd("10"), on="2023-01-31"),
        call_guarantee("surety", usd("20"), on="2023"),
    )
    assert list(state(books, "guarantee", "surety").items()) == [
        ("guarantee", "surety"),
        ("guarantor", "acme"),
        ("of", "beta"),
        ("to", "gamma"),
        ("amount", usd("100")),
        ("status", "reported"),
        ("called", sure("30")),
        ("events", [given, first, second]),
    ]
    assert state(books, "guarantee", "surety", as_of="2022-12-31")["called"] == sure("0")
    assert state(books, "guarantee", "surety", as_of="2023-01-31")["called"] == figure("10", "10", "30")
    books.given(call_guarantee("surety", eur("5"), on="2023-03-31"))
    assert state(books, "guarantee", "surety")["called"] == [sure("5", "EUR"), sure("30")]
    missing = state(books, "guarantee", "surety", currency="USD")
    assert missing["called"] is None
    assert missing["missing_rates"] == [{"base": "EUR", "quote": "USD", "on": "2023-03-31"}]


def test_a_claim_is_what_was_said_last_with_its_status(books: Books) -> None:
    published, _ = books.given(
        claim("funding", count=52, status="rumoured"),
        correct(ident(1), claim("funding", count=53, status="denied"), known="2024-01-01"),
    )
    said = state(books, "claim", "funding", known_at="2023-12-31")
    assert (said["count"], said["status"], said["events"]) == (52, "rumoured", [published])
    said = state(books, "claim", "funding")
    assert (said["count"], said["status"]) == (53, "denied")
    assert state(books, "claim", "funding", as_of="2023-06-29", known_at="2023-12-31") is None


def test_a_restriction_says_when_it_was_lifted(books: Books) -> None:
    """From the last day of that; a denied lifting lifts nothing, nor does a second one."""
    books.given(
        restrict("mandate", "acme", on="2022"),
        lift("mandate", on="2023", status="denied"),
        lift("mandate", on="2024-Q1"),
        lift("mandate", on="2025"),
    )
    assert state(books, "restriction", "mandate", as_of="2024-03-30")["lifted"] is None
    lifted = state(books, "restriction", "mandate")
    assert (lifted["on"], lifted["lifted"], lifted["events"]) == (["acme"], "2024-Q1", [ident(1), ident(3), ident(4)])
