"""Doubles: two records of one promise or contract, the second `same_as` the first, are one."""

from __future__ import annotations

from typing import Any

import pytest

from tests.facts import (
    bill,
    call_guarantee,
    change,
    close,
    commit,
    correct,
    distribute,
    draw,
    end_contract,
    guarantee,
    ident,
    invest,
    pay,
    retract,
    sign,
    usd,
)
from tests.projections.conftest import Books
from tests.projections.graphs import found, pair

FIRST, SECOND = ident(501), ident(502)
PLEDGE = commit("pledge", "acme", "lab", usd("10"), id=FIRST)
AGAIN = commit("again", "acme", "lab", usd("10"), id=SECOND, same_as=FIRST)
DEAL = sign("deal", "lab", "acme", usd("60"), id=FIRST)
DEAL_AGAIN = sign("deal-again", "lab", "acme", usd("60"), id=SECOND, same_as=FIRST)


def listed(books: Books, **times: Any) -> list[tuple[str, str, str]]:
    """Each commitment, what was committed, and what was drawn, as stated."""
    return [
        (row["commitment"], row["committed"]["stated"], row["drawn"]["stated"])
        for row in books.commitments(**times).rows
    ]


def test_a_draw_on_the_second_is_one_on_the_first(books: Books) -> None:
    """In the list and in every layer: 10 promised, of which 4 were paid; not 14."""
    [_, _, drawn] = books.given(PLEDGE, AGAIN, invest("acme", "lab", usd("4"), commitment="again"))
    assert listed(books) == [("pledge", "10", "4")]
    assert books.commitment()["events"] == [FIRST, drawn]
    assert found(books, "announced") == found(books) == [("acme", "lab", "funding", "10")]
    assert found(books, "paid") == [("acme", "lab", "funding", "4")]
    totals = books.commitments().totals or []
    assert [totals[0][name]["stated"] for name in ("committed", "drawn", "unfunded")] == ["10", "4", "6"]


def test_all_that_names_the_second_is_of_the_first(books: Books) -> None:
    """Changes, closes, draws of capital spending, and what can be called again."""
    books.given(
        PLEDGE,
        AGAIN,
        change("again", amount=usd("12"), on="2022-06-30"),
        draw("again", usd("3"), on="2022-07-31"),
        distribute("lab", "acme", usd("1"), commitment="again", recallable=usd("1"), on="2022-08-31"),
        close("again", "cancelled", on="2023-06-30"),
    )
    assert listed(books) == [("pledge", "12", "3")]
    assert books.commitment()["outcome"] == "cancelled"
    before = books.commitment(as_of="2023-06-29")
    assert (before["outcome"], before["unfunded"]["stated"]) == (None, "10")
    assert found(books) == [("acme", "lab", "funding", "3"), ("lab", "acme", "return", "1")]


def test_payments_and_bills_of_the_second_contract_are_of_the_first(books: Books) -> None:
    books.given(DEAL, DEAL_AGAIN, bill("deal-again", usd("30")), pay("deal-again", usd("20")))
    row = books.contract()
    assert [row["contract"], *(row[name]["stated"] for name in ("amount", "billed", "paid", "remaining"))] == [
        *("deal", "60", "30", "20", "30")
    ]
    assert found(books) == [("lab", "acme", "purchase", "60")]
    assert found(books, "paid") == [("lab", "acme", "purchase", "20")]
    books.given(end_contract("deal-again", on="2024-01-31"))
    assert books.contract()["ended"]
    assert found(books) == [("lab", "acme", "purchase", "20")]


def test_a_call_on_the_second_guarantee_is_one_on_the_first(books: Books) -> None:
    books.given(
        guarantee("backstop", "acme", "lab", "bank", usd("10"), id=FIRST),
        guarantee("surety", "acme", "lab", "bank", usd("10"), id=SECOND, same_as=FIRST),
        call_guarantee("surety", usd("3")),
    )
    assert sorted(found(books, "contracted", "guarantees")) == [
        ("acme", "bank", "guarantee", "3"),
        ("acme", "bank", "guarantee", "7"),
    ]

    state = (books.record("guarantee", "backstop") or {})["state"]
    assert state["called"]["stated"] == "3"
    assert len(state["events"]) == 2


@pytest.mark.parametrize("named", ["again", SECOND])
def test_what_is_part_of_the_second_is_part_of_the_first(books: Books, named: str) -> None:
    books.given(PLEDGE, AGAIN, commit("part", "beta", "lab", usd("4"), part_of=named))
    assert found(books) == [("acme", "lab", "funding", "6"), ("beta", "lab", "funding", "4")]
    totals = books.commitments().totals or []
    assert totals[0]["committed"]["stated"] == "10"


@pytest.mark.parametrize("named", ["deal-again", SECOND])
def test_what_is_linked_to_the_second_is_linked_to_the_first(books: Books, named: str) -> None:
    books.given(DEAL, DEAL_AGAIN, invest("lab", "acme", usd("4"), instrument="warrant", linked=named))
    assert found(books, "contracted", "equity_to_customers") == [
        ("lab", "acme", "purchase", "60"),
        ("acme", "lab", "equity_consideration", "4"),
    ]


@pytest.mark.parametrize(
    "first",
    [
        {**PLEDGE, "status": "denied"},
        {**PLEDGE, "status": "rumoured"},
        {**PLEDGE, "known": "2025-06-30"},
        {**PLEDGE, "effective": "2026"},
    ],
)
def test_the_second_stands_by_itself_while_the_first_does_not_count(books: Books, first: dict[str, Any]) -> None:
    """Denied, a rumour, not known yet, not there yet: so what names the second is of the second."""
    books.given(first, AGAIN, invest("acme", "lab", usd("4"), commitment="again"))
    times = {"as_of": "2025-01-31", "known_at": "2025-01-31"}
    assert listed(books, **times) == [("again", "10", "4")]
    assert found(books, **times) == [("acme", "lab", "funding", "10")]
    if first.get("status") == "rumoured":
        assert listed(books, rumours=True) == [("pledge", "10", "4")]


def test_a_correction_parts_the_two_when_it_is_known(books: Books) -> None:
    """Until then the draw is one on the first, and asked again as known before, it still is."""
    books.given(PLEDGE, AGAIN, invest("acme", "lab", usd("4"), commitment="again"))
    books.given(correct(SECOND, commit("again", "acme", "lab", usd("10")), known="2024-01-31"))
    assert listed(books, known_at="2024-01-30") == [("pledge", "10", "4")]
    assert listed(books) == [("again", "10", "4"), ("pledge", "10", "0")]
    assert [one[3] for one in found(books)] == ["10", "10"]


def test_a_record_that_was_made_anew_is_no_double(books: Books) -> None:
    """What made it first, and was retracted, was one."""
    books.given(PLEDGE, AGAIN)
    books.given(retract(SECOND, known="2024-01-31"))
    books.given(
        commit("again", "acme", "lab", usd("7"), on="2024-02-29"),
        invest("acme", "lab", usd("4"), commitment="again", on="2024-03-31"),
    )
    assert listed(books) == [("again", "7", "4"), ("pledge", "10", "0")]
    assert [one[3] for one in found(books)] == ["10", "7"]


def test_of_three_sources_the_first_has_it_all(books: Books) -> None:
    books.given(
        PLEDGE,
        AGAIN,
        commit("thrice", "acme", "lab", usd("10"), same_as=SECOND),
        sign("deal", "lab", "acme", usd("20")),
        invest("acme", "lab", usd("4"), commitment="again"),
        invest("acme", "lab", usd("5"), commitment="thrice"),
    )
    assert listed(books) == [("pledge", "10", "9")]
    assert pair(books)["funding"] == "10"


def test_a_record_that_repeats_nothing_keeps_what_names_it(books: Books) -> None:
    """The control: without `same_as` there are two promises."""
    books.given(PLEDGE, commit("again", "acme", "lab", usd("10")), invest("acme", "lab", usd("4"), commitment="again"))
    assert listed(books) == [("again", "10", "4"), ("pledge", "10", "0")]
    assert [one[3] for one in found(books)] == ["10", "10"]
