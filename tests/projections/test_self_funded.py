"""Self-funded revenue by the three rules: worked numbers, closed forms, and every way to spend a dollar beside them."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, timedelta
from decimal import Decimal
from fractions import Fraction

from hypothesis import given, settings
from hypothesis import strategies as st

from ledger.money import plain
from projections.self_funded import SelfFunded, self_funded

START = date(2024, 1, 1)
# Day, funder or vendor, amount.
Flow = tuple[int, str, str]


def of(funding: list[Flow], payments: list[Flow]) -> dict[str, SelfFunded]:
    def dated(flows: list[Flow]) -> list[tuple[date, str, Decimal]]:
        return [(START + timedelta(day), party, Decimal(amount)) for day, party, amount in flows]

    return self_funded(dated(funding), dated(payments))


def told(found: SelfFunded) -> tuple[str, str, str]:
    return plain(found.lower), plain(found.pro_rata), plain(found.upper)


def test_the_worked_pool() -> None:
    """Google 2, Amazon 4, others 1; Google is paid 3, AWS 4."""
    found = of([(0, "google", "2"), (0, "amazon", "4"), (0, "others", "1")], [(1, "google", "3"), (1, "amazon", "4")])
    assert told(found["google"]) == ("0", "0.857142857143", "2")
    assert told(found["amazon"]) == ("1", "2.285714285714", "4")
    assert set(found) == {"amazon", "google"}


def test_spending_beyond_the_pool_is_untagged() -> None:
    """Of 10 spent only 4 came from the pool: of 6 paid to the funder of all 4 at least 0, evenly 2.4."""
    found = of([(0, "a", "4")], [(1, "a", "6"), (1, "b", "4")])
    assert told(found["a"]) == ("0", "2.4", "4")


def test_a_vendor_that_is_paid_before_it_funds_was_not_paid_its_own() -> None:
    assert told(of([(2, "a", "4")], [(1, "a", "3")])["a"]) == ("0", "0", "0")


def test_funding_comes_first_on_its_day() -> None:
    assert told(of([(1, "a", "4")], [(1, "a", "3")])["a"]) == ("3", "3", "3")


def test_what_was_spent_is_gone_when_the_vendor_is_paid() -> None:
    """Others are paid all of the vendor's 4 before somebody else funds: its own payment comes from there."""
    found = of([(0, "a", "4"), (2, "x", "5")], [(1, "b", "4"), (3, "a", "5")])
    assert told(found["a"]) == ("0", "0", "0")


def test_what_was_not_spent_stays_with_its_tag() -> None:
    """Of 8, half the vendor's, 4 go to others, which may be any of them; then 4 more come in, and all is paid to it."""
    found = of([(0, "a", "4"), (0, "x", "4"), (2, "x", "4")], [(1, "b", "4"), (3, "a", "8")])
    assert told(found["a"]) == ("0", "2", "4")


def test_only_those_that_fund_and_are_paid_are_told() -> None:
    assert of([(0, "a", "4")], [(1, "b", "4")]) == {}
    assert of([], []) == {}


# --- always -----------------------------------------------------------------------------------------------------

AMOUNT = st.one_of(
    st.integers(0, 9).map(str), st.sampled_from(["999999999999999999.999999999999", "0.000000000001", "0.1"])
)


def flows(first: int = 0, last: int = 5, amount: st.SearchStrategy[str] = AMOUNT) -> st.SearchStrategy[list[Flow]]:
    return st.lists(st.tuples(st.integers(first, last), st.sampled_from("abc"), amount), max_size=6)


def paid(some: list[Flow], party: str = "") -> Fraction:
    return sum((Fraction(amount) for _, other, amount in some if party in ("", other)), Fraction(0))


@settings(max_examples=200, deadline=None)
@given(funding=flows(0, 2), payments=flows(2, 5))
def test_the_closed_forms_hold_when_funding_precedes_spending(funding: list[Flow], payments: list[Flow]) -> None:
    pool, spent = paid(funding), paid(payments)
    beyond = max(Fraction(0), spent - pool)
    for vendor, found in of(funding, payments).items():
        tag, payment = paid(funding, vendor), paid(payments, vendor)
        assert Fraction(found.upper) == min(tag, payment)
        assert Fraction(found.lower) == max(0, payment - (pool - tag) - beyond)
        evenly = Fraction(payment * tag) / (max(pool, spent) or 1)
        assert abs(Fraction(found.pro_rata) - evenly) <= Fraction(1, 10**40)


def ways(steps: list[tuple[int, int, int, int]], own: int = 0, others: int = 0) -> Iterator[int]:
    """What the vendor may get of its own, for every way to spend whole dollars that come and go in steps."""
    if not steps:
        yield 0
        return
    own_in, others_in, to_vendor, to_others = steps[0]
    own, others = own + own_in, others + others_in
    for own_to_vendor in range(min(own, to_vendor) + 1):
        for own_to_others in range(min(own - own_to_vendor, to_others) + 1):
            rest = to_vendor + to_others - own_to_vendor - own_to_others
            left = own - own_to_vendor - own_to_others
            # Beyond the pool is only what the pool doesn't have.
            if rest > others and left:
                continue
            for later in ways(steps[1:], left, max(0, others - rest)):
                yield own_to_vendor + later


@settings(max_examples=200, deadline=None)
@given(steps=st.lists(st.tuples(*[st.integers(0, 3)] * 4), min_size=1, max_size=3))
def test_they_are_the_least_and_the_most_of_all_ways_to_spend(steps: list[tuple[int, int, int, int]]) -> None:
    """And the even way is between them."""
    # Stretches of time are told apart by something coming in.
    steps = [(own_in, others_in + 1, to_vendor, to_others + 1) for own_in, others_in, to_vendor, to_others in steps]
    funding, payments = [(0, "v", "0")], [(9, "v", "0")]
    for day, (own_in, others_in, to_vendor, to_others) in enumerate(steps):
        funding += [(2 * day, "v", str(own_in)), (2 * day, "x", str(others_in))]
        payments += [(2 * day + 1, "v", str(to_vendor)), (2 * day + 1, "y", str(to_others))]
    found = of(funding, payments)["v"]
    every = list(ways(steps))
    assert (int(found.lower), int(found.upper)) == (min(every), max(every))
    assert found.lower <= found.pro_rata <= found.upper


@settings(max_examples=150, deadline=None)
@given(funding=flows(), payments=flows(), random=st.randoms(use_true_random=False))
def test_the_rules_are_in_order_and_the_order_of_flows_is_none(
    funding: list[Flow], payments: list[Flow], random
) -> None:
    found = of(funding, payments)
    slack = Fraction(1, 10**39)
    for vendor, rules in found.items():
        assert 0 <= Fraction(rules.lower) <= Fraction(rules.pro_rata) + slack
        assert Fraction(rules.pro_rata) <= Fraction(rules.upper) + slack
        assert Fraction(rules.upper) <= paid(payments, vendor)
    assert of(random.sample(funding, len(funding)), random.sample(payments, len(payments))) == found


def test_many_stretches_stay_right_to_twelve_places() -> None:
    """Half of the pool is the vendor's own, whatever was spent before."""
    count = 400
    funding = [(2 * step, party, "1") for step in range(count) for party in ("v", "x")]
    payments = [(2 * step + 1, party, "0.3") for step in range(count) for party in ("v", "y")]
    found = of(funding, payments)["v"]
    assert plain(found.pro_rata) == plain(Decimal("0.15") * count)
