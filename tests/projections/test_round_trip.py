"""Round trips by the three rules of time, with coarse dates and bounds: worked cases, and every day tried."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, timedelta
from decimal import Decimal
from fractions import Fraction
from itertools import product

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ledger.money import Bounds, exactly
from projections.round_trip import Leg, TimeRule, round_trip, shares

START = date(2024, 1, 1)
RULES: list[TimeRule] = ["untimed", "window", "strict"]


def leg(day: int, amount: str | Bounds, last: int | None = None) -> Leg:
    """An amount some days after the start, or on some day from one to another."""
    bounds = exactly(Decimal(amount)) if isinstance(amount, str) else amount
    return Leg(bounds, START + timedelta(day), START + timedelta(day if last is None else last))


def between(low: str, stated: str | None, high: str | None) -> Bounds:
    return Bounds(Decimal(low), None if stated is None else Decimal(stated), None if high is None else Decimal(high))


def in_order(flows: str) -> tuple[list[Leg], list[Leg]]:
    """`P5 F4`: a purchase of 5, the next day funding of 4; `F4=P5` on one day."""
    funding: list[Leg] = []
    purchases: list[Leg] = []
    for day, together in enumerate(flows.split()):
        for flow in together.split("="):
            (funding if flow[0] == "F" else purchases).append(leg(day, flow[1:]))
    return funding, purchases


@pytest.mark.parametrize(
    ("flows", "strict", "untimed"),
    [("P5 F4 P3", 3, 4), ("F4=P5", 4, 4), ("P5=F4", 4, 4), ("F4 P1 F2 P9", 6, 6), ("P3 F2", 0, 2), ("F2", 0, 0)],
)
def test_strict_matches_a_purchase_to_funding_before_it(flows: str, strict: int, untimed: int) -> None:
    funding, purchases = in_order(flows)
    assert round_trip(funding, purchases, "strict") == exactly(Decimal(strict))
    assert round_trip(funding, purchases) == exactly(Decimal(untimed))


def test_the_pairs_of_the_definition() -> None:
    """Google, Anthropic: 2 against [3, 4). Amazon, Anthropic: up to 4 against 4. Crusoe, NVIDIA: no funding."""
    google = [leg(1, "2")], [leg(0, between("3", None, "4"))]
    assert round_trip(*google) == exactly(Decimal(2))
    of_funding, of_purchases = shares(*google)
    assert of_funding == exactly(Decimal(1))
    assert of_purchases
    assert (of_purchases.low, round(of_purchases.high or 0, 3)) == (Decimal("0.5"), Decimal("0.667"))
    assert round_trip(*google, "strict") == exactly(Decimal(0))
    assert shares(*google, "strict") == (exactly(Decimal(0)), exactly(Decimal(0)))

    amazon = [leg(0, between("0", "4", "4"))], [leg(0, "4")]
    assert round_trip(*amazon) == between("0", "4", "4")
    assert shares(*amazon) == (exactly(Decimal(1)), between("0", "1", "1"))

    crusoe: tuple[list[Leg], list[Leg]] = [], [leg(0, between("0", "0.2", "0.2"))]
    assert round_trip(*crusoe) == exactly(Decimal(0))
    assert shares(*crusoe) == (None, exactly(Decimal(0)))


def test_a_window_counts_what_has_an_opposite_flow_within_its_days() -> None:
    funding = [leg(0, "5"), leg(1000, "7")]
    purchases = [leg(365, "3"), leg(634, "1"), leg(2000, "9")]
    # 365 days from the first funding; 366 before the second; nothing near the last purchase.
    assert round_trip(funding, purchases, "window") == exactly(Decimal(3))
    assert round_trip(funding, purchases, "window", 366) == exactly(Decimal(4))
    assert round_trip(funding, purchases, "window", 10**9) == exactly(Decimal(12))
    assert round_trip(funding, purchases, "window", 0) == exactly(Decimal(0))


def test_coarse_dates_are_read_against_the_low_and_for_the_high() -> None:
    """Funding on some day of a month in which a purchase has a day of its own. The stated is on the last day."""
    funding, purchases = [leg(0, "4", last=30)], [leg(15, "3")]
    assert round_trip(funding, purchases, "strict") == between("0", "0", "3")
    assert round_trip(funding, purchases, "window", 15) == exactly(Decimal(3))
    assert round_trip(funding, purchases, "window", 14) == between("0", "0", "3")


def test_without_bound_only_if_both_legs_are() -> None:
    open_ended = [leg(0, between("2", "2", None))]
    assert round_trip(open_ended, [leg(1, "3")]) == between("2", "2", "3")
    for rule in RULES:
        assert round_trip(open_ended, [leg(1, between("3", "3", None))], rule).high is None
    assert round_trip([leg(5, between("2", "2", None))], [leg(1, between("3", "3", None))], "strict").high == 0


def test_windows_reach_out_of_the_calendar() -> None:
    first, last = Leg(exactly(Decimal(1)), date.min, date.min), Leg(exactly(Decimal(1)), date.max, date.max)
    assert round_trip([first], [last], "window", 10**7) == exactly(Decimal(1))
    assert round_trip([first], [last], "window", 365) == exactly(Decimal(0))


# --- every day and some amounts tried ---------------------------------------------------------------------------


def obviously(
    funding: list[tuple[int, Fraction]], purchases: list[tuple[int, Fraction]], rule: str, days: int
) -> Fraction:
    """The round trip of amounts on days, dollar by dollar: each purchase looks for funding, the oldest first."""
    if rule == "window":
        near_funding = [
            one for one in funding if any(abs(one[0] - other[0]) <= days and other[1] for other in purchases)
        ]
        near_purchases = [
            one for one in purchases if any(abs(one[0] - other[0]) <= days and other[1] for other in funding)
        ]
        funding, purchases = near_funding, near_purchases
    if rule != "strict":
        return min(sum((a for _, a in funding), Fraction(0)), sum((a for _, a in purchases), Fraction(0)))
    left = [amount for _, amount in sorted(funding)]
    matched = Fraction(0)
    for day, amount in sorted(purchases):
        for place, (funded, _) in enumerate(sorted(funding)):
            if funded <= day:
                taken = min(left[place], amount)
                left[place] -= taken
                amount -= taken
                matched += taken
    return matched


def choices(legs: Sequence[Leg]) -> list[list[tuple[int, Fraction]]]:
    """Everything that the legs may have been: on each of their days, with their lows and their highs."""
    each = [
        [
            (day, Fraction(amount))
            for day in range(one.first_day.toordinal(), one.last_day.toordinal() + 1)
            for amount in {one.amount.low, one.amount.high}
            if amount is not None
        ]
        for one in legs
    ]
    return [list(choice) for choice in product(*each)]


@st.composite
def legs(draw: st.DrawFn, most: int = 2, exact_days: bool = False, sure: bool = False) -> list[Leg]:
    found = []
    for _ in range(draw(st.integers(0, most))):
        first = draw(st.integers(0, 6))
        last = first if exact_days else first + draw(st.integers(0, 2))
        low, stated, high = sorted(draw(st.tuples(*[st.integers(1 if sure else 0, 5).map(Decimal)] * 3)))
        found.append(leg(first, Bounds(low, stated, high), last))
    return found


@settings(max_examples=250, deadline=None)
@given(funding=legs(), purchases=legs(), rule=st.sampled_from(RULES), days=st.integers(0, 4))
def test_the_bounds_hold_whatever_the_days_and_amounts_were(
    funding: list[Leg], purchases: list[Leg], rule: TimeRule, days: int
) -> None:
    """And strict ones are reached. A day that is against one match may be for another, so a window's low may not be."""
    found = round_trip(funding, purchases, rule, days)
    trips = [obviously(one, other, rule, days) for one in choices(funding) for other in choices(purchases)]
    assert found.high is not None
    assert Fraction(found.low) <= min(trips)
    assert max(trips) <= Fraction(found.high)
    if rule != "window":
        assert (Fraction(found.low), Fraction(found.high)) == (min(trips), max(trips))
    assert found.stated is not None
    assert found.low <= found.stated <= found.high


@settings(max_examples=250, deadline=None)
@given(
    funding=legs(most=4, exact_days=True),
    purchases=legs(most=4, exact_days=True),
    rule=st.sampled_from(RULES),
    days=st.integers(0, 4),
)
def test_on_exact_days_each_bound_is_the_round_trip_of_its_amounts(
    funding: list[Leg], purchases: list[Leg], rule: TimeRule, days: int
) -> None:
    found = round_trip(funding, purchases, rule, days)
    for at in ("low", "stated", "high"):
        dated = [
            [(one.first_day.toordinal(), Fraction(getattr(one.amount, at))) for one in side]
            for side in (funding, purchases)
        ]
        dated = [[one for one in side if one[1]] for side in dated]
        assert Fraction(getattr(found, at)) == obviously(dated[0], dated[1], rule, days)


@settings(max_examples=250, deadline=None)
@given(funding=legs(), purchases=legs(), rule=st.sampled_from(RULES), days=st.integers(0, 4))
def test_shares_hold_whatever_the_days_and_amounts_were(
    funding: list[Leg], purchases: list[Leg], rule: TimeRule, days: int
) -> None:
    """Of the values where the leg isn't 0; a leg that can only be 0 has no share."""
    found = shares(funding, purchases, rule, days)
    for share, side in zip(found, (0, 1), strict=True):
        tried = [
            obviously(one, other, rule, days) / whole
            for one in choices(funding)
            for other in choices(purchases)
            if (whole := sum((amount for _, amount in (one, other)[side]), Fraction(0)))
        ]
        if share is None:
            assert not tried
            continue
        assert share.high is not None
        assert Fraction(share.low) <= min(tried) + Fraction(1, 10**60)
        assert max(tried) <= Fraction(share.high) + Fraction(1, 10**60)
        if rule != "window":
            assert abs(Fraction(share.low) - min(tried)) < Fraction(1, 10**60)


@settings(max_examples=200, deadline=None)
@given(
    funding=legs(most=2, exact_days=True, sure=True),
    purchases=legs(most=2, exact_days=True, sure=True),
    rule=st.sampled_from(RULES),
    days=st.integers(0, 4),
)
def test_shares_are_reached_by_amounts_between_the_bounds(
    funding: list[Leg], purchases: list[Leg], rule: TimeRule, days: int
) -> None:
    """Among whole and half amounts some come to the largest share, as the bounds are whole amounts."""
    found = shares(funding, purchases, rule, days)

    def halves(side: list[Leg]) -> list[list[tuple[int, Fraction]]]:
        each = [
            [
                (one.first_day.toordinal(), Fraction(step, 2))
                for step in range(int(2 * one.amount.low), int(2 * (one.amount.high or 0)) + 1)
            ]
            for one in side
        ]
        return [list(choice) for choice in product(*each)]

    for share, side in zip(found, (0, 1), strict=True):
        tried = [
            obviously(one, other, rule, days) / whole
            for one in halves(funding)
            for other in halves(purchases)
            if (whole := sum((amount for _, amount in (one, other)[side]), Fraction(0)))
        ]
        if share is None:
            assert not tried
            continue
        assert abs(Fraction(share.high or 0) - max(tried)) < Fraction(1, 10**60)
        assert abs(Fraction(share.low) - min(tried)) < Fraction(1, 10**60)


# --- credit -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("rule", RULES)
@pytest.mark.parametrize(
    "amount", [between("95", "100", "105"), between("0", "100", "100"), between("0", None, None), exactly(Decimal(30))]
)
def test_credit_comes_back_whole_whatever_its_day_and_amount(rule: TimeRule, amount: Bounds) -> None:
    credit = [leg(0, amount, last=364)]
    trip = round_trip([], [], rule, 30, credit=credit)
    assert trip == between(
        str(amount.low), str(amount.stated_or_low), None if amount.high is None else str(amount.high)
    )
    stated = None if amount.stated is None else Decimal(1)
    assert shares([], [], rule, 30, credit=credit) == (Bounds(Decimal(1), stated, Decimal(1)),) * 2


def test_credit_beside_other_flows() -> None:
    """Cash of 10 and credit of 0 to 10, 5 bought in between: none of the 5 is paid by the credit, which comes later."""
    funding, purchases, credit = [leg(0, "10")], [leg(40, "5")], [leg(50, between("0", "10", "10"), last=60)]
    for rule in ("untimed", "strict"):
        assert round_trip(funding, purchases, rule, credit=credit) == between("5", "15", "15")
        of_funding, of_purchases = shares(funding, purchases, rule, credit=credit)
        assert of_funding == between("0.5", "0.75", "0.75")
        assert of_purchases == exactly(Decimal(1))
    # Within 20 days of the purchase there is no other flow but the credit, and only if there is any.
    assert round_trip(funding, purchases, "window", 20, credit=credit) == between("0", "10", "10")
    assert round_trip([leg(45, "3")], purchases, "window", 20, credit=credit) == between("3", "13", "13")


@settings(max_examples=250, deadline=None)
@given(
    funding=legs(),
    purchases=legs(),
    credit=legs(),
    rule=st.sampled_from(RULES),
    days=st.integers(0, 4),
)
def test_credit_is_one_amount_on_one_day(
    funding: list[Leg], purchases: list[Leg], credit: list[Leg], rule: TimeRule, days: int
) -> None:
    """Whatever it turns out to be: round trip and shares hold, and but for windows they are reached."""
    ways = [
        (one + both, other + both)
        for one in choices(funding)
        for other in choices(purchases)
        for both in choices(credit)
    ]
    trips = [obviously(*way, rule, days) for way in ways]
    found = round_trip(funding, purchases, rule, days, credit=credit)
    assert found.high is not None
    assert Fraction(found.low) <= min(trips)
    assert max(trips) <= Fraction(found.high)
    if rule != "window":
        assert (Fraction(found.low), Fraction(found.high)) == (min(trips), max(trips))
    near = Fraction(1, 10**60)
    for side, share in enumerate(shares(funding, purchases, rule, days, credit=credit)):
        legs_and_trips = zip(
            (sum((amount for _, amount in way[side]), Fraction(0)) for way in ways), trips, strict=True
        )
        tried = [trip / whole for whole, trip in legs_and_trips if whole]
        if share is None:
            assert not tried
            continue
        assert share.high is not None
        assert Fraction(share.low) <= min(tried) + near
        assert max(tried) <= Fraction(share.high) + near
        if rule != "window":
            assert abs(Fraction(share.low) - min(tried)) < near


@settings(max_examples=100, deadline=None)
@given(funding=legs(most=4), purchases=legs(most=4), rule=st.sampled_from(RULES), more=legs(most=2))
def test_more_funding_never_makes_a_smaller_round_trip(
    funding: list[Leg], purchases: list[Leg], rule: TimeRule, more: list[Leg]
) -> None:
    before, after = round_trip(funding, purchases, rule, 2), round_trip([*funding, *more], purchases, rule, 2)
    for at in ("low", "stated", "high"):
        assert getattr(before, at) <= getattr(after, at)
    assert round_trip(funding[::-1], purchases[::-1], rule, 2) == before
