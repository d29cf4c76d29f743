"""Figures as a terminal shows them."""

from __future__ import annotations

from typing import Any

import pytest

from api.cli.tables import figure, short


@pytest.mark.parametrize(
    ("number", "shown"),
    [("0", "0"), ("90", "90"), ("1000", "1k"), ("12345", "12.34k"), ("4000000000", "4B"), ("0.50", "0.5")],
)
def test_numbers_have_four_digits_and_a_unit(number: str, shown: str) -> None:
    assert short(number) == shown


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        ({"currency": "USD", "low": "4000000000", "stated": "4000000000", "high": "4000000000"}, "4B USD"),
        ({"currency": "USD", "low": "3000000000", "stated": None, "high": "4000000000"}, "3B–4B USD"),
        ({"currency": "USD", "low": "0", "stated": "4", "high": None}, "4 USD (0–?)"),
        ({"currency": None, "low": "0", "stated": None, "high": None}, "0–?"),
        ({"basis": "economic", "low": "0.9", "stated": "0.9", "high": "0.9"}, "90%"),
        ({"basis": "voting", "low": "0", "stated": None, "high": "1"}, "0%–100% voting"),
        ([{"currency": "JPY", "low": "1", "stated": "1", "high": "1"}], "1 JPY"),
        (None, "–"),
        (True, "yes"),
        ({"start": "2023", "end": None}, "start 2023"),
    ],
)
def test_figures_show_what_is_not_exact(value: Any, shown: str) -> None:
    assert figure(value) == shown
