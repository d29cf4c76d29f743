"""A layer that is taken from day to day is that of each day by itself."""

from __future__ import annotations

import tempfile
import threading
from dataclasses import replace
from datetime import date
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from projections import layers
from projections.database import ReadModel
from projections.doubles import Doubles
from projections.drafts import Layer
from projections.flow_rates import NO_UNITS
from projections.running import Running
from projections.visibility import Point
from tests.facts import (
    Fact,
    change,
    close,
    commit,
    correct,
    draw,
    end_contract,
    entity,
    entity_changed,
    eur,
    fact,
    guarantee,
    ident,
    invest,
    pay,
    rate,
    sign,
    usd,
)
from tests.projections.conftest import Books
from tests.projections.graphs import LAYERS, assert_as_day_by_day
from tests.projections.test_writing import random_log

EXTRAS = frozenset({"secondary", "debt_service", "guarantees", "equity_to_customers"})
DAYS = [date(year, month, 28) for year in (2021, 2022, 2023) for month in range(2, 13, 2)]

CHANGES: dict[str, list[Fact]] = {
    "new flows, and more of an old one": [
        invest("acme", "beta", usd("5"), on="2022-03-31"),
        invest("acme", "beta", usd("6"), on="2022-05-31"),
        invest("beta", "acme", usd("6"), on="2022-05-31"),
    ],
    "a commitment that is changed, drawn and closed": [
        commit("pledge", "acme", "beta", usd("100"), on="2021-02-01"),
        draw("pledge", usd("7"), on="2021-08-01"),
        change("pledge", amount=usd("50"), on="2021-09-01"),
        draw("pledge", usd("9"), on="2022-01-01"),
        close("pledge", "cancelled", on="2022-06-01"),
    ],
    "a contract that is paid and ended": [
        sign("deal", "beta", "acme", usd("100"), on="2021-02-01"),
        pay("deal", usd("20"), on="2021-08-01"),
        end_contract("deal", on="2022-06-01"),
    ],
    "coarse days and bounds": [
        invest("acme", "beta", usd("5"), on="2022"),
        invest("acme", "beta", usd(None, "undisclosed"), on="2021-Q3"),
        sign("deal", "beta", "acme", usd("9", "up_to"), on="2021-05"),
    ],
    "another parent, and a child on its own": [
        entity("gamma"),
        invest("acme", "beta", usd("5"), on="2021-01-01"),
        invest("beta", "gamma", usd("3"), on="2021-01-01"),
        entity_changed("beta", parent="gamma", on="2021-08-01"),
        fact("entity.changed", "2022-02-01", {"entity": "gamma", "parent": "acme"}),
        fact("entity.changed", "2022-08-01", {"entity": "beta", "parent": None}),
    ],
    "somebody who is named later": [
        entity("someone", "undisclosed"),
        entity("child", parent="someone"),
        invest("child", "acme", usd("3"), on="2021-01-01"),
        invest("someone", "beta", usd("5"), on="2021-01-01"),
        invest("beta", "someone", usd("5"), on="2021-02-01"),
        fact("entity.changed", "2022-02-01", {"entity": "someone", "kind": "company"}),
        invest("someone", "acme", usd("2"), on="2022-06-01"),
    ],
    "what is tied to others from some day on": [
        invest("acme", "beta", usd("10"), on="2021-03-01", id=ident(501)),
        sign("deal", "beta", "acme", usd("7"), on="2021-03-01", id=ident(502)),
        invest("acme", "gamma", usd("8"), on="2022-03-01", part_of=ident(501)),
        guarantee("promise", "acme", "beta", "gamma", usd("4"), on="2022-06-01"),
        invest("acme", "beta", usd("4"), on="2022-09-01", form="stock", linked=[ident(502)]),
    ],
    "a party that is met in what is tied alone": [
        invest("acme", "beta", usd("5"), on="2021-03-01", cash_to="holders", seller="zeta"),
        entity_changed("beta", on="2021-09-01", parent="gamma"),
        invest("acme", "gamma", usd("6"), on="2022-05-01", cash_to="holders", seller="eta"),
    ],
    "what is drawn otherwise than it was promised": [
        commit("pledge", "acme", "beta", usd("100"), on="2021-02-01", form="cash"),
        invest("acme", "beta", usd("7"), on="2021-08-01", commitment="pledge", form="cash"),
        invest("acme", "beta", usd("9"), on="2022-03-01", commitment="pledge", form="cloud_credit"),
    ],
    "rates that come, and one that is missing": [
        invest("acme", "beta", eur("5"), on="2021"),
        invest("beta", "acme", eur("4"), on="2022-02-01"),
        invest("beta", "acme", {"currency": "CHF", "amount": "4"}, on="2022-04-01"),
        rate("EUR", "USD", "1.1", on="2021-05-01"),
        rate("EUR", "USD", "1.25", on="2021-11-01"),
        rate("CHF", "USD", "1.07", on="2022-08-01"),
    ],
    "a fact that is corrected to another day": [
        invest("acme", "beta", usd("5"), on="2021-03-01", id=ident(511)),
        correct(ident(511), invest("acme", "beta", usd("6"), on="2022-03-01"), known="2023-01-01"),
    ],
}


@pytest.mark.parametrize("layer", LAYERS)
@pytest.mark.parametrize("facts", CHANGES.values(), ids=CHANGES)
def test_whatever_changes_from_day_to_day(books: Books, facts: list[Fact], layer: Layer) -> None:
    books.given(*facts)
    reading = layers.read(books.model, books.at("2023-12-28", currency="USD"))
    for include in (frozenset[str](), EXTRAS):
        assert assert_as_day_by_day(reading, DAYS, layer, include)


def test_quotients_and_doubles_are_added_up_day_by_day(books: Books) -> None:
    books.given(invest("acme", "beta", eur("5"), on="2021-06-01"), rate("USD", "EUR", "0.9", on="2021-01-01"))
    at = books.at(currency="USD")
    assert Running.of(layers.read(books.model, at), "paid", frozenset()) is None
    assert Running.of(layers.read(books.model, replace(at, currency="EUR")), "paid", frozenset()) is not None
    [first] = books.given(invest("acme", "gamma", eur("5"), on="2021-06-01"))
    books.given(invest("acme", "gamma", eur("5"), on="2021-07-01", same_as=first))
    assert Running.of(layers.read(books.model, books.at(currency="EUR")), "paid", frozenset()) is None


@settings(max_examples=4)
@given(seed=st.integers(0, 10**6), layer=st.sampled_from(LAYERS), all_extras=st.booleans())
def test_any_log(seed: int, layer: Layer, all_extras: bool) -> None:
    compare(seed, layer, EXTRAS if all_extras else frozenset())


def compare(seed: int, layer: Layer, include: frozenset[str]) -> int:
    log = random_log(seed)
    with tempfile.TemporaryDirectory() as folder:
        model = ReadModel(Path(folder))
        model.prepare(log.store)
        model.follow(log.store, 1_000, threading.Event())
        found = 0
        for currency in ("USD", "EUR"):
            at = Point(date(2025, 12, 31), date(2025, 12, 31), log.head(), currency)
            reading = layers.read(model, at)
            # What has to be added up day by day is left out.
            rates, rows = reading.rates, reading.rows
            whole = rates.units != NO_UNITS
            rates = replace(rates, currency=rates.currency[whole], day=rates.day[whole], units=rates.units[whole])
            small = np.maximum(rows.low, rows.high) < 10**15
            reading = replace(reading, rates=rates, rows=rows[small], repeated=Doubles({}, {}))
            found += assert_as_day_by_day(reading, DAYS[::3], layer, include)
        model.close()
    return found


def test_the_logs_of_this_test_are_compared() -> None:
    """The control: most logs can be taken from day to day."""
    assert sum(compare(seed, "contracted", frozenset()) > 0 for seed in range(4)) >= 2
