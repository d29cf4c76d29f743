"""Groups as of a day, found for all parties at once, beside the line of parents of each by itself."""

from __future__ import annotations

from datetime import date

from hypothesis import given
from hypothesis import strategies as st

from projections.groups import Groups, Parentage
from projections.parties import Parties

NAMES = st.sampled_from("abcdefgh")
DAYS = st.dates(date(2024, 1, 1), date(2024, 1, 9))
SAID = st.fixed_dictionaries(
    {}, optional={"parent": st.none() | NAMES, "kind": st.sampled_from(["fund", "undisclosed"])}
)


@given(st.lists(st.tuples(NAMES, DAYS, SAID), max_size=20), DAYS)
def test_the_ultimate_parents_of_all_are_those_of_each(
    said: list[tuple[str, date, dict[str, str | None]]], day: date
) -> None:
    """Also where corrections have closed a circle of parents in the past, and where a parent ended."""
    said.sort(key=lambda one: one[1])
    by_entity: dict[str, list[tuple[date, dict[str, str | None]]]] = {}
    for entity, since, words in said:
        by_entity.setdefault(entity, []).append((since, words))
    each = Parties(by_entity, {})
    found = Parentage(said).on(day)
    roots = dict(found.roots())
    assert {name: roots.get(name, name) for name in "abcdefgh"} == {name: each.root(name, day) for name in "abcdefgh"}
    nobody_named = {name for name in by_entity if each.attribute(name, "kind", day) == "undisclosed"}
    assert set(found.unnamed) == nobody_named


def test_who_leads_into_a_circle_has_its_first_by_name() -> None:
    assert dict(Groups({"x": "c", "c": "b", "b": "c", "y": "x"}, []).roots()) == {
        "x": "b",
        "c": "b",
        "b": "b",
        "y": "b",
    }
