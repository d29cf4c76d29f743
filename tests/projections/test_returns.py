"""Rates of return: every one, beside another library's and the oracle's, and the reasons why there is none."""

from __future__ import annotations

from datetime import date, timedelta
from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from pyxirr import xirr

from projections.returns import Returns, returns
from tests.oracle.performance import _rates

START = date(2015, 1, 1)
Flows = list[tuple[int, int]]

DATED = st.lists(st.tuples(st.integers(0, 3_000), st.integers(-1_000, 1_000)), min_size=0, max_size=12)


def found(flows: Flows) -> Returns:
    """Flows are days after the start, and amounts."""
    return returns((START + timedelta(days=days), Decimal(amount)) for days, amount in flows)


@settings(max_examples=200, deadline=None, derandomize=True, database=None)
@given(flows=DATED)
@example(flows=[(0, -100), (365, 230), (730, -132)])
@example(flows=[(0, -1000), (365, 3600), (730, -4310), (1095, 1716)])  # 10 %, 20 % and 30 %
@example(flows=[(0, -100), (365, 220), (730, -121)])  # it only touches zero, at 10 %
@example(flows=[(0, 1), (365, -4), (730, 6), (1095, -4), (1460, 1)])  # touches it four times over, at 0 %
@example(flows=[(0, -1), (1, 1_000), (2_000, -1)])
@example(flows=[(27, -44), (34, 253), (127, 1)])  # a rate of 71 thousand million
def test_every_rate_is_found(flows: Flows) -> None:
    """The same as by Rolle's theorem, level by level."""
    got = found(flows)
    dated = [(START + timedelta(days=days), "", Fraction(amount), [""]) for days, amount in flows]
    rates, annualised, reason = _rates(dated)  # type: ignore[arg-type]  # no amount is missing here
    assert [Decimal(rate) for rate in rates] == list(got.rates)
    assert (got.annualised, got.reason) == (annualised, reason)


@settings(max_examples=300, deadline=None, derandomize=True, database=None)
@given(
    paid=st.lists(st.tuples(st.integers(0, 1_500), st.integers(1, 1_000)), min_size=1, max_size=20),
    received=st.lists(st.tuples(st.integers(1_501, 4_000), st.integers(1, 1_000)), min_size=1, max_size=20),
)
def test_one_change_of_sign_has_the_rate_that_others_find(paid: Flows, received: Flows) -> None:
    flows = [(days, -amount) for days, amount in paid] + received
    got = found(flows)
    theirs = xirr([START + timedelta(days=days) for days, _ in flows], [float(amount) for _, amount in flows])
    if got.only is None:
        assert got.reason == "out_of_range"
    elif theirs is not None and got.annualised:
        assert float(got.only) == pytest.approx(theirs, rel=1e-7, abs=1e-7)


def test_a_thousand_flows_that_turn_all_the_time() -> None:
    """A rate is found among them, and both where there are two."""
    assert found([(day, -1_000 if day % 2 else 1_001) for day in range(1, 1_001)]).rates == (Decimal("0.440251313430"),)
    assert len(found([(3 * day, -1_000 if day % 2 else 1_100) for day in range(1, 1_000)]).rates) == 2


def test_a_search_that_takes_too_long_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    """And says so; one change of sign needs no search."""
    monkeypatch.setattr("projections.returns._MOST_WORK", 5)
    assert found([(0, -100), (365, 230), (730, -132)]).reason == "too_many_sign_changes"
    assert found([(0, -100), (365, 230)]).rates == (Decimal("1.3"),)


def test_a_rate_between_two_answers_goes_to_the_even_one() -> None:
    """Though it is found by halving, and so never quite itself."""
    flows = [(START, Decimal("-1")), (START + timedelta(days=365), Decimal("0.0003086419725"))]
    assert returns(flows).rates == (Decimal("-0.999691358028"),)
