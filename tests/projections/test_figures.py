"""Sums, differences and groups of figures that may be bounded, in several currencies, or unknown."""

from __future__ import annotations

from decimal import Decimal
from itertools import permutations

import pytest

from ledger.money import Bounds, exactly
from projections.figures import Figure, Item, grouped, larger_of, left_of, shown, summed, totals_shown
from tests.projections.figures import figure, sure


def usd(amount: str) -> Figure:
    return Figure({"USD": exactly(Decimal(amount))})


def eur(amount: str) -> Figure:
    return Figure({"EUR": exactly(Decimal(amount))})


UNKNOWN = Figure({None: Bounds(Decimal(0), None, None)})


def test_sums_keep_currencies_apart() -> None:
    assert shown(summed([usd("1"), eur("2"), usd("3")]), None) == [sure("2", "EUR"), sure("4")]


def test_what_is_of_no_currency_joins_the_only_one() -> None:
    """Beside two it stands alone, at the end."""
    assert shown(summed([usd("1"), UNKNOWN]), None) == figure("1", "1", None)
    assert shown(summed([UNKNOWN]), "USD") == figure("0", "0", None, None)
    assert shown(summed([usd("1"), UNKNOWN, eur("2")]), None) == [
        sure("2", "EUR"),
        sure("1"),
        figure("0", "0", None, None),
    ]


def test_a_figure_without_parts_is_zero_in_the_rows_currency() -> None:
    assert shown(Figure(), "EUR") == sure("0", "EUR")
    assert shown(Figure(), None) == sure("0", None)


def test_what_is_left_of_several_currencies_when_an_unknown_amount_was_taken() -> None:
    """It may have been taken from either, so nothing is sure of any."""
    left = left_of(summed([usd("5"), eur("7")]), summed([UNKNOWN, usd("1")]))
    assert shown(left, None) == [figure("0", "7", "7", "EUR"), figure("0", "4", "4"), figure("0", "0", "0", None)]


def test_the_larger_of_two_bound_by_bound() -> None:
    one = Figure({"USD": Bounds(Decimal(1), Decimal(5), None)})
    assert shown(larger_of(one, usd("3")), None) == figure("3", "5", None)
    assert shown(larger_of(usd("3"), eur("4")), None) == [sure("4", "EUR"), sure("3")]


@pytest.mark.parametrize("order", list(permutations(range(4))))
def test_groups_do_not_depend_on_the_order_of_rows(order: tuple[int, ...]) -> None:
    """a 10 has parts b 4 and c 3; c has a part d 8: c is 8, a is 12."""
    items = [
        Item(("a",), None, usd("10")),
        Item(("b",), "a", usd("4")),
        Item(("c",), "a", usd("3")),
        Item(("d",), "c", usd("8")),
    ]
    assert grouped([items[place] for place in order]) == usd("12")


def test_parts_of_what_is_not_there_count_by_themselves() -> None:
    assert grouped([Item(("b",), "a", usd("4")), Item(("c",), "a", usd("3"))]) == usd("7")


def test_a_circle_of_parts_is_opened_at_its_first_row() -> None:
    """Corrections can close one: a 1 in b 2 in c 9 in a. Opened at a: c is 9, b max(2, 0), and a the whole of c."""
    items = [Item(("a",), "b", usd("1")), Item(("b",), "c", usd("2")), Item(("c",), "a", usd("9"))]
    assert grouped(items) == usd("9")
    assert grouped([Item(("a",), "a", usd("1"))]) == usd("1")


def test_a_long_chain_of_parts() -> None:
    """Deeper than Python's stack."""
    items = [Item((str(number),), str(number + 1), usd(str(number))) for number in range(5_000)]
    assert grouped(items) == usd("4999")


def test_totals_are_one_object_a_currency() -> None:
    assert totals_shown({"one": summed([usd("1"), UNKNOWN]), "two": Figure()}) == [
        {"currency": "USD", "one": figure("1", "1", None), "two": sure("0")}
    ]
    assert totals_shown({"one": UNKNOWN, "two": Figure()}) == [
        {"currency": None, "one": figure("0", "0", None, None), "two": sure("0", None)}
    ]
    assert totals_shown({"one": Figure(), "two": Figure()}) == []
