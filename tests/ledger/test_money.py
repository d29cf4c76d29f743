"""Figures with bounds: what each word means, how own bounds are read, and that sums and differences enclose."""

from __future__ import annotations

from collections.abc import Iterable
from decimal import Context, Decimal
from functools import reduce
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from ledger.money import (
    NOTHING,
    QUALIFIERS,
    UNKNOWN,
    Bounds,
    Money,
    Stake,
    exactly,
    larger,
    money_of,
    plain,
    product,
    quotient,
    remainder,
    stake_of,
    total,
)
from tests.facts import usd


def bounds(low: str, stated: str | None, high: str | None) -> Bounds:
    return Bounds(Decimal(low), None if stated is None else Decimal(stated), None if high is None else Decimal(high))


WORDS: list[tuple[str | None, str, str | None, str | None, str]] = [
    (None, "0.4", "0.4", "0.4", "0.4"),
    ("over", "0.4", "0.4", None, "1"),
    ("at_least", "0.4", "0.4", None, "1"),
    ("up_to", "0", "0.4", "0.4", "0.4"),
    ("nearly", "0.36", "0.4", "0.4", "0.4"),
    ("just_under", "0.38", "0.4", "0.4", "0.4"),
    ("about", "0.38", "0.4", "0.42", "0.42"),
    ("tens_of", "4", None, "40", "1"),
    ("hundreds_of", "40", None, "400", "1"),
]


@pytest.mark.parametrize(("qualifier", "low", "stated", "high", "share_high"), WORDS)
def test_each_word_has_its_bounds(
    qualifier: str | None, low: str, stated: str | None, high: str | None, share_high: str
) -> None:
    """The table of docs/events.md, for money and for stakes; a stake is never above 1."""
    assert money_of(usd("0.4", qualifier)) == ("USD", bounds(low, stated, high))
    if qualifier not in ("tens_of", "hundreds_of"):
        word = {} if qualifier is None else {"qualifier": qualifier}
        assert stake_of({"share": "0.4", **word}) == ("economic", bounds(low, stated, share_high))


def test_no_word_is_left_out() -> None:
    assert {case[0] for case in WORDS} == {None, *QUALIFIERS}


def test_a_stake_that_is_about_all_ends_at_all() -> None:
    assert stake_of({"share": "0.99", "qualifier": "about"})[1] == bounds("0.9405", "0.99", "1")


@pytest.mark.parametrize(
    ("own", "low", "stated", "high"),
    [
        ({"low": "3", "high": "4"}, "3", None, "4"),
        ({"low": "3", "high": "4", "high_open": True}, "3", None, "4"),
        ({"low": "3"}, "3", None, None),
        ({"high": "4"}, "0", None, "4"),
        ({"low": "3", "amount": "3.5", "high": "4"}, "3", "3.5", "4"),
        ({"amount": "3.5", "high": "4"}, "0", "3.5", "4"),
        ({"amount": "3.5", "low": "3"}, "3", "3.5", None),
        ({"low": "4", "amount": "4", "high": "4"}, "4", "4", "4"),
        ({}, "0", None, None),
    ],
)
def test_own_bounds_are_taken_as_they_are(own: dict[str, Any], low: str, stated: str | None, high: str | None) -> None:
    """A missing low is zero, a missing high unbounded; an amount beside them is the stated figure."""
    assert money_of({"currency": "USD", **own}) == ("USD", bounds(low, stated, high))


def test_money_of_nothing_is_wholly_unknown() -> None:
    assert money_of({}) == (None, UNKNOWN)
    assert money_of({"original": "an undisclosed sum"}) == (None, UNKNOWN)
    assert stake_of({}) == ("economic", bounds("0", None, "1"))
    assert stake_of({"basis": "voting"}) == ("voting", bounds("0", None, "1"))
    assert stake_of({"low": "0.2", "basis": "profit_share"}) == ("profit_share", bounds("0.2", None, "1"))


NO_DECIMALS = (
    *(
        "1_000",
        "1e5",
        "1E5",
        "١",
        "１",
        "٣٫٥",
        "1,000",
        "1.",
        ".5",
        "+1",
        " 1",
        "1 ",
        "1\n",
        "",
        "--1",
        "-",
        "0x10",
        "NaN",
    ),
    *("Infinity", "1.2.3", "1234567890123456789", "0.1234567890123", "½", "1\u00a0000"),
)
NO_TEXTS: tuple[Any, ...] = (1, 1.5, True, Decimal("1"), ["1"], {})
WRONG_MONEY: list[tuple[dict[str, Any], str]] = [
    *(({"currency": "USD", "amount": amount}, "invalid_amount") for amount in NO_DECIMALS),
    *(({"currency": "USD", "amount": amount}, "negative_amount") for amount in ("-1", "-0.5", "-0")),
    *(({"currency": "USD", "amount": amount}, "string_type") for amount in NO_TEXTS),
    *(({"currency": code, "amount": "1"}, "unknown_currency") for code in ("usd", "XYZ", "U$D", "ＵＳＤ", "   ")),
    ({"currency": "US", "amount": "1"}, "unknown_currency"),
    ({"currency": "USDT", "amount": "1"}, "unknown_currency"),
    ({"amount": "1"}, "invalid_amount"),
    ({"low": "1"}, "invalid_amount"),
    ({"currency": "USD", "qualifier": "over"}, "invalid_amount"),
    ({"currency": "USD", "amount": "1", "qualifier": "over", "low": "1"}, "invalid_amount"),
    ({"currency": "USD", "amount": "1", "qualifier": "roughly"}, "literal_error"),
    ({"currency": "USD", "low": "2", "high": "1"}, "invalid_amount"),
    ({"currency": "USD", "low": "2", "amount": "1"}, "invalid_amount"),
    ({"currency": "USD", "amount": "2", "high": "1"}, "invalid_amount"),
    ({"currency": "USD", "low": "1", "high_open": True}, "invalid_amount"),
    ({"currency": "USD", "low": "1", "high": "1", "high_open": True}, "invalid_amount"),
    ({"currency": "USD", "amount": "1", "vat": "0"}, "extra_forbidden"),
]


@pytest.mark.parametrize(("said", "kind"), WRONG_MONEY, ids=lambda value: repr(value))
def test_money_of_any_other_form_is_refused(said: dict[str, Any], kind: str) -> None:
    """Decimal strings of ASCII digits only, in the right order, in a currency that exists."""
    with pytest.raises(ValidationError) as refused:
        Money.model_validate(said)
    assert [error["type"] for error in refused.value.errors()] == [kind]


@pytest.mark.parametrize("amount", ["0", "0.0", "007", "123456789012345678", "123456789012345678.123456789012"])
def test_money_of_this_form_is_taken(amount: str) -> None:
    """The control: 18 digits before the point and 12 after, exactly as written."""
    assert Money.model_validate(usd(amount)).bounds == exactly(Decimal(amount))


@pytest.mark.parametrize("share", ["1.000000000001", "2", "49", "-0.1", "0.5%", 0.5])
def test_a_share_is_between_none_and_all(share: Any) -> None:
    for field in ("share", "low", "high"):
        with pytest.raises(ValidationError):
            Stake.model_validate({field: share})
    assert Stake.model_validate({"share": "1"}).bounds == exactly(Decimal(1))


# --- arithmetic -------------------------------------------------------------------------------------------------

WIDE = Context(prec=200)
# 18 digits before the point and 12 after it, which is more than decimals keep unless told.
NUMBERS = st.integers(0, 10**30 - 1).map(lambda number: Decimal(number).scaleb(-12, WIDE))


@st.composite
def figures(draw: Any) -> Bounds:
    low, stated, high = sorted(draw(st.tuples(NUMBERS, NUMBERS, NUMBERS)))
    return Bounds(low, draw(st.sampled_from([stated, None])), draw(st.sampled_from([high, None])))


@st.composite
def values_in(draw: Any, figure: Bounds) -> Decimal:
    """A value that the figure allows."""
    share = draw(st.sampled_from([Decimal(0), Decimal("0.5"), Decimal(1)]))
    top = WIDE.add(figure.low, 1000) if figure.high is None else figure.high
    return WIDE.add(figure.low, WIDE.multiply(WIDE.subtract(top, figure.low), share))


def exact_sum(numbers: Iterable[Decimal]) -> Decimal:
    return reduce(WIDE.add, numbers, Decimal(0))


def encloses(figure: Bounds, value: Decimal) -> bool:
    return figure.low <= value and (figure.high is None or value <= figure.high)


@given(st.data(), st.lists(figures(), max_size=5))
def test_a_sum_encloses_every_sum_of_its_parts(data: st.DataObject, parts: list[Bounds]) -> None:
    """Exactly, at any size; a part that states nothing states its low; nothing sums to zero."""
    found = total(parts)
    assert encloses(found, exact_sum(data.draw(values_in(part)) for part in parts))
    assert found.stated == exact_sum(part.low if part.stated is None else part.stated for part in parts)
    assert (found.high is None) == any(part.high is None for part in parts)
    assert total([]) == NOTHING


@given(st.data(), figures(), figures())
def test_a_remainder_encloses_every_difference(data: st.DataObject, whole: Bounds, taken: Bounds) -> None:
    """Never below zero, the two being independent; unbounded above only with the whole."""
    found = remainder(whole, taken)
    assert encloses(found, max(Decimal(0), WIDE.subtract(data.draw(values_in(whole)), data.draw(values_in(taken)))))
    assert found.low <= found.stated_or_low
    assert found.high is None or found.stated_or_low <= found.high
    assert (found.high is None) == (whole.high is None)


@given(st.data(), figures(), figures())
def test_the_larger_encloses_every_maximum(data: st.DataObject, one: Bounds, other: Bounds) -> None:
    found = larger(one, other)
    assert encloses(found, max(data.draw(values_in(one)), data.draw(values_in(other))))
    assert found == larger(other, one)


@given(st.data(), figures(), figures())
def test_a_product_encloses_every_product(data: st.DataObject, one: Bounds, other: Bounds) -> None:
    """It states something only if both factors do; nothing times the unbounded is nothing."""
    found = product(one, other)
    assert encloses(found, WIDE.multiply(data.draw(values_in(one)), data.draw(values_in(other))))
    assert (found.stated is None) == (one.stated is None or other.stated is None)
    assert product(NOTHING, UNKNOWN).high == 0


def test_a_quotient_goes_from_low_by_high_to_high_by_low() -> None:
    """A bound that would divide by zero is open."""
    assert quotient(bounds("10", "20", "30"), bounds("0.2", "0.4", "0.5")) == bounds("20", "50", "150")
    assert quotient(bounds("10", "20", "30"), bounds("0", None, "1")) == bounds("10", None, None)
    assert quotient(bounds("10", "20", None), bounds("0.5", "0.5", "0.5")) == bounds("20", "40", None)
    assert quotient(bounds("10", "20", "30"), bounds("0", "0", "0")) == bounds("0", None, None)


@pytest.mark.parametrize(
    ("number", "text"),
    [
        ("0", "0"),
        ("-0", "0"),
        ("0.000", "0"),
        ("1.500", "1.5"),
        ("100", "100"),
        ("1E+3", "1000"),
        ("1E-12", "0.000000000001"),
        ("0.0000000000005", "0"),
        ("0.0000000000015", "0.000000000002"),
        ("0.00000000000050000001", "0.000000000001"),
        ("2.4999999999995", "2.5"),
        ("-1.50", "-1.5"),
        ("999999999999999999.999999999999", "999999999999999999.999999999999"),
        ("123456789012345678901234567890.123456789012", "123456789012345678901234567890.123456789012"),
    ],
)
def test_numbers_are_written_plainly(number: str, text: str) -> None:
    """At most 12 places, half to even, no exponent, no trailing zeros, no minus before zero."""
    assert plain(Decimal(number)) == text


@given(NUMBERS)
def test_what_is_written_plainly_reads_back(number: Decimal) -> None:
    text = plain(number)
    assert Decimal(text) == number
    assert text == "0" or not (text.startswith("00") or ("." in text and text.endswith("0")))


def test_the_quotient_of_extremes_is_written_out() -> None:
    """What no figure of ours comes to can still be a multiple of two of them at odd rates."""
    assert plain(Decimal("1e90")) == "1" + "0" * 90
