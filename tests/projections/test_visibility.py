"""The one rule: what is visible at a point in the three times, what counts, and what corrections do to both."""

from __future__ import annotations

from typing import Any

import pytest

from projections.visibility import _root
from tests.facts import claim, commit, correct, draw, ident, invest, mark, rate, retract, usd
from tests.projections.conftest import Books
from tests.projections.figures import figure, sure


def costs(books: Books, **times: Any) -> list[str]:
    return [row["cost"]["stated"] for row in books.holdings(**times).rows]


def test_a_row_is_visible_from_its_three_times_on(books: Books) -> None:
    """Effective, known and recorded: each alone hides it until its time, and not a day longer."""
    books.given(rate("EUR", "USD", "1.1"), invest("acme", "beta", usd("5"), on="2023-06-30", known="2023-08-15"))
    assert costs(books, as_of="2023-06-29") == []
    assert costs(books, as_of="2023-06-30") == ["5"]
    assert costs(books, known_at="2023-08-14") == []
    assert costs(books, known_at="2023-08-15") == ["5"]
    assert costs(books, position=1) == []
    assert costs(books, position=2) == ["5"]


def test_an_event_can_be_known_before_it_is_effective(books: Books) -> None:
    """Announced: asked what will be true then, one knew already."""
    books.given(invest("acme", "beta", usd("5"), on="2024-06-30", known="2023-01-10"))
    assert costs(books, as_of="2024-06-30", known_at="2023-01-10") == ["5"]
    assert costs(books, as_of="2023-12-31", known_at="2023-01-10") == []


def test_what_adds_is_possible_from_its_first_day_and_sure_from_its_last(books: Books) -> None:
    books.given(invest("acme", "beta", usd("5"), on="2023-Q3"))
    assert books.holdings(as_of="2023-06-30").rows == []
    assert books.holding(as_of="2023-07-01")["cost"] == figure("0", "0", "5")
    assert books.holding(as_of="2023-09-29")["cost"] == figure("0", "0", "5")
    assert books.holding(as_of="2023-09-30")["cost"] == sure("5")


def test_a_correction_supersedes_from_its_known_and_shows_from_its_replacements(books: Books) -> None:
    """In between nothing shows: the old figure is known to be wrong, the new one isn't known yet."""
    fact, _ = books.given(
        invest("acme", "beta", usd("5"), known="2023-07-01"),
        correct(
            ident(1),
            {**invest("acme", "beta", usd("7")), "known": "2024-05-01"},
            known="2024-02-01",
        ),
    )
    assert costs(books, known_at="2024-01-31") == ["5"]
    assert costs(books, known_at="2024-02-01") == []
    assert costs(books, known_at="2024-04-30") == []
    assert costs(books, known_at="2024-05-01") == ["7"]
    assert costs(books, position=1) == ["5"]
    assert books.holding()["events"] == [fact]


def test_a_replacement_counts_from_its_own_effective_date(books: Books) -> None:
    """The correction's own date says nothing about the world."""
    books.given(
        invest("acme", "beta", usd("5"), on="2022-06-30"),
        correct(ident(1), invest("acme", "beta", usd("5"), on="2023-03-31"), known="2024-01-01", on="2021"),
    )
    assert costs(books, as_of="2023-03-30") == []
    assert costs(books, as_of="2023-03-31") == ["5"]
    assert costs(books, as_of="2022-06-30", known_at="2023-12-31") == ["5"]


def test_corrections_of_corrections_and_their_retractions(books: Books) -> None:
    """The live member with the highest position is the row; retracting it brings back the one below, and again."""
    five, six, seven = (invest("acme", "beta", usd(amount)) for amount in "567")
    books.given(
        five,
        correct(ident(1), six, known="2024-01-01"),
        correct(ident(2), seven, known="2024-01-02"),
        retract(ident(3), known="2024-01-03"),
        retract(ident(2), known="2024-01-04"),
        retract(ident(5), known="2024-01-05"),
        retract(ident(1), known="2024-01-06"),
        retract(ident(2), known="2024-01-07"),
    )
    by_position = [costs(books, position=position) for position in range(1, 9)]
    # Retracting the fact while its correction is live leaves the correction's row.
    assert by_position == [["5"], ["6"], ["7"], ["6"], ["5"], ["6"], ["6"], []]
    by_day = [costs(books, known_at=f"2024-01-0{day}") for day in range(1, 8)]
    assert by_day == [["6"], ["7"], ["6"], ["5"], ["6"], ["6"], []]


def test_later_positions_say_more_about_earlier_days(books: Books) -> None:
    """A correction that says that it was known long ago changes that day's answer, for later positions only."""
    books.given(
        invest("acme", "beta", usd("5"), known="2023-07-01"),
        correct(ident(1), invest("acme", "beta", usd("7")), known="2023-07-01"),
    )
    assert costs(books, known_at="2023-07-01", position=1) == ["5"]
    assert costs(books, known_at="2023-07-01", position=2) == ["7"]


def test_denied_counts_nowhere_and_rumoured_only_when_asked_for(books: Books) -> None:
    books.given(
        invest("acme", "beta", usd("5"), status="denied"),
        invest("acme", "gamma", usd("6"), status="rumoured"),
        invest("acme", "delta", usd("7"), status="confirmed"),
    )
    assert costs(books) == ["7"]
    assert costs(books, rumours=True) == ["7", "6"]


def test_of_several_sources_for_one_fact_the_first_counts(books: Books) -> None:
    """By position, whichever points at which; and the next one as soon as the first isn't there."""
    books.given(
        invest("acme", "beta", usd("5"), known="2024-03-01"),
        invest("acme", "beta", usd("6"), known="2024-02-01", same_as=ident(1)),
        invest("acme", "beta", usd("7"), known="2024-01-01", same_as=ident(2)),
    )
    assert costs(books) == ["5"]
    assert costs(books, known_at="2024-02-01") == ["6"]
    assert costs(books, known_at="2024-01-01") == ["7"]
    assert books.holding()["events"] == [ident(1)]


def test_a_denied_source_leaves_its_place_to_the_next(books: Books) -> None:
    books.given(
        invest("acme", "beta", usd("5"), status="denied"),
        invest("acme", "beta", usd("6"), status="rumoured", same_as=ident(1)),
        invest("acme", "beta", usd("7"), same_as=ident(1)),
    )
    assert costs(books) == ["7"]
    assert costs(books, rumours=True) == ["6"]


def test_a_source_that_is_not_effective_yet_still_ties_the_others_together(books: Books) -> None:
    """The day decides who counts, not who says the same."""
    books.given(
        invest("acme", "beta", usd("5"), on="2023-01-31"),
        invest("acme", "beta", usd("6"), on="2025-01-31", known="2023-02-01", same_as=ident(1)),
        invest("acme", "beta", usd("7"), on="2023-01-31", same_as=ident(2)),
    )
    assert costs(books, as_of="2023-12-31") == ["5"]


def test_one_fact_from_two_sources_of_different_types(books: Books) -> None:
    """A draw that one source calls an investment counts once."""
    books.given(
        commit("pledge", "acme", "beta", usd("100")),
        draw("pledge", usd("10")),
        invest("acme", "beta", usd("10"), commitment="pledge", same_as=ident(2)),
    )
    assert books.commitment()["drawn"] == sure("10")
    assert books.holdings().rows == []


def test_pointers_that_corrections_closed_to_a_circle(books: Books) -> None:
    """Each says that it repeats the other: the first counts."""
    books.given(
        invest("acme", "beta", usd("5")),
        invest("acme", "beta", usd("6"), same_as=ident(1)),
        correct(ident(1), {**invest("acme", "beta", usd("5")), "same_as": ident(2)}, known="2024-01-01"),
    )
    assert costs(books) == ["5"]


@pytest.mark.parametrize("position", range(1, 7))
def test_an_answer_at_a_position_never_changes(books: Books, position: int) -> None:
    """Whatever is recorded after it, about it or not."""
    facts = [
        invest("acme", "beta", usd("5"), stake={"share": "0.1"}),
        mark("beta", usd("90"), known="2023-08-01"),
        correct(ident(1), invest("acme", "beta", usd("7"), stake={"share": "0.2"}), known="2023-09-01"),
        claim("said"),
        retract(ident(3), known="2023-10-01"),
        retract(ident(2), known="2023-11-01"),
    ]
    books.given(*facts[:position])
    before = books.holdings(position=position), books.trail(position=position)
    for fact in facts[position:]:
        books.given(fact)
    assert (books.holdings(position=position), books.trail(position=position)) == before


def test_a_long_line_of_sources_is_one_fact() -> None:
    """However many repeat one another, each is followed once."""
    pointers = {f"source-{number + 1}": f"source-{number}" for number in range(20_000)}
    roots: dict[str, str] = {}
    assert {_root(chain, pointers, roots) for chain in reversed(pointers)} == {"source-0"}
