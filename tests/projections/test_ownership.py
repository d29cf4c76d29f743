"""Ownership against linear algebra: integrated stakes, look-through values and the factor of any stakes at all."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from projections.ownership import ownership
from tests.facts import Fact, entity, mark, observe, usd
from tests.projections.conftest import Books

PARTIES = ("a", "b", "c", "d")
CLOSE = 1e-9

several = settings(
    max_examples=30, deadline=None, derandomize=True, database=None, suppress_health_check=[HealthCheck.too_slow]
)


@st.composite
def matrices(draw: st.DrawFn) -> list[list[int]]:
    """Shares in per cent, at most 90 of each issuer, so that nothing goes round for ever; nobody holds itself."""
    size = len(PARTIES)
    shares = [[0] * size for _ in range(size)]
    for issuer in range(size):
        left = 90
        for holder in range(size):
            if holder != issuer:
                shares[holder][issuer] = draw(st.one_of(st.just(0), st.integers(0, left)))
                left -= shares[holder][issuer]
    return shares


def answer(*facts: Fact) -> dict[str, Any]:
    with TemporaryDirectory() as folder:
        books = Books(Path(folder))
        books.given(*(entity(party) for party in PARTIES), *facts)
        found = ownership(books.model, books.at(currency="USD"), basis="economic", entity=None, limit=1000)
        books.model.close()
    return found


def observed(shares: list[list[int]], **more: Any) -> list[Fact]:
    return [
        observe(holder, issuer, stake={"share": str(Decimal(shares[row][column]) / 100), **more})
        for row, holder in enumerate(PARTIES)
        for column, issuer in enumerate(PARTIES)
        if shares[row][column]
    ]


def integrated(found: dict[str, Any], bound: str) -> np.ndarray:
    matrix = np.zeros((len(PARTIES), len(PARTIES)))
    for row in found["stakes"]:
        matrix[PARTIES.index(row["holder"]), PARTIES.index(row["issuer"])] = float(row["integrated"][bound])
    return matrix


@several
@given(shares=matrices(), marks=st.lists(st.integers(0, 500), min_size=4, max_size=4))
def test_figures_are_those_of_linear_algebra(shares: list[list[int]], marks: list[int]) -> None:
    """A (I - A)⁻¹; p from the marks; Ĉ (I - A)⁻¹ p; the sum of what each is worth over the sum of p."""
    worth = [mark(party, usd(str(value)), "market_cap") for party, value in zip(PARTIES, marks, strict=True)]
    found = answer(*observed(shares), *worth)
    held = np.array(shares) / 100
    inverse = np.linalg.inv(np.eye(len(PARTIES)) - held)
    assert np.allclose(integrated(found, "stated"), held @ inverse, atol=CLOSE)
    assert np.array_equal(integrated(found, "low"), integrated(found, "high"))
    own = np.maximum(0, np.array(marks) - held @ np.array(marks))
    reaching = (1 - held.sum(axis=0)) * (inverse @ own)
    for row in found["values"]:
        place = PARTIES.index(row["entity"])
        assert abs(float(row["own_assets"]["stated"]) - own[place]) < CLOSE * 1000
        assert abs(float(row["look_through"]["stated"]) - reaching[place]) < CLOSE * 1000
    inside = [PARTIES.index(row["entity"]) for row in found["values"]]
    if own[inside].sum() > 0:
        factor = (inverse @ own)[inside].sum() / own[inside].sum()
        assert abs(float(found["double_count_factor"]) - factor) < CLOSE * 1000
    else:
        assert found["double_count_factor"] is None


@several
@given(shares=matrices(), by=st.lists(st.floats(0.951, 1.049), min_size=16, max_size=16))
def test_bounds_hold_whatever_the_stakes_are_in_theirs(shares: list[list[int]], by: list[float]) -> None:
    """Each stake is about what is said, 5 per cent up or down."""
    found = answer(*observed(shares, qualifier="about"))
    held = np.array(shares) / 100 * np.array(by).reshape(4, 4)
    if (held.sum(axis=0) > 1).any():
        return
    exact = held @ np.linalg.inv(np.eye(len(PARTIES)) - held)
    assert (integrated(found, "low") <= exact + CLOSE).all()
    assert (exact <= integrated(found, "high") + CLOSE).all()
