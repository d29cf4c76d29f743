"""Liveness: which of a fact and its corrections holds, against the definition spelled out as a recursion."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, timedelta
from itertools import pairwise
from typing import Any

from hypothesis import example, given
from hypothesis import strategies as st

from ledger.chains import Member, Segment, live_members, row_member, segments

DAY = date(2023, 1, 1)


def day(number: int) -> date:
    return DAY + timedelta(days=number)


def member(name: str, position: int, known: int, shows_from: int | None = None, retracts: str | None = None) -> Member:
    return Member(name, position, day(known), day(known if shows_from is None else shows_from), retracts)


def is_live(name: str, members: Sequence[Member], known_at: date | None) -> bool:
    """Recorded, known by `known_at`, and no live retraction names it: the definition, slowly."""
    [one] = [member for member in members if member.event_id == name]
    if known_at is not None and one.known > known_at:
        return False
    return not any(other.retracts == name and is_live(other.event_id, members, known_at) for other in members)


def row_on(members: Sequence[Member], known_at: date | None) -> str | None:
    """The live fact or correction with the highest position, if it shows by then."""
    alive = [one for one in members if one.retracts is None and is_live(one.event_id, members, known_at)]
    last = max(alive, key=lambda one: one.position, default=None)
    return None if last is None or (known_at is not None and last.shows_from > known_at) else last.event_id


@st.composite
def chains(draw: Any, most: int = 9) -> list[Member]:
    """A fact, then corrections (some of which show later) and retractions of any event before them."""
    members = [member("e0", draw(st.integers(1, 3)), draw(st.integers(0, 4)))]
    for number in range(1, draw(st.integers(1, most))):
        position = members[-1].position + draw(st.integers(1, 3))
        known = draw(st.integers(0, 6))
        if draw(st.booleans()):
            target = draw(st.sampled_from(members)).event_id
            members.append(member(f"e{number}", position, known, retracts=target))
        else:
            members.append(member(f"e{number}", position, known, known + draw(st.integers(0, 2))))
    return members


FACT = member("fact", 1, 0)


@given(chains(), st.sampled_from([None, *range(-1, 9)]))
@example(
    [FACT, member("r1", 2, 1, retracts="fact"), member("r2", 3, 2, retracts="r1"), member("r3", 4, 3, retracts="r2")], 3
)
@example([FACT, member("c1", 2, 1), member("c2", 3, 2), member("r", 4, 3, retracts="c2")], 4)
def test_a_chain_is_live_as_defined(members: list[Member], known_at: int | None) -> None:
    """In any order that the members are given in, at any day and at the end of knowledge."""
    on = None if known_at is None else day(known_at)
    expected = [one.event_id for one in members if one.retracts is None and is_live(one.event_id, members, on)]
    assert [one.event_id for one in live_members(members, on)] == expected
    assert [one.event_id for one in live_members(members[::-1], on)] == expected
    row = row_member(members, on)
    assert (row and row.event_id) == (expected[-1] if expected else None)


@given(chains())
def test_segments_say_the_row_of_every_day(members: list[Member]) -> None:
    """Each day lies in at most one segment, the one of the row that shows; neighbours of one row are one segment."""
    found = segments(members)
    for number in range(-1, 11):
        holding = [
            one.event_id
            for one in found
            if one.known_from <= day(number) and (one.known_to is None or day(number) < one.known_to)
        ]
        row = row_on(members, day(number))
        assert holding == ([] if row is None else [row])
    for one, after in pairwise(found):
        assert one.known_to is not None
        assert one.known_from < one.known_to <= after.known_from
        assert one.known_to < after.known_from or one.event_id != after.event_id


def test_a_correction_supersedes_when_it_is_known_and_shows_when_its_replacement_is() -> None:
    """Between the two nothing shows."""
    assert segments([FACT, member("c", 2, 3, shows_from=5)]) == [
        Segment("fact", day(0), day(3)),
        Segment("c", day(5), None),
    ]


def test_retracting_a_correction_restores_what_it_corrected() -> None:
    members = [FACT, member("c1", 2, 1), member("c2", 3, 2), member("r", 4, 3, retracts="c2")]
    assert segments(members) == [
        Segment("fact", day(0), day(1)),
        Segment("c1", day(1), day(2)),
        Segment("c2", day(2), day(3)),
        Segment("c1", day(3), None),
    ]


def test_retracting_a_retraction_restores_what_it_retracted() -> None:
    members = [FACT, member("r1", 2, 1, retracts="fact"), member("r2", 3, 2, retracts="r1")]
    assert segments(members) == [Segment("fact", day(0), day(1)), Segment("fact", day(2), None)]
    back_dated = [FACT, member("r1", 2, 2, retracts="fact"), member("r2", 3, 1, retracts="r1")]
    assert segments(back_dated) == [Segment("fact", day(0), None)]


def test_retracting_the_fact_leaves_its_correction() -> None:
    members = [FACT, member("c", 2, 1), member("r", 3, 2, retracts="fact")]
    assert segments(members) == [Segment("fact", day(0), day(1)), Segment("c", day(1), None)]
