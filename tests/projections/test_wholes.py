"""Wholes and parts in the graph of exposures: what each keeps, and what some of them come to together."""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ledger.money import Bounds
from projections.wholes import Group
from tests.facts import (
    commit,
    eur,
    ident,
    invest,
    pay,
    sign,
    usd,
)
from tests.projections.conftest import Books
from tests.projections.graphs import asked, edges, found, network, pair, shown


def test_a_whole_keeps_what_its_named_parts_leave_of_it(books: Books) -> None:
    """Parts keep their own edges, the whole is never below zero, and others of its size are no matter."""
    books.given(
        commit("round", "investors", "lab", usd("10", "about")),
        commit("part", "acme", "lab", usd("3"), part_of="round"),
        invest("beta", "lab", usd("4"), part_of="round"),
        invest("gamma", "lab", usd("2")),
        invest("delta", "lab", usd("1"), part_of=ident(4)),
        invest("omega", "lab", usd("5"), part_of=ident(4)),
    )
    assert found(books) == [
        ("investors", "lab", "funding", "2.5..3..3.5"),
        ("acme", "lab", "funding", "3"),
        ("beta", "lab", "funding", "4"),
        ("delta", "lab", "funding", "1"),
        ("omega", "lab", "funding", "5"),
    ]


def test_a_part_that_flows_its_wholes_way_comes_to_the_larger_with_it(books: Books) -> None:
    """Up to 4 of a round of 10 leaves it 10, as the list of commitments says: not 6 to 14."""
    books.given(
        commit("round", "acme", "lab", usd("10"), on="2024-01-31"),
        commit("part", "acme", "lab", usd("4", "up_to"), part_of="round", on="2024-01-31"),
        sign("deal", "lab", "acme", usd("20"), on="2024-01-31"),
    )
    assert pair(books) == {
        "funding": "10",
        "round_trip": "10",
        "of_funding": "1",
        "network.funding": "10",
        "network.circulation": "20",
        "network.recycled": "10",
        "network.gross": "30",
    }
    listed = books.commitments(currency="USD").totals or []
    assert [listed[0]["committed"][end] for end in ("low", "stated", "high")] == ["10", "10", "10"]
    # The part keeps its edge, and the whole's is what it may leave: where the days count, each is by itself.
    four, six, ten = Decimal(4), Decimal(6), Decimal(10)
    alone = [edge.amount for edge in edges(books) if edge.kind == "funding"]
    assert alone == [Bounds(six, six, ten), Bounds(Decimal(0), four, four)]
    for rule in ("window", "strict"):
        timed = pair(books, time_rule=rule)
        assert (timed["funding"], timed["round_trip"]) == ("10", "6..10..10")


@pytest.mark.parametrize(
    ("whole", "part", "funding"),
    [
        (usd("10"), usd("3", "over"), "10..10..?"),
        (usd("10"), usd("4"), "10"),
        (usd("10"), usd("12"), "12"),
        (usd("5"), usd("8", "up_to"), "5..8..8"),
        (usd("10", "about"), usd("4", "about"), "9.5..10..10.5"),
        (usd("10", "over"), usd("4", "up_to"), "10..10..?"),
        ({}, usd("4"), "4..4..?"),
        (usd("10"), {}, "10..10..?"),
    ],
)
def test_whole_and_part_of_one_way_at_every_bound(
    books: Books, whole: dict[str, str], part: dict[str, str], funding: str
) -> None:
    books.given(
        commit("round", "acme", "lab", whole),
        commit("part", "acme", "lab", part, part_of="round"),
        sign("deal", "lab", "acme", usd("20")),
    )
    figures = pair(books)
    assert (figures["funding"], figures["network.funding"]) == (funding, funding)


def test_a_part_of_a_coarse_date_leaves_its_whole_what_it_is(books: Books) -> None:
    books.given(
        commit("round", "acme", "lab", usd("10"), on="2022-06-30"),
        commit("part", "acme", "lab", usd("4"), part_of="round", on="2023"),
        sign("deal", "lab", "acme", usd("20"), on="2022-06-30"),
    )
    figures = pair(books, as_of="2023-06-01")
    assert (figures["funding"], figures["network.funding"], figures["round_trip"]) == ("10", "10", "10")


def test_investments_of_one_way_come_to_the_larger_too(books: Books) -> None:
    books.given(
        sign("deal", "lab", "acme", usd("20")),
        pay("deal", usd("20")),
        invest("acme", "lab", usd("10"), id=ident(60)),
        invest("acme", "lab", usd("4", "up_to"), part_of=ident(60)),
    )
    figures = pair(books, "paid")
    assert (figures["funding"], figures["network.funding"], figures["network.gross"]) == ("10", "10", "30")


def test_parts_of_parts_of_one_way(books: Books) -> None:
    """What went elsewhere is taken from the whole once, and the rest is the larger of what flows this way."""
    books.given(
        commit("round", "acme", "lab", usd("10")),
        commit("part", "acme", "lab", usd("4", "up_to"), part_of="round"),
        commit("other", "beta", "lab", usd("1"), part_of="part"),
        sign("deal", "lab", "acme", usd("20")),
    )
    figures = pair(books)
    assert (figures["funding"], figures["network.funding"]) == ("9", "10")


def test_a_whole_and_its_part_to_another_come_to_the_whole(books: Books) -> None:
    """Whatever of the 10 went to whom, 10 flow: not 2 to 18."""
    books.given(
        commit("round", "acme", "lab", usd("10")),
        commit("part", "acme", "beta", usd("8", "up_to"), part_of="round"),
    )
    assert found(books) == [("acme", "lab", "funding", "2..2..10"), ("acme", "beta", "funding", "0..8..8")]
    listed = books.commitments(currency="USD").totals or []
    assert shown(listed[0]["committed"]) == "10"
    assert network(books) == {"funding": "10", "gross": "10", "circulation": "0", "recycled": "0"}


def test_of_a_group_only_what_is_asked_for_is_added_up(books: Books) -> None:
    """What flows elsewhere is taken from the whole; it need not be in the answer to be."""
    books.given(
        commit("round", "acme", "lab", usd("10")),
        commit("one", "acme", "beta", usd("8", "up_to"), part_of="round"),
        commit("two", "gamma", "lab", usd("3", "up_to"), part_of="round"),
    )
    assert network(books)["gross"] == "10..11..11"
    assert network(books, entity="beta")["gross"] == "0..8..8"
    assert network(books, entity="lab")["gross"] == "2..3..10"
    assert network(books, entity="gamma")["gross"] == "0..3..3"


def test_circles_take_no_more_than_flows(books: Books) -> None:
    """The circulation takes each flow at its own bounds: 10 to one and 8 to the other can't be, and 28 is all."""
    books.given(
        commit("round", "acme", "lab", usd("10")),
        commit("part", "acme", "beta", usd("8", "up_to"), part_of="round"),
        sign("deal", "lab", "acme", usd("10")),
        sign("other", "beta", "acme", usd("8")),
    )
    assert network(books) == {"funding": "10", "gross": "28", "circulation": "4..20..28", "recycled": "2..10..10"}
    figures = asked(books, "contracted")["network"]
    assert figures["circularity"] == {"at_low": "0.142857142857", "at_stated": "0.714285714286", "at_high": "1"}
    assert figures["recycled_share"] == {"at_low": "0.2", "at_stated": "1", "at_high": "1"}


def test_a_whole_in_credit_comes_back_with_what_its_parts_leave(books: Books) -> None:
    """Funding and the purchase that it is are of the same group, and each comes to what the group does."""
    books.given(
        invest("acme", "lab", usd("10"), form="cloud_credit", id=ident(60)),
        invest("acme", "beta", usd("4", "up_to"), form="cloud_credit", part_of=ident(60)),
    )
    assert network(books, "paid") == {
        "funding": "10",
        "gross": "20",
        "circulation": "12..20..20",
        "recycled": "6..10..10",
    }


def test_of_a_mixture_what_comes_back_is_any_part(books: Books) -> None:
    books.given(
        invest("acme", "lab", usd("10"), form=["cash", "cloud_credit"], id=ident(60)),
        invest("acme", "lab", usd("4", "up_to"), form="cloud_credit", part_of=ident(60)),
    )
    assert network(books, "paid")["gross"] == "10..14..20"


def test_what_is_left_out_of_a_group_is_no_part_of_its_sum(books: Books) -> None:
    books.given(
        invest("acme", "lab", usd("10"), id=ident(60)),
        invest("acme", "lab", usd("3", "up_to"), part_of=ident(60), cash_to="holders"),
    )
    assert network(books, "paid")["gross"] == "7..7..10"
    assert network(books, "paid", extras=frozenset({"secondary"}))["gross"] == "10"


def test_a_rate_that_only_a_part_lacks_leaves_the_part_alone(books: Books) -> None:
    books.given(
        invest("acme", "lab", eur("10"), id=ident(60)),
        invest("acme", "beta", usd("4", "up_to"), part_of=ident(60)),
    )
    assert [one[3] for one in found(books, "paid")] == ["missing", "0..4..4"]
    assert asked(books, "paid")["network"]["gross"] is None
    assert network(books, "paid", entity="beta")["gross"] == "0..4..4"


@settings(max_examples=300, deadline=None, derandomize=True, database=None)
@given(data=st.data())
def test_what_some_of_a_group_keep_is_as_little_and_as_much_as_it_can_be(data: st.DataObject) -> None:
    """Against every amount in steps of a half, from every low to every high."""
    size = data.draw(st.integers(1, 4))
    whole_of = [
        data.draw(st.one_of(st.none(), st.integers(item + 1, size - 1))) if item + 1 < size else None
        for item in range(size)
    ]
    ends = [sorted(data.draw(st.tuples(st.integers(0, 5), st.integers(0, 3)))) for _ in range(size)]
    places = {place: data.draw(st.booleans()) for place in data.draw(st.sets(st.integers(0, size - 1), min_size=1))}
    group = Group([Bounds(Decimal(low), None, Decimal(high)) for low, high in ends], whole_of)
    steps = ([Fraction(half, 2) for half in range(2 * low, 2 * high + 1)] for low, high in ends)
    flows = [[1] if all_of_it else [0, 1] for all_of_it in places.values()]
    everything = [
        kept(amounts, whole_of, dict(zip(places, share, strict=True)))
        for amounts in itertools.product(*steps)
        for share in itertools.product(*flows)
    ]
    carried = group.carried(places)
    assert carried.high is not None
    assert (Fraction(carried.low), Fraction(carried.high)) == (min(everything), max(everything))


def kept(amounts: Sequence[Fraction], whole_of: Sequence[int | None], shares: Mapping[int, int]) -> Fraction:
    def comes_to(item: int) -> Fraction:
        return max(amounts[item], of_parts(item))

    def of_parts(item: int) -> Fraction:
        return sum((comes_to(part) for part, whole in enumerate(whole_of) if whole == item), Fraction(0))

    return sum(
        (share * max(Fraction(0), amounts[item] - of_parts(item)) for item, share in shares.items()), Fraction(0)
    )


def test_credit_and_money_of_one_group_come_to_the_group(books: Books) -> None:
    """What is paid for existing shares is left out, and taken from the whole."""
    books.given(
        invest("acme", "lab", usd("10"), form="cash", id=ident(60)),
        invest("acme", "lab", usd("4", "up_to"), form="cloud_credit", part_of=ident(60)),
        invest("beta", "lab", usd("10"), id=ident(61)),
        invest("beta", "lab", usd("3", "up_to"), part_of=ident(61), cash_to="holders"),
    )
    assert found(books, "paid") == [
        ("acme", "lab", "funding", "6..6..10"),
        ("acme", "lab", "funding", "0..4..4"),
        ("lab", "acme", "purchase", "0..4..4"),
        ("beta", "lab", "funding", "7..7..10"),
    ]
    assert network(books, "paid", entity="acme")["funding"] == "10"


def test_a_part_that_is_in_no_layer_leaves_the_whole_as_it_is(books: Books) -> None:
    books.given(
        commit("round", "investors", "lab", usd("10")),
        commit("part", "acme", "lab", usd("3"), part_of="round", binding=False),
    )
    assert found(books) == [("investors", "lab", "funding", "10")]
    assert [one[3] for one in found(books, "announced")] == ["7", "3"]


def test_a_part_that_is_left_out_is_still_taken_from_the_whole(books: Books) -> None:
    """Of a round of 10, holders were paid 3."""
    books.given(
        invest("investors", "lab", usd("10")),
        invest("acme", "lab", usd("3"), part_of=ident(1), cash_to="holders"),
    )
    assert found(books, "paid") == [("investors", "lab", "funding", "7")]


def test_a_draw_is_not_taken_from_the_commitment_that_covers_it(books: Books) -> None:
    """Though it says it is a part of it; what says it is a part of the draw is taken from the commitment."""
    books.given(
        commit("pledge", "acme", "lab", usd("10")),
        invest("acme", "lab", usd("4"), commitment="pledge", part_of="pledge", id=ident(50)),
        invest("beta", "lab", usd("1"), part_of=ident(50)),
    )
    assert found(books) == [("acme", "lab", "funding", "9"), ("beta", "lab", "funding", "1")]
