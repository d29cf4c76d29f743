"""A service with the example ledger, and one with a stream of all that is hard; neither is written to."""

from __future__ import annotations

import json
from collections.abc import Iterator

import httpx
import pytest

import ledger.example
from tests.api.world import event, given, post_lines, usd
from tests.choices import Choices, Seeded
from tests.service import fresh_service
from tests.streams import Builder

EVENTS = 150
MOST = "999999999999999999.123456789012"
# Figures with as many digits as there may be, and a product of two of them; and proceeds in two currencies.
LONG = (
    event(
        "investment.made", investor="somebody", issuer="atlantis", instrument="warrant", amount=usd(MOST), units=MOST
    ),
    event("valuation.recorded", subject="atlantis", basis="secondary", value=usd("1"), price=usd(MOST)),
    event(
        "investment.sold", holder="somebody", issuer="atlantis", instrument="warrant", proceeds=usd("2"), fraction="0"
    ),
    event(
        "investment.sold",
        holder="somebody",
        issuer="atlantis",
        instrument="warrant",
        proceeds={"currency": "EUR", "amount": "7", "qualifier": "about"},
        fraction="0",
    ),
    event("rate.published", base="EUR", quote="USD", rate="1.1"),
)


def stream(client: httpx.Client, choices: Choices, count: int = EVENTS) -> None:
    """Post the events of a stream, as many as are taken of so many."""
    builder = Builder(choices)
    post_lines(client, *builder.registrations())
    for _ in range(count):
        if client.post("/v1/events", json=builder.event()).is_error:
            builder.refused()


@pytest.fixture(scope="session")
def example() -> Iterator[httpx.Client]:
    with fresh_service() as client:
        post_lines(client, *map(json.dumps, ledger.example.events()))
        yield client


@pytest.fixture(scope="session")
def hard() -> Iterator[httpx.Client]:
    with fresh_service() as client:
        stream(client, Seeded(1))
        given(client, *LONG)
        yield client
