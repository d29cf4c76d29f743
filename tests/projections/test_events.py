"""The audit trail: every event as recorded, found by what it names, with what corrects, retracts and reviews it."""

from __future__ import annotations

from typing import Any

import pytest

from projections.paging import Page
from tests.facts import (
    commit,
    correct,
    draw,
    entity,
    entity_changed,
    ident,
    invest,
    rate,
    restrict,
    retract,
    review,
    usd,
)
from tests.projections.conftest import Books
from tests.projections.logs import state_of


def positions(books: Books, **asked: Any) -> list[int]:
    return [event["position"] for event in books.trail(**asked).rows]


def test_an_event_is_shown_as_recorded(books: Books) -> None:
    """All of the state but its schema's number, after its place in log and record, before what names and proves it."""
    books.given(invest("acme", "beta", source={"title": "Notes"}, note="read twice"))
    state = state_of(books.log.events[0])
    del state["schema"]
    [event] = books.trail().rows
    assert list(event.items()) == [
        ("position", 1),
        ("record", "holding/acme/beta/equity"),
        ("version", 1),
        *state.items(),
        ("corrected_by", []),
        ("retracted_by", []),
        ("reviews", []),
        ("attachments", []),
        ("proof", f"/v1/proofs/{ident(1)}"),
    ]


def test_newest_first_or_by_position_and_as_of_does_not_matter(books: Books) -> None:
    books.given(entity("acme"), rate("EUR", "USD", "1.1", on="2025-06-30"), entity("beta"))
    assert positions(books) == [3, 2, 1]
    assert positions(books, order="position") == [1, 2, 3]
    assert positions(books, position=2) == [2, 1]
    assert positions(books, known_at="2024-12-31") == [3, 1]


def test_events_are_found_by_every_entity_they_name(books: Books) -> None:
    books.given(
        entity("acme", parent="group"),
        entity_changed("acme", manager="boss"),
        invest("acme", "beta", seller="gamma"),
        restrict("mandate", "acme", "pledge", by="state"),
    )
    assert positions(books, entity="acme") == [4, 3, 2, 1]
    assert positions(books, entity="group") == [1]
    assert positions(books, entity="boss") == [2]
    assert positions(books, entity="gamma") == [3]
    assert positions(books, entity="state") == [4]
    assert positions(books, entity="nobody") == []


def test_corrections_and_retractions_touch_the_entities_of_both_sides(books: Books) -> None:
    """Those of the fact, and those of the replacement, but not of a replacement that is itself replaced."""
    fact = invest("acme", "beta", seller="gamma")
    books.given(
        fact,
        correct(ident(1), invest("acme", "beta", seller="delta"), known="2024-01-01"),
        correct(ident(2), invest("acme", "beta", seller="omega"), known="2024-01-02"),
        retract(ident(3), known="2024-01-03"),
        retract(ident(4), known="2024-01-04"),
    )
    assert positions(books, entity="gamma") == [5, 4, 3, 2, 1]
    assert positions(books, entity="delta") == [2]
    assert positions(books, entity="omega") == [5, 4, 3]


def test_events_are_found_by_their_record(books: Books) -> None:
    """By kind and id, or by the id alone. A correction is of the record of its fact, and a draw of its commitment."""
    books.given(
        commit("pledge", "acme", "beta"),
        draw("pledge", usd("1")),
        correct(ident(2), draw("pledge", usd("2")), known="2024-01-01"),
        invest("acme", "beta", commitment="pledge"),
        entity("pledge"),
    )
    assert positions(books, record="commitment/pledge") == [4, 3, 2, 1]
    assert positions(books, record="pledge") == [5, 4, 3, 2, 1]
    assert positions(books, record="holding/acme/beta/equity") == [4]
    assert positions(books, record="equity") == []


def test_events_are_found_by_type_door_and_the_time_of_recording(books: Books) -> None:
    """Days and moments, both ends included. The log's events are one second apart, from 2026-01-01T00:00:01Z on."""
    books.given(entity("acme"), entity("beta"), rate("EUR", "USD", "1.1"))
    assert positions(books, type="rate.published") == [3]
    assert positions(books, recorded_by="tests") == [3, 2, 1]
    assert positions(books, recorded_by="rest") == []
    assert positions(books, from_="2026-01-01T00:00:02Z") == [3, 2]
    assert positions(books, from_="2026-01-01T00:00:02.000001Z") == [3]
    assert positions(books, to="2026-01-01T00:00:02Z") == [2, 1]
    assert positions(books, from_="2026-01-01", to="2026-01-01") == [3, 2, 1]
    assert positions(books, from_="2026-01-02") == []
    assert positions(books, to="2025-12-31") == []
    both = {"type": "entity.registered", "entity": "beta", "to": "2026-01-01", "order": "position"}
    assert positions(books, **both) == [2]


@pytest.mark.parametrize("order", ["newest", "position"])
def test_pages_of_events(books: Books, order: str) -> None:
    books.given(*(entity(name) for name in ("a", "b", "c", "d", "e")))
    found: list[int] = []
    after = None
    for _ in range(3):
        page = books.trail(order=order, page=Page(limit=2, after=after))
        found += [event["position"] for event in page.rows]
        after = page.after
    assert found == positions(books, order=order)
    assert after is None


def test_what_names_an_event_is_shown_as_far_as_it_was_known_and_recorded(books: Books) -> None:
    fact, fixed, undone, restored = books.given(
        invest("acme", "beta", known="2023-07-01"),
        correct(ident(1), invest("acme", "beta", usd("2")), known="2024-01-01"),
        retract(ident(2), known="2024-02-01"),
        retract(ident(3), known="2024-03-01"),
    )

    def named(event_id: str, **times: Any) -> tuple[list[str], list[str]]:
        found = books.event(event_id, **times)
        assert found is not None
        return found["event"]["corrected_by"], found["event"]["retracted_by"]

    assert named(fact) == ([fixed], [])
    assert named(fixed) == ([], [undone])
    assert named(undone) == ([], [restored])
    assert named(fact, known_at="2023-12-31") == ([], [])
    assert named(fixed, position=2) == ([], [])
    assert books.event(fixed, known_at="2023-12-31") is None
    assert books.event(ident(99)) is None


def test_one_event_with_everything_about_it(books: Books) -> None:
    """Corrections of its corrections are about it too; what is about another event of its chain only, isn't."""
    fact, first, second, undone, seen = books.given(
        invest("acme", "beta"),
        correct(ident(1), invest("acme", "beta", usd("2")), known="2024-01-01"),
        correct(ident(2), invest("acme", "beta", usd("3")), known="2024-01-02"),
        retract(ident(1), known="2024-01-03"),
        review(ident(1), ident(3), verdict="questioned", known="2024-01-04"),
    )

    def about(event_id: str) -> dict[str, list[str]]:
        found = books.event(event_id)
        assert found is not None
        return {part: [one["id"] for one in found[part]] for part in ("corrections", "retractions", "reviews")}

    assert about(fact) == {"corrections": [first, second], "retractions": [undone], "reviews": [seen]}
    assert about(first) == {"corrections": [second], "retractions": [], "reviews": []}
    assert about(second) == {"corrections": [], "retractions": [], "reviews": [seen]}
